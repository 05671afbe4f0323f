"""Settings and events that change what a step does, in NEURON and on our engine, bit by bit."""

import pytest

from parity.isolate import isolated


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("model", ["ball_and_stick", "passive", "channels"])
@isolated
def test_secondorder(model, order):
    from neuron import h

    from parity import compare, models, mods

    if model in models.NEEDS_MODS:
        mods.load()
    build, record = models.MODELS[model]

    def advance(built):
        h.secondorder = order
        h.run()

    compare.run_both(build, advance, record)


@isolated
def test_secondorder_with_derivimplicit_at_rest():
    """When kernels are compared with NEURON's functions, nothing moves: all agree."""
    from neuron import h

    from parity import compare, models, mods

    mods.load()

    def build():
        built = models.Model(celsius=20, v_init=-70)
        soma = built.section("soma", 1, (20, 20), ("hxderivca", "hxca", "pas"))
        soma.pbar_hxca = soma.kt_hxderivca = 0
        built.keep(h.IClamp(soma(0.5)), delay=2, dur=20, amp=0.5)
        return built

    def advance(built):
        soma = built.sections[0]
        h.secondorder = 1
        h.finitialize(-70)
        for segment in soma:
            segment.cai = 1e-4
        h.continuerun(1)
        soma.pbar_hxca = 2e-4
        h.continuerun(20)
        h.secondorder = 0

    compare.run_both(build, advance)


@pytest.mark.parametrize("table", [0, 1])
@pytest.mark.parametrize("celsius", [6.3, 18.5])
@isolated
def test_usetable(table, celsius):
    from neuron import h

    from parity import compare, models, mods

    mods.load()

    def advance(built):
        h.usetable_hh = h.usetable_hxna = table
        h.celsius = celsius
        h.run()

    compare.run_both(models.mixed_cells, advance)
    compare.run_both(models.channels, advance)


@isolated
def test_changes_between_steps():
    """celsius, dt, v, conductances, a weight and a delay are written between two advances."""
    from neuron import h

    from parity import compare, models

    def advance(built):
        h.finitialize(-70)
        step = 0
        while h.t < 30:
            h.fadvance()
            step += 1
            if step == 100:
                h.celsius = 12
            if step == 200:
                h.dt = 0.05
            if step == 300:
                built.sections[0](0.5).v = -20
                built.sections[0](0.5).hh.gnabar *= 0.5
            if step == 400:
                built.netcons[0].weight[0] *= 3
                built.netcons[0].delay = 0.8
                built.sections[1].g_pas = 5e-4
            if step == 450:
                h.dt = 0.01

    compare.run_both(models.ball_and_stick, advance, models.spikes)


@isolated
def test_structure_changes_between_steps():
    """A mechanism, a clamp, a synapse and a NetCon are added, a diam changed, between steps."""
    from neuron import h

    from parity import compare, models

    def build():
        built = models.ball_and_stick()
        h.finitialize(-65)
        return built

    def advance(built):
        h.finitialize(-65)
        last = built.sections[-1]
        for part in range(5):
            h.continuerun(6 * (part + 1))
            if part == 0:
                last.insert("hh")
            if part == 1:
                built.keep(h.IClamp(last(1)), delay=h.t, dur=5, amp=0.2)
            if part == 2:
                last.diam = 3
            if part == 3:
                synapse = built.keep(h.ExpSyn(last(0.1)))
                built.connect(built.sections[0](0.5), synapse, 0.05)

    compare.run_both(build, advance, models.spikes)


@isolated
def test_nseg_changes_between_runs():
    from neuron import h

    from parity import compare, models

    def advance(built):
        for nseg in (3, 7, 1):
            built.sections[1].nseg = nseg
            h.run()
            built.notes.append(built.sections[1](0.5).v)

    compare.run_both(
        models.passive, advance, lambda m: {"notes": m.notes}, v_traces=False, steps=5900
    )


@isolated
def test_negative_t():
    """A settling phase at t < 0 with a large step, as published init() procedures do it."""
    from neuron import h

    from parity import compare, models

    def advance(built):
        h.finitialize(-65)
        h.t = -500
        h.dt = 10
        while h.t < -20:
            h.fadvance()
        h.t = 0
        h.dt = 0.025
        h.fcurrent()
        h.frecord_init()
        while h.t < 20:
            h.fadvance()

    compare.run_both(models.mixed_cells, advance)
    compare.run_both(models.clamps, advance)


@isolated
def test_init_handlers():
    """FInitializeHandlers of all types; one of them advances."""
    from neuron import h

    from parity import compare, models

    class Guard:
        busy = False

    def advance(built):
        def settle():
            if Guard.busy:
                return
            Guard.busy = True
            for _ in range(40):
                h.fadvance()
            h.t = 0
            h.frecord_init()
            Guard.busy = False

        handlers = [
            h.FInitializeHandler(kind, (lambda k: lambda: built.notes.append(k + h.t))(kind))
            for kind in (0, 1, 2)
        ]
        handlers.append(h.FInitializeHandler(1, settle))
        h.run()
        del handlers

    compare.run_both(models.mixed_cells, advance, lambda m: {"notes": m.notes})


@isolated
def test_records_with_dt_and_times():
    """Vector.record every step, with Dt, at given times, of a state, a current, a weight and t."""
    from neuron import h

    from parity import compare, models

    def record(built):
        soma = built.sections[0](0.5)
        given = built.keep(h.Vector([0, 0.1, 0.33, 2.5, 2.5001, 7.77, 30.0, 49.99]))
        found = models.spikes(built)
        found["v every 0.5"] = h.Vector().record(soma._ref_v, 0.5)
        found["v every 0.013"] = h.Vector().record(soma._ref_v, 0.013)
        found["v at times"] = h.Vector().record(soma._ref_v, given)
        found["m"] = h.Vector().record(soma._ref_m_hh)
        found["ina"] = h.Vector().record(soma._ref_ina)
        found["i_cap"] = h.Vector().record(soma._ref_i_cap)
        found["g of the synapse"] = h.Vector().record(built.kept[0]._ref_g, 0.1)
        found["weight"] = h.Vector().record(built.netcons[0]._ref_weight[0])
        return found

    compare.run_both(models.ball_and_stick, lambda built: h.run(), record)


@pytest.mark.parametrize("way", ["run", "python_fadvance", "psolve"])
@isolated
def test_callbacks(way):
    """cvode.event and NetCon.record callbacks that read and write the model."""
    from neuron import h

    from parity import compare, models, ways

    def build():
        built = models.ball_and_stick()
        cvode = h.CVode()
        soma = built.sections[0](0.5)

        def note():
            built.notes.extend([h.t, soma.v, soma.hh.m])

        def kick():
            note()
            built.sections[2](0.5).v += 5
            built.netcons[0].weight[0] *= 1.1

        def again():
            note()
            if h.t < 40:
                cvode.event(h.t + 3.3, again)

        def at_start():
            for when in (1.0, 5.0125, 17.3):
                cvode.event(when, kick)
            cvode.event(2.0, again)

        built.keep(h.FInitializeHandler(1, at_start))
        # not on a soma: a source that has a gid and a callback is freed twice by NEURON
        detector = built.connect(built.sections[1](0.5), None, threshold=-40)
        detector.record(note)
        return built

    compare.run_both(build, ways.WAYS[way], lambda m: {**models.spikes(m), "notes": m.notes})


@isolated
def test_apcount_and_thresholds():
    """APCount, and several NetCons with their own thresholds on one source."""
    from neuron import h

    from parity import compare, models

    def record(built):
        found = models.spikes(built)
        for number, section in enumerate(built.sections[::2]):
            counter = built.keep(h.APCount(section(0.5)), thresh=-10 - number)
            vector = built.keep(h.Vector())
            counter.record(vector)
            found[f"APCount {number}"] = vector
            for threshold in (-40, 0, 20):
                detector = built.connect(section(0.5), None, threshold=threshold)
                vector = built.keep(h.Vector())
                detector.record(vector)
                found[f"threshold {threshold} of {number}"] = vector
        return found

    compare.run_both(models.ball_and_stick, lambda built: h.run(), record)


@isolated
def test_delays():
    """Delay 0, delays below dt, and many events in one step."""
    from neuron import h

    from parity import compare, models

    def build():
        built = models.Model()
        soma = built.section("soma", 1, (20, 20), ("hh",))
        other = built.section("other", 1, (20, 20), ("hh",))
        synapse = built.keep(h.ExpSyn(other(0.5)), tau=0.5)
        for delay in (0, 0.001, 0.01, 0.0125, 0.025, 0.026, 1, 1, 1.0000001):
            built.connect(soma(0.5), synapse, 0.004, delay)
            built.connect(built.stim(int(delay * 1e7), 0.4), synapse, 0.0005, delay)
        built.keep(h.IClamp(soma(0.5)), delay=1, dur=40, amp=0.4)
        detector = built.connect(other(0.5), None)
        detector.record(built.times, built.gids, 1)
        return built

    compare.run_both(build, lambda b: h.run(), lambda m: {"times": m.times})


@isolated
def test_odd_dt_and_steps_per_ms():
    """continuerun steps by nstep_steprun; dt that does not divide 1 ms is changed by setdt."""
    from neuron import h

    from parity import compare, models

    def advance(built):
        h.dt, h.steps_per_ms = 0.03, 10
        h.run()
        h.steps_per_ms, h.dt = 7, 0.02
        h.stdinit()
        h.continuerun(3.14)
        built.notes.append(h.t)
        h.continuerun(10)
        built.notes.append(h.t)

    compare.run_both(models.mixed_cells, advance, lambda m: {"notes": m.notes})


@isolated
def test_fcurrent_and_initialised_state():
    """finitialize, fcurrent and frecord_init around steps; state set by hand after finitialize."""
    from neuron import h

    from parity import compare, models

    def advance(built):
        h.finitialize(-65)
        for section in built.sections:
            for segment in section:
                segment.v = -60 - 10 * segment.x
        h.fcurrent()
        for _ in range(50):
            h.fadvance()
            h.fcurrent()
        h.finitialize()  # without a value: v stays
        for _ in range(50):
            h.fadvance()

    compare.run_both(models.mixed_cells, advance, steps=100)


@isolated
def test_save_and_restore():
    """SaveState in the middle, two continuations from it."""
    from neuron import h

    from parity import compare, models

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

    compare.run_both(models.mixed_cells, advance, lambda m: {"notes": m.notes})


@isolated
def test_extra_scatter_gather():
    """A Python callback inside every step (CVode.extra_scatter_gather)."""
    from neuron import h

    from parity import compare, models

    def advance(built):
        soma = built.sections[0](0.5)

        def look():
            built.notes.append(soma.v)

        h.CVode().extra_scatter_gather(0, look)
        h.run()
        h.CVode().extra_scatter_gather_remove(look)

    compare.run_both(models.mixed_cells, advance, lambda m: {"notes": m.notes})


@isolated
def test_nan_spreads_as_in_neuron():
    from neuron import h

    from parity import compare, models

    def advance(built):
        h.finitialize(-65)
        for step in range(200):
            if step == 100:
                built.sections[0](0.5).v = float("nan")
            h.fadvance()

    compare.run_both(models.passive, advance, steps=200)


@isolated
def test_random_play():
    """Random.play draws a new amplitude at every step."""
    from neuron import h

    from parity import compare, models

    def build():
        built = models.mixed_cells()
        random = built.keep(h.Random())
        random.Random123(5, 6, 7)
        random.normal(0, 0.01)
        random.play(built.kept[0]._ref_amp)
        return built

    compare.run_both(build, lambda built: h.run())


@pytest.mark.parametrize("nthread", [2, 4])
@isolated
def test_neurons_own_threads(nthread):
    """pc.nthread: v and sorted spikes (NEURON itself orders spikes of different threads freely)."""
    import numpy as np
    from neuron import h

    from parity import compare, models

    def advance(built):
        h.ParallelContext().nthread(nthread)
        h.run()

    heliox = compare.session()
    outcomes = []
    for enable in (0, 1):
        heliox.enable = enable
        outcomes.append(compare.run_once(models.ball_and_stick, advance, models.spikes))
    heliox.enable = 0
    compare.check_engine(outcomes[1].runs, steps=1900)
    for outcome in outcomes:
        times, gids = outcome.traces["spike times"], outcome.traces["spike gids"]
        order = np.lexsort((gids, times))
        outcome.traces["spike times"], outcome.traces["spike gids"] = times[order], gids[order]
    difference = compare.first_difference(*outcomes)
    assert not difference, difference
