"""Devices of boards as hypothesis draws them, and what may be assigned of them by the letter, tried one by one."""

import itertools

from hypothesis import strategies as st

from ingot.scheduler.board import Shape


def device(place, **values):
    """A row of a device that may be given."""
    return {'uuid': f'd{place}', 'address': f'0000:{place:02x}:00.0', 'state': 'ready', 'offered': True, 'allocation_id': None,
            **values}


@st.composite
def shapes(draw, most=7):
    """(Shape, NUMA nodes, costs) of a board: a PF of each VF comes before it, any device may be of a unit."""
    size = draw(st.integers(1, most))
    parents = []
    for place in range(size):
        pfs = [other for other in range(place) if parents[other] is None]
        parents.append(draw(st.sampled_from([None, None, *pfs])))
    units = draw(st.lists(st.sampled_from([None, None, None, 0, 1]), min_size=size, max_size=size))
    numas = draw(st.lists(st.sampled_from([0, 1, None]), min_size=size, max_size=size))
    return Shape(tuple(parents), tuple(units), all(numa is None for numa in numas)), numas, [1] * size


def is_right(shape, numas, entries, used):
    """Whether an assignment keeps what assign promises, by the letter."""
    flat = [place for places in used for place in places]
    if len(flat) != len(set(flat)) or any(len(places) != entry.count for places, entry in zip(used, entries, strict=True)):
        return False
    for places, entry in zip(used, entries, strict=True):
        if any(not entry.allowed >> place & 1 for place in places):
            return False
        told = {numas[place] for place in places}
        if entry.is_near and len(places) > 1 and not shape.is_flat and (len(told) > 1 or None in told):
            return False
    whole = {other for place in flat for other in range(len(numas))
             if other == place or (shape.units[place] is not None and shape.units[place] == shape.units[other])}
    for vf, pf in enumerate(shape.parents):
        if pf is not None and vf in whole and pf in whole:
            are_mates = shape.units[vf] is not None and shape.units[vf] == shape.units[pf]
            if (vf in flat and pf in flat) or not are_mates:
                return False
    return True


def every(shape, numas, entries):
    """All right assignments, by trying every one."""
    places = range(len(numas))
    return [used for used in itertools.product(*(itertools.combinations(places, entry.count) for entry in entries))
            if is_right(shape, numas, entries, used)]
