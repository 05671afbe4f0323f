"""Callbacks with Keras' names, and Ctrl-C."""

from parity.isolate import isolated


@isolated
def test_when_callbacks_are_called():
    from heliox_neuron.nn import Callback, LambdaCallback
    from train.layered import network, patterns

    calls = []

    class All(Callback):
        def on_train_begin(self, logs):
            calls.append("train begin")

        def on_train_end(self, logs):
            calls.append("train end")

        def on_epoch_begin(self, epoch, logs):
            calls.append(f"epoch {epoch} begin")

        def on_epoch_end(self, epoch, logs):
            assert set(logs) == {"loss", "val_loss", "val_accuracy", "lr", "seconds"}
            calls.append(f"epoch {epoch} end")

        def on_batch_begin(self, batch, logs):
            calls.append(f"batch {batch} begin")

        def on_batch_end(self, batch, logs):
            assert logs["loss"] > 0
            calls.append(f"batch {batch} end")

    x, y = patterns(8)
    losses = []
    net = network()
    history = net.fit(
        x, y, epochs=2, batch_size=4, validation_data=(x, y), verbose=0,
        callbacks=[All(), LambdaCallback(on_batch_end=lambda b, logs: losses.append(logs["loss"]))],
    )  # fmt: skip
    batches = [f"batch {b} {when}" for b in (0, 1) for when in ("begin", "end")]
    epochs = [call for e in (0, 1) for call in (f"epoch {e} begin", *batches, f"epoch {e} end")]
    assert calls == ["train begin", *epochs, "train end"]
    assert losses == history.batch_loss and len(losses) == 4


@isolated
def test_early_stopping_and_learning_rate():
    import pytest

    from heliox_neuron.errors import HelioXValueError
    from heliox_neuron.nn import EarlyStopping, LambdaCallback, ReduceLROnPlateau
    from heliox_neuron.train import SGD
    from train.layered import network, patterns, same

    x, y = patterns(8)
    net = network()
    weights, losses = [], [3.0, 2.0, 2.5, 2.4, 2.3, 1.0]

    def fake(epoch, logs):
        logs["metric"] = losses[epoch]
        weights.append(net.get_weights())

    stop = EarlyStopping("metric", patience=3, restore_best_weights=True)
    slow = ReduceLROnPlateau("metric", factor=0.5, patience=2)
    history = net.fit(
        x, y, epochs=6, batch_size=8, optimizer=SGD(lr=0.4), verbose=0,
        callbacks=[LambdaCallback(on_epoch_end=fake), stop, slow],
    )  # fmt: skip
    assert history.epoch == [0, 1, 2, 3, 4] and history.stopped == "stopped by a callback"
    assert (stop.stopped_epoch, stop.best, stop.wait) == (4, 2.0, 3)
    assert same(net.get_weights(), weights[1]) and not same(weights[1], weights[4])
    assert history["lr"] == [0.4, 0.4, 0.4, 0.4, 0.2]
    with pytest.raises(HelioXValueError, match=r"HX094 EarlyStopping.monitor='val_loss'"):
        net.fit(x, y, callbacks=[EarlyStopping()], verbose=0)


@isolated
def test_logger_checkpoint_and_plot():
    import csv
    import tempfile
    from pathlib import Path

    from heliox_neuron.nn import CSVLogger, ModelCheckpoint, Sequential
    from train.layered import network, patterns, same

    x, y = patterns(12)
    with tempfile.TemporaryDirectory() as folder:
        log, best = Path(folder) / "log.csv", Path(folder) / "best.h5"
        net = network()
        history = net.fit(
            x, y, epochs=3, batch_size=4, verbose=0,
            callbacks=[CSVLogger(log), ModelCheckpoint(best, "loss", save_best_only=True)],
        )  # fmt: skip
        rows = list(csv.DictReader(log.open()))
        assert [float(row["loss"]) for row in rows] == history["loss"]
        assert [row["epoch"] for row in rows] == ["0", "1", "2"]
        assert history["loss"] == sorted(history["loss"], reverse=True)
        assert same(Sequential.load(best).get_weights(), net.get_weights())
        picture = Path(folder) / "loss.png"
        history.plot(picture)
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert history.to_dict()["history"]["loss"] == history["loss"]


@isolated
def test_ctrl_c_ends_after_the_batch_and_training_can_go_on():
    import os
    import signal

    from heliox_neuron.nn import LambdaCallback
    from heliox_neuron.train import Adam
    from train.layered import network, patterns, same

    x, y = patterns(24)
    whole, net = network(), network()
    expected = whole.fit(x, y, epochs=2, batch_size=4, optimizer=Adam(lr=0.02), verbose=0)

    def press(batch, logs):
        if batch == 2:
            after.extend(net.get_weights())
            os.kill(os.getpid(), signal.SIGINT)

    after = []
    history = net.fit(
        x, y, epochs=2, batch_size=4, optimizer=Adam(lr=0.02), verbose=0,
        callbacks=[LambdaCallback(on_batch_end=press)],
    )  # fmt: skip
    assert history.stopped == "interrupted" and history.epoch == []
    assert history.batch_loss == expected.batch_loss[:3]
    assert same(net.build().weights, after)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    net.fit(x, y, epochs=2, batch_size=4, verbose=0, resume=True)
    assert same(net.get_weights(), whole.get_weights())


@isolated
def test_a_function_is_a_callback():
    import pytest

    from heliox_neuron.errors import HelioXValueError
    from heliox_neuron.nn import EarlyStopping
    from train.layered import network, patterns

    x, y = patterns(8)
    seen = []
    net = network()
    history = net.fit(
        x, y, epochs=2, verbose=0, callbacks=[lambda epoch, logs: seen.append((epoch, logs))]
    )
    assert [(epoch, logs["loss"]) for epoch, logs in seen] == list(enumerate(history["loss"]))
    for wrong in ("print", EarlyStopping):
        with pytest.raises(HelioXValueError, match=r"HX094 callbacks: .* is no"):
            net.fit(x, y, verbose=0, callbacks=[wrong])


@isolated
def test_callbacks_begin_anew_with_each_training():
    import tempfile
    from pathlib import Path

    from heliox_neuron.nn import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau, Sequential
    from heliox_neuron.train import SGD
    from train.layered import network, patterns, same

    x, y = patterns(8)
    losses = [1.0, 2.0, 3.0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "best.h5"
        stop = EarlyStopping("metric", patience=5, restore_best_weights=True)
        slow = ReduceLROnPlateau("metric", patience=5)
        best = ModelCheckpoint(path, "metric", save_best_only=True)
        for net, add in ((network(seed=1), 0.0), (network(seed=2), 10.0)):
            weights = []

            def fake(epoch, logs, net=net, add=add, weights=weights):
                logs["metric"] = losses[epoch] + add
                weights.append(net.get_weights())

            net.fit(
                x, y, epochs=3, batch_size=8, optimizer=SGD(lr=0.4), verbose=0,
                callbacks=[fake, stop, slow, best],
            )  # fmt: skip
            assert (stop.best, slow.best, best.best) == (1 + add,) * 3
            assert stop.wait == slow.wait == 2
            assert same(net.get_weights(), weights[0])
            assert same(Sequential.load(path).get_weights(), weights[0])
