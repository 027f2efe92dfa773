"""Sizes, orbits, resources and ranks against published values, and what happens if something is unknown."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy

from nea_prospect.catalogs import read_catalog
from nea_prospect.core import GROUPS
from nea_prospect.features import hydration_band, make_features
from nea_prospect.loading import Spectrum, bundled, load_dataset
from nea_prospect.prospecting import (
    POPULATION,
    accessibility,
    complete_facts,
    confusion_by_coverage,
    delta_v,
    diameter,
    example_asteroids,
    expected_gain,
    pareto_front,
    plot_followup,
    plot_reach,
    plot_targets,
    plot_top,
    population_mixture,
    rank_followup,
    rank_prospects,
    read_orbits,
    resource_types,
    sample_properties,
    top_table,
    type_probabilities,
)


@pytest.mark.parametrize(
    "number, published", [("101955", 5.09), ("162173", 4.65), ("25143", 4.63), ("433", 6.07)]
)
def test_delta_v_of_visited_asteroids(number, published):
    orbit = read_orbits().loc[number]
    assert delta_v(orbit.a_au, orbit.e, orbit.i_deg) == pytest.approx(published, abs=0.03)


def test_delta_v_is_continuous_between_apollo_and_amor_and_grows_with_inclination():
    e = np.array([0.1, 0.3, 0.5])
    near = 1 / (1 - e)
    np.testing.assert_allclose(delta_v(near - 1e-9, e, 0.0), delta_v(near + 1e-9, e, 0.0), atol=1e-3)
    assert (np.diff(delta_v(1.5, 0.2, np.arange(0, 40, 5.0))) > 0).all()
    assert np.isnan(delta_v([1.5, -1.0, np.nan, 1.2], [1.2, 0.1, 0.1, np.nan], 5.0)).all()


def test_diameters_of_the_catalog_follow_from_magnitude_and_albedo():
    catalog = read_catalog(bundled()[0])
    ratio = diameter(catalog.H, catalog.albedo) / catalog.diameter_km
    famous = ["719", "887", "1036", "1580", "1620", "1627", "1862", "1866", "4179", "3200", "1685", "3552"]
    assert (np.abs(ratio[catalog.number.isin(famous)] - 1) < 0.1).sum() >= 10
    assert np.nanmedian(ratio) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    "column, value, message",
    [
        ("share", -1.0, "share has the value -1; choose"),
        ("albedo", 0.0, "albedo has the value 0; choose"),
        ("water_probability", 1.5, "water_probability has the value 1.5; choose 0 to 1"),
        ("metal_low_wt_percent", 99.0, "metal_high_wt_percent"),
        ("band_seen", 2.0, "band_seen"),
        ("group", "S-Group", "must have types"),
        ("density_sd", np.nan, "density_sd"),
    ],
)
def test_a_table_of_types_that_makes_no_sense_is_refused(tmp_path, column, value, message):
    resource_types().assign(**{column: value}).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(ValueError, match=message):
        resource_types(tmp_path / "own.csv")
    resource_types().drop(columns=column).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(ValueError, match=f"no column {column}"):
        resource_types(tmp_path / "own.csv")


@pytest.mark.parametrize("kind, members", [("Ch", ["Ch", "Cgh"]), ("C", ["B", "C", "Cb", "F"])])
def test_how_often_the_band_is_seen_is_what_the_bundled_spectra_show(bands, kind, members):
    rates = resource_types().set_index("type").band_seen
    assert bands[bands.index.isin(members)].mean() == pytest.approx(rates[kind], abs=0.01)


@pytest.fixture(scope="module")
def bands():
    """Whether each bundled spectrum shows the 0.7 um band, by published class."""
    parts = [load_dataset(*bundled(kind)) for kind in ("targets", "auxiliary")]
    classes = pd.concat([part.table["class"] for part in parts]).str.rstrip(":w")
    band = np.concatenate([hydration_band(make_features(part.spectra)[1]) for part in parts])
    return pd.Series(band, classes.to_numpy())


def groups_of(*names):
    return np.eye(6)[[GROUPS.index(name) for name in names]]


def make_asteroids(**columns):
    n = max(len(value) for value in columns.values() if isinstance(value, list))
    group = columns.pop("group", ["C-Group"] * n)
    names = {
        "Asteroid_ID": [f"a{row}" for row in range(n)],
        "Name": "",
        "Designation": "",
        "Published_Class": "",
    }
    facts = {"H": 20.0, "albedo": np.nan, "diameter_km": np.nan, "band_0.7_seen": np.nan}
    orbit = {"a_au": 1.3, "e": 0.25, "i_deg": 4.0}
    probabilities = dict(zip([f"Prob_{name}" for name in GROUPS], groups_of(*group).T, strict=True))
    return pd.DataFrame(names | facts | orbit | columns | probabilities | {"Predicted_Taxonomy": group})


def kinds_of(groups, albedo=np.nan, band=np.nan):
    """Probabilities of the types, one row an asteroid."""
    types, n = resource_types(), len(groups)
    known = (np.broadcast_to(np.asarray(value, dtype=float), n) for value in (albedo, band))
    return pd.DataFrame(type_probabilities(groups, *known, types), columns=types.type)


def test_an_x_asteroid_is_metal_only_if_its_albedo_says_so():
    kinds = kinds_of(groups_of(*["X-Group"] * 4), albedo=[np.nan, 0.04, 0.15, 0.6])
    assert kinds.M[0] == pytest.approx(0.13 * 0.14 / (0.02 * 0.55 + 0.13 * 0.14 + 0.85 * 0.05))
    assert kinds.M[1] < 0.1
    assert kinds.M[2] > 0.8
    assert kinds.E[3] > 0.8
    np.testing.assert_allclose(kinds.sum(axis=1), 1)


def test_the_band_of_hydrated_minerals_moves_c_asteroids_and_no_others():
    share = [1.0, 0.5, np.nan, 0.0]
    seen, half, uncovered, unseen = kinds_of(groups_of(*["C-Group"] * 4), band=share).Ch
    assert seen > 3 * uncovered > 6 * unseen
    assert uncovered == pytest.approx(0.14, abs=0.001)
    assert unseen < half < seen
    same = kinds_of(groups_of(*["S-Group"] * 4), band=share).to_numpy()
    np.testing.assert_array_equal(same, same[:1].repeat(4, axis=0))


def test_a_bright_asteroid_is_no_carbonaceous_one_but_one_albedo_does_not_overturn_a_clear_spectrum():
    doubtful = 0.6 * groups_of("C-Group") + 0.4 * groups_of("X-Group")
    clear = 0.99 * groups_of("S-Group") + 0.01 * groups_of("C-Group")
    water = resource_types().water_probability.to_numpy()
    assert (kinds_of(doubtful, albedo=0.5) @ water)[0] < 0.3 * (kinds_of(doubtful) @ water)[0]
    assert kinds_of(clear, albedo=0.07).S[0] > 0.6


def test_a_band_is_a_dip_at_the_right_place_behind_which_the_reflectance_rises():
    wavelength = np.linspace(0.45, 1.0, 200)
    at_07, at_062 = (1 - 0.04 * np.exp(-(((wavelength - centre) / 0.06) ** 2)) for centre in (0.7, 0.62))
    bent = 1.05 - 0.1 * (wavelength - 0.45) - 0.3 * (wavelength - 0.45) ** 2
    spectra = [Spectrum(wavelength, curve, None, {}) for curve in (at_07, at_062, bent, np.ones(200))]
    spectra.append(Spectrum(wavelength[150:], np.ones(50), None, {}))
    np.testing.assert_array_equal(hydration_band(make_features(spectra)[1]), [1, 0, 0, 0, np.nan])


@pytest.mark.parametrize(
    "group, H, albedo, measured, expected",
    [
        ("S-Group", 20.0, 0.2, np.nan, diameter(20.0, 0.2)),
        ("S-Group", 20.0, 0.3, 5.0, 5.0),
        ("S-Group", np.nan, np.nan, 0.7, 0.7),
        ("S-Group", np.nan, 0.2, np.nan, np.nan),
        ("C-Group", 20.0, np.nan, np.nan, diameter(20.0, 0.098)),
        ("S-Group", 20.0, np.nan, np.nan, diameter(20.0, 0.235)),
    ],
)
def test_diameters_are_drawn_from_what_is_known_best(group, H, albedo, measured, expected):
    facts = pd.DataFrame({"H": [H], "albedo": albedo, "diameter_km": measured, "band_0.7_seen": np.nan})
    sampled = sample_properties(groups_of(group), facts, resource_types())["diameter"]
    assert np.median(sampled) == pytest.approx(expected, rel=0.04, nan_ok=True)


def test_mass_is_volume_times_density_times_content():
    content = {"water_probability": 1.0, "water_low_wt_percent": 10.0, "water_high_wt_percent": 10.0}
    types = resource_types().assign(density_g_cm3=2.0, density_sd=1e-6, **content)
    facts = pd.DataFrame({"H": [np.nan], "albedo": np.nan, "diameter_km": 1.0, "band_0.7_seen": np.nan})
    sampled = sample_properties(groups_of("C-Group"), facts, types)
    mass = np.pi / 6 * (1000 * sampled["diameter"]) ** 3 * 2.0 * 0.1
    np.testing.assert_allclose(sampled["water"], mass, rtol=1e-4)
    assert sampled["water_is_rich"].all()
    assert not sampled["metal_is_rich"].any()
    assert (sampled["metal_rich"] == 0).all()


@pytest.fixture(scope="module")
def five():
    """Five asteroids: near, far, without size, without orbit, and one that is dry."""
    asteroids = make_asteroids(
        a_au=[1.2, 2.6, 1.2, np.nan, 1.2],
        e=[0.2, 0.6, 0.2, np.nan, 0.2],
        H=[20.0, 20.0, np.nan, 20.0, 20.0],
        group=["C-Group"] * 4 + ["V-type"],
    )
    return rank_prospects(asteroids, resource_types())


def test_easier_to_reach_is_better(five):
    assert five.Water_Rank.tolist()[:2] == [1, 2]
    assert five.Water_Score[4] == 0
    assert five.Type.tolist() == ["C"] * 4 + ["V"]
    assert five.Type_Probability[0] == pytest.approx(0.86, abs=0.001)
    assert five.Water_P_Rich[0] == pytest.approx(0.25, abs=0.01)
    assert five.Water_P_Top_10[0] == pytest.approx(five.Water_P_Enough[0], abs=0.03)
    assert (five.Water_low_t <= five.Water_Expected_t)[[0, 1, 3]].all()


def test_what_is_not_known_is_noted_and_not_ranked(five):
    no_size, no_orbit = "neither H nor a diameter: no size", "no orbit: no delta-v"
    typical = "H and albedos of the types"
    assert five.Prospect_Note.tolist() == ["", "", no_size, no_orbit, ""]
    assert five.Diameter_From.tolist() == [typical, typical, "", typical, typical]
    assert five.Water_Rank[[2, 3]].isna().all()
    assert five.Water_P_Top_10[[2, 3]].isna().all()
    assert np.isfinite(five.Diameter_km[3])
    assert five.Delta_v_km_s[2] > 0


def test_an_asteroid_without_probabilities_is_named():
    asteroids = example_asteroids()
    asteroids.loc[1, "Prob_C-Group"] = np.nan
    with pytest.raises(ValueError, match="asteroid hard has no probabilities"):
        rank_prospects(asteroids, resource_types())


def test_the_same_seed_gives_the_same_ranks_and_wishes_change_them():
    asteroids = make_asteroids(H=[18.0, 20.0, 22.0, 24.0], a_au=[2.4, 1.6, 1.3, 1.1])
    once, again = (rank_prospects(asteroids, resource_types(), seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(once, again)
    modest = rank_prospects(asteroids, resource_types(), wanted_tonnes=1e3).Water_P_Enough
    greedy = rank_prospects(asteroids, resource_types(), wanted_tonnes=1e8).Water_P_Enough
    assert (modest >= greedy).all()
    assert modest[3] > greedy[3]
    assert accessibility(9.0, 3.0) < accessibility(9.0, 30.0) < 1
    assert accessibility(4.5) == 1


def test_ten_of_every_drawn_world_are_the_top_ten():
    asteroids = make_asteroids(a_au=list(np.linspace(1.1, 2.5, 200)), e=[0.2] * 200, H=[17.0] * 200)
    ranked = rank_prospects(asteroids, resource_types())
    assert ranked.Water_P_Top_10.sum() == pytest.approx(10, abs=0.01)


def test_the_pareto_front_has_no_better_neighbour():
    rng = np.random.default_rng(0)
    mass, velocity = rng.lognormal(size=300), rng.uniform(4, 12, 300)
    front = pareto_front(mass, velocity)
    better = (mass[None] > mass[:, None]) & (velocity[None] <= velocity[:, None])
    np.testing.assert_array_equal(front, ~better.any(axis=1))
    assert not pareto_front(np.zeros(3), np.ones(3)).any()


def test_what_a_catalog_does_not_give_is_filled_in_and_marked():
    names = {"asteroid": ["433", "1989 ml", "7", "10302"], "designation": ["", "1989 ML", "", ""]}
    facts = {"H": [10.4, np.nan, 5.0, np.nan], "a_au": np.nan, "e": np.nan, "i_deg": np.nan}
    table = pd.DataFrame(names | facts)
    done = complete_facts(table, read_orbits())
    assert done.Filled_In.tolist() == ["orbit", "H and orbit", "", "H and orbit"]
    assert done.H[0] == 10.4
    assert np.isnan(done.a_au[2])
    assert done.H[1] == done.H[3]
    assert delta_v(done.a_au[0], done.e[0], done.i_deg[0]) == pytest.approx(6.07, abs=0.03)


def test_an_asteroid_is_found_by_a_former_designation():
    orbits = read_orbits()
    several = orbits[orbits.identities.str.count(";") >= 2]
    assert len(several) > 200
    table = pd.DataFrame({"asteroid": several.identities.str.split(";").str[-1], "designation": ""}).iloc[:50]
    done = complete_facts(table.assign(H=np.nan, a_au=np.nan, e=np.nan, i_deg=np.nan), orbits)
    np.testing.assert_array_equal(done.a_au, several.a_au.iloc[:50])


def test_without_orbits_nothing_is_filled_in():
    table = example_asteroids().rename(columns={"Asteroid_ID": "asteroid", "Designation": "designation"})
    done = complete_facts(table, read_orbits().iloc[:0])
    assert (done.Filled_In == "").all()
    pd.testing.assert_series_equal(done.H, table.H)


def test_a_perfect_prediction_is_worth_the_entropy_and_noise_is_worth_nothing():
    prior = np.random.default_rng(0).dirichlet(np.ones(5), size=20)
    entropy = scipy.stats.entropy(prior, base=2, axis=1)
    np.testing.assert_allclose(expected_gain(prior, np.eye(5)), entropy, atol=1e-9)
    np.testing.assert_allclose(expected_gain(prior, np.full((5, 5), 0.2)), 0, atol=1e-9)
    gain = expected_gain(prior, 0.7 * np.eye(5) + 0.06)
    assert (gain > 0).all()
    assert (gain < entropy).all()


def test_channels_count_predictions_by_coverage():
    table = pd.DataFrame({"label": ["C-Group"] * 60 + ["S-Group"] * 60 + [""] * 9})
    predictions = groups_of(*["C-Group"] * 60, *["S-Group"] * 30, *["C-Group"] * 39)
    channels = confusion_by_coverage(predictions, table, np.array(["NIR"] * 129))
    assert list(channels) == ["NIR"]
    np.testing.assert_allclose(channels["NIR"].sum(axis=1), 1)
    assert channels["NIR"][0, 0] > 0.95
    assert channels["NIR"][2, 2] == pytest.approx(0.49, abs=0.02)
    assert channels["NIR"][2, 0] == pytest.approx(0.49, abs=0.02)


def test_every_asteroid_with_an_orbit_is_in_the_followup_once():
    orbits = read_orbits().iloc[:3000]
    asteroids = make_asteroids(
        Asteroid_ID=[*orbits.index[:3], "of no orbit"],
        a_au=[*orbits.a_au[:3], np.nan],
        e=[*orbits.e[:3], np.nan],
        i_deg=[*orbits.i_deg[:3], np.nan],
        H=[15.0, 16.0, 17.0, 18.0],
    )
    channels = {"NIR": 0.8 * np.eye(5) + 0.04, "VIS": 0.5 * np.eye(5) + 0.1}
    followup = rank_followup(rank_prospects(asteroids, resource_types()), orbits, channels, resource_types())
    assert followup.Asteroid_ID.is_unique
    assert set(followup.Asteroid_ID) == set(orbits.index)
    assert (followup.Kind == "classified").sum() == 3
    assert followup.Priority.dropna().is_monotonic_decreasing
    assert (followup.Next[followup.Kind == "no class"] == "NIR").all()
    never = followup[followup.Kind == "no class"].dropna(subset="H_mag").iloc[0]
    assert never.Diameter_low_km < never.Diameter_km < never.Diameter_high_km
    assert 0 <= never.P_Large <= 1


def test_an_asteroid_classified_under_a_former_designation_is_not_without_class():
    orbits = read_orbits()
    several = orbits[orbits.identities.str.count(";") >= 2].iloc[:3]
    former = several.identities.str.split(";").str[-1].tolist()
    prospects = rank_prospects(make_asteroids(Asteroid_ID=former), resource_types())
    followup = rank_followup(prospects, several, {}, resource_types())
    assert followup.Kind.tolist() == ["classified"] * 3
    assert sorted(followup.Orbit_Uncertainty) == sorted(several.orbit_uncertainty)


def test_the_population_is_brighter_at_one_magnitude_than_at_one_size():
    assert population_mixture(resource_types())[GROUPS.index("S-Group")] > 0.5 > POPULATION["S-Group"]


@pytest.mark.parametrize("channels, ranked", [({}, False), ({"VISNIR": 0.8 * np.eye(5) + 0.04}, True)])
def test_without_channels_of_a_single_instrument_none_is_recommended(channels, ranked):
    orbits = read_orbits().iloc[:50]
    prospects = rank_prospects(make_asteroids(Asteroid_ID=list(orbits.index[:2])), resource_types())
    followup = rank_followup(prospects, orbits, channels, resource_types())
    assert len(followup) == 50
    assert (followup.Next == "").all()
    assert followup.Priority.notna().any() == ranked
    plt.close(plot_followup(followup).figure)


@pytest.mark.parametrize("n", [0, 3])
def test_where_nothing_is_known_the_tables_are_empty_and_the_figures_say_so(n):
    nothing = make_asteroids(Asteroid_ID=list("abc"), H=np.nan, a_au=np.nan, e=np.nan, i_deg=np.nan).iloc[:n]
    prospects = rank_prospects(nothing, resource_types())
    followup = rank_followup(prospects, read_orbits().iloc[:0], {}, resource_types())
    table = pd.DataFrame({"asteroid": ["a"], "label": ["C-Group"]})
    assert len(prospects) == n
    assert len(followup) == 0
    assert len(top_table(prospects, "water")) == 0
    figures = [
        plot_reach(prospects),
        plot_top(prospects, "water"),
        plot_targets(prospects, "metal", np.ones((1, 53)), table),
        plot_followup(followup),
    ]
    for ax in figures:
        assert ax.texts[0].get_text().endswith(".")
        ax.figure.canvas.draw()
        plt.close(ax.figure)


def test_the_spectrum_of_a_target_is_drawn_also_without_a_complete_one_of_its_group():
    reflectance = np.full((1, 53), np.nan)
    reflectance[0, :20] = 2.0
    prospects = rank_prospects(example_asteroids().assign(Predicted_Taxonomy="C-Group"), resource_types())
    table = pd.DataFrame({"asteroid": ["easy"], "label": ["C-Group"]})
    ax = plot_targets(prospects, "water", reflectance, table)
    assert ax.get_title() == "easy\nC-Group: C-Group 100%"
    np.testing.assert_array_equal(ax.lines[0].get_ydata()[:20], 1.0)
    plt.close(ax.figure)


def test_the_top_table_is_made_for_reading():
    asteroids = make_asteroids(
        Asteroid_ID=["433", "2020 AB"], Name=["Eros", ""], Designation=["A898 PA", "2020 AB"], H=[18.0, 25.0]
    )
    shown = top_table(rank_prospects(asteroids, resource_types()), "water")
    assert shown.Asteroid.tolist() == ["(433) Eros", "2020 AB"]
    assert shown.index.tolist() == [1, 2]
    assert shown.Group.tolist() == ["C-Group 100%"] * 2
