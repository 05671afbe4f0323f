"""heliox.readout(): what a loss looks at, window means (eq. 4) or trajectories of a variable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import HelioXError, HelioXValueError
from .losses import Loss, own_loss, softmax_cross_entropy, squared_error
from .mechanisms import load_mechanisms
from .objects import is_alive, kind_of, leaves, soma_of
from .simulation import Window, window


class Readout:
    """n variables of a run, averaged over a window.

    owners: segments or point processes; names: of the variables. `trajectory` is the same readout
    without the average: a loss then sees (T, n) samples, one at the end of each step in the window.
    """

    def __init__(
        self, owners: list[Any], variable: str, span: Window, is_trajectory: bool = False
    ) -> None:
        self.owners = owners
        self.variable = variable
        self.window = span
        self.is_trajectory = is_trajectory
        self.names = tuple(f"{owner}.{variable}" for owner in owners)

    @property
    def trajectory(self) -> Readout:
        return Readout(self.owners, self.variable, self.window, True)

    def softmax_cross_entropy(self, targets: Any) -> Loss:
        """-log softmax(mean)[target]. targets: a class 0..n-1, or (n_sample,) classes. HX096."""
        return softmax_cross_entropy(self, targets)

    def mse(self, targets: Any) -> Loss:
        """Mean of (mean - target)**2 over the n outputs; targets: (n,), or (n_sample, n). HX096."""
        return squared_error(self, targets)

    def loss(self, function: Callable[..., Any], targets: Any = None) -> Loss:
        """f(values) or f(values, target) -> loss, or (loss, its derivative by values).

        values: (n,) means, or (T, n) samples of `trajectory`; a derivative has that shape and is
        needed by gradient methods other than finite_differences.
        """
        return own_loss(self, function, targets)

    def pointers(self) -> list[Any]:
        """NEURON's pointers. Raises HX051 when an object was deleted."""
        found = []
        for owner, name in zip(self.owners, self.names, strict=True):
            if not is_alive(owner):
                raise HelioXError("HX051", f"{name}: its section was deleted. Ask for a new one.")
            found.append(getattr(owner, f"_ref_{self.variable}"))
        return found

    def __len__(self) -> int:
        return len(self.owners)

    def __repr__(self) -> str:
        what = "samples" if self.is_trajectory else "means"
        return f"<readout: {what} of {len(self)} variables: {', '.join(self.names[:3])}>"


def readout(objects: Any, *more: Any, variable: str = "v", window: Any = None) -> Readout:
    """A variable of segments, sections (their middle), cells (their soma) or point processes.

        heliox.readout(somas, "v", window=(20, 50))
        heliox.readout(sectionlist, 20, 50)             # hoc has no keywords

    window: (ts, te) in ms, samples at the ends of steps with ts < t <= te; None: the whole run.
    Raises HX095 for objects that have no such variable, HX094 for a wrong window.
    """
    load_mechanisms()
    numbers = [one for one in more if not isinstance(one, str)]
    words = [one for one in more if isinstance(one, str)]
    if len(words) > 1 or len(numbers) > 2:
        raise HelioXValueError("HX094", f"heliox.readout(..., {more}): a name, and (ts, te) in ms.")
    variable = words[0] if words else variable
    span = numbers if len(numbers) == 2 else (numbers[0] if numbers else window)
    what = f"heliox.readout(..., {variable!r})"
    owners = [_owner(one, what) for one in leaves(objects, what)]
    if not owners:
        raise HelioXError("HX095", f"{what}: no objects.")
    for owner in owners:
        if not hasattr(owner, f"_ref_{variable}"):
            raise HelioXError("HX095", f"{what}: {owner} has no variable {variable}.")
    return Readout(owners, variable, _window(span))


def _owner(thing: Any, what: str) -> Any:
    kind = kind_of(thing)
    if kind == "section":
        return thing(0.5)
    if kind == "cell":
        return soma_of(thing, what)
    if kind == "netcon":
        raise HelioXError("HX095", f"{what}: {thing} is a NetCon.")
    return thing


_window = window
