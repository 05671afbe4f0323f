"""The table of gpu.py: a column a model, a line a quantity."""

import cases
from gpu_ablation import print_ablation

# us a step of Arbor's busyring on one H100 80GB (source of April 2026, CUDA 13, sm_90), hh
# everywhere, 636 control volumes a cell: quoted, not measured by this program
ARBOR_US = {"tree x1": 52.0, "tree x20": 53.0, "tree x500": 106.0}
# times faster: against CoreNEURON on 16 cores of the same host, against Arbor
TARGETS = {
    "tree x1": (None, 3),
    "tree x20": (None, 3),
    "tree x500": (100, 4),
    "l5pc x1": (5, None),
    "l5pc x20": (15, None),
    "hpc passive x500": (30, None),
    "hpc active x500": (30, None),
}


def us(name):
    return lambda r: f"{r[name]['us']:.4g}" if name in r else "-"


def times(slow, fast):
    """How many times faster; "-" where one is missing."""

    def text(result):
        a, b = slow(result), fast(result)
        return f"{a / b:.2f}" if a and b else "-"

    return text


def of(name):
    return lambda r: r[name]["us"] if name in r else None


def arbor(result):
    return ARBOR_US.get(result["model"])


def target(which):
    """The target beside a measurement, "-" without one."""

    def text(result):
        value = TARGETS.get(result["model"], (None, None))[which]
        measured = ("exact" in result or "fast" in result) and (which or "coreneuron" in result)
        return f"{value}" if value and measured else "-"

    return text


def number(name, form="{:.3g}"):
    def text(result):
        value = result.get(name)
        return "-" if value is None else form.format(value)

    return text


def yes(name):
    return lambda r: {True: "yes", False: "NO"}.get(r.get(name), "-")


def exact_bits(result):
    if "same_bits" not in result:
        return "-"
    return "yes" if result["same_bits"] else f"NO ({result['exact_apart']:.1e})"


def memory(name):
    return lambda r: f"{r['memory'][name]:.0f}" if r.get("memory") else "-"


def coreneuron_threads(result):
    return str(result["coreneuron"]["threads"]) if "coreneuron" in result else "-"


def compile_seconds(result):
    both = result.get("first_empty"), result.get("first_cached")
    return "-" if None in both else f"{max(0.0, both[0] - both[1]):.2f}"


LINES = (
    ("cells", number("cells", "{:,}")),
    ("compartments", number("compartments", "{:,}")),
    ("us/step: NEURON, 1 thread", us("neuron")),
    ("  CoreNEURON CPU", us("coreneuron")),
    ("    its threads", coreneuron_threads),
    ("  HelioX CPU, all cores, exact", us("cpu")),
    ("  HelioX GPU, exact", us("exact")),
    ("  HelioX GPU, fast", us("fast")),
    ("  Arbor GPU, quoted [1]", lambda r: f"{arbor(r):.0f}" if arbor(r) else "-"),
    ("times NEURON: GPU exact", times(of("neuron"), of("exact"))),
    ("  GPU fast", times(of("neuron"), of("fast"))),
    ("times CoreNEURON: GPU exact", times(of("coreneuron"), of("exact"))),
    ("  GPU fast", times(of("coreneuron"), of("fast"))),
    ("  target", target(0)),
    ("times Arbor [1]: GPU exact", times(arbor, of("exact"))),
    ("  GPU fast", times(arbor, of("fast"))),
    ("  target", target(1)),
    ("exact has NEURON's bits", exact_bits),
    ("  over ms", number("parity_ms", "{:g}")),
    ("  spikes in it", number("parity_spikes", "{}")),
    ("fast-exact, mV: to first spike", number("fast_before", "{:.1e}")),
    ("  from then on", number("fast_after", "{:.1e}")),
    ("  same spike times", yes("same_spikes")),
    ("  over ms", number("fast_ms", "{:g}")),
    ("  spikes in it", number("fast_spikes", "{}")),
    ("s: build in NEURON", number("build")),
    ("  freeze and upload", number("freeze")),
    ("  CUDA context [2]", number("context")),
    ("  compile, empty cache [2]", compile_seconds),
    ("  first advance, cached [2]", number("first_cached")),
    ("MiB: peak of CuPy's pool", memory("pool")),
    ("  in use on the device", memory("driver")),
)


def print_results(facts, results, options):
    """Everything on paper: facts, the table, the ablation, notes."""
    for name, value in facts:
        print(f"{name}: {value}")
    print(
        f"medians of {options.reps} runs of about {options.seconds:g} s each (NEURON and CPU at "
        f"most 0.5 s), psolve alone, dt {cases.DT} ms, all cores: {cases.cores()}\n"
    )
    header = ["", *(result["model"] for result in results)]
    rows = [[title, *(text(result) for result in results)] for title, text in LINES]
    kept = [row for row in rows if set(row[1:]) != {"-"}]
    cases.print_table(header, kept)
    print()
    if any(arbor(result) for result in results):
        print("[1] Arbor on one H100, quoted from a measurement on another machine")
    if any("first_cached" in result for result in results):
        print("[2] with one cell: kernels do not depend on the number of cells")
    print_ablation(results)
    notes = [f"{r['model']}: {note}" for r in results for note in r["notes"]]
    if notes:
        print("\n" + "\n".join(notes))
