"""Constructs of NMODL in small models of ours (tests/mod): bits as in NEURON, and where each ran.

`COMPILED` must run in our kernels. `EITHER` may run in NEURON's own function, but then with an
HX02x code and a reason: there is no third outcome.
"""

import pytest

from parity.isolate import isolated

COMPILED = "hxna hxk hxca hxcad hxkca hxih".split()
EITHER = (
    "hxkinetic hxderiv hxeuler hxproc hxglobal hxverbatim hxerev hxbefore hxftable hxnoise hxdiam"
).split()
POINTS = "hxDepress hxGraded hxGap hxSine hxWatch hxTimer".split()
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


def density(name):
    """A cell with this mechanism in several places, and enough around it to move v and cai."""
    from neuron import h

    from parity import models

    model = models.Model(celsius=22, tstop=20)
    around = ("hxcad", "hxca") if name in ("hxkca", "hxcad", "hxca") else ()
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


@pytest.mark.parametrize("name", COMPILED + EITHER)
@isolated
def test_density_mechanism(name):
    from neuron import h

    from parity import compare, mods

    mods.load()

    def check(built):
        h.run()
        if compare.session().enable:
            check_where(name, name in COMPILED)

    compare.run_both(lambda: density(name), check, steps=790)


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
