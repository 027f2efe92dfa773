"""Made-up spectra and spies that several test files use."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from nea_prospect.classifier import find_model, load_model
from nea_prospect.core import GROUPS, WAVELENGTH_GRID
from nea_prospect.dictionary import dictionary_table
from nea_prospect.loading import Spectrum
from nea_prospect.run import Run
from nea_prospect.series import standard_series

STEP = 1e-6  # the first reflectance of a row tells its number in these steps, so that a spy can tell the rows


def make_rows(n_asteroids=40, spectra_each=2, seed=0, first=0):
    """Made-up spectra: rising ones (S-Group), flat ones (C-Group) and ones with a deep band (V-type)."""
    rng = np.random.default_rng(seed)
    n = n_asteroids * spectra_each
    labels = np.repeat(np.resize(["S-Group", "S-Group", "C-Group", "V-type"], n_asteroids), spectra_each)
    slope = 0.3 * (labels == "S-Group")[:, None] * (WAVELENGTH_GRID - 0.45)
    band = 0.4 * (labels == "V-type")[:, None] * np.exp(-(((WAVELENGTH_GRID - 0.95) / 0.1) ** 2))
    X = (1 + slope - band) * rng.normal(1, 0.02, (n, len(WAVELENGTH_GRID)))
    X[:, 0] = 1 + STEP * (first + np.arange(n))
    names = np.repeat([str(number) for number in range(1, n_asteroids + 1)], spectra_each)
    rows = np.repeat(np.arange(n_asteroids), spectra_each)
    columns = {"asteroid": names, "number": names, "designation": "", "name": "", "label": labels}
    return X, pd.DataFrame(columns | {"catalog_row": rows})


def make_partial_rows(n_asteroids=60):
    """As `make_rows`, some with infrared and some with visible coverage only."""
    X, table = make_rows(n_asteroids)
    X[::5, :12] = np.nan
    X[::7, 30:] = np.nan
    return X, table


def rows_of(X):
    """Numbers of the rows that a spy was shown."""
    return np.rint((X[:, 0] - 1) / STEP).astype(int)


def make_spectrum(band=0.0, slope=0.0, low=0.45, high=2.45):
    """A made-up spectrum as it would be read from a file."""
    wavelength = np.linspace(low, high, 300)
    depth = band * np.exp(-(((wavelength - 0.95) / 0.1) ** 2))
    return Spectrum(wavelength, 1 + slope * (wavelength - 0.45) - depth, None, {})


class Spy(ClassifierMixin, BaseEstimator):
    """Writes into a folder which rows it was fitted to, and which it predicted.

    Fits run in other processes, so a spy cannot keep this in memory.
    """

    def __init__(self, folder=""):
        self.folder = folder

    def fit(self, X, y):
        self.classes_, self.rows_ = np.unique(y), rows_of(X)
        return self

    def predict_proba(self, X):
        record = {"fitted": self.rows_.tolist(), "predicted": rows_of(X).tolist()}
        name = f"{time.time_ns()}-{os.getpid()}.json"  # of two processes, none overwrites what another wrote
        (Path(self.folder) / name).write_text(json.dumps(record))
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def spied(folder):
    """Pairs of the rows that spies were fitted to and those that they predicted."""
    records = [json.loads(path.read_text()) for path in sorted(Path(folder).iterdir())]
    return [(set(record["fitted"]), set(record["predicted"])) for record in records]


def recipe():
    """The lines of notebook 04 that use the two files without this project."""
    notebook = Path(__file__).resolve().parents[1] / "nbs" / "04_modeling.ipynb"
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    (code,) = re.findall(r"```python\n(.*?)```", prose, re.DOTALL)
    return code


def run_recipe(folder, probabilities):
    """Run the lines of notebook 04 where `nea_prospect` cannot be imported; save what they find."""
    blocked = "import sys\nsys.modules['nea_prospect'] = None\n"
    code = recipe().replace("runs/latest", str(folder))
    assert str(folder) in code
    script = f"{blocked}{code}\nnp.save({str(probabilities)!r}, probabilities)"
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", script], check=True, env=environment, cwd=folder
    )
    return np.load(probabilities)


def stand_in_for_training(folder):
    """Leave what notebook 04 leaves: predictions of the bundled classifier, which takes no time."""
    at_work = folder / "stages" / ".04_modeling"
    model, reflectance = load_model(), Run(folder).load("reflectance", dict)
    predicted = model.predict_all(reflectance).in_groups(model.classes).to_arrays()
    majority = np.tile(np.eye(len(GROUPS))[GROUPS.index("S-Group")], (len(reflectance), 1))
    arrays = {"probabilities/majority": majority, **predicted}
    arrays = {name: values[None] for name, values in arrays.items()}
    at_work.mkdir()
    Run(at_work).save(out_of_fold=arrays, model=find_model().read_bytes())
    at_work.rename(folder / "stages" / "04_modeling")


def run_without_training(folder, catalog, spectra):
    """Run every stage but training, which takes minutes and the same path on any survey, in this process."""
    parameters = {"01_loading": {"catalog": str(catalog), "spectra": str(spectra)}}
    parameters["06_prospecting"] = {"last_launch": 2029}  # years enough to run
    for name, notebook in standard_series().notebooks.items():
        if name == "04_modeling":
            stand_in_for_training(folder)
        if name in ("03_resampling", "04_modeling"):
            continue  # folds, and what needs them
        at_work = folder / "stages" / f".{name}"
        at_work.mkdir(parents=True)
        run_cells(notebook, parameters.get(name, {}) | {"run_dir": str(at_work)})
        at_work.rename(folder / "stages" / name)


def run_cells(notebook, parameters):
    """Run the code of a notebook here, without a kernel: what it shows is not looked at."""
    names = {"__name__": "__main__", "display": lambda *_: None}
    with matplotlib.rc_context():
        for cell in json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), f"{notebook}: {cell['id']}", "exec"), names)
            if "parameters" in cell["metadata"].get("tags", []):
                names |= parameters
            plt.close("all")


def unused_entries(columns, file):
    """Entries of the dictionary for a file that are of none of its columns."""
    patterns = dictionary_table({file: []})["column"]
    return [
        pattern
        for pattern in patterns
        if not any(re.fullmatch(re.escape(pattern).replace(r"\*", ".+"), name) for name in columns)
    ]


def superfluous_digits(path, file=""):
    """Columns of a CSV with numbers that have more digits than the dictionary says are known."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    known = dictionary_table({file or path.name: list(table.columns)})
    wrong = []
    for name, rounded in zip(known["column"], known["rounded"], strict=True):
        count, _, what = rounded.partition(" ")
        for text in filter(None, set(table[name]) if rounded else ()):
            places = len(text.partition(".")[2].rstrip("0"))
            fits = (
                float(f"{float(text):.{count}g}") == float(text) if what == "digits" else places <= int(count)
            )
            wrong += [] if fits else [f"{name} {text}"]
    return wrong
