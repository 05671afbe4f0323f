"""Expressions as C++: one rule for scalars and vectors.

Every printed expression has a kind: a double or bool that all instances share, or a V or mask that
differs. The operators + - * / are the language's; comparisons and functions of differing values
are those of simd.hpp. Parentheses are put so that C++ evaluates the tree as it is.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from ..nmodl import ir
from ..nmodl.ir import Expr, Storage, Variable
from ..nmodl.uniform import Uniformity
from .cpp_writer import mangled


class Kind(enum.Enum):
    """What a printed expression is."""

    DOUBLE = "double"
    BOOL = "bool"
    V = "V"
    MASK = "hx::mask<V>"


@dataclass(frozen=True)
class Printed:
    """code; kind; precedence: 0 atom, 1 unary, 2 product, 3 sum, 4 comparison and below."""

    code: str
    kind: Kind
    precedence: int = 0

    def within(self, limit: int) -> str:
        """The code, in parentheses if it binds less tightly than `limit`."""
        return f"({self.code})" if self.precedence > limit else self.code


_COMPARE = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
_MEMBERS = {
    Storage.FIELD, Storage.ION, Storage.FILE_LOCAL, Storage.WRITTEN_GLOBAL, Storage.POINTER,
    Storage.V, Storage.AREA,
}  # fmt: skip
_SHARED = {Storage.GLOBAL, Storage.T, Storage.DT, Storage.CELSIUS, Storage.SHARED}


@dataclass(frozen=True)
class Dialect:
    """Where printed code runs.

    libm: what comes before the name of a mathematical function of uniform arguments. hoc_exp:
    hoc_Exp of a uniform argument. hoc_exp_argument: what hx::exp gets for arguments above 700.
    quotient: a function that divides, or an empty string for the operator; `{quotient}_of` is one
    for numerators of common size.
    """

    libm: str
    hoc_exp: str
    hoc_exp_argument: str
    quotient: str = ""


HOST = Dialect("::", "{shared}hoc_exp({x})", "{shared}hoc_exp")
DEVICE = Dialect("hx::", "hx::exp({x}, true, nullptr)", "nullptr")
DEVICE_FAST = Dialect("hx::", "hx::exp({x}, true, nullptr)", "nullptr", "hx::fast_quotient")


class Names:
    """C++ names of a function's own variables: NMODL's, unless two of them are the same, or one is
    also the name of a FUNCTION or PROCEDURE."""

    def __init__(self, functions: Iterable[str] = ()) -> None:
        self._names: dict[Variable, str] = {}
        self._taken: set[str] = set()
        self._functions = {mangled(name) for name in functions}

    def __getitem__(self, variable: Variable) -> str:
        if variable not in self._names:
            name = mangled(variable.name)
            number = 2
            taken = self._functions if variable.storage is not Storage.RESULT else set()
            while name in self._taken or name in taken:
                name = f"{mangled(variable.name)}_{number}"
                number += 1
            self._taken.add(name)
            self._names[variable] = name
        return self._names[variable]


class ExprPrinter:
    """Prints expressions of one function. lanes: the mask of active lanes at this place."""

    def __init__(
        self,
        uniformity: Uniformity,
        names: Names,
        shared: str = "shared.",
        dialect: Dialect = HOST,
    ) -> None:
        self.uniformity = uniformity
        self.dialect = dialect
        self.names = names
        self.lanes = "lanes"
        self.shared = shared

    # ---- as a wanted kind ----

    def value(self, expr: Expr) -> Printed:
        """As a number: double or V."""
        printed = self.print(expr)
        if printed.kind is Kind.BOOL:
            return Printed(f"({printed.code} ? 1. : 0.)", Kind.DOUBLE)
        if printed.kind is Kind.MASK:
            return Printed(f"hx::number<V>({printed.code})", Kind.V)
        return printed

    def varying(self, expr: Expr) -> str:
        """As a V."""
        printed = self.value(expr)
        if printed.kind is Kind.V:
            return printed.code
        return f"hx::splat<V>({printed.code})"

    def test(self, expr: Expr) -> Printed:
        """As a condition: bool or mask."""
        printed = self.print(expr)
        if printed.kind is Kind.DOUBLE:
            return Printed(f"{printed.within(3)} != 0.", Kind.BOOL, 4)
        if printed.kind is Kind.V:
            return Printed(f"hx::truth({printed.code})", Kind.MASK)
        return printed

    def mask(self, expr: Expr) -> str:
        """As a mask."""
        printed = self.test(expr)
        if printed.kind is Kind.MASK:
            return printed.code
        return f"hx::truth(hx::splat<V>({printed.within(0)} ? 1. : 0.))"

    def place(self, variable: Variable) -> str:
        """The C++ lvalue of a variable."""
        if variable.storage in _MEMBERS:
            return f"self.{mangled(variable.name)}"
        if variable.storage in _SHARED:
            return f"{self.shared}{mangled(variable.name)}"
        if variable.storage is Storage.INDEX:
            return f"static_cast<double>({self.names[variable]})"
        if variable.storage is Storage.CONSTANT:
            return f"constant::{mangled(variable.name)}"
        return self.names[variable]

    # ---- nodes ----

    def print(self, expr: Expr) -> Printed:
        """As whatever kind it is."""
        if isinstance(expr, ir.Number):
            return Printed(expr.text, Kind.DOUBLE)
        if isinstance(expr, ir.Ref):
            kind = Kind.V if self.uniformity.is_varying(expr) else Kind.DOUBLE
            return Printed(self.place(expr.var), kind)
        if isinstance(expr, ir.Negate):
            operand = self.value(expr.operand)
            space = " " if operand.code.startswith("-") else ""
            return Printed(f"-{space}{operand.within(1)}", operand.kind, 1)
        if isinstance(expr, ir.Not):
            operand = self.test(expr.operand)
            if operand.kind is Kind.BOOL:
                return Printed(f"!{operand.within(1)}", Kind.BOOL, 1)
            return Printed(f"hx::lnot({operand.code})", Kind.MASK)
        if isinstance(expr, ir.Binary):
            return self._power(expr) if expr.op == "^" else self._binary(expr)
        if isinstance(expr, ir.Compare):
            return self._compare(expr)
        if isinstance(expr, ir.Logical):
            return self._logical(expr)
        assert isinstance(expr, ir.Call)
        if expr.name == "pow" and not expr.user:
            return self._power(ir.Binary("^", expr.args[0], expr.args[1]))
        return self._user(expr) if expr.user else self._builtin(expr)

    def _binary(self, expr: ir.Binary) -> Printed:
        left, right = self.value(expr.left), self.value(expr.right)
        kind = Kind.V if Kind.V in (left.kind, right.kind) else Kind.DOUBLE
        if expr.op == "/" and self.dialect.quotient and kind is Kind.V:
            suffix = "_of" if _is_common(expr.left) else ""
            return Printed(f"{self.dialect.quotient}{suffix}({left.code}, {right.code})", kind)
        level = 2 if expr.op in "*/" else 3
        return Printed(f"{left.within(level)} {expr.op} {right.within(level - 1)}", kind, level)

    def _compare(self, expr: ir.Compare) -> Printed:
        left, right = self.value(expr.left), self.value(expr.right)
        if left.kind is Kind.DOUBLE and right.kind is Kind.DOUBLE:
            return Printed(f"{left.within(3)} {expr.op} {right.within(3)}", Kind.BOOL, 4)
        function = _COMPARE[expr.op]
        return Printed(
            f"hx::{function}({self.varying(expr.left)}, {self.varying(expr.right)})", Kind.MASK
        )

    def _logical(self, expr: ir.Logical) -> Printed:
        left, right = self.test(expr.left), self.test(expr.right)
        if left.kind is Kind.BOOL and right.kind is Kind.BOOL:
            return Printed(f"{left.within(4)} {expr.op} {right.within(4)}", Kind.BOOL, 5)
        function = "land" if expr.op == "&&" else "lor"
        return Printed(
            f"hx::{function}({self.mask(expr.left)}, {self.mask(expr.right)})", Kind.MASK
        )

    def _power(self, expr: ir.Binary) -> Printed:
        """pow; the exponents -1, 0, 1, 2 as the compiler of NEURON's build expands them."""
        exponent = _literal(expr.right)
        base = self.value(expr.left)
        if exponent == 2.0:
            return Printed(f"square({base.code})", base.kind)
        if exponent == 1.0:
            return base
        if exponent == -1.0:
            return Printed(f"1. / {base.within(1)}", base.kind, 2)
        if exponent == 0.0:
            return Printed("1.", Kind.DOUBLE)
        if base.kind is Kind.DOUBLE and self.value(expr.right).kind is Kind.DOUBLE:
            # libm's name, so that literals are folded here as they were there
            power = f"{self.dialect.libm}pow({base.code}, {self.value(expr.right).code})"
            return Printed(power, Kind.DOUBLE)
        return Printed(f"hx::pow({self.varying(expr.left)}, {self.varying(expr.right)})", Kind.V)

    def _builtin(self, expr: ir.Call) -> Printed:
        if expr.name == "at_time":
            return self._at_time(expr)
        args = [self.value(arg) for arg in expr.args]
        uniform = all(arg.kind is Kind.DOUBLE for arg in args)
        if expr.name == "exp":
            if uniform:
                code = self.dialect.hoc_exp.format(shared=self.shared, x=args[0].code)
                return Printed(code, Kind.DOUBLE)
            above = self.dialect.hoc_exp_argument.format(shared=self.shared)
            return Printed(f"hx::exp({args[0].code}, {self.lanes}, {above})", Kind.V)
        if uniform:
            listed = ", ".join(a.code for a in args)
            return Printed(f"{self.dialect.libm}{expr.name}({listed})", Kind.DOUBLE)
        printed = ", ".join(self.varying(arg) for arg in expr.args)
        return Printed(f"hx::{expr.name}({printed})", Kind.V)

    def _at_time(self, expr: ir.Call) -> Printed:
        """NEURON's at_time() in a fixed step: whether the time lies in the step that ends at t."""
        late = ir.Binary("-", expr.args[0], ir.Number("1e-11"))
        t = ir.Ref(Variable("t", Storage.T))
        start = ir.Binary("-", t, ir.Ref(Variable("dt", Storage.DT)))
        return self._logical(
            ir.Logical("&&", ir.Compare("<=", late, t), ir.Compare(">", late, start))
        )

    def _user(self, expr: ir.Call) -> Printed:
        function = self.uniformity.functions[expr.name]
        args = ["self", self.shared.rstrip("."), self.lanes]
        for argument, value in zip(function.arguments, expr.args, strict=True):
            if argument in self.uniformity.varying:
                args.append(self.varying(value))
            else:
                args.append(self.value(value).code)
        kind = Kind.V if self.uniformity.is_varying(expr) else Kind.DOUBLE
        return Printed(f"{mangled(expr.name)}({', '.join(args)})", kind)


def _is_common(expr: Expr) -> bool:
    """Whether it is a number or dt, or their product, neither tiny nor huge."""
    if isinstance(expr, ir.Negate):
        return _is_common(expr.operand)
    if isinstance(expr, ir.Binary) and expr.op == "*":
        return _is_common(expr.left) and _is_common(expr.right)
    if isinstance(expr, ir.Ref):
        return expr.var.storage is Storage.DT
    return isinstance(expr, ir.Number) and 1e-60 < abs(float(expr.text)) < 1e60


def _literal(expr: Expr) -> float | None:
    if isinstance(expr, ir.Number):
        return float(expr.text)
    if isinstance(expr, ir.Negate) and isinstance(expr.operand, ir.Number):
        return -float(expr.operand.text)
    return None
