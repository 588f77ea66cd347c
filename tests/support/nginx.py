"""A real nginx that serves the page below a path, as people have it at home."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.harness import eventually
from tests.support.page import listens

from bluenova_tools.local import free_port

_CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location /bat/ {{ proxy_pass {target}; }}
  }}
}}
"""


def find_nginx() -> str | None:
    """Where nginx is, if it is installed; root's folders are not in everybody's PATH."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return shutil.which("nginx", path=places)


@contextlib.contextmanager
def nginx(program: str, folder: Path, target: str) -> Iterator[str]:
    """Its address, with the path below which it has what is at the target."""
    folder.mkdir()
    port = free_port()
    file = folder / "nginx.conf"
    text = _CONFIGURATION.format(folder=folder, port=port, target=target)
    file.write_text(text, encoding="utf-8")
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(file)]
    with subprocess.Popen(command) as running:
        try:
            eventually(lambda: listens(port))
            yield f"http://127.0.0.1:{port}/bat"
        finally:
            running.terminate()
