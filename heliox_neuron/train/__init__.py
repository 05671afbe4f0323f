"""Training on NEURON objects: parameters, readouts, losses, gradients, optimisers, fit.

Import the names from here or take them from the `heliox` object (`heliox.trainable`, ...).
Imports are lazy: `import heliox_neuron` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Adam": "optimisers",
    "CallableOptimiser": "optimisers",
    "Optimiser": "optimisers",
    "SGD": "optimisers",
    "CosineDecay": "schedules",
    "ExponentialDecay": "schedules",
    "Schedule": "schedules",
    "StepDecay": "schedules",
    "Parameters": "parameters",
    "trainable": "parameters",
    "Readout": "readouts",
    "readout": "readouts",
    "Loss": "losses",
    "Gradient": "gradients",
    "gradient": "gradients",
    "check_gradients": "gradients",
    "fit": "fitting",
    "load_mechanisms": "mechanisms",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
