"""What a device engine reads from NEURON and writes back: model, sources, windows, records."""

import pytest

pytestmark = pytest.mark.usefixtures("has_core")

HEAD = """
import numpy as np
from neuron import h
import heliox_neuron
from heliox_neuron import _core
h.load_file("stdrun.hoc")
h.nrn_load_dll({library!r}) if {library!r} else None
def types(model):
    return [m["type"] for m in model["mechanisms"] if m["has_receive"]]
def named(model, name):
    (found,) = [m for m in model["mechanisms"] if m["name"] == name]
    return found
def address(array, row=0):
    return array.ctypes.data + array.strides[0] * row
"""


@pytest.fixture
def run(fresh_python):
    def run_(code, library=""):
        return fresh_python(HEAD.format(library=str(library)) + code).stdout

    return run_


@pytest.fixture
def mods():
    from parity.mods import library

    return library()


CELL = """
cell = h.Section(name="cell")
cell.nseg = 3
cell.insert("hh")
synapses = [h.ExpSyn(cell(x)) for x in (0.9, 0.1)]  # rows are in the order of nodes
h.finitialize(-65)
model = _core.device_model()
"""


def test_columns_are_neurons_memory(run):
    run(
        CELL
        + """
hh = named(model, "hh")
model["node"]["v"][hh["node"][1]] = -12
assert cell(0.5).v == -12
cell(0.9).hh.gnabar = 0.25
assert hh["columns"]["gnabar"][2] == 0.25
synapses[1].tau = 7
assert list(named(model, "ExpSyn")["columns"]["tau"]) == [7, 0.1]
assert model["n_node"] == 5 and list(model["parent"]) == [0, 0, 1, 2, 3]
"""
    )


def test_ions_and_capacitance(run):
    run(
        CELL
        + """
(na, k) = model["ions"]
assert (na["name"], k["name"], na["charge"], na["n"]) == ("na_ion", "k_ion", 1, 3)
assert na["columns"][0][0] == cell(0.1).ena == 50
hh = named(model, "hh")
assert list(hh["ion_rows"]["na_ion"]) == [0, 1, 2] and set(hh["ion_rows"]) == {"na_ion", "k_ion"}
assert model["mechanisms"][na["mechanism"]]["name"] == "na_ion" and len(na["nernst"]) == 0
h.ion_style("na_ion", 3, 2, 1, 1, 1, sec=cell)
assert list(_core.device_state()["nernst"][0]) == [0, 1, 2]
cell(0.5).cm = 2
assert list(model["capacitance"]["cm"]) == [1, 2, 1]
assert hh["kind"] == "density" and named(model, "ExpSyn")["kind"] == "point"
assert "NEURON" in hh["text"] and named(model, "na_ion")["text"] is None
"""
    )


def test_generation_moves_with_the_structure(run):
    run(
        CELL
        + """
before = _core.device_generation()
cell(0.5).hh.gnabar = 0.2
h.fadvance()
assert _core.device_generation() == before == model["generation"]
cell.insert("pas")
assert _core.device_generation() != before
assert named(_core.device_model(), "pas")["n"] == 3
"""
    )


def test_addresses_are_resolved(run):
    run(
        CELL
        + """
hh = named(model, "hh")
place = model["mechanisms"].index(hh)
asked = [
    address(model["node"]["v"], 2), address(hh["columns"]["m"], 1), address(hh["columns"]["m"], 2),
    address(model["ions"][1]["columns"][3]), 8, _core.device_global("t").ctypes.data,
]
kind, index, field, row, element = (list(a) for a in _core.device_resolve(asked))
m = list(hh["columns"]).index("m")
assert kind == [1, 2, 2, 2, 0, 3]
assert index[:4] == [0, place, place, model["ions"][1]["mechanism"]]
assert field[1:4] == [m, m, 3] and row[:4] == [2, 1, 2, 0] and element[:4] == [0] * 4
"""
    )


def test_globals(run):
    run(
        CELL
        + """
_core.device_global("celsius")[0] = 37
assert h.celsius == 37
_core.device_global("usetable_hh")
try:
    _core.device_global("nothing_of_that_name")
except KeyError:
    pass
else:
    raise AssertionError
"""
    )


def test_more_threads_are_refused(run):
    run(
        CELL
        + """
h.ParallelContext().nthread(2)
h.finitialize(-65)
assert "nthread" in _core.device_obstacles()[0][1]
try:
    _core.device_model()
except RuntimeError as error:
    assert "nthread" in str(error)
else:
    raise AssertionError
"""
    )


def test_sources_and_delays(run, mods):
    run(
        CELL
        + """
watch = h.hxWatch(cell(0.5))
stim = h.NetStim()
connections = [
    h.NetCon(cell(0.1)._ref_v, synapses[0], sec=cell), h.NetCon(cell(0.9)._ref_v, None, sec=cell),
    h.NetCon(cell(0.1)._ref_v, synapses[1], sec=cell), h.NetCon(watch, synapses[0]),
    h.NetCon(stim, synapses[0]),
]
for delay, connection in zip((3, 1, 2.5, 0.75, 0.5), connections):
    connection.delay = delay
connections[0].threshold = -20
h.finitialize(-65)
model = _core.device_model()
sources = _core.device_sources()
assert list(sources["threshold"]) == [-20, 10]
assert list(sources["delay"]) == [2.5, np.inf]  # without a target nothing is sent
kind, index, _field, row, _element = _core.device_resolve(sources["address"])
hh = named(model, "hh")
assert list(row) == [hh["node"][0], hh["node"][2]] and list(kind) == [1, 1]
assert sources["point_delay"] == {named(model, "hxWatch")["type"]: 0.75}
assert sources["has_watch"] and sources["watch"][0][:2] == (named(model, "hxWatch")["type"], 0)
connections[2].active(0)
assert _core.device_sources()["delay"][0] == 3
""",
        mods,
    )


def test_indices_of_sources_need_a_reading(run):
    run(
        CELL
        + """
connection = h.NetCon(cell(0.5)._ref_v, synapses[0], sec=cell)
for source, error, known in ((0, RuntimeError, False), (5, IndexError, True)):
    if known:
        _core.device_sources()
    try:
        _core.device_spikes([source])
    except error:
        pass
    else:
        raise AssertionError
"""
    )


def test_window_writes_events_down(run):
    run(
        CELL
        + """
stim = h.NetStim()
stim.start, stim.interval, stim.number = 0.1, 0.3, 3
connections = [h.NetCon(stim, s, 0, d, w) for s, d, w in zip(synapses, (0.2, 0.01), (1.5, 2.5))]
spikes = h.Vector()
connections[0].record(spikes)
h.finitialize(-65)
window = _core.device_window(20, types(model))
assert window.n_step == 20 and window.stop == "n_max" and h.t == 0
assert np.allclose(spikes, [0.1, 0.4])
assert list(window.event_instance) == [0, 1, 0]
assert np.allclose(window.event_te, [0.11, 0.3, 0.41])
assert list(window.event_step) == [4, 11, 16] and list(window.event_phase) == [0, 1, 0]
assert [window.weight[i, 0] for i in window.event_weight] == [2.5, 1.5, 2.5]
assert [s.g for s in synapses] == [0, 0]  # NET_RECEIVE did not run
h.fadvance()
assert synapses[0].g == 0
_core.device_window(0, types(model))
try:
    _core.device_window(5, [])
except RuntimeError as error:
    assert "ExpSyn" in str(error)
else:
    raise AssertionError
"""
    )


def test_times_have_neurons_rounding(run):
    run(
        CELL
        + """
seen = h.Vector().record(h._ref_t)
h.finitialize(-65)
for _ in range(300):
    h.fadvance()
expected = list(seen)
h.finitialize(-65)
window = _core.device_window(300, types(model))
assert list(window.t) == expected
assert list(window.t_half) == [t + 0.5 * 0.025 for t in expected[:-1]]
"""
    )


def test_window_stops_for_the_interpreter(run):
    run(
        CELL
        + """
h("x = 0")
h.finitialize(-65)
h.cvode.event(0.26, "x = 1")
h.cvode.event(1.01, "x = 2", synapses[0], 0)
first = _core.device_window(100, types(model))
assert (first.n_step, first.stop, h.x) == (11, "interpreter", 0)
"""
    )


def test_window_stops_before_a_host_step(run):
    run(
        CELL
        + """
h("x = 0")
h.finitialize(-65)
h.cvode.event(1.01, "x = 2", synapses[0], 0)
window = _core.device_window(100, types(model))
assert (window.n_step, window.stop, h.x) == (40, "host step", 0)
h.t = window.t[-1]
h.fadvance()
assert h.x == 2
"""
    )


def test_self_events_and_net_events_reach_the_queue(run, mods):
    run(
        CELL
        + """
stim = h.NetStim()
stim.start, stim.number = 0.1, 1
watch = h.hxWatch(cell(0.5))
kick = h.NetCon(stim, watch, 0, 0, 0.5)
out = h.NetCon(watch, synapses[0], 0, 1, 3)
times = h.Vector()
out.record(times)
h.finitialize(-65)
model = _core.device_model()
_core.device_sources()
window = _core.device_window(20, types(model))
assert len(window.event_te) == 1 and window.event_flag[0] == 0
te = window.event_te[0]
event = window.event_mechanism[0], window.event_instance[0]
_core.device_window_done(
    window,
    sent={
        "kind": [0, 1],
        "step": [window.event_step[0]] * 2,
        "at": [te] * 2,
        "event": [0, 0],
        "mechanism": [event[0]] * 2,
        "instance": [event[1]] * 2,
        "time": [te, te + 0.7],
        "flag": [0, 3],
        "weight": [-1, window.event_weight[0]],
        "pending": [-1, -1],
    },
)
assert list(times) == [te]
later = _core.device_window(40, types(model))
names = [model["mechanisms"][i]["name"] for i in later.event_mechanism]
assert names == ["hxWatch", "ExpSyn"]
assert list(later.event_te) == [te + 0.7, te + 1] and list(later.event_flag) == [3, 0]
assert list(later.weight[:, 0]) == [0.5, 3]  # a self event keeps its NetCon's weight
""",
        mods,
    )


def test_what_was_due_inside_the_window_is_an_error(run):
    run(
        CELL
        + """
connection = h.NetCon(cell(0.5)._ref_v, synapses[0], sec=cell)
connection.delay = 0.1
h.finitialize(-65)
_core.device_sources()
window = _core.device_window(20, types(model))
_core.device_window_done(window, spike_step=[17], spike_source=[0])
window = _core.device_window(20, types(model))
try:
    _core.device_window_done(window, spike_step=[3], spike_source=[0])
except RuntimeError as error:
    assert "inside the steps" in str(error)
else:
    raise AssertionError
"""
    )


def test_weights_go_back(run, mods):
    run(
        CELL
        + """
stim = h.NetStim()
stim.start, stim.number, stim.interval = 0.1, 5, 0.1
depress = h.hxDepress(cell(0.5))
connections = [h.NetCon(stim, depress, 0, 0, 0.5), h.NetCon(stim, synapses[0], 0, 0, 0.25)]
h.finitialize(-65)
model = _core.device_model()
window = _core.device_window(8, types(model))
assert sorted(window.weight_arity) == [1, 3] and window.weight.shape == (2, 3)
weight = window.weight * 2
_core.device_window_done(window, weight=weight)
assert [connections[0].weight[i] for i in range(3)] == [1, 2, 0]
assert connections[1].weight[0] == 0.5
""",
        mods,
    )


def test_plays_leave_the_devices_columns_alone(run):
    run(
        CELL
        + """
clamp = h.IClamp(cell(0.5))
wave, at = h.Vector([0, 1]), h.Vector([0, 1])
wave.play(clamp._ref_amp, at, 1)
steps, step_at = h.Vector([5, 6]), h.Vector([0.11, 0.21])
steps.play(clamp._ref_dur, step_at)
h.finitialize(-65)
clamp.amp, clamp.dur = -3, -4
model = _core.device_model()
window = _core.device_window(10, types(model))
assert (clamp.amp, clamp.dur) == (-3, -4)
columns = named(model, "IClamp")["columns"]
assert list(window.play_address) == [address(columns["amp"])]
assert np.allclose(window.play[:, 0, 0], window.t_half) and window.play.shape == (10, 2, 1)
assert np.allclose(window.play[:, 1, 0], window.t[1:])
stepped = window.write_address == address(columns["dur"])
assert list(window.write_value[stepped]) == [5, 6]
assert list(window.write_step[stepped]) == [4, 8]
assert set(window.write_address[~stepped]) <= {address(columns["amp"])}  # at the wave's knots
"""
    )


def test_samples_and_records(run):
    run(
        CELL
        + """
v = h.Vector().record(cell(0.5)._ref_v)
time = h.Vector().record(h._ref_t)
sampled = h.Vector().record(cell(0.5)._ref_v, 0.1)
h.finitialize(-65)
kinds = [(r["kind"], r["continuous"], r["host"]) for r in _core.device_records()]
assert kinds == [("y", True, False), ("t", True, False), ("dt", False, False)]
window = _core.device_window(10, types(model))
_core.device_append(0, np.arange(10.0))
_core.device_append(1, window.t[1:])
taken = len(sampled)
_core.device_window_done(window, sample=100 + np.arange(len(window.sample_step)))
assert list(v)[1:] == list(range(10)) and len(time) == 11
assert list(sampled)[1:] == [100, 101] and taken == 3
late = h.Vector().record(cell(0.5)._ref_v)
assert not _core.device_records()[3]["continuous"]  # finitialize has not seen it
try:
    _core.device_append(2, [1.0])
except ValueError:
    pass
else:
    raise AssertionError
"""
    )


@pytest.mark.parametrize(
    "code, reason",
    [
        ("connection = h.NetCon(cell(0.5)._ref_v, None, sec=cell); connection.record('')", None),
        (
            "connection = h.NetCon(cell(0.5)._ref_v, None, sec=cell)\nconnection.record('x = 1')",
            "statement",
        ),
        ("h.cvode.queue_mode(1)", "queue_mode"),
        ("h.cvode_active(1)", "variable step"),
        ("random = h.Random(1)\nrandom.play(cell(0.5)._ref_v)", "Random.play"),
        ("h.cvode.extra_scatter_gather(0, lambda: None)", "extra_scatter_gather"),
        ("wave, at = h.Vector([0, 1]), h.Vector([0, 1])\nwave.play('x = $1', at, 1)", "statement"),
    ],
)
def test_obstacles(run, code, reason):
    output = run(f"h('x = 0')\n{CELL}\n{code}\nh.finitialize(-65)\nprint(_core.device_obstacles())")
    found = output.splitlines()[-1]
    assert reason in found if reason else found == "[]"


def test_numbers_are_called_what_a_script_calls_them(run, mods):
    run(
        """
from ctypes import addressof, c_double
class Cell:
    pass
soma, dend = h.Section("soma"), h.Section("dend", Cell())
dend.connect(soma(1))
dend.nseg = 3
soma.insert("hh")
synapse = h.ExpSyn(dend(0.9))
stim, netcon = h.NetStim(), h.NetCon(None, h.ExpSyn(soma(0.5)))
vector = h.Vector([1, 2, 3])
h("x_seen = 1")
h("double many[5]")
h.CVode().use_fast_imem(True)
h.finitialize(-65)
for reference, expected in (
    (soma(0.5)._ref_v, "soma(0.5).v"),
    (soma(0)._ref_v, "soma(0).v"),
    (soma(1)._ref_v, "soma(1).v"),
    (dend(1)._ref_v, f"{dend}(1).v"),
    (dend(0.5)._ref_i_membrane_, f"{dend}(0.5).i_membrane_"),
    (soma(0.5)._ref_m_hh, "soma(0.5).m_hh"),
    (soma(0.5)._ref_ena, "soma(0.5).ena"),
    (soma(0.5)._ref_cm, "soma(0.5).cm"),
    (dend(0.5)._ref_diam, f"{dend}(0.5).diam"),
    (synapse._ref_tau, "ExpSyn[0].tau"),
    (stim._ref_interval, "NetStim[0].interval"),
    (netcon._ref_weight[0], "NetCon[0].weight[0]"),
    (vector._ref_x[2], "Vector[0].x[2]"),
    (h._ref_celsius, "celsius"),
    (h._ref_usetable_hh, "usetable_hh"),
    (h._ref_t, "t"),
    (h._ref_x_seen, "x_seen"),
    (h._ref_many[3], "many[3]"),
):
    held = h.Vector().record(reference)
    address = [r["address"] for r in _core.device_records()][-1]  # 0: Vector.record(t)
    assert not address or _core.device_name(address) == expected, expected
    assert address or expected == "t"
    del held
assert _core.device_name(addressof(c_double(1.0))) == "a variable"
"""
    )
