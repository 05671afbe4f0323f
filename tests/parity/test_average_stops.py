"""Averages whose holder goes, and runs that stop, in the middle of the GPU engine's batch."""

import pytest

from parity.isolate import isolated

PLANS = ["fused", "coupled", "streams"]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("moment", ["addresses", "version", "load", "fetch", "finish"])
@isolated
def test_an_average_goes_in_the_middle_of_a_batch(plan, moment):
    """Python's garbage collector may end an average at any allocation: the others stay right."""
    import gc

    import numpy as np

    from heliox_neuron.engines.gpu import averages as module
    from heliox_neuron.engines.gpu import observers
    from parity import averages, ways

    heliox = averages.use("off")
    built = averages.network()
    names = ["v", "m_hh", "cm"]

    def made():
        return [heliox.average(built.sections, name, window=(5, 15)) for name in names]

    kept = made()
    ways.run(built)
    expected = [mean.array for mean in kept]
    averages.use(plan)
    gone = {}

    owner, name = {
        "addresses": (heliox._core, "average_addresses"),
        "version": (heliox._core, "average_version"),
        "load": (module.Averages, "load"),
        "fetch": (observers.Observers, "begin_fetch"),
        "finish": (module.Averages, "finish"),
    }[moment]
    own = getattr(owner, name)

    def collecting(*arguments):
        if gone:
            gone.clear()
            gc.collect()
        return own(*arguments)

    setattr(owner, name, collecting)
    for at in (0, 1, 2):
        cycle = [heliox.average(built.sections, name, window=(5, 15)) for name in names[at:]]
        cycle.append(cycle)
        before, after = kept, made()
        gone["cycle"] = cycle
        del cycle
        ways.run(built)
        assert not gone
        for mean, right in zip(before + after, expected * 2, strict=True):
            assert mean.count == 400 and np.array_equal(mean.array, right)
        assert len(heliox._core.averages()) == 6
        del after, before
    averages.ran_on(plan)


@isolated
def test_another_average_goes_between_runs():
    import numpy as np

    from parity import averages, ways

    heliox = averages.use("fused")
    built = averages.network()
    first = heliox.average(built.sections, "v", window=(5, 15))
    second = heliox.average(built.sections, "m_hh", window=(5, 15))
    ways.run(built)
    first.close()
    sums = second.device
    assert np.array_equal(sums.array[sums.index] / sums.count, second.array)


def reference(heliox, built, names, window):
    """How the means of plain NEURON grow: {count: (t, arrays)} at the end of each step."""
    from neuron import h

    from parity import averages

    averages.use("off")
    means = [heliox.average(built.sections, name, window=window) for name in names]
    h.stdinit()
    found = {}
    while h.t < h.tstop - h.dt / 2:
        h.fadvance()
        if means[0].count:
            found[means[0].count] = h.t, [mean.array for mean in means]
    return found


NAMES = ["v", "m_hh", "cm", "ina"]


def prepared(engine):
    """A network, what its means are after how many samples, and the means; to run on `engine`."""
    from parity import averages, compare

    heliox = compare.session()
    built = averages.network()
    expected = reference(heliox, built, NAMES, (3, 15))
    averages.use(engine)
    return built, expected, [heliox.average(built.sections, n, window=(3, 15)) for n in NAMES]


@pytest.mark.parametrize("where", ["before", "after", "within", "MemoryError", "SystemExit"])
@pytest.mark.parametrize("plan", PLANS)
@isolated
def test_a_launch_fails(plan, where):
    """The means are those of the steps that the device did, and later runs are right."""
    import numpy as np
    from neuron import h

    from heliox_neuron.engines.gpu import host, plans
    from parity import compare, ways

    built, expected, means = prepared(plan)
    kind = {"fused": plans.Fused, "coupled": plans.Coupled, "streams": plans.Streams}[plan]
    run, graph = kind.run, host.HostGraph.run
    error = {"MemoryError": MemoryError, "SystemExit": SystemExit}.get(where, ValueError)
    windows = []

    def failing(self, model, t, n_step, flags):
        windows.append((t, n_step))
        fails = t > 8 and len(windows) > 1
        if fails and where == "within":
            left = [n_step // 16]  # graphs of the streams plan

            def partial(graph_itself):
                left[0] -= 1
                if left[0] < 0:
                    raise error("on purpose")
                graph(graph_itself)

            host.HostGraph.run = partial
            n_step = n_step if plan == "streams" else n_step // 2  # one launch, cut short
        if not fails or where in ("after", "within"):
            run(self, model, t, n_step, flags)
        if fails:
            raise error("on purpose")

    kind.run = failing
    h.stdinit()
    with pytest.raises(RuntimeError):
        h.continuerun(20)
    kind.run, host.HostGraph.run = run, graph
    t, n_step = windows[-1]
    begun = round((t - 3) / h.dt)
    (count,) = {mean.count for mean in means}
    if where == "after":
        assert count == begun + n_step
    elif where == "within":
        assert begun < count < begun + n_step
    else:
        assert count == begun
    for mean, right in zip(means, expected[count][1], strict=True):
        assert np.array_equal(mean.array, right)

    assert h.t < 15
    ahead = round((15 - h.t) / h.dt)
    h.continuerun(20)
    assert {mean.count for mean in means} == {count + ahead}
    for advance in (ways.run, ways.psolve):
        advance(built)
        for mean, right in zip(means, expected[480][1], strict=True):
            assert mean.count == 480 and np.array_equal(mean.array, right)
    assert {run["engine"] for run in compare.runs_so_far()} == {"gpu"}


@pytest.mark.parametrize("part", ["copies", "averages", "room"])
@isolated
def test_the_end_of_a_batch_fails(part):
    """What was done is not done again by another engine."""
    import numpy as np
    from neuron import h

    from heliox_neuron.engines.gpu import averages as module
    from heliox_neuron.engines.gpu import columns, observers
    from parity import ways

    built, expected, means = prepared("fused")
    owner, name = {
        "copies": (columns.Copies, "give_back"),
        "averages": (module.Averages, "finish"),
        "room": (observers.Observers, "make_room"),
    }[part]
    own, calls = getattr(owner, name), []

    def failing(self, *arguments):
        calls.append(h.t)
        if len(calls) == (3 if part == "room" else 1):
            raise ValueError("on purpose")
        return own(self, *arguments)

    setattr(owner, name, failing)
    pc = h.ParallelContext()
    pc.set_maxstep(10)
    h.stdinit()
    if part == "room":  # between windows nothing is lost
        pc.psolve(20)
        # on the CPU: NEURON keeps TABLEs until psolve ends, a new copy would make them again
        assert len(calls) == 3 and h.t == pytest.approx(20)
    else:
        with pytest.raises(RuntimeError, match="on purpose"):
            pc.psolve(20)
        (count,) = {mean.count for mean in means}
        assert count == (480 if part == "copies" else 0)
    if part != "averages":
        for mean, right in zip(means, expected[480][1], strict=True):
            assert np.array_equal(mean.array, right)
    setattr(owner, name, own)
    ways.psolve(built)
    for mean, right in zip(means, expected[480][1], strict=True):
        assert mean.count == 480 and np.array_equal(mean.array, right)


STOPS = [(e, how) for e in ("cpu", *PLANS) for how in ("stoprun", "error", "hoc error")]
STOPS += [(plan, "interrupt") for plan in PLANS]  # pressed while a window is made


@pytest.mark.parametrize(("engine", "how"), STOPS)
@isolated
def test_a_run_stops(engine, how):
    """stoprun, an error of a callback, Ctrl-C: means of the steps that were done, then of all."""
    import os
    import signal

    import numpy as np
    from neuron import h

    from heliox_neuron.engines.gpu import averages as module
    from parity import compare

    _built, expected, means = prepared(engine)
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def stop():
        if how == "stoprun":
            h.stoprun = 1
        elif how == "error":
            raise ValueError("on purpose")

    load = module.Averages.load

    def interrupted(self, window):
        if window.t[0] > 8 and how == "interrupt" and not pressed:
            pressed.append(h.t)
            os.kill(os.getpid(), signal.SIGINT)
        return load(self, window)

    pressed = []
    module.Averages.load = interrupted

    def check():
        (count,) = {mean.count for mean in means}
        t, right = expected[count]
        assert h.t == t
        for mean, array in zip(means, right, strict=True):
            assert np.array_equal(mean.array, array)
        return count

    h.stdinit()
    h.CVode().event(8.0125, 'execerror("on purpose", "")' if how == "hoc error" else stop)
    try:
        h.continuerun(14)
    except (RuntimeError, KeyboardInterrupt, ValueError):
        assert how != "stoprun"
    assert 200 <= check() < 440
    h.continuerun(14)
    assert check() == 440
    h.continuerun(20)
    for mean, right in zip(means, expected[480][1], strict=True):
        assert mean.count == 480 and np.array_equal(mean.array, right)
    engine_name = "cpu" if engine == "cpu" else "gpu"
    assert {run["engine"] for run in compare.runs_so_far()} == {engine_name}
