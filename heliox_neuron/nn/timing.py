"""Times of a sample."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import HelioXValueError


@dataclass(frozen=True)
class Timing:
    """A sample of `duration` ms in steps of dt ms from v_init mV; means over the ends of steps in
    window[0] < t <= window[1] ms. HX091 for times that do not fit.
    """

    dt: float = 0.25
    duration: float = 50.0
    window: tuple[float, float] = (20.0, 50.0)
    v_init: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.dt <= self.duration < float("inf"):
            raise HelioXValueError(
                "HX091", f"dt = {self.dt!r}, duration = {self.duration!r} ms: 0 < dt <= duration."
            )
        if not 0 <= self.first < self.last <= self.n_step:
            raise HelioXValueError(
                "HX091",
                f"window = {self.window!r} ms does not lie in a sample of {self.duration} ms.",
            )
        if not abs(self.v_init) < float("inf"):
            raise HelioXValueError("HX091", f"v_init = {self.v_init!r} mV.")

    @property
    def n_step(self) -> int:
        return round(self.duration / self.dt)

    @property
    def first(self) -> int:
        """Steps before the window."""
        return round(self.window[0] / self.dt)

    @property
    def last(self) -> int:
        """The last step of the window."""
        return round(self.window[1] / self.dt)
