"""BREAKPOINT of an instance on the device: its currents, and its SOLVE.

For density mechanisms `current_at` adds to the sums of a node that one thread owns; for point
processes it leaves an instance's contribution in columns of their own, which the node's thread adds
up in NEURON's order (`contribution_at`, `add_at`).
"""

from __future__ import annotations

from ..nmodl import ir
from ..nmodl.ir import Variable
from .cpp_writer import mangled
from .device_instance import ION_COLUMNS, InstancePrinter


def print_current_at(printer: InstancePrinter) -> None:
    """`current_at` and, where contributions lie in columns of their own, `add_at`."""
    out, columns = printer.out, printer.kernel.columns.current
    assert columns is not None
    comment = "BREAKPOINT's currents of instance i; whole: unread columns are stored too."
    arguments = "Shared const& shared, int i, double v, double area, bool whole"
    names = "shared, i, v, area, whole"
    if not printer.apart:
        arguments, names = f"{arguments}, hx::NodeSum& sum", f"{names}, sum"
    ahead = printer.open_at("current", arguments, comment)
    printer.load(columns, "current", ahead=ahead)
    if printer.kernel.conductance:
        _hinted(printer)
    else:
        _differentiated(printer)
    _ion_currents(printer)
    printer.store(columns.store, printer.kernel.current or [])
    if printer.point:
        out("double const scale = 1.e2 / area;")
        out(f"{printer.scratch('i')}[i] = rhs * scale;")
        out(f"{printer.scratch('g')}[i] = g * scale;")
    elif printer.apart:
        out(f"{printer.scratch('i')}[i] = rhs;")
        out(f"{printer.scratch('g')}[i] = g;")
    else:
        _sum(printer, "rhs", "g")
    printer.close_at("current", arguments, names, ahead)
    if printer.apart:
        _print_add_at(printer)


def _sum(printer: InstancePrinter, rhs: str, g: str) -> None:
    out = printer.out
    if printer.mechanism.electrode:
        out(f"sum.rhs += {rhs};")
        out(f"sum.d -= {g};")
        if printer.needs.fast_imem:
            out(f"sum.sav_rhs += {rhs};")
            out(f"sum.sav_d -= {g};")
    else:
        out(f"sum.rhs -= {rhs};")
        out(f"sum.d += {g};")


def _written_currents(printer: InstancePrinter) -> list[tuple[int, ir.Ion, Variable]]:
    return [
        (printer.layout.ion_index(ion.name), ion, variable)
        for ion in printer.mechanism.ions
        for variable in ion.write
        if variable.column == 3
    ]


def _differentiated(printer: InstancePrinter) -> None:
    out = printer.out
    out("self.v = v + .001;")
    out("double const shifted = current_body<double>(self, shared, true);")
    for k, _, variable in _written_currents(printer):
        out(f"double const shifted_{k} = self.{mangled(variable.name)};")
    out("self.v = v;")
    out("double const rhs = current_body<double>(self, shared, true);")
    for k, ion, variable in _written_currents(printer):
        _open_ion(printer, ion)
        value = f"(shifted_{k} - self.{mangled(variable.name)}){printer.slope}"
        _ion_add(printer, k, ion, 4, value)
        out.close()
    out(f"double const g = (shifted - rhs){printer.slope};")


def _hinted(printer: InstancePrinter) -> None:
    out = printer.out
    out("self.v = v;")
    out("current_body<double>(self, shared, true);")
    names = [f"self.{mangled(c.name)}" for c in printer.mechanism.currents]
    hints = [f"self.{mangled(ref.var.name)}" for ref, _ in printer.kernel.conductance]
    out(f"double const rhs = {' + '.join(names)};")
    out(f"double const g = {' + '.join(hints)};")
    for (_, name), hint in zip(printer.kernel.conductance, hints, strict=True):
        if name:
            k = printer.layout.ion_index(f"{name}_ion")
            _open_ion(printer, printer.mechanism.ions[k])
            _ion_add(printer, k, printer.mechanism.ions[k], 4, hint)
            out.close()


def _open_ion(printer: InstancePrinter, ion: ir.Ion) -> None:
    printer.out.open("{" if ion.name in printer.needs.ion_current else "if (whole) {")


def _ion_add(printer: InstancePrinter, k: int, ion: ir.Ion, column: int, value: str) -> None:
    if printer.apart:
        name = f"{ion.name}_{ION_COLUMNS[column]}"
        scale = " * 1.e2 / area" if printer.point else ""
        printer.out(f"{printer.scratch(name)}[i] = {value}{scale};")
    else:
        printer.out(f"{printer.ion(ion.name, column)}[ion_{k}] += {value};")


def _ion_currents(printer: InstancePrinter) -> None:
    """nocmodl's set_ion_variables of the current block."""
    for ion in printer.mechanism.ions:
        k = printer.layout.ion_index(ion.name)
        for variable in ion.write:
            place = f"self.{mangled(variable.name)}"
            if variable.column == 3:
                _open_ion(printer, ion)
                _ion_add(printer, k, ion, 3, place)
                printer.out.close()
            else:
                printer.out(f"{printer.ion(ion.name, variable.column)}[ion_{k}] = {place};")


def _print_add_at(printer: InstancePrinter) -> None:
    """What the node's thread does with the contribution of instance i: looked up apart from
    being added, so that a node's loads can be under way together."""
    out = printer.out
    out.open("HX_DEVICE hx::Contribution contribution_at(int i) {")
    out(f"return {{{printer.scratch('i')}[i], {printer.scratch('g')}[i]}};")
    out.close()
    out()
    out.open("HX_DEVICE void add_at(int i, hx::Contribution part, bool whole, hx::NodeSum& sum) {")
    for k, ion, _ in _written_currents(printer):
        _open_ion(printer, ion)
        out(f"int const ion_{k} = {printer.ion_row(ion.name)};")
        for column in (4, 3):
            name = f"{ion.name}_{ION_COLUMNS[column]}"
            if column == 3 or not printer.kernel.conductance or _hints(printer, ion):
                place = printer.ion(ion.name, column)
                out(f"{place}[ion_{k}] += {printer.scratch(name)}[i];")
        out.close()
    _sum(printer, "part.i", "part.g")
    out.close()
    out()


def _hints(printer: InstancePrinter, ion: ir.Ion) -> bool:
    return any(f"{name}_ion" == ion.name for _, name in printer.kernel.conductance)


def print_state_at(printer: InstancePrinter) -> None:
    """`state_at`."""
    out, columns = printer.out, printer.kernel.columns.state
    assert columns is not None
    arguments = "Shared const& shared, int i, double v, double area, bool whole"
    ahead = printer.open_at("state", arguments, "BREAKPOINT's SOLVE of instance i.")
    printer.load(columns, "state", ahead=ahead)
    out("self.v = v;")
    out("state_body<double>(self, shared, true);")
    for ion in printer.mechanism.ions:
        k = printer.layout.ion_index(ion.name)
        for variable in ion.write:
            if variable.column != 3:
                place = printer.ion(ion.name, variable.column)
                out(f"{place}[ion_{k}] = self.{mangled(variable.name)};")
    printer.store(columns.store, printer.kernel.state or [])
    printer.close_at("state", arguments, "shared, i, v, area, whole", ahead)
