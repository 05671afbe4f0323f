"""One instance of a mechanism on the device: what its functions load, store and reach."""

from __future__ import annotations

from dataclasses import dataclass

from ..nmodl import ir
from ..nmodl.before_after import pointers_read
from ..nmodl.fast import simplify
from ..nmodl.ir import Storage, Variable
from ..nmodl.liveness import Flow, HookColumns
from ..nmodl.lower import Kernel
from .cpp_expr import DEVICE, DEVICE_FAST
from .cpp_layout import Layout
from .cpp_writer import Writer, mangled
from .device_ahead import ahead_columns, print_ahead
from .device_fields import Fields

ION_COLUMNS = ("erev", "conci", "conco", "cur", "dcurdv")


@dataclass(frozen=True)
class Needs:
    """What the model asks of every mechanism.

    ion_current: names of ions ("na_ion") whose cur and dcurdv somebody reads in every step.
    fast_imem: electrode currents are summed apart. dense: names of mechanisms and ions whose
    instances lie at their nodes' positions. ion_written: (ion, column) that kernels store. apart:
    density mechanisms that, like point processes, leave each instance's contribution in columns of
    its own. fast: the arithmetic may differ from NEURON's in the last bits. steady: see
    device_steady.py.
    """

    ion_current: frozenset[str]
    fast_imem: bool
    dense: frozenset[str]
    ion_written: frozenset[tuple[str, int]]
    apart: frozenset[str] = frozenset()
    fast: bool = False
    steady: frozenset[str] = frozenset()


class InstancePrinter:
    """A mechanism's text so far (out); `fields` collects what it reaches through hx_model."""

    def __init__(self, kernel: Kernel, fields: Fields, needs: Needs) -> None:
        kernel = simplify(kernel) if needs.fast else kernel
        self.kernel = kernel
        self.fields = fields
        self.needs = needs
        self.dialect = DEVICE_FAST if needs.fast else DEVICE
        self.layout = Layout(kernel)
        self.mechanism = kernel.mechanism
        self.name = kernel.mechanism.name
        self.point = kernel.mechanism.kind == "point"
        self.apart = self.point or self.name in needs.apart
        self.uniforms = [
            (k, variable, expr)
            for k, (variable, expr) in enumerate(kernel.shared)
            if not _reads_time(expr)
        ]
        self.slope = " * 1000." if needs.fast else " / .001"
        self.out = Writer(f"{self.name}.cu", f"{self.name}.mod")

    def column(self, variable: Variable) -> str:
        name = f"{self.name}_{variable.name}"
        return self.fields("double*", name, "column", self.name, variable.name)

    def ion(self, ion: str, column: int) -> str:
        return self.fields("double*", f"{ion}_{ION_COLUMNS[column]}", "ion", ion, column)

    def ion_row(self, ion: str) -> str:
        """The ion's instance of instance i."""
        if {self.name, ion} <= self.needs.dense:
            return "i"
        return self.fields("int*", f"{self.name}__{ion}", "ion_row", self.name, ion) + "[i]"

    def read(self, variable: Variable) -> str:
        """A column of instance i. One that no kernel stores may be one element for all."""
        place = self.column(variable)
        if variable in self.layout.stored:
            return f"{place}[i]"
        each = self.fields(
            "int", f"{self.name}_{variable.name}__each", "each", "column", self.name, variable.name
        )
        return f"{place}[i & {each}]"

    def read_ion(self, ion: str, column: int, row: str) -> str:
        place = self.ion(ion, column)
        if (ion, column) in self.needs.ion_written:
            return f"{place}[{row}]"
        name = f"{ion}_{ION_COLUMNS[column]}__each"
        return f"{place}[{row} & {self.fields('int', name, 'each', 'ion', ion, column)}]"

    def node(self) -> str:
        """Slot of each instance's node in its block (point processes)."""
        return self.fields("int*", f"{self.name}__node", "slot", self.name)

    def scratch(self, name: str) -> str:
        return self.fields("double*", f"{self.name}__{name}", "scratch", self.name, name)

    def global_(self, variable: Variable) -> str:
        name = self.layout.global_name(variable)
        return self.fields("double", f"{self.name}__{variable.name}__global", "global", name)

    def table(self) -> str:
        return self.fields("double*", f"{self.name}__table", "table", self.name)

    def pointer(self, pointer: Variable) -> str:
        """Where each instance's POINTER leads."""
        k = self.mechanism.pointers.index(pointer)
        return self.fields("double**", f"{self.name}__pointer_{k}", "pointer", self.name, k)

    def _pointers(self, hook: str) -> list[Variable]:
        """The POINTERs that a hook needs."""
        if not self.kernel.hooks:
            return self.layout.pointers
        if hook == "receive":
            return [] if self.kernel.receive is None else self.kernel.receive.pointers
        body = self.kernel.current if hook == "current" else self.kernel.state
        read = pointers_read(self.mechanism, body or [])
        return [p for p in self.layout.pointers if p in read]

    def load(
        self,
        used: HookColumns,
        hook: str,
        pointers: list[Variable] | None = None,
        ahead: list[Variable] | None = None,
    ) -> None:
        """Declares `self`, instance i as a hook needs it. hook: as Layout.ions_used has it. ahead:
        columns that are looked up already.
        """
        out = self.out
        for k in self.layout.ions_used(hook):
            ion = self.mechanism.ions[k].name
            out(f"int const ion_{k} = {self.ion_row(ion)};")
        out("Instance<double> self{};")
        for variable in used.load:
            name = mangled(variable.name)
            value = f"ahead.{name}" if variable in (ahead or []) else self.read(variable)
            out(f"self.{name} = {value};")
        for pointer in self._pointers(hook) if pointers is None else pointers:
            out(f"self.{mangled(pointer.name)} = *{self.pointer(pointer)}[i];")
        for variable in used.copied:
            k = self.layout.ion_index(variable.ion)
            value = self.read_ion(variable.ion, variable.column, f"ion_{k}")
            out(f"self.{mangled(variable.name)} = {value};")
        if self.layout.needs_area:
            out("self.area = area;")

    def store(self, stores: list[Variable], body: list[ir.Statement]) -> None:
        out = self.out
        lean = [v for v in stores if v in self.kernel.columns.lean]
        for variable in stores:
            if variable not in lean:
                out(f"{self.column(variable)}[i] = self.{mangled(variable.name)};")
        kept = [
            variable
            for variable in self.layout.globals
            if variable.storage is Storage.WRITTEN_GLOBAL
            and variable in Flow(self.mechanism).written(body)
        ]
        if not lean and not kept:
            return
        out.open("if (whole) {")
        for variable in lean:
            out(f"{self.column(variable)}[i] = self.{mangled(variable.name)};")
        if kept:
            last = self.fields("long long", f"{self.name}__last", "last", self.name)
            out.open(f"if (i == {last}) {{")
            for variable in kept:
                name = self.layout.global_name(variable)
                place = self.fields(
                    "double*", f"{self.name}__{variable.name}__written", "written", name
                )
                out(f"*{place} = self.{mangled(variable.name)};")
            out.close()
        out.close()

    def open_at(self, hook: str, arguments: str, comment: str) -> list[Variable]:
        """Begins current_at or state_at. Returns the columns that it gets as an argument."""
        ahead = ahead_columns(self.kernel, hook)
        if ahead:
            print_ahead(self.out, hook, [(v, self.read(v)) for v in ahead])
            arguments += f", {hook.title()}Ahead const& ahead"
        self.out(f"// {comment}")
        self.out.open(f"HX_DEVICE void {hook}_at({arguments}) {{")
        return ahead

    def close_at(self, hook: str, arguments: str, names: str, ahead: list[Variable]) -> None:
        out = self.out
        out.close()
        out()
        if ahead:  # for who has not looked ahead
            out.open(f"HX_DEVICE void {hook}_at({arguments}) {{")
            out(f"{hook}_at({names}, {hook}_ahead(i));")
            out.close()
            out()


def _reads_time(expr: ir.Expr) -> bool:
    return any(
        (isinstance(node, ir.Ref) and node.var.storage is Storage.T)
        or (isinstance(node, ir.Call) and node.name == "at_time")
        for node in ir.walk(expr)
    )
