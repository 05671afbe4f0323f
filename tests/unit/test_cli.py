"""The command line, without NEURON where possible."""

import argparse

import pytest

from heliox_neuron import __version__, cli


def options(*arguments):
    return cli._run_parser().parse_args(list(arguments))


def test_what_follows_the_script_is_the_scripts():
    found = options("--device", "cpu", "script.py", "--device", "x", "-v")
    assert found.script == "script.py"
    assert found.args == ["--device", "x", "-v"]
    assert found.device == "cpu"


def test_options_become_variables_for_child_processes():
    found = cli.script_environment(
        options("--device=cpu", "--solver=dhs", "--threads", "4", "--strict", "m.hoc")
    )
    assert found == {
        "HELIOX_ENABLE": "1",
        "HELIOX_DEVICE": "cpu",
        "HELIOX_SOLVER": "dhs",
        "HELIOX_THREADS": "4",
        "HELIOX_STRICT": "1",
    }


def test_profile_is_report():
    assert options("--profile", "m.hoc").report
    assert options("--report", "m.hoc").report


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--device", "tpu", "s.py"], "HX030"),
        (["--device", "gpu", "s.py"], "HX031"),
        (["--threads", "-2", "s.py"], "HX081"),
        (["--fidelity", "fats", "s.py"], 'Did you mean "fast"'),
        (["--solver", "dsh", "s.py"], 'Did you mean "dhs"'),
        ([], "script.py|model.hoc"),
    ],
)
def test_wrong_usage(arguments, says, capsys, no_gpu):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert says in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert __version__ in capsys.readouterr().out


def test_explain(capsys):
    assert cli.main(["explain", "HX021", "hx60"]) == 0
    out = capsys.readouterr().out
    assert "VERBATIM" in out
    assert "HX060" in out
    assert cli.main(["explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 20
    assert cli.main(["explain", "HX999"]) == 2


def test_cache(capsys, tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("HELIOX_CACHE_DIR", str(folder))
    assert cli.main(["cache", "path"]) == 0
    assert capsys.readouterr().out.strip() == str(folder)
    assert cli.main(["cache", "clear"]) == 0
    (folder / "x").mkdir(parents=True)
    (folder / "x" / "k.so").write_bytes(b"k")
    assert cli.main(["cache", "clear"]) == 0
    assert not folder.exists()


def test_doctor_shows_the_gpu(host_device, tmp_path, monkeypatch):
    from heliox_neuron import doctor

    monkeypatch.setenv("HELIOX_CACHE_DIR", str(tmp_path))
    device, kernels = doctor._gpu()
    assert (device.what, device.good) == ("gpu", True)
    assert "host" in device.found and "GiB free" in device.found
    assert (kernels.what, kernels.found, kernels.good) == ("gpu kernels", "compile", True)


def test_doctor_needs_no_gpu(no_gpu):
    from heliox_neuron import doctor

    (device,) = doctor._gpu()
    assert device.good is None and "CuPy" in device.found


def test_the_cache_is_the_compilers(monkeypatch, tmp_path):
    from heliox_neuron.codegen import cache
    from heliox_neuron.doctor import cache_folder

    monkeypatch.delenv("HELIOX_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == cache_folder()


def test_a_missing_script(capsys):
    assert cli.main(["nowhere.py"]) == 2
    assert "nowhere.py" in capsys.readouterr().err


def test_hoc_files_are_known_by_their_name():
    assert cli.is_hoc("a/model.HOC")
    assert not cli.is_hoc("model.py")
    assert isinstance(options("m.hoc"), argparse.Namespace)


SCRIPT = """
import sys, os, runpy
sys.argv = ["heliox", *{arguments!r}]
runpy.run_module("heliox_neuron", run_name="__main__")
"""


def test_a_python_script_runs_as_python_would_run_it(fresh_python, tmp_path):
    (tmp_path / "beside.py").write_text("name = 'beside'\n")
    inner = tmp_path / "inner.py"
    inner.write_text(
        "import beside, os, sys\n"
        "print(__name__, sys.argv[1:], __file__, beside.name)\n"
        "print(sys.modules['__main__'].__file__ == __file__, os.environ['HELIOX_DEVICE'])\n"
        "sys.exit(3)\n"
    )
    arguments = ["--device", "cpu", str(inner), "a", "--device"]
    done = fresh_python(SCRIPT.format(arguments=arguments), check=False)
    assert done.stdout.splitlines() == [
        f"__main__ ['a', '--device'] {inner} beside",
        "True cpu",
    ]
    assert done.returncode == 3


def test_an_error_in_the_script_is_shown_as_python_would(fresh_python, tmp_path):
    inner = tmp_path / "inner.py"
    inner.write_text("def f():\n    1 / 0\nf()\n")
    done = fresh_python(SCRIPT.format(arguments=[str(inner)]), check=False)
    assert done.returncode == 1
    assert "runner.py" not in done.stderr
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")
