"""The synaptic gradient of a feed-forward network (Zhang et al. 2023; the paper's eq. 4 to 7).

A cell is taken as what it is at its passive steady state: v at a point q is a constant plus the sum
over its graded synapses of r(k, q) * g * w * f(v_pre), f(v) = max(v, 0). Then, with E_s = sum over
the points q of the cell of delta_q * r(k_s, q),

    dL/dw_s = E_s * g_s * mean f(v_pre)        delta_pre += E_s * g_s * w_s * f'(mean v_pre)

from the readouts backwards, layer by layer. Points are the readouts and the nodes that synapses
look at. With a trajectory the same holds at each sample, and the sum is over samples.

Exact, up to rounding, where cells are passive and settled within the window: 2e-9 of the largest
component from finite differences of NEURON. Elsewhere an approximation, because a cell's delay and
filter are left out. Largest error of a component and cosine of the angle between the gradients of
two layers of cables (python benchmarks/gradient_accuracy.py, window in brackets):

    tau 10 ms, constant input [20, 50] ms    0.29   0.995
    tau 10 ms, constant input [5, 10] ms     1.5    0.788
    tau 10 ms, spike trains [20, 50] ms      0.17   0.9994
    potassium channels, settled              0.005  0.99999

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
from .simulation import Recording, Simulation, neuron

REFERENCE = "Zhang et al. 2023, Nat Commun 14:5798; HelioX eq. 4-7"
_STEADY = 1e-9  # relative change of v in the window, below which it is called a steady state
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
        self._generation = -1
        self._matrix: Matrix | None = None
        self._recording: Recording | None = None
        self.exact = False

    def close(self) -> None:
        if self._recording is not None:
            self._recording.close()
            self._recording = None
        self._generation = -1

    # ---- the model ----

    def _prepare(self) -> None:
        """Before a run: the graph, the points and the recording, if the structure changed."""
        if self._recording is not None and self._core.generation() == self._generation:
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
        self._recording = Recording(pointers)
        self._places = self._locate()
        self._generation = self._core.generation()

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
        samples = self._run()
        loss, derivative = self.loss.evaluate(self._seen(samples), sample)
        if derivative is None:
            raise HelioXError(
                "HX094",
                f"synaptic: {self.loss.name} returned no derivative: return (loss, derivative).",
            )
        self.exact = bool(np.ptp(samples, axis=0).max() <= _STEADY * np.abs(samples).max())
        self.exact &= self._is_passive()
        return loss, self._backwards(samples, np.atleast_2d(derivative))

    def loss_now(self, sample: int = 0) -> float:
        """The loss of one run."""
        return self.loss.evaluate(self._seen(self._run()), sample)[0]

    def _run(self) -> Doubles:
        """(T, recorded) v in the window: of the readouts, then of the hidden points."""
        self._prepare()
        assert self._recording is not None
        self.simulation(between=self._resistances)
        steps = self.loss.readout.window.steps(neuron().dt, self.simulation.tstop)
        return self._recording.samples(*steps)

    def _seen(self, samples: Doubles) -> Doubles:
        """What the loss looks at: (n,) means, or (T, n)."""
        readout: Doubles = samples[:, : self._n_readout]
        return readout if self.loss.readout.is_trajectory else readout.mean(axis=0)

    def _backwards(self, samples: Doubles, derivative: Doubles) -> Doubles:
        """samples: (T, recorded) v of readouts, then of hidden points; derivative: (T or 1, n)."""
        n_own = len(self._points) - (samples.shape[1] - self._n_readout)
        v = np.empty((len(samples), len(self._points)))
        v[:, self._of_readout] = samples[:, : self._n_readout]
        v[:, n_own:] = samples[:, self._n_readout :]
        f = np.maximum(v, 0)
        if not self.loss.readout.is_trajectory:
            v, f = v.mean(axis=0, keepdims=True), f.mean(axis=0, keepdims=True)
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


def _rounds(cell: Ints) -> list[Ints]:
    """Indices of points in groups with at most one of each cell."""
    rank = np.zeros(len(cell), np.int64)
    seen: dict[int, int] = {}
    for k, one in enumerate(cell.tolist()):
        rank[k] = seen[one] = seen.get(one, -1) + 1
    return [np.flatnonzero(rank == k) for k in range(int(rank.max(initial=-1)) + 1)]
