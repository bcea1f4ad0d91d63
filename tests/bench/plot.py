"""Plots as SVG, written by hand: a few lines, no library."""

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 640, 300, 60, 40, 40
_INNER_WIDTH, _INNER_HEIGHT = _WIDTH - 2 * _LEFT, _HEIGHT - _TOP - _BOTTOM


def storm(loads, goodputs, latencies):
    """Goodput (bars, left axis) and p95 of the API (line, right axis, with its goal of 100 ms) over the load."""
    most, slowest = 1.2 * max(goodputs), max(120.0, 1.1 * max(latencies))
    step = _INNER_WIDTH / len(loads)
    parts = [_text(_LEFT, 20, 'Goodput, deployments/s (bars)', color='#1f6f8b'),
             _text(_WIDTH - _LEFT, 20, 'API p95, ms (line)', anchor='end', color='#b5532d')]
    for number, (times, goodput) in enumerate(zip(loads, goodputs, strict=True)):
        left, height = _LEFT + step * number + step * 0.2, _INNER_HEIGHT * goodput / most
        parts.append(f'<rect x="{left:.1f}" y="{_HEIGHT - _BOTTOM - height:.1f}" width="{step * 0.6:.1f}" height="{height:.1f}" '
                     f'fill="#8fc1d4"/>')
        parts.append(_text(left + step * 0.3, _HEIGHT - _BOTTOM + 18, f'{times}x'))
        parts.append(_text(left + step * 0.3, _HEIGHT - _BOTTOM - height + 16, f'{goodput:.2f}', color='#1f6f8b'))
    points = [(_LEFT + step * (number + 0.5), _height_of(value, slowest)) for number, value in enumerate(latencies)]
    goal = _height_of(100, slowest)
    parts.append(f'<path d="M{_LEFT},{goal:.1f} H{_WIDTH - _LEFT}" stroke="#b5532d" stroke-dasharray="4"/>')
    parts.append(_text(_WIDTH - _LEFT + 4, goal + 4, '100', anchor='start', color='#b5532d'))
    parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="none" stroke="#b5532d" '
                 f'stroke-width="2"/>')
    parts += [_text(x, y - 8, f'{value:.0f}', color='#b5532d') for (x, y), value in zip(points, latencies, strict=True)]
    parts.append(f'<path d="M{_LEFT},{_TOP} V{_HEIGHT - _BOTTOM} H{_WIDTH - _LEFT} V{_TOP}" fill="none" stroke="#444"/>')
    parts.append(_text(_WIDTH / 2, _HEIGHT - 4, 'deployments that arrive, in multiples of capacity'))
    body = '\n'.join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">\n'
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>\n{body}\n</svg>\n')


def _height_of(value, most):
    return _HEIGHT - _BOTTOM - _INNER_HEIGHT * value / most


def _text(x, y, words, anchor='middle', color='#222'):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{words}</text>'
