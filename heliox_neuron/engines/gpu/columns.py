"""NEURON's columns and their copies on a device, taken over before steps and given back after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .device import Array, Device

_PARTS = 64  # blocks that collect one column, at most


@dataclass
class Column:
    """A column of NEURON's and its copy. place: where each of NEURON's elements lies on the device.

    written: kernels or Vectors store into it. snapshot: NEURON's values when both were last the
    same; in pinned memory where kernels write. at: `place` on the device. uniform: all elements are
    the same number. filled: places that no element of NEURON's has take that number too. exposed:
    programs may write into the copy (device_variable.py): its elements may differ at any time.
    """

    host: Array
    place: npt.NDArray[np.int64]
    device: Any
    written: bool
    snapshot: Array
    at: Any
    uniform: bool = False
    filled: bool = True
    exposed: bool = False

    def expose(self) -> None:
        self.exposed, self.uniform = True, False

    def upload(self, device: Device) -> None:
        """Takes the snapshot over."""
        first = self.snapshot[0] if len(self.snapshot) else 0.0
        alike = bool((self.snapshot == first).all())
        self.uniform = alike and not self.exposed
        if alike and self.filled and len(self.device) > len(self.snapshot):
            self.device[...] = first
        device.scatter(self.device, self.at, self.snapshot)


class Copies:
    """All columns of a model. core: the compiled core; model: a DeviceModel."""

    def __init__(self, core: Any, model: Any) -> None:
        self._core = core
        self._model = model
        self._known = (-1, -1)

    def _look(self) -> None:
        """What is written, and what there is, may grow from batch to batch."""
        columns = list(self._model.columns.values())
        written = [column for column in columns if column.written]
        if self._known == (len(columns), len(written)):
            return
        self._known = (len(columns), len(written))
        self._columns, self._written = columns, written
        self._pin()
        pairs = [(column.host, column.snapshot) for column in columns]
        self._all = self._core.DeviceColumns(pairs)
        self._back = self._core.DeviceColumns([(c.host, c.snapshot) for c in written])

    def _pin(self) -> None:
        """What kernels write comes back in one copy: their snapshots lie one behind the other."""
        model, device = self._model, self._model.device
        starts = np.concatenate([[0], np.cumsum([len(c.host) for c in self._written])])
        pinned = device.pinned(int(starts[-1]))
        for column, start in zip(self._written, starts[:-1].tolist(), strict=True):
            part = pinned[start : start + len(column.host)]
            part[...] = column.snapshot
            column.snapshot = part
        self._pinned = pinned
        addresses = [(device.address(c.device), device.address(c.at)) for c in self._written]
        table = np.array(addresses, np.uint64).reshape(-1, 2)
        model.put("collect_column", np.ascontiguousarray(table[:, 0]))
        model.put("collect_place", np.ascontiguousarray(table[:, 1]))
        model.put("collect_first", starts.astype(np.int64))
        model.need("collected", max(1, len(pinned)), np.float64)
        model.values["n_collect"] = len(self._written)
        longest = max((len(c.host) for c in self._written), default=0)
        self._parts = max(1, min(_PARTS, longest // 1024)) if device.name != "host" else 1

    def take_over(self) -> int:
        """Uploads what the script changed. Returns the number of columns."""
        self._look()
        changed: list[int] = self._all.take_over()
        for k in changed:
            self._columns[k].upload(self._model.device)
        return len(changed)

    def give_back(self) -> None:
        """Writes what kernels stored into NEURON's columns."""
        model = self._model
        if not len(self._pinned):
            return
        n_block = len(self._written) * self._parts
        model.module.launch("hx_collect", n_block, 256, 0, ())
        model.device.begin_download(self._pinned, model.arrays["collected"][: len(self._pinned)])
        model.device.synchronize()
        self._back.give_back()
