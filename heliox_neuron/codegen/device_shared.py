"""What all instances of a mechanism on the device share: GLOBALs, uniform values, tables."""

from __future__ import annotations

from ..nmodl.ir import Storage
from .cpp_expr import DEVICE, ExprPrinter, Names
from .cpp_table import print_tables
from .cpp_writer import mangled
from .device_instance import InstancePrinter


def print_share(printer: InstancePrinter) -> None:
    """`share`: a Shared as a block that runs now sees it."""
    out, fields = printer.out, printer.fields
    out("// t: [ms], as the block that is run sees it.")
    out.open("HX_DEVICE Shared share(double t) {")
    _print_globals(printer)
    for k, variable, _ in printer.uniforms:
        uniform = fields("double*", f"{printer.name}__uniform", "uniform", printer.name)
        out(f"shared.{variable.name} = {uniform}[{k}];")
    kept = {variable for _, variable, _ in printer.uniforms}
    values = ExprPrinter(printer.kernel.uniformity, Names(), dialect=DEVICE)
    for variable, expr in printer.kernel.shared:
        if variable not in kept:
            out(f"shared.{variable.name} = {values.value(expr).code};")
    for table in printer.layout.tables:
        k, offset = table.number, printer.layout.table_offset(table.number)
        out(f"shared.start_{k} = {printer.table()}[{offset + 1}];")
        out(f"shared.scale_{k} = {printer.table()}[{offset + 2}];")
        out(f"shared.table_{k} = {printer.table()} + {printer.layout.table_rows(k)};")
    out("return shared;")
    out.close()
    out()


def _print_globals(printer: InstancePrinter) -> None:
    out = printer.out
    out("Shared shared{};")
    out("shared.t = t;")
    out(f"shared.dt = {printer.fields('double', 'dt', 'dt')};")
    out(f"shared.celsius = {printer.fields('double', 'celsius', 'celsius')};")
    for variable in printer.layout.globals:
        if variable.name == "usetable":
            out(f"shared.use_table = {printer.global_(variable)} != 0.;")
        elif variable.storage is Storage.GLOBAL:
            out(f"shared.{mangled(variable.name)} = {printer.global_(variable)};")


def print_prepare(printer: InstancePrinter) -> None:
    """Run by one thread before a batch: values that GLOBALs decide, tables. keep_tables: the
    batch goes on within a group of steps, for which NEURON has looked at what they depend on.
    """
    out = printer.out
    out.open("HX_COLD_DEVICE void prepare(bool keep_tables) {")
    out("double const t = 0.;")
    out("(void)keep_tables;")
    _print_globals(printer)
    values = ExprPrinter(printer.kernel.uniformity, Names(), dialect=DEVICE)
    for k, variable, expr in printer.uniforms:
        uniform = printer.fields("double*", f"{printer.name}__uniform", "uniform", printer.name)
        out(f"shared.{variable.name} = {values.value(expr).code};")
        out(f"{uniform}[{k}] = shared.{variable.name};")
    if printer.layout.tables:
        out("if (!shared.use_table) return;")
        out("Instance<double> self{};")
        for variable in printer.layout.fields:
            if variable.storage is Storage.FIELD and not variable.dim:
                first = printer.fields("long long", f"{printer.name}__first", "first", printer.name)
                out(f"self.{mangled(variable.name)} = {printer.column(variable)}[{first}];")
        print_tables(printer.kernel, printer.layout, out, printer.table(), DEVICE, "keep_tables")
    out.close()
    out()
