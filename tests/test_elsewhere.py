"""Scores on surveys from elsewhere: no asteroid in training, Gaia's tables, the table that is written."""

import gzip

import numpy as np
import pytest
from helpers import make_rows
from typer.testing import CliRunner

from nea_prospect import elsewhere
from nea_prospect.classifier import MODEL_TITLES
from nea_prospect.cli import app
from nea_prospect.core import GROUPS
from nea_prospect.elsewhere import Training, load_survey, plan_elsewhere, read_gaia, run_elsewhere
from nea_prospect.formats import GAIA_RATIO
from nea_prospect.loading import bundled, load_dataset
from nea_prospect.modeling import SpectrumClassifier, TwoBranchClassifier, make_models

HEADER = "source_id,number_mp,denomination,reflectance_spectrum,reflectance_spectrum_err,"


@pytest.fixture
def gaia(tmp_path):
    """A folder with a table as Gaia DR3 gives it: flat, one with bad bands, one without a number."""
    lines = ["# %ECSV 1.0", HEADER + "wavelength,reflectance_spectrum_flag"]
    for number, bad in (("9", 0), ("11", 2), ("12", 9), ("", 0)):
        for band in range(16):
            flag = 1 if band < bad else 0
            lines.append(f"-1,{number},name,{GAIA_RATIO[band]},0.01,{374 + 44 * band}.0,{flag}")
    path = tmp_path / "SsoReflectanceSpectrum_00.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    (tmp_path / "catalog.csv").write_text("number,class\n9,S\n11,C;X\n12,V\n13,D\n")
    return tmp_path


def test_gaia_is_read_with_its_flags_and_corrected(gaia):
    found = read_gaia(gaia, ["9", "11", "12"])
    assert sorted(found) == ["11", "9"], "fewer than eight good bands are no spectrum"
    np.testing.assert_allclose(found["9"].reflectance, 1)
    assert found["9"].wavelength[[0, -1]].tolist() == [0.374, 1.034]
    assert len(found["11"].wavelength) == 14


def test_a_folder_of_gaia_is_a_survey(gaia):
    spectra, table = load_survey(gaia / "catalog.csv", gaia)
    assert table.label.tolist() == ["ambiguous", "S-Group"]
    assert table.asteroid.tolist() == ["11", "9"]
    assert len(spectra) == 2


@pytest.fixture(scope="module")
def training():
    return Training.bundled()


def test_no_asteroid_of_a_test_fold_is_in_training_under_any_name(training):
    survey = training.table[training.table.label == "S-Group"].head(40).reset_index(drop=True)
    survey = survey.assign(
        asteroid=survey.asteroid + " x"
    )  # another identity, the same number or designation
    assert training.has(survey).all()
    folds = np.arange(40) % 5
    for fit in plan_elsewhere(["lda"], training.table, survey, folds, training.auxiliary):
        tested = set(survey.number[fit.test - len(training.table)]) - {""}
        assert tested
        assert not tested & set(training.table.number[fit.train])
        assert not tested & set(training.auxiliary[1].number[fit.auxiliary])
        assert len(fit.train) > 900


@pytest.mark.slow
def test_the_tables_tell_scores_and_what_the_ensemble_says_of_itself(tmp_path, monkeypatch, small_input):
    X, table = make_rows(40, spectra_each=1)
    quick = {"logistic": make_models()["logistic"]}
    quick["ensemble"] = SpectrumClassifier(TwoBranchClassifier(epochs=1), 2, n_trees=4)
    monkeypatch.setattr(elsewhere, "make_models", lambda **_: quick)
    dataset = load_dataset(*bundled())
    known = np.flatnonzero(dataset.table.label.isin(["S-Group", "C-Group", "X-Group"]))[:150]
    small = Training(
        dataset.table.iloc[known].reset_index(drop=True),
        elsewhere.make_features([dataset.spectra[row] for row in known])[0],
        (X, table),
    )
    monkeypatch.setattr(Training, "bundled", lambda *_: small)
    result = run_elsewhere(tmp_path / "out", [small_input[:2]], workers=2)
    (views,) = result.values()
    assert list(views) == ["as observed", "VIS", "NIR"]
    scores, said = views["as observed"]
    assert list(scores) == ["logistic", "extra_trees", "network", "ensemble", "Plain extra trees"]
    assert said["set_size"] >= 1
    assert 0 <= said["atypical"] <= 1
    text = (tmp_path / "out" / "elsewhere.md").read_text()
    for word in ("Accuracy / macro-F1", MODEL_TITLES["ensemble"], "Recall of the ensemble", "Groups a set"):
        assert word in text


def test_further_auxiliary_spectra_join_the_training_but_never_those_of_a_tested_asteroid(
    training, small_input
):
    more = Training.bundled([small_input])
    table = more.auxiliary[1]
    joined = table.iloc[len(training.auxiliary[1]) :]
    assert len(joined) > 50
    assert set(joined.asteroid) <= set(more.table.asteroid)
    tested = joined[joined.label.isin(GROUPS)].drop_duplicates("asteroid")
    (fit,) = plan_elsewhere(["lda"], more.table, tested, np.zeros(len(tested), int), more.auxiliary)
    assert len(fit.auxiliary) > 900
    assert not set(tested.asteroid) & set(table.asteroid.iloc[fit.auxiliary])


@pytest.mark.parametrize(
    "arguments",
    [["--elsewhere", "catalog.csv"], ["--elsewhere", "a=b", "--catalog", "c", "--spectra", "d"]],
)
def test_a_survey_is_a_pair(arguments, tmp_path):
    result = CliRunner().invoke(app, ["benchmark", "--out", str(tmp_path / "out"), *arguments])
    assert result.exit_code == 1
    assert str(result.exception).startswith("--elsewhere")
