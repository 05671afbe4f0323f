"""Cells of many channels in the soma and passive trees: steady nodes beside tasks of warps."""

from neuron import h

from parity import models


def somata(n_cell=3, tstop=5.0):
    """Needs tests/mod. Trees of 0, 1, ... branches, so that blocks have unlike pieces of cable."""
    model = models.Model(celsius=30, v_init=-70, tstop=tstop)
    names = ("hxna", "hxk", "hxca", "hxcad", "hxkca", "hxih", "pas")
    for cell in range(n_cell):
        soma = model.section(f"soma{cell}", 1, (20, 20), names)
        trunk = model.section(f"trunk{cell}", 23, (300, 2), ("pas",), soma(1))
        model.section(f"axon{cell}", 3, (60, 1), names, soma(0))
        for branch in range(cell):
            parent = trunk(0.2 + 0.3 * branch)
            model.section(f"branch{cell}_{branch}", 9 + 4 * branch, (150, 1), ("pas",), parent)
        model.keep(h.hxDwCai(soma(0.5)))  # its state comes after that of hxcad: a pass of its own
        model.keep(h.IClamp(soma(0.5)), delay=0.5 + cell, dur=40, amp=1.2)
        model.keep(h.IClamp(trunk(0.7)), delay=2, dur=1, amp=0.1)
    for section in model.sections:
        section.e_pas = -70
    h.shift_hxk = 3
    return model


def records(model):
    """v in the middle of every section."""
    return {
        f"v of {section}(0.5)": h.Vector().record(section(0.5)._ref_v) for section in model.sections
    }
