// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Fixture} from "./Fixture.sol";

/// @title P4: which epochs a fund pays for; and who may say what of it.
contract RedundancyFundFundingTest is Fixture {
    uint256 private fund;

    function setUp() public override {
        super.setUp();
        fund = _newFund(100, 1, 0);
    }

    function _assertFree(int256 expected, string memory why) private {
        _catchUp(fund);
        vm.assertEq(int256(book.fundOf(fund).free), expected, why);
    }

    function _assertSegment(uint256 segment, uint256 first, uint256 last, uint256 reward) private view {
        IRedundancyFund.Segment memory s = book.segmentOf(fund, segment);
        vm.assertEq(s.first, first, "first");
        vm.assertEq(s.last, last, "last");
        vm.assertEq(s.reward, reward, "reward");
    }

    // -------------------------------------------------------------------------------------------- epochs

    function test_P4_an_epoch_is_funded_if_the_free_money_at_its_start_covers_the_reward() external {
        _deposit(funder, fund, 299);
        _goTo(10);
        _assertFree(99, "two of three");
        _assertSegment(1, 1, 2, 100);
        vm.assertEq(book.fundOf(fund).segments, 1, "the rest is dry");
    }

    function test_P4_a_deposit_does_not_fund_the_epoch_in_which_it_comes() external {
        _goTo(5);
        _deposit(funder, fund, 100);
        _assertFree(100, "epoch 5 stays dry");
        _goTo(6);
        _assertFree(0, "epoch 6 is funded");
        _assertSegment(1, 6, 6, 100);
    }

    function test_P4_a_dry_fund_filled_again_skips_the_dry_epochs() external {
        _deposit(funder, fund, 250);
        uint256 mirror = _join(operator, fund);
        _pay(fund, 1, ONE);
        _pay(fund, 2, ONE);
        _goTo(9);
        _deposit(funder, fund, 50);
        _pay(fund, 10, ONE);
        vm.assertEq(book.creditOf(mirror), 300, "three epochs");
        _assertSegment(2, 10, 10, 100);
    }

    function test_P4_what_is_owed_stays_owed_when_every_funder_leaves() external {
        uint256 deposit = _deposit(funder, fund, 1_000);
        uint256 mirror = _join(operator, fund);
        vm.prank(funder);
        book.giveNotice(deposit);
        _goTo(1);
        _catchUp(fund); // the deposit joins; nobody touches the fund from here on
        _reportVector(fund, 1, _vector(ONE));
        _reportVector(fund, 2, _vector(ONE));
        vm.prank(funder);
        book.depart(deposit);
        vm.assertEq(int256(book.fundOf(fund).free), -300, "set aside at more than it will get");
        _settle(fund, _vector(ONE));
        _settle(fund, _vector(ONE));
        _pay(fund, 3, ONE);
        vm.assertEq(book.creditOf(mirror), 300, "owed and paid");
        _assertSegment(1, 1, 3, 100);
        book.collect(deposit);
        vm.assertEq(token.balanceOf(funder), 700, "the rest");
    }

    function test_a_returned_remainder_never_pays_for_epochs_that_started_before_it_came() external {
        _deposit(funder, fund, 200);
        _join(operator, fund);
        _goTo(5); // epochs 1 and 2 owed, 3 to 5 dry
        _catchUp(fund);
        book.settle(fund, _reveals(2)); // both missed: 200 come back in epoch 5
        _assertFree(200, "for epochs from 6 on");
        _goTo(6);
        _assertFree(100, "epoch 6");
        _assertSegment(2, 6, 6, 100);
    }

    function test_the_free_money_is_the_same_whoever_looks_at_it_when(uint256 seed) external {
        _deposit(funder, fund, 5_050);
        for (uint256 epoch = 1; epoch < 40; ++epoch) {
            _goTo(epoch);
            if (uint256(keccak256(abi.encode(seed, epoch))) % 3 == 0) _catchUp(fund);
        }
        _assertFree(5_050 - 39 * 100, "39 epochs");
        _assertSegment(1, 1, 39, 100);
    }

    // ------------------------------------------------------------------------------------------- changes

    function _announce(uint256 reward) private {
        _announce(fund, _offer(reward, 1, 0));
    }

    function test_P6_a_change_binds_only_after_its_notice() external {
        _deposit(funder, fund, 10_000);
        _goTo(3);
        _accept(fund, owner, address(token), _offer(250, 1, 0), IRedundancyFund.Slashing(address(0), 0, 0));
        vm.expectEmit();
        emit IRedundancyFund.ChangeAnnounced(fund, _offer(250, 1, 0), "{}", 8);
        vm.prank(owner);
        book.announceChange(fund, _offer(250, 1, 0), "{}");
        _goTo(9);
        _catchUp(fund);
        _assertSegment(1, 1, 7, 100);
        _assertSegment(2, 8, 9, 250);
        vm.assertEq(book.fundOf(fund).offer.reward, 250, "in force");
        vm.assertEq(book.fundOf(fund).changesAt, 0, "nothing announced");
    }

    function test_P6_a_later_announcement_replaces_one_that_does_not_bind_yet() external {
        _deposit(funder, fund, 10_000);
        _announce(250);
        _goTo(4);
        _announce(300);
        _goTo(8);
        _catchUp(fund);
        vm.assertEq(book.fundOf(fund).offer.reward, 100, "the first never binds");
        _goTo(9);
        _catchUp(fund);
        vm.assertEq(book.fundOf(fund).offer.reward, 300, "the second does");
    }

    function test_P6_an_announcement_does_not_undo_what_already_binds() external {
        _deposit(funder, fund, 10_000);
        _announce(250);
        _goTo(6); // nobody touched the fund since
        _announce(300);
        _assertSegment(1, 1, 4, 100);
        _assertSegment(2, 5, 6, 250);
    }

    function test_P6_who_gives_notice_after_a_change_was_announced_leaves_before_it_binds() external {
        _goToTime(_start(1) - 1);
        uint256 deposit = _deposit(funder, fund, 1_000); // as late as can be
        _announce(1_000_000);
        _goTo(1);
        vm.prank(funder);
        book.giveNotice(deposit);
        _goTo(1 + TERMS.depositNotice);
        _miss(fund, 2);
        vm.prank(funder);
        book.depart(deposit);
        vm.assertLe(_today() + 1, book.fundOf(fund).changesAt, "gone when it binds");
    }

    function test_P6_a_committee_that_withholds_its_vectors_cannot_keep_a_depositor_until_a_change() external {
        _deposit(otherFunder, fund, 10_000);
        _goTo(1);
        uint256 deposit = _deposit(funder, fund, 1_000);
        _announce(10_000); // binds from 6
        _goTo(2);
        vm.prank(funder);
        book.giveNotice(deposit);
        _report(oracle, 1, "a root without vectors");
        _goTo(5);
        book.settle(fund, _reveals(1)); // given up
        vm.prank(funder);
        book.depart(deposit);
        _goTo(6);
        _catchUp(fund);
        vm.assertEq(book.fundOf(fund).offer.reward, 10_000, "the change binds");
        vm.assertEq(book.fundOf(fund).segments, 1, "too late for the deposit");
    }

    function test_P6_nor_until_a_notice_of_the_epoch_of_the_announcement_lapses() external {
        _leaveThoughVectorsAreWithheld(0);
    }

    function test_P6_nor_until_a_notice_of_the_next_epoch_lapses() external {
        _leaveThoughVectorsAreWithheld(1);
    }

    /// @dev On the longest time to settle that fits the notice of deposits, and the shortest notice of changes for it. The
    /// deposit is as late as can be: in the epoch of the announcement, 1.
    function _leaveThoughVectorsAreWithheld(uint256 wait) private {
        book = _newBook(IRedundancyFund.Terms(3, 6, 3, 4, 2, 4));
        fund = _newFund(100, 1, 0);
        _deposit(otherFunder, fund, 10_000);
        _goTo(1);
        uint256 deposit = _deposit(funder, fund, 1_000);
        _announce(10_000); // binds from 7
        _goTo(1 + wait);
        vm.prank(funder);
        book.giveNotice(deposit);
        _report(oracle, 1, "a root without vectors");
        _goToTime(_start(6) - 1);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.VectorNeeded.selector, 1, 6));
        book.settle(fund, _reveals(1));
        _goTo(6);
        book.settle(fund, _reveals(1));
        vm.prank(funder);
        book.depart(deposit);
        _goTo(7);
        _catchUp(fund);
        vm.assertEq(book.fundOf(fund).offer.reward, 10_000, "the change binds");
        vm.assertEq(book.fundOf(fund).segments, 1, "too late for the deposit");
    }

    function test_terms_leave_depositors_time() external {
        IRedundancyFund.Terms memory terms = TERMS;
        book = _newBook(terms);
        terms.changeNotice = 4;
        _expectInvalid(terms);
        terms = TERMS;
        terms.settleTime = 4;
        _expectInvalid(terms);
        terms = TERMS;
        terms.depositNotice = 2;
        _expectInvalid(terms);
        terms = TERMS;
        terms.unbonding = 2;
        _expectInvalid(terms);
        terms = TERMS;
        terms.settleTime = 2;
        _expectInvalid(terms);
        terms = TERMS;
        terms.minCover = 0;
        _expectInvalid(terms);
        vm.assertEq(keccak256(abi.encode(book.terms())), keccak256(abi.encode(TERMS)), "terms");
    }

    function _expectInvalid(IRedundancyFund.Terms memory terms) private {
        try this.deploy(terms) {
            vm.assertTrue(false, "deployed on invalid terms");
        } catch (bytes memory reason) {
            vm.assertEq(bytes32(bytes4(reason)), bytes32(IRedundancyFund.InvalidTerms.selector), "reason");
        }
    }

    function deploy(IRedundancyFund.Terms calldata terms) external {
        _newBook(terms);
    }
}
