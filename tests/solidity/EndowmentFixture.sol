// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {DemoToken} from "../../contracts/dev/DemoToken.sol";
import {IEndowment} from "../../contracts/interfaces/IEndowment.sol";
import {SavingsVault} from "./actors/SavingsVault.sol";
import {Fixture} from "./Fixture.sol";

/// @title An endowment contract over an honest vault, and each step of an endowment's life in one call.
abstract contract EndowmentFixture is Fixture {
    uint256 internal constant NOTICE = 30 days;

    address internal holder = _role("holder");
    address internal otherHolder = _role("other holder");
    IEndowment internal lending;
    SavingsVault internal vault;
    uint256 internal fund;

    function setUp() public virtual override {
        super.setUp();
        lending = _newEndowment(NOTICE);
        vault = new SavingsVault(token);
        fund = _newFund(100, 1, 0);
    }

    function _newEndowment(uint256 notice) internal returns (IEndowment) {
        return IEndowment(_create("contracts/Endowment.sol:Endowment", abi.encode(book, notice)));
    }

    function _endow(address by, uint256 assets) internal returns (uint256) {
        return _endowIn(address(vault), fund, by, assets);
    }

    function _endowIn(address in_, uint256 fund_, address by, uint256 assets) internal returns (uint256 id) {
        DemoToken asset = DemoToken(IERC4626(in_).asset());
        if (address(asset) == address(token)) asset.mint(by, assets);
        vm.startPrank(by);
        asset.approve(address(lending), assets);
        id = lending.endow(IERC4626(in_), fund_, assets, 0);
        vm.stopPrank();
    }

    function _gain(uint256 amount) internal {
        token.mint(address(vault), amount);
    }

    function _giveNotice(address by, uint256 id) internal {
        vm.prank(by);
        lending.giveNotice(id);
    }

    function _ready(address by, uint256 id) internal {
        _giveNotice(by, id);
        vm.warp(block.timestamp + NOTICE);
    }

    function _depart(address by, uint256 id, uint256 least) internal returns (uint256) {
        vm.prank(by);
        return lending.depart(id, least);
    }

    function _departInKind(address by, uint256 id, uint256 least) internal returns (uint256) {
        vm.prank(by);
        return lending.departInKind(id, least);
    }

    function _given() internal view returns (uint256) {
        return book.fundOf(fund).deposited;
    }

    function _worth(uint256 id) internal view returns (uint256) {
        return vault.previewRedeem(lending.endowmentOf(id).shares);
    }
}
