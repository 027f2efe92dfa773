"""What a default run on the bundled data must say of asteroids that are known.

`DEFAULT_RUN` names the folder of a finished run. Without it the bundled classifier stands in for training, so
that its predictions are not out of fold.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import run_without_training

from nea_prospect.composition import CLEAR_BAND
from nea_prospect.core import candidate_groups
from nea_prospect.loading import bundled
from nea_prospect.prospecting import accessibility, rank_correlation
from nea_prospect.run import Run

pytestmark = pytest.mark.slow
TEXTS = dict.fromkeys(("Asteroid_ID", "Name", "Designation", "Published_Class", "Second_Class"), str)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder of a finished default run on the bundled data."""
    if "DEFAULT_RUN" in os.environ:
        return Path(os.environ["DEFAULT_RUN"])
    folder = tmp_path_factory.mktemp("default") / "run"
    run_without_training(folder, *bundled())
    return folder


@pytest.fixture(scope="module")
def prospects(run):
    """The table of targets, by asteroid."""
    place = next(run.glob("prospects.csv"), run / "stages" / "06_prospecting" / "prospects.csv")
    table = pd.read_csv(place, dtype=TEXTS, low_memory=False)
    return table.fillna(dict.fromkeys(TEXTS, "")).set_index("Asteroid_ID", drop=False)


@pytest.fixture(scope="module")
def alternatives(run):
    """Ranks under every alternative, by asteroid."""
    return Run(run).load("alternatives", dict).set_index("Asteroid_ID")


hydrated = pytest.mark.parametrize("number", ["101955", "162173"])  # by their returned samples


# Functions, not classes: each class would go to a process of its own, which would make the run again.
@hydrated
def test_hydrated_samples_are_in_the_first_five_for_water(prospects, number):
    assert prospects.Water_Rank[number] <= 5


@hydrated
def test_hydrated_samples_are_in_the_first_ten_under_every_alternative(alternatives, number):
    ranks = alternatives.filter(regex="^Water_Rank, ").loc[number]
    assert len(ranks) >= 10
    assert ranks.max() <= 10


@hydrated
def test_hydrated_samples_are_in_the_first_ten_without_findings(alternatives, number):
    assert alternatives["Water_Rank, no findings"][number] <= 10


def test_no_silicate_asteroid_is_in_the_first_twenty_for_water(prospects):
    first = prospects[prospects.Water_Rank <= 20]
    published = [set(candidate_groups(name)) & {"S-Group", "V-type"} for name in first.Published_Class]
    silicate = np.array(list(map(bool, published))) & (first.Band_I_Depth >= CLEAR_BAND).to_numpy()
    assert list(first.Asteroid_ID[silicate]) == []


@pytest.mark.parametrize("rank", ["Water_Rank", "Metal_Rank"])
def test_none_that_the_classifier_abstained_on_is_in_the_first_twenty(prospects, rank):
    assert not prospects.Abstains[prospects[rank] <= 20].any()


def test_the_asteroid_that_radar_found_to_be_metal_is_in_the_first_five(prospects):
    assert prospects.Metal_Rank["6178"] <= 5
    assert prospects.Metal_P_Rich["6178"] >= 0.8


def test_an_ll_chondrite_is_not_rich_in_metal(prospects):
    assert prospects["P_S(H)"]["25143"] < 0.1
    assert prospects.Metal_P_Rich["25143"] < 0.1


def test_the_metal_list_is_no_list_of_velocities(prospects):
    assert abs(rank_correlation(prospects, "Metal_Rank", "Delta_v_km_s")) < 0.7


def test_the_follow_up_is_no_product_of_velocity_and_size(run):
    place = next(run.glob("followup.csv"), run / "stages" / "06_prospecting" / "followup.csv")
    followup = pd.read_csv(place, dtype=TEXTS, low_memory=False)
    plain = accessibility(followup.Delta_v_km_s) * followup.P_Large
    compared = pd.DataFrame(
        {"priority": followup.Priority.rank(ascending=False), "plain": plain.rank(ascending=False)}
    )
    assert rank_correlation(compared, "priority", "plain") < 0.8


def test_every_ranked_asteroid_says_why(prospects):
    assert prospects.Evidence.str.len().min() > 10
    against = prospects.Evidence.str.contains("against: ")
    disagree = [
        bool(candidate_groups(name)) and group not in candidate_groups(name)
        for name, group in zip(prospects.Published_Class, prospects.Type_Group, strict=True)
    ]
    assert against[disagree].all()


def test_the_mass_if_rich_stands_apart_from_the_probability(prospects):
    rich = prospects[(prospects.Water_Rank <= 20) & (prospects.Water_P_Rich > 0)]
    assert (rich.Water_If_Rich_low_t > 0).all()
    assert (rich.Water_If_Rich_low_t < rich.Water_If_Rich_high_t).all()
