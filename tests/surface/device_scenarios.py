"""Runs of NEURON in which nothing may differ when a device engine does the steps.

Usage: device_scenarios.py plain|LENGTH [NAME...] prints one JSON line: each scenario's outcome, in
plain NEURON or with `ReferenceEngine`, whose windows have at most LENGTH steps.
"""

import gc
import json
import sys

import numpy as np
from neuron import h

h.load_file("stdrun.hoc")
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


class ReferenceEngine:
    """A device whose memory is NEURON's own and whose kernels are NEURON's functions.

    Windows, thresholds, records and samples go the way they do with a real device.
    """

    def __init__(self, core, length):
        self.core = core
        self.length = length
        self.steps_done = 0
        self.windows = 0

    def longest(self, sources, dt):
        """Steps after which nothing that these steps send can be due."""
        delays = [*sources["delay"], *(d - dt for d in sources["point_delay"].values())]
        least = min(delays, default=np.inf)
        return self.length if np.isinf(least) else min(self.length, int(least / dt + 1e-9) + 1)

    def steps(self, kind, n, t_stop):
        core = self.core
        obstacles = core.device_obstacles()
        if obstacles:
            return obstacles[0]
        model = core.device_model()
        types = [entry["type"] for entry in model["mechanisms"] if entry["has_receive"]]
        longest = self.longest(core.device_sources(), core.device_state()["dt"])
        done = 0
        while done < n and not core.device_pause():
            window = self.window(min(n - done, longest), types)
            done += window.n_step
            if window.stop != "n_max":
                break
        self.steps_done += done
        return done

    def crossings(self, sources, flags):
        """Indices of sources that are above threshold now and were not; flags follow."""
        value = np.array([self.read(address) for address in sources["address"]])
        above = value - sources["threshold"] > 0 if len(value) else np.zeros(0, bool)
        crossed = np.flatnonzero(above & ~flags)
        flags[:] = above
        return crossed

    def read(self, address):
        kind, index, field, row, element = (a[0] for a in self.core.device_resolve([address]))
        model = self.core.device_model()
        if kind == 1:
            return [*model["node"].values()][index][row]
        column = [*model["mechanisms"][index]["columns"].values()][field]
        return column[row] if column.ndim == 1 else column[row, element]

    def window(self, n, types):
        core = self.core
        sources = core.device_sources()
        flags = sources["flag"].copy()
        core.device_spikes(self.crossings(sources, flags), flags)
        records = [
            (i, r["address"])
            for i, r in enumerate(core.device_records())
            if r["continuous"] and r["kind"] in "yt" and not r["host"]
        ]
        window = core.device_window(n, types)
        self.windows += 1
        rows, samples, step, source = [], [], [], []
        for j in range(window.n_step):
            samples += list(core.device_reference_step(window, j))
            rows.append([self.read(a) if a else window.t[j + 1] for _, a in records])
            samples += list(core.device_reference_events(window, j))
            if j + 1 < window.n_step:
                crossed = self.crossings(sources, flags)
                step += [j + 1] * len(crossed)
                source += list(crossed)
        for (index, _), values in zip(records, zip(*rows, strict=True), strict=False):
            core.device_append(index, values)
        core.device_window_done(
            window, spike_step=step, spike_source=source, flags=flags, sample=samples
        )
        return window


def soma(name="soma", nseg=1):
    cell = h.Section(name=name)
    cell.L = cell.diam = 20
    cell.nseg = nseg
    cell.insert("hh")
    return cell


def clamp(section, start=0.5, duration=30.0, amplitude=0.5):
    stimulus = h.IClamp(section(0.5))
    stimulus.delay, stimulus.dur, stimulus.amp = start, duration, amplitude
    return stimulus


def psolve(stop):
    pc = h.ParallelContext()
    pc.set_maxstep(10)
    pc.psolve(stop)


def run(stop=10.0):
    h.tstop = stop
    h.run()


@scenario
def records():
    cell = soma(nseg=3)
    keep = clamp(cell)
    given = h.Vector([0, 0.3, 1.01, 2.5, 2.5, 7.77, 9])
    vectors = [
        h.Vector().record(cell(0.5)._ref_v),
        h.Vector().record(h._ref_t),
        h.Vector().record(cell(0.1).hh._ref_m, 0.1),
        h.Vector().record(cell(0.9)._ref_ina, given),
        h.Vector().record(h._ref_t, 0.25),
        h.Vector().record(cell(0.5)._ref_v, 0.07),
    ]
    run()
    return [list(v) for v in vectors] + [h.t, keep.i]


@scenario
def plays():
    cell = soma()
    stimulus, other = clamp(cell), clamp(cell, 0, 1e9, 0)
    stimulus.dur = 1e9
    wave = h.Vector([0, 0.5, -0.2, 0.7, 0.1, 0.1])
    steps = h.Vector([0.1, 0.4, -0.3, 0.2])
    at = [h.Vector([0, 1.013, 2, 4.5, 4.5, 8]), h.Vector([0.3, 1.5, 3.01, 6]), h.Vector([0, 3, 6])]
    wave.play(stimulus._ref_amp, at[0], 1)
    steps.play(other._ref_amp, at[1])
    stim = h.NetStim()
    stim.number, stim.start, stim.interval = 1e9, 1, 5
    intervals = h.Vector([0.7, 0.3, 1.1])
    intervals.play(stim._ref_interval, at[2], 1)
    synapse = h.ExpSyn(cell(0.5))
    connection = h.NetCon(stim, synapse, 0, 0.4, 0.01)
    vectors = [
        h.Vector().record(r)
        for r in (cell(0.5)._ref_v, stimulus._ref_amp, other._ref_amp, other._ref_i, synapse._ref_g)
    ]
    sampled = h.Vector().record(other._ref_amp, 0.3)
    spikes = h.Vector()
    connection.record(spikes)
    run()
    return [list(v) for v in vectors] + [list(sampled), list(spikes), stimulus.amp, other.amp]


def synaptic(cell, n=3):
    things, stims = [], []
    for i in range(n):
        stim = h.NetStim()
        stim.start, stim.interval, stim.number, stim.noise = 0.2 * i, 0.3, 100, i / n
        stim.noiseFromRandom123(i, 1, 2)
        synapse = (h.ExpSyn, h.Exp2Syn, h.AlphaSynapse)[i % 2](cell(0.5))
        connection = h.NetCon(stim, synapse, 0, 0.1 + 0.05 * i, 0.002)
        stims.append(stim)
        things += [synapse, connection]
    return things, stims


@scenario
def synapses():
    cell = soma()
    things, stims = synaptic(cell)
    g = [h.Vector().record(syn._ref_g) for syn in things[::2]]
    at = [h.Vector().record(things[0]._ref_g, 0.1), h.Vector().record(cell(0.5)._ref_v)]
    times = [h.Vector() for _ in stims]
    for connection, vector in zip(things[1::2], times, strict=True):
        connection.record(vector)
    run()
    return [list(v) for v in g + at + times]


def ring(n=4, delay=1.1):
    cells = [soma(f"ring{i}") for i in range(n)]
    synapses = [h.ExpSyn(cell(0.5)) for cell in cells]
    connections = []
    for i, cell in enumerate(cells):
        synapses[i].tau = 1
        connection = h.NetCon(cell(0.5)._ref_v, synapses[(i + 1) % n], sec=cell)
        connection.threshold, connection.delay, connection.weight[0] = 0, delay, 0.05
        connections.append(connection)
    return cells, synapses, connections


@scenario
def network():
    cells, synapses, connections = ring()
    stimulus = clamp(cells[0], 0, 1)
    artificial = [h.IntFire1(), h.IntFire2(), h.IntFire4()]
    artificial[0].tau = 5
    for cell in artificial[:1] + artificial[2:]:
        for source in cells:
            connection = h.NetCon(source(0.5)._ref_v, cell, sec=source)
            connection.delay, connection.weight[0] = 1, 1.2
            connections.append(connection)
    back = h.NetCon(artificial[0], synapses[2], 0, 0.5, 0.02)
    times, ids = h.Vector(), h.Vector()
    for i, source in enumerate([*connections[:4], back]):
        source.record(times, ids, i)
    v = [h.Vector().record(cell(0.5)._ref_v) for cell in cells]
    v += [h.Vector().record(artificial[0]._ref_m), h.Vector().record(artificial[0]._ref_m, 0.3)]
    run(40)
    return [list(vector) for vector in [*v, times, ids]] + [stimulus.i, artificial[0].m]


@scenario
def zero_delay():
    cells, _synapses, _connections = ring(3, 0.0)
    stimulus = clamp(cells[1], 0, 1)
    v = [h.Vector().record(cell(0.5)._ref_v) for cell in cells]
    run()
    return [list(vector) for vector in v] + [stimulus.i]


def tied(stim_number):
    """Spikes of one time into one synapse: the order of NEURON's queue is in the bits of g."""
    cells = [soma(f"tied{i}") for i in range(5)]
    stimuli = [clamp(cell, 0.5, 1) for cell in cells[:4]]
    target, other = h.ExpSyn(cells[4](0.5)), h.ExpSyn(cells[4](0.5))
    target.tau = 3
    connections = []
    for i, cell in enumerate(cells[:4]):
        for synapse, delay in ((target, 5), (other, 4.9))[: 2 if i == 2 else 1]:
            connection = h.NetCon(cell(0.5)._ref_v, synapse, sec=cell)
            connection.delay, connection.weight[0] = delay, (0.0011, 0.0023, 0.00037, 0.0009)[i]
            connections.append(connection)
    stim = h.NetStim()
    stim.start, stim.interval, stim.number = 0.1, 0.2, stim_number
    connections.append(h.NetCon(stim, other, 0, 0.1, 1e-5))
    g = h.Vector().record(target._ref_g)
    run(15)
    return [list(g), cells[4](0.5).v, stimuli[0].i]


@scenario
def ties_with_events():
    return tied(20)


@scenario
def ties_without_events():
    return tied(1)


@scenario
def plasticity():
    cell = soma()
    stim = h.NetStim()
    stim.interval, stim.number, stim.start = 1.3, 20, 0.2
    synapse = h.Exp2Syn(cell(0.5))
    connection = h.NetCon(stim, synapse, 0, 0.3, 0.003)
    g = h.Vector().record(synapse._ref_g)
    h.v_init = -60
    run()
    connection.weight[0] = 0.01
    connection.delay = 0.7
    stim.interval = 0.4
    run()
    h.v_init = -65
    return [list(g), cell(0.5).v]


@scenario
def gids():
    pc = h.ParallelContext()
    cells, synapses, _old = ring(3)
    stimulus = clamp(cells[0], 0, 1)
    connections = []
    for i, cell in enumerate(cells):
        pc.set_gid2node(i, pc.id())
        pc.cell(i, h.NetCon(cell(0.5)._ref_v, None, sec=cell))
    stim = h.NetStim()
    stim.interval, stim.number, stim.start = 0.7, 20, 0.3
    pc.set_gid2node(7, pc.id())
    pc.cell(7, h.NetCon(stim, None))
    for i in range(3):
        connections.append(pc.gid_connect(i, synapses[i]))
        connections[-1].delay, connections[-1].weight[0] = 2, 0.01
    times, ids = h.Vector(), h.Vector()
    pc.spike_record(-1, times, ids)
    pc.set_maxstep(10)
    h.finitialize(-65)
    pc.psolve(10)
    pc.psolve(20)
    result = [list(times), list(ids), [c(0.5).v for c in cells], h.t, stimulus.i]
    pc.gid_clear()
    return result


@scenario
def hoc_events():
    cell = soma()
    stimulus = clamp(cell, 1, 50, 0.2)
    seen = []

    def change(factor):
        seen.append([h.t, cell(0.5).v, cell(0.5).hh.m, stimulus.i])
        stimulus.amp *= factor
        cell.gnabar_hh *= 1.01

    def events():
        for i, time in enumerate((0.5, 1.0, 1.0, 3.333, 7, 7.5)):
            h.cvode.event(time, (change, 1 + 0.1 * i))

    handler = h.FInitializeHandler(events)
    v = h.Vector().record(cell(0.5)._ref_v)
    dt = h.Vector().record(cell(0.5)._ref_v, 0.5)
    run()
    result = [seen, list(v), list(dt), stimulus.amp, cell.gnabar_hh]
    h.finitialize(-65)
    psolve(8)
    return [*result, seen, list(v), h.t, bool(handler)]


@scenario
def structure_changes():
    cell = soma()
    stimulus = clamp(cell)
    late = []

    def insert():
        cell.L = 25
        late.append(h.t)

    handler = h.FInitializeHandler(lambda: h.cvode.event(2, insert))
    v = h.Vector().record(cell(0.5)._ref_v)
    run(4)
    other = soma("other")
    other.connect(cell)
    h.continuerun(6)
    cell.insert("pas")
    h.continuerun(8)
    return [list(v), late, stimulus.i, other(0.5).v, bool(handler)]


@scenario
def point_process_event():
    cell = soma()
    stimulus = clamp(cell, 1, 50, 0.2)
    seen = []

    def change():
        seen.append([h.t, cell(0.5).v])
        stimulus.amp += 0.1

    h('proc device_event() { nrnpython("import __main__ as m; m.CALL()") }')
    sys.modules["__main__"].CALL = change
    handler = h.FInitializeHandler(
        lambda: [h.cvode.event(t, "device_event()", stimulus, 0) for t in (1.01, 2.5, 6)]
    )
    v = h.Vector().record(cell(0.5)._ref_v)
    run()
    h.finitialize(-65)
    psolve(5)
    return [seen, list(v), h.t, bool(handler)]


@scenario
def played_statement():
    cell = soma()
    stimulus = clamp(cell, 0, 50, 0.2)
    seen = []
    h('proc device_play() { nrnpython("import __main__ as m; m.PLAYED()") }')
    sys.modules["__main__"].PLAYED = lambda: seen.append([h.t, cell(0.5).v])
    values, at = h.Vector([1, 2, 3]), h.Vector([1, 2.02, 5])
    values.play("device_play($1)", at, sec=cell)
    v = h.Vector().record(cell(0.5)._ref_v)
    run(7)
    values.play_remove()
    return [seen, list(v), stimulus.i]


@scenario
def spike_statement():
    cell = soma()
    stimulus = clamp(cell)
    seen = []
    connection = h.NetCon(cell(0.5)._ref_v, None, sec=cell)
    connection.record(lambda: seen.append([h.t, cell(0.5).v]))
    run()
    return [seen, cell(0.5).v, stimulus.i]


@scenario
def apcount():
    cell = soma()
    stimulus = clamp(cell)
    counter = h.APCount(cell(0.5))
    counter.thresh = 0
    times = h.Vector()
    counter.record(times)
    run(20)
    return [list(times), counter.n, counter.time, stimulus.i]


@scenario
def ways():
    cells, _synapses, connections = ring()
    stimulus = clamp(cells[0], 0, 1)
    v = h.Vector().record(cells[2](0.5)._ref_v)
    times = h.Vector()
    connections[0].record(times)
    results = []

    def note():
        results.append([h.t, list(times), [c(0.5).v for c in cells], v.sum(), len(v)])

    h.steps_per_ms = 40
    h.stdinit()
    h.continuerun(0.125)
    note()
    for _ in range(30):
        h.fadvance()
    note()
    h.steps_per_ms = 10
    h.setdt()
    h.continuerun(3.33)
    note()
    h.steprun()
    note()
    for stop in (4.05, 4.1, 9):
        psolve(stop)
    note()
    h.dt = 0.0125
    h.fadvance()
    psolve(10)
    note()
    h.steps_per_ms = 40
    h.setdt()
    h.continuerun(12)
    note()
    return [*results, stimulus.i, h.dt]


@scenario
def stops():
    cell = soma()
    stimulus = clamp(cell)

    def stop():
        h.stoprun = 1

    handler = h.FInitializeHandler(lambda: [h.cvode.event(t, stop) for t in (2, 4.51)])
    v = h.Vector().record(cell(0.5)._ref_v)
    run(10)
    first = [h.t, len(v)]
    h.continuerun(10)
    second = [h.t, len(v)]
    h.finitialize(-65)
    psolve(10)
    return [first, second, h.t, list(v), stimulus.i, bool(handler)]


@scenario
def nested_advance():
    cell = soma()
    stimulus = clamp(cell)
    seen = []

    def more():
        for _ in range(3):
            h.fadvance()
        seen.append([h.t, cell(0.5).v])

    handler = h.FInitializeHandler(lambda: h.cvode.event(2, more))
    v = h.Vector().record(cell(0.5)._ref_v)
    run(5)
    return [seen, list(v), stimulus.i, bool(handler)]


@scenario
def failing_event():
    cell = soma()
    stimulus = clamp(cell)

    def fail():
        raise ValueError("on purpose")

    handler = h.FInitializeHandler(lambda: h.cvode.event(2, fail))
    v = h.Vector().record(cell(0.5)._ref_v)
    raised = False
    try:
        run(5)
    except Exception:
        raised = True
    return [raised, h.t, list(v), cell(0.5).v, stimulus.i, bool(handler)]


def main(mode):
    if mode != "plain":
        from heliox_neuron import _core, heliox

        heliox.enable = True
        engine = ReferenceEngine(_core, int(mode))
        _core.set_device_engine(engine)
    outcome = {}
    gc.disable()  # a section must not go while NEURON steps
    chosen = sys.argv[2:] or SCENARIOS
    for name in chosen:
        function = SCENARIOS[name]
        result = function()
        gc.collect()
        outcome[name] = {"result": result}
        if mode != "plain":
            runs = _core.runs()
            outcome[name]["runs"] = [
                [r["engine"], r["kind"], r["steps"], r["reason"]] for r in runs
            ]
            outcome[name]["host_steps"] = [r["host_steps"] for r in runs]
            _core.clear_runs()
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(sys.argv[1])
