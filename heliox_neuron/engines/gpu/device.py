"""What kernels need of the place where they run: cuda.py and host.py are two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

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


def kernel_argument(value: Any, real: Any, number: Any, address: Any) -> Any:
    """A kernel's argument: a float is a double, a np.uint64 an address, all else a 32-bit int."""
    if isinstance(value, np.uint64):
        return address(int(value))
    return real(value) if isinstance(value, float) else number(int(value))
