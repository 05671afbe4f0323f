"""heliox.fit on NEURON objects: inputs of each sample, rules and bounds, resuming."""

import numpy as np
import pytest

from parity.isolate import isolated
from train import networks


def outputs_of(model, tstop=50.0):
    """Plain NEURON's v of the outputs at tstop."""
    from neuron import h

    heliox = networks.session()
    with heliox(enable=False):
        h.finitialize(0)
        pc = h.ParallelContext()
        pc.set_maxstep(10)
        pc.psolve(tstop)
    return [section(0.5).v for section in model.outputs]


@isolated
def test_samples_set_the_inputs():
    """Two inputs with two targets; batches of both give the mean gradient; one seed, one result."""
    heliox = networks.session()
    model = networks.TwoLayers()
    start = heliox.trainable(model.synapses, "w").values
    amp = heliox.trainable(model.clamps, "amp")
    x = np.array([[0.01, 0.02, 0.03], [0.03, 0.0, 0.01]])
    weights = heliox.trainable(model.synapses, "w")
    loss = heliox.readout(model.outputs, window=networks.STEADY).mse([[3.0, 1.0], [1.0, 4.0]])
    results = []
    for _ in range(2):
        weights.values = start
        history = heliox.fit(loss, weights, heliox.Adam(0.1), 60, inputs=(amp, x), seed=3)
        results.append((history["loss"], weights.values))
        assert history["loss"][-1] < 0.05 * history["loss"][0]
    assert results[0][0] == results[1][0] and np.array_equal(results[0][1], results[1][1])
    weights.values = start
    gradients = []
    for k in range(2):
        amp.values = x[k]
        gradients.append(heliox.gradient(loss, weights, sample=k).values)
    heliox.fit(loss, weights, heliox.SGD(0.01), 1, inputs=(amp, x), batch_size=2)
    np.testing.assert_allclose(weights.values, start - 0.01 * np.mean(gradients, 0), rtol=1e-12)
    seen = []
    heliox.fit(loss, weights, heliox.SGD(0.0), 2, inputs=(seen.append, ["a", "b"]), shuffle=False)
    assert seen[:4] == ["a", "b", "a", "b"]


@isolated
def test_any_rule_bounds_and_finite_differences():
    """A RANGE variable of a density mechanism, by finite differences and a rule of one's own."""
    heliox = networks.session()
    soma = networks.cable("soma", 1, 20, 20)
    e = heliox.trainable(soma, "e_pas", bounds=(-60, -30))
    loss = heliox.readout(soma, window=networks.STEADY).mse(-45.0)

    def rule(values, gradient):
        return values - 0.3 * gradient

    soma.e_pas = -31
    heliox.fit(loss, e, rule, 40, "finite_differences")
    assert soma.e_pas == pytest.approx(-45, abs=1e-4)
    heliox.fit(loss.readout.mse(-80.0), e, heliox.SGD(0.3), 40, "finite_differences")
    assert soma.e_pas == -60


@isolated
def test_resuming_from_saved_state_gives_the_same_bits():
    heliox = networks.session()
    model = networks.TwoLayers()
    weights = heliox.trainable(model.synapses, "w")
    loss = heliox.readout(model.outputs, window=networks.STEADY).mse([5.0, 10.0])
    start = weights.values
    heliox.fit(loss, weights, heliox.Adam(0.05), 10)
    whole = weights.values
    weights.values = start
    first, second = heliox.Adam(0.05), heliox.Adam(0.05)
    heliox.fit(loss, weights, first, 4)
    second.load_state(first.state())
    heliox.fit(loss, weights, second, 6)
    assert np.array_equal(weights.values, whole)


@isolated
def test_samples_of_very_different_losses_are_no_divergence():
    """Targets 0.5 and 100 mV: 4 orders between the losses; the limit is of the mean of a batch."""
    heliox = networks.session()
    pre, post = networks.cable("pre", 1), networks.cable("post")
    model = networks.step(pre, 0.05), networks.synapse(pre, post(0.9), 0.1)
    w = heliox.trainable(model[1], "w")
    amp = heliox.trainable(model[0], "amp")
    loss = heliox.readout(post, window=networks.STEADY).mse([[0.5], [100.0]])
    inputs = (amp, [[0.01], [0.05]])
    one, two = (heliox.gradient(loss, w, sample=k).loss for k in (0, 1))
    assert two > 1e3 * max(1.0, one)
    history = heliox.fit(loss, w, heliox.SGD(1e-5), 3, inputs=inputs, batch_size=2, shuffle=False)
    assert history.stopped == "" and history["loss"][-1] < history["loss"][0]
    # the last update is judged by the samples that the limit is of
    history = heliox.fit(
        loss, w, heliox.SGD(1e-5), 1, inputs=inputs, batch_size=2, shuffle=True, seed=1
    )
    assert history.stopped == ""


@isolated
def test_checkpoints_have_the_name_that_was_given():
    import tempfile
    from pathlib import Path

    from heliox_neuron.nn.callbacks import ModelCheckpoint

    heliox = networks.session()
    model = networks.TwoLayers()
    weights = heliox.trainable(model.synapses, "w")
    loss = heliox.readout(model.outputs, window=networks.STEADY).mse([5.0, 10.0])
    with tempfile.TemporaryDirectory() as folder:
        save = ModelCheckpoint(Path(folder) / "net-{epoch}.h5", "loss")
        heliox.fit(loss, weights, heliox.Adam(0.05), 2, callbacks=[save])
        assert sorted(p.name for p in Path(folder).iterdir()) == ["net-1.h5", "net-2.h5"]
        with np.load(Path(folder) / "net-2.h5") as saved:
            assert np.array_equal(saved["values"], weights.values)
            assert saved["optimizer_step"] == 2


@isolated
def test_inputs_are_afterwards_what_they_were():
    """Also after an error; the trained values stay."""
    heliox = networks.session()
    model = networks.TwoLayers()
    weights = heliox.trainable(model.synapses, "w")
    amp = heliox.trainable(model.clamps, "amp")
    before, start = amp.values, weights.values
    inputs = (amp, [[0.05, 0.02, 0.03], [0.03, 0.0, 0.01]])
    readout = heliox.readout(model.outputs, window=networks.STEADY)
    heliox.fit(readout.mse([5.0, 10.0]), weights, heliox.Adam(0.05), 1, inputs=inputs)
    assert np.array_equal(amp.values, before) and not np.array_equal(weights.values, start)

    def fails(v):
        assert not np.array_equal(amp.values, before)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        heliox.fit(readout.loss(fails), weights, heliox.Adam(0.05), 1, inputs=inputs)
    assert np.array_equal(amp.values, before)
    # a function's doing is its own
    heliox.fit(
        readout.mse([5.0, 10.0]), weights, heliox.SGD(0.0), 1, inputs=(amp.set, [[0.5, 0, 0]])
    )
    assert amp.values.tolist() == [0.5, 0, 0]
