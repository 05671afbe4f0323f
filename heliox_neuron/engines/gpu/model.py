"""A copy of NEURON's model on a device: what is taken over before a batch and given back after it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ... import solvers
from ...codegen.cpp_layout import Layout
from ...codegen.device_source import DeviceSource, Entry
from ...nmodl.net_receive import Receive
from .device import Array, Device
from .launch import NodeMemory, choose_spread, choose_threads
from .layout import MOST_SLOTS, InstanceLayout, NodeLayout, lay_instances, lay_out, signatures
from .tasks import make_tasks
from .translate import Refusal, entries_of, source_of

_NODE_COLUMNS = ("v", "a", "b", "area")
Key = tuple[Any, ...]


@dataclass
class Column:
    """A column of NEURON's and its copy. place: where each of NEURON's elements lies on the device.

    written: kernels or Vectors store into it. snapshot: NEURON's values when both were last the same,
    in pinned memory. at: `place` on the device. uniform: all elements are the same number.
    """

    host: Array
    place: npt.NDArray[np.int64]
    device: Any
    written: bool
    snapshot: Array
    at: Any
    uniform: bool = False

    def upload(self, device: Device) -> None:
        """Takes NEURON's values over."""
        self.snapshot[...] = self.host
        first = self.snapshot[0] if len(self.snapshot) else 0.0
        self.uniform = bool((self.snapshot == first).all())
        if self.uniform and len(self.device) > len(self.snapshot):
            self.device[...] = first
        device.scatter(self.device, self.at, self.snapshot)


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
        self.global_value = global_value
        self.fast_imem = "sav_rhs" in structure["node"]
        self.mechanisms = {m["name"]: m for m in structure["mechanisms"]}
        self.ions = {ion["name"]: ion for ion in structure["ions"]}
        self.entries: list[Entry] = entries_of(
            structure["mechanisms"], structure["ions"], structure["n_node"]
        )
        self.numbers = {entry.name: m for m, entry in enumerate(self.entries)}
        masks = self._masks()
        self.nodes: NodeLayout = lay_out(
            structure["parent"], structure["n_cell"], signatures(masks),
            device.n_multiprocessor, one_block,
        )  # fmt: skip
        self.instances: dict[str, InstanceLayout] = {
            entry.name: lay_instances(self._node_of(entry.name), self.nodes, entry.dense)
            for entry in self.entries
        }
        self.columns: dict[Key, Column] = {}
        self._places: dict[int, tuple[Array, Any]] = {}
        self.arrays: dict[str, Any] = {}  # everything else that hx_model points to
        self.values: dict[str, int | float] = {}  # numbers of hx_model
        sizes = np.diff(self.nodes.first)
        spread = choose_spread(device, self.nodes.n_block, self.entries)
        self.n_thread = n_thread or choose_threads(device, sizes)
        self.source: DeviceSource = source_of(
            self.entries, self.fast_imem, frozenset(), spread, fast
        )
        self.spread = bool(self.source.passes)
        self._plan_trees(sizes)
        self._fill_fixed()
        self._fill_keys(masks)
        self.module = device.module(self.source.text, self.macros())

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

    def _plan_trees(self, sizes: Array) -> None:
        tables: dict[int, int] = {}
        pieces: list[Array] = []
        offsets, length, scratch = [], 0, 0
        for parent, slot in self.nodes.forest:
            plan = solvers.plan(parent, slot, self.method, self.n_thread)
            scratch = max(scratch, plan.scratch_doubles)
            if id(plan) not in tables:
                tables[id(plan)] = length
                pieces.append(plan.table)
                length += len(plan.table)
            offsets.append(tables[id(plan)])
        self.tree_plan = plan
        self.arrays["tree_table"] = self.device.array(np.concatenate(pieces).astype(np.int32))
        self.arrays["tree_first"] = self.device.array(np.array(offsets, np.int32))
        if sizes.max() > MOST_SLOTS:
            raise Refusal("HX033", f"a cell of {sizes.max()} nodes is too large for a block")
        self.memory = NodeMemory.choose(self.device, sizes, scratch, self.n_thread)
        if not self.memory.shared:
            each = 5 * sizes.astype(np.int64) + scratch
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
            *(["HX_FAST"] if self.fast else []),
            *self.memory.macros(),
            *self.plan_macros,
        )

    @property
    def shared_bytes(self) -> int:
        """Dynamic shared memory of a block."""
        return self.memory.shared

    def _bind(
        self, key: Key, host: Array, place: npt.NDArray[np.int64], size: int, written: bool
    ) -> None:
        if key not in self.columns:
            pinned = self.device.pinned(len(host))
            column = Column(
                host, place, self.device.empty(size, np.float64), written, pinned, self._at(place)
            )
            column.upload(self.device)
            self.columns[key] = column
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
        cm = np.zeros(n)
        cm[at] = capacitance["cm"]
        self._cm = np.array(capacitance["cm"])
        self._cm_position = at
        self.arrays["cm"] = self.device.array(cm)
        self.arrays["i_cap"] = self.device.empty(n, np.float64)
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
            elif key[0] == "mask":
                pass
        if self.source.passes:
            tasks = make_tasks(self.entries, self.source.passes, self.instances, self.nodes)
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

    def _fill_index(self, name: str, mechanism: str) -> None:
        self.arrays[name] = self.device.array(self.instances[mechanism].index)

    def _fill_at_node(self, name: str, mechanism: str) -> None:
        self.arrays[name] = self.device.array(self.instances[mechanism].at_node)

    def _fill_block(self, name: str, mechanism: str) -> None:
        self.arrays[name] = self.device.array(self.instances[mechanism].block)

    def _fill_scratch(self, name: str, mechanism: str, column: str) -> None:
        self.arrays[name] = self.device.empty(self.instances[mechanism].size, np.float64)

    def _fill_uniform(self, name: str, mechanism: str) -> None:
        kernel = self.entries[self.numbers[mechanism]].kernel
        assert kernel is not None
        self.arrays[name] = self.device.empty(len(kernel.shared), np.float64)

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

    def bind_column(self, mechanism: str, variable: str) -> None:
        """Puts a column on the device that no kernel uses."""
        host = self.mechanisms[mechanism]["columns"][variable]
        self._bind_instances(("column", mechanism, variable), host, mechanism, False)

    def mark_written(self, key: Key) -> None:
        """A Vector plays into this column: NEURON gets it back after a batch."""
        if key in self.columns:
            self.columns[key].written = True

    # ---- hx_model ----

    def words(self) -> npt.NDArray[np.uint64]:
        """hx_model as it is to be now."""
        out = []
        for name, (kind, key) in self.source.fields.members.items():
            out.append(self._word(name, kind, key))
        return np.array(out, np.uint64)

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

    def take_over(self) -> int:
        """Uploads what the script changed. Returns the number of columns."""
        changed = 0
        for column in self.columns.values():
            if not same_bits(column.host, column.snapshot):
                column.upload(self.device)
                changed += 1
        cm = self.structure["capacitance"]["cm"]
        if not np.array_equal(cm, self._cm):
            self._cm = np.array(cm)
            values = np.zeros(len(self.nodes.row))
            values[self._cm_position] = cm
            self.device.upload(self.arrays["cm"], values)
            changed += 1
        return changed

    def give_back(self) -> None:
        """Writes what kernels stored into NEURON's columns."""
        written = [column for column in self.columns.values() if column.written]
        for column in written:
            self.device.gather(column.snapshot, column.device, column.at)
        self.device.synchronize()
        for column in written:
            column.host[...] = column.snapshot
        i_cap = self.device.download(self.arrays["i_cap"])
        self.structure["capacitance"]["i_cap"][...] = i_cap[self._cm_position]

    def place(self, key: Key, index: int) -> int:
        """The device address of an element, by NEURON's index. Raises KeyError if it is not there."""
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


def same_bits(left: Array, right: Array) -> bool:
    """Whether two columns are the same, NaN and all."""
    return bool((left.view(np.int64) == right.view(np.int64)).all())


def _bits(value: float | int) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", float(value)))[0])

