// Sums that BEFORE and AFTER blocks add to through POINTERs: one thread a variable, parts in NEURON's order.
//
// A stage is one block of one mechanism (codegen/device_hooks.py). hx_model.sum_first has a stage's variables, block of
// cells by block of cells; sum_sign: 0 adds, 1 subtracts, 2 sets.
#pragma once

namespace hx {

HX_DEVICE void add_parts_of(int s) {
    double* const place = hx_model.sum_place[s];
    int const sign = hx_model.sum_sign[s], end = hx_model.sum_part_first[s + 1];
    double x = *place;
    for (int k = hx_model.sum_part_first[s]; k < end; ++k) {
        double const part = *hx_model.sum_part[k];
        x = sign == 0 ? x + part : sign == 1 ? x - part : part;
    }
    *place = x;
}

HX_DEVICE void add_parts(int stage, int b, int begin, int stride) {
    long long const n_block = hx_model.n_sum_block, at = stage * n_block + b;
    int const end = hx_model.sum_first[at + 1];
    for (int s = hx_model.sum_first[at] + begin; s < end; s += stride) {
        add_parts_of(s);
    }
}

HX_DEVICE void add_all_parts(int stage, int begin, int stride) {
    long long const n_block = hx_model.n_sum_block;
    int const end = hx_model.sum_first[(stage + 1) * n_block];
    for (int s = hx_model.sum_first[stage * n_block] + begin; s < end; s += stride) {
        add_parts_of(s);
    }
}

} // namespace hx
