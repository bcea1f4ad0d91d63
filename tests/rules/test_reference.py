import pytest

from ingot import errors
from ingot.rules import reference

FACTS = {'node': {'name': 'n1', 'driver_info': {'ipmi_password': 'sesame', 'ipmi_address': 'bmc'}},
         'inventory': {'cpu': {'count': 32}, 'disks': [{'name': '/dev/sda'}], 'none': None}, 'plugin_data': {}}


@pytest.mark.parametrize(('text', 'value'), [
    ('{inventory[cpu][count]}', 32), ('{inventory.cpu.count}', 32), ('{inventory[disks][0][name]}', '/dev/sda'),
    ('{inventory[cpu]}', {'count': 32}), ('{inventory[none]}', None),
    ('{node[name]}: {inventory[cpu][count]} CPUs', 'n1: 32 CPUs'), ('{{{node.name}}}', '{n1}'), ('plain', 'plain'),
    (['{node.name}', 1, {'{node.name}': '{node.name}'}], ['n1', 1, {'n1': 'n1'}])])
def test_references_become_values(text, value):
    assert reference.fill(text, FACTS) == value


def test_secrets_are_not_told():
    assert reference.fill('{node[driver_info][ipmi_password]}', FACTS) == '***'
    assert reference.fill('{node[driver_info]}', FACTS) == {'ipmi_password': '***', 'ipmi_address': 'bmc'}
    assert 'sesame' not in reference.fill('all: {node}', FACTS)


@pytest.mark.parametrize('text', ['{inventory[gpu]}', '{inventory[disks][7]}', '{inventory[disks][x]}', '{node.name.__class__}',
                                  '{item}'])
def test_what_is_not_there_is_missing(text):
    with pytest.raises(reference.Missing):
        reference.fill(text, FACTS)
    assert reference.fill(f'see {text}', FACTS, is_lenient=True) == f'see {text}'


@pytest.mark.parametrize('text', ['{', '}', '{}', '{0}', '{os.environ}', '{node.name!r}', '{node.name:>1000000000}', '{node[}',
                                  ['{bad}'], {'{bad}': 1}, '{node[a[b]]}'])
def test_malformed_references_are_refused(text):
    with pytest.raises(errors.Invalid):
        reference.check(text)
