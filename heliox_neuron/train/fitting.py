"""heliox.fit(): trains parameters that live in NEURON's objects."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..engines.gpu.open import open_device
from ..errors import HelioXValueError
from ..nn.callbacks import callback_of
from ..nn.history import History
from ..nn.training import Diverged, Interrupt
from .gradients import method_of
from .losses import Loss
from .optimisers import Adam, Optimiser, optimiser
from .parameters import Parameters
from .resistance import Doubles
from .simulation import simulation

_TOO_LARGE = 1e3  # times the first batch's mean loss (or 1): the training has diverged


@dataclass(frozen=True)
class Samples:
    """Inputs of one run each: `apply(k)` puts sample k into the model. n: how many.

    restore: puts back what was there before the first sample, where that is known.
    """

    n: int
    apply: Callable[[int], Any]
    restore: Callable[[], Any] = lambda: None


def samples(inputs: Any, loss: Loss) -> Samples:
    """Of fit()'s inputs: None, (parameters, array), or (function, sequence). HX096, HX094."""
    if inputs is None:
        found = Samples(1, lambda _: None)
    elif isinstance(inputs, tuple) and len(inputs) == 2 and isinstance(inputs[0], Parameters):
        handle, rows = inputs[0], _rows(inputs[1], len(inputs[0]))
        before = handle._gather()  # whatever it is, a NaN too
        found = Samples(len(rows), lambda k: handle.set(rows[k]), lambda: handle._scatter(before))
    elif isinstance(inputs, tuple) and len(inputs) == 2 and callable(inputs[0]):
        function, things = inputs[0], list(inputs[1])
        found = Samples(len(things), lambda k: function(things[k]))
    else:
        raise HelioXValueError(
            "HX094",
            "inputs: None, (parameters of heliox.trainable, array of a row a sample), or "
            "(function, sequence) that is called with each sample.",
        )
    if not found.n:
        raise HelioXValueError("HX096", "inputs: there are no samples.")
    if loss.n_sample not in (None, found.n):
        raise HelioXValueError(
            "HX096", f"the loss has targets for {loss.n_sample} samples, the inputs are {found.n}."
        )
    return found


def _rows(given: Any, n: int) -> Doubles:
    try:
        rows = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise HelioXValueError("HX096", "inputs: not an array of numbers.") from None
    if rows.ndim != 2 or rows.shape[1] != n:
        raise HelioXValueError(
            "HX096", f"inputs have shape {rows.shape}, not (samples, {n}): there are {n} variables."
        )
    if not np.isfinite(rows).all():
        k = int(np.argwhere(~np.isfinite(rows))[0][0])
        raise HelioXValueError("HX096", f"inputs: sample {k} has a NaN or an infinite value.")
    return rows


class Training:
    """One call of fit(); callbacks see it as `model`.

    optimizer, parameters; stop_training = True ends it after the batch.
    """

    def __init__(
        self,
        gradient: Any,
        parameters: Parameters,
        optimizer: Optimiser,
        data: Samples,
        callbacks: Iterable[Any],
    ) -> None:
        self.gradient, self.parameters, self.optimizer = gradient, parameters, optimizer
        self.data = data
        self.callbacks = [callback_of(one) for one in callbacks]
        self.stop_training = False
        self.history = History()
        device = open_device("host")
        self._values: Doubles = device.array(parameters.values)
        optimizer.bind(device, len(parameters), parameters.lower, parameters.upper)
        self._good = self._values.copy()
        self._first_batch, self._limit = np.zeros(0, np.int64), np.inf

    # ---- what callbacks use ----

    def get_weights(self) -> list[np.ndarray]:
        return [self.parameters.values]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        self.parameters.values = weights[0]
        self._values[:] = weights[0]

    def save(self, path: str | Path) -> None:
        """The parameters and the optimiser's state as a NumPy archive, in a file of this name."""
        arrays: dict[str, Any] = {
            f"optimizer_{name}": value for name, value in self.optimizer.state().items()
        }
        arrays |= {"values": self.parameters.values, "names": np.array(self.parameters.names)}
        with Path(path).open("wb") as file:  # to a name, NumPy appends .npz
            np.savez(file, **arrays)

    # ---- the loop ----

    def run(
        self,
        epochs: int,
        batch_size: int,
        shuffle: bool,
        random: np.random.Generator,
        clip_norm: float | None,
    ) -> History:
        with Interrupt() as interrupt:
            try:
                self._call("on_train_begin", {})
                for epoch in range(epochs):
                    if self.stop_training or interrupt.asked:
                        break
                    order = random.permutation(self.data.n) if shuffle else np.arange(self.data.n)
                    batches = np.split(order, range(batch_size, self.data.n, batch_size))
                    self._epoch(epoch, batches, clip_norm, interrupt)
                self._check_last()
            except KeyboardInterrupt:  # the second Ctrl-C: in the middle of a run
                self._restore()
                interrupt.asked = True
            except BaseException:
                self._restore()
                raise
            finally:
                self.gradient.close()
                self.data.restore()
        if interrupt.asked:
            self.history.stopped = "interrupted"
        elif self.stop_training:
            self.history.stopped = "stopped by a callback"
        self._call("on_train_end", {})
        return self.history

    def _epoch(
        self, epoch: int, batches: list[Any], clip_norm: float | None, interrupt: Interrupt
    ) -> None:
        self._call("on_epoch_begin", {}, epoch)
        started = time.perf_counter()
        losses: list[float] = []
        for batch, rows in enumerate(batches):
            if self.stop_training or interrupt.asked:
                return
            self._call("on_batch_begin", {}, batch)
            losses += self._batch(epoch, batch, rows, clip_norm)
            mean = float(np.mean(losses[-len(rows) :]))
            self.history.batch_loss.append(mean)
            self._call("on_batch_end", {"loss": mean}, batch)
        logs = {"loss": float(np.mean(losses)), "lr": float(self.optimizer.rate)}
        logs["seconds"] = time.perf_counter() - started
        self.history.append(epoch, logs)
        self._call("on_epoch_end", logs, epoch)

    def _batch(self, epoch: int, batch: int, rows: Any, clip_norm: float | None) -> list[float]:
        """One step of the optimiser; the losses of its samples."""
        gradient = np.zeros(len(self._values))
        losses = []
        for sample in rows:
            self.data.apply(int(sample))
            loss, one = self.gradient(int(sample))
            losses.append(loss)
            if not np.isfinite(loss):
                self._diverged(epoch, batch, f"the loss is {loss:.6g}")
            if not np.isfinite(one).all():
                self._diverged(epoch, batch, f"the gradient of {self._first(one)} is not finite")
            gradient += one / len(rows)
        mean = float(np.mean(losses))
        if not len(self._first_batch):
            self._first_batch, self._limit = rows, _TOO_LARGE * max(1.0, abs(mean))
        if not mean <= self._limit:
            self._diverged(epoch, batch, f"the loss is {mean:.6g}")
        self._good[:] = self._values
        self.optimizer.step(self._values, gradient, clip_norm)
        if not np.isfinite(self._values).all():
            self._diverged(epoch, batch, f"{self._first(self._values)} is not finite")
        self.parameters.values = self._values
        return losses

    def _check_last(self) -> None:
        """The last update shows in no loss yet: one more run tells whether it was a good one."""
        if not self.history.epoch:
            return
        losses = []
        for sample in self._first_batch:  # the limit is of their mean
            self.data.apply(int(sample))
            losses.append(self.gradient.loss_now(int(sample)))
        loss = float(np.mean(losses))
        if not (np.isfinite(loss) and loss <= self._limit):
            self._diverged(self.history.epoch[-1], len(self.history.batch_loss) - 1,
                           f"the loss after the last step is {loss:.6g}")  # fmt: skip

    def _first(self, values: Doubles) -> str:
        return self.parameters.names[int(np.flatnonzero(~np.isfinite(values))[0])]

    def _restore(self) -> None:
        self._values[:] = self._good
        self.parameters.values = self._good

    def _diverged(self, epoch: int, batch: int, what: str) -> None:
        self.history.stopped = "diverged"
        rate = self.optimizer.rate
        raise Diverged(
            f"training diverged in epoch {epoch + 1}, batch {batch + 1}: {what}. NEURON's objects "
            f"have the last good values. Use a lower learning rate (now {rate:.3g}).",
            self.history,
        )

    def _call(self, name: str, logs: dict[str, float], *number: int) -> None:
        for callback in self.callbacks:
            getattr(callback, name)(*number, logs)


def fit(
    loss: Loss,
    params: Parameters,
    optimizer: Any = None,
    epochs: float = 1,
    method: str = "synaptic",
    *,
    inputs: Any = None,
    batch_size: int = 1,
    shuffle: bool = True,
    seed: int = 0,
    clip_norm: float | None = None,
    callbacks: Iterable[Any] = (),
    tstop: float | None = None,
    run: Callable[[], Any] | None = None,
) -> History:
    """Trains `params` on `loss`; the trained values are in NEURON's objects afterwards.

    optimizer: heliox.Adam(...), heliox.SGD(...) or f(values, gradient) -> values; Adam(1e-3) by
    default. It starts anew unless load_state() was called.
    method: "synaptic" or "finite_differences" (heliox.gradient).
    inputs: None (one sample: the model as it is), (parameters, array of a row a sample) which sets
    such variables as IClamp.amp before each run and puts the old values back at the end, or
    (function, sequence): function(sample) does; what it set stays.
    The loss then has a target for each sample, or one for all. Gradients are averaged over batches.
    callbacks: of heliox.nn, or functions f(epoch, logs).
    Ctrl-C returns what there is after the batch. A NaN or an exploding loss is HX058 and restores
    the last good values, as any error does; `error.history` is the history until then.
    Raises HX094, HX096 for wrong arguments and data, before anything runs.
    """
    span = getattr(getattr(loss, "readout", None), "window", None)
    model = simulation(run, tstop, span.te if span else None)
    how = method_of(method, loss, params, model)
    count, size = _whole("epochs", epochs), _whole("batch_size", batch_size)
    random, limit = _generator(seed), _norm(clip_norm)
    data = samples(inputs, loss)
    training = Training(how, params, optimiser(optimizer or Adam(1e-3)), data, callbacks)
    for callback in training.callbacks:
        callback.set_model(training)  # type: ignore[arg-type]
    return training.run(count, size, shuffle, random, limit)


def _whole(name: str, value: Any) -> int:
    try:
        good = value >= 1 and float(value).is_integer()
    except (TypeError, ValueError):
        good = False
    if not good:
        raise HelioXValueError("HX094", f"{name} = {value!r}: a whole number above 0.")
    return int(value)


def _generator(seed: Any) -> np.random.Generator:
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise HelioXValueError("HX094", f"seed = {seed!r}: a whole number from 0.") from None


def _norm(clip_norm: Any) -> float | None:
    if clip_norm is None:
        return None
    try:
        good = bool(clip_norm > 0)
    except (TypeError, ValueError):
        good = False
    if not good:
        raise HelioXValueError("HX094", f"clip_norm = {clip_norm!r}: a number above 0.")
    return float(clip_norm)
