"""Execution plans: how a window of steps becomes launches of kernels.

fused: a block of threads takes its cells through all steps in one launch. coupled: the same with
one barrier of the grid a step, for cells that look at each other (coupling.py). streams: a kernel
for each task of a step (streams.py).
"""

from __future__ import annotations

from typing import Any, Protocol

from .coupling import Linked
from .device import Device
from .model import DeviceModel
from .streams import Streams
from .translate import Refusal


class Plan(Protocol):
    """One way to run a model's steps."""

    name: str
    macros: tuple[str, ...]  # what the model's source is compiled with

    @property
    def whole(self) -> bool:
        """Whether every step has to store all columns."""
        ...

    def look(self, core: Any, model: DeviceModel) -> None:
        """Before a batch, before anybody asks where variables are."""

    def begin(self, core: Any, model: DeviceModel) -> None:
        """Before a batch, before hx_model is filled. Raises Refusal."""

    def run(self, model: DeviceModel, t: float, n_step: int, flags: int) -> None:
        """Launches a window of steps from t [ms]; flags: those of src/gpu/plans.cuh."""

    def give_back(self) -> None:
        """After a batch: what is no column of the model."""

    def place(self) -> int:
        """What a window's launch changes, but for the device's memory."""
        ...

    def go_back(self, place: int) -> None:
        """To run a window again from place()."""


class Fused:
    """One launch a window; blocks never meet."""

    name = "fused"
    macros: tuple[str, ...] = ()
    whole = False

    def look(self, core: Any, model: DeviceModel) -> None:
        core.device_take_numbers([])

    def begin(self, core: Any, model: DeviceModel) -> None:
        pass

    def give_back(self) -> None:
        pass

    def place(self) -> int:
        return 0

    def go_back(self, place: int) -> None:
        pass

    def run(self, model: DeviceModel, t: float, n_step: int, flags: int) -> None:
        model.module.launch(
            "hx_fused", model.nodes.n_block, model.n_thread, model.shared_bytes, (t, n_step, flags)
        )


class Coupled(Linked):
    """One launch a window; blocks meet once a step, so all of them run at the same time."""

    name = "coupled"
    macros: tuple[str, ...] = ("HX_PLAN_COUPLED",)

    def __init__(self) -> None:
        super().__init__()
        self._meetings = 0

    def begin(self, core: Any, model: DeviceModel) -> None:
        super().begin(core, model)
        self._meetings = 0

    def run(self, model: DeviceModel, t: float, n_step: int, flags: int) -> None:
        n_block = model.nodes.n_block
        model.module.launch(
            "hx_coupled", n_block, model.n_thread, model.shared_bytes,
            (t, n_step, flags, self._meetings), together=True,
        )  # fmt: skip
        if model.values["n_crossing"]:
            meetings = self._meetings + n_step * n_block
            self._meetings = (meetings + 2**31) % 2**32 - 2**31

    def place(self) -> int:
        return self._meetings

    def go_back(self, place: int) -> None:
        self._meetings = place

    @staticmethod
    def fits(model: DeviceModel) -> bool:
        """Whether all blocks run at the same time."""
        n_block = model.nodes.n_block
        if n_block == 1:
            return True
        a_multiprocessor = model.module.resident("hx_coupled", model.n_thread, model.shared_bytes)
        return n_block <= a_multiprocessor * model.device.n_multiprocessor


def has_pointers(structure: dict[str, Any]) -> bool:
    """Whether instances may look at other cells. structure: _core.device_model()."""
    return any(
        m["pointers"] and m["n"] and m["kind"] in ("density", "point")
        for m in structure["mechanisms"]
    )


def choose_plan(core: Any, pointers: bool) -> str:
    """heliox.plan, or what the model needs. pointers: has_pointers(). Raises Refusal."""
    wanted = str(core.get("plan"))
    coupled = pointers or len(core.device_transfer()[0]) > 0
    if wanted == "fused" and coupled:
        raise Refusal("HX033", 'heliox.plan "fused": cells look at each other in every step')
    if wanted != "auto":
        return wanted
    return "coupled" if coupled else "fused"


def make_plan(name: str) -> Plan:
    """name: "fused", "coupled" or "streams"."""
    if name == "streams":
        return Streams()
    return Coupled() if name == "coupled" else Fused()


def one_block(plan: Plan, device: Device) -> bool:
    """The host device runs one block after another: they cannot meet within a launch."""
    return plan.name == "coupled" and device.name == "host"


def suits(plan: Plan, model: DeviceModel) -> bool:
    """Whether a plan of a built model is the right one; else it is "streams".

    Blocks that meet must run at the same time; a few blocks whose nodes do not fit into shared
    memory leave most of the device idle.
    """
    if model.device.name == "host" or isinstance(plan, Streams):
        return True
    if isinstance(plan, Coupled):
        return plan.fits(model)
    return bool(model.shared_bytes) or model.nodes.n_block >= model.device.n_multiprocessor
