"""Runs every vector of vectors/ with the second implementation. Exits 1 when one has another outcome than it states."""

import json
import sys
from pathlib import Path

from second import Refused, codes, cose, enrolment, opening
from second.profile import Party, activation_key, check_profile, epoch_keys

FEWEST = 60


def main():
    files = sorted((Path(__file__).parent.parent / "vectors").glob("*.json"))
    wrong = []
    for file in files:
        vector = json.loads(file.read_text())
        difference = check(vector)
        if difference:
            wrong.append(f"{file.name}: {difference}")
    for finding in wrong:
        print(finding)
    print(f"second implementation: {len(files) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong or len(files) < FEWEST else 0


def check(vector):
    """What is different from what the vector states; None when nothing is."""
    try:
        found, output = "success", KINDS[vector["kind"]](**vector["input"])
    except Refused as refusal:
        found, output = refusal.name, refusal.output
    if found != vector["expect"]:
        return f"{found} instead of {vector['expect']}"
    if output != vector.get("output"):
        return f"{output} instead of {vector.get('output')}"
    return None


def key_schedule(profile, id, epoch, key=None, activation_secret=None):
    party = Party(bytes.fromhex(id), check_profile(profile))
    output = {}
    if activation_secret is not None:
        key = activation_key(bytes.fromhex(activation_secret), party).hex()
        output["key"] = key
    keys = epoch_keys(bytes.fromhex(key), party, epoch)
    return {**output, **{name: derived.hex() for name, derived in keys.items()}}


def open_downlink(profile, id, epoch, key, handle, message, key_pair=None):
    party = Party(bytes.fromhex(id), profile)
    secret = None if key_pair is None else bytes.fromhex(key_pair)
    return opening.open_downlink(bytes.fromhex(message), party, epoch, bytes.fromhex(key), handle, secret)


def open_uplink(profile, id, epoch, key, message):
    party = Party(bytes.fromhex(id), profile)
    return opening.open_uplink(bytes.fromhex(message), party, epoch, bytes.fromhex(key))


def expand(direction, message, profile=0, id=""):
    data = bytes.fromhex(message)
    party = Party(bytes.fromhex(id), profile)
    expanded = cose.expand_downlink(data, party) if direction == "downlink" else cose.expand_uplink(data)
    return {"cose": expanded.hex()}


def compress(direction, profile=0, id="", **given):
    data = bytes.fromhex(given["cose"])
    party = Party(bytes.fromhex(id), profile)
    compressed = cose.compress_downlink(data, party) if direction == "downlink" else cose.compress_uplink(data)
    return {"message": compressed.hex()}


def sequence(**given):
    return {"messages": [message.hex() for message in cose.split_sequence(bytes.fromhex(given["bytes"]))]}


def code_parse(alphabet, digits, text):
    return {"code": codes.parse(alphabet, digits, text)}


def pack(alphabet, digits, **given):
    return {"packed": codes.pack(alphabet, digits, given["codes"]).hex()}


def unpack(alphabet, digits, count, packed):
    return {"codes": codes.unpack(alphabet, digits, count, bytes.fromhex(packed))}


KINDS = {
    "code-parse": code_parse,
    "compress": compress,
    "enrolment-typed": enrolment.from_typed,
    "enrolment-uri": enrolment.from_uri,
    "expand": expand,
    "key-schedule": key_schedule,
    "open-downlink": open_downlink,
    "open-uplink": open_uplink,
    "pack": pack,
    "sequence": sequence,
    "unpack": unpack,
}

if __name__ == "__main__":
    sys.exit(main())
