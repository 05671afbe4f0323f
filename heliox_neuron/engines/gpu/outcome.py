"""What the kernels of a window found: spikes, counts of events, the flags of thresholds.

Two stages: a word in pinned memory (`gate`) that a kernel sets when it found anything, and the
rest, which is copied only then. HELIOX_GATE=0 copies it after each window.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .device import Array, Device

_FIRST_SPIKES = 2048  # that come with the counts
_NEVER = 1e300  # self_next of a block without events of its own


class Outcome:
    """One piece of memory on both sides, in this order: head (n_spike, n_net_event, n_fired (2,),
    event_error (3,): int32, 32 bytes together), self_next (n_block,) float64 [ms], self_count
    (n_block,) int32, source_flag (n_source,) int32, spike (max_spike, 2) int32: step and source.
    """

    def __init__(
        self, device: Device, views: dict[str, Any], n_block: int, n_source: int, max_spike: int
    ) -> None:
        self.max_spike = max_spike
        self._device = device
        self._gated = os.environ.get("HELIOX_GATE", "1") != "0"
        self._gate = device.pinned(4, np.int32)
        views["gate"] = device.mapped(self._gate)
        sizes = [("head", 32), ("self_next", 8 * n_block), ("self_count", 4 * n_block),
                 ("source_flag", 4 * n_source), ("spike", 8 * max_spike)]  # fmt: skip
        starts = np.concatenate([[0], np.cumsum([-(-n // 16) * 16 for _, n in sizes])])
        self._memory = device.empty(int(starts[-1]), np.uint8)
        self._host = device.pinned(int(starts[4]) + 8 * min(max_spike, _FIRST_SPIKES), np.uint8)
        flag_part = slice(int(starts[3]), int(starts[3]) + 4 * n_source)
        self._spike_part = int(starts[4])
        self._counted = int(starts[3])
        fresh = np.zeros(self._counted, np.uint8)
        fresh[32 : 32 + 8 * n_block].view(np.float64)[:] = _NEVER
        self._fresh = device.pinned(self._counted, np.uint8)
        self._fresh[:] = fresh
        for (name, n), start in zip(sizes[1:], starts[1:], strict=False):
            dtype = np.float64 if name == "self_next" else np.int32
            views[name] = self._memory[int(start) : int(start) + max(16, n)].view(dtype)
        views["n_spike"] = self._memory[0:4].view(np.int32)
        views["n_net_event"] = self._memory[4:8].view(np.int32)
        views["n_fired"] = self._memory[8:16].view(np.int32)
        views["event_error"] = self._memory[16:28].view(np.int32)
        self._counts = self._host[:32].view(np.int32)
        self.self_count: Array = self._host[int(starts[2]) : int(starts[2]) + 4 * n_block].view(
            np.int32
        )
        self._flags = self._host[flag_part].view(np.int32)
        self._device_flags = self._memory[flag_part].view(np.int32)
        self._flags_known = False
        self._reset()

    @property
    def nbytes(self) -> int:
        """Device memory."""
        return len(self._memory)

    def _reset(self) -> None:
        self._device.begin_upload(self._memory[: self._counted], self._fresh)

    def begin(self) -> None:
        """Before a launch."""
        self._gate[0] = 0
        self._flags_known = False

    def read(self) -> bool:
        """After synchronize(): whether anything was found. Then the counts are here, and zero again
        on the device.
        """
        if self._gated and not self._gate[0]:
            return False
        self._download(len(self._host))
        if not self._gate[0]:
            return False
        self._reset()
        return True

    def _download(self, n: int) -> None:
        self._device.begin_download(self._host[:n], self._memory[:n])
        self._device.synchronize()
        self._flags_known = True

    @property
    def n_net_event(self) -> int:
        return int(self._counts[1])

    @property
    def n_fired(self) -> int:
        """WATCH conditions that came true."""
        return int(self._counts[2])

    @property
    def activated(self) -> bool:
        """Whether a WATCH was activated."""
        return bool(self._counts[3])

    @property
    def event_error(self) -> Array:
        """(3,) code (src/gpu/own.cuh), kind and instance of an event; code 0: none."""
        return self._counts[4:7]

    def spikes(self) -> tuple[Array, Array]:
        """(step, source) of each spike, sources in the device's order; in any order."""
        n = int(self._counts[0])
        if n > self.max_spike:
            raise RuntimeError("more spikes than the device's list holds")
        first, n_first = self._spike_part, min(n, (len(self._host) - self._spike_part) // 8)
        found = self._host[first : first + 8 * n_first].view(np.int32)
        if n > n_first:
            found = self._device.download(self._memory[first : first + 8 * n]).view(np.int32)
        return found[0::2], found[1::2]

    def flags(self) -> Array:
        """(n_source,) whether each source was above its threshold at the last test, as they lie on
        the device.
        """
        if not self._flags_known:
            self._device.begin_download(self._flags, self._device_flags)
            self._device.synchronize()
            self._flags_known = True
        return self._flags != 0

    def set_flags(self, flags: Array) -> None:
        """flags: (n_source,) bool, in the device's order. Not copied where the device has them."""
        if not self._flags_known or not np.array_equal(self._flags, flags):
            self._flags[:] = flags
            self._device.begin_upload(self._device_flags, self._flags)
            self._device.synchronize()
        self._flags_known = True
