"""What a script may name: NEURON's objects, lists of them (Python's or hoc's), whole cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import HelioXError


def kind_of(thing: Any) -> str:
    """ "section", "segment", "netcon", "point", "list", "cell" or "" for what is none of them."""
    from neuron import h, nrn

    if isinstance(thing, nrn.Section):
        return "section"
    if isinstance(thing, nrn.Segment):
        return "segment"
    if isinstance(thing, type(h)):
        template = thing.hname().partition("[")[0] if hasattr(thing, "hname") else ""
        if template == "NetCon":
            return "netcon"
        if template in ("List", "SectionList"):
            return "list"
        if hasattr(thing, "get_segment"):
            return "point"
    elif isinstance(thing, Iterable) and not isinstance(thing, (str, bytes)):
        return "list"
    return "cell" if _sections(thing) is not None else ""


def _sections(cell: Any) -> Any:
    """The sections of a cell: `all` as hoc templates have it, or `secs`; None without."""
    for name in ("all", "secs"):
        try:
            found = getattr(cell, name)
        except Exception:  # hoc raises what it likes for names that a template does not show
            continue
        if isinstance(found, Iterable):
            return found
    return None


def leaves(objects: Any, what: str) -> Iterator[Any]:
    """Segments, sections, NetCons, point processes and cells of nested lists, in order.

    Raises HX095 for anything else; `what` begins its message.
    """
    kind = kind_of(objects)
    if kind == "list":
        for one in objects:
            yield from leaves(one, what)
    elif kind:
        yield objects
    else:
        raise HelioXError(
            "HX095",
            f"{what}: {objects!r} is not a NetCon, point process, section, segment or cell, "
            "nor a list of them.",
        )


def sections_of(cell: Any) -> list[Any]:
    return list(_sections(cell) or ())


def soma_of(cell: Any, what: str) -> Any:
    """The middle of a cell's soma. Raises HX095 when it has none."""
    soma = getattr(cell, "soma", None)
    if soma is not None and kind_of(soma) == "list":
        soma = next(iter(soma), None)
    if soma is None or kind_of(soma) != "section":
        raise HelioXError("HX095", f"{what}: {cell!r} has no section named soma.")
    return soma(0.5)


def is_alive(thing: Any) -> bool:
    """Whether its section (of a NetCon: that of its target) is still there."""
    try:
        kind = kind_of(thing)
        if kind == "netcon":
            target = thing.syn()
            return target is not None and (kind_of(target) != "point" or is_alive(target))
        if kind == "point":
            segment = thing.get_segment()
            return segment is not None
        section = thing.sec if kind == "segment" else thing
        return section.nseg > 0
    except (ReferenceError, RuntimeError):
        return False
