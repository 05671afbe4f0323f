"""Fast fidelity's steady nodes (codegen/device_steady.py): what could change or look at them."""

import pytest

from parity.isolate import isolated

CHANGES = (
    "nothing", "record", "play", "play_step", "script", "secondorder", "fast_imem", "inside",
    "twins",
)  # fmt: skip


def build(change):
    """A soma with hh and a branched passive tree; something happens to a passive node."""
    from neuron import h

    from parity import models

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


@pytest.mark.parametrize("change", CHANGES)
@isolated
def test_steady_nodes(change):
    """1e-8 mV until the first spike and 1e-6 mV after it, in all compartments."""
    import numpy as np
    from neuron import h

    from parity import compare, device

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

    heliox = device.use("fast")
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


@isolated
def test_steady_nodes_beside_tasks():
    """Warps that have no part in the channels' tasks do not wait for them."""
    from gpu import runs
    from parity import mods, steady, ways

    mods.load()
    runs.use("host", "fast", "contract")
    runs.check_fast(
        *runs.two_runs(lambda: steady.somata(tstop=20), ways.psolve, steady.records, steps=790)
    )
    from heliox_neuron import heliox

    model = heliox._device_engine.model
    assert len(model.source.passes) > 2, "no late pass of states"
    kept, all_steady = (int(model.arrays[f"steady_{name}"].sum()) for name in ("kept", "count"))
    assert 0 < kept < all_steady
