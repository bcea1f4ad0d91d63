"""``ingot pci-flavor``: PCI flavors, what of them can be had, and those of OpenStack Nova, over the API."""

import argparse
import json
import pathlib
import sys

import yaml

from ingot import errors
from ingot.cli import client, nova
from ingot.cli.node import show_rows
from ingot.scheduler import match

COLUMNS = ('uuid', 'name', 'description', 'match', 'public', 'owner')
_NODE = ('name', 'node', 'matching', 'available', 'by_state')


def arguments(parser):
    add = client.actions(parser, 'pci-flavor', 'flavor')

    add('list', 'all flavors', list_flavors, is_single=False)
    add('show', 'everything about one flavor', show)
    create_arguments(add('create', 'make a flavor', create, is_single=False)).add_argument('name')
    create_arguments(add('set', 'change a flavor; claims stand as they are', change), is_new=False)
    add('delete', 'forget a flavor that nobody has devices by', delete)
    match_argument(add('preview', 'count what a match means, by node', preview, is_single=False), is_needed=True)
    add('capacity', 'how many devices can be had by it', capacity)
    import_arguments(add('import', "read device_spec and alias of Nova's [pci]", import_nova, is_single=False))


def create_arguments(parser, *, is_new=True):
    match_argument(parser, is_needed=is_new)
    parser.add_argument('--description')
    parser.add_argument('--owner', help='a project')
    parser.add_argument('--public', choices=['true', 'false'], help='whether everybody may ask for it (default: true)')
    return parser


def match_argument(parser, *, is_needed):
    parser.add_argument('--match', action='extend', required=is_needed, type=_match, metavar='JSON|KEY=VALUE,...',
                        help='all of these; when it is repeated: any of them')


def import_arguments(parser):
    parser.add_argument('file', type=pathlib.Path, help='nova.conf, or a part of it')
    parser.add_argument('--dry-run', action='store_true', help='only show what would be written and made')
    parser.add_argument('--write', type=pathlib.Path, metavar='FILE', help='a new file for the list of what hosts offer; for '
                        '[pci] information of the conductors')
    parser.add_argument('--skip-refused', action='store_true', help='do the rest when something has no translation')


def _match(word):
    """A list of objects from JSON, or from KEY=VALUE,KEY=VALUE (a value with * is a glob)."""
    if not word.lstrip().startswith(('{', '[')):
        try:
            return [{key: _value(key, value) for key, _, value in (part.partition('=') for part in word.split(','))}]
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    try:
        found = json.loads(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{word[:80]}" is no JSON') from None
    return found if isinstance(found, list) else [found]


def _value(key, word):
    """The value of an attribute as its kind demands: 1000 is text where ids are written, and a number where lanes are."""
    if not key or not word:
        raise ValueError('expected KEY=VALUE,KEY=VALUE, or JSON')
    if match.ATTRIBUTES.get(key) == 'number':
        return json.loads(word)
    return {'glob': word} if '*' in word else word


def run(options):
    return client.reporting(lambda: options.action(client.connect(options.url), options))


def _show(rows, options):
    if options.output == 'table':
        rows = [{name: json.dumps(row[name]) if name == 'match' else row[name] for name in COLUMNS} for row in rows]
    show_rows(rows, COLUMNS, options.output)


def _warn(found):
    if found.get('warning'):
        print(f'ingot: {found["warning"]}', file=sys.stderr)


def _path(options):
    return f'/pci_flavors/{options.flavor}'


def list_flavors(baremetal, options):
    _show(list(client.pages(baremetal, '/pci_flavors', 'pci_flavors', {})), options)


def show(baremetal, options):
    _show([client.ask(baremetal.get, _path(options)).json()], options)


def _given(options):
    """What the command line says of a flavor, as its document."""
    found = {name: getattr(options, name) for name in ('description', 'owner') if getattr(options, name) is not None}
    if options.public:
        found['public'] = options.public == 'true'
    return found | ({'match': options.match} if options.match else {})


def create(baremetal, options):
    made = client.ask(baremetal.post, '/pci_flavors', json={'name': options.name, **_given(options)}).json()
    _show([made], options)
    _warn(made)


def change(baremetal, options):
    operations = [{'op': 'add', 'path': f'/{name}', 'value': value} for name, value in _given(options).items()]
    changed = client.ask(baremetal.patch, _path(options), json=operations).json()
    _show([changed], options)
    _warn(changed)


def delete(baremetal, options):
    client.ask(baremetal.delete, _path(options))


def preview(baremetal, options):
    found = client.ask(baremetal.post, '/pci_flavors/preview', json={'match': options.match}).json()
    if options.output == 'json':
        print(json.dumps(found, indent=2))
        return
    show_rows(found['nodes'], _NODE, 'table')
    print(f'{found["matching"]} devices of {found["nodes_in_all"]} nodes, {found["available"]} can be had now.')
    _warn(found)


def capacity(baremetal, options):
    print(json.dumps(client.ask(baremetal.get, f'{_path(options)}/capacity').json(), indent=2))


def import_nova(baremetal, options):
    """Show the list and the flavors; unless it is a dry run, write the one to a new file, and make the others."""
    found = nova.translate(nova.read(options.file))
    document = yaml.safe_dump({'default': found.entries}, sort_keys=False)
    print(f'# What hosts offer: for the file of [pci] information.\n{document}\n# PCI flavors:\n'
          f'{yaml.safe_dump(found.flavors, sort_keys=False)}')
    for words in (*(f'note: {note}' for note in found.notes), *(f'not translated: {reason}' for reason in found.refused)):
        print(f'ingot: {words}', file=sys.stderr)
    if options.dry_run or (found.refused and not options.skip_refused):
        return 1 if found.refused else 0
    if options.write:
        _write(options.write, document)
    for flavor in found.flavors:
        made = client.ask(baremetal.post, '/pci_flavors', json=flavor).json()
        print(f'ingot: made PCI flavor {made["name"]} ({made["uuid"]})', file=sys.stderr)
        _warn(made)
    return 1 if found.refused else 0


def _write(path, document):
    try:
        with path.open('x', encoding='utf-8') as file:
            file.write(document)
    except OSError as error:
        raise errors.Invalid(f'{path}: {error.strerror}.', remedy='Name a file that is not there yet.') from None
