"""The benchmark models over 500 ms or more: every bit and every spike, in order."""

import sys

import pytest

from parity import mods
from parity.isolate import isolated

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        mods.models_folder() is None, reason="no benchmark models: set HELIOX_MODELS"
    ),
]

# model, build's arguments, tstop (ms)
CASES = {
    "tree x1": ("tree", {"ncell": 1}, 500),
    "tree x20": ("tree", {"ncell": 20}, 500),
    "l5pc x1": ("l5pc", {"ncell": 1, "amp_step": 0.01}, 500),
    "l5pc x5": ("l5pc", {"ncell": 5, "amp_step": 0.01}, 500),
    "hpc passive x5": ("hpc", {"ncell": 5, "amp_step": 0.01}, 500),
    "hpc active x5": ("hpc", {"ncell": 5, "active": True, "amp_step": 0.02}, 500),
}
V_INIT = {"tree": -65.0, "l5pc": -80.0, "hpc passive": 0.0, "hpc active": -86.0}


def builder(case):
    """build() for run_both and v_init; compiles and loads the model's MODs."""
    name, arguments, tstop = CASES[case]
    folder = mods.models_folder()
    sys.path.insert(0, str(folder / name))
    from neuron import h

    h.load_file("stdrun.hoc")
    if (folder / name / "mod").is_dir():
        mods.load(folder / name / "mod")
    module = __import__(name)

    def build():
        network = module.build(**arguments)
        network.times, network.gids = h.Vector(), h.Vector()
        network.pc.spike_record(-1, network.times, network.gids)
        h.dt, h.steps_per_ms, h.tstop = 0.025, 40, tstop
        h.v_init = V_INIT[name if name != "hpc" else " ".join(case.split()[:2])]
        return network

    return build


def records(network):
    """Spikes, v of every tenth segment, and of the first cell's root every state there is."""
    from neuron import h

    found = {"spike times": network.times, "spike gids": network.gids}
    segments = [segment for section in h.allsec() for segment in section]
    for segment in segments[::10]:
        found[f"v of {segment}"] = h.Vector().record(segment._ref_v, 0.1)
    root = segments[0]
    for mechanism in root:
        for state in ("m", "h", "n", "z"):
            if hasattr(mechanism, f"_ref_{state}"):
                reference = getattr(mechanism, f"_ref_{state}")
                found[f"{state} of {mechanism.name()}"] = h.Vector().record(reference)
    return found


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("case", CASES)
@isolated
def test_same_bits(case, threads):
    from parity import compare, ways

    build = builder(case)
    way = ways.psolve if threads > 1 else ways.run
    neuron, _ = compare.run_both(build, way, records, threads=threads, v_traces=False, steps=19000)
    assert neuron.traces["spike times"].size, "the model is silent: the comparison proves little"


@pytest.mark.parametrize("nthread", [2, 4])
@pytest.mark.parametrize("case", ["tree x20", "l5pc x5", "hpc active x5"])
@isolated
def test_neurons_own_threads(case, nthread):
    """With pc.nthread NEURON orders same-time spikes freely: sorted ones and the end are compared.

    Not Vector.record: plain NEURON differs from itself there (thread 0 samples the others' nodes).
    """
    import numpy as np
    from neuron import h

    from parity import compare, ways

    build_one = builder(case)

    def build():
        network = build_one()
        h.ParallelContext().nthread(nthread)
        return network

    def only_spikes(network):
        return {"spike times": network.times, "spike gids": network.gids}

    heliox = compare.session()
    outcomes = []
    for enable in (0, 1):
        heliox.enable = enable
        outcomes.append(compare.run_once(build, ways.psolve, only_spikes, v_traces=False))
    heliox.enable = 0
    compare.check_engine(outcomes[1].runs, steps=19000)
    for outcome in outcomes:
        times, gids = outcome.traces["spike times"], outcome.traces["spike gids"]
        order = np.lexsort((gids, times))
        outcome.traces["spike times"], outcome.traces["spike gids"] = times[order], gids[order]
    difference = compare.first_difference(*outcomes)
    assert not difference, difference
