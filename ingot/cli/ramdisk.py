"""``ingot ramdisk build``: kernel and ramdisk from Debian packages, without root."""

import os

from ingot.cli import settings
from ingot.ramdisk import build


def arguments(parser):
    parser.add_argument('what', choices=['build'])
    parser.add_argument('--output', metavar='DIR', help='where to write (default: STATE_DIR/ramdisk)')
    parser.add_argument('--flavour', choices=['small', 'full'], default='small',
                        help='small: virtual machines. full: drivers for real hardware.')
    settings.arguments(parser)


def run(options):
    folder = options.output or os.path.join(settings.load(options).state_dir, 'ramdisk')
    built = build.build(folder, flavour=options.flavour)
    for path in built:
        print(path)
    return 0
