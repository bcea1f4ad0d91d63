"""Which devices of a board serve which entries of a request: found if there is any way, by matching and a bounded search.

What is promised of an answer: every entry has its count of devices that its flavors mean, no device serves twice, an entry that
wants one NUMA node has it. Whoever takes a device of a unit takes all of the unit; a PF and one of its VFs are never both in
use, nor both taken by way of their units. Devices are all interchangeable bits: bit n is the device at place n.

Entries without exclusions are a transversal matroid, so that taking devices by rising cost, each if the earlier ones can be
moved to make room, ends with the cheapest assignment, and with one whenever there is one. Where that breaks an exclusion, the
search branches over the uses of the one card concerned: as a PF, as VFs, or taken along by its unit.
"""

from collections import Counter
from typing import NamedTuple

from ingot.scheduler import mask

#: Matchings that are tried for one board; a request that needs more on it counts as not to be had there.
BOUND = 2000
#: Of these, how many are spent on a cheaper answer once there is one.
_BETTER = 32


class Entry(NamedTuple):
    """``count`` devices among the bits ``allowed``; ``is_near``: of one NUMA node."""

    allowed: int
    count: int
    is_near: bool = False


class Answer(NamedTuple):
    """``used``: for each entry the places of its devices; ``along``: for each entry those that are taken with them."""

    used: tuple
    along: tuple
    cost: int


def assign(shape, numas, entries, costs):
    """The cheapest Answer that was found, or None if there is none (or none within BOUND matchings).

    ``numas`` and ``costs``: of each device its NUMA node (None: not told) and what it is worth to others.
    """
    search, counts, best = _Search(shape, costs), [entry.count for entry in entries], None
    if _match(search.order, [entry.allowed for entry in entries], counts) is None:
        return None
    for allowed in _ways(entries, [_choices(shape, numas, entry) for entry in entries]):
        if search.left <= 0 or (best is not None and search.left < BOUND - _BETTER):
            break
        found = search.run(allowed, counts)
        if found and (best is None or found[0] < best[0]):
            best = found
    if best is None:
        return None
    return Answer(*search.finished(best[1]), best[0])


def _choices(shape, numas, entry):
    """The sets of devices that an entry may be served from: all, or those of each NUMA node."""
    if not entry.is_near or entry.count == 1 or shape.is_flat:
        found = [entry.allowed]
    else:
        nodes = {}
        for place in mask.numbers(entry.allowed):
            if numas[place] is not None:
                nodes[numas[place]] = nodes.get(numas[place], 0) | 1 << place
        found = [nodes[numa] for numa in sorted(nodes)]
    return [bits for bits in found if bits.bit_count() >= entry.count]


def _ways(entries, choices, chosen=()):
    """Every choice for every entry, as lists of bits; of equal entries only those in one order, and none that is too full."""
    bits = [choices[place][one] for place, one in enumerate(chosen)]
    if bits and sum(entry.count for entry, one in zip(entries, bits, strict=False) if not one & ~bits[-1]) > bits[-1].bit_count():
        return
    if len(chosen) == len(entries):
        yield bits
        return
    entry = entries[len(chosen)]
    first = max((one for other, one in zip(entries, chosen, strict=False) if other == entry), default=0)
    for one in range(first, len(choices[len(chosen)])):
        yield from _ways(entries, choices, (*chosen, one))


class _Search:
    def __init__(self, shape, costs):
        self.shape, self.costs, self.left = shape, costs, BOUND
        self.vfs, self.units = {}, {}
        for place, (parent, unit) in enumerate(zip(shape.parents, shape.units, strict=True)):
            self.vfs.setdefault(parent, set()).add(place)
            self.units.setdefault(unit, set()).add(place)
        self.has_structure = self.vfs.keys() != {None}
        self.order = sorted(range(len(costs)), key=lambda place: (self._worth(place), place))

    def _worth(self, place):
        """What is taken from others with this device."""
        return sum(self.costs[one] for one in self._taken({place}))

    def _mates(self, place):
        unit = self.shape.units[place]
        return {place} if unit is None else self.units[unit]

    def _vfs(self, place):
        return self.vfs.get(place, set())

    def _taken(self, used):
        """What is taken with these: the rest of their units, and the VFs of every PF of them."""
        whole = set().union(*map(self._mates, used))
        return whole.union(*map(self._vfs, whole)) if self.has_structure else whole

    def run(self, allowed, counts):
        """(cost, assignment) of the cheapest that was found, or None; [{places} of each entry]."""
        self.left -= 1
        if self.left < 0 or (found := _match(self.order, allowed, counts)) is None:
            return None
        used = set().union(*found)
        card = self._conflict(used) if self.has_structure else None
        if card is None:
            return sum(self.costs[one] for one in self._taken(used)), found
        return self._branch(card, allowed, counts)

    def _conflict(self, used):
        """The place of a PF that is used together with one of its VFs, or taken so by way of units; None: all is well."""
        whole = set().union(*map(self._mates, used))
        for place in whole:
            parent = self.shape.parents[place]
            if parent in whole and ((place in used and parent in used) or not self._are_mates(place, parent)):
                return parent
        return None

    def _are_mates(self, one, other):
        return self.shape.units[one] is not None and self.shape.units[one] == self.shape.units[other]

    def _modes(self, card):
        """For every use of a card the bits that it forbids; between them they forbid no assignment that keeps the exclusions."""
        unit, vfs = self._mates(card), self._vfs(card)
        outside = set().union(*(self._mates(one) for one in vfs - unit)) if vfs - unit else set()
        modes = [_bits(unit), _bits(vfs | outside)]
        return [*modes, _bits({card} | outside)] if vfs & unit else modes

    def _branch(self, card, allowed, counts):
        """The best of the card's uses; cards of the same kind as one that cannot be used in a way cannot be either."""
        best = None
        alike = self._alike(card, allowed)
        for number, banned in enumerate(self._modes(card)):
            if best is not None and self.left < BOUND - _BETTER:
                break
            found = self.run([bits & ~banned for bits in allowed], counts)
            if found and (best is None or found[0] < best[0]):
                best = found
            if number == 0 and found is None and alike:
                allowed = [bits & ~_bits(alike) for bits in allowed]
        return best

    def _alike(self, card, allowed):
        """VFs of the cards that no entry can tell from this one: if it must be used as PF, so must they."""
        signature = self._signature(card, allowed)
        if signature is None:
            return set()
        cards = {parent for parent in self.shape.parents if parent not in (None, card)}
        return set().union(*(self._vfs(other) for other in cards if self._signature(other, allowed) == signature))

    def _signature(self, card, allowed):
        family = [card, *self._vfs(card)]
        if any(self.shape.units[one] is not None or self.costs[one] != self.costs[family[min(at, 1)]]
               for at, one in enumerate(family)):
            return None
        memberships = [_membership(one, allowed) for one in family]
        if not memberships[0]:
            return None
        return memberships[0], self.costs[card], frozenset(Counter(memberships[1:]).items())

    def finished(self, found):
        """(used, along) as tuples: what is taken along goes to the first entry that needs it."""
        everything, along = set().union(*found) if found else set(), []
        for places in found:
            more = self._taken(places) - everything
            everything |= more
            along.append(tuple(sorted(more)))
        return tuple(tuple(sorted(places)) for places in found), tuple(along)


def _match(order, allowed, counts):
    """[{places} of each entry], taking places in this order as long as they help, or None: a matching with capacities."""
    if any(bits.bit_count() < count for bits, count in zip(allowed, counts, strict=True)):
        return None
    holds, wanted, hopeless = [set() for _ in counts], sum(counts), set()
    every = 0
    for bits in allowed:
        every |= bits
    for place in order:
        if not wanted:
            break
        if not every >> place & 1:
            continue
        membership = _membership(place, allowed)
        if membership in hopeless:
            continue
        if _place(place, membership, allowed, counts, holds):
            wanted -= 1
        else:
            hopeless.add(membership)
    return None if wanted else holds


def _place(place, membership, allowed, counts, holds):
    """Whether the device could be given to an entry, moving others to other entries where need be."""
    came = dict.fromkeys(membership)
    queue = list(membership)
    for entry in queue:
        if len(holds[entry]) < counts[entry]:
            while came[entry] is not None:
                before, moved = came[entry]
                holds[before].discard(moved)
                holds[entry].add(moved)
                entry = before
            holds[entry].add(place)
            return True
        for other in holds[entry]:
            for further in _membership(other, allowed):
                if further not in came:
                    came[further] = entry, other
                    queue.append(further)
    return False


def _membership(place, allowed):
    """The entries that a device may serve."""
    return tuple(number for number, bits in enumerate(allowed) if bits >> place & 1)


def _bits(places):
    found = 0
    for place in places:
        found |= 1 << place
    return found
