"""Averages with BEFORE and AFTER blocks, plays into v, records, events, finitialize in the middle
of a run: the means of Vectors that plain NEURON recorded, and those of the CPU engine."""

import pytest

from parity.isolate import isolated

WINDOWS = [(5, 15), (0, 20), (7.013, 9.3)]
CASES = [
    (model, plan)
    for model in ("stages", "dipoles", "ring", "played", "played, events", "played, hooks")
    for plan in ("fused", "coupled", "streams")
    if plan != "fused" or model not in ("dipoles", "ring")  # cells, or blocks, look at others
]


@pytest.mark.parametrize(("model", "plan"), CASES)
@isolated
def test_bits(model, plan):
    import numpy as np
    from neuron import h

    from parity import averages, compare, hooked, mixed

    if model not in ("played", "played, events"):
        hooked.load()
    heliox = averages.use("off")
    built = mixed.BUILDS[model]()
    listed = list(mixed.elements(built))
    assert len(listed) >= 5
    records = {
        name: [h.Vector().record(getattr(x, f"_ref_{name}")) for x in objects]
        for objects, name in listed
    }
    times = h.Vector().record(h._ref_t)
    expected, own = {}, {}
    for part in mixed.history(built):
        t = np.array(times)
        expected[part] = {
            (name, window, relu): [averages.mean(x, t, window, h.dt, relu) for x in records[name]]
            for _, name in listed
            for window in WINDOWS
            for relu in (False, True)
            if t[-1] > window[0] + h.dt
        }
        own[part] = [np.array(x).tolist() for x in getattr(built, "recorded", [])]
    records.clear()  # what only records look at must be stored for averages too

    means = {
        (name, window, relu): heliox.average(objects, name, window=window, relu=relu)
        for objects, name in listed
        for window in WINDOWS
        for relu in (False, True)
    }
    for engine in ("off", "cpu", plan):
        averages.use(engine)
        heliox._core.clear_runs()
        for part in mixed.history(built):
            for key, right in expected[part].items():
                assert np.array_equal(means[key].array, right), (engine, part, key)
            recorded = [np.array(x).tolist() for x in getattr(built, "recorded", [])]
            assert recorded == own[part], (engine, part)
        if engine != "off":
            done = {run["engine"]: run["plan"] for run in compare.runs_so_far()}
            assert done == ({"cpu": done.get("cpu")} if engine == "cpu" else {"gpu": plan}), done


@pytest.mark.parametrize("model", ["stages", "played", "played, events"])
@isolated
def test_fast_is_near(model):
    import numpy as np

    from parity import averages, hooked, mixed

    if model == "stages":
        hooked.load()
    heliox = averages.use("cpu")
    built = mixed.BUILDS[model]()
    means = [heliox.average(objects, name, (5, 15)) for objects, name in mixed.elements(built)]
    exact = [[m.array for m in means] for part in mixed.history(built) if part != "fadvance"]
    averages.use("fast")
    heliox._core.clear_runs()
    fast = [[m.array for m in means] for part in mixed.history(built) if part != "fadvance"]
    averages.ran_on("fast")
    for one, other in zip(exact, fast, strict=True):
        for a, b in zip(one, other, strict=True):
            assert np.allclose(a, b, rtol=1e-6, atol=1e-9)
