// The tree solve of one block of cells: d, rhs -> rhs (twin of src/cpu/tree.hpp; plans: heliox_neuron/solvers).
//
// Row i of the matrix is d[i] x[i] + b[i] x[parent] + sum over children c of a[c] x[c] = rhs[i].
// All threads of the block call it after a barrier. Afterwards rhs[slot] is the solution and the block
// has passed a barrier. d is destroyed; scratch: TreePlan.scratch_doubles doubles of the block. constant: rows that no
// step changes, for contract (tree_contract.cuh).
//
// hines, dhs and dhs_levels give NEURON's bits: a/d first, and a parent subtracts its children in NEURON's
// order. contract gives the same solution up to rounding (fast fidelity).
#pragma once

#include "tree_columns.cuh"
#include "tree_contract.cuh"
#include "tree_dhs.cuh"
#include "tree_hines.cuh"
#include "tree_levels.cuh"

namespace hx {

constexpr int tree_hines = 0;
constexpr int tree_dhs = 1;
constexpr int tree_contract = 2;
constexpr int tree_dhs_levels = 3;

// d, rhs, a, b of a block's nodes: element l at l * row_stride<method>. contract has rhs beside d, and b beside a, in
// 16 bytes that one load brings.
template <int method>
constexpr int row_stride = method == tree_contract ? 2 : 1;

// The columns of n nodes in 4 n doubles, at a multiple of 16 bytes for contract.
template <int method>
HX_DEVICE TreeColumns columns_in(double* memory, int n) {
    if constexpr (row_stride<method> == 2) {
        return {memory, memory + 1, memory + 2 * n, memory + 2 * n + 1};
    }
    return {memory, memory + n, memory + 2 * n, memory + 3 * n};
}

// x is in rhs. scratch: at a multiple of 16 bytes. table: too, for contract.
template <int method>
HX_DEVICE void solve_tree(int const* HX_RESTRICT table, TreeColumns const& of, double* scratch,
                          ConstantRows const& constant = {}) {
    if constexpr (method == tree_hines) {
        solve_hines(table, of.d, of.rhs, of.a, of.b);
    } else if constexpr (method == tree_dhs) {
        solve_dhs(table, of, scratch);
    } else if constexpr (method == tree_contract) {
        solve_contract(table, reinterpret_cast<Two*>(of.d), reinterpret_cast<Two const*>(of.a),
                       scratch, constant);
    } else {
        static_assert(method == tree_dhs_levels, "no such tree method");
        solve_levels(table, of.d, of.rhs, of.a, of.b, scratch);
    }
}

} // namespace hx
