// Up to W cells of equal shape, one a lane.
//
// Descending over tiles of W rows: each cell's columns are loaded as they lie and transposed, then
// every row takes its capacitance, axial terms and children and is eliminated. A row whose parent
// is the row before hands its terms over in registers, others (jumps) through memory. Ascending:
// substitution, W rows transposed back, v.
#pragma once

#include "tree_rows.hpp"
#include "tree_vec.hpp"

#ifdef HX_TREE_VEC

namespace heliox {
namespace HX_ISA_NS {

class LaneSolver {
  public:
    LaneSolver(CellShape const& shape, CellPlace const* cell, int const* order, int n_lane,
               NodeColumns const& node, Capacitance const& cap, StepUse const& use, double* scratch)
        : s(shape), n(node), use(use), n_lane(n_lane) {
        for (int l = 0; l < W; ++l) { // idle lanes repeat the first cell and store nothing
            CellPlace const& c = cell[order[l < n_lane ? l : 0]];
            root[l] = c.root;
            offset[l] = c.first - 1;
            cm[l] = cap.cm + c.cap_first;
            cm_root[l] = cap.cm + c.cap_root;
        }
        d = scratch;
        rhs = d + W * (s.n_row + W);
        b = rhs + W * (s.n_row + W);
        jump = b + W * (s.n_row + W);
    }

    bool solve() {
        int k = s.n_jump;
        Terms next{};
        for (int t = s.n_tile - 1; t >= 0; --t) k = eliminate_tile(t, k, next);
        Vec last = eliminate_root();
        for (int t = 0; t < s.n_tile; ++t) substitute_tile(t, last);
        return nan;
    }

  private:
    static constexpr int W = Vec::width;

    // What a child hands to its parent.
    struct Terms {
        Vec a, current, d, rhs;
    };

    void load_tile(double const* column, unsigned rows, int r0, double* out) const {
        Vec v[W];
        for (int l = 0; l < W; ++l) v[l] = Vec::load(rows, column + offset[l] + r0);
        transpose(v);
        for (int j = 0; j < W; ++j) v[j].store(out + j * W);
    }

    void load_cm(RowTile const& tile, double* out) const {
        Vec v[W];
        unsigned const low = (1u << __builtin_popcount(tile.cap)) - 1;
        for (int l = 0; l < W; ++l) v[l] = Vec::load(low, cm[l] + tile.cap_first);
        transpose(v);
        for (int j = 0; j < W; ++j) v[j].store(out + j * W);
    }

    Vec load_row(double const* column, int r) const {
        alignas(64) double x[W];
        for (int l = 0; l < W; ++l) x[l] = column[r ? offset[l] + r : root[l]];
        return Vec::load(x);
    }

    Terms load_jump(int k) const {
        double const* p = jump + long(k) * 4 * W;
        return {Vec::load(p), Vec::load(p + W), Vec::load(p + 2 * W), Vec::load(p + 3 * W)};
    }

    // Children in NEURON's order: axial terms ascending, elimination descending. `chain`: the next
    // row is the first child.
    void add_children(int r, bool chain, Terms const& next, Vec& row_d, Vec& row_rhs) const {
        if (chain) row_d = row_d - next.a, row_rhs = row_rhs + next.current;
        int const begin = s.kid_first[r], end = s.kid_first[r + 1];
        for (int k = begin; k < end; ++k) {
            Terms const c = load_jump(s.kid[k]);
            row_d = row_d - c.a, row_rhs = row_rhs + c.current;
        }
        for (int k = end; k-- > begin;) {
            Terms const c = load_jump(s.kid[k]);
            row_d = row_d - c.d, row_rhs = row_rhs - c.rhs;
        }
        if (chain) row_d = row_d - next.d, row_rhs = row_rhs - next.rhs;
    }

    // `k`: number of jumps at or before this tile's rows; returns that of the earlier tiles.
    int eliminate_tile(int t, int k, Terms& carried) {
        RowTile const tile = s.tile[t];
        int const r0 = 1 + t * W;
        alignas(64) double tv[W * W], ta[W * W], tcm[W * W];
        // locals: a member would be stored and loaded again between two dependent divisions
        double *const to_d = d + r0 * W, *const to_rhs = rhs + r0 * W, *const to_b = b + r0 * W;
        Terms next = carried;
        load_tile(n.v, tile.rows, r0, tv);
        load_tile(n.a, tile.rows, r0, ta);
        load_tile(n.b, tile.rows, r0, to_b);
        load_tile(n.d, tile.rows, r0, to_d);
        load_tile(n.rhs, tile.rows, r0, to_rhs);
        int caps = __builtin_popcount(tile.cap);
        if (use.add_cap) load_cm(tile, tcm);
        for (int j = __builtin_popcount(tile.rows) - 1; j >= 0; --j) {
            int const r = r0 + j;
            bool const jumps = k > tile.jump_first && s.jump[k - 1] == r;
            Vec const parent_v =
                jumps || j == 0 ? load_row(n.v, s.parent[r]) : Vec::load(tv + (j - 1) * W);
            Vec const row_a = Vec::load(ta + j * W), row_b = Vec::load(to_b + j * W);
            Vec const dv = parent_v - Vec::load(tv + j * W);
            Vec row_d = Vec::load(to_d + j * W);
            if (use.add_cap && (tile.cap >> j & 1)) {
                row_d = row_d + Vec::all(use.cfac) * Vec::load(tcm + --caps * W);
            }
            row_d = row_d - row_b;
            Vec row_rhs = Vec::load(to_rhs + j * W) - row_b * dv;
            add_children(r, tile.chain >> j & 1, next, row_d, row_rhs);
            Vec const p = row_a / row_d;
            row_d.store(to_d + j * W);
            row_rhs.store(to_rhs + j * W);
            next = {row_a, row_a * dv, p * row_b, p * row_rhs};
            if (jumps) {
                --k;
                double* const to = jump + long(k) * 4 * W;
                next.a.store(to), next.current.store(to + W);
                next.d.store(to + 2 * W), next.rhs.store(to + 3 * W);
            }
        }
        carried = next;
        return k;
    }

    // Returns the roots' solution.
    Vec eliminate_root() {
        Vec root_d = load_row(n.d, 0), root_rhs = load_row(n.rhs, 0);
        if (use.add_cap && s.root_cap) {
            root_d = root_d + Vec::all(use.cfac) * load_rows(cm_root, 0);
        }
        add_children(0, false, Terms{}, root_d, root_rhs);
        Vec const x = root_rhs / root_d;
        x.store(rhs);
        root_d.store(d);
        for (int l = 0; l < n_lane; ++l) {
            double const v = n.v[root[l]] + use.scale * rhs[l];
            n.v[root[l]] = v;
            nan |= v != v;
            if (use.store_rhs) n.rhs[root[l]] = rhs[l];
            if (use.store_d) n.d[root[l]] = d[l];
        }
        return x;
    }

    void substitute_tile(int t, Vec& above) {
        RowTile const tile = s.tile[t];
        int const r0 = 1 + t * W;
        Vec x[W];
        int k = tile.jump_first;
        int const n_row = __builtin_popcount(tile.rows);
        Vec last = above;
        double *const from_d = d, *const from_rhs = rhs, *const from_b = b;
        for (int j = 0; j < W; ++j) {
            int const r = r0 + j;
            x[j] = Vec::all(0.);
            if (j >= n_row) continue;
            if (k < tile.jump_end && s.jump[k] == r) {
                last = Vec::load(from_rhs + s.jump_parent[k++] * W);
            }
            Vec const row_rhs = Vec::load(from_rhs + r * W) - Vec::load(from_b + r * W) * last;
            last = row_rhs / Vec::load(from_d + r * W);
            last.store(from_rhs + r * W);
            x[j] = last;
        }
        above = last;
        transpose(x);
        Vec const scale = Vec::all(use.scale);
        for (int l = 0; l < n_lane; ++l) {
            double* const to = n.v + offset[l] + r0;
            Vec const v = Vec::load(tile.rows, to) + scale * x[l];
            v.store(tile.rows, to);
            nan |= nan_lanes(v);
            if (use.store_rhs) x[l].store(tile.rows, n.rhs + offset[l] + r0);
        }
        if (use.store_d) store_d(tile, r0);
    }

    void store_d(RowTile const& tile, int r0) {
        Vec x[W];
        for (int j = 0; j < W; ++j) x[j] = Vec::load(d + (tile.rows >> j & 1 ? r0 + j : 0) * W);
        transpose(x);
        for (int l = 0; l < n_lane; ++l) x[l].store(tile.rows, n.d + offset[l] + r0);
    }

    CellShape const& s;
    NodeColumns const& n;
    StepUse const& use;
    int const n_lane;
    int root[W], offset[W];
    double const *cm[W], *cm_root[W];
    double *d, *rhs, *b; // [row][lane]; rhs becomes the solution
    double* jump;        // [jump][a, current, d, rhs][lane]
    unsigned nan = 0;
};

} // namespace HX_ISA_NS
} // namespace heliox

#endif
