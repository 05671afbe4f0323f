// A layer of equal passive cells through a whole window of steps, for many replicas of the network at once.
//
// The matrix of such a cell never changes (fast fidelity): row i of (C/dt + g + axial) v' = C/dt v + g e + I is
// eliminated once, on the host (heliox_neuron/nn/batch/elimination.py). A step then is, for each cell,
//     drive:  v += I dt/C            where synapses are; I is summed in a fixed order
//     up:     x = c v + ge - sum over children of f x    tips first
//     down:   v = x/d - (b/d) v[parent]                  the root first
// A warp owns one cell of one replica; the warps of a block share the presynaptic voltages of their replica. Layers
// follow one another: a layer reads what the layer before it left in its trajectory, one step earlier, as
// a graded synapse in NEURON does (the transfer of v happens after its update).
//
// Rounds of at most 32 ready nodes: a node follows one of its children in the same lane where it can, and finds what that
// leaves it in a register (solvers/dhs.py).
#pragma once

#include "device.cuh"

namespace hx {

#ifdef __CUDACC_RTC__
constexpr int layer_lanes = 1; // of a thread
HX_DEVICE int layer_lane(int) { return threadIdx.x & 31; }
#else
constexpr int layer_lanes = 32;
HX_DEVICE int layer_lane(int j) { return j; }
#endif

constexpr unsigned layer_idle = 0xffff;

// Words of 8 bytes, filled by heliox_neuron/nn/batch/network.py in this order.
struct Layer {
    long long n_node, n_round, n_cell, n_source, n_step, first, last, soma;
    unsigned const* words; // (n_round + 4, 32): slot in the low half, branch in the high half; two idle rounds around
    int const* branches;   // (n_branch, 3): first of its further children, how many, slot of the parent (-1: root, -2: carried)
    int const* child;      // (n_child,) slots
    double const* child_f; // (n_child,)
    double const* c;       // (n_node,) C/dt, of each slot
    double const* ge;      // (n_node,) g e
    double const* fc;      // (n_node,) factor of the carried child
    double const* bd;      // (n_node,) b/d
    double const* inverse; // (n_node,) 1/d
    int const* group_first;         // (n_cell + 1,) groups of 32 driven nodes
    int const* row_first;           // (n_group + 1,) rows of 32 synapses
    unsigned short const* group_slot; // (n_group, 32) driven slot, or idle
    unsigned short const* source;     // (n_row, 32) presynaptic cell; n_source: the bias
    double const* drive;              // (n_row, 32) g w 100/area dt/C, made by hx_pack
    double const* before;             // (n_replica, n_step, n_source) mV after each step
    double* trajectory;               // (n_replica, n_step, n_cell) mV of the somata after each step
    double* mean;                     // (n_replica, n_cell) of v over steps first < n <= last
    double* rectified;                // (n_replica, n_cell) of max(v, 0)
    double* workspace;                // the host device's
    double v_init, v_source;          // mV: this layer's, the layer's before
};

HX_DEVICE double rectify(double v) { return v > 0. ? v : 0.; }

struct LayerUp {
    unsigned word, word1;
    double c, ge, fc, v, carry;

    HX_DEVICE_MEMBER void load(Layer const& m, double const* cell) {
        unsigned const i = word & layer_idle;
        if (i != layer_idle) {
            c = fixed(m.c, i);
            ge = fixed(m.ge, i);
            fc = fixed(m.fc, i);
            v = cell[i];
        }
    }
};

struct LayerDown {
    unsigned word, word1;
    double inverse, bd, x, v;

    HX_DEVICE_MEMBER void load(Layer const& m, double const* cell) {
        unsigned const i = word & layer_idle;
        if (i != layer_idle) {
            inverse = fixed(m.inverse, i);
            bd = fixed(m.bd, i);
            x = cell[i];
        }
    }
};

// cell: (n_node,) v in shared memory, x afterwards.
HX_DEVICE void layer_up(Layer const& m, double* cell) {
    LayerUp lanes[layer_lanes];
    unsigned const* words = m.words + 2 * 32;
    for (int j = 0; j < layer_lanes; ++j) {
        LayerUp& k = lanes[j];
        k.word = words[layer_lane(j)];
        k.word1 = words[32 + layer_lane(j)];
        k.carry = 0.;
        k.load(m, cell);
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
            k.load(m, cell);
            unsigned const i = now.word & layer_idle;
            if (i != layer_idle) {
                double x = now.c * now.v + now.ge - now.fc * now.carry;
                if (now.word >> 16) {
                    int const* const branch = m.branches + 3 * (now.word >> 16);
                    int n = fixed(branch, 0);
#pragma unroll 1
                    for (int left = fixed(branch, 1); left > 0; --left, ++n) {
                        x -= fixed(m.child_f, n) * cell[fixed(m.child, n)];
                    }
                }
                cell[i] = x;
                k.carry = x;
            }
        }
        HX_SYNCWARP();
    }
}

HX_DEVICE void layer_down(Layer const& m, double* cell) {
    LayerDown lanes[layer_lanes];
    int const n_round = (int)m.n_round;
    unsigned const* words = m.words + (n_round + 1) * 32;
    for (int j = 0; j < layer_lanes; ++j) {
        LayerDown& k = lanes[j];
        k.word = words[layer_lane(j)];
        k.word1 = words[layer_lane(j) - 32];
        k.v = 0.;
        k.load(m, cell);
    }
    words -= 2 * 32;
#pragma unroll 2
    for (int r = 0; r < n_round; ++r, words -= 32) {
        for (int j = 0; j < layer_lanes; ++j) {
            LayerDown& k = lanes[j];
            LayerDown const now = k;
            k.word = k.word1;
            k.word1 = words[layer_lane(j)];
            k.load(m, cell);
            unsigned const i = now.word & layer_idle;
            if (i != layer_idle) {
                double above = now.v;
                if (now.word >> 16) {
                    int const parent = fixed(m.branches, 3 * (now.word >> 16) + 2);
                    above = parent >= 0 ? cell[parent] : parent == -1 ? 0. : above;
                }
                k.v = now.x * now.inverse - now.bd * above;
                cell[i] = k.v;
            }
        }
        HX_SYNCWARP();
    }
}

// Adds what the synapses of a cell charge its nodes by. f: (n_source + 1,) presynaptic v, the last is 1.
HX_DEVICE void layer_drive(Layer const& m, int n, double* cell, double const* f) {
    for (int g = m.group_first[n]; g < m.group_first[n + 1]; ++g) {
        int const begin = fixed(m.row_first, g), end = fixed(m.row_first, g + 1);
        for (int j = 0; j < layer_lanes; ++j) {
            int const lane = layer_lane(j);
            double sum = 0.;
#pragma unroll 4
            for (int row = begin; row < end; ++row) {
                int const k = 32 * row + lane;
                sum += m.drive[k] * rectify(f[fixed(m.source, k)]);
            }
            unsigned const i = fixed(m.group_slot, 32 * g + lane);
            if (i != layer_idle) {
                cell[i] += sum;
            }
        }
    }
    HX_SYNCWARP();
}

// Presynaptic voltages before step s of replica b.
HX_DEVICE void layer_sources(Layer const& m, int b, int s, double* f) {
    int const n = (int)m.n_source;
    double const* const from = m.before + ((long long)b * m.n_step + s - 1) * n;
    for (int k = tid(); k < n; k += n_thread()) {
        f[k] = s ? from[k] : m.v_source;
    }
}

} // namespace hx

// A block: n_warp cells of one replica. Blocks of a replica lie side by side.
HX_GLOBAL void HX_LAUNCH_BOUNDS hx_layer(unsigned long long address, int n_warp) {
    hx::Layer const m = *(hx::Layer const*)address;
    HX_BATCH_MEMORY(memory, m.workspace);
    int const n_cell = (int)m.n_cell, n_step = (int)m.n_step;
    int const a_replica = (n_cell + n_warp - 1) / n_warp;
    int const b = hx::block() / a_replica;
    int const first = (hx::block() - b * a_replica) * n_warp;
    double* f[2];
    f[0] = memory;
    f[1] = f[0] + m.n_source + 1;
    double* const cells = f[1] + m.n_source + 1;
    for (int k = hx::tid(); k < n_warp * (int)m.n_node; k += hx::n_thread()) {
        cells[k] = m.v_init;
    }
    if (hx::tid() == 0) {
        f[0][m.n_source] = f[1][m.n_source] = 1.; // the bias
    }
    hx::layer_sources(m, b, 0, f[0]);
    double sums[2][HX_LAYER_WARPS]; // of this thread's cells
    for (int w = 0; w < HX_LAYER_WARPS; ++w) {
        sums[0][w] = sums[1][w] = 0.;
    }
    HX_SYNC();
    for (int s = 0; s < n_step; ++s) {
        if (s + 1 < n_step) {
            hx::layer_sources(m, b, s + 1, f[(s + 1) & 1]);
        }
        for (int w = hx::warp(), own = 0; w < n_warp; w += hx::n_warp(), ++own) {
            int const n = first + w;
            if (n >= n_cell) {
                break;
            }
            double* const cell = cells + (long long)w * m.n_node;
            hx::layer_drive(m, n, cell, f[s & 1]);
            hx::layer_up(m, cell);
            hx::layer_down(m, cell);
            if (hx::lane() == 0) {
                double const v = cell[m.soma];
                m.trajectory[((long long)b * n_step + s) * n_cell + n] = v;
                if (s >= m.first && s < m.last) {
                    sums[0][own] += v;
                    sums[1][own] += hx::rectify(v);
                }
            }
            HX_SYNCWARP();
        }
        HX_SYNC();
    }
    for (int w = hx::warp(), own = 0; w < n_warp; w += hx::n_warp(), ++own) {
        int const n = first + w;
        if (n < n_cell && hx::lane() == 0) {
            double const count = (double)(m.last - m.first);
            m.mean[(long long)b * n_cell + n] = sums[0][own] / count;
            m.rectified[(long long)b * n_cell + n] = sums[1][own] / count;
        }
    }
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
