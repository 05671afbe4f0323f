"""A thousand short runs on the GPU: nothing stays behind on either side."""

import os

import pytest

from parity.isolate import isolated

pytestmark = pytest.mark.gpu


@pytest.mark.skipif(
    os.environ.get("HELIOX_GPU_DEVICE") == "host", reason="tests/surface/test_device_memory.py"
)
@isolated
def test_short_runs_leave_nothing_behind(gpu_device):
    from gpu import runs
    from parity import compare, short_runs

    runs.use(gpu_device)
    heliox = compare.session()
    heliox.enable = 1
    import cupy

    found = short_runs.sizes(cupy.get_default_memory_pool().total_bytes)
    assert {run["engine"] for run in heliox._core.runs()} == {"gpu"}
    short_runs.check(found)
