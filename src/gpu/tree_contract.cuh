// Tree solve in about log n rounds (fast fidelity): the same solution up to rounding.
//
// First each thread eliminates a short unbranched piece of a cell, one node after the other (Wang 1981 for
// one cable). What is left, a smaller tree, is contracted: a round takes away all tips and an independent
// set of nodes with one child, whose parent and child are then neighbours (Miller and Reif 1985). No fill, as a
// tree stays a tree. Nodes that stay in a round collect by themselves what their neighbours leave them.
#pragma once

#include "tree_division.cuh"

#ifndef HX_CONTRACT_PIECE
#define HX_CONTRACT_PIECE 11 // most nodes of a piece; contract.py: PIECE
#endif

namespace hx {

// Table: n_piece, n_left, n_round, tail (rounds from here on are one warp's), and the positions of: pieces,
// nodes left, forward rounds, items, more children, backward rounds, backward items. What is read together lies in
// four or two words at such a position; two numbers below 2^16 share one.
struct ContractTable {
    int const* words;
    int n_piece, n_left, n_round, tail;
    FourWords const* pieces; // two for each
    TwoWords const* left;
    int const* rounds;
    FourWords const* items;
    int const *more, *back_rounds;
    TwoWords const* back_items;
};

// A node left. row: d (its inverse once all is collected) and rhs; link: a and b.
struct LeftNode {
    Two row, link;
};

// scratch: the nodes left, what each piece takes from its parent's row, and a of a node's child when the node was
// eliminated.
struct ContractScratch {
    LeftNode* node;
    Two* up;
    double* child_a;
};

// 1/d to about one unit in the last place: d is not 0, and the coarse inverse has 20 bits.
HX_DEVICE double fast_inverse(double d) {
    double const y = coarse_inverse(d);
    double const e = fused(-d, y, 1.);
    return fused(y, fused(e, e, e), y);
}

constexpr unsigned kNone = 0xffff;

// A piece: n nodes, the child left (kNone: none) and its slot, the parent left, where it leaves what it takes from the parent,
// the nodes' slots, tips first (0 beyond n).
struct Piece {
    unsigned n, child, child_slot, parent, place;
    unsigned slot[HX_CONTRACT_PIECE];
};

HX_DEVICE unsigned low_half(int word) { return (unsigned)word & 0xffffu; }
HX_DEVICE unsigned high_half(int word) { return (unsigned)word >> 16; }

// The table is far away: a thread keeps the words of its first piece.
HX_DEVICE Piece piece_at(ContractTable const& table, int k) {
    FourWords const one = table.pieces[2 * k], two = table.pieces[2 * k + 1];
    int const words[8] = {one.word[0], one.word[1], one.word[2], one.word[3],
                          two.word[0], two.word[1], two.word[2], two.word[3]};
    static_assert(HX_CONTRACT_PIECE <= 11, "a piece has sixteen half words");
    Piece piece;
    piece.n = low_half(words[0]);
    piece.child = high_half(words[0]);
    piece.child_slot = low_half(words[1]);
    piece.parent = high_half(words[1]);
    piece.place = low_half(words[2]);
#pragma unroll
    for (int j = 0; j < HX_CONTRACT_PIECE; ++j) {
        int const word = words[(j + 5) / 2];
        piece.slot[j] = j % 2 ? low_half(word) : high_half(word);
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
    unsigned largest = 0; // slots beyond the piece's nodes are 0
#pragma unroll
    for (int j = 0; j < HX_CONTRACT_PIECE; ++j) {
        largest = piece.slot[j] > largest ? piece.slot[j] : largest;
    }
    return (int)largest < rows.n;
}

// rows: d and rhs of the block's nodes; links: a and b. known: the inverses of the piece's nodes are in d.
template <bool known>
HX_DEVICE void eliminate_nodes(Piece const& piece, ContractScratch const& left, Two* rows,
                               Two const* links, ConstantRows const& constant) {
    unsigned const n = piece.n, child = piece.child;
    Two const below = child == kNone ? Two{0., 0.} : links[piece.child_slot];
    double to_child = below.x;   // row of the node, column of the child
    double from_child = below.y; // row of the child, column of the node
    double child_d = 0., child_rhs = 0., up_d = 0., up_rhs = 0.;
#pragma unroll
    for (int j = 0; j < HX_CONTRACT_PIECE; ++j) {
        if (j < n) {
            unsigned const i = piece.slot[j];
            Two const row = rows[i], link = links[i];
            double const ri = row.y - up_rhs;
            double y;
            if constexpr (known) {
                y = row.x;
                rows[i].y = ri;
            } else {
                y = fast_inverse(((int)i < constant.n ? constant.d[i] : row.x) - up_d);
                rows[i] = {y, ri};
            }
            double const g = from_child * y;
            child_d -= g * to_child;
            child_rhs -= g * ri;
            up_d = link.x * link.y * y;
            up_rhs = link.x * ri * y;
            to_child = -(link.x * to_child) * y;
            from_child = -g * link.y;
        }
    }
    left.up[piece.place] = {up_d, up_rhs};
    if (child != kNone) {
        left.node[child] = {{child_d, child_rhs}, {to_child, from_child}};
    }
}

HX_DEVICE void eliminate_piece(Piece const& piece, ContractScratch const& left, Two* rows,
                               Two const* links, ConstantRows const& constant) {
    if (constant.known && is_constant(piece, constant)) {
        eliminate_nodes<true>(piece, left, rows, links, constant);
    } else {
        eliminate_nodes<false>(piece, left, rows, links, constant);
    }
}

// x of a piece's nodes from those of its parent and child.
HX_DEVICE void substitute_piece(Piece const& piece, ContractScratch const& left, Two* rows,
                                Two const* links) {
    unsigned const n = piece.n, child = piece.child;
    double const child_x = child == kNone ? 0. : left.node[child].row.y;
    double to_child = child == kNone ? 0. : links[piece.child_slot].x;
    double x = left.node[piece.parent].row.y;
    double fixed[HX_CONTRACT_PIECE], factor[HX_CONTRACT_PIECE];
#pragma unroll
    for (int j = 0; j < HX_CONTRACT_PIECE; ++j) {
        if (j < n) {
            Two const row = rows[piece.slot[j]], link = links[piece.slot[j]];
            fixed[j] = (row.y - to_child * child_x) * row.x;
            factor[j] = link.y * row.x;
            to_child = -(link.x * row.x) * to_child;
        }
    }
#pragma unroll
    for (int j = HX_CONTRACT_PIECE - 1; j >= 0; --j) {
        if (j < n) {
            x = fixed[j] - factor[j] * x;
            rows[piece.slot[j]].y = x;
        }
    }
}

// A node left: what the pieces around it leave it. Words of node q: slot * 4 + (has a piece above) * 2 + (its
// inverse is due), first piece below and how many.
HX_DEVICE void collect_pieces(ContractTable const& table, ContractScratch const& left, int q,
                              Two const* rows, Two const* links) {
    TwoWords const node = table.left[q];
    unsigned const i = (unsigned)node.word[0] >> 2;
    Two row = rows[i];
    if (node.word[0] & 2) {
        Two const more = left.node[q].row;
        row.x += more.x;
        row.y += more.y;
    } else {
        left.node[q].link = links[i];
    }
    unsigned const first = low_half(node.word[1]), end = first + high_half(node.word[1]);
    HX_ROLLED
    for (unsigned k = first; k < end; ++k) {
        Two const taken = left.up[k];
        row.x -= taken.x;
        row.y -= taken.y;
    }
    left.node[q].row = {node.word[0] & 1 ? fast_inverse(row.x) : row.x, row.y};
}

// A node that stays in a round: node * 2 + (its inverse is due), eliminated parent, two eliminated children
// (n_left: none), position of more children or -1 (their number, then the nodes).
HX_DEVICE FourWords staying(ContractTable const& table, int k) { return table.items[k]; }

// No branches but for rare ones: all loads are under way together. A neighbour that is not there is the node
// behind the last, whose numbers are zero.
HX_DEVICE void collect_round(ContractTable const& table, ContractScratch const& left,
                             FourWords const& item) {
    LeftNode* const node = left.node;
    int const q = item.word[0] >> 1, up = item.word[1], more = item.word[3];
    unsigned const down = low_half(item.word[2]), second = high_half(item.word[2]);
    LeftNode const mine = node[q], above = node[up], one = node[down], two = node[second];
    double const f_up = mine.link.y * above.row.x;
    double const f_one = one.link.x * one.row.x;
    double const f_two = two.link.x * two.row.x;
    double d = mine.row.x - f_one * one.link.y;
    double rhs = mine.row.y - f_one * one.row.y;
    d -= f_two * two.link.y;
    rhs -= f_two * two.row.y;
    if (more >= 0) {
        int const* const children = table.more + more;
        HX_ROLLED
        for (int c = 1; c <= children[0]; ++c) {
            LeftNode const other = node[children[c]];
            double const f = other.link.x * other.row.x;
            d -= f * other.link.y;
            rhs -= f * other.row.y;
        }
    }
    d -= f_up * mine.link.x;
    rhs -= f_up * above.row.y;
    if (up < table.n_left) {
        left.child_a[up] = mine.link.x;
        node[q].link = {-(above.link.x * above.row.x) * mine.link.x, -f_up * above.link.y};
    }
    node[q].row = {item.word[0] & 1 ? fast_inverse(d) : d, rhs};
}

// An eliminated node and its parent in one word, and its child (n_left: none).
HX_DEVICE TwoWords removed(ContractTable const& table, int k) { return table.back_items[k]; }

HX_DEVICE void substitute_round(ContractTable const& table, ContractScratch const& left,
                                TwoWords const& item) {
    unsigned const q = low_half(item.word[0]), parent = high_half(item.word[0]);
    int const child = item.word[1];
    Two const row = left.node[q].row;
    double const b = left.node[q].link.y, x = left.node[parent].row.y;
    double const below = left.node[child].row.y;
    double const a = child < table.n_left ? left.child_a[q] : 0.;
    left.node[q].row.y = (row.y - b * x - a * below) * row.x;
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
    FourWords item = staying(table, begin + tid());
    HX_ROLLED
    for (int r = first; r < last; ++r) {
        int const after = table.rounds[r + 2];
        FourWords const next = staying(table, end + tid());
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
    TwoWords item = removed(table, begin + tid());
    HX_ROLLED
    for (int r = last; r >= first; --r) {
        int const further = table.back_rounds[r > 1 ? r - 2 : 0];
        TwoWords const next = removed(table, before + tid());
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

// rows: d and rhs of the block's nodes; links: a and b. constant: rows inside pieces only, and all of these that are
// constant.
HX_DEVICE void solve_contract(int const* HX_RESTRICT words, Two* rows, Two const* links,
                              double* scratch, ConstantRows const& constant) {
    ContractTable const table = {words,
                                 words[0],
                                 words[1],
                                 words[2],
                                 words[3],
                                 reinterpret_cast<FourWords const*>(words + words[4]),
                                 reinterpret_cast<TwoWords const*>(words + words[5]),
                                 words + words[6],
                                 reinterpret_cast<FourWords const*>(words + words[7]),
                                 words + words[8],
                                 words + words[9],
                                 reinterpret_cast<TwoWords const*>(words + words[10])};
    int const none = table.n_left; // the node that stands for none
    LeftNode* const node = reinterpret_cast<LeftNode*>(scratch);
    Two* const up = reinterpret_cast<Two*>(node + none + 1);
    ContractScratch const left = {node, up, reinterpret_cast<double*>(up + table.n_piece)};
    Piece mine{};
    if (tid() < table.n_piece) {
        mine = piece_at(table, tid());
    }
    HX_ROLLED
    for (int k = tid(); k < table.n_piece; k += n_thread()) {
        eliminate_piece(k == tid() ? mine : piece_at(table, k), left, rows, links, constant);
    }
    HX_SYNC();
    if (tid() == n_thread() - 1) {
        node[none] = {};
    }
    HX_ROLLED
    for (int q = tid(); q < table.n_left; q += n_thread()) {
        collect_pieces(table, left, q, rows, links);
    }
    HX_SYNC();
    contract_rounds(table, left);
    HX_ROLLED
    for (int k = tid(); k < table.n_piece; k += n_thread()) {
        substitute_piece(k == tid() ? mine : piece_at(table, k), left, rows, links);
    }
    HX_ROLLED
    for (int q = tid(); q < table.n_left; q += n_thread()) {
        rows[(unsigned)table.left[q].word[0] >> 2].y = node[q].row.y;
    }
    HX_SYNC();
}

} // namespace hx
