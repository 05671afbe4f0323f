"""A GLOBAL that code assigns one number: on the GPU engine while it has that number."""

import pytest

from parity.isolate import isolated

pytestmark = pytest.mark.usefixtures("has_core")


def build():
    from parity import hooked, models

    built = models.Model(celsius=29, tstop=20)
    for number in range(2):
        for section in hooked.cell(built, number):
            section.insert("hxtadj")
    return built


@pytest.mark.parametrize("table", [1, 0])
@isolated
def test_same_bits(table):
    from neuron import h

    from parity import device, hooked, ways

    hooked.load()
    h.usetable_hxtadj = table
    device.same_bits(build, ways.psolve, steps=790)


@pytest.mark.parametrize("change", ["tadj_hxtadj", "celsius", "q10_hxtadj"])
@isolated
def test_another_number_goes_to_the_cpu_engine_until_it_is_assigned(change):
    """NEURON's currents see the old number in the first step after a change."""
    from neuron import h

    from parity import compare, device, hooked

    hooked.load()
    device.use()

    def advance(built):
        h.q10_hxtadj = 2.3
        pc = h.ParallelContext()
        pc.set_maxstep(10)
        for celsius in (28, 29):  # a TABLE that is made anew assigns tadj
            h.celsius = celsius
            h.finitialize(-65)
        for t_stop in (4, 5, 9):
            pc.psolve(t_stop)
            if t_stop == 4:
                setattr(h, change, 3.5 if change != "celsius" else 33)
        built.notes.append(h.tadj_hxtadj)
        h.finitialize(-65)  # the run before was the CPU engine's to its end
        pc.psolve(3)

    outcomes = []
    for enable in (0, 1):
        compare.session().enable = enable
        outcomes.append(compare.run_once(build, advance, lambda built: {"notes": built.notes}))
    difference = compare.first_difference(*outcomes)
    assert not difference, difference
    runs = outcomes[1].runs
    engines = [(run["engine"], run["code"]) for run in runs]
    # with the TABLE nothing assigns tadj unless celsius asks for a new one
    after = ("gpu", "") if change == "celsius" else ("cpu", "HX022")
    assert engines == [("gpu", ""), ("cpu", "HX022"), after], runs
    assert "tadj" in runs[1]["reason"]
