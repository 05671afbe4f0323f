"""Compiled kernels, called on arrays, against the same arithmetic in Python (libm's exp)."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from heliox_neuron.codegen import Resolution, resolve, resolve_many
from unit.kernel_call import Called

pytestmark = pytest.mark.skipif(
    not any(shutil.which(name) for name in ("g++", "c++", "clang++")), reason="no C++ compiler"
)

LEAK = """
NEURON { SUFFIX leak NONSPECIFIC_CURRENT i RANGE g, e, m }
PARAMETER { g = 0.001 e = -70 }
ASSIGNED { v i }
STATE { m }
BREAKPOINT { SOLVE s METHOD cnexp  i = g*m*(v - e) }
DERIVATIVE s { m' = (rate(v) - m)/5 }
FUNCTION rate(x) {
    if (x > 0) { rate = 1 } else if (x < -50) { rate = exp(x/20) } else { rate = 0.5*x*x }
}
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOX_CACHE_DIR", str(tmp_path / "cache"))


def kernel(name: str, text: str) -> Called:
    found = resolve(name, text)
    assert found.status == "kernel", found
    return Called(found.path)


def rate(x: float) -> float:
    return 1.0 if x > 0 else math.exp(x / 20.0) if x < -50 else 0.5 * x * x


@pytest.mark.parametrize("consecutive", [True, False])
@pytest.mark.parametrize("n", [1, 7, 8, 19])
def test_state_and_current(n: int, consecutive: bool) -> None:
    leak = kernel("leak", LEAK)
    rng = np.random.default_rng(n)
    v = rng.uniform(-90, 40, n + 3)
    rows = np.arange(n, dtype=np.int32) + 2 if consecutive else rng.permutation(n).astype(np.int32)
    columns = {"g": rng.random(n), "e": np.full(n, -70.0), "m": rng.random(n), "i": np.zeros(n)}
    before = columns["m"].copy()
    called = leak.call("state", columns, rows, v, consecutive, dt=0.025)
    for k in range(n):
        y, a = before[k], -1.0 / 5.0
        target = -(rate(v[rows[k]]) / 5.0) / a
        assert columns["m"][k] == y + (1.0 - math.exp(0.025 * a)) * (target - y)
    called = leak.call("current", columns, rows, v, consecutive, dt=0.025)
    for k in range(n):
        x = v[rows[k]]
        g, m = columns["g"][k], columns["m"][k]
        one, two = g * m * (x + 0.001 - -70.0), g * m * (x - -70.0)
        assert called.rhs[rows[k]] == 0.0 - (0.0 + two)
        assert called.d[rows[k]] == ((0.0 + one) - (0.0 + two)) / 0.001
        assert columns["i"][k] == two


def test_lean_stores_nothing_that_is_lean() -> None:
    leak = kernel("leak", LEAK)
    columns = {name: np.ones(5) for name in ("g", "e", "m", "i")}
    columns["i"][:] = 7.0
    leak.call("current", columns, np.arange(5, dtype=np.int32), np.zeros(5), True, flags=1)
    assert (columns["i"] == 7.0).all()


def test_exp_warns_through_hoc_exp_in_active_lanes_only() -> None:
    text = LEAK.replace("x < -50", "x < -50 && x > -1000").replace("exp(x/20)", "exp(-x)")
    hot = kernel("leak", text)
    asked: list[float] = []

    def hoc_exp(x: float) -> float:
        asked.append(x)
        return math.exp(700.0)

    columns = {name: np.ones(5) for name in ("g", "e", "m", "i")}
    v = np.array([-60.0, 10.0, -800.0, -2000.0, 20.0])
    hot.call("state", columns, np.arange(5, dtype=np.int32), v, True, hoc_exp=hoc_exp)
    assert [x for x in asked if x > 700] == [800.0]


def test_resolutions(tmp_path: Path) -> None:
    requests = [
        ("leak", LEAK),
        ("art", "NEURON { ARTIFICIAL_CELL art }\nNET_RECEIVE (w) { net_event(t) }\n"),
        ("gone", None),
        ("broken", "NEURON { SUFFIX"),
        ("c", LEAK.replace("BREAKPOINT {", "BREAKPOINT {\nVERBATIM\ni = 1;\nENDVERBATIM\n")),
    ]
    first = resolve_many(requests)
    assert [r.status for r in first] == ["kernel", "none", "host", "host", "host"]
    assert [r.code for r in first] == ["", "", "HX023", "HX024", "HX021"]
    assert first[4].reason.startswith("c.mod:7: ")
    again = resolve_many(requests)
    assert [r.cached for r in again] == [True, True, False, True, True]
    assert again[0].path == first[0].path
    stable = [p for p in (tmp_path / "cache").glob("*.so") if "-abi" in p.name]
    assert len(stable) == 1 and ctypes.CDLL(str(stable[0])).hx_kernel_entry_point


def test_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    from heliox_neuron.codegen import compile

    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CXX", "")
    compile._identify.cache_clear()
    try:
        found = resolve("leak", LEAK)
    finally:
        compile._identify.cache_clear()
    assert (found.status, found.code) == ("host", "HX025")


def test_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HELIOX_CACHE_DIR", str(tmp_path / "file" / "below"))
    from heliox_neuron.codegen import cache

    monkeypatch.setattr(cache, "_private", None)
    with pytest.warns(UserWarning, match="HX070"):
        found: Resolution = resolve("leak", LEAK)
    assert found.status == "kernel"


def test_nmodl_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, heliox_neuron, heliox_neuron.codegen;"
        "print('neuron.nmodl' in sys.modules, 'sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
