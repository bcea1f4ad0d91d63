"""Which conductor works on which node: rendezvous hashing over slots, a pure function of who lives.

A node has one slot for ever. A slot belongs to the host that ranks highest for it (Thaler and Ravishankar, "Using name-based
mappings to increase hit rates", 1998): a host that joins takes its share from all others alike, the slots of one that leaves go
to all others alike, and nothing else moves. The ring only advises; who may work on a node is decided by its lease.
"""

import collections
import functools
import hashlib
import struct
import zlib

#: Never to be changed: nodes keep their slot in the database. 16 conductors have 256 each, give or take 16.
SLOTS = 4096


def slot(uuid):
    """The slot of the node with this uuid: 0 to SLOTS - 1."""
    return zlib.crc32(uuid.encode()) % SLOTS


class Ring:
    """The conductors that live, by their group and the drivers that they serve.

    :param conductors: dicts with hostname, conductor_group and drivers.
    """

    def __init__(self, conductors):
        hosts = collections.defaultdict(set)
        for one in conductors:
            for driver in one['drivers']:
                hosts[one['conductor_group'], driver].add(one['hostname'])
        self._hosts = {place: frozenset(names) for place, names in hosts.items()}

    def host(self, slot, group, driver):
        """The host that a node of ``slot`` belongs to, or None when nobody serves its group and driver."""
        hosts = self._hosts.get((group, driver))
        return _owners(hosts)[slot] if hosts else None

    def hosts(self, slot, group, driver):
        """All that could work on it: the one that it belongs to first, then the one that would be next ..."""
        hosts = self._hosts.get((group, driver), ())
        return sorted(hosts, key=lambda host: (_ranks(host)[slot], host), reverse=True)

    def share(self, host):
        """{(group, driver): the slots of ``host``, in order; None when all are}."""
        return {place: None if len(hosts) == 1 else _share(hosts, host)
                for place, hosts in self._hosts.items() if host in hosts}

    def places(self):
        """{(group, driver): how many conductors serve it}."""
        return {place: len(hosts) for place, hosts in self._hosts.items()}


@functools.lru_cache(64)
def _owners(hosts):
    """The host of each slot."""
    names = sorted(hosts)
    return tuple(max(zip(ranks, names, strict=True))[1] for ranks in zip(*map(_ranks, names), strict=True))


@functools.lru_cache(64)
def _share(hosts, host):
    return tuple(slot for slot, owner in enumerate(_owners(hosts)) if owner == host)


@functools.lru_cache(1024)
def _ranks(host):
    """How high a host ranks for each slot: the same everywhere, on every machine."""
    return struct.unpack(f'<{SLOTS}Q', hashlib.shake_128(host.encode()).digest(8 * SLOTS))
