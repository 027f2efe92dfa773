"""Scores against scikit-learn, intervals that cover, predictions that tell how they were made."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from sklearn import metrics

from nea_prospect import evaluation
from nea_prospect.benchmark import make_peers
from nea_prospect.classifier import Predictions
from nea_prospect.core import GROUPS, WAVELENGTH_GRID
from nea_prospect.features import INPUT_NAMES, make_features, model_inputs
from nea_prospect.loading import load_dataset
from nea_prospect.modeling import load_auxiliary, out_of_fold
from nea_prospect.resampling import assign_folds


def one_hot(groups):
    """Certain probabilities of shape (1, n, 6) for a list of groups."""
    return np.array([[np.array(GROUPS) == group for group in groups]], dtype=float)


def labelled(labels):
    """A table with one spectrum for each asteroid."""
    return pd.DataFrame({"asteroid": [str(k + 1) for k in range(len(labels))], "label": labels})


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=5, max_size=60))
def test_scores_are_those_of_scikit_learn(pairs):
    truth, predicted = np.array(pairs).T
    scores = evaluation.matrix_scores(evaluation.confusion(truth, predicted, 5))
    present = np.unique(truth)
    options = {"labels": present, "zero_division": 0}
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(truth, predicted, **options)
    assert scores["accuracy"][0] == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert scores["macro_f1"][0] == pytest.approx(f1.mean())
    assert scores["balanced_accuracy"][0] == pytest.approx(recall.mean())
    np.testing.assert_allclose(scores["precision"][0, present], precision)
    np.testing.assert_allclose(scores["f1"][0, present], f1)


def test_the_bootstrap_draws_asteroids_within_groups():
    truth = np.repeat([0, 1, 2], [30, 5, 1])
    weights = evaluation.bootstrap_weights(truth, 200)
    for group, count in enumerate((30, 5, 1)):
        assert (weights[:, truth == group].sum(axis=1) == count).all()
    assert len(np.unique(weights[:, 0])) > 2
    np.testing.assert_array_equal(weights, evaluation.bootstrap_weights(truth, 200))


def test_the_interval_has_the_width_of_the_binomial():
    correct = np.random.default_rng(0).random(400) < 0.8
    table = labelled(["S-Group"] * 400)
    probabilities = one_hot(np.where(correct, "S-Group", "C-Group"))
    accuracy = evaluation.evaluate_models({"ensemble": probabilities}, table)["ensemble"]["accuracy"]
    width = 2 * 1.96 * np.sqrt(accuracy["mean"] * (1 - accuracy["mean"]) / 400)
    assert accuracy["high"] - accuracy["low"] == pytest.approx(width, rel=0.15)
    assert np.isnan(accuracy["sd"])


def test_headline_scores_leave_other_out_and_choose_among_five():
    probabilities = np.zeros((2, 4, 6))
    probabilities[:, :, GROUPS.index("Other")] = 0.6
    probabilities[:, [0, 3], GROUPS.index("S-Group")] = 0.4
    probabilities[:, [1, 2], GROUPS.index("C-Group")] = 0.4
    table = labelled(["S-Group", "C-Group", "S-Group", "Other"])
    named = evaluation.evaluate_models({"lda": probabilities}, table)["lda"]
    assert named["accuracy"]["mean"] == pytest.approx(2 / 3)
    assert named["accuracy"]["sd"] == 0
    assert named["balanced_accuracy"]["mean"] == pytest.approx(3 / 4)
    expected = {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}
    assert named["per_class"]["S-Group"] == pytest.approx(expected)
    assert np.isnan(named["per_class"]["V-type"]["recall"])
    six = evaluation.evaluate_models({"lda": probabilities}, table, GROUPS)["lda"]
    assert six["accuracy"]["mean"] == pytest.approx(1 / 4)


def test_calibration_agrees_with_scikit_learn_and_rewards_the_truth():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(5), size=(1, 300))
    truth = np.array([rng.choice(5, p=row) for row in probabilities[0]])
    scores = evaluation.calibration_scores(probabilities, truth)
    brier = metrics.brier_score_loss(truth, probabilities[0], labels=range(5), scale_by_half=False)
    assert scores["log_loss"] == pytest.approx(metrics.log_loss(truth, probabilities[0], labels=range(5)))
    assert scores["brier"] == pytest.approx(brier)
    assert scores["expected_calibration_error"] < 0.1
    wrong = evaluation.calibration_scores(probabilities, np.roll(truth, 1))
    assert wrong["expected_calibration_error"] > 0.15


def test_models_are_listed_in_one_order_and_compared_with_the_selected_one():
    assert evaluation.sort_models(["mine", "ensemble", "majority"]) == ["majority", "ensemble", "mine"]
    labels = ["S-Group", "C-Group", "S-Group", "X-Group"]
    models = {"ensemble": one_hot(labels), "majority": one_hot(["S-Group"] * 4)}
    differences = evaluation.compare_models(models, labelled(labels), "ensemble")
    assert differences.index[0] == ("Majority class", "Accuracy")
    assert differences.difference.iloc[0] == pytest.approx(0.5)
    assert evaluation.compare_models({"ensemble": one_hot(labels)}, labelled(labels), "ensemble").empty


def test_sets_are_counted_by_asteroid():
    table = labelled(["S-Group", "S-Group", "S-Group", "Other"]).assign(asteroid=["1", "1", "2", "3"])
    credibility = np.zeros((2, 4, 6))
    credibility[:, :, 3] = [0.15, 0.15, 0.02, 0.5]
    credibility[:, 2, 0] = 0.3
    probabilities = {"ensemble": np.tile(np.eye(6)[[3, 3, 0, 3]], (2, 1, 1))}
    abstains = np.zeros((2, 4), dtype=bool)
    sets = evaluation.score_sets(Predictions(probabilities, credibility, abstains=abstains), table)
    assert sets.loc["S-Group"].tolist() == [2, 0.5, 1.0, 1.0, 0.5, 0.0]
    assert "Other" not in sets.index, "no set can hold it"
    abstains[:, :2] = True
    sets = evaluation.score_sets(Predictions(probabilities, credibility, abstains=abstains), table)
    assert sets.loc["five named groups", ["unambiguous", "abstains"]].tolist() == [0.5, 0.5]


def test_sets_are_below_or_above_their_promise_only_beyond_chance():
    sets = pd.DataFrame({"asteroids": [47, 475, 5], "in_set": [0.596, 0.992, 0.6]}, index=["V", "S", "D"])
    assert evaluation.check_sets(sets).verdict.to_dict() == {"V": "below", "S": "above", "D": "consistent"}


def test_scores_by_coverage_count_every_labelled_asteroid_once():
    table = pd.DataFrame(
        {
            "asteroid": ["1", "1", "2", "3", "4"],
            "label": ["S-Group", "S-Group", "C-Group", "S-Group", "Other"],
            "from_um": [0.8, 0.45, 0.45, 0.8, 0.45],
            "to_um": [2.4, 0.9, 0.9, 2.4, 2.4],
        }
    )
    scores = evaluation.score_by_coverage(one_hot(["S-Group"] * 5), table)
    assert scores.asteroids.to_dict() == {"VISNIR": 1, "VIS": 1, "NIR": 1}
    assert scores.accuracy.to_dict() == {"VISNIR": 1.0, "VIS": 0.0, "NIR": 1.0}


IN_FOLD = np.array([True, True, False, False])


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


def make_predictions():
    values = np.full((1, 4, 6), 1 / 6)
    values[0, 0], values[0, 1] = np.eye(6)[0], np.eye(6)[3]
    credibility = np.tile([0.5, 0, 0, 0.2, 0, 0], (1, 4, 1))
    abstains = np.array([[False, False, False, True]])
    return Predictions({"ensemble": values, "lda": values}, credibility, np.ones((1, 4)), abstains)


def test_predictions_have_one_row_each_and_tell_how_they_were_made():
    table = evaluation.prediction_table(make_predictions(), make_table(), IN_FOLD)
    columns = ["Asteroid_ID", "Original_Taxonomy", "Predicted_Taxonomy"]
    assert list(table.columns[:9]) == columns + [f"Prob_{group}" for group in GROUPS]
    assert table.Asteroid_ID.tolist() == ["433", "2000 WL63", "99"]
    assert table.N_Spectra.tolist() == [2, 1, 1]
    assert table.Original_Taxonomy.tolist() == ["S-Group", "", "C-Group;X-Group"]
    assert table.Prediction.tolist() == ["out-of-fold", "plain", "plain"]
    assert table.loc[0, ["Prob_C-Group", "Prob_S-Group"]].tolist() == [0.5, 0.5]
    assert table.loc[0, ["From_um", "To_um"]].tolist() == [0.45, 2.5]


def test_predictions_of_the_ensemble_have_sets_and_abstention():
    table = evaluation.prediction_table(make_predictions(), make_table(), IN_FOLD)
    assert table.Set.tolist() == ["C-Group;S-Group"] * 3
    assert table.Abstains.tolist() == [False, False, True]
    assert table.Predicted_Taxonomy.iloc[2] == "Other"
    plain = evaluation.prediction_table(make_predictions(), make_table(), IN_FOLD, "lda")
    assert "Set" not in plain
    assert plain.equals(table[plain.columns].assign(Predicted_Taxonomy=plain.Predicted_Taxonomy))


class BandModel:
    """Looks at one wavelength and at one feature only."""

    classes = np.array(["C-Group", "S-Group"])

    def predict_all(self, reflectance):
        return self.predict_inputs(model_inputs(reflectance), None)

    def predict_inputs(self, inputs, _):
        low, high = (INPUT_NAMES.index(f"log_reflectance_{x}") for x in ("1.000", "1.350"))
        deep = np.clip(1.5 * (inputs[:, high] - inputs[:, low]), 0, 1)
        steep = np.clip(0.5 + inputs[:, INPUT_NAMES.index("slope")], 0, 1)
        return Predictions({"ensemble": np.column_stack([1 - (deep + steep) / 2, (deep + steep) / 2])})


def make_bands():
    """Sixty spectra, of which the first third has a band at 1 um and a red slope."""
    labels = np.repeat(["S-Group", "C-Group", "X-Group"], 20)
    band = 1 - 0.3 * (labels == "S-Group")[:, None] * np.exp(-(((WAVELENGTH_GRID - 1.0) / 0.05) ** 2))
    slope = np.where(labels == "S-Group", 0.3, -0.1)[:, None]
    reflectance = band + slope * (WAVELENGTH_GRID - 1.4)
    reflectance[5, :10] = np.nan
    return reflectance, labels


def test_occlusion_finds_the_wavelength_that_decides():
    reflectance, labels = make_bands()
    fall = evaluation.occlude(BandModel(), reflectance, labels, width=0.15)
    assert fall["S-Group"].idxmax() == pytest.approx(1.0, abs=0.08)
    assert fall["S-Group"].max() > 0.1
    assert fall["S-Group"][fall.index > 1.6].abs().max() < 0.05
    assert fall["X-Group"].isna().all()


def test_permutation_finds_the_feature_that_decides():
    importance = evaluation.permute_features(BandModel(), *make_bands())
    assert importance.index[0] == "slope"
    assert importance["mean"].iloc[0] > 0.05
    assert importance["mean"].iloc[1:].abs().max() == 0
    assert importance["X-Group"].isna().all()


def test_explanations_are_drawn_without_a_complete_spectrum():
    reflectance, labels = make_bands()
    reflectance[:, WAVELENGTH_GRID > 1] = np.nan
    occlusion = evaluation.occlude(BandModel(), reflectance, labels)
    assert occlusion.isna().all(axis=None)
    ax = evaluation.plot_explanation(occlusion, evaluation.permute_features(BandModel(), reflectance, labels))
    assert "S-Group (none)" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_confused_pairs_are_counted_by_spectra():
    predicted = one_hot(["C-Group", "C-Group", "S-Group", "S-Group", "S-Group"])
    table = labelled(["X-Group", "X-Group", "S-Group", "C-Group", "Other"])
    pairs = evaluation.confused_pairs(predicted, table)
    assert pairs.spectra.tolist() == [2, 1]
    assert pairs.published.tolist() == ["X-Group", "C-Group"]
    assert pairs.rows.tolist() == [[0, 1], [3]]
    assert evaluation.confused_pairs(one_hot(["S-Group"]), labelled(["S-Group"])).empty


def test_partial_spectra_are_scaled_to_the_medians_where_they_overlap():
    reflectance, labels = make_bands()
    reflectance[0] = 7 * reflectance[1]
    reflectance[0, :20] = np.nan
    ax = evaluation.plot_over_medians([("a $ b", [0], ("S-Group",))], reflectance, labels)
    median, spectrum = (line.get_ydata() for line in ax.get_lines())
    np.testing.assert_allclose(spectrum[20:], median[20:], rtol=1e-6)


def test_a_group_that_was_never_seen_in_visible_light_has_no_median():
    reflectance, labels = make_bands()
    reflectance[labels == "X-Group", :20] = np.nan
    ax = evaluation.plot_over_medians([("", [45], ("X-Group", "V-type"))], reflectance, labels)
    assert len(ax.get_lines()) == 1


def test_figures_are_drawn_for_one_model_and_groups_without_members():
    table = labelled(["S-Group"] * 6 + ["C-Group"])
    models = {"ensemble": one_hot(["S-Group"] * 7)}
    results = evaluation.evaluate_models(models, table)
    assert evaluation.plot_scores(results).get_yticklabels()[0].get_text() == "Ensemble of the two"
    ax = evaluation.plot_per_class(models["ensemble"], table)
    assert ax.get_xticklabels()[3].get_text() == "V-type\n(0)"
    assert evaluation.plot_confusion(results["ensemble"]["confusion"]).texts[0].get_text() == "0\n0 %"
    assert evaluation.plot_reliability(models["ensemble"], table).texts[0].get_text() == "7"
    six = evaluation.plot_confusion(np.eye(6), GROUPS)
    assert [label.get_text() for label in six.get_xticklabels()] == list(GROUPS)


def luminance(color):
    """Relative luminance of a colour, as the WCAG define it."""
    part = np.array(to_rgb(color))
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("percent", [0, 40, 49, 60, 69, 71, 100])
def test_numbers_of_a_confusion_matrix_stand_out_from_their_cells(percent):
    ax = evaluation.plot_confusion(np.array([[percent, 100 - percent], [0, 1.0]]), ["C-Group", "S-Group"])
    ax.figure.canvas.draw()
    dark, light = sorted(
        [luminance(ax.texts[0].get_color()), luminance(ax.collections[0].get_facecolor()[0][:3])]
    )
    plt.close(ax.figure)
    assert (light + 0.05) / (dark + 0.05) > 4


def test_sets_and_sources_are_drawn_with_their_intervals_and_the_promise():
    made = {"asteroids": [40, 9], "in_set": [0.8, 1.0], "low": [0.6, 0.7], "high": [0.9, 1.0]}
    published = pd.DataFrame(made, index=["C-Group", "V-type"])
    ax = evaluation.plot_sets({"published": published, "confirmed": published[1:], "none": published[:0]})
    assert [label.get_text() for label in ax.get_xticklabels()] == ["C-Group", "V-type"]
    assert ax.get_lines()[0].get_ydata()[0] == evaluation.CONFIDENCE
    assert ax.get_legend_handles_labels()[1] == ["promised: 90%", "published", "confirmed"]
    sources = pd.DataFrame(
        {"asteroids": [30, 20], "confirmed": [0.5, 1.0], "accuracy": [0.9, 0.6]}, index=["a", "b"]
    )
    ax = evaluation.plot_sources(sources)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b (20)", "a (30)"]


def make_audit_input(n=100, wrong=(3, 17, 20)):
    truth = np.array(["S-Group", "S-Group", "C-Group", "X-Group", "V-type"])[np.arange(n) % 5]
    labels = truth.copy()
    labels[list(wrong)] = "V-type"
    probabilities = 0.03 + 0.82 * (truth[:, None] == np.array(GROUPS))
    table = labelled(labels).assign(designation="", name="", **{"class": "V"})
    table["number"] = table.asteroid
    return probabilities[None], table, [str(number + 1) for number in wrong]


def test_the_audit_names_planted_label_errors_and_only_these():
    probabilities, table, wrong = make_audit_input()
    audit = evaluation.audit_labels(probabilities, table)
    assert sorted(audit.Asteroid_ID) == sorted(wrong)
    assert set(audit.Reason) == {"predictions"}
    assert set(audit.Group) == {"V-type"}
    assert (audit.Credence < audit.Confidence).all()
    clean = table.assign(label=np.array(GROUPS)[probabilities[0].argmax(axis=1)])
    assert evaluation.audit_labels(probabilities, clean).empty


def test_the_audit_compares_with_a_second_catalog_by_any_name(tmp_path):
    probabilities, table, wrong = make_audit_input()
    table.loc[table.asteroid == "1", ["number", "name"]] = ["", "Eros"]
    second = f"number,name,class\n433,EROS,C\n{wrong[0]},,S\n2,,Sq\n6,,S;C\n7,,\n"
    (tmp_path / "second.csv").write_text(second)
    audit = evaluation.audit_labels(probabilities, table, tmp_path / "second.csv").set_index("Asteroid_ID")
    reasons = {"1": "second class", wrong[0]: "both", wrong[1]: "predictions", wrong[2]: "predictions"}
    assert audit.Reason.to_dict() == reasons
    assert audit.Second_Class[["1", wrong[0]]].tolist() == ["C", "S"]


def test_the_audit_compares_with_the_second_class_of_the_table():
    probabilities, table, _ = make_audit_input(wrong=())
    table["second_class"] = ""
    table.loc[table.asteroid.isin(["1", "2", "3"]), "second_class"] = ["C", "Sq", "S;C"]
    audit = evaluation.audit_labels(probabilities, table)
    assert audit.Asteroid_ID.tolist() == ["1"]
    assert audit.Reason.tolist() == ["second class"]


def test_the_audit_takes_groups_from_a_second_catalog_without_classes(tmp_path):
    probabilities, table, _ = make_audit_input(wrong=())
    (tmp_path / "second.csv").write_text("number,group\n1,C-Group\n2,S-Group\n3,\n")
    audit = evaluation.audit_labels(probabilities, table, tmp_path / "second.csv")
    assert audit.Asteroid_ID.tolist() == ["1"]
    assert audit.Second_Class.tolist() == ["C-Group"]


@pytest.mark.slow
def test_the_audit_finds_the_wrong_labels_of_the_merged_catalog(archives, tmp_path):
    lines = (archives / "smass2" / "Bus.Taxonomy.txt").read_text(encoding="latin-1").splitlines()
    bus = [match.groups() for line in lines if (match := re.match(r"(\d+) [^\t]*\t[^\t]*\t(\S+)", line))]
    pd.DataFrame(bus, columns=["number", "class"]).to_csv(tmp_path / "bus.csv", index=False)
    folder = archives / "merged_catalog"
    files = folder / "catalog_for_training.csv", folder / "final_spectra_for_training.zip"
    dataset = load_dataset(*files, labels="as-given")
    table, reflectance = dataset.table, make_features(dataset.spectra)[0]
    models, folds = {"trees": make_peers()["Plain extra trees"]}, assign_folds(table.label, table.asteroid)
    (predictions,) = out_of_fold(models, [reflectance], table, folds, load_auxiliary("bundled"), kept=())
    audit = evaluation.audit_labels(predictions.probabilities["trees"], table, tmp_path / "bus.csv")
    audit = audit.set_index("Asteroid_ID")
    contradicted = audit.Reason.isin(["both", "second class"])
    predicted = audit.Reason.isin(["both", "predictions"])
    in_second = audit.index.isin([number for number, _ in bus])
    both = (contradicted & predicted).sum()
    assert {"45", "47"} <= set(audit.index[contradicted])
    assert both / contradicted.sum() >= 0.5
    assert both / (predicted & in_second).sum() >= 0.5
