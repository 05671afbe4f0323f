"""Where the tests of the whole engine run: on a GPU, or with HELIOX_GPU_DEVICE=host on the host."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def missing() -> str:
    """Why the device cannot be used here, or ''."""
    if os.environ.get("HELIOX_GPU_DEVICE") == "host":
        return ""
    try:
        import cupy
    except ImportError as error:
        return f"no CuPy ({error}); HELIOX_GPU_DEVICE=host runs the kernels on the host"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"no GPU: {error}"
    return "" if count else "no GPU"


@pytest.fixture(scope="session")
def gpu_device() -> str:
    """ "cuda" or "host", for HELIOX_GPU_DEVICE of the process under test."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    return os.environ.get("HELIOX_GPU_DEVICE", "cuda")


@pytest.fixture(scope="session")
def mechanisms() -> str:
    """HELIOX_MECHANISMS: a folder of mechanisms that nrnivmodl made before, or ''."""
    folder = os.environ.get("HELIOX_MECHANISMS", "")
    return str(Path(folder).resolve()) if folder else ""
