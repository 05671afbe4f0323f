"""Means over a window of time, taken while the simulation runs (paper eq. 4):

    mean = heliox.variable("v").average(window=(20, 50))
    mean = heliox.average(segments, "v", window=(20, 50), relu=True)
    h.run()
    mean.array  # (n,) float64: 1 / (te - ts) times the integral of v from ts to te

Nothing is kept per step: whatever does the steps (NEURON, the CPU or the GPU engine) adds each
sample to one sum an element, in order of time, so all of them give the same bits.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import HelioXError

if TYPE_CHECKING:
    from .core import Core
    from .device_variable import DeviceAverage
    from .engines.gpu.engine import GpuEngine


class AverageValueError(HelioXError, ValueError):
    """HX056: this cannot be averaged."""


class NoSamples(HelioXError, LookupError):
    """HX055: the window has not been reached; HX051: the elements are gone."""


class Average:
    """The mean of some variables over a window of time.

    A *sample* is what Vector.record(x) would keep at the end of a step. The window (ts, te] has
    those of the steps whose middle, t - dt/2, lies in it: with a dt that divides ts and te, the
    round((te - ts) / dt) samples at ts + dt, ..., te. `array` is their sum, added up in order of
    time from 0.0, divided by `count`. relu: max(x, 0) in place of x (Zhang 2023 eq. 6).

    finitialize() starts anew: an average belongs to one run. In a variable step run there are no
    samples. An average ends with close(), with a `with` block, or when nobody holds it any more.
    """

    __slots__ = ("__weakref__", "_core", "_end", "_gpu", "_id", "name", "relu", "window")

    def __init__(
        self,
        core: Core,
        make: Callable[[float, float, bool], int],
        name: str,
        window: tuple[float, float],
        relu: bool,
        gpu: Callable[[], GpuEngine | None] = lambda: None,
    ) -> None:
        """make: asks the core for it and gives its number. gpu: the GPU engine, if there is one."""
        self.name = name
        self.window = _checked(window)
        self.relu = bool(relu)
        self._core = core
        self._gpu = gpu
        self._id = make(*self.window, self.relu)
        self._end = weakref.finalize(self, core.average_drop, self._id)
        self._end.atexit = False

    def _state(self) -> dict[str, Any]:
        if not self._end.alive:
            raise NoSamples("HX055", f"the average of {self.name} was closed.")
        return self._core.average_state(self._id)

    @property
    def array(self) -> np.ndarray:
        """(n,) float64, in the variables' unit: the means. A new array each time.

        Raises HX055 before the first sample, HX051 when the elements are gone.
        """
        state = self._state()
        self._check(state["problem"])
        if not state["count"]:
            raise NoSamples("HX055", self._nothing())
        means: np.ndarray = state["sum"] / state["count"]
        return means

    @property
    def count(self) -> int:
        """Samples so far; 0 before the window is reached."""
        return int(self._state()["count"])

    @property
    def device(self) -> DeviceAverage:
        """The sums on the GPU, after a run there; nothing is copied to the host. HX054, HX051."""
        from .device_variable import DeviceAverage

        self._check(self._state()["problem"])
        gpu = self._gpu()
        return DeviceAverage(self.name, self._id, None if gpu is None else gpu.averages)

    def reset(self) -> None:
        """Forgets the samples."""
        self._state()
        self._core.average_reset(self._id)

    def close(self) -> None:
        """No more samples are taken; what was taken is gone."""
        self._end()

    def _check(self, problem: str) -> None:
        if problem:
            code, _, why = problem.partition(" ")
            raise NoSamples(code, f"the average of {self.name}: {why}.")

    def _nothing(self) -> str:
        from neuron import h

        begin, end = self.window
        text = f"the average of {self.name} has no sample of its window ({begin:g}, {end:g}] ms"
        if h.CVode().active():
            return f"{text}: CVode's variable steps are not averaged. Use the fixed step."
        return f"{text}; t is {h.t:g} ms. Run further, or ask for another window."

    def __enter__(self) -> Average:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._state()["sum"])

    def __repr__(self) -> str:
        what = f"max({self.name}, 0)" if self.relu else self.name
        window = f"({self.window[0]:g}, {self.window[1]:g}] ms"
        if not self._end.alive:
            return f"<average of {what} over {window}: closed>"
        return f"<average of {what} over {window}: {len(self)} elements, {self.count} samples>"


def between(window: Any, stop: float | None) -> tuple[float, float]:
    """The window of average((ts, te)) or, as hoc has no tuples, of average(ts, te)."""
    if stop is not None:
        return _checked((window, stop))
    return _checked(window)


def _checked(window: Any) -> tuple[float, float]:
    try:
        begin, end = (float(x) for x in window)
    except (TypeError, ValueError):
        message = f"an average needs a window (ts, te) in ms, not {window!r}."
        raise AverageValueError("HX056", message) from None
    if not (np.isfinite([begin, end]).all() and begin < end):
        raise AverageValueError("HX056", f"a window begins before it ends: not {(begin, end)!r}.")
    return begin, end


def pointers_of(objects: Any, name: str | None) -> list[Any]:
    """A pointer (`_ref_x`) of each object. objects: a segment, a section (its middle), a point
    process, a pointer, or a sequence or SectionList of them; name: as NEURON spells it. HX056.
    """
    return [_pointer(thing, name) for thing in _listed(objects)]


def _listed(objects: Any) -> list[Any]:
    from neuron import hoc, nrn

    single = isinstance(objects, (nrn.Section, nrn.Segment))
    if isinstance(objects, hoc.HocObject) and not _is_collection(objects):
        single = True
    if single:
        return [objects]
    if not isinstance(objects, Iterable):
        raise AverageValueError("HX056", f"{objects!r} has no variable to average.")
    listed = list(objects)
    if not listed:
        raise AverageValueError("HX056", "there is nothing to average: the list is empty.")
    return listed


def _is_collection(thing: Any) -> bool:
    return str(thing).partition("[")[0] in ("SectionList", "List")


def _pointer(thing: Any, name: str | None) -> Any:
    from neuron import hoc, nrn

    if name is None:
        if not isinstance(thing, hoc.HocObject):
            message = f"{thing!r} is no pointer: give the variable's name too."
            raise AverageValueError("HX056", message)
        return thing
    if isinstance(thing, nrn.Section):
        thing = thing(0.5)
    try:
        return getattr(thing, f"_ref_{name}")
    except (AttributeError, TypeError, LookupError, RuntimeError) as error:
        raise AverageValueError("HX056", f"{thing} has no variable {name}: {error}") from None


def add_column(core: Core, name: str, window: tuple[float, float], relu: bool) -> int:
    """The number of a new average of a whole column. HX056 where a script cannot see it."""
    try:
        return core.average_column(name, *window, relu)
    except KeyError:
        message = f"{name} is the engine's own: a script does not see it."
        raise AverageValueError("HX056", message) from None


def add_pointers(core: Core, pointers: list[Any], window: tuple[float, float], relu: bool) -> int:
    """The number of a new average. HX056 where a pointer is none to a RANGE variable."""
    from neuron import h

    table = h.PtrVector(len(pointers))
    for k, pointer in enumerate(pointers):
        try:
            table.pset(k, pointer)
        except Exception:  # of what NEURON raises here
            message = f"{pointer!r} is no pointer to a variable."
            raise AverageValueError("HX056", message) from None
    index = int(table.hname().partition("[")[2].rstrip("]"))
    try:
        return core.average_pointers(index, len(pointers), *window, relu)
    except ValueError as error:
        raise AverageValueError("HX056", f"{error}.") from None
