"""The tree solver (src/cpu/tree.hpp) gives NEURON's bits, whatever the shape of the cells.

A C++ driver is compiled here; NEURON is not needed. The driver compares random forests with
NEURON's literal loops; this file compares some with a reference of its own, in NumPy.
"""

import math
import pathlib
import platform
import shutil
import subprocess

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CPU = ROOT / "src" / "cpu"
FLAGS = ["-std=c++17", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]
X86 = platform.machine() in ("x86_64", "AMD64")
ISAS = ["v2", "v3", "v4"] if X86 else ["generic"]

CXX = shutil.which("g++") or shutil.which("c++")
pytestmark = pytest.mark.skipif(CXX is None, reason="needs a C++ compiler")


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """The compiled driver, with the kernels of every instruction set."""
    folder = tmp_path_factory.mktemp("tree")

    def compile_object(source, name, *flags):
        out = folder / name
        command = [CXX, *FLAGS, *flags, f"-I{CPU}", "-c", str(source), "-o", str(out)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
        return str(out)

    objects = [
        compile_object(
            CPU / "tree.cpp", f"tree_{isa}.o", f"-march=x86-64-{isa}", f"-DHX_ISA_NS={isa}"
        )
        if X86
        else compile_object(CPU / "tree.cpp", "tree_generic.o")
        for isa in ISAS
    ]
    objects += [compile_object(CPU / f"{s}.cpp", f"{s}.o") for s in ("cells", "branch_schedule")]
    objects.append(compile_object(pathlib.Path(__file__).with_name("tree_driver.cpp"), "driver.o"))
    program = folder / "tree_driver"
    subprocess.run([CXX, *objects, "-o", str(program)], check=True)
    return program


def run(driver, mode, isa, *args, **kwargs):
    """Output of the driver; skips what this machine cannot run."""
    name = "best" if isa == "generic" else isa
    done = subprocess.run(
        [driver, mode, name, *map(str, args)], capture_output=True, text=True, **kwargs
    )
    if done.returncode == 3 and "this machine has no" in done.stdout:
        pytest.skip(done.stdout.strip())
    return done


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("isa", ISAS)
def test_random_forests(driver, isa, seed):
    done = run(driver, "check", isa, seed)
    assert done.returncode == 0, done.stdout[-4000:]


def reference(case):
    """NEURON's fixed step after the membrane currents, element by element (Hines 1984)."""
    ncell, n_node = case["ncell"], len(case["v"])
    parent, cap = case["parent"], case["cap_node"]
    v, rhs, d = (case[name].copy() for name in ("v", "rhs", "d"))
    sav_rhs, sav_d = case["sav_rhs"].copy(), case["sav_d"].copy()
    a, b, cm = case["a"], case["b"], case["cm"]
    cfac = 0.001 * case["cj"]
    d[cap] += cfac * cm
    if case["fast_imem"]:
        sav_rhs -= rhs
        sav_d = d - sav_d
    for i in range(ncell, n_node):
        dv = v[parent[i]] - v[i]
        rhs[i] -= b[i] * dv
        rhs[parent[i]] += a[i] * dv
        d[i] -= b[i]
        d[parent[i]] -= a[i]
    for i in range(n_node - 1, ncell - 1, -1):
        p = a[i] / d[i]
        d[parent[i]] -= p * b[i]
        rhs[parent[i]] -= p * rhs[i]
    rhs[:ncell] /= d[:ncell]
    for i in range(ncell, n_node):
        rhs[i] -= b[i] * rhs[parent[i]]
        rhs[i] /= d[i]
    v += 2.0 * rhs if case["secondorder"] else rhs
    if case["fast_imem"]:
        sav_rhs = (sav_d * rhs + sav_rhs) * case["area"] * 0.01
    return v, rhs, d, sav_rhs, cfac * cm * rhs[cap]


def sectioned_cell(n_section, nseg, fan):
    """Parents of a cell of sections, breadth-first, each with an end node; row 0 is the root."""
    parent, end = [-1], [0]
    for k in range(n_section):
        p = end[(k - 1) // fan + 1] if k else 0
        for _ in range(nseg + 1):
            parent.append(p)
            p = len(parent) - 1
        end.append(p)
    return parent


def chain(n):
    return list(range(-1, n - 1))


FORESTS = {
    "one point": [[-1]],
    "points": [[-1]] * 20,
    "one chain": [chain(100)],
    "20 binary trees": [sectioned_cell(63, 10, 2)] * 20,
    "3 binary trees": [sectioned_cell(31, 3, 2)] * 3,
    "one branching cell": [sectioned_cell(100, 4, 3)],
    "star": [[-1] + [0] * 50] * 5,
    "mixed": [chain(2), [-1], sectioned_cell(7, 5, 2), chain(9), [-1]] * 4,
    "8 short chains": [chain(9)] * 8,
}


def make_case(cells, seed, cj=40.0, secondorder=0, fast_imem=0):
    """Columns of a thread with NEURON's row order: all roots, then the cells' other rows."""
    rng = np.random.default_rng(seed)
    ncell, parent = len(cells), [-1] * len(cells)
    cap = []
    for c, cell in enumerate(cells):
        first = len(parent)
        parent += [c if p == 0 else first + p - 1 for p in cell[1:]]
    n_node = len(parent)
    # as at the ends of sections, some nodes have no membrane
    cap = [i for i in range(n_node) if rng.random() < 0.8]
    ranges = {
        "a": (-3, -1e-3),
        "b": (-3, -1e-3),
        "area": (1, 100),
        "v": (-90, 40),
        "rhs": (-1, 1),
        "d": (0, 0.5),
        "sav_rhs": (-1, 1),
        "sav_d": (0, 0.1),
    }
    case = {name: rng.uniform(*r, n_node) for name, r in ranges.items()}
    case.update(cm=rng.uniform(0.5, 2, len(cap)), parent=parent, cap_node=np.array(cap, dtype=int))
    case.update(ncell=ncell, cj=cj, secondorder=secondorder, fast_imem=fast_imem)
    return case


def solve(driver, isa, case, n_block):
    """The driver's v, rhs, d, sav_rhs, i_cap."""
    head = (case["ncell"], len(case["v"]), len(case["cap_node"]), n_block, case["cj"])
    lines = [(*head, case["secondorder"], case["fast_imem"]), case["parent"], case["cap_node"]]
    lines += [case[k] for k in ("a", "b", "area", "v", "rhs", "d", "sav_rhs", "sav_d", "cm")]
    text = "\n".join(" ".join(map(str, line)) for line in lines)
    done = run(driver, "solve", isa, input=text)
    assert done.returncode == 0, done.stdout
    return [
        np.array([float.fromhex(x) for x in line.split()]) for line in done.stdout.split("\n")[:5]
    ]


@pytest.mark.parametrize("flags", [(0, 0), (2, 0), (0, 1), (1, 1)], ids=str)
@pytest.mark.parametrize("name", FORESTS)
@pytest.mark.parametrize("isa", ISAS)
def test_equals_numpy(driver, isa, name, flags):
    secondorder, fast_imem = flags
    for n_block in (1, 3):
        case = make_case(FORESTS[name], seed=n_block, secondorder=secondorder, fast_imem=fast_imem)
        got, expected = solve(driver, isa, case, n_block), reference(case)
        for what, x, y in zip(("v", "rhs", "d", "sav_rhs", "i_cap"), got, expected, strict=True):
            assert np.array_equal(x, y), what
        assert not any(math.isnan(x) for x in got[0])


@pytest.mark.parametrize("parent", ["-1 5 0", "-1 1 0", "-1 -1 0"])
def test_refuses_what_is_no_tree(driver, parent):
    done = run(driver, "solve", ISAS[0], input=f"1 3 0 1 40 0 0 {parent} " + "1 " * 24)
    assert done.returncode == 3
    assert "the parent of row 1" in done.stdout
