// A layer of equal passive cells through a whole window of steps, for many replicas of the network at once.
//
// The matrix of such a cell never changes (fast fidelity), so it is eliminated once, on the host
// (heliox_neuron/nn/batch/elimination.py). With u the distance of v from rest and y = s u (s = C/dt, or 1 where a node
// has no capacitance) a step is, for each cell,
//     drive:  y += I                                     where synapses are; I is summed in a fixed order
//     up:     x = y (0 without capacitance) - sum over children of f x    tips first
//     down:   y = p x - q y[parent]                      the root first
// A warp owns one cell of one replica; the warps of a block share the presynaptic voltages of their replica. Layers
// follow one another: a layer reads what the layer before it left in its trajectory, one step earlier, as
// a graded synapse in NEURON does (the transfer of v happens after its update).
//
// Rounds of at most 32 ready nodes: a node follows one of its children in the same lane where it can, and finds what that
// leaves it in a register (solvers/dhs.py). What a lane needs of a round is loaded a round ahead, its word two.
#pragma once

#include "device.cuh"

namespace hx {

#ifdef __CUDACC_RTC__
constexpr int layer_lanes = 1; // of a thread
HX_DEVICE int layer_lane(int) { return threadIdx.x & 31; }
// Begins a copy into shared memory; nobody waits for it before copies_done().
HX_DEVICE void begin_copy(double* to, double const* from) {
    asm volatile(
        "cp.async.ca.shared.global [%0], [%1], 8;" ::"r"((unsigned)__cvta_generic_to_shared(to)),
        "l"(from)
        : "memory");
}
HX_DEVICE void copies_done() { asm volatile("cp.async.wait_all;" ::: "memory"); }
// The sum over the lanes of a warp, in every lane.
HX_DEVICE double warp_sum(double const (&part)[1]) {
    double sum = part[0];
    for (int k = 16; k; k /= 2) {
        sum += __shfl_xor_sync(0xffffffffu, sum, k);
    }
    return sum;
}
#else
constexpr int layer_lanes = 32;
HX_DEVICE int layer_lane(int j) { return j; }
HX_DEVICE void begin_copy(double* to, double const* from) { *to = *from; }
HX_DEVICE void copies_done() {}
HX_DEVICE double warp_sum(double const (&part)[32]) {
    double sum[32];
    for (int j = 0; j < 32; ++j) {
        sum[j] = part[j];
    }
    for (int k = 16; k; k /= 2) {
        for (int j = 0; j < k; ++j) {
            sum[j] += sum[j + k];
        }
    }
    return sum[0];
}
#endif

constexpr unsigned layer_idle = 0xffff; // instead of a slot
constexpr unsigned layer_root = 0xffff; // instead of a parent's slot
constexpr unsigned layer_carried = 0xfffe;
constexpr unsigned layer_bare = 0x80000000; // in a word: a node without capacitance

// What a node has besides one carried child, being carried itself.
struct LayerBranch {
    unsigned short child, parent; // slots: of a child in another lane (or idle), of the parent
    unsigned short more, n_more;  // further children: where in Layer.child, how many
};

// Words of 8 bytes, filled by heliox_neuron/nn/batch/network.py in this order.
struct Layer {
    long long n_node, n_round, n_branch, n_cell, n_source, n_step, first, last, soma;
    unsigned const*
        words; // (n_round + 4, 32): slot, branch << 16, layer_bare; two idle rounds around
    LayerBranch const* branch;   // (n_branch,)
    double const* branch_f;      // (n_branch,) f of its child
    double const* fc;            // (n_node,) f of the carried child, of each slot
    double const* p;             // (n_node,)
    double const* q;             // (n_node,)
    unsigned short const* child; // slots
    double const* child_f;       // f of each
    int const* row_first;        // (n_cell + 1,) rows of 32 synapses, one a lane
    unsigned const* synapse; // (n_row, 32) presynaptic cell (n_source: the bias); in the high half
                             // the slot they charge, with the last of a lane's synapses there
    double const* drive;     // (n_row, 32) g w 100/area, made by hx_pack
    int const* wide_first;   // (n_cell + 1,) nodes with many synapses: all lanes sum for one
    int const* wide_row;     // (n_wide + 1,) their rows
    int const* wide_slot;    // (n_wide,)
    double const* y_init;    // (n_node,)
    double const* before;    // (n_replica, n_step, n_source) mV after each step
    double* trajectory;      // (n_replica, n_step, n_cell) mV of the somata after each step
    double* mean;            // (n_replica, n_cell) of v over steps first < n <= last
    double* rectified;       // (n_replica, n_cell) of max(v, 0)
    double* workspace;       // the host device's
    double v_source;         // mV before the first step, of the layer before
    double soma_scale, soma_rest; // v = y soma_scale + soma_rest
};

HX_DEVICE double rectify(double v) { return v > 0. ? v : 0.; }

// The tables of the rounds, where a block reads them.
struct LayerRounds {
    unsigned const* words;
    LayerBranch const* branch;
    double const *branch_f, *fc, *p, *q;
};

struct LayerUp {
    unsigned word, word1;
    LayerBranch branch;
    double branch_f, fc, y, carry;

    HX_DEVICE_MEMBER void load(LayerRounds const& t, double const* cell) {
        unsigned const i = word & layer_idle;
        if (i != layer_idle) {
            fc = t.fc[i];
            y = word & layer_bare ? 0. : cell[i];
            unsigned const k = (word & ~layer_bare) >> 16;
            branch.child = layer_idle;
            if (k) {
                branch = t.branch[k];
                branch_f = t.branch_f[k];
            }
        }
    }
};

// cell: (n_node,) y, afterwards x.
HX_DEVICE void layer_up(Layer const& m, LayerRounds const& t, double* cell) {
    LayerUp lanes[layer_lanes];
    unsigned const* words = t.words + 2 * 32;
    for (int j = 0; j < layer_lanes; ++j) {
        LayerUp& k = lanes[j];
        k.word = words[layer_lane(j)];
        k.word1 = words[32 + layer_lane(j)];
        k.carry = 0.;
        k.load(t, cell);
    }
    int const n_round = (int)m.n_round;
    words += 2 * 32;
#pragma unroll 2
    for (int r = 0; r < n_round; ++r, words += 32) {
        for (int j = 0; j < layer_lanes; ++j) {
            LayerUp& k = lanes[j];
            LayerUp const now = k;
            k.word = k.word1;
            k.word1 = words[layer_lane(j)];
            k.load(t, cell);
            unsigned const i = now.word & layer_idle;
            if (i != layer_idle) {
                double x = now.y - now.fc * now.carry;
                if (now.branch.child != layer_idle) {
                    x -= now.branch_f * cell[now.branch.child];
#pragma unroll 1
                    for (int n = 0; n < now.branch.n_more; ++n) {
                        x -= fixed(m.child_f, now.branch.more + n) *
                             cell[fixed(m.child, now.branch.more + n)];
                    }
                }
                cell[i] = x;
                k.carry = x;
            }
        }
        HX_SYNCWARP();
    }
}

struct LayerDown {
    unsigned word, word1, parent;
    double p, q, x, y;

    HX_DEVICE_MEMBER void load(LayerRounds const& t, double const* cell) {
        unsigned const i = word & layer_idle;
        if (i != layer_idle) {
            p = t.p[i];
            q = t.q[i];
            x = cell[i];
            unsigned const k = (word & ~layer_bare) >> 16;
            parent = k ? t.branch[k].parent : layer_carried;
        }
    }
};

HX_DEVICE void layer_down(Layer const& m, LayerRounds const& t, double* cell) {
    LayerDown lanes[layer_lanes];
    int const n_round = (int)m.n_round;
    unsigned const* words = t.words + (n_round + 1) * 32;
    for (int j = 0; j < layer_lanes; ++j) {
        LayerDown& k = lanes[j];
        k.word = words[layer_lane(j)];
        k.word1 = words[layer_lane(j) - 32];
        k.y = 0.;
        k.load(t, cell);
    }
    words -= 2 * 32;
#pragma unroll 2
    for (int r = 0; r < n_round; ++r, words -= 32) {
        for (int j = 0; j < layer_lanes; ++j) {
            LayerDown& k = lanes[j];
            LayerDown const now = k;
            k.word = k.word1;
            k.word1 = words[layer_lane(j)];
            k.load(t, cell);
            unsigned const i = now.word & layer_idle;
            if (i != layer_idle) {
                double const above = now.parent == layer_carried ? now.y
                                     : now.parent == layer_root  ? 0.
                                                                 : cell[now.parent];
                k.y = now.p * now.x - now.q * above;
                cell[i] = k.y;
            }
        }
        HX_SYNCWARP();
    }
}

// Adds what the synapses of cell n charge its nodes by. f: (n_source + 1,) presynaptic v, the last is 1.
HX_DEVICE void layer_drive(Layer const& m, int n, double* cell, double const* f) {
    int const begin = fixed(m.row_first, n), end = fixed(m.row_first, n + 1);
    for (int j = 0; j < layer_lanes; ++j) {
        double sum = 0.;
#pragma unroll 8
        for (int k = 32 * begin + layer_lane(j); k < 32 * end; k += 32) {
            unsigned const synapse = fixed(m.synapse, k);
            sum += fixed(m.drive, k) * rectify(f[synapse & 0xffff]);
            unsigned const i = synapse >> 16;
            if (i != layer_idle) {
                cell[i] += sum;
                sum = 0.;
            }
        }
    }
    HX_SYNCWARP();
#pragma unroll 1
    for (int w = fixed(m.wide_first, n); w < fixed(m.wide_first, n + 1); ++w) {
        double part[layer_lanes];
        int const from = fixed(m.wide_row, w), to = fixed(m.wide_row, w + 1);
        for (int j = 0; j < layer_lanes; ++j) {
            part[j] = 0.;
#pragma unroll 4
            for (int k = 32 * from + layer_lane(j); k < 32 * to; k += 32) {
                part[j] += fixed(m.drive, k) * rectify(f[fixed(m.synapse, k) & 0xffff]);
            }
        }
        double const sum = warp_sum(part);
        if (lane() == 0) {
            cell[fixed(m.wide_slot, w)] += sum;
        }
        HX_SYNCWARP();
    }
}

// Begins to fetch the presynaptic voltages before step s of replica b.
HX_DEVICE void layer_sources(Layer const& m, int b, int s, double* f) {
    int const n = (int)m.n_source;
    double const* const from = m.before + ((long long)b * m.n_step + s - 1) * n;
    for (int k = tid(); k < n; k += n_thread()) {
        if (s) {
            begin_copy(f + k, from + k);
        } else {
            f[k] = m.v_source;
        }
    }
}

// Doubles of a block's memory before its cells: presynaptic voltages twice, then the tables (network.py).
HX_DEVICE double* layer_tables(Layer const& m, double* memory, bool large, LayerRounds& t) {
    t = {m.words, m.branch, m.branch_f, m.fc, m.p, m.q};
    if (large) {
        return memory;
    }
    int const n = (int)m.n_node, n_branch = (int)m.n_branch, n_word = ((int)m.n_round + 4) * 16;
    double* const fc = memory;
    double* const p = fc + n;
    double* const q = p + n;
    double* const branch_f = q + n;
    double* const branch = branch_f + n_branch;
    double* const words = branch + n_branch;
    for (int k = tid(); k < n; k += n_thread()) {
        fc[k] = m.fc[k];
        p[k] = m.p[k];
        q[k] = m.q[k];
    }
    for (int k = tid(); k < n_branch; k += n_thread()) {
        branch_f[k] = m.branch_f[k];
        branch[k] = ((double const*)m.branch)[k];
    }
    for (int k = tid(); k < n_word; k += n_thread()) {
        words[k] = ((double const*)m.words)[k];
    }
    t = {(unsigned const*)words, (LayerBranch const*)branch, branch_f, fc, p, q};
    return words + n_word;
}

// A block: n_warp cells of one replica. large: the tables stay in global memory.
template <bool large>
HX_DEVICE void advance_layer(Layer const& m, double* memory, int n_warp) {
    int const n_cell = (int)m.n_cell, n_step = (int)m.n_step, n_node = (int)m.n_node;
    int const a_replica = (n_cell + n_warp - 1) / n_warp;
    int const b = block() / a_replica;
    int const begin = (block() - b * a_replica) * n_warp;
    double* const f = memory;
    int const stride = (int)m.n_source + 1;
    LayerRounds t;
    double* const cells = layer_tables(m, memory + 2 * stride, large, t);
    for (int w = warp(); w < n_warp; w += hx::n_warp()) {
        for (int k = lane(); k < n_node; k += n_lane()) {
            cells[w * n_node + k] = m.y_init[k];
        }
    }
    if (tid() == 0) {
        f[stride - 1] = f[2 * stride - 1] = 1.; // the bias
    }
    layer_sources(m, b, 0, f);
    double sums[2][HX_LAYER_WARPS]; // of this thread's cells
    for (int w = 0; w < HX_LAYER_WARPS; ++w) {
        sums[0][w] = sums[1][w] = 0.;
    }
    HX_SYNC();
    for (int s = 0; s < n_step; ++s) {
        if (s + 1 < n_step) {
            layer_sources(m, b, s + 1, f + ((s + 1) & 1) * stride);
        }
        for (int w = warp(), own = 0; w < n_warp; w += hx::n_warp(), ++own) {
            int const n = begin + w;
            if (n >= n_cell) {
                break;
            }
            double* const cell = cells + w * n_node;
            layer_drive(m, n, cell, f + (s & 1) * stride);
            layer_up(m, t, cell);
            layer_down(m, t, cell);
            if (lane() == 0) {
                double const v = cell[m.soma] * m.soma_scale + m.soma_rest;
                m.trajectory[((long long)b * n_step + s) * n_cell + n] = v;
                if (s >= m.first && s < m.last) {
                    sums[0][own] += v;
                    sums[1][own] += rectify(v);
                }
            }
        }
        copies_done();
        HX_SYNC();
    }
    for (int w = warp(), own = 0; w < n_warp; w += hx::n_warp(), ++own) {
        int const n = begin + w;
        if (n < n_cell && lane() == 0) {
            double const count = (double)(m.last - m.first);
            m.mean[(long long)b * n_cell + n] = sums[0][own] / count;
            m.rectified[(long long)b * n_cell + n] = sums[1][own] / count;
        }
    }
}

} // namespace hx

HX_GLOBAL void HX_LAUNCH_BOUNDS hx_layer(unsigned long long address, int n_warp) {
    hx::Layer const m = *(hx::Layer const*)address;
    HX_BATCH_MEMORY(memory, m.workspace);
    hx::advance_layer<false>(m, memory, n_warp);
}

HX_GLOBAL void HX_LAUNCH_BOUNDS hx_layer_large(unsigned long long address, int n_warp) {
    hx::Layer const m = *(hx::Layer const*)address;
    HX_BATCH_MEMORY(memory, m.workspace);
    hx::advance_layer<true>(m, memory, n_warp);
}

// Weights into the order in which hx_layer reads them. index: into the layer's weights, (n_row, 32).
HX_GLOBAL void hx_pack(unsigned long long to, unsigned long long weights, unsigned long long index,
                       unsigned long long scale, int n) {
    double* const drive = (double*)to;
    double const* const w = (double const*)weights;
    int const* const from = (int const*)index;
    double const* const by = (double const*)scale;
    for (int k = hx::block() * hx::n_thread() + hx::tid(); k < n;
         k += hx::n_block() * hx::n_thread()) {
        drive[k] = w[from[k]] * by[k];
    }
}
