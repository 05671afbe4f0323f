"""A copy of NEURON's model on a device: layout, columns, and what kernels reach it through."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ... import solvers
from ...codegen import device_math
from ...codegen.cpp_layout import Layout
from ...codegen.device_source import DeviceSource, Entry
from ...nmodl.net_receive import Receive
from ...solvers import contract
from .columns import Column
from .device import Array, Device
from .launch import NodeMemory, choose_spread, choose_threads
from .layout import (
    MOST_SLOTS,
    InstanceLayout,
    NodeLayout,
    blocks_of,
    lay_instances,
    lay_out,
    signatures,
)
from .staging import Staging
from .tasks import make_tasks
from .translate import Refusal, entries_of, inexact_functions, source_of

_NODE_COLUMNS = ("v", "a", "b", "area")
_SHARE_STEADY = 0.2  # of the nodes: from then on steady nodes are worth kernels of their own
_VOLATILE = ("global", "each")  # numbers of hx_model that change without an address
Key = tuple[Any, ...]


class Arrays(dict[str, Any]):
    """Arrays on the device by their name in hx_model. moved: an address changed."""

    moved = True

    def __setitem__(self, name: str, array: Any) -> None:
        self.moved = True
        super().__setitem__(name, array)


class DeviceModel:
    """The frozen model. structure: _core.device_model(). Raises Refusal where the device cannot."""

    def __init__(
        self,
        structure: dict[str, Any],
        device: Device,
        method: str,
        global_value: Callable[[str], Array],
        n_thread: int = 0,
        one_block: bool = False,
        plan_macros: tuple[str, ...] = (),
        fast: bool = False,
    ) -> None:
        self.structure = structure
        self.device = device
        self.method = method
        self.fast = fast
        self.plan_macros = plan_macros
        self.streams = "HX_PLAN_STREAMS" in plan_macros
        self.global_value = global_value
        self.fast_imem = "sav_rhs" in structure["node"]
        self.mechanisms = {m["name"]: m for m in structure["mechanisms"]}
        self.ions = {ion["name"]: ion for ion in structure["ions"]}
        self.entries: list[Entry] = entries_of(
            structure["mechanisms"], structure["ions"], structure["n_node"]
        )
        self.inexact = inexact_functions(self.entries)
        self.numbers = {entry.name: m for m, entry in enumerate(self.entries)}
        spread = choose_spread()
        self.source: DeviceSource = source_of(
            self.entries, self.fast_imem, frozenset(), spread, fast, self.streams
        )
        masks = self._masks()
        steady = self._steady(masks)
        parent, n_cell = structure["parent"], structure["n_cell"]
        block = blocks_of(parent, n_cell, device.n_multiprocessor, one_block)
        sizes = np.bincount(block, minlength=1)
        self.n_thread = n_thread or choose_threads(device, sizes)
        arrange = partial(contract.arrange, n_thread=self.n_thread)
        self.nodes: NodeLayout = lay_out(
            parent, n_cell, np.where(steady, -1, signatures(masks)), block,
            arrange if method == "contract" else None,
        )  # fmt: skip
        self.instances: dict[str, InstanceLayout] = {
            entry.name: lay_instances(self._node_of(entry.name), self.nodes, entry.dense)
            for entry in self.entries
        }
        self.columns: dict[Key, Column] = {}
        self._places: dict[int, tuple[Array, Any]] = {}
        self.arrays = Arrays()  # everything else that hx_model points to
        self._sent = np.zeros(0, np.uint64)  # hx_model as the device has it
        self._on_way = [np.zeros(0, np.uint64), np.zeros(0, np.uint64)]
        self._volatile: list[tuple[int, str, str, Key]] = []
        self.values: dict[str, int | float] = {}  # numbers of hx_model
        self.number_block = np.zeros(0, np.int64)  # hooks.py: who looks at each number
        self.spread = bool(self.source.passes)
        self._plan_trees(sizes)
        self._fill_fixed()
        if self.has_steady:
            self._fill_steady(steady)
        self._fill_keys(masks)
        self.module = device.module(self.source.text, self.macros())
        self.staging = Staging(device, self.arrays)
        members = self.source.fields.members.values()
        self.tables_made = self.tables_kept = False  # kept: what they depend on may have changed
        self.assigns_globals = any(key[0] == "written" for _, key in members)

    # ---- building ----

    def _node_of(self, name: str) -> npt.NDArray[np.int32]:
        found: npt.NDArray[np.int32] = (
            self.ions[name]["node"] if name in self.ions else self.mechanisms[name]["node"]
        )
        return found

    def _masks(self) -> npt.NDArray[np.uint32]:
        n = self.structure["n_node"]
        masks = np.zeros((max(1, (len(self.entries) + 31) // 32), n), np.uint32)
        for m, entry in enumerate(self.entries):
            masks[m // 32, self._node_of(entry.name)] |= np.uint32(1 << (m % 32))
        return masks

    def _steady(self, masks: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
        """[n_node] by row: nodes with nothing but steady mechanisms (device_steady.py)."""
        self.has_steady = self.fast and not self.fast_imem and not (
            self.streams or "HX_PLAN_COUPLED" in self.plan_macros
        )  # fmt: skip
        if not self.has_steady:
            return np.zeros(masks.shape[1], np.bool_)
        allowed = np.zeros(len(masks), np.uint32)
        for m, entry in enumerate(self.entries):
            if entry.name in self.source.steady:
                allowed[m // 32] |= np.uint32(1 << (m % 32))
        found: npt.NDArray[np.bool_] = ~(masks & ~allowed[:, None]).any(axis=0)
        # a few, or nodes without any mechanism (ends of sections), are not worth the code
        self.has_steady = bool((found & masks.any(axis=0)).mean() > _SHARE_STEADY)
        return found & self.has_steady

    def _fill_steady(self, steady: npt.NDArray[np.bool_]) -> None:
        """What kernels keep of steady nodes (src/gpu/nodes.cuh)."""
        layout = self.nodes
        for name in ("steady_k", "steady_g", "steady_d"):
            self.arrays[name] = self.device.empty(len(layout.row), np.float64)
        counts = np.bincount(layout.block[steady], minlength=layout.n_block).astype(np.int32)
        kept = [contract.kept_rows(p.table, int(n)) if self.method == "contract" else 0
                for p, n in zip(self._tree_plans, counts, strict=True)]  # fmt: skip
        self.arrays["steady_count"] = self.device.array(counts)
        self.arrays["steady_kept"] = self.device.array(np.array(kept, np.int32))
        self.values["steady_again"] = 0

    def _plan_trees(self, sizes: Array) -> None:
        if sizes.max() > MOST_SLOTS:
            raise Refusal("HX033", f"a cell of {sizes.max()} nodes is too large for a block")
        tables: dict[int, int] = {}
        pieces: list[Array] = []
        offsets, length, scratch = [], 0, 0
        self._tree_plans = [
            solvers.plan(parent, slot, self.method, self.n_thread)
            for parent, slot in self.nodes.forest
        ]
        for plan in self._tree_plans:
            scratch = max(scratch, plan.scratch_doubles)
            if id(plan) not in tables:
                tables[id(plan)] = length
                pieces.append(plan.table)
                length += len(plan.table)
            offsets.append(tables[id(plan)])
        self.arrays["tree_table"] = self.device.array(np.concatenate(pieces).astype(np.int32))
        self.arrays["tree_first"] = self.device.array(np.array(offsets, np.int32))
        self.memory = (
            NodeMemory(0, "HX_GLOBAL_V", 1)
            if self.streams
            else NodeMemory.choose(self.device, sizes, scratch, self.n_thread)
        )
        if not self.memory.shared:
            each = 5 * sizes.astype(np.int64) + scratch
            each += 2 + each % 2  # blocks and their scratch begin at multiples of 16 bytes
            starts = np.concatenate([[0], np.cumsum(each)])
            if starts[-1] >= 2**31:
                raise Refusal("HX033", "the model has too many nodes for one device")
            self.arrays["workspace"] = self.device.empty(int(starts[-1]), np.float64)
            self.arrays["workspace_first"] = self.device.array(starts[:-1].astype(np.int32))

    def macros(self) -> tuple[str, ...]:
        """What the source is compiled with."""
        return (
            f"HX_TREE_METHOD=hx::tree_{self.method}",
            f"HX_THREADS={self.n_thread}",
            *self._piece_macro(),
            *(["HX_FAST"] if self.fast else []),
            *(["HX_STEADY"] if self.has_steady else []),
            *([] if self.streams or not self.memory.shared else ["HX_EXP_TABLE_IN=2"]),
            *device_math.check_libm().defines,
            *self.memory.macros(),
            *self.plan_macros,
        )

    def _piece_macro(self) -> list[str]:
        """Loops over a piece's nodes are written out: two lengths for all trees."""
        if self.method != "contract":
            return []
        longest = max(contract.longest_in(plan.table) for plan in self._tree_plans)
        most = contract.SHORT_PIECE if longest <= contract.SHORT_PIECE else contract.PIECE
        return [f"HX_CONTRACT_PIECE={most}"]

    @property
    def shared_bytes(self) -> int:
        """Dynamic shared memory of a block."""
        return self.memory.shared

    def _bind(
        self, key: Key, host: Array, place: npt.NDArray[np.int64], size: int, written: bool
    ) -> None:
        if key not in self.columns:
            memory = self.device.empty(size, np.float64)
            column = Column(host, place, memory, written, np.array(host), self._at(place))
            column.upload(self.device)
            self.columns[key] = column
            self.arrays.moved = True
        elif written:
            self.columns[key].written = True

    def _at(self, place: npt.NDArray[np.int64]) -> Any:
        """`place` on the device; instances that share it share the copy."""
        if id(place) not in self._places:
            self._places[id(place)] = (place, self.device.array(place))
        return self._places[id(place)][1]

    def _bind_instances(self, key: Key, host: Array, name: str, written: bool) -> None:
        layout = self.instances[name]
        self._bind(key, host, layout.place, layout.size, written)

    def _fill_fixed(self) -> None:
        node, layout = self.structure["node"], self.nodes
        n = len(layout.row)
        for name in _NODE_COLUMNS:
            self._bind(("node", name), node[name], layout.position, n, name == "v")
        capacitance = self.structure["capacitance"]
        at = layout.position[capacitance["node"]]
        for name in ("cm", "i_cap"):
            self.arrays[name] = self.device.empty(n, np.float64)
            host = capacitance[name]
            column = Column(
                host, at, self.arrays[name], name == "i_cap", np.array(host), self._at(at),
                filled=False,
            )  # fmt: skip
            column.upload(self.device)
            self.columns["capacitance", name] = column
        if self.fast_imem:
            for name in ("sav_rhs", "sav_d"):
                self._bind(("node", name), node[name], layout.position, n, True)
        for name in ("kin", "child_first", "child"):
            self.arrays[name] = self.device.array(getattr(layout, name))
        self.arrays["block_node"] = self.device.array(layout.first)
        self.arrays["nan_node"] = self.device.array(np.array([-1], np.int32))

    def _fill_keys(self, masks: npt.NDArray[np.uint32]) -> None:
        self._layouts = {
            entry.name: Layout(entry.kernel) for entry in self.entries if entry.kernel is not None
        }
        for name, (_, key) in self.source.fields.members.items():
            fill = getattr(self, f"_fill_{key[0]}", None) if len(key) > 1 else None
            if fill is not None:
                fill(name, *key[1:])
        if self.source.passes:
            tasks = make_tasks(
                self.entries, self.source.passes, self.instances, self.nodes,
                max(1, self.n_thread // 32) if self.device.name != "host" else 1,
            )  # fmt: skip
            for name, values in tasks.items():
                self.put(name, values)
        for word in range(self.source.words):
            values = masks[word][self.nodes.row].view(np.int32)
            self.arrays[f"mask_{word}"] = self.device.array(values)

    def _fill_column(self, name: str, mechanism: str, variable: str) -> None:
        layout = self._layouts[mechanism]
        stored = {v.name for v in layout.stored}
        host = self.mechanisms[mechanism]["columns"][variable]
        key = ("column", mechanism, variable)
        self._bind_instances(key, host, mechanism, variable in stored)

    def _fill_ion(self, name: str, ion: str, column: int) -> None:
        written = column >= 3 or bool(
            column == 0 and len(self.ions[ion]["nernst"])
        ) or self._writes_ion(ion, column)  # fmt: skip
        host = self.ions[ion]["columns"][column]
        self._bind_instances(("ion", ion, column), host, ion, written)

    def _writes_ion(self, ion: str, column: int) -> bool:
        return any(
            i.name == ion and any(v.column == column for v in i.write)
            for entry in self.entries
            if entry.kernel is not None
            for i in entry.kernel.mechanism.ions
        )

    def _fill_ion_row(self, name: str, mechanism: str, ion: str) -> None:
        rows = self.mechanisms[mechanism]["ion_rows"][ion]
        layout = self.instances[mechanism]
        placed = np.zeros(layout.size, np.int32)
        placed[layout.place] = self.instances[ion].place[rows]
        self.arrays[name] = self.device.array(placed)

    def _fill_slot(self, name: str, mechanism: str) -> None:
        self.arrays[name] = self.device.array(self.instances[mechanism].slot)

    def _fill_position(self, name: str, mechanism: str) -> None:
        layout = self.instances[mechanism]
        positions = self.nodes.position[self._node_of(mechanism)[layout.order]]
        self.arrays[name] = self.device.array(positions.astype(np.int32))

    def _fill_count(self, name: str, mechanism: str) -> None:
        self.values[name] = len(self.instances[mechanism].order)

    def _fill_index(self, name: str, mechanism: str) -> None:
        self.arrays[name] = self.device.array(self.instances[mechanism].index)

    def _fill_at_node(self, name: str, mechanism: str) -> None:
        self.arrays[name] = self.device.array(self.instances[mechanism].at_node)

    def _fill_block(self, name: str, mechanism: str) -> None:
        self.arrays[name] = self.device.array(self.instances[mechanism].block)

    def _hook_order(self, mechanism: str) -> npt.NDArray[np.int64]:
        """NEURON's order, block by block where a kernel does one block."""
        blocks = self.nodes.block[self._node_of(mechanism)]
        return np.arange(len(blocks)) if self.streams else np.argsort(blocks, kind="stable")

    def _fill_hook_at(self, name: str, mechanism: str) -> None:
        place = self.instances[mechanism].place[self._hook_order(mechanism)]
        self.arrays[name] = self.device.array(place.astype(np.int32))

    def _fill_hook_node(self, name: str, mechanism: str) -> None:
        rows = self._node_of(mechanism)[self._hook_order(mechanism)]
        self.arrays[name] = self.device.array(self.nodes.position[rows].astype(np.int32))

    def _fill_scratch(self, name: str, mechanism: str, column: str) -> None:
        self.arrays[name] = self.device.empty(max(1, self.instances[mechanism].size), np.float64)

    def _fill_uniform(self, name: str, mechanism: str) -> None:
        kernel = self.entries[self.numbers[mechanism]].kernel
        assert kernel is not None
        self.arrays[name] = self.device.empty(len(kernel.shared), np.float64)

    @property
    def has_tables(self) -> bool:
        """Whether a mechanism of the model has a TABLE."""
        return any(layout.tables for layout in self._layouts.values())

    def _fill_table(self, name: str, mechanism: str) -> None:
        self.arrays[name] = self.device.empty(self._layouts[mechanism].table_size(), np.float64)

    def _fill_pointer(self, name: str, mechanism: str, number: int) -> None:
        self.arrays[name] = self.device.empty(self.instances[mechanism].size, np.uint64)

    def _fill_first(self, name: str, mechanism: str) -> None:
        self.values[name] = int(self.instances[mechanism].place[0])

    def _fill_last(self, name: str, mechanism: str) -> None:
        self.values[name] = int(self.instances[mechanism].place[-1])

    def _fill_written(self, name: str, global_name: str) -> None:
        host = self.global_value(global_name)
        self._bind(("global", global_name), host, np.zeros(1, np.int64), 1, True)

    def _fill_nernst(self, name: str, ion: str) -> None:
        layout = self.instances[ion]
        style = np.zeros(layout.size, np.int32)
        style[layout.place[self.ions[ion]["nernst"]]] = 1
        self.arrays[name] = self.device.array(style)

    def _fill_charge(self, name: str, ion: str) -> None:
        self.values[name] = float(self.ions[ion]["charge"])

    # ---- what observers and events put beside the model ----

    def put(self, name: str, values: Array) -> bool:
        """Uploads an array of hx_model; True if its address changed."""
        held = self.arrays.get(name)
        if held is not None and len(values) <= len(held) and held.dtype == values.dtype:
            if len(values):
                self.device.upload(held[: len(values)], values)
            return False
        self.arrays[name] = (
            self.device.array(values) if len(values) else self.device.empty(1, values.dtype)
        )
        return True

    def need(self, name: str, n: int, dtype: npt.DTypeLike) -> bool:
        """Makes sure that an array holds n elements; True if its address changed."""
        held = self.arrays.get(name)
        if held is not None and len(held) >= n:
            return False
        self.arrays[name] = self.device.empty(n, dtype)
        return True

    def is_lean(self, mechanism: str, variable: str) -> bool:
        """Whether kernels store a column only in whole steps."""
        kernel = self.entries[self.numbers[mechanism]].kernel
        return kernel is not None and any(v.name == variable for v in kernel.columns.lean)

    def receivers(self) -> list[tuple[dict[str, Any], Receive]]:
        """The point processes whose NET_RECEIVE runs on the device."""
        return [
            (self.mechanisms[entry.name], entry.kernel.receive)
            for entry in self.entries
            if entry.kernel is not None and entry.kernel.receive is not None
        ]

    def bind_column(self, key: Key, host: Array) -> None:
        """Puts a column of a mechanism or an ion on the device, if no kernel uses it."""
        self._bind_instances(key, host, str(key[1]), False)

    def mark_written(self, key: Key) -> None:
        """A Vector plays into this column: NEURON gets it back after a batch."""
        if key in self.columns:
            self.columns[key].written = True
        if self.has_steady and key[0] == "column" and key[1] in self.source.steady:
            self.values["steady_again"] = 1

    # ---- hx_model ----

    def send(self) -> bool:
        """Begins the upload of hx_model as it is to be now, if that changed: at most twice before
        synchronize().
        """
        members = self.source.fields.members
        words = self._sent.copy()
        if self.arrays.moved or not len(words):
            words = np.array([self._word(n, *member) for n, member in members.items()], np.uint64)
            self._volatile = [
                (k, n, *member)
                for k, (n, member) in enumerate(members.items())
                if n not in self.arrays and (n in self.values or member[1][0] in _VOLATILE)
            ]
            self.arrays.moved = False
        else:
            for k, name, kind, key in self._volatile:
                words[k] = self._word(name, kind, key)
        if np.array_equal(words, self._sent):
            return False
        self._sent = words
        self._on_way.reverse()  # the copy before may not have ended
        if len(self._on_way[0]) != len(words):
            self._on_way[0] = self.device.pinned(len(words), np.uint64)
        self._on_way[0][:] = words
        self.module.set_model(self._on_way[0])
        return True

    def _word(self, name: str, kind: str, key: Key) -> int:
        if name in self.arrays:
            return self.device.address(self.arrays[name])
        if key[0] == "global":
            return _bits(float(self.global_value(key[1])[0]))
        if key[0] == "each":
            column = self.columns[key[1:]]
            return 0 if column.uniform and not column.written else 2**32 - 1
        if key[0] == "written":
            return self.device.address(self.columns[("global", key[1])].device)
        if key in self.columns:
            return self.device.address(self.columns[key].device)
        if len(key) == 1 and ("node", key[0]) in self.columns:
            return self.device.address(self.columns["node", key[0]].device)
        value = self.values.get(name, 0)
        return _bits(value) if kind == "double" else int(value) & (2**64 - 1)

    # ---- what NEURON has and what the device has ----

    def place(self, key: Key, index: int) -> int:
        """The device address of an element, by NEURON's index. KeyError if it is not there."""
        if key == ("node", "v"):
            return self.device.address(self.columns[key].device) + 8 * int(
                self.nodes.position[index]
            )
        column = self.columns[key]
        if key[0] == "node":
            at = int(self.nodes.position[index])
        else:
            at = int(self.instances[key[1]].place[index])
        return self.device.address(column.device) + 8 * at

    def bytes(self) -> int:
        """Device memory of the model."""
        held = [column.device for column in self.columns.values()] + list(self.arrays.values())
        return sum(int(array.nbytes) for array in held)


def _bits(value: float | int) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", float(value)))[0])
