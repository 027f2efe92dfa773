"""Tables of surveys and formats of other programs, as `predict` reads them."""

import gzip
import io
import re
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import SOAK

from nea_prospect.archives import Limits
from nea_prospect.classifier import load_model
from nea_prospect.columns import SpectrumError
from nea_prospect.core import WAVELENGTH_GRID
from nea_prospect.formats import GAIA_BANDS, GAIA_RATIO, Header, find_wide, iter_pieces, read_piece
from nea_prospect.loading import bundled, load_dataset
from nea_prospect.prediction import predict_files, read_any, write_predictions

GAIA_NAMES = (
    "source_id,solution_id,number_mp,denomination,nb_samples,num_of_spectra,"
    "reflectance_spectrum,reflectance_spectrum_err,wavelength,reflectance_spectrum_flag"
)


def gaia_rows(number, name, flags=(0,) * 16, reflectance=GAIA_RATIO):
    """Rows of a table of Gaia for one asteroid."""
    start = f'-{number or 7},416,{number},"{name}",16,20'
    return [
        f"{start},{value},0.01,{band},{flag}"
        for band, value, flag in zip(GAIA_BANDS, reflectance, flags, strict=True)
    ]


def gaia_table(*asteroids, header=("# %ECSV 1.0", "# ---", "# delimiter: ','")):
    return "\n".join([*header, GAIA_NAMES, *(row for rows in asteroids for row in rows), ""]).encode()


def spectra_of(path):
    """Spectra, or problems, by the part of the name after the file."""
    return {name.partition("/")[2]: found for name, found in read_any([path])}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
@pytest.mark.parametrize("header", [("# %ECSV 1.0", "# ---"), ()], ids=["archive", "TAP"])
def test_gaia_is_known_by_its_columns_and_gives_an_asteroid_a_row(tmp_path, pack, header):
    poor = [1, 2, 2] + [0] * 13
    data = gaia_table(
        gaia_rows(9, "metis"), gaia_rows(433, "eros", poor), gaia_rows("", "2011 yg21"), header=header
    )
    (tmp_path / "anything.dat").write_bytes(pack(data))
    table, spectra = predict_files(load_model(), [tmp_path / "anything.dat"])
    assert table.File.tolist() == [f"anything.dat/{name}" for name in ("9 metis", "433 eros", "2011 yg21")]
    assert table.Asteroid_ID.tolist() == ["9", "433", "2011 YG21"]
    assert (table.Problem == "").all()
    np.testing.assert_allclose(spectra[0].reflectance, 1)
    assert len(spectra[1].wavelength) == 13
    assert "left out: 1 poor and 2 bad of 16 bands" in table.Note[1]
    assert "left out" not in table.Note[0]
    assert table.Note.str.contains("colour corrected").all()


def test_an_asteroid_of_gaia_without_enough_good_bands_is_a_row_with_a_problem(tmp_path):
    values = [*GAIA_RATIO[:9], "", "null", -0.1, 0, *GAIA_RATIO[13:]]
    data = gaia_table(
        gaia_rows(9, "metis", [2] * 9 + [0] * 7),
        gaia_rows(11, "parthenope", reflectance=values),
        [row.replace(",374.0,", ",390.0,") for row in gaia_rows(12, "victoria")],
        gaia_rows(13, "egeria") + gaia_rows(13, "egeria")[:1],
        [row + ",9" for row in gaia_rows(14, "irene")],
    )
    (tmp_path / "gaia.csv").write_bytes(data)
    found = spectra_of(tmp_path / "gaia.csv")
    assert str(found["9 metis"]) == "7 valid points, at least 8 are needed"
    assert len(found["11 parthenope"].wavelength) == 12
    assert "no band of Gaia" in str(found["12 victoria"])
    assert "two rows for a band" in str(found["13 egeria"])
    assert isinstance(found["14 irene"], SpectrumError), "a row with more fields than names"


def test_rows_of_an_asteroid_need_not_stand_together(tmp_path):
    rows = sum((gaia_rows(number, "name") for number in range(1, 30)), [])
    shuffled = [rows[k] for k in np.random.default_rng(0).permutation(len(rows))]
    (tmp_path / "gaia.csv").write_bytes(gaia_table(shuffled))
    pieces = list(iter_pieces(tmp_path / "gaia.csv", size=10))
    assert [piece.count for piece in pieces] == [10, 10, 9]
    pairs = [pair for piece in pieces for pair in read_piece(piece)]
    assert {name for name, _ in pairs} == {f"gaia.csv/{number} name" for number in range(1, 30)}
    for _, spectrum in pairs:
        np.testing.assert_allclose(spectrum.reflectance, 1)
        assert len(spectrum.wavelength) == 16


def test_a_table_inside_an_archive_stands_beside_text_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "mixed.zip", "w") as archive, zipfile.ZipFile(bundled()[1]) as source:
        archive.writestr("b/gaia.csv.gz", gzip.compress(gaia_table(gaia_rows(9, "metis"))))
        archive.writestr("a/a000433.txt", source.read("a000433.01.txt"))
        archive.writestr("c/gaia.csv", gaia_table(gaia_rows(9, "metis"))[:-150] + b'"open,1\n')
        archive.writestr("d/gaia.csv", b"wavelength,reflectance_spectrum_flag\n374,0\n")
    pairs = read_any([tmp_path / "mixed.zip"])
    assert [name for name, _ in pairs][:2] == ["mixed.zip/a/a000433.txt", "mixed.zip/b/gaia.csv.gz/9 metis"]
    assert [isinstance(found, SpectrumError) for _, found in pairs] == [False, False, True, True]
    assert "without reflectance_spectrum" in str(pairs[3][1])


def test_a_hostile_name_in_a_table_is_spelled_out(tmp_path):
    (tmp_path / "gaia.csv").write_bytes(gaia_table(gaia_rows(9, "a\x1b[31m" + "b" * 500)))
    ((name, _),) = read_any([tmp_path / "gaia.csv"])
    assert name.isprintable()
    assert len(name) < 130


@pytest.mark.parametrize(
    "limits, message",
    [
        (Limits(max_total_mib=0.001), "max_total_mib = 0.001"),
        (Limits(max_cells=100), "max_cells = 100"),
    ],
)
def test_a_table_keeps_to_the_limits(tmp_path, limits, message):
    (tmp_path / "gaia.csv.gz").write_bytes(gzip.compress(gaia_table(*[gaia_rows(9, "metis")] * 90)))
    with pytest.raises(ValueError, match=message):
        list(iter_pieces(tmp_path / "gaia.csv.gz", limits))


def test_a_bomb_is_refused_before_it_takes_the_memory(tmp_path):
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb") as file:
        file.write(gaia_table())
        for _ in range(40):
            file.write(bytes(2**20))
    (tmp_path / "gaia.csv.gz").write_bytes(content.getvalue())
    ((_, problem),) = read_any([tmp_path / "gaia.csv.gz"])
    assert "max_file_mib = 16" in str(problem)


def test_damage_of_a_compressed_table_is_told(tmp_path):
    data = bytearray(gzip.compress(gaia_table(*[gaia_rows(k, "x") for k in range(1, 900)])))
    data[-6] ^= 1
    (tmp_path / "gaia.csv.gz").write_bytes(data)
    ((name, problem),) = read_any([tmp_path / "gaia.csv.gz"])
    assert name == "gaia.csv.gz"
    assert "CRC" in str(problem)


def test_the_real_files_of_gaia_lose_no_asteroid(archives):
    path = archives / "gaia_dr3" / "SsoReflectanceSpectrum_07.csv.gz"
    keys = pd.read_csv(path, comment="#", usecols=["number_mp", "denomination"]).drop_duplicates()
    expected = [f"{path.name}/{number} {name}" for number, name in keys.itertuples(index=False)]
    assert [name for name, _ in read_any([path])] == expected


WIDE = WAVELENGTH_GRID[:24]
EXAMPLES = {
    "433": 1 + 0.4 * (WIDE - 0.55),
    "2000 WL63": 1 - 0.1 * (WIDE - 0.55) ** 2,
    "Ceres": 1 + 0 * WIDE + 0.01 * WIDE,
}


def wide_frame(name="object", column="{:g}", factor=1, **others):
    """A table of a survey as a data frame."""
    frame = pd.DataFrame(EXAMPLES.values(), columns=[column.format(factor * x) for x in WIDE])
    frame = frame.assign(**others)
    if name:
        frame.insert(0, name, list(EXAMPLES))
    return frame


def write_csv(frame, separator=",", head="", **options):
    return (head + frame.to_csv(index=False, sep=separator, **options)).encode()


@pytest.mark.parametrize(
    "data",
    [
        write_csv(wide_frame()),
        write_csv(wide_frame(column="R_{:g}nm", factor=1000), ";"),
        write_csv(wide_frame(column="refl_{:g}"), "\t", head="# a survey\n\n# of 2026\n"),
        write_csv(wide_frame(column="Reflectance ({:g} Angstrom)", factor=10_000)),
        write_csv(wide_frame("designation", "{:g}um"), ";", decimal=","),
        write_csv(wide_frame(H=20.1, albedo=0.2, **{f"err_{x:g}": 0.01 for x in WIDE})),
        write_csv(wide_frame()[["object", *(f"{x:g}" for x in WIDE[::-1])]]),
        write_csv(wide_frame()).replace(b"\n", b",\r\n"),
        b"\xef\xbb\xbf" + write_csv(wide_frame()),
    ],
    ids=["um", "nm", "tab", "Angstrom", "decimal comma", "others", "red first", "trailing comma", "mark"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_a_table_with_one_column_a_wavelength_is_read(tmp_path, data, pack):
    (tmp_path / "survey").write_bytes(pack(data))
    found = spectra_of(tmp_path / "survey")
    assert list(found) == list(EXAMPLES)
    for name, spectrum in found.items():
        np.testing.assert_allclose(spectrum.wavelength, WIDE)
        np.testing.assert_allclose(spectrum.reflectance, EXAMPLES[name])


def test_bad_rows_of_a_table_are_problems_and_good_ones_spectra(tmp_path):
    frame = pd.concat([wide_frame()] * 3, ignore_index=True).astype(object)
    frame.iloc[1, 3:6] = ["", "n/a", -1]
    frame.iloc[2, 1:20] = np.nan
    frame.iloc[3, 1:] = 1.0
    frame.iloc[4, 0] = ""
    frame.iloc[5, 1:] = [(-1) ** k * (1 + k / 10) for k in range(len(WIDE))]
    lines = write_csv(frame).decode().splitlines()
    lines[7] = lines[7] + ",9"
    (tmp_path / "survey.csv").write_text("\n".join(lines))
    pairs = read_any([tmp_path / "survey.csv"])
    table, _ = predict_files(load_model(), [tmp_path / "survey.csv"])
    assert len(pairs) == len(table) == 9
    found = [str(item) if isinstance(item, SpectrumError) else len(item.wavelength) for _, item in pairs]
    assert found[:2] == [24, 21]
    assert table.Note[1] == "3 points without a measurement"
    assert found[2] == "5 valid points, at least 8 are needed"
    assert found[3] == "24 of 24 reflectances are 1"
    assert pairs[4][0] == "survey.csv/row 5"
    assert "negative" in found[5]
    assert found[6] == "more fields than the table has names"
    assert found[7:] == [24, 24]


@pytest.mark.parametrize(
    "frame, message",
    [
        (wide_frame(column="mag_{:g}"), "columns like 'mag_0.45' hold no reflectance"),
        (wide_frame(column="a{:g}", **{f"b{x:g}": 1.0 for x in WIDE}), "'a0.45' and 'b0.45' may both"),
    ],
)
def test_a_table_that_could_be_read_wrongly_is_refused(tmp_path, frame, message):
    (tmp_path / "survey.csv").write_bytes(write_csv(frame))
    ((_, problem),) = read_any([tmp_path / "survey.csv"])
    assert message in str(problem)


@pytest.mark.parametrize(
    "names",
    [
        [f"{x:g}" for x in WIDE],
        ["wavelength", *map(str, range(400, 424))],
        ["name", *(f"PC{k}" for k in range(1, 24))],
        ["name", *(f"x{k}" for k in range(100, 124))],
        ["name", *(f"{x:g}" for x in WIDE[:7])],
    ],
)
def test_numbers_in_names_are_not_always_wavelengths(names):
    assert find_wide(Header(tuple(names))) is None


def test_a_table_is_cut_into_pieces_that_number_its_rows(tmp_path):
    (tmp_path / "survey.csv").write_bytes(write_csv(wide_frame(name="", column="R{:g}")))
    pieces = list(iter_pieces(tmp_path / "survey.csv", size=2))
    assert [piece.count for piece in pieces] == [2, 1]
    names = [name for piece in pieces for name, _ in read_piece(piece)]
    assert names == ["survey.csv/row 1", "survey.csv/row 2", "survey.csv/row 3"]


@pytest.fixture
def _pyarrow():
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")


@pytest.mark.usefixtures("_pyarrow")
def test_a_parquet_table_is_read_as_text_is(tmp_path):
    wide_frame(H=[20, 21, 22]).to_parquet(tmp_path / "wide")
    numbered = wide_frame(column="R_{:g}nm", factor=1000).assign(object=[4.0, np.nan, 16.0])
    numbered.to_parquet(tmp_path / "numbered", row_group_size=2)
    gaia = gaia_table(gaia_rows(9, "metis"), gaia_rows(433, "eros"))
    pd.read_csv(io.BytesIO(gaia), comment="#").to_parquet(tmp_path / "gaia")
    for name, spectrum in spectra_of(tmp_path / "wide").items():
        np.testing.assert_allclose(spectrum.reflectance, EXAMPLES[name])
    assert list(spectra_of(tmp_path / "numbered")) == ["4", "row 2", "16"]
    assert list(spectra_of(tmp_path / "gaia")) == ["9 metis", "433 eros"]
    assert [piece.count for piece in iter_pieces(tmp_path / "numbered", size=2)] == [2, 1]


@pytest.mark.usefixtures("_pyarrow")
def test_a_parquet_table_that_is_damaged_or_large_or_another_is_refused(tmp_path):
    wide_frame().to_parquet(tmp_path / "wide")
    data = (tmp_path / "wide").read_bytes()
    (tmp_path / "cut").write_bytes(data[:-9])
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other")
    problems = [str(found) for _, found in read_any([tmp_path / "cut", tmp_path / "other"])]
    assert "damaged" in problems[0]
    assert "without wavelength and reflectance" in problems[1]
    with pytest.raises(ValueError, match="max_total_mib"):
        list(iter_pieces(tmp_path / "wide", Limits(max_total_mib=1e-4)))


def test_a_format_whose_package_is_missing_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "survey").write_bytes(b"PAR1" + bytes(200) + b"PAR1")
    ((_, problem),) = read_any([tmp_path / "survey"])
    assert str(problem) == "a Parquet table, which needs pip install 'nea-prospect[parquet]'"


NM, CURVE = 1000 * WIDE, 1 + 0.4 * (WIDE - 0.55) - 0.1 * np.exp(-(((WIDE - 0.95) / 0.15) ** 2))
KINDS = ["fits", "votable", "ascii.ecsv"]


@pytest.fixture
def tables():
    return pytest.importorskip("astropy.table", reason="astropy is not installed")


@pytest.fixture(params=KINDS)
def written(request, tmp_path):
    """A function that writes a table in one of the formats, and gives the path."""

    def write(table, name="table"):
        table.write(tmp_path / name, format=request.param)
        return tmp_path / name

    return write


def one_spectrum(tables, flux="reflectance", unit="", axis="nm", **others):
    """A table with one spectrum, a row for each wavelength."""
    table = tables.Table({"wavelength": NM, flux: CURVE, "uncertainty": 0.01 * CURVE, **others})
    table["wavelength"].unit, table[flux].unit = axis, unit
    return table


def problem_of(path):
    """The one problem that a file has."""
    ((_, problem),) = read_any([path])
    assert isinstance(problem, SpectrumError)
    assert "\n" not in str(problem)
    return str(problem)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_a_table_of_one_spectrum_is_read_with_its_units(tmp_path, tables, written, pack):
    (tmp_path / "433.txt").write_bytes(pack(written(one_spectrum(tables)).read_bytes()))
    ((name, spectrum),) = read_any([tmp_path / "433.txt"])
    assert name == "433.txt"
    assert spectrum.facts.unit == "nm"
    np.testing.assert_allclose(spectrum.wavelength, WIDE)
    np.testing.assert_allclose(spectrum.reflectance, CURVE)
    np.testing.assert_allclose(spectrum.uncertainty, 0.01 * CURVE)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"flux": "flux", "unit": "Jy"}, "column 'flux' is in 'Jy', which is no reflectance"),
        ({"unit": "mag"}, "column 'reflectance' is in 'mag', which is no reflectance"),
        ({"axis": "GHz"}, "column 'wavelength' is in 'GHz', which is no wavelength"),
        ({"axis": "um"}, "the header says um, but the median wavelength is"),
    ],
    ids=["flux", "magnitude", "frequency", "wrong unit"],
)
def test_a_unit_that_is_none_of_a_reflectance_spectrum_is_refused(tables, written, options, message):
    assert message in problem_of(written(one_spectrum(tables, **options)))


@pytest.mark.parametrize("unit", ["%", "0.01", "1", ""])
@pytest.mark.filterwarnings("ignore:.*W50")  # astropy, of a percent in a VOTable
def test_a_unit_without_a_dimension_is_that_of_a_reflectance(tables, written, unit):
    table = one_spectrum(tables, unit=unit)
    table["reflectance"] *= 20
    ((_, spectrum),) = read_any([written(table)])
    np.testing.assert_allclose(spectrum.reflectance, 20 * CURVE)
    assert ("in no usual scale" in spectrum.facts.assumed) == (unit not in ("%", "0.01"))


def test_a_flux_beside_the_reflectance_is_passed_over(tables, written):
    table = one_spectrum(tables)
    table.add_column(tables.Column(7 * CURVE**2, name="flux", unit="Jy"), index=0)
    ((_, spectrum),) = read_any([written(table)])
    np.testing.assert_allclose(spectrum.reflectance, CURVE)
    assert spectrum.facts.assumed == "column 2 taken for the wavelength, 3 for the reflectance"


def test_a_masked_value_is_no_measurement(tables, written):
    table = tables.Table(one_spectrum(tables), masked=True)
    table["reflectance"].mask[5] = True
    ((_, spectrum),) = read_any([written(table)])
    np.testing.assert_allclose(spectrum.wavelength, np.delete(WIDE, 5))


def test_objects_of_one_table_are_told_apart(tables, written):
    pair = tables.vstack([one_spectrum(tables, target=[name] * len(WIDE)) for name in ("433", "Ceres")])
    assert list(spectra_of(written(pair))) == ["433", "Ceres"]


def test_a_table_of_many_spectra_is_read_from_every_kind(tables, written):
    wide = tables.Table.from_pandas(wide_frame(column="R_{:g}nm", factor=1000))
    for name, spectrum in spectra_of(written(wide)).items():
        np.testing.assert_allclose(spectrum.reflectance, EXAMPLES[name])
    wide[wide.colnames[1]].unit = "mag"
    assert "column 'R_450nm' is in 'mag'" in problem_of(written(wide, "magnitudes"))


def lists_of(*lengths):
    """Columns of lists that are cut to some lengths."""
    columns = np.empty((2, len(lengths)), dtype=object)
    for at, length in enumerate(lengths):
        columns[:, at] = NM[:length], CURVE[:length]
    return dict(zip(("wavelength", "reflectance"), columns, strict=True))


@pytest.mark.parametrize("lengths", [(24, 20), (24, 24)], ids=["variable", "fixed"])
def test_two_lists_in_a_row_are_a_spectrum(tables, written, lengths):
    columns = lists_of(*lengths)
    if len(set(lengths)) == 1:
        columns = {name: np.stack(list(cells)) for name, cells in columns.items()}
    table = tables.Table({"number": [433, 1], **columns})
    table["wavelength"].unit = "nm"
    found = spectra_of(written(table))
    assert list(found) == ["433", "1"]
    for spectrum, length in zip(found.values(), lengths, strict=True):
        np.testing.assert_allclose(spectrum.wavelength, WIDE[:length])
        np.testing.assert_allclose(spectrum.reflectance, CURVE[:length])


@pytest.mark.usefixtures("_pyarrow")
def test_two_lists_in_a_row_of_parquet_are_a_spectrum(tmp_path):
    rows = {"number": [433, 1, 2, 3], **lists_of(24, 20, 24, 3)}
    frame = pd.DataFrame(rows).astype({"wavelength": object})
    frame.at[2, "wavelength"] = NM[:7]
    frame.to_parquet(tmp_path / "table")
    found = spectra_of(tmp_path / "table")
    np.testing.assert_allclose(found["1"].wavelength, WIDE[:20])
    assert str(found["2"]) == "lists of 7 and 24 numbers"
    assert str(found["3"]) == "3 valid points, at least 8 are needed"
    with pytest.raises(ValueError, match="max_total_mib"):
        list(iter_pieces(tmp_path / "table", Limits(max_total_mib=1e-4)))


def test_a_list_without_its_wavelengths_is_refused(tmp_path, tables):
    tables.Table({"number": [433], "reflectance": [CURVE]}).write(tmp_path / "table", format="fits")
    assert problem_of(tmp_path / "table") == "a table of lists, but only of 'reflectance'"


@pytest.mark.parametrize("kind", ["fits", "votable"])
def test_a_table_that_is_cut_or_empty_or_another_says_so(tmp_path, tables, kind):
    one_spectrum(tables).write(tmp_path / "table", format=kind)
    data = (tmp_path / "table").read_bytes()
    (tmp_path / "cut").write_bytes(data[: len(data) // 3 * 2])
    one_spectrum(tables)[:0].write(tmp_path / "empty", format=kind)
    tables.Table({name: [1.0] for name in "abcde"}).write(tmp_path / "other", format=kind)
    assert re.search("damaged|cut off", problem_of(tmp_path / "cut"))
    assert problem_of(tmp_path / "empty") == "a table without a row"
    assert problem_of(tmp_path / "other").endswith("it has a, b, c, d, e")
    with pytest.raises(ValueError, match="max_file_mib|more than"):
        list(iter_pieces(tmp_path / "table", Limits(max_file_mib=1e-4)))


def test_images_and_several_tables_of_fits_are_named(tmp_path, tables):
    fits = pytest.importorskip("astropy.io.fits")
    table = fits.table_to_hdu(one_spectrum(tables))
    for name, parts in {"image": [fits.ImageHDU(np.zeros((9, 9)))], "two": [table, table.copy()]}.items():
        fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(tmp_path / name)
    assert problem_of(tmp_path / "image") == "a FITS image"
    assert problem_of(tmp_path / "two") == "a FITS file with 2 tables; one is needed"


def spextool(path, *rows, **keywords):
    """Write rows as an image of FITS with keywords, as Spextool does."""
    fits = pytest.importorskip("astropy.io.fits", reason="astropy is not installed")
    image = fits.PrimaryHDU(np.array(rows, dtype=np.float32))
    image.header.update(keywords)
    image.writeto(path)


FLAGS = np.arange(24) % 9 == 4


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
@pytest.mark.parametrize(
    "factor, keywords, unit",
    [
        (1, {"XUNITS": "um", "YUNITS": "unity"}, "um"),
        (1, {"XUNITS": "microns", "YUNITS": ""}, "um"),
        (1000, {"XUNITS": "nm", "YUNITS": "Reflectance"}, "nm"),
        (1, {}, "um"),
    ],
)
def test_a_spectrum_that_spextool_wrote_is_read(tmp_path, factor, keywords, unit, pack):
    spextool(tmp_path / "image", factor * WIDE, CURVE, 0.01 * CURVE, FLAGS, OBJECT="2004 MN4", **keywords)
    (tmp_path / "spex.fits").write_bytes(pack((tmp_path / "image").read_bytes()))
    ((name, spectrum),) = read_any([tmp_path / "spex.fits"])
    assert name == "spex.fits"
    np.testing.assert_allclose(spectrum.wavelength, WIDE[~FLAGS], rtol=1e-6)
    np.testing.assert_allclose(spectrum.reflectance, CURVE[~FLAGS], rtol=1e-6)
    np.testing.assert_allclose(spectrum.uncertainty, 0.01 * CURVE[~FLAGS], rtol=1e-6)
    assert (spectrum.facts.unit, spectrum.facts.header_asteroid) == (unit, "2004 MN4")
    assumed = "" if keywords.get("YUNITS") else "column 'row 2' taken for the reflectance; "
    assert spectrum.facts.assumed == f"{assumed}3 points with a flag left out"


@pytest.mark.parametrize(
    "rows, keywords, message",
    [
        (
            (WIDE, CURVE, CURVE),
            {"YUNITS": "W m-2 um-1"},
            "'W m-2 um-1', which is no reflectance: divide it by",
        ),
        ((WIDE, CURVE, CURVE), {"YUNITS": "DN / s"}, "'DN / s', which is no reflectance"),
        ((1e4 / WIDE[::-1], CURVE, CURVE), {"XUNITS": "cm-1"}, "in 'cm-1', which is no wavelength"),
        ((WIDE, CURVE, CURVE), {"XUNITS": "nm"}, "the header says nm, but the median"),
        ((WIDE[::-1], CURVE, CURVE), {"XUNITS": "um"}, "a FITS image"),
        ((100 * WIDE, CURVE, CURVE), {}, "a FITS image"),
        ((WIDE, CURVE), {"XUNITS": "um"}, "a FITS image"),
        ((WIDE, CURVE, CURVE, CURVE, CURVE), {"XUNITS": "um"}, "a FITS image"),
        ((WIDE[:7], CURVE[:7], CURVE[:7]), {"XUNITS": "um"}, "a FITS image"),
        (([WIDE] * 3, [CURVE] * 3, [CURVE] * 3), {"XUNITS": "um"}, "a FITS image"),
    ],
)
def test_an_image_that_is_no_reflectance_spectrum_is_refused(tmp_path, rows, keywords, message):
    spextool(tmp_path / "image", *rows, **keywords)
    assert message in problem_of(tmp_path / "image")


def set_keyword(path, field, value):
    """Change a keyword in the first header of FITS that has it."""
    data = path.read_bytes()
    at = data.index(f"{field:8}=".encode())
    path.write_bytes(data[:at] + f"{field:8}= {value:>20}".encode() + data[at + 30 :])


@pytest.mark.parametrize("field, value", [("NAXIS1", 10**12), ("NAXIS1", 0), ("BITPIX", 7), ("NAXIS2", -3)])
def test_an_image_cannot_ask_for_more_than_it_holds(tmp_path, field, value):
    spextool(tmp_path / "image", WIDE, CURVE, CURVE, XUNITS="um")
    set_keyword(tmp_path / "image", field, value)
    assert problem_of(tmp_path / "image").startswith("a FITS image")


@pytest.mark.parametrize("ending", ["csv", "parquet", "ecsv", "vot"])
def test_a_table_of_results_is_named(tmp_path, ending):
    for package in {"parquet": ["pyarrow"], "ecsv": ["astropy"], "vot": ["astropy"]}.get(ending, ()):
        pytest.importorskip(package)
    (tmp_path / "survey.csv").write_bytes(write_csv(wide_frame()))
    table, _ = predict_files(load_model(), [tmp_path / "survey.csv"])
    write_predictions(tmp_path / f"results.{ending}", table)
    assert problem_of(tmp_path / f"results.{ending}").startswith("a table of results, not a ")


DATED = "asteroid 433 taken from the name of the file"
NAMED = "the header names asteroid 2004 MN4"


@pytest.mark.parametrize(
    "name, header, asteroid, note",
    [
        ("20020817_spex.txt", "# OBJECT: 2004 MN4\n", "2004 MN4", NAMED),
        ("20020817_433.txt", "# OBJECT: 2004 MN4\n", "2004 MN4", NAMED),
        ("20020817_433.txt", "", "433", DATED),
        ("433.txt", "# OBJECT: 2004 MN4\n", "433", f"{DATED}; {NAMED}"),
        ("433.txt", "# OBJECT: (433) Eros\n", "433", "the header names asteroid 433"),
        ("433_20020817.txt", "", "433", ""),
        ("20020817_spex.txt", "", "20020817 spex", ""),
    ],
)
def test_a_note_tells_which_name_was_taken(tmp_path, name, header, asteroid, note):
    rows = [f"{x:.3f} {y:.4f}" for x, y in zip(WIDE, CURVE, strict=True)]
    (tmp_path / name).write_text(header + "\n".join(rows))
    table, _ = predict_files(load_model(), [tmp_path / name])
    learned = "in the training data" if asteroid == "433" else ""
    assert (table.Asteroid_ID[0], table.Note[0]) == (asteroid, "; ".join(filter(None, [learned, note])))


@pytest.mark.parametrize("field", ["NAXIS1", "NAXIS2", "PCOUNT", "TFIELDS"])
def test_a_fits_table_cannot_ask_for_more_than_it_holds(tmp_path, tables, field):
    one_spectrum(tables).write(tmp_path / "table", format="fits")
    set_keyword(tmp_path / "table", field, 10**12)
    assert re.search("cut off|it may have", problem_of(tmp_path / "table"))


def test_lists_of_fits_cannot_repeat_one_place_without_end(tmp_path, tables):
    tables.Table(lists_of(24, 24)).write(tmp_path / "table", format="fits")
    with pytest.raises(ValueError, match="max_cells = 90"):
        list(iter_pieces(tmp_path / "table", Limits(max_cells=90)))


VOTABLE = '<?xml version="1.0"?>{}<VOTABLE version="1.4"><RESOURCE>{}</RESOURCE></VOTABLE>'
FIELD = '<FIELD name="wavelength" datatype="double"{}/>'
REMOTE = f"<TABLE>{FIELD.format('')}<DATA><{{0}}><STREAM href='{{1}}'/></{{0}}></DATA></TABLE>"


@pytest.mark.parametrize(
    "start, table, message",
    [
        ('<!DOCTYPE VOTABLE [<!ENTITY a "aaa">]>', "<TABLE/>", "defines entities"),
        ('<!DOCTYPE VOTABLE [<!ENTITY a SYSTEM "file:///etc/passwd">]>', "<TABLE/>", "defines entities"),
        ("", REMOTE.format("BINARY", "file:///etc/passwd"), "in another file"),
        ("", REMOTE.format("FITS", "http://localhost:1/"), "in another file"),
        ("", f'<TABLE nrows="1000000000">{FIELD.format("")}</TABLE>', "larger than any table"),
        ("", f"<TABLE>{FIELD.format(' arraysize=' + repr('9999x99999'))}</TABLE>", "larger than any table"),
        ("", "<RESOURCE>" * 100, "deeper"),
        ("", "<TABLE>" + FIELD.format("") * 3000, "larger than any table"),
        ("", "<TABLE/><TABLE/>", "2 tables; one is needed"),
    ],
    ids=["entities", "file", "stream", "fits", "rows", "array", "depth", "fields", "two"],
)
def test_a_hostile_votable_is_refused_before_astropy_sees_it(
    tmp_path, tables, monkeypatch, start, table, message
):
    monkeypatch.setattr("astropy.io.votable.parse", tables)  # which cannot be called
    (tmp_path / "table").write_text(VOTABLE.format(start, table))
    assert message in problem_of(tmp_path / "table")


@pytest.mark.parametrize(
    "header",
    ["# a: &a [x]\n# datatype: [{name: *a}]", "# datatype: [{name: [x]}]", "# a: " + "[" * 3000, "# -"],
    ids=["alias", "nested", "deep", "other"],
)
def test_a_hostile_header_of_ecsv_is_refused(tmp_path, header):
    (tmp_path / "table").write_text(f"# %ECSV 1.0\n# ---\n{header}\nwave refl\n0.5 1\n")
    assert problem_of(tmp_path / "table") == "an ECSV table whose header is damaged"


def test_a_table_of_texts_and_numbers_that_are_no_spectra_is_told(tmp_path):
    columns = "".join(f"# - {{name: b{k}, datatype: float64}}\n" for k in range(6))
    header = f"# %ECSV 1.0\n# ---\n# datatype:\n# - {{name: q, datatype: string}}\n{columns}"
    (tmp_path / "table").write_text(header + "q b0 b1 b2 b3 b4 b5\n" + "a 1 2 3 4 5 6\n" * 9)
    assert problem_of(tmp_path / "table").endswith("it has q, b0, b1, b2, b3, b4, b5")


@pytest.mark.parametrize("name, kind", [("spec.fits", "a FITS table"), ("spec.vot", "a VOTable")])
def test_without_astropy_its_tables_are_named(tmp_path, monkeypatch, name, kind):
    monkeypatch.setitem(sys.modules, "astropy", None)
    start = b"SIMPLE  =" if kind == "a FITS table" else b"<?xml?><VOTABLE>"
    (tmp_path / name).write_bytes(start.ljust(3000))
    assert problem_of(tmp_path / name) == f"{kind}, which needs astropy: pip install 'nea-prospect[astro]'"


@pytest.mark.parametrize("name", ["spec.fits", "spec.vot", "spec.ecsv", "specutils_like.ecsv"])
def test_files_that_astropy_and_specutils_wrote_are_read(archives, tables, name):
    ((_, spectrum),) = read_any([archives / "formats" / name])
    assert tables
    assert len(spectrum.wavelength) == 41
    assert spectrum.facts.unit == "um"


def test_the_header_of_m4ast_names_a_file_without_an_identity(tmp_path, archives):
    data = (archives / "formats" / "1996FG3_20110109_950_00.txt").read_bytes()
    for name in ("1996FG3_20110109.txt", "spectrum.txt"):
        (tmp_path / name).write_bytes(data)
    table, _ = predict_files(load_model(), [tmp_path])
    assert table.Asteroid_ID.tolist() == ["1996 FG3", "175706"]
    assert table.Note.str.contains("the header names asteroid 175706; observed 2011-01-09").all()


def test_any_damage_of_a_table_is_one_line(tables, written):
    path = written(tables.Table({"number": [433, 1], **lists_of(24, 20)}))
    data, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(60 * SOAK):
        damaged = bytearray(data)
        for at in rng.integers(len(data), size=rng.choice([1, 3, 20])):
            damaged[at] = rng.choice(list(b'0123456789<>&"[], \x00\xff'))
        path.write_bytes(damaged)
        found = [item for _, item in read_any([path])]
        assert found
        assert [str(item) for item in found if isinstance(item, SpectrumError) and "\n" in str(item)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_asteroid_that_a_table_states_counts_where_the_file_has_no_number(tmp_path, tables, kind):
    table = one_spectrum(tables)
    if kind == "votable":
        document = pytest.importorskip("astropy.io.votable").from_table(table)
        param = pytest.importorskip("astropy.io.votable.tree").Param
        own = document.get_first_table()
        told = {"name": "target_name", "datatype": "char", "arraysize": "*", "value": "(433) Eros"}
        own.params.append(param(document, **told))
        document.to_xml(str(tmp_path / "table"))
    else:
        table.meta["OBJECT"] = "(433) Eros"
        table.write(tmp_path / "table", format=kind)
    (tmp_path / "1036.x").write_bytes((tmp_path / "table").read_bytes())
    found, _ = predict_files(load_model(), [tmp_path / "table", tmp_path / "1036.x"])
    assert found.Problem.tolist() == ["", ""]
    assert found.Asteroid_ID.tolist() == ["433", "1036"]
    assert found.Note.str.contains("the header names asteroid 433").all()


def test_a_run_reads_every_format_that_predict_reads(tmp_path, tables):
    folder = tmp_path / "spectra"
    folder.mkdir()
    for number, kind in enumerate(KINDS, 1):
        one_spectrum(tables).write(folder / f"{number}.x", format=kind)
    (folder / "4.txt.gz").write_bytes(gzip.compress(b"\n".join(b"%.3f 1.%d" % (x, 9 * x) for x in WIDE)))
    (folder / "gaia.csv").write_bytes(gaia_table(gaia_rows(9, "metis"), gaia_rows(9, "metis")[:1]))
    (folder / "survey.csv").write_bytes(write_csv(wide_frame(name="number").assign(number=[5, 6, 7])))
    (folder / "page.html").write_bytes(b"<html>")
    (tmp_path / "c.csv").write_text("number,class\n" + "".join(f"{k},S\n" for k in range(1, 9)))
    dataset = load_dataset(tmp_path / "c.csv", folder)
    predicted = {name.partition("/")[2]: found for name, found in read_any([folder])}
    assert dataset.table.asteroid.tolist() == ["1", "2", "3", "4", "5", "6", "7"]
    for name, spectrum in zip(dataset.table.file, dataset.spectra, strict=True):
        np.testing.assert_array_equal(spectrum.reflectance, predicted[name].reflectance)
    rejected = dataset.rejects.set_index("item").reason
    assert rejected["gaia.csv/9 metis"] == "two rows for a band"
    assert "HTML" in rejected["page.html"]
    assert load_dataset(tmp_path / "c.csv", folder / "survey.csv").table.file.tolist() == [
        "survey.csv/5",
        "survey.csv/6",
        "survey.csv/7",
    ]
