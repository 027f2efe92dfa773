"""Input of any size, classified in parts: nothing lost, nothing twice, the same bytes."""

import gzip
import io
import json
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import psutil
import pytest

from nea_prospect.classifier import load_model
from nea_prospect.core import WAVELENGTH_GRID
from nea_prospect.dictionary import round_known
from nea_prospect.files import read_json
from nea_prospect.loading import bundled
from nea_prospect.prediction import predict_files
from nea_prospect.survey import ZONES, iter_parts, place_asteroids, plot_zones, predict_parts, read_parts

COMMAND = Path(sys.executable).with_name("nea-prospect")
HALVES = ["many.zip", "survey.csv"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with 50 files, one of them bad, in a zip, and a table of 60 rows, two of them bad."""
    folder = tmp_path_factory.mktemp("desk")
    with zipfile.ZipFile(bundled()[1]) as source, zipfile.ZipFile(folder / "many.zip", "w") as target:
        for name in source.namelist()[:49]:
            target.writestr(name, source.read(name))
        target.writestr("b.txt", "clouds")
    slopes = np.linspace(-0.2, 0.8, 60)[:, None]
    noise = np.random.default_rng(0).normal(1, 0.01, (60, 53))
    frame = pd.DataFrame(
        (1 + slopes * (WAVELENGTH_GRID - 0.55)) * noise, columns=[f"{x:g}" for x in WAVELENGTH_GRID]
    )
    frame.iloc[[7, 33]] = np.nan
    frame.insert(0, "name", [f"J{number}" for number in range(60)])
    frame.to_csv(folder / "survey.csv", index=False)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def halves(desk):
    return [desk / name for name in HALVES]


@pytest.fixture(scope="module")
def whole(desk, halves):
    """The parts made in one go, and their record."""
    return desk / "whole", predict_parts(load_model(), halves, desk / "whole", workers=1, size=20)


def test_parts_hold_what_the_table_holds(halves, whole):
    folder, record = whole
    table, _ = predict_files(load_model(), halves)
    parts = read_parts(folder)
    assert parts.File.tolist() == table.File.tolist()
    assert parts.Group.tolist() == table.Group.fillna("").tolist()
    assert parts.Group.eq("").sum() == 3
    assert parts.Problem.tolist() == table.Problem.tolist()
    # files hold four decimals
    np.testing.assert_allclose(parts["Prob_S-Group"], table["Prob_S-Group"], atol=5.2e-5, rtol=0)
    assert [part["rows"] for part in record["parts"].values()] == [20, 20, 10, 20, 20, 20]
    assert sum(part["problems"] for part in record["parts"].values()) == 3
    assert record["status"] == "complete"
    assert read_json(folder / "parts.json") == record


def test_of_parts_some_columns_are_read(whole):
    assert read_parts(whole[0], ["Group"]).columns.tolist() == ["Group"]


@pytest.mark.parametrize("status", ["unfinished", None])
def test_parts_that_are_not_complete_are_not_read(whole, tmp_path, status):
    if status:
        (tmp_path / "parts.json").write_text(json.dumps(whole[1] | {"status": status}))
    with pytest.raises(ValueError, match="holds no complete parts"):
        read_parts(tmp_path)


@pytest.mark.parametrize(
    "parts",
    [
        None,
        3,
        ["part-00000.parquet"],
        {"../whole/part-00000.parquet": True},
        {"part-00000.parquet": {"rows": 20}},
    ],
)
def test_parts_that_were_not_told_so_are_neither_believed_nor_read(halves, whole, tmp_path, parts):
    folder = tmp_path / "changed"
    shutil.copytree(whole[0], folder)
    (folder / "parts.json").write_text(json.dumps(whole[1] | {"parts": parts}))
    with pytest.raises(ValueError, match="give the same command again"):
        read_parts(folder)
    predict_parts(load_model(), halves, folder, workers=1, size=20)
    assert contents(folder) == contents(whole[0])


def test_asteroids_have_a_zone_and_a_published_group(tmp_path):
    table = pd.DataFrame({"Asteroid_ID": ["433", "4", "588", "9999999", ""]})
    facts = place_asteroids(table)
    assert facts.Zone.tolist() == ["near the Earth", "Inner", "Trojan", "", ""]
    assert facts.Published_Group.tolist() == ["S-Group", "V-type", "D-type", "", ""]
    (tmp_path / "own.csv").write_text("number,class,a_au\n9999999,C,3.1\n4,,\n433,X,5.2\n")
    facts = place_asteroids(table, tmp_path / "own.csv")
    assert facts.Zone.tolist() == ["near the Earth", "Inner", "Trojan", "Outer", ""]
    assert facts.Published_Group.tolist() == ["X-Group", "", "", "C-Group", ""]


def test_zones_with_few_asteroids_are_not_drawn():
    ax = plot_zones(pd.Series(["C-Group"] * 12), pd.Series(["Outer"] * 4 + ["Inner"] * 8))
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"{ZONES[3]} (8)"]
    plt.close(ax.figure)


def test_two_processes_give_the_same_bytes(desk, halves, whole):
    predict_parts(load_model(), halves, desk / "two", workers=2, size=20)
    assert contents(desk / "two") == contents(whole[0])


@pytest.mark.parametrize(
    "names, size, n_parts, catalog",
    [(HALVES, 20, 6, None), (HALVES, 20, 6, bundled()[0])],
    ids=["alone", "with a catalog"],
)
def test_every_part_has_the_same_columns_and_kinds_also_without_a_spectrum(
    desk, tmp_path, names, size, n_parts, catalog
):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    (tmp_path / "a.txt").write_text("clouds")
    options = {"workers": 1, "size": size, "catalog": catalog}
    record = predict_parts(load_model(), [tmp_path / "a.txt"], tmp_path / "bad", **options)
    assert record["parts"]["part-00000.parquet"]["problems"] == 1
    predict_parts(load_model(), [desk / name for name in names], tmp_path / "good", **options)
    first, *others = [pd.read_parquet(path).dtypes for path in tmp_path.glob("*/part-*")]
    assert len(others) == n_parts
    for other in others:
        pd.testing.assert_series_equal(other, first)


SCRIPT = """
import sys
from nea_prospect.classifier import load_model
from nea_prospect.survey import predict_parts
if __name__ == "__main__":
    tell = lambda *_: print("part", flush=True)
    predict_parts(load_model(), sys.argv[2:], sys.argv[1], workers=2, size=20, progress=tell)
"""


def test_what_was_killed_goes_on_and_gives_the_same_bytes(desk, halves, whole):
    command = [sys.executable, "-c", SCRIPT, desk / "killed", *halves]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    record = read_json(desk / "killed" / "parts.json")
    assert record["status"] == "unfinished"
    time.sleep(1)  # until the processes have noticed
    (desk / "killed" / ".part-00009.csv.1234").write_text("half")
    predict_parts(load_model(), halves, desk / "killed", workers=1, size=20)
    assert contents(desk / "killed") == contents(whole[0])


def test_a_worker_that_is_killed_is_told_and_costs_only_its_part(desk, halves, whole):
    def kill(*_):
        for child in psutil.Process().children(recursive=True):
            if child.status() != psutil.STATUS_ZOMBIE and "popen_loky" in " ".join(child.cmdline()):
                child.kill()

    with pytest.raises(OSError, match="a process was killed"):
        predict_parts(load_model(), halves, desk / "worker", workers=2, size=20, progress=kill)
    kept = len(list((desk / "worker").glob("part-*")))
    assert kept >= 1
    predict_parts(load_model(), halves, desk / "worker", workers=2, size=20)
    assert contents(desk / "worker") == contents(whole[0])


def test_a_part_that_was_damaged_is_made_again(desk, halves, whole):
    shutil.copytree(whole[0], desk / "damaged")
    part = sorted((desk / "damaged").glob("part-*"))[1]
    part.write_bytes(part.read_bytes()[:-100])
    predict_parts(load_model(), halves, desk / "damaged", workers=1, size=20)
    assert contents(desk / "damaged") == contents(whole[0])


def test_a_folder_of_something_else_is_refused(desk, halves, whole, tmp_path):
    model = load_model()
    with pytest.raises(ValueError, match="parts with other inputs"):
        predict_parts(model, [desk / "many.zip"], whole[0], size=20)
    with pytest.raises(ValueError, match="parts with other size"):
        predict_parts(model, halves, whole[0], size=21)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="already holds something"):
        predict_parts(model, [desk / "many.zip"], tmp_path)
    with pytest.raises(ValueError, match="is a file"):
        predict_parts(model, [desk / "many.zip"], tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_damage_at_the_end_of_an_archive_is_a_row(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive, zipfile.ZipFile(bundled()[1]) as source:
        for name in source.namelist()[:5]:
            info = tarfile.TarInfo(name)
            info.size = len(source.read(name))
            archive.addfile(info, io.BytesIO(source.read(name)))
    (tmp_path / "a.tar").write_bytes((tmp_path / "a.tar").read_bytes()[:5000])
    pieces = [piece for part, _ in iter_parts([tmp_path / "a.tar", tmp_path / "nowhere"]) for piece in part]
    assert "damaged" in str(pieces[-2].content)
    assert pieces[-2].name == "a.tar"
    assert "no file or folder" in str(pieces[-1].content)


def test_a_part_is_bounded_by_spectra_and_by_bytes(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(9):
            archive.writestr(f"{number}.txt", b"0.5 1.0\n" * 2**20)
    sizes = [len(part) for part, _ in iter_parts([tmp_path / "a.zip"])]
    assert sum(sizes) == 9
    assert max(sizes) * 8 <= 64


def test_a_compressed_table_is_read_in_pieces_as_well(desk, tmp_path):
    (tmp_path / "s.csv.gz").write_bytes(gzip.compress((desk / "survey.csv").read_bytes()))
    shares = [share for _, share in iter_parts([tmp_path / "s.csv.gz"], size=25)]
    assert len(shares) == 3
    assert shares[-1] == 1


def test_parts_with_a_catalog_hold_what_the_table_holds(desk):
    catalog = bundled()[0]
    predict_parts(load_model(), [desk / "many.zip"], desk / "catalog", workers=1, size=30, catalog=catalog)
    table, _ = predict_files(load_model(), [desk / "many.zip"], catalog)
    parts = read_parts(desk / "catalog")
    assert parts.columns.tolist() == table.columns.tolist()
    assert parts.Name.tolist() == table.Name.fillna("").tolist()
    for name in ("Delta_v_km_s", "Diameter_km", "Water_Expected_t", "Metal_Utility_t"):
        np.testing.assert_array_equal(parts[name], round_known(table)[name])
    with pytest.raises(ValueError, match="parts with other catalog"):
        predict_parts(load_model(), [desk / "many.zip"], desk / "catalog", size=30)


@pytest.fixture
def cluster(tmp_path):
    """A real scheduler of dask and two workers of one core: its address, and the processes of the workers."""
    pytest.importorskip("distributed", reason="dask is not installed")
    note = tmp_path / "scheduler.json"

    def start(kind, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--scheduler-file", note, *options]
        return subprocess.Popen(
            [*command, "--no-dashboard"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    alone = ["--no-nanny", "--nthreads", "1", "--host", "127.0.0.1", "--local-directory", tmp_path]
    started = [start("scheduler", "--host", "127.0.0.1", "--port", "0")]
    try:
        while not note.exists():
            time.sleep(0.1)
        started += [start("worker", *alone), start("worker", *alone)]
        yield json.loads(note.read_text())["address"], started
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_cluster_loses_a_worker_and_gives_the_same_bytes(desk, halves, whole, cluster):
    address, (_, *workers) = cluster
    victims = workers[:1]

    def kill(*_):
        if victims:
            victims.pop().kill()

    record = predict_parts(load_model(), halves, desk / "dask", size=20, progress=kill, scheduler=address)
    assert workers[0].wait(5) == -signal.SIGKILL
    assert workers[1].poll() is None
    assert record == whole[1]
    assert contents(desk / "dask") == contents(whole[0])


@pytest.mark.slow
def test_a_scheduler_that_is_lost_is_told_in_one_line(desk, cluster):
    address, (scheduler, *_) = cluster
    command = [COMMAND, "predict", bundled()[1], *HALVES, "--parts", "lost", "--scheduler", address]
    with subprocess.Popen(command, cwd=desk, stderr=subprocess.PIPE, text=True) as running:
        while not (desk / "lost").exists():
            time.sleep(0.1)
        scheduler.kill()
        lines = running.stderr.read().splitlines()
    assert running.returncode == 1
    assert "the same call goes on with the other parts" in lines[-1] or "no scheduler" in lines[-1]
    assert [line for line in lines[:-1] if " a second" not in line] == []


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_told_in_one_line(desk):
    pytest.importorskip("distributed", reason="dask is not installed")
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"tcp://127.0.0.1:{deaf.getsockname()[1]}"
        result = run("survey.csv", "--parts", "deaf", "--scheduler", address, cwd=desk)
    assert result.returncode == 1
    assert f"no scheduler of dask answers at {address}" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_without_dask_the_command_that_brings_it_is_told(desk, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(OSError, match=r"pip install 'nea-prospect\[scale\]'"):
        predict_parts(load_model(), [desk / "survey.csv"], desk / "no dask", scheduler="tcp://127.0.0.1:1")


def run(*arguments, cwd):
    command = [COMMAND, "predict", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_the_command_tells_how_far_it_is_and_what_could_not_be(desk):
    result = run(*HALVES, "--parts", "by command", "--workers", "1", cwd=desk)
    assert result.returncode == 1
    assert "107 spectra classified, 3 files or rows could not be" in result.stdout
    assert "Parts: by command (1 files)" in result.stdout
    assert "110 spectra" in result.stderr
    assert len(read_parts(desk / "by command")) == 110
    again = run(*HALVES, "--parts", "by command", cwd=desk)
    assert again.stdout == result.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--parts", "x", "--out", "y.csv"], "--parts goes without"),
        (["--workers", "2"], "--workers needs --parts"),
        (["--scheduler", "tcp://localhost:8786"], "--scheduler needs --parts"),
        (["--parts", "."], "already holds something"),
    ],
)
def test_wrong_use_of_parts_gets_one_line(desk, arguments, message):
    result = run("survey.csv", *arguments, cwd=desk)
    assert result.returncode == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
