"""What the host sends to a device for each window of steps, in one copy.

The arrays of a window are small and many: events, what Vectors play, weights. They lie one behind
the other in pinned memory and, at the same offsets, on the device.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .device import Array, Device

_ALIGNMENT = 16  # bytes
_FIRST = 1 << 16


class Staging:
    """Arrays by name, on both sides. `views`: name -> array on the device, the others' too."""

    def __init__(self, device: Device, views: dict[str, Any]) -> None:
        self._device = device
        self._views = views
        self._regions: dict[str, tuple[int, int]] = {}  # offset, bytes
        self._aliases: dict[str, str] = {}
        self.mapped = False  # the device has no memory for it: kernels write what the host keeps
        self._end = 0
        self._dirty = (0, 0)
        self._make(_FIRST)

    def _make(self, n: int) -> None:
        self._host = self._device.pinned(n, np.uint8)
        try:
            self._memory = self._device.empty(n, np.uint8)
        except MemoryError:
            self._memory = self._device.mapped(self._host)
            self.mapped = True

    def put(self, name: str, values: Array) -> bool:
        """Takes an array for the next flush(); True if an address of an array changed."""
        moved = self._reserve(name, max(_ALIGNMENT, values.nbytes), values.dtype)
        offset = self._regions[name][0]
        end = offset + values.nbytes
        self._host[offset:end] = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        low, high = self._dirty
        self._dirty = (min(low, offset), max(high, end)) if high else (offset, end)
        return moved

    def _reserve(self, name: str, n: int, dtype: np.dtype[Any]) -> bool:
        held = self._regions.get(name, (0, 0))[1]
        if n <= held:
            return False
        n = _aligned(n if not held else max(n, 2 * held))
        if self._end + n > len(self._host):
            self._grow(self._end + n)
        self._regions[name] = (self._end, n)
        self._view(name, dtype)
        self._end += n
        return True

    def _view(self, name: str, dtype: np.dtype[Any]) -> None:
        offset, n = self._regions[name]
        self._views[name] = self._memory[offset : offset + n].view(dtype)
        for alias, source in self._aliases.items():
            if source == name:
                self._views[alias] = self._views[name]

    def alias(self, alias: str, source: str) -> None:
        """Another name for what is put as `source`, wherever that lies; an empty string: no more
        of anything that is put.
        """
        if source:
            self._aliases[alias] = source
            if self._views.get(alias) is not self._views[source]:
                self._views[alias] = self._views[source]
        else:
            self._aliases.pop(alias, None)

    def _grow(self, n: int) -> None:
        """Twice the room; what was put for this window comes along."""
        before, end = self._host, self._end
        self._device.synchronize()
        self._make(2 * n)
        self._host[:end] = before[:end]
        self._dirty = (0, end)
        for name in self._regions:
            self._view(name, self._views[name].dtype)

    def flush(self) -> None:
        """Begins the copy of all that was put. The next put() comes after synchronize()."""
        low, high = self._dirty
        if high:
            low = low // _ALIGNMENT * _ALIGNMENT
            self._device.begin_upload(self._memory[low:high], self._host[low:high])
            self._dirty = (0, 0)

    def names(self) -> list[str]:
        """Of all that was put."""
        return list(self._regions)

    def again(self) -> None:
        """The next flush() copies everything."""
        self._dirty = (0, self._end)

    @property
    def nbytes(self) -> int:
        """Device memory."""
        return len(self._host)


def _aligned(n: int) -> int:
    return -(-n // _ALIGNMENT) * _ALIGNMENT
