"""The phases of a step for one block: the functions that src/gpu/fused.cuh calls.

A node's thread runs the density mechanisms of the node in NEURON's order, sums kept in registers.
Point processes run in passes of their own, one thread an instance.
"""

from __future__ import annotations

from ..nmodl.ir import Variable
from ..nmodl.lower import Kernel
from .cpp import namespace
from .cpp_layout import Layout
from .cpp_writer import Writer
from .device_ahead import NodeLoop
from .device_entry import Entry
from .device_fields import Fields
from .device_hooks import HookPhases
from .device_instance import Needs


class Phases:
    """The functions that fused.cuh and streams.cuh call."""

    def __init__(self, entries: list[Entry], fields: Fields, needs: Needs) -> None:
        self.entries = entries
        self.fields = fields
        self.needs = needs
        self.out = Writer("model.cu", "")
        self.hooks = HookPhases(entries, fields, self.out)

    def text(self) -> str:
        self._prepare()
        self._point_pass("hx_point_currents", "current")
        self._prepare_steady()
        self._node_currents()
        self._update("hx_update")
        self._advance()
        self._node_states()
        self._point_pass("hx_point_states", "state")
        self._deliver()
        self.hooks.phases()
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
        out.open("HX_GLOBAL void hx_prepare(int keep_tables) {")
        out("hx::fill_tables();")
        out("HX_SYNC();")
        out("if (hx::block() != 0 || hx::tid() != 0) return;")
        for entry in self.entries:
            if entry.kernel is not None:
                out(f"{namespace(entry.kernel)}::prepare(keep_tables != 0);")
        out.close()
        out()

    def _shares(self, kernels: list[tuple[int, Entry, Kernel]]) -> None:
        for m, _, kernel in kernels:
            self.out(f"auto const shared_{m} = {namespace(kernel)}::share(t);")

    def _mask_fields(self, kernels: list[int]) -> dict[int, str]:
        """Words of the masks in which these entries have bits, each with its member of hx_model."""
        words = sorted({m // 32 for m in kernels})
        return {word: self.fields("int*", f"mask_{word}", "mask", word) for word in words}

    def _masks(self, kernels: list[int]) -> None:
        for word, mask in self._mask_fields(kernels).items():
            self.out(f"unsigned const mask_{word} = hx::fixed({mask}, p);")

    def _index(self, entry: Entry) -> str:
        """The instance at position p."""
        if entry.dense:
            return "p"
        return self.fields("int*", f"{entry.name}__index", "index", entry.name) + "[p]"

    def _point_pass(self, name: str, hook: str) -> None:
        out = self.out
        kernels = self._kernels(hook, "point")
        out.open(f"HX_DEVICE void {name}(hx::Nodes const& nodes, int b, double t, bool whole) {{")
        if hook == "current":
            self._reversal({v.ion for *_, k in kernels for v in _copied(k) if v.column == 0})
        for m, entry, kernel in kernels:
            block = self.fields("int*", f"{entry.name}__block", "block", entry.name)
            node = self.fields("int*", f"{entry.name}__node", "slot", entry.name)
            out.open(f"if ({block}[b] < {block}[b + 1]) {{")
            out(f"auto const shared_{m} = {namespace(kernel)}::share(t);")
            out.open(over_instances(block, m))
            out(f"int const l = {node}[i];")
            out("double const area = hx_model.area[nodes.first + l];")
            out(f"{namespace(kernel)}::{hook}_at(shared_{m}, i, nodes.v[l], area, whole);")
            out.close()
            out.close()
        if hook == "current":
            out("hx::steady_currents(nodes, hx::kCurrentsFirst);")
            if kernels:
                out("HX_SYNC();")
        out.close()
        out()

    def _reversal(self, names: set[str]) -> None:
        """Reversal potentials that follow concentrations: who reads them before the nodes do."""
        out = self.out
        ions = [(m, e) for m, e in enumerate(self.entries) if e.nernst and e.name in names]
        for m, entry in ions:
            if entry.dense:
                out.open("HX_ROLLED for (int l = hx::tid(); l < nodes.n; l += hx::n_thread()) {")
                out("int const p = nodes.first + l, i = p;")
                self._masks([m])
                out.open(f"if (mask_{m // 32} >> {m % 32} & 1u) {{")
                self._nernst(entry)
                out.close()
            else:
                block = self.fields("int*", f"{entry.name}__block", "block", entry.name)
                out.open(over_instances(block))
                self._nernst(entry)
            out.close()
        if ions:
            out("HX_SYNC();")

    def _own(self, hook: str) -> list[tuple[int, Entry, Kernel]]:
        """Density mechanisms that the nodes' threads run."""
        return self._kernels(hook, "density")

    def _node_currents(self) -> None:
        out = self.out
        listed = [
            (m, entry)
            for m, entry in enumerate(self.entries)
            if entry.kind == "ion" or (entry.kernel and entry.kernel.current is not None)
        ]
        out.open(
            "HX_DEVICE void hx_node_currents(hx::Nodes const& nodes, int b, double t, bool whole) {"
        )
        self._shares(self._own("current"))
        out("// steady nodes only store what somebody may look at")
        begin = "(whole ? 0 : nodes.steady) + hx::tid_from_last()"
        out(f"int const begin = {begin};")
        masks = self._mask_fields([m for m, _ in listed])
        loop = NodeLoop(out, "current", self._own("current"))
        loop.before(masks, "begin")
        out.open("HX_ROLLED for (int l = begin; l < nodes.n; l += hx::n_thread()) {")
        loop.begin(masks)
        out("hx::Axial const axial = hx::axial_ahead(nodes, l);")
        out("double const v = nodes.v[l];")
        out("hx::NodeSum sum{};")
        self._before_entries()
        for group in groups(listed):
            test = rare_test(group)
            if test:
                out.open(f"if ({test}) {{")
            for m, entry in group:
                ahead = loop.argument(m)
                out.open(f"if (mask_{m // 32} >> {m % 32} & 1u) {{")
                self._node_entry(m, entry, ahead)
                out.close()
            if test:
                out.close()
        out("hx::add_axial(nodes, l, v, axial, sum);")
        out.close()
        out.close()
        out()

    def _before_entries(self) -> None:
        """What a node's thread looks up before it goes through the entries."""

    def _node_entry(self, m: int, entry: Entry, ahead: str) -> None:
        """What the node's thread does for one entry: the thread's order of mechanisms. ahead: the
        argument of a density mechanism that is looked up ahead.
        """
        out = self.out
        if entry.kind == "ion":
            self._ion(entry)
            return
        assert entry.kernel is not None
        if entry.kind == "density":
            out(f"int const i = {self._index(entry)};")
            area = "hx_model.area[p]" if needs_area(entry.kernel) else "0."
            arguments = f"shared_{m}, i, v, {area}, whole, sum{ahead}"
            out(f"{namespace(entry.kernel)}::current_at({arguments});")
        else:
            first = self.fields("int*", f"{entry.name}__at_node", "at_node", entry.name)
            out(f"int const end = {first}[p + 1];")
            out.open(f"HX_ROLLED for (int i = {first}[p]; i < end; ++i) {{")
            name = namespace(entry.kernel)
            out(f"{name}::add_at(i, {name}::contribution_at(i), whole, sum);")
            out.close()

    def _ion(self, entry: Entry) -> None:
        """NEURON's ion_cur: currents start at zero; Nernst potential where the style says so."""
        out, name = self.out, entry.name
        out(f"int const i = {self._index(entry)};")
        out.open("{" if name in self.needs.ion_current else "if (whole) {")
        out(f"{self.fields('double*', f'{name}_cur', 'ion', name, 3)}[i] = 0.;")
        out(f"{self.fields('double*', f'{name}_dcurdv', 'ion', name, 4)}[i] = 0.;")
        out.close()
        if entry.nernst:
            self._nernst(entry)

    def _nernst(self, entry: Entry) -> None:
        """The reversal potential of instance i, where its style says so."""
        out, name = self.out, entry.name
        style = self.fields("int*", f"{name}__nernst", "nernst", name)
        charge = self.fields("double", f"{name}__charge", "charge", name)
        coefficient = self.fields("double", f"{name}__coefficient", "coefficient", name)
        conci = self.fields("double*", f"{name}_conci", "ion", name, 1)
        conco = self.fields("double*", f"{name}_conco", "ion", name, 2)
        erev = self.fields("double*", f"{name}_erev", "ion", name, 0)
        out.open(f"if ({style}[i]) {{")
        out(f"{erev}[i] = hx::nernst({conci}[i], {conco}[i], {charge}, {coefficient});")
        out.close()

    def _prepare_steady(self) -> None:
        """k and g of the nodes that have only currents k + g v: from their currents at two v."""
        out = self.out
        kernels = [k for k in self._own("current") if k[1].name in self.needs.steady]
        out("#ifdef HX_STEADY")
        out.open(
            "HX_DEVICE double hx_steady_rhs(hx::Nodes const& nodes, int p, double t, double v) {"
        )
        self._shares(kernels)
        out("hx::NodeSum sum{};")
        self._masks([m for m, *_ in kernels])
        for m, entry, kernel in kernels:
            out.open(f"if (mask_{m // 32} >> {m % 32} & 1u) {{")
            area = "hx_model.area[p]" if needs_area(kernel) else "0."
            space = namespace(kernel)
            out(f"{space}::current_at(shared_{m}, {self._index(entry)}, v, {area}, false, sum);")
            out.close()
        out("return sum.rhs;")
        out.close()
        out()
        out.open("HX_DEVICE void hx_prepare_steady(hx::Nodes const& nodes, double t) {")
        out.open("HX_ROLLED for (int l = hx::tid(); l < nodes.steady; l += hx::n_thread()) {")
        out("int const p = nodes.first + l;")
        out("double const k = hx_steady_rhs(nodes, p, t, 0.);")
        out("hx::set_steady(nodes, l, k, (k - hx_steady_rhs(nodes, p, t, 128.)) / 128.);")
        out.close()
        out.close()
        out("#endif")
        out()

    def _update(self, name: str, last: bool = True) -> None:
        """States of the density mechanisms; advance: v of their nodes first. last: nothing follows
        in the update.
        """
        out = self.out
        kernels = self._own("state")
        out.open(
            f"HX_DEVICE void {name}(hx::Nodes const& nodes, int b, double t, bool whole, "
            "bool advance) {"
        )
        self._shares(kernels)
        out("int const begin = nodes.steady + hx::tid_from_last();")
        masks = self._mask_fields([m for m, *_ in kernels])
        loop = NodeLoop(out, "state", kernels)
        if kernels:
            loop.before(masks, "begin")
        out.open("HX_ROLLED for (int l = begin; l < nodes.n; l += hx::n_thread()) {")
        if kernels:
            loop.begin(masks)
        out("double const v = advance ? hx::advance_v(nodes, l, whole) : nodes.v[l];")
        for m, entry, kernel in kernels:
            ahead = loop.argument(m)
            out.open(f"if (mask_{m // 32} >> {m % 32} & 1u) {{")
            out(f"int const i = {self._index(entry)};")
            area = "hx_model.area[p]" if needs_area(kernel) else "0."
            out(f"{namespace(kernel)}::state_at(shared_{m}, i, v, {area}, whole{ahead});")
            out.close()
        out.close()
        if last:
            self._advance_some_steady()
        out.close()
        out()

    def _advance_some_steady(self) -> None:
        self.out("if (advance) hx::advance_steady(nodes, hx::kAdvanceFirst, whole);")

    def _advance(self) -> None:
        out = self.out
        out.open("HX_DEVICE void hx_advance_v(hx::Nodes const& nodes, bool whole) {")
        out.open("HX_ROLLED for (int l = hx::tid(); l < nodes.n; l += hx::n_thread()) {")
        out("hx::advance_v(nodes, l, whole);")
        out.close()
        out.close()
        out()

    def _node_states(self) -> None:
        out = self.out
        arguments = "hx::Nodes const& nodes, int b, double t, bool whole"
        out.open(f"HX_DEVICE void hx_node_states({arguments}) {{")
        out("hx_update(nodes, b, t, whole, false);")
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
            if kernel.receive is not None and kernel.receive.writes_v:
                out("double v = nodes.v[l];")
                out(f"{receive}(i, t, v, area, weight, flag, sender);")
                out("hx::set_v(nodes, l, v);")
            else:
                out(f"{receive}(i, t, nodes.v[l], area, weight, flag, sender);")
            out("break;")
            out.close()
        out("default: break;")
        out.close()
        out.close()
        out()
        self._watch([(m, e, k) for m, e, k in receivers if k.receive and k.receive.uses_watch])

    def _watch(self, watchers: list[tuple[int, Entry, Kernel]]) -> None:
        out = self.out
        out("// WATCH conditions at the start of step j.")
        out.open("HX_DEVICE void hx_watch(hx::Nodes const& nodes, int b, double t, int j) {")
        for m, entry, kernel in watchers:
            block = self.fields("int*", f"{entry.name}__block", "block", entry.name)
            node = self.fields("int*", f"{entry.name}__node", "slot", entry.name)
            out.open(over_instances(block))
            out(f"int const l = {node}[i];")
            out("double const area = hx_model.area[nodes.first + l];")
            kind = f"{m} + HX_EVENT_RECEIVE"
            out(f"{namespace(kernel)}::watch_at(b, {kind}, i, t, nodes.v[l], area, j);")
            out.close()
        if watchers:
            out("HX_SYNC();")
        out.close()
        out()


def over_instances(block: str, turn: int = 0) -> str:
    """The loop of a block's threads over its instances. block: first instance of each block. turn:
    the warp that begins, so that mechanisms of few instances do not wait for one another.
    """
    begin = f"{block}[b] + hx::tid_turned<{turn}>()"
    return f"HX_ROLLED for (int i = {begin}; i < {block}[b + 1]; i += hx::n_thread()) {{"


def groups(listed: list[tuple[int, Entry]]) -> list[list[tuple[int, Entry]]]:
    """Neighbours in the order of mechanisms that few nodes have: one test passes over them."""
    groups: list[list[tuple[int, Entry]]] = []
    for m, entry in listed:
        if groups and not entry.dense and not groups[-1][-1][1].dense:
            groups[-1].append((m, entry))
        else:
            groups.append([(m, entry)])
    return groups


def rare_test(group: list[tuple[int, Entry]]) -> str:
    """Whether a node has one of a group of rare entries; empty for a group that needs no test."""
    if len(group) < 2 or group[0][1].dense:
        return ""
    tests = []
    for word in sorted({m // 32 for m, _ in group}):
        bits = sum(1 << m % 32 for m, _ in group if m // 32 == word)
        tests.append(f"mask_{word} & {bits:#x}u")
    return " || ".join(tests)


def _copied(kernel: Kernel) -> list[Variable]:
    """What BREAKPOINT's currents read of ions."""
    return [] if kernel.columns.current is None else kernel.columns.current.copied


def needs_area(kernel: Kernel) -> bool:
    """Whether the bodies look at the node's area."""
    return Layout(kernel).needs_area
