"""The typed form of one MOD file, between the parser and the printers.

A closed set of small nodes. Every variable reference is resolved to its storage class, so that a
printer needs no symbol table; every statement keeps the line of the MOD file it came from. The
nodes cover the whole language: what no printer translates yet is an `Opaque` statement that knows
the names it touches, so that liveness stays right around it.

Expressions are immutable and compare by value; statements are rebuilt, never changed, by a pass.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace


class Storage(enum.Enum):
    """Where a variable lives."""

    FIELD = "field"  # a column of the mechanism: RANGE, STATE, ASSIGNED
    ION = "ion"  # a column that NEURON copies from, or to, a column of an ion mechanism
    GLOBAL = "global"  # one number for all instances, known to hoc
    WRITTEN_GLOBAL = "written global"  # a GLOBAL that every instance writes before it reads it
    FILE_LOCAL = "file local"  # LOCAL outside all blocks: one number, unknown to hoc
    CONSTANT = "constant"  # UNITS factors and CONSTANT
    LOCAL = "local"
    ARGUMENT = "argument"
    RESULT = "result"  # the FUNCTION's own name inside it
    INDEX = "index"  # the integer of a FROM loop
    POINTER = "pointer"
    RANDOM = "random"
    V = "v"
    T = "t"
    DT = "dt"
    CELSIUS = "celsius"
    AREA = "area"
    DIAM = "diam"
    SHARED = "shared"  # evaluated once before the loop over instances (uniform.py)
    UNKNOWN = "unknown"  # EXTERNAL, or not declared


@dataclass(eq=False)
class Variable:
    """A variable; identity is identity of the object.

    dim: 0 for a scalar, else the array's length. visible: hoc can read it (RANGE or STATE).
    value: the text of a CONSTANT. ion, column: the USEION it belongs to and hx_ion_column.
    """

    name: str
    storage: Storage
    dim: int = 0
    visible: bool = False
    state: bool = False
    value: str = ""
    ion: str = ""
    column: int = -1

    def __repr__(self) -> str:
        return f"{self.name}:{self.storage.value}"


# ---- expressions ---------------------------------------------------------------------------------


class Expr:
    """Base of the expressions. The tree is the order of evaluation; parentheses are not kept."""


@dataclass(frozen=True)
class Number(Expr):
    """A literal, as nocmodl would print it ("3.0", "1e-4")."""

    text: str


@dataclass(frozen=True)
class Ref(Expr):
    """A variable, or an element of an array."""

    var: Variable
    index: Expr | None = None


@dataclass(frozen=True)
class Negate(Expr):
    operand: Expr


@dataclass(frozen=True)
class Not(Expr):
    operand: Expr


@dataclass(frozen=True)
class Binary(Expr):
    """op: + - * / ^"""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Compare(Expr):
    """op: < <= > >= == !="""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Logical(Expr):
    """op: && ||"""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Call(Expr):
    """A FUNCTION or PROCEDURE of this file (user), or one that NMODL provides."""

    name: str
    args: tuple[Expr, ...]
    user: bool = False


@dataclass(frozen=True)
class Text(Expr):
    """A string argument (printf)."""

    text: str


# ---- statements ----------------------------------------------------------------------------------


@dataclass
class Statement:
    """line: 1-based line of the MOD text, 0 if unknown."""

    line: int = field(default=0, kw_only=True)


@dataclass
class Assign(Statement):
    target: Ref
    value: Expr


@dataclass
class DiffEq(Statement):
    """state' = rhs, before a solver rewrites it."""

    state: Ref
    rhs: Expr


@dataclass
class If(Statement):
    condition: Expr
    then: list[Statement]
    otherwise: list[Statement]


@dataclass
class While(Statement):
    condition: Expr
    body: list[Statement]


@dataclass
class From(Statement):
    """FROM index = first TO last BY step."""

    index: Variable
    first: Expr
    last: Expr
    step: Expr
    body: list[Statement]


@dataclass
class Scope(Statement):
    """A nested { } with its LOCALs."""

    body: list[Statement]


@dataclass
class NetInitial(Scope):
    """INITIAL { } inside NET_RECEIVE, which NEURON runs at finitialize."""


@dataclass
class Local(Statement):
    variables: list[Variable]


@dataclass
class CallStatement(Statement):
    call: Call


@dataclass
class NetSend(CallStatement):
    """net_send(delay, flag). time: when the event is due, which is not t plus the delay where the
    delay is a sum: nocmodl writes `t + ` before its text."""

    time: Expr


@dataclass
class Event(Statement):
    """What NET_RECEIVE asks of the event queue, after net_receive.py.

    kind: "net_send" (time, flag), "net_event" (time), "net_move" (time), "watch" (flag), with the
    position of the WATCH among the file's.
    """

    kind: str
    args: tuple[Expr, ...]
    position: int = 0


@dataclass
class Solve(Statement):
    """method: "" when none is given; steady: SOLVE ... STEADYSTATE method."""

    block: str
    method: str
    steady: bool


@dataclass
class Conductance(Statement):
    conductance: Ref
    ion: str


@dataclass
class TableLookup(Statement):
    """The body of a FUNCTION or PROCEDURE with TABLE, after tables.py."""

    table: Table
    argument: Ref


@dataclass
class Opaque(Statement):
    """A statement without a translation.

    construct: its NMODL name, "VERBATIM", "KINETIC reaction", "WATCH". names: the variables it may
    read or write. verbatim: the C text.
    """

    construct: str
    names: list[Variable]
    verbatim: str = ""


@dataclass
class Watch(Opaque):
    """WATCH (condition) flag, ... clauses: (condition, flag)."""

    clauses: list[tuple[Expr, Expr]] = field(default_factory=list)


# ---- blocks --------------------------------------------------------------------------------------


@dataclass(eq=False)
class Table:
    """TABLE names DEPEND depend FROM first TO last WITH n, of `function`.

    names: variables that are tabulated, or [the result] of a FUNCTION. number: position among the
    file's tables.
    """

    function: str
    names: list[Variable]
    depend: list[Ref]
    first: Expr
    last: Expr
    n: int
    number: int


@dataclass
class Function:
    """FUNCTION (result is not None), PROCEDURE, or an equation block that a pass made callable.

    kind: "FUNCTION", "PROCEDURE", "DERIVATIVE", "KINETIC", "LINEAR", "NONLINEAR", "DISCRETE",
    "FUNCTION_TABLE", "SOLVED" (an equation block after its solver's pass).
    """

    name: str
    kind: str
    arguments: list[Variable]
    result: Variable | None
    body: list[Statement]
    line: int
    table: Table | None = None


@dataclass
class Hook:
    """A block that NEURON runs.

    kind: "INITIAL", "BREAKPOINT", "NET_RECEIVE", "CONSTRUCTOR", "DESTRUCTOR", "BEFORE x",
    "AFTER x".
    """

    kind: str
    arguments: list[Variable]
    body: list[Statement]
    line: int


@dataclass
class Ion:
    """USEION name READ read WRITE write. copied: copied from the ion on entry of a block."""

    name: str
    read: list[Variable]
    write: list[Variable]
    copied: list[Variable]


@dataclass
class Mechanism:
    """One MOD file.

    kind: "density", "point", "artificial", "nothing". currents: in the order in which nocmodl sums
    them. threadsafe: THREADSAFE is written.
    """

    name: str
    kind: str
    text: str
    ions: list[Ion]
    currents: list[Variable]
    electrode: bool
    threadsafe: bool
    variables: dict[str, Variable]
    pointers: list[Variable]
    functions: dict[str, Function]
    hooks: list[Hook]
    tables: list[Table]

    def hook(self, kind: str) -> Hook | None:
        """The first hook of a kind."""
        return next((hook for hook in self.hooks if hook.kind == kind), None)


# ---- walking -------------------------------------------------------------------------------------


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct subexpressions, left to right."""
    if isinstance(expr, (Binary, Compare, Logical)):
        return (expr.left, expr.right)
    if isinstance(expr, (Negate, Not)):
        return (expr.operand,)
    if isinstance(expr, Call):
        return expr.args
    if isinstance(expr, Ref) and expr.index is not None:
        return (expr.index,)
    return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """All subexpressions, operands before operators."""
    for child in children(expr):
        yield from walk(child)
    yield expr


def rewrite(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The tree with `change` applied to each node, operands first."""
    if isinstance(expr, (Binary, Compare, Logical)):
        left, right = rewrite(expr.left, change), rewrite(expr.right, change)
        expr = replace(expr, left=left, right=right)
    elif isinstance(expr, (Negate, Not)):
        expr = replace(expr, operand=rewrite(expr.operand, change))
    elif isinstance(expr, Call):
        expr = replace(expr, args=tuple(rewrite(arg, change) for arg in expr.args))
    elif isinstance(expr, Ref) and expr.index is not None:
        expr = replace(expr, index=rewrite(expr.index, change))
    return change(expr)


def expressions(statement: Statement) -> list[Expr]:
    """The expressions a statement evaluates itself, in order (not those of nested statements)."""
    if isinstance(statement, Assign):
        index = [] if statement.target.index is None else [statement.target.index]
        return [*index, statement.value]
    if isinstance(statement, DiffEq):
        return [statement.rhs]
    if isinstance(statement, (If, While)):
        return [statement.condition]
    if isinstance(statement, From):
        return [statement.first, statement.last, statement.step]
    if isinstance(statement, CallStatement):
        return [statement.call]
    if isinstance(statement, Event):
        return list(statement.args)
    if isinstance(statement, TableLookup):
        return [statement.argument]
    return []


def bodies(statement: Statement) -> list[list[Statement]]:
    """The nested statement lists."""
    if isinstance(statement, If):
        return [statement.then, statement.otherwise]
    if isinstance(statement, (While, From, Scope)):
        return [statement.body]
    return []


def statements(body: list[Statement]) -> Iterator[Statement]:
    """All statements of a body, nested ones too, in order of the text."""
    for statement in body:
        yield statement
        for nested in bodies(statement):
            yield from statements(nested)


def rewrite_body(
    body: list[Statement], change: Callable[[Statement], list[Statement]]
) -> list[Statement]:
    """The body with `change` applied to each statement, nested ones first."""
    out: list[Statement] = []
    for statement in body:
        if isinstance(statement, If):
            statement = replace(
                statement,
                then=rewrite_body(statement.then, change),
                otherwise=rewrite_body(statement.otherwise, change),
            )
        elif isinstance(statement, (While, From, Scope)):
            statement = replace(statement, body=rewrite_body(statement.body, change))
        out += change(statement)
    return out
