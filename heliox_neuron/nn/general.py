"""A network of any cells: sample after sample in NEURON, by finitialize and psolve.

It runs on whatever engine `heliox` is set to. Slower than replicas on the device (linear.py), and
right for every cell that NEURON can simulate. The gradient is the same formula (`synaptic`): exact
for passive cells at the steady state only, else a search direction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..engines.gpu.open import open_device
from ..errors import HelioXError
from ..train.simulation import Means, Recording, Seen, Window, observe
from .batch.layers import Doubles
from .build import NeuronNetwork
from .learning import Loss, error_before, layer_gradient, loss_and_slope
from .timing import Timing


class GeneralExecutor:
    """Runs a NeuronNetwork. The weights are NEURON's."""

    kind = "general"

    def __init__(self, network: NeuronNetwork, timing: Timing) -> None:
        from neuron import h

        self.network = network
        self.timing = timing
        self._pc = h.ParallelContext()
        self._device = open_device("host")
        self._flat = np.concatenate([w.ravel() for w in network.weights])
        self._bound: Any = None
        self._losses: list[Doubles] = []
        self._rg: list[Doubles] | None = None  # None: before the next gradient

    # ---- weights ----

    @property
    def weights(self) -> list[Doubles]:
        """(n_out, n_in + 1) of each layer."""
        return self.network.weights

    @weights.setter
    def weights(self, values: list[Doubles]) -> None:
        self.network.weights = values
        self._rg = None  # the program ran since: it may have changed the cells
        self._flat[:] = np.concatenate([np.ravel(w) for w in values])

    def bind(self, optimiser: Any) -> None:
        """Gives an optimiser its state for these weights, unless it has one."""
        if self._bound is not optimiser:
            optimiser.bind(self._device, len(self._flat))
            self._bound = optimiser

    # ---- forward ----

    def forward(self, encoded: Doubles) -> Doubles:
        """(B, n_out) window means of the output somata, mV."""
        with self._observed([len(self.network.layers)], False) as observed:
            return np.array([self._sample(sample, observed)[0].means for sample in encoded])

    @contextmanager
    def _observed(self, numbers: list[int], in_detail: bool) -> Iterator[list[Means | Recording]]:
        """What sums up v of the somata of these layers (0: the inputs), and NEURON's settings.

        in_detail: max(v, 0) too.
        """
        from neuron import h

        if h.CVode().active():
            raise HelioXError("HX091", "cvode is active: a network runs with a fixed time step.")
        timing, cells = self.timing, self.network.all_cells
        window = Window(*timing.window)
        observed: list[Means | Recording] = []
        held = h.dt
        h.dt = timing.dt
        try:
            for k in numbers:
                pointers = [cell.soma._ref_v for cell in cells[k]]
                observed.append(observe(pointers, window, timing.duration, False, in_detail))
            yield observed
        finally:
            for one in observed:
                one.close()
            h.dt = held

    def _sample(self, encoded: Doubles, observed: list[Means | Recording]) -> list[Seen]:
        """What was seen of each layer, in the run of one sample."""
        from neuron import h

        self.network.encoder.present(encoded)
        self._pc.set_maxstep(10)
        h.finitialize(self.timing.v_init)
        self._pc.psolve(self.timing.duration)
        return [one.seen() for one in observed]

    # ---- learning ----

    def _look(self) -> list[Doubles]:
        """r g of each layer, as the cells are in NEURON after finitialize(v_init)."""
        from neuron import h

        if self._rg is None:
            h.finitialize(self.timing.v_init)
            self.network.look()
            self._rg = [layer.r * layer.g for layer in self.network.layers]
        return self._rg

    def gradient(self, encoded: Doubles, targets: Any, loss: Loss) -> tuple[Doubles, list[Doubles]]:
        """Losses (B,) and the gradient of their mean by each layer's weights."""
        numbers = list(range(len(self.network.layers) + 1))
        with self._observed(numbers, True) as observed:
            rg = self._look()
            samples = [self._sample(sample, observed) for sample in encoded]
        means = [np.array([sample[k].means for sample in samples]) for k in numbers]
        rectified = [
            np.array([sample[k].positive.mean(axis=0) for sample in samples]) for k in numbers
        ]
        losses, delta = loss_and_slope(loss, means[-1], targets)
        gradients: list[Doubles] = []
        weights = self.network.weights
        for k in range(len(rg) - 1, -1, -1):
            gradients.insert(0, layer_gradient(delta, rg[k], rectified[k]))
            if k:
                delta = error_before(delta, rg[k], weights[k], means[k])
        return losses, gradients

    def train(
        self, encoded: Doubles, targets: Any, loss: Loss, optimiser: Any, clip_norm: float | None
    ) -> None:
        """One update of the weights, in NEURON too."""
        self.bind(optimiser)
        losses, gradients = self.gradient(encoded, targets, loss)
        flat = np.concatenate([gradient.ravel() for gradient in gradients])
        optimiser.step(self._flat, flat, clip_norm)
        self.network.columns.write("w", self._flat)
        self._losses.append(losses)

    def take_losses(self) -> Doubles:
        """The losses of all samples since the last call."""
        losses = np.concatenate(self._losses) if self._losses else np.zeros(0)
        self._losses = []
        return losses

    def to_neuron(self) -> None:
        """The weights are there already."""

    def bytes(self) -> int:
        """Device memory of our own: none."""
        return 0
