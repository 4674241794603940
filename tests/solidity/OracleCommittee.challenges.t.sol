// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Fixture} from "./Fixture.sol";

/// @title P10: a challenge holds up one fund's epoch for a bounded time, and only an arbiter may void it.
contract OracleCommitteeChallengesTest is Fixture {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;
    uint256 private fund;
    uint256 private other;
    bytes private vector;
    uint256 private accepted;

    /// @dev Epoch 1 of a fund with an arbiter is reported; the window is open.
    function setUp() public override {
        super.setUp();
        fund = _newArbitratedFund(100, 1);
        other = _newFund(100, 1, 0);
        _deposit(funder, fund, 10_000);
        _deposit(funder, other, 10_000);
        _join(operator, fund);
        _goTo(1);
        vector = _vector(ONE);
        _report(oracle, 1, _leaf(fund, 1, vector));
        accepted = block.timestamp;
        vm.deal(rogue, 10 ether);
        vm.deal(funder, 10 ether);
    }

    function _challenge(address by, uint256 named) private {
        vm.prank(by);
        committee.challenge{value: CHALLENGE_BOND}(oracle, 1, address(book), named, "the weights are not what I measured");
    }

    function _rule(bool voided) private {
        vm.prank(arbiter);
        committee.rule(oracle, 1, address(book), fund, voided);
    }

    function _assertOutcome(uint256 named, IOracleCommittee.Outcome expected, string memory why) private view {
        (IOracleCommittee.Outcome outcome,) = committee.outcomeFor(oracle, 1, address(book), named);
        vm.assertEq(uint256(outcome), uint256(expected), why);
    }

    function _goToDecision() private {
        vm.warp(accepted + WINDOW + ARBITRATION);
    }

    // ------------------------------------------------------------------------------------------ who and when

    function test_P10_a_challenge_says_what_it_names_and_by_when_it_is_decided() external {
        vm.expectEmit();
        emit IOracleCommittee.Challenged(
            oracle,
            1,
            address(book),
            fund,
            rogue,
            "the weights are not what I measured",
            accepted + WINDOW + ARBITRATION
        );
        _challenge(rogue, fund);
        IOracleCommittee.Challenge memory c = committee.challengeOf(oracle, 1, address(book), fund);
        vm.assertEq(c.challenger, rogue, "challenger");
        vm.assertEq(uint256(c.ruling), uint256(IOracleCommittee.Ruling.None), "ruling");
        vm.assertEq(wrapped.balanceOf(address(committee)), CHALLENGE_BOND, "bond");
    }

    function test_P10_only_what_is_reported_and_in_its_window_can_be_challenged() external {
        vm.startPrank(rogue);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NotPending.selector, 2));
        committee.challenge{value: CHALLENGE_BOND}(oracle, 2, address(book), fund, "");
        vm.warp(accepted + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NotPending.selector, 1));
        committee.challenge{value: CHALLENGE_BOND}(oracle, 1, address(book), fund, "");
        vm.warp(accepted + WINDOW - 1);
        committee.challenge{value: CHALLENGE_BOND}(oracle, 1, address(book), fund, "");
    }

    function test_P10_what_nobody_reported_cannot_be_challenged_even_at_the_beginning_of_time() external {
        vm.warp(1);
        committee = _newCommitteeContract(IOracleCommittee.Clock(0, 1, 10, 10, 10));
        oracle = _newCommittee("member", 4, 3);
        vm.deal(rogue, 2 * CHALLENGE_BOND);
        vm.startPrank(rogue);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NotPending.selector, 0));
        committee.challenge{value: CHALLENGE_BOND}(oracle, 0, address(book), fund, "there is nothing");
        vm.stopPrank();
        bytes32 digest = committee.reportDigest(oracle, 0, "root", "evidence");
        committee.report(oracle, 0, "root", "evidence", _signed(_keysOf(oracle), digest, 3));
        vm.prank(rogue);
        committee.challenge{value: CHALLENGE_BOND}(oracle, 0, address(book), fund, "accepted in second 1");
    }

    function test_a_challenge_needs_an_arbiter_and_the_whole_bond_and_comes_once() external {
        vm.startPrank(rogue);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NoArbiter.selector, address(book), other));
        committee.challenge{value: CHALLENGE_BOND}(oracle, 1, address(book), other, "");
        bytes4 wrong = IOracleCommittee.WrongBond.selector;
        vm.expectRevert(abi.encodeWithSelector(wrong, CHALLENGE_BOND - 1, CHALLENGE_BOND));
        committee.challenge{value: CHALLENGE_BOND - 1}(oracle, 1, address(book), fund, "");
        vm.expectRevert(abi.encodeWithSelector(wrong, CHALLENGE_BOND + 1, CHALLENGE_BOND));
        committee.challenge{value: CHALLENGE_BOND + 1}(oracle, 1, address(book), fund, "");
        vm.stopPrank();
        _challenge(rogue, fund);
        vm.prank(funder);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.AlreadyChallenged.selector, 1, rogue));
        committee.challenge{value: CHALLENGE_BOND}(oracle, 1, address(book), fund, "");
    }

    // --------------------------------------------------------------------------------------------- outcomes

    function test_P5_a_voided_epoch_returns_all_and_the_bond_comes_back() external {
        _challenge(funder, fund);
        vm.expectEmit();
        emit IOracleCommittee.Ruled(oracle, 1, address(book), fund, IOracleCommittee.Ruling.Voided);
        _rule(true);
        vm.assertEq(wrapped.balanceOf(funder), CHALLENGE_BOND, "bond");
        _assertOutcome(fund, IOracleCommittee.Outcome.Voided, "voided");
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.WrongProof.selector, 1, bytes32(0)));
        _settle(fund, vector);
        vm.expectEmit();
        emit IRedundancyFund.EpochSettled(fund, 1, IRedundancyFund.Settlement.Voided, 0, 0, 100, "");
        book.settle(fund, _reveals(1));
        vm.assertEq(book.creditOf(1), 0, "credit");
        vm.assertEq(book.fundOf(fund).value, 10_000, "all returned");
        _goToDecision();
        _assertOutcome(fund, IOracleCommittee.Outcome.Voided, "for good");
    }

    function test_a_lost_challenge_burns_its_bond_and_the_report_stands() external {
        _challenge(rogue, fund);
        _rule(false);
        vm.assertEq(wrapped.balanceOf(BURNED), CHALLENGE_BOND, "burned");
        _assertOutcome(fund, IOracleCommittee.Outcome.Pending, "the window is still open");
        vm.warp(accepted + WINDOW);
        _assertOutcome(fund, IOracleCommittee.Outcome.Final, "stands");
        _settle(fund, vector);
        vm.assertEq(book.creditOf(1), 100, "paid");
    }

    function test_P10_an_arbiter_that_is_silent_lets_the_report_stand_in_bounded_time() external {
        _challenge(rogue, fund);
        vm.warp(accepted + WINDOW);
        _assertOutcome(fund, IOracleCommittee.Outcome.Pending, "waits for the arbiter");
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotFinal.selector, 1));
        _settle(fund, vector);
        uint256 until = accepted + WINDOW + ARBITRATION;
        vm.warp(until - 1);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.ArbitrationNotOver.selector, 1, until));
        committee.conclude(oracle, 1, address(book), fund);
        vm.warp(until);
        _assertOutcome(fund, IOracleCommittee.Outcome.Final, "silence means that it stands");
        vm.assertLe(until, committee.finalBy(1), "in bounded time");
        vm.assertEq(committee.finalBy(1), _start(2) + GRACE + WINDOW + ARBITRATION, "of known length");
        _settle(fund, vector); // whether anyone concludes or not
        vm.prank(arbiter);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.ArbitrationOver.selector, 1, until));
        committee.rule(oracle, 1, address(book), fund, true);
        vm.expectEmit();
        emit IOracleCommittee.Ruled(oracle, 1, address(book), fund, IOracleCommittee.Ruling.Stands);
        committee.conclude(oracle, 1, address(book), fund);
        vm.assertEq(wrapped.balanceOf(BURNED), CHALLENGE_BOND, "burned");
        vm.assertEq(wrapped.balanceOf(address(committee)), 0, "nothing left");
        vm.prank(funder);
        committee.postBond{value: CHALLENGE_BOND}(oracle);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.AlreadyRuled.selector, 1));
        committee.conclude(oracle, 1, address(book), fund); // would burn another's money
    }

    function test_the_arbiter_may_rule_until_the_last_second() external {
        _challenge(rogue, fund);
        vm.warp(accepted + WINDOW + ARBITRATION - 1);
        _rule(true);
        _assertOutcome(fund, IOracleCommittee.Outcome.Voided, "voided");
    }

    function test_nobody_but_the_arbiter_rules_and_it_rules_once() external {
        bytes memory notChallenged = abi.encodeWithSelector(IOracleCommittee.NotChallenged.selector, 1);
        vm.prank(arbiter);
        vm.expectRevert(notChallenged);
        committee.rule(oracle, 1, address(book), fund, true);
        vm.expectRevert(notChallenged);
        committee.conclude(oracle, 1, address(book), fund);
        _challenge(rogue, fund);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NotArbiter.selector, owner, arbiter));
        committee.rule(oracle, 1, address(book), fund, true);
        _rule(true);
        bytes memory ruled = abi.encodeWithSelector(IOracleCommittee.AlreadyRuled.selector, 1);
        vm.prank(arbiter);
        vm.expectRevert(ruled);
        committee.rule(oracle, 1, address(book), fund, false);
        _goToDecision();
        vm.expectRevert(ruled);
        committee.conclude(oracle, 1, address(book), fund);
        vm.assertEq(wrapped.balanceOf(rogue), CHALLENGE_BOND, "the bond came back once");
    }

    function test_a_challenge_of_one_fund_holds_up_no_other() external {
        uint256 second = _newArbitratedFund(100, 1);
        _challenge(rogue, fund);
        vm.warp(accepted + WINDOW);
        _assertOutcome(fund, IOracleCommittee.Outcome.Pending, "challenged");
        _assertOutcome(other, IOracleCommittee.Outcome.Final, "without an arbiter");
        _assertOutcome(second, IOracleCommittee.Outcome.Final, "with the same arbiter");
        (IOracleCommittee.Outcome outcome,) = committee.outcomeFor(oracle, 1, rogue, fund);
        vm.assertEq(uint256(outcome), uint256(IOracleCommittee.Outcome.Final), "a fund of another contract");
    }

    function test_a_ruling_in_the_window_does_not_make_another_epoch_final() external {
        _challenge(rogue, fund);
        _rule(false);
        (IOracleCommittee.Outcome outcome,) = committee.outcomeFor(oracle, 2, address(book), fund);
        vm.assertEq(uint256(outcome), uint256(IOracleCommittee.Outcome.Open), "another epoch");
    }
}
