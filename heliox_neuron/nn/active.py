"""Layers of cells that are no passive cables, in replicas by the GPU engine."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..session import attach
from .batch.compiled import CompiledLayer, SynapseRows
from .build import NeuronNetwork


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
