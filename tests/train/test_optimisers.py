"""Optimisers against a NumPy transcription of torch's formulas (torch.optim.SGD, Adam).

The kernels are compiled without contraction, and the transcription has their order of operations:
the numbers must be equal, not near.
"""

from __future__ import annotations

import numpy as np
import pytest

import nvrtc
from heliox_neuron.codegen.compile import whole_source
from heliox_neuron.engines.gpu.open import open_device
from heliox_neuron.errors import HelioXError
from heliox_neuron.train import (
    SGD,
    Adam,
    CallableOptimiser,
    CosineDecay,
    ExponentialDecay,
    StepDecay,
)
from heliox_neuron.train.optimisers import optimiser

N = 37


def torch_sgd(x, gradients, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    buffer = None
    for g in gradients:
        if weight_decay:
            g = g + weight_decay * x
        if momentum:
            buffer = g.copy() if buffer is None else buffer * momentum + (1 - dampening) * g
            g = g + momentum * buffer if nesterov else buffer
        x = x - lr * g
    return x


def torch_adam(x, gradients, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False):
    m, v, largest = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    for step, g in enumerate(gradients, 1):
        if weight_decay:
            g = g + weight_decay * x
        m = m + (g - m) * (1 - betas[0])
        v = v * betas[1] + (1 - betas[1]) * (g * g)
        correct1, correct2 = 1 - betas[0] ** step, 1 - betas[1] ** step
        largest = np.maximum(largest, v)
        denominator = np.sqrt(largest if amsgrad else v) / np.sqrt(correct2) + eps
        x = x - lr / correct1 * (m / denominator)
    return x


def gradients(n_step=12):
    rng = np.random.default_rng(7)
    return rng.normal(size=(n_step, N)) * np.logspace(-6, 2, N)


def start():
    return np.random.default_rng(3).normal(size=N)


def run(given, steps, x=None, clip_norm=None, lower=None, upper=None):
    device = open_device("host")
    values = device.array(start() if x is None else x)
    given.bind(device, len(values), lower, upper)
    for g in steps:
        given.step(values, device.array(g), clip_norm)
    return device.download(values)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_decay": 0.1},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01},
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    ],
)
def test_sgd_is_torchs(options):
    expected = torch_sgd(start(), gradients(), 0.05, **options)
    assert np.array_equal(run(SGD(0.05, **options), gradients()), expected)


@pytest.mark.parametrize(
    "options",
    [{}, {"betas": (0.5, 0.9), "eps": 1e-3}, {"weight_decay": 0.1}, {"amsgrad": True}],
)
def test_adam_is_torchs(options):
    expected = torch_adam(start(), gradients(), 0.01, **options)
    assert np.array_equal(run(Adam(0.01, **options), gradients()), expected)


def test_the_largest_square_is_kept_with_amsgrad():
    """Large gradients first, then small ones: only there amsgrad differs from Adam."""
    steps = np.concatenate([gradients(3), 1e-3 * gradients(9)])
    assert not np.array_equal(run(Adam(0.01, amsgrad=True), steps), run(Adam(0.01), steps))


def test_clipping_scales_the_whole_gradient():
    g = np.full(N, 3.0)
    norm = 3 * np.sqrt(N)
    clipped = start() - 0.1 * (g * (2 / (norm + 1e-6)))
    np.testing.assert_allclose(run(SGD(0.1), [g], clip_norm=2), clipped, rtol=1e-15)
    assert np.array_equal(run(SGD(0.1), [g], clip_norm=100), run(SGD(0.1), [g]))
    rule = CallableOptimiser(lambda x, gradient: x - 0.1 * gradient)
    np.testing.assert_allclose(run(rule, [g], clip_norm=2), clipped, rtol=1e-15)


def test_bounds_hold_after_every_step():
    lower, upper = np.full(N, -0.5), np.full(N, np.inf)
    upper[::2] = 0.5
    for given in (SGD(1.0), Adam(1.0), CallableOptimiser(lambda x, g: x - g)):
        x = run(given, gradients(), lower=lower, upper=upper)
        assert (x >= lower).all() and (x <= upper).all()
        assert (x == -0.5).any() and (x[::2] == 0.5).any() and (x[1::2] > 0.5).any()


@pytest.mark.parametrize(
    "make",
    [
        lambda: SGD(0.1, momentum=0.9),
        lambda: Adam(0.1, amsgrad=True),
        lambda: Adam(CosineDecay(0.1, 9)),
    ],
)
def test_resuming_gives_the_bits_of_an_uninterrupted_run(make):
    whole = run(make(), gradients())
    first, second = make(), make()
    half = run(first, gradients()[:5])
    second.load_state(first.state())
    device = open_device("host")
    values = device.array(half)
    second.bind(device, N)
    for g in gradients()[5:]:
        second.step(values, device.array(g))
    assert np.array_equal(device.download(values), whole)


def test_a_nan_in_the_gradient_is_not_hidden():
    g = np.ones(N)
    g[4] = np.nan
    for given in (SGD(0.1), Adam(0.1)):
        x = run(given, [g], clip_norm=1.0)
        assert np.isnan(x).any()


def test_schedules():
    assert [StepDecay(1.0, 3, 0.5)(k) for k in range(7)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    assert [ExponentialDecay(2.0, 0.5)(k) for k in range(3)] == [2, 1, 0.5]
    cosine = CosineDecay(1.0, 10, final=0.2)
    assert cosine(0) == 1.0 and abs(cosine(5) - 0.6) < 1e-15
    assert cosine(10) == cosine(99) == pytest.approx(0.2, abs=1e-15)
    given = SGD(lambda step: 0.1 / (1 + step))
    assert given.rate == 0.1
    x = run(given, np.ones((2, N)))
    assert given.rate == 0.1 / 3
    np.testing.assert_allclose(x, start() - 0.1 - 0.05)
    given.lr = 1e-3
    assert given.rate == 1e-3


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: SGD(-1),
        lambda: SGD(float("nan")),
        lambda: SGD("fast"),
        lambda: SGD(0.1, nesterov=True),
        lambda: SGD(0.1, momentum=-1),
        lambda: Adam(betas=(0.9, 1.0)),
        lambda: Adam(weight_decay=float("nan")),
        lambda: StepDecay(0.1, 0),
        lambda: optimiser("adam"),
        lambda: SGD().step(np.zeros(3), np.zeros(3)),
        lambda: run(SGD(), [np.zeros(N - 1)]),
        lambda: run(SGD(), [np.zeros(N)], clip_norm=0.0),
        lambda: run(SGD(), [], lower=np.full(N, np.nan)),
        lambda: run(CallableOptimiser(lambda x, g: x[1:]), [np.zeros(N)]),
        lambda: run(CallableOptimiser(lambda x, g: None), [np.zeros(N)]),
    ],
)
def test_wrong_arguments_have_a_code(wrong):
    with pytest.raises(HelioXError) as error:
        wrong()
    assert error.value.code == "HX094"


def test_a_state_of_another_size_is_refused():
    given = Adam()
    given.bind(open_device("host"), N)
    for state in ({"step": 1.0}, {"step": 1.0, "mean": np.zeros(3), "square": np.zeros(3)}):
        with pytest.raises(HelioXError, match="HX094"):
            given.load_state(state)


@pytest.mark.parametrize("arch", nvrtc.ARCHITECTURES)
def test_kernels_compile_for_the_gpu(arch):
    text = whole_source('#include "optimiser.cuh"\n')
    ptx, log = nvrtc.compile(text, arch)
    assert "error" not in log
    for name in ("hx_squares", "hx_sgd", "hx_adam", "hx_bound"):
        assert f".entry {name}(".encode() in ptx
