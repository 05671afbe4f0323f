// The sources of NetCons as a device engine tests them, and what keeps steps from running in windows.
#pragma once

#include "api.hpp"

#include <cstdint>
#include <map>
#include <vector>

#include "device_watch.hpp"
#include "freeze.hpp"

struct PreSyn;

namespace heliox {

// Sources with a threshold, in the order in which NEURON tests them.
struct DeviceSources {
    std::vector<PreSyn*> source;
    std::vector<uint64_t> address; // of the tested variable, usually a v
    std::vector<double> threshold; // mV
    std::vector<double> delay; // ms, the least of the source's active NetCons; infinite without one
    std::vector<char> flag;    // above threshold at the last test
    std::map<int, double> point_delay; // ms, by type: the same for net_event of point processes
    std::vector<DeviceWatch> watches;  // active WATCH conditions, in the order of NEURON's tests
};

// Reads NEURON's sources. Their indices are good until the interpreter runs.
HELIOX_API DeviceSources const& device_sources();

// Why windows are not possible for this model: one entry a reason.
HELIOX_API std::vector<StepRefusal> device_obstacles();

// The threshold test at the start of a step, whose outcome the device knows: sends for `sources`, sets all flags
// (null: sets those of `sources`).
HELIOX_API void device_spikes(int const* sources, size_t n, bool const* flags);

// Whether a number is the weight of a NetCon.
HELIOX_API bool device_is_weight(double const* number);

void set_device_flags(bool const* flags);

// What device_sources() read. std::runtime_error when the interpreter has run since: NEURON may have deleted some.
HELIOX_API DeviceSources const& device_sources_read();
void forget_device_sources();

} // namespace heliox
