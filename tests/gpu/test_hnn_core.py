"""hnn-core's default network through psolve on a GPU (tests/parity/hnn.py)."""

import importlib.util
import os

import pytest

from parity.isolate import isolated

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        importlib.util.find_spec("hnn_core") is None, reason="hnn-core is not installed"
    ),
    pytest.mark.skipif(
        os.environ.get("HELIOX_GPU_DEVICE") == "host", reason="tests/parity/test_hnn_core.py"
    ),
]


@isolated
def test_default_network(gpu_device):
    from gpu import runs
    from parity import compare, hnn

    runs.use(gpu_device)
    hnn.check(compare.session(), "gpu", (10, 10), 60)
