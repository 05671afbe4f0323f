"""Seconds that enabling HelioX adds to the first advance of a model of about 100,000 compartments.

    python benchmarks/freeze.py

Kernels come from the cache: an earlier process has run the same model. Printed are the wall time of
the first advance after enabling less that of a later one, and what the report itself says.
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import cases

HERE = Path(__file__).resolve()
CELLS = {"tree x500": 160, "hpc passive x500": 96, "hpc active x500": 96, "l5pc x20": 156}


def worker(name, models_dir):
    from neuron import h

    folder = cases.models_dir(models_dir)
    case = cases.named(name)
    case = replace(case, arguments=case.arguments | {"ncell": CELLS[name]})
    model = cases.build(case, folder, cases.libraries(case.family, folder))
    from heliox_neuron import heliox

    h.finitialize(h.v_init)
    h.fadvance()
    seconds = []
    heliox.enable = 1
    for _ in range(6):
        h.finitialize(h.v_init)
        start = time.perf_counter()
        h.fadvance()
        seconds.append(time.perf_counter() - start)
    runs = heliox.report().to_dict()["runs"]
    result = {
        "added": seconds[0] - statistics.median(seconds[1:]),
        "freeze": max(run.get("freeze_seconds") or 0 for run in runs),
        "compile": max(run.get("compile_seconds") or 0 for run in runs),
        "engine": runs[-1]["engine"],
        "compartments": cases.compartments(),
        "model": bool(model),
    }
    print("\n" + json.dumps(result))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="*", default=[], help="words in the models' names")
    parser.add_argument("--models-dir")
    parser.add_argument("--reps", type=int, default=3, help="processes a model (3)")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return worker(*options.worker)
    folder = cases.models_dir(options.models_dir)
    if folder is None:
        print("Benchmark models not found (HELIOX_MODELS, --models-dir): nothing to measure.")
        return 0
    for name, value in cases.facts():
        print(f"{name}: {value}")
    print(f"medians of {options.reps} processes after one that fills the cache\n")
    rows, notes = [], []
    for case in [case for case in cases.select(options.models) if case.name in CELLS]:
        family = case.name.rpartition(" x")[0]
        label = f"{family} x{CELLS[case.name]}"
        try:
            found = [
                cases.run_child(HERE, ["--worker", case.name, folder])
                for _ in range(options.reps + 1)
            ][1:]
        except RuntimeError as error:
            notes.append(f"{label}: {error}")
            rows.append([label, "-", "-", "-", "-"])
            continue
        added = statistics.median(item["added"] for item in found)
        size = found[0]["compartments"]
        rows.append(
            [
                label,
                f"{size:,}",
                f"{added:.3f}",
                f"{added * 1e5 / size:.3f}",
                f"{statistics.median(item['freeze'] for item in found):.3f}",
            ]
        )
        if any(item["compile"] for item in found):
            notes.append(f"{label}: kernels were compiled again, the cache does not work")
        if any(item["engine"] != "cpu" for item in found):
            notes.append(f"{label}: HelioX stepped aside")
    header = ["model", "compartments", "added s", "per 100,000", "report's freeze s"]
    cases.print_table(header, rows, options.markdown)
    if notes:
        print("\n" + "\n".join(notes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
