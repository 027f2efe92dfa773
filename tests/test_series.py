"""The runner: parameters that are checked, failures that are told, folders that are never mistaken."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import typer
from conftest import HOSTILE_NAMES, SOAK

from nea_prospect import series
from nea_prospect.core import GROUPS
from nea_prospect.files import read_json, sha256, write_json
from nea_prospect.loading import bundled
from nea_prospect.series import (
    RunError,
    claim_folder,
    collect_parameters,
    hold_folder,
    parse_settings,
    read_preset,
    resume_series,
    run_series,
    verify_run,
)

COMMAND = Path(sys.executable).with_name("nea-prospect")


def nea_prospect(*arguments, cwd, **environment):
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=500,
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--preset", "slow"], "unknown preset 'slow'; there are default, full, quick"),
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
        (["--out", "full"], "already holds something else"),
        (["--out", "full", "--replace"], "already holds something else"),
        (["--out", "old run"], "already holds a run"),
        (["--out", "file"], "already holds something else"),
    ],
)
def test_wrong_use_gets_one_line_and_changes_nothing(tmp_path, monkeypatch, capfd, arguments, message):
    (tmp_path / "good.csv").write_text("number,class\n1,C\n")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    (tmp_path / "s.zip").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    (tmp_path / "old run").mkdir()
    (tmp_path / "old run" / "run.json").write_text("{}")
    (tmp_path / "file").write_text("precious")
    before = sha256(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["nea-prospect", "run", *([] if "--out" in arguments else ["--out", "new"]), *arguments]
    )
    with pytest.raises(SystemExit) as end:
        series.main()
    printed, told = capfd.readouterr()
    assert end.value.code == 1 and printed == "" and message in told and told.count("\n") == 1
    assert sha256(tmp_path) == before and not (tmp_path / "new").exists()


def test_unmatched_spectra_and_unreadable_archives_are_told_by_the_stage(tmp_path, small_input):
    (tmp_path / "c.csv").write_text("number,class\n99999999,C\n")
    result = nea_prospect(
        "run", "--catalog", "c.csv", "--spectra", small_input[1], "--out", "new", cwd=tmp_path
    )
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert (
        "notebook 01_loading failed in cell" in result.stderr.splitlines()[-1]
        and "belongs to one of the 1 rows" in result.stderr
    )
    assert not (tmp_path / "new").exists()
    assert read_json(tmp_path / "new.unfinished" / "run.json")["status"] == "failed"
    (tmp_path / "s.zip").write_bytes(b"no zip at all")
    result = nea_prospect("run", "--catalog", "c.csv", "--spectra", "s.zip", "--out", "new", cwd=tmp_path)
    assert "neither a zip, a tar nor a folder" in result.stderr.splitlines()[-1]


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
    for name in ("quick", "default", "full"):
        parameters = collect_parameters(
            read_preset(name), {"seed": 3}, {"run_dir": "r", "catalog": "", "spectra": ""}
        )
        assert list(parameters) == list(series.STAGES)
        assert parameters["04_modeling"]["seed"] == parameters["03_resampling"]["seed"] == 3
        assert parameters["05_evaluation"]["selected"] == "ensemble"
    with pytest.raises(RunError, match="preset sets 'epoch', which notebook 04_modeling does not declare"):
        collect_parameters({"04_modeling": {"epoch": 1}}, {}, {})


def make_stage(folder, stage, *code):
    cells = [
        nbformat.v4.new_markdown_cell(f"# {stage}\n> Test."),
        nbformat.v4.new_markdown_cell("## Run"),
        nbformat.v4.new_code_cell('run_dir: str = ""\nnote: str = ""', metadata={"tags": ["parameters"]}),
        *(nbformat.v4.new_code_cell(text) for text in code),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / f"{stage}.ipynb")


@pytest.fixture
def short_series(tmp_path, monkeypatch):
    """A series of two notebooks, in a folder whose name has braces; the second is written by the test."""
    folder = tmp_path / "n{b}s"
    (folder / "presets").mkdir(parents=True)
    (folder / "presets" / "quick.yaml").write_text("common: {}\n")
    make_stage(folder, "01_loading", "1 + 1")
    monkeypatch.setattr(series, "notebooks_dir", lambda: folder)
    monkeypatch.setattr(series, "STAGES", ("01_loading", "02_features"))
    monkeypatch.setattr(
        series, "DECLARED_FILES", ("notebooks/01_loading.ipynb", "notebooks/02_features.ipynb", "result.txt")
    )
    monkeypatch.setattr(series, "make_report", lambda *_: None)
    return folder


WRITE_RESULT = "open(run_dir + '/result.txt', 'w').write('done')"


@pytest.mark.parametrize(
    "code, limit, message",
    [
        ("1 / 0", 60, "notebook 02_features failed in cell 3: ZeroDivisionError: division by zero"),
        ("raise ValueError('first\\nsecond')", 60, "ValueError: first (partial"),
        ("import time; time.sleep(60)", 4, "a cell was still running at the time limit"),
        ("import os; os._exit(1)", 60, "DeadKernelError"),
        ("2 + 2", 60, "every stage returned, but result.txt was not written"),
    ],
)
def test_a_failing_stage_is_named_and_leaves_no_finished_run(short_series, tmp_path, code, limit, message):
    make_stage(short_series, "02_features", code)
    with pytest.raises(RunError) as error:
        run_series(tmp_path / "run", preset="quick", time_limit=limit + 6)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()
    unfinished = tmp_path / "run.unfinished"
    record = read_json(unfinished / "run.json")
    assert record["status"] == "failed" and record["reason"] == str(error.value)
    if "result.txt" not in message:
        assert sorted(path.name for path in (unfinished / "notebooks").glob("*.ipynb")) == [
            "01_loading.ipynb",
            "02_features.failed.ipynb",
        ]


def test_parameters_reach_a_notebook_as_values_and_never_as_code(short_series, tmp_path):
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
    make_stage(
        short_series,
        "02_features",
        f"import json\njson.dump([{', '.join(names)}], open(run_dir + '/result.txt', 'w'))",
    )
    node = nbformat.read(short_series / "02_features.ipynb", as_version=4)
    node.cells[2].source += "".join(f'\n{name}: str = ""' for name in names)
    nbformat.write(node, short_series / "02_features.ipynb")
    out = run_series(tmp_path / "run", preset="quick", settings=dict(zip(names, notes)))
    assert read_json(out / "result.txt") == notes and not list(tmp_path.rglob("planted"))


def test_what_was_done_makes_way_only_when_asked(short_series, tmp_path):
    make_stage(short_series, "01_loading", "1 / 0")
    make_stage(short_series, "02_features", "1 / 0")
    with pytest.raises(RunError):
        run_series(tmp_path / "run", preset="quick")
    make_stage(short_series, "01_loading", "1 + 1")
    with pytest.raises(RunError, match="02_features failed"):
        run_series(tmp_path / "run", preset="quick")  # nothing was done, so nothing is lost
    with pytest.raises(
        RunError, match="keeps the first 1 of 2 stages; --resume .* goes on with it, --replace starts again"
    ):
        run_series(tmp_path / "run", preset="quick")
    make_stage(short_series, "02_features", WRITE_RESULT)
    run_series(tmp_path / "run", preset="quick", replace=True)
    record = read_json(tmp_path / "run" / "run.json")
    assert record["status"] == "complete" and record["outputs"]["result.txt"] == sha256(
        tmp_path / "run" / "result.txt"
    )
    assert record["inputs"]["catalog"]["sha256"] == sha256(bundled()[0])
    assert not list(tmp_path.glob("run.*"))
    with pytest.raises(RunError, match="already holds a run"):
        run_series(tmp_path / "run", preset="quick")
    make_stage(short_series, "02_features", "1 / 0")
    with pytest.raises(RunError, match="ZeroDivision"):
        run_series(tmp_path / "run", preset="quick", replace=True)
    assert read_json(tmp_path / "run" / "run.json")["status"] == "complete", (
        "the old run stays until the new one is complete"
    )
    make_stage(short_series, "02_features", WRITE_RESULT)
    run_series(tmp_path / "run", preset="quick", replace=True)
    assert not list(tmp_path.glob("run.*"))


def test_a_run_that_is_replaced_is_kept_where_somebody_worked_in_it(short_series, tmp_path, capfd):
    make_stage(short_series, "02_features", WRITE_RESULT)
    out = run_series(tmp_path / "run", preset="quick")
    (tmp_path / "run.old").mkdir()
    (tmp_path / "run.old" / "mine.txt").write_text("precious")
    (out / "notes.txt").write_text("precious")
    run_series(out, preset="quick", replace=True)
    (kept,) = tmp_path.glob("run.replaced.*")
    assert (kept / "notes.txt").read_text() == "precious" and f"kept in {kept}" in capfd.readouterr().err
    assert (
        verify_run(out) == ("complete", []) and (tmp_path / "run.old" / "mine.txt").read_text() == "precious"
    )


def test_an_interrupted_run_says_so(short_series, tmp_path, monkeypatch):
    make_stage(short_series, "02_features", WRITE_RESULT)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(series, "make_report", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_series(tmp_path / "run", preset="quick")
    assert (
        read_json(tmp_path / "run.unfinished" / "run.json")["reason"] == "interrupted"
        and not (tmp_path / "run").exists()
    )


def fail_once(short_series, tmp_path, **options):
    """A run whose second stage fails for want of a file, which is there afterwards."""
    make_stage(
        short_series,
        "01_loading",
        "import os, time; open(run_dir + '/first.txt', 'w').write(str(time.time_ns()))",
    )
    make_stage(
        short_series,
        "02_features",
        "open(run_dir + '/result.txt', 'w').write('half')\nopen(run_dir + '/../go')\n" + WRITE_RESULT,
    )
    with pytest.raises(RunError, match="FileNotFoundError"):
        run_series(tmp_path / "run", preset="quick", **options)
    (tmp_path / "go").touch()
    return (tmp_path / "run.unfinished" / "first.txt").read_text()


def test_a_resumed_run_keeps_complete_stages_and_repeats_the_others(short_series, tmp_path):
    first = fail_once(short_series, tmp_path)
    assert (
        verify_run(tmp_path / "run")[0] == "unfinished"
        and "FileNotFoundError" in verify_run(tmp_path / "run")[1][0]
    )
    out = resume_series(tmp_path / "run.unfinished")
    assert (
        out == tmp_path / "run"
        and (out / "first.txt").read_text() == first
        and (out / "result.txt").read_text() == "done"
    )
    record = read_json(out / "run.json")
    assert (
        record["status"] == "complete"
        and set(record["stages"]) == {"01_loading", "02_features"}
        and "reason" not in record
    )
    assert sorted(record["outputs"]) == [
        "first.txt",
        "notebooks/01_loading.ipynb",
        "notebooks/02_features.ipynb",
        "result.txt",
    ]
    assert verify_run(out) == ("complete", []) and not list(tmp_path.glob("run.*"))
    with pytest.raises(RunError, match="nothing to resume"):
        resume_series(out)


def test_a_stage_whose_files_were_changed_runs_again(short_series, tmp_path):
    first = fail_once(short_series, tmp_path)
    (tmp_path / "run.unfinished" / "first.txt").write_text("changed")
    out = resume_series(tmp_path / "run")
    assert (out / "first.txt").read_text() not in ("changed", first) and verify_run(out) == ("complete", [])


def test_a_run_that_replaces_another_is_resumed_like_any(short_series, tmp_path):
    make_stage(short_series, "02_features", WRITE_RESULT)
    out = run_series(tmp_path / "run", preset="quick")
    first = fail_once(short_series, tmp_path, replace=True)
    result = subprocess.run([COMMAND, "verify", out], capture_output=True, text=True)
    assert (
        "run: complete" in result.stdout
        and "beside it: " in result.stdout
        and "FileNotFoundError" in result.stdout
    )
    assert (
        (resume_series(out) / "first.txt").read_text() == first
        and verify_run(out) == ("complete", [])
        and not list(tmp_path.glob("run.*"))
    )


def test_a_run_that_is_complete_but_for_its_name_only_gets_it(short_series, tmp_path, monkeypatch):
    make_stage(short_series, "02_features", WRITE_RESULT)
    with monkeypatch.context() as patch:
        patch.setattr(series, "finish_folder", lambda *_: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            run_series(tmp_path / "run", preset="quick")
    record = tmp_path / "run.unfinished" / "run.json"
    write_json(record, read_json(record) | {"status": "complete"})  # as kill -9 would have left it
    assert verify_run(tmp_path / "run")[0] == "unfinished"
    monkeypatch.setattr(series, "run_stage", None)
    assert verify_run(resume_series(tmp_path / "run")) == ("complete", [])


def test_a_run_is_not_resumed_with_other_inputs_code_or_versions(short_series, tmp_path):
    (tmp_path / "other.csv").write_text("number,class\n1,C\n")
    make_stage(short_series, "01_loading", "1 + 1")
    node = nbformat.read(short_series / "01_loading.ipynb", as_version=4)
    node.cells[2].source += '\nresources: str = ""'
    nbformat.write(node, short_series / "01_loading.ipynb")
    make_stage(short_series, "02_features", "1 / 0")
    with pytest.raises(RunError, match="ZeroDivision"):
        run_series(tmp_path / "run", preset="quick", settings={"resources": str(tmp_path / "other.csv")})
    record = read_json(tmp_path / "run.unfinished" / "run.json")
    make_stage(short_series, "02_features", WRITE_RESULT)
    with pytest.raises(RunError, match="versions .* were others \\(nea_prospect\\)"):
        resume_series(tmp_path / "run")
    make_stage(short_series, "02_features", "1 / 0")
    (tmp_path / "other.csv").write_text("number,class\n2,C\n")
    with pytest.raises(RunError, match="inputs .* were others \\(resources\\)"):
        resume_series(tmp_path / "run")
    (tmp_path / "other.csv").write_text("number,class\n1,C\n")
    for change, message in (
        ({"versions": record["versions"] | {"numpy": "0.1"}}, "versions .* were others \\(numpy\\)"),
        (
            {"inputs": record["inputs"] | {"catalog": {"name": "catalog.csv", "sha256": "0"}}},
            "inputs .* were others \\(catalog\\)",
        ),
        ({"parameters": []}, "nothing that can be resumed"),
        ({"stages": {"01_loading": 1}}, "nothing that can be resumed"),
    ):
        write_json(tmp_path / "run.unfinished" / "run.json", record | change)
        with pytest.raises(RunError, match=message):
            resume_series(tmp_path / "run")
    with pytest.raises(RunError, match="there is no .*never.unfinished to resume"):
        resume_series(tmp_path / "never")


def test_verify_names_what_was_changed_is_missing_or_was_added(short_series, tmp_path):
    make_stage(short_series, "02_features", WRITE_RESULT)
    out = run_series(tmp_path / "run", preset="quick")
    assert verify_run(out) == ("complete", [])
    record = read_json(out / "run.json")
    write_json(out / "run.json", record | {"versions": record["versions"] | {"numpy": "0.1"}})
    result = subprocess.run([COMMAND, "verify", out], capture_output=True, text=True)
    assert (
        result.returncode == 0
        and "made with other versions: " in result.stdout
        and "numpy 0.1 (here" in result.stdout
    )
    write_json(out / "run.json", record)
    (out / "result.txt").write_text("other")
    (out / "notebooks" / "01_loading.ipynb").unlink()
    (out / "new.txt").write_text("")
    assert verify_run(out) == (
        "complete",
        ["changed: result.txt", "missing: notebooks/01_loading.ipynb", "added: new.txt"],
    )
    assert verify_run(tmp_path / "never")[0] == "absent"
    (out / "run.json").write_text("[1]")
    assert verify_run(out)[0] == "unfinished"
    result = subprocess.run([COMMAND, "verify", out], capture_output=True, text=True)
    assert result.returncode == 1 and "unfinished" in result.stdout and not result.stderr


STAND_IN = [
    sys.executable,
    "-c",
    """
import sys, time
from nea_prospect import series
from nea_prospect.files import write_bytes

def stage(name, parameters, run_dir, time_limit):
    for number in range(4):
        write_bytes(run_dir / "stages" / f"{name[3:]}.{'abcd'[number]}.csv", name.encode() * 50_000)
        time.sleep(float(sys.argv[3]))

series.STAGES = ("01_loading", "02_features", "03_resampling")
series.DECLARED_FILES = ("stages/resampling.d.csv",)
series.run_stage, series.make_report = stage, lambda *_: None
series.collect_parameters = lambda preset, settings, inputs: {name: dict(inputs) for name in series.STAGES}
series.declared_parameters = lambda stage: dict.fromkeys(("run_dir", "catalog", "spectra"), "")
try:
    (series.resume_series(sys.argv[1]) if sys.argv[2] == "resume" else series.run_series(sys.argv[1], preset="quick"))
except series.RunError as error:
    sys.exit(str(error))
""",
]  # then the folder, run or resume, and how many seconds to rest after each of twelve files


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_is_absent_unfinished_or_complete_and_can_be_resumed(tmp_path):
    """Stages are stand-ins that write files; what is tested is the folder, its record and the way back."""
    start = time.monotonic()
    subprocess.run(
        [*STAND_IN, tmp_path / "whole", "run", "0.03"], check=True, capture_output=True, timeout=120
    )
    lasted, whole = time.monotonic() - start, read_json(tmp_path / "whole" / "run.json")["outputs"]
    moments = np.random.default_rng(0).uniform(0.2 * lasted, 1.1 * lasted, 20 * SOAK)
    seen = set()
    for number, moment in enumerate(sorted(moments)):
        out = tmp_path / f"run {number}"
        process = subprocess.Popen(
            [*STAND_IN, out, "run", "0.03"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        status, problems = verify_run(out)
        seen.add(status)
        assert (status == "complete") == out.exists() == (not problems), (moment, status, problems)
        if status == "unfinished" and "holds no record" not in problems[0]:
            assert "is gone" in problems[0]
            subprocess.run([*STAND_IN, out, "resume", "0"], check=True, capture_output=True, timeout=120)
        elif status != "complete":
            subprocess.run([*STAND_IN, out, "run", "0.03"], check=True, capture_output=True, timeout=120)
        assert verify_run(out) == ("complete", [])
        assert read_json(out / "run.json")["outputs"] == whole
        shutil.rmtree(out)
    assert "unfinished" in seen and len(seen) > 1


@pytest.fixture
def disk(tmp_path):
    """A function that runs a shell script with a disk of 3 MB mounted at ``disk``, in a name space of its own."""

    def run(script):
        (tmp_path / "disk").mkdir(exist_ok=True)
        script = f"exec 2>&1; mount -t tmpfs -o size=3m none disk && cd disk || exit 99\n{script}"
        result = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", script, "bash", *STAND_IN],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            env=os.environ | {"PATH": f"{COMMAND.parent}:{os.environ['PATH']}"},
        )
        if result.returncode == 99 or "unshare failed" in result.stderr:
            pytest.skip("this machine lets nobody mount a disk")
        return result.stdout

    if not shutil.which("unshare"):
        pytest.skip("this machine has no unshare")
    return run


def test_on_a_disk_that_is_full_a_run_stops_with_one_line_and_is_resumed_when_there_is_room(
    disk, tmp_path, spectrum_text
):
    (tmp_path / "one.txt").write_bytes(spectrum_text())
    ran, verified, predicted, left, resumed, after = disk("""
        "$@" run run 0; echo "code $?"
        nea-prospect verify run; echo "code $?"
        cat /dev/zero > filler 2>/dev/null; nea-prospect predict ../one.txt --run bundled --out table.csv; echo "code $?"
        ls -A; rm filler; echo "code 0"
        mount -o remount,size=100m . && "$@" run resume 0; "$@" run resume 0; echo "code $?"
        nea-prospect verify run; cp run/run.json ..""").split("code ")
    assert (
        "No space left on device" in (line := ran.splitlines()[-1])
        and f"nea-prospect run --resume {tmp_path / 'disk' / 'run'}" in line
        and "Traceback" not in ran
    ), ran
    assert (
        verified.startswith("1") and "run: unfinished" in verified and "No space left on device" in verified
    ), verified
    assert (
        predicted.splitlines()[-1] == "nea-prospect: [Errno 28] No space left on device"
        and "Traceback" not in predicted
    ), predicted
    assert left.split() == ["1", "filler", "run.unfinished"]
    assert (
        "01_loading: done before" in resumed
        and "is there already; nothing to resume" in resumed
        and "Traceback" not in resumed
    ), resumed
    assert "run: complete, every file as the run left it" in after, after
    subprocess.run([*STAND_IN, tmp_path / "whole", "run", "0"], check=True, timeout=120)
    assert (
        read_json(tmp_path / "run.json")["outputs"] == read_json(tmp_path / "whole" / "run.json")["outputs"]
    )


def test_a_folder_that_may_not_be_written_is_told(disk):
    told = disk("""
        mkdir kept && mount -o remount,ro . && cd kept
        nea-prospect run --out run; nea-prospect run --resume run; nea-prospect benchmark --out run; nea-prospect verify run""").splitlines()
    assert (
        len(told) == 5
        and "cannot make" in told[0]
        and "Read-only file system" in told[0]
        and "there is no" in told[1]
        and "Read-only file system" in told[2]
    ), told
    assert told[3] == "run: absent" and told[4].startswith("  there is no /")


def test_a_full_disk_is_told_and_what_was_done_is_kept(short_series, tmp_path, monkeypatch):
    make_stage(short_series, "02_features", WRITE_RESULT)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(series, "make_report", full)
        with pytest.raises(RunError, match="No space left on device.*--resume"):
            run_series(tmp_path / "run", preset="quick")
    assert verify_run(tmp_path / "run")[0] == "unfinished" and verify_run(
        resume_series(tmp_path / "run")
    ) == ("complete", [])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", full)
        with pytest.raises(RunError, match="cannot make .*No space left"):
            run_series(tmp_path / "other", preset="quick")


def test_a_folder_in_which_a_living_process_works_is_left_alone(tmp_path):
    unfinished, process = (
        tmp_path / "run.unfinished",
        subprocess.Popen([*STAND_IN, tmp_path / "run", "run", "60"], stderr=subprocess.DEVNULL),
    )
    while not (unfinished / "stages" / "loading.a.csv").exists():
        assert process.poll() is None
        time.sleep(0.05)
    before = sha256(unfinished / "run.json")
    for attempt in (
        lambda: run_series(tmp_path / "run", preset="quick", replace=True),
        lambda: resume_series(tmp_path / "run"),
    ):
        with pytest.raises(RunError, match=f"process {process.pid} is making a run in"):
            attempt()
    assert verify_run(tmp_path / "run") == (
        "unfinished",
        [f"process {process.pid} is making a run in {unfinished}"],
    )
    assert sha256(unfinished / "run.json") == before
    process.kill()
    process.wait()
    assert verify_run(tmp_path / "run") == ("unfinished", [f"{unfinished}: process {process.pid} is gone"])
    write_json(
        unfinished / "run.json", read_json(unfinished / "run.json") | {"process": os.getppid()}
    )  # the number went to another process
    with claim_folder(tmp_path / "run", False) as claimed:
        assert claimed == unfinished and not any(unfinished.iterdir())


def test_ctrl_c_is_repeated_until_it_is_heard():
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), series._insistent_interrupt():
        with contextlib.suppress(KeyboardInterrupt):  # as a library may
            signal.raise_signal(signal.SIGINT)
        time.sleep(60)
    assert time.monotonic() - start < 30 and signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    "out, message",
    [
        ("/", "cannot be a run folder"),
        ("x.unfinished", "names that end in .unfinished"),
        ("spectra/run", "inside the folder of spectra"),
    ],
)
def test_places_that_cannot_be_a_run_folder_are_refused_before_anything_is_done(
    tmp_path, monkeypatch, out, message
):
    (tmp_path / "c.csv").write_text("number,class\n1,C\n")
    (tmp_path / "spectra").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=message):
        run_series(out, "c.csv", "spectra")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["c.csv", "spectra"]


def test_a_link_leads_to_the_run_folder(short_series, tmp_path):
    make_stage(short_series, "02_features", WRITE_RESULT)
    (tmp_path / "link").symlink_to(tmp_path / "run")
    assert run_series(tmp_path / "link", preset="quick") == tmp_path / "run" and verify_run(
        tmp_path / "link"
    ) == ("complete", [])


def test_a_record_is_not_believed(short_series, tmp_path, capfd):
    fail_once(short_series, tmp_path)
    place = tmp_path / "run.unfinished" / "run.json"
    record = read_json(place)
    for stage in record["parameters"]:
        record["parameters"][stage] |= {"open('planted', 'w'); x": 1}
    endless = record | {
        "parameters": {stage: {"run_dir": "", "catalog": "/dev/zero"} for stage in record["parameters"]}
    }
    for change in (
        record,
        endless,
        record | {"stages": []},
        record | {"parameters": {}},
        record | {"started": None, "stages": {"01_loading": {}}},
        [],
        5,
    ):
        write_json(place, change)
        with pytest.raises(RunError):
            resume_series(tmp_path / "run")
    assert not list(tmp_path.rglob("planted")) and not list(short_series.rglob("planted"))
    for versions in ([], None, {"numpy": "\x1b[2J"}):
        write_json(place, {"status": "complete", "outputs": {"first.txt": ""}, "versions": versions})
        (tmp_path / "run").mkdir()
        shutil.copy(place, tmp_path / "run")
        with contextlib.suppress(typer.Exit):
            series.verify_command(str(tmp_path / "run"))
        assert "\x1b" not in capfd.readouterr().out
        shutil.rmtree(tmp_path / "run")
    write_json(place, {"status": "complete", "outputs": {}})
    place.parent.rename(tmp_path / "run")
    assert verify_run(tmp_path / "run")[0] == "unfinished"


def test_files_of_a_user_stay_where_a_run_goes_on_and_are_named_where_they_are_in_the_way(
    short_series, tmp_path
):
    fail_once(short_series, tmp_path)
    unfinished = tmp_path / "run.unfinished"
    (unfinished / "stages").mkdir()
    for name in ("notes.txt", "stages/My own.xlsx"):
        (unfinished / name).write_text("precious")
    (unfinished / "stages" / "answers.npz").write_text("left by a stage")
    with pytest.raises(RunError, match="holds files that no run wrote"):
        run_series(tmp_path / "run", preset="quick", replace=True)
    out = resume_series(tmp_path / "run")
    assert (out / "notes.txt").read_text() == (
        out / "stages" / "My own.xlsx"
    ).read_text() == "precious" and not (out / "stages" / "answers.npz").exists()
    (out / "link").symlink_to("nowhere")
    assert verify_run(out) == ("complete", ["added: link"])


def test_what_is_no_run_is_never_cleared_away(tmp_path):
    unfinished = tmp_path / "run.unfinished"
    unfinished.mkdir()
    (unfinished / "mine.txt").write_text("precious")
    with pytest.raises(RunError, match="holds no record of a run"), claim_folder(tmp_path / "run", True):
        pass
    (unfinished / "mine.txt").rename(
        unfinished / ".run.json.1a2b3c4d"
    )  # what is left of a record that was being written
    with claim_folder(tmp_path / "run", False), hold_folder(tmp_path):
        assert not any(unfinished.iterdir())
        with (
            pytest.raises(RunError, match="another process is making a run"),
            claim_folder(tmp_path / "run", False),
        ):
            pass


def written_since(moment, path):
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime > moment
    return False


def stop_and_resume(out, arguments, delays, environment):
    """Make a run that is stopped so many seconds after each stage began, by kill -9 and Ctrl-C in turn, and goes on each time; tell what was found then."""
    found, notebooks = [], out.with_name(f"{out.name}.unfinished") / "notebooks"
    for number, delay in enumerate([*delays, None]):
        begun, how = (
            time.time(),
            ["--resume", out] if found and found[-1][0] == "unfinished" else [*arguments, "--out", out],
        )
        process = subprocess.Popen(
            [COMMAND, "run", *map(str, how)],
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        later = series.STAGES[number * len(series.STAGES) // len(delays) :] if delay is not None else ()
        while (
            later
            and process.poll() is None
            and not any(written_since(begun, notebooks / f"{stage}.log") for stage in later)
        ):
            time.sleep(0.05)
        try:
            _, told = process.communicate(timeout=delay)
            assert process.returncode == 0, told
            break
        except subprocess.TimeoutExpired:
            process.send_signal((signal.SIGKILL, signal.SIGINT)[number % 2])
            _, told = process.communicate(timeout=60)
            found.append((*verify_run(out), process.returncode, told))
    return found


@pytest.fixture(scope="module")
def quick_runs(small_input, tmp_path_factory):
    """The quick preset twice: in one go, and stopped again and again; with one and with two processes, in other time zones and locales, in a folder with a space and an accent."""
    folder = tmp_path_factory.mktemp("sortie d'été")
    arguments = [
        "--catalog",
        small_input[0],
        "--spectra",
        small_input[1],
        "--preset",
        "quick",
        "--set",
        "auxiliary=none",
    ]
    result = nea_prospect("run", *arguments, "--out", "run 1", "--set", "workers=1", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "Report: " in result.stdout and "[6/6] 06_prospecting: done" in result.stderr
    delays = np.random.default_rng(SOAK).uniform(0, 5, len(series.STAGES) * SOAK)
    found = stop_and_resume(
        folder / "run 2",
        [*arguments, "--set", "workers=2"],
        delays,
        {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8"},
    )
    return folder / "run 1", folder / "run 2", found


@pytest.mark.slow
class TestARealRun:
    def test_every_declared_file_is_there_and_recorded(self, quick_runs):
        record = read_json(quick_runs[0] / "run.json")
        assert record["status"] == "complete" and list(record["stages"]) == list(series.STAGES)
        for name in series.DECLARED_FILES:
            assert record["outputs"][name] == sha256(quick_runs[0] / name)
        assert not list(quick_runs[0].glob("*.log")) and not list(quick_runs[0].glob("notebooks/*.log"))

    def test_the_same_seed_gives_the_same_bytes(self, quick_runs):
        """In one go or stopped and resumed, with one process or two, here or there: all but the notebooks, their pages and the record, which tell times and paths."""
        first, second = (read_json(run / "run.json")["outputs"] for run in quick_runs[:2])
        assert first.keys() == second.keys()
        same = [name for name in first if not name.startswith(("notebooks/", "report/"))]
        assert {
            "nea_classification_predictions.csv",
            "metrics.json",
            "prospects.csv",
            "followup.csv",
            "stages/answers.npz",
            "model/model.npz",
            "figures/05_scores.png",
            "resource_value_model.keras",
        } <= set(same)
        assert [name for name in same if first[name] != second[name]] == []

    def test_a_run_that_is_stopped_at_any_moment_says_so_and_goes_on(self, quick_runs):
        out, found = quick_runs[1:]
        assert verify_run(out) == ("complete", []) and len(found) >= 4 * SOAK
        for number, (status, problems, code, told) in enumerate(found):
            assert "Traceback" not in told and status in ("unfinished", "absent"), told
            if status == "unfinished":
                assert ("is gone", "interrupted")[number % 2] in problems[0], (number, problems)
            if number % 2:
                assert code == 130 and "nea-prospect: interrupted" in told.splitlines()[-1], told
        assert "done before" in found[-1][3]

    def test_predictions_cover_every_asteroid(self, quick_runs, small_input):
        predictions = pd.read_csv(
            quick_runs[0] / "nea_classification_predictions.csv", dtype={"Asteroid_ID": str}
        )
        catalog = pd.read_csv(small_input[0], dtype=str, keep_default_na=False)
        assert sorted(predictions.Asteroid_ID) == sorted(catalog.number)
        assert predictions[[f"Prob_{group}" for group in GROUPS]].sum(axis=1).sub(1).abs().max() < 1e-5
        unlabelled = catalog.number[catalog["class"] == ""]
        assert set(predictions.Asteroid_ID[predictions.Prediction == "plain"]) == set(unlabelled) != set()

    def test_prospects_have_a_row_for_every_asteroid_and_the_front_page_names_the_best(self, quick_runs):
        prospects = pd.read_csv(quick_runs[0] / "prospects.csv", dtype={"Asteroid_ID": str})
        predictions = pd.read_csv(
            quick_runs[0] / "nea_classification_predictions.csv", dtype={"Asteroid_ID": str}
        )
        assert sorted(prospects.Asteroid_ID) == sorted(predictions.Asteroid_ID)
        assert (
            prospects.Prospect_Note.isna() == prospects.Water_Rank.notna()
        ).all() and prospects.Water_Rank.dropna().is_monotonic_increasing
        page = (quick_runs[0] / "report" / "index.html").read_text(encoding="utf-8")
        best = prospects.sort_values("Metal_Rank").iloc[0]
        assert "Which ten would you visit?" in page and f"({best.Asteroid_ID})" in page
        assert len(pd.read_csv(quick_runs[0] / "followup.csv", usecols=["Asteroid_ID"])) > 40_000

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
            "extra_trees",
            "network",
            "ensemble",
        }

    def test_the_report_is_complete_in_itself(self, quick_runs):
        pages = sorted((quick_runs[0] / "report").iterdir())
        assert [page.name for page in pages] == [*(f"{stage}.html" for stage in series.STAGES), "index.html"]
        for page in pages:
            text = page.read_text(encoding="utf-8")
            assert (
                "<script" not in text
                and 'src="http' not in text
                and "@import" not in text
                and "<link" not in text
            )
            assert "data:image/png;base64," in text

    def test_the_report_escapes_what_a_catalog_says(self, quick_runs):
        assert HOSTILE_NAMES[0] in pd.read_csv(quick_runs[0] / "prospects.csv").Name.tolist()
        for page in (quick_runs[0] / "report").iterdir():
            text = page.read_text(encoding="utf-8").lower()
            assert "<script" not in text and "<img src=x" not in text
        raw = (quick_runs[0] / "nea_classification_predictions.csv").read_text(encoding="utf-8")
        assert f"'{HOSTILE_NAMES[1]}" in raw and f",{HOSTILE_NAMES[1]}" not in raw

    def test_executed_notebooks_hold_no_warnings_of_libraries(self, quick_runs):
        for path in (quick_runs[0] / "notebooks").iterdir():
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                for output in cell.get("outputs", []):
                    assert output.get("name") != "stderr", (path.name, output["text"])

    def test_the_kept_model_answers_for_unlabelled_asteroids_as_the_table_does(self, quick_runs):
        import numpy as np

        from nea_prospect.classifier import read_model
        from nea_prospect.features import make_features
        from nea_prospect.loading import read_dataset

        dataset = read_dataset(quick_runs[0])
        plain = np.flatnonzero(dataset.table.label == "")
        model = read_model(quick_runs[0] / "model" / "model.npz")
        answer = np.zeros((len(plain), len(GROUPS)))
        answer[:, [GROUPS.index(group) for group in model.classes]] = model.predict_all(
            make_features([dataset.spectra[row] for row in plain])[0]
        )["ensemble"]
        predictions = pd.read_csv(
            quick_runs[0] / "nea_classification_predictions.csv", dtype={"Asteroid_ID": str}
        ).set_index("Asteroid_ID")
        single = [
            row
            for row in range(len(plain))
            if (dataset.table.asteroid == dataset.table.asteroid[plain[row]]).sum() == 1
        ]
        stated = predictions.loc[
            dataset.table.asteroid[plain[single]], [f"Prob_{group}" for group in GROUPS]
        ].to_numpy()
        np.testing.assert_allclose(answer[single], stated, atol=1e-4)

    def test_a_second_run_into_the_same_folder_is_refused(self, quick_runs):
        before = sha256(quick_runs[0])
        result = nea_prospect(
            "run", "--preset", "quick", "--out", quick_runs[0].name, cwd=quick_runs[0].parent
        )
        assert (
            result.returncode == 1
            and "already holds a run" in result.stderr
            and sha256(quick_runs[0]) == before
        )


@pytest.mark.slow
def test_an_error_in_a_notebook_of_the_real_series_stops_it(small_input, tmp_path, monkeypatch):
    broken = tmp_path / "nbs"
    shutil.copytree(series.notebooks_dir(), broken)
    path = broken / "02_features.ipynb"
    node = nbformat.read(path, as_version=4)
    node.cells[-2].source = "raise RuntimeError('planted')"
    nbformat.write(node, path)
    monkeypatch.setattr(series, "notebooks_dir", lambda: broken)
    with pytest.raises(RunError, match="notebook 02_features failed in cell .*RuntimeError: planted"):
        run_series(tmp_path / "run", *small_input, preset="quick")
    assert not (tmp_path / "run").exists() and not (tmp_path / "run.unfinished" / "metrics.json").exists()
