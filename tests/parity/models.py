"""Small models for the parity tests: each builder returns an object that owns everything.

`MODELS` maps a name to (build, record): see compare.py. Those named in `NEEDS_MODS` use tests/mod.
"""

from neuron import h

h.load_file("stdrun.hoc")


class Model:
    """Holds sections, point processes, NetCons and Vectors; all go when it goes."""

    def __init__(self, celsius=6.3, dt=0.025, v_init=-65.0, tstop=50.0):
        h.celsius, h.dt, h.v_init, h.tstop = celsius, dt, v_init, tstop
        h.steps_per_ms = round(1 / dt)
        h.secondorder = 0
        self.sections = []
        self.kept = []
        self.netcons = []
        self.times = h.Vector()
        self.gids = h.Vector()
        self.notes = []  # numbers that callbacks write down

    def section(self, name, nseg=1, size=(100.0, 2.0), mechanisms=("pas",), parent=None):
        """size: length and diameter, um; parent: a segment to connect to."""
        section = h.Section(name=name)
        section.L, section.diam = size
        section.nseg = nseg
        section.Ra = 120
        for mechanism in mechanisms:
            section.insert(mechanism)
        if parent is not None:
            section.connect(parent)
        self.sections.append(section)
        return section

    def keep(self, thing, **values):
        for name, value in values.items():
            setattr(thing, name, value)
        self.kept.append(thing)
        return thing

    def connect(self, source, target, weight=0.0, delay=1.0, threshold=-20.0):
        """NetCon; a segment as source means its voltage."""
        if hasattr(source, "_ref_v"):
            netcon = h.NetCon(source._ref_v, target, sec=source.sec)
            netcon.threshold = threshold
        else:
            netcon = h.NetCon(source, target)
        netcon.delay = delay
        if target is not None:
            netcon.weight[0] = weight
        self.netcons.append(netcon)
        return netcon

    def stim(self, stream, interval=7.0, start=2.0, noise=1.0, number=1e9):
        stim = self.keep(h.NetStim(), interval=interval, start=start, noise=noise, number=number)
        stim.noiseFromRandom123(stream, 3, 14)
        return stim

    def close(self):
        """Drops everything, callbacks that NEURON holds included."""
        self.kept.clear()
        self.netcons.clear()
        self.sections.clear()

    def gid(self, gid, segment, threshold=-20.0):
        """A gid for a cell that fires at this segment."""
        pc = h.ParallelContext()
        pc.set_gid2node(gid, pc.id())
        pc.cell(gid, self.connect(segment, None, threshold=threshold))


def spikes(model):
    """Vectors with the time and gid of every spike, in order."""
    h.ParallelContext().spike_record(-1, model.times, model.gids)
    return {"spike times": model.times, "spike gids": model.gids}


def ball_and_stick():
    """A ring of four cells with hh somata: ExpSyn, Exp2Syn, NetStim with noise, gids."""
    model = Model(celsius=6.3)
    pc = h.ParallelContext()
    synapses = []
    for gid in range(4):
        soma = model.section(f"soma{gid}", 1, (20, 20), ("hh",))
        dend = model.section(f"dend{gid}", 5, (250, 1.5), ("pas", "hh"), soma(1))
        dend.g_pas = 1e-4 * (1 + gid)
        synapses.append(model.keep(h.ExpSyn(dend(0.8)), tau=1.5))
        inhibition = model.keep(h.Exp2Syn(soma(0.5)), tau1=0.5, tau2=5, e=-80)
        model.connect(model.stim(gid, 9), synapses[-1], 0.02, 1.0)
        model.connect(model.stim(10 + gid, 12), inhibition, 0.002, 1.5)
        model.gid(gid, soma(0.5))
    for gid, synapse in enumerate(synapses):
        netcon = pc.gid_connect((gid + 3) % 4, synapse)
        netcon.delay, netcon.weight[0] = 2.0 + 0.3 * gid, 0.015
        model.netcons.append(netcon)
    return model


def mixed_cells():
    """Cells of different shape and mechanisms, some of them single compartments."""
    model = Model(celsius=20, v_init=-70)
    for number in range(5):
        point = model.section(f"point{number}", 1, (10 + number, 10), ("hh",))
        model.keep(h.IClamp(point(0.5)), delay=1 + number, dur=20, amp=0.05)
    chain = model.section("chain0", 3, (50, 3), ("hh", "pas"))
    for number in range(1, 12):
        chain = model.section(f"chain{number}", 3, (50, 3), ("hh", "pas"), chain(1))
    model.keep(h.IClamp(chain(0.5)), delay=2, dur=5, amp=0.4)
    star = model.section("star", 3, (30, 10), ("pas",))
    for number in range(7):
        arm = model.section(
            f"arm{number}", 1 + 2 * (number % 3), (80, 1), ("hh",), star(number / 6)
        )
        model.section(f"tip{number}", 1, (20, 0.5), (), arm(1))
    model.keep(h.IClamp(star(0.5)), delay=0.5, dur=40, amp=0.3)
    backwards = model.section("backwards", 5, (100, 2), ("hh",))
    side = h.Section(name="side")
    side.nseg = 3
    side.insert("pas")
    side.connect(backwards(0.3), 1)  # its end 1 at the parent
    model.sections.append(side)
    for section in model.sections[::4]:
        for segment in section:
            segment.cm = 1 + segment.x
            segment.diam *= 1 + 0.3 * segment.x
    return model


def clamps():
    """IClamp, SEClamp, VClamp, OClamp and AlphaSynapse."""
    model = Model(celsius=10)
    sections = [
        model.section(f"cable{k}", 3, (120, 3), ("hh",) if k % 2 else ("hh", "pas"))
        for k in range(4)
    ]
    model.keep(h.IClamp(sections[0](0.2)), delay=3, dur=8, amp=0.3)
    model.keep(
        h.SEClamp(sections[1](0.5)), dur1=5, amp1=-70, dur2=10, amp2=-20, dur3=20, amp3=-65, rs=0.5
    )
    clamp = model.keep(h.VClamp(sections[2](0.5)))
    for k, (duration, level) in enumerate(((4, -65), (12, -10), (30, -60))):
        clamp.dur[k], clamp.amp[k] = duration, level
    model.keep(h.OClamp(sections[3](0.5)), on=5, off=20, vc=-40, rs=1)
    model.keep(h.AlphaSynapse(sections[0](0.9)), onset=6, tau=1, gmax=0.02, e=0)
    return model


def passive():
    """Passive cables and a section without any mechanism."""
    model = Model(v_init=0)
    for cell in range(6):
        root = model.section(f"root{cell}", 7, (200, 2))
        left = model.section(f"left{cell}", 5, (150, 1), ("pas",), root(1))
        model.section(f"right{cell}", 9, (300, 1.3), ("pas",), root(1))
        model.section(f"bare{cell}", 1, (20, 1), (), left(0.5))
        model.keep(h.IClamp(root(0)), delay=1, dur=1e9, amp=0.02 * (1 + cell))
    return model


def bare():
    """No mechanisms at all: capacitance and axial current."""
    model = Model(v_init=-50)
    one = model.section("one", 5, (100, 2), ())
    model.section("two", 3, (60, 1), (), one(0.5))
    model.keep(h.IClamp(one(0.1)), delay=1, dur=2, amp=0.1)
    return model


def channels():
    """The density mechanisms of tests/mod that can be compiled, ions coupled through cai."""
    model = Model(celsius=30, v_init=-70)
    for cell in range(3):
        names = ("hxna", "hxk", "hxca", "hxcad", "hxkca", "hxih", "pas")
        soma = model.section(f"soma{cell}", 1, (20, 20), names)
        dend = model.section(f"dend{cell}", 7, (300, 2), ("pas", "hxna", "hxk", "hxih"), soma(1))
        model.section(f"tip{cell}", 3, (100, 1), ("pas", "hxca", "hxcad", "hxkca"), dend(1))
        for section in model.sections[-3:]:
            section.e_pas = -70
        model.keep(h.IClamp(soma(0.5)), delay=2 + cell, dur=40, amp=1.2)
    h.shift_hxk = 3
    return model


def host_channels():
    """KINETIC, derivimplicit, euler, VERBATIM, GLOBAL writers, SOLVE of a procedure, AFTER."""
    model = Model(celsius=25)
    names = (
        "pas hxkinetic hxderiv hxeuler hxproc hxglobal hxverbatim hxbefore hxdiam hxna hxk".split()
    )
    soma = model.section("soma", 1, (20, 20), names)
    dend = model.section("dend", 5, (200, 2), names[:-1], soma(1))
    model.section("tip", 3, (80, 1), ("pas", "hxerev", "hxk"), dend(1))
    model.keep(h.IClamp(soma(0.5)), delay=2, dur=30, amp=0.3)
    return model


def point_processes():
    """Our own synapses and clamps: NET_RECEIVE with INITIAL, POINTER, WATCH, net_send, at_time."""
    model = Model(celsius=20)
    cells = []
    for cell in range(4):
        soma = model.section(f"soma{cell}", 1, (18, 18), ("hh",))
        dend = model.section(f"dend{cell}", 5, (200, 2), ("pas",), soma(1))
        depress = model.keep(h.hxDepress(dend(0.7)))
        model.connect(model.stim(cell, 4), depress, 0.03, 0.7)
        watch = model.keep(h.hxWatch(soma(0.5)), level=-30 - cell)
        timer = model.keep(h.hxTimer(), period=3 + 0.7 * cell)
        model.connect(timer, depress, 0.01, 1.1)
        model.connect(watch, timer, 0.6, 0.5)
        model.connect(model.stim(20 + cell, 5), timer, 0.4, 0.2)
        cells.append(soma)
    for cell, soma in enumerate(cells):
        graded = model.keep(h.hxGraded(soma(0.5)), gmax=5e-4)
        h.setpointer(cells[cell - 1](0.5)._ref_v, "vpre", graded)
    model.keep(h.hxSine(cells[0](0.5)), amp=0.05)
    return model


def artificial_cells():
    """IntFire1, IntFire2, IntFire4 and NetStims that drive them, a cell and each other."""
    model = Model()
    soma = model.section("soma", 1, (20, 20), ("hh",))
    synapse = model.keep(h.ExpSyn(soma(0.5)))
    previous = None
    for number in range(6):
        kind = (h.IntFire1, h.IntFire2, h.IntFire4)[number % 3]
        cell = model.keep(kind())
        model.connect(model.stim(number, 3), cell, 0.4, 0.5)
        model.connect(cell, synapse, 0.01, 1.0)
        if previous is not None:
            model.connect(previous, cell, 0.7, 0.25)
        model.connect(cell, None).record(model.times, model.gids, number)
        previous = cell
    return model


def gap_junctions():
    """Ring of cells with gap junctions through pc.source_var and target_var."""
    model = Model(celsius=6.3)
    pc = h.ParallelContext()
    cells = []
    for cell in range(5):
        soma = model.section(f"soma{cell}", 1, (20, 20), ("hh",))
        model.section(f"dend{cell}", 3, (100, 2), ("pas",), soma(1))
        cells.append(soma)
        pc.source_var(soma(0.5)._ref_v, cell, sec=soma)
    for cell, soma in enumerate(cells):
        for other in (cell - 1, cell + 1):
            gap = model.keep(h.hxGap(soma(0.5)), g=2e-3)
            pc.target_var(gap, gap._ref_vgap, other % 5)
    pc.setup_transfer()
    model.keep(h.IClamp(cells[0](0.5)), delay=2, dur=30, amp=0.3)
    return model


def played():
    """Vectors played continuously and as steps onto an amplitude, a conductance and a voltage."""
    model = Model()
    soma = model.section("soma", 1, (20, 20), ("hh",))
    dend = model.section("dend", 5, (200, 2), ("pas",), soma(1))
    clamp = model.keep(h.IClamp(soma(0.5)), delay=0, dur=1e9)
    samples = h.Vector([0.0, 0.2, -0.1, 0.4, 0.0, 0.3]).c()
    times = h.Vector([0.0, 3.0, 7.5, 12.0, 20.0, 45.0])
    samples.play(clamp._ref_amp, times, True)
    steps = h.Vector([1e-4, 5e-4, 2e-4])
    when = h.Vector([0.0, 10.0, 31.0])
    steps.play(dend(0.5)._ref_g_pas, when)
    single = h.Vector([0.01 * (k % 5) for k in range(200)])
    second = model.keep(h.IClamp(dend(0.9)), delay=0, dur=1e9)
    single.play(second._ref_amp, 0.25)
    ramp = h.Vector([-80.0, -40.0])
    voltage = model.keep(h.SEClamp(dend(0.1)), dur1=1e9, rs=20)
    ramp.play(voltage._ref_amp1, h.Vector([0.0, 50.0]), True)
    for thing in (samples, times, steps, when, single, ramp):
        model.keep(thing)
    return model


def fast_imem():
    """The ball and stick network with i_membrane_ of every segment."""
    h.CVode().use_fast_imem(1)
    return ball_and_stick()


def _imem_records(model):
    records = spikes(model)
    for section in model.sections:
        for segment in section:
            records[f"i_membrane_ of {segment}"] = h.Vector().record(segment._ref_i_membrane_)
    return records


def _channel_records(model):
    soma = model.sections[0](0.5)
    names = "m_hxna h_hxna n_hxk z_hxkca q_hxih cai eca ica ina ik i_cap".split()
    return {name: h.Vector().record(getattr(soma, f"_ref_{name}")) for name in names}


def _point_records(model):
    depress, watch, timer = model.kept[0], model.kept[2], model.kept[3]
    return {
        "depress.A": h.Vector().record(depress._ref_A),
        "watch.count": h.Vector().record(watch._ref_count),
        "timer.x": h.Vector().record(timer._ref_x),
    }


MODELS = {
    "ball_and_stick": (ball_and_stick, spikes),
    "mixed_cells": (mixed_cells, None),
    "clamps": (clamps, None),
    "passive": (passive, None),
    "bare": (bare, None),
    "artificial_cells": (artificial_cells, lambda m: {"times": m.times, "cells": m.gids}),
    "played": (played, None),
    "fast_imem": (fast_imem, _imem_records),
    "channels": (channels, _channel_records),
    "host_channels": (host_channels, None),
    "point_processes": (point_processes, _point_records),
    "gap_junctions": (gap_junctions, None),
}
NEEDS_MODS = ("channels", "host_channels", "point_processes", "gap_junctions")
