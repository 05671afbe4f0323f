"""Models for averages beside everything else that looks at a step or writes into it."""

import numpy as np
from neuron import h

from parity import coupled, hooked, models


def played(events, hooks=False):
    """Vectors play into v of some nodes; v is recorded there, and averaged. events: one plays in
    steps, there are synapses, and a NetCon watches such a node."""
    built = models.Model(tstop=20, celsius=20)
    for number in range(2):
        soma = built.section(f"soma{number}", 1, (20, 20), ("hh",))
        dend = built.section(f"dend{number}", 4 + number, (200, 2), ("pas",), soma(1))
        if hooks:
            dend.insert("hxstages")
        built.keep(h.IClamp(soma(0.5)), delay=1, dur=12, amp=0.5)
    soma, dend, other, far = built.sections
    times = built.keep(h.Vector([0, 4.01, 9, 14.2, 20]))
    for segment, scale in ((dend(0.9), 1), (other(0.5), 0.7)):
        wave = built.keep(h.Vector([-65, -50, -71, -40, -66]).mul(scale))
        wave.play(segment._ref_v, times, True)
    if events:
        steps = built.keep(h.Vector([-60.0 - 3 * (k % 4) for k in range(30)]))
        steps.play(far(0.5)._ref_v, built.keep(h.Vector(np.arange(30) * 0.61)))
        synapse = built.keep(h.ExpSyn(far(0.9)), tau=2)
        built.connect(built.stim(3, 2), synapse, 0.01, 0.5)
        built.connect(other(0.5), synapse, 0.02, 1.0, threshold=-45)
        built.connect(soma(0.5), built.keep(h.ExpSyn(dend(0.2)), tau=1), 0.01, 2.0)
    built.looked_at = [dend(0.9), other(0.5), far(0.5), soma(0.5)]
    built.recorded = [h.Vector().record(segment._ref_v) for segment in built.looked_at]
    return built


BUILDS = {
    "stages": hooked.stages,
    "dipoles": hooked.dipoles,
    "ring": coupled.ring,
    "played": lambda: played(False),
    "played, events": lambda: played(True),
    "played, hooks": lambda: played(True, hooks=True),
}

RANGES = "v i_cap m_hh ina i_pas drive_hxstages mean_hxstages late_hxstages sum_hxstages "
RANGES += "steps_hxstages after_v_hxbefore before_v_hxbefore cai m_hxmoment i_hxmoment"


def elements(built):
    """(objects, name): variables that steps, BEFORE and AFTER blocks, events and plays assign."""
    segments = [segment for section in built.sections for segment in section]
    for name in RANGES.split():
        having = [segment for segment in segments if hasattr(segment, f"_ref_{name}")]
        if having:
            yield having, name
    points = [thing for thing in built.kept if hasattr(thing, "get_segment")]
    points = [point for point in points if point.get_segment() is not None]
    for name in ("g", "i", "s", "sum", "vgap"):
        having = [point for point in points if hasattr(point, f"_ref_{name}")]
        if having:
            yield having, name


def history(built):
    """Runs, each named where the means may be looked at: a whole one, one that finitialize cuts,
    one in pieces, others by psolve and by fadvance."""
    pc = h.ParallelContext()
    pc.set_maxstep(10)
    h.run()
    yield "run"
    h.stdinit()
    h.continuerun(8.3)
    yield "a part"
    h.stdinit()
    for t in (3, 6.1, 13, 20):
        h.continuerun(t)
    yield "anew"
    h.finitialize(h.v_init)
    for t in (4.02, 10, 20):
        pc.psolve(t)
    yield "psolve"
    h.finitialize(h.v_init)
    while h.t < 9:
        h.fadvance()
    yield "fadvance"
