"""Actions of rules: what each changes in a Draft of the node, its ports and its plugin data."""

import copy
import dataclasses
import logging
import re

from ingot import errors

log = logging.getLogger(__name__)
_LEVELS = ('debug', 'info', 'warning', 'error', 'critical')
_TRAIT = re.compile('[A-Z][A-Z0-9_]{0,254}', re.ASCII)
_TRAITS = 50
_OBJECT, _FLAG = object(), object()
#: What rules may set in a node: objects (below them), flags, and texts of at most so many characters.
NODE = {**dict.fromkeys(('driver_info', 'extra', 'instance_info', 'network_data', 'properties'), _OBJECT),
        **dict.fromkeys(('automated_clean', 'disable_power_off'), _FLAG), 'description': 4096, 'driver': 255, 'lessee': 255,
        'owner': 255, 'resource_class': 80, 'shard': 255}
#: The same for a port.
PORT = {**dict.fromkeys(('extra', 'local_link_connection'), _OBJECT), **dict.fromkeys(('is_smartnic', 'pxe_enabled'), _FLAG),
        'category': 80, 'description': 255, 'physical_network': 64, 'vendor': 32}


@dataclasses.dataclass
class Draft:
    """Rows as dicts, JSON parsed, which rules change: a node, its ports, and the plugin data of its inspection."""

    node: dict
    ports: list
    plugin_data: dict

    @classmethod
    def of(cls, node, ports, plugin_data):
        return cls(copy.deepcopy(node), copy.deepcopy(ports), copy.deepcopy(plugin_data))

    def port(self, ident):
        """The port with this uuid or address."""
        for port in self.ports:
            if ident and str(ident).lower() in (port['uuid'], port['address']):
                return port
        raise errors.Invalid(f'the node has no port {ident}')


def parts(path):
    """['extra', 'a'] for 'extra/a', '/extra/a' and 'extra.a'; Invalid for what leads nowhere."""
    words = path.strip('/').split('/') if '/' in path else path.split('.')
    if not all(words):
        raise errors.Invalid(f'"{path[:100]}" is no path such as extra/rack')
    return words


def check_path(path, roots):
    """Invalid unless ``path`` leads to something that rules may set; a path with a reference is looked at when it is known."""
    if path.startswith('{'):
        return
    root, *rest = parts(path)
    if root not in roots:
        raise errors.Invalid(f'rules cannot set "{root[:100]}"; they can: {", ".join(roots)}')
    if (roots[root] is _OBJECT) != bool(rest):
        raise errors.Invalid(f'"{root}" is set as a whole' if rest else f'only what is in "{root}" can be set, as {root}/NAME')


def _put(target, path, value):
    *way, last = path
    for word in way:
        target = target.setdefault(word, {})
        if not isinstance(target, dict):
            raise errors.Invalid(f'"{word}" is no object')
    target[last] = value


def _take(target, path):
    """Remove what is at ``path``; nothing happens when there is nothing."""
    *way, last = path
    for word in way:
        target = target.get(word) if isinstance(target, dict) else None
    if isinstance(target, dict):
        target.pop(last, None)


def _find(target, path):
    for word in path:
        target = target.get(word) if isinstance(target, dict) else None
    return target


def _append(target, path, value, unique):
    found = _find(target, path)
    if found is not None and not isinstance(found, list):
        raise errors.Invalid(f'{"/".join(path)} is no list')
    if not (unique and value in (found or [])):
        _put(target, path, [*(found or []), value])


def _set_attribute(target, roots, path, value):
    check_path(path, roots)
    words = parts(path)
    kind = roots[words[0]]
    if kind is _FLAG and not isinstance(value, bool):
        raise errors.Invalid(f'{words[0]} is true or false')
    if words[0] == 'driver' and not value:
        raise errors.Invalid('driver is the name of a hardware type')
    if isinstance(kind, int) and not (value is None or (isinstance(value, str) and len(value) <= kind and '\0' not in value)):
        raise errors.Invalid(f'{words[0]} is a text of at most {kind} characters')
    _put(target, words, value)


def _extend_attribute(target, roots, path, value, unique):
    check_path(path, roots)
    if roots[parts(path)[0]] is not _OBJECT:
        raise errors.Invalid(f'{path} is no list')
    _append(target, parts(path), value, unique)


def _delete_attribute(target, roots, path):
    check_path(path, roots)
    words = parts(path)
    if roots[words[0]] is _OBJECT:
        _take(target, words)
    elif words[0] != 'driver' and (words[0] == 'automated_clean' or isinstance(roots[words[0]], int)):
        target[words[0]] = None
    else:
        raise errors.Invalid(f'{path} cannot be deleted; set it')


def fail(draft, msg):
    raise errors.HardwareFailure(str(msg))


def write_log(draft, msg, level='info'):
    if str(level).lower() not in _LEVELS:
        raise errors.Invalid(f'the level is one of {", ".join(_LEVELS)}')
    log.log(getattr(logging, level.upper()), 'Node %s: %s', draft.node['uuid'], msg)


def set_attribute(draft, path, value):
    _set_attribute(draft.node, NODE, path, value)


def extend_attribute(draft, path, value, unique=False):
    _extend_attribute(draft.node, NODE, path, value, unique)


def delete_attribute(draft, path):
    _delete_attribute(draft.node, NODE, path)


def _capabilities(draft):
    text = draft.node['properties'].get('capabilities') or ''
    return dict(word.strip().split(':', 1) for word in str(text).split(',') if ':' in word)


def set_capability(draft, name, value):
    if any(mark in f'{name}{value}' for mark in ':,'):
        raise errors.Invalid('a capability and its value have no ":" and no ","')
    found = {**_capabilities(draft), str(name): str(value)}
    draft.node['properties']['capabilities'] = ','.join(f'{key}:{text}' for key, text in found.items())


def unset_capability(draft, name):
    found = _capabilities(draft)
    if found.pop(str(name), None) is not None:
        draft.node['properties']['capabilities'] = ','.join(f'{key}:{text}' for key, text in found.items())


def add_trait(draft, name):
    if not isinstance(name, str) or not _TRAIT.fullmatch(name):
        raise errors.Invalid('a trait has capital letters, digits and "_", as CUSTOM_GOLD')
    draft.node['traits'] = sorted({*draft.node['traits'], name})
    if len(draft.node['traits']) > _TRAITS:
        raise errors.Invalid(f'a node has at most {_TRAITS} traits')


def remove_trait(draft, name):
    draft.node['traits'] = [trait for trait in draft.node['traits'] if trait != name]


def set_plugin_data(draft, path, value):
    _put(draft.plugin_data, parts(path), value)


def extend_plugin_data(draft, path, value, unique=False):
    _append(draft.plugin_data, parts(path), value, unique)


def unset_plugin_data(draft, path):
    _take(draft.plugin_data, parts(path))


def set_port_attribute(draft, port_id, path, value):
    _set_attribute(draft.port(port_id), PORT, path, value)


def extend_port_attribute(draft, port_id, path, value, unique=False):
    _extend_attribute(draft.port(port_id), PORT, path, value, unique)


def delete_port_attribute(draft, port_id, path):
    _delete_attribute(draft.port(port_id), PORT, path)


#: action: (function of a Draft and its arguments, those that it needs, those that it also takes)
ACTIONS = {
    'fail': (fail, ('msg',), ()),
    'log': (write_log, ('msg',), ('level',)),
    'set-attribute': (set_attribute, ('path', 'value'), ()),
    'extend-attribute': (extend_attribute, ('path', 'value'), ('unique',)),
    'del-attribute': (delete_attribute, ('path',), ()),
    'set-capability': (set_capability, ('name', 'value'), ()),
    'unset-capability': (unset_capability, ('name',), ()),
    'add-trait': (add_trait, ('name',), ()),
    'remove-trait': (remove_trait, ('name',), ()),
    'set-plugin-data': (set_plugin_data, ('path', 'value'), ()),
    'extend-plugin-data': (extend_plugin_data, ('path', 'value'), ('unique',)),
    'unset-plugin-data': (unset_plugin_data, ('path',), ()),
    'set-port-attribute': (set_port_attribute, ('port_id', 'path', 'value'), ()),
    'extend-port-attribute': (extend_port_attribute, ('port_id', 'path', 'value'), ('unique',)),
    'del-port-attribute': (delete_port_attribute, ('port_id', 'path'), ()),
}
