"""The same model in NEURON and on our engine, compared bit for bit.

`run_both(build, advance, record)` builds the model twice in this process: first with
`heliox.enable = 0`, then with 1. Collected are, of each run:

- traces: v of every segment at every step (Vector.record), and what `record` returns;
- the end state: v, every RANGE, STATE and ASSIGNED variable of every mechanism, point process and
  artificial cell, the ions, i_cap, i_membrane_ with fast_imem, the GLOBALs, t and dt.

`build()` returns an object that keeps the model alive; dropping it must remove all sections.
`advance(model)` initialises and runs. `record(model)` returns a dict from a name to a Vector or a
Python list of numbers; it is called before `advance`, its values are read after it. Each run must
leave the numbers of the other unchanged: comparison is on the 64-bit patterns, so NaN equals NaN.
"""

import gc
import os

import numpy as np

PLAIN = os.environ.get("HELIOX_TEST_ENGINE") == "neuron"  # see isolate.py


class PlainSession:
    """Stands in for `heliox` when the tests check themselves: plain NEURON whatever is set."""

    enable = False
    threads = 0


def session():
    """The `heliox` object, its switch off."""
    if PLAIN:
        return PlainSession()
    from heliox_neuron import heliox

    return heliox


def mechanism_types(point):
    """Names of the density mechanisms (0) or of the point processes and artificial cells (1)."""
    from neuron import h

    found = h.MechanismType(point)
    name = h.ref("")
    names = []
    for index in range(int(found.count())):
        found.select(index)
        found.selected(name)
        names.append(name[0])
    return names


def variables(mechanism, kind=0):
    """(name, array size) of its RANGE variables (0) or GLOBALs (-1)."""
    from neuron import h

    standard = h.MechanismStandard(mechanism, kind)
    name = h.ref("")
    found = []
    for index in range(int(standard.count())):
        size = int(standard.name(name, index))
        found.append((name[0], size))
    return found


def numbers(value, size):
    """A variable's values as floats; a RANDOM variable gives its position in the stream."""
    if hasattr(value, "get_seq"):
        return [value.get_seq()]
    return [float(value)] if size <= 1 else [float(value[k]) for k in range(size)]


def range_variable(segment, mechanism, variable):
    """The value of `m_hh`; a RANDOM variable is reached through its mechanism only."""
    if hasattr(segment, variable):
        return getattr(segment, variable)
    return getattr(getattr(segment, mechanism), variable.removesuffix(f"_{mechanism}"))


def end_state():
    """(where, variable) -> array, for the whole model."""
    from neuron import h

    state = {("global", "t"): np.array([h.t]), ("global", "dt"): np.array([h.dt])}
    densities = [(name, variables(name)) for name in mechanism_types(0) if name != "morphology"]
    imem = h.CVode().use_fast_imem()
    for section in h.allsec():
        inserted = [(name, known) for name, known in densities if section.has_membrane(name)]
        for segment in section:
            where = str(segment)
            state[where, "v"] = np.array([segment.v])
            if imem:
                state[where, "i_membrane_"] = np.array([segment.i_membrane_])
            for name, known in inserted:
                for variable, size in known:
                    value = range_variable(segment, name, variable)
                    state[where, variable] = np.array(numbers(value, size))
    for name in mechanism_types(1):
        known = variables(name)
        instances = h.List(name)
        for index in range(int(instances.count())):
            instance = instances.o(index)
            for variable, size in known:
                values = numbers(getattr(instance, variable), size)
                state[f"{name} {index}", variable] = np.array(values)
    for name in mechanism_types(0) + mechanism_types(1):
        for variable, size in variables(name, -1):
            state["GLOBAL", variable] = np.array(numbers(getattr(h, variable), size))
    return state


def traces_of_v(segments):
    """Vectors that record v of the segments at every step."""
    from neuron import h

    return {f"v of {segment}": h.Vector().record(segment._ref_v) for segment in segments}


def contents(value):
    """A Vector's or list's numbers as float64."""
    if hasattr(value, "hname"):
        return np.array(value.as_numpy()) if value.size() else np.empty(0)
    return np.array(value, dtype=np.float64).ravel()


def bits(array):
    return np.ascontiguousarray(array, dtype=np.float64).view(np.int64)


def same(left, right):
    return left.shape == right.shape and np.array_equal(bits(left), bits(right))


class Outcome:
    """What one run left: traces (name -> array), state ((where, variable) -> array), report."""

    def __init__(self, traces, state, runs):
        self.traces = traces
        self.state = state
        self.runs = runs


def first_difference(neuron, ours):
    """A sentence on the earliest difference between two Outcomes, or '' when all bits agree."""
    found = []
    for name in sorted(set(neuron.traces) | set(ours.traces)):
        if name not in neuron.traces or name not in ours.traces:
            return f"{name}: recorded in one of the runs only"
        left, right = neuron.traces[name], ours.traces[name]
        if same(left, right):
            continue
        common = min(left.size, right.size)
        where = np.flatnonzero(bits(left[:common]) != bits(right[:common]))
        index = int(where[0]) if where.size else common
        found.append((index, name, left, right))
    if found:
        index, name, left, right = min(found, key=lambda item: (item[0], item[1]))
        message = f"{len(found)} of {len(neuron.traces)} traces differ; first {name}"
        if left.size != right.size:
            message += f" (length {left.size} in NEURON, {right.size} ours)"
        if index < min(left.size, right.size):
            message += f" at sample {index}{_time(neuron, index)}: " + _pair(
                left[index], right[index]
            )
        return message
    if set(neuron.state) != set(ours.state):
        return f"other variables: {sorted(set(neuron.state) ^ set(ours.state))[:5]}"
    wrong = [key for key in neuron.state if not same(neuron.state[key], ours.state[key])]
    if not wrong:
        return ""
    where, variable = wrong[0]
    left, right = neuron.state[wrong[0]], ours.state[wrong[0]]
    index = int(np.flatnonzero(bits(left) != bits(right))[0])
    names = sorted({variable for _, variable in wrong})
    return (
        f"{len(wrong)} of {len(neuron.state)} variables differ at the end "
        f"(t = {neuron.state['global', 't'][0]:.17g} ms): {', '.join(names[:12])}; "
        f"first {variable} of {where}: {_pair(left[index], right[index])}"
    )


def _time(outcome, index):
    times = outcome.traces.get("t")
    return "" if times is None or index >= times.size else f" (t = {times[index]:.17g} ms)"


def _pair(left, right):
    return f"NEURON {left:.17g}, ours {right:.17g}, difference {right - left:.3g}"


def run_once(build, advance, record=None, *, v_traces=True):
    """Builds, runs and takes down a model with whatever engine is set now."""
    from neuron import h

    assert not list(h.allsec()), "a section of an earlier model is left"
    model = build()
    h.define_shape()
    kept = {"t": h.Vector().record(h._ref_t)}
    if v_traces:
        kept.update(traces_of_v([segment for section in h.allsec() for segment in section]))
    if record is not None:
        kept.update(record(model))
    before = runs_so_far()
    advance(model)
    outcome = Outcome(
        {name: contents(value) for name, value in kept.items()},
        end_state(),
        new_runs(before, runs_so_far()),
    )
    kept.clear()
    if hasattr(model, "close"):
        model.close()
    del model
    tear_down()
    return outcome


def tear_down():
    """Removes what a model leaves in NEURON besides its sections."""
    from neuron import h

    gc.collect()
    h.ParallelContext().gid_clear()
    gc.collect()


def runs_so_far():
    """The report's runs, copied."""
    return [] if PLAIN else [dict(run) for run in session().report().to_dict()["runs"]]


def new_runs(before, after):
    """The runs since `before`; consecutive single steps may have grown the last one instead."""
    grown = before and len(after) >= len(before) and after[len(before) - 1] != before[-1]
    return [dict(run) for run in after[len(before) - bool(grown) :]]


def check_engine(runs, engine="cpu", steps=1):
    """Our engine really ran: all of the last runs on `engine`, with at least `steps` steps."""
    if PLAIN:
        return
    assert runs, "the report shows no run"
    engines = [run["engine"] for run in runs]
    assert set(engines) == {engine}, f"runs went to {engines}, expected {engine}"
    if engine != "neuron":
        total = sum(run["steps"] for run in runs)
        assert total >= steps, f"{total} steps on the {engine} engine, expected {steps}"


def run_both(build, advance, record=None, *, threads=1, engine="cpu", steps=1, v_traces=True):
    """Runs NEURON, then our engine; AssertionError with the first difference. Both Outcomes."""
    heliox = session()
    heliox.enable = 0
    neuron = run_once(build, advance, record, v_traces=v_traces)
    heliox.threads = threads
    heliox.enable = 1
    try:
        ours = run_once(build, advance, record, v_traces=v_traces)
    finally:
        heliox.enable = 0
    check_engine(ours.runs, engine, steps)
    assert neuron.traces["t"].size > 1, "the model did not run"
    difference = first_difference(neuron, ours)
    assert not difference, difference
    return neuron, ours
