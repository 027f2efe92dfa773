"""Time surveys of 10,000 rows and more, and measure processor time and memory of all processes together.

Run with ``python tests/benchmarks/scale.py [NAME...]``; without a name all of these:

10000, 100000, 1000000
    Rows of a Parquet table with one column a wavelength.
files
    100,000 text files in a zip.
gaia
    The files of Gaia DR3 beside the checkout.
table
    Reflectance on the grid to all columns, without files.

Spectra are the bundled ones, again and again, each with noise of its own. The load stands beside
each figure.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from threadpoolctl import threadpool_limits

from nea_prospect.classifier import GRID_COLUMNS, load_model
from nea_prospect.core import WAVELENGTH_GRID
from nea_prospect.features import resample_spectra
from nea_prospect.files import read_json
from nea_prospect.loading import bundled, read_spectra

COMMAND = Path(sys.executable).with_name("nea-prospect")
GAIA = Path(__file__).resolve().parents[3] / "shared" / "data" / "gaia_dr3"
WORKERS = 2


def noisy(count, seed=0):
    """Bundled spectra on the grid, repeated, with noise of 1 %."""
    spectra = resample_spectra(read_spectra(bundled()[1])[0].values())
    noise = np.random.default_rng(seed).normal(1, 0.01, (count, spectra.shape[1]))
    return pd.DataFrame(spectra[np.arange(count) % len(spectra)] * noise, columns=GRID_COLUMNS)


def write_parquet(folder, count):
    """One table, written in pieces."""
    import pyarrow
    from pyarrow import parquet

    path, writer = folder / f"{count}.parquet", None
    for start in range(0, count, 50_000):
        frame = noisy(min(50_000, count - start), seed=start).astype("float32")
        frame.insert(0, "name", [f"J{number}" for number in range(start, start + len(frame))])
        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()
    return [path]


def write_files(folder, count=100_000):
    """A zip of text files with a wavelength and a reflectance in each line."""
    values = noisy(count).to_numpy()
    with zipfile.ZipFile(folder / "files.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number, row in enumerate(values):
            lines = [f"{x:.4f} {y:.4f}\n" for x, y in zip(WAVELENGTH_GRID, row, strict=True) if y == y]
            archive.writestr(f"a{number:06d}.txt", "".join(lines))
    return [folder / "files.zip"]


def memory(process):
    """Memory (MiB) of a process and all that it started; what they share counts once."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except psutil.Error:  # it ended meanwhile
            pass
    return total / 2**20


def processor_seconds():
    """Processor time of all processes that have ended, which does not grow with the load as seconds do."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def predict(paths, folder):
    """Seconds, processor seconds, peak memory (MiB) and rows of ``predict --parts``."""
    command = [COMMAND, "predict", *paths, "--parts", folder, "--workers", str(WORKERS)]
    start, before, peak = time.perf_counter(), processor_seconds(), 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        process = psutil.Process(running.pid)
        while running.poll() is None:
            peak = max(peak, memory(process))
            time.sleep(0.3)
    seconds = time.perf_counter() - start
    used, parts = processor_seconds() - before, read_json(folder / "parts.json")["parts"]
    return seconds, used, peak, sum(part["rows"] for part in parts.values())


def time_table(count=20_000):
    """Rows a second of one core, the best of several parts, from reflectance to the whole table."""
    model, frame, best = load_model(), noisy(count), np.inf
    with threadpool_limits(1):
        for at in range(0, count, 5000):
            start = time.process_time()
            model.predict_table(frame[at : at + 5000])
            best = min(best, time.process_time() - start)
    return 5000 / best


def measure(name, folder):
    if name == "table":
        return print(
            f"{name:>9}: {time_table():7,.0f} spectra a second and core; load {os.getloadavg()[0]:.1f}"
        )
    made = {"files": write_files, "gaia": lambda _: sorted(GAIA.glob("*.csv.gz"))}
    paths = made[name](folder) if name in made else write_parquet(folder, int(name))
    if not paths:
        return print(f"{name:>9}: not beside this checkout")
    load = os.getloadavg()[0]
    seconds, used, peak, rows = predict(paths, folder / "parts")
    times = f"{seconds:6.1f} s ({used:6.1f} s of processors)"
    figures = f"{rows:9,d} rows, {times}, {rows / seconds:7,.0f} a second, peak {peak:5.0f} MiB"
    print(f"{name:>9}: {figures}; load before {load:.1f}", flush=True)


if __name__ == "__main__":
    names = sys.argv[1:] or ["table", "gaia", "10000", "100000", "1000000", "files"]
    for name in names:
        place = Path(tempfile.mkdtemp())
        try:
            measure(name, place)
        finally:
            shutil.rmtree(place)
