"""Fuzz target: any bytes give a valid spectrum or a reason. Run by `make fuzz`; needs atheris."""

import sys

import atheris

with atheris.instrument_imports(include=["nea_prospect.loading"]):
    import numpy as np

    from nea_prospect.loading import Spectrum, SpectrumError, parse_spectra


def check(data):
    """Parse, and fail unless the promise of `parse_spectra` holds."""
    (result,) = parse_spectra([data])
    if isinstance(result, SpectrumError):
        assert str(result)
        return
    assert isinstance(result, Spectrum) and len(result.wavelength) >= 10
    assert (
        (np.diff(result.wavelength) > 0).all()
        and np.isfinite(result.reflectance).all()
        and (result.reflectance > 0).all()
    )


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
