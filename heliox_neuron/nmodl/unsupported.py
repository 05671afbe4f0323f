"""What a mechanism that runs through NEURON's own function is told."""

from __future__ import annotations


class Unsupported(Exception):
    """A mechanism is not translated: NEURON's own compiled function runs instead.

    code: HX021 VERBATIM in code that would have to run, HX022 a construct without a translation,
    HX023 no MOD text, HX024 the parser rejects the text, HX025 no compiler. reason: one line.
    line: of the MOD text, 0 if unknown.
    """

    def __init__(self, code: str, reason: str, line: int = 0) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason
        self.line = line
