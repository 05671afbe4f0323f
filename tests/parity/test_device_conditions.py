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
            soma.ena, soma.nai = 45, 11
            h.nai0_na_ion = 12
            h.ek = -80

        def point():
            built.kept[0].tau = 3
            built.kept[0].e = -10
            h.usetable_hh = 0

        changes = voltage, conductance, state, network, numbers, point
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


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("model", ["ball_and_stick", "channels"])
@isolated
def test_secondorder(model, order):
    from neuron import h

    from parity import device, models, mods

    mods.load()
    build, record = models.MODELS[model]

    def advance(built):
        h.secondorder = order
        h.run()
        h.secondorder = 0

    if order == 1:
        device.same_bits(build, advance, record)
    else:
        device.refused(build, advance, "HX033", "secondorder = 2", record)


@isolated
def test_records_of_all_kinds():
    """Every step, with Dt, at given times; of v, states, currents, parameters, weights, t, celsius."""
    from neuron import h

    from parity import device, models

    names = "v m_hh ina ena gna_hh minf_hh i_cap gnabar_hh cm".split()

    def record(built):
        soma, synapse = built.sections[0](0.5), built.kept[0]
        given = built.keep(h.Vector([0, 0.1, 0.33, 2.5, 2.5001, 7.77, 30.0, 49.99]))
        found = models.spikes(built)
        for name in names:
            place = getattr(soma, f"_ref_{name}")
            found[name] = h.Vector().record(place)
            found[f"{name} every 0.13"] = h.Vector().record(place, 0.13)
            found[f"{name} at times"] = h.Vector().record(place, given)
        for name in "g i tau".split():
            found[name] = h.Vector().record(getattr(synapse, f"_ref_{name}"), 0.1)
        found["weight"] = h.Vector().record(built.netcons[0]._ref_weight[0])
        found["celsius"] = h.Vector().record(h._ref_celsius)
        found["amplitude"] = h.Vector().record(built.stim(77)._ref_interval)
        return found

    device.same_bits(models.ball_and_stick, lambda built: h.run(), record)


@pytest.mark.parametrize("way", ["run", "psolve", "python_fadvance"])
@isolated
def test_callbacks_read_and_write(way):
    """cvode.event callbacks in the middle of a batch, and hoc statements."""
    from neuron import h

    from parity import device, models, ways

    h("hx_seen = 0")

    def build():
        built = models.ball_and_stick()
        cvode, soma = h.CVode(), built.sections[0](0.5)

        def note():
            built.notes.extend([h.t, soma.v, soma.hh.m, soma.ina, soma.i_cap, built.kept[0].g])

        def kick():
            note()
            built.sections[2](0.5).v += 5
            built.netcons[0].weight[0] *= 1.1
            soma.hh.gnabar *= 1.01

        def again():
            note()
            if h.t < 40:
                cvode.event(h.t + 3.3, again)

        def at_start():
            for when in (1.0, 5.0125, 17.3):
                cvode.event(when, kick)
            cvode.event(2.0, again)
            cvode.event(9.0, "hx_seen += t")

        built.keep(h.FInitializeHandler(1, at_start))
        return built

    def advance(built):
        ways.WAYS[way](built)
        built.notes.append(h.hx_seen)
        h.hx_seen = 0

    device.same_bits(build, advance, lambda m: {**models.spikes(m), "notes": m.notes})


@isolated
def test_own_advance_procedure():
    """A user's hoc advance() reads and writes at every step."""
    from neuron import h

    from parity import device, models

    h("hx_sum = 0")
    h("proc advance() { fadvance() forsec \"soma\" { hx_sum += v(.5) gnabar_hh(.5) *= 1.0001 } }")

    def advance(built):
        h.hx_sum = 0
        h.stdinit()
        h.continuerun(10)
        built.notes.append(h.hx_sum)

    device.same_bits(models.ball_and_stick, advance, lambda m: {"notes": m.notes})


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
def test_neurons_threads_are_left_to_the_cpu():
    from neuron import h

    from parity import device, models

    def advance(built):
        h.ParallelContext().nthread(2)
        h.run()
        h.ParallelContext().nthread(1)

    device.refused(models.mixed_cells, advance, "HX033", "thread")


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
