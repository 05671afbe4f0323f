"""Replicas of a network on the device (nn.batch); the weights are copied to NEURON."""

from __future__ import annotations

from typing import Any, TypeAlias

from ..engines.gpu.device import Device
from .active import CompiledModel
from .batch import BatchNetwork
from .batch.layers import Doubles
from .build import NeuronNetwork
from .learning import Loss
from .linear import LinearModel
from .timing import Timing

Model: TypeAlias = LinearModel | CompiledModel


class ReplicaExecutor:
    """Runs replicas of a NeuronNetwork on a device; None: the GPU, else the host.

    model: LinearModel for passive cells, CompiledModel for any that the GPU engine compiles.
    """

    def __init__(
        self, network: NeuronNetwork, model: Model, timing: Timing, device: Device | None
    ) -> None:
        self.network = network
        self.model = model
        self.timing = timing
        self.batch = BatchNetwork(
            model.inputs, network.encoder.n, model.layers, dt=timing.dt,
            duration=timing.duration, window=timing.window, v_init=timing.v_init, device=device,
        )  # fmt: skip
        self.batch.weights = network.weights

    @property
    def kind(self) -> str:
        """ "linear" or "compiled"."""
        return "linear" if isinstance(self.model, LinearModel) else "compiled"

    def fits(self, model: Model, timing: Timing) -> bool:
        """Whether this executor is what would be made now."""
        mine = self.model
        if self.timing != timing:
            return False
        if isinstance(mine, LinearModel):
            return isinstance(model, LinearModel) and mine.same(model)
        return isinstance(model, CompiledModel) and mine.same(model)

    @property
    def weights(self) -> list[Doubles]:
        """(n_out, n_in + 1) of each layer, as they are on the device."""
        return self.batch.weights

    @weights.setter
    def weights(self, values: list[Doubles]) -> None:
        self.batch.weights = values

    def bind(self, optimiser: Any) -> None:
        """Gives an optimiser its state for these weights, unless it has one."""
        self.batch.bind(optimiser)

    def forward(self, encoded: Doubles) -> Doubles:
        """(B, n_out) window means of the output somata, mV."""
        code = self.network.encoder.code
        if code is None:
            return self.batch.forward(encoded)
        return self.batch.forward_rate(encoded, code)

    def gradient(self, encoded: Doubles, targets: Any, loss: Loss) -> tuple[Doubles, list[Doubles]]:
        """Losses (B,) and the gradient of their mean by each layer's weights."""
        return self.batch.gradient(encoded, targets, loss, self.network.encoder.code)

    def train(
        self, encoded: Doubles, targets: Any, loss: Loss, optimiser: Any, clip_norm: float | None
    ) -> None:
        """One update of the weights; enqueued on the device."""
        if callable(loss):  # it computes on the device
            targets = self.batch.device.array(targets)
        code = self.network.encoder.code
        self.batch.train(encoded, targets, loss, optimiser, code, clip_norm)

    def take_losses(self) -> Doubles:
        """The losses of all samples since the last call. Waits for the device."""
        return self.batch.take_losses()

    def to_neuron(self) -> None:
        """Writes the device's weights into NEURON's objects."""
        self.network.weights = self.batch.weights

    def bytes(self) -> int:
        """Device memory held."""
        return self.batch.bytes()
