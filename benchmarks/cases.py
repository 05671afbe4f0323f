"""The benchmark cases: how each model is built, compiled and named; facts about the machine.

The models live outside this repository: HELIOX_MODELS, --models-dir, or ../shared/models beside it.
HELIOX_MECHANISMS may name a folder of mechanisms that nrnivmodl made before: <family>/x86_64/...
"""

import contextlib
import hashlib
import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DT = 0.025  # ms


@dataclass(frozen=True)
class Case:
    """One line of the table. family: the folder of the model, "" for the one made here.

    steps: steps timed in one repetition, about half a second of NEURON on a common core.
    """

    name: str
    family: str
    arguments: dict = field(default_factory=dict)
    v_init: float = -65.0  # mV
    steps: int = 400
    way: str = "psolve"

    @property
    def key(self):
        """The name as a word of the command line: "hpc active x500" is hpcactive500."""
        return self.name.replace(" x", "").replace(" ", "").lower()


CASES = (
    Case("point run()", "", steps=40_000, way="run"),
    Case("point hoc fadvance", "", steps=40_000, way="hoc"),
    Case("point Python fadvance", "", steps=20_000, way="python"),
    Case("point psolve", "", steps=80_000),
    Case("tree x1", "tree", {"ncell": 1}, steps=8000),
    Case("tree x20", "tree", {"ncell": 20}, steps=400),
    Case("tree x500", "tree", {"ncell": 500}, steps=20),
    Case("l5pc x1", "l5pc", {"ncell": 1}, -80.0, 2000),
    Case("l5pc x20", "l5pc", {"ncell": 20, "amp_step": 0.01}, -80.0, 120),
    Case("hpc passive x20", "hpc", {"ncell": 20, "amp_step": 0.01}, 0.0, 1000),
    Case("hpc passive x500", "hpc", {"ncell": 500, "amp_step": 0.001}, 0.0, 30),
    Case("hpc active x20", "hpc", {"ncell": 20, "active": True, "amp_step": 0.01}, -86.0, 1000),
    Case("hpc active x500", "hpc", {"ncell": 500, "active": True, "amp_step": 0.001}, -86.0, 30),
)


def named(name):
    return next(case for case in CASES if case.name == name)


def select(words):
    """Cases whose name contains one of the words; all without words."""
    return [c for c in CASES if not words or any(word.lower() in c.name.lower() for word in words)]


def by_key(words, default):
    """Cases by key, in the order of CASES; a word that is no key picks all keys it begins.

    SystemExit for a word that fits nothing.
    """
    chosen = set()
    for word in words or default:
        word = word.lower()
        fits = [c.key for c in CASES if c.key == word]
        fits = fits or [c.key for c in CASES if c.key.startswith(word)]
        if not fits:
            raise SystemExit(f"no model {word!r}; known: {', '.join(c.key for c in CASES)}")
        chosen.update(fits)
    return [case for case in CASES if case.key in chosen]


def models_dir(given=None):
    """The folder of the models, or None."""
    folder = Path(given or os.environ.get("HELIOX_MODELS") or REPOSITORY.parent / "shared/models")
    return folder if folder.is_dir() else None


def libraries(family, folder, coreneuron=False):
    """Folder with the compiled MODs of a family, or None where there are none and none are needed.

    With coreneuron also its library (libcorenrnmech), which is needed for built-in mechanisms too.
    What HELIOX_MECHANISMS holds is taken as it is. RuntimeError with the last lines of output when
    nrnivmodl fails.
    """
    mod = folder / family / "mod" if family else None
    sources = sorted(mod.glob("*.mod")) if mod and mod.is_dir() else []
    if not sources and not coreneuron:
        return None
    ready = prebuilt(family or "builtin", coreneuron)
    if ready is not None:
        return ready
    key = hashlib.sha256(f"{version('neuron')} {sys.executable} {coreneuron}".encode())
    for source in sources:
        key.update(source.name.encode() + source.read_bytes())
    base = Path(tempfile.gettempdir()) / f"heliox-benchmark-mods-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    target = base / f"{family or 'builtin'}-{key.hexdigest()[:12]}"
    if not target.exists():
        building = Path(tempfile.mkdtemp(dir=base))
        (building / "mod").mkdir()
        for source in sources:
            shutil.copy(source, building / "mod")
        tool = Path(sys.executable).parent / "nrnivmodl"
        command = [str(tool) if tool.exists() else "nrnivmodl"]
        command += ["-coreneuron", "mod"] if coreneuron else ["mod"]
        env = dict(os.environ)
        env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", "")])
        done = subprocess.run(
            command, cwd=building, capture_output=True, text=True, env=env, check=False
        )
        if done.returncode:
            raise RuntimeError(" | ".join((done.stdout + done.stderr).strip().splitlines()[-3:]))
        building.rename(target)
    return target


def prebuilt(family, coreneuron=False):
    """The folder of a family in HELIOX_MECHANISMS, or None; its name may end with the family's."""
    base = os.environ.get("HELIOX_MECHANISMS")
    needed = "libcorenrnmech.so" if coreneuron else "libnrnmech.so"
    for folder in sorted(Path(base).glob(f"*{family}")) if base else []:
        if library_file(folder, needed):
            return folder.resolve()
    return None


def library_file(folder, name="libnrnmech.so"):
    return next(iter(sorted(folder.glob(f"*/{name}"))), None) if folder else None


def build(case, folder, mods=None):
    """The model; NEURON's dt, v_init and celsius are set. Keep what is returned."""
    from neuron import h

    h.load_file("stdrun.hoc")
    if mods and library_file(mods):
        h.nrn_load_dll(str(library_file(mods)))
    h.dt, h.steps_per_ms, h.v_init = DT, round(1 / DT), case.v_init
    if not case.family:
        return _point()
    sys.path.insert(0, str(folder / case.family))
    network = importlib.import_module(case.family).build(**case.arguments)
    h.dt, h.steps_per_ms, h.v_init = DT, round(1 / DT), case.v_init
    network.pc.set_maxstep(10)
    network.recorded = record_roots()
    return network


def record_roots(by_clamp=False):
    """Vectors of v of all roots. by_clamp: the IClamp at a root says which thread it belongs to.

    With several threads NEURON else looks for the variable of each Vector among all there are, when
    it initializes: half a minute for 500 cells of hpc.
    """
    from neuron import h

    clamps = {clamp.get_segment().sec: clamp for clamp in h.List("IClamp")} if by_clamp else {}
    roots = [section for section in h.allsec() if section.parentseg() is None]
    return [
        h.Vector().record(*([clamps[root]] if root in clamps else []), root(0.5)._ref_v)
        for root in roots
    ]


def _point():
    """One hh compartment under a current step, its voltage recorded."""
    from neuron import h

    soma = h.Section(name="soma")
    soma.L = soma.diam = 20
    soma.insert("hh")
    clamp = h.IClamp(soma(0.5))
    clamp.delay, clamp.dur, clamp.amp = 1, 1e9, 0.1
    h("proc benchmark_loop() { local i  for i = 1, $1 { fadvance() } }")
    h.ParallelContext().set_maxstep(10)
    return soma, clamp, h.Vector().record(soma(0.5)._ref_v)


def root_count():
    """Cells: sections without a parent."""
    from neuron import h

    return sum(section.parentseg() is None for section in h.allsec())


def compartments():
    from neuron import h

    return sum(section.nseg for section in h.allsec())


def cores():
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


def facts():
    """Machine, versions and commit, as (name, value) pairs."""

    def package(name):
        try:
            return version(name)
        except PackageNotFoundError:
            return "not installed"

    return [
        ("machine", f"{_cpu()}, {cores()} cores, {platform.system()} {platform.machine()}"),
        ("ISA", _isa()),
        ("Python", platform.python_version()),
        ("neuron", package("neuron")),
        ("heliox-neuron", package("heliox-neuron")),
        ("commit", _commit()),
    ]


def gpu_facts():
    """GPU and driver (from nvidia-smi) and CUDA packages, as (name, value) pairs."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, check=True, timeout=60)
        gpu = "; ".join(done.stdout.strip().splitlines()) or "none"
    except (OSError, subprocess.SubprocessError):
        gpu = "none (no nvidia-smi)"
    if os.environ.get("HELIOX_GPU_DEVICE") == "host":
        gpu = f"the host, HELIOX_GPU_DEVICE=host; GPU: {gpu}"
    packages = []
    for name in ("cupy-cuda12x", "cupy-cuda13x", "cupy", "nvidia-cuda-nvrtc"):
        with contextlib.suppress(PackageNotFoundError):
            packages.append(f"{name} {version(name)}")
    return [("GPU", gpu), ("CUDA packages", ", ".join(packages) or "none")]


def _cpu():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), "?")


def _isa():
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return "?"
    if {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"} <= flags:
        return "x86-64-v4 (AVX-512)"
    return "x86-64-v3 (AVX2)" if {"avx2", "fma"} <= flags else "x86-64-v2"


def _commit():
    """HELIOX_COMMIT serves copies of the tree that are no repository."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return os.environ.get("HELIOX_COMMIT", "?")
    return done.stdout.strip() or os.environ.get("HELIOX_COMMIT", "?")


def child_environment(**extra):
    """Environment of a measuring process: no windows, no HELIOX_ settings, one BLAS thread."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("HELIOX_")}
    kept = ("HELIOX_CACHE_DIR", "HELIOX_MODELS", "HELIOX_MECHANISMS", "HELIOX_GPU_DEVICE")
    for name in kept:
        if name in os.environ:
            env[name] = os.environ[name]
    env.pop("DISPLAY", None)
    env.update(NEURON_MODULE_OPTIONS="-nogui", OMP_NUM_THREADS="1", HELIOX_PROGRESS="0")
    env.update(extra)
    return env


def run_child(script, arguments, **extra):
    """The JSON on the last line of a measuring process; RuntimeError with its last words."""
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=child_environment(**extra),
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        words = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise RuntimeError(f"status {done.returncode}: {words[-1] if words else 'no output'}")
    return json.loads(lines[-1])


def print_table(header, rows, markdown=False):
    """Columns aligned; the first column to the left."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]

    def line(row):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "| " + " | ".join(cells) + " |" if markdown else "  ".join(cells)

    print(line(list(header)))
    if markdown:
        bars = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        print("|" + "|".join(f" {bar} " for bar in bars) + "|")
    for row in rows:
        print(line(row), flush=True)
