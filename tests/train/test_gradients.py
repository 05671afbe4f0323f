"""Gradients on NEURON objects against finite differences of plain NEURON.

Where the method is exact (passive cells at their steady state) the bound is the rounding of the
finite differences (networks.rounding) and of the resistances (networks.of_resistances).
"""

import numpy as np
import pytest

from parity.isolate import isolated
from train import networks


def check(heliox, loss, parameters, step=1e-3, degree=2):
    """The report; asserts the bound and that the gradient says that it is exact here.

    degree: of the loss as a polynomial of one parameter. 2 where v is linear in it: differences
    have no truncation. 4 where it acts in two layers: Richardson's extrapolation has none.
    """
    from neuron import h

    gradient = heliox.gradient(loss, parameters)
    assert gradient.exact and gradient.method == "synaptic" and "Zhang" in gradient.reference
    report = heliox.check_gradients(loss, parameters, step=step)
    expected = np.array(report.to_dict()["reference"])
    if degree == 4:
        wider = heliox.check_gradients(loss, parameters, step=2 * step).to_dict()["reference"]
        expected = (4 * expected - wider) / 3
    scale = np.abs(expected).max()
    assert scale > 1e-3
    v = max(abs(segment.v) for section in h.allsec() for segment in section)
    slope = 2 * np.sqrt(gradient.loss) * (1 if degree == 2 else 1.5)  # (4 + 1/2) / 3
    bound = networks.of_resistances() + networks.rounding(slope, v, step, scale)
    assert bound < 1e-7
    error = np.abs(gradient.values - expected).max() / scale
    assert error <= bound, (report, error, bound)
    assert degree == 4 or report.worst["synaptic"] == error
    return report


def check_softmax(heliox, readout, parameters, step=1e-4):
    """As check(); the truncation of the differences is bounded too.

    L is not quadratic in v: L along u = dv/dw has the third derivative of a cumulant of u under the
    softmax, at most 1/(6 sqrt 3) of (max u - min u)**3; two outputs: at most (2 max |u|)**3.
    """
    from neuron import h

    loss = readout.softmax_cross_entropy(1)
    assert heliox.gradient(loss, parameters).exact
    report = heliox.check_gradients(loss, parameters, step=step)
    scale = np.abs(report.to_dict()["reference"]).max()
    u = max(
        np.abs(heliox.gradient(readout.loss(output), parameters).values).max()
        for output in (lambda v: (v[0], [1, 0]), lambda v: (v[1], [0, 1]))
    )
    truncation = step**2 / 6 * (2 * u) ** 3 / (6 * np.sqrt(3)) / scale
    v = max(abs(segment.v) for section in h.allsec() for segment in section)
    bound = truncation + networks.of_resistances() + networks.rounding(2, v, step, scale)
    assert bound < 1e-5
    assert report.worst["synaptic"] <= bound, (report, bound)


@isolated
def test_resistances_are_those_of_impedance():
    from neuron import h

    from heliox_neuron.train.resistance import read_matrix, transfer_resistances

    core = networks.session()._core
    soma, dendrite, twig, other = (
        networks.cable("soma", 3, 50, 10),
        networks.cable("dendrite", 11, 300, 1),
        networks.cable("twig", 7, 200, 2),
        networks.cable("other", 1, 20, 20),
    )
    dendrite.connect(soma(1))
    twig.connect(soma(0.3))
    dendrite.g_pas = 3e-4
    soma.insert("hh")  # Impedance takes the channels' conductance at the present state, as we do
    h.finitialize(-62)
    core.freeze()
    matrix = read_matrix(h, core.device_model())
    points = np.array([soma(0.5).node_index(), other(0.5).node_index()])
    r = transfer_resistances(matrix, points)
    impedance = h.Impedance()
    for point, sections in ((soma, (soma, dendrite, twig)), (other, (other,))):
        impedance.loc(0.5, sec=point)
        impedance.compute(0)
        for section in sections:
            for segment in section.allseg():
                expected = impedance.transfer(segment.x, sec=section)
                assert r[segment.node_index()] == pytest.approx(expected, rel=1e-9)
    assert np.isfinite(r).all()
    alone = transfer_resistances(matrix, points[:1])
    assert np.isnan(alone[points[1]]) and alone[points[0]] == r[points[0]]


@isolated
def test_one_synapse_on_a_cable():

    heliox = networks.session()
    pre, post = networks.cable("pre", 1), networks.cable("post")
    clamp = networks.step(pre, 0.05)
    synapse = networks.synapse(pre, post(0.9), 0.7)
    loss = heliox.readout(post(0.1), window=networks.STEADY).mse(3.0)
    w, g = (heliox.trainable(synapse, name) for name in ("w", "g"))
    check(heliox, loss, w)
    check(heliox, loss, g, step=1e-5)
    check(heliox, loss, w + g, step=1e-5)
    # a presynaptic cell below 0 mV: no current, no gradient
    clamp.amp = -0.05
    assert heliox.gradient(loss, w).values == 0.0


@isolated
def test_two_layers_and_biases():
    heliox = networks.session()
    model = networks.TwoLayers()
    parameters = heliox.trainable(model.synapses, "w")
    readout = heliox.readout(model.outputs, window=networks.STEADY)
    report = check(heliox, readout.mse([2.0, 1.0]), parameters)
    assert np.count_nonzero(report.to_dict()["reference"]) > 12  # both layers, biases too
    # a trajectory's mean square is not its window mean's, but v is steady: the same numbers
    trajectory = readout.trajectory.loss(
        lambda v: (float(((v - [2, 1]) ** 2).mean()), 2 * (v - [2, 1]) / v.size)
    )
    by_mean = heliox.gradient(readout.mse([2.0, 1.0]), parameters).values
    by_sample = heliox.gradient(trajectory, parameters).values
    np.testing.assert_allclose(by_sample, by_mean, rtol=1e-11)
    check_softmax(heliox, readout, parameters)


@isolated
def test_shared_weights_and_a_cell_with_several_points():
    """One number drives two synapses; a cell is looked at from three places and read out at two."""
    from neuron import h

    heliox = networks.session()
    pre, middle, post = (networks.cable(name) for name in ("pre", "middle", "post"))
    clamp = networks.step(pre, 0.05)
    synapses = [networks.synapse(pre, middle(x), 0.8 + x) for x in (0.1, 0.9)]
    for x in (0.1, 0.5, 0.9):
        made = h.HelioxGradedSynapsePointer(post(x))
        h.setpointer(middle(x)._ref_v, "v_pre", made)
        made.g, made.w = 0.01, 0.5 + x
        synapses.append(made)
    readout = heliox.readout([post(0.1), post(0.9), middle(0.3)], window=networks.STEADY)
    loss = readout.mse([1.0, 3.0, 2.0])
    check(heliox, loss, heliox.trainable(synapses, "w"))
    a, b, _, _, c = (s.w for s in synapses)
    shared = heliox.trainable(synapses, "w", share=[0, 1, 0, 1, 2])
    assert [s.w for s in synapses] == [a, b, a, b, c]  # the first of each group
    report = check(heliox, loss, shared, degree=4)
    assert len(report.to_dict()["reference"]) == 3
    one = heliox.trainable(synapses[:2], "w", share=True)
    assert len(one) == 1 and synapses[1].w == synapses[0].w == a
    check(heliox, loss, one)
    assert clamp.amp == 0.05


@isolated
def test_transfer_is_found_like_pointers():
    from neuron import h

    heliox = networks.session()
    pre, post = networks.cable("pre", 1), networks.cable("post")
    clamp = networks.step(pre, 0.05)
    synapse = h.HelioxGradedSynapse(post(0.2))
    synapse.g, synapse.w = 0.01, 0.7
    pc = h.ParallelContext()
    pc.source_var(pre(0.5)._ref_v, 5, sec=pre)
    pc.target_var(synapse, synapse._ref_v_pre, 5)
    pc.setup_transfer()
    loss = heliox.readout(post, window=networks.STEADY).mse(3.0)
    check(heliox, loss, heliox.trainable(synapse, "w"))
    assert clamp.amp == 0.05


@isolated
def test_finite_differences_treat_what_synaptic_refuses():
    """NetCon weights and densities: HX097 names the other method, which has the right numbers."""
    from neuron import h

    from heliox_neuron.errors import HelioXError

    heliox = networks.session()
    soma = networks.cable("soma", 1, 20, 20)
    synapse, stim = h.ExpSyn(soma(0.5)), h.NetStim()
    synapse.e = 20
    stim.start, stim.number = 1, 3
    connection = h.NetCon(stim, synapse)
    connection.weight[0] = 1e-3
    loss = heliox.readout(soma, "v", window=(5, 20)).mse(0.2)
    weight = heliox.trainable(connection, "weight", bounds=(0, None))
    density = heliox.trainable(soma, "e_pas")
    for parameters in (weight, density):
        with pytest.raises(HelioXError, match="finite_differences") as error:
            heliox.gradient(loss, parameters)
        assert error.value.code == "HX097"
    both = weight + density
    found = heliox.gradient(loss, both, method="finite_differences")
    # v of e_pas is linear here up to the synapse's conductance: nearly 1 at late times
    assert found.method == "finite_differences" and not found.exact
    report = heliox.check_gradients(loss, both, methods="finite_differences")
    assert report.worst["finite_differences"] < 1e-6
    assert connection.weight[0] == 1e-3 and soma.e_pas == 0
    # at a bound the difference is one-sided: the weight is never negative
    connection.weight[0] = 0
    edge = heliox.gradient(loss, weight, method="finite_differences").values[0]
    free = heliox.gradient(
        loss, heliox.trainable(connection, "weight"), method="finite_differences"
    ).values[0]
    assert edge == pytest.approx(free, rel=1e-4) and edge != 0


@isolated
def test_recurrent_networks_are_refused_with_the_loop():

    from heliox_neuron.errors import HelioXError

    heliox = networks.session()
    cells = [networks.cable(f"cell{k}", 1) for k in range(3)]
    synapses = [networks.synapse(cells[k], cells[(k + 1) % 3](0.5), 0.1) for k in range(3)]
    loss = heliox.readout(cells[0], window=networks.STEADY).mse(1.0)
    with pytest.raises(HelioXError, match=r"recurrent \(cell\d") as error:
        heliox.gradient(loss, heliox.trainable(synapses, "w"))
    assert error.value.code == "HX097"
    # a loop that no readout depends on is in nobody's way
    alone = networks.cable("alone", 1)
    bias = networks.synapse(None, alone(0.5), 0.5)
    check(
        heliox,
        heliox.readout(alone, window=networks.STEADY).mse(1.0),
        heliox.trainable(bias, "w"),
    )


@isolated
def test_other_couplings_are_refused():
    from neuron import h

    from heliox_neuron.errors import HelioXError

    heliox = networks.session()
    a, b = networks.cable("a", 1), networks.cable("b", 1)
    bias = networks.synapse(None, a(0.5), 1.0)
    gap = h.HelioxGapJunctionPointer(a(0.5))
    h.setpointer(b(0.5)._ref_v, "v_pre", gap)
    loss = heliox.readout(a, window=networks.STEADY).mse(1.0)
    w = heliox.trainable(bias, "w")
    with pytest.raises(HelioXError, match=r"HX097.*HelioxGapJunctionPointer"):
        heliox.gradient(loss, w)
    heliox.gradient(loss, w, method="finite_differences")
    del gap
    check(heliox, loss, w)


@isolated
def test_it_says_where_it_is_not_exact():
    """A window that begins before the steady state, and channels in a cell that errors pass."""

    heliox = networks.session()
    pre, post = networks.cable("pre", 1), networks.cable("post")
    clamp = networks.step(pre, 0.05)
    synapse = networks.synapse(pre, post(0.9), 0.7)
    w = heliox.trainable(synapse, "w")
    early = heliox.readout(post, window=(0.5, 3)).mse(3.0)
    assert not heliox.gradient(early, w).exact
    assert heliox.check_gradients(early, w).worst["synaptic"] > 1e-3
    post.insert("hh")
    late = heliox.readout(post, window=networks.STEADY).mse(3.0)
    assert not heliox.gradient(late, w).exact
    assert clamp.amp == 0.05


@isolated
def test_the_figures_of_the_documentation():
    """benchmarks/gradient_accuracy.py still finds what docs/training.md says."""
    import runpy

    from parity.mods import REPOSITORY

    text = (REPOSITORY / "docs" / "training.md").read_text()
    networks.session()
    script = runpy.run_path(str(REPOSITORY / "benchmarks" / "gradient_accuracy.py"))
    for name, case in script["CASES"].items():
        exact, error, cosine = script["compare"](**case)
        row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
        said = [cell.strip() for cell in row.strip("|").split("|")]
        assert said[1] == ("yes" if exact else "no"), name
        if exact:  # rounding: it differs from machine to machine
            assert error < 1e-9 and float(said[2]) < 1e-9
        else:
            assert float(said[2]) == pytest.approx(error, rel=0.05), name  # two digits
        assert float(said[3]) == pytest.approx(cosine, abs=1e-6), name


@isolated
def test_finite_differences_where_helio_x_stays_off():
    """A NEURON that HelioX does not know (HX060): means are of records, synaptic says why not."""
    from heliox_neuron.errors import HelioXError

    heliox = networks.session()
    pre, post = networks.cable("pre", 1), networks.cable("post")
    clamp = networks.step(pre, 0.05)
    w = heliox.trainable(networks.synapse(pre, post(0.9), 0.7), "w")
    loss = heliox.readout(post, window=(5, 20)).mse(3.0)
    attached = heliox.gradient(loss, w, method="finite_differences")
    heliox._off = "HX060 this NEURON is not tested"
    off = heliox.gradient(loss, w, method="finite_differences")
    assert (off.loss, off.values.tolist()) == (attached.loss, attached.values.tolist())
    with pytest.raises(HelioXError, match=r"HX097.*HX060"):
        heliox.gradient(loss, w)
    assert clamp.amp == 0.05


@isolated
def test_resistances_are_those_after_the_initialisation_of_run():
    """hh in the output: r depends on the state that run= begins with, not on what was before."""
    from neuron import h

    from heliox_neuron.errors import HelioXError

    heliox = networks.session()
    pre, post = networks.cable("pre", 1), networks.cable("post")
    model = networks.step(pre, 0.05), networks.synapse(pre, post(0.9), 0.7)
    post.insert("hh")
    w = heliox.trainable(model[1], "w")
    loss = heliox.readout(post, window=(5, 20)).mse(3.0)
    h.v_init = -65

    def run():
        h.finitialize(-65)
        h.ParallelContext().set_maxstep(10)
        h.ParallelContext().psolve(20)

    expected = heliox.gradient(loss, w)
    h.finitialize(20)  # another state, with other conductances
    found = heliox.gradient(loss, w, run=run)
    assert found.loss == expected.loss and found.values == expected.values != 0
    assert heliox.gradient(loss, w, run=run).values == expected.values
    with pytest.raises(HelioXError, match=r"HX094.*finitialize"):
        heliox.gradient(loss, w, run=lambda: h.ParallelContext().psolve(h.t + 1))

    def grows():
        post.nseg = 7
        run()

    with pytest.raises(HelioXError, match=r"HX097.*structure"):
        heliox.gradient(loss, w, run=grows)


@isolated
def test_it_is_not_exact_where_conductances_change_in_the_run():
    """A Vector that plays onto g_pas, and a run= that sets it; v is steady in the window."""
    from neuron import h

    heliox = networks.session()
    pre, post = networks.cable("pre", 1), networks.cable("post", 1)
    model = networks.step(pre, 0.05), networks.synapse(pre, post(0.5), 0.7)
    w = heliox.trainable(model[1], "w")
    loss = heliox.readout(post, window=networks.STEADY).mse(3.0)

    def run(g=None):
        h.finitialize(0)
        pc = h.ParallelContext()
        pc.set_maxstep(10)
        pc.psolve(10)
        if g is not None:
            post.g_pas = g
        pc.psolve(50)

    assert heliox.gradient(loss, w).exact and heliox.gradient(loss, w, run=run).exact
    assert not heliox.gradient(loss, w, run=lambda: run(2e-3)).exact
    post.g_pas = 1e-3
    post.e_pas = -65  # roundings of g at another v
    assert heliox.gradient(loss, w).exact
    played = h.Vector([1e-3, 1e-3, 2e-3, 2e-3])
    times = h.Vector([0, 9, 10, 100])
    played.play(post(0.5)._ref_g_pas, times, True)
    assert not heliox.gradient(loss, w).exact
    played.play_remove()
    post.g_pas = 1e-3
    assert heliox.gradient(loss, w).exact
