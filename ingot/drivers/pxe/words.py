"""Words of the kernel line and URLs, checked before they get into an iPXE script; pure.

iPXE knows no quotes: it expands ``${...}`` and then splits a line at white space. So nothing with ``${``, white space or
control characters may pass, nor ``||`` and ``&&``, which end a command.
"""

import re

from ingot import errors

_WORD = re.compile(r'[!-~]+')
#: Words of ours that are the operator's to say: measure the disk before writing; a shell when the agent dies.
_FREE = ('ingot.measure', 'ingot.shell')
_LIMIT = 1900        # bytes; Linux on x86 cuts off at 2048, and the addresses that iPXE fills in need some


def line(node, parameters, append):
    """The words of ``parameters`` ({name: value, or None for a bare word}), then those of ``append`` that are not there yet."""
    given = [one(node, 'parameters', name if value is None else f'{name}={value}') for name, value in parameters.items()]
    more = [word for word in appended(node, append) if word not in given]
    text = ' '.join([*more, *given])
    if len(text) > _LIMIT:
        raise errors.InvalidParameter(f'Node {node["uuid"]}: the kernel line has {len(text)} characters; accepted are {_LIMIT}.',
                                      remedy='Shorten driver_info/kernel_append_params or [agent] kernel_append.')
    return text


def append_text(node, default):
    """driver_info/kernel_append_params, in which ``%default%`` stands for [agent] kernel_append; without it, the latter."""
    own = (node.get('driver_info') or {}).get('kernel_append_params')
    return default if own is None else str(own).replace('%default%', default)


def appended(node, text):
    """The words of free text; InvalidParameter names the one that cannot be."""
    key = 'kernel_append_params'
    if re.search(r'[^ -~]', text):
        raise errors.InvalidParameter(f'Node {node["uuid"]}: {key} has a tab, a line break or a character that is not ASCII.',
                                      remedy='Separate the words by spaces.')
    words = [one(node, key, word) for word in text.split()]
    for word in words:
        name = word.partition('=')[0]
        if word.startswith(('ingot.', 'initrd=')) and name not in _FREE:
            raise errors.InvalidParameter(f'Node {node["uuid"]}: {key} has "{name}", which Ingot sets itself.',
                                          remedy='Take that word out.')
    return words


def one(node, key, word):
    """``word``, if it may stand in a script. What it says is not repeated in the error: it may be a token."""
    if not _WORD.fullmatch(word) or '${' in word or word in ('||', '&&'):
        raise errors.InvalidParameter(
            f'Node {node["uuid"]}: {key}, the word that begins with "{_printable(word)}" cannot be on a kernel line.',
            remedy='Use printable ASCII without spaces and without "${".')
    return word


def _printable(word):
    return re.sub(r'[^!-~]', '?', word.partition('=')[0])[:30]
