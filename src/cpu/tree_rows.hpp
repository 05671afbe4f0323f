// NEURON's loops for one cell, row by row: the reference, and the path for small or odd cells.
#pragma once

#include "tree_plan.hpp"

namespace heliox {
namespace HX_ISA_NS {

// What a kernel needs to know of one step.
struct StepUse {
    double cfac;  // .001*cj
    double scale; // v += scale*rhs
    bool add_cap; // false: d holds the capacitance already
    bool store_rhs, store_d;
};

// One cell's rows are {root} and [begin, end).
inline void solve_rows(int root_begin, int root_end, int begin, int end, NodeColumns const& n) {
    double* const rhs = n.rhs;
    double* const d = n.d;
    for (int i = begin; i < end; ++i) {
        int const p = n.parent[i];
        double const dv = n.v[p] - n.v[i];
        rhs[i] -= n.b[i] * dv;
        rhs[p] += n.a[i] * dv;
        d[i] -= n.b[i];
        d[p] -= n.a[i];
    }
    for (int i = end - 1; i >= begin; --i) {
        int const p = n.parent[i];
        double const f = n.a[i] / d[i];
        d[p] -= f * n.b[i];
        rhs[p] -= f * rhs[i];
    }
    for (int i = root_begin; i < root_end; ++i) rhs[i] /= d[i];
    for (int i = begin; i < end; ++i) {
        rhs[i] -= n.b[i] * rhs[n.parent[i]];
        rhs[i] /= d[i];
    }
}

// v += rhs on rows [begin, end); true if a voltage is NaN.
inline bool update_rows(int begin, int end, NodeColumns const& n, int secondorder) {
    double const scale = secondorder ? 2. : 1.; // exact either way
    int nan = 0;
    for (int i = begin; i < end; ++i) {
        double const v = n.v[i] + scale * n.rhs[i];
        n.v[i] = v;
        nan |= v != v;
    }
    return nan;
}

inline void add_capacitance(RowRange k, NodeColumns const& n, Capacitance const& cap, double cfac) {
    for (int i = k.begin; i < k.end; ++i) n.d[cap.node[i]] += cfac * cap.cm[i];
}

inline void store_i_cap(RowRange k, NodeColumns const& n, Capacitance const& cap, double cfac) {
    for (int i = k.begin; i < k.end; ++i) {
        cap.i_cap[i] = cfac * cap.cm[i] * n.rhs[cap.node[i]];
    }
}

// Before the axial terms: what is left is membrane current and its conductance.
inline void save_membrane(RowRange rows, NodeColumns const& n) {
    for (int i = rows.begin; i < rows.end; ++i) {
        n.sav_rhs[i] -= n.rhs[i];
        n.sav_d[i] = n.d[i] - n.sav_d[i];
    }
}

inline void store_i_membrane(RowRange rows, NodeColumns const& n) {
    for (int i = rows.begin; i < rows.end; ++i) {
        n.sav_rhs[i] = (n.sav_d[i] * n.rhs[i] + n.sav_rhs[i]) * n.area[i] * 0.01;
    }
}

// Cells that are only a root, at n_point consecutive rows. cm: their capacitance, or null.
inline bool solve_points(int root, int n_point, double const* cm, NodeColumns const& n,
                         StepUse const& use) {
    int nan = 0;
    bool const add = use.add_cap && cm;
    for (int k = 0; k < n_point; ++k) {
        int const i = root + k;
        double const d = add ? n.d[i] + use.cfac * cm[k] : n.d[i];
        double const dv = n.rhs[i] / d;
        double const v = n.v[i] + use.scale * dv;
        n.v[i] = v;
        nan |= v != v;
        if (use.store_rhs) n.rhs[i] = dv;
        if (use.store_d) n.d[i] = d;
    }
    return nan;
}

} // namespace HX_ISA_NS
} // namespace heliox
