"""METHOD derivimplicit: kernels against scopmath's Newton method in Python, and refusals."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heliox_neuron.codegen import resolve
from heliox_neuron.nmodl.lower import lower
from heliox_neuron.nmodl.unsupported import Unsupported
from unit.kernel_call import Called

needs_compiler = pytest.mark.skipif(
    not any(shutil.which(name) for name in ("g++", "c++", "clang++")), reason="no C++ compiler"
)

DT = 0.025
HEAD = "NEURON {{ SUFFIX {0} RANGE k, {1} }}\nPARAMETER {{ k = 1 }}\nASSIGNED {{ v {1} }}\n"
SOLVE = "BREAKPOINT { SOLVE states METHOD derivimplicit }\n"
ONE = (
    HEAD.format("one", "drive")
    + "STATE { c }\n"
    + SOLVE
    + """
DERIVATIVE states {
    drive = 0.2*k
    if (v > -40) { drive = k*exp(v/40) }
    c' = drive - c*c/(c + 0.01)
}
"""
)
# columns a, b, c of the Jacobian, rows b, a, c
THREE = (
    HEAD.format("three", "q")
    + "STATE { c b a }\n"
    + SOLVE
    + """
DERIVATIVE states {
    LOCAL rate
    rate = exp(v/25)
    b' = k*a*c - 0.3*b + 0.01*a
    a' = rate*(1 - a) - k*b*c
    c' = k*k*(a - b) + c*(1 - c)*v*0.01
}
"""
)

Slopes = Callable[[float, float, dict[str, float]], list[float]]


def slopes_one(v: float, k: float, y: dict[str, float]) -> list[float]:
    drive = k * math.exp(v / 40.0) if v > -40 else 0.2 * k
    return [drive - y["c"] * y["c"] / (y["c"] + 0.01)]


def slopes_three(v: float, k: float, y: dict[str, float]) -> list[float]:
    a, b, c, rate = y["a"], y["b"], y["c"], math.exp(v / 25.0)
    return [
        k * a * c - 0.3 * b + 0.01 * a,
        rate * (1.0 - a) - k * b * c,
        k * k * (a - b) + c * (1.0 - c) * v * 0.01,
    ]


def dot(one: list[float], two: list[float]) -> float:
    """Left to right; Python's own sum() compensates."""
    total = 0.0
    for x, y in zip(one, two, strict=True):
        total += x * y
    return total


class Newton:
    """scopmath's solver. equations: the states in the order of their residuals."""

    def __init__(self, equations: str, slopes: Slopes, v: float, k: float) -> None:
        self.equations, self.unknowns = equations, sorted(equations)
        self.slopes, self.v, self.k = slopes, v, k
        self.factorings = 0

    def residuals(self, y: dict[str, float]) -> list[float]:
        slopes = self.slopes(self.v, self.k, y)
        changes = [(y[name] - self.before[name]) / DT for name in self.equations]
        return [slope - change for slope, change in zip(slopes, changes, strict=True)]

    def jacobian(self, y: dict[str, float]) -> list[list[float]]:
        columns = []
        for name in self.unknowns:
            increment = max(abs(0.02 * y[name]), 1e-6)
            y[name] += increment
            high = self.residuals(y)
            y[name] -= 2.0 * increment
            low = self.residuals(y)
            y[name] += increment
            columns.append([(h - w) / (2.0 * increment) for h, w in zip(high, low, strict=True)])
        return [list(row) for row in zip(*columns, strict=True)]

    def factor(self, a: list[list[float]]) -> list[int]:
        """Crout's method in place; the permutation of the rows."""
        n = len(a)
        self.factorings += 1
        perm = list(range(n))
        scale = [max(row, key=abs) for row in a]
        for r in range(n):
            for i in range(r, n):
                row = a[perm[i]]
                row[r] -= dot(row[:r], [a[perm[k]][r] for k in range(r)])
            best = max(range(r, n), key=lambda i: abs(a[perm[i]][r] / scale[perm[i]]))
            perm[r], perm[best] = perm[best], perm[r]
            row = a[perm[r]]
            for j in range(r + 1, n):
                above = dot(row[:r], [a[perm[k]][j] for k in range(r)])
                row[j] = (row[j] - above) / row[r]
        return perm

    def delta(self, a: list[list[float]], perm: list[int], value: list[float]) -> list[float]:
        n = len(a)
        p = [0.0] * n
        for i in range(n):
            row = a[perm[i]]
            p[i] = (value[perm[i]] - dot(row[:i], p[:i])) / row[i]
        for i in reversed(range(n)):
            p[i] -= dot(a[perm[i]][i + 1 :], p[i + 1 :])
        return p

    def solve(self, before: dict[str, float]) -> dict[str, float]:
        y, self.before, change = dict(before), dict(before), 1.0
        a: list[list[float]] = []
        perm: list[int] = []
        value: list[float] = []
        for _ in range(50):
            if change > 0.05:
                a = self.jacobian(y)
                value = [-r for r in self.residuals(y)]
                perm = self.factor(a)
            change = 0.0
            for name, step in zip(self.unknowns, self.delta(a, perm, value), strict=True):
                if abs(y[name]) > 1e-8:
                    change = max(change, abs(step / y[name]))
                y[name] += step
            value = [-r for r in self.residuals(y)]
            if change <= 1e-6 and max(map(abs, value)) <= 1e-8:
                return y
        return dict.fromkeys(y, math.nan)


def kernel(name: str, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Called:
    monkeypatch.setenv("HELIOX_CACHE_DIR", str(folder / "cache"))
    found = resolve(name, text)
    assert found.status == "kernel", found
    return Called(found.path)


def columns(fields: list[str], n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.random(n) * 10.0 ** rng.uniform(-4, 0.5, n) for name in fields}


@needs_compiler
@pytest.mark.parametrize(
    ("text", "equations", "slopes"),
    [(ONE, "c", slopes_one), (THREE, "bac", slopes_three)],
    ids=["one", "three"],
)
def test_bits(
    text: str, equations: str, slopes: Slopes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 403
    called = kernel("one" if text is ONE else "three", text, tmp_path, monkeypatch)
    assert not [name for name in called.fields if name.startswith("residual")]
    given = columns([*called.fields, "k", *equations], n, 5)
    given["k"] *= 30
    v = np.random.default_rng(6).uniform(-90, 40, n)
    before = {name: given[name].copy() for name in equations}
    called.call("state", given, np.arange(n, dtype=np.int32), v, True, dt=DT)
    factorings = set()
    for i in range(n):
        newton = Newton(equations, slopes, v[i], given["k"][i])
        wanted = newton.solve({name: before[name][i] for name in equations})
        factorings.add(newton.factorings)
        for name in equations:
            assert not math.isnan(wanted[name])
            assert given[name][i] == wanted[name], (i, name)
    assert len(factorings) > 1  # neighbours take different numbers of iterations


@needs_compiler
def test_no_solution_is_nan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where NEURON stops: no convergence, a Jacobian below 1e-20; neighbours are not touched."""
    text = ONE.replace("drive - c*c/(c + 0.01)", "k*c*c + drive").replace("0.2*k", "0")
    hot = kernel("one", text, tmp_path, monkeypatch)
    n = 16
    given = {name: np.full(n, 0.01) for name in (*hot.fields, "c")}
    given["k"] = np.where(np.arange(n) % 3 == 0, 1e5, 1.0)
    hot.call("state", given, np.arange(n, dtype=np.int32), np.full(n, -70.0), True, dt=DT)
    assert (np.isnan(given["c"]) == (np.arange(n) % 3 == 0)).all()
    flat = kernel("one", ONE.replace("drive - c*c/(c + 0.01)", "0"), tmp_path, monkeypatch)
    given = {name: np.full(n, 0.5) for name in (*flat.fields, "c")}
    flat.call("state", given, np.arange(n, dtype=np.int32), np.full(n, -70.0), True, dt=1e25)
    assert np.isnan(given["c"]).all()


REFUSED = [
    ("DERIVATIVE states { if (v > 0) { c' = 1 } }", "STATE { c }", "c' under a condition"),
    ("DERIVATIVE states { c' = 1 }\nDERIVATIVE more { c' = 2 }", "STATE { c }", "several"),
    ("DERIVATIVE states { c1' = c2\nc2' = c1 }", "STATE { c1 c2 }", "for c1, c2"),
    ("DERIVATIVE states { c' = 1\nc' = 2 }", "STATE { c }", "two equations of c'"),
    (
        "DERIVATIVE states { a' = 1\nb' = 2\nc' = 3\nd' = 4\ne' = 5 }",
        "STATE { a b c d e }",
        "for 5 equations",
    ),
]


@pytest.mark.parametrize(("block", "state", "reason"), REFUSED)
def test_refused(block: str, state: str, reason: str) -> None:
    text = HEAD.format("bad", "q") + state + "\n" + SOLVE + block + "\n"
    with pytest.raises(Unsupported, match=reason) as refused:
        lower(text)
    assert refused.value.code == "HX022"


def test_without_a_method_is_refused() -> None:
    with pytest.raises(Unsupported, match="METHOD derivimplicit"):
        lower(ONE.replace(" METHOD derivimplicit", ""))
