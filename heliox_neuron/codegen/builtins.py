"""One C++ source with the kernels of NEURON's own mechanisms and ours, for the package's build.

    python -m heliox_neuron.codegen.builtins --out DIR [FILE.mod ...]

writes DIR/builtins.cpp, which exports hx_kernels_entry_point. The texts are those of the installed
NEURON, asked from NEURON itself, and those of the MOD files that ship with the package.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..nmodl.lower import Kernel, lower
from ..nmodl.unsupported import Unsupported
from .cpp import print_kernels


def builtin_texts() -> dict[str, str]:
    """MOD texts of the mechanisms inside NEURON, by name."""
    from neuron import h

    texts: dict[str, str] = {}
    for kind in (0, 1):
        mechanisms = h.MechanismType(kind)
        for index in range(int(mechanisms.count())):
            mechanisms.select(index)
            name = h.ref("")
            mechanisms.selected(name)
            text = mechanisms.code()
            if text:
                texts[name[0]] = text
    return texts


def builtin_kernels(files: Sequence[Path] = ()) -> tuple[list[Kernel], dict[str, str]]:
    """The kernels, and why the others have none."""
    kernels: list[Kernel] = []
    others: dict[str, str] = {}
    texts = builtin_texts() | {path.stem: path.read_text() for path in files}
    for name, text in texts.items():
        try:
            kernel = lower(text)
        except Unsupported as error:
            others[name] = str(error)
            continue
        if kernel is None:
            others[name] = "nothing to call in a step"
        else:
            kernels.append(kernel)
    return kernels, others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, required=True, help="folder for builtins.cpp")
    parser.add_argument("mod", type=Path, nargs="*", help="MOD files besides NEURON's own")
    arguments = parser.parse_args()
    out: Path = arguments.out
    kernels, others = builtin_kernels(arguments.mod)
    out.mkdir(parents=True, exist_ok=True)
    (out / "builtins.cpp").write_text(print_kernels(kernels))
    print("kernels:", " ".join(kernel.mechanism.name for kernel in kernels))
    for name, reason in others.items():
        print(f"no kernel for {name}: {reason}")


if __name__ == "__main__":
    main()
