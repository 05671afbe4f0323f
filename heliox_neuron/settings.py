"""The settable members of `heliox`, their values, and the HELIOX_ variables that preset them.

One table serves assignment from Python and hoc, the command line and the environment.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import HelioXError, HelioXValueError, suggestion

DEVICES = ("auto", "cpu", "gpu", "neuron")
FIDELITIES = ("exact", "fast")
SOLVERS = ("auto", "hines", "dhs", "contract")
PLANS = ("auto", "fused", "streams", "coupled")

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("", "0", "false", "no", "off")


def _flag(name: str, value: Any) -> bool:
    """True or False of a bool, a number (hoc has doubles only) or a word."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise HelioXValueError("HX081", f"{name} = {value!r}: use 0 or 1.")
    try:
        return bool(float(value))
    except (TypeError, ValueError):
        raise HelioXValueError("HX081", f"{name} = {value!r}: use 0 or 1.") from None


def _count(name: str, value: Any) -> int:
    """A whole number, 0 for the default."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < 1e6 or number != int(number):
        raise HelioXValueError(
            "HX081", f"{name} = {value!r}: use a whole number, 0 for the default."
        )
    return int(number)


def _word(name: str, value: Any, words: tuple[str, ...], code: str) -> str:
    if isinstance(value, str) and value.strip().lower() in words:
        return value.strip().lower()
    hint = suggestion(value, words) if isinstance(value, str) else ""
    listed = ", ".join(f'"{word}"' for word in words)
    raise HelioXValueError(code, f"{name} = {value!r}: use one of {listed}.{hint}")


def _device(name: str, value: Any) -> str:
    if isinstance(value, str) and value.strip().lower() == "cuda":
        value = "gpu"
    word = _word(name, value, DEVICES, "HX030")
    if word == "gpu":
        from .engines.gpu.open import open_device

        try:
            open_device()
        except HelioXError as error:
            why = str(error).removeprefix(f"{error.code} ")
            message = f'{name} = {value!r}: {why} Use "auto" or "cpu" on this machine.'
            raise HelioXValueError(error.code, message) from error
    return word


def _fidelity(name: str, value: Any) -> str:
    return _word(name, value, FIDELITIES, "HX081")


def _solver(name: str, value: Any) -> str:
    return _word(name, value, SOLVERS, "HX081")


def _plan(name: str, value: Any) -> str:
    return _word(name, value, PLANS, "HX081")


@dataclass(frozen=True)
class Setting:
    """A settable member: its conversion, its default and what it means."""

    name: str
    default: Any
    convert: Callable[[str, Any], Any]
    doc: str

    @property
    def variable(self) -> str:
        """The environment variable that presets it."""
        return f"HELIOX_{self.name.upper()}"


SETTINGS: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("enable", False, _flag, "1: the next advance runs on our engine"),
        Setting("device", "auto", _device, '"auto", "cpu", "gpu", or "neuron" (plain NEURON)'),
        Setting("fidelity", "exact", _fidelity, '"exact": NEURON\'s bits; "fast": may reorder'),
        Setting("solver", "auto", _solver, 'tree solver of the GPU: "hines", "dhs", "contract"'),
        Setting("plan", "auto", _plan, 'plan of the GPU: "fused", "streams", "coupled"'),
        Setting("strict", False, _flag, "1: a fallback to NEURON's code is an error"),
        Setting("threads", 0, _count, "threads of the engine, 0: the default"),
        Setting("progress", True, _flag, "a progress bar for long runs in a terminal or notebook"),
    )
}


def from_environment(environ: Mapping[str, str] = os.environ) -> tuple[dict[str, Any], list[str]]:
    """Settings preset by HELIOX_ variables, and a message for each value that is not taken.

    A wrong value never breaks the script that happens to run under it: it is reported and ignored.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for setting in SETTINGS.values():
        text = environ.get(setting.variable)
        if text is None:
            continue
        try:
            values[setting.name] = setting.convert(setting.variable, text)
        except HelioXValueError as error:
            problems.append(str(error))
    return values, problems


def logger(environ: Mapping[str, str] = os.environ) -> logging.Logger:
    """The package's logger; HELIOX_LOG_LEVEL (debug, info, warning, error) sets its level."""
    log = logging.getLogger("heliox_neuron")
    level = getattr(logging, environ.get("HELIOX_LOG_LEVEL", "").strip().upper(), None)
    if isinstance(level, int):
        log.setLevel(level)
        if not log.handlers:
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("heliox %(levelname)s: %(message)s"))
            log.addHandler(handler)
    return log
