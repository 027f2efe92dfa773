"""Time one fit of the network and of the whole classifier, and predictions from arrays, on the bundled spectra."""

import time

import numpy as np

from nea_prospect.core import GROUPS
from nea_prospect.features import make_features, model_inputs, resample_spectra
from nea_prospect.loading import bundled, load_dataset
from nea_prospect.modeling import SpectrumClassifier
from nea_prospect.resampling import augment_coverage


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main():
    datasets = [load_dataset(*bundled()), load_dataset(*bundled("auxiliary"))]
    X = np.vstack([make_features(dataset.spectra)[0] for dataset in datasets])
    y, asteroids = (
        np.concatenate([dataset.table[column].to_numpy(dtype=str) for dataset in datasets])
        for column in ("label", "asteroid")
    )
    labelled = np.flatnonzero(np.isin(y, GROUPS))[-2000:]
    model = SpectrumClassifier()
    rows, source = augment_coverage(X[labelled], model.copies)
    inputs = model_inputs(rows)
    network = model._new_network()
    network.set_params(epochs=1).fit(
        inputs, y[labelled][source], asteroids[labelled][source]
    )  # start-up is not what is timed
    network = model._new_network()
    print(
        f"network, {len(labelled)} spectra with copies ({len(rows)} rows): {seconds(lambda: network.fit(inputs, y[labelled][source], asteroids[labelled][source])):.1f} s"
    )
    print(
        f"whole classifier, the same: {seconds(lambda: model.fit(X[labelled], y[labelled], asteroids[labelled])):.1f} s"
    )
    spectra = (datasets[0].spectra + datasets[1].spectra)[:2500] * 4
    model.answer(X[:10])
    both = seconds(lambda: model.answer(resample_spectra(spectra)))
    print(
        f"predicting from arrays, resampling and features included: {len(spectra) / both:.0f} spectra a second"
    )


if __name__ == "__main__":
    main()
