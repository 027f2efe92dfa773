"""Spectra in every dialect, catalogs in every layout, and accounts that add up."""

import io
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nea_prospect.catalogs import match_catalog, read_catalog
from nea_prospect.loading import (
    MIN_POINTS,
    Spectrum,
    SpectrumError,
    bundled,
    load_dataset,
    parse_spectra,
    read_dataset,
    read_spectra,
    write_dataset,
)


def parse(data, **options):
    (result,) = parse_spectra([data], **options)
    return result


@pytest.mark.parametrize("line_end, fact", [("\n", "LF"), ("\r\n", "CRLF"), ("\r", "CR")])
@pytest.mark.parametrize("separator", [" ", "\t", ",", ", ", ";", "   \t"])
@pytest.mark.parametrize("columns", [2, 3, 4])
def test_every_separator_line_end_and_width(spectrum_text, separator, line_end, fact, columns):
    spectrum = parse(spectrum_text(separator=separator, line_end=line_end, columns=columns))
    assert isinstance(spectrum, Spectrum)
    np.testing.assert_allclose(spectrum.reflectance, 1 + 0.1 * np.linspace(0.45, 2.4, 40), rtol=1e-5)
    assert spectrum.facts["line_end"] == fact and spectrum.facts["n_columns"] == columns
    assert (spectrum.uncertainty is None) == (columns == 2)


@pytest.mark.parametrize("factor, unit", [(1, "um"), (1e3, "nm"), (1e4, "Angstrom")])
def test_units_are_recognised_from_values(spectrum_text, factor, unit):
    spectrum = parse(spectrum_text(factor, header="# wavelength reflectance"))
    assert spectrum.facts["unit"] == unit and spectrum.facts["n_text"] == 1
    np.testing.assert_allclose(spectrum.wavelength[[0, -1]], [0.45, 2.4], rtol=1e-4)


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "no row"),
        (b"\n\n", "no row"),
        (b"# only a header\n", "no row"),
        (b"1\n2\n3\n", "no row"),
        (b"\0\1\2" * 50, "binary"),
        (b"0.5 1\n0.6 1\n", "2 valid points"),
        (b"0.5 -1\n" * 40, "0 valid points"),
        (b"0.5 1\n" * 40, "1 different wavelengths"),
        (b"\n".join(b"%d 1" % (10**7 + k) for k in range(40)), "median wavelength"),
        (b"nan nan\n" * 40, "valid points"),
    ],
)
def test_what_is_no_spectrum_is_refused_with_a_reason(data, reason):
    assert isinstance(result := parse(data), SpectrumError)
    assert reason in str(result)


def test_sentinels_nan_and_infinity_are_dropped_and_counted(spectrum_text):
    data = spectrum_text() + b"0.5 -1 -1\n0.51 nan 0.1\n0.52 inf 0.1\n0.53 0 0\n-0.2 1 1\n"
    spectrum = parse(data)
    assert spectrum.facts["n_dropped"] == 5 and len(spectrum.wavelength) == 40


def test_a_decimal_comma_is_a_decimal_point(spectrum_text):
    text = spectrum_text(separator="\t").decode()
    np.testing.assert_array_equal(
        parse(text.replace(".", ",").encode()).reflectance, parse(text.encode()).reflectance
    )


def test_mixed_columns_keep_the_first_three(spectrum_text):
    lines = spectrum_text().decode().splitlines()
    mixed = "\n".join(line + (" 5" if k > 20 else "") for k, line in enumerate(lines))
    np.testing.assert_array_equal(
        parse(mixed.encode()).reflectance, parse("\n".join(lines).encode()).reflectance
    )


def test_red_to_blue_is_sorted(spectrum_text):
    forward, backward = parse(spectrum_text()), parse(spectrum_text(order=-1))
    np.testing.assert_array_equal(forward.wavelength, backward.wavelength)
    np.testing.assert_array_equal(forward.reflectance, backward.reflectance)


def segments(ratio=1.0, sigma=(0.01, 0.01)):
    first = [(x, 1.0, sigma[0]) for x in np.arange(0.45, 0.921, 0.01)]
    second = [(x, ratio, sigma[1]) for x in np.arange(0.80, 2.45, 0.02)]
    return "\n".join(f"{x:.3f} {y} {s}" for x, y, s in first + second).encode()


def test_segments_are_merged_by_weight_and_never_rescaled_unasked():
    spectrum = parse(segments(1.2, (0.01, 0.02)))
    assert spectrum.facts["n_segments"] == 2 and spectrum.facts["n_unsorted"] == 1
    inside = (spectrum.wavelength > 0.81) & (spectrum.wavelength < 0.91)
    np.testing.assert_allclose(spectrum.reflectance[inside], (4 * 1.0 + 1.2) / 5)
    assert spectrum.reflectance[-1] == 1.2 and spectrum.reflectance[0] == 1.0
    np.testing.assert_allclose(spectrum.facts["overlap_ratio"], 1 / 1.2)
    np.testing.assert_allclose(parse(segments(1.2), rescale=True).reflectance, 1.0)


def test_many_files_at_once_are_read_like_one_at_a_time(spectrum_text):
    contents = [
        spectrum_text(),
        segments(1.1),
        b"nothing",
        spectrum_text(1e4, order=-1),
        segments(0.9, (0.02, 0.01)),
        spectrum_text(columns=2),
    ] * 3
    for together, alone in zip(parse_spectra(contents), map(parse, contents)):
        if isinstance(alone, SpectrumError):
            assert str(together) == str(alone)
            continue
        np.testing.assert_allclose(together.wavelength, alone.wavelength, rtol=1e-12)
        np.testing.assert_allclose(together.reflectance, alone.reflectance, rtol=1e-9)
        assert str(together.facts) == str(alone.facts) or together.facts == pytest.approx(
            alone.facts, nan_ok=True
        )


finite = st.floats(0.3, 2.6).map(lambda x: round(x, 4))


@settings(max_examples=200)
@given(st.lists(st.tuples(finite, st.floats(0.01, 10), st.floats(1e-4, 1)), min_size=MIN_POINTS, max_size=60))
def test_any_rows_give_a_valid_spectrum_within_what_was_measured(rows):
    data = "\n".join(f"{x!r} {y!r} {s!r}" for x, y, s in rows).encode()
    spectrum = parse(data)
    if isinstance(spectrum, SpectrumError):
        assert len({x for x, *_ in rows}) < MIN_POINTS
        return
    assert (np.diff(spectrum.wavelength) > 0).all()
    assert set(np.round(spectrum.wavelength, 4)) == {x for x, *_ in rows}
    values = [y for _, y, _ in rows]
    assert min(values) * (1 - 1e-9) <= spectrum.reflectance.min() and spectrum.reflectance.max() <= max(
        values
    ) * (1 + 1e-9)


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_spectrum_or_a_reason(data):
    assert isinstance(parse(data), (Spectrum, SpectrumError))


def make_zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_zip_tar_and_folder_read_the_same(tmp_path, spectrum_text):
    members = {"a000001.txt": spectrum_text(), "sub/a000002.txt": segments(), "notes.md": b"hello"}
    zipped = make_zip(tmp_path / "a.zip", members)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    folder = tmp_path / "un dossier été"
    for name, content in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    results = [read_spectra(path) for path in (zipped, tmp_path / "a.tar.gz", folder)]
    for spectra, rejects in results:
        assert list(spectra) == ["a000001.txt", "sub/a000002.txt"]
        assert rejects == {"notes.md": "no row with a wavelength and a reflectance"}
        np.testing.assert_array_equal(
            spectra["sub/a000002.txt"].reflectance, results[0][0]["sub/a000002.txt"].reflectance
        )


def test_litter_and_damage_are_rejected_and_the_rest_is_read(tmp_path, spectrum_text):
    path = make_zip(
        tmp_path / "a.zip",
        {
            "a000001.txt": spectrum_text(),
            "__MACOSX/._a1.txt": b"x",
            ".DS_Store": b"x",
            "a000002.txt": spectrum_text(),
        },
    )
    data = bytearray(path.read_bytes())
    data[data.rindex(spectrum_text()[:50]) + 10] ^= 0xFF
    path.write_bytes(data)
    spectra, rejects = read_spectra(path)
    assert list(spectra) == ["a000001.txt"]
    assert "cannot be read" in rejects["a000002.txt"] and len(rejects) == 3


def test_an_unreadable_input_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="no archive"):
        read_spectra(tmp_path / "missing.zip")
    (tmp_path / "x.bin").write_bytes(b"neither")
    with pytest.raises(ValueError, match="neither a zip, a tar nor a folder"):
        read_spectra(tmp_path / "x.bin")
    with pytest.raises(FileNotFoundError, match="no catalog"):
        read_catalog(tmp_path / "missing.csv")
    (tmp_path / "bad.csv").write_text("foo,bar\n1,2\n")
    with pytest.raises(
        ValueError,
        match="no column for the number or designation; looked for number, designation; it has foo, bar",
    ):
        read_catalog(tmp_path / "bad.csv")
    (tmp_path / "bad.csv").write_text("Number,bar\n1,2\n")
    with pytest.raises(ValueError, match="no column for the class or group"):
        read_catalog(tmp_path / "bad.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match="not a CSV catalog"):
        read_catalog(tmp_path / "empty.csv")


def test_everything_ends_up_somewhere(tmp_path, spectrum_text):
    (tmp_path / "c.csv").write_text(
        "Number,Designation,Class\n1,,C\n,2000 WL63,Sq\n2,,V\n2,,X\n0,,S\n4,,V\n5,,S\n"
    )
    archive = make_zip(
        tmp_path / "s.zip",
        {
            "a000001.1.txt": spectrum_text(),
            "a000001.2.txt": spectrum_text(),
            "au2000wl63.txt": spectrum_text(),
            "a000002.txt": spectrum_text(),
            "a000004.txt": b"junk",
            "a000099.txt": spectrum_text(),
        },
    )
    dataset = load_dataset(tmp_path / "c.csv", archive)
    table, rejects = dataset.table, dataset.rejects
    assert table.asteroid.tolist() == ["1", "1", "2", "2000 WL63"]
    assert table.label.tolist() == ["C-Group", "C-Group", "ambiguous", "S-Group"]
    reasons = dict(zip(rejects.item, rejects.reason))
    assert reasons["row 6"].startswith("no number") and reasons["row 5"].startswith(
        "repeats asteroid 2 of row 4 (classes: V and X)"
    )
    assert (
        reasons["row 7 (4)"] == "its spectrum was rejected"
        and reasons["row 8 (5)"] == "no spectrum in the archive"
    )
    assert reasons["a000099.txt"] == "no row in the catalog" and "a000004.txt" in reasons
    assert dataset.n_catalog_rows == table.asteroid.nunique() + (rejects.kind == "catalog row").sum()
    assert dataset.n_files == len(table) + (rejects.kind == "spectrum").sum()
    with pytest.raises(ValueError, match="none of the 1 spectra"):
        load_dataset(tmp_path / "c.csv", make_zip(tmp_path / "t.zip", {"a000777.txt": spectrum_text()}))
    with pytest.raises(ValueError, match="labels is 'guess'"):
        load_dataset(tmp_path / "c.csv", archive, labels="guess")


def test_a_data_set_comes_back_as_it_was_written(tmp_path, small_input):
    dataset = load_dataset(*small_input)
    write_dataset(tmp_path, dataset)
    again = read_dataset(tmp_path)
    pd.testing.assert_frame_equal(again.table, dataset.table, check_dtype=False)
    for one, two in zip(again.spectra, dataset.spectra, strict=True):
        np.testing.assert_array_equal(one.reflectance, two.reflectance)
    assert (again.n_files, again.n_catalog_rows) == (dataset.n_files, dataset.n_catalog_rows)


def test_the_bundle_is_complete():
    targets, auxiliary = (load_dataset(*bundled(kind)) for kind in ("targets", "auxiliary"))
    assert (len(targets.table), len(auxiliary.table)) == (1236, 1747)
    assert len(targets.rejects) == len(auxiliary.rejects) == 0
    assert (targets.table["class"] != "").sum() == 1036
    assert not set(targets.table.asteroid) & set(auxiliary.table.asteroid)
    assert (
        targets.table.orbit.str.startswith(("NEA", "Mars")).all()
        and not auxiliary.table.orbit.str.startswith(("NEA", "Mars")).any()
    )
    eros = targets.table[targets.table.asteroid == "433"].iloc[0]
    assert (eros["name"], round(eros.a_au, 3), round(eros.i_deg, 1)) == ("Eros", 1.458, 10.8)


def test_mithneos(archives):
    dataset = load_dataset(
        archives / "nea_visnir" / "MITHNEOSCLEAN.csv", archives / "nea_visnir" / "visnir_files.zip"
    )
    table, rejects = dataset.table, dataset.rejects
    assert (dataset.n_catalog_rows, dataset.n_files, table.asteroid.nunique()) == (302, 332, 297)
    assert rejects.groupby("kind").size().to_dict() == {"catalog row": 5, "spectrum": 35}
    assert rejects.item[rejects.kind == "catalog row"].str.extract(r"\((\d+)\)")[0].tolist() == [
        "3752",
        "8013",
        "142561",
        "144898",
        "313538",
    ]
    assert (table.number == "").sum() == 13
    assert table.label.value_counts().to_dict() == {
        "S-Group": 225,
        "C-Group": 26,
        "X-Group": 22,
        "V-type": 15,
        "D-type": 5,
        "Other": 4,
    }
    ratio = table.overlap_ratio.dropna()
    assert (
        ratio.median() == pytest.approx(1.0, abs=0.005)
        and (table.note.str.contains("segments differ") == ((table.overlap_ratio - 1).abs() > 0.05)).all()
    )
    given = load_dataset(
        archives / "nea_visnir" / "MITHNEOSCLEAN.csv",
        archives / "nea_visnir" / "visnir_files.zip",
        labels="as-given",
    )
    assert given.table.label.value_counts()["Other"] == 7


@pytest.mark.parametrize(
    "archive, expected",
    [
        (
            "nea_visnir/visnir_files.zip",
            {"files": 332, "unsorted": 282, "repeated": 247, "dropped": 3, "LF": 332, "Angstrom": 0},
        ),
        ("merged_catalog/final_spectra_for_training.zip", {"files": 537, "CRLF": 253, "Angstrom": 11}),
        ("demeo2009/DeMeo2009data.zip", {"files": 371, "CRLF": 359, "CR": 12}),
        ("smass2/smass2data.tar.gz", {"files": 2683, "rejected": 1}),
    ],
)
def test_the_counts_of_the_archives(archives, archive, expected):
    spectra, rejects = read_spectra(archives / archive)
    facts = pd.DataFrame([spectrum.facts for spectrum in spectra.values()])
    found = {
        "files": len(spectra) + len(rejects),
        "rejected": len(rejects),
        "unsorted": (facts.n_unsorted > 0).sum(),
        "repeated": (facts.n_repeated > 0).sum(),
        "dropped": (facts.n_dropped > 0).sum(),
        "Angstrom": (facts.unit == "Angstrom").sum(),
    } | {end: (facts.line_end == end).sum() for end in ("LF", "CRLF", "CR")}
    assert {name: int(found[name]) for name in expected} == expected


@pytest.mark.parametrize(
    "rows, files, labels",
    [
        ("123456,2000 WL63,,S\n,2000 WL63,,S\n", ["123456.txt", "au2000WL63.txt"], {"123456": "S-Group"}),
        (",2000 WL63,,S\n123456,2000 WL63,,C\n", ["123456.txt", "au2000WL63.txt"], {"123456": "ambiguous"}),
        ("433,,Eros,S\n,,Eros,\n433 Eros,,,S\n(433) Eros,,,S\n", ["433.txt", "Eros.txt"], {"433": "S-Group"}),
    ],
)
def test_one_asteroid_under_several_names_is_one(tmp_path, spectrum_text, rows, files, labels):
    (tmp_path / "c.csv").write_text("number,designation,name,class\n" + rows)
    dataset = load_dataset(
        tmp_path / "c.csv", make_zip(tmp_path / "s.zip", {name: spectrum_text() for name in files})
    )
    assert dict(zip(dataset.table.asteroid, dataset.table.label)) == labels and len(dataset.table) == len(
        files
    )


def test_unreadable_classes_are_noted_and_missing_ones_are_unlabelled(tmp_path, spectrum_text):
    (tmp_path / "c.csv").write_text("number,class,group\n1,banana,\n2,-,\n3,,s-group\n4,U,\n")
    archive = make_zip(tmp_path / "s.zip", {f"{number}.txt": spectrum_text() for number in (1, 2, 3, 4)})
    table = load_dataset(tmp_path / "c.csv", archive).table
    assert table.label.tolist() == ["Other", "", "S-Group", "Other"]
    assert table.note.tolist() == ["class 'banana' not understood", "", "", ""]


def test_a_spectrum_without_an_anchor_is_rejected(tmp_path, spectrum_text):
    between = "\n".join(f"{x:.3f} 1.0" for x in np.arange(0.60, 0.95, 0.01)).encode()
    (tmp_path / "c.csv").write_text("number,class\n1,S\n2,S\n")
    dataset = load_dataset(
        tmp_path / "c.csv", make_zip(tmp_path / "s.zip", {"1.txt": between, "2.txt": spectrum_text()})
    )
    assert dataset.table.asteroid.tolist() == ["2"]
    assert dataset.rejects.reason.tolist() == [
        "covers none of 0.55, 1.0, 1.5, 2.0 um, so it has no scale",
        "its spectrum was rejected",
    ]


def test_a_gap_of_one_segment_is_filled_by_the_other_alone():
    first = [(x, 1.0) for x in [*np.arange(0.45, 0.601, 0.01), *np.arange(0.90, 1.001, 0.01)]]
    second = [(x, 2.0) for x in np.arange(0.62, 0.881, 0.01)]
    spectrum = parse("\n".join(f"{x:.3f} {y}" for x, y in first + second).encode())
    assert set(spectrum.reflectance) == {1.0, 2.0} and np.isnan(spectrum.facts["overlap_ratio"])


def test_long_wavelengths_in_nm_are_not_taken_for_angstrom():
    rows = "\n".join(f"{x} 1.0" for x in range(2200, 4080, 20)).encode()
    assert parse(rows).facts["unit"] == "nm"


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_member_never_stops_the_others(tmp_path, seed):
    members = {
        f"a00000{number}.txt": "\n".join(
            f"{x:.4f} {np.sin(x * number):.6f} 0.01" for x in np.linspace(0.4, 0.9, 200) + 0.05
        ).encode()
        for number in (1, 2)
    }
    with zipfile.ZipFile(tmp_path / "s.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        start = archive.getinfo("a000002.txt").header_offset + 41
    data = bytearray((tmp_path / "s.zip").read_bytes())
    data[start + 60 * seed] ^= 0x55
    (tmp_path / "s.zip").write_bytes(data)
    spectra, rejects = read_spectra(tmp_path / "s.zip")
    assert list(spectra) == ["a000001.txt"] and "cannot be read" in rejects["a000002.txt"]


def test_a_damaged_tar_says_so_and_links_are_rejected(tmp_path, spectrum_text):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for number in range(40):
            info = tarfile.TarInfo(f"{number + 1}.txt")
            info.size = len(spectrum_text())
            archive.addfile(info, io.BytesIO(spectrum_text()))
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert read_spectra(tmp_path / "a.tar.gz")[1] == {"link.txt": "a link or a device, not a file"}
    (tmp_path / "b.tar.gz").write_bytes((tmp_path / "a.tar.gz").read_bytes()[:-200])
    with pytest.raises(ValueError, match="damaged"):
        read_spectra(tmp_path / "b.tar.gz")


def test_merged_catalog(archives):
    folder = archives / "merged_catalog"
    dataset = load_dataset(folder / "catalog_for_training.csv", folder / "final_spectra_for_training.zip")
    assert (dataset.n_catalog_rows, dataset.n_files) == (1505, 537)
    reasons = dataset.rejects.reason
    assert (
        reasons.str.startswith("no number").sum() == 5
        and reasons.str.startswith("repeats asteroid").sum() == 43
    )
    assert dataset.table[dataset.table.asteroid == "38"].label.tolist() in ([], ["ambiguous"])


def test_rows_are_matched_by_number_designation_or_name_in_the_order_asked(tmp_path):
    (tmp_path / "c.csv").write_text("number,designation,name,H\n433,A898 PA,Eros,10.4\n,2000 WL63,,19\n")
    catalog = read_catalog(tmp_path / "c.csv", need_class=False)
    assert (
        match_catalog(catalog, ["2000 WL63", "eros", "7", "433"]).H.tolist()[:2] == [19, 10.4]
        and match_catalog(catalog, ["7"]).H.isna().all()
    )
    with pytest.raises(ValueError, match="no column for the class or group"):
        read_catalog(tmp_path / "c.csv")
    (tmp_path / "c.csv").write_text("name,H\nEros,10.4\n")
    with pytest.raises(ValueError, match="no column for the number or designation"):
        read_catalog(tmp_path / "c.csv", need_class=False)
