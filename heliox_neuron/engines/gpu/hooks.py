"""BEFORE and AFTER blocks whose instances see each other through POINTERs (device_hooks.py).

Numbers: elements of hoc Vectors that such a block adds to or reads. They are no column of the
model: the device holds them in an array of their own, which follows NEURON's before and after
each batch.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...codegen.device_hooks import Stage, part_name, stages_of
from ...nmodl.before_after import pointers_read
from ...nmodl.lower import Kernel
from .device import Array
from .model import DeviceModel
from .words import Key

_SIGNS = {"+": 0, "-": 1, "=": 2}


@dataclass(frozen=True)
class Role:
    """What a mechanism does with one of its POINTERs. written: a block assigns it. early: BEFORE
    BREAKPOINT reads it. step: BREAKPOINT or NET_RECEIVE reads it. hooks: the mechanism has blocks.
    """

    written: bool
    early: bool
    step: bool
    hooks: bool

    @staticmethod
    def of(kernel: Kernel, number: int) -> Role:
        pointer = kernel.mechanism.pointers[number]
        bodies = [body for body in (kernel.current, kernel.state) if body is not None]
        step = any(pointer in pointers_read(kernel.mechanism, body) for body in bodies)
        step |= kernel.receive is not None and pointer in kernel.receive.pointers
        written = any(pointer in hook.writes for hook in kernel.hooks)
        early = any(
            hook.kind == "BEFORE BREAKPOINT"
            and pointer in pointers_read(kernel.mechanism, hook.body)
            for hook in kernel.hooks
        )
        return Role(written, early, step, bool(kernel.hooks))


@dataclass
class Targets:
    """Where the instances' POINTERs lead, by NEURON's index: addresses on the device, 0 for one
    that is not set. keys: the columns among them.
    """

    address: Array
    keys: set[Key] = field(default_factory=set)


class Numbers:
    """Elements of Vectors on the device, in the order of their addresses on the host."""

    def __init__(self, core: Any, model: DeviceModel) -> None:
        self.core = core
        self.model = model
        self.address = np.zeros(0, np.uint64)
        self._sent = np.zeros(0)

    def look(self, addresses: list[Array], blocks: list[Array]) -> None:
        """Before anybody asks where variables are. addresses: of POINTERs, with their blocks."""
        found = {"address": np.zeros(0, np.uint64), "block": np.zeros(0, np.int64)}
        if addresses:
            every, block = np.concatenate(addresses), np.concatenate(blocks)
            self.core.device_take_numbers([])
            kind = self.core.device_resolve(every)[0]
            these = (kind == 0) & (every != 0)
            outside, first = np.unique(every[these], return_index=True)
            taken = self.core.device_take_numbers(outside.tolist())
            found = {"address": outside[taken], "block": block[these][first][taken]}
        else:
            self.core.device_take_numbers([])
        self.address = found["address"]
        self.model.number_block = found["block"]
        self.model.need("numbers", max(1, len(self.address)), np.float64)

    def take_over(self) -> None:
        """The host's values."""
        pointers = (ctypes.c_double.from_address(a) for a in self.address.tolist())
        self._sent = np.array([p.value for p in pointers], np.float64)
        if len(self._sent):
            self.model.put("numbers", self._sent)

    def give_back(self) -> None:
        """After a batch: what changed."""
        n = len(self._sent)
        if not n:
            return
        device = self.model.device
        values = device.pinned(n)
        device.begin_download(values, self.model.arrays["numbers"][:n])
        device.synchronize()
        changed = np.flatnonzero(values.view(np.uint64) != self._sent.view(np.uint64))
        for k in changed.tolist():
            ctypes.c_double.from_address(int(self.address[k])).value = float(values[k])


def _is_serial(stage: Stage, targets: dict[str, Targets]) -> bool:
    """Whether the order of instances matters beyond sums."""
    hook = stage.hook
    if hook.writes and hook.parts is None:
        return True
    stored = {("column", stage.name, v.name) for v in hook.columns.store}
    own = stored | {("column", stage.name, v.name) for v in hook.columns.load}
    read = [targets[p.name] for p in hook.reads if p not in hook.writes]
    written = [targets[p.name] for p in hook.writes]
    if any(t.keys & stored for t in read) or any(t.keys & own for t in written):
        return True
    if not written:
        return False
    looked_at = [np.unique(t.address[t.address != 0]) for t in written]
    looked_at.append(
        np.unique(np.concatenate([np.zeros(0, np.uint64), *(t.address for t in read)]))
    )
    every = np.concatenate(looked_at)
    return len(np.unique(every)) < len(every)


def upload_sums(model: DeviceModel, targets: dict[tuple[str, str], Targets]) -> None:
    """hx_model's sums and what has to run in order. targets: by mechanism and POINTER."""
    n_block = model.nodes.n_block
    stages = stages_of(model.entries)
    rows: list[tuple[int, int, int, Array]] = []  # (stage and block, place, sign, parts)
    for stage in stages:
        if stage.alone:
            continue
        mine = {p.name: targets[stage.name, p.name] for p in stage.kernel.mechanism.pointers
                if (stage.name, p.name) in targets}  # fmt: skip
        serial = _is_serial(stage, mine)
        model.values[f"{stage.name}__serial_{stage.block}"] = int(serial)
        if not serial:
            rows += _sums(model, stage, mine)
    rows.sort(key=lambda row: row[0])
    counts = np.bincount([row[0] for row in rows], minlength=len(stages) * n_block)
    parts = [row[3] for row in rows]
    model.values["n_sum_block"] = n_block
    model.put("sum_first", np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    model.put("sum_place", np.array([row[1] for row in rows], np.uint64))
    model.put("sum_sign", np.array([row[2] for row in rows], np.int32))
    sizes = [len(part) for part in parts]
    model.put("sum_part_first", np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))
    model.put("sum_part", np.concatenate([np.zeros(0, np.uint64), *parts]))
    model.values["n_sum"] = len(rows)


def _sums(
    model: DeviceModel, stage: Stage, targets: dict[str, Targets]
) -> list[tuple[int, int, int, Array]]:
    rows = []
    block = model.nodes.block[model.mechanisms[stage.name]["node"]]
    place = model.instances[stage.name].place.astype(np.uint64)
    for pointer in stage.hook.writes:
        name = f"{stage.name}__{part_name(stage.block, pointer)}"
        base = model.device.address(model.arrays[name])
        part = base + np.uint64(8) * place
        address = targets[pointer.name].address
        order = np.argsort(address, kind="stable")  # NEURON's order within a sum
        found, first = np.unique(address[order], return_index=True)
        for target, members in zip(found.tolist(), np.split(order, first[1:]), strict=True):
            if target:
                at = stage.number * model.nodes.n_block + int(block[members[0]])
                rows.append((at, target, _SIGNS[stage.hook.signs[pointer]], part[members]))
    return rows
