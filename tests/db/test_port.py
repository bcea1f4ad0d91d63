import pytest

from ingot import errors
from ingot.db import node, port


@pytest.fixture
def database(database):
    for name in ('n1', 'n2'):
        node.create(database, {'driver': 'fake-hardware', 'name': name}, [node.TABLE.c.uuid])
    return database


def test_macs_are_those_that_may_netboot_in_their_order(database):
    for number, (ident, pxe_enabled) in enumerate((('n1', True), ('n1', False), ('n2', True), ('n1', True)), 1):
        port.create(database, {'node_ident': ident, 'address': f'52:54:00:00:00:0{9 - number}', 'pxe_enabled': pxe_enabled},
                    [port.TABLE.c.id])
    assert port.macs(database, 1) == ['52:54:00:00:00:08', '52:54:00:00:00:05']
    assert port.macs(database, 2) == ['52:54:00:00:00:06']
    assert port.macs(database, 3) == []


def test_a_port_needs_a_node_that_is_there(database):
    with pytest.raises(errors.Invalid, match='n9'):
        port.create(database, {'node_ident': 'n9', 'address': '52:54:00:00:00:01'}, [port.TABLE.c.id])
    port.create(database, {'node_ident': 'n1', 'address': '52:54:00:00:00:01', 'name': 'p'}, [port.TABLE.c.id])
    with pytest.raises(errors.Invalid):
        port.edit(database, 'p', [port.TABLE.c.id], lambda current, owner: {'node_uuid': 'nowhere'})
    with pytest.raises(errors.Duplicate, match='port with address "52:54:00:00:00:01"'):
        port.create(database, {'node_ident': 'n2', 'address': '52:54:00:00:00:01'}, [port.TABLE.c.id])
    assert port.macs(database, 1) == ['52:54:00:00:00:01']
