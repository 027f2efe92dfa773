"""Orbits, arcs, launch windows and visibility against published values, and what odd orbits get."""

import doctest

import erfa
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nea_prospect import windows
from nea_prospect.core import use_style
from nea_prospect.prospecting import ORBIT_VELOCITY, delta_v, full_elements, read_orbits
from nea_prospect.windows import (
    ELEMENTS,
    GM_SUN,
    KM_S,
    MIN_ELONGATION,
    OBLIQUITY,
    PARKING_VELOCITY,
    apparent_magnitude,
    cheapest_arc,
    earth,
    find_windows,
    julian_date,
    lambert,
    outward_cost,
    plot_porkchop,
    plot_visibility,
    porkchop,
    propagate,
    sightings,
    solve_kepler,
    visibility,
)

# elements of the planets at J2000 (Standish, Approximate Positions of the Planets, JPL, 1800-2050)
PLANETS = pd.DataFrame(
    [
        [1.00000261, 0.01671123, 0.0, 0.0, 102.93768193, 100.46457166 - 102.93768193, 2451545.0],
        [1.52371034, 0.09339410, 1.84969142, 49.55953891, 286.4968315, 19.39019754, 2451545.0],
    ],
    ["Earth", "Mars"],
    ELEMENTS,
)


@pytest.fixture(scope="module")
def orbits():
    return read_orbits()


@pytest.fixture(scope="module")
def accessible(orbits):
    """Well-known orbits that are not hard to reach."""
    velocity = delta_v(orbits.a_au, orbits.e, orbits.i_deg)
    good = orbits[(orbits.orbit_uncertainty == 0) & (velocity < 6.5)]
    return good.sample(20, random_state=0)


def one_orbit(**changes):
    base = dict(zip(ELEMENTS, [1.2, 0.2, 5.0, 30.0, 60.0, 90.0, 2461000.5], strict=True))
    return pd.DataFrame([base | changes], ["made up"])


def equatorial_to_ecliptic(vector):
    cosine, sine = np.cos(OBLIQUITY), np.sin(OBLIQUITY)
    return vector @ np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]]).T


class TestPlaces:
    def test_kepler_s_equation_is_solved_for_every_ellipse(self):
        mean, e = np.meshgrid(np.linspace(-40, 40, 2001), [0, 1e-9, 0.3, 0.7, 0.97, 0.9999])
        found = solve_kepler(mean, e)
        residual = found - e * np.sin(found) - mean
        np.testing.assert_allclose(np.abs((residual + np.pi) % (2 * np.pi) - np.pi), 0, atol=1e-9)

    def test_planets_stand_where_the_ephemeris_has_them(self):
        dates = julian_date("2000-01-01") + np.arange(0, 700, 10.0)
        known = [earth(dates)[0], equatorial_to_ecliptic(erfa.plan94(dates, 0.0, 4)["p"])]
        assert np.linalg.norm(propagate(PLANETS, dates)[0] - known, axis=-1).max() < 2e-3

    def test_energy_and_angular_momentum_are_those_of_the_elements(self, orbits):
        some = orbits.sample(300, random_state=1)
        place, speed = propagate(some, np.linspace(2461000, 2469000, 50))
        energy = (speed**2).sum(axis=-1) / 2 - GM_SUN / np.linalg.norm(place, axis=-1)
        np.testing.assert_allclose(energy, np.repeat(-GM_SUN / 2 / some.a_au.to_numpy()[:, None], 50, 1))
        spin = np.cross(place, speed)
        size = np.sqrt(GM_SUN * some.a_au * (1 - some.e**2)).to_numpy()[:, None]
        np.testing.assert_allclose(np.linalg.norm(spin, axis=-1), np.repeat(size, 50, 1))
        np.testing.assert_allclose(spin[:, 0, 2] / size[:, 0], np.cos(np.radians(some.i_deg)), atol=1e-12)

    def test_the_velocity_is_the_change_of_the_place(self):
        dates = np.array([2461500.0, 2461500.01])
        place, speed = propagate(one_orbit(), dates)
        np.testing.assert_allclose((place[0, 1] - place[0, 0]) / 0.01, speed[0].mean(axis=0), rtol=1e-5)

    def test_eros_passed_the_earth_when_and_where_it_did(self, orbits):
        """Its approach of 2012-01-31 at 0.179 au was in all the news (and in the Minor Planet Center's)."""
        dates = julian_date("2011-11-01") + np.arange(200.0)
        apart = np.linalg.norm(propagate(orbits.loc[["433"]], dates)[0][0] - earth(dates)[0], axis=1)
        assert abs(dates[apart.argmin()] - julian_date("2012-01-31")) <= 2
        assert apart.min() == pytest.approx(0.179, abs=0.004)

    def test_what_is_no_ellipse_is_nowhere_and_has_no_window(self):
        changes = [{"e": 1.0}, {"e": 1.3}, {"e": -0.1}, {"a_au": -2.0}, {"a_au": 0.0}]
        changes += [{name: np.nan} for name in ELEMENTS]
        odd = pd.concat([one_orbit(**change).set_axis([str(change)]) for change in changes])
        found = find_windows(odd, 2030, 2030).set_index("Asteroid_ID")
        assert found.index.tolist() == odd.index.tolist()
        assert np.isnan(propagate(odd, np.array([2461500.5]))[0]).all()
        assert found.Note[found.Note != "no orbit with its epoch: no windows"].to_dict() == {}
        assert (found[["Departure", "Return_Departure"]] == "").all(axis=None)
        assert found.Window_delta_v_km_s.isna().all()
        assert (visibility(odd, np.full(len(odd), 18.0), "2027-01-01").V_Date == "").all()


class TestArcs:
    def test_a_textbook(self):
        """Curtis, Orbital Mechanics for Engineering Students, example 5.2; notebook 05b shows Vallado's."""
        found = lambert([5000, 10000, 2100], [-14600, 2500, 7000], 3600, gm=398600)
        expected = [[-5.9925, 1.9254, 3.2456], [-3.3125, -4.1966, -0.38529]]
        np.testing.assert_allclose(found[:2], expected, atol=1e-4)

    @pytest.mark.parametrize(
        "start, end, days, revolutions, right, first",
        [  # by izzo2015 of lamberthub 1.0, low_path for right
            ((1, 0, 0), (-0.5, 1.2, 0.05), 200, 0, False, (0.006091937, 0.016552864, 0.000689703)),
            ((0.9, 0.4, 0), (0.3, -1.3, 0.1), 400, 0, False, (-0.008662541, 0.017016155, -0.00145578)),
            ((-0.2, 1, 0), (-1.5, -0.6, 0.3), 95, 0, False, (-0.021994706, -0.009206672, 0.004414082)),
            ((1, 0, 0), (1.1, 0.4, -0.02), 700, 1, True, (0.007436143, 0.01843196, -0.000921598)),
            ((1, 0, 0), (1.1, 0.4, -0.02), 700, 1, False, (0.017266533, 0.003163988, -0.000158199)),
        ],
    )
    def test_another_library(self, start, end, days, revolutions, right, first):
        np.testing.assert_allclose(lambert(start, end, days, revolutions, right)[0], first, atol=2e-9)

    @pytest.mark.parametrize("revolutions, right", [(0, False), (1, False), (1, True), (2, False)])
    def test_an_arc_arrives_where_it_should(self, revolutions, right):
        rng = np.random.default_rng(revolutions)
        start, end = rng.normal(0, 1, (2, 500, 3)) * [1, 1, 0.1]
        days = rng.uniform(30, 2500, 500)
        first, last = lambert(start, end, days, revolutions, right)
        assert np.isfinite(first).all(axis=1).mean() > (0.999 if revolutions == 0 else 0.3)
        ellipse, there = follow(start, first, days)
        assert ellipse.sum() > 100
        np.testing.assert_allclose(there[ellipse], end[ellipse], atol=1e-5)
        np.testing.assert_allclose(
            np.cross(start, first)[ellipse], np.cross(end, last)[ellipse], atol=1e-8, rtol=1e-6
        )

    def test_between_opposite_places_and_in_no_time_there_is_none(self):
        with np.errstate(all="raise"):
            opposite = lambert([1.0, 0, 0], [-1.0, 0, 0], 180.0)
            hurried = lambert([1.0, 0, 0], [0, 1.5, 0], 100.0, revolutions=1)
        assert not np.isfinite(opposite).any()
        assert np.isnan(hurried).all()
        assert not np.isfinite(lambert([np.nan, 0, 0], [0, 1.5, 0], 100.0)).any()

    def test_mars_2020(self):
        """Perseverance: 2020-07-30 to 2021-02-18, in a season of C3 between 13 and 17 km2/s2."""
        dates = np.array([julian_date("2020-07-30"), julian_date("2021-02-18")])
        here, there = earth(dates[:1]), [part[0] for part in propagate(PLANETS.loc[["Mars"]], dates[1:])]
        leave = cheapest_arc(here, there, np.diff(dates), outward_cost)[1, 0]
        assert 13 < leave**2 < 17

    def test_the_season_of_mars_2020_opens_in_july(self):
        departures, flights, cost = porkchop(PLANETS.loc[["Mars"]], 2020, 2020)
        best = departures[cost.min(axis=1).argmin()]
        assert julian_date("2020-07-01") < best < julian_date("2020-08-31")
        assert 180 < flights[cost[departures == best][0].argmin()] < 420


def follow(start, velocity, days):
    """Place after some days, by elements made from place and velocity; and which of these are ellipses."""
    radius = np.linalg.norm(start, axis=1)
    a = 1 / (2 / radius - (velocity**2).sum(axis=1) / GM_SUN)
    spin = np.cross(start, velocity)
    eccentric = np.cross(velocity, spin) / GM_SUN - start / radius[:, None]
    e = np.linalg.norm(eccentric, axis=1)
    node = np.arctan2(spin[:, 0], -spin[:, 1])
    tilt = np.arccos(spin[:, 2] / np.linalg.norm(spin, axis=1))
    ascending = np.stack([np.cos(node), np.sin(node), 0 * node], axis=1)
    ahead = np.cross(spin / np.linalg.norm(spin, axis=1)[:, None], ascending)
    perihelion = np.arctan2((eccentric * ahead).sum(axis=1), (eccentric * ascending).sum(axis=1))
    with np.errstate(invalid="ignore"):
        anomaly = np.arctan2((start * velocity).sum(axis=1) / np.sqrt(GM_SUN * a), 1 - radius / a)
        mean = anomaly - e * np.sin(anomaly)
    angles = np.degrees([tilt, node, perihelion, mean])
    elements = pd.DataFrame(np.stack([a, e, *angles, 0 * a], axis=1), columns=ELEMENTS)
    there = [propagate(elements.iloc[[row]], days[[row]])[0][0, 0] for row in range(len(a))]
    return (a > 0) & (e < 0.99), np.array(there)


class TestWindows:
    def test_the_parking_orbit_is_that_of_the_formulas(self):
        assert PARKING_VELOCITY == pytest.approx(ORBIT_VELOCITY * 29.784)

    @pytest.mark.slow
    def test_windows_lie_a_little_above_the_formulas_of_shoemaker_and_helin(self, accessible):
        best = find_windows(accessible, count=1).set_index("Asteroid_ID").Window_delta_v_km_s
        excess = best - delta_v(accessible.a_au, accessible.e, accessible.i_deg)
        assert (excess > -0.3).mean() >= 0.95
        assert (excess < 3).mean() >= 0.95
        assert excess.median() < 1.2

    @pytest.mark.parametrize("number", ["101955", "433"])
    def test_the_search_finds_what_a_fine_grid_finds(self, orbits, number, monkeypatch):
        found = find_windows(orbits.loc[[number]], 2030, 2032, count=1).Window_delta_v_km_s[0]
        monkeypatch.setattr(windows, "STEP", 3.0)
        fine = porkchop(orbits.loc[[number]], 2030, 2032)[2].min()
        assert found <= fine + 0.01

    def test_every_column_agrees_with_the_others(self, orbits):
        found = find_windows(orbits.loc[["162173", "25143"]], 2028, 2036)
        dates = {name: pd.to_datetime(found[name]) for name in ("Departure", "Arrival", "Return_Departure")}
        assert ((dates["Arrival"] - dates["Departure"]).dt.days == found.Flight_d).all()
        assert ((dates["Return_Departure"] - dates["Arrival"]).dt.days >= 30).all()
        assert dates["Departure"].dt.year.between(2028, 2036).all()
        there = outward_cost(np.sqrt(found.C3_km2_s2), found.Arrival_km_s)
        np.testing.assert_allclose(there, found.Window_delta_v_km_s)
        assert found.Entry_km_s.between(11.08, 13).all()
        back = (dates["Return_Departure"] - dates["Departure"]).dt.days + found.Return_Flight_d
        assert (back == found.Mission_d).all()
        for _, rows in found.groupby("Asteroid_ID"):
            assert 1 <= len(rows) <= 5
            assert rows.Window_delta_v_km_s.is_monotonic_increasing
            gaps = np.diff(np.sort(dates["Departure"][rows.index].to_numpy())) / np.timedelta64(1, "D")
            assert (gaps > 150).all()

    def test_a_circle_in_the_ecliptic_and_an_orbit_like_that_of_the_earth(self):
        even = one_orbit(a_au=1.5, e=0.0, i_deg=0.0)
        twin = one_orbit(a_au=1.0, e=0.0167, i_deg=0.1)
        found = find_windows(pd.concat([even, twin.set_axis(["twin"])]), 2030, 2036, count=1)
        assert found.Window_delta_v_km_s[0] == pytest.approx(delta_v(1.5, 0.0, 0.0), abs=0.25)
        assert np.isfinite(found.Window_delta_v_km_s[1])

    def test_a_passage_by_the_earth_is_noted(self, orbits):
        notes = find_windows(orbits.loc[["99942"]], 2028, 2031).Note
        assert (notes == "close to the Earth in 2029-04: orbit later unsure").any()

    def test_a_poor_orbit_is_noted_and_no_window_is_absurd(self, orbits):
        poor = orbits.loc[["433"]].assign(orbit_uncertainty=7)
        found = find_windows(poor, 2030, 2036)
        notes = found.Note.str.split("; ")
        assert (notes.str[0] == "orbit uncertain").all()
        at_limit = found.Note.str.contains("at the limit of the search: .*flight")
        assert at_limit.tolist() == (found[["Flight_d", "Return_Flight_d"]] >= 900).any(axis=1).tolist()
        assert at_limit.any()
        np.testing.assert_allclose(found.Flight_d + found.Stay_d + found.Return_Flight_d, found.Mission_d)
        assert np.ptp(found.Window_delta_v_km_s) < 4.5

    def test_no_asteroid_has_no_window(self, orbits):
        assert len(find_windows(orbits.iloc[:0], 2030, 2030)) == 0

    @pytest.mark.parametrize("years", [(2040, 2030), (1900, 2000), (2030, 3000)])
    def test_years_out_of_range_are_refused(self, years, orbits):
        with pytest.raises(ValueError, match=f"launches from {years[0]} to {years[1]}"):
            find_windows(orbits.iloc[:1], *years)

    def test_porkchop_panels_are_titled_and_windows_numbered(self, orbits):
        use_style()
        few = orbits.loc[["101955", "433"]]
        found = find_windows(few, 2030, 2031)
        ax = plot_porkchop(few, found, ["one", "two"], 2030, 2031)
        titles = [panel.get_title(loc="left") for panel in ax.figure.axes[:2]]
        assert [title.split(":")[0] for title in titles] == ["one", "two"]
        assert ax.texts[0].get_text() == "1"
        plt.close(ax.figure)

    def test_the_example_of_the_docstring(self):
        assert doctest.testmod(windows).failed == 0


class TestFullElements:
    def test_they_are_found_by_number_and_by_former_designation(self, orbits):
        named = pd.DataFrame({"Asteroid_ID": ["433", "1956 PC", "no such"], "Designation": ""})
        named[["a_au", "e", "i_deg"]] = orbits.loc["433", ["a_au", "e", "i_deg"]].to_numpy(dtype=float)
        found = full_elements(named, orbits)
        assert found.index.tolist() == named.Asteroid_ID.tolist()
        assert found.epoch_jd.notna().tolist() == [True, True, False]
        assert found.mean_anomaly_deg.iloc[0] == orbits.mean_anomaly_deg["433"]

    def test_another_orbit_than_that_on_the_list_has_no_epoch(self, orbits):
        changes = {"a_au": [0, 0.02, 0, 0, 0], "e": [0, 0, -0.05, 0, np.nan], "i_deg": [0, 0, 0, 1.0, 0]}
        own = orbits.loc[["433"] * 5, list(changes)] + pd.DataFrame(changes, ["433"] * 5)
        found = full_elements(own.assign(Asteroid_ID="433", Designation=""), orbits)
        assert found.isna().all(axis=1).tolist() == [False, True, True, True, True]


class TestVisibility:
    def test_the_phase_function_is_that_of_bowell(self):
        """Tabulated for G = 0.15: 20 degrees cost 1.00 mag. That 0 cost none stands in notebook 05b."""
        lost = apparent_magnitude(0.0, 1.0, 1.0, np.radians([10, 20, 40, 90, 120]))
        assert lost[1] == pytest.approx(1.0, abs=0.005)
        assert (np.diff(lost) > 0).all()
        assert apparent_magnitude(10.0, 2.0, 5.0, 0.0) == pytest.approx(15.0)

    def test_eros_in_january_2012_was_of_8_to_9_mag(self, orbits):
        eros = orbits.loc[["433"]]
        seen = visibility(eros, eros.H, "2011-12-01", months=4)
        assert 8.0 < seen.V_Best["433"] < 9.2
        assert "2012-01-10" < seen.V_Date["433"] < "2012-03-01"

    def test_the_best_of_every_date_in_a_dark_sky_counts(self, orbits):
        some = orbits.sample(50, random_state=2)
        seen = visibility(some, some.H, "2027-01-01")
        dates = julian_date("2027-01-01") + np.arange(0, 365, 3.0)
        magnitude, elongation = sightings(some, some.H, dates)
        best = np.where(elongation >= MIN_ELONGATION, magnitude, np.nan)
        best = pd.DataFrame(best.T, columns=some.index).min()
        np.testing.assert_allclose(seen.V_Best, best)
        assert (seen.V_Elongation_deg.dropna() >= MIN_ELONGATION).all()
        assert seen.V_Date[seen.V_Best.notna()].between("2027-01-01", "2027-12-31").all()
        assert ((seen.V_Date == "") == seen.V_Best.isna()).all()
        edges = seen.V_Date.isin(["2027-01-01", "2027-12-30"])
        assert edges.any()
        assert ((seen.V_Note != "") == edges).all()

    def test_without_a_magnitude_there_is_no_date(self):
        assert visibility(one_orbit(), [np.nan], "2027-01-01").V_Date.tolist() == [""]
        assert len(visibility(one_orbit().iloc[:0], [], "2027-01-01")) == 0

    def test_many_are_cut_into_parts_that_give_the_same(self, orbits, monkeypatch):
        some = orbits.iloc[:300]
        whole = visibility(some, some.H, "2027-01-01", months=3)
        monkeypatch.setattr(windows, "_CHUNK", 7)
        pd.testing.assert_frame_equal(visibility(some, some.H, "2027-01-01", months=3), whole)

    def test_the_calendar_has_a_row_for_each_and_a_column_for_each_month(self, orbits):
        some = orbits.iloc[:4]
        ax = plot_visibility(some, some.H, list("abcd"), "2027-01-01")
        assert [label.get_text() for label in ax.get_yticklabels()] == list("abcd")
        assert ax.get_xticklabels()[0].get_text() == "Jan 27"
        assert len(ax.get_xticklabels()) == 12
        plt.close(ax.figure)

    def test_a_speed_is_in_kilometres_a_second(self):
        assert KM_S == pytest.approx(1731.4568, abs=1e-3)
