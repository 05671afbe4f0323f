"""simd.hpp on every ISA of this CPU: libm's bits, and loads, stores and masks lane by lane."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "src" / "kernels"
DRIVER = Path(__file__).with_name("simd_driver.cpp")
# The flags of generated kernels (docs/design/kernels.md).
FLAGS = [
    "-O3",
    "-std=c++17",
    "-mprefer-vector-width=512",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-Wall",
    "-Wextra",
    "-Werror",
]
NEEDS = {
    "x86-64-v2": {"sse4_2", "ssse3", "popcnt"},
    "x86-64-v3": {"avx2", "fma", "bmi2", "f16c"},
    "x86-64-v4": {"avx512f", "avx512dq", "avx512vl", "avx512bw", "avx512cd"},
}
BUILDS = [
    ("x86-64-v2", ()),
    ("x86-64-v3", ()),
    ("x86-64-v4", ()),
    ("x86-64-v4", ("-DHX_WIDTH=4",)),
    ("x86-64-v3", ("-DHX_LIBM_MATH",)),
]


def cpu_flags() -> set[str]:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.split(":", 1)[1].split())
    return set()


def compiler(isa: str) -> str:
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        pytest.skip("x86-64 Linux only")
    gxx = shutil.which("g++")
    if gxx is None:
        pytest.skip("no g++")
    if missing := NEEDS[isa] - cpu_flags():
        pytest.skip(f"this CPU is not {isa}: no {', '.join(sorted(missing))}")
    return gxx


@pytest.mark.parametrize(("isa", "defines"), BUILDS, ids=lambda p: "".join(p) or "default")
def test_same_bits_as_libm_and_as_scalar_code(isa, defines, tmp_path):
    program = tmp_path / "simd_driver"
    command = [compiler(isa), *FLAGS, f"-march={isa}", *defines, f"-I{KERNELS}", str(DRIVER)]
    built = subprocess.run([*command, "-o", str(program)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    run = subprocess.run([str(program)], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    lines = [line.split() for line in run.stdout.splitlines() if not line.startswith("#")]
    failures = {name: int(count) for name, count, _ in lines if int(count) != 0}
    assert not failures, run.stdout
    assert len(lines) == 24
    width = 4 if defines == ("-DHX_WIDTH=4",) else {"2": 2, "3": 4, "4": 8}[isa[-1]]
    assert lines[0] == ["width", "0", str(width)]


def test_scalar_only_has_no_vector_types(tmp_path):
    source = tmp_path / "scalar.cpp"
    source.write_text(
        '#include "simd.hpp"\n'
        "double f(double x, double (*hoc_exp)(double)) {\n"
        "    return hx::select(hx::lt(x, 0.), hx::exp(x, true, hoc_exp), hx::pow(x, 3.));\n"
        "}\n"
        "#ifdef HX_WIDTH\n#error vector types\n#endif\n"
    )
    command = [
        compiler("x86-64-v2"),
        *FLAGS,
        "-march=x86-64-v2",
        "-DHX_SCALAR_ONLY",
        f"-I{KERNELS}",
    ]
    subprocess.run([*command, "-c", str(source), "-o", str(tmp_path / "scalar.o")], check=True)


def test_tables_are_those_of_the_generator():
    pytest.importorskip("mpmath")
    made = subprocess.run(
        [sys.executable, str(KERNELS / "make_math_tables.py")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == (KERNELS / "math_tables.hpp").read_text()
