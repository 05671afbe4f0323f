"""heliox.trainable and heliox.readout: what they take, what they refuse, and deleted objects."""

import numpy as np
import pytest

from heliox_neuron.errors import HelioXError
from parity.isolate import isolated
from train import networks


def refused(code, call, match=""):
    with pytest.raises(HelioXError, match=match) as error:
        call()
    assert error.value.code == code, str(error.value)


class Model:
    """Three sections, hh in two of them, an ExpSyn and a NetCon in each."""

    def __init__(self):
        from neuron import h

        self.sections = [networks.cable(f"s{k}", 3) for k in range(3)]
        for section in self.sections[:2]:
            section.insert("hh")
        self.synapses = [h.ExpSyn(section(0.5)) for section in self.sections]
        self.netcons = [h.NetCon(None, synapse) for synapse in self.synapses]


@isolated
def test_values_are_neurons_memory():
    from neuron import h

    heliox, model = networks.session(), Model()
    weights = heliox.trainable(model.netcons, "weight", bounds=(0, None))
    assert len(weights) == 3 and weights.units == ("", "", "")
    assert weights.names[1] == "NetCon[1].weight[0]"
    assert (weights.lower == 0).all() and (weights.upper == np.inf).all()
    weights.values = [1, 2, 3]
    assert [nc.weight[0] for nc in model.netcons] == [1, 2, 3]
    model.netcons[1].weight[0] = 7
    assert weights.values.tolist() == [1, 7, 3]
    density = heliox.trainable(model.sections, "gnabar_hh")  # the third has none
    assert len(density) == 6 and set(density.units) == {"S/cm2"}
    density.values = np.arange(6) / 10
    assert [seg.gnabar_hh for s in model.sections[:2] for seg in s] == density.values.tolist()
    tau = heliox.trainable(model.synapses, "tau", (0.1, [1]), True)
    assert len(tau) == 1 and tau.names == ("ExpSyn[0].tau and 2 more",)
    together = weights + density + tau
    assert len(together) == 10 and together.upper[-1] == 1
    together.values = together.values + 1
    assert model.synapses[2].tau == pytest.approx(1.1) and model.netcons[1].weight[0] == 8
    # what is counted as structure may change: the handles follow
    more = networks.cable("more", 5)
    h.finitialize(-65)
    together.values = 0.5
    assert model.netcons[2].weight[0] == model.sections[1](0.5).gnabar_hh == 0.5
    assert more.nseg == 5


@isolated
def test_shared_numbers():
    heliox, model = networks.session(), Model()
    for k, segment in enumerate(seg for s in model.sections[:2] for seg in s):
        segment.gnabar_hh = k
    by_section = heliox.trainable(model.sections, "gnabar_hh", share="section")
    assert by_section.values.tolist() == [0, 3]
    assert [seg.gnabar_hh for s in model.sections[:2] for seg in s] == [0, 0, 0, 3, 3, 3]
    groups = heliox.trainable(model.sections, "el_hh", None, [5, 7, 5, 7, 5, 7])
    groups.values = [-50, -60]
    assert [seg.el_hh for seg in model.sections[1]] == [-60, -50, -60]


@isolated
def test_objects_of_every_kind():
    """Sections, segments, hoc's List and SectionList, generators, cells of templates and Python."""
    from neuron import h

    heliox, model = networks.session(), Model()
    listed = h.List()
    for synapse in model.synapses:
        listed.append(synapse)
    assert len(heliox.trainable(listed, "tau")) == 3
    assert len(heliox.trainable(h.SectionList(model.sections[:1]), "g_pas")) == 3
    assert len(heliox.trainable(model.sections[0](0.5), "cm")) == 1
    assert len(heliox.trainable((seg for seg in model.sections[1]), "g_pas")) == 3
    h("""begintemplate Cell
    public soma, all
    create soma, dendrite
    objref all
    proc init() { all = new SectionList()  soma all.append()  dendrite all.append()
        soma insert hh }
    endtemplate Cell""")
    cells = [h.Cell(), h.Cell()]
    assert len(heliox.trainable(cells, "gkbar_hh", share=True)) == 1

    class Cell:
        def __init__(self):
            self.soma, self.all = model.sections[0], model.sections

    assert len(heliox.trainable(Cell(), "gkbar_hh")) == 6
    readout = heliox.readout([*cells, Cell(), model.sections[2], model.sections[1](0.1)])
    assert [str(owner) for owner in readout.owners[2:]] == ["s0(0.5)", "s2(0.5)", "s1(0.1)"]


@isolated
def test_what_cannot_be_trained():
    heliox, model = networks.session(), Model()
    trainable, s, e, nc = heliox.trainable, model.sections, model.synapses, model.netcons
    refused("HX095", lambda: trainable(s, "gnabar"), 'Did you mean "gnabar_hh"')
    refused("HX095", lambda: trainable(s, "m_hh"), "computed by the simulation")
    refused("HX095", lambda: trainable(s, "v"))
    refused("HX095", lambda: trainable(s, "diam"))
    refused("HX095", lambda: trainable(s[2], "gnabar_hh"), "no object")
    refused("HX095", lambda: trainable(s[2](0.5), "gnabar_hh"))
    refused("HX095", lambda: trainable(e, "g"), "Trainable: tau, e")
    refused("HX095", lambda: trainable(e, "tua"), 'Did you mean "tau"')
    refused("HX095", lambda: trainable(nc, "delay"))
    refused("HX095", lambda: trainable(nc, "weight[1]"))
    refused("HX095", lambda: trainable(nc, "weight[x]"))
    refused("HX095", lambda: trainable([], "w"))
    refused("HX095", lambda: trainable([3.0], "w"), "3.0 is not a NetCon")
    refused("HX094", lambda: trainable(e, "tau", (3, 1)), "lower is above upper")
    refused("HX094", lambda: trainable(e, "tau", 3))
    refused("HX094", lambda: trainable(e, "tau", (0, "high")))
    refused("HX094", lambda: trainable(e, "tau", None, [0, 1]))
    refused("HX094", lambda: trainable(e, "tau", share="cell"))
    p = trainable(e, "tau")
    for wrong in ([1, 2], np.nan, [1, np.inf, 2]):
        refused("HX096", lambda wrong=wrong: setattr(p, "values", wrong))
    assert [x.tau for x in e] == pytest.approx([0.1] * 3)


@isolated
def test_deleted_objects():
    """HX051, and nothing is written to those that are left."""
    from neuron import h

    heliox, model = networks.session(), Model()
    p = heliox.trainable(model.netcons, "weight")
    q = heliox.trainable(model.sections[:2], "gnabar_hh")
    tau = heliox.trainable(model.synapses, "tau")
    readout = heliox.readout(model.sections, window=(0, 1))
    loss = readout.mse(0.0)
    h.finitialize(-65)
    h.delete_section(sec=model.sections[1])
    for parameters in (p, q, tau):
        refused("HX051", lambda parameters=parameters: parameters.values)
        refused("HX051", lambda parameters=parameters: setattr(parameters, "values", 3.0))
    assert model.netcons[0].weight[0] == 0 and model.sections[0](0.5).gnabar_hh == 0.12
    refused("HX051", lambda: heliox.gradient(loss, p, method="finite_differences"))
    refused("HX051", lambda: heliox.fit(loss, p, method="finite_differences"))
    g = heliox.trainable(model.sections[0], "gnabar_hh")
    model.sections[0].nseg = 5
    refused("HX051", lambda: g.values, "nseg")


@isolated
def test_wrong_readouts_and_targets():
    heliox, model = networks.session(), Model()
    s = model.sections
    refused("HX095", lambda: heliox.readout([]))
    refused("HX095", lambda: heliox.readout(model.netcons))
    refused("HX095", lambda: heliox.readout(s, "m_hh"), "s2")  # the third has no hh
    for window in ((5, 5), (5, 1), (-1, 5), 3, (0, float("nan")), ("a", "b")):
        refused("HX094", lambda window=window: heliox.readout(s, window=window))
    r = heliox.readout(s, window=(1, 2))
    for target in (3, -1, 0.5, float("nan"), [0, 1, 7], "a"):
        refused("HX096", lambda target=target: r.softmax_cross_entropy(target))
    refused("HX096", lambda: r.softmax_cross_entropy([[0], [1]]))
    for target in ([1, 2], [1, 2, float("nan")], [[1, 2], [3, 4]], "a"):
        refused("HX096", lambda target=target: r.mse(target))
    refused("HX094", lambda: r.trajectory.mse([1, 2, 3]))
    refused("HX094", lambda: r.loss(3))
    w = heliox.trainable(s, "g_pas")
    gradient = heliox.gradient
    fd = "finite_differences"
    refused("HX096", lambda: gradient(r.loss(lambda v: None), w, fd), "not a number")
    refused("HX096", lambda: gradient(r.loss(lambda v: (1.0, v[1:])), w, fd))
    refused("HX094", lambda: gradient(r.mse(0), w, "adjoint"), "synaptic")
    refused("HX094", lambda: gradient(r, w))
    refused("HX094", lambda: gradient(r.mse(0), w, fd, tstop=1.5), "ends at 2")
    refused("HX094", lambda: gradient(r.mse(0), w, fd, run=lambda: None), "steps")
    refused("HX094", lambda: heliox.readout(s, window=(1, 1.001)).mse(0) and gradient(
        heliox.readout(s, window=(1, 1.001)).mse(0), w, fd), "no step")  # fmt: skip


@isolated
def test_finite_differences_keep_to_the_bounds():
    """Bounds nearer than the step, on both sides, on one, and equal ones."""
    heliox = networks.session()
    soma = networks.cable("soma", 1, 20, 20)
    soma.e_pas = -50
    seen = []

    def look(v):
        seen.append(soma.e_pas)
        return float(v[0])

    loss = heliox.readout(soma, window=networks.STEADY).loss(look)
    cases = {
        (-50 - 1e-5, -50 + 2e-5): 1,
        (-50, -50 + 1e-5): 1,
        (-50 - 1e-5, -50): 1,
        (-50 - 1.5e-4, -50 + 5e-4): 1,
        (-50, -50): 0,
        (-50, np.nextafter(-50, 0)): 0,
        (None, None): 1,
    }
    for (lower, upper), expected in cases.items():
        e = heliox.trainable(soma, "e_pas", bounds=(lower, upper))
        seen.clear()
        found = heliox.gradient(loss, e, method="finite_differences").values[0]
        assert found == pytest.approx(expected, abs=1e-6), (lower, upper)
        assert e.lower[0] <= min(seen) and max(seen) <= e.upper[0], (lower, upper)
        assert len(seen) == 1 + 2 * expected and soma.e_pas == -50
