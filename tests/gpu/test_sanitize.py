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
    ("channels", "exact", "dhs"),  # tasks of warps
    ("channels", "fast", "contract"),
]


@pytest.mark.parametrize(("model", "fidelity", "solver"), CASES)
@isolated
def test_short_run(model, fidelity, solver, gpu_device, mechanisms):
    from neuron import h

    from gpu import runs
    from parity import ways

    runs.use(gpu_device, fidelity, solver)
    build, records = runs.small_model(model, mechanisms)

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
def test_short_run_of_steady_nodes(gpu_device, mechanisms):
    """Somata of many channels on passive trees: warps that are free go on to steady nodes."""
    from gpu import runs
    from parity import mods, steady, ways

    runs.load_mechanisms("tests", mods.TESTS / "mod", mechanisms)
    runs.use(gpu_device, "fast", "contract")
    runs.check_fast(*runs.two_runs(steady.somata, ways.psolve, steady.records, steps=190))


@pytest.mark.parametrize("plan", ["coupled", "streams"])
@isolated
def test_short_run_of_coupled_cells(plan, gpu_device, mechanisms):
    """Barriers of the grid, links, graphs; BEFORE and AFTER blocks that add up in other cells."""
    from functools import partial

    from gpu import runs
    from gpu.test_hooks import prepare
    from parity import coupled, hooked, ways

    prepare(plan, gpu_device, mechanisms)
    for build, records in (
        (partial(coupled.ring, 9, tstop=2.5), coupled.records),
        (partial(hooked.dipoles, 9, tstop=2.5), hooked.records),
    ):
        runs.check_bits(*runs.two_runs(build, ways.psolve, records, steps=90))
        assert coupled.plans() == {plan}


@isolated
def test_short_run_of_a_network(gpu_device, mechanisms):
    """The device's own queues."""
    from gpu import runs
    from parity import mods, ways
    from surface import device_networks

    runs.load_mechanisms("tests", mods.TESTS / "mod", mechanisms)
    counted = device_networks.use()
    runs.use(gpu_device)

    def build():
        network = device_networks.Network(
            12, 300, weights=lambda r: 2e-3, stims=12, delays=lambda r: 1.0 + r.randrange(3)
        )
        device_networks.h.tstop = 8
        return network

    runs.check_bits(*runs.two_runs(build, ways.psolve, device_networks.records, steps=300))
    assert counted.events, "NEURON's queue delivered"


@isolated
def test_a_window_done_again(gpu_device, mechanisms):
    """Point processes that send events to themselves, beside others of the same time."""
    from neuron import h

    from gpu import runs
    from heliox_neuron.engines.gpu import ordered
    from parity import compare, models, mods, ways

    runs.use(gpu_device)
    runs.load_mechanisms("tests", mods.TESTS / "mod", mechanisms)
    built = models.Model(tstop=9)
    somas = [built.section(f"soma{k}", 3, (20, 20), ("hh",)) for k in range(3)]
    points = [built.keep(h.hxOrder(s(0.5)), wait=5) for s in somas for _ in range(4)]
    for start in (2, 7):
        stim = built.keep(h.NetStim(), start=start, number=1)
        for point in points:
            netcon = built.keep(h.NetCon(stim, point))
            netcon.delay, netcon.weight[0] = 1.0, 1e-4
    answers = []
    agrees = ordered.Ordered.agrees
    ordered.Ordered.agrees = lambda *args: answers.append(agrees(*args)) or answers[-1]
    compare.session().enable = 1
    ways.psolve(built)
    assert {run["engine"] for run in compare.session().report().to_dict()["runs"]} == {"gpu"}
    assert False in answers and answers[-1]


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
