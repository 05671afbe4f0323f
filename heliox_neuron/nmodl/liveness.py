"""Pass 8: which columns a kernel loads and stores, and which are lean or not needed at all.

Backward liveness over the statements, through the functions they call. A variable is exposed in a
block if the block may read it before writing it. Every block counts: those that NEURON runs itself,
and the FUNCTIONs and PROCEDUREs, which hoc may call at any time.

- A column that hoc cannot see and that no block exposes is neither loaded nor stored.
- A visible column that every writing hook certainly writes and no block exposes is lean: its store
  may be skipped until someone looks.

Assumes tables.lower; blocks outside `current` and `state` may hold Opaque statements, which read
and may write every variable they mention.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import ir
from .ir import Call, Expr, Mechanism, Ref, Statement, Storage, Variable
from .unsupported import Unsupported

_TRACKED = {
    Storage.FIELD, Storage.ION, Storage.FILE_LOCAL, Storage.V, Storage.GLOBAL,
    Storage.WRITTEN_GLOBAL,
}  # fmt: skip

Live = frozenset[Variable]
_NONE: Live = frozenset()


class Flow:
    """Liveness within one mechanism."""

    def __init__(self, mechanism: Mechanism) -> None:
        self.functions = mechanism.functions

    def exposed(self, body: list[Statement], live: Iterable[Variable] = ()) -> Live:
        """What must be known on entry of a body, given what is needed after it."""
        out = frozenset(live)
        for statement in reversed(body):
            out = self._through(statement, out)
        return out

    def _through(self, statement: Statement, live: Live) -> Live:
        if isinstance(statement, ir.Assign):
            live = live if statement.target.index is not None else live - {statement.target.var}
            return self._exprs(ir.expressions(statement), live)
        if isinstance(statement, ir.If):
            both = self.exposed(statement.then, live) | self.exposed(statement.otherwise, live)
            return self._exprs([statement.condition], both)
        if isinstance(statement, (ir.While, ir.From)):
            inner = self._exprs(ir.expressions(statement), live)
            while True:
                grown = inner | self._exprs(
                    ir.expressions(statement), self.exposed(statement.body, inner)
                )
                if grown == inner:
                    return inner
                inner = grown
        if isinstance(statement, ir.Scope):
            return self.exposed(statement.body, live)
        if isinstance(statement, ir.TableLookup):
            looked_up = live - frozenset(statement.table.names)
            original = self.functions[f"_f_{statement.table.function}"]
            return looked_up | self.exposed(original.body, live)
        if isinstance(statement, ir.Solve):
            function = self.functions.get(statement.block)
            return live if function is None else live | self.exposed(function.body, live)
        if isinstance(statement, ir.DiffEq):
            return self._exprs([statement.rhs], live | {statement.state.var})
        if isinstance(statement, ir.Opaque):
            return live | {v for v in statement.names if v.storage in _TRACKED}
        return self._exprs(ir.expressions(statement), live)

    def _exprs(self, exprs: list[Expr], live: Live) -> Live:
        """Through the evaluation of expressions: the calls' effects, then all reads."""
        nodes = [node for expr in exprs for node in ir.walk(expr)]
        for node in reversed(nodes):
            if isinstance(node, Call) and node.user and node.name in self.functions:
                live = self.exposed(self.functions[node.name].body, live)
        return live | {
            node.var for node in nodes if isinstance(node, Ref) and node.var.storage in _TRACKED
        }

    def written(self, body: list[Statement]) -> set[Variable]:
        """What a body or its callees may write."""
        out: set[Variable] = set()
        for statement in ir.statements(body):
            if isinstance(statement, ir.Assign):
                out.add(statement.target.var)
            elif isinstance(statement, ir.DiffEq):
                out.add(statement.state.var)
            elif isinstance(statement, ir.Opaque):
                out.update(statement.names)
            elif isinstance(statement, ir.TableLookup):
                out.update(statement.table.names)
                out |= self.written(self.functions[f"_f_{statement.table.function}"].body)
            elif isinstance(statement, ir.Solve) and statement.block in self.functions:
                out |= self.written(self.functions[statement.block].body)
            for expr in ir.expressions(statement):
                for node in ir.walk(expr):
                    if isinstance(node, Call) and node.user and node.name in self.functions:
                        out |= self.written(self.functions[node.name].body)
        return {v for v in out if v.storage in _TRACKED}


@dataclass
class HookColumns:
    """load, store: the columns of one hook (FIELD, or ION where its own column is needed).
    copied: the variables that are copied from an ion on entry and used."""

    load: list[Variable]
    store: list[Variable]
    copied: list[Variable]


@dataclass
class Columns:
    """observed: columns whose value someone may look at. lean: see abi.h."""

    current: HookColumns | None
    state: HookColumns | None
    lean: set[Variable]


def analyse(
    mechanism: Mechanism,
    current: list[Statement] | None,
    state: list[Statement] | None,
    conductance: set[Variable],
) -> Columns:
    """Loads, stores and lean columns. conductance: the hints; without them `current` runs twice."""
    flow = Flow(mechanism)
    hooks: dict[str, list[Statement]] = {}
    if current is not None:
        hooks["current"] = current if conductance else current + current
    if state is not None:
        hooks["state"] = state
    entry = _known_on_entry(mechanism)
    exits = {name: _needed_after(mechanism, name) for name in hooks}
    if current is not None:
        exits["current"] |= conductance
    exposed = {name: flow.exposed(body, exits[name]) - entry for name, body in hooks.items()}
    for name, body in hooks.items():
        _check_globals(flow, body, exits[name])
    read_first = exposed_elsewhere(mechanism).union(*exposed.values())
    order = {v: k for k, v in enumerate(mechanism.variables.values())}

    def stored(name: str) -> list[Variable]:
        wanted = [
            v
            for v in flow.written(hooks[name]) | entry
            if v.storage in (Storage.FIELD, Storage.ION) and (v.visible or v in read_first)
        ]
        return sorted(wanted, key=order.__getitem__)

    columns: dict[str, HookColumns] = {}
    lean: set[Variable] = set()
    for name, body in hooks.items():
        store = stored(name)
        used = flow.exposed(body, exits[name] | set(store))
        columned = (v for v in used if v.storage in (Storage.FIELD, Storage.ION))
        used_columns = sorted(columned, key=order.__getitem__)
        columns[name] = HookColumns(
            [v for v in used_columns if v not in entry],
            store,
            [v for v in used_columns if v in entry],
        )
        lean |= {v for v in store if v not in read_first}
    for name in hooks:
        lean -= set(columns[name].load)
    _check_file_locals(mechanism, read_first)
    return Columns(columns.get("current"), columns.get("state"), {v for v in lean if not v.state})


def copies(kind: str) -> bool:
    """Whether NEURON copies v and the ions' variables before it runs a block of this kind."""
    return kind == "INITIAL" or kind.startswith(("BEFORE", "AFTER"))


def exposed_elsewhere(mechanism: Mechanism) -> set[Variable]:
    """What blocks beside `current` and `state`, FUNCTIONs and PROCEDUREs may read first."""
    flow, entry = Flow(mechanism), _known_on_entry(mechanism)
    found: set[Variable] = set()
    for hook in mechanism.hooks:
        if hook.kind != "BREAKPOINT":
            found |= flow.exposed(hook.body) - (entry if copies(hook.kind) else set())
    for function in mechanism.functions.values():
        if function.kind in ("FUNCTION", "PROCEDURE"):
            found |= flow.exposed(function.body)
    return found


def _known_on_entry(mechanism: Mechanism) -> set[Variable]:
    return {v for ion in mechanism.ions for v in ion.copied} | {mechanism.variables["v"]}


def _needed_after(mechanism: Mechanism, hook: str) -> set[Variable]:
    """What the loop around a hook reads after its body."""
    needed = {v for ion in mechanism.ions for v in ion.write if v.column != 3}
    if hook == "current":
        needed |= set(mechanism.currents)
    return needed


def _check_globals(flow: Flow, body: list[Statement], needed: set[Variable]) -> None:
    """What an instance leaves in a GLOBAL must not depend on the instances before it."""
    written = {v for v in flow.written(body) if v.storage is Storage.WRITTEN_GLOBAL}
    for variable in flow.exposed(body, needed | written):
        if variable.storage is Storage.WRITTEN_GLOBAL:
            raise Unsupported(
                "HX022", f"GLOBAL {variable.name} carries a value from instance to instance"
            )


def _check_file_locals(mechanism: Mechanism, read_first: set[Variable]) -> None:
    for variable in read_first:
        if variable.storage is Storage.FILE_LOCAL:
            raise Unsupported("HX022", f"LOCAL {variable.name} outside all blocks keeps its value")
