"""Fuzz target: any bytes give a valid spectrum or a reason. Run by `make fuzz`; needs atheris."""

import sys

import atheris

with atheris.instrument_imports(include=["nea_prospect.loading"]):
    import numpy as np

    from nea_prospect.spectra import SpectrumError, parse_spectrum


def check(data):
    """Parse, and fail unless the promise of `parse_spectrum` holds."""
    try:
        spectrum = parse_spectrum(data)
    except SpectrumError as error:
        assert str(error)
        return
    assert len(spectrum.wavelength) >= 10
    assert (np.diff(spectrum.wavelength) > 0).all()
    assert np.isfinite(spectrum.reflectance).all()
    assert (spectrum.reflectance > 0).all()


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
