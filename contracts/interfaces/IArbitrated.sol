// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the oracle committee asks of the contract that holds a fund.
interface IArbitrated {
    /// @notice Who may void a challenged epoch of the fund; zero if nobody.
    function arbiterOf(uint256 fund) external view returns (address);
}
