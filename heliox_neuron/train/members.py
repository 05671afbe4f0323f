"""The members of `heliox` that belong to training; they are imported when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class _Lazy:
    """A name of heliox_neuron.train as a member: heliox.trainable(...), heliox.Adam(1e-3)."""

    def __init__(self, name: str, doc: str) -> None:
        self._name = name
        self.__doc__ = doc

    def __get__(self, session: Any, owner: type) -> Any:
        if session is None:
            return self
        return getattr(import_module("heliox_neuron.train"), self._name)


class TrainingMembers:
    """Base of the `heliox` object (session.py)."""

    __slots__ = ()

    trainable = _Lazy("trainable", "trainable(objects, name, bounds, share): parameters to train")
    readout = _Lazy("readout", "readout(objects, variable, window): what a loss looks at")
    gradient = _Lazy("gradient", "gradient(loss, parameters, method): of a loss")
    check_gradients = _Lazy("check_gradients", "a gradient beside finite differences of NEURON")
    fit = _Lazy("fit", "fit(loss, parameters, optimizer, epochs): trains, returns a History")
    load_mechanisms = _Lazy("load_mechanisms", "HelioxGradedSynapse and others (mod/)")
    SGD = _Lazy("SGD", "torch's SGD with momentum")
    Adam = _Lazy("Adam", "torch's Adam")
    StepDecay = _Lazy("StepDecay", "a learning rate that falls in steps")
    ExponentialDecay = _Lazy("ExponentialDecay", "a learning rate that falls exponentially")
    CosineDecay = _Lazy("CosineDecay", "a learning rate that falls along a cosine")

    @property
    def nn(self) -> Any:
        """Networks in layers: heliox_neuron.nn."""
        from .mechanisms import load_mechanisms

        load_mechanisms()
        return import_module("heliox_neuron.nn")
