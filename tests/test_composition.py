"""Types of asteroids: the table fits the bundled data, and every observation counts as it should."""

from dataclasses import replace
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nea_prospect.catalogs import read_catalog
from nea_prospect.composition import (
    albedo_likelihood,
    chondrite_minerals,
    explain_resource,
    explain_types,
    known_facts,
    match_findings,
    mean_minerals,
    measure_opinions,
    mineral_likelihood,
    outside_boxes,
    plot_chondrites,
    resource_types,
    type_posterior,
    type_prior,
)
from nea_prospect.core import GROUPS, candidate_groups
from nea_prospect.features import hydration_band, make_features
from nea_prospect.loading import bundled, load_dataset


@pytest.fixture(scope="module")
def types():
    return resource_types()


@pytest.fixture(scope="module")
def catalog():
    """The bundled catalogs of targets and of the main belt."""
    kinds = ("targets", "auxiliary")
    return pd.concat([read_catalog(bundled(kind)[0], need_class=False) for kind in kinds], ignore_index=True)


@pytest.mark.parametrize(
    "column, value, message",
    [
        ("share", -1.0, "row 2 of share has the value -1.*; choose"),
        ("albedo", 0.0, "row 2 of albedo has the value 0.*; choose 0.001 to 1.5"),
        ("albedo_log_sd", "wide", "row 2 of albedo_log_sd has the value wide"),
        ("water_probability", 1.5, "row 2 of water_probability has the value 1.5; choose 0 to 1"),
        ("metal_low_wt_percent", 99.0, "row 2 of metal_high_wt_percent"),
        ("band_seen", 2.0, "band_seen"),
        ("fa_mol_percent", 200.0, "fa_mol_percent has the value 200"),
        ("group", "S-Group", "must have types"),
        ("density_sd", np.nan, "density_sd"),
    ],
)
def test_a_table_of_types_that_makes_no_sense_is_refused(tmp_path, types, column, value, message):
    types.assign(**{column: value}).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(ValueError, match=message) as caught:
        resource_types(tmp_path / "own.csv")
    assert "own.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
    types.drop(columns=column).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(ValueError, match=f"no column {column}"):
        resource_types(tmp_path / "own.csv")


@pytest.mark.parametrize(
    "column, value, message",
    [
        ("trust", 0.2, "row 2 of trust has the value 0.2; choose 0.5 to 0.999"),
        ("diameter_km", -1, "row 2 of diameter_km has the value -1"),
        ("water", "maybe", "row 2 of water has maybe; choose yes, no or nothing"),
        ("type", "Z", "row 2 of type has Z; choose"),
    ],
)
def test_a_table_of_findings_that_makes_no_sense_is_refused(tmp_path, types, column, value, message):
    known_facts().assign(**{column: value}).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(ValueError, match=message):
        known_facts(tmp_path / "own.csv", types)
    known_facts().drop(columns=column).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(ValueError, match=f"no column {column}"):
        known_facts(tmp_path / "own.csv", types)


def test_every_row_of_both_tables_has_a_source(types):
    assert types.source.ne("").all()
    assert known_facts().source.str.contains(r"\(\d{4}\)").all()
    assert known_facts().finding.ne("").all()


def test_the_albedos_of_the_table_are_those_of_the_bundled_asteroids(types, catalog):
    for kind in types.itertuples():
        found = catalog.albedo[catalog.second_class.isin(kind.classes.split())].dropna()
        if kind.group != "Other":
            assert len(found) > 20
            assert kind.albedo == pytest.approx(found.median(), rel=0.25), kind.type
            inside = np.abs(np.log(found / kind.albedo)) < 1.645 * kind.albedo_log_sd
            assert inside.mean() > 0.8, kind.type


@pytest.mark.parametrize("group", ["C-Group", "D-type", "S-Group", "V-type"])
def test_the_median_albedo_of_each_group_fits_the_labelled_near_earth_asteroids(types, group):
    targets = read_catalog(bundled()[0])
    both = [
        candidate_groups(one) == candidate_groups(two) == (group,)
        for one, two in zip(targets["class"], targets.second_class, strict=True)
    ]
    own = types[types.group == group]
    assert np.average(own.albedo, weights=own.share) == pytest.approx(targets.albedo[both].median(), rel=0.25)


BANDED = {"Ch": ["Ch", "Cgh"], "C": ["B", "C", "Cb", "F"]}  # published classes of two types


@pytest.fixture(scope="module")
def bands():
    """Whether the bundled spectra of these classes show the 0.7 um band, by published class."""
    parts = [load_dataset(*bundled(kind)) for kind in ("targets", "auxiliary")]
    classes = pd.concat([part.table["class"] for part in parts]).str.rstrip(":w").to_numpy()
    rows = np.flatnonzero(np.isin(classes, sum(BANDED.values(), [])))
    spectra = sum([part.spectra for part in parts], [])
    return pd.Series(hydration_band(make_features([spectra[row] for row in rows])[1]), classes[rows])


@pytest.mark.parametrize("kind", BANDED)
def test_how_often_the_band_is_seen_is_what_the_bundled_spectra_show(bands, types, kind):
    rates = types.set_index("type").band_seen
    assert bands[bands.index.isin(BANDED[kind])].mean() == pytest.approx(rates[kind], abs=0.01)


def make_asteroids(group, certain=1.0, **columns):
    """Asteroids whose spectrum says a group with some probability, the rest spread evenly."""
    table = pd.DataFrame({"Asteroid_ID": [f"a{row}" for row in range(len(group))], "Name": ""} | columns)
    rest = (1 - certain) / len(GROUPS)
    return table.assign(
        **{f"Prob_{name}": [certain * (name == one) + rest for one in group] for name in GROUPS}
    )


@cache
def opinions():
    return measure_opinions(resource_types())


def weigh(asteroids, **options):
    return type_posterior(asteroids, resource_types(), opinions(), **options)


def kinds_of(group, **columns):
    """Probabilities of the types, one row an asteroid."""
    return pd.DataFrame(weigh(make_asteroids(group, **columns)).types, columns=resource_types().type)


def test_an_x_asteroid_is_metal_only_if_its_albedo_says_so():
    kinds = kinds_of(["X-Group"] * 4, albedo=[np.nan, 0.04, 0.15, 0.6])
    metal = kinds.M + kinds.EC
    assert metal[0] < 0.3
    assert metal[1] < 0.1
    assert metal[2] > 0.7
    assert kinds.E[3] > 0.8
    np.testing.assert_allclose(kinds.sum(axis=1), 1)


def test_the_band_of_hydrated_minerals_moves_c_asteroids_and_no_others():
    share = {"band_0.7_seen": [1.0, 0.5, np.nan, 0.0]}
    seen, half, uncovered, unseen = kinds_of(["C-Group"] * 4, **share).Ch
    assert seen > 2.5 * uncovered > 5 * unseen
    assert uncovered == pytest.approx(0.14, abs=0.02)
    assert unseen < half < seen
    same = kinds_of(["S-Group"] * 4, **share)
    np.testing.assert_allclose(same["S(LL)"], same["S(LL)"][0], rtol=0.01)


def test_one_albedo_does_not_overturn_a_clear_spectrum():
    bright = kinds_of(["C-Group"] * 2, certain=0.6, albedo=[np.nan, 0.5])
    assert (bright.C + bright.Ch)[1] < 0.3 * (bright.C + bright.Ch)[0]
    clear = kinds_of(["S-Group"], certain=0.99, albedo=[0.07])
    assert clear.filter(like="S(").sum(axis=1)[0] > 0.6


def test_published_constants_of_dunn_2010():
    fa, olivine = chondrite_minerals([0.93, 0.96, 1.0], [1.0, 0.5, 0.0])
    np.testing.assert_allclose(fa, [16.9, 23.8, 29.3], atol=0.1)
    np.testing.assert_allclose(olivine, [0.486, 0.607, 0.728], atol=0.001)


def test_mineralogy_tells_chondrites_from_each_other_and_nothing_else(types):
    centre, ratio = np.array([0.93, 0.96, 1.0, np.nan, 0.8]), np.array([0.7, np.nan, 0.1, np.nan, 5.0])
    likelihood = pd.DataFrame(mineral_likelihood(centre, ratio, np.ones(5), types), columns=types.type)
    chondrites = likelihood[["S(H)", "S(L)", "S(LL)"]]
    assert chondrites[:3].idxmax(axis=1).tolist() == ["S(H)", "S(L)", "S(LL)"]
    np.testing.assert_allclose(chondrites.iloc[3], 1.0)
    assert chondrites.iloc[4].max() / chondrites.iloc[4].min() < 1.5
    others = types.type[(types.group != "S-Group").to_numpy()]
    assert (likelihood[others] == 1).all(axis=None)
    many = mineral_likelihood(centre, ratio, np.full(5, 9.0), types)
    assert many[0, types.type.tolist().index("S(H)")] > chondrites["S(H)"][0]


def test_bands_outside_of_all_boxes_are_of_no_ordinary_chondrite(types):
    centre, ratio = np.array([0.93, 0.918, 0.9, np.nan]), np.array([0.7, 1.03, 1.6, np.nan])
    assert outside_boxes(centre, ratio, np.full(4, 3), types).tolist() == [False, True, True, False]
    assert outside_boxes(centre, ratio, np.full(4, 1), types).tolist() == [False, False, True, False]
    bands = {"Band_I_Centre": centre, "Band_Area_Ratio": ratio, "Band_Spectra": 3}
    kinds = kinds_of(["S-Group"] * 4, **bands)
    none = kinds["S(other)"]
    assert none[0] < none[3] == pytest.approx(0.2, abs=0.02)
    assert none[0] < 0.2 < none[1] < 0.5 < none[2]
    assert kinds["S(H)"][1] < 0.75, "1.2 and 1.4 errors away"
    asteroids = make_asteroids(["S-Group"] * 4, **bands)
    against = [text.partition("against")[2] for text in explain_types(asteroids, weigh(asteroids), types)]
    assert ["than their errors" in text for text in against] == [False, True, False, False]


def test_what_speaks_for_the_type_may_speak_against_the_resource(types):
    facts = {"band_0.7_seen": [0.0, 1.0, 0.5], "albedo": 0.05}
    asteroids = make_asteroids(["C-Group"] * 3, certain=0.9, **facts)
    texts = explain_resource(asteroids, weigh(asteroids), types, known_facts(), "water")
    assert "Against: no 0.7 µm band" in texts[0]
    assert texts[1].startswith("For: 0.7 µm band")
    assert "Says little" in texts[2]
    assert "0.7 µm band in 50% of its spectra" in texts[2].partition("Says little")[2]


def test_a_name_is_no_formula_in_the_plot_of_chondrites(types):
    bands = {"Band_I_Centre": [0.93, 0.91], "Band_Area_Ratio": [0.7, 1.5], "Type": ["S(H)", "S(other)"]}
    asteroids = pd.DataFrame(bands | {"Name": [r"$\frac{$", ""]})
    ax = plot_chondrites(asteroids, types)
    ax.figure.canvas.draw()
    assert "none of them (1)" in [text.get_text() for text in ax.get_legend().get_texts()]
    lowest = types.fa_mol_percent == types.fa_mol_percent.min()
    other = plot_chondrites(asteroids, types.assign(fa_mol_percent=types.fa_mol_percent.mask(lowest, 0.5)))
    assert len(other.patches) == len(ax.patches) - 1, "no band has its centre in such a zone"
    plt.close("all")


def test_minerals_are_averaged_over_clear_bands():
    columns = {"band_I_centre": [0.9, 1.0, 0.8], "band_area_ratio": [1.0, np.nan, 9.0]}
    features = pd.DataFrame(columns | {"band_I_depth": [0.2, 0.1, 0.01]})
    minerals = mean_minerals(features, ["b", "b", "a"])
    np.testing.assert_allclose(minerals.Band_I_Centre, [0.95, np.nan])
    np.testing.assert_allclose(minerals.Band_Area_Ratio, [1.0, np.nan])
    assert minerals.Band_Spectra.tolist() == [2, 0]


def test_opinions_are_probabilities_and_the_right_class_is_the_likeliest():
    np.testing.assert_allclose(opinions().classes.sum(), 1.0)
    assert opinions().groups.sum() == pytest.approx(1.0)
    for name, kind in (("Ch", "Ch"), ("D", "D"), ("K", "K"), ("L", "L"), ("V", "V"), ("Q", "S(LL)")):
        assert opinions().classes.loc[name].idxmax() == kind, name


def test_opinions_on_the_same_spectrum_count_less_than_independent_ones(types):
    asteroids = make_asteroids(["X-Group"], certain=0.5, Published_Class="D", Second_Class="D")
    shared, independent = (
        pd.Series(type_posterior(asteroids, types, said).types[0], types.type)
        for said in (opinions(), replace(opinions(), shared=0.0))
    )
    assert independent.D > shared.D > type_prior(types, opinions().groups)[types.type.tolist().index("D")]


def test_an_abstention_leaves_the_spectrum_out():
    kinds = kinds_of(["V-type"] * 2, Published_Class="S", Abstains=[False, True])
    assert kinds.V[0] > 0.3 > 0.1 > kinds.V[1]


def test_a_sample_outweighs_every_opinion_and_applies_to_each_spectrum_of_the_asteroid():
    asteroids = make_asteroids(["S-Group"] * 3, certain=0.9).assign(Asteroid_ID=["101955", "Bennu", "433"])
    posterior = weigh(asteroids)
    water = (posterior.types * posterior.rich["water"]).sum(axis=1)
    assert water[:2].min() > 0.3 > 0.01 > water[2]
    assert posterior.pairs[:, 0].tolist() == [0, 1, 2]
    assert (weigh(asteroids, known=known_facts().iloc[:0]).steps["known"] == 1).all()


def test_independent_findings_on_one_asteroid_multiply():
    known = known_facts()
    asteroid = make_asteroids(["X-Group"]).assign(Asteroid_ID="6178")
    assert len(match_findings(asteroid, known)) == 2
    metal = []
    for rows in (known.iloc[:0], known[known.type == ""], known):
        posterior = weigh(asteroid, known=rows)
        metal.append((posterior.types * posterior.rich["metal"]).sum())
    assert metal[0] < metal[1] < metal[2]
    assert metal[2] > 0.98


def test_evidence_names_what_decided_and_what_disagrees(types):
    asteroids = make_asteroids(
        ["S-Group"] * 2, certain=0.95, Published_Class=["Ch", "S"], albedo=[0.25, 0.05]
    )
    asteroids["Abstains"] = [False, True]
    texts = explain_types(asteroids, weigh(asteroids), types)
    assert texts[0].startswith("S-Group")
    assert "for" not in texts[0].split(":")[0]
    assert "against: class Ch" in texts[0]
    assert "albedo 0.250" in texts[0].split("against")[0]
    assert texts[1].endswith("the classifier abstains")
    assert "spectrum" not in texts[1]


def test_an_asteroid_without_probabilities_is_named():
    asteroids = make_asteroids(["C-Group"] * 2)
    asteroids.loc[1, "Prob_C-Group"] = np.nan
    with pytest.raises(ValueError, match="asteroid a1 has no probabilities"):
        weigh(asteroids)


def test_albedos_out_of_reach_say_nothing(types):
    np.testing.assert_allclose(albedo_likelihood([np.nan, 0.0], types), 1.0)
