"""The host's C++ compiler, and how it is called for a kernel.

The flags are those of docs/design/kernels.md: IEEE arithmetic as written, no contraction.
"""

from __future__ import annotations

import functools
import os
import platform
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..nmodl.unsupported import Unsupported

WIDTHS = {"x86-64-v2": 2, "x86-64-v3": 4, "x86-64-v4": 8}

_NEEDED = {
    "x86-64-v2": {"sse4_2", "popcnt", "ssse3"},
    "x86-64-v3": {"avx2", "fma", "bmi1", "bmi2", "f16c", "movbe"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}


@functools.lru_cache(maxsize=1)
def _cpu_flags() -> frozenset[str]:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return frozenset(line.partition(":")[2].split())
    except OSError:
        pass
    return frozenset()


def isa() -> str:
    """The best instruction set of this CPU that kernels exist for: "x86-64-v2", "-v3", "-v4".

    HELIOX_ISA (with or without "x86-64-") chooses a lesser one. Raises Unsupported HX025 on a CPU
    without any.
    """
    wanted = os.environ.get("HELIOX_ISA", "").strip().lower()
    if wanted:
        name = wanted if wanted.startswith("x86-64-") else f"x86-64-{wanted}"
        if name not in WIDTHS:
            raise Unsupported("HX025", f"HELIOX_ISA={wanted}: use v2, v3 or v4")
        return name
    best = ""
    for name, needed in _NEEDED.items():
        if needed <= _cpu_flags():
            best = name
        else:
            break
    if not best or platform.machine() not in ("x86_64", "AMD64"):
        raise Unsupported(
            "HX025",
            f"kernels are made for x86-64-v2 and newer, not for this CPU ({platform.machine()})",
        )
    return best


@dataclass(frozen=True)
class Compiler:
    """command: how it is called; identity: its first line of --version."""

    command: tuple[str, ...]
    identity: str


@functools.lru_cache(maxsize=8)
def _identify(command: tuple[str, ...]) -> Compiler | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return Compiler(command, done.stdout.splitlines()[0] if done.stdout else command[0])


def compiler() -> Compiler:
    """$CXX, else g++, c++, clang++. Raises Unsupported HX025."""
    named = os.environ.get("CXX", "").strip()
    for command in [named, "g++", "c++", "clang++"]:
        if command and (found := _identify(tuple(shlex.split(command)))) is not None:
            return found
    raise Unsupported("HX025", "no C++ compiler (g++ or clang++) in PATH")


def flags(isa_name: str) -> list[str]:
    """Compiler flags of a kernel. HELIOX_LIBM_MATH=1: exp, log and pow call the C library."""
    out = [
        "-O3",
        "-std=c++17",
        "-fPIC",
        "-shared",
        f"-march={isa_name}",
        "-ffp-contract=off",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-w",
        f"-DHX_WIDTH={WIDTHS[isa_name]}",
        f"-DHX_ISA_NS={isa_name[7:]}",
    ]
    if isa_name == "x86-64-v4":
        out.append("-mprefer-vector-width=512")
    if os.environ.get("HELIOX_LIBM_MATH", "") not in ("", "0"):
        out.append("-DHX_LIBM_MATH")
    return out


@functools.lru_cache(maxsize=1)
def include_dir() -> Path:
    """The folder of abi.h and simd.hpp: the package's, or the source tree's. Raises HX025."""
    package = Path(__file__).parents[1]
    for folder in (package / "include", package.parent / "src" / "kernels"):
        if (folder / "abi.h").exists():
            return folder
    raise Unsupported("HX025", "the kernel headers (abi.h, simd.hpp) are not installed")


@functools.lru_cache(maxsize=1)
def device_include_dir() -> Path:
    """The folder of device.cuh, likewise. Raises HX025."""
    package = Path(__file__).parents[1]
    for folder in (package / "include" / "gpu", package.parent / "src" / "gpu"):
        if (folder / "device.cuh").exists():
            return folder
    raise Unsupported("HX025", "the device headers (device.cuh) are not installed")


def compile_source(source: Path, library: Path, isa_name: str) -> None:
    """Compiles a kernel. Raises Unsupported HX025 with the compiler's first error line."""
    command = [
        *compiler().command,
        *flags(isa_name),
        f"-I{include_dir()}",
        str(source),
        "-o",
        str(library),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unsupported("HX025", f"{command[0]} could not be run: {error}") from error
    if done.returncode:
        lines = done.stderr.splitlines()
        errors = [line for line in lines if "error" in line] or lines or ["no message"]
        raise Unsupported("HX025", f"{command[0]}: {errors[0].strip()}")


def whole_source(source: str) -> str:
    """The source with every header of ours in its place: NVRTC then needs no files."""
    seen: set[Path] = set()

    def expand(text: str, folder: Path) -> str:
        def replace(match: re.Match[str]) -> str:
            for place in (folder, device_include_dir(), include_dir()):
                path = (place / match[1]).resolve()
                if path.exists():
                    if path in seen:
                        return ""
                    seen.add(path)
                    return expand(path.read_text(), path.parent)
            return match[0]

        return re.sub(r'^\s*#include "([^"]+)"[^\n]*$', replace, text, flags=re.MULTILINE)

    return expand(source, device_include_dir()).replace("#pragma once", "")
