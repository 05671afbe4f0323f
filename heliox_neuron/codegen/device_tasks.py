"""The phases of a step for a model of few blocks: warps share out mechanisms, not nodes.

With one block on a multiprocessor what counts is how many evaluations follow one another. A task is up
to 32 neighbouring instances of one mechanism; warps take tasks in turn, those that take longest
first. Currents leave their contributions in columns, which the nodes' threads add up in NEURON's
order. States that others read or write (concentrations) keep the order by passes with a barrier
between.
"""

from __future__ import annotations

from ..nmodl.lower import Kernel
from .cpp import namespace
from .device_entry import Entry
from .device_phases import Phases, needs_area


def task_passes(entries: list[Entry]) -> list[list[int]]:
    """Entries that may run side by side: those with currents, then the passes of states."""
    passes = [[m for m, e in enumerate(entries) if e.kernel and e.kernel.current is not None]]
    level: dict[int, int] = {}
    for m, entry in enumerate(entries):
        if entry.kernel is None or entry.kernel.state is None:
            continue
        read, written = _concentrations(entry.kernel)
        level[m] = 0
        for other, at in list(level.items()):
            if other == m:
                continue
            kernel = entries[other].kernel
            assert kernel is not None
            theirs_read, theirs_written = _concentrations(kernel)
            if written & (theirs_read | theirs_written) or read & theirs_written:
                level[m] = max(level[m], at + 1)
    for at in range(max(level.values(), default=-1) + 1):
        passes.append([m for m in level if level[m] == at])
    return passes


def _concentrations(kernel: Kernel) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """What `state` reads and writes of ions, currents apart."""
    columns = kernel.columns.state
    assert columns is not None
    read = {(v.ion, v.column) for v in columns.copied if v.column < 3}
    written = {(i.name, v.column) for i in kernel.mechanism.ions for v in i.write if v.column < 3}
    return read, written


class Tasks(Phases):
    """Prints the same functions as Phases, for tasks."""

    def __init__(self, *arguments: object, passes: list[list[int]]) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.passes = passes

    def text(self) -> str:
        self._prepare()
        self._ions()
        self._pass(0, "current")
        for number in range(1, len(self.passes)):
            self._pass(number, "state")
        self._currents()
        self._node_currents()
        self._advance()
        self._states()
        self._deliver()
        return self.out.text()

    def _ions(self) -> None:
        """Before currents read reversal potentials that follow concentrations."""
        out = self.out
        ions = [(m, e) for m, e in enumerate(self.entries) if e.kind == "ion"]
        out.open("HX_DEVICE void hx_ions(hx::Nodes const& nodes, bool whole) {")
        if ions:
            out.open("for (int l = hx::tid(); l < nodes.n; l += hx::n_thread()) {")
            out("int const p = nodes.first + l;")
            self._masks([m for m, _ in ions])
            for m, entry in ions:
                out.open(f"if (mask_{m // 32} >> {m % 32} & 1u) {{")
                self._ion(entry)
                out.close()
            out.close()
        out.close()
        out()

    def _pass(self, number: int, hook: str) -> None:
        """All tasks of one pass of a block."""
        out, n_pass = self.out, len(self.passes)
        out.open(
            f"HX_DEVICE void hx_pass_{number}(hx::Nodes const& nodes, int b, double t, bool whole) {{"
        )
        first = f"hx_model.task_first[b * {n_pass} + {number}]"
        last = f"hx_model.task_first[b * {n_pass} + {number + 1}]"
        out.open(f"for (int k = {first} + hx::warp(); k < {last}; k += hx::n_warp()) {{")
        out("int const begin = hx_model.task_begin[k] + hx::lane();")
        out("int const end = hx_model.task_end[k];")
        out.open("switch (hx_model.task_entry[k]) {")
        for m in self.passes[number]:
            entry, kernel = self.entries[m], self.entries[m].kernel
            assert kernel is not None
            out.open(f"case {m}: {{")
            out(f"auto const shared = {namespace(kernel)}::share(t);")
            out.open("for (int i = begin; i < end; i += hx::n_lane()) {")
            if entry.dense:
                out("int const l = i - nodes.first;")
            else:
                slot = self.fields("int*", f"{entry.name}__node", "slot", entry.name)
                out(f"int const l = {slot}[i];")
            area = "0."
            if needs_area(kernel) or (hook == "current" and entry.kind == "point"):
                area = "hx_model.area[nodes.first + l]"
            out(f"{namespace(kernel)}::{hook}_at(shared, i, nodes.v[l], {area}, whole);")
            out.close()
            out("break;")
            out.close()
        out("default: break;")
        out.close()
        out.close()
        out.close()
        out()

    def _currents(self) -> None:
        out = self.out
        out.open(
            "HX_DEVICE void hx_point_currents(hx::Nodes const& nodes, int b, double t, bool whole) {"
        )
        out("hx_ions(nodes, whole);")
        out("HX_SYNC();")
        out("hx_pass_0(nodes, b, t, whole);")
        out("HX_SYNC();")
        out.close()
        out()

    def _node_currents(self) -> None:
        """Each node's sum, in the thread's order of mechanisms."""
        out = self.out
        kernels = [(m, e, e.kernel) for m, e in enumerate(self.entries) if m in self.passes[0]]
        out.open(
            "HX_DEVICE void hx_node_currents(hx::Nodes const& nodes, int b, double t, bool whole) {"
        )
        out.open("for (int l = hx::tid(); l < nodes.n; l += hx::n_thread()) {")
        out("int const p = nodes.first + l;")
        out("hx::NodeSum sum{};")
        self._masks([m for m, *_ in kernels])
        for m, entry, kernel in kernels:
            assert kernel is not None
            out.open(f"if (mask_{m // 32} >> {m % 32} & 1u) {{")
            self._add(entry, kernel)
            out.close()
        out("hx::add_axial(nodes, l, nodes.v[l], sum);")
        out.close()
        out.close()
        out()

    def _add(self, entry: Entry, kernel: Kernel) -> None:
        out = self.out
        if entry.kind == "point":
            first = self.fields("int*", f"{entry.name}__at_node", "at_node", entry.name)
            out(f"int const end = {first}[p + 1];")
            out.open(f"for (int i = {first}[p]; i < end; ++i) {{")
            out(f"{namespace(kernel)}::add_at(i, whole, sum);")
            out.close()
        else:
            out(f"{namespace(kernel)}::add_at({self._index(entry)}, whole, sum);")

    def _advance(self) -> None:
        out = self.out
        out.open("HX_DEVICE void hx_advance_v(hx::Nodes const& nodes, bool whole) {")
        out.open("for (int l = hx::tid(); l < nodes.n; l += hx::n_thread()) {")
        out("hx::advance_v(nodes, l, whole);")
        out.close()
        out.close()
        out()

    def _states(self) -> None:
        out = self.out
        arguments = "hx::Nodes const& nodes, int b, double t, bool whole"
        out.open(f"HX_DEVICE void hx_node_states({arguments}) {{")
        for number in range(1, len(self.passes)):
            if number > 1:
                out("HX_SYNC();")
            out(f"hx_pass_{number}(nodes, b, t, whole);")
        out.close()
        out()
        out.open(f"HX_DEVICE void hx_update({arguments}) {{")
        out("hx_advance_v(nodes, whole);")
        out("HX_SYNC();")
        out("hx_node_states(nodes, b, t, whole);")
        out.close()
        out()
        out(f"HX_DEVICE void hx_point_states({arguments}) {{}}")
        out()
