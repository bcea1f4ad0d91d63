"""What inspection found."""

import uuid

import pytest
import sqlalchemy as sa

from ingot import errors
from ingot.db import inventory, models, node, port
from ingot.db.engine import now


def enroll(database):
    ident = str(uuid.uuid4())
    with database.write() as connection:
        connection.execute(sa.insert(models.nodes).values(uuid=ident, driver='fake-hardware', created_at=now()))
    return node.get(database, ident)


def test_the_newest_inventory_stays(database):
    row = enroll(database)
    with pytest.raises(errors.NotFound, match='not inspected yet'):
        inventory.get(database, row)
    for number in (1, 2):
        with database.write() as connection:
            inventory.save(connection, row, {'number': number}, {'p': number})
    assert inventory.get(database, row) == {'inventory': {'number': 2}, 'plugin_data': {'p': 2}}


def test_a_card_gets_a_port_once_and_stays_with_its_first_node(database, monkeypatch):
    one, two = enroll(database), enroll(database)
    for row in (one, one, two):
        with database.write() as connection:
            inventory.ensure_port(connection, row, '52:54:00:AA:BB:CC')
            inventory.save(connection, row, {})      # the transaction is as good as before
    assert port.macs(database, one['id']) == ['52:54:00:aa:bb:cc']
    assert port.macs(database, two['id']) == []
    assert inventory.owner_of(database, '52:54:00:AA:BB:CC') == one['uuid']
    assert inventory.owner_of(database, '52:54:00:00:00:00') is None
    monkeypatch.setattr(inventory, '_AT_ONCE', 1)
    assert inventory.owners_of(database, ['52:54:00:00:00:00', '52:54:00:AA:BB:CC']) == {'52:54:00:aa:bb:cc': one['uuid']}
