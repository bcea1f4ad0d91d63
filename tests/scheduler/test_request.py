"""What a request may say."""

import pytest

from ingot import errors
from ingot.scheduler import request
from ingot.scheduler.request import Devices

REFUSED = [
    ([], 'object'), ({'pcis': []}, 'did you mean pci'), ({'count': 0}, '1 to 1000'), ({'count': -3}, '1 to 1000'),
    ({'count': True}, 'whole number'), ({'count': 1.5}, 'whole number'), ({'traits': 'CUSTOM_A'}, 'list'),
    ({'traits': ['']}, r'traits\[0\]'),
    ({'traits': ['A', 'A']}, 'twice'), ({'traits': ['A'], 'forbidden_traits': ['A']}, 'forbidden_traits'),
    ({'preferred_traits': ['A'], 'forbidden_traits': ['A']}, 'preferred_traits'), ({'pci': {}}, 'list'),
    ({'pci': [{}]}, 'at least one'),
    ({'pci': [{'flavors': []}]}, 'at least one'), ({'pci': [{'flavors': ['x'], 'count': -1}]}, r'pci\[0\].count'),
    ({'pci': [{'flavors': ['x'], 'count': 0}]}, '1 to 256'), ({'pci': [{'flavors': ['x'], 'numa': 'near'}]}, '"same"'),
    ({'pci': [{'flavors': ['x'], 'cuont': 1}]}, 'flavors'), ({'pci': [{'flavors': ['x', 'x']}]}, 'twice'),
    ({'pci': [{'flavors': ['x'], 'count': 200}] * 2}, '400 devices'), ({'where': 'cpu.count > 3'}, 'list'),
    ({'where': ['cpu.count >']}, r'where\[0\]'), ({'strategy': 'random'}, 'spread, pack'), ({'expires_in': -1}, 'seconds'),
    ({'priority': '1'}, 'whole number'), ({'count': 3, 'candidate_nodes': ['a', 'b']}, 'among 2'),
    ({'placement_group': ''}, '1 to 255'),
]


@pytest.mark.parametrize(('value', 'words'), REFUSED, ids=[str(value)[:50] for value, _ in REFUSED])
def test_what_is_refused_names_the_member(value, words):
    with pytest.raises(errors.Invalid, match=words) as caught:
        request.read(value)
    assert caught.value.status == 400


def test_what_is_left_out_or_null_has_its_default():
    assert request.read({}) == request.read(dict.fromkeys(request.READERS)) == request.Request()
    assert request.read({'pci': [{'flavors': ['a', 'b']}]}).pci == (Devices(('a', 'b'), 1, False),)
    assert request.read({'pci': [{'flavors': ['a'], 'count': 2, 'numa': 'same'}]}).pci == (Devices(('a',), 2, True),)
