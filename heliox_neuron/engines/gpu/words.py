"""hx_model: the constant structure of 8-byte words through which kernels reach a model."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .columns import Column
from .device import Array, Device, Module

Key = tuple[Any, ...]
_VOLATILE = ("global", "each")  # numbers of hx_model that change without an address


class Arrays(dict[str, Any]):
    """Arrays on the device by their name in hx_model. moved: an address changed."""

    moved = True

    def __setitem__(self, name: str, array: Any) -> None:
        self.moved = True
        super().__setitem__(name, array)


class Words:
    """What hx_model is to be, and what it is.

    members: its members in their order, each with its kind in C++ and its key. arrays, columns,
    values: what their words come from. global_value: NEURON's number by its name in hoc.
    """

    def __init__(
        self,
        device: Device,
        members: Mapping[str, tuple[str, Key]],
        arrays: Arrays,
        columns: Mapping[Key, Column],
        values: Mapping[str, int | float],
        global_value: Callable[[str], Array],
    ) -> None:
        self._device = device
        self._members = members
        self._arrays = arrays
        self._columns = columns
        self._values = values
        self._global_value = global_value
        self._sent = np.zeros(0, np.uint64)  # as the device has it
        self._on_way = [np.zeros(0, np.uint64), np.zeros(0, np.uint64)]
        self._volatile: list[tuple[int, str, str, Key]] = []

    def send(self, module: Module) -> bool:
        """Begins the upload if anything changed: at most twice before synchronize()."""
        members, arrays = self._members, self._arrays
        words = self._sent.copy()
        if arrays.moved or not len(words):
            words = np.array([self._word(n, *member) for n, member in members.items()], np.uint64)
            self._volatile = [
                (k, n, *member)
                for k, (n, member) in enumerate(members.items())
                if n not in arrays and (n in self._values or member[1][0] in _VOLATILE)
            ]
            arrays.moved = False
        else:
            for k, name, kind, key in self._volatile:
                words[k] = self._word(name, kind, key)
        if np.array_equal(words, self._sent):
            return False
        self._sent = words
        self._on_way.reverse()  # the copy before may not have ended
        if len(self._on_way[0]) != len(words):
            self._on_way[0] = self._device.pinned(len(words), np.uint64)
        self._on_way[0][:] = words
        module.set_model(self._on_way[0])
        return True

    def _word(self, name: str, kind: str, key: Key) -> int:
        if name in self._arrays:
            return self._device.address(self._arrays[name])
        if key[0] == "global":
            return _bits(float(self._global_value(key[1])[0]))
        if key[0] == "each":
            column = self._columns[key[1:]]
            return 0 if column.uniform and not column.written else 2**32 - 1
        if key[0] == "written":
            return self._device.address(self._columns["global", key[1]].device)
        if key in self._columns:
            return self._device.address(self._columns[key].device)
        if len(key) == 1 and ("node", key[0]) in self._columns:
            return self._device.address(self._columns["node", key[0]].device)
        value = self._values.get(name, 0)
        return _bits(value) if kind == "double" else int(value) & (2**64 - 1)


def _bits(value: float | int) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", float(value)))[0])
