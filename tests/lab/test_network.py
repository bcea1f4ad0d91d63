"""The private network: a bridge with both addresses at once, taps in it, and nothing left."""

import os

import pytest

from ingot import errors, programs
from ingot.lab.network import Namespace, User

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='a network namespace needs root')


@pytest.fixture
def namespace():
    made = Namespace(f'ign{os.getpid()}')
    yield made
    made.delete()


@needs_root
def test_a_bridge_with_addresses_that_can_be_used_at_once(namespace):
    namespace.create()
    shown = programs.run('ip', '-n', namespace.name, '-br', 'address')
    assert '172.30.0.1/24 fd00:172:30::1/64' in shown
    assert 'tentative' not in programs.run('ip', '-n', namespace.name, '-6', 'address', 'show', 'dev', 'br0', 'to', 'fd00::/16')
    prefix = namespace.argv_prefix
    assert programs.run(prefix[0], *prefix[1:], 'cat', '/sys/class/net/br0/bridge/forward_delay').strip() == '0'
    assert programs.run(prefix[0], *prefix[1:], 'cat', '/sys/class/net/br0/bridge/stp_state').strip() == '0'


@needs_root
def test_one_that_was_left_behind_is_replaced_and_delete_may_be_repeated(namespace):
    namespace.create()
    programs.run('ip', '-n', namespace.name, 'link', 'add', 'old0', 'type', 'bridge')
    namespace.create()
    assert 'old0' not in programs.run('ip', '-n', namespace.name, 'link')
    namespace.delete()
    namespace.delete()
    assert namespace.name not in programs.run('ip', 'netns', 'list')


def test_without_root_a_namespace_says_what_to_use(monkeypatch):
    monkeypatch.setattr('os.geteuid', lambda: 1000)
    with pytest.raises(errors.NotPermitted, match='needs root') as caught:
        Namespace('x').create()
    assert "network='user'" in caught.value.remedy


def test_user_mode_boots_from_the_host():
    assert User(8080).attach(3) == 'user,bootfile=http://10.0.2.2:8080/boot.ipxe'
