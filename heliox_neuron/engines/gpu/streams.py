"""The streams plan: a kernel for each task of a step, in parallel where nothing forbids it.

Tasks say what they read and write (codegen/device_streams.py); two that conflict keep NEURON's
order. What remains is a graph, which CUDA keeps: it is captured once from launches on parallel
streams and then started as a whole, for one step or for several. t and the number of the step
live on the device.

HELIOX_STREAMS=0: one stream, all tasks one after another. HELIOX_FUSION=0: small mechanisms are not
merged into one kernel.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...codegen.device_streams import Task, tasks_of
from .coupling import Linked
from .device import Device, Graph, Launch
from .model import DeviceModel

_THREADS = 128  # of a block that goes through instances or nodes
_WAVES = 16  # blocks of a multiprocessor: beyond that threads take several instances each
_SMALL = 8192  # instances of a mechanism that is worth merging with others
_MOST_STREAMS = 16
_STEPS = 8  # of the larger graph


@dataclass(frozen=True)
class Node:
    """A launch of the graph: its tasks, and the nodes that come before it."""

    tasks: tuple[Task, ...]
    after: tuple[int, ...]


def graph_of(tasks: list[Task], small: frozenset[int]) -> list[Node]:
    """tasks: of a step, in NEURON's order. small: entries that may share a kernel. The nodes come
    in an order that keeps `after`.
    """
    level: list[int] = []
    for k, task in enumerate(tasks):
        before = [level[j] for j in range(k) if task.conflicts(tasks[j])]
        level.append(1 + max(before, default=-1))
    groups: dict[tuple[object, ...], list[int]] = {}
    for k, task in enumerate(tasks):
        shared = task.over == "instance" and task.entry in small
        groups.setdefault((level[k], task.hook if shared else k), []).append(k)
    ordered = sorted(groups.values(), key=lambda members: (level[members[0]], members[0]))
    nodes: list[Node] = []
    ancestors: list[set[int]] = []
    for members in ordered:
        mine = tuple(tasks[k] for k in members)
        needed = {
            n
            for n, node in enumerate(nodes)
            if any(a.conflicts(b) for a in mine for b in node.tasks)
        }
        direct = {n for n in needed if not any(n in ancestors[other] for other in needed)}
        nodes.append(Node(mine, tuple(sorted(direct))))
        ancestors.append(needed.union(*(ancestors[n] for n in needed)))
    return nodes


def assign_streams(nodes: list[Node], most: int) -> list[int]:
    """A stream for each node: that of a node before it which ends there, else another one."""
    streams: list[int] = []
    taken: set[int] = set()  # nodes whose stream goes on
    n_stream = 0
    for node in nodes:
        free = [n for n in node.after if n not in taken]
        if free:
            taken.add(free[0])
            streams.append(streams[free[0]])
        else:
            used = {streams[n] for n in range(len(streams)) if n not in taken}
            idle = [s for s in range(n_stream) if s not in used]
            if not idle and n_stream < most:
                idle, n_stream = [n_stream], n_stream + 1
            streams.append(idle[0] if idle else len(streams) % most)
    return streams


class Streams(Linked):
    """A graph of kernels a step, or several steps."""

    name = "streams"
    macros: tuple[str, ...] = ("HX_PLAN_STREAMS",)

    def __init__(self) -> None:
        super().__init__()
        self._graphs: dict[tuple[object, ...], Graph] = {}
        self._pieces: dict[tuple[int, ...], tuple[int, int]] = {}
        self.n_launch = 0  # of a step

    def begin(self, core: Any, model: DeviceModel) -> None:
        """The links are copied by a kernel of their own: no barrier is needed."""
        super().begin(core, model)
        if "clock" not in model.arrays:
            self._prepare(model)

    def _prepare(self, model: DeviceModel) -> None:
        n_block, sizes = model.nodes.n_block, np.diff(model.nodes.first)
        model.values["n_node"] = len(model.nodes.row)
        model.put("node_block", np.repeat(np.arange(n_block), sizes).astype(np.int32))
        model.need("event_next", n_block, np.int32)
        model.need("clock", 1, np.float64)
        model.need("count", 3, np.int32)
        self._cut(model)

    def _cut(self, model: DeviceModel) -> None:
        """Pieces of the small mechanisms, for kernels that several of them share."""
        rows: list[tuple[int, int, int]] = []
        for nodes in (self._nodes(model, linked, True) for linked in (False, True)):
            for node in nodes:
                entries = tuple(task.entry for task in node.tasks)
                if len(entries) > 1 and entries not in self._pieces:
                    first = len(rows)
                    for m in entries:
                        n = self._instances(model, m)
                        rows += [(m, k, min(n, k + _THREADS)) for k in range(0, n, _THREADS)]
                    self._pieces[entries] = (first, len(rows))
        table = np.array(rows, np.int32).reshape(-1, 3)
        for k, name in enumerate(("piece_entry", "piece_begin", "piece_end")):
            model.put(name, np.ascontiguousarray(table[:, k]))

    @staticmethod
    def _instances(model: DeviceModel, entry: int) -> int:
        return len(model.instances[model.entries[entry].name].order)

    def _nodes(self, model: DeviceModel, linked: bool, played: bool) -> list[Node]:
        small: frozenset[int] = frozenset()
        if os.environ.get("HELIOX_FUSION", "1") != "0":
            small = frozenset(
                m
                for m, entry in enumerate(model.entries)
                if entry.kernel is not None and self._instances(model, m) <= _SMALL
            )
        return graph_of(tasks_of(model.entries, linked, played), small)

    # ---- launches ----

    def run(self, model: DeviceModel, t: float, n_step: int, flags: int) -> None:
        """Starts the window's steps."""
        n_block, module = model.nodes.n_block, model.module
        module.launch("hx_begin", n_block, model.n_thread, 0, (t, n_step, flags))
        several, single = self._graph(model, _STEPS), self._graph(model, 1)
        for _ in range(n_step // _STEPS):
            several.run()
        for _ in range(n_step % _STEPS):
            single.run()
        module.launch("hx_finish", n_block, model.n_thread, 0, ())

    def place(self) -> int:
        return 0

    def go_back(self, place: int) -> None:
        pass

    def _graph(self, model: DeviceModel, n_step: int) -> Graph:
        linked, played = model.values["n_link"] > 0, model.values["n_play"] > 0
        n_sum = model.values.get("n_sum", 0)
        key = (linked, played, model.values["n_link"] if linked else 0, n_sum, n_step)
        if key not in self._graphs:
            one = self._launches(model, linked, played)
            self.n_launch = len(one)
            self._graphs[key] = model.device.graph(model.module, _repeated(one, n_step))
        return self._graphs[key]

    def _launches(self, model: DeviceModel, linked: bool, played: bool) -> list[Launch]:
        nodes = self._nodes(model, linked, played)
        parallel = os.environ.get("HELIOX_STREAMS", "1") != "0"
        streams = assign_streams(nodes, _MOST_STREAMS if parallel else 1)
        return [
            replace(self._launch(model, node), stream=stream, after=node.after)
            for node, stream in zip(nodes, streams, strict=True)
        ]

    def _launch(self, model: DeviceModel, node: Node) -> Launch:
        task = node.tasks[0]
        if len(node.tasks) > 1:
            first, last = self._pieces[tuple(t.entry for t in node.tasks)]
            blocks = last - first if model.device.name != "host" else 1
            return Launch(f"hx_{task.hook}s", blocks, _THREADS, (first, last))
        if task.over == "block":
            return Launch(task.kernel, model.nodes.n_block, model.n_thread)
        if task.over == "one":
            return Launch(task.kernel, 1, 32)
        n = {
            "node": len(model.nodes.row),
            "link": model.values["n_link"],
            "sum": model.values.get("n_sum", 0),
            "instance": self._instances(model, task.entry) if task.entry >= 0 else 0,
        }[task.over]
        return Launch(task.kernel, grid(model.device, int(n)), _THREADS)


def grid(device: Device, n: int) -> int:
    """Blocks for n threads; the host device runs one thread a block."""
    if device.name == "host":
        return 1
    return max(1, min(-(-n // _THREADS), _WAVES * device.n_multiprocessor))


def _repeated(step: list[Launch], n_step: int) -> list[Launch]:
    """Several steps: the first task of each waits for the last one of the step before."""
    out: list[Launch] = []
    for _ in range(n_step):
        base = len(out)
        for launch in step:
            after = tuple(base + k for k in launch.after)
            out.append(replace(launch, after=after if after or not base else (base - 1,)))
    return out
