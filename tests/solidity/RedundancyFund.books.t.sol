// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Fixture} from "./Fixture.sol";

/// @title How settling keeps its books: signs of life, what a vector may be, segments, turns, whose the fee is.
contract RedundancyFundBooksTest is Fixture {
    /// @dev Two mirrors with weights, and with signs of life or without.
    function _entries(uint256 even, uint256 odd, bool alive) private pure returns (bytes memory) {
        uint256 sign = alive ? ALIVE : 0;
        return bytes.concat(bytes4(uint32(even | sign)), bytes4(uint32(odd | sign)));
    }

    function _pairOfMirrors(uint256 reward) private returns (uint256 fund, uint256 even, uint256 odd) {
        fund = _newFund(reward, 2, 0);
        _deposit(funder, fund, 40 * reward);
        (even, odd) = (_join(operator, fund), _join(otherOperator, fund));
    }

    function _assertMissed(uint256 mirror, uint256 missed) private {
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.StillAlive.selector, mirror, missed, 4));
        book.removeDead(mirror);
    }

    // --------------------------------------------------------------------------------------- signs of life

    function test_P12_a_sign_of_life_replaces_the_former_one_at_either_position() external {
        for (uint256 calls = 1; calls <= 2; ++calls) {
            (uint256 fund, uint256 even, uint256 odd) = _pairOfMirrors(100);
            uint256 first = _today() + 1;
            IRedundancyFund.Reveal[] memory reveals = _reveals(2);
            for (uint256 i; i < 2; ++i) {
                reveals[i] = _reveal(_entries(1, 1, true));
                _reportVector(fund, first + i, reveals[i].vector);
                if (calls == 2) _settle(fund, reveals[i].vector);
            }
            if (calls == 1) book.settle(fund, reveals);
            for (uint256 i = 2; i < 5; ++i) {
                _pay(fund, first + i, _entries(0, 0, false));
            }
            _assertMissed(even, 3);
            _assertMissed(odd, 3);
            _pay(fund, first + 5, _entries(0, 0, false));
            _removeDead(even);
            _removeDead(odd);
        }
    }

    function test_P12_a_weight_without_a_sign_of_life_leaves_the_last_sign_as_it_was() external {
        (uint256 fund, uint256 even, uint256 odd) = _pairOfMirrors(100);
        _pay(fund, 1, _entries(ONE, ONE, true));
        for (uint256 epoch = 2; epoch <= 4; ++epoch) {
            _pay(fund, epoch, _entries(ONE, ONE, false));
        }
        _assertMissed(even, 3);
        _assertMissed(odd, 3);
    }

    function test_P7_a_sign_of_life_takes_nothing_from_the_neighbours_credit() external {
        (uint256 fund, uint256 even, uint256 odd) = _pairOfMirrors(1 << 90);
        _pay(fund, 1, _entries(0, 1, true));
        IRedundancyFund.Reveal[] memory reveals = _reveals(32);
        for (uint256 i; i < 32; ++i) {
            reveals[i] = _reveal(_entries(2 * ONE, 0, true));
            _reportVector(fund, 2 + i, reveals[i].vector);
        }
        book.settle(fund, reveals);
        vm.assertEq(book.creditOf(even), 1 << 95, "the highest bit of a credit");
        _pay(fund, 34, _entries(0, 0, true));
        vm.assertEq(book.creditOf(even), 1 << 95, "still there");
        vm.assertEq(book.creditOf(odd), (1 << 90) / (2 * ONE), "the neighbour's own");
    }

    // --------------------------------------------------------------------------------------------- vectors

    function _assertRefused(uint256 mirrors, bytes memory vector) private {
        uint256 fund = _newFund(100, 1, 0);
        _deposit(funder, fund, 1_000);
        for (uint256 i; i < mirrors; ++i) {
            _join(operator, fund);
        }
        uint256 epoch = _today() + 1;
        _reportVector(fund, epoch, vector);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.InvalidVector.selector, epoch, vector.length));
        book.settle(fund, _reveals(vector));
    }

    function test_a_vector_has_four_bytes_a_position_and_no_more_positions_than_there_are() external {
        _assertRefused(1, hex"00");
        _assertRefused(1, hex"0000");
        _assertRefused(2, hex"0000000000");
        _assertRefused(4, new bytes(20));
    }

    // ---------------------------------------------------------------------------------------------- segments

    function _assertOwnSegment(IRedundancyFund.Offer memory before, IRedundancyFund.Offer memory next, uint256 count)
        private
    {
        uint256 fund = _newFundIn(address(token), before);
        _deposit(funder, fund, 10_000);
        _announce(fund, next);
        uint256 changesAt = book.fundOf(fund).changesAt;
        _goTo(changesAt);
        _catchUp(fund);
        vm.assertEq(book.fundOf(fund).segments, count, "segments");
        IRedundancyFund.Segment memory s = book.segmentOf(fund, count);
        vm.assertEq(s.last, changesAt, "the last is today's");
        if (count == 2) vm.assertEq(s.first, changesAt, "from the day of the change");
        vm.assertEq(s.reward, next.reward, "reward");
        vm.assertEq(s.target, next.target, "target");
        vm.assertEq(s.feeBps, next.feeBps, "fee");
        vm.assertEq(s.committee, next.committee, "committee");
    }

    function test_P4_whatever_changes_begins_a_segment_and_what_stays_the_same_does_not() external {
        _newCommittee("second", 4, 3);
        IRedundancyFund.Offer memory one = _offer(100, 2, 10);
        _assertOwnSegment(one, one, 1);
        for (uint256 field; field < 4; ++field) {
            IRedundancyFund.Offer memory other = _offer(100, 2, 10);
            if (field == 0) other.reward = 200;
            if (field == 1) other.target = 3;
            if (field == 2) other.feeBps = 20;
            if (field == 3) other.committee = 2;
            _assertOwnSegment(one, other, 2);
            _assertOwnSegment(other, one, 2);
        }
    }

    function test_P4_the_last_unit_of_free_money_funds_an_epoch_of_one_unit() external {
        uint256 fund = _newFund(1, 1, 0);
        _deposit(funder, fund, 1);
        _goTo(1);
        _catchUp(fund);
        vm.assertEq(book.fundOf(fund).segments, 1, "segments");
        vm.assertEq(book.fundOf(fund).free, int256(0), "free");
    }

    // ------------------------------------------------------------------------------------------------- turns

    /// @dev Depositors who come day by day to a dry fund, until one of them can pay for an epoch.
    function test_no_epoch_is_settled_before_all_who_came_till_then_have_their_price() external {
        uint256 fund = _newFund(1_000, 1, 0);
        for (uint256 i; i < 256; ++i) {
            _deposit(funder, fund, 1);
            _pass(1);
        }
        _deposit(funder, fund, 5_000);
        uint256 epoch = _today() + 1;
        _goToTime(_start(epoch + 1) + GRACE);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.UnusedReveals.selector, 0, 1));
        book.settle(fund, _reveals(1));
        _catchUp(fund);
        vm.assertEq(book.fundOf(fund).cursor.turn, 256, "as many turns as one call takes");
        book.settle(fund, _reveals(1));
        vm.assertEq(book.fundOf(fund).cursor.turn, 257, "the last of them");
        vm.assertEq(book.fundOf(fund).cursor.epoch, epoch + 1, "the epoch");
    }

    // ------------------------------------------------------------------------------------------------- fees

    function _assertFees(uint256 before, uint256 next) private {
        IRedundancyFund.Offer memory offer = _offer(100, 1, 1_000);
        offer.committee = uint32(before);
        uint256 fund = _newFundIn(address(token), offer);
        _deposit(funder, fund, 10_000);
        _join(operator, fund);
        offer.committee = uint32(next);
        _announce(fund, offer);
        uint256 change = book.fundOf(fund).changesAt;
        (uint256 hadBefore, uint256 hadNext) = (book.fees(before, address(token)), book.fees(next, address(token)));
        _miss(fund, change - 1);
        bytes memory vector = _vector(ONE);
        IRedundancyFund.Reveal[] memory reveals = _reveals(2);
        (reveals[0], reveals[1]) = (_reveal(vector), _reveal(vector));
        _report(before, change - 1, _leaf(fund, change - 1, vector));
        _report(next, change, _leaf(fund, change, vector));
        _goToTime(block.timestamp + WINDOW);
        book.settle(fund, reveals);
        vm.assertEq(book.fees(before, address(token)) - hadBefore, 10, "before the change");
        vm.assertEq(book.fees(next, address(token)) - hadNext, 10, "after it");
    }

    function test_in_one_call_each_committee_gets_the_fee_of_its_own_epochs() external {
        uint256 second = _newCommittee("second", 4, 3);
        _assertFees(second, oracle);
        _assertFees(oracle, second);
    }

    function test_a_fee_of_one_unit_is_withdrawn() external {
        uint256 fund = _newFund(10, 1, 1_000);
        _deposit(funder, fund, 100);
        _join(operator, fund);
        _pay(fund, 1, ONE);
        vm.assertEq(book.withdrawFee(oracle, address(token)), 1, "fee");
    }
}
