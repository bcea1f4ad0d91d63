"""How much of a PCI flavor there is: its devices, what other flavors share of them, and what each node can really give."""

from ingot.scheduler import request
from ingot.scheduler.fit import Fit


def capacity(site, ident):
    """What free nodes can give of a flavor (name or uuid); Invalid when there is none.

    ``{'flavor', 'devices': ready ones that it means, 'exclusive': those that no other flavor means, 'shared': {flavor: those that
    it means too}, 'satisfiable': the sum over nodes, 'nodes': [{'node', 'name', 'devices', 'satisfiable'}] in order of name}``.
    ``satisfiable`` of a node is the highest count that a request for this flavor alone would be granted there: fewer than its
    devices where they exclude each other, as a PF and its VFs do. Nodes that are not free count nothing.
    """
    flavor, fit = site.flavor(ident), Fit(site)
    bit, free = site.bits([flavor.name]), site.mask('free', True)
    found = {'flavor': flavor.name, 'devices': 0, 'exclusive': 0, 'shared': {}, 'satisfiable': 0, 'nodes': []}
    rows = []
    for board in site.boards.boards.values():
        here = [site.nodes[number] for number in board.nodes if free >> number & 1]
        means = [flavors for flavors in fit.flavors(board) if flavors & bit]
        if not here or not means:
            continue
        most = _most(fit, board, flavor.name, len(means))
        found['devices'] += len(means) * len(here)
        found['exclusive'] += sum(flavors == bit for flavors in means) * len(here)
        found['satisfiable'] += most * len(here)
        _share(site, found['shared'], means, bit, len(here))
        rows += [(node.sort, {'node': node.uuid, 'name': node.name, 'devices': len(means), 'satisfiable': most}) for node in here]
    found['nodes'] = [row for _, row in sorted(rows, key=lambda one: one[0])]
    return found


def _share(site, shared, means, bit, nodes):
    for name in site.flavors:
        other = site.bits([name])
        if other != bit and (count := sum(bool(flavors & other) for flavors in means)):
            shared[name] = shared.get(name, 0) + count * nodes


def _most(fit, board, name, devices):
    """The highest count of one flavor that a board can give, by halving: who can give n can give fewer."""
    low, high = 0, devices
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fit.answer(board, (request.Devices((name,), middle),)) else (low, middle - 1)
    return low
