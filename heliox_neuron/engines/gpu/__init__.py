"""The GPU engine: a copy of the model on a device, advanced by kernels made for its mechanisms.

device.py: memory, kernels, launches, on CUDA or on the host. layout.py: where nodes and instances
lie. model.py: the copy, and what is taken over from and given back to NEURON. engine.py: windows of
steps, with NEURON's event queue on the host.
"""
