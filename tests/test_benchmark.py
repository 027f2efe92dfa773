"""The benchmark: views, peers, ablations that differ from the classifier in one thing, and the whole table."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from test_modeling import make_rows

from nea_prospect import benchmark
from nea_prospect.benchmark import (
    AuditedClassifier,
    BlindNetwork,
    BusDeMeoRules,
    FewerAsteroids,
    FineNetwork,
    SlopeFreeNetwork,
    SmoteNetwork,
    WithNetwork,
    bus_demeo_group,
    cut_spectrum,
    make_ablations,
    make_peers,
    make_views,
    repeat_agreement,
    run_benchmark,
)
from nea_prospect.classifier import calibrate
from nea_prospect.core import NAMED_GROUPS
from nea_prospect.features import WAVELENGTH_GRID, model_inputs
from nea_prospect.files import read_json
from nea_prospect.loading import Spectrum, load_dataset
from nea_prospect.modeling import SpectrumClassifier, TwoBranchClassifier, make_models
from nea_prospect.series import main


def test_a_view_is_cut_before_anything_else_happens():
    wavelength = np.linspace(0.45, 2.45, 401)
    spectrum = Spectrum(wavelength, 1 + wavelength, np.full(401, 0.01), {})
    cut = cut_spectrum(spectrum, 0.82, np.inf)
    assert (
        cut.wavelength.min() >= 0.82
        and len(cut.reflectance) == len(cut.uncertainty) == len(cut.wavelength)
        and len(spectrum.wavelength) == 401
    )
    views = make_views([spectrum])
    assert np.isfinite(views["as observed"]).all()
    assert (
        np.isnan(views["VIS"][0, WAVELENGTH_GRID > 0.93]).all()
        and np.isfinite(views["VIS"][0, WAVELENGTH_GRID < 0.91]).all()
    )
    assert (
        np.isnan(views["NIR"][0, WAVELENGTH_GRID < 0.81]).all()
        and np.isfinite(views["NIR"][0, WAVELENGTH_GRID > 0.83]).all()
    )


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
def test_the_rules_divide_the_space_as_published(slope, components, depth, group):
    assert bus_demeo_group(*(np.array([value]) for value in (slope, *components, depth))).tolist() == [group]


def test_the_rules_say_the_largest_group_where_they_cannot_decide():
    rules = BusDeMeoRules().fit(np.ones((3, 53)), np.array(["X-Group", "X-Group", "C-Group"]))
    assert rules.predict_proba(np.full((2, 53), np.nan)).tolist() == [[0, 1], [0, 1]]


def test_spectra_of_one_asteroid_are_compared_in_pairs():
    table = pd.DataFrame({"asteroid": ["1", "1", "1", "2", "3", "3"], "label": ["S-Group"] * 4 + ["", ""]})
    agreement = repeat_agreement(np.eye(6)[[0, 0, 3, 3, 1, 2]][None], table)
    assert agreement == {"asteroids": 1, "pairs": 3, "agree": pytest.approx(1 / 3)}


def test_smote_stays_within_each_inner_part():
    X, table = make_rows(30)
    seen = {}

    class Spy(SmoteNetwork):
        def _logits(self, inputs):
            return np.zeros((len(inputs[0]), self.n_members, 3))

    def spy(_, *taught):
        seen.update(zip(("inputs", "codes", "weight", "folds"), taught))

    original, TwoBranchClassifier._train = TwoBranchClassifier._train, spy
    try:
        Spy().fit(model_inputs(X), table.label, table.asteroid)
    finally:
        TwoBranchClassifier._train = original
    for fold in range(3):
        counts = np.bincount(seen["codes"][seen["folds"] == fold])
        assert len(set(counts)) == 1
    assert set(np.unique(seen["inputs"][1])) <= {0.0, 1.0}


def test_a_blind_network_does_not_react_to_what_it_does_not_see():
    X, table = make_rows(30)
    inputs = model_inputs(X)
    network = BlindNetwork("features").set_params(random_state=0).fit(inputs, table.label, table.asteroid)
    changed = inputs.copy()
    changed[:, 106:] += 1.0
    np.testing.assert_array_equal(network.predict_proba(changed), network.predict_proba(inputs))
    changed[:, :106] += 1.0
    assert not np.allclose(network.predict_proba(changed), network.predict_proba(inputs))


def test_a_network_without_slope_does_not_react_to_a_slope():
    X, table = make_rows(30)
    inputs = model_inputs(X)
    network = SlopeFreeNetwork(epochs=1).fit(inputs, table.label, table.asteroid)
    tilted, bent = inputs.copy(), inputs.copy()
    tilted[:, :53] += 0.3 * (WAVELENGTH_GRID - 1.0)
    bent[:, :53] += 0.3 * (WAVELENGTH_GRID - 1.0) ** 2
    for changed in (tilted, bent):
        changed[:, :53] -= np.nanmean(changed[:, :53], axis=1, keepdims=True)
    np.testing.assert_allclose(network.predict_proba(tilted), network.predict_proba(inputs), atol=1e-5)
    assert not np.allclose(network.predict_proba(bent), network.predict_proba(inputs), atol=1e-3)


def test_a_network_of_classes_answers_in_groups():
    X, table = make_rows(40)
    inputs, halves = (
        model_inputs(X),
        {asteroid: "Sq" if int(asteroid) % 2 else "S" for asteroid in table.asteroid},
    )
    network = FineNetwork(halves).fit(inputs, table.label, table.asteroid)
    assert network.classes_.tolist() == sorted(set(table.label)) and network.weights_["output/bias"].shape[
        1
    ] > len(network.classes_)
    np.testing.assert_allclose(network.held_out_.sum(axis=1), 1, atol=1e-6)
    assert network.predict_proba(inputs).shape == (len(inputs), len(network.classes_))


def test_another_network_answers_for_itself_within_the_classifier():
    X, table = make_rows(40)
    halves = {asteroid: "Sq" if int(asteroid) % 2 else "S" for asteroid in table.asteroid}
    for network in (FineNetwork(halves), BlindNetwork("gradient"), TwoBranchClassifier(epochs=2)):
        model = WithNetwork(network).set_params(random_state=0)
        model.n_trees, model.epochs = 6, 2
        answer = model.fit(X, table.label, table.asteroid).predict_all(X)
        own = model.network_.predict_proba(model_inputs(X))
        assert answer["network"].shape == own.shape == (len(X), 3)
        np.testing.assert_allclose(answer["network"], calibrate(own, model.model_.calibration[0, 1]))
    for name, values in model.model_.predict_all(X).items():
        np.testing.assert_allclose(answer[name], values)


def test_fewer_asteroids_keep_every_group_and_every_auxiliary_row(monkeypatch):
    X, table = make_rows(40)
    seen = {}
    monkeypatch.setattr(
        SpectrumClassifier, "fit", lambda _, *rows: seen.update(zip(("y", "groups", "weight"), rows[1:]))
    )
    weight = np.where(np.arange(len(X)) < 60, 3.0, 1.0)
    FewerAsteroids(0.25).fit(X, table.label.to_numpy(), table.asteroid.to_numpy(), weight)
    assert (seen["weight"] == 1.0).sum() == 20
    taught = pd.DataFrame(seen)[seen["weight"] == 3.0]
    assert set(taught.y) == set(table.label) and (taught.groupby("groups").size() == 2).all()
    assert taught.groups.nunique() == pytest.approx(0.25 * 30, abs=1.5)


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
    AuditedClassifier().fit(X, y, table.asteroid.to_numpy(), np.ones(len(y)))
    assert kept[0] == len(y) and len(y) - 8 <= kept[1] <= len(y) - 3


class Stub(DummyClassifier):
    """Answers as the classifier of the series does, without training."""

    def predict_all(self, X):
        return dict.fromkeys(("network", "ensemble"), self.predict_proba(X))


@pytest.mark.slow
def test_the_whole_table_is_made(small_input, tmp_path, monkeypatch):
    def small(model):
        return model.set_params(
            **{
                name: value
                for name, value in {"n_trees": 5, "epochs": 1, "copies": 1}.items()
                if name in model.get_params(deep=False)
            }
        )

    peers = {name: model for name, model in make_peers().items() if name != "Gradient boosting"}
    monkeypatch.setattr(
        benchmark,
        "make_models",
        lambda seed: {
            name: small(model) if name == "ensemble" else model
            for name, model in make_models(seed=seed).items()
        },
    )
    monkeypatch.setattr(benchmark, "make_peers", lambda _: peers)
    monkeypatch.setattr(benchmark, "make_ablations", lambda *_: {"No cut copies in training": Stub()})
    monkeypatch.setattr(benchmark, "FewerAsteroids", lambda *_: Stub())
    monkeypatch.setattr(benchmark, "SpectrumClassifier", lambda **_: Stub())
    monkeypatch.setattr(
        benchmark, "load_auxiliary", lambda _: (np.empty((0, 53)), load_dataset(*small_input).table[:0])
    )
    result = run_benchmark(tmp_path / "out", *small_input, repeats=1, workers=1)
    written = read_json(tmp_path / "out" / "benchmark.json")
    assert written["views"].keys() == result["views"].keys() >= {"as observed", "VIS", "NIR"}
    for scores in result["views"].values():
        assert {"majority", "logistic", "lda", "extra_trees", "network", "ensemble", *peers} == set(
            scores
        ) and list(scores)[0] == "majority"
    assert {"Classifier of the series", "No cut copies in training", "No auxiliary spectra"} == set(
        result["ablations"]
    )
    assert [path.name for path in sorted((tmp_path / "out" / "figures").iterdir())] == [
        "confusion.png",
        "learning_curve.png",
        "reliability.png",
        "scores.png",
    ]
    text = (tmp_path / "out" / "benchmark.md").read_text(encoding="utf-8")
    assert "nan" not in text and "Support vector machine" in text
    dataset = load_dataset(*small_input)
    assert result["n_asteroids"] == dataset.table.asteroid[dataset.table.label.isin(NAMED_GROUPS)].nunique()


def test_every_ablation_can_be_copied_and_differs_in_one_thing():
    from sklearn.base import clone

    for title, model in make_ablations({}, 3).items():
        assert type(clone(model)) is type(model) and clone(model).random_state == 3
        if isinstance(model, WithNetwork):
            assert model._new_network().random_state == 3 and title.startswith("Network: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    "title", [title for title, model in make_ablations({}).items() if isinstance(model, WithNetwork)]
)
def test_the_network_of_every_ablation_trains_and_answers(title):
    X, table = make_rows(30)
    inputs = model_inputs(X)
    network = (
        make_ablations({})[title].network.set_params(epochs=1)
        if "epochs" in make_ablations({})[title].network.get_params()
        else make_ablations({})[title].network
    )
    network.fit(inputs, table.label, table.asteroid)
    np.testing.assert_allclose(network.predict_proba(inputs).sum(axis=1), 1, atol=1e-6)
    assert np.isfinite(network.held_out_).all() and len(network.history_) == network.epochs


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--out", "full"], "already holds something"),
        (["--out", "new", "--catalog", "c.csv"], "give both"),
        (["--out", "new", "--catalog", "c.csv", "--spectra", "s.zip"], "no catalog at"),
    ],
)
def test_wrong_use_of_the_command_gets_one_line(tmp_path, monkeypatch, capfd, arguments, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["nea-prospect", "benchmark", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    told = capfd.readouterr().err
    assert (
        end.value.code == 1 and message in told and told.count("\n") == 1 and not (tmp_path / "new").exists()
    )
