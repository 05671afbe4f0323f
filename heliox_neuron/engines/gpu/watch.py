"""WATCH statements on the device: which conditions are active, and in which order NEURON has them.

A condition that becomes true leads to an event of its own. Where several do in one step, NEURON
delivers them in the order in which they were activated, over all instances.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .device import Array
from .model import DeviceModel
from .outcome import Outcome
from .sent import Roots
from .translate import Refusal

_BEFORE = -(2**31)  # watch_root: activated before the window
Row = tuple[int, int, int, bool, float]  # type, instance, number, above, flag
_COLUMNS = ("step", "watch", "place", "since", "root")


class Watches:
    """The conditions of one model, all of an instance side by side."""

    def __init__(self, core: Any, model: DeviceModel) -> None:
        self.core = core
        self.model = model
        n_entry = len(model.entries)
        self._first, self._each = np.zeros(n_entry, np.int32), np.zeros(n_entry, np.int32)
        self._of_type: dict[int, tuple[int, int, Array]] = {}  # first, each, place
        parts: list[Array] = [np.zeros((0, 3), np.int64)]
        self.n = 0
        self.whole = False  # a condition reads what only whole steps store
        for mechanism, receive in model.receivers():
            if not receive.uses_watch:
                continue
            name, each = mechanism["name"], len(receive.watched)
            layout, entry = model.instances[name], model.numbers[name]
            self._first[entry], self._each[entry] = self.n, each
            self._of_type[mechanism["type"]] = self.n, each, layout.place
            slots = np.empty((layout.size * each, 3), np.int64)
            slots[:, 0] = mechanism["type"]
            slots[:, 1] = np.repeat(layout.order, each)
            slots[:, 2] = np.tile(np.arange(each), layout.size)
            parts.append(slots)
            self.n += len(slots)
            self.whole |= any(model.is_lean(name, x.name) for x in receive.watch_load())
        self._slots = np.concatenate(parts)  # (n, 3): type, NEURON's instance, number
        self._max_fired = max(32768, 32 * self.n)
        self._serial = np.zeros(self.n, np.int64)  # order of activation

    def window_limit(self) -> int:
        """Most steps of a window: a condition becomes true at every other test."""
        return 2 * self._max_fired // max(1, self.n)

    # ---- a batch ----

    def take_over(self, found: list[Row]) -> None:
        """found: active conditions in NEURON's order (_core.device_sources). Raises Refusal."""
        unknown = {row[0] for row in found} - set(self._of_type)
        if unknown:
            names = [m["name"] for m in self.model.structure["mechanisms"] if m["type"] in unknown]
            raise Refusal("HX033", f"WATCH of {', '.join(names)}, of which the device has no copy")
        if self.n == 0:
            return
        active, above = np.zeros(self.n, np.int32), np.zeros(self.n, np.int32)
        flag = np.zeros(self.n)
        at = np.array([self._slot(row) for row in found], np.int64)
        active[at] = self._places_of(at, found)
        above[at] = [row[3] for row in found]
        flag[at] = [row[4] for row in found]
        self._serial[:] = 0
        self._serial[at] = 1 + np.arange(len(at))
        self._next = self._new = 1 + len(at)
        self._above = above
        put = self.model.put
        put("watch_first", self._first)
        put("watch_each", self._each)
        put("watch_active", active)
        put("watch_above", above)
        put("watch_flag", flag)
        put("watch_root", np.full(self.n, _BEFORE, np.int32))
        self.model.need("watch_since", self.n, np.float64)
        for name in ("step", "watch", "place", "root"):
            self.model.need(f"fired_{name}", self._max_fired, np.int32)
        self.model.need("fired_since", self._max_fired, np.float64)
        self.model.values["max_fired"] = self._max_fired
        self.model.values["float_epsilon"] = float(self.core.device_global("float_epsilon")[0])

    def _slot(self, row: Row) -> int:
        first, each, place = self._of_type[row[0]]
        return first + each * int(place[row[1]]) + row[2]

    @staticmethod
    def _places_of(at: Array, found: list[Row]) -> Array:
        """The place of each in the order of its instance's, from 1."""
        seen: dict[tuple[int, int], int] = {}
        places = np.zeros(len(at), np.int32)
        for k, row in enumerate(found):
            places[k] = seen[row[:2]] = seen.get(row[:2], 0) + 1
        return places

    def give_back(self) -> None:
        """After a batch, when NEURON's columns are current again: NEURON can go on by itself."""
        if self.n == 0:
            return
        active, above = self._download("watch_active"), self._download("watch_above")
        fresh = np.flatnonzero((active > 0) & (self._serial >= self._new))
        fresh = fresh[np.argsort(self._serial[fresh])]
        old = np.flatnonzero((active > 0) & (self._serial < self._new) & (above != self._above))
        flag = self._download("watch_flag") if len(fresh) else np.zeros(self.n)

        def rows(slots: Array) -> list[Row]:
            of = self._slots[slots].tolist()
            return [
                (kind, instance, number, bool(above[k]), float(flag[k]))
                for k, (kind, instance, number) in zip(slots, of, strict=True)
            ]

        self.core.device_activate(rows(fresh))
        self.core.device_set_above(rows(old))

    def _download(self, name: str) -> Array:
        return self.model.device.download(self.model.arrays[name])[: self.n]

    # ---- a window ----

    def fired_steps(self, outcome: Outcome) -> Array:
        """(n_fired,) the step of each condition that came true."""
        n = outcome.n_fired if self.n else 0
        if n > self._max_fired:
            raise RuntimeError("more WATCH events in a window than the device holds")
        self._fired = {}
        for name in _COLUMNS if n else ():
            array = self.model.arrays[f"fired_{name}"]
            self._fired[name] = self.model.device.download(array[:n])
        return self._fired["step"] if n else np.zeros(0, np.int32)

    @property
    def serial(self) -> Array:
        """(n,) the order of activation."""
        return self._serial

    @property
    def fired_watches(self) -> Array:
        """(n_fired,) the conditions that came true, after fired_steps()."""
        found: Array = self._fired["watch"]
        return found

    def targets(self, watch: Array) -> Array:
        """The instance of each condition: (mechanism + 1) * 2**32 + NEURON's row."""
        number = {m["type"]: k for k, m in enumerate(self.model.structure["mechanisms"])}
        kinds = [number[kind] for kind in self._slots[watch, 0].tolist()]
        found: Array = (np.array(kinds, np.int64) + 1 << 32) + self._slots[watch, 1]
        return found

    def rank(self, outcome: Outcome, roots: Roots, serial: list[int] | None = None) -> None:
        """Puts the conditions that came true into NEURON's order, then those newly activated.
        serial: their order, if it is known.
        """
        if self._fired:
            step = self._fired["step"]
            by_step = np.argsort(step, kind="stable")
            for these in np.split(by_step, np.flatnonzero(np.diff(step[by_step])) + 1):
                roots.rank_fired(self._in_order(these, roots))
        if self.n and outcome.activated:
            self._renew(roots)
        if serial is not None:
            self._serial[:] = serial

    def _in_order(self, these: Array, roots: Roots) -> Array:
        root, watch, place, since = (
            self._fired[name][these] for name in ("root", "watch", "place", "since")
        )
        before = root == _BEFORE
        serial = np.where(before, self._serial[watch], np.iinfo(np.int64).max)
        rank = np.zeros(len(these))
        rank[~before] = roots.ranks(root[~before])
        since = np.where(before, 0.0, since)
        return these[np.lexsort((place, rank, since, serial))]

    def _renew(self, roots: Roots) -> None:
        """Conditions that were activated in the window follow all others."""
        active, root = self._download("watch_active"), self._download("watch_root")
        live = np.flatnonzero((root != _BEFORE) & (active > 0))
        since = self._download("watch_since")[live]
        order = np.lexsort((active[live], roots.ranks(root[live]), since))
        self._serial[live[order]] = self._next + np.arange(len(live))
        self._next += len(live)
        self.model.put("watch_root", np.full(self.n, _BEFORE, np.int32))
