"""Pass 7: which values are the same for all instances, and what to evaluate before the loop.

A LOCAL, an argument or a FUNCTION's result is uniform when every value it is given is, and it is
never given one under a condition that differs between instances. Uniform values are printed as
double, all others as V.

Calls of libm on constants, GLOBALs, celsius, t and dt (q10 = 3^((celsius - 6.3)/10)) are hoisted:
they become SHARED variables. pow of literals stays, because the compiler of NEURON's build folded
it; exp of literals is hoisted, because there exp is hoc_Exp, a call.

Assumes supported.check and tables.lower.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from . import ir
from .ir import Call, Expr, Function, Ref, Statement, Storage, Variable

_ALWAYS_VARYING = {
    Storage.FIELD, Storage.ION, Storage.FILE_LOCAL, Storage.WRITTEN_GLOBAL, Storage.POINTER,
    Storage.V, Storage.AREA,
}  # fmt: skip
_HOISTABLE = {Storage.GLOBAL, Storage.CONSTANT, Storage.CELSIUS, Storage.T, Storage.DT}


@dataclass
class Uniformity:
    """varying: the LOCALs, arguments and results that differ between instances."""

    functions: dict[str, Function]
    varying: set[Variable] = field(default_factory=set)

    def is_varying(self, expr: Expr) -> bool:
        """Whether an expression may differ between instances."""
        if isinstance(expr, Ref):
            return expr.var.storage in _ALWAYS_VARYING or expr.var in self.varying
        if isinstance(expr, Call) and expr.user:
            result = self.functions[expr.name].result
            return result is not None and result in self.varying
        return any(self.is_varying(child) for child in ir.children(expr))


def infer(
    functions: list[Function], bodies: list[list[Statement]], varying: Iterable[Variable] = ()
) -> Uniformity:
    """Grows the set of varying variables until nothing changes. varying: where it begins."""
    found = Uniformity({function.name: function for function in functions}, set(varying))
    size = -1
    while size != len(found.varying):
        size = len(found.varying)
        for body in bodies:
            _mark(found, body, False)
        for function in functions:
            _mark(found, function.body, False)
            if function.table is not None and function.result is not None:
                found.varying.add(function.result)
    return found


def _mark(found: Uniformity, body: list[Statement], diverged: bool) -> None:
    for statement in body:
        for expr in ir.expressions(statement):
            _mark_arguments(found, expr)
        if isinstance(statement, ir.Assign):
            if diverged or found.is_varying(statement.value):
                found.varying.add(statement.target.var)
        elif isinstance(statement, (ir.If, ir.While)):
            inner = diverged or found.is_varying(statement.condition)
            for nested in ir.bodies(statement):
                _mark(found, nested, inner)
        elif isinstance(statement, ir.TableLookup):
            original = found.functions[f"_f_{statement.table.function}"]
            if found.is_varying(statement.argument):
                found.varying.add(original.arguments[0])
        else:
            for nested in ir.bodies(statement):
                _mark(found, nested, diverged)


def _mark_arguments(found: Uniformity, expr: Expr) -> None:
    for node in ir.walk(expr):
        if isinstance(node, Call) and node.user:
            function = found.functions[node.name]
            for argument, value in zip(function.arguments, node.args, strict=True):
                if function.table is not None or found.is_varying(value):
                    found.varying.add(argument)


class Hoist:
    """Collects the hoisted expressions: shared[i] is evaluated once and read as values[i].

    time: also those that read t. Events have a t of their own, so with NET_RECEIVE they stay.
    """

    def __init__(self, time: bool = True) -> None:
        self.hoistable = _HOISTABLE if time else _HOISTABLE - {Storage.T}
        self.values: list[Variable] = []
        self.shared: list[Expr] = []

    def body(self, body: list[Statement]) -> list[Statement]:
        """The body with hoisted subexpressions replaced."""
        return ir.rewrite_body(body, self._statement)

    def _statement(self, statement: Statement) -> list[Statement]:
        if isinstance(statement, ir.Assign):
            return [replace(statement, value=self._expr(statement.value))]
        if isinstance(statement, (ir.If, ir.While)):
            return [replace(statement, condition=self._expr(statement.condition))]
        if isinstance(statement, ir.CallStatement):
            args = tuple(self._expr(arg) for arg in statement.call.args)
            return [replace(statement, call=replace(statement.call, args=args))]
        return [statement]

    def _expr(self, expr: Expr) -> Expr:
        if _is_hoistable(expr, self.hoistable) and _has_call(expr):
            return self._take(expr)
        if isinstance(expr, (ir.Binary, ir.Compare, ir.Logical)):
            return replace(expr, left=self._expr(expr.left), right=self._expr(expr.right))
        if isinstance(expr, (ir.Negate, ir.Not)):
            return replace(expr, operand=self._expr(expr.operand))
        if isinstance(expr, Call):
            return replace(expr, args=tuple(self._expr(arg) for arg in expr.args))
        return expr

    def _take(self, expr: Expr) -> Expr:
        if expr not in self.shared:
            self.values.append(Variable(f"once_{len(self.shared)}", Storage.SHARED))
            self.shared.append(expr)
        return Ref(self.values[self.shared.index(expr)])


def _is_hoistable(expr: Expr, hoistable: set[Storage]) -> bool:
    for node in ir.walk(expr):
        if isinstance(node, Ref) and node.var.storage not in hoistable:
            return False
        if isinstance(node, Call) and (node.user or node.name == "at_time"):
            return False
        if isinstance(node, (ir.Compare, ir.Logical, ir.Not)):
            return False
    return True


def _has_call(expr: Expr) -> bool:
    """Whether there is a call that the compiler does not fold."""
    for node in ir.walk(expr):
        if isinstance(node, Call) and node.name == "exp":
            return True
        is_call = isinstance(node, Call) or (isinstance(node, ir.Binary) and node.op == "^")
        if is_call and any(isinstance(leaf, Ref) for leaf in ir.walk(node)):
            return True
    return False
