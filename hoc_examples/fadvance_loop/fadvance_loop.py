"""A Python script that steps NEURON itself: it reads and writes the model between two fadvance.

    python fadvance_loop.py                 plain NEURON
    python -m heliox_neuron fadvance_loop.py

A cell is held at a target voltage by a small controller that sets an IClamp before each step.
"""

import sys

from neuron import h

TARGET = -55.0  # mV
GAIN = 0.02  # nA/mV


def build():
    soma = h.Section(name="soma")
    soma.L = soma.diam = 20
    dend = h.Section(name="dend")
    dend.L, dend.diam, dend.nseg = 400, 2, 15
    dend.connect(soma(1))
    soma.insert("hh")
    dend.insert("pas")
    for segment in dend:
        segment.pas.g, segment.pas.e = 1e-4, -65
    clamp = h.IClamp(dend(0.3))
    clamp.dur = 1e9
    return soma, dend, clamp


def simulate(model, tstop=40.0):
    """Voltages of the soma (mV) after each step; the model is left at tstop."""
    soma, _, clamp = model
    h.dt = 0.025
    h.celsius = 6.3
    h.finitialize(-65)
    trace = []
    while h.t < tstop - h.dt / 2:
        clamp.amp = GAIN * (TARGET - soma(0.5).v)
        h.fadvance()
        trace.append(soma(0.5).v)
    return trace


def main():
    trace = simulate(build())
    print(f"v(soma) at {h.t:g} ms = {trace[-1]:.17g} mV, {len(trace)} steps")
    return trace


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
