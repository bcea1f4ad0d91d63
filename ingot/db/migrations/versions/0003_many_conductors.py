"""Many conductors: slots of nodes, and until when a conductor lives"""

import sqlalchemy as sa
from alembic import op

from ingot import ring

revision = '0003'
down_revision = '0002'
branch_labels = depends_on = None

_NODES = sa.table('nodes', sa.column('id'), sa.column('uuid'), sa.column('slot'))
_BATCH = 1000


def upgrade():
    with op.batch_alter_table('nodes') as nodes:
        nodes.add_column(sa.Column('slot', sa.Integer(), nullable=False, server_default='0'))
    _fill()
    with op.batch_alter_table('nodes') as nodes:
        nodes.alter_column('slot', existing_type=sa.Integer(), existing_nullable=False, server_default=None)
        nodes.create_index('ix_nodes_slot', ['slot'])
    with op.batch_alter_table('conductors') as conductors:
        conductors.alter_column('heartbeat_at', new_column_name='alive_until', existing_type=sa.Double(), existing_nullable=False)


def _fill():
    """Some rows at a time: there may be a hundred thousand."""
    connection, last = op.get_bind(), 0
    change = sa.update(_NODES).where(_NODES.c.id == sa.bindparam('its_id')).values(slot=sa.bindparam('its_slot'))
    while rows := connection.execute(sa.select(_NODES.c.id, _NODES.c.uuid).where(
            _NODES.c.id > last).order_by(_NODES.c.id).limit(_BATCH)).all():
        connection.execute(change, [{'its_id': key, 'its_slot': ring.slot(uuid)} for key, uuid in rows])
        last = rows[-1].id
