"""What a script changes, reads and interrupts around the GPU engine's steps: bits as in NEURON.

The device holds copies of everything, so each test here is about something that must be taken
over or given back in time.
"""

import pytest

from parity.isolate import isolated


@isolated
def test_changes_between_runs():
    """Parameters, states, celsius, dt, weights, delays, thresholds, without an initialisation."""
    from neuron import h

    from parity import device, models

    def advance(built):
        h.stdinit()
        soma, dend = built.sections[0](0.5), built.sections[1](0.3)

        def voltage():
            soma.v, dend.v = -40, -75

        def conductance():
            soma.hh.gnabar *= 1.2
            dend.g_pas = 3e-4
            dend.pas.e = -60
            soma.cm = 1.3

        def state():
            soma.hh.m, soma.hh.h = 0.3, 0.4
            built.kept[0].g = 1e-3

        def network():
            built.netcons[0].weight[0] *= 3
            built.netcons[1].delay = 0.3
            built.netcons[-1].active(0)
            h.ParallelContext().threshold(1, -50)

        def numbers():
            h.celsius = 12
            h.dt = 0.0125
            h.steps_per_ms = 80

        def ion():
            soma.ena, dend.nai, soma.ek = 45, 11, -80

        def point():
            built.kept[0].tau = 3
            built.kept[0].e = -10
            h.usetable_hh = 0

        changes = voltage, conductance, state, network, numbers, ion, point
        for part, change in enumerate(changes):
            h.continuerun(4.0 * (part + 1))
            change()
        h.continuerun(30)
        h.usetable_hh = 1

    device.same_bits(models.ball_and_stick, advance, models.spikes)


@isolated
def test_things_added_and_removed_between_runs():
    """NetCons, synapses, clamps, records and plays, sections and mechanisms come and go."""
    from neuron import h

    from parity import device, models

    def advance(built):
        h.stdinit()
        last = built.sections[-1]
        added = []
        for part in range(9):
            h.continuerun(4.0 * (part + 1))
            if part == 0:
                built.connect(built.sections[0](0.5), built.kept[0], 0.03, 0.7)
            if part == 1:
                added.append(h.Vector().record(last(0.9)._ref_v))
                added.append(h.Vector().record(built.kept[0]._ref_i))
            if part == 2:
                clamp = built.keep(h.IClamp(last(1)), delay=h.t, dur=5, amp=0.2)
            if part == 3:
                last.insert("hh")
                clamp.amp = 0.4
            if part == 4:
                synapse = built.keep(h.ExpSyn(last(0.1)))
                built.connect(built.sections[0](0.5), synapse, 0.05)
            if part == 5:
                built.notes.extend(list(added[0]) + list(added[1]))
                added.clear()
                built.netcons.pop(0)
            if part == 6:
                built.sections[1].nseg = 3
            if part == 7:
                built.section("new", 3, (40, 1), ("hh",), last(1))

    def records(built):
        return {**models.spikes(built), "notes": built.notes}

    device.same_bits(models.ball_and_stick, advance, records, v_traces=False)


@isolated
def test_geometry_changes_between_runs():
    from neuron import h

    from parity import device, models

    def advance(built):
        h.stdinit()
        dend = built.sections[1]
        for part in range(6):
            h.continuerun(5.0 * (part + 1))
            if part == 0:
                dend(0.3).diam = 4
            if part == 1:
                dend.L = 300
            if part == 2:
                dend.Ra = 60
            if part == 3:
                built.sections[0].diam = 25
            if part == 4:
                dend.nseg = 7

    def records(built):
        return {**models.spikes(built), "v": h.Vector().record(built.sections[0](0.5)._ref_v)}

    device.same_bits(models.ball_and_stick, advance, records, v_traces=False)


@isolated
def test_ion_styles_change_between_runs():
    from neuron import h

    from parity import device, models, mods

    mods.load()

    def advance(built):
        h.stdinit()
        soma = built.sections[0]
        h.continuerun(5)
        h.ion_style("ca_ion", 3, 2, 0, 0, 0, sec=soma)  # eca stays as it is now
        h.continuerun(10)
        h.ion_style("ca_ion", 3, 2, 1, 1, 0, sec=soma)
        soma(0.5).cai = 2e-4
        h.continuerun(15)
        soma(0.5).ena = 40
        h.continuerun(20)

    device.same_bits(models.channels, advance, models.MODELS["channels"][1])


@isolated
def test_globals_and_tables_change_between_runs():
    from neuron import h

    from parity import device, models, mods

    mods.load()

    def advance(built):
        h.stdinit()
        for part in range(6):
            h.continuerun(3.0 * (part + 1))
            if part == 0:
                h.shift_hxk = 5
            if part == 1:
                h.usetable_hxna = 0
            if part == 2:
                h.celsius = 20
            if part == 3:
                h.usetable_hxna = 1
            if part == 4:
                h.celsius = 33
        h.shift_hxk, h.celsius = 3, 30

    device.same_bits(models.channels, advance)


@pytest.mark.parametrize("model", ["ball_and_stick", "channels"])
@isolated
def test_secondorder(model):
    from neuron import h

    from parity import device, models, mods

    mods.load()
    build, record = models.MODELS[model]

    def advance(built):
        h.secondorder = 1
        h.run()
        h.secondorder = 0

    device.same_bits(build, advance, record)


@isolated
def test_initialisation_handlers_that_advance():
    from neuron import h

    from parity import device, models

    def advance(built):
        busy = []

        def settle():
            if busy:
                return
            busy.append(1)
            for _ in range(40):
                h.fadvance()
            h.t = 0
            h.frecord_init()
            busy.clear()

        handlers = [h.FInitializeHandler(1, settle)]
        h.run()
        handlers.clear()

    device.same_bits(models.mixed_cells, advance)


@isolated
def test_legacy_initialisation():
    """t and dt set by hand, steps before t = 0, fcurrent, frecord_init."""
    from neuron import h

    from parity import device, models

    def advance(built):
        h.finitialize(-65)
        h.t, h.dt = -500, 10
        while h.t < -20:
            h.fadvance()
        h.t, h.dt = 0, 0.025
        h.fcurrent()
        h.frecord_init()
        h.continuerun(20)
        h.fcurrent()
        h.continuerun(25)

    device.same_bits(models.mixed_cells, advance)


@isolated
def test_save_and_restore():
    from neuron import h

    from parity import device, models

    def advance(built):
        h.stdinit()
        h.continuerun(10)
        saved = h.SaveState()
        saved.save()
        h.continuerun(25)
        built.notes.append(built.sections[0](0.5).v)
        saved.restore()
        built.notes.append(h.t)
        h.continuerun(30)

    device.same_bits(models.mixed_cells, advance, lambda m: {"notes": m.notes})
    device.same_bits(models.ball_and_stick, advance, lambda m: {"notes": m.notes})


@pytest.mark.parametrize("model", ["ball_and_stick", "channels", "artificial_cells"])
@isolated
def test_engines_take_turns(model):
    """GPU engine, NEURON, CPU engine and the GPU engine again, in one run."""
    from neuron import h

    from parity import compare, device, models, mods

    mods.load()
    build, record = models.MODELS[model]
    heliox = device.use()

    def advance(built):
        on = heliox.enable
        h.stdinit()
        for part, name in enumerate(("gpu", "neuron", "gpu", "cpu", "gpu", "auto")):
            heliox.device = name
            h.continuerun(7 * (part + 1))
        heliox.device = "gpu"
        heliox.enable = 0
        h.continuerun(45)
        heliox.enable = on
        h.continuerun(50)

    neuron, ours = compare.run_once(build, advance, record), None
    heliox.enable = 1
    ours = compare.run_once(build, advance, record)
    heliox.enable = 0
    engines = {run["engine"] for run in ours.runs}
    assert compare.PLAIN or {"gpu", "cpu"} <= engines, ours.runs
    difference = compare.first_difference(neuron, ours)
    assert not difference, difference


@isolated
def test_nan_spreads_as_in_neuron():
    from neuron import h

    from parity import device, models

    def advance(built):
        h.finitialize(-65)
        h.continuerun(5)
        built.sections[0](0.5).v = float("nan")
        h.continuerun(10)

    device.same_bits(models.passive, advance, steps=380)


@isolated
def test_what_else_may_change_between_runs():
    """fast_imem, CVODE for a while, positions of clamps, cells that go."""
    from neuron import h

    from parity import device, models

    cvode = h.CVode()

    def switches(built):
        h.stdinit()
        h.continuerun(5)
        cvode.use_fast_imem(1)
        h.continuerun(10)
        built.notes.append(built.sections[0](0.5).i_membrane_)
        cvode.use_fast_imem(0)
        h.continuerun(15)
        cvode.active(1)
        h.continuerun(17)
        cvode.active(0)
        h.dt = 0.025
        h.continuerun(20)

    def clamps(built):
        h.stdinit()
        for part in range(6):
            h.continuerun(3.0 * (part + 1))
            clamp = built.kept[part % 5]
            clamp.delay, clamp.dur, clamp.amp = h.t + 0.5, 1, 0.1 * part
            if part == 3:
                clamp.loc(built.sections[7](0.5))
        del clamp
        built.kept.clear()
        del built.sections[-2:]
        h.continuerun(20)

    device.same_bits(models.mixed_cells, switches, lambda m: {"notes": m.notes})
    device.same_bits(models.mixed_cells, clamps, v_traces=False)


@isolated
def test_artificial_cells_without_a_compartment():
    from neuron import h

    from parity import compare, device, models

    heliox = device.use()
    found = []
    for enable in (0, 1):
        built = models.Model()
        cell = built.keep(h.IntFire1())
        built.connect(built.stim(1, 3), cell, 0.5, 0.5)
        built.connect(cell, None).record(built.times)
        heliox.enable = enable
        h.run()
        found.append(list(built.times))
        built.close()
        del cell, built
    assert found[0] and found[0] == found[1]
    if not compare.PLAIN:
        assert {run["engine"] for run in compare.runs_so_far()} == {"cpu"}


@pytest.mark.parametrize("spread", ["0", "1"])
@pytest.mark.parametrize("model", ["channels", "fast_imem"])
@isolated
def test_warps_that_share_out_nodes_or_mechanisms(model, spread):
    import os

    from parity import device, models, mods, ways

    mods.load()
    os.environ["HELIOX_SPREAD"] = spread
    build, record = models.MODELS[model]
    device.same_bits(build, ways.psolve, record, steps=1900)


@pytest.mark.parametrize("way", ["psolve", "continuerun", "fadvance"])
@pytest.mark.parametrize("what", ["celsius", "secondorder"])
@isolated
def test_changes_within_a_run(what, way):
    """psolve looks at what TABLEs depend on when it begins; cj follows secondorder with dt."""
    from neuron import h

    from parity import device, models

    def advance(built):
        pc = h.ParallelContext()
        pc.set_maxstep(10)

        def change():
            setattr(h, what, 12 if what == "celsius" else 1)

        def go(stop):
            if way == "fadvance":
                while h.t < stop:
                    h.fadvance()
            else:
                {"psolve": pc.psolve, "continuerun": h.continuerun}[way](stop)

        h.finitialize(-65)
        h.cvode.event(3.3, change)
        go(7)
        go(9)
        h.secondorder = 0
        go(11)

    device.same_bits(models.ball_and_stick, advance)
