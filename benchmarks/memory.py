"""Peak memory that a model adds after the imports: NEURON and HelioX, each in a fresh process.

python benchmarks/memory.py          # models of 100,000 compartments and more
"""

import argparse
import json
import resource
import sys
from pathlib import Path

import cases

HERE = Path(__file__).resolve()
STEPS = 10


def peak_mib():
    """Largest resident size of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def worker(name, engine, models_dir):
    """Imports, then builds, initialises and advances; prints the growth of the peak."""
    from neuron import h

    heliox = None
    if engine == "heliox":
        from heliox_neuron import heliox
    before = peak_mib()
    case = cases.named(name)
    folder = cases.models_dir(models_dir)
    model = cases.build(case, folder, cases.libraries(case.family, folder))
    if heliox is not None:
        heliox.enable = 1
    h.finitialize(h.v_init)
    built = peak_mib()
    h.ParallelContext().psolve(STEPS * h.dt)
    ran = "neuron" if heliox is None else heliox.report().to_dict()["runs"][-1]["engine"]
    result = {"growth": peak_mib() - before, "advance": peak_mib() - built, "engine": ran}
    print("\n" + json.dumps(result | {"compartments": cases.compartments(), "model": bool(model)}))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="*", default=["x500"], help="words in the models' names")
    parser.add_argument("--models-dir")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return worker(*options.worker)
    folder = cases.models_dir(options.models_dir)
    if folder is None:
        print("Benchmark models not found (HELIOX_MODELS, --models-dir): nothing to measure.")
        return 0
    for name, value in cases.facts():
        print(f"{name}: {value}")
    print("peak resident size after import, MiB\n")
    rows, notes = [], []
    for case in cases.select(options.models):
        found = {}
        for engine in ("neuron", "heliox"):
            try:
                found[engine] = cases.run_child(HERE, ["--worker", case.name, engine, folder])
            except RuntimeError as error:
                notes.append(f"{case.name}, {engine}: {error}")
        row = [case.name, "-", "-", "-", "-"]
        if "neuron" in found:
            row[1:3] = [f"{found['neuron']['compartments']:,}", f"{found['neuron']['growth']:.0f}"]
        if len(found) == 2:
            row[3] = f"{found['heliox']['growth']:.0f}"
            row[4] = f"{found['heliox']['growth'] / found['neuron']['growth']:.2f}"
            if found["heliox"]["engine"] != "cpu":
                notes.append(f"{case.name}: HelioX stepped aside")
        rows.append(row)
    header = ["model", "compartments", "NEURON", "HelioX", "ratio"]
    cases.print_table(header, rows, options.markdown)
    if notes:
        print("\n" + "\n".join(notes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
