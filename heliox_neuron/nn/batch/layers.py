"""What a layer is made of: the cable of its cells and the synapses onto them.

Plain arrays, read from NEURON's objects by nn/linear.py; nothing here knows NEURON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...errors import HelioXError

Ints: TypeAlias = "npt.NDArray[np.int32]"
Doubles: TypeAlias = "npt.NDArray[np.float64]"


@dataclass(frozen=True)
class Cable:
    """One passive cell. All arrays are (n,), nodes in NEURON's order: parents before children.

    parent: -1 for the root. a, b: NEURON's off-diagonal elements of each node's row and of its
    parent's (NrnThread, negative, mA/cm2/mV). area: um2. cm: uF/cm2. g: S/cm2. e: mV. soma: the
    node whose v is the cell's output.
    """

    parent: Ints
    a: Doubles
    b: Doubles
    area: Doubles
    cm: Doubles
    g: Doubles
    e: Doubles
    soma: int = 0

    @property
    def n_node(self) -> int:
        return len(self.parent)

    def diagonal(self, dt: float) -> Doubles:
        """(n,) of the matrix for a step of dt ms, mA/cm2/mV; dt = inf: at the steady state."""
        d = 1e-3 * self.cm / dt + self.g
        inner = np.flatnonzero(self.parent >= 0)
        d[inner] -= self.b[inner]
        np.subtract.at(d, self.parent[inner], self.a[inner])
        return d


@dataclass(frozen=True)
class Projection:
    """Synapses onto a layer, one from each cell of the layer before and one for the bias.

    All arrays are (n_out, n_in + 1), the last column is the bias. node: where each synapse sits,
    in the order of Cable. g: uS at unit weight. r: transfer resistance to the soma, MOhm.
    """

    node: Ints
    g: Doubles
    r: Doubles

    @property
    def n_out(self) -> int:
        return int(self.node.shape[0])

    @property
    def n_in(self) -> int:
        return int(self.node.shape[1]) - 1


@dataclass(frozen=True)
class Layer:
    """n_out equal passive cells and the synapses onto them."""

    cable: Cable
    projection: Projection


@dataclass(frozen=True)
class PointInputs:
    """Input cells: one passive compartment each, and an ExpSyn. tau: ms; e: mV; weight: uS."""

    cable: Cable
    tau: float = 0.5
    e: float = 1.0
    weight: float = 0.05


@dataclass(frozen=True)
class RateCode:
    """Regular spikes for an input p in [0, 1], as a NetStim makes them.

    An interval of scale/(p + epsilon) ms, the first spike at base + interval, at most number
    spikes, all due at the synapse delay ms later.
    """

    scale: float = 5.0
    base: float = 9.0
    epsilon: float = 0.01
    number: int = 100
    delay: float = 1.0


def check(inputs: PointInputs, n_in: int, layers: list[Layer]) -> None:
    """Raises HelioXError HX057 for arrays that do not fit together."""
    if inputs.cable.n_node != 1:
        raise HelioXError("HX057", f"an input cell has {inputs.cable.n_node} compartments, not 1.")
    if not layers:
        raise HelioXError("HX057", "a network without layers: add a Dense.")
    before = n_in
    for number, layer in enumerate(layers, 1):
        cable, projection = layer.cable, layer.projection
        for name in ("a", "b", "area", "cm", "g", "e"):
            if getattr(cable, name).shape != (cable.n_node,):
                raise HelioXError("HX057", f"layer {number}: {name} is not one number a node.")
        if (cable.cm <= 0).any() or cable.n_node > 65534:
            raise HelioXError("HX057", f"layer {number}: cm must be positive, at most 65534 nodes.")
        if projection.n_in != before:
            raise HelioXError(
                "HX057",
                f"layer {number} has synapses from {projection.n_in} cells, the layer before it "
                f"has {before}.",
            )
        for name in ("g", "r"):
            if getattr(projection, name).shape != projection.node.shape:
                raise HelioXError("HX057", f"layer {number}: {name} is not one number a synapse.")
        if projection.node.min() < 0 or projection.node.max() >= cable.n_node:
            raise HelioXError("HX057", f"layer {number}: a synapse sits on no node of the cell.")
        before = projection.n_out
