"""Kernels on an NVIDIA GPU, through CuPy and NVRTC."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...codegen import compile
from ...errors import HelioXError
from .device import Array, Launch, kernel_argument

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
        converted = tuple(kernel_argument(a, np.float64, np.int32, np.uint64) for a in args)
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
        module = self._cupy.RawModule(code=defined + compile.whole_source(source), options=options)
        module.compile()
        return CudaModule(module, self._cupy)
