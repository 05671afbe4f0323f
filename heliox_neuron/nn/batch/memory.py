"""What a BatchNetwork keeps on the device: words, tables of layers, arrays of a batch."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...engines.gpu.device import Device
from .compiled import CompiledLayer, Replicas
from .elimination import arrange, eliminate
from .layers import Doubles, Layer, prune


class Words:
    """A structure of 8-byte words on the device: ints, doubles and addresses."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._array: Any = None
        self._sent: bytes = b""

    def send(self, values: list[int | float | Any]) -> np.uint64:
        """Its address, with these values in it. An array stands for its address."""
        words = np.zeros(len(values), np.uint64)
        for k, value in enumerate(values):
            if isinstance(value, float):
                words[k : k + 1].view(np.float64)[0] = value
            elif isinstance(value, (int, np.integer)):
                words[k : k + 1].view(np.int64)[0] = value
            else:
                words[k] = self._device.address(value)
        if self._array is None:
            self._array = self._device.array(words)
        elif words.tobytes() != self._sent:
            self._device.synchronize()  # a kernel may still read the old ones
            self._device.upload(self._array, words)
        self._sent = words.tobytes()
        return np.uint64(self._device.address(self._array))


class LayerTables:
    """A layer's tables, and what it leaves for a batch."""

    def __init__(self, device: Device, layer: Layer, dt: float, v_init: float) -> None:
        cable, index = prune(layer.cable, layer.projection.node.ravel())
        tables = eliminate(cable, dt)
        projection = replace(layer.projection, node=index[layer.projection.node])
        synapses = arrange(projection, cable, tables.slot)
        self.n_node, self.n_round = cable.n_node, tables.n_round
        self.n_branch = len(tables.branch)
        self.n_out, self.n_in = layer.projection.n_out, layer.projection.n_in
        self.soma = int(tables.slot[cable.soma])
        self.soma_scale = float(1.0 / tables.scale[cable.soma])
        self.soma_rest = float(tables.rest[cable.soma])
        y_init = np.empty(cable.n_node)
        y_init[tables.slot] = tables.scale * (v_init - tables.rest)
        self.tables = [
            device.array(values)
            for values in (
                tables.words, tables.branch.view(np.uint64), tables.branch_f, tables.fc, tables.p,
                tables.q, tables.child, tables.child_f, synapses.row_first, synapses.synapse,
            )
        ]  # fmt: skip
        self.wide = [
            device.array(values)
            for values in (synapses.wide_first, synapses.wide_row, synapses.wide_slot, y_init)
        ]
        self.index = device.array(synapses.index)
        self.scale = device.array(synapses.scale)
        self.drive = device.empty(synapses.scale.size, np.float64)
        self.rg = device.array(layer.projection.r * layer.projection.g)
        self.words = Words(device)

    @property
    def table_doubles(self) -> int:
        """Of a block's memory, when its tables lie there (layer_tables in layer.cuh)."""
        return 3 * self.n_node + 2 * self.n_branch + 16 * (self.n_round + 4)

    @property
    def n_weight(self) -> int:
        return self.n_out * (self.n_in + 1)


class CompiledReplicas:
    """A CompiledLayer; its replicas are made for each size of a batch."""

    def __init__(self, device: Device, layer: CompiledLayer, n_step: int, v_init: float) -> None:
        layer.check()
        self.n_out, self.n_in = layer.n_out, layer.n_in
        self.rg = device.array(layer.rg)
        self._make = partial(Replicas, device, layer, n_step=n_step, v_init=v_init)
        self._replicas: dict[int, Replicas] = {}

    @property
    def n_weight(self) -> int:
        return self.n_out * (self.n_in + 1)

    def replicas(self, n: int) -> Replicas:
        found = self._replicas.get(n)
        if found is None:
            found = self._make(n_replica=n)
            self._replicas = {n: found, **dict(list(self._replicas.items())[:1])}
        return found

    def bytes(self) -> int:
        return int(self.rg.nbytes) + sum(r.bytes() for r in self._replicas.values())


class Batch:
    """Device arrays of a batch of n_replica samples. widths: cells of the inputs and each layer."""

    def __init__(self, device: Device, n_replica: int, n_step: int, widths: list[int]) -> None:
        def empty(*shape: int) -> Any:
            return device.empty(int(np.prod(shape)), np.float64)

        self.n_replica = n_replica
        self.trajectory = [empty(n_replica, n_step, n) for n in widths]
        self.mean = [empty(n_replica, n) for n in widths]
        self.rectified = [empty(n_replica, n) for n in widths]
        self.delta = [empty(n_replica, n) for n in widths]
        self._input: Any = None

    def take(self, device: Device, x: Doubles) -> Any:
        """The inputs of a batch on the device, where those of the batch before were."""
        if self._input is None or self._input.shape != x.shape:
            self._input = device.array(x)
        else:
            device.upload(self._input, x)
        return self._input
