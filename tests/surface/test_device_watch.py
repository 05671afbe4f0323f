"""WATCH and net_move on the GPU engine: bits as in NEURON, also when engines take turns."""

import pytest

from parity.isolate import isolated

WAYS = "run continuerun steprun python_fadvance psolve psolve_50 batch_run fixed_step".split()
VARIABLES = {
    "hxDwSpike": ("count", "lows", "bursts", "trace"),
    "hxNrWatch": ("up", "down", "steep"),
    "hxWatch": ("count", "s"),
    "hxDwFire": ("m", "n", "moved", "late", "ticks", "s"),
}


def network(synchronous=False, n=3):
    """Cells in a ring whose spikes are found by WATCH, and point processes that fire by net_move.

    synchronous: all cells get the same and fire at the same times.
    """
    from neuron import h

    from parity import models

    built = models.Model(tstop=30)
    built.points = []
    synapses = []
    for cell in range(n):
        k = 0 if synchronous else cell
        soma = built.section(f"soma{cell}", 1, (18, 18), ("hh",))
        dend = built.section(f"dend{cell}", 5, (200, 2), ("pas",), soma(1))
        synapses.append(built.keep(h.ExpSyn(dend(0.3))))
        built.connect(built.stim(k, 4), synapses[-1], 0.05, 0.7)
        built.keep(h.IClamp(soma(0.5)), delay=2, dur=30, amp=0.4 + 0.1 * k)
        spike = built.keep(h.hxDwSpike(soma(0.5)), refractory=1.7 + 0.2 * k)
        both = built.keep(h.hxNrWatch(soma(0.5)))
        kick = built.keep(h.hxWatch(soma(0.5)), level=-30 - k)
        fire = built.keep(h.hxDwFire(dend(0.5)), wait=3 + 0.7 * k)
        built.points.append((spike, both, kick, fire))
        built.connect(built.stim(20 + k, 3), spike, 0.35, 0.4)
        built.connect(built.stim(10 + k, 3), fire, 0.23, 0.4)
    for cell, (spike, both, kick, fire) in enumerate(built.points):
        following = (cell + 1) % n
        built.connect(spike, synapses[following], 0.004 + 0.001 * cell, 1.0)
        built.connect(both, synapses[following], 0.003, 1.3)
        built.connect(kick, synapses[0], 0.0021 * (cell + 1), 1.1)
        built.connect(fire, synapses[following], 0.01, 0.9)
        built.connect(spike, built.points[following][3], 0.3, 1.5)
        for number, source in enumerate((spike, both, kick)):
            detector = built.connect(source, None)
            detector.record(built.times, built.gids, 10 * number + cell)
    return built


def prepare():
    """The GPU engine and the MOD files. Returns the `heliox` object."""
    from parity import device, mods

    mods.load()
    return device.use()


def records(built):
    from neuron import h

    found = {"times": built.times, "gids": built.gids}
    for cell, points in enumerate(built.points):
        for name, point in zip(VARIABLES, points, strict=True):
            for variable in VARIABLES[name]:
                place = getattr(point, f"_ref_{variable}")
                found[f"{name} {cell} {variable}"] = h.Vector().record(place)
    return found


def happened(outcome):
    """Every block of the MOD files ran."""
    for mechanism, variables in VARIABLES.items():
        for variable in variables:
            traces = [outcome.traces[f"{mechanism} {cell} {variable}"] for cell in range(3)]
            assert max(trace.max() for trace in traces) > 0, f"{mechanism} {variable}"


@pytest.mark.parametrize("synchronous", [False, True])
@pytest.mark.parametrize("way", WAYS)
@isolated
def test_same_bits(way, synchronous):
    from parity import device, ways

    prepare()
    neuron, _ = device.same_bits(lambda: network(synchronous), ways.WAYS[way], records, steps=1150)
    if not synchronous:
        happened(neuron)


@pytest.mark.parametrize("plan", ["fused", "coupled", "streams"])
@isolated
def test_same_bits_with_each_plan(plan):
    from parity import device, ways

    prepare().plan = plan
    device.same_bits(network, ways.psolve, records, steps=1150)


@pytest.mark.parametrize("engines", [("gpu", "neuron"), ("gpu", "cpu"), ("neuron", "gpu", "cpu")])
@isolated
def test_engines_take_turns(engines):
    """Who goes on finds the conditions and the movable events as NEURON would have left them."""
    from neuron import h

    from parity import compare

    def advance(built):
        heliox = compare.session()
        ours = bool(heliox.enable)
        h.ParallelContext().set_maxstep(10)
        h.finitialize(h.v_init)
        for piece in range(40):
            engine = engines[piece % len(engines)]
            if ours and not compare.PLAIN:
                heliox.enable = engine != "neuron"
                heliox.device = "gpu" if engine == "gpu" else "cpu"
            h.ParallelContext().psolve(0.77 * (piece + 1))

    prepare()
    check, compare.check_engine = compare.check_engine, lambda *_: None  # several engines
    neuron, ours = compare.run_both(network, advance, records)
    compare.check_engine = check
    happened(neuron)
    if not compare.PLAIN:
        assert {run["engine"] for run in ours.runs} >= {"gpu"} | {*engines} - {"neuron"}


@isolated
def test_interpreter_in_the_middle():
    """Callbacks that change what conditions compare with."""
    from neuron import h

    from parity import device

    def advance(built):
        spike, _, kick, fire = built.points[0]

        def change():
            spike.high -= 3
            kick.level += 2
            fire.wait += 0.3

        def events():
            for time in (3.3, 7.01, 12.5, 20.025):
                h.cvode.event(time, change)

        handler = h.FInitializeHandler(events)
        h.run()
        assert handler

    prepare()
    device.same_bits(network, advance, records, steps=1150)


@isolated
def test_two_runs_and_events_left_behind():
    """finitialize drops pending events: net_move finds the new ones."""
    from neuron import h

    from parity import device

    def advance(built):
        h.tstop = 11
        h.run()
        h.tstop = 9
        h.run()

    prepare()
    device.same_bits(network, advance, records, steps=750)


@isolated
def test_threshold_of_a_synapse():
    """An event at the end of a step is seen by the test that follows it at once."""
    from neuron import h

    from parity import device, models, ways

    def build():
        built = models.Model(tstop=20)
        soma = built.section("soma", 1, (18, 18), ("hh",))
        synapse = built.keep(h.ExpSyn(soma(0.5)), tau=0.3)
        for number in range(4):
            built.connect(built.stim(number, 1.1), synapse, 0.004 + 0.001 * number, 0.1)
        detector = built.keep(h.NetCon(synapse._ref_g, None, sec=soma))
        detector.threshold = 0.0045
        detector.record(built.times, built.gids, 1)
        return built

    def found(built):
        return {"times": built.times}

    neuron, _ = device.same_bits(build, ways.psolve, found, steps=750)
    assert neuron.traces["times"].size > 10


@isolated
def test_nothing_to_move():
    """NEURON's error, from the device too."""
    from neuron import h

    heliox = prepare()
    soma = h.Section(name="soma")
    soma.insert("pas")
    fire = h.hxDwFire(soma(0.5))
    fire.kick = -1
    h.ParallelContext().set_maxstep(10)
    for enable in (False, True):
        heliox.enable = enable
        h.finitialize(-65)
        with pytest.raises(RuntimeError, match="No event with flag=1 for net_move"):
            h.ParallelContext().psolve(10)
