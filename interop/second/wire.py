"""Messages in their compressed form: lengths, headers and plaintexts (section 4). Nothing is decrypted here."""

from dataclasses import dataclass
from typing import Optional

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

from . import Refused, codes
from .profile import ENC_LEN, P256, PUBLIC_KEY_LEN, SYMMETRIC, X25519

SET, SET_PK, ROT_SYM, ROT_PK, SYNC, REQ, ENROL = 1, 2, 3, 4, 5, 16, 17
DOWN, UP = (SET, SET_PK, ROT_SYM, ROT_PK, SYNC), (REQ, ENROL)
REASONS = ("status", "first", "low", "manual", "rotate")
MAX_MESSAGE_LEN = 3076
TAG_LEN, IV_LEN, WRAPPED_KEY_LEN, ROTATION_LEN = 16, 12, 48, 34
MIN_SET_LEN, MAX_SET_LEN = 2 + 2, 2 + 1875
LAST_INDEX = 2**32 - 1


@dataclass(frozen=True)
class Message:
    """A well-formed message that nobody has verified."""

    kind: int
    kid: bytes
    iv: Optional[bytes]
    body: bytes

    @property
    def sequence(self):
        return int.from_bytes(self.iv[:4], "big")

    @property
    def epoch_low(self):
        return self.kid[-1]


def decode_downlink(data):
    if len(data) > MAX_MESSAGE_LEN:
        raise Refused("too-long")
    if len(data) < 3:
        raise Refused("too-short")
    kind = read_kind(data[0], DOWN, UP)
    overhead = 3 + IV_LEN + TAG_LEN
    if kind == SET:
        between(len(data), overhead + MIN_SET_LEN, overhead + MAX_SET_LEN)
    elif kind == SET_PK:
        between(len(data), overhead + ENC_LEN[X25519] + WRAPPED_KEY_LEN + MIN_SET_LEN, MAX_MESSAGE_LEN)
    elif kind == ROT_SYM:
        one_of(len(data), [overhead + ROTATION_LEN])
    elif kind == ROT_PK:
        one_of(len(data), [3 + enc + ROTATION_LEN + TAG_LEN for suite, enc in ENC_LEN.items() if suite != SYMMETRIC])
        return Message(kind, data[:3], None, data[3:])
    else:
        one_of(len(data), [overhead + 5])
    return with_iv(kind, data, 3)


def decode_uplink(data):
    if not data:
        raise Refused("too-short")
    kind = read_kind(data[0], UP, DOWN)
    head = 7 if kind == REQ else 2
    one_of(len(data), [10 + IV_LEN + head + key + TAG_LEN for key in PUBLIC_KEY_LEN.values()])
    return with_iv(kind, data, 10)


def read_kind(byte0, ours, others):
    """MB-ENV-1"""
    if byte0 >> 5 != 1:
        raise Refused("version")
    kind = byte0 & 0x1F
    if kind in others:
        raise Refused("wrong-direction")
    if kind not in ours:
        raise Refused("unknown-type")
    return kind


def with_iv(kind, data, kid_len):
    message = Message(kind, data[:kid_len], data[kid_len : kid_len + IV_LEN], data[kid_len + IV_LEN :])
    if message.sequence == 0:
        raise Refused("zero-sequence")
    return message


def between(length, shortest, longest):
    if length < shortest:
        raise Refused("too-short")
    if length > longest:
        raise Refused("too-long")


def one_of(length, lengths):
    if length not in lengths:
        between(length, min(lengths), max(lengths))
        raise Refused("length")


def is_in(kind, party):
    """Whether an authenticator with this profile ever gets such a message (MB-PRO-2)."""
    if kind in (SET, SET_PK):
        return party.is_public_key == (kind == SET_PK)
    if kind in (ROT_SYM, ROT_PK):
        return (party.suite == SYMMETRIC) == (kind == ROT_SYM)
    return True


def read_set(first, plaintext):
    if len(plaintext) < 2:
        raise Refused("plaintext-length")
    form, count = plaintext[:2]
    if form & 0x60:
        raise Refused("reserved-bits")
    alphabet, digits = "base32" if form & 0x10 else "decimal", form & 0x0F
    revealed = codes.unpack(alphabet, digits, count, plaintext[2:])
    if first + count - 1 > LAST_INDEX:
        raise Refused("index-overflow")
    reset = form & 0x80 != 0
    head = {"type": "set", "first": first, "alphabet": alphabet, "digits": digits}
    return {**head, "reset": reset, "codes": revealed}


def read_rotation(epoch, sequence, plaintext):
    if len(plaintext) != ROTATION_LEN:
        raise Refused("plaintext-length")
    following = epoch + 1
    named = int.from_bytes(plaintext[:2], "big")
    if following > LAST_INDEX or named != following & 0xFFFF or sequence not in (None, following):
        raise Refused("next-epoch")
    return {"type": "rotation", "next_epoch": following, "next_key": plaintext[2:].hex()}


def read_sync(sequence, plaintext):
    if len(plaintext) != 5:
        raise Refused("plaintext-length")
    flags = plaintext[4]
    return {
        "type": "sync",
        "sequence": sequence,
        "last_request": int.from_bytes(plaintext[:4], "big"),
        "rotate": flags & 0x80 != 0,
        "suspended": flags & 0x40 != 0,
        "threshold": flags & 0x3F,
    }


def read_request(counter, plaintext, suite):
    if len(plaintext) < 7:
        raise Refused("plaintext-length")
    flags, key = plaintext[6], plaintext[7:]
    if flags & 0x78:
        raise Refused("reserved-bits")
    if flags & 0x07 >= len(REASONS):
        raise Refused("unknown-reason")
    wanted_len = PUBLIC_KEY_LEN[suite] if flags & 0x80 else 0
    if len(key) != wanted_len or (flags & 0x80 and not key):
        raise Refused("plaintext-length")
    check_public_key(suite, key)
    return {
        "type": "request",
        "counter": counter,
        "highest": int.from_bytes(plaintext[:4], "big"),
        "unused": plaintext[4],
        "wanted": plaintext[5],
        "reason": REASONS[flags & 0x07],
        "ephemeral": key.hex(),
    }


def read_enrol(counter, plaintext, profile):
    if len(plaintext) < 2:
        raise Refused("plaintext-length")
    key = plaintext[2:]
    suite = profile & 0x0F
    if plaintext[0] != profile:
        raise Refused("profile-mismatch")
    if len(key) != PUBLIC_KEY_LEN[suite]:
        raise Refused("plaintext-length")
    check_public_key(suite, key)
    head = {"type": "enrol", "counter": counter, "profile": profile}
    return {**head, "handle": plaintext[1], "public_key": key.hex()}


def check_public_key(suite, key):
    """MB-REQ-2; the length is right already."""
    if suite == P256 and key:
        try:
            if key[0] != 4:
                raise ValueError("not an uncompressed point")
            EllipticCurvePublicKey.from_encoded_point(SECP256R1(), key)
        except ValueError as error:
            raise Refused("public-key") from error
