"""Runs a script as `python script.py` or `nrniv model.hoc` would, with HelioX switched on."""

from __future__ import annotations

import argparse
import atexit
import os
import sys
import traceback
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from . import autoload, session
from .cli import is_hoc, script_environment


def run(options: argparse.Namespace) -> int:
    """Runs options.script, then prints what was asked for. The script's exit status.

    A failed --verify makes the status 1.
    """
    script = Path(options.script)
    if not script.is_file():
        print(f"heliox: no such file: {script}", file=sys.stderr)
        return 2
    os.environ.update(script_environment(options))
    autoload.switched_on_from_outside(str(script))
    autoload.install()
    if not is_hoc(script):
        return max(_run_python(script, options.args), _afterwards(options))
    atexit.register(_after_quit, options)  # a hoc script that ends with quit() does not return
    status = _run_hoc(script, options.args)
    atexit.unregister(_after_quit)
    return max(status, _afterwards(options))


def _after_quit(options: argparse.Namespace) -> None:
    if _afterwards(options):
        sys.stderr.flush()
        os._exit(1)


def _run_python(script: Path, args: list[str]) -> int:
    """A module named __main__, as python makes it; it stays alive, so the model does too."""
    module = ModuleType("__main__")
    loader = SourceFileLoader("__main__", str(script))
    module.__dict__.update(__file__=str(script), __loader__=loader, __builtins__=__builtins__)
    sys.argv = [str(script), *args]
    sys.path.insert(0, str(script.resolve().parent))
    sys.modules["__main__"] = module
    try:
        exec(loader.source_to_code(script.read_bytes(), str(script)), module.__dict__)
    except SystemExit as stop:
        return _exit_status(stop)
    except KeyboardInterrupt:
        print("heliox: interrupted", file=sys.stderr)
        return 130
    except BaseException as error:
        # without the frames of this file, as python would print it
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, trace)
        return 1
    return 0


def _exit_status(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code
    print(stop.code, file=sys.stderr)
    return 1


def _run_hoc(script: Path, args: list[str]) -> int:
    """h.load_file from the current folder; ends after the file, as `nrniv model.hoc -c quit()`."""
    sys.argv = [str(script), *args]
    session.PLAIN_WARNINGS = True
    from neuron import h

    try:
        loaded = h.load_file(1, str(script))
    except KeyboardInterrupt:
        print("heliox: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if str(error):
            print(f"heliox: {script}: {error}", file=sys.stderr)
        return 1
    return 0 if loaded else 1


def _afterwards(options: argparse.Namespace) -> int:
    """--report, --explain and --verify, on stderr so that the script's own output stays clean."""
    if not (options.report or options.explain or options.verify):
        return 0
    sys.stdout.flush()
    if "neuron" not in sys.modules:
        print("heliox: the script did not import neuron: nothing to report", file=sys.stderr)
        return 0
    heliox = session.attach()
    if options.report:
        heliox.report().show(stderr=True)
    if options.explain:
        heliox.explain().show(stderr=True)
    if options.verify:
        from neuron import h

        tstop = getattr(h, "tstop", 0.0) or h.t
        verification = heliox.verify(tstop)
        verification.show(stderr=True)
        return 0 if verification.identical else 1
    return 0
