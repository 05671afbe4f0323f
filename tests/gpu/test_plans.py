"""Plans of the GPU engine on a GPU: coupled cells in one launch, and graphs of kernels.

Models: tests/parity/coupled.py. What a plan is chosen for: tests/surface/test_device_plans.py.
"""

import pytest

from parity import mods
from parity.isolate import isolated

pytestmark = pytest.mark.gpu

needs_models = pytest.mark.skipif(
    mods.models_folder() is None, reason="no benchmark models: set HELIOX_MODELS"
)


def prepare(plan, device, mechanisms):
    """The engine with a plan, and the MOD files of coupled cells."""
    import os

    from gpu import runs
    from parity import coupled

    os.environ["HELIOX_GPU_DEVICE"] = device
    runs.load_mechanisms("tests", mods.TESTS / "mod", mechanisms)
    runs.load_mechanisms("coupled", mods.TESTS / "mod" / "coupled", mechanisms)
    return coupled.use(plan)


@pytest.mark.parametrize("n_cell", [2, 40, 600])
@pytest.mark.parametrize("plan", ["coupled", "streams"])
@isolated
def test_ring_has_the_same_bits(plan, n_cell, gpu_device, mechanisms):
    """600 cells: more blocks than there are multiprocessors, which have to meet in every step."""
    from functools import partial

    from gpu import runs
    from parity import coupled, ways

    prepare(plan, gpu_device, mechanisms)
    steps = 700 if n_cell < 100 else 190
    build = partial(coupled.ring, n_cell, tstop=20 if n_cell < 100 else 5)
    runs.check_bits(*runs.two_runs(build, ways.psolve, coupled.records, steps=steps))
    assert coupled.plans() == {plan}


@pytest.mark.parametrize("plan", ["auto", "streams"])
@pytest.mark.parametrize("way", ["run", "python_fadvance", "psolve_50"])
@isolated
def test_ways_of_advancing(plan, way, gpu_device, mechanisms):
    from gpu import runs
    from parity import coupled, ways

    prepare(plan, gpu_device, mechanisms)
    runs.check_bits(*runs.two_runs(coupled.ring, ways.WAYS[way], coupled.records, steps=700))
    assert coupled.plans() == {"coupled" if plan == "auto" else plan}


@pytest.mark.parametrize("model", ["mixed_cells", "played", "fast_imem", "channels"])
@isolated
def test_streams_have_the_same_bits(model, gpu_device, mechanisms):
    from gpu import runs
    from parity import coupled, models, ways

    prepare("streams", gpu_device, mechanisms)
    build, records = models.MODELS[model]
    runs.check_bits(*runs.two_runs(build, ways.psolve, records, steps=1900))
    assert coupled.plans() == {"streams"}


@pytest.mark.parametrize("streams, fusion", [("0", "0"), ("1", "0"), ("0", "1")])
@isolated
def test_streams_and_fusion_can_be_switched_off(streams, fusion, gpu_device, mechanisms):
    import os

    from gpu import runs
    from parity import coupled, ways

    os.environ["HELIOX_STREAMS"], os.environ["HELIOX_FUSION"] = streams, fusion
    prepare("streams", gpu_device, mechanisms)
    runs.check_bits(*runs.two_runs(coupled.ring, ways.psolve, coupled.records, steps=700))


@needs_models
@pytest.mark.parametrize("plan", ["fused", "streams"])
@isolated
def test_large_cell_has_the_same_bits(plan, gpu_device, mechanisms):
    from gpu import runs
    from parity import coupled, ways

    prepare(plan, gpu_device, mechanisms)
    tstop = 5 if gpu_device == "host" else 60
    build, records = runs.benchmark_model("l5pc", {"ncell": 1}, -80.0, tstop, mechanisms)
    neuron, ours = runs.two_runs(build, ways.psolve, records, steps=39 * tstop, v_traces=False)
    runs.check_bits(neuron, ours)
    assert coupled.plans() == {plan}


@needs_models
@pytest.mark.parametrize("transfer", [True, False])
@pytest.mark.parametrize("plan", ["auto", "streams"])
@isolated
def test_celegans_circuit_has_the_same_bits(plan, transfer, gpu_device, mechanisms):
    """136 cells with graded synapses and gap junctions, connected by POINTERs or transfers."""
    import sys

    import numpy as np

    from gpu import runs
    from parity import compare, coupled

    heliox = prepare(plan, gpu_device, mechanisms)
    folder = mods.models_folder() / "celegans"
    runs.load_mechanisms("celegans", folder / "mod", mechanisms)
    sys.path.insert(0, str(folder))
    import celegans

    circuit = celegans.build(transfer)
    tstop = 20 if gpu_device == "host" else 200
    currents = celegans.default_inputs()
    traces, states = [], []
    for enable in (0, 1):
        heliox.enable = enable
        traces.append(circuit.run(tstop, currents))
        states.append(compare.end_state())
    heliox.enable = 0
    assert coupled.plans() == {"coupled" if plan == "auto" else plan}
    assert np.array_equal(traces[0], traces[1]) and np.ptp(traces[0]) > 10
    assert all(compare.same(states[0][key], states[1][key]) for key in states[0])
