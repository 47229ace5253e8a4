"""The test vectors: enrolments through the interface, and all kinds through a build with the feature vectors."""

import json
import os

import pytest

import matchbook
from conftest import VECTORS
from matchbook import _matchbook

ALL = [json.loads(file.read_text()) for file in sorted(VECTORS.glob("*.json"))]
HAS_RUNNER = hasattr(_matchbook, "_vector_run")


def of_kind(kind):
    found = [vector for vector in ALL if vector["kind"] == kind]
    return pytest.mark.parametrize("vector", found, ids=[vector["id"] for vector in found])


def test_there_are_enough():
    assert len(ALL) >= 300
    assert HAS_RUNNER or os.environ.get("CI") not in ("true", "1"), "this build has not the feature vectors"


@pytest.mark.skipif(not HAS_RUNNER, reason="this build has not the feature vectors")
@pytest.mark.parametrize("vector", ALL, ids=[vector["id"] for vector in ALL])
def test_every_vector_has_its_outcome(vector):
    outcome = json.loads(_matchbook._vector_run(json.dumps(vector)))
    assert outcome == {"expect": vector["expect"], "output": vector.get("output")}


@of_kind("enrolment-uri")
def test_enrolment_uris(vector):
    check(vector, lambda: matchbook.Device.enrol(vector["input"]["uri"], save=lambda _: None))


@of_kind("enrolment-typed")
def test_typed_enrolments(vector):
    check(vector, lambda: matchbook.Device.enrol_typed(**vector["input"], save=lambda _: None))


def check(vector, enrol):
    if vector["expect"] != "success":
        with pytest.raises(matchbook.EnrolmentError) as caught:
            enrol()
        assert caught.value.reason == vector["expect"]
        assert caught.value.group == (vector.get("output") or {}).get("group")
        return
    device, expected = enrol(), vector["output"]
    assert device.id.hex() == expected["id"]
    assert device.profile == expected["profile"]
    for name in ("server", "realm", "label"):
        assert getattr(device, name) == expected[name]
