"""Sizes, orbits, resources and ranks against published values, and what happens where something is not known."""

import numpy as np
import pandas as pd
import pytest

from nea_prospect.catalogs import read_catalog
from nea_prospect.core import GROUPS
from nea_prospect.features import hydration_band, make_features
from nea_prospect.loading import Spectrum, bundled
from nea_prospect.prospecting import (
    POPULATION,
    accessibility,
    complete_facts,
    confusion_by_coverage,
    delta_v,
    diameter,
    entropy,
    expected_gain,
    pareto_front,
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
    known = catalog[catalog.albedo.notna() & catalog.diameter_km.notna() & catalog.H.notna()]
    ratio = diameter(known.H, known.albedo) / known.diameter_km
    famous = ["719", "887", "1036", "1580", "1620", "1627", "1862", "1866", "4179", "3200", "1685", "3552"]
    ten = ratio[known.number.isin(famous)]
    assert len(ten) >= 10 and (np.abs(ten - 1) < 0.1).sum() >= 10 and np.abs(np.median(ratio) - 1) < 0.03


def test_the_bundled_table_says_what_its_sources_say():
    model = resource_types()
    assert set(model.group) == set(GROUPS) and (model.source.str.len() > 20).all()
    np.testing.assert_allclose(model.groupby("group").share.sum(), 1)
    x = model[model.group == "X-Group"]
    assert (x.share * x.albedo).sum() == pytest.approx(0.072, abs=0.002)
    c = model[model.group == "C-Group"]
    assert (c.share * c.water_probability).sum() == pytest.approx(0.25, abs=0.002)


@pytest.mark.parametrize(
    "column, value, message",
    [
        ("share", -1.0, "share has a value"),
        ("albedo", 0.0, "albedo has a value"),
        ("water_probability", 1.5, "water_probability"),
        ("metal_low_wt_percent", 99.0, "metal_high_wt_percent"),
        ("band_seen", 2.0, "band_seen"),
        ("group", "S-Group", "must have types"),
        ("density_sd", np.nan, "density_sd"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path, column, value, message):
    resource_types().assign(**{column: value}).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(ValueError, match=message):
        resource_types(tmp_path / "own.csv")
    resource_types().drop(columns=column).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(ValueError, match=f"no column {column}"):
        resource_types(tmp_path / "own.csv")


def groups_of(*names):
    return np.eye(6)[[GROUPS.index(name) for name in names]]


def make_asteroids(**columns):
    n = len(next(iter(columns.values())))
    plain = {
        "Asteroid_ID": [str(k + 1) for k in range(n)],
        "Name": "",
        "Designation": "",
        "Published_Class": "",
        "H": 20.0,
        "albedo": np.nan,
        "diameter_km": np.nan,
        "a_au": 1.3,
        "e": 0.25,
        "i_deg": 4.0,
        "band_0.7_seen": np.nan,
    }
    given = plain | columns
    group = given.pop("group", ["C-Group"] * n)
    return pd.DataFrame(
        {
            **given,
            **{f"Prob_{name}": groups_of(*group)[:, k] for k, name in enumerate(GROUPS)},
            "Predicted_Taxonomy": group,
        }
    )


def test_an_x_asteroid_is_metal_only_if_its_albedo_says_so():
    model = resource_types()
    kinds = pd.DataFrame(
        type_probabilities(
            groups_of(*["X-Group"] * 4), np.array([np.nan, 0.04, 0.15, 0.6]), np.full(4, np.nan), model
        ),
        columns=model.type,
    )
    assert (
        kinds.M[0] == pytest.approx(0.13 * 0.14 / (0.02 * 0.55 + 0.13 * 0.14 + 0.85 * 0.05))
        and kinds.M[1] < 0.1
        and kinds.M[2] > 0.8
        and kinds.E[3] > 0.8
    )
    np.testing.assert_allclose(kinds.sum(axis=1), 1)


def test_the_band_of_hydrated_minerals_moves_c_asteroids_and_no_others():
    model, albedo = resource_types(), np.full(3, np.nan)
    share = np.array([1.0, 0.0, np.nan])
    seen, unseen, uncovered = (
        pd.Series(row, index=model.type)
        for row in type_probabilities(groups_of(*["C-Group"] * 3), albedo, share, model)
    )
    assert seen.Ch > 3 * uncovered.Ch > 6 * unseen.Ch and uncovered.Ch == pytest.approx(0.14, abs=0.001)
    half = type_probabilities(groups_of("C-Group"), np.array([np.nan]), np.array([0.5]), model)[0]
    assert unseen.Ch < half[list(model.type).index("Ch")] < seen.Ch
    same = type_probabilities(groups_of(*["S-Group"] * 3), albedo, share, model)
    np.testing.assert_array_equal(same, same[:1].repeat(3, axis=0))


def test_a_bright_asteroid_is_no_carbonaceous_one_but_one_albedo_does_not_overturn_a_clear_spectrum():
    model = resource_types()
    doubtful, clear = (
        0.6 * groups_of("C-Group") + 0.4 * groups_of("X-Group"),
        0.99 * groups_of("S-Group") + 0.01 * groups_of("C-Group"),
    )
    nothing = np.array([np.nan])
    bright = type_probabilities(doubtful, np.array([0.5]), nothing, model)[0] @ model.water_probability
    assert bright < 0.3 * (type_probabilities(doubtful, nothing, nothing, model)[0] @ model.water_probability)
    kinds = pd.Series(type_probabilities(clear, np.array([0.07]), nothing, model)[0], index=model.type)
    assert kinds.S > 0.6


def test_a_band_is_a_dip_at_the_right_place_behind_which_the_reflectance_rises():
    wavelength, dip = np.linspace(0.45, 1.0, 200), lambda x, at: 0.04 * np.exp(-(((x - at) / 0.06) ** 2))
    curves = [
        1 - dip(wavelength, 0.7),
        1 - dip(wavelength, 0.62),
        1.05 - 0.1 * (wavelength - 0.45) - 0.3 * (wavelength - 0.45) ** 2,
        np.ones(200),
    ]
    features = make_features(
        [Spectrum(wavelength, curve, None, {}) for curve in curves]
        + [Spectrum(wavelength[150:], curves[3][150:], None, {})]
    )[1]
    np.testing.assert_array_equal(hydration_band(features), [1, 0, 0, 0, np.nan])


def test_diameters_are_drawn_from_what_is_known_best():
    facts = pd.DataFrame(
        {
            "H": [20.0, 20.0, np.nan, np.nan],
            "albedo": [0.2, 0.3, np.nan, 0.2],
            "diameter_km": [np.nan, 5.0, 0.7, np.nan],
            "band_0.7_seen": np.nan,
        }
    )
    drawn = sample_properties(groups_of(*["S-Group"] * 4), facts, resource_types())["diameter"]
    assert np.median(drawn[0]) == pytest.approx(diameter(20.0, 0.2), rel=0.03) and np.median(
        drawn[1]
    ) == pytest.approx(5.0, rel=0.03)
    assert np.median(drawn[2]) == pytest.approx(0.7, rel=0.03) and np.isnan(drawn[3]).all()
    mixture = sample_properties(
        groups_of("C-Group", "S-Group"),
        facts.iloc[[2, 2]].assign(H=20.0, diameter_km=np.nan),
        resource_types(),
    )["diameter"]
    assert np.median(mixture[0]) == pytest.approx(diameter(20.0, 0.098), rel=0.05) and np.median(
        mixture[1]
    ) == pytest.approx(diameter(20.0, 0.235), rel=0.05)


def test_mass_is_volume_times_density_times_content():
    model = resource_types().assign(
        water_probability=1.0,
        albedo_sd=1e-6,
        density_sd=1e-6,
        density_g_cm3=2.0,
        water_low_wt_percent=10.0,
        water_high_wt_percent=10.0,
    )
    facts = pd.DataFrame({"H": [np.nan], "albedo": np.nan, "diameter_km": 1.0, "band_0.7_seen": np.nan})
    drawn = sample_properties(groups_of("C-Group"), facts, model)
    np.testing.assert_allclose(
        drawn["water"], np.pi / 6 * (1000 * drawn["diameter"]) ** 3 * 2.0 * 0.1, rtol=1e-4
    )
    assert (
        drawn["water_is_rich"].all() and not drawn["metal_is_rich"].any() and (drawn["metal_rich"] == 0).all()
    )


def test_easier_to_reach_is_better_and_gaps_are_told():
    asteroids = make_asteroids(
        a_au=[1.2, 2.6, 1.2, np.nan, 1.2],
        e=[0.2, 0.6, 0.2, np.nan, 0.2],
        H=[20.0, 20.0, np.nan, 20.0, 20.0],
        group=["C-Group"] * 4 + ["V-type"],
    )
    ranked = rank_prospects(asteroids, resource_types())
    assert (
        ranked.Water_Rank.tolist()[:2] == [1, 2]
        and ranked.Water_Rank[[2, 3]].isna().all()
        and ranked.Water_Score[4] == 0
    )
    assert ranked.Type.tolist() == ["C"] * 4 + ["V"] and ranked.Type_Probability[0] == pytest.approx(
        0.86, abs=0.001
    )
    assert ranked.Prospect_Note.tolist() == [
        "",
        "",
        "neither H nor a diameter: no size",
        "no orbit: no delta-v",
        "",
    ]
    assert np.isfinite(ranked.Diameter_km[3]) and ranked.Delta_v_km_s[2] > 0 and len(ranked) == 5
    assert (
        ranked.Diameter_From.tolist()
        == ["H and albedos of the types"] * 2 + [""] + ["H and albedos of the types"] * 2
    )
    assert (ranked.Water_low_t <= ranked.Water_Expected_t)[[0, 1, 3]].all() and ranked.Water_P_Top_10[
        0
    ] == pytest.approx(ranked.Water_P_Enough[0], abs=0.03)
    assert ranked.Water_P_Top_10[[2, 3]].isna().all() and ranked.Water_P_Rich[0] == pytest.approx(
        0.25, abs=0.01
    )
    with pytest.raises(ValueError, match="no probabilities"):
        rank_prospects(asteroids.assign(**{"Prob_C-Group": np.nan}), resource_types())


def test_the_same_seed_gives_the_same_ranks_and_wishes_change_them():
    asteroids = make_asteroids(H=[18.0, 20.0, 22.0, 24.0], a_au=[2.4, 1.6, 1.3, 1.1])
    once, again = (rank_prospects(asteroids, resource_types(), seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(once, again)
    modest, greedy = (
        rank_prospects(asteroids, resource_types(), wanted_tonnes=wanted).Water_P_Enough
        for wanted in (1e3, 1e8)
    )
    assert (modest >= greedy).all() and modest[3] > greedy[3]
    slow, fast = (accessibility(9.0, velocity) for velocity in (3.0, 30.0))
    assert slow < fast < 1 and accessibility(4.5) == 1


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


def test_what_a_catalog_does_not_say_is_filled_in_and_marked():
    table = pd.DataFrame(
        {
            "asteroid": ["433", "1989 ml", "7", "10302"],
            "designation": ["", "1989 ML", "", ""],
            "H": [10.4, np.nan, 5.0, np.nan],
            "a_au": np.nan,
            "e": np.nan,
            "i_deg": np.nan,
        }
    )
    done = complete_facts(table, read_orbits())
    assert (
        done.Filled_In.tolist() == ["orbit", "H and orbit", "", "H and orbit"]
        and done.H[0] == 10.4
        and np.isnan(done.a_au[2])
    )
    assert done.H[1] == done.H[3] and delta_v(done.a_au[0], done.e[0], done.i_deg[0]) == pytest.approx(
        6.07, abs=0.03
    )


def test_a_perfect_answer_is_worth_the_entropy_and_noise_is_worth_nothing():
    prior = np.random.default_rng(0).dirichlet(np.ones(5), size=20)
    np.testing.assert_allclose(expected_gain(prior, np.eye(5)), entropy(prior), atol=1e-9)
    np.testing.assert_allclose(expected_gain(prior, np.full((5, 5), 0.2)), 0, atol=1e-9)
    noisy = 0.7 * np.eye(5) + 0.06
    assert ((expected_gain(prior, noisy) > 0) & (expected_gain(prior, noisy) < entropy(prior))).all()


def test_channels_count_answers_by_coverage():
    table = pd.DataFrame({"label": ["C-Group"] * 60 + ["S-Group"] * 60 + [""] * 9})
    answers = np.vstack(
        [groups_of(*["C-Group"] * 60), groups_of(*["S-Group"] * 30), groups_of(*["C-Group"] * 39)]
    )
    channels = confusion_by_coverage(answers, table, np.array(["NIR"] * 129))
    assert list(channels) == ["NIR"]
    np.testing.assert_allclose(channels["NIR"].sum(axis=1), 1)
    assert (
        channels["NIR"][0, 0] > 0.95
        and channels["NIR"][2, 2] == pytest.approx(0.49, abs=0.02) == channels["NIR"][2, 0]
    )


def test_every_asteroid_with_an_orbit_is_in_the_followup_once():
    orbits = read_orbits().iloc[:3000]
    asteroids = make_asteroids(
        Asteroid_ID=[*orbits.index[:3], "of no orbit"],
        a_au=[*orbits.a_au[:3], np.nan],
        e=[*orbits.e[:3], np.nan],
        i_deg=[*orbits.i_deg[:3], np.nan],
        H=[15.0, 16.0, 17.0, 18.0],
    )
    prospects = rank_prospects(asteroids, resource_types())
    followup = rank_followup(
        prospects, orbits, {"NIR": 0.8 * np.eye(5) + 0.04, "VIS": 0.5 * np.eye(5) + 0.1}, resource_types()
    )
    assert (
        followup.Asteroid_ID.is_unique
        and set(followup.Asteroid_ID) == set(orbits.index)
        and (followup.Kind == "classified").sum() == 3
    )
    assert (
        followup.Priority.dropna().is_monotonic_decreasing
        and (followup.Next[followup.Kind == "no class"] == "NIR").all()
    )
    never = followup[followup.Kind == "no class"].dropna(subset="H_mag").iloc[0]
    assert never.Diameter_low_km < never.Diameter_km < never.Diameter_high_km and 0 <= never.P_Large <= 1
    mixture = population_mixture(resource_types())
    assert (
        set(POPULATION) == set(GROUPS)
        and mixture.sum() == pytest.approx(1)
        and mixture[GROUPS.index("S-Group")] > 0.5 > POPULATION["S-Group"]
    )


def test_without_channels_nothing_is_promised():
    orbits = read_orbits().iloc[:50]
    asteroids = make_asteroids(Asteroid_ID=list(orbits.index[:2]))
    followup = rank_followup(rank_prospects(asteroids, resource_types()), orbits, {}, resource_types())
    assert len(followup) == 50 and followup.Priority.isna().all() and (followup.Next == "").all()


def test_the_top_table_is_made_for_reading():
    asteroids = make_asteroids(
        Asteroid_ID=["433", "2020 AB"], Name=["Eros", ""], Designation=["A898 PA", "2020 AB"], H=[18.0, 25.0]
    )
    shown = top_table(rank_prospects(asteroids, resource_types()), "water")
    assert (
        shown.Asteroid.tolist() == ["(433) Eros", "2020 AB"]
        and shown.index.tolist() == [1, 2]
        and shown.Group.tolist() == ["C-Group 100%"] * 2
    )
