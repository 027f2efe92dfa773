"""The page of notebook 07a: its functions, and the page itself in a browser."""

import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from browser import barriers, open_browser
from conftest import COMMAND
from project import ROOT
from typer.testing import CliRunner

import nea_prospect
from nea_prospect.classifier import find_model, load_model
from nea_prospect.cli import app
from nea_prospect.composition import resource_types
from nea_prospect.explore import (
    classify_uploads,
    describe_asteroid,
    describe_prediction,
    filter_targets,
    html_figure,
    html_link,
    html_table,
    page_options,
    read_targets,
    serve_page,
    target_table,
)
from nea_prospect.files import sha256, write_json, write_table
from nea_prospect.loading import bundled
from nea_prospect.prospecting import example_asteroids, rank_prospects
from nea_prospect.run import PUBLISHED

FORBIDDEN = """new Promise(resolve => {
    document.addEventListener("securitypolicyviolation", event => resolve(event.blockedURI));
    fetch("https://example.org/").catch(() => {});
})"""
HARM = "<img src=x onerror=window.hacked=1>"
DROP = """(zone, files) => {
    const dataTransfer = new DataTransfer();
    for (const [name, text, copies] of files)
        dataTransfer.items.add(new File(Array(copies).fill(new Blob([text])), name));
    const drag = type => {
        zone.dispatchEvent(new DragEvent(type, {dataTransfer, bubbles: true, cancelable: true}));
        return zone.classList.contains("over");
    };
    return ["dragover", "dragleave", "dragover", "drop"].map(drag);
}"""


def member(name):
    with zipfile.ZipFile(bundled()[1]) as archive:
        return archive.read(name)


@pytest.fixture(scope="module")
def classified():
    uploads = [
        ("433 Eros.txt", member("a000433.01.txt")),
        (f"../../{HARM}\x1b[2J.txt", member("a000433.01.txt")),
        ("notes.txt", b"<script>window.hacked=1</script>"),
        ("", b"PK\x03\x04 and no zip"),
        ("a" * 300 + "\udc80", memoryview(member("a000433.01.txt"))),
        ("433 Eros.txt", b""),
    ]
    return classify_uploads(load_model(), uploads)


@pytest.fixture
def run(tmp_path):
    """The folder of a complete run with three targets, one of them with a harmful name."""
    folder = tmp_path / "my run é"
    given = example_asteroids().assign(Published_Class="", Second_Class="")
    given["Name"] = [HARM, "Hard", ""]
    given.loc[1, ["H", "Prob_C-Group", "Prob_X-Group"]] = 19.0, 0.5, 0.5
    write_table(folder / "prospects.csv", rank_prospects(given, resource_types()))
    dates = {"Departure": ["2031-05-01", "2040-01-01"], "Arrival": ["2032-01-01", "2041-01-01"]}
    windows = pd.DataFrame({"Asteroid_ID": "easy", **dates, "Window_delta_v_km_s": [5.1, 4.9]})
    write_table(folder / "windows.csv", windows.assign(Mission_d=900.0))
    (folder / "model").mkdir()
    shutil.copy(find_model("bundled"), folder / PUBLISHED["model"])
    outputs = {path.name: sha256(path) for path in folder.glob("*.csv")}
    outputs[PUBLISHED["model"]] = sha256(folder / PUBLISHED["model"])
    write_json(folder / "run.json", {"status": "complete", "preset": "default", "outputs": outputs})
    return folder


def test_a_classifier_that_cannot_predict_is_told_before_the_page_is_made(run):
    model = run / PUBLISHED["model"]
    model.write_bytes(b"of another version")
    outputs = {PUBLISHED["model"]: sha256(model)}
    write_json(run / "run.json", {"status": "complete", "preset": "default", "outputs": outputs})
    with pytest.raises(ValueError, match="is no model"):
        serve_page(run, run)


class TestUploads:
    def test_a_spectrum_is_matched_to_the_asteroid_that_its_name_begins_with(self, classified):
        assert classified[0].Delta_v_km_s[0] == pytest.approx(6.08, abs=0.01)

    def test_every_file_is_a_row_also_two_of_one_name(self, classified):
        assert classified[0].File.tolist().count("433 Eros.txt") == 2

    def test_a_name_is_printable_and_never_leaves_the_folder(self, classified):
        assert classified[0].File[1].startswith("<img src=x")
        assert all(name.isprintable() and "/" not in name and len(name) <= 60 for name in classified[0].File)

    @pytest.mark.parametrize(
        "row, reason", [(2, "no row with a wavelength"), (3, "damaged"), (5, "the file is empty")]
    )
    def test_a_bad_file_is_a_row_with_a_reason_of_one_line(self, classified, row, reason):
        assert reason in classified[0].Problem[row]
        assert "\n" not in classified[0].Problem[row]

    def test_bad_files_alone_are_rows_as_well(self):
        table, spectra = classify_uploads(load_model(), [("a.txt", b"clouds"), ("b.txt", b"\0\1")])
        assert spectra == [None, None]
        assert (table.Problem != "").all()

    def test_a_small_file_that_unpacks_to_more_than_the_limit_is_refused(self):
        table, _ = classify_uploads(load_model(), [("bomb.gz", gzip.compress(b"1 " * 9 * 2**20, 1))])
        assert "limit max_file_mib" in table.Problem[0]

    def test_what_is_said_has_the_probabilities_the_set_and_the_bands(self, classified):
        facts = describe_prediction(classified[0].loc[0], classified[1][0])
        assert facts["90 % set"] == "S-Group"
        assert facts["Probabilities"] == "S-Group >99%"
        assert re.match(r"depth \d+ % at 0\.9\d µm", facts["Band I"])

    def test_what_is_known_has_the_size_and_the_evidence(self, classified):
        facts = describe_asteroid(classified[0].loc[0])
        assert facts["Asteroid"] == "433 Eros"
        assert "spacecraft" in facts["Diameter"]
        assert "spectrum S-Group" in facts["Evidence"]
        assert facts["Water"].startswith("rich with <1%")
        assert re.fullmatch(r"rich with \d+%, then [\d,]+ million t \([\d,]+-[\d,]+\)", facts["Metal"])


class TestHtml:
    def test_text_of_tables_is_escaped(self):
        assert HARM not in html_table(pd.DataFrame({HARM: [HARM]}))

    def test_titles_and_texts_are_escaped(self):
        assert "<img" not in html_table({HARM: HARM})

    def test_long_text_is_kept(self):
        assert "x" * 500 in html_table({"a": "x" * 500})

    def test_the_name_of_a_link_is_escaped(self):
        assert '"><script' not in html_link('"><script>', b"")

    def test_a_figure_is_closed_and_its_words_are_escaped(self):
        before = plt.get_fignums()
        text = html_figure(plt.subplots()[1], '"><b>.png', '"><script>')
        assert plt.get_fignums() == before
        assert re.findall("<script|<b>", text) == []


class TestTargets:
    def test_they_are_read_as_the_run_left_them(self, run):
        assert read_targets(run)[0].Asteroid_ID.tolist() == ["easy", "hard", "unknown"]

    def test_a_table_that_was_changed_is_refused(self, run):
        with open(run / "prospects.csv", "a") as file:
            file.write("more\n")
        with pytest.raises(ValueError, match="not the file that the run left"):
            read_targets(run)

    def test_a_run_without_targets_is_told(self, run):
        write_json(run / "run.json", {"status": "complete", "preset": "original", "outputs": {}})
        with pytest.raises(ValueError, match="preset 'original', which leaves no targets"):
            read_targets(run)

    @pytest.mark.parametrize(
        "limits, left",
        [
            ({}, ["easy", "hard"]),
            ({"max_delta_v": 5}, ["easy"]),
            ({"min_km": 100}, []),
            ({"max_km": 0.7}, ["easy"]),
            ({"years": (2030, 2035)}, ["easy"]),
            ({"years": (2032, 2035)}, []),
            ({"resource": "metal"}, ["hard", "easy"]),
        ],
    )
    def test_a_filter_leaves_what_lies_within_its_limits(self, run, limits, left):
        chosen = filter_targets(*read_targets(run), **limits)
        assert chosen.Asteroid_ID.tolist() == left

    @pytest.mark.parametrize("years, launch", [(None, "2040-01-01"), ((2030, 2035), "2031-05-01")])
    def test_the_launch_is_the_cheapest_of_the_years(self, run, years, launch):
        assert filter_targets(*read_targets(run), years=years).Departure[0] == launch

    def test_the_table_for_people_shows_the_launch(self, run):
        shown = target_table(filter_targets(*read_targets(run)), "water")
        assert shown.Launch.tolist() == ["2040-01-01", ""]
        assert shown.Rank.tolist() == [1, 2]


class TestTheCommand:
    def test_without_the_extra_it_says_in_one_line_what_brings_it(self, monkeypatch):
        monkeypatch.setattr("nea_prospect.files.find_spec", lambda _: None)
        result = CliRunner().invoke(app, ["explore"])
        assert result.exit_code == 1
        assert "pip install 'nea-prospect[explore]'" in str(result.exception)

    def test_a_run_without_a_classifier_is_told(self, tmp_path):
        result = CliRunner().invoke(app, ["explore", "--run", str(tmp_path)])
        assert "holds no complete run" in str(result.exception)

    def test_a_port_that_is_taken_is_told(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = str(taken.getsockname()[1])
            result = CliRunner().invoke(app, ["explore", "--port", port])
        assert f"port {port} on 127.0.0.1: Address already in use" in str(result.exception)

    def test_it_listens_on_this_machine_only(self):
        assert "--Voila.ip=127.0.0.1" in page_options(1)

    def test_the_notebook_and_the_template_exist(self):
        template = Path(nea_prospect.__file__).parent / "data/voila/templates/prospect/index.html.j2"
        assert Path(page_options(1)[0]).is_file()
        assert template.is_file()


def start(run):
    """Start the command beside a run: the process and the address of the page."""
    pytest.importorskip("voila", reason="the extra explore is not installed")
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    options = {"stdout": subprocess.PIPE, "cwd": run.parent, "env": environment, "text": True}
    process = subprocess.Popen([COMMAND, "explore", "--run", run.name], **options)
    return process, process.stdout.readline().strip()


def answers(address):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(re.search(r":(\d+)/", address)[1]))) == 0


@pytest.fixture
def server(run, tmp_path):
    """The address of the page, served by the command from a folder with a trap."""
    (tmp_path / "voila.py").write_text(f"open({str(tmp_path / 'trapped')!r}, 'w')")
    process, address = start(run)
    yield address
    process.send_signal(signal.SIGINT)
    rest = process.communicate()[0]
    assert process.returncode == 0
    assert rest.splitlines()[-1] == "The page is closed."
    assert not (tmp_path / "trapped").exists()
    assert not answers(address)


@pytest.fixture
def page(server):
    """The page in Chromium, with what it told the console and what it asked for."""
    with open_browser() as visit:
        yield visit(server)


def choose(page, *paths):
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Choose spectra").click()
    chooser.value.set_files(paths)


def drop(page, files, copies=1):
    """Drag files over the zone, away, and over it again, and drop them: whether it was marked after each."""
    given = [[name, content.decode(), copies] for name, content in files.items()]
    return page.locator(".drop-zone").evaluate(DROP, given)


def drop_from_disk(page, *paths):
    """Drop files as the desktop does, which may be folders."""
    box = page.locator(".drop-zone").bounding_box()
    files = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"type": kind, "x": box["x"] + 9, "y": box["y"] + 9}
        session.send("Input.dispatchDragEvent", place | {"data": files})


def saved(page, name):
    with page.expect_download() as download:
        page.get_by_text(f"Save {name}").click()
    return Path(download.value.path()).read_bytes()


def strangers(page):
    own = re.compile(r"(http|ws)://127\.0\.0\.1:\d+/|data:|blob:http://127\.0\.0\.1")
    return [url for url in page.requested if not own.match(url)]


@pytest.mark.slow
class TestInABrowser:
    def test_spectra_and_targets_are_shown_and_saved_and_nothing_leaves_the_machine(self, page, tmp_path):
        files = {"433 Eros.txt": member("a000433.01.txt"), "notes.txt": b"<script>window.hacked=1</script>"}
        files[f"{HARM}.txt"] = member("a000433.01.txt")
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        choose(page, *(tmp_path / name for name in files))
        page.get_by_text("Classifier: ").get_by_text("my run é").wait_for()
        page.get_by_text("Spectra classified: 2; not classified: 1").wait_for()
        page.get_by_text("no row with a wavelength and a reflectance").wait_for()
        page.get_by_text("spectrum S-Group").wait_for()
        assert saved(page, "433_Eros.txt.png").startswith(b"\x89PNG")
        assert b"433 Eros.txt,433,S-Group," in saved(page, "predictions.csv")
        page.get_by_label("Shown:").select_option(f"{HARM}.txt")
        page.get_by_text("not in the lists").wait_for()
        page.get_by_role("tab", name="Targets").click()
        page.get_by_text("2 of 3 asteroids").wait_for()
        page.get_by_label("Delta-v up to (km/s)").fill("5")
        page.get_by_label("Delta-v up to (km/s)").press("Enter")
        page.get_by_text("1 of 3 asteroids").wait_for()
        assert saved(page, "targets_water.csv").decode().splitlines()[1].startswith("easy,")
        assert saved(page, "targets.png").startswith(b"\x89PNG")
        page.get_by_label("Delta-v up to (km/s)").fill("12")
        page.get_by_label("Only with a launch in these years").check()
        page.get_by_label("Last year").fill("2035")
        page.get_by_label("Last year").press("Enter")
        page.get_by_text("2031-05-01").first.wait_for()
        assert barriers(page) == []
        assert page.evaluate("window.hacked") is None
        assert strangers(page) == []
        assert page.errors == []
        assert page.evaluate(FORBIDDEN) == "https://example.org/"

    def test_dropped_files_are_read_as_chosen_ones_are(self, page):
        files = {"433 Eros.txt": member("a000433.01.txt"), f"{HARM}.txt": b"clouds"}
        assert drop(page, files) == [True, False, True, False]
        page.get_by_text("Files taken: 2.").wait_for()
        page.get_by_text("Spectra classified: 1; not classified: 1").wait_for()
        page.get_by_text("no row with a wavelength and a reflectance").wait_for()
        assert b"433 Eros.txt,433,S-Group," in saved(page, "predictions.csv")
        assert page.evaluate("window.hacked") is None
        assert strangers(page) == []
        assert page.errors == []
        assert barriers(page) == []

    def test_what_cannot_be_taken_is_told(self, page, tmp_path):
        drop(page, {"large.txt": b"1 " * 2**19}, copies=201)
        page.get_by_text("Nothing taken: 201.0 MiB, the limit is 200 MiB at once.").wait_for()
        (tmp_path / HARM).mkdir()
        (tmp_path / "433.txt").write_bytes(member("a000433.01.txt"))
        drop_from_disk(page, tmp_path / HARM, tmp_path / "433.txt")
        page.get_by_text(f"Files taken: 1. Not readable (a folder goes in as a zip): {HARM}").wait_for()
        page.get_by_text("Spectra classified: 1.").wait_for()
        assert page.errors == []

    def test_with_the_keyboard_a_file_is_chosen_again_after_it_was_mended(self, page, tmp_path):
        path = tmp_path / "433.txt"
        for content, told in ((b"clouds", "classified: 0"), (member("a000433.01.txt"), "classified: 1")):
            path.write_bytes(content)
            page.get_by_role("tab", name="Spectra").focus()
            with page.expect_file_chooser() as chooser:
                page.keyboard.press("Tab")
                page.keyboard.press("Enter")
            chooser.value.set_files([path])
            page.get_by_text(f"Spectra {told}").wait_for()

    def test_in_a_narrow_window_nothing_is_out_of_reach(self, server, tmp_path):
        (tmp_path / "433.txt").write_bytes(member("a000433.01.txt"))
        with open_browser() as visit:
            page = visit(server, width=400)
            choose(page, tmp_path / "433.txt")
            page.get_by_text("spectrum S-Group").wait_for()
            boxes = page.locator(".wide").all()
            ends = [box.bounding_box() for box in [*boxes, page.locator(".drop-zone")] if box.is_visible()]
            assert barriers(page) == []
        assert len(ends) == 5
        assert max(end["x"] + end["width"] for end in ends) <= 400

    def test_it_ends_with_the_command_that_started_it(self, run):
        process, address = start(run)
        assert answers(address)
        process.kill()
        process.communicate()
        deadline = time.monotonic() + 300
        while answers(address):
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def test_nobody_is_let_in_without_the_token(self, server):
        place = server.partition("?")[0]
        with urllib.request.urlopen(place) as answer:
            assert "/login" in answer.url
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{place}api/kernels/00000000-0000-0000-0000-000000000000")


@pytest.fixture
def lab(tmp_path, request):
    """JupyterLab on a folder with a notebook without its outputs: address of the notebook, and its path."""
    pytest.importorskip("jupyterlab", reason="the extra lab is not installed")
    notebook = json.loads((ROOT / "nbs" / request.param).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
    path = tmp_path / request.param
    path.write_text(json.dumps(notebook), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = ("CONFIG", "DATA", "RUNTIME")
    own = {f"JUPYTER_{place}_DIR": str(tmp_path / place) for place in places}
    own |= {f"JUPYTERLAB_{place}_DIR": str(tmp_path / place) for place in ("SETTINGS", "WORKSPACES")}
    options = [
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--IdentityProvider.token=t",
        "--ip=127.0.0.1",
    ]
    command = [sys.executable, "-m", "jupyterlab", *options]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=tmp_path, env=os.environ | own, **quiet)
    address = f"http://127.0.0.1:{port}/lab/tree/{path.name}?token=t"
    deadline = time.monotonic() + 300
    while not answers(address):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield address, path
    process.terminate()
    process.wait()


def run_all_cells(window):
    """Run the notebook that JupyterLab shows."""
    window.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    window.get_by_role("menuitem", name="Run", exact=True).click()
    window.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def save(window, path):
    """Save the notebook that JupyterLab shows."""
    with window.expect_response(lambda told: told.request.method == "PUT" and path.name in told.url):
        window.keyboard.press("Control+s")


@pytest.mark.slow
@pytest.mark.parametrize("lab", ["02_features.ipynb"], indirect=True)
def test_jupyterlab_opens_notebook_02_and_runs_it_to_the_end(lab):
    address, path = lab
    with open_browser() as visit:
        window = visit(address)
        run_all_cells(window)
        window.get_by_text("((1236, 53)").wait_for()
        save(window, path)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    assert [output for output in outputs if output["output_type"] == "error"] == []
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("lab", ["07a_explore.ipynb"], indirect=True)
def test_jupyterlab_shows_the_page_as_well(lab):
    with open_browser() as visit:
        window = visit(lab[0])
        run_all_cells(window)
        drop(window, {"433.txt": member("a000433.01.txt")})
        window.get_by_text("Spectra classified: 1.").wait_for()
        assert window.errors == []
        assert strangers(window) == []
