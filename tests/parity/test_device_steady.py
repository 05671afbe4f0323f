"""Fast fidelity's steady nodes (codegen/device_steady.py): what could change or look at them."""

import pytest

from parity.isolate import isolated

CHANGES = (
    "nothing", "record", "play", "play_step", "script", "secondorder", "fast_imem", "inside",
    "twins",
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@isolated
def test_steady_nodes(change):
    from parity import device, steady

    steady.check(device.use("fast"), change)


@isolated
def test_steady_nodes_beside_tasks():
    """A part of the steady nodes is done before the channels' last pass, the rest beside it."""
    from gpu import runs
    from parity import mods, steady, ways

    mods.load()
    runs.use("host", "fast", "contract")
    runs.check_fast(
        *runs.two_runs(lambda: steady.somata(tstop=20), ways.psolve, steady.records, steps=790)
    )
    from heliox_neuron import heliox

    model = heliox._device_engine.model
    assert len(model.source.passes) > 2, "no late pass of states"
    kept, all_steady = (int(model.arrays[f"steady_{name}"].sum()) for name in ("kept", "count"))
    assert 0 < kept < all_steady
