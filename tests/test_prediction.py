"""A trained classifier as numbers: how it answers, and what a file must hold to be one."""

import numpy as np
import pytest
from test_modeling import make_rows

from nea_prospect.classifier import (
    Model,
    nearest_distance,
    pack_trees,
    prediction_sets,
    read_model,
    spectral_distance,
    tree_probabilities,
    write_model,
)
from nea_prospect.features import INPUT_NAMES, WAVELENGTH_GRID
from nea_prospect.loading import Spectrum
from nea_prospect.modeling import SpectrumClassifier, class_templates


@pytest.fixture(scope="module")
def model():
    X, table = make_rows(60)
    X[::5, :12] = np.nan
    X[::7, 30:] = np.nan
    classes = table.label.map({"S-Group": "Sq", "C-Group": "Ch", "V-type": "V"})
    numbers = SpectrumClassifier(n_trees=10, epochs=4).fit(X, table.label, table.asteroid).model_
    names, templates = class_templates(X, classes)
    return Model(
        **{name: getattr(numbers, name) for name in Model.__dataclass_fields__}
        | {"template_names": names, "templates": templates}
    )


def made_up(band=0.0, slope=0.0, low=0.45, high=2.45):
    wavelength = np.linspace(low, high, 300)
    return Spectrum(
        wavelength,
        1 + slope * (wavelength - 0.45) - band * np.exp(-(((wavelength - 0.95) / 0.1) ** 2)),
        None,
        {},
    )


def test_the_distance_knows_no_scale_and_only_common_wavelengths():
    rng = np.random.default_rng(0)
    rows, reference = rng.normal(0, 0.2, (30, 53)), rng.normal(0, 0.2, (40, 53))
    rows[rng.random(rows.shape) < 0.2], reference[rng.random(reference.shape) < 0.2] = np.nan, np.nan
    difference = rows[:, None] - reference
    expected = np.nanstd(difference, axis=2)
    np.testing.assert_allclose(
        spectral_distance(rows + 7 * rng.random((30, 1)), reference), expected, rtol=2e-2
    )
    np.testing.assert_allclose(spectral_distance(rows, reference), expected, rtol=1e-3)
    np.testing.assert_allclose(nearest_distance(rows, reference, batch=7), expected.min(axis=1), rtol=1e-3)
    assert (
        np.isinf(nearest_distance(np.full((1, 53), np.nan), reference)).all()
        and np.isinf(nearest_distance(rows, reference[:0])).all()
    )


def test_packed_trees_follow_scikit_learn_to_the_last_bit():
    from sklearn.ensemble import ExtraTreesClassifier

    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5)).astype("float32").astype(float)
    X[rng.random(X.shape) < 0.2] = np.nan
    y = rng.integers(0, 3, 400)
    forests = [ExtraTreesClassifier(7, random_state=seed).fit(X, y) for seed in range(2)]
    forests.append(ExtraTreesClassifier(7, random_state=2).fit(X[y > 0], y[y > 0]))
    packed = pack_trees(forests, 3)
    expected = np.mean(
        [
            np.hstack([np.zeros((len(X), 3 - forest.n_classes_)), forest.predict_proba(X)])
            for forest in forests
        ],
        axis=0,
    )
    np.testing.assert_allclose(tree_probabilities(packed, X, batch=33), expected, atol=1e-6)
    at_thresholds = np.tile(forests[0].estimators_[0].tree_.threshold[:, None], 5)
    np.testing.assert_allclose(
        tree_probabilities(pack_trees(forests[:1], 3), at_thresholds),
        forests[0].predict_proba(at_thresholds),
        atol=1e-6,
    )


def test_spectra_become_rows_of_a_table(model):
    table = model.predict(
        [made_up(slope=0.3), made_up(band=0.4), made_up(slope=0.3, high=0.9), made_up(slope=0.3, low=0.8)]
    )
    assert table.Group.tolist()[:2] == ["S-Group", "V-type"] and table.Coverage.tolist() == [
        "VISNIR",
        "VISNIR",
        "VIS",
        "NIR",
    ]
    np.testing.assert_allclose(table.filter(like="Prob_").sum(axis=1), 1, atol=1e-5)
    assert table.Templates[0].startswith("Sq 0.0") and table.Templates[1].startswith("V 0.0")
    assert table.From_um.tolist() == [0.45, 0.45, 0.45, 0.8] and all(
        row.Group in row.Set for row in table.itertuples() if not row.Abstains
    )


def test_one_spectrum_is_enough_and_alone_it_gets_the_same_answer(model):
    spectra = [made_up(slope=0.3), made_up(band=0.4)]
    assert model.predict(spectra[0]).iloc[0].to_dict() == model.predict(spectra).iloc[0].to_dict()
    assert model.predict([]).empty


def test_a_group_is_excluded_at_exactly_one_tenth():
    assert prediction_sets(np.array([[0.5, 0.1]]), np.array([[0.99, 0.01]])).tolist() == [[True, False]]


def test_a_strange_spectrum_is_said_to_be_novel(model):
    wavelength = np.linspace(0.45, 2.45, 300)
    strange = model.predict(Spectrum(wavelength, 1 + 0.8 * np.sin(20 * wavelength), None, {})).iloc[0]
    assert strange.Novel and strange.Abstains and strange.Group == "Other"


def damage(**changes):
    return lambda arrays: (
        arrays
        | {
            name.replace("__", "/"): change(arrays[name.replace("__", "/")])
            for name, change in changes.items()
        }
    )


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda arrays: {name: values for name, values in arrays.items() if name != "threshold"},
            "has no threshold",
        ),
        (
            lambda arrays: {name: values for name, values in arrays.items() if name != "weights/output/bias"},
            "has no weights/output/bias",
        ),
        (damage(inputs=lambda names: names[::-1]), "made for other inputs"),
        (damage(trees__step=lambda step: np.where(step > 0, 10**6, step)), "do not fit together"),
        (damage(trees__step=lambda step: np.where(step > 0, 0, step)), "do not fit together"),
        (damage(trees__step=lambda step: np.where(step < 0, -(10**6), step)), "do not fit together"),
        (damage(trees__first=lambda first: first[::-1]), "do not fit together"),
        (
            damage(trees__feature=lambda feature: np.full(len(feature), len(INPUT_NAMES))),
            "do not fit together",
        ),
        (damage(scores=lambda scores: scores[:-1]), "do not fit together"),
        (damage(trees__first=lambda first: first[:, None]), "its trees/first has another form"),
        (damage(trees__step=lambda step: step[:, None]), "its trees/step has another form"),
        (damage(trees__feature=lambda feature: feature.astype(float)), "its trees/feature has another form"),
        (damage(mean=lambda mean: mean.astype(str)), "its mean has another form"),
        (damage(calibration=lambda values: values + 0j), "its calibration has another form"),
        (damage(threshold=lambda value: value.astype(str)), "its threshold has another form"),
        (damage(classes=lambda names: names[0]), "its classes has another form"),
        (damage(calibration=lambda values: values * np.nan), "do not fit together"),
        (damage(scale=lambda values: values * 0), "do not fit together"),
        (damage(classes=lambda names: np.full(len(names), names[0])), "do not fit together"),
        (damage(n_scores=lambda counts: counts * [[1], [1], [1], [-1]]), "do not fit together"),
        (damage(weights__convolution_1__kernel=lambda kernel: kernel[:, :, :0]), "do not fit together"),
        (damage(weights__joined__kernel=lambda kernel: kernel[:, 1:]), "is no model"),
        (damage(template_names=lambda names: np.array(["\x1b[2J", *names[1:]])), "do not fit together"),
        (lambda arrays: arrays | {"more": np.zeros(3)}, "something else, more"),
        (lambda arrays: arrays | {"mean": np.zeros(2**26)}, "it unpacks to"),
        (damage(classes=lambda names: np.array(["<b>", *names[1:]])), "do not fit together"),
    ],
)
def test_a_damaged_file_is_refused_with_one_line(model, tmp_path, change, message):
    write_model(tmp_path / "model.npz", model)
    with np.load(tmp_path / "model.npz", allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(tmp_path / "changed.npz", **change(arrays))
    with pytest.raises(ValueError, match=message) as error:
        read_model(tmp_path / "changed.npz")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 and then nothing"])
def test_what_is_no_archive_is_no_model(tmp_path, content):
    (tmp_path / "model.npz").write_bytes(content)
    with pytest.raises(ValueError, match="is no model"):
        read_model(tmp_path / "model.npz")


def test_a_pickle_in_a_model_is_refused_and_not_run(model, tmp_path):
    write_model(tmp_path / "model.npz", model)
    with np.load(tmp_path / "model.npz", allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}

    class Malicious:
        def __reduce__(self):
            return (open, (str(tmp_path / "was run"), "w"))

    np.savez(tmp_path / "changed.npz", **arrays | {"threshold": np.array([Malicious()], dtype=object)})
    with pytest.raises(ValueError, match="is no model"):
        read_model(tmp_path / "changed.npz")
    assert not (tmp_path / "was run").exists()


def test_what_was_written_answers_alike(model, tmp_path):
    write_model(tmp_path / "model.npz", model)
    X = np.vstack([make_rows(20)[0], np.full((1, len(WAVELENGTH_GRID)), np.nan)])
    for name, values in read_model(tmp_path / "model.npz").predict_all(X).items():
        np.testing.assert_array_equal(values, model.predict_all(X)[name])
