"""Layers of active cells in replicas against NEURON, sample after sample: the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from neuron import h

from heliox_neuron import heliox
from heliox_neuron.engines.gpu.device import open_device
from heliox_neuron.errors import HelioXError
from heliox_neuron.nn.active import read_compiled
from heliox_neuron.nn.batch import BatchNetwork
from heliox_neuron.nn.build import LayerPlan, NeuronNetwork, glorot
from heliox_neuron.nn.cells import PointCell
from heliox_neuron.nn.encoders import RateEncoder
from heliox_neuron.nn.linear import _inputs, _Nodes

DT, DURATION, WINDOW = 0.25, 25.0, (10.0, 25.0)
N_STEP = round(DURATION / DT)


class Active:
    """A soma with hh and a dendrite with pas and hh: rests near -65 mV, fires when driven."""

    label = "Active"

    def __init__(self) -> None:
        self.made = 0

    def make(self, name: str) -> Any:
        self.made += 1
        return _ActiveCell(name, self.made)

    def describe(self) -> dict[str, Any]:
        return {"kind": "Active"}


class _ActiveCell:
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


def neuron_trajectories(network: NeuronNetwork, x: np.ndarray, v_init: float) -> list[np.ndarray]:
    """(T, n) of each layer for one sample, in plain NEURON."""
    with heliox(device="neuron"):
        records = [[h.Vector().record(c.soma._ref_v) for c in k] for k in network.all_cells]
        network.encoder.present(x)
        h.dt = DT
        h.ParallelContext().set_maxstep(10)
        h.finitialize(v_init)
        h.ParallelContext().psolve(DURATION)
        found = [np.array([v.as_numpy() for v in k]).T[1:] for k in records]
        for vector in (v for k in records for v in k):
            vector.play_remove()
    return found


@pytest.fixture(params=["pointer", "transfer"])
def coupled(request: pytest.FixtureRequest) -> Any:
    yield request.param
    h.ParallelContext().gid_clear()


def build(coupling: str) -> tuple[NeuronNetwork, BatchNetwork]:
    random = np.random.default_rng(4)
    plans = [LayerPlan("hidden", 4, Active(), False), LayerPlan("out", 2, PointCell(), True)]
    network = NeuronNetwork(RateEncoder(6), plans, random, 0.0, coupling)
    weights = [glorot(random, 4, 6) * 20, glorot(random, 2, 4)]
    weights[0][:, -1] = (0.5, 1.0, 2.0, 4.0)
    network.weights = weights
    h.dt = DT
    h.finitialize(0.0)
    layers = [read_compiled(network, k, fast=False) for k in range(2)]
    inputs = _inputs(network, _Nodes(heliox._core.device_model()))
    net = BatchNetwork(
        inputs, 6, layers, dt=DT, duration=DURATION, window=WINDOW, device=open_device("host")
    )
    net.weights = weights
    return network, net


def test_replicas_follow_neuron(coupled: str) -> None:
    network, net = build(coupled)
    x = np.random.default_rng(1).uniform(0, 1, (3, 6))
    for _ in range(2):  # a batch begins from the start again
        out = net.forward_rate(x, network.encoder.code)
    wanted = [neuron_trajectories(network, sample, 0.0) for sample in x]
    assert min(np.ptp(one[1][:, 3]) for one in wanted) > 50, "the cells should fire"
    first = round(WINDOW[0] / DT)
    for b in range(3):
        np.testing.assert_allclose(net.trajectory(0)[b], wanted[b][0], rtol=1e-12, atol=1e-15)
        for k in (1, 2):
            np.testing.assert_allclose(net.trajectory(k)[b], wanted[b][k], rtol=0, atol=1e-9)
        np.testing.assert_allclose(out[b], wanted[b][2][first:].mean(axis=0), rtol=0, atol=1e-9)


def test_a_layer_has_neurons_bits(coupled: str) -> None:
    """Given NEURON's presynaptic voltages, each layer gives NEURON's voltages."""
    network, net = build(coupled)
    x = np.random.default_rng(2).uniform(0, 1, (2, 6))
    wanted = [neuron_trajectories(network, sample, 0.0) for sample in x]
    for k in range(2):
        before = np.stack([one[k] for one in wanted]).ravel()
        v = net._layers[k].replicas(2).run(net.weights[k].ravel(), before)
        for b in range(2):
            assert (v[b] == wanted[b][k + 1]).all()


def test_cells_that_receive_events_are_refused() -> None:
    network, _ = build("pointer")
    synapse = h.ExpSyn(network.layers[0].cells[1].soma)
    netcon = h.NetCon(None, synapse)
    h.finitialize(0.0)
    with pytest.raises(HelioXError, match="HX033 ExpSyn"):
        read_compiled(network, 0, fast=False)
    assert netcon is not None
