"""NVRTC without a GPU and without CuPy: compiles CUDA text to PTX, as the device engine does.

The library is that of the pip wheel nvidia-cuda-nvrtc (CUDA 13) or nvidia-cuda-nvrtc-cu12, else the
system's. pytest.skip where there is none.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

# The flags of all device code; the architecture and the include folders come with each call.
FLAGS = ("--std=c++17", "--fmad=false")
ARCHITECTURES = ("sm_80", "sm_90", "sm_120")


class CompileError(Exception):
    """NVRTC's log."""


def _libraries() -> list[Path | str]:
    found: list[Path | str] = []
    spec = find_spec("nvidia")
    for folder in spec.submodule_search_locations or [] if spec is not None else []:
        for pattern in ("cu13/lib/libnvrtc.so.1*", "cuda_nvrtc/lib/libnvrtc.so.1*"):
            found += sorted(Path(folder).glob(pattern))
    system = ctypes.util.find_library("nvrtc")
    return [*found, *([system] if system else [])]


@cache
def _load() -> ctypes.CDLL | None:
    for library in _libraries():
        try:
            return ctypes.CDLL(str(library))
        except OSError:
            continue
    return None


def version() -> tuple[int, int]:
    """Of the library that compile uses; skips as compile does."""
    nvrtc = _load()
    if nvrtc is None:
        pytest.skip("no NVRTC: pip install nvidia-cuda-nvrtc")
    major, minor = ctypes.c_int(), ctypes.c_int()
    nvrtc.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return major.value, minor.value


def _text(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    getattr(nvrtc, f"nvrtcGet{what}")(program, text)
    return text.raw[: size.value].rstrip(b"\0")


def compile(
    source: str,
    arch: str,
    name: str = "kernel.cu",
    include: list[Path] | None = None,
    options: tuple[str, ...] = (),
) -> tuple[bytes, str]:
    """(PTX, log) of one unit for arch ("sm_90"), with FLAGS; raises CompileError with the log.

    Skips the test where NVRTC, or the architecture in the NVRTC that is there, is missing.
    """
    nvrtc = _load()
    if nvrtc is None:
        pytest.skip("no NVRTC: pip install nvidia-cuda-nvrtc")
    count = ctypes.c_int()
    nvrtc.nvrtcGetNumSupportedArchs(ctypes.byref(count))
    known = (ctypes.c_int * count.value)()
    nvrtc.nvrtcGetSupportedArchs(known)
    if int(arch.removeprefix("sm_")) not in known:
        pytest.skip(f"this NVRTC does not know {arch}")
    flags = [*FLAGS, f"--gpu-architecture={arch}", *options]
    flags += [f"-I{folder}" for folder in include or []]
    program = ctypes.c_void_p()
    failed = nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), source.encode(), name.encode(), 0, None, None
    )
    assert failed == 0, f"nvrtcCreateProgram: {failed}"
    try:
        words = (ctypes.c_char_p * len(flags))(*[flag.encode() for flag in flags])
        failed = nvrtc.nvrtcCompileProgram(program, len(flags), words)
        log = _text(nvrtc, program, "ProgramLog").decode()
        if failed:
            raise CompileError(log)
        return _text(nvrtc, program, "PTX"), log
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
