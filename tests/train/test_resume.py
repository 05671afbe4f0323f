"""Calls of fit() one after the other: resuming, optimisers that go on, what is refused."""

from parity.isolate import isolated


@isolated
def test_numbers_are_checked_before_anything_runs():
    import numpy as np
    import pytest

    from heliox_neuron.errors import HelioXValueError
    from train.layered import network, patterns, same

    x, y = patterns(8)
    net = network()
    before = net.get_weights()
    for name in ("clip_norm", "epochs", "batch_size"):
        for value in ("a", -1, 0, np.nan, True, [1]):
            with pytest.raises(HelioXValueError, match=f"HX094 {name} = "):
                net.fit(x, y, verbose=0, **{name: value})
    assert same(before, net.get_weights()) and net.position is None
    net.fit(x, y, verbose=0, clip_norm=np.float32(1))
    assert net.position.options["clip_norm"] == 1.0


@isolated
def test_resuming_within_a_program():
    """The same bits with an optimiser made anew, a seed, and callbacks made anew or reordered."""
    from heliox_neuron.nn import CSVLogger, EarlyStopping, LambdaCallback
    from heliox_neuron.train import Adam
    from train.layered import network, patterns, same

    x, y = patterns(24)
    whole, net = network(), network()
    options = {"batch_size": 4, "seed": 5, "verbose": 0}
    expected = whole.fit(x, y, epochs=4, optimizer=Adam(lr=0.02), **options)
    stops = [EarlyStopping("loss", patience=9, mode="max") for _ in range(2)]
    net.fit(x, y, epochs=2, optimizer=Adam(lr=0.02), callbacks=[stops[0]], **options)
    net.fit(
        x, y, epochs=3, optimizer=Adam(lr=0.02), resume=True,
        callbacks=[CSVLogger("/dev/null"), stops[1]], **options,
    )  # fmt: skip
    assert stops[1].wait == 2 and stops[1].best == expected["loss"][0]
    history = net.fit(
        x, y, epochs=4, resume=True, callbacks=[LambdaCallback(), stops[1]], **options
    )
    assert stops[1].wait == 3
    assert same(net.get_weights(), whole.get_weights())
    assert history.batch_loss == expected.batch_loss


@isolated
def test_a_file_is_resumed_once():
    """Resuming a loaded network twice: the second goes on from the first, not from the file."""
    import tempfile
    from pathlib import Path

    from heliox_neuron.nn import EarlyStopping, Sequential
    from heliox_neuron.train import Adam
    from train.layered import network, patterns, same

    x, y = patterns(24)
    options = {"batch_size": 4, "verbose": 0}
    whole, net = network(), network()
    whole.fit(x, y, epochs=3, optimizer=Adam(lr=0.02), **options)

    def arguments():
        stop = EarlyStopping("loss", patience=9, mode="max")
        return {"optimizer": Adam(lr=0.02), "callbacks": [stop], **options}

    net.fit(x, y, epochs=1, **arguments())
    with tempfile.TemporaryDirectory() as folder:
        net.save(Path(folder) / "net.h5")
        loaded = Sequential.load(Path(folder) / "net.h5")
    loaded.fit(x, y, epochs=2, resume=True, **arguments())
    last = arguments()
    loaded.fit(x, y, epochs=3, resume=True, **last)
    assert same(loaded.get_weights(), whole.get_weights())
    assert last["callbacks"][0].wait == 2


@isolated
def test_an_optimiser_of_another_network_begins_anew():
    import tempfile
    from pathlib import Path

    from heliox_neuron.nn import Sequential
    from heliox_neuron.train import Adam
    from train.layered import network, patterns, same

    x, y = patterns(24)
    options = {"batch_size": 4, "verbose": 0}
    shared = Adam(lr=0.02)
    for seed, hidden in ((1, (4,)), (2, (4,)), (3, (5,))):  # the last has another size
        alone, net = network(hidden, seed=seed), network(hidden, seed=seed)
        alone.fit(x, y, optimizer=Adam(lr=0.02), **options)
        net.fit(x, y, optimizer=shared, **options)
        assert same(alone.get_weights(), net.get_weights())
    alone, first, other = network(), network(), network(seed=1)
    alone.fit(x, y, optimizer=Adam(lr=0.02), **options)
    alone.fit(x, y, epochs=2, resume=True, **options)
    first.fit(x, y, optimizer=shared, **options)
    other.fit(x, y, optimizer=shared, **options)
    with tempfile.TemporaryDirectory() as folder:
        first.save(Path(folder) / "net.h5")
        loaded = Sequential.load(Path(folder) / "net.h5")
    for net in (first, loaded):  # what it left is held
        net.fit(x, y, epochs=2, resume=True, **options)
        assert same(alone.get_weights(), net.get_weights())
    first.fit(x, y, **options)  # without another in between, it goes on
    assert first.optimizer.n_step == 3 * 6


@isolated
def test_the_last_update_may_diverge_too():
    import numpy as np
    import pytest

    from heliox_neuron.nn import LambdaCallback
    from heliox_neuron.nn.training import Diverged
    from heliox_neuron.train import SGD
    from train.layered import network, patterns, same

    x, _ = patterns(8)
    targets = np.full((8, 3), 0.2)

    def mine(means, wanted):
        off = means - wanted
        return (off * off).mean(axis=1), 2.0 * off / means.shape[1]

    def stop(batch, logs):
        net.stop_training = True

    stopper = LambdaCallback(on_batch_end=stop)
    for loss in ("mse", mine):
        for size, callbacks in ((8, []), (4, [stopper])):
            net = network()
            before = net.get_weights()
            message = "HX058 .* epoch 1, batch 1: the loss after the last step is"
            with pytest.raises(Diverged, match=message) as caught:
                net.fit(
                    x, targets, batch_size=size, loss=loss, optimizer=SGD(lr=1e6), verbose=0,
                    callbacks=callbacks,
                )  # fmt: skip
            assert caught.value.history.stopped == "diverged"
            assert same(before, net.get_weights())
            assert len(caught.value.history.batch_loss) == 1
