"""Where kernels run: a CUDA device through CuPy, or the host, where the same text is plain C++.

The host device is slow and needs no GPU. It runs each block as one thread, so that tests of the
whole engine run anywhere.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ...codegen import cache, compile
from ...errors import HelioXError

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Launch:
    """A kernel's start in a graph. stream: those of one stream come one after another. after:
    indices of launches that come before it.
    """

    name: str
    n_block: int
    n_thread: int
    args: tuple[int, ...] = ()
    stream: int = 0
    after: tuple[int, ...] = ()


class Graph(Protocol):
    """Launches that are started as a whole."""

    def run(self) -> None: ...


class Module(Protocol):
    """Compiled kernels and the constant hx_model."""

    def launch(
        self,
        name: str,
        n_block: int,
        n_thread: int,
        shared: int,
        args: tuple[Any, ...],
        together: bool = False,
    ) -> None:
        """Starts a kernel. shared: bytes of dynamic shared memory a block. args: floats, ints and
        addresses (np.uint64). together: the blocks meet, so all must run at the same time.
        """

    def resident(self, name: str, n_thread: int, shared: int) -> int:
        """Blocks of a kernel that a multiprocessor runs at the same time."""

    def set_model(self, words: npt.NDArray[np.uint64]) -> None:
        """Fills hx_model; `words` is pinned and stays as it is until synchronize()."""


class Device(Protocol):
    """Memory and kernels of one device."""

    name: str
    n_multiprocessor: int
    shared_bytes: int  # a block may use

    def array(self, values: Array) -> Any: ...

    def empty(self, n: int, dtype: npt.DTypeLike) -> Any: ...

    def address(self, array: Any) -> int: ...

    def upload(self, array: Any, values: Array) -> None: ...

    def download(self, array: Any) -> Array: ...

    def pinned(self, n: int, dtype: npt.DTypeLike = np.float64) -> Array:
        """Host memory that copies to and from the device fast."""

    def mapped(self, pinned: Array) -> Any:
        """Pinned memory as kernels see it."""

    def copy(self, array: Any, source: Any) -> None:
        """array = source, begun; both on the device, of one size and type."""

    def begin_upload(self, array: Any, pinned: Array) -> None:
        """array = pinned, begun; `pinned` stays as it is until synchronize()."""

    def begin_download(self, pinned: Array, array: Any) -> None:
        """pinned = array, begun; ready after synchronize()."""

    def scatter(self, array: Any, place: Any, values: Array) -> None:
        """array[place] = values."""

    def module(self, source: str, macros: tuple[str, ...]) -> Module: ...

    def graph(self, module: Any, launches: list[Launch]) -> Graph:
        """launches: in an order that keeps `after`; the last one comes after all others."""

    def synchronize(self) -> None: ...

    def free_bytes(self) -> int: ...

    def release(self) -> None:
        """Gives memory back that nothing uses any more."""


def _argument(value: Any, real: Any, number: Any, address: Any) -> Any:
    """A kernel's argument: a float is a double, a np.uint64 an address, all else a 32-bit int."""
    if isinstance(value, np.uint64):
        return address(int(value))
    return real(value) if isinstance(value, float) else number(int(value))


def whole_source(source: str) -> str:
    """The source with every header of ours in its place: NVRTC then needs no files."""
    seen: set[Path] = set()

    def expand(text: str, folder: Path) -> str:
        def replace(match: re.Match[str]) -> str:
            for place in (folder, compile.device_include_dir(), compile.include_dir()):
                path = (place / match[1]).resolve()
                if path.exists():
                    if path in seen:
                        return ""
                    seen.add(path)
                    return expand(path.read_text(), path.parent)
            return match[0]

        return re.sub(r'^\s*#include "([^"]+)"[^\n]*$', replace, text, flags=re.MULTILINE)

    return expand(source, compile.device_include_dir()).replace("#pragma once", "")


# ---- the host ----------------------------------------------------------------------------------


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
        converted = [_argument(a, ctypes.c_double, ctypes.c_int, ctypes.c_uint64) for a in args]
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
        text = whole_source(source)
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


# ---- CUDA --------------------------------------------------------------------------------------

_TO_DEVICE, _TO_HOST, _ON_DEVICE = 1, 2, 3  # cudaMemcpyKind


class CudaModule:
    def __init__(self, module: Any, cupy: Any) -> None:
        self._module = module
        self._cupy = cupy
        self._functions: dict[str, Any] = {}
        self._model = 0  # address of hx_model

    def _function(self, name: str, shared: int) -> Any:
        function = self._functions.get(name)
        if function is None:
            function = self._functions[name] = self._module.get_function(name)
        if shared > function.max_dynamic_shared_size_bytes:
            function.max_dynamic_shared_size_bytes = shared
        return function

    def load(self, name: str) -> None:
        """Finds a kernel."""
        self._function(name, 0)

    def launch(
        self,
        name: str,
        n_block: int,
        n_thread: int,
        shared: int,
        args: tuple[Any, ...],
        together: bool = False,
    ) -> None:
        converted = tuple(_argument(a, np.float64, np.int32, np.uint64) for a in args)
        self._function(name, shared).kernel(
            (n_block,), (n_thread,), converted, shared_mem=shared,
            enable_cooperative_groups=together,
        )  # fmt: skip

    def resident(self, name: str, n_thread: int, shared: int) -> int:
        pointer = self._function(name, shared).kernel.ptr
        driver = self._cupy.cuda.driver
        return int(driver.occupancyMaxActiveBlocksPerMultiprocessor(pointer, n_thread, shared))

    def set_model(self, words: npt.NDArray[np.uint64]) -> None:
        if not self._model:
            self._model = self._module.get_global("hx_model").ptr
        stream = self._cupy.cuda.get_current_stream().ptr
        self._cupy.cuda.runtime.memcpyAsync(
            self._model, words.ctypes.data, words.nbytes, _TO_DEVICE, stream
        )


class CudaGraph:
    """A CUDA graph, captured from launches on streams that wait for each other's events."""

    def __init__(self, module: CudaModule, launches: list[Launch], cupy: Any) -> None:
        self._cupy = cupy
        for launch in launches:  # nothing is loaded during the capture
            module.load(launch.name)
        self._streams = [cupy.cuda.Stream() for _ in range(1 + max(k.stream for k in launches))]
        awaited = {k for launch in launches for k in launch.after} | {len(launches) - 1}
        events: dict[int, Any] = {}
        main = self._streams[0]
        main.begin_capture()
        for k, launch in enumerate(launches):
            stream = self._streams[launch.stream]
            for before in launch.after:
                if launches[before].stream != launch.stream:
                    stream.wait_event(events[before])
            with stream:
                module.launch(launch.name, launch.n_block, launch.n_thread, 0, launch.args)
                if k in awaited:
                    events[k] = cupy.cuda.Event(disable_timing=True)
                    events[k].record(stream)
        if launches[-1].stream:
            main.wait_event(events[len(launches) - 1])
        self._graph = main.end_capture()

    def run(self) -> None:
        # on the stream that copies use: they wait for it, and synchronize() does
        self._graph.launch(self._cupy.cuda.get_current_stream())


class CudaDevice:
    """One NVIDIA GPU. Raises HelioXError HX031 when there is none that can be used."""

    def __init__(self) -> None:
        try:
            import cupy
        except ImportError as error:
            raise HelioXError(
                "HX031",
                'no CuPy: install heliox-neuron with the extra "cuda12" or "cuda13".',
            ) from error
        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError as error:
            raise HelioXError("HX031", f"no NVIDIA GPU can be used: {error}.") from error
        if count == 0:
            raise HelioXError("HX031", "no NVIDIA GPU was found.")
        self._cupy = cupy
        properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
        self.name = properties["name"].decode()
        self.n_multiprocessor = int(properties["multiProcessorCount"])
        self.shared_bytes = int(properties["sharedMemPerBlockOptin"])

    def array(self, values: Array) -> Any:
        return self._cupy.asarray(np.ascontiguousarray(values))

    def empty(self, n: int, dtype: npt.DTypeLike) -> Any:
        return self._cupy.zeros(n, dtype)

    def address(self, array: Any) -> int:
        return int(array.data.ptr)

    def upload(self, array: Any, values: Array) -> None:
        array.set(np.ascontiguousarray(values))

    def download(self, array: Any) -> Array:
        result: Array = array.get()
        return result

    def pinned(self, n: int, dtype: npt.DTypeLike = np.float64) -> Array:
        memory = self._cupy.cuda.alloc_pinned_memory(max(8, np.dtype(dtype).itemsize * n))
        return np.frombuffer(memory, dtype, n)

    def mapped(self, pinned: Array) -> Any:
        # one address space: pinned memory has the same address on both sides
        cuda = self._cupy.cuda
        owner = cuda.UnownedMemory(
            pinned.ctypes.data, pinned.nbytes, pinned, cuda.runtime.getDevice()
        )
        return self._cupy.ndarray(pinned.shape, pinned.dtype, memptr=cuda.MemoryPointer(owner, 0))

    def _copy(self, to: int, source: int, n: int, kind: int) -> None:
        if to != source:
            stream = self._cupy.cuda.get_current_stream().ptr
            self._cupy.cuda.runtime.memcpyAsync(to, source, n, kind, stream)

    def copy(self, array: Any, source: Any) -> None:
        self._copy(array.data.ptr, source.data.ptr, source.nbytes, _ON_DEVICE)

    def begin_upload(self, array: Any, pinned: Array) -> None:
        self._copy(array.data.ptr, pinned.ctypes.data, pinned.nbytes, _TO_DEVICE)

    def begin_download(self, pinned: Array, array: Any) -> None:
        self._copy(pinned.ctypes.data, array.data.ptr, pinned.nbytes, _TO_HOST)

    def scatter(self, array: Any, place: Any, values: Array) -> None:
        moved = self._cupy.empty(len(values))
        moved.set(values)
        array[place] = moved

    def graph(self, module: CudaModule, launches: list[Launch]) -> CudaGraph:
        return CudaGraph(module, launches, self._cupy)

    def synchronize(self) -> None:
        self._cupy.cuda.get_current_stream().synchronize()

    def free_bytes(self) -> int:
        free: int = self._cupy.cuda.runtime.memGetInfo()[0]
        return free + int(self._cupy.get_default_memory_pool().free_bytes())

    def release(self) -> None:
        self._cupy.get_default_memory_pool().free_all_blocks()
        self._cupy.get_default_pinned_memory_pool().free_all_blocks()

    def module(self, source: str, macros: tuple[str, ...]) -> CudaModule:
        fmad = "true" if "HX_FAST" in macros else "false"
        options = ("--std=c++17", f"--fmad={fmad}", "-w")
        # CuPy compiles an empty file for each set of options, cached or not
        defined = "".join(f"#define {macro.replace('=', ' ', 1)}\n" for macro in macros)
        module = self._cupy.RawModule(code=defined + whole_source(source), options=options)
        module.compile()
        return CudaModule(module, self._cupy)


@functools.lru_cache(maxsize=2)
def open_device(name: str = "") -> Device:
    """The device kernels run on. name: "cuda" (default), or "host" (HELIOX_GPU_DEVICE).

    Raises HelioXError HX031.
    """
    wanted = name or os.environ.get("HELIOX_GPU_DEVICE", "cuda")
    return HostDevice() if wanted == "host" else CudaDevice()
