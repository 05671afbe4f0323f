"""`heliox doctor`: is everything in place, is there a GPU? Also where the cache is."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import session


@dataclass(frozen=True)
class Check:
    """One line: good is True, False, or None for plain information."""

    what: str
    found: str
    good: bool | None = None
    advice: str = ""
    required: bool = False


def cache_folder() -> Path:
    """HELIOX_CACHE_DIR, or the user's cache folder; not made here (codegen/cache.py makes it)."""
    named = os.environ.get("HELIOX_CACHE_DIR")
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_cache_dir("heliox_neuron"))


def checks() -> list[Check]:
    """All lines, in the order in which a problem should be mended."""
    session.PLAIN_WARNINGS = True
    rows = [Check("platform", f"{platform.system()} {platform.machine()}", _linux())]
    rows.append(Check("python", f"{platform.python_version()} {sys.executable}"))
    rows += _neuron()
    rows += _core()
    rows += [_compiler(), _nrnivmodl(), _cache(), *_gpu()]
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
    from .codegen import compile
    from .nmodl.unsupported import Unsupported

    advice = "Until then your own MOD files run in NEURON's own code: correct, slower (HX025)."
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "try.cpp"
        source.write_text('extern "C" int answer() { return 42; }\n')
        try:
            compile.compile_source(source, source.with_suffix(".so"), compile.isa())
            return Check("c++ compiler", compile.compiler().identity, True)
        except Unsupported as error:
            return Check("c++ compiler", str(error), False, advice)


def _gpu() -> list[Check]:
    """Plain information where there is no GPU: everything runs without one."""
    from .engines.gpu.open import open_device
    from .errors import HelioXError

    try:
        device = open_device()
    except HelioXError as error:
        return [Check("gpu", str(error).removeprefix("HX031 "))]
    found = f"{device.name}, {device.free_bytes() / 2**30:.1f} GiB free"
    rows = [Check("gpu", found, True)]
    try:
        device.module('#include "device.cuh"\nHX_GLOBAL void hx_nothing() {}\n', ())
        rows.append(Check("gpu kernels", "compile", True))
    except Exception as error:
        advice = "HX032: the CPU engine runs everything until this is mended."
        rows.append(Check("gpu kernels", f"{error}"[:300], False, advice))
    return rows


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
