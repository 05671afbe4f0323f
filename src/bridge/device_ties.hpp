// Who runs what an event of NEURON's queue leads to, and whether the order of equal times can be known afterwards.
#pragma once

#include <vector>

#include "api.hpp"
#include "device_decl.hpp"

namespace heliox {

template <class View>
View& view_of(void* object) {
    return *static_cast<View*>(object);
}

// Time of the first event that only NEURON can deliver, infinite without one [ms].
double host_event_time(TQueue& queue);
// The queue is looked through anew.
void forget_host_events();
bool host_events_known();

// The artificial cell that gets it, null where none does. The order of two events of one time shows on the host only
// if both get the same answer: cells of unknown types, and those that draw random numbers, have one in common.
void const* cell_on_host(void* event);
// A Vector plays into what NET_RECEIVE may read, or looks at what it may change.
bool touches_device(void* event);
// The same of a point process that sends events to itself.
bool touches_sender(void* event);
// It is done when all other events of its time are.
bool comes_last(void* event);

// For touches_device(): the types that have a NET_RECEIVE, those of them that send events to themselves, and whether
// some assign what is no column of theirs.
HELIOX_API void set_receivers(std::vector<int> const& types, std::vector<int> const& senders,
                              bool assign_more);

// What the events up to a time mean for the window: `host`: some have one time, and the host must know their
// order when it delivers them (two of one cell_on_host(), or one of a Vector and another one). `alone`: a Vector
// touches a point process that sends events to itself. One of these may have its time, and is in NEURON's queue if it was
// sent in a window before.
enum class StepTies { none, alone, host };
StepTies ties_until(TQueue& queue, double end); // ms

} // namespace heliox
