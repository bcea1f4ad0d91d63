"""Whose power is due to be read"""

from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = depends_on = None


def upgrade():
    op.create_index(op.f('ix_nodes_power_checked_at'), 'nodes', ['power_checked_at'])
