// The nodes of one block of cells while a step runs, and what a step does with them besides mechanisms.
//
// A block of threads owns whole cells. Its nodes have slots 0 .. n-1; in the model's node columns the block's
// slots lie side by side, from `first` on. v, rhs, d, a, b are in shared memory if the block's nodes fit there,
// otherwise in a workspace in global memory. Sums into one node keep NEURON's order: the node's thread
// adds them up by itself. Included after hx_model is defined (codegen/device_source.py).
#pragma once

namespace hx {

// What mechanisms add up for one node: rhs [mA/cm2], d [S/cm2 1e3], and the electrodes' part of both.
struct NodeSum {
    double rhs, d, sav_rhs, sav_d;
};

// What one instance adds to its node.
struct Contribution {
    double i, g;
};

// steady: so many slots, the first ones, are of nodes whose currents are k + g v with k and g that no step
// changes (fast fidelity, codegen/device_steady.py). kept: d of so many of them is the tree solve's affair
// (tree_contract.cuh).
struct Nodes {
    int first, n, steady, kept;
    TreeColumns tree;
    double *v, *scratch;
};

constexpr int kStride = row_stride<HX_TREE_METHOD>;
HX_DEVICE double& rhs_of(Nodes const& nodes, int l) { return nodes.tree.rhs[kStride * l]; }
HX_DEVICE double& d_of(Nodes const& nodes, int l) { return nodes.tree.d[kStride * l]; }
HX_DEVICE double& a_of(Nodes const& nodes, int l) { return nodes.tree.a[kStride * l]; }
HX_DEVICE double& b_of(Nodes const& nodes, int l) { return nodes.tree.b[kStride * l]; }

// So that shared memory holds one more block, v may have no place of its own there: HX_V_IN_SCRATCH, it shares
// that of the tree solve, and hx_model.v keeps it meanwhile; HX_GLOBAL_V, it is in hx_model.v only.
HX_DEVICE void set_v(Nodes const& nodes, int l, double v) {
    nodes.v[l] = v;
#ifdef HX_V_IN_SCRATCH
    hx_model.v[nodes.first + l] = v;
#endif
}

HX_DEVICE Nodes nodes_of(int b, double* memory) {
    Nodes nodes;
    nodes.first = hx_model.block_node[b];
    nodes.n = hx_model.block_node[b + 1] - nodes.first;
#ifdef HX_STEADY
    nodes.steady = hx_model.steady_count[b];
    nodes.kept = hx_model.steady_kept[b];
#else
    nodes.steady = nodes.kept = 0;
#endif
    nodes.tree = columns_in<HX_TREE_METHOD>(memory, nodes.n);
    nodes.v = nodes.scratch = memory + 4 * nodes.n;
#if defined(HX_GLOBAL_V)
    nodes.v = hx_model.v + nodes.first;
#elif !defined(HX_V_IN_SCRATCH)
    nodes.scratch += nodes.n + (nodes.n & 1); // at a multiple of 16 bytes
#endif
    return nodes;
}

HX_DEVICE void load_nodes(Nodes const& nodes) {
    HX_ROLLED
    for (int l = tid(); l < nodes.n; l += n_thread()) {
#ifndef HX_GLOBAL_V
        nodes.v[l] = hx_model.v[nodes.first + l];
#endif
        a_of(nodes, l) = hx_model.a[nodes.first + l];
        b_of(nodes, l) = hx_model.b[nodes.first + l];
    }
    HX_SYNC();
}

HX_DEVICE void store_nodes(Nodes const& nodes) {
    HX_ROLLED
    for (int l = tid(); l < nodes.n; l += n_thread()) {
        double const v = nodes.v[l];
#ifndef HX_GLOBAL_V
        hx_model.v[nodes.first + l] = v;
#endif
        if (v != v) {
            *hx_model.nan_node = nodes.first + l;
        }
    }
}

// hx_model.kin: the parent's slot + 1 in the low half (0: a root), the only child's slot + 1 in the high one (0: none).
constexpr int kSeveral = 0xfffe;

HX_DEVICE unsigned kin_of(Nodes const& nodes, int l) {
    return (unsigned)passing(hx_model.kin, nodes.first + l);
}

// Axial terms (the axial loops of nrn_rhs and nrn_lhs): of the node's own parent first, then of its children
// in NEURON's order.
HX_DEVICE void add_neighbours(Nodes const& nodes, int l, unsigned kin, double v, NodeSum& sum) {
    int const p = nodes.first + l;
    int const parent = (int)(kin & 0xffffu) - 1, child = (int)(kin >> 16) - 1;
    if (parent >= 0) {
        double const b = b_of(nodes, l);
        sum.rhs -= b * (nodes.v[parent] - v);
        sum.d -= b;
    }
    if (child != kSeveral && child >= 0) {
        double const a = a_of(nodes, child);
        sum.rhs += a * (v - nodes.v[child]);
        sum.d -= a;
    } else if (child == kSeveral) {
        int const end = hx_model.child_first[p + 1];
        HX_ROLLED
        for (int k = hx_model.child_first[p]; k < end; ++k) {
            double const a = a_of(nodes, hx_model.child[k]);
            sum.rhs += a * (v - nodes.v[hx_model.child[k]]);
            sum.d -= a;
        }
    }
}

// The position of a slot; of the block's last one for those behind it.
HX_DEVICE int position(Nodes const& nodes, int l) {
    return nodes.first + (l < nodes.n ? l : nodes.n - 1);
}

// What add_axial needs of memory that is far away.
struct Axial {
    unsigned kin;
    double cm;
};

HX_DEVICE Axial axial_ahead(Nodes const& nodes, int l) {
    return {kin_of(nodes, l), fixed(hx_model.cm, nodes.first + l)};
}

// Capacitance (nrn_cap_jacob) and axial terms complete a node's row.
HX_DEVICE void add_axial(Nodes const& nodes, int l, double v, Axial const& axial, NodeSum& sum) {
    if (l < nodes.steady) {
        return;
    }
    sum.d += .001 * hx_model.cj * axial.cm;
#ifdef HX_FAST_IMEM
    int const p = nodes.first + l;
    hx_model.sav_rhs[p] = sum.sav_rhs - sum.rhs;
    hx_model.sav_d[p] = sum.d - sum.sav_d;
#endif
    add_neighbours(nodes, l, axial.kin, v, sum);
    rhs_of(nodes, l) = sum.rhs;
    d_of(nodes, l) = sum.d;
}

#ifdef HX_STEADY

// rhs of a steady node without its neighbours is k - g v.
HX_DEVICE void set_steady(Nodes const& nodes, int l, double k, double g) {
    int const p = nodes.first + l;
    NodeSum sum{};
    sum.d = g + .001 * hx_model.cj * fixed(hx_model.cm, p);
    add_neighbours(nodes, l, kin_of(nodes, l), 0., sum);
    hx_model.steady_k[p] = k;
    hx_model.steady_g[p] = g;
    hx_model.steady_d[p] = sum.d;
}

#endif

// A thread's number for the nodes that are not steady: the last warp has the first of them, so that the others go on to
// the steady ones.
HX_DEVICE int tid_from_last() { return (n_warp() - 1 - warp()) * n_lane() + lane(); }

// A thread's number where the first of them belong to warp `turn` (of as many as there are): what few threads do waits less
// for memory if it does not all fall to the first warp.
template <int turn>
HX_DEVICE int tid_turned() {
#if defined(__CUDACC_RTC__) && defined(HX_THREADS)
    constexpr int n = HX_THREADS < 32 ? 1 : HX_THREADS / 32;
    int const t = tid() - turn % n * 32;
    return t < 0 ? t + n_thread() : t;
#else
    return tid();
#endif
}

// Steady nodes are work that a warp does when it is free: warps take pieces of them in turn. A part of them is done at the
// end of a pass of tasks, by warps that would wait for the others; the rest beside what few warps do after it.
// In the order of a step: each begins the one after the next (share_steady).
enum SteadyPart { kCurrentsFirst, kCurrentsRest, kAdvanceFirst, kAdvanceRest };

#if defined(__CUDACC_RTC__) && defined(HX_STEADY)
__shared__ unsigned steady_next[4]; // piece of each part that nobody has taken yet

HX_DEVICE unsigned take_piece(int part) {
    unsigned taken = 0;
    if (lane() == 0) {
        taken = atomicAdd(steady_next + part, 1u);
    }
    return __shfl_sync(0xffffffffu, taken, 0);
}
#endif

// Before a barrier. Each part sees to it that the one after the next begins anew.
HX_DEVICE void begin_steady(int part) {
#if defined(__CUDACC_RTC__) && defined(HX_STEADY)
    if (tid() == 0) {
        steady_next[part] = 0;
    }
#endif
}

// finish(l, load(l)) for the block's steady nodes from `begin` to `end` eighths; a thread has the loads of two nodes
// under way.
template <class Load, class Finish>
HX_DEVICE void share_steady(Nodes const& nodes, SteadyPart part, int begin, int end, Load load,
                            Finish finish) {
#ifdef HX_STEADY
#ifdef __CUDACC_RTC__
    begin_steady((part + 2) % 4);
    int const size = 2 * n_lane();
    int const n_piece = (nodes.steady + size - 1) / size;
    unsigned const first = n_piece * begin / 8, n = n_piece * end / 8 - first;
    unsigned piece = take_piece(part);
    HX_ROLLED
    while (piece < n) {
        unsigned const after = take_piece(part);
        int const l = (int)(first + piece) * size + lane();
        int const other = l + n_lane() < nodes.steady ? l + n_lane() : l; // then twice the same
        if (l < nodes.steady) {
            auto const one = load(l);
            auto const two = load(other);
            finish(l, one);
            finish(other, two);
        }
        piece = after;
    }
#else
    for (int l = nodes.steady * begin / 8; l < nodes.steady * end / 8; ++l) {
        finish(l, load(l));
    }
#endif
#endif
}

// What a step needs of a steady node.
struct SteadyNode {
    double k, g, d;
    unsigned kin;
};

HX_DEVICE void steady_currents(Nodes const& nodes, SteadyPart part) {
#ifdef HX_STEADY
    bool const rest = part == kCurrentsRest;
    auto const load = [&](int l) {
        int const p = nodes.first + l;
        double const d = l < nodes.kept ? 0. : passing(hx_model.steady_d, p);
        return SteadyNode{passing(hx_model.steady_k, p), passing(hx_model.steady_g, p), d,
                          kin_of(nodes, l)};
    };
    auto const finish = [&](int l, SteadyNode const& node) {
        double const v = nodes.v[l];
        NodeSum sum{};
        sum.rhs = node.k - node.g * v;
        add_neighbours(nodes, l, node.kin, v, sum);
        rhs_of(nodes, l) = sum.rhs;
        if (l >= nodes.kept) {
            d_of(nodes, l) = node.d;
        }
    };
    share_steady(nodes, part, rest ? 2 : 0, rest ? 8 : 2, load, finish);
#endif
}

// v of the step before, after the tree solve.
HX_DEVICE double former_v(Nodes const& nodes, int l) {
#ifdef HX_V_IN_SCRATCH // the tree solve was there
    return passing(hx_model.v, nodes.first + l);
#else
    return nodes.v[l];
#endif
}

// nrn_update_voltage, with nrn_capacity_current and nrn_calc_fast_imem where somebody reads them.
HX_DEVICE double advance_from(Nodes const& nodes, int l, double former, bool whole) {
    int const p = nodes.first + l;
    double const dv = rhs_of(nodes, l);
    double const v = former + hx_model.v_scale * dv;
    set_v(nodes, l, v);
    if (whole) {
        hx_model.i_cap[p] = .001 * hx_model.cj * hx_model.cm[p] * dv;
    }
#ifdef HX_FAST_IMEM
    hx_model.sav_rhs[p] = (hx_model.sav_d[p] * dv + hx_model.sav_rhs[p]) * hx_model.area[p] * 0.01;
#endif
    return v;
}

HX_DEVICE double advance_v(Nodes const& nodes, int l, bool whole) {
    return advance_from(nodes, l, former_v(nodes, l), whole);
}

HX_DEVICE void advance_steady(Nodes const& nodes, SteadyPart part, bool whole) {
    bool const rest = part == kAdvanceRest;
    share_steady(
        nodes, part, rest ? 4 : 0, rest ? 8 : 4, [&](int l) { return former_v(nodes, l); },
        [&](int l, double former) { advance_from(nodes, l, former, whole); });
}

// NEURON's Nernst potential for instances whose style asks for it (nrnoc/eion.cpp).
HX_DEVICE double nernst(double ci, double co, double charge, double coefficient) {
    if (charge == 0.) {
        return 0.;
    }
    if (ci <= 0.) {
        return 1e6;
    }
    if (co <= 0.) {
        return -1e6;
    }
    return coefficient * hx::log(co / ci);
}

} // namespace hx
