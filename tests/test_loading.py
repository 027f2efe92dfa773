"""Spectra in every dialect, data sets that add up, and the archives of real data."""

import re
import zipfile
from dataclasses import asdict, fields
from functools import cache

import numpy as np
import pandas as pd
import pytest
from conftest import made_up_reflectance
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nea_prospect.catalogs import CATALOG_COLUMNS
from nea_prospect.columns import SpectrumError
from nea_prospect.core import GROUPS, WAVELENGTH_GRID
from nea_prospect.features import resample_spectra
from nea_prospect.loading import (
    Dataset,
    FileFacts,
    Spectrum,
    add_labelled,
    bundled,
    followed_rows,
    graded_on,
    load_dataset,
    note_facts,
    plot_spectra,
    read_spectra,
)
from nea_prospect.spectra import MAX_GAP, parse_spectrum


def make_zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("line_end, fact", [("\n", "LF"), ("\r\n", "CRLF"), ("\r", "CR")])
@pytest.mark.parametrize("separator", [" ", "\t", ",", ", ", ";", "   \t"])
@pytest.mark.parametrize("columns", [2, 3, 4])
def test_every_separator_line_end_and_width(spectrum_text, separator, line_end, fact, columns):
    spectrum = parse_spectrum(spectrum_text(separator=separator, line_end=line_end, columns=columns))
    np.testing.assert_allclose(
        spectrum.reflectance, made_up_reflectance(np.linspace(0.45, 2.4, 40)), rtol=1e-5
    )
    assert spectrum.facts.line_end == fact
    assert spectrum.facts.n_columns == columns
    assert (spectrum.uncertainty is None) == (columns == 2)


def test_header_lines_are_counted(spectrum_text):
    assert parse_spectrum(spectrum_text(header="# wavelength reflectance")).facts.n_text == 1


def test_sentinels_nan_and_infinity_are_dropped_and_counted(spectrum_text):
    data = spectrum_text() + b"0.5 -1 -1\n0.51 nan 0.1\n0.52 inf 0.1\n0.53 0 0\n-0.2 1 1\n"
    spectrum = parse_spectrum(data)
    assert spectrum.facts.n_dropped == 5
    assert len(spectrum.wavelength) == 40


def test_mixed_columns_keep_the_first_three(spectrum_text):
    lines = spectrum_text().decode().splitlines()
    mixed = "\n".join(line + (" 5" if k > 20 else "") for k, line in enumerate(lines))
    np.testing.assert_array_equal(
        parse_spectrum(mixed.encode()).reflectance, parse_spectrum("\n".join(lines).encode()).reflectance
    )


def segments(ratio=1.0, sigma=(0.01, 0.01)):
    first = [(x, 1.0, sigma[0]) for x in np.arange(0.45, 0.921, 0.01)]
    second = [(x, ratio, sigma[1]) for x in np.arange(0.80, 2.45, 0.02)]
    return "\n".join(f"{x:.3f} {y} {s}" for x, y, s in first + second).encode()


def test_segments_are_merged_by_weight_and_never_rescaled_unasked():
    spectrum = parse_spectrum(segments(1.2, (0.01, 0.02)))
    assert spectrum.facts.n_segments == 2
    assert spectrum.facts.n_unsorted == 1
    inside = (spectrum.wavelength > 0.81) & (spectrum.wavelength < 0.91)
    np.testing.assert_allclose(spectrum.reflectance[inside], (4 * 1.0 + 1.2) / 5)
    assert spectrum.reflectance[[0, -1]].tolist() == [1.0, 1.2]
    np.testing.assert_allclose(spectrum.facts.overlap_ratio, 1 / 1.2)
    np.testing.assert_allclose(parse_spectrum(segments(1.2), rescale=True).reflectance, 1.0)


def lines(first, step, n=40):
    return "\n".join(f"{first + step * number:.4f} {1 + number % 7 / 50}" for number in range(n)).encode()


OFF_THE_GRID = [(2.5, 0.05), (0.40, 0.001), (0.705, 0.001, 15)]


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"1\n2\n3\n", "no row"),
        (b"\0\1\2" * 50, "binary"),
        (b"0.5 1\n0.6 1\n", "2 valid points"),
        (b"0.5 -1\n" * 40, "0 valid points"),
        (b"0.5 1\n0.5 2\n" * 40, "1 different wavelengths"),
        (b"\n".join(b"0.%d 1.00" % k for k in range(50, 90)), "40 of 40 reflectances are 1"),
        (lines(1e7, 1), "median wavelength"),
        (b"nan nan\n" * 40, "valid points"),
        *((lines(*given), "nothing between 0.45 and 2.45 um") for given in OFF_THE_GRID),
    ],
)
def test_what_is_no_spectrum_is_refused_with_a_reason(data, reason):
    with pytest.raises(SpectrumError, match=reason):
        parse_spectrum(data)


def test_a_gap_of_exactly_the_limit_is_bridged_wherever_it_lies():
    for start in np.round(np.arange(0.5, 2.0, 0.01), 2):
        first = [(start - 0.01 * k, 1.0) for k in range(6, -1, -1)] + [
            (start + MAX_GAP + 0.01 * k, 1.0) for k in range(6)
        ]
        second = [(start + 0.02 * k, 2.0) for k in range(1, 7)]
        spectrum = parse_spectrum("\n".join(f"{x:.3f} {y}" for x, y in first + second).encode())
        between = (spectrum.wavelength > start + 0.001) & (spectrum.wavelength < start + MAX_GAP - 0.001)
        assert set(spectrum.reflectance[between]) == {1.5}


wavelengths = st.floats(0.3, 2.6).map(lambda x: round(x, 4))
rows_of_a_file = st.lists(st.tuples(wavelengths, st.floats(0.01, 10), st.floats(1e-4, 1)), min_size=10)
near_an_end = st.tuples(st.floats(0.40, 0.47) | st.floats(2.38, 2.56), st.floats(0.5, 2), st.just(0.1))


@settings(max_examples=300)
@given(rows_of_a_file | st.lists(near_an_end, min_size=10))
def test_any_rows_give_a_valid_spectrum_within_what_was_measured(rows):
    assume(len({x for x, *_ in rows}) > 1)  # a column that is the same everywhere is no wavelength
    try:
        spectrum = parse_spectrum("\n".join(f"{x!r} {y!r} {0.3 * s * y!r}" for x, y, s in rows).encode())
    except SpectrumError as error:
        assert re.search(
            "different (wavelengths|spectra)|nothing between|reflectances are|looks like|median wave",
            str(error),
        )
        return
    values = [y for _, y, _ in rows]
    assert (np.diff(spectrum.wavelength) > 0).all()
    left_out = sum(map(int, re.findall(r"(\d+) (?:rows|points)", spectrum.facts.assumed)))
    given = sorted({x for x, *_ in rows})
    assert len(given) - left_out <= len(spectrum.wavelength) <= len(given)
    assert np.abs(spectrum.wavelength[:, None] - given).min(axis=1).max() < 1e-12
    assert spectrum.reflectance.min() >= min(values) * (1 - 1e-9)
    assert spectrum.reflectance.max() <= max(values) * (1 + 1e-9)
    assert np.isfinite(resample_spectra([spectrum])).any()


def test_a_point_of_the_grid_is_enough():
    for point in WAVELENGTH_GRID:
        assert np.isfinite(resample_spectra([parse_spectrum(lines(point, 0.001, 12))])).any()


def test_a_file_gives_the_same_spectrum_wherever_it_lies(tmp_path, spectrum_text):
    contents = [spectrum_text(), segments(1.1), spectrum_text(1e4, order=-1), segments(0.9, (0.02, 0.01))] * 3
    members = {f"{number:02d}.txt": content for number, content in enumerate(contents)}
    together, _ = read_spectra(make_zip(tmp_path / "s.zip", members))
    for name, content in members.items():
        same_spectra(together[name], parse_spectrum(content))


def same_spectra(one, two):
    np.testing.assert_array_equal(one.wavelength, two.wavelength)
    np.testing.assert_array_equal(one.reflectance, two.reflectance)
    np.testing.assert_equal(one.uncertainty, two.uncertainty)
    np.testing.assert_equal(asdict(one.facts), asdict(two.facts))


def test_progress_counts_the_files(tmp_path, spectrum_text):
    counts = []
    members = {f"{number}.txt": spectrum_text() for number in range(450)}
    read_spectra(make_zip(tmp_path / "s.zip", members), progress=counts.append)
    assert counts == [200, 400]


def test_a_missing_archive_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file or folder at .*missing\.zip"):
        read_spectra(tmp_path / "missing.zip")


def test_everything_ends_up_somewhere(tmp_path, spectrum_text):
    (tmp_path / "c.csv").write_text(
        "Number,Designation,Class\n1,,C\n,2000 WL63,Sq\n2,,V\n2,,X\n0,,S\n4,,V\n5,,S\n"
    )
    names = ["a000001.1.txt", "a000001.2.txt", "au2000wl63.txt", "a000002.txt", "a000099.txt"]
    members = dict.fromkeys(names, spectrum_text()) | {"a000004.txt": b"junk"}
    archive = make_zip(tmp_path / "s.zip", members)
    dataset = load_dataset(tmp_path / "c.csv", archive)
    table, rejects = dataset.table, dataset.rejects
    known = ["asteroid", "file", *CATALOG_COLUMNS, "catalog_row", "candidates", "label", "from_um", "to_um"]
    assert list(table) == [*known, "n_points", *(field.name for field in fields(FileFacts)), "note", "origin"]
    assert table.asteroid.tolist() == ["1", "1", "2", "2000 WL63"]
    assert table.label.tolist() == ["C-Group", "C-Group", "ambiguous", "S-Group"]
    assert dict(zip(rejects.item, rejects.reason, strict=True)) == {
        "a000004.txt": "no row with a wavelength and a reflectance",
        "a000099.txt": "no row in the catalog",
        "row 5": "repeats asteroid 2 of row 4 (classes: V and X)",
        "row 6": "no number, designation or name",
        "row 7 (4)": "its spectrum was rejected",
        "row 8 (5)": "no spectrum in the archive",
    }
    assert dataset.n_catalog_rows == table.asteroid.nunique() + (rejects.kind == "catalog row").sum()
    assert dataset.n_files == len(table) + (rejects.kind == "spectrum").sum()
    with pytest.raises(ValueError, match="none of the 1 spectra"):
        load_dataset(tmp_path / "c.csv", make_zip(tmp_path / "t.zip", {"a000777.txt": spectrum_text()}))


@pytest.mark.parametrize("labels", ["harmonised", "as-given"])
def test_a_data_set_comes_back_from_its_arrays(tmp_path, spectrum_text, labels):
    (tmp_path / "c.csv").write_text("number,name,class,group,H\n1,Ceres,C,C-Group,3.3\n2,,Sq,,\n")
    members = {"1.txt": spectrum_text(), "1.2.txt": spectrum_text(columns=2), "2.txt": segments(1.2)}
    dataset = load_dataset(tmp_path / "c.csv", make_zip(tmp_path / "s.zip", members), labels)
    again = Dataset.from_arrays(dataset.to_arrays())
    pd.testing.assert_frame_equal(again.table, dataset.table)
    assert (again.n_files, again.n_catalog_rows, again.labels) == (3, 2, labels)
    for one, two in zip(again.spectra, dataset.spectra, strict=True):
        same_spectra(one, two)


def test_examples_are_drawn_one_above_the_other():
    spectra = [Spectrum(WAVELENGTH_GRID, np.full(53, value)) for value in (3.0, 1.0)]
    ax = plot_spectra(spectra, ["above", "$below"], ["k", "r"])
    below, above = (line.get_ydata() for line in ax.lines)
    assert (above > below).all()
    assert [text.get_text() for text in ax.texts] == [r"\$below", "above"]


@cache
def bundled_dataset(kind="targets"):
    return load_dataset(*bundled(kind))


@pytest.mark.parametrize("kind, count", [("targets", 1236), ("auxiliary", 1747)])
def test_no_spectrum_of_the_bundle_is_lost_or_read_in_another_order(kind, count):
    dataset = bundled_dataset(kind)
    assert (dataset.n_files, len(dataset.table), len(dataset.rejects)) == (count, count, 0)
    assert set(dataset.table.assumed) == {""}


def test_the_bundle_is_complete():
    targets, auxiliary = bundled_dataset(), bundled_dataset("auxiliary")
    assert (targets.table["class"] != "").sum() == 1036
    assert not set(targets.table.asteroid) & set(auxiliary.table.asteroid)
    near = ("NEA", "Mars")
    assert targets.table.orbit.str.startswith(near).all()
    assert not auxiliary.table.orbit.str.startswith(near).any()
    eros = targets.table[targets.table.asteroid == "433"].iloc[0]
    assert (eros["name"], round(eros.a_au, 3), round(eros.i_deg, 1)) == ("Eros", 1.458, 10.8)


def test_mithneos(archives):
    paths = [archives / "nea_visnir" / name for name in ("MITHNEOSCLEAN.csv", "visnir_files.zip")]
    dataset = load_dataset(*paths)
    table, rejects = dataset.table, dataset.rejects
    assert (dataset.n_catalog_rows, dataset.n_files, table.asteroid.nunique()) == (302, 332, 297)
    assert rejects.groupby("kind").size().to_dict() == {"catalog row": 5, "spectrum": 35}
    without = rejects.item[rejects.kind == "catalog row"].str.extract(r"\((\d+)\)")[0]
    assert without.tolist() == ["3752", "8013", "142561", "144898", "313538"]
    assert (table.number == "").sum() == 13
    counts = {"S-Group": 225, "C-Group": 26, "X-Group": 22, "V-type": 15, "D-type": 5, "Other": 4}
    assert table.label.value_counts().to_dict() == counts
    assert table.overlap_ratio.median() == pytest.approx(1.0, abs=0.005)
    assert (table.note.str.contains("segments differ") == ((table.overlap_ratio - 1).abs() > 0.05)).all()
    assert (load_dataset(*paths, labels="as-given").table.label == "Other").sum() == 7


@pytest.mark.parametrize(
    "archive, expected",
    [
        (
            "nea_visnir/visnir_files.zip",
            {"files": 332, "rejected": 0, "unsorted": 282, "repeated": 247, "dropped": 3},
        ),
        ("merged_catalog/final_spectra_for_training.zip", {"files": 537, "CRLF": 253, "Angstrom": 11}),
        ("demeo2009/DeMeo2009data.zip", {"files": 371, "rejected": 0, "CRLF": 359, "CR": 12}),
        ("smass2/smass2data.tar.gz", {"files": 2683, "rejected": 1}),
    ],
)
def test_the_counts_of_the_archives(archives, archive, expected):
    spectra, rejects = read_spectra(archives / archive)
    facts = pd.DataFrame([asdict(spectrum.facts) for spectrum in spectra.values()])
    found = {
        "files": len(spectra) + len(rejects),
        "rejected": len(rejects),
        "unsorted": (facts.n_unsorted > 0).sum(),
        "repeated": (facts.n_repeated > 0).sum(),
        "dropped": (facts.n_dropped > 0).sum(),
        "Angstrom": (facts.unit == "Angstrom").sum(),
    } | {end: (facts.line_end == end).sum() for end in ("LF", "CRLF", "CR")}
    assert {name: int(found[name]) for name in expected} == expected


def test_one_asteroid_under_several_names_is_one(tmp_path, spectrum_text):
    rows = ",2000 WL63,,S\n123456,2000 WL63,,C\n433,,Eros,S\n,,Eros,\n(433) Eros,,,S\n"
    (tmp_path / "c.csv").write_text("number,designation,name,class\n" + rows)
    names = ["123456.txt", "au2000WL63.txt", "433.txt", "Eros.txt"]
    archive = make_zip(tmp_path / "s.zip", dict.fromkeys(names, spectrum_text()))
    table = load_dataset(tmp_path / "c.csv", archive).table.set_index("file")
    assert table.asteroid[names].tolist() == ["123456", "123456", "433", "433"]
    assert table.label[names].tolist() == ["ambiguous", "ambiguous", "S-Group", "S-Group"]


def test_unreadable_classes_are_noted_and_missing_ones_are_unlabelled(tmp_path, spectrum_text):
    (tmp_path / "c.csv").write_text("number,class,group\n1,banana,\n2,-,\n3,,s-group\n4,U,\n")
    archive = make_zip(tmp_path / "s.zip", {f"{number}.txt": spectrum_text() for number in range(1, 5)})
    table = load_dataset(tmp_path / "c.csv", archive).table
    assert table.label.tolist() == ["Other", "", "S-Group", "Other"]
    assert table.note.tolist() == ["class 'banana' not understood", "", "", ""]


def test_a_gap_of_one_segment_is_filled_by_the_other_alone():
    first = [(x, 1.0) for x in [*np.arange(0.45, 0.601, 0.01), *np.arange(0.90, 1.001, 0.01)]]
    second = [(x, 2.0) for x in np.arange(0.62, 0.881, 0.01)]
    spectrum = parse_spectrum("\n".join(f"{x:.3f} {y}" for x, y in first + second).encode())
    assert set(spectrum.reflectance) == {1.0, 2.0}
    assert np.isnan(spectrum.facts.overlap_ratio)


def test_long_wavelengths_in_nm_are_not_taken_for_angstrom():
    assert parse_spectrum(lines(2200, 20, 94)).facts.unit == "nm"


def test_merged_catalog(archives):
    folder = archives / "merged_catalog"
    dataset = load_dataset(folder / "catalog_for_training.csv", folder / "final_spectra_for_training.zip")
    assert (dataset.n_catalog_rows, dataset.n_files) == (1505, 537)
    reasons = dataset.rejects.reason
    assert reasons.str.startswith("no number").sum() == 5
    assert reasons.str.startswith("repeats asteroid").sum() == 43
    assert dataset.table[dataset.table.asteroid == "38"].label.tolist() in ([], ["ambiguous"])


M4AST = (
    "Asteroid designations ( Number, Name, Temporary designation): {}\n"
    "Observation was done on (UT) (format YYYY-MM-DD-hh): 2011 - 1 - 09 - 00:00\n"
    "Wavelength[um]\tReflectance\tsigma(optional)"
)


@pytest.mark.parametrize(
    "names, identity",
    [("175706, -, 1996_FG3", "175706"), ("-, -, 1996_FG3", "1996 FG3"), ("-, Eros, -", "eros"), ("-", "")],
)
def test_the_header_of_m4ast_names_the_asteroid_and_the_date(spectrum_text, names, identity):
    facts = parse_spectrum(spectrum_text(header=M4AST.format(names))).facts
    assert facts.header_asteroid == identity
    assert facts.observed == "2011-01-09"
    assert note_facts(facts).endswith("observed 2011-01-09")


def test_an_asteroid_of_a_header_is_found_in_the_catalog(tmp_path, spectrum_text):
    data = spectrum_text(header=M4AST.format("433, Eros, -"))
    (tmp_path / "spectra").mkdir()
    for name in ("night one.txt", "a000001.txt"):
        (tmp_path / "spectra" / name).write_bytes(data)
    (tmp_path / "catalog.csv").write_text("number,class\n433,S\n1,C\n")
    table = load_dataset(tmp_path / "catalog.csv", tmp_path / "spectra").table
    assert table.set_index("file").asteroid.to_dict() == {"night one.txt": "433", "a000001.txt": "1"}
    assert table.note.str.contains("the header names asteroid 433").all()


class TestACatalogWithoutAnyClass:
    @pytest.fixture(params=["number,name\n433,Eros\n999999,\n", "number,class\n433,\n999999,S or V\n"])
    def dataset(self, request, tmp_path, spectrum_text):
        (tmp_path / "c.csv").write_text(request.param)
        members = {f"{name}.txt": spectrum_text() for name in ("433", "999999")}
        archive = make_zip(tmp_path / "s.zip", members)
        return load_dataset(tmp_path / "c.csv", archive, need_class=False)

    def test_is_read_where_a_class_is_not_needed(self, dataset):
        assert dataset.table.asteroid.tolist() == ["433", "999999"]
        assert not dataset.table.label.isin(GROUPS).any()

    def test_labelled_bundled_spectra_follow_without_the_asteroids_of_the_input(self, dataset):
        graded = add_labelled(dataset)
        pd.testing.assert_frame_equal(graded.table[:2], dataset.table, check_dtype=False)
        added = graded.table[2:]
        assert set(added.origin) == {"bundled"}
        assert added.label.isin(GROUPS).all()
        assert "433" not in set(added.number)
        known = bundled_dataset().table
        assert len(added) == (known.label.isin(GROUPS) & (known.number != "433")).sum()
        assert len(graded.spectra) == len(graded.table)

    def test_the_pages_say_what_is_graded_on_what(self, dataset):
        assert graded_on(dataset.table).endswith("the labelled asteroids of the input.")
        sentence = graded_on(add_labelled(dataset).table)
        assert sentence.endswith("bundled asteroids, and predict the 2 of the input.")

    @pytest.mark.parametrize("options", [{}, {"need_class": False, "labels": "as-given"}])
    def test_is_refused_where_a_class_is_needed(self, tmp_path, spectrum_text, options):
        (tmp_path / "c.csv").write_text("number,class\n433,\n")
        archive = make_zip(tmp_path / "s.zip", {"433.txt": spectrum_text()})
        with pytest.raises(ValueError, match="class or a group|no group column"):
            load_dataset(tmp_path / "c.csv", archive, **options)


def test_nothing_is_added_to_a_catalog_with_a_class(tmp_path, spectrum_text):
    (tmp_path / "c.csv").write_text("number,class\n433,S\n999999,\n")
    archive = make_zip(tmp_path / "s.zip", {"433.txt": spectrum_text(), "999999.txt": spectrum_text()})
    dataset = load_dataset(tmp_path / "c.csv", archive, need_class=False)
    assert add_labelled(dataset) is dataset


@pytest.mark.parametrize(
    "asteroids, labels, origins, rows",
    [
        (["4", "101955", "101955"], ["V-type", "", ""], "input", [1, 2]),
        (["4", "433", "433"], ["", "S-Group", "S-Group"], "input", [1, 2]),
        (["4", "433"], ["", ""], "input", [0]),
        (["4", "101955"], ["", "C-Group"], ["input", "bundled"], [0]),
    ],
)
def test_bennu_is_followed_or_else_a_labelled_asteroid_of_the_input(asteroids, labels, origins, rows):
    table = pd.DataFrame({"asteroid": asteroids, "label": labels, "origin": origins})
    assert followed_rows(table).tolist() == rows
