"""Which nodes are locked, by whom"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = depends_on = None


def upgrade():
    where = sa.text('lock_owner IS NOT NULL')
    op.create_index('ix_nodes_lock_owner', 'nodes', ['lock_owner'], sqlite_where=where, postgresql_where=where)
