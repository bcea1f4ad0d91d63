"""The tree of all resources, and the documents that tell which there are: ``/`` and ``/v1``."""

from ingot.api import answers, versions
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.v1 import (
    allocation,
    chassis,
    claim,
    conductor,
    decision,
    driver,
    events,
    feed,
    lookup,
    node,
    openapi,
    pci_device,
    pci_flavor,
    placement,
    placement_group,
    port,
    portgroup,
    queue,
    resource_class,
    rule,
    runbook,
    shard,
    stats,
    template,
    volume,
)

#: Collections in the document of /v1.
_LISTED = ('chassis', 'nodes', 'ports', 'drivers', 'portgroups', 'lookup', 'heartbeat', 'volume', 'conductors', 'allocations',
           'events', 'deploy_templates', 'shards', 'continue_inspection', 'runbooks', 'inspection_rules')
_VERSION = answers.shape(id=str, status=str, min_version=str, version=str, links=answers.LINKS)
_MEDIA = answers.shape(base=str, type=str)


def tree(site):
    """The root: everything stands below /v1, and below / as well."""
    resources = {'nodes': node.tree(site), 'ports': port.tree(site), 'chassis': chassis.tree(site),
                 'drivers': driver.tree(site), 'conductors': conductor.tree(site), 'feed': feed.Feed(site),
                 'portgroups': portgroup.tree(site), 'volume': volume.tree(site), 'deploy_templates': template.tree(site),
                 'runbooks': runbook.tree(site), 'inspection_rules': rule.tree(site), 'allocations': allocation.tree(site),
                 'shards': shard.Shards(site, since=versions.ENDPOINTS['shards']),
                 'events': events.Events(site, since=versions.ENDPOINTS['events']),
                 'lookup': lookup.Lookup(site, since=versions.ENDPOINTS['lookup']),
                 'heartbeat': lookup.Heartbeats(site, since=versions.ENDPOINTS['heartbeat']),
                 'continue_inspection': lookup.Inspections(site), 'queue': queue.tree(site),
                 'pci_devices': pci_device.Devices(site), 'pci_flavors': pci_flavor.tree(site),
                 'placement_groups': placement_group.tree(site), 'stats': stats.tree(site),
                 'decisions': decision.tree(site), 'claims': claim.tree(site),
                 'placement': placement.Reporting(site), 'resource_classes': resource_class.ResourceClasses(site)}
    root = Discovery(site, fixed={'v1': Version(site, fixed=resources), **resources, 'healthcheck': Health(site),
                                  'openapi.json': openapi.Document(site), 'docs': openapi.Page(site)})
    root.fixed['openapi.json'].root = root
    return root


class Discovery(Resource):
    """GET /: which versions there are."""

    @expose(answer=answers.shape(name=str, description=str, default_version=_VERSION, versions=answers.some(_VERSION)))
    def list(self, call):
        return {'name': 'Ingot', 'description': 'Bare metal provisioning with the API of OpenStack Ironic.',
                'default_version': _version(call), 'versions': [_version(call)]}


class Health(Resource):
    """GET /healthcheck: 200 while the database answers, 503 when it does not."""

    @expose(answer=answers.shape(status={'const': 'ok'}))
    def list(self, call):
        with self.site.database.read() as connection:
            connection.exec_driver_sql('SELECT 1').scalar()
        return {'status': 'ok'}


class Version(Resource):
    """GET /v1: which resources there are."""

    @expose(answer=answers.shape(('id', 'version', 'media_types', 'links'), id=str, version=_VERSION, media_types=_MEDIA,
                                 links=answers.LINKS, **dict.fromkeys(_LISTED, answers.LINKS)))
    def list(self, call):
        shown = [name for name in _LISTED if versions.ENDPOINTS.get(name, 1) <= call.minor]
        return {'id': 'v1', 'version': _version(call),
                'media_types': {'base': 'application/json', 'type': 'application/vnd.openstack.ironic.v1+json'},
                'links': [{'href': f'{call.base}/v1/', 'rel': 'self'},
                          {'href': 'https://docs.openstack.org/api-ref/baremetal/', 'rel': 'describedby', 'type': 'text/html'}],
                **{name: [{'href': f'{call.base}/v1/{name}/', 'rel': 'self'},
                          {'href': f'{call.base}/{name}/', 'rel': 'bookmark'}] for name in shown}}


def _version(call):
    return {'id': 'v1', 'status': 'CURRENT', 'min_version': f'1.{versions.LEAST}', 'version': f'1.{versions.MOST}',
            'links': [{'href': f'{call.base}/v1/', 'rel': 'self'}]}
