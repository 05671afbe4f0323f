"""What a layer is made of: the cable of its cells and the synapses onto them.

Plain arrays, read from NEURON's objects by nn/linear.py; nothing here knows NEURON.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...errors import HelioXError

Ints: TypeAlias = "npt.NDArray[np.int32]"
Doubles: TypeAlias = "npt.NDArray[np.float64]"


@dataclass(frozen=True)
class Cable:
    """One passive cell. All arrays are (n,), nodes in NEURON's order: parents before children.

    parent: -1 for the root. a, b: NEURON's off-diagonal elements of each node's row and of its
    parent's (NrnThread, negative, mA/cm2/mV). area: um2. cm: uF/cm2, 0 at the ends of sections.
    g: S/cm2. e: mV. soma: the node whose v is the cell's output.
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


def prune(cable: Cable, used: npt.NDArray[np.int32] | None = None) -> tuple[Cable, Ints]:
    """The cable without bare ends of sections, and each node's new index (-1: gone).

    A tip without capacitance and conductance has its parent's v, such a root with one child its
    child's: no current flows there, so the other nodes' equations stay what they are. used: nodes
    that are kept in any case, besides the soma.
    """
    n = cable.n_node
    bare = (cable.cm == 0) & (cable.g == 0)
    bare[cable.soma] = False
    if used is not None:
        bare[used] = False
    parent = cable.parent.copy()
    n_child = np.bincount(parent[parent >= 0], minlength=n)
    kept = np.ones(n, bool)
    for i in range(n - 1, -1, -1):
        if bare[i] and n_child[i] == 0 and parent[i] >= 0:
            kept[i] = False
            n_child[parent[i]] -= 1
    for i in range(n):
        if kept[i] and bare[i] and parent[i] < 0 and n_child[i] == 1:
            kept[i] = False
            parent[(parent == i) & kept] = -1
    index = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    above = parent[kept]
    return Cable(
        parent=np.where(above < 0, -1, index[above]).astype(np.int32),
        a=cable.a[kept], b=cable.b[kept], area=cable.area[kept], cm=cable.cm[kept],
        g=cable.g[kept], e=cable.e[kept], soma=int(index[cable.soma]),
    ), index  # fmt: skip


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


def check(inputs: PointInputs, n_in: int, layers: Sequence[Any]) -> None:
    """Raises HelioXError HX057 for arrays that do not fit together."""
    n_node = prune(inputs.cable)[0].n_node
    if n_node != 1:
        raise HelioXError("HX057", f"an input cell has {n_node} compartments, not 1.")
    if not layers:
        raise HelioXError("HX057", "a network without layers: add a Dense.")
    before = n_in
    for number, layer in enumerate(layers, 1):
        if isinstance(layer, Layer):
            _check_layer(layer, number)
        n_out, n_source = (
            (layer.projection.n_out, layer.projection.n_in)
            if isinstance(layer, Layer)
            else (layer.n_out, layer.n_in)
        )
        if n_source != before:
            raise HelioXError(
                "HX057",
                f"layer {number} has synapses from {n_source} cells, the layer before it "
                f"has {before}.",
            )
        before = n_out


def _check_layer(layer: Layer, number: int) -> None:
    cable, projection = layer.cable, layer.projection
    for name in ("a", "b", "area", "cm", "g", "e"):
        if getattr(cable, name).shape != (cable.n_node,):
            raise HelioXError("HX057", f"layer {number}: {name} is not one number a node.")
    if (cable.cm < 0).any() or cable.n_node > 65534:
        raise HelioXError("HX057", f"layer {number}: a negative cm, or more than 65534 nodes.")
    for name in ("g", "r"):
        if getattr(projection, name).shape != projection.node.shape:
            raise HelioXError("HX057", f"layer {number}: {name} is not one number a synapse.")
    if projection.node.min() < 0 or projection.node.max() >= cable.n_node:
        raise HelioXError("HX057", f"layer {number}: a synapse sits on no node of the cell.")
    if (cable.cm[projection.node] == 0).any():
        raise HelioXError(
            "HX057",
            f"layer {number}: a synapse sits on a node without capacitance (the end of a "
            "section, x = 0 or 1): move it into a segment.",
        )
