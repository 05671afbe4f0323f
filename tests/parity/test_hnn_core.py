"""hnn-core as a client (hnn.py): its default network in NEURON and on our engines."""

import importlib.util

import pytest

from parity.isolate import isolated

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("hnn_core") is None, reason="hnn-core is not installed"
    ),
]


@pytest.mark.parametrize(("engine", "tstop"), [("cpu", 30), ("cpu", 100), ("gpu", 30)])
@isolated
def test_default_network(engine, tstop):
    """On the GPU engine a part of the network: its kernels run on the host."""
    from parity import compare, device, hnn

    heliox = compare.session() if engine == "cpu" else device.use()
    hnn.check(heliox, engine, (10, 10) if engine == "cpu" else (3, 3), tstop)
