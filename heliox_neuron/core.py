"""The compiled core (`_core`, src/bindings) as the rest of the package sees it.

`load()` returns it, or `OffCore` when it cannot be used: the same functions, nothing hooked.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, cast

from .settings import SETTINGS


class Core(Protocol):
    """Functions of `_core`. Tests use a fake with the same ones."""

    def gate(self) -> str: ...
    def isa(self) -> str: ...
    def set(self, name: str, value: Any, /) -> None: ...
    def get(self, name: str, /) -> Any: ...
    def set_resolver(self, resolver: Callable[..., Any], /) -> None: ...
    def set_warner(self, warner: Callable[[str, str], None], /) -> None: ...
    def set_progress(self, progress: Callable[..., None], /) -> None: ...
    def freeze(self) -> dict[str, Any] | None: ...
    def model(self) -> dict[str, Any] | None: ...
    def runs(self) -> list[dict[str, Any]]: ...
    def clear_runs(self) -> None: ...
    def column(self, name: str, /) -> dict[str, Any]: ...
    def columns(self) -> list[str]: ...
    def generation(self) -> int: ...
    def add_kernel_library(self, path: str, /) -> None: ...
    def set_device_engine(self, engine: Any, /) -> None: ...
    def average_column(self, name: str, begin: float, end: float, relu: bool, /) -> int: ...
    def average_pointers(
        self, index: int, n: int, begin: float, end: float, relu: bool, /
    ) -> int: ...
    def average_drop(self, number: int, /) -> None: ...
    def average_reset(self, number: int, /) -> None: ...
    def average_state(self, number: int, /) -> dict[str, Any]: ...


class OffCore:
    """Stands in for a core that cannot be used; `reason` is its HX060 or HX061 message."""

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._values = {setting.name: setting.default for setting in SETTINGS.values()}

    def gate(self) -> str:
        return self._reason

    def isa(self) -> str:
        return ""

    def set(self, name: str, value: Any) -> None:
        self._values[name] = value

    def get(self, name: str) -> Any:
        return self._values[name]

    def set_resolver(self, resolver: Callable[..., Any]) -> None:
        pass

    def set_warner(self, warner: Callable[[str, str], None]) -> None:
        pass

    def set_progress(self, progress: Callable[..., None]) -> None:
        pass

    def freeze(self) -> dict[str, Any] | None:
        return None

    def model(self) -> dict[str, Any] | None:
        return None

    def runs(self) -> list[dict[str, Any]]:
        return []

    def clear_runs(self) -> None:
        pass

    def column(self, name: str) -> dict[str, Any]:
        raise KeyError(name)

    def columns(self) -> list[str]:
        return []

    def generation(self) -> int:
        return 0

    def add_kernel_library(self, path: str) -> None:
        pass

    def set_device_engine(self, engine: Any) -> None:
        pass

    def average_column(self, name: str, begin: float, end: float, relu: bool) -> int:
        raise KeyError(name)

    def average_pointers(self, index: int, n: int, begin: float, end: float, relu: bool) -> int:
        raise ValueError(self._reason)

    def average_drop(self, number: int) -> None:
        pass

    def average_reset(self, number: int) -> None:
        pass

    def average_state(self, number: int) -> dict[str, Any]:
        raise KeyError(number)


def load() -> Core:
    """The compiled core, or an OffCore that says why not. NEURON must be imported already."""
    try:
        core = cast(Core, importlib.import_module("heliox_neuron._core"))
    except ImportError as error:
        return OffCore(f"HX061 the compiled core does not load: {error}. Plain NEURON runs.")
    reason = core.gate()
    return OffCore(reason) if reason else core


def installed(name: str) -> Path | None:
    """A file or folder of the installed package ("libheliox.so", "include"), or None.

    An editable install has two folders, the source and the one with the build's products.
    """
    import heliox_neuron

    for folder in heliox_neuron.__path__:
        path = Path(folder) / name
        if path.exists():
            return path
    return None


def kernel_library(isa: str) -> Path | None:
    """Kernels of NEURON's own mechanisms for "x86-64-v4", "-v3" or "-v2"; None elsewhere."""
    return installed(f"libheliox_kernels_{isa.rpartition('-')[2]}.so") if isa else None
