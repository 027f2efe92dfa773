"""Resampling without extrapolation, features without surprises, components that agree with published ones."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nea_prospect.core import WAVELENGTH_GRID
from nea_prospect.features import (
    ANCHORS,
    BANDS,
    COVERAGES,
    INPUT_FEATURES,
    INPUT_NAMES,
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
    assert (WAVELENGTH_GRID[covered] >= x[0] - 0.003).all()
    assert (WAVELENGTH_GRID[covered] <= x[-1] + 0.003).all()
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
    for row, item in zip(together, items, strict=True):
        np.testing.assert_allclose(row, resample_spectra([item])[0], rtol=1e-6)


def test_no_spectrum_gives_no_row():
    assert resample_spectra([]).shape == (0, 53)


def test_a_spectrum_outside_the_grid_has_no_value():
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
    assert features.loc[0].drop(no_band).notna().all()
    assert features.loc[0, no_band].isna().all()
    assert features.loc[1, ["slope_0.5_0.9", "band_I_depth", "PC1", "ratio_0.45_0.75"]].isna().all()
    assert features.loc[1, "band_II_depth"] == 0
    assert features.loc[2, ["slope_1.5_2.4", "band_II_area", "band_area_ratio"]].isna().all()
    assert features.loc[2, "band_0.7_depth"] == 0
    assert features.loc[3:4].isna().all(axis=None)
    assert features.anchor.tolist()[:3] == [0.55, 1.0, 0.55]


def test_one_list_names_the_features():
    features = extract_spectral_features(WAVELENGTH_GRID, np.ones(53))
    assert list(features.columns) == list(feature_table().index)


def test_each_name_in_the_list_stands_beside_its_own_number():
    x = WAVELENGTH_GRID
    y = (1 + 0.3 * (x - 0.55)) * (1 - 0.2 * np.exp(-0.5 * ((x - 0.95) / 0.08) ** 2))
    row = extract_spectral_features(x, y).loc[0]
    at = dict(zip(x.round(3), y, strict=True))
    assert row["maximum"] - row["minimum"] == pytest.approx(row["range"])
    assert row["mean"] == pytest.approx(y.mean() / at[0.55])
    assert row["slope_1.5_2.4"] == pytest.approx(0.3, abs=1e-3)
    assert row["ratio_0.85_0.70"] == pytest.approx(at[0.85] / at[0.7])
    assert row["ratio_1.60_0.55"] == pytest.approx(at[1.6] / at[0.55])
    for band, limits in BANDS.items():
        measured = measure_band(x, y[None] / at[0.55], limits)[0]
        named = row[[f"{band}_{kind}" for kind in ("depth", "centre", "width", "area")]]
        np.testing.assert_allclose(named.to_numpy(dtype=float), measured)
    assert row["band_area_ratio"] == pytest.approx(row["band_II_area"] / row["band_I_area"])


def test_each_input_has_a_name():
    assert model_inputs(np.ones((2, 53))).shape == (2, len(INPUT_NAMES))
    assert set(INPUT_FEATURES) < set(feature_table().index)


@pytest.fixture
def without_anchor():
    """A red spectrum of 0.60-0.95 um, which covers no wavelength of normalisation."""
    x = np.arange(0.6, 0.951, 0.01)
    return spectrum(x, 2 + x)


def test_a_spectrum_without_an_anchor_is_scaled_by_its_mean(without_anchor):
    reflectance, _ = make_features([without_anchor])
    assert np.nanmean(reflectance) == pytest.approx(1.0)
    assert np.isfinite(reflectance).sum() == 15


def test_a_spectrum_without_an_anchor_has_no_features(without_anchor):
    _, features = make_features([without_anchor])
    assert features.isna().all(axis=None)


def test_a_spectrum_without_an_anchor_gives_the_same_inputs_as_in_its_own_scale(without_anchor):
    reflectance, _ = make_features([without_anchor])
    np.testing.assert_allclose(
        model_inputs(reflectance), model_inputs(resample_spectra([without_anchor])), atol=1e-12
    )


def test_spectra_with_an_anchor_are_scaled_as_without_the_others(without_anchor):
    x = np.arange(0.5, 1.2, 0.01)
    reflectance, _ = make_features([without_anchor, spectrum(x, 1 + x)])
    normalised, _ = normalise(WAVELENGTH_GRID, resample_spectra([spectrum(x, 1 + x)]))
    np.testing.assert_allclose(reflectance[1:], normalised, rtol=1e-9)


@pytest.mark.parametrize(
    "first, last, name", [(0.5, 2.4, "VISNIR"), (0.5, 1.0, "VIS"), (0.8, 2.4, "NIR"), (0.7, 1.2, "neither")]
)
def test_coverage_has_a_name(first, last, name):
    observed = (WAVELENGTH_GRID >= first) & (WAVELENGTH_GRID <= last)
    assert coverage(observed[None]).tolist() == [name]
    assert name in (*COVERAGES, "neither")


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


class TestFigures:
    def drawn(self, ax):
        handles, labels = ax.get_legend_handles_labels()
        return labels

    def test_groups_are_drawn_over_spectra_of_one_range(self):
        y = np.ones((5, 53))
        y[3:, WAVELENGTH_GRID > 1] = np.nan
        y[3:, WAVELENGTH_GRID < 0.6] = 3.0
        ax = plot_group_spectra(y, ["D-type"] * 5)
        assert self.drawn(ax) == ["D-type (3)"]
        assert (ax.lines[0].get_ydata() == 1).all()

    def test_groups_with_few_complete_spectra_are_drawn_over_all(self):
        y = np.ones((4, 53))
        y[2:, WAVELENGTH_GRID > 1] = np.nan
        assert self.drawn(plot_group_spectra(y, ["D-type"] * 4)) == ["D-type (4)"]

    @pytest.mark.parametrize("count", [0, 3])
    def test_without_anything_to_draw_the_figure_says_so(self, count):
        y = np.full((count, 53), np.nan)
        ax = plot_group_spectra(y, ["S-Group"] * count)
        assert "0.55" in ax.texts[0].get_text()

    def test_groups_without_complete_spectra_are_not_in_the_legend(self):
        features = pd.DataFrame({"PC1": [0.1, np.nan], "PC2": [0.1, np.nan]})
        assert self.drawn(plot_component_plane(features, ["S-Group", "D-type"])) == ["S-Group (1)"]

    def test_no_complete_spectrum_is_said_to_be_none(self):
        features = pd.DataFrame({"PC1": [np.nan], "PC2": [np.nan]})
        assert "no complete" in plot_component_plane(features, ["S-Group"]).texts[0].get_text()

    def test_a_measurement_names_its_scale(self, without_anchor):
        assert "mean = 1" in plot_measurement(without_anchor).get_ylabel()
        x = np.arange(0.9, 2.4, 0.01)
        assert "1.00" in plot_measurement(spectrum(x, x)).get_ylabel()

    @pytest.fixture(autouse=True)
    def close(self):
        yield
        plt.close("all")


def test_without_published_components_there_is_nothing_to_compare():
    features = extract_spectral_features(WAVELENGTH_GRID, np.ones((2, 53)))
    table = pd.DataFrame(np.nan, index=range(2), columns=["slope", "PC1", "PC2", "PC3", "PC4", "PC5"])
    assert compare_components(features, table).empty
