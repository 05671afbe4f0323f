"""Files of networks (HDF5): what is needed to use one, and to go on training with the same bits.

/architecture   JSON: encoder, layers, times, seed, coupling
/layer_K        weights, section and x of the synapses
/optimiser      class and arguments (JSON), state
/random         JSON: state of the generator of training
/training       position, options, losses of the epoch, history, callbacks
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import HelioXError, HelioXValueError
from ..train import optimisers, schedules
from . import encoders
from .build import Places
from .callbacks import states
from .dense import layer_of
from .history import History
from .training import Position

if TYPE_CHECKING:
    from .sequential import Sequential

FORMAT, VERSION = "heliox_neuron.nn", 1


def save(network: Sequential, path: Path) -> None:
    """Writes the file beside its place first: an interrupted save leaves the old one whole."""
    h5py = _h5py()
    temporary = path.with_name(f".{path.name}.part")
    built = network.build()
    try:
        with h5py.File(temporary, "w") as file:
            file.attrs["format"], file.attrs["version"] = FORMAT, VERSION
            _put_json(file, "architecture", _architecture(network))
            for k, weights in enumerate(network.get_weights()):
                places = built.layers[k].places
                group = file.create_group(f"layer_{k}")
                group["weights"], group["section"], group["x"] = weights, places.section, places.x
            _put_json(file, "random", network.random.bit_generator.state)
            if network.optimizer is not None:
                _put_optimiser(file.create_group("optimiser"), network)
            if network.position is not None:
                _put_position(file.create_group("training"), network.position, network.callbacks)
        temporary.replace(path)
    except OSError as error:
        raise HelioXError("HX092", f"{path} cannot be written: {error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path, cells: list[Any] | None) -> Sequential:
    """The network of a file; cells: one a layer, instead of the saved ones."""
    h5py = _h5py()
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise HelioXValueError("HX092", f"{path} cannot be read: {error}.") from error
    with file:
        if file.attrs.get("format") != FORMAT:
            raise HelioXValueError("HX092", f"{path} is not a network that save() wrote.")
        if file.attrs["version"] > VERSION:
            raise HelioXValueError("HX092", f"{path} was written by a newer version.")
        try:
            return _read(file, cells)
        except KeyError as error:
            raise HelioXValueError("HX092", f"{path} is incomplete: {error}.") from error


def _read(file: Any, cells: list[Any] | None) -> Sequential:
    from .sequential import Sequential

    saved = _get_json(file, "architecture")
    if cells is not None and len(cells) != len(saved["layers"]):
        raise HelioXValueError(
            "HX092", f"cells: {len(cells)} given for {len(saved['layers'])} layers."
        )
    layers = [
        layer_of(layer, None if cells is None else cells[k])
        for k, layer in enumerate(saved["layers"])
    ]
    network = Sequential(encoders.from_description(saved["encoder"]), *layers, **saved["arguments"])
    groups = [file[f"layer_{k}"] for k in range(len(layers))]
    network.places = [Places(group["section"][()], group["x"][()]) for group in groups]
    network.set_weights([group["weights"][()] for group in groups])
    network.random.bit_generator.state = _get_json(file, "random")
    if "optimiser" in file:
        network.optimizer_state = _values(file["optimiser/state"])
        network.optimizer = _optimiser(file["optimiser"])
    if "training" in file:
        network.position = _position(file["training"])
    return network


def _architecture(network: Sequential) -> dict[str, Any]:
    timing = network.timing
    return {
        "encoder": network.encoder.describe(),
        "layers": [layer.describe() for layer in network.layers],
        "arguments": {
            "dt": timing.dt, "duration": timing.duration, "window": list(timing.window),
            "v_init": timing.v_init, "seed": network.seed, "coupling": network.coupling,
            "executor": network.executor, "device": network.device,
        },
    }  # fmt: skip


# ---- the optimiser ----


def _put_optimiser(group: Any, network: Sequential) -> None:
    _put_json(group, "optimiser", _arguments(network.optimizer))
    held = network.held_state()
    _put_values(group.create_group("state"), network.optimizer.state() if held is None else held)


def _arguments(thing: Any) -> dict[str, Any] | None:
    """Class and arguments of an optimiser or schedule; None for what a file cannot hold."""
    module = optimisers if isinstance(thing, optimisers.Optimiser) else schedules
    kind = type(thing).__name__
    if getattr(module, kind, None) is not type(thing) or kind.startswith("_"):
        return None
    if isinstance(thing, optimisers.CallableOptimiser):
        return None
    values: dict[str, Any] = {"kind": kind}
    for name in list(inspect.signature(type(thing)).parameters):
        value = getattr(thing, name)
        if isinstance(value, schedules.Schedule):
            value = _arguments(value)
            if value is None:
                return None
        values[name] = value
    return values


def _made(module: Any, values: dict[str, Any]) -> Any:
    arguments = {
        name: _made(schedules, value) if isinstance(value, dict) else value
        for name, value in values.items()
        if name != "kind"
    }
    return getattr(module, values["kind"])(**arguments)


def _optimiser(group: Any) -> Any:
    """The optimiser with its state; None where fit() has to be given it again."""
    values = _get_json(group, "optimiser")
    if values is None:
        return None
    made = _made(optimisers, values)
    made.load_state(_values(group["state"]))
    return made


# ---- the position ----


def _put_position(group: Any, position: Position, callbacks: list[Any]) -> None:
    values = {"epoch": position.epoch, "batch": position.batch, "limit": position.limit,
              "seconds": position.seconds, "stopped": position.stopped}  # fmt: skip
    _put_values(group, values)
    group.attrs["digest"] = position.digest
    group["order"] = position.order
    group["losses"] = np.concatenate([np.zeros(0), *position.losses])
    _put_json(group, "options", position.options)
    _put_json(group, "history", position.history.to_dict())
    for k, state in enumerate(states(callbacks) or position.callbacks):
        _put_values(group.create_group(f"callback_{k}"), state)


def _position(group: Any) -> Position:
    n_callback = sum(name.startswith("callback_") for name in group)
    return Position(
        options=_get_json(group, "options"),
        digest=str(group.attrs["digest"]),
        epoch=int(group.attrs["epoch"]),
        batch=int(group.attrs["batch"]),
        order=group["order"][()],
        losses=[group["losses"][()]],
        limit=float(group.attrs["limit"]),
        seconds=float(group.attrs["seconds"]),
        stopped=bool(group.attrs["stopped"]),
        history=History.of(_get_json(group, "history")),
        callbacks=[_values(group[f"callback_{k}"]) for k in range(n_callback)],
    )


# ---- HDF5 ----


def _put_json(group: Any, name: str, values: Any) -> None:
    group[name] = json.dumps(values)


def _get_json(group: Any, name: str) -> Any:
    return json.loads(group[name].asstr()[()])


def _put_values(group: Any, values: dict[str, Any]) -> None:
    """Numbers as attributes, arrays as data sets."""
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            group[name] = value
        else:
            group.attrs[name] = value


def _values(group: Any) -> dict[str, Any]:
    return {**dict(group.attrs), **{name: data[()] for name, data in group.items()}}


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise HelioXError(
            "HX092", 'networks are saved with h5py: pip install "heliox-neuron[train]".'
        ) from error
    return h5py
