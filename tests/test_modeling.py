"""The classifiers as estimators, what they may see, and how they are kept."""

import os
import pickle
import random
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers import STEP, Spy, make_partial_rows, make_rows, rows_of, spied
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from nea_prospect import modeling
from nea_prospect.classifier import BASE_MODELS, Predictions, calibrate, network_logits, read_model, softmax
from nea_prospect.core import GROUPS, WAVELENGTH_GRID
from nea_prospect.features import INPUT_NAMES, coverage, model_inputs
from nea_prospect.modeling import (
    SpectrumClassifier,
    TwoBranchClassifier,
    class_templates,
    export_files,
    fit_calibration,
    learning_curve,
    load_auxiliary,
    make_models,
    out_of_fold,
    plan_fits,
    stored_files,
)
from nea_prospect.resampling import assign_folds
from nea_prospect.run import ArrayStore

NETWORK_FAILURES = {
    "check_methods_sample_order_invariance": "float32 sums differ by 1e-8 with the order of the rows",
    "check_sample_weight_equivalence_on_dense_data": "batches and fold models are drawn from rows: one given "
    "twice is not a row of weight two",
}

SMALL = {"n_wavelengths": 1, "n_channels": 1, "n_members": 1, "epochs": 5, "batch_size": 16}


@pytest.mark.slow
@parametrize_with_checks(
    [TwoBranchClassifier(**SMALL, learning_rate=0.04)], expected_failed_checks=lambda _: NETWORK_FAILURES
)
def test_the_network_follows_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([SpectrumClassifier(TwoBranchClassifier(epochs=1), n_trees=4, copies=0)])
def test_the_classifier_follows_the_conventions_of_scikit_learn(estimator, check):
    try:
        check(estimator)
    except (ValueError, AssertionError) as error:
        while error is not None:
            if "a spectrum on the grid has 53" in str(error):
                pytest.xfail("the check uses rows of another width")
            error = error.__cause__ or error.__context__
        raise


@pytest.fixture(scope="module")
def fitted():
    X, table = make_partial_rows()
    labels = table.label.mask(table.asteroid.isin(["5", "6", "7"]), "Other").to_numpy(dtype=str)
    classifier = SpectrumClassifier(TwoBranchClassifier(epochs=4), n_trees=20)
    return classifier.fit(X, labels, table.asteroid), X, labels


def test_what_the_checks_of_scikit_learn_ask_holds_for_spectra(fitted):
    model, X, labels = fitted
    before = X.copy()
    assert model.n_features_in_ == 53
    assert set(model.predict(X)) <= set(model.classes_)
    assert model.score(X, labels) > 0.5
    np.testing.assert_array_equal(X, before)
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(restored.predict_proba(X), model.predict_proba(X))
    with pytest.raises(ValueError, match="53"):
        model.predict(X[:, :40])
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda X, y: (X[:, :40], y), "a spectrum on the grid has 53"),
        (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
        (lambda X, y: (X, np.arange(len(y)) * 0.37), "Unknown label type"),
        (lambda X, y: (X, np.full(len(y), "S-Group")), "at least 2 are needed"),
        (lambda X, y: (np.where(X > 1.2, np.inf, X), y), "infinity"),
    ],
)
def test_unsound_training_rows_are_refused(damage, message):
    X, table = make_rows(12)
    X, y = damage(X, table.label.to_numpy())
    with pytest.raises(ValueError, match=message):
        SpectrumClassifier(TwoBranchClassifier(epochs=1), n_trees=4).fit(X, y)


def test_the_parameters_of_the_network_are_reached_through_the_classifier():
    model = SpectrumClassifier(TwoBranchClassifier(epochs=3), n_members=2, random_state=7)
    model.set_params(network__batch_size=64)
    expected = TwoBranchClassifier(n_members=2, epochs=3, batch_size=64, random_state=7)
    assert model._unfitted_network().get_params() == expected.get_params()


def make_folds(table, **arguments):
    return assign_folds(table.label, table.asteroid, **arguments)


def test_no_model_ever_sees_an_asteroid_of_its_test_fold(tmp_path):
    X, table = make_rows()
    table.loc[table.asteroid == "7", "label"] = ""
    extra_X, extra = make_rows(seed=1, first=10_000)
    extra["name"] = ("name " + extra.asteroid).where(np.arange(len(extra)) % 3 == 0, "")
    folds = make_folds(table, n_repeats=2)
    (predictions,) = out_of_fold({"lda": Spy(tmp_path)}, [X], table, folds, (extra_X, extra), workers=1)
    assert len(spied(tmp_path)) == 11
    asteroid = dict(enumerate(table.asteroid)) | dict(enumerate(extra.asteroid, 10_000))
    for trained, predicted in spied(tmp_path):
        names = {asteroid[row] for row in trained}
        assert predicted
        assert not {asteroid[row] for row in predicted} & names
        assert "7" not in names, "it has no label"
        assert max(trained) >= 10_000, "auxiliary spectra of other asteroids take part"
    np.testing.assert_allclose(predictions.probabilities["lda"].sum(axis=2), 1)


def test_no_model_sees_a_test_asteroid_in_auxiliary_spectra_of_a_user(tmp_path):
    """A file of others may hold the very asteroids of the input; the bundled names them in another way."""
    X, table = make_rows()
    table["number"], table["name"] = "", "name " + table.asteroid
    extra_X, extra = make_rows(seed=1, first=10_000)
    extra["asteroid"], extra["name"] = "other " + extra.asteroid, "name " + extra.asteroid
    extra["number"] = ""
    out_of_fold({"lda": Spy(tmp_path)}, [X], table, make_folds(table), (extra_X, extra, None), workers=1)
    names = dict(enumerate(table.name)) | dict(enumerate(extra.name, 10_000))
    assert len(spied(tmp_path)) == 5
    for trained, predicted in spied(tmp_path):
        assert max(trained) >= 10_000
        assert not {names[row] for row in predicted} & {names[row] for row in trained}


def test_auxiliary_spectra_have_the_names_that_the_input_has_for_its_asteroids(monkeypatch):
    monkeypatch.setattr(modeling, "run_fits", lambda *given: given[4])
    X, table = make_rows(5)
    extra = table.assign(asteroid="other " + table.asteroid)
    extra.loc[extra.number == "5", "number"] = "99"
    aligned = out_of_fold({}, [X], table, np.zeros((1, 10), dtype=int), (X, extra, None))
    assert aligned[1].asteroid.tolist() == [*table.asteroid[:8], "other 5", "other 5"]


@pytest.fixture
def others(tmp_path, spectrum_text):
    """Labelled spectra of others: 4 Vesta, which is among the bundled ones, and an asteroid that is not."""
    (tmp_path / "others.csv").write_text("number,class\n4,V\n999999,S\n")
    (tmp_path / "spectra").mkdir()
    for name in ("4", "999999"):
        (tmp_path / "spectra" / f"{name}.txt").write_bytes(spectrum_text())
    return tmp_path / "others.csv", tmp_path / "spectra"


def test_an_asteroid_of_two_auxiliary_sets_is_kept_in_the_first(others):
    alone = load_auxiliary("bundled")[1]
    reflectance, table, account = load_auxiliary("bundled", [others, others])
    assert account["in training"].tolist()[1:] == [1, 0]
    assert account.labelled.tolist()[1:] == [2, 2]
    assert table.number.tolist() == [*alone.number, "999999"]
    assert len(reflectance) == len(table)


def test_auxiliary_spectra_without_any_group_are_refused(others):
    others[0].write_text("number,class\n4,\n999999,S or V\n")
    with pytest.raises(ValueError, match=r"no spectrum in .*spectra has a group in .*others.csv"):
        load_auxiliary("none", [others])


def test_every_view_is_predicted_and_only_the_first_is_for_training(tmp_path):
    X, table = make_rows()
    other = X + STEP * 50_000
    assert len(out_of_fold({"lda": Spy(tmp_path)}, [X, other], table, make_folds(table), workers=1)) == 2
    assert max(max(trained) for trained, _ in spied(tmp_path)) < 50_000
    predicted = sorted(row for _, rows in spied(tmp_path) for row in rows)
    assert predicted == [*range(len(X)), *range(50_000, 50_000 + len(X))]


class NoiseSpy(Spy):
    """A spy that is told the noise, and takes it for what it predicts."""

    def predict_all(self, X, noise):
        assert noise[:, 0].tolist() == rows_of(X).tolist()
        return Predictions({"lda": np.full((len(X), len(self.classes_)), 0.5)})


def test_every_test_row_is_predicted_with_its_own_noise(tmp_path):
    X, table = make_rows()
    noise = np.tile(np.arange(len(X), dtype=float)[:, None], (1, 53))
    models, folds = {"lda": NoiseSpy(tmp_path)}, make_folds(table)
    assert out_of_fold(models, [X], table, folds, workers=1, noise=noise)
    with pytest.raises(AssertionError):
        out_of_fold(models, [X], table, folds, workers=1, noise=noise + 1)


@pytest.mark.slow
def test_what_is_tuned_on_held_out_predictions_is_tuned_on_unseen_asteroids():
    """Labels without meaning: better than chance is only who has seen the asteroid, in any of its spectra."""
    rng = np.random.default_rng(0)
    X, table = make_rows(60, spectra_each=3)
    labels = np.repeat(rng.choice(["S-Group", "C-Group"], 60), 3)
    shapes = 1 + rng.normal(0, 0.1, (60, 6)) @ np.vander(WAVELENGTH_GRID - 1.4, 6).T
    X = shapes.repeat(3, axis=0) * rng.normal(1, 0.005, X.shape)
    groups = table.asteroid.to_numpy()
    classifier = SpectrumClassifier(TwoBranchClassifier(epochs=30), n_trees=60, doubt=False)
    model = classifier.fit(X, labels, groups)
    codes = (labels == "S-Group").astype(int)
    by_heart = model.trees_.predict_proba(model_inputs(X))
    assert np.mean(by_heart.argmax(axis=1) == codes) > 0.8, "the trees did learn the labels by heart"
    assert np.mean(model.held_out_.argmax(axis=1) == codes) < 0.65
    assert np.mean(model.network_.held_out_[: len(X)].argmax(axis=1) == codes) < 0.65


def test_each_fold_model_leaves_whole_asteroids_out_and_predicts_them(monkeypatch):
    X, table = make_rows(40)
    groups, trained, predicted = table.asteroid.to_numpy(), [], []

    class SpyTrees(modeling.ExtraTreesClassifier):
        def fit(self, Z, *arguments):
            trained.append(rows_of(Z))
            return super().fit(Z, *arguments)

        def predict_proba(self, Z):
            predicted.append((len(trained), rows_of(Z)))
            return super().predict_proba(Z)

    def first_column_in_all(rows):
        return np.hstack([rows, np.repeat(rows[:, :1], len(INPUT_NAMES) - rows.shape[1], axis=1)])

    def twice(X, *_):
        return np.vstack([X, X]), np.tile(np.arange(len(X)), 2)

    monkeypatch.setattr(modeling, "ExtraTreesClassifier", SpyTrees)
    monkeypatch.setattr(modeling, "model_inputs", first_column_in_all)
    monkeypatch.setattr(modeling, "augment_coverage", twice)
    model = SpectrumClassifier(TwoBranchClassifier(epochs=1), n_trees=5).fit(X, table.label, groups)
    assert [count for count, _ in predicted] == [1, 2, 3, 4, 5, 7, 8, 9], "labels are doubted, then held out"
    assert len(trained[5]) == 2 * len(X), "the forest that is kept sees all, and the copies"
    for rows, (_, held) in zip(trained[:5] + trained[6:], predicted, strict=True):
        assert set(groups[rows])
        assert not set(groups[rows]) & set(groups[held])
    assert np.isfinite(model.held_out_).all()


def test_the_networks_leave_out_whole_asteroids(monkeypatch):
    X, table = make_rows(40)
    seen, train = [], TwoBranchClassifier._train

    def spy_train(self, inputs, codes, weight, folds):
        seen.append(folds)
        train(self, inputs, codes, weight, folds)

    monkeypatch.setattr(TwoBranchClassifier, "_train", spy_train)
    TwoBranchClassifier(epochs=1).fit(model_inputs(X), table.label, table.asteroid)
    assert (pd.Series(seen[0]).groupby(table.asteroid).nunique() == 1).all()
    assert set(seen[0]) == {0, 1, 2}


@pytest.mark.slow
def test_results_depend_neither_on_the_number_of_processes_nor_on_interruptions(tmp_path):
    X, table = make_rows(30)
    table.loc[table.asteroid == "7", "label"] = ""
    models = make_models(epochs=1, smote_epochs=1)
    models["ensemble"].set_params(n_members=2, n_trees=4)
    folds = np.where((folds := make_folds(table)) > 0, 1, folds)  # two are enough
    one, two, shares = {}, ArrayStore(tmp_path), []
    (expected,) = out_of_fold(models, [X], table, folds, workers=1, store=one)

    def stop(share, _):
        shares.append(share)
        if len(shares) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        out_of_fold(models, [X], table, folds, workers=2, progress=stop, store=two)
    assert len(two) == 3
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (found,) = out_of_fold(models, [X], table, folds, workers=2, progress=stop, store=two)
    assert len(shares) == len(plan_fits(models, table, folds))
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "what was kept is not fitted again"
    for name, values in expected.to_arrays().items():
        np.testing.assert_array_equal(found.to_arrays()[name], values)
    assert stored_files(one) == stored_files(two)
    plain, kept_model = np.flatnonzero(folds[0] < 0), read_model(stored_files(two)["model"])
    again = kept_model.predict_all(X[plain]).in_groups(kept_model.classes).probabilities["ensemble"]
    np.testing.assert_allclose(again, found.probabilities["ensemble"][0, plain], atol=1e-6)


@pytest.mark.parametrize("kept", [None, ["lda"], []])
def test_a_full_store_needs_no_fit(tmp_path, kept):
    X, table = make_rows()
    table.loc[table.asteroid == "7", "label"] = ""
    arguments, all_rows = {"store": {}, "kept": kept, "workers": 1}, kept != []
    for _ in range(2):
        (found,) = out_of_fold({"lda": Spy(tmp_path)}, [X], table, make_folds(table), **arguments)
    assert sorted(arguments["store"]) == [*(f"lda-0-{fold}" for fold in range(5)), *["lda-all"] * all_rows]
    assert len(spied(tmp_path)) == 5 + all_rows
    assert found.probabilities["lda"][:, table.asteroid == "7"].any() == all_rows


def test_training_leaves_the_random_states_as_they_were():
    X, table = make_rows(12)
    before = random.getstate(), np.random.get_state()[1].tolist()
    TwoBranchClassifier(epochs=1).fit(model_inputs(X), table.label)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_the_caller_keeps_its_process_as_it_was(tmp_path):
    X, table = make_rows()
    environment, filters = dict(os.environ), list(warnings.filters)
    out_of_fold({"lda": Spy(tmp_path)}, [X], table, make_folds(table), workers=2)
    assert dict(os.environ) == environment
    assert list(warnings.filters) == filters
    children = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "args="], capture_output=True, text=True
    )
    assert "LokyProcess" not in children.stdout, "no worker is left behind"


@pytest.mark.slow
def test_training_in_a_worker_uses_one_thread():
    code = (
        "import os; from nea_prospect import modeling; modeling._start_worker(); import tensorflow as tf;"
        "tf.constant(1) + 1; threads = len(os.listdir('/proc/self/task'));"
        "print(os.environ['TF_NUM_INTRAOP_THREADS'], threads < 40)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.split() == ["1", "True"]
    assert result.stderr == "", "no start-up notes"


def test_a_failed_fit_is_told(tmp_path):
    X, table = make_rows()
    with pytest.raises(FileNotFoundError):
        out_of_fold({"lda": Spy(tmp_path / "nowhere")}, [X], table, make_folds(table), workers=1)


def test_a_group_that_a_fold_never_saw_gets_zero():
    X, table = make_rows(30)
    table.loc[table.asteroid == "1", "label"] = "D-type"
    models = make_models(smote_epochs=1)
    del models["ensemble"]
    (predictions,) = out_of_fold(models, [X], table, make_folds(table), workers=1)
    for values in predictions.probabilities.values():
        assert (values[0, table.asteroid == "1", GROUPS.index("D-type")] == 0).all()
        np.testing.assert_allclose(values.sum(axis=2), 1)


def test_the_ensemble_is_calibrated_and_bounded(fitted):
    model, X, _ = fitted
    predictions = model.predict_all(X)
    base = [predictions.probabilities[name] for name in BASE_MODELS]
    ensemble = predictions.probabilities["ensemble"]
    np.testing.assert_allclose([values.sum(axis=1) for values in (*base, ensemble)], 1)
    for kind in ("VISNIR", "VIS", "NIR"):
        rows = coverage(np.isfinite(X)) == kind
        expected = calibrate(np.mean(base, axis=0)[rows], model.calibration_[kind]["ensemble"])
        np.testing.assert_allclose(ensemble[rows], expected)
    named = model.classes_ != "Other"
    p_values = np.r_[predictions.credibility[:, named].ravel(), predictions.typicality]
    assert p_values.min() > 0
    assert p_values.max() <= 1


def test_predictions_depend_neither_on_the_scale_nor_on_the_other_spectra(fitted):
    model, X, _ = fitted
    whole, some = model.predict_all(X).select([3, 4]).to_arrays(), model.predict_all(X[3:5]).to_arrays()
    scaled = model.predict_all(X[3:5] * 7).to_arrays()
    for name in whole:
        np.testing.assert_allclose(whole[name], some[name], atol=1e-6)
        np.testing.assert_allclose(some[name], scaled[name], atol=1e-6)


def test_no_set_holds_what_fits_nowhere_and_all_hold_a_group_too_small_to_exclude(fitted):
    model, X, labels = fitted
    assert (model.predict_all(X).credibility[:, model.classes_ == "Other"] == 0).all()
    few = np.where(np.arange(len(X)) < 4, "D-type", labels)
    small = SpectrumClassifier(TwoBranchClassifier(epochs=1), n_trees=4).fit(X, few, np.arange(len(X)) // 2)
    assert (small.predict_all(X).credibility[:, small.classes_ == "D-type"] > 0.1).all()


def test_labels_that_other_asteroids_contradict_take_no_part():
    X, table = make_rows(60, spectra_each=1)
    labels = table.label.to_numpy(dtype=str)
    wrong = labels.copy()
    wrong[:3] = np.where(labels[:3] == "S-Group", "C-Group", "S-Group")
    classifier = SpectrumClassifier(TwoBranchClassifier(epochs=1), n_trees=40)
    model = classifier.fit(X, wrong, table.asteroid)
    assert np.flatnonzero(~model.trusted_).tolist() == [0, 1, 2]
    assert np.isnan(model.held_out_).all(axis=1).tolist() == (~model.trusted_).tolist()
    assert clone(classifier).set_params(doubt=False).fit(X, wrong, table.asteroid).trusted_.all()
    small = np.where(np.arange(len(X)) < 5, "D-type", labels)
    assert classifier.fit(X, small, table.asteroid).trusted_[:5].all(), (
        "labels of small groups are not doubted"
    )


def test_sets_are_calibrated_on_what_counts_most():
    X, table = make_rows(60, spectra_each=1)
    weight = np.where(np.arange(len(X)) < 40, 3.0, 1.0)
    classifier = SpectrumClassifier(TwoBranchClassifier(epochs=1), n_trees=4, copies=0)
    model = classifier.fit(X, table.label, table.asteroid, weight)
    heavy = table.label[model.trusted_ & (weight == 3)].value_counts()
    assert heavy.min() >= 9
    sizes = dict(zip(model.classes_, map(len, model.nonconformity_["VISNIR"]), strict=True))
    assert sizes == heavy.to_dict()


def test_the_classifier_abstains_from_a_strange_spectrum_but_stays_within_its_classes():
    X, table = make_rows(30)
    model = SpectrumClassifier(TwoBranchClassifier(epochs=1), n_trees=4).fit(X, table.label, table.asteroid)
    strange = np.where(np.arange(53) % 2, 0.2, 5.0)[None]
    assert model.predict_all(strange).typicality[0] < 0.02
    lonely = replace(model.model_, abstain_below=np.array(1.0))
    assert lonely.predict_all(strange).abstains.tolist() == [True]
    assert "Other" not in model.classes_
    assert model.predict(strange)[0] in model.classes_


def test_sets_hold_nine_in_ten_of_every_group():
    X, table = make_rows(300, spectra_each=1)
    X = 1 + (X - 1) * 0.25 * np.random.default_rng(1).normal(1, 0.8, (len(X), 1))
    train = np.arange(len(X)) < 150
    classifier = SpectrumClassifier(TwoBranchClassifier(epochs=6), n_trees=40)
    model = classifier.fit(X[train], table.label[train], table.asteroid[train])
    held = model.predict_all(X[~train]).credibility > 0.1
    for code, group in enumerate(model.classes_):
        own = (table.label == group)[~train].to_numpy()
        n_scores = (table.label[train] == group).sum()
        assert held[own, code].mean() > 0.9 - 3 * np.sqrt(0.09 / own.sum() + 0.09 / n_scores)
    assert held.mean() < 0.9, "sets exclude something"


def test_calibration_recovers_a_known_power_and_shift():
    rng = np.random.default_rng(0)
    true = rng.dirichlet(np.ones(4), size=20_000)
    codes = (true.cumsum(axis=1) > rng.random((len(true), 1))).argmax(axis=1)
    given = np.sqrt(true) * [1, 1, 1, 2]
    calibration = fit_calibration(given / given.sum(axis=1, keepdims=True), codes, np.ones(len(true)))
    assert np.exp(calibration[0]) == pytest.approx(2.0, rel=0.05)
    assert calibration[4] - calibration[1:4].mean() == pytest.approx(-2 * np.log(2), abs=0.15)
    nothing = fit_calibration(np.empty((0, 4)), np.empty(0, dtype=int), np.empty(0))
    np.testing.assert_array_equal(nothing, np.zeros(5))


def test_two_asteroids_are_enough_to_fit_but_not_to_hold_out():
    X, table = make_rows(2, spectra_each=4)
    labels = np.repeat(["S-Group", "C-Group"], 4)
    model = SpectrumClassifier(TwoBranchClassifier(epochs=1), n_trees=5).fit(X, labels, table.asteroid)
    assert not any(values.any() for own in model.calibration_.values() for values in own.values())
    assert np.isnan(model.held_out_).all()
    assert (model.predict_all(X).credibility == 1).all()
    assert np.isfinite(model.predict_proba(X)).all()


def test_the_kept_model_comes_back_and_nothing_is_unpickled(fitted, monkeypatch):
    model, X, _ = fitted
    files = export_files(model)
    assert sorted(files) == ["model", "model_facts"]
    for forbidden in ("load", "loads", "Unpickler"):
        monkeypatch.delattr(pickle, forbidden)
    restored = read_model(files["model"]).predict_all(X).to_arrays()
    for name, values in model.predict_all(X).to_arrays().items():
        np.testing.assert_array_equal(restored[name], values)


def test_a_model_is_kept_in_the_same_bytes_wherever_it_was_trained(fitted):
    """As it is, and as it comes out of another process."""
    model, X, _ = fitted
    assert export_files(model) == export_files(pickle.loads(pickle.dumps(model)))
    inputs = model.model_.scaled(model_inputs(X))
    own = softmax(network_logits(model.model_.weights, *inputs).astype("float64"))
    np.testing.assert_array_equal(model.network_.predict_proba(model_inputs(X)), own.mean(axis=1))


def test_credibilities_are_those_of_crepes(fitted):
    from crepes import ConformalClassifier

    model, X, _ = fitted
    predictions, kinds = model.predict_all(X), coverage(np.isfinite(X))
    for kind in ("VISNIR", "VIS", "NIR"):
        rows = kinds == kind
        for code, scores in enumerate(model.nonconformity_[kind]):
            if model.classes_[code] == "Other":
                continue
            new = 1 - predictions.probabilities["ensemble"][rows][:, [code]]
            expected = ConformalClassifier().fit(scores).predict_p(new, smoothing=False)[:, 0]
            np.testing.assert_allclose(predictions.credibility[rows, code], expected)


def test_templates_are_medians_of_certain_classes_with_enough_spectra():
    X, _ = make_rows(6)
    X[:9, 30] = np.nan
    names, templates = class_templates(X, ["Sq:"] * 4 + ["C;X"] * 4 + ["V"] * 2 + ["Sqw"] * 2)
    assert names.tolist() == ["Sq"]
    expected = np.nanmedian(model_inputs(X[[0, 1, 2, 3, 10, 11]])[:, :53], axis=0)
    expected[30] = np.nan
    np.testing.assert_allclose(templates, expected[None])


def test_the_learning_curve_ends_with_all_asteroids_and_leaves_the_tested_ones_out(monkeypatch):
    X, table = make_rows(40)
    labels, asteroids = table.label.to_numpy(), table.asteroid.to_numpy()
    folds = assign_folds(labels, asteroids)[0]
    seen = []
    fit = modeling.ExtraTreesClassifier.fit

    def spy(self, rows, truth):
        seen.append(rows_of(rows))
        return fit(self, rows, truth)

    monkeypatch.setattr(modeling.ExtraTreesClassifier, "fit", spy)
    curve = learning_curve(X, labels, asteroids, folds)
    assert curve.index.tolist() == list(modeling.SHARES)
    assert curve.asteroids.iloc[-1] == pytest.approx(40 * 0.8)
    assert curve.asteroids.is_monotonic_increasing
    for rows, fold in zip(seen[-5:], range(5), strict=True):
        assert set(asteroids[rows]) == set(asteroids[folds != fold])
