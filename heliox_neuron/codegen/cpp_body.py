"""Node bodies: the FUNCTIONs, PROCEDUREs and hooks of a mechanism as templates over V.

Control flow whose condition differs between instances becomes masks: both branches run, each where
a lane wants it, and assignments select. A condition that is the same for all stays an `if`.
"""

from __future__ import annotations

from ..nmodl import ir
from ..nmodl.ir import Function, Statement, Storage
from ..nmodl.lower import Kernel
from ..nmodl.supported import integer
from .cpp_expr import HOST, Dialect, ExprPrinter, Kind, Names
from .cpp_writer import Writer, mangled

_LOCAL = {Storage.LOCAL, Storage.ARGUMENT, Storage.RESULT}


def print_functions(kernel: Kernel, out: Writer, dialect: Dialect = HOST) -> None:
    """All reachable functions, callees first."""
    for function in kernel.functions:
        _Body(kernel, out, function.name in kernel.diverged, dialect).function(function)


def print_hook(
    kernel: Kernel, out: Writer, name: str, body: list[Statement], dialect: Dialect = HOST
) -> None:
    """`current_body`, which returns the sum of the currents, or `state_body`."""
    _Body(kernel, out, False, dialect).hook(name, body)


class _Body:
    def __init__(
        self, kernel: Kernel, out: Writer, diverged: bool, dialect: Dialect = HOST
    ) -> None:
        self.kernel = kernel
        self.out = out
        names = Names(kernel.uniformity.functions)
        self.printer = ExprPrinter(kernel.uniformity, names, dialect=dialect)
        self.diverged = diverged  # the lanes argument may be a part of the active lanes
        self.depth = 0  # of conditions that differ between instances
        self.masks = 0

    # ---- whole functions ----

    def function(self, function: Function) -> None:
        out = self.out
        varying = self.kernel.uniformity.varying
        kind = "void"
        if function.result is not None:
            kind = "V" if function.result in varying else "double"
        arguments = "".join(
            f", {'V' if a in varying else 'double'} {self.printer.names[a]}"
            for a in function.arguments
        )
        cold = function.name.startswith("_f_")
        out("template <class V>")
        out.open(
            f"{'HX_COLD' if cold else 'HX_INLINE'} {kind} {mangled(function.name)}"
            f"(Instance<V>& self, Shared const& shared, hx::mask<V> lanes{arguments}) {{"
        )
        if function.result is not None:
            out(f"{kind} {self.printer.names[function.result]}{{}};")
        self.body(function.body)
        if function.result is not None:
            out(f"return {self.printer.names[function.result]};")
        out.unmark()
        out.close()
        out()

    def hook(self, name: str, body: list[Statement]) -> None:
        out = self.out
        mechanism = self.kernel.mechanism
        gives = name == "current" and not self.kernel.conductance
        out("template <class V>")
        out.open(
            f"HX_INLINE {'V' if gives else 'void'} {name}_body"
            "(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {"
        )
        self.body(body)
        out.unmark()
        if gives:
            out("V current{};")
            for current in mechanism.currents:
                out(f"current += {self.printer.place(current)};")
            out("return current;")
        out.close()
        out()

    # ---- statements ----

    def body(self, body: list[Statement]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, statement: Statement) -> None:
        self.out.mark(statement.line)
        if isinstance(statement, ir.Assign):
            self.assign(statement)
        elif isinstance(statement, ir.Local):
            for variable in statement.variables:
                kind = "V" if variable in self.kernel.uniformity.varying else "double"
                self.out(f"{kind} {self.printer.names[variable]}{{}};")
        elif isinstance(statement, ir.CallStatement):
            if statement.call.user:
                self.out(f"{self.printer.print(statement.call).code};")
        elif isinstance(statement, ir.If):
            self.branch(statement)
        elif isinstance(statement, ir.While):
            self.loop(statement)
        elif isinstance(statement, ir.From):
            index = self.printer.names[statement.index]
            first, last = integer(statement.first), integer(statement.last)
            step = integer(statement.step)
            self.out.open(f"for (int {index} = {first}; {index} <= {last}; {index} += {step}) {{")
            self.body(statement.body)
            self.out.close()
        elif isinstance(statement, ir.Scope):
            self.out.open("{")
            self.body(statement.body)
            self.out.close()
        elif isinstance(statement, ir.TableLookup):
            self.lookup(statement)
        else:
            raise AssertionError(type(statement).__name__)

    def assign(self, statement: ir.Assign) -> None:
        target = statement.target.var
        place = self.printer.place(target)
        if target.storage in _LOCAL and target not in self.kernel.uniformity.varying:
            self.out(f"{place} = {self.printer.value(statement.value).code};")
            return
        value = self.printer.varying(statement.value)
        # a function's own variables matter only in the lanes that it was called for
        whole = self.depth == 0 and (target.storage in _LOCAL or not self.diverged)
        if not whole:
            value = f"hx::select({self.printer.lanes}, {value}, {place})"
        self.out(f"{place} = {value};")

    def branch(self, statement: ir.If) -> None:
        test = self.printer.test(statement.condition)
        out = self.out
        if test.kind is Kind.BOOL:
            out.open(f"if ({test.code}) {{")
            self.body(statement.then)
            if statement.otherwise:
                out.close("} else {")
                out.depth += 1
                self.body(statement.otherwise)
            out.close()
            return
        self.masks += 1
        number, outer = self.masks, self.printer.lanes
        out(f"hx::mask<V> const test_{number} = {test.code};")
        self.depth += 1
        self.masked(f"then_{number}", f"hx::land({outer}, test_{number})", statement.then)
        if statement.otherwise:
            self.masked(
                f"else_{number}",
                f"hx::land({outer}, hx::lnot(test_{number}))",
                statement.otherwise,
            )
        self.depth -= 1
        self.printer.lanes = outer

    def masked(self, name: str, mask: str, body: list[Statement]) -> None:
        if not body:
            return
        self.out(f"hx::mask<V> const {name} = {mask};")
        self.out.open(f"if (hx::any({name})) {{")
        self.printer.lanes = name
        self.body(body)
        self.out.close()

    def loop(self, statement: ir.While) -> None:
        out, outer = self.out, self.printer.lanes
        if not self.kernel.uniformity.is_varying(statement.condition):
            out.open(f"while ({self.printer.test(statement.condition).code}) {{")
            self.body(statement.body)
            out.close()
            return
        self.masks += 1
        name = f"while_{self.masks}"
        out(f"hx::mask<V> {name} = {outer};")
        out.open("for (;;) {")
        self.printer.lanes = name
        out(f"{name} = hx::land({name}, {self.printer.mask(statement.condition)});")
        out(f"if (!hx::any({name})) break;")
        self.depth += 1
        self.body(statement.body)
        self.depth -= 1
        out.close()
        self.printer.lanes = outer

    # ---- TABLE ----

    def lookup(self, statement: ir.TableLookup) -> None:
        """Linear interpolation; usetable = 0, NaN and the ends of the table as in nocmodl."""
        table, out = statement.table, self.out
        out.unmark()
        k = table.number
        argument = self.printer.varying(statement.argument)
        original = mangled(f"_f_{table.function}")
        places = [self.printer.place(name) for name in table.names]
        out.open("if (!shared.use_table) {")
        self._analytic(table, original, argument)
        out.close("} else {")
        out.depth += 1
        out(f"V const at = shared.scale_{k} * ({argument} - shared.start_{k});")
        out(
            f"hx::mask<V> const inside = hx::land(hx::gt(at, hx::splat<V>(0.)), "
            f"hx::lt(at, hx::splat<V>({table.n}.)));"
        )
        out("V const safe = hx::select(inside, at, hx::splat<V>(0.));")
        out("auto const row = hx::truncate(safe);")
        out("V const theta = safe - hx::from_index<V>(row);")
        size = table.n + 1
        for number, _ in enumerate(table.names):
            base = f"shared.table_{k} + {number * size}"
            out(f"V const low_{number} = hx::table_at<V>({base}, row);")
            out(f"V const high_{number} = hx::table_at<V>({base} + 1, row);")
            out(f"V looked_{number} = low_{number} + theta * (high_{number} - low_{number});")
        out.open("if (!hx::all(inside)) {")
        out(f"hx::mask<V> const after = hx::ge(at, hx::splat<V>({table.n}.));")
        out("hx::mask<V> const before = hx::le(at, hx::splat<V>(0.));")
        out("hx::mask<V> const nan = hx::ne(at, at);")
        for number, _ in enumerate(table.names):
            first = f"hx::splat<V>(shared.table_{k}[{number * size}])"
            last = f"hx::splat<V>(shared.table_{k}[{number * size + table.n}])"
            name = f"looked_{number}"
            out(f"{name} = hx::select(before, {first}, hx::select(after, {last}, {name}));")
            out(f"{name} = hx::select(nan, at, {name});")
        out.close()
        for number, place in enumerate(places):
            value = f"looked_{number}"
            if self.diverged and table.names[number].storage is not Storage.RESULT:
                value = f"hx::select(lanes, {value}, {place})"
            out(f"{place} = {value};")
        out.close()

    def _analytic(self, table: ir.Table, original: str, argument: str) -> None:
        """A call of the original on a copy: the instance itself stays in registers."""
        out = self.out
        if table.names[0].storage is Storage.RESULT:
            place = self.printer.place(table.names[0])
            out("Instance<V> copy = self;")
            out(f"{place} = {original}(copy, shared, lanes, {argument});")
        else:
            out("Instance<V> copy = self;")
            out(f"{original}(copy, shared, lanes, {argument});")
        out("self = copy;")
