"""A neuron morphology as a list of sections, read once, from which any number of cells are made.

NEURON's Import3d takes about a second a cell; making one from records takes some milliseconds.
"""

from __future__ import annotations

import contextlib
import functools
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import HelioXValueError

GROUPS = ("soma", "dend", "apic", "axon")
_LISTS = {"soma": "somatic", "dend": "basal", "apic": "apical", "axon": "axonal"}  # Import3d's
_STUB_LENGTH = 30.0  # um
_STUB_DISTANCE = 60.0  # um from the soma: the second stub's diameter is taken beyond it


@dataclass
class SectionRecord:
    """group, index: its place among the cell's sections of that kind. parent: (group, index, x) of
    the point it is connected to, None for the root. points: x, y, z, diam in um, or None for a
    cylinder of length and diam (um).
    """

    group: str
    index: int
    parent: tuple[str, int, float] | None
    length: float
    diam: float
    points: tuple[list[float], list[float], list[float], list[float]] | None = None
    vectors: Any = field(default=None, repr=False, compare=False)  # hoc Vectors of the points


class Cell:
    """Sections by group (soma, dend, apic, axon) and in the order of creation (all)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.all: list[Any] = []
        self.soma: list[Any] = []
        self.dend: list[Any] = []
        self.apic: list[Any] = []
        self.axon: list[Any] = []

    def __repr__(self) -> str:
        return self.name

    def add(self, group: str) -> Any:
        """A new section of a group."""
        from neuron import h

        members = getattr(self, group)
        section = h.Section(name=f"{group}[{len(members)}]", cell=self)
        members.append(section)
        self.all.append(section)
        return section


def make_cell(records: list[SectionRecord], name: str, max_segment: float = 40.0) -> Cell:
    """A cell of these sections, each with 1 + 2*int(L/max_segment) segments (max_segment in um)."""
    from neuron import h

    cell = Cell(name)
    for record in records:
        section = cell.add(record.group)
        if record.points:
            if record.vectors is None:
                record.vectors = [h.Vector(axis) for axis in record.points]
            section.pt3dclear()
            h.pt3dadd(*record.vectors, sec=section)
        else:
            section.L, section.diam = record.length, record.diam
    for record, section in zip(records, cell.all, strict=True):
        if record.parent is not None:
            group, index, x = record.parent
            section.connect(getattr(cell, group)[index](x), 0)
    for section in cell.all:
        section.nseg = 1 + 2 * int(section.L / max_segment)
    return cell


# A hoc object as Import3d's receiver: a Python object would get coordinates of another precision
# than the same file imported in a hoc script.
_TARGET = """
begintemplate HelioxMorphology
public soma, dend, apic, axon, all, somatic, basal, apical, axonal
create soma[1], dend[1], apic[1], axon[1]
objref all, somatic, basal, apical, axonal
proc init() {
    all = new SectionList()
    somatic = new SectionList()
    basal = new SectionList()
    apical = new SectionList()
    axonal = new SectionList()
    forall delete_section()
}
endtemplate HelioxMorphology
"""
_READERS = {".asc": "Import3d_Neurolucida3", ".swc": "Import3d_SWC_read"}


def read_morphology(path: str | Path) -> list[SectionRecord]:
    """Sections of a Neurolucida (.asc) or SWC (.swc) file, by Import3d. HX091 if that fails."""
    file = Path(path).expanduser()
    if file.suffix.lower() not in _READERS:
        raise HelioXValueError("HX091", f"morphology {file}: a file .asc or .swc is wanted.")
    if not file.is_file():
        raise HelioXValueError("HX091", f"morphology {file}: there is no such file.")
    return _read(str(file.resolve()), file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _read(path: str, changed: int) -> list[SectionRecord]:
    from neuron import h

    h.load_file("stdlib.hoc")
    h.load_file("import3d.hoc")
    if not hasattr(h, "HelioxMorphology"):
        h(_TARGET)
    reader = getattr(h, _READERS[Path(path).suffix.lower()])()
    target = h.HelioxMorphology()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            reader.quiet = 1
            reader.input(path)
            h.Import3d_GUI(reader, 0).instantiate(target)
    except RuntimeError as error:
        raise HelioXValueError("HX091", f"morphology {path}: Import3d fails: {error}.") from error
    records = _records(target)
    if not any(record.group == "soma" for record in records):
        raise HelioXValueError("HX091", f"morphology {path}: no soma in it.")
    return records


def _records(target: Any) -> list[SectionRecord]:
    where: dict[Any, tuple[str, int]] = {}
    for group in GROUPS:
        for index, section in enumerate(getattr(target, _LISTS[group])):
            where[section] = (group, index)
    records = []
    for section, (group, index) in where.items():
        above = section.parentseg()
        points = tuple(
            [getattr(section, f"{axis}3d")(i) for i in range(section.n3d())]
            for axis in ("x", "y", "z", "diam")
        )
        parent = None if above is None else (*where[above.sec], above.x)
        # h.pt3dadd with empty Vectors crashes NEURON
        kept = (points[0], points[1], points[2], points[3]) if points[0] else None
        records.append(SectionRecord(group, index, parent, section.L, section.diam, kept))
    return records


def with_stub_axon(records: list[SectionRecord]) -> list[SectionRecord]:
    """The traced axon replaced by two cylinders of 30 um behind the soma.

    They have the diameters of the first traced axon section and of the first one farther than
    60 um (1 um where there is none), as in Eyal et al. 2016.
    """
    kept = [record for record in records if record.group != "axon"]
    first, second = _axon_diameters(records)
    kept.append(SectionRecord("axon", 0, ("soma", 0, 1.0), _STUB_LENGTH, first))
    kept.append(SectionRecord("axon", 1, ("axon", 0, 1.0), _STUB_LENGTH, second))
    return kept


def _axon_diameters(records: list[SectionRecord]) -> tuple[float, float]:
    from neuron import h

    cell = make_cell(records, "traced")
    if not cell.axon:
        return 1.0, 1.0
    h.distance(0, cell.soma[0](0))
    far = [s for s in cell.axon if h.distance(s(0.5)) > _STUB_DISTANCE]
    first = cell.axon[0](0.5).diam
    return first, far[0](0.5).diam if far and len(cell.axon) > 1 else first


def tree_records(
    trunks: int, depth: int, length: float, diam: float, soma: float
) -> list[SectionRecord]:
    """A soma of `soma` um with `trunks` dendrites, each of which branches in two depth - 1 times.

    length, diam: um of a trunk; daughters are 0.8 times as long and 2**(-2/3) as thick (Rall).
    """
    records = [SectionRecord("soma", 0, None, soma, soma)]
    for trunk in range(trunks):
        level = [("soma", 0, float(trunk % 2))]
        long, thick = length, diam
        for _ in range(depth):
            born = []
            for parent in level:
                index = len(records) - 1
                records.append(SectionRecord("dend", index, parent, long, thick))
                born.append(("dend", index, 1.0))
            level = [end for end in born for _ in range(2)]
            long, thick = 0.8 * long, thick * 2 ** (-2 / 3)
    return records
