"""Resampling without extrapolation, features without surprises, components that agree with published ones."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from helpers import make_spectrum
from hypothesis import given, settings
from hypothesis import strategies as st

from nea_prospect.core import NAMED_GROUPS, WAVELENGTH_GRID
from nea_prospect.features import (
    ANCHORS,
    BANDS,
    compare_components,
    coverage,
    extract_spectral_features,
    feature_table,
    make_features,
    measure_band,
    model_inputs,
    normalise,
    plot_component_plane,
    plot_group_spectra,
    plot_measurement,
    resample_noise,
    resample_spectra,
)
from nea_prospect.loading import Spectrum, bundled, load_dataset

WITHOUT_ANCHOR = make_spectrum(slope=0.4, low=0.6, high=0.95)


def test_bundled_spectra_come_back_unchanged():
    dataset = load_dataset(*bundled())
    for row, item in zip(resample_spectra(dataset.spectra), dataset.spectra, strict=True):
        position = np.searchsorted(WAVELENGTH_GRID, item.wavelength - 1e-6)
        np.testing.assert_allclose(row[position], item.reflectance, rtol=1e-9)
        below = WAVELENGTH_GRID < item.wavelength[0] - 0.003
        above = WAVELENGTH_GRID > item.wavelength[-1] + 0.003
        assert np.isnan(row[below | above]).all()


@settings(max_examples=100)
@given(st.floats(0.4, 1.2), st.floats(1.3, 2.5), st.floats(0.002, 0.04), st.floats(-0.1, 0.4))
def test_nothing_is_extrapolated_and_lines_stay_lines(start, stop, step, slope):
    x = np.arange(start, stop, step)
    values = resample_spectra([Spectrum(x, 1 + slope * x, None, {})])[0]
    covered = np.isfinite(values)
    assert (WAVELENGTH_GRID[covered] >= x[0] - 0.003).all()
    assert (WAVELENGTH_GRID[covered] <= x[-1] + 0.003).all()
    assert covered[(WAVELENGTH_GRID >= x[0]) & (WAVELENGTH_GRID <= x[-1])].all()
    np.testing.assert_allclose(values[covered], 1 + slope * WAVELENGTH_GRID[covered], rtol=0.02)


def test_gaps_are_bridged_only_if_narrow():
    x = np.r_[np.arange(0.5, 1.3, 0.01), np.arange(1.4, 1.8, 0.01), np.arange(2.1, 2.45, 0.01)]
    values = resample_spectra([Spectrum(x, np.ones(len(x)), None, {})])[0]
    assert np.isfinite(values[(WAVELENGTH_GRID > 1.3) & (WAVELENGTH_GRID < 1.4)]).all()
    assert np.isnan(values[(WAVELENGTH_GRID > 1.83) & (WAVELENGTH_GRID < 2.07)]).all()


def test_spectra_do_not_influence_each_other():
    rng = np.random.default_rng(1)
    xs = [np.sort(rng.uniform(0.4, 2.5, n)) for n in (300, 15, 80, 11, 500)]
    items = [Spectrum(x, rng.uniform(0.5, 1.5, len(x)), None, {}) for x in xs]
    alone = [make_features([item])[0] for item in [WITHOUT_ANCHOR, *items]]
    together, _ = make_features([WITHOUT_ANCHOR, *items])
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-6)


def test_noise_of_an_average_falls_with_the_number_of_its_points():
    x = np.r_[np.arange(0.80, 1.0, 0.00625), np.arange(1.0, 1.3, 0.025), np.arange(1.375, 1.8, 0.05)]
    errors = np.full(len(x), 0.06)
    errors[(x > 1.41) & (x < 1.48)] = np.nan
    errors[(x > 1.61) & (x < 1.68)] = 0.0
    item = Spectrum(x, np.full(len(x), 3.0), errors, {})
    noise = resample_noise([make_spectrum(), item])
    assert np.isnan(noise[0]).all(), "it came without errors"
    at = dict(zip(WAVELENGTH_GRID.round(3), noise[1], strict=True))
    assert at[0.9] == pytest.approx(0.02 / 2)
    assert at[1.15] == pytest.approx(0.02 / np.sqrt(2)), "where cells are wider"
    assert at[1.55] == pytest.approx(0.02)
    assert [at[1.45], at[1.65]] == pytest.approx([0.02, 0.02]), "of unknown error: the usual one"
    assert np.isnan([at[0.7], at[2.0]]).all(), "not covered"
    item.uncertainty[:] = 0
    assert np.isnan(resample_noise([item])).all(), "errors of zero are none"


def test_points_with_larger_errors_count_less_in_an_average():
    x, rng = np.arange(0.8, 2.4, 0.005), np.random.default_rng(0)
    errors = np.where(np.arange(len(x)) % 3 == 0, 0.2, 0.02)
    found, told = np.empty((2, 300, len(WAVELENGTH_GRID))), []
    for row in range(300):
        y = 2 + errors * rng.standard_normal(len(x))
        with_errors, without = (Spectrum(x, y, own, {}) for own in (errors, None))
        found[0, row], found[1, row] = resample_spectra([with_errors, without])
        told.append(resample_noise([with_errors])[0])
    covered = np.isfinite(found).all(axis=(0, 1))
    weighted, plain = found[:, :, covered].std(axis=1)
    assert np.median(weighted / plain) < 0.4
    assert np.median(weighted / 2 / np.mean(told, axis=0)[covered]) == pytest.approx(1, abs=0.2)
    one = Spectrum(x, y, np.full(len(x), 0.3), {})
    np.testing.assert_allclose(resample_spectra([one])[0], found[1, -1], rtol=1e-12)  # equal weights
    errors[7] = 1e-9
    sure = resample_spectra([Spectrum(x, y, errors, {})])[0]
    np.testing.assert_allclose(sure[covered], found[0, -1][covered], rtol=0.02)


@pytest.mark.parametrize("error", [1e300, 1e40, 1e-40, 1e-300, np.inf, -1.0])
@pytest.mark.parametrize("share", [1, 150, 300])
def test_errors_that_cannot_be_do_no_harm(error, share):
    """Warnings are errors here."""
    x = np.linspace(0.5, 2.4, 300)
    errors = np.full(300, 0.01)
    errors[:share] = error
    item = Spectrum(x, 1 + 0.1 * x, errors, {})
    covered = np.isfinite(resample_spectra([item])[0])
    np.testing.assert_allclose(
        resample_spectra([item])[0][covered], 1 + 0.1 * WAVELENGTH_GRID[covered], rtol=2e-3
    )
    assert covered.sum() == 50
    noise = resample_noise([item])[0]
    assert np.isnan(noise).all() or (noise[covered] >= 0).all()


def test_without_points_on_the_grid_there_is_no_value():
    assert resample_noise([]).shape == resample_spectra([]).shape == (0, 53)
    assert np.isnan(resample_spectra([make_spectrum(low=3, high=4)])).all()


@settings(max_examples=50)
@given(st.floats(1e-3, 1e3), st.integers(0, 10**6))
def test_features_do_not_depend_on_the_scale(scale, seed):
    y = np.random.default_rng(seed).uniform(0.8, 1.2, (3, 53))
    y[1, :20] = np.nan
    features, scaled = (extract_spectral_features(WAVELENGTH_GRID, values) for values in (y, scale * y))
    pd.testing.assert_frame_equal(features, scaled, rtol=1e-6, atol=1e-6)


def test_missing_wavelengths_make_missing_features_and_no_warnings():
    y = np.ones((4, 53))
    y[1, WAVELENGTH_GRID < 0.8] = np.nan
    y[2, WAVELENGTH_GRID > 0.95] = np.nan
    y[3, WAVELENGTH_GRID < 2.2] = np.nan
    features = extract_spectral_features(WAVELENGTH_GRID, y)
    no_band = [f"{band}_{kind}" for band in BANDS for kind in ("centre", "width")] + ["band_area_ratio"]
    assert features.loc[0].drop(no_band).notna().all()
    assert features.loc[0, no_band].isna().all()
    assert features.loc[1, ["slope_0.5_0.9", "band_I_depth", "PC1", "ratio_0.45_0.75"]].isna().all()
    assert features.loc[1, "band_II_depth"] == 0
    assert features.loc[2, ["slope_1.5_2.4", "band_II_area", "band_area_ratio"]].isna().all()
    assert features.loc[2, "band_0.7_depth"] == 0
    assert features.loc[3].isna().all()


def test_each_name_in_the_list_stands_beside_its_own_number():
    x = WAVELENGTH_GRID
    y = (1 + 0.3 * (x - 0.55)) * (1 - 0.2 * np.exp(-0.5 * ((x - 0.95) / 0.08) ** 2))
    row = extract_spectral_features(x, y).loc[0]
    at = dict(zip(x.round(3), y, strict=True))
    assert row["maximum"] - row["minimum"] == pytest.approx(row["range"])
    assert row["mean"] == pytest.approx(y.mean() / at[0.55])
    assert row["slope_1.5_2.4"] == pytest.approx(0.3, abs=1e-3)
    assert row["ratio_1.60_0.55"] == pytest.approx(at[1.6] / at[0.55])
    for band, limits in BANDS.items():
        named = row[[f"{band}_{kind}" for kind in ("depth", "centre", "width", "area")]].to_numpy(dtype=float)
        np.testing.assert_allclose(named, measure_band(x, y[None] / at[0.55], limits)[0])
    assert row["band_area_ratio"] == pytest.approx(row["band_II_area"] / row["band_I_area"])


def test_a_spectrum_without_an_anchor_gives_the_same_inputs_as_in_its_own_scale():
    reflectance, _ = make_features([WITHOUT_ANCHOR])
    own_scale = resample_spectra([WITHOUT_ANCHOR])
    np.testing.assert_allclose(model_inputs(reflectance), model_inputs(own_scale), atol=1e-12)


def test_coverage_has_a_name():
    first, last = np.array([(0.5, 2.4), (0.5, 1.0), (0.8, 2.4), (0.7, 1.2)]).T[..., None]
    observed = (WAVELENGTH_GRID >= first) & (WAVELENGTH_GRID <= last)
    assert coverage(observed).tolist() == ["VISNIR", "VIS", "NIR", "neither"]


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
    dip = depth * np.exp(-0.5 * ((WAVELENGTH_GRID - centre) / width) ** 2)
    y = (1 + 0.05 * (WAVELENGTH_GRID - 0.55)) * (1 - dip)
    found = measure_band(WAVELENGTH_GRID, y[None], BANDS[band])[0]
    assert found[0] == pytest.approx(depth, abs=0.02 + 0.05 * depth)
    assert found[1] == pytest.approx(centre, abs=0.02)
    assert found[3] == pytest.approx(depth * width * np.sqrt(2 * np.pi), rel=0.2)


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("noise", [0.005, 0.02])
def test_noise_is_no_band(band, noise):
    rng = np.random.default_rng(0)
    y = (1 + 0.2 * WAVELENGTH_GRID) * rng.normal(1, noise, (500, len(WAVELENGTH_GRID)))
    centres = measure_band(WAVELENGTH_GRID, y, BANDS[band])[:, 1]
    assert np.isfinite(centres).mean() < 0.06


@pytest.mark.parametrize("first", [0.5, 0.65, 0.8, 1.0])
def test_wavelengths_may_begin_anywhere(first):
    wavelength = np.arange(first, 2.45, 0.02)
    features = extract_spectral_features(wavelength, 1 + 0.1 * wavelength)
    assert features.slope.notna().all()
    assert features["band_0.7_depth"].isna().all() == (first > 0.5)


def test_every_number_stands_under_its_name_in_whatever_order_the_names_are_listed(monkeypatch):
    y = 1 + 0.1 * np.sin(5 * WAVELENGTH_GRID)
    expected, listed = extract_spectral_features(WAVELENGTH_GRID, y), feature_table()
    monkeypatch.setattr("nea_prospect.features.feature_table", lambda: listed[::-1])
    turned = extract_spectral_features(WAVELENGTH_GRID, y)
    assert turned.columns.tolist() == expected.columns.tolist()[::-1]
    pd.testing.assert_frame_equal(turned[expected.columns], expected)


@pytest.mark.parametrize("shape, n_points", [((53,), 52), ((3,), 3), ((2, 53), 53)])
def test_wrong_shapes_are_refused(shape, n_points):
    wavelength = np.resize(WAVELENGTH_GRID, shape)
    with pytest.raises(ValueError, match="must agree|at least 5"):
        extract_spectral_features(wavelength, np.ones(n_points))


def test_components_agree_with_the_published_ones(archives):
    folder = archives / "nea_visnir"
    dataset = load_dataset(folder / "MITHNEOSCLEAN.csv", folder / "visnir_files.zip")
    agreement = compare_components(make_features(dataset.spectra)[1], dataset.table)
    assert (agreement.spectra >= 270).all()
    assert (agreement.median_absolute_difference < [0.003, 0.02, 0.01, 0.006, 0.006, 0.01]).all()
    assert (agreement.median_absolute_difference < 0.15 * agreement.published_standard_deviation).all()


class TestFigures:
    @pytest.fixture(autouse=True)
    def close(self):
        yield
        plt.close("all")

    @pytest.mark.parametrize("complete, drawn", [(3, 3), (2, 4)])
    def test_groups_are_drawn_over_spectra_of_one_range_if_these_are_enough(self, complete, drawn):
        y = np.ones((complete + 2, 53))
        y[complete:, WAVELENGTH_GRID > 1] = np.nan
        ax = plot_group_spectra(y, ["D-type"] * len(y))
        assert ax.get_legend_handles_labels()[1] == [f"D-type ({drawn})"]

    def test_the_legend_of_the_groups_lies_above_the_spectra(self):
        steps = np.outer([0.5, 1.0, 1.5] * 5, WAVELENGTH_GRID - 0.55)
        ax = plot_group_spectra(1 + steps, np.repeat(NAMED_GROUPS, 3))
        ax.figure.canvas.draw()
        box = ax.get_legend().get_window_extent().transformed(ax.transData.inverted())
        beside = WAVELENGTH_GRID <= box.x1
        assert box.y0 > 1 + steps.max(axis=0)[beside].max()

    def test_no_spectrum_to_draw_is_said(self):
        assert "0.55" in plot_group_spectra(np.full((1, 53), np.nan), ["S-Group"]).texts[0].get_text()

    def test_only_complete_spectra_are_in_the_plane_of_components(self):
        features = pd.DataFrame({"PC1": [0.1, np.nan], "PC2": [0.1, np.nan]})
        ax = plot_component_plane(features, ["S-Group", "D-type"])
        assert ax.get_legend_handles_labels()[1] == ["S-Group (1)"]
        ax = plot_component_plane(features[1:], ["D-type"])
        assert "no complete" in ax.texts[0].get_text()

    @pytest.mark.parametrize("item, scale", [(WITHOUT_ANCHOR, "mean = 1"), (make_spectrum(low=0.9), "1.00")])
    def test_a_measurement_names_its_scale(self, item, scale):
        assert scale in plot_measurement(item).get_ylabel()
