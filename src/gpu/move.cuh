// net_move: which pending event of an instance it moves, NEURON's `_tqitem`.
//
// That is the last event of flag 1 that the instance sent, until an event of flag 1 is delivered to it. It is in the
// block's own list, or among the host's events of the window (a row of theirs), or in the host's queue, due
// after the window (hx_model.pending_*).
#pragma once

namespace hx {

// hx_model.movable: a row from 0 on, kNothing, kOwnList, or kPending - index.
constexpr int kNothing = -1, kOwnList = -2, kPending = -3;

HX_DEVICE int* movable_of(int kind, int instance) {
    int const first = hx_model.movable_first[kind - HX_EVENT_RECEIVE];
    return first < 0 ? nullptr : hx_model.movable + first + instance;
}

HX_DEVICE long long find_movable(int b, int kind, int instance) {
    for (long long k = first_own(b); k < end_own(b); ++k) {
        if (hx_model.self_mark[k] == kMovable && hx_model.self_kind[k] == kind &&
            hx_model.self_instance[k] == instance) {
            return k;
        }
    }
    return -1;
}

// False where the mechanism does not call net_move.
HX_DEVICE bool set_movable(int b, int kind, int instance, int what) {
    int* const movable = movable_of(kind, instance);
    if (!movable) {
        return false;
    }
    if (*movable == kOwnList) {
        long long const k = find_movable(b, kind, instance);
        if (k >= 0) {
            hx_model.self_mark[k] = kPlain;
        }
    }
    if (*movable <= kPending) {
        *hx_model.gate = 1; // the host has to forget it
    }
    *movable = what;
    return true;
}

// now, due: [ms]
HX_DEVICE void move_own(int b, int kind, int instance, int root, int own, double now, double due) {
    int* const movable = movable_of(kind, instance);
    long long const k = *movable == kOwnList ? find_movable(b, kind, instance) : 0;
    if (*movable == kNothing || k < 0) {
        fail(kNothingToMove, kind, instance);
        return;
    }
    if (due < now) {
        fail(kMovedBack, kind, instance);
        return;
    }
    OwnEvent event{due, 1., now, kind, instance, -1, root, kMovable, -1, 0};
    int moved = kOwnMoved, what = 0;
    if (*movable == kOwnList) {
        OwnEvent const old = take_own(b, k);
        event.weight = old.weight;
        event.origin = old.origin;
        what = old.number;
    } else if (*movable >= 0) {
        event.weight = hx_model.event_weight[*movable];
        hx_model.event_head[*movable] = -1;
        moved = kRowMoved;
        what = *movable;
    } else {
        event.origin = kPending - *movable;
        event.weight = hx_model.pending_weight[event.origin];
        hx_model.pending_moved[event.origin] = 1;
        moved = kPendingMoved;
        what = event.origin;
    }
    event.number = note({kMoved, root, own, kind, instance, now, due, moved, what});
    *movable = kOwnList;
    append_own(b, event);
}

} // namespace hx
