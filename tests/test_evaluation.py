"""Scores against scikit-learn, intervals that cover, predictions that say how they were made."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, precision_recall_fscore_support

from nea_prospect.core import GROUPS, NAMED_GROUPS
from nea_prospect.evaluation import (average_spectra, bootstrap_weights, calibration_scores, confusion, evaluate_model, matrix_scores,
                                     prediction_table, score_by_coverage, score_original_split)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=5, max_size=60))
def test_scores_are_those_of_scikit_learn(pairs):
    truth, answer = np.array(pairs).T
    scores = matrix_scores(confusion(truth, answer, 5))
    present = np.unique(truth)
    precision, recall, f1, _ = precision_recall_fscore_support(truth, answer, labels=present, zero_division=0)
    assert scores["accuracy"][0] == pytest.approx(accuracy_score(truth, answer))
    assert scores["macro_f1"][0] == pytest.approx(f1_score(truth, answer, labels=present, average="macro", zero_division=0))
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
    probabilities[0, np.arange(400), np.where(rng.random(400) < 0.8, GROUPS.index("S-Group"), GROUPS.index("C-Group"))] = 1
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
    assert named["per_class"]["S-Group"] == pytest.approx({"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2})
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
    assert scores["brier"] == pytest.approx(brier_score_loss(codes, named, labels=range(5), scale_by_half=False))
    assert scores["expected_calibration_error"] < 0.1
    assert calibration_scores(probabilities, np.roll(truth, 1), NAMED_GROUPS)["expected_calibration_error"] > 0.15


def test_scores_by_coverage_count_every_labelled_asteroid_once():
    table = pd.DataFrame({"asteroid": ["1", "1", "2", "3", "4"], "label": ["S-Group", "S-Group", "C-Group", "S-Group", "Other"],
                          "from_um": [0.8, 0.45, 0.45, 0.8, 0.45], "to_um": [2.4, 0.9, 0.9, 2.4, 2.4]})
    probabilities = np.zeros((1, 5, 6))
    probabilities[..., GROUPS.index("S-Group")] = 1
    scores = score_by_coverage(probabilities, table)
    assert scores.asteroids.to_dict() == {"VISNIR": 1, "VIS": 1, "NIR": 1} and scores.accuracy.to_dict() == {"VISNIR": 1.0, "VIS": 0.0, "NIR": 1.0}


def test_spectra_of_one_asteroid_are_averaged_in_the_order_of_the_table():
    values = np.arange(10.0).reshape(1, 5, 2)
    mean, first = average_spectra(values, ["b", "a", "b", "c", "a"])
    assert first.tolist() == [0, 1, 3]
    np.testing.assert_allclose(mean[0], [(values[0, 0] + values[0, 2]) / 2, (values[0, 1] + values[0, 4]) / 2, values[0, 3]])


def make_table():
    return pd.DataFrame({"asteroid": ["433", "433", "2000 WL63", "99"], "label": ["S-Group", "S-Group", "", "ambiguous"],
                         "candidates": ["S-Group", "S-Group", "", "C-Group;X-Group"], "name": ["Eros", "Eros", "", ""],
                         "designation": ["", "", "2000 WL63", ""], "class": ["Sw", "Sw", "", "C;X"], "from_um": [0.45, 0.8, 0.5, 0.5], "to_um": [0.9, 2.5, 2.4, 2.4]})


def test_predictions_have_one_row_each_and_say_how_they_were_made():
    values = np.full((4, 6), 1 / 6)
    values[0], values[1] = np.eye(6)[0], np.eye(6)[3]
    table = prediction_table(values, make_table(), np.array([True, True, False, False]))
    assert list(table.columns[:9]) == ["Asteroid_ID", "Original_Taxonomy", "Predicted_Taxonomy", *(f"Prob_{group}" for group in GROUPS)]
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
