// What NET_RECEIVE sends: events to its own instance, spikes of a point process, WATCH conditions.
//
// Events to oneself stay on the device while they are due within the window of steps (one list a block, own.cuh);
// the host's queue gets the rest when the window ends.
#pragma once

// event_kind (codegen/device_source.py)
#define HX_EVENT_SAMPLE 0
#define HX_EVENT_WRITE 1
#define HX_EVENT_RECEIVE 2

#include "order.cuh"
#include "own.cuh"
#ifdef HX_WATCH
#include "watch.cuh"
#endif
#ifdef HX_NET_MOVE
#include "move.cuh"
#endif

namespace hx {

// One delivery of an event. root: the event that led to it, the host's (a row) or a WATCH (own.cuh). own: order.cuh.
struct Sender {
    int b, kind, instance, weight, root, own;
    double t;              // of the event [ms]
    bool watching = false; // a WATCH was activated

    // due: [ms]
    HX_DEVICE_MEMBER void net_send(double due, double flag) {
        if (due < t) {
            fail(kSentBack, kind, instance);
            return;
        }
        int mark = kPlain;
#ifdef HX_NET_MOVE
        if (flag == 1. && set_movable(b, kind, instance, kOwnList)) {
            mark = kMovable;
        }
#endif
        int const number = note({kSent, root, own, kind, instance, t, due});
        append_own(b, {due, flag, t, kind, instance, weight, root, mark, -1, number});
    }
    HX_DEVICE_MEMBER void net_event(double time) {
        *hx_model.gate = 1;
        note({kNetEvent, root, own, kind, instance, t, time});
        int const k = atomic_next(hx_model.n_net_event);
        if (k < hx_model.max_net_event) {
            hx_model.net_event_time[k] = time;
            hx_model.net_event_at[k] = t;
            hx_model.net_event_kind[k] = kind;
            hx_model.net_event_instance[k] = instance;
            hx_model.net_event_root[k] = root;
        }
    }
    HX_DEVICE_MEMBER void net_move(double due) {
#ifdef HX_NET_MOVE
        move_own(b, kind, instance, root, own, t, due);
#endif
    }
    // Condition k of the instance; value: what NEURON compares with 0.
    HX_DEVICE_MEMBER void watch(int k, double flag, double value) {
#ifdef HX_WATCH
        int const first = first_watch(kind, instance);
        if (!watching) {
            watching = true;
            stop_watching(b, kind, instance, first, root, own, t);
        }
        start_watching(kind, first, k, flag, value, t, root);
        note({kActivated, root, own, kind, instance, t, t, 0, first + k});
#endif
    }
};

} // namespace hx
