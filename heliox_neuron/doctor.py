"""`heliox doctor`: is everything in place? Also where the cache is."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Check:
    """One line: good is True, False, or None for plain information."""

    what: str
    found: str
    good: bool | None = None
    advice: str = ""
    required: bool = False


def cache_folder() -> Path:
    """HELIOX_CACHE_DIR, or the user's cache folder."""
    named = os.environ.get("HELIOX_CACHE_DIR")
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_cache_dir("heliox-neuron", appauthor=False))


def compiler() -> str | None:
    """The C++ compiler that would be used: CXX, g++, clang++, c++."""
    for name in (os.environ.get("CXX"), "g++", "clang++", "c++"):
        if name and shutil.which(name.split()[0]):
            return name
    return None


def checks() -> list[Check]:
    """All lines, in the order in which a problem should be mended."""
    rows = [Check("platform", f"{platform.system()} {platform.machine()}", _linux())]
    rows.append(Check("python", f"{platform.python_version()} {sys.executable}"))
    rows += _neuron()
    rows += _core()
    rows += [_compiler(), _nrnivmodl(), _cache()]
    rows += [
        Check(name, value) for name, value in sorted(os.environ.items()) if name[:7] == "HELIOX_"
    ]
    return rows


def _linux() -> bool:
    return platform.system() == "Linux"


def _neuron() -> list[Check]:
    advice = "pip install 'neuron>=9.0,<9.1'"
    try:
        import neuron
    except ImportError as error:
        return [Check("neuron", str(error), False, advice, required=True)]
    found = f"{neuron.__version__} {Path(neuron.__file__).parent}"
    return [Check("neuron", found, neuron.__version__.startswith("9.0"), advice, required=True)]


def _core() -> list[Check]:
    from .core import installed, kernel_library, load

    core = load()
    rows = [Check("core", core.gate() or "loads, and fits this NEURON", not core.gate(), "", True)]
    rows.append(Check("libheliox.so", str(installed("libheliox.so") or "missing")))
    isa = core.isa()
    rows.append(Check("instructions", isa or "unknown", None))
    library = kernel_library(isa)
    rows.append(
        Check(
            "built-in kernels",
            str(library) if library else f"none for {isa or 'this machine'}",
            library is not None,
            "Without them NEURON's own functions run: correct, slower.",
        )
    )
    return rows


def _compiler() -> Check:
    advice = "Install g++ 11 or newer; until then your own MOD files run in NEURON's code (HX025)."
    name = compiler()
    if name is None:
        return Check("c++ compiler", "none in PATH", False, advice)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "try.cpp"
        source.write_text('extern "C" int answer() { return 42; }\n')
        command = [*name.split(), "-std=c++17", "-O1", "-fPIC", "-shared"]
        if platform.machine() == "x86_64":
            command.append("-march=x86-64-v4")
        command += [str(source), "-o", str(source.with_suffix(".so"))]
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode:
        first = (tried.stderr.strip().splitlines() or ["it fails"])[0]
        return Check("c++ compiler", f"{name}: {first}", False, advice)
    version = subprocess.run(
        [*name.split(), "--version"], capture_output=True, text=True, check=False
    )
    return Check("c++ compiler", (version.stdout.splitlines() or [name])[0], True)


def nrnivmodl() -> str | None:
    """NEURON's MOD compiler, beside this interpreter or in PATH."""
    beside = Path(sys.executable).parent / "nrnivmodl"
    return str(beside) if beside.exists() else shutil.which("nrnivmodl")


def _nrnivmodl() -> Check:
    missing = [name for name in ("make",) if shutil.which(name) is None]
    found = nrnivmodl()
    if found is None:
        return Check("nrnivmodl", "not found", False, "It comes with the neuron wheel.")
    if missing:
        return Check("nrnivmodl", f"{found}, but no make in PATH", False, "Install make.")
    return Check("nrnivmodl", found, True)


def _cache() -> Check:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        advice = "HX070: set HELIOX_CACHE_DIR to a folder that can be written."
        return Check("cache", f"{folder}: {error.strerror}", False, advice)
    kernels = sum(1 for _ in folder.rglob("*.so"))
    return Check("cache", f"{folder} ({kernels} libraries)", True)
