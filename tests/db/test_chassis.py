import pytest

from ingot import errors
from ingot.db import chassis, node


def test_a_chassis_goes_when_its_last_node_went(database):
    [uuid] = chassis.STORE.create(database, {'extra': {'a': 1}}, [chassis.TABLE.c.uuid])
    node.create(database, {'driver': 'fake-hardware', 'name': 'n1', 'chassis_uuid': uuid}, [node.TABLE.c.uuid])
    with pytest.raises(errors.Invalid, match='still has nodes'):
        chassis.delete(database, uuid)
    node.edit(database, 'n1', [node.TABLE.c.id], lambda current: {'chassis_uuid': None})
    chassis.delete(database, uuid)
    with pytest.raises(errors.NotFound, match=uuid):
        chassis.STORE.show(database, uuid, [chassis.TABLE.c.id])
