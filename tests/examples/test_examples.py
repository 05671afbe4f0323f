"""Each script of hoc_examples in NEURON and on our engine: every recorded bit."""

import os
import sys

import pytest

from parity.isolate import isolated
from parity.mods import REPOSITORY

EXAMPLES = REPOSITORY / "hoc_examples"


def twice(run):
    """What run() returns with our engine off and on; asserts that it was really used."""
    from parity import compare

    heliox = compare.session()
    results = []
    for enable in (0, 1):
        heliox.enable = enable
        before = compare.runs_so_far()
        results.append([compare.contents(values) for values in run()])
        if enable:
            compare.check_engine(compare.new_runs(before, compare.runs_so_far()), steps=400)
    heliox.enable = 0
    assert len(results[0]) == len(results[1])
    for number, (neuron, ours) in enumerate(zip(*results, strict=True)):
        assert neuron.size, f"record {number} is empty"
        assert compare.same(neuron, ours), f"record {number} differs"
    return results[0]


def l5_demo(tstop):
    from neuron import h

    from parity import mods

    mods.load(EXAMPLES / "l5_demo" / "mod")
    os.chdir(EXAMPLES / "l5_demo")
    assert h.load_file("l5_demo.hoc")
    names = [name.s for name in h.demo_names]
    assert len(names) == len(list(h.demo_records)) and "soma.v(0.5)" in names
    h.tstop = tstop

    def run():
        h.run()
        return [vector.c() for vector in h.demo_records] + [h.demo_spikes.c()]

    return run


@isolated
def test_l5_demo_start():
    records = twice(l5_demo(80))
    assert records[-1].size >= 1, "no spike in 80 ms"


@pytest.mark.slow
@isolated
def test_l5_demo_in_full():
    records = twice(l5_demo(800))
    assert records[-1].size >= 5, "the demo should fire several times"


@isolated
def test_ring_network():
    from neuron import h

    assert h.load_file(str(EXAMPLES / "ring_network" / "ring.hoc"))

    def run():
        h.run()
        return [h.spike_times.c(), h.spike_cells.c(), h.root_v.c()]

    assert twice(run)[0].size > 20


@isolated
def test_fadvance_loop():
    import runpy

    script = runpy.run_path(str(EXAMPLES / "fadvance_loop" / "fadvance_loop.py"))
    model = script["build"]()
    twice(lambda: [script["simulate"](model)])


def test_train_synapse():
    """Pure hoc, run by the command: three weights from 0.1 to a target of 5 mV, plain NEURON's."""
    from parity.isolate import check_status, run_process

    script = EXAMPLES / "train_synapse.hoc"
    done = check_status(run_process([sys.executable, "-m", "heliox_neuron", script]))
    words = done.stdout.splitlines()[-1].split()
    assert words[:3] == ["target", "5", "mV,"], done.stdout
    assert abs(float(words[words.index("gives") + 1]) - 5) < 1e-3
    weights = [float(word) for word in words[-3:]]
    assert all(w > 0.3 for w in weights) and len(set(weights)) == 3
