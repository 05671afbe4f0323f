"""Whether what replicas take for granted is still so in NEURON: spikes, synapses, links, Vectors.

Replicas know the encoder's arguments and which cell each synapse listens to; a program may have
changed them in NEURON's objects since the network was built. Such a network runs in NEURON itself.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..session import attach
from .build import POINTER, TRANSFER, NeuronNetwork

_NODE, _COLUMN, _V = 1, 2, 0  # of _core.device_resolve
Ints: TypeAlias = "npt.NDArray[np.int64]"


def changed(network: NeuronNetwork, structure: dict[str, Any], label: npt.NDArray[np.int16]) -> str:
    """What replicas would not follow, "" if nothing.

    structure: _core.device_model(), read just now. label: (n_node,) 0 for nodes of other cells.
    """
    from neuron import h

    if h.secondorder != 0:
        return f"h.secondorder is {int(h.secondorder)}"
    return (
        _encoder(network)
        or _plays(structure, label)
        or _sources(network, structure, label)
        or _biases(network, structure)
    )


def _encoder(network: NeuronNetwork) -> str:
    encoder: Any = network.encoder
    for netcon, synapse in zip(encoder.netcons, encoder.synapses, strict=True):
        if netcon.weight[0] != encoder.weight or netcon.delay != encoder.delay:
            return "the inputs: weight or delay of a NetCon was changed"
        if not netcon.active() or netcon.syn() != synapse:
            return "the inputs: a NetCon was switched off or leads elsewhere"
    if encoder.code is not None:
        for stim in encoder.stims:
            if stim.noise != 0 or stim.number != encoder.code.number:
                return "the inputs: noise or number of a NetStim was changed"
    return ""


def _plays(structure: dict[str, Any], label: npt.NDArray[np.int16]) -> str:
    """Vector.play onto the network's cells, or where it cannot be told."""
    core: Any = attach()._core
    played = [r for r in core.device_records() if r["kind"] in ("play", "play_step")]
    if not played:
        return ""
    if any(record["statement"] for record in played):
        return "a Vector plays by a statement"
    at = np.array([record["address"] for record in played], np.uint64)
    for kind, index, _, row, _ in zip(*core.device_resolve(at), strict=True):
        if kind == _NODE:
            ours = label[row]
        elif kind == _COLUMN:
            ours = label[structure["mechanisms"][index]["node"][row]]
        else:
            return "a Vector plays onto a variable of no cell"
        if ours:
            return "a Vector plays onto its cells"
    return ""


def _sources(
    network: NeuronNetwork, structure: dict[str, Any], label: npt.NDArray[np.int16]
) -> str:
    """Every synapse has the v of the soma that it was connected to."""
    core: Any = attach()._core
    mechanisms = structure["mechanisms"]
    number = {m["name"]: k for k, m in enumerate(mechanisms)}
    found = {name: np.full(mechanisms[number[name]]["n"], -1) for name in _ours(network)}
    if POINTER in found:
        (pointer,) = mechanisms[number[POINTER]]["pointers"]
        kind, index, _, row, _ = core.device_resolve(pointer["address"])
        found[POINTER] = np.where((kind == _NODE) & (index == _V), row, -2)
    target, source = core.device_transfer()
    if len(target):
        kind, index, field, row, _ = core.device_resolve(target)
        from_kind, from_index, _, from_row, _ = core.device_resolve(source)
        from_v = np.where((from_kind == _NODE) & (from_index == _V), from_row, -2)
        v_pre = np.zeros(len(target), bool)
        if TRANSFER in found:
            of_v_pre = list(mechanisms[number[TRANSFER]]["columns"]).index("v_pre")
            v_pre = (kind == _COLUMN) & (index == number[TRANSFER]) & (field == of_v_pre)
            found[TRANSFER][row[v_pre]] = from_v[v_pre]
        for k in np.flatnonzero((kind == _COLUMN) & ~v_pre):
            if label[mechanisms[index[k]]["node"][row[k]]]:
                return "ParallelContext transfers a potential to its cells"
    wanted = _wanted(network)
    for name, (synapse, row) in network.columns.rows().items():
        if not np.array_equal(found[name][row], wanted[synapse]):
            return "a synapse gets its v_pre from elsewhere"
    return ""


def _biases(network: NeuronNetwork, structure: dict[str, Any]) -> str:
    bias = _wanted(network) < 0
    for mechanism in structure["mechanisms"]:
        if mechanism["name"] == TRANSFER:
            synapse, row = network.columns.rows()[TRANSFER]
            if (mechanism["columns"]["v_pre"][row[bias[synapse]]] != 1.0).any():
                return "v_pre of a bias is not 1"
    return ""


def _ours(network: NeuronNetwork) -> list[str]:
    return [name for name in (TRANSFER, POINTER) if network.columns.count(name)]


def _wanted(network: NeuronNetwork) -> Ints:
    """Of each synapse: the node it listens to, -1 for a bias."""
    wanted = []
    for before, layer in zip(network.all_cells, network.layers, strict=False):
        somas = [cell.soma.node_index() for cell in before]
        wanted.append(np.tile(np.array([*somas, -1], np.int64), layer.n_out))
    return np.concatenate(wanted)
