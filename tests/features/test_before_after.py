"""BEFORE and AFTER blocks on the GPU engine: NEURON's bits from each plan, and what is refused."""

import functools

import pytest

from parity.isolate import isolated

pytestmark = pytest.mark.usefixtures("has_core")

MODELS = ("dipoles", "shared", "stages", "chains")


def model(name):
    """(build, record) of a model of hooked.py."""
    from parity import hooked

    if name == "stages":
        return hooked.stages, None
    if name == "chains":
        return hooked.chains, hooked.chain_records
    return lambda: hooked.dipoles(shared=name == "shared"), hooked.records


@pytest.mark.parametrize("plan", ["auto", "streams"])
@pytest.mark.parametrize("name", MODELS)
@isolated
def test_same_bits(name, plan):
    from parity import compare, coupled, hooked, ways

    hooked.load()
    coupled.use(plan)
    build, records = model(name)
    compare.run_both(build, ways.psolve, records, engine="gpu", steps=790)
    expected = {"auto": "fused" if name == "stages" else "coupled"}
    assert coupled.plans() == {expected.get(plan, plan)}


@pytest.mark.parametrize("way", ["run", "psolve_50", "python_fadvance"])
@pytest.mark.parametrize("name", ["dipoles", "stages"])
@isolated
def test_ways_to_advance(name, way):
    from parity import compare, coupled, hooked, ways

    hooked.load()
    coupled.use("auto")
    build, records = model(name)
    compare.run_both(build, ways.WAYS[way], records, engine="gpu", steps=790)


@isolated
def test_the_sums_depend_on_the_order_of_instances():
    """Else the other tests would show little: backwards the last bits differ."""
    from parity import hooked

    hooked.load()
    built = hooked.dipoles(1)
    from neuron import h

    h.finitialize(-65)
    differ = 0
    for _ in range(400):
        h.fadvance()
        parts = [segment.hxmoment.m for section in built.sections for segment in section]
        differ += functools.reduce(float.__add__, parts) != functools.reduce(
            float.__add__, reversed(parts)
        )
    assert differ > 40


@isolated
def test_a_sum_over_several_blocks_goes_to_streams():
    """Blocks of cells cannot add to one number within a launch. (The host device runs one block
    after another: the coupled plan has one there, but these links stay within a block.)"""
    from heliox_neuron.engines.gpu import engine, host
    from parity import compare, coupled, hooked, ways

    hooked.load()
    coupled.use("auto")
    engine.one_block = lambda plan, device: False
    launch = host.HostModule.launch
    host.HostModule.launch = lambda *arguments, together=False: launch(*arguments)
    compare.run_both(*model("shared")[:1], ways.psolve, hooked.records, engine="gpu", steps=790)
    assert coupled.plans() == {"streams"}
    coupled.seen.clear()
    compare.run_both(*model("dipoles")[:1], ways.psolve, hooked.records, engine="gpu", steps=790)
    assert coupled.plans() == {"coupled"}
    assert len({id(seen[2]) for seen in coupled.seen}) == 1
    assert coupled.seen[0][2].nodes.n_block > 1


@isolated
def test_changes_between_runs_are_taken_over():
    """What a Vector holds, where a POINTER leads, a Vector that is new."""
    from parity import compare, coupled, hooked

    hooked.load()
    coupled.use("auto")

    def advance(built):
        from neuron import h

        pc = h.ParallelContext()
        pc.set_maxstep(10)
        h.finitialize(-65)
        pc.psolve(4)
        built.totals[0].x[1] = 1e3
        built.totals[1].x[0] = -7
        pc.psolve(6)
        built.sections[2](0.5).hxmoment._ref_total = built.totals[1]._ref_x[0]
        pc.psolve(8)
        new = built.keep(h.Vector([3, 4, 5]))
        built.sections[1](0.1).hxmoment._ref_total = new._ref_x[2]
        built.notes.append(new.x[2])
        pc.psolve(10)
        built.notes += [new.x[2], *built.totals[1]]
        pc.psolve(12)

    compare.run_both(
        hooked.dipoles,
        advance,
        lambda built: {**hooked.records(built), "notes": built.notes},
        engine="gpu",
        steps=400,
    )
    assert coupled.plans() == {"coupled"}


VIEWS = {
    "v": ("gpu", ""),
    "v of another cell": ("gpu", ""),
    "state": ("gpu", ""),
    "current of an ion": ("gpu", ""),
    "current of a channel": ("gpu", ""),
    "parameter": ("gpu", ""),
    "element of a Vector": ("gpu", ""),
    "what the block itself assigns": ("gpu", ""),
    "played parameter": ("gpu", ""),
    "hoc variable": ("cpu", "outside of the cells, to x_seen"),
    "Vector that records": ("cpu", "outside of the cells, to Vector["),
    "Vector that is played": ("cpu", "outside of the cells"),
    "times of a play": ("cpu", "outside of the cells"),
    "variable of a NetStim": ("cpu", "outside of the cells, to NetStim["),
    "membrane current": ("cpu", "looks at i_membrane_"),
}


def views(name):
    """hxprobe in a dendrite, each segment looking at `name` of some other place."""
    from neuron import h

    from parity import hooked, models

    built = models.Model(celsius=6.3, tstop=12)
    h.CVode().use_fast_imem(name == "membrane current")
    soma, apical, tuft = hooked.cell(built, 0)
    other = hooked.cell(built, 1)[0]
    vector = built.keep(h.Vector([1, 2, 3]))
    recorder = built.keep(h.Vector())
    recorder.record(soma(0.5)._ref_v)
    recorder.buffer_size(2000)  # NEURON's POINTER would dangle else
    recorder.resize(1)
    stim = built.stim(77)
    h("x_seen = 2.5")
    apical.insert("hxprobe")
    values, times = built.keep(h.Vector([1e-4, 3e-4])), built.keep(h.Vector([0, 12]))
    if "play" in name:
        values.play(tuft(0.5)._ref_g_pas, times, True)
    for segment in apical:
        segment.hxprobe._ref_x = {
            "v": lambda: soma(0.5)._ref_v,
            "v of another cell": lambda: other(0.5)._ref_v,
            "state": lambda: soma(0.5).hh._ref_m,
            "current of an ion": lambda: soma(0.5)._ref_ina,
            "current of a channel": lambda: tuft(0.5)._ref_i_pas,
            "membrane current": lambda: tuft(0.5)._ref_i_membrane_,
            "parameter": lambda: tuft(0.5)._ref_g_pas,
            "element of a Vector": lambda: vector._ref_x[1],
            "what the block itself assigns": lambda: apical(0.1).hxprobe._ref_late,
            "played parameter": lambda: tuft(0.5)._ref_g_pas,
            "hoc variable": lambda: h._ref_x_seen,
            "Vector that records": lambda: recorder._ref_x[0],
            "Vector that is played": lambda: values._ref_x[0],
            "times of a play": lambda: times._ref_x[1],
            "variable of a NetStim": lambda: stim._ref_interval,
        }[name]()
    return built


@pytest.mark.parametrize("plan", ["auto", "streams"])
@isolated
def test_potential_of_membrane_currents(plan):
    from parity import compare, coupled, hooked, ways

    hooked.load()
    coupled.use(plan)
    neuron, _ = compare.run_both(
        hooked.field,
        ways.psolve,
        lambda built: (
            {f"potential {k}": v for k, v in enumerate(built.potentials)} | {"in time": built.trace}
        ),
        engine="gpu",
        steps=790,
    )
    assert abs(neuron.traces["in time"]).max() > 1e-3


@pytest.mark.parametrize("name", VIEWS)
@isolated
def test_what_a_block_may_look_at(name):
    from parity import compare, coupled, device, hooked, ways

    hooked.load()
    coupled.use("auto")
    where, reason = VIEWS[name]

    def records(built):
        from neuron import h

        probe = built.sections[1](0.5).hxprobe
        return {
            n: h.Vector().record(getattr(probe, f"_ref_{n}")) for n in ("early", "late", "last")
        }

    if where == "gpu":
        compare.run_both(lambda: views(name), ways.psolve, records, engine="gpu", steps=470)
    else:
        device.refused(lambda: views(name), ways.psolve, "HX033", reason, records)
