"""The GPU engine's memory and how often it lets NEURON in: short runs, many models, none left."""

import pytest

from parity.isolate import isolated

pytestmark = pytest.mark.usefixtures("has_core")


@isolated
def test_many_models_leave_nothing_behind():
    """Model after model, each with records, events and a run: neither side's memory grows."""
    import weakref

    from heliox_neuron.engines.gpu import host
    from parity import device as gpu
    from parity import short_runs

    heliox = gpu.use()
    held = {}  # bytes on the device by the array's identity
    empty = host.HostDevice.empty

    def counted(self, n, dtype):
        array = empty(self, n, dtype)
        held[id(array)] = array.nbytes
        weakref.finalize(array, held.pop, id(array))
        return array

    host.HostDevice.empty = counted
    heliox.enable = 1
    found = short_runs.sizes(lambda: sum(held.values()))
    assert {run["engine"] for run in heliox._core.runs()} == {"gpu"}
    short_runs.check(found)


@pytest.mark.parametrize("stage", ["estimate", "preparation", "records"])
@isolated
def test_without_memory_the_cpu_engine_runs_the_model(stage):
    """NEURON's bits, and HX035 in the report."""
    from heliox_neuron.engines.gpu.host import HostDevice
    from parity import device, models, ways

    if stage == "estimate":
        HostDevice.free_bytes = lambda self: 1000
    empty, made = HostDevice.empty, []

    def short(self, n, dtype):
        made.append(n)
        if stage == "preparation" and len(made) > 12:
            raise MemoryError("out of memory")
        if stage == "records" and n >= 2000:
            raise MemoryError("out of memory")
        return empty(self, n, dtype)

    HostDevice.empty = short
    build, records = models.MODELS["mixed_cells"]
    advance = ways.psolve
    if stage == "records":  # 18 Vectors of each step: not one step fits
        device.use()
    if stage == "estimate":
        device.refused(build, advance, "HX035", "MiB are free", records)
    elif stage == "preparation":
        device.refused(build, advance, "HX035", "out of memory", records)


@isolated
def test_windows_shrink_to_the_room_for_records():
    """The device holds what 10 steps record."""
    from heliox_neuron.engines.gpu.model import DeviceModel
    from parity import device, models, ways

    need, most = DeviceModel.need, []

    def short(self, name, n, dtype):
        if name == "record_value" and n > 10 * self.values["n_record"]:
            most.append(n)
            raise MemoryError("out of memory")
        return need(self, name, n, dtype)

    DeviceModel.need = short
    build, records = models.MODELS["ball_and_stick"]
    device.same_bits(build, ways.run, records)
    assert most


@isolated
def test_continuerun_does_not_come_back_for_a_screen_that_is_not_there():
    """One stretch; with something to draw, or a procedure of the user's, it comes back in time."""
    from neuron import h

    from parity import compare, device, models

    heliox = device.use()
    built = models.ball_and_stick()
    h.stdinit()
    h.screen_update_invl = 0.01

    def syncs(tstop):
        before = sum(run["host_syncs"] for run in heliox._core.runs())
        heliox.enable = 1
        h.continuerun(h.t + tstop)
        runs = heliox._core.runs()
        assert all(run["host_steps"] == 0 for run in runs)
        return sum(run["host_syncs"] for run in runs) - before

    assert syncs(100) == 1
    h("seen = 0")
    h("proc screen_update() { seen += 1 }")
    assert syncs(200) > 1
    assert h.seen > 1
    assert {run["engine"] for run in heliox._core.runs()} == {"gpu"}
    del built, compare


@isolated
def test_single_steps_are_counted_and_named():
    import linecache

    from neuron import h

    from parity import device, models

    heliox = device.use()
    built = models.ball_and_stick()
    h.ParallelContext().set_maxstep(10)
    h.finitialize(-65)
    heliox.enable = 1
    for _ in range(5):
        h.fadvance()
    h.ParallelContext().psolve(2)
    single, batch = heliox._core.runs()
    assert (single["kind"], single["host_syncs"], single["steps"]) == ("fadvance", 5, 5)
    file, line = single["where"].rsplit(":", 1)
    assert file == __file__
    assert linecache.getline(file, int(line)).strip() == "h.fadvance()"
    assert batch["host_syncs"] == 1 and batch["where"] == ""
    assert "5 of them after single steps (fadvance) at" in heliox.report()
    del built


@pytest.mark.parametrize("gate", ["0", "1"])
@isolated
def test_gate_changes_no_bits(gate):
    import os

    from parity import device, models, ways

    os.environ["HELIOX_GATE"] = gate
    for name in ("mixed_cells", "artificial_cells"):
        build, records = models.MODELS[name]
        device.same_bits(build, ways.psolve_50, records)


@pytest.mark.parametrize("piece", [0.3, 1.0, 7.5])
@isolated
def test_pieces_of_runs_have_the_same_bits(piece):
    """What was taken over for one piece serves the next, unless the script changed it meanwhile."""
    from neuron import h

    from parity import device, models

    def advance(built):
        pc, detector = h.ParallelContext(), built.netcons[0]
        pc.set_maxstep(10)
        h.stdinit()
        for turn in range(round(30 / piece)):
            if turn == 3:
                built.more = h.Vector().record(built.sections[0](0.5)._ref_v)
            if turn == 5:
                detector.threshold -= 5
            if turn == 7:
                built.more = None
            h.continuerun(h.t + piece) if turn % 2 else pc.psolve(h.t + piece)

    device.same_bits(models.ball_and_stick, advance, models.spikes)


BROKEN = """
from neuron import h
from heliox_neuron import heliox
from heliox_neuron.engines.gpu import host
def refuse(self, source, macros):
    raise ValueError("identifier is undefined")
host.HostDevice.module = refuse
soma = h.Section(name="soma")
soma.insert("hh")
v = h.Vector().record(soma(0.5)._ref_v)
pc = h.ParallelContext()
pc.set_maxstep(10)
heliox.enable = 1
heliox.device = "gpu"
h.finitialize(-65)
pc.psolve(1)
assert len(v) == 41
(run,) = [run for run in heliox._core.runs() if run["steps"]]
assert (run["engine"], run["code"]) == ("cpu", "HX032"), run
assert "identifier is undefined" in run["reason"]
"""


def test_a_failure_of_the_engine_itself_leaves_the_run_to_the_cpu_engine(fresh_python):
    fresh_python(BROKEN, HELIOX_GPU_DEVICE="host")
