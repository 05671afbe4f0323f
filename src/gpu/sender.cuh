// What NET_RECEIVE sends: events to its own instance, and spikes of a point process.
//
// Events to oneself stay on the device while they are due within the window of steps (one list a block);
// the host's queue gets the rest when the window ends.
#pragma once

// event_kind (codegen/device_source.py)
#define HX_EVENT_SAMPLE 0
#define HX_EVENT_WRITE 1
#define HX_EVENT_RECEIVE 2

namespace hx {

struct Sender {
    int b, kind, instance, weight, root;

    // due: [ms]
    HX_DEVICE_MEMBER void net_send(double due, double flag) {
        *hx_model.gate = 1;
        int const k = atomic_next(hx_model.self_count + b);
        if (k >= hx_model.max_self) {
            return; // the host sees the count and stops
        }
        long long const at = (long long)b * hx_model.max_self + k;
        hx_model.self_time[at] = due;
        hx_model.self_flag[at] = flag;
        hx_model.self_kind[at] = kind;
        hx_model.self_instance[at] = instance;
        hx_model.self_weight[at] = weight;
        hx_model.self_root[at] = root;
    }
    HX_DEVICE_MEMBER void net_event(double t) {
        *hx_model.gate = 1;
        int const k = atomic_next(hx_model.n_net_event);
        if (k < hx_model.max_net_event) {
            hx_model.net_event_time[k] = t;
            hx_model.net_event_kind[k] = kind;
            hx_model.net_event_instance[k] = instance;
            hx_model.net_event_root[k] = root;
        }
    }
    HX_DEVICE_MEMBER void net_move(double) {}       // refused (engines/gpu/translate.py)
    HX_DEVICE_MEMBER void watch(int, double) {} // likewise
};

} // namespace hx
