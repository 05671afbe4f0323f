"""Fixtures for all tests.

Tests that need a NEURON of their own run a script in a fresh process (`fresh_python`): hoc's state
is global, and what one test leaves there is in the way of the next.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


class FakeCore:
    """The functions of `_core` without NEURON (heliox_neuron/core.py)."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {
            "enable": False,
            "threads": 0,
            "strict": False,
            "fidelity": "exact",
            "device": "auto",
            "solver": "auto",
            "plan": "auto",
            "progress": True,
        }
        self.reason = ""
        self.frozen: dict[str, Any] | None = None
        self.done: list[dict[str, Any]] = []
        self.memory: dict[str, dict[str, Any]] = {}
        self.moved = 0
        self.looked_up = 0
        self.resolver: Any = None
        self.warner: Any = None
        self.progress: Any = None

    def gate(self) -> str:
        return self.reason

    def isa(self) -> str:
        return ""

    def set(self, name: str, value: Any) -> None:
        assert name in self.values
        self.values[name] = value

    def get(self, name: str) -> Any:
        return self.values[name]

    def set_resolver(self, resolver: Any) -> None:
        self.resolver = resolver

    def set_warner(self, warner: Any) -> None:
        self.warner = warner

    def set_progress(self, progress: Any) -> None:
        self.progress = progress

    def freeze(self) -> dict[str, Any] | None:
        return self.frozen

    def model(self) -> dict[str, Any] | None:
        return self.frozen

    def runs(self) -> list[dict[str, Any]]:
        return self.done

    def clear_runs(self) -> None:
        self.done.clear()

    def column(self, name: str) -> dict[str, Any]:
        self.looked_up += 1
        return self.memory[name]

    def columns(self) -> list[str]:
        return list(self.memory)

    def generation(self) -> int:
        return self.moved

    def add_kernel_library(self, path: str) -> None:
        pass


@pytest.fixture
def core() -> FakeCore:
    return FakeCore()


@pytest.fixture
def host_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The GPU engine's kernels run on the host."""
    from heliox_neuron.engines.gpu.open import open_device

    monkeypatch.setenv("HELIOX_GPU_DEVICE", "host")
    open_device.cache_clear()
    yield
    open_device.cache_clear()


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without CuPy."""
    from heliox_neuron.engines.gpu.open import open_device

    monkeypatch.delenv("HELIOX_GPU_DEVICE", raising=False)
    monkeypatch.setitem(sys.modules, "cupy", None)
    open_device.cache_clear()
    yield
    open_device.cache_clear()


@pytest.fixture
def fresh_python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """run(code, *args, **variables): the code in a fresh process, in an empty folder.

    args go to python before the script's name; HELIOX_ variables of this process are not passed on.
    """

    def run(
        code: str, *args: str, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "script.py"
        script.write_text(code)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HELIOX_")}
        if "HELIOX_CACHE_DIR" in os.environ:
            environment["HELIOX_CACHE_DIR"] = os.environ["HELIOX_CACHE_DIR"]
        environment |= {"NEURON_MODULE_OPTIONS": "-nogui", **variables}
        done = subprocess.run(
            [sys.executable, *args, str(script)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    return run


@pytest.fixture
def has_core() -> None:
    """Skips where the compiled core is not there (a checkout that was not installed)."""
    from heliox_neuron.core import installed

    if installed("libheliox.so") is None:
        pytest.skip("the package is not installed: pip install .")
