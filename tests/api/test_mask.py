import orjson
import pytest

from ingot.api import mask


def masked(document):
    return orjson.loads(orjson.dumps(mask.text(orjson.dumps(document).decode())))


@pytest.mark.parametrize('key', ['ipmi_password', 'redfish_password', 'snmp_auth_passphrase', 'agent_secret_token',
                                 'ipmi_hex_kg_key', 'configdrive', 'image_url', 'ClientSecret', 'credentials'])
def test_secrets_are_masked_at_any_depth(key):
    document = {'deep': [{key: 'hunter2'}], 'plain': 'shown', key: {'inner': 'hunter2'}}
    assert masked(document) == {'deep': [{key: '******'}], 'plain': 'shown', key: '******'}


def test_passwords_inside_urls_are_masked():
    assert masked({'image_source': 'http://me:hunter2@files/i.raw'}) == {'image_source': 'http://******@files/i.raw'}


def test_what_holds_no_secret_is_not_touched():
    text = '{ "ipmi_address": "10.0.0.1",  "n": 1.50 }'
    assert orjson.dumps(mask.text(text)) == text.encode()


def test_no_secret_is_no_stars():
    assert masked({'ipmi_password': None, 'has_password': True}) == {'ipmi_password': None, 'has_password': True}
