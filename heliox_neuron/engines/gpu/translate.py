"""From the mechanisms of a model to one source for the device."""

from __future__ import annotations

import functools
from typing import Any

from ...codegen.device_source import DeviceSource, Entry, print_model
from ...nmodl.lower import Kernel, lower
from ...nmodl.unsupported import Unsupported


class Refusal(Exception):
    """Why the device cannot run a model: the CPU engine does. code: an HX code."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@functools.lru_cache(maxsize=256)
def _lowered(text: str, receive: bool) -> Kernel | Unsupported | None:
    try:
        return lower(text, receive=receive)
    except Unsupported as refused:
        return refused


def _reason(refused: Unsupported) -> str:
    return str(refused).removeprefix(refused.code).strip()


def kernel_of(mechanism: dict[str, Any]) -> Kernel | None:
    """The lowered mechanism, None where it does nothing in a step. Raises Refusal."""
    name, text = mechanism["name"], mechanism["text"]
    if not (mechanism["has_current"] or mechanism["has_state"] or mechanism["has_receive"]):
        return None
    if not text:
        raise Refusal("HX023", f"NEURON holds no MOD text of {name}")
    found = _lowered(text, mechanism["has_receive"])
    if isinstance(found, Unsupported):
        raise Refusal(found.code, f"{name}: {_reason(found)}")
    receive = None if found is None else found.receive
    if receive is not None and receive.uses_net_move:
        raise Refusal("HX022", f"{name}: net_move")
    if receive is not None and receive.uses_watch:
        raise Refusal("HX022", f"{name}: WATCH")
    return found


_DENSE = 0.4  # share of the nodes from which on a column has an element for each node


def entries_of(
    mechanisms: list[dict[str, Any]], ions: list[dict[str, Any]], n_node: int
) -> list[Entry]:
    """The mechanisms of a thread, in its order. Raises Refusal."""
    nernst = {ion["name"]: len(ion["nernst"]) > 0 for ion in ions}
    entries = []
    for mechanism in mechanisms:
        name, kind = mechanism["name"], mechanism["kind"]
        if mechanism.get("before_after"):
            raise Refusal("HX022", f"{name}: BEFORE and AFTER blocks run on the host")
        if kind == "ion":
            dense = mechanism["n"] >= _DENSE * n_node
            entries.append(Entry(name, kind, None, nernst.get(name, False), dense))
        elif kind in ("density", "point"):
            kernel = kernel_of(mechanism)
            if kernel is not None:
                dense = kind == "density" and mechanism["n"] >= _DENSE * n_node
                entries.append(Entry(name, kind, kernel, dense=dense))
        elif kind == "other":
            raise Refusal("HX022", f"{name} runs on the host only")
    return entries


def source_of(
    entries: list[Entry],
    fast_imem: bool,
    current_ions: frozenset[str],
    spread: bool = False,
    fast: bool = False,
    streams: bool = False,
) -> DeviceSource:
    """The model's source. Raises Refusal."""
    try:
        return print_model(entries, fast_imem, set(current_ions), spread, fast, streams)
    except Unsupported as refused:
        raise Refusal(refused.code, _reason(refused)) from refused
