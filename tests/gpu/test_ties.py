"""Events of exactly one time on a GPU, beside point processes that send events (parity/ties.py)."""

import pytest

from parity import ties
from parity.isolate import isolated

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("kind", ties.KINDS)
@isolated
def test_order(gpu_device, mechanisms, kind):
    from gpu import runs
    from parity import mods, ties

    runs.use(gpu_device)
    runs.load_mechanisms("tests", mods.TESTS / "mod", mechanisms)
    for seed in ties.QUICK[kind]:
        found = ties.difference(kind, seed)
        assert not found, (seed, found)
