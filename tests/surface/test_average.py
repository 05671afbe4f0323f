"""heliox.average() and variable.average(): objects, errors, hoc, and models that change."""

from __future__ import annotations

import pytest

HEAD = """
import gc
from neuron import h
from heliox_neuron import heliox
h.load_file("stdrun.hoc")
soma = h.Section(name="soma")
soma.nseg = 3
soma.insert("hh")
syn = h.ExpSyn(soma(0.5))
h.tstop = 10
heliox.device = "{device}"
heliox.enable = {enable}

def error(function, code, kind):
    try:
        found = function()
    except kind as failed:
        assert str(failed).startswith(code), failed
        return str(failed)
    raise AssertionError(found)
"""

OBJECTS = """
window = (1, 5)
for objects, name, n in (
    (soma, "v", 1), (soma(0.2), "m_hh", 1), ([soma, soma(0.9)], "v", 2),
    (list(soma.allseg()), "v", 5),
    (h.SectionList([soma]), "v", 1), (syn, "g", 1), ([syn], "g", 1), (h.List("ExpSyn"), "i", 1),
    (syn._ref_g, None, 1), ([syn._ref_i, soma(0.5)._ref_v], None, 2),
):
    mean = heliox.average(objects, name, window)
    assert len(mean) == n and mean.count == 0
    h.run()
    assert len(mean.array) == n and mean.count == 160
weight = h.NetCon(soma(0.5)._ref_v, syn, sec=soma)._ref_weight[0]
for pointer in (h._ref_t, h.Vector(3)._ref_x[0], weight):
    error(lambda: heliox.average(pointer, window=window), "HX056", ValueError)
for objects, name in (
    (soma, "nope"), ([], "v"), (3, "v"), ("soma", "v"), (None, "v"), ([soma, 3], "v"), (soma, None),
):
    error(lambda: heliox.average(objects, name, window), "HX056", ValueError)
for bad in ((2, 1), (1, 1), None, 5, (float("nan"), 5), (0, float("inf")), "ab", (1, 2, 3)):
    error(lambda: heliox.average(soma, "v", bad), "HX056", ValueError)
for name in ("hh._g", "rhs"):
    error(lambda: heliox.variable(name).average(window), "HX056", ValueError)
error(lambda: heliox.variable("hh.x"), "HX052", KeyError)
"""

LIFE = """
mean = heliox.average(soma, "v", (2, 5))
text = error(lambda: mean.array, "HX055", LookupError)
assert "(2, 5] ms" in text and "t is 0 ms" in text
h.stdinit()
h.continuerun(1)
assert mean.count == 0 and "t is 1 ms" in error(lambda: mean.array, "HX055", LookupError)
h.continuerun(3)
half = mean.array
assert mean.count == 40
h.continuerun(10)
assert mean.count == 120 and mean.array != half
h.stdinit()
assert mean.count == 0
h.continuerun(3)
assert (mean.array == half).all()
mean.reset()
assert mean.count == 0
h.CVode().active(1)
h.run()
assert "variable step" in error(lambda: mean.array, "HX055", LookupError)
h.CVode().active(0)
h.dt = 0.025
h.run()
assert mean.count == 120
with mean:
    pass
error(lambda: mean.array, "HX055", LookupError)
mean.close()
assert "closed" in repr(mean)
"""

CHANGES = """
one, every = heliox.average(soma, "v", (2, 5)), heliox.variable("v").average((2, 5))
h.run()
before = one.array
assert len(every.array) == 5
dend = h.Section(name="dend")
dend.insert("pas")
leak, column = heliox.average(dend, "i_pas", (2, 5)), heliox.variable("pas.i").average((2, 5))
h.run()
assert (one.array == before).all() and len(every.array) == 8
assert (leak.array == column.array).all()
h.stdinit()
h.continuerun(3)
axon = h.Section(name="axon")
h.continuerun(6)
error(lambda: every.array, "HX051", LookupError)
assert (one.array == before).all() and one.count == 120  # it knows its segment
h.run()
assert len(every.array) == 11
del dend
gc.collect()
h.run()
error(lambda: leak.array, "HX051", LookupError)
error(lambda: column.array, "HX051", LookupError)
assert (one.array == before).all() and len(every.array) == 8
h.CVode().use_fast_imem(1)
current = heliox.variable("i_membrane_").average((2, 5))
h.run()
assert len(current.array) == 8
h.CVode().use_fast_imem(0)
h.run()
error(lambda: current.array, "HX051", LookupError)
"""

HOC = """
h('''
objref mean, all
proc ask() {
    mean = heliox.average($o1, "g", 2, 5)
    all = heliox.variable("v").average(2, 5)
    run()
    print mean.count, all.count, all.array.size
}
''')
h.ask(syn)
"""


@pytest.mark.parametrize("device", ["off", "cpu", "gpu"])
@pytest.mark.parametrize("script", ["OBJECTS", "LIFE", "CHANGES", "HOC"])
def test_averages(script, device, fresh_python):
    head = HEAD.format(device="cpu" if device == "off" else device, enable=int(device != "off"))
    done = fresh_python(head + globals()[script], HELIOX_GPU_DEVICE="host")
    if script == "HOC":
        assert "120 120 5" in done.stdout


def test_an_average_ends_when_nobody_holds_it(fresh_python):
    fresh_python(
        HEAD.format(device="cpu", enable=0)
        + """
averages = heliox._core.averages
assert not averages()
mean = heliox.average(soma, "v", (2, 5))
second = heliox.average(soma, "v", (2, 5))
assert len(averages()) == 2
mean.close()
assert len(averages()) == 1
del second
gc.collect()
assert not averages()
h.run()
"""
    )
