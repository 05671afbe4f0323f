"""From a mechanism's name and MOD text to a compiled kernel, or the reason why there is none."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from ..nmodl.unsupported import Unsupported
from . import cache, compile

if TYPE_CHECKING:
    from ..nmodl.lower import Kernel

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resolution:
    """What a mechanism runs on.

    status: "kernel" (path is a shared library with hx_kernel_entry_point), "host" (NEURON's own
    function runs: code is HX021 to HX025, reason says why, with file and line), "none" (a step
    calls nothing of this mechanism). cached: the answer was there. seconds: spent on it (reading,
    translating, compiling).
    """

    name: str
    status: str
    path: str = ""
    code: str = ""
    reason: str = ""
    cached: bool = False
    seconds: float = 0.0


@dataclass
class _Job:
    """A kernel on its way: source is what remains to be compiled; seconds: spent so far."""

    name: str
    text: str
    path: Path
    stable: Path
    isa: str
    source: str = ""
    seconds: float = 0.0


def resolve(name: str, text: str | None) -> Resolution:
    """The kernel of one mechanism. text: its MOD text, None or "" if NEURON has none."""
    return resolve_many([(name, text)])[0]


def resolve_many(requests: Sequence[tuple[str, str | None]]) -> list[Resolution]:
    """The kernels of several mechanisms, compiled in parallel; in the order of the requests."""
    out: list[Resolution | None] = []
    jobs: dict[int, _Job] = {}
    for index, (name, text) in enumerate(requests):
        started = time.perf_counter()
        try:
            found = _prepare(name, text or "", started)
        except Unsupported as error:
            found = _refused(name, error, started)
        out.append(found if isinstance(found, Resolution) else None)
        if isinstance(found, _Job):
            jobs[index] = found
    if jobs:
        workers = max(2, min(len(jobs), len(os.sched_getaffinity(0))))
        with ThreadPoolExecutor(workers) as pool:
            for index, result in zip(jobs, pool.map(_build, jobs.values()), strict=True):
                out[index] = result
    return [result for result in out if result is not None]


def _refused(name: str, error: Unsupported, started: float) -> Resolution:
    place = f"{name}.mod:{error.line}: " if error.line else ""
    return Resolution(
        name,
        "host",
        code=error.code,
        reason=f"{place}{error.reason}",
        seconds=time.perf_counter() - started,
    )


def _prepare(name: str, text: str, started: float) -> Resolution | _Job:
    """A cached kernel, a refusal, or a job with its source printed."""
    if not text.strip():
        raise Unsupported("HX023", "NEURON holds no MOD text for it")
    isa_name = compile.isa()
    folder = cache.folder()
    try:
        identity = compile.compiler().identity
    except Unsupported:
        # nothing can be compiled: what was compiled elsewhere still serves
        stable = folder / cache.stable_name(text, isa_name)
        if cache.is_whole(stable):
            seconds = time.perf_counter() - started
            return Resolution(name, "kernel", str(stable), cached=True, seconds=seconds)
        raise
    key = cache.key(text, isa_name, identity)
    path = folder / f"{key}.so"
    remembered = folder / f"{key}.txt"
    if cache.is_whole(path):
        seconds = time.perf_counter() - started
        return Resolution(name, "kernel", str(path), cached=True, seconds=seconds)
    if remembered.exists():
        return _remembered(name, remembered, started)
    job = _Job(name, text, path, folder / cache.stable_name(text, isa_name), isa_name)
    try:
        kernel = _lower(text)
    except Unsupported as error:
        _remember(remembered, f"{error.code}\n{error.line}\n{error.reason}")
        raise
    if kernel is None:
        _remember(remembered, "none\n0\n")
        return Resolution(name, "none", seconds=time.perf_counter() - started)
    from .cpp import print_kernel

    job.source = print_kernel(kernel)
    job.seconds = time.perf_counter() - started
    _dump(name, job.source)
    return job


def _lower(text: str) -> Kernel | None:
    from ..nmodl.lower import lower

    try:
        return lower(text)
    except Unsupported:
        raise
    except Exception as error:  # a bug of ours must not stop a simulation that NEURON can run
        _log.warning("translation failed", exc_info=True)
        raise Unsupported(
            "HX022", f"the translator failed ({type(error).__name__}: {error})"
        ) from error


def _remember(path: Path, text: str) -> None:
    """Keeps a refusal, so that the parser need not run again to find it."""
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        temporary.write_text(text)
        temporary.replace(path)
    except OSError:
        pass


def _remembered(name: str, path: Path, started: float) -> Resolution:
    code, line, reason = path.read_text().split("\n", 2)
    if code == "none":
        seconds = time.perf_counter() - started
        return Resolution(name, "none", cached=True, seconds=seconds)
    refused = _refused(name, Unsupported(code, reason, int(line)), started)
    return replace(refused, cached=True)


def _build(job: _Job) -> Resolution:
    """Compiles a job, unless another process just did."""
    waited = time.perf_counter()
    try:
        with FileLock(str(job.path.with_suffix(".lock"))):
            if not cache.is_whole(job.path):
                with tempfile.TemporaryDirectory(dir=job.path.parent) as scratch:
                    source = Path(scratch) / f"{job.name}.cpp"
                    source.write_text(job.source, errors="replace")
                    library = Path(scratch) / f"{job.name}.so"
                    compile.compile_source(source, library, job.isa)
                    cache.publish(library, job.path, job.stable)
    except Unsupported as error:
        return _refused(job.name, error, waited)
    except OSError as error:
        return _refused(job.name, Unsupported("HX025", str(error)), waited)
    seconds = job.seconds + time.perf_counter() - waited
    return Resolution(job.name, "kernel", str(job.path), seconds=seconds)


def _dump(name: str, source: str) -> None:
    folder = os.environ.get("HELIOX_DUMP_DIR")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{name}.cpp").write_text(source, errors="replace")
