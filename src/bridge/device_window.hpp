// NEURON's host part of fixed steps, run ahead of a device that computes them.
//
// The event queue, NetCons, artificial cells, records and plays stay NEURON's own: for some steps from now on its
// functions run here in NEURON's order, and what concerns variables of the device is written down instead of done.
// Step j of a window starts at t[j]. Phase 0 are the events delivered at its start (te <= t + dt/2, after the
// threshold test), phase 1 those at its end (te <= t, after states and records).
#pragma once

#include "api.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "device_queue_watch.hpp"

namespace heliox {

struct VectorView;

// One call of NET_RECEIVE.
struct DeviceEvent {
    int step, phase;
    double te; // ms
    int mechanism, instance;
    int weight; // index into DeviceWindow::weights, -1 without weights
    double flag;
    long ordinal; // of the delivery in the window
    bool movable; // net_move would have moved it
};

// A self event in NEURON's queue, due after the window, that net_move moves.
struct DevicePending {
    int mechanism, instance;
    int weight; // index into DeviceWindow::weights, -1 without weights
    TQItem* item;
};

// A value that Vector.play writes, or one that Vector.record takes, at an event of its own: after event `before - 1`
// and before event `before`. `order` counts both kinds.
struct DeviceTouch {
    int step, phase, before, order;
    uint64_t address;
    double value; // written
    int record;   // index in device_records()
    long element; // of the Vector that takes the sample
    double te;    // ms
};

struct DeviceWeight {
    double* address;
    int arity;
};

// A Vector that several sources record their spikes into (pc.spike_record), and when, as numbers of deliveries, its
// elements from `first` on were added.
struct DeviceSpikeVector {
    VectorView *times, *ids;
    size_t first;
    std::vector<double> when;
};

// The head of NEURON's queue that went back behind its equals because a delivery sent something earlier.
struct DeviceDisplaced {
    long ordinal; // of the delivery in the window, from 1 on
    TQItem* item;
    void* data;
    double t; // ms
};

// A delivery of NEURON's queue; it made the window's queue_ops from first_op on.
struct DeviceDelivery {
    long id;   // of the queue's entry
    double te; // ms
    size_t first_op;
    void const* cell;         // as are these: device_ties.hpp
    bool touches, comes_last; // touches_sender()
    TQItem* item;             // not to be read: it has left the queue
};

struct DeviceWindow {
    int n_step = 0;
    std::string stop;           // "n_max", "interpreter", "host step", "error"
    double dt = 0;              // ms
    std::vector<double> t;      // [n_step + 1]
    std::vector<double> t_half; // [n_step]
    std::vector<DeviceEvent> events;
    std::vector<DeviceWeight> weights;
    std::vector<DevicePending> pending; // of the types that call net_move
    std::vector<DeviceTouch> writes, samples;
    std::vector<uint64_t> play_address;
    std::vector<double> play; // [n_step, 2, n_play]: at t + dt/2 and at the end of the step
    std::vector<DeviceSpikeVector> spike_vectors;
    std::vector<long> delivery_before; // [n_step] deliveries before each step
    std::vector<double> delivery_te;   // [n_delivery] ms
    std::vector<DeviceDisplaced> displaced;
    long n_delivery = 0;
    int last_delivery_step = -1;
    // Where the order of equal times is kept (device_order.hpp): each delivery, and what it did to NEURON's queue.
    bool ordered = false;
    std::vector<DeviceDelivery> deliveries;
    std::vector<QueueOp> queue_ops;
};

// Runs NEURON's part for up to n_max steps. device_types: mechanisms whose NET_RECEIVE is written down;
// moving_types: those of them that call net_move. Play targets keep their value; nrn_threads[0]._t ends at the
// window's end. Throws std::runtime_error for a NET_RECEIVE that nobody could run.
HELIOX_API DeviceWindow device_window(int n_max, std::vector<int> const& device_types,
                                      std::vector<int> const& moving_types);

// What one run of NET_RECEIVE asked for that lasts longer than the window.
struct DeviceSent {
    enum class Kind : int { net_event = 0, net_send = 1, net_move = 2 };
    Kind kind;
    int step;  // in which it ran, phases as for DeviceEvent
    double at; // when [ms]
    int event; // index of the window's event that it ran for, -1: for one the device had
    int mechanism, instance;
    double time;      // when it is due [ms]
    double flag;      // net_send
    int weight;       // net_send: index into DeviceWindow::weights, -1 without weights
    int pending;      // net_move: index into DeviceWindow::pending
    int64_t key = -1; // of the log's entry (device_order.hpp)
};

// What the device found. Indices of events refer to the window's.
struct DeviceOutcome {
    std::vector<int> spike_step,
        spike_source;                // tests at the start of steps 1 .. n_step - 1, sorted
    std::vector<DeviceSent> sent;    // in the order in which they ran
    std::vector<int> consumed;       // pending ones that were moved into the window and delivered
    std::vector<int> forgotten;      // pending ones that net_move does not move any more
    bool const* flags = nullptr;     // of all sources, after the last of these tests
    double const* weights = nullptr; // [n_weight, weight_width]
    int weight_width = 0;
    double const* samples = nullptr; // [n_sample]
};

// Sends and writes all that to NEURON. Throws std::runtime_error when something would have been due inside the window.
// Returns how many events may not be in NEURON's order.
HELIOX_API long device_window_done(DeviceWindow const& window, DeviceOutcome const& outcome);

// Tests only: step j of a window through NEURON's own functions on NEURON's memory, up to its states; and its
// phase 1. Both return the values of the samples that fall into them.
HELIOX_API std::vector<double> device_reference_step(DeviceWindow const& window, int j);
HELIOX_API std::vector<double> device_reference_events(DeviceWindow const& window, int j);

// Whether an error of the script's (of an artificial cell, a hoc event) ended the last window: its steps before that are
// done like any others, then device_rethrow() is called.
HELIOX_API bool device_window_failed();

// Delivers what NEURON had delivered in the step of that error, and throws it. begun: start of that step [ms].
[[noreturn]] void device_rethrow(double& begun);

// Events of one step and phase through NEURON's own functions; returns the samples that fall into them.
std::vector<double> device_replay(DeviceWindow const& window, int step, int phase);

// The queue is looked through for events that only NEURON can deliver: anew after this call.
HELIOX_API void device_interpreter_ran();

} // namespace heliox
