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
from .hooks import Numbers, Role, Targets, upload_sums
from .model import DeviceModel
from .translate import NeedsStreams, Refusal
from .words import Key

_NODE, _COLUMN, _NUMBER = 1, 2, 4  # kinds of _core.device_resolve
_V, _AREA = 0, 5  # its node columns


class Coupling:
    """The links of a model. Raises Refusal where a variable changes as links do not follow."""

    def __init__(self, core: Any, model: DeviceModel) -> None:
        self.core = core
        self.model = model
        self._key: tuple[Any, ...] = ()
        names = [m["name"] for m in model.structure["mechanisms"]]
        self._members = [
            (name, str(key[1]), names.index(str(key[1])), int(key[2]))
            for name, (_, key) in model.source.fields.members.items()
            if key[0] == "pointer"
        ]
        self._roles = {name: self._role(mechanism, k) for name, mechanism, _, k in self._members}
        # what a block assigns is known before anybody else looks at it
        self._members.sort(key=lambda member: not self._roles[member[0]].written)
        self._hooks = any(e.kernel is not None and e.kernel.hooks for e in model.entries)
        self.numbers = Numbers(core, model)
        self.whole = False  # a BEFORE or AFTER block looks at what is stored in whole steps only

    def _role(self, mechanism: str, number: int) -> Role:
        kernel = self.model.entries[self.model.numbers[mechanism]].kernel
        assert kernel is not None
        return Role.of(kernel, number)

    def look(self) -> None:
        """Before a batch, before anybody asks where variables are."""
        self._pointers: list[Array] = []
        if self._members:
            listed = self.core.device_state()["pointers"]
            self._pointers = [
                listed[index][number]["address"] for *_, index, number in self._members
            ]
        hooked = [
            (address, self._blocks_of(mechanism))
            for (name, mechanism, *_), address in zip(self._members, self._pointers, strict=True)
            if self._roles[name].hooks
        ]
        self.numbers.look([a for a, _ in hooked], [b for _, b in hooked])

    def _blocks_of(self, mechanism: str) -> Array:
        blocks: Array = self.model.nodes.block[self.model.mechanisms[mechanism]["node"]]
        return blocks

    def take_over(self) -> None:
        """Before a batch, after look(): hx_model's links, the exchange array, the POINTERs' tables,
        and the sums of BEFORE and AFTER blocks.
        """
        records = self.core.device_records()
        self._played = {r["address"] for r in records if r["kind"] in ("play", "play_step")}
        target, source = self.core.device_transfer()
        pointers = self._pointers
        arrays = (target, source, *pointers, self.numbers.address)
        key = (tuple(sorted(self._played)), *(array.tobytes() for array in arrays))
        if key != self._key:
            self._key = ()
            self._find(target, source, pointers)
            self._key = key
        v = self.model.structure["node"]["v"]
        for name, places, rows in self._stand_ins:
            values = np.zeros(self._sizes[name])
            values[places] = v[rows]
            self.model.put(f"{name}__v", values)
        self.model.put("meeting", np.zeros(1, np.int32))
        self.numbers.take_over()

    def _find(self, target: Array, source: Array, pointers: list[Array]) -> None:
        self._rows: list[Array] = [np.zeros(0, np.int64)]  # of the nodes looked at, one a link
        self._places: list[Array] = [np.zeros(0, np.uint64)]  # addresses on the device
        self._blocks: list[Array] = [np.zeros(0, np.int64)]  # of who looks
        self._stand_ins: list[tuple[str, Array, Array]] = []
        self._sizes: dict[str, int] = {}
        self._density = self.whole = False
        self._targets: dict[tuple[str, str], Targets] = {}
        if len(target):
            self._take_transfer(target, source)
        for (name, mechanism, _, number), address in zip(self._members, pointers, strict=True):
            places = self._take_pointer(name, mechanism, address)
            self._keep(mechanism, number, address, places)
        if self._hooks:
            upload_sums(self.model, self._targets)
        self._upload(not self._played.isdisjoint(target.tolist()))

    def _link(self, rows: Array, places: Array, blocks: Array) -> None:
        self._rows.append(np.asarray(rows, np.int64))
        self._places.append(np.asarray(places, np.uint64))
        self._blocks.append(np.asarray(blocks, np.int64))

    # ---- ParallelContext.source_var, target_var ----

    def _take_transfer(self, target: Array, source: Array) -> None:
        kind, index, field, row, element = self.core.device_resolve(target)
        from_kind, from_index, _, from_row, _ = self.core.device_resolve(source)
        for other in source[~((from_kind == _NODE) & (from_index == _V))]:
            raise Refusal("HX033", f"ParallelContext.source_var {self._called(other)} is not a v")
        for outside in target[~((kind == _COLUMN) & (element == 0))]:
            reason = (
                f"ParallelContext.target_var {self._called(outside)} is outside of the mechanisms"
            )
            raise Refusal("HX033", reason)
        for which, column in sorted(set(zip(index.tolist(), field.tolist(), strict=True))):
            these = (index == which) & (field == column)
            name, key = self._column(which, column)
            if key[0] == "ion":
                raise Refusal("HX033", f"ParallelContext.target_var of the ion {name}")
            self.model.mark_written(key)
            self._density |= self.model.mechanisms[name]["kind"] != "point"
            base = self.model.device.address(self.model.columns[key].device)
            places = self.model.instances[name].place[row[these]]
            nodes = self.model.mechanisms[name]["node"][row[these]]
            self._link(
                from_row[these],
                base + 8 * places.astype(np.uint64),
                self.model.nodes.block[nodes],
            )

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

    # ---- POINTER ----

    def _keep(self, mechanism: str, number: int, address: Array, places: Array) -> None:
        """For upload_sums: where the instances look, by NEURON's index."""
        model = self.model
        kernel = model.entries[model.numbers[mechanism]].kernel
        assert kernel is not None
        at = np.where(address != 0, places[model.instances[mechanism].place], 0).astype(np.uint64)
        name = kernel.mechanism.pointers[number].name
        self._targets[mechanism, name] = Targets(at, self._keys)

    def _take_pointer(self, name: str, mechanism: str, address: Array) -> Array:
        """Returns where each instance looks. name: of the member of hx_model that holds it."""
        model = self.model
        layout = model.instances[mechanism]
        kind, index, field, row, element = self.core.device_resolve(address)
        of_v = (kind == _NODE) & (index == _V)
        role = self._roles[name]
        self._keys: set[Key] = set()
        if of_v.any():
            if role.written:
                raise Refusal("HX033", f"{mechanism} assigns v through a POINTER")
            self._refuse_changes_of_v(mechanism, address[of_v])
        model.need(f"{name}__v", layout.size, np.float64)
        base = model.device.address(model.arrays[f"{name}__v"])
        places = base + 8 * np.arange(layout.size, dtype=np.uint64)
        blocks = model.nodes.block[model.mechanisms[mechanism]["node"]]
        self._link(row[of_v], places[layout.place[of_v]], blocks[of_v])
        self._stand_ins.append((name, layout.place[of_v], row[of_v]))
        self._sizes[name] = layout.size
        density = model.mechanisms[mechanism]["kind"] != "point" and role.step
        self._density |= density and bool(of_v.any())
        for k in np.flatnonzero((address != 0) & ~of_v):
            known = (_NODE, _COLUMN, _NUMBER) if role.hooks else (_NODE, _COLUMN)
            if element[k] or kind[k] not in known:
                raise Refusal("HX033", self._outside(mechanism, address[k]))
            what = (int(kind[k]), int(index[k]), int(field[k]), int(row[k]))
            if role.hooks:
                place = self._seen(mechanism, role, what, int(address[k]), int(blocks[k]))
            else:
                place = self._fixed(mechanism, what, int(address[k]))
            places[layout.place[k]] = place
        model.put(name, places)
        return places

    def _called(self, address: Any) -> str:
        """What the script calls NEURON's number at this address."""
        return str(self.core.device_name(int(address)))

    def _changes(self, mechanism: str, address: int) -> str:
        name = self._called(address)
        return f"a POINTER of {mechanism} leads to {name}, which changes"

    def _outside(self, mechanism: str, address: Any) -> str:
        name = self._called(address)
        return f"a POINTER of {mechanism} leads outside of the cells, to {name}"

    def _refuse_changes_of_v(self, mechanism: str, addresses: Array) -> None:
        """A v that changes within a step reaches a POINTER at once, a link at the next update."""
        for played in self._played.intersection(addresses.tolist()):
            name = self._called(played)
            raise Refusal("HX033", f"a POINTER of {mechanism} leads to {name}, which is played")
        for receiver, receive in self.model.receivers():
            if receive.writes_v:
                raise Refusal("HX033", f"{receiver['name']} assigns a v that a POINTER leads to")

    def _seen(
        self, mechanism: str, role: Role, what: tuple[int, int, int, int], address: int, block: int
    ) -> int:
        """Where on the device a number lies that BEFORE and AFTER blocks see. block: who looks."""
        kind, index, field, row = what
        model = self.model
        if kind == _NUMBER:
            if role.step:
                raise Refusal("HX033", self._outside(mechanism, address))
            self._same_block(mechanism, int(model.number_block[row]), block)
            return model.device.address(model.arrays["numbers"]) + 8 * row
        if role.step and not role.written:
            return self._fixed(mechanism, what, address)
        if kind == _NODE:
            return self._seen_node(mechanism, role, what, address, block)
        name, key = self._column(index, field)
        if role.step or (role.written and key[0] == "ion"):
            raise Refusal("HX033", self._changes(mechanism, address))
        if role.written:
            model.mark_written(key)
        if model.columns[key].written or address in self._played:
            owner = int(model.mechanisms[name]["node"][row])
            self._same_block(mechanism, int(model.nodes.block[owner]), block)
        self.whole |= field >= 3 if key[0] == "ion" else model.is_lean(name, key[2])
        self._keys.add(key)
        return model.place(key, row)

    def _seen_node(
        self, mechanism: str, role: Role, what: tuple[int, int, int, int], address: int, block: int
    ) -> int:
        model, (_, index, _, row) = self.model, what
        name = list(model.structure["node"])[index]
        if role.written:
            raise Refusal("HX033", f"{mechanism} assigns a node's {name} through a POINTER")
        if name != "sav_rhs":
            return self._fixed(mechanism, what, address)
        if role.early:  # NEURON has just cleared it
            raise Refusal("HX033", f"BEFORE BREAKPOINT of {mechanism} looks at i_membrane_")
        self._same_block(mechanism, int(model.nodes.block[row]), block)
        self.whole = True
        return model.place(("node", name), row)

    def _same_block(self, mechanism: str, owner: int, block: int) -> None:
        """Blocks of cells see each other's numbers only between kernels."""
        if owner != block and not self.model.streams:
            raise NeedsStreams("HX033", f"POINTERs of {mechanism} lead from several blocks to one")

    def _fixed(self, mechanism: str, what: tuple[int, int, int, int], address: int) -> int:
        """Where on the device a number lies that no step changes."""
        kind, index, field, row = what
        model = self.model
        if kind == _NODE and index == _AREA:
            return model.place(("node", "area"), row)
        if kind == _NODE:
            raise Refusal("HX033", f"a POINTER of {mechanism} leads into the tree's matrix")
        _, key = self._column(index, field)
        if model.columns[key].written or address in self._played:
            raise Refusal("HX033", self._changes(mechanism, address))
        return model.place(key, row)

    # ---- hx_model ----

    def _upload(self, target_played: bool) -> None:
        model, n_block = self.model, self.model.nodes.n_block
        rows, blocks = np.concatenate(self._rows), np.concatenate(self._blocks)
        seen, which = np.unique(model.nodes.position[rows], return_inverse=True)
        seen_rows = model.nodes.row[seen]
        model.put("exchange_first", _starts(model.nodes.block[seen_rows], n_block))
        model.put("exchange_slot", model.nodes.slot[seen_rows].astype(np.int32))
        model.put("exchange_position", seen.astype(np.int32))
        model.need("exchange", max(1, 2 * len(seen)), np.float64)
        order = np.argsort(blocks, kind="stable")
        model.put("link_first", _starts(blocks, n_block))
        model.put("link_exchange", which[order].astype(np.int32))
        model.put("link_place", np.concatenate(self._places)[order])
        model.values["n_exchange"] = len(seen)
        model.values["exchange_mask"] = 1
        model.values["n_link"] = len(order)
        model.values["n_crossing"] = int((model.nodes.block[rows] != blocks).sum())
        # what does not wait for links runs before them
        model.values["late_links"] = int(not (self._density or target_played or model.spread))


def _starts(blocks: npt.NDArray[np.int64], n_block: int) -> npt.NDArray[np.int32]:
    """How many come before each block's."""
    counts = np.bincount(blocks, minlength=n_block)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


class Linked:
    """What the plans that need a Coupling have in common."""

    def __init__(self) -> None:
        self._coupling: Coupling | None = None

    def look(self, core: Any, model: DeviceModel) -> None:
        """Plan.look"""
        self._coupling = self._coupling or Coupling(core, model)
        self._coupling.look()

    def begin(self, core: Any, model: DeviceModel) -> None:
        """Plan.begin"""
        assert self._coupling is not None
        self._coupling.take_over()

    @property
    def whole(self) -> bool:
        """Plan.whole"""
        return self._coupling is not None and self._coupling.whole

    def give_back(self) -> None:
        """Plan.give_back"""
        if self._coupling is not None:
            self._coupling.numbers.give_back()
