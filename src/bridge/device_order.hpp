// A window of steps once more, in NEURON's order, when the device has done it.
//
// What NEURON's functions did in the window was written down with each delivery; the device tells which of its runs of
// NET_RECEIVE led to what. Both are done in QueueOrder at the places where NEURON would have done them. The events that
// one instance gets must come in that order: where the device delivered two of one time the other way round, order()
// says which comes first, and the device does the window again.
#pragma once

#include "api.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "device_queue_watch.hpp"

struct PreSyn;

namespace heliox {

struct DeviceWindow;

// What one run of NET_RECEIVE did, in the order of its block. own: numbers of events of the device's own, the same
// whenever the device does a window again.
struct DeviceLog {
    enum class Op : int { send, net_event, move, drop, activate };
    enum class Moved : int { own, row, pending };
    std::vector<int> op;
    std::vector<int64_t> key; // of the entry: a sent or moved event has it as its number
    std::vector<int>
        event; // the window's event whose delivery ran it, -1: one of the device's own,
    std::vector<int64_t> own; // which
    std::vector<double> time; // ms: send, net_event, move
    std::vector<int> mechanism, instance;
    std::vector<int> moved;    // move: Moved
    std::vector<int64_t> what; // move: number, index of the event or the pending one; drop: number;
                               // activate: the condition
};

// Deliveries to instances, in the device's order at each.
struct DeviceDelivered {
    std::vector<int64_t> target; // (mechanism + 1) * 2**32 + instance
    std::vector<int> event;      // the window's, -1: one of the device's own,
    std::vector<int64_t> own;    // which
};

// WATCH conditions that came true.
struct DeviceFired {
    std::vector<int> step;
    std::vector<int> watch;
    std::vector<int64_t> own;    // number of its event
    std::vector<int64_t> target; // as DeviceDelivered
};

struct DeviceFound {
    std::vector<int> spike_step, spike_source; // as DeviceOutcome
    DeviceLog log;
    DeviceDelivered delivered;
    DeviceFired fired;
};

// These come first, in this order, among the events of one time at one instance.
struct DeviceFirst {
    int64_t target;
    double t; // ms
    std::vector<std::pair<int, int64_t>>
        events; // the window's or -1, number of one of the device's own
};

// Entries of the queue, and when they were sent: later is larger.
struct OrderSent {
    long when = 0;
    std::vector<long> ids;
};

// Keeps the order of NEURON's queue during a batch: reads it. serial: of each WATCH condition, the order of activation.
// std::runtime_error where NEURON's library cannot be watched.
HELIOX_API void device_order_begin(std::vector<long> const& serial);
HELIOX_API void device_order_end();
// Why that is not possible; empty: it is.
HELIOX_API std::string device_order_obstacle();

// The window as NEURON would have done it. Something: the device is to do it again, with this in place of what was said
// of these targets and times before. Nothing: it was right, or (device_order_lost()) it cannot be known.
HELIOX_API std::vector<DeviceFirst> device_order(DeviceWindow const& window,
                                                 DeviceFound const& found);
// Why NEURON's order was lost last.
HELIOX_API std::string const& device_order_lost();
// Order of activation of the WATCH conditions after the window that device_order() has done; null: it has not.
HELIOX_API std::vector<long> const* device_order_serial();
HELIOX_API void device_order_set_serial(std::vector<long> const& serial);

// For the window that device_order() did last, until device_order_close(): what a spike, an entry of the log sent.
// Null: nothing is known.
OrderSent const* order_of_spike(DeviceWindow const& window, size_t i);
OrderSent const* order_of_log(DeviceWindow const& window, int64_t key);
// When the window's delivery was made (from 1 on).
long order_of_delivery(DeviceWindow const& window, long ordinal);
// NEURON's queue has all that was sent. Returns how often its order may not be NEURON's.
long device_order_close(DeviceWindow const& window);

} // namespace heliox
