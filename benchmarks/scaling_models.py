"""The models of gpu_scaling.py: the benchmark's tree cells; a network with many synapses a cell.

Cells and NetCons are made in hoc where there are many of them: no object of Python's each. What is
left is NEURON's own, memory for the mechanisms of each segment: 1.3 MB and 1.4 ms a tree.
"""

import importlib
import sys

import cases

RECORDED = 100  # roots whose v is recorded: all of 10,000 would measure the recording

TREE = """
begintemplate ScalingTree
public branch, stim, synapse
create branch[1]
objref stim, synapse
proc init() { local k // sections, segments; L, diam of branches; size of the root; Ra, cm
    create branch[$1]
    forall {
        nseg = $2
        L = $3
        diam = $4
        Ra = $6
        cm = $7
        insert hh
    }
    branch[0] {
        L = $5
        diam = $5
    }
    for k = 1, $1 - 1 {
        connect branch[k](0), branch[int((k - 1) / 2)](1)
    }
    branch[0] stim = new IClamp(0.5)
    branch[$1 - 1] synapse = new ExpSyn(0.5)
}
endtemplate ScalingTree

objref scaling_trees, scaling_netcons, scaling_netcon, scaling_pc, scaling_nil
scaling_trees = new List()
scaling_netcons = new List()
scaling_pc = new ParallelContext()

proc scaling_plant() { local gid // cells, then what a ScalingTree takes
    for gid = 0, $1 - 1 {
        scaling_trees.append(new ScalingTree($2, $3, $4, $5, $6, $7, $8))
    }
}
proc scaling_stimulate() { local gid // start, stagger, amp, tau
    for gid = 0, scaling_trees.count() - 1 {
        scaling_trees.o(gid).stim.del = $1 + gid % 10 * $2
        scaling_trees.o(gid).stim.dur = 1e9
        scaling_trees.o(gid).stim.amp = $3
        scaling_trees.o(gid).synapse.tau = $4
    }
}
proc scaling_ring() { local gid, n // threshold, delay, weight
    n = scaling_trees.count()
    for gid = 0, n - 1 {
        scaling_trees.o(gid).branch[0] scaling_netcon = new NetCon(&v(0.5), scaling_nil)
        scaling_netcon.threshold = $1
        scaling_pc.set_gid2node(gid, scaling_pc.id())
        scaling_pc.cell(gid, scaling_netcon)
        scaling_netcons.append(scaling_netcon)
    }
    for gid = 0, n - 1 {
        scaling_netcon = scaling_pc.gid_connect((gid + n - 1) % n, scaling_trees.o(gid).synapse)
        scaling_netcon.delay = $2
        scaling_netcon.weight = $3
        scaling_netcons.append(scaling_netcon)
    }
}
"""

# NetCons made in hoc take two thirds of Python's time
CONNECT = """
objref scaling_pc, scaling_netcon, scaling_kept
scaling_pc = new ParallelContext()
scaling_kept = new List()
proc scaling_connect() { local k, n // gids of sources, synapses, delays, weight
    n = $o2.count()
    for k = 0, $o1.size() - 1 {
        scaling_netcon = scaling_pc.gid_connect($o1.x[k], $o2.o(k % n))
        scaling_netcon.delay = $o3.x[k]
        scaling_netcon.weight = $4
        scaling_kept.append(scaling_netcon)
    }
}
"""


class Tree:
    """The benchmark model "tree" with task["ncell"] cells of task["segments"] a section: what its
    build() makes, in the same order, without its Python.
    """

    def __init__(self, task):
        from neuron import h

        sys.path.insert(0, str(cases.models_dir(task["models_dir"]) / "tree"))
        tree = importlib.import_module("tree")
        h(TREE)
        h.scaling_plant(
            task["ncell"], 2**tree.DEPTH - 1, task["segments"], tree.BRANCH_LENGTH,
            tree.BRANCH_DIAM, tree.ROOT_SIZE, tree.RA, tree.CM,
        )  # fmt: skip
        h.scaling_stimulate(tree.STIM_START, tree.STIM_STAGGER, tree.STIM_AMP, tree.SYN_TAU)
        h.scaling_ring(tree.THRESHOLD, tree.SYN_DELAY, tree.SYN_WEIGHT)
        self.pc = h.ParallelContext()
        self.recorded = record(
            h.scaling_trees.o(gid).branch[0] for gid in range(min(RECORDED, task["ncell"]))
        )


class Network:
    """Cells of a soma and four dendrites; each compartment's ExpSyn has its share of NetCons."""

    def __init__(self, task):
        import numpy as np
        from neuron import h

        self.h, self.pc = h, h.ParallelContext()
        self.random = np.random.default_rng(1)
        h(CONNECT)
        k = np.arange(task["synapses"])
        self.delays = h.Vector(1.0 + 0.1 * (k % 40))
        self.sections, self.netcons, self.stims = [], [], []
        segments = max(1, (task["compartments"] - 1) // 4)
        self.synapses = [self.cell(gid, segments) for gid in range(task["ncell"])]
        for gid, synapses in enumerate(self.synapses):
            self.connect(gid, synapses, task)
        self.recorded = record(sections[0] for sections in self.sections)

    def cell(self, gid, segments):
        """Builds one; returns its synapses."""
        h = self.h
        soma = h.Section(name=f"soma{gid}")
        soma.L = soma.diam = 20
        sections = [soma]
        for k in range(4):
            dendrite = h.Section(name=f"dendrite{gid}_{k}")
            dendrite.L, dendrite.diam, dendrite.nseg = 20.0 * segments, 1.5, segments
            dendrite.connect(soma(k % 2))
            sections.append(dendrite)
        for section in sections:
            section.Ra = 100
            section.insert("hh" if section is soma else "pas")
            if section is not soma:
                section.g_pas, section.e_pas = 1e-4, -65
        self.sections.append(sections)
        self.pc.set_gid2node(gid, self.pc.id())
        detector = h.NetCon(soma(0.5)._ref_v, None, sec=soma)
        detector.threshold = -20
        self.pc.cell(gid, detector)
        self.netcons.append(detector)
        synapses = [h.ExpSyn(segment) for section in sections for segment in section]
        for synapse in synapses:
            synapse.tau = 2
        return synapses

    def connect(self, gid, synapses, task):
        """task["synapses"] NetCons of random cells onto the cell, and its own Poisson input."""
        h = self.h
        sources = self.random.integers(0, task["ncell"], task["synapses"])
        targets = h.List()
        for synapse in synapses:
            targets.append(synapse)
        weight = 1e-2 / max(1, task["synapses"])
        h.scaling_connect(h.Vector(sources), targets, self.delays, weight)
        stim = h.NetStim()
        stim.interval, stim.number, stim.start, stim.noise = 20, 1e9, 1, 1
        stim.noiseFromRandom123(gid, 1, 2)
        netcon = h.NetCon(stim, synapses[0])
        netcon.delay, netcon.weight[0] = 1.0, 0.05
        self.stims.append(stim)
        self.netcons.append(netcon)


def record(roots):
    """v of the first RECORDED roots at every step."""
    from neuron import h

    return [
        h.Vector().record(root(0.5)._ref_v) for _, root in zip(range(RECORDED), roots, strict=False)
    ]
