// The second half of a fixed step: capacitance, axial terms, tree solve, voltage update.
//
// Runs after every mechanism has accumulated its current into rhs[] and its conductance into d[] of
// one NrnThread, and gives the bits of NEURON's nrn_cap_jacob, the axial loops of nrn_rhs and
// nrn_lhs, nrn_solve (Hines 1984), nrn_update_voltage, nrn_capacity_current and nrn_calc_fast_imem.
// Sums into one node keep NEURON's order; nodes that do not feed each other may be done in any
// order, which is where the speed comes from: lanes of a vector are cells of equal shape, or
// branches of one cell.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace heliox {

// NEURON's node columns of one thread, in place. Rows: roots of all cells first, then each cell's
// rows.
struct NodeColumns {
    int ncell, n_node;
    int const* parent;       // [n_node] row of the parent; not read for the first ncell rows
    double const *a, *b;     // [n_node] axial coefficients, negative; not read for roots
    double const* area;      // [n_node] um2; read with fast_imem only
    double *v, *rhs, *d;     // [n_node] mV, mA/cm2 then mV, mS/cm2
    double *sav_rhs, *sav_d; // [n_node] or null; read and written with fast_imem only
};

// The capacitance mechanism: its node rows are those given to Tree.
struct Capacitance {
    int n;
    int const* node;  // [n] node rows
    double const* cm; // [n] uF/cm2
    double* i_cap;    // [n] mA/cm2, may be null in lean steps
};

struct TreeStep {
    double cj;       // 1/ms: 1/dt, 2/dt with secondorder
    int secondorder; // as in hoc
    bool fast_imem;  // cvode.use_fast_imem: sav_rhs becomes i_membrane_, nA
    bool lean;       // i_cap, d and rhs need not hold NEURON's values after the call
    bool keep_rhs;   // rhs must hold the solution even if lean
};

// Rows or instances [begin, end).
struct RowRange {
    int begin, end;
    int size() const { return end - begin; }
};

struct TreePlan; // tree_plan.hpp

// The schedule of one thread's cells, built once; read-only in a step.
class Tree {
  public:
    // parent: [n_node], parent[i] < i for i >= ncell. cap_node: [n_cap], distinct rows.
    // isa: "v2", "v3", "v4" as in x86-64-v4, or null for the best one this machine has.
    // Throws std::invalid_argument if parent is no tree or cap_node no set of rows.
    Tree(int ncell, int n_node, int const* parent, int n_cap, int const* cap_node,
         char const* isa = nullptr);
    ~Tree();
    Tree(Tree&&) noexcept;
    Tree& operator=(Tree&&) noexcept;

    // Cuts the cells into blocks of about `target_bytes_per_block`, at least `min_blocks` if there
    // are that many cells. bytes_per_node counts what the whole step touches, mechanisms included.
    void choose_blocks(std::size_t target_bytes_per_block, std::size_t bytes_per_node,
                       int min_blocks);

    // True if every cell's rows are contiguous and cap_node ascends, as NEURON lays them out. If
    // not, there is one block and it runs as plain loops.
    bool regular() const;
    int n_block() const;
    RowRange root_rows(int block) const;        // the same range counts the block's cells
    RowRange rows(int block) const;             // the rows that are no roots
    RowRange root_capacitance(int block) const; // instances at root_rows
    RowRange capacitance(int block) const;      // instances at rows

    // Bytes `solve` needs at `scratch`, 64-byte aligned, for any block. One scratch per thread.
    std::size_t scratch_bytes() const;

    // Advances v of the block's cells. Different blocks may run at the same time. Returns true if a
    // voltage of the block is NaN afterwards.
    bool solve(int block, NodeColumns const& node, Capacitance const& cap, TreeStep const& step,
               void* scratch) const;

    char const* isa() const;      // the kernels in use: "v2", "v3", "v4", "generic"
    std::string describe() const; // shapes, blocks and methods, for a report

  private:
    std::unique_ptr<TreePlan> plan_;
};

} // namespace heliox
