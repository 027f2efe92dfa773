"""Classify near-Earth asteroids from their reflectance spectra, and rank those worth prospecting."""

__version__ = "0.1.0"

from importlib import import_module

_PUBLIC = {
    "Spectrum": "spectra",
    "read_spectra": "loading",
    "read_catalog": "catalogs",
    "load_dataset": "loading",
    "bundled": "loading",
    "resample_spectra": "features",
    "extract_spectral_features": "features",
    "assign_folds": "resampling",
    "SpectrumClassifier": "modeling",
    "out_of_fold": "modeling",
    "evaluate_models": "evaluation",
    "audit_labels": "evaluation",
    "load_model": "classifier",
    "predict_files": "prediction",
    "rank_prospects": "prospecting",
    "rank_followup": "prospecting",
    "run_series": "series",
    "verify_run": "execution",
}  # public name -> module that defines it

__all__ = list(_PUBLIC)


def __getattr__(name):
    """Import a public name when it is first used (PEP 562), so that importing the package stays fast."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{_PUBLIC[name]}")
    except ModuleNotFoundError:
        from .files import need_extra

        need_extra("series")
        raise
    return getattr(module, name)


def __dir__():
    """List the public names, too, for completion."""
    return sorted([*globals(), *_PUBLIC])
