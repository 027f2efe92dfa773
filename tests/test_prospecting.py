"""Sizes, orbits, resources and ranks against published values, and what happens if something is unknown."""

import re
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy

from nea_prospect.catalogs import read_catalog
from nea_prospect.composition import known_facts, measure_opinions, resource_types, type_posterior
from nea_prospect.core import GROUPS, NAMED_GROUPS
from nea_prospect.features import COVERAGES, hydration_band, make_features
from nea_prospect.loading import Spectrum, bundled
from nea_prospect.prospecting import (
    LIST,
    MIN_CHANNEL,
    POPULATION,
    _spread,
    accessibility,
    answer_cuts,
    compare_sizes,
    complete_facts,
    confusion_by_coverage,
    decide,
    deciding_observations,
    delta_v,
    diameter,
    example_asteroids,
    expected_gain,
    leave_findings_out,
    list_gain,
    observe_first,
    pareto_front,
    plot_bumps,
    plot_cards,
    plot_followup,
    plot_pareto,
    plot_reach,
    population_mixture,
    rank_alternatives,
    rank_followup,
    rank_prospects,
    rank_windows,
    read_orbits,
    repeated_errors,
    robust_statements,
    sample_properties,
    top_table,
)

TYPES, KNOWN = resource_types(), known_facts()


@pytest.fixture(scope="module")
def orbits():
    return read_orbits()


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    "number, published", [("101955", 5.09), ("162173", 4.65), ("25143", 4.63), ("433", 6.07)]
)
def test_delta_v_of_visited_asteroids(orbits, number, published):
    orbit = orbits.loc[number]
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


def groups_of(*names):
    return np.eye(6)[[GROUPS.index(name) for name in names]]


def make_asteroids(**columns):
    n = max(len(value) for value in columns.values() if isinstance(value, list))
    group = columns.pop("group", ["C-Group"] * n)
    names = {"Asteroid_ID": [f"a{row}" for row in range(n)]}
    names |= dict.fromkeys(("Name", "Designation", "Published_Class"), "")
    facts = {"H": 20.0, "albedo": np.nan, "diameter_km": np.nan, "band_0.7_seen": np.nan}
    orbit = {"a_au": 1.3, "e": 0.25, "i_deg": 4.0}
    probabilities = dict(zip([f"Prob_{name}" for name in GROUPS], groups_of(*group).T, strict=True))
    return pd.DataFrame(names | facts | orbit | columns | probabilities | {"Predicted_Taxonomy": group})


@cache
def opinions():
    return measure_opinions(TYPES)


def rank(asteroids, **options):
    return rank_prospects(asteroids, TYPES, KNOWN, opinions(), **options)


def prospects_of(**columns):
    """Made-up asteroids, ranked."""
    return rank(make_asteroids(**columns))


def test_a_band_is_a_dip_at_the_right_place_behind_which_the_reflectance_rises():
    wavelength = np.linspace(0.45, 1.0, 200)
    at_07, at_062 = (1 - 0.04 * np.exp(-(((wavelength - centre) / 0.06) ** 2)) for centre in (0.7, 0.62))
    bent = 1.05 - 0.1 * (wavelength - 0.45) - 0.3 * (wavelength - 0.45) ** 2
    spectra = [Spectrum(wavelength, curve, None, {}) for curve in (at_07, at_062, bent, np.ones(200))]
    spectra.append(Spectrum(wavelength[150:], np.ones(50), None, {}))
    np.testing.assert_array_equal(hydration_band(make_features(spectra)[1]), [1, 0, 0, 0, np.nan])


@pytest.fixture(scope="module")
def five():
    """Five asteroids: near, far, without size, without orbit, and one that is dry."""
    orbits = {"a_au": [1.2, 2.6, 1.2, np.nan, 1.2], "e": [0.2, 0.6, 0.2, np.nan, 0.2]}
    return prospects_of(H=[20.0, 20.0, np.nan, 20.0, 20.0], group=["C-Group"] * 4 + ["V-type"], **orbits)


def test_what_is_not_known_is_noted_and_not_ranked(five):
    no_size, no_orbit = "neither H nor a diameter: no size", "no orbit: no delta-v"
    typical = "H and albedos of the types"
    assert five.Prospect_Note.tolist() == ["", "", no_size, no_orbit, ""]
    assert five.Diameter_From.tolist() == [typical, typical, "", typical, typical]
    assert five.Water_Rank[[2, 3]].isna().all()
    assert five.Water_Utility_t[[2, 3]].isna().all()
    assert np.isfinite(five.Diameter_km[3])
    assert five.Delta_v_km_s[2] > 0


def test_where_the_classifier_abstains_only_a_finding_lets_an_asteroid_be_ranked():
    asteroids = make_asteroids(Asteroid_ID=["101955", "185851", "10"]).assign(Abstains=[True, True, False])
    ranked = rank(asteroids)
    assert ranked.Water_Rank.tolist()[0::2] == [1.0, 2.0]
    assert ranked.loc[1, ["Water_Rank", "Metal_Rank"]].isna().all(), "radar measured its size only"
    assert ranked.Prospect_Note.tolist() == ["", "the classifier abstains: observe again", ""]
    alternatives = rank_alternatives(asteroids, TYPES, KNOWN, 1e5, 4.4)
    assert alternatives["one way only"].Water_Rank.isna().tolist() == [False, True, False]


def test_the_pareto_front_has_no_better_neighbour():
    rng = np.random.default_rng(0)
    mass, velocity = rng.lognormal(size=300), rng.uniform(4, 12, 300)
    front = pareto_front(mass, velocity)
    better = (mass[None] > mass[:, None]) & (velocity[None] <= velocity[:, None])
    np.testing.assert_array_equal(front, ~better.any(axis=1))
    assert not pareto_front(np.zeros(3), np.ones(3)).any()


def test_what_a_catalog_does_not_give_is_filled_in_and_marked(orbits):
    names = {"asteroid": ["433", "1989 ml", "7", "10302"], "designation": ["", "1989 ML", "", ""]}
    facts = {"H": [10.4, np.nan, 5.0, np.nan], "a_au": np.nan, "e": np.nan, "i_deg": np.nan}
    table = pd.DataFrame(names | facts)
    done = complete_facts(table, orbits)
    assert done.Filled_In.tolist() == ["orbit", "H and orbit", "", "H and orbit"]
    assert done.H[0] == 10.4
    assert np.isnan(done.a_au[2])
    assert done.H[1] == done.H[3]
    assert delta_v(done.a_au[0], done.e[0], done.i_deg[0]) == pytest.approx(6.07, abs=0.03)


@pytest.fixture(scope="module")
def several(orbits):
    """Orbits of asteroids that had other designations."""
    found = orbits[orbits.identities.str.count(";") >= 2]
    assert len(found) > 200
    return found


def former(orbits):
    return orbits.identities.str.split(";").str[-1].tolist()


def test_an_asteroid_is_found_by_a_former_designation(orbits, several):
    table = pd.DataFrame({"asteroid": former(several), "designation": ""}).iloc[:50]
    done = complete_facts(table.assign(H=np.nan, a_au=np.nan, e=np.nan, i_deg=np.nan), orbits)
    np.testing.assert_array_equal(done.a_au, several.a_au.iloc[:50])


def test_without_orbits_nothing_is_filled_in(orbits):
    table = example_asteroids().rename(columns={"Asteroid_ID": "asteroid", "Designation": "designation"})
    done = complete_facts(table, orbits.iloc[:0])
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


def elements_of(orbits):
    return {name: orbits[name].tolist() for name in ("a_au", "e", "i_deg")}


SURE = 0.8 * np.eye(5) + 0.04  # a channel of which four in five answers are right


def test_every_asteroid_with_an_orbit_is_in_the_followup_once(orbits):
    orbits = orbits.iloc[:3000]
    names = [*orbits.index[:3], "of no orbit"]
    elements = elements_of(orbits.iloc[:3].reindex(names))
    prospects = prospects_of(Asteroid_ID=names, **elements, H=[15.0, 16.0, 17.0, 18.0])
    followup = rank_followup(prospects, orbits, {"NIR": SURE, "VIS": 0.5 * np.eye(5) + 0.1}, TYPES)
    assert followup.Asteroid_ID.is_unique
    assert set(followup.Asteroid_ID) == set(orbits.index)
    assert (followup.Kind == "classified").sum() == 3
    assert followup.Priority.dropna().is_monotonic_decreasing
    assert (followup.Next[followup.Kind == "no class"] == "NIR").all()
    never = followup[followup.Kind == "no class"].dropna(subset="H_mag").iloc[0]
    assert never.Diameter_low_km < never.Diameter_km < never.Diameter_high_km
    assert 0 <= never.P_Large <= 1


def test_an_asteroid_classified_under_a_former_designation_is_not_without_class(several):
    several = several.iloc[:3]
    followup = rank_followup(prospects_of(Asteroid_ID=former(several)), several, {}, TYPES)
    assert followup.Kind.tolist() == ["classified"] * 3
    assert sorted(followup.Orbit_Uncertainty) == sorted(several.orbit_uncertainty)


def test_the_population_is_brighter_at_one_magnitude_than_at_one_size():
    assert population_mixture(TYPES)[GROUPS.index("S-Group")] > 0.5 > POPULATION["S-Group"]


@pytest.mark.parametrize("channels, ranked", [({}, False), ({"VISNIR": SURE}, True)])
def test_without_channels_of_a_single_instrument_none_is_recommended(orbits, channels, ranked):
    orbits = orbits.iloc[:50]
    followup = rank_followup(prospects_of(Asteroid_ID=list(orbits.index[:2])), orbits, channels, TYPES)
    assert len(followup) == 50
    assert (followup.Next == "").all()
    assert followup.Priority.notna().any() == ranked
    plot_followup(followup)


@pytest.mark.parametrize("n", [0, 3])
def test_where_nothing_is_known_the_tables_are_empty_and_the_figures_say_so(orbits, n):
    nothing = make_asteroids(Asteroid_ID=list("abc"), H=np.nan, a_au=np.nan, e=np.nan, i_deg=np.nan).iloc[:n]
    prospects = rank(nothing)
    followup = rank_followup(prospects, orbits.iloc[:0], {}, TYPES)
    table = pd.DataFrame({"asteroid": ["a"], "label": ["C-Group"]})
    assert len(prospects) == n
    assert len(followup) == 0
    assert len(top_table(prospects, "water")) == 0
    alternatives = rank_alternatives(nothing, TYPES, KNOWN, 1e5, 4.4)
    figures = [
        plot_reach(prospects),
        plot_bumps(prospects, alternatives, "water"),
        plot_cards(prospects, made_up_windows(prospects).iloc[:0], "metal", np.ones((1, 53)), table),
        plot_followup(followup),
        plot_pareto(prospects, "water"),
    ]
    for ax in figures:
        assert ax.texts[0].get_text().endswith(".")
        ax.figure.canvas.draw()


def test_the_top_table_is_made_for_reading():
    names = {"Asteroid_ID": ["887", "2020 AB"], "Name": ["Alinda", ""], "Designation": ["A918 AA", "2020 AB"]}
    shown = top_table(prospects_of(H=[18.0, 25.0], **names), "water")
    assert shown.Asteroid.tolist() == ["(887) Alinda", "2020 AB"]
    assert shown.index.tolist() == [1, 2]
    assert shown.Type.str.startswith("C ").all()
    assert shown.Evidence.str.contains("spectrum C-Group 1.00").all()


def test_the_size_of_a_small_asteroid_is_not_written_as_zero():
    size = top_table(prospects_of(Asteroid_ID=["2014 WX202"], H=[29.6]), "water")["Diameter (km)"].iloc[0]
    assert all(float(number) > 0 for number in re.findall(r"[\d.]+", size))


def test_a_plot_without_targets_that_are_named_lists_no_names():
    ax = plot_reach(prospects_of(Asteroid_ID=["2014 WX202"], H=[29.6]))
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "first 10 for water" in names
    assert "chosen or visited:" not in names


def made_up_windows(prospects):
    """Windows of two asteroids: a cheap late one and a nearly as cheap early one, and a dear one."""
    windows = pd.DataFrame(
        {
            "Asteroid_ID": ["101955", "101955", "101955", "162173", "162173"],
            "Departure": ["2040-01-01", "2030-01-01", "2028-01-01", "2031-01-01", "2035-01-01"],
            "Flight_d": [300.0, 400.0, 300.0, 300.0, 500.0],
            "C3_km2_s2": 20.0,
            "Window_delta_v_km_s": [5.0, 5.1, 9.0, 8.0, 4.0],
            "Return_delta_v_km_s": [0.5, 0.5, 0.5, 3.0, np.nan],
            "Return_Flight_d": 300.0,
            "Mission_d": 1000.0,
            "Note": ["", "", "", "orbit uncertain in this year", ""],
        }
    )
    ranks = prospects[["Asteroid_ID", "Water_Rank", "Metal_Rank", "Delta_v_km_s"]]
    return ranks.merge(windows, on="Asteroid_ID")


@pytest.fixture(scope="module")
def sampled():
    """Two asteroids of which samples were returned, ranked."""
    return prospects_of(Asteroid_ID=["101955", "162173"])


def decision_of(prospects, windows):
    """The decision for water, and what would decide it."""
    told = pd.Series({"101955": "none", "162173": "a spectrum"})
    return decide(prospects, rank_windows(prospects, windows, "water"), "water", told)


def test_real_dates_rank_again_and_the_earliest_of_equal_windows_counts(sampled):
    ranked = rank_windows(sampled, made_up_windows(sampled), "water")
    assert ranked.Asteroid_ID.tolist() == ["101955", "162173"]
    assert ranked.Departure.tolist() == ["2030-01-01", "2031-01-01"], "a window without a way back is none"
    rows = sampled.set_index("Asteroid_ID").loc[ranked.Asteroid_ID]
    won = rows.Water_Utility_t / rows.Accessibility**2
    expected = won * np.exp((4.5 - np.array([5.1 + 0.5, 8.0 + 3.0])) / 4.4)
    np.testing.assert_allclose(ranked.Window_Utility_t, expected)


def test_a_decision_says_why_when_and_what_would_change_it(sampled):
    prospects = sampled.assign(Water_Best_Rank=1.0, Water_Worst_Rank=126.0, Water_Worst_If="no findings")
    decision = decision_of(prospects, made_up_windows(prospects))
    first = decision.iloc[:, 0]
    assert first["Verdict"] == "open: probably rich, falls to rank 126 under “no findings”"
    assert first["Other launches"].startswith("2028-01-01 (9.00 there, 0.50 back; utility 41%), 2040-01-01 (")
    assert first["Water if rich"].endswith(")")
    assert "million t (" in first["Water if rich"]
    assert first["For and against water"].startswith("For: sample: hydrated clays")
    assert first["Launch"].startswith("2030-01-01, flight of 400 days, C3 20.0")
    assert first["Delta-v"].startswith("5.10 km/s there, 0.50 km/s back")
    assert first["Rank"].endswith("at worst 126 under “no findings”")
    assert decision.loc["Note"].tolist() == ["", "orbit uncertain in this year"]
    assert decision.loc["An observation that would decide"].tolist() == ["none", "a spectrum"]
    assert decision_of(prospects, made_up_windows(prospects).iloc[:0]).shape == (0, 0)


def test_what_is_nearly_certain_is_not_called_certain_and_says_what_it_rests_on(sampled):
    prospects = sampled.assign(Water_Best_Rank=1.0, Water_Worst_Rank=3.0, Water_Worst_If="")
    prospects = prospects.assign(Water_P_Rich=0.9989, Water_P_Rich_Unfound=[0.19, 0.9989])
    decision = decision_of(prospects, made_up_windows(prospects))
    known, plain = decision.loc["Rich in water"]
    assert known == ">99%; 19% if no mission or radar had told"
    assert plain == ">99%"
    assert decision.loc["Verdict"].iloc[0] == "firm: probably rich, among the first ten whatever is assumed"


def test_targets_are_observed_first_unless_they_are_known(sampled):
    named = made_up_windows(sampled).assign(Name="", Designation="")
    ranked = {"water": rank_windows(sampled, named, "water")}
    told = {"water": pd.Series({"101955": "none, it is known", "162173": "its albedo: 1% to 9% rich then"})}
    seen = pd.DataFrame({"Asteroid_ID": ["162173"], "V_Best": 16.84, "V_Date": "2027-01-01"})
    shown = observe_first(ranked, told, seen.assign(V_Note="at the limit of the search"))
    date = "2027-01-01 (at the limit of the search)"
    assert shown.to_numpy().tolist() == [
        ["162173", "water 2", "its albedo", "1% to 9% rich then", date, "16.8"]
    ]
    unseen = observe_first(ranked, told, seen.assign(V_Best=np.nan, V_Note=""))
    assert unseen.iloc[0, -2:].tolist() == ["not in these months", ""]


def test_dust_of_rounding_does_not_order_the_follow_up(orbits):
    own, groups = orbits.iloc[:30], list(NAMED_GROUPS) * 6
    prospects = prospects_of(Asteroid_ID=list(own.index), group=groups, **elements_of(own))
    followup = rank_followup(prospects, orbits.iloc[:400], {"VIS": SURE, "NIR": SURE}, TYPES)
    assert (followup.Priority == 0).any()
    assert followup.Priority[followup.Priority > 0].min() > 1e-6


def test_the_observation_that_decides_is_the_one_that_is_missing_and_tells_the_types_apart():
    asteroids = make_asteroids(
        Asteroid_ID=["dark", "stony", "either", "101955"],
        albedo=[0.05, 0.24, np.nan, 0.05],
        From_um=[0.8, 0.45, 0.45, 0.8],
        To_um=[2.45, 0.9, 2.45, 2.45],
        group=["C-Group", "S-Group", "X-Group", "C-Group"],
    )
    channels = dict.fromkeys(COVERAGES, np.full((5, 5), 0.02) + 0.9 * np.eye(5))
    given = rank(asteroids), TYPES, KNOWN, channels
    water, metal = (deciding_observations(*given, name) for name in ("water", "metal"))
    assert water["dark"].startswith("a visible spectrum: ")
    assert metal["stony"].startswith("an infrared spectrum: ")
    assert metal["either"].startswith("its albedo (thermal infrared): ")
    assert water["101955"] == "none, it is known (sample: hydrated clays)"
    assert "radar" in metal["dark"]


@pytest.mark.parametrize("scale", [0.0, 0.01, 1.0])
def test_numbers_of_crowded_points_stand_apart(scale):
    points = np.random.default_rng(0).normal(0, scale, (8, 2))
    places = _spread(points)
    distance = np.hypot(*(places[:, None] - places).T)[~np.eye(8, dtype=bool)]
    assert distance.min() > 0.15


def test_the_front_is_numbered_from_the_easiest_asteroid_on():
    orbits = {"a_au": [1.1, 2.2], "e": [0.1, 0.6]}
    ax = plot_pareto(prospects_of(Asteroid_ID=["easy", "hard"], H=[22.0, 16.0], **orbits), "water")
    assert [text.get_text() for text in ax.texts] == ["1", "2"]
    assert "on the front:\n1 easy\n2 hard" in [text.get_text() for text in ax.get_legend().get_texts()]


def types_of(*names):
    """Certain probabilities of types."""
    kinds = TYPES.type.tolist()
    return np.eye(len(kinds))[[kinds.index(name) for name in names]]


@pytest.mark.parametrize(
    "kind, H, albedo, measured, expected",
    [
        ("S(L)", 20.0, 0.2, np.nan, diameter(20.0, 0.2)),
        ("S(L)", 20.0, 0.3, 5.0, 5.0),
        ("S(L)", np.nan, np.nan, 0.7, 0.7),
        ("S(L)", np.nan, 0.2, np.nan, np.nan),
        ("C", 20.0, np.nan, np.nan, diameter(20.0, 0.048)),
        ("S(L)", 14.0, 0.2, np.nan, diameter(14.0 + 0.45 / 2, 0.2)),
    ],
)
def test_diameters_are_drawn_from_what_is_known_best(kind, H, albedo, measured, expected):
    facts = pd.DataFrame({"Asteroid_ID": ["1"], "H": H, "albedo": albedo, "diameter_km": measured})
    sampled = sample_properties(types_of(kind), facts, TYPES)["diameter"]
    assert np.median(sampled) == pytest.approx(expected, rel=0.04, nan_ok=True)


def test_mass_is_volume_times_density_and_every_type_occurs_as_often_as_it_is_probable():
    types = TYPES.assign(density_g_cm3=2.0, density_sd=1e-6)
    facts = pd.DataFrame({"Asteroid_ID": ["1"], "H": np.nan, "albedo": np.nan, "diameter_km": 1.0})
    sampled = sample_properties(0.25 * types_of("C") + 0.75 * types_of("P"), facts, types)
    np.testing.assert_allclose(sampled["mass"], np.pi / 6 * (1000 * sampled["diameter"]) ** 3 * 2, rtol=1e-4)
    assert (types.type.to_numpy()[sampled["type"]] == "P").mean() == pytest.approx(0.75, abs=0.001)
    assert (sampled["water"][types.type.to_numpy()[sampled["type"]] == "C"] >= 0.10).all()


def test_an_asteroid_is_the_same_alone_among_others_and_in_another_order():
    names = ["433", "2000 WL63", "162173"]
    asteroids = make_asteroids(Asteroid_ID=names, group=["S-Group", "Other", "D-type"])
    among = rank(asteroids).set_index("Asteroid_ID")
    turned = rank(asteroids[::-1].reset_index(drop=True)).set_index("Asteroid_ID")
    alone = rank(asteroids[1:2].reset_index(drop=True)).set_index("Asteroid_ID")
    numbers = among.select_dtypes("float").columns.drop(["Water_Rank", "Metal_Rank"])
    pd.testing.assert_frame_equal(turned.loc[among.index, numbers], among[numbers], check_exact=True)
    pd.testing.assert_frame_equal(alone[numbers], among.loc[["2000 WL63"], numbers], check_exact=True)


def test_the_draws_of_two_asteroids_are_independent_and_change_with_the_seed():
    facts = pd.DataFrame({"Asteroid_ID": ["433", "1036"], "H": 20.0, "albedo": 0.2, "diameter_km": np.nan})
    one, two = (sample_properties(types_of("C", "C"), facts, TYPES, seed) for seed in (0, 1))
    for name in ("diameter", "mass", "water"):
        noise = np.corrcoef([*one[name], *two[name]])
        np.testing.assert_allclose(noise, np.eye(4), atol=0.1)


def test_true_sizes_replace_measured_ones():
    ranked = prospects_of(Asteroid_ID=["101955"], H=[20.7], diameter_km=9.0)
    assert ranked.Diameter_km[0] == pytest.approx(0.49, rel=0.02)
    assert ranked.Diameter_From[0] == "spacecraft or radar"


def test_easier_to_reach_is_better(five):
    assert five.Water_Rank.tolist()[:2] == [1, 2]
    assert five.Water_Utility_t[4] < 0.01 * five.Water_Utility_t[0]
    assert five.Type.tolist() == ["C"] * 4 + ["V"]
    assert five.Water_P_Rich[0] == pytest.approx(0.25, abs=0.03)
    assert (five.Water_If_Rich_low_t < five.Water_If_Rich_t)[[0, 1, 3]].all()
    assert (five.Water_If_Rich_t < five.Water_If_Rich_high_t)[[0, 1, 3]].all()
    assert (five.Water_If_Rich_low_t[[0, 1, 3]] > 0).all()


def test_a_faster_exhaust_makes_distant_asteroids_easier_to_reach():
    assert accessibility(9.0, 3.0) < accessibility(9.0, 30.0) < 1
    assert accessibility(4.5) == 1


def test_size_matters_where_it_limits_and_only_there():
    asteroids = make_asteroids(H=[14.0, 17.0, 20.0, 27.0, 30.0])
    utility = rank(asteroids).Water_Utility_t.to_numpy()
    np.testing.assert_allclose(utility[1:3], utility[0], rtol=0.03)
    assert utility[4] < 0.1 * utility[3] < 0.1 * utility[0]
    greedy = rank(asteroids, capacity_tonnes=1e12).Water_Utility_t
    assert (np.diff(greedy) < 0).all()


def test_one_way_counts_the_velocity_once():
    asteroids = make_asteroids(a_au=[1.2, 2.6], e=[0.2, 0.6])
    there, back = (rank(asteroids, legs=legs) for legs in (1, 2))
    np.testing.assert_allclose(back.Water_Utility_t, there.Water_Utility_t * there.Accessibility)


@pytest.fixture(scope="module")
def visited():
    """Asteroids with findings, with the catalog's facts and a spectrum that says their group."""
    catalog, known = read_catalog(bundled()[0], need_class=False), KNOWN
    rows = catalog[catalog.number.isin(known.number)].reset_index(drop=True)
    names = {"Asteroid_ID": rows.number, "Name": rows["name"], "Designation": rows.designation}
    classes = {"Published_Class": rows["class"], "Second_Class": rows.second_class}
    columns = pd.DataFrame(names | classes).join(rows[["H", "albedo", "diameter_km", "a_au", "e", "i_deg"]])
    likely = {"C": "C-Group", "B": "C-Group", "S": "S-Group", "Q": "S-Group", "K": "S-Group", "L": "S-Group"}
    group = rows.second_class.map(likely).fillna("X-Group")
    return columns.assign(**{f"Prob_{name}": 0.9 * (group == name) + 0.1 / 6 for name in GROUPS})


def test_the_interval_of_the_diameter_from_magnitude_and_albedo_is_honest(visited):
    sizes = compare_sizes(visited, TYPES, opinions(), KNOWN)
    assert len(sizes) >= 10
    assert sizes.inside.iloc[:10].sum() >= 8
    assert sizes.inside.mean() >= 0.8


def test_findings_decide_and_can_be_left_out(visited):
    ranked = rank(visited).set_index("Asteroid_ID")
    assert ranked.Metal_P_Rich["6178"] > 0.8
    assert ranked.Metal_P_Rich["25143"] < 0.1
    assert ranked.Water_P_Rich[["101955", "162173"]].min() > 0.9
    assert "Ostro" in ranked.Evidence["6178"]
    left_out = leave_findings_out(visited, TYPES, opinions(), KNOWN)
    metal = left_out[left_out.Truth == "metal"].iloc[0]
    assert metal["P (Truth)"] < 0.5
    bennu = left_out[left_out.index.str.contains("Bennu")].iloc[0]
    assert bennu["P (rich in water)"] < 0.5 < bennu["P (Truth)"]


def test_alternatives_rank_the_same_asteroids_and_the_statements_follow_from_them(visited):
    prospects = rank(visited)
    alternatives = rank_alternatives(visited, TYPES, KNOWN, 1e5, 4.4)
    assert len(alternatives) >= 10
    for ranks in alternatives.values():
        assert sorted(ranks.Water_Rank.dropna()) == list(range(1, prospects.Water_Rank.notna().sum() + 1))
    prospects["Water_Worst_Rank"] = np.max([ranks.Water_Rank for ranks in alternatives.values()], axis=0)
    said = robust_statements(prospects, "water")
    always = prospects[prospects.Water_Worst_Rank <= 5].Name
    assert all(name in said[0] for name in always)
    ax = plot_bumps(prospects, alternatives, "water")
    ax.figure.canvas.draw()


def test_an_observation_is_worth_something_only_if_it_can_change_the_list():
    prior, utility = np.array([[0.5, 0.5]]), np.array([[2.0, 0.0]])
    for threshold, worth in ((3.0, 0.0), (1.0, 0.5), (1.5, 0.25), (0.0, 0.0)):
        assert list_gain(prior, utility, threshold, np.eye(2))[0] == pytest.approx(worth)
    assert list_gain(prior, utility, 1.0, np.full((2, 2), 0.5))[0] == pytest.approx(0)
    assert LIST == 20


def test_cuts_are_classified_by_trees_that_never_saw_the_asteroid_and_need_nine_of_each_group():
    rng = np.random.default_rng(0)
    labels = np.repeat(NAMED_GROUPS, 12)
    slope = np.repeat(np.linspace(-0.3, 0.5, 5), 12)[:, None]
    reflectance = 1 + slope * np.linspace(0, 1, 53) + rng.normal(0, 0.002, (60, 53))
    names = np.array([f"a{row}" for row in range(60)])
    answers = answer_cuts(reflectance, labels, names)
    assert len(answers) == 60
    channels = confusion_by_coverage(answers)
    for matrix in channels.values():
        np.testing.assert_allclose(matrix.sum(axis=1), 1)
        assert np.diag(matrix).min() > 0.6
    assert set(channels) == {"VISNIR", "VIS", "NIR"}
    for few in (np.r_[0 : MIN_CHANNEL - 1, 12:60], np.r_[12:60]):
        assert confusion_by_coverage(answer_cuts(reflectance[few], labels[few], names[few])) == {}
    assert len(answer_cuts(np.vstack([reflectance] * 2), np.tile(labels, 2), np.tile(names, 2))) == 60


def test_repeated_errors_are_counted_in_pairs_of_one_coverage():
    table = pd.DataFrame({"asteroid": ["a", "a", "a", "b", "b"], "label": ["C-Group"] * 5})
    kinds = np.array(["VIS", "VIS", "NIR", "VIS", "VIS"])
    found = groups_of("X-Group", "X-Group", "D-type", "X-Group", "C-Group")
    assert repeated_errors(found, table, kinds) == pytest.approx(2 / 3)
    assert repeated_errors(groups_of(*["C-Group"] * 5), table, kinds) == 1.0


def test_a_second_spectrum_of_the_same_kind_is_worth_less(orbits):
    orbits = orbits.iloc[:3]
    covered = {"From_um": [0.45, 0.85, 0.45], "To_um": [0.9, 2.4, 2.4]}
    prospects = prospects_of(Asteroid_ID=list(orbits.index), group=["X-Group"] * 3, **covered)
    followup = rank_followup(prospects, orbits, {"VIS": SURE, "NIR": SURE}, TYPES, repeated=0.75)
    followup = followup.set_index("Asteroid_ID").loc[orbits.index]
    ratio = (followup.Gain_VIS_bits / followup.Gain_NIR_bits).to_numpy()
    np.testing.assert_allclose(ratio, [0.25, 4.0, 1.0])


@pytest.mark.parametrize("n_windows", [0, 1])
@pytest.mark.parametrize("complete", [True, False])
def test_the_card_of_a_target_is_drawn_also_without_a_complete_spectrum_of_its_group(complete, n_windows):
    reflectance = np.full((1, 53), np.nan)
    reflectance[0, : 53 if complete else 20] = 2.0
    prospects = prospects_of(Asteroid_ID=["101955"]).assign(Diameter_km=0.004, Diameter_low_km=0.002)
    table = pd.DataFrame({"asteroid": ["101955"], "label": ["C-Group"]})
    ranked = rank_windows(prospects, made_up_windows(prospects), "water")
    ax = plot_cards(prospects, ranked.iloc[:n_windows], "water", reflectance, table)
    told = [text.get_text() for text in ax.figure.axes[2].texts]
    assert ("launch 20" in told[0]) == bool(n_windows)
    assert told[0].startswith("0.004 (0.002-"), "meters, not 0.00 km"
    assert ax.get_title(loc="left") == "101955"
    np.testing.assert_allclose(ax.lines[0].get_ydata()[:20], 1.0)
    ax.figure.canvas.draw()


def test_a_posterior_can_be_made_of_probabilities_alone():
    bare = make_asteroids(H=[20.0]).filter(regex="^(Prob_|Asteroid_ID$)")
    assert type_posterior(bare, TYPES).types.sum() == pytest.approx(1)
