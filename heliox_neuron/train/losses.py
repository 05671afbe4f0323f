"""Losses of a readout: softmax cross-entropy (eq. 5), squared error, any function of arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import HelioXValueError

if TYPE_CHECKING:
    from .readouts import Readout

Result = tuple[float, "np.ndarray | None"]


@dataclass(frozen=True)
class Loss:
    """A scalar of a readout's values.

    evaluate(values, sample): (loss, derivative by values or None); values (n,) means, or (T, n)
    samples; sample: row of the targets. n_sample: rows of targets, None if there is one target.
    """

    name: str
    readout: Readout
    function: Callable[[np.ndarray, Any], Any]
    targets: Any = None
    n_sample: int | None = None

    def evaluate(self, values: np.ndarray, sample: int = 0) -> Result:
        """Raises HX096 when a function returned something else than a number and a derivative."""
        target = self.targets if self.n_sample is None else self.targets[sample]
        found = self.function(values, target)
        derivative = None
        if isinstance(found, tuple):
            if len(found) != 2:
                raise HelioXValueError("HX096", f"{self.name} returned {len(found)} values.")
            found, derivative = found
        try:
            loss = float(found)
        except (TypeError, ValueError):
            raise HelioXValueError(
                "HX096", f"{self.name} returned {type(found).__name__}, not a number."
            ) from None
        if derivative is not None:
            derivative = np.asarray(derivative, np.float64)
            if derivative.shape != values.shape:
                raise HelioXValueError(
                    "HX096",
                    f"{self.name} returned a derivative of shape {derivative.shape}: "
                    f"the values have {values.shape}.",
                )
        return loss, derivative

    def __repr__(self) -> str:
        return f"<{self.name} of {self.readout!r}>"


def softmax_cross_entropy(readout: Readout, targets: Any) -> Loss:
    name = "softmax_cross_entropy"
    _means_only(readout, name)
    array = _numbers(targets, name)
    n = len(readout)
    if array.ndim > 1:
        raise HelioXValueError("HX096", f"{name}: targets have shape {array.shape}, not (n,).")
    wrong = np.flatnonzero((array != np.round(array)) | (array < 0) | (array >= n))
    if wrong.size:
        value = array.ravel()[wrong[0]]
        raise HelioXValueError(
            "HX096", f"{name}: target {value:g} is none of the classes 0 to {n - 1}."
        )
    classes = array.astype(np.int64)

    def function(mean: np.ndarray, target: Any) -> Result:
        shifted = mean - mean.max()
        share = np.exp(shifted) / np.exp(shifted).sum()
        loss = float(np.log(np.exp(shifted).sum()) - shifted[int(target)])
        share[int(target)] -= 1
        return loss, share

    return Loss(name, readout, function, classes, len(classes) if classes.ndim else None)


def squared_error(readout: Readout, targets: Any) -> Loss:
    name = "mse"
    _means_only(readout, name)
    array = _numbers(targets, name)
    n = len(readout)
    if array.ndim == 0:
        array = np.full(n, float(array))
    if array.ndim > 2 or array.shape[-1] != n:
        raise HelioXValueError(
            "HX096", f"{name}: targets have shape {array.shape}, not ({n},) or (samples, {n})."
        )

    def function(mean: np.ndarray, target: Any) -> Result:
        error = mean - target
        return float(np.mean(error * error)), 2 * error / n

    return Loss(name, readout, function, array, len(array) if array.ndim == 2 else None)


def own_loss(readout: Readout, function: Callable[..., Any], targets: Any) -> Loss:
    name = getattr(function, "__name__", "loss")
    if not callable(function):
        raise HelioXValueError("HX094", f"readout.loss({function!r}): a function of arrays.")
    if targets is None:
        return Loss(name, readout, lambda values, _: function(values))
    n_sample = len(targets) if hasattr(targets, "__len__") else None
    return Loss(name, readout, function, targets, n_sample)


def _means_only(readout: Readout, name: str) -> None:
    if readout.is_trajectory:
        raise HelioXValueError("HX094", f"{name} takes window means: use readout.{name}().")


def _numbers(targets: Any, name: str) -> np.ndarray:
    """A float64 array without NaN, of numbers, arrays, lists or a hoc Vector."""
    if hasattr(targets, "as_numpy"):
        targets = targets.as_numpy().copy()
    try:
        array = np.asarray(targets, np.float64)
    except (TypeError, ValueError):
        raise HelioXValueError("HX096", f"{name}: targets {targets!r} are no numbers.") from None
    if not np.isfinite(array).all():
        raise HelioXValueError("HX096", f"{name}: a target is NaN or infinite.")
    return array
