"""GLOBALs that code assigns one and the same number again and again.

`tadj = q10^((celsius - temp)/10)` in a rate procedure: while the GLOBAL has the value of that
expression, and nothing in the expression changes, the assignment does nothing. Who runs such a
kernel has to check that before each batch (`current`); then the assignments can be left out, no
matter which instance would reach them or whether a TABLE stands before them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from . import ir
from .ir import Expr, Function, Mechanism, Ref, Statement, Storage, Variable

_KNOWN = {Storage.GLOBAL, Storage.CONSTANT, Storage.CELSIUS}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "exp": math.exp, "log": math.log, "log10": math.log10, "sqrt": math.sqrt, "fabs": math.fabs,
}  # fmt: skip
_MOST = 700.0  # hoc_Exp is exp between -700 and 700
Settled = list[tuple[Variable, Expr]]


def settle(
    mechanism: Mechanism, functions: list[Function], bodies: list[list[Statement]]
) -> tuple[Settled, list[list[Statement]]]:
    """Leaves out the assignments of such GLOBALs: they and their expressions, and the new bodies.
    Functions are changed in place.
    """
    every = [*bodies, *(function.body for function in functions)]
    values: dict[Variable, list[Expr]] = {}
    for body in every:
        for statement in ir.statements(body):
            if isinstance(statement, ir.Assign) and statement.target.var.storage is Storage.GLOBAL:
                values.setdefault(statement.target.var, []).append(statement.value)
    tables = {v for f in functions if f.table is not None for v in f.table.names}
    found = {
        variable: exprs[0]
        for variable, exprs in values.items()
        if variable not in tables
        and all(expr == exprs[0] for expr in exprs)
        and _is_constant(exprs[0], set(values))
    }

    def keep(statement: Statement) -> list[Statement]:
        left_out = isinstance(statement, ir.Assign) and statement.target.var in found
        return [] if left_out else [statement]

    if found:
        for function in functions:
            function.body = ir.rewrite_body(function.body, keep)
        bodies = [ir.rewrite_body(body, keep) for body in bodies]
    return list(found.items()), bodies


def _is_constant(expr: Expr, written: set[Variable]) -> bool:
    for node in ir.walk(expr):
        if isinstance(node, Ref):
            known = node.var.storage in _KNOWN and node.index is None and not node.var.dim
            if not known or node.var in written:
                return False
        elif isinstance(node, ir.Call):
            if node.user or node.name not in _FUNCTIONS:
                return False
        elif not isinstance(node, (ir.Number, ir.Negate)) and not (
            isinstance(node, ir.Binary) and node.op in "+-*/^"
        ):
            return False
    return True


def current(expr: Expr, value: Callable[[Variable], float]) -> float:
    """The expression's number as the compiled MOD file computes it; nan where that is not certain.

    value: of a GLOBAL or celsius.
    """
    try:
        return _evaluate(expr, value)
    except (ArithmeticError, ValueError):
        return math.nan


def _evaluate(expr: Expr, value: Callable[[Variable], float]) -> float:
    if isinstance(expr, ir.Number):
        return float(expr.text)
    if isinstance(expr, Ref):
        variable = expr.var
        return float(variable.value) if variable.storage is Storage.CONSTANT else value(variable)
    if isinstance(expr, ir.Negate):
        return -_evaluate(expr.operand, value)
    if isinstance(expr, ir.Call):
        argument = _evaluate(expr.args[0], value)
        if expr.name == "exp" and not abs(argument) <= _MOST:
            return math.nan
        return _FUNCTIONS[expr.name](argument)
    assert isinstance(expr, ir.Binary)
    left, right = _evaluate(expr.left, value), _evaluate(expr.right, value)
    if expr.op == "^":
        if isinstance(expr.right, ir.Number) and right in (0.0, 1.0, 2.0):  # as compilers expand it
            return (1.0, left, left * left)[int(right)]
        return math.pow(left, right)
    operations = {"+": left.__add__, "-": left.__sub__, "*": left.__mul__, "/": left.__truediv__}
    return operations[expr.op](right)
