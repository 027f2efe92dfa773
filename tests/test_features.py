"""Resampling without extrapolation, features without surprises, components that agree with published ones."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nea_prospect.features import (
    ANCHORS,
    BANDS,
    WAVELENGTH_GRID,
    compare_components,
    extract_spectral_features,
    feature_table,
    make_features,
    measure_band,
    normalise,
    resample_spectra,
)
from nea_prospect.loading import bundled, load_dataset


def spectrum(wavelength, reflectance):
    return SimpleNamespace(
        wavelength=np.asarray(wavelength, dtype=float), reflectance=np.asarray(reflectance, dtype=float)
    )


def test_bundled_spectra_come_back_unchanged():
    dataset = load_dataset(*bundled())
    resampled = resample_spectra(dataset.spectra)
    for row, item in zip(resampled, dataset.spectra, strict=True):
        position = np.searchsorted(WAVELENGTH_GRID, item.wavelength - 1e-6)
        np.testing.assert_allclose(row[position], item.reflectance, rtol=1e-9)
        outside = (WAVELENGTH_GRID < item.wavelength[0] - 0.003) | (
            WAVELENGTH_GRID > item.wavelength[-1] + 0.003
        )
        assert np.isnan(row[outside]).all()


@settings(max_examples=100)
@given(
    st.floats(0.4, 1.2), st.floats(1.3, 2.5), st.floats(0.002, 0.04), st.floats(0.2, 5), st.floats(-0.1, 0.4)
)
def test_nothing_is_extrapolated_and_lines_stay_lines(start, stop, step, level, slope):
    x = np.arange(start, stop, step)
    values = resample_spectra([spectrum(x, level * (1 + slope * x))])[0]
    covered = np.isfinite(values)
    assert (WAVELENGTH_GRID[covered] >= x[0] - 0.003).all() and (
        WAVELENGTH_GRID[covered] <= x[-1] + 0.003
    ).all()
    inside = (WAVELENGTH_GRID >= x[0]) & (WAVELENGTH_GRID <= x[-1])
    assert covered[inside].all()
    np.testing.assert_allclose(values[covered], level * (1 + slope * WAVELENGTH_GRID[covered]), rtol=0.02)


def test_gaps_are_bridged_only_if_narrow():
    x = np.r_[np.arange(0.5, 1.3, 0.01), np.arange(1.4, 1.8, 0.01), np.arange(2.1, 2.45, 0.01)]
    values = resample_spectra([spectrum(x, np.ones(len(x)))])[0]
    assert np.isfinite(values[(WAVELENGTH_GRID > 1.3) & (WAVELENGTH_GRID < 1.4)]).all()
    assert np.isnan(values[(WAVELENGTH_GRID > 1.83) & (WAVELENGTH_GRID < 2.07)]).all()


def test_spectra_do_not_influence_each_other():
    rng = np.random.default_rng(1)
    items = [
        spectrum(np.sort(rng.uniform(0.4, 2.5, n)), rng.uniform(0.5, 1.5, n)) for n in (300, 15, 80, 11, 500)
    ]
    together = resample_spectra(items)
    for row, item in zip(together, items):
        np.testing.assert_allclose(row, resample_spectra([item])[0], rtol=1e-6)
    assert resample_spectra([]).shape == (0, 53)
    assert np.isnan(resample_spectra([spectrum(np.linspace(3, 4, 20), np.ones(20))])).all()


@settings(max_examples=50)
@given(st.floats(1e-3, 1e3), st.integers(0, 10**6))
def test_features_do_not_depend_on_the_scale(scale, seed):
    y = np.random.default_rng(seed).uniform(0.8, 1.2, (3, 53))
    y[1, :20] = np.nan
    pd.testing.assert_frame_equal(
        extract_spectral_features(WAVELENGTH_GRID, y),
        extract_spectral_features(WAVELENGTH_GRID, scale * y),
        rtol=1e-6,
        atol=1e-6,
    )


def test_missing_wavelengths_make_missing_features_and_no_warnings():
    y = np.ones((5, 53))
    y[1, WAVELENGTH_GRID < 0.8] = np.nan
    y[2, WAVELENGTH_GRID > 0.95] = np.nan
    y[3, :] = np.nan
    y[4, WAVELENGTH_GRID < 2.2] = np.nan
    features = extract_spectral_features(WAVELENGTH_GRID, y)
    no_band = [f"{band}_{kind}" for band in BANDS for kind in ("centre", "width")] + ["band_area_ratio"]
    assert features.loc[0].drop(no_band).notna().all() and features.loc[0, no_band].isna().all()
    assert (
        features.loc[1, ["slope_0.5_0.9", "band_I_depth", "PC1", "ratio_0.45_0.75"]].isna().all()
        and features.loc[1, "band_II_depth"] == 0
    )
    assert (
        features.loc[2, ["slope_1.5_2.4", "band_II_area", "band_area_ratio"]].isna().all()
        and features.loc[2, "band_0.7_depth"] == 0
    )
    assert features.loc[3].isna().all() and features.loc[4].isna().all()
    assert features.anchor.tolist()[:3] == [0.55, 1.0, 0.55]
    assert list(features.columns) == list(feature_table().index)


def test_normalisation_takes_the_first_anchor_covered():
    y = np.full((len(ANCHORS) + 1, 53), 2.0)
    for row, anchor in enumerate(ANCHORS):
        y[row + 1, WAVELENGTH_GRID < anchor + 0.01] = np.nan
    normalised, anchor = normalise(WAVELENGTH_GRID, y)
    np.testing.assert_array_equal(anchor, [*ANCHORS, np.nan])
    np.testing.assert_allclose(normalised[0], 1.0)


@pytest.mark.parametrize(
    "band, centre, width",
    [("band_I", 0.95, 0.09), ("band_II", 1.95, 0.12), ("band_0.7", 0.70, 0.04), ("band_1.25", 1.25, 0.05)],
)
@pytest.mark.parametrize("depth", [0.05, 0.2, 0.4])
def test_a_planted_band_is_measured(band, centre, width, depth):
    y = (1 + 0.05 * (WAVELENGTH_GRID - 0.55)) * (
        1 - depth * np.exp(-0.5 * ((WAVELENGTH_GRID - centre) / width) ** 2)
    )
    found = measure_band(WAVELENGTH_GRID, y[None], BANDS[band])[0]
    assert found[0] == pytest.approx(depth, abs=0.02 + 0.05 * depth)
    assert found[1] == pytest.approx(centre, abs=0.02)
    assert found[3] == pytest.approx(depth * width * np.sqrt(2 * np.pi), rel=0.2)


@pytest.mark.parametrize(
    "wavelength, reflectance, message",
    [
        (np.ones(53), np.ones(53), "ascend"),
        (WAVELENGTH_GRID, np.ones(52), "must agree"),
        (WAVELENGTH_GRID[:3], np.ones(3), "at least 5"),
        (np.ones((2, 53)), np.ones((2, 53)), "must agree"),
    ],
)
def test_wrong_shapes_are_refused(wavelength, reflectance, message):
    with pytest.raises(ValueError, match=message):
        extract_spectral_features(wavelength, reflectance)


def test_components_agree_with_the_published_ones(archives):
    dataset = load_dataset(
        archives / "nea_visnir" / "MITHNEOSCLEAN.csv", archives / "nea_visnir" / "visnir_files.zip"
    )
    agreement = compare_components(make_features(dataset.spectra)[1], dataset.table)
    assert (agreement.spectra >= 270).all()
    assert (agreement.median_absolute_difference < [0.003, 0.02, 0.01, 0.006, 0.006, 0.01]).all()
    assert (agreement.median_absolute_difference < 0.15 * agreement.published_standard_deviation).all()
