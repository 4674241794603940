"""What depositors sign for in the place of an allowance, and who shows it."""

from __future__ import annotations

from oracle.digests import address_word, keccak256, uint_word
from tests.differential.chain import function
from tests.differential.model import funding, tokens
from tests.differential.model.tokens import Permit
from tests.differential.propose.funders import amount_of
from tests.differential.scene import Call, Scene
from tests.differential.stage import ANYONE, DEPOSITOR_KEYS, DEPOSITORS, signature

DAY = 86_400
ENDLESS = (1 << 256) - 1
_PERMIT = keccak256(b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
Signature = tuple[int, bytes, bytes]


def top_up(scene: Scene) -> Call | None:
    """A deposit with a permit; also of the wrapped coin, which has none."""
    fund = scene.fund()
    if not fund:
        return None
    amount, number = amount_of(scene, fund.offer.reward), 0 if scene.odds(1) else fund.number
    caller = scene.rng.choice(DEPOSITORS)
    shown = _permit(scene, caller, amount - scene.odds(5) if amount else 0, fund.token)
    args = (number, amount, shown.until, *_signature(scene, shown, fund.token))
    return scene.on_fund_as(
        "topUpWithPermit", caller, 0, args,
        lambda world: funding.top_up_with_permit(world, caller, 0, number, amount, shown),
    )  # fmt: skip


def permit(scene: Scene) -> Call | None:
    """A permit that somebody shows to the token before its holder does."""
    token = next(address for address, one in scene.world.tokens.items() if one.permits)
    holder = scene.rng.choice(DEPOSITORS)
    shown = _permit(scene, holder, scene.rng.choice((scene.rng.randint(1, 10 * scene.scale), ENDLESS, ENDLESS)), token)
    args = (shown.holder, shown.spender, shown.amount, shown.until, *_signature(scene, shown, token))
    return Call(
        "DemoToken", token, "permit", ANYONE, 0, lambda: args,
        lambda world: tokens.permit(world, ANYONE, 0, token, shown),
    )  # fmt: skip


def _permit(scene: Scene, holder: str, amount: int, token: str) -> Permit:
    """Now and then too late, used before or signed by another."""
    until = scene.world.now + scene.rng.choice((-1, 0, DAY, DAY, DAY, DAY, DAY, DAY))
    nonce = scene.world.tokens[token].nonces.get(holder, 0)
    used = max(0, nonce - scene.odds(5))
    return Permit(holder, scene.world.fund_contract, amount, until, used, not scene.odds(5))


def _signature(scene: Scene, shown: Permit, token: str) -> Signature:
    if not scene.world.tokens[token].permits:
        return 27, bytes(32), bytes(32)
    signer = shown.holder if shown.genuine else next(one for one in DEPOSITORS if one != shown.holder)
    words = (address_word(shown.holder), address_word(shown.spender))
    numbers = map(uint_word, (shown.amount, shown.nonce, shown.until))
    domain = scene.stage.chain.read(token, function("DemoToken", "DOMAIN_SEPARATOR").calldata())
    digest = keccak256(b"\x19\x01" + domain + keccak256(b"".join((_PERMIT, *words, *numbers))))
    return signature(DEPOSITOR_KEYS[signer], digest)
