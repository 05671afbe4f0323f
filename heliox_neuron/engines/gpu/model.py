"""A copy of NEURON's model on a device: layout, columns, and what kernels reach it through."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ...codegen import device_math
from ...codegen.cpp_layout import Layout
from ...codegen.device_source import DeviceSource, Entry
from ...nmodl.net_receive import Receive
from ...solvers import contract
from .columns import Column
from .device import Array, Device
from .launch import choose_spread, choose_threads
from .layout import (
    InstanceLayout,
    NodeLayout,
    blocks_of,
    lay_instances,
    lay_out,
    signatures,
)
from .staging import Staging
from .steady import steady_arrays, steady_nodes
from .tasks import make_tasks
from .translate import entries_of, inexact_functions, source_of
from .trees import plan_trees
from .words import Arrays, Key, Words

_NODE_COLUMNS = ("v", "a", "b", "area")


class DeviceModel:
    """The frozen model. Raises Refusal where the device cannot.

    structure: _core.device_model(). method: of solvers.METHODS. global_value: NEURON's number by
    its name in hoc, (1,) float64. n_thread: of a block, 0: chosen. one_block: all cells share a
    block. plan_macros: Plan.macros. fast: fidelity "fast".

    columns: NEURON's columns and their copies, by key: ("node", "v"), ("column", mechanism,
    variable), ("ion", name, 0 to 4), ("global", name), ("capacitance", name).
    """

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
        self.values: dict[str, int | float] = {}  # numbers of hx_model
        self.number_block = np.zeros(0, np.int64)  # hooks.py: who looks at each number
        self.spread = bool(self.source.passes)
        self.trees = plan_trees(device, self.nodes, sizes, method, self.n_thread, self.streams)
        self._adopt(self.trees.arrays)
        self._fill_fixed()
        self.has_steady = bool(steady.any())
        if self.has_steady:
            self._adopt(steady_arrays(device, self.nodes, steady, self.trees.plans, method))
            self.values["steady_again"] = 0
        self._fill_keys(masks)
        self.module = device.module(self.source.text, self.macros())
        members = self.source.fields.members
        self._words = Words(device, members, self.arrays, self.columns, self.values, global_value)
        self.staging = Staging(device, self.arrays)
        self.tables_made = self.tables_kept = False  # kept: what they depend on may have changed
        self.assigns_globals = any(key[0] == "written" for _, key in members.values())

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
        """[n_node] by row: the nodes that kernels for steady ones compute."""
        coupled = self.streams or "HX_PLAN_COUPLED" in self.plan_macros
        if not self.fast or self.fast_imem or coupled:
            return np.zeros(masks.shape[1], np.bool_)
        return steady_nodes([entry.name for entry in self.entries], masks, self.source.steady)

    def _adopt(self, arrays: dict[str, Any]) -> None:
        for name, array in arrays.items():
            self.arrays[name] = array

    def macros(self) -> tuple[str, ...]:
        """What the source is compiled with."""
        return (
            f"HX_THREADS={self.n_thread}",
            *self.trees.macros(),
            *(["HX_FAST"] if self.fast else []),
            *(["HX_STEADY"] if self.has_steady else []),
            *([] if self.streams or not self.trees.memory.shared else ["HX_EXP_TABLE_IN=2"]),
            *device_math.check_libm().defines,
            *self.plan_macros,
        )

    @property
    def shared_bytes(self) -> int:
        """Dynamic shared memory of a block."""
        return self.trees.memory.shared

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
        return self._words.send(self.module)

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
