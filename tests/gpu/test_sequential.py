"""Sequential on the GPU: NEURON's outputs, the host device's training, the same bits twice."""

from __future__ import annotations

import pytest

from parity.isolate import isolated

pytestmark = pytest.mark.gpu


def test_a_network_on_the_gpu(gpu_device):
    check_a_network(device="gpu" if gpu_device == "cuda" else "host")


@isolated
def check_a_network(device):
    import numpy as np

    from heliox_neuron.train import Adam
    from train.layered import network, patterns, plain_neuron, same

    def trained(where, loss="softmax_cross_entropy", targets=None):
        net = network((6, 5), device=where)
        history = net.fit(
            x, y if targets is None else targets, epochs=3, batch_size=5, loss=loss,
            optimizer=Adam(lr=0.02), clip_norm=1.0, verbose=0,
        )  # fmt: skip
        return net, history

    def mine(means, targets):
        off = means - targets
        return (off * off).mean(axis=1), 2.0 * off / means.shape[1]

    x, y = patterns(42)
    net, history = trained(device)
    again, _ = trained(device)
    host, expected = trained("host")
    assert same(net.get_weights(), again.get_weights())
    assert net.summary().executor == "linear"
    assert np.allclose(history.batch_loss, expected.batch_loss, rtol=1e-9)
    for a, b in zip(net.get_weights(), host.get_weights(), strict=True):
        assert np.abs(a - b).max() < 1e-8
    assert np.abs(net.predict(x[:4]) - plain_neuron(net, x[:4])).max() <= 1e-9
    wanted = np.eye(3)[y] * 0.3
    a, b = trained(device, mine, wanted)[0], trained(device, "mse", wanted)[0]
    for p, q in zip(a.get_weights(), b.get_weights(), strict=True):
        assert np.abs(p - q).max() < 1e-9


def test_a_training_on_the_gpu_is_resumed(gpu_device, tmp_path):
    pytest.importorskip("h5py")
    check_resuming(device="gpu" if gpu_device == "cuda" else "host", file=str(tmp_path / "net.h5"))


@isolated
def check_resuming(device, file):
    from heliox_neuron.nn import ModelCheckpoint, Sequential
    from heliox_neuron.train import Adam
    from train.layered import network, patterns, same

    x, y = patterns(40)
    whole, part = network(device=device), network(device=device)
    options = {"batch_size": 8, "verbose": 0}
    whole.fit(x, y, epochs=3, optimizer=Adam(lr=0.02), **options)
    save = ModelCheckpoint(file, save_freq=7)  # in the second epoch
    part.fit(x, y, epochs=2, optimizer=Adam(lr=0.02), callbacks=[save], **options)
    loaded = Sequential.load(file)
    assert (loaded.position.epoch, loaded.position.batch) == (1, 2)
    loaded.fit(x, y, epochs=3, resume=True, **options)
    assert same(loaded.get_weights(), whole.get_weights())
