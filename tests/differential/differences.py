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

    def explains(self, request, line):
        return bool(re.search(self.request, str(request)) and re.search(self.line, line))


MEANT = (
    Difference('Errors', 'Two shapes within `error_message`: one of controllers, one of routing and version checks',
               'One: `faultcode`, `faultstring`, `debuginfo`; beside it `code`, `remedy`, `retryable`',
               r'', r'^error: "(code, description, title|no JSON within error_message)" \|'),
    Difference('Version headers', 'Not with a 404 or 405 of routing, nor when the version cannot be read', 'With every answer',
               r'', r'^header.x-openstack-ironic-api-(minimum-|maximum-|)version: absent'),
    Difference('`Allow` of a 405', 'Not always there, the same for the collection and its items',
               'The methods that there are at this very place', r'', r'^header.allow: '),
    Difference('`next`', 'Drops most filters; spells out defaults', 'Keeps every argument of the request, and adds none',
               r' GET ', r'^body.next: "http.* \| "http'),
    Difference('`reservation` in the answer to a PATCH', 'May show the lock of this very request', 'Null: the lock is gone',
               r' PATCH /v1/nodes/', r'^body.reservation: "127.0.0.1" \| null'),
    Difference('Malformed JSON, `null` as a body', '500', '400', r'( null|bad)$', r'^status: 500 .* \| 400'),
    Difference('A body that is not called JSON', 'Is read as JSON', '415', r'', r'^status: 20. .* \| 415'),
    Difference('Methods that there are not', '400, since what is there is read as an argument', '405, with `Allow`',
               r'', r'^status: 400 .* \| 405'),
    Difference('`nodes` of a chassis', 'A list within a list', 'A list of links', r' /v1/chassis', r'^body.*nodes: 1 items \[\['),
    Difference('`fields` with `links`, `ports`, `states` and the like', '400', 'They are shown', r'fields=.*(links|ports)',
               r'^status: 400 .* \| 200'),
    Difference('Fields that cannot be had alone', '500 for `conductor` and `allocation_uuid` in a list', 'They are shown',
               r'GET /v1/nodes\?fields=.*(conductor|allocation_uuid)', r'^status: 500 .* \| 200'),
    Difference('Query arguments newer than the version', 'Some are obeyed or ignored, some answered with 400', '406 for all',
               r' GET .*\?', r'^status: (200|400) .* \| 406 .*needs API version'),
    Difference('Words that are no uuid where one must be', '400', '404: there is no such thing',
               r' (GET|DELETE) /v1/(chassis|ports)/nope$', r'^status: 400 .* \| 404'),
    Difference('Properties of drivers', 'Example words of the fake driver; long texts', 'What our fakes understand; short texts',
               r'/v1/drivers/fake-hardware/(properties|raid)|/drivers/fake-hardware/properties', r'^body'),
    Difference('Unknown vendor methods of a driver', '500', '400, with those that there are',
               r'vendor_passthru', r'^status: 500 .* \| 400'),
    Difference('A node in a group that no conductor serves yet', '400', '201: the group may get its conductor later',
               r'"conductor_group"', r'^status: 400 .*No conductor service.* \| 20'),
    Difference('`updated_at` of a new node', 'A time already', 'Null until it is changed', r'', r'^body.*updated_at: "<time>.00:00" \| null'),
    Difference('Nodes by `node` and `address` at once', 'Ports: the address is ignored', 'Both must be true', r'/v1/ports\?node=n2&address=',
               r'^body.ports: 1 items'),
    Difference('JSON pointer escapes', '400', '`~0` and `~1` work', r'PATCH .*~1', r'^status: 400 .* \| 200'),
    Difference('null, or the removal, of what has a default', '500', 'It goes back to its default', r'POST|PATCH .*"remove"',
               r'^status: 500 .* \| 20[01]'),
    Difference('`children` below 1.83', '500', '404', r'1.82 GET .*/children', r'^status: 500 .* \| 404'),
    Difference('`Accept` of something else than JSON', '406', 'JSON all the same, as the documentation of Ironic has it',
               r' GET /v1/nodes$', r'^status: 406 .*(html|xml).* \| 200'),
    Difference('POST to /', 'Is answered like GET', '405', r' POST / ', r'^status: 200 .* \| 405'),
    Difference('Sorting conductors by `alive`', '400', 'Works', r'sort_key=alive', r'^status: 400 .* \| 200'),
)


def page():
    """docs/differences.md"""
    rows = [f'| {one.what} | {one.theirs} | {one.ours} |' for one in MEANT]
    return '\n'.join(rows) + '\n'


if __name__ == '__main__':
    sys.stdout.write(page())
