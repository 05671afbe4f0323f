"""Means of Vectors, and the same means taken by heliox.average() during a run."""

import numpy as np


def use(engine):
    """An engine: "off", "neuron", "cpu"; a plan of the GPU engine, or "fast", its fidelity."""
    from parity import compare, device

    if engine in ("off", "neuron", "cpu"):
        heliox = compare.session()
        heliox.device = "cpu" if engine == "off" else engine
    else:
        heliox = device.use("fast" if engine == "fast" else "exact")
        heliox.plan = "auto" if engine == "fast" else engine
    heliox.enable = engine != "off"
    return heliox


def ran_on(engine):
    """What the report says must be the engine's name, and on the GPU its plan."""
    from parity import compare

    runs = compare.runs_so_far()
    found = {(run["engine"], run["plan"]) for run in runs}
    expected = {
        "off": set(),
        "neuron": {("neuron", "")},
        "cpu": {("cpu", "blocks")},
        "fast": {("gpu", "fused")},
    }
    assert found == expected.get(engine, {("gpu", engine)}), found


def network():
    """Three cells with spikes, synapses and clamps that begin and end inside the windows."""
    from neuron import h

    from parity import models

    h.CVode().use_fast_imem(1)
    built = models.Model(tstop=20)
    synapses = []
    for number in range(3):
        soma = built.section(f"soma{number}", 1, (20, 20), ("hh",))
        dend = built.section(f"dend{number}", 3, (200, 2), ("pas", "hh"), soma(1))
        dend.g_pas = 1e-4 * (1 + number)
        synapses.append(built.keep(h.ExpSyn(dend(0.5)), tau=2))
        built.connect(built.stim(number, 4), synapses[-1], 0.02, 1.0)
        built.keep(h.IClamp(soma(0.5)), delay=2 + number, dur=9, amp=0.3)
    for number in range(3):
        built.connect(built.sections[2 * number](0.5), synapses[(number + 1) % 3], 0.01, 1.5)
    built.synapses = synapses
    return built


def elements(built):
    """(objects, name) for all kinds of variables: states, currents, parameters, ions."""
    segments = [segment for section in built.sections for segment in section]
    dends = [segment for section in built.sections[1::2] for segment in section]
    for name in "v m_hh n_hh gna_hh ina ena i_cap cm i_membrane_ gnabar_hh".split():
        yield segments, name
    yield dends, "i_pas"
    yield built.synapses, "g"
    yield built.synapses, "i"


def mean(vector, times, window, dt, relu=False):
    """Sequential: every += rounds."""
    begin, end = window
    values = np.array(vector)
    if relu:
        values = np.maximum(values, 0)
    middle = times - 0.5 * dt
    total, count = 0.0, 0
    for x in values[(middle > begin) & (middle <= end)]:
        total += x
        count += 1
    return total / count
