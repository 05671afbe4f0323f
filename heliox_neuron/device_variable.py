"""The same variable or average on the GPU: `heliox.variable("hh.m").device` (architecture D5).

Between two runs a GPU holds a copy of what its kernels use. The handle shares that memory with
CuPy, PyTorch, JAX or Numba without copying: it speaks __cuda_array_interface__ and DLPack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import HelioXError

if TYPE_CHECKING:
    from .engines.gpu.averages import Averages
    from .engines.gpu.columns import Column
    from .engines.gpu.device import Device
    from .engines.gpu.model import DeviceModel

_ION_COLUMNS = 5


class NotOnDevice(HelioXError, LookupError):
    """HX054: the GPU engine holds no copy of this variable."""


class _DeviceArray:
    """What both handles are to others: an array on the device, without a copy."""

    _device: Device

    @property
    def array(self) -> Any:
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    @property
    def pointer(self) -> int:
        """Device address of the first element."""
        return self._device.address(self.array)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return dict(self.array.__cuda_array_interface__)

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()

    def __len__(self) -> int:
        return len(self.array)


class DeviceVariable(_DeviceArray):
    """A column of the frozen model on the device.

    The device has an order of its own: `index` says where each of NEURON's instances lies, so
    `handle.array[handle.index]` is in NEURON's order; elements that no instance owns mean nothing.
    Good until the model changes or the next run makes a new one. What a program writes here is kept
    by `to_neuron()`; a run takes NEURON's values over only where the script changed them.
    """

    def __init__(self, name: str, model: DeviceModel | None) -> None:
        self.name = name
        column = None if model is None else _column(name, model)
        if model is None or column is None:
            why = "no model is on the device yet" if model is None else "no kernel uses it"
            raise NotOnDevice("HX054", f"{name} is not on the device: {why}.")
        self._column = column
        self._device = model.device
        column.expose()

    @property
    def array(self) -> Any:
        """The device's column: a float64 CuPy array (NumPy on the host device)."""
        return self._column.device

    @property
    def index(self) -> np.ndarray:
        """(instances,) int64: where each of NEURON's instances lies in `array`."""
        return self._column.place

    def to_neuron(self) -> None:
        """Copies the column into NEURON's memory."""
        self._column.snapshot[...] = self._device.download(self.array)[self._column.place]
        self._column.host[...] = self._column.snapshot

    def __repr__(self) -> str:
        return f"<{self.name} {self.shape} float64 on {self._device.name}>"


class DeviceAverage(_DeviceArray):
    """The sums of an average on the device: `heliox.average(...).device`.

    array: the sums of all averages, and their counts, float64, in an order of the device; `index`:
    (n,) int64, where this one's elements lie in it, in their order; `count`: samples in each. The
    means are `array[index] / count`. Good until the next advance. HX054: nothing has run on the GPU
    yet.
    """

    def __init__(self, name: str, number: int, averages: Averages | None) -> None:
        self.name = name
        if averages is None or not averages.holds(number):
            raise NotOnDevice("HX054", f"the average of {name} is not on the device.")
        averages.upload()  # what other engines added since
        self._averages = averages
        self._device = averages.model.device
        self.index = averages.index(number)
        self.count = averages.count(number)

    @property
    def array(self) -> Any:
        """A float64 CuPy array (NumPy on the host device)."""
        return self._averages.sum

    def __repr__(self) -> str:
        return f"<sums of {self.name}: {len(self.index)} of {self.shape} on {self._device.name}>"


def _column(name: str, model: DeviceModel) -> Column | None:
    """The copy of NEURON's column `name` ("v", "i_membrane_", "hh.m", "na_ion.ena")."""
    owner, _, field = name.partition(".")
    if not field:
        node = {"i_membrane_": "sav_rhs"}.get(name, name)
        return model.columns.get(("node", node))
    if owner in model.ions:
        fields = list(model.mechanisms[owner]["columns"])[:_ION_COLUMNS]
        return model.columns.get(("ion", owner, fields.index(field))) if field in fields else None
    return model.columns.get(("column", owner, field))
