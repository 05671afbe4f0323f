"""Attaches HelioX at the moment NEURON is imported, wherever in the program that happens.

Used by `import heliox_neuron`, by the command line (the script may choose NEURON's options or its
working folder before it imports neuron) and, with HELIOX_ENABLE=1, by the heliox_neuron.pth in
site-packages: activation without an edit, in child processes too. A failure is printed in one line
and the program goes on in plain NEURON. HELIOX_ATTACH=0 turns it off (builds and tools).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

_unedited = False  # switched on from outside: the .pth, the command, the pytest plugin
_script: str | None = None


def switched_on_from_outside(script: str | None = None) -> None:
    """The program that follows was not edited for HelioX; script: its file, if not __main__'s."""
    global _unedited, _script
    _unedited, _script = True, script


def program_names_us() -> bool:
    """Whether the program itself imports heliox_neuron, and so expects our mechanisms.

    A program that was not edited must not see mechanisms that it did not load.
    """
    if not _unedited:
        return True
    script = _script or getattr(sys.modules.get("__main__"), "__file__", None)
    try:
        return b"heliox_neuron" in Path(script).read_bytes() if script else False
    except OSError:
        return False


def attach_or_say_why() -> None:
    """Attaches to the loaded NEURON; never raises."""
    try:
        from .session import attach

        attach()
    except Exception as error:
        print(f"heliox: off, plain NEURON runs: {error!r}", file=sys.stderr)


class _AttachingLoader(Loader):
    """NEURON's own loader, followed by attach_or_say_why()."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:  # get_data, get_resource_reader, ...
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # nobody sees the wrapper afterwards
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        attach_or_say_why()


class NeuronFinder(MetaPathFinder):
    """Answers for `neuron`, once; every other name is left to the finders behind it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "neuron":
            return None
        for finder in list(sys.meta_path):
            if isinstance(finder, NeuronFinder) or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                # importlib.util.find_spec("neuron") also comes here: stay for the import proper
                if spec.loader is not None:
                    spec.loader = _AttachingLoader(spec.loader)
                return spec
        return None


def install() -> None:
    """Attaches now if NEURON is loaded, else when it is imported."""
    if os.environ.get("HELIOX_ATTACH", "1") == "0":
        return
    neuron = sys.modules.get("neuron")
    if neuron is not None and hasattr(neuron, "h"):
        attach_or_say_why()
    elif not any(isinstance(finder, NeuronFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, NeuronFinder())
