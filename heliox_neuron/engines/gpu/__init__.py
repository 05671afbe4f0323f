"""The GPU engine: a copy of the model on a device, advanced by kernels made for its mechanisms.

device.py: memory, kernels, launches, on CUDA (cuda.py) or on the host (host.py); open.py chooses.
layout.py: where nodes and instances lie. trees.py: plans of the tree solves. model.py: the copy,
and what is taken over from and given back to NEURON; words.py: what kernels reach it through.
engine.py: windows of steps, with NEURON's event queue on the host.
"""
