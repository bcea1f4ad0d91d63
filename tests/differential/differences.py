"""The differences that are meant: a table that the test goes by, and from which docs/differences.md is made."""

import dataclasses
import re
import sys


@dataclasses.dataclass(frozen=True)
class Difference:
    """``request`` and ``line`` are regular expressions: which requests, which lines of compare.answers."""

    what: str
    theirs: str
    ours: str
    request: str
    line: str
    is_constant: bool = True       # not so: it may be seen, and may not

    def explains(self, request, line):
        return bool(re.search(self.request, str(request)) and re.search(self.line, line))


MEANT = (
    Difference('Errors', 'Two shapes within `error_message`: one of controllers, one of routing and version checks',
               'One: `faultcode`, `faultstring`, `debuginfo`; beside it `code`, `remedy`, `retryable`', r'',
               r'^error: "(code, description, title|no JSON within error_message)" \|'),
    Difference('Version headers', 'Not with a 404 or 405 of routing, nor when the version cannot be read', 'With every answer',
               r'', r'^header.x-openstack-ironic-api-(minimum-|maximum-|)version: absent'),
    Difference('`Allow` of a 405', 'Not always there, the same for the collection and its items',
               'The methods that there are at this very place', r'', r'^header.allow: '),
    Difference('`next`', 'Drops most filters; spells out defaults', 'Keeps every argument of the request, and adds none',
               r' GET ', r'^body.next: "http.* \| "http'),
    Difference('`reservation` in the answer to a PATCH', 'May show the lock of this very request', 'Null: the lock is gone',
               r' PATCH /v1/nodes/', r'^body.reservation: "127.0.0.1" \| null', is_constant=False),
    Difference('A node that was inspected, or deployed', 'Nothing of who made it, nor of when that was',
               '`system_vendor system_product system_serial last_inspected_at last_deployed_at` where they are set',
               r' GET /v1/nodes/',
               r'^body.(last_(inspected|deployed|heartbeat)_at|system_(vendor|product|serial)): absent'),
    Difference('Malformed JSON, `null` as a body', '500', '400', r'( null|bad)$', r'^status: 500 .* \| 400'),
    Difference('A body that is not called JSON', 'Is read as JSON', '415', r'', r'^status: 20. .* \| 415'),
    Difference('Methods that there are not', '400, since what is there is read as an argument', '405, with `Allow`', r'',
               r'^status: 400 .* \| 405'),
    Difference('`nodes` of a chassis', 'A list within a list', 'A list of links', r' /v1/chassis',
               r'^body.*nodes: 1 items \[\['),
    Difference('`fields` with `links`, `ports`, `states` and the like', '400', 'They are shown', r'fields=.*(links|ports)',
               r'^status: 400 .* \| 200'),
    Difference('Fields that cannot be had alone', '500 for `conductor` and `allocation_uuid` in a list', 'They are shown',
               r'GET /v1/nodes\?fields=.*(conductor|allocation_uuid)', r'^status: 500 .* \| 200'),
    Difference('Query arguments newer than the version', 'Some are obeyed or ignored, some answered with 400', '406 for all',
               r' GET .*\?', r'^status: (200|400) .* \| 406 .*needs API version'),
    Difference('Words that are no uuid where one must be', '400', '404: there is no such thing',
               r'(GET|DELETE) /v1/(chassis|ports|volume/targets)/[^/?]+$|marker=nope', r'^status: 400 .* \| 404'),
    Difference('Properties of drivers', 'Example words of the fake driver; long texts',
               'What our fakes understand; short texts',
               r'/v1/drivers/fake-hardware/(properties|raid)|/drivers/fake-hardware/properties', r'^body'),
    Difference('Unknown vendor methods of a driver', '500', '400, with those that there are', r'vendor_passthru',
               r'^status: 500 .* \| 400'),
    Difference('A node in a group that no conductor serves yet', '400', '201: the group may get its conductor later',
               r'conductor_group', r'^status: 400 .*No conductor service.* \| 20'),
    Difference('`updated_at` of a new node', 'A time already', 'Null until it is changed', r'',
               r'^body.*updated_at: "<time>.00:00" \| null'),
    Difference('Nodes by `node` and `address` at once', 'Ports: the address is ignored', 'Both must be true',
               r'/v1/ports\?node=n2&address=', r'^body.ports: 1 items'),
    Difference('JSON pointer escapes', '400', '`~0` and `~1` work', r'PATCH .*~1', r'^status: 400 .* \| 200'),
    Difference('null, or the removal, of what has a default', '500', 'It goes back to its default', r'POST|PATCH .*"remove"',
               r'^status: 500 .* \| 20[01]'),
    Difference('`children` below 1.83', '500', '404', r'1.82 GET .*/children', r'^status: 500 .* \| 404'),
    Difference('`Accept` of something else than JSON', '406', 'JSON all the same, as the documentation of Ironic has it',
               r' GET /v1/nodes$', r'^status: 406 .*406 Not Acceptable.* \| 200'),
    Difference('What is newer than the version', '405 or 406 at some places, no check at others, 500 at one',
               '404, as for what does not exist', r'', r'^status: (200|405|406) .* \| 404 .*There is nothing at'),
    Difference('A GET where only writes are, or only more words', '405, or 500', '404, or 405 with `Allow`',
               r'GET .*/(states/power|states/provision|management|heartbeat)$', r'^status: (405|500)'),
    Difference('Fields in a body newer than the version', 'Some are answered with 400 as unknown, some are taken',
               '406 for all', r' (POST|PATCH|PUT) ', r'^status: (200|201|202|400) .* \| 406 .*needs API version'),
    Difference('`driver_internal_info`', 'Notes of its conductor', 'Notes of ours', r'/v1/nodes',
               r'^body(.nodes..)?.driver_internal_info'),
    Difference('`description` of a deploy template', 'Is taken and never shown', 'Is shown', r'/v1/deploy_templates',
               r'^body.*description: absent'),
    Difference('`traits` of a new runbook', '400: they can only be set afterwards', '201', r'POST /v1/runbooks .*traits',
               r'^status: 400 .*traits.* \| 201'),
    Difference('Links of inspection rules', 'Lead to /v1/inspection, where nothing is', 'Lead to the rule',
               r'/v1/inspection_rules', r'^body.*(href|next): .*/inspection/|^header.location: .*/inspection/'),
    Difference('Texts about vendor methods', 'Its own', 'Ours', r'vendor_passthru/methods', r'^body.*description'),
    Difference('Links of a node\'s volume', 'With the name where the request has one', 'With the uuid', r'/v1/nodes/n1/volume',
               r'^body.*href'),
    Difference('What is below a node or portgroup called by name', '404', 'The same as by uuid',
               r'GET /v1/(nodes/n1|portgroups/g1)/(ports|portgroups)', r'^status: 404 .* \| 200'),
    Difference('Steps without `interface`', '500', '400', r'states/provision', r'^status: 500 .* \| 400'),
    Difference('What fake hardware can',
               'Boots from the network only, no NMI, no boot mode, no inventory, no power state before the first change, '
               'off after a deployment', 'All of it works',
               r'/v1/nodes/(n1|.n1)(/management/|/states|/inventory|.fields=| \[|$)',
               r'supported_boot_devices|boot_device: "pxe" |persistent: false|inject_nmi|Invalid boot device|(boot_mode'
               r'|secure_boot|last_error|power_state): .* \| |properties\.(cpu_arch|cpus|local_gb|memory_mb): absent'
               r'|console_info|inventory record'),
    Difference('Unknown components and indicators', '400', '404', r'indicators/', r'^status: 400 .* \| 404'),
    Difference('Nulls in a sorted list', 'Where the database puts them', 'Last, on every database',
               r'sort_key=(description|owner|resource_class|name)', r'^body'),
    Difference('POST to /', 'Is answered like GET', '405', r' POST / ', r'^status: 200 .* \| 405'),
    Difference('Sorting conductors by `alive`', '400', 'Works', r'sort_key=alive', r'^status: 400 .* \| 200'),
    Difference('Name and description at `/`', 'Of Ironic', 'Of Ingot', r' GET /$', r'^body\.(name|description): '),
    Difference('Link to the documentation', 'An address with doubled slashes', 'The address of the API reference',
               r' GET /v1/?$', r'^body\.links.*docs\.openstack\.org'),
    Difference('Enabled interfaces of a driver', 'In no order', 'As they are configured', r' GET /v1/drivers',
               r'^body.*enabled_\w+_interfaces', is_constant=False),
    Difference('Names below 1.10', 'Host names only', 'As from 1.10', r'^1\.9 POST .*under_score', r'^status: 400 .* \| 201'),
    Difference('Lists without a word, as `fields=`', 'Are left out', '400', r' GET .*\?(shard|fields)=$',
               r'^status: 200 .* \| 400'),
    Difference('`fields` that there are not', '500 in a list of nodes', '400', r' GET /v1/nodes\?fields=.*nope',
               r'^status: 500 .* \| 400'),
    Difference('A slash at the end', '404 at some places', 'Is nothing', r' GET /v1/nodes/detail/$', r'^status: 404 .* \| 200'),
    Difference('What there is not below a node', '400, since its name is read as an argument', '404',
               r' GET /v1/nodes/a/(detail|nothing)$', r'^status: 400 .* \| 404'),
    Difference('Shards', 'In no order', 'By name, nodes without one last', r' GET /v1/shards', r'^body\.shards'),
    Difference('Removing `chassis_uuid` below 1.25', 'Done when it is null', '406', r'^1.24 PATCH .*chassis_uuid',
               r'^status: 200 .* \| 406'),
    Difference('A node as its own parent', 'Is taken', '400', r'PATCH .*/parent_node', r'^status: 200 .* \| 400 .*own parent'),
    Difference('Ports by the name of a node', '406 below 1.5', 'Found', r'^1\.1 GET /v1/ports\?node=n1',
               r'^status: 406 .* \| 200'),
    Difference('Names of ports with a space and the like', '201: it cannot be found by that name', '400',
               r'POST /v1/ports .*not valid', r'^status: 201 .* \| 400'),
    Difference('Port groups in detail', 'Fields newer than the version too', 'Those of the version',
               r' GET /v1/portgroups(/detail|\?detail=true)', r'^body\.portgroups..\.\w+: .* \| absent'),
    Difference('Removing `mode` of a port group', '400', 'It goes back to its default',
               r'PATCH /v1/portgroups/.*"remove", "path": "/mode"', r'^status: 400 .* \| 200'),
    Difference('`updated_at` of a runbook', 'Does not tell of traits', 'Tells of every change', r' GET /v1/runbooks/',
               r'^body.updated_at: null'),
    Difference('`instance_info.image_type`', 'Noted with the deployment', 'What the client has written', r'/v1/nodes/',
               r'instance_info.image_type: "whole-disk" \| absent'),
    Difference('Removing an interface of an active node that has the default', '409', '200: nothing changes',
               r'PATCH .*"remove", "path": "/power_interface"', r'^status: 409 .* \| 200'),
    Difference('`unhold` below 1.85', '400', '406', r'^1\.84 .*unhold', r'^status: 400 .* \| 406'),
)


def page():
    """docs/differences.md"""
    rows = [f'| {one.what} | {one.theirs} | {one.ours} |' for one in sorted(MEANT, key=lambda one: one.what.strip('`').lower())]
    return _HEAD + '\n'.join(rows) + '\n'


_HEAD = """# Where Ingot answers differently from Ironic, and means to

For who moves clients from Ironic 39.0.0. `make differential` replays a corpus of requests (tests/differential/corpus) to both
and compares status, headers and bodies, with ids and times made equal; words of errors are not compared, their shape is. It fails
for each difference that is not in this table, and for each that is seen no more. The table is made from
tests/differential/differences.py by `make differences`.

| What | Ironic 39.0.0 | Ingot |
|---|---|---|
"""


if __name__ == '__main__':
    sys.stdout.write(page())
