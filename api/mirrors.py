"""One mirror as JSON."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException

from api.deps import Now, Number
from api.schemas import MirrorPageOut, VoteOut
from oracle.store.observations import CastVote
from oracle.store.pages import MirrorPage, mirror_page

router = APIRouter(prefix="/api/v1/mirrors", tags=["mirrors"])


def mirror_of_path(moment: Now, mirror: Number) -> MirrorPage:
    """The mirror of the path.

    Raises: HTTPException with 404 if there is none.
    """
    page = mirror_page(moment, mirror)
    if page is None:
        raise HTTPException(404, f"there is no mirror {mirror}")
    return page


Page = Annotated[MirrorPage, Depends(mirror_of_path)]


@router.get("/{mirror}")
def get_mirror(page: Page) -> MirrorPageOut:
    """One mirror with its epochs and its latest votes: the same as its page."""
    fields = {name: getattr(page, name) for name in MirrorPageOut.model_fields}
    return MirrorPageOut.model_validate(fields | {"votes": [vote_out(cast) for cast in page.votes]})


def vote_out(cast: CastVote) -> VoteOut:
    """A vote with who cast it and when."""
    names = ("epoch", "slot", "state", "reason", "latency_ms", "address", "path", "detail")
    fields = {name: getattr(cast.vote, name) for name in names}
    return VoteOut(node=cast.node, at_ms=cast.at_ms, **fields)
