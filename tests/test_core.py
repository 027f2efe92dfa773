"""Names of asteroids and classes, and files that are whole or absent."""

import io
import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nea_prospect import files
from nea_prospect.core import (
    CLASS_GROUP,
    GROUP_COLORS,
    GROUPS,
    Identities,
    _small_picture,
    asteroid_id,
    candidate_groups,
    file_asteroid,
    parse_class,
)

LABELS = {
    ("S-Group",): ["Sqw", "Q,R", "S_comp", "Ld", "SK", "S(IV)", "sq"],
    ("C-Group",): ["C,Ch", "C-type"],
    ("X-Group",): ["E", "Xk:", "Xe, Xk"],
    ("V-type",): ["Vw"],
    ("Other",): ["U", "O", "banana", "10"],
    ("C-Group", "X-Group"): ["C;X"],
    ("C-Group", "D-type"): ["TCG:"],
    ("D-type", "X-Group"): ["P,D"],
    (): ["-", "unknown", "N/A", "", " ", None, float("nan")],
}


@pytest.mark.parametrize("groups", LABELS)
def test_published_classes_map_to_groups(groups):
    assert {label: candidate_groups(label) for label in LABELS[groups]} == dict.fromkeys(
        LABELS[groups], groups
    )


def test_every_class_of_every_group_reads_as_itself():
    for name, group in CLASS_GROUP.items():
        assert parse_class(name) == (name,)
        assert candidate_groups(f"{name}w:") == (group,)
    assert list(GROUPS) == sorted(GROUPS), "LabelEncoder order is the order of the groups"


FILES = {
    "1": ["smass2/a000001.[2]", "a000001.spfit.[2]"],
    "4": ["folder\\a000004.txt"],
    "36": ["a000036.1.txt"],
    "433": ["433.txt", "433_1.txt", "433_Eros.txt", "(433)_Eros.txt", "a000433.sp223.txt", "a000433_2.txt"],
    "1627": ["1627_IR.txt"],
    "1898 PA": ["A898PA.txt"],
    "2000 WL63": ["au2000WL63.visnir.txt", "2000_wl63.csv", "2000_WL63_vis.txt"],
    "2001 SG286": ["2001_SG_286.txt"],
    "2002 AV": ["AU2002AV.sp09.txt"],
    "2003 UB5": ["2003 UB005.txt"],
    "6344 P-L": ["6344 P-L.txt"],
    "eros": ["Eros.txt"],
    "20020817 spex": ["20020817_spex.txt"],
    "2002-08-17 spex": ["2002-08-17_spex.txt"],
    "20020817 001": ["20020817_001.txt"],
    "20020817 16": ["20020817_16.txt"],
    "12345678 433": ["12345678_433.txt"],
    "2004 MN4": ["20050127_2004MN4.txt", "2005-01-27_2004_MN4_spex.txt"],
}
FILES["433"] += ["20020817_433.txt", "2002-08-17_433_Eros.txt", "2002_08_17_(433)_Eros.txt", "00000433.txt"]
FILES["2002"] = ["2002_13_01.txt", "2002-spex.txt", "a002002.txt"]


@pytest.mark.parametrize("identity", FILES)
def test_files_are_matched_to_asteroids(identity):
    assert {name: file_asteroid(name) for name in FILES[identity]} == dict.fromkeys(FILES[identity], identity)


@pytest.mark.parametrize("name", ["20020817_spex.txt", "2002-08-17.txt", "20020817_433.txt", "123456789.txt"])
def test_what_a_file_states_counts_before_a_date_in_its_name(name):
    assert file_asteroid(name, "2004 MN4") == "2004 MN4"
    assert file_asteroid(f"433_{name}", "2004 MN4") == "433"


SPELLINGS = {
    "433": ["433 Eros (A898 PA)", "00433", "(433)", 433.0],
    "433.50": ["433.50"],
    "1898 PA": ["A898 PA", "1898 PA"],
    "2000 WL63": ["(2000 WL63)"],
    "2000": ["2000 WI63"],
    "2100": ["2100 AB1"],
    "2040 T-2": ["2040 t-2"],
    "6344 P-L": ["6344 P-L", "6344_PL"],
    "20020817 spex": ["20020817 spex"],
    "2002-08-17": ["2002-08-17"],
    "": ["0", " ", None, float("nan")],
}


@pytest.mark.parametrize("identity", SPELLINGS)
def test_identities_have_one_spelling(identity):
    texts = SPELLINGS[identity]
    assert {text: asteroid_id(text) for text in texts} == dict.fromkeys(texts, identity)


@given(st.text(max_size=20))
def test_an_identity_is_its_own_identity(text):
    assert asteroid_id(asteroid_id(text)) == asteroid_id(text)


@given(
    st.integers(1925, 2030),
    st.text("ABCDEFGHJKLMNOPQRSTUVWXY", min_size=2, max_size=2),
    st.integers(1, 999),
    st.sampled_from(["", " ", "_", "  "]),
)
def test_a_designation_ignores_case_blanks_underscores_and_zeros(year, letters, order, gap):
    wanted = f"{year} {letters}{order}"
    for ending in (f"{letters}{order}", f"{letters.lower()}{order:04d}", f"{letters}_{order}"):
        text = f"{year}{gap}{ending}"
        assert asteroid_id(text) == wanted
        assert file_asteroid(f"au{text}.sp1.txt".replace("  ", " ")) == wanted


KEYS = ("number", "designation", "alias", "name")


def facts(asteroid):
    """Number, designation, alias and name of a made-up asteroid."""
    letters = "ABCDEFGHJK"[asteroid]
    texts = (f"{asteroid + 1}", f"2000 A{letters}7", f"1998 B{letters}", f"Name{letters}")
    return dict(zip(KEYS, texts, strict=True))


def spell(rng, key, text):
    """One of the spellings of a number, a designation or a name."""
    if key == "number":
        return rng.choice([text, f"({text})", f"00{text}", f"{text}.0", f" {text} "])
    if key == "name":
        return rng.choice([text, text.lower(), text.upper(), f" {text}  "])
    return rng.choice([text, text.lower(), text.replace(" ", "_"), text.replace(" ", ""), f"({text})"])


def table_of(rng, known):
    """Table of asteroids, each with the keys that are known of it, in any spelling and order of columns."""
    rows = [
        {key: spell(rng, key, text) if key in keys else "" for key, text in facts(asteroid).items()}
        for asteroid, keys in known
    ]
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
    shared = dict(zip(asteroids, known, strict=True))
    matched = Identities(table_of(rng, shared.items())).match(table_of(rng, asked))
    for (asteroid, keys), row in zip(asked, matched.tolist(), strict=True):
        same = keys & shared.get(asteroid, set())
        assert row == (asteroids.index(asteroid) if same else -1)


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
    assert same.find(["433 Eros", "2000 WL63", "1999 AB", "eros"]).tolist() == [0, 3, 2, 1]
    asked = {"name": "Eros", "aliases": "1999 AB", "designation": "2000 WL63", "number": "433"}
    for key, row in (("number", 0), ("designation", 3), ("aliases", 2), ("name", 1)):
        assert same.match(pd.DataFrame([asked])).tolist() == [row]
        asked[key] = ""
    assert same.match(pd.DataFrame([asked])).tolist() == [-1]


def test_missing_values_and_empty_tables_match_nothing():
    table = pd.DataFrame({"number": [None, np.nan, "0"], "name": ["", " ", None]})
    for known in (table, table.head(0), pd.DataFrame({"class": ["S"]})):
        assert Identities(known).match(table).tolist() == [-1, -1, -1]
    assert Identities(table).find([]).tolist() == []


def test_canonical_identities_are_used_as_they_stand():
    table = pd.DataFrame({"identities": ["433;1898 DQ;eros", ""], "number": ["1", "2"]})
    same = Identities(table)
    assert same.find(["(433)", "A898 DQ", "Eros", "1"]).tolist() == [0, 0, 0, -1]
    assert same.match(pd.DataFrame({"identities": ["2000 WL63;eros", "433.0"]})).tolist() == [0, -1]


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    files.write_bytes(tmp_path / "a.txt", b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        files.write_bytes(tmp_path / "a.txt", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"old"


@given(values=st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_tables_keep_every_digit(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    files.write_table(path, pd.DataFrame({"asteroid": ["2000 WL63"] * len(values), "x": values}))
    assert files.read_table(path, ["asteroid"]).x.astype(float).tolist() == values


def test_a_file_has_the_mode_that_the_process_asks_for(tmp_path):
    old = os.umask(0o027)
    try:
        files.write_bytes(tmp_path / "new folder" / "a.txt", b"")
    finally:
        os.umask(old)
    assert (tmp_path / "new folder" / "a.txt").stat().st_mode & 0o777 == 0o640


def test_json_that_is_none_is_told_from_json_that_is_missing(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(bytes(2**26 + 2**20))
    with pytest.raises(ValueError, match=r"a.json has 65.0 MiB; a JSON file may have 64"):
        files.read_json(path)
    path.write_text("{")
    with pytest.raises(ValueError):
        files.read_json(path)
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "missing"):
        with pytest.raises(FileNotFoundError, match="no JSON file at"):
            files.read_json(tmp_path / name)


def test_json_keeps_what_it_can_hold(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"b": np.arange(2), "a": (np.float32(0.5), float("inf"), "é"), 3: np.bool_(True)})
    assert files.read_json(path) == {"3": True, "a": [0.5, None, "é"], "b": [0, 1]}


def test_checksums_of_folders_depend_on_names_and_contents(tmp_path):
    for name in ("one/a.txt", "two/b.txt", "three/a.txt"):
        files.write_bytes(tmp_path / name, b"1")
    one, two, three = (files.sha256(tmp_path / name) for name in ("one", "two", "three"))
    assert one == three
    assert one != two
    with pytest.raises(FileNotFoundError):
        files.sha256(tmp_path / "missing")


@given(st.text(st.characters(), max_size=20))
def test_any_text_is_safe_to_show(text):
    shown = files.escape_control(text)
    assert shown.isprintable()
    shown.encode()  # also what was no text
    assert files.one_line(ValueError(text)).splitlines() in ([], [files.one_line(ValueError(text))])


def test_a_picture_of_a_notebook_keeps_the_colours_of_its_areas():
    figure, ax = plt.subplots()
    x = np.linspace(0, 6, 200)
    for shift, color in enumerate(GROUP_COLORS.values()):  # more shades than a palette holds
        ax.plot(x, np.sin(x + shift), color=color)
        ax.fill_between(x, np.sin(x + shift) - 0.3, np.sin(x + shift) + 0.3, color=color, alpha=0.2)
    ax.axvspan(7, 8, color="#EEEEEE")
    full = io.BytesIO()
    figure.savefig(full, format="png", dpi=figure.dpi, bbox_inches="tight")
    before, after = (
        np.asarray(Image.open(png).convert("RGB")) for png in (full, io.BytesIO(_small_picture(figure)))
    )
    plt.close(figure)
    grey = (before == 0xEE).all(axis=2)
    assert grey.sum() > 1000
    assert np.abs(after[grey] - 238.0).max() <= 3
