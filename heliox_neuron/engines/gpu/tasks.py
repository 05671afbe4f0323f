"""Tasks of warps: up to 32 neighbouring instances of one mechanism (codegen/device_tasks.py)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ...codegen.device_entry import Entry
from ...nmodl import ir
from ...nmodl.lower import Kernel
from .layout import InstanceLayout, Ints, NodeLayout

Task = tuple[int, int, int]  # entry, begin, end
_WARP = 32
_COST = {"exp": 20, "log": 25, "pow": 60, "/": 12}


def cost(kernel: Kernel, hook: str) -> int:
    """How long an instance takes, roughly: what a body does, and each function that it calls."""
    functions = {f.name: f.body for f in kernel.functions}
    known: dict[str, int] = {}

    def of_call(name: str) -> int:
        if name in functions and name not in known:
            known[name] = 0  # of a function that calls itself
            known[name] = of_body(functions[name])
        return known.get(name, _COST.get(name, 8))

    def of_body(statements: list[ir.Statement]) -> int:
        total = 0
        for statement in ir.statements(statements):
            total += 4
            for expr in ir.expressions(statement):
                for node in ir.walk(expr):
                    if isinstance(node, ir.Call):
                        total += of_call(node.name)
                    elif isinstance(node, ir.Binary):
                        total += _COST.get(node.op, 1)
        return total

    return of_body((kernel.current if hook == "current" else kernel.state) or [])


def make_tasks(
    entries: list[Entry],
    passes: list[list[int]],
    instances: dict[str, InstanceLayout],
    nodes: NodeLayout,
    n_warp: int,
) -> dict[str, Ints]:
    """task_first: [n_block * n_pass + 1]; task_entry, task_begin, task_end: [n_task].

    A block's n_warp warps take every n_warp-th task of a pass (hx_pass_ in device_tasks.py).
    """
    first, rows = [0], []
    pieces = {m: _pieces(instances[entries[m].name], entries[m].dense, nodes) for m in
              {m for members in passes for m in members}}  # fmt: skip
    hooks = ["current" if number == 0 else "state" for number in range(len(passes))]
    cost_of = [{m: _cost_of(entries[m], hook) for m in members}
               for hook, members in zip(hooks, passes, strict=True)]  # fmt: skip
    for block in range(nodes.n_block):
        for members, costs in zip(passes, cost_of, strict=True):
            mine = [(m, *piece) for m in members for piece in pieces[m][block]]
            rows += _share(sorted(mine, key=lambda task: -costs[task[0]]), costs, n_warp)
            first.append(len(rows))
    table = np.array(rows, np.int32).reshape(-1, 3)
    return {
        "task_first": np.array(first, np.int32),
        "task_entry": np.ascontiguousarray(table[:, 0]),
        "task_begin": np.ascontiguousarray(table[:, 1]),
        "task_end": np.ascontiguousarray(table[:, 2]),
    }


def _share(tasks: list[Task], costs: dict[int, int], n_warp: int) -> list[Task]:
    """The tasks in turn for the warps, each given to the one that is free first (Graham 1969)."""
    warps: list[list[Task]] = [[] for _ in range(max(1, min(n_warp, len(tasks))))]
    busy = [0] * len(warps)
    for task in tasks:
        w = busy.index(min(busy))
        warps[w].append(task)
        busy[w] += costs[task[0]]
    rounds = itertools.zip_longest(*warps)
    if len(warps) < n_warp:
        return tasks
    return [task or (tasks[0][0], 0, 0) for row in rounds for task in row]


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
