"""The tree solves of a model's blocks: their plans, and where nodes lie (src/gpu/tree.cuh)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import solvers
from ...solvers import TreePlan, contract
from .device import Array, Device
from .launch import NodeMemory
from .layout import MOST_SLOTS, NodeLayout
from .translate import Refusal


@dataclass(frozen=True)
class Trees:
    """plans: of each block, of one method. memory: where v, rhs, d, a and b lie. arrays: members of
    hx_model.
    """

    plans: list[TreePlan]
    memory: NodeMemory
    arrays: dict[str, Any]

    def macros(self) -> tuple[str, ...]:
        """What the kernels are compiled with."""
        method = self.plans[0].method
        return (f"HX_TREE_METHOD=hx::tree_{method}", *self._piece(method), *self.memory.macros())

    def _piece(self, method: str) -> list[str]:
        """Loops over a piece's nodes are written out: two lengths for all trees."""
        if method != "contract":
            return []
        longest = max(contract.longest_in(plan.table) for plan in self.plans)
        most = contract.SHORT_PIECE if longest <= contract.SHORT_PIECE else contract.PIECE
        return [f"HX_CONTRACT_PIECE={most}"]


def plan_trees(
    device: Device, nodes: NodeLayout, sizes: Array, method: str, n_thread: int, streams: bool
) -> Trees:
    """sizes: (n_block,) nodes of each block. method, n_thread: solvers.plan's. streams: the plan in
    which any block sees any other. Raises Refusal HX033 for blocks, or models, too large.
    """
    if sizes.max() > MOST_SLOTS:
        raise Refusal("HX033", f"a cell of {sizes.max()} nodes is too large for a block")
    plans = [solvers.plan(parent, slot, method, n_thread) for parent, slot in nodes.forest]
    scratch = max(plan.scratch_doubles for plan in plans)
    memory = (
        NodeMemory(0, "HX_GLOBAL_V", 1)
        if streams
        else NodeMemory.choose(device, sizes, scratch, n_thread)
    )
    arrays = _tables(device, plans)
    if not memory.shared:
        arrays |= _workspace(device, sizes, scratch)
    return Trees(plans, memory, arrays)


def _tables(device: Device, plans: list[TreePlan]) -> dict[str, Any]:
    """Blocks of one topology share a table."""
    first: dict[int, int] = {}
    pieces: list[Array] = []
    length = 0
    for plan in plans:
        if id(plan) not in first:
            first[id(plan)] = length
            pieces.append(plan.table)
            length += len(plan.table)
    offsets = [first[id(plan)] for plan in plans]
    return {
        "tree_table": device.array(np.concatenate(pieces).astype(np.int32)),
        "tree_first": device.array(np.array(offsets, np.int32)),
    }


def _workspace(device: Device, sizes: Array, scratch: int) -> dict[str, Any]:
    each = 5 * sizes.astype(np.int64) + scratch
    each += 2 + each % 2  # blocks and their scratch begin at multiples of 16 bytes
    starts = np.concatenate([[0], np.cumsum(each)])
    if starts[-1] >= 2**31:
        raise Refusal("HX033", "the model has too many nodes for one device")
    return {
        "workspace": device.empty(int(starts[-1]), np.float64),
        "workspace_first": device.array(starts[:-1].astype(np.int32)),
    }
