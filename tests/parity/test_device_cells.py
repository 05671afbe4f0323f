"""What stays on the host beside the GPU engine: artificial cells, APCount's Vectors, mechanisms
that do nothing in a step. Bits as in NEURON.
"""

import pytest

from parity.isolate import isolated

LOOKS_OUT = ("v", "state", "amplitude", "weight", "hoc variable")


def looked_at(name, built, clamp, netcon):
    from neuron import h

    h("x_looked_at = 2.5")
    soma = built.sections[0](0.5)
    return {
        "v": lambda: soma._ref_v,
        "state": lambda: soma._ref_m_hh,
        "amplitude": lambda: clamp._ref_amp,
        "weight": lambda: netcon._ref_weight[0],
        "hoc variable": lambda: h._ref_x_looked_at,
        "interval": lambda: built.stim(3)._ref_interval,
    }[name]()


@pytest.mark.parametrize("name", [*LOOKS_OUT, "interval"])
@isolated
def test_artificial_cell_with_a_pointer(name):
    """Its events run ahead of the device: it must not look at, nor change, what the device has."""
    from neuron import h

    from parity import coupled, device, models

    coupled.load()

    def build():
        built = models.Model(tstop=15)
        soma = built.section("soma", 1, (20, 20), ("hh",))
        clamp = built.keep(h.IClamp(soma(0.5)), delay=1, dur=50, amp=0.3)
        synapse = built.keep(h.ExpSyn(soma(0.5)))
        netcon = built.connect(built.stim(1, 2), synapse, 0.002, 0.4)
        peek = built.keep(h.hxPeek(), more=0 if name in ("v", "state") else 0.003)
        h.setpointer(looked_at(name, built, clamp, netcon), "p", peek)
        built.connect(peek, synapse, 0.003, 0.6)
        return built

    def record(built):
        (peek,) = (thing for thing in built.kept if thing.hname().startswith("hxPeek"))
        return {"seen": h.Vector().record(peek._ref_seen)}

    if name == "interval":
        device.same_bits(build, lambda built: h.run(), record)
    else:
        reason = "a POINTER of hxPeek leads out of the artificial cells"
        device.refused(build, lambda built: h.run(), "HX033", reason, record)


@pytest.mark.parametrize("continuous", [False, True])
@isolated
def test_play_into_artificial_cells(continuous):
    from neuron import h

    from parity import device, models

    def build():
        built = models.ball_and_stick()
        cell = built.keep(h.IntFire1())
        stim = built.netcons[0].pre()
        built.connect(stim, cell, 0.5, 0.1)
        built.connect(cell, built.kept[0], 0.01, 0.2)
        for place, values in ((stim._ref_interval, (9, 1, 5)), (cell._ref_tau, (10, 99, 5))):
            vector = built.keep(h.Vector(values))
            times = built.keep(h.Vector([0, 5.01, 20]))
            vector.play(place, times, True) if continuous else vector.play(place, times)
        built.fire = cell
        return built

    def record(built):
        stim = built.netcons[0].pre()
        places = {"m": built.fire._ref_m, "tau": built.fire._ref_tau, "int": stim._ref_interval}
        return {**models.spikes(built), **{k: h.Vector().record(v) for k, v in places.items()}}

    device.same_bits(build, lambda built: h.run(), record)


@pytest.mark.parametrize("plan", ["fused", "coupled", "streams"])
@isolated
def test_apcount(plan):
    """n, time and the Vector; another run, changes between runs and in callbacks, single steps."""
    from neuron import h

    from parity import device, models

    def build():
        built = models.ball_and_stick()
        built.counters = [
            built.keep(h.APCount(section(0.5)), thresh=-10 - 8 * k)
            for k, section in enumerate(built.sections[:6])
        ]
        built.vectors = [built.keep(h.Vector()) for _ in built.counters[1:]]
        for counter, vector in zip(built.counters[1:], built.vectors, strict=True):
            counter.record(vector)
        return built

    def advance(built):
        def change():
            built.notes.extend([*built.vectors[0], built.counters[0].n])
            built.counters[1].n = 7
            built.vectors[1].resize(0)
            built.counters[2].record(built.vectors[2])

        handler = h.FInitializeHandler(lambda: h.cvode.event(21.3, change))
        h.run()
        for vector in built.vectors:
            built.notes.extend(vector)
        built.counters[3].thresh = 0
        h.finitialize(-65)
        for _ in range(150):
            h.fadvance()
        h.ParallelContext().set_maxstep(10)
        h.ParallelContext().psolve(30)
        for counter in built.counters:
            built.notes.extend([counter.n, counter.time, counter.firing])
        assert handler

    def record(built):
        vectors = {f"times {k}": vector for k, vector in enumerate(built.vectors)}
        return {"notes": built.notes, "n": h.Vector().record(built.counters[0]._ref_n), **vectors}

    device.use().plan = plan
    neuron, _ = device.same_bits(build, advance, record, steps=3000)
    assert len(neuron.traces["times 0"]) > 1, "no spikes: the test shows little"


@isolated
def test_mechanism_that_does_nothing_in_a_step():
    from neuron import h

    from parity import coupled, device, models

    coupled.load()

    def build():
        built = models.ball_and_stick()
        for section in built.sections[::2]:
            section.insert("hxinert")
        return built

    def advance(built):
        h.run()
        built.sections[0].x_hxinert = 7
        h.run()

    def record(built):
        return {"x": h.Vector().record(built.sections[0](0.5)._ref_x_hxinert)}

    device.same_bits(build, advance, record)


@isolated
def test_psolve_in_a_callback_of_psolve():
    """As in NEURON, the inner one ends both: they share the count of their steps."""
    from neuron import h

    from parity import device, models

    def advance(built):
        pc = h.ParallelContext()
        pc.set_maxstep(10)

        def inner():
            pc.psolve(h.t + 1)
            built.notes.append(h.t)

        handler = h.FInitializeHandler(lambda: h.cvode.event(2, inner))
        h.finitialize(-65)
        pc.psolve(10)
        built.notes.append(h.t)
        pc.psolve(12)
        assert handler

    device.same_bits(models.ball_and_stick, advance, lambda built: {"notes": built.notes})


@isolated
def test_many_plays_and_samples_are_quick():
    """The rows of a window are made at once: their number is counted, not the time."""
    from neuron import h

    from parity import compare, device, models

    heliox = device.use()
    if compare.PLAIN:
        return
    from heliox_neuron.engines.gpu import events

    looked_up = []
    places = events.places
    events.places = lambda core, model, found: (
        looked_up.append(len(found)) or places(core, model, found)
    )
    built = models.mixed_cells()
    clamps = [built.keep(h.IClamp(section(0.5)), dur=1e9) for section in built.sections]
    for clamp in clamps:
        built.keep(h.Vector([0.01] * 400)).play(clamp._ref_amp, 0.025)
        built.keep(h.Vector()).record(clamp._ref_i, 0.025)
    heliox.enable, h.tstop = 1, 5
    h.run()
    assert looked_up
    assert max(looked_up) == len(clamps), "an address is looked up once a window"
