"""One built model, advanced with one setting of HelioX after another: times, traces, memory.

Used by the measuring processes of gpu.py and gpu_scaling.py. A setting is a dict from members of
`heliox` to values; an empty one is plain NEURON. Names in capitals are variables of the environment
that the engine reads when it freezes a model.
"""

import contextlib
import fcntl
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cases

NEURON = {}
CPU = {"device": "cpu"}
GPU_EXACT = {"device": "gpu", "fidelity": "exact"}
GPU_FAST = {"device": "gpu", "fidelity": "fast"}
FIRST_STEPS = 4  # enough to see whether a step takes microseconds or seconds


@contextlib.contextmanager
def turn():
    """Programs that run side by side with one file BENCH_LOCK advance one after another."""
    if "BENCH_LOCK" not in os.environ:
        yield
        return
    with Path(os.environ["BENCH_LOCK"]).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Skipped(Exception):
    """Why a setting has no figure: unknown here, refused, or the run went to another engine."""


@dataclass
class Outcome:
    """What a run left. v: (n_root, n_step + 1) of the roots; end: v of all segments, mV."""

    v: object
    times: object
    gids: object
    end: object

    def same_bits(self, other):
        pairs = ((self.v, other.v), (self.end, other.end))
        return self.same_spikes(other) and all(a.tobytes() == b.tobytes() for a, b in pairs)

    def same_spikes(self, other):
        """The same times, by gid: fast fidelity may find spikes of one step in another order."""
        return self._spikes() == other._spikes()

    def _spikes(self):
        return sorted(zip(self.gids.tolist(), self.times.tolist(), strict=True))

    def distance(self, other, dt):
        """Largest difference of the roots' v before and after the first spike, mV."""
        import numpy as np

        apart = np.abs(self.v - other.v).max(axis=0)
        spikes = [*self.times.tolist(), *other.times.tolist()]
        first = round(min(spikes) / dt) if spikes else apart.size
        before, after = apart[:first], apart[first:]
        return float(before.max(initial=0.0)), float(after.max(initial=0.0))


class Bench:
    """A model that is built, and what it costs to advance it."""

    def __init__(self, model):
        """model: what cases.build returned, or anything with `recorded` (Vectors of root v)."""
        from neuron import h

        self.h, self.model = h, model
        self.pc = h.ParallelContext()
        self.times, self.gids = h.Vector(), h.Vector()
        self.pc.spike_record(-1, self.times, self.gids)
        self.engine = "neuron"
        self.plan = ""
        self.environment = {}
        self.notes = []
        try:
            from heliox_neuron import heliox
        except ImportError as error:
            self.heliox = None
            self.no_heliox = str(error)
        else:
            self.heliox = heliox

    # ---- settings ----

    def use(self, setting):
        """The next advances run with this setting. Skipped when it cannot be had."""
        if self.heliox is None:
            if setting:
                raise Skipped(f"HelioX: {self.no_heliox}")
            return
        from heliox_neuron.settings import SETTINGS

        self.heliox.enable = 0
        self.engine = setting.get("device", "neuron")
        self.plan = setting.get("plan", "")
        if not setting:
            return
        self._use_environment({k: str(v) for k, v in setting.items() if k.isupper()})
        setting = {k: v for k, v in setting.items() if not k.isupper()}
        names = {"device", "fidelity", "solver", "threads", "plan", *setting}
        for name in sorted(names & set(SETTINGS)):
            try:
                setattr(self.heliox, name, setting.get(name, SETTINGS[name].default))
            except Exception as error:
                raise Skipped(str(error).split("\n")[0]) from None
        unknown = sorted(set(setting) - set(SETTINGS))
        if unknown:
            raise Skipped(f"this version has no heliox.{', '.join(unknown)}")
        self.heliox.enable = 1

    def _use_environment(self, variables):
        if variables == self.environment:
            return
        for name in self.environment:
            os.environ.pop(name, None)
        os.environ.update(variables)
        self.environment = variables
        self._change_structure()

    def _change_structure(self):
        """NEURON's model is another one, of the same content: the next advance freezes it."""
        section = self.h.Section(name="changed")
        del section
        self.h.finitialize(self.h.v_init)

    # ---- advancing ----

    def advance(self, steps):
        """Seconds of psolve over `steps` steps from the start. Skipped when another engine ran."""
        h = self.h
        h.finitialize(h.v_init)
        tstop = steps * h.dt
        before = self._run_count()
        with turn():
            start = time.perf_counter()
            self.pc.psolve(tstop)
            elapsed = time.perf_counter() - start
        if abs(h.t - tstop) > 2 * h.dt:
            raise RuntimeError(f"stopped at {h.t} ms instead of {tstop}")
        self._check_engine(before)
        return elapsed

    def _run_count(self):
        return 0 if self.engine == "neuron" else len(self.heliox.report().to_dict()["runs"])

    def _check_engine(self, before):
        if self.engine == "neuron":
            return
        runs = self.heliox.report().to_dict()["runs"][before:]
        total = sum(run["steps"] for run in runs)
        others = [run for run in runs if run["engine"] != self.engine]
        strange = sum(run["steps"] for run in others)
        if not runs or strange > 0.1 * total:
            last = others[-1] if others else {}
            reason = (last.get("reason") or "no reason given").strip().split("\n")[0][:200]
            code = last.get("code") or ""
            if not reason.startswith(code):
                reason = f"{code} {reason}"
            raise Skipped(f"ran on {last.get('engine', 'nothing')}: {reason}")
        plan = runs[-1].get("plan") or "no named plan"
        if self.plan and not plan.startswith(self.plan):
            raise Skipped(f"asked for plan {self.plan}, the report says {plan}")
        if others:
            note = f"{strange} of {total} steps ran on {others[-1]['engine']}"
            if note not in self.notes:
                self.notes.append(note)

    def steps_for(self, seconds, most):
        """Steps that take about `seconds`, at most `most`."""
        self.advance(1)  # the setting takes effect: freeze, compile
        steps = FIRST_STEPS
        while True:
            took = max(1e-7, self.advance(steps))
            if took >= 0.2 * seconds or steps >= most:
                return max(1, min(most, int(seconds * steps / took)))
            steps = min(most, max(2 * steps, int(0.4 * seconds * steps / took)))

    def time(self, setting, seconds, reps, most=100_000):
        """{"us": median microseconds a step, "all": of each repetition, "steps"}."""
        import statistics

        self.use(setting)
        steps = self.steps_for(seconds, most)
        self.advance(min(steps, round(50 / self.h.dt)))
        found = [1e6 * self.advance(steps) / steps for _ in range(reps)]
        return {"us": statistics.median(found), "all": found, "steps": steps}

    def time_apart(self, setting, seconds, reps, steps=0):
        """As `time`, without what a psolve of one step takes (the copy of the model, a walk over
        its NetCons): {"us", "all", "steps", "once": that, in seconds}. steps: 0 for as many as fill
        `seconds`, few where steps are slow: what was run to find their number counts then.
        """
        import statistics

        self.use(setting)
        self.advance(1)  # freeze, compile
        once = min(self.advance(1) for _ in range(2))
        found = []
        if not steps:
            steps = FIRST_STEPS
            while (took := self.advance(1 + steps) - once) < 0.2 * seconds and steps < 100_000:
                steps *= 3
            if took < seconds:
                steps = min(100_000, int(seconds * steps / max(1e-7, took)))
            else:
                found.append(1e6 * took / steps)
        more = reps - len(found)
        found += [1e6 * (self.advance(1 + steps) - once) / steps for _ in range(more)]
        return {"us": statistics.median(found), "all": found, "steps": steps, "once": once}

    def outcome(self, setting, tstop):
        """The Outcome of a run to tstop, ms."""
        import numpy as np

        self.use(setting)
        self.advance(round(tstop / self.h.dt))
        v = np.array([trace.as_numpy() for trace in self.model.recorded])
        end = np.array([seg.v for section in self.h.allsec() for seg in section])
        times, gids = np.array(self.times.as_numpy()), np.array(self.gids.as_numpy())
        return Outcome(v, times, gids, end)

    # ---- what it takes to begin ----

    def freeze_seconds(self, setting, again=None):
        """What the first advance costs after the model changed, kernels compiled, seconds.

        again: seconds of one step in this setting, where they are known.
        """
        self.use(setting)
        if again is None:
            self.advance(1)
            again = min(self.advance(1) for _ in range(3))
        self._change_structure()
        return max(0.0, self.advance(1) - again)


def leave():
    """Ends a measuring process at once: NEURON takes a model apart slower than it builds it."""
    sys.stdout.flush()
    os._exit(0)


def on_host():
    """True where HELIOX_GPU_DEVICE puts the kernels on the host: no figure of a GPU then."""
    return os.environ.get("HELIOX_GPU_DEVICE") == "host"


def device_memory():
    """{"pool": peak MiB of CuPy's pool, "driver": MiB in use on the device}; {} without a GPU."""
    if on_host():
        return {}
    try:
        import cupy
    except ImportError:
        return {}
    free, total = cupy.cuda.runtime.memGetInfo()
    pool = cupy.get_default_memory_pool().total_bytes()
    return {"pool": pool / 2**20, "driver": (total - free) / 2**20}


def built(case, folder):
    """A Bench of a case, and the seconds that building took."""
    mods = cases.libraries(case.family, folder)
    start = time.perf_counter()
    model = cases.build(case, folder, mods)
    return Bench(model), time.perf_counter() - start
