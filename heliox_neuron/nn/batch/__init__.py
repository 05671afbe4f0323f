"""Many replicas of a feed-forward network of passive cells on the device, with one set of weights.

NEURON holds the network once. The device runs B replicas of it, layer by layer over the whole
window of a sample, makes the gradient and updates the weights (docs/design/training.md).
"""

from .compiled import CompiledLayer, SynapseRows
from .layers import Cable, Layer, PointInputs, Projection, RateCode
from .network import BatchNetwork

__all__ = [
    "BatchNetwork",
    "Cable",
    "CompiledLayer",
    "Layer",
    "PointInputs",
    "Projection",
    "RateCode",
    "SynapseRows",
]
