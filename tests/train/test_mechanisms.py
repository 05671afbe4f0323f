"""Our mechanisms (mod/): when they are loaded, and that both engines run them compiled."""

import json
import sys

import pytest

from heliox_neuron.core import installed
from parity.isolate import environment, isolated, run_process
from train import networks

pytestmark = pytest.mark.usefixtures("has_core")
NAMES = ("HelioxGradedSynapse", "HelioxGradedSynapsePointer", "HelioxGapJunction",
         "HelioxGapJunctionPointer")  # fmt: skip
COUNT = "from neuron import h\nprint(int(h.name_declared('HelioxGradedSynapse')))\n"


def last(done):
    return done.stdout.split()[-1]


def test_import_loads_them(fresh_python):
    for code in (
        f"import heliox_neuron\n{COUNT}",
        f"from neuron import h\nimport heliox_neuron\n{COUNT}",
    ):
        assert last(fresh_python(code)) == "1"


def test_a_program_that_was_not_edited_does_not_see_them(fresh_python, tmp_path):
    """HELIOX_ENABLE, the command and the pytest plugin: mechanisms are listed as in NEURON."""
    assert last(fresh_python(COUNT)) == "0"
    assert last(fresh_python(COUNT, HELIOX_ENABLE="1")) == "0"
    used = f"{COUNT}h.heliox.load_mechanisms()\n{COUNT}"
    assert fresh_python(used, HELIOX_ENABLE="1").stdout.split() == ["0", "1"]
    used = f"{COUNT}s = h.Section()\nh.heliox.readout(s, window=(1, 2))\n{COUNT}"
    assert fresh_python(used, HELIOX_ENABLE="1").stdout.split() == ["0", "1"]
    # it names us: it knows them
    assert last(fresh_python(f"import heliox_neuron\n{COUNT}", HELIOX_ENABLE="1")) == "1"
    assert last(fresh_python(COUNT, "-m", "heliox_neuron")) == "0"
    assert last(fresh_python(f"import heliox_neuron\n{COUNT}", "-m", "heliox_neuron")) == "1"
    suite = tmp_path / "test_suite.py"
    line = "assert not h.name_declared('HelioxGradedSynapse')"
    suite.write_text(f"def test_it():\n    from neuron import h\n    {line}\n")
    plugin = ["-m", "pytest", "-q", "-p", "heliox_neuron.pytest_plugin"]
    done = run_process([sys.executable, *plugin, suite], cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout


def test_without_python(tmp_path):
    """nrniv -dll: the plugin and the mechanisms side by side, in either order."""
    nrniv = run_process([sys.executable, "-c", "import shutil; print(shutil.which('nrniv') or '')"])
    if not nrniv.stdout.strip():
        pytest.skip("no nrniv")
    library, plugin = installed("libheliox_mod.so"), installed("libheliox.so")
    path = run_process([sys.executable, "-m", "heliox_neuron", "library", "--mechanisms"])
    assert path.stdout.strip() == str(library)
    (tmp_path / "model.hoc").write_text(
        "create soma\naccess soma\nobjref g\ng = new HelioxGradedSynapse(0.5)\n"
        'g.v_pre = 2\ng.w = 3\nfinitialize(0)\nprintf("%g\\n", g.i)\nquit()\n'
    )
    for libraries in ((library,), (plugin, library), (library, plugin)):
        joined = ";".join(str(one) for one in libraries)  # NEURON looks at one -dll only
        done = run_process(["nrniv", "-dll", joined, "model.hoc"], cwd=tmp_path)
        assert "0.06" in done.stdout.split(), done.stderr


def test_names_of_the_programs_own(fresh_python, tmp_path):
    """Its mechanism is left alone; training says so if it is another one."""
    from parity import mods

    folder = tmp_path / "mod"
    folder.mkdir()
    text = "NEURON { POINT_PROCESS HelioxGapJunction RANGE x }\nPARAMETER { x = 7 }\n"
    (folder / "own.mod").write_text(text)
    library = mods.library(folder)
    done = fresh_python(
        "from neuron import h\n"
        f"h.nrn_load_dll({str(library)!r})\n"
        "import heliox_neuron\n"
        "s = h.Section()\n"
        "print(h.HelioxGapJunction(s(0.5)).x, h.HelioxGradedSynapse(s(0.5)).w)\n"
        "try:\n    h.heliox.load_mechanisms()\n"
        "except RuntimeError as error:\n    print(error)\n"
    )
    lines = done.stdout.splitlines()
    assert lines[-2] == "7.0 0.0"
    assert lines[-1].startswith("HX093 the program has a mechanism HelioxGapJunction of its own")


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_compiled_on_both_engines_with_the_same_bits(device):
    env = environment(HELIOX_GPU_DEVICE="host")
    done = run_process([sys.executable, "-c", SCRIPT, device], env=env)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["identical"] and found["engine"] == device
    assert set(NAMES) <= set(found["compiled"])
    assert not found["reasons"]


SCRIPT = """
import json, sys
from neuron import h
import heliox_neuron
h.load_file("stdrun.hoc")
heliox = heliox_neuron.heliox
cells = [h.Section(name=f"c{k}") for k in range(3)]
for k, cell in enumerate(cells):
    cell.L = cell.diam = 10
    cell.nseg = 3
    cell.insert("pas")
    cell.e_pas = 3 - 4 * k
pc = h.ParallelContext()
kept = []
for kind in ("HelioxGradedSynapse", "HelioxGapJunction"):
    for k, cell in enumerate(cells):
        near = getattr(h, kind + "Pointer")(cell(0.3))
        h.setpointer(cells[k - 1](0.5)._ref_v, "v_pre", near)
        far = getattr(h, kind)(cell(0.9))
        pc.target_var(far, far._ref_v_pre, k)
        kept += [near, far]
for synapse in kept:
    synapse.w = 0.5
for k, cell in enumerate(cells):
    pc.source_var(cell(0.1)._ref_v, k, sec=cell)
pc.setup_transfer()
h.v_init = 0
heliox.enable, heliox.device = 1, sys.argv[1]
pc.set_maxstep(10)
h.finitialize(0)
pc.psolve(5)
identical = heliox.verify(5).identical
plan = heliox.report().to_dict()
rows = (plan["model"] or plan["status"]["gpu"])["mechanisms"]
print(json.dumps({
    "identical": identical,
    "engine": plan["runs"][-1]["engine"],
    "compiled": [row["name"] for row in rows if row.get("where", "compiled") == "compiled"],
    "reasons": [run["reason"] for run in plan["runs"] if run["engine"] != sys.argv[1]],
}))
"""


@isolated
def test_currents():
    """i = g w max(v_pre, 0) into the cell; a gap junction pulls v to the other end's."""
    from neuron import h

    networks.session()
    cell, other = networks.cable("cell", 1), networks.cable("other", 1)
    graded, gap = h.HelioxGradedSynapse(cell(0.5)), h.HelioxGapJunctionPointer(cell(0.5))
    h.setpointer(other(0.5)._ref_v, "v_pre", gap)
    graded.g, graded.w, gap.g, gap.w = 0.02, 3, 0.1, 2
    for v_pre, expected in ((-5, 0), (0, 0), (2, 0.12)):
        graded.v_pre = v_pre
        h.finitialize(1)
        assert graded.i == pytest.approx(expected, rel=1e-15)
    other(0.5).v = 4
    h.fcurrent()
    assert gap.i == pytest.approx(2 * 0.1 * (1 - 4), rel=1e-15)


@isolated
def test_a_pointer_that_was_not_set_is_an_error():
    """Not a crash, as with POINTERs in general."""
    from neuron import h

    networks.session()
    cell = networks.cable("cell", 1)
    for name in ("HelioxGradedSynapsePointer", "HelioxGapJunctionPointer"):
        made = getattr(h, name)(cell(0.5))
        with pytest.raises(RuntimeError, match=f"{name}: v_pre points nowhere"):
            h.finitialize(0)
        h.setpointer(cell(0.5)._ref_v, "v_pre", made)
        h.finitialize(0)
