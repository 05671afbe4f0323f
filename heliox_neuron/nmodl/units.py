"""The factors of a UNITS block, in nocmodl's arithmetic.

`FARADAY = (faraday) (coulomb)` is the magnitude of one unit over the other. The units are those of
NEURON's own table (share/nrn/lib/nrnunits.lib); each is multiplied up in the order of its
definition, because the last bit depends on it.
"""

from __future__ import annotations

import functools
from pathlib import Path

_PREFIXES = [
    (1e-18, "atto"),
    (1e-15, "femto"),
    (1e-12, "pico"),
    (1e-9, "nano"),
    (1e-6, "micro"),
    (1e-3, "milli"),
    (1e-2, "centi"),
    (1e-1, "deci"),
    (1e1, "deka"),
    (1e2, "hecta"),
    (1e2, "hecto"),
    (1e3, "kilo"),
    (1e6, "mega"),
    (1e6, "meg"),
    (1e9, "giga"),
    (1e12, "tera"),
]


class UnknownUnit(ValueError):
    """A name that is neither in the table nor defined in the file."""


class UnitTable:
    """Magnitudes of units: NEURON's table, and what one MOD file defines on top of it."""

    def __init__(self, factors: dict[str, float]) -> None:
        self._factors = dict(factors)

    def define(self, name: str, definition: str) -> None:
        """(name) = (definition); a second definition of a name is ignored, as in nocmodl."""
        if name not in self._factors:
            self._factors[name] = self.magnitude(definition)

    def magnitude(self, text: str) -> float:
        """The factor of a unit expression: a number, then names.

        `-` and space multiply, `/` divides by all that follows, a digit 2 to 9 is a power.

        Raises UnknownUnit.
        """
        factor, at = _leading_number(text, 0)
        factor = factor or 1.0
        divide, name = False, ""
        for c in text[at:] + "\n":
            if c not in "123456789-/ \t\n":
                name += c
                continue
            if name:
                factor = self._apply(factor, name, divide, c)
                name = ""
            if c == "/":
                divide = True
            if c == "\n":
                break
        return factor

    def _apply(self, factor: float, name: str, divide: bool, follower: str) -> float:
        scaled = self._lookup(name)
        times = int(follower) if follower in "23456789" else 1
        for _ in range(times):
            factor = factor / scaled if divide else factor * scaled
        return factor

    def _lookup(self, name: str) -> float:
        prefix = 1.0
        given = name
        while name not in self._factors:
            for value, word in _PREFIXES:
                if name.startswith(word):
                    prefix *= value
                    name = name[len(word) :]
                    break
            else:
                if len(name) > 1 and name.endswith("s"):
                    name = name[:-1]
                else:
                    raise UnknownUnit(given)
        return self._factors[name] * prefix


def _leading_number(text: str, at: int) -> tuple[float, int]:
    """nrnunits.lib writes 2.99792458+8 for an exponent and 1|60 for a quotient."""
    while at < len(text) and text[at] in " \t":
        at += 1
    digits = ""
    while at < len(text) and (text[at].isdigit() or text[at] == "."):
        digits += text[at]
        at += 1
    if at < len(text) and text[at] in "+-":
        exponent = text[at]
        at += 1
        while at < len(text) and text[at].isdigit():
            exponent += text[at]
            at += 1
        # a bare '-' between names is a product: nothing was consumed that atof would read
        if digits:
            digits += "e" + exponent if exponent[1:] else ""
    number = float(digits) if digits else 0.0
    if at < len(text) and text[at] == "|":
        below, at = _leading_number(text, at + 1)
        return number / below, at
    return number, at


@functools.lru_cache(maxsize=4)
def _library(path: str) -> dict[str, float]:
    table = UnitTable({"": 1.0, **{f"*{chr(ord('a') + i)}*": 1.0 for i in range(10)}})
    for line in Path(path).read_text().splitlines():
        if not line or line.startswith("/"):
            continue
        name, _, definition = line.replace("\t", " ").partition(" ")
        table.define(name, definition)
    return table._factors


def neuron_units(library: Path) -> UnitTable:
    """NEURON's table, from nrnunits.lib."""
    return UnitTable(_library(str(library)))
