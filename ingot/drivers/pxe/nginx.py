"""The configuration with which a site's own nginx serves boot files instead of us."""

import os


def configuration(conf):
    """A ``server`` block for nginx's ``http`` block; pure. Source: nginx.org/en/docs, ngx_http_core_module."""
    host = f'[{conf.boot.host}]' if ':' in conf.boot.host else conf.boot.host
    root = os.path.join(os.path.abspath(conf.state_dir), 'http').replace('\\', '\\\\').replace('"', '\\"')
    return f'''# Written by Ingot at each start: change [boot] of ingot.conf, not this file.
server {{
    listen {host}:{conf.boot.port};
    server_name _;
    root "{root}";
    autoindex off;
    sendfile on;
    tcp_nopush on;
    default_type application/octet-stream;
    types {{ text/plain ipxe; application/efi efi; }}
    location ~ /\\. {{ return 404; }}
    location ~ \\.ipxe$ {{ add_header Cache-Control no-store; }}
    location ~ ^/(files|ipxe)/ {{ }}
    location / {{ return 404; }}
}}
'''


def write(conf):
    """Write it to state_dir/nginx.conf and return that path."""
    path = os.path.join(os.path.abspath(conf.state_dir), 'nginx.conf')
    with open(f'{path}.new', 'w') as file:
        file.write(configuration(conf))
    os.replace(f'{path}.new', path)
    return path
