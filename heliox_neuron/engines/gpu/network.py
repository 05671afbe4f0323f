"""Spikes that fan out on the device: NetCons from its thresholds to its point processes.

NEURON's queue never sees the events of such a NetCon. The core keeps the spikes in flight and says
for each window which of their NetCons are due; kernels make rows of them and put them among the
host's events (src/gpu/network.cuh). When a batch ends, what is pending goes into NEURON's queue.
See docs/design/gpu-network.md for what that does to the order of events of equal time.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, Protocol

import numpy as np

from ...codegen.device_source import EVENT_RECEIVE
from ...errors import HelioXWarning
from .model import DeviceModel

_MOST_ON_THE_HOST = 20_000  # NetCons that are not worth it
_LEAST_STEPS = 100  # of a batch: what is pending at its end goes through NEURON's queue
_THREADS = 256
_MOST_BLOCKS = 1024
_OTHER_KIND = 0xFFF  # of due_key: a Vector's variable that no NET_RECEIVE has
_KIND_SHIFT, _STEP_SHIFT = 32, 44
_COLUMNS = {  # of the rows that kernels deliver
    "step": np.int32, "kind": np.int32, "head": np.int32, "instance": np.int32,
    "time": np.float64, "flag": np.float64, "weight": np.int32, "place": np.uint64,
    "slot": np.int32,
}  # fmt: skip


class Rows(Protocol):
    """The host's rows, block by block. steps: (n,) of the window; targets: (n,) int64."""

    steps: Any
    targets: Any


class Network:
    """The NetCons of one model. `active`: during the batch that take_over() began."""

    def __init__(self, core: Any, model: DeviceModel) -> None:
        self.core = core
        self.model = model
        self.active = False
        self._exact = True
        self._version = self._weight_version = -1
        self._n_due = self._n_range = 0
        receivers = [
            (mechanism["type"], mechanism["name"], receive)
            for mechanism, receive in model.receivers()
            if not any(receive.uses_net_move for _, receive in model.receivers())  # Movable's rows
            and not receive.sends
        ]
        self._sends = any(receive.sends for _, receive in model.receivers())
        self._types = [kind for kind, _, _ in receivers]
        self._written = [kind for kind, _, receive in receivers if receive.weights_written]
        self._widths = np.zeros(max(1, len(model.entries)), np.int32)
        for _, name, receive in receivers:
            width = -1 if receive.weights_written else receive.n_weight
            self._widths[model.numbers[name]] = width

    # ---- a batch ----

    def take_over(self, n_step: int) -> None:
        """Decides whether this batch's spikes fan out on the device, and uploads what changed.

        HELIOX_FANOUT=0 or 1 decides instead of the number of NetCons.
        """
        self.active = False
        wanted = os.environ.get("HELIOX_FANOUT", "")
        if wanted == "0" or not self._types or (wanted != "1" and n_step < _LEAST_STEPS):
            return
        if self._sends and self.core.get("fidelity") == "exact":
            return  # ordered.py needs every event in NEURON's queue
        known = self.core.device_network(self._types, self._written)
        if known["n"] == 0 or (wanted != "1" and known["n"] < _MOST_ON_THE_HOST):
            return
        self._exact = self.core.get("fidelity") == "exact"
        if self._exact and (known["others"] or not known["order_free"]):
            return
        if known["n"] >= 2**31:
            return
        if known["version"] != self._version:
            self._upload_connections(self.core.device_network_connections())
            self._version = known["version"]
        if known["weight_version"] != self._weight_version:
            weights = self.core.device_network_weights()
            self._n_weight = len(weights)
            self.model.put("net_weight", weights)
            self._weight_version = known["weight_version"]
        self.active = True

    def _upload_connections(self, found: dict[str, Any]) -> None:
        model = self.model
        mechanism, row = found["mechanism"], found["instance"]
        kind, place = np.zeros(len(row), np.int32), np.zeros(len(row), np.int32)
        block = np.zeros(len(row), np.int32)
        for index in np.flatnonzero(np.bincount(mechanism)):
            entry = model.structure["mechanisms"][index]
            these = np.flatnonzero(mechanism == index)
            kind[these] = EVENT_RECEIVE + model.numbers[entry["name"]]
            place[these] = model.instances[entry["name"]].place[row[these]]
            block[these] = model.nodes.block[entry["node"][row[these]]]
        weight = np.where(found["weight"] < 0, -1, -2 - found["weight"]).astype(np.int32)
        columns = {"kind": kind, "instance": place, "block": block, "weight_at": weight}
        for name, values in columns.items():
            model.put(f"net_{name}", values)
        model.put("net_delay", found["delay"])
        model.put("due_width", self._widths)
        model.put("due_count", np.zeros(model.nodes.n_block, np.int32))
        model.put("due_ties", np.zeros(1, np.int32))
        model.need("due_piece", _THREADS, np.int32)

    def begin(self) -> None:
        """From here on the core keeps what is in flight: finish() has to follow."""
        if self.active:
            self.core.device_network_begin(self._exact)

    def finish(self) -> None:
        """What is pending goes into NEURON's queue, weights to their NetCons."""
        if not self.active:
            return
        self.active = False
        self._n_due = self._n_range = 0
        device, arrays = self.model.device, self.model.arrays
        weights = None
        if self._written:
            weights = device.download(arrays["net_weight"][: self._n_weight])
        self.core.device_network_end(weights)
        ties = int(device.download(arrays["due_ties"])[0])
        if ties:
            self.model.put("due_ties", np.zeros(1, np.int32))
        if ties and self._exact:
            warnings.warn(
                f"{ties} events met another one at one point process at exactly the same time: "
                "their order may not be NEURON's (HELIOX_FANOUT=0 keeps it).",
                HelioXWarning,
                stacklevel=2,
            )

    # ---- a window ----

    def due(self, window: Any) -> int:
        """How many events of its own the device delivers in the window."""
        self._n_due = self._n_range = 0
        if not self.active:
            return 0
        base, first, count = self.core.device_network_due(float(window.t[-1]))
        self._ranges = {"base": base, "first": first.astype(np.int32), "count": count}
        self._n_range, self._n_due = len(base), int(count.sum())
        if self.model.values["split_events"]:  # phases have steps of their own
            self._until = np.stack([window.t_half, window.t[1:]], axis=1).reshape(-1)
        else:
            self._until = np.append(window.t_half, window.t[-1])
        self._n_step = len(self._until) - 1
        return self._n_due

    def load(self, rows: Rows) -> None:
        """Stages the ranges and what merging needs of the host's rows; makes room for both."""
        staging, room = self.model.staging, self._room
        for name, values in self._ranges.items():
            staging.put(f"range_{name}", values)
        staging.put("due_until", self._until)
        staging.put("host_key", self._keys(rows.steps, rows.targets))
        n = len(rows.steps) + self._n_due
        for name, kind in _COLUMNS.items():
            room(f"merged_{name}", n, kind)
        room("merged_first", self.model.nodes.n_block + 1, np.int32)
        room("event_origin", n, np.int32)
        room("due_key", n, np.int64)
        room("due_time", n, np.float64)
        for name in ("range", "row", "order"):
            room(f"due_{name}", n, np.int32)

    def link(self, n_due: int) -> None:
        """What the kernels read as the window's events: both kinds, or only the host's."""
        arrays, staging = self.model.arrays, self.model.staging
        for name in ("first", *_COLUMNS):
            event, source = f"event_{name}", f"{'merged' if n_due else 'host'}_{name}"
            if source not in arrays:
                continue
            staging.alias(event, "" if n_due else source)
            if n_due and arrays.get(event) is not arrays[source]:
                arrays[event] = arrays[source]

    def _room(self, name: str, n: int, kind: Any) -> None:
        held = self.model.arrays.get(name)
        if held is None or len(held) < n:
            self.model.need(name, n + n // 2, kind)

    def _keys(self, step: Any, targets: Any) -> Any:
        """As the kernels make them for their own rows. targets: (mechanism + 1) * 2**32 + row; a
        node's are less.
        """
        model = self.model
        keys = (np.int64(_OTHER_KIND) << _KIND_SHIFT) | np.unique(targets, return_inverse=True)[1]
        index = targets // 2**32 - 1
        for k in np.unique(index[index >= 0]):
            name = model.structure["mechanisms"][k]["name"]
            if name in model.numbers and name in model.instances:
                these = index == k
                place = model.instances[name].place[targets[these] % 2**32]
                kind = EVENT_RECEIVE + model.numbers[name]
                keys[these] = (np.int64(kind) << _KIND_SHIFT) | place
        return (step.astype(np.int64) << _STEP_SHIFT) | keys

    def run(self) -> None:
        """Starts the kernels that make the window's rows; hx_model is up to date."""
        if not self._n_due:
            return
        launch, n_block = self.model.module.launch, self.model.nodes.n_block
        grid = min(_MOST_BLOCKS, -(-self._n_range * 32 // _THREADS))
        if self.model.device.name == "host":
            grid = 1
        launch("hx_network_count", grid, _THREADS, 0, (self._n_range,))
        launch("hx_network_place", 1, _THREADS, 0, (n_block,))
        launch("hx_network_fan_out", grid, _THREADS, 0, (self._n_range, self._n_step))
        launch("hx_network_merge", n_block, _THREADS, 0, ())

    def events(self, of_host: Any) -> Any:
        """The window's events behind its rows, -1: none. of_host: those behind the host's rows."""
        if not self._n_due:
            return of_host
        origin = self.model.device.download(self.model.arrays["event_origin"])
        return np.append(of_host, -1)[origin[: len(of_host) + self._n_due]]

    def weight_rows(self, window: Any) -> Any:
        """Places in net_weight of the window's weights, -1: of no such NetCon. None: nowhere."""
        if not self.active or not self._written:
            return None
        return self.core.device_network_rows(window.weight_address)
