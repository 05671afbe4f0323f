"""Spikes that fan out on the device (engines/gpu/network.py): NEURON's bits, whoever delivers.

Kernels run on the host. `device_networks.Counted` says how many events were never in NEURON's
queue.
"""

import pytest

from parity.isolate import isolated

# keyword arguments of device_networks.Network; the device may fan out in exact fidelity
NETWORKS = {
    "one synapse a cell": {},
    "a synapse each": {"shared": False, "weights": [0.001, 0.006]},
    "ties": {"delays": 3},
    "one delay": {"delays": [1.5, 1.5]},
    "any delay": {"delays": [0.3, 5]},
    "short delays": {"delays": [0.05, 0.12]},
    "weights that NET_RECEIVE writes": {"shared": False, "synapse": "hxDepress"},
    "several blocks": {"n_cell": 40, "n_netcon": 800, "weights": [0.001, 0.001]},
}
# what stays with NEURON in exact fidelity: its order of events of equal time counts
OTHERS = {
    "ties of different weights": {"delays": 3, "weights": [0.001, 0.006]},
    "artificial cells as targets": {"fires": 3},
}


def builder(arguments):
    """build() of device_networks.Network. delays: a range, or how many that differ by 1 ms."""
    from surface import device_networks

    arguments = dict(arguments)
    if isinstance(arguments.get("delays"), int):
        n = arguments["delays"]
        arguments["delays"] = lambda r: 1.0 + r.randrange(n)
    for name in ("delays", "weights"):
        if isinstance(arguments.get(name), list):
            low, high = arguments[name]
            arguments[name] = lambda r, low=low, high=high: r.uniform(low, high)
    return lambda: device_networks.Network(**arguments)


def in_pieces(model):
    """Between pieces the script changes what NEURON's change counters do not know."""
    from neuron import h

    netcons = model.between_cells()
    model.pc.set_maxstep(10)
    h.finitialize(h.v_init)
    changes = {
        2: lambda: [setattr(n, "delay", n.delay + 0.7) for n in netcons[::5]],
        3: lambda: [n.active(0) for n in netcons[::4]],
        4: lambda: [n.weight.__setitem__(0, 0.003) for n in netcons],
        5: lambda: [n.active(1) for n in netcons[::4]],
        6: lambda: [n.weight.__setitem__(0, n.weight[0] * 1.5) for n in netcons[::3]],
        7: lambda: [setattr(n, "delay", 1.25) for n in netcons],
    }
    for piece in range(1, 9):
        model.pc.psolve(h.tstop * piece / 8)
        changes.get(piece, list)()


def with_events(model):
    """The interpreter runs amid the network's activity."""
    from neuron import h

    def change(k):
        model.notes.append(h.t)
        model.clamps[k].amp *= 1.5

    h.finitialize(h.v_init)
    for k in range(6):
        h.cvode.event(3.3 * k + 5.01, (change, k))
    h.continuerun(h.tstop)


def advance_by(way):
    from parity import ways

    return {"in_pieces": in_pieces, "with_events": with_events}.get(way) or ways.WAYS[way]


def same_bits(arguments, way, fanout="1"):
    """Events that the device delivered by itself, in a run that had NEURON's bits."""
    from parity import compare, mods
    from surface import device_networks

    mods.load()
    counted = device_networks.use(fanout)
    records = device_networks.records
    neuron, _ = compare.run_both(builder(arguments), advance_by(way), records, engine="gpu")
    assert neuron.traces["times"].size > 10, "the network is silent"
    return counted


@pytest.mark.parametrize("way", ["run", "psolve", "continuerun", "in_pieces", "with_events"])
@pytest.mark.parametrize("network", NETWORKS)
@isolated
def test_device_fans_out(network, way):
    assert same_bits(NETWORKS[network], way).events > 20


@pytest.mark.parametrize("way", ["python_fadvance", "psolve_50", "steprun"])
@pytest.mark.parametrize("network", ["one synapse a cell", "one delay", "short delays"])
@isolated
def test_pending_events_go_through_neurons_queue(network, way):
    """Batches shorter than the delays: what is in flight changes hands again and again."""
    assert same_bits(NETWORKS[network], way).batches > 20


@pytest.mark.parametrize("way", ["run", "psolve"])
@pytest.mark.parametrize("network", OTHERS)
@isolated
def test_neuron_fans_out_where_its_order_counts(network, way):
    assert same_bits(OTHERS[network], way).batches == 0


@pytest.mark.parametrize("fanout", ["0", ""])
@isolated
def test_small_networks_stay_with_neuron(fanout):
    assert same_bits(NETWORKS["ties"], "run", fanout).batches == 0


@isolated
def test_large_networks_do_not():
    from heliox_neuron.engines.gpu import network

    network._MOST_ON_THE_HOST = 50
    assert same_bits(NETWORKS["ties"], "run", "").events > 20


@pytest.mark.parametrize("way", ["run", "psolve_50"])
@pytest.mark.parametrize("network", OTHERS)
@isolated
def test_fast_always_fans_out(network, way):
    """As with NEURON's queue, but for the order of events of equal time."""
    import os

    import numpy as np

    from parity import compare
    from surface import device_networks

    counted = device_networks.use("1", "fast")
    heliox = compare.session()
    heliox.enable = 1
    found = []
    for fanout in "01":
        os.environ["HELIOX_FANOUT"] = fanout
        counted.batches = 0
        build, records = builder(OTHERS[network]), device_networks.records
        found.append(compare.run_once(build, advance_by(way), records).traces)
    assert counted.batches > 0
    host, device = found
    assert np.array_equal(host["times"], device["times"]) and host["times"].size > 10
    assert np.array_equal(host["gids"], device["gids"])
    assert max(np.abs(host[k] - device[k]).max() for k in host if host[k].size) < 1e-9


# ---- NEURON's queue ---------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [1, 3])
@isolated
def test_neurons_own_events_keep_their_order(delay):
    """Two NetCons of a NetStim meet at one synapse. What else arrives before changes their order
    if they head NEURON's queue: a spike's events do, and another stimulus unless a spike's
    events are due before it.
    """
    from neuron import h

    from parity import compare
    from surface import device_networks

    def build():
        delays = {"delays": lambda r: r.uniform(0.5, 3)}
        model = device_networks.Network(6, 80, stims=0, tstop=60, **delays)
        target = h.ExpSyn(model.sections[0](0.5))
        target.tau = 7
        model.points.append(target)
        for k in range(0, 55, 5):
            for start, lag, weights in ((1, 4, (0.1 / 3, 0.07 / 13)), (3, delay, (0.003,))):
                stim = h.NetStim()
                stim.start, stim.number = k + start, 1
                for weight in weights:
                    netcon = h.NetCon(stim, target)
                    netcon.delay, netcon.weight[0] = lag, weight
                    model.netcons.append(netcon)
                model.stims.append(stim)
        return model

    counted = device_networks.use()  # no Vector samples at times of its own: those are events too
    compare.run_both(build, advance_by("run"), engine="gpu")
    assert counted.events > 20


@isolated
def test_queue_holds_what_is_pending():
    """After a batch NEURON's queue has the same events as after its own steps."""
    from neuron import h

    from parity import compare
    from surface import device_networks

    device_networks.use()
    heliox, found = compare.session(), []
    for enable in (0, 1):
        heliox.enable = enable
        model = builder(NETWORKS["one synapse a cell"])()
        h.finitialize(h.v_init)
        h.continuerun(h.tstop / 2)
        times, netcons = h.Vector(), h.List()
        h.cvode.event_queue_info(2, times, netcons)
        place = {netcon.hname(): k for k, netcon in enumerate(model.netcons)}
        names = [place[netcons.o(k).hname()] for k in range(int(netcons.count()))]
        found.append(sorted(zip(times, names, strict=True)))
        h.continuerun(h.tstop)
        del model
        compare.tear_down()
    assert found[0] == found[1] and len(found[0]) > 3
