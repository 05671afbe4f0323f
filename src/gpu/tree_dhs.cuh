// Exact tree solve by dendritic hierarchical scheduling (Zhang et al. 2023), without a barrier a round.
//
// A warp owns whole cells or subtrees. Its rounds take at most 32 nodes, one a lane; a node follows one of
// its children in the same lane if it can, so that along a branch the elimination is carried in
// registers. Between rounds the warp synchronises itself; the block does only where subtrees of different
// warps meet (phases, mostly one). A parent subtracts its children in NEURON's order whatever lane
// they were in. What a lane needs is loaded some rounds ahead: words four, branch points two, columns one.
#pragma once

#include "tree_columns.cuh"
#include "tree_division.cuh"

#ifdef __CUDACC_RTC__
#define HX_MEMBER __device__ __forceinline__
#else
#define HX_MEMBER inline __attribute__((always_inline))
#endif
#ifndef HX_TREE_DIVISION
#define HX_TREE_DIVISION 1 // 0: the compiler's division
#endif

namespace hx {

#ifdef __CUDACC_RTC__
constexpr int tree_lanes = 1; // of a thread
#else
constexpr int tree_lanes = 32;
#endif

// Table: phases, warps, position of the branch points; then for each phase and warp the position of its first
// round and the number of rounds. A round is 32 words; four idle rounds lie before and after. Word: slot in
// the low half (idle: 0xffff), branch point in the high half (0: none).
struct DhsRounds {
    int const* words; // of this lane in round 0
    int n;

    HX_MEMBER DhsRounds(int const* table, int phase, int warp)
        : words(table + table[3 + 2 * (phase * table[1] + warp)] + (tid() & 31)),
          n(table[4 + 2 * (phase * table[1] + warp)]) {}
    HX_MEMBER unsigned word(int r, int lane) const { return words[32 * r + lane]; }
};

HX_DEVICE bool is_idle(unsigned word) { return (word & 0xffff) == 0xffff; }

// What a node has besides one child or none, in its lane. Three words: where its own contribution goes (-1:
// carried on) and where those to subtract begin, 16 bits each; how many of them before (low half) and after
// the carried one; slot of the parent (-1: a root, -2: carried).
struct DhsBranch {
    int places, counts;
};

HX_DEVICE DhsBranch branch_up(int const* branches, unsigned word) {
    DhsBranch branch = {(int)0xffff0000, 0};
    if (word >> 16) {
        branch.places = branches[3 * (word >> 16)];
        branch.counts = branches[3 * (word >> 16) + 1];
    }
    return branch;
}

HX_DEVICE int branch_down(int const* branches, unsigned word) {
    return word >> 16 ? branches[3 * (word >> 16) + 2] : -2;
}

HX_DEVICE double dhs_quotient(double n, double d) {
#if HX_TREE_DIVISION
    return quotient(n, d);
#else
    return n / d;
#endif
}

// A lane on its way to the root: the node of this round, and what is loaded ahead of it.
struct DhsUp {
    unsigned word, word1, word2, word3;
    DhsBranch branch, branch1;
    double d, rhs, a, b;
    double up_d, up_rhs; // what the node's carried child takes from it

    HX_MEMBER void begin(DhsRounds const& rounds, int lane, TreeColumns const& tree,
                         int const* branches) {
        word = rounds.word(0, lane);
        word1 = rounds.word(1, lane);
        word2 = rounds.word(2, lane);
        word3 = rounds.word(3, lane);
        branch = branch_up(branches, word);
        branch1 = branch_up(branches, word1);
        up_d = up_rhs = 0.;
        load(tree);
    }

    HX_MEMBER void load(TreeColumns const& tree) {
        if (!is_idle(word)) {
            int const i = word & 0xffff;
            d = tree.d[i];
            rhs = tree.rhs[i];
            a = tree.a[i];
            b = tree.b[i];
        }
    }

    HX_MEMBER void advance(unsigned word4, TreeColumns const& tree, int const* branches) {
        word = word1;
        word1 = word2;
        word2 = word3;
        word3 = word4;
        branch = branch1;
        branch1 = branch_up(branches, word1);
        load(tree);
    }

    HX_MEMBER void eliminate(DhsUp const& now, TreeColumns const& tree, double* sums) {
        double di = now.d;
        double ri = now.rhs;
        if (now.branch.counts) {
            double const* from = sums + 2 * (now.branch.places & 0xffff);
#pragma unroll 1
            for (int k = now.branch.counts & 0xffff; k > 0; --k, from += 2) {
                di -= from[0];
                ri -= from[1];
            }
            di -= up_d;
            ri -= up_rhs;
#pragma unroll 1
            for (int k = (unsigned)now.branch.counts >> 16; k > 0; --k, from += 2) {
                di -= from[0];
                ri -= from[1];
            }
        } else {
            di -= up_d;
            ri -= up_rhs;
        }
        double const f = dhs_quotient(now.a, di);
        int const i = now.word & 0xffff;
        tree.d[i] = di;
        tree.rhs[i] = ri;
        up_d = f * now.b;
        up_rhs = f * ri;
        if (now.branch.places >= 0) {
            double* const to = sums + 2 * (now.branch.places >> 16);
            to[0] = up_d;
            to[1] = up_rhs;
            up_d = up_rhs = 0.;
        }
    }
};

HX_DEVICE void dhs_up(DhsRounds const& rounds, int const* branches, TreeColumns const& tree,
                      double* sums) {
    DhsUp lanes[tree_lanes];
    for (int j = 0; j < tree_lanes; ++j) {
        lanes[j].begin(rounds, j, tree, branches);
    }
    int const* word4 = rounds.words + 4 * 32;
#pragma unroll 2
    for (int r = rounds.n; r > 0; --r, word4 += 32) {
        for (int j = 0; j < tree_lanes; ++j) {
            DhsUp const now = lanes[j];
            lanes[j].advance(word4[j], tree, branches);
            if (!is_idle(now.word)) {
                lanes[j].eliminate(now, tree, sums);
            }
        }
        HX_SYNCWARP();
    }
}

// A lane on its way to the tips.
struct DhsDown {
    unsigned word, word1, word2, word3;
    int parent, parent1;
    double d, rhs, b, y, d1, rhs1, b1;
    bool plain;
    double x; // of the node before

    HX_MEMBER void begin(DhsRounds const& rounds, int lane, TreeColumns const& tree,
                         int const* branches) {
        word1 = rounds.word(rounds.n - 1, lane);
        word2 = rounds.word(rounds.n - 2, lane);
        word3 = rounds.word(rounds.n - 3, lane);
        parent1 = branch_down(branches, word1);
        x = d1 = rhs1 = b1 = 0.;
        load(tree);
        advance(rounds.word(rounds.n - 4, lane), tree, branches);
    }

    HX_MEMBER void load(TreeColumns const& tree) {
        if (!is_idle(word1)) {
            int const i = word1 & 0xffff;
            d1 = tree.d[i];
            rhs1 = tree.rhs[i];
            b1 = tree.b[i];
        }
    }

    HX_MEMBER void advance(unsigned word4, TreeColumns const& tree, int const* branches) {
        word = word1;
        word1 = word2;
        word2 = word3;
        word3 = word4;
        parent = parent1;
        parent1 = branch_down(branches, word1);
        d = d1;
        rhs = rhs1;
        b = b1;
        load(tree);
#if HX_TREE_DIVISION
        y = inverse(d, plain);
#endif
    }

    HX_MEMBER void substitute(DhsDown const& now, TreeColumns const& tree) {
        double n = now.rhs;
        if (now.parent != -1) {
            n -= now.b * (now.parent < 0 ? x : tree.rhs[now.parent]);
        }
#if HX_TREE_DIVISION
        x = quotient(n, now.d, now.y, now.plain);
#else
        x = n / now.d;
#endif
        tree.rhs[now.word & 0xffff] = x;
    }
};

HX_DEVICE void dhs_down(DhsRounds const& rounds, int const* branches, TreeColumns const& tree) {
    DhsDown lanes[tree_lanes];
    for (int j = 0; j < tree_lanes; ++j) {
        lanes[j].begin(rounds, j, tree, branches);
    }
    int const* word4 = rounds.words + 32 * (rounds.n - 5);
#pragma unroll 2
    for (int r = rounds.n; r > 0; --r, word4 -= 32) {
        for (int j = 0; j < tree_lanes; ++j) {
            DhsDown const now = lanes[j];
            lanes[j].advance(word4[j], tree, branches);
            if (!is_idle(now.word)) {
                lanes[j].substitute(now, tree);
            }
        }
        HX_SYNCWARP();
    }
}

// scratch: two doubles for each contribution that is not carried.
HX_DEVICE void solve_dhs(int const* HX_RESTRICT table, TreeColumns const& tree, double* scratch) {
    int const n_phase = table[0];
    int const* const branches = table + table[2];
    int const n_warp = n_thread() < 32 ? 1 : n_thread() / 32;
    int const own = tid() / 32 < n_warp ? tid() / 32 : table[1]; // no half warps
    for (int phase = 0; phase < n_phase; ++phase) {
        if (phase) {
            HX_SYNC();
        }
        for (int warp = own; warp < table[1]; warp += n_warp) {
            dhs_up(DhsRounds(table, phase, warp), branches, tree, scratch);
        }
    }
    for (int phase = n_phase - 1; phase >= 0; --phase) {
        for (int warp = own; warp < table[1]; warp += n_warp) {
            dhs_down(DhsRounds(table, phase, warp), branches, tree);
        }
        HX_SYNC();
    }
}

} // namespace hx
