"""Names of asteroids and classes, and files that are whole or absent."""

import os

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nea_prospect.core import CLASS_GROUP, GROUPS, asteroid_id, candidate_groups, file_asteroid, parse_class
from nea_prospect.files import read_table, write_arrays, write_bytes, write_table


@pytest.mark.parametrize(
    "label, groups",
    [
        ("Sqw", ("S-Group",)),
        ("Q,R", ("S-Group",)),
        ("S_comp", ("S-Group",)),
        ("C,Ch", ("C-Group",)),
        ("E", ("X-Group",)),
        ("Ld", ("S-Group",)),
        ("Xk:", ("X-Group",)),
        ("C;X", ("C-Group", "X-Group")),
        ("TCG:", ("C-Group", "D-type")),
        ("SK", ("S-Group",)),
        ("Vw", ("V-type",)),
        ("Xe, Xk", ("X-Group",)),
        ("P,D", ("D-type", "X-Group")),
        ("U", ("Other",)),
        ("O", ("Other",)),
        ("banana", ("Other",)),
        ("10", ("Other",)),
        ("C-type", ("C-Group",)),
        ("S(IV)", ("S-Group",)),
        ("sq", ("S-Group",)),
        ("-", ()),
        ("unknown", ()),
        ("N/A", ()),
        ("", ()),
        (" ", ()),
        (None, ()),
        (float("nan"), ()),
    ],
)
def test_published_classes_map_to_groups(label, groups):
    assert candidate_groups(label) == groups


def test_every_class_of_every_group_reads_as_itself():
    for name, group in CLASS_GROUP.items():
        assert parse_class(name) == (name,)
        assert candidate_groups(f"{name}w:") == (group,)
    assert list(GROUPS) == sorted(GROUPS), "LabelEncoder order is the order of the groups"


@pytest.mark.parametrize(
    "name, identity",
    [
        ("au2000WL63.visnir.txt", "2000 WL63"),
        ("a000433.visnir.txt", "433"),
        ("433.txt", "433"),
        ("a000036.1.txt", "36"),
        ("a000433.sp223.txt", "433"),
        ("smass2/a000001.[2]", "1"),
        ("a000001.spfit.[2]", "1"),
        ("AU2002AV.sp09.txt", "2002 AV"),
        ("2000_wl63.csv", "2000 WL63"),
        ("433_Eros.txt", "433"),
        ("folder\\a000004.txt", "4"),
        ("6344 P-L.txt", "6344 P-L"),
        ("Eros.txt", "eros"),
        ("2001_SG_286.txt", "2001 SG286"),
        ("2000_WL63_vis.txt", "2000 WL63"),
        ("1627_IR.txt", "1627"),
        ("433_1.txt", "433"),
        ("a000433_2.txt", "433"),
        ("A898PA.txt", "1898 PA"),
        ("(433)_Eros.txt", "433"),
        ("au2021jq24.sp284.txt", "2021 JQ24"),
        ("2003 UB005.txt", "2003 UB5"),
    ],
)
def test_files_are_matched_to_asteroids(name, identity):
    assert file_asteroid(name) == identity


@given(st.integers(1, 10**7), st.integers(0, 4))
def test_a_number_is_one_asteroid_however_padded(number, zeros):
    padded = "0" * zeros + str(number)
    assert asteroid_id(padded) == asteroid_id(f"({number})") == asteroid_id(float(number)) == str(number)


@given(
    st.integers(1925, 2030),
    st.text("ABCDEFGHJKLMNOPQRSTUVWXY", min_size=2, max_size=2),
    st.integers(1, 999),
    st.sampled_from(["", " ", "_", "  "]),
)
def test_a_designation_ignores_case_blanks_underscores_and_zeros(year, letters, order, gap):
    wanted = f"{year} {letters}{order}"
    for text in (
        f"{year}{gap}{letters}{order}",
        f"{year}{gap}{letters.lower()}{order:04d}",
        f"{year}{gap}{letters}_{order}",
    ):
        assert asteroid_id(text) == wanted
        assert file_asteroid(f"au{text}.sp1.txt".replace("  ", " ")) == wanted


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    write_bytes(tmp_path / "a.txt", b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_bytes(tmp_path / "a.txt", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"old"


@given(values=st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_tables_keep_every_digit(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    write_table(path, pd.DataFrame({"asteroid": ["2000 WL63"] * len(values), "x": values}))
    assert read_table(path, ["asteroid"]).x.astype(float).tolist() == values


def test_arrays_of_objects_are_refused(tmp_path):
    with pytest.raises(ValueError, match="pickle"):
        write_arrays(tmp_path / "a.npz", bad=[{}])
    assert not list(tmp_path.iterdir())
