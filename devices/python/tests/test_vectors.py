"""The test vectors: enrolments and messages through the interface, and all kinds through a build with the feature vectors."""

import json
import os

import cbor2
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


# What a device calls the outcomes of a vector, which looks at a message alone.
REASONS = {
    "wrong-handle": "not-ours",
    "wrong-profile": "wrong-kind",
    "wrong-epoch": "unknown-key",
    "no-key-pair": "unknown-key",
    "authentication": "forged",
    **dict.fromkeys(["count", "digits", "index-overflow", "next-epoch", "packed-length", "packed-too-large"], "invalid"),
    "reserved-bits": "invalid",
    **dict.fromkeys(["length", "too-long", "too-short", "unknown-type", "version"], "malformed"),
    **dict.fromkeys(["wrong-direction", "zero-sequence"], "malformed"),
}
OTHER_REASONS = {
    # A device has a static pair whenever its suite has one: here it is another than the message is sealed to.
    "open-downlink-set-pk-no-pair": "forged",
    # It is as long as another suite's, which is seen when it is opened.
    "open-downlink-rot-pk-p256-length": "forged",
    # It confirms the last request that there can be, which this device has not sent.
    "open-downlink-sync-flags": "device-restored",
}


@of_kind("open-downlink")
def test_messages(vector):
    device = matchbook.Device.restore(state(**vector["input"]), save=lambda _: None)
    message = bytes.fromhex(vector["input"]["message"])
    reason = OTHER_REASONS.get(vector["id"]) or REASONS.get(vector["expect"])
    if reason:
        with pytest.raises(matchbook.PeerError) as caught:
            device.receive("compressed", message, 1)
        assert caught.value.reason == reason
        return
    device.receive("compressed", message, 1)
    expected = vector["output"]
    if expected["type"] == "set":
        taken = [device.take_code(1) for _ in expected["codes"]]
        assert [code.text for code in taken] == expected["codes"]
        assert taken[0].index == expected["first"] and device.remaining == 0
    elif expected["type"] == "rotation":
        assert (device.phase, device.epoch) == ("switching", expected["next_epoch"])
    else:
        assert (device.threshold, device.is_suspended) == (expected["threshold"], expected["suspended"])


def state(profile, id, epoch, key, handle, message, key_pair=None):
    """A device that is as a vector says, stored as crates/protocol/src/engine/codec.rs has it."""
    pair = None if key_pair is None else bytes.fromhex(key_pair)
    # A secret key of these bytes is stored as it is in every suite.
    static = pair or (None if profile == 1 else bytes([0x40] * 32))
    # Many requests were sent, so that no answer is ahead of them; none waits.
    sent = 2**32 - 10
    head = [1, bytes.fromhex(id), profile, handle, "", "", "", [1, bytes.fromhex(key), epoch], static, pair, sent, None]
    return cbor2.dumps([*head, 0, 0, False, 0, 0, [], [0] * 5], canonical=True)


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
