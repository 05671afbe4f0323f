"""The GPU engine as the core calls it: windows of steps between what the host has to do.

NEURON's event queue, artificial cells, Vectors and the interpreter stay on the host. The core runs
that part ahead for a window of steps (`_core.device_window`), the device does the window in one
launch, and what it found (spikes, samples) goes back to NEURON's own functions. A window ends
before anything sent within it could be delivered.
"""

from __future__ import annotations

import os
import time
from typing import Any

from ...codegen.device_entry import Entry
from ...errors import HelioXError
from ...nmodl import derivimplicit, settled
from ...nmodl.ir import Storage, Variable
from ...settings import logger
from .averages import Averages
from .columns import Copies
from .device import Device
from .events import Events
from .memory import check_memory, out_of_memory
from .model import DeviceModel
from .observers import Observers
from .open import open_device
from .plans import Plan, choose_plan, has_pointers, make_plan, one_block, suits
from .translate import NeedsStreams, Refusal

_WHOLE_LAST, _WHOLE_ALL, _DETECT_LAST = 1, 2, 4


class GpuEngine:
    """What `_core.set_device_engine` takes. core: the compiled core; settings: name -> value."""

    def __init__(self, core: Any) -> None:
        self.core = core
        self._device: Device | None = None
        self._model: DeviceModel | None = None
        self._key: tuple[Any, ...] = ()
        self._pointers: tuple[int, bool] | None = None  # generation, whether there are POINTERs
        self._plan: Plan
        self.plan_name = ""  # of the last run
        self.figures: dict[str, float] = {}
        self._stepping = False  # a window has begun: NEURON's clock and events are at its end
        self.done = 0  # steps of this batch, also when an error ended it

    # ---- called by the core ----

    def steps(self, kind: str, n: int, t_stop: float) -> int | tuple[str, str]:
        """Does up to n steps; see _core.set_device_engine. Refusals name an HX code."""
        self._stepping, self.done = False, 0
        try:
            model = self._prepare(kind, n)
            try:
                return self._advance(model, n)
            except NeedsStreams:
                if self.core.get("plan") != "auto":
                    raise
                return self._advance(self._in_streams(), n)
        except BaseException as error:
            if self._stepping or not isinstance(error, Exception):
                # NEURON is ahead of its columns; what a window left on the device is of no use
                self._model, self._key = None, ()
                raise
            answer = self._answer(error)
            return self.done or answer  # the next batch meets the same obstacle, or none

    def _answer(self, error: Exception) -> tuple[str, str]:
        """Why the CPU engine is to do it. Raises what the user is to see."""
        if isinstance(error, Refusal):
            return error.code, error.reason
        if isinstance(error, MemoryError):
            assert self._device is not None
            self._release()
            refusal = out_of_memory(self._device, str(error) or "the model is too large")
            return refusal.code, refusal.reason
        if isinstance(error, HelioXError):
            if self.core.get("device") == "gpu" and error.code == "HX031":
                raise error
            return error.code, str(error)
        # NVRTC, CuPy, a bug of ours: the CPU engine can still do it
        logger().error("the GPU engine could not prepare the model", exc_info=error)
        self._model, self._key = None, ()
        lines = str(error).strip().splitlines() or [""]
        return "HX032", f"{type(error).__name__}: {lines[0][:300]}"

    # ---- the model on the device ----

    @property
    def model(self) -> DeviceModel | None:
        """The copy of the last run."""
        return self._model

    @property
    def averages(self) -> Averages | None:
        """The sums of heliox.average() on the device of the last run."""
        return None if self._model is None else self._averages

    def _method(self) -> str:
        solver = str(self.core.get("solver"))
        if solver != "auto":
            return solver
        return "dhs" if self.core.get("fidelity") == "exact" else "contract"

    def _prepare(self, kind: str, n: int) -> DeviceModel:
        for code, reason in self.core.device_obstacles():
            raise Refusal(code, reason)
        method = self._method()
        if self.core.get("fidelity") == "exact" and method == "contract":
            raise Refusal("HX034", 'heliox.solver "contract" needs heliox.fidelity = "fast"')
        if self._device is None:
            self._device = open_device()
        generation = self.core.device_generation()
        style = self.core.device_clock()["ion_style"]
        if self._pointers is None or self._pointers[0] != generation:
            self._pointers = (generation, has_pointers(self.core.device_model()))
        wanted = choose_plan(self.core, self._pointers[1])
        fast = self.core.get("fidelity") == "fast"
        key = (generation, method, wanted, self.core.get("plan"), fast, style)
        if self._model is None or key != self._key:
            started = time.perf_counter()
            structure = self.core.device_model()
            if structure["capacitance"] is None:
                raise Refusal("HX033", "there is no compartment to compute")
            self._release()
            check_memory(self._device, structure)
            self._model = self._build(structure, method, wanted, fast)
            self._key = key
            self._watch_model(self._model)
            self.figures["freeze_seconds"] = time.perf_counter() - started
            self.figures["device_bytes"] = self._model.bytes()
        return self._model

    def _watch_model(self, model: DeviceModel) -> None:
        self._copies = Copies(self.core, model)
        self._observers = Observers(self.core, model)
        self._events = Events(self.core, model)
        self._averages = Averages(self.core, model)

    def _in_streams(self) -> DeviceModel:
        """The model once more, for the plan in which any block sees any other."""
        key, fast = self._key, self.core.get("fidelity") == "fast"
        self._release()
        self._model = self._build(self.core.device_model(), self._method(), "streams", fast)
        self._key = key
        self._watch_model(self._model)
        return self._model

    def _release(self) -> None:
        """Gives up the copy."""
        self._model, self._key = None, ()
        for name in ("_copies", "_observers", "_events", "_averages"):
            self.__dict__.pop(name, None)
        assert self._device is not None
        self._device.release()

    def _build(
        self, structure: dict[str, Any], method: str, wanted: str, fast: bool
    ) -> DeviceModel:
        """The model for a plan, or for "streams" where that plan does not suit it."""
        device, threads = self._device, int(os.environ.get("HELIOX_BLOCK_THREADS", "0"))
        assert device is not None

        def build(plan: Plan) -> DeviceModel:
            self._plan, self.plan_name = plan, plan.name
            return DeviceModel(
                structure, device, method, self.core.device_global, threads,
                one_block(plan, device), plan.macros, fast,
            )  # fmt: skip

        plan = make_plan(wanted)
        model = build(plan)
        if self.core.get("plan") == "fused" or suits(plan, model):
            return model
        try:
            return build(make_plan("streams"))
        except Refusal:
            if wanted == "coupled":
                raise
            self._plan, self.plan_name = plan, plan.name
            return model

    # ---- steps ----

    def _advance(self, model: DeviceModel, n: int) -> int:
        observers, events, averages = self._observers, self._events, self._averages
        keep_tables = bool(self.core.device_group_goes_on())
        if keep_tables and model.has_tables and not model.tables_made:
            raise Refusal(
                "HX033", "NEURON keeps TABLEs until psolve ends, and the model is a new one"
            )
        self._plan.look(self.core, model)
        observers.take_over()
        model.values["sync_records"] = int(observers.sync)
        events.take_over(observers.sources, observers.tests_points)
        events.network.take_over(n)
        self._plan.begin(self.core, model)
        averages.take_over()  # knows by now what is written
        if averages.sync:
            model.values["sync_records"] = 1
        changed = self._copies.take_over() > 0
        self._set_numbers(model)
        changed |= model.send()
        if changed or model.assigns_globals or (model.tables_kept and not keep_tables):
            model.module.launch("hx_prepare", 1, 1, 0, (int(keep_tables),))
            model.tables_made, model.tables_kept = True, keep_tables
        crossing, flags = observers.crossing_now()
        try:
            events.begin()
            while self.done < n:
                if len(crossing) or flags is not None:
                    self.core.device_spikes(crossing, flags)
                m = min(n - self.done, events.window_limit(), observers.window_limit())
                m = observers.make_room(m)
                if m < 1 and not self.done:
                    raise out_of_memory(model.device, "there is no room for what Vectors record")
                if m < 1:
                    break
                window = self.core.device_window(m, events.types, events.moving_types)
                self._stepping = True
                pause = self.core.device_pause()
                if window.n_step:
                    done = self.done + int(window.n_step)
                    more = done < n and window.stop == "n_max" and not pause
                    self._run(model, window, more)
                    crossing, flags = observers.unload(window, events, more)
                    self.done = done
                else:
                    self.core.device_window_done(window)
                self._stepping = False
                if pause or window.stop in ("interpreter", "host step", "error"):
                    break
        except BaseException:
            self._end_batch(failing=True)
            raise
        self._end_batch(failing=False)
        return self.done

    def _end_batch(self, failing: bool) -> None:
        """NEURON's memory is whole again, as far as it can be after an error. Each part is tried
        whatever went wrong before; the first error is raised, unless another one is on its way.
        """
        stepping, self._stepping = self._stepping, True
        errors = []
        events = self._events
        ends = (self._copies.give_back, self._plan.give_back, events.give_back)
        for part in (events.finish, self._observers.finish, *ends, self._averages.finish):
            try:
                part()
            except Exception as problem:
                errors.append(problem)
        for further in errors if failing else errors[1:]:
            logger().error("at the end of a batch on the GPU", exc_info=further)
        if errors and not failing:
            raise errors[0]
        self._stepping = stepping

    def _run(self, model: DeviceModel, window: Any, more: bool) -> None:
        """A window on the device; what the last one recorded goes to its Vectors meanwhile."""
        observers, events, averages = self._observers, self._events, self._averages
        changed = observers.load(window) | events.load(window) | averages.load(window)
        if changed or model.arrays.moved:
            model.send()
        model.staging.flush()
        events.run()
        observers.outcome.begin()
        flag_bits = _DETECT_LAST if more else 0
        whole = observers.whole or events.whole or averages.whole or self._plan.whole
        flag_bits |= _WHOLE_ALL if whole else 0 if more else _WHOLE_LAST
        arguments = float(window.t[0]), int(window.n_step), flag_bits
        if events.ordered.active:
            self._run_in_order(model, window, *arguments)
        else:
            self._plan.run(model, *arguments)
        observers.begin_fetch(window)
        events.begin_fetch(window)
        observers.append()
        model.device.synchronize()

    def _run_in_order(
        self, model: DeviceModel, window: Any, t: float, n_step: int, flags: int
    ) -> None:
        """The window, again until events of equal time come in NEURON's order (ordered.py)."""
        observers, events, ordered = self._observers, self._events, self._events.ordered
        ordered.save()
        plan = self._plan.place()
        self._plan.run(model, t, n_step, flags)
        model.device.synchronize()
        n_again = 0
        while window.stop != "error":
            found = observers.look()
            step, source, _ = observers.found(window)
            if ordered.agrees(window, events, (step, source), found):
                break
            n_again += 1
            ordered.restore()
            self._plan.go_back(plan)
            model.send()
            model.staging.flush()
            observers.outcome.begin()
            self._plan.run(model, t, n_step, flags)
            model.device.synchronize()
        ordered.count(n_again)

    def _set_numbers(self, model: DeviceModel) -> None:
        state = self.core.device_clock()
        if state["secondorder"] == 2:
            raise Refusal("HX033", "secondorder = 2 runs on the CPU engine")
        if state["secondorder"]:
            for entry in model.entries:
                if entry.kernel is not None and derivimplicit.is_used(entry.kernel.mechanism):
                    reason = f"secondorder = 1 with METHOD derivimplicit ({entry.name})"
                    raise Refusal("HX033", reason)
        check_settled(self.core, model.entries, state["celsius"])
        scale = 2.0 if state["secondorder"] else 1.0
        model.values["dt"] = state["dt"]
        model.values["cj"] = state["cj"]  # NEURON's own: it may lag behind secondorder
        model.values["celsius"] = state["celsius"]
        model.values["v_scale"] = scale
        for ion in model.ions.values():
            model.values[f"{ion['name']}__coefficient"] = self.core.device_nernst(ion["type"])


def check_settled(core: Any, entries: list[Entry], celsius: float) -> None:
    """GLOBALs that the kernels do not assign have the value that they would assign."""
    for entry in entries:
        for variable, expr in entry.kernel.settled if entry.kernel is not None else ():

            def value(variable: Variable, name: str = entry.name) -> float:
                if variable.storage is Storage.CELSIUS:
                    return celsius
                return float(core.device_global(f"{variable.name}_{name}")[0])

            if settled.current(expr, value) != value(variable):
                reason = f"GLOBAL {variable.name} of {entry.name} is about to change"
                raise Refusal("HX022", reason)
