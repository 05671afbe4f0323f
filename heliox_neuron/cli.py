"""The command `heliox`, also `python -m heliox_neuron`.

`heliox [options] script.py|model.hoc [args]` runs a script on HelioX (what follows the script is
the script's own); `heliox demo`, `doctor`, `explain HX021`, `cache path|clear`, `library`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import __version__
from .errors import CATALOGUE, HelioXValueError, explain
from .settings import DEVICES, FIDELITIES, PLANS, SETTINGS, SOLVERS


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: the script's own; 1 for a failed check or demo; 2 for wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in COMMANDS:
        return COMMANDS[arguments[0]](arguments[1:])
    parser = _run_parser()
    options = parser.parse_args(arguments)
    for name in ("device", "fidelity", "solver", "plan", "threads"):
        value = getattr(options, name)
        if value is None:
            continue
        try:
            SETTINGS[name].convert(f"--{name}", value)
        except HelioXValueError as error:
            parser.error(str(error))
    from .runner import run

    return run(options)


def _run_parser() -> argparse.ArgumentParser:
    commands = "\n".join(f"  heliox {name:8} {_first_line(f)}" for name, f in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="heliox",
        description="Runs a NEURON script, Python or hoc, with HelioX switched on.",
        epilog=f"other commands:\n{commands}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"heliox {__version__}")
    parser.add_argument("--device", help=", ".join(DEVICES))
    parser.add_argument("--fidelity", help=", ".join(FIDELITIES))
    parser.add_argument("--solver", help=f"{', '.join(SOLVERS)} (of the GPU engine)")
    parser.add_argument("--plan", help=f"{', '.join(PLANS)} (of the GPU engine)")
    parser.add_argument("--threads", metavar="N", help="threads of the engine")
    parser.add_argument(
        "--strict", action="store_true", help="a fallback to NEURON's code is an error"
    )
    parser.add_argument(
        "--report",
        "--profile",
        action="store_true",
        help="afterwards: what ran where, how long, and why",
    )
    parser.add_argument(
        "--explain", action="store_true", help="afterwards: the plan for the model, with reasons"
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="afterwards: run the model again in NEURON and on our engine and compare the bits",
    )
    parser.add_argument("script", metavar="script.py|model.hoc")
    parser.add_argument("args", nargs=argparse.REMAINDER, help="arguments of the script")
    return parser


def _demo(arguments: list[str]) -> int:
    """the shipped model in NEURON and on HelioX: times, speed-up, bit comparison, plot"""
    from .demo import main as demo

    return demo(arguments)


def _doctor(arguments: list[str]) -> int:
    """versions, instruction set, compiler, cache: is everything in place?"""
    argparse.ArgumentParser(prog="heliox doctor").parse_args(arguments)
    from .doctor import checks

    rows = checks()
    width = max(len(row.what) for row in rows)
    for row in rows:
        mark = {True: "ok", False: "!!", None: "--"}[row.good]
        print(f"{mark}  {row.what:{width}}  {row.found}")
        if row.good is False and row.advice:
            print(f"    {'':{width}}  {row.advice}")
    bad = sum(row.good is False for row in rows)
    print(f"\n{'Everything is in place.' if not bad else f'{bad} to look at.'}")
    return 1 if any(row.good is False and row.required for row in rows) else 0


def _explain(arguments: list[str]) -> int:
    """explains a code of a message: heliox explain HX021"""
    parser = argparse.ArgumentParser(prog="heliox explain")
    parser.add_argument("code", nargs="*", help="HX021, or nothing for the list")
    codes = parser.parse_args(arguments).code
    if not codes:
        for entry in CATALOGUE.values():
            print(f"{entry.code}  {entry.title}")
    for code in codes:
        try:
            print(explain(code))
        except KeyError as error:
            print(error.args[0], file=sys.stderr)
            return 2
    return 0


def _cache(arguments: list[str]) -> int:
    """where compiled mechanisms are kept (path), or removes them (clear)"""
    from .doctor import cache_folder

    parser = argparse.ArgumentParser(prog="heliox cache")
    parser.add_argument("action", choices=("path", "clear"))
    action = parser.parse_args(arguments).action
    folder = cache_folder()
    if action == "path":
        print(folder)
    elif not folder.exists():
        print(f"{folder}: nothing there")
    else:
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        shutil.rmtree(folder)
        print(f"{folder}: removed {size / 2**20:.1f} MiB")
    return 0


def _library(arguments: list[str]) -> int:
    """prints the path of libheliox.so, for nrniv -dll $(heliox library) model.hoc"""
    parser = argparse.ArgumentParser(prog="heliox library")
    parser.add_argument("--mechanisms", action="store_true", help="that of our MOD files, mod/")
    mechanisms = parser.parse_args(arguments).mechanisms
    from .core import installed

    name = "libheliox_mod.so" if mechanisms else "libheliox.so"
    path = installed(name)
    if path is None:
        print(f"HX061 {name} is not installed beside the package.", file=sys.stderr)
        return 1
    print(path)
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "demo": _demo,
    "doctor": _doctor,
    "explain": _explain,
    "cache": _cache,
    "library": _library,
}


def _first_line(function: Callable[[list[str]], int]) -> str:
    return (function.__doc__ or "").strip().splitlines()[0]


def script_environment(options: argparse.Namespace) -> dict[str, str]:
    """HELIOX_ variables that carry the options to this process and to those the script starts."""
    environment = {"HELIOX_ENABLE": "1"}
    for name in ("device", "fidelity", "solver", "plan", "threads"):
        if getattr(options, name) is not None:
            environment[f"HELIOX_{name.upper()}"] = str(getattr(options, name))
    if options.strict:
        environment["HELIOX_STRICT"] = "1"
    return environment


def is_hoc(script: str | os.PathLike[str]) -> bool:
    return Path(script).suffix.lower() in (".hoc", ".ses", ".oc")
