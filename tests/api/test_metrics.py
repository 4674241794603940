"""What Prometheus reads of a node."""

import time

import httpx
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from oracle.store import facts
from oracle.store.counters import Counted, count


def samples(client: httpx.Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_before_the_chain_was_indexed_only_that_is_told(empty: httpx.Client) -> None:
    assert samples(empty) == {("mirrorbond_indexed", ()): 0.0}


def test_counters_and_the_state_of_the_epoch_are_told(seeded: httpx.Client, file_store: sa.Engine) -> None:
    count(file_store, "node", {(Counted.VOTES, "up"): 7, (Counted.VOTES, "dns"): 1, (Counted.REQUESTS, ""): 12})
    vitals = {"at_s": int(time.time()), "waiting": 3, "under_way": 1, "processes": 4}
    facts.put(file_store, facts.VITALS + "node", vitals)
    told = samples(seeded)
    assert told["mirrorbond_votes_total", (("reason", "up"),)] == 7
    assert told["mirrorbond_votes_total", (("reason", "dns"),)] == 1
    assert told["mirrorbond_requests_total", ()] == 12
    assert told["mirrorbond_received_bytes_total", ()] == 0
    assert told["mirrorbond_worker_processes", ()] == 4
    assert told["mirrorbond_queue_waiting", ()] == 3
    assert told["mirrorbond_worker_up", ()] == 1
    assert told["mirrorbond_mirrors", ()] > 0
    assert told["mirrorbond_store_bytes", ()] > 4_096
    assert told["mirrorbond_left_out", ()] == 0
    assert any(name == "mirrorbond_slot" for name, _ in told)


def test_what_is_not_known_is_left_out(seeded: httpx.Client) -> None:
    told = samples(seeded)
    assert told["mirrorbond_worker_up", ()] == 0
    assert ("mirrorbond_queue_waiting", ()) not in told
    assert ("mirrorbond_coverage_ratio", ()) in told
