"""NET_RECEIVE as a body that runs for one instance when an event is delivered to it.

As nocmodl has it: arguments are elements of the NetCon's weight vector, t is the event's time, v
and the concentrations that the block names are the node's, copied in, and written back if they are
v or a STATE. The block's INITIAL is run by NEURON. A STATE is assigned plainly, which is what
NEURON does unless nrn_netrec_state_adjust is set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from . import ir, supported
from .ir import Event, Mechanism, Ref, Statement, Storage, Variable
from .liveness import Flow, HookColumns, exposed_elsewhere
from .unsupported import Unsupported

_GLOBALS = {Storage.GLOBAL, Storage.WRITTEN_GLOBAL}
_COLUMNS = {Storage.FIELD, Storage.ION}


@dataclass
class Watched:
    """The condition of a WATCH: it holds while left - right (below: right - left) is positive.

    load: the columns that it reads. reads_v: v is the node's voltage whenever it is evaluated.
    """

    left: ir.Expr
    right: ir.Expr
    below: bool
    line: int
    load: list[Variable] = field(default_factory=list)
    reads_v: bool = False

    def body(self) -> list[Statement]:
        """A statement that evaluates the condition, for passes over statements."""
        return [ir.If(ir.Compare(">", self.left, self.right), [], [], line=self.line)]


@dataclass
class Receive:
    """NET_RECEIVE of a mechanism.

    weights: the arguments, weights[k] being element k of the NetCon's vector; that vector is absent
    (NULL) for WATCH events and for events sent by INITIAL. columns: what the body loads (copied:
    concentrations that are loaded from the ion) and stores. ion_store: concentrations that are
    stored to the ion. pointers: POINTERs it follows. watched: the file's WATCH conditions; the
    first that one delivery activates deactivates all others of the instance. reads_v, writes_v: the
    node's voltage [mV]. reads_t: the body or what it calls reads the time of the event [ms].
    """

    weights: list[Variable]
    flag: Variable
    body: list[Statement]
    watched: list[Watched]
    line: int
    named: set[Variable]
    columns: HookColumns = field(default_factory=lambda: HookColumns([], [], []))
    ion_store: list[Variable] = field(default_factory=list)
    pointers: list[Variable] = field(default_factory=list)
    weights_read: list[int] = field(default_factory=list)
    weights_written: list[int] = field(default_factory=list)
    reads_v: bool = False
    writes_v: bool = False
    reads_t: bool = False

    @property
    def n_weight(self) -> int:
        """Doubles in each NetCon's weight vector."""
        return len(self.weights)

    @property
    def uses_net_send(self) -> bool:
        """Whether the block sends events to itself."""
        return self._asks("net_send")

    @property
    def uses_net_event(self) -> bool:
        """Whether the block fires the NetCons that start here."""
        return self._asks("net_event")

    @property
    def uses_net_move(self) -> bool:
        """Whether the block moves its pending event of flag 1."""
        return self._asks("net_move")

    @property
    def sends_itself(self) -> bool:
        """Whether its instance gets events that come of its own runs."""
        return self.uses_net_send or self.uses_net_move or self.uses_watch

    @property
    def sends(self) -> bool:
        """Whether a run may put anything into the event queue."""
        return self.sends_itself or self.uses_net_event

    @property
    def uses_watch(self) -> bool:
        """Whether the block activates a WATCH."""
        return self._asks("watch")

    def watch_load(self) -> list[Variable]:
        """The columns that conditions read."""
        return list(dict.fromkeys(x for watched in self.watched for x in watched.load))

    def _asks(self, kind: str) -> bool:
        return any(isinstance(s, Event) and s.kind == kind for s in ir.statements(self.body))

    def bodies(self) -> list[list[Statement]]:
        """All that runs: the block, and the evaluation of each condition."""
        return [self.body, *(watched.body() for watched in self.watched)]


def lower_receive(text: str) -> Receive | None:
    """NET_RECEIVE of a MOD text, None where there is none.

    Raises Unsupported HX021, HX022, HX024.
    """
    from .lower import lower

    kernel = lower(text, receive=True)
    return None if kernel is None else kernel.receive


def translate(mechanism: Mechanism) -> Receive | None:
    """The block before any pass has changed the functions. Raises Unsupported HX022."""
    hook = mechanism.hook("NET_RECEIVE")
    if hook is None:
        return None
    # what nocmodl looks for in the text, INITIAL included
    named = _named(_all_expressions(hook.body))
    watched: list[Watched] = []

    def change(statement: Statement) -> list[Statement]:
        if isinstance(statement, ir.Watch):
            return _activations(statement, watched)
        if isinstance(statement, ir.CallStatement):
            return [_request(statement)]
        if isinstance(statement, ir.Opaque) and not statement.verbatim:
            names = {"ForNetcon": "FOR_NETCONS"}
            construct = names.get(statement.construct, statement.construct)
            raise Unsupported("HX022", f"{construct} in NET_RECEIVE", statement.line)
        return [statement]

    body = ir.rewrite_body(hook.body, lambda s: [] if isinstance(s, ir.NetInitial) else [s])
    body = ir.rewrite_body(body, change)
    *weights, flag = hook.arguments
    return Receive(weights, flag, body, watched, hook.line, named)


def _activations(statement: ir.Watch, watched: list[Watched]) -> list[Statement]:
    out: list[Statement] = []
    for condition, flag in statement.clauses:
        if not isinstance(condition, ir.Compare) or condition.op not in ("<", ">"):
            raise Unsupported("HX022", "WATCH of this form", statement.line)
        for node in ir.walk(condition):
            if isinstance(node, Ref) and node.var.storage in (Storage.ARGUMENT, Storage.LOCAL):
                raise Unsupported("HX022", f"WATCH that reads {node.var.name}", statement.line)
            if isinstance(node, ir.Call) and node.user:  # NEURON 9.0 does not compile it either
                raise Unsupported("HX022", f"WATCH that calls {node.name}", statement.line)
        out.append(Event("watch", (flag,), len(watched), line=statement.line))
        below = condition.op == "<"
        watched.append(Watched(condition.left, condition.right, below, statement.line))
    return out


def _request(statement: ir.CallStatement) -> Statement:
    """net_send, net_event, net_move and state_discontinuity as what they do."""
    call = statement.call
    if isinstance(statement, ir.NetSend):
        return Event("net_send", (statement.time, call.args[1]), line=statement.line)
    if call.name in ("net_event", "net_move") and len(call.args) == 1:
        return Event(call.name, call.args, line=statement.line)
    if call.name == "state_discontinuity" and len(call.args) == 2 and isinstance(call.args[0], Ref):
        return ir.Assign(call.args[0], call.args[1], line=statement.line)
    return statement


def _all_expressions(body: list[Statement]) -> Iterator[ir.Expr]:
    for statement in ir.statements(body):
        yield from ir.expressions(statement)
        if isinstance(statement, ir.Assign):
            yield statement.target


def _named(expressions: Iterable[ir.Expr]) -> set[Variable]:
    return {n.var for expr in expressions for n in ir.walk(expr) if isinstance(n, Ref)}


def analyse(mechanism: Mechanism, receive: Receive) -> None:
    """Fills what the block loads, stores and reads.

    Assumes all passes that rewrite functions have run. Raises Unsupported HX022 for what NEURON
    leaves from another instance or from the step before: GLOBALs that code assigns, and v or a
    concentration that only a called function names.
    """
    flow = Flow(mechanism)
    v = mechanism.variables["v"]
    body = receive.body
    written, exposed = flow.written(body), flow.exposed(body)
    _check_globals(flow, receive, written, exposed)
    copies = {x for x in receive.named if x.storage is Storage.ION}
    on_entry = copies | ({v} & receive.named if mechanism.kind != "artificial" else set())
    for variable in _by_name(exposed):
        if variable.storage in (Storage.ION, Storage.V) and variable not in on_entry:
            raise Unsupported(
                "HX022",
                f"NET_RECEIVE reads {variable.name} of an earlier block",
                _line(flow, body, variable),
            )
    step = mechanism.hook("BREAKPOINT")
    kept = exposed | exposed_elsewhere(mechanism) | flow.exposed([] if step is None else step.body)
    order = {variable: k for k, variable in enumerate(mechanism.variables.values())}
    store = [x for x in written | copies if x.storage in _COLUMNS and (x.visible or x in kept)]
    receive.ion_store = sorted((x for x in copies if x.state), key=order.__getitem__)
    receive.writes_v = v in written and v in on_entry
    needed = {*store, *receive.ion_store} | ({v} if receive.writes_v else set())
    used = flow.exposed(body, needed)
    columns = sorted((x for x in used if x.storage in _COLUMNS), key=order.__getitem__)
    receive.columns = HookColumns(
        [x for x in columns if x not in copies],
        sorted(store, key=order.__getitem__),
        [x for x in columns if x in copies],
    )
    receive.reads_v = v in used
    _fill_names(mechanism, receive)
    for watched in receive.watched:
        _analyse_watched(flow, mechanism, watched)


def _fill_names(mechanism: Mechanism, receive: Receive) -> None:
    """weights, pointers and t."""
    body = receive.body
    read = _named(expr for s in ir.statements(body) for expr in ir.expressions(s))
    assigned = {s.target.var for s in ir.statements(body) if isinstance(s, ir.Assign)}
    receive.weights_read = [k for k, w in enumerate(receive.weights) if w in read]
    receive.weights_written = [k for k, w in enumerate(receive.weights) if w in assigned]
    for function in supported.reachable(mechanism, body):
        for statement in ir.statements(function.body):
            read |= _named(ir.expressions(statement))
            if isinstance(statement, ir.TableLookup):
                original = mechanism.functions[f"_f_{statement.table.function}"]
                read |= _named(_all_expressions(original.body))
    receive.pointers = [x for x in mechanism.pointers if x in read]
    receive.reads_t = any(x.storage is Storage.T for x in read)


def _check_globals(
    flow: Flow, receive: Receive, written: set[Variable], exposed: Iterable[Variable]
) -> None:
    for variable in _by_name(written):
        if variable.storage in _GLOBALS:
            line = _line(flow, receive.body, variable)
            raise Unsupported("HX022", f"NET_RECEIVE writes GLOBAL {variable.name}", line)
    for variable in _by_name(exposed):
        if variable.storage is Storage.WRITTEN_GLOBAL:
            line = _line(flow, receive.body, variable)
            raise Unsupported(
                "HX022", f"NET_RECEIVE reads the written GLOBAL {variable.name}", line
            )


def _analyse_watched(flow: Flow, mechanism: Mechanism, watched: Watched) -> None:
    used = flow.exposed(watched.body())
    for variable in _by_name(used):
        if variable.storage in (Storage.ION, Storage.WRITTEN_GLOBAL, Storage.FILE_LOCAL):
            raise Unsupported("HX022", f"WATCH that reads {variable.name}", watched.line)
    if mechanism.kind == "artificial" and mechanism.variables["v"] in used:
        raise Unsupported("HX022", "WATCH on v without a node", watched.line)
    order = list(mechanism.variables.values())
    watched.load = [x for x in order if x in used and x.storage is Storage.FIELD]
    watched.reads_v = mechanism.variables["v"] in used


def _by_name(variables: Iterable[Variable]) -> list[Variable]:
    return sorted(variables, key=lambda variable: variable.name)


def _line(flow: Flow, body: list[Statement], variable: Variable) -> int:
    """The first line of a body that has to do with a variable, 0 if none."""
    for statement in ir.statements(body):
        alone = [statement]
        if ir.bodies(statement):  # the statement without what is nested in it
            alone = [ir.If(expr, [], []) for expr in ir.expressions(statement)]
        if variable in flow.written(alone) | flow.exposed(alone):
            return statement.line
    return 0
