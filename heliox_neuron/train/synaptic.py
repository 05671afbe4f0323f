"""The synaptic gradient of a feed-forward network (Zhang et al. 2023; the paper's eq. 4 to 7).

A cell is taken as what it is at its passive steady state: v at a point q is a constant plus the sum
over its graded synapses of r(k, q) * g * w * f(v_pre), f(v) = max(v, 0). Then, with E_s = sum over
the points q of the cell of delta_q * r(k_s, q),

    dL/dw_s = E_s * g_s * mean f(v_pre)        delta_pre += E_s * g_s * w_s * f'(mean v_pre)

from the readouts backwards, layer by layer. Points are the readouts and the nodes that synapses
look at. With a trajectory the same holds at each sample, and the sum is over samples.

Exact, up to rounding, where cells are passive and settled within the window. Elsewhere an
approximation, because a cell's delay and filter are left out. Largest error relative to the largest
component, and cosine of the angle to finite differences of NEURON, in two layers of cables with a
membrane time constant of 1 ms (python benchmarks/gradient_accuracy.py):

    passive, steady state                  6.5e-12  1.000000
    passive, window (1, 5) ms              0.42     0.994090
    passive, window (0, 2) ms              4.5      0.927657
    inputs under spikes, (20, 50) ms       0.018    0.999921
    hh channels in the outputs             0.59     0.998665

`Gradient.exact` says whether a run was of the first kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import HelioXError
from .graph import Synapses, read_graph, segments_of
from .losses import Loss
from .parameters import Parameters
from .resistance import Doubles, Ints, Matrix, read_matrix, transfer_resistances
from .simulation import Means, Recording, Seen, Simulation, neuron, observe

REFERENCE = "Zhang et al. 2023, Nat Commun 14:5798; HelioX eq. 4-7"
_LINEAR = ("capacitance", "pas", "IClamp")
_TRAINED = {"w": "g", "g": "w"}  # variable: its factor in the current


@dataclass
class _Place:
    """Which synapse each parameter element is."""

    synapses: int
    row: int
    factor: str


class SynapticGradient:
    """Runs the model and computes dL/dparameters; for one loss and one set of parameters.

    Raises HX097 where the method does not hold: recurrent networks, other couplings between cells,
    parameters that are no w or g of a graded synapse, readouts of another variable than v.
    """

    name = "synaptic"
    reference = REFERENCE

    def __init__(self, loss: Loss, parameters: Parameters, simulation: Simulation) -> None:
        from ..session import attach

        session = attach()
        if session._off:
            raise HelioXError("HX097", f"synaptic needs HelioX: {session._off}")
        if loss.readout.variable != "v":
            raise HelioXError("HX097", f"synaptic: the readout is {loss.readout.variable}, not v.")
        self.loss, self.parameters, self.simulation = loss, parameters, simulation
        self._core: Any = session._core
        self._generation, self._dt = -1, 0.0
        self._matrix: Matrix | None = None
        self._observed: Recording | Means | None = None
        self.exact = False

    def close(self) -> None:
        if self._observed is not None:
            self._observed.close()
            self._observed = None
        self._generation = -1

    # ---- the model ----

    def _prepare(self) -> None:
        """Before a run: the graph, the points and what sees them, if the structure changed."""
        state = self._core.generation(), neuron().dt
        if self._observed is not None and state == (self._generation, self._dt):
            return
        self.close()
        if int(neuron().ParallelContext().nthread()) > 1:
            raise HelioXError("HX097", "synaptic: use pc.nthread(1).")
        self._graph = read_graph(self._core)
        pointers = self.loss.readout.pointers()
        readout = np.array([o.node_index() for o in self.loss.readout.owners], np.int64)
        self._level = self._graph.levels(readout)
        looked_at = [s.pre[self._relevant(s.node) & (s.pre >= 0)] for s in self._graph.synapses]
        hidden = np.setdiff1d(np.unique(np.concatenate([*looked_at, np.empty(0, int)])), readout)
        segments = segments_of(hidden)
        pointers += [segments[int(node)]._ref_v for node in hidden]
        # a node that is read out twice is one point: its errors add
        self._points, self._of_readout = np.unique(readout, return_inverse=True)
        self._points = np.concatenate([self._points, hidden]).astype(np.int64)
        self._n_readout = len(readout)
        self._place = np.full(self._graph.structure["n_node"], -1, np.int64)
        self._place[self._points] = np.arange(len(self._points))
        self._rounds = _rounds(self._graph.root[self._points])
        self._matrix = None
        what = self.loss.readout
        self._observed = observe(pointers, what.window, self.simulation.tstop, what.is_trajectory)
        self._places = self._locate()
        self._generation, self._dt = self._core.generation(), neuron().dt

    def _relevant(self, nodes: Ints) -> np.ndarray:
        """Whether the cell of each node reaches a readout."""
        known = np.array(sorted(self._level), np.int64)
        return np.isin(self._graph.root[nodes], known)

    def _locate(self) -> list[_Place]:
        """Each element's row: NEURON reads numbers through the element's handle that say it."""
        elements = self.parameters.elements
        known = {s.mechanism: k for k, s in enumerate(self._graph.synapses)}
        for element in elements:
            if element.mechanism not in known or element.variable not in _TRAINED:
                raise HelioXError(
                    "HX097",
                    f"synaptic: {element.name} is not the w or g of a graded synapse. "
                    'Use method="finite_differences".',
                )
        columns = {
            (e.mechanism, e.variable): self._graph.synapses[known[e.mechanism]].columns[e.variable]
            for e in elements
        }
        saved = {key: column.copy() for key, column in columns.items()}
        try:
            for column in columns.values():
                column[:] = np.arange(len(column))
            rows = self.parameters._gather()
        finally:
            for key, column in columns.items():
                column[:] = saved[key]
        return [
            _Place(known[e.mechanism], int(row), _TRAINED[e.variable])
            for e, row in zip(elements, rows, strict=True)
        ]

    def _resistances(self) -> None:
        """Between initialisation and the first step: as many solutions as points in a cell."""
        if self._core.generation() != self._generation:
            raise HelioXError(
                "HX097", "synaptic: the initialisation changed the model's structure."
            )
        matrix = read_matrix(neuron(), self._graph.structure)
        if self._matrix is None or not matrix.same(self._matrix):
            self._matrix = matrix
            self._r = [transfer_resistances(matrix, self._points[k]) for k in self._rounds]

    # ---- one sample ----

    def __call__(self, sample: int = 0) -> tuple[float, Doubles]:
        """(loss, gradient (n,)) of one run, with target `sample` of the loss."""
        seen = self._run()
        loss, derivative = self.loss.evaluate(self._values(seen), sample)
        if derivative is None:
            raise HelioXError(
                "HX094",
                f"synaptic: {self.loss.name} returned no derivative: return (loss, derivative).",
            )
        self.exact = seen.is_steady and self._is_passive() and self._is_unchanged()
        return loss, self._backwards(seen, np.atleast_2d(derivative))

    def loss_now(self, sample: int = 0) -> float:
        """The loss of one run."""
        return self.loss.evaluate(self._values(self._run()), sample)[0]

    def _run(self) -> Seen:
        """v in the window: of the readouts, then of the hidden points."""
        self._prepare()
        assert self._observed is not None
        self.simulation(between=self._resistances)
        return self._observed.seen()

    def _values(self, seen: Seen) -> Doubles:
        """What the loss looks at: (n,) means, or (T, n)."""
        readout: Doubles = seen.values[:, : self._n_readout]
        return readout if self.loss.readout.is_trajectory else readout[0]

    def _of_points(self, seen: Doubles) -> Doubles:
        """(T, points) of (T, readouts and then hidden points)."""
        of_points = np.empty((len(seen), len(self._points)))
        of_points[:, self._of_readout] = seen[:, : self._n_readout]
        hidden = seen[:, self._n_readout :]
        of_points[:, len(self._points) - hidden.shape[1] :] = hidden
        return of_points

    def _backwards(self, seen: Seen, derivative: Doubles) -> Doubles:
        """derivative: (T or 1, readouts) of the loss."""
        v, f = self._of_points(seen.values), self._of_points(seen.positive)
        delta = np.zeros((len(derivative), len(self._points)))
        np.add.at(delta, (slice(None), self._of_readout), derivative)
        per_unit = [np.zeros(len(s.node)) for s in self._graph.synapses]  # of g*w
        cell = self._graph.root
        for level in range(max(self._level.values(), default=0) + 1):
            cells = np.array([c for c, k in self._level.items() if k == level], np.int64)
            for k, synapses in enumerate(self._graph.synapses):
                rows = np.flatnonzero(np.isin(cell[synapses.node], cells))
                per_unit[k][rows] = self._layer(synapses, rows, delta, v, f)
        return self._collect(per_unit)

    def _layer(
        self, synapses: Synapses, rows: Ints, delta: Doubles, v: Doubles, f: Doubles
    ) -> Doubles:
        """dL/d(g*w) of synapses onto one layer's cells; adds the errors of the layer above."""
        if not len(rows):
            return np.empty(0)
        node, pre = synapses.node[rows], synapses.pre[rows]
        error = np.zeros((len(delta), len(rows)))
        for points, r in zip(self._rounds, self._r, strict=True):
            of_cell = np.full(len(self._place), -1, np.int64)
            of_cell[self._graph.root[self._points[points]]] = points
            point = of_cell[self._graph.root[node]]
            there = point >= 0
            error[:, there] += delta[:, point[there]] * r[node[there]]
        constants = synapses.constants()[rows]
        place = np.where(pre >= 0, self._place[pre], 0)
        activity = np.where(pre >= 0, f[:, place], np.maximum(constants, 0))
        weight = synapses.columns["g"][rows] * synapses.columns["w"][rows]
        back = np.flatnonzero(pre >= 0)
        if len(back):
            passed = error[:, back] * weight[back] * (v[:, place[back]] > 0)
            np.add.at(delta, (slice(None), place[back]), passed)
        found: Doubles = (error * activity).sum(axis=0)
        return found

    def _collect(self, per_unit: list[Doubles]) -> Doubles:
        gradient = np.zeros(len(self.parameters))
        for number, place in zip(self.parameters.index, self._places, strict=True):
            factor = self._graph.synapses[place.synapses].columns[place.factor][place.row]
            gradient[number] += factor * per_unit[place.synapses][place.row]
        return gradient

    def _is_passive(self) -> bool:
        """Whether errors pass through linear cells only: capacitance, pas, currents without v."""
        cell = self._graph.root
        through = np.concatenate([cell[s.node] for s in self._graph.synapses])
        through = through[np.isin(through, list(self._level))]
        allowed = {*_LINEAR, *(s.mechanism for s in self._graph.synapses)}
        return not any(
            m["name"] not in allowed and np.isin(cell[m["node"]], through).any()
            for m in self._graph.structure["mechanisms"]
        )

    def _is_unchanged(self) -> bool:
        """Whether the matrix at the end of the run is that of its start."""
        if self._core.generation() != self._generation or self._matrix is None:
            return False
        return self._matrix.near(read_matrix(neuron(), self._graph.structure))


def _rounds(cell: Ints) -> list[Ints]:
    """Indices of points in groups with at most one of each cell."""
    rank = np.zeros(len(cell), np.int64)
    seen: dict[int, int] = {}
    for k, one in enumerate(cell.tolist()):
        rank[k] = seen[one] = seen.get(one, -1) + 1
    return [np.flatnonzero(rank == k) for k in range(int(rank.max(initial=-1)) + 1)]
