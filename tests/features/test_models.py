"""Constructs of NMODL in small models of ours (tests/mod): bits as in NEURON, and where each ran.

`COMPILED` must run in our kernels. `EITHER` may run in NEURON's own function, but then with an
HX02x code and a reason: there is no third outcome. The GPU engine runs a model whose mechanisms are
all compiled, and leaves every other to the CPU engine with a code and a reason.
"""

import pytest

from parity.isolate import isolated

COMPILED = "hxna hxk hxca hxcad hxkca hxih hxderiv hxderivca hxderivthree".split()
EITHER = (
    "hxkinetic hxeuler hxproc hxglobal hxverbatim hxerev hxbefore hxftable hxnoise hxdiam"
).split()
POINTS = "hxDepress hxGraded hxGap hxSine hxWatch hxTimer".split()
RECEIVERS = "hxNrStdp hxNrCa hxNrWatch hxNrCell".split()  # NET_RECEIVE with all that it may do
SENDERS = "hxWatch hxTimer hxNrStdp hxNrWatch hxNrCell".split()
ARTIFICIAL = ("hxTimer", "hxNrCell")
ON_DEVICE = (*COMPILED, "hxproc", "hxerev", "hxbefore")  # of the density mechanisms
ON_DEVICE_POINTS = "hxDepress hxGraded hxGap hxSine hxTimer hxNrCell".split()
DEVICE_CODES = ("HX021", "HX022", "HX023", "HX024", "HX033")
ENGINES = ("cpu", "gpu")
HOST_CODES = ("HX021", "HX022", "HX023", "HX024", "HX027")


def check_where(name, compiled):
    """The report says where the mechanism ran, and why it is on the host if it is."""
    from parity import compare

    if compare.PLAIN:
        return
    model = compare.session().report().to_dict()["model"]
    found = {mechanism["name"]: mechanism for mechanism in model["mechanisms"]}
    assert name in found, f"{name} is not in the report: {sorted(found)}"
    entry = found[name]
    if compiled:
        assert entry["where"] == "compiled", entry
        return
    assert entry["where"] in ("compiled", "host", "neuron"), entry
    if entry["where"] == "host":
        assert entry["code"] in HOST_CODES and entry["reason"], entry


def run_on(engine, build, advance, on_device, steps):
    """The same bits as NEURON on this engine; what is not `on_device` may be refused."""
    from parity import compare, device

    if engine == "cpu":
        compare.run_both(build, advance, steps=steps)
        return
    device.use()
    outcomes = []
    for enable in (0, 1):
        compare.session().enable = enable
        outcomes.append(compare.run_once(build, advance))
    compare.session().enable = 0
    difference = compare.first_difference(*outcomes)
    assert not difference, difference
    for run in outcomes[1].runs:
        if run["engine"] == "gpu":
            assert run["steps"] >= steps and not run["code"], run
        else:
            assert not on_device and run["engine"] == "cpu", run
            assert run["code"] in DEVICE_CODES and run["reason"], run
            assert not run["reason"].startswith("HX"), run
    assert compare.PLAIN or outcomes[1].runs


def density(name):
    """A cell with this mechanism in several places, and enough around it to move v and cai."""
    from neuron import h

    from parity import models

    model = models.Model(celsius=22, tstop=20)
    around = ("hxcad", "hxca") if name in ("hxkca", "hxcad", "hxca") else ()
    around = ("hxca",) if name == "hxderivca" else around
    soma = model.section("soma", 1, (20, 20), ("hh", *around, name))
    model.section("dend", 5, (200, 2), ("pas", *around, name), soma(1))
    other = model.section("other", 1, (10, 10), (name, "pas"))
    if name == "hxftable":
        voltages = model.keep(h.Vector([-90, -60, -20, 10, 40]))
        values = model.keep(h.Vector([0.1, 0.2, 0.7, 0.9, 1.0]))
        h.table_shape_hxftable(values, voltages)
    if name == "hxnoise":
        for number, section in enumerate((soma, other)):
            section(0.5).hxnoise.stream.set_ids(number, 2, 3)
        for number, segment in enumerate(model.sections[1]):
            segment.hxnoise.stream.set_ids(number, 4, 5)
    for section in (soma, other):
        model.keep(h.IClamp(section(0.5)), delay=1, dur=12, amp=0.3)
    return model


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", COMPILED + EITHER)
@isolated
def test_density_mechanism(name, engine):
    from neuron import h

    from parity import compare, mods

    mods.load()

    def check(built):
        h.run()
        if compare.session().enable and engine == "cpu":
            check_where(name, name in COMPILED)

    run_on(engine, lambda: density(name), check, name in ON_DEVICE, 790)


def points(name):
    """Two cells with this point process in several places, driven by NetStims."""
    from neuron import h

    from parity import models

    model = models.Model(celsius=20, tstop=20)
    somas = []
    for cell in range(2):
        soma = model.section(f"soma{cell}", 1, (18, 18), ("hh",))
        dend = model.section(f"dend{cell}", 3, (100, 2), ("pas",), soma(1))
        somas.append(soma)
        synapse = model.keep(h.ExpSyn(dend(0.5)))
        for number, segment in enumerate((soma(0.5), dend(0.9), dend(0.9))):
            place = () if name in ARTIFICIAL else (segment,)
            thing = model.keep(getattr(h, name)(*place))
            if name not in ("hxGraded", "hxSine", "hxGap"):
                model.connect(model.stim(10 * cell + number, 3), thing, 0.4 + 0.3 * number, 0.7)
            if name in SENDERS:
                model.connect(thing, synapse, 0.01, 0.6)
            if name == "hxGraded":
                h.setpointer(somas[0](0.5)._ref_v, "vpre", thing)
        model.connect(soma(0.5), None, threshold=-30 - cell).record(model.times, model.gids, cell)
        model.keep(h.IClamp(soma(0.5)), delay=1 + cell, dur=10, amp=0.3)
    return model


@pytest.mark.parametrize("name", POINTS)
@isolated
def test_point_process(name):
    from neuron import h

    from parity import compare, models, mods

    mods.load()

    def check(built):
        h.run()
        if compare.session().enable and name != "hxTimer":  # an artificial cell has no kernel
            check_where(name, False)

    source = "gap_junctions" if name == "hxGap" else "point_processes"
    compare.run_both(models.MODELS[source][0], check, steps=1900)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [*POINTS, *RECEIVERS])
@isolated
def test_point_process_alone(name, engine):
    from neuron import h

    from parity import mods

    mods.load()
    on_device = name in ON_DEVICE_POINTS
    run_on(engine, lambda: points(name), lambda built: h.run(), on_device, 790)


@isolated
def test_parameter_defaults_come_from_neuron():
    """nocmodl keeps six digits of a default: what counts is the value in NEURON."""
    from neuron import h

    from parity import compare, models, mods

    mods.load()

    def build():
        built = models.channels()
        h.shift_hxk = 2.00000123456
        h.rest_hxcad = 1.23456789e-4
        return built

    compare.run_both(build, lambda built: h.run())


@isolated
def test_globals_written_between_steps():
    from neuron import h

    from parity import compare, models, mods

    mods.load()

    def advance(built):
        h.finitialize(-70)
        for step in range(400):
            if step % 100 == 50:
                h.shift_hxk += 0.5
            if step == 150:
                h.usetable_hxna = 0
            if step == 250:
                h.usetable_hxna = 1
            h.fadvance()
        h.shift_hxk = 2

    compare.run_both(models.channels, advance, steps=400)
