"""Every survey at hand runs to its end, also those of main-belt asteroids without orbit or size."""

import time

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


@pytest.mark.slow
@pytest.mark.parametrize("survey", SURVEYS)
def test_every_stage_but_training_runs_on_it(archives, tmp_path, survey):
    catalog, spectra = (str(archives / survey / name) for name in SURVEYS[survey])
    parameters = {"01_loading": {"catalog": catalog, "spectra": spectra}}
    with hold_folder(tmp_path) as lock:
        for name, notebook in standard_series().notebooks.items():
            if name == "04_modeling":
                stand_in_for_training(tmp_path)
            if name in ("03_resampling", "04_modeling"):
                continue  # folds, and what needs them
            stage = Stage(name, notebook, parameters.get(name, {}), "key", tmp_path / "stages" / name)
            make_stage(stage, lock, time.monotonic() + 300, lambda *_: None)
    table = Run(tmp_path).load("dataset", dict, Dataset.from_arrays).table
    prospects = read_table(tmp_path / "stages" / "06_prospecting" / "prospects.csv", ("Asteroid_ID",))
    assert sorted(prospects.Asteroid_ID) == sorted(set(table.asteroid))
