// Dendritic hierarchical scheduling as published (Zhang et al. 2023): every round takes the deepest nodes
// that are ready, at most one a thread, and ends with a barrier of the block. dhs (tree_dhs.cuh) is the same
// idea without the barriers; this form is for comparison.
#pragma once

#include "device.cuh"

namespace hx {

// Table: n_round, n_node, n_round + 1 positions, then for each node in the order of rounds: slot, parent's
// slot (-1: root), first child (n_node + 1 of these), and the children's positions, NEURON's last child first.
// scratch: the factor a/d of each node.
HX_DEVICE void solve_levels(int const* HX_RESTRICT table, double* d, double* rhs, double const* a,
                            double const* b, double* scratch) {
    int const n_round = table[0];
    int const n = table[1];
    int const* const round = table + 2;
    int const* const slot = round + n_round + 1;
    int const* const parent = slot + n;
    int const* const child_first = parent + n;
    int const* const child = child_first + n + 1;
    for (int r = 0; r < n_round; ++r) {
        for (int k = round[r] + tid(); k < round[r + 1]; k += n_thread()) {
            int const i = slot[k];
            double di = d[i];
            double ri = rhs[i];
            for (int c = child_first[k]; c < child_first[k + 1]; ++c) {
                double const f = scratch[child[c]];
                di -= f * b[slot[child[c]]];
                ri -= f * rhs[slot[child[c]]];
            }
            scratch[k] = a[i] / di;
            d[i] = di;
            rhs[i] = ri;
        }
        HX_SYNC();
    }
    for (int r = n_round - 1; r >= 0; --r) {
        for (int k = round[r] + tid(); k < round[r + 1]; k += n_thread()) {
            int const i = slot[k];
            int const p = parent[k];
            double const ri = p < 0 ? rhs[i] : rhs[i] - b[i] * rhs[p];
            rhs[i] = ri / d[i];
        }
        HX_SYNC();
    }
}

} // namespace hx
