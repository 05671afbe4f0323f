"""table_check: makes the tables again when a DEPEND variable changed (nocmodl's _check_...)."""

from __future__ import annotations

from ..nmodl import ir
from ..nmodl.ir import Storage
from ..nmodl.lower import Kernel
from .cpp_expr import HOST, Dialect, ExprPrinter, Names
from .cpp_layout import Layout
from .cpp_writer import Writer, mangled


def print_table_check(kernel: Kernel, layout: Layout, out: Writer) -> None:
    """One block per TABLE. RANGE values are those of instance 0, which is not written."""
    out.open("static void table_check(hx_args const* args) {")
    out("Shared const shared = share(args);")
    out("if (!shared.use_table) return;")
    out("Instance<double> self{};")
    for variable in layout.fields:
        if variable.storage is Storage.FIELD and not variable.dim:
            k = layout.field_index(variable)
            out(f"self.{mangled(variable.name)} = args->column[{k}][0];")
    print_tables(kernel, layout, out, "args->table", HOST)
    out.close()
    out()


def print_tables(
    kernel: Kernel, layout: Layout, out: Writer, place: str, dialect: Dialect, keep: str = "false"
) -> None:
    """The making of each table at `place`; `self` is instance 0, `shared` the uniform values.

    keep: a C++ condition under which tables that were made stay as they are.
    """
    for table in layout.tables:
        _Table(kernel, layout, out, place, dialect, keep).print(table)


class _Table:
    def __init__(
        self,
        kernel: Kernel,
        layout: Layout,
        out: Writer,
        place: str,
        dialect: Dialect,
        keep: str,
    ) -> None:
        self.out = out
        self.keep = keep
        self.layout = layout
        self.kernel = kernel
        self.place = place
        self.printer = ExprPrinter(kernel.uniformity, Names(), dialect=dialect)

    def print(self, table: ir.Table) -> None:
        out, k = self.out, table.number
        out.open("{")
        out(f"double* const made = {self.place} + {self.layout.table_offset(k)};")
        out(f"double* const rows = {self.place} + {self.layout.table_rows(k)};")
        depend = [self.printer.value(ref).code for ref in table.depend]
        changed = " || ".join(f"made[{3 + j}] != {code}" for j, code in enumerate(depend))
        if changed and self.keep != "false":
            changed = f"(!{self.keep} && ({changed}))"
        out.open(f"if ({' || '.join(['made[0] == 0.', *([changed] if changed else [])])}) {{")
        out("made[0] = 1.;")
        out(f"made[1] = {self.printer.value(table.first).code};")
        out(f"double const end = {self.printer.value(table.last).code};")
        out(f"double const dx = (end - made[1]) / {table.n}.;")
        out("made[2] = 1. / dx;")
        out("double x = made[1];")
        out.open(f"for (int i = 0; i < {table.n + 1}; x += dx, ++i) {{")
        call = f"{mangled(f'_f_{table.function}')}<double>(self, shared, true, x)"
        if table.names[0].storage is Storage.RESULT:
            out(f"rows[i] = {call};")
        else:
            out(f"{call};")
            for j, name in enumerate(table.names):
                out(f"rows[{j * (table.n + 1)} + i] = self.{mangled(name.name)};")
        out.close()
        for j, code in enumerate(depend):
            out(f"made[{3 + j}] = {code};")
        out.close()
        out.close()
