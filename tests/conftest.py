"""Shared data of the tests."""

import io
import os
import signal
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from nea_prospect.loading import bundled

signal.signal(
    signal.SIGINT, signal.default_int_handler
)  # a shell that runs the tests in the background has it ignored
settings.register_profile("machines that are busy", deadline=None)
settings.load_profile("machines that are busy")

COMMAND = Path(sys.executable).with_name("nea-prospect")
SOAK = int(os.environ.get("SOAK", "1"))  # how many times as many random cases, see `make soak`
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def made_up_reflectance(wavelength):
    """A slope with a band, since a line is no measurement."""
    return 1 + 0.1 * wavelength - 0.1 * np.exp(-(((wavelength - 0.95) / 0.15) ** 2))


LONGEST = (
    "TestARealRun",
    "TestACatalogWithoutAnyClass",
    "TestTheWholeTable",
    "test_surveys",
    "test_modeling",
    "test_smote_network",
)


def pytest_collection_modifyitems(items):
    """What takes longest begins first, so that the processes end at about the same time."""
    items.sort(key=lambda item: not any(name in item.nodeid for name in LONGEST))


@pytest.fixture(scope="session")
def archives():
    """Folder with the real archives that the project is tested on, where it lies beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("the archives of real data are not beside this checkout")
    return SHARED


@pytest.fixture
def spectrum_text():
    """A function that writes a made-up spectrum of 40 points with a given unit, separator and line end."""

    def write(factor=1.0, separator=" ", line_end="\n", header="", columns=3, order=1):
        wavelength = np.linspace(0.45, 2.4, 40)[::order]
        reflectance = made_up_reflectance(wavelength)
        values = np.column_stack([wavelength * factor, reflectance, np.full(40, 0.01), np.ones(40)])[
            :, :columns
        ]
        lines = [separator.join(f"{value:.6g}" for value in row) for row in values]
        return line_end.join([*([header] if header else []), *lines, ""]).encode()

    return write


HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    "=HYPERLINK(1)",
    "$\\frac{$",
    "<img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}",
)


@pytest.fixture(scope="session")
def small_input(tmp_path_factory):
    """A catalog and a zip with a few bundled asteroids, in a folder with a space and an accent."""
    folder = tmp_path_factory.mktemp("données d'été")
    catalog, archive = bundled()
    rows = pd.read_csv(catalog, dtype=str, keep_default_na=False)
    with zipfile.ZipFile(archive) as source:
        names = source.namelist()
        numbers = {str(int(name[1:7])) for name in names if name[1:7].isdigit()}
        rows = rows[rows.number.isin(numbers)]
        first = {"S": 24, "Sq": 12, "C": 14, "B": 8, "X": 14, "Xe": 6, "V": 14, "D": 12, "": 6}
        rows = pd.concat([rows[rows["class"] == name].head(count) for name, count in first.items()])
        rows["name"] = [
            HOSTILE_NAMES[row % len(HOSTILE_NAMES)] if row % 3 == 0 else name
            for row, name in enumerate(rows["name"])
        ]
        rows.to_csv(folder / "my catalog.csv", index=False)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
            for name in names:
                if name[1:7].isdigit() and str(int(name[1:7])) in set(rows.number):
                    target.writestr(name, source.read(name))
        (folder / "my spectra.zip").write_bytes(buffer.getvalue())
    return folder / "my catalog.csv", folder / "my spectra.zip"
