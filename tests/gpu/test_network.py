"""Spikes that fan out on the device: a network of several blocks, events by the ten thousand.

tests/surface/test_device_network.py has the cases; here the blocks of threads are real.
"""

import pytest

from parity.isolate import isolated

pytestmark = pytest.mark.gpu

# keyword arguments of device_networks.Network, but for the weights
NETWORKS = {
    "any delay": {"delays": lambda r: r.uniform(0.5, 5)},
    "ties": {"delays": lambda r: 1.0 + r.randrange(3)},
    "one delay": {"delays": lambda r: 1.5},
    "a synapse each": {"shared": False},
    "weights that NET_RECEIVE writes": {"shared": False, "synapse": "hxDepress"},
}


def build_large(name):
    from surface import device_networks

    size = {"n_cell": 60, "n_netcon": 6000, "weights": lambda r: 2e-4, "stims": 20}
    return device_networks.Network(**size, **NETWORKS[name])


@pytest.mark.parametrize("network", NETWORKS)
@isolated
def test_device_fans_out(network, gpu_device, mechanisms):
    from gpu import runs
    from parity import mods, ways
    from surface import device_networks

    runs.load_mechanisms("tests", mods.TESTS / "mod", mechanisms)
    counted = device_networks.use()
    runs.use(gpu_device)
    neuron, ours = runs.two_runs(
        lambda: build_large(network), ways.psolve, device_networks.records, steps=1500
    )
    runs.check_bits(neuron, ours)
    assert counted.events > 10_000, "NEURON's queue delivered"


@isolated
def test_fast_differs_by_rounding(gpu_device, mechanisms):
    """Ties of different weights: the device's own order of them."""
    import os

    import numpy as np

    from gpu import runs
    from parity import compare, mods, ways
    from surface import device_networks

    runs.load_mechanisms("tests", mods.TESTS / "mod", mechanisms)
    counted = device_networks.use("1", "fast")
    runs.use(gpu_device, "fast")
    compare.session().enable = 1
    found = []
    for fanout in "01":
        os.environ["HELIOX_FANOUT"] = fanout
        counted.events = 0

        def build():
            return device_networks.Network(
                60, 6000, delays=NETWORKS["ties"]["delays"], weights=lambda r: r.uniform(1e-4, 3e-4)
            )

        found.append(compare.run_once(build, ways.psolve, device_networks.records).traces)
    host, device = found
    assert counted.events > 10_000
    assert host["times"].shape == device["times"].shape
    assert np.abs(host["times"] - device["times"]).max() < 0.0251
    assert max(np.abs(host[k] - device[k]).max() for k in host if k.startswith("i of")) < 1e-6
