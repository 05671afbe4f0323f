"""Random models in which many events have exactly the same time, and point processes send some.

Times, intervals and delays are multiples of a grid, so that events of NetStims, of cells that spike
together, of WATCH, net_send, net_move and net_event meet at one point process. hxOrder's x tells
in which order they came, the shared Vector of ids in which order they were sent.
"""

import random

QUICK = {  # seeds of each kind in which events of one time have to be put in order
    "watch": (23, 5),
    "send": (6, 7),
    "move": (2, 8),
    "events": (4,),
    "tell": (0,),
    "cells": (13,),
    "mix": (8, 1),
}
KINDS = tuple(QUICK)


class Ties:
    """The model of a kind and a seed."""

    def __init__(self, kind, seed):
        from neuron import h

        from parity import models

        self.kind, self.random = kind, random.Random(f"{kind} {seed}")
        choice = self.random.choice
        self.built = models.Model(tstop=choice([31, 45]))
        self.sections, self.notes = self.built.sections, self.built.notes
        self.times, self.ids = h.Vector(), h.Vector()
        self.n_netcon = 0
        self.grid = choice([0.1, 0.25, 0.5, 1])
        self.somas, self.targets, self.senders = [], [], []
        for number in range(choice([1, 2]) if kind in ("cells", "mix") else 1):
            self._cell(number)
        if not self.senders:
            self._watcher(self.somas[0])
        self._host_sources()
        delay = self._time(1, 6)
        for soma in self.somas:
            for _ in range(choice([1, 2, 4]) if kind == "cells" else choice([0, 1, 2])):
                self._connect(soma(0.5)._ref_v, soma, delay if choice([0, 0, 1]) else None)
        for sender in self.senders:
            for _ in range(choice([0, 1, 3])):
                self._connect(sender)

    def _time(self, low, high):
        """ms, on the grid."""
        drawn = self.random.uniform(low, high)
        return max(self.grid, round(round(drawn / self.grid) * self.grid, 6))

    def _cell(self, number):
        from neuron import h

        kind, choice = self.kind, self.random.choice
        soma = self.built.section(f"soma{number}", 1, (20, 20), ("hh",))
        dend = self.built.section(f"dend{number}", 3, (100, 2), ("pas",), soma(1))
        clamp = self.built.keep(h.IClamp(soma(0.5)), delay=1, dur=1e9, amp=0.4)
        assert clamp.dur == 1e9
        self.somas.append(soma)
        self.targets.append(self.built.keep(h.ExpSyn(dend(0.5))))
        if kind in ("send", "move", "events", "cells", "mix"):
            point = self.built.keep(h.hxOrder(dend(choice([0.2, 0.8]))))
            point.wait, point.later = choice([0, self._time(0.5, 8)]), self._time(6, 20)
            point.twice = choice([0, 1])
            point.moves = int(kind == "move" or (kind == "mix" and choice([0, 1])))
            point.tells = int(kind == "events" or (kind == "mix" and choice([0, 1])))
            self.targets.append(point)
            self.senders += [point] if point.tells else []
        if kind == "tell":
            self.senders.append(self.built.keep(h.hxTell(dend(0.8))))
        if kind == "watch" or (kind == "mix" and choice([0, 1])):
            for _ in range(choice([1, 2])):
                self._watcher(soma)

    def _watcher(self, soma):
        from neuron import h

        point = self.built.keep(self.random.choice([h.hxWatch, h.hxNrWatch])(soma(0.5)))
        if hasattr(point, "wait"):
            point.wait = self._time(0.5, 8)
        self.senders.append(point)

    def _host_sources(self):
        from neuron import h

        choice = self.random.choice
        together = self._time(2, 15)
        for _ in range(choice([3, 5, 7])):
            stim = self.built.keep(h.NetStim(), number=1e9, noise=0)
            stim.start = together if choice([0, 1]) else self._time(1, 15)
            stim.interval = together if choice([0, 0, 1]) else self._time(1, 8)
            for _ in range(choice([1, 1, 2])):
                self._connect(stim)
        if self.kind == "mix":
            timer = self.built.keep(h.hxTimer())
            timer.period = self._time(2, 8)
            self._connect(timer)

    def _connect(self, source, section=None, delay=None):
        from neuron import h

        quiet = [t for t in self.targets if t not in self.senders]  # no endless chains
        target = self.random.choice(quiet if source in self.senders else self.targets)
        if self.kind == "tell" and source not in self.senders and self.random.choice([0, 1]):
            target = self.senders[0]
        where = {"sec": section} if section else {}
        netcon = self.built.keep(h.NetCon(source, target, **where))
        netcon.delay = delay or self.random.choice([1, 1, 2, self._time(1, 5)])
        netcon.weight[0] = 1e-3 / self.random.randrange(2, 9)
        netcon.record(self.times, self.ids, self.n_netcon)
        self.n_netcon += 1


def records(model):
    from neuron import h

    found = {"times": model.times, "ids": model.ids}
    for k, target in enumerate(model.targets):
        seen = target._ref_x if hasattr(target, "x") else target._ref_g
        found[f"target {k}"] = h.Vector().record(seen)
    return found


def switched(model):
    """psolve in parts, every other one with the switch off."""
    from neuron import h

    from parity import compare

    heliox = compare.session()
    enable = heliox.enable
    h.ParallelContext().set_maxstep(10)
    h.finitialize(h.v_init)
    for part in range(1, 6):
        heliox.enable = enable if part % 2 else 0
        h.ParallelContext().psolve(h.tstop * part / 5)
    heliox.enable = enable


def difference(kind, seed):
    """What differs between NEURON and the GPU engine, or ''. After mods.load()."""
    import warnings

    from parity import compare, device, ways

    heliox = device.use()
    options = (ways.psolve, ways.psolve, ways.continuerun, ways.hoc_fadvance, switched)
    way = random.Random(seed).choice(options)
    outcomes = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for enable in (0, 1):
            heliox.enable = enable
            outcomes.append(compare.run_once(lambda: Ties(kind, seed), way, records))
    heliox.enable = 0
    engines = {run["engine"] for run in outcomes[1].runs}
    assert "gpu" in engines and (way is switched or len(engines) == 1), engines
    assert outcomes[0].traces["ids"].size > 3
    return compare.first_difference(*outcomes)
