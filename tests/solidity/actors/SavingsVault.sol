// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title An honest vault: it gains by what it is sent, may lose, close, and stop to answer.
contract SavingsVault is ERC4626 {
    error Closed();

    bool private _closed;
    bool private _silent;

    constructor(IERC20 asset_) ERC20("Savings", "SAVE") ERC4626(asset_) {}

    function lose(uint256 amount) external {
        IERC20(asset()).transfer(address(0xdead), amount);
    }

    function set(bool closed, bool silent) external {
        (_closed, _silent) = (closed, silent);
    }

    function previewWithdraw(uint256 assets) public view override returns (uint256) {
        require(!_silent, Closed());
        return super.previewWithdraw(assets);
    }

    function _withdraw(address by, address to, address from, uint256 assets, uint256 shares) internal override {
        require(!_closed, Closed());
        super._withdraw(by, to, from, assets, shares);
    }
}
