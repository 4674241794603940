// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Leaf} from "../../contracts/Leaf.sol";
import {Fixture} from "./Fixture.sol";

/// @title Each role gone for ever, or turned hostile: the rows of the table in docs/protocol.md, in its order.
contract RolesTest is Fixture {
    uint96 private constant REWARD = 1_000;
    uint256 private fund;
    uint256 private deposit;
    uint256 private donation;
    uint256 private mirror;

    /// @dev A fund with an arbiter, two depositors with 100,000 each, and one mirror from epoch 1 on.
    function setUp() public override {
        super.setUp();
        fund = _newArbitratedFund(REWARD, 1);
        deposit = _deposit(funder, fund, 100_000);
        donation = _deposit(otherFunder, fund, 100_000);
        mirror = _join(operator, fund);
    }

    // ------------------------------------------------------------------------------------------- in common

    /// @dev A depositor leaves and is paid, whatever committees do: epochs without a report are missed.
    function _takeOut(address holder, uint256 id) private returns (uint256 amount) {
        _catchUpMissed();
        _leave(holder, id);
        _catchUpMissed();
        uint256 before = token.balanceOf(holder);
        book.collect(id);
        amount = token.balanceOf(holder) - before;
    }

    /// @dev Settles what can be settled without a vector: missed, voided, given up.
    function _catchUpMissed() private {
        _pass(TERMS.settleTime + 3);
        while (true) {
            try book.settle(fund, _reveals(1)) {}
            catch {
                break;
            }
        }
        _catchUp(fund);
    }

    function _takeStake(address by, uint256 id) private {
        if (book.mirrorOf(id).end == 0) {
            vm.prank(by);
            book.exit(id);
        }
        _pass(TERMS.unbonding + TERMS.lockTime + 1);
        book.releaseStake(id);
    }

    /// @dev From the middle of today: what epochs of a new committee in the hands of one person pay to one mirror.
    function _hostileOffer() private returns (IRedundancyFund.Offer memory offer) {
        uint256 captured = _newCommittee("captured", 1, 1);
        offer = _offer(200_000, 1, 2_000);
        offer.committee = uint32(captured);
    }

    // ------------------------------------------------------------------------------------------------ owner

    function test_owner_gone_epochs_are_paid_and_everybody_gets_out() external {
        _pay(fund, 1, ONE);
        vm.assertEq(book.withdraw(mirror), REWARD, "pay goes on without an owner");
        uint256 first = _takeOut(funder, deposit);
        uint256 second = _takeOut(otherFunder, donation);
        vm.assertLe(200_000 - REWARD, first + second + 2, "all that was not paid, but for the rounding");
        _takeStake(operator, mirror);
        vm.assertEq(wrapped.balanceOf(operator), STAKE, "stake");
    }

    function test_owner_hostile_who_leaves_after_the_announcement_loses_only_started_epochs() external {
        _goTo(1);
        _announce(fund, _hostileOffer());
        uint256 binds = book.fundOf(fund).changesAt;
        vm.prank(funder);
        book.giveNotice(deposit);
        _catchUpMissedUntil(_today() + TERMS.depositNotice);
        vm.prank(funder);
        book.depart(deposit);
        vm.assertLe(_today() + 1, binds - 1, "gone before it binds");
        _catchUpMissed();
        book.collect(deposit);
        vm.assertEq(token.balanceOf(funder), 100_000, "nobody reported, so nothing was spent");
    }

    /// @dev Settles missed epochs day by day until a given one.
    function _catchUpMissedUntil(uint256 epoch) private {
        while (_today() < epoch) {
            _pass(1);
            try book.settle(fund, _reveals(1)) {} catch {}
        }
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
    }

    // -------------------------------------------------------------------------------------------- depositors

    function test_depositor_gone_its_money_pays_epochs_and_nobody_else_takes_it() external {
        uint256 amount = _takeOut(otherFunder, donation);
        vm.assertLe(amount, 100_000, "no more than its own");
        vm.assertGe(book.worthOf(deposit), 100_000 - 1, "what the other left is still there");
        uint256 epoch = _today() + 1;
        _goTo(epoch);
        _catchUpMissed();
        vm.assertGe(uint256(int256(book.fundOf(fund).free)), 90_000, "and can be spent on epochs");
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
    }

    // --------------------------------------------------------------------------------------------- committee

    function test_minority_gone_or_hostile_changes_nothing() external {
        bytes memory vector = _vector(ONE);
        _pay(fund, 1, vector); // three of four signed
        _goToTime(_start(3));
        bytes32 digest = committee.reportDigest(oracle, 2, "lie", "evidence");
        IOracleCommittee.Signature[] memory two = _signed(_keysOf(oracle), digest, 2);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.TooFewSignatures.selector, 2, 3));
        committee.report(oracle, 2, "lie", "evidence", two);
        vm.assertEq(book.creditOf(mirror), REWARD, "paid");
    }

    function test_quorum_gone_epochs_return_and_everybody_gets_out() external {
        _pay(fund, 1, ONE);
        uint256 out = _takeOut(funder, deposit) + _takeOut(otherFunder, donation);
        vm.assertGe(out, 200_000 - REWARD - 2, "no epoch without a report was paid");
        _takeStake(operator, mirror);
        book.withdraw(mirror);
        vm.assertEq(token.balanceOf(operator), REWARD, "earlier credit");
        vm.assertEq(wrapped.balanceOf(operator), STAKE, "stake");
    }

    function test_P3_all_members_hostile_misdirect_only_the_epochs_they_sign() external {
        _pay(fund, 1, ONE);
        uint256 theirs = _join(rogue, fund);
        _goTo(2);
        vm.assertEq(book.creditOf(mirror), REWARD, "before");
        for (uint256 epoch = 3; epoch <= 5; ++epoch) {
            _miss(fund, epoch);
            _pay(fund, epoch, _vector(_weights(0, ONE)));
        }
        vm.assertEq(book.creditOf(mirror), REWARD, "earlier credits stay");
        vm.assertEq(book.creditOf(theirs), 3 * uint256(REWARD), "one reward an epoch");
        vm.assertEq(book.mirrorOf(mirror).stake, STAKE, "stakes stay");
        vm.assertGe(book.fundOf(fund).value, 200_000 - 4 * uint256(REWARD), "so does all else");
    }

    function test_quorum_hostile_that_withholds_vectors_delays_and_no_more() external {
        _report(oracle, 1, "a root of nothing");
        uint256 out = _takeOut(funder, deposit) + _takeOut(otherFunder, donation);
        vm.assertGe(out, 200_000 - 2, "all came back");
    }

    // ----------------------------------------------------------------------------------------------- arbiter

    function _challenge(address by, uint256 epoch) private {
        vm.deal(by, CHALLENGE_BOND);
        vm.prank(by);
        committee.challenge{value: CHALLENGE_BOND}(oracle, epoch, address(book), fund, "");
    }

    function test_arbiter_gone_reports_stand_and_locks_expire() external {
        bytes memory vector = _vector(ONE);
        _report(oracle, 1, _leaf(fund, 1, vector));
        _challenge(rogue, 1);
        _goToTime(committee.finalBy(1));
        _settle(fund, vector);
        vm.assertEq(book.creditOf(mirror), REWARD, "paid");
        _accuse(2);
        _pass(TERMS.lockTime);
        book.resolveLock(mirror, 2, false);
        vm.assertEq(book.mirrorOf(mirror).locked, 0, "free again");
    }

    function test_arbiter_hostile_voids_challenged_epochs_and_no_others() external {
        _pay(fund, 1, ONE);
        _report(oracle, 2, _leaf(fund, 2, _vector(ONE)));
        _challenge(rogue, 2);
        vm.startPrank(arbiter);
        committee.rule(oracle, 2, address(book), fund, true);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NotChallenged.selector, 1));
        committee.rule(oracle, 1, address(book), fund, true);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotLocked.selector, mirror, 2));
        book.resolveLock(mirror, 2, true);
        vm.stopPrank();
        book.settle(fund, _reveals(1));
        vm.assertEq(book.creditOf(mirror), REWARD, "the earlier credit stays");
        vm.assertEq(book.fundOf(fund).value, 200_000 - REWARD, "the voided reward is the fund's");
    }

    function test_arbiter_and_all_members_hostile_burn_the_cap_and_no_more() external {
        for (uint256 epoch = 1; epoch <= 6; ++epoch) {
            bytes32 payload = keccak256(abi.encode(mirror));
            bytes32 leaf = Leaf.hash(Leaf.SLASH, address(book), fund, epoch, _digestAt(fund, epoch), payload);
            _report(oracle, epoch, leaf);
            _goToTime(block.timestamp + WINDOW);
            try book.lockStake(mirror, epoch, 1, 1, new bytes32[](0)) {} catch {}
            vm.prank(operator);
            try book.answerLock(mirror, epoch, "no") {} catch {}
            vm.prank(arbiter);
            try book.resolveLock(mirror, epoch, true) {} catch {}
        }
        vm.assertEq(book.mirrorOf(mirror).slashed, STAKE / 2, "half, as the fund said when it was made");
        vm.assertEq(book.mirrorOf(mirror).stake, STAKE / 2, "the rest is held");
        _takeStake(operator, mirror);
        vm.assertEq(wrapped.balanceOf(operator), STAKE / 2, "and comes back");
        vm.assertEq(wrapped.balanceOf(arbiter), 0, "nobody gains");
    }

    function _accuse(uint256 epoch) private {
        bytes32 payload = keccak256(abi.encode(mirror));
        _report(oracle, epoch, Leaf.hash(Leaf.SLASH, address(book), fund, epoch, _digestAt(fund, epoch), payload));
        _goToTime(block.timestamp + WINDOW);
        book.lockStake(mirror, epoch, 1, 1, new bytes32[](0));
    }

    // -------------------------------------------------------------------------------------------- challenger

    function test_challenger_hostile_pays_a_bond_for_each_bounded_delay() external {
        bytes memory vector = _vector(ONE);
        _report(oracle, 1, _leaf(fund, 1, vector));
        _challenge(rogue, 1);
        _goToTime(block.timestamp + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotFinal.selector, 1));
        _settle(fund, vector);
        _goToTime(block.timestamp + ARBITRATION);
        _settle(fund, vector);
        committee.conclude(oracle, 1, address(book), fund);
        vm.assertEq(wrapped.balanceOf(rogue), 0, "burned");
        vm.assertEq(book.creditOf(mirror), REWARD, "paid all the same");
    }

    // ---------------------------------------------------------------------------------------------------- us

    /// @dev Whoever deployed the contracts is this test: it holds no role, and no function asks for it.
    function test_we_gone_or_hostile_have_no_say() external {
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotOwner.selector, fund, address(this)));
        book.publishRelease(fund, "ours", "https://us.example");
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotHolder.selector, deposit, address(this)));
        book.giveNotice(deposit);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotOperator.selector, mirror, address(this)));
        book.exit(mirror);
        IOracleCommittee.Signature[] memory none = new IOracleCommittee.Signature[](0);
        _goToTime(_start(2));
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.TooFewSignatures.selector, 0, 3));
        committee.report(oracle, 1, "ours", "evidence", none);
    }
}
