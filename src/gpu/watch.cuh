// WATCH conditions (NEURON's WatchCondition): active ones are tested at the start of each step.
//
// Element first_watch(kind, instance) + k of the watch arrays is condition k of an instance. watch_active: 0, or the
// place in the order in which the instance's conditions were activated, from 1. watch_since, watch_root: the
// delivery that activated it, root kBefore when that was before the window.
#pragma once

namespace hx {

constexpr int kBefore = -2147483647 - 1;

HX_DEVICE int n_watch(int kind) { return hx_model.watch_each[kind - HX_EVENT_RECEIVE]; }

HX_DEVICE int first_watch(int kind, int instance) {
    return hx_model.watch_first[kind - HX_EVENT_RECEIVE] + instance * n_watch(kind);
}

// t: of the delivery [ms]. The first activation of a delivery: no condition is active, and what came true but is not delivered yet is not.
HX_DEVICE void stop_watching(int b, int kind, int instance, int first, int root, int own,
                             double t) {
    for (int k = first; k < first + n_watch(kind); ++k) {
        hx_model.watch_active[k] = 0;
    }
    for (long long k = first_own(b); k < end_own(b);) {
        bool const fired = hx_model.self_mark[k] == kFired && hx_model.self_kind[k] == kind &&
                           hx_model.self_instance[k] == instance;
        if (fired) {
            OwnEvent const event = take_own(b, k);
            note({kDropped, root, own, kind, instance, t, event.time, 0, event.number});
        } else {
            ++k;
        }
    }
}

// t: of the event that is delivered [ms].
HX_DEVICE void start_watching(int kind, int first, int k, double flag, double value, double t,
                              int root) {
    int const was = hx_model.watch_active[first + k];
    int others = 0;
    for (int other = first; other < first + n_watch(kind); ++other) {
        int const place = hx_model.watch_active[other];
        if (other != first + k && place) {
            ++others;
            if (was && place > was) {
                hx_model.watch_active[other] = place - 1;
            }
        }
    }
    int const at = first + k;
    hx_model.watch_active[at] = others + 1;
    hx_model.watch_above[at] = value >= -hx_model.float_epsilon;
    hx_model.watch_flag[at] = flag;
    hx_model.watch_since[at] = t;
    hx_model.watch_root[at] = root;
    hx_model.n_fired[1] = 1; // for the host: an activation
    *hx_model.gate = 1;
}

// Test of an active condition at the start of step j; t: nt._t there [ms].
HX_DEVICE void test_watch(int b, int kind, int instance, int at, double value, double t, int j) {
    if (!(value > 0.)) {
        hx_model.watch_above[at] = 0;
        return;
    }
    if (hx_model.watch_above[at]) {
        return;
    }
    hx_model.watch_above[at] = 1;
    int const f = atomic_next(hx_model.n_fired);
    if (f >= hx_model.max_fired) {
        return; // the host sees the count and stops
    }
    hx_model.fired_step[f] = j;
    hx_model.fired_watch[f] = at;
    hx_model.fired_place[f] = hx_model.watch_active[at];
    hx_model.fired_since[f] = hx_model.watch_since[at];
    hx_model.fired_root[f] = hx_model.watch_root[at];
    append_own(
        b, {t, hx_model.watch_flag[at], t, kind, instance, -1, ~f, kFired, -1, fired_number(at)});
    hx_model.self_next[b] = t;
}

} // namespace hx
