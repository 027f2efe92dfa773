"""The command `predict` and its counterpart in Python, as an observer uses them."""

import gzip
import json
import shutil
import subprocess
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from helpers import superfluous_digits, unused_entries

import nea_prospect
from nea_prospect.classifier import MIN_TYPICALITY, find_model, load_model
from nea_prospect.columns import SpectrumError
from nea_prospect.core import GROUPS, WAVELENGTH_GRID
from nea_prospect.dictionary import describe_table, round_known
from nea_prospect.execution import verify_run
from nea_prospect.files import read_json, sha256, write_json
from nea_prospect.loading import bundled, read_spectra
from nea_prospect.prediction import (
    OUTPUTS,
    check_output,
    figure_name,
    plot_prediction,
    predict_files,
    read_any,
    write_predictions,
)
from nea_prospect.spectra import parse_spectrum

COMMAND = Path(sys.executable).with_name("nea-prospect")


def predict(*arguments, cwd):
    command = [COMMAND, "predict", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def member(name):
    with zipfile.ZipFile(bundled()[1]) as archive:
        return archive.read(name)


@pytest.fixture
def desk(tmp_path):
    """A folder of an observer, with a space and an accent in its name."""
    folder = tmp_path / "mes données"
    folder.mkdir()
    wavelength = np.arange(0.8, 2.45, 0.005)
    narrow = 0.2 * np.exp(-(((wavelength - 0.95) / 0.12) ** 2))
    wide = 0.08 * np.exp(-(((wavelength - 1.95) / 0.2) ** 2))
    reflectance = 1 + 0.25 * (wavelength - 0.8) - narrow - wide
    rows = [f"{10_000 * x:.0f}  {y:.4f}  0.005" for x, y in zip(wavelength, reflectance, strict=True)]
    header = ["# SpeX, 2026-11-01", "Wavelength (A)  Reflectance  Error"]
    (folder / "433 Eros.txt").write_text("\n".join(header + rows))
    (folder / "a101955.txt").write_bytes(member("a101955.01.txt"))
    (folder / "notes.txt").write_text("clouds\n")
    return folder


def test_an_infrared_file_in_angstrom_with_a_header_is_classified_with_one_command(desk):
    result = predict("433 Eros.txt", cwd=desk)
    assert result.returncode == 0
    assert result.stderr == ""
    header, row, *_ = result.stdout.splitlines()
    assert header.split()[:2] == ["File", "Group"]
    assert "S-Group" in row
    assert "NIR" in row
    assert "1 spectra classified" in result.stdout


def test_a_bad_file_among_good_ones_is_reported_and_the_others_are_predicted(desk):
    result = predict("a101955.txt", "notes.txt", "missing.txt", ".", "--out", "table.csv", cwd=desk)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "3 files could not be" in result.stdout
    table = pd.read_csv(desk / "table.csv", keep_default_na=False).set_index("File")
    assert table.Group["a101955.txt"] == table.Group["/a101955.txt"] == "C-Group"
    assert table.Problem["a101955.txt"] == ""
    assert "no row with a wavelength" in table.Problem["notes.txt"]
    assert "missing.txt" in table.Problem["missing.txt"]
    assert table.Group["notes.txt"] == ""


def test_files_in_an_archive_are_named_after_it(desk):
    with zipfile.ZipFile(desk / "two.zip", "w") as archive:
        archive.writestr("night 1/a000433.txt", member("a000433.01.txt"))
        archive.writestr("night 1/empty.txt", "")
    table, spectra = predict_files(load_model(), [desk / "two.zip"])
    assert table.File.tolist() == ["two.zip/night 1/a000433.txt", "two.zip/night 1/empty.txt"]
    assert table.Group[0] == "S-Group"
    assert table.Asteroid_ID[0] == "433"
    assert spectra[1] is None


def test_what_cannot_be_read_gets_its_name_and_a_reason(tmp_path):
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "broken.zip", "w") as archive:
        archive.writestr("a000433.txt", member("a000433.01.txt"))
    (tmp_path / "broken.zip").write_bytes((tmp_path / "broken.zip").read_bytes()[:-30])
    pairs = read_any([tmp_path / "empty", tmp_path / "broken.zip", tmp_path / "nowhere.txt"])
    assert [name for name, _ in pairs] == ["empty", "broken.zip", "nowhere.txt"]
    assert all(isinstance(content, SpectrumError) for _, content in pairs)
    assert str(pairs[0][1]) == "no file in it"


def test_a_table_of_nothing_but_failures_has_no_predictions(tmp_path):
    (tmp_path / "mid.txt").write_text("\n".join(f"{3 + step / 100} 1.0" for step in range(100)))
    table, spectra = predict_files(
        load_model(), [tmp_path / "nowhere.txt", tmp_path / "mid.txt"], bundled()[0]
    )
    assert spectra[0] is None
    assert table.Problem[0] != ""
    assert table.Problem[1].startswith("nothing between 0.45 and 2.45 um")
    assert table[[f"Prob_{group}" for group in GROUPS]].isna().all(axis=None)


def test_python_and_the_command_give_the_same_digits(desk):
    predict("a101955.txt", "--out", "table.csv", cwd=desk)
    written = pd.read_csv(desk / "table.csv").iloc[0]
    table = nea_prospect.load_model().predict([read_any([desk / "a101955.txt"])[0][1]])
    for name, value in round_known(table).iloc[0].items():
        assert written[name] == value or value != value, name
    assert written["Prob_C-Group"] == pytest.approx(table["Prob_C-Group"][0], abs=5e-5)


def test_points_that_are_not_finite_are_left_out():
    spectrum = next(iter(read_spectra(bundled()[1])[0].values()))
    x, y = np.insert(spectrum.wavelength, 5, np.nan), np.insert(spectrum.reflectance, 5, 1.0)
    y = np.insert(y, 9, np.inf)
    x = np.insert(x, 9, (x[8] + x[9]) / 2)
    whole = load_model().predict(spectrum)
    pd.testing.assert_frame_equal(load_model().predict(SimpleNamespace(wavelength=x, reflectance=y)), whole)


@pytest.mark.parametrize(
    "wavelength, reflectance, told",
    [
        (np.linspace(450, 2450, 50), np.ones(50), "from 450 to 2450, not between 0 and 6 um"),
        (np.linspace(0.5, 8, 50), np.ones(50), "from 0.5 to 8, not between 0 and 6 um"),
        (np.linspace(2.45, 0.45, 50), np.ones(50), "do not ascend"),
        (np.linspace(0.45, 2.45, 50), np.ones(49), "50 wavelengths and 49 reflectances"),
        (np.linspace(0.45, 2.45, 50), np.full(50, np.nan), "0 finite points"),
    ],
)
def test_what_is_no_spectrum_is_refused(wavelength, reflectance, told):
    with pytest.raises(ValueError, match=f"spectrum 0 has .*{told}"):
        load_model().predict(SimpleNamespace(wavelength=wavelength, reflectance=reflectance))


def test_dicts_are_predicted_as_spectra_are():
    spectra = list(read_spectra(bundled()[1])[0].values())[:3]
    dicts = [
        {"wavelength": item.wavelength.tolist(), "reflectance": item.reflectance, "name": ""}
        for item in spectra
    ]
    expected = load_model().predict(spectra)
    pd.testing.assert_frame_equal(load_model().predict(iter(dicts)), expected)
    pd.testing.assert_frame_equal(load_model().predict([spectra[0], *dicts[1:]]), expected)
    pd.testing.assert_frame_equal(load_model().predict(dicts[0]), expected[:1])


@pytest.mark.parametrize(
    "thing", [{"wavelength": [0.5, 0.6]}, {"name": WAVELENGTH_GRID}, [[0.5, 0.6]], "abc"]
)
def test_what_has_no_wavelength_and_reflectance_is_refused(thing):
    with pytest.raises(ValueError, match="spectrum 0 has no wavelength or no reflectance, it is of type"):
        load_model().predict(thing)


def test_a_set_begins_with_the_most_probable_group():
    table = load_model().predict(read_spectra(bundled()[1])[0].values())
    several = table[table.Set.str.contains(";")]
    assert len(several) > 50
    for row in several.itertuples():
        probabilities = [table.loc[row.Index, f"Prob_{group}"] for group in row.Set.split(";")]
        assert probabilities == sorted(probabilities, reverse=True)


def test_published_asteroids_are_recognised():
    spectra, _ = read_spectra(bundled()[1])
    table = load_model().predict(spectra[name] for name in ("a101955.01.txt", "a000433.01.txt"))
    assert table.Group.tolist() == ["C-Group", "S-Group"]


def _band(centre, width, depth):
    return 1 - depth * np.exp(-0.5 * ((WAVELENGTH_GRID - centre) / width) ** 2)


def _black_body(kelvin):
    return 1 / np.expm1(14387.77 / (WAVELENGTH_GRID * kelvin))


STRANGERS = {
    "made-up absorption": (1 + 0.3 * (WAVELENGTH_GRID - 0.55)) * _band(1.45, 0.12, 0.5),
    "red dwarf star": _black_body(3300) / _black_body(5772),
    "icy body": _band(1.5, 0.12, 0.45) * _band(2.02, 0.15, 0.6),
    "frost": _band(1.5, 0.1, 0.2) * _band(2.02, 0.12, 0.3),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_is_atypical_though_its_visible_part_is_ordinary(name):
    """Ice looks like a C-type below 1.3 um, where many training spectra end."""
    answer = load_model().predict_all(STRANGERS[name][None])
    assert answer.typicality[0] < MIN_TYPICALITY
    assert answer.abstains[0]


@pytest.mark.parametrize("number, group", [(4, "V-type"), (16, "X-Group")])
def test_vesta_and_psyche_are_recognised_in_visible_light(archives, number, group):
    with tarfile.open(archives / "smass2" / "smass2data.tar.gz") as archive:
        content = archive.extractfile(f"smass2/a{number:06d}.[2]").read()
    row = load_model().predict(parse_spectrum(content)).iloc[0]
    assert row.Coverage == "VIS"
    assert group in (row.Group, *row.Set.split(";"))


def test_a_catalog_adds_size_reach_and_resources(desk):
    (desk / "catalog.csv").write_text("number,name,H,albedo\n101955,Bennu,20.6,0.044\n")
    files = ["a101955.txt", "433 Eros.txt", "notes.txt"]
    result = predict(*files, "--catalog", "catalog.csv", "--out", "table.csv", cwd=desk)
    assert result.returncode == 1
    assert "Water (t)" in result.stdout
    assert "\ncatalog: number, name, H, albedo\n" in result.stdout
    table = pd.read_csv(desk / "table.csv").set_index("File")
    bennu = table.loc["a101955.txt"]
    assert bennu.Diameter_km == pytest.approx(0.48, abs=0.03)
    assert bennu.Delta_v_km_s == pytest.approx(5.09, abs=0.03)
    assert bennu.Filled_In == "orbit"
    assert bennu.Water_Expected_t > 1e5
    assert not any("Rank" in name or "Top" in name for name in table)
    assert table.Diameter_km["433 Eros.txt"] > 10
    assert "H" in table.Filled_In["433 Eros.txt"]
    assert np.isnan(table.Diameter_km["notes.txt"])


def test_what_is_known_of_an_asteroid_is_added_without_a_catalog_of_ones_own(desk):
    result = predict("433 Eros.txt", "--catalog", "bundled", "--out", "known.csv", cwd=desk)
    assert result.returncode == 0, result.stderr
    row = pd.read_csv(desk / "known.csv", dtype={"Asteroid_ID": str}).loc[0]
    assert row.Name == "Eros"
    assert 15 < row.Diameter_km < 19
    assert np.isfinite(row.Delta_v_km_s)


def test_one_path_needs_no_list(desk):
    table, spectra = predict_files(load_model(), str(desk / "433 Eros.txt"))
    assert table.File.tolist() == ["433 Eros.txt"]
    assert len(spectra) == 1


def test_figures_are_drawn_of_what_was_read(desk):
    result = predict("433 Eros.txt", "notes.txt", "a101955.txt", "--plot", "my figures", cwd=desk)
    assert result.returncode == 1
    figures = sorted((desk / "my figures").iterdir())
    assert [path.name for path in figures] == ["433_Eros.txt.png", "a101955.txt.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in figures)


def test_the_name_of_a_figure_is_harmless_and_free():
    assert figure_name("../../etc/passwd", set()) == "etc_passwd.png"
    assert figure_name("...", set()) == "spectrum.png"
    assert figure_name("a b", {"a_b.png", "a_b_2.png"}) == "a_b_3.png"
    assert len(figure_name("a" * 300, set())) == 104


@pytest.mark.parametrize("span", [(0.45, 0.95), (0.85, 2.45), (0.7, 0.8)])
def test_a_figure_shows_any_spectrum_with_all_its_labels(span):
    text = "\n".join(f"{x:.4f} {1 + x / 10:.4f}" for x in np.linspace(*span, 40))
    spectrum, model = parse_spectrum(text.encode()), load_model()
    ax = plot_prediction(model, spectrum, model.predict(spectrum).iloc[0])
    ax.figure.canvas.draw()
    labels = ax.figure.axes[1].get_yticklabels()
    assert min(label.get_window_extent().x0 for label in labels) > ax.get_window_extent().x1
    plt.close(ax.figure)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--run", "nowhere"], "holds no complete run"),
        (["--out", "notes.txt"], "exists; choose another"),
        (["--plot", "notes.txt"], "notes.txt is a file, no folder for figures"),
        (["--resources", "own.csv"], "needs --catalog"),
        (["--catalog", "nowhere.csv"], "no catalog at nowhere.csv"),
    ],
)
def test_wrong_use_gets_one_line(desk, arguments, message):
    result = predict("a101955.txt", *arguments, cwd=desk)
    assert result.returncode == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert (desk / "notes.txt").read_text() == "clouds\n"


def make_run(folder, status="complete"):
    model = folder / "model" / "model.npz"
    model.parent.mkdir(parents=True)
    shutil.copy(find_model(), model)
    outputs = {"model/model.npz": sha256(model)}
    write_json(folder / "run.json", {"status": status, "started": "2026-01-01", "outputs": outputs})
    return folder


def test_the_bundled_classifier_predicts_unless_a_run_is_named(desk):
    run = make_run(desk / "runs" / "mine")
    named = predict("a101955.txt", "--run", "runs/mine", cwd=desk)
    assert "(classifier: runs/mine/model)" in named.stdout
    (run / "model" / "model.npz").write_bytes(b"something else")
    result = predict("a101955.txt", cwd=desk)
    assert result.returncode == 0
    assert f"(classifier: {find_model().parent})" in result.stdout


def test_a_model_that_was_changed_or_has_no_record_is_refused(tmp_path):
    changed = make_run(tmp_path / "changed")
    (changed / "model" / "model.npz").write_bytes(b"something else")
    with pytest.raises(ValueError, match="not the file that the run left"):
        find_model(changed)
    (changed / "run.json").write_text("[]")
    for folder in (changed, make_run(tmp_path / "running", status="running"), tmp_path):
        with pytest.raises(ValueError, match="no complete run"):
            find_model(folder)


def test_the_bundled_model_is_that_of_a_default_run_on_the_bundled_data():
    folder = find_model().parent
    record = read_json(folder / "run.json")
    assert record["preset"] == "default"
    assert record["inputs"]["catalog"]["sha256"] == sha256(bundled()[0])
    assert record["inputs"]["spectra"]["sha256"] == sha256(bundled()[1])
    assert record["outputs"] == {name: sha256(folder / name) for name in ("model.npz", "model.json")}
    assert "/" not in json.dumps(record["inputs"])
    assert sum(path.stat().st_size for path in folder.parent.rglob("*") if path.is_file()) < 5e6


def test_a_prediction_needs_neither_tensorflow_nor_scikit_learn(desk):
    code = (
        "import sys; from nea_prospect.cli import app\n"
        "try: app(['predict', 'a101955.txt', '--plot', 'figures'])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'imblearn', 'papermill'}\n"
        "assert not heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=desk, check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured as Linux reports it")
def test_ten_thousand_spectra_take_little_memory(tmp_path):
    with zipfile.ZipFile(bundled()[1]) as source:
        contents = [source.read(name) for name in source.namelist()]
    with zipfile.ZipFile(tmp_path / "many.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(10_000):
            archive.writestr(f"{number:05d}.txt", contents[number % len(contents)])
    code = (
        "import re; from nea_prospect.classifier import load_model\n"
        "from nea_prospect.prediction import predict_files\n"
        "table, _ = predict_files(load_model(), ['many.zip'])\n"
        "assert len(table) == 10_000 and (table.Problem == '').all()\n"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1])"
    )  # ru_maxrss would be that of pytest
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert int(result.stdout) < 2**20


def test_what_is_planted_in_a_run_is_never_run_and_verify_names_it(tmp_path, desk):
    run = make_run(tmp_path / "run")
    layer = {"class_name": "Lambda", "config": {"function": "planted"}}
    config = {"class_name": "Functional", "config": {"layers": [layer]}}
    with zipfile.ZipFile(run / "resource_value_model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
    (run / "classification_feature_scaler.pkl").write_bytes(b"cos\nsystem\n(S'touch planted'\ntR.")
    result = predict(desk / "a101955.txt", "--run", "run", cwd=tmp_path)
    assert result.returncode == 0
    assert "C-Group" in result.stdout
    assert not (tmp_path / "planted").exists()
    added = ["added: classification_feature_scaler.pkl", "added: resource_value_model.keras"]
    assert verify_run(run) == ("complete", added)
    model = run / "model" / "model.npz"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    result = predict(desk / "a101955.txt", "--run", "run", cwd=tmp_path)
    assert result.returncode == 1
    assert "not the file that the run left" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "changed: model/model.npz" in verify_run(run)[1]


def test_what_was_assumed_about_a_file_stands_beside_its_prediction(tmp_path):
    rows = [line.split() for line in member("a000433.01.txt").decode().splitlines() if line[:1].isdigit()]
    swapped = "reflectance wavelength\n" + "\n".join(f"{row[1]} {row[0]}" for row in rows)
    (tmp_path / "a000433.txt.gz").write_bytes(gzip.compress(swapped.encode()))
    (tmp_path / "magnitudes.txt").write_text(
        "# wave mag\n" + "\n".join(f"{row[0]} 18.{row[1][-3:]}" for row in rows)
    )
    table, _ = predict_files(load_model(), [tmp_path / "a000433.txt.gz", tmp_path / "magnitudes.txt"])
    assert table.Group[0] == "S-Group"
    assert "column 2 taken for the wavelength" in table.Note[0]
    assert "'# wave mag'" in table.Problem[1]


@pytest.fixture(scope="module")
def prospects(tmp_path_factory):
    """The table of two files and one that cannot be read, with a catalog."""
    folder = tmp_path_factory.mktemp("prospects")
    (folder / "catalog.csv").write_text("number,name,H,albedo\n101955,B\u00e9nnu <x>,20.6,0.044\n")
    with zipfile.ZipFile(bundled()[1]) as archive:
        for name in archive.namelist()[:2]:
            (folder / f"101955 {name}.txt").write_bytes(archive.read(name))
    (folder / "notes.txt").write_text("nothing")
    return predict_files(load_model(), sorted(folder.glob("*.txt")), folder / "catalog.csv")[0]


def test_every_column_has_a_meaning(prospects):
    described = describe_table(prospects.columns)
    assert described.unit[["From_um", "Diameter_km", "Metal_Expected_t"]].tolist() == ["um", "km", "t"]
    plain, more = (
        [name for name in prospects.columns if describe_table([name], file).meaning[name]]
        for file in ("predict", "predict --catalog")
    )
    assert {*plain, *more} == set(prospects.columns)
    assert unused_entries(plain, "predict") == []
    assert unused_entries(more, "predict --catalog") == []


def test_what_is_written_is_rounded_to_what_is_known(tmp_path, prospects):
    write_predictions(tmp_path / "table.csv", prospects)
    assert superfluous_digits(tmp_path / "table.csv") == []
    assert prospects.Diameter_km[0] != round_known(prospects).Diameter_km[0], "the table itself keeps them"


def check_values(read, table):
    """Compare the texts and numbers of a table that was read with those of another, as they are written."""
    table = round_known(table)
    for name in table:
        if pd.api.types.is_float_dtype(table[name].dtype):
            np.testing.assert_array_equal(read[name].astype(float), table[name])
        else:
            found, wanted = (one[name].astype(object).where(one[name].notna(), "") for one in (read, table))
            assert found.astype(str).tolist() == wanted.astype(str).tolist(), name


def test_parquet_has_the_table_with_units(tmp_path, prospects):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    write_predictions(tmp_path / "table.parquet", prospects)
    check_values(pd.read_parquet(tmp_path / "table.parquet"), prospects)
    told = parquet.read_schema(tmp_path / "table.parquet").field("Diameter_km").metadata
    assert told == {b"unit": b"km", b"meaning": b"diameter, median"}


@pytest.mark.parametrize("ending, form", [(".ecsv", "ascii.ecsv"), (".VOT", "votable")])
def test_tables_of_astronomy_have_units_and_descriptions(tmp_path, prospects, ending, form):
    astropy = pytest.importorskip("astropy.table", reason="astropy is not installed")
    write_predictions(tmp_path / f"table{ending}", prospects)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        named = {"use_names_over_ids": True} if form == "votable" else {}
        table = astropy.Table.read(tmp_path / f"table{ending}", format=form, **named)
    assert str(table["Delta_v_km_s"].unit).replace(" ", "") == "km/s"
    assert table["Set"].description.startswith("groups that hold the true one")
    assert [unit for unit in table.columns if "Unrecognized" in repr(table[unit].unit)] == []
    check_values(table.to_pandas(), prospects)


def test_a_table_of_nothing_but_failures_is_written_in_every_format(tmp_path):
    for package in ("pyarrow", "astropy"):
        pytest.importorskip(package)
    table, _ = predict_files(load_model(), ["nowhere.txt"])
    for ending in OUTPUTS:
        write_predictions(tmp_path / f"table{ending}", table)
        assert (tmp_path / f"table{ending}").stat().st_size > 0


@pytest.mark.parametrize("name", ["table.xlsx", "table", "table.csv.gz", ".csv"])
def test_another_ending_is_refused_before_anything_is_read(tmp_path, name):
    result = predict("nowhere.txt", "--out", name, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr == f"nea-prospect: {name} must end in .csv, .parquet, .ecsv or .vot\n"


@pytest.mark.parametrize(
    "ending, extra", [(".parquet", "pyarrow"), (".ecsv", "astropy"), (".vot", "astropy")]
)
def test_a_format_that_needs_a_package_names_it(monkeypatch, ending, extra):
    monkeypatch.setitem(sys.modules, extra, None)
    with pytest.raises(ValueError, match=rf"table\{ending} needs {extra}: pip install 'nea-prospect\["):
        check_output(f"table{ending}")


def test_a_note_tells_that_the_asteroid_was_learned_from(tmp_path, spectrum_text):
    for name in ("433 tonight.txt", "999999.txt", "433 clouds.txt"):
        (tmp_path / name).write_bytes(b"clouds" if "clouds" in name else spectrum_text(factor=1000))
    table, _ = predict_files(load_model(), tmp_path)
    notes = dict(zip(table.File.str.split("/").str[-1], table.Note, strict=True))
    assert notes["433 tonight.txt"] == f"in the training data; {notes['999999.txt']}"
    assert notes["999999.txt"].startswith("given in nm")
    assert notes["433 clouds.txt"] == ""


def test_a_note_is_shown_short_on_the_terminal(tmp_path, spectrum_text):
    (tmp_path / "one.txt").write_bytes(spectrum_text(factor=1000))
    result = predict("one.txt", cwd=tmp_path)
    assert result.stdout.splitlines()[0].endswith("Note")
    assert result.stdout.splitlines()[1].endswith("given in nm; no unit is named")
    (tmp_path / "two.txt").write_bytes(spectrum_text())
    assert "Note" not in predict("two.txt", cwd=tmp_path).stdout
