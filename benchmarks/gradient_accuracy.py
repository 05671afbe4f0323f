"""How far the synaptic gradient is from finite differences of plain NEURON, by situation.

    python benchmarks/gradient_accuracy.py

A network of 3 inputs, 3 hidden cables and 2 outputs, all connected (23 weights). error: largest
component's difference over the largest component; cosine: of the angle between the two gradients.
"""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import version
from typing import Any

import numpy as np
from neuron import h

import heliox_neuron
from heliox_neuron.report.text import Table

heliox = heliox_neuron.heliox
TARGETS = [3.0, 1.0]


def cable(name: str, nseg: int, length: float, g_pas: float) -> Any:
    section = h.Section(name=name)
    section.L, section.diam, section.nseg, section.Ra = length, 5, nseg, 100
    section.insert("pas")
    section.g_pas, section.e_pas = g_pas, 0
    return section


def network(g_pas: float, spikes: bool, channels: bool) -> dict[str, Any]:
    """Passive cells with tau = 1e-3/g_pas ms; inputs are constant currents, or spike trains."""
    random = np.random.default_rng(1)
    inputs = [cable(f"in{k}", 1, 20, g_pas) for k in range(3)]
    hidden = [cable(f"hidden{k}", 5, 200, g_pas) for k in range(3)]
    outputs = [cable(f"out{k}", 5, 200, g_pas) for k in range(2)]
    kept: list[Any] = []
    for k, section in enumerate(inputs):
        if spikes:
            stim, synapse = h.NetStim(), h.ExpSyn(section(0.5))
            stim.start, stim.interval, stim.number, stim.noise = 1, 6 - k, 1e9, 0
            synapse.tau, synapse.e = 0.5, 5
            connection = h.NetCon(stim, synapse)
            connection.weight[0] = 0.05
            kept += [stim, synapse, connection]
        else:
            clamp = h.IClamp(section(0.5))
            clamp.delay, clamp.dur = 0, 1e9
            clamp.amp = 1e-2 * g_pas * section(0.5).area() * (2 + k)
            kept.append(clamp)
    if channels:
        for section in hidden:
            section.insert("hh")
            section.gnabar_hh, section.gkbar_hh, section.gl_hh = 0, g_pas, 0
            section.ek = 0  # at rest at 0 mV, and rectifying above
    synapses = []
    for layer, above in ((hidden, inputs), (outputs, hidden)):
        for post in layer:
            for pre in above:
                synapse = h.HelioxGradedSynapsePointer(post(random.uniform()))
                h.setpointer(pre(0.5)._ref_v, "v_pre", synapse)
                synapse.g, synapse.w = 10 * g_pas, random.uniform(0, 1)
                synapses.append(synapse)
            bias = h.HelioxGradedSynapse(post(0.5))
            bias.v_pre, bias.g, bias.w = 1, 10 * g_pas, 0.3
            synapses.append(bias)
    return {"synapses": synapses, "outputs": outputs, "kept": [kept, inputs, hidden]}


def measure(
    what: str,
    window: tuple[float, float],
    g_pas: float,
    spikes: bool = False,
    channels: bool = False,
) -> list[str]:
    model = network(g_pas, spikes, channels)
    weights = heliox.trainable(model["synapses"], "w")
    loss = heliox.readout(model["outputs"], window=window).mse(TARGETS)
    data = heliox.check_gradients(loss, weights).to_dict()
    exact, found = np.array(data["reference"]), np.array(data["methods"]["synaptic"])
    cosine = exact @ found / np.linalg.norm(exact) / np.linalg.norm(found)
    return [
        what,
        f"{window[0]:g}-{window[1]:g}",
        f"{data['worst']['synaptic']:.1e}",
        f"{cosine:.6f}",
    ]


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "").parse_args()
    h.load_file("stdrun.hoc")
    h.v_init, h.dt, h.steps_per_ms = 0, 0.025, 40
    rows = [
        measure("passive, tau 1 ms, constant input, settled", (40, 50), 1e-3),
        measure("passive, tau 10 ms, constant input", (20, 50), 1e-4),
        measure("passive, tau 10 ms, constant input, early", (5, 10), 1e-4),
        measure("passive, tau 10 ms, spike trains", (20, 50), 1e-4, spikes=True),
        measure("potassium channels in the hidden cells, settled", (40, 50), 1e-3, channels=True),
    ]
    columns = ["situation", "window (ms)", "error", "cosine"]
    print(f"{platform.processor() or platform.machine()}, NEURON {version('neuron')}, "
          f"heliox-neuron {heliox_neuron.__version__}\n")  # fmt: skip
    print(Table(columns, rows, frozenset(columns[1:])).text())


if __name__ == "__main__":
    main()
