"""From the mechanisms of a model to one source for the device."""

from __future__ import annotations

import functools
from typing import Any

from ...codegen import device_math
from ...codegen.device_source import DeviceSource, Entry, print_model
from ...nmodl import apcount, ir
from ...nmodl.lower import Kernel, lower
from ...nmodl.unsupported import Unsupported


class Refusal(Exception):
    """Why the device cannot run a model: the CPU engine does. code: an HX code."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class NeedsStreams(Refusal):
    """Blocks of cells would have to see each other within a phase: the streams plan can do it."""


@functools.lru_cache(maxsize=256)
def _lowered(text: str, receive: bool, hooks: bool) -> Kernel | Unsupported | None:
    try:
        text = apcount.without_verbatim(text)
        return lower(text, receive=receive, hooks=hooks, settle=True)
    except Unsupported as refused:
        return refused


def _reason(refused: Unsupported) -> str:
    return str(refused).removeprefix(refused.code).strip()


def kernel_of(mechanism: dict[str, Any]) -> Kernel | None:
    """The lowered mechanism, None where it does nothing in a step. Raises Refusal."""
    name, text = mechanism["name"], mechanism["text"]
    hooks = bool(mechanism.get("before_after"))
    if not (hooks or any(mechanism[f"has_{what}"] for what in ("current", "state", "receive"))):
        return None
    if not text:
        raise Refusal("HX023", f"NEURON holds no MOD text of {name}")
    found = _lowered(text, mechanism["has_receive"], hooks)
    if isinstance(found, Unsupported):
        raise Refusal(found.code, f"{name}: {_reason(found)}")
    receive = None if found is None else found.receive
    if receive is not None and receive.writes_v and any(w.reads_v for w in receive.watched):
        raise Refusal("HX022", f"{name}: WATCH on v in a NET_RECEIVE that assigns v")
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
        if kind == "ion":
            dense = mechanism["n"] >= _DENSE * n_node
            entries.append(Entry(name, kind, None, nernst.get(name, False), dense))
        elif kind in ("density", "point"):
            kernel = kernel_of(mechanism)
            if kernel is not None:
                dense = kind == "density" and mechanism["n"] >= _DENSE * n_node
                entries.append(Entry(name, kind, kernel, dense=dense))
    return entries


def inexact_functions(entries: list[Entry]) -> dict[str, str]:
    """Functions in the kernels that may differ from libm on the device, and by how much."""
    checked = device_math.check_libm().inexact
    found: dict[str, str] = {}
    for name in sorted({name for e in entries if e.kernel for name in _called(e.kernel)}):
        if name in device_math.INEXACT:
            found[name] = f"{device_math.INEXACT[name]} ulp"
        elif name in checked:
            found[name] = "1 ulp, this machine's libm is another"
        elif name in device_math.INEXACT_BEYOND:
            limit, ulp = device_math.INEXACT_BEYOND[name]
            found[name] = f"{ulp} ulp beyond {limit:.3g}"
    return found


def _called(kernel: Kernel) -> set[str]:
    bodies = [f.body for f in kernel.functions]
    bodies += [body for body in (kernel.current, kernel.state) if body is not None]
    bodies += [] if kernel.receive is None else kernel.receive.bodies()
    bodies += [hook.body for hook in kernel.hooks]
    nodes = [expr for _, expr in kernel.shared]
    nodes += [e for body in bodies for s in ir.statements(body) for e in ir.expressions(s)]
    names = {"pow" for e in nodes for n in ir.walk(e) if isinstance(n, ir.Binary) and n.op == "^"}
    return names | {
        n.name for e in nodes for n in ir.walk(e) if isinstance(n, ir.Call) and not n.user
    }


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
