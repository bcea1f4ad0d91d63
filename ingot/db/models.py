"""The tables. Core only: no object a row.

What clients see in times is ISO 8601 text in UTC, exactly as it is shown; what machines compare (leases, deadlines) is
seconds since the epoch. JSON columns hold text and travel as text.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from ingot import ring

metadata = sa.MetaData(naming_convention={
    'ix': 'ix_%(table_name)s_%(column_0_name)s', 'uq': 'uq_%(table_name)s_%(column_0_name)s',
    'fk': 'fk_%(table_name)s_%(column_0_name)s', 'pk': 'pk_%(table_name)s'})
#: Compared byte by byte, as SQLite and PostgreSQL do: node "A" is not node "a".
_MYSQL = {'mysql_engine': 'InnoDB', 'mysql_charset': 'utf8mb4', 'mysql_collate': 'utf8mb4_bin'}
_Json = sa.Text().with_variant(mysql.LONGTEXT(), 'mysql', 'mariadb')
_LongText = sa.Text().with_variant(mysql.LONGTEXT(), 'mysql', 'mariadb')      # text that is not JSON
_Id = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_Time = sa.String(32)        # '2026-11-20T22:45:32+00:00'


def _table(name, *columns):
    return sa.Table(name, metadata, sa.Column('id', _Id, primary_key=True, autoincrement=True), *columns,
                    **_MYSQL, sqlite_autoincrement=True)


def _record():
    """Columns that every resource has."""
    return (sa.Column('uuid', sa.String(36), nullable=False, unique=True),
            sa.Column('generation', sa.Integer, nullable=False, default=1),
            sa.Column('created_at', _Time, nullable=False),
            sa.Column('updated_at', _Time))


def _json(name, empty='{}'):
    return sa.Column(name, _Json, nullable=False, default=empty)


def _flag(name, *, default=False):
    return sa.Column(name, sa.Boolean, nullable=default is None, default=default)


def _text(name, length=255, **kwargs):
    return sa.Column(name, sa.String(length), **kwargs)


chassis = _table('chassis', *_record(), _text('description'), _json('extra'))

nodes = _table(
    'nodes', *_record(),
    _text('name', unique=True), _text('driver', nullable=False, index=True), _text('description', 4096),
    sa.Column('chassis_id', _Id, sa.ForeignKey('chassis.id')),
    *map(_json, ('driver_info', 'driver_internal_info', 'properties', 'instance_info', 'extra', 'network_data')),
    _text('instance_uuid', 36, unique=True), _text('instance_name'), _text('resource_class', 80, index=True),
    _text('conductor_group', nullable=False, default=''), _text('shard'), _text('owner'),
    _text('lessee'), _text('parent_node', 36),
    _text('power_state', 15), _text('target_power_state', 15),
    _text('provision_state', 15, nullable=False, default='enroll', index=True), _text('target_provision_state', 15),
    sa.Column('provision_updated_at', _Time), sa.Column('last_error', sa.Text),
    _flag('maintenance'), sa.Column('maintenance_reason', sa.Text), _text('fault'),
    _flag('console_enabled'), sa.Column('inspection_started_at', _Time), sa.Column('inspection_finished_at', _Time),
    *map(_json, ('clean_step', 'deploy_step', 'service_step', 'raid_config', 'target_raid_config')),
    _json('traits', '[]'), _text('allocation_uuid', 36), _text('agent_token_hash', 64),
    *(_text(f'{kind}_interface', 64) for kind in (
        'bios', 'boot', 'console', 'deploy', 'firmware', 'inspect', 'management', 'network', 'power', 'raid', 'rescue',
        'storage', 'vendor')),
    _flag('automated_clean', default=None), _flag('protected'), sa.Column('protected_reason', sa.Text),
    _flag('retired'), sa.Column('retired_reason', sa.Text), _flag('disable_power_off'),
    _text('boot_mode', 16), _flag('secure_boot', default=None), _text('health', 16),
    # Which conductor it belongs to: ring.py.
    sa.Column('slot', sa.Integer, nullable=False, index=True,
              default=lambda context: ring.slot(context.get_current_parameters()['uuid'])),
    # The lock is a lease: it is held while lock_expires_at lies ahead, and only by the holder of the highest epoch.
    _text('lock_owner'), sa.Column('lock_epoch', sa.Integer, nullable=False, default=0),
    sa.Column('lock_expires_at', sa.Double, nullable=False, default=0), _text('lock_purpose'),
    sa.Column('locked_at', sa.Double),
    # The operation under way, if any: one at a time.
    _text('operation', 36),
    sa.Column('power_checked_at', sa.Double, nullable=False, default=0, index=True),
    sa.Column('power_failures', sa.Integer, nullable=False, default=0),
    # When its agent was heard last, an instance was put on it last, it was inspected last; what its firmware says of the machine.
    sa.Column('last_heartbeat_at', _Time), sa.Column('last_deployed_at', _Time), sa.Column('last_inspected_at', _Time),
    *map(_text, ('system_vendor', 'system_product', 'system_serial')),
)


def _index_what_is_there(table, *names):
    """Indexes without the rows in which a column is null, which it mostly is: each index has its price at every write."""
    for column in (table.c[name] for name in names):
        where = column.is_not(None)
        sa.Index(f'ix_{table.name}_{column.name}', column, sqlite_where=where, postgresql_where=where)


_index_what_is_there(nodes, 'chassis_id', 'shard', 'owner', 'lessee', 'parent_node', 'allocation_uuid', 'operation', 'lock_owner')


def _of_node(*, is_unique=False):
    return sa.Column('node_id', _Id, sa.ForeignKey('nodes.id', ondelete='CASCADE'), nullable=False, index=not is_unique,
                     unique=is_unique)


portgroups = _table(
    'portgroups', *_record(), _text('address', 18, unique=True), _text('name', unique=True), _of_node(),
    _text('mode', nullable=False, default='active-backup'), _text('physical_network', 64), _text('category', 80),
    *map(_json, ('extra', 'internal_info', 'properties')),
    _flag('standalone_ports_supported', default=True), _flag('dynamic_portgroup'))

ports = _table(
    'ports', *_record(), _text('address', 18, nullable=False, unique=True), _text('name', unique=True),
    _of_node(), _text('description'), _text('physical_network', 64), _text('vendor', 32), _text('category', 80),
    *map(_json, ('extra', 'internal_info', 'local_link_connection')),
    _flag('pxe_enabled', default=True), _flag('is_smartnic'), _flag('available_for_dynamic_portgroup', default=True),
    sa.Column('portgroup_id', _Id, sa.ForeignKey('portgroups.id', ondelete='SET NULL')))
_index_what_is_there(ports, 'portgroup_id')

node_inventory = _table(
    'node_inventory', _of_node(is_unique=True), sa.Column('created_at', _Time, nullable=False),
    _json('inventory'), _json('plugin_data'),
    _text('offer_digest', 64))                            # hex SHA-256 of the host's list by which its devices are offered

# Disks and network cards as the last inspection found them.
node_disks = _table(
    'node_disks', _of_node(), _text('name', nullable=False), *map(_text, ('serial', 'wwn', 'model', 'vendor', 'by_path')),
    sa.Column('size', sa.BigInteger, nullable=False, default=0), _flag('rotational', default=None), _text('role', 16),
    sa.UniqueConstraint('node_id', 'name'))

node_nics = _table(
    'node_nics', _of_node(), _text('name', nullable=False), _text('address', 18), _text('pci_address', 16), _text('driver', 64),
    _flag('has_carrier', default=None), sa.Column('speed', sa.Integer), _json('lldp'),     # speed: Mbit/s
    sa.UniqueConstraint('node_id', 'name'))

# PCI devices, one row each, also while they are away: what is told of them by the machine, what its host offers, whose they are.
devices = _table(
    'devices', *_record(), _of_node(), _text('address', 16, nullable=False),                # '0000:3b:00.0'
    *(_text(name, 4) for name in ('vendor_id', 'product_id', 'subsystem_vendor_id', 'subsystem_id')), _text('class_id', 6),
    _text('revision', 2), _text('driver', 64), _text('serial'), _text('function', 4),       # 'pf', 'vf' or null
    _text('parent', 16),                                  # address of the PF of a VF
    sa.Column('numa_node', sa.Integer), sa.Column('max_vfs', sa.Integer),
    sa.Column('link_speed', sa.Double), sa.Column('link_width', sa.Integer),                # GT/s and lanes, as negotiated
    sa.Column('max_link_speed', sa.Double), sa.Column('max_link_width', sa.Integer),
    _text('unit', 64),                                    # devices of a node with the same unit are given together
    _text('reserved_for', 32),                            # 'pxe', 'bmc', 'boot disk': the host's own, never offered
    _flag('offered'), _json('extra_info'), _json('labels'),       # of the host's list; of operators, who may narrow it
    _text('state', 16, nullable=False, default='not_ready'), _text('state_reason', 1024), sa.Column('removed_at', _Time),
    sa.Column('allocation_id', _Id, sa.ForeignKey('allocations.id', ondelete='SET NULL')),
    sa.Column('request', sa.Integer),                     # which of the allocation's requests for devices it serves
    sa.UniqueConstraint('node_id', 'address'))
_index_what_is_there(devices, 'allocation_id')
sa.Index('ix_devices_product', devices.c.vendor_id, devices.c.product_id)

pci_flavors = _table(
    'pci_flavors', *_record(), _text('name', nullable=False, unique=True), _text('description', 4096), _json('match', '[]'),
    _flag('public', default=True), _text('owner', index=True), _json('extra'))

volume_connectors = _table(
    'volume_connectors', *_record(), _of_node(), _text('type', 32, nullable=False), _text('connector_id', nullable=False),
    _json('extra'), sa.UniqueConstraint('type', 'connector_id'))

volume_targets = _table(
    'volume_targets', *_record(), _of_node(), _text('volume_type', 64, nullable=False),
    sa.Column('boot_index', sa.Integer, nullable=False), _text('volume_id', nullable=False),
    *map(_json, ('properties', 'extra')), sa.UniqueConstraint('node_id', 'boot_index'))

# As the BMC told them last.
bios_settings = _table(
    'bios_settings', _of_node(), _text('name', nullable=False), sa.Column('value', sa.Text),
    sa.Column('created_at', _Time, nullable=False), sa.Column('updated_at', _Time),
    _text('attribute_type'), sa.Column('allowable_values', _Json), sa.Column('lower_bound', sa.Integer),
    sa.Column('upper_bound', sa.Integer), sa.Column('min_length', sa.Integer), sa.Column('max_length', sa.Integer),
    *(sa.Column(name, sa.Boolean) for name in ('read_only', 'reset_required', 'is_unique')),
    sa.UniqueConstraint('node_id', 'name'))

firmware_components = _table(
    'firmware_components', _of_node(), _text('component', nullable=False), _text('initial_version', nullable=False),
    *(_text(name) for name in ('current_version', 'last_version_flashed', 'vendor', 'model', 'serial_number')),
    sa.Column('created_at', _Time, nullable=False), sa.Column('updated_at', _Time),
    sa.UniqueConstraint('node_id', 'component'))

allocations = _table(
    'allocations', *_record(), _text('name', unique=True), _text('resource_class', 80, index=True),
    sa.Column('node_id', _Id, sa.ForeignKey('nodes.id', ondelete='CASCADE'), unique=True),
    _text('state', 15, nullable=False, default='allocating', index=True), sa.Column('last_error', sa.Text),
    _text('owner', index=True), _json('traits', '[]'), _json('candidate_nodes', '[]'), _json('extra'),
    sa.Column('wanted', _Json),                           # what only newer clients ask for: devices, expressions, strategy ...
    sa.Column('why', _Json),                              # what stood in its way
    _text('gang', 36),                                    # uuid of the first of those that were asked for together
    _text('placement_group', 36),
    sa.Column('priority', sa.Integer, nullable=False, default=0), sa.Column('expires_at', sa.Double))
_index_what_is_there(allocations, 'gang', 'placement_group', 'expires_at')

# Allocations that are to be near to each other, or apart: by node, chassis, rack, switch or zone.
placement_groups = _table(
    'placement_groups', *_record(), _text('name', nullable=False, unique=True), _text('policy', 16, nullable=False),
    _text('scope', 16, nullable=False, default='node'), _flag('hard', default=True), _text('owner', index=True), _json('extra'))

# Typed statistics that others tell, of nodes or of what nodes share.
stats = _table(
    'stats', _text('provider', nullable=False, unique=True), sa.Column('generation', sa.Integer, nullable=False, default=1),
    sa.Column('created_at', _Time, nullable=False), sa.Column('updated_at', _Time), sa.Column('max_age', sa.Integer),
    _json('nodes', '[]'), _json('figures'))               # max_age: seconds for which they count

# Nodes whose schedulability changed, until OpenStack Placement has been told; what it was told last.
placement_outbox = _table(
    'placement_outbox', _text('node', 36, nullable=False, index=True), sa.Column('at', sa.Double, nullable=False))
placement_told = _table(
    'placement_told', _text('node', 36, nullable=False, unique=True), sa.Column('provider_generation', sa.Integer),
    sa.Column('said', _Json), sa.Column('told_at', sa.Double), sa.Column('failures', sa.Integer, nullable=False, default=0),
    sa.Column('error', sa.Text))

deploy_templates = _table(
    'deploy_templates', *_record(), _text('name', nullable=False, unique=True), _text('description'),
    _json('steps', '[]'), _json('extra'))

runbooks = _table(
    'runbooks', *_record(), _text('name', nullable=False, unique=True), _text('description', 4096), _json('steps', '[]'),
    _flag('disable_ramdisk'), _flag('public'), _text('owner', index=True), _json('traits', '[]'), _json('extra'))

inspection_rules = _table(
    'inspection_rules', *_record(), _text('description'), sa.Column('priority', sa.Integer, nullable=False, default=0),
    _flag('sensitive'), _text('phase', 16, nullable=False, default='main'), _json('conditions', '[]'), _json('actions', '[]'))

# What happened to a node, in words for operators; the feed (``events``) tells programs.
node_history = _table(
    'node_history', sa.Column('uuid', sa.String(36), nullable=False, unique=True), _of_node(),
    sa.Column('created_at', _Time, nullable=False), _text('severity', 10), sa.Column('event', sa.Text),
    _text('event_type', 64), _text('conductor'), _text('user'), _text('project'),
    _text('state', 15), _text('target_provision_state', 15), sa.Column('duration_seconds', sa.Integer))

# The first answer to a POST with an Idempotency-Key; ``status`` is null while it is being worked on.
idempotency_keys = _table(
    'idempotency_keys', _text('name', nullable=False, unique=True), _text('fingerprint', 64, nullable=False),
    sa.Column('status', sa.Integer), _json('headers', '[]'), sa.Column('body', _LongText),
    sa.Column('made_at', sa.Double, nullable=False))

conductors = _table(
    'conductors', _text('hostname', nullable=False, unique=True), _text('conductor_group', nullable=False, default=''),
    _json('drivers', '[]'),           # ["ipmi", ...]
    _json('interfaces'),              # {"ipmi": {"power": ["ipmitool"], ...}}, the default first
    _json('properties'),              # {"ipmi": {"ipmi_address": "what it is", ...}}
    sa.Column('online', sa.Boolean, nullable=False, default=True),
    sa.Column('alive_until', sa.Double, nullable=False), sa.Column('created_at', _Time, nullable=False),
    sa.Column('updated_at', _Time),
    _text('boot_url'))                # where it serves boot files, as machines see it

# One row a flow that was asked for: deploy, rebuild, delete, clean, verify, inspect. It outlives its conductor.
operations = _table(
    'operations', sa.Column('uuid', sa.String(36), nullable=False, unique=True),
    sa.Column('node_id', _Id, sa.ForeignKey('nodes.id', ondelete='CASCADE'), nullable=False, index=True),
    _text('flow', 16, nullable=False),
    _text('status', 16, nullable=False),                  # queued running waiting held done failed
    _text('step', 64), sa.Column('attempt', sa.Integer, nullable=False, default=0),
    sa.Column('epoch', sa.Integer, nullable=False, default=0),
    sa.Column('created_at', _Time, nullable=False), sa.Column('finished_at', _Time),
    sa.Column('deadline_at', sa.Double, nullable=False), sa.Column('heard_at', sa.Double),   # heard_at: last word of the machine
    sa.Column('error', sa.Text),
    _json('arguments'),                                   # of the verb, without the config drive
    sa.Column('configdrive', _LongText),                      # base64 of a gzipped ISO, or null
    # The machine's side of it.
    _text('token_hash', 64), _text('session_hash', 64),   # hex SHA-256; the token is spent when session_hash is set
    sa.Column('plan', _Json), sa.Column('report', _Json),
    sa.Column('agent_seq', sa.Integer, nullable=False, default=0),
    # What steps share.
    _text('image_path', 1024), _text('image_checksum', 80), _text('export_iqn'),
    _text('boot_host'),                                   # the conductor that has its boot record
    # Its place: since when it waits for one, since when it has one (in flight, as long as it is live); seconds since the epoch.
    sa.Column('queued_at', sa.Double), sa.Column('admitted_at', sa.Double),
    _text('lane', 16),                                    # the same for all that wait with the same group, owner and driver
    _text('state_before', 15))                            # of the node, when it was asked for
_index_what_is_there(operations, 'finished_at')
sa.Index('ix_operations_status', operations.c.status, operations.c.lane, operations.c.id)


def under_way():
    """The condition that joins an operation to its node, on which it is under way, so that operations are looked for first: who
    asks wants few of them, by their status, and servers that cannot know that would go through all nodes that have one."""
    return (nodes.c.id == operations.c.node_id) & (sa.func.coalesce(nodes.c.operation, '') == operations.c.uuid)


# How much may be in flight: in a conductor group, or (scope '') everywhere. Whoever admits raises ``turn`` of the latter.
queue_policies = _table(
    'queue_policies', _text('scope', nullable=False, unique=True), sa.Column('generation', sa.Integer, nullable=False, default=1),
    sa.Column('turn', _Id, nullable=False, default=0), sa.Column('updated_at', _Time),
    _text('mode', 16, nullable=False, default='parallel'), sa.Column('max_in_flight', sa.Integer),
    sa.Column('points', sa.Integer), _text('order', 16, nullable=False, default='fair'),
    sa.Column('pause_on_failure_ratio', sa.Double), sa.Column('failure_window', sa.Integer, nullable=False, default=10),
    sa.Column('paused_reason', sa.Text),
    sa.Column('counted_since', sa.Double, nullable=False, default=0),     # failures of what was admitted before do not count
    _json('served', '[]'))                                # owners, whose turn was longest ago first

# Every change, in order: what feeds read.
events = sa.Table(
    'events', metadata, sa.Column('seq', _Id, primary_key=True, autoincrement=True),
    sa.Column('at', _Time, nullable=False), sa.Column('node', sa.String(36), index=True),
    sa.Column('operation', sa.String(36)), sa.Column('kind', sa.String(32), nullable=False), _json('data'),
    **_MYSQL, sqlite_autoincrement=True)
