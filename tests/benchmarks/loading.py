"""Time loading and all features, as a multiple of a bare numpy.loadtxt pass over the same files.

Run with ``make benchmark`` or ``python tests/benchmarks/loading.py [ARCHIVE.zip]``; without an archive the
MITHNEOS one beside the checkout is taken, or the bundled one. Times are the best of seven, taken in turns.
"""

import io
import resource
import sys
import time
import zipfile
from pathlib import Path

import numpy as np

from nea_prospect.features import make_features
from nea_prospect.loading import bundled, read_spectra
from nea_prospect.spectra import parse_spectrum

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "nea_visnir" / "visnir_files.zip"


def bare(path):
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                np.loadtxt(io.BytesIO(archive.read(name)), usecols=(0, 1))


def ours(path):
    make_features(read_spectra(path)[0].values())


def seconds(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def growth(path, counts=(1_000, 10_000, 100_000)):
    """Many spectra, made by reading the archive's files again and again."""
    with zipfile.ZipFile(path) as archive:
        contents = [archive.read(name) for name in archive.namelist() if not name.endswith("/")]
    for count in counts:
        elapsed = seconds(load, contents, count)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        each = f"{1e3 * elapsed / count:.3f} ms each"
        print(f"{count:7,d} spectra: {elapsed:7.2f} s, {each}, peak memory {peak:.2f} GiB", flush=True)


def load(contents, count):
    make_features([parse_spectrum(contents[index % len(contents)]) for index in range(count)])


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else REAL if REAL.exists() else bundled()[1]
    pairs = [(seconds(bare, path), seconds(ours, path)) for _ in range(7)]
    best_bare, best_ours = (min(values) for values in zip(*pairs, strict=True))
    times = f"loadtxt {best_bare:.3f} s, loading + resampling + features {best_ours:.3f} s"
    print(f"{path.name}: {times}, ratio {best_ours / best_bare:.2f}")
    growth(path)
