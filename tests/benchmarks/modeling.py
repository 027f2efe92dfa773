"""Time fits of the networks and of the whole classifier, and predictions from arrays, on bundled spectra."""

import time

import numpy as np

from nea_prospect.core import GROUPS
from nea_prospect.features import make_features, model_inputs, resample_spectra
from nea_prospect.loading import bundled, load_dataset
from nea_prospect.modeling import SpectrumClassifier, TwoBranchClassifier
from nea_prospect.resampling import augment_coverage
from nea_prospect.smote_network import SmoteNetworkClassifier

N_SPECTRA = 2000


def seconds(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def main():
    datasets = [load_dataset(*bundled()), load_dataset(*bundled("auxiliary"))]
    X = np.vstack([make_features(dataset.spectra)[0] for dataset in datasets])
    y = np.concatenate([dataset.table.label.to_numpy(dtype=str) for dataset in datasets])
    asteroids = np.concatenate([dataset.table.asteroid.to_numpy(dtype=str) for dataset in datasets])
    rows = np.flatnonzero(np.isin(y, GROUPS))[-N_SPECTRA:]
    X, y, asteroids = X[rows], y[rows], asteroids[rows]
    model = SpectrumClassifier()
    copies, source = augment_coverage(X, model.copies)
    training = (model_inputs(copies), y[source], asteroids[source])
    TwoBranchClassifier(epochs=1).fit(*training)  # start-up is not what is timed
    taken = seconds(TwoBranchClassifier().fit, *training)
    print(f"network, {len(X)} spectra with copies ({len(copies)} rows): {taken:.1f} s")
    print(f"whole classifier, the same: {seconds(model.fit, X, y, asteroids):.1f} s")
    documented = SmoteNetworkClassifier()
    print(f"documented network, the same: {seconds(documented.fit, X, y, asteroids):.1f} s")
    spectra = (datasets[0].spectra + datasets[1].spectra)[:2500] * 4
    model.predict_all(X[:10])
    taken = seconds(lambda: model.predict_all(resample_spectra(spectra)))
    print(f"predicting, with resampling and features: {len(spectra) / taken:.0f} spectra a second")


if __name__ == "__main__":
    main()
