"""One run of the model as training does it, and what is recorded of it.

A sample of a window (ts, te) is a value at the end of a step with ts < t <= te: of n = round((te -
ts)/dt) samples the mean is the paper's eq. 4.
"""

from __future__ import annotations

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
        first, last = round(self.ts / dt) + 1, round(te / dt)
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

    def __call__(self, between: Callable[[], None] = lambda: None) -> None:
        """between: called between the initialisation and the first step."""
        h = neuron()
        check_fixed_step(h)
        if self.run is not None:
            between()
            self.run()
        else:
            h.finitialize(getattr(h, "v_init", -65.0))
            between()
            pc = h.ParallelContext()
            pc.set_maxstep(10)
            pc.psolve(self.tstop)


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


class Recording:
    """Variables over a run, at the end of each step.

    pointers: NEURON's (segment._ref_v, ...). They stay recorded until `close()`.
    """

    def __init__(self, pointers: Sequence[Any]) -> None:
        h = neuron()
        self._vectors = [h.Vector().record(pointer) for pointer in pointers]

    def samples(self, first: int, last: int) -> np.ndarray:
        """(steps, variables), C order, of steps first to last. HX094 if the run was shorter."""
        out = np.empty((last - first + 1, len(self._vectors)))
        for k, vector in enumerate(self._vectors):
            if int(vector.size()) <= last:
                raise HelioXError(
                    "HX094",
                    f"the run gave {int(vector.size()) - 1} steps, the window needs {last}: it "
                    "must start with finitialize() and go on to the window's end.",
                )
            out[:, k] = vector.as_numpy()[first : last + 1]
        return out

    def close(self) -> None:
        for vector in self._vectors:
            vector.play_remove()
        self._vectors.clear()


def neuron() -> Any:
    from ..session import attach

    return attach()._neuron()
