"""What NET_RECEIVE on the device asked for that lasts longer than a window of steps.

Events to oneself that are due later, net_event and net_move go to NEURON's queue in the order in
which NEURON would have run the blocks: by step, time, and at equal times by what led to them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...codegen.device_source import EVENT_RECEIVE
from .device import Array
from .model import DeviceModel
from .outcome import Outcome

_SELF = 256  # events of a block to itself, pending at a time
_NET_EVENTS = 16384  # of a window
_EACH = 8  # that one event may lead to, pending at a time
_NET_EVENT, _NET_SEND, _NET_MOVE = 0, 1, 2
_LOGGED_NET_EVENT = 1  # log_op, src/gpu/order.cuh
_MARK_MOVABLE = 1  # src/gpu/own.cuh
_OWN_DOUBLES = ("time", "flag", "at")
_OWN_INTS = ("kind", "instance", "weight", "root", "mark", "origin", "number")
_NET_DOUBLES, _NET_INTS = ("time", "at"), ("kind", "instance", "root")


def log_key(first: Array, kind: Array, instance: Array, place: Array) -> Array:
    """What the core knows an entry of the log by. first: of each entry's instances."""
    slot = first[kind - EVENT_RECEIVE].astype(np.int64) + instance
    return slot << 32 | place.astype(np.int64)


class Roots:
    """What led to an event on the device: an event of the window, or a WATCH that came true.

    event: (n,) indices of the window's events by their rows on the device. fired_step: (n_fired,).
    A root is a row, or ~f for WATCH number f. rank: their places in NEURON's order of delivery.
    """

    def __init__(self, window: Any, event: Array, fired_step: Array) -> None:
        self._event = event
        self._event_step = np.asarray(window.event_step)
        self._event_te = np.asarray(window.event_te)
        self._fired_step = fired_step
        self._key = 2 * self._event_step + np.asarray(window.event_phase)
        self._fired_rank = np.full(len(fired_step), np.nan)
        self._ranked = 0

    def rank_fired(self, fired: Array) -> None:
        """These come next, in this order: WATCHes of one step, tested before its deliveries."""
        before = np.searchsorted(self._key, 2 * self._fired_step[fired]) - 1.0
        count = self._ranked + 1 + np.arange(len(fired))
        self._fired_rank[fired] = before + count / (len(self._fired_step) + 1.0)
        self._ranked += len(fired)

    def events(self, root: Array) -> Array:
        """Indices of the window's events, -1 for a WATCH."""
        found = np.full(len(root), -1)
        found[root >= 0] = self._event[root[root >= 0]]
        return found

    def ranks(self, root: Array) -> Array:
        """Places in the order of delivery."""
        event = self.events(root)
        found = event.astype(np.float64)
        found[event < 0] = self._fired_rank[~root[event < 0]]
        return found

    def steps(self, root: Array) -> Array:
        """The step of each root's delivery."""
        event = self.events(root)
        found = np.zeros(len(root), np.int64)
        found[event >= 0] = self._event_step[event[event >= 0]]
        found[event < 0] = self._fired_step[~root[event < 0]]
        return found

    def direct(self, root: Array, at: Array) -> Array:
        """Indices of the window's events that were delivered at these times, else -1."""
        event = self.events(root)
        hosts = np.flatnonzero(event >= 0)
        event[hosts[self._event_te[event[hosts]] != at[hosts]]] = -1
        return event


class Sent:
    """Lists on the device that one model's NET_RECEIVE blocks fill."""

    def __init__(self, model: DeviceModel) -> None:
        self.model = model
        receivers = model.receivers()
        self._net_event = any(receive.uses_net_event for _, receive in receivers)
        self._own = any(receive.sends_itself for _, receive in receivers)
        instances = np.zeros(model.nodes.n_block, np.int64)  # that need no event of the host
        for mechanism, receive in receivers:
            if receive.uses_net_move or receive.uses_watch:
                block = model.instances[mechanism["name"]].block
                instances += np.diff(block) * (1 + len(receive.watched))
        self._unasked = int(instances.max(initial=0))

    def make_room(self, most: int, total: int) -> bool:
        """Room for what a window's events send, as far as it can be known; True if hx_model moved.

        most, total: events of the block with the most of them, and of all. The lists are empty
        between windows.
        """
        model = self.model
        n_self = max(_SELF, _EACH * (most + self._unasked))
        n_net_event = max(_NET_EVENTS, _EACH * (total + self._unasked * model.nodes.n_block))
        if self._own and n_self > model.values.get("max_self", 0):
            self._need("self", model.nodes.n_block * n_self, _OWN_DOUBLES, _OWN_INTS)
            model.values["max_self"] = n_self
        if self._net_event and n_net_event > model.values.get("max_net_event", 0):
            self._need("net_event", n_net_event, _NET_DOUBLES, _NET_INTS)
            model.values["max_net_event"] = n_net_event
        return model.arrays.moved

    def _need(self, prefix: str, n: int, doubles: tuple[str, ...], ints: tuple[str, ...]) -> None:
        for name in doubles:
            self.model.need(f"{prefix}_{name}", n, np.float64)
        for name in ints:
            self.model.need(f"{prefix}_{name}", n, np.int32)

    def check(self, outcome: Outcome) -> None:
        """Raises RuntimeError with what NEURON says of a time that has passed."""
        code, kind, instance = (int(value) for value in outcome.event_error)
        if not code:
            return
        name = self.model.entries[kind - 2].name
        index = int(self.model.instances[name].order[instance])
        reasons = {
            1: "No event with flag=1 for net_move in",
            2: "net_move tt < t in",
            3: "net_send delay < 0 in",
        }
        raise RuntimeError(f"{reasons[code]} {name}[{index}]")

    def left(self, outcome: Outcome) -> dict[str, Array]:
        """Events of the blocks' own lists that are not due in the window."""
        count, model = outcome.self_count, self.model
        most = int(count.max()) if self._own and len(count) else 0
        if most > model.values.get("max_self", 0):
            raise RuntimeError("more events of point processes to themselves than the device holds")
        held = np.arange(most) < count[:, None]
        found = {}
        for name in (*_OWN_DOUBLES, *_OWN_INTS):
            if most == 0:
                found[name] = np.zeros(0, np.float64 if name in _OWN_DOUBLES else np.int32)
                continue
            lists = model.arrays[f"self_{name}"][: len(count) * int(model.values["max_self"])]
            lists = lists.reshape(len(count), -1)
            found[name] = model.device.download(lists[:, :most])[held]
        return found

    def rows(
        self,
        window: Any,
        outcome: Outcome,
        own: dict[str, Array],
        roots: Roots,
        log: dict[str, Array] | None = None,
        log_first: Array | None = None,
    ) -> Any:
        """`sent` of _core.device_window_done; None where there is nothing. log, log_first: of
        Ordered.
        """
        self._log_first = log_first
        stride = window.weight.shape[1] if len(window.weight) else 1
        parts = [self._from_lists(own, max(1, stride))]
        parts.append(self._net_events(outcome) if log is None else self._logged(log))
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        root, at = found.pop("root"), found["at"]
        if not len(root):
            return None
        later = np.searchsorted(window.t[1:], at)
        found["event"] = roots.direct(root, at)
        step = np.minimum(np.maximum(roots.steps(root), later), int(window.n_step) - 1)
        found["step"] = np.where(found["event"] >= 0, roots.steps(root), step)
        found["key"] = self._keys(found)
        self._name(found)
        order = np.lexsort((np.arange(len(root)), roots.ranks(root), at, found["step"]))
        doubles = ("at", "time", "flag")
        return {
            name: values[order].astype(
                np.float64 if name in doubles else np.int64 if name == "key" else np.int32
            )
            for name, values in found.items()
        }

    def _keys(self, found: dict[str, Array]) -> Array:
        """Entries of the log, from kinds, places and numbers."""
        if self._log_first is None:
            return found["key"]
        return log_key(self._log_first, found["entry"], found["instance"], found["key"])

    def _name(self, found: dict[str, Array]) -> None:
        """Mechanisms and NEURON's instances from the device's kinds and places."""
        model = self.model
        kinds, place = found.pop("entry"), found["instance"]
        found["mechanism"], found["instance"] = np.zeros_like(kinds), np.zeros_like(place)
        names = [m["name"] for m in model.structure["mechanisms"]]
        for kind in np.unique(kinds):
            name, these = model.entries[kind - 2].name, kinds == kind
            found["mechanism"][these] = names.index(name)
            found["instance"][these] = model.instances[name].order[place[these]]

    @staticmethod
    def _from_lists(own: dict[str, Array], stride: int) -> dict[str, Array]:
        moved = own["origin"] >= 0
        return {
            "kind": np.where(moved, _NET_MOVE, _NET_SEND),
            "entry": own["kind"],
            "instance": own["instance"],
            "root": own["root"],
            "at": own["at"],
            "time": own["time"],
            "flag": own["flag"],
            "weight": np.where(own["weight"] >= 0, own["weight"] // stride, -1),
            "pending": own["origin"],
            "key": own["number"].astype(np.int64),
        }

    @staticmethod
    def _logged(log: dict[str, Array]) -> dict[str, Array]:
        """The net_event() of a window from its log (ordered.py)."""
        if not log:
            log = dict.fromkeys(("op", "kind", "instance", "root", "place"), np.zeros(0, np.int32))
            log |= {"at": np.zeros(0), "time": np.zeros(0)}
        these = log["op"] == _LOGGED_NET_EVENT
        of = {name: values[these] for name, values in log.items()}
        none = np.full(int(these.sum()), -1)
        return {
            "kind": np.full(len(none), _NET_EVENT),
            "entry": of["kind"],
            "instance": of["instance"],
            "root": of["root"],
            "at": of["at"],
            "time": of["time"],
            "flag": np.zeros(len(none)),
            "weight": none,
            "pending": none,
            "key": of["place"].astype(np.int64),
        }

    def _net_events(self, outcome: Outcome) -> dict[str, Array]:
        n, model = outcome.n_net_event if self._net_event else 0, self.model
        if n > model.values.get("max_net_event", 0):
            raise RuntimeError("more net_event() in a window than the device holds")
        at: dict[str, Array] = {}
        for name in (*_NET_DOUBLES, *_NET_INTS):
            kind = np.float64 if name in _NET_DOUBLES else np.int32
            array: Any = model.arrays.get(f"net_event_{name}")
            at[name] = model.device.download(array[:n]) if n else np.zeros(0, kind)
        none = np.full(n, -1)
        return {
            "kind": np.full(n, _NET_EVENT),
            "entry": at["kind"],
            "instance": at["instance"],
            "root": at["root"],
            "at": at["at"],
            "time": at["time"],
            "flag": np.zeros(n),
            "weight": none,
            "pending": none,
            "key": none,
        }


class Movable:
    """Which pending event net_move moves, for each instance of the mechanisms that call it."""

    def __init__(self, model: DeviceModel) -> None:
        self.model = model
        self.types: list[int] = []
        first = np.full(len(model.entries), -1, np.int32)
        self._n = 0
        for mechanism, receive in model.receivers():
            if receive.uses_net_move:
                self.types.append(mechanism["type"])
                first[model.numbers[mechanism["name"]]] = self._n
                self._n += model.instances[mechanism["name"]].size
        self._first = first

    def make_room(self) -> None:
        """Before a batch."""
        if self.types:
            self.model.put("movable_first", self._first)

    def load(self, window: Any, event_of_row: Array) -> bool:
        """Uploads what is pending when the window begins; True if an address changed."""
        if not self.types:
            return False
        movable = np.full(self._n, -1, np.int32)
        chosen = np.flatnonzero(np.asarray(window.event_movable))
        chosen = chosen[[m in self.types for m in self._types(window.event_mechanism[chosen])]]
        row_of_event = np.argsort(event_of_row)
        at = self._places(window.event_mechanism[chosen], window.event_instance[chosen])
        movable[at] = row_of_event[chosen]
        n = len(window.pending_mechanism)
        self._pending = self._places(window.pending_mechanism, window.pending_instance)
        movable[self._pending] = -3 - np.arange(n)
        stride = window.weight.shape[1] if len(window.weight) else 0
        weight = np.where(window.pending_weight < 0, -1, window.pending_weight * stride)
        put = self.model.staging.put
        changed = put("movable", movable)
        changed |= put("pending_weight", weight.astype(np.int32))
        return put("pending_moved", np.zeros(n, np.int32)) or changed

    def _types(self, mechanism: Array) -> list[int]:
        return [self.model.structure["mechanisms"][m]["type"] for m in mechanism]

    def _places(self, mechanism: Array, instance: Array) -> Array:
        """In `movable`. instance: NEURON's."""
        found = np.zeros(len(mechanism), np.int64)
        for index in np.unique(mechanism):
            name, these = self.model.structure["mechanisms"][index]["name"], mechanism == index
            first = self._first[self.model.numbers[name]]
            found[these] = first + self.model.instances[name].place[instance[these]]
        return found

    def found(self, own: dict[str, Array]) -> dict[str, Any]:
        """`consumed` and `forgotten` of _core.device_window_done. own: Sent.left()."""
        n = len(self._pending) if self.types else 0
        if n == 0:
            return {}
        device, arrays = self.model.device, self.model.arrays
        moved = device.download(arrays["pending_moved"][:n]) != 0
        now = device.download(arrays["movable"])[self._pending]
        number = np.arange(n)
        listed = np.isin(number, own["origin"])
        marked = np.isin(number, own["origin"][own["mark"] == _MARK_MOVABLE])
        return {
            "consumed": number[moved & ~listed].astype(np.int32),
            "forgotten": number[(now != -3 - number) & ~marked].astype(np.int32),
        }
