"""Which column of a spectrum file is what: names, numbers and dialects, and what is refused."""

import re

import numpy as np
import pytest

from nea_prospect.columns import SpectrumError, column_names, column_role, name_content, named_unit
from nea_prospect.loading import bundled, read_spectra
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
    "thousands": "\n".join(f"{1e4 * x:,.1f} {y:.5f}" for x, y in zip(W, R, strict=True)),
    "thousands, whole": "\n".join(f"{1e4 * x:,.0f} {y:.5f}" for x, y in zip(W, R, strict=True)),
    "thousands, quoted": "\n".join(f'"{1e4 * x:,.1f}",{y:.5f}' for x, y in zip(W, R, strict=True)),
    "name in front": re.sub(r"^(?=\d)", "Eros ", table("", W, R), flags=re.MULTILINE),
    "number in front": re.sub(
        r"^(?=\d)", "433,", table("number,wave,refl", W, R, separator=","), flags=re.MULTILINE
    ),
    "date in front": re.sub(r"^(?=\d)", "2011-01-09 ", table("", W, R), flags=re.MULTILINE),
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
SOUND["comma in the reflectance"] = "\n".join(
    f"{x:.4f} {y:.5f}".replace(f" {y:.5f}", commas(f" {y:.5f}")) for x, y in zip(W, R, strict=True)
)


@pytest.mark.parametrize("kind", SOUND)
def test_what_is_sound_is_read(kind):
    text = SOUND[kind]
    spectrum = parse_spectrum(text if isinstance(text, bytes) else text.encode())
    assert len(spectrum.wavelength) >= len(W) - 1
    np.testing.assert_allclose(spectrum.reflectance, np.interp(spectrum.wavelength, W, R), rtol=2e-3)


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
    "velocity": (table("velocity(km/s) flux", 1e3 * W, R), "velocity"),
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
    assert column_role("reflectance_spectrum_err") == "uncertainty"
    assert [named_unit(text) for text in ("wave (nm)", "lambda[A]", "um or nm", "x")] == [
        "nm",
        "Angstrom",
        "",
        "",
    ]


@pytest.mark.parametrize("kind, count", [("targets", 1236), ("auxiliary", 1747)])
def test_no_spectrum_of_the_bundle_is_lost_or_read_in_another_order(kind, count):
    spectra, reasons = read_spectra(bundled(kind)[1])
    assert (len(spectra), reasons) == (count, {})
    assert {spectrum.facts.assumed for spectrum in spectra.values()} == {""}


def test_a_note_tells_what_was_assumed():
    assert parse_spectrum(SOUND["edges"].encode()).facts.assumed.startswith("column 1 and 2 taken")
