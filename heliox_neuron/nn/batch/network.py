"""B replicas of a feed-forward network on the device: forward, gradient, update.

All kernels are enqueued; nothing waits for the device but what reads a result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ...engines.gpu.device import Device
from ...engines.gpu.open import open_device
from ...errors import HelioXError
from .compiled import CompiledLayer
from .layers import Doubles, Layer, PointInputs, RateCode, check, prune
from .memory import Batch, CompiledReplicas, LayerTables, Words

Loss: TypeAlias = "str | Callable[[Any, Any], tuple[Any, Any]]"
_SOURCE = '#include "batch.cuh"\n'
_MACROS = ("HX_FAST",)  # fused multiply-adds
_MOST_WARPS = 16
_THREADS = 256
_BUILT_IN = ("softmax_cross_entropy", "mse")
_MOST_LOSSES = 1 << 16  # kept on the device between two take_losses()


class Optimiser(Protocol):
    """What updates the weights: train/optimisers.py."""

    def step(self, values: Any, gradient: Any, clip_norm: float | None = None) -> None: ...


class BatchNetwork:
    """inputs: of n_in cells; layers: each fully connected to the one before.

    dt, duration, window (start, end), in ms: a sample is `duration` long and begins at v_init [mV]
    everywhere; means are over the ends of steps in start < t <= end. device: None: the GPU if
    there is one, else the host. Raises HelioXError HX057 for arrays that do not fit.
    """

    def __init__(
        self,
        inputs: PointInputs,
        n_in: int,
        layers: Sequence[Layer | CompiledLayer],
        *,
        dt: float,
        duration: float,
        window: tuple[float, float],
        v_init: float = 0.0,
        device: Device | None = None,
    ) -> None:
        check(inputs, n_in, layers)
        self.inputs = replace(inputs, cable=prune(inputs.cable)[0])
        self.n_in = n_in
        self.dt, self.v_init = float(dt), float(v_init)
        self.n_step = round(duration / dt)
        self.first, self.last = round(window[0] / dt), round(window[1] / dt)
        if not 0 <= self.first < self.last <= self.n_step:
            raise HelioXError(
                "HX057", f"window {window} ms does not lie in a sample of {duration} ms."
            )
        self._device = device or _open()
        self._module = self._device.module(_SOURCE, _MACROS)
        self._layers = [self._on_device(layer) for layer in layers]
        self._encoder = Words(self._device)
        self._widths = [n_in] + [layer.n_out for layer in self._layers]
        self._offsets = np.cumsum([0] + [layer.n_weight for layer in self._layers])
        n = int(self._offsets[-1])
        self._values = self._device.empty(n, np.float64)
        self._gradient = self._device.empty(n, np.float64)
        self._losses = self._device.empty(_MOST_LOSSES, np.float64)
        self._n_loss = 0
        self._taken: list[Doubles] = []
        self._batches: dict[int, Batch] = {}
        self._batch: Batch | None = None
        self._workspace: Any = None
        self._bound: Any = None
        self._packed = False

    def _on_device(self, layer: Layer | CompiledLayer) -> LayerTables | CompiledReplicas:
        if isinstance(layer, CompiledLayer):
            return CompiledReplicas(self._device, layer, self.n_step, self.v_init)
        return LayerTables(self._device, layer, self.dt, self.v_init)

    # ---- weights ----

    @property
    def n_weight(self) -> int:
        return len(self._values)

    @property
    def device(self) -> Device:
        return self._device

    def _cut(self, flat: Any) -> list[Any]:
        return [flat[self._offsets[k] : self._offsets[k + 1]] for k in range(len(self._layers))]

    def _to_layers(self, flat: npt.NDArray[np.float64]) -> list[Doubles]:
        parts = zip(self._cut(flat), self._layers, strict=True)
        return [part.reshape(layer.n_out, layer.n_in + 1).copy() for part, layer in parts]

    @property
    def weights(self) -> list[Doubles]:
        """(n_out, n_in + 1) of each layer, the last column is the bias."""
        return self._to_layers(self._device.download(self._values))

    @weights.setter
    def weights(self, values: list[Doubles]) -> None:
        shapes = [(layer.n_out, layer.n_in + 1) for layer in self._layers]
        if [np.shape(w) for w in values] != shapes:
            raise HelioXError(
                "HX057", f"weights of shapes {[np.shape(w) for w in values]}, expected {shapes}."
            )
        self._device.upload(
            self._values, np.concatenate([np.ravel(w).astype(np.float64) for w in values])
        )
        self._packed = False

    @property
    def values(self) -> Any:
        """The flat vector of all weights on the device."""
        return self._values

    def bind(self, optimiser: Any) -> None:
        """Gives an optimiser its state for these weights, unless it has one."""
        if self._bound is not optimiser:
            optimiser.bind(self._device, self.n_weight)
            self._bound = optimiser

    # ---- forward ----

    def forward(self, times: Doubles) -> Doubles:
        """(B, n_out) window means, mV. times: (B, n_in, K) ms, ascending, filled with inf."""
        self._run(times, None)
        return self._means()

    def forward_rate(self, x: Doubles, rate: RateCode) -> Doubles:
        """The same for inputs x (B, n_in) in [0, 1], whose spikes are made on the device."""
        self._run(x, rate)
        return self._means()

    def hidden(self, layer: int) -> Doubles:
        """(B, n) window means of a layer in the last batch; 0: the input cells."""
        batch = self._last()
        return self._device.download(batch.mean[layer]).reshape(batch.n_replica, -1)

    def trajectory(self, layer: int) -> Doubles:
        """(B, T, n) somatic v after each step of the last batch; 0: the input cells."""
        batch = self._last()
        flat = self._device.download(batch.trajectory[layer])
        return flat.reshape(batch.n_replica, self.n_step, -1)

    def _last(self) -> Batch:
        if self._batch is None:
            raise HelioXError("HX057", "no batch has run yet: call forward().")
        return self._batch

    def _means(self) -> Doubles:
        batch = self._last()
        return self._device.download(batch.mean[-1]).reshape(batch.n_replica, -1)

    def _run(self, x: Any, rate: RateCode | None) -> Batch:
        x = x if hasattr(x, "__cuda_array_interface__") else np.asarray(x, np.float64)
        n_dim = 2 if rate is not None else 3
        if x.ndim != n_dim or x.shape[1] != self.n_in or not len(x):
            raise HelioXError(
                "HX057", f"inputs of shape {x.shape}: expected (samples, {self.n_in}"
                f"{'' if rate is not None else ', spikes'})."
            )  # fmt: skip
        batch = self._batches.get(len(x))
        if batch is None:
            batch = Batch(self._device, len(x), self.n_step, self._widths)
            self._batches = {len(x): batch, **dict(list(self._batches.items())[:1])}
        self._batch = batch
        self._pack()
        self._encode(batch, x, rate)
        for k in range(len(self._layers)):
            self._advance(batch, k)
        return batch

    def _pack(self) -> None:
        if self._packed:
            return
        for layer, weights in zip(self._layers, self._cut(self._values), strict=True):
            if isinstance(layer, CompiledReplicas):
                continue
            n = len(layer.drive)
            self._launch(
                "hx_pack", n, layer.drive, weights, layer.index, layer.scale, n
            )  # fmt: skip
        self._packed = True

    def _encode(self, batch: Batch, x: Any, rate: RateCode | None) -> None:
        device, inputs, cable = self._device, self.inputs, self.inputs.cable
        if hasattr(x, "__cuda_array_interface__"):
            self._x = x  # until the kernel has read it
        else:
            x = batch.take(device, x)
        n_time = 0 if rate is not None else x.shape[2]
        code = rate or RateCode()
        words = self._encoder.send([
            self.n_in, self.n_step, n_time, self.first, self.last,
            0 if rate is not None else x, x if rate is not None else 0,
            batch.trajectory[0], batch.mean[0], batch.rectified[0],
            self.dt, self.v_init,
            float(1e-3 * cable.cm[0] / self.dt), float(cable.g[0]), float(cable.g[0] * cable.e[0]),
            float(1e2 / cable.area[0]), float(inputs.e),
            float(inputs.weight), float(1.0 - np.exp(self.dt * (-1.0 / inputs.tau))),
            float(code.scale), float(code.base), float(code.epsilon), float(code.number),
            float(code.delay),
        ])  # fmt: skip
        self._launch("hx_encode", batch.n_replica * self.n_in, words, batch.n_replica)

    def _share(self, layer: LayerTables, n_replica: int) -> tuple[int, int, bool]:
        """Cells of a block, doubles of its memory, and whether the tables stay outside.

        Few enough cells to use all multiprocessors, as many as memory holds.
        """
        device, sources = self._device, 2 * (layer.n_in + 1)
        if device.name == "host":
            warps = min(_MOST_WARPS, layer.n_out)
            return warps, sources + layer.table_doubles + warps * layer.n_node, False
        room = device.shared_bytes // 8 - sources
        large = room - layer.table_doubles < layer.n_node
        tables = 0 if large else layer.table_doubles
        fits = (room - tables) // layer.n_node
        if fits < 1:
            raise HelioXError(
                "HX057", f"a cell of {layer.n_node} compartments does not fit into the shared "
                "memory of a multiprocessor."
            )  # fmt: skip
        wanted = -(-layer.n_out * n_replica // device.n_multiprocessor)
        warps = max(1, min(_MOST_WARPS, fits, wanted, layer.n_out))
        return warps, sources + tables + warps * layer.n_node, large

    def _advance(self, batch: Batch, k: int) -> None:
        layer, device = self._layers[k], self._device
        if isinstance(layer, CompiledReplicas):
            self._run_compiled(batch, k, layer)
            return
        warps, doubles, large = self._share(layer, batch.n_replica)
        if device.name == "host" and (self._workspace is None or len(self._workspace) < doubles):
            self._workspace = device.empty(doubles, np.float64)
        words = layer.words.send([
            layer.n_node, layer.n_round, layer.n_branch, layer.n_out, layer.n_in, self.n_step,
            self.first, self.last, layer.soma, *layer.tables, layer.drive, *layer.wide,
            batch.trajectory[k], batch.trajectory[k + 1], batch.mean[k + 1],
            batch.rectified[k + 1], 0 if self._workspace is None else self._workspace,
            self.v_init, layer.soma_scale, layer.soma_rest,
        ])  # fmt: skip
        n_block = batch.n_replica * -(-layer.n_out // warps)
        name = "hx_layer_large" if large else "hx_layer"
        self._module.launch(name, n_block, 32 * warps, 8 * doubles, (words, warps))

    def _run_compiled(self, batch: Batch, k: int, layer: CompiledReplicas) -> None:
        n = batch.n_replica
        v = layer.replicas(n).run(self._cut(self._values)[k], batch.trajectory[k])
        window = v[:, self.first : self.last]
        batch.trajectory[k + 1].reshape(v.shape)[...] = v
        batch.mean[k + 1].reshape(n, -1)[...] = window.mean(axis=1)
        batch.rectified[k + 1].reshape(n, -1)[...] = window.clip(0.0, None).mean(axis=1)

    # ---- learning ----

    def gradient(
        self, x: Doubles, targets: Any, loss: Loss, rate: RateCode | None = None
    ) -> tuple[Doubles, list[Doubles]]:
        """The losses (B,) and the gradient of their mean by each layer's weights.

        x: spike times (B, n_in, K), or inputs (B, n_in) with a rate code. Method "synaptic": exact
        for passive cells at the steady state (train/synaptic.py).
        """
        self._learn(x, targets, loss, rate)
        gradient = self._to_layers(self._device.download(self._gradient))
        return self._recent, gradient

    def train(
        self,
        x: Doubles,
        targets: Any,
        loss: Loss,
        optimiser: Optimiser,
        rate: RateCode | None = None,
        clip_norm: float | None = None,
    ) -> None:
        """One update of the weights; enqueued, nothing is fetched (take_losses())."""
        self.bind(optimiser)
        self._learn(x, targets, loss, rate)
        optimiser.step(self._values, self._gradient, clip_norm)
        self._packed = False

    def take_losses(self) -> Doubles:
        """The losses of all samples since the last call. Waits for the device."""
        found = np.concatenate([*self._taken, self._device.download(self._losses[: self._n_loss])])
        self._taken, self._n_loss = [], 0
        return found

    @property
    def _recent(self) -> Doubles:
        n = self._last().n_replica
        return self._device.download(self._losses[self._n_loss - n : self._n_loss])

    def _learn(self, x: Any, targets: Any, loss: Loss, rate: RateCode | None) -> None:
        if isinstance(loss, str) and loss not in _BUILT_IN:
            raise HelioXError("HX057", f"no loss {loss!r}: one of {', '.join(_BUILT_IN)}.")
        batch = self._run(x, rate)
        n = batch.n_replica
        if self._n_loss + n > _MOST_LOSSES:
            self._taken.append(self._device.download(self._losses[: self._n_loss]))
            self._n_loss = 0
            if n > _MOST_LOSSES:
                raise HelioXError("HX057", f"a batch of {n} samples, at most {_MOST_LOSSES}.")
        self._delta(batch, targets, loss)
        self._n_loss += n
        self._back(batch)

    def _delta(self, batch: Batch, targets: Any, loss: Loss) -> None:
        n, n_out = batch.n_replica, self._widths[-1]
        losses = self._losses[self._n_loss : self._n_loss + n]
        mean, delta = batch.mean[-1], batch.delta[-1]
        if callable(loss):
            values, slopes = loss(mean.reshape(n, n_out), targets)
            losses[...] = values
            delta[...] = slopes.reshape(-1)
            return
        kind = np.int32 if loss == "softmax_cross_entropy" else np.float64
        shape = (n,) if loss == "softmax_cross_entropy" else (n, n_out)
        if np.shape(targets) != shape:
            raise HelioXError("HX057", f"targets of shape {np.shape(targets)}, expected {shape}.")
        self._targets = self._device.array(np.asarray(targets, kind))
        name = "softmax_cross_entropy" if kind is np.int32 else "mean_squared_error"
        self._launch(f"hx_{name}", n, mean, self._targets, delta, losses, n, n_out)

    def _back(self, batch: Batch) -> None:
        n = batch.n_replica
        weights, gradients = self._cut(self._values), self._cut(self._gradient)
        for k in range(len(self._layers) - 1, -1, -1):
            layer = self._layers[k]
            if k:
                self._launch(
                    "hx_error_before", n * layer.n_in, batch.delta[k + 1], weights[k], layer.rg,
                    batch.mean[k], batch.delta[k], n, layer.n_out, layer.n_in,
                )  # fmt: skip
            self._launch(
                "hx_weight_gradient", layer.n_weight, batch.delta[k + 1], layer.rg,
                batch.rectified[k], gradients[k], n, layer.n_out, layer.n_in,
            )  # fmt: skip

    def _launch(self, name: str, n: int, *args: Any) -> None:
        """A kernel over n elements; arrays stand for their addresses."""
        converted = tuple(
            a if isinstance(a, (int, float, np.uint64)) else np.uint64(self._device.address(a))
            for a in args
        )
        n_block = 1 if self._device.name == "host" else min(1024, -(-n // _THREADS))
        self._module.launch(name, n_block, _THREADS, 0, converted)

    def bytes(self) -> int:
        """Device memory held by this network."""
        arrays = [self._values, self._gradient, self._losses]
        compiled = 0
        for layer in self._layers:
            if isinstance(layer, CompiledReplicas):
                compiled += layer.bytes()
                continue
            arrays += [*layer.tables, *layer.wide, layer.index, layer.scale, layer.drive, layer.rg]
        for batch in self._batches.values():
            for part in (batch.trajectory, batch.mean, batch.rectified, batch.delta):
                arrays += part
        return compiled + sum(int(array.nbytes) for array in arrays)


def _open() -> Device:
    """The GPU if there is one, else the host."""
    try:
        return open_device()
    except HelioXError:
        return open_device("host")
