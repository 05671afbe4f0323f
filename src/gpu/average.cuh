// Means over a window of time: one sum an element, in memory, read and written by one thread in order of time.
//
// Twin of src/bridge/average.cpp. Which steps of a launch lie in an average's window is the host's to say, by the
// same arithmetic: [average_begin, average_end) of its group, of which one element is always 1: its sum counts
// samples. n_average: groups with any step in this launch, else 0.
#pragma once

namespace hx {

// After the states of step j, where Vector.record looks.
HX_DEVICE void average(Nodes const& nodes, int b, int j) {
    if (!hx_model.n_average) {
        return;
    }
    for (int k = hx_model.average_first[b] + tid(); k < hx_model.average_first[b + 1];
         k += n_thread()) {
        int const group = hx_model.average_group[k];
        if (j < hx_model.average_begin[group] || j >= hx_model.average_end[group]) {
            continue;
        }
        double const x = look(nodes, hx_model.average_slot[k], hx_model.average_place[k]);
        // NaN stays NaN
        hx_model.average_sum[k] += hx_model.average_relu[group] && x < 0. ? 0. : x;
    }
}

} // namespace hx
