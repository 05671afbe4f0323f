"""Where on the device a variable lies that NEURON knows by its address."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .model import DeviceModel

_NODE_COLUMNS = ("v", "rhs", "d", "a", "b", "area", "sav_rhs", "sav_d")


@dataclass(frozen=True)
class Place:
    """slot: the node's slot when the variable is its v, else -1. address: on the device, 0 when the
    device does not hold it. block: who looks at it. lean: stored only when somebody looks. point: a
    point process's. time: it is t itself. target: an identity of the instance it belongs to.
    """

    slot: int = -1
    address: int = 0
    block: int = 0
    lean: bool = False
    point: bool = False
    time: bool = False
    known: bool = True
    target: int = 0
    key: tuple[Any, ...] = ()  # the column in DeviceModel.columns

    @property
    def held(self) -> bool:
        """Whether kernels can read and write it."""
        return self.known and (self.slot >= 0 or self.address != 0)


def host_value(address: int) -> float:
    """NEURON's number at this address."""
    return ctypes.c_double.from_address(address).value


def places(core: Any, model: DeviceModel, addresses: npt.NDArray[np.uint64]) -> list[Place]:
    """The place of each address; `known` is False for what is no variable of the model."""
    if len(addresses) == 0:
        return []
    kind, index, field, row, element = core.device_resolve(np.asarray(addresses, np.uint64))
    found = []
    for k in range(len(addresses)):
        if kind[k] == 1:
            found.append(_node_place(model, int(index[k]), int(row[k])))
        elif kind[k] == 2 and not element[k]:
            found.append(_column_place(model, int(index[k]), int(field[k]), int(row[k])))
        elif kind[k] == 4:
            found.append(_number_place(model, int(row[k])))
        else:
            found.append(Place(time=bool(kind[k] == 3), known=bool(kind[k] == 3)))
    return found


def _number_place(model: DeviceModel, row: int) -> Place:
    """An element of a Vector that BEFORE and AFTER blocks see (hooks.py)."""
    return Place(
        address=model.device.address(model.arrays["numbers"]) + 8 * row,
        block=int(model.number_block[row]),
        point=True,
        target=-(2**40) - row,
        key=("number", row),
    )


def _node_place(model: DeviceModel, column: int, row: int) -> Place:
    block = int(model.nodes.block[row])
    name = _NODE_COLUMNS[column]
    if name == "v":
        slot = int(model.nodes.slot[row])
        return Place(slot=slot, block=block, target=-1 - row, key=("node", "v"))
    if ("node", name) in model.columns:
        place = model.place(("node", name), row)
        return Place(address=place, block=block, lean=name in ("sav_rhs",), target=-1 - row)
    return Place(known=name == "area")


def _column_place(model: DeviceModel, index: int, field: int, row: int) -> Place:
    mechanism = model.structure["mechanisms"][index]
    name = mechanism["name"]
    node = int(mechanism["node"][row])
    block = int(model.nodes.block[node])
    target = (index + 1) * 2**32 + row
    if mechanism["kind"] == "capacitance":
        if field == 1:
            base = model.device.address(model.arrays["i_cap"])
            position = int(model.nodes.position[node])
            return Place(address=base + 8 * position, block=block, lean=True, target=target)
        return Place(block=block, target=target)
    if mechanism["kind"] == "ion":
        key: tuple[Any, ...] = ("ion", name, field)
        if key not in model.columns:
            return Place(block=block, target=target)
        lean = field >= 3
    else:
        variable = list(mechanism["columns"])[field]
        key = ("column", name, variable)
        if key not in model.columns:
            return Place(block=block, target=target)
        lean = model.is_lean(name, variable)
    return Place(
        address=model.place(key, row),
        block=block,
        lean=lean,
        point=mechanism["kind"] == "point",
        target=target,
        key=key,
    )
