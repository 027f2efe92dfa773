"""What the base installation can do: everything that an extra brings is blocked in a process of its own."""

import json
import subprocess
import sys
from importlib.metadata import packages_distributions
from importlib.util import find_spec

import pytest
from project import PROJECT, package

from nea_prospect.files import _EXTRAS, need_extra, sha256
from nea_prospect.loading import bundled

with_extras = pytest.mark.skipif(not find_spec("keras"), reason="the extras are not installed here")
NEEDED = {"pillow"}  # declared by an extra, but Matplotlib brings it


def brought_by(*extras):
    """Modules of the packages that some extras name."""
    packages = {package(text) for name in extras for text in PROJECT["optional-dependencies"][name]}
    owners = packages_distributions().items()
    return sorted(
        module
        for module, names in owners
        if {name.lower().replace("_", "-") for name in names} & packages - NEEDED
    )


BLOCK = f"import sys; sys.modules.update(dict.fromkeys({brought_by('series', *_EXTRAS)!r}))\n"
COMMAND = BLOCK + "from nea_prospect.cli import main; main()"


def bare(code, *arguments, **options):
    """A process without the extras."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


@pytest.fixture
def spectrum(tmp_path, spectrum_text):
    path = tmp_path / "433.txt"
    path.write_bytes(spectrum_text())
    return path


@with_extras
def test_the_heavy_packages_are_among_the_blocked():
    assert set(brought_by("series")) >= {"tensorflow", "keras", "sklearn", "scipy", "papermill", "IPython"}


@with_extras
def test_what_an_extra_is_said_to_bring_it_brings():
    unknown = {extra: sorted(set(names) - set(brought_by(extra))) for extra, names in _EXTRAS.items()}
    assert unknown == dict.fromkeys(_EXTRAS, [])


def test_predict_writes_the_table_and_draws(tmp_path, spectrum):
    options = ["--catalog", bundled()[0], "--out", tmp_path / "table.csv", "--plot", tmp_path / "pictures"]
    done = bare(COMMAND, "predict", spectrum, *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "table.csv").is_file()
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 1


@pytest.mark.slow
def test_predict_in_parts(tmp_path, spectrum):
    done = bare(COMMAND, "predict", spectrum, "--parts", tmp_path / "parts", "--workers", "1")
    assert done.returncode == 0, done.stderr


def test_the_public_names_that_need_no_training():
    names = "Spectrum, read_spectra, read_catalog, load_dataset, bundled, resample_spectra, load_model"
    names += (
        ", extract_spectral_features, predict_files, rank_prospects, rank_followup, run_series, verify_run"
    )
    done = bare(f"{BLOCK}from nea_prospect import {names}\nload_model()\nread_spectra(bundled()[1])")
    assert (done.returncode, done.stderr) == (0, "")


def test_help():
    done = bare(COMMAND, "--help")
    assert done.returncode == 0, done.stderr


def test_verify_of_a_complete_run(tmp_path):
    (tmp_path / "metrics.json").write_text("{}")
    outputs = {"metrics.json": sha256(tmp_path / "metrics.json")}
    record = {"status": "complete", "outputs": outputs, "preset": "original", "versions": {"keras": "1"}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    done = bare(COMMAND, "verify", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [["run"], ["benchmark", "--out", "tables"]], ids=lambda words: words[0])
def test_what_needs_training_is_refused_in_one_line_with_the_command(tmp_path, arguments):
    done = bare(COMMAND, *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert "pip install 'nea-prospect[series]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "used", ["SpectrumClassifier", "evaluate_models", "assign_folds", "run_series('run')"]
)
def test_from_python_an_error_names_the_extra(tmp_path, used):
    done = bare(f"{BLOCK}import nea_prospect\nnea_prospect.{used}", cwd=tmp_path)
    assert done.stderr.splitlines()[-1].startswith("ImportError: this needs ")
    assert "nea-prospect[series]" in done.stderr.splitlines()[-1]


@with_extras
def test_an_extra_that_is_there_is_not_asked_for():
    assert need_extra("series") is None
