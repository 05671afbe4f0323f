"""NET_RECEIVE and WATCH conditions as functions of one instance (V = double).

Unlike the other node bodies they are printed as plain control flow, with C's short circuits: the
weight vector may be absent (NULL) where a condition keeps the block from reading it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..nmodl import ir
from ..nmodl.ir import Expr, Statement, Variable
from ..nmodl.lower import Kernel
from ..nmodl.net_receive import Receive, Watched
from ..nmodl.uniform import Uniformity
from .cpp_body import _Body
from .cpp_expr import HOST, Dialect, ExprPrinter, Names
from .cpp_writer import Writer, mangled


def print_net_receive(
    kernel: Kernel, receive: Receive, out: Writer, dialect: Dialect = HOST
) -> None:
    """`watch_0`, `watch_1`, ... and `net_receive_body`, after Instance, Shared and the functions.

    shared.t is the event's time [ms]. sender has net_send(t, flag), net_event(t) and net_move(t),
    where t is the time [ms] at which the event is due, and watch(k, flag), which activates
    `watch_k` (on a device watch(k, flag, value) with the condition's value); the first of these
    calls in a delivery deactivates all others of the instance. A sender only takes note: the
    instance's columns are stored after the body.
    """
    body = _Received(kernel, receive, out, dialect)
    for number, watched in enumerate(receive.watched):
        body.watch(number, watched)
    body.block()


class _Scalar(Uniformity):
    """With one lane nothing differs between instances."""

    def is_varying(self, expr: Expr) -> bool:
        return False


class _Printer(ExprPrinter):
    def __init__(self, kernel: Kernel, places: dict[Variable, str], dialect: Dialect) -> None:
        functions = kernel.uniformity.functions
        names = Names([*functions, *_PARAMETERS])
        super().__init__(kernel.uniformity, names, dialect=dialect)
        self.places = places

    def place(self, variable: Variable) -> str:
        return self.places.get(variable) or super().place(variable)

    def varying(self, expr: Expr) -> str:
        return self.value(expr).code


_PARAMETERS = ("weight", "flag", "sender")


class _Received(_Body):
    def __init__(self, kernel: Kernel, receive: Receive, out: Writer, dialect: Dialect) -> None:
        functions = kernel.uniformity.functions
        super().__init__(replace(kernel, uniformity=_Scalar(functions)), out, False, dialect)
        self.receive = receive
        self.watch_value = dialect is not HOST
        self.weight, self.flag, self.sender = (_free(name, functions) for name in _PARAMETERS)
        places = {w: f"{self.weight}[{k}]" for k, w in enumerate(receive.weights)}
        places[receive.flag] = self.flag
        self.printer = _Printer(self.kernel, places, dialect)

    def block(self) -> None:
        out = self.out
        out(f"// Arguments: {', '.join(w.name for w in self.receive.weights)}.")
        out("template <class V, class Sender>")
        out.open(
            "HX_INLINE void net_receive_body(Instance<V>& self, Shared const& shared, "
            f"hx::mask<V> lanes, double* {self.weight}, double {self.flag}, "
            f"Sender& {self.sender}) {{"
        )
        self.body(self.receive.body)
        out.unmark()
        out.close()
        out()

    def statement(self, statement: Statement) -> None:
        if not isinstance(statement, ir.Event):
            super().statement(statement)
            return
        self.out.mark(statement.line)
        args = [self.printer.value(arg).code for arg in statement.args]
        if statement.kind == "watch":
            args.insert(0, str(statement.position))
            if self.watch_value:
                args.append(f"watch_{statement.position}<V>(self, shared)")
        self.out(f"{self.sender}.{statement.kind}({', '.join(args)});")

    def watch(self, number: int, watched: Watched) -> None:
        """The value that NEURON compares with 0."""
        out, sign = self.out, "-" if watched.below else ""
        out("template <class V>")
        out.open(f"HX_INLINE double watch_{number}(Instance<V>& self, Shared const& shared) {{")
        out.mark(watched.line)
        left, right = (self.printer.value(e).within(3) for e in (watched.left, watched.right))
        out(f"return {sign}(({left}) - ({right}));")
        out.unmark()
        out.close()
        out()


def _free(name: str, functions: Iterable[str]) -> str:
    taken = {mangled(function) for function in functions}
    while name in taken:
        name += "_"
    return name
