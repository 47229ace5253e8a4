"""The COSE form (section 6), and opening it with an off-the-shelf COSE library."""

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cwt import COSE, COSEKey

from . import Refused, cbor, wire
from .profile import ENC_LEN, INTEGRATED_ALG, KEY_ENCRYPTION_ALG, X25519

A256GCM = 3
OKP, EC2, CURVE_X25519, CURVE_P256 = 1, 2, 4, 1
ENCRYPT0, ENCRYPT = 16, 96
KID, IV, EK, PSK_ID = 4, 5, -4, -5
MAX_SEQUENCE, MAX_COSE_LEN = 4, wire.MAX_MESSAGE_LEN + 128


def external_aad(party, message, epoch):
    return bytes([party.profile, message.kid[0]]) + party.id + epoch.to_bytes(4, "big")


def protected(algorithm, party, message):
    return cbor.encode({1: algorithm, PSK_ID: party.id + bytes([message.epoch_low])})


def expand_downlink(data, party):
    message = wire.decode_downlink(data)
    if not wire.is_in(message.kind, party):
        raise Refused("wrong-profile")
    if message.kind not in (wire.SET_PK, wire.ROT_PK):
        return encrypt0(message)
    enc_len = ENC_LEN[party.suite]
    if len(message.body) < enc_len:
        raise Refused("too-short")
    enc, rest = message.body[:enc_len], message.body[enc_len:]
    if message.kind == wire.ROT_PK:
        header = protected(INTEGRATED_ALG[party.suite], party, message)
        return cbor.encode((ENCRYPT0, [header, {KID: message.kid, EK: enc}, rest]))
    if len(rest) < wire.WRAPPED_KEY_LEN:
        raise Refused("too-short")
    wrapped, content = rest[: wire.WRAPPED_KEY_LEN], rest[wire.WRAPPED_KEY_LEN :]
    recipient = [protected(KEY_ENCRYPTION_ALG[party.suite], party, message), {EK: enc}, wrapped]
    headers = {KID: message.kid, IV: message.iv}
    return cbor.encode((ENCRYPT, [cbor.encode({1: A256GCM}), headers, content, [recipient]]))


def expand_uplink(data):
    return encrypt0(wire.decode_uplink(data))


def encrypt0(message):
    return cbor.encode((ENCRYPT0, [b"", {KID: message.kid, IV: message.iv}, message.body]))


def compress_downlink(cose, party):
    data = read(cose, (ENCRYPT0, ENCRYPT))
    if expand_downlink(data, party) != cose:
        raise Refused("not-canonical")
    return data


def compress_uplink(cose):
    data = read(cose, (ENCRYPT0,))
    if expand_uplink(data) != cose:
        raise Refused("not-canonical")
    return data


def read(cose, tags):
    """The compressed form of what may be a COSE message; the caller compares (MB-COS-2)."""
    if len(cose) > MAX_COSE_LEN:
        raise Refused("too-long")
    reader = cbor.Reader(cose)
    tag = reader.tag()
    if tag not in tags:
        raise Refused("cbor")
    reader.expect(4, 3 if tag == ENCRYPT0 else 4)
    reader.bytes()
    reader.expect(5, 2)
    kid = labelled(reader, KID)
    second = labelled(reader, IV) if tag == ENCRYPT else labelled(reader, IV, EK)
    content = reader.bytes()
    if tag == ENCRYPT:
        reader.expect(4, 1)
        reader.expect(4, 3)
        reader.bytes()
        reader.expect(5, 1)
        content = labelled(reader, EK) + reader.bytes() + content
    if not reader.is_done():
        raise Refused("trailing-bytes")
    return kid + second + content


def labelled(reader, *labels):
    if reader.label() not in labels:
        raise Refused("cbor")
    return reader.bytes()


def split_sequence(data):
    if len(data) > MAX_SEQUENCE * MAX_COSE_LEN:
        raise Refused("too-long")
    messages, at = [], 0
    while at < len(data):
        if len(messages) == MAX_SEQUENCE:
            raise Refused("too-many-messages")
        if cbor.Reader(data, at).tag() not in (ENCRYPT0, ENCRYPT):
            raise Refused("cbor")
        reader = cbor.Reader(data, at)
        reader.skip()
        if reader.at - at > MAX_COSE_LEN:
            raise Refused("too-long")
        messages.append(data[at : reader.at])
        at = reader.at
    return messages


def private_key(suite, secret, algorithm, kid):
    """A device's private key as the COSE library takes it."""
    if suite == X25519:
        x = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        return COSEKey.new({1: OKP, 2: kid, 3: algorithm, -1: CURVE_X25519, -2: x, -4: secret})
    point = derive_private_key(int.from_bytes(secret, "big"), SECP256R1()).public_key().public_numbers()
    x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
    return COSEKey.new({1: EC2, 2: kid, 3: algorithm, -1: CURVE_P256, -2: x, -3: y, -4: secret})


def open_shared(cose, kid, key, aad):
    """Opens a COSE_Encrypt0 under a shared key, with the library alone."""
    key = COSEKey.from_symmetric_key(key, alg="A256GCM", kid=kid)
    return library_call(lambda: COSE.new().decode(cose, keys=[key], external_aad=aad))


def open_rotation(cose, kid, suite, secret, psk, aad):
    """Opens ROT-PK: COSE_Encrypt0 with HPKE in its integrated mode."""
    key = private_key(suite, secret, INTEGRATED_ALG[suite], kid)
    return library_call(lambda: COSE.new().decode(cose, keys=[key], external_aad=aad, hpke_psk=psk))


def open_set_pk(cose, kid, suite, secret, psk, aad):
    """Opens SET-PK: COSE_Encrypt with one HPKE recipient."""
    key = private_key(suite, secret, KEY_ENCRYPTION_ALG[suite], kid)
    options = {"external_aad": aad, "extra_info": aad, "hpke_psk": psk}
    return library_call(lambda: COSE.new().decode(cose, keys=[key], **options))


def library_call(call):
    """Whatever the library says against a message: it is not authentic."""
    try:
        return call()
    except Exception as error:
        raise Refused("authentication") from error
