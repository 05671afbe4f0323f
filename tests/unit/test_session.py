"""The `heliox` object against a fake core: members, typos, scopes, warnings, the resolver."""

import warnings
from types import SimpleNamespace

import pytest

from heliox_neuron import session as session_module
from heliox_neuron.errors import HelioXAttributeError, HelioXValueError, HelioXWarning
from heliox_neuron.session import HelioX, resolve


@pytest.fixture
def heliox(core):
    return HelioX(core)


def test_settings_go_to_the_core(heliox, core):
    heliox.enable = 1.0
    heliox.device = "cpu"
    heliox.threads = 2.0
    assert core.values["enable"] is True
    assert (heliox.enable, heliox.device, heliox.threads) == (True, "cpu", 2)


def test_the_device_and_its_solver_go_to_the_core(heliox, core, host_device):
    heliox.device, heliox.solver = "gpu", "dhs"
    assert (core.values["device"], core.values["solver"]) == ("gpu", "dhs")
    with heliox(device="cpu", solver="contract", fidelity="fast"):
        assert (heliox.device, heliox.solver) == ("cpu", "contract")
    assert (heliox.device, heliox.solver) == ("gpu", "dhs")


@pytest.mark.parametrize(("typo", "meant"), [("enabel", "enable"), ("thread", "threads")])
def test_a_typo_is_an_error_with_a_suggestion(heliox, typo, meant):
    with pytest.raises(HelioXAttributeError, match=f'HX080.*Did you mean "{meant}"'):
        setattr(heliox, typo, 1)
    with pytest.raises(AttributeError, match="HX080"):
        getattr(heliox, typo)
    with pytest.raises(AttributeError, match="HX080"):
        heliox(**{typo: 1})


def test_methods_are_not_assigned(heliox):
    with pytest.raises(AttributeError, match="method"):
        heliox.report = 1


def test_a_wrong_value_changes_nothing(heliox, core, no_gpu):
    for value, code in (("gpu", "HX031"), ("gpuu", "HX030")):
        with pytest.raises(HelioXValueError, match=code):
            heliox.device = value
    with pytest.raises(HelioXValueError, match="HX081"):
        heliox.solver = "cholesky"
    assert (core.values["device"], core.values["solver"]) == ("auto", "auto")


def test_a_scope_restores_what_it_set(heliox):
    heliox.device = "neuron"
    with heliox(enable=True, device="cpu") as inner:
        assert inner is heliox
        assert (heliox.enable, heliox.device) == (True, "cpu")
    assert (heliox.enable, heliox.device) == (False, "neuron")
    with pytest.raises(RuntimeError), heliox(enable=True):
        raise RuntimeError
    assert heliox.enable is False


def test_a_scope_with_a_wrong_value_restores_the_ones_before_it(heliox):
    with pytest.raises(HelioXValueError), heliox(enable=True, device="tpu"):
        pass
    assert heliox.enable is False


def test_each_warning_is_given_once(heliox, core):
    with pytest.warns(HelioXWarning, match=r"HX021 VERBATIM.*heliox explain HX021") as record:
        core.warner("HX021", "VERBATIM in a.mod")
        core.warner("HX021", "HX021 VERBATIM in a.mod")
    assert len(record) == 1
    assert record[0].filename == __file__


def test_a_warning_made_an_error_does_not_reach_the_time_loop(heliox, core, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        core.warner("HX023", "no text")
    assert "HX023 no text" in capsys.readouterr().err


def test_a_core_that_is_off_stays_off_and_says_why(core):
    core.reason = "HX060 NEURON 9.9 is not a tested version"
    heliox = HelioX(core)
    with pytest.warns(HelioXWarning, match="HX060"):
        heliox.enable = 1
    assert heliox.enable is False
    assert "HX060" in heliox.report()


def test_the_resolver_answers_in_order(monkeypatch):
    import heliox_neuron.codegen as codegen

    def found(asked):
        assert asked == [("a", "TEXT A"), ("c", "TEXT C")]
        one = SimpleNamespace(
            status="kernel", path="/k.so", code="", reason="", cached=True, seconds=0.5
        )
        return [one, SimpleNamespace(**{**vars(one), "status": "host", "code": "HX022"})]

    monkeypatch.setattr(codegen, "resolve_many", found, raising=False)
    answers = resolve([(3, "a", "TEXT A"), (4, "b", None), (5, "c", "TEXT C")])
    assert [answer["name"] for answer in answers] == ["a", "b", "c"]
    assert [answer["code"] for answer in answers] == ["", "HX023", "HX022"]
    assert answers[0]["path"] == "/k.so"
    assert answers[0]["cached"] is True


def test_a_broken_compiler_sends_mechanisms_to_the_host(monkeypatch):
    import heliox_neuron.codegen as codegen

    def broken(asked):
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(codegen, "resolve_many", broken, raising=False)
    (answer,) = resolve([(3, "a", "TEXT")])
    assert (answer["status"], answer["code"]) == ("host", "HX025")
    assert "boom" in answer["reason"]


def test_help_and_introspection_work(heliox):
    assert "verify" in dir(heliox)
    assert repr(heliox) == "<heliox: off>"
    assert not hasattr(heliox, "_repr_html_")
    assert session_module.HelioX.enable.__doc__
