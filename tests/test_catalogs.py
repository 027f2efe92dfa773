"""Catalogs in every layout, rows that are one asteroid, and groups of classes."""

import json
import sys
import tracemalloc

import pandas as pd
import pytest
from conftest import SOAK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nea_prospect.archives import Limits
from nea_prospect.catalogs import describe_columns, label_groups, merge_rows, read_catalog
from nea_prospect.core import Identities


@pytest.fixture
def catalog_of(tmp_path):
    """A function that reads a catalog from its text."""

    def read(text, **options):
        (tmp_path / "c.csv").write_bytes(text.encode())
        return read_catalog(tmp_path / "c.csv", **options)

    return read


def test_a_missing_catalog_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="no catalog at"):
        read_catalog(tmp_path / "missing.csv")


@pytest.mark.parametrize(
    "text, message",
    [
        ("foo,bar\n1,2\n", "the number or designation; looked for number, designation; it has foo, bar"),
        ("Number,bar\n1,2\n", "no column for the class or group"),
        ("Number,bar\n1,2\n", "use: nea-prospect predict SPECTRA --catalog CATALOG"),
        ("", "not a CSV catalog"),
    ],
)
def test_what_is_no_catalog_is_refused_with_a_reason(catalog_of, text, message):
    with pytest.raises(ValueError, match=message):
        catalog_of(text)


def test_a_catalog_needs_no_class_for_a_prediction(catalog_of):
    assert catalog_of("number,H\n433,10.4\n", need_class=False).H.tolist() == [10.4]
    with pytest.raises(ValueError, match="no column for the number or designation"):
        catalog_of("name,H\nEros,10.4\n", need_class=False)


@pytest.mark.parametrize(
    "written, number",
    [("25143", "25143"), ("25,143", "25143"), ("1,025,143", "1025143"), ("25,14", "25,14"), ("-", "")],
)
def test_a_number_may_have_thousands_separators(catalog_of, written, number):
    assert catalog_of(f'number,class\n"{written}",S\n').number.tolist() == [number]


@pytest.mark.parametrize(
    "rows, asteroids",
    [
        ("123456,2000 WL63,,S\n,2000 WL63,,S\n", ["123456"]),
        (",2000 WL63,,S\n123456,2000 WL63,,C\n", ["123456"]),
        ("433,,Eros,S\n,,Eros,\n433 Eros,,,S\n(433) Eros,,,S\n", ["433"]),
        (",1898 DQ,,S\n,1898 DQ,Eros,S\n433,,Eros,S\n", ["433"]),
        (",,Eros,S\n,1898 DQ,Eros,S\n", ["1898 DQ"]),
        ("1,,Twin,S\n2,,Twin,S\n", ["1", "2"]),
        ("1,,-,S\n,2000 WL63,-,S\n", ["1", "2000 WL63"]),
    ],
    ids=["designation", "number last", "spellings", "a chain", "a name", "two numbers", "a dash is no name"],
)
def test_rows_that_share_a_name_are_one_asteroid_unless_their_numbers_differ(catalog_of, rows, asteroids):
    merged, rejects = merge_rows(catalog_of("number,designation,name,class\n" + rows))
    assert merged.asteroid.tolist() == asteroids
    assert len(merged) + len(rejects) == rows.count("\n")


def test_a_merged_asteroid_is_found_under_each_of_its_names(catalog_of):
    text = "433,A898 PA,Eros,S,\n,2000 WL63,,C,19\n433,1956 PC,,Sq,10.4\n0,,,S,1\n"
    rows, rejects = merge_rows(catalog_of("number,designation,name,class,H\n" + text))
    found = Identities(rows).find(["433", "A898 PA", "1956 PC", "eros", "2000_wl63", "7"])
    assert found.tolist() == [0, 0, 0, 0, 1, -1]
    assert rows["class"].tolist() == ["S;Sq", "C"]
    assert rows.H.tolist() == [10.4, 19.0]
    assert rejects == {
        4: "repeats asteroid 433 of row 2 (classes: S and Sq)",
        5: "no number, designation or name",
    }


def test_groups_are_derived_from_classes_or_taken_as_given(catalog_of):
    catalog = catalog_of("number,class,group\n1,Sq,x-group\n2,,V-type;D-type\n3,-,\n")
    assert label_groups(catalog) == [("S-Group",), ("D-type", "V-type"), ()]
    assert label_groups(catalog, "as-given") == [("X-Group",), ("D-type", "V-type"), ()]


@pytest.mark.parametrize(
    "text, labels, message",
    [
        ("number,class\n1,S\n", "guess", "labels is 'guess'"),
        ("number,class\n1,S\n", "as-given", "no group column with C-Group"),
        ("number,class\n1,\n", "harmonised", "use: nea-prospect predict SPECTRA --catalog CATALOG"),
        ("number,class\n", "harmonised", "no row of the catalog has a class or a group"),
    ],
)
def test_a_catalog_without_labels_says_what_to_do(catalog_of, text, labels, message):
    with pytest.raises(ValueError, match=message):
        label_groups(catalog_of(text), labels)


COLUMNS = ["number", "designation", "name", "class", "group", "H", "a_au", "albedo", "x", "Type [3]", ""]
cell = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["433", "1e400", "-1", "nan", "2000 WL63", "C;X", '"', "a,b", "\n", "=1", "0", "S", "\ufeff", "1" * 400]
)


@settings(max_examples=300 * SOAK, database=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from(COLUMNS), max_size=7),
    st.lists(st.lists(cell, max_size=8), max_size=6),
    st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16"]),
    st.booleans(),
)
def test_any_catalog_is_read_or_refused_with_a_reason(tmp_path_factory, columns, rows, encoding, quoted):
    path = tmp_path_factory.getbasetemp() / "catalog.csv"
    lines = [",".join(f'"{value}"' if quoted else value for value in row) for row in [columns, *rows]]
    path.write_bytes("\n".join(lines).encode(encoding, errors="replace"))
    try:
        catalog = read_catalog(path)
    except ValueError as error:
        assert str(error)
        return
    assert {"number", "designation", "name", "class", "group", "H"} <= set(catalog.columns)
    rows, rejects = merge_rows(catalog)
    assert len(rows) + len(rejects) == len(catalog)
    Identities(rows).find(["433", "eros", ""])
    if len(catalog):
        assert all(isinstance(groups, tuple) for groups in label_groups(catalog.assign(group="S-Group")))


WIDE = b"number,class%s\n1,S\n" + b",\n" * 5_000_000


@pytest.mark.parametrize(
    "content, limits, message",
    [
        (b"number,class\n433,S\n434,C,x\n", {}, "Expected 2 fields in line 3, saw 3"),
        (b"number,class\n433,S,\n434,C,\n", {}, "its rows have more cells than its header"),
        (b"number,NUMBER,class\n1,2,S\n", {}, "two columns are named number"),
        (b'number,name,class\n1,"Ceres,C\n2,Pallas,B\n3,"Juno,S\n', {}, "a quotation mark in row 2 takes"),
        (b"number,class\n" + b"1,S\n" * 400_000, {"max_file_mib": 1}, "2 MiB, more than max_file_mib = 1"),
        (
            b"number,class\n" + b"1,S\n" * 1001,
            {"max_cells": 2000},
            "more than 1000 rows .* max_cells is 2000",
        ),
        (WIDE % (b"," * 200_000), {}, "its first row does not end"),
        (WIDE % (b"," * 2_000), {"max_cells": 200_000}, "more than 99 rows of 2002 columns"),
        (b'number,class,"' + b"," * 200_000, {}, "is not a CSV catalog"),
        (b"\x1f\x8b\x08" + bytes(100), {}, "is not a CSV catalog"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.slow
def test_a_catalog_that_is_crooked_or_too_large_is_refused_before_it_takes_memory(
    tmp_path, content, limits, message
):
    (tmp_path / "c.csv").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=message) as error:
        read_catalog(tmp_path / "c.csv", limits=Limits(**limits))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "\n" not in str(error.value)
    assert peak < 500 * 2**20


def test_a_catalog_in_another_dialect_is_read_and_marks_of_the_unknown_are_no_numbers(catalog_of):
    catalog = catalog_of(
        "\ufeffNumber;class;H;albedo;diameter_km;e\r\n433;S;10,41;0,25;16,8;0,2\r\n"
        "1;C;99;25;-1;9,9\r\n433;;;;17,0;\r\n2;B;;;;\r\n2;;4,1;;;\r\n"
    )
    known = ["H", "albedo", "diameter_km", "e"]
    assert catalog.loc[0, known].tolist() == [10.41, 0.25, 16.8, 0.2]
    assert catalog.loc[1, known].isna().all()
    rows, _ = merge_rows(catalog)
    assert rows.set_index("asteroid").loc["433", "diameter_km"] == 16.8
    assert rows.set_index("asteroid").loc[["433", "2"], "H"].tolist() == [10.41, 4.1]
    assert catalog_of("\tnumber\tclass\n0\t433\tS\n").number.tolist() == ["433"]


@settings(max_examples=50 * SOAK, database=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=500))
def test_any_bytes_are_no_catalog_or_one(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(data)
    try:
        read_catalog(path)
    except ValueError as error:
        assert str(error)


SBDB = {
    "fields": ["spkid", "full_name", "pdes", "name", "H", "diameter", "albedo", "class", "spec_B", "spec_T"]
}
SBDB["data"] = [
    ["20000433", "   433 Eros (A898 PA)", "433", "Eros", "10.4", "16.84", "0.25", "AMO", "S", "S"],
    ["20001036", "  1036 Ganymed", "1036", "Ganymed", "9.2", "37.7", "0.24", "AMO", None, "S"],
    ["3092114", "       (2000 WL63)", "2000 WL63", None, "21", None, None, "APO", "Sq", None],
]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_table_of_the_small_body_database_has_orbits_in_class(catalog_of, form):
    frame = pd.DataFrame(SBDB["data"], columns=SBDB["fields"]).fillna("")
    catalog = catalog_of(json.dumps(SBDB) if form == "json" else frame.to_csv(index=False))
    assert catalog["class"].tolist() == ["S", "S", "Sq"]
    assert catalog["orbit"].tolist() == ["AMO", "AMO", "APO"]
    assert catalog["number"].tolist() == ["433", "1036", ""]
    assert catalog["designation"].tolist() == ["", "", "2000 WL63"]
    assert catalog["diameter_km"].tolist()[:2] == [16.84, 37.7]
    assert describe_columns(catalog) == (
        "catalog: number from pdes (else full_name), designation from pdes (else full_name), name, "
        "class from spec_B (else spec_T), orbit from class, H, albedo, diameter_km from diameter"
    )


def test_a_full_name_of_the_small_body_database_is_an_identity(catalog_of):
    text = (
        "spkid,full_name,spec_B\n1,   433 Eros (A898 PA),S\n2,       (2000 WL63),Sq\n3,152637 (1997 NC1),S\n"
    )
    catalog = catalog_of(text)
    assert catalog["number"].tolist() == ["433", "", "152637"]
    assert catalog["designation"].tolist() == ["", "2000 WL63", ""]


SSODNET = {
    "sso_number": [433.0, None],
    "sso_name": ["Eros", "2000 WL63"],
    "sso_class": ["NEA>Amor", "NEA>Apollo"],
    "albedo.value": [0.25, None],
    "diameter.value": [16.84, 0.2],
    "taxonomy.class": ["S", "Sq"],
    "absolute_magnitude.value": [10.4, 21.0],
    "orbital_elements.semi_major_axis.value": [1.458, 1.8],
    "family.name": [None, "of no use"],
}


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_the_table_of_ssodnet_is_a_catalog(tmp_path, form):
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = pd.DataFrame(SSODNET)
    frame.to_parquet(tmp_path / "bft") if form == "parquet" else frame.to_csv(tmp_path / "bft", index=False)
    catalog = read_catalog(tmp_path / "bft")
    assert merge_rows(catalog)[0].asteroid.tolist() == ["433", "2000 WL63"]
    assert catalog["class"].tolist() == ["S", "Sq"]
    assert catalog[["H", "diameter_km", "a_au"]].to_numpy().tolist() == [
        [10.4, 16.84, 1.458],
        [21.0, 0.2, 1.8],
    ]
    assert catalog.albedo.isna().tolist() == [False, True]
    assert "class from taxonomy.class" in describe_columns(catalog)


def test_a_parquet_catalog_that_is_damaged_large_or_another_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    pd.DataFrame(SSODNET).to_parquet(tmp_path / "bft")
    with pytest.raises(ValueError, match="max_cells = 3"):
        read_catalog(tmp_path / "bft", limits=Limits(max_cells=3))
    (tmp_path / "cut").write_bytes((tmp_path / "bft").read_bytes()[:-9])
    with pytest.raises(ValueError, match="a Parquet table that is damaged"):
        read_catalog(tmp_path / "cut")
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "other")
    with pytest.raises(ValueError, match="no column for the number or designation"):
        read_catalog(tmp_path / "other")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match="which needs pyarrow"):
        read_catalog(tmp_path / "bft")


def test_a_list_of_the_minor_planet_center_is_a_catalog(catalog_of):
    rows = [
        {
            "Number": "(433)",
            "Name": "Eros",
            "Principal_desig": "1898 DQ",
            "H": 10.4,
            "a": 1.458,
            "i": 10.8,
            "e": 0.2,
        },
        {
            "Principal_desig": "2000 WL63",
            "H": 21,
            "Other_desigs": ["2001 AA"],
            "Orbit_type": "Apollo",
            "a": 1.8,
        },
    ]
    catalog = catalog_of(json.dumps(rows, indent=1), need_class=False)
    assert merge_rows(catalog)[0].asteroid.tolist() == ["433", "2000 WL63"]
    assert catalog.a_au.tolist() == [1.458, 1.8]
    assert describe_columns(catalog) == (
        "catalog: number, designation from Principal_desig, name, orbit from Orbit_type, H, "
        "a_au from a, e, i_deg from i"
    )


def test_a_name_of_a_column_is_printed_safely(catalog_of):
    catalog = catalog_of('"\nNumber",class\n1,S\n')
    assert describe_columns(catalog) == "catalog: number, class"


@pytest.mark.parametrize(
    "text", ["{}", '{"fields": ["pdes"], "data": [1]}', '{"fields": 1, "data": []}', "{" * 99999]
)
def test_other_json_is_no_catalog(catalog_of, text):
    with pytest.raises(ValueError, match="is not a CSV catalog"):
        catalog_of(text)


def test_a_column_of_diameters_in_metres_is_read_and_told(catalog_of):
    catalog = catalog_of("number,class,H,Diameter_m\n25143,S,19.2,330\n433,S,10.4,16840\n4,V,3.2,525400000\n")
    assert catalog.diameter_km.tolist()[:2] == pytest.approx([0.33, 16.84])
    assert catalog.diameter_km.isna().tolist() == [False, False, True]
    assert describe_columns(catalog) == "catalog: number, class, H, diameter_km from Diameter_m"
    both = catalog_of("number,class,diameter_m,diameter_km\n433,S,1,16.84\n")
    assert both.diameter_km.tolist() == [16.84]


def test_diameters_in_metres_are_refused_and_a_single_impossible_one_is_left_out(catalog_of):
    with pytest.raises(ValueError, match=r"in metres\? \(Itokawa: 330 km and H 19.2\)"):
        catalog_of("number,name,class,H,diameter_km\n25143,Itokawa,S,19.2,330\n433,Eros,S,10.4,16840\n")
    rows = "".join(f"{number},S,10.4,16.8\n" for number in range(1, 9))
    catalog = catalog_of("number,class,H,diameter_km\n25143,S,19.2,330\n" + rows)
    assert catalog.diameter_km.isna().tolist() == [True] + [False] * 8


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8-sig"])
@pytest.mark.parametrize("before", ["", "sep=;\r\n", "# my targets\r\n"])
def test_a_catalog_of_a_spreadsheet_is_read(tmp_path, encoding, before):
    (tmp_path / "c.csv").write_bytes(f"{before}number;name;class\r\n433;Érós;S\r\n".encode(encoding))
    assert read_catalog(tmp_path / "c.csv")["class"].tolist() == ["S"]


SIZES = pd.DataFrame(
    {
        "number": ["433", "25143", "1036", "4179"],
        "class": "S",
        "H": [10.4, 19.3, 9.2, 15.3],
        "albedo": [0.24, 0.29, 0.24, 0.13],
        "diameter_km": [16.8, 0.33, 37.7, 2.8],
    }
)


@pytest.mark.parametrize(
    "table, message",
    [
        (SIZES.assign(albedo=100 * SIZES.albedo), "albedos like 24, in percent"),
        (SIZES.assign(diameter_km=SIZES.diameter_km / 2), "contradict H and albedo in 4 of 4 rows"),
        (SIZES.rename(columns={"H": "diameter_km", "diameter_km": "H"}), "contradict H"),
        (
            SIZES.rename(columns={"albedo": "diameter_km", "diameter_km": "albedo"}),
            "albedos like 16.8",
        ),
        (SIZES.assign(diameter_km=SIZES.H), "contradict H"),
    ],
    ids=["percent", "radius", "H and diameter", "albedo and diameter", "H twice"],
)
def test_columns_that_contradict_one_another_are_refused(tmp_path, table, message):
    SIZES.to_csv(tmp_path / "right.csv", index=False)
    assert read_catalog(tmp_path / "right.csv").diameter_km.notna().all()
    table.to_csv(tmp_path / "wrong.csv", index=False)
    with pytest.raises(ValueError, match=message):
        read_catalog(tmp_path / "wrong.csv")
