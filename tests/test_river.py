"""The network as a classifier of River."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest
from river import checks, compose, datasets, evaluate, metrics, preprocessing

from edge_naca import NacaClassifier
from edge_naca.frameworks.river import NacaRiverClassifier

CHECKS = list(checks.yield_checks(NacaRiverClassifier()))


@pytest.mark.parametrize("number", range(len(CHECKS)), ids=lambda at: CHECKS[at].__name__)
def test_river_s_own_checks(number: int) -> None:
    CHECKS[number](NacaRiverClassifier())


def test_it_learns_what_the_classifier_learns() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    x = rng.normal(0, 1, (300, 4)) + 3 * y[:, None]
    model, other = NacaRiverClassifier(), NacaClassifier(random_state=0)
    names = ["walk", "run", "stand"]
    for row, label in zip(x, y.tolist(), strict=True):
        model.learn_one(dict(zip("abcd", row, strict=True)), names[label])
        other = other.partial_fit(row[None], [names.index(names[label])])
    assert model.model is not None
    assert len(model.labels) == 3
    samples: list[dict[Hashable, Any]] = [dict(zip("abcd", row, strict=True)) for row in x]
    assert [model.predict_one(one) for one in samples] == [names[at] for at in other.predict(x)]
    chances = model.predict_proba_one(samples[0])
    assert sum(chances.values()) == pytest.approx(1)
    assert chances[names[0]] == pytest.approx(other.predict_proba(x[:1])[0, 0])


def test_it_is_measured_as_river_s_models_are() -> None:
    metric = evaluate.progressive_val_score(
        datasets.ImageSegments().take(1000), NacaRiverClassifier(), metrics.Accuracy()
    )
    assert metric.get() > 0.85  # the last label: 0.13


def test_names_want_numbers() -> None:
    model = NacaRiverClassifier()
    with pytest.raises(
        ValueError, match=r"feature 'b' is 'red', which is no number.*OneHotEncoder"
    ):
        model.learn_one({"a": 1.0, "b": "red"}, 1)
    with pytest.raises(ValueError, match="no features"):
        NacaRiverClassifier().learn_one({}, 1)
    pipeline = (compose.SelectType(str) | preprocessing.OneHotEncoder()) + compose.SelectType(float)
    learner: Any = pipeline | model.clone()
    for at in range(60):
        learner.learn_one({"a": float(at % 2), "b": ("red", "blue")[at % 2]}, at % 2)
    assert learner.predict_one({"a": 1.0, "b": "blue"}) == 1


def test_missing_features_count_as_their_mean() -> None:
    model = NacaRiverClassifier(calibration=20)
    rng = np.random.default_rng(1)
    for at in range(100):
        label = at % 2
        model.learn_one({"a": rng.normal(4 * label), "b": rng.normal(4 * label)}, label)
    whole = model.predict_proba_one({"a": 4.0, "b": 2.0})
    missing = model.predict_proba_one({"a": 4.0, "later": 7})
    assert missing[1] == pytest.approx(whole[1], abs=0.1)
