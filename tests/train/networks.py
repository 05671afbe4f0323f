"""Small networks of passive cables and graded synapses for the training tests."""

from __future__ import annotations

import numpy as np

TAU = 1.0  # ms, of every membrane here: cm 1 uF/cm2, g_pas 1e-3 S/cm2
STEADY = (40.0, 50.0)  # ms: with implicit Euler a start has decayed by 1.025**-1600 = 7e-18


def session():
    """The `heliox` object, in a NEURON with stdrun and v_init = 0."""
    from neuron import h

    import heliox_neuron

    h.load_file("stdrun.hoc")
    h.v_init = 0
    return heliox_neuron.heliox


def cable(name, nseg=5, L=100.0, diam=5.0):
    from neuron import h

    section = h.Section(name=name)
    section.L, section.diam, section.nseg = L, diam, nseg
    section.Ra, section.cm = 100, 1
    section.insert("pas")
    section.g_pas, section.e_pas = 1e-3, 0
    return section


def step(section, amp):
    from neuron import h

    clamp = h.IClamp(section(0.5))
    clamp.delay, clamp.dur, clamp.amp = 0, 1e9, amp
    return clamp


def synapse(pre, segment, w, g=0.01):
    """A graded synapse by POINTER; with pre None a bias, 1 mV."""
    from neuron import h

    if pre is None:
        made = h.HelioxGradedSynapse(segment)
        made.v_pre = 1
    else:
        made = h.HelioxGradedSynapsePointer(segment)
        h.setpointer(pre(0.5)._ref_v, "v_pre", made)
    made.g, made.w = g, w
    return made


class TwoLayers:
    """3 inputs - 3 hidden cables - 2 outputs, all connected, with biases, weights of a seed."""

    def __init__(self, seed=1):
        random = np.random.default_rng(seed)
        self.inputs = [cable(f"in{k}", 1, 20) for k in range(3)]
        self.clamps = [step(s, 0.01 * (k + 1)) for k, s in enumerate(self.inputs)]
        self.hidden = [cable(f"hid{k}") for k in range(3)]
        self.outputs = [cable(f"out{k}") for k in range(2)]
        self.synapses = []
        for layer, above in ((self.hidden, self.inputs), (self.outputs, self.hidden)):
            for post in layer:
                for pre in above:
                    where = post(random.uniform())
                    self.synapses.append(synapse(pre, where, random.normal(0.5, 1)))
                self.synapses.append(synapse(None, post(0.5), 0.3))


def rounding(slope, v, step, scale):
    """Relative error of central differences of a loss, without truncation.

    A step rounds a node's v about 8 times, by 2**-53 each (NEURON solves for its change, which
    vanishes), and what was rounded decays with TAU: TAU/dt steps of it add up. slope: sum of
    |dL/dv| of the readouts; v: the largest potential (mV); scale: the gradient's largest component.
    """
    from neuron import h

    of_v = 8 * TAU / h.dt * np.finfo(float).eps / 2 * v
    return slope * of_v / step / scale


def of_resistances(layers=2):
    """Relative error of products of one transfer resistance a layer, from this model's matrix.

    Elimination is backward stable for a diagonally dominant tree: the computed r is that of a
    matrix whose rows are off by 8 roundings of d (one is the capacitive term, taken off again). A
    change dG of G changes r by r dG r, at most by the largest r times the sum of |dG|.
    """
    from neuron import h

    from heliox_neuron.train.resistance import read_matrix, transfer_resistances

    core = session()._core
    core.freeze()
    matrix = read_matrix(h, core.device_model())
    capacitive = 1e-3 / h.dt  # S/cm2 at 1 uF/cm2
    resistance = transfer_resistances(matrix, np.unique(matrix.root))
    conductance = 1e-2 * matrix.area * (matrix.d + capacitive)  # uS
    largest = max(
        resistance[cell].max() * conductance[cell].sum()
        for cell in (matrix.root == root for root in np.unique(matrix.root))
    )
    return layers * 8 * np.finfo(float).eps / 2 * largest
