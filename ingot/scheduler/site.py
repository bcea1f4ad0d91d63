"""Facts of nodes, flavors and groups, indexed for decisions; made of plain dicts, changed one node at a time.

A node: ``uuid, generation, name, resource_class, traits, owner, lessee, domains`` ({node, chassis, rack, switch, zone}; null or
left out where it is not known), ``attributes`` (its inventory, for expressions), ``devices`` (rows of the table, or dicts like
them), ``is_free``, ``reason`` (why it is not free, in words that follow "is": 'in maintenance').
A flavor: ``name, uuid, match``. A group: ``name, uuid, policy, scope, hard, members`` (for each member its node's uuid, or the
domains of its node).
"""

import re
from typing import NamedTuple

from ingot import errors
from ingot.scheduler import board, mask, match, request

_DIGITS = re.compile('[0-9]+')


class Group(NamedTuple):
    """A placement group; ``members``: for each the domains of its node, or the node's uuid."""

    name: str
    policy: str
    scope: str = 'node'
    is_hard: bool = True
    members: tuple = ()


class Flavor(NamedTuple):
    name: str
    match: list
    means: object                   # a function on attributes
    has_address: bool


class Node:
    """What is kept of a node: its ``number`` in all masks, its ``board``, and the ``keys`` of the masks that it is in."""

    __slots__ = ('attributes', 'board', 'devices', 'domains', 'generation', 'is_free', 'keys', 'name', 'number', 'reason',
                 'resource_class', 'sort', 'uuid')


class Site:
    """Nodes by number and by what they are; ``masks``: {(what, value): Mask}."""

    def __init__(self, nodes=(), flavors=(), groups=()):
        self.nodes, self.numbers, self.holes = [], {}, []
        self.masks, self.boards, self.used = {}, board.Boards(), {}
        self.flavors, self.groups, self.version = {}, {}, 0
        self._flavor_names, self._group_names, self._bits, self._by_address, self.names = {}, {}, {}, [], {}
        self._sorts = {}
        for facts in flavors:
            self.put_flavor(facts)
        for facts in groups:
            self.put_group(facts)
        for facts in nodes:
            self.put(facts)

    def __len__(self):
        return len(self.numbers)

    def put(self, facts):
        """Take in a node, or what is new of it; its place is found by its uuid."""
        uuid = facts['uuid']
        number = self.numbers.get(uuid)
        if number is None:
            number = self.holes.pop() if self.holes else len(self.nodes)
            if number == len(self.nodes):
                self.nodes.append(None)
            self.numbers[uuid] = number
        before, node = self.nodes[number], self._read(facts, number)
        self.nodes[number] = node
        self._index(before, node)

    def remove(self, uuid):
        """Forget a node; nothing happens if it is not known."""
        if (number := self.numbers.pop(uuid, None)) is None:
            return
        self._index(self.nodes[number], None)
        self.nodes[number] = None
        self.holes.append(number)

    def _read(self, facts, number):
        node = Node()
        node.number, node.uuid, node.generation = number, facts['uuid'], facts.get('generation')
        node.name, node.resource_class = facts.get('name'), facts.get('resource_class')
        node.is_free, node.reason = bool(facts.get('is_free', True)), facts.get('reason')
        node.attributes = facts.get('attributes') or {}
        domains = facts.get('domains') or {}
        node.domains = tuple(node.uuid if scope == 'node' else domains.get(scope) for scope in request.SCOPES)
        node.sort = natural(node.name), node.uuid
        node.board, node.devices = self.boards.find(facts.get('devices') or (), node.is_free)
        keys = self._keys(node, facts)
        node.keys = self._sorts.setdefault(keys, keys)
        return node

    @staticmethod
    def _keys(node, facts):
        keys = {('all', None), ('class', node.resource_class), ('owner', facts.get('owner')), ('owner', facts.get('lessee'))}
        keys.update(('trait', trait) for trait in facts.get('traits') or ())
        keys.add(('free', True) if node.is_free else ('taken', node.reason or 'in use'))
        return frozenset(keys)

    def _index(self, before, after):
        """Move a node from the masks, board and counts of what it was to those of what it is."""
        old, new = before.keys if before else frozenset(), after.keys if after else frozenset()
        number = (after or before).number
        if before and self.names.get(before.name) == number:
            del self.names[before.name]
        if after and after.name is not None:
            self.names[after.name] = number
        for key in old - new:
            self.masks[key].discard(number)
        for key in new - old:
            if key not in self.masks:
                self.masks[key] = mask.Mask()
            self.masks[key].add(number)
        if after:
            after.board.nodes.add(number)
        if before and not (after and after.board is before.board):
            self.boards.leave(before.board, number)
        for node, step in ((before, -1), (after, 1)):
            if node and not node.is_free:
                for place in enumerate(node.domains):
                    self.used[place] = self.used.get(place, 0) + step

    def mask(self, what, value=None):
        """The nodes of which this is so, as an int."""
        found = self.masks.get((what, value))
        return found.value if found else 0

    def values(self, what):
        """{value: count of nodes} of a kind of mask, those without nodes left out."""
        found = {value: each.value.bit_count() for (kind, value), each in self.masks.items() if kind == what}
        return {value: count for value, count in found.items() if count}

    def put_flavor(self, facts):
        """Take in a flavor, or what is new of it."""
        match.check(facts['match'])
        flavor = Flavor(facts['name'], facts['match'], match.compiled(facts['match']),
                        any('address' in each for each in facts['match']))
        self.flavors[flavor.name] = flavor
        for ident in (flavor.name, facts.get('uuid')):
            self._flavor_names[ident] = flavor.name
        self._bits = {name: 1 << place for place, name in enumerate(self.flavors)}
        self._by_address = [(name, each) for name, each in self.flavors.items() if each.has_address]
        self.version += 1

    def clear_flavors(self):
        """Forget all of them."""
        self.flavors, self._flavor_names, self._bits, self._by_address = {}, {}, {}, []
        self.version += 1

    def put_group(self, facts):
        """Take in a placement group, or what is new of it; Invalid when its policy or scope is none."""
        group = Group(facts['name'], facts['policy'], facts.get('scope') or 'node', facts.get('hard') is not False,
                      tuple(facts.get('members') or ()))
        if group.policy not in request.POLICIES or group.scope not in request.SCOPES:
            raise errors.Invalid(f'Placement group {group.name} has policy {group.policy!r} and scope {group.scope!r}.',
                                 remedy=f'Policies: {", ".join(request.POLICIES)}; scopes: {", ".join(request.SCOPES)}.')
        self.groups[group.name] = group
        for ident in (group.name, facts.get('uuid')):
            self._group_names[ident] = group.name

    def flavor(self, ident):
        """The flavor of a name or uuid; Invalid when there is none."""
        return self.flavors[_known(ident, self._flavor_names, self.flavors, 'PCI flavor')]

    def group(self, ident):
        """The group of a name or uuid; Invalid when there is none."""
        return self.groups[_known(ident, self._group_names, self.groups, 'placement group')]

    def bits(self, idents):
        """The bits of some flavors, as ``flavors_of`` has them."""
        found = 0
        for ident in idents:
            found |= self._bits[self.flavor(ident).name]
        return found

    def flavors_of(self, board):
        """For each device of a board the bits of the flavors that mean it."""
        return [self._flavors_of_kind(kind, address) for kind, address in zip(board.kinds, board.addresses, strict=True)]

    def _flavors_of_kind(self, kind, address):
        if kind.version != self.version:
            kind.version, kind.flavors = self.version, 0
            for name, flavor in self.flavors.items():
                if not flavor.has_address and flavor.means(kind.attributes):
                    kind.flavors |= self._bits[name]
        found = kind.flavors
        for name, flavor in self._by_address:
            if flavor.means({**kind.attributes, 'address': match.normal('address', address)}):
                found |= self._bits[name]
        return found

    def number(self, ident):
        """The number of the node of a uuid or name; Invalid when there is none."""
        found = self.numbers.get(ident, self.names.get(ident))
        if found is None:
            raise errors.Invalid(f'There is no node {ident!r}.', remedy='Name nodes by uuid or name, as GET /v1/nodes has them.')
        return found

    def members(self, group):
        """[the domain of each member of a group, in its scope]; None where that is not known."""
        found = []
        for member in group.members:
            if isinstance(member, str):
                known = self.nodes[self.numbers[member]].domains if member in self.numbers else (member,) + (None,) * 4
                found.append(known[request.SCOPES.index(group.scope)])
            else:
                found.append(member.get(group.scope))
        return found


def natural(name):
    """A text that sorts rack-2 before rack-10, and what has no name last."""
    return '\U0010ffff' if name is None else _DIGITS.sub(lambda found: found[0].zfill(20), name)


def _known(ident, idents, names, kind):
    if ident not in idents or ident is None:
        raise errors.Invalid(f'There is no {kind} {ident!r}.',
                             remedy=f'There are: {", ".join(sorted(names)[:20])}.' if names else 'There are none yet.')
    return idents[ident]
