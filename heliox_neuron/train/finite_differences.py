"""Central finite differences: every parameter of every model, two runs for each."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from ..errors import HelioXValueError
from .losses import Loss
from .parameters import Parameters
from .resistance import Doubles
from .simulation import Means, Recording, Simulation, observe

# of a number's scale: truncation (step**2) and rounding (eps/step) are then about equal
_STEP = np.finfo(float).eps ** (1 / 3)


class FiniteDifferences:
    """(L(p + h) - L(p - h)) / 2h of each parameter; one-sided, of second order, at a bound.

    No run leaves the bounds: h shrinks to the room there is. Without room the derivative is 0.

    step: h, a number or (n,); by default 6e-6 of the larger of the parameter and the mean size of
    all of them (6e-6 where all are 0). Costs 2 n + 1 runs. plain: the runs are NEURON's own,
    whatever `heliox` is set to. The error is about h**2 |L'''|/6 + 1e-16 |L|/h: it is the reference
    that other methods are held against, not exact itself.
    """

    name = "finite_differences"
    reference = "central differences"
    exact = False

    def __init__(
        self,
        loss: Loss,
        parameters: Parameters,
        simulation: Simulation,
        step: Any = None,
        plain: bool = False,
    ) -> None:
        self.loss, self.parameters, self.simulation = loss, parameters, simulation
        self.plain = plain
        self.step = None if step is None else np.asarray(step, np.float64)
        if self.step is not None:
            good = self.step.shape in ((), (len(parameters),)) and (self.step > 0).all()
            if not (good and np.isfinite(self.step).all()):
                raise HelioXValueError(
                    "HX094", f"step = {step!r}: a number above 0, or {len(parameters)} of them."
                )
        self._observed: Recording | Means | None = None

    def close(self) -> None:
        if self._observed is not None:
            self._observed.close()
            self._observed = None

    def loss_now(self, sample: int = 0) -> float:
        """One run with the parameters as they are."""
        readout = self.loss.readout
        if self._observed is None:
            self._observed = observe(
                readout.pointers(),
                readout.window,
                self.simulation.tstop,
                readout.is_trajectory,
                in_detail=False,
            )
        with self._engine():
            self.simulation()
        seen = self._observed.seen()
        values = seen.values if readout.is_trajectory else seen.means
        return self.loss.evaluate(values, sample)[0]

    def _engine(self) -> AbstractContextManager[Any]:
        from ..session import attach

        session = attach()
        return session(enable=False) if self.plain and not session._off else nullcontext()

    def __call__(self, sample: int = 0) -> tuple[float, Doubles]:
        """(loss, gradient (n,)); the parameters are as before afterwards."""
        start = self.parameters.values
        loss = self.loss_now(sample)
        gradient = np.zeros(len(start))
        try:
            for k, h in enumerate(self._steps(start)):
                gradient[k] = self._derivative(start, k, h, loss, sample)
        finally:
            self.parameters.values = start
        return loss, gradient

    def _steps(self, start: Doubles) -> Doubles:
        if self.step is not None:
            return np.broadcast_to(self.step, start.shape)
        scale = np.maximum(np.abs(start), np.abs(start).mean() if len(start) else 0.0)
        return _STEP * np.where(scale > 0, scale, 1.0)

    def _derivative(self, start: Doubles, k: int, h: float, loss: float, sample: int) -> float:
        def at(x: float) -> float:
            values = start.copy()
            values[k] = x
            self.parameters.values = values
            return self.loss_now(sample)

        x, lower, upper = start[k], self.parameters.lower[k], self.parameters.upper[k]
        if lower <= x - h and x + h <= upper:
            return (at(x + h) - at(x - h)) / ((x + h) - (x - h))
        up = upper - x >= x - lower
        h = min(h, (upper - x if up else x - lower) / 2)
        near = x + h if up else x - h
        far = min(x + 2 * h, upper) if up else max(x - 2 * h, lower)
        if near in (x, far):  # no number lies between the bounds
            return 0.0
        h = near - x
        return (-3 * loss + 4 * at(near) - at(far)) / (2 * h)
