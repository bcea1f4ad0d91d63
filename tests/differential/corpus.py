"""The corpus: requests as lines of text, in one file for each resource, and how such a line is read.

    1.115 POST /v1/nodes {"driver": "fake-hardware", "name": "n1"} as n1      what the answer calls uuid is $n1 from now on
    1.1..1.115 GET /v1/nodes/$n1                                              once in each of these versions
    1.4,1.5 GET /v1/nodes/n1                                                  in both; "-" sends no version at all
    1.115 PATCH /v1/nodes/$n1 add /extra/a 1; remove /name                    a JSON patch in short
    1.115 GET /v1/nodes/$n1/history as h=history.0.uuid                       another member of the answer as $h
    1.115 POST /v1/nodes <Content-Type: text/plain> {bad                      headers; the body goes as it stands
    wait $n1 provision_state=manageable                                       ask both until it is so, and nobody holds the node
"""

import dataclasses
import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).parent / 'corpus'
_LINE = re.compile(r'(?P<versions>\S+) (?P<method>[A-Z]+) (?P<path>/\S*)(?: <(?P<headers>[^>]*)>)?(?: (?P<body>(?!as ).+?))?'
                   r'(?: as (?P<name>\w+)(?:=(?P<member>[\w.]+))?)?')
_WAIT = re.compile(r'wait (?P<ident>\S+) (?P<name>\w+)=(?P<value>.+)')
_OPERATION = re.compile(r'(?P<op>[a-z]+) (?P<path>\S*)(?: (?P<value>.+))?')


@dataclasses.dataclass(frozen=True)
class Request:
    """One request; ``name``: what ``member`` of its answer is called afterwards."""

    version: str
    method: str
    path: str
    headers: tuple = ()
    body: str | None = None
    name: str | None = None
    member: str = 'uuid'

    def __str__(self):
        return f'{self.version} {self.method} {self.path}{" " + self.body[:300] if self.body else ""}'


@dataclasses.dataclass(frozen=True)
class Wait:
    """Until the node ``ident`` has ``value`` as ``name``."""

    ident: str
    name: str
    value: str


def files(words=()):
    """The files of the corpus whose names contain one of ``words``, or all."""
    return [path for path in sorted(FOLDER.glob('*.txt')) if not words or any(word in path.stem for word in words)]


def read(path):
    """Every Request and Wait of a file, in its order; ValueError names the line that is neither."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    return [step for line in lines if line and not line.startswith('#') for step in _steps(line, path.name)]


def _steps(line, where):
    if match := _WAIT.fullmatch(line):
        return [Wait(**match.groupdict())]
    match = _LINE.fullmatch(line)
    if not match:
        raise ValueError(f'{where}: neither a request nor a wait: {line}')
    headers = tuple(tuple(header.split(': ', 1)) for header in (match['headers'] or '').split(', ') if header)
    return [Request(version, match['method'], match['path'], headers, _body(match), match['name'], match['member'] or 'uuid')
            for version in _versions(match['versions'])]


def _versions(text):
    for part in text.split(','):
        first, _, last = part.partition('..')
        if last:
            yield from (f'1.{minor}' for minor in range(int(first[2:]), int(last[2:]) + 1))
        else:
            yield part


def _body(match):
    text = match['body']
    if match['method'] != 'PATCH' or text is None or not _OPERATION.match(text):
        return text
    return json.dumps([_operation(part) for part in text.split('; ')])


def _operation(text):
    found = _OPERATION.fullmatch(text).groupdict()
    value = {} if found['value'] is None else {'value': json.loads(found['value'])}
    return {'op': found['op'], 'path': found['path'], **value}
