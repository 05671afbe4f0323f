"""Training from hoc: Lists, SectionLists, Vectors and numbers; no keywords there."""

from parity.isolate import isolated
from train import networks

HOC = """
objref netcons, cells, weights, taus, both, loss, history, found, targets, rule
netcons = new List()
netcons.append(connection)
cells = new SectionList()
soma cells.append()
weights = heliox.trainable(netcons, "weight")
taus = heliox.trainable(synapse, "tau")
both = weights.add(taus)
targets = new Vector(1, 0.5)
loss = heliox.readout(cells, 5, 20).mse(targets)
found = heliox.gradient(loss, both, "finite_differences").vector
history = heliox.fit(loss, weights, heliox.SGD(1e-4), 30, "finite_differences")
both.set(both.vector.mul(2))
"""


@isolated
def test_every_call_with_hocs_values():
    from neuron import h

    networks.session()
    h("create soma\nobjref synapse, stim, connection")
    h("access soma\nsoma { L = 20 diam = 20 insert pas g_pas = 1e-3 e_pas = 0 }")
    h("synapse = new ExpSyn(0.5)\nstim = new NetStim()\nsynapse.e = 20")
    h("stim.start = 1\nstim.number = 3\nconnection = new NetCon(stim, synapse)")
    h("connection.weight[0] = 1e-4")
    for line in HOC.strip().splitlines():
        assert h(line), line
    assert h.found.size() == 2 and h.found[0] < 0
    assert h.history["loss"][-1] < 0.5 * h.history["loss"][0]
    assert h.connection.weight[0] > 4e-4 and h.synapse.tau == 0.2
    # an error is hoc's error, with the code in its text, and nothing else happens
    assert not h('weights = heliox.trainable(netcons, "delay")')
    assert not h("loss = heliox.readout(cells, 20, 5)")
    assert len(h.weights) == 1
