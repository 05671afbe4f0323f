"""Runs a test function in a fresh Python process, because NEURON's state is global.

    @isolated
    def test_something(way): ...

The test's arguments must be JSON values. In the new process the file of the test is imported and
the bare function called; its traceback (or the signal that killed it) is the failure's message.
HELIOX_TEST_ENGINE=neuron makes both sides of every comparison plain NEURON: a check of the tests
themselves, which then prove nothing about our engine.
"""

import functools
import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
TIMEOUT = 300.0  # s, a test that hangs fails
ENGINE = "HELIOX_TEST_ENGINE"


def environment(**extra):
    """The environment of a process under test: no HELIOX_ settings but the cache, no windows."""
    kept = (ENGINE, *"HELIOX_CACHE_DIR HELIOX_MODELS HELIOX_DUMP_DIR HELIOX_GPU_DEVICE".split())
    env = {k: v for k, v in os.environ.items() if not k.startswith("HELIOX_") or k in kept}
    env.pop("DISPLAY", None)
    env["NEURON_MODULE_OPTIONS"] = "-nogui"
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", "")])
    env["PYTHONFAULTHANDLER"] = "1"
    env.update(extra)
    return env


def run_process(command, *, timeout=TIMEOUT, env=None, cwd=None):
    """CompletedProcess with text output; a timeout is an AssertionError."""
    try:
        return subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=env if env is not None else environment(),
            cwd=cwd,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        tail = (expired.stdout or b"")[-2000:]
        raise AssertionError(f"did not end within {timeout:g} s\n{tail!r}") from None


def check_status(done):
    """AssertionError with the output unless the process ended with status 0."""
    if done.returncode == 0:
        return done
    how = f"status {done.returncode}"
    if done.returncode < 0:
        how = f"killed by {signal.Signals(-done.returncode).name}"
    raise AssertionError(f"{how}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}")


def run_script(text, folder, *arguments, name="script.py", env=None, ok=True, timeout=TIMEOUT):
    """Writes `text` into folder/name, runs it, and returns the JSON of its last line of output."""
    script = Path(folder) / name
    script.write_text(text)
    done = run_process([sys.executable, script, *arguments], env=env, cwd=folder, timeout=timeout)
    if ok:
        check_status(done)
    return last_json(done)


def last_json(done):
    """The JSON value of the last line of standard output."""
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert lines, f"no output\n{done.stderr[-4000:]}"
    try:
        return json.loads(lines[-1])
    except ValueError:
        raise AssertionError(f"no JSON\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}") from None


def isolated(function):
    """The decorator of the module docstring."""
    file = sys.modules[function.__module__].__file__

    @functools.wraps(function)
    def in_fresh_process(**arguments):
        check_status(
            run_process([sys.executable, __file__, file, function.__name__, json.dumps(arguments)])
        )

    return in_fresh_process


def _main(file, name, arguments):
    sys.path[0] = str(TESTS)  # instead of the folder of this file
    spec = importlib.util.spec_from_file_location("test_in_process", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["test_in_process"] = module
    spec.loader.exec_module(module)
    getattr(module, name).__wrapped__(**json.loads(arguments))


if __name__ == "__main__":
    _main(*sys.argv[1:])
