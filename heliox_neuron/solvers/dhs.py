"""Plan of dendritic hierarchical scheduling with a warp a subtree (src/gpu/tree_dhs.cuh).

Zhang et al., "A GPU-based computational framework that bridges neuron simulation and artificial
intelligence", Nature Communications 14 (2023): rounds of the deepest ready nodes. Here a node also
takes the lane of one of its children when that was in the round before, and carries its
elimination in registers. Made in C++ (src/solvers/dhs.cpp): Python took 14 s for a cell of 37,000
nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import _solvers
from .forest import Ints

Schedule = list[list[int]]  # rounds, lanes of a round: a node or -1


@dataclass(frozen=True)
class Layout:
    """Which rounds each warp does in each phase, and which contributions are carried.

    phases: per phase and warp. carried: child whose elimination its parent finds in registers.
    """

    phases: list[list[Schedule]]
    carried: set[int]


def layout(parent: Ints, n_thread: int) -> Layout:
    """Whole cells on warps of 32 threads; subtrees, if that saves a tenth of the rounds.

    parent: (n,) int32, -1 for roots. Raises ValueError unless parents come before children.
    """
    return Layout(*_solvers.dhs_layout(parent, n_thread))


def table(parent: Ints, slot: Ints, n_thread: int) -> tuple[Ints, int, int]:
    """The device table, scratch doubles and rounds.

    parent, slot: (n,) int32. Raises ValueError for blocks too large: 65535 nodes, 32767 branches.
    """
    return _solvers.dhs_table(parent, slot, n_thread)
