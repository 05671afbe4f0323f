"""heliox.fit on NEURON objects: it learns, keeps bounds, stops cleanly, NEURON has the result."""

import os
import signal

import numpy as np
import pytest

from heliox_neuron.errors import HelioXError
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
def test_it_learns_and_plain_neuron_gives_the_same():
    from neuron import h

    heliox = networks.session()
    model = networks.TwoLayers()
    weights = heliox.trainable(model.synapses, "w")
    loss = heliox.readout(model.outputs, window=(49.5, 50)).mse([5.0, 10.0])
    heliox.enable = 1
    history = heliox.fit(loss, weights, heliox.Adam(lr=0.1), epochs=120)
    assert history.epoch == list(range(120)) and history.stopped == ""
    assert history["loss"][-1] < 1e-2 < 1e1 < history["loss"][0]
    after = heliox.gradient(loss, weights).loss
    on_our_engine = [section(0.5).v for section in model.outputs]
    assert [run["engine"] for run in heliox._core.runs()][-1] == "cpu"
    assert outputs_of(model) == on_our_engine  # the same bits
    assert after == pytest.approx(np.mean((np.array(on_our_engine) - [5, 10]) ** 2), rel=1e-9)
    assert [s.w for s in model.synapses] == weights.values.tolist()
    assert h.t == pytest.approx(50)


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
def test_divergence_restores_the_last_good_values():
    heliox = networks.session()
    model = networks.TwoLayers()
    weights = heliox.trainable(model.synapses, "w")
    loss = heliox.readout(model.outputs, window=networks.STEADY).mse([5.0, 10.0])
    start = weights.values
    for optimizer in (heliox.SGD(lr=1e3), heliox.SGD(lr=1e300), lambda v, g: v * np.nan):
        weights.values = start
        with pytest.raises(HelioXError, match=r"HX058.*epoch") as error:
            heliox.fit(loss, weights, optimizer, epochs=20)
        assert error.value.history.stopped == "diverged"
        assert np.array_equal(weights.values, start)
    nan = loss.readout.loss(lambda v: (float("nan"), v))
    with pytest.raises(HelioXError, match=r"HX058.*loss is nan"):
        heliox.fit(nan, weights)
    nan = loss.readout.loss(lambda v: (1.0, v * float("nan")))
    with pytest.raises(HelioXError, match=r"HX058.*HelioxGradedSynapse"):
        heliox.fit(nan, weights)
    assert np.array_equal(weights.values, start)


@isolated
def test_interrupts_errors_and_callbacks():
    from heliox_neuron.nn.callbacks import EarlyStopping, ReduceLROnPlateau

    heliox = networks.session()
    model = networks.TwoLayers()
    weights = heliox.trainable(model.synapses, "w")
    readout = heliox.readout(model.outputs, window=networks.STEADY)
    loss = readout.mse([5.0, 10.0])
    start = weights.values

    def interrupt(epoch, logs):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    history = heliox.fit(loss, weights, heliox.Adam(0.01), 50, callbacks=[interrupt])
    assert history.epoch == [0, 1, 2] and history.stopped == "interrupted"
    assert not np.array_equal(weights.values, start) and np.isfinite(weights.values).all()
    # an error in somebody's loss: the values of the last good step
    weights.values = start
    calls = []

    def fails(v):
        calls.append(v.copy())
        if len(calls) == 4:
            raise ZeroDivisionError
        return float((v**2).sum()), 2 * v

    with pytest.raises(ZeroDivisionError):
        heliox.fit(readout.loss(fails), weights, heliox.SGD(1e-4), 9)
    assert np.isfinite(weights.values).all()
    adam = heliox.Adam(0.05)
    watch = [
        ReduceLROnPlateau("loss", factor=0.5, patience=2, min_delta=1e9),
        EarlyStopping("loss", patience=6, min_delta=1e9),
    ]
    history = heliox.fit(loss, weights, adam, 50, callbacks=watch)
    assert history.stopped == "stopped by a callback" and len(history.epoch) == 7
    assert adam.lr < 0.05


@isolated
def test_wrong_arguments_and_data():
    """Found before anything runs: nothing has changed."""
    heliox = networks.session()
    model = networks.TwoLayers()
    weights, amp = heliox.trainable(model.synapses, "w"), heliox.trainable(model.clamps, "amp")
    readout = heliox.readout(model.outputs, window=networks.STEADY)
    loss, two = readout.mse([1.0, 2.0]), readout.mse([[1.0, 2.0], [3.0, 4.0]])
    x = np.zeros((2, 3))
    start, inputs = weights.values, amp.values
    nan = x.copy()
    nan[1, 2] = np.nan
    wrong = [
        ("HX096", two, {}),
        ("HX096", two, {"inputs": (amp, np.zeros((3, 3)))}),
        ("HX096", loss, {"inputs": (amp, np.zeros((2, 4)))}),
        ("HX096", loss, {"inputs": (amp, nan)}),
        ("HX096", loss, {"inputs": (amp, x[:0])}),
        ("HX096", loss, {"inputs": (amp, "abc")}),
        ("HX094", loss, {"inputs": x}),
        ("HX094", loss, {"optimizer": "adam"}),
        ("HX094", loss, {"epochs": 0}),
        ("HX094", loss, {"epochs": 1.5}),
        ("HX094", loss, {"batch_size": 0}),
        ("HX094", loss, {"method": "adjoint"}),
        ("HX094", loss, {"callbacks": [3]}),
        ("HX094", loss, {"tstop": 45.0}),
        ("HX094", readout, {}),
    ]
    for code, one, options in wrong:
        with pytest.raises(HelioXError) as error:
            heliox.fit(one, weights, **options)
        assert error.value.code == code, (options, error.value)
    assert np.array_equal(weights.values, start) and np.array_equal(amp.values, inputs)
    assert not heliox._core.runs()


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
def test_every_engine_gives_the_same_bits():
    """What fit() writes between runs reaches the device; losses and weights are NEURON's."""
    from neuron import h

    os.environ["HELIOX_GPU_DEVICE"] = "host"
    heliox = networks.session()
    model = networks.TwoLayers()
    h.dt = 0.25
    weights = heliox.trainable(model.synapses, "w")
    loss = heliox.readout(model.outputs, window=networks.STEADY).mse([5.0, 10.0])
    start = weights.values
    heliox.enable = 1
    results = []
    for device in ("neuron", "cpu", "gpu"):
        weights.values, heliox.device = start, device
        history = heliox.fit(loss, weights, heliox.Adam(0.1), 6)
        assert heliox._core.runs()[-1]["engine"] == device
        results.append((history["loss"], weights.values.tolist()))
    assert results[0] == results[1] == results[2]
