"""Events of exactly one time: NEURON's order on the GPU engine, whatever was sent within a window.

The head of NEURON's queue goes behind its equals when something earlier arrives. The host runs its
queue ahead, so it must know afterwards that something else had been the head.
"""

import pytest

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


@isolated
def test_ties_beside_watch_are_told():
    """Where the order of equal times may not be NEURON's there is a warning, else there is none."""
    import warnings

    from neuron import h

    from heliox_neuron.errors import HelioXWarning
    from parity import device, mods, ways

    mods.load()
    device.use().enable = 1

    def told(n_together, watch):
        model = Model(5.0, OTHERS["none"], n_together)
        if watch:
            model.built.keep(h.hxWatch(model.sections[0](0.5)))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            ways.psolve(model)
        return [str(w.message) for w in caught if issubclass(w.category, HelioXWarning)]

    assert any("exactly the same time" in words for words in told(3, True))
    assert not told(1, True)
    assert not told(3, False)
