"""What is imported, what is in the wheel, and what README says."""

import ast
import json
import re
import subprocess
import sys
import time
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from nea_prospect.series import STAGES

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "module",
    [
        "nea_prospect",
        "nea_prospect.core",
        "nea_prospect.loading",
        "nea_prospect.features",
        "nea_prospect.series",
    ],
)
def test_an_import_does_not_load_the_heavy_packages(module):
    code = f"import sys, {module}; print(sorted({{'tensorflow', 'keras', 'papermill', 'nbdev', 'fastcore'}} & set(sys.modules)))"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_importing_the_package_is_fast():
    def seconds(code):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - start

    assert min(seconds("import nea_prospect") - seconds("pass") for _ in range(5)) < 0.2


@pytest.mark.slow
def test_the_wheel_holds_notebooks_presets_and_data(tmp_path):
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            tmp_path,
            ROOT,
        ],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        *(f"nbs/{stage}.ipynb" for stage in STAGES),
        *(f"nbs/presets/{path.name}" for path in (ROOT / "nbs" / "presets").glob("*.yaml")),
        "data/catalog.csv",
        "data/auxiliary_spectra.zip",
        "data/PROVENANCE.md",
        "data/report.html.j2",
        "data/bus_demeo_components.csv",
        "data/orbits.csv.gz",
        "data/resources.csv",
        "data/model/model.npz",
        "data/model/run.json",
    ):
        assert f"nea_prospect/{wanted}" in names
    assert not [name for name in names if "checkpoint" in name or name.startswith(("tests", "runs"))]


def test_the_series_needs_only_what_the_package_installs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = {
        re.split(r"[<>=!~\[ ]", text)[0].lower().replace("_", "-") for text in project["dependencies"]
    }
    owners = packages_distributions()
    sources = [
        cell["source"]
        for stage in STAGES
        for cell in json.loads((ROOT / "nbs" / f"{stage}.ipynb").read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
    sources += [[path.read_text(encoding="utf-8")] for path in (ROOT / "nea_prospect").glob("*.py")]
    for source in sources:
        for node in ast.walk(ast.parse("".join(source))):
            modules = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
            for module in (
                {name.split(".")[0] for name in modules} - sys.stdlib_module_names - {"nea_prospect"}
            ):
                assert {name.lower().replace("_", "-") for name in owners[module]} & installed, module


def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_is_short_and_its_files_exist():
    assert len(readme().splitlines()) <= 120
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", readme()):
        assert (ROOT / target).exists(), target


def test_the_python_example_of_readme_runs():
    (code,) = re.findall(r"```python\n(.*?)```", readme(), re.DOTALL)
    assert len(code.strip().splitlines()) <= 6
    assert subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_commands_of_readme_exist():
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^|`)make (\w+)", readme(), re.MULTILINE)):
        assert re.search(rf"^{target}:", make, re.MULTILINE), target
    help_text = subprocess.run(
        [Path(sys.executable).with_name("nea-prospect"), "run", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for option in set(
        re.findall(
            r"(--[a-z]+)", "\n".join(line for line in readme().splitlines() if "nea-prospect run" in line)
        )
    ):
        assert option in help_text, option
