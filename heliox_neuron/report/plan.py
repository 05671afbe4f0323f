"""heliox.explain(): what would run where, and why. Also the lower half of heliox.report().

The table of mechanisms is about the CPU engine; the GPU engine runs whole models (its sentence).
"""

from __future__ import annotations

from typing import Any

from .text import Block, Report, Table, heading, number, plural


class PlanReport(Report):
    """The frozen model: engine, mechanisms, reasons."""

    @classmethod
    def of(cls, model: dict[str, Any] | None, status: dict[str, Any]) -> PlanReport:
        """model: `_core.freeze()`, None when there is nothing to freeze or the plugin is off."""
        data = {"status": status, "model": model}
        if model is None:
            note = "" if status["off"] else "There is no model yet: create a section first."
            return cls.build([heading(status), note], data)
        return cls.build([heading(status), gpu_sentence(status), *model_blocks(model)], data)


def gpu_sentence(status: dict[str, Any]) -> str:
    """The copy on the GPU, of the last run there."""
    gpu = status.get("gpu")
    if not gpu:
        return ""
    size = f"{plural(gpu['nodes'], 'node')}, {plural(gpu['cells'], 'cell')}"
    shape = f"{plural(gpu['blocks'], 'block')} of {plural(gpu['threads'], 'thread')}"
    names = ", ".join(mechanism["name"] for mechanism in gpu["mechanisms"])
    text = (
        f"On the GPU ({gpu['device']}): {size}; plan {gpu['plan']}, solver {gpu['solver']}, "
        f"{shape}, {number((gpu['bytes'] or 0) / 2**20)} MiB, "
        f"prepared in {number(gpu['freeze_seconds'])} s."
    )
    if gpu.get("inexact"):
        listed = ", ".join(f"{name} ({bound})" for name, bound in gpu["inexact"].items())
        text += f"\nNot NEURON's bits there: {listed}."
    return f"{text}\nMechanisms there: {names}." if names else text


def model_blocks(model: dict[str, Any]) -> list[Block]:
    """A sentence on the whole model, a table of its mechanisms, and a count."""
    mechanisms = model.get("mechanisms", [])
    return [sentence(model), mechanism_table(mechanisms), summary(mechanisms)]


def sentence(model: dict[str, Any]) -> str:
    size = f"{plural(model.get('nodes', 0), 'node')}, {plural(model.get('cells', 0), 'cell')}"
    if model.get("engine") == "neuron":
        return f"Model: {size}. It runs in plain NEURON: {reason(model)}"
    engine = str(model.get("engine", "cpu")).upper()
    where = f"{engine} engine, {plural(model.get('threads', 1), 'thread')}"
    extra = [str(model["isa"])] if model.get("isa") else []
    note = f" {reason(model)}" if model.get("reason") else ""
    solver = f"\nTree solver: {model['solver']}." if model.get("solver") else ""
    return f"Model: {size}; {', '.join([where, *extra])}.{note}{solver}"


def reason(item: dict[str, Any]) -> str:
    """The code and the reason, the code once."""
    code, text = item.get("code") or "", item.get("reason") or ""
    return text if text.startswith(code) else f"{code} {text}".strip()


def mechanism_table(mechanisms: list[dict[str, Any]]) -> Table | str:
    """A row a mechanism: how many instances, where its hooks run, and why not compiled."""
    if not mechanisms:
        return ""
    table = Table(
        ("mechanism", "instances", "runs", "kernel", "why"), right=frozenset({"instances"})
    )
    words = {"host": "NEURON's function", "neuron": "NEURON"}
    for mechanism in mechanisms:
        where = str(mechanism.get("where", ""))
        table.rows.append(
            [
                str(mechanism["name"]),
                number(mechanism.get("count")),
                words.get(where, where),
                str(mechanism.get("source") or ""),
                reason(mechanism),
            ]
        )
    return table


def summary(mechanisms: list[dict[str, Any]]) -> str:
    if not mechanisms:
        return ""
    compiled = sum(mechanism.get("where") == "compiled" for mechanism in mechanisms)
    host = sum(mechanism.get("where") == "host" for mechanism in mechanisms)
    codes = sorted({m["code"] for m in mechanisms if m.get("code")})
    hint = f" More: heliox explain {codes[0]}." if codes else ""
    return f"{plural(compiled, 'mechanism')} compiled, {host} through NEURON's own functions.{hint}"
