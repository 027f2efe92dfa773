"""A trained classifier as numbers: how it predicts, and what a file must hold to be one."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers import make_partial_rows, make_rows, make_spectrum

from nea_prospect import classifier
from nea_prospect.classifier import (
    GRID_COLUMNS,
    MAX_NOISE,
    NOISY,
    USUAL_NOISE,
    Predictions,
    credible_noise,
    draw_spectra,
    find_model,
    load_model,
    nearest_distance,
    noise_variance,
    pack_trees,
    prediction_sets,
    read_model,
    spectral_distance,
    tree_probabilities,
    write_model,
)
from nea_prospect.core import GROUPS, WAVELENGTH_GRID
from nea_prospect.features import INPUT_NAMES, make_features, model_inputs, resample_noise, resample_spectra
from nea_prospect.files import packaged, sha256
from nea_prospect.loading import Spectrum, bundled, load_dataset
from nea_prospect.modeling import SpectrumClassifier, TwoBranchClassifier, class_templates


@pytest.fixture(scope="module")
def model():
    X, table = make_partial_rows()
    classifier = SpectrumClassifier(TwoBranchClassifier(epochs=4), n_trees=10)
    numbers = classifier.fit(X, table.label, table.asteroid).model_
    names, templates = class_templates(X, table.label.map({"S-Group": "Sq", "C-Group": "Ch", "V-type": "V"}))
    return replace(numbers, template_names=names, templates=templates)


def test_the_distance_depends_on_no_scale_and_only_on_common_wavelengths(monkeypatch):
    monkeypatch.setattr(classifier, "BATCH", 7)
    rng = np.random.default_rng(0)
    rows, reference = rng.normal(0, 0.2, (30, 53)), rng.normal(0, 0.2, (40, 53))
    for values in (rows, reference):
        values[rng.random(values.shape) < 0.05] = np.nan
    expected = np.nanstd(rows[:, None] - reference, axis=2)
    shifted = rows + 7 * rng.random((30, 1))
    np.testing.assert_allclose(spectral_distance(shifted, reference), expected, rtol=2e-2)
    noise = np.minimum(noise_variance(rows), MAX_NOISE**2)
    without_noise = np.sqrt(np.maximum(expected.min(axis=1) ** 2 - noise, 0))
    np.testing.assert_allclose(nearest_distance(rows, reference), without_noise, rtol=1e-2)
    assert np.isinf(nearest_distance(np.full((1, 53), np.nan), reference)).all()
    assert np.isinf(nearest_distance(rows, reference[:0])).all()


@pytest.fixture(scope="module")
def targets():
    return load_dataset(*bundled()).spectra


@pytest.fixture(scope="module")
def complete(targets):
    """Log reflectance of the complete bundled spectra, and noisy ones of them."""
    log = model_inputs(make_features(targets)[0])[:, :53]
    log = log[np.isfinite(log).all(axis=1)]
    return log, log + np.random.default_rng(0).normal(0, 0.05, log.shape)


def shapes_of(log):
    """Log reflectance without its scale."""
    return log - log.mean(axis=-1, keepdims=True)


def test_draws_are_nearer_to_the_truth_than_what_was_observed(complete):
    log, noisy = complete
    tested, known = np.arange(len(log)) % 2 == 0, np.full(log.shape, 0.05)
    drawn = draw_spectra(noisy[tested], known[tested], log[~tested])
    before = shapes_of(noisy - log)[tested].std(axis=1)
    after = shapes_of(drawn - log[tested]).std(axis=2)
    assert np.median(after) < 0.6 * np.median(before)
    spread, error = drawn.std(axis=0), np.abs(shapes_of(drawn.mean(axis=0) - log[tested]))
    assert 0.5 < np.median(error) / np.median(spread) < 1.5, "they differ by as much as is not known"


def test_draws_follow_what_is_known_well_and_fill_what_was_not_measured(complete):
    log, _ = complete
    noise = np.full(log.shape, 0.0)
    noise[:, 20:25] = np.nan
    observed = log.copy()
    observed[:, 20:25] = 9.0  # in place of what a line bridges
    drawn = draw_spectra(observed[::5], noise[::5], np.delete(log, np.s_[::5], axis=0))
    difference = drawn - log[::5]
    assert np.abs(difference[:, :, 30:]).max() < 0.02
    assert np.abs(difference[:, :, 20:25]).std() < 0.01


def test_draws_of_a_spectrum_do_not_depend_on_others(complete):
    log, noisy = complete
    noise = np.full(log.shape, 0.05)
    together = draw_spectra(noisy[:20], noise[:20], log)
    np.testing.assert_allclose(draw_spectra(noisy[7:8], noise[7:8], log)[:, 0], together[:, 7], rtol=1e-9)


@pytest.fixture(scope="module")
def with_errors(targets):
    """A function that gives bundled spectra with noise, and errors of a share of the reflectance or None."""
    found = targets[::60]
    rng = np.random.default_rng(0)
    draws = [rng.standard_normal(len(item.reflectance)) for item in found]

    def make(share, noise=0.04):
        noisy = [item.reflectance * (1 + noise * draw) for item, draw in zip(found, draws, strict=True)]
        return [
            Spectrum(item.wavelength, y, share and share * y, {})
            for item, y in zip(found, noisy, strict=True)
        ]

    return make


PROBABILITIES = [f"Prob_{group}" for group in GROUPS]


@pytest.fixture(scope="module")
def without_draws():
    """The bundled classifier with too few complete training spectra to draw from."""
    bundled_model = load_model()
    partial = bundled_model.training_spectra.copy()
    partial[np.isfinite(partial).all(axis=1).nonzero()[0][60:], 0] = np.nan
    return replace(bundled_model, training_spectra=partial)


def test_errors_of_noisy_spectra_change_their_probabilities_and_nothing_else(with_errors, without_draws):
    bundled_model = load_model()
    right, as_it_is = (model.predict(with_errors(0.04)) for model in (bundled_model, without_draws))
    assert (right[PROBABILITIES] != as_it_is[PROBABILITIES]).any(axis=1).mean() > 0.5
    without = bundled_model.predict(with_errors(None))
    unchanged = [name for name in without if not name.startswith(("Prob_", "Group", "Set", "Abstains"))]
    pd.testing.assert_frame_equal(right[unchanged], without[unchanged])
    reflectance, noise = resample_spectra(with_errors(0.04)), resample_noise(with_errors(0.04))
    expected = bundled_model.predict_all(reflectance, noise).in_groups(bundled_model.classes)
    np.testing.assert_allclose(right[PROBABILITIES], expected.probabilities["ensemble"], atol=1e-6)


def test_without_errors_the_scatter_of_noisy_spectra_is_their_noise(with_errors, without_draws):
    """Errors that are too large come down to the scatter, too."""
    given, found = (load_model().predict(with_errors(share)) for share in (0.8, None))
    scatter = np.sqrt(noise_variance(np.log(resample_spectra(with_errors(None)))))
    noisy = scatter > NOISY
    assert noisy.sum() > 10
    pd.testing.assert_frame_equal(found[noisy], given[noisy])
    quiet = np.sqrt(noise_variance(np.log(resample_spectra(with_errors(None, noise=0.005))))) < NOISY
    assert quiet.sum() > 10
    found, plain = (model.predict(with_errors(None, noise=0.005)) for model in (load_model(), without_draws))
    pd.testing.assert_frame_equal(found.loc[quiet, PROBABILITIES], plain.loc[quiet, PROBABILITIES])


def test_errors_that_are_too_large_as_a_whole_do_no_harm(with_errors):
    bundled_model = load_model()
    right, wrong = (bundled_model.predict(with_errors(given)) for given in (0.08, 0.8))
    pd.testing.assert_frame_equal(wrong, right)


def test_spectra_that_are_not_noisy_are_predicted_as_they_are(with_errors):
    bundled_model = load_model()
    clean = with_errors(None, noise=0)
    quiet = np.sqrt(noise_variance(np.log(resample_spectra(clean)))) < USUAL_NOISE
    assert quiet.sum() > 10
    without, given = (bundled_model.predict(with_errors(share, noise=0))[quiet] for share in (None, 0.04))
    pd.testing.assert_frame_equal(given, without)


def test_errors_go_with_their_points(with_errors):
    item = with_errors(0.04)[0]
    wavelength, reflectance, errors = (
        np.insert(values, 3, extra)
        for values, extra in zip(
            (item.wavelength, item.reflectance, item.uncertainty),
            (item.wavelength[3] - 1e-3, np.nan, 9.0),
            strict=True,
        )
    )
    longer = {"wavelength": wavelength, "reflectance": reflectance, "uncertainty": errors}
    pd.testing.assert_frame_equal(load_model().predict(longer), load_model().predict(item))
    longer["uncertainty"] = errors[1:]
    with pytest.raises(ValueError, match="spectrum 0 has .* wavelengths and .* uncertainties"):
        load_model().predict(longer)


def test_without_enough_complete_training_spectra_errors_change_nothing(with_errors, without_draws):
    reflectance, noise = resample_spectra(with_errors(0.04)), resample_noise(with_errors(0.04))
    first, second = without_draws.predict_all(reflectance, noise), without_draws.predict_all(reflectance)
    np.testing.assert_array_equal(first.probabilities["ensemble"], second.probabilities["ensemble"])


def test_errors_are_not_larger_than_the_scatter_of_neighbours_allows():
    rng = np.random.default_rng(0)
    log = rng.normal(0, 0.02, (200, 53))
    given = np.full(log.shape, 0.02)
    given[:, :20] *= 3
    log[:, :20] *= 3
    for factor in (1, 5):
        found = credible_noise(log, factor * given)
        np.testing.assert_allclose(np.median(found, axis=0)[[5, 40]], [0.06, 0.02], rtol=0.2)
    np.testing.assert_array_equal(credible_noise(log, given / 5), given / 5)
    coarse = np.where(np.arange(53) % 3 < 2, 5 * given, np.nan)
    np.testing.assert_array_equal(credible_noise(log, coarse), coarse, "no three neighbours tell")


def test_usual_noise_is_that_of_training_copies():
    from nea_prospect.resampling import NOISE

    assert USUAL_NOISE == NOISE


def test_packed_trees_follow_scikit_learn_to_the_last_bit():
    from sklearn.ensemble import ExtraTreesClassifier

    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 5)).astype("float32").astype(float)
    X[rng.random(X.shape) < 0.2] = np.nan
    y = rng.integers(0, 3, len(X))
    whole = ExtraTreesClassifier(7, random_state=0).fit(X, y)
    partial = ExtraTreesClassifier(7, random_state=2).fit(X[y > 0], y[y > 0])
    for forest in (whole, partial):
        expected = np.zeros((len(X), 3))
        expected[:, 3 - forest.n_classes_ :] = forest.predict_proba(X)
        np.testing.assert_allclose(tree_probabilities(pack_trees(forest, 3), X), expected, atol=1e-6)
    at_thresholds = np.tile(whole.estimators_[0].tree_.threshold[:, None], 5)
    found = tree_probabilities(pack_trees(whole, 3), at_thresholds)
    np.testing.assert_allclose(found, whole.predict_proba(at_thresholds), atol=1e-6)


def test_predictions_are_selected_widened_and_kept_as_arrays():
    values = np.random.default_rng(0).random((5, 4, 2))
    abstains = np.array([[True, False, False, True]])
    whole = Predictions({"lda": values, "ensemble": values[:1]}, values[:1], values[:1, :, 0], abstains)
    part = whole.select([False, True, False, True])
    np.testing.assert_array_equal(part.probabilities["lda"], values[:, [1, 3]])
    np.testing.assert_array_equal(part.credibility, values[:1, [1, 3]])
    np.testing.assert_array_equal(part.typicality, whole.select([1, 3]).typicality)
    assert part.abstains.tolist() == [[False, True]]
    wide = whole.in_groups(["S-Group", "C-Group"])
    np.testing.assert_array_equal(wide.probabilities["lda"][..., GROUPS.index("S-Group")], values[..., 0])
    assert wide.credibility[..., GROUPS.index("V-type")].max() == 0
    again = Predictions.from_arrays(whole.to_arrays())
    assert list(again.probabilities) == ["lda", "ensemble"]
    np.testing.assert_array_equal(again.abstains, abstains)
    assert Predictions({"lda": values}).select([0]).typicality is None


def test_spectra_become_rows_of_a_table(model):
    kinds = ({"slope": 0.3}, {"band": 0.4}, {"slope": 0.3, "high": 0.9}, {"slope": 0.3, "low": 0.8})
    table = model.predict([make_spectrum(**kind) for kind in kinds])
    assert table.Group.tolist()[:2] == ["S-Group", "V-type"]
    assert table.Coverage.tolist() == ["VISNIR", "VISNIR", "VIS", "NIR"]
    np.testing.assert_allclose(table.filter(like="Prob_").sum(axis=1), 1, atol=1e-5)
    assert table.Templates[0].startswith("Sq 0.0")
    assert table.Templates[1].startswith("V 0.0")
    assert table.From_um.tolist() == [0.45, 0.45, 0.45, 0.8]
    for row in table[~table.Abstains].itertuples():
        assert row.Group in row.Set


def test_one_spectrum_is_enough_and_alone_it_gets_the_same_prediction(model):
    spectra = [make_spectrum(slope=0.3), make_spectrum(band=0.4)]
    assert model.predict(spectra[0]).iloc[0].to_dict() == model.predict(spectra).iloc[0].to_dict()
    assert model.predict([]).empty


def test_a_model_knows_the_asteroids_it_learned_from_if_they_were_told(model):
    X, table = make_partial_rows()
    learner = SpectrumClassifier(TwoBranchClassifier(epochs=1), n_trees=10)
    without = learner.fit(X, table.label).model_
    assert read_model(write_model(model)).training_asteroids.tolist() == sorted(set(table.asteroid))
    assert read_model(write_model(without)).training_asteroids.tolist() == []


def test_a_model_and_a_spectrum_are_shown_in_a_line():
    x = np.linspace(0.8, 2.45, 1500)
    trained = replace(load_model(), training_spectra=np.ones((1677, 53)))
    assert repr(trained) == "Model(5 groups, trained on 1,677 spectra)"
    assert repr([Spectrum(x, x, x)]) == "[Spectrum(0.8-2.45 um, 1,500 points)]"
    assert repr(Spectrum(x[:0], x[:0])) == "Spectrum(0 points)"


def test_a_group_is_excluded_at_exactly_one_tenth():
    assert prediction_sets(np.array([[0.5, 0.1]]), np.array([[0.99, 0.01]])).tolist() == [[True, False]]


def test_a_strange_spectrum_is_atypical(model):
    wavelength = np.linspace(0.45, 2.45, 300)
    strange = model.predict(Spectrum(wavelength, 1 + 0.8 * np.sin(20 * wavelength), None, {})).iloc[0]
    assert strange.Atypical
    assert strange.Abstains
    assert strange.Group == "Other"


def arrays_of(model, tmp_path):
    (tmp_path / "model.npz").write_bytes(write_model(model))
    with np.load(tmp_path / "model.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def change(name, function):
    return lambda arrays: arrays | {name: function(arrays[name])}


def without(name):
    return lambda arrays: {key: values for key, values in arrays.items() if key != name}


def first_is(value):
    return lambda values: np.array([value, *values[1:]])


@pytest.mark.parametrize(
    "damage, message",
    [
        (without("abstain_below"), "has no abstain_below"),
        (lambda arrays: arrays | {"more": np.zeros(3)}, "something else, more"),
        (lambda arrays: arrays | {"mean": np.zeros(2**26)}, "it unpacks to"),
        (change("inputs", lambda names: names[::-1]), "made for other inputs"),
        (change("trees/step", lambda step: np.where(step > 0, 10**6, step)), "trees do not fit"),
        (change("trees/step", lambda step: np.where(step > 0, 0, step)), "trees do not fit"),
        (change("trees/step", lambda step: np.where(step < 0, -(10**6), step)), "trees do not fit"),
        (change("trees/step", lambda step: np.full(len(step), 2**63 - 1)), "impossible values"),
        (change("trees/first", lambda first: first[::-1]), "trees do not fit"),
        (change("trees/first", lambda first: first[:0]), "trees do not fit"),
        (change("trees/first", lambda first: first.astype("uint64")), "trees/first has another form"),
        (change("trees/step", lambda step: step[:-1]), "trees/step does not fit"),
        (change("trees/feature", lambda f: np.full_like(f, len(INPUT_NAMES))), "impossible values"),
        (change("trees/feature", lambda f: np.full(len(f), -1)), "trees/feature has another form"),
        (change("trees/leaf", lambda leaf: leaf[:, 1:]), "trees/leaf does not fit"),
        (change("nonconformity", lambda scores: scores[:-1]), "does not fit n_nonconformity"),
        (change("n_nonconformity", lambda n: n * [[1], [1], [1], [-1]]), "does not fit n_nonconformity"),
        (change("nearest_distances", lambda values: np.repeat(values, 9)), "do not fit training_spectra"),
        (change("mean", first_is(np.inf)), "mean or scale is not finite"),
        (change("scale", first_is(np.nan)), "mean or scale is not finite"),
        (change("scale", lambda values: values * 0), "scale is not positive"),
        (
            change("training_spectra", lambda values: values * 0 + 1e4),
            "training_spectra have impossible values",
        ),
        (change("calibration", lambda values: values + 0j), "calibration has another form"),
        (change("calibration", lambda values: values * np.nan), "calibration has impossible values"),
        (change("calibration", lambda values: values[..., 1:]), "calibration does not fit"),
        (change("weights/output/bias", lambda values: values + 1e30), "impossible values"),
        (change("weights/convolution_1/kernel", lambda values: values[:, :, :0]), "does not fit"),
        (change("weights/joined/kernel", lambda values: values[:, 1:]), "is no model"),
        (change("classes", lambda names: names[0]), "classes has another form"),
        (change("classes", lambda names: np.full(len(names), names[0])), "distinct groups"),
        (change("classes", first_is("<b>")), "distinct groups"),
        (change("template_names", first_is("\x1b[2J")), "short printable"),
        (change("template_names", first_is("S" * 100_000)), "short printable"),
    ],
)
def test_a_damaged_file_is_refused_with_one_line(model, tmp_path, damage, message):
    np.savez_compressed(tmp_path / "changed.npz", **damage(arrays_of(model, tmp_path)))
    with pytest.raises(ValueError, match=message) as error:
        read_model(tmp_path / "changed.npz")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_any_flipped_byte_is_refused_or_changes_no_prediction(model):
    content = write_model(model)
    X = make_rows(4)[0]
    expected = model.predict_all(X).probabilities["ensemble"]
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), 60):
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        try:
            found = read_model(bytes(damaged)).predict_all(X).probabilities["ensemble"]
        except ValueError as error:
            assert str(error).startswith("the content is no model")
            assert "\n" not in str(error)
        else:
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"PK\x03\x04 and then nothing", b"PK\x05\x06" + bytes(18)]
)
def test_what_is_no_archive_is_no_model(tmp_path, content):
    (tmp_path / "model.npz").write_bytes(content)
    for source in (tmp_path / "model.npz", content):
        with pytest.raises(ValueError, match="is no model"):
            read_model(source)


def test_a_pickle_in_a_model_is_refused_and_not_run(model, tmp_path):
    class Malicious:
        def __reduce__(self):
            return (open, (str(tmp_path / "was run"), "w"))

    pickled = np.array([Malicious()], dtype=object)
    np.savez(tmp_path / "changed.npz", **arrays_of(model, tmp_path) | {"abstain_below": pickled})
    with pytest.raises(ValueError, match="is no model"):
        read_model(tmp_path / "changed.npz")
    assert not (tmp_path / "was run").exists()


def test_a_column_that_no_training_spectrum_shows_may_have_no_scale(model):
    mean, scale = model.mean.copy(), model.scale.copy()
    mean[:5] = scale[:5] = np.nan
    partial = read_model(write_model(replace(model, mean=mean, scale=scale)))
    inputs = model_inputs(make_rows(4)[0])
    first = partial.predict_inputs(inputs, np.full(8, "VISNIR")).probabilities["network"]
    inputs[:, :5] = 9
    second = partial.predict_inputs(inputs, np.full(8, "VISNIR")).probabilities["network"]
    np.testing.assert_array_equal(first, second)
    assert np.isfinite(first).all()


def make_run(folder, content, status="complete"):
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "model.npz").write_bytes(content)
    outputs = {"model/model.npz": sha256(folder / "model" / "model.npz")}
    (folder / "run.json").write_text(json.dumps({"status": status, "outputs": outputs}))


def test_the_bundled_classifier_is_used_unless_a_run_is_named(model, tmp_path, monkeypatch):
    make_run(tmp_path / "runs" / "new", write_model(model))
    monkeypatch.chdir(tmp_path)
    assert find_model() == packaged("model") / "model.npz"
    assert len(load_model().classes) == len(GROUPS)
    assert find_model("runs/new").resolve() == tmp_path / "runs" / "new" / "model" / "model.npz"
    assert len(load_model("runs/new").classes) == 3


@pytest.mark.parametrize(
    "record", ["", "[]", "{", '{"status": "complete"}', '{"status": "complete", "outputs": 3}']
)
def test_without_the_record_of_a_complete_run_there_is_no_model(model, tmp_path, record):
    make_run(tmp_path, write_model(model), status="running")
    if record:
        (tmp_path / "run.json").write_text(record)
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match="holds no complete run"):
            find_model(folder)


@pytest.fixture(scope="module")
def survey():
    """A table on the common grid: two classes, a part of the wavelengths, and a row without a reflectance."""
    X, table = make_partial_rows()
    X[3] = np.nan
    frame = pd.DataFrame(X, columns=GRID_COLUMNS, index=[f"row {k}" for k in range(len(X))])
    frame.insert(0, "name", table.asteroid.to_numpy())
    return frame


def test_a_table_is_predicted_as_its_spectra_are(survey):
    model, frame = load_model(), survey.drop(index="row 3")
    spectra = []
    for row in frame[list(GRID_COLUMNS)].to_numpy():
        seen = np.isfinite(row)
        spectra.append(Spectrum(WAVELENGTH_GRID[seen], row[seen]))
    table = model.predict_table(frame)
    assert list(table.index) == list(frame.index)
    assert table["name"].tolist() == frame["name"].tolist()
    expected = model.predict(spectra).set_axis(frame.index)
    pd.testing.assert_frame_equal(table.drop(columns="name"), expected, rtol=0, atol=2e-6)


def test_a_part_of_a_table_has_the_same_columns_and_kinds_as_the_whole(survey):
    model = load_model()
    whole = model.predict_table(survey)
    for part in (survey[:0], survey[:1], survey.iloc[3:4], survey.iloc[::-1]):
        own = model.predict_table(part)
        assert list(own.index) == list(part.index)
        pd.testing.assert_series_equal(own.dtypes, whole.dtypes)
        pd.testing.assert_frame_equal(own, whole.loc[part.index], rtol=0, atol=2e-6)
    assert whole.loc["row 3", ["Group", "Coverage"]].tolist() == ["Other", "neither"]
    assert np.isnan(whole.loc["row 3", "From_um"])


def test_a_function_of_tables_can_be_sent_to_another_process_and_changes_nothing(survey):
    before = survey.copy()
    predict = pickle.loads(pickle.dumps(load_model().predict_table))
    pd.testing.assert_frame_equal(predict(survey), load_model().predict_table(survey))
    pd.testing.assert_frame_equal(survey, before)


def test_what_is_no_measurement_in_a_table_is_not_observed(survey):
    model = load_model()
    strange, plain = survey.iloc[:9].copy(), survey.iloc[:9].copy()
    strange["2.45"] = [-1.0, 0.0, np.inf] * 3
    plain["2.45"] = np.nan
    expected = model.predict_table(plain)
    pd.testing.assert_frame_equal(model.predict_table(strange), expected)
    pd.testing.assert_frame_equal(model.predict_table(plain.drop(columns="2.45")), expected)
    integers = pd.DataFrame({name: pd.array([1, None], dtype="Int64") for name in GRID_COLUMNS})
    assert model.predict_table(integers).Coverage.tolist() == ["VISNIR", "neither"]


def test_a_table_without_wavelengths_or_with_predictions_is_refused(survey):
    with pytest.raises(ValueError, match="no column is called by a wavelength, like 0.45"):
        load_model().predict_table(survey[["name"]])
    with pytest.raises(ValueError, match="a column Group already"):
        load_model().predict_table(survey.assign(Group="S"))
