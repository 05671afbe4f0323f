"""The mechanisms of mod/ in the running NEURON (libheliox_mod.so).

`import heliox_neuron` loads them. Where the package was switched on without an edit of the script
they wait for the first use of training, so that scripts which list mechanisms see no difference.
"""

from __future__ import annotations

from typing import Any

from ..core import installed
from ..errors import HelioXError
from ..settings import logger

LIBRARY = "libheliox_mod.so"
# RANGE variables that are PARAMETERs
MECHANISMS = {
    "HelioxGradedSynapse": ("g", "w"),
    "HelioxGradedSynapsePointer": ("g", "w"),
    "HelioxGapJunction": ("g", "w"),
    "HelioxGapJunctionPointer": ("g", "w"),
}


def load_mechanisms() -> None:
    """Loads the library once; what a program's own library has registered is left alone.

    Raises HelioXError HX093 when a mechanism is missing afterwards, or is another one.
    """
    h = _neuron()
    missing = [name for name in MECHANISMS if not _registered(h, name)]
    if missing:
        path = installed(LIBRARY)
        if path is None:
            raise HelioXError("HX093", f"{LIBRARY} is not installed beside the package.")
        h.nrn_load_dll(str(path))
    for name, parameters in MECHANISMS.items():
        if not _registered(h, name):
            raise HelioXError("HX093", f"{name} is not in {LIBRARY}.")
        found = range_variables(h, name, 1)
        lacking = [p for p in parameters if p not in found]
        if lacking:
            raise HelioXError(
                "HX093",
                f"the program has a mechanism {name} of its own, without the PARAMETERs "
                f"{', '.join(lacking)} of ours.",
            )


def load_if_possible() -> None:
    """load_mechanisms() for attaching: what is wrong is said when the mechanisms are used."""
    try:
        load_mechanisms()
    except Exception as error:
        logger().info(f"our mechanisms are not loaded: {error}")


def _registered(h: Any, name: str) -> bool:
    return h.name_declared(name) != 0


def range_variables(h: Any, mechanism: str, kind: int) -> list[str]:
    """Names without the mechanism's suffix; kind 1: PARAMETER, 2: ASSIGNED, 3: STATE."""
    standard = h.MechanismStandard(mechanism, kind)
    name = h.ref("")
    names = []
    for index in range(int(standard.count())):
        standard.name(name, index)
        names.append(str(name[0]).removesuffix(f"_{mechanism}"))
    return names


def _neuron() -> Any:
    from ..session import attach

    return attach()._neuron()
