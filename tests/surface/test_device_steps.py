"""Steps by an attached device engine: same numbers as plain NEURON however long its windows are."""

import ast
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("has_core")

SCRIPT = Path(__file__).with_name("device_scenarios.py")
ON_THE_HOST = ("spike_statement",)  # an obstacle: the CPU engine does the run


def scenario_names():
    """Functions under @scenario, without running the file: it imports NEURON."""
    functions = [n for n in ast.parse(SCRIPT.read_text()).body if isinstance(n, ast.FunctionDef)]
    marked = [f for f in functions if any(ast.unparse(d) == "scenario" for d in f.decorator_list)]
    return [function.name for function in marked]


@functools.cache
def outcomes(mode):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HELIOX_")}
    environment["NEURON_MODULE_OPTIONS"] = "-nogui"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), mode],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-1000:]}\n{done.stderr[-4000:]}"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("length", ["1", "7", "1000"])
@pytest.mark.parametrize("name", scenario_names())
def test_scenario_is_the_same_with_a_device(name, length):
    outcome = outcomes(length)[name]
    assert outcome["result"] == outcomes("plain")[name]["result"]
    engines = {engine for engine, _kind, steps, _reason in outcome["runs"] if steps}
    assert engines == ({"cpu"} if name in ON_THE_HOST else {"gpu"})


def test_host_steps_are_counted():
    runs = outcomes("7")["point_process_event"]["host_steps"]
    assert sum(runs) == 5  # three events in one run, two in the other


def test_reason_of_a_refusal_is_in_the_run():
    (run,) = outcomes("7")["spike_statement"]["runs"]
    assert run[3] == "NetCon.record runs a statement"


MODEL = """
import os, signal, sys
from neuron import h
import heliox_neuron
from heliox_neuron import _core, heliox
h.load_file("stdrun.hoc")
sys.path.insert(0, {folder!r})
from device_scenarios import ReferenceEngine, clamp, soma
cell = soma()
stimulus = clamp(cell)
v = h.Vector().record(cell(0.5)._ref_v)
h.tstop = 20
heliox.enable = True
pc = h.ParallelContext()
pc.set_maxstep(10)
class Engine(ReferenceEngine):
    calls = 0
    def steps(self, kind, n, t_stop):
        Engine.calls += 1
        return self.own(kind, n, t_stop)
    def finish(self, *request):
        return ReferenceEngine.steps(self, *request)
engine = Engine(_core, 100)
_core.set_device_engine(engine)
"""


@pytest.fixture
def device(fresh_python):
    def run(code, **variables):
        return fresh_python(MODEL.format(folder=str(SCRIPT.parent)) + code, **variables).stdout

    return run


def test_refusal_holds_until_finitialize(device):
    output = device("""
Engine.own = lambda self, *request: ("HX032", "not today")
h.finitialize(-65)
pc.psolve(5); pc.psolve(10); h.fadvance(); h.fadvance()
print("calls", Engine.calls)
h.finitialize(-65)
pc.psolve(5)
print("calls", Engine.calls, {(r["engine"], r["code"], r["reason"]) for r in _core.runs()})
""")
    assert output.splitlines()[-2:] == ["calls 2", "calls 3 {('cpu', 'HX032', 'not today')}"]


@pytest.mark.parametrize("device_name, warned", [("gpu", True), ("auto", False)])
def test_refusal_is_a_warning_only_when_the_device_was_asked_for(device, device_name, warned):
    output = device(f"""
seen = []
_core.set_warner(lambda *message: seen.append(message))
_core.set("device", {device_name!r})
Engine.own = lambda self, *request: ("HX032", "not today")
h.run()
print(bool(seen), len(v))
""")
    assert output.splitlines()[-1] == f"{warned} 801"


def test_cpu_setting_leaves_the_device_alone(device):
    output = device("""
_core.set("device", "cpu")
Engine.own = Engine.finish
h.run()
print(Engine.calls, len(v), {r["engine"] for r in _core.runs()})
""")
    assert output.splitlines()[-1] == "0 801 {'cpu'}"


def test_error_of_the_engine_is_a_hoc_error(device):
    output = device("""
def fail(self, *request):
    if Engine.calls == 1:
        raise ValueError("broken device")
    return self.finish(*request)
Engine.own = fail
for run in h.run, lambda: (h.finitialize(-65), pc.psolve(20)):
    Engine.calls = 0
    try:
        run()
    except RuntimeError as error:
        print("broken device" in str(error))
Engine.own = Engine.finish
h.run()
print(len(v))
""")
    assert output.splitlines()[-3:] == ["True", "True", "801"]


@pytest.mark.parametrize("run", ["h.run()", "(h.finitialize(-65), pc.psolve(20))"])
def test_interrupt_stops_between_windows(device, run):
    output = device(f"""
signal.signal(signal.SIGINT, signal.default_int_handler)
def interrupt(self, kind, n, t_stop):
    done = self.finish(kind, min(n, 100), t_stop)
    os.kill(os.getpid(), signal.SIGINT)
    assert _core.device_pause()
    return done
Engine.own = interrupt
try:
    {run}
except KeyboardInterrupt:
    print("stopped", len(v), round(h.t, 3), v.x[len(v) - 1] == cell(0.5).v)
Engine.own = Engine.finish
h.run()
print(len(v))
""")
    assert output.splitlines()[-2:] == ["stopped 101 2.5 True", "801"]


def test_short_answers_are_asked_again_after_a_host_step(device):
    output = device("""
asked = []
def short(self, kind, n, t_stop):
    asked.append(n)
    return self.finish(kind, min(n, 300), t_stop)
Engine.own = short
h.finitialize(-65)
pc.psolve(20)
device = list(v)
print(asked, [(r["engine"], r["steps"], r["host_steps"]) for r in _core.runs()])
heliox.enable = False
h.finitialize(-65)
pc.psolve(20)
print(device == list(v))
""")
    assert output.splitlines()[-2:] == ["[800, 499, 198] [('gpu', 800, 2)]", "True"]


def test_own_advance_is_called_at_each_step(device):
    output = device("""
Engine.own = Engine.finish
h("advances = 0")
h("proc advance() { advances += 1  fadvance() }")
h.run()
print(int(h.advances), len(v), {(r["engine"], r["kind"]) for r in _core.runs()})
""")
    assert output.splitlines()[-1] == "800 801 {('gpu', 'fadvance')}"
