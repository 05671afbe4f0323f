"""Compiles folders of MOD files for the tests, once for all runs: nrnivmodl into a temp folder."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
REPOSITORY = TESTS.parent


def models_folder():
    """The benchmark models (HELIOX_MODELS, else ../shared/models beside the repository) or None."""
    given = os.environ.get("HELIOX_MODELS")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "models"
    return folder if folder.is_dir() else None


def library(folder=TESTS / "mod"):
    """libnrnmech.so of the MOD files of `folder`, compiled when their text is new."""
    folder = Path(folder)
    sources = sorted(folder.glob("*.mod"))
    assert sources, f"no MOD files in {folder}"
    key = hashlib.sha256(f"{version('neuron')} {sys.executable} {folder.name}".encode())
    for source in sources:
        key.update(source.name.encode() + source.read_bytes())
    base = Path(tempfile.gettempdir()) / f"heliox-test-mods-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    target = base / key.hexdigest()[:16]
    with _lock(base / f"{target.name}.lock"):
        if not target.exists():
            building = Path(tempfile.mkdtemp(dir=base))
            _compile(sources, building)
            building.rename(target)
    return next(target.glob("*/libnrnmech.so"))


def _compile(sources, place):
    (place / "mod").mkdir()
    for source in sources:
        shutil.copy(source, place / "mod")
    tool = Path(sys.executable).parent / "nrnivmodl"
    command = [str(tool if tool.exists() else shutil.which("nrnivmodl") or "nrnivmodl"), "mod"]
    env = dict(os.environ)
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", "")])
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, f"nrnivmodl failed\n{(done.stdout + done.stderr)[-4000:]}"


@contextmanager
def _lock(path):
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def load(folder=TESTS / "mod"):
    """Compiles and loads into this process's NEURON."""
    from neuron import h

    h.nrn_load_dll(str(library(folder)))
