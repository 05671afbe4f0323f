"""Runs on the device, for the tests of this folder: settings, models, NEURON's outcome and ours."""

import os
import sys
from pathlib import Path

import numpy as np
from neuron import h

from parity import compare, models, mods

BEFORE, AFTER = 1e-8, 1e-6  # mV: bounds of fast until the first spike, and from then on
SPIKE = -20.0  # mV


def use(device, fidelity="exact", solver="auto"):
    """HelioX on the device ("cuda", "host") in this process."""
    os.environ["HELIOX_GPU_DEVICE"] = device
    from heliox_neuron import heliox

    if os.environ.get("GPU_TEST_NO_POOL"):
        import cupy

        cupy.cuda.set_allocator(None)  # each array an allocation with bounds of its own
    heliox.device, heliox.fidelity, heliox.solver = "gpu", fidelity, solver


def load_mechanisms(name, folder, ready):
    """The library of `name` in the folder `ready` (nrnivmodl's), else the MODs of `folder`."""
    found = sorted(Path(ready).glob(f"*{name}/*/libnrnmech.so")) if ready else []
    if found:
        h.nrn_load_dll(str(found[0].resolve()))
    elif folder.is_dir():
        mods.load(folder)


def small_model(name, ready=""):
    """(build, records) of a model of tests/parity/models.py."""
    if name in models.NEEDS_MODS:
        load_mechanisms("tests", mods.TESTS / "mod", ready)
    build, record = models.MODELS[name]

    def records(built):
        found = {} if record is None else dict(record(built))
        found["notes"] = built.notes
        return found

    return build, records


def benchmark_model(name, arguments, v_init, tstop, ready=""):
    """(build, records) of a benchmark model; recorded are spikes and v of the roots."""
    folder = mods.models_folder()
    sys.path.insert(0, str(folder / name))
    h.load_file("stdrun.hoc")
    load_mechanisms(name, folder / name / "mod", ready)
    module = __import__(name)

    def build():
        network = module.build(**arguments)
        network.times, network.gids = h.Vector(), h.Vector()
        network.pc.spike_record(-1, network.times, network.gids)
        h.dt, h.steps_per_ms, h.tstop, h.v_init = 0.025, 40, tstop, v_init
        return network

    def records(network):
        found = {"spike times": network.times, "spike gids": network.gids}
        for section in h.allsec():
            if section.parentseg() is None:
                found[f"v of {section(0.5)}"] = h.Vector().record(section(0.5)._ref_v)
        return found

    return build, records


def two_runs(build, advance, records, *, steps, v_traces=True, engine="gpu"):
    """Outcomes of NEURON and of ours, not compared. engine: where ours must have run, or None."""
    heliox = compare.session()
    outcomes = []
    for enable in (0, 1):
        heliox.enable = enable
        outcomes.append(compare.run_once(build, advance, records, v_traces=v_traces))
    heliox.enable = 0
    if engine == "gpu":
        check_device(outcomes[1].runs, steps)
    return outcomes


def check_device(listed, steps):
    """`steps` steps were done, all but a few on the device: the host does those it must look at."""
    done = {}
    for run in listed:
        done[run["engine"]] = done.get(run["engine"], 0) + run["steps"]
        assert run["engine"] == "gpu" or not run["code"], run
    assert set(done) <= {"gpu", "cpu"} and sum(done.values()) >= steps, done
    assert done.get("gpu", 0) >= 0.95 * sum(done.values()), done


def check_bits(neuron, ours):
    """AssertionError with the first difference."""
    assert neuron.traces["t"].size > 1, "the model did not run"
    difference = compare.first_difference(neuron, ours)
    assert not difference, difference


def by_cell(outcome):
    """(gid, time) sorted: fast fidelity may find the spikes of one step in another order."""
    times = outcome.traces.get("spike times", np.empty(0))
    gids = outcome.traces.get("spike gids", np.empty(0))
    return sorted(zip(gids.tolist(), times.tolist(), strict=True))


def crossings(v):
    """Samples at which v has just passed SPIKE upwards."""
    above = v > SPIKE
    return np.flatnonzero(~above[:-1] & above[1:]) + 1


def check_fast(neuron, fast):
    """AssertionError unless fast keeps its bounds on every trace of v, and every spike."""
    assert by_cell(neuron) == by_cell(fast), f"{by_cell(neuron)[:20]}, fast {by_cell(fast)[:20]}"
    traces = {name: v for name, v in neuron.traces.items() if name.startswith("v of ")}
    assert traces and compare.same(neuron.traces["t"], fast.traces["t"])
    first = min(
        (int(found[0]) for v in traces.values() if (found := crossings(v)).size),
        default=neuron.traces["t"].size,
    )
    for name, v in traces.items():
        ours = fast.traces[name]
        assert np.array_equal(crossings(v), crossings(ours)), f"{name}: other spikes"
        apart = np.abs(v - ours)
        before, after = apart[:first].max(initial=0.0), apart[first:].max(initial=0.0)
        assert before <= BEFORE and after <= AFTER, (
            f"{name}: {before:.2e} before, {after:.2e} after"
        )
