"""What each choice within the GPU engine is worth: settings of gpu.py's part "ablation", its table.

One process a model; a setting costs a freeze, a compilation where no process made that kernel
before (gpu.py makes all of them ahead, on all cores), and about half a second of steps.
"""

import cases
import measure

FIDELITIES = ("exact", "fast")
SECONDS = 0.1  # of a timed run
# line, setting; the lines below a plan belong to it
LINES = [(f"solver {name}", {"solver": name}) for name in ("hines", "dhs", "contract")]
LINES += [(f"plan {name}", {"plan": name}) for name in ("fused", "coupled", "streams")]
LINES += [
    ("  HELIOX_STREAMS=0: tasks in turn", {"plan": "streams", "HELIOX_STREAMS": 0}),
    ("  HELIOX_FUSION=0: a kernel each", {"plan": "streams", "HELIOX_FUSION": 0}),
    ("HELIOX_GATE=0: copies all spikes", {"HELIOX_GATE": 0}),
]
LINES += [(f"HELIOX_BLOCK_THREADS={n}", {"HELIOX_BLOCK_THREADS": n}) for n in (128, 256, 512)]


def settings(also=()):
    """(line, fidelity, setting) of everything that is timed. also: lists of "name=value"."""
    found = [
        (line, fidelity, {"device": "gpu", "fidelity": fidelity} | setting)
        for line, setting in LINES
        for fidelity in FIDELITIES
        if (setting.get("solver"), fidelity) != ("contract", "exact")  # it reorders: HX034
    ]
    for words in also:
        setting = {"device": "gpu"} | dict(word.split("=", 1) for word in words)
        others = [word for word in words if not word.startswith("fidelity=")]
        found.append((" ".join(others), setting.setdefault("fidelity", "exact"), setting))
    return found


def kernels(n_part):
    """Settings whose kernels have to be made, dealt out to at most n_part processes."""
    wanted = [
        setting
        for _, _, setting in settings()
        if not {"HELIOX_STREAMS", "HELIOX_FUSION", "HELIOX_GATE"} & set(setting)  # no other source
    ]
    return [part for k in range(n_part) if (part := wanted[k::n_part])]


def time_settings(bench, task, result, say):
    """Fills result["ablation"]: line -> fidelity -> figures, or {"skipped": reason}."""
    known = result["ablation"] = {}
    for line, fidelity, setting in settings(task["also"]):
        try:
            found = bench.time(setting, min(SECONDS, task["seconds"]), min(3, task["reps"]))
        except measure.Skipped as skipped:
            found = {"skipped": str(skipped)}
        known.setdefault(line, {})[fidelity] = found
        say(result)


def print_ablation(results):
    """A line a setting, two columns a model; below it what was refused, and why."""
    with_it = [result for result in results if result.get("ablation")]
    if not with_it:
        return
    reasons, rows = {}, []
    for line in dict.fromkeys(line for result in with_it for line in result["ablation"]):
        row = [line]
        for result in with_it:
            for fidelity in FIDELITIES:
                found = result["ablation"].get(line, {}).get(fidelity, {})
                row.append(f"{found['us']:.4g}" if "us" in found else "-")
                if "skipped" in found:
                    which = f"{result['model']}, {line.strip().split(':')[0]}, {fidelity}"
                    reasons.setdefault(found["skipped"], []).append(which)
        rows.append(row)
    print('\nus/step on the GPU; solvers with the plan, plans with the solver that "auto" takes')
    header = [f"{result['model']} {fidelity}" for result in with_it for fidelity in FIDELITIES]
    cases.print_table(["", *header], rows)
    for reason, found in reasons.items():
        print(f"  left out ({'; '.join(found)}): {reason}")
