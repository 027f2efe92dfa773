"""Scores against scikit-learn, intervals that cover, predictions that say how they were made."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, precision_recall_fscore_support

from nea_prospect.core import GROUPS, NAMED_GROUPS
from nea_prospect.evaluation import (
    audit_labels,
    average_spectra,
    bootstrap_weights,
    calibration_scores,
    confusion,
    evaluate_model,
    matrix_scores,
    occlude,
    permute_features,
    prediction_table,
    score_by_coverage,
    score_original_split,
    score_sets,
)
from nea_prospect.features import INPUT_NAMES, WAVELENGTH_GRID, model_inputs


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=5, max_size=60))
def test_scores_are_those_of_scikit_learn(pairs):
    truth, answer = np.array(pairs).T
    scores = matrix_scores(confusion(truth, answer, 5))
    present = np.unique(truth)
    precision, recall, f1, _ = precision_recall_fscore_support(truth, answer, labels=present, zero_division=0)
    assert scores["accuracy"][0] == pytest.approx(accuracy_score(truth, answer))
    assert scores["macro_f1"][0] == pytest.approx(
        f1_score(truth, answer, labels=present, average="macro", zero_division=0)
    )
    assert scores["balanced_accuracy"][0] == pytest.approx(recall.mean())
    np.testing.assert_allclose(scores["precision"][0, present], precision)
    np.testing.assert_allclose(scores["f1"][0, present], f1)


def test_the_bootstrap_draws_asteroids_within_groups():
    truth = np.repeat([0, 1, 2], [30, 5, 1])
    weights = bootstrap_weights(truth, 200)
    for group, count in enumerate((30, 5, 1)):
        assert (weights[:, truth == group].sum(axis=1) == count).all()
    assert len(np.unique(weights[:, 0])) > 2
    np.testing.assert_array_equal(weights, bootstrap_weights(truth, 200))


def test_the_interval_has_the_width_of_the_binomial():
    rng = np.random.default_rng(0)
    truth = np.array(["S-Group"] * 400)
    probabilities = np.zeros((1, 400, 6))
    probabilities[
        0, np.arange(400), np.where(rng.random(400) < 0.8, GROUPS.index("S-Group"), GROUPS.index("C-Group"))
    ] = 1
    accuracy = evaluate_model(probabilities, truth, NAMED_GROUPS)["accuracy"]
    width = 2 * 1.96 * np.sqrt(accuracy["mean"] * (1 - accuracy["mean"]) / 400)
    assert accuracy["high"] - accuracy["low"] == pytest.approx(width, rel=0.15)
    assert np.isnan(accuracy["sd"])


def test_headline_scores_leave_other_out_and_choose_among_five():
    probabilities = np.zeros((2, 4, 6))
    probabilities[:, :, GROUPS.index("Other")] = 0.6
    probabilities[:, [0, 3], GROUPS.index("S-Group")] = 0.4
    probabilities[:, [1, 2], GROUPS.index("C-Group")] = 0.4
    truth = np.array(["S-Group", "C-Group", "S-Group", "Other"])
    named = evaluate_model(probabilities, truth, NAMED_GROUPS)
    assert named["accuracy"]["mean"] == pytest.approx(2 / 3) and named["accuracy"]["sd"] == 0
    assert named["per_class"]["S-Group"] == pytest.approx(
        {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}
    )
    assert evaluate_model(probabilities, truth, GROUPS)["accuracy"]["mean"] == pytest.approx(1 / 4)
    assert balanced_accuracy_score([0, 1, 0], [0, 1, 1]) == pytest.approx(named["balanced_accuracy"]["mean"])


def test_calibration_agrees_with_scikit_learn_and_rewards_the_truth():
    from sklearn.metrics import brier_score_loss, log_loss

    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(6), size=(1, 300))
    named = probabilities[0][:, [GROUPS.index(group) for group in NAMED_GROUPS]]
    named /= named.sum(axis=1, keepdims=True)
    codes = np.array([rng.choice(5, p=row) for row in named])
    truth = np.array(NAMED_GROUPS)[codes]
    scores = calibration_scores(probabilities, truth, NAMED_GROUPS)
    assert scores["log_loss"] == pytest.approx(log_loss(codes, named, labels=range(5)))
    assert scores["brier"] == pytest.approx(
        brier_score_loss(codes, named, labels=range(5), scale_by_half=False)
    )
    assert scores["expected_calibration_error"] < 0.1
    assert (
        calibration_scores(probabilities, np.roll(truth, 1), NAMED_GROUPS)["expected_calibration_error"]
        > 0.15
    )


def test_sets_are_counted_by_asteroid():
    table = pd.DataFrame(
        {"asteroid": ["1", "1", "2", "3"], "label": ["S-Group", "S-Group", "S-Group", "Other"]}
    )
    credibility = np.zeros((2, 4, 6))
    credibility[:, :, 3] = [0.15, 0.15, 0.02, 0.5]
    credibility[:, 2, 0] = 0.3
    answers = {
        "credibility": credibility,
        "abstains": np.zeros((2, 4, 1)),
        "ensemble": np.tile(np.eye(6)[[3, 3, 0, 3]], (2, 1, 1)),
    }
    sets = score_sets(answers, table)
    assert sets.loc["S-Group"].tolist() == [2, 0.5, 1.0, 1.0, 0.5, 0.0]
    assert sets.loc["Other", ["asteroids", "in_set", "right"]].tolist() == [1, 0.0, 0.0]
    answers["abstains"][:, :2] = 1
    assert score_sets(answers, table).loc["five named groups", ["unambiguous", "abstains"]].tolist() == [
        0.5,
        0.5,
    ]


def test_scores_by_coverage_count_every_labelled_asteroid_once():
    table = pd.DataFrame(
        {
            "asteroid": ["1", "1", "2", "3", "4"],
            "label": ["S-Group", "S-Group", "C-Group", "S-Group", "Other"],
            "from_um": [0.8, 0.45, 0.45, 0.8, 0.45],
            "to_um": [2.4, 0.9, 0.9, 2.4, 2.4],
        }
    )
    probabilities = np.zeros((1, 5, 6))
    probabilities[..., GROUPS.index("S-Group")] = 1
    scores = score_by_coverage(probabilities, table)
    assert scores.asteroids.to_dict() == {"VISNIR": 1, "VIS": 1, "NIR": 1} and scores.accuracy.to_dict() == {
        "VISNIR": 1.0,
        "VIS": 0.0,
        "NIR": 1.0,
    }


def test_spectra_of_one_asteroid_are_averaged_in_the_order_of_the_table():
    values = np.arange(10.0).reshape(1, 5, 2)
    mean, first = average_spectra(values, ["b", "a", "b", "c", "a"])
    assert first.tolist() == [0, 1, 3]
    np.testing.assert_allclose(
        mean[0], [(values[0, 0] + values[0, 2]) / 2, (values[0, 1] + values[0, 4]) / 2, values[0, 3]]
    )


def make_table():
    return pd.DataFrame(
        {
            "asteroid": ["433", "433", "2000 WL63", "99"],
            "label": ["S-Group", "S-Group", "", "ambiguous"],
            "candidates": ["S-Group", "S-Group", "", "C-Group;X-Group"],
            "name": ["Eros", "Eros", "", ""],
            "designation": ["", "", "2000 WL63", ""],
            "class": ["Sw", "Sw", "", "C;X"],
            "from_um": [0.45, 0.8, 0.5, 0.5],
            "to_um": [0.9, 2.5, 2.4, 2.4],
        }
    )


def test_predictions_have_one_row_each_and_say_how_they_were_made():
    values = np.full((1, 4, 6), 1 / 6)
    values[0, 0], values[0, 1] = np.eye(6)[0], np.eye(6)[3]
    answers = {
        "ensemble": values,
        "credibility": np.tile([0.5, 0, 0, 0.2, 0, 0], (1, 4, 1)),
        "novelty": np.ones((1, 4, 1)),
        "abstains": np.eye(4)[None, :, [3]],
    }
    table = prediction_table(answers, make_table(), np.array([True, True, False, False]))
    assert table.Set.tolist() == [
        "C-Group;S-Group",
        ";".join(GROUPS),
        ";".join(GROUPS),
    ] and table.Abstains.tolist() == [False, False, True]
    assert table.Predicted_Taxonomy.iloc[2] == "Other"
    plain = prediction_table({"lda": values}, make_table(), np.array([True, True, False, False]), "lda")
    assert "Set" not in plain and plain.equals(
        table[plain.columns].assign(Predicted_Taxonomy=plain.Predicted_Taxonomy)
    )
    assert list(table.columns[:9]) == [
        "Asteroid_ID",
        "Original_Taxonomy",
        "Predicted_Taxonomy",
        *(f"Prob_{group}" for group in GROUPS),
    ]
    assert table.Asteroid_ID.tolist() == ["433", "2000 WL63", "99"] and table.N_Spectra.tolist() == [2, 1, 1]
    assert table.Original_Taxonomy.tolist() == ["S-Group", "", "C-Group;X-Group"]
    assert table.Prediction.tolist() == ["out-of-fold", "plain", "plain"]
    assert table.loc[0, ["Prob_C-Group", "Prob_S-Group"]].tolist() == [0.5, 0.5]
    assert (table.loc[0, "From_um"], table.loc[0, "To_um"]) == (0.45, 2.5)


def test_the_original_split_is_scored_over_its_test_asteroids():
    table = make_table()
    table["label"] = ["S-Group", "S-Group", "C-Group", "X-Group"]
    scores = score_original_split({"majority": np.tile(np.eye(6)[3], (3, 1))}, np.array([1, 1, 1, 0]), table)
    assert scores.loc["majority"].tolist() == pytest.approx([0.5, (2 / 3 + 0) / 2, 2])
    assert score_original_split({}, np.full(4, -1), table).empty


class BandModel:
    """Looks at one wavelength and at one feature only."""

    classes = np.array(["C-Group", "S-Group"])

    def predict_all(self, X):
        return self.predict_inputs(model_inputs(X), None)

    def predict_inputs(self, inputs, _):
        deep = np.clip(
            1.5
            * (
                inputs[:, INPUT_NAMES.index("log_reflectance_1.350")]
                - inputs[:, INPUT_NAMES.index("log_reflectance_1.000")]
            ),
            0,
            1,
        )
        steep = np.clip(0.5 + inputs[:, INPUT_NAMES.index("slope")], 0, 1)
        return {"ensemble": np.column_stack([1 - (deep + steep) / 2, (deep + steep) / 2])}


def test_explanations_find_the_wavelength_and_the_feature_that_decide():
    labels = np.repeat(["S-Group", "C-Group", "X-Group"], 20)
    band = 1 - 0.3 * (labels == "S-Group")[:, None] * np.exp(-(((WAVELENGTH_GRID - 1.0) / 0.05) ** 2))
    X = band + np.where(labels == "S-Group", 0.3, -0.1)[:, None] * (WAVELENGTH_GRID - 1.4)
    X[5, :10] = np.nan
    fall = occlude(BandModel(), X, labels)
    assert fall["S-Group"].idxmax() == pytest.approx(1.0, abs=0.08) and fall["S-Group"].max() > 0.1
    assert fall["S-Group"][fall.index > 1.6].abs().max() < 0.05 and fall["X-Group"].isna().all()
    importance = permute_features(BandModel(), X, labels)
    assert (
        importance.index[0] == "slope" and importance.iloc[0] > 0.05 and importance.iloc[1:].abs().max() == 0
    )
    assert occlude(BandModel(), np.full((3, 53), np.nan), labels[:3]).isna().all(axis=None)


def make_audit_input(n=100, wrong=(3, 17, 20)):
    truth = np.array(["S-Group", "S-Group", "C-Group", "X-Group", "V-type"])[np.arange(n) % 5]
    labels = truth.copy()
    labels[list(wrong)] = "V-type"
    probabilities = 0.03 + 0.82 * (truth[:, None] == np.array(GROUPS))
    names = [str(number + 1) for number in range(n)]
    table = pd.DataFrame(
        {"asteroid": names, "number": names, "designation": "", "name": "", "class": "V", "label": labels}
    )
    return probabilities[None], table, [str(number + 1) for number in wrong]


def test_the_audit_names_planted_label_errors_and_only_these():
    probabilities, table, wrong = make_audit_input()
    audit = audit_labels(probabilities, table)
    assert sorted(audit.Asteroid_ID) == sorted(wrong) and (audit.Reason == "predictions").all()
    assert (audit.Group == "V-type").all() and (audit.Credence < audit.Confidence).all()
    clean = table.assign(label=np.array(GROUPS)[probabilities[0].argmax(axis=1)])
    assert audit_labels(probabilities, clean).empty


def test_the_audit_compares_with_a_second_catalog_by_any_name(tmp_path):
    probabilities, table, wrong = make_audit_input()
    table.loc[table.asteroid == "1", ["number", "name"]] = ["", "Eros"]
    (tmp_path / "second.csv").write_text(
        f"number,name,class\n433,EROS,C\n{wrong[0]},,S\n2,,Sq\n6,,S;C\n7,,\n"
    )
    audit = audit_labels(probabilities, table, tmp_path / "second.csv").set_index("Asteroid_ID")
    assert audit.Reason.to_dict() == {
        "1": "second catalog",
        wrong[0]: "both",
        wrong[1]: "predictions",
        wrong[2]: "predictions",
    }
    assert audit.Second_Class[["1", wrong[0]]].tolist() == ["C", "S"]


@pytest.mark.slow
def test_the_audit_finds_the_wrong_labels_of_the_merged_catalog(archives, tmp_path):
    import re

    from nea_prospect.features import make_features
    from nea_prospect.loading import load_dataset
    from nea_prospect.modeling import SpectrumClassifier, load_auxiliary, out_of_fold
    from nea_prospect.resampling import assign_folds

    lines = (archives / "smass2" / "Bus.Taxonomy.txt").read_text(encoding="latin-1").splitlines()
    bus = [match.groups() for line in lines if (match := re.match(r"(\d+) [^\t]*\t[^\t]*\t(\S+)", line))]
    pd.DataFrame(bus, columns=["number", "class"]).to_csv(tmp_path / "bus.csv", index=False)
    folder = archives / "merged_catalog"
    dataset = load_dataset(
        folder / "catalog_for_training.csv", folder / "final_spectra_for_training.zip", labels="as-given"
    )
    (answers,), _ = out_of_fold(
        {"ensemble": SpectrumClassifier(epochs=4, copies=1)},
        [make_features(dataset.spectra)[0]],
        dataset.table,
        assign_folds(dataset.table.label, dataset.table.asteroid),
        load_auxiliary("bundled"),
    )
    audit = audit_labels(answers["ensemble"], dataset.table, tmp_path / "bus.csv").set_index("Asteroid_ID")
    assert {"45", "47"} <= set(audit.index[audit.Reason.isin(["both", "second catalog"])])
    contradicted, predicted = (
        audit.Reason.isin(["both", "second catalog"]),
        audit.Reason.isin(["both", "predictions"]),
    )
    in_second = audit.index.isin([number for number, _ in bus])
    assert (contradicted & predicted).sum() / contradicted.sum() >= 0.5
    assert (contradicted & predicted).sum() / (predicted & in_second).sum() >= 0.5
