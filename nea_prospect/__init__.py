"""Classify near-Earth asteroids from their reflectance spectra, and rank those worth prospecting."""

__version__ = "0.1.0"


def __getattr__(name):
    """Load what is used only, so that importing the package stays fast."""
    if name == "load_model":
        from nea_prospect.prediction import load_model

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
