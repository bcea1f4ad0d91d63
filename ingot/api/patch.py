"""JSON patches (RFC 6902): ``add``, ``replace`` and ``remove``, with RFC 6901's ``~0`` and ``~1`` in paths."""

import copy
import re

from ingot import errors

_BAD_ESCAPE = re.compile('~(?![01])')
_OPERATIONS = ('add', 'replace', 'remove')
#: In the place of an attribute that was removed.
GONE = object()


def read(document):
    """The body of a PATCH as a list of (op, [path words], value); PatchRefused names what is wrong with which one."""
    if not isinstance(document, list):
        raise errors.PatchRefused('A patch is a JSON array of operations.')
    return [_operation(number, item) for number, item in enumerate(document)]


def _operation(number, item):
    if not isinstance(item, dict) or not {'op', 'path'} <= item.keys() <= {'op', 'path', 'value'}:
        raise errors.PatchRefused(f'Operation {number}: an operation is an object with op, path and value.')
    op, path = item['op'], item['path']
    if op not in _OPERATIONS:
        raise errors.PatchRefused(f'Operation {number}: op must be one of {", ".join(_OPERATIONS)}.')
    if not isinstance(path, str) or not path.startswith('/') or path == '/' or _BAD_ESCAPE.search(path):
        raise errors.PatchRefused(f'Operation {number}: path must be a JSON pointer such as /extra/key.')
    if op != 'remove' and 'value' not in item:
        raise errors.PatchRefused(f'Operation {number}: {op} needs a value.')
    return op, [word.replace('~1', '/').replace('~0', '~') for word in path[1:].split('/')], item.get('value')


def roots(operations):
    """The attributes that ``operations`` touch, in order."""
    return list(dict.fromkeys(path[0] for _, path, _ in operations))


def apply(operations, current):
    """The attributes of ``current`` (dict) that ``operations`` change, as they are afterwards; GONE where one is removed.

    ``current`` stays as it is.
    """
    changed = {name: copy.deepcopy(current[name]) for name in roots(operations) if name in current}
    for number, (op, path, value) in enumerate(operations):
        _apply(number, changed, op, path, value)
    return changed


def _apply(number, changed, op, path, value):
    root, *rest = path
    if root not in changed:
        raise errors.PatchRefused(f'Operation {number}: there is no attribute {root[:100]} to {op}.')
    if not rest:
        changed[root] = GONE if op == 'remove' else copy.deepcopy(value)
        return
    where = _walk(number, changed[root], rest[:-1], path)
    if isinstance(where, dict):
        _member(number, where, op, rest[-1], value, path)
    elif isinstance(where, list):
        _element(number, where, op, rest[-1], value, path)
    else:
        raise _nowhere(number, path)


def _walk(number, place, words, path):
    for word in words:
        try:
            place = place[word] if isinstance(place, dict) else place[_index(number, word, len(place) - 1, path)]
        except (KeyError, TypeError):
            raise _nowhere(number, path) from None
    return place


def _member(number, where, op, key, value, path):
    if op != 'add' and key not in where:
        raise _nowhere(number, path)
    if op == 'remove':
        del where[key]
    else:
        where[key] = copy.deepcopy(value)


def _element(number, where, op, word, value, path):
    if op == 'add':
        where.insert(len(where) if word == '-' else _index(number, word, len(where), path), copy.deepcopy(value))
    elif op == 'remove':
        del where[_index(number, word, len(where) - 1, path)]
    else:
        where[_index(number, word, len(where) - 1, path)] = copy.deepcopy(value)


def _index(number, word, most, path):
    if not re.fullmatch('0|[1-9][0-9]{0,8}', word, re.ASCII) or int(word) > most:
        raise _nowhere(number, path)
    return int(word)


def _nowhere(number, path):
    return errors.PatchRefused(f'Operation {number}: there is nothing at /{"/".join(path)[:200]}.')
