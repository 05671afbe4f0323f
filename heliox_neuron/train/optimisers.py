"""Optimisers with torch's semantics and argument names, as fused kernels (src/gpu/optimiser.cuh).

    optimiser = Adam(lr=1e-3)
    optimiser.bind(device, n, lower, upper)
    optimiser.step(values, gradient)        # device arrays (n,), in place, enqueued

`lr` may be set between steps; it is a number or a schedule (schedules.py). The same text runs on
the host device. Wrong arguments are HX094.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engines.gpu.device import Device, Module
from ..errors import HelioXError, HelioXValueError
from .schedules import Schedule, schedule

_N_SQUARES = 64  # kSquares
_N_THREAD = 256
_NULL = np.uint64(0)


_modules: dict[str, Module] = {}


def _module(device: Device) -> Module:
    if device.name not in _modules:
        _modules[device.name] = device.module('#include "optimiser.cuh"\n', ())
    return _modules[device.name]


class Optimiser:
    """What all have in common: rate, binding, bounds, clipping by norm, the count of steps.

    lr: a number or a Schedule. n_step: steps done. Subclasses launch one kernel in `_launch`.
    """

    _arrays: tuple[str, ...] = ()  # names of the state vectors

    def __init__(self, lr: float | Callable[[int], float]) -> None:
        self.lr = lr
        self.n_step = 0
        self._device: Device | None = None
        self._state: dict[str, Any] = {}
        self._pending: dict[str, Any] | None = None

    @property
    def lr(self) -> float | Schedule:
        """The learning rate: a number, or the Schedule it follows."""
        return self._lr

    @lr.setter
    def lr(self, lr: float | Callable[[int], float]) -> None:
        self._lr = schedule(lr)

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return self._lr(self.n_step) if isinstance(self._lr, Schedule) else self._lr

    def bind(
        self, device: Device, n: int, lower: np.ndarray | None = None, upper: Any = None
    ) -> None:
        """Allocates fresh state for a flat float64 vector of n on a device.

        lower, upper: (n,) bounds or None; new values are clipped to them in the same kernel. A
        state that was loaded before is taken over now.
        """
        self._device = device
        self._n = int(n)
        self.n_step = 0
        self._state = {name: device.empty(max(1, n), np.float64) for name in self._arrays}
        self._squares = device.empty(_N_SQUARES, np.float64)
        self._lower, self._upper = self._bound("lower", lower), self._bound("upper", upper)
        wanted = -(-self._n // _N_THREAD)
        self._n_block = 1 if device.name == "host" else min(wanted, 8 * device.n_multiprocessor)
        if self._pending is not None:
            self.load_state(self._pending)

    def _bound(self, name: str, values: Any) -> Any:
        if values is None:
            return None
        array = np.broadcast_to(np.asarray(values, np.float64), (self._n,))
        if np.isnan(array).any():
            raise HelioXValueError("HX094", f"{name}: a bound is NaN.")
        return self._bound_device().array(np.ascontiguousarray(array))

    def _bound_device(self) -> Device:
        if self._device is None:
            raise HelioXError("HX094", f"{type(self).__name__}: bind(device, n) comes first.")
        return self._device

    def step(self, values: Any, gradient: Any, clip_norm: float | None = None) -> None:
        """One step, in place: values, gradient: (n,) float64 arrays of the device. Enqueued.

        clip_norm: the gradient is scaled down to this Euclidean norm (clip_grad_norm_ of torch).
        """
        device = self._bound_device()
        for name, array in (("values", values), ("gradient", gradient)):
            if array.shape != (self._n,) or array.dtype != np.float64:
                raise HelioXValueError(
                    "HX094",
                    f"{name} is {array.dtype} {array.shape}: the optimiser was bound to "
                    f"float64 ({self._n},).",
                )
        if clip_norm is not None and not clip_norm > 0:
            raise HelioXValueError("HX094", f"clip_norm = {clip_norm!r}: a number above 0.")
        if self._n:
            self._step(device, values, gradient, float(clip_norm or 0.0))
        self.n_step += 1

    def _step(self, device: Device, values: Any, gradient: Any, limit: float) -> None:
        module = _module(device)
        if limit:
            arguments = (*self._addresses(gradient, self._squares), self._n)
            n_block, n_thread = (1, 1) if device.name == "host" else (_N_SQUARES, 32)
            module.launch("hx_squares", n_block, n_thread, 0, arguments)
        vectors = (values, gradient, self._lower, self._upper, self._squares)
        states = [self._state.get(name) for name in self._states()]
        name, numbers = self._kernel()
        arguments = (*self._addresses(*vectors, *states), self._n, self.rate, limit, *numbers)
        module.launch(name, self._n_block, _N_THREAD, 0, arguments)

    def _states(self) -> tuple[str, ...]:
        """The state vectors in the order of the kernel's arguments."""
        return self._arrays

    def _kernel(self) -> tuple[str, tuple[float | int, ...]]:
        """Name of the kernel, and its last arguments."""
        raise NotImplementedError

    def _addresses(self, *arrays: Any) -> tuple[np.uint64, ...]:
        device = self._bound_device()
        return tuple(_NULL if a is None else np.uint64(device.address(a)) for a in arrays)

    def state(self) -> dict[str, np.ndarray | float]:
        """What a bit-exact resume needs: the count of steps, the rate, the state vectors."""
        state: dict[str, np.ndarray | float] = {"step": float(self.n_step)}
        if not isinstance(self._lr, Schedule):
            state["lr"] = self._lr
        if self._device is None:
            return state if self._pending is None else dict(self._pending)
        for name, array in self._state.items():
            state[name] = self._device.download(array)[: self._n]
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Goes on from state(); before bind() it is kept until then. HX094 if it does not fit."""
        if self._device is None:
            self._pending = dict(state)
            return
        self._pending = None
        missing = [name for name in ("step", *self._state) if name not in state]
        if missing:
            raise HelioXValueError("HX094", f"the optimiser's state lacks {', '.join(missing)}.")
        for name, array in self._state.items():
            values = np.asarray(state[name], np.float64)
            if values.shape != (self._n,):
                raise HelioXValueError(
                    "HX094", f"the optimiser's {name} has shape {values.shape}, not ({self._n},)."
                )
            if self._n:
                self._device.upload(array, values)
        self.n_step = int(state["step"])
        if "lr" in state and not isinstance(self._lr, Schedule):
            self.lr = float(state["lr"])


class SGD(Optimiser):
    """torch.optim.SGD: momentum, dampening, weight decay, Nesterov."""

    def __init__(
        self,
        lr: float | Callable[[int], float] = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(lr)
        _check(momentum >= 0, f"momentum = {momentum!r}: a number >= 0.")
        _check(weight_decay >= 0, f"weight_decay = {weight_decay!r}: a number >= 0.")
        nested = not nesterov or (momentum > 0 and dampening == 0)
        _check(nested, "nesterov needs a momentum above 0 and no dampening.")
        self.momentum, self.dampening = float(momentum), float(dampening)
        self.weight_decay, self.nesterov = float(weight_decay), bool(nesterov)
        self._arrays = ("velocity",) if momentum else ()

    def _states(self) -> tuple[str, ...]:
        return ("velocity",)

    def _kernel(self) -> tuple[str, tuple[float | int, ...]]:
        numbers = (self.momentum, self.dampening, self.weight_decay)
        return "hx_sgd", (*numbers, int(self.nesterov), int(self.n_step == 0))


class Adam(Optimiser):
    """torch.optim.Adam (Kingma & Ba 2015), with amsgrad (Reddi et al. 2018)."""

    def __init__(
        self,
        lr: float | Callable[[int], float] = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(lr)
        _check(all(0 <= beta < 1 for beta in betas), f"betas = {betas!r}: numbers in [0, 1).")
        _check(eps >= 0, f"eps = {eps!r}: a number >= 0.")
        _check(weight_decay >= 0, f"weight_decay = {weight_decay!r}: a number >= 0.")
        self.betas = (float(betas[0]), float(betas[1]))
        self.eps, self.weight_decay, self.amsgrad = float(eps), float(weight_decay), bool(amsgrad)
        self._arrays = ("mean", "square", "largest") if amsgrad else ("mean", "square")

    def _states(self) -> tuple[str, ...]:
        return ("mean", "square", "largest")

    def _kernel(self) -> tuple[str, tuple[float | int, ...]]:
        step = self.n_step + 1
        corrections = tuple(1 - beta**step for beta in self.betas)
        return "hx_adam", (*self.betas, self.eps, self.weight_decay, *corrections)


class CallableOptimiser(Optimiser):
    """Any rule: f(values, gradient) -> new values, on NumPy arrays (CuPy on a GPU).

    The bounds are applied afterwards. What f keeps between calls is its own: state() holds the
    count of steps only. `lr` is not used.
    """

    def __init__(self, rule: Callable[[Any, Any], Any]) -> None:
        super().__init__(0.0)
        self.rule = rule

    def _step(self, device: Device, values: Any, gradient: Any, limit: float) -> None:
        if limit:
            norm = (gradient * gradient).sum() ** 0.5
            factor = limit / (norm + 1e-6)
            gradient = gradient * (factor * (factor < 1) + 1.0 * ~(factor < 1))
        new = self.rule(values, gradient)
        if getattr(new, "shape", None) != values.shape:
            raise HelioXValueError(
                "HX094",
                f"the optimiser's rule returned {getattr(new, 'shape', type(new).__name__)}, "
                f"not an array of shape {values.shape}.",
            )
        values[...] = new
        if self._lower is not None or self._upper is not None:
            arguments = (*self._addresses(values, self._lower, self._upper), self._n)
            _module(device).launch("hx_bound", self._n_block, _N_THREAD, 0, arguments)


def optimiser(given: Any) -> Optimiser:
    """An Optimiser of what fit() was given: one, or any f(values, gradient) -> values. HX094."""
    if isinstance(given, Optimiser):
        return given
    if callable(given) and not isinstance(given, type):
        return CallableOptimiser(given)
    raise HelioXValueError(
        "HX094",
        f"optimizer = {given!r}: use heliox.Adam(...), heliox.SGD(...) or a function "
        "f(values, gradient) -> values.",
    )


def _check(good: bool, message: str) -> None:
    if not good or math.isnan(good):
        raise HelioXValueError("HX094", message)
