"""Tasks of warps: up to 32 neighbouring instances of one mechanism (codegen/device_tasks.py)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ...codegen.device_entry import Entry
from ...nmodl import ir
from ...nmodl.lower import Kernel
from .layout import InstanceLayout, Ints, NodeLayout

_WARP = 32
_COST = {"exp": 20, "log": 25, "pow": 60, "/": 12}


def cost(kernel: Kernel, hook: str) -> int:
    """How long an instance takes, roughly: to let long tasks begin first."""
    body = kernel.current if hook == "current" else kernel.state
    bodies = [body or [], *(f.body for f in kernel.functions)]
    total = 0
    for statements in bodies:
        for statement in ir.statements(statements):
            total += 4
            for expr in ir.expressions(statement):
                for node in ir.walk(expr):
                    if isinstance(node, ir.Call):
                        total += _COST.get(node.name, 8)
                    elif isinstance(node, ir.Binary):
                        total += _COST.get(node.op, 1)
    return total


def make_tasks(
    entries: list[Entry],
    passes: list[list[int]],
    instances: dict[str, InstanceLayout],
    nodes: NodeLayout,
) -> dict[str, Ints]:
    """task_first: [n_block * n_pass + 1]; task_entry, task_begin, task_end: [n_task]."""
    first, rows = [0], []
    pieces = {m: _pieces(instances[entries[m].name], entries[m].dense, nodes) for m in
              {m for members in passes for m in members}}  # fmt: skip
    for block in range(nodes.n_block):
        for number, members in enumerate(passes):
            hook = "current" if number == 0 else "state"
            ordered = sorted(members, key=lambda m: -_cost_of(entries[m], hook))
            for m in ordered:
                rows += [(m, begin, end) for begin, end in pieces[m][block]]
            first.append(len(rows))
    table = np.array(rows, np.int32).reshape(-1, 3)
    return {
        "task_first": np.array(first, np.int32),
        "task_entry": np.ascontiguousarray(table[:, 0]),
        "task_begin": np.ascontiguousarray(table[:, 1]),
        "task_end": np.ascontiguousarray(table[:, 2]),
    }


def _cost_of(entry: Entry, hook: str) -> int:
    assert entry.kernel is not None
    return cost(entry.kernel, hook)


def _pieces(layout: InstanceLayout, dense: bool, nodes: NodeLayout) -> list[list[tuple[int, int]]]:
    """Runs of instances of each block, cut to a warp's size."""
    present: Any = np.sort(layout.place) if dense else np.arange(layout.size)
    bounds: Any = np.searchsorted(present, nodes.first) if dense else layout.block
    out = []
    for begin, end in itertools.pairwise(bounds):
        mine = present[begin:end]
        breaks = np.flatnonzero(np.diff(mine) != 1) + 1
        pieces = []
        for run in np.split(mine, breaks):
            for k in range(0, len(run), _WARP):
                piece = run[k : k + _WARP]
                pieces.append((int(piece[0]), int(piece[-1]) + 1))
        out.append(pieces)
    return out
