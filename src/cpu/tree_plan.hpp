// What the tree kernels read of a Tree: plain arrays, no library types.
//
// tree.cpp is compiled once per instruction set. An inline function of the standard library,
// compiled there, could be the copy the linker keeps for the whole program and fail on an older
// machine; so the kernels see pointers only.
#pragma once

#include "tree.hpp"

namespace heliox {

// One round of a branch schedule: at most W nodes, one a lane, whose children were done in earlier
// rounds. (Two vectors a round, to overlap their divisions, gained nothing on Zen 4.)
struct BranchRound {
    // lanes whose node is the parent of the same lane's node one round earlier, that child being the
    // node's first
    unsigned carried;
    int late_end;  // end of this round's late children in BranchSchedule::late
    int fetch_end; // end of this round's parents to fetch in BranchSchedule::fetch
};

// A term that does not come through the lane itself.
struct BranchLink {
    unsigned lane; // bit of the lane of this round's node
    int slot;      // round * W + lane of the other node
};

// Order of elimination of one cell with the lanes of a vector on different branches.
struct BranchSchedule {
    int n_round;
    BranchRound const* round;
    int const* row;         // [n_round * W] cell row, or n_row for an idle lane
    BranchLink const* late; // by round: children to subtract before the carried one, NEURON's order
    BranchLink const* fetch; // by round: parents whose solution is not in the lane
};

// W rows 1 + W*tile ... of a cell that are consecutive in memory.
struct RowTile {
    unsigned rows;  // lanes that are rows of the cell
    unsigned cap;   // rows with capacitance
    unsigned chain; // rows whose first child is the next row
    int cap_first;  // capacitance instances in earlier tiles
    int jump_first; // index of this tile's first jump (or the number of earlier ones)
    int jump_end;
};

// A cell of the thread, or all cells of one shape: rows relative to the cell, 0 is the root.
struct CellShape {
    int n_row; // root included
    int n_tile;
    int n_jump;
    int n_cap; // capacitance instances on rows 1..
    bool root_cap;
    int const* parent;   // [n_row], parent[0] = -1
    RowTile const* tile; // [n_tile]
    int const* jump;     // [n_jump] rows whose parent is not the row before, ascending
    int const* jump_parent;
    int const* kid_first; // [n_row + 1] into kid
    int const* kid;       // by parent, ascending: indices of its jumps
    BranchSchedule branch;
};

// Where one cell's data are.
struct CellPlace {
    int shape;
    int root, first;         // node rows of the root and of cell row 1
    int cap_root, cap_first; // instances of the root and of the first row with capacitance
};

// A set of cells that one kernel call does: lanes of one vector, or a single cell.
struct CellGroup {
    int first;  // in TreeBlock cell order
    int n;      // cells: 1..W, any number of points
    int method; // TreeMethod
};

// rows: NEURON's loops. lanes: the lanes of a vector are cells. branches: they are branches of one
// cell. points: cells that are only a root, at consecutive rows.
enum TreeMethod { tree_rows, tree_lanes, tree_branches, tree_points };

struct TreeBlock {
    RowRange roots, rows, cap_roots, caps;
    int group_begin, group_end;
};

// Everything for one thread.
struct TreeView {
    int ncell, n_node;
    int lanes; // W
    CellShape const* shape;
    CellPlace const* cell; // [ncell]
    int const* order;      // [ncell] cells, block by block, equal shapes next to each other
    TreeBlock const* block;
    CellGroup const* group;
    bool regular;
};

// The kernels of one instruction set.
struct TreeKernels {
    char const* isa;
    int lanes;
    bool (*solve)(TreeView const&, int block, NodeColumns const&, Capacitance const&,
                  TreeStep const&, double* scratch);
};

} // namespace heliox
