"""Options that the services share: where the configuration comes from."""

import os
import pathlib

from ingot import config, errors

DEFAULT_FILE = pathlib.Path('/etc/ingot/ingot.conf')


def arguments(parser):
    """--config-file, --state-dir and --set, the same for every service."""
    parser.add_argument('--config-file', action='append', metavar='FILE', default=[],
                        help=f'configuration; may be given several times (default: {DEFAULT_FILE}, if there is one)')
    parser.add_argument('--state-dir', metavar='DIR', help='folder for everything that is written')
    parser.add_argument('--set', action='append', metavar='GROUP.NAME=VALUE', default=[], dest='overrides',
                        help='one option, over what the files say; may be given several times')


def load(options, **overrides):
    """The configuration that the command line asks for; the state folder is made."""
    files = options.config_file or ([DEFAULT_FILE] if DEFAULT_FILE.exists() else [])
    if options.state_dir:
        overrides['state_dir'] = os.path.abspath(options.state_dir)
    for text in options.overrides:
        key, separator, value = text.partition('=')
        if not separator:
            raise errors.Invalid(f'--set {text}: expected GROUP.NAME=VALUE.')
        overrides[key.replace('.', '__', 1)] = value
    try:
        conf = config.load(files, **overrides)
    except config.cfg.Error as error:
        raise errors.Invalid(f'Configuration: {error}') from None
    try:
        os.makedirs(conf.state_dir, mode=0o750, exist_ok=True)
    except OSError as error:
        raise errors.Invalid(f'State folder {conf.state_dir}: {error.strerror}.',
                             remedy='Choose another with --state-dir.') from None
    return conf
