"""Lines of C++ with indentation, `#line` marks, and names that are legal."""

from __future__ import annotations

_KEYWORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t
    class compl const constexpr const_cast continue decltype default delete do double dynamic_cast
    else enum explicit export extern false float for friend goto if inline int long mutable
    namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast return short signed sizeof static static_assert static_cast struct switch
    template this thread_local throw true try typedef typeid typename union unsigned using virtual
    void volatile wchar_t while xor xor_eq linux unix assert errno NULL NAN INFINITY M_PI stdin
    stdout stderr EOF
"""
_OURS = """
    self shared lanes hx V constant square Instance Shared args range unit lean copy at current
    state share kernel field field_dim lean_field written_field ion ion_read ion_write pointer
    global table_check current_body state_body current_chunk state_chunk
"""
RESERVED = frozenset([*_KEYWORDS.split(), *_OURS.split()])


def mangled(name: str) -> str:
    """An NMODL name, with `_` appended where C++ or the generated code means something else."""
    return f"{name}_" if name in RESERVED or name.startswith(("HX_", "hx_", "__")) else name


class Writer:
    """Collects lines. file: what `#line` calls the generated source; mod: the MOD file."""

    def __init__(self, file: str, mod: str) -> None:
        self.file = file
        self.mod = mod
        self.lines: list[str] = []
        self.depth = 0
        self._marked = 0

    def __call__(self, text: str = "") -> None:
        self.lines.append(f"{'    ' * self.depth}{text}" if text else "")

    def open(self, text: str) -> None:
        """A line that ends in {"""
        self(text)
        self.depth += 1

    def close(self, text: str = "}") -> None:
        self.depth -= 1
        self(text)

    def mark(self, line: int) -> None:
        """The next line comes from this line of the MOD file."""
        if line:
            self.lines.append(f'#line {line} "{self.mod}"')
            self._marked = line

    def unmark(self) -> None:
        """The next line is the generator's own."""
        if self._marked:
            self.lines.append(f'#line {len(self.lines) + 2} "{self.file}"')
            self._marked = 0

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"
