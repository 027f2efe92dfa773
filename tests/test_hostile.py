"""Input from anywhere: archives that lie, spectra in every dialect and with every damage, cells that would be formulas."""

import io
import os
import struct
import sys
import tarfile
import time
import tracemalloc
import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import SOAK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nea_prospect.archives import Limits
from nea_prospect.catalogs import label_groups, match_catalog, read_catalog
from nea_prospect.files import read_json, read_table, sha256, write_table
from nea_prospect.loading import SpectrumError, load_dataset, parse_spectra, read_spectra
from nea_prospect.prediction import read_any
from nea_prospect.series import RunError, main, run_series, verify_run


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.fixture
def good(spectrum_text):
    return spectrum_text()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_does_not_belong_into_an_archive_is_rejected_with_a_reason_and_the_rest_is_read(tmp_path, good):
    inner = make_zip(tmp_path / "inner.zip", [("a.txt", good)]).read_bytes()
    members = [
        ("1.txt", good),
        ("../2.txt", good),
        ("a/../../3.txt", good),
        ("/etc/4.txt", good),
        ("C:/5.txt", good),
        ("6\x1b[31m.txt", good),
        ("7.zip", inner),
        ("__MACOSX/8.txt", good),
        (".DS_Store", b"x"),
        ("9.txt", b""),
        ("1.txt", good),
        ("c/10.txt", good),
    ]
    spectra, rejects = read_spectra(make_zip(tmp_path / "a.zip", members))
    assert sorted(spectra) == ["1.txt", "c/10.txt"] and len(rejects) == len(members) - 2
    for name, reason in {
        "../2.txt": "points out",
        "a/../../3.txt": "points out",
        "/etc/4.txt": "points out",
        "C:/5.txt": "points out",
        "7.zip": "archive inside",
        "__MACOSX/8.txt": "operating system",
        ".DS_Store": "operating system",
        "9.txt": "no row",
    }.items():
        assert reason in rejects[name]
    assert (
        sum("control characters" in reason for reason in rejects.values()) == 1
        and sum("second file" in reason for reason in rejects.values()) == 1
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "inner.zip"], "nothing was unpacked"


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_names_that_are_no_text_or_hold_commands_are_spelled_out(tmp_path, monkeypatch, capsys, good, kind):
    names = ["1.txt", "2\udcff.txt", "3\x1b[31m.txt"]
    if kind == "folder":
        (tmp_path / "a").mkdir()
        for name in names:
            (tmp_path / "a" / name).write_bytes(good)
    else:
        with tarfile.open(tmp_path / "a", "w") as archive:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = len(good)
                archive.addfile(info, io.BytesIO(good))
    (tmp_path / "c.csv").write_text("number,class\n1,S\n")
    rejects = load_dataset(tmp_path / "c.csv", tmp_path / "a").rejects
    write_table(tmp_path / "rejects.csv", rejects)
    assert set(rejects.item) == {r"2\udcff.txt", r"3\x1b[31m.txt"} and len(sha256(tmp_path / "a")) == 64
    monkeypatch.setattr(
        sys,
        "argv",
        [
            "nea-prospect",
            "predict",
            str(tmp_path / "a"),
            str(tmp_path / "no\udcff.txt"),
            "--run",
            "bundled",
            "--out",
            str(tmp_path / "t.csv"),
        ],
    )
    with pytest.raises(SystemExit) as end:
        main()
    told = capsys.readouterr().out
    assert (
        end.value.code == 1
        and "1 spectra classified, 3 files could not be" in told
        and r"3\x1b[31m.txt" in told
        and r"no\udcff.txt" in told
        and "\x1b" not in told
    )


def test_json_that_is_nested_without_end_is_refused(tmp_path):
    (tmp_path / "run.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(tmp_path / "run.json")
    assert verify_run(tmp_path)[0] == "unfinished" and "nested too deeply" in verify_run(tmp_path)[1][0]


def test_links_are_not_followed(tmp_path, good):
    (tmp_path / "secret.txt").write_bytes(good)
    (tmp_path / "folder").mkdir()
    os.symlink(tmp_path / "secret.txt", tmp_path / "folder" / "1.txt")
    (tmp_path / "folder" / "2.txt").write_bytes(good)
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind, name in (
            (tarfile.SYMTYPE, "1.txt"),
            (tarfile.LNKTYPE, "3.txt"),
            (tarfile.CHRTYPE, "4.txt"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("2.txt")
        info.size = len(good)
        archive.addfile(info, io.BytesIO(good))
    for path, number in ((tmp_path / "folder", 1), (tmp_path / "a.tar", 3)):
        spectra, rejects = read_spectra(path)
        assert (
            list(spectra) == ["2.txt"]
            and len(rejects) == number
            and all("link or a device" in reason for reason in rejects.values())
        )


def test_encrypted_truncated_and_corrupted_members_are_told_apart_from_sound_ones(tmp_path, good):
    path = make_zip(tmp_path / "a.zip", [("1.txt", good), ("2.txt", good[::-1] + good), ("3.txt", good)])
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        second, third = archive.getinfo("2.txt").header_offset, archive.getinfo("3.txt").header_offset
    data[second + 60] ^= 0xFF
    central = data.find(b"PK\x01\x02", data.find(b"PK\x01\x02", data.find(b"PK\x01\x02") + 1) + 1)
    for flags in (third + 6, central + 8):
        data[flags : flags + 2] = struct.pack("<H", struct.unpack("<H", data[flags : flags + 2])[0] | 1)
    path.write_bytes(data)
    spectra, rejects = read_spectra(path)
    assert (
        list(spectra) == ["1.txt"]
        and "cannot be read" in rejects["2.txt"]
        and rejects["3.txt"] == "encrypted"
    )
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError):
        read_spectra(path)


def test_a_bomb_is_refused_before_it_takes_memory(tmp_path):
    bomb = make_zip(tmp_path / "bomb.zip", [("1.txt", bytes(80 * 2**20)), ("2.txt", b"1 1")])
    assert bomb.stat().st_size < 2**20
    tracemalloc.start()
    spectra, rejects = read_spectra(bomb)
    many = make_zip(tmp_path / "many.zip", [(f"{k}.txt", bytes(2**20)) for k in range(30)])
    with pytest.raises(ValueError, match="limit max_total_mib = 4 allows"):
        read_spectra(many, limits=Limits(max_total_mib=4))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not spectra and "max_file_mib = 16" in rejects["1.txt"] and peak < 60 * 2**20
    with pytest.raises(ValueError, match="limit max_files = 10 allows"):
        read_spectra(many, limits=Limits(max_files=10))
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("1.txt")
        info.size = 70 * 2**20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    assert "max_file_mib" in read_spectra(tmp_path / "bomb.tar.gz")[1]["1.txt"]
    (tmp_path / "large.txt").write_bytes(b"0.5 1\n" * 12_000_000)
    assert isinstance(read_any([tmp_path / "large.txt"])[1][0], SpectrumError)


def test_a_tar_with_endless_names_or_links_is_refused_before_it_takes_memory(tmp_path, good):
    with tarfile.open(tmp_path / "names.tar.gz", "w:gz", compresslevel=1) as archive:
        info = tarfile.TarInfo("././@LongLink")
        info.type, info.size = tarfile.GNUTYPE_LONGNAME, 200 * 2**20
        archive.addfile(info, io.BytesIO(b"a" * info.size))
        info = tarfile.TarInfo("1.txt")
        info.size = len(good)
        archive.addfile(info, io.BytesIO(good))
    with tarfile.open(tmp_path / "links.tar", "w") as archive:
        for number in range(30):
            info = tarfile.TarInfo(f"{number}.txt")
            info.type, info.linkname = tarfile.SYMTYPE, "x"
            archive.addfile(info)
    tracemalloc.start()
    with pytest.raises(ValueError, match="neither a zip, a tar nor a folder"):
        read_spectra(tmp_path / "names.tar.gz")
    assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    tracemalloc.stop()
    with pytest.raises(ValueError, match="limit max_files = 10 allows"):
        read_spectra(tmp_path / "links.tar", limits=Limits(max_files=10))


def test_pipes_and_devices_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert all(isinstance(result, SpectrumError) for result in read_any([tmp_path / "pipe", "/dev/zero"])[1])
    (tmp_path / "c.csv").write_text("number,class\n1,S\n")
    with pytest.raises(RunError, match="no archive of spectra at"):
        run_series(tmp_path / "run", tmp_path / "c.csv", tmp_path / "pipe")
    with pytest.raises(RunError, match="no table of resources at"):
        run_series(tmp_path / "run", settings={"resources": str(tmp_path / "pipe")})
    (tmp_path / "run.json").symlink_to("/dev/zero")
    assert verify_run(tmp_path)[0] == "unfinished"


@pytest.mark.slow
def test_a_hundred_thousand_empty_members_are_counted_in_seconds(tmp_path, good):
    path = make_zip(
        tmp_path / "empty.zip", [*((f"{number}.txt", b"") for number in range(100_000)), ("good.txt", good)]
    )
    start = time.perf_counter()
    spectra, rejects = read_spectra(path)
    assert list(spectra) == ["good.txt"] and len(rejects) == 100_000 and time.perf_counter() - start < 60


@st.composite
def dialects(draw):
    """A spectrum, how it is written, and the bytes."""
    seed, n = draw(st.integers(0, 2**32 - 1)), draw(st.integers(12, 60))
    rng = np.random.default_rng(seed)
    wavelength = np.unique(np.round(np.sort(rng.uniform(0.45, 2.45, n)), 5))
    reflectance = np.round(rng.uniform(0.1, 2.0, len(wavelength)) * 10.0 ** draw(st.integers(-6, 6)), 9)
    unit, factor = draw(st.sampled_from([("um", 1.0), ("nm", 1e3), ("Angstrom", 1e4)]))
    comma = draw(st.booleans())
    separator = draw(
        st.sampled_from(["\t", ";", "  ", "; "] if comma else [" ", "\t", ",", ";", ", ", "   "])
    )
    style = draw(st.sampled_from(["{:.9g}", "{:.8e}", "{:.8E}", "{:.10f}"]))
    order = draw(st.sampled_from(["ascending", "descending", "shuffled"]))
    rows = {
        "ascending": np.arange(len(wavelength)),
        "descending": np.arange(len(wavelength))[::-1],
        "shuffled": rng.permutation(len(wavelength)),
    }[order]
    extra = draw(st.sampled_from([0, 1, 2]))
    lines = [
        separator.join(
            [f"{wavelength[row] * factor:.9g}", style.format(reflectance[row]), *["0.0625", "1"][:extra]]
        )
        for row in rows
    ]
    if draw(st.booleans()):
        lines = [
            f"{number}{separator}{line}" for number, line in enumerate(lines, start=draw(st.integers(0, 1)))
        ]
    if comma:
        lines = [line.replace(".", ",") for line in lines]
    header = draw(
        st.sampled_from(
            [
                [],
                ["# a header"],
                ["wavelength reflectance"],
                ["", "  "],
                ["Object: (433) Eros"],
                ["// x", "-----"],
            ]
        )
    )
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    return (
        wavelength,
        reflectance,
        unit,
        style,
        (end.join([*header, *lines]) + draw(st.sampled_from(["", end, end * 3]))).encode(encoding),
    )


@settings(max_examples=2500 * SOAK, database=None, suppress_health_check=list(HealthCheck))
@given(dialects())
def test_every_dialect_gives_the_values_that_were_written(made):
    wavelength, reflectance, unit, style, data = made
    (spectrum,) = parse_spectra([data])
    tolerance = 1e-6 if style != "{:.10f}" else None
    if tolerance is None and reflectance.min() < 1e-4:
        return  # ten decimals do not hold so small a number
    assert not isinstance(spectrum, SpectrumError), spectrum
    assert spectrum.facts["unit"] == unit
    np.testing.assert_allclose(spectrum.wavelength, wavelength, rtol=1e-7)
    np.testing.assert_allclose(spectrum.reflectance, reflectance, rtol=tolerance or 1e-5)


@st.composite
def damages(draw):
    """A written spectrum, damaged, with the pairs that were written in um."""
    wavelength, reflectance, _, _, data = draw(dialects())
    kind = draw(
        st.sampled_from(
            [
                "cut",
                "noise",
                "nul",
                "nan",
                "one line",
                "swapped",
                "repeated",
                "sentinels",
                "huge",
                "binary",
                "interleaved",
            ]
        )
    )
    position = draw(st.integers(0, len(data) - 1))
    if kind == "cut":
        data = data[:position]
    elif kind == "noise":
        data = data[:position] + draw(st.binary(min_size=1, max_size=20)) + data[position:]
    elif kind == "nul":
        data = data[:position] + b"\0" * draw(st.integers(1, 9)) + data[position:]
    elif kind == "one line":
        data = data.replace(b"\n", b" ").replace(b"\r", b" ")
    elif kind == "repeated":
        data = data + data
    elif kind == "binary":
        data = draw(st.binary(max_size=300))
    else:
        word = {
            "nan": b"nan",
            "swapped": b"1e9",
            "sentinels": b"-1.0000",
            "huge": b"1e999",
            "interleaved": b"abc 1 2",
        }[kind]
        lines = data.split(b"\n")
        for row in draw(st.lists(st.integers(0, len(lines) - 1), max_size=len(lines))):
            lines[row] = word + b" " + word
        data = b"\n".join(lines)
    return data


@settings(max_examples=2500 * SOAK, database=None, suppress_health_check=list(HealthCheck))
@given(damages())
def test_damage_gives_a_valid_spectrum_or_a_reason_and_never_an_exception(data):
    (result,) = parse_spectra([data])
    if isinstance(result, SpectrumError):
        assert str(result) and "\n" not in str(result)
        return
    assert (
        len(result.wavelength) >= 10
        and (np.diff(result.wavelength) > 0).all()
        and np.isfinite(result.reflectance).all()
    )
    assert (result.reflectance > 0).all() and (result.wavelength > 0).all() and result.wavelength.max() < 50
    assert result.uncertainty is None or len(result.uncertainty) == len(result.wavelength)


def written(form, rows=60, header=""):
    wavelength = np.linspace(0.45, 2.4, rows)
    return (
        header + "\n".join(form(number, value, 1 + 0.1 * value) for number, value in enumerate(wavelength))
    ).encode()


@pytest.mark.parametrize(
    "data, points",
    [
        (
            written(
                lambda k, x, y: f"{k},{x:.4f},{y:.4f},0.0100", header=",wavelength,reflectance,uncertainty\n"
            ),
            60,
        ),
        (written(lambda k, x, y: f"{k + 1}\t{x * 1e3:.2f}\t{y:.4f}", 1000), 1000),
        (written(lambda k, x, y: f"{x:.4f},{'' if k % 3 == 0 else f'{y:.4f}'},0.0100"), 40),
        (written(lambda k, x, y: f"{x:.4f}\t{'' if k % 3 == 0 else f'{y:.4f}'}\t0.0100"), 40),
        (written(lambda k, x, y: f"{'' if k % 3 == 0 else f'{x:.4f}'};{y:.4f};0.0100"), 40),
        (written(lambda _, x, y: f",{x:.4f},{y:.4f}"), 60),
        (written(lambda _, x, y: f"{x:.4f}\t\t{y:.4f}"), 60),
        (
            written(
                lambda _, x, y: f"{x * 1e3:.2f};{y:.4f}".replace(".", ","),
                header="Messung 12.05.2020\n12.05.2020\nWellenlaenge;Reflexion\n",
            ),
            60,
        ),
    ],
    ids=[
        "index of pandas",
        "numbered from 1",
        "empty field",
        "empty field of tabs",
        "empty wavelength",
        "empty first column",
        "two tabs",
        "date above decimal commas",
    ],
)
def test_values_stay_in_their_columns(data, points):
    (spectrum,) = parse_spectra([data])
    assert not isinstance(spectrum, SpectrumError) and len(spectrum.wavelength) == points
    np.testing.assert_allclose(spectrum.reflectance, 1 + 0.1 * spectrum.wavelength, rtol=1e-4)
    assert spectrum.uncertainty is None or (spectrum.uncertainty == 0.01).all()


@pytest.mark.parametrize(
    "data, message",
    [
        (written(lambda _, x, y: f"{1e4 / x:.2f} {y:.4f}"), "wavenumbers"),
        (written(lambda k, _, y: f"{4200 + 300 * k} {y:.4f}", header="Wave number (cm^-1)\n"), "wavenumbers"),
        (
            written(lambda k, x, y: f"{x * (1e3 if k < 20 else 1):.4f} {y:.4f}"),
            "20 of 60 wavelengths are not in um as the others are",
        ),
        (
            written(lambda k, x, y: f"{x * (1e3 if k < 40 else 1):.4f} {y:.4f}"),
            "20 of 60 wavelengths are not in nm as the others are",
        ),
    ],
)
def test_what_is_no_wavelength_in_one_unit_is_refused(data, message):
    (error,) = parse_spectra([data])
    assert isinstance(error, SpectrumError) and message in str(error)


@pytest.mark.slow
def test_ten_million_points_and_one_endless_line_end_in_time():
    text = b"e-8 1.0\n".join(np.arange(45_000_000, 245_000_000, 20).astype("S9").tolist()) + b"e-8 1.0"
    start = time.perf_counter()
    result, line = parse_spectra([text, b"0.5 1.0 " * 5_000_000])
    assert (
        len(result.wavelength) == 10_000_000
        and isinstance(line, SpectrumError)
        and time.perf_counter() - start < 120
    )


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "'=1",
        "''@x",
        "-",
        "plain",
        "'Aylo'chaxnim",
        "",
        "a=b",
        "2000 WL63",
    ],
)
def test_a_cell_never_becomes_a_formula_and_comes_back_as_it_was(tmp_path, text):
    write_table(tmp_path / "t.csv", pd.DataFrame({"Name": [text, "x"], "number": [1.5, -2.5]}))
    raw = pd.read_csv(tmp_path / "t.csv", keep_default_na=False).Name[0]
    assert len(raw) < 2 or raw[0] not in "=+-@\t\r"
    table = read_table(tmp_path / "t.csv", ("Name",))
    assert table.Name[0] == text and table.number.tolist() == [1.5, -2.5]


cell = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["433", "1e400", "-1", "nan", "2000 WL63", "C;X", '"', "a,b", "\n", "=1", "0", "S", "\ufeff", "1" * 400]
)


@settings(max_examples=300 * SOAK, database=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.sampled_from(
            ["number", "designation", "name", "class", "group", "H", "a_au", "albedo", "x", "Type [3]", ""]
        ),
        max_size=7,
    ),
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
    match_catalog(catalog, ["433", "eros", ""])
    if len(catalog):
        assert all(isinstance(groups, tuple) for groups in label_groups(catalog.assign(group="S-Group")))


@pytest.mark.parametrize(
    "content, limits, message",
    [
        (b"number,class\n433,S\n434,C,x\n", Limits(), "Expected 2 fields in line 3, saw 3"),
        (b"number,class\n433,S,\n434,C,\n", Limits(), "its rows have more cells than its header"),
        (b"number,NUMBER,class\n1,2,S\n", Limits(), "two columns are named number"),
        (
            b'number,name,class\n1,"Ceres,C\n2,Pallas,B\n3,"Juno,S\n',
            Limits(),
            "a quotation mark in row 2 takes several lines into one cell",
        ),
        (b"number,class\n" + b"1,S\n" * 400_000, Limits(max_file_mib=1), "limit max_file_mib = 1 allows"),
        (
            b"number,class\n" + b"1,S\n" * 1001,
            Limits(max_cells=2000),
            "more than 1000 rows of 2 columns; the limit max_cells = 2000",
        ),
        (
            b"number,class" + b"," * 200_000 + b"\n1,S\n" + b",\n" * 5_000_000,
            Limits(),
            "its first row does not end",
        ),
        (
            b"number,class" + b"," * 20_000 + b"\n1,S\n" + b",\n" * 5_000_000,
            Limits(max_cells=2_000_000),
            "more than 99 rows of 20002 columns",
        ),
        (b'number,class,"' + b"," * 200_000, Limits(), "is not a CSV catalog"),
        (b"\x1f\x8b\x08" + bytes(100), Limits(), "is not a CSV catalog"),
    ],
    ids=[
        "a long row",
        "commas at the ends",
        "columns of one name",
        "a stray quotation mark",
        "too large",
        "too many rows",
        "an endless header",
        "too many columns",
        "an endless cell",
        "compressed",
    ],
)
def test_a_catalog_that_is_crooked_or_too_large_is_refused_before_it_takes_memory(
    tmp_path, content, limits, message
):
    (tmp_path / "c.csv").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=message) as error:
        read_catalog(tmp_path / "c.csv", limits=limits)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "\n" not in str(error.value) and peak < 500 * 2**20


def test_a_catalog_in_another_dialect_is_read_and_marks_of_the_unknown_are_no_numbers(tmp_path):
    (tmp_path / "c.csv").write_bytes(
        "\ufeffNumber;class;H;albedo;diameter_km;e\r\n433;S;10,41;0,25;16,8;0,2\r\n1;C;99;25;-1;9,9\r\n433;;;;17,0;\r\n2;B;;;;\r\n2;;4,1;;;\r\n".encode()
    )
    catalog = read_catalog(tmp_path / "c.csv")
    assert (
        catalog.loc[0, ["H", "albedo", "diameter_km", "e"]].tolist() == [10.41, 0.25, 16.8, 0.2]
        and catalog.loc[1, ["H", "albedo", "diameter_km", "e"]].isna().all()
    )
    matched = match_catalog(catalog, ["433", "2"])
    assert matched.diameter_km[0] == 16.8 and matched.H.tolist() == [10.41, 4.1]
    (tmp_path / "t.tsv").write_text("\tnumber\tclass\n0\t433\tS\n")
    assert read_catalog(tmp_path / "t.tsv").number.tolist() == ["433"]


@settings(max_examples=50 * SOAK, database=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=500))
def test_any_bytes_are_no_catalog_or_one(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(data)
    try:
        read_catalog(path)
    except ValueError as error:
        assert str(error)
