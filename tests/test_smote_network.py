"""The documented network: what it may see, that it repeats itself, and its two files for other programs."""

import os
import pickle
import random
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
from helpers import make_partial_rows, make_rows, recipe, run_recipe
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from nea_prospect import smote_network
from nea_prospect.core import GROUPS
from nea_prospect.features import INPUT_NAMES, make_features, model_inputs
from nea_prospect.loading import bundled, load_dataset
from nea_prospect.modeling import compare_balancing, make_balances, make_models, out_of_fold, stored_files
from nea_prospect.original import DOCUMENTED, compare_with_documented, original_split
from nea_prospect.resampling import assign_folds
from nea_prospect.smote_network import SmoteNetworkClassifier, build_smote_network, make_scaler, plot_network

# keras 3.15 converts its variables in a way that NumPy 2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "batches and validation rows are drawn from rows: one "
    "given twice is not a row of weight two",
}


@pytest.mark.slow
@parametrize_with_checks(
    [SmoteNetworkClassifier(epochs=5, learning_rate=0.04)], expected_failed_checks=lambda _: FAILURES
)
def test_it_follows_the_conventions_of_scikit_learn(estimator, check, monkeypatch):
    """The checks use rows of other widths, which stand in for model inputs here."""

    def padded(X):
        rows = np.full((len(X), len(INPUT_NAMES)), np.nan)
        rows[:, -X.shape[1] :] = X
        return rows

    monkeypatch.setattr(smote_network, "_check_width", lambda X: None)  # noqa: ARG005
    monkeypatch.setattr(smote_network, "model_inputs", padded)
    check(estimator)


@pytest.fixture(scope="module")
def fitted():
    X, table = make_partial_rows()
    labels = table.label.to_numpy(dtype=str)
    return SmoteNetworkClassifier(epochs=6, learning_rate=0.005).fit(X, labels, table.asteroid), X, labels


def test_what_the_checks_ask_holds_for_spectra(fitted):
    model, X, labels = fitted
    before = X.copy()
    assert model.n_features_in_ == 53
    assert model.score(X, labels) > 0.8
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    np.testing.assert_array_equal(X, before)
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(restored.predict_proba(X), model.predict_proba(X))
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda X, y: (X[:, :40], y), "a spectrum on the grid has 53"),
        (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
        (lambda X, y: (X, np.full(len(y), "S-Group")), "at least 2 are needed"),
        (lambda X, y: (np.where(X > 1.2, np.inf, X), y), "infinity"),
    ],
)
def test_unsound_training_rows_are_refused(damage, message):
    X, table = make_rows(12)
    X, y = damage(X, table.label.to_numpy())
    with pytest.raises(ValueError, match=message):
        SmoteNetworkClassifier(epochs=1).fit(X, y)


def test_predictions_depend_neither_on_the_scale_nor_on_the_other_spectra(fitted):
    model, X, _ = fitted
    np.testing.assert_allclose(model.predict_proba(X)[3:5], model.predict_proba(X[3:5] * 7), atol=1e-6)


@pytest.mark.parametrize("balance", ["smote", "weights", "none"])
def test_smote_and_scaler_see_neither_test_nor_validation_rows(monkeypatch, balance):
    """The first number of a row tells which row it is, before and after scaling."""
    X, table = make_rows(50)
    codes = np.searchsorted(np.unique(table.label), table.label)
    held = smote_network._validation_rows(codes, table.asteroid, 0)
    seen = {"scaler": [], "smote": [], "network": []}

    class Scaler:
        def fit(self, rows):
            seen["scaler"] += rows.iloc[:, 0].tolist()
            return self

        def transform(self, rows):
            return np.hstack([rows, np.zeros(rows.shape)])

    def spy_oversample(rows, new, *_):
        seen["smote"] += rows[:, 0].tolist()
        return rows, new

    def spy_train(self, training, validation):
        seen["network"] += training[0][:, 0].tolist()
        self.validation = validation[0][:, 0].tolist()

    def number_rows(X):
        return np.tile(np.arange(len(X))[:, None], len(INPUT_NAMES)).astype(float)

    monkeypatch.setattr(smote_network, "make_scaler", Scaler)
    monkeypatch.setattr(smote_network, "oversample", spy_oversample)
    monkeypatch.setattr(smote_network, "model_inputs", number_rows)
    monkeypatch.setattr(SmoteNetworkClassifier, "_train", spy_train)
    model = SmoteNetworkClassifier(balance).fit(X, table.label, table.asteroid)
    training = np.flatnonzero(~held).tolist()
    assert seen["scaler"] == training
    assert seen["network"] == training
    assert seen["smote"] == (training if balance == "smote" else [])
    assert model.validation == np.flatnonzero(held).tolist()
    assert 0 < held.sum() < len(X) / 2
    assert not set(table.asteroid[held]) & set(table.asteroid[~held])


def test_a_group_is_never_for_validation_only():
    codes = np.repeat([0, 1], [28, 2])
    for seed in range(20):
        held = smote_network._validation_rows(codes, np.arange(30) // 2, seed)
        assert set(codes[~held]) == {0, 1}


def test_smote_makes_the_groups_equal_and_what_it_draws_weighs_as_its_group():
    rows = np.random.default_rng(0).normal(size=(30, 4))
    rows[:, 2:] = rows[:, 2:] > 0
    codes, weight = np.repeat([0, 1], [20, 10]), np.r_[np.ones(20), np.tile([1.0, 3.0], 5)]
    drawn, new, new_weight = SmoteNetworkClassifier()._balanced(rows, codes, weight)
    assert np.bincount(new).tolist() == [20, 20]
    assert set(new_weight[30:]) == {2.0}
    assert set(np.unique(drawn[:, 2:])) == {0.0, 1.0}
    np.testing.assert_array_equal(drawn[:30], rows)


def test_weights_make_the_groups_equal():
    codes, weight = np.repeat([0, 1], [20, 10]), np.r_[np.ones(20), np.full(10, 3.0)]
    balanced = SmoteNetworkClassifier("weights")._balanced(np.ones((30, 4)), codes, weight)[2]
    assert np.bincount(codes, weights=balanced) == pytest.approx([1, 1])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    X, table = make_partial_rows(30)
    first, again, other = (
        SmoteNetworkClassifier(epochs=2, random_state=seed).fit(X, table.label, table.asteroid).export()
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first["keras_model"] != other["keras_model"]


def test_the_caller_keeps_its_process_as_it_was(fitted):
    _, X, labels = fitted
    SmoteNetworkClassifier(epochs=1).fit(X, labels)  # libraries are loaded now
    before = dict(os.environ), list(warnings.filters), random.getstate(), np.random.get_state()[1].tolist()
    n_threads = threading.active_count()
    SmoteNetworkClassifier(epochs=1).fit(X, labels).export()
    after = dict(os.environ), list(warnings.filters), random.getstate(), np.random.get_state()[1].tolist()
    assert after == before
    assert threading.active_count() == n_threads


def test_training_stops_early_and_takes_the_best_epoch():
    X, table = make_rows(40)
    model = SmoteNetworkClassifier(epochs=60, patience=2, learning_rate=0.02)
    history = model.fit(X, table.label, table.asteroid).history_
    assert len(history["loss"]) < 60
    assert len(history["loss"]) - 1 - int(np.argmin(history["val_loss"])) <= 2
    assert history["learning_rate"][0] == pytest.approx(0.02)
    assert SmoteNetworkClassifier().learning_rate == 0.0005


def test_two_asteroids_are_enough_to_fit():
    X, table = make_rows(2, spectra_each=4)
    labels = np.repeat(["S-Group", "C-Group"], 4)
    model = SmoteNetworkClassifier(epochs=1).fit(X, labels, table.asteroid)
    assert "val_loss" not in model.history_
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_column_that_no_training_row_observed_does_no_harm():
    X, table = make_rows(20)
    X[:, 30:] = np.nan
    model = SmoteNetworkClassifier(epochs=1).fit(X, table.label, table.asteroid)
    assert np.isfinite(model.predict_proba(make_rows(20, seed=1)[0])).all()


def test_the_scaler_is_made_of_scikit_learn_and_numpy_alone(fitted):
    assert b"nea_prospect" not in pickle.dumps(fitted[0].scaler_)
    assert list(fitted[0].scaler_.feature_names_in_) == list(INPUT_NAMES)


def test_the_scaler_marks_what_is_missing_in_every_column():
    rows = pd.DataFrame({"a": [1.0, 3.0], "b": [np.nan, np.nan]})
    with np.errstate(invalid="ignore"):
        scaled = make_scaler().fit(rows).transform(np.array([[2, np.nan]]))
    assert scaled.tolist() == [[0.0, 0.0, 0.0, 1.0]]


def test_the_network_of_the_file_answers_as_the_estimator_in_all_six_groups(fitted, tmp_path):
    from keras.models import load_model

    model, X, _ = fitted
    (tmp_path / "n.keras").write_bytes(model.export()["keras_model"])
    network = load_model(tmp_path / "n.keras", safe_mode=True)
    answered = network.predict(model.scaler_.transform(model_inputs(X)), verbose=0)
    assert answered.shape == (len(X), len(GROUPS))
    for column, group in enumerate(GROUPS):
        if group in model.classes_:
            own = model.predict_proba(X)[:, model.classes_.tolist().index(group)]
            np.testing.assert_allclose(answered[:, column], own, atol=1e-5)
        else:
            assert not answered[:, column].any()


def test_the_lines_for_other_programs_are_few_and_need_nothing_of_this_project():
    lines = [line for line in recipe().splitlines() if line.strip()]
    assert len(lines) <= 16
    assert "nea_prospect" not in recipe()


@pytest.mark.slow
def test_other_programs_find_the_probabilities_of_a_run(tmp_path, small_input):
    """Rows without a group: the kept network has predicted them in the run, too."""
    from nea_prospect.run import Run

    dataset = load_dataset(*small_input)
    reflectance, features = make_features(dataset.spectra)
    folder = tmp_path / "run"
    stage = folder / "stages" / ".02_features"
    stage.mkdir(parents=True)
    Run(stage).save(reflectance=reflectance, features=features)
    stage.rename(stage.with_name("02_features"))
    models = {"smote_network": make_models(smote_epochs=3)["smote_network"]}
    folds, store = assign_folds(dataset.table.label, dataset.table.asteroid), {}
    halves = np.where(folds > 0, 1, folds)
    (found,) = out_of_fold(models, [reflectance], dataset.table, halves, store=store, workers=1)
    files = stored_files(store, "smote_network")
    (folder / "resource_value_model.keras").write_bytes(files["keras_model"])
    (folder / "classification_feature_scaler.pkl").write_bytes(files["scaler"])
    probabilities = run_recipe(folder, tmp_path / "found.npy")
    plain = folds[0] < 0
    assert plain.any()
    expected = found.probabilities["smote_network"][0]
    np.testing.assert_allclose(probabilities[plain], expected[plain], atol=1e-4)


class TestTheOriginalAnalysis:
    def test_its_split_is_that_of_the_documented_recipe(self):
        from sklearn.model_selection import train_test_split

        table = load_dataset(*bundled()).table
        split = original_split(table)
        usable = table[table.label.isin(GROUPS) & (table.number != "")]
        usable = usable.sort_values("catalog_row").drop_duplicates("asteroid")
        _, expected = train_test_split(usable.asteroid, test_size=0.2, random_state=42, stratify=usable.label)
        assert set(table.asteroid[split == 0]) == set(expected)

    def test_too_few_asteroids_are_no_split(self):
        assert (original_split(load_dataset(*bundled()).table.head(20)) == -1).all()

    def test_its_table_has_the_documented_one_beside_it(self):
        labels = np.array(["S-Group"] * 3 + ["C-Group"])
        table = compare_with_documented(labels, np.array(["S-Group", "S-Group", "C-Group", "C-Group"]))
        assert table.loc["S-Group", ["precision", "recall", "support"]].tolist() == [1.0, 2 / 3, 3]
        assert table.F1["accuracy"] == 0.75
        assert table["documented F1"]["S-Group"] == DOCUMENTED["S-Group"][2]
        assert np.isnan(table.F1["V-type"])


def test_balancing_is_compared_fold_by_fold():
    labels, folds = np.array(["S-Group", "C-Group"] * 5), np.arange(10) // 2
    right = np.eye(6)[[GROUPS.index(label) for label in labels]][None]
    always_s = np.tile(np.eye(6)[GROUPS.index("S-Group")], (1, 10, 1))
    names = ("smote_network", *make_balances())
    table = compare_balancing(dict(zip(names, (right, right, always_s), strict=True)), labels, folds)
    assert table.difference.tolist() == [0.0, 0.0, 0.5]
    assert table.balanced_accuracy.tolist() == [1.0, 1.0, 0.5]


def test_the_sketch_shows_every_weight_of_the_network():
    network = build_smote_network(len(INPUT_NAMES), len(GROUPS))
    ax = plot_network(network)
    texts = [text.get_text() for text in ax.texts]
    weights = [int(text.split("\n")[2].removesuffix(" weights")) for text in texts if "weights" in text]
    assert sum(weights) == network.count_params()
    assert "convolution 2\n14 x 32\n2592 weights" in texts
