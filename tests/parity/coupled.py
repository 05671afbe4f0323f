"""Models whose cells look at each other in every step, for each plan of the GPU engine."""

from neuron import h

from parity import device, models, mods

seen = []  # of every call of the GPU engine: (plan, n_launch of a step in the streams plan)


def load():
    """The MOD files of tests/mod and tests/mod/coupled."""
    mods.load()
    mods.load(mods.TESTS / "mod" / "coupled")


def use(plan):
    """The GPU engine with a plan; its calls are noted in `seen`."""
    from heliox_neuron.engines.gpu.engine import GpuEngine

    heliox = device.use()
    heliox.plan = plan
    steps = GpuEngine.steps

    def noted(self, *request):
        answer = steps(self, *request)
        if isinstance(answer, int):
            seen.append((self.plan_name, getattr(self._plan, "n_launch", 0), self._model))
        return answer

    GpuEngine.steps = noted
    return heliox


def plans():
    """Names of the plans that ran."""
    return {plan for plan, *_ in seen}


def ring(n_cell=4, delay=1.3, tstop=20.0):
    """Cells in a ring: a NetCon to the next, graded synapses and gap junctions to both neighbours,
    a channel that the voltage of the cell before opens."""
    model = models.Model(celsius=20, tstop=tstop)
    pc = h.ParallelContext()
    somata = []
    for cell in range(n_cell):
        names = ("hh", "hxsense") if cell % 2 else ("hh",)
        soma = model.section(f"soma{cell}", 1, (18 + cell % 7, 18), names)
        model.section(f"dend{cell}", 3 + cell % 5, (150, 2), ("pas", "hxsense"), soma(1))
        somata.append(soma)
        pc.source_var(soma(0.5)._ref_v, cell, sec=soma)
    for cell, soma in enumerate(somata):
        dend = model.sections[2 * cell + 1]
        before = somata[cell - 1]
        for section in (soma, dend):
            if section.has_membrane("hxsense"):
                for segment in section:
                    segment.hxsense._ref_vother = before(0.5)._ref_v
        graded = model.keep(h.hxGraded(dend(0.6)), gmax=4e-4)
        h.setpointer(before(0.5)._ref_v, "vpre", graded)
        for other in (cell - 1, cell + 1):
            gap = model.keep(h.hxGap(dend(0.3)), g=1e-3)
            pc.target_var(gap, gap._ref_vgap, other % n_cell)
        synapse = model.keep(h.ExpSyn(dend(0.8)), tau=2)
        model.connect(before(0.5), synapse, 0.05, delay)
    pc.setup_transfer()
    model.keep(h.IClamp(somata[0](0.5)), delay=1, dur=6, amp=1.5)
    return model


def records(model):
    """What the plain traces do not hold: the states of synapses, at every step."""
    found = {}
    for number, thing in enumerate(model.kept):
        for name in ("s", "vgap", "i"):
            if hasattr(thing, name):
                pointer = getattr(thing, f"_ref_{name}")
                found[f"{name} of {number}"] = h.Vector().record(pointer)
    return found


def with_view(target):
    """A cell whose hxView looks at target(model, other section)."""

    def build():
        model = models.Model(celsius=20, tstop=10)
        one = model.section("one", 1, (20, 20), ("hh",))
        other = model.section("other", 3, (100, 2), ("hh",))
        view = model.keep(h.hxView(one(0.5)))
        model.keep(h.IClamp(other(0.5)), delay=1, dur=5, amp=0.3)
        h.setpointer(target(model, other), "x", view)
        return model

    return build
