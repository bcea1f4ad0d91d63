"""What a host offers of its PCI devices: ``pci_information``, the operator's list; pure.

The document has up to four sections. The most specific one that names a node is the whole list of that node; lists are not
merged, so that what a host offers stands in one place:

    nodes: {NAME or UUID: [entry ...]}, resource_classes: {NAME: [...]}, conductor_groups: {NAME: [...]}, default: [...]

An entry is ``{match, extra_info, enable}``; the first one that matches a device counts. What none matches is not offered.
"""

import hashlib
import json
import re

from ingot import errors
from ingot.scheduler import device as devices
from ingot.scheduler import match

#: Section -> what of a node names its list there, the most specific first.
_SECTIONS = (('nodes', 'uuid'), ('nodes', 'name'), ('resource_classes', 'resource_class'),
             ('conductor_groups', 'conductor_group'))
_MEMBERS = {'match', 'extra_info', 'enable'}
#: Why a device is not ready, when it was this rule that said so.
WITHDRAWN = "The host's list does not offer it any more."
_LABELS, _LONGEST = 32, 255
_NAME = re.compile(r'[A-Za-z][A-Za-z0-9_.:-]{0,63}')
_RESERVED = {'pxe': 'the node boots from it over the network', 'bmc': "it leads to the node's BMC",
             'boot disk': 'the boot disk hangs on it'}


class Information:
    """A checked ``pci_information`` document; Invalid names the place of what is wrong with it."""

    def __init__(self, document):
        self._document = {} if document is None else document
        _check(self._document)
        self._lists = {}

    def of(self, node):
        """The List of ``node`` (a dict with uuid, name, resource_class and conductor_group)."""
        for section, key in _SECTIONS:
            found = (self._document.get(section) or {})
            if node[key] in found:
                return self._list(f'{section}/{node[key]}', found[node[key]])
        return self._list('default', self._document.get('default') or [])

    def _list(self, place, entries):
        if place not in self._lists:
            self._lists[place] = List(place, entries)
        return self._lists[place]


class List:
    """The entries that count for a node; ``place`` says where they stand, ``digest`` is the same for the same entries."""

    def __init__(self, place, entries):
        self.place, self.digest = place, digest(entries)
        self._entries = [(match.compiled(_maps(entry['match'])), entry) for entry in entries]

    def entry(self, device):
        """The first entry that matches ``device`` (a dict, JSON parsed), or None.

        Labels do not count here: they come from this list, and from operators, who may narrow it and never widen it.
        """
        facts = match.attributes({**device, 'labels': {}, 'extra_info': {}})
        return next((entry for matches, entry in self._entries if matches(facts)), None)


def digest(entries):
    """Hex SHA-256 of the entries as canonical JSON (sorted keys, no spaces)."""
    return hashlib.sha256(json.dumps(entries, sort_keys=True, separators=(',', ':')).encode()).hexdigest()


def applied(offers, device):
    """{column: new value}: what the list ``offers`` changes in ``device`` (a dict, JSON parsed)."""
    entry = None if device['reserved_for'] else offers.entry(device)
    after = {'offered': entry is not None, 'extra_info': (entry or {}).get('extra_info') or {}}
    after |= _granted(device, entry) if entry else _withdrawn(device)
    return {name: value for name, value in after.items() if value != device[name]}


def _granted(device, entry):
    """``enable`` makes ready what nobody has judged yet; what an operator disabled or drained has a reason, and stays so."""
    if device['state'] != 'not_ready' or not _is_ours(device['state_reason']):
        return {}
    state = devices.move(devices.move('not_ready', 'enable'), 'accept') if entry.get('enable') else 'not_ready'
    return {'state': state, 'state_reason': None}


def _withdrawn(device):
    reason = why_reserved(device['reserved_for']) if device['reserved_for'] else WITHDRAWN
    if (device['state'], 'withdraw') in devices.MOVES:
        return {'state': devices.move(device['state'], 'withdraw'), 'state_reason': reason}
    if device['state'] == 'not_ready' and device['reserved_for'] and _is_ours(device['state_reason']):
        return {'state_reason': reason}
    return {}


def _is_ours(reason):
    """Whether nobody but this rule has judged a device: no operator gave this reason."""
    return reason in {None, WITHDRAWN, *map(why_reserved, _RESERVED)}


def check(device):
    """InvalidState, with the reason and a remedy, unless ``device`` (a dict) may be enabled."""
    what = f'PCI device {device["address"]} of node {device["node_uuid"]} cannot be enabled.'
    if device['reserved_for']:
        raise errors.InvalidState(f'{what} {why_reserved(device["reserved_for"])}', remedy='Take another device.')
    if not device['offered']:
        raise errors.InvalidState(f"{what} The host's list does not offer it.", remedy='On the conductor of the node, the file '
                                  'that [pci] information names must have an entry that matches it.')


def why_reserved(reserved_for):
    """The reason why the host keeps a device for itself, whatever its list says."""
    return f'The host keeps it for itself ({reserved_for}): {_RESERVED.get(reserved_for, "it needs it")}.'


def _maps(given):
    return [given] if isinstance(given, dict) else given


def _check(document):
    if not isinstance(document, dict):
        raise errors.Invalid('pci_information is an object with the sections nodes, resource_classes, conductor_groups, default.')
    known = {*(section for section, _ in _SECTIONS), 'default'}
    if unknown := sorted(map(str, document.keys() - known)):
        raise errors.Invalid(f'pci_information has sections that are unknown: {", ".join(unknown)[:200]}.',
                             remedy=f'Sections: {", ".join(sorted(known))}.')
    for section, found in document.items():
        if found is None:
            continue                       # a heading with nothing below it
        if section == 'default':
            _check_list('default', found)
        elif isinstance(found, dict) and all(isinstance(name, str) for name in found):
            for name, entries in found.items():
                _check_list(f'{section}/{name}', entries)
        else:
            raise errors.Invalid(f'pci_information: {section} must be an object {{name: list of entries}}.')


def _check_list(place, entries):
    if not isinstance(entries, list):
        raise errors.Invalid(f'pci_information: {place} must be a list of entries; [] offers nothing.')
    for number, entry in enumerate(entries):
        try:
            _check_entry(entry)
        except errors.Invalid as error:
            raise errors.Invalid(f'pci_information, {place}, entry {number}: {error}', remedy=error.remedy) from None


def _check_entry(entry):
    if not isinstance(entry, dict) or 'match' not in entry or entry.keys() - _MEMBERS:
        raise errors.Invalid('an entry is an object with match, and extra_info and enable if need be.')
    _check_quotes(_maps(entry['match']))
    match.check(_maps(entry['match']), allowed=match.ATTRIBUTES)
    check_labels(entry.get('extra_info') or {})
    if not isinstance(entry.get('enable', False), bool):
        raise errors.Invalid('enable is true or false.')


def _check_quotes(maps):
    for name, value in (pair for each in maps if isinstance(each, dict) for pair in each.items()):
        if isinstance(match.ATTRIBUTES.get(name), int) and isinstance(value, int | float):
            raise errors.Invalid(f'{name} {value} is a number, and no text.',
                                 remedy='Put it in quotes: YAML takes 1002 and 0x10de for numbers.')


def check_labels(labels):
    """Invalid unless devices can be labelled so: {name: text, number or boolean}, no name being that of an attribute."""
    if not isinstance(labels, dict) or len(labels) > _LABELS:
        raise errors.Invalid(f'Labels are an object of at most {_LABELS} members.')
    for name, value in labels.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise errors.Invalid('The name of a label is a letter, then up to 63 letters, digits and "_.:-", '
                                 f'not {str(name)[:80]!r}.')
        if name in match.ATTRIBUTES:
            raise errors.Invalid(f'{name} is an attribute of devices; a label needs another name.')
        if not isinstance(value, str | int | float | bool) or len(str(value)) > _LONGEST:
            raise errors.Invalid(f'Label {name}: expected text of at most {_LONGEST} characters, a number, true or false.')
