"""NEURON's order of events of equal time where point processes send events themselves.

NEURON's queue depends on when something was put into it. The host runs the queue ahead of the
device, so it does the window's operations again when the device is done (src/bridge/
device_order.cpp), with what the device noted (src/gpu/order.cuh). If the device delivered two
events of one time to an instance the other way round, its memory goes back to the window's start,
and it does the window again with what is to come first.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...codegen.device_source import EVENT_RECEIVE
from ...errors import HelioXWarning
from .device import Array
from .model import DeviceModel
from .outcome import Outcome
from .sent import log_key
from .translate import Refusal

_LOG = 16384  # entries of a window, at first
_INTS = ("place", "op", "root", "own", "kind", "instance", "moved", "what")
_ENTRY = np.dtype([(name, np.int32) for name in _INTS] + [("at", float), ("time", float)])
_AT_ONCE = 1024  # entries that come with their number
_WORDS = 4096  # ints of an array for one block of threads
_FIRST_STEPS, _LEAST_STEPS, _MOST_STEPS = 512, 8, 1 << 30  # of a window
_FEW = 2  # times that a window is done again
_HOST = -(2**31)  # log_own: the host's row log_root
_DELIVERED = 5  # log_op, src/gpu/order.cuh
_MOVED, _DROPPED = 2, 3
_ROW_MOVED = 1
_NO_COPY = frozenset((
    "tree_table", "tree_first", "kin", "child", "child_first", "block_node", "workspace",
    "workspace_first", "record_value", "spike", "gate", "log_entry", "log_first", "collected",
    "collect_column", "collect_place", "collect_first",
))  # fmt: skip
First = tuple[int, float, list[tuple[int, int]]]


def fired_number(step: Any, watch: Any) -> Any:
    """Number of the event of a WATCH that came true; others have log_key()."""
    return -1 - (np.asarray(step, np.int64) << 32 | np.asarray(watch, np.int64))


class Ordered:
    """The order of one model's events. `active`: in this batch."""

    def __init__(self, core: Any, model: DeviceModel) -> None:
        self.core = core
        self.model = model
        receives = [receive for _, receive in model.receivers()]
        self._sends_itself = any(r.sends_itself for r in receives)
        self.possible = any(r.sends for r in receives)
        self._assigns_more = any(r.writes_v or r.ion_store or r.pointers for r in receives)
        self._types = (
            [m["type"] for m, _ in model.receivers()],
            [m["type"] for m, r in model.receivers() if r.sends_itself],
        )
        self.active = False
        self._wrong = 0
        self._lost = ""  # why
        self._limit = _FIRST_STEPS
        self._saved: list[Any] = []  # what kernels may write
        self._rows: Any = None  # of hx_copy: each of them once, and its copy in _copied
        self._copied: Any = None
        self._n_copy = self._n_part = 0
        self._held: tuple[Array, Array, Array] | None = None  # pinned: entries, number, ranks
        self.log: dict[str, Array] = {}  # of the window, by instance and place
        self.first = np.zeros(len(model.entries), np.int32)  # of each entry's instances, in the log
        self._n = 0
        for mechanism, _ in model.receivers():
            self.first[model.numbers[mechanism["name"]]] = self._n
            self._n += model.instances[mechanism["name"]].size

    # ---- a batch ----

    def take_over(self) -> None:
        """Raises Refusal where NEURON's queue cannot be watched."""
        self.active = self.possible and self.core.get("fidelity") == "exact"
        values = self.model.values
        values["ordered"], values["n_first"] = int(self.active), 0
        if not self.active:
            return
        why = self.core.device_order_obstacle()
        if self.model.staging.mapped:
            why = "the device has no memory for a window's events"
        if why:
            raise Refusal("HX033", f"the order of events of equal time is not known: {why}")
        if "max_log" not in values:
            self._make_log(_LOG)
            self.model.put("log_first", self.first)
        self.model.put("log_count", np.zeros(self._n, np.int32))

    def begin(self, serial: Array) -> None:
        """serial: of each WATCH condition, the order of activation. finish() has to follow."""
        if self.active:
            self._wrong = 0
            self._make_copies()  # a window that was begun has to be finished
            self.core.device_order_receivers(*self._types, self._assigns_more)
            self.core.device_order_begin(serial.tolist())

    def finish(self) -> None:
        if not self.active:
            return
        self.core.device_order_end()
        self.active = False
        wrong, self._wrong = self._wrong, 0
        if wrong:
            lost, self._lost = self._lost, ""
            warnings.warn(
                f"{wrong} events met another one at exactly the same time, and which of them "
                "NEURON delivers first was not known: their order, and that of others after them, "
                f'may not be NEURON\'s (heliox.device = "cpu" keeps it).{lost}',
                HelioXWarning,
                stacklevel=2,
            )

    def _make_log(self, n: int) -> None:
        self.model.need("log_entry", n * _ENTRY.itemsize // 8, np.float64)
        self.model.values["max_log"] = n

    # ---- a window ----

    def load(self, n_row: int) -> bool:
        """The log is empty; n_row: events of the window. True if an address changed."""
        if not self.active:
            return False
        put = self.model.staging.put
        changed = put("n_log", np.zeros(1, np.int32))
        changed |= put("event_rank", np.full(max(1, n_row), -1, np.int32))
        return self._put_first([]) or changed

    def _put_first(self, rows: list[tuple[int, int, float, int, int]]) -> bool:
        """rows: kind, instance, time, row, number."""
        self._first = rows
        self.model.values["n_first"] = len(rows)
        put, changed = self.model.staging.put, False
        columns = list(zip(*rows, strict=True)) if rows else [()] * 5
        for name, column in zip(("kind", "instance", "time", "row", "number"), columns,
                                strict=True):  # fmt: skip
            dtype = np.float64 if name == "time" else np.int32
            changed |= put(f"first_{name}", np.array(column, dtype))
        return put("first_done", np.zeros(len(rows), np.int32)) or changed

    def save(self) -> None:
        """Copies what kernels may write, before a window. What the host sends it has itself."""
        self._make_copies()
        self._copy(back=False)

    def _copy(self, back: bool) -> None:
        n_block = self._n_copy * self._n_part
        arguments = (np.uint64(self.model.device.address(self._rows)), self._n_copy, int(back))
        self.model.module.launch("hx_copy", n_block, 256, 0, arguments)

    def _make_copies(self) -> None:
        device, model = self.model.device, self.model
        staged = {id(model.arrays[name]) for name in model.staging.names()}
        found = [a for name, a in model.arrays.items() if name not in _NO_COPY]
        found = [a for a in found if id(a) not in staged]
        found += [column.device for column in model.columns.values() if column.written]
        if [id(a) for a in found] == [id(a) for a in self._saved]:
            return
        self._saved = found
        arrays = {device.address(a): a.nbytes // 4 for a in found if a.size}
        address = np.array(list(arrays), np.uint64)
        words = np.array(list(arrays.values()), np.int64)
        first = np.cumsum([0, *(words + words % 2)])  # a double begins at a multiple of 8 bytes
        self._copied = None  # not both at a time
        self._copied = device.empty(int(first[-1]), np.int32)
        copy = device.address(self._copied) + 4 * first[:-1]
        rows = np.stack([address, copy.astype(np.uint64), words.astype(np.uint64)], axis=1)
        self._rows = device.array(rows)
        self._n_copy = len(rows)
        longest = int(words.max(initial=0))
        self._n_part = 1 if device.name == "host" else max(1, min(64, longest // _WORDS))

    def restore(self) -> None:
        """What save() copied, and what the host sends for the window."""
        self._copy(back=True)
        self.model.staging.again()

    def agrees(self, window: Any, events: Any, spikes: Any, outcome: Outcome | None) -> bool:
        """Whether the device did the window in NEURON's order; else it is to do it again.

        spikes: step and source, of the window. outcome: None where nothing was found.
        """
        self.log = {}
        if outcome is not None and outcome.event_error[0]:
            return True  # events.done() says so
        event_of_row = events.event_of_row()
        rank = np.arange(len(event_of_row))
        if outcome is not None or (self._first and self._sends_itself):
            n, rank = self._fetch(len(event_of_row))
            if n > self.model.values["max_log"]:
                self._make_log(2 * n)
                return False
            self.log = self._read(n)
        fired = events.fired(outcome)
        log = self._log(window, event_of_row)
        delivered = self._delivered(window, event_of_row, rank)
        firsts = self.core.device_order(window, *spikes, log, delivered, fired)
        if firsts:
            self._force(firsts, event_of_row)
        return not firsts

    def done(self, wrong: int) -> None:
        """wrong: of _core.device_window_done()."""
        self._wrong += wrong
        why = self.core.device_order_lost() if wrong else ""
        self._lost = f" The order was lost: {why}." if why else self._lost

    def window_limit(self) -> int:
        """Most steps of a window. A window that is done again costs all its steps."""
        return self._limit if self.active else _MOST_STEPS

    def count(self, n_again: int) -> None:
        """n_again: how often the last window was done again."""
        if n_again > _FEW:
            self._limit = max(_LEAST_STEPS, self._limit // 2)
        elif not n_again:
            self._limit = min(_MOST_STEPS, 2 * self._limit)

    def _fetch(self, n_row: int) -> tuple[int, Array]:
        """Entries of the log, and the place of each of the window's rows; the first entries too."""
        device, arrays = self.model.device, self.model.arrays
        if self._held is None or len(self._held[2]) < n_row:
            self._held = (
                device.pinned(_AT_ONCE * _ENTRY.itemsize // 8),
                device.pinned(1, np.int32),
                device.pinned(2 * n_row + 1, np.int32),
            )
        entries, number, rank = self._held
        device.begin_download(number, arrays["n_log"][:1])
        some = arrays["log_entry"][: len(entries)]
        device.begin_download(entries[: len(some)], some)
        device.begin_download(rank[:n_row], arrays["event_rank"][:n_row])
        device.synchronize()
        if not self._sends_itself:
            return int(number[0]), np.arange(n_row)
        return int(number[0]), rank[:n_row].astype(np.int64)

    def _read(self, n: int) -> dict[str, Array]:
        """The log, by instance and place."""
        assert self._held is not None
        words = self._held[0]
        if n > _AT_ONCE:
            held = self.model.arrays["log_entry"]
            words = self.model.device.download(held[: n * _ENTRY.itemsize // 8])
        entries = words.view(_ENTRY)[:n]
        slot = self.first[entries["kind"] - EVENT_RECEIVE] + entries["instance"]
        entries = entries[np.lexsort((entries["place"], slot))]
        return {name: np.ascontiguousarray(entries[name]) for name in _ENTRY.names or ()}

    def _key(self, window: Any, log: dict[str, Array], number: Array, at: Array) -> Array:
        """Numbers of events of the blocks' own lists, for the core. at: time of a WATCH's [ms]."""
        step = np.searchsorted(window.t, at)
        return np.where(number >= 0, log_key(self.first, log["kind"], log["instance"], number),
                        fired_number(step, -2 - number.astype(np.int64)))  # fmt: skip

    def _log(self, window: Any, event_of_row: Array) -> dict[str, Array]:
        """_core.device_order()'s `log`."""
        log = self.log
        if not log:
            none, long = np.zeros(0, np.int32), np.zeros(0, np.int64)
            return {"op": none, "key": long, "event": none, "own": long, "time": np.zeros(0),
                    "mechanism": none, "instance": none, "moved": none, "what": long}  # fmt: skip
        these = log["op"] != _DELIVERED
        log = {name: values[these] for name, values in log.items()}
        hosts = log["own"] == _HOST
        event = np.full(len(hosts), -1, np.int64)
        event[hosts] = event_of_row[log["root"][hosts]]
        what = log["what"].astype(np.int64)
        row = (log["op"] == _MOVED) & (log["moved"] == _ROW_MOVED)
        what[row] = event_of_row[log["what"][row]]
        numbered = ((log["op"] == _MOVED) & (log["moved"] == 0)) | (log["op"] == _DROPPED)
        what[numbered] = self._key(window, log, log["what"], log["time"])[numbered]
        mechanism, instance = self._named(log["kind"], log["instance"])
        return {
            "op": log["op"],
            "key": log_key(self.first, log["kind"], log["instance"], log["place"]),
            "event": event.astype(np.int32),
            "own": self._key(window, log, log["own"], log["at"]),
            "time": log["time"],
            "mechanism": mechanism,
            "instance": instance,
            "moved": log["moved"],
            "what": what,
        }

    def _named(self, kind: Array, place: Array) -> tuple[Array, Array]:
        """Mechanisms and NEURON's instances from the device's kinds and places."""
        model = self.model
        mechanism, instance = np.zeros_like(kind), np.zeros_like(place)
        names = [m["name"] for m in model.structure["mechanisms"]]
        for k in np.unique(kind):
            name, these = model.entries[k - EVENT_RECEIVE].name, kind == k
            mechanism[these] = names.index(name)
            instance[these] = model.instances[name].order[place[these]]
        return mechanism, instance

    def _delivered(self, window: Any, event_of_row: Array, rank: Array) -> dict[str, Array]:
        """_core.device_order()'s `delivered`: at each instance in the device's order. rank: the
        place of each row, -1 for one that was moved.
        """
        n_event = len(window.event_step)
        rows = np.flatnonzero((event_of_row >= 0) & (event_of_row < n_event) & (rank >= 0))
        event = event_of_row[rows]
        mechanism = np.asarray(window.event_mechanism)[event].astype(np.int64)
        target = (mechanism + 1 << 32) + np.asarray(window.event_instance)[event]
        own = np.full(len(rows), -1, np.int64)
        place = rank[rows].astype(np.int64)
        if self.log:
            these = np.flatnonzero(self.log["op"] == _DELIVERED)
            log = {name: values[these] for name, values in self.log.items()}
            kinds, instances = self._named(log["kind"], log["instance"])
            keys = self._key(window, log, log["own"], log["time"])
            event = np.append(event, np.full(len(these), -1))
            own = np.append(own, keys)
            target = np.append(target, (kinds.astype(np.int64) + 1 << 32) + instances)
            place = np.append(place, log["place"])
        order = np.lexsort((place, target))
        return {
            "target": target[order],
            "event": event[order].astype(np.int32),
            "own": own[order],
        }

    def _force(self, firsts: list[First], event_of_row: Array) -> None:
        """The device is to do these first, in place of what was said of the same before."""
        if not self._sends_itself:
            raise RuntimeError("what point processes send within a window came within it")
        row_of_event = {int(event): row for row, event in enumerate(event_of_row)}
        rows = {row[:3]: [] for row in self._first}
        for row in self._first:
            rows[row[:3]].append(row)
        for target, t, chosen in firsts:
            index, raw = divmod(target - 2**32, 2**32)
            name = self.model.structure["mechanisms"][index]["name"]
            kind = EVENT_RECEIVE + self.model.numbers[name]
            instance = int(self.model.instances[name].place[raw])
            rows[kind, instance, t] = [
                (kind, instance, t, *self._named_by(event, own, row_of_event))
                for event, own in chosen
            ]
        self._put_first([row for key in sorted(rows) for row in rows[key]])

    @staticmethod
    def _named_by(event: int, own: int, row_of_event: dict[int, int]) -> tuple[int, int]:
        """Row and number of an event, as kernels know it."""
        if event >= 0:
            return row_of_event[event], -1
        return -1, own & 0x7FFFFFFF if own >= 0 else -2 - ((-1 - own) & 0x7FFFFFFF)
