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

#include "tree_contract.cuh"
#include "tree_dhs.cuh"
#include "tree_hines.cuh"
#include "tree_levels.cuh"

namespace hx {

constexpr int tree_hines = 0;
constexpr int tree_dhs = 1;
constexpr int tree_contract = 2;
constexpr int tree_dhs_levels = 3;

template <int method>
HX_DEVICE void solve_tree(int const* HX_RESTRICT table, double* d, double* rhs, double const* a,
                          double const* b, double* scratch, ConstantRows const& constant = {}) {
    if constexpr (method == tree_hines) {
        solve_hines(table, d, rhs, a, b);
    } else if constexpr (method == tree_dhs) {
        solve_dhs(table, d, rhs, a, b, scratch);
    } else if constexpr (method == tree_contract) {
        solve_contract(table, d, rhs, a, b, scratch, constant);
    } else {
        static_assert(method == tree_dhs_levels, "no such tree method");
        solve_levels(table, d, rhs, a, b, scratch);
    }
}

} // namespace hx
