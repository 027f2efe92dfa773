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
    WAVE,
    as_gaia,
    assign_folds,
    augment_coverage,
    compare_smote_order,
    inner_folds,
    other_asteroids,
    oversample,
)

ASTEROIDS = st.tuples(st.sampled_from([*GROUPS, "", "ambiguous"]), st.integers(1, 4))


@settings(max_examples=40)
@given(st.lists(ASTEROIDS, min_size=30, max_size=80), st.integers(0, 9))
def test_an_asteroid_is_in_one_fold_and_every_label_in_some(asteroids, seed):
    counts = [count for _, count in asteroids]
    labels = np.repeat([label for label, _ in asteroids], counts)
    names = np.repeat(np.arange(len(asteroids)), counts).astype(str)
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


def test_no_division_is_better_than_a_bad_one():
    assert set(inner_folds([*"SSSS"], [*"ppqq"], 3)) == {-1}, "too few asteroids"
    assert set(inner_folds([*"SSCC"], [*"pqrs"], 3)) == {-1}, "too few rows of each label"
    assert set(inner_folds([*"SSSS"], [*"pqrs"], 1)) == {-1}, "one fold"


def test_folds_are_those_of_the_protocol():
    labels, names = np.array(["S-Group"] * 60 + ["C-Group"] * 25), np.arange(85).astype(str)
    folds = assign_folds(labels, names, n_repeats=5)
    for repeat in range(5):
        splitter = StratifiedGroupKFold(5, shuffle=True, random_state=repeat)
        for fold, (_, test) in enumerate(splitter.split(labels, labels, names)):
            assert (folds[repeat, test] == fold).all()


@pytest.mark.parametrize(
    "auxiliary, test",
    [
        ({"number": "4"}, {"number": "004"}),
        ({"designation": "2000 WL63"}, {"number": "7", "designation": "2000wl63"}),
        ({"name": "Vesta"}, {"number": "4", "name": "VESTA"}),
        ({"designation": "1956 PC"}, {"number": "433", "aliases": "1898 PA;1956 PC"}),
    ],
)
def test_an_auxiliary_asteroid_of_the_test_fold_stays_out_by_any_name(auxiliary, test):
    table = pd.DataFrame([auxiliary, {"number": "99"}]).fillna("")
    assert other_asteroids(table, pd.DataFrame([test])).tolist() == [False, True]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=5), st.integers(1, 3))
def test_oversampling_makes_groups_equal_and_keeps_every_row(counts, k):
    y = np.repeat([f"g{index}" for index in range(len(counts))], counts)
    X = np.random.default_rng(0).normal(size=(len(y), 3))
    X_new, y_new = oversample(X, y, k)
    assert set(np.unique(y_new, return_counts=True)[1]) == {max(counts)}
    np.testing.assert_array_equal(X_new[: len(X)], X)
    for name, count in zip(np.unique(y), counts, strict=True):
        rows, given_rows = X_new[y_new == name], X[y == name]
        if count <= k:
            assert set(map(tuple, rows)) == set(map(tuple, given_rows))
        assert (rows >= given_rows.min(axis=0) - 1e-9).all()
        assert (rows <= given_rows.max(axis=0) + 1e-9).all()


@pytest.fixture
def noise():
    X = np.random.default_rng(0).normal(size=(150, 4))
    return X, np.repeat(["S-Group", "C-Group", "V-type"], [110, 25, 15]), np.arange(150).astype(str)


def test_smote_before_the_split_pretends_even_on_noise(noise):
    assert (compare_smote_order(*noise).balanced_accuracy > 0.5).tolist() == [False, False, True]


def test_columns_that_were_never_observed_do_not_disturb_the_comparison(noise):
    X, *others = noise
    empty = np.hstack([X, np.full((150, 2), np.nan)])
    pd.testing.assert_frame_equal(compare_smote_order(X, *others), compare_smote_order(empty, *others))


def test_copies_are_cut_at_the_borders_of_instruments_and_keep_their_source():
    reflectance = np.random.default_rng(0).uniform(0.5, 2, (20, len(WAVELENGTH_GRID)))
    reflectance[:5, WAVELENGTH_GRID > 0.89] = np.nan
    reflectance[5:10, WAVELENGTH_GRID < 0.8] = np.nan
    rows, source = augment_coverage(reflectance, copies=2, random_state=3)
    np.testing.assert_array_equal(rows[:20], reflectance)
    assert source[:20].tolist() == [*range(20)]
    of_visible = rows[20:][source[20:] < 5]
    assert np.isnan(of_visible[:, WAVELENGTH_GRID > 0.89]).all(), "what was not observed is in no copy"
    assert np.isfinite(of_visible[:, WAVELENGTH_GRID > 0.7]).any(axis=1).all()
    assert source[-10:].tolist() == [*range(10, 20)], "as Gaia sees what was observed completely"
    for row, original in zip(rows[20:-10], reflectance[source[20:-10]], strict=True):
        seen = np.flatnonzero(np.isfinite(row))
        assert 0 < len(seen) < np.isfinite(original).sum()
        assert len(seen) == seen[-1] - seen[0] + 1
        assert np.abs(row[seen] / original[seen] - 1).max() < 6 * (NOISE + WAVE)
    np.testing.assert_array_equal(rows, augment_coverage(reflectance, 2, 3)[0])
    assert len(augment_coverage(reflectance, 0)[1]) == 20


def test_gaia_sees_sixteen_bands_with_noise_and_no_colour_of_its_own():
    rows = as_gaia(np.ones((400, 53)), np.random.default_rng(0))
    covered = np.isfinite(rows).any(axis=0)
    assert WAVELENGTH_GRID[covered][[0, -1]].round(3).tolist() == [0.475, 1.025]
    np.testing.assert_allclose(np.nanmedian(rows[:, covered], axis=0), 1, atol=0.015)
    assert 0.005 < np.nanstd(rows[:, 10]) < np.nanstd(rows[:, 20]), "the slope scatters, too"


def test_gaia_copies_of_a_spectrum_that_ends_within_the_first_band_are_not_darker_there():
    flat = np.ones((400, 53))
    flat[:, WAVELENGTH_GRID < 0.47] = np.nan
    flat[:, WAVELENGTH_GRID > 1.03] = np.nan
    rows = as_gaia(flat, np.random.default_rng(0))
    covered = np.isfinite(rows).any(axis=0)
    np.testing.assert_allclose(np.nanmedian(rows[:, covered], axis=0), 1, atol=0.015)
