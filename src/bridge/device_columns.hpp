// NEURON's columns and the copies of them that a device engine keeps.
#pragma once

#include "api.hpp"

#include <vector>

namespace heliox {

struct DeviceColumn {
    double* host; // [n] NEURON's
    double* copy; // [n] the engine's
    long n;
};

// Copies every column that is not the same, bit by bit, as its copy. Which those are, ascending. Large models are
// shared out to threads.
HELIOX_API std::vector<int> device_take_over(std::vector<DeviceColumn> const& columns);

// Writes the copies into NEURON's columns.
HELIOX_API void device_give_back(std::vector<DeviceColumn> const& columns);

} // namespace heliox
