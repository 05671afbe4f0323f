"""The GPU engine: microseconds per step, fidelity, solvers, start-up and memory, model by model.

    python benchmarks/gpu.py                                        # everything, under 8 minutes
    python benchmarks/gpu.py --models tree1 l5pc1 --parts speed parity
    python benchmarks/gpu.py --models hpc --parts speed --seconds 2 --reps 5 --json hpc.json

Parts: speed (NEURON, our engines), coreneuron (its CPU engine on all cores), parity (bits and
bounds), ablation (solvers, plans), startup (freeze, compile). One process a model and part; psolve
alone is timed, warm, with v of every root and all spikes recorded. HELIOX_GPU_DEVICE=host tries the
program without a GPU.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cases
import gpu_ablation
import gpu_goals
import measure
from gpu_table import print_results

HERE = Path(__file__).resolve()
DEFAULT = "tree1 tree20 tree500 l5pc1 l5pc20 hpcpassive500 hpcactive500".split()
PARTS = "speed coreneuron parity ablation startup".split()
# cells: ms in NEURON and in our exact engine. hpc is silent for its first 10 ms
PARITY_MS = {1: 300.0, 20: 50.0, 500: 5.0}
PARITY_HPC_500_MS = 12.0
# ms of the reference runs, in exact and in fast on the GPU
REFERENCE_MS = {"tree": 500.0, "l5pc": 300.0, "hpc": 200.0}


# ---- measuring processes ------------------------------------------------------------------------


def say(result):
    """The result so far: the last such line counts, also when the process dies later."""
    print("\n" + json.dumps(result), flush=True)


def measure_speed(bench, task, result):
    reps, seconds = task["reps"], task["seconds"]
    settings = {
        "neuron": (measure.NEURON, min(0.5, seconds)),
        "cpu": (measure.CPU | {"threads": cases.cores()}, min(0.5, seconds)),
        "exact": (measure.GPU_EXACT, seconds),
        "fast": (measure.GPU_FAST, seconds),
    }
    for name, (setting, length) in settings.items():
        try:
            result[name] = bench.time(setting, length, reps)
            if name == "exact":
                result["memory"] = measure.device_memory()
                result["freeze"] = bench.freeze_seconds(setting)
        except measure.Skipped as skipped:
            result["notes"].append(f"{name}: {skipped}")
        say(result)


def measure_parity(bench, task, result):
    """Bits against NEURON on a short run; the fast engine's distance on a longer one."""
    dt, (short, long) = bench.h.dt, task["parity"]
    try:
        neuron = bench.outcome(measure.NEURON, short)
        exact = bench.outcome(measure.GPU_EXACT, short)
        result["same_bits"] = neuron.same_bits(exact)
        result["parity_ms"], result["parity_spikes"] = short, len(neuron.times)
        if not result["same_bits"]:
            result["exact_apart"] = max(neuron.distance(exact, dt))
        say(result)
        exact = bench.outcome(measure.GPU_EXACT, long)
        fast = bench.outcome(measure.GPU_FAST, long)
    except measure.Skipped as skipped:
        result["notes"].append(f"parity: {skipped}")
    else:
        result["fast_ms"], result["fast_spikes"] = long, len(exact.times)
        result["fast_before"], result["fast_after"] = exact.distance(fast, dt)
        result["same_spikes"] = exact.same_spikes(fast)
    say(result)


def measure_ablation(bench, task, result):
    gpu_ablation.time_settings(bench, task, result, say)


def make_kernels(bench, task, result):
    """Nothing is timed: what the settings need is compiled into the caches."""
    for setting in task["settings"]:
        with contextlib.suppress(measure.Skipped):
            bench.use(setting)
            bench.advance(1)
    say(result)


def measure_startup(bench, task, result):
    """The first advance on the GPU of a process with the caches as they are."""
    try:
        start = time.perf_counter()
        bench.use(measure.GPU_EXACT)
        if not measure.on_host():
            import cupy

            cupy.zeros(1).sum()
        opened = time.perf_counter()
        first = bench.advance(1)
        result["context"] = opened - start
        result["first"] = first - min(bench.advance(1) for _ in range(3))
    except measure.Skipped as skipped:
        result["notes"].append(f"startup: {skipped}")
    say(result)


def measure_coreneuron(case, task, folder, result):
    """CoreNEURON with all cores: psolve of many steps less that of one (the copy of the model)."""
    import statistics

    network = cases.build(case, folder, cases.libraries(case.family, folder, True))
    network.recorded = cases.record_roots(by_clamp=True)
    bench = measure.Bench(network)
    from neuron import coreneuron, h

    if hasattr(h.CVode(), "cache_efficient"):
        h.CVode().cache_efficient(1)
    threads = max(1, min(task["cores"], cases.root_count()))
    bench.pc.nthread(threads)
    coreneuron.verbose, coreneuron.enable = 0, True
    bench.advance(1)
    transfer = statistics.median(bench.advance(1) for _ in range(2))
    steps = 40
    while (took := bench.advance(steps) - transfer) < 0.3 * task["seconds"] and steps < 40_000:
        steps *= 4
    steps = max(steps, min(40_000, int(task["seconds"] * steps / max(1e-6, took))))
    found = [1e6 * (bench.advance(steps) - transfer) / steps for _ in range(task["reps"])]
    result["coreneuron"] = {"us": statistics.median(found), "all": found, "steps": steps}
    result["coreneuron"] |= {"threads": threads, "transfer": transfer}
    say(result)


def worker(task):
    task = json.loads(task)
    case = cases.named(task["case"])
    if task["ncell"]:
        case = replace(case, arguments=case.arguments | {"ncell": task["ncell"]})
    folder = cases.models_dir(task["models_dir"])
    result = {"notes": []}
    if task["part"] == "coreneuron":
        measure_coreneuron(case, task, folder, result)
        measure.leave()
    bench, result["build"] = measure.built(case, folder)
    result["compartments"], result["cells"] = cases.compartments(), cases.root_count()
    parts = {
        "speed": measure_speed,
        "parity": measure_parity,
        "ablation": measure_ablation,
        "startup": measure_startup,
        "kernels": make_kernels,
    }
    parts[task["part"]](bench, task, result)
    result["notes"] += bench.notes
    say(result)
    measure.leave()


# ---- the program --------------------------------------------------------------------------------


def parity_ms(case, ncell):
    """(ms against NEURON, ms of fast against exact)."""
    short = PARITY_MS[max(n for n in PARITY_MS if n <= max(1, ncell))]
    if case.family == "hpc" and ncell >= 500:
        short = PARITY_HPC_500_MS
    return short, REFERENCE_MS[case.family] / (5 if ncell >= 500 else 1)


class Asker:
    """Starts measuring processes until the time is up."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.end = time.monotonic() + 60 * options.minutes

    def ask(self, case, part, ncell=0, settings=(), **extra):
        """The last result that the process printed; "notes" say what went wrong."""
        options, left = self.options, self.end - time.monotonic()
        if left < 10:
            return {"notes": [f"{part}: left out, --minutes {options.minutes:g} are over"]}
        ncells = ncell or case.arguments["ncell"]
        task = {"case": case.name, "part": part, "ncell": ncell, "models_dir": str(self.folder)}
        task |= {"seconds": options.seconds, "reps": options.reps, "cores": cases.cores()}
        task |= {"also": options.also, "settings": settings, "parity": parity_ms(case, ncells)}
        if part == "coreneuron":
            try:
                mods = cases.libraries(case.family, self.folder, coreneuron=True)
            except (RuntimeError, OSError) as error:
                return {"notes": [f"CoreNEURON: {error}"]}
            library = cases.library_file(mods, "libcorenrnmech.so")
            if library is None:
                return {"notes": ["CoreNEURON: nrnivmodl -coreneuron made no libcorenrnmech.so"]}
            extra |= {"CORENEURONLIB": str(library), "OMP_NUM_THREADS": str(cases.cores())}
        return run_worker(part, task, min(left, options.timeout), extra)


def run_worker(part, task, timeout, extra):
    command = [sys.executable, str(HERE), "--worker", json.dumps(task)]
    env = cases.child_environment(**extra)
    problem = ""
    try:
        done = subprocess.run(command, capture_output=True, env=env, timeout=timeout, check=False)
        out, errors = done.stdout, done.stderr
        if done.returncode:
            words = [line for line in errors.decode(errors="replace").splitlines() if line.strip()]
            problem = f"{part}: status {done.returncode}: {words[-1] if words else 'no output'}"
            print("\n".join(words[-15:]), file=sys.stderr)
    except subprocess.TimeoutExpired as expired:
        out, problem = expired.stdout or b"", f"{part}: stopped after {timeout:.0f} s"
    lines = [x for x in out.decode(errors="replace").splitlines() if x.startswith('{"notes"')]
    result = json.loads(lines[-1]) if lines else {"notes": []}
    if problem:
        result["notes"].append(problem)
    return result


def make_mechanisms(models, parts, folder):
    """Libraries of all families at once; what fails is reported where it is needed."""
    kinds = {part == "coreneuron" for part in parts}
    wanted = {(case.family, kind) for case in models for kind in kinds}
    with ThreadPoolExecutor() as pool:
        for found in [pool.submit(cases.libraries, name, folder, kind) for name, kind in wanted]:
            found.exception()


def make_all_kernels(asker, models, parts):
    """HelioX's kernels of all models, in as many processes as there are cores; no result counts."""
    jobs, cores = [], cases.cores()
    for case in models:
        if {"speed", "parity"} & set(parts):
            jobs.append((case, [measure.CPU, measure.GPU_EXACT, measure.GPU_FAST]))
        if "ablation" in parts:
            pieces = gpu_ablation.kernels(min(6, max(1, cores // len(models))))
            jobs += [(case, piece) for piece in pieces]
    jobs.sort(key=lambda job: -job[0].arguments["ncell"])
    with ThreadPoolExecutor(cores) as pool:
        for case, settings in jobs:
            pool.submit(asker.ask, case, "kernels", settings=settings)


def startup(asker, case):
    """Two processes with caches of their own: empty, then filled. One cell has all kernels."""
    found = {"notes": []}
    with tempfile.TemporaryDirectory() as folder:
        names = ("HELIOX_CACHE_DIR", "CUPY_CACHE_DIR", "CUDA_CACHE_PATH")
        caches = {name: f"{folder}/{name}" for name in names}
        for name in ("first_empty", "first_cached"):
            result = asker.ask(case, "startup", ncell=1, **caches)
            found["notes"] += result["notes"]
            if "first" in result:
                found[name], found["context"] = result["first"], result["context"]
    return found


def run_all(asker, chosen, parts, keep):
    """Figures of all models, part by part: what matters most is there when the time is up.

    keep: called with the figures so far.
    """
    results = {case.name: {"model": case.name, "notes": []} for case in chosen}
    started = {}
    for part, case in ((part, case) for part in parts for case in chosen):
        begin, figures = time.monotonic(), results[case.name]
        if part == "startup":
            kernels = (case.family, case.arguments.get("active"))
            if kernels not in started:
                started[kernels] = startup(asker, case)
            result = started[kernels]
        else:
            result = asker.ask(case, part)
        notes = dict.fromkeys(figures["notes"] + result["notes"])
        figures |= result | {"notes": list(notes)}
        keep(list(results.values()))
        took = time.monotonic() - begin
        print(f"  {part}, {case.name}: {took:.1f} s", file=sys.stderr, flush=True)
    return list(results.values())


def words(text):
    return [word for word in text.replace(",", " ").split() if word]


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="*", default=[], help=f"default: {' '.join(DEFAULT)}")
    parser.add_argument("--parts", nargs="*", default=[], help=f"default: {' '.join(PARTS)}")
    parser.add_argument("--seconds", type=float, default=0.5, help="of a timed run (0.5)")
    parser.add_argument("--reps", type=int, default=3, help="repetitions (3)")
    parser.add_argument("--minutes", type=float, default=8, help="for everything (8)")
    parser.add_argument("--timeout", type=float, default=150, help="s for one process (150)")
    parser.add_argument("--also", nargs="+", action="append", default=[], metavar="NAME=VALUE",
                        help="one more setting of the ablation")  # fmt: skip
    parser.add_argument("--models-dir", help="the benchmark models (../shared/models)")
    parser.add_argument("--json", metavar="FILE", help="write all figures here")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = arguments()
    if options.worker:
        return worker(options.worker)
    folder = cases.models_dir(options.models_dir)
    if folder is None:
        print("Benchmark models not found (HELIOX_MODELS, --models-dir): nothing to measure.")
        return 0
    parts = words(" ".join(options.parts)) or PARTS
    if not set(parts) <= set(PARTS):
        raise SystemExit(f"parts are {', '.join(PARTS)}")
    chosen = cases.by_key(words(" ".join(options.models)), DEFAULT)
    facts = cases.facts() + cases.gpu_facts()

    def keep(results):
        if options.json:
            data = {"facts": dict(facts), "results": results}
            Path(options.json).write_text(json.dumps(data, indent=2) + "\n")

    models = [case for case in chosen if case.family]
    asker, begin = Asker(options, folder), time.monotonic()
    make_mechanisms(models, parts, folder)
    if cases.cores() > 1:
        make_all_kernels(asker, models, parts)
    print(f"  mechanisms, kernels: {time.monotonic() - begin:.1f} s", file=sys.stderr, flush=True)
    results = run_all(asker, models, parts, keep)
    print_results(facts, results, options)
    by_name = {result["model"]: result for result in results}
    gpu_goals.print_goals(by_name, names=tuple(by_name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
