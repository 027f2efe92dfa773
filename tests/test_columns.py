"""Which column of a spectrum file is what: names, numbers and dialects, and what is refused."""

import re

import numpy as np
import pytest

from nea_prospect.columns import SpectrumError, column_names, column_role, name_content, named_unit
from nea_prospect.spectra import parse_spectrum

W = np.r_[np.arange(0.45, 1.15, 0.025), np.arange(1.15, 2.451, 0.05)]
R = (0.8 + 0.4 * np.log(W / 0.4)) * (1 - 0.2 * np.exp(-(((W - 0.95) / 0.12) ** 2)))
R2 = 1.2 - 0.2 * W + 0.1 * np.sin(5 * W)
S = 0.01 + 0.0001 * np.arange(len(W))
MAG = 18.5 - 2.5 * np.log10(R)


def table(header, *columns, forms="%.4f %.5f %.5f %.5f", separator=" "):
    """Text with a header (none if empty) and a line for each row of the columns."""
    forms = forms.split()[: len(columns)]
    line = separator.join(forms)
    rows = [line % row for row in zip(*columns, strict=True)]
    return "\n".join([*([header] if header else []), *rows, ""])


def rows(form, x=W, y=R, separator="\n"):
    """Text with a line for each pair of two columns."""
    return separator.join(form.format(*pair) for pair in zip(x, y, strict=True))


def commas(text):
    return text.replace(".", ",")


SOUND = {
    "no header": table("", W, R, S),
    "header": table("# wavelength(um) reflectance error", W, R, S),
    "words": table("Wavelength (microns)   Normalized Reflectance   Uncertainty", W, R, S),
    "csv": table("Wavelength (um), Normalized reflectance, error", W, R, S, separator=","),
    "prose": table("# Reflectance spectrum of (433) Eros, wavelength in um", W, R),
    "magnitude in prose": table("# V mag: 15.2\n# phase angle: 20.1 deg\n# exposure time 120 s", W, R),
    "cm-1 in prose": table("# measured with a resolution of 5 cm-1", 1e3 * W, R),
    "Angstrom": table("lambda[A] R", 1e4 * W, R),
    "Fortran": table("", W, R, S, forms="%.4e %.5e %.5e").replace("e", "D"),
    "Fortran in the uncertainty": table("", W, R, S, forms="%.4f %.5f %.5e").replace("e", "d"),
    "quoted": table('"wave","refl"', W, R, forms='"%.4f" "%.5f"', separator=","),
    "quoted commas": commas(table("", W, R, forms='"%.4f" "%.5f"', separator="@")).replace("@", ","),
    "plus minus": table("", W, R, S, separator=" ").replace(" 0.0", " ± 0.0"),
    "plus minus in Latin-1": table("", W, R, S).replace(" 0.0", " ± 0.0").encode("latin-1"),
    "last digits": table("", W, R, forms="%.4f %.5f(12)"),
    "bars": table("| wave | refl |\n|---|---|", W, R, separator="|"),
    "minus sign": "0.40 −1 −1\n" + table("", W, R),
    "thousands": rows("{:,.1f} {:.5f}", 1e4 * W),
    "thousands, whole": rows("{:,.0f} {:.5f}", 1e4 * W),
    "thousands, quoted": rows('"{:,.1f}",{:.5f}', 1e4 * W),
    "name in front": rows("Eros {:.4f} {:.5f}") + "\n",
    "number in front": "number,wave,refl\n" + rows("433,{:.4f},{:.5f}") + "\n",
    "date in front": rows("2011-01-09 {:.4f} {:.5f}") + "\n",
    "name in front, with commas": "name,wave,refl\n" + rows("Eros,{:.4f},{:.5f}"),
    "classy": table("wave,refl,refl_err,flag", W, R, S, 0 * W, separator=","),
    "classy, another order": table("refl,refl_err,wave,flag", R, S, W, 0 * W, separator=","),
    "reflectance first": table("reflectance wavelength_um", R, W),
    "width": table("wave halfwidth refl err", W, S, R, S),
    "uncertainty first": table("wave sigma refl", W, S, R),
    "edges": table("lo hi refl", W - 0.01, W + 0.01, R),
    "edges without a header": table("", W - 0.01, W + 0.01, R),
    "two units": table("nm um refl", 1e3 * W, W, R),
    "two units without a header": table("", W, 1e3 * W, R),
    "index": table("n,wave,refl", 10 * np.arange(len(W)), W, R, separator=","),
    "index without a header": table("", 10 + 10 * np.arange(len(W)), W, R, forms="%d %.4f %.5f"),
    "two rows a line": table("", W[:27], R[:27], W[27:54], R[27:54]),
    "the same twice": table("", W, R) + table("", W, 1.002 * R),
}
PDS3 = """PDS_VERSION_ID = PDS3
OBJECT = COLUMN
  NAME = WAVELENGTH
  UNIT = MICROMETER
END_OBJECT = COLUMN
OBJECT = COLUMN
  NAME = {}
END_OBJECT = COLUMN
OBJECT = COLUMN
  NAME = {}
END_OBJECT = COLUMN
END"""
CDS = """Byte-by-byte Description of file: t.txt
   1-  7 F7.4   um    lam   Wavelength
   9- 16 F8.5   {}"""
SOUND |= {
    "one line a column": "\n".join(
        "\t".join([name, *map(str, row)]) for name, row in (("wave", W), ("refl", R))
    ),
    "LaTeX": table("", W, R, S, forms="%.4f $%.5f %.5f$", separator=" & ").replace("\n", " \\\\\n"),
    "pairs in brackets": "[" + rows("({:.4f}, {:.5f})", separator=",\n ") + "]",
    "numpy": "array([" + rows("[{:.4f}, {:.5f}]", separator=",\n ") + "])",
    "units in the cells": table("", W, R, forms="%.4fum %.5f%%"),
    "comments in the lines": table("", W, R).replace("\n", "  # good\n"),
    "German thousands": rows("{:,.1f};{:.5f}", 1e4 * W).translate(str.maketrans(",.", ".,")),
    "narrow spaces": rows("{:,.0f};{:.5f}", 1e4 * W).replace(",", "\u202f"),
    "thousands in the reflectance": rows("{:.4f}\t{:,.1f}", y=1e4 * R),
    "comma and comma with a blank": commas(table("", W, R, separator="@")).replace("@", ", "),
    "empty second column": table("", W, R, separator=",,"),
    "descending row numbers": table("", np.arange(len(W))[::-1], W, R, forms="%d %.4f %.5f"),
    "pixels without a header": table("", 512 + np.arange(len(W)), 1e4 * W, R, forms="%d %.1f %.5f"),
    "metres": table("wavelength(m) refl", 1e-6 * W, R, forms="%.5e %.5f"),
    "listed columns": table(
        "# column 1: wavelength (um)\n# column 2: sigma\n# column 3: reflectance", W, S, R
    ),
    "PDS3": table(PDS3.format("REFLECTANCE", "UNCERTAINTY"), W, R, S),
    "PDS3, uncertainty first": table(PDS3.format("UNCERTAINTY", "REFLECTANCE"), W, S, R),
    "CDS": table(CDS.format("---   Refl  Reflectance"), W, R),
    "END of a header": table("AIRMASS =   1.2\nEND", W, R),
    "begin of the data": table(">>>>>Begin Processed Spectral Data<<<<<", 1e3 * W, R),
    "unit in prose": table("# order-blocking filter at 450 nm\n# wavelength in um", W, R),
    "FITS header as text": table(f"{'SIMPLE  = T':80}\n{'END':80}", W, R),
    "Chinese": table("\u6ce2\u957f(um),\u53cd\u5c04\u7387", W, R, separator=","),
    "two pairs with a header": table("wave refl wave refl", W[:27], R[:27], W[27:54], R[27:54]),
    "limits of the reflectance": table("wave refl refl_lower refl_upper", W, R, R - S, R + S),
    "middle of the band": table("wl_min wl wl_max refl", W - 0.01, W, W + 0.01, R),
    "flux beside the ratio": table("wave flux_star flux_ast reflectance", W, R2, R * R2, R),
    "two runs alike": table("wave refl_1 refl_2", W, R, 1.01 * R),
    "signal over noise": table("", W, R, 100 * R),
    "two bytes a letter": table("", W, R).encode("utf-16-le"),
    "four bytes a letter": table("", W, R).encode("utf-32"),
    "filled with NUL": table("", W, R).encode() + b"\0" * 99,
    "comma in the reflectance": re.sub(r"( \d+)\.", r"\1,", rows("{:.4f} {:.5f}")),
}


@pytest.mark.parametrize("kind", SOUND)
def test_what_is_sound_is_read(kind):
    text = SOUND[kind]
    spectrum = parse_spectrum(text if isinstance(text, bytes) else text.encode())
    assert len(spectrum.wavelength) >= len(W) - 1
    scale = np.median(spectrum.reflectance / np.interp(spectrum.wavelength, W, R))
    assert scale == pytest.approx(1, rel=1e-3) or scale == pytest.approx(1e4, rel=1e-3)
    expected = scale * np.interp(spectrum.wavelength, W, R)
    np.testing.assert_allclose(spectrum.reflectance, expected, rtol=2e-3)


NORMALISED = [
    "Reflectance (norm at 1.215 um)",
    "Reflectance (normalized to 1 at 1.215 um)",
    "Reflectance (normalised to unity at 1.5 micron)",
    "Reflectance [norm. 1.0 um]",
    "Reflectance(1.215 um)",
    "Reflectance (norm 0.55 \u00b5m)",
    "R (550 nm)",
]
HEADERS = [f"# Wavelength (um){gap}{name}{gap}Error" for name in NORMALISED for gap in ("   ", ", ")]
HEADERS += [
    f"# col 1: wavelength (um)\n# col 2: {name}\n# col 3: error"
    for name in ("relative reflectance, normalized at 1.215 um", "reflectance relative to 1.5 um")
]


@pytest.mark.parametrize("header", HEADERS)
def test_where_a_reflectance_is_normalised_is_not_its_unit(header):
    spectrum = parse_spectrum(table(header, W, R, S).encode())
    np.testing.assert_allclose(spectrum.reflectance, R, atol=1e-4)
    np.testing.assert_allclose(spectrum.uncertainty, S, atol=1e-4)
    assert spectrum.facts.assumed == ""


@pytest.mark.parametrize(
    "name", ["Reflectance (um)", "value (1.215 um)", "refl. (um)", "value (um)", "standard star"]
)
def test_a_second_column_in_a_unit_of_length_is_refused_with_the_remedy(name):
    with pytest.raises(SpectrumError, match="name the columns, as in '# wavelength_um reflectance error'"):
        parse_spectrum(table(f"# Wavelength (um), {name}, Error", W, R, S).encode())


@pytest.mark.parametrize("data", [b"", b" \n\r\n", b"\xef\xbb\xbf\n"])
def test_an_empty_file_is_called_empty(data):
    with pytest.raises(SpectrumError, match="^the file is empty$"):
        parse_spectrum(data)


EVEN = np.linspace(1e4 / 2.45, 1e4 / 0.45, len(W))
UNSOUND = {
    "magnitudes": (table("# wl mag", W, MAG, S), "# wl mag"),
    "relative magnitudes": (table("# wl  relative magnitude", W, MAG - 17.5, S), "relative magnitude"),
    "unit line": (table("wavelength value\n(um) (mag)", W, MAG), "mag"),
    "magnitudes without a header": (table("", W, 18.5 - 0.2 * np.log10(R), S), "may be magnitudes"),
    "light curve": (table("# t(h) mag", np.linspace(0.4, 4, len(W)), 18 + np.sin(W)), "t.h. mag"),
    "emissivity": (table("# wl emissivity=1-R", W, 1 - 0.1 * R, S), "emissivity"),
    "absorbance": (table("# wl absorbance log(1/R)", W, 1 - np.log10(R), S), "absorbance"),
    "logarithm": (table("# wl ln(R)+2", W, np.log(R) + 2, S), "ln.R"),
    "logarithm without a header": (table("", W, np.log(R) - 0.05, S), "reflectances are negative"),
    "counts": (table("# pixel counts", 350 + np.arange(len(W)), 1e4 * R), "counts"),
    "flux with a unit": (table("# wavelength(um) flux(erg/s/cm2/A)", W, 1e-3 * R), "erg"),
    "constant": (table("", W, 1 + 0 * W), "reflectances are 1"),
    "wavelength twice": (table("", W, W), "repeats the first"),
    "width without a header": (table("", W, S, R, S), "columns 2 and 3"),
    "energy": (table("# energy (eV)  reflectance", 1.239842 / W, R, S), "energy"),
    "energy without a header": (table("", 1.239842 / W, R, S), "energies"),
    "kayser": (table("kayser refl", 1e4 / W, R), "kayser"),
    "wavenumbers without a header": (table("", 1e4 / W, R), "wavenumbers"),
    "even wavenumbers": (table("", EVEN, np.interp(1e4 / EVEN, W, R)), "may be wavenumbers"),
    "inverse um": (table("# 1/um refl", 1 / W, R), "1/um"),
    "stated": (table("# x: energy (eV)\n# y: reflectance", W, R), "x: energy"),
    "another unit": (table("wavelength(um) refl", 1e3 * W, R), "the header says um"),
    "Angstrom and nm": (
        table("", 1e4 * W[:20], R[:20]) + table("", 1e3 * W[20:], R[20:]),
        "several units|not in nm",
    ),
    "um and nm": (table("", W[:5], R[:5]) + table("", 1e3 * W[5:], R[5:]), "not in nm"),
    "two objects": (table("# A", W, R) + table("# B", W, R2), "two different spectra"),
    "two names": ("\n".join(f"{'AB'[k % 2]} {x:.4f} 1.{k}" for k, x in enumerate(W)), "several objects"),
    "many columns": (table("wl A B C", W, R, 0.5 * R2, R2), "several columns"),
    "many columns without a header": (table("", W, R, R2), "columns 2 and 3"),
    "reflectance first, without a header": (table("", R2 + W, W), "second column looks like"),
    "JCAMP": ("##TITLE=x\n##XYDATA=(X++(Y..Y))\n450 1 1 1 1\n", "JCAMP"),
    "polarisation": (table("wavelength polarization(%)", W, R), "polarization"),
    "offset": (table("wave reflectance+1.5", W, R + 1.5), "no reflectance"),
    "inverse": (table("wave 1/R", W, 1 / R), "no reflectance"),
    "continuum": (table("# Wavelength (um)  continuum-removed", W, R / R.max()), "continuum"),
    "Raman": (table("Raman shift, intensity", 1e3 * W, R, separator=","), "Raman"),
    "magnitude in a label of PDS3": (table(PDS3.format("MAGNITUDE", "ERROR"), W, MAG, S), "MAGNITUDE"),
    "magnitude in a list of CDS": (table(CDS.format("mag   M     Relative magnitude"), W, MAG), "magnitude"),
    "pixel and reflectance": (
        table("# pixel reflectance", 400 + np.arange(len(W)), R),
        "no column for the wave",
    ),
    "bandwidths in nm": (table("", 1e3 * W, 10 + 20 * W, R, S), "columns 2 and 3"),
    "bandwidths, and a gap": (
        table("", np.where(W == W[7], np.nan, W), 10 + 20 * W, R),
        "columns 2 and 3",
    ),
    "two reflectances": (table("wave,refl_ceres,refl_eros", W, R2, R, separator=","), "several columns"),
    "two objects by number": (
        "\n".join(["number,wave,refl", rows("1,{:.4f},{:.5f}"), rows("433,{:.4f},{:.5f}", y=R2), ""]),
        "several objects",
    ),
    "two objects in turns": (
        table("", np.repeat(W, 2) + np.tile([0, 0.001], len(W)), np.column_stack([R, R2]).ravel()),
        "two different spectra",
    ),
    "two objects, one shorter": (table("", W[:40], R[:40]) + table("", W, R2), "two different spectra"),
    "lists one after another": (
        table("", *W[:52].reshape(-1, 2).T) + table("", *R[:52].reshape(-1, 2).T),
        "looks like the wavelengths",
    ),
    "reflectance before nm": (table("", R, 1e3 * W), "looks like the wavelengths"),
    "velocity": (table("velocity(km/s) flux", 1e3 * W, R), "velocity"),
    "tenths of the row": (table("", 0.1 * np.arange(1, 1 + len(W)), R), "counts the rows"),
    "tenths of the row, descending": (table("", 0.1 * np.arange(len(W), 0, -1), R), "counts the rows"),
    "pixel, reflectance and error": (
        table("pixel,reflectance,error", W, R, S, separator=","),
        "no column for",
    ),
    "depth": (table("depth reflectance", W, R), "no column for the wavelength"),
    "German wavenumber": (table("Wellenzahl, Reflexion", 1 / W, R, separator=","), "Wellenzahl"),
    "Spanish frequency": (table("frecuencia reflectancia", 0.3 / W, R), "frecuencia"),
    "longitude": (table("longitude reflectance", W, R), "wavenumbers, energies or times"),
    "reciprocal": (table("wavelength reciprocal_reflectance", W, 1 / R), "reciprocal"),
}


@pytest.mark.parametrize("kind", UNSOUND)
def test_what_cannot_be_true_is_refused_with_its_line(kind):
    text, reason = UNSOUND[kind]
    with pytest.raises(SpectrumError, match=reason):
        parse_spectrum(text.encode())


@pytest.mark.parametrize(
    "data, kind",
    [
        (b"%PDF-1.7 x", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"\xef\xbb\xbf\n<html>", "an HTML page"),
        (b"PK\x03\x04" + b"x" * 26 + b"xl/workbook.xml", "an Excel, Word or OpenDocument file"),
        (b"PK\x03\x04" + b"x" * 26 + b"a.txt", "a ZIP archive"),
        (b"SIMPLE  =                    T" + b"NAXIS   =                    2".rjust(90), "a FITS image"),
        (b"PAR1", "a Parquet table"),
        (b"File,Asteroid_ID,Group,Prob_C-Group,Prob_S-Group\na,1,S-Group,0.1,0.9\n", "a table of results"),
        (
            b"name,number,date_obs,source,shortbib,bibcode,filename\n",
            "an index of spectra, as classy writes it",
        ),
        (b"filename,name\r\na.csv,Ceres", "an index of spectra, as classy writes it"),
        (b"filename,wave,refl\n", ""),
        (b"0.45 1.0\n", ""),
        (b"# <html>\n0.45 1.0\n", ""),
    ],
)
def test_what_is_no_text_is_named(data, kind):
    assert name_content(data) == kind
    if kind:
        with pytest.raises(SpectrumError, match=kind):
            parse_spectrum(data)


def test_names_of_columns():
    assert column_names("# Object: (433) Eros", 3) == []
    assert column_names("Wavelength[um]\tReflectance\tsigma(optional)", 2) != []
    for name in ("reflectance_spectrum_err", "refl/standard deviation", "std", "standard star", "refl_stand"):
        assert column_role(name) == "uncertainty", name
    assert [named_unit(text) for text in ("wave (nm)", "lambda[A]", "um or nm", "x")] == [
        "nm",
        "Angstrom",
        "",
        "",
    ]


def test_a_note_tells_what_was_assumed():
    assert parse_spectrum(SOUND["edges"].encode()).facts.assumed.startswith("column 1 and 2 taken")


NOTED = {
    "a ratio to a star": (
        table("Wavelength (um)   asteroid/standard star   Error", W, R, S),
        "column 'asteroid/standard star' taken for the reflectance",
    ),
    "a name that tells nothing": (table("wave mystery", W, R), "column 'mystery' taken for the reflectance"),
    "an offset": (table("", W, R + 1.5), "in no usual scale"),
    "emissivity": (table("", W, 1 - 0.14 * R), "in no usual scale"),
    "percent": (table("", W, 30 * R), "in no usual scale"),
    "nm without a name": (table("", 1e3 * W, R), "no unit is named"),
    "a remark": (
        table("# offset by 0.5 for clarity\n# wave refl", W, R + 0.5),
        "the file says 'offset by 0.5",
    ),
    "a remark below": (table("", W, R) + "# relative magnitudes\n", "the file says 'relative magnitudes'"),
    "no continuum": (table("", W, 1 - 0.3 * np.exp(-(((W - 1) / 0.15) ** 2))), "without its continuum"),
    "a clipped curve": (table("", W, np.minimum(1.05, R)), "in a row are equal"),
    "a filter": (table("", W, np.exp(-(((W - 0.7) / 0.2) ** 2))), "spans a factor of"),
    "even energies": (table("", np.linspace(0.506, 2.755, 60), 1 + 0.1 * np.sin(np.arange(60))), "energies"),
    "two alike": (table("", W, R, 1.01 * R), "column 3 is of the same form"),
    "a line": (table("", W, 0.9 + 0.2 * W), "without any noise"),
    "a line of three decimals": (table("", W, 0.9 + 0.2 * W, forms="%.3f %.3f"), "without any noise"),
    "a line through the row numbers": (table("", W, 1 + 0.01 * np.arange(len(W))), "without any noise"),
    "a parabola": (table("", W, 0.9 + 0.1 * (W - 1) ** 2), "without any noise"),
    "an exponential": (table("", W, np.exp(0.5 * (W - 0.55))), "without any noise"),
    "a power law": (table("", W, (W / 0.55) ** -0.5), "without any noise"),
    "two lines": (table("", W, np.interp(W, [0.4, 0.8, 2.5], [0.8, 1.1, 1.2])), "without any noise"),
    "a joint": (table("", W, np.where(W < 0.8, R, 1.3 * R)), "a jump of +29% at 0.8"),
    "magnitudes called a reflectance": (table("wavelength reflectance", W, MAG), "in no usual scale"),
    "logarithm of percent": (table("", W[W > 0.8], np.log10(100 * R[W > 0.8])), "in no usual scale"),
    "even energies in round steps": (table("", np.arange(0.51, 2.76, 0.01), np.tile(R, 5)[:225]), "energies"),
    "even energies of three decimals": (
        table("", np.linspace(0.506, 2.755, len(W)), R, forms="%.3f %.5f"),
        "energies",
    ),
    "times": (table("", np.linspace(0.4, 4, len(W)), R), "energies"),
    "even inverse wavelengths": (
        table("", np.linspace(1 / 2.45, 1 / 0.45, len(W)), R, forms="%.3f %.5f"),
        "even steps of 0.03359 from",
    ),
    "an unknown name before the reflectance": (
        table("elapsed, reflectance", W, R, separator=","),
        "column 1 taken for the wavelength",
    ),
}


@pytest.mark.parametrize("kind", NOTED)
def test_what_may_be_something_else_is_read_with_a_note(kind):
    text, note = NOTED[kind]
    assert note in parse_spectrum(text.encode()).facts.assumed


FINE = np.arange(0.45, 2.45, 0.005)
NOISE = np.random.default_rng(0).normal(1, 0.01, len(W))
QUIET = {
    "as it is": table("", W, R),
    "with noise": table("", W, R * NOISE),
    "a line with noise": table("", W, (0.9 + 0.2 * W) * NOISE),
    "interpolated": table("", FINE, np.interp(FINE, W, R * NOISE)),
    "percent": table("wavelength reflectance(%)", W, 15 * R),
    "a jump across a gap": table(
        "", np.delete(W, np.s_[10:20]), np.delete(R * (1 + (W > 0.8)), np.s_[10:20])
    ),
    "a jump at the end": table("", W, R * (1 + 0.3 * (W < 0.5))),
    "one spike": table("", W, R * (1 + 0.3 * (W == W[20]))),
    "Spanish": table("longitud de onda, reflectancia", W, R, separator=","),
}


@pytest.mark.parametrize("kind", QUIET)
def test_what_measurements_look_like_has_no_note(kind):
    assert parse_spectrum(QUIET[kind].encode()).facts.assumed == ""


def test_the_first_rows_may_lie_between_their_wavelengths_by_chance():
    start = np.r_[W[:4] + 0.01, R[4:] + 0.1]
    assert parse_spectrum(table("", W, start).encode()).facts.assumed == ""


def holed(value, *, every=9):
    """Rows with a value that stands for nothing at every ninth of them."""
    rows = enumerate(zip(W, R, strict=True))
    return "".join(f"{x:.4f} {value if k % every == 4 else f'{y:.5f}'}\n" for k, (x, y) in rows)


@pytest.mark.parametrize(
    "text, lost, note",
    [
        (holed("9.99"), 6, "9.99 taken for no measurement at 6 points"),
        (holed("65535"), 6, "65535 taken for no measurement at 6 points"),
        (holed("99.0", every=99), 1, "1 points far off both neighbours left out"),
        (holed("0.001", every=20), 3, "3 points far off both neighbours left out"),
        ("1.0230 0.2340 20.1\n" + table("", W, R, S), 0, "1 rows out of the order"),
        (table("", W, R) + "0.9 0.01\n", 0, "1 rows out of the order"),
        (
            table("wave,refl,flag", W, R, np.arange(len(W)) % 9 == 4, forms="%.4f %.5f %d", separator=","),
            6,
            "6 points with a flag left out",
        ),
    ],
)
def test_points_that_are_none_are_left_out_and_counted(text, lost, note):
    spectrum = parse_spectrum(text.encode())
    assert note in spectrum.facts.assumed
    assert len(spectrum.wavelength) == len(W) - lost
    np.testing.assert_allclose(spectrum.reflectance, np.interp(spectrum.wavelength, W, R), rtol=2e-3)


def test_a_point_out_of_order_that_lies_on_the_curve_stays():
    spectrum = parse_spectrum((table("", W, R) + f"0.96 {np.interp(0.96, W, R):.5f}\n").encode())
    assert spectrum.facts.assumed == ""
    assert 0.96 in spectrum.wavelength


@pytest.mark.parametrize(
    "line, asteroid",
    [
        ("# Object: (433) Eros", "433"),
        ("OBJECT  = '2000 WL63'  / name", "2000 WL63"),
        ('TARGET_NAME = "433 EROS"', "433"),
        ("# - {OBJECT: Ceres}", "ceres"),
        ("OBJECT = TABLE", ""),
        ("# the object of this work: reflectance", ""),
    ],
)
def test_a_header_states_the_asteroid(line, asteroid):
    assert parse_spectrum(table(line, W, R).encode()).facts.header_asteroid == asteroid
