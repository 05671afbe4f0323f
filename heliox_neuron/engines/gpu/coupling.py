"""Cells that look at each other within a step: POINTERs, and ParallelContext's transfer of v.

A link copies the v of a node, as the step has just computed it, to where an instance reads it: for
`target_var` that is the instance's own column, as in NEURON; for a POINTER to a v it is a value of
ours that stands in for the variable pointed to. A POINTER to a number that no step changes leads
there directly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .device import Array
from .model import DeviceModel, Key
from .translate import Refusal

_NODE, _COLUMN = 1, 2  # kinds of _core.device_resolve
_V, _AREA = 0, 5  # its node columns


class Coupling:
    """The links of one batch. Raises Refusal where a variable changes as links do not follow."""

    def __init__(self, core: Any, model: DeviceModel) -> None:
        self.core = core
        self.model = model
        self._rows: list[int] = []  # of the nodes looked at, one a link
        self._places: list[int] = []  # addresses on the device
        self._blocks: list[int] = []  # of who looks
        self._density = False
        self._target_played = False

    def take_over(self) -> None:
        """Fills hx_model's links, the exchange array and the POINTERs' tables."""
        self._played = {
            r["address"] for r in self.core.device_records() if r["kind"] in ("play", "play_step")
        }
        self._take_transfer()
        self._take_pointers()
        self._upload()

    # ---- ParallelContext.source_var, target_var ----

    def _take_transfer(self) -> None:
        target, source = self.core.device_transfer()
        if not len(target):
            return
        kind, index, field, row, element = self.core.device_resolve(target)
        from_kind, from_index, _, from_row, _ = self.core.device_resolve(source)
        self._target_played = not self._played.isdisjoint(target.tolist())
        for k in range(len(target)):
            if from_kind[k] != _NODE or from_index[k] != _V:
                raise Refusal("HX033", "ParallelContext.source_var of a variable other than v")
            if kind[k] != _COLUMN or element[k]:
                raise Refusal("HX033", "ParallelContext.target_var outside of the mechanisms")
            name, key = self._column(int(index[k]), int(field[k]))
            if key[0] == "ion":
                raise Refusal("HX033", f"ParallelContext.target_var of the ion {name}")
            self.model.mark_written(key)
            self._density |= self.model.mechanisms[name]["kind"] != "point"
            self._rows.append(int(from_row[k]))
            self._places.append(self.model.place(key, int(row[k])))
            self._blocks.append(self._block(name, int(row[k])))

    def _column(self, index: int, field: int) -> tuple[str, Key]:
        """Name of the mechanism, and the column: now on the device even if no kernel uses it."""
        model = self.model
        mechanism = model.structure["mechanisms"][index]
        name = mechanism["name"]
        variable = list(mechanism["columns"])[field]
        host = mechanism["columns"][variable]
        if mechanism["kind"] == "capacitance" or name not in model.instances or host.ndim != 1:
            raise Refusal("HX033", f"a POINTER or target_var that is {name}.{variable}")
        key: Key = ("column", name, variable)
        if mechanism["kind"] == "ion":
            key = ("ion", name, field)
        model.bind_column(key, host)
        return name, key

    def _block(self, name: str, instance: int) -> int:
        return int(self.model.nodes.block[self.model.mechanisms[name]["node"][instance]])

    # ---- POINTER ----

    def _take_pointers(self) -> None:
        model, state = self.model, self.core.device_state()
        names = [m["name"] for m in model.structure["mechanisms"]]
        read = {key[1:]: name for name, (_, key) in model.source.fields.members.items()
                if key[0] == "pointer"}  # fmt: skip
        for (mechanism, number), name in read.items():
            listed = state["pointers"][names.index(str(mechanism))]
            self._take_pointer(name, str(mechanism), listed[int(number)]["address"])

    def _take_pointer(self, name: str, mechanism: str, address: Array) -> None:
        """name: of the member of hx_model that holds where each instance looks."""
        model = self.model
        layout = model.instances[mechanism]
        kind, index, field, row, element = self.core.device_resolve(address)
        of_v = (kind == _NODE) & (index == _V)
        model.need(f"{name}__v", layout.size, np.float64)
        values = np.zeros(layout.size)
        values[layout.place[of_v]] = model.structure["node"]["v"][row[of_v]]
        model.put(f"{name}__v", values)
        base = model.device.address(model.arrays[f"{name}__v"])
        places = np.full(layout.size, base, np.uint64)
        places[layout.place] = base + 8 * layout.place.astype(np.uint64)
        blocks = model.nodes.block[model.mechanisms[mechanism]["node"]]
        for k in np.flatnonzero(address):
            if of_v[k]:
                self._refuse_changes_of_v(mechanism, int(address[k]))
                self._rows.append(int(row[k]))
                self._places.append(int(places[layout.place[k]]))
                self._blocks.append(int(blocks[k]))
            elif not element[k] and kind[k] in (_NODE, _COLUMN):
                what = (int(kind[k]), int(index[k]), int(field[k]), int(row[k]))
                places[layout.place[k]] = self._fixed(mechanism, what, int(address[k]))
            else:
                raise Refusal("HX033", f"a POINTER of {mechanism} leads outside of the cells")
        self._density |= model.mechanisms[mechanism]["kind"] != "point" and bool(of_v.any())
        model.put(name, places)

    def _refuse_changes_of_v(self, mechanism: str, address: int) -> None:
        """A v that changes within a step reaches a POINTER at once, a link at the next update."""
        if address in self._played:
            raise Refusal("HX033", f"a POINTER of {mechanism} leads to a v that is played")
        for receiver, receive in self.model.receivers():
            if receive.writes_v:
                raise Refusal("HX033", f"{receiver['name']} assigns a v that a POINTER leads to")

    def _fixed(self, mechanism: str, what: tuple[int, int, int, int], address: int) -> int:
        """Where on the device a number lies that no step changes."""
        kind, index, field, row = what
        model = self.model
        if kind == _NODE and index == _AREA:
            return model.place(("node", "area"), row)
        if kind == _NODE:
            raise Refusal("HX033", f"a POINTER of {mechanism} leads into the tree's matrix")
        name, key = self._column(index, field)
        if model.columns[key].written or address in self._played:
            raise Refusal("HX033", f"a POINTER of {mechanism} leads to {name}, into what changes")
        return model.place(key, row)

    # ---- hx_model ----

    def _upload(self) -> None:
        model, n_block = self.model, self.model.nodes.n_block
        rows, blocks = np.array(self._rows, np.int64), np.array(self._blocks, np.int64)
        seen, which = np.unique(model.nodes.position[rows], return_inverse=True)
        seen_rows = model.nodes.row[seen]
        model.put("exchange_first", _starts(model.nodes.block[seen_rows], n_block))
        model.put("exchange_slot", model.nodes.slot[seen_rows].astype(np.int32))
        model.put("exchange_position", seen.astype(np.int32))
        model.need("exchange", max(1, 2 * len(seen)), np.float64)
        order = np.argsort(blocks, kind="stable")
        model.put("link_first", _starts(blocks, n_block))
        model.put("link_exchange", which[order].astype(np.int32))
        model.put("link_place", np.array(self._places, np.uint64)[order])
        model.put("meeting", np.zeros(1, np.int32))
        model.values["n_exchange"] = len(seen)
        model.values["n_link"] = len(order)
        model.values["n_crossing"] = int((model.nodes.block[rows] != blocks).sum())
        # what does not wait for links runs before them
        model.values["late_links"] = int(not (self._density or self._target_played or model.spread))


def _starts(blocks: npt.NDArray[np.int64], n_block: int) -> npt.NDArray[np.int32]:
    """How many come before each block's."""
    counts = np.bincount(blocks, minlength=n_block)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
