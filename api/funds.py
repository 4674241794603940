"""Funds as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request

from api.deps import LARGEST, Before, Fund, Limit, MaybeNow, Now, Number, view_of
from api.schemas import (
    EpochsOut,
    FundOut,
    FundsOut,
    FundSummaryOut,
    MirrorsOut,
    PayoutsOut,
)
from api.words import verdict
from oracle.store.epochs import EpochView
from oracle.store.moment import Moment
from oracle.store.pages import FundView, fund_epochs, fund_ids, fund_token

router = APIRouter(prefix="/api/v1/funds", tags=["funds"])
FUNDS_A_PAGE = 20


def summaries(request: Request, moment: Moment | None, after: int = 0) -> tuple[list[FundView], int | None]:
    """The funds of one page of the list, and where the next one begins."""
    if moment is None:
        return [], None
    found = fund_ids(moment.connection, after, FUNDS_A_PAGE + 1)
    views = [view for fund in found[:FUNDS_A_PAGE] if (view := view_of(request, moment, fund))]
    return views, found[FUNDS_A_PAGE - 1] if len(found) > FUNDS_A_PAGE else None


def summary(view: FundView) -> FundSummaryOut:
    """A fund in the list."""
    return FundSummaryOut.model_validate(
        {
            "fund": view.fund,
            "app": view.app,
            "verdict": verdict(view),
            "token": view.token,
            "primary": view.primary.now.state,
            "live": view.live,
            "counting": view.counting,
            "n_eff": view.n_eff,
            "target": view.offer.target,
            "reward_wei": view.offer.reward_wei,
            "runway_epochs": view.treasury.runway_epochs,
        }
    )


@router.get("")
def list_funds(request: Request, moment: MaybeNow, after: Annotated[int, Query(ge=0, le=LARGEST)] = 0) -> FundsOut:
    """The funds, in ascending order; none before the chain was indexed."""
    views, next_after = summaries(request, moment, after)
    return FundsOut(funds=[summary(view) for view in views], next_after=next_after)


@router.get("/{fund}")
def get_fund(view: Fund) -> FundOut:
    """One fund: the same as its page."""
    fields = {name: getattr(view, name) for name in FundOut.model_fields if name != "verdict"}
    return FundOut.model_validate(fields | {"verdict": verdict(view)})


@router.get("/{fund}/mirrors")
def get_mirrors(view: Fund) -> MirrorsOut:
    """The mirrors of a fund, by rank."""
    return MirrorsOut.model_validate({"fund": view.fund, "epoch": view.moment.epoch, "mirrors": view.mirrors})


@router.get("/{fund}/epochs")
def get_epochs(moment: Now, fund: Number, limit: Limit = 30, before: Before = None) -> EpochsOut:
    """The epochs of a fund, newest first."""
    epochs = _epochs(moment, fund, limit, before)
    return EpochsOut.model_validate({"fund": fund, "epochs": epochs, "next_before": _next_before(epochs, limit)})


@router.get("/{fund}/payouts")
def get_payouts(moment: Now, fund: Number, limit: Limit = 30, before: Before = None) -> PayoutsOut:
    """What the settled epochs among the newest (or those below `before`) paid to whom."""
    epochs = _epochs(moment, fund, limit, before)
    settled = [_payout(epoch) for epoch in epochs if epoch.paid_wei is not None]
    fields = {"fund": fund, "token": fund_token(moment, fund), "payouts": settled}
    return PayoutsOut.model_validate(fields | {"next_before": _next_before(epochs, limit)})


def _epochs(moment: Moment, fund: int, limit: int, before: int | None) -> list[EpochView]:
    epochs = fund_epochs(moment, fund, limit, before)
    if epochs is None:
        raise HTTPException(404, f"there is no fund {fund}")
    return epochs


def _next_before(epochs: list[EpochView], limit: int) -> int | None:
    return epochs[-1].epoch if len(epochs) == limit else None


def _payout(view: EpochView) -> dict[str, Any]:
    names = ("epoch", "outcome", "reward_wei", "paid_wei", "fee_wei", "returned_wei", "credits", "tx_hash")
    return {name: getattr(view, name) for name in names}
