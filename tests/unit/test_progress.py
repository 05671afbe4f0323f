"""The progress bar: opens for watchers only, closes at the end, never raises."""

import math

import pytest

from heliox_neuron import progress
from heliox_neuron.progress import ProgressBar


@pytest.fixture
def bar(monkeypatch):
    monkeypatch.setattr(progress, "wanted", lambda: True)
    return ProgressBar()


@pytest.mark.parametrize("end", [(100.0, 100.0), (None, None), (math.nan, 100.0)])
def test_it_opens_moves_and_closes(bar, end):
    bar(10.0, 100.0)
    bar(30.0, 100.0)
    assert bar._bar.n == 30.0
    assert bar._bar.total == 100.0
    bar(*end)
    assert bar._bar is None


def test_a_new_run_starts_a_new_bar(bar):
    bar(50.0, 100.0)
    bar(1.0, 200.0)
    assert (bar._bar.n, bar._bar.total) == (1.0, 200.0)
    bar(None, None)


def test_nobody_watches(monkeypatch):
    monkeypatch.setattr(progress, "wanted", lambda: False)
    silent = ProgressBar()
    silent(1.0, 10.0)
    assert silent._bar is None


def test_a_broken_terminal_does_not_stop_the_run(bar, monkeypatch):
    monkeypatch.setattr(progress, "wanted", lambda: 1 / 0)
    bar(1.0, 10.0)
