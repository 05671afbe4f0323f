"""Microseconds per time step: NEURON, HelioX and CoreNEURON (CPU), model by model.

    python benchmarks/simulation.py --models "tree x20" l5pc --markdown

Only the call that advances is timed (model built, finitialize done), with a record of the voltage
of every root. Each repetition runs NEURON and then HelioX on the same model in the same process,
so that a drifting machine moves both; printed are medians, of the repetitions' ratios too.
HelioX is timed warm; the first advance after enabling (freeze, kernels cached) has its own column.
CoreNEURON is interleaved with NEURON in a process of its own and compared with that NEURON.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import cases

HERE = Path(__file__).resolve()


def advance(way, steps):
    """Seconds of `steps` steps of the initialised model."""
    from neuron import h

    h.tstop = steps * h.dt
    if way == "run":  # run() initialises too: the microseconds of that are shared by many steps
        start = time.perf_counter()
        h.run()
    elif way == "hoc":
        h.finitialize(h.v_init)
        start = time.perf_counter()
        h.benchmark_loop(steps)
    elif way == "python":
        h.finitialize(h.v_init)
        fadvance = h.fadvance
        start = time.perf_counter()
        for _ in range(steps):
            fadvance()
    else:
        h.finitialize(h.v_init)
        pc = h.ParallelContext()
        start = time.perf_counter()
        pc.psolve(h.tstop)
    elapsed = time.perf_counter() - start
    assert abs(h.t - h.tstop) < 2 * h.dt, f"stopped at {h.t} ms instead of {h.tstop}"
    return elapsed


def measure_heliox(case, steps, reps, folder):
    """NEURON, HelioX with one thread and with all cores, in turn. Seconds per repetition."""
    model = cases.build(case, folder, cases.libraries(case.family, folder))
    result = {"compartments": cases.compartments(), "steps": steps, "neuron": []}
    try:
        from heliox_neuron import heliox
    except ImportError as error:
        heliox, result["no_heliox"] = None, str(error)
    advance(case.way, max(1, steps // 10))
    if heliox is None:
        result["neuron"] = [advance(case.way, steps) for _ in range(reps)]
        return result | {"model": bool(model)}
    threads = {"heliox": 1}
    if cases.cores() > 1:
        threads["heliox_all"] = cases.cores()
    heliox.threads = 1
    heliox.enable = 1
    first = advance(case.way, 1)
    again = advance(case.way, 1)
    result["first_advance"] = first - again
    for name in threads:
        result[name] = []
    for _ in range(reps):
        heliox.enable = 0
        result["neuron"].append(advance(case.way, steps))
        for name, count in threads.items():
            heliox.enable = 1
            heliox.threads = count
            advance(case.way, 1)  # settings take effect at an advance: not timed
            result[name].append(advance(case.way, steps))
            last = heliox.report().to_dict()["runs"][-1]
            if last["engine"] != "cpu":
                result["stepped_aside"] = last["engine"]
    return result | {"model": bool(model)}


def measure_coreneuron(case, steps, reps, folder):
    """NEURON and CoreNEURON in turn; needs the library in CORENEURONLIB and psolve."""
    mods = cases.libraries(case.family, folder, coreneuron=True)
    model = cases.build(case, folder, mods)
    from neuron import coreneuron, h

    if hasattr(h.CVode(), "cache_efficient"):
        h.CVode().cache_efficient(1)
    coreneuron.verbose = 0
    result = {"neuron": [], "coreneuron": []}
    for rep in range(reps + 1):
        for name in result:
            coreneuron.enable = name == "coreneuron"
            seconds = advance("psolve", steps)
            if rep:  # the first round warms up
                result[name].append(seconds)
    coreneuron.enable = False
    return result | {"model": bool(model)}


def coreneuron_transfer(case, steps, reps, folder):
    """What CoreNEURON needs for the copy of the model to and from it: psolve of one step."""
    result = measure_coreneuron(case, steps, reps, folder)
    short = measure_short(reps)
    result["transfer"] = short
    return result


def measure_short(reps):
    """Seconds of a one-step psolve in CoreNEURON: its cost besides the steps."""
    from neuron import coreneuron

    coreneuron.enable = True
    seconds = [advance("psolve", 1) for _ in range(reps)]
    coreneuron.enable = False
    return seconds


def worker(task):
    task = json.loads(task)
    case = cases.named(task["case"])
    folder = cases.models_dir(task["models_dir"])
    measure = coreneuron_transfer if task["what"] == "coreneuron" else measure_heliox
    result = measure(case, task["steps"], task["reps"], folder)
    print("\n" + json.dumps(result))


def ask(case, what, options, folder):
    steps = options.steps or case.steps
    task = {
        "case": case.name,
        "what": what,
        "steps": steps,
        "reps": options.reps,
        "models_dir": str(folder or ""),
    }
    extra = {}
    if what == "coreneuron":
        library = cases.library_file(
            cases.libraries(case.family, folder, coreneuron=True), "libcorenrnmech.so"
        )
        if library is None:
            raise RuntimeError("nrnivmodl -coreneuron made no libcorenrnmech.so")
        extra["CORENEURONLIB"] = str(library)
    return cases.run_child(HERE, ["--worker", json.dumps(task)], **extra)


def microseconds(seconds, steps):
    return 1e6 * statistics.median(seconds) / steps


def ratio(slow, fast):
    """The median of the ratios of one repetition each."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def figures(case, options, folder):
    """The numbers of one line, and notes on what is missing."""
    found = ask(case, "heliox", options, folder)
    steps = found["steps"]
    line = {"model": case.name, "compartments": found["compartments"], "steps": steps}
    line["neuron_us"] = microseconds(found["neuron"], steps)
    notes = []
    if "no_heliox" in found:
        notes.append(f"HelioX: {found['no_heliox']}")
    if "stepped_aside" in found:
        notes.append(f"HelioX stepped aside: the runs went to {found['stepped_aside']}")
    for name in ("heliox", "heliox_all"):
        if name in found:
            line[f"{name}_us"] = microseconds(found[name], steps)
            line[f"{name}_ratio"] = ratio(found["neuron"], found[name])
    if "first_advance" in found:
        line["first_advance_s"] = found["first_advance"]
    if case.way != "psolve" or options.no_coreneuron:
        return line, notes
    try:
        other = ask(case, "coreneuron", options, folder)
        transfer = statistics.median(other["transfer"])
        alone = [max(1e-9, seconds - transfer) for seconds in other["coreneuron"]]
        line["coreneuron_us"] = microseconds(alone, steps)
        line["coreneuron_ratio"] = ratio(other["neuron"], alone)
    except RuntimeError as error:
        notes.append(f"CoreNEURON: {error}")
    return line, notes


COLUMNS = (
    ("model", "model", "{}"),
    ("compartments", "compartments", "{:,}"),
    ("neuron_us", "NEURON us", "{:.4g}"),
    ("heliox_us", "HelioX us", "{:.4g}"),
    ("heliox_ratio", "times", "{:.2f}"),
    ("heliox_all_us", "all cores us", "{:.4g}"),
    ("heliox_all_ratio", "times", "{:.2f}"),
    ("coreneuron_us", "CoreNEURON us", "{:.4g}"),
    ("coreneuron_ratio", "times", "{:.2f}"),
    ("first_advance_s", "first advance s", "{:.2f}"),
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="*", default=[], help="words in the names of the models")
    parser.add_argument("--reps", type=int, default=5, help="repetitions (5)")
    parser.add_argument("--steps", type=int, help="steps a repetition, instead of each model's own")
    parser.add_argument("--models-dir", help="the benchmark models (../shared/models)")
    parser.add_argument("--no-coreneuron", action="store_true")
    parser.add_argument("--markdown", action="store_true", help="a Markdown table")
    parser.add_argument("--json", metavar="FILE", help="write all figures here")
    parser.add_argument("--list", action="store_true", help="the names of the models")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return worker(options.worker)
    if options.list:
        return print("\n".join(case.name for case in cases.CASES))

    for name, value in cases.facts():
        print(f"{name}: {value}")
    folder = cases.models_dir(options.models_dir)
    chosen = cases.select(options.models)
    if folder is None:
        print("No benchmark models (HELIOX_MODELS, --models-dir): only the point model runs.")
        chosen = [case for case in chosen if not case.family]
    print(f"medians of {options.reps} repetitions, dt {cases.DT} ms; all cores: {cases.cores()}")
    print("times: how many times faster than NEURON on one thread\n")
    lines, notes = [], []
    for case in chosen:
        if sys.stderr.isatty():
            print(f"  {case.name} ...", end="\r", file=sys.stderr, flush=True)
        try:
            line, remarks = figures(case, options, folder)
        except RuntimeError as error:
            line, remarks = {"model": case.name}, [str(error)]
        lines.append(line)
        notes += [f"{case.name}: {remark}" for remark in remarks]
    rows = [
        [form.format(line[key]) if key in line else "-" for key, _, form in COLUMNS]
        for line in lines
    ]
    cases.print_table([title for _, title, _ in COLUMNS], rows, options.markdown)
    if notes:
        print("\n" + "\n".join(notes))
    if options.json:
        data = {"facts": dict(cases.facts()), "reps": options.reps, "lines": lines, "notes": notes}
        Path(options.json).write_text(json.dumps(data, indent=2) + "\n")
    return None


if __name__ == "__main__":
    sys.exit(main())
