"""math.cuh on the GPU: libm's bits, and how fast exp is with its table in each kind of memory."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nvrtc
from heliox_neuron.codegen import device_math

pytestmark = pytest.mark.gpu
cupy = pytest.importorskip("cupy")

ROOT = Path(__file__).resolve().parents[2]
N = 2_000_000
INFINITY = math.inf

# C's expression of a function of x and y
EXPRESSIONS = {
    "hoc_Exp": "hx::exp(x, true, nullptr)",
    "exp": "hx::libm_exp(x)",
    "pow": "hx::pow(x, y)",
    "fmod": "hx::fmod(x, y)",
} | {
    name: f"hx::{name}(x)"
    for name in "log log10 tanh sinh cosh sin cos sqrt fabs floor ceil tan asin acos atan".split()
}
KERNELS = '#include "math.cuh"\n' + "".join(
    f"HX_GLOBAL void {name}_of(double const* xs, double const* ys, double* zs, int n) {{\n"
    "    hx::fill_tables();\n"
    "    int const step = hx::n_block() * hx::n_thread();\n"
    "    for (int i = hx::block() * hx::n_thread() + hx::tid(); i < n; i += step) {\n"
    "        double const x = xs[i];\n"
    "        double const y = ys[i];\n"
    f"        zs[i] = {expression};\n"
    "        (void)y;\n"
    "    }\n"
    "}\n"
    for name, expression in EXPRESSIONS.items()
)
# 64 values a thread, made in registers: lanes far apart in the table
THROUGHPUT = """
#include "math.cuh"
HX_GLOBAL void sum_of_exp(double* z) {
    hx::fill_tables();
    unsigned const thread = hx::block() * hx::n_thread() + hx::tid();
    double sum = 0.;
#pragma unroll 4
    for (unsigned k = 0; k < 64; ++k) {
        unsigned const u = (thread * 64u + k) * 2654435761u;
        double const x = -30. + 60. * 0x1p-32 * u;
        sum += HX_WHICH;
    }
    z[thread] = sum;
}
"""


def module(source: str, *options: str):
    """A CuPy module, compiled as the engine compiles its kernels."""
    if cupy.cuda.runtime.getDeviceCount() == 0:
        pytest.skip("no GPU")
    defines = [f"-D{macro}" for macro in device_math.check_libm().defines]
    include = [f"-I{ROOT / 'src' / folder}" for folder in ("gpu", "kernels")]
    return cupy.RawModule(
        code=source, options=(*nvrtc.FLAGS, *defines, *include, *options), backend="nvrtc"
    )


@pytest.fixture(scope="module")
def kernels():
    return module(KERNELS)


def uniform(low: float, high: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, N)


def scales(low: float, high: float, seed: int = 0) -> np.ndarray:
    """Magnitudes from e^low to e^high, either sign."""
    random = np.random.default_rng(seed)
    return np.exp(random.uniform(low, high, N)) * random.choice([-1.0, 1.0], N)


def hoc_exp(x: float) -> float:
    return 0.0 if x < -700 else math.exp(min(x, 700.0))


def edges(*more: float) -> np.ndarray:
    listed = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 5e-324, 1e-310, 2.0**-60, 22.0, *more]
    return np.array(listed)


# name, libm's function, arguments within its range of finite results
CASES: list[tuple[str, Callable[..., float], list[np.ndarray]]] = [
    ("hoc_Exp", hoc_exp, [uniform(-30, 30)]),
    ("hoc_Exp", hoc_exp, [uniform(-720, 720)]),
    ("hoc_Exp", hoc_exp, [edges(INFINITY, -INFINITY, 700.0, -700.0, 700.1, -700.1, 1e300)]),
    ("exp", math.exp, [uniform(-750, 709)]),
    ("exp", math.exp, [edges(-INFINITY, INFINITY, -745.2, 709.7)]),
    ("log", math.log, [uniform(0.9, 1.1)]),
    ("log", math.log, [abs(scales(-740, 709))]),
    ("log10", math.log10, [abs(scales(-740, 709))]),
    ("pow", math.pow, [uniform(0, 10), uniform(-10, 10, 1)]),
    ("pow", math.pow, [uniform(1, 5), uniform(-3, 3, 1)]),
    ("pow", math.pow, [uniform(-20, -0.1), np.rint(uniform(-200, 200, 1))]),
    ("pow", math.pow, [abs(scales(-9, 9)), uniform(-78, 78, 1)]),
    ("tanh", math.tanh, [uniform(-2, 2)]),
    ("tanh", math.tanh, [scales(-50, 7)]),
    ("sinh", math.sinh, [uniform(-2, 2)]),
    ("sinh", math.sinh, [uniform(-710, 710)]),
    ("cosh", math.cosh, [uniform(-2, 2)]),
    ("cosh", math.cosh, [uniform(-710, 710)]),
    ("sin", math.sin, [uniform(-3, 3)]),
    ("sin", math.sin, [uniform(-1e8, 1e8)]),
    ("cos", math.cos, [uniform(-3, 3)]),
    ("cos", math.cos, [uniform(-1e8, 1e8)]),
    ("sqrt", math.sqrt, [abs(scales(-740, 709))]),
    ("fabs", math.fabs, [scales(-740, 709)]),
    ("floor", lambda x: float(np.floor(x)), [scales(-5, 40)[:100_000]]),
    ("ceil", lambda x: float(np.ceil(x)), [scales(-5, 40)[:100_000]]),
    ("fmod", math.fmod, [scales(-9, 9), scales(-9, 9, 1)]),
    ("fmod", math.fmod, [scales(-700, 700)[:100_000], scales(-700, 700, 1)[:100_000]]),
]


def on_device(kernels, name: str, arguments: list[np.ndarray]) -> np.ndarray:
    x = cupy.asarray(arguments[0])
    y = cupy.asarray(arguments[-1])
    z = cupy.empty_like(x)
    kernels.get_function(f"{name}_of")((256,), (256,), (x, y, z, np.int32(x.size)))
    return cupy.asnumpy(z)


@pytest.mark.parametrize(
    ("name", "libm", "arguments"), CASES, ids=[f"{k}-{c[0]}" for k, c in enumerate(CASES)]
)
def test_same_bits_as_libm(kernels, name, libm, arguments):
    if {"hoc_Exp": "exp"}.get(name, name) in device_math.check_libm().inexact:
        pytest.skip(f"this libm computes {name} by another algorithm")
    expected = np.array(list(map(libm, *(a.tolist() for a in arguments))))
    found = on_device(kernels, name, arguments)
    different = np.flatnonzero(expected.view(np.uint64) != found.view(np.uint64))
    first = [(*(a[i].hex() for a in arguments), expected[i].hex(), found[i].hex())
             for i in different[:3]]  # fmt: skip
    assert different.size == 0, f"{different.size} of {expected.size}: {first}"


@pytest.mark.parametrize("name", ["tan", "asin", "acos", "atan"])
def test_inexact_functions_keep_their_bound(kernels, name):
    x = uniform(-1, 1)
    expected = np.array(list(map(getattr(math, name), x.tolist())))
    error = np.abs(on_device(kernels, name, [x]) - expected) / np.spacing(np.abs(expected))
    # libm's own error adds at most one
    assert error.max() <= device_math.INEXACT[name] + 1


def test_throughput_of_exp(capsys):
    blocks, threads, repeats = 132 * 16, 256, 20
    z = cupy.empty(blocks * threads)
    start, stop = cupy.cuda.Event(), cupy.cuda.Event()
    rates, sums = {}, []
    forms = {
        "global": ("hx::exp(x, true, nullptr)", 0),
        "constant": ("hx::exp(x, true, nullptr)", 1),
        "shared": ("hx::exp(x, true, nullptr)", 2),
        "CUDA's own": ("::exp(x)", 0),
    }
    for form, (expression, place) in forms.items():
        options = [f"-DHX_EXP_TABLE_IN={place}", f"-DHX_WHICH={expression.replace(' ', '')}"]
        kernel = module(THROUGHPUT, *options).get_function("sum_of_exp")
        kernel((blocks,), (threads,), (z,))
        start.record()
        for _ in range(repeats):
            kernel((blocks,), (threads,), (z,))
        stop.record()
        stop.synchronize()
        ms = cupy.cuda.get_elapsed_time(start, stop) / repeats
        rates[form] = blocks * threads * 64 / ms * 1e-6
        sums.append(cupy.asnumpy(z))
    with capsys.disabled():
        name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
        listed = ", ".join(f"{form} {rate:.0f}" for form, rate in rates.items())
        print(f"\nhoc_Exp on {name}, 1e9 values/s by the table's memory: {listed}")
    assert (sums[0] == sums[1]).all() and (sums[0] == sums[2]).all()
    assert np.allclose(sums[0], sums[3], rtol=1e-12)
