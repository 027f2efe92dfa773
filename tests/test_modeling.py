"""The network as an estimator, what it may see, and how it is kept."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.estimator_checks import parametrize_with_checks

from nea_prospect import modeling
from nea_prospect.core import GROUPS
from nea_prospect.modeling import (INPUT_NAMES, AveragedNetwork, TwoBranchClassifier, cross_validate, load_saved_model, make_models,
                                   original_split, read_probabilities, save_model, write_probabilities)
from nea_prospect.resampling import asteroid_folds


@pytest.mark.slow
@parametrize_with_checks([TwoBranchClassifier(n_wavelengths=1, epochs=12, batch_size=64, learning_rate=0.02)], expected_failed_checks=lambda _: {
    "check_methods_sample_order_invariance": "float32 arithmetic differs by 1e-8 with the order of the rows; the check allows 1e-9"})
def test_the_network_has_the_manners_of_scikit_learn(estimator, check):
    check(estimator)


def make_rows(n_asteroids=40, spectra_each=2, seed=0):
    """Inputs whose first column is the row's own number, so that a spy can tell which rows it was shown."""
    rng = np.random.default_rng(seed)
    n = n_asteroids * spectra_each
    labels = np.repeat(np.resize(["S-Group", "S-Group", "C-Group", "V-type"], n_asteroids), spectra_each)
    X = rng.normal(size=(n, len(INPUT_NAMES))) + (labels == "C-Group")[:, None] - (labels == "V-type")[:, None]
    X[:, 0] = np.arange(n)
    names = np.repeat([str(number) for number in range(1, n_asteroids + 1)], spectra_each)
    table = pd.DataFrame({"asteroid": names, "number": names, "designation": "", "name": "", "label": labels,
                          "catalog_row": np.repeat(np.arange(n_asteroids), spectra_each)})
    return X, table


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers the rows it was fitted to and fails if it is asked about one of their asteroids."""

    seen: list = []

    def fit(self, X, y):
        self.classes_, self.rows_ = np.unique(y), X[:, 0].copy()
        return self

    def predict_proba(self, X):
        Spy.seen.append((self.rows_, X[:, 0].copy()))
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_no_model_ever_sees_an_asteroid_of_its_test_fold():
    X, table = make_rows()
    table.loc[table.asteroid == "7", "label"] = ""
    auxiliary_X, auxiliary_table = make_rows(seed=1)
    auxiliary_X[:, 0] += 10_000
    auxiliary_table["name"] = ["" if index % 3 else f"name {name}" for index, name in enumerate(auxiliary_table.asteroid)]
    Spy.seen = []
    folds = asteroid_folds(table.label, table.asteroid, n_repeats=2)
    probabilities, _ = cross_validate({"extra_trees": Spy()}, X, table, folds, (auxiliary_X, auxiliary_table), workers=1)
    assert len(Spy.seen) == 10
    asteroid = {**dict(enumerate(table.asteroid)), **{10_000 + index: name for index, name in enumerate(auxiliary_table.asteroid)}}
    unlabelled = set(np.flatnonzero(table.label == ""))
    for fitted, asked in Spy.seen:
        tested = {asteroid[int(row)] for row in asked if int(row) not in unlabelled}
        assert tested and not tested & {asteroid[int(row)] for row in fitted}
        assert not unlabelled & {int(row) for row in fitted}
        assert any(row >= 10_000 for row in fitted), "auxiliary spectra of other asteroids take part"
    np.testing.assert_allclose(probabilities["extra_trees"].sum(axis=2), 1)


def test_scaler_and_sampler_see_the_inner_training_rows_only(monkeypatch):
    X, table = make_rows(60)
    seen = {}

    class SpyScaler(modeling.StandardScaler):
        def fit(self, X, *arguments):
            seen["scaler"] = set(X[:, 0].astype(int))
            return super().fit(X, *arguments)

    def spy_balance(Z, codes, *arguments):
        seen["sampler"] = len(Z)
        return balance(Z, codes, *arguments)

    balance = modeling.balance
    monkeypatch.setattr(modeling, "StandardScaler", SpyScaler)
    monkeypatch.setattr(modeling, "balance", spy_balance)
    TwoBranchClassifier(epochs=1).fit(X, table.label, table.asteroid)
    asteroids = table.asteroid.to_numpy()
    taught = {asteroids[row] for row in seen["scaler"]}
    checked = {asteroids[row] for row in set(range(len(X))) - seen["scaler"]}
    assert len(seen["scaler"]) == seen["sampler"] < len(X)
    assert checked and not taught & checked


def test_synthetic_spectra_are_observed_only_where_their_parents_were():
    rng = np.random.default_rng(0)
    observed = rng.random((30, 8)) < 0.7
    values = np.where(observed, rng.normal(size=(30, 8)), 0)
    stacked = np.hstack([values[:, :5], observed[:, :5], values[:, 5:], observed[:, 5:]])
    Z, _ = modeling._balance_observed(stacked, np.repeat([0, 1], [22, 8]), 5, 2, 0)
    marks, numbers = Z[:, [5, 6, 7, 8, 9, 13, 14, 15]], Z[:, [0, 1, 2, 3, 4, 10, 11, 12]]
    assert len(Z) == 44 and set(np.unique(marks)) <= {0.0, 1.0}
    assert (numbers[marks == 0] == 0).all() and (numbers[marks == 1] != 0).all()


def test_results_do_not_depend_on_the_number_of_processes():
    X, table = make_rows(30)
    folds = asteroid_folds(table.label, table.asteroid)
    models = make_models(epochs=1)
    one, _ = cross_validate(models, X, table, folds, workers=1)
    two, networks = cross_validate(models, X, table, folds, workers=2)
    assert len(networks) == 5
    for name in models:
        np.testing.assert_array_equal(one[name], two[name])


def test_a_group_that_a_fold_never_saw_gets_zero():
    X, table = make_rows(30)
    table.loc[table.asteroid == "1", "label"] = "D-type"
    folds = asteroid_folds(table.label, table.asteroid)
    probabilities, _ = cross_validate({name: model for name, model in make_models().items() if name in ("majority", "logistic", "lda")}, X, table, folds, workers=1)
    row = int(np.flatnonzero(table.asteroid == "1")[0])
    for values in probabilities.values():
        assert values[0, row, GROUPS.index("D-type")] == 0
        np.testing.assert_allclose(values.sum(axis=2), 1)


def test_the_kept_model_is_the_mean_of_its_networks_and_comes_back(tmp_path):
    X, table = make_rows(40)
    X[::5, :30] = np.nan
    X[::7, 60:] = np.nan
    networks = [TwoBranchClassifier(epochs=2, random_state=seed).fit(X[seed::3], table.label[seed::3]) for seed in range(3)]
    kept = AveragedNetwork.from_folds(networks, X)
    mean = np.mean([network.predict_proba(X) for network in networks], axis=0)
    columns = [GROUPS.index(group) for group in networks[0].classes_]
    np.testing.assert_allclose(kept.predict_proba(X)[:, columns], mean, atol=1e-5)
    save_model(tmp_path, kept, {"seed": 0})
    np.testing.assert_array_equal(load_saved_model(tmp_path).predict_proba(X), kept.predict_proba(X))
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["model.json", "network.keras", "scaler.skops"]
    assert (tmp_path / "resource_value_model.keras").read_bytes() == (tmp_path / "model" / "network.keras").read_bytes()


def test_networks_of_different_groups_are_averaged_group_by_group():
    X, table = make_rows(40)
    fewer = table.label != "V-type"
    networks = [TwoBranchClassifier(epochs=1).fit(X, table.label), TwoBranchClassifier(epochs=1).fit(X[fewer], table.label[fewer])]
    answer = AveragedNetwork.from_folds(networks, X).predict_proba(X)
    np.testing.assert_allclose(answer[:, GROUPS.index("V-type")], networks[0].predict_proba(X)[:, 2] / 2, atol=1e-5)
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)


def test_columns_that_no_training_row_observed_do_not_matter():
    X, table = make_rows(40)
    X[:, :20] = np.nan
    network = TwoBranchClassifier(epochs=1).fit(X, table.label)
    seen = X.copy()
    seen[:, :20] = 5.0
    np.testing.assert_array_equal(network.predict_proba(seen), network.predict_proba(X))
    assert np.isfinite(AveragedNetwork.from_folds([network], X).predict_proba(seen)).all()


def test_loading_a_model_never_unpickles(tmp_path, monkeypatch):
    import pickle

    X, table = make_rows(30)
    save_model(tmp_path, AveragedNetwork.from_folds([TwoBranchClassifier(epochs=1).fit(X, table.label)], X), {})
    (tmp_path / "classification_feature_scaler.pkl").write_bytes(b"not a pickle")

    def refuse(*_, **__):
        raise AssertionError("something was unpickled")

    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "load", refuse)
    assert load_saved_model(tmp_path).predict_proba(X).shape == (len(X), 6)


def test_a_model_for_other_inputs_is_refused(tmp_path):
    X, table = make_rows(30)
    save_model(tmp_path, AveragedNetwork.from_folds([TwoBranchClassifier(epochs=1).fit(X, table.label)], X), {"inputs": ["something else"]})
    with pytest.raises(ValueError, match="made for other inputs"):
        load_saved_model(tmp_path)


def test_the_original_split_holds_out_a_fifth_of_the_numbered_asteroids():
    _, table = make_rows(100)
    table.loc[table.asteroid == "5", "number"] = ""
    part = original_split(table)
    assert (part[table.asteroid == "5"] == -1).all() and (pd.Series(part).groupby(table.asteroid).nunique() == 1).all()
    assert len(set(table.asteroid[part == 1])) == 20
    assert (original_split(table.head(8)) == -1).all()


def test_probabilities_come_back_as_written(tmp_path):
    values = {"network": np.random.default_rng(0).random((1, 4, 6)), "lda": np.zeros((5, 4, 6))}
    write_probabilities(tmp_path, values, {"lda": np.ones((2, 6))}, np.array([1, 0, -1, 1]))
    probabilities, original, part = read_probabilities(tmp_path)
    assert sorted(probabilities) == ["lda", "network"] and list(original) == ["lda"] and part.tolist() == [1, 0, -1, 1]
    np.testing.assert_array_equal(probabilities["network"], values["network"])
