"""From a MOD text to what a printer needs: all passes in their order."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import (
    before_after,
    breakpoint,
    cnexp,
    derivimplicit,
    ir,
    liveness,
    net_receive,
    settled,
    source,
    supported,
    tables,
    uniform,
)
from .build import build
from .declarations import declare
from .source import mod_hash
from .unsupported import Unsupported

PASSES = (
    "declarations",
    "build",
    "cnexp",
    "breakpoint",
    "supported",
    "tables",
    "uniform",
    "liveness",
)


@dataclass
class Kernel:
    """A lowered mechanism.

    functions: reachable ones, callees before callers. current, state: bodies or None. conductance:
    CONDUCTANCE hints, [] for the numerical derivative. diverged: names of functions that are called
    for some lanes only. serial: instances must be computed one by one. receive: NET_RECEIVE, where
    it was asked for. hooks: BEFORE and AFTER blocks, where they were asked for.
    settled: GLOBALs that must have the value of an expression before each batch.
    """

    mechanism: ir.Mechanism
    text_hash: str
    functions: list[ir.Function]
    current: list[ir.Statement] | None
    state: list[ir.Statement] | None
    conductance: list[tuple[ir.Ref, str]]
    columns: liveness.Columns
    uniformity: uniform.Uniformity
    shared: list[tuple[ir.Variable, ir.Expr]]
    diverged: set[str]
    serial: bool
    receive: net_receive.Receive | None = None
    hooks: list[before_after.StepHook] = field(default_factory=list)
    settled: settled.Settled = field(default_factory=list)


def read(text: str) -> ir.Mechanism:
    """The mechanism of a MOD text, parsed and resolved. Raises Unsupported HX024, HX022."""
    program = source.parse(text)
    mechanism = build(program, declare(program, text))
    supported.without_harmless_verbatim(mechanism)
    return mechanism


def lower(
    text: str, receive: bool = False, hooks: bool = False, settle: bool = False
) -> Kernel | None:
    """The kernel of a MOD text, None where NEURON has nothing to call.

    receive, hooks: NET_RECEIVE, BEFORE and AFTER blocks are translated too; else they are left to
    NEURON. settle: assignments that settled.py finds are left out. Raises Unsupported HX021,
    HX022, HX024.
    """
    mechanism = read(text)
    cnexp.solve(mechanism)
    derivimplicit.solve(mechanism)
    split = breakpoint.split(mechanism)
    events = net_receive.translate(mechanism) if receive else None
    blocks = before_after.translate(mechanism) if hooks else []
    if split.current is None and split.state is None and events is None and not blocks:
        return None
    bodies = [body for body in (split.current, split.state) if body is not None]
    delivered = [] if events is None else events.bodies()
    functions = supported.check(mechanism, bodies, delivered, [hook.body for hook in blocks])
    if split.conductance:
        _check_conductance(mechanism, split)
    functions = tables.lower(mechanism, functions)
    left_out: settled.Settled = []
    if settle:
        left_out = _settle(mechanism, split, functions, bodies, delivered, blocks)
        bodies = [body for body in (split.current, split.state) if body is not None]
    _separate_globals(mechanism, functions, bodies)
    hoist = uniform.Hoist(time=events is None)
    for function in functions:
        function.body = hoist.body(function.body)
    current = None if split.current is None else hoist.body(split.current)
    state = None if split.state is None else hoist.body(split.state)
    bodies = [body for body in (current, state) if body is not None]
    for hook in blocks:
        hook.body = hoist.body(hook.body)
    arguments = [] if events is None else [*events.weights, events.flag]
    before_after.analyse(mechanism, blocks)
    hooked = [body for hook in blocks for body in hook.bodies()]
    uniformity = uniform.infer(functions, bodies + delivered + hooked, arguments)
    columns = liveness.analyse(mechanism, current, state, {ref.var for ref, _ in split.conductance})
    if events is not None:
        net_receive.analyse(mechanism, events)
    return Kernel(
        mechanism,
        mod_hash(text),
        functions,
        current,
        state,
        split.conductance,
        columns,
        uniformity,
        list(zip(hoist.values, hoist.shared, strict=True)),
        _diverged(uniformity, functions, bodies + hooked),
        _is_serial(mechanism),
        events,
        blocks,
        left_out,
    )


def _settle(
    mechanism: ir.Mechanism,
    split: breakpoint.Split,
    functions: list[ir.Function],
    bodies: list[list[ir.Statement]],
    delivered: list[list[ir.Statement]],
    blocks: list[before_after.StepHook],
) -> settled.Settled:
    """Changes split and functions; nothing where NET_RECEIVE, BEFORE or AFTER assign GLOBALs."""
    flow = liveness.Flow(mechanism)
    others = [*delivered, *(hook.body for hook in blocks)]
    if any(v.storage is ir.Storage.GLOBAL for body in others for v in flow.written(body)):
        return []
    found, bodies = settled.settle(mechanism, functions, bodies)
    rest = iter(bodies)
    split.current = None if split.current is None else next(rest)
    split.state = None if split.state is None else next(rest)
    return found


def _separate_globals(
    mechanism: ir.Mechanism, functions: list[ir.Function], bodies: list[list[ir.Statement]]
) -> None:
    """GLOBALs that are written become members of the instance; the last one's value is kept."""
    flow = liveness.Flow(mechanism)
    for body in bodies:
        for variable in flow.written(body):
            if variable.storage is ir.Storage.GLOBAL:
                variable.storage = ir.Storage.WRITTEN_GLOBAL
    for function in functions:
        if function.table is None:
            continue
        table = function.table
        used = set(flow.exposed(mechanism.functions[f"_f_{function.name}"].body))
        for expr in (table.first, table.last, *table.depend):
            used |= {node.var for node in ir.walk(expr) if isinstance(node, ir.Ref)}
        for variable in used:
            if variable.storage is ir.Storage.WRITTEN_GLOBAL:
                raise Unsupported(
                    "HX022", f"TABLE that needs the written GLOBAL {variable.name}", function.line
                )


def _check_conductance(mechanism: ir.Mechanism, split: breakpoint.Split) -> None:
    """nocmodl ignores CONDUCTANCE in a file that it finds not thread-safe, and a function called
    from such a BREAKPOINT sees the v of the step before."""
    names = {current.name for current in mechanism.currents}
    for statement in ir.statements(split.current or []):
        if isinstance(statement, ir.Local) and names & {v.name for v in statement.variables}:
            raise Unsupported("HX022", "CONDUCTANCE with a LOCAL current", statement.line)
    for ref, _ in split.conductance:
        if ref.var.storage is not ir.Storage.FIELD or ref.index is not None or ref.var.dim:
            raise Unsupported("HX022", f"CONDUCTANCE {ref.var.name}, which is not a column")
    blocks = [hook.body for hook in mechanism.hooks]
    blocks += [function.body for function in mechanism.functions.values()]
    unsafe = bool(mechanism.pointers) or any(
        isinstance(s, ir.Opaque)
        or (isinstance(s, ir.Assign) and s.target.var.storage is ir.Storage.GLOBAL)
        for body in blocks
        for s in ir.statements(body)
    )
    unsafe |= any(v.storage is ir.Storage.FILE_LOCAL for v in mechanism.variables.values())
    if unsafe and not mechanism.threadsafe:
        raise Unsupported("HX022", "CONDUCTANCE in a file without THREADSAFE")
    for function in supported.reachable(mechanism, split.current or []):
        for statement in ir.statements(function.body):
            for expr in ir.expressions(statement):
                if any(
                    isinstance(n, ir.Ref) and n.var.storage is ir.Storage.V for n in ir.walk(expr)
                ):
                    raise Unsupported(
                        "HX022", f"CONDUCTANCE with {function.name}, which reads v", statement.line
                    )


def _diverged(
    uniformity: uniform.Uniformity, functions: list[ir.Function], bodies: list[list[ir.Statement]]
) -> set[str]:
    """Functions that may be called under a condition that differs between instances."""
    found: set[str] = set()

    def visit(body: list[ir.Statement], inside: bool) -> None:
        for statement in body:
            for expr in ir.expressions(statement):
                for node in ir.walk(expr):
                    if inside and isinstance(node, ir.Call) and node.user:
                        found.add(node.name)
            inner = inside
            if isinstance(statement, (ir.If, ir.While)):
                inner |= uniformity.is_varying(statement.condition)
            if inner and isinstance(statement, ir.While):
                visit([ir.CallStatement(c) for c in _user_calls(statement.condition)], True)
            for nested in ir.bodies(statement):
                visit(nested, inner)
            if inside and isinstance(statement, ir.TableLookup):
                found.add(f"_f_{statement.table.function}")

    for body in bodies:
        visit(body, False)
    for function in reversed(functions):  # callers first
        visit(function.body, function.name in found)
    return found


def _user_calls(expr: ir.Expr) -> list[ir.Call]:
    return [node for node in ir.walk(expr) if isinstance(node, ir.Call) and node.user]


def _is_serial(mechanism: ir.Mechanism) -> bool:
    """Point processes that share a node and read an ion column that they write see each other."""
    if mechanism.kind != "point":
        return False
    for ion in mechanism.ions:
        copied = {v.column for v in ion.copied}
        for variable in ion.write:
            if variable.column != 3 or variable.column in copied:
                return True
    return False
