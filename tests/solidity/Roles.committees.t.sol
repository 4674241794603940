// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Leaf} from "../../contracts/Leaf.sol";
import {RolesFixture} from "./RolesFixture.sol";

/// @title Committees, arbiters, challengers and we, gone for ever or turned hostile: the other rows of that table.
contract RolesCommitteesTest is RolesFixture {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;

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
        _proveTwoBundles(_keysOf(oracle)[0]);
    }

    function _proveTwoBundles(uint256 key) private {
        address member = vm.addr(key);
        vm.deal(member, 2 ether);
        vm.prank(member);
        committee.postBond{value: 2 ether}(oracle);
        bytes[2] memory signatures = [
            _signature(key, committee.bundleDigest(oracle, 2, "one")),
            _signature(key, committee.bundleDigest(oracle, 2, "two"))
        ];
        vm.prank(rogue);
        committee.burnBond(oracle, 2, member, [bytes32("one"), "two"], signatures);
        vm.assertEq(wrapped.balanceOf(BURNED), 2 ether, "who signs two bundles loses its bond");
    }

    function test_quorum_gone_epochs_return_and_everybody_gets_out() external {
        _pay(fund, 1, ONE);
        uint256 out = _takeOut(funder, deposit);
        _payByAnother();
        out += _takeOut(otherFunder, donation);
        vm.assertGe(out, 200_000 - 2 * uint256(REWARD) - 2, "no epoch without a report was paid");
        _takeStake(operator, mirror);
        book.withdraw(mirror);
        vm.assertEq(token.balanceOf(operator), 2 * REWARD, "earlier credit");
        vm.assertEq(wrapped.balanceOf(operator), STAKE, "stake");
    }

    /// @dev The owner names another committee, which pays the first epoch from which that binds.
    function _payByAnother() private {
        uint256 before = book.creditOf(mirror);
        _announce(fund, _offerBy(_newCommittee("another", 4, 3), REWARD, 0));
        uint256 binds = book.fundOf(fund).changesAt;
        _miss(fund, binds);
        _pay(fund, binds, ONE);
        vm.assertEq(book.creditOf(mirror), before + REWARD, "another committee pays");
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
        _payByAnother();
    }

    function test_quorum_hostile_evicts_mirrors_and_locks_up_to_the_cap_while_it_lasts() external {
        for (uint256 epoch = 1; epoch <= 3; ++epoch) {
            _accuse(epoch);
        }
        vm.assertEq(book.mirrorOf(mirror).locked, STAKE / 2, "the life cap");
        _blame(4);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NothingToLock.selector, mirror));
        book.lockStake(mirror, 4, 1, 1, new bytes32[](0));
        for (uint256 epoch = 5; epoch <= 8; ++epoch) {
            _report(oracle, epoch, _leaf(fund, epoch, _vector(0)));
        }
        _goToTime(block.timestamp + WINDOW);
        for (uint256 epoch = 1; epoch <= 8; ++epoch) {
            if (epoch <= 4) book.settle(fund, _reveals(1));
            else _settle(fund, _vector(0));
        }
        _removeDead(mirror);
        for (uint256 epoch = 1; epoch <= 3; ++epoch) {
            book.resolveLock(mirror, epoch, false); // the arbiter says nothing
        }
        _takeStake(operator, mirror);
        vm.assertEq(wrapped.balanceOf(operator), STAKE, "the whole stake");
        _catchUpMissed();
        vm.assertTrue(_join(operator, fund) > mirror, "who was evicted registers anew");
    }

    function test_quorum_hostile_that_withholds_vectors_delays_and_no_more() external {
        _goTo(1);
        _catchUp(fund);
        vm.prank(funder);
        book.giveNotice(deposit);
        _withholdUntil(1 + TERMS.depositNotice);
        vm.prank(funder);
        book.depart(deposit);
        uint256 left = _today();
        _withholdUntil(left + TERMS.settleTime);
        uint256 turn = book.depositOf(deposit).left;
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotSettledYet.selector, turn));
        book.collect(deposit);
        _withholdUntil(left + TERMS.settleTime + 1);
        book.collect(deposit);
        vm.assertEq(token.balanceOf(funder), 100_000, "all came back");
        vm.assertEq(book.worthOf(donation), 100_000, "and nothing was spent");
        vm.assertEq(book.creditOf(mirror), 0, "operators: the pay of those epochs");
    }

    /// @dev Every epoch is reported in time, by a root that nobody can open, and given up as soon as anyone may.
    function _withholdUntil(uint256 day) private {
        while (_today() < day) {
            _goTo(_today() + 1);
            _report(oracle, _today() - 1, "a root of nothing");
            try book.settle(fund, _reveals(1)) {} catch {}
        }
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
        committee.conclude(oracle, 1, address(book), fund);
        vm.assertEq(wrapped.balanceOf(BURNED), CHALLENGE_BOND, "the challenger's bond");
        _accuse(2);
        _pass(TERMS.lockTime);
        book.resolveLock(mirror, 2, false);
        vm.assertEq(book.mirrorOf(mirror).locked, 0, "free again");
    }

    function test_arbiter_hostile_voids_challenged_epochs_and_no_others() external {
        _pay(fund, 1, ONE);
        _report(oracle, 2, _leaf(fund, 2, _vector(ONE)));
        _challenge(arbiter, 2);
        vm.startPrank(arbiter);
        committee.rule(oracle, 2, address(book), fund, true);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NotChallenged.selector, 1));
        committee.rule(oracle, 1, address(book), fund, true);
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotLocked.selector, mirror, 2));
        book.resolveLock(mirror, 2, true);
        vm.stopPrank();
        vm.assertEq(wrapped.balanceOf(arbiter), CHALLENGE_BOND, "its own bond comes back");
        book.settle(fund, _reveals(1));
        vm.assertEq(book.creditOf(mirror), REWARD, "the earlier credit stays");
        vm.assertEq(book.fundOf(fund).value, 200_000 - REWARD, "the voided reward is the fund's");
        _voidAFee();
    }

    /// @dev Another fund, in which an epoch is worth a fee.
    function _voidAFee() private {
        IRedundancyFund.Slashing memory slashing = IRedundancyFund.Slashing(arbiter, 0, 0);
        uint256 other = _newFundWith(address(token), _offer(REWARD, 1, 500), slashing);
        _deposit(funder, other, 10_000);
        _join(operator, other);
        uint256 epoch = _today() + 1;
        _report(oracle, epoch, _leaf(other, epoch, _vector(ONE)));
        vm.deal(arbiter, CHALLENGE_BOND);
        vm.startPrank(arbiter);
        committee.challenge{value: CHALLENGE_BOND}(oracle, epoch, address(book), other, "");
        committee.rule(oracle, epoch, address(book), other, true);
        vm.stopPrank();
        book.settle(other, _reveals(1));
        vm.assertEq(book.fees(oracle, address(token)), 0, "nor has the committee its fee");
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
        _blame(epoch);
        book.lockStake(mirror, epoch, 1, 1, new bytes32[](0));
    }

    /// @dev A final report that names the mirror.
    function _blame(uint256 epoch) private {
        bytes32 payload = keccak256(abi.encode(mirror));
        _report(oracle, epoch, Leaf.hash(Leaf.SLASH, address(book), fund, epoch, _digestAt(fund, epoch), payload));
        _goToTime(block.timestamp + WINDOW);
    }

    // -------------------------------------------------------------------------------------------- challenger

    function test_challenger_hostile_pays_a_bond_for_each_bounded_delay() external {
        bytes memory vector = _vector(ONE);
        uint256 other = _newArbitratedFund(REWARD, 1);
        _deposit(funder, other, 5_000);
        uint256 beside = _join(operator, other);
        (bytes32 leaf, bytes32 another) = (_leaf(fund, 1, vector), _leaf(other, 1, vector));
        _report(oracle, 1, _pair(leaf, another));
        _challenge(rogue, 1);
        _goToTime(block.timestamp + WINDOW);
        book.settle(other, _proven(vector, leaf));
        vm.assertEq(book.creditOf(beside), REWARD, "other funds go on");
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.NotFinal.selector, 1));
        book.settle(fund, _proven(vector, another));
        _goToTime(block.timestamp + ARBITRATION);
        book.settle(fund, _proven(vector, another));
        committee.conclude(oracle, 1, address(book), fund);
        vm.assertEq(wrapped.balanceOf(BURNED), CHALLENGE_BOND, "burned");
        vm.assertEq(book.creditOf(mirror), REWARD, "paid all the same");
    }

    function _pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(bytes.concat(a, b)) : keccak256(bytes.concat(b, a));
    }

    function _proven(bytes memory vector, bytes32 beside)
        private
        pure
        returns (IRedundancyFund.Reveal[] memory reveals)
    {
        reveals = _reveals(vector);
        reveals[0].proof = new bytes32[](1);
        reveals[0].proof[0] = beside;
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
