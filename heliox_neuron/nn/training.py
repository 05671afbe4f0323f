"""The loop of fit(): epochs and batches, callbacks, validation, divergence, Ctrl-C, resuming."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import HelioXError, HelioXValueError
from ..progress import wanted
from .batch.layers import Doubles
from .callbacks import Callback
from .history import History
from .learning import Loss
from .replicas import ReplicaExecutor

if TYPE_CHECKING:
    from .sequential import Executor, Sequential

_LOOK = 0.25  # s between two looks at the losses, if nobody wants every batch
_TOO_LARGE = 1e3  # times the first batch's loss (or 1): the training has diverged


class Diverged(HelioXError, ArithmeticError):
    """HX058: a loss is NaN, infinite or 1,000 times the first one. history: until then."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__("HX058", message)
        self.history = history


@dataclass
class Data:
    """What is trained with: x (samples, inputs), y as the loss takes it, and the validation's."""

    x: Doubles
    y: Any
    validation: tuple[Doubles, Any] | None = None

    @property
    def digest(self) -> str:
        """Tells other data from these, without reading all of x."""
        found = hashlib.blake2b(digest_size=16)
        found.update(repr((self.x.shape, np.shape(self.y))).encode())
        found.update(np.ascontiguousarray(self.y).tobytes())
        found.update(np.ascontiguousarray(self.x[:: max(1, len(self.x) // 64)]).tobytes())
        return found.hexdigest()


@dataclass
class Options:
    """Arguments of fit() that a resumed training shares with the one that was saved."""

    batch_size: int
    loss: Loss
    shuffle: bool
    clip_norm: float | None

    def to_dict(self) -> dict[str, Any]:
        loss = self.loss if isinstance(self.loss, str) else "callable"
        return {**vars(self), "loss": loss}


@dataclass
class Position:
    """Where a training is; saved with the network. batch: batches done of epoch `epoch`.

    order: the epoch's samples, empty before it begins. losses: of its samples so far. limit: what
    a batch's loss may not exceed.
    """

    options: dict[str, Any]
    digest: str
    epoch: int = 0
    batch: int = 0
    order: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    losses: list[Doubles] = field(default_factory=list)
    limit: float = np.inf
    seconds: float = 0.0
    stopped: bool = False
    history: History = field(default_factory=History)
    callbacks: list[dict[str, Any]] = field(default_factory=list)


class Interrupt:
    """Ctrl-C within `with`: `asked` becomes True, a second one raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


class Trainer:
    """One call of fit(). run() returns the History."""

    def __init__(
        self,
        network: Sequential,
        executor: Executor,
        data: Data,
        options: Options,
        callbacks: list[Callback],
        verbose: int | str,
    ) -> None:
        self.network, self.executor, self.data, self.options = network, executor, data, options
        self.callbacks = sorted(callbacks, key=lambda callback: callback.comes_last)
        self.verbose = _verbosity(verbose)
        self.each_batch = any(callback.each_batch for callback in callbacks)
        self.n_batch = -(-len(data.x) // options.batch_size)
        self._bar: Any = None
        self._looked = time.perf_counter()
        self._good = self._candidate = executor.weights
        self._last: tuple[int, int, Doubles, Any] | None = None  # epoch, batch, what it was

    def run(self, position: Position, epochs: int) -> History:
        """Trains from `position` to the end of epoch `epochs`."""
        self.position = position
        history = position.history
        history.stopped = ""
        with Interrupt() as self.interrupt:
            try:
                self._call("on_train_begin", {})
                while position.epoch < epochs and not self._ends(history):
                    self._epoch(epochs)
                self._check_last()
            except KeyboardInterrupt:  # the second Ctrl-C: in the middle of a batch
                history.stopped = "interrupted"
                self.network.position = None
            finally:
                self._close_bar()
                self.executor.take_losses()
                if not _finite(self.executor.weights):  # left by an error or the second Ctrl-C
                    self.executor.weights = self._good
                self._call("on_train_end", {})
                self.executor.to_neuron()
        return history

    def _ends(self, history: History) -> bool:
        if self.interrupt.asked:
            history.stopped = "interrupted"
        elif self.position.stopped or self.network.stop_training:
            history.stopped = "stopped by a callback"
            self.position.stopped = True
        return bool(history.stopped)

    # ---- an epoch ----

    def _epoch(self, epochs: int) -> None:
        position = self.position
        if not position.batch:
            n = len(self.data.x)
            random = self.network.random
            position.order = random.permutation(n) if self.options.shuffle else np.arange(n)
            position.losses, position.seconds = [], 0.0
        self._call("on_epoch_begin", {}, position.epoch)
        self._open_bar(epochs)
        started = time.perf_counter()
        while position.batch < self.n_batch:
            if self._ends(position.history):
                self._look()
                position.seconds += time.perf_counter() - started
                return
            self._batch()
        self._look()
        self._check_weights()
        position.seconds += time.perf_counter() - started
        self._close_bar()
        self._end_epoch(epochs)

    def _end_epoch(self, epochs: int) -> None:
        position = self.position
        losses = np.concatenate(position.losses)
        logs = {"loss": float(losses.mean())}
        if self.data.validation is not None:
            x, y = self.data.validation
            found = self.network.score(x, y, self.options.loss, self.options.batch_size)
            logs["val_loss"] = found.loss
            if found.accuracy is not None:
                logs["val_accuracy"] = found.accuracy
        logs |= {"lr": float(self.network.optimizer.rate), "seconds": position.seconds}
        position.history.append(position.epoch, logs)
        position.epoch, position.batch, position.order = position.epoch + 1, 0, position.order[:0]
        position.losses = []
        if self.verbose == 2:
            shown = ", ".join(f"{name} {value:.4g}" for name, value in logs.items())
            print(f"epoch {position.epoch}/{epochs}: {shown}", flush=True)
        self._call("on_epoch_end", logs, position.epoch - 1)

    def _batch(self) -> None:
        position, options, data = self.position, self.options, self.data
        if self.each_batch:
            self._call("on_batch_begin", {}, position.batch)
        first = position.batch * options.batch_size
        chosen = position.order[first : first + options.batch_size]
        encoder = self.network.encoder
        encoded = encoder.encode(data.x[chosen], self.network.random, self.network.timing.duration)
        self.executor.train(
            encoded, data.y[chosen], options.loss, self.network.optimizer, options.clip_norm
        )
        self._last = position.epoch, position.batch, encoded, data.y[chosen]
        position.batch += 1
        if self.each_batch:
            loss = self._look()
            self._call("on_batch_end", {"loss": loss}, position.batch - 1)
        elif time.perf_counter() - self._looked > _LOOK or position.limit == np.inf:
            self._look()

    # ---- losses ----

    def _look(self) -> float:
        """Fetches the losses since the last look; the mean of the last batch. HX058 if diverged."""
        position, size = self.position, self.options.batch_size
        losses = self.executor.take_losses()
        self._looked = time.perf_counter()
        if not len(losses):
            return float("nan")
        means = [float(losses[k : k + size].mean()) for k in range(0, len(losses), size)]
        if position.limit == np.inf and np.isfinite(means[0]):
            position.limit = _TOO_LARGE * max(1.0, abs(means[0]))
        for k, mean in enumerate(means):
            if not (np.isfinite(mean) and mean <= position.limit):
                self._diverged(position.batch - len(means) + k, f"the loss is {mean:.6g}")
        position.losses.append(losses)
        position.history.batch_loss += means
        # the weights of the last look have been used since, and the losses were good
        self._good, self._candidate = self._candidate, self.executor.weights
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {means[-1]:.4g}", refresh=False)
            self._bar.update(position.batch - self._bar.n)
        return means[-1]

    def _check_weights(self) -> None:
        """The last update of an epoch shows in no loss yet."""
        if not _finite(self._candidate):
            self._diverged(self.position.batch - 1, "a weight is not finite")

    def _check_last(self) -> None:
        """The last update shows in no loss yet: its batch once more tells if it was a good one."""
        if self._last is None:
            return
        epoch, batch, encoded, targets = self._last
        loss, executor = self.options.loss, self.executor
        if callable(loss) and isinstance(executor, ReplicaExecutor):  # it computes on the device
            targets = executor.batch.device.array(targets)
        mean = float(executor.gradient(encoded, targets, loss)[0].mean())
        if not (np.isfinite(mean) and mean <= self.position.limit):
            self._diverged(batch, f"the loss after the last step is {mean:.6g}", epoch)

    def _diverged(self, batch: int, what: str, epoch: int | None = None) -> None:
        self.executor.weights = self._good
        position = self.position
        position.history.stopped = "diverged"
        rate = self.network.optimizer.rate
        number = 1 + (position.epoch if epoch is None else epoch)
        raise Diverged(
            f"training diverged in epoch {number}, batch {batch + 1}: {what}. The "
            f"network has its last good weights. Use a lower learning rate (now {rate:.3g}).",
            position.history,
        )

    # ---- callbacks and progress ----

    def _call(self, name: str, logs: dict[str, float], *number: int) -> None:
        for callback in self.callbacks:
            getattr(callback, name)(*number, logs)

    def _open_bar(self, epochs: int) -> None:
        if self.verbose == 1:
            from tqdm.auto import tqdm

            position = self.position
            self._bar = tqdm(
                total=self.n_batch, initial=position.batch, unit="batch", leave=False,
                desc=f"epoch {position.epoch + 1}/{epochs}",
            )  # fmt: skip

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _finite(weights: list[Doubles]) -> bool:
    return all(bool(np.isfinite(w).all()) for w in weights)


def _verbosity(verbose: int | str) -> int:
    if verbose == "auto":
        return 1 if wanted() else 0
    if verbose not in (0, 1, 2):
        raise HelioXValueError(
            "HX094", f'verbose = {verbose!r}: "auto", 0, 1 (a bar) or 2 (a line an epoch).'
        )
    return int(verbose)
