"""A script's error in the middle of a window of the GPU engine: NEURON's state, and its clock."""

import pytest

from parity.isolate import isolated


def recorded_cell():
    """A section that fires, in windows of 80 steps: what keeps it, and its recorded v."""
    from neuron import h

    soma = h.Section("soma")
    soma.insert("hh")
    synapse = h.ExpSyn(soma(0.5))
    detector = h.NetCon(soma(0.5)._ref_v, synapse, -20, 2, 0.0, sec=soma)
    assert detector.delay == 2  # windows of 80 steps
    h.ParallelContext().set_maxstep(10)
    v = h.Vector().record(soma(0.5)._ref_v)
    return (soma, synapse, detector), v


@pytest.mark.parametrize("delay", [0.5, 3, None])
@pytest.mark.parametrize("period", [1.0, 0.61, 0.013])
@pytest.mark.parametrize("way", ["psolve", "continuerun"])
@isolated
def test_error_of_an_artificial_cell(way, period, delay):
    """The error arrives after the steps and events before it, and the run can go on. delay: of a
    NetCon that bounds the windows, ms.
    """
    import numpy as np
    from neuron import h

    from parity import compare, device, mods

    mods.load()
    heliox = device.use()
    pc = h.ParallelContext()
    pc.set_maxstep(10)
    soma = h.Section("soma")
    soma.L = soma.diam = 20
    soma.insert("hh")
    timer, synapse = h.hxFail(), h.ExpSyn(soma(0.5))
    timer.period = period
    netcon = h.NetCon(timer, synapse, 0, 0.3, 1e-3)
    assert netcon.delay == 0.3
    if delay is not None:
        spike = h.NetCon(soma(0.5)._ref_v, synapse, -20, delay, 1e-3, sec=soma)
        assert spike.delay == delay
    v, t = h.Vector().record(soma(0.5)._ref_v), h.Vector().record(h._ref_t)

    def advance():
        if way == "psolve":
            pc.psolve(12)
        else:
            h.continuerun(12)

    def state():
        return np.concatenate([v, t, [h.t, soma(0.5).v, synapse.g, timer.n]])

    def outcome():
        h.load_file("stdrun.hoc")
        timer.at = 5.9
        h.finitialize(-65)
        before = compare.runs_so_far()
        with pytest.raises(RuntimeError, match="on purpose"):
            advance()
        failed = state()
        timer.at = 1e9
        advance()
        return failed, state(), compare.new_runs(before, compare.runs_so_far())

    heliox.enable = 0
    neuron = outcome()
    heliox.enable = 1
    ours = outcome()
    for expected, found in zip(neuron[:2], ours[:2], strict=True):
        assert expected.tobytes() == found.tobytes()
    assert {run["engine"] for run in ours[2]} == {"gpu"}


@isolated
def test_the_first_error_is_the_one_that_is_raised():
    """Also where the end of the batch fails after it; what was recorded before is kept."""
    from neuron import h

    from heliox_neuron.engines.gpu import engine
    from heliox_neuron.engines.gpu.columns import Copies
    from parity import device

    device.use().enable = 1
    _cell, v = recorded_cell()
    run, calls = engine.GpuEngine._run, []

    def failing(self, *arguments):
        calls.append(1)
        if len(calls) == 3:
            raise ValueError("the cause")
        run(self, *arguments)

    def give_back(self):
        raise ValueError("afterwards")

    engine.GpuEngine._run, kept = failing, Copies.give_back
    Copies.give_back = give_back
    h.finitialize(-65)
    with pytest.raises(RuntimeError, match="the cause"):
        h.ParallelContext().psolve(20)
    engine.GpuEngine._run, Copies.give_back = run, kept
    assert len(v) > 150  # of two windows


@pytest.mark.parametrize("when", ["in a window", "between windows", "in the first window"])
@isolated
def test_steps_before_an_error_are_in_the_report(when):
    """A device that is lost in the third window: two are done, recorded, and booked with HX031."""
    from neuron import h

    from heliox_neuron.engines.gpu import engine
    from heliox_neuron.engines.gpu.observers import Observers
    from heliox_neuron.errors import HelioXError
    from parity import compare, device

    heliox = device.use()
    heliox.enable = 1
    _cell, v = recorded_cell()
    place, name = (Observers, "make_room") if "between" in when else (engine.GpuEngine, "_run")
    whole, calls = getattr(place, name), []

    def failing(self, *arguments):
        calls.append(1)
        if len(calls) == (1 if "first" in when else 3):
            raise HelioXError("HX031", "the device is lost.\nAnd more lines.")
        return whole(self, *arguments)

    setattr(place, name, failing)
    h.finitialize(-65)
    before = compare.runs_so_far()
    with pytest.raises(RuntimeError, match="HX031 the device is lost"):
        h.ParallelContext().psolve(20)
    setattr(place, name, whole)
    runs = compare.new_runs(before, compare.runs_so_far())
    if "first" in when:
        assert runs == []
        return
    (run,) = runs
    assert (run["engine"], run["code"], run["reason"]) == (
        "gpu", "HX031", "HX031 the device is lost."
    )  # fmt: skip
    assert 150 < run["steps"] == len(v) - 1 < 170
    assert run["plan"] and run["host_syncs"] == 1
    assert "HX031 the device is lost." in str(heliox.report())
    h.finitialize(-65)
    h.ParallelContext().psolve(2)
    (again,) = compare.new_runs(compare.runs_so_far()[:-1], compare.runs_so_far())
    assert (again["engine"], again["code"], again["steps"]) == ("gpu", "", 80)
