"""IPython and Jupyter: `%load_ext heliox_neuron` and the cell magic `%%heliox`."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from .session import attach


def load(ipython: Any) -> None:
    """Switches HelioX on for the session and registers %%heliox."""
    session = attach()
    session.enable = True

    def heliox(line: str, cell: str) -> None:
        """%%heliox [--device D] [--fidelity F] [--solver S] [--plan P] [--threads N] [--strict]

        Runs the cell and prints the report.
        """
        settings = cell_settings(line)
        before = len(session._core.runs())
        with session(enable=True, **settings):
            result = ipython.run_cell(cell)
            result.raise_error()
            if len(session._core.runs()) > before:
                print(session.report())

    ipython.register_magic_function(heliox, magic_kind="cell", magic_name="heliox")


def cell_settings(line: str) -> dict[str, Any]:
    """The options of a %%heliox line as settings."""
    parser = argparse.ArgumentParser(prog="%%heliox")
    parser.add_argument("--device")
    parser.add_argument("--fidelity")
    parser.add_argument("--solver")
    parser.add_argument("--plan")
    parser.add_argument("--threads")
    parser.add_argument("--strict", action="store_true", default=None)
    options = vars(parser.parse_args(shlex.split(line)))
    return {name: value for name, value in options.items() if value is not None}
