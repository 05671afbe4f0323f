"""Wrong values, broken surroundings, odd MODs: a message or a fallback, never a wrong result."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from parity.isolate import environment, isolated, run_script
from parity.mods import TESTS

PLAIN = os.environ.get("HELIOX_TEST_ENGINE") == "neuron"
pytestmark = pytest.mark.skipif(PLAIN, reason="HELIOX_TEST_ENGINE=neuron: nothing to ask")


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("enable", "perhaps", "HX081"),
        ("threads", -1, "HX081"),
        ("threads", 1.5, "HX081"),
        ("device", "abacus", "HX030"),
        ("device", "gpu", "HX031"),
        ("fidelity", "exakt", "HX081"),
        ("enabel", 1, "HX080"),
    ],
)
@isolated
def test_wrong_member_or_value(member, value, code):
    from neuron import h

    import heliox_neuron  # noqa: F401

    for target in (h.heliox, __import__("heliox_neuron").heliox):
        try:
            setattr(target, member, value)
        except Exception as error:
            assert code in str(error), error
        else:
            raise AssertionError(f"heliox.{member} = {value!r} was taken")


@isolated
def test_wrong_member_from_hoc():
    from neuron import h

    import heliox_neuron  # noqa: F401

    try:
        h("heliox.enabel = 1")
        failed = not h("heliox.enabel = 1")
    except Exception:
        failed = True
    assert failed
    assert h("heliox.enable = 0") == 1


@isolated
def test_settings_survive_a_wrong_value():
    from heliox_neuron import heliox

    heliox.threads = 2
    for value in (-3, "many", None):
        with suppress(Exception):
            heliox.threads = value
    assert heliox.threads == 2


@pytest.mark.parametrize("rejected", [False, True])
@isolated
def test_odd_mod_file(rejected):
    """Odd MOD text runs, in our kernel or on the host; a parser that rejects it gives HX024."""
    import tempfile

    os.environ["HELIOX_CACHE_DIR"] = tempfile.mkdtemp()  # nothing known from earlier
    from neuron import h, nmodl

    from parity import compare, models, mods

    mods.load(TESTS / "mod" / "odd")
    if rejected:

        class Driver:
            def parse_string(self, text):
                raise RuntimeError("NMODL Parser Error : syntax error, unexpected INVALID")

        nmodl.NmodlDriver = Driver

    def build():
        model = models.Model(tstop=10)
        soma = model.section("soma", 1, (20, 20), ("hh", "hxodd"))
        model.keep(h.IClamp(soma(0.5)), delay=1, dur=5, amp=0.3)
        return model

    compare.run_both(build, lambda model: h.run())
    mechanisms = compare.session().report().to_dict()["model"]["mechanisms"]
    entry = next(item for item in mechanisms if item["name"] == "hxodd")
    if rejected:
        assert (entry["where"], entry["code"]) == ("host", "HX024"), entry
        assert entry["reason"], entry
    else:
        assert entry["where"] == "compiled" or entry["code"].startswith("HX02"), entry


# A model with MODs of our own, run in NEURON and on our engine in surroundings that are broken.
COMPARE = """
import json, os, sys
sys.path.insert(0, {tests!r})
from parity import compare, models, mods, ways
mods.load()
build, record = models.MODELS["channels"]
compare.run_both(build, ways.run, record)
model = compare.session().report().to_dict()["model"]
print(json.dumps({{m["name"]: [m["where"], m.get("code") or ""] for m in model["mechanisms"]}}))
"""


def compare_in(folder, **extra):
    from parity import mods

    mods.library()  # compiled while there is a compiler
    return run_script(COMPARE.format(tests=str(TESTS)), folder, env=environment(**extra))


def test_cache_folder_that_cannot_be_written(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    found = compare_in(tmp_path, HELIOX_CACHE_DIR=str(blocked / "cache"))
    assert found["hh"][0] == "compiled" if "hh" in found else True
    assert all(where != "host" or code.startswith("HX") for where, code in found.values())


def test_no_compiler(tmp_path):
    """Without g++ the built-in mechanisms are compiled ones, the user's run on the host: HX025."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / Path(sys.executable).name).symlink_to(sys.executable)
    found = compare_in(
        tmp_path,
        CXX="/nonexistent/c++",
        CC="/nonexistent/cc",
        PATH=str(folder),
        HELIOX_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert found["pas"][0] == "compiled", found
    assert found["hxna"] == ["host", "HX025"], found


def test_damaged_cache(tmp_path):
    """Kernels in the cache are cut off: they are made anew or left aside, the bits stay."""
    cache = tmp_path / "cache"
    compare_in(tmp_path, HELIOX_CACHE_DIR=str(cache))
    libraries = list(cache.rglob("*.so"))
    assert libraries, "nothing was cached"
    for file in libraries:
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[:1000])
    found = compare_in(tmp_path, HELIOX_CACHE_DIR=str(cache))
    assert all(where != "host" or code.startswith("HX") for where, code in found.values())


def test_wrong_environment_values_are_reported_not_fatal(tmp_path):
    script = """
import json
from neuron import h
import heliox_neuron
section = h.Section(name="s")
h.finitialize(-65)
h.fadvance()
print(json.dumps(h.t))
"""
    env = environment(HELIOX_THREADS="lots", HELIOX_DEVICE="abacus", HELIOX_ENABLE="1")
    assert run_script(script, tmp_path, env=env) == 0.025
