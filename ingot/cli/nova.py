"""Nova's ``[pci]`` section in our words: device_spec as a host's list, aliases as PCI flavors.

Source: Nova's configuration reference, [pci] device_spec (passthrough_whitelist of old) and alias; nova/pci/devspec.py for how
addresses are read and matched.
"""

import dataclasses
import functools
import itertools
import json
import re

from oslo_config import cfg

from ingot import errors
from ingot.api.types import scalar
from ingot.scheduler import match, offer

#: {what is read: the (section, option) that it may stand at, the newest first}
_PLACES = {'device_spec': (('pci', 'device_spec'), ('pci', 'passthrough_whitelist'), ('DEFAULT', 'pci_passthrough_whitelist')),
           'alias': (('pci', 'alias'), ('DEFAULT', 'pci_alias'))}
_IDS = ('vendor_id', 'product_id')
#: Parts of an address: how many values there are, and how one is written. PCI Local Bus Specification 3.0, 3.2.2.3.2.
_PARTS = {'domain': (0x10000, '04x'), 'bus': (0x100, '02x'), 'slot': (0x20, '02x'), 'function': (8, 'x')}
#: device_type of an alias -> the condition on ``function``. Without one, Nova gives no PF.
_FUNCTIONS = {'type-PF': 'pf', 'type-VF': 'vf', 'type-PCI': None, None: {'!=': 'pf'}}
_WORDS = {'true': True, 'yes': True, '1': True, 'false': False, 'no': False, '0': False}
_FLAGS = {'trusted', 'remote_managed', 'managed', 'live_migratable', 'one_time_use'}
_MOST, _LONGEST = 64, 100


@dataclasses.dataclass
class Translation:
    """``entries`` of pci_information, ``flavors``, ``notes`` on what differs, and ``refused``: what has no translation."""

    entries: list = dataclasses.field(default_factory=list)
    flavors: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    refused: list = dataclasses.field(default_factory=list)


def read(path):
    """{'device_spec': [text], 'alias': [text]} of a configuration file (oslo.config); Invalid when it is none."""
    sections = {}
    try:
        cfg.ConfigParser(str(path), sections).parse()
    except (OSError, cfg.ConfigFileParseError, cfg.ParseError, UnicodeDecodeError) as error:
        reason = getattr(error, 'strerror', None) or 'it is no configuration file of OpenStack'
        raise errors.Invalid(f'{path}: {reason}.') from None
    return {what: [text for section, name in places for text in sections.get(section, {}).get(name, [])]
            for what, places in _PLACES.items()}


def translate(texts):
    """The Translation of what ``read`` gave."""
    found = Translation()
    for number, document in _documents(found, 'device_spec', texts['device_spec']):
        _attempt(found, f'device_spec {number}', document, lambda place, one: found.entries.append(_entry(found, place, one)))
    by_name = {}
    for number, document in _documents(found, 'alias', texts['alias']):
        _attempt(found, f'alias {number}', document, lambda place, one: _alias(found, place, one, by_name))
    found.flavors += by_name.values()
    return found


def _documents(found, what, texts):
    """(number, object) of each object in ``texts``: each is one, or a list of them."""
    objects = []
    for text in texts:
        try:
            document = json.loads(text)
        except ValueError:
            found.refused.append(f'{what}: {text[:80]!r} is no JSON.')
            continue
        objects += document if isinstance(document, list) else [document]
    return enumerate(objects, 1)


def _attempt(found, place, document, work):
    """Nothing that is wrong with one of them keeps the others from being translated."""
    if not isinstance(document, dict):
        found.refused.append(f'{place}: expected an object, not {str(document)[:80]!r}.')
        return
    try:
        work(place, dict(document))
    except errors.Invalid as error:
        found.refused.append(f'{place}: {error.explain()}')


def _entry(found, place, spec):
    """One entry of pci_information."""
    if 'devname' in spec:
        raise errors.Invalid(f'devname {spec["devname"]!r} is the name of an interface on a hypervisor.',
                             remedy='Name the card by its address.')
    common, address = _ids(spec), spec.pop('address', None)
    maps = [{**common, **each} for each in (_address(address) if address is not None else [{}])]
    if maps == [{}]:
        maps = [{'address': {'glob': '*'}}]
        found.notes.append(f'{place}: it means every device.')
    if address is not None:
        found.notes.append(f'{place}: Nova means the VFs of a PF at this address too; here they have addresses of their own.')
    match.check(maps)
    labels = {name: _label(found, place, name, value) for name, value in spec.items()}
    labels = {name: value for name, value in labels.items() if value is not None}
    offer.check_labels(labels)
    return {'match': maps, **({'extra_info': labels} if labels else {})}


def _label(found, place, name, value):
    if value is None:
        found.notes.append(f'{place}: {name} null has no label here.')
        return None
    if name in _FLAGS and str(value).lower() in _WORDS:
        return _WORDS[str(value).lower()]
    return value.upper() if name == 'resource_class' and isinstance(value, str) else value


def _ids(spec):
    """vendor_id and product_id, taken out of ``spec``; '*' is no condition."""
    taken = {name: spec.pop(name) for name in _IDS if name in spec}
    return {name: match.normal(name, value) for name, value in taken.items() if value != '*'}


def _address(address):
    """The objects of a match that mean a glob, or an object of regular expressions; Invalid when they would be too many."""
    values = _globs(address) if isinstance(address, str) else _regexes(address)
    texts = [f'{domain}:{bus}:{slot}.{function}' for domain, bus, slot, function in itertools.product(*values)]
    if texts == ['*:*:*.*']:
        return [{}]
    if not any('*' in text for text in texts):
        return [{'address': texts[0] if len(texts) == 1 else texts}]
    return [{'address': {'glob': text}} for text in texts]


def _globs(address):
    """As ``_regexes``, of text such as '0000:0a:00.*', ':0a:00.' or '0a:00'; parts that are not there are any."""
    way, _, function = address.partition('.')
    parts = [part.strip() or '*' for part in way.split(':')]
    if len(parts) > 3:
        raise errors.Invalid(f'address {address!r} is none.')
    parts = dict(zip(_PARTS, ['*'] * (3 - len(parts)) + parts + [function.strip() or '*'], strict=True))
    return [[_part(address, name, part)] for name, part in parts.items()]


def _part(address, name, part):
    count, form = _PARTS[name]
    if part == '*':
        return part
    if not re.fullmatch('[0-9a-fA-F]{1,4}', part) or int(part, 16) >= count:
        raise errors.Invalid(f'address {address!r}: {name} {part!r} is none.')
    return format(int(part, 16), form)


def _regexes(address):
    """[values of domain, bus, slot, function] that regular expressions mean (they need not reach to the end), or '*'."""
    if not isinstance(address, dict) or address.keys() - _PARTS.keys():
        raise errors.Invalid(f'address {str(address)[:80]!r} is neither text nor an object of {", ".join(_PARTS)}.')
    if not all(isinstance(expression, str) for expression in address.values()):
        raise errors.Invalid(f'address {str(address)[:80]!r}: each part is text.')
    values = [_meant(name, address.get(name, '.*')) for name in _PARTS]
    count = 1
    for each in values:
        count *= len(each)
    if not count:
        raise errors.Invalid(f'address {str(address)[:80]!r} means no device.')
    if count > _MOST:
        raise errors.Invalid(f'the regular expressions of address {str(address)[:80]!r} mean {count} kinds of addresses; '
                             f'there are no regular expressions here, and at most {_MOST} are written out.')
    return values


@functools.lru_cache(1000)
def _meant(name, expression):
    """The values of a part of an address that an expression means, or ['*'] for all. Expressions are tried on four characters at
    most: none of them can explode."""
    count, form = _PARTS[name]
    if len(expression) > _LONGEST:
        raise errors.Invalid(f'{name} must be a regular expression of at most {_LONGEST} characters.')
    if expression in ('.*', '*', ''):
        return ['*']
    try:
        means = re.compile(expression).match
    except re.error:
        raise errors.Invalid(f'{name} {expression!r} is no regular expression.') from None
    found = [text for text in (format(number, form) for number in range(count)) if means(text)]
    return ['*'] if len(found) == count else found


def _alias(found, place, alias, by_name):
    """Put an alias into the flavor of its name; aliases of one name are alternatives."""
    name = alias.pop('name', None)
    if not isinstance(name, str) or not scalar.is_name(name):
        raise errors.Invalid(f'name {str(name)[:80]!r} is none for a flavor: letters, digits and "-._~".')
    kind, policy = alias.pop('device_type', None), alias.pop('numa_policy', None)
    if kind not in _FUNCTIONS:
        raise errors.Invalid(f'device_type {kind!r} is none of {", ".join(filter(None, _FUNCTIONS))}.')
    if policy not in (None, 'legacy'):
        found.notes.append(f'{place} ({name}): numa_policy {policy} is no part of a flavor; requests ask for "numa": "same".')
    wanted = {**_ids(alias), 'function': _FUNCTIONS[kind]}
    if 'resource_class' in alias:
        wanted['resource_class'] = str(alias.pop('resource_class')).upper()
    found.notes += [f'{place} ({name}): {key} is not asked for.' for key in sorted(alias) if key != 'capability_type']
    match.check([wanted])
    flavor = by_name.setdefault(name, {'name': name, 'match': [], 'description': f'Alias {name} of Nova.'})
    if wanted not in flavor['match']:
        flavor['match'].append(wanted)
