"""CPU time per probe of the engine and of prometheus-blackbox-exporter, in turn, and the ratio within each round."""

from __future__ import annotations

import argparse
import datetime
import ipaddress
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import certifi
import pycurl
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.probe_peer import Peer
from oracle.probes.engine import CONCURRENCY

ADDRESS = "127.1.1.1"
LENGTH = 20_000
LIMITS = {"http": 0.2, "https": 0.7}


def main() -> None:
    """Measure, print the table, and write the raw samples."""
    options = _options()
    cores = sorted(os.sched_getaffinity(0))
    prober, others = cores[0], cores[-1]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        ca_file = _certificates(folder)
        os.sched_setaffinity(0, {others})
        with _server(folder) as server:
            ports = dict(zip(LIMITS, map(int, server.stdout.readline().split()), strict=True))  # type: ignore[union-attr]
            urls = {scheme: f"{scheme}://{ADDRESS}:{port}/file" for scheme, port in ports.items()}
            samples = _samples(options, urls, ca_file, folder, prober)
    result = _summary(options, samples)
    _print(result)
    if options.output:
        options.output.write_text(json.dumps(result, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", default="", help="the exporter's binary; without it only our own side is measured")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--probes", type=int, default=2_000, help="per round, over TLS half of them")
    parser.add_argument("--at-once", type=int, default=CONCURRENCY)
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


def _server(folder: Path) -> subprocess.Popen[str]:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "benchmarks.probe_server",
        ADDRESS,
        str(LENGTH),
        folder / "server.pem",
        folder / "key.pem",
    ]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603


def _samples(
    options: argparse.Namespace, urls: dict[str, str], ca_file: Path, folder: Path, core: int
) -> list[dict[str, Any]]:
    if not options.peer:
        return [_round(options, urls, ca_file, core, None) for _ in range(options.rounds)]
    with Peer(options.peer, folder, str(ca_file), core) as peer:
        peer.wait()
        return [_round(options, urls, ca_file, core, peer) for _ in range(options.rounds)]


def _round(
    options: argparse.Namespace, urls: dict[str, str], ca_file: Path, core: int, peer: Peer | None
) -> dict[str, Any]:
    """User and system microseconds of each contestant, one right after the other; the peer next to the engine."""
    taken: dict[str, Any] = {"load": os.getloadavg()[0]}
    for scheme, url in urls.items():
        probes = options.probes // (2 if scheme == "https" else 1)
        for kind in ("engine", "peer", "libcurl", "sockets")[: 4 if scheme == "http" else 3]:
            if kind != "peer":
                taken[f"{scheme} {kind}"] = _ours(kind, url, probes, options.at_once, ca_file, core)
            elif peer is not None:
                taken[f"{scheme} peer"] = peer.measure(url, probes, options.at_once)
    return taken


def _ours(kind: str, url: str, probes: int, at_once: int, ca_file: Path, core: int) -> list[float]:
    told = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "benchmarks.probe_floor", kind, url, str(probes), str(at_once), ca_file],
        check=True, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )  # fmt: skip
    return [float(part) for part in told.stdout.split()]


def _summary(options: argparse.Namespace, samples: list[dict[str, Any]]) -> dict[str, Any]:
    names = [name for name in samples[0] if name != "load"]
    medians = {name: round(statistics.median(sum(sample[name]) for sample in samples)) for name in names}
    ratios = {
        scheme: [round(sum(sample[f"{scheme} engine"]) / sum(sample[f"{scheme} peer"]), 3) for sample in samples]
        for scheme in LIMITS
        if f"{scheme} peer" in names
    }
    return {
        "what": f"CPU microseconds per probe (user, system): GET and SHA-256 of {LENGTH} bytes, fresh connections",
        "versions": {"python": sys.version.split()[0], "pycurl": pycurl.version, "peer": _version(options.peer)},
        "settings": {"rounds": options.rounds, "probes": options.probes, "at_once": options.at_once},
        "median_us": medians,
        "ratio": {scheme: statistics.median(each) for scheme, each in ratios.items()},
        "limit": LIMITS,
        "ratio_each_round": ratios,
        "samples": samples,
    }


def _version(peer: str) -> str:
    if not peer:
        return "none"
    told = subprocess.run([peer, "--version"], check=True, capture_output=True, text=True)  # noqa: S603
    return (told.stdout or told.stderr).splitlines()[0]


def _print(result: dict[str, Any]) -> None:
    print(result["what"], "- median of", result["settings"]["rounds"], "rounds")
    for name, taken in result["median_us"].items():
        print(f"  {name:16}{taken:6} us")
    for scheme, ratio in result["ratio"].items():
        each = ", ".join(f"{one:.2f}" for one in result["ratio_each_round"][scheme])
        print(f"{scheme}: {ratio:.2f} of the peer (at most {LIMITS[scheme]}); each round {each}")
    if not result["ratio"]:
        print("the peer was not run: set MIRRORBOND_BLACKBOX to its binary")


def _certificates(folder: Path) -> Path:
    """A server's certificate and key, and a file with all usual authorities and the one that signed it."""
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark authority")])
    server = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))])

    def signed(name: x509.Name, public: ec.EllipticCurvePublicKey, extension: x509.ExtensionType) -> bytes:
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(ca).public_key(public)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=30)).add_extension(extension, critical=True)
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    authority = signed(ca, ca_key.public_key(), x509.BasicConstraints(ca=True, path_length=0))
    (folder / "server.pem").write_bytes(signed(server, key.public_key(), alternative))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "all.pem").write_bytes(Path(certifi.where()).read_bytes() + b"\n" + authority)
    return folder / "all.pem"


if __name__ == "__main__":
    main()
