"""What differs between two answers, as lines that a person can read."""

import json

#: How much of a value is shown.
_SHOWN = 110


def answers(theirs, ours):
    """[line] for two side.Told: nothing when they are equal as far as clients see."""
    if theirs.status != ours.status:
        return [f'status: {theirs.status} {_reason(theirs)} | {ours.status} {_reason(ours)}']
    headers = list(_values('header', theirs.headers, ours.headers))
    if theirs.status >= 400:
        return headers + list(_values('error', _shape(theirs.raw), _shape(ours.raw)))
    return headers + list(_values('body', theirs.body, ours.body))


def _reason(told):
    return f'({_text(told.raw)[:_SHOWN]})' if told.status >= 400 and told.raw else ''


def _shape(body):
    """How an error is told: the words differ and may."""
    inner = _inner(body)
    return ', '.join(sorted(inner)) if isinstance(inner, dict) else 'no JSON within error_message'


def _inner(body):
    try:
        return json.loads(body['error_message'])
    except (TypeError, KeyError, ValueError):
        return None


def _text(body):
    inner = _inner(body)
    return str(inner.get('faultstring') or inner.get('description')) if isinstance(inner, dict) else str(body)


def _values(where, theirs, ours):
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted(theirs.keys() | ours.keys()):
            if name not in ours or name not in theirs:
                yield (f'{where}.{name}: {_short(theirs[name]) if name in theirs else "absent"} | '
                       f'{_short(ours[name]) if name in ours else "absent"}')
            else:
                yield from _values(f'{where}.{name}', theirs[name], ours[name])
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for one, other in zip(theirs, ours, strict=True):
            yield from _values(f'{where}[]', one, other)
    elif isinstance(theirs, list) and isinstance(ours, list):
        yield f'{where}: {len(theirs)} items {_short(theirs)} | {len(ours)} items {_short(ours)}'
    elif type(theirs) is not type(ours) or theirs != ours:
        yield f'{where}: {_short(theirs)} | {_short(ours)}'


def _short(value):
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + '...'
