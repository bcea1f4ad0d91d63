"""``make sdk``: openstacksdk's own functional tests of baremetal, as its wheel ships them, against ``ingot serve``.

    python -m tests.clients.sdk [--database mariadb] [words for pytest, such as -k allocation]

The tests run in a virtual environment of their own. Ends with what failed and the number of passed and failed tests.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from tests import databases
from tests.clients import serve
from tests.clients.venv import venv

_NEEDED = ('openstacksdk==4.22.0', 'python-ironicclient==6.3.0', 'oslotest==6.1.1', 'requests-mock==1.12.1',
           'testscenarios==0.7.0', 'testtools==2.9.1', 'ddt==1.7.2', 'pytest==9.1.1')
_SUITE, _TESTS = 'openstack.tests.functional.baremetal', 96


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--database', choices=databases.KINDS, default='sqlite')
    parser.add_argument('--url', help='a server that runs already, instead of one of our own')
    options, rest = parser.parse_known_args(words)
    databases.kind = options.database
    programs = venv('openstacksdk', *_NEEDED)
    with tempfile.TemporaryDirectory(prefix='ingot-sdk-') as name:
        folder = pathlib.Path(name)
        if options.url:
            return run(programs, folder, options.url, rest)
        (folder / 'state').mkdir()
        with serve.ingot(folder / 'state', databases.new(folder), host='ingot-sdk') as (url, _):
            status = run(programs, folder, url, rest)
            told = (folder / 'state/serve.log').read_text().splitlines()
            print(*[line for line in told if line[24:27] == 'E i' or line.startswith((' ', 'Traceback'))][-60:], sep='\n')
            return status


def run(programs, folder, url, words):
    """Run the tests against ``url``; 0 when all have passed."""
    (folder / 'clouds.yaml').write_text(json.dumps({'clouds': {name: cloud(url) for name in (
        'devstack', 'devstack-alt', 'devstack-admin', 'devstack-system-admin')}}))
    report = folder / 'report.xml'
    environment = {**os.environ, 'OS_CLIENT_CONFIG_FILE': str(folder / 'clouds.yaml'), 'OS_CLOUD': 'devstack-admin',
                   'OPENSTACKSDK_FUNC_TEST_TIMEOUT': '60', 'OS_TEST_TIMEOUT': '60', 'OPENSTACKSDK_HAS_IRONIC': '1',
                   'no_proxy': '127.0.0.1'}
    subprocess.run([programs / 'pytest', '-q', '--tb=short', '-p', 'no:cacheprovider', f'--junitxml={report}', '--pyargs',
                    _SUITE, *words], cwd=folder, env=environment, check=False)
    cases = list(xml.etree.ElementTree.parse(report).getroot().iter('testcase'))
    bad = [case for case in cases if case.find('failure') is not None or case.find('error') is not None]
    skipped = [case for case in cases if case.find('skipped') is not None]
    print(f'openstacksdk: passed {len(cases) - len(bad) - len(skipped)} failed {len(bad)} skipped {len(skipped)} of {len(cases)}')
    return 1 if bad or skipped or (not words and len(cases) != _TESTS) else 0


def cloud(url):
    return {'auth_type': 'none', 'auth': {'endpoint': url}, 'baremetal_endpoint_override': url, 'baremetal_api_version': '1',
            **{f'has_{service}': False for service in ('compute', 'image', 'network', 'object_store')}}


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
