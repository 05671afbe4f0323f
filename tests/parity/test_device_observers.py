"""Events, callbacks and interruptions of the GPU engine's batches: bits as in NEURON."""

import pytest

from parity.isolate import isolated


def notes(built):
    return {"notes": built.notes}


@isolated
def test_delays():
    """Delay 0, delays below dt, and many events in one step."""
    from neuron import h

    from parity import device, models

    def build():
        built = models.Model()
        soma = built.section("soma", 1, (20, 20), ("hh",))
        other = built.section("other", 1, (20, 20), ("hh",))
        synapse = built.keep(h.ExpSyn(other(0.5)), tau=0.5)
        for delay in (0, 0.001, 0.01, 0.0125, 0.025, 0.026, 1, 1, 1.0000001):
            built.connect(soma(0.5), synapse, 0.004, delay)
            built.connect(built.stim(int(delay * 1e7), 0.4), synapse, 0.0005, delay)
        built.keep(h.IClamp(soma(0.5)), delay=1, dur=40, amp=0.4)
        built.connect(other(0.5), None).record(built.times, built.gids, 1)
        return built

    device.same_bits(build, lambda b: h.run(), lambda m: {"times": m.times})


@pytest.mark.parametrize("recorded", [False, True])
@isolated
def test_sources_that_cross_all_the_time(recorded):
    """As many spikes as thresholds can give, from sources with several NetCons without a target."""
    from neuron import h

    from parity import device, models

    def build():
        built = models.Model(tstop=20)
        for number in range(20):
            section = built.section(f"s{number}", 1, (5, 5), ("pas",))
            clamp = built.keep(h.SEClamp(section(0.5)), dur1=1e9, rs=1e-4)
            levels = built.keep(h.Vector([-80 if k // 2 % 2 else 0 for k in range(900)]))
            levels.play(clamp._ref_amp1, 0.025)
            for _ in range(40):
                detector = built.connect(section(0.5), None, threshold=-30)
                if recorded:
                    detector.record(built.times, built.gids, number)
        return built

    device.same_bits(build, lambda b: h.run(), lambda m: {"times": m.times, "ids": m.gids})


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
    h('proc advance() { fadvance() forsec "soma" { hx_sum += v(.5) gnabar_hh(.5) *= 1.0001 } }')

    def advance(built):
        h.hx_sum = 0
        h.stdinit()
        h.continuerun(10)
        built.notes.append(h.hx_sum)

    device.same_bits(models.ball_and_stick, advance, notes)


@pytest.mark.parametrize("way", ["continuerun", "psolve"])
@isolated
def test_error_in_a_callback(way):
    """The model is whole when an error leaves a batch, and can go on."""
    from neuron import h

    from parity import device, models

    def advance(built):
        def fail():
            built.notes.append(h.t)
            raise ValueError("on purpose")

        go = h.continuerun if way == "continuerun" else h.ParallelContext().psolve
        h.ParallelContext().set_maxstep(10)
        h.stdinit()
        h.CVode().event(5.0125, fail)
        with pytest.raises(RuntimeError):
            go(10)
        built.notes.extend([h.t, built.sections[0](0.5).v, built.sections[1](0.5).i_cap])
        go(20)

    device.same_bits(models.ball_and_stick, advance, lambda m: {**models.spikes(m), **notes(m)})


@isolated
def test_stoprun_and_settings_in_callbacks():
    from neuron import h

    from parity import compare, device, models

    heliox = device.use()

    def advance(built):
        on = heliox.enable
        h.stdinit()

        def stop():
            h.stoprun = 1

        h.CVode().event(3, stop)
        h.continuerun(20)
        built.notes.append(h.t)
        h.stoprun = 0
        for when, name in ((6, "cpu"), (9, "gpu"), (12, "neuron"), (13, "gpu")):
            h.CVode().event(when, lambda name=name: setattr(heliox, "device", name))
        h.continuerun(15)
        heliox.enable, heliox.device = on, "gpu"

    outcomes = []
    for enable in (0, 1):
        heliox.enable = enable
        outcomes.append(compare.run_once(models.ball_and_stick, advance, notes))
    heliox.enable = 0
    assert compare.PLAIN or {run["engine"] for run in outcomes[1].runs} >= {"gpu", "cpu"}
    difference = compare.first_difference(*outcomes)
    assert not difference, difference


@isolated
def test_interrupt():
    """Ctrl-C stops between two windows; the model is then that of a whole number of steps."""
    import os
    import signal
    import threading

    from neuron import h

    from parity import compare, device, models

    if compare.PLAIN:  # NEURON itself answers Ctrl-C otherwise
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    heliox = device.use()
    built = models.ball_and_stick()
    h.ParallelContext().set_maxstep(10)
    heliox.enable = 1
    h.finitialize(-65)
    h.ParallelContext().psolve(5)  # compiled, and checked, before the clock runs
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        h.ParallelContext().psolve(1e6)
    timer.join()
    stopped = h.t
    assert 5 < stopped < 1e6
    compare.check_engine(compare.runs_so_far(), "gpu", 300)
    v = [segment.v for section in built.sections for segment in section]
    heliox.enable = 0
    h.finitialize(-65)
    h.ParallelContext().psolve(stopped)
    assert h.t == stopped
    assert v == [segment.v for section in built.sections for segment in section]


@isolated
def test_strict_makes_a_refusal_an_error():
    from neuron import h

    from parity import compare, device, models

    heliox = device.use()
    if compare.PLAIN:
        return
    models_kept = models.clamps()
    heliox.enable = heliox.strict = 1
    with pytest.raises(RuntimeError, match="HX022"):
        h.run()
    heliox.strict = 0
    h.run()
    compare.check_engine(compare.runs_so_far()[-1:], "cpu", 1900)
    del models_kept


@isolated
def test_auto_takes_the_cpu_for_small_models_and_says_why():
    from neuron import h

    from parity import compare, device, models

    heliox = device.use()
    if compare.PLAIN:
        return
    heliox.device = "auto"
    kept = models.ball_and_stick()
    heliox.enable = 1
    h.run()
    (run,) = compare.runs_so_far()
    assert (run["engine"], run["code"]) == ("cpu", "")
    assert "small" in run["reason"]
    assert "small" in heliox.report()
    del kept


@pytest.mark.parametrize("why", ["scatter", "statement", "random", "secondorder", "nthread"])
@isolated
def test_refused_for_what_runs_in_every_step(why):
    from neuron import h

    from parity import device, models

    reasons = {
        "scatter": "extra_scatter_gather",
        "statement": "NetCon.record",
        "random": "Random.play",
        "secondorder": "secondorder = 2",
        "nthread": "nthread",
    }

    def build():
        built = models.mixed_cells()
        if why == "statement":
            detector = built.connect(built.sections[0](0.5), None, threshold=-40)
            detector.record(lambda: built.notes.append(h.t))
        if why == "random":
            random = built.keep(h.Random())
            random.Random123(5, 6, 7)
            random.normal(0, 0.01)
            random.play(built.kept[0]._ref_amp)
        return built

    def advance(built):
        def look():
            built.notes.append(built.sections[0](0.5).v)

        if why == "scatter":
            h.CVode().extra_scatter_gather(0, look)
        h.secondorder = 2 if why == "secondorder" else 0
        if why == "nthread":
            h.ParallelContext().nthread(2)
        h.run()
        h.secondorder = 0
        h.ParallelContext().nthread(1)
        if why == "scatter":
            h.CVode().extra_scatter_gather_remove(look)

    device.refused(build, advance, "HX033", reasons[why], notes)
