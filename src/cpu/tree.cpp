// The tree kernels of one instruction set.
//
// This file is compiled once per instruction set, each time into another namespace; cells.cpp and
// branch_schedule.cpp are compiled once, plainly, and choose at run time:
//   c++ -std=c++17 -O3 -ffp-contract=off -march=x86-64-v2 -DHX_ISA_NS=v2 -c tree.cpp -o tree_v2.o
//   c++ -std=c++17 -O3 -ffp-contract=off -march=x86-64-v3 -DHX_ISA_NS=v3 -c tree.cpp -o tree_v3.o
//   c++ -std=c++17 -O3 -ffp-contract=off -march=x86-64-v4 -DHX_ISA_NS=v4 -c tree.cpp -o tree_v4.o
//   c++ -std=c++17 -O3 -ffp-contract=off -c cells.cpp branch_schedule.cpp
// Elsewhere than on x86-64: once, without HX_ISA_NS. -ffp-contract=off is part of the contract: one
// fused multiply-add and the bits are no longer NEURON's. Nothing here may instantiate the standard
// library (see tree_plan.hpp).
#ifndef HX_ISA_NS
#define HX_ISA_NS generic
#endif

#include "tree_branches.hpp"
#include "tree_lanes.hpp"
#include "tree_plan.hpp"
#include "tree_rows.hpp"

#define HX_STRING_(x) #x
#define HX_STRING(x) HX_STRING_(x)

namespace heliox {
namespace HX_ISA_NS {

static bool solve_by_rows(RowRange roots, RowRange rows, NodeColumns const& n, int secondorder) {
    solve_rows(roots.begin, roots.end, rows.begin, rows.end, n);
    bool const nan = update_rows(roots.begin, roots.end, n, secondorder);
    return update_rows(rows.begin, rows.end, n, secondorder) | nan;
}

#ifdef HX_TREE_VEC
static bool solve_group(TreeView const& t, CellGroup const& g, NodeColumns const& n,
                        Capacitance const& cap, TreeStep const& step, StepUse const& use,
                        double* scratch) {
    CellPlace const& c = t.cell[t.order[g.first]];
    CellShape const& shape = t.shape[c.shape];
    switch (g.method) {
    case tree_points:
        return solve_points(c.root, g.n, shape.root_cap ? cap.cm + c.cap_root : nullptr, n, use);
    case tree_lanes:
        return LaneSolver(shape, t.cell, t.order + g.first, g.n, n, cap, use, scratch).solve();
    case tree_branches:
        return BranchSolver(shape, c, n, cap, use, scratch).solve();
    default:
        if (use.add_cap) {
            if (shape.root_cap) add_capacitance({c.cap_root, c.cap_root + 1}, n, cap, use.cfac);
            add_capacitance({c.cap_first, c.cap_first + shape.n_cap}, n, cap, use.cfac);
        }
        return solve_by_rows({c.root, c.root + 1}, {c.first, c.first + shape.n_row - 1}, n,
                             step.secondorder);
    }
}
#endif

static bool solve_block(TreeView const& t, int block, NodeColumns const& n, Capacitance const& cap,
                        TreeStep const& step, [[maybe_unused]] double* scratch) {
    TreeBlock const& b = t.block[block];
    double const cfac = .001 * step.cj;
    bool grouped = false;
#ifdef HX_TREE_VEC
    grouped = t.regular;
#endif
    bool const cap_first = step.fast_imem || !grouped; // sav_d is taken between cap and axial terms
    if (cap_first)
        add_capacitance(b.cap_roots, n, cap, cfac), add_capacitance(b.caps, n, cap, cfac);
    if (step.fast_imem) save_membrane(b.roots, n), save_membrane(b.rows, n);
    bool nan = false;
    if (!grouped) nan = solve_by_rows(b.roots, b.rows, n, step.secondorder);
#ifdef HX_TREE_VEC
    StepUse const use{cfac, step.secondorder ? 2. : 1., !cap_first,
                      step.keep_rhs || !step.lean || step.fast_imem, !step.lean};
    for (int g = b.group_begin; g < b.group_end; ++g) {
        nan |= solve_group(t, t.group[g], n, cap, step, use, scratch);
    }
#endif
    if (!step.lean) store_i_cap(b.cap_roots, n, cap, cfac), store_i_cap(b.caps, n, cap, cfac);
    if (step.fast_imem) store_i_membrane(b.roots, n), store_i_membrane(b.rows, n);
    return nan;
}

#ifdef HX_TREE_VEC
constexpr int tree_width = Vec::width;
#else
constexpr int tree_width = 1;
#endif

extern TreeKernels const tree_kernels;
TreeKernels const tree_kernels = {HX_STRING(HX_ISA_NS), tree_width, solve_block};

} // namespace HX_ISA_NS
} // namespace heliox
