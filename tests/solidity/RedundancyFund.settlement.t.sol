// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Leaf} from "../../contracts/Leaf.sol";
import {Fixture} from "./Fixture.sol";

/// @title P2, P3 and P5: what an epoch pays, and what no committee can make it pay.
contract RedundancyFundSettlementTest is Fixture {
    uint256 private fund;

    function setUp() public override {
        super.setUp();
        fund = _newFund(1_000, 2, 500);
        _deposit(funder, fund, 1_000_000);
        _join(operator, fund);
        _join(otherOperator, fund);
        _join(operator, fund);
    }

    function _expectSettled(uint256 epoch, IRedundancyFund.Settlement how, uint256 paid, uint256 fee, bytes memory v)
        private
    {
        vm.expectEmit();
        emit IRedundancyFund.EpochSettled(fund, epoch, how, paid, fee, 1_000 - paid, v);
    }

    function _assertCredits(uint256 first, uint256 second, uint256 third) private view {
        vm.assertEq(book.creditOf(1), first, "first");
        vm.assertEq(book.creditOf(2), second, "second");
        vm.assertEq(book.creditOf(3), third, "third");
    }

    // ------------------------------------------------------------------------------------------ arithmetic

    function test_an_epoch_pays_each_mirror_its_share_and_the_committee_a_flat_fee() external {
        bytes memory vector = _vector(_weights(ONE, ONE / 4, 1));
        _reportVector(fund, 1, vector);
        // 950 * weight / 2, rounded down; 50 for the committee
        _expectSettled(1, IRedundancyFund.Settlement.Paid, 475 + 118 + 50, 50, vector);
        _settle(fund, vector);
        _assertCredits(475, 118, 0);
        vm.assertEq(book.fees(oracle, address(token)), 50, "fee");
        vm.assertEq(book.fundOf(fund).value, 1_000_000 - 643, "value");
    }

    function test_P5_what_an_epoch_does_not_pay_returns_to_the_fund_at_settlement() external {
        _goTo(2);
        _catchUp(fund);
        int256 free = book.fundOf(fund).free; // epochs 1 and 2 are owed
        vm.assertEq(free, 998_000, "owed");
        _pay(fund, 1, _vector(_weights(ONE, 0)));
        vm.assertEq(int256(book.fundOf(fund).free), free + 475, "all but 525 came back");
    }

    function test_the_fee_is_flat_however_little_was_found_up() external {
        _pay(fund, 1, _vector(_weights(0, 0, 0)));
        vm.assertEq(book.fees(oracle, address(token)), 50, "fee");
    }

    function test_a_fund_without_mirrors_owes_no_fee() external {
        fund = _newFund(1_000, 2, 500);
        _deposit(funder, fund, 5_000);
        _pay(fund, 1, "");
        vm.assertEq(book.fees(oracle, address(token)), 0, "fee");
        vm.assertEq(book.fundOf(fund).value, 5_000, "value");
    }

    function testFuzz_P2_an_epoch_pays_its_mirrors_exactly_their_shares(
        uint96 reward, uint256 target, uint256 feeBps, uint32[3] memory parts
    ) external {
        reward = uint96(_bound(reward, 1, type(uint96).max / 4));
        (target, feeBps) = (_bound(target, 1, 256), _bound(feeBps, 0, 2_000));
        fund = _newFund(reward, target, feeBps);
        _deposit(funder, fund, 4 * uint256(reward));
        for (uint256 i; i < 3; ++i) {
            _join(operator, fund);
        }
        // one mirror may have more than ONE: the contract bounds the sum alone
        uint256 most = target * ONE / 3 > ALIVE - 1 ? ALIVE - 1 : target * ONE / 3;
        uint256[] memory w = _weights(_bound(parts[0], 0, most), _bound(parts[1], 0, most), _bound(parts[2], 0, most));
        _pay(fund, 1, _vector(w));
        uint256 fee = uint256(reward) * feeBps / 10_000;
        uint256 paid = fee;
        for (uint256 i; i < 3; ++i) {
            uint256 share = (reward - fee) * w[i] / (target * ONE);
            vm.assertEq(book.creditOf(4 + i), share, "share");
            paid += share;
        }
        vm.assertLe(paid, reward, "at most the reward");
        vm.assertEq(book.fees(oracle, address(token)), fee, "fee");
        vm.assertEq(book.fundOf(fund).value, 4 * uint256(reward) - paid, "the rest stays");
    }

    // ------------------------------------------------------------------------------------------ many epochs

    function _batch(uint256 count) private returns (IRedundancyFund.Reveal[] memory reveals) {
        reveals = new IRedundancyFund.Reveal[](count);
        for (uint256 i; i < count; ++i) {
            if (i % 4 == 3) continue; // missed
            uint256[] memory w = _weights(i * ONE / count / 2, ONE - i, i % 2 * ONE / 2);
            reveals[i] = _reveal(_vector(w));
            _reportVector(fund, i + 1, reveals[i].vector);
        }
        _goToTime(_start(count + 1) + GRACE);
    }

    function test_many_epochs_settled_in_one_call_are_the_same_as_one_by_one(uint256 cut) external {
        fund = _newFund(1_000, 2, 500);
        _deposit(funder, fund, 15_000);
        for (uint256 i; i < 3; ++i) {
            _join(operator, fund);
        }
        IRedundancyFund.Reveal[] memory reveals = _batch(12);
        bytes32 split = this.settleInTwo(fund, reveals, _bound(cut, 1, 11));
        book.settle(fund, reveals);
        vm.assertEq(_stateOf(fund), split, "state");
        vm.assertEq(book.fundOf(fund).cursor.reported, 9, "reported");
    }

    /// @dev What two calls make of it; then everything is as before.
    function settleInTwo(uint256 f, IRedundancyFund.Reveal[] calldata reveals, uint256 cut)
        external
        returns (bytes32 state)
    {
        try this.settleInTwoAndUndo(f, reveals, cut) {}
        catch (bytes memory result) {
            return bytes32(result);
        }
    }

    function settleInTwoAndUndo(uint256 f, IRedundancyFund.Reveal[] calldata reveals, uint256 cut) external {
        book.settle(f, _part(reveals, 0, cut));
        for (uint256 i = cut; i < reveals.length; ++i) {
            book.settle(f, _part(reveals, i, i + 1));
        }
        bytes32 state = _stateOf(f);
        assembly ("memory-safe") {
            mstore(0, state)
            revert(0, 32)
        }
    }

    function _part(IRedundancyFund.Reveal[] calldata reveals, uint256 from, uint256 to)
        private
        pure
        returns (IRedundancyFund.Reveal[] memory part)
    {
        part = new IRedundancyFund.Reveal[](to - from);
        for (uint256 i = from; i < to; ++i) {
            part[i - from] = reveals[i];
        }
    }

    function _stateOf(uint256 f) private view returns (bytes32) {
        uint256[3] memory credits = [book.creditOf(4), book.creditOf(5), book.creditOf(6)];
        return keccak256(abi.encode(book.fundOf(f), credits, book.fees(oracle, address(token))));
    }

    function test_epochs_of_one_call_are_each_paid_on_the_terms_at_their_start() external {
        uint256 successor = _newCommittee("successor", 1, 1);
        IRedundancyFund.Offer memory offer = _offer(3_000, 1, 1_000);
        offer.committee = uint32(successor);
        _announce(fund, offer); // from 5 on
        IRedundancyFund.Reveal[] memory reveals = new IRedundancyFund.Reveal[](6);
        for (uint256 epoch = 1; epoch <= 6; ++epoch) {
            reveals[epoch - 1] = _reveal(_vector(_weights(ONE, 0, 0)));
            _report(epoch < 5 ? oracle : successor, epoch, _leaf(fund, epoch, reveals[epoch - 1].vector));
        }
        _goToTime(block.timestamp + WINDOW);
        book.settle(fund, reveals);
        _assertCredits(4 * 475 + 2 * 2_700, 0, 0);
        vm.assertEq(book.fees(oracle, address(token)), 4 * 50, "fee of the first committee");
        vm.assertEq(book.fees(successor, address(token)), 2 * 300, "fee of the second");
    }

    // --------------------------------------------------------------------------------------------- refusals

    function test_an_epoch_is_settled_only_when_it_is_final() external {
        bytes memory vector = _vector(_weights(ONE, ONE));
        bytes memory notFinal = abi.encodeWithSelector(IRedundancyFund.NotFinal.selector, 1);
        _goTo(1);
        vm.expectRevert(notFinal);
        _settle(fund, vector); // running
        _goToTime(_start(2));
        vm.expectRevert(notFinal);
        _settle(fund, ""); // in its grace
        _report(oracle, 1, _leaf(fund, 1, vector));
        vm.expectRevert(notFinal);
        _settle(fund, vector); // in its window
        _goToTime(_start(2) + WINDOW);
        _settle(fund, vector);
    }

    function test_reveals_beyond_the_epochs_there_are_are_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.UnusedReveals.selector, 0, 1));
        book.settle(fund, _reveals(1));
    }

    function test_P5_a_missed_epoch_pays_nobody_and_returns_all() external {
        _goToTime(_start(2) + GRACE);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.WrongProof.selector, 1, bytes32(0)));
        _settle(fund, _vector(ONE)); // no weights in the record where there was no report
        _expectSettled(1, IRedundancyFund.Settlement.Missed, 0, 0, "");
        _settle(fund, "");
        vm.assertEq(book.fundOf(fund).value, 1_000_000, "value");
        vm.assertEq(book.fundOf(fund).cursor.reported, 0, "reported");
    }

    function test_P10_an_epoch_whose_vector_nobody_reveals_is_given_up_in_bounded_time() external {
        _report(oracle, 1, "a root without vectors");
        uint256 givenUpFrom = 2 + TERMS.settleTime;
        vm.warp(_start(givenUpFrom) - 1);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.VectorNeeded.selector, 1, givenUpFrom));
        _settle(fund, "");
        vm.warp(_start(givenUpFrom));
        _expectSettled(1, IRedundancyFund.Settlement.GivenUp, 0, 0, "");
        _settle(fund, "");
        vm.assertLe(committee.finalBy(1), _start(givenUpFrom) - LENGTH, "an epoch's time for the vector at least");
    }

    function test_an_epoch_that_may_be_given_up_can_still_be_paid() external {
        bytes memory vector = _vector(_weights(ONE, ONE));
        _reportVector(fund, 1, vector);
        _goTo(50);
        _settle(fund, vector);
        _assertCredits(475, 475, 0);
    }

    function _expectWrongProof(uint256 epoch, bytes memory vector) private {
        bytes32 leaf = _leaf(fund, epoch, vector);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.WrongProof.selector, epoch, leaf));
        _settle(fund, vector);
    }

    function test_another_vector_than_the_reported_one_is_refused() external {
        _reportVector(fund, 1, _vector(_weights(ONE, 0)));
        _expectWrongProof(1, _vector(_weights(0, ONE)));
        _expectWrongProof(1, _vector(_weights(ONE, 0, 0)));
    }

    /// @dev A chain that reorganised under the committee: it weighed mirrors that are not those on the chain.
    function test_weights_for_another_set_of_mirrors_are_refused() external {
        bytes memory vector = _vector(_weights(ONE, ONE));
        bytes32 stale = Leaf.hash(Leaf.WEIGHTS, address(book), fund, 1, "another set", keccak256(vector));
        _report(oracle, 1, stale);
        _goToTime(block.timestamp + WINDOW);
        _expectWrongProof(1, vector);
    }

    function test_weights_are_for_the_mirrors_at_the_epochs_start_whatever_came_later() external {
        _goTo(1);
        _join(operator, fund); // counts from 2 on
        _exit(1);
        _pay(fund, 1, _vector(_weights(ONE, ONE)));
        _pay(fund, 2, _vector(_weights(0, ONE)));
        _assertCredits(475, 950, 0);
    }

    function test_leaves_of_another_kind_contract_fund_or_epoch_are_refused() external {
        bytes memory vector = _vector(_weights(ONE, ONE));
        for (uint256 i; i < 4; ++i) {
            uint256 epoch = 1 + i;
            _report(oracle, epoch, _foreignLeaf(i, epoch, keccak256(vector)));
            _goToTime(block.timestamp + WINDOW);
        }
        _goTo(4 + TERMS.settleTime + 1);
        for (uint256 epoch = 1; epoch <= 4; ++epoch) {
            _expectWrongProof(epoch, vector);
            _settle(fund, "");
        }
    }

    function _foreignLeaf(uint256 which, uint256 epoch, bytes32 payload) private view returns (bytes32) {
        bytes32 digest = _digestAt(fund, epoch);
        if (which == 0) return Leaf.hash(Leaf.SLASH, address(book), fund, epoch, digest, payload);
        if (which == 1) return Leaf.hash(Leaf.WEIGHTS, address(token), fund, epoch, digest, payload);
        if (which == 2) return Leaf.hash(Leaf.WEIGHTS, address(book), fund + 1, epoch, digest, payload);
        return Leaf.hash(Leaf.WEIGHTS, address(book), fund, epoch + 1, digest, payload);
    }

    function test_a_leaf_is_proved_among_those_of_other_funds() external {
        bytes memory vector = _vector(_weights(ONE, ONE));
        (bytes32 own, bytes32 other) = (_leaf(fund, 1, vector), keccak256("another fund's leaf"));
        _report(oracle, 1, own < other ? keccak256(bytes.concat(own, other)) : keccak256(bytes.concat(other, own)));
        _goToTime(block.timestamp + WINDOW);
        _expectWrongProof(1, vector); // without its proof
        IRedundancyFund.Reveal[] memory reveals = _reveals(vector);
        reveals[0].proof = new bytes32[](1);
        reveals[0].proof[0] = other;
        book.settle(fund, reveals);
        _assertCredits(475, 475, 0);
    }

    function test_P2_weights_beyond_the_target_are_refused_whatever_the_committee_signs() external {
        bytes memory vector = _vector(_weights(ONE, ONE, 1));
        _reportVector(fund, 1, vector);
        vm.expectRevert(
            abi.encodeWithSelector(IRedundancyFund.WeightsExceedTarget.selector, 1, 2 * ONE + 1, 2 * ONE)
        );
        _settle(fund, vector);
        _goTo(2 + TERMS.settleTime);
        _settle(fund, ""); // and returned in the end
        vm.assertEq(book.fundOf(fund).value, 1_000_000, "value");
    }

    function testFuzz_P2_no_vector_makes_an_epoch_pay_more_than_its_reward(uint32[3] memory words) external {
        bytes memory vector = abi.encodePacked(bytes4(words[0]), bytes4(words[1]), bytes4(words[2]));
        _reportVector(fund, 1, vector);
        try book.settle(fund, _reveals(vector)) {} catch {}
        _catchUp(fund);
        uint256 paid = book.creditOf(1) + book.creditOf(2) + book.creditOf(3) + book.fees(oracle, address(token));
        vm.assertLe(paid, 1_000, "reward");
        vm.assertEq(paid + book.fundOf(fund).value, 1_000_000, "nothing is made or lost");
    }

    function test_P2_a_vector_for_more_positions_than_there_are_is_refused() external {
        bytes memory vector = bytes.concat(_vector(_weights(ONE, ONE, 0)), bytes4(0));
        _reportVector(fund, 1, vector);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.InvalidVector.selector, 1, 16));
        _settle(fund, vector);
    }

    function test_P2_a_vector_that_is_not_whole_is_refused() external {
        bytes memory vector = hex"000000010000";
        _reportVector(fund, 1, vector);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.InvalidVector.selector, 1, 6));
        _settle(fund, vector);
    }

    function test_P3_a_captured_quorum_misdirects_the_epochs_it_signs_and_nothing_else() external {
        _pay(fund, 1, _vector(_weights(ONE, ONE)));
        uint256 outsider = _newFundIn(address(token), _outsidersOffer());
        _deposit(otherFunder, outsider, 10_000);
        _join(operator, outsider);
        _pay(fund, 2, _vector(_weights(0, 0, 2 * ONE))); // all to its friend
        _assertCredits(475, 475, 950); // earlier credits stand
        vm.assertEq(book.fundOf(fund).value, 1_000_000 - 2_000, "no more than the reward");
        _catchUp(outsider);
        vm.assertEq(book.fundOf(outsider).value, 10_000, "another committee's fund");
        vm.assertEq(wrapped.balanceOf(address(book)), 4 * STAKE, "stakes");
    }

    function _outsidersOffer() private returns (IRedundancyFund.Offer memory offer) {
        offer = _offer(1_000, 1, 0);
        offer.committee = uint32(_newCommittee("outsider", 3, 2));
    }
}
