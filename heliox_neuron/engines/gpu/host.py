"""Kernels on the host, where the same text is plain C++.

Slow, and needs no GPU: each block is one thread, so that tests of the whole engine run anywhere.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...codegen import cache, compile
from ...errors import HelioXError
from .device import Array, Launch, kernel_argument


class HostModule:
    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))

    def launch(
        self,
        name: str,
        n_block: int,
        n_thread: int,
        shared: int,
        args: tuple[Any, ...],
        together: bool = False,
    ) -> None:
        assert n_block == 1 or not together
        function = getattr(self._library, name)
        converted = [
            kernel_argument(a, ctypes.c_double, ctypes.c_int, ctypes.c_uint64) for a in args
        ]
        for block in range(n_block):
            self._library.hx_host_block(block, n_block)
            function(*converted)

    def resident(self, name: str, n_thread: int, shared: int) -> int:
        return 1

    def set_model(self, words: npt.NDArray[np.uint64]) -> None:
        place = ctypes.addressof(ctypes.c_char.in_dll(self._library, "hx_model"))
        ctypes.memmove(place, words.ctypes.data, words.nbytes)


class HostGraph:
    """Launches one after another."""

    def __init__(self, module: HostModule, launches: list[Launch]) -> None:
        self._module = module
        self._launches = launches

    def run(self) -> None:
        for launch in self._launches:
            self._module.launch(launch.name, launch.n_block, launch.n_thread, 0, launch.args)


class HostDevice:
    """NumPy arrays, and kernels compiled with the host's C++ compiler."""

    name = "host"
    n_multiprocessor = 2
    shared_bytes = 0

    def array(self, values: Array) -> Any:
        return np.ascontiguousarray(values).copy()

    def empty(self, n: int, dtype: npt.DTypeLike) -> Any:
        return np.zeros(n, dtype)

    def address(self, array: Any) -> int:
        return int(array.ctypes.data)

    def upload(self, array: Any, values: Array) -> None:
        array[...] = values

    def download(self, array: Any) -> Array:
        return np.array(array)

    def pinned(self, n: int, dtype: npt.DTypeLike = np.float64) -> Array:
        return np.empty(n, dtype)

    def mapped(self, pinned: Array) -> Any:
        return pinned

    def copy(self, array: Any, source: Any) -> None:
        array[...] = source

    def begin_upload(self, array: Any, pinned: Array) -> None:
        array[...] = pinned

    def begin_download(self, pinned: Array, array: Any) -> None:
        pinned[...] = array

    def scatter(self, array: Any, place: Any, values: Array) -> None:
        array[place] = values

    def graph(self, module: HostModule, launches: list[Launch]) -> HostGraph:
        return HostGraph(module, launches)

    def synchronize(self) -> None:
        pass

    def free_bytes(self) -> int:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

    def release(self) -> None:
        pass

    def module(self, source: str, macros: tuple[str, ...]) -> HostModule:
        text = compile.whole_source(source)
        isa = compile.isa()
        march = "x86-64-v3" if isa != "x86-64-v2" else isa
        flags = [
            "-O2", "-std=c++17", "-fPIC", "-shared", "-w", "-x", "c++",
            f"-march={march}", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
            *(f"-D{macro}" for macro in macros),
        ]  # fmt: skip
        compiler = compile.compiler()
        key = hashlib.sha256("\0".join([text, *flags, compiler.identity]).encode()).hexdigest()
        library = cache.folder() / f"device-{key[:40]}.so"
        if not library.exists():
            temporary = library.with_name(f"{library.stem}.{os.getpid()}.so")
            source_file = library.with_name(f"{library.stem}.{os.getpid()}.cu")
            source_file.write_text(text)
            command = [*compiler.command, *flags, str(source_file), "-o", str(temporary)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise HelioXError("HX032", f"{compiler.command[0]}: {done.stderr[:4000]}")
            temporary.replace(library)
            source_file.unlink()
        return HostModule(library)
