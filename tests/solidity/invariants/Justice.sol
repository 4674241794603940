// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";
import {Operators} from "./Operators.sol";

/// @title Challenges, locks on stakes, and the bonds of members.
abstract contract Justice is Operators {
    struct Locked {
        uint256 mirror;
        uint256 epoch;
    }

    Locked[] internal _locks;

    /// @dev A report is challenged in its window; the arbiter voids it, lets it stand, or says nothing.
    function challenge(uint256 seed) external counted(false) {
        uint256 fund = 1 + seed % 2;
        uint256 epoch = _today();
        vm.warp(_start(epoch + 1));
        uint256 by = seed % 3 == 0 ? malicious : honest;
        (IOracleCommittee.Outcome outcome,) = committee.outcome(by, epoch);
        if (outcome != IOracleCommittee.Outcome.Open) return;
        _reportAs(by, epoch, seed);
        vm.deal(rogue, CHALLENGE_BOND);
        vm.prank(rogue);
        committee.challenge{value: CHALLENGE_BOND}(by, epoch, address(book), fund, "");
        _moved = committee.challengeOf(by, epoch, address(book), fund).challenger == rogue;
        _decide(by, epoch, fund, seed);
    }

    function _decide(uint256 by, uint256 epoch, uint256 fund, uint256 seed) private {
        uint256 say = _mix(seed, "ruling") % 3;
        if (say == 2) {
            vm.warp(block.timestamp + WINDOW + ARBITRATION);
            committee.conclude(by, epoch, address(book), fund);
        } else {
            vm.prank(arbiter);
            committee.rule(by, epoch, address(book), fund, say == 0);
        }
        if (say > 0) bondsBurned += CHALLENGE_BOND;
        vm.warp(block.timestamp + WINDOW);
        (IOracleCommittee.Outcome outcome,) = committee.outcomeFor(by, epoch, address(book), fund);
        IOracleCommittee.Outcome expected =
            say == 0 ? IOracleCommittee.Outcome.Voided : IOracleCommittee.Outcome.Final;
        _must(outcome == expected, "P10: a challenge ends in bounded time as the arbiter says");
    }

    /// @dev Whoever a report names is locked, if the report is final, the epoch is owed to its committee, and caps allow.
    function lockStake(uint256 seed) external counted(false) {
        _moved = _lockSome(seed);
    }

    function _lockSome(uint256 seed) private returns (bool locked) {
        _blamed = _joinSome(1 + seed % 2, seed);
        _live(4, seed);
        _blamed = 0;
        for (uint256 back = 2; back <= 4 && !locked; ++back) {
            uint256 epoch = _today() - back;
            locked = _tryToLock(honest, epoch) || _tryToLock(malicious, epoch);
        }
    }

    function _tryToLock(uint256 by, uint256 epoch) private returns (bool) {
        uint256 id = _accused[by][epoch];
        if (id == 0) return false;
        IRedundancyFund.Mirror memory m = book.mirrorOf(id);
        _catchUp(m.fund);
        (uint256 segment, bool owed) = _segmentOf(m.fund, epoch, by);
        bool may = owed && m.fund <= 2 && _isFinal(by, epoch, m.fund) && book.lockOf(id, epoch).placed == 0;
        bytes32[] memory proof = _proofOfAccusation(by, epoch);
        vm.prank(rogue);
        try book.lockStake(id, epoch, segment, _setAt(m.fund, epoch), proof) {
            _must(may, "P11: a stake is locked only for what a final report names, in a fund with an arbiter");
        } catch {
            return false;
        }
        _must(book.mirrorOf(id).locked > m.locked, "P11: a lock locks something");
        _locks.push(Locked(id, epoch));
        return true;
    }

    function _isFinal(uint256 by, uint256 epoch, uint256 fund) private view returns (bool) {
        (IOracleCommittee.Outcome outcome,) = committee.outcomeFor(by, epoch, address(book), fund);
        return outcome == IOracleCommittee.Outcome.Final;
    }

    function _segmentOf(uint256 fund, uint256 epoch, uint256 by) private view returns (uint256 segment, bool owed) {
        for (segment = book.fundOf(fund).segments; segment > 0; --segment) {
            IRedundancyFund.Segment memory s = book.segmentOf(fund, segment);
            if (s.first <= epoch) return (segment, epoch <= s.last && s.committee == by);
        }
    }

    function resolveLock(uint256 seed) external counted(false) {
        if (_locks.length == 0 && !_lockSome(seed)) return;
        uint256 i = seed % _locks.length;
        Locked memory one = _locks[i];
        _locks[i] = _locks[_locks.length - 1];
        _locks.pop();
        _moved = _resolve(one, seed);
    }

    function _resolve(Locked memory one, uint256 seed) internal returns (bool) {
        IRedundancyFund.Mirror memory m = book.mirrorOf(one.mirror);
        IRedundancyFund.Lock memory l = book.lockOf(one.mirror, one.epoch);
        if (_today() >= l.placed + TERMS.lockTime) {
            vm.prank(arbiter);
            try book.resolveLock(one.mirror, one.epoch, true) {
                _must(false, "P11: a lock expires if the arbiter does not confirm it");
            } catch {}
            book.resolveLock(one.mirror, one.epoch, false);
        } else if (seed % 3 == 0) {
            vm.prank(arbiter);
            book.resolveLock(one.mirror, one.epoch, false);
        } else {
            vm.prank(m.operator);
            book.answerLock(one.mirror, one.epoch, "no");
            vm.prank(arbiter);
            book.resolveLock(one.mirror, one.epoch, true);
            slashed += l.amount;
        }
        return book.mirrorOf(one.mirror).locked == m.locked - l.amount;
    }

    // ------------------------------------------------------------------------------------------------ bonds

    /// @dev A member pledges, and takes it back after notice; or signs two bundles, and loses it.
    function bond(uint256 seed) external counted(false) {
        uint256 key = _keysOf(malicious)[seed % 3];
        address member = vm.addr(key);
        uint256 amount = committee.bondOf(malicious, member).amount;
        vm.deal(member, 1 ether);
        vm.prank(member);
        committee.postBond{value: 1 ether}(malicious);
        _moved = committee.bondOf(malicious, member).amount == amount + 1 ether;
        if (seed % 4 == 0) _equivocate(key, member);
        if (seed % 4 == 1) _takeBack(member);
    }

    function _equivocate(uint256 key, address member) private {
        uint256 amount = committee.bondOf(malicious, member).amount;
        bytes[2] memory signatures = [
            _signature(key, committee.bundleDigest(malicious, 7, "one")),
            _signature(key, committee.bundleDigest(malicious, 7, "two"))
        ];
        committee.burnBond(malicious, 7, member, [bytes32("one"), "two"], signatures);
        bondsBurned += amount;
    }

    function _takeBack(address member) private {
        vm.prank(member);
        committee.giveBondNotice(malicious);
        vm.warp(committee.bondOf(malicious, member).freeFrom);
        vm.prank(member);
        committee.takeBond(malicious);
    }

    /// @dev Nothing lies in the committees' contract but the bonds that members have there.
    function bondsHeld() external view returns (int256 difference) {
        uint256[] memory keys = _keysOf(malicious);
        uint256 sum;
        for (uint256 i; i < keys.length; ++i) {
            sum += committee.bondOf(malicious, vm.addr(keys[i])).amount;
        }
        return int256(wrapped.balanceOf(address(committee))) - int256(sum);
    }

    function burned() external view returns (uint256) {
        return wrapped.balanceOf(0x000000000000000000000000000000000000dEaD);
    }
}
