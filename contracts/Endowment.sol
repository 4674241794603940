// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IEndowment} from "./interfaces/IEndowment.sol";
import {IRedundancyFund} from "./interfaces/IRedundancyFund.sol";

/// @title Lends principal to a vault and gives the yield to a fund. No owner, no upgrade, no pause.
/// @dev Vaults are anyone's code. What one did is known by the balances before and after, not by what it returns. So
/// effects follow calls here, and all that moves anything is guarded: during a hostile vault's call nothing else comes in
/// that it could pass off as paid. A fund's token may be the share of another vault, held here for others: no vault is
/// ever allowed more than the assets that came from its own holder in the same call.
contract Endowment is IEndowment, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    // ------------------------------------------------------------------------------------------ constants

    uint256 private constant LEAST_NOTICE = 1 hours;
    uint256 private constant MOST_NOTICE = 365 days;

    IRedundancyFund public immutable FUND;
    uint256 public immutable NOTICE;

    // -------------------------------------------------------------------------------------------- storage

    uint256 public endowments;
    mapping(uint256 endowment => Holding) private _holdings;

    constructor(IRedundancyFund fund, uint256 notice) {
        require(notice >= LEAST_NOTICE && notice <= MOST_NOTICE, InvalidNotice(notice));
        FUND = fund;
        NOTICE = notice;
    }

    // -------------------------------------------------------------------------------------------- holders

    /// @inheritdoc IEndowment
    function endow(IERC4626 vault, uint256 fund, uint256 assets, uint256 leastShares)
        external
        nonReentrant
        returns (uint256 endowment)
    {
        // Check
        IERC20 token = IERC20(FUND.fundOf(fund).token);
        address asset = vault.asset();
        require(asset == address(token), WrongAsset(asset, address(token)));

        // Interaction
        uint256 shares = _deposit(vault, token, assets);
        require(shares > 0 && shares >= leastShares, TooFewShares(shares, leastShares));

        // Effect
        endowment = ++endowments;
        _holdings[endowment] =
            Holding(msg.sender, fund.toUint32(), 0, vault, token, assets.toUint128(), shares.toUint128());
        emit Endowed(fund, endowment, msg.sender, vault, assets, shares);
    }

    /// @inheritdoc IEndowment
    function giveNotice(uint256 endowment) external {
        Holding storage h = _ownHolding(endowment);
        h.ready = (block.timestamp + NOTICE).toUint64();
        emit NoticeGiven(endowment, h.ready);
    }

    /// @inheritdoc IEndowment
    function depart(uint256 endowment, uint256 least) external nonReentrant returns (uint256 amount) {
        // Check
        Holding storage h = _readyHolding(endowment);
        (uint256 principal, uint256 shares) = (h.principal, h.shares);
        bool covered = h.vault.previewWithdraw(principal) <= shares;

        // Interaction and Effect: what is covered is asked for by amount, so that no rounding is taken from it
        h.principal = 0;
        amount = covered ? _draw(h, principal, 0) : _draw(h, 0, shares);
        require(amount >= least, TooLittle(amount, least));
        emit Departed(endowment, msg.sender, amount);

        // Interaction
        h.token.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IEndowment
    function departInKind(uint256 endowment, uint256 least) external nonReentrant returns (uint256 shares) {
        // Check
        Holding storage h = _readyHolding(endowment);
        IERC4626 vault = h.vault;
        shares = h.shares;
        try vault.previewWithdraw(h.principal) returns (uint256 needed) {
            shares = Math.min(shares, needed);
        } catch {} // all of them: anyone could harvest the yield for as long as the vault answered
        require(shares >= least, TooFewShares(shares, least));

        // Effect
        h.principal = 0;
        h.shares -= uint128(shares); // at most all of them
        emit DepartedInKind(endowment, msg.sender, shares);

        // Interaction
        IERC20(vault).safeTransfer(msg.sender, shares);
    }

    // ------------------------------------------------------------------------------------------ the yield

    /// @inheritdoc IEndowment
    function harvest(uint256 endowment) external nonReentrant returns (uint256 amount) {
        // Check: what the principal needs is rounded up, so the rest is worth no more than the yield
        Holding storage h = _holding(endowment);
        (IERC4626 vault, uint256 principal, uint256 shares) = (h.vault, h.principal, h.shares);
        uint256 needed = vault.previewWithdraw(principal);
        require(shares > needed, NothingToHarvest(endowment));

        // Interaction and Effect
        amount = _draw(h, 0, shares - needed);
        uint256 worth = vault.previewRedeem(h.shares);
        require(worth >= principal, PrincipalNotCovered(worth, principal));

        // Interaction: the fund takes all that it is allowed, and only from its caller
        h.token.forceApprove(address(FUND), amount);
        uint256 deposit = FUND.topUp(h.fund, amount);
        emit Harvested(h.fund, endowment, deposit, amount);
    }

    // ---------------------------------------------------------------------------------------------- views

    /// @inheritdoc IEndowment
    function endowmentOf(uint256 endowment) external view returns (Holding memory) {
        return _holding(endowment);
    }

    // ------------------------------------------------------------------------------------------ internals

    /// @dev From the caller into the vault, which must take all that it is allowed.
    function _deposit(IERC4626 vault, IERC20 token, uint256 assets) private returns (uint256 shares) {
        (uint256 held, uint256 before) = (vault.balanceOf(address(this)), token.balanceOf(address(this)));
        token.safeTransferFrom(msg.sender, address(this), assets);
        uint256 received = token.balanceOf(address(this)) - before;
        require(received >= assets, TransferMismatch(address(token), assets, received));
        token.forceApprove(address(vault), assets);
        // slither-disable-next-line unused-return
        vault.deposit(assets, address(this));
        uint256 untaken = token.allowance(address(this), address(vault));
        require(untaken == 0, NotTaken(untaken));
        shares = vault.balanceOf(address(this)) - held;
    }

    /// @dev Takes `assets`, or if 0 what `shares` give, out of the vault, which can burn no more than this holding has.
    function _draw(Holding storage h, uint256 assets, uint256 shares) private returns (uint256 received) {
        (IERC4626 vault, IERC20 token) = (h.vault, h.token);
        (uint256 held, uint256 before) = (vault.balanceOf(address(this)), token.balanceOf(address(this)));
        // slither-disable-next-line unused-return
        if (assets > 0) vault.withdraw(assets, address(this), address(this));
        // slither-disable-next-line unused-return
        else vault.redeem(shares, address(this), address(this));
        received = token.balanceOf(address(this)) - before;
        uint256 left = h.shares + vault.balanceOf(address(this)) - held;
        h.shares = left.toUint128();
    }

    function _holding(uint256 endowment) private view returns (Holding storage h) {
        h = _holdings[endowment];
        require(h.holder != address(0), UnknownEndowment(endowment));
    }

    function _ownHolding(uint256 endowment) private view returns (Holding storage h) {
        h = _holding(endowment);
        require(h.holder == msg.sender, NotHolder(endowment, msg.sender));
        require(h.principal > 0, AlreadyDeparted(endowment));
    }

    /// @dev A notice lapses, as in the fund: else one given at the start would leave the fund without any.
    function _readyHolding(uint256 endowment) private view returns (Holding storage h) {
        h = _ownHolding(endowment);
        uint256 ready = h.ready;
        require(ready > 0, NoNotice(endowment));
        require(block.timestamp >= ready, NoticeNotOver(endowment, ready));
        require(block.timestamp < ready + NOTICE, NoticeLapsed(endowment, ready));
    }
}
