"""Microversions: which minor brought which field, filter, verb and endpoint, and how a client asks for one.

Everything that depends on the version is a table here; what is in no table has been there since 1.1.
"""

import re

from ingot import errors

LEAST, MOST = 1, 115
HEADER = 'X-OpenStack-Ironic-API-Version'
_WANTED = re.compile(r'([0-9]{1,4})\.([0-9]{1,4})', re.ASCII)


def _table(text):
    """{word: minor} from lines of 'minor word word'."""
    return {word: int(minor) for minor, *words in (line.split() for line in text.strip().splitlines()) for word in words}


#: {noun: {field: minor}}
FIELDS = {
    'node': _table('''
        3 driver_internal_info
        5 name
        6 inspection_started_at inspection_finished_at
        7 clean_step
        12 raid_config target_raid_config
        14 states
        20 network_interface
        21 resource_class
        24 portgroups
        31 boot_interface console_interface deploy_interface inspect_interface management_interface power_interface
        31 raid_interface vendor_interface
        32 volume
        33 storage_interface
        37 traits
        38 rescue_interface
        40 bios_interface
        42 fault
        44 deploy_step
        46 conductor_group
        47 automated_clean
        48 protected protected_reason
        49 conductor
        50 owner
        51 description
        52 allocation_uuid
        61 retired retired_reason
        65 lessee
        66 network_data
        75 boot_mode secure_boot
        82 shard
        83 parent_node
        86 firmware_interface
        87 service_step
        95 disable_power_off
        104 instance_name
        109 health'''),
    'port': _table('''
        18 internal_info
        19 local_link_connection pxe_enabled
        24 portgroup_uuid
        34 physical_network
        53 is_smartnic
        88 name
        94 node_ident
        97 description
        100 vendor
        101 category
        111 available_for_dynamic_portgroup'''),
    'portgroup': _table('''
        26 mode properties
        102 physical_network
        103 category
        111 dynamic_portgroup'''),
    'chassis': {},
    'conductor': {},
    'driver': _table('''
        14 properties
        30 type
        30 default_boot_interface enabled_boot_interfaces
        30 default_console_interface enabled_console_interfaces
        30 default_deploy_interface enabled_deploy_interfaces
        30 default_inspect_interface enabled_inspect_interfaces
        30 default_management_interface enabled_management_interfaces
        30 default_network_interface enabled_network_interfaces
        30 default_power_interface enabled_power_interfaces
        30 default_raid_interface enabled_raid_interfaces
        30 default_vendor_interface enabled_vendor_interfaces
        33 default_storage_interface enabled_storage_interfaces
        38 default_rescue_interface enabled_rescue_interfaces
        40 default_bios_interface enabled_bios_interfaces
        86 default_firmware_interface enabled_firmware_interfaces'''),
    'connector': {},
    'target': {},
    'allocation': _table('''
        58 node
        60 owner'''),
    'template': {},
    'runbook': _table('''
        112 description traits'''),
    'rule': {},
    'device': {},
    'flavor': {},
    'placement_group': {},
    'bios': _table('''
        74 attribute_type allowable_values lower_bound upper_bound min_length max_length read_only reset_required unique'''),
    'firmware': _table('''
        114 vendor model serial_number'''),
    'history': _table('''
        113 project
        115 state target_provision_state duration_seconds'''),
    'states': _table('''
        12 raid_config target_raid_config
        75 boot_mode secure_boot'''),
}

#: {noun: {query argument: minor}}
FILTERS = {
    'node': _table('''
        8 fields
        9 provision_state
        16 driver
        21 resource_class
        42 fault
        43 detail
        46 conductor_group
        49 conductor
        50 owner
        51 description_contains
        61 retired
        65 lessee project
        82 shard sharded
        83 include_children parent_node
        104 instance_name'''),
    'port': _table('''
        8 fields
        24 portgroup
        43 detail
        82 shard
        97 description_contains
        99 conductor_groups'''),
    'chassis': _table('''
        8 fields
        43 detail'''),
    'driver': _table('''
        30 type detail
        77 fields'''),
    'conductor': {},
    'portgroup': _table('''
        43 detail
        99 conductor_groups
        106 shard'''),
    'connector': {},
    'target': {},
    'allocation': _table('''
        60 owner'''),
    'template': {},
    'runbook': {},
    'rule': {},
    'device': {},
    'flavor': {},
    'placement_group': {},
    'bios': _table('''
        74 fields detail'''),
    'history': {},
}

#: {noun: {field: minor}} where taking a field away came later than the field
REMOVALS = {'node': {'chassis_uuid': 25}}

#: {target of states/provision: minor}
VERBS = _table('''
    4 manage provide
    6 inspect
    13 abort
    15 clean
    17 adopt
    38 rescue unrescue
    73 deploy undeploy
    85 unhold
    87 service''')

#: {(state, verb): minor} where a verb came to a state later than it came at all
VERBS_FROM = {('inspect wait', 'abort'): 41, ('wait call-back', 'abort'): 110}

#: {member of states/provision, states/power: minor}
ARGUMENTS = _table('''
    15 clean_steps
    27 timeout
    38 rescue_password
    69 deploy_steps
    70 disable_ramdisk
    87 service_steps
    92 runbook''')

#: {target of states/power: minor}
POWER = {'soft power off': 27, 'soft rebooting': 27}

#: {member of a port's local_link_connection: minor}, and those that came and went: {member: last minor}
LOCAL_LINK = _table('''
    64 network_type
    90 vtep-logical-switch vtep-physical-switch''')
LOCAL_LINK_UNTIL = {'vtep-logical-switch': 104, 'vtep-physical-switch': 104}

#: {endpoint: minor}; the GET document lists collections by it
ENDPOINTS = _table('''
    12 raid logical_disk_properties
    22 lookup heartbeat
    23 portgroups
    24 portgroup_ports node_portgroups
    28 vifs
    29 inject_nmi
    32 volume
    37 traits
    40 bios
    49 conductors
    52 allocations
    54 events
    55 deploy_templates
    57 allocation_patch
    63 indicators
    76 boot_mode secure_boot
    78 history
    81 inventory
    82 shards
    83 children
    84 continue_inspection
    86 firmware
    89 vmedia
    93 vmedia_list
    92 runbooks
    96 inspection_rules
    112 runbook_traits''')

#: {argument of heartbeat: minor}; older ones are refused with 400
HEARTBEAT = {'agent_version': 36, 'agent_verify_ca': 68, 'agent_status': 72, 'agent_status_message': 72}

#: lookup hands out a token from here on
AGENT_TOKEN = 62

#: continue_inspection is there for the very oldest too: early ramdisks ask for no version
CONTINUE_INSPECTION = frozenset({LEAST, *range(84, MOST + 1)})

#: Endpoints that answer 405, not 404, to writes from before their time.
READ_ONLY_BEFORE = frozenset({'allocations', 'deploy_templates', 'runbooks', 'inspection_rules'})

#: State names that older clients do not know: {state: (minor that brought it, what is shown below)}
STATES = {'available': (2, None), 'inspect wait': (39, 'inspecting')}


def negotiate(environ):
    """The minor that the request asks for (1 when it does not say); NotAcceptable names the range."""
    wanted = environ.get('HTTP_X_OPENSTACK_IRONIC_API_VERSION') or _generic(environ.get('HTTP_OPENSTACK_API_VERSION', ''))
    if not wanted:
        return LEAST
    if wanted.strip().lower() == 'latest':
        return MOST
    match = _WANTED.fullmatch(wanted.strip())
    if not match or match[1] != '1' or not LEAST <= int(match[2]) <= MOST:
        raise errors.NotAcceptable(f'API version "{wanted[:40]}" is not served; versions 1.{LEAST} to 1.{MOST} are.')
    return int(match[2])


def _generic(header):
    for part in header.split(','):
        service, _, version = part.strip().partition(' ')
        if service == 'baremetal':
            return version
    return None


def headers(minor):
    """The version headers of an answer; ``minor`` None when no version could be agreed on."""
    found = [(f'{HEADER[:-8]}-Minimum-Version', f'1.{LEAST}'), (f'{HEADER[:-8]}-Maximum-Version', f'1.{MOST}')]
    return found if minor is None else [(HEADER, f'1.{minor}'), *found]


def require(what, table, names, minor, *, kind=errors.NotAcceptable):
    """An error of ``kind`` unless all ``names`` are as old as ``minor``."""
    newer = [name for name in names if table.get(name, LEAST) > minor]
    if newer:
        since = max(table[name] for name in newer)
        raise kind(f'{what} {", ".join(newer)} needs API version 1.{since}; the request asks for 1.{minor}.',
                   remedy=f'Send the header "{HEADER}: 1.{since}".')


def require_method(method, since, minor):
    """MethodNotAllowed where a method came to a resource later than the resource itself."""
    if since > minor:
        error = errors.MethodNotAllowed(f'{method} is possible here since API version 1.{since}.',
                                        remedy=f'Send the header "{HEADER}: 1.{since}".')
        error.allow = ['GET', 'DELETE']
        raise error


def require_link(members, minor):
    """NotAcceptable unless all members of a port's local_link_connection are known to this version."""
    require('Member of local_link_connection', LOCAL_LINK, members, minor)
    gone = [name for name in members if LOCAL_LINK_UNTIL.get(name, MOST) < minor]
    if gone:
        raise errors.NotAcceptable(f'{", ".join(gone)} of local_link_connection went after API version '
                                   f'1.{LOCAL_LINK_UNTIL[gone[0]]}; the request asks for 1.{minor}.')


def state(name, minor):
    """A provision state as a client of this version knows it."""
    since, older = STATES.get(name, (LEAST, None))
    return name if minor >= since else older
