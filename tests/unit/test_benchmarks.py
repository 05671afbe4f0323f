"""What the benchmark programs compute from times: medians, goals, tables. Nothing is timed here."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import gpu_ablation
import gpu_goals
import measure


class Clock(measure.Bench):
    """A Bench whose psolve takes once + n * step seconds, on paper."""

    def __init__(self, once, step):
        self.once, self.step = once, step
        self.asked = []

    def use(self, setting):
        self.setting = setting

    def advance(self, steps):
        self.asked.append(steps)
        return self.once + steps * self.step


def test_time_apart_takes_off_what_a_call_costs():
    bench = Clock(once=2.0, step=1e-5)
    found = bench.time_apart({}, 0.3, 3)
    assert found["us"] == pytest.approx(10)
    assert found["steps"] == pytest.approx(30_000)
    assert found["once"] == pytest.approx(2.0, rel=1e-4)
    assert len(found["all"]) == 3


def test_time_apart_does_few_slow_steps():
    bench = Clock(once=0.5, step=1.0)
    found = bench.time_apart({}, 0.3, 1)
    assert found["us"] == pytest.approx(1e6)
    assert found["steps"] == measure.FIRST_STEPS
    assert sum(bench.asked) == 3 + 1 + measure.FIRST_STEPS


def test_time_apart_with_a_given_number_of_steps():
    bench = Clock(once=0.5, step=1e-3)
    assert bench.time_apart({}, 0.3, 2, steps=400)["us"] == pytest.approx(1000)
    assert bench.asked == [1, 1, 1, 401, 401]


def test_goals_are_ratios_of_one_run():
    figures = {
        "l5pc x1": {"model": "l5pc x1", "fast": {"us": 20.0}, "coreneuron": {"us": 100.0}},
        "tree x1": {"model": "tree x1", "exact": {"us": 40.0}, "fast": {"us": 18.0}},
    }
    lines = {(line[0], line[1]): line for line in gpu_goals.rows(figures)}
    assert lines["l5pc x1", "coreneuron"][-1] == "reached"
    assert lines["tree x1", "arbor"][-3:] == ["2.9", "3", "missed"]
    assert lines["tree x500", "arbor"][-1] == "not measured"


def test_kernels_are_made_for_every_setting_that_has_its_own():
    parts = gpu_ablation.kernels(4)
    made = [setting for part in parts for setting in part]
    for _, _, setting in gpu_ablation.settings():
        source = {k: v for k, v in setting.items() if k in ("solver", "plan", "fidelity")}
        source |= {k: v for k, v in setting.items() if k == "HELIOX_BLOCK_THREADS"}
        assert any(source.items() <= other.items() for other in made), setting
    assert len(gpu_ablation.kernels(1)) == 1


def test_ablation_table_has_a_line_a_setting_and_says_what_was_refused(capsys):
    ablation = {
        line: {"exact": {"us": 50.0}, "fast": {"us": 20.0}}
        for line, _, _ in gpu_ablation.settings()
    }
    ablation["plan coupled"]["exact"] = {"skipped": "HX033 no"}
    gpu_ablation.print_ablation([{"model": "tree x20", "ablation": ablation}])
    out = capsys.readouterr().out
    for line in ("solver dhs", "plan streams", "_STREAMS=0", "_FUSION=0", "HELIOX_GATE=0"):
        assert line in out
    assert "tree x20, plan coupled, exact): HX033 no" in out
    assert any(line.split()[:4] == ["plan", "coupled", "-", "20"] for line in out.splitlines())
