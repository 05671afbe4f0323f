"""What a program changes in NEURON after the network was built counts in every executor."""

import pytest

from parity.isolate import isolated

CHANGES = (
    "weight", "delay", "inactive", "number", "bias", "source", "transfer", "play", "secondorder"
)  # fmt: skip


def _change(what, net):
    """Changes NEURON's objects of a network; returns what has to stay alive."""
    from neuron import h

    network = net.build()
    hidden, encoder = network.layers[0], network.encoder
    if what == "weight":
        encoder.netcons[2].weight[0] *= 0.2
    elif what == "delay":
        for netcon in encoder.netcons:
            netcon.delay = 6.0
    elif what == "inactive":
        for netcon in encoder.netcons:
            netcon.active(False)
    elif what == "number":
        for stim in encoder.stims:
            stim.number = 1
    elif what == "bias":
        hidden.synapses[0][-1].v_pre = 9.0
    elif what == "source":
        other = encoder.cells[5].soma
        for row in network.layers[0].synapses:
            row[0]._ref_v_pre = other._ref_v
    elif what == "transfer":
        pc = h.ParallelContext()
        soma = encoder.cells[0].soma
        pc.source_var(soma._ref_v, 77, sec=soma.sec)
        bias = hidden.synapses[0][-1]
        pc.target_var(bias, bias._ref_v_pre, 77)
        pc.setup_transfer()
    elif what == "play":
        values, times = h.Vector([0.0, 0.01]), h.Vector([0.0, 30.0])
        values.play(hidden.cells[0].soma.sec(0.5).pas._ref_g, times)
        return values, times
    else:
        h.secondorder = 2
    return None


@pytest.mark.parametrize("what", CHANGES)
@isolated
def test_auto_gives_what_neuron_gives_after_a_change(what):
    import numpy as np

    from heliox_neuron.errors import HelioXValueError
    from train.layered import network, patterns, plain_neuron

    net = network()
    x, _ = patterns(3)
    net.set_weights([np.abs(w) + 0.1 for w in net.get_weights()])
    before = net.predict(x)
    assert net.summary().executor == "linear"
    kept = _change(what, net)
    after = net.predict(x)
    assert net.summary().executor == "general"
    wanted = plain_neuron(net, x)
    assert np.abs(wanted - before).max() > 1e-6, "the change should matter"
    assert np.abs(after - wanted).max() <= 1e-9
    for executor in ("linear", "compiled"):
        net.executor = executor
        with pytest.raises(HelioXValueError, match="HX091"):
            net.predict(x)
    del kept


@isolated
def test_a_vector_that_plays_onto_another_cell_does_not_matter():
    from neuron import h

    from train.layered import network

    net = network()
    net.build()
    other = h.Section("other")
    clamp = h.IClamp(other(0.5))
    values, times = h.Vector([0.0, 1.0]), h.Vector([0.0, 30.0])
    values.play(clamp._ref_amp, times, 1)
    assert net.summary().executor == "linear"


@isolated
def test_a_synapse_of_transfer_that_listens_elsewhere_is_seen():
    import numpy as np
    from neuron import h

    from train.layered import network, patterns, plain_neuron

    net = network(coupling="transfer")
    x, _ = patterns(2)
    assert net.summary().executor == "linear"
    pc, built = h.ParallelContext(), net.build()
    bias, soma = built.layers[1].synapses[0][-1], built.encoder.cells[0].soma
    pc.source_var(soma._ref_v, 77, sec=soma.sec)
    pc.target_var(bias, bias._ref_v_pre, 77)
    pc.setup_transfer()
    assert "v_pre" in net.summary().why
    assert np.abs(net.predict(x) - plain_neuron(net, x)).max() <= 1e-9


@pytest.mark.parametrize("executor", ["linear", "compiled", "general"])
@isolated
def test_the_gradient_is_that_of_the_cells_and_synapses_as_they_are(executor):
    """Against finite differences of the loss: near the steady state, where the formula holds."""
    import numpy as np

    from train.layered import network, patterns

    x, y = patterns(3)
    net = network(executor=executor, duration=200.0, window=(150.0, 200.0))
    net.set_weights([np.abs(w) + 0.1 for w in net.get_weights()])
    net._ready().gradient(x, y, "softmax_cross_entropy")
    layers = net.build().layers
    for cell in layers[0].cells + layers[1].cells:
        for section in cell.sections:
            section.g_pas *= 5
    for row in layers[1].synapses:
        for synapse in row[:-1]:
            synapse.g *= 3
    _, found = net._ready().gradient(x, y, "softmax_cross_entropy")
    weights = net.get_weights()
    for k, place in ((0, (1, 2)), (0, (2, 16)), (1, (0, 1)), (1, (2, 4))):
        losses = []
        for step in (1e-4, -1e-4):
            moved = [w.copy() for w in weights]
            moved[k][place] += step
            net.set_weights(moved)
            losses.append(net.evaluate(x, y).loss)
        slope = (losses[0] - losses[1]) / 2e-4
        assert abs(slope) > 1e-6
        assert found[k][place] == pytest.approx(slope, rel=0.05)


@isolated
def test_a_network_of_one_thread_trains_with_two():
    """NEURON's Impedance refuses two threads: r stays that of one."""
    from neuron import h

    from train.layered import network, patterns

    net = network(executor="general")
    x, y = patterns(2)
    r = net.build().layers[0].r.copy()
    h.ParallelContext().nthread(2)
    net.fit(x, y, epochs=1, batch_size=2, verbose=0)
    assert (net.build().layers[0].r == r).all()
