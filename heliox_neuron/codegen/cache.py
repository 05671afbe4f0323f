"""Compiled kernels on disk.

A kernel lies in the cache folder twice: under the full key (everything that went into it), and
under `<sha256 of the MOD text, 32 digits>-<isa>-abi<N>-<passes>.so`, a name that can be made
without running Python's part of the compiler, so that runs without Python find it too.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import re
import shutil
import tempfile
import warnings
from pathlib import Path

import platformdirs

from ..errors import HelioXWarning
from ..nmodl.lower_version import PASSES_VERSION
from ..nmodl.source import mod_hash
from . import compile

_private: Path | None = None


def folder() -> Path:
    """The cache folder, made if it is missing.

    HELIOX_CACHE_DIR, else the user's cache folder. If it cannot be written: a temporary folder of
    this process, with the warning HX070.
    """
    global _private
    wanted = os.environ.get("HELIOX_CACHE_DIR") or platformdirs.user_cache_dir("heliox_neuron")
    path = Path(wanted)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
        return path
    except OSError as error:
        if _private is None:
            _private = Path(tempfile.mkdtemp(prefix="heliox-"))
            warnings.warn(
                f"HX070 the kernel cache {path} cannot be written ({error.strerror}): mechanisms "
                "are compiled again in each process",
                HelioXWarning,
                stacklevel=2,
            )
        return _private


@functools.lru_cache(maxsize=1)
def abi_version() -> int:
    """HX_ABI_VERSION of abi.h."""
    text = (compile.include_dir() / "abi.h").read_text()
    found = re.search(r"#define HX_ABI_VERSION (\d+)", text)
    assert found is not None
    return int(found[1])


@functools.lru_cache(maxsize=1)
def _headers() -> str:
    digest = hashlib.sha256()
    for path in sorted(compile.include_dir().iterdir()):
        if path.suffix in (".h", ".hpp", ".inc"):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.lru_cache(maxsize=1)
def _translator() -> str:
    """Hash of the passes and printers themselves: a checkout changes without a new version."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for path in sorted([*package.glob("nmodl/*.py"), *package.glob("codegen/*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.lru_cache(maxsize=4)
def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def key(text: str, isa_name: str, compiler_identity: str) -> str:
    """sha256 over all that decides a kernel's code."""
    parts = [
        text,
        str(PASSES_VERSION),
        " ".join(compile.flags(isa_name)),
        isa_name,
        compiler_identity,
        _version("heliox-neuron"),
        _version("neuron"),
        _headers(),
        _translator(),
    ]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode("utf-8", "surrogateescape"))
        digest.update(b"\0")
    return digest.hexdigest()


def stable_name(text: str, isa_name: str) -> str:
    """The file name that needs only the MOD text."""
    text_hash = mod_hash(text)[:32]
    return f"{text_hash}-{isa_name}-abi{abi_version()}-{PASSES_VERSION}.so"


def is_whole(path: Path) -> bool:
    """Whether a kernel is there and undamaged: it ends with the sha256 of what comes before."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return hashlib.sha256(data[:-64]).hexdigest().encode() == data[-64:]


def publish(library: Path, path: Path, stable: Path) -> None:
    """Seals a new library (see is_whole) and moves it to its place, and the stable name to it."""
    data = library.read_bytes()
    library.write_bytes(data + hashlib.sha256(data).hexdigest().encode())
    library.replace(path)
    temporary = stable.with_name(f"{stable.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(path, temporary)
    except OSError:
        shutil.copy2(path, temporary)
    temporary.replace(stable)
