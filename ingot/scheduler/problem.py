"""A request put to a site: its constraints, the nodes that meet each, and the nodes that meet some of them together."""

from collections import Counter
from typing import NamedTuple

from ingot.scheduler import fit, group, mask, request

#: Kinds of constraints in the order in which they are told; those before ``free`` are about a node as it is.
KINDS = ('resource_class', 'trait', 'forbidden_trait', 'where', 'candidate_nodes', 'free',
         'pci', 'numa', 'placement_group', 'count')


class Constraint(NamedTuple):
    """One thing that can be asked for by itself: ``value`` is the class, the trait, or the place in ``where`` or ``pci``."""

    kind: str
    value: object = None


class Problem:
    """What a request means at a site; Invalid when it names a flavor, group or node that is not there.

    ``like``: a problem at the same site whose findings are used. ``is_waiting``: nodes need not be free. ``base``: the nodes that
    the request may see at all, its owner's.
    """

    def __init__(self, site, wanted, like=None, is_waiting=False):
        self.site, self.request, self._is_waiting = site, wanted, is_waiting
        self.base = site.mask('all') if wanted.owner is None else site.mask('owner', wanted.owner)
        self.fit = like.fit if like else fit.Fit(site)
        self._where = like._where if like else {}
        self.group = site.group(wanted.placement_group) if wanted.placement_group else None
        self.constraints = list(self._constraints())
        self._masks = {}
        self.loads = Counter(domain for domain in (site.members(self.group) if self.group else ()) if domain is not None)
        self._cap = None
        site.bits(name for entry in wanted.pci for name in entry.flavors)

    def _constraints(self):
        wanted = self.request
        if wanted.resource_class is not None:
            yield Constraint('resource_class', wanted.resource_class)
        if wanted.candidate_nodes:
            yield Constraint('candidate_nodes')
        yield from (Constraint('trait', trait) for trait in wanted.traits)
        yield from (Constraint('forbidden_trait', trait) for trait in wanted.forbidden_traits)
        yield from (Constraint('where', place) for place in range(len(wanted.where)))
        if not self._is_waiting:
            yield Constraint('free')
        yield from (Constraint('pci', place) for place, entry in enumerate(wanted.pci) if entry.count)
        yield from (Constraint('numa', place) for place, entry in enumerate(wanted.pci) if entry.is_near and entry.count > 1)
        if self.group and self.group.is_hard:
            yield Constraint('placement_group')
        if wanted.count > 1:
            yield Constraint('count')

    def changed(self, wanted, is_waiting=False):
        """The same site, another request."""
        return Problem(self.site, wanted, self, is_waiting)

    def mask(self, constraint):
        """The nodes of the site that meet a constraint on nodes as they are, as an int."""
        if constraint not in self._masks:
            self._masks[constraint] = self._read(*constraint)
        return self._masks[constraint]

    def _read(self, kind, value):
        site = self.site
        if kind == 'resource_class':
            return site.mask('class', value)
        if kind == 'trait':
            return site.mask('trait', value)
        if kind == 'forbidden_trait':
            return self.base & ~site.mask('trait', value)
        if kind == 'candidate_nodes':
            return mask.of(map(site.number, self.request.candidate_nodes), len(site.nodes))
        if kind == 'free':
            return site.mask('free', True)
        raise KeyError(kind)

    def _meeting(self, expression, among):
        """The nodes of ``among`` that meet an expression."""
        known, found = self._where.get(expression.text, (0, 0))
        if missing := among & ~known:
            holds, nodes = expression.holds, self.site.nodes
            found |= mask.of((number for number in mask.numbers(missing) if holds(nodes[number].attributes)), len(nodes))
            self._where[expression.text] = known | missing, found
        return found & among

    def nodes(self, constraints=None):
        """The nodes that meet all of these constraints together, as an int; those on groups and counts left aside."""
        constraints = self.constraints if constraints is None else constraints
        found = self.base
        for constraint in constraints:
            if constraint.kind in KINDS[:6] and constraint.kind != 'where':
                found &= self.mask(constraint)
        for constraint in constraints:
            if constraint.kind == 'where' and found:
                found &= self._meeting(self.request.where[constraint.value], found)
        entries = self.entries(constraints)
        return self._giving(entries, found) if entries and found else found

    def entries(self, constraints=None):
        """The entries for devices among these constraints, without their wish for one NUMA node where that is not among them."""
        if constraints is None:
            constraints = self.constraints
        near = {value for kind, value in constraints if kind == 'numa'}
        return tuple(self.request.pci[value]._replace(is_near=value in near) for kind, value in constraints if kind == 'pci')

    def _giving(self, entries, among):
        """Those of ``among`` whose boards can give these entries; asked of all boards, or of theirs, whichever are fewer."""
        if len(self.site.boards.boards) <= among.bit_count():
            return among & self.fit.mask(entries)
        nodes = self.site.nodes
        return mask.of((number for number in mask.numbers(among) if self.fit.answer(nodes[number].board, entries)), len(nodes))

    def sizes(self, nodes):
        """{domain: how many of these nodes} in the scope of the group; one domain where there is no group."""
        if not self.group or not self.group.is_hard:
            return {None: nodes.bit_count()}
        place, every = request.SCOPES.index(self.group.scope), self.site.nodes
        return Counter([every[number].domains[place] for number in mask.numbers(nodes)])

    @property
    def cap(self):
        """The even share of a hard spread, over the domains that have nodes of this sort, free or not."""
        if self._cap is None:
            domains = 0
            if self.group and self.group.policy == 'spread' and self.group.is_hard:
                sort = self.nodes([each for each in self.constraints if each.kind in KINDS[:5]])
                domains = len((self.sizes(sort).keys() | self.loads.keys()) - {None})
            self._cap = group.share(len(self.group.members) if self.group else 0, self.request.count, domains)
        return self._cap

    def room(self, constraints=None, nodes=None):
        """How many nodes could be taken at once under these constraints."""
        nodes = self.nodes(constraints) if nodes is None else nodes
        has_group = constraints is None or any(each.kind == 'placement_group' for each in constraints)
        if not has_group or not self.group or not self.group.is_hard:
            return nodes.bit_count()
        return group.room(self.group, self.loads, self.sizes(nodes), self.cap) if nodes else 0

    def is_met(self, constraints=None):
        """Whether the request can be granted if only these constraints count."""
        count = self.request.count if constraints is None or any(each.kind == 'count' for each in constraints) else 1
        return self.room(constraints) >= count
