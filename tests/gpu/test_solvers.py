"""The tree solvers on the GPU: NEURON's bits, and the short division's."""

import numpy as np
import pytest

from heliox_neuron import solvers
from heliox_neuron.codegen import compile
from heliox_neuron.solvers import reference

pytestmark = pytest.mark.gpu
cupy = pytest.importorskip("cupy")

SOLVE = """
#include "tree.cuh"
HX_GLOBAL void solve(int const* table, double const* columns, double* x, int n) {
    extern __shared__ __align__(16) double memory[];
    double const* const mine = columns + 4 * n * hx::block();
    hx::TreeColumns const of = hx::columns_in<hx::tree_METHOD>(memory, n);
    int const stride = hx::row_stride<hx::tree_METHOD>;
    for (int i = hx::tid(); i < n; i += hx::n_thread()) {
        of.d[stride * i] = mine[i];
        of.rhs[stride * i] = mine[n + i];
        of.a[stride * i] = mine[2 * n + i];
        of.b[stride * i] = mine[3 * n + i];
    }
    HX_SYNC();
    hx::solve_tree<hx::tree_METHOD>(table, of, memory + 4 * n);
    for (int i = hx::tid(); i < n; i += hx::n_thread()) {
        x[hx::block() * n + i] = of.rhs[stride * i];
    }
}
"""

DIVIDE = """
#include "tree_division.cuh"
// Numbers of wrong quotients and inverses among pseudo-random pairs.
HX_GLOBAL void divide(unsigned long long seed, int each, unsigned long long* wrong) {
    unsigned long long const me = hx::block() * hx::n_thread() + hx::tid();
    unsigned long long s = seed + 0xd1342543de82ef95ull * me;
    auto next = [&]() {
        unsigned long long z = (s += 0x9e3779b97f4a7c15ull);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    };
    for (int k = 0; k < each; ++k) {
        // exponents near 0, and one mantissa in four next to a power of two
        unsigned long long const e = next();
        unsigned long long x = (next() >> 12) | (1000 + (e & 63)) << 52;
        unsigned long long d = (next() >> 12) | (1000 + (e >> 6 & 63)) << 52;
        d = (e >> 12 & 3) ? d : (e >> 14 & 1) ? d | 0xfffff00000000ull : d & ~0xfffff00000000ull;
        x = (e >> 15 & 3) ? x : d + (e >> 17 & 0xff) - 128;
        double const dx = __longlong_as_double(x), dd = __longlong_as_double(d);
        double const exact = dx / dd;
        bool plain;
        double const y = hx::inverse(dd, plain);
        if (hx::quotient(dx, dd) != exact) atomicAdd(wrong, 1ull);
        if (hx::quotient(dx, dd, y, plain) != exact) atomicAdd(wrong + 1, 1ull);
        if (plain && y != 1. / dd) atomicAdd(wrong + 2, 1ull);
        double const off = fabs(hx::coarse_inverse(dd) * dd - 1.);
        if (off > 1. / (1 << 19)) atomicAdd(wrong + 3, 1ull);
    }
}
"""


QUOTIENTS = """
#include "device.cuh"
#include "fast_quotient.cuh"
HX_GLOBAL void quotients(double const* x, double const* y, double* of_any, double* of_common,
                         int n) {
    int const all = hx::n_block() * hx::n_thread();
    for (int i = hx::block() * hx::n_thread() + hx::tid(); i < n; i += all) {
        of_any[i] = hx::fast_quotient(x[i], y[i]);
        of_common[i] = hx::fast_quotient_of(x[i], y[i]);
    }
}
"""


def function(source, name):
    options = ("--std=c++17", "--fmad=false", f"-I{compile.device_include_dir()}")
    return cupy.RawModule(code=source, options=options).get_function(name)


def random_forest(n, reach, roots, seed):
    rng = np.random.default_rng(seed)
    return [
        -1 if i == 0 or rng.random() < roots else int(rng.integers(max(0, i - reach), i))
        for i in range(n)
    ]


TREES = {
    "one node": [-1],
    "points": [-1] * 70,
    "chain": [i - 1 for i in range(600)],
    "star": [-1] + [0] * 400,
    "dendrite": random_forest(1263, 6, 0.0, 1),
    "bush": random_forest(1200, 1200, 0.0, 2),
    "cells": random_forest(900, 4, 0.03, 3),
}


def matrix(parent, seed):
    """d, rhs, a, b; couplings over six decades."""
    rng = np.random.default_rng(seed)
    n = len(parent)
    g = 10 ** rng.uniform(-3.0, 3.0, n)
    a, b = -g * rng.uniform(0.5, 2.0, n), -g * rng.uniform(0.5, 2.0, n)
    d = rng.uniform(0.1, 3.0, n)
    for i, p in enumerate(parent):
        if p >= 0:
            d[i] -= b[i]
            d[p] -= a[i]
    return d, rng.normal(size=n), a, b


@pytest.mark.parametrize("method", solvers.METHODS)
def test_solutions(method):
    solve = function(SOLVE.replace("tree_METHOD", f"tree_{method}"), "solve")
    for parent in TREES.values():
        n = len(parent)
        n_block = 3
        blocks = [matrix(parent, seed) for seed in range(n_block)]
        columns = cupy.asarray(np.concatenate([column for block in blocks for column in block]))
        for n_thread in (1, 8, 32, 128, 256):
            plan = solvers.plan(parent, None, method, n_thread)
            shared = 8 * (4 * n + plan.scratch_doubles)
            solve.max_dynamic_shared_size_bytes = shared
            x = cupy.full(n_block * n, np.nan)
            arguments = (cupy.asarray(plan.table), columns, x, np.int32(n))
            solve((n_block,), (n_thread,), arguments, shared_mem=shared)
            for (d, rhs, a, b), mine in zip(blocks, x.get().reshape(n_block, n), strict=True):
                exact = reference.hines(parent, a, b, d, rhs)
                if method == "contract":
                    assert np.abs(mine - exact).max() <= 1e-10 * np.abs(exact).max()
                else:
                    assert (mine == exact).all()


def test_short_division_is_ieee():
    divide = function(DIVIDE, "divide")
    wrong = cupy.zeros(4, np.uint64)
    divide((1024,), (256,), (np.uint64(1), np.int32(2000), wrong))
    assert wrong.get().tolist() == [0, 0, 0, 0]


def fast_quotients(x, y):
    """Of any numbers, and as for a numerator of common size."""
    kernel = function(QUOTIENTS, "quotients")
    x, y = (cupy.asarray(np.asarray(v, float)) for v in (x, y))
    found = [cupy.full(len(x), -1.0) for _ in range(2)]
    kernel((64,), (128,), (x, y, *found, np.int32(len(x))))
    return [v.get() for v in found]


def assert_near(found, x, y):
    """Within two units in the last place; zeros, infinities and NaN as IEEE has them."""
    with np.errstate(all="ignore"):
        exact = x / y
        off = np.abs(found - exact) / np.spacing(np.abs(exact))
    wrong = np.where(np.isfinite(exact), ~(off <= 2), ~((found == exact) | (exact != exact)))
    wrong |= np.isnan(exact) != np.isnan(found)
    assert not wrong.any(), (x[wrong][:5], y[wrong][:5], found[wrong][:5], exact[wrong][:5])


def test_fast_quotients():
    rng = np.random.default_rng(1)
    n = 200_000
    x, y = (
        rng.choice([-1, 1], n) * rng.random(n) * 10.0 ** rng.integers(-140, 140, n) for _ in "xy"
    )
    any_, common = fast_quotients(x, y)
    assert_near(any_, x, y)
    assert_near(common, x, y)


def test_fast_quotients_at_the_borders():
    special = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 5e-324, 1e-310, -3e-309, 1e300]
    x, y = (v.ravel() for v in np.meshgrid(special, special))
    kept = ~((np.abs(x) < 1e-300) & (np.abs(y) == 1e300) & (x != 0))  # too small for a double
    x, y = x[kept], y[kept]
    assert_near(fast_quotients(x, y)[0], x, y)
    x, y = (v.ravel() for v in np.meshgrid([1.0, -0.025, 1e6], [v for v in special if v]))
    with np.errstate(all="ignore"):
        exact = np.where(np.abs(y) < 2.3e-308, np.copysign(np.inf, x * np.sign(y)), x / y)
    found = fast_quotients(x, y)[1]
    assert np.allclose(found, exact, rtol=1e-15, atol=0, equal_nan=True), (x, y, found)
