"""B replicas on the device (here the host device) against dense linear algebra in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import nvrtc
from heliox_neuron.codegen.compile import whole_source
from heliox_neuron.errors import HelioXError
from heliox_neuron.nn.batch import BatchNetwork, Layer, PointInputs, RateCode
from train.cables import (
    DT,
    DURATION,
    FIRST,
    LAST,
    N_STEP,
    WINDOW,
    cable,
    matrix,
    network,
    spike_times,
)


def advance(one: Layer, w: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Somatic v (T, n_out) of a layer. before: (T, n_in) after each step; all begin at 0."""
    of, projection = one.cable, one.projection
    inverse = np.linalg.inv(matrix(of, DT))
    c = 1e-3 * of.cm / DT
    f = np.maximum(np.vstack([np.zeros(before.shape[1]), before[:-1]]), 0)
    f = np.hstack([f, np.ones((len(f), 1))])
    out = np.zeros((len(f), projection.n_out))
    for n in range(projection.n_out):
        v = np.zeros(of.n_node)
        for s in range(len(f)):
            i = np.zeros(of.n_node)
            np.add.at(i, projection.node[n], projection.g[n] * w[n] * f[s])
            v = inverse @ (c * v + of.g * of.e + i * 1e2 / of.area)
            out[s, n] = v[of.soma]
    return out


def encode(times: np.ndarray, inputs: PointInputs) -> np.ndarray:
    """v (T, n) of the input cells, by NEURON's order of a step. times: (n, K)."""
    of = inputs.cable
    v, g, t = np.zeros(len(times)), np.zeros(len(times)), 0.0
    c, a = 1e-3 * of.cm[0] / DT, 1e2 / of.area[0]
    out, seen = np.zeros((N_STEP, len(times))), -1.0
    for s in range(N_STEP):
        g = g + inputs.weight * ((times > seen) & (times <= t + DT / 2)).sum(axis=1)
        seen = t + DT / 2
        v = v + (-of.g[0] * (v - of.e[0]) - a * g * (v - inputs.e)) / (c + of.g[0] + a * g)
        g = g * np.exp(-DT / inputs.tau)
        t = t + DT
        out[s] = v
    return out


@pytest.mark.parametrize(
    "sizes",
    [[(1, 3)], [(40, 5), (1, 4)], [(300, 20), (1, 3)], [(17, 4), (33, 6), (90, 40), (2, 3)]],
)
def test_forward_is_dense_linear_algebra(sizes: list[tuple[int, int]]) -> None:
    n_in = 7
    net, layers = network([(cable(n, 5 + k), m) for k, (n, m) in enumerate(sizes)], n_in)
    x = np.random.default_rng(1).uniform(0, 1, (3, n_in))
    times = spike_times(x, RateCode())
    out = net.forward(times)
    for b in range(3):
        v = encode(times[b], net.inputs)
        np.testing.assert_allclose(net.trajectory(0)[b], v, rtol=1e-12, atol=1e-15)
        for k, one in enumerate(layers):
            v = advance(one, net.weights[k], v)
            np.testing.assert_allclose(net.trajectory(k + 1)[b], v, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(out[b], v[FIRST:LAST].mean(axis=0), rtol=1e-9, atol=1e-12)


def test_spikes_of_the_rate_code_are_made_on_the_device() -> None:
    net, _ = network([(cable(9, 1), 3)], 5)
    x = np.random.default_rng(2).uniform(0, 1, (4, 5))
    code = RateCode(number=3)
    by_times = net.forward(spike_times(x, code))
    assert np.abs(by_times).max() > 0
    np.testing.assert_allclose(net.forward_rate(x, code), by_times, rtol=1e-12)


def test_replicas_do_not_see_each_other() -> None:
    net, _ = network([(cable(60, 1), 18), (cable(1, 1), 3)], 6)
    x = np.random.default_rng(2).uniform(0, 1, (5, 6))
    together = net.forward_rate(x, RateCode())
    for b in range(5):
        assert (net.forward_rate(x[b : b + 1], RateCode())[0] == together[b]).all()


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "mse"])
def test_gradient_is_its_formula(loss: str) -> None:
    """Zhang et al. 2023, eq. 5 to 7, with the means that the forward run left."""
    net, layers = network([(cable(30, 1), 6), (cable(20, 2), 5), (cable(1, 3), 4)], 8)
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (3, 8))
    targets = np.array([0, 3, 1]) if loss != "mse" else rng.normal(size=(3, 4))
    losses, gradient = net.gradient(x, targets, loss, RateCode())
    mean = [net.hidden(k) for k in range(4)]
    f = [np.maximum(net.trajectory(k), 0)[:, FIRST:LAST].mean(axis=1) for k in range(3)]
    if loss == "mse":
        delta = 2 * (mean[3] - targets) / 4
        wanted = ((mean[3] - targets) ** 2).mean(axis=1)
    else:
        s = np.exp(mean[3]) / np.exp(mean[3]).sum(axis=1, keepdims=True)
        delta, wanted = s - np.eye(4)[targets], -np.log(s[np.arange(3), targets])
    np.testing.assert_allclose(losses, wanted, rtol=1e-10)
    np.testing.assert_allclose(net.take_losses(), wanted, rtol=1e-10)
    for k in (2, 1, 0):
        rg = layers[k].projection.r * layers[k].projection.g
        sources = np.hstack([f[k], np.ones((3, 1))])
        np.testing.assert_allclose(gradient[k], rg * (delta.T @ sources) / 3, rtol=1e-9, atol=1e-15)
        delta = (mean[k] > 0) * (delta @ (rg * net.weights[k])[:, :-1])


def test_loss_of_ones_own() -> None:
    net, _ = network([(cable(10, 1), 3)], 4)
    x, targets = np.random.default_rng(0).uniform(0, 1, (2, 4)), np.ones((2, 3))

    def squares(mean: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return ((mean - wanted) ** 2).mean(axis=1), 2 * (mean - wanted) / 3

    own = net.gradient(x, targets, squares, RateCode())
    built_in = net.gradient(x, targets, "mse", RateCode())
    np.testing.assert_allclose(own[0], built_in[0], rtol=1e-12)
    np.testing.assert_allclose(own[1][0], built_in[1][0], rtol=1e-12)


def test_losses_are_kept_over_batches() -> None:
    net, _ = network([(cable(10, 1), 3)], 4)
    rng = np.random.default_rng(0)
    parts = [
        net.gradient(rng.uniform(0, 1, (n, 4)), np.zeros(n, int), "softmax_cross_entropy",
                     RateCode())[0] for n in (2, 5, 3)
    ]  # fmt: skip
    assert (net.take_losses() == np.concatenate(parts)).all()
    assert len(net.take_losses()) == 0


def test_what_does_not_fit_is_named() -> None:
    net, layers = network([(cable(10, 1), 3)], 4)
    with pytest.raises(HelioXError, match=r"HX057.*shape"):
        net.forward_rate(np.zeros((2, 5)), RateCode())
    with pytest.raises(HelioXError, match=r"HX057.*weights"):
        net.weights = [np.zeros((3, 4))]
    with pytest.raises(HelioXError, match=r"HX057.*targets"):
        net.gradient(np.zeros((2, 4)), np.zeros(3, int), "softmax_cross_entropy", RateCode())
    with pytest.raises(HelioXError, match=r"HX057.*no loss"):
        net.gradient(np.zeros((2, 4)), np.zeros(2, int), "hinge", RateCode())
    with pytest.raises(HelioXError, match=r"HX057.*window"):
        BatchNetwork(net.inputs, 4, layers, dt=DT, duration=10.0, window=(5.0, 20.0))
    with pytest.raises(HelioXError, match=r"HX057.*layer before"):
        BatchNetwork(net.inputs, 5, layers, dt=DT, duration=DURATION, window=WINDOW)


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_kernels_compile_for_the_gpu(architecture: str) -> None:
    source = whole_source('#define HX_FAST\n#include "batch.cuh"\n')
    nvrtc.compile(source, architecture)


def test_a_cell_too_large_for_shared_tables_reads_them_where_they_are() -> None:
    """The same text with the tables in global memory: the same bits."""
    net, _ = network([(cable(200, 1), 18), (cable(1, 1), 3)], 6)
    x = np.random.default_rng(2).uniform(0, 1, (2, 6))
    usual = net.forward_rate(x, RateCode())
    share = net._share
    net._share = lambda layer, n: (*share(layer, n)[:2], True)  # type: ignore[method-assign]
    assert (net.forward_rate(x, RateCode()) == usual).all()
