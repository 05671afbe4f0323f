"""heliox.trainable(): weights and RANGE variables of existing objects as one vector of numbers.

    p = heliox.trainable(netcons, "weight", bounds=(0, None))
    p += heliox.trainable(cells, "gnabar_hh", share="section")
    p.values *= 0.9                     # NumPy array (n,); writing it writes NEURON's memory

Names are looked up once. Reading and writing go through one PtrVector of NEURON's own handles:
they follow NEURON's memory when it moves; after a change of the structure they are made anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import HelioXError, HelioXValueError, suggestion
from .mechanisms import load_mechanisms, range_variables
from .objects import is_alive, kind_of, leaves, sections_of

_EXTRA = ("cm",)  # section variables that are read anew in each step


@dataclass(frozen=True)
class Element:
    """One double of NEURON's memory.

    owner: a NetCon, point process or segment (kept alive). mechanism: "" for NetCon weights.
    n_segment: of the section when it was looked up, 0 for what is no segment.
    """

    name: str
    owner: Any
    mechanism: str
    variable: str
    index: int
    unit: str
    n_segment: int = 0

    def pointer(self) -> Any:
        if self.n_segment:
            suffix = f"_{self.mechanism}" if self.mechanism else ""
            found = getattr(self.owner, f"_ref_{self.variable}{suffix}")
        else:
            found = getattr(self.owner, f"_ref_{self.variable}")
        return found if self.index < 0 else found[self.index]

    def is_alive(self) -> bool:
        if not is_alive(self.owner):
            return False
        return not self.n_segment or self.owner.sec.nseg == self.n_segment


class Parameters:
    """A vector of n numbers that live in NEURON's objects.

    names, units: of each number; lower, upper: (n,) bounds, infinite where there are none; index:
    (n_element,) which number each element of NEURON's memory has. A shared number (share=) stands
    for several elements. Raises HX051 when an element's object was deleted.
    """

    def __init__(
        self, elements: Sequence[Element], index: Any, lower: Any = None, upper: Any = None
    ) -> None:
        self.elements = tuple(elements)
        self.index = np.asarray(index, np.int64)
        n = int(self.index.max(initial=-1)) + 1
        self.lower = np.full(n, -np.inf) if lower is None else np.asarray(lower, np.float64)
        self.upper = np.full(n, np.inf) if upper is None else np.asarray(upper, np.float64)
        self._first: Any = np.zeros(n, np.int64)  # an element of each number
        self._first[self.index[::-1]] = np.arange(len(self.elements))[::-1]
        self._bind()

    # ---- the numbers ----

    @property
    def values(self) -> np.ndarray:
        """(n,) float64, a copy of what is in NEURON's memory. Assigning writes it there."""
        return self._gather()[self._first]

    @values.setter
    def values(self, values: Any) -> None:
        array = np.asarray(_plain(values), np.float64)
        if array.ndim == 0:
            array = np.full(len(self), float(array))
        if array.shape != (len(self),):
            raise HelioXValueError(
                "HX096", f"values of shape {array.shape}: these are {len(self)} parameters."
            )
        if not np.isfinite(array).all():
            k = int(np.flatnonzero(~np.isfinite(array))[0])
            raise HelioXValueError("HX096", f"{self.names[k]} = {array[k]}: not a finite number.")
        self._scatter(array[self.index])

    @property
    def names(self) -> tuple[str, ...]:
        shared = np.bincount(self.index, minlength=len(self))
        return tuple(
            self.elements[k].name + (f" and {shared[i] - 1} more" if shared[i] > 1 else "")
            for i, k in enumerate(self._first)
        )

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(self.elements[k].unit for k in self._first)

    @property
    def vector(self) -> Any:
        """The values as a hoc Vector (a copy)."""
        return _neuron().Vector(self.values)

    def set(self, values: Any) -> None:
        """`values = ...` for hoc: a Vector, or one number for all."""
        self.values = values

    def get(self, index: float) -> float:
        """One number, for hoc."""
        return float(self.values[int(index)])

    def __len__(self) -> int:
        return len(self._first)

    def __add__(self, other: Parameters) -> Parameters:
        if not isinstance(other, Parameters):
            return NotImplemented
        return Parameters(
            self.elements + other.elements,
            np.concatenate([self.index, other.index + len(self)]),
            np.concatenate([self.lower, other.lower]),
            np.concatenate([self.upper, other.upper]),
        )

    def add(self, other: Parameters) -> Parameters:
        """`self + other` for hoc."""
        return self + other

    def __repr__(self) -> str:
        shown = ", ".join(self.names[:3]) + (", ..." if len(self) > 3 else "")
        return f"<{len(self)} parameters: {shown}>"

    # ---- NEURON's memory ----

    def _bind(self) -> None:
        """Handles for all elements. Raises HX051 for the first that is gone."""
        from ..session import attach

        for element in self.elements:
            if not element.is_alive():
                raise HelioXError(
                    "HX051",
                    f"{element.name}: its object was deleted, or nseg changed, after "
                    "heliox.trainable(). Ask for new parameters.",
                )
        h = _neuron()
        n = len(self.elements)
        self._vector = h.Vector(max(1, n))
        self._pointers = h.PtrVector(max(1, n))
        for k, element in enumerate(self.elements):
            self._pointers.pset(k, element.pointer())
        self._memory = self._vector.as_numpy()
        self._generation = attach()._core.generation()

    def _current(self) -> None:
        from ..session import attach

        if attach()._core.generation() != self._generation or not self._all_alive():
            self._bind()

    def _all_alive(self) -> bool:
        # deleting a point process's section need not move a counter; NetCons hold what they need
        return all(is_alive(e.owner) for e in self.elements if not e.n_segment and e.mechanism)

    def _gather(self) -> np.ndarray:
        self._current()
        if self.elements:
            self._pointers.gather(self._vector)
        return self._memory[: len(self.elements)].copy()

    def _scatter(self, values: np.ndarray) -> None:
        self._current()
        if self.elements:
            self._memory[:] = values
            self._pointers.scatter(self._vector)


# ---- from objects and a name --------------------------------------------------------------------


def trainable(objects: Any, name: str, bounds: Any = None, share: Any = None) -> Parameters:
    """Parameters of objects: NetCons, point processes, segments, sections, cells, or lists of them.

    name: "weight" or "weight[k]" of NetCons; a PARAMETER of point processes ("w"); a density
    PARAMETER with its mechanism ("gnabar_hh"), or "cm", of segments, sections and cells: one number
    a segment that has the mechanism.
    bounds: (lower, upper), numbers, None or arrays; the optimiser keeps to them.
    share: True (one number for all), "section" (one a section), or (n_element,) group ids. Shared
    elements take the value of their group's first element at once.
    Raises HX095 for what cannot be trained, HX094 for bounds and groups that do not fit.
    """
    load_mechanisms()
    if isinstance(share, str) and not share:  # hoc has no None
        share = None
    name = str(name).strip()
    what = f"heliox.trainable(..., {name!r})"
    found = [element for one in leaves(objects, what) for element in _elements(one, name, what)]
    if not found:
        raise HelioXError("HX095", f"{what}: no object has this variable.")
    index = _groups(found, share, what)
    n = int(index.max()) + 1
    parameters = Parameters(found, index, *_bounds(bounds, n, what))
    if n < len(found):
        parameters.values = parameters.values
    return parameters


def _elements(thing: Any, name: str, what: str) -> Iterable[Element]:
    kind = kind_of(thing)
    base, index = _array_name(name, what)
    if kind == "netcon":
        return [_weight(thing, base, index, what)]
    if kind == "point":
        return [_of_point_process(thing, base, index, what)]
    if kind == "cell":
        segments = [segment for section in sections_of(thing) for segment in section]
        return [e for segment in segments for e in _of_segment(segment, base, index, what, True)]
    if kind == "section":
        return [e for segment in thing for e in _of_segment(segment, base, index, what, True)]
    return _of_segment(thing, base, index, what, False)


def _array_name(name: str, what: str) -> tuple[str, int]:
    """("weight", 1) of "weight[1]"; index -1 without."""
    base, bracket, rest = name.partition("[")
    if not bracket:
        return base, -1
    digits = rest.removesuffix("]")
    if not rest.endswith("]") or not digits.isdigit():
        raise HelioXError("HX095", f"{what}: an index is a number, as in weight[1].")
    return base, int(digits)


def _weight(netcon: Any, base: str, index: int, what: str) -> Element:
    if base != "weight":
        raise HelioXError("HX095", f'{what}: of a NetCon "weight" or "weight[k]" is trained.')
    if netcon.syn() is None:
        raise HelioXError("HX095", f"{what}: {netcon} has no target.")
    index = max(index, 0)
    if index >= int(netcon.wcnt()):
        raise HelioXError("HX095", f"{what}: {netcon} has {int(netcon.wcnt())} weights.")
    return Element(f"{netcon}.weight[{index}]", netcon, "", "weight", index, "")


def _of_point_process(point: Any, base: str, index: int, what: str) -> Element:
    mechanism = point.hname().partition("[")[0]
    _check_parameter(mechanism, base, what, str(point))
    unit = _neuron().units(f"{mechanism}.{base}")
    return Element(f"{point}.{_spelled(base, index)}", point, mechanism, base, index, unit)


def _of_segment(segment: Any, name: str, index: int, what: str, may_lack: bool) -> list[Element]:
    """may_lack: a section without the mechanism is left out."""
    if name in _EXTRA:
        mechanism, variable = "", name
    else:
        mechanism, variable = _density(segment, name)
        if not mechanism:
            if may_lack and _exists(name):
                return []
            raise HelioXError(
                "HX095", f"{what}: {segment} has no such variable.{_near(segment, name)}"
            )
        _check_parameter(mechanism, variable, what, str(segment))
    unit = _neuron().units(name)
    n_segment = int(segment.sec.nseg)
    label = f"{segment}.{_spelled(name, index)}"
    return [Element(label, segment, mechanism, variable, index, unit, n_segment)]


def _density(segment: Any, name: str) -> tuple[str, str]:
    """("hh", "gnabar") of "gnabar_hh" where the segment has hh, else ("", "")."""
    for mechanism in _densities(segment):
        variable = name.removesuffix(f"_{mechanism}")
        if variable != name and hasattr(segment, name):
            return mechanism, variable
    return "", ""


def _densities(segment: Any) -> list[str]:
    # section.psection() knows too, but imports rxd, which then takes part in every step
    return [mechanism.name() for mechanism in segment if not mechanism.is_ion()]


def _exists(name: str) -> bool:
    """Whether some density mechanism of the program has this variable."""
    h = _neuron()
    types = h.MechanismType(0)
    found = h.ref("")
    for k in range(int(types.count())):
        types.select(k)
        types.selected(found)
        variable = name.removesuffix(f"_{found[0]}")
        if variable != name and variable in range_variables(h, found[0], 1):
            return True
    return False


def _near(segment: Any, name: str) -> str:
    h = _neuron()
    known = [
        f"{variable}_{mechanism}"
        for mechanism in _densities(segment)
        for variable in range_variables(h, mechanism, 1)
    ]
    listed = f" It has {', '.join(known)}." if known else ""
    return suggestion(name, known) + listed


def _check_parameter(mechanism: str, variable: str, what: str, owner: str) -> None:
    h = _neuron()
    parameters = range_variables(h, mechanism, 1)
    if variable in parameters:
        return
    if variable in range_variables(h, mechanism, 2) + range_variables(h, mechanism, 3):
        why = f"{variable} of {owner} is computed by the simulation."
    else:
        why = f"{owner} has no RANGE variable {variable}.{suggestion(variable, parameters)}"
    raise HelioXError("HX095", f"{what}: {why} Trainable: {', '.join(parameters) or 'nothing'}.")


def _spelled(name: str, index: int) -> str:
    return name if index < 0 else f"{name}[{index}]"


def _groups(elements: list[Element], share: Any, what: str) -> np.ndarray:
    """(n_element,) numbers 0, 1, ... in the order in which they first appear."""
    n = len(elements)
    if share is None or share is False:
        return np.arange(n)
    ids: list[Any]
    if isinstance(share, str):
        if share != "section":
            raise HelioXValueError("HX094", f'{what}: share = {share!r}: use True or "section".')
        ids = [str(_section(element.owner)) for element in elements]
    else:
        array = np.asarray(_plain(share))
        if array.ndim == 0:
            ids = [0] * n if array else list(range(n))
        elif array.shape != (n,):
            raise HelioXValueError(
                "HX094", f"{what}: share has shape {array.shape}, there are {n} elements."
            )
        else:
            ids = array.tolist()
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(one, len(numbers)) for one in ids], np.int64)


def _section(owner: Any) -> Any:
    kind = kind_of(owner)
    if kind == "netcon":
        owner = owner.syn()
    return owner.get_segment().sec if kind != "segment" else owner.sec


def _bounds(bounds: Any, n: int, what: str) -> tuple[np.ndarray, np.ndarray]:
    bounds = (None, None) if bounds is None else _plain(bounds)
    if not hasattr(bounds, "__len__") or len(bounds) != 2:
        raise HelioXValueError("HX094", f"{what}: bounds = {bounds!r}: use (lower, upper).")
    both = []
    for bound, none in zip(bounds, (-np.inf, np.inf), strict=True):
        try:
            array = np.broadcast_to(np.asarray(none if bound is None else bound, float), (n,))
        except (TypeError, ValueError):
            raise HelioXValueError(
                "HX094", f"{what}: bound {bound!r}: a number, None or {n} numbers."
            ) from None
        both.append(array.copy())
    lower, upper = both
    if np.isnan(lower).any() or np.isnan(upper).any() or (lower > upper).any():
        raise HelioXValueError("HX094", f"{what}: bounds = {bounds!r}: lower is above upper.")
    return lower, upper


def _plain(values: Any) -> Any:
    """A hoc Vector as an array; anything else as it is."""
    return values.as_numpy().copy() if hasattr(values, "as_numpy") else values


def _neuron() -> Any:
    from ..session import attach

    return attach()._neuron()
