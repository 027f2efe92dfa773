"""Folds by asteroid, auxiliary spectra without test asteroids, balance inside a fold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from nea_prospect.core import GROUPS, WAVELENGTH_GRID
from nea_prospect.resampling import (
    N_FOLDS,
    NOISE,
    assign_folds,
    augment_coverage,
    compare_smote_order,
    inner_folds,
    other_asteroids,
    oversample,
)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from([*GROUPS, "", "ambiguous"]), st.integers(1, 4)), min_size=30, max_size=80
    ),
    st.integers(0, 9),
)
def test_an_asteroid_is_in_one_fold_and_every_label_in_some(asteroids, seed):
    labels = np.repeat([label for label, _ in asteroids], [count for _, count in asteroids])
    names = np.repeat(np.arange(len(asteroids)), [count for _, count in asteroids]).astype(str)
    usable = np.isin(labels, GROUPS)
    sizes = sorted(len(set(names[labels == group])) for group in set(labels[usable]))
    if len(sizes) < 2 or sizes[-1] < N_FOLDS or sizes[-2] < 2:
        with pytest.raises(ValueError, match="labelled asteroids"):
            assign_folds(labels, names)
        return
    folds = assign_folds(labels, names, n_repeats=2, seed=seed)
    assert (folds[:, ~usable] == -1).all()
    assert (folds[:, usable] >= 0).all()
    assert (pd.DataFrame(folds.T).groupby(names).nunique() == 1).all(axis=None)
    np.testing.assert_array_equal(folds, assign_folds(labels, names, n_repeats=2, seed=seed))
    np.testing.assert_array_equal(folds[1:], assign_folds(labels, names, n_repeats=1, seed=seed + 1))


@pytest.mark.parametrize(
    "labels, asteroids, n_folds",
    [("SSSS", "ppqq", 3), ("SSCC", "pqrs", 3), ("SSSS", "pqrs", 1)],
    ids=["too few asteroids", "too few rows of each label", "one fold"],
)
def test_no_division_is_better_than_a_bad_one(labels, asteroids, n_folds):
    assert set(inner_folds(list(labels), list(asteroids), n_folds)) == {-1}


def test_folds_are_those_of_the_protocol():
    labels, names = np.array(["S-Group"] * 60 + ["C-Group"] * 25), np.arange(85).astype(str)
    folds = assign_folds(labels, names, n_repeats=5)
    for repeat in range(5):
        splitter = StratifiedGroupKFold(5, shuffle=True, random_state=repeat)
        for fold, (_, test) in enumerate(splitter.split(labels, labels, names)):
            np.testing.assert_array_equal(np.flatnonzero(folds[repeat] == fold), test)


@pytest.mark.parametrize(
    "field, value, test_value",
    [
        ("number", "4", "4"),
        ("number", "4", "004"),
        ("designation", "2000 WL63", "2000wl63"),
        ("name", "Vesta", "VESTA"),
    ],
)
def test_an_auxiliary_asteroid_of_the_test_fold_stays_out_by_any_name(field, value, test_value):
    blank = {"number": "", "designation": "", "name": ""}
    auxiliary = pd.DataFrame([blank | {field: value}, blank | {"number": "99"}])
    test = pd.DataFrame([blank | {field: test_value, "number": test_value if field == "number" else "7"}])
    assert other_asteroids(auxiliary, test).tolist() == [False, True]


def test_an_auxiliary_asteroid_stays_out_by_an_alias():
    auxiliary = pd.DataFrame({"number": ["", "4"], "designation": ["1956 PC", ""]})
    test = pd.DataFrame({"number": ["433"], "aliases": ["1898 PA;1956 PC"]})
    assert other_asteroids(auxiliary, test).tolist() == [False, True]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=5), st.integers(1, 3))
def test_oversampling_makes_groups_equal_and_keeps_every_row(counts, k):
    y = np.repeat([f"g{index}" for index in range(len(counts))], counts)
    X = np.random.default_rng(0).normal(size=(len(y), 3))
    X_new, y_new = oversample(X, y, k)
    assert set(np.unique(y_new, return_counts=True)[1]) == {max(counts)}
    np.testing.assert_array_equal(X_new[: len(X)], X)
    for name, count in zip(np.unique(y), counts, strict=True):
        rows = X_new[y_new == name]
        if count <= k:
            assert {tuple(row) for row in rows} == {tuple(row) for row in X[y == name]}
        assert (rows >= X[y == name].min(axis=0) - 1e-9).all()
        assert (rows <= X[y == name].max(axis=0) + 1e-9).all()


def test_smote_before_the_split_pretends_even_on_noise():
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(150, 4)), np.array(["S-Group"] * 110 + ["C-Group"] * 25 + ["V-type"] * 15)
    order = compare_smote_order(X, labels, np.arange(150).astype(str))
    none, inside, before = order.balanced_accuracy
    assert none < 0.5
    assert inside < 0.5
    assert before > 0.5


def test_columns_that_were_never_observed_do_not_disturb_the_comparison():
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(60, 4)), np.array(["S-Group"] * 40 + ["C-Group"] * 20)
    asteroids = np.arange(60).astype(str)
    empty = np.hstack([X, np.full((60, 2), np.nan)])
    pd.testing.assert_frame_equal(
        compare_smote_order(X, labels, asteroids), compare_smote_order(empty, labels, asteroids)
    )


def test_copies_are_cut_at_the_borders_of_instruments_and_keep_their_source():
    rng = np.random.default_rng(0)
    reflectance = rng.uniform(0.5, 2, (20, len(WAVELENGTH_GRID)))
    reflectance[:5, WAVELENGTH_GRID > 0.89] = np.nan
    reflectance[5:10, WAVELENGTH_GRID < 0.8] = np.nan
    rows, source = augment_coverage(reflectance, copies=2, random_state=3)
    np.testing.assert_array_equal(rows[:20], reflectance)
    assert source[:20].tolist() == list(range(20))
    assert not set(source[20:]) & set(range(5)), "what was observed in visible light only has nothing to cut"
    for row, original in zip(rows[20:], source[20:], strict=True):
        seen = np.isfinite(row)
        assert 0 < seen.sum() < np.isfinite(reflectance[original]).sum()
        assert not (seen & np.isnan(reflectance[original])).any()
        assert seen[np.flatnonzero(seen)[0] : np.flatnonzero(seen)[-1] + 1].all()
        assert np.abs(row[seen] / reflectance[original][seen] - 1).max() < 6 * NOISE
    np.testing.assert_array_equal(rows, augment_coverage(reflectance, 2, 3)[0])
    assert len(augment_coverage(reflectance, 0)[1]) == 20
