"""HelioX for NEURON: takes over NEURON 9's fixed-step time stepping, with the same bits.

    from neuron import h
    import heliox_neuron
    h.heliox.enable = 1

Importing this package is cheap. It attaches to NEURON at once if NEURON is loaded, else as soon as
the program imports it; `from heliox_neuron import heliox` loads NEURON. `heliox` and `h.heliox` are
the same object (session.py). The program never breaks because of the import: what cannot be
attached (HX060, HX061) leaves a warning and plain NEURON.
"""

from __future__ import annotations

from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

# in a checkout the compiled parts are found in the installed package
__path__ = extend_path(__path__, __name__)

from . import autoload as _autoload

if TYPE_CHECKING:
    from .session import HelioX

    heliox: HelioX

__version__ = "0.1.0"
__all__ = ["__version__", "attach", "heliox"]


def attach() -> HelioX:
    """The `heliox` object; at the first call NEURON is imported and hooked, and h.heliox is set."""
    from .session import attach
    from .train.mechanisms import load_if_possible

    session = attach()
    if not session._off:
        load_if_possible()
    return session


def load_ipython_extension(ipython: Any) -> None:
    """`%load_ext heliox_neuron`: switches HelioX on and adds the cell magic `%%heliox`."""
    from .ipython import load

    load(ipython)


def __getattr__(name: str) -> Any:
    if name == "heliox":
        return attach()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_autoload.install()
