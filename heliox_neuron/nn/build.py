"""The network in NEURON: cells, graded synapses, their places, conductances and weights, once.

A layer of n cells has n * (n_in + 1) graded synapses, one from each cell of the layer before and,
last, one for the bias, at the soma, with a presynaptic value of 1 mV. A synapse injects
g w max(v_pre, 0) nA. g = 1/r_mean, r_mean = sqrt(max r * min r) over the layer's synapses, and
1/r_soma for the bias (Zhang et al. 2023): a weight of 1 then moves the soma by about v_pre.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import HelioXError, HelioXValueError
from .batch.layers import Cable, Doubles
from .cells import CellFactory, Compartments, compartments
from .columns import SynapseColumns
from .encoders import Encoder

TRANSFER, POINTER = "HelioxGradedSynapse", "HelioxGradedSynapsePointer"
COUPLINGS = ("pointer", "transfer")
# NEURON cannot take a source_var or target_var back: finitialize fails when its synapse is gone
_kept: list[NeuronNetwork] = []
_sids = itertools.count(1_700_000_000)  # far from the numbers a program gives its source_vars


@dataclass
class Places:
    """Where synapses sit: section (index into dendrites) and x, (n_out, n_in) each."""

    section: npt.NDArray[np.int32]
    x: Doubles


@dataclass
class NeuronLayer:
    """A layer as it is in NEURON. cell: its label. synapses: rows of n_in + 1. r [MOhm] and g [uS]:
    (n_out, n_in + 1), as they were when NeuronNetwork.look() was called last.
    """

    label: str
    cell: str
    cells: list[Compartments]
    places: Places
    at_soma: bool
    r: Doubles
    g: Doubles
    synapses: list[list[Any]] = field(default_factory=list)

    @property
    def n_out(self) -> int:
        return len(self.cells)

    @property
    def n_in(self) -> int:
        return int(self.r.shape[1]) - 1


@dataclass(frozen=True)
class LayerPlan:
    """What Dense says of a layer. at_soma: synapses at the soma instead of the dendrites."""

    label: str
    n: int
    cell: CellFactory
    at_soma: bool


class NeuronNetwork:
    """The encoder's cells and all layers, in NEURON.

    coupling: "pointer" (v_pre points at the presynaptic v) or "transfer" (ParallelContext's
    source_var and target_var; works between processes). places: of a saved network, one a layer;
    else they are drawn from `random`. Runs finitialize(v_init).
    """

    def __init__(
        self,
        encoder: Encoder,
        plans: list[LayerPlan],
        random: np.random.Generator,
        v_init: float,
        coupling: str = "pointer",
        places: list[Places] | None = None,
    ) -> None:
        from ..train.mechanisms import load_mechanisms

        load_mechanisms()
        self.encoder = encoder
        self.coupling = coupling
        self.cables: list[Cable] | None = None  # one a layer: what r is of; None: not known
        self._sources: dict[int, int] = {}
        encoder.build()
        cells = [_make_cells(plan) for plan in plans]
        from neuron import h

        h.finitialize(v_init)
        self.layers: list[NeuronLayer] = []
        n_in = encoder.n
        for k, plan in enumerate(plans):
            if places is None:
                drawn = _draw(cells[k][0], plan, n_in, random)
            else:
                drawn = places[k]
            r = _resistances(cells[k][0], drawn, plan.at_soma)
            self.layers.append(
                NeuronLayer(
                    plan.label, plan.cell.label, cells[k], drawn, plan.at_soma, r, _conductances(r)
                )
            )
            n_in = plan.n
        self._connect(plans)
        self.columns = SynapseColumns(
            [s for layer in self.layers for row in layer.synapses for s in row]
        )
        self.columns.write("g", np.concatenate([layer.g.ravel() for layer in self.layers]))

    def _connect(self, plans: list[LayerPlan]) -> None:
        from neuron import h

        before = self.encoder.cells
        for layer, plan in zip(self.layers, plans, strict=True):
            for j, cell in enumerate(layer.cells):
                row = []
                for i, pre in enumerate(before):
                    segment = cell.soma
                    if not plan.at_soma:
                        section = cell.dendrites[layer.places.section[j, i]]
                        segment = section(layer.places.x[j, i])
                    row.append(self._synapse(segment, pre))
                bias = h.HelioxGradedSynapse(cell.soma)
                bias.v_pre = 1.0
                layer.synapses.append([*row, bias])
            before = layer.cells
        if self.coupling == "transfer":
            _kept.append(self)
            h.ParallelContext().setup_transfer()

    def _synapse(self, segment: Any, pre: Compartments) -> Any:
        from neuron import h

        if self.coupling == "pointer":
            synapse = h.HelioxGradedSynapsePointer(segment)
            synapse._ref_v_pre = pre.soma._ref_v
            return synapse
        pc = h.ParallelContext()
        sid = self._sources.get(id(pre))
        if sid is None:
            sid = self._sources[id(pre)] = next(_sids)
            pc.source_var(pre.soma._ref_v, sid, sec=pre.soma.sec)
        synapse = h.HelioxGradedSynapse(segment)
        pc.target_var(synapse, synapse._ref_v_pre, sid)
        return synapse

    def look(self) -> bool:
        """Takes g from the synapses and r from the cells, as they are in NEURON now.

        r is that of NEURON's present state: of active cells after finitialize(v_init). False: r is
        the last one, as NEURON's Impedance works with one thread only.
        """
        from neuron import h

        self.cables = None
        one_thread = int(h.ParallelContext().nthread()) == 1
        flat, first = self.columns.read("g"), 0
        for layer in self.layers:
            n = layer.r.size
            layer.g = flat[first : first + n].reshape(layer.r.shape).copy()
            if one_thread:
                layer.r = _resistances(layer.cells[0], layer.places, layer.at_soma)
            first += n
        return one_thread

    @property
    def weights(self) -> list[Doubles]:
        """(n_out, n_in + 1) of each layer, from and to NEURON's objects; the bias last."""
        flat = self.columns.read("w")
        found, first = [], 0
        for layer in self.layers:
            n = layer.n_out * (layer.n_in + 1)
            found.append(flat[first : first + n].reshape(layer.n_out, layer.n_in + 1).copy())
            first += n
        return found

    @weights.setter
    def weights(self, values: list[Doubles]) -> None:
        self.columns.write("w", np.concatenate([np.ravel(w) for w in values]))

    @property
    def all_cells(self) -> list[list[Compartments]]:
        """Of the inputs and of each layer."""
        return [self.encoder.cells, *(layer.cells for layer in self.layers)]


def _make_cells(plan: LayerPlan) -> list[Compartments]:
    made = []
    for j in range(plan.n):
        try:
            cell = plan.cell.make(f"{plan.label}[{j}]")
        except HelioXError:
            raise
        except Exception as error:
            raise HelioXValueError(
                "HX091", f"{plan.label}: making a cell {plan.cell.label} failed: {error}"
            ) from error
        made.append(compartments(cell, plan.label))
    shapes = {tuple(s.nseg for s in cell.sections) for cell in made}
    if len(shapes) > 1:
        raise HelioXValueError("HX091", f"{plan.label}: its cells have different sections.")
    return made


def _draw(cell: Compartments, plan: LayerPlan, n_in: int, random: np.random.Generator) -> Places:
    shape = (plan.n, n_in)
    section = random.integers(len(cell.dendrites), size=shape, dtype=np.int32)
    return Places(section, random.uniform(size=shape))


def _resistances(cell: Compartments, places: Places, at_soma: bool) -> Doubles:
    """(n_out, n_in + 1) MOhm from each synapse to the soma, at 0 Hz and NEURON's present state."""
    n_out, n_in = places.x.shape
    segments = [segment for section in cell.dendrites for segment in section]
    found = _transfer(cell.soma, [cell.soma, *segments])
    r = np.full((n_out, n_in + 1), found[0])
    if not at_soma:
        nseg = np.array([section.nseg for section in cell.dendrites])
        first = np.cumsum(nseg) - nseg
        nearest = np.minimum(
            (places.x * nseg[places.section]).astype(int), nseg[places.section] - 1
        )
        r[:, :-1] = found[1:][first[places.section] + nearest]
    return r


def _transfer(soma: Any, segments: list[Any]) -> Doubles:
    from neuron import h

    impedance = h.Impedance()
    impedance.loc(soma.x, sec=soma.sec)
    impedance.compute(0)
    return np.array([impedance.transfer(s.x, sec=s.sec) for s in segments])


def _conductances(r: Doubles) -> Doubles:
    g = np.full(r.shape, 1 / np.sqrt(r[:, :-1].max() * r[:, :-1].min()))
    g[:, -1] = 1 / r[:, -1]
    return g


def glorot(random: np.random.Generator, n_out: int, n_in: int) -> Doubles:
    """(n_out, n_in + 1): uniform in +-sqrt(6/(n_in + n_out)), biases 0 (Glorot & Bengio 2010)."""
    limit = np.sqrt(6 / (n_in + n_out))
    weights = np.zeros((n_out, n_in + 1))
    weights[:, :-1] = random.uniform(-limit, limit, size=(n_out, n_in))
    return weights
