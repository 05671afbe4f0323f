"""Point processes that follow concentrations and reversal potentials, on the GPU engine."""

import pytest

from parity.isolate import isolated


def cells(kind, mechanisms, n=2):
    """Cells with mechanisms that change an ion, and point processes that read it."""
    from neuron import h

    from parity import models

    built = models.Model(tstop=25)
    built.points = []
    for cell in range(n):
        soma = built.section(f"soma{cell}", 1, (18, 18), ("hh", *mechanisms))
        dend = built.section(f"dend{cell}", 3, (200, 2), ("pas", *mechanisms), soma(1))
        built.keep(h.IClamp(soma(0.5)), delay=1, dur=20, amp=0.5 + 0.1 * cell)
        for place in (soma(0.5), dend(0.5), dend(0.5)):
            built.points.append(built.keep(getattr(h, kind)(place)))
    return built


@pytest.mark.parametrize("spread", ["0", "1"])
@pytest.mark.parametrize("plan", ["fused", "coupled", "streams"])
@isolated
def test_calcium(plan, spread):
    import os

    from neuron import h

    from parity import device, mods, ways

    mods.load()
    os.environ["HELIOX_SPREAD"] = spread
    device.use().plan = plan
    neuron, _ = device.same_bits(
        lambda: cells("hxDwCai", ("hxca", "hxcad")),
        ways.psolve,
        lambda built: {
            f"{name} {k}": h.Vector().record(getattr(point, f"_ref_{name}"))
            for k, point in enumerate(built.points)
            for name in ("bound", "i")
        },
        steps=950,
    )
    assert neuron.traces["bound 0"].max() > 1e-3


@isolated
def test_sodium():
    """NEURON runs those that write a concentration first, whatever the order of their types."""
    from neuron import h

    from parity import device, mods, ways

    mods.load()
    neuron, _ = device.same_bits(
        lambda: cells("hxDwNa", ("hxdwpump",)),
        ways.psolve,
        lambda built: {
            f"seen {k}": h.Vector().record(point._ref_seen) for k, point in enumerate(built.points)
        },
        steps=950,
    )
    assert neuron.traces["seen 0"].max() > 10
