"""VarStruct (architecture D5): one stable name and one handle for each quantity of the model.

    v = heliox.variable("hh.m")     # resolved once
    v.array[:] = 0.05               # NEURON's own memory, no copy

A handle stays valid over changes of the model: each access compares one counter and, when NEURON's
memory has moved, looks the column up again. A NumPy array taken from it does not follow: take
`.array` again after the model changed (adding a section, a mechanism, a synapse), never keep it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .average import Average, add_column, between
from .errors import HelioXError

if TYPE_CHECKING:
    from .core import Core
    from .device_variable import DeviceVariable
    from .engines.gpu.engine import GpuEngine


class VariableGone(HelioXError, LookupError):
    """HX051: the column existed when the handle was made, and does not any more."""


class UnknownVariable(HelioXError, KeyError):
    """HX052: the model has no such column."""

    def __str__(self) -> str:  # KeyError would quote the message
        return str(self.args[0])


class Variable:
    """A column of the running model.

    name: NEURON's ("v", "hh.m", "na_ion.ena"). shape: (instances,) or (instances, k) for an
    array variable; dtype float64; stride in bytes between instances; unit as NEURON spells it;
    owner: "node" or the mechanism. Speaks __array_interface__, so numpy.asarray(variable) shares
    NEURON's memory. O(1) an access after the first. Raises HX051 when the variable is gone.
    """

    __slots__ = ("_column", "_core", "_generation", "_gpu", "name")

    dtype = np.dtype(np.float64)

    def __init__(
        self, core: Core, name: str, gpu: Callable[[], GpuEngine | None] = lambda: None
    ) -> None:
        """gpu: gives the GPU engine, if there is one."""
        self._core = core
        self._gpu = gpu
        self.name = name
        try:
            self._column = core.column(name)
        except KeyError:
            raise UnknownVariable("HX052", _unknown(name, core.columns())) from None
        self._generation = core.generation()

    def _current(self) -> dict[str, Any]:
        if self._core.generation() != self._generation:
            try:
                self._column = self._core.column(self.name)
            except KeyError:
                raise VariableGone(
                    "HX051",
                    f"{self.name}: the model has no such column any more. "
                    "Its sections, mechanism or objects were deleted.",
                ) from None
            self._generation = self._core.generation()
        return self._column

    @property
    def pointer(self) -> int:
        """Address of the first value; good until the model changes."""
        return int(self._current()["pointer"])

    @property
    def shape(self) -> tuple[int, ...]:
        column = self._current()
        dim = int(column.get("dim", 1))
        return (int(column["count"]),) if dim == 1 else (int(column["count"]), dim)

    @property
    def stride(self) -> int:
        """Bytes from one instance to the next."""
        return int(self._current()["stride"])

    @property
    def unit(self) -> str:
        return str(self._current()["unit"])

    @property
    def owner(self) -> str:
        return str(self._current()["owner"])

    @property
    def __array_interface__(self) -> dict[str, Any]:
        shape = self.shape
        strides = (self.stride,) if len(shape) == 1 else (self.stride, self.dtype.itemsize)
        return {
            "version": 3,
            "shape": shape,
            "typestr": self.dtype.str,
            "data": (self.pointer, False),
            "strides": strides,
        }

    @property
    def array(self) -> np.ndarray:
        """A NumPy view of NEURON's memory. Take it anew after the model changed."""
        if 0 in self.shape:
            return np.empty(self.shape, self.dtype)
        return np.asarray(self)

    @property
    def device(self) -> DeviceVariable:
        """The copy on the GPU, after a run there. Raises HX054 when the GPU holds none."""
        from .device_variable import DeviceVariable

        self._current()
        gpu = self._gpu()
        return DeviceVariable(self.name, None if gpu is None else gpu.model)

    def average(self, window: Any, stop: float | None = None, relu: bool = False) -> Average:
        """The mean of every element over a window of time (ts, te) in ms: see average.py.

        Elements are those of the run; array variables' lie one after another. HX051, HX056.
        """
        self._current()
        return Average(
            self._core,
            lambda begin, end, of_positive: add_column(
                self._core, self.name, (begin, end), of_positive
            ),
            self.name,
            between(window, stop),
            relu,
            self._gpu,
        )

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        try:
            return f"<{self.name} {self.shape} float64 [{self.unit}] of {self.owner}>"
        except VariableGone:
            return f"<{self.name}: gone>"


def _unknown(name: str, known: list[str]) -> str:
    message = f"{name}: the model has no such column."
    near = difflib.get_close_matches(name, known, n=3)
    return f"{message} Near: {', '.join(near)}." if near else message
