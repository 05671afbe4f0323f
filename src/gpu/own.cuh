// The events that a block's point processes have pending on the device.
//
// root: the row of the host's event that led to one, or ~f for WATCH number f that came true in the window.
// Equal times keep the order in which events came: one that is taken out lets those behind it move up.
#pragma once

namespace hx {

// self_mark
constexpr int kPlain = 0, kMovable = 1; // kMovable: net_move moves it
constexpr int kFired = 2;               // a WATCH that came true

// event_error
constexpr int kNothingToMove = 1, kMovedBack = 2, kSentBack = 3;

HX_DEVICE void fail(int code, int kind, int instance) {
    *hx_model.gate = 1;
    hx_model.event_error[0] = code;
    hx_model.event_error[1] = kind;
    hx_model.event_error[2] = instance;
}

// at: when it was sent [ms]. origin: index of the host's pending event that it was, else -1.
// number: order.cuh.
struct OwnEvent {
    double time, flag, at;
    int kind, instance, weight, root, mark, origin, number;
};

HX_DEVICE void set_own(long long k, OwnEvent const& event) {
    hx_model.self_time[k] = event.time;
    hx_model.self_flag[k] = event.flag;
    hx_model.self_at[k] = event.at;
    hx_model.self_kind[k] = event.kind;
    hx_model.self_instance[k] = event.instance;
    hx_model.self_weight[k] = event.weight;
    hx_model.self_root[k] = event.root;
    hx_model.self_mark[k] = event.mark;
    hx_model.self_origin[k] = event.origin;
    hx_model.self_number[k] = event.number;
}

HX_DEVICE OwnEvent get_own(long long k) {
    return {hx_model.self_time[k],  hx_model.self_flag[k],     hx_model.self_at[k],
            hx_model.self_kind[k],  hx_model.self_instance[k], hx_model.self_weight[k],
            hx_model.self_root[k],  hx_model.self_mark[k],     hx_model.self_origin[k],
            hx_model.self_number[k]};
}

HX_DEVICE void append_own(int b, OwnEvent const& event) {
    *hx_model.gate = 1;
    int const k = atomic_next(hx_model.self_count + b);
    if (k < hx_model.max_self) { // else the host sees the count and stops
        set_own((long long)b * hx_model.max_self + k, event);
    }
}

HX_DEVICE long long first_own(int b) { return (long long)b * hx_model.max_self; }

HX_DEVICE long long end_own(int b) {
    long long const count = hx_model.self_count[b];
    return first_own(b) + (count < hx_model.max_self ? count : hx_model.max_self);
}

HX_DEVICE OwnEvent take_own(int b, long long k) {
    OwnEvent const event = get_own(k);
    long long const end = end_own(b) - 1;
    --hx_model.self_count[b];
    for (; k < end; ++k) {
        set_own(k, get_own(k + 1));
    }
    return event;
}

// Index of the earliest event of the block's own list, the oldest of equals; -1 when it is empty.
HX_DEVICE long long earliest_own(int b) {
    long long best = -1;
    for (long long k = first_own(b); k < end_own(b); ++k) {
        if (best < 0 || hx_model.self_time[k] < hx_model.self_time[best]) {
            best = k;
        }
    }
    return best;
}

} // namespace hx
