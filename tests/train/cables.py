"""Random passive trees and networks of them, without NEURON."""

from __future__ import annotations

import numpy as np

from heliox_neuron.engines.gpu.open import open_device
from heliox_neuron.nn.batch import BatchNetwork, Cable, Layer, PointInputs, Projection, RateCode

DT, DURATION, WINDOW = 0.25, 30.0, (10.0, 30.0)
N_STEP = round(DURATION / DT)
FIRST, LAST = round(WINDOW[0] / DT), round(WINDOW[1] / DT)


def cable(n: int, seed: int, branching: int = 3) -> Cable:
    """A random passive tree. Off-diagonals as NEURON has them: one conductance by two areas."""
    rng = np.random.default_rng(seed)
    parent = np.array(
        [-1] + [int(rng.integers(max(0, i - branching), i)) for i in range(1, n)], np.int32
    )
    area = rng.uniform(20, 400, n)
    axial = rng.uniform(0.5, 20, n)  # 100 uS
    upper = area[np.maximum(parent, 0)]
    no_root = np.arange(n) > (0 if n > 1 else -1)  # in NEURON the root of a tree is a bare end
    return Cable(
        parent=parent,
        a=np.where(parent < 0, 0, -axial / upper),
        b=np.where(parent < 0, 0, -axial / area),
        area=area,
        cm=rng.uniform(0.7, 1.5, n) * no_root,
        g=rng.uniform(1e-4, 3e-4, n) * no_root,
        e=rng.uniform(-0.2, 0.2, n),
        soma=int(rng.integers(n > 1, n)),
    )


def point() -> Cable:
    one, none = np.ones(1), np.zeros(1)
    return Cable(np.array([-1], np.int32), none, none, 500 * one, one, 1e-4 * one, none)


def matrix(of: Cable, dt: float) -> np.ndarray:
    m = np.diag(of.diagonal(dt))
    for i, p in enumerate(of.parent):
        if p >= 0:
            m[i, p], m[p, i] = of.b[i], of.a[i]
    return m


def transfer(of: Cable) -> np.ndarray:
    """MOhm from each node to the soma at the steady state."""
    return np.linalg.inv(matrix(of, np.inf))[of.soma] * 1e2 / of.area


def layer(of: Cable, n_out: int, n_in: int, seed: int) -> Layer:
    rng = np.random.default_rng(seed)
    node = rng.integers(of.n_node > 1, of.n_node, size=(n_out, n_in + 1)).astype(np.int32)
    node[:, -1] = of.soma
    r = transfer(of)[node]
    return Layer(of, Projection(node, 1 / r * rng.uniform(0.8, 1.2, r.shape), r))


def network(
    hidden: list[tuple[Cable, int]], n_in: int, seed: int = 3, device: str = "host"
) -> tuple[BatchNetwork, list[Layer]]:
    """Input cells and layers of (cable, cells), with random weights, and these layers."""
    layers, before = [], n_in
    for k, (of, n) in enumerate(hidden):
        layers.append(layer(of, n, before, seed + k))
        before = n
    net = BatchNetwork(
        PointInputs(point()), n_in, layers, dt=DT, duration=DURATION, window=WINDOW,
        device=open_device(device),
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    net.weights = [rng.normal(0, 1.0, one.projection.node.shape) for one in layers]
    return net, layers


def spike_times(x: np.ndarray, code: RateCode) -> np.ndarray:
    interval = code.scale / (x + code.epsilon)
    k = np.arange(40)
    times = code.base + interval[..., None] * (1 + k) + code.delay
    return np.where(k < code.number, times, np.inf)
