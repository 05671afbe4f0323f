"""MOD text to a typed intermediate form: neuron.nmodl's syntax tree, then one pass a file."""

from __future__ import annotations

from .unsupported import Unsupported

__all__ = ["Unsupported"]
