// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Fixture} from "./Fixture.sol";
import {FeeToken} from "./actors/FeeToken.sol";
import {ReentrantToken} from "./actors/ReentrantToken.sol";

/// @title Opening a fund, its owner's words, and how money comes in.
contract RedundancyFundCreationTest is Fixture {
    IRedundancyFund.Slashing private NONE = IRedundancyFund.Slashing(address(0), 0, 0);

    function _expectRefusal(bytes memory reason, IRedundancyFund.Offer memory offer) private {
        _expectRefusal(reason, address(token), offer, NONE);
    }

    function _expectRefusal(
        bytes memory reason,
        address currency,
        IRedundancyFund.Offer memory offer,
        IRedundancyFund.Slashing memory slashing
    ) private {
        vm.expectRevert(reason);
        book.createFund(_newFundOf(currency, offer, slashing));
    }

    function test_a_fund_pays_something_for_a_target_that_can_be_reached() external {
        _expectRefusal(abi.encodeWithSelector(IRedundancyFund.ZeroReward.selector), _offer(0, 1, 0));
        _expectRefusal(abi.encodeWithSelector(IRedundancyFund.InvalidTarget.selector, 0, 256), _offer(1, 0, 0));
        _expectRefusal(abi.encodeWithSelector(IRedundancyFund.InvalidTarget.selector, 257, 256), _offer(1, 257, 0));
        vm.assertEq(book.fundOf(_newFund(1, 256, 0)).offer.target, 256, "as many as there are positions");
        _expectRefusal(
            abi.encodeWithSelector(IRedundancyFund.FeeTooHigh.selector, 2_001, 2_000), _offer(1, 1, 2_001)
        );
        bytes memory nowhere = abi.encodeWithSelector(IRedundancyFund.NotAContract.selector, rogue);
        _expectRefusal(nowhere, rogue, _offer(1, 1, 0), NONE);
    }

    function test_P11_what_can_be_slashed_is_fixed_at_creation_within_limits() external {
        uint256[3][4] memory wrong = [
            [uint256(1), 1_001, 1_000], [uint256(1), 5_001, 5_001], [uint256(0), 0, 1], [uint256(0), 1, 1]
        ];
        for (uint256 i; i < wrong.length; ++i) {
            (uint16 epochBps, uint16 lifeBps) = (uint16(wrong[i][1]), uint16(wrong[i][2]));
            bytes memory reason =
                abi.encodeWithSelector(IRedundancyFund.InvalidSlashing.selector, epochBps, lifeBps, 5_000);
            address by = wrong[i][0] == 1 ? arbiter : address(0);
            _expectRefusal(
                reason, address(token), _offer(1, 1, 0), IRedundancyFund.Slashing(by, epochBps, lifeBps)
            );
        }
        uint256 fund =
            _newFundWith(address(token), _offer(1, 1, 0), IRedundancyFund.Slashing(arbiter, 5_000, 5_000));
        (address judge, uint16 most, uint16 inAll) = book.slashingOf(fund);
        vm.assertEq(judge, arbiter, "arbiter");
        vm.assertEq(book.arbiterOf(fund), arbiter, "for the committee's contract");
        vm.assertEq(uint256(most) + inAll, 10_000, "caps");
    }

    function _notAccepted(address from, IRedundancyFund.Offer memory offer) private view returns (bytes memory) {
        return _notAccepted(0, from, offer, NONE);
    }

    function _notAccepted(
        uint256 fund,
        address from,
        IRedundancyFund.Offer memory offer,
        IRedundancyFund.Slashing memory slashing
    ) private view returns (bytes memory) {
        bytes32 terms = keccak256(abi.encode(fund, from, address(token), offer, slashing, keccak256("{}")));
        return abi.encodeWithSelector(IOracleCommittee.NotAccepted.selector, oracle, terms);
    }

    function test_a_committee_takes_a_fund_on_once_for_its_owner_and_terms() external {
        IRedundancyFund.Offer memory offer = _offer(100, 1, 0);
        bytes memory refusal = _notAccepted(owner, offer);
        vm.prank(owner);
        _expectRefusal(refusal, offer); // nobody has signed yet
        _newFundIn(address(token), offer);
        vm.prank(owner);
        _expectRefusal(refusal, offer); // used up
        _accept(owner, address(token), offer);
        offer.feeBps = 1;
        vm.prank(owner);
        _expectRefusal(_notAccepted(owner, offer), offer);
        offer.feeBps = 0;
        vm.prank(rogue);
        _expectRefusal(_notAccepted(rogue, offer), offer);
        vm.warp(block.timestamp + 1 days);
        vm.prank(owner);
        _expectRefusal(refusal, offer); // too late
    }

    function test_a_committee_takes_a_fund_on_with_the_arbiter_it_was_told_of_and_no_other() external {
        IRedundancyFund.Offer memory offer = _offer(100, 1, 0);
        IRedundancyFund.Slashing[3] memory others = [
            IRedundancyFund.Slashing(owner, 0, 0),
            IRedundancyFund.Slashing(arbiter, 1, 5_000),
            IRedundancyFund.Slashing(arbiter, 0, 4_999)
        ];
        _accept(owner, address(token), offer);
        vm.prank(owner);
        _expectRefusal(_notAccepted(0, owner, offer, others[0]), address(token), offer, others[0]);
        IRedundancyFund.Slashing memory told = IRedundancyFund.Slashing(arbiter, 0, 5_000);
        _accept(0, owner, address(token), offer, told);
        for (uint256 i; i < others.length; ++i) {
            vm.prank(owner);
            _expectRefusal(_notAccepted(0, owner, offer, others[i]), address(token), offer, others[i]);
        }
        vm.startPrank(owner);
        uint256 fund = book.createFund(_newFundOf(address(token), offer, told));
        vm.stopPrank();
        _accept(fund, owner, address(token), offer, NONE);
        vm.prank(owner);
        vm.expectRevert(_notAccepted(fund, owner, offer, told));
        book.announceChange(fund, offer, "{}"); // an acceptance for no arbiter is there, but this fund has one
        _announce(fund, offer);
        vm.assertEq(book.funds(), 1, "funds");
    }

    function test_a_committee_takes_on_the_fund_it_was_told_of_and_no_other() external {
        IRedundancyFund.Offer memory offer = _offer(100, 1, 0);
        (uint256 fund, uint256 other) = (_newFundIn(address(token), offer), _newFundIn(address(token), offer));
        _accept(fund, owner, address(token), offer, NONE);
        vm.startPrank(owner);
        _expectRefusal(_notAccepted(owner, offer), offer); // no new one
        vm.expectRevert(_notAccepted(other, owner, offer, NONE));
        book.announceChange(other, offer, "{}");
        book.announceChange(fund, offer, "{}");
        vm.stopPrank();
        _accept(owner, address(token), offer);
        vm.prank(owner);
        vm.expectRevert(_notAccepted(fund, owner, offer, NONE));
        book.announceChange(fund, offer, "{}"); // what was for a new one
    }

    function test_a_fund_says_all_that_it_promises() external {
        _goTo(7);
        IRedundancyFund.Offer memory offer = _offer(100, 3, 250);
        _accept(owner, address(token), offer);
        vm.expectEmit();
        emit IRedundancyFund.FundCreated(1, owner, address(token), "notes", offer, STAKE, NONE, "{}", 8);
        vm.expectEmit();
        emit IRedundancyFund.ReleasePublished(1, "release", "https://notes.example/r", 8);
        vm.prank(owner);
        uint256 fund = book.createFund(_newFundOf(address(token), offer, NONE));
        vm.assertEq(book.funds(), 1, "funds");
        vm.assertEq(book.releaseOf(fund), bytes32("release"), "release");
        IRedundancyFund.Fund memory f = book.fundOf(fund);
        vm.assertEq(f.owner, owner, "owner");
        vm.assertEq(f.minStake, STAKE, "least stake");
        vm.assertEq(f.accrued, 8, "the first epoch it may pay for");
    }

    function test_only_the_owner_speaks_for_a_fund() external {
        uint256 fund = _newFund(100, 1, 0);
        bytes memory notOwner = abi.encodeWithSelector(IRedundancyFund.NotOwner.selector, fund, rogue);
        vm.startPrank(rogue);
        vm.expectRevert(notOwner);
        book.announceChange(fund, _offer(1, 1, 0), "{}");
        vm.expectRevert(notOwner);
        book.publishRelease(fund, "another", "https://rogue.example");
        vm.stopPrank();
        vm.startPrank(owner);
        vm.expectRevert(IRedundancyFund.ZeroReward.selector);
        book.announceChange(fund, _offer(0, 1, 0), "{}");
        vm.expectEmit();
        emit IRedundancyFund.ReleasePublished(fund, "next", "https://notes.example/2", 1);
        book.publishRelease(fund, "next", "https://notes.example/2");
        vm.stopPrank();
        vm.assertEq(book.releaseOf(fund), bytes32("next"), "release");
    }

    function test_an_unknown_fund_takes_nothing() external {
        bytes memory unknown = abi.encodeWithSelector(IRedundancyFund.UnknownFund.selector, 9);
        vm.expectRevert(unknown);
        book.topUp(9, 1);
        vm.expectRevert(unknown);
        book.register{value: 0}(9, "https://a.example", payout, STAKE, 0);
        vm.expectRevert(unknown);
        book.settle(9, _reveals(0));
        vm.expectRevert(unknown);
        book.fundOf(9);
        vm.expectRevert(unknown);
        book.mirrorsDigest(9);
        vm.expectRevert(unknown);
        book.publishRelease(9, "release", "");
    }

    // ---------------------------------------------------------------------------------------------- money

    function test_a_deposit_is_something_and_fits() external {
        uint256 fund = _newFund(100, 1, 0);
        vm.expectRevert(IRedundancyFund.ZeroAmount.selector);
        book.topUp(fund, 0);
        _deposit(funder, fund, 1_000);
        uint256 most = type(uint96).max - 1_000;
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.DepositTooLarge.selector, most + 1, most));
        book.topUp(fund, most + 1);
        _deposit(funder, fund, most);
        _goTo(1);
        _catchUp(fund);
        vm.assertEq(book.worthOf(2), most, "the largest");
    }

    function test_a_deposit_says_from_when_it_counts() external {
        uint256 fund = _newFund(100, 1, 0);
        _goTo(4);
        token.mint(funder, 50);
        vm.startPrank(funder);
        token.approve(address(book), 50);
        vm.expectEmit();
        emit IRedundancyFund.Deposited(fund, 1, funder, 50, 5);
        book.topUp(fund, 50);
        vm.stopPrank();
        vm.assertEq(token.balanceOf(address(book)), 50, "tokens");
    }

    function test_native_coin_goes_in_through_its_wrapper_in_one_call() external {
        uint256 fund = _newFundIn(address(wrapped), _offer(100, 1, 0));
        vm.deal(funder, 3 ether);
        vm.startPrank(funder);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.ValueMismatch.selector, 1 ether, 2 ether));
        book.topUp{value: 1 ether}(fund, 2 ether);
        book.topUp{value: 2 ether}(fund, 2 ether);
        wrapped.deposit{value: 1 ether}();
        wrapped.approve(address(book), 1 ether);
        book.topUp(fund, 1 ether);
        vm.stopPrank();
        vm.assertEq(wrapped.balanceOf(address(book)), 3 ether, "wrapped");
        vm.assertEq(book.fundOf(fund).deposited, 3 ether, "deposited");
    }

    function test_native_coin_is_refused_where_the_fund_has_another_token() external {
        uint256 fund = _newFund(100, 1, 0);
        vm.deal(funder, 1 ether);
        vm.prank(funder);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotWrappedNative.selector, address(token)));
        book.topUp{value: 1 ether}(fund, 1 ether);
    }

    function test_P13_a_token_that_takes_a_fee_is_refused() external {
        FeeToken greedy = new FeeToken();
        uint256 fund = _newFundIn(address(greedy), _offer(100, 1, 0));
        greedy.mint(funder, 1_000);
        vm.startPrank(funder);
        greedy.approve(address(book), 1_000);
        vm.expectRevert(
            abi.encodeWithSelector(IRedundancyFund.TransferMismatch.selector, address(greedy), 1_000, 990)
        );
        book.topUp(fund, 1_000);
        vm.stopPrank();
    }

    function test_P13_a_token_that_calls_back_cannot_take_money_twice() external {
        ReentrantToken tricky = new ReentrantToken();
        uint256 fund = _newFundIn(address(tricky), _offer(100, 1, 0));
        tricky.mint(funder, 1_000);
        vm.prank(funder);
        tricky.approve(address(book), 1_000);
        bytes[4] memory calls = [
            abi.encodeCall(book.topUp, (fund, 500)),
            abi.encodeCall(book.collect, (1)),
            abi.encodeCall(book.withdraw, (1)),
            abi.encodeCall(book.withdrawFee, (oracle, address(tricky)))
        ];
        for (uint256 i; i < calls.length; ++i) {
            tricky.arm(address(book), calls[i]);
            vm.prank(funder);
            book.topUp(fund, 100);
            vm.assertTrue(!tricky.succeeded(), "called back");
            vm.assertEq(bytes32(bytes4(tricky.reason())), bytes32(bytes4(0x3ee5aeb5)), "ReentrancyGuardReentrantCall");
        }
        vm.assertEq(book.fundOf(fund).deposited, 400, "deposited");
    }

    function test_money_sent_without_a_call_is_nobodys_and_breaks_nothing() external {
        uint256 fund = _newFund(100, 1, 0);
        uint256 deposit = _deposit(funder, fund, 300);
        token.mint(address(book), 1_000);
        _goTo(1);
        _catchUp(fund);
        vm.assertEq(book.worthOf(deposit), 300, "worth");
        vm.assertEq(int256(book.fundOf(fund).free), 200, "free");
    }

    function test_the_deployed_contracts_fit_the_size_limit_with_room_to_spare() external view {
        vm.assertLe(address(book).code.length, 24_576 - 256, "RedundancyFund");
        vm.assertLe(address(committee).code.length, 24_576 / 2, "OracleCommittee");
    }
}
