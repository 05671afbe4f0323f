"""Weights and conductances of the network's synapses, read and written as a whole.

NEURON keeps a variable of all instances of a mechanism in one column; `heliox.variable` is a view
of it. Which rows are ours is found once for each state of NEURON's memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..session import attach
from .batch.layers import Doubles

_TAG = 2.0**700  # no synapse has such a weight


class SynapseColumns:
    """The synapses in a fixed order. Where HelioX is off they are read one by one."""

    def __init__(self, synapses: list[Any]) -> None:
        self._synapses = synapses
        self._generation = -1
        self._rows: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] | None = None
        self._numbers: dict[str, list[int]] = {}
        for k, synapse in enumerate(synapses):
            name = synapse.hname().partition("[")[0]
            self._numbers.setdefault(name, []).append(k)

    def count(self, mechanism: str) -> int:
        """Synapses of that mechanism."""
        return len(self._numbers.get(mechanism, ()))

    def read(self, name: str) -> Doubles:
        """(n,) of RANGE variable `name`."""
        rows = self._located()
        if rows is None:
            return np.array([getattr(synapse, name) for synapse in self._synapses])
        values = np.empty(len(self._synapses))
        for mechanism, (number, row) in rows.items():
            values[number] = attach().variable(f"{mechanism}.{name}").array[row]
        return values

    def write(self, name: str, values: Doubles) -> None:
        """values: (n,) of RANGE variable `name`."""
        rows = self._located()
        if rows is None:
            for synapse, value in zip(self._synapses, values.tolist(), strict=True):
                setattr(synapse, name, value)
            return
        for mechanism, (number, row) in rows.items():
            attach().variable(f"{mechanism}.{name}").array[row] = values[number]

    def rows(self) -> dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """mechanism -> (number of each synapse here, its row of NEURON's column)."""
        return self._located() or {}

    def _located(
        self,
    ) -> dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] | None:
        core = attach()._core
        core.freeze()
        if core.generation() != self._generation:
            self._generation = core.generation()
            found = {name: self._locate(name) for name in self._numbers}
            known = {name: rows for name, rows in found.items() if rows is not None}
            self._rows = known if len(known) == len(found) else None
        return self._rows

    def _locate(self, mechanism: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
        """Numbers of our synapses and their rows: each is given a value of its own for a moment."""
        try:
            column = attach().variable(f"{mechanism}.w").array
        except LookupError:
            return None
        before = column.copy()
        numbers = self._numbers[mechanism]
        held = [self._synapses[number].w for number in numbers]
        for k, number in enumerate(numbers):
            self._synapses[number].w = _TAG * (k + 1)
        row = np.flatnonzero((column >= _TAG) & (before < _TAG))
        order = (column[row] / _TAG).astype(np.int64) - 1
        if not np.array_equal(np.sort(order), np.arange(len(numbers))):
            for number, w in zip(numbers, held, strict=True):  # they lie elsewhere
                self._synapses[number].w = w
            return None
        column[:] = before
        return np.array(numbers)[order], row
