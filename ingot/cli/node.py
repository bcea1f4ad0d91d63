"""``ingot node``: what an operator does with nodes, over the API."""

import json
import pathlib
import sys

from ingot import errors
from ingot.cli import client, progress, wait

POWER = {'on': 'power on', 'off': 'power off', 'reboot': 'rebooting', 'soft-off': 'soft power off',
         'soft-reboot': 'soft rebooting'}
#: Command -> (verb of states/provision, the state in which it ends well, what it does).
VERBS = {
    'manage': ('manage', 'manageable', 'check the credentials and take the node into care'),
    'provide': ('provide', 'available', 'clean the node and offer it'),
    'inspect': ('inspect', 'manageable', "boot the ramdisk and record the machine's hardware"),
    'undeploy': ('deleted', 'available', 'remove the instance, clean, offer again'),
}
COLUMNS = ('uuid', 'name', 'power_state', 'provision_state', 'maintenance')


def arguments(parser):
    add = client.actions(parser, 'node', 'node')

    add('list', 'all nodes', list_nodes, is_single=False)
    add('show', 'everything about one node', show)
    add('delete', 'forget a node', delete)
    add('validate', 'say what is missing in the settings of a node', validate)
    create_parser(add('create', 'enrol a machine', create, is_single=False))
    backfill_parser(add('backfill', 'give nodes the resource class and traits that they lack', backfill, is_single=False))
    add('abort', 'stop what is under way', abort)
    power = add('power', 'switch a machine on or off, or ask', set_power)
    power.add_argument('target', choices=['status', *POWER])
    for name, (_, _, text) in VERBS.items():
        wait_arguments(add(name, text, run_verb))
    for name, text in (('deploy', 'write an image and boot it'), ('rebuild', 'the same image, or another, once more')):
        deploy_arguments(wait_arguments(add(name, text, deploy)))


def wait_arguments(parser):
    parser.add_argument('--wait', nargs='?', type=float, const=3600, metavar='SECONDS',
                        help='wait until it is done, show progress; at most so many seconds (3600)')
    return parser


def create_parser(parser):
    parser.add_argument('--driver', required=True)
    parser.add_argument('--name')
    parser.add_argument('--resource-class')
    parser.add_argument('-d', '--driver-info', action='append', default=[], metavar='KEY=VALUE')
    parser.add_argument('-p', '--property', action='append', default=[], metavar='KEY=VALUE')
    parser.add_argument('-e', '--extra', action='append', default=[], metavar='KEY=VALUE', help='such as rack=r1')
    parser.add_argument('--mac', action='append', default=[], help='a network card that boots; may be repeated')


def backfill_parser(parser):
    parser.add_argument('file', type=pathlib.Path, help='the rules: a JSON list, see docs/placement.md')
    parser.add_argument('--dry-run', action='store_true', help='only say what would change')
    parser.add_argument('--overwrite', action='store_true', help='also what nodes have already')


def deploy_arguments(parser):
    parser.add_argument('--image', help='file:// or http(s):// URL')
    parser.add_argument('--checksum', help='SHA-256 or SHA-512 of the image file')
    parser.add_argument('--hostname', help='name of the system (default: name of the node)')
    parser.add_argument('--user-data', type=pathlib.Path, metavar='FILE', help='for cloud-init')
    parser.add_argument('--ssh-key', type=pathlib.Path, action='append', default=[], metavar='FILE', help='public key')


def run(options):
    return client.reporting(lambda: options.action(client.connect(options.url), options))


def show_rows(rows, columns, output):
    """Print dicts as a table, or as JSON."""
    if output == 'json':
        print(json.dumps(rows, indent=2))
        return
    cells = [columns, *([str('' if row[name] is None else row[name]) for name in columns] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
    for row in cells:
        print('  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def plain(node):
    """A node of the SDK as a dict in the API's own words."""
    body = node.to_dict(original_names=True, computed=False)
    return {'uuid': node.id, **{name: value for name, value in body.items() if name not in ('id', 'links')}}


def show_node(node, output):
    if output == 'json':
        print(json.dumps(plain(node), indent=2))
    else:
        for name, value in sorted(plain(node).items()):
            print(f'{name:<26} {value if not isinstance(value, dict | list) else json.dumps(value)}')


def list_nodes(baremetal, options):
    rows = [{**dict.fromkeys(COLUMNS), **plain(node)} for node in baremetal.nodes(fields=list(COLUMNS))]
    show_rows([{name: row[name] for name in COLUMNS} for row in rows], COLUMNS, options.output)


def show(baremetal, options):
    show_node(baremetal.get_node(options.node), options.output)


def delete(baremetal, options):
    baremetal.delete_node(options.node, ignore_missing=False)


def validate(baremetal, options):
    results = baremetal.validate_node(options.node, required=None)
    rows = [{'interface': name, 'result': result.result, 'reason': result.reason} for name, result in results.items()]
    show_rows(rows, ('interface', 'result', 'reason'), options.output)
    return 1 if any(row['result'] is False for row in rows) else 0


def pairs(words):
    """KEY=VALUE words as a dict; a value that is JSON is read as JSON."""
    found = {}
    for word in words:
        key, separator, value = word.partition('=')
        if not separator:
            raise errors.Invalid(f'"{word}": expected KEY=VALUE.')
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def create(baremetal, options):
    given = {'name': options.name, 'resource_class': options.resource_class, 'driver': options.driver,
             'driver_info': pairs(options.driver_info), 'properties': pairs(options.property),
             'extra': pairs(options.extra)}
    node = baremetal.create_node(**{name: value for name, value in given.items() if value is not None})
    try:
        for mac in options.mac:
            baremetal.create_port(node_uuid=node.id, address=mac)
    except Exception:
        baremetal.delete_node(node)              # all or nothing: the corrected command may be given again
        raise
    show_node(node, options.output)


def set_power(baremetal, options):
    if options.target == 'status':
        state = baremetal.get_node(options.node, fields=['uuid', 'power_state']).power_state
        print(json.dumps({'power_state': state}) if options.output == 'json' else state or 'unknown')
    else:
        baremetal.set_node_power_state(options.node, POWER[options.target])


def backfill(baremetal, options):
    try:
        rules = json.loads(read(options.file))
    except ValueError as error:
        raise errors.Invalid(f'{options.file} is no JSON: {error}.') from None
    found = client.ask(baremetal.post, '/nodes/backfill', json={
        'rules': rules, 'dry_run': options.dry_run, 'overwrite': options.overwrite}).json()
    if options.output == 'json':
        print(json.dumps(found, indent=2))
        return
    show_rows([{**node, 'set': json.dumps(node['set']) if node['set'] else None} for node in found['nodes']],
              ('uuid', 'name', 'rule', 'set', 'why'), options.output)
    print(f'{found["changed"]} {"would be changed" if found["dry_run"] else "changed"}, {found["unchanged"]} not')


def abort(baremetal, options):
    client.abort(baremetal, options.node)


def run_verb(baremetal, options):
    verb, goal, _ = VERBS[options.what]
    node = baremetal.get_node(options.node)
    return follow(baremetal, options, node, goal, lambda: baremetal.set_node_provision_state(node, verb))


def deploy(baremetal, options):
    node = baremetal.get_node(options.node)
    drive = config_drive(node, options)
    if options.image:
        patch = [{'op': 'add', 'path': '/instance_info/image_source', 'value': options.image}]
        if options.checksum:
            patch += [{'op': 'add', 'path': '/instance_info/image_os_hash_value', 'value': options.checksum},
                      {'op': 'add', 'path': '/instance_info/image_os_hash_algo',
                       'value': 'sha512' if len(options.checksum) == 128 else 'sha256'}]
        node = baremetal.patch_node(node, patch)
    verb = 'rebuild' if options.what == 'rebuild' else 'active'
    return follow(baremetal, options, node, 'active',
                  lambda: baremetal.set_node_provision_state(node, verb, config_drive=drive))


def config_drive(node, options):
    """What cloud-init will read: the host name, keys and user data asked for."""
    drive = {'meta_data': {'uuid': node.id, 'hostname': options.hostname or node.name or node.id}}
    if options.ssh_key:
        keys = [read(path).strip() for path in options.ssh_key]
        drive['meta_data']['public_keys'] = {str(number): key for number, key in enumerate(keys)}
    if options.user_data:
        drive['user_data'] = read(options.user_data)
    return drive


def read(path):
    """The text of a file that the command line names; Invalid when there is none to be had."""
    try:
        return path.read_text(encoding='utf-8')
    except OSError as error:
        raise errors.Invalid(f'{path}: {error.strerror}.') from None
    except UnicodeDecodeError:
        raise errors.Invalid(f'{path} is not text (UTF-8).') from None


def follow(baremetal, options, node, goal, start):
    """Start something on ``node``; with --wait show progress until it ends. Exit status 1 when it failed.

    With -o json the node as it is then goes to standard output, and the progress to standard error.
    """
    is_json = options.output == 'json'
    feed = client.Feed(baremetal) if options.wait is not None else None
    display = progress.Display({node.id: node.name or node.id}, stream=sys.stderr if is_json else sys.stdout)
    start()
    failed = wait.until(baremetal, feed, display, {node.id: goal}, timeout=options.wait) if feed else {}
    if is_json:
        show_node(baremetal.get_node(node.id), 'json')
    for reason in failed.values():
        print(f'ingot: node {node.name or node.id}: {reason}', file=sys.stderr)
    return 1 if failed else 0
