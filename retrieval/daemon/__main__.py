"""The process that `client.start` starts: python -m retrieval.daemon '{"idle_s": 900}'."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from retrieval.daemon.place import make_runtime_folder
from retrieval.daemon.server import Server, log
from retrieval.errors import LockedError


def main(options: dict[str, Any]) -> None:
    """Serve until it is time to end. Somebody else may have been faster: that is no error."""
    os.chdir("/")  # no folder is kept from being removed or unmounted
    server = Server(make_runtime_folder(), float(options["idle_s"]))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    try:
        server.run(options.get("warm"))
    except LockedError as exc:
        log(f"process {os.getpid()} ends: {exc}")
    os._exit(0)  # a search that does not end must not keep the process


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
