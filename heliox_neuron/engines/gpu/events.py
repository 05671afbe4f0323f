"""Events that NEURON's queue delivers to the device's copies of point processes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...codegen.device_source import EVENT_RECEIVE, EVENT_SAMPLE, EVENT_WRITE
from .device import Array
from .model import DeviceModel
from .network import Network
from .ordered import Ordered, fired_number
from .outcome import Outcome
from .sent import Movable, Roots, Sent
from .translate import Refusal
from .variables import Place, host_value, places
from .watch import Watches


class Events:
    """Events during one batch."""

    def __init__(self, core: Any, model: DeviceModel) -> None:
        self.core = core
        self.model = model
        receivers = model.receivers()
        self.types = [mechanism["type"] for mechanism, _ in receivers]
        self._net_event = {m["type"] for m, receive in receivers if receive.uses_net_event}
        self._sent = Sent(model)
        self._movable = Movable(model)
        self.moving_types = self._movable.types
        self._watches = Watches(core, model)
        self.whole = self._watches.whole
        self._writes_v = any(receive.writes_v for _, receive in receivers)
        self._writes_weights = any(receive.weights_written for _, receive in receivers)
        self._empty = True
        self._samples = 0
        self._pinned: dict[str, Array] = {}
        self.network = Network(core, model)
        self.ordered = Ordered(core, model)

    def take_over(self, sources: dict[str, Any], tests_points: bool) -> None:
        """Nothing pending yet; how far a window may reach. sources: _core.device_sources().
        tests_points: some of them are variables of point processes.
        """
        if not self._empty or "event_first" not in self.model.arrays:
            self._clear()
            self.network.link(0)
        self._sent.make_room(0, 0)
        self._movable.make_room()
        self._watches.take_over(sources["watch"])
        self.ordered.take_over()
        # what is tested when a step begins may change when the last one's events are delivered
        split = self._watches.n or tests_points or (self._writes_v and len(sources["address"]))
        self.model.values["split_events"] = int(bool(split))
        if self._watches.n:  # a condition looks at what another thread's point process stored
            self.model.values["sync_records"] = 1
        delay = float(sources["delay"].min()) if len(sources["delay"]) else math.inf
        dt = self.core.device_clock()["dt"]
        limit = math.inf if math.isinf(delay) else math.floor(delay / dt + 1e-9) + 1
        delays = sources["point_delay"]
        point = min((d for k, d in delays.items() if k in self._net_event), default=math.inf)
        if not math.isinf(point):
            if point < 2 * dt:
                raise Refusal("HX033", "a point process sends events with less delay than 2 dt")
            limit = min(limit, math.floor(point / dt) - 1)
        self._limit = limit

    def window_limit(self) -> int:
        most = 2**31 - 1 if math.isinf(self._limit) else int(self._limit)
        return max(1, min(most, self._watches.window_limit(), self.ordered.window_limit()))

    def give_back(self) -> None:
        """After a batch, when NEURON's columns are current again."""
        self._watches.give_back()

    def begin(self) -> None:
        """After all take_over(): the core keeps what a batch needs. finish() has to follow."""
        self.network.begin()
        self.ordered.begin(self._watches.serial)

    def finish(self) -> None:
        """What is pending goes into NEURON's queue."""
        try:
            self.ordered.finish()
        finally:
            self.network.finish()

    def _clear(self) -> None:
        n_block = self.model.nodes.n_block
        self.model.staging.put("host_first", np.zeros(n_block + 1, np.int32))
        self._empty = True

    # ---- a window ----

    def load(self, window: Any) -> bool:
        """Uploads the window's events, in the order in which each target gets them."""
        n_event = len(window.event_step)
        n_write, n_sample = len(window.write_step), len(window.sample_step)
        self._samples = n_sample
        self._weights = window.weight
        changed = False
        if len(self._weights):
            changed |= self.model.staging.put("weight", self._weights.reshape(-1))
        n_due = self.network.due(window)
        if n_event + n_write + n_sample + n_due == 0:
            if not self._empty:
                self._clear()
            self.network.link(0)
            changed |= self.ordered.load(0)
            return self._movable.load(window, np.zeros(0, np.int64)) or changed
        self._empty = False
        rows = _Rows(self.core, self.model, window, self.network)
        for name, values in rows.arrays(self.model.nodes.n_block).items():
            changed |= self.model.staging.put(name.replace("event", "host"), values)
        self.rows = rows
        changed |= self.ordered.load(len(rows.block))
        changed |= self._movable.load(window, rows.event_of_row)
        if n_due:
            self.network.load(rows)
        if n_sample:
            changed |= self.model.staging.put("event_sample", np.zeros(n_sample))
        # what fans out on the device sends nothing (network.py)
        changed |= self._sent.make_room(int(np.diff(rows.first).max()), len(rows.block))
        self.network.link(n_due)
        return changed

    def run(self) -> None:
        """Starts what has to be done on the device before the window; all is uploaded."""
        self.network.run()

    def begin_fetch(self, window: Any) -> None:
        """After the launch: samples and weights, on their way to the host."""
        if self._samples:
            self._sample = self._fetched("event_sample", self._samples)
        if self._writes_weights and len(self._weights):
            self._weight = self._fetched("weight", self._weights.size)

    def _fetched(self, name: str, n: int) -> Array:
        """(n,) float64, there after synchronize()."""
        held = self._pinned.get(name)
        if held is None or len(held) < n:
            held = self._pinned[name] = self.model.device.pinned(2 * n)
        self.model.device.begin_download(held[:n], self.model.arrays[name][:n])
        return held[:n]

    def done(self, window: Any, step: Any, source: Any, outcome: Outcome | None) -> None:
        """Gives NEURON's queue what the device found in the window. outcome: None for nothing."""
        found: dict[str, Any] = {}
        if self._samples:
            found["sample"] = self._sample
            for sample, address in self.rows.constants:
                self._sample[sample] = host_value(address)
        if self._writes_weights and len(self._weights):
            found["weight"] = self._weight.reshape(self._weights.shape)
        if outcome is not None:
            found |= self._found(window, outcome)
        wrong = self.core.device_window_done(window, spike_step=step, spike_source=source, **found)
        self.ordered.done(wrong)

    def _found(self, window: Any, outcome: Outcome) -> dict[str, Any]:
        """What NET_RECEIVE asked for; the lists are empty again."""
        self._sent.check(outcome)
        roots = Roots(window, self.event_of_row(), self._watches.fired_steps(outcome))
        ordered = self.ordered.active
        serial = self.core.device_order_serial() if ordered else None
        self._watches.rank(outcome, roots, serial)
        if ordered and serial is None:  # the core has not followed this window to its end
            self.core.device_order_set_serial(self._watches.serial.tolist())
        own = self._sent.left(outcome)
        log = (self.ordered.log, self.ordered.first) if ordered else (None, None)
        sent = self._sent.rows(window, outcome, own, roots, *log)
        return {"sent": sent} | self._movable.found(own)

    def fired(self, outcome: Outcome | None) -> dict[str, Array]:
        """_core.device_order()'s `fired`."""
        none = np.zeros(0, np.int32)
        step = none if outcome is None else self._watches.fired_steps(outcome)
        watch = self._watches.fired_watches if len(step) else none
        own, target = fired_number(step, watch), self._watches.targets(watch)
        return {"step": step, "watch": watch, "own": own, "target": target}

    def event_of_row(self) -> Array:
        """The window's event behind each row on the device."""
        if self._empty:
            return np.zeros(0, np.int64)
        found: Array = self.rows.event_of_row
        return self.network.events(found)


class _Rows:
    """The window's events, writes and samples as rows of device arrays."""

    def __init__(self, core: Any, model: DeviceModel, window: Any, network: Network) -> None:
        self.model = model
        self.window = window
        self.network = network
        self.constants: list[tuple[int, int]] = []  # (sample, address on the host)
        events = self._events()
        others = [
            self._others(core, name, kind)
            for name, kind in (("write", EVENT_WRITE), ("sample", EVENT_SAMPLE))
            if len(getattr(window, f"{name}_step"))
        ]
        self.block, self.step, self.target, self.order = events[0], events[1], events[2], events[3]
        self.columns = events[4]
        if others:
            self._add(others)

    def _events(self) -> Any:
        window, model = self.window, self.model
        mechanism = np.asarray(window.event_mechanism)
        n = len(mechanism)
        block, slot_kind = np.zeros(n, np.int64), np.zeros(n, np.int32)
        instance = np.zeros(n, np.int32)
        for index in np.unique(mechanism):
            entry = model.structure["mechanisms"][index]
            these = mechanism == index
            raw = np.asarray(window.event_instance)[these]
            instance[these] = model.instances[entry["name"]].place[raw]
            block[these] = model.nodes.block[entry["node"][raw]]
            slot_kind[these] = EVENT_RECEIVE + model.numbers[entry["name"]]
        target = (mechanism.astype(np.int64) + 1) * 2**32 + np.asarray(window.event_instance)
        step = self._phased(np.asarray(window.event_step, np.int64), window.event_phase)
        stride = window.weight.shape[1] if len(window.weight) else 0
        columns = {
            "event_kind": slot_kind,
            "event_instance": instance,
            "event_time": np.asarray(window.event_te, np.float64),
            "event_flag": np.asarray(window.event_flag, np.float64),
            "event_weight": self._weights(stride),
            "event_place": np.zeros(n, np.uint64),
            "event_slot": np.full(n, -1, np.int32),
        }
        return block, step, target, np.arange(n) + 0.5, columns

    def _phased(self, step: Any, phase: Any) -> Any:
        """event_step: when the kernels deliver."""
        return (2 * step if self.model.values["split_events"] else step) + phase

    def _weights(self, stride: int) -> Any:
        """Where each event's weights begin (src/gpu/events.cuh, weight_of)."""
        at = np.asarray(self.window.event_weight)
        ours = np.where(at < 0, -1, at * stride)
        known = self.network.weight_rows(self.window)
        if known is None or not len(at):
            return ours.astype(np.int32)
        shared = np.append(known, -1)[at]
        return np.where(shared < 0, ours, -2 - shared).astype(np.int32)

    def _others(self, core: Any, name: str, kind: int) -> list[Array]:
        """block, step, target, order, then kind, instance, value, address, te, slot of touches."""
        window = self.window

        def each(what: str) -> Array:
            found: Array = getattr(window, f"{name}_{what}")
            return found

        addresses, which = np.unique(each("address"), return_inverse=True)
        found: list[Place] = places(core, self.model, addresses)
        held = np.array([place.held for place in found], bool)[which]
        # kernels do not touch the others: NEURON's value is right
        self.constants += [(int(k), int(addresses[which[k]])) for k in np.flatnonzero(~held)]
        k, which = np.flatnonzero(held), which[held]

        def of_place(what: str, dtype: Any) -> Array:
            return np.array([getattr(place, what) for place in found], dtype)[which]

        order = each("before")[k] + 1e-6 * (1 + each("order")[k])
        step = self._phased(each("step")[k].astype(np.int64), each("phase")[k])
        value = window.write_value[k] if name == "write" else np.zeros(len(k))
        return [
            of_place("block", np.int64), step, of_place("target", np.int64), order,
            np.full(len(k), kind), k, value, of_place("address", np.uint64), each("te")[k],
            of_place("slot", np.int32),
        ]  # fmt: skip

    def _add(self, others: list[list[Array]]) -> None:
        together = [np.concatenate(parts) for parts in zip(*others, strict=True)]
        block, step, target, order, kind, k, value, address, te, slot = together
        self.block = np.concatenate([self.block, block]).astype(np.int64)
        self.step = np.concatenate([self.step, step]).astype(np.int64)
        self.target = np.concatenate([self.target, target]).astype(np.int64)
        self.order = np.concatenate([self.order, order])
        new = {
            "event_kind": kind,
            "event_instance": k,
            "event_time": te,
            "event_flag": value,
            "event_weight": np.full(len(k), -1),
            "event_place": address,
            "event_slot": slot,
        }
        for name, values in new.items():
            old = self.columns[name]
            self.columns[name] = np.concatenate([old, values.astype(old.dtype)])

    def arrays(self, n_block: int) -> dict[str, Any]:
        """What the kernels read: block by block, step by step, target by target."""
        order = np.lexsort((self.order, self.target, self.step, self.block))
        block, step, target = self.block[order], self.step[order], self.target[order]
        self.steps, self.targets = step, target
        self.event_of_row = order  # events come first in the columns, in the window's order
        head = np.ones(len(order), np.int32)
        same = (block[1:] == block[:-1]) & (step[1:] == step[:-1]) & (target[1:] == target[:-1])
        head[1:][same] = 0
        first = np.concatenate([[0], np.cumsum(np.bincount(block, minlength=n_block))])
        self.first = first
        found = {name: values[order] for name, values in self.columns.items()}
        found["event_first"] = first.astype(np.int32)
        found["event_step"] = step.astype(np.int32)
        found["event_head"] = head
        return found
