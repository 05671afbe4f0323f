"""hoc_examples/train_synapse.hoc, by the command and from Python: the same numbers."""

import os
import re
import sys
from pathlib import Path

import pytest

from parity.isolate import check_status, environment, run_process
from parity.mods import REPOSITORY

SCRIPT = "train_synapse.hoc"
LOAD = f"from neuron import h; import heliox_neuron; assert h.load_file({SCRIPT!r})"
COMMANDS = {
    "command": [Path(sys.executable).parent / "heliox", SCRIPT],
    "python": [sys.executable, "-c", LOAD],
}
TARGET = 3.0  # mV, of the script


def output(command):
    """{"before": [v, w, w, w], "after": ..., "trained values": [w, w, w]}"""
    done = run_process(command, env=environment(), cwd=os.fspath(REPOSITORY / "hoc_examples"))
    check_status(done)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert lines[-1].startswith("trained values: ")
    return {
        line.partition(":")[0]: [float(x) for x in re.findall(r"-?\d+\.\d+", line)]
        for line in lines
    }


@pytest.mark.parametrize("how", COMMANDS)
def test_it_trains(how):
    found = output(COMMANDS[how])
    before, after = found["before"], found["after"]
    assert before[1:] == [0.1, 0.1, 0.1] and before[0] < 0.1 * TARGET
    # the loss is quadratic: every epoch takes the same share of the error off
    assert after[0] == pytest.approx(TARGET, abs=0.01)
    assert found["trained values"] == after[1:]
    assert all(w > 0.1 for w in after[1:])
    assert after[1] < after[2] < after[3]  # the larger v_pre, the larger the gradient


def test_both_ways_give_the_same():
    assert output(COMMANDS["command"]) == output(COMMANDS["python"])
