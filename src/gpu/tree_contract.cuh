// Tree solve in about log n rounds (fast fidelity): the same solution up to rounding.
//
// First each thread eliminates a short unbranched piece of a cell, one node after the other (Wang 1981 for
// one cable). What is left, a smaller tree, is contracted: a round takes away all tips and an independent
// set of nodes with one child, whose parent and child are then neighbours (Miller and Reif 1985). No fill, as a
// tree stays a tree. Nodes that stay in a round collect by themselves what their neighbours leave them.
#pragma once

#include "tree_division.cuh"

#ifndef HX_CONTRACT_PIECE
#define HX_CONTRACT_PIECE 10 // most nodes of a piece; contract.py: PIECE
#endif

namespace hx {

// Table: n_piece, n_left, n_round, tail (rounds from here on are one warp's), and the positions of: pieces,
// nodes left, forward rounds, items, more children, backward rounds, backward items.
struct ContractTable {
    int const* words;
    int n_piece, n_left, n_round, tail;
    int const *pieces, *left, *rounds, *items, *more, *back_rounds, *back_items;
};

// scratch: five columns of the nodes left, then what each piece takes from its parent.
struct ContractScratch {
    double *d, *rhs, *a, *b; // d: its inverse once all is collected
    double* child_a;         // a of a node's child when the node was eliminated
    double* up;
};

HX_DEVICE double fast_inverse(double d) {
    double const y0 = coarse_inverse(d);
    double const e = fused(-d, y0, 1.);
    double const y1 = fused(y0, fused(e, e, e), y0);
    return fused(y1, fused(-d, y1, 1.), y1);
}

// A piece: n nodes, the child left (-1: none) and its slot, the parent left, where it leaves what it takes from the parent,
// the nodes' slots, tips first (0 beyond n).
struct Piece {
    int n, child, child_slot, parent, place;
    int slot[HX_CONTRACT_PIECE];
};

// The table is far away: all words of a piece are on their way at a time, and a thread keeps those of its first one.
HX_DEVICE Piece piece_at(ContractTable const& table, int k) {
    int const* const word = table.pieces + k;
    int const step = table.n_piece;
    Piece piece;
    piece.n = word[0];
    piece.child = word[step];
    piece.child_slot = word[2 * step];
    piece.parent = word[3 * step];
    piece.place = word[4 * step];
#pragma unroll
    for (int j = 0; j < HX_CONTRACT_PIECE; ++j) {
        piece.slot[j] = word[(5 + j) * step];
    }
    return piece;
}

// Rows that no step changes: those of slots below n; their d is in `d`, as steps destroy the block's own. known: a
// solve before this one has left the inverses of pieces of such rows in the block's d.
struct ConstantRows {
    int n;
    double const* d;
    bool known;
};

HX_DEVICE bool is_constant(Piece const& piece, ConstantRows const& rows) {
    int largest = 0; // slots beyond the piece's nodes are 0
#pragma unroll
    for (int j = 0; j < HX_CONTRACT_PIECE; ++j) {
        largest = piece.slot[j] > largest ? piece.slot[j] : largest;
    }
    return largest < rows.n;
}

// known: the inverses of the piece's nodes are in d.
template <bool known>
HX_DEVICE void eliminate_nodes(Piece const& piece, ContractScratch const& left, double* d,
                               double* rhs, double const* a, double const* b,
                               ConstantRows const& rows) {
    int const n = piece.n, child = piece.child, child_slot = piece.child_slot;
    double to_child = child < 0 ? 0. : a[child_slot];   // row of the node, column of the child
    double from_child = child < 0 ? 0. : b[child_slot]; // row of the child, column of the node
    double child_d = 0., child_rhs = 0., up_d = 0., up_rhs = 0.;
#pragma unroll
    for (int j = 0; j < HX_CONTRACT_PIECE; ++j) {
        if (j < n) {
            int const i = piece.slot[j];
            double const ri = rhs[i] - up_rhs, bi = b[i];
            double y;
            if constexpr (known) {
                y = d[i];
            } else {
                y = fast_inverse((i < rows.n ? rows.d[i] : d[i]) - up_d);
                d[i] = y;
            }
            rhs[i] = ri;
            double const f = a[i] * y;
            double const g = from_child * y;
            child_d -= g * to_child;
            child_rhs -= g * ri;
            up_d = f * bi;
            up_rhs = f * ri;
            to_child = -f * to_child;
            from_child = -g * bi;
        }
    }
    left.up[2 * piece.place] = up_d;
    left.up[2 * piece.place + 1] = up_rhs;
    if (child >= 0) {
        left.d[child] = child_d;
        left.rhs[child] = child_rhs;
        left.a[child] = to_child;
        left.b[child] = from_child;
    }
}

HX_DEVICE void eliminate_piece(Piece const& piece, ContractScratch const& left, double* d,
                               double* rhs, double const* a, double const* b,
                               ConstantRows const& rows) {
    if (rows.known && is_constant(piece, rows)) {
        eliminate_nodes<true>(piece, left, d, rhs, a, b, rows);
    } else {
        eliminate_nodes<false>(piece, left, d, rhs, a, b, rows);
    }
}

// x of a piece's nodes from those of its parent and child.
HX_DEVICE void substitute_piece(Piece const& piece, ContractScratch const& left, double const* d,
                                double* rhs, double const* a, double const* b) {
    int const n = piece.n, child = piece.child;
    double const child_x = child < 0 ? 0. : left.rhs[child];
    double to_child = child < 0 ? 0. : a[piece.child_slot];
    double x = left.rhs[piece.parent];
    double fixed[HX_CONTRACT_PIECE], factor[HX_CONTRACT_PIECE];
#pragma unroll
    for (int j = 0; j < HX_CONTRACT_PIECE; ++j) {
        if (j < n) {
            int const i = piece.slot[j];
            double const y = d[i];
            fixed[j] = (rhs[i] - to_child * child_x) * y;
            factor[j] = b[i] * y;
            to_child = -(a[i] * y) * to_child;
        }
    }
#pragma unroll
    for (int j = HX_CONTRACT_PIECE - 1; j >= 0; --j) {
        if (j < n) {
            x = fixed[j] - factor[j] * x;
            rhs[piece.slot[j]] = x;
        }
    }
}

// A node left: what the pieces around it leave it. Words of node q: slot * 4 + (has a piece above) * 2 + (its
// inverse is due), first piece below.
HX_DEVICE void collect_pieces(ContractTable const& table, ContractScratch const& left, int q,
                              double const* d, double const* rhs, double const* a,
                              double const* b) {
    int const word = table.left[2 * q];
    int const i = word >> 2;
    double dq = d[i], rq = rhs[i];
    if (word & 2) {
        dq += left.d[q];
        rq += left.rhs[q];
    } else {
        left.a[q] = a[i];
        left.b[q] = b[i];
    }
    HX_ROLLED
    for (int k = table.left[2 * q + 1]; k < table.left[2 * q + 3]; ++k) {
        dq -= left.up[2 * k];
        rq -= left.up[2 * k + 1];
    }
    left.d[q] = word & 1 ? fast_inverse(dq) : dq;
    left.rhs[q] = rq;
}

// A node that stays in a round: node * 2 + (its inverse is due), eliminated parent and two eliminated children
// (n_left: none), position of more children or -1 (their number, then the nodes).
struct Staying {
    int word, up, down, second, more;
};

HX_DEVICE Staying staying(ContractTable const& table, int k) {
    int const* const item = table.items + 5 * k;
    return {item[0], item[1], item[2], item[3], item[4]};
}

// No branches but for rare ones: all loads are under way together. A neighbour that is not there is the node
// behind the last, whose numbers are zero.
HX_DEVICE void collect_round(ContractTable const& table, ContractScratch const& left,
                             Staying const& item) {
    int const q = item.word >> 1, up = item.up, down = item.down, second = item.second;
    double const aq = left.a[q], bq = left.b[q];
    double const f_up = bq * left.d[up];
    double const f_down = left.a[down] * left.d[down];
    double const f_second = left.a[second] * left.d[second];
    double const a_up = left.a[up] * left.d[up], b_up = left.b[up];
    double dq = left.d[q] - f_down * left.b[down];
    double rq = left.rhs[q] - f_down * left.rhs[down];
    dq -= f_second * left.b[second];
    rq -= f_second * left.rhs[second];
    if (item.more >= 0) {
        int const* const children = table.more + item.more;
        HX_ROLLED
        for (int c = 1; c <= children[0]; ++c) {
            int const i = children[c];
            double const f = left.a[i] * left.d[i];
            dq -= f * left.b[i];
            rq -= f * left.rhs[i];
        }
    }
    dq -= f_up * aq;
    rq -= f_up * left.rhs[up];
    if (up < table.n_left) {
        left.child_a[up] = aq;
        left.a[q] = -a_up * aq;
        left.b[q] = -f_up * b_up;
    }
    left.d[q] = item.word & 1 ? fast_inverse(dq) : dq;
    left.rhs[q] = rq;
}

// An eliminated node, its parent and child (n_left: none).
struct Removed {
    int node, parent, child;
};

HX_DEVICE Removed removed(ContractTable const& table, int k) {
    int const* const item = table.back_items + 3 * k;
    return {item[0], item[1], item[2]};
}

HX_DEVICE void substitute_round(ContractTable const& table, ContractScratch const& left,
                                Removed const& item) {
    double const b = left.b[item.node], x = left.rhs[item.parent], below = left.rhs[item.child];
    double const a = item.child < table.n_left ? left.child_a[item.node] : 0.;
    left.rhs[item.node] = (left.rhs[item.node] - b * x - a * below) * left.d[item.node];
}

template <bool one_warp>
HX_DEVICE void meet() {
    if constexpr (one_warp) {
        HX_SYNCWARP();
    } else {
        HX_SYNC();
    }
}

// Rounds first .. last - 1 by the first n threads, a meeting after each. What a thread does first in the next
// round, and that round's end, are loaded while this one is computed; the table has room for that.
template <bool one_warp>
HX_DEVICE void collect_rounds(ContractTable const& table, ContractScratch const& left, int first,
                              int last, int n) {
    int begin = table.rounds[first], end = table.rounds[first + 1];
    Staying item = staying(table, begin + tid());
    HX_ROLLED
    for (int r = first; r < last; ++r) {
        int const after = table.rounds[r + 2];
        Staying const next = staying(table, end + tid());
        HX_ROLLED
        for (int k = begin + tid(); k < end; k += n) {
            collect_round(table, left, k == begin + tid() ? item : staying(table, k));
        }
        begin = end;
        end = after;
        item = next;
        meet<one_warp>();
    }
}

// Rounds last .. first, backwards.
template <bool one_warp>
HX_DEVICE void substitute_rounds(ContractTable const& table, ContractScratch const& left, int first,
                                 int last, int n) {
    int end = table.back_rounds[last + 1], begin = table.back_rounds[last];
    int before = table.back_rounds[last > 0 ? last - 1 : 0];
    Removed item = removed(table, begin + tid());
    HX_ROLLED
    for (int r = last; r >= first; --r) {
        int const further = table.back_rounds[r > 1 ? r - 2 : 0];
        Removed const next = removed(table, before + tid());
        HX_ROLLED
        for (int k = begin + tid(); k < end; k += n) {
            substitute_round(table, left, k == begin + tid() ? item : removed(table, k));
        }
        end = begin;
        begin = before;
        before = further;
        item = next;
        meet<one_warp>();
    }
}

HX_DEVICE void contract_rounds(ContractTable const& table, ContractScratch const& left) {
    collect_rounds<false>(table, left, 0, table.tail, n_thread());
    if (tid() < 32) {
        int const n = n_thread() < 32 ? n_thread() : 32;
        collect_rounds<true>(table, left, table.tail, table.n_round, n);
        substitute_rounds<true>(table, left, table.tail, table.n_round, n);
    }
    HX_SYNC();
    if (table.tail > 0) {
        substitute_rounds<false>(table, left, 0, table.tail - 1, n_thread());
    }
}

// constant: rows inside pieces only, and all of these that are constant.
HX_DEVICE void solve_contract(int const* HX_RESTRICT words, double* d, double* rhs, double const* a,
                              double const* b, double* scratch, ConstantRows const& constant) {
    ContractTable const table = {words,
                                 words[0],
                                 words[1],
                                 words[2],
                                 words[3],
                                 words + words[4],
                                 words + words[5],
                                 words + words[6],
                                 words + words[7],
                                 words + words[8],
                                 words + words[9],
                                 words + words[10]};
    int const n = table.n_left + 1; // and the node that stands for none
    ContractScratch const left = {scratch,         scratch + n,     scratch + 2 * n,
                                  scratch + 3 * n, scratch + 4 * n, scratch + 5 * n};
    Piece mine{};
    if (tid() < table.n_piece) {
        mine = piece_at(table, tid());
    }
    HX_ROLLED
    for (int k = tid(); k < table.n_piece; k += n_thread()) {
        eliminate_piece(k == tid() ? mine : piece_at(table, k), left, d, rhs, a, b, constant);
    }
    HX_SYNC();
    if (tid() == n_thread() - 1) {
        int const none = table.n_left;
        left.d[none] = left.rhs[none] = left.a[none] = left.b[none] = 0.;
    }
    HX_ROLLED
    for (int q = tid(); q < table.n_left; q += n_thread()) {
        collect_pieces(table, left, q, d, rhs, a, b);
    }
    HX_SYNC();
    contract_rounds(table, left);
    HX_ROLLED
    for (int k = tid(); k < table.n_piece; k += n_thread()) {
        substitute_piece(k == tid() ? mine : piece_at(table, k), left, d, rhs, a, b);
    }
    HX_ROLLED
    for (int q = tid(); q < table.n_left; q += n_thread()) {
        rhs[table.left[2 * q] >> 2] = left.rhs[q];
    }
    HX_SYNC();
}

} // namespace hx
