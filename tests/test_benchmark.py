"""The benchmark: views, peers, ablations that differ from the classifier in one thing, and all tables."""

import sys

import numpy as np
import pandas as pd
import pytest
from helpers import make_rows
from sklearn.base import clone
from sklearn.dummy import DummyClassifier

from nea_prospect import benchmark
from nea_prospect.benchmark import (
    HIDDEN_INPUTS,
    AuditedClassifier,
    BusDeMeoRules,
    ChangedInputs,
    FewerAsteroids,
    FineClasses,
    bus_demeo_group,
    change_inputs,
    cut_spectrum,
    make_ablations,
    make_peers,
    make_views,
    markdown_table,
    original_split,
    repeat_agreement,
    run_benchmark,
)
from nea_prospect.classifier import Predictions, calibrate
from nea_prospect.core import NAMED_GROUPS, WAVELENGTH_GRID
from nea_prospect.features import model_inputs
from nea_prospect.files import read_json
from nea_prospect.loading import Spectrum, bundled, load_dataset
from nea_prospect.modeling import SpectrumClassifier, TwoBranchClassifier, make_models


class TestViews:
    wavelength = np.linspace(0.45, 2.45, 401)
    spectrum = Spectrum(wavelength, 1 + wavelength, np.full(401, 0.01), {})

    def test_a_cut_spectrum_ends_where_it_is_cut(self):
        cut = cut_spectrum(self.spectrum, 0.82, np.inf)
        assert cut.wavelength.min() >= 0.82
        assert cut.wavelength.max() == self.wavelength.max()

    def test_all_columns_are_cut(self):
        cut = cut_spectrum(self.spectrum, 0.82, np.inf)
        assert len(cut.reflectance) == len(cut.uncertainty) == len(cut.wavelength)

    def test_a_missing_uncertainty_stays_missing(self):
        assert cut_spectrum(Spectrum(self.wavelength, self.wavelength, None, {}), 0, 1).uncertainty is None

    def test_the_spectrum_itself_is_not_changed(self):
        cut_spectrum(self.spectrum, 0.82, np.inf)
        assert len(self.spectrum.wavelength) == 401

    @pytest.mark.parametrize("view, low, high", [("as observed", 0, 9), ("VIS", 0, 0.92), ("NIR", 0.82, 9)])
    def test_a_view_shows_what_its_name_says(self, view, low, high):
        shown = np.isfinite(make_views([self.spectrum])[view][0])
        inside = (WAVELENGTH_GRID > low) & (WAVELENGTH_GRID < high)
        near = (abs(WAVELENGTH_GRID - low) < 0.01) | (abs(WAVELENGTH_GRID - high) < 0.01)
        np.testing.assert_array_equal(shown[~near], inside[~near])


class TestPeers:
    @pytest.mark.parametrize(
        "slope, components, depth, group",
        [
            (0.10, (0.60, 0.30, 0.0, 0.0, 0.0), 0.0, "V-type"),
            (0.20, (0.10, 0.00, 0.0, 0.0, 0.0), 0.0, "S-Group"),
            (0.60, (-0.20, -0.20, 0.0, 0.0, 0.0), 0.0, "D-type"),
            (-0.1, (-0.50, 0.00, 0.3, -0.1, 0.0), 0.0, "C-Group"),
            (0.30, (-0.60, 0.05, 0.3, 0.0, 0.0), 0.0, "X-Group"),
            (0.10, (-0.50, 0.02, 0.3, 0.05, 0.2), 0.02, "C-Group"),
            (0.10, (-0.50, 0.02, 0.3, 0.05, 0.2), 0.0, "X-Group"),
            (np.nan, (np.nan,) * 5, np.nan, ""),
        ],
    )
    def test_the_rules_divide_the_space_as_published(self, slope, components, depth, group):
        numbers = [np.array([value]) for value in (slope, *components, depth)]
        assert bus_demeo_group(*numbers).tolist() == [group]

    def test_the_rules_predict_the_largest_group_where_they_cannot_decide(self):
        rules = BusDeMeoRules().fit(np.ones((3, 53)), np.array(["X-Group", "X-Group", "C-Group"]))
        assert rules.predict_proba(np.full((2, 53), np.nan)).tolist() == [[0, 1], [0, 1]]


class TestRepeatedObservations:
    table = pd.DataFrame({"asteroid": ["1", "1", "1", "2", "3", "3"], "label": ["S-Group"] * 4 + ["", ""]})

    def test_spectra_of_one_asteroid_are_compared_in_pairs(self):
        agreement = repeat_agreement(np.eye(6)[[0, 0, 3, 3, 1, 2]][None], self.table)
        assert agreement == {"asteroids": 1, "pairs": 3, "agree": pytest.approx(1 / 3)}

    def test_without_repeated_observations_there_is_no_share(self):
        agreement = repeat_agreement(np.eye(6)[[0, 0, 3]][None], self.table[3:])
        assert np.isnan(agreement["agree"])


class TestTheOriginalSplit:
    def test_it_holds_out_a_fifth_of_the_numbered_asteroids(self):
        table = load_dataset(*bundled()).table
        split = original_split(table)
        numbered = table.asteroid[split >= 0].nunique()
        assert table.asteroid[split == 0].nunique() == pytest.approx(0.2 * numbered, abs=1)

    def test_no_asteroid_is_on_both_sides(self):
        table = load_dataset(*bundled()).table
        split = original_split(table)
        assert not set(table.asteroid[split == 0]) & set(table.asteroid[split == 1])

    def test_without_enough_asteroids_there_is_none(self):
        assert (original_split(load_dataset(*bundled()).table.head(8)) == -1).all()


@pytest.fixture(scope="module")
def inputs_and_table():
    X, table = make_rows(30)
    return model_inputs(X), table


class TestChangedInputs:
    @pytest.mark.parametrize("change", HIDDEN_INPUTS)
    def test_what_is_hidden_becomes_nan(self, inputs_and_table, change):
        hidden = np.isnan(change_inputs(inputs_and_table[0], change)).all(axis=0)
        assert hidden[HIDDEN_INPUTS[change]].all()

    @pytest.mark.parametrize("change", [*HIDDEN_INPUTS, "no slope"])
    def test_the_inputs_themselves_are_not_changed(self, inputs_and_table, change):
        before = inputs_and_table[0].copy()
        change_inputs(inputs_and_table[0], change)
        np.testing.assert_array_equal(inputs_and_table[0], before)

    def test_an_unknown_change_is_an_error(self, inputs_and_table):
        with pytest.raises(KeyError, match="no sound"):
            change_inputs(inputs_and_table[0], "no sound")

    @pytest.mark.slow
    def test_a_network_does_not_react_to_what_is_hidden(self, inputs_and_table):
        inputs, table = inputs_and_table
        model = ChangedInputs(TwoBranchClassifier(epochs=2), "no features")
        model.fit(inputs, table.label, table.asteroid)
        changed = inputs.copy()
        changed[:, HIDDEN_INPUTS["no features"]] += 1.0
        np.testing.assert_array_equal(model.predict_proba(changed), model.predict_proba(inputs))
        changed[:, HIDDEN_INPUTS["no spectrum"]] += 1.0
        assert not np.allclose(model.predict_proba(changed), model.predict_proba(inputs))

    @pytest.mark.slow
    def test_a_network_without_slope_reacts_to_curvature_only(self, inputs_and_table):
        inputs, table = inputs_and_table
        model = ChangedInputs(TwoBranchClassifier(epochs=1), "no slope")
        model.fit(inputs, table.label, table.asteroid)
        tilted, bent = inputs.copy(), inputs.copy()
        tilted[:, :53] += 0.3 * (WAVELENGTH_GRID - 1.0)
        bent[:, :53] += 0.3 * (WAVELENGTH_GRID - 1.0) ** 2
        for changed in (tilted, bent):
            changed[:, :53] -= np.nanmean(changed[:, :53], axis=1, keepdims=True)
        np.testing.assert_allclose(model.predict_proba(tilted), model.predict_proba(inputs), atol=1e-5)
        assert not np.allclose(model.predict_proba(bent), model.predict_proba(inputs), atol=1e-3)


def two_classes(table):
    return {asteroid: "Sq" if int(asteroid) % 2 else "S" for asteroid in table.asteroid}


@pytest.fixture(scope="module")
def fine_classes():
    X, table = make_rows(40)
    network = FineClasses(TwoBranchClassifier(epochs=2), two_classes(table))
    return network.fit(model_inputs(X), table.label, table.asteroid), model_inputs(X), table


@pytest.mark.slow
class TestFineClasses:
    def test_the_network_learns_classes(self, fine_classes):
        learned = ["C-Group/Sq", "S-Group/S", "S-Group/Sq", "V-type/S"]
        assert fine_classes[0].network_.classes_.tolist() == learned

    def test_its_classes_are_groups(self, fine_classes):
        assert fine_classes[0].classes_.tolist() == sorted(set(fine_classes[2].label))

    def test_its_held_out_probabilities_are_those_of_groups(self, fine_classes):
        np.testing.assert_allclose(fine_classes[0].held_out_.sum(axis=1), 1, atol=1e-6)

    def test_its_probabilities_are_those_of_groups(self, fine_classes):
        network, inputs, _ = fine_classes
        assert network.predict_proba(inputs).shape == (len(inputs), len(network.classes_))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fine classes", "no gradient", "plain"])
def test_another_network_predicts_within_the_classifier(name):
    X, table = make_rows(40)
    short = TwoBranchClassifier(epochs=2)
    networks = {
        "fine classes": FineClasses(short, two_classes(table)),
        "no gradient": ChangedInputs(short, "no gradient"),
        "plain": short,
    }
    model = SpectrumClassifier(networks[name], n_trees=6).fit(X, table.label, table.asteroid)
    own = model.network_.predict_proba(model_inputs(X))
    predicted = model.predict_all(X).probabilities["network"]
    np.testing.assert_allclose(predicted, calibrate(own, model.model_.calibration[0, 1]))


class Spy(DummyClassifier):
    """Classifier that remembers the rows of each fit."""

    fits = []

    def fit(self, X, y, groups=None, sample_weight=None):
        self.fits.append(pd.DataFrame({"y": y, "groups": groups, "weight": sample_weight}))
        return super().fit(X, y)


@pytest.fixture(scope="module")
def quarter():
    X, table = make_rows(40)
    weight = np.where(np.arange(len(X)) < 60, 3.0, 1.0)
    Spy.fits.clear()
    FewerAsteroids(Spy(), 0.25).fit(X, table.label.to_numpy(), table.asteroid.to_numpy(), weight)
    return Spy.fits[-1], table


class TestFewerAsteroids:
    def test_every_auxiliary_row_is_kept(self, quarter):
        assert (quarter[0].weight == 1.0).sum() == 20

    def test_every_group_is_kept(self, quarter):
        rows, table = quarter
        assert set(rows.y[rows.weight == 3.0]) == set(table.label)

    def test_a_chosen_asteroid_keeps_all_its_spectra(self, quarter):
        rows = quarter[0][quarter[0].weight == 3.0]
        assert (rows.groupby("groups").size() == 2).all()

    def test_the_share_is_that_of_the_asteroids(self, quarter):
        rows = quarter[0][quarter[0].weight == 3.0]
        assert rows.groups.nunique() == pytest.approx(0.25 * 30, abs=1.5)


@pytest.mark.slow
def test_the_audit_removes_planted_errors_from_its_own_training_rows_only(monkeypatch):
    X, table = make_rows(60)
    y = table.label.to_numpy(dtype=str)
    wrong = np.flatnonzero(table.asteroid.isin(["3", "11"]))
    y[wrong] = "V-type"
    kept = []
    fit = SpectrumClassifier.fit

    def spy(self, X, y, *arguments):
        kept.append(len(y))
        return fit(self, X, y, *arguments)

    monkeypatch.setattr(SpectrumClassifier, "fit", spy)
    classifier = SpectrumClassifier(TwoBranchClassifier(epochs=3), n_trees=30)
    AuditedClassifier(classifier).fit(X, y, table.asteroid.to_numpy(), np.ones(len(y)))
    assert kept[0] == len(y)
    assert len(y) - 8 <= kept[1] <= len(y) - 3


class TestAblations:
    @pytest.mark.parametrize("title", make_ablations({}))
    def test_each_can_be_copied(self, title):
        model = make_ablations({})[title]
        assert repr(clone(model)) == repr(model)

    @pytest.mark.parametrize("title", make_ablations({}))
    def test_each_random_state_can_be_chosen(self, title):
        parameters = make_ablations({}, 3)[title].get_params()
        assert parameters.get("random_state", parameters.get("classifier__random_state")) == 3

    @pytest.mark.parametrize("title", [title for title in make_ablations({}) if title.startswith("Network")])
    def test_every_parameter_of_a_network_can_be_set(self, title):
        model = make_ablations({})[title]
        name = next(name for name in model.get_params() if name.endswith("epochs"))
        assert model.set_params(**{name: 2}).get_params()[name] == 2


def test_a_table_is_written_as_markdown():
    frame = pd.DataFrame({"F1": [0.5, np.nan], "n": [3, 4]}, index=["V-type", "Other"])
    assert markdown_table(frame) == "| | F1 | n |\n|---|---|---|\n| V-type | 0.500 | 3 |\n| Other | - | 4 |"


class Stub(DummyClassifier):
    """Classifier that predicts as that of the series does, without training."""

    def predict_all(self, X):
        return Predictions(dict.fromkeys(("network", "ensemble"), self.predict_proba(X)))


@pytest.fixture(scope="module")
def made(small_input, tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark")
    peers = {name: model for name, model in make_peers().items() if name != "Gradient boosting"}
    models = make_models(epochs=1)
    models["ensemble"].set_params(n_trees=6, copies=1)
    no_auxiliary = np.empty((0, 53)), load_dataset(*small_input).table[:0]
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(benchmark, "make_models", lambda seed: models)  # noqa: ARG005
        patches.setattr(benchmark, "make_peers", lambda seed: peers)  # noqa: ARG005
        patches.setattr(benchmark, "make_ablations", lambda *_: {"No cut copies in training": Stub()})
        patches.setattr(benchmark, "FewerAsteroids", lambda *_: Stub())
        patches.setattr(benchmark, "SpectrumClassifier", lambda **_: Stub())
        patches.setattr(benchmark, "load_auxiliary", lambda _: no_auxiliary)
        result = run_benchmark(out, *small_input, repeats=1, workers=1)
    return result, out, {*models, "extra_trees", "network", *peers}


@pytest.mark.slow
class TestTheWholeTable:
    def test_every_view_is_scored(self, made):
        assert made[0]["views"].keys() == {"as observed", "VIS", "NIR"}

    def test_every_model_is_scored_in_every_view(self, made):
        result, _, names = made
        for scores in result["views"].values():
            assert set(scores) == names

    def test_the_majority_class_comes_first(self, made):
        assert next(iter(made[0]["views"]["as observed"])) == "majority"

    def test_the_ablations_stand_beside_the_classifier_of_the_series(self, made):
        expected = ["Classifier of the series", "No cut copies in training", "No auxiliary spectra"]
        assert list(made[0]["ablations"]) == expected

    def test_the_learning_curve_ends_with_all_asteroids(self, made):
        assert [list(curve) for curve in made[0]["learning_curve"].values()] == [[0.25, 0.5, 1.0]] * 2

    def test_the_original_split_is_scored(self, made):
        assert made[0]["original_split"]["majority"]["n_test"] > 10

    def test_the_numbers_are_written(self, made):
        assert read_json(made[1] / "benchmark.json")["views"].keys() == made[0]["views"].keys()

    def test_the_figures_are_written(self, made):
        names = {path.name for path in (made[1] / "figures").iterdir()}
        assert names == {"confusion.png", "learning_curve.png", "reliability.png", "scores.png"}

    def test_the_tables_are_written(self, made):
        text = (made[1] / "benchmark.md").read_text(encoding="utf-8")
        assert "Support vector machine" in text
        assert "nan" not in text

    def test_the_asteroids_of_named_groups_are_counted(self, made, small_input):
        table = load_dataset(*small_input).table
        assert made[0]["n_asteroids"] == table.asteroid[table.label.isin(NAMED_GROUPS)].nunique()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--out", "full"], "already holds something"),
        (["--out", "new", "--catalog", "c.csv"], "give both"),
        (["--out", "new", "--catalog", "c.csv", "--spectra", "s.zip"], "no catalog at"),
    ],
)
def test_wrong_use_of_the_command_gets_one_line(tmp_path, monkeypatch, capfd, arguments, message):
    from nea_prospect.cli import main

    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["nea-prospect", "benchmark", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    printed = capfd.readouterr().err
    assert end.value.code == 1
    assert message in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "new").exists()
