"""Nothing is given out that rests on what is not stored."""

import gc
import threading
import weakref

import pytest

import matchbook
from conftest import now
from matchbook import _matchbook

WAIT_S = 60


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


async def save_later(state):
    raise AssertionError("nobody waits for this")


# The coroutine that nobody waits for.
@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.parametrize("save", [save_later, lambda _: False, lambda _: True, len], ids=["async", "false", "true", "length"])
def test_only_none_says_that_it_is_stored(state_with_codes, save):
    device = matchbook.Device.restore(state_with_codes, save=save)
    with pytest.raises(TypeError, match="save has to return None"):
        device.take_code(now())
    with pytest.raises(matchbook.NotSavedError):
        device.take_code(now())
    with pytest.raises(matchbook.NotSavedError):
        device.message("cose")
    with pytest.raises(TypeError, match="save has to return None"):
        matchbook.Device.provision(bytes(8), bytes(32), save=save)


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
        for call in [lambda: device.take_code(now()), lambda: device.remaining, lambda: device.message("cose")]:
            with pytest.raises(matchbook.MatchbookError, match="save") as refused:
                call()
            caught.append(refused.value.reason)

    device = matchbook.Device.restore(state_with_codes, save=save)
    assert device.take_code(now()).index == 1
    assert caught == ["in-save"] * 3
    assert device.remaining == 39


def test_other_threads_wait_until_it_is_stored(state_with_codes):
    is_saving, may_end = threading.Event(), threading.Event()
    begun, seen = [threading.Event() for _ in range(4)], []

    def save(_):
        is_saving.set()
        assert may_end.wait(WAIT_S)

    def use(begins):
        begins.set()
        seen.append(device.remaining)
        seen.append(device.take_code(now()).index)

    device = matchbook.Device.restore(state_with_codes, save=save)
    first = threading.Thread(target=lambda: seen.append(device.take_code(now()).index))
    first.start()
    assert is_saving.wait(WAIT_S)
    threads = [threading.Thread(target=use, args=[begins]) for begins in begun]
    for thread in threads:
        thread.start()
    # All of them are at the device, or about to be; this one runs all the same.
    assert all(begins.wait(WAIT_S) for begins in begun)
    assert seen == []
    may_end.set()
    for thread in [first, *threads]:
        thread.join(WAIT_S)
    assert not any(thread.is_alive() for thread in [first, *threads])
    indexes = [number for number in seen if number <= 5]
    assert sorted(indexes) == [1, 2, 3, 4, 5] and len(seen) == 9


@pytest.mark.skipif(not hasattr(_matchbook, "_panic_within"), reason="the module was built without the feature vectors")
def test_after_a_bug_the_device_is_of_no_more_use(state_with_codes):
    disk = Disk(state_with_codes)
    device = matchbook.Device.restore(disk.state, save=disk.save)
    for call in [
        lambda: _matchbook._panic_within(device),
        lambda: device.take_code(now()),
        lambda: device.message("cose"),
        lambda: device.tick(now()),
        lambda: device.remaining,
        lambda: repr(device),
        device.events,
    ]:
        with pytest.raises(matchbook.MatchbookError, match="bug") as refused:
            call()
        assert refused.value.reason == "internal"
    assert disk.state == state_with_codes and disk.writes == 0


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
