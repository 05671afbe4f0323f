"""The tasks of a step for the streams plan: their kernels, and what each reads and writes.

Every mechanism has a kernel for its currents and one for its states. Currents leave each
instance's contribution in columns of the mechanism's own, so that mechanisms do not wait for each
other; `hx_gather` adds them up for each node in NEURON's order. Kernels that belong to no
mechanism: src/gpu/streams.cuh.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..nmodl.lower import Kernel
from ..nmodl.unsupported import Unsupported
from .cpp import namespace
from .device_entry import Entry
from .device_hooks import stages_of
from .device_phases import Phases, needs_area

Resource = tuple[object, ...]
ALL: Resource = ("*",)  # shared with everything


@dataclass(frozen=True)
class Task:
    """One kernel's part of a step. over: what its threads go through: "block" (a block of threads
    for each block of cells), "node", "link", "sum", "one" or "instance" (of an entry).
    """

    kernel: str
    over: str
    reads: frozenset[Resource]
    writes: frozenset[Resource]
    entry: int = -1
    hook: str = ""  # "current", "state"

    def conflicts(self, other: Task) -> bool:
        """Whether the order of two tasks matters."""
        if ALL in self.writes or ALL in other.writes:
            return True
        return bool(self.writes & (other.reads | other.writes) or self.reads & other.writes)


def tasks_of(entries: list[Entry], linked: bool, played: bool) -> list[Task]:
    """The tasks of one step in NEURON's order. linked: cells look at each other. played: Vectors
    play continuously.
    """
    nothing: frozenset[Resource] = frozenset()
    every = frozenset({ALL})
    scratch = {m: ("scratch", m) for m, e in enumerate(entries) if e.kernel and e.kernel.current}
    ions = [e for e in entries if e.kind == "ion"]
    totals = frozenset((e.name, c) for e in ions for c in (3, 4))
    tasks = [Task("hx_events", "block", nothing, every)]
    tasks += _hooks(entries, "BEFORE BREAKPOINT")
    if ions:
        follows = [e.name for e in ions if e.nernst]
        read = frozenset((name, c) for name in follows for c in (1, 2))
        tasks.append(Task("hx_ions", "node", read, totals | {(name, 0) for name in follows}))
    tasks += [_instances(entries, m, "current") for m in scratch]
    matrix: frozenset[Resource] = frozenset({("matrix",)})
    v: frozenset[Resource] = frozenset({("v",)})
    tasks.append(Task("hx_gather", "node", frozenset(scratch.values()) | v, matrix | totals))
    tasks.append(Task("hx_solve", "block", nothing, matrix))
    tasks.append(Task("hx_advance", "node", matrix, v | {("sav",)}))
    if linked:
        tasks.append(Task("hx_links", "link", v, frozenset({("links",)})))
    if played:
        tasks.append(Task("hx_play", "block", nothing, every))
    tasks += [
        _instances(entries, m, "state")
        for m, e in enumerate(entries)
        if e.kernel is not None and e.kernel.state is not None
    ]
    tasks += _hooks(entries, "AFTER SOLVE") + _hooks(entries, "BEFORE STEP")
    tasks.append(Task("hx_sample", "block", nothing, every))
    tasks.append(Task("hx_tick", "one", nothing, every))
    return tasks


def _hooks(entries: list[Entry], kind: str) -> list[Task]:
    """BEFORE or AFTER blocks of a kind: POINTERs lead anywhere, so each waits for all before it."""
    tasks = []
    for stage in stages_of(entries):
        if stage.hook.kind == kind:
            nothing, every = frozenset[Resource](), frozenset({ALL})
            name, number = stage.entry, stage.number
            tasks.append(Task(f"hx_hook_{number}", "instance", nothing, every, name, "hook"))
            if stage.hook.writes and stage.hook.parts is not None:
                tasks.append(Task(f"hx_parts_{number}", "sum", nothing, every, name, "sum"))
    return tasks


def _instances(entries: list[Entry], m: int, hook: str) -> Task:
    """Currents or states of entry m."""
    kernel = entries[m].kernel
    assert kernel is not None
    columns = kernel.columns.current if hook == "current" else kernel.columns.state
    assert columns is not None
    reads: set[Resource] = {("v",), ("links",)}
    reads |= {(v.ion, v.column) for v in columns.copied}
    writes: set[Resource] = {("own", m)}
    writes |= {(i.name, v.column) for i in kernel.mechanism.ions for v in i.write if v.column != 3}
    if hook == "current":
        writes.add(("scratch", m))
    return Task(f"hx_{hook}_{m}", "instance", frozenset(reads), frozenset(writes), m, hook)


class Streams(Phases):
    """Prints the kernels of tasks_of() that belong to mechanisms."""

    def text(self) -> str:
        """Raises Unsupported HX022 where currents depend on other currents of the same pass."""
        for entry in self.entries:
            columns = None if entry.kernel is None else entry.kernel.columns.current
            if columns is not None and any(v.column >= 3 for v in columns.copied):
                raise Unsupported("HX022", f"{entry.name}: currents that read an ion current")
        self._prepare()
        self._ions()
        for hook in ("current", "state"):
            kernels = [
                (m, e, e.kernel)
                for m, e in enumerate(self.entries)
                if e.kernel is not None
                and (e.kernel.current if hook == "current" else e.kernel.state) is not None
            ]
            for m, entry, kernel in kernels:
                self._at(hook, m, entry, kernel)
                self._kernel(hook, m, entry, kernel)
            self._merged(hook, kernels)
        self._gather()
        self._deliver()
        self.hooks.kernels()
        return self.out.text()

    def _begin(self) -> None:
        self.out("hx::fill_tables();")
        self.out("hx::Clock const clock = hx::read_clock();")

    def _over_nodes(self) -> None:
        out = self.out
        out.open("for (int p = hx::grid_tid(); p < hx_model.n_node; p += hx::n_grid()) {")

    def _ions(self) -> None:
        """Currents start at zero, and reversal potentials follow concentrations."""
        out = self.out
        ions = [(m, e) for m, e in enumerate(self.entries) if e.kind == "ion"]
        out.open("HX_GLOBAL void hx_ions() {")
        self._begin()
        out("bool const whole = clock.whole;")
        if not any(e.nernst or e.name in self.needs.ion_current for _, e in ions):
            out("if (!whole) return;")
        self._over_nodes()
        self._masks([m for m, _ in ions])
        for m, entry in ions:
            out.open(f"if (mask_{m // 32} >> {m % 32} & 1u) {{")
            self._ion(entry)
            out.close()
        out.close()
        out.close()
        out()

    def _at(self, hook: str, m: int, entry: Entry, kernel: Kernel) -> None:
        """What one thread does for instance k, in the order of nodes."""
        out, space = self.out, namespace(kernel)
        position = self.fields("int*", f"{entry.name}__position", "position", entry.name)
        out.open(
            f"HX_DEVICE void hx_{hook}_{m}_at({space}::Shared const& shared, int k, bool whole) {{"
        )
        out(f"int const p = {position}[k];")
        area = "0."
        if needs_area(kernel) or (hook == "current" and entry.kind == "point"):
            area = "hx_model.area[p]"
        at = "p" if entry.dense else "k"
        out(f"{space}::{hook}_at(shared, {at}, hx_model.v[p], {area}, whole);")
        out.close()
        out()

    def _kernel(self, hook: str, m: int, entry: Entry, kernel: Kernel) -> None:
        out = self.out
        count = self.fields("long long", f"{entry.name}__count", "count", entry.name)
        out.open(f"HX_GLOBAL void hx_{hook}_{m}() {{")
        self._begin()
        out(f"auto const shared = {namespace(kernel)}::share({_time(hook)});")
        out.open(f"for (int k = hx::grid_tid(); k < {count}; k += hx::n_grid()) {{")
        out(f"hx_{hook}_{m}_at(shared, k, clock.whole);")
        out.close()
        out.close()
        out()

    def _merged(self, hook: str, kernels: list[tuple[int, Entry, Kernel]]) -> None:
        """Several small mechanisms in one launch: pieces [first, last) of theirs, a block each."""
        out = self.out
        out.open(f"HX_GLOBAL void hx_{hook}s(int first, int last) {{")
        self._begin()
        out.open("for (int piece = first + hx::block(); piece < last; piece += hx::n_block()) {")
        out("int const begin = hx_model.piece_begin[piece] + hx::tid();")
        out("int const end = hx_model.piece_end[piece];")
        out.open("switch (hx_model.piece_entry[piece]) {")
        for m, _, kernel in kernels:
            out.open(f"case {m}: {{")
            out(f"auto const shared = {namespace(kernel)}::share({_time(hook)});")
            out.open("for (int k = begin; k < end; k += hx::n_thread()) {")
            out(f"hx_{hook}_{m}_at(shared, k, clock.whole);")
            out.close()
            out("break;")
            out.close()
        out("default: break;")
        out.close()
        out.close()
        out.close()
        out()

    def _gather(self) -> None:
        """Each node's sums, in the thread's order of mechanisms, then its axial terms."""
        out = self.out
        kernels = [
            (m, e, e.kernel)
            for m, e in enumerate(self.entries)
            if e.kernel is not None and e.kernel.current is not None
        ]
        out.open("HX_GLOBAL void hx_gather() {")
        out("bool const whole = hx::read_clock().whole;")
        self._over_nodes()
        out("hx::Nodes const nodes = hx::nodes_at(p);")
        out("int const l = p - nodes.first;")
        out("hx::NodeSum sum{};")
        self._masks([m for m, *_ in kernels])
        for m, entry, kernel in kernels:
            out.open(f"if (mask_{m // 32} >> {m % 32} & 1u) {{")
            if entry.kind == "point":
                first = self.fields("int*", f"{entry.name}__at_node", "at_node", entry.name)
                out(f"int const end = {first}[p + 1];")
                out.open(f"for (int i = {first}[p]; i < end; ++i) {{")
                name = namespace(kernel)
                out(f"{name}::add_at(i, {name}::contribution_at(i), whole, sum);")
                out.close()
            else:
                out(f"int const i = {self._index(entry)};")
                name = namespace(kernel)
                out(f"{name}::add_at(i, {name}::contribution_at(i), whole, sum);")
            out.close()
        out("hx::add_axial(nodes, l, nodes.v[l], hx::axial_ahead(nodes, l), sum);")
        out.close()
        out.close()
        out()


def _time(hook: str) -> str:
    return "clock.t_half" if hook == "current" else "clock.t"
