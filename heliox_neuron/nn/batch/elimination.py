"""The tables of a passive cell for src/gpu/layer.cuh: its matrix eliminated once, and its rounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...solvers import dhs
from ...solvers.forest import forest
from .layers import Cable, Doubles, Ints, Projection

LANES = 32
IDLE = 0xFFFF


@dataclass(frozen=True)
class Elimination:
    """slot: (n,) of each node, the order of all columns below. See struct Layer in layer.cuh."""

    slot: Ints
    n_round: int
    words: np.ndarray
    branches: Ints
    child: Ints
    child_f: Doubles
    c: Doubles
    ge: Doubles
    fc: Doubles
    bd: Doubles
    inverse: Doubles


def eliminate(cable: Cable, dt: float) -> Elimination:
    """The tables for steps of dt ms (Hines 1984; rounds as in solvers/dhs.py)."""
    tree = forest(cable.parent)
    plan = dhs.layout(tree, LANES)
    schedule = plan.phases[0][0]
    order = [i for lanes in schedule for i in lanes if i >= 0]
    slot = np.empty(cable.n_node, np.int32)
    slot[order] = np.arange(cable.n_node)

    d = cable.diagonal(dt)
    for i in range(cable.n_node - 1, 0, -1):
        p = cable.parent[i]
        if p >= 0:
            d[p] -= cable.a[i] * cable.b[i] / d[i]
    # what a parent subtracts of its child's right-hand side
    factor = np.where(cable.parent >= 0, cable.a / d, 0.0)
    bd = np.where(cable.parent >= 0, cable.b / d, 0.0)

    fc = np.zeros(cable.n_node)
    branch_of = np.zeros(cable.n_node, np.int64)
    branches: list[tuple[int, int, int]] = [(0, 0, -2)]
    child: list[int] = []
    for i, children in enumerate(tree.children):
        others = [k for k in children if k not in plan.carried]
        for k in children:
            if k in plan.carried:
                fc[i] = factor[k]
        if i in plan.carried and not others:
            continue
        parent = cable.parent[i]
        above = -2 if i in plan.carried else -1 if parent < 0 else int(slot[parent])
        branch_of[i] = len(branches)
        branches.append((len(child), len(others), above))
        child += others
    if len(branches) > IDLE:
        raise ValueError(f"{len(branches)} branch points in a cell, at most {IDLE}")

    words = np.full((len(schedule) + 4, LANES), IDLE, np.uint32)
    for r, lanes in enumerate(schedule):
        for lane, i in enumerate(lanes):
            if i >= 0:
                words[r + 2, lane] = int(slot[i]) | int(branch_of[i]) << 16

    def column(values: Doubles) -> Doubles:
        out = np.empty(cable.n_node)
        out[slot] = values
        return out

    return Elimination(
        slot=slot,
        n_round=len(schedule),
        words=words,
        branches=np.array(branches, np.int32),
        child=slot[np.array(child or [0], np.int64)],
        child_f=factor[np.array(child or [0], np.int64)],
        c=column(1e-3 * cable.cm / dt),
        ge=column(cable.g * cable.e),
        fc=column(fc),
        bd=column(bd),
        inverse=column(1.0 / d),
    )


@dataclass(frozen=True)
class Synapses:
    """Where a layer's synapses charge its cells: rows of 32, one a lane, for 32 nodes a group.

    index: (n_row, 32) into the layer's weights; scale: what makes dt/C times the current density
    of a weight (0: no synapse). The rest: see struct Layer in layer.cuh.
    """

    group_first: Ints
    row_first: Ints
    group_slot: np.ndarray
    source: np.ndarray
    index: Ints
    scale: Doubles


def arrange(projection: Projection, cable: Cable, slot: Ints, dt: float) -> Synapses:
    """Nodes with the most synapses first, so that the lanes of a row are about equally busy."""
    n_source = projection.n_in + 1
    if n_source > IDLE:
        raise ValueError(f"{projection.n_in} presynaptic cells, at most {IDLE - 1}")
    group_first, row_first = [0], [0]
    slots: list[np.ndarray] = []
    rows: list[np.ndarray] = []  # synapse of the cell, or -1
    cells: list[np.ndarray] = []
    for n in range(projection.n_out):
        node = projection.node[n]
        order = np.argsort(node, kind="stable")
        nodes, first, count = np.unique(node[order], return_index=True, return_counts=True)
        busy = np.argsort(-count, kind="stable")
        for g in range(0, len(nodes), LANES):
            these = busy[g : g + LANES]
            n_row = int(count[these[0]])
            table = np.full((n_row, LANES), -1, np.int64)
            for lane, k in enumerate(these):
                table[: count[k], lane] = order[first[k] : first[k] + count[k]]
            group = np.full(LANES, IDLE, np.uint16)
            group[: len(these)] = slot[nodes[these]]
            slots.append(group)
            rows.append(table)
            cells.append(np.full(n_row, n))
            row_first.append(row_first[-1] + n_row)
        group_first.append(len(slots))
    synapse, cell = np.concatenate(rows), np.concatenate(cells)[:, None]
    some = synapse >= 0
    source = np.where(some, synapse, 0)
    node = projection.node[cell, source]
    per_nA = 1e2 / cable.area[node] * dt / (1e-3 * cable.cm[node])
    return Synapses(
        group_first=np.array(group_first, np.int32),
        row_first=np.array(row_first, np.int32),
        group_slot=np.stack(slots),
        source=source.astype(np.uint16),
        index=(cell * n_source + source).astype(np.int32),
        scale=np.where(some, projection.g[cell, source] * per_nA, 0.0),
    )
