"""What is called during fit(), with Keras' names and arguments.

`model` is the network: `model.stop_training = True` ends training after the batch,
`model.optimizer` is its optimiser, `model.get_weights()` its weights. logs: the metrics so far, a
dict of floats.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import HelioXValueError

if TYPE_CHECKING:
    from .sequential import Sequential

Logs = dict[str, float]


class Callback:
    """Base class. A callback with on_batch_ methods makes fit() wait for the device every batch."""

    model: Sequential
    comes_last = False  # it looks at what the others did

    def set_model(self, model: Sequential) -> None:
        """Before training."""
        self.model = model

    def on_train_begin(self, logs: Logs) -> None: ...

    def on_train_end(self, logs: Logs) -> None: ...

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None: ...

    def on_epoch_end(self, epoch: int, logs: Logs) -> None: ...

    def on_batch_begin(self, batch: int, logs: Logs) -> None: ...

    def on_batch_end(self, batch: int, logs: Logs) -> None: ...

    def state(self) -> dict[str, Any]:
        """Numbers and arrays that go into a saved file, so that a resumed training goes on."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Takes over state()."""

    @property
    def each_batch(self) -> bool:
        """Whether it is to be called for every batch."""
        return any(
            getattr(type(self), name) is not getattr(Callback, name)
            for name in ("on_batch_begin", "on_batch_end")
        )


class LambdaCallback(Callback):
    """Functions as a callback: LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs))."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        for name, function in functions.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                raise HelioXValueError("HX094", f"LambdaCallback({name}=...): no such event.")
            setattr(self, name, function)
        self._names = tuple(functions)

    @property
    def each_batch(self) -> bool:
        return any(name.startswith("on_batch") for name in self._names)


def callback_of(given: Any) -> Callback:
    """A callback of what fit() was given: one, or f(epoch, logs) for after each epoch. HX094."""
    if isinstance(given, Callback):
        return given
    if callable(given) and not isinstance(given, type):
        return LambdaCallback(on_epoch_end=given)
    raise HelioXValueError(
        "HX094", f"callbacks: {given!r} is no heliox.nn callback and no f(epoch, logs)."
    )


def states(callbacks: list[Callback]) -> list[dict[str, Any]]:
    """state() of each, with its class."""
    return [{"callback": type(one).__name__, **one.state()} for one in callbacks]


def load_states(callbacks: list[Callback], held: list[dict[str, Any]]) -> None:
    """Gives states() back to callbacks of the same classes, in the same order within a class."""
    left: dict[str, list[dict[str, Any]]] = {}
    for state in held:
        values = {name: value for name, value in state.items() if name != "callback"}
        left.setdefault(str(state.get("callback", "")), []).append(values)
    for one in callbacks:
        mine = left.get(type(one).__name__)
        if mine:
            one.load_state(mine.pop(0))


class _Monitor(Callback):
    """Watches a metric. mode: "min", "max", or "auto" (max for an accuracy).

    Each training begins anew, except where load_state() was called before it.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        if mode not in ("auto", "min", "max"):
            raise HelioXValueError("HX094", f'mode = {mode!r}: "auto", "min" or "max".')
        self.monitor = monitor
        largest = mode == "max" or (mode == "auto" and monitor.endswith("accuracy"))
        self._sign = 1.0 if largest else -1.0
        self._min_delta = abs(min_delta)
        self._best = -np.inf  # of sign * metric
        self._loaded = False

    def on_train_begin(self, logs: Logs) -> None:
        if not self._loaded:
            self._reset()
        self._loaded = False

    def _reset(self) -> None:
        """Forgets the training before."""
        self._best = -np.inf

    @property
    def best(self) -> float:
        """The best value so far."""
        return self._sign * self._best

    def value(self, logs: Logs) -> float:
        """The metric. HX094 if training has none of this name."""
        if self.monitor not in logs:
            raise HelioXValueError(
                "HX094",
                f"{type(self).__name__}(monitor={self.monitor!r}): there are only "
                f"{', '.join(logs)}. val_ metrics need validation_data or validation_split.",
            )
        return float(logs[self.monitor])

    def improved(self, logs: Logs) -> bool:
        """Whether the metric is better than the best by min_delta; then it is the best."""
        value = self._sign * self.value(logs)
        if value > self._best + self._min_delta:
            self._best = value
            return True
        return False

    def state(self) -> dict[str, Any]:
        return {"best": self._best}

    def load_state(self, state: dict[str, Any]) -> None:
        self._best = float(state["best"])
        self._loaded = True


class EarlyStopping(_Monitor):
    """Stops when the metric has not improved for `patience` epochs."""

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 0,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.restore_best_weights = restore_best_weights
        self.wait = 0
        self.stopped_epoch: int | None = None
        self.best_weights: list[np.ndarray] = []

    def _reset(self) -> None:
        super()._reset()
        self.wait, self.stopped_epoch, self.best_weights = 0, None, []

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.improved(logs):
            self.wait = 0
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            return
        self.wait += 1
        if self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs) -> None:
        if self.restore_best_weights and self.best_weights:
            self.model.set_weights(self.best_weights)

    def state(self) -> dict[str, Any]:
        weights = {f"weights_{k}": w for k, w in enumerate(self.best_weights)}
        return {**super().state(), "wait": self.wait, **weights}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.wait = int(state["wait"])
        n = sum(name.startswith("weights_") for name in state)
        self.best_weights = [np.array(state[f"weights_{k}"]) for k in range(n)]


class ReduceLROnPlateau(_Monitor):
    """Multiplies the learning rate by `factor` when `patience` epochs brought no improvement.

    cooldown: epochs after a reduction that do not count. The optimiser's lr must be a number.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        mode: str = "auto",
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0 < factor < 1:
            raise HelioXValueError("HX094", f"factor = {factor!r}: a number between 0 and 1.")
        self.factor, self.patience, self.cooldown, self.min_lr = factor, patience, cooldown, min_lr
        self.wait = self._cooling = 0

    def _reset(self) -> None:
        super()._reset()
        self.wait = self._cooling = 0

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self._cooling:
            self._cooling -= 1
            self.wait = 0
        if self.improved(logs):
            self.wait = 0
        elif not self._cooling:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce()

    def _reduce(self) -> None:
        optimizer = self.model.optimizer
        if not isinstance(optimizer.lr, float):
            raise HelioXValueError("HX094", "ReduceLROnPlateau: the optimiser's lr is a schedule.")
        optimizer.lr = max(optimizer.lr * self.factor, self.min_lr)
        self._cooling, self.wait = self.cooldown, 0

    def state(self) -> dict[str, Any]:
        return {**super().state(), "wait": self.wait, "cooling": self._cooling}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.wait, self._cooling = int(state["wait"]), int(state["cooling"])


class ModelCheckpoint(_Monitor):
    """Saves the network and all that resuming needs after each epoch, or every `save_freq` batches.

    filepath may hold {epoch} and metrics: "net-{epoch:02d}-{val_loss:.3f}.h5" (epoch from 1).
    save_best_only: after an epoch that improved the metric only. It is called after the others.
    """

    comes_last = True

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
    ) -> None:
        super().__init__(monitor, mode, 0.0)
        if save_freq != "epoch" and (not isinstance(save_freq, int) or save_freq < 1):
            raise HelioXValueError("HX094", f'save_freq = {save_freq!r}: "epoch" or batches.')
        self.filepath = str(filepath)
        self.save_best_only = save_best_only
        self.save_freq = save_freq
        self._done = 0  # batches since the last save
        self._epoch = 0

    def _reset(self) -> None:
        super()._reset()
        self._done = 0

    @property
    def each_batch(self) -> bool:
        return self.save_freq != "epoch"

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        self._epoch = epoch

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        if self.save_freq == "epoch":
            return
        self._done += 1
        if self._done >= int(self.save_freq):
            self._done = 0
            self._save(self._epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.save_freq == "epoch" and (not self.save_best_only or self.improved(logs)):
            self._save(epoch, logs)

    def _save(self, epoch: int, logs: Logs) -> None:
        try:
            path = self.filepath.format(epoch=epoch + 1, **logs)
        except (KeyError, IndexError, ValueError) as error:
            raise HelioXValueError(
                "HX094", f"ModelCheckpoint({self.filepath!r}): {error} is not in {', '.join(logs)}."
            ) from error
        self.model.save(path)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "done": self._done}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self._done = int(state["done"])


class CSVLogger(Callback):
    """A line an epoch into a CSV file. append: to what is there."""

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        self.filename = Path(filename)
        self.separator, self.append = separator, append
        self._columns: list[str] = []

    def on_train_begin(self, logs: Logs) -> None:
        if self.append and self.filename.exists():
            with self.filename.open(newline="") as file:
                self._columns = next(csv.reader(file, delimiter=self.separator), [])
        else:
            self._columns = []
            self.filename.write_text("")

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        with self.filename.open("a", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if not self._columns:
                self._columns = ["epoch", *logs]
                writer.writerow(self._columns)
            row: dict[str, Any] = {"epoch": epoch, **logs}
            writer.writerow([row.get(name, "") for name in self._columns])
