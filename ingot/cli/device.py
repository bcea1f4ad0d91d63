"""``ingot device``: what an operator does with PCI devices, over the API."""

import functools

from ingot.cli import client
from ingot.cli.node import pairs, show_rows
from ingot.scheduler import device

COLUMNS = ('node_uuid', 'address', 'vendor_id', 'product_id', 'function', 'state', 'offered', 'reserved_for', 'state_reason')
#: Command -> (the state that is wished for, what it does).
WISHES = {'enable': ('ready', 'let requests have devices that the host offers'),
          'disable': ('not_ready', 'let no request have them, as long as nobody has them'),
          'drain': ('draining', 'as disable; who has one keeps it, and it does not come back'),
          'repair': ('not_ready', 'say that failed ones are whole again'),
          'fail': ('failed', 'say that they are broken')}


def arguments(parser):
    add = client.actions(parser, 'device')
    listing = add('list', 'devices of one node, or of all', list_devices)
    listing.add_argument('node', nargs='?', help='uuid or name')
    listing.add_argument('--state', choices=device.STATES)
    listing.add_argument('--flavor', help='that this PCI flavor means (uuid or name)')
    single(add('show', 'everything about one device', show))
    for name, (_, text) in WISHES.items():
        sub = several(add(name, text, wish))
        sub.add_argument('--reason', help='why, for whoever asks later')
    label = several(add('label', 'give devices labels, or take them away', set_labels))
    label.add_argument('--add', action='append', default=[], metavar='KEY=VALUE', help='may be repeated')
    label.add_argument('--remove', action='append', default=[], metavar='KEY', help='may be repeated')


def single(parser):
    parser.add_argument('node', help='uuid or name')
    parser.add_argument('device', help='address (0000:3b:00.0) or uuid')


def several(parser):
    parser.add_argument('node', help='uuid or name')
    parser.add_argument('device', nargs='*', help='addresses (0000:3b:00.0) or uuids')
    parser.add_argument('--flavor', help='instead of addresses: all of the node that this PCI flavor means')
    return parser


def run(options):
    return client.reporting(lambda: options.action(client.connect(options.url), options))


def list_devices(baremetal, options):
    query = {name: value for name in ('state', 'flavor') if (value := getattr(options, name))}
    path = f'/nodes/{options.node}/pci_devices' if options.node else '/pci_devices'
    show_rows(list(client.pages(baremetal, path, 'pci_devices', {**query, 'detail': 'true'})), COLUMNS, options.output)


def show(baremetal, options):
    found = client.ask(baremetal.get, _path(options, options.device)).json()
    show_rows([found], tuple(name for name in found if name != 'links'), 'json')


def wish(baremetal, options):
    state, _ = WISHES[options.what]
    _change(baremetal, options, [{'op': 'replace', 'path': '/state', 'value': state}]
            + ([{'op': 'add', 'path': '/state_reason', 'value': options.reason}] if options.reason else []))


def set_labels(baremetal, options):
    _change(baremetal, options, [{'op': 'add', 'path': f'/labels/{_pointer(key)}', 'value': value}
                                 for key, value in pairs(options.add).items()]
            + [{'op': 'remove', 'path': f'/labels/{_pointer(key)}'} for key in options.remove])


def _change(baremetal, options, operations):
    """Patch each device, and show them as they are then."""
    patch = functools.partial(client.ask, baremetal.patch, json=operations)
    show_rows([patch(_path(options, one)).json() for one in _chosen(baremetal, options)], COLUMNS, options.output)


def _chosen(baremetal, options):
    if not options.flavor:
        return options.device
    query = {'flavor': options.flavor, 'fields': 'uuid'}
    return [one['uuid'] for one in client.pages(baremetal, f'/nodes/{options.node}/pci_devices', 'pci_devices', query)]


def _path(options, one):
    return f'/nodes/{options.node}/pci_devices/{one}'


def _pointer(word):
    return word.replace('~', '~0').replace('/', '~1')
