"""Runs the real LightGBM for the tests of this package: cases as JSON on standard
input, models and predictions as JSON on standard output. A missing value is null."""
import json
import sys

import lightgbm
import numpy


def predictions(booster, x):
    return {
        "raw": booster.predict(x, raw_score=True).tolist(),
        "predictions": booster.predict(x).tolist(),
        "contributions": booster.predict(x, pred_contrib=True).tolist(),
    }


def run(case):
    x = numpy.array(case["x"], dtype=float)
    answer = {"name": case["name"]}
    if case.get("model"):
        answer["ours"] = predictions(lightgbm.Booster(model_str=case["model"]), x)
    if case.get("parameters"):
        data = lightgbm.Dataset(
            x, numpy.array(case["y"], dtype=float), weight=case.get("weight"), group=case.get("group"),
            categorical_feature=case["categorical"], feature_name=case["names"], params=case["parameters"])
        booster = lightgbm.train(case["parameters"], data, case["rounds"])
        answer["model"] = booster.model_to_string()
        answer["theirs"] = predictions(booster, numpy.array(case["probe"], dtype=float))
    return answer


json.dump([run(case) for case in json.load(sys.stdin)], sys.stdout)
