"""Cells, encoders and transfer resistances of networks against NEURON itself."""

import os
from pathlib import Path

import pytest

from parity.isolate import isolated
from parity.mods import REPOSITORY

SWC = """
1 1 0 0 0 8 -1
2 1 8 0 0 8 1
3 3 8 0 0 1.5 2
4 3 60 10 0 1.1 3
5 3 100 40 5 0.8 4
6 3 90 -20 0 0.9 4
7 3 170 -60 9 0.5 6
8 2 0 -8 0 0.7 1
9 2 0 -90 0 0.6 8
10 4 0 8 0 2 1
11 4 0 90 3 1.7 10
"""


def test_the_pyramidal_cell():
    given = os.environ.get("HELIOX_DATA")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "data"
    files = list((folder / "hpc").glob("*.asc"))
    if not files:
        pytest.skip("the pyramidal cell's morphology is not here (HELIOX_DATA)")
    check_the_pyramidal_cell(file=str(files[0]))


@isolated
def test_a_cell_from_records_is_import3ds_cell():
    import tempfile

    from neuron import h

    from heliox_neuron.nn import PassiveHPC
    from heliox_neuron.nn.cells import compartments

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cell.swc"
        file.write_text(SWC)
        factory = PassiveHPC(file)
        cells = [compartments(factory.make(f"cell[{k}]"), "layer") for k in range(3)]
        reader = h.Import3d_SWC_read()
        reader.quiet = 1
        reader.input(str(file))
        original = h.HelioxMorphology()
        h.Import3d_GUI(reader, 0).instantiate(original)
    for section in original.all:
        section.nseg = 1 + 2 * int(section.L / 40)
        section.Ra = 261.97

    def shape(sections):
        return [(s.L, [(seg.area(), seg.ri(), seg.diam) for seg in s]) for s in sections]

    for kind in ("soma", "dend", "apic"):
        wanted = shape(getattr(original, {"dend": "basal", "soma": "somatic"}.get(kind, "apical")))
        assert wanted and any(len(segments) > 1 for _, segments in wanted) == (kind != "soma")
        for cell in cells:
            assert shape(getattr(cell.cell, kind)) == wanted
    for cell in cells:
        assert [s.L for s in cell.cell.axon] == [30.0, 30.0]
        assert cell.dendrites == cell.cell.dend and len(cell.dendrites) == 3
        assert {s.cm for s in cell.sections} == {1.5}
        parents = [s.parentseg() for s in cell.sections]
        assert sum(parent is None for parent in parents) == 1


@isolated
def check_the_pyramidal_cell(file):
    import numpy as np

    from heliox_neuron.nn import Dense, PassiveHPC, RateEncoder, Sequential

    net = Sequential(RateEncoder(200), Dense(2, cell=PassiveHPC(file)), Dense(10))
    hidden, output = net.build().layers
    assert [cell.n_compartment for cell in hidden.cells] == [1043, 1043]
    assert len(hidden.cells[0].dendrites) == 115
    assert hidden.r[:, -1] == pytest.approx(66.9571, abs=5e-5)
    assert hidden.r[:, :-1].min() >= 56.33 and hidden.r[:, :-1].max() <= 66.9323 + 5e-5
    assert output.r == pytest.approx(1999.9881, abs=5e-5)
    r_mean = np.sqrt(hidden.r[:, :-1].max() * hidden.r[:, :-1].min())
    assert hidden.g[:, :-1] == pytest.approx(1 / r_mean, rel=1e-15)
    assert hidden.g[:, -1] * hidden.r[:, -1] == pytest.approx(1, rel=1e-15)


@isolated
def test_transfer_resistances_are_those_of_the_matrix():
    import numpy as np

    from heliox_neuron.nn import linear
    from train.layered import network

    built = network((5, 4)).build()
    model = linear.read(built)
    for layer, mine in zip(built.layers, model.layers, strict=True):
        cable, projection = mine.cable, mine.projection
        matrix = np.diag(cable.diagonal(np.inf))
        for i, p in enumerate(cable.parent):
            if p >= 0:
                matrix[i, p], matrix[p, i] = cable.b[i], cable.a[i]
        r = np.linalg.inv(matrix)[cable.soma] * 1e2 / cable.area
        assert layer.r == pytest.approx(r[projection.node], rel=1e-9)
        for j, row in enumerate(layer.synapses):
            tree = np.sort([s.node_index() for sec in layer.cells[j].sections for s in sec])
            places = [synapse.get_segment().node_index() for synapse in row]
            assert set(places) <= set(tree)
            area = [synapse.get_segment().area() for synapse in row]
            assert cable.area[projection.node[j]].tolist() == area


@isolated
def test_spikes_of_a_rate_code_are_netstims():
    import numpy as np
    from neuron import h

    from heliox_neuron.nn import Dense, RateEncoder, Sequential

    encoder = RateEncoder(40, delay=1.5)
    net = Sequential(encoder, Dense(2))
    x = np.append(np.random.default_rng(0).uniform(size=37), [0.0, 1.0, 0.5])
    net.present(x)
    records = [h.Vector() for _ in encoder.netcons]
    for netcon, record in zip(encoder.netcons, records, strict=True):
        netcon.record(record)
    h.dt = 0.25
    h.finitialize(0)
    pc = h.ParallelContext()
    pc.set_maxstep(10)
    pc.psolve(50)
    times = encoder.times(x[None], np.random.default_rng(0), 50.0)[0]
    assert times.shape[1] >= 8
    for record, due in zip(records, times, strict=True):
        sent = np.array(record) + 1.5
        assert sent[sent < 49.9].tolist() == due[due < 49.9].tolist()


@isolated
def test_what_a_cell_may_look_like():
    from neuron import h

    from heliox_neuron.nn.cells import compartments

    class Bare:
        def __init__(self):
            self.soma = h.Section("soma", self)

    class Odd:
        def __init__(self):
            self.soma = [h.Section("soma", self)]
            self.tree = [h.Section(f"tree[{k}]", self) for k in range(2)]
            self.axon = h.Section("axon", self)
            for section in (*self.tree, self.axon):
                section.connect(self.soma[0])

    bare, odd = Bare(), Odd()
    parts = compartments(bare, "layer")
    assert parts.dendrites == parts.sections == [bare.soma]
    parts = compartments(odd, "layer")
    assert set(parts.sections) == {odd.soma[0], *odd.tree, odd.axon}
    assert set(parts.dendrites) == set(odd.tree)
    h("""
    begintemplate Hoc
    public soma, dend, all
    create soma, dend[2]
    objref all
    proc init() { local k
        for k = 0, 1 connect dend[k](0), soma(1)
        all = new SectionList()
        forsec "" all.append()
    }
    endtemplate Hoc
    """)
    cell = h.Hoc()
    parts = compartments(cell, "layer")
    assert len(parts.sections) == 3 and len(parts.dendrites) == 2
