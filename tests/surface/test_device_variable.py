"""heliox.variable(name).device: the copy on the GPU, here on the host device."""

from __future__ import annotations

SCRIPT = """
import numpy as np
from neuron import h
from heliox_neuron import heliox
h.load_file("stdrun.hoc")
soma = h.Section(name="soma")
soma.nseg = 5
soma.insert("hh")
heliox.enable = 1
heliox.device = "gpu"
v, m, ena = (heliox.variable(name) for name in ("v", "hh.m", "na_ion.ena"))
try:
    v.device
    raise AssertionError("there was no model on the device yet")
except LookupError as error:
    assert str(error).startswith("HX054"), error
h.finitialize(-65)
pc = h.ParallelContext()
pc.set_maxstep(10)
pc.psolve(3)
for variable in (v, m, ena):
    handle = variable.device
    assert (np.asarray(handle.array)[handle.index] == variable.array).all(), variable
    assert np.from_dlpack(handle).ctypes.data == handle.pointer
m.device.array[...] = 0.25
assert m.array[0] != 0.25
m.device.to_neuron()
assert (m.array == 0.25).all() and soma(0.5).hh.m == 0.25
try:
    heliox.variable("hh._g").device
    raise AssertionError("no kernel uses it")
except LookupError as error:
    assert str(error).startswith("HX054"), error
"""


def test_the_handle_shares_the_devices_memory(fresh_python):
    fresh_python(SCRIPT, HELIOX_GPU_DEVICE="host")
