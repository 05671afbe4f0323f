"""Data that a network is given, checked before anything runs. What does not fit is HX090."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import HelioXValueError
from .batch.layers import Doubles
from .learning import Loss


def _error(message: str) -> HelioXValueError:
    return HelioXValueError("HX090", message)


def _numbers(name: str, values: Any) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind not in "buif":
        raise _error(f"{name} holds {array.dtype}, not numbers.")
    return array


def inputs(x: Any, n_in: int, name: str = "x") -> Doubles:
    """x as (samples, n_in) float64 in [0, 1]; images (samples, rows, columns) are flattened."""
    array = _numbers(name, x)
    if array.ndim < 2 or len(array) == 0 or int(np.prod(array.shape[1:])) != n_in:
        raise _error(f"{name} has shape {array.shape}: (samples, {n_in}) is wanted.")
    array = np.ascontiguousarray(array.reshape(len(array), n_in), np.float64)
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 1):  # NaN is neither
        bad = np.argwhere(~((array >= 0) & (array <= 1)))[0]
        value = array[tuple(bad)]
        hint = " Divide pixels by 255." if high > 1 and high <= 255 and low >= 0 else ""
        raise _error(f"{name}[{bad[0]}, {bad[1]}] = {value}: inputs are numbers from 0 to 1.{hint}")
    return array


def targets(y: Any, n_sample: int, n_out: int, loss: Loss, name: str = "y") -> Any:
    """y as the loss takes it: classes (samples,) int32, or window means (samples, n_out) in mV."""
    if callable(loss):
        if len(y) != n_sample:
            raise _error(f"{name} has {len(y)} samples, x has {n_sample}.")
        return np.asarray(y)
    array = _numbers(name, y)
    shape = (n_sample,) if loss == "softmax_cross_entropy" else (n_sample, n_out)
    if array.shape != shape:
        what = "class numbers" if len(shape) == 1 else "a target for each output"
        raise _error(f"{name} has shape {array.shape}: {shape} is wanted, {what} ({loss}).")
    if loss == "softmax_cross_entropy":
        good = (array >= 0) & (array < n_out) & (array == np.floor(array))
    else:
        good = np.isfinite(array)
    if not good.all():
        bad = np.argwhere(~good)[0]
        wanted = f"a class from 0 to {n_out - 1}" if len(shape) == 1 else "a finite number"
        place = ", ".join(map(str, bad))
        raise _error(f"{name}[{place}] = {array[tuple(bad)]}: {wanted} is wanted.")
    return array.astype(np.int32 if len(shape) == 1 else np.float64)


def count(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least `least`; HX094 otherwise."""
    try:
        good = not isinstance(value, bool) and int(value) == value and value >= least
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        raise HelioXValueError("HX094", f"{name} = {value!r}: a whole number from {least}.")
    return int(value)


def norm(name: str, value: Any) -> float | None:
    """A number above 0, or None; HX094 otherwise."""
    if value is None:
        return None
    good = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not (good and value > 0):
        raise HelioXValueError("HX094", f"{name} = {value!r}: a number above 0, or None.")
    return float(value)
