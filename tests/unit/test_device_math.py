"""src/gpu/math.cuh: libm's bits on the host, and NVRTC takes it."""

import math
import platform
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import nvrtc
from heliox_neuron.codegen import device_math

ROOT = Path(__file__).resolve().parents[2]
GPU = ROOT / "src" / "gpu"
KERNELS = ROOT / "src" / "kernels"
DRIVER = Path(__file__).with_name("device_math_driver.cpp")
FLAGS = ["-O2", "-std=c++17", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]
# hoc_Exp is exp with NEURON's bounds
LIBM_NAME = {"hoc_Exp": "exp"}

UNIT = """
#include "math.cuh"
HX_GLOBAL void all(double* x, double const* y, double const* table, int const* row, int n) {
    hx::fill_tables();
    for (int i = hx::tid(); i < n; i += hx::n_thread()) {
        double const a = hx::load<double>(x + i, hx::width<double>);
        double const b = hx::gather<double>(y, row + i, 1);
        hx::mask<double> const m = hx::land(hx::lt(a, b), hx::lnot(hx::ne(a, b)));
        double z = hx::exp(a, m, nullptr) + hx::log(a) + hx::log10(a) + hx::pow(a, b);
        z += hx::sin(a) + hx::cos(a) + hx::tan(a) + hx::tanh(a) + hx::sinh(a) + hx::cosh(a);
        z += hx::asin(a) + hx::acos(a) + hx::atan(a) + hx::atan2(a, b) + hx::fmod(a, b);
        z += hx::sqrt(a) + hx::fabs(a) + hx::floor(a) + hx::ceil(a);
        z += hx::fmax(a, b) + hx::fmin(a, b) + hx::number<double>(hx::any(m));
        z += hx::table_at<double>(table, hx::truncate(z)) + hx::from_index<double>(i);
        hx::store(x + i, hx::select(m, z, hx::splat<double>(1.)), m, 1);
        hx::accumulate(x, row + i, z, 1);
        hx::deduct(x, row + i, z, 1);
        hx::scatter(x, row + i, z, 1);
    }
}
"""
SQUARE = """
#include "math.cuh"
HX_DEVICE double power(double x, double n) { return hx::pow(x, n); }
HX_GLOBAL void square(double* x) { x[hx::tid()] = power(x[hx::tid()], 2.); }
"""


def has_fma() -> bool:
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and " fma " in cpuinfo.read_text()


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """build(*flags): the driver's path."""
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        pytest.skip("glibc on x86-64 only")
    gxx = shutil.which("g++")
    if gxx is None:
        pytest.skip("no g++")
    built = {}

    def driver(*flags: str) -> Path:
        if flags not in built:
            path = tmp_path_factory.mktemp("device_math") / "driver"
            command = [gxx, *FLAGS, *flags, f"-I{GPU}", f"-I{KERNELS}", str(DRIVER)]
            done = subprocess.run([*command, "-o", str(path)], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            built[flags] = path
        return built[flags]

    return driver


def here() -> list[str]:
    return [f"-D{macro}" for macro in device_math.check_libm().defines]


def failures(driver: Path, *arguments: str) -> tuple[dict[str, int], str]:
    """Differing samples by function and range; functions that this libm computes otherwise left
    out."""
    run = subprocess.run([str(driver), *arguments], capture_output=True, text=True, check=True)
    other = device_math.check_libm().inexact
    if "exp" in other:
        pytest.skip("this libm does not compute exp with fused multiply-adds")
    lines = [line.split() for line in run.stdout.splitlines() if not line.startswith("#")]
    assert len({line[0] for line in lines}) == 17
    bad = {
        f"{name} {part}": int(count)
        for name, part, count, _ in lines
        if int(count) and LIBM_NAME.get(name, name) not in other
    }
    return bad, run.stdout


# each function has 2 to 7 ranges
@pytest.mark.parametrize(
    ("flags", "n"),
    [
        (("-mfma",), 1_000_000),
        ((), 1_000_000),
        pytest.param(("-mfma",), 20_000_000, marks=pytest.mark.slow),
    ],
    ids=["fma", "libm_fma", "long"],
)
def test_same_bits_as_libm(build, flags, n):
    if "-mfma" in flags and not has_fma():
        pytest.skip("this CPU has no FMA")
    bad, output = failures(build(*flags, *here()), "compare", str(n))
    assert not bad, output


def test_same_bits_at_edges(build):
    bad, output = failures(build(*here()), "special")
    assert not bad, output


@pytest.mark.parametrize("name", device_math.DIGESTS)
def test_digests_are_those_of_the_device_text(build, name):
    function, *macro = name.split()
    driver = build(*[f"-D{m}" for m in macro])
    arguments = [x for sample in device_math.samples(function) for x in sample]
    run = subprocess.run(
        [str(driver), "evaluate", function],
        input=struct.pack(f"<{len(arguments)}d", *arguments),
        capture_output=True,
        check=True,
    )
    results = list(struct.unpack(f"<{len(run.stdout) // 8}d", run.stdout))
    assert len(results) == len(device_math.samples(function))
    assert device_math.digest(results) == device_math.DIGESTS[name]


def test_a_libm_with_another_bit_is_found(monkeypatch):
    exact = math.log
    monkeypatch.setattr(
        math, "log", lambda x: math.nextafter(exact(x), 9.0) if x > 99 else exact(x)
    )
    device_math.check_libm.cache_clear()
    try:
        assert "log" in device_math.check_libm().inexact
    finally:
        device_math.check_libm.cache_clear()


def test_every_function_is_exact_or_named():
    from heliox_neuron.nmodl.supported import BUILTINS

    exact = {name.split()[0] for name in device_math.DIGESTS} | {"sqrt", "fabs", "floor", "ceil"}
    exact |= {"fmod"}
    assert set(BUILTINS) - {"at_time"} == exact | set(device_math.INEXACT)
    assert not exact & set(device_math.INEXACT)
    assert set(device_math.INEXACT_BEYOND) <= exact


def test_tables_are_those_of_the_generator():
    pytest.importorskip("mpmath")
    made = subprocess.run(
        [sys.executable, str(KERNELS / "make_math_tables.py"), "sincos"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == (GPU / "math_sincos_table.cuh").read_text()


@pytest.mark.parametrize("arch", nvrtc.ARCHITECTURES)
@pytest.mark.parametrize("table", [0, 1, 2], ids=["global", "constant", "shared"])
def test_nvrtc_takes_the_vocabulary(arch, table):
    ptx, log = nvrtc.compile(
        UNIT, arch, include=[GPU, KERNELS], options=(f"-DHX_EXP_TABLE_IN={table}",)
    )
    assert log == ""
    text = ptx.decode()
    assert f".target {arch}" in text
    space = {0: ".global", 1: ".const", 2: ".shared"}[table]
    name = "exp_table_shared" if table == 2 else "exp_table"
    declared = [line for line in text.splitlines() if f"{len(name)}{name}E[" in line]
    assert len(declared) == 1 and declared[0].lstrip().startswith(space)


def test_a_literal_exponent_of_two_is_a_product():
    if nvrtc.version() < (13, 1):
        pytest.skip("this NVRTC has no __builtin_constant_p")
    ptx, _ = nvrtc.compile(SQUARE, "sm_90", include=[GPU, KERNELS])
    body = ptx.decode().split("entry square", 1)[1]
    assert body.count("mul.rn.f64") == 1
    assert "fma" not in body and "call" not in body


def test_nvrtc_does_not_contract():
    source = (
        '#include "device.cuh"\n'
        "HX_GLOBAL void f(double* x) { x[0] = x[1] * x[2] + x[3]; }\n"
        "HX_GLOBAL void g(double* x) { x[0] = ::fma(x[1], x[2], x[3]); }\n"
    )
    ptx = nvrtc.compile(source, "sm_90", include=[GPU])[0].decode()
    first, second = ptx.split(".entry g")
    assert "mul.rn.f64" in first and "add.rn.f64" in first and "fma" not in first
    assert "fma.rn.f64" in second


def test_nvrtc_says_what_is_wrong():
    with pytest.raises(nvrtc.CompileError, match="no_such_name"):
        nvrtc.compile("__global__ void f(double* x) { x[0] = no_such_name; }", "sm_90")
