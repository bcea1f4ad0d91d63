"""What the requests of a client are about: one of each kind of resource, deleted and made again all the time."""

import orjson

from tests.fuzz.asked import Request

_STEP = {'interface': 'bios', 'step': 'factory_reset', 'args': {}}
_VERBS = [[], ['manage'], ['manage', 'provide'], ['manage', 'provide', 'active'], ['manage', 'inspect']]


class Fixtures:
    """Those of client ``number``. ``idents``: {name of an ident in a path of the OpenAPI document: what stands for it}."""

    def __init__(self, number):
        uuid, node = f'1be26c0b-03f2-4d2e-ae87-0000000000{number:02x}', f'n{number}'
        of_node = {'uuid': uuid, 'node_uuid': uuid}
        self.node, self.idents = node, {
            'node': node, 'port': f'p{number}', 'portgroup': f'g{number}', 'chassis': uuid, 'allocation': f'a{number}',
            'driver': 'fake-hardware', 'connector': uuid, 'target': uuid, 'deploy_template': f'CUSTOM_T{number}',
            'runbook': f'CUSTOM_R{number}', 'inspection_rule': uuid, 'trait': 'CUSTOM_A', 'vif': 'v1', 'setting': 'boot_mode',
            'indicator': 'led@system', 'conductor': 'nobody', 'entry': uuid, 'shard': 's', 'scope': 'global', 'heartbeat': node,
            'placement_group': f'pg{number}', 'provider': f's{number}', 'vendor_passthru': 'methods', 'continue_inspection': node,
            'pci_flavor': f'f{number}', 'pci_device': '0000:17:00.0'}
        self._made = {
            'chassis': {'uuid': uuid},
            'nodes': {'uuid': uuid, 'driver': 'fake-hardware', 'name': node, 'resource_class': f'c{number}'},
            'portgroups': {'node_uuid': uuid, 'name': f'g{number}'},
            'ports': {'node_ident': node, 'name': f'p{number}', 'address': f'52:54:00:ff:00:{number:02x}'},
            'volume/connectors': {**of_node, 'type': 'iqn', 'connector_id': f'iqn.2026-01.example:{node}'},
            'volume/targets': {**of_node, 'volume_type': 'iscsi', 'boot_index': 0, 'volume_id': 'v'},
            'deploy_templates': {'name': f'CUSTOM_T{number}', 'steps': [{**_STEP, 'priority': 10}]},
            'runbooks': {'name': f'CUSTOM_R{number}', 'steps': [{**_STEP, 'order': 1}]},
            'inspection_rules': {'uuid': uuid, 'conditions': [], 'actions': [{'op': 'log', 'args': {'msg': 'x'}}]},
            'pci_flavors': {'name': f'f{number}', 'match': [{'vendor_id': '10de'}]},
            'placement_groups': {'name': f'pg{number}', 'policy': 'spread'},
            'allocations': {'name': f'a{number}', 'resource_class': f'c{number}'}}

    def requests(self, chance):
        """What makes everything anew, the node in one state or another."""
        node, idents = f'/v1/nodes/{self.node}', self.idents
        yield Request('PUT', f'{node}/maintenance', b'{}')
        for path in (f'allocations/{idents["allocation"]}', f'nodes/{self.node}', f'chassis/{idents["chassis"]}',
                     f'placement_groups/{idents["placement_group"]}'):
            yield Request('DELETE', f'/v1/{path}')
        for path, document in self._made.items():
            yield Request('POST', f'/v1/{path}', orjson.dumps(document))
        for verb in chance.choice(_VERBS):
            yield Request('PUT', f'{node}/states/provision', orjson.dumps({'target': verb}))
