"""Tables of surveys and formats of other programs, as `predict` reads them."""

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pytest

from nea_prospect.archives import Limits
from nea_prospect.classifier import load_model
from nea_prospect.formats import GAIA_BANDS, GAIA_RATIO, iter_pieces, read_piece
from nea_prospect.loading import SpectrumError, bundled
from nea_prospect.prediction import predict_files, read_any

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
