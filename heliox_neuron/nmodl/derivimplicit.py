"""Pass 3, second part: METHOD derivimplicit, in the form of nocmodl and scopmath's Newton solver.

    y' = f(y)   becomes   the y at which the residual f(y) - (y - before)/dt is small

The block becomes a Newton iteration around a function that runs the block's statements and leaves
the residuals. As in scopmath the Jacobian is made of central differences, each with a run of the
block, and kept while y changes by 5 % or less; it is factored by Crout's method with equilibrated
pivoting, whose permuted rows are moved here, which changes no operation. A last run of the block
follows. Instances that are done keep their values while others go on.

Residuals have the order of the equations, but the columns of the Jacobian that of nocmodl's symbol
table: by first character, then by where the lexer met the names, which is not followed here.

Where NEURON stops with an error, because the matrix is singular or 50 iterations do not suffice,
the states become nan.

Assumes resolved names. Refuses equations under a condition, arrays, blocks of more than MAX_STATES
equations, states that begin with the same character, and SOLVE without a METHOD, for which nocmodl
announces derivimplicit but writes a block that does not solve.
"""

from __future__ import annotations

from . import ir
from .ir import (
    Assign,
    Binary,
    Call,
    CallStatement,
    Compare,
    DiffEq,
    Expr,
    Function,
    If,
    Local,
    Logical,
    Mechanism,
    Negate,
    Number,
    Ref,
    Solve,
    Statement,
    Storage,
    Variable,
    statements,
)
from .unsupported import Unsupported

MAX_STATES = 4
# scopmath's constants: errcodes.hpp
_ROUNDOFF, _ZERO, _STEP = Number("1.e-20"), Number("1.e-8"), Number("1.e-6")
_CONVERGE, _MAXCHANGE, _MAXITERS = Number("1.e-6"), Number("0.05"), Number("50.0")
_FAILED = Negate(Number("1.0"))


def solve(mechanism: Mechanism) -> None:
    """Turns the DERIVATIVE block that BREAKPOINT solves with derivimplicit into a callable one.

    Raises Unsupported HX022.
    """
    breakpoint_ = mechanism.hook("BREAKPOINT")
    if breakpoint_ is None:
        return
    derivatives = [f for f in mechanism.functions.values() if f.kind == "DERIVATIVE"]
    for statement in statements(breakpoint_.body):
        if not isinstance(statement, Solve) or statement.steady:
            continue
        if statement.method != "derivimplicit":
            continue
        function = mechanism.functions.get(statement.block)
        if function is None or function.kind != "DERIVATIVE":
            continue
        if len(derivatives) > 1:
            raise Unsupported("HX022", "several DERIVATIVE blocks", derivatives[1].line)
        states = _states(function)
        residuals = [_new_field(mechanism, f"residual_{s.var.name}") for s in states]
        residual = _residual(mechanism, function, states, residuals)
        function.body = _Newton(residual, states, residuals).body()
        function.kind = "SOLVED"


def is_used(mechanism: Mechanism) -> bool:
    """Whether BREAKPOINT solves with derivimplicit: NEURON heeds secondorder, kernels do not."""
    breakpoint_ = mechanism.hook("BREAKPOINT")
    body = [] if breakpoint_ is None else breakpoint_.body
    return any(isinstance(s, Solve) and s.method == "derivimplicit" for s in statements(body))


def _states(function: Function) -> list[Ref]:
    """The states in the order of their equations, which is that of nocmodl's lists."""
    found: list[Ref] = []
    for statement in statements(function.body):
        if not isinstance(statement, DiffEq):
            continue
        name = statement.state.var.name
        if statement not in function.body:
            raise Unsupported("HX022", f"{name}' under a condition", statement.line)
        if statement.state.index is not None or statement.state.var.dim:
            raise Unsupported("HX022", f"METHOD derivimplicit for the array {name}", statement.line)
        if statement.state in found:
            raise Unsupported("HX022", f"two equations of {name}'", statement.line)
        found.append(statement.state)
    if not 1 <= len(found) <= MAX_STATES:
        raise Unsupported(
            "HX022", f"METHOD derivimplicit for {len(found)} equations", function.line
        )
    if len({y.var.name[0] for y in found}) < len(found):
        names = ", ".join(y.var.name for y in found)
        raise Unsupported("HX022", f"METHOD derivimplicit for {names}", function.line)
    return found


def _new_name(name: str, taken: dict[str, Variable] | dict[str, Function]) -> str:
    while name in taken:
        name += "_"
    return name


def _new_field(mechanism: Mechanism, name: str) -> Variable:
    """A variable of the instance without a column: nothing reads it before it is written."""
    variable = Variable(_new_name(name, mechanism.variables), Storage.FIELD)
    mechanism.variables[variable.name] = variable
    return variable


def _residual(
    mechanism: Mechanism, block: Function, states: list[Ref], residuals: list[Variable]
) -> Function:
    """The block's statements, then the residuals. Its arguments are the states before the step."""
    dt = Ref(Variable("dt", Storage.DT))
    before = [Variable(f"before_{y.var.name}", Storage.ARGUMENT) for y in states]
    slopes = [Variable(f"D{y.var.name}", Storage.LOCAL) for y in states]
    body: list[Statement] = [Local(slopes)]
    for statement in block.body:
        if isinstance(statement, DiffEq):
            slope = slopes[states.index(statement.state)]
            statement = Assign(Ref(slope), statement.rhs, line=statement.line)
        body.append(statement)
    for y, old, slope, target in zip(states, before, slopes, residuals, strict=True):
        change = Binary("/", Binary("-", y, Ref(old)), dt)
        body.append(Assign(Ref(target), Binary("-", Ref(slope), change)))
    name = _new_name(f"{block.name}_residual", mechanism.functions)
    function = Function(name, "SOLVED", before, None, body, block.line)
    mechanism.functions[name] = function
    return function


def _is(variable: Variable, number: int) -> Expr:
    return Compare("==", Ref(variable), _integer(number))


def _integer(number: int) -> Number:
    return Number(f"{number}.0")


def _fabs(expr: Expr) -> Expr:
    return Call("fabs", (expr,))


def _sum(terms: list[Expr]) -> Expr:
    """0 + terms, left to right, as a loop adds them."""
    total: Expr = Number("0.0")
    for term in terms:
        total = Binary("+", total, term)
    return total


def _less_sum(value: Expr, terms: list[Expr]) -> Expr:
    return Binary("-", value, _sum(terms)) if terms else value


class _Newton:
    """The statements of nrn_newton_thread; all numbers are LOCALs of one function.

    equations, states: the unknowns in the order of the residuals and of the columns. going: 1 while
    an instance iterates, 0 when it is done, -1 when it has failed.
    """

    def __init__(self, residual: Function, states: list[Ref], residuals: list[Variable]) -> None:
        self.function = residual
        self.n = len(states)
        self.equations = states
        self.states = sorted(states, key=lambda y: y.var.name[0])
        self.residuals = [Ref(r) for r in residuals]
        self.locals: list[Variable] = []
        rows = [y.var.name for y in self.equations]
        names = [y.var.name for y in self.states]
        self.before = [self.local(f"before_{name}") for name in rows]
        self.value = [self.local(f"value_{name}") for name in rows]
        self.delta = [self.local(f"delta_{name}") for name in names]
        self.high = [self.local(f"high_{name}") for name in rows]
        self.jacobian = [[self.local(f"jacobian_{i}_{j}") for j in names] for i in rows]
        one = ("change", "deviation", "relative", "increment", "count", "going")
        self.change, self.deviation, self.relative, self.increment, self.count, self.going = (
            self.local(name) for name in one
        )
        if self.n > 1:
            self.row_max = [self.local(f"row_max_{name}") for name in rows]
            self.row = [self.local(f"row_{name}") for name in rows]
            self.right = [self.local(f"right_{name}") for name in rows]
            self.pivot, self.equil, self.other, self.held = (
                self.local(name) for name in ("pivot", "equil", "other", "held")
            )

    def local(self, name: str) -> Ref:
        self.locals.append(Variable(name, Storage.LOCAL))
        return Ref(self.locals[-1])

    def body(self) -> list[Statement]:
        """The whole block."""
        out: list[Statement] = [Local(self.locals)]
        out += [Assign(old, y) for old, y in zip(self.before, self.equations, strict=True)]
        out += [Assign(self.change, Number("1.0")), Assign(self.going, Number("1.0"))]
        going = Compare(">", self.going, Number("0.0"))
        factor = [*self.differences(), *self.factored()]
        out.append(
            ir.While(
                going,
                [
                    Assign(self.count, Binary("+", self.count, Number("1.0"))),
                    If(Compare(">", self.change, _MAXCHANGE), factor, []),
                    If(going, self.iteration(), []),
                ],
            )
        )
        nan = Binary("/", Number("0.0"), Number("0.0"))
        failed: list[Statement] = [Assign(y, nan) for y in self.states]
        out += [self.call(), If(Compare("<", self.going, Number("0.0")), failed, [])]
        return out

    def call(self) -> Statement:
        return CallStatement(Call(self.function.name, tuple(self.before), True))

    def negated(self) -> list[Statement]:
        pairs = zip(self.value, self.residuals, strict=True)
        return [Assign(value, Negate(residual)) for value, residual in pairs]

    def differences(self) -> list[Statement]:
        """The Jacobian: runs of the block at y + increment, y - increment and y, state by state;
        the last one gives the values."""
        k = Variable("evaluation", Storage.INDEX)
        steps: list[Statement] = []
        twice = Binary("*", Number("2.0"), self.increment)
        results: list[Statement] = []
        for j, y in enumerate(self.states):
            up: list[Statement] = [Assign(y, Binary("+", y, self.increment))]
            size = [
                Assign(self.increment, _fabs(Binary("*", Number("0.02"), y))),
                If(
                    ir.Not(Compare(">", self.increment, _STEP)),  # nan too: fmax
                    [Assign(self.increment, _STEP)],
                    [],
                ),
            ]
            steps += [
                If(_is(k, 3 * j), [*size, *up], []),
                If(_is(k, 3 * j + 1), [Assign(y, Binary("-", y, twice))], []),
                If(_is(k, 3 * j + 2), up, []),
            ]
            pairs = list(zip(self.high, self.residuals, strict=True))
            column: list[Statement] = [
                Assign(self.jacobian[i][j], Binary("/", Binary("-", high, low), twice))
                for i, (high, low) in enumerate(pairs)
            ]
            results += [
                If(_is(k, 3 * j), [Assign(high, value) for high, value in pairs], []),
                If(_is(k, 3 * j + 1), column, []),
            ]
        # not after the loop, which for liveness may run no times
        results.append(If(_is(k, 3 * self.n - 1), self.negated(), []))
        runs = [*steps, self.call(), *results]
        last = Number(str(3 * self.n - 1))
        return [ir.From(k, Number("0"), last, Number("1"), runs)]

    def factored(self) -> list[Statement]:
        """nrn_crout_thread."""
        a, n = self.jacobian, self.n
        out: list[Statement] = []
        if n > 1:
            for i in range(n):
                out += [Assign(self.row[i], _integer(i)), Assign(self.row_max[i], a[i][0])]
                for j in range(1, n):
                    larger = Compare(">", _fabs(a[i][j]), _fabs(self.row_max[i]))
                    out.append(If(larger, [Assign(self.row_max[i], a[i][j])], []))
        for r in range(n):
            for i in range(r, n if r else 0):
                terms: list[Expr] = [Binary("*", a[i][k], a[k][r]) for k in range(r)]
                out.append(Assign(a[i][r], _less_sum(a[i][r], terms)))
            if r < n - 1:
                out += self.pivoted(r)
            singular = Compare("<", _fabs(a[r][r]), _ROUNDOFF)
            out.append(If(singular, [Assign(self.going, _FAILED)], []))
            for j in range(r + 1, n):
                terms = [Binary("*", a[r][k], a[k][j]) for k in range(r)]
                out.append(Assign(a[r][j], Binary("/", _less_sum(a[r][j], terms), a[r][r])))
        return out

    def pivoted(self, r: int) -> list[Statement]:
        """Moves the row of the largest equilibrated element of column r to row r."""
        a = self.jacobian

        def equilibrated(i: int) -> Expr:
            return _fabs(Binary("/", a[i][r], self.row_max[i]))

        out: list[Statement] = [
            Assign(self.pivot, _integer(r)),
            Assign(self.equil, equilibrated(r)),
        ]
        for i in range(r + 1, self.n):
            better: list[Statement] = [
                Assign(self.pivot, _integer(i)),
                Assign(self.equil, self.other),
            ]
            out.append(Assign(self.other, equilibrated(i)))
            out.append(If(Compare(">", self.other, self.equil), better, []))
        for i in range(r + 1, self.n):
            swap: list[Statement] = []
            ours = [*a[r], self.row_max[r], self.row[r]]
            theirs = [*a[i], self.row_max[i], self.row[i]]
            for one, two in zip(ours, theirs, strict=True):
                swap += [Assign(self.held, one), Assign(one, two), Assign(two, self.held)]
            out.append(If(_is(self.pivot.var, i), swap, []))
        return out

    def substituted(self) -> list[Statement]:
        """nrn_scopmath_solve_thread: delta."""
        a, n, delta = self.jacobian, self.n, self.delta
        out: list[Statement] = []
        right = self.value
        if n > 1:
            right = self.right
            for i in range(n):
                out.append(Assign(right[i], self.value[0]))
                for k in range(1, n):
                    moved: list[Statement] = [Assign(right[i], self.value[k])]
                    out.append(If(_is(self.row[i].var, k), moved, []))
        for i in range(n):
            terms: list[Expr] = [Binary("*", a[i][j], delta[j]) for j in range(i)]
            out.append(Assign(delta[i], Binary("/", _less_sum(right[i], terms), a[i][i])))
        for i in reversed(range(n - 1)):
            terms = [Binary("*", a[i][j], delta[j]) for j in range(i + 1, n)]
            out.append(Assign(delta[i], _less_sum(delta[i], terms)))
        return out

    def iteration(self) -> list[Statement]:
        """The new states, and whether they are good enough."""
        out = [*self.substituted(), Assign(self.change, Number("0.0"))]
        for y, delta in zip(self.states, self.delta, strict=True):
            relative: list[Statement] = [
                Assign(self.relative, _fabs(Binary("/", delta, y))),
                self.maximum(self.change),
            ]
            out.append(If(Compare(">", _fabs(y), _ZERO), relative, []))
            out.append(Assign(y, Binary("+", y, delta)))
        out += [self.call(), *self.negated(), Assign(self.deviation, Number("0.0"))]
        for value in self.value:
            out += [Assign(self.relative, _fabs(value)), self.maximum(self.deviation)]
        good = Logical(
            "&&",
            Compare("<=", self.change, _CONVERGE),
            Compare("<=", self.deviation, _ZERO),
        )
        exceeded = If(Compare(">=", self.count, _MAXITERS), [Assign(self.going, _FAILED)], [])
        out.append(If(good, [Assign(self.going, Number("0.0"))], [exceeded]))
        return out

    def maximum(self, largest: Ref) -> Statement:
        return If(Compare(">", self.relative, largest), [Assign(largest, self.relative)], [])
