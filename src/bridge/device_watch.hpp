// WATCH conditions and the events that point processes send to themselves, as NEURON keeps them.
#pragma once

#include "api.hpp"

#include <vector>

#include "neuron_model.hpp"

namespace heliox {

// An active WATCH: `number` counts the conditions of the MOD file from 0.
struct DeviceWatch {
    int type, instance, number;
    bool above;  // the last test found the condition true
    double flag; // of the event it leads to
};

// All of them, in the order in which NEURON tests them. Throws std::runtime_error on an unknown layout.
std::vector<DeviceWatch> device_watches();

// Activates conditions one after another; the first of an instance deactivates its others. NEURON's columns must
// be current: the conditions are evaluated, and `above` is set afterwards.
HELIOX_API void device_activate(std::vector<DeviceWatch> const& watches);

// Sets `above` of conditions that are active.
HELIOX_API void device_set_above(std::vector<DeviceWatch> const& watches);

// Instance of a type of thread 0.
Point_process* device_point(int type, int instance);

// Where a type keeps the pending event that net_move moves, as a place in dparam; -1: it sends none.
int self_event_place(int type);

} // namespace heliox
