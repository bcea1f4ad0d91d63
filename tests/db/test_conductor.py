"""Membership rows."""

from ingot.db import clock, conductor

WHAT = {'ipmi': {'interfaces': {'power': ['ipmitool']}, 'properties': {'ipmi_address': 'where'}}}


def alive(database):
    return [row['hostname'] for row in conductor.alive(database)]


def test_register_says_what_is_served(database):
    conductor.register(database, 'a', WHAT, group='west', seconds=10)
    [row] = conductor.every(database)
    assert (row['hostname'], row['conductor_group'], row['drivers'], row['online']) == ('a', 'west', ['ipmi'], True)
    assert row['interfaces'] == {'ipmi': {'power': ['ipmitool']}}
    assert row['properties'] == {'ipmi': {'ipmi_address': 'where'}}
    conductor.register(database, 'a', {}, seconds=10)
    assert [row['drivers'] for row in conductor.every(database)] == [[]]


def test_who_is_silent_is_not_alive(database):
    conductor.register(database, 'a', WHAT, seconds=10)
    assert alive(database) == ['a']
    conductor.touch(database, 'a', -1)
    assert alive(database) == []
    conductor.touch(database, 'a', 10)
    assert alive(database) == ['a']
    conductor.leave(database, 'a')
    assert alive(database) == []


def test_the_ring_is_of_those_who_live(database, monkeypatch):
    conductor.register(database, 'a', WHAT, seconds=1000)
    conductor.register(database, 'b', WHAT, seconds=10)
    assert conductor.ring(database).places() == {('', 'ipmi'): 2}
    assert conductor.ring(database, without={'a'}).host(0, '', 'ipmi') == 'b'
    present = clock.time()
    monkeypatch.setattr(clock, 'time', lambda: present + 11)
    database.forget('ring')
    assert conductor.ring(database).places() == {('', 'ipmi'): 1}
    conductor.leave(database, 'a')
    assert conductor.ring(database).places() == {}


def test_a_heartbeat_that_is_late_brings_nobody_back(database):
    conductor.register(database, 'a', {'ipmi': {'interfaces': {}, 'properties': {}}}, seconds=10)
    conductor.leave(database, 'a')
    conductor.touch(database, 'a', 10)
    assert conductor.alive(database) == []
    conductor.register(database, 'a', {'ipmi': {'interfaces': {}, 'properties': {}}}, seconds=10)
    assert [one['hostname'] for one in conductor.alive(database)] == ['a']
