"""Sequential: it learns, NEURON has what it learned, files and seeds give the same bits."""

import pytest

from parity.isolate import isolated


@isolated
def test_it_learns_and_plain_neuron_gives_the_same_outputs():
    import numpy as np

    from heliox_neuron import heliox
    from heliox_neuron.train import Adam
    from train.layered import network, patterns, plain_neuron

    net = network()
    x, y = patterns(160)
    history = net.fit(
        x, y, epochs=8, batch_size=8, optimizer=Adam(lr=0.05), validation_split=0.2, verbose=0
    )
    assert net.summary().executor == "linear"
    assert len(history["loss"]) == 8 and history["loss"][-1] < 0.5 * history["loss"][0]
    assert len(history.batch_loss) == 8 * 16
    held = net.evaluate(x[128:], y[128:])
    assert held.accuracy == history["val_accuracy"][-1] >= 0.9
    assert held.loss == pytest.approx(history["val_loss"][-1], rel=1e-12)
    assert (net.predict_classes(x[128:]) == y[128:]).mean() == held.accuracy

    w = net.get_weights()
    synapses = net.build().layers[1].synapses
    assert [[s.w for s in row] for row in synapses] == w[1].tolist()
    heliox.enable = 0
    outputs = plain_neuron(net, x[:6])
    assert np.abs(outputs).max() > 0.1
    assert np.abs(net.predict(x[:6]) - outputs).max() <= 1e-9


@isolated
def test_an_active_template_runs_in_neuron_with_the_same_bits():
    import numpy as np
    from neuron import h

    from heliox_neuron import heliox
    from heliox_neuron.nn import Dense, RateEncoder, Sequential, Template
    from heliox_neuron.train import Adam
    from train.layered import N_CLASS, N_IN, patterns, plain_neuron, same

    h("""
    begintemplate ActiveCell
    public soma, dend
    create soma, dend
    proc init() {
        connect dend(0), soma(1)
        soma { L = diam = 20 insert hh gnabar_hh = 1e-4 gkbar_hh = 1e-6 gl_hh = 0 }
        soma { insert pas g_pas = 1e-4 e_pas = 0 }
        dend { L = 100 diam = 2 nseg = 3 insert pas g_pas = 1e-4 e_pas = 0 }
    }
    endtemplate ActiveCell
    """)
    net = Sequential(
        RateEncoder(N_IN), Dense(2, cell=Template("ActiveCell")), Dense(N_CLASS), seed=1,
        duration=20, window=(10, 20),
    )  # fmt: skip
    assert "hh" in net.summary().why
    net.executor = "general"
    x, y = patterns(6)
    trained = []
    for enable in (0, 1):
        heliox.enable, heliox.device = enable, "cpu"
        net.random = np.random.default_rng(0)
        net.set_weights([np.full(w.shape, 0.3) for w in net.get_weights()])
        net.fit(x, y, epochs=1, batch_size=3, optimizer=Adam(lr=0.05), verbose=0)
        trained.append(net.get_weights())
    assert any(run["engine"] == "cpu" for run in heliox.report().to_dict()["runs"])
    assert same(*trained)
    heliox.enable = 0
    assert (np.abs(trained[0][0] - 0.3) > 0).any()
    # a mean of the same samples in another order of summation
    assert np.abs(net.predict(x) - plain_neuron(net, x)).max() <= 1e-13


@isolated
def test_the_executors_agree_on_a_deeper_network_and_on_both_couplings():
    import numpy as np

    from train.layered import N_IN, network, patterns

    x, y = patterns(4)
    outputs = []
    for coupling in ("transfer", "pointer"):  # the second is built when the first is gone
        net = network((4, 3), coupling=coupling)
        assert [layer.n_in for layer in net.build().layers] == [N_IN, 4, 3]
        found = {}
        for executor in ("linear", "general"):
            net.executor = executor
            one = net._ready()
            assert one.kind == executor
            found[executor] = (*one.gradient(x, y, "softmax_cross_entropy"), net.predict(x))
        for a, b in zip(found["linear"][1], found["general"][1], strict=True):
            assert np.abs(a).max() > 1e-3 and np.abs(a - b).max() < 1e-11
        assert np.abs(found["linear"][0] - found["general"][0]).max() < 1e-11
        assert np.abs(found["linear"][2] - found["general"][2]).max() < 1e-10
        outputs.append(found["general"][2])
    assert np.array_equal(*outputs)


@isolated
def test_poisson_spikes_come_from_the_seed_and_reach_neuron():
    import numpy as np

    from heliox_neuron.nn import Dense, PoissonEncoder, Sequential
    from train.layered import patterns, plain_neuron, same

    x, y = patterns(12)
    trained = []
    for _ in range(2):
        net = Sequential(PoissonEncoder(16, rate=300, seed=5), Dense(3), seed=2, device="host")
        net.fit(x, y, epochs=2, batch_size=4, verbose=0)
        trained.append(net)
    assert same(trained[0].get_weights(), trained[1].get_weights())
    outputs = trained[0].predict(x, batch_size=5)
    assert np.array_equal(outputs, trained[1].predict(x, batch_size=12))
    times = net.encoder.encode_again(x, 0, 50.0)
    finite = np.isfinite(times)
    assert (np.diff(np.where(finite, times, 1e9), axis=2) >= 0).all()
    expected = 0.3 * 49 * x.sum()  # delay 1 ms: what comes later than 49 ms is lost
    assert abs(finite.sum() - expected) < 5 * np.sqrt(expected)
    assert np.abs(outputs[:1] - plain_neuron(net, x[:1])).max() <= 1e-9


@isolated
def test_a_resumed_training_gives_the_bits_of_one_that_was_not_interrupted():
    import tempfile
    from pathlib import Path

    from heliox_neuron.nn import EarlyStopping, ModelCheckpoint, Sequential
    from heliox_neuron.train import Adam
    from train.layered import network, patterns, same

    x, y = patterns(40)
    options = {"batch_size": 8, "validation_split": 0.25, "verbose": 0}

    def callbacks():
        return [EarlyStopping(patience=3, restore_best_weights=True)]

    whole = network()
    history = whole.fit(x, y, epochs=3, optimizer=Adam(lr=0.02), callbacks=callbacks(), **options)
    with tempfile.TemporaryDirectory() as folder:
        first = network()
        every = ModelCheckpoint(Path(folder) / "net-{epoch}.h5", save_freq=3)
        first.fit(
            x, y, epochs=2, optimizer=Adam(lr=0.02), callbacks=[*callbacks(), every], **options
        )
        files = sorted(Path(folder).iterdir())
        assert [file.name for file in files] == ["net-1.h5", "net-2.h5"]
        for file in files:  # in the middle of epochs: 4 batches each, saved after 3, 6
            net = Sequential.load(file)
            assert net.position.batch in (2, 3)
            again = net.fit(x, y, epochs=3, callbacks=callbacks(), resume=True, **options)
            assert same(net.get_weights(), whole.get_weights())
            assert again["loss"] == history["loss"] and again["val_loss"] == history["val_loss"]
            assert again.batch_loss == history.batch_loss


@isolated
def test_seeds():
    from train.layered import network, patterns, same

    x, y = patterns(24)
    a, b, c = network(seed=1), network(seed=1), network(seed=2)
    places = [net.build().layers[0].places for net in (a, b, c)]
    assert places[0].x.tobytes() == places[1].x.tobytes() != places[2].x.tobytes()
    assert same(a.get_weights(), b.get_weights()) and not same(a.get_weights(), c.get_weights())
    for net in (a, b):
        net.fit(x, y, epochs=1, batch_size=4, seed=7, verbose=0)
    assert same(a.get_weights(), b.get_weights())


@isolated
def test_what_a_program_changes_in_neuron_counts():
    import numpy as np
    from neuron import h

    from train.layered import network, patterns, plain_neuron

    net = network()
    x, _ = patterns(3)
    before = net.predict(x)
    net.build().layers[1].synapses[0][0].w += 0.5
    changed = net.predict(x)
    assert not np.array_equal(before, changed)
    for cell in net.build().layers[0].cells:
        for section in cell.sections:
            section.g_pas *= 2
    other = net.predict(x)
    assert np.abs(changed - other).max() > 1e-4
    assert net.summary().executor == "linear"
    assert np.abs(other - plain_neuron(net, x)).max() <= 1e-9
    net.build().layers[0].cells[1].sections[0].g_pas *= 2
    net.executor = "general"
    assert np.abs(net.predict(x) - plain_neuron(net, x)).max() <= 1e-12
    net.executor = "auto"
    assert net.summary().executor != "linear" and "differ" in net.summary().why
    clamp = h.IClamp(net.build().layers[1].cells[0].soma)
    clamp.amp, clamp.dur = 0.001, 1e9
    assert "IClamp" in net.summary().why
    net.executor = "general"
    assert np.abs(net.predict(x) - plain_neuron(net, x)).max() <= 1e-12


@isolated
def test_mse_and_callable_losses():
    import numpy as np

    from heliox_neuron.train import SGD
    from train.layered import network, patterns, same

    x, _ = patterns(16)
    wanted = np.linspace(0.0, 0.3, 16 * 3).reshape(16, 3)

    def mine(means, targets):
        off = means - targets
        return (off * off).mean(axis=1), 2.0 * off / means.shape[1]

    nets = [network(), network()]
    for net, loss in zip(nets, ("mse", mine), strict=True):
        history = net.fit(
            x, wanted, epochs=20, batch_size=8, loss=loss, optimizer=SGD(lr=0.5), verbose=0
        )
        assert history["loss"][-1] < 0.7 * history["loss"][0]
    a, b = (net.get_weights() for net in nets)
    assert max(np.abs(p - q).max() for p, q in zip(a, b, strict=True)) < 1e-12
    result = nets[0].evaluate(x, wanted, loss="mse")
    assert result.accuracy is None
    assert result.loss == pytest.approx(((nets[0].predict(x) - wanted) ** 2).mean(), rel=1e-12)
    assert not same(a, network().get_weights())


@pytest.mark.parametrize("hidden", [(6, 6), (8, 6, 6)])
@isolated
def test_deeper_networks_train(hidden):
    """Four and five layers are configuration; their outputs are plain NEURON's too."""
    import numpy as np

    from heliox_neuron.train import Adam
    from train.layered import network, patterns, plain_neuron

    net = network(hidden=hidden, seed=2)
    x, y = patterns(128)
    history = net.fit(x, y, epochs=10, batch_size=8, optimizer=Adam(lr=0.03), verbose=0)
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert np.abs(net.predict(x[:3]) - plain_neuron(net, x[:3])).max() <= 1e-9
