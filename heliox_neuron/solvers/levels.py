"""Plan of dendritic hierarchical scheduling with a barrier a round (src/gpu/tree_levels.cuh)."""

from __future__ import annotations

import numpy as np

from .forest import Forest, Ints, rounds


def table(tree: Forest, slot: Ints, n_thread: int) -> tuple[Ints, int, int]:
    """The device table, scratch doubles (one a node) and rounds."""
    schedule = rounds(tree, n_thread)
    order = [i for nodes in schedule for i in nodes]
    position = {i: k for k, i in enumerate(order)}
    words = [len(schedule), len(order)]
    words += np.cumsum([0] + [len(nodes) for nodes in schedule]).tolist()
    words += [int(slot[i]) for i in order]
    words += [-1 if tree.parent[i] < 0 else int(slot[tree.parent[i]]) for i in order]
    words += np.cumsum([0] + [len(tree.children[i]) for i in order]).tolist()
    words += [position[c] for i in order for c in tree.children[i]]
    return np.array(words, np.int32), len(order), len(schedule)
