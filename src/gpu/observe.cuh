// What looks at a block's nodes after a step, and what Vectors play into them: records, thresholds, continuous plays.
#pragma once

namespace hx {

// A variable that is sampled, played or tested: a node's v, or an address on the device.
HX_DEVICE double look(Nodes const& nodes, int slot, double const* place) {
    return slot >= 0 ? nodes.v[slot] : *place;
}

// Whether a source has just crossed: its flag is kept.
HX_DEVICE bool crosses(double value, double threshold, int& flag) {
    bool const above = value - threshold > 0.;
    bool const crossed = above && !flag;
    flag = above;
    return crossed;
}

HX_DEVICE void report_spike(int source, int j) {
    int const k = atomic_next(hx_model.n_spike);
    if (k < hx_model.max_spike) {
        hx_model.spike[2 * k] = j;
        hx_model.spike[2 * k + 1] = source;
    }
    *hx_model.gate = 1;
}

// What a thread samples and tests in every step: its first record and its first threshold are kept in
// registers, because a block seldom has more than it has threads.
struct Observed {
    int record, record_end, record_slot;
    int source, source_end, source_slot;
    double const *record_place, *source_place;
    double threshold;
    int flag;
};

HX_DEVICE Observed observe(int b) {
    Observed o{};
    o.record = hx_model.record_first[b] + tid_turned<0>();
    o.record_end = hx_model.record_first[b + 1];
    if (o.record < o.record_end) {
        o.record_slot = hx_model.record_slot[o.record];
        o.record_place = hx_model.record_place[o.record];
    }
    o.source = hx_model.source_first[b] + tid_turned<1>();
    o.source_end = hx_model.source_first[b + 1];
    if (o.source < o.source_end) {
        o.source_slot = hx_model.source_slot[o.source];
        o.source_place = hx_model.source_place[o.source];
        o.threshold = hx_model.source_threshold[o.source];
        o.flag = hx_model.source_flag[o.source];
    }
    return o;
}

// Vector.record: all that is recorded of this block, after step j.
HX_DEVICE void sample(Nodes const& nodes, Observed const& o, int j) {
    if (o.record >= o.record_end) {
        return;
    }
    double* const row = hx_model.record_value + (long long)j * hx_model.n_record;
    row[o.record] = look(nodes, o.record_slot, o.record_place);
    HX_ROLLED
    for (int r = o.record + n_thread(); r < o.record_end; r += n_thread()) {
        row[r] = look(nodes, hx_model.record_slot[r], hx_model.record_place[r]);
    }
}

// NetCon thresholds at the start of step j (NEURON's check_thresh): the host sees the gate.
HX_DEVICE void detect(Nodes const& nodes, Observed& o, int j) {
    if (o.source >= o.source_end) {
        return;
    }
    if (crosses(look(nodes, o.source_slot, o.source_place), o.threshold, o.flag)) {
        report_spike(o.source, j);
    }
    HX_ROLLED
    for (int s = o.source + n_thread(); s < o.source_end; s += n_thread()) {
        double const value = look(nodes, hx_model.source_slot[s], hx_model.source_place[s]);
        if (crosses(value, hx_model.source_threshold[s], hx_model.source_flag[s])) {
            report_spike(s, j);
        }
    }
}

HX_DEVICE void store_flag(Observed const& o) {
    if (o.source < o.source_end) {
        hx_model.source_flag[o.source] = o.flag;
    }
}

// Vector.play, continuous: NEURON's interpolated value for the first or second half of step j.
HX_DEVICE void play(Nodes const& nodes, int b, int half) {
    double const* const row = hx_model.play_value + (long long)half * hx_model.n_play;
    HX_ROLLED
    for (int p = hx_model.play_first[b] + tid(); p < hx_model.play_first[b + 1]; p += n_thread()) {
        int const slot = hx_model.play_slot[p];
        if (slot >= 0) {
            set_v(nodes, slot, row[p]);
        } else {
            *hx_model.play_place[p] = row[p];
        }
    }
}

} // namespace hx
