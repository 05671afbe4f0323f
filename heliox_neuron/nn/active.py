"""Networks of cells that are no passive cables, in replicas by the GPU engine (nn/batch)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..session import attach
from .batch.compiled import CompiledLayer, SynapseRows
from .batch.layers import PointInputs
from .build import NeuronNetwork
from .linear import NotLinear, read_inputs
from .timing import Timing


@dataclass
class CompiledModel:
    """What BatchNetwork is made of."""

    inputs: PointInputs
    layers: list[CompiledLayer]

    def same(self, other: CompiledModel) -> bool:
        """Whether every number but the weights is equal."""
        mine = [number for layer in self.layers for number in _numbers(layer)]
        others = [number for layer in other.layers for number in _numbers(layer)]
        return len(mine) == len(others) and all(
            np.array_equal(a, b) for a, b in zip(mine, others, strict=True)
        )


def _numbers(layer: CompiledLayer) -> Iterator[Any]:
    """Everything that a sample depends on, besides the weights."""
    ours = {rows.mechanism for rows in layer.synapses}
    clock = layer.core.device_clock()
    yield (layer.structure["generation"], clock["celsius"], float(layer.fast))
    yield from layer.structure["node"].values()
    for mechanism in layer.structure["mechanisms"]:
        for name, column in mechanism["columns"].items():
            if mechanism["name"] not in ours or name == "g":
                yield column
    yield layer.rg


def read(network: NeuronNetwork, timing: Timing) -> CompiledModel:
    """The network as it is in NEURON after finitialize(v_init), which this runs.

    Raises NotLinear with the reason where the inputs are not the encoder's any more, and
    HelioXError with the engine's code where it cannot run replicas.
    """
    from neuron import h

    heliox = attach()
    if heliox._off:
        raise NotLinear(f"HelioX is off: {heliox._off}")
    held = h.dt
    h.dt = timing.dt
    try:
        h.finitialize(timing.v_init)
        fast = heliox.fidelity == "fast"
        layers = [read_compiled(network, k, fast) for k in range(len(network.layers))]
        network.look()  # last: it leaves its traces in the currents
        layers = [
            replace(made, rg=layer.r * layer.g)
            for made, layer in zip(layers, network.layers, strict=True)
        ]
        return CompiledModel(read_inputs(network), layers)
    finally:
        h.dt = held


def read_compiled(network: NeuronNetwork, number: int, fast: bool) -> CompiledLayer:
    """Layer `number` (0: the first) as it is in NEURON now, after finitialize.

    fast: fidelity "fast". Raises HelioXError with the engine's code where it cannot run replicas.
    """
    core: Any = attach()._core
    core.freeze()
    structure = core.device_model()
    layer = network.layers[number]
    n_node = structure["n_node"]
    root = np.array(structure["parent"], np.int64)
    root[: structure["n_cell"]] = np.arange(structure["n_cell"])
    while not np.array_equal(root[root], root):
        root = root[root]
    somas = np.array([cell.soma.node_index() for cell in layer.cells], np.int64)
    ours = np.zeros(n_node, bool)
    ours[root[somas]] = True
    made = CompiledLayer(
        core=core,
        structure=structure,
        nodes=np.flatnonzero(ours[root]),
        somas=somas,
        synapses=_synapses(network, number),
        rg=layer.r * layer.g,
        fast=fast,
    )
    made.check()
    return made.snapshot()


def _synapses(network: NeuronNetwork, number: int) -> list[SynapseRows]:
    """The layer's synapses by mechanism."""
    sizes = [layer.n_out * (layer.n_in + 1) for layer in network.layers]
    first, n_source = sum(sizes[:number]), network.layers[number].n_in + 1
    found = []
    for mechanism, (synapse, row) in network.columns.rows().items():
        weight = synapse - first
        these = (weight >= 0) & (weight < sizes[number])
        source = weight[these] % n_source
        source[source == n_source - 1] = -1
        if these.any():
            order = np.argsort(row[these], kind="stable")
            found.append(
                SynapseRows(mechanism, row[these][order], weight[these][order], source[order])
            )
    return found
