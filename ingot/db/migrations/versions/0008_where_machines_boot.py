"""Which conductor has the boot record of a machine, and where it serves it"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = depends_on = None


def upgrade():
    op.add_column('conductors', sa.Column('boot_url', sa.String(length=255)))
    op.add_column('operations', sa.Column('boot_host', sa.String(length=255)))
