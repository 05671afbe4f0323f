"""Small Sequential networks and data for the tests of heliox_neuron.nn."""

import numpy as np

from heliox_neuron.nn import Dense, PassiveTree, RateEncoder, Sequential

N_IN, N_CLASS = 16, 3


def network(hidden=(4,), **arguments):
    """16-4-3 on the host device; hidden: cells of each hidden layer."""
    layers = [Dense(n, cell=PassiveTree()) for n in hidden]
    arguments = {"seed": 3, "device": "host", **arguments}
    return Sequential(RateEncoder(N_IN), *layers, Dense(N_CLASS), **arguments)


def patterns(n, seed=0):
    """(x, y): noisy copies of three patterns that can be told apart."""
    rng = np.random.default_rng(seed)
    centre = np.random.default_rng(1).uniform(size=(N_CLASS, N_IN)) > 0.5
    y = rng.integers(N_CLASS, size=n)
    return np.clip(0.8 * centre[y] + rng.normal(0, 0.1, (n, N_IN)), 0, 1), y


def same(one, other):
    """Whether two lists of weights have the same bits."""
    return [w.tobytes() for w in one] == [w.tobytes() for w in other]


def plain_neuron(net, x):
    """Window means of the outputs by finitialize and psolve, written out: a fresh run a sample."""
    from neuron import h

    pc = h.ParallelContext()
    records = [h.Vector().record(cell.soma._ref_v) for cell in net.build().layers[-1].cells]
    timing, found = net.timing, []
    h.dt = timing.dt
    for sample in x:
        net.present(sample)
        pc.set_maxstep(10)
        h.finitialize(timing.v_init)
        pc.psolve(timing.duration)
        t = np.arange(timing.n_step + 1) * timing.dt
        window = (t > timing.window[0]) & (t <= timing.window[1])
        found.append([record.as_numpy()[window].mean() for record in records])
    return np.array(found)
