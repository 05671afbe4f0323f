"""The tables of a passive cell for src/gpu/layer.cuh: its matrix eliminated, and its rounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...solvers import dhs, reference
from ...solvers.forest import forest
from .layers import Cable, Doubles, Ints, Projection

LANES = 32
IDLE, ROOT, CARRIED = 0xFFFF, 0xFFFF, 0xFFFE
BARE = 1 << 31
WIDE = 24  # synapses on a node from which all lanes sum for it
_BRANCH = np.dtype([(name, np.uint16) for name in ("child", "parent", "more", "n_more")])


@dataclass(frozen=True)
class Elimination:
    """slot: (n,) of each node, the order of all columns. scale, rest: (n,) in the order of nodes,
    y = scale (v - rest). The rest: see struct Layer in layer.cuh.
    """

    slot: Ints
    scale: Doubles
    rest: Doubles
    n_round: int
    words: np.ndarray
    branch: np.ndarray
    branch_f: Doubles
    fc: Doubles
    p: Doubles
    q: Doubles
    child: np.ndarray
    child_f: Doubles


def eliminate(cable: Cable, dt: float) -> Elimination:
    """The tables for steps of dt ms. Raises ValueError for a cell with too many branches."""
    tree, parent = forest(cable.parent), cable.parent
    plan = dhs.layout(parent, LANES)
    schedule = plan.phases[0][0]
    order = [i for lanes in schedule for i in lanes if i >= 0]
    slot = np.empty(cable.n_node, np.int32)
    slot[order] = np.arange(cable.n_node)

    d = cable.diagonal(dt)
    for i in range(cable.n_node - 1, -1, -1):
        if parent[i] >= 0:
            d[parent[i]] -= cable.a[i] * cable.b[i] / d[i]
    inner = parent >= 0
    scale = np.where(cable.cm > 0, 1e-3 * cable.cm / dt, 1.0)
    f = np.where(inner, cable.a / d, 0.0)  # what a parent subtracts of its child's x
    q = np.where(inner, cable.b / d * scale / scale[np.maximum(parent, 0)], 0.0)

    fc = np.zeros(cable.n_node)
    branch_of = np.zeros(cable.n_node, np.int64)
    branches: list[tuple[int, int, int, int]] = [(IDLE, CARRIED, 0, 0)]
    branch_f = [0.0]
    further: list[int] = []
    for i, children in enumerate(tree.children):
        others = [k for k in children if k not in plan.carried]
        fc[i] = sum(f[k] for k in children if k in plan.carried)
        if i in plan.carried and not others:
            continue
        above = CARRIED if i in plan.carried else int(slot[parent[i]]) if parent[i] >= 0 else ROOT
        first = int(slot[others[0]]) if others else IDLE
        branch_of[i] = len(branches)
        branches.append((first, above, len(further), max(0, len(others) - 1)))
        branch_f.append(float(f[others[0]]) if others else 0.0)
        further += others[1:]
    if len(branches) >= BARE >> 16 or len(further) > IDLE:
        raise ValueError(f"{len(branches)} branch points in a cell, at most {(BARE >> 16) - 1}")

    words = np.full((len(schedule) + 4, LANES), IDLE, np.uint32)
    for r, lanes in enumerate(schedule):
        for lane, i in enumerate(lanes):
            if i >= 0:
                bare = 0 if cable.cm[i] > 0 else BARE
                words[r + 2, lane] = int(slot[i]) | int(branch_of[i]) << 16 | bare
    more = np.array(further or [0], np.int64)
    by_slot = np.array(order)
    return Elimination(
        slot=slot,
        scale=scale,
        rest=reference.hines(parent, cable.a, cable.b, cable.diagonal(np.inf), cable.g * cable.e),
        n_round=len(schedule),
        words=words,
        branch=np.array(branches, _BRANCH),
        branch_f=np.array(branch_f),
        fc=fc[by_slot],
        p=(scale / d)[by_slot],
        q=q[by_slot],
        child=slot[more].astype(np.uint16),
        child_f=f[more],
    )


@dataclass(frozen=True)
class Synapses:
    """Where a layer's synapses charge its cells: rows of 32, one a lane.

    index: (n_row, 32) into the layer's weights; scale: what makes the current density of a weight
    (0: no synapse). The rest: see struct Layer in layer.cuh.
    """

    row_first: Ints
    synapse: np.ndarray
    wide_first: Ints
    wide_row: Ints
    wide_slot: Ints
    index: Ints
    scale: Doubles


def arrange(projection: Projection, cable: Cable, slot: Ints) -> Synapses:
    """All synapses of a node in one lane, all lanes about equally many; wide nodes apart."""
    n_source = projection.n_in + 1
    if n_source > IDLE:
        raise ValueError(f"{projection.n_in} presynaptic cells, at most {IDLE - 1}")
    narrow: list[np.ndarray] = []  # rows of synapses of a cell, -1: none; and the slots charged
    slots: list[np.ndarray] = []
    wide: list[np.ndarray] = []
    wide_slot: list[int] = []
    row_first, wide_row, wide_first = [0], [0], [0]
    for n in range(projection.n_out):
        node = projection.node[n]
        lanes: list[list[int]] = [[] for _ in range(LANES)]
        ends: list[list[int]] = [[] for _ in range(LANES)]
        of_node = {i: np.flatnonzero(node == i) for i in np.unique(node).tolist()}
        for i, synapses in sorted(of_node.items(), key=lambda item: -len(item[1])):
            if len(synapses) >= WIDE:
                n_row = -(-len(synapses) // LANES)
                wide.append(
                    np.pad(synapses, (0, n_row * LANES - len(synapses)), constant_values=-1)
                )
                wide_slot.append(int(slot[i]))
                wide_row.append(wide_row[-1] + n_row)
                continue
            lane = min(range(LANES), key=lambda k: len(lanes[k]))
            lanes[lane] += synapses.tolist()
            ends[lane] += [IDLE] * (len(synapses) - 1) + [int(slot[i])]
        n_row = max(map(len, lanes))
        narrow.append(np.array([k + [-1] * (n_row - len(k)) for k in lanes]).reshape(LANES, -1).T)
        slots.append(np.array([k + [IDLE] * (n_row - len(k)) for k in ends]).reshape(LANES, -1).T)
        row_first.append(row_first[-1] + n_row)
        wide_first.append(len(wide_slot))
    n_narrow = row_first[-1]
    cell = np.concatenate([
        np.repeat(np.arange(projection.n_out), np.diff(row_first)),
        np.repeat(
            np.repeat(np.arange(projection.n_out), np.diff(wide_first)), np.diff(wide_row)
        ),
    ]).astype(np.int64)[:, None]  # fmt: skip
    rows = [*narrow, *(k.reshape(-1, LANES) for k in wide)]
    synapse = np.concatenate(rows).astype(np.int64)
    charged = np.full(synapse.shape, IDLE, np.int64)
    charged[:n_narrow] = np.concatenate(slots)
    source = np.where(synapse >= 0, synapse, 0)
    per_nA = 1e2 / cable.area[projection.node[cell, source]]
    return Synapses(
        row_first=np.array(row_first, np.int32),
        synapse=(source | charged << 16).astype(np.uint32),
        wide_first=np.array(wide_first, np.int32),
        wide_row=(n_narrow + np.array(wide_row)).astype(np.int32),
        wide_slot=np.array(wide_slot or [0], np.int32),
        index=(cell * n_source + source).astype(np.int32),
        scale=np.where(synapse >= 0, projection.g[cell, source] * per_nA, 0.0),
    )
