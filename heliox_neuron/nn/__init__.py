"""Feed-forward networks of NEURON cells with the manners of Keras' Sequential.

    from heliox_neuron.nn import Dense, PassiveHPC, RateEncoder, Sequential

    net = Sequential(RateEncoder(784), Dense(64, cell=PassiveHPC("cell.asc")), Dense(10))
    net.fit(x, y, epochs=4, batch_size=16)
    net.evaluate(x_test, y_test)

Cells, synapses and weights are NEURON's own objects; a batch runs as replicas on the device
(nn.batch) where all cells are passive, else sample after sample in NEURON (general.py).
Imports are lazy: `import heliox_neuron` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Sequential": "sequential",
    "Dense": "dense",
    "RateEncoder": "encoders",
    "PoissonEncoder": "encoders",
    "PointCell": "cells",
    "PassiveHPC": "cells",
    "PassiveTree": "cells",
    "Template": "cells",
    "Callback": "callbacks",
    "CSVLogger": "callbacks",
    "EarlyStopping": "callbacks",
    "LambdaCallback": "callbacks",
    "ModelCheckpoint": "callbacks",
    "ReduceLROnPlateau": "callbacks",
    "History": "history",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name == "datasets":
        return import_module(".datasets", __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
