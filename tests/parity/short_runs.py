"""Many short runs of small models in one process: does anything stay behind?"""

import gc
import resource

from neuron import h


def one(turn):
    """A cell with a stimulus, a synapse, a detector and records is made, runs 1 ms and goes."""
    cell = h.Section("cell")
    cell.nseg = 1 + 2 * (turn % 3)
    cell.insert("hh")
    stimulus, synapse = h.NetStim(), h.ExpSyn(cell(0.5))
    stimulus.start, stimulus.number = 0.1, 1
    connection = h.NetCon(stimulus, synapse, 0, 0.2, 0.01)
    detector = h.NetCon(cell(0.5)._ref_v, None, sec=cell)
    spikes, v = h.Vector(), h.Vector().record(cell(0.5)._ref_v)
    detector.record(spikes)
    h.finitialize(-65)
    h.ParallelContext().psolve(1)
    assert len(v) == 41
    del connection  # before its source and target


def sizes(device_bytes, turns=1000, every=100):
    """(bytes on the device, KiB of this process at most) after each `every` runs."""
    h.ParallelContext().set_maxstep(10)
    found = []
    for turn in range(turns):
        one(turn)
        if turn % every == every - 1:
            gc.collect()
            found.append((device_bytes(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    return found


def check(found):
    """AssertionError if either side has grown after the first runs."""
    device = [size for size, _ in found]
    assert max(device[1:]) <= 1.1 * device[0], found
    assert found[-1][1] - found[1][1] < 8 * 1024, found
