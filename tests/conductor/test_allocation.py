"""An instance that is deleted gives its allocation back."""

import uuid

import sqlalchemy as sa

from ingot.db import allocation, models
from ingot.db.engine import now


def test_an_undeployed_node_has_no_allocation(house):
    wanted = str(uuid.uuid4())
    node = house.node('active', instance_uuid=wanted, allocation_uuid=wanted, power_state='power on')
    with house.database.write() as connection:
        connection.execute(sa.insert(models.allocations).values(
            uuid=wanted, created_at=now(), state='active', node_id=house.row(node)['id']))
    after = house.run(house.service(), node, 'deleted')
    assert (after['provision_state'], after['instance_uuid'], after['allocation_uuid']) == ('available', None, None)
    assert allocation.STORE.rows(house.database, [models.allocations.c.uuid], {}) == []
