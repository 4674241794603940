// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Fixture} from "./Fixture.sol";

/// @title Rounding is at the expense of those who leave, and never of what an epoch is owed.
contract RedundancyFundRoundingTest is Fixture {
    /// @dev Two epochs are paid in full; then the fund is dry, and a share is worth 3 / 23.
    function _spend(uint256 unit, uint256 first, uint256 second) private returns (uint256 fund, uint256 mirror) {
        fund = _newFund(10 * unit, 1, 0);
        _deposit(funder, fund, first);
        _deposit(funder, fund, second);
        _deposit(otherFunder, fund, 23 * unit - first - second);
        mirror = _join(operator, fund);
        _goTo(1);
        _pay(fund, 1, ONE);
        _pay(fund, 2, ONE);
        vm.assertEq(book.fundOf(fund).value, 3 * unit, "what is left");
    }

    function _depart(uint256 deposit) private {
        vm.prank(funder);
        book.depart(deposit);
    }

    function _giveNotices() private {
        vm.startPrank(funder);
        book.giveNotice(1);
        book.giveNotice(2);
        vm.stopPrank();
        _pass(TERMS.depositNotice);
    }

    function test_P1_leavers_together_never_take_from_an_epoch_that_is_owed() external {
        // Each is worth 7.96 units, so 7 are set aside for each; but 15 for the two together.
        (uint256 fund, uint256 mirror) = _spend(10, 61, 61);
        _giveNotices();
        _depart(1);
        _depart(2);
        _deposit(otherFunder, fund, 300 - uint256(int256(book.fundOf(fund).free)));
        uint256 next = _today() + 1;
        IRedundancyFund.Reveal[] memory reveals = _reveals(3);
        for (uint256 i; i < 3; ++i) {
            reveals[i] = _reveal(_vector(ONE));
            _reportVector(fund, next + i, reveals[i].vector);
        }
        book.settle(fund, reveals);
        vm.assertEq(book.creditOf(mirror), 500, "what was owed is paid");
        vm.assertEq(book.fundOf(fund).value, 0, "and nothing is left");
        book.collect(1);
        book.collect(2);
        vm.assertEq(token.balanceOf(funder), 14, "what was set aside");
        vm.assertEq(token.balanceOf(address(book)), 500, "the credit is covered");
    }

    function test_a_leaver_worth_less_than_a_unit_gets_nothing_even_if_others_leave_dust() external {
        (uint256 fund,) = _spend(1, 7, 15);
        _giveNotices();
        _depart(2); // worth 1.96, gets 1
        _goTo(_today() + 1);
        _depart(1); // worth less than 1
        _goTo(_today() + 1);
        _catchUp(fund);
        book.collect(1);
        book.collect(2);
        vm.assertEq(token.balanceOf(funder), 1, "collected");
        vm.assertEq(token.balanceOf(address(book)), 20 + book.fundOf(fund).value, "credits and value are covered");
    }

    function test_dust_that_leavers_leave_never_lifts_a_share_above_par() external {
        (uint256 fund,) = _spend(10, 61, 61);
        _giveNotices();
        _depart(1);
        _depart(2);
        _goTo(_today() + 1);
        _catchUp(fund);
        uint256 newcomer = _deposit(rogue, fund, 1);
        _goTo(_today() + 1);
        _catchUp(fund);
        vm.assertLe(book.worthOf(newcomer), 1, "no more than deposited");
        vm.assertLe(book.fundOf(fund).value, book.fundOf(fund).shares, "the price is at most par");
    }

    /// @dev A unit a day, for years, in a fund that nobody settles: what has piled up is priced in several calls.
    function test_no_number_of_deposits_can_make_a_fund_too_expensive_to_settle() external {
        uint256 fund = _newFund(1_000, 1, 0);
        for (uint256 day; day < 300; ++day) {
            _goTo(day);
            _deposit(rogue, fund, 1);
        }
        _goTo(300);
        uint256 gas = gasleft();
        _catchUp(fund);
        vm.assertLe(gas - gasleft(), 12_000_000, "gas");
        vm.assertEq(book.fundOf(fund).cursor.turn, 256, "as many as one call takes");
        _catchUp(fund);
        vm.assertEq(book.fundOf(fund).cursor.turn, 300, "the rest");
        vm.assertEq(book.fundOf(fund).value, 300, "all have joined");
    }
}
