// One cell, the lanes of a vector on different branches.
//
// 1. rows in NEURON's order, W at a time: capacitance and axial terms, into quadruples of d, rhs, a
//    and b;
// 2. rounds of the branch schedule, leaves first: elimination; a lane that goes on with the parent
//    keeps the child's terms in a register, terms of other branches are read back;
// 3. rounds in reverse: substitution, solutions scattered to row order;
// 4. rows in NEURON's order: v.
#pragma once

#include "tree_rows.hpp"
#include "tree_vec.hpp"

#ifdef HX_TREE_VEC

namespace heliox {
namespace HX_ISA_NS {

class BranchSolver {
  public:
    BranchSolver(CellShape const& shape, CellPlace const& place, NodeColumns const& node,
                 Capacitance const& cap, StepUse const& use, double* scratch)
        : s(shape), at(place), n(node), use(use), offset(place.first - 1) {
        int const n_slot = shape.branch.n_round * W;
        cm = cap.cm + place.cap_first;
        cm_root = shape.root_cap ? cap.cm + place.cap_root : nullptr;
        quad = scratch;
        x_row = quad + 4 * (s.n_row + W);
        d = x_row + s.n_row + W;
        rhs = d + n_slot;
        b = rhs + n_slot;
        child_d = b + n_slot;
        child_rhs = child_d + n_slot;
        x = child_rhs + n_slot;
    }

    bool solve() {
        set_up_root();
        for (int t = 0; t < s.n_tile; ++t) set_up_tile(t);
        add_jumps();
        double* const idle = quad + 4 * s.n_row;
        idle[0] = 1., idle[1] = idle[2] = idle[3] = 0.;
        eliminate();
        substitute();
        return update();
    }

  private:
    static constexpr int W = Vec::width;

    // node row of a cell row
    int row(int r) const { return r ? offset + r : at.root; }

    void set_up_root() {
        double root_d = n.d[at.root];
        if (use.add_cap && cm_root) root_d += use.cfac * *cm_root;
        quad[0] = root_d;
        quad[1] = n.rhs[at.root];
        quad[2] = quad[3] = 0.;
    }

    // Own axial terms, then those of the first child where that is the next row.
    void set_up_tile(int t) {
        RowTile const tile = s.tile[t];
        int const r0 = 1 + t * W, i = offset + r0;
        Vec const v = Vec::load(tile.rows, n.v + i);
        Vec parent_v = Vec::load(tile.rows, n.v + i - 1);
        for (int k = tile.jump_first; k < tile.jump_end; ++k) {
            parent_v =
                select(1u << (s.jump[k] - r0), parent_v, Vec::all(n.v[row(s.jump_parent[k])]));
        }
        Vec const a = Vec::load(tile.rows, n.a + i), b = Vec::load(tile.rows, n.b + i);
        Vec const next_a = Vec::load(tile.chain, n.a + i + 1);
        Vec const next_v = Vec::load(tile.chain, n.v + i + 1);
        Vec rhs = Vec::load(tile.rows, n.rhs + i) - b * (parent_v - v);
        rhs = add_where(tile.chain, rhs, next_a * (v - next_v));
        Vec d = Vec::load(tile.rows, n.d + i);
        if (use.add_cap) {
            unsigned const low = (1u << __builtin_popcount(tile.cap)) - 1;
            Vec const packed = Vec::load(low, cm + tile.cap_first);
            d = add_where(tile.cap, d, Vec::all(use.cfac) * spread(tile.cap, packed));
        }
        d = sub_where(tile.chain, d - b, next_a);
        store_quads(quad + 4 * r0, d, rhs, a, b);
    }

    void add_jumps() {
        for (int k = 0; k < s.n_jump; ++k) {
            int const r = s.jump[k], p = s.jump_parent[k];
            double const a = quad[4 * r + 2];
            quad[4 * p + 1] += a * (n.v[row(p)] - n.v[offset + r]);
            quad[4 * p] -= a;
        }
    }

    void eliminate() {
        BranchSchedule const& g = s.branch;
        // locals: members would be loaded again between two dependent divisions
        double *const d = this->d, *const rhs = this->rhs, *const b = this->b;
        double *const child_d = this->child_d, *const child_rhs = this->child_rhs;
        Vec carried_d = Vec::all(0.), carried_rhs = Vec::all(0.);
        int k = 0;
        for (int i = 0; i < g.n_round; ++i) {
            BranchRound const round = g.round[i];
            Vec row_d, row_rhs, row_a, row_b;
            load_quads(quad, g.row + i * W, row_d, row_rhs, row_a, row_b);
            for (; k < round.late_end; ++k) {
                BranchLink const l = g.late[k];
                row_d = sub_where(l.lane, row_d, Vec::all(child_d[l.slot]));
                row_rhs = sub_where(l.lane, row_rhs, Vec::all(child_rhs[l.slot]));
            }
            row_d = sub_where(round.carried, row_d, carried_d);
            row_rhs = sub_where(round.carried, row_rhs, carried_rhs);
            Vec const p = row_a / row_d;
            carried_d = p * row_b;
            carried_rhs = p * row_rhs;
            row_d.store(d + i * W);
            row_rhs.store(rhs + i * W);
            row_b.store(b + i * W);
            carried_d.store(child_d + i * W);
            carried_rhs.store(child_rhs + i * W);
        }
    }

    void substitute() {
        BranchSchedule const& g = s.branch;
        double *const x = this->x, *const x_row = this->x_row;
        double const *const d = this->d, *const rhs = this->rhs, *const b = this->b;
        Vec solution = Vec::all(0.); // the root has b = 0: nothing comes from above
        int k = g.round[g.n_round - 1].fetch_end;
        for (int i = g.n_round - 1; i >= 0; --i) {
            int const begin = i ? g.round[i - 1].fetch_end : 0;
            for (; k > begin; --k) {
                BranchLink const l = g.fetch[k - 1];
                solution = select(l.lane, solution, Vec::all(x[l.slot]));
            }
            Vec const row_rhs = Vec::load(rhs + i * W) - Vec::load(b + i * W) * solution;
            solution = row_rhs / Vec::load(d + i * W);
            solution.store(x + i * W);
            scatter(x_row, g.row + i * W, solution);
        }
    }

    bool update() {
        unsigned nan = 0;
        Vec const scale = Vec::all(use.scale);
        for (int t = 0; t < s.n_tile; ++t) {
            unsigned const rows = s.tile[t].rows;
            int const r0 = 1 + t * W, i = offset + r0;
            Vec const dv = Vec::load(rows, x_row + r0);
            Vec const v = Vec::load(rows, n.v + i) + scale * dv;
            v.store(rows, n.v + i);
            nan |= nan_lanes(v);
            if (use.store_rhs) dv.store(rows, n.rhs + i);
        }
        n.v[at.root] += use.scale * x_row[0];
        if (use.store_rhs) n.rhs[at.root] = x_row[0];
        if (use.store_d) store_d();
        return nan || n.v[at.root] != n.v[at.root];
    }

    void store_d() {
        for (int k = 0; k < s.branch.n_round * W; ++k) {
            int const r = s.branch.row[k];
            if (r < s.n_row) n.d[row(r)] = d[k];
        }
    }

    CellShape const& s;
    CellPlace const& at;
    NodeColumns const& n;
    StepUse const& use;
    int const offset; // node row of cell row r >= 1 is offset + r
    double const *cm, *cm_root;
    double *quad, *x_row;                          // by row
    double *d, *rhs, *b, *child_d, *child_rhs, *x; // by slot of the schedule
};

} // namespace HX_ISA_NS
} // namespace heliox

#endif
