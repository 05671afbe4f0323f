"""What goes between NEURON's memory and a device: staging, outcomes, columns, rows of records."""

import numpy as np
import pytest

from heliox_neuron.engines.gpu.host import HostDevice
from heliox_neuron.engines.gpu.memory import check_memory, least_bytes
from heliox_neuron.engines.gpu.outcome import Outcome
from heliox_neuron.engines.gpu.staging import Staging
from heliox_neuron.engines.gpu.translate import Refusal
from parity.isolate import isolated

pytestmark = pytest.mark.usefixtures("has_core")


class CountingDevice(HostDevice):
    """The host device; counts copies. most: bytes of one array."""

    def __init__(self, most=1 << 40):
        self.most, self.uploads, self.downloads = most, 0, 0

    def empty(self, n, dtype):
        if n * np.dtype(dtype).itemsize > self.most:
            raise MemoryError("too large")
        return super().empty(n, dtype)

    def begin_upload(self, array, pinned):
        self.uploads += 1
        super().begin_upload(array, pinned)

    def begin_download(self, pinned, array):
        self.downloads += 1
        super().begin_download(pinned, array)


def test_staging_sends_everything_in_one_copy():
    device, views = CountingDevice(), {}
    staging = Staging(device, views)
    arrays = {
        "step": np.arange(5, dtype=np.int32),
        "time": np.array([0.1, np.nan, 3.0]),
        "place": np.array([2**63], np.uint64),
    }
    assert all(staging.put(name, values) for name, values in arrays.items())
    staging.flush()
    staging.flush()
    assert device.uploads == 1
    for name, values in arrays.items():
        held = views[name][: len(values)]
        assert held.dtype == values.dtype and held.tobytes() == values.tobytes()
        assert device.address(views[name]) % 16 == device.address(views["step"]) % 16
    assert not staging.put("time", np.array([7.0])), "it fits: its address stays"
    staging.flush()
    assert views["time"][0] == 7.0 and views["step"][4] == 4


@pytest.mark.parametrize("most", [1 << 40, 1 << 17], ids=["memory", "no memory"])
def test_staging_grows_and_keeps_what_was_put(most):
    """Where the device has no memory left, kernels read the host's."""
    device, views = CountingDevice(most), {}
    staging = Staging(device, views)
    rng = np.random.default_rng(1)
    sizes = {"a": 10, "b": 30_000, "c": 100_000}
    put = {name: rng.random(n) for name, n in sizes.items()}
    for name, values in put.items():
        assert staging.put(name, values)
    staging.flush()
    for name, values in put.items():
        np.testing.assert_array_equal(views[name][: len(values)], values)


@pytest.mark.parametrize("gate", ["0", "1"])
def test_outcome_is_copied_when_there_is_one(gate, monkeypatch):
    monkeypatch.setenv("HELIOX_GATE", gate)
    device, views = CountingDevice(), {}
    outcome = Outcome(device, views, 3, 4, 5000)
    outcome.set_flags(np.array([True, False, True, False]))
    assert views["source_flag"][:4].tolist() == [1, 0, 1, 0]
    assert views["self_next"].tolist()[:3] == [1e300] * 3
    device.downloads = 0
    outcome.begin()
    assert not outcome.read()
    assert device.downloads == (1 if gate == "0" else 0)

    n = 3000  # more than come with the counts
    outcome.begin()
    views["spike"][: 2 * n] = np.arange(2 * n)
    views["n_spike"][0], views["n_net_event"][0], views["gate"][0] = n, 7, 1
    views["self_count"][:3] = 1, 0, 2
    views["source_flag"][:4] = 0, 1, 1, 0
    assert outcome.read()
    step, source = outcome.spikes()
    np.testing.assert_array_equal(step, np.arange(0, 2 * n, 2))
    np.testing.assert_array_equal(source, np.arange(1, 2 * n, 2))
    assert outcome.n_net_event == 7 and outcome.self_count.tolist() == [1, 0, 2]
    assert outcome.flags().tolist() == [False, True, True, False]
    assert views["n_spike"][0] == views["n_net_event"][0] == 0, "counted anew in the next window"
    assert not views["self_count"][:3].any()


def test_flags_are_fetched_when_asked_for():
    """A flag may fall without anything to report."""
    device, views = CountingDevice(), {}
    outcome = Outcome(device, views, 1, 2, 16)
    outcome.set_flags(np.array([True, True]))
    outcome.begin()
    views["source_flag"][1] = 0
    assert not outcome.read()
    assert outcome.flags().tolist() == [True, False]
    before = device.uploads
    outcome.set_flags(np.array([True, False]))
    assert device.uploads == before, "the device has them"
    outcome.set_flags(np.array([False, False]))
    assert views["source_flag"][:2].tolist() == [0, 0]


@pytest.mark.parametrize("n", [100, 1_000_003])  # alone, and shared out to threads
@isolated
def test_columns_are_compared_bit_by_bit(n):
    from heliox_neuron import heliox

    host = [np.random.default_rng(k).random(n) for k in range(3)]
    host[1][7] = np.nan
    copies = [column.copy() for column in host]
    columns = heliox._core.DeviceColumns(list(zip(host, copies, strict=True)))
    assert columns.take_over() == []
    host[0][-1] = -0.0
    host[2][0] = np.nextafter(copies[2][0], 2.0)
    host[2][n // 2] = np.nan
    assert columns.take_over() == [0, 2]
    assert all(a.tobytes() == b.tobytes() for a, b in zip(host, copies, strict=True))
    copies[1][:] = 5.0
    copies[0][n - 1] = 0.0
    columns.give_back()
    assert (host[1] == 5.0).all() and not np.signbit(host[0][n - 1])


@isolated
def test_columns_are_never_copies():
    from heliox_neuron import heliox

    a = np.zeros(4)
    for wrong in (np.zeros(4, np.float32), np.zeros(8)[::2], np.zeros(5), [0.0] * 4):
        with pytest.raises((TypeError, ValueError)):
            heliox._core.DeviceColumns([(a, wrong)])


def test_model_that_does_not_fit_is_refused():
    device = CountingDevice()
    columns = {"g": np.zeros(1000), "x": np.zeros((1000, 3))}
    mechanism = {"has_current": True, "has_state": False, "kind": "density", "columns": columns}
    structure = {"n_node": 1000, "mechanisms": [mechanism]}
    assert least_bytes(structure) >= 8 * 4000
    check_memory(device, structure)
    device.free_bytes = lambda: least_bytes(structure) - 1
    with pytest.raises(Refusal) as refused:
        check_memory(device, structure)
    assert refused.value.code == "HX035" and "MiB are free on host" in refused.value.reason
