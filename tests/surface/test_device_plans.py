"""Plans of the GPU engine: NEURON's bits from each, and what couples cells within a step."""

import pytest

from parity.isolate import isolated

pytestmark = pytest.mark.usefixtures("has_core")

PLANS = ("fused", "streams", "coupled")
MODELS = ("mixed_cells", "played", "fast_imem", "channels", "artificial_cells")


@pytest.mark.parametrize("plan", ("streams", "coupled"))
@pytest.mark.parametrize("model", MODELS)
@isolated
def test_each_plan_has_the_same_bits(model, plan):
    from parity import compare, coupled, models, ways

    coupled.load()
    coupled.use(plan)
    build, records = models.MODELS[model]
    compare.run_both(build, ways.psolve, records, engine="gpu", steps=1900)
    assert coupled.plans() == {plan}


@pytest.mark.parametrize("way", ["run", "psolve_50", "python_fadvance"])
@pytest.mark.parametrize("plan, expected", [("auto", "coupled"), ("streams", "streams")])
@isolated
def test_ring_of_coupled_cells(plan, expected, way):
    """Transfer, POINTERs of point processes and densities, and spikes in windows of some steps."""
    from parity import compare, coupled, ways

    coupled.load()
    coupled.use(plan)
    neuron, _ = compare.run_both(
        coupled.ring, ways.WAYS[way], coupled.records, engine="gpu", steps=700
    )
    assert coupled.plans() == {expected}
    assert max(neuron.traces["v of soma3(0.5)"]) > 0, "nothing went round: the test shows little"


@pytest.mark.parametrize("streams, fusion", [("0", "0"), ("1", "0"), ("0", "1")])
@isolated
def test_streams_and_fusion_can_be_switched_off(streams, fusion):
    import os

    from parity import compare, coupled, ways

    os.environ["HELIOX_STREAMS"], os.environ["HELIOX_FUSION"] = streams, fusion
    coupled.load()
    coupled.use("streams")
    compare.run_both(coupled.ring, ways.psolve, coupled.records, engine="gpu", steps=700)
    ((_, n_launch, _),) = set(coupled.seen)
    merged = 10  # events, ions, currents, gather, solve, advance, links, states, sample, tick
    assert n_launch == merged if fusion == "1" else n_launch > merged


@isolated
def test_changes_between_runs_are_taken_over():
    """v, a POINTER that leads elsewhere, another target_var, another setup_transfer()."""
    from parity import compare, coupled

    coupled.load()
    coupled.use("auto")

    def advance(model):
        from neuron import h

        pc = h.ParallelContext()
        pc.set_maxstep(10)
        h.finitialize(-65)
        pc.psolve(4)
        model.sections[0].v = -30
        pc.psolve(6)
        graded = next(thing for thing in model.kept if thing.hname().startswith("hxGraded"))
        h.setpointer(model.sections[4](0.5)._ref_v, "vpre", graded)
        pc.psolve(8)
        gap = model.keep(h.hxGap(model.sections[3](0.9)), g=5e-4)
        pc.target_var(gap, gap._ref_vgap, 3)
        pc.setup_transfer()
        h.finitialize(-60)
        pc.psolve(14)

    compare.run_both(coupled.ring, advance, engine="gpu", steps=800)
    assert coupled.plans() == {"coupled"}


VIEWS = {
    "v": ("gpu", ""),
    "parameter": ("gpu", ""),
    "own parameter": ("gpu", ""),
    "reversal potential": ("gpu", ""),
    "state": ("cpu", "leads to other(0.5).m_hh, which changes"),
    "current of an ion": ("cpu", "leads to other(0.5).ina, which changes"),
    "hoc variable": ("cpu", "leads outside of the cells, to x_seen"),
    "played v": ("cpu", "leads to other(0.5).v, which is played"),
    "played parameter": ("cpu", "leads to other(0.5).gkbar_hh, which changes"),
}


def target(name):
    """What hxView looks at: a function of the model and a section of another cell."""
    from neuron import h

    def played(reference):
        def play(model, other):
            where = reference(other)
            values = model.keep(h.Vector([1e-3, 2e-3]))
            values.play(where, model.keep(h.Vector([0, 8])), True)
            return where

        return play

    def own_variable(model, other):
        h("x_seen = 2.5")
        return h._ref_x_seen

    def own_parameter(model, other):
        return model.kept[0]._ref_k

    segment = 0.5
    return {
        "v": lambda model, other: other(segment)._ref_v,
        "parameter": lambda model, other: other(segment).hh._ref_gnabar,
        "own parameter": own_parameter,
        "reversal potential": lambda model, other: other(segment)._ref_ena,
        "state": lambda model, other: other(segment).hh._ref_m,
        "current of an ion": lambda model, other: other(segment)._ref_ina,
        "hoc variable": own_variable,
        "played v": played(lambda other: other(segment)._ref_v),
        "played parameter": played(lambda other: other(segment).hh._ref_gkbar),
    }[name]


@pytest.mark.parametrize("name", VIEWS)
@isolated
def test_what_a_pointer_may_lead_to(name):
    from parity import compare, coupled, device, ways

    coupled.load()
    coupled.use("auto")
    engine, reason = VIEWS[name]
    build = coupled.with_view(target(name))
    if engine == "gpu":
        compare.run_both(build, ways.psolve, engine="gpu", steps=390)
    else:
        device.refused(build, ways.psolve, "HX033", reason)


@isolated
def test_only_voltages_are_transferred():
    from parity import coupled, device, models, ways

    coupled.load()

    def build():
        from neuron import h

        model, pc = models.Model(celsius=20, tstop=5), h.ParallelContext()
        soma = model.section("soma", 1, (20, 20), ("hh",))
        gap = model.keep(h.hxGap(soma(0.5)), g=1e-3)
        pc.source_var(soma(0.5)._ref_m_hh, 1, sec=soma)
        pc.target_var(gap, gap._ref_vgap, 1)
        pc.setup_transfer()
        return model

    device.refused(build, ways.psolve, "HX033", "source_var soma(0.5).m_hh is not a v")


@isolated
def test_fused_is_refused_where_cells_look_at_each_other():
    from parity import compare, coupled, ways

    coupled.load()
    coupled.use("fused")
    _, ours = compare.run_both(coupled.ring, ways.psolve, engine="cpu", steps=700)
    assert {run["code"] for run in ours.runs} == {"HX033"}


@isolated
def test_probe_of_the_transfer_leaves_no_trace():
    """It marks every column for a moment; a missing setup_transfer() is NEURON's own error."""
    import numpy as np
    from neuron import h

    from parity import compare, coupled

    coupled.load()
    core = compare.session()._core
    model = coupled.ring()
    h.finitialize(-65)
    before = compare.end_state()
    target, source = core.device_transfer()
    after = compare.end_state()
    assert all(compare.same(before[key], after[key]) for key in before)
    gaps = [thing for thing in model.kept if thing.hname().startswith("hxGap")]
    assert len(target) == len(source) == len(gaps) == 8
    kind, index, _, row, _ = core.device_resolve(source)
    assert set(kind) == {1} and set(index) == {0} and len(np.unique(row)) == 4
    h.ParallelContext().target_var(gaps[0], gaps[0]._ref_vgap, 2)
    with pytest.raises(RuntimeError):
        core.device_transfer()
    after = compare.end_state()
    assert all(compare.same(before[key], after[key]) for key in before)


@pytest.mark.parametrize("plan", PLANS)
@isolated
def test_nvrtc_takes_the_source(plan):
    import nvrtc
    from heliox_neuron.codegen.compile import whole_source
    from parity import compare, coupled, models, ways

    coupled.load()
    coupled.use(plan)
    build = models.channels if plan == "fused" else coupled.ring
    compare.run_both(build, ways.psolve, engine="gpu")
    _, _, model = coupled.seen[-1]
    macros = [m for m in model.macros() if m != "HX_GLOBAL_NODES" or plan == "streams"]
    options = tuple(f"-D{macro}" for macro in macros)
    ptx, _ = nvrtc.compile(whole_source(model.source.text), "sm_90", options=options)
    kernel = {"fused": b"hx_fused", "coupled": b"hx_coupled", "streams": b"hx_gather"}[plan]
    assert b".entry " + kernel in ptx


# ---- the graph of tasks ----------------------------------------------------------------------


def task(name, reads="", writes="", entry=-1):
    from heliox_neuron.codegen.device_streams import Task

    as_set = lambda letters: frozenset((letter,) for letter in letters)  # noqa: E731
    over, hook = ("instance", "state") if entry >= 0 else ("node", "")
    return Task(name, over, as_set(reads), as_set(writes), entry, hook)


TASKS = (
    ("events", "", "vabm"), ("a", "v", "a", 0), ("b", "v", "b", 1), ("c", "vb", "c", 2),
    ("gather", "abcv", "m"), ("advance", "m", "v"), ("last", "v", "abcm"),
)  # fmt: skip


@pytest.mark.parametrize("small", [(), (0, 1, 2)])
@pytest.mark.parametrize("most", [1, 2, 16])
def test_graph_keeps_every_conflict_in_order(small, most):
    """A launch comes after another one if it is later on its stream, or waits for it."""
    from heliox_neuron.engines.gpu.streams import assign_streams, graph_of

    tasks = [task(*row) for row in TASKS]
    nodes = graph_of(tasks, frozenset(small))
    streams = assign_streams(nodes, most)
    assert max(streams) < most
    after = []
    for k, node in enumerate(nodes):
        direct = {*node.after, *(j for j in range(k) if streams[j] == streams[k])}
        after.append(direct.union(*(after[j] for j in direct)))
    place = {t.kernel: k for k, node in enumerate(nodes) for t in node.tasks}
    for later, second in enumerate(tasks):
        for first in tasks[:later]:
            if first.conflicts(second):
                assert place[first.kernel] in after[place[second.kernel]], (first, second)
    together = [{t.kernel for t in node.tasks} for node in nodes]
    assert ({"a", "b"} in together) == bool(small)
    if not small and most > 1:
        assert streams[place["a"]] != streams[place["b"]]


@isolated
def test_a_long_preparation_does_not_wake_the_watchdog_of_psolve():
    """pc.timeout: NEURON ends the process when t does not move for so long (20 s by default)."""
    import time

    from neuron import h

    from heliox_neuron.engines.gpu.host import HostDevice
    from parity import device, models, ways

    compiled = HostDevice.module

    def slowly(*arguments):
        time.sleep(3.5)
        return compiled(*arguments)

    h.ParallelContext().timeout(1)
    HostDevice.module = slowly
    device.same_bits(models.passive, ways.psolve, steps=700)
