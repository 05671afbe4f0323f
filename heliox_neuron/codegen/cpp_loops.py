"""Loops over instances: load what a body reads, call it, store what it writes.

Each hook has one chunk function, a template over V and over whether rows are consecutive (`unit`),
and a loop that runs it on full vectors and on the rest. The order of operations is that of nrn_cur,
nrn_jacob and nrn_state in nocmodl's output.
"""

from __future__ import annotations

from ..nmodl.ir import Statement, Storage, Variable
from ..nmodl.liveness import Flow
from ..nmodl.lower import Kernel
from .cpp_layout import Layout
from .cpp_writer import Writer, mangled

_POINT = " * 1.e2 / area"


def print_loops(kernel: Kernel, layout: Layout, out: Writer) -> None:
    """The chunk and the entry of each hook."""
    if kernel.current is not None:
        _Chunk(kernel, layout, out).current()
        _print_entry(kernel, "current", out)
    if kernel.state is not None:
        _Chunk(kernel, layout, out).state()
        _print_entry(kernel, "state", out)


def _print_entry(kernel: Kernel, hook: str, out: Writer) -> None:
    out.open(f"static void {hook}(hx_args const* args, hx_range const* range) {{")
    out("Shared const shared = share(args);")
    if kernel.serial:
        # instances on one node read an ion column that the one before wrote
        out.open("for (int i = range->begin; i < range->end; ++i) {")
        out(f"{hook}_chunk<double, false>(args, shared, range, i, 1);")
        out.close()
    else:
        out("constexpr int width = hx::width<hx::vd>;")
        out("int i = range->begin;")
        out.open("if (range->consecutive) {")
        out.open("for (; i + width <= range->end; i += width) {")
        out(f"{hook}_chunk<hx::vd, true>(args, shared, range, i, width);")
        out.close()
        out.close("} else {")
        out.depth += 1
        out.open("for (; i + width <= range->end; i += width) {")
        out(f"{hook}_chunk<hx::vd, false>(args, shared, range, i, width);")
        out.close()
        out.close()
        out.open("if (i < range->end) {")
        out(f"{hook}_chunk<hx::vd, false>(args, shared, range, i, range->end - i);")
        out.close()
    out.close()
    out()


class _Chunk:
    def __init__(self, kernel: Kernel, layout: Layout, out: Writer) -> None:
        self.kernel = kernel
        self.layout = layout
        self.out = out
        self.mechanism = kernel.mechanism
        self.point = kernel.mechanism.kind == "point"

    # ---- pieces ----

    def begin(self, hook: str) -> None:
        out = self.out
        columns = self.kernel.columns
        used = columns.current if hook == "current" else columns.state
        assert used is not None
        out("template <class V, bool unit>")
        out.open(
            f"HX_INLINE void {hook}_chunk"
            "(hx_args const* args, Shared const& shared, hx_range const* range, int i, int n) {"
        )
        out("int const* const node = args->node_row + i;")
        out("long const first = unit ? args->node_row[range->begin] + (i - range->begin) : 0;")
        for k in self.layout.ions_used(hook):
            out(f"int const* const ion_{k} = args->ion_row[{k}] + i;")
            out(
                f"long const first_{k} = unit ? args->ion_row[{k}][range->begin] "
                "+ (i - range->begin) : 0;"
            )
        if self.layout.lean_fields or self.layout.ions_used(hook):
            out("bool const lean = args->flags & HX_LEAN;")
        out("Instance<V> self{};")
        for variable in used.load:
            field = self.layout.field_index(variable)
            out(f"self.{mangled(variable.name)} = hx::load<V>(args->column[{field}] + i, n);")
        for k, pointer in enumerate(self.layout.pointers):
            out(f"self.{mangled(pointer.name)} = hx::gather_pointer<V>(args->pointer[{k}] + i, n);")
        for variable in used.copied:
            ion = self.layout.ion_index(variable.ion)
            out(f"self.{mangled(variable.name)} = {self.read_ion(ion, variable.column)};")
        out(f"V const v = {self.read('args->v')};")
        if self.layout.needs_area or (hook == "current" and self.point):
            out(f"V const area = {self.read('args->area')};")
        if self.layout.needs_area:
            out("self.area = area;")
        out("hx::mask<V> const lanes = hx::active<V>(n);")

    def read(self, base: str) -> str:
        return f"unit ? hx::load<V>({base} + first, n) : hx::gather<V>({base}, node, n)"

    def read_ion(self, ion: int, column: int) -> str:
        base = f"args->ion_column[{ion * 5 + column}]"
        return f"unit ? hx::load<V>({base} + first_{ion}, n) : hx::gather<V>({base}, ion_{ion}, n)"

    def add(self, base: str, first: str, row: str, value: str, sign: str = "+") -> None:
        """base[rows] += value, instance by instance where rows may repeat."""
        out = self.out
        function = "accumulate" if sign == "+" else "deduct"
        out.open("if (unit) {")
        out(f"hx::store({base} + {first}, hx::load<V>({base} + {first}, n) {sign} {value}, n);")
        out.close("} else {")
        out.depth += 1
        out(f"hx::{function}({base}, {row}, {value}, n);")
        out.close()

    def write_ions(self, hook: str) -> None:
        """nocmodl's set_ion_variables."""
        out = self.out
        for ion in self.mechanism.ions:
            k = self.layout.ion_index(ion.name)
            for variable in ion.write:
                base = f"args->ion_column[{k * 5 + variable.column}]"
                place = f"self.{mangled(variable.name)}"
                if variable.column != 3:
                    out.open("if (unit) {")
                    out(f"hx::store({base} + first_{k}, {place}, n);")
                    out.close("} else {")
                    out.depth += 1
                    out(f"hx::scatter({base}, ion_{k}, {place}, n);")
                    out.close()
                elif hook == "current":
                    out.open(f"if (!(lean && (args->lean_ion >> {k} & 1u))) {{")
                    value = f"{place}{_POINT}" if self.point else place
                    self.add(base, f"first_{k}", f"ion_{k}", value)
                    out.close()

    def write_fields(self, stores: list[Variable]) -> None:
        out = self.out

        def store(variable: Variable) -> None:
            field = self.layout.field_index(variable)
            out(f"hx::store(args->column[{field}] + i, self.{mangled(variable.name)}, n);")

        lean = [v for v in stores if v in self.kernel.columns.lean]
        for variable in stores:
            if variable not in lean:
                store(variable)
        if lean:
            out.open("if (!lean) {")
            for variable in lean:
                store(variable)
            out.close()

    def write_globals(self, body: list[Statement]) -> None:
        """What the thread's last instance leaves in the GLOBALs that it writes."""
        written = Flow(self.mechanism).written(body)
        kept = [
            (k, variable)
            for k, variable in enumerate(self.layout.globals)
            if variable in written and variable.storage is Storage.WRITTEN_GLOBAL
        ]
        if not kept:
            return
        out = self.out
        out.open("if ((args->flags & HX_LAST) && i + n == range->end) {")
        out("double last[hx::width<V>];")
        for k, variable in kept:
            out(f"hx::store(last, self.{mangled(variable.name)}, n);")
            out(f"*args->global[{k}] = last[n - 1];")
        out.close()

    # ---- hooks ----

    def current(self) -> None:
        out, columns = self.out, self.kernel.columns.current
        assert columns is not None
        self.begin("current")
        if self.kernel.conductance:
            self.hinted()
        else:
            self.differentiated()
        self.write_ions("current")
        self.write_fields(columns.store)
        self.write_globals(self.kernel.current or [])
        if self.point:
            out("V const scale = 1.e2 / area;")
            out("g = g * scale;")
            out("rhs = rhs * scale;")
        if self.mechanism.electrode:
            self.add("args->rhs", "first", "node", "rhs", "+")
            out.open("if (args->sav_rhs) {")
            self.add("args->sav_rhs", "first", "node", "rhs", "+")
            out.close()
            self.add("args->d", "first", "node", "g", "-")
            out.open("if (args->sav_d) {")
            self.add("args->sav_d", "first", "node", "g", "-")
            out.close()
        else:
            self.add("args->rhs", "first", "node", "rhs", "-")
            self.add("args->d", "first", "node", "g", "+")
        out.close()
        out()

    def differentiated(self) -> None:
        """Currents at v + .001 and at v."""
        out = self.out
        out("self.v = v + .001;")
        out("V const shifted = current_body<V>(self, shared, lanes);")
        written = [
            (self.layout.ion_index(ion.name), variable)
            for ion in self.mechanism.ions
            for variable in ion.write
            if variable.column == 3
        ]
        for k, variable in written:
            out(f"V const shifted_{k} = self.{mangled(variable.name)};")
        out("self.v = v;")
        out("V rhs = current_body<V>(self, shared, lanes);")
        for k, variable in written:
            out.open(f"if (!(lean && (args->lean_ion >> {k} & 1u))) {{")
            value = f"(shifted_{k} - self.{mangled(variable.name)}) / .001"
            out(f"V const slope = {value}{_POINT if self.point else ''};")
            self.add(f"args->ion_column[{k * 5 + 4}]", f"first_{k}", f"ion_{k}", "slope")
            out.close()
        out("V g = (shifted - rhs) / .001;")

    def hinted(self) -> None:
        """CONDUCTANCE: one evaluation, and the hints are the conductance."""
        out = self.out
        out("self.v = v;")
        out("current_body<V>(self, shared, lanes);")
        names = [f"self.{mangled(c.name)}" for c in self.mechanism.currents]
        hints = [f"self.{mangled(ref.var.name)}" for ref, _ in self.kernel.conductance]
        out(f"V rhs = {' + '.join(names)};")
        out(f"V g = {' + '.join(hints)};")
        for (_, ion), hint in zip(self.kernel.conductance, hints, strict=True):
            if not ion:
                continue
            k = self.layout.ion_index(f"{ion}_ion")
            out.open(f"if (!(lean && (args->lean_ion >> {k} & 1u))) {{")
            value = f"{hint}{_POINT if self.point else ''}"
            self.add(f"args->ion_column[{k * 5 + 4}]", f"first_{k}", f"ion_{k}", value)
            out.close()

    def state(self) -> None:
        out, columns = self.out, self.kernel.columns.state
        assert columns is not None
        self.begin("state")
        out("self.v = v;")
        out("state_body<V>(self, shared, lanes);")
        self.write_ions("state")
        self.write_fields(columns.store)
        self.write_globals(self.kernel.state or [])
        out.close()
        out()


def members(kernel: Kernel, layout: Layout) -> list[str]:
    """Names of Instance's members."""
    names = [mangled(v.name) for v in layout.fields + layout.copies + layout.hidden]
    names += [mangled(v.name) for v in layout.pointers]
    return [*dict.fromkeys(names)]


def is_member(variable: Variable) -> bool:
    """Whether a variable is one of Instance's columns."""
    return variable.storage in (Storage.FIELD, Storage.ION, Storage.FILE_LOCAL)
