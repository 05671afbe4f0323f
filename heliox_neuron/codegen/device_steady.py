"""Density mechanisms whose current is k + g v with k and g that no step changes (pas).

In fast fidelity a node that has no others is *steady*: k and g are found when a launch begins, and
a step only multiplies and adds (src/gpu/nodes.cuh).
"""

from __future__ import annotations

from ..nmodl import ir
from ..nmodl.ir import Storage
from ..nmodl.lower import Kernel
from .device_entry import Entry

_FIXED = {Storage.FIELD, Storage.GLOBAL, Storage.CONSTANT, Storage.CELSIUS, Storage.LOCAL}


def steady_entries(entries: list[Entry], apart: frozenset[str]) -> frozenset[str]:
    """Names of these mechanisms. apart: those that leave their contributions in columns."""
    return frozenset(
        e.name
        for e in entries
        if e.kind == "density" and e.kernel and e.name not in apart and is_steady(e.kernel)
    )


def is_steady(kernel: Kernel) -> bool:
    """Whether the currents are linear in v, and all else in them is as the step before left it."""
    mechanism, columns = kernel.mechanism, kernel.columns.current
    if kernel.current is None or kernel.state is not None or kernel.receive is not None:
        return False
    if mechanism.ions or mechanism.pointers or mechanism.electrode or kernel.shared:
        return False
    if kernel.hooks:
        return False  # BEFORE and AFTER blocks may assign what the currents read
    if columns is None or columns.copied or any(v in columns.load for v in columns.store):
        return False
    if any(v not in kernel.columns.lean for v in columns.store):
        return False  # somebody looks at it in every step
    degrees: dict[ir.Variable, int] = {}
    for statement in kernel.current:
        if isinstance(statement, ir.Local):
            continue
        if not isinstance(statement, ir.Assign) or not isinstance(statement.target, ir.Ref):
            return False
        degree = _degree(statement.value, degrees)
        if degree is None:
            return False
        degrees[statement.target.var] = degree
    return True


def _degree(expr: ir.Expr, degrees: dict[ir.Variable, int]) -> int | None:
    """0: does not depend on v; 1: linear in it; None: neither, or not known."""
    if isinstance(expr, ir.Number):
        return 0
    if isinstance(expr, ir.Ref):
        if expr.index is not None:
            return None
        if expr.var.storage is Storage.V:
            return 1
        return degrees.get(expr.var, 0) if expr.var.storage in _FIXED else None
    if isinstance(expr, ir.Negate):
        return _degree(expr.operand, degrees)
    if not isinstance(expr, ir.Binary):
        return None
    left, right = _degree(expr.left, degrees), _degree(expr.right, degrees)
    if left is None or right is None:
        return None
    if expr.op in "+-":
        return max(left, right)
    if expr.op == "*" and left + right < 2:
        return left + right
    if right == 0 and (expr.op == "/" or (expr.op == "^" and left == 0)):
        return left
    return None
