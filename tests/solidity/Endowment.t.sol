// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IEndowment} from "../../contracts/interfaces/IEndowment.sol";
import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {BlockingToken} from "./actors/BlockingToken.sol";
import {FeeToken} from "./actors/FeeToken.sol";
import {SavingsVault} from "./actors/SavingsVault.sol";
import {EndowmentFixture} from "./EndowmentFixture.sol";

/// @title Only the yield goes to the fund; the principal leaves after its notice, whatever fund, token or vault do.
contract EndowmentTest is EndowmentFixture {
    // --------------------------------------------------------------------------------------------- entry

    function test_an_endowment_takes_exactly_the_assets_into_the_vault() external {
        token.mint(holder, 1_000);
        vm.startPrank(holder);
        token.approve(address(lending), 1_000);
        vm.expectEmit();
        emit IEndowment.Endowed(fund, 1, holder, vault, 1_000, 1_000);
        uint256 id = lending.endow(vault, fund, 1_000, 1_000);
        vm.stopPrank();
        IEndowment.Holding memory h = lending.endowmentOf(id);
        vm.assertEq(id, lending.endowments(), "counted");
        vm.assertEq(h.holder, holder, "holder");
        vm.assertEq(h.fund, fund, "fund");
        vm.assertEq(address(h.vault), address(vault), "vault");
        vm.assertEq(address(h.token), address(token), "token");
        vm.assertEq(h.principal, 1_000, "principal");
        vm.assertEq(h.shares, vault.balanceOf(address(lending)), "shares");
        vm.assertEq(token.balanceOf(address(lending)), 0, "nothing stays outside the vault");
        vm.assertEq(_given(), 0, "the fund has nothing of it");
    }

    function test_the_vault_must_be_of_the_funds_token() external {
        uint256 native = _newFundIn(address(wrapped), _offer(100, 1, 0));
        vm.expectRevert(abi.encodeWithSelector(IEndowment.WrongAsset.selector, token, wrapped));
        lending.endow(vault, native, 1_000, 0);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.UnknownFund.selector, 9));
        lending.endow(vault, 9, 1_000, 0);
    }

    function test_a_token_with_a_fee_is_refused() external {
        FeeToken fee = new FeeToken();
        uint256 other = _newFundIn(address(fee), _offer(100, 1, 0));
        SavingsVault costly = new SavingsVault(fee);
        fee.mint(holder, 1_000);
        vm.startPrank(holder);
        fee.approve(address(lending), 1_000);
        vm.expectRevert(abi.encodeWithSelector(IEndowment.TransferMismatch.selector, fee, 1_000, 990));
        lending.endow(costly, other, 1_000, 0);
    }

    function test_who_says_the_least_number_of_shares_cannot_be_diluted_on_the_way_in() external {
        token.mint(rogue, 10_001);
        vm.startPrank(rogue);
        token.approve(address(vault), 1);
        vault.deposit(1, rogue);
        token.transfer(address(vault), 10_000); // before the first holder comes: a share is worth thousands
        vm.stopPrank();
        token.mint(holder, 10_000);
        vm.startPrank(holder);
        token.approve(address(lending), 10_000);
        vm.expectRevert(abi.encodeWithSelector(IEndowment.TooFewShares.selector, 1, 10_000));
        lending.endow(vault, fund, 10_000, 10_000);
        vm.expectRevert(abi.encodeWithSelector(IEndowment.TooFewShares.selector, 0, 0));
        lending.endow(vault, fund, 1_000, 0); // nothing is never enough
    }

    function test_the_notice_can_be_met_and_ends() external {
        uint256[2] memory wrong = [uint256(1 hours - 1), 365 days + 1];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IEndowment.InvalidNotice.selector, wrong[i]));
            this.newEndowment(wrong[i]);
        }
        vm.assertEq(_newEndowment(1 hours).NOTICE(), 1 hours, "shortest");
        vm.assertEq(_newEndowment(365 days).NOTICE(), 365 days, "longest");
        vm.assertEq(address(lending.FUND()), address(book), "fund");
    }

    function newEndowment(uint256 notice) external {
        _newEndowment(notice);
    }

    // ------------------------------------------------------------------------------------------ the yield

    function test_anyone_harvests_and_the_fund_gets_the_yield_and_nothing_else() external {
        uint256 id = _endow(holder, 1_000);
        _gain(101);
        vm.expectEmit();
        emit IEndowment.Harvested(fund, id, 1, 100);
        vm.prank(rogue);
        vm.assertEq(lending.harvest(id), 100, "what the vault's rounding left of 101");
        vm.assertEq(_given(), 100, "the fund has it");
        vm.assertGe(_worth(id), 1_000, "the principal is covered");
        vm.assertEq(token.balanceOf(rogue), 0, "who harvests gets nothing");
        vm.assertEq(token.balanceOf(address(lending)), 0, "nothing stays");
        vm.expectRevert(abi.encodeWithSelector(IEndowment.NothingToHarvest.selector, id));
        lending.harvest(id);
    }

    function test_what_the_fund_got_is_a_gift_for_good() external {
        uint256 id = _endow(holder, 1_000);
        _gain(101);
        lending.harvest(id);
        uint256 deposit = book.deposits();
        vm.assertEq(book.depositOf(deposit).holder, address(lending), "it belongs to the contract");
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotHolder.selector, deposit, holder));
        vm.prank(holder);
        book.giveNotice(deposit);
    }

    function test_a_loss_is_the_holders_and_is_made_good_before_the_fund_gets_more() external {
        uint256 id = _endow(holder, 1_000);
        vault.lose(300);
        _gain(200);
        bytes memory nothing = abi.encodeWithSelector(IEndowment.NothingToHarvest.selector, id);
        vm.expectRevert(nothing);
        lending.harvest(id);
        _gain(100);
        vm.expectRevert(nothing);
        lending.harvest(id);
        _gain(50);
        vm.assertEq(lending.harvest(id), 49, "only now");
    }

    function test_the_numbers_of_the_documentation() external {
        uint256 cent = 1e16; // of which the vault's roundings are nothing
        uint256 id = _endow(holder, 1_000_000 * cent);
        _gain(50_000 * cent);
        vm.assertEq((lending.harvest(id) + 9) / cent, 50_000, "a year's yield");
        vm.assertEq(lending.endowmentOf(id).shares / cent, 952_380, "shares");
        vault.lose(100_000 * cent);
        vm.assertEq((_worth(id) + 9) / cent, 900_000, "at worst: price now over the highest price harvested");
        _gain(150_000 * cent);
        vm.assertEq((lending.harvest(id) + 9) / cent, 50_000, "the loss was made good first");
        vm.assertEq(lending.endowmentOf(id).shares / cent, 907_029, "shares");
        _ready(holder, id);
        vm.assertEq(_depart(holder, id, 0), 1_000_000 * cent, "all of the principal");
    }

    function test_what_is_sent_to_the_contract_is_nobodys_yield() external {
        uint256 id = _endow(holder, 1_000);
        token.mint(address(lending), 500);
        token.mint(rogue, 500);
        vm.startPrank(rogue);
        token.approve(address(vault), 500);
        vault.deposit(500, address(lending));
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IEndowment.NothingToHarvest.selector, id));
        lending.harvest(id);
        _ready(holder, id);
        vm.assertEq(_depart(holder, id, 0), 1_000, "its own and no more");
    }

    // ------------------------------------------------------------------------------------------- the notice

    function test_the_principal_leaves_only_in_its_notice() external {
        uint256 id = _endow(holder, 1_000);
        uint256 ready = block.timestamp + NOTICE;
        _refuses(id, abi.encodeWithSelector(IEndowment.NoNotice.selector, id));
        vm.expectEmit();
        emit IEndowment.NoticeGiven(id, ready);
        _giveNotice(holder, id);
        vm.warp(ready - 1);
        _refuses(id, abi.encodeWithSelector(IEndowment.NoticeNotOver.selector, id, ready));
        vm.warp(ready + NOTICE);
        _refuses(id, abi.encodeWithSelector(IEndowment.NoticeLapsed.selector, id, ready));
        _ready(holder, id); // again
        vm.warp(block.timestamp + NOTICE - 1);
        vm.assertEq(_depart(holder, id, 1_000), 1_000, "to the last second");
        vm.assertEq(token.balanceOf(holder), 1_000, "to the holder");
        bytes memory departed = abi.encodeWithSelector(IEndowment.AlreadyDeparted.selector, id);
        _refuses(id, departed);
        vm.expectRevert(departed);
        _giveNotice(holder, id);
    }

    function _refuses(uint256 id, bytes memory reason) private {
        vm.startPrank(lending.endowmentOf(id).holder);
        vm.expectRevert(reason);
        lending.depart(id, 0);
        vm.expectRevert(reason);
        lending.departInKind(id, 0);
        vm.stopPrank();
    }

    function test_only_the_holder_gives_notice_and_departs() external {
        uint256 id = _endow(holder, 1_000);
        _ready(holder, id);
        bytes memory notHolder = abi.encodeWithSelector(IEndowment.NotHolder.selector, id, rogue);
        vm.startPrank(rogue);
        vm.expectRevert(notHolder);
        lending.giveNotice(id);
        vm.expectRevert(notHolder);
        lending.depart(id, 0);
        vm.expectRevert(notHolder);
        lending.departInKind(id, 0);
        vm.stopPrank();
    }

    function test_an_unknown_endowment_is_nobodys() external {
        bytes memory unknown = abi.encodeWithSelector(IEndowment.UnknownEndowment.selector, 1);
        vm.expectRevert(unknown);
        lending.endowmentOf(1);
        vm.expectRevert(unknown);
        lending.harvest(1);
        vm.expectRevert(unknown);
        lending.giveNotice(1);
    }

    // ------------------------------------------------------------------------------------------- departure

    function test_who_departs_gets_the_principal_to_the_wei_and_leaves_the_yield_to_the_fund() external {
        uint256 id = _endow(holder, 1_000);
        _gain(777);
        _ready(holder, id);
        vm.expectEmit();
        emit IEndowment.Departed(id, holder, 1_000);
        _depart(holder, id, 1_000);
        vm.assertEq(token.balanceOf(holder), 1_000, "principal");
        vm.assertEq(_given(), 0, "not yet");
        vm.prank(rogue);
        lending.harvest(id);
        vm.assertEq(_given(), 776, "all but the vault's rounding");
        vm.assertEq(lending.endowmentOf(id).shares, 0, "all of it");
    }

    function test_after_a_loss_the_holder_gets_what_is_left_and_not_less_than_agreed() external {
        uint256 id = _endow(holder, 1_000);
        vault.lose(300);
        _ready(holder, id);
        vm.expectRevert(abi.encodeWithSelector(IEndowment.TooLittle.selector, 700, 701));
        _depart(holder, id, 701);
        vm.assertEq(_depart(holder, id, 700), 700, "what is left");
        vm.assertEq(token.balanceOf(holder), 700, "paid");
        vm.assertEq(lending.endowmentOf(id).shares, 0, "all of it");
    }

    function test_a_fund_that_can_take_no_more_keeps_nobody_in() external {
        uint256 id = _endow(holder, 1_000);
        _gain(500);
        _deposit(funder, fund, type(uint96).max);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.DepositTooLarge.selector, 499, 0));
        lending.harvest(id);
        _ready(holder, id);
        vm.assertEq(_depart(holder, id, 1_000), 1_000, "the principal is out");
        vm.assertGe(_worth(id), 498, "the yield waits in the vault, and the holder cannot have it");
    }

    function test_a_closed_vault_loses_nothing_and_can_be_asked_again() external {
        uint256 id = _endow(holder, 1_000);
        _gain(101);
        _ready(holder, id);
        vault.set(true, false);
        vm.expectRevert(SavingsVault.Closed.selector);
        lending.harvest(id);
        vm.expectRevert(SavingsVault.Closed.selector);
        _depart(holder, id, 0);
        vault.set(false, false);
        vm.assertEq(lending.harvest(id), 100, "yield");
        vm.assertEq(_depart(holder, id, 0), 1_000, "principal");
    }

    function test_out_of_a_closed_vault_the_holder_takes_the_shares_of_the_principal() external {
        uint256 id = _endow(holder, 1_000);
        _gain(1_000);
        _ready(holder, id);
        vault.set(true, false);
        vm.expectRevert(abi.encodeWithSelector(IEndowment.TooFewShares.selector, 501, 502));
        _departInKind(holder, id, 502);
        vm.expectEmit();
        emit IEndowment.DepartedInKind(id, holder, 501);
        _departInKind(holder, id, 501);
        vm.assertEq(vault.balanceOf(holder), 501, "shares");
        _refuses(id, abi.encodeWithSelector(IEndowment.AlreadyDeparted.selector, id));
        vault.set(false, false);
        vm.assertEq(lending.harvest(id), 997, "the yield is still the fund's");
        vm.prank(holder);
        vm.assertGe(vault.redeem(501, holder, holder), 1_000, "the principal is the holder's");
    }

    /// @dev Else a holder could make the vault's answer run out of gas, and take the yield.
    function test_a_holder_that_gives_little_gas_takes_no_yield() external {
        uint256 id = _endow(holder, 1_000);
        _gain(1_000);
        _ready(holder, id);
        uint256 shares;
        for (uint256 gas = 20_000; shares == 0; gas += 1_000) {
            vm.prank(holder);
            try lending.departInKind{gas: gas}(id, 0) returns (uint256 taken) {
                shares = taken;
            } catch {}
        }
        vm.assertEq(shares, 501, "the principal's");
    }

    function test_out_of_a_vault_that_does_not_answer_the_holder_takes_all_shares() external {
        uint256 id = _endow(holder, 1_000);
        _gain(1_000);
        _ready(holder, id);
        vault.set(true, true);
        vm.assertEq(_departInKind(holder, id, 1_000), 1_000, "all");
        vm.assertEq(lending.endowmentOf(id).shares, 0, "none is left");
    }

    function test_after_a_loss_the_holder_takes_no_more_shares_than_the_endowment_has() external {
        uint256 id = _endow(holder, 1_000);
        uint256 other = _endow(otherHolder, 1_000);
        vault.lose(1_000);
        _ready(holder, id);
        vm.assertEq(_departInKind(holder, id, 0), 1_000, "its own");
        vm.assertEq(vault.balanceOf(address(lending)), lending.endowmentOf(other).shares, "the other's are there");
    }

    function test_a_token_that_refuses_the_contract_keeps_nobody_in() external {
        BlockingToken blocking = new BlockingToken();
        uint256 other = _newFundIn(address(blocking), _offer(100, 1, 0));
        SavingsVault strict = new SavingsVault(blocking);
        blocking.mint(holder, 1_000);
        uint256 id = _endowIn(address(strict), other, holder, 1_000);
        blocking.block_(address(lending), true);
        _ready(holder, id);
        bytes memory blocked = abi.encodeWithSelector(BlockingToken.Blocked.selector, lending);
        vm.expectRevert(blocked);
        _depart(holder, id, 0);
        _departInKind(holder, id, 1_000);
        vm.prank(holder);
        vm.assertEq(strict.redeem(1_000, holder, holder), 1_000, "out");
    }
}
