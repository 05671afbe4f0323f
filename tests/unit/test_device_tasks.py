"""How warps share out the tasks of a pass."""

from __future__ import annotations

from heliox_neuron.engines.gpu.tasks import _share


def busy(tasks: list[tuple[int, int, int]], costs: dict[int, int], n_warp: int) -> list[int]:
    """What each warp does: warps take every n_warp-th task."""
    return [sum(costs[m] for m, a, b in tasks[w::n_warp] if b > a) for w in range(n_warp)]


def test_long_tasks_do_not_meet_in_one_warp() -> None:
    costs = dict(enumerate((73, 67, 46, 43, 42, 39, 21, 19, 10, 10)))
    tasks = [(m, 3 * m, 3 * m + 3) for m in costs]
    shared = _share(tasks, costs, 4)
    assert sorted(t for t in shared if t[2] > t[1]) == tasks
    assert max(busy(shared, costs, 4)) <= 95 < max(busy(tasks, costs, 4))


def test_few_tasks_or_one_warp_stay_as_they_are() -> None:
    costs = {0: 5, 1: 3}
    tasks = [(0, 0, 3), (1, 0, 3)]
    assert _share(tasks, costs, 4) == tasks
    assert _share(tasks, costs, 1) == tasks
    assert _share([], costs, 4) == []
