"""Every way to advance, on small models, with 1, 2 and 4 threads of ours: the same bits."""

import pytest

from parity.isolate import isolated

MODELS = (
    "ball_and_stick mixed_cells clamps passive bare artificial_cells played fast_imem "
    "channels host_channels point_processes gap_junctions"
).split()
WAYS = (
    "run continuerun steprun hoc_fadvance python_fadvance psolve psolve_50 batch_run fixed_step"
).split()
EVERY_WAY = ("ball_and_stick", "channels")  # the others meet three ways each, all ways in turn
THREADS = (1, 2, 4)


def combinations():
    """(model, way, threads): pairwise between models and ways, threads and ways."""
    chosen = []
    for row, model in enumerate(MODELS):
        ways = WAYS if model in EVERY_WAY else [WAYS[(row + k * 3) % 9] for k in range(3)]
        for column, way in enumerate(ways):
            chosen.append((model, way, THREADS[(row + column) % 3]))
    return chosen


@pytest.mark.parametrize(("model", "way", "threads"), combinations())
@isolated
def test_same_bits(model, way, threads):
    from parity import compare, models, mods, ways

    if model in models.NEEDS_MODS:
        mods.load()
    build, record = models.MODELS[model]

    def records(built):
        found = {} if record is None else dict(record(built))
        found["notes"] = built.notes
        return found

    compare.run_both(build, ways.WAYS[way], records, threads=threads, steps=1900)
