// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {BlockingToken} from "./actors/BlockingToken.sol";
import {ReentrantToken} from "./actors/ReentrantToken.sol";
import {Fixture} from "./Fixture.sol";

/// @title P7: credits fall only by withdrawal to the mirror's own payout address.
contract RedundancyFundWithdrawalTest is Fixture {
    uint256 private fund;

    function setUp() public override {
        super.setUp();
        _open(address(token));
    }

    /// @dev A fund with two mirrors; the first has earned 450 and the second 225; the committee 100.
    function _open(address currency) private {
        fund = _newFundIn(currency, _offer(1_000, 2, 1_000));
        uint256 epoch = _today() + 1;
        _deposit(funder, fund, 100_000);
        _join(operator, fund);
        _join(otherOperator, fund);
        _pay(fund, epoch, _vector(_weights(ONE, ONE / 2)));
    }

    function test_P7_anyone_may_send_a_credit_to_its_payout_address_and_nowhere_else() external {
        vm.prank(operator);
        book.changePayout(1, payout);
        _pass(1);
        vm.expectEmit();
        emit IRedundancyFund.Withdrawn(1, payout, 450);
        vm.prank(rogue);
        vm.assertEq(book.withdraw(1), 450, "amount");
        vm.assertEq(token.balanceOf(payout), 450, "payout");
        vm.assertEq(token.balanceOf(rogue), 0, "rogue");
        vm.assertEq(book.creditOf(1), 0, "credit");
        vm.assertEq(book.creditOf(2), 225, "the credit beside it in storage");
    }

    function test_P7_at_every_position_a_withdrawal_takes_its_own_credit_and_no_other() external {
        for (uint256 i; i < 4; ++i) {
            _join(operator, fund);
        }
        _miss(fund, _today() + 1);
        bytes memory vector;
        for (uint256 i = 1; i <= 6; ++i) {
            vector = bytes.concat(vector, bytes4(uint32(i * ONE / 25)));
        }
        _pay(fund, book.fundOf(fund).cursor.epoch, vector);
        for (uint256 mirror = 6; mirror > 2; --mirror) {
            uint256 all = token.balanceOf(address(book));
            vm.assertEq(book.withdraw(mirror), mirror * 18, "amount");
            vm.assertEq(token.balanceOf(address(book)), all - mirror * 18, "sent");
            for (uint256 i = 3; i <= 6; ++i) {
                vm.assertEq(book.creditOf(i), i < mirror ? i * 18 : 0, "credit");
            }
            vm.assertEq(book.creditOf(1), 450 + 18, "the first position's");
        }
    }

    function test_a_credit_is_withdrawn_once() external {
        book.withdraw(1);
        vm.expectRevert(IRedundancyFund.NothingToWithdraw.selector);
        book.withdraw(1);
        vm.expectRevert(IRedundancyFund.NothingToWithdraw.selector);
        book.withdraw(9);
        _pay(fund, 2, _vector(_weights(ONE, 0)));
        vm.assertEq(book.withdraw(1), 450, "what came later");
    }

    function test_a_withdrawal_is_no_sign_of_life_and_takes_none_away() external {
        book.withdraw(1);
        book.withdraw(2);
        for (uint256 epoch = 2; epoch <= 4; ++epoch) {
            _pay(fund, epoch, _vector(0));
        }
        for (uint256 mirror = 1; mirror <= 2; ++mirror) {
            vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StillAlive.selector, mirror, 3, 4));
            book.removeDead(mirror);
        }
        _pay(fund, 5, _vector(0));
        _removeDead(1);
        _removeDead(2);
    }

    function test_P7_a_mirror_that_ended_keeps_its_credit() external {
        _exit(1);
        _pass(100);
        vm.assertEq(book.withdraw(1), 450, "amount");
    }

    function test_P7_a_transfer_that_fails_keeps_the_credit() external {
        BlockingToken fickle = new BlockingToken();
        _open(address(fickle));
        fickle.block_(operator, true);
        vm.expectRevert(abi.encodeWithSelector(BlockingToken.Blocked.selector, operator));
        book.withdraw(3);
        vm.assertEq(book.creditOf(3), 450, "kept");
        vm.assertEq(book.withdraw(4), 225, "others are paid");
        fickle.block_(operator, false);
        vm.assertEq(book.withdraw(3), 450, "later");
    }

    function test_P7_a_mirror_may_name_another_address_when_its_own_is_refused() external {
        BlockingToken fickle = new BlockingToken();
        _open(address(fickle));
        fickle.block_(operator, true);
        vm.expectEmit();
        emit IRedundancyFund.PayoutChanged(3, payout, _today() + 1);
        vm.prank(operator);
        book.changePayout(3, payout);
        _pass(1);
        book.withdraw(3);
        vm.assertEq(fickle.balanceOf(payout), 450, "payout");
    }

    function test_P7_a_payout_address_changes_from_the_next_epoch_on() external {
        vm.prank(operator);
        book.changePayout(1, payout);
        vm.assertEq(book.mirrorOf(1).payout, operator, "today");
        uint256 change = _start(_today() + 1);
        vm.warp(change - 1);
        vm.assertEq(book.mirrorOf(1).payout, operator, "its last second");
        vm.warp(change);
        vm.assertEq(book.mirrorOf(1).payout, payout, "tomorrow");
        vm.prank(operator);
        book.changePayout(1, poster);
        vm.assertEq(book.mirrorOf(1).payout, payout, "the one before the second change");
        vm.prank(operator);
        book.changePayout(1, rogue);
        vm.assertEq(book.mirrorOf(1).payout, payout, "a change of mind moves nothing today");
        _pass(1);
        vm.assertEq(book.mirrorOf(1).payout, rogue, "the last word");
    }

    function test_P13_a_token_that_calls_back_gets_a_credit_once() external {
        ReentrantToken tricky = new ReentrantToken();
        _open(address(tricky));
        tricky.arm(address(book), abi.encodeCall(book.withdraw, (3)));
        book.withdraw(3);
        vm.assertTrue(!tricky.succeeded(), "called back");
        vm.assertEq(tricky.balanceOf(operator), 450, "once");
    }

    function test_a_committee_is_sent_its_fees_whoever_asks() external {
        vm.expectEmit();
        emit IRedundancyFund.FeeWithdrawn(oracle, address(token), feeRecipient, 100);
        vm.prank(rogue);
        vm.assertEq(book.withdrawFee(oracle, address(token)), 100, "amount");
        vm.assertEq(token.balanceOf(feeRecipient), 100, "fee");
        vm.expectRevert(IRedundancyFund.NothingToWithdraw.selector);
        book.withdrawFee(oracle, address(token));
    }

    function test_fees_are_kept_apart_by_committee_and_token() external {
        BlockingToken fickle = new BlockingToken();
        _open(address(fickle));
        vm.assertEq(book.fees(oracle, address(token)), 100, "one token");
        vm.assertEq(book.fees(oracle, address(fickle)), 100, "another");
        vm.assertEq(book.fees(oracle + 1, address(token)), 0, "another committee");
    }
}
