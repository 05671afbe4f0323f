"""NET_RECEIVE as printed for the device, run on the host against NEURON's compiled one.

One long fixed step delivers all events of its first half at once and before anything else moves, so
that a queue of ours and NEURON's see the same states. All columns are made RANGE for NEURON, our
kernel is that of the text as it is.
"""

from __future__ import annotations

import ctypes
import random
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from heliox_neuron.nmodl.ir import Storage
from heliox_neuron.nmodl.lower import lower, read
from heliox_neuron.nmodl.net_receive import lower_receive
from heliox_neuron.nmodl.unsupported import Unsupported
from parity import mods
from parity.isolate import isolated
from unit.receive_call import Instance, Queue, Receiver

BUILTIN = ("ExpSyn", "Exp2Syn", "IntFire1", "IntFire2", "IntFire4")
OURS = "hxdepress hxtimer hxwatch hxnrstdp hxnrca hxnrcell hxnrwatch".split()


def texts() -> dict[str, str]:
    """MOD texts by mechanism name."""
    from heliox_neuron.codegen.builtins import builtin_texts

    found = {name: builtin_texts()[name] for name in BUILTIN[:2]}
    found |= {name: _neuron_text(name) for name in BUILTIN[2:]}
    # printf is not translated
    found["IntFire2"] = re.sub(r"\bprintf\([^)]*\)", "", found["IntFire2"])
    for file in OURS:
        text = (mods.TESTS / "mod" / f"{file}.mod").read_text()
        found[read(text).name] = text
    return found


def _neuron_text(name: str) -> str:
    from neuron import h

    types = h.MechanismType(1)
    types.select(name)
    return str(types.code())


def load_exposed(given: dict[str, str]) -> None:
    """Loads all mechanisms as <name>X, with every column RANGE."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "net_receive"
        folder.mkdir()
        for name, text in given.items():
            (folder / f"{name}X.mod").write_text(_exposed(name, text))
        mods.load(folder)


def _exposed(name: str, text: str) -> str:
    variables = read(text).variables.values()
    hidden = [v.name for v in variables if v.storage is Storage.FIELD and not v.visible]
    shown = re.sub(rf"\b{name}\b", f"{name}X", text)
    if not hidden:
        return shown
    return re.sub(r"NEURON\s*\{", f"NEURON {{ RANGE {', '.join(hidden)}\n", shown, count=1)


class Replay:
    """One instance in NEURON, and the same in a queue of ours."""

    def __init__(self, name: str, text: str, **parameters: float) -> None:
        from neuron import h

        self.name = name
        self.section = h.Section(name=f"at{name}")
        self.section.L = self.section.diam = 12.3
        with tempfile.TemporaryDirectory() as place:
            self.receiver = Receiver(text, Path(place))
        self.artificial = self.receiver.kernel.mechanism.kind == "artificial"
        where = () if self.artificial else (self.section(0.5),)
        self.target = getattr(h, f"{name}X")(*where)
        for key, value in parameters.items():
            setattr(self.target, key, value)
        self.netcons = [h.NetCon(None, self.target) for _ in range(2)]
        for netcon, weight in zip(self.netcons, (0.9, 0.43), strict=True):
            netcon.weight[0] = weight
        self.fired = h.Vector()
        self.netcon_out = h.NetCon(self.target, None)
        self.netcon_out.record(self.fired)

    def start(self, sent: list[tuple[float, float]]) -> None:
        """After finitialize. sent: what INITIAL sent (time, flag)."""
        from neuron import h

        place = Instance(self._read(), h.dt, h.celsius)
        self.queue = Queue(self.receiver, place)
        n = self.receiver.receive.n_weight
        self.weights = [
            (ctypes.c_double * n)(*[netcon.weight[k] for k in range(n)]) for netcon in self.netcons
        ]
        for t, flag in sent:
            self.queue.send(t, flag, None)
        self.queue.until(0.0)

    def _read(self) -> dict[str, ctypes.c_double]:
        from neuron import h

        segment = self.section(0.5)
        values = {"v": segment.v, "area": segment.area()}
        mechanism = self.receiver.kernel.mechanism
        for variable in mechanism.variables.values():
            if variable.storage is Storage.FIELD:
                values[variable.name] = getattr(self.target, variable.name)
            elif variable.storage is Storage.ION:
                values[f"ion {variable.name}"] = getattr(segment, variable.name)
                values[variable.name] = float("nan")
        for variable in self.receiver.layout.globals:
            key = f"global {self.receiver.layout.global_name(variable)}"
            values[key] = getattr(h, f"{variable.name}_{self.name}X")
        return {key: ctypes.c_double(value) for key, value in values.items()}

    def event(self, t: float, which: int) -> None:
        self.netcons[which].event(t)
        self.queue.send(t, 0.0, self.weights[which], "NetCon")

    def differences(self) -> list[str]:
        """What is not the same bits."""
        unkept = self.receiver.unkept()
        own = self.queue.place.values
        out = []
        for key, value in self._read().items():
            if key not in unkept and value.value == value.value != own[key].value:
                out.append(f"{self.name}.{key}: {value.value!r} {own[key].value!r}")
        for k, (netcon, weight) in enumerate(zip(self.netcons, self.weights, strict=True)):
            theirs = [netcon.weight[j] for j in range(len(weight))]
            if theirs != list(weight):
                out.append(f"{self.name} weights {k}: {theirs} {list(weight)}")
        if list(self.fired) != self.queue.fired:
            out.append(f"{self.name} fired: {list(self.fired)} {self.queue.fired}")
        return out


def run_events(given: dict[str, dict[str, Any]]) -> dict[str, Replay]:
    """Random events for each mechanism: {name: {"sent": ..., parameters}}; compares ten times."""
    from neuron import h

    all_texts = texts()
    load_exposed(all_texts)
    replays, sent = {}, {}
    for name, options in given.items():
        sent[name] = options.pop("sent", [])
        replays[name] = Replay(name, all_texts[name], **options)
    section = h.Section(name="clock")
    clock = h.ExpSyn(section(0.5))
    h.celsius = 21.7
    h.dt = 400
    h.finitialize(-61.3)
    chance = random.Random(5)
    looked: list[float] = []
    different: list[str] = []

    def look() -> None:
        looked.append(h.t)
        for replay in replays.values():
            replay.queue.until(h.t)
            different.extend(replay.differences())

    for name, replay in replays.items():
        replay.start(sent[name])
        for _ in range(150):
            replay.event(chance.uniform(0, 199), chance.randrange(2))
    cvode = h.CVode()
    for k in range(10):
        # with a point process it is called when its time has come, not after the step
        cvode.event(19.9 * (k + 1), look, clock, 0)
    h.fadvance()
    assert looked == [19.9 * (k + 1) for k in range(10)]
    assert not different, "\n".join(different[:20])
    return replays


@isolated
def test_events_at_point_processes() -> None:
    replays = run_events(
        {
            "ExpSyn": {},
            "Exp2Syn": {"tau1": 0.7, "tau2": 4.1},
            "hxDepress": {"trec": 17.3},
            "hxWatch": {"sent": [(0.0, 1.0)]},
            "hxNrStdp": {"lag": 1.37},
            "hxNrCa": {},
        }
    )
    stdp = replays["hxNrStdp"].target
    assert stdp.hits > 50 and stdp.trace != 0 and len(replays["hxNrStdp"].fired) > 3
    assert replays["hxNrCa"].target.near != 0


@isolated
def test_events_at_artificial_cells() -> None:
    replays = run_events(
        {
            "IntFire1": {"refrac": 1.3},
            "IntFire2": {"sent": [(1e9, 1.0)], "taum": 3.1},
            "IntFire4": {"sent": [(1e9, 1.0)]},
            "hxTimer": {"sent": [(4.0, 1.0)]},
            "hxNrCell": {"sent": [(6.0, 1.0)]},
        }
    )
    for name, replay in replays.items():
        assert len(replay.fired) > 3, name
    assert replays["hxNrCell"].target.n > 3


@isolated
def test_watch() -> None:
    from neuron import h

    all_texts = texts()
    load_exposed(all_texts)
    replay = Replay("hxNrWatch", all_texts["hxNrWatch"])
    h.dt = 0.025
    h.finitialize(-50)
    replay.start([(0.0, 1.0)])
    chance = random.Random(2)
    for _ in range(600):
        v = chance.uniform(-110, 120)
        for segment in replay.section.allseg():
            segment.v = v
        replay.queue.place.values["v"].value = v
        replay.queue.check_watch(h.t)
        replay.queue.until(h.t + h.dt / 2)
        h.fadvance()
        different = replay.differences()
        assert not different, different
    target = replay.target
    counts = (target.up, target.down, target.steep % 1000, target.steep // 1000)
    assert min(counts) > 5, counts


# ---- what the analysis says, and what is refused ----

POINT = """
NEURON { POINT_PROCESS p RANGE a, b GLOBAL g POINTER q USEION ca READ cai, ica }
PARAMETER { g = 1 }
ASSIGNED { v a b hidden scratch q cai ica }
BREAKPOINT { a = f(v)*hidden }
FUNCTION f(x) { f = x }
FUNCTION needs_v() { needs_v = v }
FUNCTION needs_cai() { needs_cai = cai }
FUNCTION assigns(x) { a = x  assigns = x }
PROCEDURE global(x) { g = x }
"""


def point(block: str, extra: str = "") -> str:
    return f"{POINT}{extra}\nNET_RECEIVE (w, u) {{\n{block}\n}}\n"


def test_columns_and_weights() -> None:
    receive = lower_receive(
        point("INITIAL { u = v }\nif (w > 0) { b = q }\nscratch = f(w)  hidden = scratch  u = 1")
    )
    assert receive is not None
    assert [v.name for v in receive.columns.load] == ["b"]  # stored whether or not it was assigned
    assert [v.name for v in receive.columns.store] == ["b", "hidden"]
    assert (receive.n_weight, receive.weights_read, receive.weights_written) == (2, [0], [1])
    assert [v.name for v in receive.pointers] == ["q"]
    assert not (receive.reads_v or receive.writes_v or receive.reads_t or receive.uses_net_send)


def test_v_and_t() -> None:
    receive = lower_receive(point("a = needs_v() + 0*v\nnet_event(t)"))
    assert receive is not None and receive.reads_v and not receive.writes_v
    assert receive.reads_t and receive.uses_net_event and not receive.uses_net_move
    receive = lower_receive(point("v = w"))
    assert receive is not None and receive.writes_v and not receive.reads_v
    receive = lower_receive(point("if (w > 0) { v = w }"))
    assert receive is not None and receive.writes_v and receive.reads_v


def test_the_kernel_without_receive_is_as_before() -> None:
    text = point("hidden = rare(w)", "FUNCTION rare(x) { rare = exp(-t/3) + x }")
    plain, whole = lower(text), lower(text, receive=True)
    assert plain is not None and plain.receive is None
    assert "rare" not in [f.name for f in plain.functions]
    assert whole is not None and whole.receive is not None
    assert "rare" in [f.name for f in whole.functions]
    assert not whole.shared  # t is the event's: nothing that reads it is evaluated beforehand
    cell = "NEURON { ARTIFICIAL_CELL c }\nASSIGNED { n }\nNET_RECEIVE (w) { n = n + w }\n"
    assert lower(cell) is None
    kernel = lower(cell, receive=True)
    assert kernel is not None and kernel.current is None and kernel.state is None
    assert lower_receive(POINT) is None


REFUSED = [
    ("VERBATIM\na = 1;\nENDVERBATIM", "HX021", "VERBATIM in code that events run", 13),
    ("FOR_NETCONS (w1, u1) { w1 = 0 }", "HX022", "FOR_NETCONS in NET_RECEIVE", 13),
    ("a = 1\ng = w", "HX022", "NET_RECEIVE writes GLOBAL g", 14),
    ("if (w) {\nglobal(w)\n}", "HX022", "NET_RECEIVE writes GLOBAL g", 14),
    ("\na = needs_v()", "HX022", "NET_RECEIVE reads v of an earlier block", 14),
    ("a = needs_cai()", "HX022", "NET_RECEIVE reads cai of an earlier block", 13),
    ("q = 1", "HX022", "pointer q is written", 13),
    ("t = 1", "HX022", "t t is written", 13),
    ("a = scop_random()", "HX022", "scop_random()", 13),
    ('printf("%g", a)', "HX022", "a string", 13),
    ("WATCH (w > 1) 2", "HX022", "WATCH that reads w", 13),
    ("WATCH (assigns(v) > 1) 2", "HX022", "WATCH that calls assigns", 13),
    ("WATCH (cai > 1) 2", "HX022", "WATCH that reads cai", 13),
]


@pytest.mark.parametrize(("block", "code", "reason", "line"), REFUSED)
def test_refused(block: str, code: str, reason: str, line: int) -> None:
    text = point(block)
    with pytest.raises(Unsupported) as refused:
        lower_receive(text)
    assert (refused.value.code, refused.value.reason) == (code, reason)
    assert refused.value.line == line
    assert lower(text) is not None  # NEURON's own NET_RECEIVE serves the step


def test_what_the_step_leaves_in_globals_is_not_read() -> None:
    step = POINT.replace("a = f(v)*hidden", "g = v  a = g")
    with pytest.raises(Unsupported, match="NET_RECEIVE reads the written GLOBAL g"):
        lower_receive(f"{step}NET_RECEIVE (w) {{ b = g }}")


def test_device_dialect() -> None:
    from heliox_neuron.codegen.cpp_expr import DEVICE
    from heliox_neuron.codegen.cpp_writer import Writer
    from heliox_neuron.codegen.net_receive import print_net_receive

    kernel = lower(point("a = exp(-t) + log(w) + w^u"), receive=True)
    assert kernel is not None and kernel.receive is not None
    out = Writer("p.cu", "p.mod")
    print_net_receive(kernel, kernel.receive, out, DEVICE)
    expected = (
        "self.a = hx::exp(-shared.t, true, nullptr) + hx::log(weight[0]) "
        "+ hx::pow(weight[0], weight[1]);"
    )
    assert expected in out.text()


@pytest.mark.parametrize(
    ("delay", "time"),
    [
        ("a - b", "shared.t + self.a - self.b"),
        ("(a - b)", "shared.t + (self.a - self.b)"),
        ("(a - b)*2 - 1", "shared.t + (self.a - self.b) * 2.0 - 1.0"),
        ("-a - b", "shared.t + -self.a - self.b"),
        ("a < b", "(shared.t + self.a < self.b ? 1. : 0.)"),
    ],
)
def test_time_of_net_send(delay: str, time: str) -> None:
    from heliox_neuron.codegen.cpp_writer import Writer
    from heliox_neuron.codegen.net_receive import print_net_receive

    kernel = lower(point(f"net_send({delay}, 3)"), receive=True)
    assert kernel is not None and kernel.receive is not None
    out = Writer("p.cpp", "p.mod")
    print_net_receive(kernel, kernel.receive, out)
    assert f"sender.net_send({time}, 3.0);" in out.text()
