"""Nothing is given out that rests on what is not stored."""

import gc
import weakref

import pytest

import matchbook
from conftest import now


class Disk:
    """Stores, unless it is full."""

    def __init__(self, state=None):
        self.state, self.is_full, self.writes = state, False, 0

    def save(self, state):
        assert isinstance(state, bytes)
        if self.is_full:
            raise OSError("no space left")
        self.state = state
        self.writes += 1


def test_the_state_in_which_a_code_is_used_is_stored_before_it_is_seen(state_with_codes):
    disk = Disk(state_with_codes)
    device = matchbook.Device.restore(disk.state, save=disk.save)
    assert disk.writes == 0
    code = device.take_code(now())
    assert disk.writes == 1
    again = matchbook.Device.restore(disk.state, save=disk.save)
    with pytest.raises(matchbook.TakeError) as refused:
        again.take_code(now(), code.index)
    assert refused.value.reason == "already-taken"


def test_what_cannot_be_stored_did_not_happen(state_with_codes):
    disk = Disk(state_with_codes)
    device = matchbook.Device.restore(disk.state, save=disk.save)
    disk.is_full = True
    with pytest.raises(OSError, match="no space"):
        device.take_code(now())
    disk.is_full = False
    for refused in [
        lambda: device.take_code(now()),
        lambda: device.message("cose"),
        lambda: device.tick(now()),
        lambda: device.request_set(now()),
        lambda: device.receive("cose", b"", now()),
        device.events,
    ]:
        with pytest.raises(matchbook.NotSavedError) as caught:
            refused()
        assert caught.value.reason == "not-saved"
    assert disk.writes == 0 and disk.state == state_with_codes
    assert matchbook.Device.restore(disk.state, save=disk.save).take_code(now()).index == 1


def test_an_enrolment_that_cannot_be_stored_is_none():
    disk = Disk()
    disk.is_full = True
    with pytest.raises(OSError):
        matchbook.Device.provision(bytes(8), bytes(32), save=disk.save)


def test_a_message_is_given_once_and_again_with_time(device, stored):
    first = device.message("compressed")
    assert first is not None and len(stored) == 1
    assert device.message("compressed") is None
    device.tick(now())
    assert device.wake_at > now()
    device.tick(device.wake_at)
    assert device.message("compressed") == first


def test_saving_cannot_call_the_device(state_with_codes):
    caught = []

    def save(_):
        try:
            device.take_code(now())
        except RuntimeError as error:
            caught.append(error)

    device = matchbook.Device.restore(state_with_codes, save=save)
    device.take_code(now())
    assert len(caught) == 1


def test_what_saves_may_hold_the_device(state_with_codes):
    class Holder:
        def save(self, state):
            pass

    holder = Holder()
    holder.device = matchbook.Device.restore(state_with_codes, save=holder.save)
    seen = weakref.ref(holder)
    del holder
    gc.collect()
    assert seen() is None
