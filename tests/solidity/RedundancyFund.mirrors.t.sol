// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Fixture} from "./Fixture.sol";

/// @title P8 and P12: registering, ending, positions and stakes.
contract RedundancyFundMirrorsTest is Fixture {
    uint256 private fund;

    function setUp() public override {
        super.setUp();
        fund = _newFund(100, 1, 0);
        _deposit(funder, fund, 100_000);
    }

    function _register(address by, uint256 value, string memory url, address to, uint96 stake, uint256 former) private {
        vm.deal(by, value);
        vm.prank(by);
        book.register{value: value}(fund, url, to, stake, former);
    }

    function _expectRegister(bytes memory reason, string memory url, address to, uint96 stake, uint256 former) private {
        vm.deal(operator, stake);
        vm.expectRevert(reason);
        vm.prank(operator);
        book.register{value: stake}(fund, url, to, stake, former);
    }

    /// @dev Several epochs are reported with the same vector and settled.
    function _payUntil(uint256 first, uint256 last, bytes memory vector) private {
        for (uint256 epoch = first; epoch <= last; ++epoch) {
            _pay(fund, epoch, vector);
        }
    }

    // ----------------------------------------------------------------------------------------- registering

    function test_a_registration_says_all_that_counts() external {
        _goTo(3);
        vm.deal(operator, STAKE);
        vm.expectEmit();
        emit IRedundancyFund.MirrorRegistered(fund, 1, operator, payout, 0, STAKE, "https://a.example", 4);
        _register(operator, STAKE, "https://a.example", payout, STAKE, 0);
        IRedundancyFund.Mirror memory m = book.mirrorOf(1);
        vm.assertEq(m.start, 4, "start");
        vm.assertEq(m.end, 0, "end");
        vm.assertEq(m.stake, STAKE, "stake");
        vm.assertEq(wrapped.balanceOf(address(book)), STAKE, "the stake is wrapped native coin");
        vm.assertEq(book.mirrors(), 1, "mirrors");
    }

    function test_a_registration_needs_a_stake_a_payout_and_a_url() external {
        bytes memory tooLow = abi.encodeWithSelector(IRedundancyFund.StakeTooLow.selector, STAKE - 1, STAKE);
        _expectRegister(tooLow, "https://a.example", payout, STAKE - 1, 0);
        bytes memory zeroPayout = abi.encodeWithSelector(IRedundancyFund.ZeroPayout.selector);
        _expectRegister(zeroPayout, "https://a.example", address(0), STAKE, 0);
        _expectRegister(abi.encodeWithSelector(IRedundancyFund.InvalidUrl.selector, 0, 512), "", payout, STAKE, 0);
        string memory longest = string(new bytes(513));
        _expectRegister(
            abi.encodeWithSelector(IRedundancyFund.InvalidUrl.selector, 513, 512), longest, payout, STAKE, 0
        );
    }

    function test_a_stake_comes_in_exactly() external {
        vm.deal(operator, 10 * STAKE);
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.ValueMismatch.selector, STAKE + 1, STAKE));
        book.register{value: STAKE + 1}(fund, "https://a.example", payout, STAKE, 0);
        wrapped.deposit{value: 2 * STAKE}();
        wrapped.approve(address(book), 2 * STAKE);
        book.register(fund, "https://a.example", payout, 2 * STAKE, 0); // more than the least, and wrapped already
        vm.stopPrank();
        vm.assertEq(wrapped.balanceOf(address(book)), 2 * STAKE, "stake");
    }

    function test_a_fund_without_a_least_stake_takes_mirrors_without_any() external {
        _accept(owner, address(token), _offer(100, 1, 0));
        IRedundancyFund.NewFund memory made =
            _newFundOf(address(token), _offer(100, 1, 0), IRedundancyFund.Slashing(address(0), 0, 0));
        made.minStake = 0;
        vm.prank(owner);
        fund = book.createFund(made);
        _deposit(funder, fund, 1_000);
        vm.deal(operator, 1);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.ValueMismatch.selector, 1, 0));
        book.register{value: 1}(fund, "https://a.example", payout, 0, 0);
        _register(operator, 0, "https://a.example", payout, 0, 0);
        vm.prank(operator);
        book.exit(1);
        _pass(10);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NoStake.selector, 1));
        book.releaseStake(1);
    }

    function test_a_registration_needs_a_fund_that_covers_some_epochs() external {
        fund = _newFund(100, 1, 0);
        _deposit(funder, fund, 199);
        bytes memory notCovered = abi.encodeWithSelector(IRedundancyFund.NotCovered.selector, 1, 2);
        _expectRegister(notCovered, "https://a.example", payout, STAKE, 0);
        _deposit(funder, fund, 1);
        _join(operator, fund);
    }

    function test_an_operators_url_counts_once_at_a_time() external {
        _register(operator, STAKE, "https://a.example", payout, STAKE, 0);
        bytes memory already = abi.encodeWithSelector(IRedundancyFund.AlreadyRegistered.selector, 1);
        _expectRegister(already, "https://a.example", payout, STAKE, 0);
        // Whoever takes another's URL must not keep its operator out: who owns it is decided off-chain.
        _register(rogue, STAKE, "https://a.example", rogue, STAKE, 0);
        vm.prank(operator);
        book.exit(1);
        _register(operator, STAKE, "https://a.example", payout, STAKE, 0);
        vm.assertEq(book.mirrorOf(3).position, 2, "another position while its epochs are not settled");
    }

    function test_the_digest_folds_registrations_and_exits_as_the_committee_does() external {
        uint256 first = _join(operator, fund);
        _join(otherOperator, fund);
        _assertDigest();
        _goTo(2);
        _exit(first);
        _assertDigest();
        _join(operator, fund);
        _assertDigest();
        vm.assertEq(uint256(_digestAt(fund, 0)), 0, "none yet");
        vm.assertTrue(_digestAt(fund, 1) != _digestAt(fund, 3), "another set");
    }

    function _assertDigest() private view {
        vm.assertEq(book.mirrorsDigest(fund), _digestAt(fund, _today() + 1), "digest");
    }

    // -------------------------------------------------------------------------------------------- positions

    function test_P12_a_fund_holds_256_mirrors_at_most() external {
        for (uint256 i; i < 256; ++i) {
            _join(operator, fund);
        }
        vm.assertEq(book.mirrorOf(256).position, 255, "the last position");
        _expectRegister(
            abi.encodeWithSelector(IRedundancyFund.NoPositionLeft.selector), "https://a.example", payout, STAKE, 0
        );
        _exit(7);
        _miss(fund, 1);
        _joinAt(otherOperator, fund, 7);
        vm.assertEq(book.mirrorOf(257).position, 6, "the place of one that ended");
    }

    function test_P12_a_position_changes_hands_only_when_every_epoch_of_its_former_holder_is_settled() external {
        uint256 former = _join(operator, fund);
        bytes memory notFree = abi.encodeWithSelector(IRedundancyFund.PositionNotFree.selector, former);
        _expectRegister(notFree, "https://b.example", payout, STAKE, former); // still there
        _goTo(2);
        _exit(former); // counts in 1 and 2
        _pay(fund, 1, ONE);
        _goTo(4);
        _expectRegister(notFree, "https://b.example", payout, STAKE, former); // epoch 2 is open
        _miss(fund, 3);
        uint256 heir = _joinAt(otherOperator, fund, former);
        vm.assertEq(book.mirrorOf(heir).position, 0, "position");
        _expectRegister(notFree, "https://b.example", payout, STAKE, former); // taken
    }

    function test_P12_a_position_of_a_later_fund_cannot_be_taken_either() external {
        uint256 later = _newFund(100, 1, 0);
        _deposit(funder, later, 1_000);
        uint256 former = _join(operator, later);
        _exit(former);
        _miss(later, 1);
        _expectRegister(
            abi.encodeWithSelector(IRedundancyFund.PositionNotFree.selector, former), "https://a.example", payout, STAKE, former
        );
    }

    function test_P12_a_position_of_another_fund_or_of_nobody_cannot_be_taken() external {
        uint256 other = _join(operator, fund);
        _exit(other);
        _miss(fund, 1);
        fund = _newFund(100, 1, 0);
        _deposit(funder, fund, 1_000);
        bytes memory notFree = abi.encodeWithSelector(IRedundancyFund.PositionNotFree.selector, other);
        _expectRegister(notFree, "https://b.example", payout, STAKE, other);
        bytes memory unknown = abi.encodeWithSelector(IRedundancyFund.UnknownMirror.selector, 9);
        _expectRegister(unknown, "https://b.example", payout, STAKE, 9);
    }

    function test_P7_who_takes_over_a_position_takes_no_credit() external {
        uint256 former = _join(operator, fund);
        _exit(former); // ends before it starts: it never counts
        uint256 second = _join(operator, fund);
        _pay(fund, 1, _vector(_weights(0, ONE)));
        _goTo(2);
        _exit(second);
        _pay(fund, 2, _vector(_weights(0, ONE)));
        uint256 heir = _joinAt(otherOperator, fund, second);
        vm.assertEq(book.creditOf(second), 200, "parked");
        vm.assertEq(book.creditOf(heir), 0, "nothing");
        _goTo(4);
        _miss(fund, 4);
        _pay(fund, 4, _vector(_weights(0, ONE / 2)));
        vm.assertEq(book.creditOf(heir), 50, "its own");
        book.withdraw(second);
        vm.assertEq(token.balanceOf(operator), 200, "what was parked");
        vm.assertEq(book.creditOf(heir), 50, "untouched");
        vm.expectRevert(IRedundancyFund.NothingToWithdraw.selector);
        book.withdraw(second);
    }

    // ---------------------------------------------------------------------------------------------- ending

    function test_an_exit_takes_effect_at_the_epochs_end() external {
        uint256 mirror = _join(operator, fund);
        _goTo(5);
        vm.expectEmit();
        emit IRedundancyFund.MirrorExited(fund, mirror, 6, false);
        _exit(mirror);
        vm.assertEq(book.mirrorOf(mirror).end, 6, "end");
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.AlreadyExited.selector, mirror, 6));
        book.exit(mirror);
    }

    function test_only_the_operator_ends_a_mirror_or_moves_its_pay() external {
        uint256 mirror = _join(operator, fund);
        bytes memory notOperator = abi.encodeWithSelector(IRedundancyFund.NotOperator.selector, mirror, rogue);
        vm.startPrank(rogue);
        vm.expectRevert(notOperator);
        book.exit(mirror);
        vm.expectRevert(notOperator);
        book.changePayout(mirror, rogue);
        vm.stopPrank();
        vm.prank(operator);
        vm.expectRevert(IRedundancyFund.ZeroPayout.selector);
        book.changePayout(mirror, address(0));
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.UnknownMirror.selector, 9));
        book.exit(9);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.UnknownMirror.selector, 9));
        book.mirrorOf(9);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.UnknownMirror.selector, 9));
        book.creditOf(9);
    }

    function test_P12_who_shows_no_sign_of_life_in_four_reported_epochs_can_be_removed() external {
        uint256 mirror = _join(operator, fund);
        _payUntil(1, 3, _vector(0));
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StillAlive.selector, mirror, 3, 4));
        book.removeDead(mirror);
        _pay(fund, 4, _vector(0));
        vm.expectEmit();
        emit IRedundancyFund.MirrorExited(fund, mirror, _today() + 1, true);
        _removeDead(mirror);
        vm.assertEq(book.mirrorsDigest(fund), _digestAt(fund, _today() + 1), "digest");
        _pass(4);
        book.releaseStake(mirror);
        vm.assertEq(wrapped.balanceOf(operator), STAKE, "the stake goes back");
    }

    function test_P12_a_sign_of_life_counts_without_a_weight() external {
        uint256 mirror = _join(operator, fund);
        _payUntil(1, 3, _vector(0));
        _pay(fund, 4, hex"80000000");
        _payUntil(5, 7, _vector(0));
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StillAlive.selector, mirror, 3, 4));
        book.removeDead(mirror);
        _pay(fund, 8, _vector(0));
        _removeDead(mirror);
    }

    function test_P12_a_sign_of_life_stays_when_the_neighbour_in_storage_shows_more() external {
        _join(operator, fund);
        _join(operator, fund);
        _pay(fund, 1, hex"8000000080000000");
        for (uint256 epoch = 2; epoch <= 8; ++epoch) {
            bool first = epoch >= 5; // the second alone until 4, the first alone from 5 on
            _pay(fund, epoch, first ? bytes(hex"8000000000000000") : bytes(hex"0000000080000000"));
            if (epoch == 4) _expectStillAlive(1);
            if (epoch == 7) _expectStillAlive(2);
        }
        _removeDead(2);
    }

    function _expectStillAlive(uint256 mirror) private {
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StillAlive.selector, mirror, 3, 4));
        book.removeDead(mirror);
    }

    function test_P12_missed_and_given_up_epochs_are_no_missed_signs_of_life() external {
        uint256 mirror = _join(operator, fund);
        _payUntil(1, 3, _vector(0));
        _report(oracle, 4, "a root without vectors");
        _goTo(8);
        book.settle(fund, _reveals(1)); // given up
        _miss(fund, 7);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StillAlive.selector, mirror, 3, 4));
        book.removeDead(mirror);
        _pay(fund, 7, _vector(0));
        _removeDead(mirror);
    }

    function test_P12_a_newcomer_does_not_inherit_the_silence_of_epochs_before_it() external {
        _goTo(1); // reports of epoch 1 on are still to come
        uint256 mirror = _join(operator, fund);
        _pay(fund, 1, "");
        _payUntil(2, 4, _vector(0));
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StillAlive.selector, mirror, 3, 4));
        book.removeDead(mirror);
        _pay(fund, 5, _vector(0));
        _removeDead(mirror);
    }

    function test_P12_dry_epochs_before_a_mirror_came_do_not_keep_it() external {
        uint256 poor = _newFund(100, 1, 0);
        _deposit(funder, poor, 300); // epochs 1 to 3
        _join(otherOperator, poor);
        for (uint256 epoch = 1; epoch <= 3; ++epoch) _pay(poor, epoch, _vector(ONE));
        _goTo(24);
        _deposit(funder, poor, 100_000);
        uint256 mirror = _join(operator, poor); // nobody has settled since
        for (uint256 epoch = 25; epoch <= 27; ++epoch) _pay(poor, epoch, _vector(0));
        _expectStillAlive(mirror);
        _pay(poor, 28, _vector(0));
        _removeDead(mirror);
    }

    function test_P12_epochs_owed_before_a_mirror_came_and_after_dry_ones_are_not_its_silence() external {
        uint256 poor = _newFund(100, 1, 0);
        _goTo(8);
        _deposit(funder, poor, 100_000);
        _goTo(10); // 9 and 10 are to be reported
        uint256 mirror = _join(operator, poor);
        _pay(poor, 9, "");
        _pay(poor, 10, "");
        for (uint256 epoch = 11; epoch <= 13; ++epoch) _pay(poor, epoch, _vector(0));
        _expectStillAlive(mirror);
        _pay(poor, 14, _vector(0));
        _removeDead(mirror);
    }

    function test_P8_missed_epochs_leave_no_mirror_sets_to_walk_behind() external {
        for (uint256 epoch; epoch <= 2; ++epoch) {
            _goTo(epoch);
            _join(operator, fund);
        }
        _goTo(4);
        _miss(fund, 3);
        vm.assertEq(book.fundOf(fund).cursor.set, 2, "the set of epoch 2, the last one settled");
        _pay(fund, 3, _vector(0));
        vm.assertEq(book.fundOf(fund).cursor.set, 3, "the set of epoch 3");
    }

    function test_P12_who_takes_over_a_position_does_not_inherit_silence_or_signs_of_life() external {
        uint256 former = _join(operator, fund);
        _payUntil(1, 4, _vector(0));
        _removeDead(former); // in epoch 5
        _payUntil(5, 5, _vector(0));
        uint256 heir = _joinAt(otherOperator, fund, former); // in epoch 6, counts from 7
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StillAlive.selector, heir, 0, 4));
        book.removeDead(heir);
        _pay(fund, 6, "");
        _payUntil(7, 9, _vector(0));
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StillAlive.selector, heir, 3, 4));
        book.removeDead(heir);
        _pay(fund, 10, _vector(0));
        _removeDead(heir);
    }

    function test_a_mirror_that_ended_cannot_be_removed_again() external {
        uint256 mirror = _join(operator, fund);
        _payUntil(1, 4, _vector(0));
        _exit(mirror);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.AlreadyExited.selector, mirror, _today() + 1));
        book.removeDead(mirror);
    }

    // ---------------------------------------------------------------------------------------------- stakes

    function test_P8_a_stake_goes_back_after_the_unbonding_whoever_asks() external {
        uint256 mirror = _join(operator, fund);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StillBonded.selector, mirror, type(uint256).max));
        book.releaseStake(mirror);
        _exit(mirror); // counts until 1
        uint256 until = 1 + TERMS.unbonding;
        vm.warp(_start(until) - 1);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StillBonded.selector, mirror, until));
        book.releaseStake(mirror);
        vm.warp(_start(until));
        vm.expectEmit();
        emit IRedundancyFund.StakeReleased(mirror, operator, STAKE);
        vm.prank(rogue);
        book.releaseStake(mirror);
        vm.assertEq(wrapped.balanceOf(operator), STAKE, "stake");
        vm.assertEq(book.mirrorOf(mirror).stake, 0, "none left");
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NoStake.selector, mirror));
        book.releaseStake(mirror);
    }
}
