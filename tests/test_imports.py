"""Who may import whom: the table of docs/architecture.md, held against every import of every file."""

import ast
import pathlib

import pytest

HOUSE = pathlib.Path(__file__).parent.parent / 'ingot'
GROUND = {'errors', 'config', 'programs', 'states', 'concurrency', 'cpu', 'debian', 'initramfs', 'ring', 'fence', 'queue',
          'board'}
#: Room -> the rooms whose modules it may import (its own always).
MAY_IMPORT = {
    'errors': set(), 'config': {'errors'}, 'states': {'errors'}, 'queue': set(),
    'concurrency': {'errors', 'config'},
    'cpu': {'concurrency'},
    'programs': {'errors', 'config', 'concurrency', 'cpu'}, 'debian': {'errors', 'programs'},
    'initramfs': {'errors', 'programs'},
    'rpc': {'errors', 'config'},
    'ring': set(), 'fence': set(), 'board': set(),
    'scheduler': {'errors'},
    'db': {'errors', 'states', 'queue', 'config', 'ring', 'scheduler'},
    'drivers': {'errors', 'states', 'config', 'programs', 'concurrency', 'cpu', 'fence', 'board'},
    'rules': {'errors'},
    'conductor': GROUND | {'rpc', 'db', 'drivers', 'rules', 'scheduler'},
    'api': GROUND | {'rpc', 'db', 'rules', 'scheduler'},
    'ramdisk': {'errors', 'config', 'programs', 'concurrency', 'debian', 'initramfs'},
    'ramdisk.agent': set(),
    'lab': {'errors', 'board', 'config', 'programs', 'concurrency', 'debian', 'initramfs', 'ramdisk.agent'},
    'simulation': GROUND | {'rpc', 'db', 'drivers', 'rules', 'scheduler', 'conductor', 'lab'},
    'cli': GROUND | {'rpc', 'db', 'drivers', 'rules', 'scheduler', 'conductor', 'api', 'ramdisk', 'lab', 'simulation', 'cli'},
}
FILES = sorted(path for path in HOUSE.rglob('*.py') if 'migrations' not in path.parts)


def room(module):
    """'drivers' for ingot.drivers.ipmi.power; the agent is a room of its own."""
    parts = module.split('.')[1:]
    return 'ramdisk.agent' if parts[:2] == ['ramdisk', 'agent'] else parts[0] if parts else ''


def imports(path, name):
    """Modules of ours that a file imports, relative ones resolved."""
    package = name if path.name == '__init__.py' else name.rpartition('.')[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split('.')[0] == 'ingot')
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                base = '.'.join([*package.split('.')[:len(package.split('.')) - node.level + 1], *filter(None, [base])])
            if base == 'ingot':
                yield from (f'ingot.{alias.name}' for alias in node.names)
            elif base.startswith('ingot.'):
                yield base


def module_name(path):
    parts = path.relative_to(HOUSE.parent).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


@pytest.mark.parametrize('path', FILES, ids=module_name)
def test_a_room_imports_only_what_its_line_allows(path):
    name = module_name(path)
    mine = room(name)
    if mine == '':
        return
    strangers = {imported for imported in imports(path, name)
                 if room(imported) not in ('', '__version__', mine) and room(imported) not in MAY_IMPORT[mine]}
    assert not strangers, f'{name} may not import {", ".join(sorted(strangers))}'


def test_every_room_has_a_line():
    assert {room(module_name(path)) for path in FILES} - {''} <= MAY_IMPORT.keys()


def test_an_import_against_the_table_is_seen(tmp_path):
    file = tmp_path / 'x.py'
    file.write_text('from ingot import errors\nfrom ingot.db import models\nfrom . import base\n')
    assert sorted(imports(file, 'ingot.drivers.x')) == ['ingot.db', 'ingot.drivers', 'ingot.errors']


def test_only_the_registry_knows_stevedore_and_only_concurrency_knows_eventlet():
    owners = {'stevedore': {'drivers/registry.py'}, 'eventlet': {'concurrency.py', 'simulation/clock.py'}, 'pyghmi': None}
    for path in FILES:
        text, place = path.read_text(), str(path.relative_to(HOUSE))
        for library, allowed in owners.items():
            if f'import {library}' in text or f'from {library}' in text:
                assert place in allowed if allowed else place.startswith('drivers/ipmi/'), f'{place} imports {library}'
