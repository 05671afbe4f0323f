"""A progress bar for long runs: simulated ms out of tstop, on a terminal or in a notebook."""

from __future__ import annotations

import sys
from typing import Any

DELAY = 1.5  # s of run before a bar appears


class ProgressBar:
    """Callable for `_core.set_progress`: bar(t, tstop) moves it.

    It closes at t >= tstop, when t is None or NaN (the run ended early), and when t went back (a
    new run began). Called from inside the time loop at most five times a second. Never raises.
    """

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, t: float | None, tstop: float | None) -> None:
        try:
            if t is None or tstop is None or not t < tstop:
                self._close()
                return
            if self._bar is not None and t < self._bar.n:
                self._close()
            if self._bar is not None:
                self._bar.total = tstop
                self._bar.update(max(0.0, min(t, tstop) - self._bar.n))
            elif wanted():
                from tqdm.auto import tqdm

                self._bar = tqdm(
                    total=tstop,
                    initial=max(0.0, t),
                    unit="ms",
                    desc="heliox",
                    leave=False,
                    delay=DELAY,
                    bar_format="{desc} {percentage:3.0f}%|{bar}| {n:.1f}/{total:.1f} ms "
                    "[{elapsed}<{remaining}]",
                )
        except Exception:  # a broken terminal is no reason to stop a simulation
            self._bar = None

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def wanted() -> bool:
    """True if somebody watches: stderr is a terminal, or this is a notebook's kernel."""
    return "ipykernel" in sys.modules or bool(getattr(sys.stderr, "isatty", lambda: False)())
