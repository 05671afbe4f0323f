"""Losses and the synaptic gradient of layers in NumPy (Zhang et al. 2023, eq. 5 to 7).

The same formulas as src/gpu/learning.cuh, for networks that run sample after sample. B samples,
arrays float64; the last column of a layer's weights is its bias.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..errors import HelioXValueError, suggestion
from .batch.layers import Doubles

Loss: TypeAlias = "str | Callable[[Any, Any], tuple[Any, Any]]"
BUILT_IN = ("softmax_cross_entropy", "mse")


def check_loss(loss: Any) -> Loss:
    """HX094 for what is neither a known name nor callable."""
    if callable(loss) or loss in BUILT_IN:
        return loss
    hint = suggestion(loss, BUILT_IN) if isinstance(loss, str) else ""
    raise HelioXValueError(
        "HX094",
        f'loss = {loss!r}: "softmax_cross_entropy", "mse" or a function '
        f"f(means, targets) -> (losses, slopes).{hint}",
    )


def loss_and_slope(loss: Loss, mean: Doubles, targets: Any) -> tuple[Doubles, Doubles]:
    """Losses (B,) and their derivatives (B, n_out) by the window means (B, n_out) in mV."""
    if callable(loss):
        values, slopes = loss(mean, targets)
        return np.asarray(values, np.float64), np.asarray(slopes, np.float64)
    if loss == "mse":
        off = mean - targets
        return (off * off).mean(axis=1), 2.0 * off / mean.shape[1]
    shifted = mean - mean.max(axis=1, keepdims=True)
    exponential = np.exp(shifted)
    total = exponential.sum(axis=1)
    at = np.arange(len(mean)), np.asarray(targets)
    slopes = exponential / total[:, None]
    slopes[at] -= 1.0
    return np.log(total) - shifted[at], slopes


def layer_gradient(delta: Doubles, rg: Doubles, rectified: Doubles) -> Doubles:
    """(n_out, n_in + 1): r_ji g_ji times the mean over samples of delta_j f_i.

    delta: (B, n_out). rectified: (B, n_in) window means of max(v, 0) of the cells before.
    """
    f = np.hstack([rectified, np.ones((len(rectified), 1))])
    return rg * (delta.T @ f) / len(delta)


def error_before(delta: Doubles, rg: Doubles, weights: Doubles, mean: Doubles) -> Doubles:
    """(B, n_in): 1[mean_i > 0] sum_j delta_j r_ji g_ji w_ji.

    mean: (B, n_in) window means of v of the cells before.
    """
    return (mean > 0) * (delta @ (rg * weights)[:, :-1])
