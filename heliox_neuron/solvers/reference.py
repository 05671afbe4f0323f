"""The tree methods in NumPy, with the schedules of the plans: what the kernels are compared with.

All take parent (n,) int, -1 for roots, parents before children, and a, b, d, rhs (n,) float64, and
return x (n,) float64 with d[i] x[i] + b[i] x[parent] + sum over children c of a[c] x[c] = rhs[i].
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import contract as contraction_plan
from .forest import Doubles, forest, rounds


def _columns(*columns: npt.ArrayLike) -> list[Doubles]:
    return [np.array(column, np.float64) for column in columns]


def hines(
    parent: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike, d: npt.ArrayLike, rhs: npt.ArrayLike
) -> Doubles:
    """NEURON's loops, node after node (Hines 1984; nrnoc/solve.cpp): NEURON's bits."""
    parents = np.asarray(parent)
    a, b, d, rhs = _columns(a, b, d, rhs)
    for i in range(parents.size - 1, -1, -1):
        p = parents[i]
        if p >= 0:
            f = a[i] / d[i]
            d[p] -= f * b[i]
            rhs[p] -= f * rhs[i]
    for i in range(parents.size):
        p = parents[i]
        if p >= 0:
            rhs[i] -= b[i] * rhs[p]
        rhs[i] /= d[i]
    return rhs


def dhs(
    parent: npt.ArrayLike,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    d: npt.ArrayLike,
    rhs: npt.ArrayLike,
    n_lane: int = 32,
) -> Doubles:
    """Rounds of at most n_lane nodes, each collecting from its children: NEURON's bits.

    Zhang et al., Nature Communications 14 (2023). The nodes of a round need nothing from each
    other, so they are done at once here.
    """
    tree = forest(parent)
    a, b, d, rhs = _columns(a, b, d, rhs)
    f = np.zeros_like(d)
    schedule = [np.array(nodes) for nodes in rounds(tree, n_lane)]
    for nodes in schedule:
        rank = 0
        while True:
            pairs = [(i, tree.children[i][rank]) for i in nodes if rank < len(tree.children[i])]
            if not pairs:
                break
            i, c = np.array(pairs).T
            d[i] -= f[c] * b[c]
            rhs[i] -= f[c] * rhs[c]
            rank += 1
        f[nodes] = a[nodes] / d[nodes]
    parents = np.asarray(parent)
    for nodes in reversed(schedule):
        p = parents[nodes]
        inner, inner_parent = nodes[p >= 0], p[p >= 0]
        rhs[inner] -= b[inner] * rhs[inner_parent]
        rhs[nodes] /= d[nodes]
    return rhs


def contract(
    parent: npt.ArrayLike,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    d: npt.ArrayLike,
    rhs: npt.ArrayLike,
    longest: int = contraction_plan.PIECE,
) -> Doubles:
    """Pieces of at most `longest` nodes, then rake and compress: the same up to rounding."""
    tree = forest(parent)
    a, b, d, rhs = _columns(a, b, d, rhs)
    child_a = np.zeros_like(d)
    removals = contraction_plan.removals(tree, longest)
    for i, p, c in removals:
        f = a[i] / d[i]
        d[p] -= f * b[i]
        rhs[p] -= f * rhs[i]
        if c >= 0:
            g = b[c] / d[i]
            d[c] -= g * a[c]
            rhs[c] -= g * rhs[i]
            child_a[i] = a[c]
            a[c], b[c] = -f * a[c], -g * b[i]
    roots = tree.roots()
    rhs[roots] /= d[roots]
    for i, p, c in reversed(removals):
        r = rhs[i] - b[i] * rhs[p]
        if c >= 0:
            r -= child_a[i] * rhs[c]
        rhs[i] = r / d[i]
    return rhs
