"""The device's tree solvers (src/gpu/tree.cuh), compiled for the host, against NEURON's loops."""

import ctypes
import importlib
import math
import shutil
import struct

import numpy as np
import pytest

from heliox_neuron import solvers
from heliox_neuron.codegen import compile
from heliox_neuron.solvers import contract, dhs, reference
from heliox_neuron.solvers.forest import forest
from unit import dhs_reference

EXACT = ("hines", "dhs", "dhs_levels")
THREADS = (1, 8, 32, 128, 256)

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


def chain(n):
    return [i - 1 for i in range(n)]


def star(n):
    return [-1] + [0] * (n - 1)


def binary(depth, n_segment):
    """Sections of n_segment nodes, each with two below its end."""
    parent, ends = [-1], [0]
    for section in range(2**depth - 1):
        p = ends[(section + 1) // 2] if section else 0
        for _ in range(n_segment):
            parent.append(p)
            p = len(parent) - 1
        ends.append(p)
    return parent


def random_tree(n, reach, seed):
    """Each node below one of the `reach` before it: 1 is a chain, n a bush."""
    rng = np.random.default_rng(seed)
    return [-1] + [int(rng.integers(max(0, i - reach), i)) for i in range(1, n)]


def cells(*trees):
    """Several cells as NEURON orders them: the roots of all, then cell by cell."""
    parent = [-1] * len(trees)
    for k, tree in enumerate(trees):
        first = len(parent) - 1
        parent += [k if p == 0 else first + p for p in tree[1:]]
    return parent


SHAPES = {
    "one node": [-1],
    "two nodes": [-1, 0],
    "chain of 3": chain(3),
    "chain of 40": chain(40),
    "chain of 3000": chain(3000),
    "star of 5": star(5),
    "star of 700": star(700),
    "binary": binary(6, 10),
    "binary without cable": binary(7, 1),
    "bush": random_tree(1500, 1500, 1),
    "dendrite": random_tree(1263, 6, 2),
    "sparse dendrite": random_tree(842, 2, 3),
    "points": [-1] * 70,
    "balls and sticks": cells(*[chain(12)] * 32),
    "mixed cells": cells(chain(50), [-1], star(9), random_tree(200, 3, 4), [-1], binary(4, 3)),
    "comb": [-1] + [i - 1 if i % 2 else max(0, i - 3) for i in range(1, 301)],
}


def matrix(parent, seed, decades=6.0):
    """a, b, d, rhs as a step makes them, coupling conductances over some decades."""
    rng = np.random.default_rng(seed)
    n = len(parent)
    g = 10 ** rng.uniform(-decades / 2, decades / 2, n)
    a, b = -g * rng.uniform(0.5, 2.0, n), -g * rng.uniform(0.5, 2.0, n)
    d = rng.uniform(0.1, 3.0, n)
    for i, p in enumerate(parent):
        if p >= 0:
            d[i] -= b[i]
            d[p] -= a[i]
    return a, b, d, rng.normal(size=n)


@pytest.mark.parametrize("n_thread", THREADS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", EXACT)
def test_exact_methods_give_neurons_bits(method, shape, n_thread):
    parent = SHAPES[shape]
    columns = matrix(parent, 5)
    x = solvers.solve(method, parent, *columns, n_thread=n_thread)
    assert (x == reference.hines(parent, *columns)).all()


@pytest.mark.parametrize("n_thread", THREADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_contract_is_close(shape, n_thread):
    parent = SHAPES[shape]
    columns = matrix(parent, 6)
    x = solvers.solve("contract", parent, *columns, n_thread=n_thread)
    exact = reference.hines(parent, *columns)
    assert np.abs(x - exact).max() <= 1e-10 * np.abs(exact).max()
    longest = contract.longest_piece(np.array(parent, np.int32), n_thread)
    same = reference.contract(parent, *columns, longest=longest)
    assert np.abs(x - same).max() <= 1e-12 * np.abs(same).max()


@pytest.mark.parametrize("method", solvers.METHODS)
def test_slots_and_random_forests(method):
    rng = np.random.default_rng(7)
    for _ in range(40):
        n = int(rng.integers(1, 500))
        reach = int(rng.integers(1, 20))
        parent = [
            -1 if i == 0 or rng.random() < 0.02 else int(rng.integers(max(0, i - reach), i))
            for i in range(n)
        ]
        columns = matrix(parent, n)
        slot = rng.permutation(n + 5)[:n]
        x = solvers.solve(method, parent, *columns, slot=slot, n_thread=64)
        exact = reference.hines(parent, *columns)
        if method == "contract":
            assert np.abs(x - exact).max() <= 1e-10 * np.abs(exact).max()
        else:
            assert (x == exact).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_rounds_in_numpy_give_neurons_bits(shape):
    columns = matrix(SHAPES[shape], 8)
    exact = reference.hines(SHAPES[shape], *columns)
    assert (reference.dhs(SHAPES[shape], *columns, n_lane=16) == exact).all()


def test_solution_solves_the_matrix():
    parent = SHAPES["mixed cells"]
    a, b, d, rhs = matrix(parent, 9, decades=2.0)
    whole = np.diag(d)
    for i, p in enumerate(parent):
        if p >= 0:
            whole[p, i], whole[i, p] = a[i], b[i]
    for method in solvers.METHODS:
        x = solvers.solve(method, parent, a, b, d, rhs)
        np.testing.assert_allclose(whole @ x, rhs, atol=1e-12)


def test_signed_zeros_and_extremes_stay_neurons():
    """Rest, subnormal and huge right-hand sides leave the short division."""
    parent = SHAPES["binary"]
    a, b, d, rhs = matrix(parent, 10)
    for scale in (0.0, -0.0, 1e-310, 1e-200, 1e200):
        x = solvers.solve("dhs", parent, a, b, d, rhs * scale)
        exact = reference.hines(parent, a, b, d, rhs * scale)
        assert x.tobytes() == exact.tobytes()


def test_deep_cells_need_no_more_rounds_than_levels():
    plan = solvers.plan(SHAPES["binary"], None, "dhs", 32)
    assert plan.rounds == plan.n_level == 61
    assert solvers.plan(SHAPES["binary"], None, "contract", 128).rounds <= 7
    # a bush needs more lanes than a warp has
    bush = [solvers.plan(SHAPES["bush"], None, "dhs", k).rounds for k in (32, 256)]
    assert bush[1] < bush[0]


def assert_same_schedule(parent, n_thread, slot=None):
    """src/solvers/dhs.cpp makes what the plain Python makes, word for word."""
    parent = np.array(parent, np.int32)
    slot = np.arange(len(parent)) if slot is None else slot
    words, scratch, rounds = dhs.table(parent, slot.astype(np.int32), n_thread)
    expected = dhs_reference.table(forest(parent), slot, n_thread)
    assert words.dtype == np.int32
    assert (words.tobytes(), scratch, rounds) == (expected[0].tobytes(), *expected[1:])
    layout, plain = dhs.layout(parent, n_thread), dhs_reference.layout(forest(parent), n_thread)
    assert (layout.phases, layout.carried) == (plain.phases, plain.carried)


@pytest.mark.parametrize("n_thread", THREADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_dhs_schedules_are_those_of_plain_python(shape, n_thread):
    assert_same_schedule(SHAPES[shape], n_thread)


@pytest.mark.parametrize("n_thread", (5, 64, 512))
def test_dhs_schedules_of_random_forests(n_thread):
    rng = np.random.default_rng(13)
    for _ in range(60):
        n, reach = int(rng.integers(0, 700)), int(rng.integers(1, 40))
        roots, along = rng.uniform(0, 0.05), rng.random()  # along: a cable's next node
        parent = [
            -1
            if i == 0 or rng.random() < roots
            else i - 1
            if rng.random() < along
            else int(rng.integers(max(0, i - reach), i))
            for i in range(n)
        ]
        assert_same_schedule(parent, n_thread, rng.permutation(n + 5)[:n])


def test_plans_are_shared_and_tables_relocatable():
    parent = SHAPES["comb"]
    one = solvers.plan(parent, None, "dhs", 64)
    assert solvers.plan(np.array(parent), np.arange(len(parent)), "dhs", 64) is one
    assert solvers.plan(parent, None, "dhs", 32) is not one
    assert one.table.dtype == np.int32 and not one.table.flags.writeable
    assert "301 nodes in 1 cells" in one.describe()


@pytest.mark.parametrize(
    ("parent", "slot", "method", "n_thread", "words"),
    [
        ([-1, 2, 0], None, "dhs", 32, "parent[1] is 2"),
        ([-1, 0], [3, 3], "dhs", 32, "slot"),
        ([[-1, 0]], None, "dhs", 32, "one number a node"),
        ([-1, 0], None, "gauss", 32, "gauss"),
        ([-1, 0], None, "dhs", 0, "0 threads"),
        ([-1, 0], [0, 70000], "dhs", 32, "65535"),
        ([-1] + [0] * 40000, None, "dhs", 32, "branches in a block, at most 32767"),
    ],
)
def test_wrong_input_is_named(parent, slot, method, n_thread, words):
    with pytest.raises(ValueError, match=words.replace("[", r"\[")):
        solvers.plan(parent, slot, method, n_thread)


# ---- the short division ------------------------------------------------------------------------

DIVISION = """
#include "{header}"
extern "C" void divide(int n, double const* x, double const* d, double* out, double* out_known) {{
    for (int i = 0; i < n; ++i) {{
        bool plain;
        double const y = hx::inverse(d[i], plain);
        out[i] = hx::quotient(x[i], d[i]);
        out_known[i] = hx::quotient(x[i], d[i], y, plain);
    }}
}}
"""


@pytest.fixture(scope="module")
def divide(tmp_path_factory):
    folder = tmp_path_factory.mktemp("division")
    source = folder / "division.cpp"
    source.write_text(DIVISION.format(header=compile.device_include_dir() / "tree_division.cuh"))
    compile.compile_source(source, folder / "division.so", compile.isa())
    function = ctypes.CDLL(str(folder / "division.so")).divide

    def call(x, d):
        x, d = np.ascontiguousarray(x, np.float64), np.ascontiguousarray(d, np.float64)
        out, known = np.empty_like(x), np.empty_like(x)
        function(x.size, *(ctypes.c_void_p(v.ctypes.data) for v in (x, d, out, known)))
        return out, known

    return call


def assert_ieee(divide, x, d):
    with np.errstate(all="ignore"):
        exact = np.asarray(x, np.float64) / np.asarray(d, np.float64)
    for q in divide(x, d):
        wrong = (q.view(np.int64) != exact.view(np.int64)) & ~(np.isnan(q) & np.isnan(exact))
        assert not wrong.any(), (x[wrong][:3], d[wrong][:3])


def test_division_of_random_numbers(divide):
    rng = np.random.default_rng(11)
    for _ in range(20):
        n = 100_000
        x = rng.uniform(1, 2, n) * 2.0 ** rng.integers(-30, 30, n) * rng.choice([-1, 1], n)
        d = rng.uniform(1, 2, n) * 2.0 ** rng.integers(-30, 30, n) * rng.choice([-1, 1], n)
        assert_ieee(divide, x, d)


def test_division_next_to_midpoints(divide):
    """Quotients as close to the middle of two doubles as quotients come: x = d (q + ulp/2) + r."""
    rng = np.random.default_rng(12)
    x, d = [], []
    while len(x) < 100_000:
        # x 2^k = divisor * middle + r with |r| small, middle of 54 bits and odd
        divisor = int(rng.integers(2**52, 2**53)) | 1
        r = int(rng.integers(-3, 4)) or 1
        for k in (53, 54):
            middle = -r * pow(divisor, -1, 2**k) % 2**k
            number = (divisor * middle + r) >> k
            if middle & 1 and 2**53 <= middle < 2**54 and 2**51 < number < 2**53:
                x.append(number)
                d.append(divisor)
    assert_ieee(divide, np.array(x, np.float64), np.array(d, np.float64))


def test_division_at_the_borders(divide):
    ones = struct.unpack("d", struct.pack("Q", 0x3FFFFFFFFFFFFFFF))[0]
    values = [1.0, ones, math.nextafter(1, 2), math.nextafter(1, 0), 4 / 3, 1.5, 3.0, 5e-324]
    values += [0.0, math.inf, math.nan, 1e-308, 1e308, 2.0**100, 2.0**-100, 2.0**-101, 2.0**400]
    values += [math.nextafter(4 / 3, 0), math.nextafter(4 / 3, 2), 2.0**-400, 2.0**-539, 2.0**501]
    values += [2 - k * 2.0**-52 for k in range(1, 40)] + [1 + k * 2.0**-52 for k in range(1, 40)]
    values = np.array(values + [-v for v in values])
    x, d = (v.ravel() for v in np.meshgrid(values, values))
    assert_ieee(divide, x, d)


# ---- NVRTC ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", solvers.METHODS)
@pytest.mark.parametrize("arch", ["sm_80", "sm_90", "sm_120"])
def test_nvrtc_takes_it(method, arch):
    try:
        nvrtc = importlib.import_module("nvrtc")
    except ImportError:
        pytest.skip("no tests/nvrtc.py")
    source = f"""
#include "tree.cuh"
HX_GLOBAL void solve(int const* table, double* columns, int n) {{
    extern __shared__ __align__(16) double memory[];
    hx::solve_tree<hx::tree_{method}>(table, hx::columns_in<hx::tree_{method}>(columns, n), memory);
}}
"""
    nvrtc.compile(source, arch, include=[str(compile.device_include_dir())])


@pytest.mark.parametrize("shape", SHAPES)
def test_contract_solves_in_its_own_order_of_slots(shape):
    """The layout puts the nodes of a block in the order of contract.arrange."""
    parent = np.array(SHAPES[shape], np.int32)
    rank = contract.arrange(parent, 128)
    order = np.lexsort((np.arange(len(parent)), rank))
    slot = np.empty(len(parent), np.int32)
    slot[order] = np.arange(len(parent))
    inside = rank[rank < rank.max()]
    assert np.unique(inside).size == inside.size  # nodes of pieces
    columns = matrix(SHAPES[shape], 3)
    x = solvers.solve("contract", parent, *columns, slot=slot, n_thread=128)
    expected = solvers.solve("hines", parent, *columns)
    assert np.abs(x - expected).max() <= 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize("n_thread", [32, 128])
def test_lanes_of_dhs_never_store_in_one_place(n_thread):
    """Contributions that are not carried have a place each, those of roots too (racecheck)."""
    parent = np.concatenate([[-1] * 40, np.repeat(np.arange(40), 2), np.arange(40, 80)])
    plan = solvers.plan(parent.astype(np.int32), None, "dhs", n_thread)
    points = plan.table[plan.table[2] :].view(np.uint32).reshape(-1, 3)[1:]
    to = points[:, 0] >> 16
    to = to[to != 0xFFFF]
    assert len(np.unique(to)) == len(to) >= 80
    assert 2 * (to.max() + 1) <= plan.scratch_doubles


@pytest.mark.parametrize("shape", ("chain of 40", "binary", "dendrite", "balls and sticks"))
def test_rows_that_contract_keeps_come_first(shape):
    """contract.arrange: of n constant rows those in pieces have the first slots."""
    parent = SHAPES[shape]
    slot = contract.arrange(parent, 128)
    slot = np.argsort(np.argsort(slot, kind="stable"), kind="stable").astype(np.int32)
    table = solvers.plan(parent, slot, "contract", 128).table
    left = {int(word) >> 2 for word in table[table[5] : table[5] + 2 * table[1] : 2]}
    kept = contract.kept_rows(table, len(parent))
    assert kept == len(parent) - len(left) > 0
    assert left == set(range(kept, len(parent)))
    assert contract.kept_rows(table, kept // 2) == kept // 2
    in_order = solvers.plan(parent, None, "contract", 128).table
    left = sorted(
        int(word) >> 2 for word in in_order[in_order[5] : in_order[5] + 2 * in_order[1] : 2]
    )
    expected = kept if not left or left[0] >= kept else 0
    assert contract.kept_rows(in_order, len(parent)) == expected


def test_pieces_are_short_where_threads_would_be_idle():
    cells_of_cables = np.array(SHAPES["binary"], np.int32)  # 63 sections of 10 nodes
    assert contract.longest_piece(cells_of_cables, 512) == contract.SHORT_PIECE
    assert contract.longest_piece(cells_of_cables, 128) == contract.PIECE


def test_long_pieces_do_not_meet_in_one_thread():
    parts = [contract.Piece([0] * n, -1, 0) for n in (9, 8, 7, 6, 5, 4, 3)]
    turns = contract._dealt(parts, 3)
    assert [len(piece.nodes) for piece in turns] == [9, 8, 7, 4, 5, 6, 3]


def test_contract_refuses_slots_that_do_not_fit():
    with pytest.raises(ValueError, match="65535"):
        solvers.plan([-1, 0], [0, 65535], "contract", 32)
    assert solvers.plan([-1, 0], [0, 65533], "contract", 32).n_node == 2
