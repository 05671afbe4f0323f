"""`heliox demo`: a legacy hoc model, unchanged, in NEURON and on HelioX.

The shipped model (hoc_examples/l5_demo: one hoc file and nine MOD files) is compiled with NEURON's
nrnivmodl and run by two fresh processes, one plain NEURON, one with `heliox.enable = 1`. Each
builds the model and runs it against the clock; only `run()` is timed, and the median of REPEATS
runs (fewer on a slow machine) counts, on HelioX after a first run, shown too, that freezes the
model and compiles what is not in the cache. Every recorded Vector and every spike time of the two
is then compared bit by bit.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from .core import installed
from .doctor import cache_folder, nrnivmodl

REPEATS = 3
PATIENCE = 15.0  # s: no further run of an engine after this long
MODEL = "l5_demo"


class DemoFailed(RuntimeError):
    """A step of the demonstration did not work; the text says which and what to do."""


def main(arguments: list[str]) -> int:
    """0 when our engine ran and both runs agree to the last bit, else 1."""
    parser = argparse.ArgumentParser(prog="heliox demo", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--plot", default="heliox_demo.png", help="file of the plot (%(default)s)")
    parser.add_argument("--no-plot", action="store_true")
    parser.add_argument("--tstop", type=float, help="ms, instead of the model's own")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    try:
        return _demo(options)
    except DemoFailed as error:
        print(f"heliox demo: {error}", file=sys.stderr)
        return 1


def _demo(options: argparse.Namespace) -> int:
    say = (lambda *_: None) if options.json else print
    model = model_folder()
    say(f"Model: {model / (MODEL + '.hoc')}, unchanged.")
    library = mechanism_library(model, say)
    with tempfile.TemporaryDirectory() as folder:
        say("Running it in NEURON ...")
        reference = _run(model, library, "neuron", options.tstop, Path(folder))
        say("Running it on HelioX ...")
        ours = _run(model, library, "heliox", options.tstop, Path(folder))
    figures = compare(reference, ours)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        print(text(figures, ours["report"]))
    if not options.no_plot:
        say(plot(reference, ours, figures, Path(options.plot)))
    return 0 if figures["identical"] and figures["engine"] != "neuron" else 1


def model_folder() -> Path:
    """The shipped model: in the installed package, or beside it in a checkout."""
    folder = installed(f"examples/{MODEL}")
    if folder is None:
        folder = Path(__file__).resolve().parents[1] / "hoc_examples" / MODEL
    if not (folder / f"{MODEL}.hoc").exists():
        raise DemoFailed(f"the model is not installed: {folder} is missing.")
    return folder


def mechanism_library(model: Path, say: Any) -> Path:
    """The model's MOD files, compiled by nrnivmodl with its default flags and kept in the cache."""
    sources = sorted((model / "mod").glob("*.mod"))
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    digest.update(_neuron_version().encode())
    place = cache_folder() / "demo" / digest.hexdigest()[:16]
    found = _built(place)
    if found:
        return found
    command = nrnivmodl()
    if command is None:
        raise DemoFailed("nrnivmodl is not there. It comes with the neuron wheel: heliox doctor.")
    say(f"Compiling its {len(sources)} MOD files with nrnivmodl (once) ...")
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        shutil.copytree(model / "mod", Path(folder) / "mod")
        # where this interpreter's commands are: nrnivmodl calls python
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        done = subprocess.run(
            [command, "mod"],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not _built(Path(folder)):
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise DemoFailed(f"nrnivmodl failed; it needs a C++ compiler and make.\n{tail}")
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder, place)
    built = _built(place)
    assert built is not None
    return built


def _built(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob("*/libnrnmech.so"))), None)


def _neuron_version() -> str:
    from importlib.metadata import version

    return version("neuron")


def _run(
    model: Path, library: Path, engine: str, tstop: float | None, folder: Path
) -> dict[str, Any]:
    """One engine in a fresh process: times of run(), records, report."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HELIOX_ENABLE")}
    environment |= {"NEURON_MODULE_OPTIONS": "-nogui", "HELIOX_PROGRESS": "0"}
    if engine == "neuron":
        environment["HELIOX_ATTACH"] = "0"
    out = folder / f"{engine}.npz"
    command = [sys.executable, "-m", "heliox_neuron.demo", engine, str(model), str(library)]
    done = subprocess.run(
        [*command, str(out), str(tstop or 0)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not out.exists():
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise DemoFailed(f"the run on {engine} failed (status {done.returncode}).\n{tail}")
    with np.load(out) as data:
        result: dict[str, Any] = {
            "arrays": {name: data[name] for name in data.files if name != "facts"}
        }
        result |= json.loads(str(data["facts"]))
    return result


def worker(arguments: list[str]) -> None:
    """The fresh process: `engine model library out tstop`."""
    engine, model, library, out, tstop = arguments
    from neuron import h

    if engine == "heliox":
        from . import attach

        attach().enable = True
    h.nrn_load_dll(library)
    os.chdir(model)
    if not h.load_file(1, f"{MODEL}.hoc"):
        raise SystemExit(f"{MODEL}.hoc does not load")
    if float(tstop) > 0:
        h.tstop = float(tstop)
    seconds: list[float] = []
    for _ in range(REPEATS + (engine == "heliox")):
        if len(seconds) > (engine == "heliox") and sum(seconds) > PATIENCE:
            break
        start = time.perf_counter()
        h.run()
        seconds.append(time.perf_counter() - start)
    arrays = {
        h.demo_names.o(k).s: np.array(h.demo_records.o(k).as_numpy())
        for k in range(int(h.demo_records.count()))
    }
    arrays["spikes"] = np.array(h.demo_spikes.as_numpy()) if h.demo_spikes.size() else np.empty(0)
    facts: dict[str, Any] = {"seconds": seconds, "tstop": h.tstop, "dt": h.dt}
    facts["nodes"] = sum(section.nseg for section in h.allsec())
    facts["report"] = None
    if engine == "heliox":
        facts["report"] = attach().report().to_dict()
    np.savez(out, facts=json.dumps(facts, default=str), **arrays)


def compare(reference: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """The demo's figures: median seconds, speed-up, and whether all bits are the same."""
    different = sorted(
        name
        for name, values in reference["arrays"].items()
        if name not in ours["arrays"] or values.tobytes() != ours["arrays"][name].tobytes()
    )
    timed = (reference["seconds"], ours["seconds"][1:])
    neuron, heliox = (statistics.median(seconds) for seconds in timed)
    model = (ours["report"] or {}).get("model") or {}
    runs = (ours["report"] or {}).get("runs") or []
    return {
        "model": MODEL,
        "segments": reference["nodes"],
        "tstop_ms": reference["tstop"],
        "dt_ms": reference["dt"],
        "neuron_seconds": neuron,
        "heliox_seconds": heliox,
        "speedup": neuron / heliox,
        "runs": [len(seconds) for seconds in timed],
        "heliox_first_seconds": ours["seconds"][0],
        "engine": runs[-1]["engine"] if runs else "neuron",
        "threads": model.get("threads"),
        "isa": model.get("isa"),
        "records": len(reference["arrays"]) - 1,
        "spikes": int(reference["arrays"]["spikes"].size),
        "identical": not different,
        "different": different,
    }


def text(figures: dict[str, Any], report: dict[str, Any] | None) -> str:
    """What the command prints."""
    from .report.plan import model_blocks
    from .report.text import plural

    real = figures["tstop_ms"] * 1e-3
    rows = [("NEURON", figures["neuron_seconds"]), ("HelioX", figures["heliox_seconds"])]
    lines = [
        "",
        f"{figures['segments']} segments, {figures['tstop_ms']:g} ms at dt {figures['dt_ms']:g} ms;"
        f" median of {figures['runs'][0]} and {figures['runs'][1]} runs:",
    ]
    for name, seconds in rows:
        lines.append(f"  {name}  {seconds:7.3f} s   {real / seconds:6.2f} x real time")
    lines[-1] += f"   (first run {figures['heliox_first_seconds']:.3f} s)"
    lines.append(
        f"  speed-up {figures['speedup']:.2f}   engine: {figures['engine']}, "
        f"{plural(figures['threads'] or 1, 'thread')}, {figures['isa'] or 'NEURON'}"
    )
    same = "yes" if figures["identical"] else f"NO: {', '.join(figures['different'])}"
    lines.append(
        f"  identical: {same}   ({figures['records']} recorded Vectors and "
        f"{figures['spikes']} spike times, bit by bit)"
    )
    off = ((report or {}).get("status") or {}).get("off")
    if off:
        lines.append(f"  {off}")
    if report and report.get("model"):
        blocks = model_blocks(report["model"])
        lines += ["", *(b if isinstance(b, str) else b.text() for b in blocks if b)]
    return "\n".join(lines) + "\n"


def plot(
    reference: dict[str, Any], ours: dict[str, Any], figures: dict[str, Any], path: Path
) -> str:
    """Draws the two runs over each other; returns a line about it."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        return "No plot: matplotlib is not installed (pip install 'heliox-neuron[plot]')."
    traces = [name for name in reference["arrays"] if ".v(" in name or name.startswith("v(")]
    figure, axes = pyplot.subplots(
        len(traces), 1, sharex=True, squeeze=False, figsize=(9, 1.2 + 2 * len(traces))
    )
    for axis, name in zip(axes[:, 0], traces, strict=True):
        for run, label, style in (
            (reference, "NEURON", {"color": "0.7", "linewidth": 3}),
            (ours, "HelioX", {"color": "tab:red", "linewidth": 0.8}),
        ):
            t = run["arrays"].get("t", np.arange(run["arrays"][name].size) * figures["dt_ms"])
            axis.plot(t, run["arrays"][name], label=label, **style)
        axis.set_ylabel(f"{name} (mV)")
    axes[-1, 0].set_xlabel("t (ms)")
    axes[0, 0].legend(loc="upper right", frameon=False)
    axes[0, 0].set_title(
        f"NEURON {figures['neuron_seconds']:.2f} s, HelioX {figures['heliox_seconds']:.2f} s, "
        f"{'identical bits' if figures['identical'] else 'NOT identical'}"
    )
    figure.tight_layout()
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        return f"No plot: {path}: {error.strerror}."
    return f"Plot: {path}"


if __name__ == "__main__":
    worker(sys.argv[1:])
