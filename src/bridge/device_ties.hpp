// Who runs what an event of NEURON's queue leads to, and whether the order of equal times can be known afterwards.
#pragma once

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
// A Vector plays into the device's variables, or looks at one that NET_RECEIVE may change.
bool touches_device(void* event);
// It is done when all other events of its time are.
bool comes_last(void* event);

// NET_RECEIVE assigns v. For touches_device().
void set_v_is_assigned(bool assigned);

// Up to `end` [ms] there are events of one time whose order the host must know when it delivers them: two of
// cell_on_host(), or one of a Vector and another one.
bool order_matters_until(TQueue& queue, double end);

} // namespace heliox
