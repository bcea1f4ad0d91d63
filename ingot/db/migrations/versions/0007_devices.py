"""Devices, PCI flavors, and what is asked for of them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
revision = '0007'
down_revision = '0006'
branch_labels = depends_on = None
_TABLES = dict(mysql_engine='InnoDB', mysql_charset='utf8mb4', mysql_collate='utf8mb4_bin', sqlite_autoincrement=True)
_BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_JSON = sa.Text().with_variant(mysql.LONGTEXT(), 'mysql', 'mariadb')


def _index_what_is_there(table, column):
    where = sa.text(f'{column} IS NOT NULL')
    op.create_index(f'ix_{table}_{column}', table, [column], sqlite_where=where, postgresql_where=where)


def upgrade():
    op.create_table('pci_flavors',
    sa.Column('id', _BIG, autoincrement=True, nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.String(length=32), nullable=False),
    sa.Column('updated_at', sa.String(length=32), nullable=True),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('description', sa.String(length=4096), nullable=True),
    sa.Column('match', _JSON, nullable=False),
    sa.Column('public', sa.Boolean(), nullable=False),
    sa.Column('owner', sa.String(length=255), nullable=True),
    sa.Column('extra', _JSON, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pci_flavors')),
    sa.UniqueConstraint('name', name=op.f('uq_pci_flavors_name')),
    sa.UniqueConstraint('uuid', name=op.f('uq_pci_flavors_uuid')), **_TABLES)
    op.create_index(op.f('ix_pci_flavors_owner'), 'pci_flavors', ['owner'])
    op.create_table('placement_groups',
    sa.Column('id', _BIG, autoincrement=True, nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.String(length=32), nullable=False),
    sa.Column('updated_at', sa.String(length=32), nullable=True),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('policy', sa.String(length=16), nullable=False),
    sa.Column('scope', sa.String(length=16), nullable=False),
    sa.Column('hard', sa.Boolean(), nullable=False),
    sa.Column('owner', sa.String(length=255), nullable=True),
    sa.Column('extra', _JSON, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_placement_groups')),
    sa.UniqueConstraint('name', name=op.f('uq_placement_groups_name')),
    sa.UniqueConstraint('uuid', name=op.f('uq_placement_groups_uuid')), **_TABLES)
    op.create_index(op.f('ix_placement_groups_owner'), 'placement_groups', ['owner'])
    op.create_table('placement_outbox',
    sa.Column('id', _BIG, autoincrement=True, nullable=False),
    sa.Column('node', sa.String(length=36), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_placement_outbox')), **_TABLES)
    op.create_index(op.f('ix_placement_outbox_node'), 'placement_outbox', ['node'])
    op.create_table('placement_told',
    sa.Column('id', _BIG, autoincrement=True, nullable=False),
    sa.Column('node', sa.String(length=36), nullable=False),
    sa.Column('provider_generation', sa.Integer(), nullable=True),
    sa.Column('said', _JSON, nullable=True),
    sa.Column('told_at', sa.Double(), nullable=True),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_placement_told')),
    sa.UniqueConstraint('node', name=op.f('uq_placement_told_node')), **_TABLES)
    op.create_table('stats',
    sa.Column('id', _BIG, autoincrement=True, nullable=False),
    sa.Column('provider', sa.String(length=255), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.String(length=32), nullable=False),
    sa.Column('updated_at', sa.String(length=32), nullable=True),
    sa.Column('max_age', sa.Integer(), nullable=True),
    sa.Column('nodes', _JSON, nullable=False),
    sa.Column('figures', _JSON, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stats')),
    sa.UniqueConstraint('provider', name=op.f('uq_stats_provider')), **_TABLES)
    op.create_table('node_disks',
    sa.Column('id', _BIG, autoincrement=True, nullable=False),
    sa.Column('node_id', _BIG, nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('serial', sa.String(length=255), nullable=True),
    sa.Column('wwn', sa.String(length=255), nullable=True),
    sa.Column('model', sa.String(length=255), nullable=True),
    sa.Column('vendor', sa.String(length=255), nullable=True),
    sa.Column('by_path', sa.String(length=255), nullable=True),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('rotational', sa.Boolean(), nullable=True),
    sa.Column('role', sa.String(length=16), nullable=True),
    sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name=op.f('fk_node_disks_node_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_node_disks')),
    sa.UniqueConstraint('node_id', 'name', name=op.f('uq_node_disks_node_id')), **_TABLES)
    op.create_index(op.f('ix_node_disks_node_id'), 'node_disks', ['node_id'])
    op.create_table('node_nics',
    sa.Column('id', _BIG, autoincrement=True, nullable=False),
    sa.Column('node_id', _BIG, nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('address', sa.String(length=18), nullable=True),
    sa.Column('pci_address', sa.String(length=16), nullable=True),
    sa.Column('driver', sa.String(length=64), nullable=True),
    sa.Column('has_carrier', sa.Boolean(), nullable=True),
    sa.Column('speed', sa.Integer(), nullable=True),
    sa.Column('lldp', _JSON, nullable=False),
    sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name=op.f('fk_node_nics_node_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_node_nics')),
    sa.UniqueConstraint('node_id', 'name', name=op.f('uq_node_nics_node_id')), **_TABLES)
    op.create_index(op.f('ix_node_nics_node_id'), 'node_nics', ['node_id'])
    op.create_table('devices',
    sa.Column('id', _BIG, autoincrement=True, nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.String(length=32), nullable=False),
    sa.Column('updated_at', sa.String(length=32), nullable=True),
    sa.Column('node_id', _BIG, nullable=False),
    sa.Column('address', sa.String(length=16), nullable=False),
    sa.Column('vendor_id', sa.String(length=4), nullable=True),
    sa.Column('product_id', sa.String(length=4), nullable=True),
    sa.Column('subsystem_vendor_id', sa.String(length=4), nullable=True),
    sa.Column('subsystem_id', sa.String(length=4), nullable=True),
    sa.Column('class_id', sa.String(length=6), nullable=True),
    sa.Column('revision', sa.String(length=2), nullable=True),
    sa.Column('driver', sa.String(length=64), nullable=True),
    sa.Column('serial', sa.String(length=255), nullable=True),
    sa.Column('function', sa.String(length=4), nullable=True),
    sa.Column('parent', sa.String(length=16), nullable=True),
    sa.Column('numa_node', sa.Integer(), nullable=True),
    sa.Column('max_vfs', sa.Integer(), nullable=True),
    sa.Column('link_speed', sa.Double(), nullable=True),
    sa.Column('link_width', sa.Integer(), nullable=True),
    sa.Column('max_link_speed', sa.Double(), nullable=True),
    sa.Column('max_link_width', sa.Integer(), nullable=True),
    sa.Column('unit', sa.String(length=64), nullable=True),
    sa.Column('reserved_for', sa.String(length=32), nullable=True),
    sa.Column('offered', sa.Boolean(), nullable=False),
    sa.Column('extra_info', _JSON, nullable=False),
    sa.Column('labels', _JSON, nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('state_reason', sa.String(length=1024), nullable=True),
    sa.Column('removed_at', sa.String(length=32), nullable=True),
    sa.Column('allocation_id', _BIG, nullable=True),
    sa.Column('request', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['allocation_id'], ['allocations.id'], name=op.f('fk_devices_allocation_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name=op.f('fk_devices_node_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_devices')),
    sa.UniqueConstraint('node_id', 'address', name=op.f('uq_devices_node_id')),
    sa.UniqueConstraint('uuid', name=op.f('uq_devices_uuid')), **_TABLES)
    _index_what_is_there('devices', 'allocation_id')
    op.create_index(op.f('ix_devices_node_id'), 'devices', ['node_id'])
    op.create_index('ix_devices_product', 'devices', ['vendor_id', 'product_id'])
    op.add_column('allocations', sa.Column('wanted', _JSON, nullable=True))
    op.add_column('allocations', sa.Column('why', _JSON, nullable=True))
    op.add_column('allocations', sa.Column('gang', sa.String(length=36), nullable=True))
    op.add_column('allocations', sa.Column('placement_group', sa.String(length=36), nullable=True))
    op.add_column('allocations', sa.Column('priority', sa.Integer(), nullable=False, server_default='0'))
    op.add_column('allocations', sa.Column('expires_at', sa.Double(), nullable=True))
    _index_what_is_there('allocations', 'expires_at')
    _index_what_is_there('allocations', 'gang')
    _index_what_is_there('allocations', 'placement_group')
    op.add_column('node_inventory', sa.Column('offer_digest', sa.String(length=64), nullable=True))
    op.add_column('nodes', sa.Column('last_heartbeat_at', sa.String(length=32), nullable=True))
    op.add_column('nodes', sa.Column('last_deployed_at', sa.String(length=32), nullable=True))
    op.add_column('nodes', sa.Column('last_inspected_at', sa.String(length=32), nullable=True))
    op.execute('UPDATE nodes SET last_inspected_at = inspection_finished_at')
    op.add_column('nodes', sa.Column('system_vendor', sa.String(length=255), nullable=True))
    op.add_column('nodes', sa.Column('system_product', sa.String(length=255), nullable=True))
    op.add_column('nodes', sa.Column('system_serial', sa.String(length=255), nullable=True))
