"""The tree cells that benchmarks/gpu_scaling.py builds in hoc are those of the benchmark model."""

import sys

import pytest

from parity import mods
from parity.isolate import isolated


@pytest.mark.skipif(mods.models_folder() is None, reason="no benchmark models: set HELIOX_MODELS")
@isolated
def test_trees_built_in_hoc_have_the_bits_of_the_model():
    from neuron import h

    folder = mods.models_folder()
    sys.path[:0] = [str(mods.REPOSITORY / "benchmarks"), str(folder / "tree")]
    import scaling_models
    import tree

    pc = h.ParallelContext()

    def outcome(build):
        network = build()
        times, gids = h.Vector(), h.Vector()
        pc.spike_record(-1, times, gids)
        roots = [section for section in h.allsec() if section.parentseg() is None]
        traces = [h.Vector().record(root(0.5)._ref_v) for root in roots]
        h.dt = tree.DT
        pc.set_maxstep(10)
        h.finitialize(tree.V_INIT)
        pc.psolve(12)
        end = [segment.v for section in h.allsec() for segment in section]
        sizes = [(s.L, s.diam, s.nseg, s.Ra, s.cm) for s in h.allsec()]
        found = [list(times), list(gids), [list(trace) for trace in traces], end, sizes]
        del network
        return found

    theirs = outcome(lambda: tree.build(10))
    pc.gid_clear()
    assert not list(h.allsec())
    task = {"ncell": 10, "segments": tree.SEGMENTS, "models_dir": str(folder)}
    ours = outcome(lambda: scaling_models.Tree(task))
    assert len(theirs[0]) >= 10  # each cell's spike, and by way of the ring
    assert len(ours[3]) == 6300
    assert ours == theirs
