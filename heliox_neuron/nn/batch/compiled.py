"""A layer of any cells that the GPU engine compiles, in replicas: active ones, or unequal ones.

The engine's own kernels and tree solver run it, all steps in one launch (docs/design/gpu.md).
Presynaptic voltages come from the trajectory of the layer before, as in src/gpu/layer.cuh.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...engines.gpu.device import Device
from ...engines.gpu.engine import check_settled
from ...engines.gpu.model import DeviceModel
from ...engines.gpu.translate import Refusal
from ...errors import HelioXError
from .layers import Doubles
from .tiling import Longs, Tiling

_MACROS = ("HX_PLAN_COUPLED",)


@dataclass(frozen=True)
class SynapseRows:
    """Graded synapses of one mechanism. (n,) arrays: row: NEURON's instance; weight: index into the
    layer's (n_out, n_in + 1) weights; source: presynaptic cell, -1 for the bias.
    """

    mechanism: str
    row: Longs
    weight: Longs
    source: Longs


@dataclass(frozen=True)
class CompiledLayer:
    """core: the compiled core. structure: _core.device_model(), whose columns are NEURON's own
    memory until snapshot() copies them; samples begin with what is there then (finitialize).

    nodes: rows of all nodes of the layer's cells. somas: (n_out,) rows. rg: (n_out, n_in + 1)
    transfer resistance times conductance. fast: the O(log n) tree solver and no divisions.
    """

    core: Any
    structure: dict[str, Any]
    nodes: Longs
    somas: Longs
    synapses: list[SynapseRows]
    rg: Doubles
    fast: bool = False

    @property
    def n_out(self) -> int:
        return int(self.rg.shape[0])

    @property
    def n_in(self) -> int:
        return int(self.rg.shape[1]) - 1

    def check(self) -> None:
        """Raises HelioXError with the engine's code and reason where replicas cannot run."""
        ours = {rows.mechanism for rows in self.synapses}
        tiling = Tiling(self.structure, self.nodes, 1)
        for mechanism in self.structure["mechanisms"]:
            name = mechanism["name"]
            n = len(tiling.instances(mechanism))
            if not n:
                continue
            if mechanism["before_after"]:
                raise HelioXError("HX033", f"{name} on the cells of a layer has BEFORE or AFTER.")
            if mechanism["has_receive"]:
                raise HelioXError("HX033", f"{name} on the cells of a layer receives events.")
            if mechanism["pointers"] and name not in ours:
                raise HelioXError("HX033", f"{name} on the cells of a layer has a POINTER.")
            if name in ours and n != sum(len(s.row) for s in self.synapses if s.mechanism == name):
                raise HelioXError("HX033", f"there are other {name} than the network's.")

    def snapshot(self) -> CompiledLayer:
        """The same with copies of NEURON's columns as they are now, of these cells alone."""
        tiling = Tiling(self.structure, self.nodes, 1)
        kept = {m["name"]: tiling.instances(m) for m in self.structure["mechanisms"]}
        synapses = [
            replace(rows, row=np.searchsorted(kept[rows.mechanism], rows.row))
            for rows in self.synapses
        ]
        return replace(
            self,
            structure=tiling.structure(),
            nodes=np.arange(len(self.nodes)),
            somas=tiling.node(self.somas, 0),
            synapses=synapses,
        )


class Replicas:
    """A CompiledLayer, n_replica times on a device, for samples of n_step steps."""

    def __init__(
        self, device: Device, layer: CompiledLayer, n_replica: int, n_step: int, v_init: float
    ) -> None:
        self._device = device
        self._n_replica, self._n_step = n_replica, n_step
        self._n_out, self._n_in = layer.n_out, layer.n_in
        self._v_init = v_init
        self._tiling = tiling = Tiling(layer.structure, layer.nodes, n_replica)
        method = "contract" if layer.fast else "dhs"
        try:
            self._model = model = DeviceModel(
                tiling.structure(), device, method, layer.core.device_global, 0, False,
                _MACROS, layer.fast,
            )  # fmt: skip
        except Refusal as refused:
            raise HelioXError(refused.code, refused.reason) from refused
        self._core = layer.core
        self._look_at_somas(layer.somas)
        self._link(layer)
        self._set_numbers(layer.core)
        model.send()
        model.module.launch("hx_prepare", 1, 1, 0, (0,))
        device.synchronize()
        written = [column.device for column in model.columns.values() if column.written]
        self._begin = [(array, array.copy()) for array in written]  # before the first step

    def _by_block(self, blocks: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        counts = np.bincount(blocks, minlength=self._model.nodes.n_block)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)

    def _look_at_somas(self, somas: Longs) -> None:
        """v of all somata is recorded in every step, block by block."""
        model = self._model
        rows = self._tiling.nodes(somas)
        blocks = model.nodes.block[rows]
        order = np.argsort(blocks, kind="stable")
        model.put("record_first", self._by_block(blocks))
        model.put("record_slot", model.nodes.slot[rows][order].astype(np.int32))
        model.put("record_place", np.zeros(len(rows), np.uint64))
        model.need("record_value", self._n_step * len(rows), np.float64)
        model.values["n_record"] = len(rows)
        at = np.empty(len(rows), np.int64)
        at[order] = np.arange(len(rows))
        self._recorded_at = self._device.array(at)

    def _link(self, layer: CompiledLayer) -> None:
        """Where each synapse finds its presynaptic v and its weight."""
        model, n = self._model, self._n_replica
        places, blocks, sources = [], [], []
        self._weights: list[tuple[Any, Any, Any]] = []  # column, where, index into the weights
        self._v_pre: list[tuple[Any, Any]] = []  # array, values before the first step
        for rows in layer.synapses:
            mechanism = next(
                m for m in layer.structure["mechanisms"] if m["name"] == rows.mechanism
            )
            kept = self._tiling.instances(mechanism)
            local = np.searchsorted(kept, rows.row)
            every = np.concatenate([local + b * len(kept) for b in range(n)])
            place = model.instances[rows.mechanism].place[every]
            node = self._tiling.nodes(np.array(mechanism["node"], np.int64)[rows.row])
            w = model.columns["column", rows.mechanism, "w"]
            self._weights.append((
                w.device, self._device.array(place), self._device.array(np.tile(rows.weight, n))
            ))  # fmt: skip
            w.uniform, w.written = False, True  # the kernels look at each element
            array = self._presynaptic(rows.mechanism)
            source = np.tile(rows.source, n)
            begin = np.full(len(array), self._v_init)
            begin[place[source < 0]] = 1.0  # the bias
            self._v_pre.append((array, self._device.array(begin)))
            linked = source >= 0
            base = np.uint64(self._device.address(array))
            places.append(base + np.uint64(8) * place[linked].astype(np.uint64))
            blocks.append(model.nodes.block[node[linked]])
            replica = np.repeat(np.arange(n), len(rows.row))
            sources.append((replica * self._n_in + source)[linked])
        of_block = np.concatenate(blocks)
        order = np.argsort(of_block, kind="stable")
        model.put("link_first", self._by_block(of_block))
        model.put("link_exchange", np.concatenate(sources)[order].astype(np.int32))
        model.put("link_place", np.concatenate(places)[order])
        model.values["n_link"] = len(order)

    def _presynaptic(self, mechanism: str) -> Any:
        """The array from which a mechanism's instances read their v_pre."""
        model = self._model
        for name, (_, key) in model.source.fields.members.items():
            if key[:2] == ("pointer", mechanism):
                size = model.instances[mechanism].size
                model.need(f"{name}__v", size, np.float64)
                base = self._device.address(model.arrays[f"{name}__v"])
                model.put(name, base + 8 * np.arange(size, dtype=np.uint64))
                return model.arrays[f"{name}__v"][:size]
        column = model.columns["column", mechanism, "v_pre"]
        column.uniform, column.written = False, True
        return column.device

    def _set_numbers(self, core: Any) -> None:
        model, clock = self._model, core.device_clock()
        n_block = model.nodes.n_block
        for name in ("event_first", "source_first", "play_first", "exchange_first"):
            model.put(name, np.zeros(n_block + 1, np.int32))
        model.need("exchange", self._n_step * self._n_replica * self._n_in, np.float64)
        model.put("meeting", np.zeros(1, np.int32))
        model.values.update(
            n_play=0, split_events=0, sync_records=0, n_crossing=0, late_links=0,
            n_exchange=self._n_replica * self._n_in, exchange_mask=2**31 - 1,
            dt=clock["dt"], cj=1.0 / clock["dt"], celsius=clock["celsius"], v_scale=1.0,
        )  # fmt: skip
        for ion in model.ions.values():
            model.values[f"{ion['name']}__coefficient"] = core.device_nernst(ion["type"])

    def run(self, weights: Any, before: Any) -> Any:
        """(n_replica, T, n_out) v of the somata [mV]. weights: the layer's, flat; before: the same
        of the layer before, flat. All on the device.
        """
        model, n, n_step = self._model, self._n_replica, self._n_step
        try:
            check_settled(self._core, model.entries, float(model.values["celsius"]))
        except Refusal as refused:
            raise HelioXError(refused.code, f"{refused.reason}.") from refused
        for array, values in (*self._begin, *self._v_pre):
            array[...] = values
        for column, place, index in self._weights:
            column[place] = weights[index]
        rows = before.reshape(n, n_step, self._n_in).transpose(1, 0, 2)
        model.arrays["exchange"][: n_step * n * self._n_in].reshape(rows.shape)[...] = rows
        model.module.launch(
            "hx_coupled", model.nodes.n_block, model.n_thread, model.shared_bytes,
            (0.0, n_step, 0, 0),
        )  # fmt: skip
        found = model.arrays["record_value"][: n_step * n * self._n_out]
        by_step = found.reshape(n_step, -1)[:, self._recorded_at]
        return by_step.reshape(n_step, n, self._n_out).transpose(1, 0, 2)

    def bytes(self) -> int:
        """Device memory held."""
        return self._model.bytes() + sum(int(values.nbytes) for _, values in self._begin)
