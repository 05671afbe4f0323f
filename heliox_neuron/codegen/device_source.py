"""The CUDA source of a model: its mechanisms and the phases of a step that run them.

One source per set of mechanisms, not per model: sizes, columns and schedules are reached through
hx_model. The same text compiles with NVRTC and, block by block and thread by thread, with a C++
compiler (src/gpu/device.cuh).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ..nmodl.lower import Kernel
from ..nmodl.unsupported import Unsupported
from .cpp import namespace
from .cpp_layout import Layout
from .cpp_writer import Writer
from .device_fields import Fields
from .device_mechanism import MechanismPrinter, Needs

FIXED: tuple[tuple[str, str], ...] = (
    ("int*", "block_node"),  # [n_block + 1] first node position of each block
    ("int*", "tree_table"),
    ("int*", "tree_first"),  # [n_block] into tree_table
    ("double*", "v"),
    ("double*", "a"),
    ("double*", "b"),
    ("double*", "cm"),
    ("double*", "area"),
    ("double*", "i_cap"),
    ("double*", "sav_rhs"),
    ("double*", "sav_d"),
    ("int*", "kin"),  # slots of parent and child in one word, see nodes.cuh
    ("int*", "child_first"),
    ("int*", "child"),
    ("double", "dt"),
    ("double", "cj"),
    ("double", "celsius"),
    ("double", "v_scale"),
    ("int*", "nan_node"),
    ("long long", "n_record"),
    ("long long", "sync_records"),
    ("int*", "record_first"),
    ("int*", "record_slot"),
    ("double**", "record_place"),
    ("double*", "record_value"),
    ("int*", "source_first"),
    ("int*", "source_slot"),
    ("double**", "source_place"),
    ("double*", "source_threshold"),
    ("int*", "source_flag"),
    ("int*", "n_spike"),
    ("long long", "max_spike"),
    ("int*", "spike_step"),
    ("int*", "spike_source"),
    ("long long", "n_play"),
    ("int*", "play_first"),
    ("int*", "play_slot"),
    ("double**", "play_place"),
    ("double*", "play_value"),
    ("int*", "event_first"),  # [n_block + 1]
    ("int*", "event_step"),
    ("int*", "event_kind"),
    ("int*", "event_head"),  # the first of consecutive events of one target in one step
    ("int*", "event_instance"),
    ("double*", "event_time"),
    ("double*", "event_flag"),
    ("int*", "event_weight"),  # first double in weight
    ("double*", "weight"),
    ("double**", "event_place"),
    ("int*", "event_slot"),
    ("double*", "event_sample"),
    ("int*", "self_count"),  # [n_block] events that point processes sent to themselves
    ("long long", "max_self"),  # of a block
    ("double*", "self_time"),
    ("double*", "self_flag"),
    ("int*", "self_kind"),
    ("int*", "self_instance"),
    ("int*", "self_weight"),
    ("int*", "self_root"),  # the host's event that led to it
    ("double*", "self_next"),  # [n_block] time of the earliest
    ("int*", "n_net_event"),
    ("long long", "max_net_event"),
    ("double*", "net_event_time"),
    ("int*", "net_event_kind"),
    ("int*", "net_event_instance"),
    ("int*", "net_event_root"),
    ("double*", "workspace"),
    ("int*", "workspace_first"),
)
# event_kind (src/gpu/events.cuh): a Vector samples, a Vector writes, NET_RECEIVE of entry kind - 2
EVENT_SAMPLE, EVENT_WRITE, EVENT_RECEIVE = 0, 1, 2


@dataclass(frozen=True)
class Entry:
    """A mechanism in the thread's order. kernel: None for ions and for what does nothing in a step.

    nernst: some instance of this ion mechanism follows its concentrations. dense: so many nodes have
    one that instances lie at their nodes' positions.
    """

    name: str
    kind: str  # "ion", "density", "point"
    kernel: Kernel | None
    nernst: bool = False
    dense: bool = False


@dataclass
class DeviceSource:
    """text: the CUDA source. fields: what hx_model wants. scratch: names of each point process's columns.

    words: how many mask words a node has; bit m % 32 of word m // 32 is entry m.
    """

    text: str
    fields: Fields
    words: int
    key: str


def print_model(entries: list[Entry], fast_imem: bool, current_ions: set[str]) -> DeviceSource:
    """The source for mechanisms in this order. current_ions: ions whose currents are looked at each step.

    Raises Unsupported HX022 where the order of a step cannot be kept on the device.
    """
    fields = Fields()
    for kind, name in FIXED:
        fields(kind, name, name)
    needed = frozenset(current_ions | _read_currents(entries))
    dense = frozenset(entry.name for entry in entries if entry.dense)
    needs = Needs(needed, fast_imem, dense, _written_ions(entries))
    _check_order(entries)
    parts = []
    for entry in entries:
        if entry.kernel is not None:
            parts.append(MechanismPrinter(entry.kernel, fields, needs).text())
    phases = _Phases(entries, fields, needs).text()
    out = Writer("model.cu", "")
    out("// Generated: edit the .mod files, not this.")
    out('#include "device.cuh"')
    if fast_imem:
        out("#define HX_FAST_IMEM")
    fields.print(out)
    out('#include "math.cuh"')
    out('#include "tree.cuh"')
    out('#include "nodes.cuh"')
    if any(e.kernel and e.kernel.receive and e.kernel.receive.uses_net_send for e in entries):
        out("#define HX_SELF_EVENTS")
    out('#include "sender.cuh"')
    out()
    text = out.text() + "\n".join(parts) + phases + '#include "plans.cuh"\n'
    return DeviceSource(
        text, fields, (len(entries) + 31) // 32, hashlib.sha256(text.encode()).hexdigest()
    )


def _read_currents(entries: list[Entry]) -> set[str]:
    """Ions whose total current some kernel reads."""
    found = set()
    for entry in entries:
        if entry.kernel is None:
            continue
        columns = entry.kernel.columns
        for used in (columns.current, columns.state):
            if used is not None:
                found |= {v.ion for v in used.copied if v.column >= 3}
    return found


def _written_ions(entries: list[Entry]) -> frozenset[tuple[str, int]]:
    """(ion, column) that a step may store."""
    found = {(e.name, 0) for e in entries if e.nernst}
    for entry in entries:
        if entry.kernel is not None:
            for ion in entry.kernel.mechanism.ions:
                found |= {(ion.name, v.column) for v in ion.write}
                found |= {(ion.name, 3), (ion.name, 4)}
            if entry.kernel.receive is not None:
                found |= {(v.ion, v.column) for v in entry.kernel.receive.ion_store}
    return frozenset(found)


def _check_order(entries: list[Entry]) -> None:
    """Point processes run in a pass of their own: what they read must not change within a step's pass."""
    for entry in entries:
        kernel = entry.kernel
        if kernel is None or entry.kind != "point":
            continue
        if kernel.serial:
            raise Unsupported("HX022", f"{entry.name}: its instances see each other's ions")
        columns = kernel.columns
        if columns.current is not None and any(v.column >= 3 for v in columns.current.copied):
            raise Unsupported("HX022", f"{entry.name}: a point process that reads an ion current")
        for ion in kernel.mechanism.ions:
            if columns.state is None:
                continue
            read = {v.column for v in columns.state.copied if v.ion == ion.name}
            if read & {1, 2} and _writes_concentration(entries, ion.name):
                raise Unsupported(
                    "HX022", f"{entry.name}: a point process that reads a concentration that changes"
                )


def _writes_concentration(entries: list[Entry], ion: str) -> bool:
    return any(
        entry.kernel is not None
        and any(
            i.name == ion and any(v.column in (1, 2) for v in i.write)
            for i in entry.kernel.mechanism.ions
        )
        for entry in entries
    )


class _Phases:
    """The functions that fused.cuh and streams.cuh call."""

    def __init__(self, entries: list[Entry], fields: Fields, needs: Needs) -> None:
        self.entries = entries
        self.fields = fields
        self.needs = needs
        self.out = Writer("model.cu", "")

    def text(self) -> str:
        self._prepare()
        self._point_pass("hx_point_currents", "current")
        self._node_currents()
        self._update("hx_update", advance=True, states=True)
        self._update("hx_advance_v", advance=True, states=False)
        self._update("hx_node_states", advance=False, states=True)
        self._point_pass("hx_point_states", "state")
        self._deliver()
        return self.out.text()

    def _kernels(self, hook: str, kind: str) -> list[tuple[int, Entry, Kernel]]:
        return [
            (m, entry, entry.kernel)
            for m, entry in enumerate(self.entries)
            if entry.kind == kind
            and entry.kernel is not None
            and (entry.kernel.current if hook == "current" else entry.kernel.state) is not None
        ]

    def _prepare(self) -> None:
        out = self.out
        out("// Once before a batch, by one thread.")
        out.open("HX_GLOBAL void hx_prepare() {")
        out("hx::fill_tables();")
        out("HX_SYNC();")
        out("if (hx::block() != 0 || hx::tid() != 0) return;")
        for entry in self.entries:
            if entry.kernel is not None:
                out(f"{namespace(entry.kernel)}::prepare();")
        out.close()
        out()

    def _shares(self, kernels: list[tuple[int, Entry, Kernel]]) -> None:
        for m, _, kernel in kernels:
            self.out(f"auto const shared_{m} = {namespace(kernel)}::share(t);")

    def _masks(self, kernels: list[int]) -> None:
        for word in sorted({m // 32 for m in kernels}):
            mask = self.fields("int*", f"mask_{word}", "mask", word)
            self.out(f"unsigned const mask_{word} = {mask}[p];")

    def _index(self, entry: Entry) -> str:
        """The instance at position p."""
        if entry.dense:
            return "p"
        return self.fields("int*", f"{entry.name}__index", "index", entry.name) + "[p]"

    def _point_pass(self, name: str, hook: str) -> None:
        out = self.out
        kernels = self._kernels(hook, "point")
        out.open(f"HX_DEVICE void {name}(hx::Nodes const& nodes, int b, double t, bool whole) {{")
        for m, entry, kernel in kernels:
            block = self.fields("int*", f"{entry.name}__block", "block", entry.name)
            node = self.fields("int*", f"{entry.name}__node", "slot", entry.name)
            out.open(f"if ({block}[b] < {block}[b + 1]) {{")
            out(f"auto const shared_{m} = {namespace(kernel)}::share(t);")
            out.open(
                f"for (int i = {block}[b] + hx::tid(); i < {block}[b + 1]; i += hx::n_thread()) {{"
            )
            out(f"int const l = {node}[i];")
            out("double const area = hx_model.area[nodes.first + l];")
            out(f"{namespace(kernel)}::{hook}_at(shared_{m}, i, nodes.v[l], area, whole);")
            out.close()
            out.close()
        if kernels and hook == "current":
            out("HX_SYNC();")
        out.close()
        out()

    def _node_currents(self) -> None:
        out = self.out
        density = self._kernels("current", "density")
        point = self._kernels("current", "point")
        ions = [(m, e) for m, e in enumerate(self.entries) if e.kind == "ion"]
        out.open(
            "HX_DEVICE void hx_node_currents(hx::Nodes const& nodes, int b, double t, bool whole) {"
        )
        self._shares(density)
        out.open("for (int l = hx::tid(); l < nodes.n; l += hx::n_thread()) {")
        out("int const p = nodes.first + l;")
        out("double const v = nodes.v[l];")
        out("hx::NodeSum sum{};")
        self._masks([m for m, *_ in [*density, *point, *ions]])
        for m, entry in enumerate(self.entries):
            has_current = entry.kernel is not None and entry.kernel.current is not None
            if entry.kind != "ion" and not has_current:
                continue
            out.open(f"if (mask_{m // 32} >> {m % 32} & 1u) {{")
            if entry.kind == "ion":
                self._ion(entry)
            elif entry.kind == "density":
                assert entry.kernel is not None
                out(f"int const i = {self._index(entry)};")
                area = "hx_model.area[p]" if _needs_area(entry.kernel) else "0."
                out(f"{namespace(entry.kernel)}::current_at(shared_{m}, i, v, {area}, whole, sum);")
            else:
                assert entry.kernel is not None
                first = self.fields("int*", f"{entry.name}__at_node", "at_node", entry.name)
                out(f"int const end = {first}[p + 1];")
                out.open(f"for (int i = {first}[p]; i < end; ++i) {{")
                out(f"{namespace(entry.kernel)}::add_at(i, whole, sum);")
                out.close()
            out.close()
        out("hx::add_axial(nodes, l, v, sum);")
        out.close()
        out.close()
        out()

    def _ion(self, entry: Entry) -> None:
        """NEURON's ion_cur: currents start at zero; Nernst potential where the style says so."""
        out, name = self.out, entry.name
        out(f"int const i = {self._index(entry)};")
        out.open("{" if name in self.needs.ion_current else "if (whole) {")
        out(f"{self.fields('double*', f'{name}_cur', 'ion', name, 3)}[i] = 0.;")
        out(f"{self.fields('double*', f'{name}_dcurdv', 'ion', name, 4)}[i] = 0.;")
        out.close()
        if entry.nernst:
            style = self.fields("int*", f"{name}__nernst", "nernst", name)
            charge = self.fields("double", f"{name}__charge", "charge", name)
            coefficient = self.fields("double", f"{name}__coefficient", "coefficient", name)
            conci = self.fields("double*", f"{name}_conci", "ion", name, 1)
            conco = self.fields("double*", f"{name}_conco", "ion", name, 2)
            erev = self.fields("double*", f"{name}_erev", "ion", name, 0)
            out.open(f"if ({style}[i]) {{")
            out(f"{erev}[i] = hx::nernst({conci}[i], {conco}[i], {charge}, {coefficient});")
            out.close()

    def _update(self, name: str, advance: bool, states: bool) -> None:
        out = self.out
        kernels = self._kernels("state", "density") if states else []
        arguments = "hx::Nodes const& nodes, int b, double t, bool whole" if states else (
            "hx::Nodes const& nodes, bool whole"
        )  # fmt: skip
        out.open(f"HX_DEVICE void {name}({arguments}) {{")
        self._shares(kernels)
        out.open("for (int l = hx::tid(); l < nodes.n; l += hx::n_thread()) {")
        if advance:
            out("double const v = hx::advance_v(nodes, l, whole);")
        else:
            out("double const v = nodes.v[l];")
        if kernels:
            out("int const p = nodes.first + l;")
            self._masks([m for m, *_ in kernels])
        for m, entry, kernel in kernels:
            out.open(f"if (mask_{m // 32} >> {m % 32} & 1u) {{")
            out(f"int const i = {self._index(entry)};")
            area = "hx_model.area[p]" if _needs_area(kernel) else "0."
            out(f"{namespace(kernel)}::state_at(shared_{m}, i, v, {area}, whole);")
            out.close()
        out.close()
        out.close()
        out()

    def _deliver(self) -> None:
        out = self.out
        receivers = [
            (m, e, e.kernel)
            for m, e in enumerate(self.entries)
            if e.kernel is not None and e.kernel.receive is not None
        ]
        out("// One event for an instance of entry kind - HX_EVENT_RECEIVE.")
        out.open(
            "HX_DEVICE void hx_receive(hx::Nodes const& nodes, int kind, int i, double t, "
            "double* weight, double flag, hx::Sender& sender) {"
        )
        out.open("switch (kind - HX_EVENT_RECEIVE) {")
        for m, entry, kernel in receivers:
            node = self.fields("int*", f"{entry.name}__node", "slot", entry.name)
            out.open(f"case {m}: {{")
            out(f"int const l = {node}[i];")
            out("double const area = hx_model.area[nodes.first + l];")
            receive = f"{namespace(kernel)}::receive_at"
            out(f"{receive}(i, t, nodes.v[l], area, weight, flag, sender);")
            out("break;")
            out.close()
        out("default: break;")
        out.close()
        out.close()
        out()


def _needs_area(kernel: Kernel) -> bool:
    return Layout(kernel).needs_area
