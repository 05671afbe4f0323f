"""The hooks are invisible: scripts that redefine stdrun, stop, fail or advance from callbacks."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("has_core")

SCRIPT = Path(__file__).with_name("hook_scenarios.py")


def scenario_names():
    """Functions under @scenario, without running the file: it imports NEURON."""
    functions = [n for n in ast.parse(SCRIPT.read_text()).body if isinstance(n, ast.FunctionDef)]
    marked = [f for f in functions if any(ast.unparse(d) == "scenario" for d in f.decorator_list)]
    return [function.name for function in marked]


def outcome(fresh_python, mode, name):
    done = fresh_python(
        "import runpy, sys\n"
        f"sys.argv = ['hook_scenarios.py', {mode!r}, {name!r}]\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", scenario_names())
def test_scenario_is_the_same_with_heliox(fresh_python, name):
    plain = outcome(fresh_python, "plain", name)
    assert outcome(fresh_python, "heliox", name) == plain


def nrniv(*arguments, text):
    command = Path(sys.executable).with_name("nrniv")
    if not command.exists():
        pytest.skip("NEURON's nrniv is not beside this python")
    return subprocess.run(
        [str(command), "-nobanner", "-nogui", *arguments, "-"],
        input=text,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


HOC_MODEL = """
load_file("stdrun.hoc")
create soma
access soma
insert hh
objref v1
v1 = new Vector()
v1.record(&soma.v(0.5))
tstop = 5
"""
HOC_RESULT = 'run()\nprintf("result %.17g %g %g\\n", v1.sum(), v1.size(), t)\n'


def results(done):
    return [line for line in done.stdout.splitlines() if line.startswith("result")]


def test_nrniv_dll_without_python():
    from heliox_neuron.core import installed

    library = str(installed("libheliox.so"))
    plain = nrniv(text=HOC_MODEL + HOC_RESULT)
    ours = nrniv(
        "-dll",
        library,
        text=HOC_MODEL + "heliox.enable = 1\n" + HOC_RESULT + "heliox.report()\n"
        "heliox.enable = 0\n" + HOC_RESULT,
    )
    assert results(plain) and results(ours) == results(plain) * 2
    assert not ours.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('heliox.device = "gpu"', "HX031"),
        ('heliox.device = "tpu"', "HX030"),
        ('heliox.fidelity = "exactly"', "HX081"),
        ("heliox.threads = 2.5", "HX081"),
        ("heliox.enabel = 1", "not a public member"),
    ],
)
def test_nrniv_dll_refuses_wrong_members(line, message):
    from heliox_neuron.core import installed

    done = nrniv(
        "-dll",
        str(installed("libheliox.so")),
        text=f"{HOC_MODEL}heliox.enable = 1\n{line}\n{HOC_RESULT}",
    )
    assert message in done.stderr
