"""The benchmark: views, peers, ablations that differ from the classifier in one thing, and all tables."""

import sys

import numpy as np
import pandas as pd
import pytest
from helpers import make_rows
from sklearn.base import clone
from sklearn.dummy import DummyClassifier

from nea_prospect import benchmark
from nea_prospect.classifier import Predictions, calibrate
from nea_prospect.core import WAVELENGTH_GRID
from nea_prospect.features import model_inputs
from nea_prospect.files import read_json
from nea_prospect.loading import Spectrum, bundled, load_dataset
from nea_prospect.modeling import SpectrumClassifier, TwoBranchClassifier, make_models
from nea_prospect.resampling import assign_folds


class TestViews:
    wavelength = np.linspace(0.45, 2.45, 401)
    spectrum = Spectrum(wavelength, 1 + wavelength, np.full(401, 0.01), {})

    @pytest.mark.parametrize("column", ["wavelength", "reflectance", "uncertainty"])
    def test_every_column_is_cut(self, column):
        kept = self.wavelength >= 0.82
        cut = benchmark.cut_spectrum(self.spectrum, 0.82, np.inf)
        np.testing.assert_array_equal(getattr(cut, column), getattr(self.spectrum, column)[kept])

    def test_a_missing_uncertainty_stays_missing(self):
        spectrum = Spectrum(self.wavelength, self.wavelength, None, {})
        assert benchmark.cut_spectrum(spectrum, 0, 1).uncertainty is None

    def test_a_spectrum_without_points_in_a_view_stays_unobserved(self):
        visible = benchmark.cut_spectrum(self.spectrum, 0, 0.7)
        assert np.isnan(benchmark.make_views([visible])["NIR"]).all()

    @pytest.mark.parametrize("view, low, high", [("as observed", 0, 9), ("VIS", 0, 0.92), ("NIR", 0.82, 9)])
    def test_a_view_shows_what_its_name_says(self, view, low, high):
        shown = np.isfinite(benchmark.make_views([self.spectrum])[view][0])
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
        assert benchmark.bus_demeo_group(*numbers).tolist() == [group]


class TestRepeatedObservations:
    table = pd.DataFrame({"asteroid": ["1", "1", "1", "2", "3", "3"], "label": ["S-Group"] * 4 + ["", ""]})

    def test_spectra_of_one_asteroid_are_compared_in_pairs(self):
        agreement = benchmark.repeat_agreement(np.eye(6)[[0, 0, 3, 3, 1, 2]][None], self.table)
        assert agreement == {"asteroids": 1, "pairs": 3, "agree": pytest.approx(1 / 3)}

    def test_without_repeated_observations_there_is_no_share(self):
        assert np.isnan(benchmark.repeat_agreement(np.eye(6)[[0, 0, 3]][None], self.table[3:])["agree"])


class TestTheOriginalSplit:
    def test_it_holds_out_a_fifth_of_the_numbered_asteroids(self):
        table = load_dataset(*bundled()).table
        split = benchmark.original_split(table)
        numbered = table.asteroid[split >= 0].nunique()
        assert table.asteroid[split == 0].nunique() == pytest.approx(0.2 * numbered, abs=1)

    def test_without_enough_asteroids_there_is_none(self):
        assert (benchmark.original_split(make_rows(8)[1]) == -1).all()


@pytest.fixture(scope="module")
def inputs_and_table():
    X, table = make_rows(30)
    return model_inputs(X), table


class TestHiddenInputs:
    @pytest.mark.parametrize("hidden", benchmark.HIDDEN_INPUTS)
    def test_what_is_hidden_becomes_nan_in_a_copy(self, inputs_and_table, hidden):
        before = inputs_and_table[0].copy()
        changed = benchmark.hide_inputs(inputs_and_table[0], hidden)
        assert np.isnan(changed[:, benchmark.HIDDEN_INPUTS[hidden]]).all()
        np.testing.assert_array_equal(inputs_and_table[0], before)

    @pytest.mark.slow
    def test_a_network_reacts_only_to_what_it_is_shown(self, inputs_and_table):
        inputs, table = inputs_and_table
        model = benchmark.HiddenInputs(TwoBranchClassifier(epochs=2), "no features")
        model.fit(inputs, table.label, table.asteroid)
        changed = inputs.copy()
        changed[:, benchmark.HIDDEN_INPUTS["no features"]] += 1.0
        np.testing.assert_array_equal(model.predict_proba(changed), model.predict_proba(inputs))
        changed[:, benchmark.HIDDEN_INPUTS["no spectrum"]] += 1.0
        assert not np.allclose(model.predict_proba(changed), model.predict_proba(inputs))


def two_classes(table):
    return {asteroid: "Sq" if int(asteroid) % 2 else "S" for asteroid in table.asteroid}


@pytest.mark.slow
def test_a_network_that_learns_classes_predicts_groups(inputs_and_table):
    inputs, table = inputs_and_table
    network = benchmark.FineClasses(TwoBranchClassifier(epochs=2), two_classes(table))
    network.fit(inputs, table.label, table.asteroid)
    assert network.network_.classes_.tolist() == ["C-Group/Sq", "S-Group/S", "S-Group/Sq", "V-type/S"]
    assert network.classes_.tolist() == sorted(set(table.label))
    np.testing.assert_allclose(network.held_out_.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(network.predict_proba(inputs).sum(axis=1), 1, atol=1e-6)


@pytest.mark.slow
def test_another_network_predicts_within_the_classifier():
    X, table = make_rows(40)
    network = benchmark.FineClasses(TwoBranchClassifier(epochs=2), two_classes(table))
    model = SpectrumClassifier(network, n_trees=6).fit(X, table.label, table.asteroid)
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
    benchmark.FewerAsteroids(Spy(), 0.25).fit(X, table.label.to_numpy(), table.asteroid.to_numpy(), weight)
    return Spy.fits[-1], table


class TestFewerAsteroids:
    def test_every_auxiliary_row_is_kept(self, quarter):
        assert (quarter[0].weight == 1.0).sum() == 20

    def test_every_group_is_kept(self, quarter):
        rows, table = quarter
        assert set(rows.y[rows.weight == 3.0]) == set(table.label)

    def test_the_share_is_that_of_whole_asteroids(self, quarter):
        n_spectra = quarter[0][quarter[0].weight == 3.0].groupby("groups").size()
        assert len(n_spectra) == pytest.approx(0.25 * 30, abs=1.5)
        assert (n_spectra == 2).all()


@pytest.mark.parametrize("title", benchmark.make_ablations({}))
class TestAblations:
    def test_each_can_be_copied(self, title):
        model = benchmark.make_ablations({})[title]
        assert repr(clone(model)) == repr(model)

    def test_each_random_state_can_be_chosen(self, title):
        assert benchmark.make_ablations({}, 3)[title].random_state == 3


class Stub(DummyClassifier):
    """Classifier that predicts as that of the series does, without training."""

    def predict_all(self, X, _noise):
        return Predictions(dict.fromkeys(("network", "ensemble"), self.predict_proba(X)))


@pytest.fixture(scope="module")
def made(small_input, tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark")
    peers = {name: model for name, model in benchmark.make_peers().items() if name != "Gradient boosting"}
    models = make_models(epochs=1, smote_epochs=1)
    models["ensemble"].set_params(n_members=2, n_trees=6, copies=1)
    account = pd.DataFrame({"set": ["none.zip"], "in training": [0]})
    no_auxiliary = np.empty((0, 53)), load_dataset(*small_input).table[:0], account
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(benchmark, "make_models", lambda seed: models)  # noqa: ARG005
        patches.setattr(benchmark, "make_peers", lambda seed: peers)  # noqa: ARG005
        patches.setattr(benchmark, "make_ablations", lambda *_: {"No cut copies in training": Stub()})
        patches.setattr(benchmark, "FewerAsteroids", lambda *_: Stub())
        patches.setattr(benchmark, "SpectrumClassifier", lambda **_: Stub())
        two_folds = lambda *given: np.minimum(assign_folds(*given), 1)  # noqa: E731
        patches.setattr(benchmark, "assign_folds", two_folds)
        patches.setattr(benchmark, "load_auxiliary", lambda *_: no_auxiliary)
        result = benchmark.run_benchmark(out, *small_input, repeats=1, workers=1)
    return result, out, {*models, "extra_trees", "network", *peers}


@pytest.mark.slow
class TestTheWholeTable:
    def test_every_model_is_scored_in_every_view(self, made):
        result, _, names = made
        scored = {view: set(scores) for view, scores in result["views"].items()}
        assert scored == dict.fromkeys(benchmark.VIEWS, names)

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


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--out", "full"], "already holds something"),
        (["--out", "new", "--catalog", "c.csv"], "give both"),
        (["--out", "new", "--catalog", "c.csv", "--spectra", "s.zip"], "no catalog at"),
        (["--out", "new", "--auxiliary", "c.csv"], "--auxiliary takes CATALOG=SPECTRA"),
        (["--out", "new", "--auxiliary", "c.csv=s.zip"], "no catalog at c.csv"),
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
