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


@isolated
def test_short_run_of_plays_into_v(gpu_device):
    """A Vector plays into v, others record it, averages add it up; there are no events."""
    import numpy as np
    from neuron import h

    from gpu import runs
    from parity import averages, compare, mixed

    runs.use(gpu_device)
    heliox = compare.session()
    built = mixed.played(events=False)
    h.tstop = 5
    times = built.keep(h.Vector().record(h._ref_t))
    heliox.enable = False
    h.run()
    t, v = np.array(times), [np.array(vector) for vector in built.recorded]
    expected = [averages.mean(x, t, (1, 4), h.dt) for x in v]
    mean = heliox.average(built.looked_at, "v", window=(1, 4))
    heliox.enable = True
    h.run()
    assert np.array_equal(mean.array, expected) and mean.count == 120
    for vector, right in zip(built.recorded, v, strict=True):
        assert np.array_equal(np.array(vector), right)
    runs.check_device(compare.runs_so_far(), 200)


@isolated
def test_short_training(gpu_device):
    """Encoder, layers with tables in shared and in global memory, errors, gradient, update."""
    import numpy as np

    from heliox_neuron.nn.batch import RateCode
    from heliox_neuron.train.optimisers import Adam
    from train.cables import cable, network

    net, _ = network([(cable(60, 1), 9), (cable(1, 3), 3)], 40, device=gpu_device)
    share = net._share
    rng = np.random.default_rng(0)
    for large in (False, True):
        net._share = lambda layer, n, large=large: (*share(layer, n)[:2], large)
        net.train(
            rng.uniform(0, 1, (4, 40)), rng.integers(3, size=4), "softmax_cross_entropy",
            Adam(lr=1e-2), RateCode(), clip_norm=1.0,
        )  # fmt: skip
    assert np.isfinite(net.take_losses()).all()


@isolated
def test_short_run_of_active_replicas(gpu_device):
    import numpy as np

    from train.active_networks import build

    network, net = build("pointer", gpu_device)
    out = net.forward_rate(np.full((2, 6), 0.8), network.encoder.code)
    assert np.isfinite(out).all()
