"""Membership rows."""


from ingot.db import conductor

WHAT = {'ipmi': {'interfaces': {'power': ['ipmitool']}, 'properties': {'ipmi_address': 'where'}}}


def test_register_says_what_is_served(database):
    conductor.register(database, 'a', WHAT)
    [row] = conductor.every(database)
    assert (row['hostname'], row['drivers'], row['online']) == ('a', ['ipmi'], True)
    assert row['interfaces'] == {'ipmi': {'power': ['ipmitool']}}
    assert row['properties'] == {'ipmi': {'ipmi_address': 'where'}}
    conductor.register(database, 'a', {})
    assert [row['drivers'] for row in conductor.every(database)] == [[]]


def test_who_is_silent_is_not_alive(database):
    conductor.register(database, 'a', WHAT)
    assert [row['hostname'] for row in conductor.online(database)] == ['a']
    assert conductor.online(database, seconds=-1) == []
    conductor.leave(database, 'a')
    assert conductor.online(database) == []
    conductor.touch(database, 'a')
    assert [row['hostname'] for row in conductor.online(database)] == ['a']
