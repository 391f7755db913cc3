"""The nginx files of a measurement: the canned upstream, and the bare proxy everything is compared with."""

from pathlib import Path

from tests.load.answers import PATH, Menu
from tests.support.programs import program

CERTIFICATES = Path(__file__).parents[1] / "support" / "certificates"
_FRAME = """\
daemon off;
master_process off;
pid nginx.pid;
error_log error.log error;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    client_body_buffer_size 64k;
    keepalive_requests 100000000;
    keepalive_timeout 600s;
    tcp_nodelay on;
    types {{ application/json json; text/event-stream sse; }}
{inside}
}}
"""
"""One process, which one pid ends. Whether a connection is used again must not depend on how long the test takes."""

_UPSTREAM = """\
    sendfile on;
    tcp_nopush on;
    open_file_cache max=100 inactive=600s;
    open_file_cache_valid 600s;
    ssl_certificate {certificate};
    ssl_certificate_key {certificate};
    ssl_session_cache shared:tls:4m;
    map $content_length $answer {{
        default /unknown;
{answers}
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        listen 127.0.0.1:{tls_port} ssl backlog=4096;
        root {files};
        location = {path} {{
            error_page 405 =200 $answer;
            return 405;
        }}
        location = /unknown {{ internal; return 500; }}
        location /quick/ {{ internal; }}
{slow}
    }}
"""
"""A POST becomes the GET of a file: nginx serves files to nothing else."""

_SLOW = """\
        location /{name}/ {{ internal; auth_request /wait/{name}; }}
        location = /wait/{name} {{
            internal;
            proxy_pass http://127.0.0.1:{waits_port}/{seconds:g};
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }}
"""
"""nginx cannot wait; it can ask whether a file may be given, and whoever it asks can take his time."""

_PROXY = """\
    sendfile on;
    map $http_authorization $known {{
        default 0;
        "Bearer {key}" 1;
    }}
    upstream plain {{
        server 127.0.0.1:{upstream_port};
        keepalive 1024;
        keepalive_requests 100000000;
        keepalive_timeout 600s;
    }}
    upstream secured {{
        server 127.0.0.1:{upstream_tls_port};
        keepalive 1024;
        keepalive_requests 100000000;
        keepalive_timeout 600s;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Authorization "Bearer sk-of-the-upstream";
    proxy_buffer_size 64k;
    proxy_buffers 16 512k;
    proxy_busy_buffers_size 4m;
    proxy_max_temp_file_size 0;
    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate {authority};
    proxy_ssl_name localhost;
    proxy_ssl_server_name on;
    proxy_read_timeout 600s;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            if ($known = 0) {{ return 401; }}
            proxy_pass http://plain;
        }}
    }}
    server {{
        listen 127.0.0.1:{tls_port} backlog=4096;
        location / {{
            if ($known = 0) {{ return 401; }}
            proxy_pass https://secured;
        }}
    }}
"""
"""The upstream over TLS has a door of its own. Nothing goes to disk; the buffers are as big as they still pay off."""


def upstream_words(folder: Path, menu: Menu, *, port: int, tls_port: int, waits_port: int) -> list[str]:
    """Write the files of a canned upstream; gives its command line."""
    lines, slow = [], []
    for pattern, answer in menu.patterns().items():
        place = answer.name if answer.slow_seconds else "quick"
        name = f"{place}/{answer.name}.{'sse' if answer.is_stream else 'json'}"
        (folder / "files" / place).mkdir(parents=True, exist_ok=True)
        (folder / "files" / name).write_bytes(answer.body)
        lines.append(f"        ~{pattern} /{name};")
        if answer.slow_seconds:
            slow.append(_SLOW.format(name=answer.name, waits_port=waits_port, seconds=answer.slow_seconds))
    inside = _UPSTREAM.format(
        port=port,
        tls_port=tls_port,
        certificate=CERTIFICATES / "localhost.pem",
        files=folder / "files",
        path=PATH,
        answers="\n".join(lines),
        slow="".join(slow),
    )
    return _words(folder, inside)


def proxy_words(
    folder: Path, *, key: str, port: int, tls_port: int, upstream_port: int, tls_upstream: int
) -> list[str]:
    """Write the files of a bare proxy that knows one key; gives its command line."""
    inside = _PROXY.format(
        key=key,
        port=port,
        tls_port=tls_port,
        upstream_port=upstream_port,
        upstream_tls_port=tls_upstream,
        authority=CERTIFICATES / "authority.pem",
    )
    return _words(folder, inside)


def _words(folder: Path, inside: str) -> list[str]:
    (folder / "temp").mkdir(parents=True)
    file = folder / "nginx.conf"
    file.write_text(_FRAME.format(inside=inside, files=20_000, connections=8_192))
    return [str(program("nginx", "nginx")), "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log")]
