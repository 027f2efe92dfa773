"""What the package promises: public names, light imports, the content of the wheel, commands of README."""

import ast
import doctest
import inspect
import json
import re
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from importlib.metadata import packages_distributions

import pytest
from conftest import COMMAND
from project import PROJECT, ROOT, package

import nea_prospect
from nea_prospect.series import standard_series

STAGES = tuple(standard_series().notebooks)
HEAVY = {"tensorflow", "keras", "sklearn", "papermill", "nbdev", "dask"}
LIGHT_MODULES = ("core", "files", "archives", "catalogs", "loading", "features")

every_public_name = pytest.mark.parametrize("name", nea_prospect.__all__)


def python(code):
    """What a fresh Python process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def loaded_by(module, packages):
    return python(f"import sys, {module}; print(*sorted({packages!r} & set(sys.modules)))").split()


class TestThePublicNames:
    @every_public_name
    def test_each_can_be_imported(self, name):
        assert getattr(nea_prospect, name).__name__ == name

    def test_they_are_listed_for_completion(self):
        assert set(nea_prospect.__all__) <= set(dir(nea_prospect))

    def test_another_name_is_an_attribute_error(self):
        with pytest.raises(AttributeError, match="no attribute 'predict_everything'"):
            nea_prospect.predict_everything  # noqa: B018

    @every_public_name
    def test_each_has_an_example_that_runs(self, name, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        found = doctest.DocTestFinder(recurse=False).find(getattr(nea_prospect, name), name)
        examples = [example for test in found for example in test.examples]
        assert examples, f"{name} has no Example in its docstring"
        assert not all(doctest.SKIP in example.options for example in examples), f"{name}: nothing is run"
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        assert sum(runner.run(test).failed for test in found) == 0

    @every_public_name
    def test_each_has_type_hints(self, name):
        signature = inspect.signature(getattr(nea_prospect, name))
        parameters = signature.parameters.values()
        bare = [parameter.name for parameter in parameters if parameter.annotation is inspect.Parameter.empty]
        assert bare == [], f"without a type hint: {', '.join(bare)}"

    @every_public_name
    def test_each_function_has_a_hint_of_what_it_returns(self, name):
        public = getattr(nea_prospect, name)
        returned = inspect.signature(public).return_annotation
        assert inspect.isclass(public) or returned is not inspect.Signature.empty


class TestWhatAnImportLoads:
    @pytest.mark.parametrize("module", ["nea_prospect", *(f"nea_prospect.{name}" for name in LIGHT_MODULES)])
    def test_nothing_heavy(self, module):
        assert loaded_by(module, HEAVY | {"fastcore"}) == []

    @pytest.mark.parametrize("module", ["series", "classifier", "prediction"])
    def test_no_training_packages_where_nothing_is_trained(self, module):
        assert loaded_by(f"nea_prospect.{module}", HEAVY - {"sklearn"}) == []


class TestTheProjectFiles:
    def test_the_version_is_that_of_the_settings(self):
        settings = ConfigParser()
        settings.read(ROOT / "settings.ini", encoding="utf-8")
        assert PROJECT["dynamic"] == ["version"]
        assert settings["DEFAULT"]["version"] == nea_prospect.__version__

    def test_every_dependency_is_locked(self):
        lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
        locked = set(re.findall(r"(?m)^([\w.-]+)(?:\[.*\])?==", lock))
        wanted = sum(PROJECT["optional-dependencies"].values(), PROJECT["dependencies"])
        assert {package(text) for text in wanted} - locked == {"nea-prospect"}  # extras that hold another

    def test_every_line_of_the_lock_is_a_package_with_its_sums(self):
        lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        wanted = r"(#.*|[\w.-]+(\[[\w-]+\])?==\S+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?)?"
        assert [line for line in lines if not re.fullmatch(wanted, line)] == []

    def test_only_declared_packages_are_imported(self):
        extras = PROJECT["optional-dependencies"]
        wanted = sum(
            (extras[name] for name in ("series", "parquet", "astro", "scale", "explore")),
            PROJECT["dependencies"],
        )
        declared = {package(text) for text in wanted}
        owners = packages_distributions()
        for module in imported_packages() - sys.stdlib_module_names - {"nea_prospect"}:
            names = {name.lower().replace("_", "-") for name in owners[module]}
            assert names & declared, module


def imported_packages():
    """Packages that the stages and the modules import."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "nea_prospect").glob("*.py")]
    for stage in (*STAGES, "05a_original"):
        notebook = json.loads((ROOT / "nbs" / f"{stage}.ipynb").read_text(encoding="utf-8"))
        sources += ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    modules = set()
    for node in (node for text in sources for node in ast.walk(ast.parse(text))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules.add(node.module)
    return {module.split(".")[0] for module in modules}


@pytest.mark.slow
def test_the_wheel_holds_notebooks_presets_and_data_and_nothing_else(tmp_path):
    options = ["--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, ROOT], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    data = "catalog.csv auxiliary_spectra.zip PROVENANCE.md report.html.j2 bus_demeo_components.csv"
    data += " voila/templates/prospect/index.html.j2 voila/templates/prospect/conf.json orbits.csv.gz"
    data += " resources.csv columns.csv datatables.min.js datatables.license.txt report.js drop_zone.js"
    data += " model/model.npz model/run.json"
    presets = [path.name for path in (ROOT / "nbs" / "presets").glob("*.yaml")]
    notebooks = (*STAGES, "05a_original", "07a_explore")
    wanted = {"nea_prospect/py.typed"} | {f"nea_prospect/data/{name}" for name in data.split()}
    wanted |= {f"nea_prospect/nbs/{stage}.ipynb" for stage in notebooks}
    wanted |= {f"nea_prospect/nbs/presets/{preset}" for preset in presets}
    assert wanted - names == set()
    assert [name for name in names if "checkpoint" in name or name.startswith(("tests", "runs"))] == []


class TestReadme:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    def test_it_is_short(self):
        assert len(self.text.splitlines()) <= 120
        assert max(map(len, self.text.splitlines())) <= 120

    def test_its_files_exist(self):
        targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", self.text)
        assert [target for target in targets if not (ROOT / target).exists()] == []

    def test_its_python_example_is_short_and_runs(self):
        (code,) = re.findall(r"```python\n(.*?)```", self.text, re.DOTALL)
        assert len(code.strip().splitlines()) <= 6
        assert python(code) != ""

    def test_its_make_targets_exist(self):
        make = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = re.findall(r"(?:^|`)make (\w+)", self.text, re.MULTILINE)
        assert [target for target in targets if not re.search(rf"(?m)^{target}:", make)] == []

    def test_its_options_of_run_exist(self):
        shown = subprocess.run([COMMAND, "run", "--help"], capture_output=True, text=True, check=True).stdout
        lines = [line for line in self.text.splitlines() if "nea-prospect run" in line]
        options = re.findall(r"(--[a-z]+)", "\n".join(lines))
        assert [option for option in options if option not in shown] == []
