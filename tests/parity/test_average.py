"""heliox.average(): the bits of a mean of Vector.record, on every engine, in every way to run."""

import pytest

from parity.isolate import isolated

ENGINES = ["off", "neuron", "cpu", "fused", "coupled", "streams", "fast"]
WINDOWS = [(5, 15), (0, 20), (7.01, 9.3)]


@pytest.mark.parametrize("engine", ENGINES)
@isolated
def test_bits_of_a_mean_of_records(engine):
    import numpy as np
    from neuron import h

    from parity import averages, ways

    heliox = averages.use(engine)
    built = averages.network()
    taken = []
    for objects, name in averages.elements(built):
        for window in WINDOWS:
            for relu in (False, True):
                mean = heliox.average(objects, name, window=window, relu=relu)
                taken.append((objects, name, window, relu, mean))
    names = "hh.m pas.i ExpSyn.i na_ion.ina i_membrane_".split()
    columns = {name: heliox.variable(name).average((5, 15)) for name in names}
    records = {
        name: [h.Vector().record(getattr(x, f"_ref_{name}")) for x in objects]
        for objects, name in averages.elements(built)
    }
    times = h.Vector().record(h._ref_t)

    ways.psolve(built)
    t = np.array(times)
    for _, name, window, relu, mean in taken:
        expected = [averages.mean(x, t, window, h.dt, relu) for x in records[name]]
        assert np.array_equal(mean.array, expected), (name, window, relu)
        if window != (7.01, 9.3):
            assert mean.count == round((window[1] - window[0]) / h.dt)
    whole = {name: mean.array for name, mean in columns.items()}
    first = [mean.array for *_, mean in taken]
    by_name = {name: m for _, name, w, relu, m in taken if w == (5, 15) and not relu}
    for column, name in (("hh.m", "m_hh"), ("pas.i", "i_pas"), ("na_ion.ina", "ina")):
        assert np.array_equal(np.sort(whole[column]), np.sort(by_name[name].array))

    records.clear()  # what only records looked at must still be computed in each step
    del times
    ways_to_run = [ways.run, ways.continuerun, ways.psolve_50, ways.batch_run]
    ways_to_run += [ways.python_fadvance, ways.steprun, ways.fixed_step]
    for advance in ways_to_run:
        advance(built)
        for before, (_, name, window, relu, mean) in zip(first, taken, strict=True):
            assert np.array_equal(mean.array, before), (advance.__name__, name, window, relu)
        for name, mean in columns.items():
            assert np.array_equal(mean.array, whole[name]), (advance.__name__, name)
    averages.ran_on(engine)


@isolated
def test_a_run_on_several_engines():
    """Sums go from engine to engine in the order of time."""
    import numpy as np
    from neuron import h

    from parity import averages, ways

    heliox = averages.use("off")
    built = averages.network()
    means = [heliox.average(o, n, window=(5, 15)) for o, n in averages.elements(built)]
    ways.run(built)
    expected = [mean.array for mean in means]
    h.stdinit()
    engines = ["cpu", "fused", "off", "streams", "neuron", "fused", "cpu"]
    for end, engine in zip((4, 6.3, 8, 9, 10, 12.1, 20), engines, strict=True):
        averages.use(engine)
        h.continuerun(end)
    assert all(np.array_equal(m.array, e) for m, e in zip(means, expected, strict=True))
    assert {run["engine"] for run in heliox.report().to_dict()["runs"]} == {"cpu", "gpu", "neuron"}


@pytest.mark.parametrize("engine", ["cpu", "fused"])
@isolated
def test_hoc_events_and_callbacks(engine):
    """The interpreter may look, and reset, in the middle of a run."""
    from neuron import h

    from parity import averages

    seen = {}
    for name in ("off", engine):
        heliox = averages.use(name)
        built = averages.network()
        mean = heliox.average(built.sections, "v", window=(5, 15))
        notes = seen.setdefault(name, [])

        def look(mean=mean, notes=notes):
            notes.append((h.t, mean.count, mean.array.tolist()))
            if h.t > 8:
                mean.reset()

        h.stdinit()
        for t in (7, 9.01):
            h.CVode().event(t, look)
        h.continuerun(20)
        notes.append((h.t, mean.count, mean.array.tolist()))
        mean.close()
        built.close()
        del built, look
    assert seen["off"] == seen[engine]
    counts = [note[1] for note in notes]
    assert counts[0] > 70 and counts[1] + counts[2] == 400  # in the second one it starts anew


@pytest.mark.parametrize("engine", ["off", "cpu"])
@isolated
def test_threads_of_neuron(engine):
    """With pc.nthread each thread adds up its own cells."""
    import numpy as np
    from neuron import h

    from parity import averages, ways

    heliox = averages.use(engine)
    built = averages.network()
    means = [heliox.average(o, n, window=(5, 15)) for o, n in averages.elements(built)]
    ways.psolve(built)
    expected = [mean.array for mean in means]
    h.ParallelContext().nthread(3)
    for advance in (ways.psolve, ways.run):
        advance(built)
        assert all(np.array_equal(m.array, e) for m, e in zip(means, expected, strict=True))
        assert {mean.count for mean in means} == {400}
    start = heliox.variable("NetStim.start").average((5, 15))
    ways.psolve(built)
    with pytest.raises(LookupError, match=r"HX056.*artificial cell"):
        start.array  # noqa: B018


@isolated
def test_what_the_device_cannot_hold_is_averaged_by_the_cpu_engine():
    from neuron import h

    from parity import averages

    heliox = averages.use("fused")
    built = averages.network()
    mean = heliox.variable("NetStim.start").average((1, 2))
    h.run()
    assert mean.array.tolist() == [stim.start for stim in built.kept if "NetStim" in str(stim)]
    run = heliox.report().to_dict()["runs"][-1]
    assert (run["engine"], run["code"]) == ("cpu", "HX033"), run
    assert "an average of NetStim[" in run["reason"] and "].start, of which" in run["reason"]


@isolated
def test_the_sums_on_the_device():
    import numpy as np

    from parity import averages, ways

    def means_of(sums):
        array = sums.array.get() if hasattr(sums.array, "get") else np.asarray(sums.array)
        return array[sums.index] / max(1, sums.count)

    heliox = averages.use("fused")
    built = averages.network()
    # cm is a number that the device does not add up: no step changes it
    means = [heliox.average(built.sections, name, window=(5, 15)) for name in ("v", "cm", "m_hh")]
    with pytest.raises(LookupError, match="HX054"):
        means[0].device  # noqa: B018
    ways.psolve(built)
    for mean in means:
        sums = mean.device
        assert sums.count == mean.count == 400 and len(sums.index) == len(mean)
        assert np.array_equal(means_of(sums), mean.array)
        if not hasattr(sums.array, "get"):
            assert np.from_dlpack(sums).ctypes.data == sums.pointer
    means[0].reset()
    assert means[0].device.count == 0 and not means_of(means[0].device).any()
    assert np.array_equal(means_of(means[2].device), means[2].array)
    averages.use("cpu")
    ways.psolve(built)
    assert np.array_equal(means_of(means[0].device), means[0].array)  # what another engine added
