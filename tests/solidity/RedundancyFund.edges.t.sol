// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Fixture} from "./Fixture.sol";
import {ReentrantToken} from "./actors/ReentrantToken.sol";
import {CallingPermitToken} from "./actors/UnusualTokens.sol";

/// @title The last value that is allowed, the first that is not, and the smallest amounts there are.
contract RedundancyFundEdgesTest is Fixture {
    function _plainFund(uint96 minStake, uint256 reward) private returns (uint256 fund) {
        IRedundancyFund.Offer memory offer = _offer(reward, 1, 0);
        _accept(owner, address(token), offer);
        IRedundancyFund.NewFund memory made =
            _newFundOf(address(token), offer, IRedundancyFund.Slashing(address(0), 0, 0));
        made.minStake = minStake;
        vm.prank(owner);
        fund = book.createFund(made);
    }

    // ------------------------------------------------------------------------------------------------- terms

    function _assertTerms(IRedundancyFund.Terms memory terms, bool valid, string memory why) private {
        try this.deploy(terms) {
            vm.assertTrue(valid, why);
        } catch (bytes memory reason) {
            vm.assertTrue(!valid, why);
            vm.assertEq(bytes32(bytes4(reason)), bytes32(IRedundancyFund.InvalidTerms.selector), why);
        }
    }

    function deploy(IRedundancyFund.Terms calldata terms) external {
        _newBook(terms);
    }

    /// @dev An epoch takes exactly five days to be final here.
    function test_terms_are_valid_to_the_epoch() external {
        committee = _newCommitteeContract(IOracleCommittee.Clock(0, 1 days, 2 days, 1 days, 1 days));
        IRedundancyFund.Terms memory least = IRedundancyFund.Terms(5, 8, 6, 6, 1, 4);
        _assertTerms(least, true, "the least there is");
        least.depositNotice = 4;
        _assertTerms(least, false, "a deposit's notice is as long as finality");
        least.depositNotice = 7;
        _assertTerms(least, false, "a change's notice is two longer than a deposit's");
        (least.depositNotice, least.changeNotice) = (5, 7);
        _assertTerms(least, false, "a change's notice is two longer than the time to settle");
        (least.changeNotice, least.unbonding) = (8, 5);
        _assertTerms(least, false, "the unbonding is longer than finality");
        (least.unbonding, least.settleTime) = (6, 5);
        _assertTerms(least, false, "the time to settle is longer than finality");
        (least.settleTime, least.minCover) = (6, 0);
        _assertTerms(least, false, "a fund covers something");
        (least.minCover, least.lockTime) = (1, 3);
        _assertTerms(least, false, "half a lock's time has a whole epoch, whenever it is placed");
    }

    /// @dev A committee that withholds keeps a deposit of epoch a until the start of a + 1 + settleTime; a notice given in a
    /// lapses at the start of a + 2 * depositNotice.
    function test_P6_a_withheld_epoch_is_given_up_before_a_notice_lapses() external {
        IRedundancyFund.Terms memory terms = IRedundancyFund.Terms(3, 7, 3, 5, 1, 4);
        _assertTerms(terms, false, "settled when the notice has lapsed");
        terms.settleTime = 4;
        _assertTerms(terms, true, "settled in the last epoch of the notice");
        (terms.settleTime, terms.changeNotice) = (type(uint32).max, type(uint32).max);
        _assertTerms(terms, false, "sums do not wrap");
    }

    function test_no_time_of_the_terms_is_longer_than_10_000_epochs() external {
        IRedundancyFund.Terms memory most = IRedundancyFund.Terms(9_998, 10_000, 10_000, 9_998, 10_000, 10_000);
        _assertTerms(most, true, "the most there is");
        most.changeNotice = 10_001;
        _assertTerms(most, false, "a change's notice");
        (most.changeNotice, most.unbonding) = (10_000, 10_001);
        _assertTerms(most, false, "the unbonding");
        (most.unbonding, most.minCover) = (10_000, 10_001);
        _assertTerms(most, false, "the least cover");
        (most.minCover, most.lockTime) = (10_000, 10_001);
        _assertTerms(most, false, "the time of a lock");
        (most.lockTime, most.depositNotice) = (10_000, type(uint32).max);
        _assertTerms(most, false, "a deposit's notice, which is shorter than a change's");
    }

    function test_each_part_of_finality_counts() external {
        IRedundancyFund.Terms memory terms = IRedundancyFund.Terms(3, 6, 4, 4, 1, 4);
        for (uint256 i; i < 3; ++i) {
            uint64 grace = uint64(1 days + (i == 0 ? 1 : 0));
            uint64 window = uint64(12 hours + (i == 1 ? 1 : 0));
            uint64 arbitration = uint64(12 hours + (i == 2 ? 1 : 0));
            committee = _newCommitteeContract(IOracleCommittee.Clock(0, 1 days, grace, window, arbitration));
            _assertTerms(terms, false, "a second more than three days");
        }
    }

    // ----------------------------------------------------------------------------------------- smallest amounts

    function test_a_token_of_one_byte_is_a_contract() external {
        address tiny = address(0x7777);
        vm.etch(tiny, hex"00");
        uint256 fund = _newFundIn(tiny, _offer(1, 1, 0));
        vm.assertEq(book.fundOf(fund).token, tiny, "token");
    }

    function test_one_unit_is_staked_released_credited_and_withdrawn() external {
        uint256 fund = _plainFund(0, 1);
        _deposit(funder, fund, 10);
        vm.deal(operator, 1);
        vm.startPrank(operator);
        wrapped.deposit{value: 1}();
        wrapped.approve(address(book), 1);
        uint256 mirror = book.register(fund, "https://a.example", operator, 1, 0);
        vm.stopPrank();
        vm.assertEq(wrapped.balanceOf(address(book)), 1, "staked");
        _goTo(1);
        bytes32 digest = book.mirrorsDigest(fund);
        vm.prank(operator);
        book.exit(mirror);
        bytes memory vector = _vector(ONE);
        bytes32 payload = keccak256(abi.encode(uint8(1), address(book), fund, uint256(1), digest, keccak256(vector)));
        _report(oracle, 1, keccak256(bytes.concat(payload)));
        _goToTime(block.timestamp + WINDOW);
        _settle(fund, vector);
        vm.assertEq(book.withdraw(mirror), 1, "withdrawn");
        _pass(TERMS.unbonding + 1);
        book.releaseStake(mirror);
        vm.assertEq(wrapped.balanceOf(operator), 1, "released");
    }

    function _url(uint256 length) private pure returns (string memory) {
        return string(new bytes(length));
    }

    function test_a_url_has_1_to_512_bytes() external {
        uint256 fund = _plainFund(0, 100);
        _deposit(funder, fund, 10_000);
        vm.startPrank(operator);
        book.register(fund, _url(1), operator, 0, 0);
        book.register(fund, _url(512), operator, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.InvalidUrl.selector, 513, 512));
        book.register(fund, _url(513), operator, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.InvalidUrl.selector, 0, 512));
        book.register(fund, "", operator, 0, 0);
        vm.stopPrank();
    }

    // ------------------------------------------------------------------------------------------------ cover

    function test_cover_is_what_is_left_after_the_epochs_that_have_started() external {
        uint256 fund = _plainFund(0, 100);
        _deposit(funder, fund, 500);
        _goTo(3); // epochs 1 to 3 are owed, and nobody has touched the fund
        vm.prank(operator);
        book.register(fund, "https://a.example", operator, 0, 0);
        _goTo(4);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotCovered.selector, 1, 2));
        book.register(fund, "https://b.example", operator, 0, 0);
    }

    function test_before_the_first_epoch_it_is_epoch_0() external {
        vm.warp(GENESIS - 1);
        uint256 fund = _plainFund(0, 1);
        vm.assertEq(book.fundOf(fund).cursor.epoch, 1, "binds from");
        vm.assertEq(committee.currentEpoch(), 0, "today");
    }

    function test_cover_counts_each_unit_of_free_money() external {
        uint256 fund = _plainFund(0, 1);
        for (uint256 free; free < 2; ++free) {
            vm.prank(operator);
            vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotCovered.selector, free, 2));
            book.register(fund, "https://a.example", operator, 0, 0);
            _deposit(funder, fund, 1);
        }
        vm.prank(operator);
        book.register(fund, "https://a.example", operator, 0, 0);
    }

    function test_cover_counts_at_the_dearer_of_two_offers() external {
        uint256 fund = _plainFund(0, 100);
        _deposit(funder, fund, 399);
        _announce(fund, _offer(200, 1, 0));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotCovered.selector, 1, 2));
        book.register(fund, "https://a.example", operator, 0, 0);
        _announce(fund, _offer(50, 1, 0));
        vm.prank(operator);
        book.register(fund, "https://a.example", operator, 0, 0);
    }

    // -------------------------------------------------------------------------------------------- collecting

    function test_collecting_says_what_it_sends_and_makes_room_for_more() external {
        uint256 fund = _plainFund(0, 100);
        uint256 deposit = _deposit(funder, fund, type(uint96).max);
        _goTo(1);
        _miss(fund, 1);
        _leave(funder, deposit);
        _miss(fund, _today() + 1);
        vm.expectEmit();
        emit IRedundancyFund.Collected(fund, deposit, funder, type(uint96).max);
        book.collect(deposit);
        vm.assertEq(book.fundOf(fund).deposited, 0, "deposited");
        _deposit(otherFunder, fund, type(uint96).max);
    }

    // ---------------------------------------------------------------------------------------- shares' units

    function test_shares_change_their_unit_when_they_are_worth_less_than_2_to_the_minus_60() external {
        // 2^60 + 1 shares for one unit are too many, 2^60 are not
        for (uint256 more; more < 2; ++more) {
            uint256 all = (1 << 60) + more;
            uint256 fund = _plainFund(0, (all - 1) / 2);
            uint256 paid = 2 * ((all - 1) / 2);
            _deposit(funder, fund, paid + 1);
            vm.prank(operator);
            book.register(fund, "https://a.example", operator, 0, 0);
            bytes32 digest = book.mirrorsDigest(fund);
            uint256 first = _today() + 1;
            for (uint256 epoch = first; epoch < first + 2; ++epoch) {
                bytes memory vector = _vector(ONE);
                bytes32 payload =
                    keccak256(abi.encode(uint8(1), address(book), fund, epoch, digest, keccak256(vector)));
                _report(oracle, epoch, keccak256(bytes.concat(payload)));
                _goToTime(block.timestamp + WINDOW);
                _settle(fund, vector);
            }
            uint256 value = book.fundOf(fund).value;
            uint256 shares = book.fundOf(fund).shares;
            bool tooMany = shares > value << 60;
            _deposit(otherFunder, fund, 1);
            _pass(1);
            _catchUp(fund);
            vm.assertEq(book.fundOf(fund).rebases, tooMany ? 1 : 0, "the unit");
            uint256 kept = tooMany ? (shares + (1 << 32) - 1) >> 32 : shares;
            uint256 minted = (kept + value - 1) / value;
            vm.assertEq(book.fundOf(fund).shares, kept + minted, "shares");
            vm.assertTrue(tooMany == (more == 1), "on both sides of the limit");
        }
    }

    /// @dev Two depart in one epoch; between them two epochs are settled that leave one unit, and the unit changes.
    function test_who_departs_at_one_turn_is_counted_in_one_unit() external {
        uint256 half = 1 << 60;
        uint256 fund = _plainFund(0, half);
        (uint256 first, uint256 second) = (_deposit(funder, fund, half), _deposit(otherFunder, fund, half + 1));
        vm.prank(operator);
        book.register(fund, "https://a.example", operator, 0, 0);
        bytes32 digest = book.mirrorsDigest(fund);
        vm.prank(funder);
        book.giveNotice(first);
        vm.prank(otherFunder);
        book.giveNotice(second);
        bytes memory vector = _vector(ONE);
        IRedundancyFund.Reveal[] memory reveals = new IRedundancyFund.Reveal[](2);
        for (uint256 epoch = 1; epoch <= 2; ++epoch) {
            _goTo(epoch);
            if (epoch == 2) _deposit(funder, fund, half); // joins at epoch 3, where the unit changes
            bytes32 payload =
                keccak256(abi.encode(uint8(1), address(book), fund, epoch, digest, keccak256(vector)));
            _report(oracle, epoch, keccak256(bytes.concat(payload)));
            reveals[epoch - 1] = _reveal(vector);
        }
        _goToTime(block.timestamp + WINDOW);
        _catchUp(fund);
        vm.prank(funder);
        book.depart(first);
        uint256 turn = book.depositOf(first).left;
        vm.assertEq(book.turnOf(fund, turn).leaving, half, "in the first unit");
        book.settle(fund, reveals);
        vm.assertEq(book.fundOf(fund).rebases, 1, "another unit");
        vm.prank(otherFunder);
        book.depart(second);
        vm.assertEq(book.depositOf(second).left, turn, "one turn");
        vm.assertEq(book.turnOf(fund, turn).leaving, 2 * (half >> 32), "both in the second unit");
        vm.assertEq(book.turnOf(fund, turn).rebases, 1, "which is the turn's");
    }

    // -------------------------------------------------------------------------------------------- reentrance

    function test_P13_every_door_that_sends_money_is_closed_to_who_calls_back() external {
        uint256 plain = _plainFund(0, 100);
        _deposit(funder, plain, 10_000);
        uint256 mirror = _join(operator, plain);
        _exit(mirror);
        _pass(TERMS.unbonding + 2);
        ReentrantToken tricky = new ReentrantToken();
        uint256 fund = _newFundIn(address(tricky), _offer(100, 1, 0));
        tricky.mint(funder, 1_000);
        vm.prank(funder);
        tricky.approve(address(book), 1_000);
        bytes[4] memory calls = [
            abi.encodeCall(book.releaseStake, (mirror)),
            abi.encodeCall(book.register, (plain, "https://tricky.example", operator, 0, 0)),
            abi.encodeCall(book.topUpWithPermit, (fund, 1, 0, 0, 0, 0)),
            abi.encodeCall(book.resolveLock, (mirror, 1, false))
        ];
        for (uint256 i; i < calls.length; ++i) {
            tricky.arm(address(book), calls[i]);
            vm.prank(funder);
            book.topUp(fund, 100);
            vm.assertTrue(!tricky.succeeded(), "called back");
            vm.assertEq(bytes32(bytes4(tricky.reason())), bytes32(bytes4(0x3ee5aeb5)), "ReentrancyGuardReentrantCall");
        }
        book.releaseStake(mirror);
    }

    function test_P13_a_permit_cannot_call_back_either() external {
        uint256 plain = _plainFund(0, 100);
        _deposit(funder, plain, 10_000);
        uint256 mirror = _join(operator, plain);
        _exit(mirror);
        _pass(TERMS.unbonding + 2);
        CallingPermitToken calling = new CallingPermitToken();
        uint256 fund = _newFundIn(address(calling), _offer(100, 1, 0));
        calling.mint(funder, 500);
        calling.arm(address(book), abi.encodeCall(book.releaseStake, (mirror)));
        vm.startPrank(funder);
        calling.approve(address(book), 500);
        book.topUpWithPermit(fund, 500, 0, 0, 0, 0);
        vm.stopPrank();
        vm.assertTrue(!calling.succeeded(), "called back");
        vm.assertEq(book.mirrorOf(mirror).stake, STAKE, "the stake is still there");
    }
}
