"""heliox.fit() on NEURON objects: it learns, stops cleanly, and never loses good values."""

import numpy as np
import pytest

from parity.isolate import isolated
from train import networks


def one_synapse():
    """(heliox, model, readout, weight): a synapse on a passive cable, 3 mV is within its reach."""
    heliox = networks.session()
    pre, post = networks.cable("pre", 1), networks.cable("post")
    model = {"cells": (pre, post), "clamp": networks.step(pre, 0.05)}
    model["synapse"] = networks.synapse(pre, post(0.9), 0.1)
    readout = heliox.readout(post, window=networks.STEADY)
    return heliox, model, readout, heliox.trainable(model["synapse"], "w")


def refused(code, text, call):
    from heliox_neuron.errors import HelioXError

    with pytest.raises(HelioXError, match=text) as error:
        call()
    assert error.value.code == code, error.value
    return error.value


def recorded_means(cells, run):
    """(n,) window means by Vector.record, summed up in order of time."""
    from neuron import h

    vectors = [h.Vector().record(cell(0.5)._ref_v) for cell in cells]
    run()
    first, last = (round(t / h.dt) for t in networks.STEADY)
    samples = np.array([v.as_numpy()[first + 1 : last + 1] for v in vectors])
    assert samples.shape == (len(cells), last - first)
    return np.cumsum(samples, axis=1)[:, -1] / samples.shape[1]


@isolated
def _learns(device):
    """A network of two layers tells three input patterns apart; NEURON then says the same."""
    from neuron import h

    heliox = networks.session()
    model = networks.TwoLayers()
    heliox.device, heliox.enable = device, device != "neuron"
    amps = heliox.trainable(model.clamps, "amp")
    patterns = np.array([[0.05, 0.0, 0.01], [0.0, 0.05, 0.01], [0.02, 0.02, 0.05]])
    classes = [0, 1, 0]
    w = heliox.trainable(model.synapses, "w", bounds=(-5, 5))
    loss = heliox.readout(model.outputs, window=networks.STEADY).softmax_cross_entropy(classes)
    history = heliox.fit(
        loss, w, heliox.Adam(0.05), 30, inputs=(amps, patterns), batch_size=2, seed=1, clip_norm=5
    )
    assert history.epoch == list(range(30)) and history.stopped == ""
    assert len(history.batch_loss) == 60
    assert history["loss"][-1] < 0.1 < 0.6 < history["loss"][0]
    assert np.array_equal(w.values, [s.w for s in model.synapses])
    assert np.abs(w.values).max() <= 5
    # plain NEURON: the same outputs, and so the same losses, bit for bit
    if device != "neuron":
        assert {run["engine"] for run in heliox.report().to_dict()["runs"]} == {device}
    ours = []
    for k in range(3):
        amps.values = patterns[k]
        ours.append(heliox.gradient(loss, w, sample=k).loss)
    heliox.device, heliox.enable = "neuron", False
    h.tstop = networks.STEADY[1]
    for k in range(3):
        amps.values = patterns[k]
        means = recorded_means(model.outputs, h.run)
        assert loss.evaluate(means, k)[0] == ours[k]
        assert means.argmax() == classes[k]


@pytest.mark.parametrize("device", ["neuron", "cpu", "gpu"])
def test_it_learns(device, monkeypatch):
    monkeypatch.setenv("HELIOX_GPU_DEVICE", "host")
    _learns(device=device)


@isolated
def test_engines_train_to_the_same_bits_without_a_record_per_step():
    import os

    os.environ["HELIOX_GPU_DEVICE"] = "host"
    heliox, model, readout, w = one_synapse()
    found = []
    for device in ("neuron", "cpu", "gpu"):
        model["synapse"].w = 0.1
        before = len(heliox.report().to_dict()["runs"])
        with heliox(device=device, enable=device != "neuron"):
            history = heliox.fit(readout.mse(3.0), w, heliox.SGD(0.001, momentum=0.5), 4)
        found.append((w.values.tolist(), history["loss"]))
        runs = heliox.report().to_dict()["runs"][before:]
        if device != "neuron":
            assert [run["engine"] for run in runs] == [device] * 5, runs  # and one to look back
            assert all(run["host_calls"] == run["host_steps"] == 0 for run in runs)
            assert all(run["host_syncs"] <= 1 for run in runs), runs
    assert found[0] == found[1] == found[2]
    assert found[0][1][-1] < found[0][1][0]


@isolated
def test_means_are_those_of_records():
    """heliox.average in place of Vector.record: the same bits; trajectories are recorded."""
    from neuron import h

    heliox, model, _, w = one_synapse()
    post = model["cells"][1]
    early = heliox.readout(post, window=(1, 3))
    seen = []
    heliox.gradient(early.loss(lambda v: (seen.append(v.copy()) or 0.0, 0 * v)), w)
    heliox.gradient(early.trajectory.loss(lambda v: (seen.append(v.copy()) or 0.0, 0 * v)), w)
    trace = h.Vector().record(post(0.5)._ref_v)
    h.finitialize(0)
    while h.t < 3 - h.dt / 2:
        h.fadvance()
    samples = trace.as_numpy()[41:121]
    assert len(samples) == 80 and np.ptp(samples) > 0.1
    assert np.array_equal(seen[1][:, 0], samples)
    total = 0.0
    for sample in samples:
        total += sample
    assert seen[0].tolist() == [total / 80]


@isolated
def test_it_stops_cleanly_at_ctrl_c():
    """The History so far, and the weights after the last whole batch; training can go on."""
    import os
    import signal

    heliox, model, readout, w = one_synapse()
    loss = readout.mse(3.0)
    after = []

    def interrupt(epoch, logs):
        after.append(w.values.copy())
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    history = heliox.fit(loss, w, heliox.SGD(0.001), 50, callbacks=[interrupt])
    assert history.stopped == "interrupted" and history.epoch == [0, 1, 2]
    assert len(after) == 3 and w.values == after[-1] == model["synapse"].w
    again = heliox.fit(loss, w, heliox.SGD(0.001), 2)
    assert again.stopped == "" and again["loss"][0] < history["loss"][-1]
    # in the middle of an epoch's batches: no half batch, and the epoch is not in the History
    sent = []

    def put(sample):
        sent.append(sample)
        if len(sent) == 6:
            os.kill(os.getpid(), signal.SIGINT)

    batches = []
    from heliox_neuron.nn.callbacks import LambdaCallback

    count = LambdaCallback(on_batch_end=lambda batch, logs: batches.append(w.values.copy()))
    part = heliox.fit(
        loss, w, heliox.SGD(0.001), 9, inputs=(put, range(4)), batch_size=2, callbacks=[count]
    )
    assert part.epoch == [0] and len(batches) == 3 and w.values == batches[-1]


@isolated
def test_a_second_ctrl_c_ends_at_once():
    import os
    import signal

    heliox, model, readout, w = one_synapse()
    sent = []

    def put(sample):
        sent.append(sample)
        if len(sent) == 3:  # in the middle of the second batch
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    values = []
    from heliox_neuron.nn.callbacks import LambdaCallback

    count = LambdaCallback(on_batch_begin=lambda batch, logs: values.append(w.values.copy()))
    history = heliox.fit(
        readout.mse(3.0), w, heliox.SGD(0.001), 9, inputs=(put, range(4)), batch_size=2,
        callbacks=[count],
    )  # fmt: skip
    assert history.stopped == "interrupted" and history.epoch == [] and len(sent) == 3
    assert np.isfinite(w.values).all() and model["synapse"].w in (values[0], values[1])


@isolated
def test_a_learning_rate_that_diverges():
    """HX058 with the history; NEURON's objects keep the last good values."""
    heliox, model, readout, w = one_synapse()
    loss = readout.mse(3.0)
    start = heliox.gradient(loss, w).loss
    error = refused("HX058", "lower learning rate", lambda: heliox.fit(loss, w, heliox.SGD(10), 50))
    assert len(error.history.batch_loss) >= 1 and error.history.stopped == "diverged"
    assert np.isfinite(model["synapse"].w) and heliox.gradient(loss, w).loss <= start * 1e3
    # in the very last step: no loss shows it, one more run does
    model["synapse"].w = 0.1
    refused("HX058", "after the last step", lambda: heliox.fit(loss, w, heliox.SGD(1e6), 1))
    assert model["synapse"].w == 0.1
    # a loss that is NaN
    bad = readout.loss(lambda v: (float("nan"), v))
    refused("HX058", "the loss is nan", lambda: heliox.fit(bad, w, heliox.SGD(1e-3), 3))
    bad = readout.loss(lambda v: (1.0, v * float("nan")))
    refused("HX058", r"gradient of .*\.w is not", lambda: heliox.fit(bad, w, heliox.SGD(1e-3), 3))
    assert model["synapse"].w == 0.1


@isolated
def test_an_error_in_the_middle_keeps_the_last_good_values():
    heliox, model, readout, w = one_synapse()
    calls, before = [], []

    def loss(v):
        before.append(model["synapse"].w)
        calls.append(1)
        if len(calls) == 4:
            raise ZeroDivisionError
        return float(((v - 3) ** 2).sum()), 2 * (v - 3)

    with pytest.raises(ZeroDivisionError):
        heliox.fit(readout.loss(loss), w, heliox.SGD(1e-3), 10)
    assert model["synapse"].w == before[2] != before[0]


@isolated
def test_bad_data_are_refused_before_anything_runs():
    from neuron import h

    heliox, model, readout, w = one_synapse()
    clamp = heliox.trainable(model["clamp"], "amp")
    nan = float("nan")
    loss, sgd = readout.mse(3.0), heliox.SGD(1e-3)

    def fit(inputs=None, on=loss, **more):
        return lambda: heliox.fit(on, w, sgd, inputs=inputs, **more)

    h.finitialize(0)
    refused("HX096", "NaN", fit((clamp, [[0.1], [nan]])))
    refused("HX096", r"shape \(2,\)", fit((clamp, [0.1, 0.2])))
    refused("HX096", r"shape \(1, 2\)", fit((clamp, [[0.1, 0.2]])))
    refused("HX096", "no samples", fit((clamp, np.empty((0, 1)))))
    refused("HX096", "numbers", fit((clamp, [["a"]])))
    refused("HX094", "inputs", fit(5))
    two = readout.mse([[1.0], [2.0]])
    refused("HX096", "2 samples, the inputs are 1", fit((clamp, [[0.1]]), two))
    refused("HX096", "2 samples, the inputs are 1", fit(None, two))
    refused("HX096", "NaN", lambda: readout.mse(nan))
    refused("HX096", r"shape \(2,\)", lambda: readout.mse([1.0, 2.0]))
    refused("HX096", "classes 0 to 0", lambda: readout.softmax_cross_entropy(1))
    refused("HX096", "classes 0 to 0", lambda: readout.softmax_cross_entropy([0, -1]))
    refused("HX096", "classes 0 to 0", lambda: readout.softmax_cross_entropy(0.5))
    refused("HX094", "epochs", fit(epochs=0))
    refused("HX094", "batch_size", fit(batch_size=1.5))
    for name in ("epochs", "batch_size", "seed", "clip_norm"):
        for bad in ("a", "3", nan, -1, [1, -2]):
            refused("HX094", f"{name} = ", fit(**{name: bad}))
    assert h.t == 0  # nothing ran
    refused("HX094", 'Did you mean "synaptic"', fit(method="synaptik"))
    refused("HX094", "window ends at", fit(tstop=20))
    refused("HX094", "callbacks", fit(callbacks=[3]))
    refused("HX094", "a loss comes from", lambda: heliox.fit(3, w))
    refused("HX095", "no variable", lambda: heliox.readout(model["cells"], "m_hh"))
    refused("HX094", "ts < te", lambda: heliox.readout(model["cells"], window=(5, 5)))
    refused("HX095", "computed by", lambda: heliox.trainable(model["synapse"], "i"))
    refused("HX096", "shape", fit(on=readout.loss(lambda v: (0.0, np.zeros(3)))))
    refused("HX094", "no derivative", fit(on=readout.loss(lambda v: 0.0)))
    refused("HX094", "the run gave", fit(run=lambda: (h.finitialize(0), h.fadvance())))
    assert (model["synapse"].w, model["clamp"].amp) == (0.1, 0.05)
    h.cvode.active(1)
    refused("HX094", "fixed steps", fit())


@isolated
def test_other_parameters_train_by_finite_differences():
    """A NetCon weight: spikes in, the mean of v out, which no synaptic gradient treats."""
    from neuron import h

    heliox = networks.session()
    soma = networks.cable("soma", 1, 20, 20)
    synapse, stim = h.ExpSyn(soma(0.5)), h.NetStim()
    synapse.e, stim.start, stim.number = 20, 1, 3
    connection = h.NetCon(stim, synapse)
    connection.weight[0] = 1e-3
    w = heliox.trainable(connection, "weight", bounds=(0, None))
    loss = heliox.readout(soma, window=(5, 20)).mse(0.2)
    history = heliox.fit(loss, w, heliox.Adam(2e-3), 30, method="finite_differences")
    assert history["loss"][-1] < 0.01 * history["loss"][0]
    assert connection.weight[0] > 1e-3
