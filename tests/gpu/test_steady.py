"""Steady nodes of fast fidelity on a GPU, where warps share them out (tests/parity/steady.py)."""

import pytest

from parity.isolate import isolated
from parity.test_device_steady import CHANGES

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("change", CHANGES)
@isolated
def test_steady_nodes(change, gpu_device):
    from gpu import runs
    from parity import compare, steady

    runs.use(gpu_device, "fast")
    steady.check(compare.session(), change)


@pytest.mark.parametrize("n_cell", [3, 40])
@isolated
def test_steady_nodes_beside_tasks(n_cell, gpu_device, mechanisms):
    from functools import partial

    from gpu import runs
    from parity import mods, steady, ways

    runs.load_mechanisms("tests", mods.TESTS / "mod", mechanisms)
    runs.use(gpu_device, "fast", "contract")
    build = partial(steady.somata, n_cell, 10.0)
    runs.check_fast(*runs.two_runs(build, ways.psolve, steady.records, steps=390))
