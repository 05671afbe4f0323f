"""BEFORE and AFTER blocks of a step, as bodies that run for one instance.

As nocmodl has them: v, and every variable of an ion that the file names, are copied in, then the
block's statements run. NEURON 9 runs three kinds within a step, each for all instances of a
mechanism before those of the next (nrn_ba): BEFORE BREAKPOINT, AFTER SOLVE, BEFORE STEP. (INITIAL
is finitialize's, and other kinds end NEURON when the MOD file is loaded.)

What a block does to a variable behind a POINTER shows in the next instance that leads there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from . import ir
from .ir import Binary, Mechanism, Ref, Statement, Storage, Variable
from .liveness import Flow, HookColumns, exposed_elsewhere
from .unsupported import Unsupported

KINDS = ("BEFORE BREAKPOINT", "AFTER SOLVE", "BEFORE STEP")
_COLUMNS = {Storage.FIELD, Storage.ION}


@dataclass
class StepHook:
    """One block. reads: POINTERs whose value it needs. writes: POINTERs that it assigns.

    parts: the body in which each assignment to a POINTER leaves its part of the sum in the
    POINTER's member instead, None where the order of instances matters beyond sums. signs: what is
    done with that part: "+", "-", or "=" (the last instance's value stays).
    """

    kind: str
    body: list[Statement]
    line: int
    writes: list[Variable] = field(default_factory=list)
    reads: list[Variable] = field(default_factory=list)
    parts: list[Statement] | None = None
    signs: dict[Variable, str] = field(default_factory=dict)
    columns: HookColumns = field(default_factory=lambda: HookColumns([], [], []))

    def bodies(self) -> list[list[Statement]]:
        return [self.body] if self.parts is None else [self.body, self.parts]


def translate(mechanism: Mechanism) -> list[StepHook]:
    """The blocks in NEURON's order of each kind. Raises Unsupported HX022."""
    if mechanism.kind in ("artificial", "nothing"):
        return []
    found = [StepHook(h.kind, h.body, h.line) for h in mechanism.hooks if h.kind in KINDS]
    writes_ion = any(ion.write for ion in mechanism.ions)
    if found and writes_ion:  # nocmodl adds the current to the ion's once more
        raise Unsupported("HX022", f"{found[0].kind} in a file that writes an ion", found[0].line)
    return found


def analyse(mechanism: Mechanism, hooks: list[StepHook]) -> None:
    """Fills what the blocks load, store and read. Assumes that functions and bodies are final.

    Raises Unsupported HX022 for what an instance leaves to the next one in a GLOBAL.
    """
    step = mechanism.hook("BREAKPOINT")
    flow = Flow(mechanism)
    kept = exposed_elsewhere(mechanism) | flow.exposed([] if step is None else step.body)
    order = {variable: k for k, variable in enumerate(mechanism.variables.values())}
    for hook in hooks:
        _find_pointers(mechanism, hook)
        _split_parts(mechanism, hook)
        copies = {v for ion in mechanism.ions for v in ion.copied}
        written = flow.written(hook.body)
        store = [v for v in written | copies if v.storage in _COLUMNS and (v.visible or v in kept)]
        used = flow.exposed(hook.body, store)
        _check(hook, written, used)
        columns = sorted((v for v in used if v.storage in _COLUMNS), key=order.__getitem__)
        hook.columns = HookColumns(
            [v for v in columns if v not in copies],
            sorted(store, key=order.__getitem__),
            [v for v in columns if v in copies],
        )


def _check(hook: StepHook, written: Iterable[Variable], used: Iterable[Variable]) -> None:
    globals_ = (Storage.GLOBAL, Storage.WRITTEN_GLOBAL)
    for variable in sorted(written, key=lambda v: v.name):
        if variable.storage in globals_:
            raise Unsupported("HX022", f"{hook.kind} writes GLOBAL {variable.name}", hook.line)
    for variable in sorted(used, key=lambda v: v.name):
        if variable.storage in (Storage.WRITTEN_GLOBAL, Storage.FILE_LOCAL):
            raise Unsupported("HX022", f"{hook.kind} reads the written {variable.name}", hook.line)


def _find_pointers(mechanism: Mechanism, hook: StepHook) -> None:
    targets = {s.target.var for s in ir.statements(hook.body) if isinstance(s, ir.Assign)}
    hook.writes = [p for p in mechanism.pointers if p in targets]
    read = pointers_read(mechanism, hook.body)
    # one that is assigned under a condition keeps what it had
    hook.reads = [p for p in mechanism.pointers if p in read or p in targets]


def pointers_read(mechanism: Mechanism, body: list[Statement]) -> set[Variable]:
    """POINTERs that a body or the functions it calls mention in an expression."""
    from .supported import reachable

    bodies = [body, *(function.body for function in reachable(mechanism, body))]
    for function in reachable(mechanism, body):
        original = mechanism.functions.get(f"_f_{function.name}")
        bodies += [] if original is None else [original.body]
    return {
        node.var
        for statements in bodies
        for statement in ir.statements(statements)
        for expr in ir.expressions(statement)
        for node in ir.walk(expr)
        if isinstance(node, Ref) and node.var.storage is Storage.POINTER
    }


def _split_parts(mechanism: Mechanism, hook: StepHook) -> None:
    """parts and signs, where every POINTER is assigned once, unconditionally, as x, p + x or p - x,
    and not read besides."""
    everywhere = [s for s in ir.statements(hook.body) if isinstance(s, ir.Assign)]
    signs: dict[Variable, str] = {}
    parts: list[Statement] = []
    for statement in hook.body:
        if isinstance(statement, ir.Assign) and statement.target.var in hook.writes:
            pointer = statement.target.var
            if sum(s.target.var is pointer for s in everywhere) != 1:
                return
            sign, part = _part(pointer, statement.value)
            signs[pointer] = sign
            parts.append(replace(statement, value=part))
        else:
            parts.append(statement)
    read = pointers_read(mechanism, parts)
    if set(signs) != set(hook.writes) or read & set(hook.writes):
        return
    hook.parts, hook.signs = parts, signs
    hook.reads = [p for p in hook.reads if p in read]


def _part(pointer: Variable, value: ir.Expr) -> tuple[str, ir.Expr]:
    if isinstance(value, Binary) and value.op in "+-":
        if value.left == Ref(pointer):
            return value.op, value.right
        if value.op == "+" and value.right == Ref(pointer):
            return "+", value.left
    return "=", value
