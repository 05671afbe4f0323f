"""BEFORE and AFTER blocks on a GPU: sums through POINTERs in each plan, many blocks of threads.

Models: tests/parity/hooked.py. What is refused: tests/features/test_before_after.py.
"""

import pytest

from parity import mods
from parity.isolate import isolated

pytestmark = pytest.mark.gpu


def prepare(plan, device, mechanisms):
    """The engine with a plan, and the MOD files."""
    import os

    from gpu import runs
    from parity import coupled

    os.environ["HELIOX_GPU_DEVICE"] = device
    for name in ("tests", "coupled", "hooks"):
        folder = mods.TESTS / "mod" / ("" if name == "tests" else name)
        runs.load_mechanisms(name, folder, mechanisms)
    return coupled.use(plan)


@pytest.mark.parametrize("n_cell", [3, 200])
@pytest.mark.parametrize("plan", ["coupled", "streams"])
@isolated
def test_sums_of_each_cell(plan, n_cell, gpu_device, mechanisms):
    from functools import partial

    from gpu import runs
    from parity import coupled, hooked, ways

    prepare(plan, gpu_device, mechanisms)
    tstop, steps = (20, 790) if n_cell < 100 else (5, 190)
    build = partial(hooked.dipoles, n_cell, tstop=tstop)
    runs.check_bits(*runs.two_runs(build, ways.psolve, hooked.records, steps=steps))
    assert coupled.plans() == {plan}


@isolated
def test_a_sum_over_all_cells(gpu_device, mechanisms):
    """Many blocks add to one number: the streams plan, unless there is only one block."""
    from functools import partial

    from gpu import runs
    from parity import coupled, hooked, ways

    prepare("auto", gpu_device, mechanisms)
    build = partial(hooked.dipoles, 40, shared=True, tstop=5)
    runs.check_bits(*runs.two_runs(build, ways.psolve, hooked.records, steps=190))
    assert coupled.plans() == {"coupled" if gpu_device == "host" else "streams"}


@pytest.mark.parametrize("plan", ["auto", "streams"])
@pytest.mark.parametrize("name", ["stages", "chains", "field"])
@isolated
def test_stages_and_order(name, plan, gpu_device, mechanisms):
    from gpu import runs
    from parity import hooked, ways

    prepare(plan, gpu_device, mechanisms)
    record = hooked.chain_records if name == "chains" else None
    runs.check_bits(*runs.two_runs(getattr(hooked, name), ways.psolve, record, steps=790))
