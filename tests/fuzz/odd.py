"""Odd values, words, texts and documents: what no client should send, and some does. Everything comes from the given chance."""

import json

import orjson

UUID = '1be26c0b-03f2-4d2e-ae87-c02d7f33c123'
#: Words of a path, as they stand in a URL.
WORDS = ['n1', UUID, 'nobody', 'v1', 'detail', 'states', 'nodes', 'ports', 'ipmi', '..', '%2f', '%00', '%ff', '%f0%9f%98%80', '~',
         'a' * 300, '-', 'null']
VALUES = [None, True, False, 0, -1, 1.5, 2**63, -2**70, 1e308, '', 'x', 'n1', UUID, '\x00', '\u2028', '😀', 'a' * 5000, [], {},
          [[]], [None], {'': None}, {'op': 'add'}, '52:54:00:00:00:01', 'power on', 'active', 'true', ['a'],
          {'a': {'b': ['c']}}]
#: Bodies that are no documents, and hardly ones.
TEXTS = [b'', b'{', b'null', b'[]', b'"', b'\xff', b'{"a":NaN}', b'[' * 2000, b'{"a":1,"a":2}', b'1e999', b' ', b'\x00',
         b'{"a":"\\ud800"}', b'\xef\xbb\xbf{}', b'{"a":' * 30 + b'1' + b'}' * 30, b'{"a":-' + b'9' * 5000 + b'}']
#: Arguments of a query string, as they stand in a URL.
ARGUMENTS = ['1', '0', '-1', '9' * 30, '1e3', 'true', 'asc', 'name', ',', 'uuid,name', 'enroll', '', '%', '%zz', '%00', '%ff',
             '%ed%a0%80', 'a' * 2000, '%27%22--', '+', 'null', '[]', UUID]


def anything(chance, depth=0):
    """A JSON value of any kind."""
    if depth < 3 and chance.random() < 0.2:
        return [anything(chance, depth + 1) for _ in range(chance.randrange(4))]
    if depth < 3 and chance.random() < 0.3:
        return {chance.choice(['a', 'extra', '', 'path', 'value', 'op']): anything(chance, depth + 1) for _ in range(3)}
    return chance.choice(VALUES)


def encode(document):
    """The bytes of a document; bytes stay as they are."""
    try:
        return document if isinstance(document, bytes) else orjson.dumps(document)
    except TypeError:                 # an integer of more than 64 bits
        return json.dumps(document).encode()


def mutate(chance, text):
    """``text`` (bytes) with some of it lost, doubled, or something else."""
    text = bytearray(text)
    for _ in range(chance.randint(1, 4)):
        at, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        end = min(end, at + 20)
        text[at:end] = chance.choice([b'', text[at:end] * 2, chance.randbytes(2), chance.choice(TEXTS)[:100], b'"', b',', b'}'])
    return bytes(text)
