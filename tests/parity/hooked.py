"""Models with BEFORE and AFTER blocks, some of which add to another mechanism's variable."""

from neuron import h

from parity import coupled, models, mods


def load():
    """The MOD files of tests/mod, tests/mod/coupled and tests/mod/hooks."""
    coupled.load()
    mods.load(mods.TESTS / "mod" / "hooks")


def cell(model, number):
    """A cell of three sections, of different shape for seven numbers."""
    kind = number % 7
    soma = model.section(f"soma{number}", 1 + kind % 2, (20 + kind, 18), ("hh", "pas"))
    apical = model.section(f"apical{number}", 4 + kind, (250, 3), ("pas",), soma(1))
    tuft = model.section(f"tuft{number}", 3, (120, 1.5), ("pas", "hh"), apical(1))
    model.keep(h.IClamp(soma(0.5)), delay=1 + kind, dur=8, amp=0.9)
    synapse = model.keep(h.ExpSyn(tuft(0.5)), tau=1.5)
    model.connect(model.stim(number, 3), synapse, 0.02, 1.0)
    model.gid(number, soma(0.5))
    return soma, apical, tuft


def add_dipole(model, section, total):
    """hxmoment in each segment, which adds to the hxDipole at the section's end and to total."""
    section.insert("hxmoment")
    dipole = model.keep(h.hxDipole(section(1)), r=section(1).ri(), length=7.0)
    dipole._ref_vnext = section(0.99)._ref_v
    dipole._ref_total = total
    segments = list(section)
    for k, segment in enumerate(segments):
        moment = segment.hxmoment
        moment.r, moment.length = segment.ri() + 0.1, 3.0 + 1.7 * k
        moment._ref_vnext = segments[k - 1 if k else -1]._ref_v
        moment._ref_sum = dipole._ref_sum
        moment._ref_total = total
    return dipole


def dipoles(n_cell=3, shared=False, tstop=20.0):
    """Cells that sum their axial currents by section and by cell, or all in one Vector."""
    model = models.Model(celsius=6.3, tstop=tstop)
    model.totals = []
    model.dipoles = []
    for number in range(n_cell):
        sections = cell(model, number)
        if not (shared and model.totals):
            model.totals.append(h.Vector([0.5, 2.0]))
        for section in sections:
            model.dipoles.append(add_dipole(model, section, model.totals[-1]._ref_x[1]))
    return model


def records(model):
    """The sums in every step, by two kinds of record, what the Vectors hold at the end, spikes."""
    found = {**models.spikes(model), "t": h.Vector().record(h._ref_t)}
    for k, total in enumerate(model.totals):
        found[f"total {k}"] = h.Vector().record(total._ref_x[1])
        found[f"total {k} at times"] = h.Vector().record(total._ref_x[1], 0.7)
        found[f"Vector {k}"] = total
    for k, dipole in enumerate(model.dipoles):
        found[f"sum {k}"] = h.Vector().record(dipole._ref_sum)
    moment = model.sections[1](0.5).hxmoment
    found["moment"] = h.Vector().record(moment._ref_m)
    return found


def stages(tstop=20.0):
    """All three kinds of block in channels, some nodes with two mechanisms that have them."""
    model = models.Model(celsius=20, tstop=tstop)
    for number in range(3):
        soma, apical, tuft = cell(model, number)
        for section in (soma, apical):
            section.insert("hxca")
            section.insert("hxcad")
            section.insert("hxstages")
        tuft.insert("hxstages")
        tuft.insert("hxbefore")
    return model


def chains(tstop=20.0):
    """Instances that read and assign one variable in NEURON's order."""
    model = models.Model(celsius=6.3, tstop=tstop)
    model.totals, model.dipoles = [h.Vector([1.5])], []
    soma, apical, tuft = cell(model, 0)
    other = cell(model, 1)
    model.dipoles.append(add_dipole(model, soma, model.totals[0]._ref_x[0]))
    for section in (tuft, apical, soma, tuft):
        for segment in section:
            chain = model.keep(h.hxChain(segment))
            chain._ref_x = model.dipoles[0]._ref_sum
    for section in other:
        chain = model.keep(h.hxChain(section(0.5)))
        chain._ref_x = model.totals[0]._ref_x[0]
    return model


def chain_records(model):
    """The variables that the instances share, in every step."""
    (total,) = model.totals
    return {
        "total": h.Vector().record(total._ref_x[0]),
        "sum": h.Vector().record(model.dipoles[0]._ref_sum),
        "Vector": total,
    }


def field(tstop=20.0):
    """Every segment of a cell adds its membrane current to the potentials of three places."""
    model = models.Model(celsius=6.3, tstop=tstop)
    h.CVode().use_fast_imem(True)
    sections = cell(model, 0) + cell(model, 1)
    model.potentials = [h.Vector([0]) for _ in range(2)]
    model.trace = h.Vector().record(model.potentials[1]._ref_x[0])
    for k, section in enumerate(sections):
        section.insert("hxfield")
        for segment in section:
            segment.hxfield.w = 1 / (3 + k + segment.x)
            segment.hxfield._ref_im = segment._ref_i_membrane_
            segment.hxfield._ref_potential = model.potentials[k // 3]._ref_x[0]
    return model
