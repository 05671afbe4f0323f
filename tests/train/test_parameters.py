"""heliox.trainable(): which numbers of NEURON's memory, and what happens when the model changes."""

import pytest

from parity.isolate import isolated
from train import networks


def refused(code, text, call):
    from heliox_neuron.errors import HelioXError

    with pytest.raises(HelioXError, match=text) as error:
        call()
    assert error.value.code == code, error.value


@isolated
def test_weights_of_netcons():
    from neuron import h

    heliox = networks.session()
    soma = networks.cable("soma", 1)
    synapse, stim = h.ExpSyn(soma(0.5)), h.NetStim()
    netcons = [h.NetCon(stim, synapse) for _ in range(3)]
    for k, netcon in enumerate(netcons):
        netcon.weight[0] = k + 0.5
    p = heliox.trainable(netcons, "weight", bounds=(0, [1, 2, 9]))
    assert p.values.tolist() == [0.5, 1.5, 2.5] and len(p) == 3
    assert p.names[1].endswith("weight[0]")
    assert (p.lower.tolist(), p.upper.tolist()) == ([0, 0, 0], [1, 2, 9])
    p.values *= 2  # a property: reads, multiplies, writes
    assert [n.weight[0] for n in netcons] == [1, 3, 5]
    netcons[1].weight[0] = 7
    assert p.values.tolist() == [1, 7, 5]
    refused("HX095", "has 1 weights", lambda: heliox.trainable(netcons, "weight[1]"))
    refused("HX095", "weight", lambda: heliox.trainable(netcons, "delay"))
    refused("HX094", "lower is above", lambda: heliox.trainable(netcons, "weight", bounds=(2, 1)))
    refused("HX094", "bound", lambda: heliox.trainable(netcons, "weight", bounds=([1, 2], None)))


@isolated
def test_point_processes():
    from neuron import h

    heliox = networks.session()
    soma = networks.cable("soma", 1)
    synapses = [networks.synapse(None, soma(0.5), w) for w in (1.0, 2.0)]
    p = heliox.trainable(synapses, "w")
    p.values = [3, 4]
    assert [s.w for s in synapses] == [3, 4] and set(p.units) == {"1"}
    p.set(h.Vector([5, 6]))
    assert p.get(1) == 6 == synapses[1].w and p.vector.to_python() == [5, 6]
    p.set(8)
    assert [s.w for s in synapses] == [8, 8]
    both = p + heliox.trainable(synapses[0], "g")
    assert both.values.tolist() == [8, 8, 0.01] and both.units[2] == "uS"
    refused("HX096", "2 parameters", lambda: p.set([1, 2, 3]))
    refused("HX096", "not a finite number", lambda: p.set([1, float("nan")]))
    assert p.values.tolist() == [8, 8]  # nothing was changed
    refused("HX095", "computed by the simulation", lambda: heliox.trainable(synapses, "i"))
    refused("HX095", "Trainable: .*w", lambda: heliox.trainable(synapses, "weight"))


@isolated
def test_densities_of_segments_sections_lists_and_cells():
    from neuron import h

    heliox = networks.session()
    a, b, bare = networks.cable("a", 3), networks.cable("b", 2), h.Section("bare")
    for section in (a, b):
        section.insert("hh")
    a(0.5).gnabar_hh = 0.3
    assert heliox.trainable(a(0.5), "gnabar_hh").values.tolist() == [0.3]
    assert heliox.trainable(a, "gnabar_hh").values.tolist() == [0.12, 0.3, 0.12]
    sections = h.SectionList([a, bare, b])  # sections without hh are left out
    p = heliox.trainable(sections, "gnabar_hh", share="section")
    assert len(p) == 2 and len(p.elements) == 5
    assert a(0.5).gnabar_hh == 0.12  # shared: the first of the section
    p.values = [0.1, 0.2]
    assert [s.gnabar_hh for s in (*a, *b)] == [0.1] * 3 + [0.2] * 2
    one = heliox.trainable([a, b], "g_pas", share=True)
    assert len(one) == 1 and one.units == ("S/cm2",)
    nested = heliox.trainable([a, [b(0.25)]], "cm", share=[0, 1, 0, 1])
    nested.values = [2, 3]
    assert [s.cm for s in a] == [2, 3, 2] and b(0.25).cm == 3 and b(0.75).cm == 1
    assert len(heliox.trainable([a, b, bare], "g_pas")) == 5

    class Cell:
        def __init__(self):
            self.all = [a, bare]

    assert len(heliox.trainable([Cell()], "gkbar_hh")) == 3
    h("""begintemplate TrainCell
    public soma, all
    create soma
    objref all
    proc init() { all = new SectionList()  soma { insert pas  nseg = 3  all.append() } }
    endtemplate TrainCell
    objref cells
    cells = new List()
    for i = 0, 1 cells.append(new TrainCell())""")
    assert len(heliox.trainable(h.cells, "g_pas")) == 6
    refused("HX095", "m of .*computed", lambda: heliox.trainable(a, "m_hh"))
    refused("HX095", 'Did you mean "gnabar_hh"', lambda: heliox.trainable(a, "gnabr_hh"))
    refused("HX095", "not a NetCon", lambda: heliox.trainable(3.0, "g_pas"))
    refused("HX095", "no object has", lambda: heliox.trainable([], "g_pas"))
    refused("HX094", "share", lambda: heliox.trainable(a, "g_pas", share=[0, 1]))


@isolated
def test_after_changes_of_the_structure():
    """Handles follow NEURON's memory; what is gone is named, and nothing is written anywhere."""
    from neuron import h

    heliox = networks.session()
    keep, other = networks.cable("keep", 3), networks.cable("other", 3)
    synapse, gone = (networks.synapse(None, s(0.5), 1.0) for s in (keep, other))
    kept = heliox.trainable(synapse, "w") + heliox.trainable(keep, "g_pas")
    lost = heliox.trainable([synapse, gone], "w")
    dense = heliox.trainable(other, "g_pas")
    # more instances move columns; another section's nseg moves nodes
    more = [networks.synapse(None, keep(x), 5.0) for x in (0.1, 0.2, 0.9)]
    extra = networks.cable("extra", 21)
    h.finitialize(0)
    kept.values = [2, 1e-4, 2e-4, 3e-4]
    assert synapse.w == 2 and [s.g_pas for s in keep] == [1e-4, 2e-4, 3e-4]
    assert [s.w for s in (gone, *more)] == [1, 5, 5, 5]
    other.nseg = 5
    refused("HX051", r"other.*nseg changed", lambda: dense.values)
    h.delete_section(sec=other)
    refused("HX051", "deleted", lambda: lost.set(9))
    refused("HX051", "deleted", lambda: dense.set(9))
    assert synapse.w == 2 and kept.values[0] == 2 and extra.nseg == 21


@isolated
def test_training_with_a_deleted_section_is_refused():
    from neuron import h

    heliox = networks.session()
    pre, post = networks.cable("pre", 1), networks.cable("post")
    clamp = networks.step(pre, 0.05)
    synapse = networks.synapse(pre, post(0.9), 0.7)
    out = heliox.readout(post, window=networks.STEADY)
    p = heliox.trainable(synapse, "w")
    h.delete_section(sec=post)
    refused("HX051", "deleted", lambda: heliox.gradient(out.mse(3.0), p))
    refused("HX051", "deleted", lambda: heliox.fit(out.mse(3.0), p, epochs=2))
    refused("HX051", "deleted", lambda: heliox.check_gradients(out.mse(3.0), p))
    assert clamp.amp == 0.05


@isolated
def test_from_hoc():
    from neuron import h

    networks.session()
    assert h(
        """objref list, all, p, q
        list = new List()
        create one, two
        objref syn
        for i = 0, 1 { one { syn = new HelioxGradedSynapse(0.5) } list.append(syn) }
        forall { insert pas }
        all = new SectionList()
        forall all.append()
        p = heliox.trainable(list, "w")
        p.set(3)
        q = heliox.trainable(all, "g_pas")"""
    )
    assert [s.w for s in h.list] == [3, 3]
    assert len(h.q) == 2 and h.p.get(1) == 3
