// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Fixture} from "./Fixture.sol";

/// @title P6: a depositor owns a share of the free money, joins and leaves at exact prices, and takes nobody else's.
contract RedundancyFundDepositsTest is Fixture {
    uint256 private fund;

    function setUp() public override {
        super.setUp();
        fund = _newFund(100, 1, 0);
    }

    function _catchUpTo(uint256 epoch) private {
        _goTo(epoch);
        _catchUp(fund);
    }

    function _giveNotice(address holder, uint256 deposit) private {
        vm.prank(holder);
        book.giveNotice(deposit);
    }

    function _depart(address holder, uint256 deposit) private {
        vm.prank(holder);
        book.depart(deposit);
    }

    function _assertCollects(uint256 deposit, uint256 expected, string memory why) private {
        address holder = book.depositOf(deposit).holder;
        uint256 before = token.balanceOf(holder);
        vm.assertEq(book.worthOf(deposit), expected, why);
        vm.prank(rogue); // anyone may trigger it
        book.collect(deposit);
        vm.assertEq(token.balanceOf(holder) - before, expected, why);
        vm.assertEq(book.worthOf(deposit), 0, "collected");
    }

    // --------------------------------------------------------------------------------------------- prices

    function test_P6_depositors_bear_what_epochs_pay_in_proportion() external {
        uint256 small = _deposit(funder, fund, 100);
        uint256 large = _deposit(otherFunder, fund, 300);
        _join(operator, fund);
        _pay(fund, 1, ONE);
        vm.assertEq(book.worthOf(small), 75, "a quarter");
        vm.assertEq(book.worthOf(large), 225, "three quarters");
    }

    function test_a_deposit_that_has_not_joined_is_worth_itself() external {
        uint256 deposit = _deposit(funder, fund, 100);
        vm.assertEq(book.worthOf(deposit), 100, "worth");
    }

    function test_P6_a_newcomer_before_a_return_has_no_part_in_it() external {
        uint256 first = _deposit(funder, fund, 300);
        _goTo(1); // epoch 1 is owed
        uint256 second = _deposit(rogue, fund, 300); // joins at 2, when epoch 1 may still come back
        _goTo(2);
        _pay(fund, 1, ""); // all 100 come back
        vm.assertEq(book.worthOf(first), 300, "the return is of the first");
        vm.assertEq(book.worthOf(second), 300, "none of it is of the second");
    }

    function test_P6_a_newcomer_does_not_pay_for_epochs_before_it() external {
        uint256 first = _deposit(funder, fund, 300);
        uint256 mirror = _join(operator, fund);
        _goTo(1);
        uint256 second = _deposit(otherFunder, fund, 200);
        _pay(fund, 1, ONE);
        vm.assertEq(book.worthOf(first), 200, "the first paid");
        vm.assertEq(book.worthOf(second), 200, "the second did not");
        vm.assertEq(book.creditOf(mirror), 100, "credit");
    }

    function test_P6_the_owner_as_a_depositor_takes_out_no_more_than_it_put_in() external {
        _deposit(funder, fund, 10_000);
        uint256 own = _deposit(owner, fund, 100);
        _catchUpTo(1);
        _leave(owner, own);
        _miss(fund, _today() + 1);
        _assertCollects(own, 100, "its own");
    }

    function test_P6_who_leaves_pays_for_the_epochs_until_then_and_no_later_ones() external {
        uint256 stays = _deposit(funder, fund, 1_000);
        uint256 leaves = _deposit(otherFunder, fund, 1_000);
        _join(operator, fund);
        _giveNotice(otherFunder, leaves);
        for (uint256 epoch = 1; epoch <= 6; ++epoch) {
            if (_today() == 3) _depart(otherFunder, leaves); // out from 4 on
            _pay(fund, epoch, ONE);
        }
        _assertCollects(leaves, 850, "half of three epochs");
        vm.assertEq(book.worthOf(stays), 550, "half of three epochs and three whole ones");
    }

    function test_P6_depositors_together_never_get_more_than_was_deposited() external {
        uint256 first = _deposit(funder, fund, 1_000);
        uint256 second = _deposit(otherFunder, fund, 777);
        _join(operator, fund);
        _giveNotice(funder, first);
        _giveNotice(otherFunder, second);
        _pay(fund, 1, ONE / 3);
        _pay(fund, 2, ONE / 3);
        _depart(funder, first);
        _depart(otherFunder, second);
        _pay(fund, 3, ONE / 3);
        book.collect(first);
        book.collect(second);
        uint256 out = token.balanceOf(funder) + token.balanceOf(otherFunder);
        vm.assertLe(out, 1_777 - 3 * 33, "all but what was paid");
        vm.assertGe(out, 1_777 - 3 * 33 - 2, "and dust");
    }

    function test_several_turns_in_one_epoch_join_at_one_price() external {
        _catchUpTo(5);
        uint256 first = _deposit(funder, fund, 50);
        _catchUp(fund); // everything before epoch 6 is dry: its turn has its price already
        uint256 second = _deposit(funder, fund, 60);
        vm.assertEq(book.depositOf(first).turn, 1, "turn");
        vm.assertEq(book.depositOf(second).turn, 2, "another one at the start of the same epoch");
        vm.assertEq(book.turnOf(fund, 1).epoch, 6, "epoch of the first");
        vm.assertEq(book.turnOf(fund, 2).epoch, 6, "epoch of the second");
        _catchUp(fund);
        vm.assertEq(book.worthOf(first), 50, "worth of the first");
        vm.assertEq(book.worthOf(second), 60, "worth of the second");
    }

    function test_joins_and_departures_of_one_turn_have_one_price() external {
        uint256 first = _deposit(funder, fund, 90);
        uint256 other = _deposit(otherFunder, fund, 110);
        _join(operator, fund);
        _pay(fund, 1, ONE);
        _pay(fund, 2, ONE / 2); // a share is worth a quarter
        _leave(funder, first);
        uint256 joins = _deposit(rogue, fund, 40);
        _catchUpTo(_today() + 1);
        _assertCollects(first, 22, "a quarter of 90, rounded down");
        vm.assertEq(book.worthOf(other), 27, "a quarter of 110, rounded down");
        vm.assertEq(book.worthOf(joins), 40, "all of it");
    }

    // --------------------------------------------------------------------------------------- spent funds

    function test_a_deposit_that_was_spent_takes_nothing_from_those_who_fill_the_fund_again() external {
        uint256 spent = _deposit(funder, fund, 200);
        _join(operator, fund);
        _pay(fund, 1, ONE);
        _pay(fund, 2, ONE);
        vm.assertEq(book.worthOf(spent), 0, "spent");
        uint256 fresh = _deposit(otherFunder, fund, 500);
        _catchUpTo(_today() + 1);
        vm.assertEq(book.worthOf(fresh), 500, "whole");
        vm.assertEq(book.worthOf(spent), 0, "void");
        vm.assertGe(uint256(book.fundOf(fund).rebases), 5, "its shares are gone");
        _leave(funder, spent);
        _miss(fund, _today() + 1);
        _assertCollects(spent, 0, "nothing");
    }

    /// @dev Each time all but a billionth is spent: shares are counted in larger units again and again.
    function test_a_fund_may_be_almost_spent_and_filled_again_any_number_of_times() external {
        uint256 unit = 1e18;
        fund = _newFund(unit, 1, 0);
        uint256 first = _deposit(funder, fund, 2 * unit + 2);
        uint256 mirror = _join(operator, fund);
        uint256 last = first;
        for (uint256 cycle; cycle < 12; ++cycle) {
            uint256 next = cycle == 0 ? 1 : _today();
            _pay(fund, next, ONE);
            _pay(fund, next + 1, ONE);
            vm.assertGe(uint256(book.fundOf(fund).value), 1, "dust is left");
            last = _deposit(otherFunder, fund, 2 * unit);
            _catchUpTo(_today() + 1);
            vm.assertLe(book.worthOf(last), 2 * unit, "at most what it put in");
            vm.assertGe(book.worthOf(last) + 4, 2 * unit, "all but dust");
        }
        vm.assertGe(uint256(book.fundOf(fund).rebases), 10, "rebased");
        vm.assertLe(book.worthOf(first), 2, "the first has no more than its dust");
        vm.assertEq(book.creditOf(mirror), 24 * unit, "credit");
    }

    function testFuzz_a_share_is_never_worth_more_than_at_its_turn(uint256 seed) external {
        fund = _newFund(1_000, 2, 300);
        uint256[8] memory ids;
        uint256[8] memory amounts;
        _deposit(owner, fund, 9_000); // no epoch is dry, whatever the others earn
        _join(operator, fund);
        for (uint256 i; i < 8; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            amounts[i] = 1 + seed % (10 ** (1 + seed % 9));
            ids[i] = _deposit(funder, fund, amounts[i]);
            _pay(fund, i + 1, seed % (2 * ONE + 1));
        }
        for (uint256 i; i < 8; ++i) {
            vm.assertLe(book.worthOf(ids[i]), amounts[i], "worth");
        }
        vm.assertLe(book.fundOf(fund).value, book.fundOf(fund).shares, "price");
    }

    // --------------------------------------------------------------------------------------------- notice

    function test_P6_leaving_takes_a_notice() external {
        uint256 deposit = _deposit(funder, fund, 300);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NoNotice.selector, deposit));
        _depart(funder, deposit);
        vm.expectEmit();
        emit IRedundancyFund.NoticeGiven(deposit, 3);
        _giveNotice(funder, deposit);
        _catchUpTo(2);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NoticeNotOver.selector, deposit, 3));
        _depart(funder, deposit);
        _goTo(6);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NoticeLapsed.selector, deposit, 3));
        _depart(funder, deposit);
        _giveNotice(funder, deposit); // again
        _goTo(11);
        vm.expectEmit();
        emit IRedundancyFund.Departed(fund, deposit, 300, 12);
        _depart(funder, deposit);
    }

    function test_P8_a_depositor_leaves_even_if_committee_owner_and_operators_are_gone() external {
        uint256 deposit = _deposit(funder, fund, 1_000);
        _join(operator, fund);
        _catchUpTo(1);
        _leave(funder, deposit);
        _miss(fund, 5);
        _assertCollects(deposit, 1_000, "all of it");
    }

    function test_only_the_holder_gives_notice_and_departs() external {
        uint256 deposit = _deposit(funder, fund, 300);
        bytes memory notHolder = abi.encodeWithSelector(IRedundancyFund.NotHolder.selector, deposit, rogue);
        vm.expectRevert(notHolder);
        _giveNotice(rogue, deposit);
        vm.expectRevert(notHolder);
        _depart(rogue, deposit);
    }

    function test_a_deposit_departs_once_and_is_collected_once() external {
        uint256 deposit = _deposit(funder, fund, 300);
        _catchUpTo(1);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotDeparted.selector, deposit));
        book.collect(deposit);
        _leave(funder, deposit);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.AlreadyDeparted.selector, deposit));
        _depart(funder, deposit);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.AlreadyDeparted.selector, deposit));
        _giveNotice(funder, deposit);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotSettledYet.selector, 2));
        book.collect(deposit);
        _miss(fund, _today() + 1);
        book.collect(deposit);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.AlreadyCollected.selector, deposit));
        book.collect(deposit);
    }

    function test_a_deposit_departs_only_after_it_has_joined() external {
        _deposit(otherFunder, fund, 1_000);
        _goTo(1);
        uint256 deposit = _deposit(funder, fund, 300);
        _giveNotice(funder, deposit);
        _goTo(4);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotSettledYet.selector, 2));
        _depart(funder, deposit);
        _miss(fund, 2);
        _depart(funder, deposit);
    }

    function test_an_unknown_deposit_is_nobodys() external {
        bytes memory unknown = abi.encodeWithSelector(IRedundancyFund.NotHolder.selector, 9, address(0));
        vm.expectRevert(unknown);
        book.collect(9);
        vm.expectRevert(unknown);
        book.worthOf(9);
        vm.expectRevert(unknown);
        book.depositOf(9);
    }
}
