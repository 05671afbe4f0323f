"""The phases of a step where warps share out mechanisms, not nodes.

A task is up to 32 neighbouring instances of one mechanism; warps take tasks in turn, those that
take longest first. So run point processes, density mechanisms that few nodes have (a soma's
channels would follow one another in one thread), and all of them with HELIOX_SPREAD=1.
Currents leave their contributions in columns, which the nodes' threads add up in NEURON's order.
States that others read or write (concentrations) keep the order by passes with a barrier between.
"""

from __future__ import annotations

from dataclasses import replace

from ..nmodl.lower import Kernel
from .cpp import namespace
from .device_entry import Entry
from .device_phases import Phases, groups, needs_area, rare_test


def choose_apart(entries: list[Entry], spread: bool) -> frozenset[str]:
    """Density mechanisms that run as tasks. spread: all that can, else those of few nodes."""
    density = [e for e in entries if e.kind == "density" and e.kernel is not None]
    density = [e for e in density if _steps(e)]
    able = [e for e in density if not _reads_currents(e)]
    apart = {e.name for e in able if spread or not e.dense}
    if not spread and len(apart) < _SEVERAL:
        return frozenset()
    while True:  # one that shares a concentration with these has to keep its place among them
        more = {
            e.name
            for e in able
            if e.name not in apart and any(_conflict(e, o) for o in able if o.name in apart)
        }
        if not more:
            break
        apart |= more
    left = [e for e in density if e.name not in apart]
    if any(_conflict(e, o) for e in left for o in able if o.name in apart):
        return frozenset()
    return frozenset(apart)


_SEVERAL = 2


def _steps(entry: Entry) -> bool:
    kernel = entry.kernel
    return kernel is not None and (kernel.current is not None or kernel.state is not None)


def _reads_currents(entry: Entry) -> bool:
    assert entry.kernel is not None
    columns = entry.kernel.columns.current
    return columns is not None and any(v.column >= 3 for v in columns.copied)


def _conflict(one: Entry, other: Entry) -> bool:
    """Whether the states of two mechanisms have to keep their order."""
    assert one.kernel is not None and other.kernel is not None
    if one.kernel.state is None or other.kernel.state is None:
        return False
    read, written = _concentrations(one.kernel)
    theirs_read, theirs_written = _concentrations(other.kernel)
    return bool(written & (theirs_read | theirs_written) or read & theirs_written)


def task_passes(entries: list[Entry], apart: frozenset[str]) -> list[list[int]]:
    """Entries that may run side by side: those with currents, then the passes of states."""
    tasks = {
        m: e
        for m, e in enumerate(entries)
        if e.kernel is not None and (e.kind == "point" or e.name in apart)
    }
    passes = [[m for m, e in tasks.items() if e.kernel and e.kernel.current is not None]]
    level: dict[int, int] = {}
    for m, entry in tasks.items():
        if entry.kernel is None or entry.kernel.state is None:
            continue
        earlier = [at for other, at in level.items() if _conflict(entry, entries[other])]
        level[m] = max(earlier, default=-1) + 1
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
        self._prepare_steady()
        self._node_currents()
        self._update("hx_own_update", last=False)
        self._advance()
        self._states()
        self._node_states()
        self._deliver()
        self.hooks.phases()
        return self.out.text()

    def _ions(self) -> None:
        """Reversal potentials that follow concentrations, before any current reads them."""
        out = self.out
        out.open("HX_DEVICE void hx_ions(hx::Nodes const& nodes, int b) {")
        self._reversal({e.name for e in self.entries if e.nernst})
        out.close()
        out()

    def _pass(self, number: int, hook: str) -> None:
        """All tasks of one pass of a block."""
        out, n_pass = self.out, len(self.passes)
        out.open(
            f"HX_DEVICE void hx_pass_{number}(hx::Nodes const& nodes, int b, double t, "
            "bool whole) {"
        )
        first = f"hx_model.task_first[b * {n_pass} + {number}]"
        last = f"hx_model.task_first[b * {n_pass} + {number + 1}]"
        out.open(f"HX_ROLLED for (int k = {first} + hx::warp(); k < {last}; k += hx::n_warp()) {{")
        out("int const begin = hx_model.task_begin[k] + hx::lane();")
        out("int const end = hx_model.task_end[k];")
        out.open("switch (hx_model.task_entry[k]) {")
        for m in self.passes[number]:
            entry, kernel = self.entries[m], self.entries[m].kernel
            assert kernel is not None
            out.open(f"case {m}: {{")
            out(f"auto const shared = {namespace(kernel)}::share(t);")
            out.open("HX_ROLLED for (int i = begin; i < end; i += hx::n_lane()) {")
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
            "HX_DEVICE void hx_point_currents(hx::Nodes const& nodes, int b, double t, "
            "bool whole) {"
        )
        out("hx_ions(nodes, b);")
        out("hx_pass_0(nodes, b, t, whole);")
        out("hx::steady_currents(nodes, hx::kCurrentsFirst);")
        out("HX_SYNC();")
        out.close()
        out()

    def _ion(self, entry: Entry) -> None:
        """The node's thread has only the currents left to do."""
        super()._ion(replace(entry, nernst=False))

    def _node_entry(self, m: int, entry: Entry, ahead: str) -> None:
        """What the node's thread does for one entry: the thread's order of mechanisms."""
        if entry.kind == "density" and m in self.passes[0]:
            assert entry.kernel is not None
            name = namespace(entry.kernel)
            self.out(f"{name}::add_at(i_{m}, part_{m}, whole, sum);")
        else:
            super()._node_entry(m, entry, ahead)

    def _before_entries(self) -> None:
        """Looks up the contributions of a node's tasks, all at a time."""
        out = self.out
        apart = [
            (m, e)
            for m, e in enumerate(self.entries)
            if e.kind == "density" and m in self.passes[0]
        ]
        for m, entry in apart:
            assert entry.kernel is not None
            out(f"int i_{m} = 0;")
            out(f"hx::Contribution part_{m}{{}};")
        for group in groups(apart):
            test = rare_test(group)
            if test:
                self._parts_together(group, test)
                continue
            for m, entry in group:
                out.open(f"if (mask_{m // 32} >> {m % 32} & 1u) {{")
                out(f"i_{m} = {self._index(entry)};")
                self._part(m, entry, f"i_{m}")
                out.close()

    def _parts_together(self, group: list[tuple[int, Entry]], test: str) -> None:
        """All loads are under way at a time. Instance 0 stands for what a node does not have:
        another block may be storing it, nobody uses it.
        """
        self.out.open(f"if ({test}) {{")
        for m, entry in group:
            self.out(f"i_{m} = {self._index(entry)};")
        for m, entry in group:
            self._part(m, entry, f"i_{m} < 0 ? 0 : i_{m}")
        self.out.close()

    def _part(self, m: int, entry: Entry, place: str) -> None:
        assert entry.kernel is not None
        self.out(f"part_{m} = {namespace(entry.kernel)}::contribution_at({place});")

    def _own(self, hook: str) -> list[tuple[int, Entry, Kernel]]:
        """Density mechanisms that the nodes' threads run."""
        tasks = {m for members in self.passes for m in members}
        return [kernel for kernel in self._kernels(hook, "density") if kernel[0] not in tasks]

    def _states(self) -> None:
        out = self.out
        arguments = "hx::Nodes const& nodes, int b, double t, bool whole"
        out.open(f"HX_DEVICE void hx_update({arguments}, bool advance) {{")
        out("hx_own_update(nodes, b, t, whole, advance);")
        for number in range(1, len(self.passes) - 1):
            out("HX_SYNC();")
            out(f"hx_pass_{number}(nodes, b, t, whole);")
        self._advance_some_steady()
        if len(self.passes) > 1:
            out("HX_SYNC();")
            out(f"hx_pass_{len(self.passes) - 1}(nodes, b, t, whole);")
        out.close()
        out()
        out(f"HX_DEVICE void hx_point_states({arguments}) {{}}")
        out()
