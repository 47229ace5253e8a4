"""Profiles, suites and the key schedule (section 3)."""

import hashlib
import hmac
from dataclasses import dataclass

from . import Refused

SYMMETRIC, X25519, P256, X_WING = 1, 2, 3, 4

PUBLIC_KEY_LEN = {SYMMETRIC: 0, X25519: 32, P256: 65, X_WING: 1216}
ENC_LEN = {SYMMETRIC: 0, X25519: 32, P256: 65, X_WING: 1120}
INTEGRATED_ALG = {X25519: 41, P256: 45, X_WING: -65537}
KEY_ENCRYPTION_ALG = {X25519: 49, P256: 53, X_WING: -65538}

LABELS = {
    "downlink": b"matchbook v1 server-to-device",
    "uplink": b"matchbook v1 device-to-server",
    "psk": b"matchbook v1 psk",
    "hedge_downlink": b"matchbook v1 hedge server-to-device",
    "hedge_uplink": b"matchbook v1 hedge device-to-server",
}


@dataclass(frozen=True)
class Party:
    """An authenticator: identification code and profile byte."""

    id: bytes
    profile: int

    @property
    def suite(self):
        return self.profile & 0x0F

    @property
    def is_public_key(self):
        return self.profile & 0x80 != 0


def check_profile(profile):
    """MB-PRO-1"""
    suite = profile & 0x7F
    if suite not in PUBLIC_KEY_LEN or profile == 0x80 | SYMMETRIC:
        raise Refused("profile")
    return profile


def hkdf_sha256(key, info):
    """HKDF (RFC 5869) without salt, for one block of output."""
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def activation_key(secret, party):
    """K_0 (MB-KEY-3)."""
    return hkdf_sha256(secret, b"matchbook v1 activation" + bytes([party.profile]) + party.id)


def epoch_keys(key, party, epoch):
    """Every derived key of an epoch (MB-KEY-1)."""
    place = bytes([party.profile]) + party.id + epoch.to_bytes(4, "big")
    return {name: hkdf_sha256(key, label + place) for name, label in LABELS.items()}
