"""A device's whole life with a real server."""

import pytest

import matchbook
from conftest import now


@pytest.mark.parametrize("flags", [(), ("--public-key",)])
def test_codes_are_good_once_and_refilled_over_rotations(server, stored, flags):
    user, uri = server.enrolment(*flags)
    device = matchbook.Device.enrol(uri, save=stored.append)
    assert device.phase == "enrolling" and device.awaits_answer
    server.converse(device)
    assert device.phase == "steady" and device.remaining == 40 and not device.awaits_answer
    assert [event.kind for event in device.events()] == ["enrolled", "set-accepted"]
    for index in range(1, 4):
        code = device.take_code(now())
        assert code.index == index
        server.verify(user, code.text)
        server.verify(user, code.text, exit_code=5)
    device.request_rotation(now())
    server.converse(device)
    assert device.epoch == 1
    replaced = [event for event in device.events() if event.kind == "key-replaced"]
    assert [event.epoch for event in replaced] == [1]
    device.request_set(now())
    server.converse(device)
    assert device.remaining == 77 and device.highest == 80
    server.verify(user, device.take_code(now()).text)


def test_few_codes_left_ask_for_more(server, stored):
    _, uri = server.enrolment()
    device = matchbook.Device.enrol(uri, save=stored.append)
    server.converse(device)
    device.events()
    while device.remaining > device.threshold:
        device.take_code(now())
    low = [event for event in device.events() if event.kind == "running-low"]
    assert [event.remaining for event in low] == [device.threshold]
    server.converse(device)
    assert device.remaining == device.threshold + 40


def test_the_power_is_lost_between_any_two_steps(server, stored):
    user, uri = server.enrolment()
    device = matchbook.Device.enrol(uri, save=stored.append)
    for _ in range(10):
        device = matchbook.Device.restore(stored[-1], save=stored.append)
        device.tick(now())
        message = device.message("cose")
        if message is None:
            break
        device = matchbook.Device.restore(stored[-1], save=stored.append)
        device.tick(now())
        server.converse(device)
    assert device.remaining == 40
    code = device.take_code(now())
    device = matchbook.Device.restore(stored[-1], save=stored.append)
    assert device.take_code(now()).index == code.index + 1
    server.verify(user, code.text)
