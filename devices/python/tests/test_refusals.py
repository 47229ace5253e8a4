"""What is refused, and with which reason."""

import pytest

import matchbook
from conftest import now


def test_what_an_account_tells(device):
    assert (device.server, device.realm, device.label) == ("https://codes.example", "ship-17", "card")
    assert (device.id, device.profile, device.handle) == (bytes(range(8)), 1, 7)
    assert (device.remaining, device.highest, device.epoch, device.threshold) == (0, 0, 0, 0)
    assert (device.phase, device.is_suspended, device.awaits_answer, device.codes) == ("steady", False, True, [])
    device.set_bearer("short-messages")
    assert repr(device) == 'Device(label="card", remaining=0)'


def test_a_code_does_not_show_in_its_repr(state_with_codes):
    device = matchbook.Device.restore(state_with_codes, save=lambda _: None)
    code = device.take_code(now(), 3)
    assert code.text.isdigit() and code.text not in repr(code)
    assert [mark.index for mark in device.codes if mark.is_used] == [3]


@pytest.mark.parametrize(
    ("call", "error", "reason"),
    [
        (lambda d: d.take_code(now()), matchbook.TakeError, "empty"),
        (lambda d: d.take_code(now(), 9), matchbook.TakeError, "not-held"),
        (lambda d: d.receive("compressed", b"", now()), matchbook.PeerError, "malformed"),
        (lambda d: d.receive("compressed", bytes(60), now()), matchbook.PeerError, "malformed"),
        (lambda d: d.receive("cose", b"\x00", now()), matchbook.BodyError, "cbor"),
        (lambda d: d.receive("cose", bytes(1 << 20), now()), matchbook.BodyError, "too-long"),
        (lambda d: d.receive("compressed", bytes(1 << 20), now()), matchbook.BodyError, "too-long"),
    ],
)
def test_a_refusal_changes_nothing_and_names_its_reason(device, stored, call, error, reason):
    with pytest.raises(error) as caught:
        call(device)
    assert caught.value.reason == reason and str(caught.value)
    assert isinstance(caught.value, matchbook.MatchbookError)
    assert len(stored) == 1


@pytest.mark.parametrize("state", [b"", b"\x00", bytes(100), bytes(1 << 20)])
def test_garbage_is_no_state(state):
    with pytest.raises(matchbook.StateError):
        matchbook.Device.restore(state, save=print)


@pytest.mark.parametrize(
    "call",
    [
        lambda d: d.message("morse"),
        lambda d: d.receive("morse", b"", now()),
        lambda d: d.set_bearer("pigeon"),
        lambda d: matchbook.Device.provision(bytes(7), bytes(32), save=print),
        lambda d: matchbook.Device.provision(bytes(8), bytes(31), save=print),
    ],
)
def test_wrong_choices_and_lengths(device, call):
    with pytest.raises(ValueError):
        call(device)


@pytest.mark.parametrize(
    "call",
    [
        lambda d: d.tick(-1),
        lambda d: d.tick(1 << 64),
        lambda d: d.take_code(now(), 1 << 32),
        lambda d: matchbook.Device.provision(bytes(8), bytes(32), save=print, handle=256),
    ],
)
def test_numbers_that_are_none_of_ours(device, call):
    with pytest.raises(OverflowError):
        call(device)


def test_devices_are_not_made_by_hand():
    with pytest.raises(TypeError):
        matchbook.Device()
