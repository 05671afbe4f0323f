"""Whether a model fits into a device's memory."""

from __future__ import annotations

from typing import Any

from .device import Device
from .translate import Refusal

_NODE_DOUBLES = 12  # of a node: v, rhs, d, a, b, area, cm, i_cap, kin, places


def least_bytes(structure: dict[str, Any]) -> int:
    """What a model needs at least: its nodes, and columns of the mechanisms that do something in a
    step. structure: _core.device_model().
    """
    doubles = _NODE_DOUBLES * structure["n_node"]
    for mechanism in structure["mechanisms"]:
        if mechanism["has_current"] or mechanism["has_state"] or mechanism["kind"] == "ion":
            doubles += sum(column.size for column in mechanism["columns"].values())
    return int(8 * doubles)


def check_memory(device: Device, structure: dict[str, Any]) -> None:
    """Raises Refusal HX035 where a model is larger than what is free."""
    needed, free = least_bytes(structure), device.free_bytes()
    if needed > free:
        raise out_of_memory(device, f"the model needs {_mib(needed)} or more")


def out_of_memory(device: Device, what: str) -> Refusal:
    """what: was wanted."""
    return Refusal("HX035", f"{what}, {_mib(device.free_bytes())} are free on {device.name}")


def _mib(n: int) -> str:
    return f"{n / 2**20:.0f} MiB"
