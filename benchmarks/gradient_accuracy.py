"""How far the gradient "synaptic" is from finite differences: the table of training.md.

    python benchmarks/gradient_accuracy.py

A network of passive cables in two layers (3 inputs, 3 hidden cells, 2 outputs, 20 weights of a
seed), in conditions that depart from those for which the method is exact, one at a time.
"""

from __future__ import annotations

import numpy as np
from neuron import h

from heliox_neuron import heliox

STEADY = (40, 50)  # ms; the membranes' time constant is 1 ms


def cable(name: str, nseg: int = 5, length: float = 100.0) -> h.Section:
    section = h.Section(name=name)
    section.L, section.diam, section.nseg = length, 5, nseg
    section.insert("pas")
    section.g_pas, section.e_pas = 1e-3, 0
    return section


class Network:
    """spikes: the inputs are cells with an ExpSyn under regular spikes, not under a current."""

    def __init__(self, spikes: bool = False, hh: tuple[str, ...] = ()) -> None:
        random = np.random.default_rng(1)
        self.inputs = [cable(f"input{k}", 1, 20) for k in range(3)]
        self.hidden = [cable(f"hidden{k}") for k in range(3)]
        self.outputs = [cable(f"output{k}") for k in range(2)]
        self.drive = [self._drive(s(0.5), k, spikes) for k, s in enumerate(self.inputs)]
        self.synapses = []
        for post, above in [(p, self.inputs) for p in self.hidden] + [
            (p, self.hidden) for p in self.outputs
        ]:
            for pre in above:
                self._synapse(post(random.uniform()), pre, random.normal(0.5, 1))
            self._synapse(post(0.5), None, 0.3)
        for layer in hh:
            for section in getattr(self, layer):
                section.insert("hh")
                section.gnabar_hh, section.gl_hh = 0.012, 0  # a tenth of the sodium: no spikes

    @staticmethod
    def _drive(segment: h.Segment, k: int, spikes: bool) -> tuple:
        if not spikes:
            clamp = h.IClamp(segment)
            clamp.dur, clamp.amp = 1e9, 0.01 * (k + 1)
            return (clamp,)
        synapse, stim = h.ExpSyn(segment), h.NetStim()
        synapse.tau, synapse.e = 2, 70
        stim.start, stim.interval, stim.number = 1, 12 / (k + 1), 1e9
        connection = h.NetCon(stim, synapse)
        connection.weight[0] = 1e-3
        return synapse, stim, connection

    def _synapse(self, segment: h.Segment, pre: h.Section | None, w: float) -> None:
        if pre is None:
            made = h.HelioxGradedSynapse(segment)
            made.v_pre = 1
        else:
            made = h.HelioxGradedSynapsePointer(segment)
            h.setpointer(pre(0.5)._ref_v, "v_pre", made)
        made.g, made.w = 0.01, w
        self.synapses.append(made)


def compare(window: tuple[float, float], **how: object) -> tuple[bool, float, float]:
    """(whether it says that it is exact, error / largest component, cosine with the reference)."""
    network = Network(**how)
    loss = heliox.readout(network.outputs, window=window).mse([2.0, 1.0])
    w = heliox.trainable(network.synapses, "w")
    exact = heliox.gradient(loss, w).exact
    # the loss is quadratic in a weight, or nearly: a large step rounds little
    data = heliox.check_gradients(loss, w, step=1e-3).to_dict()
    found, reference = np.array(data["methods"]["synaptic"]), np.array(data["reference"])
    cosine = found @ reference / np.linalg.norm(found) / np.linalg.norm(reference)
    return exact, data["worst"]["synaptic"], float(cosine)


CASES = {
    "passive, steady state": {"window": STEADY},
    "passive, window (5, 15) ms": {"window": (5, 15)},
    "passive, window (1, 5) ms": {"window": (1, 5)},
    "passive, window (0, 2) ms": {"window": (0, 2)},
    "inputs under spikes, window (20, 50) ms": {"window": (20, 50), "spikes": True},
    "hh channels in the outputs": {"window": STEADY, "hh": ("outputs",)},
    "hh channels in hidden cells and outputs": {
        "window": STEADY,
        "hh": ("hidden", "outputs"),
    },
}


def main() -> None:
    h.load_file("stdrun.hoc")
    h.v_init = 0
    print("| model | `exact` | largest error | cosine |\n|---|---|---|---|")
    for name, case in CASES.items():
        exact, error, cosine = compare(**case)
        print(f"| {name} | {'yes' if exact else 'no'} | {error:.1e} | {cosine:.6f} |")


if __name__ == "__main__":
    main()
