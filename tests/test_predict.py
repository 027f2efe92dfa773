"""The command `predict` and its counterpart in Python, as an observer uses them."""

import io
import json
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import nea_prospect
from nea_prospect.classifier import find_model, load_model
from nea_prospect.core import GROUPS
from nea_prospect.files import read_json, sha256, write_json
from nea_prospect.loading import SpectrumError, bundled, parse_spectrum, read_spectra
from nea_prospect.prediction import figure_name, plot_prediction, predict_files, read_any
from nea_prospect.series import verify_run

COMMAND = Path(sys.executable).with_name("nea-prospect")


def predict(*arguments, cwd):
    return subprocess.run(
        [COMMAND, "predict", *arguments], cwd=cwd, capture_output=True, text=True, timeout=300
    )


def member(name):
    with zipfile.ZipFile(bundled()[1]) as archive:
        return archive.read(name)


@pytest.fixture
def desk(tmp_path):
    """A folder of an observer, with a space and an accent in its name."""
    folder = tmp_path / "mes données"
    folder.mkdir()
    wavelength = np.arange(0.8, 2.45, 0.005)
    bands = 0.2 * np.exp(-(((wavelength - 0.95) / 0.12) ** 2)) + 0.08 * np.exp(
        -(((wavelength - 1.95) / 0.2) ** 2)
    )
    reflectance = 1 + 0.25 * (wavelength - 0.8) - bands
    rows = [f"{10_000 * x:.0f}  {y:.4f}  0.005" for x, y in zip(wavelength, reflectance, strict=True)]
    (folder / "433 Eros.txt").write_text(
        "# SpeX, 2026-11-01\nWavelength (A)  Reflectance  Error\n" + "\n".join(rows)
    )
    (folder / "a101955.txt").write_bytes(member("a101955.01.txt"))
    (folder / "notes.txt").write_text("clouds\n")
    return folder


def test_an_infrared_file_in_angstrom_with_a_header_gets_an_answer_with_one_command(desk):
    result = predict("433 Eros.txt", "--run", "bundled", cwd=desk)
    assert result.returncode == 0 and not result.stderr
    header, row, *_ = result.stdout.splitlines()
    assert (
        "S-Group" in row
        and "NIR" in row
        and header.split()[:2] == ["File", "Group"]
        and "1 spectra classified" in result.stdout
    )


def test_a_bad_file_among_good_ones_is_reported_and_the_others_are_predicted(desk):
    result = predict(
        "a101955.txt", "notes.txt", "missing.txt", ".", "--run", "bundled", "--out", "answers.csv", cwd=desk
    )
    assert result.returncode == 1 and "Traceback" not in result.stderr
    table = pd.read_csv(desk / "answers.csv", keep_default_na=False).set_index("File")
    assert (
        table.Group["a101955.txt"] == table.Group["/a101955.txt"] == "C-Group"
        and table.Problem["a101955.txt"] == ""
    )
    assert (
        "no row with a wavelength" in table.Problem["notes.txt"]
        and "missing.txt" in table.Problem["missing.txt"]
        and table.Group["notes.txt"] == ""
    )
    assert "3 files could not be" in result.stdout


def test_archives_are_read_and_named(desk):
    with zipfile.ZipFile(desk / "two.zip", "w") as archive:
        archive.writestr("night 1/a000433.txt", member("a000433.01.txt"))
        archive.writestr("night 1/empty.txt", "")
    with tarfile.open(desk / "one.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("a000433.txt")
        info.size = len(content := member("a000433.01.txt"))
        archive.addfile(info, io.BytesIO(content))
    table, spectra = predict_files(load_model("bundled"), [desk / "two.zip", desk / "one.tar.gz"])
    assert table.File.tolist() == [
        "two.zip/night 1/a000433.txt",
        "two.zip/night 1/empty.txt",
        "one.tar.gz/a000433.txt",
    ]
    assert table.Group.tolist()[::2] == ["S-Group", "S-Group"]
    assert table.Asteroid_ID.tolist()[::2] == ["433", "433"]
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
    table, spectra = predict_files(load_model("bundled"), [tmp_path / "nowhere.txt"], bundled()[0])
    assert spectra == [None]
    assert table.Problem[0] != ""
    assert table["Prob_C-Group"].isna().all()


def test_python_and_the_command_give_the_same_digits(desk):
    predict("a101955.txt", "--out", "answers.csv", cwd=desk)
    written = pd.read_csv(desk / "answers.csv").iloc[0]
    spectra = [spectrum for _, spectrum in read_any([desk / "a101955.txt"])]
    table = nea_prospect.load_model().predict(spectra)
    for name, value in table.iloc[0].items():
        assert written[name] == value or value != value, name


def test_published_asteroids_are_recognised():
    spectra, _ = read_spectra(bundled()[1])
    table = load_model("bundled").predict(spectra[name] for name in ("a101955.01.txt", "a000433.01.txt"))
    assert table.Group.tolist() == ["C-Group", "S-Group"]


def test_vesta_and_psyche_are_recognised_in_visible_light(archives):
    with tarfile.open(archives / "smass2" / "smass2data.tar.gz") as archive:
        contents = [archive.extractfile(f"smass2/a{key:06d}.[2]").read() for key in (4, 16)]
    vesta, psyche = load_model("bundled").predict(map(parse_spectrum, contents)).itertuples()
    assert vesta.Coverage == psyche.Coverage == "VIS"
    assert vesta.Group == "V-type" or "V-type" in vesta.Set
    assert psyche.Group == "X-Group" or "X-Group" in psyche.Set


def test_a_catalog_adds_size_reach_and_resources(desk):
    (desk / "catalog.csv").write_text("number,name,H,albedo\n101955,Bennu,20.6,0.044\n")
    result = predict(
        "a101955.txt",
        "433 Eros.txt",
        "notes.txt",
        "--run",
        "bundled",
        "--catalog",
        "catalog.csv",
        "--out",
        "answers.csv",
        cwd=desk,
    )
    assert result.returncode == 1 and "Water (t)" in result.stdout
    table = pd.read_csv(desk / "answers.csv").set_index("File")
    bennu = table.loc["a101955.txt"]
    assert (
        bennu.Diameter_km == pytest.approx(0.48, abs=0.03)
        and bennu.Delta_v_km_s == pytest.approx(5.09, abs=0.03)
        and bennu.Filled_In == "orbit"
    )
    assert bennu.Water_Expected_t > 1e5 and not any("Rank" in name or "Top" in name for name in table)
    assert (
        table.Diameter_km["433 Eros.txt"] > 10
        and "H" in table.Filled_In["433 Eros.txt"]
        and np.isnan(table.Diameter_km["notes.txt"])
    )


def test_pictures_are_made_for_what_was_read(desk):
    result = predict(
        "433 Eros.txt", "notes.txt", "a101955.txt", "--run", "bundled", "--plot", "my pictures", cwd=desk
    )
    assert (
        sorted(path.name for path in (desk / "my pictures").iterdir())
        == ["433_Eros.txt.png", "a101955.txt.png"]
        and result.returncode == 1
    )
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (desk / "my pictures").iterdir())


def test_the_name_of_a_figure_is_harmless_and_free():
    assert figure_name("../../etc/passwd", set()) == "etc_passwd.png"
    assert figure_name("...", set()) == "spectrum.png"
    assert figure_name("a b", {"a_b.png", "a_b_2.png"}) == "a_b_3.png"
    assert len(figure_name("a" * 300, set())) == 104


@pytest.mark.parametrize("span", [(0.45, 0.95), (0.85, 2.45), (0.7, 0.8)])
def test_a_figure_shows_any_spectrum_with_all_its_labels(span):
    wavelength = np.linspace(*span, 40)
    text = "\n".join(f"{x:.4f} {1 + x / 10:.4f}" for x in wavelength)
    spectrum, model = parse_spectrum(text.encode()), load_model("bundled")
    ax = plot_prediction(model, spectrum, model.predict(spectrum).iloc[0])
    right = ax.figure.axes[1]
    ax.figure.canvas.draw()
    left_edges = [label.get_window_extent().x0 for label in right.get_yticklabels()]
    assert min(left_edges) > ax.get_window_extent().x1
    plt.close(ax.figure)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["a101955.txt", "--run", "nowhere"], "holds no complete run"),
        (["a101955.txt", "--out", "notes.txt"], "exists; choose another"),
        (["a101955.txt", "--resources", "own.csv"], "needs --catalog"),
        (["a101955.txt", "--run", "bundled", "--catalog", "nowhere.csv"], "no catalog at nowhere.csv"),
    ],
)
def test_wrong_use_gets_one_line(desk, arguments, message):
    result = predict(*arguments, cwd=desk)
    assert result.returncode == 1 and message in result.stderr and len(result.stderr.splitlines()) == 1
    assert (desk / "notes.txt").read_text() == "clouds\n"


def make_run(folder, started="2026-01-01", **changes):
    model = folder / "model" / "model.npz"
    model.parent.mkdir(parents=True)
    shutil.copy(find_model("bundled"), model)
    write_json(
        folder / "run.json",
        {"status": "complete", "started": started, "outputs": {"model/model.npz": sha256(model)}} | changes,
    )
    return folder


def test_the_bundled_model_predicts_unless_a_run_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "runs" / "mine")
    assert find_model() == find_model("bundled")
    assert find_model("runs/mine") == Path("runs/mine/model/model.npz")


def test_a_model_that_was_changed_or_has_no_record_is_refused(tmp_path):
    changed = make_run(tmp_path / "changed")
    (changed / "model" / "model.npz").write_bytes(b"something else")
    for folder, message in (
        (changed, "not the model that the run left"),
        (make_run(tmp_path / "running", status="running"), "no complete run"),
        (tmp_path, "no complete run"),
    ):
        with pytest.raises(ValueError, match=message):
            find_model(folder)
    (changed / "run.json").write_text("[]")
    with pytest.raises(ValueError, match="no complete run"):
        find_model(changed)


def test_the_bundled_model_is_that_of_a_default_run_on_the_bundled_data():
    record = read_json(find_model("bundled").parent / "run.json")
    assert (
        record["preset"] == "default"
        and record["inputs"]["catalog"]["sha256"] == sha256(bundled()[0])
        and record["inputs"]["spectra"]["sha256"] == sha256(bundled()[1])
    )
    assert record["outputs"] == {
        name: sha256(find_model("bundled").parent / name) for name in ("model.npz", "model.json")
    }
    assert "/" not in json.dumps(record["inputs"])
    assert sum(path.stat().st_size for path in bundled()[0].parent.rglob("*") if path.is_file()) < 5e6


def test_answers_need_neither_tensorflow_nor_scikit_learn(desk):
    code = (
        "import sys; from nea_prospect.series import app\n"
        "try: app(['predict', 'a101955.txt', '--run', 'bundled', '--plot', 'pictures'])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'imblearn', 'papermill'}\n"
        "assert not heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=desk, check=True, capture_output=True, timeout=120)


def test_a_cold_start_takes_a_few_times_as_long_as_the_imports_of_pandas_and_matplotlib(desk):
    def fastest(*command):
        times = []
        for _ in range(3):
            start = time.perf_counter()
            subprocess.run(command, cwd=desk, check=True, capture_output=True, timeout=60)
            times.append(time.perf_counter() - start)
        return min(times)

    bare = fastest(sys.executable, "-c", "import pandas, matplotlib.pyplot")
    assert fastest(COMMAND, "predict", "a101955.txt", "--run", "bundled") < 4 * bare


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured as Linux tells it")
def test_ten_thousand_spectra_take_seconds_and_little_memory(tmp_path):
    with zipfile.ZipFile(bundled()[1]) as source:
        contents = [source.read(name) for name in source.namelist()]
    with zipfile.ZipFile(tmp_path / "many.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(10_000):
            archive.writestr(f"{number:05d}.txt", contents[number % len(contents)])
    code = (
        "import re; from nea_prospect.classifier import load_model\n"
        "from nea_prospect.prediction import predict_files\n"
        "table, _ = predict_files(load_model('bundled'), ['many.zip'])\n"
        "assert len(table) == 10_000 and (table.Problem == '').all()\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1]) / 2**20)"
    )  # ru_maxrss would be that of pytest
    start = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=120
    )
    assert time.perf_counter() - start < 60 and float(result.stdout) < 1.0


def test_a_spectrum_outside_the_grid_has_no_prediction(tmp_path):
    (tmp_path / "mid.txt").write_text("\n".join(f"{3 + step / 100} 1.0" for step in range(100)))
    table, _ = predict_files(load_model("bundled"), [tmp_path / "mid.txt"])
    assert table.Problem[0].startswith("nothing between 0.45 and 2.45 um")
    assert table[[f"Prob_{group}" for group in GROUPS]].isna().all(axis=None)


def test_what_is_planted_in_a_run_is_never_run_and_verify_names_it(tmp_path, monkeypatch, desk):
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path / "runs" / "mine")
    keras = run / "resource_value_model.keras"
    with zipfile.ZipFile(keras, "w") as archive:  # a model with a Lambda layer, as keras would write it
        archive.writestr(
            "config.json",
            json.dumps(
                {
                    "class_name": "Functional",
                    "config": {"layers": [{"class_name": "Lambda", "config": {"function": "planted"}}]},
                }
            ),
        )
    (run / "classification_feature_scaler.pkl").write_bytes(b"cos\nsystem\n(S'touch planted'\ntR.")
    result = predict(desk / "a101955.txt", "--run", "runs/mine", cwd=tmp_path)
    assert result.returncode == 0 and "C-Group" in result.stdout and not (tmp_path / "planted").exists()
    assert verify_run(run) == (
        "complete",
        ["added: classification_feature_scaler.pkl", "added: resource_value_model.keras"],
    )
    model = run / "model" / "model.npz"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    result = predict(desk / "a101955.txt", "--run", "runs/mine", cwd=tmp_path)
    assert (
        result.returncode == 1
        and "not the model that the run left" in result.stderr
        and len(result.stderr.splitlines()) == 1
    )
    assert "changed: model/model.npz" in verify_run(run)[1]
