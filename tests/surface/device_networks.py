"""Random networks for the fan-out of spikes on the device, and who delivered their events."""

import os
import random

from neuron import h

h.load_file("stdrun.hoc")


class Network:
    """Cells of a soma and a dendrite that drive each other. Attributes are kept alive by the model.

    synapse: the point process. shared: all NetCons onto a cell meet in one point process; else each
    has its own. delays, weights: callables of a random.Random, in ms and in the synapse's unit.
    stims: NetStims, with integer times and regular intervals so that their events meet. fires:
    IntFire1s that some cells drive and that drive cells.
    """

    def __init__(self, n_cell=8, n_netcon=60, *, synapse="ExpSyn", shared=True, delays=None,
                 weights=None, stims=4, fires=0, seed=1, tstop=40.0):  # fmt: skip
        self.random = random.Random(seed)
        self.synapse, self.shared = synapse, shared
        self.delays = delays or (lambda r: 1 + 0.1 * r.randrange(30))
        self.weights = weights or (lambda r: 0.004)
        self.sections, self.netcons, self.stims, self.others = [], [], [], []
        self.points, self.clamps, self.notes = [], [], []
        self.pc = h.ParallelContext()
        for gid in range(n_cell):
            self._cell(gid)
        for _ in range(n_netcon):
            self._connect(self.random.randrange(n_cell), self.random.randrange(n_cell))
        self._drive(stims)
        self._fire(fires)
        h.tstop, h.v_init, h.dt = tstop, -65.0, 0.025

    def _cell(self, gid):
        soma, dendrite = (h.Section(name=f"{part}{gid}") for part in ("soma", "dendrite"))
        soma.L = soma.diam = 20
        dendrite.L, dendrite.diam, dendrite.nseg = 100, 1.5, 1 + gid % 3
        dendrite.connect(soma(1))
        soma.insert("hh")
        dendrite.insert("pas")
        self.sections += [soma, dendrite]
        self.points.append(self._point(dendrite(0.5)))
        self.pc.set_gid2node(gid, self.pc.id())
        detector = h.NetCon(soma(0.5)._ref_v, None, sec=soma)
        detector.threshold = -10
        self.pc.cell(gid, detector)
        self.netcons.append(detector)
        clamp = h.IClamp(soma(0.5))
        clamp.delay, clamp.dur, clamp.amp = 0.5 + gid % 3, 1e9, 0.3 + 0.06 * (gid % 5)
        self.clamps.append(clamp)

    def _point(self, segment):
        return getattr(h, self.synapse)(segment)

    def _connect(self, source, target):
        point = self.points[target]
        if not self.shared:
            point = self._point(self.sections[2 * target + 1](0.5))
            self.points.append(point)
        netcon = self.pc.gid_connect(source, point)
        netcon.delay, netcon.weight[0] = self.delays(self.random), self.weights(self.random)
        self.netcons.append(netcon)

    def _drive(self, n):
        for k in range(n):
            stim = h.NetStim()
            stim.start, stim.interval, stim.number, stim.noise = 1 + k % 2, 2, 1e9, k % 3 == 2
            stim.noiseFromRandom123(k, 0, 0)
            target = h.ExpSyn(self.sections[2 * (k % (len(self.sections) // 2))](0.5))
            self.others.append(target)
            for weight in (0.002, 0.0005 + 1e-5 * k):  # two at the same time: their order matters
                netcon = h.NetCon(stim, target)
                netcon.delay, netcon.weight[0] = 1.0, weight
                self.netcons.append(netcon)
            self.stims.append(stim)

    def _fire(self, n):
        for k in range(n):
            cell = h.IntFire1()
            cell.tau, cell.refrac = 10, 2
            self.others.append(cell)
            into = self.pc.gid_connect(k, cell)
            into.delay, into.weight[0] = 1.5, 1.1
            out = h.NetCon(cell, self.points[k])
            out.delay, out.weight[0] = 1.0, 0.001
            self.netcons += [into, out]

    def between_cells(self):
        """The NetCons from cell to cell."""
        return [n for n in self.netcons if n.srcgid() >= 0 and n.syn() in self.points]


def records(model):
    """Spikes in both of NEURON's ways, and the synapses."""
    times, gids = h.Vector(), h.Vector()
    model.pc.spike_record(-1, times, gids)
    kept = {"times": times, "gids": gids}
    for k, netcon in enumerate(model.netcons[:3]):
        kept[f"spikes of {k}"] = vector = h.Vector()
        netcon.record(vector)
    for k, point in enumerate(model.points[:12]):
        kept[f"i of {k}"] = h.Vector().record(point._ref_i)
        kept[f"i of {k} at times"] = h.Vector().record(point._ref_i, 0.3)
    return kept


class Counted:
    """How many events the device delivered by itself, from now on."""

    def __init__(self):
        from heliox_neuron.engines.gpu import network

        self.events, self.batches, plain = 0, 0, network.Network
        due, begin = plain.due, plain.begin

        def counting_due(network, window):
            n = due(network, window)
            self.events += n
            return n

        def counting_begin(network):
            self.batches += network.active
            begin(network)

        plain.due, plain.begin = counting_due, counting_begin


def use(fanout="1", fidelity="exact"):
    """The GPU engine with HELIOX_FANOUT; returns what counts its events."""
    from parity import device

    os.environ["HELIOX_FANOUT"] = fanout
    device.use(fidelity)
    return Counted()
