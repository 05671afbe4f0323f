"""Plan of Hines' method: one thread a cell (src/gpu/tree_hines.cuh)."""

from __future__ import annotations

import numpy as np

from .forest import Forest, Ints


def table(tree: Forest, slot: Ints) -> tuple[Ints, int, int]:
    """The device table, scratch doubles and rounds (the nodes of the longest cell)."""
    cells = tree.cells()
    order = np.array([i for cell in cells for i in cell], np.int32)
    first: Ints = np.cumsum([0] + [len(cell) for cell in cells])
    parent = np.asarray(tree.parent, np.int32)[order]
    slots = np.where(parent < 0, -1, slot[parent])
    words = np.concatenate([[len(cells)], first, slot[order], slots]).astype(np.int32)
    return words, 0, max((len(cell) for cell in cells), default=0)
