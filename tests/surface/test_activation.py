"""Every way in: import before or after NEURON, hoc, HELIOX_ENABLE, the command line, pytest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from heliox_neuron.core import installed

pytestmark = pytest.mark.usefixtures("has_core")

RUN = """
h.load_file("stdrun.hoc")
soma = h.Section("soma")
soma.insert("hh")
v = h.Vector().record(soma(0.5)._ref_v)
h.tstop = 5
h.run()
"""


@pytest.mark.parametrize(
    "lines",
    [
        "import heliox_neuron\nfrom neuron import h",
        "from neuron import h\nimport heliox_neuron",
        "from neuron import h\nfrom heliox_neuron import heliox",
        "from heliox_neuron import heliox\nfrom neuron import h",
    ],
)
def test_import_in_any_order(fresh_python, lines):
    done = fresh_python(
        f"{lines}\nimport heliox_neuron\n"
        "assert h.heliox is heliox_neuron.heliox\nassert not h.heliox.enable\n"
        f"h.heliox.enable = 1\n{RUN}\nprint(h.heliox.report().to_dict()['runs'][-1]['engine'])"
    )
    assert done.stdout.split()[-1] == "cpu"


def test_hoc_reads_writes_and_prints(fresh_python):
    done = fresh_python(
        "import heliox_neuron\nfrom neuron import h\n"
        "h('heliox.enable = 1')\nassert h.heliox.enable is True\n"
        "h('heliox.device = \"cpu\"')\nassert h.heliox.device == 'cpu'\n"
        "h('heliox.threads = 1\\nprint heliox.enable, heliox.device')\n"
        "h('print heliox.report()')\n"
        "assert not h('heliox.thread = 3')\n"
    )
    assert "1 cpu" in done.stdout
    assert "HelioX for NEURON" in done.stdout
    assert 'Did you mean "threads"' in done.stderr


def test_a_variable_activates_without_an_edit(fresh_python):
    code = f"from neuron import h\n{RUN}\nprint(h.heliox.report().to_dict()['runs'][-1]['engine'])"
    done = fresh_python(
        "import sys\nassert 'neuron' not in sys.modules\n" + code,
        HELIOX_ENABLE="1",
        HELIOX_THREADS="1",
    )
    assert done.stdout.split()[-1] == "cpu"
    plain = fresh_python("from neuron import h\nprint(hasattr(h, 'heliox'))")
    assert plain.stdout.split()[-1] == "False"


def test_child_processes_are_activated_too(fresh_python):
    done = fresh_python(
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', "
        "'from neuron import h; print(h.heliox.enable)'], check=True)",
        HELIOX_ENABLE="1",
    )
    assert done.stdout.split()[-1] == "True"


def test_a_wrong_variable_never_breaks_the_script(fresh_python):
    done = fresh_python(
        "from neuron import h\nprint(h.heliox.device)", HELIOX_ENABLE="1", HELIOX_DEVICE="tpu"
    )
    assert done.stdout.split()[-1] == "auto"
    assert "HX030 HELIOX_DEVICE" in done.stderr


def heliox(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "heliox_neuron", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "NEURON_MODULE_OPTIONS": "-nogui"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("ending", ["", "quit()\n"])
def test_the_command_runs_hoc(tmp_path, ending):
    (tmp_path / "model.hoc").write_text(
        'load_file("stdrun.hoc")\ncreate soma\nsoma insert hh\ntstop = 5\nrun()\n'
        'print "t = ", t, heliox.enable\n' + ending
    )
    done = heliox("--report", "--verify", "model.hoc", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "t = 5 1" in done.stdout
    assert "identical: yes" in done.stderr


def test_the_command_runs_python_and_verifies(tmp_path):
    (tmp_path / "model.py").write_text(f"from neuron import h\n{RUN}\nraise SystemExit(4)\n")
    done = heliox("--report", "--verify", "model.py", cwd=tmp_path)
    assert done.returncode == 4
    assert "identical: yes" in done.stderr


def test_a_hoc_error_is_a_failure(tmp_path):
    (tmp_path / "model.hoc").write_text("create soma\nsoma insert nothing_like_it\n")
    assert heliox("model.hoc", cwd=tmp_path).returncode == 1


def test_nrniv_loads_the_library(tmp_path):
    nrniv = Path(sys.executable).parent / "nrniv"
    if not nrniv.exists():
        pytest.skip("no nrniv beside this interpreter")
    (tmp_path / "model.hoc").write_text(
        'load_file("stdrun.hoc")\ncreate soma\nsoma insert hh\ntstop = 5\n'
        'heliox.enable = 1\nrun()\nprint "enabled ", heliox.enable, t\nquit()\n'
    )
    done = subprocess.run(
        [str(nrniv), "-nogui", "-dll", str(installed("libheliox.so")), "model.hoc"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "enabled 1 5" in done.stdout, done.stdout + done.stderr


def test_somebodys_test_suite(tmp_path):
    (tmp_path / "test_model.py").write_text(
        f"from neuron import h\n\ndef test_run():\n    {RUN.strip()!r}\n"
        f"    exec({RUN!r}, globals())\n    assert h.heliox.enable\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "heliox_neuron.pytest_plugin", "-W", "error"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "on cpu" in done.stdout


def test_verify_restores_the_settings(fresh_python):
    done = fresh_python(
        "import heliox_neuron\nfrom neuron import h\n" + RUN + "h.heliox.device = 'neuron'\n"
        "report = h.heliox.verify(2)\nassert report.identical, report\n"
        "assert not h.heliox.enable and h.heliox.device == 'neuron'\nprint(report.max_dv)\n"
        "h.heliox.device = 'auto'\nassert h.heliox.verify(2).to_dict()['engines'] == ['cpu']"
    )
    assert done.stdout.split()[-1] == "0.0"


def test_variables_share_neurons_memory(fresh_python):
    fresh_python(
        "import heliox_neuron\nfrom neuron import h\n"
        + RUN
        + "m = h.heliox.variable('hh.m')\nassert m.array[0] == soma(0.5).hh.m\n"
        "m.array[0] = 0.25\nassert soma(0.5).hh.m == 0.25\n"
        "dend = h.Section('dend')\ndend.insert('hh')\n"
        "h.finitialize(-65)\nassert m.shape == (2,)\n"
        "assert set(m.array) == {soma(0.5).hh.m, dend(0.5).hh.m}\n"
    )
