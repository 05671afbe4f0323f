"""Texts and data of report(), explain() and verify()."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from heliox_neuron.report.text import Table, number
from heliox_neuron.report.verification import compare
from heliox_neuron.session import HelioX

MODEL = {
    "nodes": 839,
    "cells": 1,
    "threads": 2,
    "isa": "x86-64-v4",
    "engine": "cpu",
    "code": "",
    "reason": "",
    "blocks": 1,
    "mechanisms": [
        {
            "name": "hh",
            "type": 7,
            "count": 800,
            "where": "compiled",
            "code": "",
            "reason": "",
            "source": "builtin",
        },
        {
            "name": "na_stoch",
            "type": 30,
            "count": 12,
            "where": "host",
            "code": "HX021",
            "reason": "VERBATIM in na_stoch.mod:88",
            "source": "",
        },
    ],
}
RUN = {
    "kind": "continuerun",
    "t_start": 0.0,
    "t_stop": 500.0,
    "steps": 20000,
    "seconds": 0.25,
    "engine": "cpu",
    "plan": "fused",
    "threads": 2,
    "freeze_seconds": 0.01,
    "compile_seconds": 1.5,
    "host_calls": 20000,
}


def test_report_says_what_ran_and_why_not(core):
    core.frozen, core.done, core.values["enable"] = MODEL, [RUN], True
    report = HelioX(core).report()
    assert isinstance(report, str)  # hoc prints strings
    assert repr(report) == str(report)
    lines = report.splitlines()
    run = next(line for line in lines if line.startswith("continuerun"))
    assert run.split() == [
        "continuerun",
        *["0", "-", "500", "20000", "cpu", "fused", "2", "0.25", "2", "20000"],
    ]
    assert any("na_stoch" in line and "HX021 VERBATIM" in line for line in lines)
    assert "heliox explain HX021" in report
    assert "1.5 s" in report


def test_report_counts_how_often_state_came_back(core):
    steps = {**RUN, "kind": "fadvance", "engine": "gpu", "steps": 400, "host_syncs": 400}
    core.done = [
        {**RUN, "engine": "gpu", "host_syncs": 1, "where": ""},
        {**steps, "where": "loop.py:12"},
        {**steps, "where": "loop.py:12", "host_syncs": 100},
    ]
    report = HelioX(core).report()
    assert "State came back from the GPU 501 times." in report
    assert "500 of them after single steps (fadvance) at loop.py:12" in report
    core.done = [RUN]
    assert "State came back" not in HelioX(core).report()


GPU = {
    "device": "NVIDIA H200",
    "plan": "fused",
    "solver": "dhs",
    "nodes": 839,
    "cells": 1,
    "blocks": 1,
    "threads": 512,
    "bytes": 3 * 2**20,
    "freeze_seconds": 0.25,
    "mechanisms": [{"name": "na_ion", "count": 800}, {"name": "hh", "count": 800}],
}


@pytest.mark.parametrize("frozen", [None, MODEL])
def test_report_shows_the_copy_on_the_gpu(core, frozen):
    core.frozen, core.values["enable"] = frozen, True
    core.done = [
        {**RUN, "engine": "gpu", "plan": ""},
        {**RUN, "code": "HX033", "reason": "secondorder = 2 runs on the CPU engine"},
    ]
    heliox = HelioX(core)
    assert "On the GPU" not in heliox.report()
    heliox._device_engine = SimpleNamespace(describe=lambda: GPU)
    report = heliox.report()
    assert (
        "On the GPU (NVIDIA H200): 839 nodes, 1 cell; plan fused, solver dhs, "
        "1 block of 512 threads, 3 MiB, prepared in 0.25 s.\nMechanisms there: na_ion, hh."
    ) in report
    runs = [line.split() for line in report.splitlines() if line.startswith("continuerun")]
    assert runs[0][5] == "gpu" and "HX033" in runs[1]
    assert report.to_dict()["status"]["gpu"] == GPU
    if frozen:
        assert "On the GPU (NVIDIA H200)" in heliox.explain()


def test_report_is_data_too(core):
    core.frozen, core.done = MODEL, [RUN]
    data = json.loads(HelioX(core).report().to_json())
    assert data["runs"] == [RUN]
    assert data["model"]["mechanisms"][1]["code"] == "HX021"
    assert data["status"]["enable"] is False


def test_a_long_list_of_runs_is_shortened_in_the_text_only(core):
    core.done = [RUN] * 100
    report = HelioX(core).report()
    assert report.count("continuerun") == 40
    assert "... 60 more" in report
    assert len(report.to_dict()["runs"]) == 100


def test_explain_names_the_reason_for_plain_neuron(core):
    core.values["enable"] = True
    core.frozen = {**MODEL, "engine": "neuron", "code": "HX040", "reason": "cvode is active"}
    assert "plain NEURON: HX040 cvode is active" in HelioX(core).explain()
    core.frozen = None
    assert "no model yet" in HelioX(core).explain()


def test_rich_tables_can_be_drawn(core, capsys):
    from rich.console import Console

    core.frozen, core.done = MODEL, [RUN]
    report = HelioX(core).report()
    console = Console(width=200)
    for block in report._blocks:
        console.print(block)
    assert "na_stoch" in capsys.readouterr().out
    report.show()
    assert capsys.readouterr().out == f"{report}\n"


def test_empty_columns_are_left_out():
    table = Table(("a", "b", "n"), [["x", "", "10"], ["yy", "", "9"]], frozenset({"n"}))
    assert table.text() == "a    n\nx   10\nyy   9"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (0, "0"), (20000, "20000"), (0.25, "0.25"), (1234.567, "1230"), (1e-7, "1e-07")],
)
def test_numbers(value, text):
    assert number(value) == text


def trajectory(v, vectors=None):
    return SimpleNamespace(
        t=[0.1 * k for k in range(len(v))],
        v=v,
        digest=[x.tobytes() for x in v],
        vectors=vectors or {},
    )


def test_verification_finds_the_first_bit():
    v = [np.full(3, float(k)) for k in range(5)]
    other = [x.copy() for x in v]
    other[3][1] = np.nextafter(other[3][1], 10.0)
    other[4][0] += 2.0
    found = compare(trajectory(v), trajectory(other), ["a(0.5)", "b(0.5)", "c(0.5)"])
    assert not found["identical"]
    assert found["first"]["step"] == 3
    assert found["first"]["segment"] == "b(0.5)"
    assert found["max_dv"] == 2.0
    assert compare(trajectory(v), trajectory(v), [])["identical"]


def test_verification_compares_vectors_and_counts_steps():
    v = [np.zeros(2)] * 3
    spikes = {"Vector[0]": np.array([1.0, 2.0])}
    late = {"Vector[0]": np.array([1.0, np.nextafter(2.0, 3.0)])}
    found = compare(trajectory(v, spikes), trajectory(v, late), [])
    assert found["different_vectors"] == ["Vector[0]"]
    assert not found["identical"]
    assert not compare(trajectory(v), trajectory(v[:2]), [])["identical"]
