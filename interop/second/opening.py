"""Opening messages (sections 3.4 and 4): what is checked, in which order, around the COSE library's own work."""

from . import Refused, cose, wire
from .profile import ENC_LEN, epoch_keys


def open_downlink(data, party, epoch, key, handle, secret):
    """The content of a message from the server; `secret` is the private key that SET-PK and ROT-PK need."""
    message = wire.decode_downlink(data)
    if message.kid[1] != handle:
        raise Refused("wrong-handle")
    if not wire.is_in(message.kind, party):
        raise Refused("wrong-profile")
    if message.epoch_low != epoch & 0xFF:
        raise Refused("wrong-epoch")
    keys = epoch_keys(key, party, epoch)
    aad = cose.external_aad(party, message, epoch)
    if message.kind in (wire.SET_PK, wire.ROT_PK):
        return open_with_pair(data, message, party, epoch, keys["psk"], secret, aad)
    plaintext = cose.open_shared(cose.expand_downlink(data, party), message.kid, keys["downlink"], aad)
    if message.kind == wire.SET:
        return wire.read_set(message.sequence, plaintext)
    if message.kind == wire.ROT_SYM:
        return wire.read_rotation(epoch, message.sequence, plaintext)
    return wire.read_sync(message.sequence, plaintext)


def open_with_pair(data, message, party, epoch, psk, secret, aad):
    if secret is None:
        raise Refused("no-key-pair")
    enc_len = ENC_LEN[party.suite]
    if message.kind == wire.ROT_PK:
        if len(message.body) != enc_len + wire.ROTATION_LEN + wire.TAG_LEN:
            raise Refused("length")
        expanded = cose.expand_downlink(data, party)
        plaintext = cose.open_rotation(expanded, message.kid, party.suite, secret, psk, aad)
        return wire.read_rotation(epoch, None, plaintext)
    if len(message.body) < enc_len + wire.WRAPPED_KEY_LEN:
        raise Refused("length")
    expanded = cose.expand_downlink(data, party)
    plaintext = cose.open_set_pk(expanded, message.kid, party.suite, secret, psk, aad)
    return wire.read_set(message.sequence, plaintext)


def open_uplink(data, party, epoch, key):
    """The content of a message from a device."""
    message = wire.decode_uplink(data)
    if message.kid[1:9] != party.id:
        raise Refused("wrong-id")
    if message.epoch_low != epoch & 0xFF or (message.kind == wire.ENROL and epoch != 0):
        raise Refused("wrong-epoch")
    aad = cose.external_aad(party, message, epoch)
    keys = epoch_keys(key, party, epoch)
    plaintext = cose.open_shared(cose.expand_uplink(data), message.kid, keys["uplink"], aad)
    if message.kind == wire.REQ:
        return wire.read_request(message.sequence, plaintext, party.suite)
    return wire.read_enrol(message.sequence, plaintext, party.profile)
