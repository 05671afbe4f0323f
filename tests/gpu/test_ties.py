"""Events of exactly one time on a GPU, beside point processes that send events (parity/ties.py)."""

import pytest

from parity import ties
from parity.isolate import isolated

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("kind", ties.KINDS)
@isolated
def test_order(gpu_device, kind):
    import os

    os.environ["HELIOX_GPU_DEVICE"] = gpu_device
    from parity import mods, ties

    mods.load()
    for seed in ties.QUICK[kind]:
        found = ties.difference(kind, seed)
        assert not found, (seed, found)
