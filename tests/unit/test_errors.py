"""The catalogue: complete, in step with docs/errors.md and with the codes the sources use."""

import re
from pathlib import Path

import pytest

from heliox_neuron import errors

ROOT = Path(__file__).resolve().parents[2]


def test_documentation_is_the_catalogue():
    assert (ROOT / "docs" / "errors.md").read_text() == errors.markdown()


def test_every_code_in_the_sources_has_an_entry():
    used = set()
    for folder, pattern in (("src", "*.?pp"), ("heliox_neuron", "*.py"), ("docs", "*.md")):
        for path in (ROOT / folder).rglob(pattern):
            used |= set(re.findall(r"\bHX\d{3}\b", path.read_text(errors="replace")))
    assert used <= set(errors.CATALOGUE), used - set(errors.CATALOGUE)


@pytest.mark.parametrize("code", ["HX021", "hx021", "HX21", "21", " 021 "])
def test_a_code_is_found_in_any_spelling(code):
    assert errors.explain(code).startswith("HX021  VERBATIM")


@pytest.mark.parametrize("code", ["HX999", "", "VERBATIM", "HX0211"])
def test_an_unknown_code_lists_the_known_ones(code):
    with pytest.raises(KeyError, match="HX021"):
        errors.explain(code)


def test_entries_are_complete_sentences():
    for entry in errors.CATALOGUE.values():
        assert entry.effect in errors.EFFECTS
        for text in (entry.where, entry.why, entry.next):
            assert text.endswith("."), (entry.code, text)


def test_codes_are_split_from_their_message():
    assert errors.split_code("HX060 NEURON 9.1") == ("HX060", "NEURON 9.1")
    assert errors.split_code("no code") == ("", "no code")
