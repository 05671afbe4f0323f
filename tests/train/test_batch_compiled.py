"""Layers of active cells in replicas, against NEURON sample after sample."""

import pytest

from parity.isolate import isolated


@pytest.mark.parametrize("coupling", ["pointer", "transfer"])
@isolated
def test_replicas_follow_neuron(coupling):
    import numpy as np

    from train.active_networks import FIRST, build, trajectories

    network, net = build(coupling)
    x = np.random.default_rng(1).uniform(0, 1, (3, 6))
    for _ in range(2):  # a batch begins from the start again
        out = net.forward_rate(x, network.encoder.code)
    wanted = [trajectories(network, sample) for sample in x]
    assert min(np.ptp(one[1][:, 3]) for one in wanted) > 50, "the cells should fire"
    for b in range(3):
        np.testing.assert_allclose(net.trajectory(0)[b], wanted[b][0], rtol=1e-12, atol=1e-15)
        for k in (1, 2):
            np.testing.assert_allclose(net.trajectory(k)[b], wanted[b][k], rtol=0, atol=1e-9)
        np.testing.assert_allclose(out[b], wanted[b][2][FIRST:].mean(axis=0), rtol=0, atol=1e-9)


@pytest.mark.parametrize("coupling", ["pointer", "transfer"])
@isolated
def test_a_layer_has_neurons_bits(coupling):
    """Given NEURON's presynaptic voltages, each layer gives NEURON's voltages."""
    import numpy as np

    from train.active_networks import build, trajectories

    network, net = build(coupling)
    x = np.random.default_rng(2).uniform(0, 1, (2, 6))
    wanted = [trajectories(network, sample) for sample in x]
    for k in range(2):
        before = np.stack([one[k] for one in wanted]).ravel()
        v = net._layers[k].replicas(2).run(net.weights[k].ravel(), before)
        for b in range(2):
            assert (v[b] == wanted[b][k + 1]).all()


@isolated
def test_cells_that_receive_events_are_refused():
    from neuron import h

    from heliox_neuron.errors import HelioXError
    from heliox_neuron.nn.active import read_compiled
    from train.active_networks import build

    network, _ = build("pointer")
    synapse = h.ExpSyn(network.layers[0].cells[1].soma)
    netcon = h.NetCon(None, synapse)
    h.finitialize(0.0)
    with pytest.raises(HelioXError, match="HX033 ExpSyn"):
        read_compiled(network, 0, fast=False)
    assert netcon is not None


@isolated
def test_sequential_trains_replicas_of_active_cells():
    """Executor "compiled" against "general": the same losses and weights, and it is followed when
    a parameter of the cells changes.
    """
    import numpy as np

    from heliox_neuron.nn import Dense, RateEncoder, Sequential
    from heliox_neuron.train import Adam
    from train.active_networks import Active
    from train.layered import N_CLASS, N_IN, patterns

    x, y = patterns(6)
    found = {}
    net = Sequential(
        RateEncoder(N_IN), Dense(3, cell=Active()), Dense(N_CLASS), seed=1, device="host",
        executor="compiled", duration=20.0, window=(10.0, 20.0),
    )  # fmt: skip
    begin = [w + 0.3 for w in net.get_weights()]
    for executor in ("compiled", "general"):
        net.executor = executor
        net.set_weights(begin)
        history = net.fit(
            x, y, epochs=1, batch_size=3, optimizer=Adam(lr=0.01), shuffle=False, verbose=0
        )
        assert net.summary().executor == executor
        found[executor] = history.batch_loss, net.get_weights(), net.predict(x)
    assert np.abs(found["general"][2]).max() > 1
    np.testing.assert_allclose(found["compiled"][0], found["general"][0], rtol=1e-8)
    for a, b in zip(found["compiled"][1], found["general"][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found["compiled"][2], found["general"][2], rtol=0, atol=1e-7)

    net.executor = "compiled"
    before = net.predict(x)
    for cell in net.build().layers[0].cells:
        cell.soma.sec.gnabar_hh = 0.0
    after = net.predict(x)
    net.executor = "general"
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, net.predict(x), rtol=0, atol=1e-7)
