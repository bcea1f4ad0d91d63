"""The queue"""

import time

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
revision = '0005'
down_revision = '0004'
branch_labels = depends_on = None


def upgrade():
    big = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
    op.create_table('queue_policies',
    sa.Column('id', big, autoincrement=True, nullable=False),
    sa.Column('scope', sa.String(length=255), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('turn', big, nullable=False),
    sa.Column('updated_at', sa.String(length=32), nullable=True),
    sa.Column('mode', sa.String(length=16), nullable=False),
    sa.Column('max_in_flight', sa.Integer(), nullable=True),
    sa.Column('points', sa.Integer(), nullable=True),
    sa.Column('order', sa.String(length=16), nullable=False),
    sa.Column('pause_on_failure_ratio', sa.Double(), nullable=True),
    sa.Column('failure_window', sa.Integer(), nullable=False),
    sa.Column('paused_reason', sa.Text(), nullable=True),
    sa.Column('counted_since', sa.Double(), nullable=False),
    sa.Column('served', sa.Text().with_variant(mysql.LONGTEXT(), 'mariadb').with_variant(mysql.LONGTEXT(), 'mysql'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_queue_policies')),
    sa.UniqueConstraint('scope', name=op.f('uq_queue_policies_scope')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB',
    sqlite_autoincrement=True
    )
    for column in (sa.Column('queued_at', sa.Double()), sa.Column('admitted_at', sa.Double()),
                   sa.Column('lane', sa.String(length=16)), sa.Column('state_before', sa.String(length=15))):
        op.add_column('operations', column)
    # What is under way has its place.
    op.execute(sa.text("UPDATE operations SET admitted_at = :present WHERE status IN ('running', 'waiting', 'held') AND flow IN "
                       "('deploy', 'rebuild', 'clean', 'clean by hand', 'delete')").bindparams(present=time.time()))
    op.drop_index('ix_operations_status', 'operations')
    op.create_index('ix_operations_status', 'operations', ['status', 'lane', 'id'])
    where = sa.text('finished_at IS NOT NULL')
    op.create_index('ix_operations_finished_at', 'operations', ['finished_at'], sqlite_where=where, postgresql_where=where)
