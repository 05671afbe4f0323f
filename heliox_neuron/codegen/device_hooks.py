"""BEFORE and AFTER blocks on the device: what one instance does, and the phases that run them.

A *stage* is one block of one mechanism. NEURON runs a stage for all instances, in the order of
their indices, before the next stage begins. Instances see each other only through POINTERs. Where a
POINTER is only added to (or set), a stage runs all instances side by side, each leaves its part in
a column, and then one thread for each variable that was pointed to adds the parts in NEURON's
order. Where that is not so, the engine sets `hook_serial` and one thread goes through the
instances.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..nmodl.before_after import KINDS, StepHook
from ..nmodl.ir import Statement, Variable
from ..nmodl.lower import Kernel
from .cpp import namespace
from .cpp_body import print_hook
from .cpp_writer import Writer, mangled
from .device_entry import Entry
from .device_fields import Fields
from .device_instance import InstancePrinter

PHASES = dict(zip(KINDS, ("hx_before_breakpoint", "hx_after_solve", "hx_before_step"), strict=True))

_V = "nodes.v[p - nodes.first]"


@dataclass(frozen=True)
class Stage:
    """number: in the order of the model's entries and their blocks. entry: its number."""

    number: int
    entry: int
    name: str  # of the mechanism
    block: int  # number of its block
    kernel: Kernel

    @property
    def hook(self) -> StepHook:
        return self.kernel.hooks[self.block]

    @property
    def alone(self) -> bool:
        """Whether instances never see each other."""
        return not (self.hook.reads or self.hook.writes)


def stages_of(entries: list[Entry]) -> list[Stage]:
    """All stages of a model."""
    found: list[Stage] = []
    for m, entry in enumerate(entries):
        for k in range(len(entry.kernel.hooks) if entry.kernel is not None else 0):
            assert entry.kernel is not None
            found.append(Stage(len(found), m, entry.name, k, entry.kernel))
    return found


# ---- one instance ----


def print_bodies(printer: InstancePrinter) -> None:
    """hook_k_body, and parts_k_body which leaves parts of sums in the POINTERs' members."""
    kernel = printer.kernel
    for k, hook in enumerate(kernel.hooks):
        print_hook(kernel, printer.out, f"hook_{k}", hook.body, printer.dialect)
        if hook.writes and hook.parts is not None:
            print_hook(kernel, printer.out, f"parts_{k}", hook.parts, printer.dialect)


def print_at(printer: InstancePrinter) -> None:
    """hook_k_at and parts_k_at of instance i."""
    for k, hook in enumerate(printer.kernel.hooks):
        _at(printer, k, hook, hook.body, f"hook_{k}")
        if hook.writes and hook.parts is not None:
            _at(printer, k, hook, hook.parts, f"parts_{k}")


def _at(printer: InstancePrinter, k: int, hook: StepHook, body: list[Statement], name: str) -> None:
    out, whole = printer.out, body is hook.body
    out(f"// {hook.kind} of instance i{'' if whole else ', parts of sums apart'}.")
    out.open(f"HX_DEVICE void {name}_at(Shared const& shared, int i, double v, double area) {{")
    pointers = list(hook.reads)
    if whole:
        pointers += [p for p in hook.writes if p not in pointers]
    printer.load(hook.columns, f"hook_{k}", pointers)
    out("self.v = v;")
    out(f"{name}_body<double>(self, shared, true);")
    for variable in hook.columns.store:
        out(f"{printer.column(variable)}[i] = self.{mangled(variable.name)};")
    for pointer in hook.writes:
        place = f"*{printer.pointer(pointer)}[i]"
        if not whole:
            place = f"{printer.scratch(part_name(k, pointer))}[i]"
        out(f"{place} = self.{mangled(pointer.name)};")
    out.close()
    out()


def part_name(block: int, pointer: Variable) -> str:
    """The column in which the instances of a block leave their parts of a sum."""
    return f"part_{block}_{pointer.name}"


# ---- phases ----


class HookPhases:
    """Prints the phases of a block of cells (fused, coupled) or of the grid (streams)."""

    def __init__(self, entries: list[Entry], fields: Fields, out: Writer) -> None:
        self.stages = stages_of(entries)
        self.fields = fields
        self.out = out

    def phases(self) -> None:
        """One function for each kind that the model has."""
        out = self.out
        for kind, function in PHASES.items():
            stages = [stage for stage in self.stages if stage.hook.kind == kind]
            if not stages:
                continue
            out.open(f"HX_DEVICE void {function}(hx::Nodes const& nodes, int b, double t) {{")
            out("HX_SYNC();")
            for stage in stages:
                self._stage(stage)
            out.close()
            out()

    def macros(self) -> list[str]:
        """For the plans: which phases there are."""
        kinds = {stage.hook.kind for stage in self.stages}
        return [f"HX_{kind.replace(' ', '_')}" for kind in KINDS if kind in kinds]

    def _stage(self, stage: Stage) -> None:
        out = self.out
        block = self.fields("int*", f"{stage.name}__block", "block", stage.name)
        first, last = f"{block}[b]", f"{block}[b + 1]"
        out.open(f"if ({first} < {last}) {{  // {stage.name}: {stage.hook.kind}")
        self._share(stage, "t")
        if not stage.alone:
            out.open(f"if ({self._serial(stage)}) {{")
            out.open("if (hx::tid() == 0) {")
            self._loop(stage, f"int j = {first}; j < {last}; ++j", "hook", _V)
            out.close()
            out.close("} else {")
            out.depth += 1
        what = self._parallel(stage)
        if what:
            steps = f"int j = {first} + hx::tid(); j < {last}; j += hx::n_thread()"
            self._loop(stage, steps, what, _V)
        if what == "parts":
            out("HX_SYNC();")
            out(f"hx::add_parts({stage.number}, b, hx::tid(), hx::n_thread());")
        if not stage.alone:
            out.close()
        out.close()
        out("HX_SYNC();")

    def _parallel(self, stage: Stage) -> str:
        """The function that instances run side by side; empty where they cannot."""
        if not stage.hook.writes:
            return "hook"
        return "parts" if stage.hook.parts is not None else ""

    def _share(self, stage: Stage, t: str) -> None:
        self.out(f"auto const shared = {namespace(stage.kernel)}::share({t});")

    def _serial(self, stage: Stage) -> str:
        name = f"{stage.name}__serial_{stage.block}"
        return self.fields("long long", name, "hook_serial", stage.name, stage.block)

    def _loop(self, stage: Stage, steps: str, what: str, v: str) -> None:
        out = self.out
        at = self.fields("int*", f"{stage.name}__hook_at", "hook_at", stage.name)
        node = self.fields("int*", f"{stage.name}__hook_node", "hook_node", stage.name)
        out.open(f"for ({steps}) {{")
        out(f"int const p = {node}[j];")
        out(
            f"{namespace(stage.kernel)}::{what}_{stage.block}_at"
            f"(shared, {at}[j], {v}, hx_model.area[p]);"
        )
        out.close()

    # ---- streams: kernels of their own ----

    def kernels(self) -> None:
        """hx_hook_s runs stage s, hx_parts_s adds up its parts."""
        out = self.out
        for stage in self.stages:
            count = self.fields("long long", f"{stage.name}__count", "count", stage.name)
            out.open(f"HX_GLOBAL void hx_hook_{stage.number}() {{")
            out("hx::fill_tables();")
            out("hx::Clock const clock = hx::read_clock();")
            t = "clock.t_half" if stage.hook.kind == "BEFORE BREAKPOINT" else "clock.t"
            self._share(stage, t)
            if not stage.alone:
                out.open(f"if ({self._serial(stage)}) {{")
                out.open("if (hx::grid_tid() == 0) {")
                self._loop(stage, f"int j = 0; j < {count}; ++j", "hook", "hx_model.v[p]")
                out.close()
                out("return;")
                out.close()
            what = self._parallel(stage)
            if what:
                steps = f"int j = hx::grid_tid(); j < {count}; j += hx::n_grid()"
                self._loop(stage, steps, what, "hx_model.v[p]")
            out.close()
            out()
            if what == "parts":
                out.open(f"HX_GLOBAL void hx_parts_{stage.number}() {{")
                out.open(f"if (!{self._serial(stage)}) {{")
                out(f"hx::add_all_parts({stage.number}, hx::grid_tid(), hx::n_grid());")
                out.close()
                out.close()
                out()
