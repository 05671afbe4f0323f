"""Whether the network's cells are passive cables, and these cables as arrays for nn.batch.

A layer is linear when its cells have nothing but capacitance, pas and our graded synapses: then
its matrix never changes. Input cells have an ExpSyn besides. Everything is read from NEURON's own
memory, so what a program changed since the network was built counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..session import attach
from .batch.layers import Cable, Layer, PointInputs, Projection
from .build import POINTER, TRANSFER, NeuronLayer, NeuronNetwork
from .wiring import changed

Ints = npt.NDArray[np.int32]
Labels: TypeAlias = "npt.NDArray[np.int16]"
_PASSIVE = ("capacitance", "pas")
_SYNAPSES = (TRANSFER, POINTER)


class NotLinear(Exception):
    """Why a network is not one of passive cables; the text names the layer."""


@dataclass
class LinearModel:
    """What BatchNetwork is made of."""

    inputs: PointInputs
    layers: list[Layer]

    def same(self, other: LinearModel) -> bool:
        """Whether every number is equal."""
        if (self.inputs.tau, self.inputs.e, self.inputs.weight) != (
            other.inputs.tau, other.inputs.e, other.inputs.weight
        ):  # fmt: skip
            return False
        mine, others = self._arrays(), other._arrays()
        return len(mine) == len(others) and all(
            np.array_equal(a, b) for a, b in zip(mine, others, strict=True)
        )

    def _arrays(self) -> list[Any]:
        cables = [self.inputs.cable, *(layer.cable for layer in self.layers)]
        found = [
            part for c in cables for part in (c.parent, c.a, c.b, c.area, c.cm, c.g, c.e, c.soma)
        ]
        for layer in self.layers:
            found += [layer.projection.node, layer.projection.g, layer.projection.r]
        return found


class _Nodes:
    """NEURON's nodes and what sits on them, by tree."""

    def __init__(self, structure: dict[str, Any]) -> None:
        self.structure = structure
        self.parent = np.array(structure["parent"])
        self.parent[: structure["n_cell"]] = -1  # roots come first
        n = len(self.parent)
        root = np.where(self.parent < 0, np.arange(n), self.parent)
        while True:  # each round doubles the distance looked up
            above = root[root]
            if np.array_equal(above, root):
                break
            root = above
        self.root = root
        order = np.argsort(root, kind="stable")
        roots, first = np.unique(root[order], return_index=True)
        self._trees = dict(zip(roots.tolist(), np.split(order, first[1:]), strict=True))
        columns: dict[str, Any] = {m["name"]: m for m in structure["mechanisms"]}
        self.cm = self._spread(structure["capacitance"], "cm")
        pas = columns.get("pas")
        self.g = self._spread(pas and {"node": pas["node"], **pas["columns"]}, "g")
        self.e = self._spread(pas and {"node": pas["node"], **pas["columns"]}, "e")

    def _spread(self, mechanism: Any, name: str) -> npt.NDArray[np.float64]:
        values = np.zeros(len(self.parent))
        if mechanism:
            values[mechanism["node"]] = mechanism[name]
        return values

    def tree(self, node: int) -> npt.NDArray[np.int64]:
        """All nodes of the tree of a node, the root first."""
        return self._trees[int(self.root[node])]

    def cable(self, nodes: npt.NDArray[np.int64], soma: int) -> Cable:
        node = self.structure["node"]
        place = np.full(len(self.parent), -1)
        place[nodes] = np.arange(len(nodes))
        parent = self.parent[nodes]
        local = np.where(parent < 0, -1, place[parent]).astype(np.int32)
        inner = local >= 0  # a root's a and b mean nothing
        return Cable(
            parent=local,
            a=np.where(inner, node["a"][nodes], 0.0),
            b=np.where(inner, node["b"][nodes], 0.0),
            area=np.array(node["area"][nodes]),
            cm=self.cm[nodes],
            g=self.g[nodes],
            e=self.e[nodes],
            soma=int(place[soma]),
        )


def read(network: NeuronNetwork) -> LinearModel:
    """The cables and projections of a network. Raises NotLinear with the reason."""
    core: Any = attach()._core
    if attach()._off:
        raise NotLinear(f"HelioX is off: {attach()._off}")
    core.freeze()
    structure = core.device_model()
    if structure is None or structure["capacitance"] is None:
        raise NotLinear("the model cannot be read")
    nodes = _Nodes(structure)
    label = _labels(network, nodes)
    _check_mechanisms(network, nodes, label)
    _check_wiring(network, nodes, label)
    inputs = _inputs(network, nodes)
    g = network.columns.read("g")
    layers, first = [], 0
    for layer in network.layers:
        n = layer.r.size
        layers.append(_layer(layer, nodes, g[first : first + n].reshape(layer.r.shape)))
        first += n
    return _with_resistances(network, LinearModel(inputs, layers))


def _with_resistances(network: NeuronNetwork, model: LinearModel) -> LinearModel:
    """The model with r of its cables: NEURON computes it again if they are not the last ones."""
    cables = [layer.cable for layer in model.layers]
    if network.cables is None or not all(map(_same, cables, network.cables)):
        network.cables = cables if network.look() else None
    return LinearModel(model.inputs, [
        Layer(layer.cable, replace(layer.projection, r=ours.r))
        for layer, ours in zip(model.layers, network.layers, strict=True)
    ])  # fmt: skip


def read_inputs(network: NeuronNetwork) -> PointInputs:
    """The input cells alone, of a network whose links are what they were built as. Raises
    NotLinear with the reason.
    """
    core: Any = attach()._core
    core.freeze()
    nodes = _Nodes(core.device_model())
    _check_wiring(network, nodes, _labels(network, nodes))
    return _inputs(network, nodes)


def _labels(network: NeuronNetwork, nodes: _Nodes) -> Labels:
    """Of each node, 0: not ours, 1: inputs, k + 1: layer k."""
    label = np.zeros(len(nodes.parent), np.int16)
    for k, cells in enumerate(network.all_cells, 1):
        roots = [int(nodes.root[cell.soma.node_index()]) for cell in cells]
        ours = np.zeros(len(nodes.parent), bool)
        ours[roots] = True
        label[ours[nodes.root]] = k
    return label


def _check_wiring(network: NeuronNetwork, nodes: _Nodes, label: Labels) -> None:
    if not network.columns.rows():
        raise NotLinear("its synapses are not found in NEURON's memory")
    reason = changed(network, nodes.structure, label)
    if reason:
        raise NotLinear(reason)


def _check_mechanisms(network: NeuronNetwork, nodes: _Nodes, label: Labels) -> None:
    """Nothing but what belongs there sits on the network's cells."""
    names = ["the inputs", *(layer.label for layer in network.layers)]
    # the channels of an ion tell more than the ion
    for mechanism in sorted(nodes.structure["mechanisms"], key=lambda m: m["kind"] == "ion"):
        name = mechanism["name"]
        found = label[mechanism["node"]] if mechanism["n"] else np.zeros(0, np.int16)
        if name in _PASSIVE:
            continue
        if name == "ExpSyn":
            found = found[found != 1]
            extra = int((label[mechanism["node"]] == 1).sum()) != network.encoder.n
            if extra:
                raise NotLinear("the inputs have other ExpSyn than the encoder's")
        if name in _SYNAPSES:
            if (found > 1).sum() == network.columns.count(name):
                found = found[found == 1]
            else:
                raise NotLinear(f"the cells have other {name} than the network's")
        if found.any():
            raise NotLinear(f"{names[int(found[found > 0][0]) - 1]}: its cells have {name}")


def _inputs(network: NeuronNetwork, nodes: _Nodes) -> PointInputs:
    cable = _equal("the inputs", network.encoder.cells, nodes)[0]
    encoder = network.encoder
    for name, mine in (("tau", encoder.tau), ("e", encoder.e)):
        if any(getattr(synapse, name) != mine for synapse in encoder.synapses):
            raise NotLinear(f"the inputs: the {name} of their ExpSyn was changed")
    return PointInputs(cable, encoder.tau, encoder.e, encoder.weight)


def _layer(layer: NeuronLayer, nodes: _Nodes, g: npt.NDArray[np.float64]) -> Layer:
    cable, tree = _equal(layer.label, layer.cells, nodes)
    n_out, n_in = layer.places.x.shape
    cell = layer.cells[0]
    place = {int(node): k for k, node in enumerate(tree)}
    node = np.full((n_out, n_in + 1), cable.soma, np.int32)
    if not layer.at_soma:
        nseg = np.array([section.nseg for section in cell.dendrites])
        first = np.cumsum(nseg) - nseg
        index = np.array([
            place[segment.node_index()] for section in cell.dendrites for segment in section
        ], np.int32)  # fmt: skip
        nearest = np.minimum((layer.places.x * nseg[layer.places.section]).astype(int),
                             nseg[layer.places.section] - 1)  # fmt: skip
        node[:, :-1] = index[first[layer.places.section] + nearest]
    return Layer(cable, Projection(node, np.array(g), layer.r))


def _equal(label: str, cells: list[Any], nodes: _Nodes) -> tuple[Cable, npt.NDArray[np.int64]]:
    """The cable that all cells of a layer have, and the nodes of its first cell."""
    first: Cable | None = None
    for cell in cells:
        soma = cell.soma.node_index()
        tree = nodes.tree(soma)
        cable = nodes.cable(tree, soma)
        if first is None:
            first, first_tree = cable, tree
        elif not _same(cable, first):
            raise NotLinear(f"{label}: its cells differ from each other")
    assert first is not None
    return first, first_tree


def _same(one: Cable, other: Cable) -> bool:
    return one.soma == other.soma and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("parent", "a", "b", "area", "cm", "g", "e")
    )
