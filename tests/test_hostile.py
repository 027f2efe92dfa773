"""Input from anywhere: names, devices, spectra in every dialect and damage, cells that would be formulas."""

import io
import os
import sys
import tarfile

import numpy as np
import pandas as pd
import pytest
from conftest import SOAK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nea_prospect.cli import main
from nea_prospect.columns import SpectrumError
from nea_prospect.execution import RunError, verify_run
from nea_prospect.files import read_json, read_table, sha256, write_table
from nea_prospect.loading import load_dataset
from nea_prospect.prediction import read_any
from nea_prospect.series import run_series
from nea_prospect.spectra import parse_spectrum


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_names_that_are_no_text_or_hold_commands_are_spelled_out(
    tmp_path, monkeypatch, capsys, spectrum_text, kind
):
    good, names = spectrum_text(), ["1.txt", "2\udcff.txt", "3\x1b[31m.txt"]
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
    dataset = load_dataset(tmp_path / "c.csv", tmp_path / "a")
    write_table(tmp_path / "rejects.csv", dataset.rejects)
    reasons = dict(zip(dataset.rejects.item, dataset.rejects.reason, strict=True))
    spelled = (r"2\udcff.txt", r"3\x1b[31m.txt")
    assert reasons == dict.fromkeys(spelled, "its name has control characters")
    assert dataset.table.file.tolist() == ["1.txt"]
    assert len(sha256(tmp_path / "a")) == 64
    paths = [tmp_path / "a", tmp_path / "no\udcff.txt", "--out", tmp_path / "t.csv"]
    command = ["nea-prospect", "predict", "--run", "bundled", *map(str, paths)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as end:
        main()
    told = capsys.readouterr().out
    assert end.value.code == 1
    assert "1 spectra classified, 3 files could not be" in told
    assert r"3\x1b[31m.txt" in told
    assert r"no\udcff.txt" in told
    assert "\x1b" not in told


def test_json_that_is_nested_without_end_is_refused(tmp_path):
    (tmp_path / "run.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(tmp_path / "run.json")
    assert verify_run(tmp_path)[0] == "unfinished"


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    (tmp_path / "large.txt").write_bytes(b"0.5 1\n" * 3_000_000)
    ((_, problem),) = read_any([tmp_path / "large.txt"])
    assert str(problem) == "more than the limit max_file_mib = 16"


def test_pipes_and_devices_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert [type(found) for _, found in read_any([tmp_path / "pipe", "/dev/zero"])] == [SpectrumError] * 2
    (tmp_path / "c.csv").write_text("number,class\n1,S\n")
    with pytest.raises(RunError, match="no archive of spectra at"):
        run_series(tmp_path / "run", tmp_path / "c.csv", tmp_path / "pipe")
    with pytest.raises(RunError, match="no table of resources at"):
        run_series(tmp_path / "run", settings={"resources": str(tmp_path / "pipe")})
    (tmp_path / "run.json").symlink_to("/dev/zero")
    assert verify_run(tmp_path)[0] == "unfinished"


HEADERS = [[], ["# a header"], ["wavelength flux"], ["", "  "], ["Object: (433) Eros"], ["// x", "-----"]]


@st.composite
def dialects(draw):
    """A spectrum, how it is written, and the bytes."""
    seed, n = draw(st.integers(0, 2**32 - 1)), draw(st.integers(12, 60))
    rng = np.random.default_rng(seed)
    wavelength = np.unique(np.round(np.sort(rng.uniform(0.45, 2.45, n)), 5))
    reflectance = np.round(rng.uniform(0.1, 2.0, len(wavelength)) * 10.0 ** draw(st.integers(-6, 6)), 9)
    unit, factor = draw(st.sampled_from([("um", 1.0), ("nm", 1e3), ("Angstrom", 1e4)]))
    comma = draw(st.booleans())
    separators = ["\t", ";", "  ", "; "] if comma else [" ", "\t", ",", ";", ", ", "   "]
    separator = draw(st.sampled_from(separators))
    style = draw(st.sampled_from(["{:.9g}", "{:.8e}", "{:.8E}", "{:.10f}"]))
    ascending = np.arange(len(wavelength))
    rows = draw(st.sampled_from([ascending, ascending[::-1], rng.permutation(ascending)]))
    extra = ["0.0625", "1"][: draw(st.integers(0, 2))]
    pairs = [(f"{wavelength[row] * factor:.9g}", style.format(reflectance[row])) for row in rows]
    lines = [separator.join([*pair, *extra]) for pair in pairs]
    if draw(st.booleans()):
        first = draw(st.integers(0, 1))
        lines = [f"{number}{separator}{line}" for number, line in enumerate(lines, first)]
    if comma:
        lines = [line.replace(".", ",") for line in lines]
    header = draw(st.sampled_from(HEADERS))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    text = end.join([*header, *lines]) + draw(st.sampled_from(["", end, end * 3]))
    return wavelength, reflectance, unit, style, text.encode(encoding)


@settings(max_examples=2500 * SOAK, database=None, suppress_health_check=list(HealthCheck))
@given(dialects())
def test_every_dialect_gives_the_values_that_were_written(made):
    wavelength, reflectance, unit, style, data = made
    spectrum = parse_spectrum(data)
    ten_decimals = style == "{:.10f}"
    if ten_decimals and reflectance.min() < 1e-4:
        return  # ten decimals do not hold so small a number
    assert spectrum.facts.unit == unit
    np.testing.assert_allclose(spectrum.wavelength, wavelength, rtol=1e-7)
    np.testing.assert_allclose(spectrum.reflectance, reflectance, rtol=1e-5 if ten_decimals else 1e-6)


WORDS = {"nan": b"nan", "swapped": b"1e9", "sentinels": b"-1.0000", "huge": b"1e999", "text": b"abc 1 2"}


@st.composite
def damages(draw):
    """The bytes of a written spectrum, damaged."""
    data = draw(dialects())[-1]
    kind = draw(st.sampled_from(["cut", "noise", "nul", "one line", "repeated", "binary", *WORDS]))
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
        lines = data.split(b"\n")
        for row in draw(st.lists(st.integers(0, len(lines) - 1), max_size=len(lines))):
            lines[row] = WORDS[kind] + b" " + WORDS[kind]
        data = b"\n".join(lines)
    return data


@settings(max_examples=2500 * SOAK, database=None, suppress_health_check=list(HealthCheck))
@given(damages())
def test_damage_gives_a_valid_spectrum_or_a_reason_and_never_an_exception(data):
    try:
        result = parse_spectrum(data)
    except SpectrumError as error:
        assert str(error)
        assert "\n" not in str(error)
        return
    assert len(result.wavelength) >= 8
    assert (np.diff(result.wavelength) > 0).all()
    assert (result.wavelength[0] > 0) & (result.wavelength[-1] < 50)
    assert np.isfinite(result.reflectance).all()
    assert (result.reflectance > 0).all()
    assert result.uncertainty is None or len(result.uncertainty) == len(result.wavelength)


def written(form, rows=60, header=""):
    wavelength = np.linspace(0.45, 2.4, rows)
    lines = [form(number, value, 1 + 0.1 * value) for number, value in enumerate(wavelength)]
    return (header + "\n".join(lines)).encode()


def unless_third(k, text):
    """Empty in every third row."""
    return "" if k % 3 == 0 else text


DATES = "Messung 12.05.2020\n12.05.2020\nWellenlaenge;Reflexion\n"


@pytest.mark.parametrize(
    "data, points",
    [
        pytest.param(written(form, rows, header), points, id=name)
        for name, form, rows, header, points in [
            (
                "pandas",
                lambda k, x, y: f"{k},{x:.4f},{y:.4f},0.0100",
                60,
                ",wavelength,reflectance,sigma\n",
                60,
            ),
            ("from 1", lambda k, x, y: f"{k + 1}\t{x * 1e3:.2f}\t{y:.4f}", 1000, "", 1000),
            ("empty", lambda k, x, y: f"{x:.4f},{unless_third(k, f'{y:.4f}')},0.0100", 60, "", 40),
            ("tabs", lambda k, x, y: f"{x:.4f}\t{unless_third(k, f'{y:.4f}')}\t0.0100", 60, "", 40),
            ("no wavelength", lambda k, x, y: f"{unless_third(k, f'{x:.4f}')};{y:.4f};0.0100", 60, "", 40),
            ("empty first", lambda _, x, y: f",{x:.4f},{y:.4f}", 60, "", 60),
            ("two tabs", lambda _, x, y: f"{x:.4f}\t\t{y:.4f}", 60, "", 60),
            ("date", lambda _, x, y: f"{x * 1e3:.2f};{y:.4f}".replace(".", ","), 60, DATES, 60),
        ]
    ],
)
def test_values_stay_in_their_columns(data, points):
    spectrum = parse_spectrum(data)
    assert len(spectrum.wavelength) == points
    np.testing.assert_allclose(spectrum.reflectance, 1 + 0.1 * spectrum.wavelength, rtol=1e-4)
    assert spectrum.uncertainty is None or (spectrum.uncertainty == 0.01).all()


@pytest.mark.parametrize(
    "data, message",
    [
        (written(lambda _, x, y: f"{1e4 / x:.2f} {y:.4f}"), "wavenumbers"),
        (written(lambda k, _, y: f"{4200 + 300 * k} {y:.4f}", header="Wave number (cm^-1)\n"), "wavenumbers"),
        (
            written(lambda k, x, y: f"{x * (1e3 if k < 20 else 1):.4f} {y:.4f}"),
            "20 of 60 .* not in um as the",
        ),
        (
            written(lambda k, x, y: f"{x * (1e3 if k < 40 else 1):.4f} {y:.4f}"),
            "20 of 60 .* not in nm as the",
        ),
        (
            written(lambda k, x, y: f"{x * (1e3 if k > 25 else 1e4):.4f} {y:.4f}"),
            "not in nm as the others are",
        ),
    ],
)
def test_what_is_no_wavelength_in_one_unit_is_refused(data, message):
    with pytest.raises(SpectrumError, match=message):
        parse_spectrum(data)


@pytest.mark.slow
def test_ten_million_points_and_one_endless_line_end_in_time():
    halves = np.arange(45_000_000, 245_000_000, 20).astype("S9").reshape(2, -1).tolist()
    text = b"e-8 1.0\n".join([*halves[0], b""]) + b"e-8 1.1\n".join([*halves[1], b""])
    assert len(parse_spectrum(text).wavelength) == 10_000_000
    with pytest.raises(SpectrumError):
        parse_spectrum(b"0.5 1.0 " * 5_000_000)


def test_a_file_of_a_hundred_thousand_segments_ends_in_time():
    rows = [f"{0.45 + 0.4 * (k % 5) + 1e-7 * k:.7f} 1.{k % 3}" for k in range(500_000)]
    facts = parse_spectrum("\n".join(rows).encode()).facts
    assert (facts.n_segments, facts.n_unsorted) == (1, 99_999)


CELLS = "=1+1 +1 -2+3 @SUM(A1) \t=1 '=1 ''@x - plain 'Aylo'chaxnim a=b".split(" ")


@pytest.mark.parametrize("text", [*CELLS, "", "2000 WL63"])
def test_a_cell_never_becomes_a_formula_and_comes_back_as_it_was(tmp_path, text):
    write_table(tmp_path / "t.csv", pd.DataFrame({"Name": [text, "x"], "number": [1.5, -2.5]}))
    raw = pd.read_csv(tmp_path / "t.csv", keep_default_na=False).Name[0]
    assert len(raw) < 2 or raw[0] not in "=+-@\t\r"
    table = read_table(tmp_path / "t.csv", ("Name",))
    assert table.Name[0] == text
    assert table.number.tolist() == [1.5, -2.5]
