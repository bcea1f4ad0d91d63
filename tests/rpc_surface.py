"""What goes over the bus, as the last release had it: ``python -m tests.rpc_surface > tests/rpc_surface.json`` at each release.

``gone`` in the file names what may be missing: {"method" or "method.parameter" or "ask.kind.method" or "order.kind.method" or
"Error": "since release ..., nobody sends it since ..."}; it is written by hand, and one release later.
"""

import inspect
import json
import pathlib

import ingot
from ingot import errors
from ingot.conductor import service

FILE = pathlib.Path(__file__).with_suffix('.json')
#: What the process of a conductor does with it; nobody else.
LIFE = {'start', 'stop', 'drain', 'leave'}


def present():
    """The surface of this code."""
    methods = {name: {one.name: 'needed' if one.default is one.empty else 'optional'
                      for one in list(inspect.signature(method).parameters.values())[1:]}
               for name, method in inspect.getmembers(service.Service, inspect.isfunction)
               if not name.startswith('_') and name not in LIFE}
    return {'release': ingot.__version__, 'gone': {}, 'methods': methods,
            'ask': sorted(map('.'.join, service.QUESTIONS)), 'order': sorted(map('.'.join, service.ORDERS)),
            'errors': {name: [one.code, one.status] for name, one in inspect.getmembers(errors, inspect.isclass)}}


def recorded():
    return json.loads(FILE.read_text())


def broken(old, new):
    """What a process of the release ``old`` could not say to, or hear from, one of ``new`` any more; sentences."""
    for name, parameters in old['methods'].items():
        if name not in new['methods']:
            yield name, f'{name} is gone'
            continue
        theirs = new['methods'][name]
        yield from ((f'{name}.{one}', f'{name} does not take {one} any more') for one in parameters.keys() - theirs.keys())
        yield from ((f'{name}.{one}', f'{name} needs {one}, which nobody sends') for one, kind in theirs.items()
                    if kind == 'needed' and parameters.get(one) != 'needed')
    for kind in ('ask', 'order'):
        yield from ((f'{kind}.{one}', f'{kind} of {one} is gone') for one in sorted(set(old[kind]) - set(new[kind])))
    yield from ((name, f'the error {name} is not what it was') for name, what in old['errors'].items()
                if new['errors'].get(name) != what)


if __name__ == '__main__':
    print(json.dumps(present(), indent=1))
