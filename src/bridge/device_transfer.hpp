// ParallelContext.source_var and target_var as a device engine needs them: which variable goes where.
#pragma once

#include "api.hpp"

#include <cstdint>
#include <vector>

namespace heliox {

// Addresses of doubles: source[k] is copied to target[k] after each update of v.
struct DeviceTransfer {
    std::vector<uint64_t> target, source;
};

// Found by letting NEURON copy numbers that occur once: v and the columns of all mechanisms are put back. Empty
// without a transfer. NEURON's error when setup_transfer() is missing.
HELIOX_API DeviceTransfer device_transfer();

} // namespace heliox
