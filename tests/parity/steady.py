"""Models with steady nodes (fast fidelity), and what could change or look at them."""

import numpy as np
from neuron import h

from parity import compare, models


def build(change):
    """A soma with hh and a branched passive tree; something happens to a passive node."""
    built = models.ball_and_stick()
    parent = built.sections[-1]
    for k in range(3):
        section = built.keep(h.Section(name=f"passive{k}"))
        section.L, section.diam, section.nseg = 200 + 30 * k, 1.5, 13
        section.insert("pas")
        section.g_pas, section.e_pas = 2e-4, -63 - k
        section.connect(parent(1), 0)
        parent = section if k == 0 else parent
        built.sections.append(section)
    if change == "inside":  # a node that is not steady among those of one piece of cable
        clamp = built.keep(h.IClamp(built.sections[-1](0.2)))
        clamp.dur, clamp.amp = 5, 0.05
    if change == "twins":  # cells of one topology, of which one is not steady everywhere
        for k in range(2):
            twin = built.keep(h.Section(name=f"passive_twin{k}"))
            twin.L, twin.diam, twin.nseg = 400, 2, 31
            twin.insert("pas")
            built.sections.append(twin)
        clamp = built.keep(h.IClamp(twin(0.9)))
        clamp.dur, clamp.amp = 5, 0.05
    place = built.sections[-1](0.4)
    if change == "record":
        built.keep(h.Vector().record(place._ref_i_pas))
    elif change.startswith("play"):
        values = built.keep(h.Vector([2e-4, 1e-3, 1e-4, 5e-4]))
        times = built.keep(h.Vector([2, 5.025, 15.01, 30]))
        if change == "play":
            values.play(place._ref_g_pas, times, True)
        else:
            values.play(place._ref_g_pas, times)
    return built


def somata(n_cell=3, tstop=5.0):
    """Needs tests/mod. Trees of 0, 1, ... branches, so that blocks have unlike pieces of cable."""
    model = models.Model(celsius=30, v_init=-70, tstop=tstop)
    names = ("hxna", "hxk", "hxca", "hxcad", "hxkca", "hxih", "pas")
    for cell in range(n_cell):
        soma = model.section(f"soma{cell}", 1, (20, 20), names)
        trunk = model.section(f"trunk{cell}", 23, (300, 2), ("pas",), soma(1))
        model.section(f"axon{cell}", 3, (60, 1), names, soma(0))
        for branch in range(cell % 5):
            parent = trunk(0.2 + 0.3 * (branch % 3))
            model.section(f"branch{cell}_{branch}", 9 + 4 * branch, (150, 1), ("pas",), parent)
        model.keep(h.hxDwCai(soma(0.5)))  # its state comes after that of hxcad: a pass of its own
        model.keep(h.IClamp(soma(0.5)), delay=0.5 + cell, dur=40, amp=1.2)
        model.keep(h.IClamp(trunk(0.7)), delay=2, dur=1, amp=0.1)
    for section in model.sections:
        section.e_pas = -70
    h.shift_hxk = 3
    return model


def records(model):
    """v in the middle of every section."""
    return {
        f"v of {section}(0.5)": h.Vector().record(section(0.5)._ref_v) for section in model.sections
    }


def check(heliox, change):
    """1e-8 mV until the first spike and 1e-6 mV after it, in all compartments."""

    def advance(built):
        if change == "secondorder":
            h.secondorder = 1
        if change == "fast_imem":
            h.CVode().use_fast_imem(1)
        h.run()
        if change == "script":
            built.sections[-1].g_pas = 1e-3
            built.sections[-2].cm = 2
            h.continuerun(h.tstop + 20)

    outcomes = []
    for enable in (0, 1):
        heliox.enable = enable
        outcomes.append(compare.run_once(lambda: build(change), advance))
    heliox.enable = 0
    neuron, fast = outcomes
    assert {run["engine"] for run in fast.runs} == {"gpu"}
    model = heliox._device_engine.model
    steady = int(model.arrays["steady_count"].sum()) if model.has_steady else 0
    assert (steady > 0) == (change != "fast_imem")
    assert not steady or 0 < int(model.arrays["steady_kept"].sum()) < steady
    voltages = [name for name in neuron.traces if name.startswith("v of ")]
    assert any("passive" in name for name in voltages)
    above = np.array([neuron.traces[name] > -20 for name in voltages]).any(axis=0)
    first = int(np.argmax(above)) if above.any() else len(above)
    apart = np.array([np.abs(neuron.traces[n] - fast.traces[n]) for n in voltages])
    assert apart[:, :first].max() <= 1e-8
    assert apart.max() <= 1e-6
