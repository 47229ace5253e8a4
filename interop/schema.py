"""Checks the COSE messages of the vectors against docs/spec/matchbook.cddl (MB-COS-3).

Every message that is to be accepted has to match. Of those that are to be refused, the ones that are no COSE message of
this protocol at all (`cbor`) must not match: a schema that takes everything would prove nothing.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import zcbor

from second import cose
from second.profile import Party

ROOT = Path(__file__).parent.parent
# The longest byte string, list and map that zcbor allows where the schema names none.
DEFAULT_MAX = 4096
# Refused for its encoding alone, which a schema does not see: chunks, indefinite lengths, order.
ENCODING_ONLY = {"compress-chunked-kid", "compress-indefinite-array", "compress-iv-first"}


def main():
    schema = (ROOT / "docs" / "spec" / "matchbook.cddl").read_text()
    types = zcbor.DataTranslator.from_cddl(schema, DEFAULT_MAX).my_types
    wrong, checked = [], 0
    for file in sorted((ROOT / "vectors").glob("*.json")):
        vector = json.loads(file.read_text())
        for direction, message, is_good in messages(vector):
            checked += 1
            if matches(types[direction], message) != is_good:
                wrong.append(f"{file.name}: {'does not match' if is_good else 'matches'} {direction}: {message.hex()}")
    for finding in wrong:
        print(finding)
    print(f"schema: {checked - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong or not checked else 0


def messages(vector):
    """The COSE messages of a vector: direction, bytes, whether they have to match."""
    given, is_good = vector["input"], vector["expect"] == "success"
    if vector["kind"] == "expand" and is_good:
        yield given["direction"], bytes.fromhex(vector["output"]["cose"]), True
    elif vector["kind"] == "compress" and is_good:
        yield given["direction"], bytes.fromhex(given["cose"]), True
    elif vector["kind"] == "compress" and vector["expect"] == "cbor" and vector["id"] not in ENCODING_ONLY:
        yield given["direction"], bytes.fromhex(given["cose"]), False
    elif vector["kind"] == "open-downlink" and is_good:
        party = Party(bytes.fromhex(given["id"]), given["profile"])
        yield "downlink", cose.expand_downlink(bytes.fromhex(given["message"]), party), True
    elif vector["kind"] == "open-uplink" and is_good:
        yield "uplink", cose.expand_uplink(bytes.fromhex(given["message"])), True


def matches(kind, message):
    try:
        # It prints every alternative that it tried.
        with contextlib.redirect_stdout(io.StringIO()):
            kind.validate_str(message)
    except Exception:  # zcbor raises what its parts raise
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
