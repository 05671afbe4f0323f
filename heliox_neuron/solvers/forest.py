"""The tree of parents that a solver's plan is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = "npt.NDArray[np.int32]"
Doubles: TypeAlias = "npt.NDArray[np.float64]"


@dataclass(frozen=True)
class Forest:
    """One or more trees in NEURON's order of nodes.

    parent: (n,) of each node, -1 for roots. children: of each node, the last in NEURON's order
    first: the order in which exact methods subtract them. depth: (n,) edges up to the root.
    """

    parent: list[int]
    children: list[list[int]]
    depth: list[int]

    @property
    def n_node(self) -> int:
        return len(self.parent)

    @property
    def n_level(self) -> int:
        """Nodes on the longest way from a root to a tip: no exact method has fewer rounds."""
        return max(self.depth, default=-1) + 1

    def roots(self) -> list[int]:
        return [i for i, p in enumerate(self.parent) if p < 0]

    def cells(self) -> list[list[int]]:
        """The nodes of each tree, in NEURON's order: the root first."""
        cell: list[int] = []
        nodes: list[list[int]] = []
        for i, p in enumerate(self.parent):
            if p < 0:
                cell.append(len(nodes))
                nodes.append([i])
            else:
                cell.append(cell[p])
                nodes[cell[p]].append(i)
        return nodes


def forest(parent: npt.ArrayLike) -> Forest:
    """Raises ValueError unless every parent comes before its children."""
    array = np.asarray(parent, dtype=np.int64)
    if array.ndim != 1:
        raise ValueError(f"parent: one number a node, not an array of shape {array.shape}")
    wrong = np.flatnonzero((array >= np.arange(array.size)) | (array < -1))
    if wrong.size:
        i = int(wrong[0])
        raise ValueError(f"parent[{i}] is {array[i]}: parents come before their children")
    parents = array.tolist()
    children: list[list[int]] = [[] for _ in parents]
    depth = [0] * len(parents)
    for i, p in enumerate(parents):
        if p >= 0:
            depth[i] = depth[p] + 1
            children[p].append(i)
    for c in children:
        c.reverse()
    return Forest(parents, children, depth)


def rounds(tree: Forest, n_lane: int) -> list[list[int]]:
    """All nodes in rounds of at most n_lane ready ones, tips first, the deepest first.

    That gives the fewest rounds (Hu 1961; Zhang et al. 2023, algorithm 1). src/solvers/forest.cpp
    does the same for the plans of many trees.
    """
    waiting = [len(children) for children in tree.children]
    ready = [(-tree.depth[i], i) for i in range(tree.n_node) if not waiting[i]]
    out: list[list[int]] = []
    while ready:
        ready.sort()
        chosen = [i for _, i in ready[:n_lane]]
        del ready[:n_lane]
        out.append(chosen)
        for i in chosen:
            p = tree.parent[i]
            if p >= 0:
                waiting[p] -= 1
                if not waiting[p]:
                    ready.append((-tree.depth[p], p))
    return out
