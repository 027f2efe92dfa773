"""Every survey at hand runs to its end, also those of main-belt asteroids without orbit or size."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nea_prospect.classifier import find_model, load_model
from nea_prospect.core import GROUPS
from nea_prospect.execution import Stage, hold_folder, make_stage
from nea_prospect.files import read_table
from nea_prospect.loading import Dataset
from nea_prospect.run import Run
from nea_prospect.series import standard_series

SURVEYS = {
    "nea_visnir": ("MITHNEOSCLEAN.csv", "visnir_files.zip"),
    "merged_catalog": ("catalog_for_training.csv", "final_spectra_for_training.zip"),
    "demeo2009": ("catalog.csv", "DeMeo2009data.zip"),
    "smass2": ("catalog.csv", "smass2data.tar.gz"),
    "s3os2": ("catalog.csv", "spectra.zip"),
    "primass_l": ("catalog.csv", "spectra.zip"),
}


def stand_in_for_training(folder):
    """Leave what notebook 04 leaves: predictions of the bundled classifier, which takes no time."""
    at_work = folder / "stages" / ".04_modeling"
    model, reflectance = load_model(), Run(folder).load("reflectance", dict)
    predicted = model.predict_all(reflectance).in_groups(model.classes).to_arrays()
    majority = np.tile(np.eye(len(GROUPS))[GROUPS.index("S-Group")], (len(reflectance), 1))
    arrays = {"probabilities/majority": majority, **predicted}
    arrays = {name: values[None] for name, values in arrays.items()}
    Run(at_work).save(out_of_fold=arrays, model=find_model().read_bytes())
    at_work.rename(folder / "stages" / "04_modeling")


def run_survey(folder, catalog, spectra):
    """Run every stage but training, which takes the same path on any survey."""
    parameters = {"01_loading": {"catalog": str(catalog), "spectra": str(spectra)}}
    folder.mkdir()
    with hold_folder(folder) as lock:
        for name, notebook in standard_series().notebooks.items():
            if name == "04_modeling":
                stand_in_for_training(folder)
            if name in ("03_resampling", "04_modeling"):
                continue  # folds, and what needs them
            stage = Stage(name, notebook, parameters.get(name, {}), "key", folder / "stages" / name)
            make_stage(stage, lock, time.monotonic() + 500, lambda *_: None)


@pytest.mark.slow
def test_every_stage_but_training_runs_on_every_survey(archives, tmp_path):
    def run(item):
        survey, (catalog, spectra) = item
        run_survey(tmp_path / survey, archives / survey / catalog, archives / survey / spectra)
        return survey

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(run, SURVEYS.items()))
    assert done == list(SURVEYS)
    for survey in SURVEYS:
        table = Run(tmp_path / survey).load("dataset", dict, Dataset.from_arrays).table
        place = tmp_path / survey / "stages" / "06_prospecting" / "prospects.csv"
        assert sorted(read_table(place, ("Asteroid_ID",)).Asteroid_ID) == sorted(set(table.asteroid)), survey
