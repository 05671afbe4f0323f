// What kernels wrote, one column behind the other in NEURON's order: it goes to the host in one copy. And copies on the
// device, of many arrays at a time.
#pragma once

// n_collect columns; several blocks may share one.
HX_GLOBAL void hx_collect() {
    int const n_part = hx::n_block() / (int)hx_model.n_collect;
    int const c = hx::block() / n_part, part = hx::block() % n_part;
    double const* const column = hx_model.collect_column[c];
    long long const* const place = hx_model.collect_place[c];
    double* const out = hx_model.collected + hx_model.collect_first[c];
    long long const n = hx_model.collect_first[c + 1] - hx_model.collect_first[c];
    for (long long i = part * hx::n_thread() + hx::tid(); i < n; i += n_part * hx::n_thread()) {
        out[i] = column[place[i]];
    }
}

// rows: n_array times address, address of the copy, number of ints. back: from the copies to the arrays.
HX_GLOBAL void hx_copy(unsigned long long rows, int n_array, int back) {
    int const n_part = hx::n_block() / n_array;
    int const k = hx::block() / n_part, part = hx::block() % n_part;
    unsigned long long const* const row = (unsigned long long const*)rows + 3 * k;
    int* const to = (int*)row[back ? 0 : 1];
    int const* const from = (int const*)row[back ? 1 : 0];
    long long const n = (long long)row[2];
    for (long long i = part * hx::n_thread() + hx::tid(); i < n; i += n_part * hx::n_thread()) {
        to[i] = from[i];
    }
}
