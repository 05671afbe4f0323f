"""Means over a window of time on the device: heliox.average() (src/gpu/average.cuh).

The sums lie on the device while a batch runs. The host says for each window of steps which of them
belong to an average; it gets the sums at the end of the batch, and brings those back that another
engine, or finitialize(), changed since.

Each average has one element more, of a variable that is always 1: its sum is the number of samples
that the device took, also when an error ends a batch between, or within, launches.

Python's garbage collector may end an average at any moment of a batch: its number is then unknown
to the core, and what the device still adds up for it goes nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .device import Array
from .model import DeviceModel
from .translate import Refusal
from .variables import Place, host_value, places

Ints: TypeAlias = npt.NDArray[np.int64]


@dataclass
class Group:
    """One average. index: where its elements lie in `average_sum`, and counter: where the number of
    samples does. constant: those of the elements that the device does not hold because no step
    changes them; constant_at: their addresses, and constant_sum. version: of the core's sums (-1:
    they were not here yet), and count: samples in them. touched: the device may have added to them.
    """

    number: int
    begin: float  # ms
    end: float
    relu: bool
    index: Ints
    counter: int
    constant: Ints
    constant_at: list[int]
    lean: bool
    version: int = -1
    count: int = 0
    touched: bool = False
    constant_sum: Array = field(default_factory=lambda: np.zeros(0))


class Averages:
    """All averages during one batch."""

    def __init__(self, core: Any, model: DeviceModel) -> None:
        self.core = core
        self.model = model
        self.whole = False  # the window that runs has to store what an average looks at
        self.sync = False  # an element is stored by another thread than adds it up
        self.groups: list[Group] = []
        self._seen: tuple[Any, ...] | None = None  # what groups were made for
        self._one = model.device.array(np.ones(1))
        self.model.values["n_average"] = 0

    @property
    def sum(self) -> Any:
        """float64 on the device."""
        return self.model.arrays["average_sum"][: self._n]

    def holds(self, number: int) -> bool:
        """Whether an average was part of the last batch, with the elements that it has now."""
        state = self._state(number)
        return state is not None and any(
            group.number == number and len(group.index) == len(state["sum"])
            for group in self.groups
        )

    def index(self, number: int) -> Ints:
        """Where the elements of an average lie in `sum`."""
        return self._group(number).index

    def count(self, number: int) -> int:
        return self._group(number).count

    def _group(self, number: int) -> Group:
        return next(group for group in self.groups if group.number == number)

    def _state(self, number: int) -> dict[str, Any] | None:
        """The core's; None for an average that is gone."""
        try:
            state: dict[str, Any] = self.core.average_state(number)
        except IndexError:
            return None
        return state

    # ---- before a batch ----

    def take_over(self) -> None:
        """Finds the elements and brings sums up to date. Raises Refusal."""
        self.whole = False
        listed = self.core.averages()
        self.model.values["n_average"] = 0
        if not listed:
            self.groups, self._seen, self.sync = [], None, False
            return
        # where the elements lie changes with the model only, and then this object is another one
        now = (listed, len(self.model.columns))
        if now != self._seen:
            self._seen = None
            found = [(one, self.core.average_addresses(one[0])) for one in listed]
            there = [(one, at) for one, at in found if len(at)]
            self.groups, self.sync = [], False
            if there:
                self._lay_out([one for one, _ in there], [at for _, at in there])
            self._seen = now
        self.upload()

    def _lay_out(self, listed: list[Any], addresses: list[npt.NDArray[np.uint64]]) -> None:
        """Elements in the order of blocks; the counters are with those of the first block."""
        at, n_group = np.concatenate(addresses), len(listed)
        group = np.repeat(np.arange(n_group), [len(a) for a in addresses])
        kind, index, field, row, element = self.core.device_resolve(at)
        found = _Found(len(at) + n_group)
        lean = np.zeros(len(at), bool)
        constant = np.zeros(len(at), bool)
        columns = np.stack([kind, index, field], 1).astype(np.int64)
        for column in np.unique(columns, axis=0):
            mine = np.flatnonzero((columns == column).all(1))
            first = self._place(int(at[mine[0]]), bool(np.any(element[mine])))
            self._fill(found, mine, row[mine].astype(np.int64), first, column)
            lean[mine] = first.lean
            constant[mine] = not first.held
        self.sync = bool(found.address.any())
        found.address[len(at) :] = self.model.device.address(self._one)
        order = np.argsort(found.block, kind="stable")
        where = np.argsort(order)
        self._send(found, np.append(group, np.arange(n_group)), order)
        self._n = len(order)
        start = 0
        for k, (number, begin, end, relu) in enumerate(listed):
            stop = start + len(addresses[k])
            fixed = np.flatnonzero(constant[start:stop])
            self.groups.append(
                Group(
                    number, begin, end, relu, where[start:stop], int(where[len(at) + k]),
                    fixed, [int(addresses[k][e]) for e in fixed], bool(lean[start:stop].any()),
                )
            )  # fmt: skip
            start = stop

    def _place(self, address: int, inner: bool) -> Place:
        place = places(self.core, self.model, np.array([address], np.uint64))[0]
        if not place.known or inner or place.time:
            name = self.core.device_name(address)
            raise Refusal("HX033", f"an average of {name}, of which the device has no copy")
        return place

    def _fill(
        self, found: _Found, mine: Ints, row: Ints, first: Place, column: npt.NDArray[np.int64]
    ) -> None:
        """The elements of one of NEURON's columns; `first` is the place of one of them."""
        nodes = self.model.nodes
        mechanism = self.model.structure["mechanisms"][column[1]] if column[0] == 2 else None
        node = row if mechanism is None else np.asarray(mechanism["node"])[row]
        found.block[mine] = nodes.block[node]
        if first.slot >= 0:
            found.slot[mine] = nodes.slot[node]
        elif first.address:
            if mechanism is None or mechanism["kind"] == "capacitance":
                at = nodes.position[node]
            else:
                at = self.model.instances[mechanism["name"]].place[row]
            offset = (at - at[0]).astype(np.int64) * 8
            found.address[mine] = (first.address + offset).astype(np.uint64)

    def _send(self, found: _Found, group: Ints, order: Ints) -> None:
        model = self.model
        counts = np.bincount(found.block, minlength=model.nodes.n_block)
        first = np.concatenate([[0], np.cumsum(counts)])
        held = (found.slot >= 0) | (found.address != 0)
        # constants are the host's: their group has no steps
        kept = np.where(held, group, group.max() + 1)
        model.put("average_first", first.astype(np.int32))
        model.put("average_slot", found.slot[order])
        model.put("average_place", found.address[order])
        model.put("average_group", kept[order].astype(np.int32))
        model.need("average_sum", len(group), np.float64)

    def upload(self) -> None:
        """The sums that are newer on the host."""
        versions = [self.core.average_version(group.number) for group in self.groups]
        pairs = zip(self.groups, versions, strict=True)
        if all(version in (-1, group.version) for group, version in pairs):  # -1: it is gone
            return
        sums = np.zeros(self._n)
        for group in self.groups:
            state = self._state(group.number)
            if state is None:
                continue
            sums[group.index], sums[group.counter] = state["sum"], state["count"]
            group.version, group.count = state["version"], state["count"]
            group.constant_sum = state["sum"][group.constant]
        self.model.device.upload(self.sum, sums)

    # ---- a window ----

    def load(self, window: Any) -> bool:
        """Which steps of a window belong to an average; True where hx_model changed."""
        if not self.groups:
            return False
        n_step = int(window.n_step)
        middle = np.asarray(window.t)[1 : n_step + 1] - 0.5 * self.model.values["dt"]
        begin = np.zeros(len(self.groups) + 1, np.int32)
        end = np.zeros(len(self.groups) + 1, np.int32)
        self.whole = False
        for k, group in enumerate(self.groups):
            inside = np.flatnonzero((middle > group.begin) & (middle <= group.end))
            if len(inside) and group.version >= 0:  # else it went before its sums came here
                begin[k], end[k] = inside[0], inside[-1] + 1
                group.touched = True
                self.whole |= group.lean
        active = int((end > begin).sum())
        changed = bool(self.model.values["n_average"] != active)
        self.model.values["n_average"] = active
        if active:
            relu = np.array([group.relu for group in self.groups] + [False], np.int32)
            for name, values in (("begin", begin), ("end", end), ("relu", relu)):
                changed |= self.model.staging.put(f"average_{name}", values)
        return changed

    # ---- after a batch ----

    def finish(self) -> None:
        """Gives the core what was added."""
        touched = [group for group in self.groups if group.touched]
        if not touched:
            return
        sums = np.array(self.model.device.download(self.sum))
        for group in touched:
            count = int(sums[group.counter])
            self._add_constants(group, count - group.count)
            group.count = count
            sums[group.index[group.constant]] = group.constant_sum
        if any(len(group.constant) for group in touched):
            self.model.device.upload(self.sum, sums)
        for group in touched:
            mine = np.ascontiguousarray(sums[group.index])
            self.core.average_set(group.number, mine, group.count, group.version)
            group.touched = False

    def _add_constants(self, group: Group, n: int) -> None:
        """As n steps would: a sum of equal numbers is rounded in each."""
        if len(group.constant):
            x = np.array([host_value(address) for address in group.constant_at])
            if group.relu:
                x[x < 0.0] = 0.0
            for _ in range(n):
                group.constant_sum += x


class _Found:
    """Where elements lie, as Place."""

    def __init__(self, n: int) -> None:
        self.slot = np.full(n, -1, np.int32)
        self.address = np.zeros(n, np.uint64)
        self.block = np.zeros(n, np.int64)
