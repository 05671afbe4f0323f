"""One run of the model as training does it, and what is seen of it.

A sample of a window (ts, te) is a value at the end of a step with ts < t <= te: of n = round((te -
ts)/dt) samples the mean is the paper's eq. 4. Means are summed up in the run, by the engine that
does the steps (heliox.average); only a trajectory is recorded step by step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import HelioXError, HelioXValueError


@dataclass(frozen=True)
class Window:
    """ts, te in ms; te None: the end of the run."""

    ts: float
    te: float | None

    def steps(self, dt: float, tstop: float) -> tuple[int, int]:
        """The first and the last step whose end lies in it, counted from 1. HX094 if none does."""
        te = tstop if self.te is None else self.te
        # as heliox.average counts: the middle of the step lies in the window
        first, last = math.floor(self.ts / dt + 0.5) + 1, math.floor(te / dt + 0.5)
        if last < first:
            raise HelioXValueError(
                "HX094", f"window ({self.ts:g}, {te:g}) ms: no step of dt = {dt:g} ms ends in it."
            )
        return first, last


def window(given: Any) -> Window:
    """A Window of (ts, te) or None (the whole run). HX094."""
    if given is None:
        return Window(0.0, None)
    try:
        ts, te = (float(one) for one in given)
    except (TypeError, ValueError):
        raise HelioXValueError("HX094", f"window = {given!r}: use (ts, te) in ms.") from None
    if not 0 <= ts < te < np.inf:
        raise HelioXValueError("HX094", f"window = ({ts:g}, {te:g}): use 0 <= ts < te, in ms.")
    return Window(ts, te)


@dataclass
class Simulation:
    """A run from finitialize to tstop (ms) with fixed steps, on the engine that heliox.device says.

    start: called instead of finitialize(v_init); run: instead of both (it must end at tstop).
    """

    tstop: float
    run: Callable[[], Any] | None = None

    def __call__(self, between: Callable[[], None] | None = None) -> None:
        """between: called between the initialisation and the first step. HX094 if run has none."""
        h = neuron()
        check_fixed_step(h)
        if self.run is not None:
            if between is None:
                self.run()
            else:
                _call_after_finitialize(h, self.run, between)
        else:
            h.finitialize(getattr(h, "v_init", -65.0))
            if between is not None:
                between()
            pc = h.ParallelContext()
            pc.set_maxstep(10)
            pc.psolve(self.tstop)


def _call_after_finitialize(h: Any, run: Callable[[], Any], function: Callable[[], None]) -> None:
    """run(), in which each finitialize ends with function(); its error is raised afterwards."""
    errors: list[BaseException | None] = []

    def initialised() -> None:
        try:  # NEURON would report an error of a handler as one of its own
            function()
            errors.append(None)
        except BaseException as error:
            errors.append(error)

    handler = h.FInitializeHandler(2, initialised)
    try:
        run()
    finally:
        del handler
    if not errors:
        raise HelioXError("HX094", "run= did not initialise the model: call finitialize() in it.")
    for error in errors:
        if error is not None:
            raise error


def simulation(given: Any, tstop: float | None, te: float | None) -> Simulation:
    """tstop: as given, else the window's end, else hoc's tstop. HX094 if there is none."""
    h = neuron()
    if tstop is None:
        tstop = te if te is not None else getattr(h, "tstop", None)
    if tstop is None or not 0 < float(tstop) < np.inf:
        raise HelioXValueError("HX094", f"tstop = {tstop!r}: give tstop= in ms, or a window.")
    if te is not None and te > float(tstop) + 1e-9:
        raise HelioXValueError("HX094", f"tstop = {tstop:g} ms: the window ends at {te:g} ms.")
    if given is not None and not callable(given):
        raise HelioXValueError("HX094", f"run = {given!r}: a function that runs the model.")
    return Simulation(float(tstop), given)


def check_fixed_step(h: Any) -> None:
    if h.CVode().active():
        raise HelioXError(
            "HX094", "training needs fixed steps: h.cvode.active(0), or h.CVode().active(False)."
        )


@dataclass(frozen=True)
class Seen:
    """Of n variables in the window of a run: T samples, or their means (T = 1).

    values, positive: (T, n) x and max(x, 0), which is averaged as such; is_steady: whether no
    variable changed in the window by more than 1e-9 of the largest value.
    """

    values: np.ndarray
    positive: np.ndarray
    is_steady: bool

    @property
    def means(self) -> np.ndarray:
        """(n,) of values, added up in order of time as heliox.average does."""
        total: np.ndarray = np.cumsum(self.values, axis=0)[-1]
        return total / len(self.values)


_STEADY = 1e-9


class Recording:
    """Samples of variables. pointers: NEURON's (segment._ref_v, ...); recorded until `close()`."""

    def __init__(self, pointers: Sequence[Any], window: Window, tstop: float) -> None:
        h = neuron()
        self._window, self._tstop = window, tstop
        self._vectors = [h.Vector().record(pointer) for pointer in pointers]

    def seen(self) -> Seen:
        """Of the last run. HX094 if it was shorter than the window."""
        first, last = self._window.steps(neuron().dt, self._tstop)
        out = np.empty((last - first + 1, len(self._vectors)))
        for k, vector in enumerate(self._vectors):
            if int(vector.size()) <= last:
                raise _too_short(int(vector.size()) - 1, last)
            out[:, k] = vector.as_numpy()[first : last + 1]
        change = np.ptp(out, axis=0).max(initial=0.0)
        return Seen(out, np.maximum(out, 0), bool(change <= _STEADY * np.abs(out).max(initial=0)))

    def close(self) -> None:
        for vector in self._vectors:
            vector.play_remove()
        self._vectors.clear()


class Means:
    """Window means of variables: sums in the run, nothing is kept per step.

    is_steady compares the window's first sample, its last one and the mean. in_detail=False: the
    means alone (positive is then their own positive part, is_steady False).
    """

    def __init__(
        self, pointers: Sequence[Any], window: Window, tstop: float, in_detail: bool = True
    ) -> None:
        from ..session import attach

        self._window, self._tstop = window, tstop
        ts, te = window.ts, tstop if window.te is None else window.te
        window.steps(neuron().dt, tstop)  # HX094 before the run
        dt = neuron().dt
        spans = [(ts, te, False)]
        if in_detail:
            spans += [(ts, te, True), (ts, ts + dt, False), (te - dt, te, False)]
        average = attach().average
        self._averages = [
            average(list(pointers), window=(begin, end), relu=relu) for begin, end, relu in spans
        ]

    def seen(self) -> Seen:
        """Of the last run. HX094 if it was shorter than the window."""
        first, last = self._window.steps(neuron().dt, self._tstop)
        mean, *details = self._averages
        if mean.count < last - first + 1:
            raise _too_short(first - 1 + mean.count if mean.count else 0, last)
        values = mean.array
        if not details:
            return Seen(values[None], np.maximum(values, 0)[None], False)
        positive, *ends = details
        near = _STEADY * np.abs(values).max(initial=0.0)
        is_steady = all(one.count and np.abs(one.array - values).max() <= near for one in ends)
        return Seen(values[None], positive.array[None], bool(is_steady))

    def close(self) -> None:
        for average in self._averages:
            average.close()


def observe(
    pointers: Sequence[Any],
    window: Window,
    tstop: float,
    is_trajectory: bool,
    in_detail: bool = True,
) -> Recording | Means:
    """What sees these variables in the runs that follow, until `close()`.

    Where HelioX is not attached there are no averages: they are then recorded.
    """
    from ..session import attach

    if is_trajectory or attach()._off:
        return Recording(pointers, window, tstop)
    return Means(pointers, window, tstop, in_detail)


def _too_short(steps: int, needed: int) -> HelioXError:
    return HelioXError(
        "HX094",
        f"the run gave {steps} steps, the window needs {needed}: it must start with finitialize() "
        "and go on to the window's end.",
    )


def neuron() -> Any:
    from ..session import attach

    return attach()._neuron()
