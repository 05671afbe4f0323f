"""Which device kernels run on."""

from __future__ import annotations

import functools
import os

from .cuda import CudaDevice
from .device import Device
from .host import HostDevice


@functools.lru_cache(maxsize=2)
def open_device(name: str = "") -> Device:
    """The device kernels run on. name: "cuda" (default), or "host" (HELIOX_GPU_DEVICE).

    Raises HelioXError HX031.
    """
    wanted = name or os.environ.get("HELIOX_GPU_DEVICE", "cuda")
    return HostDevice() if wanted == "host" else CudaDevice()
