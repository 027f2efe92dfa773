"""Every survey at hand runs to its end, also those of main-belt asteroids without orbit or size."""

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
@pytest.mark.parametrize("survey", SURVEYS)
def test_every_stage_but_training_runs_on_every_survey(archives, tmp_path, survey):
    catalog, spectra = (archives / survey / name for name in SURVEYS[survey])
    run_without_training(tmp_path / "run", catalog, spectra)
    table = Run(tmp_path / "run").load("dataset", dict, Dataset.from_arrays).table
    place = tmp_path / "run" / "stages" / "06_prospecting" / "prospects.csv"
    assert sorted(read_table(place, ("Asteroid_ID",)).Asteroid_ID) == sorted(set(table.asteroid))
