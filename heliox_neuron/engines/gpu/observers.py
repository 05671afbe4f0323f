"""Who looks at a running model: Vector.record, Vector.play, thresholds of NetCons."""

from __future__ import annotations

from typing import Any

import numpy as np

from .counted import Counted
from .device import Array
from .model import DeviceModel
from .outcome import Outcome
from .translate import Refusal
from .variables import Place, host_value, places

# what to do about a refusal
_IN_EVERY_STEP = "record it in every step instead"
_WITHOUT_RECORD = "without this record the device runs the model"
_BETWEEN = "set it between two advances instead"
_WITHOUT_NETCON = "without this NetCon the device runs the model"
_RECORD_BYTES = 16 * 2**20
_MOST_STEPS = 65536
_MOST_SPIKES = 4 * 2**20  # 32 MiB; the fewer a window may find, the more windows there are


class Observers:
    """Records, plays and thresholds during one batch."""

    def __init__(self, core: Any, model: DeviceModel) -> None:
        self.core = core
        self.model = model
        self.whole = False
        self.sync = False  # somebody looks at what threads other than his own store
        self.outcome: Outcome
        self._counted = Counted(core, model)
        self.tests_points = False  # thresholds of variables other than v
        self._seen: tuple[Any, ...] = ()  # what the rest was made for
        self._play_addresses = b""
        self._rows = 0
        self._held: list[Array] = [np.zeros(0), np.zeros(0)]  # what windows recorded, in turn
        self._turn = 0
        self._found: bool | None = None  # by the last launch; None: not read yet
        self._next: tuple[int, Array, Array] | None = None  # of the window that runs
        self._recorded: tuple[int, Array, Array] | None = None  # of the one before

    # ---- before the batch ----

    def take_over(self) -> None:
        """Finds who looks at what. Raises Refusal."""
        self.sources = self.core.device_sources()
        looked = [*self.core.device_record_table(), self.sources["address"]]
        now = (*(array.tobytes() for array in looked), self.sources["threshold"].tobytes(),
               len(self.model.columns), self.model.number_block.tobytes(),
               self._counted.look())  # fmt: skip
        if now == self._seen:
            return
        self._seen = ()
        self._take_records()
        self._take_touched()
        self._take_sources()
        self._play_addresses = b""
        self._seen = now

    def _by_block(self, found: list[Place], name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Uploads slots and addresses in the order of blocks; returns that order."""
        model, n_block = self.model, self.model.nodes.n_block
        blocks = np.array([place.block for place in found], np.int64)
        order = np.argsort(blocks, kind="stable")
        first = np.concatenate([[0], np.cumsum(np.bincount(blocks, minlength=n_block))])
        slots = np.array([place.slot for place in found], np.int32)[order]
        addresses = np.array([place.address for place in found], np.uint64)[order]
        model.put(f"{name}_first", first.astype(np.int32))
        model.put(f"{name}_slot", slots)
        model.put(f"{name}_place", addresses)
        return order

    def _take_records(self) -> None:
        listed = enumerate(self.core.device_records())
        records = [
            {"index": k, **r}
            for k, r in listed
            if r["continuous"] and not r["host"] and r["kind"] in ("y", "t")
        ]
        addresses = np.array([r["address"] for r in records], np.uint64)
        found = places(self.core, self.model, addresses)
        self._times: list[int] = []
        self._constants: list[tuple[int, int]] = []  # (record, address on the host)
        sampled: list[tuple[int, Place]] = []
        for record, place in zip(records, found, strict=True):
            if record["kind"] == "t" or place.time:
                self._times.append(record["index"])
            elif not place.known:
                raise Refusal("HX033", self._not_held("a Vector records", record, _WITHOUT_RECORD))
            elif place.slot < 0 and not place.address:
                self._constants.append((record["index"], record["address"]))
            else:
                sampled.append((record["index"], place))
        counting = places(self.core, self.model, self._counted.addresses())
        sampled += [(-1 - k, place) for k, place in enumerate(counting)]
        order = self._by_block([place for _, place in sampled], "record")
        self._records = [sampled[k][0] for k in order]
        self.whole = any(place.lean for _, place in sampled)
        self.sync = any(place.slot < 0 for _, place in sampled)
        index = np.array(self._records, np.int32)
        self._of_vectors = np.flatnonzero(index >= 0)
        self._record_index = index[self._of_vectors]
        counters = np.flatnonzero(index < 0)  # in the order of their addresses
        self._of_counters = counters[np.argsort(-1 - index[counters])]
        self.model.values["n_record"] = len(sampled)

    def _take_touched(self) -> None:
        """What Vectors play into, or sample at times of their own. Refused now if the device
        cannot: a window that was begun has to be finished.
        """
        if self.model.has_steady:
            self.model.values["steady_again"] = 0  # unless something plays into what is steady
        listed = [r for r in self.core.device_records() if r["address"]]
        found = places(self.core, self.model, np.array([r["address"] for r in listed], np.uint64))
        self._played: set[int] = set()
        for record, place in zip(listed, found, strict=True):
            if record["kind"] in ("play", "play_step"):
                if record["host"] and self.core.device_is_of_artificial_cell(record["address"]):
                    continue  # who reads it is on the host too
                if not place.held:
                    raise Refusal("HX033", self._not_held("a Vector plays into", record, _BETWEEN))
                self.model.mark_written(place.key)
                self._played.add(int(record["address"]))
            elif record["kind"] == "discrete" and place.time:  # NEURON's t stands still in a window
                raise Refusal("HX033", f"a Vector records t at given times ({_IN_EVERY_STEP})")
            elif record["host"]:
                self._check_host(int(record["address"]))
            elif record["kind"] in ("dt", "discrete"):
                self.whole |= place.lean

    def _check_host(self, address: int) -> None:
        """The host samples this variable while it makes a window: the device must not write it."""
        written = (key[1] for key in self.model.columns if key[0] == "global")
        if any(self.model.global_value(name).ctypes.data == address for name in written):
            name = self.core.device_name(address)
            reason = f"a Vector records {name}, a GLOBAL that a mechanism assigns"
            raise Refusal("HX033", f"{reason} ({_WITHOUT_RECORD})")
        written_weights = any(receive.weights_written for _, receive in self.model.receivers())
        if written_weights and self.core.device_is_weight(address):
            name = self.core.device_name(address)
            reason = f"a Vector records {name}, a weight that NET_RECEIVE assigns"
            raise Refusal("HX033", f"{reason} ({_WITHOUT_RECORD})")

    def _not_held(self, who: str, what: dict[str, Any], instead: str) -> str:
        name = self.core.device_name(int(what["address"]))
        return f"{who} {name}, of which the device has no copy ({instead})"

    def _take_sources(self) -> None:
        addresses = self.sources["address"]
        found = places(self.core, self.model, addresses)
        for address, place in zip(addresses, found, strict=True):
            if not place.held:
                watched = {"address": address}
                raise Refusal("HX033", self._not_held("a NetCon watches", watched, _WITHOUT_NETCON))
        order = self._by_block(found, "source")
        self._source_order = order
        self._source_rank = np.argsort(order)
        n = len(found)
        self.model.put("source_threshold", self.sources["threshold"][order])
        self._max_spike = max(32768, 32 * n, min(_MOST_SPIKES, 1024 * n))
        self.model.values["max_spike"] = self._max_spike
        self.outcome = Outcome(
            self.model.device, self.model.arrays, self.model.nodes.n_block, n, self._max_spike
        )
        kind, index, _, row, _ = self.core.device_resolve(addresses)
        self._of_v = (kind == 1) & (index == 0)
        self._v_row = row[self._of_v]
        self.whole |= any(place.lean for place in found)
        self.tests_points = any(place.slot < 0 for place in found)
        self.sync |= self.tests_points
        # events at the end of a step may change what the next check sees: the device checks first
        assigned = any(r.writes_v or r.ion_store for _, r in self.model.receivers())
        self._single = n > 0 and (assigned or not self._played.isdisjoint(addresses.tolist()))

    def crossing_now(self) -> tuple[Any, Any]:
        """(sources that cross, flags) at the check of the step that starts now: NEURON's memory."""
        value = self._values_now()
        above = value - self.sources["threshold"] > 0.0
        crossing = np.flatnonzero(above & ~self.sources["flag"]).astype(np.int32)
        if len(above):
            self.outcome.set_flags(above[self._source_order])
        return crossing, above

    def _values_now(self) -> Any:
        """The sources' variables in NEURON's memory."""
        value = np.empty(len(self._of_v))
        value[self._of_v] = self.model.structure["node"]["v"][self._v_row]
        for k in np.flatnonzero(~self._of_v):
            value[k] = host_value(int(self.sources["address"][k]))
        return value

    def window_limit(self) -> int:
        """Most steps of a window: what the buffers hold, and thresholds allow."""
        if self._single:
            return 1
        n_record = max(1, len(self._records))
        most = max(1, _RECORD_BYTES // (8 * n_record))
        if n_source := len(self.sources["address"]):
            most = min(most, 2 * self._max_spike // n_source)  # each crosses at every other check
        return int(min(_MOST_STEPS, most))

    # ---- a window ----

    def make_room(self, n_step: int) -> int:
        """Steps that can be recorded: n_step, fewer where the device has no more memory."""
        n_record = len(self._records)
        while n_step * n_record > self._rows:
            try:
                self.model.need("record_value", n_step * n_record, np.float64)
            except MemoryError:
                n_step //= 2
                continue
            self._rows = n_step * n_record
            self.append()  # it may lie in what is replaced
            self._held = [self.model.device.pinned(self._rows) for _ in range(2)]
        return n_step

    def load(self, window: Any) -> bool:
        """Uploads what the window plays; True where numbers of hx_model changed."""
        n_play = len(window.play_address)
        changed = self.model.values.get("n_play", 0) != n_play
        self.model.values["n_play"] = n_play
        if n_play:
            changed |= self._load_plays(window)
        return changed

    def _load_plays(self, window: Any) -> bool:
        changed = False
        addresses = np.asarray(window.play_address, np.uint64)
        if addresses.tobytes() != self._play_addresses:
            self._play_addresses = addresses.tobytes()
            found = places(self.core, self.model, addresses)
            self._play_order = self._by_block(found, "play")
            changed = True
        values = np.ascontiguousarray(window.play[:, :, self._play_order]).reshape(-1)
        return self.model.staging.put("play_value", values) or changed

    def begin_fetch(self, window: Any) -> None:
        """After the launch: what the window records, on its way to the host."""
        n_step, held = int(window.n_step), self._held[self._turn]
        self._next = (n_step, held, window.t)
        if self._records:
            n = n_step * len(self._records)
            array = self.model.arrays["record_value"][:n]
            self.model.device.begin_download(held[:n], array)
        self._turn = 1 - self._turn

    def append(self) -> None:
        """Gives Vectors what the window before recorded, while the device does this one."""
        recorded, self._recorded = self._recorded, None
        if recorded is not None:
            n_step, held, t = recorded
            rows = held[: n_step * len(self._records)]
            if len(self._of_counters):
                table = rows.reshape(n_step, -1)
                self._counted.append(table[:, self._of_counters], t[1:])
                rows = table[:, self._of_vectors].reshape(-1)
            if len(self._record_index):
                self.core.device_append_rows(self._record_index, rows, n_step)
            for record in self._times:
                self.core.device_append(record, t[1:])
            for record, address in self._constants:
                self.core.device_append(record, np.full(n_step, host_value(address)))

    def unload(self, window: Any, events: Any, detected_last: bool) -> tuple[Any, Any]:
        """Gives NEURON what the device found; returns what crosses at the next check, and None:
        sources get their flags in finish().
        """
        self._recorded, self._next = self._next, None
        step, source, crossing = self.found(window)
        events.done(window, step, source, self.outcome if self._found else None)
        none = np.zeros(0, np.int32)
        self._found = None
        return crossing if detected_last else none, None

    def look(self) -> Outcome | None:
        """After synchronize(): reads the outcome; None where nothing was found."""
        self._found = self.outcome.read()
        return self.outcome if self._found else None

    def found(self, window: Any) -> tuple[Any, Any, Any]:
        """(step, source) of the window's spikes, and sources that cross at its end."""
        if self._found is None:
            self.look()
        none = np.zeros(0, np.int32)
        if not self._found:
            return none, none, none
        step, source = self._spikes()
        late = step == int(window.n_step)
        return step[~late], source[~late], source[late]

    def _spikes(self) -> tuple[Any, Any]:
        """(step, source), in the order of NEURON's checks."""
        step, place = self.outcome.spikes()
        if not len(step):
            return step, place
        source = self._source_order[place]
        order = np.lexsort((source, step))
        return step[order].astype(np.int32), source[order].astype(np.int32)

    def finish(self) -> None:
        """After a batch."""
        self._next = None  # of a window that failed
        self.append()
        if len(self.sources["address"]):
            flags = self.outcome.flags()[self._source_rank]
            self.core.device_spikes(np.zeros(0, np.int32), flags)
