"""Pass 3: METHOD cnexp, in nocmodl's form.

    y' = f(y)   becomes   y = y + (1. - exp(dt*(A)))*(-(B)/(A) - y)

nocmodl splits f in two ways at once: A in dt*(A) is the symbolic derivative of f, the A below B is
the coefficient of y; both are built term by term from the text, so the trees (and with them the
bits) differ from what algebra would give. Each rule below mirrors one of nocmodl's, including that
a term is dropped where its text is exactly "0.0".

Assumes resolved names. An equation that is not linear in its state is refused: nocmodl then solves
the whole block with derivimplicit.
"""

from __future__ import annotations

from dataclasses import dataclass

from .ir import (
    Assign,
    Binary,
    Call,
    CallStatement,
    DiffEq,
    Expr,
    Function,
    Mechanism,
    Negate,
    Number,
    Ref,
    Solve,
    Statement,
    Storage,
    Variable,
    rewrite_body,
    statements,
    walk,
)
from .unsupported import Unsupported


@dataclass(frozen=True)
class _Split:
    """derivative, coefficient, rest; None stands for nocmodl's "0.0"."""

    derivative: Expr | None
    coefficient: Expr | None
    rest: Expr | None


class _NotLinear(Exception):
    pass


def solve(mechanism: Mechanism) -> None:
    """Turns the DERIVATIVE block that BREAKPOINT solves with cnexp into a callable one."""
    breakpoint_ = mechanism.hook("BREAKPOINT")
    if breakpoint_ is None:
        return
    solved = [s for s in statements(breakpoint_.body) if isinstance(s, Solve)]
    derivatives = [f for f in mechanism.functions.values() if f.kind == "DERIVATIVE"]
    for statement in solved:
        function = mechanism.functions.get(statement.block)
        if function is None or function.kind != "DERIVATIVE" or statement.method != "cnexp":
            continue
        if len(derivatives) > 1:
            raise Unsupported("HX022", "several DERIVATIVE blocks", derivatives[1].line)
        function.body = rewrite_body(function.body, _advance)
        function.kind = "SOLVED"


def call_of(function: Function, line: int) -> CallStatement:
    """What SOLVE runs once its block can be called."""
    return CallStatement(Call(function.name, (), True), line=line)


def _advance(statement: Statement) -> list[Statement]:
    if not isinstance(statement, DiffEq):
        return [statement]
    y = statement.state
    if y.index is not None or y.var.dim:
        raise Unsupported("HX022", f"METHOD cnexp for the array {y.var.name}", statement.line)
    try:
        split = _split(statement.rhs, y.var)
    except _NotLinear as error:
        raise Unsupported(
            "HX022",
            f"METHOD cnexp: {y.var.name}' is not linear in {y.var.name} ({error})",
            statement.line,
        ) from None
    dt = Ref(Variable("dt", Storage.DT))
    rest = split.rest or Number("0.0")
    if split.derivative is None:
        # y = y - dt*(-(B))
        value: Expr = Binary("-", y, Binary("*", dt, Negate(rest)))
        return [Assign(y, value, line=statement.line)]
    decay = Call("exp", (Binary("*", dt, split.derivative),))
    target = Binary("/", Negate(rest), split.coefficient or Number("0.0"))
    change = Binary("*", Binary("-", Number("1."), decay), Binary("-", target, y))
    return [Assign(y, Binary("+", y, change), line=statement.line)]


def _split(expr: Expr, state: Variable) -> _Split:
    if isinstance(expr, Ref):
        if expr.index is not None and any(
            isinstance(e, Ref) and e.var is state for e in walk(expr.index)
        ):
            raise _NotLinear("index")
        if expr.var is state:
            return _Split(Number("1.0"), Number("1.0"), None)
        return _Split(None, None, expr)
    if isinstance(expr, Number):
        return _Split(None, None, None if expr.text == "0.0" else expr)
    if isinstance(expr, Negate):
        part = _split(expr.operand, state)
        return _Split(*(None if p is None else Negate(p) for p in _parts(part)))
    if isinstance(expr, Call):
        for argument in expr.args:
            if _split(argument, state).derivative is not None:
                raise _NotLinear(f"argument of {expr.name}")
        return _Split(None, None, expr)
    if isinstance(expr, Binary) and expr.op in ("+", "-"):
        return _sum(expr, _split(expr.left, state), _split(expr.right, state))
    if isinstance(expr, Binary) and expr.op == "*":
        return _product(expr, _split(expr.left, state), _split(expr.right, state))
    if isinstance(expr, Binary) and expr.op == "/":
        return _quotient(expr, _split(expr.left, state), _split(expr.right, state))
    # nocmodl's reader of equations knows no other operator
    raise _NotLinear(f"operator {getattr(expr, 'op', '!')}")


def _parts(split: _Split) -> tuple[Expr | None, Expr | None, Expr | None]:
    return split.derivative, split.coefficient, split.rest


def _sum(expr: Binary, left: _Split, right: _Split) -> _Split:
    out: list[Expr | None] = []
    for one, two in zip(_parts(left), _parts(right), strict=True):
        if one is not None and two is not None:
            out.append(Binary(expr.op, one, two))
        elif two is not None and expr.op == "-":
            out.append(Negate(two))
        else:
            out.append(two if one is None else one)
    return _Split(*out)


def _product(expr: Binary, left: _Split, right: _Split) -> _Split:
    derivative: Expr | None = None
    if left.derivative is not None and right.derivative is not None:
        raise _NotLinear("product")
    if left.derivative is not None:
        derivative = Binary("*", left.derivative, expr.right)
    elif right.derivative is not None:
        derivative = Binary("*", expr.left, right.derivative)
    coefficient: Expr | None = None
    if left.coefficient is not None and right.coefficient is not None:
        raise _NotLinear("product")
    if left.coefficient is not None and right.rest is not None:
        coefficient = Binary("*", left.coefficient, right.rest)
    elif left.coefficient is None and right.coefficient is not None and left.rest is not None:
        coefficient = Binary("*", left.rest, right.coefficient)
    rest: Expr | None = None
    if left.rest is not None and right.rest is not None:
        rest = Binary("*", left.rest, right.rest)
    return _Split(derivative, coefficient, rest)


def _quotient(expr: Binary, left: _Split, right: _Split) -> _Split:
    if right.derivative is not None or right.coefficient is not None:
        raise _NotLinear("denominator")
    return _Split(*(None if p is None else Binary("/", p, expr.right) for p in _parts(left)))
