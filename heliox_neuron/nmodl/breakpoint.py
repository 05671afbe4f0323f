"""Pass 4: BREAKPOINT becomes what NEURON calls, `current` and `state`.

nocmodl moves every SOLVE of BREAKPOINT (nested ones too) to nrn_state. The other statements are
nrn_cur's, or, where the mechanism has no current, the end of nrn_state.

Assumes cnexp.solve and derivimplicit.solve have run. Refuses the methods that no pass translates.
"""

from __future__ import annotations

from dataclasses import dataclass

from .cnexp import call_of
from .ir import Conductance, Mechanism, Ref, Solve, Statement, rewrite_body, statements
from .unsupported import Unsupported

_PROCEDURE_METHODS = ("", "after_cvode", "cvode_t", "cvode_t_v")


@dataclass
class Split:
    """current, state: bodies, None where NEURON has nothing to call. conductance: the hints
    (conductance, ion), [] for the numerical derivative."""

    current: list[Statement] | None
    state: list[Statement] | None
    conductance: list[tuple[Ref, str]]


def split(mechanism: Mechanism) -> Split:
    """The two bodies of a mechanism."""
    breakpoint_ = mechanism.hook("BREAKPOINT")
    if mechanism.kind in ("artificial", "nothing"):
        return Split(None, None, [])
    body = [] if breakpoint_ is None else breakpoint_.body
    solved: list[Statement] = []
    hints: list[tuple[Ref, str]] = []
    for statement in statements(body):
        if isinstance(statement, Solve):
            solved.append(_solved(mechanism, statement))
        elif isinstance(statement, Conductance):
            hints.append((statement.conductance, statement.ion))
    rest = rewrite_body(body, lambda s: [] if isinstance(s, (Solve, Conductance)) else [s])
    if mechanism.currents and breakpoint_ is not None:
        return Split(rest, solved or None, hints)
    state = solved + rest
    writes = any(ion.write for ion in mechanism.ions)
    return Split(None, state if state or writes else None, [])


def _solved(mechanism: Mechanism, statement: Solve) -> Statement:
    function = mechanism.functions.get(statement.block)
    if function is None:
        raise Unsupported("HX022", f"SOLVE of the unknown block {statement.block}", statement.line)
    if statement.steady:
        raise Unsupported("HX022", "STEADYSTATE in BREAKPOINT", statement.line)
    if function.kind == "SOLVED" or (
        function.kind == "PROCEDURE" and statement.method in _PROCEDURE_METHODS
    ):
        return call_of(function, statement.line)
    method = statement.method or {"DERIVATIVE": "derivimplicit", "KINETIC": "advance"}.get(
        function.kind, "default"
    )
    raise Unsupported("HX022", f"{function.kind} with METHOD {method}", statement.line)
