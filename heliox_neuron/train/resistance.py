"""Transfer resistances at 0 Hz from the tree matrix of the running model (training.md 1, r_ijk).

NEURON's matrix of a step, without the capacitive term, is the conductance matrix G of the cells at
the present potential and state: d[i] v[i] + b[i] v[parent] + sum a[c] v[c] = rhs[i]. G times the
areas is symmetric, so one solution with the current at a point gives the resistance from every node
to that point; cells do not touch, so one solution serves a point of every cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..solvers import solve
from ..solvers.forest import Doubles

Ints: TypeAlias = "npt.NDArray[np.int64]"

_NEAR = 1e-9  # NEURON's derivatives are (i(v + 0.001) - i(v))/0.001: 2e-11 of g at 100 mV


@dataclass(frozen=True)
class Matrix:
    """The conductance matrix, in NEURON's order of nodes.

    parent: (n,) -1 for roots; a, b, d: (n,) S/cm2; area: (n,) um2; root: (n,) of each node's cell.
    """

    parent: Ints
    root: Ints
    a: Doubles
    b: Doubles
    d: Doubles
    area: Doubles

    def same(self, other: Matrix) -> bool:
        mine, others = vars(self).values(), vars(other).values()
        return all(np.array_equal(x, y) for x, y in zip(mine, others, strict=True))

    def near(self, other: Matrix) -> bool:
        """Whether they are the same up to rounding: d is a difference of currents at some v."""
        return all(
            np.allclose(x, y, rtol=_NEAR, atol=1e-15)  # 0.04 S/cm2 of capacitance was taken off d
            for x, y in ((self.a, other.a), (self.b, other.b), (self.d, other.d))
        )


def read_matrix(h: Any, structure: dict[str, Any]) -> Matrix:
    """The matrix at the present state. structure: _core.device_model(). Calls h.fcurrent()."""
    h.fcurrent()
    node = structure["node"]
    parent = np.array(structure["parent"], np.int64)
    parent[: structure["n_cell"]] = -1  # roots come first
    d = np.array(node["d"])
    capacitance = structure["capacitance"]
    if capacitance is not None:
        per_step = (2.0 if h.secondorder else 1.0) / h.dt
        d[capacitance["node"]] -= 1e-3 * per_step * np.asarray(capacitance["cm"])
    a, b, area = (np.array(node[name]) for name in ("a", "b", "area"))
    return Matrix(parent, roots(parent), a, b, d, area)


def roots(parent: Ints) -> Ints:
    """(n,) the root of each node's tree."""
    root = np.where(parent < 0, np.arange(len(parent)), parent)
    while True:  # each round doubles the distance looked up
        above = root[root]
        if np.array_equal(above, root):
            return root
        root = above


def transfer_resistances(matrix: Matrix, points: Ints) -> Doubles:
    """(n,) MOhm: from each node to the point in its cell, NaN in cells without one.

    points: nodes, at most one of each cell.
    """
    rhs = np.zeros(len(matrix.parent))
    rhs[points] = 1e2 / matrix.area[points]  # 1 nA in mA/cm2
    r: Doubles = solve("hines", matrix.parent, matrix.a, matrix.b, matrix.d, rhs)
    r[~np.isin(matrix.root, matrix.root[points])] = np.nan
    return r
