"""Vectors that APCount.record() fills: from what the instances' n was after each step."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...nmodl.apcount import NAME
from .device import Array
from .model import DeviceModel


class Counted:
    """The APCounts of a model that have a Vector."""

    def __init__(self, core: Any, model: DeviceModel) -> None:
        self._core = core
        found = model.mechanisms.get(NAME) if NAME in model.numbers else None
        columns = {"n": np.zeros(0), "space": np.zeros(0)} if found is None else found["columns"]
        self._n: Array = columns["n"]
        self._space: Array = columns["space"]  # bits of a pointer, as in the MOD file

    def look(self) -> bytes:
        """Before a batch. Returns which Vectors there are."""
        vectors = self._space.view(np.uint64)
        self._with = np.flatnonzero(vectors)
        self._vectors: npt.NDArray[np.uint64] = vectors[self._with]
        self._before = self._n[self._with]
        return vectors.tobytes()

    def addresses(self) -> npt.NDArray[np.uint64]:
        """Of the instances' n in NEURON's memory."""
        return self._n.ctypes.data + 8 * self._with.astype(np.uint64)

    def append(self, n: Array, t: Array) -> None:
        """n: [steps, instances], after each step; t: the steps' ends, ms."""
        counts = np.vstack([self._before, n])
        self._before = counts[-1]
        for step, k in np.argwhere(counts[1:] != counts[:-1]):
            self._core.device_counted(
                int(self._vectors[k]), int(counts[step + 1, k]), float(t[step])
            )
