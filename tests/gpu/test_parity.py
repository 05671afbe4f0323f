"""The GPU engine against NEURON: every bit in exact fidelity, bounds and spike times in fast.

Models, ways and the comparison are those of tests/parity.
"""

import os

import pytest

from parity import mods
from parity.isolate import isolated

pytestmark = pytest.mark.gpu

WAYS = (
    "run continuerun steprun hoc_fadvance python_fadvance psolve psolve_50 batch_run fixed_step"
).split()
# what the device runs, with the ways besides run and psolve
MODELS = {
    "ball_and_stick": WAYS,
    "mixed_cells": ("continuerun", "psolve_50"),
    "passive": ("fixed_step",),
    "bare": ("steprun",),
    "artificial_cells": ("psolve_50",),
    "played": ("continuerun", "python_fadvance"),
    "fast_imem": ("psolve_50",),
    "channels": WAYS,
}
# what it may refuse
OTHERS = ("clamps", "host_channels", "point_processes", "gap_junctions")
# model, build's arguments, v_init (mV), tstop (ms) of exact, tstop of fast
BENCHMARKS = {
    "tree x1": ("tree", {"ncell": 1}, -65.0, 100, 500),
    "tree x20": ("tree", {"ncell": 20}, -65.0, 50, 500),
    "l5pc x1": ("l5pc", {"ncell": 1}, -80.0, 150, 300),
    "l5pc x3": ("l5pc", {"ncell": 3, "amp_step": 0.05}, -80.0, 130, 300),
    "hpc passive x5": ("hpc", {"ncell": 5, "amp_step": 0.01}, 0.0, 30, 200),
    "hpc active x5": ("hpc", {"ncell": 5, "active": True, "amp_step": 0.02}, -86.0, 30, 200),
}

needs_models = pytest.mark.skipif(
    mods.models_folder() is None, reason="no benchmark models: set HELIOX_MODELS"
)
too_long_for_the_host = pytest.mark.skipif(
    os.environ.get("HELIOX_GPU_DEVICE") == "host", reason="too long for the host device"
)


def combinations():
    listed = ((m, way) for m, more in MODELS.items() for way in ("run", "psolve", *more))
    return list(dict.fromkeys(listed))


@pytest.mark.parametrize(("model", "way"), combinations())
@isolated
def test_same_bits(model, way, gpu_device, mechanisms):
    from gpu import runs
    from parity import ways

    runs.use(gpu_device)
    build, records = runs.small_model(model, mechanisms)
    runs.check_bits(*runs.two_runs(build, ways.WAYS[way], records, steps=1900))


@pytest.mark.parametrize("solver", ["hines", "dhs"])
@pytest.mark.parametrize("model", ["mixed_cells", "channels"])
@isolated
def test_same_bits_with_each_solver(model, solver, gpu_device, mechanisms):
    from gpu import runs
    from parity import ways

    runs.use(gpu_device, solver=solver)
    build, records = runs.small_model(model, mechanisms)
    runs.check_bits(*runs.two_runs(build, ways.psolve, records, steps=1900))


@pytest.mark.parametrize("model", OTHERS)
@isolated
def test_other_model_has_the_same_bits(model, gpu_device, mechanisms):
    """On the device, or refused with a code: no third outcome."""
    from gpu import runs
    from parity import ways

    runs.use(gpu_device)
    build, records = runs.small_model(model, mechanisms)
    neuron, ours = runs.two_runs(build, ways.psolve, records, steps=1900, engine=None)
    assert {run["engine"] for run in ours.runs} <= {"gpu", "cpu"}
    for run in ours.runs:
        assert run["engine"] == "gpu" or run["code"].startswith("HX"), run
    runs.check_bits(neuron, ours)


@pytest.mark.parametrize("solver", ["contract", "dhs"])
@pytest.mark.parametrize("model", ["mixed_cells", "channels"])
@isolated
def test_fast_keeps_its_bounds(model, solver, gpu_device, mechanisms):
    from gpu import runs
    from parity import ways

    runs.use(gpu_device, "fast", solver)
    build, records = runs.small_model(model, mechanisms)
    runs.check_fast(*runs.two_runs(build, ways.psolve, records, steps=1900))


@needs_models
@pytest.mark.parametrize("case", BENCHMARKS)
@isolated
def test_benchmark_model_has_the_same_bits(case, gpu_device, mechanisms):
    from gpu import runs
    from parity import ways

    runs.use(gpu_device)
    name, arguments, v_init, tstop, _ = BENCHMARKS[case]
    if gpu_device == "host":
        tstop /= 5
    build, records = runs.benchmark_model(name, arguments, v_init, tstop, mechanisms)
    neuron, ours = runs.two_runs(build, ways.psolve, records, steps=39 * tstop, v_traces=False)
    runs.check_bits(neuron, ours)
    if gpu_device != "host":
        assert neuron.traces["spike times"].size, "the model is silent: it proves little"


@needs_models
@too_long_for_the_host
@pytest.mark.parametrize("case", BENCHMARKS)
@isolated
def test_benchmark_model_in_fast_keeps_its_bounds(case, gpu_device, mechanisms):
    """Over the reference run, beside NEURON."""
    from gpu import runs
    from parity import ways

    runs.use(gpu_device, "fast")
    name, arguments, v_init, _, tstop = BENCHMARKS[case]
    build, records = runs.benchmark_model(name, arguments, v_init, tstop, mechanisms)
    runs.check_fast(*runs.two_runs(build, ways.psolve, records, steps=39 * tstop, v_traces=False))
