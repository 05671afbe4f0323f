"""The 784-64-10 task of training.py in Jaxley: seconds per 1,000 samples to train and to test.

    python benchmarks/training_jaxley.py --data-dir DIR --batch 4 --samples 8

The cells have the same morphology (5 compartments a branch), the synapses the same currents,
without biases; the voltages of the input cells are clamped to what a NumPy model of them gives, so
Jaxley does not have to integrate them. FP64, backward Euler, gradients through all 200 steps, Adam.
The last line is JSON. Compiling is timed apart. --inputs and --hidden make a smaller network.
"""

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
import jaxley as jx  # noqa: E402
from jaxley.channels import Leak  # noqa: E402
from jaxley.synapses import Synapse  # noqa: E402
from training import MORPHOLOGY, data_dir  # noqa: E402

from heliox_neuron.nn import datasets  # noqa: E402
from heliox_neuron.nn.morphology import read_morphology, with_stub_axon  # noqa: E402

DT, DURATION, FIRST = 0.25, 50.0, 80  # ms, ms, steps before the window
N_COMP = 5
TYPES = {"soma": 1, "axon": 2, "dend": 3, "apic": 4}


class Graded(Synapse):
    """-g w max(v_pre, 0) nA: depolarising where w > 0."""

    def __init__(self, name=None):
        super().__init__(name)
        self.synapse_params = {"Graded_g": 1e-2, "Graded_w": 0.0}
        self.synapse_states = {}

    def update_states(self, states, delta_t, pre_voltage, post_voltage, params):
        return {}

    def compute_current(self, states, pre_voltage, post_voltage, params):
        return -params["Graded_g"] * params["Graded_w"] * jnp.maximum(pre_voltage, 0.0)


def write_swc(records, path):
    """Section records as an SWC file; the soma as one point."""
    lines, last = [], {}
    for record in records:
        kind = TYPES[record.group]
        above = -1 if record.parent is None else last[record.parent[:2]]
        if record.group == "soma":
            middle = [axis[len(axis) // 2] for axis in record.points]
            points = [(*middle[:3], record.diam)]
        elif record.points:
            points = list(zip(*record.points, strict=True))
        else:
            x, y, z = lines[above - 1][2:5]
            points = [(x, y - k * record.length, z, record.diam) for k in (0.1, 1.0)]
        for x, y, z, diam in points:
            lines.append((len(lines) + 1, kind, x, y, z, diam / 2, above))
            above = len(lines)
        last[record.group, record.index] = above
    path.write_text("\n".join(" ".join(map(str, line)) for line in lines) + "\n")


def hidden_cell(folder):
    with tempfile.TemporaryDirectory() as place:
        swc = Path(place) / "cell.swc"
        write_swc(with_stub_axon(read_morphology(folder / MORPHOLOGY)), swc)
        cell = jx.read_swc(str(swc), ncomp=N_COMP)
    cell.insert(Leak())
    for name, value in {
        "Leak_gLeak": 1 / 48300, "Leak_eLeak": 0.0, "capacitance": 1.5, "axial_resistivity": 261.97,
        "v": 0.0,
    }.items():  # fmt: skip
        cell.set(name, value)
    return cell


def point_cell():
    cell = jx.Cell(jx.Branch(jx.Compartment(), 1), [-1])
    cell.insert(Leak())
    size = math.sqrt(500 / math.pi)
    for name, value in {
        "length": size, "radius": size / 2, "Leak_gLeak": 1e-4, "Leak_eLeak": 0.0,
        "capacitance": 1.0, "v": 0.0,
    }.items():  # fmt: skip
        cell.set(name, value)
    return cell


def network(folder, n_in, n_hidden, n_out, rng):
    """(net, rows of the inputs' and outputs' cells)."""
    hidden = hidden_cell(folder)
    cells = [point_cell()] * n_in + [hidden] * n_hidden + [point_cell()] * n_out
    net = jx.Network(cells)
    nodes = net.nodes
    first = nodes.groupby("global_cell_index").head(1).index.to_numpy()
    of = nodes["global_cell_index"].to_numpy()
    pre, post = [], []
    for j in range(n_hidden):
        rows = nodes.index[of == n_in + j].to_numpy()
        pre += first[:n_in].tolist()
        post += rng.choice(rows, n_in).tolist()
    for k in range(n_out):
        pre += first[n_in : n_in + n_hidden].tolist()
        post += [first[n_in + n_hidden + k]] * n_hidden
    net._append_multiple_synapses(nodes.loc[pre], nodes.loc[post], Graded())
    edges = np.arange(len(pre))
    g = np.where(edges < n_in * n_hidden, 1 / 60.0, 1 / 2000.0)
    net.select(edges=edges).set("Graded_g", g)
    limit = np.sqrt(6 / (n_in + n_hidden))
    net.select(edges=edges).set("Graded_w", rng.uniform(-limit, limit, len(pre)))
    net.select(edges=edges).make_trainable("Graded_w", verbose=False)
    net.cell(list(range(n_in + n_hidden, n_in + n_hidden + n_out))).record("v", verbose=False)
    return net


def input_voltages(x):
    """(B, n, T + 1) v of the input cells, from t = 0 on: rate code and ExpSyn as RateEncoder's."""
    n_step = round(DURATION / DT)
    v, g = np.zeros(x.shape), np.zeros(x.shape)
    interval = 5 / (x + 0.01)
    due = 9 + interval + 1
    found = np.zeros((*x.shape, n_step + 1))
    area = 500.0
    for step in range(n_step):
        arrived = due <= (step + 0.5) * DT
        g += 0.05 * arrived
        due = np.where(arrived, due + interval, due)
        conductance = 1e2 * g / area
        d = 1e-3 / DT + 1e-4 + conductance
        v += (-1e-4 * v - conductance * (v - 1.0)) / d
        g *= np.exp(-DT / 0.5)
        found[:, :, step + 1] = v
    return found


def timed(call):
    started = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--inputs", type=int, default=784)
    parser.add_argument("--hidden", type=int, default=64)
    options = parser.parse_args()
    folder = data_dir(options.data_dir)
    (x, y), _ = datasets.mnist(folder / "mnist")
    x = x[:, 784 // 2 - options.inputs // 2 :][:, : options.inputs]
    n_in = options.inputs
    net = network(folder, n_in, options.hidden, 10, np.random.default_rng(0))
    params = net.get_parameters()
    net.to_jax()
    inputs = net.cell(list(range(n_in)))

    def means(params, voltages):
        clamps = inputs.data_clamp("v", voltages)
        v = jx.integrate(net, params=params, data_clamps=clamps, delta_t=DT, t_max=DURATION)
        return v[:, FIRST + 1 :].mean(axis=1)

    def loss(params, voltages, targets):
        found = jax.vmap(means, in_axes=(None, 0))(params, voltages)
        log = jax.nn.log_softmax(found)
        return -jnp.take_along_axis(log, targets[:, None], 1).mean()

    def step(params, moments, k, voltages, targets):
        value, gradient = jax.value_and_grad(loss)(params, voltages, targets)
        tree = jax.tree_util.tree_map
        m = tree(lambda a, b: 0.9 * a + 0.1 * b, moments[0], gradient)
        s = tree(lambda a, b: 0.999 * a + 0.001 * b * b, moments[1], gradient)
        rate = 0.005 * jnp.sqrt(1 - 0.999**k) / (1 - 0.9**k)
        params = tree(lambda p, a, b: p - rate * a / (jnp.sqrt(b) + 1e-8), params, m, s)
        return params, (m, s), value

    train, test = jax.jit(step), jax.jit(jax.vmap(means, in_axes=(None, 0)))
    zeros = jax.tree_util.tree_map(jnp.zeros_like, params)
    state = (params, (zeros, zeros))
    batches = [slice(k, k + options.batch) for k in range(0, options.samples, options.batch)]
    data = [(jnp.asarray(input_voltages(x[b])), jnp.asarray(y[b])) for b in batches]
    compiling = timed(lambda: train(*state, 1, *data[0])) + timed(lambda: test(params, data[0][0]))
    seconds = {"train": 0.0, "test": 0.0}
    value = 0.0
    for k, (voltages, targets) in enumerate(data, 1):
        started = time.perf_counter()
        params, moments, value = jax.block_until_ready(train(*state, k, voltages, targets))
        seconds["train"] += time.perf_counter() - started
        state = (params, moments)
        started = time.perf_counter()
        jax.block_until_ready(test(params, voltages))
        seconds["test"] += time.perf_counter() - started
    per = 1000 / (len(batches) * options.batch)
    result = {
        "version": jx.__version__, "device": str(jax.devices()[0]), "compile": compiling,
        "train": per * seconds["train"], "test": per * seconds["test"], "loss": float(value),
        "compartments": len(net.nodes),
    }  # fmt: skip
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main()
