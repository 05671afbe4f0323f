"""The text of a MOD file and its syntax tree.

`neuron.nmodl` is imported here and only here, on the first parse: it brings sympy and is slow.
Its tree has no positions in Python, so lines are found again by reading the text along with it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sysconfig
from pathlib import Path
from typing import Any

from .unsupported import Unsupported


def neuron_data() -> Path:
    """The .data folder of the installed NEURON (without importing it)."""
    spec = importlib.util.find_spec("neuron")
    if spec is None or not spec.origin:
        raise Unsupported("HX024", "NEURON's Python package is not installed")
    return Path(spec.origin).parent / ".data"


def mod_hash(text: str) -> str:
    """sha256 of a MOD text's bytes, as the compiled core computes it (MOD files may be Latin-1)."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def parse(text: str) -> Any:
    """The ast.Program of a MOD text. Raises Unsupported HX024 with the parser's message."""
    nmodl = _nmodl()
    readable = text.encode("utf-8", "replace").decode()  # only comments hold such bytes
    try:
        return nmodl.NmodlDriver().parse_string(readable)
    except Exception as error:
        message = " ".join(str(error).split())
        found = re.search(r"\[Location : (\d+)", message)
        message = re.sub(r"^NMODL Parser Error : ", "", message)
        raise Unsupported("HX024", message, int(found[1]) if found else 0) from error


def unparse(node: Any) -> str:
    """NMODL text of a node."""
    return str(_nmodl().to_nmodl(node))


def _nmodl() -> Any:
    os.environ.setdefault("NMODLHOME", str(neuron_data()))
    if "NMODL_PYLIB" not in os.environ:
        library = _libpython()
        if library:
            os.environ["NMODL_PYLIB"] = library
    try:
        from neuron import nmodl
    except Exception as error:
        raise Unsupported("HX024", f"neuron.nmodl cannot be imported: {error}") from error
    return nmodl


def _libpython() -> str:
    for key in ("LDLIBRARY", "INSTSONAME"):
        for folder in ("LIBDIR", "LIBPL"):
            name, place = sysconfig.get_config_var(key), sysconfig.get_config_var(folder)
            if name and place and (path := Path(place) / name).exists() and ".so" in name:
                return str(path)
    return ""


_TOKEN = re.compile(r"[A-Za-z_]\w*'*|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|[=!<>]=|\S")


class Lines:
    """Finds the lines of statements, which must be asked for in the order of the text."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, int]] = []
        hidden = ""
        for number, line in enumerate(text.splitlines(), 1):
            word = line.strip()
            if hidden:
                hidden = "" if re.search(rf"\bEND{hidden}\b", line) else hidden
                continue
            if word.startswith("TITLE"):
                continue
            if (found := re.search(r"\b(COMMENT|VERBATIM)\b", line)) and (
                ":" not in line[: found.start()] and "?" not in line[: found.start()]
            ):
                self._add(line[: found.end()], number)
                hidden = "" if re.search(rf"\bEND{found[1]}\b", line) else found[1]
                continue
            self._add(line, number)
        self._at = 0

    def _add(self, line: str, number: int) -> None:
        code = re.split(r"[:?]", line, maxsplit=1)[0]
        self._tokens += [(token, number) for token in _TOKEN.findall(code)]

    def find(self, *tokens: str) -> int:
        """Line of the next occurrence of a token sequence; the current line if there is none.

        Letter case is ignored for keywords (`if`, `IF`).
        """
        wanted = [token.lower() for token in tokens]
        for at in range(self._at, len(self._tokens) - len(wanted) + 1):
            if all(self._tokens[at + k][0].lower() == w for k, w in enumerate(wanted)):
                self._at = at + len(wanted)
                return self._tokens[at][1]
        return self._tokens[min(self._at, len(self._tokens) - 1)][1] if self._tokens else 0
