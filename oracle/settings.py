"""Everything that the environment decides: the only reader of os.environ.

Every setting is MIRRORBOND_<NAME>, except DATABASE_URL and REDIS_URL, which other software shares.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from oracle.errors import InvalidInput
from oracle.model import Vantage


class Settings(BaseSettings):
    """One node's settings; the defaults run everything on this machine below `home`."""

    model_config = SettingsConfigDict(env_prefix="MIRRORBOND_", extra="ignore", frozen=True)

    home: Path = Field(
        default=Path("~/.mirrorbond"), description="Folder of this node's state: store, queue, keys, logs."
    )
    database_url: str = Field(
        default="", validation_alias="DATABASE_URL", description="SQLAlchemy URL; empty for SQLite in `home`."
    )
    redis_url: str = Field(
        default="", validation_alias="REDIS_URL", description="Redis or Valkey; empty for an embedded one in `home`."
    )
    rpc_url: str = Field(default="http://127.0.0.1:8545", description="The chain's JSON-RPC endpoint.")
    fund_contract: str = Field(default="", description="Address of RedundancyFund.")
    committee_contract: str = Field(default="", description="Address of OracleCommittee.")
    endowment_contract: str = Field(default="", description="Address of an Endowment; only for its commands.")
    committee: int = Field(default=1, ge=1, description="Number of the committee that this node belongs to.")
    first_block: int = Field(default=0, ge=0, description="Block of the contracts' deployment: indexing starts here.")
    chain_id: int | None = Field(default=None, description="The chain that the endpoint must be; empty for any.")
    index_blocks: int = Field(default=2_000, ge=1, description="Most blocks to ask the chain's endpoint for at once.")
    confirmations: int = Field(default=0, ge=0, description="Blocks to stay behind the head of the chain.")
    fee_cap_gwei: int = Field(default=500, ge=1, description="The most to offer for a unit of gas, in gwei.")
    keystores: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="Keystore files (web3 secret storage) of the members this node signs for, by comma."
    )
    password_file: Path | None = Field(default=None, description="File whose first line opens the keystores.")
    node_name: str = Field(default="node", pattern=r"^[a-z0-9-]{1,60}$", description="Name of this node in its votes.")
    worker_processes: int = Field(
        default=4, ge=2, le=64, description="Processes of the worker: a slice being measured keeps one or two busy."
    )
    shard_size: int = Field(default=2_000, ge=1, le=20_000, description="About how many mirrors one task probes.")
    controls: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="URLs, by comma, known to work: while most fail for this node, it doubts itself."
    )
    routes: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Other ways out, by comma: addresses or interfaces of this machine, or proxies' URLs. "
        "A tenth of the slots has a question by one of them.",
    )
    developer_keys: Path | None = Field(
        default=None,
        description="JSON file of the keys shared with developers, by fund: for canaries and for the primary's log.",
    )
    api_host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    api_port: int = Field(default=8000, ge=0, le=65535, description="Port the API listens on.")
    api_cache_s: float = Field(
        default=2, ge=0, le=60, description="How long the API answers with what it has just read of a fund."
    )
    allow_loopback: bool = Field(
        default=False, description="Probe loopback addresses; only taken on a development chain (id 31337)."
    )
    vantage: Annotated[Vantage | None, NoDecode] = Field(
        default=None,
        description="Where this node stands, in degrees, as `50.11,8.68`: lets round-trip times prove mirrors apart.",
    )
    placement_file: Path | None = Field(
        default=None, description="JSON table of prefixes to networks; only taken on a development chain (id 31337)."
    )
    devnet_chain: str = Field(
        default="", pattern="^(|anvil|hardhat)$", description="Development chain to start; empty: anvil if it is there."
    )
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$", description="Least level logged.")

    @field_validator("keystores", "controls", "routes", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part for part in value.split(",") if part) if isinstance(value, str) else value

    @field_validator("vantage", mode="before")
    @classmethod
    def _stand(cls, value: Any) -> Any:
        return _vantage(value) if isinstance(value, str) else value

    @field_validator("home", mode="after")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    def store_url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.home / 'store.sqlite'}"


def _vantage(text: str) -> Vantage | None:
    """Raises: ValueError if it is no position."""
    if not text.strip():
        return None
    try:
        north, east = (int((Decimal(part) * 1000).to_integral_value()) for part in text.split(","))
    except ArithmeticError as error:
        raise ValueError("write latitude and longitude in degrees, as 50.11,8.68") from error
    if abs(north) > 90_000 or abs(east) > 180_000:
        raise ValueError("a latitude is within -90 and 90, a longitude within -180 and 180")
    return Vantage(north, east)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once.

    Raises: InvalidInput naming the variable that cannot be used.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        raise InvalidInput(name if name.endswith("_URL") else f"MIRRORBOND_{name}", first["msg"]) from error
