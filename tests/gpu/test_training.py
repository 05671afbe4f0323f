"""Training on the GPU: replicas against the same text on the host device, and against NEURON."""

from __future__ import annotations

import pytest

from parity.isolate import isolated

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "mse"])
def test_replicas_on_the_gpu_are_those_of_the_host(gpu_device, loss):
    import numpy as np

    from heliox_neuron.nn.batch import RateCode
    from train.cables import cable, network

    sizes = [(cable(700, 1), 40), (cable(150, 2), 37), (cable(1, 3), 5)]
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (9, 30))
    targets = rng.integers(5, size=9) if loss != "mse" else rng.normal(size=(9, 5))
    on_host, _ = network(sizes, 30)
    on_gpu, _ = network(sizes, 30, device=gpu_device)
    wanted = on_host.gradient(x, targets, loss, RateCode())
    found = on_gpu.gradient(x, targets, loss, RateCode())
    for k in range(4):
        v = on_host.trajectory(k)
        np.testing.assert_allclose(on_gpu.trajectory(k), v, rtol=0, atol=1e-12 * np.abs(v).max())
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-10)
    for a, b in zip(found[1], wanted[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10 * np.abs(b).max())


def test_training_repeats_its_bits(gpu_device):
    """The same seed, the same weights, whatever the schedule of blocks and warps."""
    import numpy as np

    from heliox_neuron.nn.batch import RateCode
    from heliox_neuron.train.optimisers import Adam
    from train.cables import cable, network

    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 1, (5, 16, 30)), rng.integers(5, size=(5, 16))
    found = []
    for _ in range(2):
        net, _ = network([(cable(300, 1), 50), (cable(1, 3), 5)], 30, device=gpu_device)
        optimiser = Adam(lr=1e-2)
        for k in range(5):
            net.train(x[k], y[k], "softmax_cross_entropy", optimiser, RateCode(), clip_norm=1.0)
        found.append((net.take_losses(), net.weights))
    assert (found[0][0] == found[1][0]).all() and len(found[0][0]) == 80
    for a, b in zip(found[0][1], found[1][1], strict=True):
        assert (a == b).all()


@pytest.mark.parametrize("coupling", ["pointer", "transfer"])
@isolated
def test_replicas_of_active_cells_have_neurons_bits(gpu_device, coupling):
    import numpy as np

    from train.active_networks import build, trajectories

    network, net = build(coupling, gpu_device)
    x = np.random.default_rng(2).uniform(0, 1, (3, 6))
    wanted = [trajectories(network, sample) for sample in x]
    for k in range(2):
        before = np.stack([one[k] for one in wanted])
        device = net.device
        v = (
            net._layers[k]
            .replicas(3)
            .run(device.array(net.weights[k].ravel()), device.array(before.ravel()))
        )
        assert (device.download(v) == np.stack([one[k + 1] for one in wanted])).all()


@isolated
def test_sequential_trains_on_the_gpu(gpu_device):
    import numpy as np

    from heliox_neuron.train import Adam
    from train.layered import network, patterns, plain_neuron

    net = network(device="gpu" if gpu_device == "cuda" else "host")
    x, y = patterns(96)
    history = net.fit(x, y, epochs=6, batch_size=8, optimizer=Adam(lr=0.05), verbose=0)
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    outputs = plain_neuron(net, x[:4])
    assert np.abs(outputs).max() > 0.1
    assert np.abs(net.predict(x[:4]) - outputs).max() <= 1e-9
