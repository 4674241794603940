// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {RolesFixture} from "./RolesFixture.sol";

/// @title Owners, depositors and operators, gone for ever or turned hostile: rows of the table in docs/protocol.md, in its
/// order.
contract RolesTest is RolesFixture {
    // ------------------------------------------------------------------------------------------------ owner

    function test_owner_gone_epochs_are_paid_and_everybody_gets_out() external {
        _pay(fund, 1, ONE);
        vm.assertEq(book.withdraw(mirror), REWARD, "pay goes on without an owner");
        uint256 first = _takeOut(funder, deposit);
        uint256 second = _takeOut(otherFunder, donation);
        vm.assertLe(200_000 - REWARD, first + second + 2, "all that was not paid, but for the rounding");
        _takeStake(operator, mirror);
        vm.assertEq(wrapped.balanceOf(operator), STAKE, "stake");
        _payUntilDry();
    }

    /// @dev Another fund: 2,500 for epochs of 1,000.
    function _payUntilDry() private {
        uint256 small = _newFund(REWARD, 1, 0);
        uint256 last = _deposit(funder, small, 2_500);
        uint256 paid = _join(operator, small);
        uint256 first = _today() + 1;
        _pay(small, first, ONE);
        _pay(small, first + 1, ONE);
        _goTo(first + 4);
        _catchUp(small);
        vm.assertEq(book.fundOf(small).cursor.epoch, _today() + 1, "dry: nothing to settle");
        vm.assertEq(book.creditOf(paid), 2 * REWARD, "paid until the fund was dry");
        vm.assertEq(book.worthOf(last), 500, "and the rest is its depositor's");
    }

    function test_owner_hostile_who_leaves_after_the_announcement_loses_only_started_epochs() external {
        uint256 captured = _newCommittee("captured", 1, 1);
        _goTo(1);
        _announce(fund, _offerBy(captured, 50_000, 2_000));
        uint256 binds = book.fundOf(fund).changesAt;
        uint256 theirs = _join(rogue, fund);
        _goTo(2); // the epoch after
        vm.prank(funder);
        book.giveNotice(deposit);
        _miss(fund, 2);
        _pay(fund, 2, ONE);
        _catchUpMissedUntil(2 + TERMS.depositNotice);
        vm.prank(funder);
        book.depart(deposit);
        vm.assertEq(_today() + 1, binds, "gone before it binds");
        _takeAll(binds, theirs);
        book.collect(deposit);
        vm.assertEq(token.balanceOf(funder), 100_000 - REWARD / 2, "its half of what started, on the old terms");
    }

    /// @dev The committee of the announced offer gives its first reward to one that does nothing.
    function _takeAll(uint256 binds, uint256 theirs) private {
        _miss(fund, binds);
        _pay(fund, binds, _vector(_weights(0, ONE)));
        vm.assertEq(book.creditOf(theirs), 40_000, "the new reward, less the fee");
        vm.assertEq(book.worthOf(donation), 100_000 - REWARD / 2 - 50_000, "who stays");
    }

    function test_owner_hostile_takes_no_deposit_credit_or_stake() external {
        _pay(fund, 1, ONE);
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotHolder.selector, deposit, owner));
        book.giveNotice(deposit);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotOperator.selector, mirror, owner));
        book.exit(mirror);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotOperator.selector, mirror, owner));
        book.changePayout(mirror, owner);
        book.publishRelease(fund, "nothing anyone has", "https://owner.example");
        book.withdraw(mirror);
        vm.stopPrank();
        vm.assertEq(token.balanceOf(operator), REWARD, "the credit went to its operator");
        vm.assertEq(token.balanceOf(owner) + wrapped.balanceOf(owner), 0, "nothing for the owner");
        _payWhoHasTheRelease();
    }

    /// @dev A release that only the owner's own mirror can get: an honest quorum measures that the others do not serve it.
    function _payWhoHasTheRelease() private {
        uint256 theirs = _join(owner, fund);
        uint256 epoch = _today() + 1;
        _miss(fund, epoch);
        _pay(fund, epoch, _vector(_weights(0, ONE)));
        _pay(fund, epoch + 1, _vector(_weights(0, ONE)));
        vm.assertEq(book.creditOf(theirs), 2 * uint256(REWARD), "the pay of coming epochs, one reward each");
        vm.assertEq(book.worthOf(deposit) + book.worthOf(donation), 200_000 - 3 * REWARD, "and no more");
    }

    // -------------------------------------------------------------------------------------------- depositors

    function test_depositor_gone_its_money_pays_epochs_and_nobody_else_takes_it() external {
        uint256 amount = _takeOut(otherFunder, donation);
        vm.assertLe(amount, 100_000, "no more than its own");
        vm.assertGe(book.worthOf(deposit), 100_000 - 1, "what the other left is still there");
        uint256 epoch = _today() + 1;
        _miss(fund, epoch);
        _pay(fund, epoch, ONE);
        vm.assertEq(book.creditOf(mirror), REWARD, "an epoch is paid");
        vm.assertGe(book.worthOf(deposit), 100_000 - REWARD - 1, "with its money alone");
    }

    function test_depositor_hostile_who_leaves_takes_nothing_of_what_started_or_of_others() external {
        _goTo(1);
        _catchUp(fund); // epoch 1 is owed
        vm.prank(funder);
        book.giveNotice(deposit);
        for (uint256 epoch = 1; epoch <= 3; ++epoch) {
            _pay(fund, epoch, ONE);
        }
        _goTo(1 + TERMS.depositNotice);
        vm.prank(funder);
        book.depart(deposit);
        _pay(fund, 4, ONE);
        book.settle(fund, _reveals(0));
        book.collect(deposit);
        vm.assertEq(book.creditOf(mirror), 4 * REWARD, "every epoch that started is paid");
        vm.assertEq(token.balanceOf(funder), 100_000 - 2 * REWARD, "half of what was spent");
        vm.assertEq(book.worthOf(donation), 100_000 - 2 * REWARD, "and so the other");
        _giveUpWhatNobodySettled();
    }

    /// @dev The other depositor, to whom it returns, is quicker than all others in `settleTime`.
    function _giveUpWhatNobodySettled() private {
        uint256 epoch = _today() + 1;
        _miss(fund, epoch);
        _reportVector(fund, epoch, _vector(ONE));
        _goTo(epoch + TERMS.settleTime);
        vm.startPrank(otherFunder);
        vm.expectRevert(
            abi.encodeWithSelector(IRedundancyFund.VectorNeeded.selector, epoch, epoch + 1 + TERMS.settleTime)
        );
        book.settle(fund, _reveals(1));
        _goTo(epoch + 1 + TERMS.settleTime);
        book.settle(fund, _reveals(1));
        vm.stopPrank();
        vm.assertEq(book.creditOf(mirror), 4 * REWARD, "operators: the pay of what nobody settled in time");
    }

    // --------------------------------------------------------------------------------------------- operators

    function test_operator_gone_its_position_is_freed_and_its_money_waits_for_it() external {
        _pay(fund, 1, ONE);
        for (uint256 epoch = 2; epoch <= 5; ++epoch) {
            _pay(fund, epoch, _vector(0));
        }
        _removeDead(mirror);
        _pass(TERMS.unbonding + 1);
        vm.prank(rogue);
        book.releaseStake(mirror);
        book.withdraw(mirror);
        vm.assertEq(wrapped.balanceOf(operator), STAKE, "stake");
        vm.assertEq(token.balanceOf(operator), REWARD, "credit");
    }

    function test_operator_hostile_gets_what_a_quorum_measured_and_no_more() external {
        _pay(fund, 1, ONE / 10);
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StillBonded.selector, mirror, type(uint256).max));
        book.releaseStake(mirror);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.AlreadyRegistered.selector, mirror));
        book.register{value: 0}(fund, "https://1.example", operator, STAKE, 0);
        vm.stopPrank();
        vm.assertEq(book.withdraw(mirror), REWARD / 10, "its share");
        _holdAllPlaces();
    }

    function _holdAllPlaces() private {
        for (uint256 i = 1; i < 256; ++i) {
            _join(rogue, fund);
        }
        vm.assertEq(wrapped.balanceOf(address(book)), 256 * STAKE, "one stake each, not below what the owner set");
        vm.deal(otherOperator, STAKE);
        vm.startPrank(otherOperator);
        vm.expectRevert(IRedundancyFund.NoPositionLeft.selector);
        book.register{value: STAKE}(fund, "https://new.example", otherOperator, STAKE, 0);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StakeTooLow.selector, STAKE - 1, STAKE));
        book.register{value: STAKE - 1}(fund, "https://new.example", otherOperator, STAKE - 1, 0);
        vm.stopPrank();
    }
}
