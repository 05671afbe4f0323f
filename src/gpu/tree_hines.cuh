// Hines' method as NEURON runs it: one thread a cell, node after node.
#pragma once

#include "device.cuh"

namespace hx {

// Table: n_cell, then n_cell + 1 positions, then the slots of all nodes (cell by cell, root first, NEURON's
// order), then their parents' slots.
HX_DEVICE void solve_hines(int const* HX_RESTRICT table, double* d, double* rhs, double const* a,
                           double const* b) {
    int const n_cell = table[0];
    int const* const first = table + 1;
    int const* const slot = first + n_cell + 1;
    int const* const parent = slot + first[n_cell];
    for (int cell = tid(); cell < n_cell; cell += n_thread()) {
        int const root = first[cell];
        int const end = first[cell + 1];
        for (int k = end - 1; k > root; --k) {
            int const i = slot[k];
            int const p = parent[k];
            double const f = a[i] / d[i];
            d[p] -= f * b[i];
            rhs[p] -= f * rhs[i];
        }
        rhs[slot[root]] /= d[slot[root]];
        for (int k = root + 1; k < end; ++k) {
            int const i = slot[k];
            double const r = rhs[i] - b[i] * rhs[parent[k]];
            rhs[i] = r / d[i];
        }
    }
    HX_SYNC();
}

} // namespace hx
