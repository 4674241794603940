// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IRedundancyFund} from "./IRedundancyFund.sol";

/// @title Principal that stays its holder's, and whose yield is given to a fund for good.
/// @notice A holder locks principal in an ERC-4626 vault of their choice, for one fund of the RedundancyFund. What its
/// shares are worth above the principal is yield: anyone may send it to the fund, nobody can send it elsewhere. The
/// principal leaves after a notice. What the vault loses, the holder loses. This contract has no owner and no rights in
/// the fund; it trusts no vault with more than what was put into that vault. What is sent to it by mistake is lost.
interface IEndowment {
    /// @notice An endowment as it is stored. `principal` is owed to the holder (0 once they have departed), `shares` of the
    /// vault are held for both, `ready` is the Unix time from which the holder may depart (0: no notice given).
    struct Holding {
        address holder;
        uint32 fund;
        uint64 ready;
        IERC4626 vault;
        IERC20 token;
        uint128 principal;
        uint128 shares;
    }

    // --------------------------------------------------------------------------------------------- events

    event Endowed(
        uint256 indexed fund,
        uint256 indexed endowment,
        address indexed holder,
        IERC4626 vault,
        uint256 principal,
        uint256 shares
    );
    /// @param deposit The number of the gift in the fund.
    event Harvested(uint256 indexed fund, uint256 indexed endowment, uint256 indexed deposit, uint256 amount);
    event NoticeGiven(uint256 indexed endowment, uint256 ready);
    event Departed(uint256 indexed endowment, address indexed holder, uint256 amount);
    event DepartedInKind(uint256 indexed endowment, address indexed holder, uint256 shares);

    // --------------------------------------------------------------------------------------------- errors

    error InvalidNotice(uint256 notice);
    error WrongAsset(address asset, address token);
    error TransferMismatch(address token, uint256 expected, uint256 received);
    error NotTaken(uint256 assets);
    error TooFewShares(uint256 shares, uint256 least);
    error TooLittle(uint256 amount, uint256 least);
    error UnknownEndowment(uint256 endowment);
    error NothingToHarvest(uint256 endowment);
    error PrincipalNotCovered(uint256 worth, uint256 principal);
    error NotHolder(uint256 endowment, address caller);
    error AlreadyDeparted(uint256 endowment);
    error NoNotice(uint256 endowment);
    error NoticeNotOver(uint256 endowment, uint256 ready);
    error NoticeLapsed(uint256 endowment, uint256 ready);

    // -------------------------------------------------------------------------------------------- holders

    /// @notice Takes exactly `assets` of the fund's token from the caller and deposits them in the vault.
    /// @param vault Any ERC-4626 vault of the fund's token. The caller alone answers for the choice.
    /// @param leastShares The least the vault must give for them, so that nobody can move its price before this call.
    function endow(IERC4626 vault, uint256 fund, uint256 assets, uint256 leastShares)
        external
        returns (uint256 endowment);

    /// @notice Announces that the principal will leave: possible after `NOTICE` seconds, for as many seconds.
    function giveNotice(uint256 endowment) external;

    /// @notice Returns the principal, or all that the shares give if they are worth less. The yield is not touched: it
    /// stays in the vault until someone harvests it, so no token or fund that refuses it can keep the holder in.
    /// @param least Reverts if it would be less than this.
    function depart(uint256 endowment, uint256 least) external returns (uint256 amount);

    /// @notice `depart` for a vault that does not pay: hands over shares, as many as the vault says that the principal
    /// needs, and all of them if it does not say.
    function departInKind(uint256 endowment, uint256 least) external returns (uint256 shares);

    // ------------------------------------------------------------------------------------------ the yield

    /// @notice Sends what the shares are worth above the principal to the fund. Anyone may call it. The deposit there
    /// belongs to this contract, which can never give notice: it is a gift.
    function harvest(uint256 endowment) external returns (uint256 amount);

    // ---------------------------------------------------------------------------------------------- views

    function FUND() external view returns (IRedundancyFund);

    /// @notice In seconds.
    function NOTICE() external view returns (uint256);

    function endowments() external view returns (uint256);

    function endowmentOf(uint256 endowment) external view returns (Holding memory);
}
