"""Learning rates that change with the number of optimiser steps that were done.

An optimiser takes a number, one of these, or any callable f(step) -> rate as `lr`. step 0 is the
first. (ReduceLROnPlateau, which looks at a metric, is a callback: it sets `optimiser.lr`.)
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ..errors import HelioXValueError


class Schedule:
    """A learning rate as a function of the step. lr: the first one."""

    def __init__(self, lr: float) -> None:
        if not (math.isfinite(lr) and lr >= 0):
            raise HelioXValueError("HX094", f"lr = {lr!r}: a learning rate is a number >= 0.")
        self.lr = float(lr)

    def __call__(self, step: int) -> float:
        raise NotImplementedError


class StepDecay(Schedule):
    """lr * factor ** (step // every): torch's StepLR."""

    def __init__(self, lr: float, every: int, factor: float = 0.1) -> None:
        super().__init__(lr)
        self.every = _steps("every", every)
        self.factor = float(factor)

    def __call__(self, step: int) -> float:
        return self.lr * self.factor ** (step // self.every)


class ExponentialDecay(Schedule):
    """lr * factor ** (step / every); with every = 1 torch's ExponentialLR."""

    def __init__(self, lr: float, factor: float, every: int = 1) -> None:
        super().__init__(lr)
        self.every = _steps("every", every)
        self.factor = float(factor)

    def __call__(self, step: int) -> float:
        return self.lr * self.factor ** (step / self.every)


class CosineDecay(Schedule):
    """Half a cosine from lr to `final` within `steps`, then `final`: torch's CosineAnnealingLR."""

    def __init__(self, lr: float, steps: int, final: float = 0.0) -> None:
        super().__init__(lr)
        self.steps = _steps("steps", steps)
        self.final = float(final)

    def __call__(self, step: int) -> float:
        part = min(step, self.steps) / self.steps
        return self.final + (self.lr - self.final) * (1 + math.cos(math.pi * part)) / 2


class _Callable(Schedule):
    """Any f(step) -> rate."""

    def __init__(self, rate: Callable[[int], float]) -> None:
        self.rate = rate

    def __call__(self, step: int) -> float:
        return float(self.rate(step))


def schedule(lr: float | Callable[[int], float]) -> float | Schedule:
    """A finite number >= 0, or a Schedule, of what an optimiser was given. HX094 for others."""
    if isinstance(lr, Schedule):
        return lr
    if callable(lr):
        return _Callable(lr)
    try:
        return Schedule(float(lr)).lr
    except (TypeError, ValueError) as error:
        if isinstance(error, HelioXValueError):
            raise
        raise HelioXValueError("HX094", f"lr = {lr!r}: a number, or f(step) -> number.") from None


def _steps(name: str, count: int) -> int:
    if int(count) < 1:
        raise HelioXValueError("HX094", f"{name} = {count!r}: at least 1 step.")
    return int(count)
