"""A mutant: one edit of one contract file, named by what it changes so that it keeps its name as files grow."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from audit.mutation.operators import Edit, Node, edits, span

TARGETS = {
    "contracts/RedundancyFund.sol": ("contracts/RedundancyFund.sol", "RedundancyFund"),
    "contracts/OracleCommittee.sol": ("contracts/OracleCommittee.sol", "OracleCommittee"),
    "contracts/Leaf.sol": ("contracts/RedundancyFund.sol", "RedundancyFund"),
}


@dataclass(frozen=True)
class Mutant:
    """`key` names the edit within its function's text; `was` and `becomes` are the lines it touches."""

    key: str
    file: str
    scope: str
    line: int
    kind: str
    was: str
    becomes: str
    edit: Edit

    def apply(self, text: str) -> str:
        """The whole file with the edit in it."""
        raw = text.encode()
        return (raw[: self.edit.start] + self.edit.text.encode() + raw[self.edit.end :]).decode()

    @property
    def name(self) -> tuple[str, str, str]:
        """What accepted/mutants.json calls it."""
        return self.scope, self.was, self.becomes

    def __str__(self) -> str:
        return f"{self.scope}:{self.line} [{self.kind}] {self.was}  ->  {self.becomes}"


def mutants(file: str, text: str, tree: Node) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    raw = text.encode()
    scopes = list(_scopes(tree))
    for edit in sorted(edits(tree, raw), key=lambda one: (one.start, one.end, one.text)):
        name, start, end = next(scope for scope in scopes if scope[1] <= edit.start < scope[2])
        body = b" ".join(raw[start:end].split())
        place = b" ".join(raw[start : edit.start].split()), b" ".join(raw[edit.end : end].split())
        key = hashlib.sha256(repr((file, name, body, place, edit.text)).encode()).hexdigest()[:16]
        was, becomes = _lines(raw, edit)
        yield Mutant(key, file, name, raw[: edit.start].count(b"\n") + 1, edit.kind, was, becomes, edit)


def _scopes(tree: Node) -> Iterator[tuple[str, int, int]]:
    """Name and span of whatever stands directly in a contract or library."""
    for contract in tree["nodes"]:
        for node in contract.get("nodes", []):
            yield f"{contract['name']}.{node.get('name') or node.get('kind', node['nodeType'])}", *span(node)


def _lines(raw: bytes, edit: Edit) -> tuple[str, str]:
    """The lines that an edit touches, before and after it, on one line each."""
    start = raw.rfind(b"\n", 0, edit.start) + 1
    end = raw.find(b"\n", edit.end)
    after = raw[start : edit.start] + edit.text.encode() + raw[edit.end : end]
    return " ".join(raw[start:end].decode().split()), " ".join(after.decode().split())
