"""Runs: checked parameters, failures that are told, folders that are never mistaken, cheap kills."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256 as new_sha256

import nbformat
import numpy as np
import pandas as pd
import pytest
import typer
from browser import barriers, hidden_width, open_browser, unreached
from conftest import COMMAND, HOSTILE_NAMES, SOAK
from helpers import run_recipe, superfluous_digits, unused_entries

from nea_prospect import cli
from nea_prospect.core import GROUPS
from nea_prospect.dictionary import describe_table
from nea_prospect.execution import (
    PATIENCE,
    RunError,
    claim_folder,
    hold_folder,
    publish,
    verify_run,
)
from nea_prospect.files import packaged, read_json, sha256, write_bytes, write_json
from nea_prospect.loading import bundled
from nea_prospect.report import notebook_body
from nea_prospect.run import ATTEMPT, PUBLISHED, RECORD, STAGE_RECORD, Run
from nea_prospect.series import (
    Series,
    check_exported,
    collect_parameters,
    declared_parameters,
    parse_settings,
    read_preset,
    resume_series,
    run_series,
    standard_series,
)

STAGES = tuple(standard_series().notebooks)
TABLES = tuple(name for name, file in PUBLISHED.items() if file.endswith(".csv"))


def nea_prospect(*arguments, cwd, **environment):
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--preset", "slow"], "unknown preset 'slow'; there are default, full, original, quick"),
        (["--set", "epoch=5"], "unknown parameter 'epoch'"),
        (["--set", "epochs=many"], "parameter epochs is 'many', but must be of type int"),
        (["--set", "epochs"], "--set takes NAME=VALUE"),
        (["--set", "run_dir=/tmp/x"], "unknown parameter 'run_dir'"),
        (["--catalog", "missing.csv", "--spectra", "missing.zip"], "no catalog at"),
        (["--catalog", "good.csv", "--spectra", "missing.zip"], "no archive of spectra at"),
        (["--catalog", "good.csv"], "give both --catalog and --spectra"),
        (["--catalog", "bad.csv", "--spectra", "s.zip"], "has no column for the number or designation"),
        (["--catalog", "folder", "--spectra", "s.zip"], "no catalog at"),
        (["--resource", "gold"], "choose water or metal"),
        (["--time-limit", "0"], "give minutes"),
        (["--resume", "new", "--preset", "quick"], "--resume takes everything but --time-limit"),
        (["--auxiliary", "good.csv"], "--auxiliary takes CATALOG=SPECTRA"),
        (["--auxiliary", "missing.csv=s.zip"], "no auxiliary catalog at"),
        (["--auxiliary", "good.csv=missing.zip"], "no auxiliary archive of spectra at"),
        (["--auxiliary", "plain.csv=s.zip"], "plain.csv has no column for the class or group"),
        (["--auxiliary", "good.csv=."], "is inside the folder of spectra"),
        (["--auxiliary", "good.csv=s.zip", "--preset", "original"], "trains without auxiliary spectra"),
        (["--auxiliary", "good.csv=s.zip", "--resume", "new"], "--resume takes everything but --time-limit"),
        (["--set", "auxiliary_files=5"], "unknown parameter 'auxiliary_files'"),
        (["--out", "full"], "already holds something else"),
        (["--out", "full", "--replace"], "already holds something else"),
        (["--out", "old run"], "already holds a run"),
        (["--out", "file"], "already holds something else"),
    ],
)
def test_wrong_use_gets_one_line_and_changes_nothing(tmp_path, monkeypatch, capfd, arguments, message):
    (tmp_path / "good.csv").write_text("number,class\n1,C\n")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    (tmp_path / "plain.csv").write_text("number\n1\n")
    (tmp_path / "s.zip").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    (tmp_path / "old run").mkdir()
    (tmp_path / "old run" / RECORD).write_text('{"status": "complete", "key": "0", "outputs": {"a": ""}}')
    (tmp_path / "file").write_text("precious")
    before = sha256(tmp_path)
    monkeypatch.chdir(tmp_path)
    out = [] if {"--out", "--resume"} & set(arguments) else ["--out", "new"]
    monkeypatch.setattr(sys, "argv", ["nea-prospect", "run", *out, *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    printed, told = capfd.readouterr()
    assert end.value.code == 1
    assert printed == ""
    assert message in told
    assert told.count("\n") == 1
    assert sha256(tmp_path) == before
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_unmatched_spectra_and_unreadable_archives_are_told_by_the_stage(tmp_path, small_input):
    (tmp_path / "c.csv").write_text("number,class\n99999999,C\n")
    arguments = ["run", "--catalog", "c.csv", "--out", "new", "--spectra"]
    result = nea_prospect(*arguments, small_input[1], cwd=tmp_path)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "notebook 01_loading failed in cell" in result.stderr.splitlines()[-1]
    assert "none of the 177 spectra in" in result.stderr
    assert not (tmp_path / "new" / RECORD).exists()
    assert read_json(tmp_path / "new" / ATTEMPT)["status"] == "failed"
    (tmp_path / "s.zip").write_bytes(b"no zip at all")
    result = nea_prospect(*arguments, "s.zip", cwd=tmp_path)
    assert "s.zip can be read (s.zip: no row with a wavelength" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "text",
    ["x='; import os", 'x={"a": 1}', "x=[1, 2]", "x=\n", "no equals", "x=: :", "x=!!python/object:os.system"],
)
def test_settings_are_values_never_code(text):
    try:
        parsed = parse_settings([text])
    except RunError:
        return
    assert all(isinstance(value, (str, int, float, bool)) for value in parsed.values())


def test_presets_fit_the_notebooks():
    declared = declared_parameters(standard_series())
    for name in ("quick", "default", "full"):
        preset = read_preset(standard_series(), name)
        parameters = collect_parameters(declared, preset, {"seed": 3}, {"catalog": "", "spectra": ""})
        assert tuple(parameters) == STAGES
        assert parameters["04_modeling"]["seed"] == parameters["03_resampling"]["seed"] == 3
        assert parameters["05_evaluation"]["selected"] == "ensemble"
    original = standard_series().collect("original", settings={"labels": "as-given"})
    assert tuple(original) == ("01_loading", "02_features", "05a_original")
    assert original["01_loading"]["labels"] == "as-given"
    with pytest.raises(RunError, match="preset sets 'epoch', which notebook 04_modeling does not declare"):
        collect_parameters(declared, {"04_modeling": {"epoch": 1}}, {}, {})


WRITE_RESULT = "open(run_dir + '/result.txt', 'w').write('done')"
FIRST = "open(run_dir + '/first.txt', 'w').write(str(__import__('time').time_ns()))"


def test_a_notebook_whose_change_is_not_in_the_package_is_refused(tmp_path):
    series = standard_series()
    check_exported(series)
    folder = shutil.copytree(series.folder, tmp_path / "nbs", ignore=shutil.ignore_patterns("0[3-6]*", "9*"))
    path = folder / "02_features.ipynb"
    text = path.read_text(encoding="utf-8")
    assert text.count("SLOPE_RANGES = (") == 1
    path.write_text(text.replace("SLOPE_RANGES = (", "SLOPE_RANGES = ((0.9, 1.0), "), encoding="utf-8")
    with pytest.raises(RunError, match="02_features.ipynb has changed .* run nbdev_export first"):
        Series(folder, stages=("01_loading", "02_features")).collect("quick")


def make_notebook(folder, stage, *code, parameters=("note",)):
    declared = "\n".join(f'{name}: str = ""  # a parameter' for name in ("run_dir", *parameters))
    declared += "\nauxiliary_files: list = []"
    cells = [
        nbformat.v4.new_markdown_cell(f"# {stage}\n> Test."),
        nbformat.v4.new_code_cell(declared, metadata={"tags": ["parameters"]}),
        *map(nbformat.v4.new_code_cell, code),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / f"{stage}.ipynb")


@pytest.fixture
def tiny(tmp_path):
    folder = tmp_path / "n{b}s"
    (folder / "presets").mkdir(parents=True)
    (folder / "presets" / "quick.yaml").write_text("common: {}\n")
    make_notebook(folder, "01_loading", FIRST)
    return Series(folder, declared=("result.txt",), report=lambda *_: {"report/index.html": b"a page"})


def run_tiny(series, out, code=WRITE_RESULT, **options):
    make_notebook(series.folder, "02_features", code)
    return run_again(series, out, **options)


def run_again(series, out, settings=None, **options):
    return series.run(out, "quick", series.collect("quick", settings=settings), **options)


def fail_tiny(series, out, code="1 / 0", **options):
    with pytest.raises(RunError) as error:
        run_tiny(series, out, code, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "code, limit, message",
    [
        ("1 / 0", 60, "notebook 02_features failed in cell 3: ZeroDivisionError: division by zero"),
        ("raise ValueError('first\\nsecond')", 60, "ValueError: first (partial"),
        ("import time; time.sleep(600)", 8, "was still running at the time limit"),
        ("import os; os._exit(1)", 60, "DeadKernelError"),
        ("import os; os.kill(os.getppid(), 9)", 60, "its process ended with code -9"),
        ("2 + 2", 60, "every stage returned, but result.txt was not written"),
    ],
)
def test_a_failing_stage_is_named_and_leaves_no_finished_run(tiny, tmp_path, code, limit, message):
    told = fail_tiny(tiny, tmp_path / "run", code, time_limit=limit)
    assert message in told
    assert not (tmp_path / "run" / RECORD).exists()
    attempt = read_json(tmp_path / "run" / ATTEMPT)
    assert (attempt["status"], attempt["reason"]) == ("failed", told)
    assert verify_run(tmp_path / "run") == ("unfinished", [f"{tmp_path / 'run'}: {told}"])


def test_parameters_reach_a_notebook_as_values_and_never_as_code(tiny, tmp_path):
    notes = [
        '"; open("planted", "w") #',
        '"""\nraise SystemExit\n"""',
        "{run_dir}",
        "\\",
        "a\nb\tc",
        "%matplotlib",
        "é ☄ \u202e",
    ]
    names = [f"note_{number}" for number in range(len(notes))]
    code = f"import json\njson.dump([{', '.join(names)}], open(run_dir + '/result.txt', 'w'))"
    make_notebook(tiny.folder, "02_features", code, parameters=names)
    out = run_again(tiny, tmp_path / "run", settings=dict(zip(names, notes, strict=True)))
    assert read_json(out / "result.txt") == notes
    assert not list(tmp_path.rglob("planted"))


def test_the_same_command_goes_on_and_keeps_complete_stages(tiny, tmp_path):
    code = "open(run_dir + '/result.txt', 'w').write('half'); open(run_dir + '/../../../go')"
    make_notebook(tiny.folder, "02_features", f"{code}\n{WRITE_RESULT}")
    for attempt in (
        lambda: run_again(tiny, tmp_path / "run"),
        lambda: resume_series(tmp_path / "run", series=tiny),
    ):
        with pytest.raises(RunError, match="FileNotFoundError"):
            attempt()
    first = (tmp_path / "run" / "stages" / "01_loading" / "first.txt").read_text()
    (tmp_path / "go").touch()
    out = resume_series(tmp_path / "run", series=tiny)
    assert (out / "first.txt").read_text() == first
    assert (out / "result.txt").read_text() == "done"
    record = read_json(out / RECORD)
    assert record["status"] == "complete"
    assert list(record["stages"]) == ["01_loading", "02_features"]
    assert "reason" not in record
    results = sorted(name for name in record["outputs"] if not name.startswith("stages/"))
    notebooks = ["notebooks/01_loading.ipynb", "notebooks/02_features.ipynb"]
    assert results == ["first.txt", *notebooks, "report/index.html", "result.txt"]
    assert verify_run(out) == ("complete", [])
    assert not (out / ATTEMPT).exists()
    with pytest.raises(RunError, match="is complete; nothing to resume"):
        resume_series(out, series=tiny)
    before = sha256(out)
    assert run_again(tiny, out) == out
    assert sha256(out) == before, "the same command finds the run complete"


def test_what_is_costly_is_kept_within_a_stage_until_it_is_complete(tiny, tmp_path):
    code = (
        "from nea_prospect.run import Run\nimport numpy as np\nstore = Run(run_dir).store()\n"
        "for number in range(3):\n"
        "    if str(number) not in store:\n"
        "        store[str(number)] = {'made': np.array(number)}\n"
        "        open(run_dir + '/../../../log', 'a').write(str(number))\n"
        "        if number < 2: raise KeyboardInterrupt\n"
    )
    for _ in range(2):
        fail_tiny(tiny, tmp_path / "run", code + WRITE_RESULT)
    out = run_tiny(tiny, tmp_path / "run", code + WRITE_RESULT)
    assert (tmp_path / "log").read_text() == "012"
    assert not list(out.rglob("fits"))


def test_a_stage_whose_files_were_changed_runs_again(tiny, tmp_path):
    fail_tiny(tiny, tmp_path / "run", "open(run_dir + '/../../../go')\n" + WRITE_RESULT)
    first = tmp_path / "run" / "stages" / "01_loading" / "first.txt"
    before = first.read_text()
    first.write_text("changed")
    (tmp_path / "go").touch()
    out = resume_series(tmp_path / "run", series=tiny)
    assert (out / "first.txt").read_text() not in ("changed", before)
    assert verify_run(out) == ("complete", [])


def test_what_was_done_makes_way_only_when_asked(tiny, tmp_path):
    out = tmp_path / "run"
    make_notebook(tiny.folder, "01_loading", "1 / 0")
    fail_tiny(tiny, out)
    make_notebook(tiny.folder, "01_loading", FIRST)
    assert "02_features failed" in fail_tiny(tiny, out), "nothing was done, so nothing is lost"
    told = fail_tiny(tiny, out, "1 / 0", settings={"note": "other"})
    assert "keeps 1 complete stages of another run; --resume" in told
    run_tiny(tiny, out, replace=True)
    record = read_json(out / RECORD)
    assert record["outputs"]["result.txt"] == sha256(out / "result.txt")
    assert record["inputs"]["catalog"]["sha256"] == sha256(bundled()[0])
    assert "already holds a run" in fail_tiny(tiny, out, WRITE_RESULT, settings={"note": "other"})
    first = (out / "first.txt").read_text()
    assert "ZeroDivision" in fail_tiny(tiny, out, replace=True)
    assert verify_run(out) == ("complete", []), "the old results stay until the new run is complete"
    assert (out / "first.txt").read_text() == first
    result = nea_prospect("verify", out, cwd=tmp_path)
    assert "run: complete" in result.stdout
    assert "another run is being made in it" in result.stdout
    assert "ZeroDivision" in result.stdout
    fail_tiny(tiny, out, settings={"note": "a second attempt"}, replace=True)
    run_tiny(tiny, out, settings={"note": "a third"}, replace=True)
    assert verify_run(out) == ("complete", [])
    assert (out / "first.txt").read_text() != first


def test_a_run_in_which_somebody_worked_is_not_replaced(tiny, tmp_path):
    out = run_tiny(tiny, tmp_path / "run")
    (out / "notes.txt").write_text("precious")
    run_tiny(tiny, out, settings={"note": "other"}, replace=True)
    assert (out / "notes.txt").read_text() == "precious"
    assert verify_run(out) == ("complete", ["added: notes.txt"])
    write_bytes(out / "result.txt", b"edited")
    assert "result.txt is not as the run left it" in fail_tiny(tiny, out, WRITE_RESULT, replace=True)
    assert (out / "result.txt").read_text() == "edited"
    write_bytes(out / "result.txt", b"done")
    (out / "stages" / "01_loading" / "mine.txt").write_text("precious")
    told = fail_tiny(tiny, out, WRITE_RESULT, replace=True)
    assert "stages/01_loading/mine.txt is not as the run left it" in told
    assert (out / "stages" / "01_loading" / "mine.txt").read_text() == "precious"
    write_json(out / "stages" / "01_loading" / STAGE_RECORD, {"outputs": 5})
    told = fail_tiny(tiny, out, WRITE_RESULT, replace=True)
    assert re.search(r"stages/01_loading/\S+ is not as the run left it", told)


def test_files_of_a_user_stay_where_a_run_goes_on(tiny, tmp_path):
    fail_tiny(tiny, tmp_path / "run", "open(run_dir + '/../../../go')\n" + WRITE_RESULT)
    for name in ("notes.txt", "stages/My own.xlsx"):
        (tmp_path / "run" / name).write_text("precious")
    (tmp_path / "go").touch()
    out = resume_series(tmp_path / "run", series=tiny)
    assert (out / "notes.txt").read_text() == (out / "stages" / "My own.xlsx").read_text() == "precious"
    (out / "link").symlink_to("nowhere")
    assert verify_run(out) == ("complete", ["added: link", "added: notes.txt", "added: stages/My own.xlsx"])


def test_a_run_that_is_complete_but_for_its_last_step_is_complete(tiny, tmp_path):
    out = run_tiny(tiny, tmp_path / "run")
    record = read_json(out / RECORD)
    write_json(
        out / ATTEMPT, record | {"status": "running"}
    )  # as kill -9 between the last two steps leaves it
    assert verify_run(out) == ("complete", [])
    assert run_again(tiny, out) == out
    assert not (out / ATTEMPT).exists()
    (out / RECORD).rename(out / ATTEMPT)  # as kill -9 before the last step leaves it
    assert verify_run(out)[0] == "unfinished"
    assert resume_series(out, series=tiny) == out
    assert verify_run(out) == ("complete", [])


def test_a_run_is_not_resumed_with_other_inputs_code_or_versions(tiny, tmp_path):
    (tmp_path / "other.csv").write_text("number,class\n1,C\n")
    make_notebook(tiny.folder, "01_loading", FIRST, parameters=("resources",))
    fail_tiny(tiny, tmp_path / "run", settings={"resources": str(tmp_path / "other.csv")})
    attempt = read_json(tmp_path / "run" / ATTEMPT)
    make_notebook(tiny.folder, "02_features", WRITE_RESULT)
    with pytest.raises(RunError, match=r"other inputs or versions \(nea_prospect\)"):
        resume_series(tmp_path / "run", series=tiny)
    make_notebook(tiny.folder, "02_features", "1 / 0")
    (tmp_path / "other.csv").write_text("number,class\n2,C\n")
    with pytest.raises(RunError, match=r"other inputs or versions \(resources\)"):
        resume_series(tmp_path / "run", series=tiny)
    (tmp_path / "other.csv").write_text("number,class\n1,C\n")
    catalog = {"catalog": {"name": "catalog.csv", "sha256": "0"}}
    for change, message in (
        ({"versions": attempt["versions"] | {"numpy": "0.1"}}, r"other inputs or versions \(numpy\)"),
        ({"inputs": attempt["inputs"] | catalog}, r"other inputs or versions \(catalog\)"),
        ({"parameters": []}, "nothing that can be resumed"),
        ({"versions": 5}, "nothing that can be resumed"),
    ):
        write_json(tmp_path / "run" / ATTEMPT, attempt | change)
        with pytest.raises(RunError, match=message):
            resume_series(tmp_path / "run", series=tiny)


def test_auxiliary_files_are_inputs_of_a_run(tiny, tmp_path):
    pair = tmp_path / "o'thers\n.csv", tmp_path / "spectra"
    pair[0].write_text("number,class\n1,C\n")
    pair[1].mkdir()
    make_notebook(tiny.folder, "02_features", "import json\n1 / 0")
    parameters = tiny.collect("quick", auxiliary=[pair])
    with pytest.raises(RunError, match="ZeroDivision"):
        tiny.run(tmp_path / "run", "quick", parameters)
    assert read_json(tmp_path / "run" / ATTEMPT)["inputs"]["auxiliary_1_catalog"]["sha256"] == sha256(pair[0])
    (pair[1] / "1.txt").write_text("another spectrum")
    with pytest.raises(RunError, match=r"other inputs or versions \(auxiliary_1_spectra\)"):
        resume_series(tmp_path / "run", series=tiny)
    with pytest.raises(RunError, match="keeps 1 complete stages of another run"):
        tiny.run(tmp_path / "run", "quick", parameters)
    (pair[1] / "1.txt").unlink()
    code = "import json\nopen(run_dir + '/result.txt', 'w').write(json.dumps(auxiliary_files))"
    make_notebook(tiny.folder, "02_features", code)
    out = tiny.run(tmp_path / "new", "quick", parameters)
    assert json.loads((out / "result.txt").read_text()) == [[str(path) for path in pair]]
    assert verify_run(out) == ("complete", [])


def test_a_record_is_not_believed(tiny, tmp_path, capfd):
    fail_tiny(tiny, tmp_path / "run", "open(run_dir + '/../../../go')\n" + WRITE_RESULT)
    place = tmp_path / "run" / ATTEMPT
    attempt = read_json(place)
    planted = {
        stage: values | {"open('planted', 'w'); x": 1} for stage, values in attempt["parameters"].items()
    }
    endless = {stage: {"note": "", "catalog": "/dev/zero"} for stage in attempt["parameters"]}
    odd = {stage: {"note": "", "auxiliary_files": [["one"], 2]} for stage in attempt["parameters"]}
    for change in (
        attempt | {"parameters": planted},
        attempt | {"parameters": endless},
        attempt | {"parameters": {}},
        attempt | {"inputs": None},
        attempt | {"parameters": odd},
        [],
        5,
    ):
        write_json(place, change)
        with pytest.raises(RunError):
            resume_series(tmp_path / "run", series=tiny)
    assert not list(tmp_path.rglob("planted"))
    place.unlink()
    for versions in ([], None, {"numpy": "\x1b[2J"}):
        outputs = {"../mine.txt": sha256(tmp_path / "n{b}s" / "01_loading.ipynb")}
        write_json(
            tmp_path / "run" / RECORD, {"status": "complete", "outputs": outputs, "versions": versions}
        )
        with contextlib.suppress(typer.Exit):
            cli.verify_command(str(tmp_path / "run"))
        assert "\x1b" not in capfd.readouterr().out
    write_json(tmp_path / "run" / RECORD, {"status": "complete", "outputs": {}})
    assert verify_run(tmp_path / "run")[0] == "unfinished"


def test_a_record_cannot_remove_files_outside_of_its_folder(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    out = tmp_path / "run"
    write_json(
        out / RECORD,
        {"status": "complete", "key": "0", "outputs": {"../mine.txt": sha256(tmp_path / "mine.txt")}},
    )
    publish(out, [], {"page.html": b"new"}, {"key": "1"})
    assert (tmp_path / "mine.txt").read_text() == "precious"
    assert (out / "page.html").read_bytes() == b"new"


def test_what_a_killed_process_was_writing_does_not_stay_in_a_complete_run(tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    for name in (".run.json.c1728cc5", ".page.html.4711", ".unfinished.json.00ff00ff", ".run.json.mine"):
        (out / name).write_text("a part")
    publish(out, [], {"page.html": b"new"}, {"key": "1"})
    assert verify_run(out) == ("complete", ["added: .run.json.mine"])


def test_verify_names_what_was_changed_is_missing_or_was_added(tiny, tmp_path):
    out = run_tiny(tiny, tmp_path / "run")
    assert verify_run(out) == ("complete", [])
    record = read_json(out / RECORD)
    write_json(out / RECORD, record | {"versions": record["versions"] | {"numpy": "0.1"}})
    result = nea_prospect("verify", out, cwd=tmp_path)
    assert result.returncode == 0
    assert "made with other versions: " in result.stdout
    assert "numpy 0.1 (here" in result.stdout
    write_json(out / RECORD, record)
    write_bytes(out / "result.txt", b"other")
    (out / "notebooks" / "01_loading.ipynb").unlink()
    (out / "new.txt").write_text("")
    assert verify_run(out) == (
        "complete",
        ["changed: result.txt", "missing: notebooks/01_loading.ipynb", "added: new.txt"],
    )
    assert verify_run(tmp_path / "never")[0] == "absent"
    (out / RECORD).write_text("[1]")
    result = nea_prospect("verify", out, cwd=tmp_path)
    assert result.returncode == 1
    assert "unfinished" in result.stdout
    assert not result.stderr


@pytest.mark.parametrize(
    "out, message",
    [
        ("/", "where a file system begins"),
        ("spectra/run", "inside the folder of spectra"),
        ("file/run", "cannot make"),
    ],
)
def test_places_that_cannot_be_a_run_folder_are_refused_before_anything_is_done(
    tmp_path, monkeypatch, out, message
):
    (tmp_path / "c.csv").write_text("number,class\n1,C\n")
    (tmp_path / "spectra").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=message):
        run_series(out, "c.csv", "spectra")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["c.csv", "file", "spectra"]


def test_a_link_leads_to_the_run_folder(tiny, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "run")
    assert run_tiny(tiny, tmp_path / "link") == tmp_path / "run"
    assert verify_run(tmp_path / "link") == ("complete", [])


def test_what_is_no_run_is_never_cleared_away(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(RunError, match="already holds something else"):
        claim_folder(tmp_path, "key", replace=True)
    (tmp_path / "mine.txt").rename(
        tmp_path / f".{ATTEMPT}.1a2b3c4d"
    )  # what is left of a record that was being written
    assert claim_folder(tmp_path, "key", replace=False) is False
    with (
        hold_folder(tmp_path),
        pytest.raises(RunError, match="another process is making a run"),
        hold_folder(tmp_path),
    ):
        pass


STAND_IN = """
import json, sys, threading, time
from pathlib import Path
from nea_prospect.execution import _end_with_parent
from nea_prospect.files import write_bytes
job = json.loads(sys.stdin.readline())
threading.Thread(target=_end_with_parent, daemon=True).start()
folder = Path(job["parameters"]["run_dir"])
for letter in "abcd":
    write_bytes(folder / "handover" / f"{letter}.csv", folder.name.encode() * 50_000)
    time.sleep(float(sys.argv[1]))
write_bytes(folder / f"{folder.name[1:]}.txt", b"done")
write_bytes(job["output"], b"{}")
"""
RUN_STAND_IN = """
import sys
from pathlib import Path
from nea_prospect.execution import RunError
from nea_prospect.series import Series, resume_series
out, how, rest, notebooks, stand_in = sys.argv[1:]
command = (sys.executable, "-c", stand_in, rest)
series = Series(Path(notebooks), ("02_features.txt",), lambda *_: {}, command)
try:
    if how == "resume":
        resume_series(out, series=series)
    else:
        series.run(out, "quick", series.collect("quick"))
except RunError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def stand_in(tmp_path):
    """A function that gives the command of a run of two stand-ins."""
    folder = tmp_path / "stand-ins"
    (folder / "presets").mkdir(parents=True)
    (folder / "presets" / "quick.yaml").write_text("common: {}\n")
    for stage in STAGES[:2]:
        make_notebook(folder, stage)
    return lambda out, how="run", rest=0.03: [
        sys.executable,
        "-c",
        RUN_STAND_IN,
        out,
        how,
        str(rest),
        folder,
        STAND_IN,
    ]


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_is_absent_unfinished_or_complete_and_goes_on(tmp_path, stand_in):
    start = time.monotonic()
    subprocess.run(stand_in(tmp_path / "whole"), check=True, capture_output=True)
    lasted, whole = time.monotonic() - start, read_json(tmp_path / "whole" / RECORD)["outputs"]
    moments = np.random.default_rng(0).uniform(0.2 * lasted, lasted, 20 * SOAK)

    def kill_and_repeat(number):
        out = tmp_path / f"run {number}"
        process = subprocess.Popen(stand_in(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moments[number])
        process.kill()
        process.wait()
        status, problems = verify_run(out)
        assert (status == "complete") == (not problems), (moments[number], status, problems)
        subprocess.run(stand_in(out), check=True, capture_output=True)
        assert verify_run(out) == ("complete", [])
        assert without_times(read_json(out / RECORD)["outputs"]) == without_times(whole)
        return status

    with ThreadPoolExecutor(2) as pool:
        seen = set(pool.map(kill_and_repeat, range(len(moments))))
    assert "unfinished" in seen


def without_times(outputs):
    """Checksums of the files of a run that tell neither times nor paths."""
    told = (f"/{STAGE_RECORD}", ".ipynb", ".html")
    return {name: digest for name, digest in outputs.items() if not name.endswith(told)}


@pytest.fixture
def disk(tmp_path):
    """A function that runs a shell script with a disk of 3 MB mounted at ``disk``."""

    def run(script, *arguments):
        (tmp_path / "disk").mkdir(exist_ok=True)
        script = f"exec 2>&1; mount -t tmpfs -o size=3m none disk && cd disk || exit 99\n{script}"
        result = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", script, "bash", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=os.environ | {"PATH": f"{COMMAND.parent}:{os.environ['PATH']}"},
        )
        if result.returncode == 99 or "unshare failed" in result.stderr:
            pytest.skip("this machine lets nobody mount a disk")
        return result.stdout

    if not shutil.which("unshare"):
        pytest.skip("this machine has no unshare")
    return run


@pytest.mark.slow
def test_on_a_disk_that_is_full_a_run_stops_with_one_line_and_goes_on_when_there_is_room(
    disk, tmp_path, spectrum_text, stand_in
):
    (tmp_path / "one.txt").write_bytes(spectrum_text())
    ran, verified, predicted, left, resumed, after = disk(
        """
        "$@"; echo "code $?"
        nea-prospect verify run; echo "code $?"
        cat /dev/zero > filler 2>/dev/null; nea-prospect predict ../one.txt --out table.csv; echo "code $?"
        ls -A; rm filler; echo "code 0"
        mount -o remount,size=100m . && "$@"; "$@"; echo "code $?"
        nea-prospect verify run; cp run/run.json ..""",
        *stand_in("run", rest=0),
    ).split("code ")
    assert "No space left on device" in ran.splitlines()[-1], ran
    assert "Traceback" not in ran.splitlines()[-1], ran
    assert verified.startswith("1"), verified
    assert "run: unfinished" in verified, verified
    assert "No space left on device" in verified, verified
    assert predicted.splitlines()[-1] == "nea-prospect: [Errno 28] No space left on device", predicted
    assert left.split() == ["1", "filler", "run"]
    assert "01_loading: done before" in resumed, resumed
    assert "holds this run already, complete" in resumed, resumed
    assert "run: complete, every file as the run left it" in after, after
    subprocess.run(stand_in(tmp_path / "whole", rest=0), check=True, capture_output=True)
    outputs = [read_json(path)["outputs"] for path in (tmp_path / RECORD, tmp_path / "whole" / RECORD)]
    assert without_times(outputs[0]) == without_times(outputs[1])


def test_a_folder_that_may_not_be_written_is_told(disk):
    told = disk(
        """
        mkdir kept && mount -o remount,ro . && cd kept
        nea-prospect run --out run; nea-prospect run --resume run
        nea-prospect benchmark --out run; nea-prospect verify run"""
    ).splitlines()
    assert len(told) == 5, told
    assert "cannot make" in told[0]
    assert "Read-only file system" in told[0]
    assert "there is no unfinished run" in told[1]
    assert "Read-only file system" in told[2]
    assert told[3] == "run: absent"
    assert told[4].startswith("  there is no /")


def test_a_full_disk_is_told_and_what_was_done_is_kept(tiny, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match="No space left on device.*the same command goes on"):
        run_tiny(Series(tiny.folder, tiny.declared, full), tmp_path / "run")
    assert verify_run(tmp_path / "run")[0] == "unfinished"
    assert verify_run(run_tiny(tiny, tmp_path / "run")) == ("complete", [])


def test_a_folder_in_which_a_living_process_works_is_left_alone(tmp_path, stand_in, tiny):
    out = tmp_path / "run"
    process = subprocess.Popen(stand_in(out, rest=60), stderr=subprocess.DEVNULL)
    while not (out / "stages" / ".01_loading" / "handover" / "a.csv").exists():
        assert process.poll() is None
        time.sleep(0.05)
    before = sha256(out / ATTEMPT)
    with pytest.raises(RunError, match=f"process {process.pid} is making a run in"):
        run_tiny(tiny, out, replace=True)
    assert verify_run(out) == ("unfinished", [f"process {process.pid} is making a run in {out}"])
    assert sha256(out / ATTEMPT) == before
    process.kill()
    process.wait()
    with hold_folder(out, PATIENCE):  # its child has ended, too
        pass
    assert verify_run(out) == ("unfinished", [f"{out}: process {process.pid} is gone"])


@pytest.mark.slow
def test_nothing_that_a_killed_run_started_goes_on(tiny, tmp_path):
    """The kernel of a killed run ends with it: it cannot write into the folder of its successor."""
    code = "import os, time\nopen(run_dir + '/kernel', 'w').write(str(os.getpid()))\ntime.sleep(600)"
    make_notebook(tiny.folder, "02_features", code)
    script = "import sys\nfrom pathlib import Path\nfrom nea_prospect.series import Series\n"
    script += "series = Series(Path(sys.argv[2]))\nseries.run(sys.argv[1], 'quick', series.collect('quick'))"
    process = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path / "run", tiny.folder], stderr=subprocess.DEVNULL
    )
    kernel = tmp_path / "run" / "stages" / ".02_features" / "kernel"
    while not (kernel.is_file() and kernel.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    with hold_folder(tmp_path / "run", PATIENCE):
        pass
    deadline = time.monotonic() + 10
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(int(kernel.read_text()), 0)
            time.sleep(0.05)


def write_plain(small_input, path):
    """Write every fourth row of a catalog without its classes; return the numbers."""
    rows = pd.read_csv(small_input[0], dtype=str, keep_default_na=False).iloc[::4]
    rows.drop(columns=["class", "second_class"]).to_csv(path, index=False)
    return set(rows.number)


def copy_package(folder, catalog, spectra):
    """Copy the package and its notebooks, with other bundled targets: the real ones take minutes to learn."""
    package = packaged("").parent
    shutil.copytree(package, folder / "nea_prospect")
    shutil.copytree(standard_series().folder, folder / "nbs")
    for given, name in zip((catalog, spectra), bundled(), strict=True):
        shutil.copy(given, folder / "nea_prospect" / "data" / name.name)


@pytest.fixture(scope="module")
def plain_run(small_input, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    copy_package(folder / "copy", *small_input)
    numbers = write_plain(small_input, folder / "plain.csv")
    arguments = ["run", "--catalog", "plain.csv", "--spectra", small_input[1], "--preset", "quick"]
    arguments += ["--auxiliary", f"{small_input[0]}={small_input[1]}", "--set", "auxiliary=none"]
    arguments += ["--set", "workers=1"]  # little to learn: a second process would take longer to start
    result = nea_prospect(*arguments, "--out", "run", cwd=folder, PYTHONPATH=str(folder / "copy"))
    assert result.returncode == 0, result.stderr
    return folder / "run", numbers, result.stdout


@pytest.mark.slow
class TestACatalogWithoutAnyClass:
    @pytest.mark.parametrize("name", ["predictions", "prospects"])
    def test_what_is_published_holds_the_asteroids_of_the_input_alone(self, plain_run, name):
        assert set(read_results(plain_run[0], name).Asteroid_ID) == plain_run[1]

    def test_follow_up_counts_no_bundled_asteroid_as_classified(self, plain_run):
        followup = read_results(plain_run[0], "followup")
        assert set(followup.Asteroid_ID[followup.Kind == "classified"]) <= plain_run[1]

    def test_every_prediction_is_of_the_model_that_is_kept(self, plain_run):
        assert set(read_results(plain_run[0], "predictions").Prediction) == {"plain"}

    def test_no_bundled_label_is_audited(self, plain_run):
        assert read_results(plain_run[0], "label_audit").empty

    def test_what_was_graded_on_what_is_told(self, plain_run):
        run, asteroids, told = plain_run
        sentence = read_json(run / PUBLISHED["metrics"])["graded_on"]
        assert sentence.endswith(f"and predict the {len(asteroids)} of the input.")
        assert sentence in told
        for page in ("index", "01_loading", "04_modeling", "05_evaluation"):
            assert sentence in (run / "report" / f"{page}.html").read_text()

    def test_the_run_is_complete(self, plain_run):
        assert verify_run(plain_run[0]) == ("complete", [])


@pytest.mark.slow
def test_the_documented_analysis_needs_classes(small_input, tmp_path):
    write_plain(small_input, tmp_path / "plain.csv")
    arguments = ["run", "--catalog", "plain.csv", "--spectra", small_input[1], "--preset", "original"]
    result = nea_prospect(*arguments, "--out", "run", cwd=tmp_path)
    assert result.returncode == 1
    assert "no asteroid of the catalog has a class" in result.stderr.splitlines()[-1]


def stop_and_repeat(out, arguments, n_kills, environment):
    """Stop a run in every stage, by kill -9 and Ctrl-C in turn; return what was found each time."""
    found, moments = [], np.random.default_rng(SOAK).uniform(0, 4, n_kills)
    for number, delay in enumerate([*moments, None]):
        [log.unlink() for log in out.rglob("stage.log")]  # of the process before
        process = subprocess.Popen(
            [COMMAND, "run", *map(str, arguments), "--out", out],
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if delay is not None:
            wait_for_stage(out, process, STAGES[number * len(STAGES) // n_kills])
        try:
            _, told = process.communicate(timeout=delay)
            assert process.returncode == 0, told
            break
        except subprocess.TimeoutExpired:
            process.send_signal((signal.SIGKILL, signal.SIGINT)[number % 2])
            _, told = process.communicate()
            found.append((*verify_run(out), process.returncode, told))
    return found


def wait_for_stage(out, process, stage):
    """Wait until a stage of a run works, or a later one."""
    later = STAGES[STAGES.index(stage) :]
    while process.poll() is None:
        if any((out / "stages" / f".{name}" / "stage.log").exists() for name in later):
            return
        time.sleep(0.05)


@pytest.fixture(scope="module")
def quick_runs(small_input, tmp_path_factory):
    """The quick preset twice: in one go, and stopped twenty times.

    With one and with two processes, in other time zones and locales, in a folder with a space and an accent.
    """
    folder = tmp_path_factory.mktemp("sortie d'été")
    arguments = ["--catalog", small_input[0], "--spectra", small_input[1]]
    arguments += ["--preset", "quick", "--set", "auxiliary=none"]
    result = nea_prospect("run", *arguments, "--out", "run 1", "--set", "workers=1", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "Report: " in result.stdout
    assert "[6/6] 06_prospecting: done" in result.stderr
    elsewhere = {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8"}
    found = stop_and_repeat(folder / "run 2", [*arguments, "--set", "workers=2"], 20 * SOAK, elsewhere)
    return folder / "run 1", folder / "run 2", found


def read_results(run, name):
    texts = dict.fromkeys(("Asteroid_ID", "Name", "Designation"), str)
    options = {
        "dtype": texts,
        "keep_default_na": False,
        "na_values": {"Water_Rank": [""]},
        "low_memory": False,
    }
    return pd.read_csv(run / PUBLISHED[name], **options)


def without_script(page):
    """Text of a page without the script of the package, the only one that the page itself allows."""
    script = "\n".join(packaged(name).read_text("utf-8") for name in ("datatables.min.js", "report.js"))
    digest = b64encode(new_sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in page
    before, found, after = page.partition(f"<script>{script}</script>")
    assert found
    return before + after


def key_paths(record, above=""):
    """Keys of a record, and of the records in it those with values, after the keys above."""
    for key, value in record.items():
        if not (above and isinstance(value, dict)):
            yield f"{above}{key}"
        if isinstance(value, dict):
            yield from key_paths(value, f"{above}{key}.")


@pytest.mark.slow
@pytest.mark.timeout(5400)  # its fixture makes 21 runs
class TestARealRun:
    def test_every_declared_file_is_there_and_recorded(self, quick_runs):
        record = read_json(quick_runs[0] / RECORD)
        assert record["status"] == "complete"
        assert tuple(record["stages"]) == STAGES
        pages = [f"report/{page}.html" for page in (*STAGES, *TABLES, "files", "index")]
        for name in (
            *PUBLISHED.values(),
            "columns.csv",
            *pages,
            *(f"notebooks/{stage}.ipynb" for stage in STAGES),
        ):
            assert record["outputs"][name] == sha256(quick_runs[0] / name)
        assert not list(quick_runs[0].rglob("*.log"))
        assert verify_run(quick_runs[0]) == ("complete", [])

    def test_the_same_seed_gives_the_same_bytes(self, quick_runs):
        """In one go or stopped twenty times, with one process or two, here or there."""
        first, second = (without_times(read_json(run / RECORD)["outputs"]) for run in quick_runs[:2])
        assert first.keys() == second.keys()
        assert set(PUBLISHED.values()) <= first.keys()
        assert "stages/04_modeling/handover/out_of_fold.npz" in first
        assert "figures/05_scores.png" in first
        assert [name for name in first if first[name] != second[name]] == []

    def test_a_run_that_is_stopped_at_any_moment_says_so_and_goes_on(self, quick_runs):
        out, found = quick_runs[1:]
        assert verify_run(out) == ("complete", [])
        assert len(found) == 20 * SOAK
        for number, (status, problems, code, told) in enumerate(found):
            assert "Traceback" not in told, told
            assert status == "unfinished", problems
            told_why = problems[0].endswith(("is gone", "interrupted"))  # the one before, if stopped early
            assert told_why, (number, problems)
            if number % 2:
                assert code == 130, told
                assert "nea-prospect: interrupted" in told.splitlines()[-1], told
        assert "done before" in found[-1][3]

    def test_predictions_cover_every_asteroid(self, quick_runs, small_input):
        predictions = read_results(quick_runs[0], "predictions")
        catalog = pd.read_csv(small_input[0], dtype=str, keep_default_na=False)
        assert sorted(predictions.Asteroid_ID) == sorted(catalog.number)
        exact = Run(quick_runs[0]).load("predictions", dict)
        for table, tolerance in (
            (exact, 1e-5),
            (predictions, len(GROUPS) * 5e-5 + 1e-9),
        ):  # rounded in the file
            assert table[[f"Prob_{group}" for group in GROUPS]].sum(axis=1).sub(1).abs().max() < tolerance
        unlabelled = set(catalog.number[catalog["class"] == ""])
        assert set(predictions.Asteroid_ID[predictions.Prediction == "plain"]) == unlabelled != set()

    def test_prospects_have_a_row_for_every_asteroid_and_the_front_page_names_the_best(self, quick_runs):
        prospects, predictions = (read_results(quick_runs[0], name) for name in ("prospects", "predictions"))
        assert sorted(prospects.Asteroid_ID) == sorted(predictions.Asteroid_ID)
        assert ((prospects.Prospect_Note == "") == prospects.Water_Rank.notna()).all()
        assert prospects.Water_Rank.dropna().is_monotonic_increasing
        page = (quick_runs[0] / "report" / "index.html").read_text(encoding="utf-8")
        best = prospects.loc[pd.to_numeric(prospects.Metal_Rank).idxmin()]
        assert "Which three would you visit, and when?" in page
        assert f"({best.Asteroid_ID})" in page
        assert len(read_results(quick_runs[0], "followup")) > 40_000

    def test_metrics_have_the_documented_shape(self, quick_runs):
        metrics = read_json(quick_runs[0] / "metrics.json")
        assert {"selected", "labels", "n_spectra", "n_asteroids", "models", "six_groups"} <= metrics.keys()
        for result in [*metrics["models"].values(), *metrics["six_groups"].values()]:
            for score in ("accuracy", "balanced_accuracy", "macro_f1"):
                assert result[score].keys() == {"mean", "sd", "low", "high"}
                assert 0 <= result[score]["low"] <= result[score]["high"] <= 1
            assert all(
                row.keys() == {"precision", "recall", "f1", "support"} for row in result["per_class"].values()
            )
        assert metrics["models"].keys() == {
            "majority",
            "logistic",
            "lda",
            "smote_network",
            "weighted_network",
            "unbalanced_network",
            "extra_trees",
            "network",
            "ensemble",
        }

    def test_the_report_is_complete_in_itself_and_tells_the_whole_story(self, quick_runs):
        folder = quick_runs[0] / "report"
        pages = {page.stem: page.read_text(encoding="utf-8") for page in folder.iterdir()}
        assert pages.keys() == {*STAGES, *TABLES, "files", "index"}
        for name, text in pages.items():
            page = without_script(text)
            assert not [word for word in ("<script", 'src="http', "@import", "<link") if word in page]
            assert "data:image/png;base64," in page or name.startswith(("03", "files", *TABLES))
            links = re.findall(r'<a[^>]* href="(?!https?://|#)([^"]*)"', page)
            places = [link.partition("#")[::2] for link in links]
            assert [file for file, _ in places if not (folder / file).is_file()] == [], (
                "every link leads somewhere"
            )
            lost = [place for file, place in places if place and f'id="{place}"' not in pages[file[:-5]]]
            assert lost == []
        story = pages["06_prospecting"]
        assert [word for word in ("enstatite", "Shoemaker", "Stuart", "entropy") if word not in story] == []
        assert '<details class="code">' in story

    def test_the_report_escapes_what_a_catalog_says(self, quick_runs):
        assert HOSTILE_NAMES[0] in read_results(quick_runs[0], "prospects").Name.tolist()
        for page in (quick_runs[0] / "report").iterdir():
            text = without_script(page.read_text(encoding="utf-8")).lower()
            assert "<script" not in text
            assert "<img src=x" not in text
        raw = (quick_runs[0] / PUBLISHED["predictions"]).read_text(encoding="utf-8")
        assert f"'{HOSTILE_NAMES[1]}" in raw
        assert f",{HOSTILE_NAMES[1]}" not in raw

    def test_every_figure_is_described(self, quick_runs):
        for page in (quick_runs[0] / "report").iterdir():
            pictures = re.findall(r"<img[^>]*>", page.read_text(encoding="utf-8"))
            texts = [re.search(r'alt="([^"]*)"', picture)[1] for picture in pictures]
            assert [text for text in texts if len(text) < 20 or "description" in text] == []

    def test_figures_lead_to_the_tables_behind_them(self, quick_runs):
        page = (quick_runs[0] / "report" / "06_prospecting.html").read_text(encoding="utf-8")
        behind = re.findall(r'<figcaption>Numbers: <a href="(\w+)\.html">', page)
        assert {"prospects", "windows", "followup"} <= set(behind)

    def test_the_same_run_gives_the_same_page(self, quick_runs):
        stage = "03_resampling"
        text = (quick_runs[0] / "report" / f"{stage}.html").read_text(encoding="utf-8")
        assert notebook_body(quick_runs[0] / "notebooks" / f"{stage}.ipynb", STAGES, TABLES) in text
        for name in (*TABLES, "files"):
            first, second = ((run / "report" / f"{name}.html").read_bytes() for run in quick_runs[:2])
            assert first == second

    def test_every_column_is_explained_and_every_explanation_is_of_a_column(self, quick_runs):
        told = pd.read_csv(quick_runs[0] / "columns.csv", keep_default_na=False)
        assert told[told.meaning == ""].empty
        for name in TABLES:
            file = PUBLISHED[name]
            table = pd.read_csv(quick_runs[0] / file, dtype=str)
            columns = table.columns.tolist()
            assert told["column"][told.file == file].tolist() == columns
            page = (quick_runs[0] / "report" / f"{name}.html").read_text(encoding="utf-8")
            shown = [column for column in columns if f">{column}</th>" in page]
            assert shown == (columns if len(table) else []), "a table without rows is said to have none"
            if name != "predictions":  # of which the preset original has others
                assert unused_entries(columns, file) == []

    def test_every_heading_of_the_report_that_has_an_entry_is_there(self, quick_runs):
        pages = [page.read_text(encoding="utf-8") for page in (quick_runs[0] / "report").iterdir()]
        headings = re.findall(r"<th[^>]* title=[^>]*>(.*?)</th>", "".join(pages).replace("\u2011", "-"))
        assert unused_entries(set(headings), "report") == []

    def test_every_key_of_the_scores_is_explained(self, quick_runs):
        keys = list(key_paths(read_json(quick_runs[0] / PUBLISHED["metrics"])))
        meanings = describe_table(keys, PUBLISHED["metrics"]).meaning
        assert meanings[meanings == ""].index.tolist() == []
        others = ("original", "original.n_test", "original.n_training")  # of that preset
        assert unused_entries([*keys, *others], PUBLISHED["metrics"]) == []

    def test_numbers_are_rounded_to_what_is_known(self, quick_runs):
        wrong = [superfluous_digits(quick_runs[0] / PUBLISHED[name]) for name in TABLES]
        assert sum(wrong, []) == []

    def test_every_page_is_readable_in_a_browser_wide_or_narrow(self, quick_runs):
        with open_browser() as visit:
            for page in sorted((quick_runs[0] / "report").iterdir()):
                wide, narrow = (visit(page.as_uri(), width) for width in (1280, 400))
                assert barriers(wide, colors=page.stem in ("index", "05_evaluation", "prospects")) == []
                for window in (wide, narrow):
                    assert hidden_width(window) == 0, page.name
                    assert unreached(window) == [], page.name
                    assert window.errors == [], page.name
                    asked = [url for url in window.requested if not url.startswith(("file:", "data:"))]
                    assert asked == [], page.name
                    window.close()

    def test_a_table_is_sorted_filtered_and_explained_in_a_browser(self, quick_runs):
        with open_browser() as visit:
            page = visit((quick_runs[0] / "report" / "prospects.html").as_uri())
            table = page.locator("table").first
            heading = table.locator("th", has_text=re.compile("^Diameter_km$"))
            heading.locator("[role=button]").click()
            column = heading.evaluate("cell => cell.cellIndex + 1")
            sizes = table.locator(f"tbody td:nth-child({column})").all_inner_texts()
            shown = [float(size) for size in sizes if size]
            assert shown == sorted(shown)
            assert len(set(shown)) > 3
            for look in (heading.hover, heading.locator("[role=button]").focus):  # by mouse, by keyboard
                page.locator("h1").click()
                look()
                assert page.get_by_role("tooltip").inner_text() == "diameter, median (km)"
                page.keyboard.press("Escape")
                assert page.get_by_role("tooltip").count() == 0
            page.get_by_label("Filter, Table: prospects.csv").press_sequentially("V-type")
            rows = table.locator("tbody tr").all_inner_texts()
            assert rows
            assert all("V-type" in row for row in rows)
            count = len(read_results(quick_runs[0], "prospects"))
            assert f"(of {count})" in page.locator(".dt-info").first.inner_text()
            assert page.evaluate("window.hacked") is None

    def test_executed_notebooks_hold_no_warnings_of_libraries(self, quick_runs):
        for path in (quick_runs[0] / "notebooks").iterdir():
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                for output in cell.get("outputs", []):
                    assert output.get("name") != "stderr", (path.name, output["text"])


@pytest.fixture(scope="module")
def original_run(small_input, tmp_path_factory):
    folder = tmp_path_factory.mktemp("original")
    arguments = ["--catalog", small_input[0], "--spectra", small_input[1], "--preset", "original"]
    result = nea_prospect("run", *arguments, "--set", "epochs=3", "--out", "run", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / "run", result


@pytest.mark.slow
class TestTheOriginalAnalysis:
    PUBLISHES = ("rejects", "predictions", "metrics", "keras_model", "scaler")

    def test_it_has_its_own_stages_and_files(self, original_run):
        record = read_json(original_run[0] / RECORD)
        assert list(record["stages"]) == ["01_loading", "02_features", "05a_original"]
        assert {PUBLISHED[name] for name in self.PUBLISHES} <= record["outputs"].keys()
        assert PUBLISHED["model"] not in record["outputs"]
        assert not list((original_run[0] / "stages" / "05a_original").glob("*.log"))

    def test_it_is_verified(self, original_run):
        result = nea_prospect("verify", original_run[0], cwd=original_run[0])
        assert result.returncode == 0
        assert "made with other versions" not in result.stdout

    def test_its_closing_lines_name_the_scores(self, original_run):
        assert "test asteroids of one split, six groups; documented: 0.73 and 0.56" in original_run[1].stdout
        assert "Report: " in original_run[1].stdout

    def test_its_predictions_are_those_of_the_test_part(self, original_run):
        predictions = pd.read_csv(original_run[0] / PUBLISHED["predictions"])
        metrics = read_json(original_run[0] / "metrics.json")["original"]
        assert len(predictions) == metrics["n_test"] == predictions.Asteroid_ID.nunique()
        sums = predictions[[f"Prob_{group}" for group in GROUPS]].sum(axis=1)
        assert sums.sub(1).abs().max() < len(GROUPS) * 5e-5 + 1e-9  # rounded
        right = predictions.Original_Taxonomy == predictions.Predicted_Taxonomy
        assert right.mean() == pytest.approx(metrics["accuracy"])

    def test_its_files_give_its_predictions_without_this_project(self, original_run, tmp_path):
        predictions = pd.read_csv(original_run[0] / PUBLISHED["predictions"])
        found = run_recipe(original_run[0], tmp_path / "found.npy")[predictions.Row]
        columns = [f"Prob_{group}" for group in GROUPS]
        np.testing.assert_allclose(found, predictions[columns], atol=1e-4)

    def test_its_front_page_shows_both_tables(self, original_run):
        page = (original_run[0] / "report" / "index.html").read_text(encoding="utf-8")
        assert "documented precision" in page
        assert "One such split means little" in page
        assert "Which ten would you visit" not in page

    def test_every_column_and_score_is_explained(self, original_run):
        told = pd.read_csv(original_run[0] / "columns.csv", keep_default_na=False)
        assert set(told.file) == {PUBLISHED[name] for name in ("rejects", "predictions", "metrics")}
        assert told[told.meaning == ""].empty
        keys = list(key_paths(read_json(original_run[0] / PUBLISHED["metrics"])))
        meanings = describe_table(keys, PUBLISHED["metrics"]).meaning
        assert meanings[meanings == ""].index.tolist() == []
        assert superfluous_digits(original_run[0] / PUBLISHED["predictions"]) == []

    def test_it_is_not_resumed_when_complete_and_predict_says_what_is_missing(self, original_run):
        resumed = nea_prospect("run", "--resume", original_run[0], cwd=original_run[0])
        assert "is complete; nothing to resume" in resumed.stderr
        predicted = nea_prospect("predict", "x.txt", "--run", original_run[0], cwd=original_run[0])
        assert predicted.returncode == 1
        assert "leaves no classifier to predict with" in predicted.stderr
        assert predicted.stderr.count("\n") == 1

    def test_it_goes_on_where_it_was_stopped(self, original_run, small_input):
        out = original_run[0].parent / "stopped"
        arguments = ["--catalog", small_input[0], "--spectra", small_input[1], "--preset", "original"]
        command = [COMMAND, "run", *map(str, arguments), "--set", "epochs=3", "--out", out]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while not (out / "stages" / "02_features").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
        process.wait()
        resumed = nea_prospect("run", "--resume", out, cwd=out.parent)
        assert resumed.returncode == 0, resumed.stderr
        assert "02_features: done before" in resumed.stderr
        first, second = (without_times(read_json(run / RECORD)["outputs"]) for run in (original_run[0], out))
        assert first == second

    def test_few_asteroids_are_told_in_one_line(self, small_input, tmp_path):
        catalog = pd.read_csv(small_input[0], dtype=str, keep_default_na=False)
        catalog.head(20).to_csv(tmp_path / "few.csv", index=False)
        arguments = ["--catalog", "few.csv", "--spectra", small_input[1], "--preset", "original"]
        result = nea_prospect("run", *arguments, "--out", "run", cwd=tmp_path)
        assert result.returncode == 1
        assert "the split needs at least 30 numbered asteroids" in result.stderr.splitlines()[-1]
