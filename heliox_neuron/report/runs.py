"""heliox.report(): what ran, on which engine, how fast, and where each mechanism ran."""

from __future__ import annotations

from typing import Any

from .plan import gpu_sentence, model_blocks, reason
from .text import Block, Report, Table, heading, number, plural

SHOWN = 40  # runs in the text: the first and last ones of a longer list; the data holds all


class RunReport(Report):
    """Runs so far and the model they ran on."""

    @classmethod
    def of(
        cls, runs: list[dict[str, Any]], model: dict[str, Any] | None, status: dict[str, Any]
    ) -> RunReport:
        """runs, model: `_core.runs()` and `_core.model()`; status: the session's settings."""
        data = {"status": status, "runs": runs, "model": model}
        blocks: list[Block] = [heading(status)]
        if runs:
            blocks += [run_table(runs), preparation(runs), syncs(runs)]
        elif not status["off"]:
            blocks.append("No run yet.")
        blocks.append(gpu_sentence(status))
        if model is not None:
            blocks += model_blocks(model)
        return cls.build(blocks, data)


def run_table(runs: list[dict[str, Any]]) -> Table:
    """A line a run. "x real time" is simulated over elapsed time."""
    table = Table(
        (
            "run",
            "t (ms)",
            "steps",
            "engine",
            "plan",
            "threads",
            "seconds",
            "x real time",
            "host calls",
            "why",
        ),
        right=frozenset({"steps", "threads", "seconds", "x real time", "host calls"}),
    )
    rows = [_row(run) for run in runs]
    if len(rows) > SHOWN:
        left_out = [f"... {len(rows) - SHOWN} more"] + [""] * (len(table.columns) - 1)
        rows = [*rows[: SHOWN // 2], left_out, *rows[-SHOWN // 2 :]]
    table.rows = rows
    return table


def _row(run: dict[str, Any]) -> list[str]:
    start, stop = run.get("t_start"), run.get("t_stop")
    seconds = run.get("seconds")
    speed = None
    if seconds and start is not None and stop is not None:
        speed = (stop - start) * 1e-3 / seconds
    return [
        str(run.get("kind", "")),
        f"{number(start, 6)} - {number(stop, 6)}",
        number(run.get("steps")),
        str(run.get("engine", "")),
        str(run.get("plan") or ""),
        number(run.get("threads")),
        number(seconds),
        number(speed),
        number(run.get("host_calls")),
        reason(run),
    ]


def preparation(runs: list[dict[str, Any]]) -> str:
    """What was spent before the runs: freezing the model and compiling mechanisms."""
    freeze = sum(run.get("freeze_seconds") or 0.0 for run in runs)
    build = sum(run.get("compile_seconds") or 0.0 for run in runs)
    if not freeze and not build:
        return ""
    text = f"Prepared in {number(freeze)} s"
    if build:
        return f"{text}, of which compiling mechanisms {number(build)} s (kept in the cache)."
    return f"{text}; nothing had to be compiled."


def syncs(runs: list[dict[str, Any]]) -> str:
    """How often the GPU's state came back to NEURON, and what asks for it after every step."""
    total = sum(run.get("host_syncs") or 0 for run in runs)
    if not total:
        return ""
    lines = [f"State came back from the GPU {plural(total, 'time')}."]
    places: dict[str, int] = {}
    for run in runs:
        if run.get("where") and run["steps"] > 1:
            places[run["where"]] = places.get(run["where"], 0) + run["host_syncs"]
    for where, n in places.items():
        lines.append(
            f"{n} of them after single steps (fadvance) at {where}: run, continuerun and psolve "
            "take many steps at a time."
        )
    return "\n".join(lines)
