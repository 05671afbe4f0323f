"""Pass 5: what can be reached from `current` and `state`, and whether it can be translated.

Blocks that NEURON runs itself (INITIAL, NET_RECEIVE, BEFORE, AFTER, ...) are not judged: only what
the two hooks call. Raises Unsupported HX021 for VERBATIM, HX022 for anything else, naming it.
"""

from __future__ import annotations

import re

from . import ir
from .ir import Call, Function, Mechanism, Ref, Statement, Storage
from .unsupported import Unsupported

BUILTINS = {
    "exp": 1, "log": 1, "log10": 1, "sqrt": 1, "fabs": 1, "sin": 1, "cos": 1, "tan": 1, "tanh": 1,
    "sinh": 1, "cosh": 1, "asin": 1, "acos": 1, "atan": 1, "floor": 1, "ceil": 1, "at_time": 1,
    "pow": 2, "atan2": 2, "fmod": 2,
}  # fmt: skip

_READ = {
    Storage.FIELD, Storage.ION, Storage.GLOBAL, Storage.FILE_LOCAL, Storage.CONSTANT,
    Storage.LOCAL, Storage.ARGUMENT, Storage.RESULT, Storage.INDEX, Storage.POINTER, Storage.V,
    Storage.T, Storage.DT, Storage.CELSIUS, Storage.AREA,
}  # fmt: skip
_WRITTEN = {
    Storage.FIELD, Storage.ION, Storage.FILE_LOCAL, Storage.LOCAL, Storage.ARGUMENT,
    Storage.RESULT, Storage.V, Storage.GLOBAL,
}  # fmt: skip


def without_harmless_verbatim(mechanism: Mechanism) -> None:
    """Drops VERBATIM that is empty, or a `return 0;` that ends a PROCEDURE."""
    for function in mechanism.functions.values():
        last = function.body[-1] if function.body else None
        if isinstance(last, ir.Opaque) and re.fullmatch(r"(return( 0|\(0\))?;)?", _code(last)):
            function.body = function.body[:-1]
        function.body = ir.rewrite_body(function.body, _not_empty)
    for hook in mechanism.hooks:
        hook.body = ir.rewrite_body(hook.body, _not_empty)


def _not_empty(statement: Statement) -> list[Statement]:
    empty = isinstance(statement, ir.Opaque) and statement.verbatim and not _code(statement)
    return [] if empty else [statement]


def _code(statement: ir.Opaque) -> str:
    """The C text between VERBATIM and ENDVERBATIM without comments, blanks squeezed."""
    if not statement.verbatim:
        return statement.construct
    text = re.sub(r"^\s*VERBATIM|ENDVERBATIM\s*$", "", statement.verbatim)
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)
    return " ".join(text.split())


def reachable(mechanism: Mechanism, body: list[Statement]) -> list[Function]:
    """The FUNCTIONs and PROCEDUREs that a body calls, callees before callers.

    Raises Unsupported for a recursion.
    """
    order: list[Function] = []
    active: list[str] = []

    def visit(body: list[Statement]) -> None:
        for name, line in _calls(body):
            function = mechanism.functions[name]
            if name in active:
                raise Unsupported("HX022", f"{name} calls itself", line)
            if function in order:
                continue
            active.append(name)
            visit(function.body)
            active.pop()
            order.append(function)

    visit(body)
    return order


def _calls(body: list[Statement]) -> list[tuple[str, int]]:
    found = []
    for statement in ir.statements(body):
        for expr in ir.expressions(statement):
            for node in ir.walk(expr):
                if isinstance(node, Call) and node.user:
                    found.append((node.name, statement.line))
    return found


def check(
    mechanism: Mechanism,
    bodies: list[list[Statement]],
    events: list[list[Statement]] | None = None,
    hooks: list[list[Statement]] | None = None,
) -> list[Function]:
    """The functions reachable from the bodies, after judging all statements.

    events: further bodies, which run when an event is delivered. hooks: BEFORE and AFTER blocks,
    which may assign a POINTER.
    """
    hooks = hooks or []
    stepped = reachable(mechanism, [statement for body in [*bodies, *hooks] for statement in body])
    functions = stepped
    if events:
        everything = [statement for body in [*bodies, *hooks, *events] for statement in body]
        functions = reachable(mechanism, everything)
    for body in bodies:
        _check_body(mechanism, body)
    for body in hooks:
        _check_body(mechanism, body, pointers=True)
    for body in events or []:
        _check_body(mechanism, body, "code that events run")
    for function in functions:
        if function.kind == "FUNCTION_TABLE":
            raise Unsupported("HX022", f"FUNCTION_TABLE {function.name}", function.line)
        if function.table is not None:
            _check_table(mechanism, function)
        where = "code that runs every step" if function in stepped else "code that events run"
        _check_body(mechanism, function.body, where)
    return functions


def _check_body(
    mechanism: Mechanism,
    body: list[Statement],
    where: str = "code that runs every step",
    pointers: bool = False,
) -> None:
    for statement in ir.statements(body):
        if isinstance(statement, ir.Opaque):
            code = "HX021" if statement.verbatim else "HX022"
            what = "VERBATIM" if statement.verbatim else statement.construct
            raise Unsupported(code, f"{what} in {where}", statement.line)
        if isinstance(statement, ir.DiffEq):
            raise Unsupported("HX022", "a differential equation outside cnexp", statement.line)
        if isinstance(statement, ir.Solve):
            raise Unsupported("HX022", "SOLVE outside BREAKPOINT", statement.line)
        if isinstance(statement, ir.Local) and any(v.dim for v in statement.variables):
            raise Unsupported("HX022", "an array LOCAL", statement.line)
        if isinstance(statement, ir.From):
            for bound in (statement.first, statement.last, statement.step):
                if integer(bound) is None:
                    raise Unsupported("HX022", "FROM with a computed bound", statement.line)
        if isinstance(statement, ir.Assign):
            _check_target(statement, pointers)
        for expr in ir.expressions(statement):
            _check_expr(mechanism, expr, statement)


def integer(expr: ir.Expr) -> int | None:
    """The value of a FROM bound made of literals, in C's integer arithmetic; None for others."""
    if isinstance(expr, ir.Number):
        value = float(expr.text)
        return int(value) if value == int(value) else None
    if isinstance(expr, ir.Negate):
        operand = integer(expr.operand)
        return None if operand is None else -operand
    if isinstance(expr, ir.Binary) and expr.op in "+-*":
        left, right = integer(expr.left), integer(expr.right)
        if left is None or right is None:
            return None
        return {"+": left + right, "-": left - right, "*": left * right}[expr.op]
    return None


def _check_target(statement: ir.Assign, pointers: bool) -> None:
    target = statement.target
    allowed = pointers and target.var.storage is Storage.POINTER
    if target.var.storage not in _WRITTEN and not allowed:
        raise Unsupported(
            "HX022", f"{target.var.storage.value} {target.var.name} is written", statement.line
        )
    if target.index is not None or target.var.dim:
        raise Unsupported("HX022", f"the array {target.var.name}", statement.line)


def _check_expr(mechanism: Mechanism, expr: ir.Expr, statement: Statement) -> None:
    for node in ir.walk(expr):
        if isinstance(node, ir.Text):
            raise Unsupported("HX022", "a string", statement.line)
        if isinstance(node, ir.Compare) and any(
            isinstance(e, ir.Compare) for e in (node.left, node.right)
        ):
            raise Unsupported("HX022", "a chain of comparisons", statement.line)
        if isinstance(node, Ref):
            if node.index is not None or node.var.dim:
                raise Unsupported("HX022", f"the array {node.var.name}", statement.line)
            if node.var.storage not in _READ:
                kind = node.var.storage.value
                what = kind if kind == node.var.name else f"{kind} {node.var.name}"
                raise Unsupported("HX022", what, statement.line)
        if isinstance(node, Call):
            _check_call(mechanism, node, statement, as_value=node is not expr)


def _check_call(mechanism: Mechanism, call: Call, statement: Statement, as_value: bool) -> None:
    if not call.user:
        if BUILTINS.get(call.name) != len(call.args):
            raise Unsupported("HX022", f"{call.name}()", statement.line)
        return
    function = mechanism.functions[call.name]
    if function.kind == "FUNCTION_TABLE":
        raise Unsupported("HX022", f"FUNCTION_TABLE {call.name}", statement.line)
    if len(call.args) != len(function.arguments):
        raise Unsupported("HX022", f"{call.name}() with {len(call.args)} arguments", statement.line)
    value_used = as_value or not isinstance(statement, ir.CallStatement)
    if value_used and function.result is None:
        raise Unsupported("HX022", f"PROCEDURE {call.name} used as a value", statement.line)


def _check_table(mechanism: Mechanism, function: Function) -> None:
    table = function.table
    assert table is not None
    if len(function.arguments) != 1 or any(v.dim for v in table.names):
        raise Unsupported("HX022", "TABLE of this form", function.line)
    for name in table.names:
        if name.storage not in _WRITTEN:
            raise Unsupported(
                "HX022", f"{name.storage.value} {name.name} is written (TABLE)", function.line
            )
    # tables are made on instance 0, whose v, ions and pointers are not at hand
    bad = {Storage.V, Storage.ION, Storage.POINTER, Storage.AREA}
    for used in [*reachable(mechanism, function.body), function]:
        for statement in ir.statements(used.body):
            for expr in ir.expressions(statement):
                for node in ir.walk(expr):
                    if isinstance(node, Ref) and node.var.storage in bad:
                        raise Unsupported(
                            "HX022",
                            f"TABLE of a function that reads {node.var.name}",
                            statement.line,
                        )
    dependent = [*table.depend, *_refs(table.first), *_refs(table.last)]
    for ref in dependent:
        if ref.var.storage not in (
            Storage.FIELD, Storage.GLOBAL, Storage.CELSIUS, Storage.CONSTANT, Storage.DT,
        ) or ref.var.dim:  # fmt: skip
            raise Unsupported("HX022", f"TABLE DEPEND {ref.var.name}", function.line)


def _refs(expr: ir.Expr) -> list[Ref]:
    return [node for node in ir.walk(expr) if isinstance(node, Ref)]
