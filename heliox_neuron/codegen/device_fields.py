"""The members of `hx_model`, the structure through which kernels reach the model on the device.

The printers ask for a member by what it means (a key); the engine fills each with an address or a
number. Every member is 8 bytes wide, so that the structure is one array of words.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .cpp_writer import Writer

Key = tuple[str | int, ...]


@dataclass
class Fields:
    """Members in the order in which they were asked for: name -> (C type, key)."""

    members: dict[str, tuple[str, Key]] = field(default_factory=dict)

    def __call__(self, kind: str, name: str, *key: str | int) -> str:
        """The C++ expression of a member. kind: "double*", "int*", "double", "long long", "int"."""
        known = self.members.setdefault(name, (kind, key))
        assert known == (kind, key), (name, known, key)
        return f"hx_model.{name}"

    def print(self, out: Writer) -> None:
        """The structure and the constant that holds it."""
        out.open("struct hx_model_t {")
        for name, (kind, _) in self.members.items():
            pad = "" if kind.endswith("*") or kind in ("double", "long long") else "alignas(8) "
            out(f"{pad}{kind} {name};")
        out.close("};")
        out('extern "C" {')
        out("HX_CONSTANT hx_model_t hx_model;")
        out("}")
        out()
