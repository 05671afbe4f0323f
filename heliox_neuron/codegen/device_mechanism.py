"""A mechanism for the device: its node bodies, and functions that run them on one instance.

The bodies are those of the CPU kernel (cpp_body.py), with V = double. Around them, for density
mechanisms `current_at` adds to the sums of a node that one thread owns; for point processes it
leaves an instance's contribution in columns of their own, which the node's thread adds up in
NEURON's order. `state_at`, `receive_at` and `prepare` (uniform values and tables) follow.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..nmodl import ir
from ..nmodl.before_after import pointers_read
from ..nmodl.fast import simplify
from ..nmodl.ir import Storage, Variable
from ..nmodl.liveness import Flow, HookColumns
from ..nmodl.lower import Kernel
from . import device_hooks
from .cpp import _print_constants, _print_instance, namespace
from .cpp_body import print_functions, print_hook
from .cpp_expr import DEVICE, DEVICE_FAST, ExprPrinter, Names
from .cpp_layout import Layout
from .cpp_table import print_tables
from .cpp_writer import Writer, mangled
from .device_ahead import ahead_columns, print_ahead
from .device_fields import Fields
from .net_receive import print_net_receive


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


class MechanismPrinter:
    """Prints one mechanism; `fields` collects what its functions reach through hx_model."""

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
        self._slope = " * 1000." if needs.fast else " / .001"
        self.out = Writer(f"{self.name}.cu", f"{self.name}.mod")

    # ---- members of hx_model ----

    def column(self, variable: Variable) -> str:
        name = f"{self.name}_{variable.name}"
        return self.fields("double*", name, "column", self.name, variable.name)

    def ion(self, ion: str, column: int) -> str:
        return self.fields("double*", f"{ion}_{_ION_COLUMNS[column]}", "ion", ion, column)

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
        name = f"{ion}_{_ION_COLUMNS[column]}__each"
        return f"{place}[{row} & {self.fields('int', name, 'each', 'ion', ion, column)}]"

    def node(self) -> str:
        """Slot of each instance's node in its block (point processes)."""
        return self.fields("int*", f"{self.name}__node", "slot", self.name)

    def scratch(self, name: str) -> str:
        return self.fields("double*", f"{self.name}__{name}", "scratch", self.name, name)

    # ---- the whole ----

    def text(self) -> str:
        kernel, out = self.kernel, self.out
        out(f"// {self.name}.mod, sha256 {kernel.text_hash}")
        out(f"namespace {namespace(kernel)} {{")
        out()
        out("template <class T>")
        out("HX_DEVICE T square(T x) { return x * x; }")
        out()
        _print_constants(self.layout, out)
        _print_instance(kernel, self.layout, out)
        self._shared()
        self._share()
        print_functions(kernel, out, self.dialect)
        if kernel.current is not None:
            print_hook(kernel, out, "current", kernel.current, self.dialect)
        if kernel.state is not None:
            print_hook(kernel, out, "state", kernel.state, self.dialect)
        if kernel.receive is not None:
            print_net_receive(kernel, kernel.receive, out, DEVICE)
        device_hooks.print_bodies(self)
        self._prepare()
        if kernel.current is not None:
            self._current_at()
        if kernel.state is not None:
            self._state_at()
        if kernel.receive is not None:
            self._receive_at()
            if kernel.receive.uses_watch:
                self._watch_at()
        device_hooks.print_at(self)
        out("} // namespace")
        out()
        return out.text()

    # ---- what all instances share ----

    def _shared(self) -> None:
        out = self.out
        out("// What is the same for all instances.")
        out.open("struct Shared {")
        out("double t;        // [ms]")
        out("double dt;       // [ms]")
        out("double celsius;  // [degC]")
        for variable in self.layout.globals:
            if variable.name != "usetable" and variable.storage is Storage.GLOBAL:
                out(f"double {mangled(variable.name)};")
        for variable, _ in self.kernel.shared:
            out(f"double {variable.name};")
        if self.layout.tables:
            out("bool use_table;")
        for table in self.layout.tables:
            k = table.number
            out(f"double start_{k};  // TABLE of {table.function}")
            out(f"double scale_{k};")
            out(f"double const* table_{k};")
        out.close("};")
        out()

    def _share(self) -> None:
        out, fields = self.out, self.fields
        out("// t: [ms], as the block that is run sees it.")
        out.open("HX_DEVICE Shared share(double t) {")
        self._share_globals()
        for k, variable, _ in self.uniforms:
            uniform = fields("double*", f"{self.name}__uniform", "uniform", self.name)
            out(f"shared.{variable.name} = {uniform}[{k}];")
        kept = {variable for _, variable, _ in self.uniforms}
        printer = ExprPrinter(self.kernel.uniformity, Names(), dialect=DEVICE)
        for variable, expr in self.kernel.shared:
            if variable not in kept:
                out(f"shared.{variable.name} = {printer.value(expr).code};")
        for table in self.layout.tables:
            k, offset = table.number, self.layout.table_offset(table.number)
            out(f"shared.start_{k} = {self._table()}[{offset + 1}];")
            out(f"shared.scale_{k} = {self._table()}[{offset + 2}];")
            out(f"shared.table_{k} = {self._table()} + {self.layout.table_rows(k)};")
        out("return shared;")
        out.close()
        out()

    def _share_globals(self) -> None:
        out = self.out
        out("Shared shared{};")
        out("shared.t = t;")
        out(f"shared.dt = {self.fields('double', 'dt', 'dt')};")
        out(f"shared.celsius = {self.fields('double', 'celsius', 'celsius')};")
        for variable in self.layout.globals:
            if variable.name == "usetable":
                out(f"shared.use_table = {self._global(variable)} != 0.;")
            elif variable.storage is Storage.GLOBAL:
                out(f"shared.{mangled(variable.name)} = {self._global(variable)};")

    def _global(self, variable: Variable) -> str:
        name = self.layout.global_name(variable)
        return self.fields("double", f"{self.name}__{variable.name}__global", "global", name)

    def _table(self) -> str:
        return self.fields("double*", f"{self.name}__table", "table", self.name)

    def _prepare(self) -> None:
        """Run by one thread before a batch: values that GLOBALs decide, tables. keep_tables: the
        batch goes on within a group of steps, for which NEURON has looked at what they depend on.
        """
        out = self.out
        out.open("HX_COLD_DEVICE void prepare(bool keep_tables) {")
        out("double const t = 0.;")
        out("(void)keep_tables;")
        self._share_globals()
        printer = ExprPrinter(self.kernel.uniformity, Names(), dialect=DEVICE)
        for k, variable, expr in self.uniforms:
            uniform = self.fields("double*", f"{self.name}__uniform", "uniform", self.name)
            out(f"shared.{variable.name} = {printer.value(expr).code};")
            out(f"{uniform}[{k}] = shared.{variable.name};")
        if self.layout.tables:
            out("if (!shared.use_table) return;")
            out("Instance<double> self{};")
            for variable in self.layout.fields:
                if variable.storage is Storage.FIELD and not variable.dim:
                    first = self.fields("long long", f"{self.name}__first", "first", self.name)
                    out(f"self.{mangled(variable.name)} = {self.column(variable)}[{first}];")
            print_tables(self.kernel, self.layout, out, self._table(), DEVICE, "keep_tables")
        out.close()
        out()

    # ---- one instance ----

    def _receive_at(self) -> None:
        """NET_RECEIVE of instance i, for an event of time t with its NetCon's weight vector."""
        out, receive = self.out, self.kernel.receive
        assert receive is not None
        out("// NET_RECEIVE of instance i. t: the event's time. v: the node's.")
        out.open(
            "HX_DEVICE void receive_at(int i, double t, double& v, double area, double* weight, "
            "double flag, hx::Sender& sender) {"
        )
        out("Shared const shared = share(t);")
        columns = receive.columns
        load = [*columns.load, *(x for x in receive.watch_load() if x not in columns.load)]
        self.load(HookColumns(load, columns.store, columns.copied), "receive")
        out("self.v = v;")
        out("net_receive_body<double>(self, shared, true, weight, flag, sender);")
        for variable in receive.columns.store:
            out(f"{self.column(variable)}[i] = self.{mangled(variable.name)};")
        for variable in receive.ion_store:
            k = self.layout.ion_index(variable.ion)
            place = self.ion(variable.ion, variable.column)
            out(f"{place}[ion_{k}] = self.{mangled(variable.name)};")
        if receive.writes_v:
            out("v = self.v;")
        out.close()
        out()

    def _watch_at(self) -> None:
        """The active conditions of instance i, in the order in which they were activated."""
        out, receive = self.out, self.kernel.receive
        assert receive is not None
        numbers = range(len(receive.watched))
        out("// WATCH conditions of instance i at the start of step j, nt._t = t. v: the node's.")
        arguments = "int b, int kind, int i, double t, double v, double area, int j"
        out.open(f"HX_DEVICE void watch_at({arguments}) {{")
        out("int const first = hx::first_watch(kind, i);")
        active = [f"hx_model.watch_active[first + {k}]" for k in numbers]
        out(f"if (!({' | '.join(active)})) return;")
        out("Shared const shared = share(t);")
        self.load(HookColumns(receive.watch_load(), [], []), "receive")
        out("self.v = v;")
        out.open(f"for (int place = 1; place <= {len(numbers)}; ++place) {{")
        for k in numbers:
            out.open(f"if ({active[k]} == place) {{")
            value = f"watch_{k}<double>(self, shared)"
            out(f"hx::test_watch(b, kind, i, first + {k}, {value}, t, j);")
            out.close()
        out.close()
        out.close()
        out()

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

    def _store(self, stores: list[Variable], body: list[ir.Statement]) -> None:
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

    def _current_at(self) -> None:
        out, columns = self.out, self.kernel.columns.current
        assert columns is not None
        comment = "BREAKPOINT's currents of instance i; whole: unread columns are stored too."
        arguments = "Shared const& shared, int i, double v, double area, bool whole"
        names = "shared, i, v, area, whole"
        if not self.apart:
            arguments, names = f"{arguments}, hx::NodeSum& sum", f"{names}, sum"
        ahead = self._open_at("current", arguments, comment)
        self.load(columns, "current", ahead=ahead)
        if self.kernel.conductance:
            self._hinted()
        else:
            self._differentiated()
        self._ion_currents()
        self._store(columns.store, self.kernel.current or [])
        if self.point:
            out("double const scale = 1.e2 / area;")
            out(f"{self.scratch('i')}[i] = rhs * scale;")
            out(f"{self.scratch('g')}[i] = g * scale;")
        elif self.apart:
            out(f"{self.scratch('i')}[i] = rhs;")
            out(f"{self.scratch('g')}[i] = g;")
        else:
            self._sum("rhs", "g")
        self._close_at("current", arguments, names, ahead)
        if self.apart:
            self._add_at()

    def _sum(self, rhs: str, g: str) -> None:
        out = self.out
        if self.mechanism.electrode:
            out(f"sum.rhs += {rhs};")
            out(f"sum.d -= {g};")
            if self.needs.fast_imem:
                out(f"sum.sav_rhs += {rhs};")
                out(f"sum.sav_d -= {g};")
        else:
            out(f"sum.rhs -= {rhs};")
            out(f"sum.d += {g};")

    def _written_currents(self) -> list[tuple[int, ir.Ion, Variable]]:
        return [
            (self.layout.ion_index(ion.name), ion, variable)
            for ion in self.mechanism.ions
            for variable in ion.write
            if variable.column == 3
        ]

    def _differentiated(self) -> None:
        out = self.out
        out("self.v = v + .001;")
        out("double const shifted = current_body<double>(self, shared, true);")
        for k, _, variable in self._written_currents():
            out(f"double const shifted_{k} = self.{mangled(variable.name)};")
        out("self.v = v;")
        out("double const rhs = current_body<double>(self, shared, true);")
        for k, ion, variable in self._written_currents():
            self._open_ion(ion)
            value = f"(shifted_{k} - self.{mangled(variable.name)}){self._slope}"
            self._ion_add(k, ion, 4, value)
            out.close()
        out(f"double const g = (shifted - rhs){self._slope};")

    def _hinted(self) -> None:
        out = self.out
        out("self.v = v;")
        out("current_body<double>(self, shared, true);")
        names = [f"self.{mangled(c.name)}" for c in self.mechanism.currents]
        hints = [f"self.{mangled(ref.var.name)}" for ref, _ in self.kernel.conductance]
        out(f"double const rhs = {' + '.join(names)};")
        out(f"double const g = {' + '.join(hints)};")
        for (_, name), hint in zip(self.kernel.conductance, hints, strict=True):
            if name:
                k = self.layout.ion_index(f"{name}_ion")
                self._open_ion(self.mechanism.ions[k])
                self._ion_add(k, self.mechanism.ions[k], 4, hint)
                out.close()

    def _open_ion(self, ion: ir.Ion) -> None:
        self.out.open("{" if ion.name in self.needs.ion_current else "if (whole) {")

    def _ion_add(self, k: int, ion: ir.Ion, column: int, value: str) -> None:
        if self.apart:
            name = f"{ion.name}_{_ION_COLUMNS[column]}"
            scale = " * 1.e2 / area" if self.point else ""
            self.out(f"{self.scratch(name)}[i] = {value}{scale};")
        else:
            self.out(f"{self.ion(ion.name, column)}[ion_{k}] += {value};")

    def _ion_currents(self) -> None:
        """nocmodl's set_ion_variables of the current block."""
        for ion in self.mechanism.ions:
            k = self.layout.ion_index(ion.name)
            for variable in ion.write:
                place = f"self.{mangled(variable.name)}"
                if variable.column == 3:
                    self._open_ion(ion)
                    self._ion_add(k, ion, 3, place)
                    self.out.close()
                else:
                    self.out(f"{self.ion(ion.name, variable.column)}[ion_{k}] = {place};")

    def _add_at(self) -> None:
        """What the node's thread does with the contribution of instance i: looked up apart from
        being added, so that a node's loads can be under way together."""
        out = self.out
        out.open("HX_DEVICE hx::Contribution contribution_at(int i) {")
        out(f"return {{{self.scratch('i')}[i], {self.scratch('g')}[i]}};")
        out.close()
        out()
        out.open(
            "HX_DEVICE void add_at(int i, hx::Contribution part, bool whole, hx::NodeSum& sum) {"
        )
        for k, ion, _ in self._written_currents():
            self._open_ion(ion)
            out(f"int const ion_{k} = {self.ion_row(ion.name)};")
            for column in (4, 3):
                name = f"{ion.name}_{_ION_COLUMNS[column]}"
                if column == 3 or not self.kernel.conductance or self._hints(ion):
                    place = self.ion(ion.name, column)
                    out(f"{place}[ion_{k}] += {self.scratch(name)}[i];")
            out.close()
        self._sum("part.i", "part.g")
        out.close()
        out()

    def _hints(self, ion: ir.Ion) -> bool:
        return any(f"{name}_ion" == ion.name for _, name in self.kernel.conductance)

    def _state_at(self) -> None:
        out, columns = self.out, self.kernel.columns.state
        assert columns is not None
        arguments = "Shared const& shared, int i, double v, double area, bool whole"
        ahead = self._open_at("state", arguments, "BREAKPOINT's SOLVE of instance i.")
        self.load(columns, "state", ahead=ahead)
        out("self.v = v;")
        out("state_body<double>(self, shared, true);")
        for ion in self.mechanism.ions:
            k = self.layout.ion_index(ion.name)
            for variable in ion.write:
                if variable.column != 3:
                    place = self.ion(ion.name, variable.column)
                    out(f"{place}[ion_{k}] = self.{mangled(variable.name)};")
        self._store(columns.store, self.kernel.state or [])
        self._close_at("state", arguments, "shared, i, v, area, whole", ahead)

    def _open_at(self, hook: str, arguments: str, comment: str) -> list[Variable]:
        """Begins current_at or state_at. Returns the columns that it gets as an argument."""
        ahead = ahead_columns(self.kernel, hook)
        if ahead:
            print_ahead(self.out, hook, [(v, self.read(v)) for v in ahead])
            arguments += f", {hook.title()}Ahead const& ahead"
        self.out(f"// {comment}")
        self.out.open(f"HX_DEVICE void {hook}_at({arguments}) {{")
        return ahead

    def _close_at(self, hook: str, arguments: str, names: str, ahead: list[Variable]) -> None:
        out = self.out
        out.close()
        out()
        if ahead:  # for who has not looked ahead
            out.open(f"HX_DEVICE void {hook}_at({arguments}) {{")
            out(f"{hook}_at({names}, {hook}_ahead(i));")
            out.close()
            out()


_ION_COLUMNS = ("erev", "conci", "conco", "cur", "dcurdv")


def _reads_time(expr: ir.Expr) -> bool:
    return any(
        (isinstance(node, ir.Ref) and node.var.storage is Storage.T)
        or (isinstance(node, ir.Call) and node.name == "at_time")
        for node in ir.walk(expr)
    )
