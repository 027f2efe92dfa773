"""The dictionary of the output files; that it fits what a run leaves is tested where runs are."""

import re

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from nea_prospect.cli import app
from nea_prospect.dictionary import (
    FILES,
    describe_table,
    dictionary_table,
    explain_heading,
    list_columns,
    round_known,
    tells_columns,
)
from nea_prospect.evaluation import audit_labels
from nea_prospect.execution import RunError
from nea_prospect.files import packaged
from nea_prospect.prediction import predict_files
from nea_prospect.prospecting import rank_followup, rank_prospects
from nea_prospect.run import PUBLISHED
from nea_prospect.windows import find_windows

ENTRIES = pd.read_csv(packaged("columns.csv"), keep_default_na=False)


def test_every_published_table_and_the_scores_are_described():
    published = {name for name in PUBLISHED.values() if name.endswith((".csv", "metrics.json"))}
    assert published == {name for name in FILES if name.endswith((".csv", ".json"))}


def test_entries_are_of_files_that_are_described():
    files = {name for text in ENTRIES.files for name in text.split(";")}
    assert files == set(FILES)


def test_no_file_has_two_entries_of_one_name():
    pairs = [
        (file, name)
        for files, name in zip(ENTRIES.files, ENTRIES.name, strict=True)
        for file in files.split(";")
    ]
    assert len(pairs) == len(set(pairs))


def test_every_entry_has_a_meaning_without_a_full_stop():
    assert [text for text in ENTRIES.meaning if not text or text.endswith(".")] == []


def test_a_rounding_is_of_a_kind_that_is_known():
    assert [text for text in ENTRIES.rounded if not re.fullmatch(r"(\d (decimals?|digits))?", text)] == []


@pytest.mark.parametrize(
    "name, unit",
    [
        ("_km", "km"),
        ("_km_s", "km/s"),
        ("_t", "t"),
        ("_um", "um"),
        ("_deg", "deg"),
        ("_d", "d"),
        ("_bits", "bit"),
    ],
)
def test_a_unit_in_a_name_is_the_unit(name, unit):
    rows = ENTRIES[ENTRIES.name.str.endswith(name) & (ENTRIES.files != "report")]
    assert len(rows)
    assert set(rows.unit) == {unit}


def test_the_same_name_means_what_its_file_says():
    notes = {
        describe_table(["Note"], file).meaning["Note"] for file in ("windows.csv", "followup.csv", "predict")
    }
    assert len(notes) == 3


@pytest.mark.parametrize("name", ["Note", "", "nothing known", "Water_Rank_of_old"])
def test_a_heading_that_is_not_one_thing_is_not_explained(name):
    assert explain_heading(name) == ""


class TestRounding:
    table = pd.DataFrame(
        {
            "Diameter_km": [0.123456, 1234.56, np.nan, 0.0],
            "H_mag": [20.126, 9.994, np.nan, 0.0],
            "Water_Rank": [1.0, np.nan, 12.0, 3.0],
            "Name": ["0.123456", "", "x", "y"],
            "unknown": [0.123456789] * 4,
        }
    )

    def test_digits_decimals_and_whole_numbers(self):
        found = round_known(self.table, "prospects.csv")
        assert found.Diameter_km.tolist()[:2] == [0.123, 1230.0]
        assert found.H_mag.tolist()[:2] == [20.13, 9.99]
        assert found.to_csv(columns=["Water_Rank"], index=False).split() == [
            "Water_Rank",
            "1",
            '""',
            "12",
            "3",
        ]

    def test_what_is_not_known_stays_so(self):
        found = round_known(self.table, "prospects.csv")
        assert found[["Diameter_km", "H_mag"]].isna().sum().tolist() == [1, 1]

    def test_other_columns_and_the_table_itself_stay(self):
        found = round_known(self.table, "prospects.csv")
        pd.testing.assert_frame_equal(found[["Name", "unknown"]], self.table[["Name", "unknown"]])
        assert self.table.Diameter_km[0] == 0.123456

    def test_an_empty_table(self):
        assert round_known(self.table.head(0)).empty

    def test_an_infinite_number(self):
        assert round_known(pd.DataFrame({"Diameter_km": [np.inf]})).Diameter_km[0] == np.inf


def test_the_names_of_the_columns_are_those_asked_for():
    found = dictionary_table({"rejects.csv": ["kind", "new"], "windows.csv": ["Turns"]})
    assert found["column"].tolist() == ["kind", "new", "Turns"]
    assert found.meaning.tolist()[1] == ""


@pytest.mark.parametrize(
    "function, file",
    [
        (predict_files, "predict"),
        (rank_prospects, "predict --catalog"),
        (rank_followup, "followup.csv"),
        (find_windows, "windows.csv"),
        (audit_labels, "label_audit.csv"),
    ],
)
def test_help_ends_with_the_columns(function, file):
    told = function.__doc__.partition("Notes\n-----\n")[2].replace("``", "")
    assert [line for line in list_columns(file) if f"- {line}\n" not in told] == []


def test_a_function_without_a_docstring_gets_none():
    assert tells_columns("windows.csv")(lambda: None).__doc__ is None


class TestTheCommand:
    def test_it_lists_the_files(self):
        result = CliRunner().invoke(app, ["columns"])
        assert [line.partition(": ")[0] for line in result.stdout.splitlines()] == list(FILES)

    def test_it_explains_the_columns_of_one(self):
        result = CliRunner().invoke(app, ["columns", "prospects.csv"])
        assert "Diameter_km (km): diameter, median" in result.stdout.splitlines()

    def test_another_file_is_told_in_one_line(self):
        result = CliRunner().invoke(app, ["columns", "x\x1b.csv"])
        assert r"no columns of 'x\x1b.csv' are known; files are nea_class" in str(result.exception)
        assert isinstance(result.exception, RunError)
