"""How the engines scale: tree cells from 1 to 10,000, and a network with many synapses a cell.

    python benchmarks/gpu_scaling.py                                   # tree x1 ... x10,000
    python benchmarks/gpu_scaling.py --cells 1 100 10000 --segments 2  # 126 compartments a cell
    python benchmarks/gpu_scaling.py --network                         # 10,000 x 100, 1,000 a cell
    python benchmarks/gpu_scaling.py --network --cells 1000 --synapses 100
    python benchmarks/gpu_scaling.py --network --fan-out host         # through NEURON's queue
    python benchmarks/gpu_scaling.py --network --engines exact fast   # without NEURON and the CPU

The network: hh trees whose NetCons come from random cells, spread over one ExpSyn a compartment
(NetCons into one ExpSyn add up: the same currents as with a synapse each). Random Poisson input
keeps a part of the cells firing. One process a size; psolve alone is timed, warm, spikes recorded,
less a psolve of one step: what a call costs in any case does not count. The network is timed over
its first --ms of model time with every engine. The GPU comes first, NEURON last and once.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cases
import measure
from scaling_models import Network, Tree

HERE = Path(__file__).resolve()
SIZES = (1, 10, 100, 1000, 10_000)
ENGINES = "exact fast cpu neuron".split()


def worker(task):
    task = json.loads(task)
    if task["fan_out"] != "auto":
        os.environ["HELIOX_FANOUT"] = "1" if task["fan_out"] == "device" else "0"
    from neuron import h

    h.load_file("stdrun.hoc")
    start = time.perf_counter()
    model = (Network if task["network"] else Tree)(task)
    h.dt, h.steps_per_ms, h.v_init = cases.DT, round(1 / cases.DT), -65.0
    model.pc.set_maxstep(10)
    result = {"build": time.perf_counter() - start, "compartments": cases.compartments()}
    result["netcons"], result["notes"] = int(h.List("NetCon").count()), []
    bench = measure.Bench(model)
    for name in task["engines"]:
        attempt(result, name, time_engine, bench, task, result, name)
    if "exact" in result:
        attempt(result, "freeze", freeze, bench, result)
    result["notes"] += bench.notes
    say(result)
    measure.leave()


def say(result):
    """The result so far: the last such line counts, also when the process is stopped later."""
    print("\n" + json.dumps(result), flush=True)


def attempt(result, name, function, *arguments):
    try:
        function(*arguments)
    except measure.Skipped as skipped:
        result["notes"].append(f"{name}: {skipped}")
    say(result)


def time_engine(bench, task, result, name):
    setting = {
        "exact": measure.GPU_EXACT,
        "fast": measure.GPU_FAST,
        "cpu": measure.CPU | {"threads": cases.cores()},
        "neuron": measure.NEURON,
    }[name]
    steps = round(task["ms"] / cases.DT) if task["network"] else 0
    reps = 1 if name == "neuron" else task["reps"]
    result[name] = bench.time_apart(setting, task["seconds"], reps, steps)
    result.setdefault("rate", 1e3 * len(bench.times) / (bench.h.t * task["ncell"]))
    if name == "exact":
        result["memory"] = measure.device_memory()


def freeze(bench, result):
    """Last: NEURON itself sorts a changed model again, 2 ms a cell, and that is not timed."""
    result["freeze"] = bench.freeze_seconds(measure.GPU_EXACT, result["exact"]["once"])


# ---- the program --------------------------------------------------------------------------------


def ask(task, timeout):
    """The last result of a measuring process; "notes" say what went wrong."""
    result, problem = {"notes": []}, ""
    try:
        done = subprocess.run(
            [sys.executable, str(HERE), "--worker", json.dumps(task)],
            capture_output=True,
            env=cases.child_environment(),
            timeout=timeout,
            check=False,
        )
        out = done.stdout
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip().splitlines()
            problem = f"status {done.returncode}: {words[-1] if words else 'no output'}"
    except subprocess.TimeoutExpired as expired:
        out, problem = expired.stdout or b"", f"stopped after {timeout:.0f} s"
    for line in out.decode(errors="replace").splitlines():
        if line.startswith('{"build"'):
            result = json.loads(line)
    if problem:
        result["notes"].append(problem)
    return result


def row(ncell, result):
    """A line of the table."""

    def us(name):
        return f"{result[name]['us']:.4g}" if name in result else "-"

    def times(name):
        both = "neuron" in result and name in result
        return f"{result['neuron']['us'] / result[name]['us']:.1f}" if both else "-"

    def number(name, form):
        return form.format(result[name]) if name in result else "-"

    def cells_per_ms():
        """Cell milliseconds of the model in one second, GPU fast."""
        if "fast" not in result:
            return "-"
        return f"{ncell * cases.DT * 1e6 / result['fast']['us']:.3g}"

    pool = f"{result['memory']['pool']:.0f}" if result.get("memory") else "-"
    return [
        f"{ncell:,}",
        number("compartments", "{:,}"),
        number("netcons", "{:,}"),
        number("build", "{:.1f}"),
        number("freeze", "{:.2f}"),
        pool,
        number("rate", "{:.1f}"),
        us("neuron"),
        us("cpu"),
        us("exact"),
        us("fast"),
        times("exact"),
        times("fast"),
        cells_per_ms(),
    ]


HEADER = (
    "cells",
    "compartments",
    "NetCons",
    "build s",
    "freeze s",
    "pool MiB",
    "spikes/s/cell",
    "NEURON us",
    "CPU us",
    "GPU exact us",
    "GPU fast us",
    "times, exact",
    "times, fast",
    "cell ms/s, fast",
)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, nargs="*", help="sizes; network: 10000")
    parser.add_argument("--segments", type=int, default=10, help="of each of 63 sections (10)")
    parser.add_argument("--network", action="store_true")
    parser.add_argument("--compartments", type=int, default=101, help="of a network's cell (101)")
    parser.add_argument("--synapses", type=int, default=1000, help="a network's cell (1000)")
    parser.add_argument(
        "--fan-out", choices=("auto", "host", "device"), default="auto",
        help="who delivers a network's spikes (auto: by the number of NetCons)",
    )  # fmt: skip
    parser.add_argument(
        "--engines", nargs="+", choices=ENGINES, default=ENGINES,
        help=f"what is timed ({' '.join(ENGINES)})",
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=0.3, help="of a timed run (0.3)")
    parser.add_argument("--ms", type=float, default=10, help="of a network's timed run (10)")
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=8, help="for everything (8)")
    parser.add_argument("--models-dir", help="the benchmark models (../shared/models)")
    parser.add_argument("--json", metavar="FILE", help="write all figures here")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = arguments()
    if options.worker:
        return worker(options.worker)
    folder = cases.models_dir(options.models_dir)
    if folder is None and not options.network:
        print("Benchmark models not found (HELIOX_MODELS, --models-dir): nothing to measure.")
        return 0
    facts = cases.facts() + cases.gpu_facts()
    for name, value in facts:
        print(f"{name}: {value}")
    what = "network" if options.network else "tree"
    print(
        f"{what}, medians of {options.reps}; times: how many times faster than NEURON, 1 thread\n"
    )
    end = time.monotonic() + 60 * options.minutes
    names = "segments network compartments synapses seconds reps fan_out ms".split()
    rows, results, notes = [], [], []
    for ncell in options.cells or ([10_000] if options.network else SIZES):
        task = {name: getattr(options, name) for name in names}
        task |= {"ncell": ncell, "models_dir": str(folder or "")}
        task["engines"] = [name for name in ENGINES if name in options.engines]
        begin = time.monotonic()
        left = end - begin
        result = ask(task, left) if left > 10 else {"notes": ["left out, --minutes are over"]}
        took = time.monotonic() - begin
        print(f"  {what} x{ncell}: {took:.1f} s", file=sys.stderr, flush=True)
        results.append(result | {"cells": ncell})
        rows.append(row(ncell, result))
        notes += [f"x{ncell}: {note}" for note in result["notes"]]
    cases.print_table(list(HEADER), rows)
    if notes:
        print("\n" + "\n".join(notes))
    if options.json:
        data = {"facts": dict(facts), "options": vars(options), "results": results}
        Path(options.json).write_text(json.dumps(data, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
