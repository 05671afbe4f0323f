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


WRITTEN = """
import numpy as np
from neuron import h
from heliox_neuron import heliox
h.load_file("stdrun.hoc")
soma = h.Section(name="soma")
soma.nseg = 5
soma.L = 1000
soma.insert("hh")
clamp = h.IClamp(soma(0.1))
clamp.dur, clamp.amp = 1e9, 1.0
heliox.enable = 1
heliox.device = "gpu"
pc = h.ParallelContext()
pc.set_maxstep(10)
values = np.linspace(0.05, 0.25, 5)

def run(write):
    h.finitialize(-65)
    pc.psolve(1)
    write()
    pc.psolve(4)
    return [segment.v for segment in soma]

def in_neuron(values):
    for segment, value in zip(soma, values):
        segment.hh.gnabar = value

def on_device():
    handle = heliox.variable("hh.gnabar").device
    handle.array[handle.index] = values

expected = run(lambda: in_neuron(values))
in_neuron([0.12] * 5)  # one number for all: kernels look at one element
plain = run(lambda: None)
assert run(on_device) == expected != plain
assert soma(0.5).hh.gnabar == 0.12
heliox.variable("hh.gnabar").device.to_neuron()
assert [segment.hh.gnabar for segment in soma] == values.tolist()
"""


def test_what_a_program_writes_is_what_the_kernels_use(fresh_python):
    fresh_python(WRITTEN, HELIOX_GPU_DEVICE="host")
