"""heliox.verify(): the model in NEURON and on our engine, compared bit by bit.

Two runs in this process, each from `finitialize(v_init)` to tstop with `fadvance()`. Compared are
v of every segment after every step, t, and at the end every hoc Vector (records, spike times). If
something differs, NEURON runs once more: a model that differs from itself (a random stream that
finitialize does not restart) is reported as not repeatable. What a script's own init() or run()
does besides is not repeated.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import HelioXValueError
from .text import Report, heading, number

if TYPE_CHECKING:
    from ..session import HelioX

KEEP_BYTES = 256 * 2**20  # v of every step is kept up to this size; digests of it always


class VerifyReport(Report):
    """identical: True or False; max_dv: mV (of the steps kept); first: the first difference."""

    @property
    def identical(self) -> bool:
        return bool(self._data["identical"])

    @property
    def max_dv(self) -> float:
        return float(self._data["max_dv"])


class _Trajectory:
    """One run: v of every segment after every step, as digests and, while they fit, as arrays."""

    def __init__(self, h: Any, segments: list[Any], tstop: float) -> None:
        self.t: list[float] = []
        self.digest: list[bytes] = []
        self.v: list[np.ndarray] = []
        self._kept = 0
        voltage = h.PtrVector(max(1, len(segments)))
        for row, segment in enumerate(segments):
            voltage.pset(row, segment._ref_v)
        sample = h.Vector(max(1, len(segments)))
        h.finitialize(getattr(h, "v_init", -65.0))
        self._sample(h, voltage, sample)
        while h.t < tstop - 0.5 * h.dt:
            h.fadvance()
            self._sample(h, voltage, sample)
        self.vectors = _vectors(h, exclude=sample)

    def _sample(self, h: Any, voltage: Any, sample: Any) -> None:
        voltage.gather(sample)
        v = np.array(sample.as_numpy())
        self.t.append(float(h.t))
        self.digest.append(hashlib.blake2b(v.tobytes(), digest_size=16).digest())
        if self._kept + v.nbytes <= KEEP_BYTES:
            self.v.append(v)
            self._kept += v.nbytes


def _vectors(h: Any, exclude: Any) -> dict[str, np.ndarray]:
    """Contents of every hoc Vector, by hoc name."""
    found = h.List("Vector")
    vectors = [found.o(k) for k in range(int(found.count()))]
    return {
        vector.hname(): np.array(vector.as_numpy()) if vector.size() else np.empty(0)
        for vector in vectors
        if vector != exclude
    }


def verify(session: HelioX, h: Any, tstop: float | None) -> VerifyReport:
    """Runs and compares; the settings are as before afterwards, the state is that at tstop."""
    status = session._status()
    if status["off"]:
        data = {"identical": True, "max_dv": 0.0, "status": status, "first": None}
        return VerifyReport.build([heading(status), "Nothing to compare."], data)
    if tstop is None:
        tstop = getattr(h, "tstop", None)
    if tstop is None or not float(tstop) > 0:
        raise HelioXValueError("HX081", f"heliox.verify(tstop): tstop = {tstop!r} ms.")
    segments = [segment for section in h.allsec() for segment in section]
    with session(enable=False):
        reference = _Trajectory(h, segments, float(tstop))
    with session(enable=True):
        before = len(session._core.runs())
        ours = _Trajectory(h, segments, float(tstop))
        engines = sorted({str(run["engine"]) for run in session._core.runs()[before:]})
    found = compare(reference, ours, [str(segment) for segment in segments])
    if not found["identical"]:
        with session(enable=False):
            again = _Trajectory(h, segments, float(tstop))
        found["repeatable"] = compare(reference, again, [])["identical"]
    found["tstop"] = float(tstop)
    found["engines"] = engines
    found["status"] = status
    return VerifyReport.build([heading(status), _text(found)], found)


def compare(reference: Any, ours: Any, names: list[str]) -> dict[str, Any]:
    """Bitwise. max_dv in mV over the steps that were kept; first: what differs first."""
    steps = min(len(reference.t), len(ours.t))
    first: dict[str, Any] | None = None
    for step in range(steps):
        if reference.digest[step] != ours.digest[step] or reference.t[step] != ours.t[step]:
            first = {"step": step, "t": reference.t[step]}
            break
    kept = min(len(reference.v), len(ours.v))
    max_dv = max(
        (float(np.max(np.abs(reference.v[k] - ours.v[k]), initial=0.0)) for k in range(kept)),
        default=0.0,
    )
    if first is not None and first["step"] < kept:
        dv = np.abs(reference.v[first["step"]] - ours.v[first["step"]])
        row = int(np.argmax(dv))
        first |= {"segment": names[row] if row < len(names) else "", "dv": float(dv[row])}
    vectors = sorted(
        name
        for name in reference.vectors
        if name in ours.vectors
        and reference.vectors[name].tobytes() != ours.vectors[name].tobytes()
    )
    return {
        "identical": first is None and not vectors and len(reference.t) == len(ours.t),
        "steps": len(reference.t) - 1,
        "steps_ours": len(ours.t) - 1,
        "segments": len(reference.v[0]) if reference.v else 0,
        "max_dv": max_dv,
        "first": first,
        "vectors": len(reference.vectors),
        "different_vectors": vectors,
    }


def _text(found: dict[str, Any]) -> str:
    what = (
        f"{found['steps']} steps to {number(found['tstop'], 6)} ms, "
        f"{found['segments']} segments, {found['vectors']} Vectors; "
        f"engine: {', '.join(found['engines']) or 'none'}"
    )
    if found["identical"]:
        return f"identical: yes ({what})"
    lines = [f"identical: no ({what})", f"HX053 max |dv| {found['max_dv']:.3g} mV"]
    first = found["first"]
    if first is not None:
        where = f" at {first['segment']}, {first['dv']:.3g} mV" if first.get("segment") else ""
        lines.append(f"first difference: t = {number(first['t'], 8)} ms{where}")
    if found["steps"] != found["steps_ours"]:
        lines.append(f"steps: {found['steps']} in NEURON, {found['steps_ours']} on our engine")
    if found["different_vectors"]:
        shown = ", ".join(found["different_vectors"][:8])
        lines.append(f"Vectors that differ: {len(found['different_vectors'])} ({shown})")
    if not found["repeatable"]:
        lines.append(
            "Two runs in NEURON differ as well: the model is not repeatable from run to run "
            "(a random stream or a state that finitialize does not restart)."
        )
    return "\n".join(lines)
