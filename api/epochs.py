"""The evidence of an epoch, byte for byte as its digest on the chain has it."""

from __future__ import annotations

import hashlib
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from api.deps import LARGEST, Number, engine_of, settings_of
from api.schemas import EvidenceFileOut, EvidenceOut
from oracle.store.reports import load_evidence, load_evidence_file
from oracle.store.segments import load_segment

router = APIRouter(prefix="/api/v1/epochs", tags=["epochs"])

Engine = Annotated[sa.Engine, Depends(engine_of)]
Committee = Annotated[int | None, Query(ge=1, le=LARGEST, description="The committee; this node's if left out.")]


@router.get("/{epoch}/evidence")
def list_evidence(request: Request, engine: Engine, epoch: Number, committee: Committee = None) -> EvidenceOut:
    """The names, digests and lengths of the evidence that this node has of an epoch."""
    number = committee or settings_of(request).committee
    files = load_evidence(engine, number, epoch)
    if not files:
        raise HTTPException(404, f"this node has no evidence of epoch {epoch} by committee {number}")
    listed = [
        EvidenceFileOut(name=name, sha256=hashlib.sha256(body).hexdigest(), length=len(body))
        for name, body in files.items()
    ]
    return EvidenceOut(committee=number, epoch=epoch, files=listed)


@router.get("/{epoch}/evidence/{name:path}", response_class=Response)
def get_evidence(request: Request, engine: Engine, epoch: Number, name: str, committee: Committee = None) -> Response:
    """One file of the evidence: canonical JSON."""
    number = committee or settings_of(request).committee
    body = load_evidence_file(engine, number, epoch, name) if len(name) <= 200 and "\x00" not in name else None
    if body is None:
        raise HTTPException(404, f"this node has no such file of epoch {epoch} by committee {number}")
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {"etag": etag, "cache-control": "public, max-age=60"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@router.get("/{epoch}/segments/{fund}", response_class=Response)
def get_segment(request: Request, engine: Engine, epoch: Number, fund: Number) -> Response:
    """This node's raw votes of a fund's epoch, whose digest its bundle names: canonical JSON, packed."""
    stored = load_segment(engine, fund, epoch, settings_of(request).node_name)
    if stored is None:
        raise HTTPException(404, f"this node has no segment of epoch {epoch} of fund {fund}")
    headers = {"etag": f'"{stored.digest}"', "cache-control": "public, max-age=60", "content-encoding": "deflate"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(stored.body, media_type="application/json", headers=headers)
