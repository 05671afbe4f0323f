"""How the threads of a block share out the tree solve of the block's cells."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .. import _solvers
from . import contract, dhs, hines, levels
from .forest import Ints, forest

Table = tuple[Ints, int, int]
METHODS: dict[str, Callable[[Ints, Ints, int], Table]] = {  # of parents, slots, threads
    "hines": lambda parent, slot, n_thread: hines.table(forest(parent), slot),
    "dhs": dhs.table,
    "contract": contract.table,
    "dhs_levels": lambda parent, slot, n_thread: levels.table(forest(parent), slot, n_thread),
}

_plans: dict[bytes, TreePlan] = {}


@dataclass(frozen=True)
class TreePlan:
    """The plan of one topology.

    table: int32 words for the device (src/gpu/tree.cuh), relocatable, the same for every block of
    this topology. scratch_doubles: of one block. n_thread: a block must have as many threads (more
    do no harm); from 32 on, whole warps. rounds: what follows one after the other in one direction:
    nodes of the longest cell (hines), rounds of a warp (dhs), rounds of the contraction.
    """

    method: str
    n_node: int
    n_cell: int
    n_level: int
    n_thread: int
    rounds: int
    scratch_doubles: int
    table: Ints

    def describe(self) -> str:
        """One line for the report."""
        return (
            f"{self.method}: {self.n_node} nodes in {self.n_cell} cells, longest path "
            f"{self.n_level}, {self.rounds} rounds with {self.n_thread} threads"
        )


def plan(parent: npt.ArrayLike, slot: npt.ArrayLike | None, method: str, n_thread: int) -> TreePlan:
    """The plan of a block's cells; made once for each topology.

    parent: (n,) int, -1 for roots, parents before children. slot: (n,) int, where each node lies in
    the block's arrays (None: in order). method: "hines", "dhs" (both exact), "contract" (fast), or
    "dhs_levels" (exact, for comparison). Raises ValueError for anything else.
    """
    parents = np.ascontiguousarray(parent, np.int32)
    slots = np.arange(parents.size) if slot is None else np.asarray(slot)
    slots = np.ascontiguousarray(slots, np.int32)
    if method not in METHODS:
        raise ValueError(f"no tree method {method!r}: one of {', '.join(METHODS)}")
    if n_thread < 1:
        raise ValueError(f"a block of {n_thread} threads")
    if parents.ndim != 1 or slots.shape != parents.shape:
        raise ValueError(f"parent, slot: one number a node, not {parents.shape}, {slots.shape}")
    digest = hashlib.sha256(f"{method} {n_thread} {parents.size} ".encode())
    digest.update(parents.tobytes())
    digest.update(slots.tobytes())
    key = digest.digest()
    found = _plans.get(key)
    if found is None:
        n_level = _solvers.n_level(parents)  # parents that come after their children end here
        if np.unique(slots).size != slots.size or (slots < 0).any():
            raise ValueError("slot: one place a node, all different")
        table, scratch, rounds = METHODS[method](parents, slots, n_thread)
        table.setflags(write=False)
        n_cell = int((parents < 0).sum())
        found = _plans[key] = TreePlan(
            method, parents.size, n_cell, n_level, n_thread, rounds, scratch, table
        )
    return found
