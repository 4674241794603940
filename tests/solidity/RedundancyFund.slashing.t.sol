// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Leaf} from "../../contracts/Leaf.sol";
import {Fixture} from "./Fixture.sol";

/// @title P11: a stake is touched only for what a quorum saw, within caps, and after the operator was heard.
contract RedundancyFundSlashingTest is Fixture {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;
    uint256 private constant SEGMENT = 1;
    uint256 private constant EPOCH_CAP = STAKE / 5;
    uint256 private constant LIFE_CAP = STAKE / 2;
    bytes32[] private NO_PROOF;
    uint256 private fund;
    uint256 private mirror;

    /// @dev One mirror counts from epoch 1, in the first mirror set.
    function setUp() public override {
        super.setUp();
        fund = _newArbitratedFund(100, 1);
        _deposit(funder, fund, 10_000);
        mirror = _join(operator, fund);
    }

    function _slashLeaf(uint256 id, uint256 epoch) private view returns (bytes32) {
        uint256 named = book.mirrorOf(id).fund;
        bytes32 payload = keccak256(abi.encode(id));
        return Leaf.hash(Leaf.SLASH, address(book), named, epoch, _digestAt(named, epoch), payload);
    }

    /// @dev A final report that has nothing but the lock.
    function _accuse(uint256 id, uint256 epoch) private {
        _report(oracle, epoch, _slashLeaf(id, epoch));
        _goToTime(block.timestamp + WINDOW);
    }

    function _lock(uint256 epoch) private {
        vm.prank(rogue);
        book.lockStake(mirror, epoch, SEGMENT, 1, NO_PROOF);
    }

    function _accuseAndLock(uint256 epoch) private {
        _accuse(mirror, epoch);
        _lock(epoch);
    }

    function _resolve(address by, uint256 epoch, bool burned) private {
        vm.prank(by);
        book.resolveLock(mirror, epoch, burned);
    }

    function _assertStake(uint256 held, uint256 locked, uint256 slashed) private view {
        IRedundancyFund.Mirror memory m = book.mirrorOf(mirror);
        vm.assertEq(m.stake, held, "held");
        vm.assertEq(m.locked, locked, "locked");
        vm.assertEq(m.slashed, slashed, "slashed");
        vm.assertEq(wrapped.balanceOf(BURNED), slashed, "burned");
        vm.assertEq(wrapped.balanceOf(address(book)), held, "in the contract");
    }

    // ---------------------------------------------------------------------------------------------- locking

    function test_P11_anyone_may_lock_what_a_final_report_names() external {
        _accuse(mirror, 1);
        uint256 today = _today();
        vm.expectEmit();
        emit IRedundancyFund.StakeLocked(mirror, 1, EPOCH_CAP, today + 2, today + 4);
        _lock(1);
        _assertStake(STAKE, EPOCH_CAP, 0);
        IRedundancyFund.Lock memory l = book.lockOf(mirror, 1);
        vm.assertEq(l.amount, EPOCH_CAP, "amount");
        vm.assertEq(l.placed, today, "placed");
        vm.assertEq(uint256(l.state), uint256(IRedundancyFund.LockState.Locked), "state");
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.AlreadyLocked.selector, mirror, 1));
        _lock(1);
    }

    function test_P11_without_an_arbiter_nothing_can_be_locked() external {
        fund = _newFund(100, 1, 0);
        _deposit(funder, fund, 10_000);
        mirror = _join(operator, fund);
        _accuse(mirror, 1);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NoArbiter.selector, fund));
        _lock(1);
    }

    function test_P11_an_arbiter_without_caps_locks_nothing() external {
        fund = _newFundWith(address(token), _offer(100, 1, 0), IRedundancyFund.Slashing(arbiter, 0, 0));
        _deposit(funder, fund, 10_000);
        mirror = _join(operator, fund);
        _accuse(mirror, 1);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NothingToLock.selector, mirror));
        _lock(1);
    }

    function test_P11_a_report_that_does_not_name_the_mirror_locks_nothing() external {
        uint256 second = _join(otherOperator, fund); // in the same set
        _accuse(mirror, 1);
        vm.expectRevert(
            abi.encodeWithSelector(IRedundancyFund.WrongProof.selector, 1, _slashLeaf(second, 1))
        );
        book.lockStake(second, 1, SEGMENT, 1, NO_PROOF);
        _report(oracle, 2, _leaf(fund, 2, _vector(0))); // a weight vector is no accusation
        _goToTime(block.timestamp + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.WrongProof.selector, 2, _slashLeaf(mirror, 2)));
        _lock(2);
    }

    function test_P11_a_report_that_is_not_final_or_was_voided_locks_nothing() external {
        _report(oracle, 1, _slashLeaf(mirror, 1));
        bytes memory notFinal = abi.encodeWithSelector(IRedundancyFund.NotFinal.selector, 1);
        vm.expectRevert(notFinal);
        _lock(1);
        vm.deal(operator, CHALLENGE_BOND);
        vm.prank(operator);
        committee.challenge{value: CHALLENGE_BOND}(oracle, 1, address(book), fund, "the bytes were right");
        vm.prank(arbiter);
        committee.rule(oracle, 1, address(book), fund, true);
        _goToTime(block.timestamp + WINDOW);
        vm.expectRevert(notFinal);
        _lock(1);
    }

    function test_P11_only_an_epoch_in_which_the_mirror_counts_locks_its_stake() external {
        _goTo(1);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotCounting.selector, mirror, 0));
        book.lockStake(mirror, 0, SEGMENT, 1, NO_PROOF);
        _exit(mirror); // counts in epoch 1 to its end
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotCounting.selector, mirror, 2));
        book.lockStake(mirror, 2, SEGMENT, 1, NO_PROOF);
        _accuseAndLock(1);
        _assertStake(STAKE, EPOCH_CAP, 0);
    }

    function test_P11_a_lock_comes_within_the_unbonding_or_not_at_all() external {
        _accuse(mirror, 1);
        _goTo(1 + TERMS.unbonding);
        uint256 moment = block.timestamp;
        vm.warp(_start(2 + TERMS.unbonding));
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.TooLateToLock.selector, 1, 1 + TERMS.unbonding));
        _lock(1);
        vm.warp(moment);
        _lock(1);
    }

    function test_P11_the_segment_and_set_named_are_those_of_the_epoch() external {
        _goTo(1);
        uint256 second = _join(otherOperator, fund); // the second set binds from epoch 2
        _accuse(mirror, 1);
        for (uint256 wrong; wrong < 4; ++wrong) {
            if (wrong == 1) continue;
            vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.WrongSet.selector, wrong, 1));
            book.lockStake(mirror, 1, SEGMENT, wrong, NO_PROOF);
            vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotFunded.selector, 1));
            book.lockStake(mirror, 1, wrong, 1, NO_PROOF);
        }
        _lock(1);
        _accuse(second, 2);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.WrongSet.selector, 1, 2));
        book.lockStake(second, 2, SEGMENT, 1, NO_PROOF);
        book.lockStake(second, 2, SEGMENT, 2, NO_PROOF);
        vm.assertEq(book.mirrorOf(second).locked, EPOCH_CAP, "locked");
    }

    function test_P11_a_later_segment_is_none_of_an_earlier_epoch() external {
        _announce(fund, _offer(200, 1, 0));
        uint256 change = _today() + TERMS.changeNotice;
        _goTo(change - 1);
        _accuse(mirror, change - 1); // the change is in force by now
        _catchUp(fund);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotFunded.selector, change - 1));
        book.lockStake(mirror, change - 1, SEGMENT + 1, 1, NO_PROOF);
        _lock(change - 1);
    }

    function test_P11_one_unit_of_a_stake_is_locked_and_less_is_nothing() external {
        for (uint256 stake = 4; stake <= 5; ++stake) {
            IRedundancyFund.Offer memory offer = _offer(100, 1, 0);
            IRedundancyFund.Slashing memory slashing = IRedundancyFund.Slashing(arbiter, 2_000, 5_000);
            _accept(0, owner, address(token), offer, slashing);
            IRedundancyFund.NewFund memory made = _newFundOf(address(token), offer, slashing);
            made.minStake = 0;
            vm.prank(owner);
            uint256 small = book.createFund(made);
            _deposit(funder, small, 10_000);
            vm.deal(operator, stake);
            vm.prank(operator);
            uint256 id = book.register{value: stake}(small, "https://small.example", operator, uint96(stake), 0);
            uint256 epoch = _today() + 1;
            bytes32 payload = keccak256(abi.encode(id));
            _report(oracle, epoch, Leaf.hash(Leaf.SLASH, address(book), small, epoch, book.mirrorsDigest(small), payload));
            _goToTime(block.timestamp + WINDOW);
            if (stake == 4) vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NothingToLock.selector, id));
            book.lockStake(id, epoch, SEGMENT, 1, NO_PROOF);
            vm.assertEq(book.mirrorOf(id).locked, stake == 4 ? 0 : 1, "a fifth, rounded down");
        }
    }

    function test_P11_a_dry_epoch_locks_nothing() external {
        uint256 dry = _newArbitratedFund(100, 1);
        _deposit(funder, dry, 200);
        fund = dry;
        mirror = _join(operator, dry);
        _goTo(3); // epochs 1 and 2 were all it had
        _accuse(mirror, 3);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotFunded.selector, 3));
        _lock(3);
    }

    function test_an_accusation_stands_beside_the_weights_in_one_report() external {
        bytes memory vector = _vector(0);
        (bytes32 weights, bytes32 accusation) = (_leaf(fund, 1, vector), _slashLeaf(mirror, 1));
        (bytes32 low, bytes32 high) = weights < accusation ? (weights, accusation) : (accusation, weights);
        _report(oracle, 1, keccak256(bytes.concat(low, high)));
        _goToTime(block.timestamp + WINDOW);
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = weights;
        book.lockStake(mirror, 1, SEGMENT, 1, proof);
        IRedundancyFund.Reveal[] memory reveals = _reveals(vector);
        reveals[0].proof = new bytes32[](1);
        reveals[0].proof[0] = accusation;
        book.settle(fund, reveals);
        vm.assertEq(book.fundOf(fund).cursor.epoch, 2, "settled");
        vm.assertEq(book.mirrorOf(mirror).locked, EPOCH_CAP, "locked");
    }

    // ------------------------------------------------------------------------------------------- resolving

    function test_P11_the_operator_is_heard_before_anything_burns() external {
        _accuseAndLock(1);
        uint256 placed = _today();
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.AnswerFirst.selector, placed + 2));
        _resolve(arbiter, 1, true);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotOperator.selector, mirror, rogue));
        vm.prank(rogue);
        book.answerLock(mirror, 1, "not mine to say");
        vm.expectEmit();
        emit IRedundancyFund.LockAnswered(mirror, 1, "a disk failed; it is replaced");
        vm.prank(operator);
        book.answerLock(mirror, 1, "a disk failed; it is replaced");
        vm.assertTrue(book.lockOf(mirror, 1).answered, "answered");
        vm.expectEmit();
        emit IRedundancyFund.LockResolved(mirror, 1, true, EPOCH_CAP);
        _resolve(arbiter, 1, true);
        _assertStake(STAKE - EPOCH_CAP, 0, EPOCH_CAP);
        vm.assertEq(uint256(book.lockOf(mirror, 1).state), uint256(IRedundancyFund.LockState.Burned), "state");
    }

    function test_P11_an_operator_has_half_a_locks_time_to_answer_and_all_of_the_next_epoch() external {
        _accuse(mirror, 1);
        uint256 placed = _today();
        vm.warp(_start(placed + 1) - 1);
        _lock(1);
        for (uint256 left = LENGTH; left > 0; left /= 2) {
            vm.warp(_start(placed + 2) - left);
            vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.AnswerFirst.selector, placed + 2));
            _resolve(arbiter, 1, true);
        }
        vm.warp(_start(placed + 2));
        _resolve(arbiter, 1, true);
        _assertStake(STAKE - EPOCH_CAP, 0, EPOCH_CAP);
    }

    function test_P11_the_arbiter_releases_at_any_time_and_nobody_else() external {
        _accuseAndLock(1);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotArbiter.selector, operator, arbiter));
        _resolve(operator, 1, false);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotArbiter.selector, owner, arbiter));
        _resolve(owner, 1, true);
        vm.expectEmit();
        emit IRedundancyFund.LockResolved(mirror, 1, false, EPOCH_CAP);
        _resolve(arbiter, 1, false);
        _assertStake(STAKE, 0, 0);
        vm.assertEq(uint256(book.lockOf(mirror, 1).state), uint256(IRedundancyFund.LockState.Released), "state");
        bytes memory notLocked = abi.encodeWithSelector(IRedundancyFund.NotLocked.selector, mirror, 1);
        vm.expectRevert(notLocked);
        _resolve(arbiter, 1, true);
        vm.prank(operator);
        vm.expectRevert(notLocked);
        book.answerLock(mirror, 1, "too late");
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.AlreadyLocked.selector, mirror, 1));
        _lock(1); // one epoch locks once
    }

    function test_P11_a_lock_that_the_arbiter_does_not_confirm_expires() external {
        _accuseAndLock(1);
        uint256 until = _today() + TERMS.lockTime;
        vm.warp(_start(until) - 1);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotArbiter.selector, rogue, arbiter));
        _resolve(rogue, 1, false);
        vm.warp(_start(until));
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.LockExpired.selector, until));
        _resolve(arbiter, 1, true);
        _resolve(rogue, 1, false);
        _assertStake(STAKE, 0, 0);
    }

    // ------------------------------------------------------------------------------------------------- caps

    function test_P11_a_life_of_accusations_costs_the_cap_and_no_more() external {
        uint256[4] memory expected = [EPOCH_CAP, EPOCH_CAP, LIFE_CAP - 2 * EPOCH_CAP, 0];
        for (uint256 epoch = 1; epoch <= 4; ++epoch) {
            _accuse(mirror, epoch);
            bytes memory nothing = abi.encodeWithSelector(IRedundancyFund.NothingToLock.selector, mirror);
            if (expected[epoch - 1] == 0) vm.expectRevert(nothing);
            _lock(epoch);
            if (epoch != 2) continue;
            vm.prank(operator);
            book.answerLock(mirror, 1, "it was not me");
            _resolve(arbiter, 1, true); // burned and locked count alike
        }
        _assertStake(STAKE - EPOCH_CAP, LIFE_CAP - EPOCH_CAP, EPOCH_CAP);
        _pass(1);
        _resolve(arbiter, 2, true);
        _resolve(arbiter, 3, true);
        _assertStake(STAKE - LIFE_CAP, 0, LIFE_CAP);
    }

    function test_what_was_released_can_be_locked_for_another_epoch() external {
        for (uint256 epoch = 1; epoch <= 6; ++epoch) {
            _accuseAndLock(epoch);
            _resolve(arbiter, epoch, false);
        }
        _assertStake(STAKE, 0, 0);
    }

    // ------------------------------------------------------------------------------------------------- exit

    function test_P8_an_exit_waits_for_no_lock_longer_than_its_time() external {
        _goTo(1);
        _exit(mirror);
        _goTo(1 + TERMS.unbonding);
        _accuseAndLockLate();
        _goTo(2 + TERMS.unbonding);
        vm.expectEmit();
        emit IRedundancyFund.StakeReleased(mirror, operator, STAKE - EPOCH_CAP);
        book.releaseStake(mirror);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NoStake.selector, mirror));
        book.releaseStake(mirror);
        _goTo(1 + TERMS.unbonding + TERMS.lockTime);
        _resolve(rogue, 1, false);
        book.releaseStake(mirror);
        vm.assertEq(wrapped.balanceOf(operator), STAKE, "all of it");
        vm.assertEq(wrapped.balanceOf(address(book)), 0, "nothing left");
    }

    /// @dev The report of epoch 1, posted in its grace, and locked on the last day.
    function _accuseAndLockLate() private {
        uint256 today = block.timestamp;
        vm.warp(_start(2));
        _accuse(mirror, 1);
        vm.warp(today);
        _lock(1);
    }

    function test_P11_what_burns_after_the_rest_was_released_is_what_was_locked() external {
        _goTo(1);
        _exit(mirror);
        _goTo(1 + TERMS.unbonding);
        _accuseAndLockLate();
        _goTo(2 + TERMS.unbonding);
        book.releaseStake(mirror);
        _pass(1);
        _resolve(arbiter, 1, true);
        vm.assertEq(wrapped.balanceOf(operator), STAKE - EPOCH_CAP, "released");
        _assertStake(0, 0, EPOCH_CAP);
    }

    function testFuzz_P11_a_slash_stays_within_its_caps(uint96 stake, uint16 epochBps, uint16 lifeBps, uint8 count)
        external
    {
        lifeBps = uint16(_bound(lifeBps, 1, 5_000));
        epochBps = uint16(_bound(epochBps, 1, lifeBps));
        stake = uint96(_bound(stake, STAKE, type(uint96).max / 2));
        fund = _newFundWith(address(token), _offer(100, 1, 0), IRedundancyFund.Slashing(arbiter, epochBps, lifeBps));
        _deposit(funder, fund, 10_000);
        vm.deal(operator, stake);
        vm.prank(operator);
        mirror = book.register{value: stake}(fund, "https://fuzz.example", operator, stake, 0);
        uint256 inAll;
        for (uint256 epoch = 1; epoch <= 1 + count % 5; ++epoch) {
            bytes32 payload = keccak256(abi.encode(mirror));
            bytes32 leaf = Leaf.hash(Leaf.SLASH, address(book), fund, epoch, book.mirrorsDigest(fund), payload);
            _report(oracle, epoch, leaf);
            _goToTime(block.timestamp + WINDOW);
            try book.lockStake(mirror, epoch, SEGMENT, 1, NO_PROOF) {} catch {}
            uint256 amount = book.lockOf(mirror, epoch).amount;
            vm.assertLe(amount, uint256(stake) * epochBps / 10_000, "for one epoch");
            inAll += amount;
        }
        vm.assertLe(inAll, uint256(stake) * lifeBps / 10_000, "for life");
        vm.assertEq(book.mirrorOf(mirror).locked, inAll, "locked");
    }
}
