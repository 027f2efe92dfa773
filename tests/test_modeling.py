"""The classifiers as estimators, what they may see, and how they are kept."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.estimator_checks import parametrize_with_checks

from nea_prospect import modeling, prediction
from nea_prospect.classifier import calibrate, read_model
from nea_prospect.core import GROUPS
from nea_prospect.features import INPUT_NAMES, WAVELENGTH_GRID, coverage, model_inputs
from nea_prospect.files import sha256
from nea_prospect.modeling import (
    SpectrumClassifier,
    TwoBranchClassifier,
    class_templates,
    fit_calibration,
    make_models,
    original_split,
    out_of_fold,
    read_answers,
    save_model,
    write_answers,
)
from nea_prospect.resampling import assign_folds, inner_folds


@pytest.mark.slow
@parametrize_with_checks(
    [
        TwoBranchClassifier(
            n_wavelengths=1, n_channels=1, n_members=1, epochs=12, batch_size=16, learning_rate=0.02
        )
    ],
    expected_failed_checks=lambda _: {
        "check_methods_sample_order_invariance": "float32 arithmetic differs by 1e-8 with the order of the rows; the check allows 1e-9",
        "check_sample_weight_equivalence_on_dense_data": "batches and inner parts are drawn from rows, so a row given twice is not a row of weight two",
    },
)
def test_the_network_has_the_manners_of_scikit_learn(estimator, check):
    check(estimator)


STEP = 1e-6  # the first reflectance of a row tells its number in these steps, so that a spy can tell which rows it was shown


def make_rows(n_asteroids=40, spectra_each=2, seed=0, first=0):
    """Made-up spectra: rising ones (S-Group), flat ones (C-Group) and ones with a deep band (V-type)."""
    rng = np.random.default_rng(seed)
    n = n_asteroids * spectra_each
    labels = np.repeat(np.resize(["S-Group", "S-Group", "C-Group", "V-type"], n_asteroids), spectra_each)
    X = (
        1
        + 0.3 * (labels == "S-Group")[:, None] * (WAVELENGTH_GRID - 0.45)
        - 0.4 * (labels == "V-type")[:, None] * np.exp(-(((WAVELENGTH_GRID - 0.95) / 0.1) ** 2))
    )
    X = X * rng.normal(1, 0.02, X.shape)
    X[:, 0] = 1 + STEP * (first + np.arange(n))
    names = np.repeat([str(number) for number in range(1, n_asteroids + 1)], spectra_each)
    table = pd.DataFrame(
        {
            "asteroid": names,
            "number": names,
            "designation": "",
            "name": "",
            "label": labels,
            "catalog_row": np.repeat(np.arange(n_asteroids), spectra_each),
        }
    )
    return X, table


def rows_of(X):
    """Numbers of the rows that a spy was shown."""
    return np.rint((X[:, 0] - 1) / STEP).astype(int)


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers the rows it was fitted to and the rows it was asked about."""

    seen: list = []

    def fit(self, X, y):
        self.classes_, self.rows_ = np.unique(y), rows_of(X)
        return self

    def predict_proba(self, X):
        Spy.seen.append((self.rows_, rows_of(X)))
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_no_model_ever_sees_an_asteroid_of_its_test_fold():
    X, table = make_rows()
    table.loc[table.asteroid == "7", "label"] = ""
    auxiliary_X, auxiliary_table = make_rows(seed=1, first=10_000)
    auxiliary_table["name"] = [
        "" if index % 3 else f"name {name}" for index, name in enumerate(auxiliary_table.asteroid)
    ]
    Spy.seen = []
    folds = assign_folds(table.label, table.asteroid, n_repeats=2)
    (answers,), _ = out_of_fold({"lda": Spy()}, [X], table, folds, (auxiliary_X, auxiliary_table), workers=1)
    assert len(Spy.seen) == 11
    asteroid = {
        **dict(enumerate(table.asteroid)),
        **{10_000 + index: name for index, name in enumerate(auxiliary_table.asteroid)},
    }
    unlabelled = set(np.flatnonzero(table.label == ""))
    for fitted, asked in Spy.seen:
        assert len(asked) and not {asteroid[row] for row in asked} & {asteroid[row] for row in fitted}
        assert not unlabelled & set(fitted) and not {"7"} & {asteroid[row] for row in fitted}
        assert any(row >= 10_000 for row in fitted), "auxiliary spectra of other asteroids take part"
    np.testing.assert_allclose(answers["lda"].sum(axis=2), 1)


def test_every_view_is_asked_about_and_only_the_first_teaches():
    X, table = make_rows()
    Spy.seen = []
    other = X.copy()
    other[:, 0] = 1 + STEP * (50_000 + np.arange(len(X)))
    answers, _ = out_of_fold(
        {"lda": Spy()}, [X, other], table, assign_folds(table.label, table.asteroid), workers=1
    )
    assert len(answers) == 2 and all((fitted < 50_000).all() for fitted, _ in Spy.seen)
    assert sorted(np.concatenate([asked for _, asked in Spy.seen])) == [
        *range(len(X)),
        *range(50_000, 50_000 + len(X)),
    ]


@pytest.mark.slow
def test_what_is_tuned_on_held_out_answers_is_tuned_on_unseen_asteroids():
    """Labels without any meaning: an answer that is better than chance has seen the asteroid, in this spectrum, another or a copy."""
    rng = np.random.default_rng(0)
    X, table = make_rows(60, spectra_each=3)
    labels = np.repeat(rng.choice(["S-Group", "C-Group"], 60), 3)
    X = (1 + rng.normal(0, 0.1, (60, 6)) @ np.vander(WAVELENGTH_GRID - 1.4, 6).T).repeat(
        3, axis=0
    ) * rng.normal(1, 0.005, X.shape)
    groups = table.asteroid.to_numpy()
    model = SpectrumClassifier(n_trees=60, epochs=30).fit(X, labels, groups)
    codes = (labels == "S-Group").astype(int)
    by_heart = np.mean([trees.predict_proba(model_inputs(X)) for trees in model.trees_], axis=0)
    assert np.mean(by_heart.argmax(axis=1) == codes) > 0.8, "the members did learn the labels by heart"
    assert np.mean(model.held_out_.argmax(axis=1) == codes) < 0.65
    assert np.mean(model.network_.held_out_[: len(X)].argmax(axis=1) == codes) < 0.65


def test_each_member_leaves_whole_asteroids_out_and_answers_for_them(monkeypatch):
    X, table = make_rows(40)
    groups, fitted, asked = table.asteroid.to_numpy(), [], []

    class SpyTrees(modeling.ExtraTreesClassifier):
        def fit(self, Z, *arguments):
            fitted.append(Z)
            return super().fit(Z, *arguments)

        def predict_proba(self, Z):
            asked.append((len(fitted), Z))
            return super().predict_proba(Z)

    monkeypatch.setattr(modeling, "ExtraTreesClassifier", SpyTrees)
    monkeypatch.setattr(
        modeling,
        "model_inputs",
        lambda rows: np.hstack([rows, np.repeat(rows[:, :1], len(INPUT_NAMES) - rows.shape[1], axis=1)]),
    )
    monkeypatch.setattr(
        modeling, "augment_coverage", lambda X, *_: (np.vstack([X, X]), np.tile(np.arange(len(X)), 2))
    )
    model = SpectrumClassifier(n_trees=5, epochs=1).fit(X, table.label, groups)
    assert len(fitted) == len(asked) == 6, "two forests for each of three members"
    for forest, (count, held) in enumerate(asked):
        taught, held = set(groups[rows_of(fitted[forest])]), set(groups[rows_of(held)])
        assert count == 2 * (forest // 2 + 1) and taught and held and not taught & held
        assert len(fitted[forest]) == (1 + forest % 2) * len(fitted[forest - forest % 2]), (
            "the second sees the copies, too"
        )
    assert np.isfinite(model.held_out_).all()


def test_the_members_of_the_network_leave_out_whole_asteroids(monkeypatch):
    X, table = make_rows(40)
    seen = {}

    def spy_train(self, inputs, codes, weight, folds):
        seen.update(folds=folds)
        train(self, inputs, codes, weight, folds)

    train = TwoBranchClassifier._train
    monkeypatch.setattr(TwoBranchClassifier, "_train", spy_train)
    TwoBranchClassifier(epochs=1).fit(model_inputs(X), table.label, table.asteroid)
    assert (pd.Series(seen["folds"]).groupby(table.asteroid).nunique() == 1).all() and set(seen["folds"]) == {
        0,
        1,
        2,
    }
    np.testing.assert_array_equal(
        seen["folds"], inner_folds(np.unique(table.label, return_inverse=True)[1], table.asteroid, 3)
    )


def test_results_do_not_depend_on_the_number_of_processes():
    X, table = make_rows(30)
    folds = assign_folds(table.label, table.asteroid)
    models = {
        name: model for name, model in make_models(epochs=1).items() if name in ("logistic", "network")
    }  # all of them: TestARealRun
    (one,), _ = out_of_fold(models, [X], table, folds, workers=1)
    (two,), kept = out_of_fold(models, [X], table, folds, workers=2)
    assert sorted(kept) == sorted(models) == sorted(one)
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])


def test_a_group_that_a_fold_never_saw_gets_zero():
    X, table = make_rows(30)
    table.loc[table.asteroid == "1", "label"] = "D-type"
    folds = assign_folds(table.label, table.asteroid)
    (answers,), _ = out_of_fold(
        {name: model for name, model in make_models().items() if name != "ensemble"},
        [X],
        table,
        folds,
        workers=1,
    )
    row = int(np.flatnonzero(table.asteroid == "1")[0])
    for values in answers.values():
        assert values[0, row, GROUPS.index("D-type")] == 0
        np.testing.assert_allclose(values.sum(axis=2), 1)


@pytest.fixture(scope="module")
def fitted():
    X, table = make_rows(60)
    X[::5, :12] = np.nan
    X[::7, 30:] = np.nan
    labels = table.label.mask(table.asteroid.isin(["5", "6", "7"]), "Other").to_numpy(dtype=str)
    return SpectrumClassifier(n_trees=20, epochs=4).fit(X, labels, table.asteroid), X, labels


def test_the_ensemble_is_calibrated_and_bounded(fitted):
    model, X, _ = fitted
    answer = model.predict_all(X)
    for name in ("extra_trees", "network", "ensemble"):
        np.testing.assert_allclose(answer[name].sum(axis=1), 1)
    mean = (answer["extra_trees"] + answer["network"]) / 2
    for kind in ("VISNIR", "VIS", "NIR"):
        rows = coverage(np.isfinite(X)) == kind
        np.testing.assert_allclose(
            answer["ensemble"][rows], calibrate(mean[rows], model.calibration_[kind]["ensemble"])
        )
    assert ((answer["credibility"] > 0) & (answer["credibility"] <= 1)).all() and (
        (answer["novelty"] > 0) & (answer["novelty"] <= 1)
    ).all()


def test_answers_do_not_depend_on_the_scale_or_on_the_other_spectra(fitted):
    model, X, _ = fitted
    whole, some, scaled = model.predict_all(X), model.predict_all(X[3:5]), model.predict_all(X[3:5] * 7)
    for name in whole:
        np.testing.assert_allclose(whole[name][3:5], some[name], atol=1e-6)
        np.testing.assert_allclose(some[name], scaled[name], atol=1e-6)


def test_a_small_group_is_in_every_set_and_a_strange_spectrum_is_other(fitted):
    model, X, labels = fitted
    assert (labels == "Other").sum() < 9
    assert (model.predict_all(X)["credibility"][:, list(model.classes_).index("Other")] > 0.1).all()
    strange = np.where(np.arange(53) % 2, 0.2, 5.0)[None]
    assert model.predict_all(strange)["novelty"][0] < 0.01 and model.predict(strange).tolist() == ["Other"]


def test_sets_hold_nine_in_ten_of_every_group():
    X, table = make_rows(300, spectra_each=1)
    X = 1 + (X - 1) * 0.25 * np.random.default_rng(1).normal(1, 0.8, (len(X), 1))
    train = np.arange(len(X)) < 150
    model = SpectrumClassifier(n_trees=40, epochs=6).fit(X[train], table.label[train], table.asteroid[train])
    held = model.predict_all(X[~train])["credibility"] > 0.1
    for code, group in enumerate(model.classes_):
        members = (table.label == group)[~train].to_numpy()
        assert held[members, code].mean() > 0.9 - 3 * np.sqrt(
            0.09 / members.sum() + 0.09 / (table.label[train] == group).sum()
        )
    assert held.mean() < 0.9, "sets exclude something"


def test_calibration_recovers_a_known_power_and_shift():
    rng = np.random.default_rng(0)
    true = rng.dirichlet(np.ones(4), size=20_000)
    codes = (true.cumsum(axis=1) > rng.random((len(true), 1))).argmax(axis=1)
    given = np.sqrt(true) * [1, 1, 1, 2]
    calibration = fit_calibration(given / given.sum(axis=1, keepdims=True), codes, np.ones(len(true)))
    assert np.exp(calibration[0]) == pytest.approx(2.0, rel=0.05)
    assert calibration[4] - calibration[1:4].mean() == pytest.approx(-2 * np.log(2), abs=0.15)
    np.testing.assert_array_equal(
        fit_calibration(np.empty((0, 4)), np.empty(0, dtype=int), np.empty(0)), np.zeros(5)
    )


def test_two_asteroids_are_enough_to_fit_but_not_to_hold_out():
    X, table = make_rows(2, spectra_each=4)
    labels = np.repeat(["S-Group", "C-Group"], 4)
    model = SpectrumClassifier(n_trees=5, epochs=1).fit(X, labels, table.asteroid)
    assert (
        not any(values.any() for own in model.calibration_.values() for values in own.values())
        and np.isnan(model.held_out_).all()
    )
    assert (model.predict_all(X)["credibility"] == 1).all() and np.isfinite(model.predict_proba(X)).all()


def test_the_kept_model_comes_back_and_nothing_is_unpickled(fitted, tmp_path, monkeypatch):
    import pickle

    model, X, _ = fitted
    save_model(tmp_path, model, {"seed": 0}, class_templates(X, ["S"] * len(X)))
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == [
        "classification_feature_scaler.pkl",
        "model.json",
        "model.npz",
        "resource_value_model.keras",
    ]
    for forbidden in ("load", "loads", "Unpickler"):
        monkeypatch.delattr(pickle, forbidden)
    loaded = read_model(tmp_path / "model" / "model.npz")
    for name, values in model.predict_all(X).items():
        np.testing.assert_array_equal(loaded.predict_all(X)[name], values)
    assert loaded.template_names.tolist() == ["S"]


def test_a_model_is_kept_in_the_same_bytes_wherever_it_was_trained(fitted, tmp_path):
    """As it is, and as it comes out of another process; and keras finds in its file what was trained."""
    import pickle

    from keras.models import load_model

    model, X, _ = fitted
    save_model(tmp_path / "1", model, {})
    save_model(tmp_path / "2", pickle.loads(pickle.dumps(model)), {})
    assert sha256(tmp_path / "1") == sha256(tmp_path / "2")
    inputs = model.network_._inputs(model_inputs(X))
    np.testing.assert_array_equal(
        load_model(tmp_path / "1" / "resource_value_model.keras").predict(inputs, verbose=0),
        model.network_.keras_model().predict(inputs, verbose=0),
    )


def test_numbers_answer_as_the_trained_parts_do(fitted):
    model, X, _ = fitted
    inputs = model_inputs(X)
    forests = np.mean([model._tree_probabilities(trees, inputs) for trees in model.trees_], axis=0)
    np.testing.assert_allclose(prediction.tree_probabilities(model.model_.trees, inputs), forests, atol=1e-6)
    logits = model.network_.keras_model().predict(model.network_._inputs(inputs), verbose=0)
    np.testing.assert_allclose(
        prediction.softmax(logits.astype("float64")).mean(axis=1),
        model.network_.predict_proba(inputs),
        atol=1e-5,
    )
    np.testing.assert_array_equal(
        prediction.softmax(
            prediction.network_logits(model.model_.weights, *model.model_.scaled(inputs)).astype("float64")
        ).mean(axis=1),
        model.network_.predict_proba(inputs),
    )


def test_credibilities_are_those_of_crepes(fitted):
    from crepes import ConformalClassifier

    model, X, _ = fitted
    answer, kinds = model.predict_all(X), coverage(np.isfinite(X))
    for kind in ("VISNIR", "VIS", "NIR"):
        rows = kinds == kind
        for code, scores in enumerate(model.scores_[kind]):
            expected = (
                ConformalClassifier()
                .fit(scores)
                .predict_p(1 - answer["ensemble"][rows][:, [code]], smoothing=False)[:, 0]
            )
            np.testing.assert_allclose(answer["credibility"][rows, code], expected)


def test_templates_are_medians_of_certain_classes_with_enough_spectra():
    X, _ = make_rows(6)
    X[:9, 30] = np.nan
    names, templates = class_templates(X, ["Sq:"] * 4 + ["C;X"] * 4 + ["V"] * 2 + ["Sqw"] * 2)
    assert names.tolist() == ["Sq"] and templates.shape == (1, 53)
    rows = model_inputs(X[[0, 1, 2, 3, 10, 11]])[:, :53]
    assert np.isnan(templates[0, 30]) and np.isfinite(np.delete(templates[0], 30)).all()
    np.testing.assert_allclose(np.delete(templates[0], 30), np.delete(np.nanmedian(rows, axis=0), 30))


def test_columns_that_no_training_row_observed_do_not_matter():
    X, table = make_rows(40)
    inputs = model_inputs(X)
    inputs[:, :20] = np.nan
    network = TwoBranchClassifier(epochs=1).fit(inputs, table.label)
    seen = inputs.copy()
    seen[:, :20] = 5.0
    np.testing.assert_array_equal(network.predict_proba(seen), network.predict_proba(inputs))


def test_the_original_split_holds_out_a_fifth_of_the_numbered_asteroids():
    _, table = make_rows(100)
    table.loc[table.asteroid == "5", "number"] = ""
    part = original_split(table)
    assert (part[table.asteroid == "5"] == -1).all() and (
        pd.Series(part).groupby(table.asteroid).nunique() == 1
    ).all()
    assert len(set(table.asteroid[part == 1])) == 20
    assert (original_split(table.head(8)) == -1).all()


def test_answers_come_back_as_written(tmp_path):
    values = {"network": np.random.default_rng(0).random((1, 4, 6)), "novelty": np.zeros((5, 4, 1))}
    write_answers(tmp_path, values, {"lda": np.ones((2, 6))}, np.array([1, 0, -1, 1]))
    answers, original, part = read_answers(tmp_path)
    assert (
        sorted(answers) == ["network", "novelty"]
        and list(original) == ["lda"]
        and part.tolist() == [1, 0, -1, 1]
    )
    np.testing.assert_array_equal(answers["network"], values["network"])
