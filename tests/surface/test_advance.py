"""Switching, several models and runs, forks, interrupts, failing callbacks, ways to start."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from parity.isolate import check_status, environment, isolated, last_json, run_process, run_script
from parity.mods import REPOSITORY

PLAIN = os.environ.get("HELIOX_TEST_ENGINE") == "neuron"
needs_engine = pytest.mark.skipif(PLAIN, reason="HELIOX_TEST_ENGINE=neuron: nothing to start")

SCRIPT = """
import json, sys
from neuron import h
h.load_file("stdrun.hoc")
soma = h.Section(name="soma")
soma.L = soma.diam = 20
soma.insert("hh")
clamp = h.IClamp(soma(0.5))
clamp.delay, clamp.dur, clamp.amp = 2, 1e9, 0.3
v = h.Vector().record(soma(0.5)._ref_v)
h.tstop = 20
h.run()
engines = []
if "heliox_neuron" in sys.modules:
    from heliox_neuron import heliox
    engines = [run["engine"] for run in heliox.report().to_dict()["runs"]]
print(json.dumps({"v": [x.hex() for x in v], "engines": engines, "argv": sys.argv[1:]}))
"""


def reference(folder):
    """The result of SCRIPT in plain NEURON."""
    return run_script(SCRIPT, folder)["v"]


@isolated
def test_switching_in_the_middle_of_a_run():
    """NEURON, ours, NEURON, ours within one run: as NEURON alone, after every part."""
    from neuron import h

    from parity import compare, models

    heliox = compare.session()

    def advance(pattern):
        def parts(built):
            h.stdinit()
            for part, enable in enumerate(pattern):
                heliox.enable = enable
                h.continuerun(5 * (part + 1))
                built.notes.extend([h.t, built.sections[0](0.5).v])
            heliox.enable = 0

        return parts

    def record(built):
        return {**models.spikes(built), "notes": built.notes}

    neuron = compare.run_once(models.ball_and_stick, advance([0] * 6), record)
    ours = compare.run_once(models.ball_and_stick, advance([0, 1, 0, 1, 1, 0]), record)
    compare.check_engine([run for run in ours.runs if run["engine"] != "neuron"], steps=590)
    difference = compare.first_difference(neuron, ours)
    assert not difference, difference


@isolated
def test_several_models_in_one_process():
    from parity import compare, models, mods, ways

    mods.load()
    for name in ("ball_and_stick", "passive", "channels", "gap_junctions", "ball_and_stick"):
        build, record = models.MODELS[name]
        compare.run_both(build, ways.run, record)


@isolated
def test_sixteen_runs_of_one_model():
    from neuron import h

    from parity import compare, models

    heliox = compare.session()
    model = models.ball_and_stick()
    v = h.Vector().record(model.sections[0](0.5)._ref_v)
    h.run()
    expected = compare.contents(v).copy()
    heliox.enable = 1
    for number in range(16):
        h.run()
        assert compare.same(expected, compare.contents(v)), f"run {number}"
    compare.check_engine(compare.runs_so_far(), steps=16 * 1990)


@isolated
def test_sections_come_and_go_between_runs():
    from neuron import h

    from parity import compare, models

    heliox = compare.session()

    def sequence():
        results = []
        model = models.mixed_cells()
        h.run()
        results.append([segment.v for section in h.allsec() for segment in section])
        extra = h.Section(name="extra")
        extra.insert("hh")
        extra.connect(model.sections[5](1))
        h.run()
        results.append([segment.v for section in h.allsec() for segment in section])
        del extra
        removed = model.sections.pop()
        h.delete_section(sec=removed)
        del removed
        h.run()
        results.append([segment.v for section in h.allsec() for segment in section])
        model.close()
        return results

    results = []
    for enable in (0, 1):
        heliox.enable = enable
        results.append(sequence())
        compare.tear_down()
    compare.check_engine(compare.runs_so_far(), steps=3 * 1990)
    for neuron, ours in zip(*results, strict=True):
        assert compare.same(compare.contents(neuron), compare.contents(ours))


@isolated
def test_enabled_before_any_section_and_mods_loaded_later():
    """enable = 1 first; then a run without a model; then MODs are loaded; then a model is built."""
    from neuron import h

    from parity import compare, models, mods, ways

    heliox = compare.session()
    heliox.enable = 1
    h.load_file("stdrun.hoc")
    h.finitialize(-65)
    h.fadvance()
    build, record = models.MODELS["passive"]
    compare.run_once(build, ways.run, record)
    mods.load()
    build, record = models.MODELS["channels"]
    ours = compare.run_once(build, ways.run, record)
    compare.check_engine(ours.runs, steps=1990)
    heliox.enable = 0
    neuron = compare.run_once(build, ways.run, record)
    difference = compare.first_difference(neuron, ours)
    assert not difference, difference


@isolated
def test_no_sections_at_all():
    """Artificial cells only: the event queue advances."""
    from neuron import h

    from parity import compare, models

    heliox = compare.session()
    results = []
    for enable in (0, 1):
        heliox.enable = enable
        model = models.Model()
        for number in range(3):
            cell = model.keep(h.IntFire1())
            model.connect(model.stim(number, 2), cell, 0.6, 0.5)
            model.connect(cell, None).record(model.times, model.gids, number)
        h.run()
        results.append((h.t, list(model.times), list(model.gids)))
        model.close()
        compare.tear_down()
    assert len(results[0][1]) > 5
    assert results[0] == results[1]


@isolated
def test_fork():
    """A child forked before and after a run computes what the parent computes."""
    import hashlib

    from neuron import h

    from parity import compare, models

    heliox = compare.session()
    model = models.ball_and_stick()
    v = h.Vector().record(model.sections[0](0.5)._ref_v)

    def result():
        h.run()
        return hashlib.sha256(compare.contents(v).tobytes()).hexdigest().encode()

    expected = result()
    heliox.threads = 2
    heliox.enable = 1

    def in_child():
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(write, result())
            finally:
                os._exit(0)
        os.close(write)
        signal.alarm(60)  # a child that hangs
        found = os.read(read, 100)
        signal.alarm(0)
        os.waitpid(child, 0)
        os.close(read)
        return found

    assert in_child() == expected, "forked before the first run"
    assert result() == expected
    assert in_child() == expected, "forked after a run"
    assert result() == expected
    compare.check_engine(compare.runs_so_far(), steps=2 * 1990)


STEPS_ASIDE = ("cvode", "extracellular", "linear_mechanism", "optimize_node_order")


@pytest.mark.parametrize("what", STEPS_ASIDE)
@isolated
def test_steps_aside(what):
    """What is not ours runs in plain NEURON, with one warning that has a code."""
    import warnings

    from neuron import h

    from parity import compare, models

    def build():
        model = models.mixed_cells()
        if what == "extracellular":
            model.sections[5].insert("extracellular")
        if what == "linear_mechanism":
            g, c = model.keep(h.Matrix(1, 1)), model.keep(h.Matrix(1, 1))
            g.setval(0, 0, 1e-3)
            y, b = model.keep(h.Vector(1)), model.keep(h.Vector(1))
            sections = model.keep(h.SectionList())
            sections.append(sec=model.sections[0])
            where = model.keep(h.Vector([0.5]))
            model.keep(h.LinearMechanism(c, g, y, b, sections, where))
        return model

    def advance(model):
        h.CVode().active(what == "cvode")
        if what == "optimize_node_order":
            h.ParallelContext().optimize_node_order(1)
        h.tstop = 10
        h.run()
        h.CVode().active(False)

    heliox = compare.session()
    neuron = compare.run_once(build, advance)
    heliox.enable = 1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ours = compare.run_once(build, advance)
    heliox.enable = 0
    difference = compare.first_difference(neuron, ours)
    assert not difference, difference
    if compare.PLAIN:
        return
    assert all(run["engine"] == "neuron" for run in ours.runs), ours.runs
    assert any("HX04" in str(warning.message) for warning in caught), "no warning with a code"


@needs_engine
@isolated
def test_strict_makes_a_fallback_an_error():
    from neuron import h

    from parity import compare, models

    model = models.mixed_cells()
    model.sections[5].insert("extracellular")
    heliox = compare.session()
    heliox.strict = 1
    heliox.enable = 1
    try:
        h.run()
    except Exception as error:
        assert "HX04" in str(error), error
    else:
        raise AssertionError("strict: no error for extracellular")
    heliox.strict = 0
    h.run()
    assert h.t > 49


USER_CODE = {
    "advance": "proc advance() { fadvance() hx_count += 1 }",
    "step": "proc step() { local i for i = 1, nstep_steprun { advance() hx_count += 1 } Plot() }",
    "continuerun": "proc continuerun() { while (t < $1) { fadvance() hx_count += 1 } }",
    "init": "proc init() { finitialize(v_init) hx_count += 1 soma.v(0.5) = -60 fcurrent() }",
    "run": "proc run() { stdinit() hx_count += 1 while (t < tstop) { advance() } }",
}


@pytest.mark.parametrize("name", USER_CODE)
@isolated
def test_procedures_redefined_by_the_user(name):
    """A script's own advance, step, continuerun, init or run is called, as often as in NEURON."""
    from neuron import h

    from parity import compare, models

    h("hx_count = 0")
    h("create soma")
    h(USER_CODE[name])
    heliox = compare.session()
    h.soma.insert("hh")
    h.dt, h.tstop, h.v_init = 0.025, 20, -65
    assert models.MODELS  # stdrun was loaded before the redefinition
    v = h.Vector().record(h.soma(0.5)._ref_v)
    results = []
    for enable in (0, 1):
        heliox.enable = enable
        h.hx_count = 0
        before = compare.runs_so_far()
        h.run()
        results.append((h.hx_count, h.t, compare.contents(v).tobytes()))
    compare.check_engine(compare.new_runs(before, compare.runs_so_far()), steps=790)
    assert results[0][0] > 0
    assert results[0] == results[1]


INTERRUPT = """
import json, os, signal, subprocess, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from neuron import h
h.load_file("stdrun.hoc")
sys.path.insert(0, {tests!r})
from parity import compare, models
heliox = compare.session()
heliox.enable = 1
heliox.progress = 0
model = models.ball_and_stick()
v = h.Vector().record(model.sections[0](0.5)._ref_v)
h.tstop = 30
h.run()                                   # kernels are ready
expected = compare.contents(v).copy()
way = sys.argv[1]
h.tstop = 1e7
# from outside, as a terminal does: a thread here would wait for the GIL that the run holds
killer = subprocess.Popen(["sh", "-c", f"sleep 1; kill -INT {{os.getpid()}}"])
raised = False
try:
    if way == "psolve":
        h.ParallelContext().set_maxstep(10)
        h.stdinit()
        h.ParallelContext().psolve(h.tstop)
    elif way == "run":
        h.run()
    else:
        h.stdinit()
        while h.t < h.tstop:
            h.fadvance()
except KeyboardInterrupt:
    raised = True
killer.wait()
stopped = h.t
steps = round(stopped / h.dt)
state = model.sections[0](0.5).v
h.tstop = 30
h.run()
same = compare.same(expected, compare.contents(v))
print(json.dumps(dict(raised=raised, t=stopped, steps=steps, dt=h.dt, v=state, same=same,
                      end=h.t)))
"""


@needs_engine
@pytest.mark.parametrize("way", ["psolve", "run", "fadvance"])
def test_interrupt(way, tmp_path):
    """Ctrl-C: KeyboardInterrupt at a step boundary, a readable state, and the next run is right."""
    script = INTERRUPT.format(tests=str(REPOSITORY / "tests"))
    found = run_script(script, tmp_path, way, timeout=120)
    assert found["raised"], found
    assert 0 < found["t"] < 1e7
    assert abs(found["steps"] * found["dt"] - found["t"]) < 1e-3 * found["dt"] + 1e-9 * found["t"]
    assert -100 < found["v"] < 60
    assert found["same"] and abs(found["end"] - 30) < 0.03


@isolated
def test_error_inside_a_callback():
    """A callback raises: as in NEURON the run fails; afterwards everything works as before."""
    from neuron import h

    from parity import compare, models

    heliox = compare.session()

    def sequence():
        model = models.ball_and_stick()
        v = h.Vector().record(model.sections[0](0.5)._ref_v)
        broken = [True]

        def bad():
            if broken[0]:
                raise ValueError("from the callback")

        handler = h.FInitializeHandler(1, lambda: h.CVode().event(10, bad))
        failed, t = False, 0.0
        try:
            h.run()
        except Exception:
            failed = True
        t = h.t
        middle = model.sections[0](0.5).v
        broken[0] = False
        h.run()
        result = (failed, t, middle, h.t, compare.contents(v).tobytes())
        del handler
        model.close()
        return result

    results = []
    for enable in (0, 1):
        heliox.enable = enable
        results.append(sequence())
        compare.tear_down()
    assert results[0] == results[1], [result[:4] for result in results]
    compare.check_engine(compare.runs_so_far()[-1:], steps=1)


@isolated
def test_hoc_error_inside_a_hoc_callback():
    from neuron import h

    from parity import compare, models

    heliox = compare.session()
    h('proc hx_bad() { execerror("from hoc", "callback") }')
    results = []
    for enable in (0, 1):
        heliox.enable = enable
        model = models.mixed_cells()
        h.finitialize(-65)
        h.CVode().event(5, "hx_bad()")
        failed = False
        try:
            h.continuerun(10)
        except Exception:
            failed = True
        t = h.t
        h.run()
        results.append((failed, t, [section(0.5).v for section in model.sections]))
        model.close()
        del model
        compare.tear_down()
    assert results[0] == results[1], results


@isolated
def test_a_callback_creates_a_section():
    """NEURON refuses it inside a step (its data are frozen): so do we, at the same time."""
    from neuron import h

    from parity import compare, models

    heliox = compare.session()
    results = []
    for enable in (0, 1):
        heliox.enable = enable
        model = models.mixed_cells()
        handler = h.FInitializeHandler(1, lambda: h.CVode().event(8, lambda: h.Section(name="new")))
        message = ""
        try:
            h.run()
        except Exception as error:
            message = str(error)
        t = h.t
        del handler
        h.run()
        results.append(("frozen" in message, t, [section(0.5).v for section in model.sections]))
        model.close()
        del model
        compare.tear_down()
    assert results[0] == results[1], [result[:2] for result in results]


@needs_engine
def test_module_runs_a_script(tmp_path):
    (tmp_path / "model.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "heliox_neuron", "model.py", "--flag", "3"]
    found = last_json(check_status(run_process(command, cwd=tmp_path)))
    assert found["argv"] == ["--flag", "3"]
    assert found["engines"] and set(found["engines"]) == {"cpu"}
    assert found["v"] == reference(tmp_path)


@needs_engine
def test_environment_variable(tmp_path):
    found = run_script(SCRIPT, tmp_path, env=environment(HELIOX_ENABLE="1"))
    assert found["engines"] and set(found["engines"]) == {"cpu"}
    assert found["v"] == reference(tmp_path)


@needs_engine
def test_with_statement_and_hoc_switch(tmp_path):
    script = SCRIPT.replace("h.run()", "h('heliox.enable = 1')\nh.run()\nh.heliox.enable = 0")
    script = script.replace(
        "from neuron import h\n", "from neuron import h\nimport heliox_neuron\n"
    )
    found = run_script(script, tmp_path, name="hoc_switch.py")
    assert found["engines"] == ["cpu"]
    expected = reference(tmp_path)
    assert found["v"] == expected
    script = SCRIPT.replace("h.run()", "with heliox(enable=True):\n    h.run()\nh.run()")
    script = script.replace(
        "from neuron import h\n", "from neuron import h\nfrom heliox_neuron import heliox\n"
    )
    found = run_script(script, tmp_path, name="with_statement.py")
    assert found["engines"][0] == "cpu" and "cpu" not in found["engines"][1:]
    assert found["v"] == expected


@needs_engine
def test_hoc_script_through_the_module(tmp_path):
    ring = REPOSITORY / "hoc_examples" / "ring_network" / "ring.hoc"
    text = ring.read_text() + '\nrun()\n{printf("{\\"n\\": %d}\\n", spike_times.size())}\n'
    (tmp_path / "ring.hoc").write_text(text)
    command = [sys.executable, "-m", "heliox_neuron", "--device", "cpu", "ring.hoc"]
    found = last_json(check_status(run_process(command, cwd=tmp_path)))
    assert found["n"] > 20


@needs_engine
def test_nrniv(tmp_path):
    """The wheel's nrniv with HELIOX_ENABLE=1 (its Python reads the same .pth)."""
    nrniv = Path(sys.executable).parent / "nrniv"
    if not nrniv.exists() and shutil.which("nrniv") is None:
        pytest.skip("no nrniv beside this Python")
    ring = REPOSITORY / "hoc_examples" / "ring_network" / "ring.hoc"
    outputs = []
    for enable in ("0", "1"):
        (tmp_path / "m.hoc").write_text(
            ring.read_text()
            + '\nrun()\nprintf("n %d v %.17g\\n", spike_times.size(), root_v.sum())\n'
        )
        command = [nrniv, "-nogui", "m.hoc", "-c", "quit()"]
        env = environment(HELIOX_ENABLE=enable)
        done = check_status(run_process(command, cwd=tmp_path, env=env, timeout=60))
        outputs.append([line for line in done.stdout.splitlines() if line.startswith("n ")])
    assert outputs[0] and outputs[0] == outputs[1]
