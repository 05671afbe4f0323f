"""The `heliox` object: what scripts set and ask, in Python and in hoc.

It is one Python object, held by the hoc objref `heliox`, so `h.heliox.enable = 1`, hoc
`heliox.enable = 1` and `from heliox_neuron import heliox` reach the same thing. Values go straight
to the compiled core; nothing is kept here that the core knows.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .autoload import program_names_us
from .average import Average, add_pointers, between, pointers_of
from .core import Core, kernel_library, load
from .engines.choose import DeviceEngine
from .errors import (
    CATALOGUE,
    HelioXAttributeError,
    HelioXError,
    HelioXWarning,
    split_code,
    suggestion,
)
from .progress import ProgressBar
from .report import PlanReport, RunReport, VerifyReport
from .settings import SETTINGS, from_environment, logger
from .train.members import TrainingMembers
from .variables import Variable

PLAIN_WARNINGS = False  # the command line: no Python statement of the user's to point at


class _Member:
    """A setting of SETTINGS as an attribute: converted on assignment, kept by the core."""

    def __init__(self, name: str) -> None:
        self._setting = SETTINGS[name]
        self.__doc__ = self._setting.doc

    def __get__(self, session: HelioX | None, owner: type) -> Any:
        if session is None:
            return self
        return session._core.get(self._setting.name)

    def __set__(self, session: HelioX, value: Any) -> None:
        setting = self._setting
        session._set(setting.name, setting.convert(f"heliox.{setting.name}", value))


class HelioX(TrainingMembers):
    """Switch, settings, reports and variables of HelioX for NEURON.

    enable: 1 hands NEURON's fixed-step advance to our engine from the next advance on.
    device, fidelity, solver, plan, strict, threads, progress: see settings.py. Training: see
    train/members.py. A name that is no
    member is HX080, a value that a member does not take HX030, HX031 or HX081.
    """

    __slots__ = ("_bar", "_core", "_device_engine", "_h", "_off", "_variables", "_warned")

    enable = _Member("enable")
    device = _Member("device")
    fidelity = _Member("fidelity")
    solver = _Member("solver")
    plan = _Member("plan")
    strict = _Member("strict")
    threads = _Member("threads")
    progress = _Member("progress")

    _core: Core
    _device_engine: DeviceEngine
    _h: Any
    _off: str
    _bar: ProgressBar
    _warned: set[str]
    _variables: dict[str, Variable]

    def __init__(self, core: Core, h: Any = None) -> None:
        self._core = core
        self._device_engine = DeviceEngine(core)
        self._h = h
        self._off = core.gate()
        self._bar = ProgressBar()
        self._warned = set()
        self._variables = {}
        core.set_resolver(resolve)
        core.set_warner(self._warn)
        core.set_progress(self._bar)
        library = kernel_library(core.isa())
        if library is not None:
            core.add_kernel_library(str(library))

    def __call__(self, **settings: Any) -> _Scope:
        """`with heliox(enable=True, device="cpu"):` sets, and restores at the end."""
        for name in settings:
            if name not in SETTINGS:
                raise self._no_member(name, SETTINGS)
        return _Scope(self, settings)

    def report(self) -> RunReport:
        """What ran since the start: a line a run, and where each mechanism ran, with reasons."""
        return RunReport.of(self._core.runs(), self._core.model(), self._status())

    def explain(self) -> PlanReport:
        """What would run where, and why, for the model as it is now. Freezes the model."""
        return PlanReport.of(self._core.freeze(), self._status())

    def verify(self, tstop: float | None = None) -> VerifyReport:
        """Runs the model in NEURON and on our engine to tstop (ms) and compares the bits.

        Each run starts with a plain `finitialize(v_init)` and advances with `fadvance()`: Vectors
        that are recorded into are overwritten, and the state afterwards is that at tstop. Without
        `tstop`, hoc's tstop. See report/verification.py.
        """
        from .report.verification import verify

        return verify(self, self._neuron(), tstop)

    def variable(self, name: str) -> Variable:
        """The handle of a column of the model ("v", "hh.m"): see variables.py. HX052 if unknown."""
        if name not in self._variables:
            if self._core.model() is None:
                self._core.freeze()
            self._variables[name] = Variable(self._core, name, lambda: self._device_engine.gpu)
        return self._variables[name]

    def average(
        self,
        objects: Any,
        name: str | None = None,
        window: Any = None,
        stop: float | None = None,
        relu: bool = False,
    ) -> Average:
        """The mean of a variable of some objects over a window of time: see average.py.

        objects: segments, sections (their middle), point processes, or pointers (`_ref_x`, without
        a name); one or several. name: as NEURON spells it there ("v", "m_hh", "g"). window:
        (ts, te) in ms, or te as `stop`. relu: of max(x, 0). HX056 where that cannot be.
        """
        span = between(window, stop)
        if self._off:
            raise HelioXError(*split_code(self._off))
        pointers = pointers_of(objects, name)
        return Average(
            self._core,
            lambda begin, end, of_positive: add_pointers(
                self._core, pointers, (begin, end), of_positive
            ),
            name or f"{len(pointers)} pointers",
            span,
            relu,
            lambda: self._device_engine.gpu,
        )

    def _set(self, name: str, value: Any) -> None:
        if name == "enable" and value and self._off:
            self._warn("", self._off)
            return
        self._core.set(name, value)

    def _status(self) -> dict[str, Any]:
        """What a report's head says: version, settings and why it is off."""
        from . import __version__

        status = {name: self._core.get(name) for name in SETTINGS}
        about = {"version": __version__, "isa": self._core.isa(), "off": self._off}
        return {**about, **status, "gpu": self._device_engine.describe()}

    def _warn(self, code: str, message: str) -> None:
        """Each message once. Never raises: it is called from inside NEURON's step."""
        text = message if not code or message.startswith(code) else f"{code} {message}"
        if text in self._warned:
            return
        self._warned.add(text)
        code = split_code(text)[0]
        logger().info(text)
        if code in CATALOGUE and "heliox explain" not in text:
            text = f"{text} (heliox explain {code})"
        if PLAIN_WARNINGS:
            print(f"heliox: {text}", file=sys.stderr)
            return
        try:
            warnings.warn_explicit(text, HelioXWarning, *_caller())
        except Warning:  # -W error is about the user's code, not about how fast it runs
            print(text, file=sys.stderr)

    def _neuron(self) -> Any:
        if self._h is None:
            from neuron import h

            self._h = h
        return self._h

    @classmethod
    def _members(cls) -> list[str]:
        names = {name for base in cls.__mro__[:-1] for name in vars(base)}
        return sorted(name for name in names if not name.startswith("_"))

    @classmethod
    def _no_member(cls, name: str, known: Iterable[str]) -> HelioXAttributeError:
        return HelioXAttributeError(
            "HX080", f"heliox has no member {name!r}.{suggestion(name, known)}"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copy, pickle, IPython and hoc look for these
            raise AttributeError(name)
        raise self._no_member(name, self._members())

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__slots__ or name in SETTINGS:
            object.__setattr__(self, name, value)
            return
        if name in self._members():
            raise HelioXAttributeError("HX080", f"heliox.{name} is a method: call it.")
        raise self._no_member(name, self._members())

    def __dir__(self) -> list[str]:
        return self._members()

    def __repr__(self) -> str:
        state = "off" if not self.enable else f"{self.device}, {self.fidelity}"
        return f"<heliox: {state}>"


class _Scope:
    """Settings for the length of a with statement."""

    def __init__(self, session: HelioX, settings: dict[str, Any]) -> None:
        self._session = session
        self._settings = settings
        self._before: list[tuple[str, Any]] = []

    def __enter__(self) -> HelioX:
        try:
            for name, value in self._settings.items():
                self._before.append((name, getattr(self._session, name)))
                setattr(self._session, name, value)
        except Exception:
            self.__exit__()
            raise
        return self._session

    def __exit__(self, *_: object) -> None:
        while self._before:
            name, value = self._before.pop()
            setattr(self._session, name, value)


def resolve(requests: list[tuple[int, str, str | None]]) -> list[dict[str, Any]]:
    """The core's question at the freeze point: a kernel for each mechanism, or why there is none.

    requests: (type, name, MOD text or None) for what the built-in libraries do not hold. The
    answers hold name, status ("kernel", "host", "none"), path, code, reason, cached, seconds.
    Never raises: a failure of the compiler itself sends the mechanisms to the host with HX025.
    """
    answers: dict[int, dict[str, Any]] = {}
    texts: list[tuple[str, str]] = []
    asked: list[int] = []
    for index, (_type, name, text) in enumerate(requests):
        if text:
            texts.append((name, text))
            asked.append(index)
        else:
            answers[index] = _host(name, "HX023", f"NEURON holds no MOD text of {name}")
    try:
        from .codegen import resolve_many

        for index, found in zip(asked, resolve_many(texts) if texts else [], strict=True):
            answers[index] = {
                "name": requests[index][1],
                "status": found.status,
                "path": str(found.path or ""),
                "code": found.code or "",
                "reason": found.reason or "",
                "cached": bool(found.cached),
                "seconds": float(found.seconds or 0.0),
            }
    except Exception as error:
        logger().exception("the mechanism compiler failed")
        for index in asked:
            name = requests[index][1]
            reason = f"the mechanism compiler failed on {name}: {error!r}"
            answers.setdefault(index, _host(name, "HX025", reason))
    return [answers[index] for index in range(len(requests))]


def _host(name: str, code: str, reason: str) -> dict[str, Any]:
    return {
        "name": name,
        "status": "host",
        "path": "",
        "code": code,
        "reason": reason,
        "cached": False,
        "seconds": 0.0,
    }


def _caller() -> tuple[str, int]:
    """File and line of the program's statement: the innermost frame outside this package."""
    ours = str(Path(__file__).parent)
    frame = sys._getframe(1)
    while frame.f_back is not None and (
        frame.f_code.co_filename.startswith((ours, "<frozen"))
        or f"{os.sep}neuron{os.sep}" in frame.f_code.co_filename
    ):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


_session: HelioX | None = None


def attach() -> HelioX:
    """Hooks NEURON once: loads the core, fills h.heliox, applies the HELIOX_ variables.

    HX060 or HX061 (a warning) when the plugin has to stay off. Later calls return the same object.
    """
    global _session
    if _session is not None:
        return _session
    from neuron import h

    core = load()
    session = _session = HelioX(core, h)
    if not session._off:
        core.set_device_engine(session._device_engine)
    values, problems = from_environment()
    for problem in problems:
        session._warn("", problem)
    if h("objref heliox"):
        h.heliox = session
    else:
        session._warn("HX061", "hoc has another variable named heliox: use heliox_neuron.heliox.")
    for name, value in values.items():
        setattr(session, name, value)
    if session._off and not values.get("enable"):
        session._warn("", session._off)
    if not session._off and program_names_us():
        from .train.mechanisms import load_if_possible

        load_if_possible()
    return session
