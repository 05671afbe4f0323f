// Delivery of a block's events before step j, in NEURON's order at each target.
//
// The host's events come sorted by step and target: the first of a target's run is its head, and one
// thread does the run. Where point processes send events to themselves, a block with such events due
// goes through all of its events one by one in order of time.
#pragma once

namespace hx {

// A row of event_weight: -1: none; below: of a NetCon that the device fans out (network.cuh).
HX_DEVICE double* weight_of(int at) {
    return at >= 0 ? hx_model.weight + at : at < -1 ? hx_model.net_weight + (-2 - at) : nullptr;
}

HX_DEVICE void deliver_one(Nodes const& nodes, int b, int e) {
    int const kind = hx_model.event_kind[e];
    int const i = hx_model.event_instance[e];
    int const slot = hx_model.event_slot[e];
    if (kind == HX_EVENT_SAMPLE) {
        hx_model.event_sample[i] = look(nodes, slot, hx_model.event_place[e]);
    } else if (kind == HX_EVENT_WRITE) {
        if (slot >= 0) {
            set_v(nodes, slot, hx_model.event_flag[e]);
        } else {
            *hx_model.event_place[e] = hx_model.event_flag[e];
        }
    } else {
        int const weight = hx_model.event_weight[e];
        Sender sender{b, kind, i, weight, e};
        hx_receive(nodes, kind, i, hx_model.event_time[e], weight_of(weight),
                   hx_model.event_flag[e], sender);
    }
}

#ifdef HX_SELF_EVENTS

// Index of the earliest event of the block's own list, the oldest of equals; -1 when it is empty.
HX_DEVICE long long earliest_self(int b) {
    long long const first = (long long)b * hx_model.max_self;
    int const count = hx_model.self_count[b];
    long long best = -1;
    for (long long k = first; k < first + count && k < first + hx_model.max_self; ++k) {
        if (best < 0 || hx_model.self_time[k] < hx_model.self_time[best]) {
            best = k;
        }
    }
    return best;
}

// Takes an event out and delivers it: those behind it move up, so that equals keep their order.
HX_DEVICE void deliver_self(Nodes const& nodes, int b, long long k) {
    double const t = hx_model.self_time[k], flag = hx_model.self_flag[k];
    int const kind = hx_model.self_kind[k], i = hx_model.self_instance[k];
    int const weight = hx_model.self_weight[k], root = hx_model.self_root[k];
    long long const end = (long long)b * hx_model.max_self + --hx_model.self_count[b];
    for (; k < end; ++k) {
        hx_model.self_time[k] = hx_model.self_time[k + 1];
        hx_model.self_flag[k] = hx_model.self_flag[k + 1];
        hx_model.self_kind[k] = hx_model.self_kind[k + 1];
        hx_model.self_instance[k] = hx_model.self_instance[k + 1];
        hx_model.self_weight[k] = hx_model.self_weight[k + 1];
        hx_model.self_root[k] = hx_model.self_root[k + 1];
    }
    Sender sender{b, kind, i, weight, root};
    hx_receive(nodes, kind, i, t, weight_of(weight), flag, sender);
}

// By one thread: the host's events [event, end) and the block's own up to `until`.
HX_DEVICE void deliver_in_order(Nodes const& nodes, int b, int event, int end, double until) {
    for (;;) {
        // the host's events are sorted by target: the earliest of those left comes next
        int next = -1;
        for (int e = event; e < end; ++e) {
            if (hx_model.event_head[e] >= 0 &&
                (next < 0 || hx_model.event_time[e] < hx_model.event_time[next])) {
                next = e;
            }
        }
        long long const own = earliest_self(b);
        bool const due = own >= 0 && hx_model.self_time[own] <= until;
        if (due && (next < 0 || hx_model.self_time[own] < hx_model.event_time[next])) {
            deliver_self(nodes, b, own);
        } else if (next >= 0) {
            hx_model.event_head[next] = -1;
            deliver_one(nodes, b, next);
        } else {
            break;
        }
    }
    long long const own = earliest_self(b);
    hx_model.self_next[b] = own >= 0 ? hx_model.self_time[own] : 1e300;
}

#endif

// event: the block's next event. until: events of the block's own list up to here [ms]. Returns the next event.
HX_DEVICE int deliver(Nodes const& nodes, int b, int event, int j, double until) {
    int const last = hx_model.event_first[b + 1];
    int end = event;
    while (end < last && hx_model.event_step[end] == j) {
        ++end;
    }
#ifdef HX_SELF_EVENTS
    bool const own = hx_model.self_next[b] <= until;
    if (end == event && !own) {
        return event;
    }
    HX_SYNC();
    if (tid() == 0) {
        deliver_in_order(nodes, b, event, end, until);
    }
    HX_SYNC();
#else
    if (end == event) {
        return event;
    }
    HX_SYNC();
    for (int e = event + tid(); e < end; e += n_thread()) {
        if (hx_model.event_head[e]) {
            int k = e;
            do {
                deliver_one(nodes, b, k);
            } while (++k < end && !hx_model.event_head[k]);
        }
    }
    HX_SYNC();
#endif
    return end;
}

} // namespace hx
