// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Fixture} from "./Fixture.sol";

/// @title P6: what a leaver is worth on the way out, and what that leaves to those who stay.
contract RedundancyFundLeaversTest is Fixture {
    function _depart(address holder, uint256 deposit) private {
        vm.prank(holder);
        book.depart(deposit);
    }

    function _giveNotice(address holder, uint256 deposit) private {
        vm.prank(holder);
        book.giveNotice(deposit);
    }

    function test_P6_who_has_departed_still_pays_for_the_epochs_before_the_turn() external {
        uint256 fund = _newFund(100, 1, 0);
        (uint256 leaver, uint256 stayer) = (_deposit(funder, fund, 1_000), _deposit(otherFunder, fund, 1_000));
        _join(operator, fund);
        _giveNotice(funder, leaver);
        bytes memory vector = _vector(ONE);
        for (uint256 epoch = 1; epoch <= 2; ++epoch) {
            _reportVector(fund, epoch, vector);
        }
        _catchUp(fund);
        _depart(funder, leaver); // in epoch 3, while none is settled: 1,000 are set aside
        _settle(fund, vector);
        vm.assertEq(book.worthOf(leaver), 950, "half of what is left before the turn");
        vm.assertEq(book.worthOf(stayer), 950, "as of who stays");
        _settle(fund, vector);
        _pay(fund, 3, ONE);
        vm.assertEq(book.worthOf(leaver), 850, "half of what is left at the turn");
        IRedundancyFund.Fund memory f = book.fundOf(fund);
        vm.assertEq(f.value, 850, "what stays");
        vm.assertEq(f.free, int256(850 - 100 * (_today() - 3)), "free: all but the epochs that have begun");
        book.collect(leaver);
        vm.assertEq(token.balanceOf(funder), 850, "collected");
    }

    function test_P6_a_leaver_of_one_unit_leaves_the_others_unit() external {
        uint256 fund = _newFund(1_000, 1, 0);
        (uint256 leaver, uint256 stayer) = (_deposit(funder, fund, 1), _deposit(otherFunder, fund, 1));
        _pass(1);
        _catchUp(fund);
        _leave(funder, leaver);
        _pass(1);
        _catchUp(fund);
        vm.assertEq(book.worthOf(leaver), 1, "the leaver's");
        vm.assertEq(book.worthOf(stayer), 1, "the other's");
        vm.assertEq(book.fundOf(fund).shares, 1, "shares");
    }

    /// @dev A fund that was spent to one unit: from the next turn on its shares are counted in another unit.
    function _spentFund() private returns (uint256 fund) {
        uint256 reward = 1 << 60;
        fund = _newFund(reward, 1, 0);
        _deposit(funder, fund, 2 * reward + 1);
        _join(operator, fund);
        _pay(fund, 1, ONE);
        _pay(fund, 2, ONE);
        vm.assertEq(book.fundOf(fund).value, 1, "one unit is left");
    }

    function test_P6_two_who_leave_together_after_a_change_of_unit_get_what_they_brought() external {
        uint256 fund = _spentFund();
        (uint256 first, uint256 second) = (_deposit(funder, fund, 3_000), _deposit(otherFunder, fund, 5_000));
        _pass(1);
        _catchUp(fund);
        vm.assertEq(book.fundOf(fund).rebases, 1, "the unit has changed");
        _giveNotice(funder, first);
        _giveNotice(otherFunder, second);
        _pass(TERMS.depositNotice);
        _depart(funder, first);
        uint256 turn = book.depositOf(first).left;
        uint256 leaving = book.turnOf(fund, turn).leaving;
        _depart(otherFunder, second);
        vm.assertEq(book.depositOf(second).left, turn, "one turn");
        vm.assertEq(book.turnOf(fund, turn).leaving * 3, leaving * 8, "3,000 and 5,000");
        _pass(1);
        _catchUp(fund);
        vm.assertEq(book.worthOf(first), 3_000, "the first's");
        vm.assertEq(book.worthOf(second), 5_000, "the second's");
    }
}
