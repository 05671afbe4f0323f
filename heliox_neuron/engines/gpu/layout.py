"""Where nodes and instances lie on the device.

Cells are dealt out to blocks of threads; small ones share a block. Within a block nodes that carry
the same mechanisms lie side by side, so that a warp's threads do the same. `position`: a node's
place in the device's node columns; `slot`: its place in its block. Instances lie in the order of
their nodes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_SEVERAL = 0xFFFE  # children, in the word of a node's kin
MOST_SLOTS = 0xFFFD  # nodes of a block

Ints: TypeAlias = npt.NDArray[np.int32]
Longs: TypeAlias = npt.NDArray[np.int64]


@dataclass
class NodeLayout:
    """first: [n_block + 1] position of a block's first slot. position: [n_node] of NEURON's rows.
    row: its inverse. slot: [n_node], by row. block: [n_node], by row. kin: [n_node] by position,
    slots of parent and child in one word (src/gpu/nodes.cuh). child_first, child: children's slots
    of each position, in NEURON's order. forest: per block, the parents of its nodes in NEURON's
    order (-1 for roots) and the slots of those nodes.
    """

    first: Ints
    position: Longs
    row: Longs
    slot: Ints
    block: Longs
    kin: Ints
    child_first: Ints
    child: Ints
    forest: list[tuple[Ints, Ints]]

    @property
    def n_block(self) -> int:
        return len(self.first) - 1


def cells_of(parent: Ints, n_cell: int) -> Longs:
    """Which cell each node belongs to: [n_node], the row of its root. Roots are the first rows."""
    root = parent.astype(np.int64)
    root[:n_cell] = np.arange(n_cell)
    while True:
        further = root[root]
        if np.array_equal(further, root):
            return root
        root = further


def deal_cells(sizes: Longs, n_multiprocessor: int, most: int = 256) -> Longs:
    """The block of each cell: consecutive cells share one while they have few nodes together."""
    total = int(sizes.sum())
    wanted = min(most, max(32, total // max(1, 2 * n_multiprocessor)))
    block = np.empty(len(sizes), np.int64)
    current, held = 0, 0
    for cell, size in enumerate(sizes):
        if held and held + size > wanted:
            current, held = current + 1, 0
        block[cell] = current
        held += int(size)
    return block


def blocks_of(parent: Ints, n_cell: int, n_multiprocessor: int, one_block: bool = False) -> Longs:
    """[n_node] the block of each node."""
    root = cells_of(parent, n_cell)
    sizes = np.bincount(root, minlength=n_cell)
    cell_block = np.zeros(n_cell, np.int64) if one_block else deal_cells(sizes, n_multiprocessor)
    return cell_block[root]


def lay_out(
    parent: Ints,
    n_cell: int,
    signature: Longs,
    block: Longs,
    arrange: Callable[[Ints], Longs] | None = None,
) -> NodeLayout:
    """signature: [n_node] which mechanisms a node carries. block: [n_node], blocks_of's. arrange:
    the order among those of a block that carry the same, from the parents of the block's nodes (-1
    for roots); None: NEURON's.
    """
    n = len(parent)
    rows = np.arange(n)
    rank = rows if arrange is None else _ranks(parent, n_cell, block, arrange)
    order = np.lexsort((rank, signature, block))
    position = np.empty(n, np.int64)
    position[order] = rows
    counts = np.bincount(block, minlength=int(block.max()) + 1 if n else 1)
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    slot = (position - first[block]).astype(np.int32)
    inner = rows >= n_cell
    parent_slot = np.full(n, -1, np.int32)
    parent_slot[position[inner]] = slot[parent[inner]]
    child_rows = rows[inner]
    owner = position[parent[inner]]
    by_owner = np.lexsort((child_rows, owner))
    child = slot[child_rows[by_owner]]
    child_first = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=n))])
    kin = _kin(parent_slot, child_first, child)
    return NodeLayout(
        first, position, order, slot, block, kin, child_first.astype(np.int32),
        child.astype(np.int32), _forests(parent, inner, block, first, slot),
    )  # fmt: skip


def _ranks(parent: Ints, n_cell: int, block: Longs, arrange: Callable[[Ints], Longs]) -> Longs:
    """[n_node] by row, what `arrange` makes of each block."""
    by_block: Longs = np.argsort(block, kind="stable")
    first: Longs = np.searchsorted(block[by_block], np.arange(int(block.max()) + 2))
    local = np.empty(len(parent), np.int64)
    local[by_block] = np.arange(len(parent)) - first[block[by_block]]
    parents = np.where(np.arange(len(parent)) < n_cell, -1, local[parent]).astype(np.int32)
    rank = np.empty(len(parent), np.int64)
    for begin, end in itertools.pairwise(first):
        rows = by_block[begin:end]
        rank[rows] = arrange(parents[rows])
    return rank


def _kin(parent_slot: Ints, child_first: Longs, child: Ints) -> Ints:
    """Parent and child of each position in one word."""
    count = np.diff(child_first)
    only = np.zeros(len(count), np.int64)
    one = count == 1
    only[one] = child[child_first[:-1][one]] + 1
    only[count > 1] = _SEVERAL + 1
    words = (parent_slot.astype(np.int64) + 1) | only << 16
    return words.astype(np.uint32).view(np.int32)


def _forests(
    parent: Ints, inner: npt.NDArray[np.bool_], block: Longs, first: Ints, slot: Ints
) -> list[tuple[Ints, Ints]]:
    n = len(parent)
    order = np.lexsort((np.arange(n), block))
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    local = rank - first[block]
    parents = np.full(n, -1, np.int32)
    parents[inner] = local[parent[inner]]
    return [(parents[order[a:b]], slot[order[a:b]]) for a, b in itertools.pairwise(first)]


@dataclass
class InstanceLayout:
    """place: [n] where each of NEURON's instances lies. size: elements of a column on the device.
    index: [n_node] by position, the (first) instance of a node or -1. at_node: [n_node + 1]
    instances before each position. block: [n_block + 1] instances before each block. slot: [n] the
    node's, in the device's order.
    """

    place: Longs
    size: int
    index: Ints
    at_node: Ints
    block: Ints
    slot: Ints
    order: Longs  # NEURON's index of each instance, in the order of nodes


def lay_instances(node: Ints, nodes: NodeLayout, dense: bool) -> InstanceLayout:
    """node: [n] NEURON's row of each instance's node. dense: they lie at their nodes' positions."""
    n = len(node)
    where = nodes.position[node]
    order = np.lexsort((np.arange(n), where))
    inverse = np.empty(n, np.int64)
    inverse[order] = np.arange(n)
    n_node = len(nodes.position)
    at_node = np.concatenate([[0], np.cumsum(np.bincount(where, minlength=n_node))])
    index = np.where(np.diff(at_node) > 0, at_node[:-1], -1)
    return InstanceLayout(
        where if dense else inverse,
        n_node if dense else n,
        index.astype(np.int32),
        at_node.astype(np.int32),
        at_node[nodes.first].astype(np.int32),
        nodes.slot[node[order]].astype(np.int32),
        order,
    )


def signatures(masks: Any) -> Longs:
    """A number for each distinct set of mechanisms, such that nodes with the same frequent
    mechanisms lie together. masks: (n_word, n_node) uint32.
    """
    words = np.asarray(masks, np.uint32)
    used = np.bitwise_or.reduce(words, axis=1)
    bits = [
        (words[w] >> np.uint32(k)) & np.uint32(1)
        for w in range(len(words))
        for k in range(32)
        if used[w] >> np.uint32(k) & np.uint32(1)
    ]
    often = sorted(bits, key=lambda b: -int(b.sum()))
    if not often:
        return np.zeros(words.shape[1], np.int64)
    order = np.lexsort([1 - b for b in reversed(often)])
    ranked = np.stack(often)[:, order]
    new = np.concatenate([[0], np.any(ranked[:, 1:] != ranked[:, :-1], axis=0).cumsum()])
    signature = np.empty(words.shape[1], np.int64)
    signature[order] = new
    return signature
