"""The software device's sealed file (docs/reference/vault.md)."""

import hashlib

import cbor2
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from .profile import Party

HEADER_LEN, CHECKSUM_LEN = 48, 8


def read(data, passphrase):
    """The accounts of a vault, each as (party, epoch, key of the epoch, static private key or None)."""
    covered, checksum = data[:-CHECKSUM_LEN], data[-CHECKSUM_LEN:]
    if data[:9] != b"mbwallet\x01" or hashlib.sha256(covered).digest()[:CHECKSUM_LEN] != checksum:
        raise ValueError("not a vault, or a damaged one")
    memory, passes, lanes = (int.from_bytes(data[a:b], "big") for a, b in ((9, 13), (13, 15), (15, 16)))
    kdf = Argon2id(salt=data[16:32], length=32, iterations=passes, lanes=lanes, memory_cost=memory)
    key = kdf.derive(passphrase.encode())
    content = AESGCM(key).decrypt(data[32:44], covered[HEADER_LEN:], data[:HEADER_LEN])
    return list(accounts(content))


def accounts(content):
    version, count, at = content[0], int.from_bytes(content[1:3], "big"), 3
    if version != 1:
        raise ValueError("another version of the content")
    for _ in range(count):
        length = int.from_bytes(content[at : at + 4], "big")
        fields = cbor2.loads(content[at + 4 : at + 4 + length])
        at += 4 + length
        state, key, *epoch = fields[7]
        yield Party(fields[1], fields[2]), epoch[0] if state == 1 else 0, key, fields[8]
