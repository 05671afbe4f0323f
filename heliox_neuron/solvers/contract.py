"""Plan of tree contraction (src/gpu/tree_contract.cuh): about log n rounds, fast fidelity.

Pieces of unbranched cable first (Wang 1981), then rake and compress (Miller and Reif 1985).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .forest import Forest, Ints, forest

PIECE, SHORT_PIECE = 11, 5  # most nodes of a piece: HX_CONTRACT_PIECE of tree_contract.cuh
LANES = 32
_FEW_THREADS = 128
_COST_OF_ROUND = 2.3  # there and back, in nodes that a thread eliminates (measured on an H200)
_ALIGN = 4  # words that one load brings
_NONE = 0xFFFF  # the child of a piece without one


@dataclass(frozen=True)
class Piece:
    """Nodes of one unbranched stretch, tips first, between two nodes that are left.

    child: the node below, -1 for none. parent: the node above.
    """

    nodes: list[int]
    child: int
    parent: int


@dataclass(frozen=True)
class Removal:
    """A node eliminated in a round, with its neighbours then (child -1: a tip)."""

    node: int
    parent: int
    child: int


def _stretches(tree: Forest) -> list[tuple[list[int], int, int]]:
    """Unbranched stretches without their ends: nodes (tips first), child or -1, parent."""
    parent = tree.parent
    narrow = [len(children) < 2 for children in tree.children]
    out = []
    for i, (p, children) in enumerate(zip(parent, tree.children, strict=True)):
        if p < 0 or not narrow[i]:
            continue
        child = children[0] if children else -1
        if children and narrow[child]:
            continue  # not the lowest of its stretch
        nodes = [i]
        while parent[p] >= 0 and narrow[p]:
            nodes.append(p)
            p = parent[p]
        out.append((nodes, child, p))
    return out


def pieces(tree: Forest, longest: int) -> list[Piece]:
    """The stretches cut into pieces of at most `longest` nodes, with a node left in between."""
    out = []
    for nodes, child, parent in _stretches(tree):
        n_piece = -(-(len(nodes) + 1) // (longest + 1))
        bounds = [(len(nodes) + 1) * k // n_piece for k in range(n_piece + 1)]
        for k in range(n_piece):
            part = nodes[bounds[k] : bounds[k + 1] - 1]
            last = k == n_piece - 1
            below = child if k == 0 else nodes[bounds[k] - 1]
            if part:
                out.append(Piece(part, below, parent if last else nodes[bounds[k + 1] - 1]))
    return out


def contraction(parent: list[int]) -> list[list[Removal]]:
    """Rounds that leave only the roots. parent: of each node, -1 for roots."""
    parent = list(parent)
    children: list[set[int]] = [set() for _ in parent]
    for i, p in enumerate(parent):
        if p >= 0:
            children[p].add(i)
    alive = [i for i, p in enumerate(parent) if p >= 0]
    out = []
    while alive:
        gone = {i for i in alive if not children[i]}
        ones = [Removal(i, parent[i], -1) for i in gone]
        for i in alive:
            if len(children[i]) == 1 and i not in gone:
                (child,) = children[i]
                if child not in gone and parent[i] not in gone:
                    gone.add(i)
                    ones.append(Removal(i, parent[i], child))
        for one in ones:
            children[one.parent].discard(one.node)
            if one.child >= 0:
                children[one.parent].add(one.child)
                parent[one.child] = one.parent
        alive = [i for i in alive if i not in gone]
        out.append(sorted(ones, key=lambda one: one.node))
    return out


def _left(tree: Forest, parts: list[Piece]) -> tuple[list[int], list[int]]:
    """The nodes that no piece holds, and for each the position of the next one above, or -1."""
    inside = {i for piece in parts for i in piece.nodes}
    left = [i for i in range(tree.n_node) if i not in inside]
    index = {i: q for q, i in enumerate(left)}
    above = {piece.child: piece.parent for piece in parts}
    parent = [above.get(i, tree.parent[i]) for i in left]
    return left, [index[p] if p >= 0 else -1 for p in parent]


def removals(tree: Forest, longest: int) -> list[tuple[int, int, int]]:
    """All nodes but the roots in the order of elimination: node, parent then, child then or -1."""
    parts = pieces(tree, longest)
    out = []
    for piece in parts:
        for k, i in enumerate(piece.nodes):
            last = k == len(piece.nodes) - 1
            out.append((i, piece.parent if last else piece.nodes[k + 1], piece.child))
    left, parent = _left(tree, parts)
    for one in [one for ones in contraction(parent) for one in ones]:
        child = left[one.child] if one.child >= 0 else -1
        out.append((left[one.node], left[one.parent], child))
    return out


@lru_cache(maxsize=4)  # two lengths are tried, and the better one is used at once
def _made(parents: bytes, longest: int) -> tuple[Forest, list[Piece]]:
    tree = forest(np.frombuffer(parents, np.int32))
    return tree, _sorted_pieces(tree, longest)


@lru_cache(maxsize=512)
def _longest(parents: bytes, n_thread: int) -> int:
    if n_thread <= _FEW_THREADS:
        return PIECE

    def cost(longest: int) -> float:
        tree, made = _made(parents, longest)
        parts = _dealt(made, n_thread)
        n_warp = max(1, n_thread // LANES)
        nodes = [0] * n_warp  # that a warp eliminates one after another
        for k in range(0, len(parts), LANES):
            warp = k // LANES % n_warp
            nodes[warp] += max(len(piece.nodes) for piece in parts[k : k + LANES])
        return max(nodes) + _COST_OF_ROUND * len(contraction(_left(tree, parts)[1]))

    return min((PIECE, SHORT_PIECE), key=cost)


def longest_piece(parent: Ints, n_thread: int) -> int:
    """Most nodes of a piece: few long pieces leave fewer rounds, or threads without work.

    Blocks of few threads share a multiprocessor: rounds and their barriers cost more than idle
    threads (trees x500 on an H200: 23.2 us a step, with short pieces 24.7). A piece's words have
    room for eleven.
    """
    return _longest(np.ascontiguousarray(parent, np.int32).tobytes(), n_thread)


@lru_cache(maxsize=64)
def _ranks(parents: bytes, n_thread: int) -> Ints:
    tree, parts = _made(parents, _longest(parents, n_thread))
    rank: Ints = np.full(tree.n_node, PIECE * len(parts), np.int64)
    for k, piece in enumerate(parts):
        for j, i in enumerate(piece.nodes):
            rank[i] = j * len(parts) + k
    return rank


def arrange(parent: Ints, n_thread: int) -> Ints:
    """The order of nodes in which neighbouring threads read neighbouring slots: (n,) ranks.

    Shared memory serves a warp at a time only what lies in different banks.
    """
    return _ranks(np.ascontiguousarray(parent, np.int32).tobytes(), n_thread)


@lru_cache(maxsize=64)
def _left_slots(table: bytes) -> Ints:
    words = np.frombuffer(table, np.int32)
    return np.sort(words[words[5] : words[5] + 2 * words[1] : 2] >> 2)


def kept_rows(table: Ints, n: int) -> int:
    """Where the rows of slots below n are constant: so many of them, the first, lie in pieces, if
    all that lie in pieces come first (`arrange` sees to that); else 0.
    """
    left = _left_slots(table.tobytes())
    n_left = int(np.searchsorted(left, n))
    kept = n - n_left
    return kept if not n_left or left[0] >= kept else 0


def longest_in(table: Ints) -> int:
    """Nodes of the longest piece."""
    return int(table[table[4]] & 0xFFFF) if table[0] else 0


def _sorted_pieces(tree: Forest, longest: int) -> list[Piece]:
    """Longest first: a warp takes as long as the longest of its pieces."""
    parts = pieces(tree, longest)
    parts.sort(key=lambda piece: (-len(piece.nodes), piece.parent))
    return parts


def _dealt(parts: list[Piece], n_thread: int) -> list[Piece]:
    """Every other turn of the threads is reversed: who has a long piece has a short one next."""
    turns = [parts[k : k + n_thread] for k in range(0, len(parts), n_thread)]
    return [piece for k, turn in enumerate(turns) for piece in (turn[::-1] if k % 2 else turn)]


def _last_received(rounds: list[list[Removal]], n_left: int) -> list[int]:
    """For each node the last round in which a neighbour leaves it something, -1 for none."""
    last = [-1] * n_left
    for r, ones in enumerate(rounds):
        for one in ones:
            last[one.parent] = r
            if one.child >= 0:
                last[one.child] = r
    return last


def _forward(
    rounds: list[list[Removal]], last: list[int]
) -> tuple[list[int], list[int], list[int]]:
    """Bounds of the forward rounds, their items of four words, lists of more children."""
    bounds: list[int] = [0]
    items: list[int] = []
    more: list[int] = []
    for r, ones in enumerate(rounds):
        down: dict[int, list[int]] = {}
        up: dict[int, int] = {}
        for one in ones:
            down.setdefault(one.parent, []).append(one.node)
            if one.child >= 0:
                up[one.child] = one.node
        for q in sorted(down.keys() | up.keys()):
            below = down.get(q, [])
            first, second = [*below, len(last), len(last)][:2]
            rest = below[2:]
            items += [q * 2 + (last[q] == r), up.get(q, len(last)), first | second << 16]
            items.append(len(more) if rest else -1)
            if rest:
                more += [len(rest), *rest]
        bounds.append(len(items) // 4)
    return bounds, items, more


def _tail(bounds: list[int], back: list[list[Removal]]) -> int:
    """The round from which on a warp is enough."""
    tail = len(back)
    while tail > 0 and len(back[tail - 1]) <= LANES:
        if tail < len(back) and bounds[tail] - bounds[tail - 1] > LANES:
            break
        tail -= 1
    return min(tail, len(back) - 1)


def _piece_words(
    parts: list[Piece], places: Ints, index: dict[int, int], slot: Ints, longest: int
) -> Ints:
    """Eight words of two numbers for each. places: where each leaves what its parent loses."""
    words: Ints = np.zeros((len(parts), 16), np.int64)
    for k, piece in enumerate(parts):
        child = piece.child
        words[k, :5] = (
            len(piece.nodes),
            index[child] if child >= 0 else _NONE,
            slot[child] if child >= 0 else 0,
            index[piece.parent],
            places[k],
        )
        words[k, 5 : 5 + len(piece.nodes)] = slot[piece.nodes]
    return (words[:, ::2] | words[:, 1::2] << 16).ravel()


def table(parent: Ints, slot: Ints, n_thread: int, longest: int = 0) -> tuple[Ints, int, int]:
    """The device table, scratch doubles and rounds (those of the contraction).

    parent, slot: (n,) int32. longest: most nodes of a piece, at most PIECE; 0: chosen. Raises
    ValueError unless parents come before children, and for slots that do not fit into half a word.
    """
    if slot.max(initial=0) >= _NONE - 1:
        raise ValueError(f"contract: slots up to {slot.max()}; {_NONE - 2} is the largest")
    longest = longest or longest_piece(parent, n_thread)
    tree, made = _made(np.ascontiguousarray(parent, np.int32).tobytes(), longest)
    parts = _dealt(made, n_thread)
    left, above = _left(tree, parts)
    index = {i: q for q, i in enumerate(left)}
    parents = np.array([index[piece.parent] for piece in parts], np.int64)
    by_parent = np.argsort(parents, kind="stable")
    places: Ints = np.argsort(by_parent)
    first: Ints = np.searchsorted(parents[by_parent], np.arange(len(left) + 1))
    below_piece = {piece.child for piece in parts}
    rounds = contraction(above)
    last = _last_received(rounds, len(left))
    left_words: list[int] = []
    for q, i in enumerate(left):
        flags = (i in below_piece) * 2 + (last[q] < 0)
        count = first[q + 1] - first[q]
        left_words += [int(slot[i]) * 4 + flags, int(first[q] | count << 16)]
    bounds, items, more = _forward(rounds, last)
    back = [*rounds, [Removal(index[i], -1, -1) for i in tree.roots()]]
    none = len(left)
    sections: list[list[int] | Ints] = [
        _piece_words(parts, places, index, slot, longest),
        left_words,
        bounds,
        items,
        more,
        np.cumsum([0] + [len(ones) for ones in back]),
        [
            word
            for ones in back
            for one in ones
            for word in (
                one.node | (one.parent if one.parent >= 0 else none) << 16,
                one.child if one.child >= 0 else none,
            )
        ],
    ]
    head = [len(parts), len(left), len(rounds), _tail(bounds, back)]
    return _joined(head, sections, 4 * n_thread), _scratch(len(left), len(parts)), len(rounds)


def _scratch(n_left: int, n_piece: int) -> int:
    """Doubles: ContractScratch of tree_contract.cuh."""
    return 4 * (n_left + 1) + 2 * n_piece + n_left + 1


def _joined(head: list[int], sections: list[list[int] | Ints], behind: int) -> Ints:
    """One table: `head`, the sections' positions, the sections at multiples of four words. behind:
    words after the last one, which the kernel may load and not use.
    """
    begin = len(head) + len(sections)
    for section in sections:
        begin += -begin % _ALIGN
        head.append(begin)
        begin += len(section)
    table: Ints = np.zeros(begin + behind + -(begin + behind) % _ALIGN, np.int64)
    table[: len(head)] = head
    for at, section in zip(head[-len(sections) :], sections, strict=True):
        table[at : at + len(section)] = section
    return table.astype(np.uint32).view(np.int32)
