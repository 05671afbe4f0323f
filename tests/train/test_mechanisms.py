"""The package's own mechanisms: when they are loaded, where they run, and that they never clash."""

import sys

import pytest

from parity.isolate import check_status, environment, isolated, run_process
from train import networks

NAMES = (
    "HelioxGradedSynapse",
    "HelioxGradedSynapsePointer",
    "HelioxGapJunction",
    "HelioxGapJunctionPointer",
)
ASK = f"print([int(h.name_declared(n)) for n in {NAMES!r}])"


def answer(code, **env):
    done = run_process([sys.executable, "-c", code], env=environment(**env))
    return check_status(done).stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "lines",
    [
        "import heliox_neuron\nfrom neuron import h",
        "from neuron import h\nimport heliox_neuron",
    ],
)
def test_import_loads_them(lines):
    assert answer(f"{lines}\n{ASK}") == "[1, 1, 1, 1]"


def test_a_program_that_was_not_edited_does_not_see_them():
    """Until it uses training."""
    code = f"from neuron import h\nassert h.heliox.enable\n{ASK}"
    assert answer(code, HELIOX_ENABLE="1") == "[0, 0, 0, 0]"
    used = f"from neuron import h\nh.heliox.load_mechanisms()\n{ASK}"
    assert answer(used, HELIOX_ENABLE="1") == "[1, 1, 1, 1]"


@isolated
def _run_on(device):
    """Every mechanism in a network: NEURON's bits, and nothing is left to its functions."""
    from neuron import h

    from parity import compare

    heliox = networks.session()
    pre, post = networks.cable("pre", 1), networks.cable("post")
    clamp = networks.step(pre, 0.05)
    pc = h.ParallelContext()
    made = []
    for name in NAMES:
        one = getattr(h, name)(post(0.3))
        one.g, one.w = 0.01, 0.5
        if name.endswith("Pointer"):
            h.setpointer(pre(0.5)._ref_v, "v_pre", one)
        else:
            pc.target_var(one, one._ref_v_pre, 1)
        made.append(one)
    pc.source_var(pre(0.5)._ref_v, 1, sec=pre)
    pc.setup_transfer()
    pc.set_maxstep(10)
    trace = h.Vector().record(post(0.5)._ref_v)
    heliox.device = device
    traces = []
    for enable in (0, 1):
        heliox.enable = enable
        h.finitialize(0)
        pc.psolve(10)
        traces.append(trace.c())
    assert compare.same(*(compare.contents(t) for t in traces))
    assert traces[0].size() == 401 and traces[0].max() > 1
    report = heliox.report().to_dict()
    run = report["runs"][-1]
    assert (run["engine"], run["host_calls"], run["host_steps"]) == (device, 0, 0), run
    if device == "gpu":
        assert {m["name"] for m in report["status"]["gpu"]["mechanisms"]} >= set(NAMES)
    else:
        where = {m["name"]: (m["where"], m["source"]) for m in report["model"]["mechanisms"]}
        assert all(where[name] == ("compiled", "builtin") for name in NAMES), where
    assert clamp.amp == 0.05


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_they_are_compiled(device, monkeypatch):
    monkeypatch.setenv("HELIOX_GPU_DEVICE", "host")
    _run_on(device=device)


OWN = """
NEURON {{ POINT_PROCESS HelioxGradedSynapse  RANGE {range}  NONSPECIFIC_CURRENT i }}
PARAMETER {{ {parameters} }}
ASSIGNED {{ i  v }}
BREAKPOINT {{ i = {current} }}
"""


@pytest.mark.parametrize(
    ("variables", "fits"),
    [("g w", True), ("gmax", False)],
    ids=["with our parameters", "with others"],
)
def test_a_mechanism_of_the_program_with_the_same_name(tmp_path, variables, fits):
    """It stays the program's, and NEURON is not ended by a second definition."""
    from parity import mods

    names = variables.split()
    (tmp_path / "own.mod").write_text(
        OWN.format(
            range=", ".join(names),
            parameters=" ".join(f"{n} = 7" for n in names),
            current=f"{names[0]}*v*1e-6",
        )
    )
    library = mods.library(tmp_path)
    code = f"""
from neuron import h
h.nrn_load_dll({str(library)!r})
import heliox_neuron
s = h.Section("s")
assert h.HelioxGradedSynapse(s(0.5)).{names[0]} == 7
try:
    heliox_neuron.heliox.load_mechanisms()
    print("loaded", h.HelioxGradedSynapse(s(0.5)).{names[0]}, h.HelioxGapJunction(s(0.5)).g)
except Exception as error:
    print(error.code, error)
"""
    found = answer(code)
    if fits:
        assert found == "loaded 7.0 0.001"
    else:
        assert found.startswith("HX093") and "g, w" in found
