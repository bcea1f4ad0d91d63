"""Every option of Ingot, grouped, with its unit and its reason; ``load`` makes one object that is passed along.

There is no global configuration: whoever needs an option is handed the object.
"""

import ipaddress
import json
import os

from oslo_config import cfg

from ingot import errors


def subnet(text):
    """(ip_network, name) of "10.1.0.0/16:storage"; ValueError."""
    addresses, _, name = text.strip().rpartition(':')
    if not name or not addresses:
        raise ValueError(f'"{text}" is not of the form 10.1.0.0/16:storage')
    return ipaddress.ip_network(addresses), name


def device_alias(text):
    """((vendor, product), name) of {"vendor_id": "10de", "product_id": "20f1", "name": "big_gpu"}; ValueError."""
    alias = json.loads(text)
    if not isinstance(alias, dict) or alias.keys() != {'vendor_id', 'product_id', 'name'}:
        raise ValueError(f'{text} has not the members vendor_id, product_id and name, and only these')
    if not all(isinstance(value, str) and value and not set(value) & set(':,') for value in alias.values()):
        raise ValueError(f'{text}: its values are texts without ":" and ","')
    return (alias['vendor_id'].lower(), alias['product_id'].lower()), alias['name']


DEFAULT = [
    cfg.StrOpt('host', default=os.uname().nodename, sample_default='conductor-1',
               help='Name of this conductor in the cluster; must be unique.'),
    cfg.StrOpt('state_dir', default='/var/lib/ingot',
               help='Folder for everything Ingot writes: database (embedded), image cache, boot files, sockets.'),
    cfg.StrOpt('concurrency', default='threads', choices=['threads', 'eventlet'],
               help='How a conductor runs many things at once. eventlet only with PyMySQL or psycopg2.'),
    cfg.IntOpt('workers', default=64, min=1, help='Flows and hardware calls that one conductor runs at once.'),
]
API = [
    cfg.StrOpt('host', default='127.0.0.1', help='Address the API listens on.'),
    cfg.PortOpt('port', default=6385, help='Port of the API.'),
    cfg.BoolOpt('allow_unauthenticated_network', default=False,
                help='Without authentication the API refuses any address but loopback, unless this is true.'),
    cfg.StrOpt('public_endpoint', help='Base of links in answers, if it differs from the Host header (proxies).'),
    cfg.IntOpt('max_limit', default=1000, min=1, help='Most rows in one answer, and the default of ?limit=.'),
    cfg.IntOpt('threads', default=16, min=1, help='Requests that one API process serves at once.'),
]
DATABASE = [
    cfg.StrOpt('connection', secret=True,
               help='SQLAlchemy URL; default: SQLite in state_dir. Also mysql+pymysql://, postgresql+psycopg://.'),
]
RPC = [
    cfg.StrOpt('transport_url', secret=True, help='rabbit://user:password@host:5672/ for "ingot api" and "ingot conductor".'),
    cfg.FloatOpt('timeout', default=60, min=0.5, help='Seconds that a call to a conductor may take in all.'),
]
CONDUCTOR = [
    cfg.ListOpt('enabled_drivers', default=['ipmi', 'fake-hardware', 'manual-management'],
                help='Hardware types this conductor serves (entry points in the namespace ingot.drivers).'),
    cfg.StrOpt('group', default='', help='It works on the nodes with this conductor_group: those of its site, say.'),
    cfg.FloatOpt('lease_seconds', default=4, min=0.5,
                 help='A conductor that renewed nothing for so long is dead: others take over its nodes. Longer where hosts '
                      'or the database stall now and then.'),
    cfg.FloatOpt('heartbeat_seconds', default=1, min=0.1, help='How often leases and membership are renewed.'),
    cfg.FloatOpt('power_sync_seconds', default=120, min=0, help='How often power states are read; 0: never.'),
    cfg.FloatOpt('power_timeout', default=60, min=1, help='Seconds for a machine to reach a power state.'),
    cfg.FloatOpt('soft_power_timeout', default=600, min=1, help='Seconds for an OS to shut down by itself.'),
    cfg.FloatOpt('deploy_timeout', default=1800, min=1, help='Seconds from start of the ramdisk to its report.'),
    cfg.FloatOpt('clean_timeout', default=1800, min=1, help='As deploy_timeout, for cleaning.'),
    cfg.FloatOpt('inspect_timeout', default=1800, min=1, help='As deploy_timeout, for inspection.'),
    cfg.FloatOpt('silence_timeout', default=600, min=1,
                 help='Seconds without any word from a started machine until it is given up.'),
    cfg.IntOpt('boot_retries', default=1, min=0, max=10,
               help='How often a machine that did not call home within silence_timeout is started once more before it is given '
                    'up: netboots fail now and then.'),
    cfg.FloatOpt('step_timeout', default=900, min=1, help='Seconds for a step that a conductor carries out itself.'),
    cfg.FloatOpt('history_days', default=90, min=0,
                 help='Days for which ended operations, the events of the feed and the history of nodes are kept (how long is a '
                      'matter of audits, and of disk space); 0: for ever.'),
    cfg.BoolOpt('automated_clean', default=True, help='Clean nodes on their way to available.'),
]
AGENT = [
    cfg.StrOpt('host', default='127.0.0.1', help='Address on the provisioning network where machines call home.'),
    cfg.PortOpt('port', default=6386, help='Port where machines call home.'),
    cfg.StrOpt('url', help='What machines are told instead of http://host:port (NAT, proxies).'),
    cfg.StrOpt('kernel_append', default='', help='More words for the kernel line of the ramdisk (console=...).'),
]
BOOT = [
    cfg.StrOpt('host', default='127.0.0.1', help='Address the boot file server listens on.'),
    cfg.PortOpt('port', default=6387, help='Port of the boot file server.'),
    cfg.StrOpt('url', help='What machines are told instead of http://host:port.'),
    cfg.StrOpt('server', default='embedded', choices=['embedded', 'nginx'],
               help="Who serves boot files: the conductor itself, or a site's nginx with the generated configuration."),
    cfg.StrOpt('kernel', help='Kernel of the ramdisk; default: state_dir/ramdisk/kernel.'),
    cfg.StrOpt('ramdisk', help='Initramfs; default: state_dir/ramdisk/initrd.'),
]
DHCP = [
    cfg.StrOpt('provider', default='none', choices=['none', 'dnsmasq'],
               help="none: the operator's own DHCP chains to boot.ipxe. dnsmasq: Ingot runs one."),
    cfg.StrOpt('interface', help='Interface (bridge) on which dnsmasq serves.'),
    cfg.StrOpt('range', help='First and last address to lend, separated by a comma.'),
    cfg.StrOpt('lease_time', default='10m', help='How long addresses are lent.'),
]
ISCSI = [
    cfg.StrOpt('host', default='127.0.0.1', help='Address tgtd listens on.'),
    cfg.PortOpt('port', default=3260, help='Port of tgtd.'),
    cfg.StrOpt('portal', help='host:port that machines are told instead of host and port.'),
]
IMAGES = [
    cfg.ListOpt('allowed_paths', default=['/var/lib/ingot/images', '/srv/images'],
                help='Folders that file:// images may come from; links are resolved first.'),
    cfg.IntOpt('cache_mib', default=51200, min=1, help='Size bound of the image cache, MiB; images in use stay.'),
    cfg.IntOpt('max_image_mib', default=204800, min=1, help='Largest virtual size that is accepted, MiB.'),
    cfg.FloatOpt('convert_timeout', default=1800, min=1, help='Seconds for one conversion to raw.'),
    cfg.FloatOpt('download_timeout', default=3600, min=1, help='Seconds for one download.'),
]
IPMI = [
    cfg.FloatOpt('command_timeout', default=10, min=0.1, help='Seconds for one BMC command, login included.'),
    cfg.FloatOpt('poll_seconds', default=0.5, min=0.05, help='How often a power change is looked at.'),
]
_HOOKS = ('ramdisk-error', 'validate-interfaces', 'ports', 'boot-mode', 'cpu-capabilities', 'accelerators', 'parse-lldp',
          'local-link-connection', 'root-device', 'physical-network', 'pci-devices', 'raid-device', 'extra-hardware')
PCI = [
    cfg.StrOpt('information',
               help='File (YAML or JSON) that says which PCI devices hosts offer, and their labels: only operators know what is '
                    'wired to what. Read again when it changes. Without it nothing is offered.'),
    cfg.ListOpt('flavor_attributes',
                default=['vendor_id', 'product_id', 'subsystem_vendor_id', 'subsystem_id', 'class_id', 'revision', 'driver',
                         'function', 'numa_node', 'max_vfs', 'link_speed', 'link_width', 'max_link_speed', 'max_link_width',
                         'labels'],
                help='What PCI flavors may name: attributes, names of labels, "labels" for every label. Fewer where those who '
                     'write flavors are not to see how machines are built.'),
]
INSPECTOR = [
    cfg.ListOpt('hooks', item_type=cfg.types.String(choices=_HOOKS), bounds=False,
                default=['ramdisk-error', 'parse-lldp', 'local-link-connection'],
                help=f'What is done with every inventory before the inspection rules, in this order: {", ".join(_HOOKS)}. What '
                     'clouds read from properties differs from site to site.'),
    cfg.ListOpt('physical_network_cidr_map', item_type=subnet, default=[],
                sample_default='10.1.0.0/16:storage,fd00:1::/64:public',
                help='For the hook physical-network: which one a card with such an address is in. Only a site knows.'),
    cfg.MultiOpt('pci_device_alias', item_type=device_alias,
                 sample_default='{"vendor_id": "10de", "product_id": "20f1", "name": "big_gpu"}',
                 help='For the hook pci-devices: what is counted, by which name. One option a name. (PCI flavors do better.)'),
    cfg.IntOpt('lldp_seconds', default=0, min=0, max=120,
               help='Seconds for which network cards listen for LLDP during an inspection; 0: not at all. Switches speak every '
                    '30 s as a rule, and inspections last so much longer.'),
]
PLACEMENT = [
    cfg.StrOpt('endpoint', help='URL of OpenStack Placement, which only a site can know; where neither this nor cloud is set, '
                                'nothing is told to anybody.'),
    cfg.StrOpt('token', secret=True, help='Token for endpoint: a secret of the site.'),
    cfg.StrOpt('cloud', help='Instead of endpoint and token: the entry of clouds.yaml by which Keystone and Placement '
                             'are found.'),
    cfg.FloatOpt('reconcile_seconds', default=600, min=1,
                 help='How often everything that Placement holds of our nodes is looked at: one list of all providers each time, '
                      'which is long in a large cloud.'),
]
GROUPS = {'DEFAULT': DEFAULT, 'api': API, 'database': DATABASE, 'rpc': RPC, 'conductor': CONDUCTOR, 'agent': AGENT, 'boot': BOOT,
          'dhcp': DHCP, 'iscsi': ISCSI, 'images': IMAGES, 'ipmi': IPMI, 'pci': PCI, 'inspector': INSPECTOR,
          'placement': PLACEMENT}


def load(files=(), **overrides):
    """Options from ``files`` (later ones win), then ``overrides`` such as ``api__port=0`` (group, two underscores, name)."""
    conf = cfg.ConfigOpts()
    for group, options in GROUPS.items():
        conf.register_opts(options, None if group == 'DEFAULT' else group)
    conf(args=[], project='ingot', default_config_files=[str(file) for file in files])
    for key, value in overrides.items():
        group, _, name = key.rpartition('__')
        try:
            conf.set_override(name, value, group or None)
        except (cfg.Error, ValueError) as error:
            raise errors.Invalid(f'Option [{group or "DEFAULT"}] {name} = {value}: {error}.') from None
    return conf


def list_opts():
    """For oslo-config-generator."""
    return [(group, options) for group, options in GROUPS.items()]


def database_url(conf):
    """The SQLAlchemy URL in force."""
    return conf.database.connection or f'sqlite:///{conf.state_dir}/ingot.sqlite'


def agent_url(conf):
    """Base URL (no slash at the end) at which machines call home."""
    return (conf.agent.url or f'http://{conf.agent.host}:{conf.agent.port}').rstrip('/')


def boot_url(conf):
    """Base URL (no slash at the end) of boot files."""
    return (conf.boot.url or f'http://{conf.boot.host}:{conf.boot.port}').rstrip('/')


def portal(conf):
    """(host, port) of the iSCSI portal as machines see it."""
    host, _, port = (conf.iscsi.portal or f'{conf.iscsi.host}:{conf.iscsi.port}').rpartition(':')
    return host, int(port)


def tells_placement(conf):
    """Whether OpenStack Placement is told about nodes."""
    return bool(conf.placement.endpoint or conf.placement.cloud)
