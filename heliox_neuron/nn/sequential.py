"""`Sequential`: a feed-forward network of NEURON cells that is trained like one of Keras."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ..engines.gpu.device import Device
from ..engines.gpu.open import open_device
from ..errors import HelioXError, HelioXValueError
from ..train.optimisers import SGD, Adam, Optimiser, optimiser
from . import active, checks, linear
from .batch.layers import Doubles
from .build import COUPLINGS, NeuronNetwork, Places, glorot
from .callbacks import Callback, callback_of, load_states, states
from .dense import Dense
from .encoders import Encoder
from .general import GeneralExecutor
from .history import History
from .learning import Loss, check_loss, loss_and_slope
from .replicas import Model, ReplicaExecutor
from .summary import Summary
from .timing import Timing
from .training import Data, Options, Position, Trainer

Executor: TypeAlias = ReplicaExecutor | GeneralExecutor
EXECUTORS = ("auto", "linear", "compiled", "general")
DEVICES = ("auto", "gpu", "host")


class Evaluation(NamedTuple):
    """Mean loss, and the fraction of right classes (None for targets that are no classes)."""

    loss: float
    accuracy: float | None


class Sequential:
    """An encoder and layers, each fully connected to the one before.

    A sample starts from finitialize(v_init mV) and takes `duration` ms in steps of dt ms; a layer's
    output is the mean of the somata's v over `window` (start, end) ms. seed: of places, weights,
    shuffling and spikes: the same seed, the same bits. coupling: "pointer" or "transfer" (how v_pre
    reaches a synapse). executor: "auto" takes replicas on the device where all cells are passive
    ("linear"), else, on a GPU, replicas by the GPU engine's kernels ("compiled") if it can, else
    sample after sample in NEURON ("general"); device: "auto" (the GPU if there is one), "gpu" or
    "host", of the first two. HX091 for what does not fit.
    """

    def __init__(
        self,
        *layers: Any,
        dt: float = 0.25,
        duration: float = 50.0,
        window: tuple[float, float] = (20.0, 50.0),
        v_init: float = 0.0,
        seed: int = 0,
        coupling: str = "pointer",
        executor: str = "auto",
        device: str = "auto",
    ) -> None:
        if len(layers) == 1 and isinstance(layers[0], (list, tuple)):
            layers = tuple(layers[0])
        self.encoder: Encoder
        self.encoder, *rest = _checked(layers)
        self.layers: list[Dense] = rest
        self.timing = Timing(float(dt), float(duration), (window[0], window[1]), float(v_init))
        self.seed = checks.count("seed", seed, 0)
        _one_of("coupling", coupling, COUPLINGS)
        _one_of("device", device, DEVICES)
        self.coupling, self.device = coupling, device
        self.executor = executor
        self.random = np.random.default_rng([self.seed, 2])  # of training
        self.optimizer: Any = None
        self.optimizer_state: dict[str, Any] | None = None  # of the last training, or of a file
        self._state_used: Any = None  # the optimiser's own vectors, while nobody else binds it
        self.stop_training = False
        self.position: Position | None = None
        self.callbacks: list[Callback] = []
        self.places: list[Places] | None = None  # of a loaded file
        self._network: NeuronNetwork | None = None
        self._executor: Executor | None = None
        self._live = False  # within fit(): the executor's weights are the newest
        self._why_general = ""

    @property
    def executor(self) -> str:
        """ "auto", "linear", "compiled" or "general"; may be set at any time."""
        return self._executor_wanted

    @executor.setter
    def executor(self, name: str) -> None:
        _one_of("executor", name, EXECUTORS)
        self._executor_wanted = name

    # ---- NEURON's objects ----

    def build(self) -> NeuronNetwork:
        """The cells and synapses in NEURON, made at the first call; weights are Glorot-uniform."""
        if self._network is None:
            plans = [layer.plan(k) for k, layer in enumerate(self.layers, 1)]
            places = np.random.default_rng([self.seed, 0])
            network = NeuronNetwork(
                self.encoder, plans, places, self.timing.v_init, self.coupling, self.places
            )
            random = np.random.default_rng([self.seed, 1])
            network.weights = [glorot(random, k.n_out, k.n_in) for k in network.layers]
            self._network = network
        return self._network

    def present(self, x: Any) -> None:
        """One sample (n_in,) for the next finitialize(v_init) and psolve(duration) in NEURON."""
        network = self.build()
        checked = checks.inputs(np.asarray(x)[None], self.encoder.n)
        encoded = self.encoder.encode_again(checked, 0, self.timing.duration)
        network.encoder.present(encoded[0])

    def get_weights(self) -> list[Doubles]:
        """(n_out, n_in + 1) of each layer; the last column is the bias."""
        if self._live and self._executor is not None:
            return self._executor.weights
        return self.build().weights

    def set_weights(self, weights: list[Any]) -> None:
        """Writes the weights of all layers into NEURON's objects. HX090 for what does not fit."""
        network = self.build()
        arrays = [np.asarray(w, np.float64) for w in weights]
        shapes = [(layer.n_out, layer.n_in + 1) for layer in network.layers]
        if [w.shape for w in arrays] != shapes:
            raise HelioXValueError(
                "HX090", f"weights of shapes {[w.shape for w in arrays]}: {shapes} are wanted."
            )
        if not all(np.isfinite(w).all() for w in arrays):
            raise HelioXValueError("HX090", "a weight is NaN or infinite.")
        if self._live and self._executor is not None:
            self._executor.weights = arrays
        network.weights = arrays

    # ---- running ----

    def _ready(self) -> Executor:
        """The executor, with NEURON's cells and weights as they are now."""
        if self._live and self._executor is not None:
            return self._executor
        network = self.build()
        model, self._why_general = self._model(network)
        before = self._executor
        if model is None:
            if not isinstance(before, GeneralExecutor) or before.timing != self.timing:
                self._executor = GeneralExecutor(network, self.timing)
        elif not (isinstance(before, ReplicaExecutor) and before.fits(model, self.timing)):
            self._executor = ReplicaExecutor(network, model, self.timing, self._open_device())
        assert self._executor is not None
        self._executor.weights = network.weights
        return self._executor

    def _model(self, network: NeuronNetwork) -> tuple[Model | None, str]:
        """What the device runs replicas of, or None; and why it is not the first choice."""
        wanted = self.executor
        if wanted == "general":
            return None, 'executor = "general"'
        why = ""
        if wanted != "compiled":
            try:
                return linear.read(network), ""
            except linear.NotLinear as reason:
                if wanted == "linear":
                    raise HelioXValueError(
                        "HX091", f'executor = "linear", but {reason}. "auto" takes another.'
                    ) from None
                why = str(reason)
            if self.device == "auto" and not _has_gpu():
                return None, f"{why}; there is no GPU for replicas of such cells"
        try:
            return active.read(network, self.timing), why
        except (linear.NotLinear, HelioXError) as reason:
            if wanted == "compiled":
                raise HelioXValueError(
                    "HX091", f'executor = "compiled", but {reason} "auto" takes "general" for it.'
                ) from None
            return None, f"{why}; {reason}"

    def _open_device(self) -> Device | None:
        if self.device == "auto":
            return None
        return open_device("host" if self.device == "host" else "cuda")

    def predict(self, x: Any, batch_size: int = 32) -> Doubles:
        """(samples, n_out) window means of the output somata, mV. x: (samples, n_in) in [0, 1]."""
        return self._means(checks.inputs(x, self.encoder.n), checks.count("batch_size", batch_size))

    def predict_classes(self, x: Any, batch_size: int = 32) -> npt.NDArray[np.int64]:
        """(samples,) the output with the largest mean."""
        return self.predict(x, batch_size).argmax(axis=1)

    def evaluate(
        self, x: Any, y: Any, batch_size: int = 32, loss: Any = "softmax_cross_entropy"
    ) -> Evaluation:
        """Mean loss and accuracy. y: see fit()."""
        kind = check_loss(loss)
        inputs = checks.inputs(x, self.encoder.n)
        targets = checks.targets(y, len(inputs), self.layers[-1].n, kind)
        return self.score(inputs, targets, kind, checks.count("batch_size", batch_size))

    def score(self, x: Doubles, y: Any, loss: Loss, batch_size: int) -> Evaluation:
        """evaluate() of checked data."""
        means = self._means(x, batch_size)
        losses, _ = loss_and_slope(loss, means, y)
        accuracy = None
        if loss == "softmax_cross_entropy":
            accuracy = float((means.argmax(axis=1) == y).mean())
        return Evaluation(float(losses.mean()), accuracy)

    def _means(self, x: Doubles, batch_size: int) -> Doubles:
        executor = self._ready()
        found = np.empty((len(x), self.layers[-1].n))
        for first in range(0, len(x), batch_size):
            part = x[first : first + batch_size]
            n = len(part)
            if executor.kind != "general" and n < batch_size < len(x):
                part = np.concatenate([part, x[: batch_size - n]])  # one size of batch only
            encoded = self.encoder.encode_again(part, first, self.timing.duration)
            found[first : first + n] = executor.forward(encoded)[:n]
        return found

    # ---- training ----

    def fit(
        self,
        x: Any,
        y: Any,
        *,
        epochs: int = 1,
        batch_size: int = 16,
        optimizer: Any = None,
        loss: Any = "softmax_cross_entropy",
        validation_data: tuple[Any, Any] | None = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        seed: int | None = None,
        callbacks: Iterable[Any] = (),
        verbose: int | str = "auto",
        clip_norm: float | None = None,
        resume: bool = False,
    ) -> History:
        """Trains on x (samples, n_in) in [0, 1] and y; returns the History.

        loss: "softmax_cross_entropy" (y: (samples,) class numbers), "mse" (y: (samples, n_out)
        window means, mV) or f(means, targets) -> (losses (B,), slopes (B, n_out)) on arrays of the
        device. optimizer: Adam(...), SGD(...); None goes on with the last one (at first Adam()).
        validation_split: this last part of the samples is not trained with but evaluated after
        each epoch. seed: restarts the random numbers of shuffling and spikes. resume: goes on
        where a saved or interrupted training was, to `epochs` in all, with the states of its
        optimiser (lr too), callbacks and random numbers (not `seed`); x, y, batch_size and loss
        must be the same.

        Ctrl-C ends after the batch and returns the History; a loss that is NaN or 1,000 times the
        first is HX058, with the last good weights. Gradient: `synaptic` (docs/training-nn.md). The
        trained weights are in NEURON's objects. HX090, HX094: before anything runs.
        """
        options = Options(
            checks.count("batch_size", batch_size),
            check_loss(loss),
            bool(shuffle),
            checks.norm("clip_norm", clip_norm),
        )
        data = self._data(x, y, options.loss, validation_data, validation_split)
        epochs = checks.count("epochs", epochs)
        called = [callback_of(one) for one in callbacks]
        seed = None if seed is None else checks.count("seed", seed, 0)
        rule = None if optimizer is None else optimiser(optimizer)
        position = self._start(options, data.digest, resume)
        executor = self._ready()
        trainer = Trainer(self, executor, data, options, called, verbose)
        self._bind(executor, rule, resume)
        if seed is not None and not resume:
            self.random = np.random.default_rng([seed, 2])
        self.position = position
        load_states(called, position.callbacks)
        for callback in called:
            callback.set_model(self)
        self.callbacks = called
        self.stop_training, self._live = False, True
        try:
            return trainer.run(position, epochs)
        finally:
            self._live = False
            self.optimizer_state = self.optimizer.state()
            position.callbacks, self.callbacks = states(called), []

    def _data(
        self, x: Any, y: Any, loss: Loss, validation: tuple[Any, Any] | None, split: float
    ) -> Data:
        n_in, n_out = self.encoder.n, self.layers[-1].n
        inputs = checks.inputs(x, n_in)
        targets = checks.targets(y, len(inputs), n_out, loss)
        if validation is not None:
            held = checks.inputs(validation[0], n_in, "validation x")
            wanted = checks.targets(validation[1], len(held), n_out, loss, "validation y")
            return Data(inputs, targets, (held, wanted))
        if not 0 <= split < 1:
            raise HelioXValueError("HX094", f"validation_split = {split!r}: from 0 to below 1.")
        n = len(inputs) - int(len(inputs) * split)
        if n == len(inputs):
            return Data(inputs, targets)
        return Data(inputs[:n], targets[:n], (inputs[n:], targets[n:]))

    def _bind(self, executor: Executor, given: Optimiser | None, resume: bool) -> None:
        """The optimiser goes on if it was this network's last one, or with the held state.

        One that another network has used since, or heliox.fit, begins anew.
        """
        if given is not None or self.optimizer is None:
            self.optimizer = given or Adam()
        goes_on = self._uses_optimizer() or resume
        held = self.held_state() if goes_on else None
        executor.bind(SGD())  # so that it gives this one a state of its own
        executor.bind(self.optimizer)
        if held is not None:
            self.optimizer.load_state(held)
        self._state_used = self.optimizer._state

    def _uses_optimizer(self) -> bool:
        return self._state_used is not None and self.optimizer._state is self._state_used

    def held_state(self) -> dict[str, Any] | None:
        """The optimiser's state as this network left it; None if it has not been used."""
        return self.optimizer.state() if self._uses_optimizer() else self.optimizer_state

    def _start(self, options: Options, digest: str, resume: bool) -> Position:
        held = self.position
        if not resume:
            return Position(options.to_dict(), digest)
        if held is None:
            raise HelioXValueError("HX092", "resume: no training was saved or interrupted here.")
        if held.options != options.to_dict() or held.digest != digest:
            raise HelioXValueError(
                "HX092",
                f"resume: the training had {held.options} and other data or arguments now; "
                f"given {options.to_dict()}.",
            )
        return held

    # ---- files and text ----

    def save(self, path: str | Path) -> None:
        """Writes architecture, places, weights, optimiser, random state and position (HDF5)."""
        from .saving import save

        save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path, cells: list[Any] | None = None) -> Sequential:
        """The network of a file that save() wrote. cells: one a layer, instead of the saved ones.

        HX092 for a file that cannot be used.
        """
        from .saving import load

        return load(Path(path), cells)

    def summary(self) -> Summary:
        """Layers, cells, compartments, synapses, weights, and how the network runs and why."""
        executor = self._ready()
        return Summary.of(self.build(), executor.kind, self._why_general)

    def __repr__(self) -> str:
        sizes = "-".join(str(n) for n in (self.encoder.n, *(layer.n for layer in self.layers)))
        return f"<Sequential {sizes}>"


def _checked(layers: tuple[Any, ...]) -> tuple[Any, ...]:
    if not layers or not isinstance(layers[0], Encoder):
        raise HelioXValueError(
            "HX091", "Sequential(encoder, dense, ...): the first is RateEncoder(n) or another."
        )
    if len(layers) < 2 or not all(isinstance(layer, Dense) for layer in layers[1:]):
        raise HelioXValueError("HX091", "Sequential: after the encoder one Dense(n) or more.")
    return layers


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        listed = ", ".join(f'"{word}"' for word in known)
        raise HelioXValueError("HX091", f"{name} = {value!r}: use one of {listed}.")


def _has_gpu() -> bool:
    try:
        return open_device().name != "host"
    except HelioXError:
        return False
