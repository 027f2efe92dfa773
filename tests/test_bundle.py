"""The bundled data and the checks on the classifier that is put beside it."""

import json
from pathlib import Path

import pytest

from nea_prospect.core import Identities, asteroid_id
from nea_prospect.files import packaged, read_json, read_table, sha256, write_json
from nea_prospect.loading import bundled

NOTEBOOK = Path(__file__).resolve().parents[1] / "nbs" / "93_bundle.ipynb"
MODEL_FILES = ("model.npz", "model.json")


def run_notebook(**parameters):
    """Run the cells of the notebook in this process, with other parameters."""
    namespace = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), namespace)
        if "parameters" in cell["metadata"].get("tags", []):
            namespace.update(parameters)


@pytest.fixture
def finished_run(tmp_path):
    """A run folder with a made-up classifier and a complete record."""
    folder = tmp_path / "run"
    (folder / "model").mkdir(parents=True)
    for name in MODEL_FILES:
        (folder / "model" / name).write_text(name)
    catalog, spectra = bundled()
    record = {
        "status": "complete",
        "preset": "default",
        "inputs": {"catalog": {"sha256": sha256(catalog)}, "spectra": {"sha256": sha256(spectra)}},
        "versions": {"numpy": "2", "platform": "a machine"},
        "parameters": {"01_loading": {"run_dir": "/home/someone"}},
        "outputs": {f"model/{name}": sha256(folder / "model" / name) for name in MODEL_FILES},
    }
    write_json(folder / "run.json", record)
    return folder


def test_a_classifier_is_copied_with_a_record_that_names_no_machine(finished_run, tmp_path):
    run_notebook(run=str(finished_run), out=str(tmp_path))
    record = read_json(tmp_path / "model" / "run.json")
    assert record["outputs"] == {name: sha256(tmp_path / "model" / name) for name in MODEL_FILES}
    assert record["versions"] == {"numpy": "2"}
    assert "parameters" not in record


OTHER_DATA = {"catalog": {"sha256": "0"}, "spectra": {"sha256": "0"}}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "failed"},
        {"preset": "quick"},
        {"inputs": OTHER_DATA},
        {"outputs": {"model/model.npz": "0"}},
    ],
)
def test_another_run_or_a_changed_classifier_is_refused(finished_run, tmp_path, change):
    write_json(finished_run / "run.json", read_json(finished_run / "run.json") | change)
    with pytest.raises(ValueError, match="is not"):
        run_notebook(run=str(finished_run), out=str(tmp_path))
    assert not (tmp_path / "model").exists()


def test_orbits_are_found_under_canonical_identities_that_begin_with_the_number():
    orbits = read_table(packaged("orbits.csv.gz"), ["number", "designation", "identities"])
    keys, designations = orbits.identities.str.split(";"), orbits.designation.map(asteroid_id)
    assert all(asteroid_id(key) == key for key in keys.explode())
    assert (keys.str[0] == orbits.number.where(orbits.number != "", designations)).all()
    eros = orbits.number.tolist().index("433")
    assert Identities(orbits).find(["433", "A898 PA", "1956 PC", "x"]).tolist() == [eros, eros, eros, -1]
