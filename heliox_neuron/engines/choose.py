"""Whether the next steps run on the GPU: what the core asks before it uses the CPU engine."""

from __future__ import annotations

import functools
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .gpu.engine import GpuEngine
    from .gpu.model import DeviceModel

# Below this many nodes the CPU engine is faster than a launch of our kernels (benchmarks/gpu.py).
_FEW_NODES = 10_000  # exact: 37.6 us a step to 43.9 on 16 cores at 12,600 (benchmarks/README.md)
_FEW_STEPS = 20


@functools.lru_cache(maxsize=1)
def may_have_gpu() -> bool:
    """Whether it is worth importing CuPy. Cheap: looks at files only."""
    if os.environ.get("HELIOX_GPU_DEVICE") == "host":
        return True
    if importlib.util.find_spec("cupy") is None:
        return False
    return any(Path(p).exists() for p in ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg"))


class DeviceEngine:
    """What `_core.set_device_engine` holds. The GPU engine is imported when it is first used."""

    def __init__(self, core: Any) -> None:
        self.core = core
        self.gpu: GpuEngine | None = None

    def steps(self, kind: str, n: int, t_stop: float) -> int | tuple[str, str]:
        """See _core.set_device_engine: steps done, or (code, reason) for the CPU engine."""
        if self.core.get("device") == "auto" and (reason := self._against(kind, n)):
            return "", reason
        if self.gpu is None:
            from .gpu.engine import GpuEngine

            self.gpu = GpuEngine(self.core)
        return self.gpu.steps(kind, n, t_stop)

    @property
    def model(self) -> DeviceModel | None:
        """The model on the device, if there is one."""
        return None if self.gpu is None else self.gpu.model

    @property
    def plan(self) -> str:
        """How the last steps ran: "fused", "coupled" or "streams"."""
        return "" if self.gpu is None else self.gpu.plan_name

    @property
    def done(self) -> int:
        """Steps of the last batch; an error may have ended it after them."""
        return 0 if self.gpu is None else self.gpu.done

    def describe(self) -> dict[str, Any] | None:
        """The model on the device: where it is and how it runs, bytes, seconds of its preparation,
        mechanisms. None when there is none.
        """
        if self.gpu is None or self.gpu.model is None:
            return None
        model = self.gpu.model
        counts = {m["name"]: m["n"] for m in model.structure["mechanisms"]}
        return {
            "device": model.device.name,
            "plan": self.gpu.plan_name,
            "solver": model.method,
            "nodes": model.structure["n_node"],
            "cells": model.structure["n_cell"],
            "blocks": model.nodes.n_block,
            "threads": model.n_thread,
            "inexact": model.inexact,
            "bytes": self.gpu.figures.get("device_bytes"),
            "freeze_seconds": self.gpu.figures.get("freeze_seconds"),
            "mechanisms": [{"name": e.name, "count": counts.get(e.name)} for e in model.entries],
        }

    def _against(self, kind: str, n: int) -> str:
        """Why "auto" chooses the CPU engine, or an empty string."""
        if not may_have_gpu():
            return "no GPU"
        if kind == "fadvance":
            return "a loop of fadvance() looks at the model after every step"
        if n < _FEW_STEPS:
            return f"a run of {n} steps"
        nodes = self.core.device_size()
        if nodes < _FEW_NODES:
            return f"a model of {nodes} nodes is small"
        return ""
