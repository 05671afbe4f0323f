// What the host needs to know to find NEURON's order of equal times (src/bridge/device_order.hpp).
//
// hx_model.ordered: exact fidelity, and point processes send events. Then each run of NET_RECEIVE notes what it does,
// with its place among what the instance did and got in this batch. log_own: the number of the event of a
// block's own list that ran it, kHost for a row of the host's (log_root). If the host finds that two events of one
// time came to an instance in the wrong order, the window is done again with first_*: which comes first.
#pragma once

namespace hx {

constexpr int kHost = -2147483647 - 1;
// log_op, as DeviceLog::Op; kDelivered: an event of the block's own list
constexpr int kSent = 0, kNetEvent = 1, kMoved = 2, kDropped = 3, kActivated = 4, kDelivered = 5;
// log_moved, as DeviceLog::Moved
constexpr int kOwnMoved = 0, kRowMoved = 1, kPendingMoved = 2;

// Number of the event of a WATCH that came true; others have the place where they were sent.
HX_DEVICE int fired_number(int watch) { return -2 - watch; }

// at: of the delivery, time: of what was done [ms].
struct Note {
    int op, root, own, kind, instance;
    double at, time;
    int moved = 0, what = 0;
};

HX_DEVICE int next_place(int kind, int instance) {
    return hx_model.log_count[hx_model.log_first[kind - HX_EVENT_RECEIVE] + instance]++;
}

// engines/gpu/ordered.py: _ENTRY
struct LogEntry {
    int place, op, root, own, kind, instance, moved, what;
    double at, time;
};

// Returns the place.
HX_DEVICE int note(Note const& note) {
    if (!hx_model.ordered) {
        return 0;
    }
    int const place = next_place(note.kind, note.instance);
    int const k = atomic_next(hx_model.n_log);
    if (k < hx_model.max_log) { // else the host sees the count and makes room
        reinterpret_cast<LogEntry*>(hx_model.log_entry)[k] = {
            place,         note.op,    note.root, note.own, note.kind,
            note.instance, note.moved, note.what, note.at,  note.time};
    }
    return place;
}

HX_DEVICE void note_row(int e) {
    if (hx_model.ordered) {
        hx_model.event_rank[e] = next_place(hx_model.event_kind[e], hx_model.event_instance[e]);
    }
}

// first_* are sorted by kind, instance, time. Whether entry k comes before these.
HX_DEVICE bool comes_before(int k, int kind, int instance, double t) {
    int const of_kind = hx_model.first_kind[k], of_instance = hx_model.first_instance[k];
    if (of_kind != kind) {
        return of_kind < kind;
    }
    return of_instance != instance ? of_instance < instance : hx_model.first_time[k] < t;
}

// The entry of first_* whose event is next at an instance at time t [ms]; -1: as they come.
HX_DEVICE int first_at(int kind, int instance, double t) {
    int const n = (int)hx_model.n_first;
    int low = 0;
    for (int high = n; low < high;) {
        int const middle = (low + high) / 2;
        if (comes_before(middle, kind, instance, t)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (int k = low; k < n; ++k) {
        if (hx_model.first_kind[k] != kind || hx_model.first_instance[k] != instance ||
            hx_model.first_time[k] != t) {
            break;
        }
        if (!hx_model.first_done[k]) {
            return k;
        }
    }
    return -1;
}

} // namespace hx
