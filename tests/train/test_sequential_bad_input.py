"""What does not fit is a named error before anything runs; divergence keeps good weights."""

from parity.isolate import isolated


@isolated
def test_data_that_do_not_fit():
    import numpy as np
    import pytest

    from heliox_neuron.errors import HelioXValueError
    from train.layered import network, patterns, same

    net = network()
    x, y = patterns(8)
    before = net.get_weights()

    def put(array, place, value):
        changed = np.array(array, float)
        changed[place] = value
        return changed

    cases = [
        (x[:, :5], y, {}, r"HX090 x has shape \(8, 5\): \(samples, 16\)"),
        (x[0], y, {}, r"HX090 x has shape \(16,\)"),
        (x[:0], y[:0], {}, r"HX090 x has shape \(0, 16\)"),
        (put(x, (2, 3), np.nan), y, {}, r"HX090 x\[2, 3\] = nan"),
        (put(x, (1, 0), -0.1), y, {}, r"HX090 x\[1, 0\] = -0.1"),
        (255 * x, y, {}, "HX090 x.*Divide pixels by 255"),
        (x.astype(str), y, {}, "HX090 x holds .*not numbers"),
        (x, y[:5], {}, r"HX090 y has shape \(5,\)"),
        (x, put(y, 4, 3), {}, r"HX090 y\[4\] = 3.0: a class from 0 to 2"),
        (x, put(y, 4, -1), {}, r"HX090 y\[4\] = -1"),
        (x, put(y, 4, 0.5), {}, r"HX090 y\[4\] = 0.5"),
        (x, y, {"loss": "mse"}, r"HX090 y has shape \(8,\): \(8, 3\)"),
        (x, put(np.zeros((8, 3)), (1, 1), np.inf), {"loss": "mse"}, r"HX090 y\[1, 1\] = inf"),
        (x, y, {"loss": "softmax_crossentropy"}, "HX094 loss = 'softmax_cross.*Did you mean"),
        (x, y, {"batch_size": 0}, "HX094 batch_size"),
        (x, y, {"epochs": 0}, "HX094 epochs"),
        (x, y, {"validation_split": 1.0}, "HX094 validation_split"),
        (x, y, {"validation_data": (x[:, 1:], y)}, "HX090 validation x"),
        (x, y, {"optimizer": "adam"}, "HX094 optimizer = 'adam'"),
        (x, y, {"verbose": 7}, "HX094 verbose"),
        (x, y, {"resume": True}, "HX092 resume: no training"),
    ]
    for some_x, some_y, options, message in cases:
        with pytest.raises(HelioXValueError, match=message):
            net.fit(some_x, some_y, **{"verbose": 0, **options})
    with pytest.raises(HelioXValueError, match=r"HX090 weights of shapes"):
        net.set_weights(before[:1])
    with pytest.raises(HelioXValueError, match=r"HX090 a weight is NaN"):
        net.set_weights([before[0] * np.nan, before[1]])
    with pytest.raises(HelioXValueError, match=r"HX090 x\[0, 0\]"):
        net.predict(x + 2)
    assert same(net.get_weights(), before)


@isolated
def test_networks_that_cannot_be_built():
    import tempfile
    from pathlib import Path

    import pytest
    from neuron import h

    from heliox_neuron.errors import HelioXValueError
    from heliox_neuron.nn import (
        Dense,
        PassiveHPC,
        PassiveTree,
        PoissonEncoder,
        RateEncoder,
        Sequential,
        Template,
    )  # fmt: skip

    def bare():
        return object()

    def broken():
        raise RuntimeError("no cell today")

    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "cell.txt"
        text.write_text("nothing")
        cases = [
            (lambda: Sequential(Dense(3)), "HX091 Sequential"),
            (lambda: Sequential(RateEncoder(4)), "HX091 Sequential"),
            (lambda: Dense(0), "HX091 Dense"),
            (lambda: Dense(2.5), "HX091 Dense"),
            (lambda: Dense(2, cell=7), "HX091 cell = 7"),
            (lambda: Dense(2, cell=PassiveHPC), "HX091 PassiveHPC has no morphology.*PassiveTree"),
            (lambda: PassiveHPC(Path(folder) / "no.asc"), "HX091 morphology.*no such file"),
            (lambda: PassiveHPC(text), "HX091 morphology.*asc or .swc"),
            (lambda: Template("NoSuchCell"), "HX091 hoc knows no template"),
            (lambda: PassiveTree(cm=-1), "HX091 PassiveTree.cm=-1"),
            (lambda: RateEncoder(0), "HX091 RateEncoder"),
            (lambda: RateEncoder(4, epsilon=0), "HX091 RateEncoder"),
            (lambda: PoissonEncoder(4, rate=-1), "HX091 rate"),
            (lambda: Sequential(RateEncoder(4), Dense(3), window=(20, 60)), "HX091 window"),
            (lambda: Sequential(RateEncoder(4), Dense(3), dt=0), "HX091 dt"),
            (lambda: Sequential(RateEncoder(4), Dense(3), coupling="glue"), "HX091 coupling"),
            (lambda: Sequential(RateEncoder(4), Dense(3), executor="fast"), "HX091 executor"),
            (lambda: Sequential(RateEncoder(4), Dense(3, cell=bare)).build(), "HX091.*no `soma`"),
            (lambda: Sequential(RateEncoder(4), Dense(3, cell=broken)).build(), "no cell today"),
        ]
        for make, message in cases:
            with pytest.raises(HelioXValueError, match=message):
                make()
    net = Sequential(RateEncoder(4), Dense(3), device="host")
    net.executor = "linear"
    net.build().layers[0].cells[0].soma.sec.insert("hh")
    with pytest.raises(HelioXValueError, match=r'HX091 executor = "linear", but dense_1.*hh'):
        net.predict([[0.5] * 4])
    net.executor = "general"
    h.CVode().active(1)
    with pytest.raises(RuntimeError, match=r"HX091 cvode is active"):
        net.predict([[0.5] * 4])


@isolated
def test_divergence_keeps_the_last_good_weights():
    import numpy as np
    import pytest

    from heliox_neuron.nn.training import Diverged
    from heliox_neuron.train import SGD
    from train.layered import network, patterns

    net = network()
    x, _ = patterns(24)
    targets = np.full((24, 3), 0.2)
    with pytest.raises(Diverged, match=r"HX058 training diverged in epoch 1, batch \d+: the loss"):
        net.fit(x, targets, epochs=40, batch_size=4, loss="mse", optimizer=SGD(lr=1e4), verbose=0)
    assert net.position.history.stopped == "diverged"
    kept = net.evaluate(x, targets, loss="mse")
    assert np.isfinite(kept.loss) and kept.loss < 1000

    def nothing(means, targets):
        return np.full(len(means), np.nan), np.zeros_like(means)

    before = net.get_weights()
    with pytest.raises(Diverged, match="the loss is nan"):
        net.fit(x, targets, loss=nothing, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, net.get_weights(), strict=True))


@isolated
def test_files_that_cannot_be_used():
    import tempfile
    from pathlib import Path

    import h5py
    import pytest

    from heliox_neuron.errors import HelioXError
    from heliox_neuron.nn import Dense, PassiveTree, RateEncoder, Sequential
    from train.layered import network, patterns

    x, y = patterns(8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.h5"
        with pytest.raises(HelioXError, match=r"HX092.*cannot be read"):
            Sequential.load(path)
        path.write_text("no HDF5")
        with pytest.raises(HelioXError, match=r"HX092.*cannot be read"):
            Sequential.load(path)
        with h5py.File(path, "w") as file:
            file["x"] = 1
        with pytest.raises(HelioXError, match=r"HX092.*not a network"):
            Sequential.load(path)
        with pytest.raises(HelioXError, match=r"HX092.*cannot be written"):
            network().save(Path(folder) / "no" / "net.h5")
        net = network()
        net.fit(x, y, batch_size=4, verbose=0)
        net.save(path)
        loaded = Sequential.load(path)
        with pytest.raises(HelioXError, match=r"HX092 resume"):
            loaded.fit(x[:6], y[:6], batch_size=4, epochs=2, resume=True, verbose=0)
        with pytest.raises(HelioXError, match=r"HX092 resume"):
            loaded.fit(x, y, batch_size=8, epochs=2, resume=True, verbose=0)
        python = Sequential(
            RateEncoder(4), Dense(2, cell=lambda: PassiveTree().make("a")), device="host"
        )
        python.save(path)
        with pytest.raises(HelioXError, match=r"HX092.*give them again"):
            Sequential.load(path)
        again = Sequential.load(path, cells=[PassiveTree()])
        assert (again.predict(x[:, :4]) == python.predict(x[:, :4])).all()
        with pytest.raises(HelioXError, match=r"HX092 cells: 2 given for 1"):
            Sequential.load(path, cells=[PassiveTree()] * 2)
