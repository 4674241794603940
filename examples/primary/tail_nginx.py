"""Follows nginx's access log and writes the echo of cold files where nginx serves it. Needs nothing but Python.

    python tail_nginx.py --key-file /etc/mirrorbond.key --log /var/log/nginx/access.log --root /var/www/app

Run it beside nginx, which needs no change: the log's usual ("combined") format is read. Rotation is followed.
"""

import argparse
import os
import re
import time
from pathlib import Path
from urllib.parse import unquote

from mirrorbond_primary import ECHO_PATH, Primary, plain

_LINE = re.compile(r'"GET (?P<target>[^ "]+) HTTP/[0-9.]+" [0-9]{3} ')
_PAUSE_S = 0.5
_HOST = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*")
_LONGEST_LINE = 16 * 1024


def path_in(line, base=""):
    """The path of a request as it stands in a line of the log, below the base; "" for what is none."""
    found = _LINE.search(line)
    if found is None:
        return ""
    target = re.split("[?#]", _HOST.sub("", found["target"]), maxsplit=1)[0]
    path = plain(unquote(target))
    return path.removeprefix(base) if path.startswith(base) else ""


def follow(path):
    """The lines that are added to a file from now on, and None when there is none; a rotated file is opened anew."""
    opened, inode, rest = None, None, ""
    while True:
        try:
            now = path.stat()
        except FileNotFoundError:
            now = None
        if now and (opened is None or now.st_ino != inode or now.st_size < opened.tell()):
            first = opened is None
            if opened:
                opened.close()
            opened, inode, rest = path.open(encoding="utf-8", errors="replace"), now.st_ino, ""
            if first:
                opened.seek(0, os.SEEK_END)
        added = opened.readline(_LONGEST_LINE) if opened else ""
        rest += added
        if rest.endswith("\n") or len(rest) >= _LONGEST_LINE:
            yield rest
            rest = ""
        elif not added:
            yield None


def write(primary, root):
    """Put the echo where it is served, all at once."""
    place = Path(root) / ECHO_PATH.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    new = place.with_suffix(".new")
    new.write_bytes(primary.echo())
    new.chmod(0o644)
    new.replace(place)


def main():
    """Follow until stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--key-file", required=True, help="file with the key, 64 hexadecimal digits")
    parser.add_argument("--log", required=True, help="nginx's access log")
    parser.add_argument("--root", required=True, help="the folder that nginx serves")
    parser.add_argument("--base", default="", help="path before the application's, such as /app")
    given = parser.parse_args()
    primary = Primary(Path(given.key_file).read_text().strip())
    for line in follow(Path(given.log)):
        if line is not None:
            primary.note(path_in(line, given.base))
            continue
        write(primary, given.root)
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    main()
