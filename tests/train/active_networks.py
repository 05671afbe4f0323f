"""A network of active cells for test_batch_compiled.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from neuron import h

from heliox_neuron import heliox
from heliox_neuron.engines.gpu.open import open_device
from heliox_neuron.nn.active import read_compiled
from heliox_neuron.nn.batch import BatchNetwork
from heliox_neuron.nn.build import LayerPlan, NeuronNetwork, glorot
from heliox_neuron.nn.cells import CellFactory, PointCell
from heliox_neuron.nn.encoders import RateEncoder
from heliox_neuron.nn.linear import read_inputs

DT, DURATION, WINDOW = 0.25, 25.0, (10.0, 25.0)
FIRST = round(WINDOW[0] / DT)


class ActiveCell:
    """A soma with hh, a dendrite with pas and hh, one with pas: no two cells are quite equal."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.soma = h.Section(name="soma", cell=self)
        self.dend = [h.Section(name="dend", cell=self), h.Section(name="other", cell=self)]
        for section in self.dend:
            section.connect(self.soma(1))
            section.L, section.diam, section.nseg = 200, 1.5 + 0.01 * number, 5
            section.insert("pas")
            section.e_pas = -65
        self.soma.L = self.soma.diam = 20
        self.soma.insert("hh")
        self.dend[0].insert("hh")
        self.all = [self.soma, *self.dend]

    def __repr__(self) -> str:
        return self.name


class Active(CellFactory):
    label = "Active"

    def __init__(self) -> None:
        self._made = 0

    def make(self, name: str) -> ActiveCell:
        self._made += 1
        return ActiveCell(name, self._made)


def trajectories(network: NeuronNetwork, x: np.ndarray) -> list[np.ndarray]:
    """(T, n) of the inputs and of each layer for one sample, in plain NEURON."""
    with heliox(device="neuron"):
        records = [[h.Vector().record(c.soma._ref_v) for c in k] for k in network.all_cells]
        network.encoder.present(x)
        h.dt = DT
        h.ParallelContext().set_maxstep(10)
        h.finitialize(0.0)
        h.ParallelContext().psolve(DURATION)
        found = [np.array([v.as_numpy() for v in k]).T[1:] for k in records]
        for vector in (v for k in records for v in k):
            vector.play_remove()
    return found


def build(coupling: str, device: str = "host") -> tuple[NeuronNetwork, BatchNetwork]:
    """6-4-2, the hidden cells active; replicas on the device of HELIOX_GPU_DEVICE, or the host."""
    random = np.random.default_rng(4)
    plans: Any = [LayerPlan("hidden", 4, Active(), False), LayerPlan("out", 2, PointCell(), True)]
    network = NeuronNetwork(RateEncoder(6), plans, random, 0.0, coupling)
    weights = [glorot(random, 4, 6) * 20, glorot(random, 2, 4)]
    weights[0][:, -1] = (0.5, 1.0, 2.0, 4.0)
    network.weights = weights
    h.dt = DT
    h.finitialize(0.0)
    net = BatchNetwork(
        read_inputs(network), 6, [read_compiled(network, k, fast=False) for k in range(2)],
        dt=DT, duration=DURATION, window=WINDOW, device=open_device(device),
    )  # fmt: skip
    net.weights = weights
    return network, net
