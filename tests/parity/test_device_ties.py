"""Events of exactly one time: NEURON's order on the GPU engine, whatever was sent within a window.

The head of NEURON's queue goes behind its equals when something earlier arrives. The host runs its
queue ahead, so it must know afterwards that something else had been the head.
"""

import pytest

from parity import ties
from parity.isolate import isolated


class Model:
    """NetStims that fire together, with unlike weights, into a synapse of a cell that spikes. The
    NetStims of `others` (start, interval) send next to nothing at other times, and move the head.
    """

    def __init__(self, delay, others, n_together=4):
        from neuron import h

        from parity import models

        built = models.Model(tstop=61)
        self.built, self.sections, self.notes = built, built.sections, built.notes
        soma = built.section("soma", 1, (20, 20), ("hh",))
        dend = built.section("dend", 3, (100, 2), ("pas",), soma(1))
        clamp = built.keep(h.IClamp(soma(0.5)), delay=1, dur=1e9, amp=0.4)
        assert clamp.dur == 1e9
        self.target = built.keep(h.ExpSyn(dend(0.5)))
        echo = built.keep(h.ExpSyn(dend(0.9)))
        spike = built.keep(h.NetCon(soma(0.5)._ref_v, echo, sec=soma))
        spike.delay, spike.weight[0] = delay, 1e-3
        self.times, self.ids = h.Vector(), h.Vector()
        for k in range(n_together):
            self.stim(20, 20, 1e-3 / (3 + k), k)
        for k, (start, interval) in enumerate(others):
            self.stim(start, interval, 1e-9 * (1 + k), 100 + k)

    def stim(self, start, interval, weight, number):
        from neuron import h

        stim = self.built.keep(h.NetStim())
        stim.start, stim.interval, stim.number, stim.noise = start, interval, 1e9, 0
        netcon = self.built.keep(h.NetCon(stim, self.target))
        netcon.delay, netcon.weight[0] = 1, weight
        netcon.record(self.times, self.ids, number)


def records(model):
    from neuron import h

    return {
        "times": model.times, "ids": model.ids,
        "g": h.Vector().record(model.target._ref_g),
        "v of dend": h.Vector().record(model.sections[1](0.5)._ref_v),
    }  # fmt: skip


OTHERS = {
    "one": [(12.0, 3.0)],
    "two": [(7.0, 5.5), (9.3, 4.1)],
    "many": [(2.0 + 0.7 * k, 2.3 + 0.31 * k) for k in range(12)],
    "none": [],
}


@pytest.mark.parametrize("delay", [1.0, 3.3, 5.0, 9.5])
@pytest.mark.parametrize("others", OTHERS)
@isolated
def test_order_of_equal_times(others, delay):
    from parity import compare, device, ways

    heliox = device.use()
    outcomes = []
    for enable in (0, 1):
        heliox.enable = enable
        outcomes.append(
            compare.run_once(lambda: Model(delay, OTHERS[others]), ways.psolve, records)
        )
    heliox.enable = 0
    neuron, ours = outcomes
    assert {run["engine"] for run in ours.runs} == {"gpu"}
    assert neuron.traces["ids"].size > 8
    difference = compare.first_difference(neuron, ours)
    assert not difference, difference


@pytest.mark.parametrize("kind", ties.KINDS)
@isolated
def test_order_beside_events_of_point_processes(kind):
    """WATCH, net_send, net_move, net_event: seeds of which most differed before the host did a
    window's operations again in NEURON's order.
    """
    from parity import mods, ties

    mods.load()
    for seed in ties.QUICK[kind]:
        found = ties.difference(kind, seed)
        assert not found, (seed, found)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ties.KINDS)
@isolated
def test_order_beside_events_of_point_processes_at_length(kind):
    from parity import mods, ties

    mods.load()
    for seed in range(100, 140):
        found = ties.difference(kind, seed)
        assert not found, (seed, found)


@isolated
def test_an_order_that_cannot_be_known_is_told():
    """A net_send of less than a step meets a Vector that looks at the point process."""
    import warnings

    from neuron import h

    from heliox_neuron.errors import HelioXWarning
    from parity import device, models, mods, ways

    mods.load()
    device.use().enable = 1

    def told(wait):
        built = models.Model(tstop=10)
        soma = built.section("soma", 1, (20, 20), ("pas",))
        point = built.keep(h.hxOrder(soma(0.5)), wait=wait, twice=1)
        stim = built.keep(h.NetStim(), number=1, start=3 + wait)
        netcon = built.keep(h.NetCon(stim, point))
        netcon.delay, netcon.weight[0] = 2.0, 1e-3
        seen = built.keep(h.Vector())
        seen.record(point._ref_x, built.keep(h.Vector([5 + 2 * wait])))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            ways.psolve(built)
        return [str(w.message) for w in caught if issubclass(w.category, HelioXWarning)]

    assert any("exactly the same time" in words for words in told(2**-8))
    assert not told(2.0)


@isolated
def test_a_window_is_done_again():
    """The device delivers two events the wrong way round at first; its log outgrows its room."""
    from heliox_neuron.engines.gpu import ordered
    from parity import mods, ties

    mods.load()
    answers = []
    agrees = ordered.Ordered.agrees

    def counted(*args):
        answers.append(agrees(*args))
        return answers[-1]

    ordered.Ordered.agrees, ordered._LOG = counted, 4
    assert not ties.difference("send", ties.QUICK["send"][0])
    assert answers.count(False) > 3 and answers.count(True) > 5


@isolated
def test_ties_at_many_instances_alike():
    """In NEURON each one's own event comes before another's of the same time."""
    from neuron import h

    from parity import device, models, mods, ways

    mods.load()

    class Alike:
        def __init__(self):
            self.built = models.Model(tstop=15)
            soma = self.built.section("soma", 1, (20, 20), ("pas",))
            first, second = (self.built.keep(h.NetStim(), start=s, number=1) for s in (2, 7))
            self.points = [self.built.keep(h.hxOrder(soma(0.5)), wait=5) for _ in range(10)]
            for point in self.points:
                for stim in (first, second):
                    netcon = self.built.keep(h.NetCon(stim, point))
                    netcon.delay, netcon.weight[0] = 1.0, 1e-4

    def records(model):
        return {f"x {k}": h.Vector().record(p._ref_x) for k, p in enumerate(model.points)}

    device.same_bits(Alike, ways.psolve, records, v_traces=False)


@isolated
def test_ties_one_after_another():
    """More of them than there is room for at first, in windows that are done again many times."""
    from neuron import h

    from heliox_neuron.engines.gpu import staging
    from parity import device, models, mods, ways

    mods.load()
    staging._FIRST = 1 << 12

    class Dense:
        def __init__(self):
            self.built = models.Model(tstop=40)
            soma = self.built.section("soma", 1, (20, 20), ("hh",))
            self.point = self.built.keep(h.hxOrder(soma(0.5)))
            for k in range(50):
                interval = (2, 2.5, 5)[k % 3]
                stim = self.built.keep(h.NetStim(), interval=interval, start=interval, number=1e9)
                netcon = self.built.keep(h.NetCon(stim, self.point))
                netcon.delay, netcon.weight[0] = 1.0, 1e-5 * (k + 1)

    def records(model):
        point = model.point
        return {name: h.Vector().record(getattr(point, f"_ref_{name}")) for name in ("x", "n")}

    neuron, _ = device.same_bits(Dense, ways.psolve, records, v_traces=False)
    assert neuron.traces["n"][-1] > 1000


@isolated
def test_watches_activated_before_a_scripts_error():
    """The window ends at the error; what it activated is in NEURON's order in the next one."""
    from neuron import h

    from parity import device, mods

    mods.load()
    heliox = device.use()
    parallel = h.ParallelContext()
    parallel.set_maxstep(10)
    soma = h.Section(name="soma")
    soma.L = soma.diam = 20
    soma.insert("hh")
    clamp = h.IClamp(soma(0.5))
    clamp.delay, clamp.dur, clamp.amp = 1, 1e9, 0.4
    failing, synapse = h.hxFail(), h.ExpSyn(soma(0.5))
    failing.period = 0.61
    keep = h.NetCon(failing, synapse, 0, 0.3, 1e-3)
    watch = h.hxNrWatch(soma(0.5))

    def outcome():
        failing.at = 2
        h.finitialize(-65)
        with pytest.raises(RuntimeError):
            parallel.psolve(30)
        failing.at = 1e9
        at_error = h.t, soma(0.5).v
        parallel.psolve(30)
        return at_error, watch.up, watch.down, watch.steep, soma(0.5).v

    neuron = outcome()
    heliox.enable = 1
    assert outcome() == neuron and keep.valid()
    assert {run["engine"] for run in heliox.report().to_dict()["runs"]} == {"gpu"}
