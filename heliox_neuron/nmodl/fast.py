"""A pass for fast fidelity: fewer divisions, by rules of real numbers that doubles do not keep.

`cnexp` gives y = y + (1 - exp(dt*(-1/tau)))*(-(inf/tau)/(-1/tau) - y) with three divisions; after
this pass one is left. Results differ from NEURON's in the last bits.
"""

from __future__ import annotations

from dataclasses import replace

from . import ir
from .ir import Binary, Expr, Negate, Number, Storage
from .lower import Kernel


def simplify(kernel: Kernel) -> Kernel:
    """The kernel with simplified currents, states and functions; the original is not changed."""
    functions = [replace(f, body=_body(f.body)) for f in kernel.functions]
    current = None if kernel.current is None else _body(kernel.current)
    state = None if kernel.state is None else _body(kernel.state)
    hooks = [
        replace(
            hook, body=_body(hook.body), parts=None if hook.parts is None else _body(hook.parts)
        )
        for hook in kernel.hooks
    ]
    return replace(kernel, functions=functions, current=current, state=state, hooks=hooks)


def _body(body: list[ir.Statement]) -> list[ir.Statement]:
    return ir.rewrite_body(body, _statement)


def _statement(statement: ir.Statement) -> list[ir.Statement]:
    if isinstance(statement, ir.Assign):
        return [replace(statement, value=ir.rewrite(statement.value, _simpler))]
    return [statement]


def _number(expr: Expr) -> float | None:
    if isinstance(expr, Number):
        return float(expr.text)
    if isinstance(expr, Negate):
        inner = _number(expr.operand)
        return None if inner is None else -inner
    return None


def _literal(value: float) -> Expr:
    return Number(repr(value)) if value >= 0 else Negate(Number(repr(-value)))


def _simpler(expr: Expr) -> Expr:
    """One node, its operands being simple already."""
    if isinstance(expr, Negate) and isinstance(expr.operand, Negate):
        return expr.operand.operand
    if not isinstance(expr, Binary):
        return expr
    if expr.op == "/":
        return _quotient(expr.left, expr.right)
    if expr.op == "*" and isinstance(expr.right, Binary) and expr.right.op == "/":
        c = _number(expr.right.left)
        if c is not None and _is_dt(expr.left):  # dt*(c/tau)
            return _quotient(_times(c, expr.left), expr.right.right)
    return expr


def _is_dt(expr: Expr) -> bool:
    return isinstance(expr, ir.Ref) and expr.var.storage is Storage.DT


def _times(c: float, expr: Expr) -> Expr:
    if c == 1.0:
        return expr
    return Negate(expr) if c == -1.0 else Binary("*", _literal(c), expr)


def _quotient(left: Expr, right: Expr) -> Expr:
    if isinstance(left, Negate) and isinstance(right, Negate):
        return _quotient(left.operand, right.operand)
    c = _number(right)
    if c is not None and c not in (0.0,):
        return _times(1.0 / c, left) if abs(c) == 1.0 else Binary("*", left, _literal(1.0 / c))
    if isinstance(right, Binary) and right.op == "/":
        numerator, sign = (left.operand, -1.0) if isinstance(left, Negate) else (left, 1.0)
        over = _number(right.left)
        if isinstance(numerator, Binary) and numerator.op == "/" and numerator.right == right.right:
            if over is not None and over != 0.0:  # (x/tau)/(c/tau)
                return _times(sign / over, numerator.left)
            return _quotient(_times(sign, numerator.left), right.left)
        if over is not None and over != 0.0:  # x/(c/tau)
            return Binary("*", _times(1.0 / over, left), right.right)
    return Binary("/", left, right)
