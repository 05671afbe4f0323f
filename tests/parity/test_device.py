"""The GPU engine against NEURON: each small model and way of advancing, the same bits."""

import pytest

from parity.isolate import isolated

MODELS = (
    "ball_and_stick mixed_cells passive bare artificial_cells played fast_imem channels "
    "gap_junctions point_processes"
).split()
WAYS = (
    "run continuerun steprun hoc_fadvance python_fadvance psolve psolve_50 batch_run fixed_step"
).split()
EVERY_WAY = ("ball_and_stick", "channels")  # the others meet three ways each, all ways in turn
ONE_BY_ONE = ("steprun", "hoc_fadvance", "fixed_step")
REFUSED = {
    "clamps": ("HX022", "VClamp"),
    "host_channels": ("HX022", "hxdiam: diam"),
}


def combinations():
    """Single steps are slow on the host device: one model does all of them in the fast suite."""
    for row, model in enumerate(MODELS):
        for way in WAYS if model in EVERY_WAY else [WAYS[(row + k * 3) % 9] for k in range(3)]:
            slow = way in ONE_BY_ONE and model != "ball_and_stick"
            yield pytest.param(model, way, marks=[pytest.mark.slow] if slow else [])


def model_of(name):
    """(build, records) of a model of models.py, its MOD files loaded."""
    from parity import models, mods

    if name in models.NEEDS_MODS:
        mods.load()
    build, record = models.MODELS[name]
    return build, lambda built: {**(record(built) if record else {}), "notes": built.notes}


@pytest.mark.parametrize(("model", "way"), list(combinations()))
@isolated
def test_same_bits(model, way):
    from parity import device, ways

    build, records = model_of(model)
    device.same_bits(build, ways.WAYS[way], records, steps=1900)


@pytest.mark.parametrize("way", ["psolve", "python_fadvance"])
@pytest.mark.parametrize("model", REFUSED)
@isolated
def test_refused_with_a_code(model, way):
    from parity import device, ways

    build, records = model_of(model)
    device.refused(build, ways.WAYS[way], *REFUSED[model], records)


@pytest.mark.parametrize("solver", ["hines", "dhs"])
@pytest.mark.parametrize("model", ["mixed_cells", "channels"])
@isolated
def test_same_bits_with_each_exact_solver(model, solver):
    from parity import compare, device, ways

    build, records = model_of(model)
    device.use("exact", solver)
    compare.run_both(build, ways.psolve, records, engine="gpu", steps=1900)


@isolated
def test_contract_is_not_exact():
    """The solver that reorders operations is refused while fidelity is exact."""
    from parity import compare, device, models, ways

    device.use("exact", "contract")
    _, ours = compare.run_both(models.mixed_cells, ways.psolve, engine="cpu", steps=1900)
    if not compare.PLAIN:
        assert {run["code"] for run in ours.runs} == {"HX034"}


@pytest.mark.parametrize("solver", ["auto", "contract"])
@pytest.mark.parametrize("model", ["ball_and_stick", "mixed_cells", "channels"])
@isolated
def test_fast_keeps_its_bounds(model, solver):
    """1e-8 mV until the first spike, 1e-6 mV from then on, and the same spikes."""
    import numpy as np

    from parity import compare, device, ways

    build, records = model_of(model)
    heliox = device.use("fast", solver)
    outcomes = []
    for enable in (0, 1):
        heliox.enable = enable
        outcomes.append(compare.run_once(build, ways.psolve, records))
    heliox.enable = 0
    neuron, fast = outcomes
    compare.check_engine(fast.runs, "gpu", 1900)
    assert set(neuron.traces) == set(fast.traces)
    voltages = [name for name in neuron.traces if name.startswith("v of ")]
    above = np.array([neuron.traces[name] > -20 for name in voltages]).any(axis=0)
    assert above.any(), "no spike: the test shows little"
    first = int(np.argmax(above))
    apart = np.array([np.abs(neuron.traces[n] - fast.traces[n]) for n in voltages])
    assert apart[:, :first].max() <= 1e-8
    assert apart.max() <= 1e-6
    for name in ("t", "spike times", "spike gids"):
        if name in neuron.traces:
            assert compare.same(neuron.traces[name], fast.traces[name]), name
