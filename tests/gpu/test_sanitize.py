"""Short runs for compute-sanitizer (run.sh): every solver and kind of kernel, 200 steps."""

import pytest

from parity.isolate import isolated

pytestmark = pytest.mark.gpu

# model, fidelity, solver
CASES = [
    ("ball_and_stick", "exact", "dhs"),
    ("mixed_cells", "exact", "hines"),
    ("mixed_cells", "fast", "contract"),
    ("played", "exact", "dhs"),
]


@pytest.mark.parametrize(("model", "fidelity", "solver"), CASES)
@isolated
def test_short_run(model, fidelity, solver, gpu_device):
    from neuron import h

    from gpu import runs
    from parity import ways

    runs.use(gpu_device, fidelity, solver)
    build, records = runs.small_model(model)

    def short():
        built = build()
        h.tstop = 5
        return built

    neuron, ours = runs.two_runs(short, ways.psolve, records, steps=190)
    if fidelity == "fast":
        runs.check_fast(neuron, ours)
    else:
        runs.check_bits(neuron, ours)
