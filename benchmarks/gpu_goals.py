"""What the GPU engine is to reach, and whether the figures of gpu.py and gpu_scaling.py do.

    python benchmarks/gpu_goals.py gpu.json [scaling.json network.json]

A goal is a ratio of two figures of one run, on one H100; Arbor's figures are quoted (gpu_table.py).
Fast fidelity, but where "exact" stands. Ends with status 0 also where a goal is missed.
"""

import json
import sys
from pathlib import Path

import cases
from gpu_table import ARBOR_US, TARGETS


def us(figures, engine):
    """Microseconds a step, None where there is no figure."""
    if engine == "arbor":
        return ARBOR_US.get(figures["model"])
    return figures.get(engine, {}).get("us")


def rows(models):
    """A line for each goal. models: name -> figures."""
    goals = [
        (model, engine, goal)
        for model, both in TARGETS.items()
        for engine, goal in zip(("coreneuron", "arbor"), both, strict=True)
        if goal
    ]
    for model, engine, goal in goals:
        figures = models.get(model, {"model": model})
        ours, theirs = us(figures, "fast"), us(figures, engine)
        exact = us(figures, "exact")
        line = [model, engine, *(f"{x:.1f}" if x else "-" for x in (theirs, exact, ours))]
        if ours and theirs:
            verdict = "reached" if theirs / ours >= goal else "missed"
            line += [f"{theirs / exact:.1f}" if exact else "-", f"{theirs / ours:.1f}"]
        else:
            verdict, line = "not measured", [*line, "-", "-"]
        yield [*line, str(goal), verdict]


def parity(models):
    """What the part parity found, in a line a model."""
    for name, figures in models.items():
        if "same_bits" in figures:
            bits = "NEURON's bits" if figures["same_bits"] else "OTHER BITS"
            line = f"{name}: exact has {bits}"
            if "fast_before" in figures:
                spikes = "the same" if figures["same_spikes"] else "OTHER"
                line += (
                    f"; fast off {figures['fast_before']:.1e} mV before the first spike, "
                    f"{figures['fast_after']:.1e} mV after it, {spikes} spike times"
                )
            yield line


def scaling(data):
    """Lines of a gpu_scaling.py file."""
    what = "network" if data["options"]["network"] else "tree"
    for result in data["results"]:
        found = [f"{e} {result[e]['us']:.4g}" for e in ("neuron", "cpu", "exact", "fast")
                 if e in result]  # fmt: skip
        yield f"{what} x{result['cells']}: us a step: {', '.join(found) or 'not measured'}"


def print_goals(models, scaled=(), names=tuple(TARGETS)):
    """names: whose goals are listed. scaled: contents of gpu_scaling.py's files."""
    header = "model,against,its us,exact us,fast us,times exact,times fast,goal,".split(",")
    print("\ngoals")
    cases.print_table(header, [line for line in rows(models) if line[0] in names])
    for line in [*parity(models), *(line for data in scaled for line in scaling(data))]:
        print(line)


def main():
    files = [json.loads(Path(name).read_text()) for name in sys.argv[1:] if Path(name).exists()]
    models = {
        r["model"]: r for data in files if "options" not in data for r in data.get("results", [])
    }
    print_goals(models, [data for data in files if "options" in data])
    return 0


if __name__ == "__main__":
    sys.exit(main())
