"""Who looks at assigned variables in the middle of a batch finds NEURON's values there.

Between the first and the last step of psolve and continuerun our engine leaves out stores that
nobody reads (docs/design/step.md, lean steps). Each test here is a reader.
"""

import pytest

from parity.isolate import isolated

ASSIGNED = ["_ref_i_cap", "_ref_ina", "_ref_dina_dv_", "hh._ref_gna", "hh._ref_minf", "hh._ref_il"]


def advance_by(way):
    """run() or psolve over 30 ms."""
    from neuron import h

    def advance(model):
        h.tstop = 30
        if way == "run":
            h.run()
        else:
            h.ParallelContext().set_maxstep(10)
            h.stdinit()
            h.ParallelContext().psolve(30)

    return advance


def variable(segment, name):
    owner, _, reference = name.rpartition(".")
    return getattr(getattr(segment, owner) if owner else segment, reference)


@pytest.mark.parametrize("way", ["run", "psolve"])
@pytest.mark.parametrize("name", ASSIGNED)
@isolated
def test_record_of_an_assigned_variable(name, way):
    from neuron import h

    from parity import compare, models

    def record(model):
        soma = model.sections[0](0.5)
        return {name: h.Vector().record(variable(soma, name))}

    compare.run_both(models.ball_and_stick, advance_by(way), record, v_traces=False)


@pytest.mark.parametrize("way", ["run", "psolve"])
@isolated
def test_threshold_on_an_assigned_variable(way):
    from neuron import h

    from parity import compare, models

    def record(model):
        soma = model.sections[0]
        model.detector = h.NetCon(soma(0.5).hh._ref_gna, None, sec=soma)
        model.detector.threshold = 0.001
        times = h.Vector()
        model.detector.record(times)
        return {"times": times}

    compare.run_both(models.ball_and_stick, advance_by(way), record, v_traces=False)


@pytest.mark.parametrize("way", ["run", "psolve"])
@isolated
def test_scatter_callback_reads_assigned_variables(way):
    from neuron import h

    from parity import compare, models

    cvode = h.CVode()

    def record(model):
        soma = model.sections[0](0.5)
        seen = []

        def look():
            seen.extend([h.t, soma.v, soma.i_cap, soma.ina, soma.hh.gna, soma.hh.minf])
            soma.hh.gnabar = 0.12 + 0.001 * (len(seen) % 7)

        model.look = look
        cvode.extra_scatter_gather(0, look)
        return {"seen": seen}

    def advance(model):
        advance_by(way)(model)
        cvode.extra_scatter_gather_remove(model.look)

    compare.run_both(models.ball_and_stick, advance, record, v_traces=False)


@isolated
def test_event_callback_reads_assigned_variables():
    from neuron import h

    from parity import compare, models

    def record(model):
        seen = []

        def look():
            soma = next(iter(h.allsec()))(0.5)  # found anew: the queue must not keep the model
            seen.extend([h.t, soma.i_cap, soma.hh.gna, soma.ik])
            h.CVode().event(h.t + 3.1, look)

        model.handler = h.FInitializeHandler(lambda: h.CVode().event(2.0, look))
        return {"seen": seen}

    compare.run_both(models.ball_and_stick, advance_by("psolve"), record, v_traces=False)


@isolated
def test_pointer_to_an_assigned_variable():
    """A synapse of one cell follows a conductance of another through a POINTER."""
    from neuron import h

    from parity import compare, models, mods

    mods.load()

    def build():
        model = models.ball_and_stick()
        follower = model.keep(h.hxGraded(model.sections[-1](0.5)))
        h.setpointer(model.sections[0](0.5).hh._ref_gna, "vpre", follower)
        return model

    compare.run_both(build, advance_by("psolve"), v_traces=False)


@isolated
def test_old_point_sources_stay_with_neuron():
    from neuron import h

    from parity import compare, models

    def advance(model):
        model.sections[0].push()
        h.fstim(1)
        h.fstim(0, 0.5, 2, 10, 0.5)
        h.pop_section()
        advance_by("psolve")(model)
        h.fstim(0)

    compare.run_both(models.ball_and_stick, advance, engine="neuron")
