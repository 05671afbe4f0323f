"""Cells of a layer: what `Dense(n, cell=...)` takes.

A factory makes one cell at each call of `make(name)`. A cell has `soma` (a Section or a list) and
`all` (its sections); `dend`, where it has that, are the sections that get synapses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import HelioXValueError, suggestion
from .morphology import Cell, make_cell, read_morphology, tree_records, with_stub_axon

POINT_SIZE = 12.6157  # um, length and diameter: 500 um2


class CellFactory:
    """Makes equal cells. label: for summary()."""

    label = "cell"

    def make(self, name: str) -> Any:
        """A new cell."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """What save() writes, and from_description() makes the factory of again."""
        kept = {k: v for k, v in vars(self).items() if not k.startswith("_")}
        return {"kind": type(self).__name__, **kept}


class PointCell(CellFactory):
    """One passive compartment: L = diam = 12.6157 um (500 um2), cm in uF/cm2, g_pas in S/cm2,
    e_pas in mV, Ra in ohm cm.
    """

    label = "PointCell"

    def __init__(
        self, cm: float = 1.0, g_pas: float = 1e-4, e_pas: float = 0.0, Ra: float = 100.0
    ) -> None:
        _positive(self.label, cm=cm, g_pas=g_pas, Ra=Ra)
        self.cm, self.g_pas, self.e_pas, self.Ra = cm, g_pas, e_pas, Ra

    def make(self, name: str) -> Cell:
        cell = Cell(name)
        section = cell.add("soma")
        section.L = section.diam = POINT_SIZE
        _passive(cell, self.cm, self.g_pas, self.e_pas, self.Ra)
        return cell


class PassiveHPC(CellFactory):
    """A passive cell with the morphology of a file (.asc or .swc), its axon two stubs of 30 um.

    The defaults are those of the human pyramidal cell of Zhang et al. 2023 (HPC-Net): cm 1.5
    uF/cm2, g_pas 1/48300 S/cm2, Ra 261.97 ohm cm, e_pas 0 mV, 1 + 2*int(L/40 um) segments a
    section. HX091 without a file: PassiveTree needs none.
    """

    label = "PassiveHPC"

    def __init__(
        self,
        morphology: str | Path | None = None,
        cm: float = 1.5,
        g_pas: float = 1 / 48300,
        e_pas: float = 0.0,
        Ra: float = 261.97,
        max_segment: float = 40.0,
    ) -> None:
        if morphology is None:
            raise HelioXValueError(
                "HX091",
                'PassiveHPC has no morphology: cell=PassiveHPC(morphology="cell.asc"). '
                "PassiveTree() is a cell that needs no file.",
            )
        _positive(self.label, cm=cm, g_pas=g_pas, Ra=Ra, max_segment=max_segment)
        self.morphology = str(morphology)
        self.cm, self.g_pas, self.e_pas, self.Ra = cm, g_pas, e_pas, Ra
        self.max_segment = max_segment
        self._records = with_stub_axon(read_morphology(morphology))
        self._digest = hashlib.sha256(Path(morphology).expanduser().read_bytes()).hexdigest()

    def make(self, name: str) -> Cell:
        cell = make_cell(self._records, name, self.max_segment)
        _passive(cell, self.cm, self.g_pas, self.e_pas, self.Ra)
        return cell

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "sha256": self._digest}


class PassiveTree(CellFactory):
    """A passive cell of cylinders: a soma, `trunks` dendrites that branch in two depth - 1 times.

    For tests and first trials; needs no file. length and diam of a trunk in um; the rest as in
    PassiveHPC.
    """

    label = "PassiveTree"

    def __init__(
        self,
        trunks: int = 2,
        depth: int = 2,
        length: float = 80.0,
        diam: float = 2.0,
        soma: float = 15.0,
        cm: float = 1.5,
        g_pas: float = 1 / 48300,
        e_pas: float = 0.0,
        Ra: float = 261.97,
        max_segment: float = 40.0,
    ) -> None:
        _positive(
            self.label, trunks=trunks, depth=depth, length=length, diam=diam, soma=soma, cm=cm,
            g_pas=g_pas, Ra=Ra, max_segment=max_segment,
        )  # fmt: skip
        self.trunks, self.depth = int(trunks), int(depth)
        self.length, self.diam, self.soma = length, diam, soma
        self.cm, self.g_pas, self.e_pas, self.Ra = cm, g_pas, e_pas, Ra
        self.max_segment = max_segment
        self._records = tree_records(self.trunks, self.depth, length, diam, soma)

    def make(self, name: str) -> Cell:
        cell = make_cell(self._records, name, self.max_segment)
        _passive(cell, self.cm, self.g_pas, self.e_pas, self.Ra)
        return cell


class Template(CellFactory):
    """A hoc template by its name: `Template("Cell")` makes `new Cell(*args)`.

    The template makes `soma` public, and `dend` for the sections that are to get synapses.
    """

    def __init__(self, name: str, *args: Any) -> None:
        from neuron import h

        if not hasattr(h, name):
            hint = suggestion(name, dir(h))
            raise HelioXValueError("HX091", f"hoc knows no template {name!r}.{hint}")
        self.name, self.args = name, list(args)

    @property
    def label(self) -> str:  # type: ignore[override]
        return self.name

    def make(self, name: str) -> Any:
        from neuron import h

        return getattr(h, self.name)(*self.args)


class PythonCell(CellFactory):
    """Any callable that returns a cell. save() can keep its name only: give it again to load()."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self.name = getattr(make, "__qualname__", type(make).__name__)

    @property
    def label(self) -> str:  # type: ignore[override]
        return self.name

    def make(self, name: str) -> Any:
        return self._make()


def cell_factory(given: Any) -> CellFactory:
    """The factory of what Dense got: a factory, its class, None (PointCell), or a callable."""
    if given is None:
        return PointCell()
    if isinstance(given, CellFactory):
        return given
    if isinstance(given, type) and issubclass(given, CellFactory):
        return given()
    if callable(given):
        return PythonCell(given)
    raise HelioXValueError(
        "HX091",
        f"cell = {given!r}: PointCell(), PassiveHPC(morphology=...), PassiveTree(), "
        'Template("name") or a function that returns a cell.',
    )


def from_description(description: dict[str, Any]) -> CellFactory:
    """The factory that describe() was called on. HX092 where that cannot be."""
    known = {cls.__name__: cls for cls in (PointCell, PassiveHPC, PassiveTree)}
    kind = description["kind"]
    values = {k: v for k, v in description.items() if k not in ("kind", "sha256")}
    if kind == "Template":
        return Template(values["name"], *values["args"])
    if kind not in known:
        raise HelioXValueError(
            "HX092",
            f"the network has cells made by {values.get('name', kind)}, which a file cannot hold: "
            "give them again, load(path, cells=[...]) with one for each layer.",
        )
    factory = known[kind](**values)
    digest = getattr(factory, "_digest", None)
    if digest != description.get("sha256"):
        raise HelioXValueError(
            "HX092",
            f"{values['morphology']} is another morphology than the network was saved with: give "
            "the cell again, load(path, cells=[...]).",
        )
    return factory


@dataclass
class Compartments:
    """A cell as a layer uses it. soma: the segment whose v is its output. dendrites: sections that
    synapses are put on.
    """

    cell: Any
    soma: Any
    sections: list[Any]
    dendrites: list[Any]

    @property
    def n_compartment(self) -> int:
        return sum(section.nseg for section in self.sections)


def compartments(cell: Any, label: str) -> Compartments:
    """Finds the parts of a cell; label: of the layer, for messages. HX091 without a soma."""
    somata = _sections(getattr(cell, "soma", None))
    if not somata:
        raise HelioXValueError(
            "HX091",
            f"{label}: the cell {cell!r} has no `soma` (a Section or a list of them).",
        )
    tree = list(somata[0].wholetree())
    given = _sections(getattr(cell, "all", None)) or tree
    sections = given if set(given) == set(tree) else tree
    dendrites = _sections(getattr(cell, "dend", None))
    if not dendrites:
        others = [*somata, *_sections(getattr(cell, "axon", None))]
        dendrites = [section for section in sections if section not in others]
    return Compartments(cell, somata[0](0.5), sections, dendrites or [somata[0]])


def _sections(value: Any) -> list[Any]:
    """The sections in a Section, a list, an array of hoc or a SectionList; none of None."""
    from neuron import nrn

    if value is None:
        return []
    if isinstance(value, nrn.Section):
        return [value]
    try:
        return [section for section in value if isinstance(section, nrn.Section)]
    except TypeError:
        return []


def _passive(cell: Cell, cm: float, g_pas: float, e_pas: float, Ra: float) -> None:
    for section in cell.all:
        section.insert("pas")
        section.cm, section.Ra = cm, Ra
        section.g_pas, section.e_pas = g_pas, e_pas


def _positive(label: str, **values: float) -> None:
    for name, value in values.items():
        if not 0 < value < float("inf"):
            raise HelioXValueError("HX091", f"{label}({name}={value!r}): a number above 0.")
