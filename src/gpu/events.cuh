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

// NET_RECEIVE for an event of time t. weight: a row of event_weight.
HX_DEVICE void receive(Nodes const& nodes, int b, int kind, int i, double t, int weight,
                       double flag, int root, int own) {
#ifdef HX_NET_MOVE
    if (flag == 1.) {
        set_movable(b, kind, i, kNothing);
    }
#endif
    Sender sender{b, kind, i, weight, root, own, t};
    hx_receive(nodes, kind, i, t, weight_of(weight), flag, sender);
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
        note_row(e);
        receive(nodes, b, kind, i, hx_model.event_time[e], hx_model.event_weight[e],
                hx_model.event_flag[e], e, kHost);
    }
}

#ifdef HX_SELF_EVENTS

HX_DEVICE void deliver_own(Nodes const& nodes, int b, long long k) {
    OwnEvent const event = take_own(b, k);
    note(
        {kDelivered, event.root, event.number, event.kind, event.instance, event.time, event.time});
    receive(nodes, b, event.kind, event.instance, event.time, event.weight, event.flag, event.root,
            event.number);
}

// Delivers what the host wants to come first at the target of a row (own < 0) or of an event of the block's own list;
// false: nothing.
HX_DEVICE bool deliver_first(Nodes const& nodes, int b, int row, long long own) {
    bool const listed = own >= 0;
    if (!hx_model.n_first || (!listed && hx_model.event_kind[row] < HX_EVENT_RECEIVE)) {
        return false;
    }
    int const k = listed ? first_at(hx_model.self_kind[own], hx_model.self_instance[own],
                                    hx_model.self_time[own])
                         : first_at(hx_model.event_kind[row], hx_model.event_instance[row],
                                    hx_model.event_time[row]);
    if (k < 0) {
        return false;
    }
    hx_model.first_done[k] = 1;
    int const e = hx_model.first_row[k];
    if (e >= 0) {
        if (hx_model.event_head[e] < 0) { // it was moved
            return false;
        }
        hx_model.event_head[e] = -1;
        deliver_one(nodes, b, e);
        return true;
    }
    for (long long at = first_own(b); at < end_own(b); ++at) {
        if (hx_model.self_number[at] == hx_model.first_number[k] && // of this instance's
            hx_model.self_kind[at] == hx_model.first_kind[k] &&
            hx_model.self_instance[at] == hx_model.first_instance[k] &&
            hx_model.self_time[at] == hx_model.first_time[k]) {
            deliver_own(nodes, b, at);
            return true;
        }
    }
    return false;
}

// By one thread: the host's events [event, end) and the block's own up to `until`.
HX_DEVICE void deliver_in_order(Nodes const& nodes, int b, int event, int end, double until) {
    for (;;) {
        // the host's events are sorted by target: the earliest of those left comes next
        int next = -1;
        HX_ROLLED
        for (int e = event; e < end; ++e) {
            if (hx_model.event_head[e] >= 0 &&
                (next < 0 || hx_model.event_time[e] < hx_model.event_time[next])) {
                next = e;
            }
        }
        long long const own = earliest_own(b);
        bool const due = own >= 0 && hx_model.self_time[own] <= until;
        if (due && (next < 0 || hx_model.self_time[own] < hx_model.event_time[next])) {
            if (!deliver_first(nodes, b, -1, own)) {
                deliver_own(nodes, b, own);
            }
        } else if (next >= 0) {
            if (deliver_first(nodes, b, next, -1)) {
                continue;
            }
            hx_model.event_head[next] = -1;
            deliver_one(nodes, b, next);
        } else {
            break;
        }
    }
    long long const own = earliest_own(b);
    hx_model.self_next[b] = own >= 0 ? hx_model.self_time[own] : 1e300;
}

#endif

// event: the block's next event. j: what event_step says of those that are due. until: events of the block's own
// list up to here [ms]. Returns the next event.
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
    HX_ROLLED
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
