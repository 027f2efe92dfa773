"""The bundled data and the checks on the classifier that is put beside it."""

import json

import pytest

from nea_prospect.bundle import bundle_model
from nea_prospect.core import Identities, asteroid_id
from nea_prospect.files import packaged, read_json, read_table, sha256, write_json
from nea_prospect.loading import bundled


@pytest.fixture
def finished_run(tmp_path):
    """A run folder with a made-up classifier and a complete record."""
    folder = tmp_path / "run"
    (folder / "model").mkdir(parents=True)
    for name in ("model.npz", "model.json"):
        (folder / "model" / name).write_text(name)
    inputs = {
        kind: {"name": path.name, "sha256": sha256(path)}
        for kind, path in zip(("catalog", "spectra"), bundled(), strict=True)
    }
    record = {
        "status": "complete",
        "preset": "default",
        "inputs": inputs,
        "versions": {"numpy": "2", "platform": "a machine"},
        "parameters": {"01_loading": {"run_dir": "/home/someone"}},
        "outputs": {f"model/{name}": sha256(folder / "model" / name) for name in ("model.npz", "model.json")},
    }
    write_json(folder / "run.json", record)
    return folder


def test_a_classifier_is_copied_with_a_record_that_names_no_machine(finished_run, tmp_path):
    bundle_model(finished_run, tmp_path / "out")
    record = read_json(tmp_path / "out" / "run.json")
    assert record["outputs"] == {
        name: sha256(tmp_path / "out" / name) for name in ("model.npz", "model.json")
    }
    assert record["versions"] == {"numpy": "2"}
    assert "parameters" not in record


@pytest.mark.parametrize(
    "change",
    [
        {"status": "failed"},
        {"preset": "quick"},
        {"inputs": {"catalog": {"sha256": "0"}, "spectra": {"sha256": "0"}}},
        {"outputs": {}},
    ],
)
def test_another_run_is_refused(finished_run, tmp_path, change):
    record = json.loads((finished_run / "run.json").read_text())
    write_json(finished_run / "run.json", record | change)
    with pytest.raises(ValueError, match="is not"):
        bundle_model(finished_run, tmp_path / "out")


def test_a_classifier_that_was_changed_is_refused(finished_run, tmp_path):
    (finished_run / "model" / "model.npz").write_text("another")
    with pytest.raises(ValueError, match="is not the file"):
        bundle_model(finished_run, tmp_path / "out")


@pytest.fixture(scope="module")
def orbits():
    return read_table(packaged("orbits.csv.gz"), ["number", "designation", "identities"])


def test_identities_of_the_orbits_are_canonical(orbits):
    keys = [key for text in orbits.identities for key in text.split(";")]
    assert keys == [asteroid_id(key) for key in keys]


def test_an_orbit_is_found_under_every_identity(orbits):
    same = Identities(orbits)
    number = orbits.number.tolist().index("433")
    assert same.find(["433", "A898 PA", "1956 PC", "no such name"]).tolist() == [number] * 3 + [-1]


def test_identities_begin_with_the_number_and_hold_the_designation(orbits):
    first = orbits.identities.str.split(";").str[0]
    expected = orbits.number.where(orbits.number != "", orbits.designation.map(asteroid_id))
    assert (first == expected).all()
