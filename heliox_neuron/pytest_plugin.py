"""`pytest -p heliox_neuron.pytest_plugin`: runs somebody's test suite with HelioX switched on.

The last lines tell how many runs were on our engine and what fell back. HELIOX_ variables apply.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from . import autoload
from .errors import HelioXWarning


def pytest_configure(config: Any) -> None:
    """From the start: modules that import neuron while they are collected find it switched on."""
    os.environ.setdefault("HELIOX_ENABLE", "1")
    autoload.switched_on_from_outside()
    autoload.install()
    # a suite with -W error tests its own code, not how fast it runs
    config.addinivalue_line(
        "filterwarnings", f"default::{HelioXWarning.__module__}.{HelioXWarning.__name__}"
    )
    if "neuron" in sys.modules:
        from .session import attach

        attach().enable = True


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if "neuron" not in sys.modules:
        return
    from .session import attach

    session = attach()
    runs = session._core.runs()
    engines: dict[str, int] = {}
    for run in runs:
        engines[run["engine"]] = engines.get(run["engine"], 0) + 1
    counts = ", ".join(f"{count} on {engine}" for engine, count in sorted(engines.items()))
    terminalreporter.section("heliox")
    terminalreporter.write_line(session._off or f"{len(runs)} runs: {counts or 'none'}")
    for text in sorted(session._warned):
        terminalreporter.write_line(text)
