"""Names of asteroids and classes, and files that are whole or absent."""

import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nea_prospect.core import (
    CLASS_GROUP,
    GROUPS,
    Identities,
    asteroid_id,
    candidate_groups,
    file_asteroid,
    parse_class,
)
from nea_prospect.files import (
    arrays_to_table,
    escape_control,
    one_line,
    read_arrays,
    read_json,
    read_table,
    sha256,
    table_to_arrays,
    write_arrays,
    write_bytes,
    write_json,
    write_table,
)


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


@pytest.mark.parametrize(
    "text, identity",
    [
        ("2040 t-2", "2040 T-2"),
        ("6344 P-L", "6344 P-L"),
        ("6344_PL", "6344 P-L"),
        ("A898 PA", "1898 PA"),
        ("1898 PA", "1898 PA"),
        ("(2000 WL63)", "2000 WL63"),
        ("433 Eros (A898 PA)", "433"),
        ("2000 WI63", "2000"),
        ("2100 AB1", "2100"),
        ("433.50", "433.50"),
        ("0", ""),
        (" ", ""),
        (None, ""),
        (float("nan"), ""),
        (433.0, "433"),
    ],
)
def test_identities_have_one_spelling(text, identity):
    assert asteroid_id(text) == identity


@given(st.text(max_size=20))
def test_an_identity_is_its_own_identity(text):
    assert asteroid_id(asteroid_id(text)) == asteroid_id(text)


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


KEYS = ("number", "designation", "alias", "name")


def facts(asteroid):
    """Number, designation, alias and name of a made-up asteroid."""
    letters = "ABCDEFGHJK"[asteroid]
    return dict(
        zip(KEYS, (f"{asteroid + 1}", f"2000 A{letters}7", f"1998 B{letters}", f"Name{letters}"), strict=True)
    )


def spell(rng, key, text):
    """One of the spellings of a number, a designation or a name."""
    if key == "number":
        return rng.choice([text, f"({text})", f"00{text}", f"{text}.0", f" {text} "])
    if key == "name":
        return rng.choice([text, text.lower(), text.upper(), f" {text}  "])
    return rng.choice([text, text.lower(), text.replace(" ", "_"), text.replace(" ", ""), f"({text})"])


def table_of(rng, known):
    """Table of asteroids, each with the keys that are known of it, in any spelling and order of columns."""
    rows = []
    for asteroid, keys in known:
        texts = {key: spell(rng, key, facts(asteroid)[key]) for key in KEYS if key in keys}
        rows.append({key: texts.get(key, "") for key in KEYS})
    table = pd.DataFrame(rows).rename(columns={"alias": "aliases"})
    return table[rng.permutation(table.columns)]


some_keys = st.sets(st.sampled_from(KEYS), min_size=1)


@given(
    st.lists(some_keys, min_size=1, max_size=10),
    st.lists(st.tuples(st.integers(0, 9), some_keys), min_size=1, max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_two_tables_match_where_a_key_is_shared_in_any_spelling(known, asked, seed):
    rng = np.random.default_rng(seed)
    asteroids = rng.permutation(10)[: len(known)].tolist()
    table = table_of(rng, list(zip(asteroids, known, strict=True)))
    shared = dict(zip(asteroids, known, strict=True))
    matched = Identities(table).match(table_of(rng, asked)).tolist()
    for (asteroid, keys), row in zip(asked, matched, strict=True):
        same = asteroid in shared and keys & shared[asteroid]
        assert row == (asteroids.index(asteroid) if same else -1)


@given(st.lists(some_keys, min_size=1, max_size=10), st.integers(0, 2**32 - 1))
def test_each_key_of_a_row_finds_the_row(known, seed):
    rng = np.random.default_rng(seed)
    same = Identities(table_of(rng, list(enumerate(known))))
    for row, keys in enumerate(known):
        for key in KEYS:
            text = spell(rng, key, facts(row)[key])
            assert same.find([text]).tolist() == [row if key in keys else -1]


@given(st.lists(st.sampled_from(["4", "433", "2000 WL63", "eros", ""]), min_size=4, max_size=12))
def test_no_split_by_identities_leaks(names):
    """Rows that are no match of any row of a test set share no key with it."""
    test, rest = (
        pd.DataFrame({"name": half}) for half in (names[: len(names) // 2], names[len(names) // 2 :])
    )
    kept = rest[Identities(test).match(rest) < 0]
    assert not (set(kept.name) & set(test.name)) - {""}


def test_a_number_outweighs_a_designation_an_alias_and_a_name():
    table = pd.DataFrame(
        {
            "name": ["Vesta", "Eros", "", ""],
            "aliases": ["", "", "2000 WL63;1999 AB", ""],
            "designation": ["", "", "", "2000 WL63"],
            "number": ["433", "", "", ""],
        }
    )
    same = Identities(table)
    assert same.find(["433", "2000 WL63", "1999 AB", "eros", "433 Eros"]).tolist() == [0, 3, 2, 1, 0]
    asked = {"name": "Eros", "aliases": "1999 AB", "designation": "2000 WL63", "number": "433"}
    for key, row in (("number", 0), ("designation", 3), ("aliases", 2), ("name", 1)):
        assert same.match(pd.DataFrame([asked])).tolist() == [row]
        asked[key] = ""
    assert same.match(pd.DataFrame([asked])).tolist() == [-1]


def test_the_first_of_two_rows_with_one_key_is_found():
    assert Identities(pd.DataFrame({"number": ["433", "0433"]})).find([433]).tolist() == [0]


def test_missing_values_and_empty_tables_match_nothing():
    table = pd.DataFrame({"number": [None, np.nan, "0"], "name": ["", " ", None]})
    assert Identities(table).match(table).tolist() == [-1, -1, -1]
    assert Identities(table.head(0)).match(table).tolist() == [-1, -1, -1]
    assert Identities(pd.DataFrame({"class": ["S"]})).match(table).tolist() == [-1, -1, -1]
    assert Identities(table).find([]).tolist() == []


def test_canonical_identities_are_used_as_they_stand():
    table = pd.DataFrame({"identities": ["433;1898 DQ;eros", ""], "number": ["1", "2"]})
    same = Identities(table)
    assert same.find(["(433)", "A898 DQ", "Eros", "1"]).tolist() == [0, 0, 0, -1]
    assert same.match(pd.DataFrame({"identities": ["2000 WL63;eros", "433.0"]})).tolist() == [0, -1]


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


def test_a_file_has_the_mode_that_the_process_asks_for(tmp_path):
    old = os.umask(0o027)
    try:
        write_bytes(tmp_path / "new folder" / "a.txt", b"")
    finally:
        os.umask(old)
    assert (tmp_path / "new folder" / "a.txt").stat().st_mode & 0o777 == 0o640


def test_json_that_is_none_is_told_from_json_that_is_missing(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(FileNotFoundError, match="no JSON file at"):
        read_json(path)
    with open(path, "wb") as file:
        file.truncate(2**26 + 2**20)
    with pytest.raises(ValueError, match=r"a.json has 65.0 MiB; a JSON file may have 64"):
        read_json(path)
    path.write_text("{")
    with pytest.raises(ValueError):
        read_json(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(FileNotFoundError, match="no JSON file at"):
        read_json(path)


def test_json_keeps_what_it_can_hold(tmp_path):
    content = {
        "b": np.arange(2),
        "a": (np.float32(0.5), float("inf"), "é"),
        3: {"c": np.bool_(True), "d": None},
    }
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == {"3": {"c": True, "d": None}, "a": [0.5, None, "é"], "b": [0, 1]}


def test_arrays_and_tables_come_back(tmp_path):
    table = pd.DataFrame(
        {"asteroid": ["433", None], "H": [10.4, np.nan], "n": [1, 2], "novel": [True, False]}
    )
    write_arrays(tmp_path / "a.npz", **table_to_arrays(table))
    again = arrays_to_table(read_arrays(tmp_path / "a.npz"))
    pd.testing.assert_frame_equal(again, table.assign(asteroid=["433", ""]))


def test_checksums_of_folders_depend_on_names_and_contents(tmp_path):
    write_bytes(tmp_path / "one" / "a.txt", b"1")
    write_bytes(tmp_path / "two" / "b.txt", b"1")
    write_bytes(tmp_path / "three" / "a.txt", b"1")
    assert sha256(tmp_path / "one") == sha256(tmp_path / "three") != sha256(tmp_path / "two")
    with pytest.raises(FileNotFoundError):
        sha256(tmp_path / "missing")


@given(st.text(st.characters(), max_size=20))
def test_any_text_is_safe_to_show(text):
    shown = escape_control(text)
    assert shown.isprintable()
    shown.encode()  # also what was no text
    assert one_line(ValueError(text)).splitlines() in ([], [one_line(ValueError(text))])
