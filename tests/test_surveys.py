"""Every survey at hand runs to its end, also those of main-belt asteroids without orbit or size."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers import run_without_training

from nea_prospect.files import read_table
from nea_prospect.loading import Dataset
from nea_prospect.run import Run

SURVEYS = {
    "nea_visnir": ("MITHNEOSCLEAN.csv", "visnir_files.zip"),
    "merged_catalog": ("catalog_for_training.csv", "final_spectra_for_training.zip"),
    "demeo2009": ("catalog.csv", "DeMeo2009data.zip"),
    "smass2": ("catalog.csv", "smass2data.tar.gz"),
    "s3os2": ("catalog.csv", "spectra.zip"),
    "primass_l": ("catalog.csv", "spectra.zip"),
}


@pytest.mark.slow
def test_every_stage_but_training_runs_on_every_survey(archives, tmp_path):
    def run(item):
        survey, (catalog, spectra) = item
        run_without_training(tmp_path / survey, archives / survey / catalog, archives / survey / spectra)
        return survey

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(run, SURVEYS.items()))
    assert done == list(SURVEYS)
    for survey in SURVEYS:
        table = Run(tmp_path / survey).load("dataset", dict, Dataset.from_arrays).table
        place = tmp_path / survey / "stages" / "06_prospecting" / "prospects.csv"
        assert sorted(read_table(place, ("Asteroid_ID",)).Asteroid_ID) == sorted(set(table.asteroid)), survey
