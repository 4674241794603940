// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {DemoToken} from "../../../contracts/dev/DemoToken.sol";

/// @title A vault that says, takes, pays, mints and burns what its maker likes, and calls whom it likes in the midst of it.
contract LyingVault is DemoToken("Lying", "LIE") {
    struct Lies {
        uint256 takes;
        uint256 mints;
        uint256 needs;
        uint256 worth;
        uint256 pays;
        uint256 burns;
    }

    address public immutable asset;
    Lies private _lies;
    address private _target;
    bytes private _call;
    bool public succeeded;
    bytes public reason;

    constructor(address asset_) {
        asset = asset_;
    }

    function lie(Lies calldata lies) external {
        _lies = lies;
    }

    function arm(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function approve(IERC20 token, address spender) external {
        token.approve(spender, type(uint256).max);
    }

    function deposit(uint256, address receiver) external returns (uint256) {
        _strike();
        IERC20(asset).transferFrom(msg.sender, address(this), _lies.takes);
        _mint(receiver, _lies.mints);
        return _lies.mints;
    }

    function withdraw(uint256, address receiver, address owner) external returns (uint256) {
        return _pay(receiver, owner);
    }

    function redeem(uint256, address receiver, address owner) external returns (uint256) {
        return _pay(receiver, owner);
    }

    function previewWithdraw(uint256) external view returns (uint256) {
        return _lies.needs;
    }

    function previewRedeem(uint256) external view returns (uint256) {
        return _lies.worth;
    }

    function _pay(address receiver, address owner) private returns (uint256) {
        _strike();
        IERC20(asset).transfer(receiver, _lies.pays);
        _burn(owner, _lies.burns);
        return _lies.pays;
    }

    function _strike() private {
        if (_target == address(0)) return;
        (succeeded, reason) = _target.call(_call);
    }
}
