// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";
import {ChaosToken} from "../actors/ChaosToken.sol";
import {Members} from "./Members.sol";

/// @title Who wants what is not theirs: an owner, a committee, the maker of a token, and anyone. What they may not do they
/// try, and it must fail; what they may do they do.
abstract contract Villains is Members {
    /// @dev A fund can hold many thousand epochs of it.
    uint256 private constant MOST_REWARD = 1e22;

    // ------------------------------------------------------------------------------------------ a hostile owner

    /// @dev Reaches for others' donations and stakes, then turns the fund over to a captured committee at any reward.
    function betray(uint256 seed) external counted(true) {
        uint256 id = _someone(seed);
        uint256 held = _wealth(owner);
        vm.startPrank(owner);
        if (id > 0 && book.mirrorOf(id).operator != owner) _reachForMirror(id);
        if (_staying.length > 0) _reachForDeposit(_staying[seed % _staying.length]);
        _reachForReport(seed);
        vm.stopPrank();
        _push(owner, seed);
        uint256 fund = _any(seed);
        uint256 reward = _turnOver(fund, _mix(seed, "all of it"));
        vm.prank(owner);
        book.publishRelease(fund, bytes32(seed), "https://owner.example");
        _moved = book.fundOf(fund).nextOffer.reward == reward;
        _must(_wealth(owner) == held, "P6, P8: an owner gains nothing");
    }

    /// @dev Any reward, up to all there is.
    function _turnOver(uint256 fund, uint256 seed) private returns (uint256 reward) {
        uint256 all = book.fundOf(fund).value;
        reward = 1 + seed % (all < MOST_REWARD ? all + 1 : MOST_REWARD);
        _announce(fund, _offerOf(reward, 1, 2_000, malicious));
    }

    /// @dev Sends off what waits for others, and hopes to be the one who gets it.
    function _push(address who, uint256 seed) private {
        vm.startPrank(who);
        uint256 id = _pick(seed, _leaving, _mayCollect);
        if (id > 0) _collect(id);
        id = _pick(seed, _ids, _hasCredit);
        if (id > 0 && book.mirrorOf(id).payout != who) _withdraw(id);
        id = _pick(seed, _ids, _isUnbonded);
        if (id > 0 && book.mirrorOf(id).operator != who) _releaseStake(id);
        if (book.fees(honest, address(token)) > 0) _withdrawFee(honest, address(token));
        vm.stopPrank();
    }

    /// @dev P6: who gives notice in the epoch in which an owner turns everything over, or in the next, is gone before that
    /// binds, and has paid for no more than the epochs before, whatever committees did meanwhile.
    function flee(uint256 seed) external counted(false) {
        uint256 fund = 1 + seed % 3;
        _catchUp(fund);
        uint256 reward = book.fundOf(fund).offer.reward;
        if (!_put(fund, seed, 20 * reward)) return;
        uint256 id = book.deposits();
        _turnOver(fund, type(uint256).max);
        uint256 binds = book.fundOf(fund).changesAt;
        if (seed % 2 == 0) _live(1, seed);
        _giveNotice(id);
        _live(binds - 1 - _today(), seed);
        _must(_mayDepart(id), "P6: a deposit may leave before a change binds");
        if (!_mayDepart(id)) return;
        _depart(id);
        _must(book.turnOf(fund, book.depositOf(id).left).epoch <= binds, "P6: who leaves is gone when it binds");
        _live(TERMS.settleTime + 1, seed);
        uint256 least = (20 + 1 - TERMS.changeNotice) * reward;
        _must(book.worthOf(id) + 8 >= least, "P6: who is gone pays for no epoch of the change");
        _moved = _mayCollect(id) && _collect(id);
    }

    function _wealth(address who) private view returns (uint256) {
        return token.balanceOf(who) + wrapped.balanceOf(who);
    }

    function _reachForMirror(uint256 id) private {
        try book.exit(id) {
            _must(false, "P8: only the operator exits");
        } catch {}
        try book.changePayout(id, owner) {
            _must(false, "P7: only the operator names the payout address");
        } catch {}
        if (_isThere(id)) {
            try book.releaseStake(id) {
                _must(false, "P8: a stake is bonded while its mirror counts");
            } catch {}
        }
        if (_locks.length > 0) {
            Locked memory one = _locks[_locks.length - 1];
            try book.resolveLock(one.mirror, one.epoch, true) {
                _must(false, "P11: only the arbiter burns");
            } catch {}
        }
    }

    function _reachForDeposit(uint256 id) private {
        try book.giveNotice(id) {
            _must(false, "P6: only the holder gives notice");
        } catch {}
        try book.depart(id) {
            _must(false, "P6: only the holder leaves");
        } catch {}
        try book.collect(id) {
            _must(false, "P6: who has not left collects nothing");
        } catch {}
    }

    function _reachForReport(uint256 seed) private {
        uint256 epoch = _today() > 3 ? _today() - seed % 4 : 0;
        try committee.rule(honest, epoch, address(book), 1, true) {
            _must(false, "P10: only the arbiter rules");
        } catch {}
    }

    // ------------------------------------------------------------------------------------- a hostile committee

    /// @dev Tries reports that must not be taken, then signs what it may sign: anything, for its own funds.
    function lie(uint256 seed) external counted(false) {
        uint256 epoch = _today();
        vm.warp(_start(epoch + 1));
        _forge(malicious, honest, epoch);
        _forge(honest, malicious, epoch);
        _reportAs(malicious, epoch, seed);
        (IOracleCommittee.Outcome outcome,) = committee.outcome(malicious, epoch);
        _moved = outcome == IOracleCommittee.Outcome.Pending;
        _refuses(malicious, epoch, _quorumOf(malicious, epoch, epoch), IOracleCommittee.AlreadyReported.selector);
    }

    /// @dev Of an epoch that has just ended: too few signatures, one twice, of another epoch, another committee's; and
    /// with a quorum's, but too early or too late.
    function _forge(uint256 by, uint256 other, uint256 epoch) private {
        IOracleCommittee.Signature[] memory signatures = _quorumOf(by, epoch, epoch);
        uint256 quorum = signatures.length;
        if (quorum > 1) {
            signatures[quorum - 1] = signatures[0];
            _refuses(by, epoch, signatures, IOracleCommittee.DuplicateSignature.selector);
        }
        bytes32 digest = _forgedDigest(by, epoch);
        signatures = _signed(_keysAt(by, epoch), digest, quorum - 1);
        _refuses(by, epoch, signatures, IOracleCommittee.TooFewSignatures.selector);
        _refuses(by, epoch, _quorumOf(by, epoch, epoch + 1), IOracleCommittee.WrongSignature.selector);
        uint256[] memory keys = _keysAt(other, epoch);
        bool enough = keys.length >= quorum;
        _refuses(
            by,
            epoch,
            _signed(keys, digest, keys.length),
            enough ? IOracleCommittee.WrongSignature.selector : IOracleCommittee.TooFewSignatures.selector
        );
        _refuses(by, epoch + 1, _quorumOf(by, epoch + 1, epoch + 1), IOracleCommittee.EpochNotOver.selector);
        if (epoch < 9) return;
        _refuses(by, epoch - 9, _quorumOf(by, epoch - 9, epoch - 9), IOracleCommittee.GraceOver.selector);
    }

    function _forgedDigest(uint256 by, uint256 epoch) private view returns (bytes32) {
        return committee.reportDigest(by, epoch, "forged", "evidence");
    }

    /// @dev The signatures of a quorum in an epoch, for the forged report of an epoch.
    function _quorumOf(uint256 by, uint256 epoch, uint256 signedFor)
        private
        view
        returns (IOracleCommittee.Signature[] memory)
    {
        uint256 quorum = committee.configAt(by, epoch).quorum;
        return _signed(_keysAt(by, epoch), _forgedDigest(by, signedFor), quorum);
    }

    function _refuses(uint256 by, uint256 epoch, IOracleCommittee.Signature[] memory signatures, bytes4 why) private {
        try committee.report(by, epoch, "forged", "evidence", signatures) {
            _must(false, "P9, P10: a report that must not be taken");
        } catch (bytes memory reason) {
            _must(bytes4(reason) == why, "P9, P10: a forged report is refused for what is wrong with it");
        }
    }

    /// @dev It pays itself twice, or with a vector that nobody signed.
    function replay(uint256 seed) external counted(false) {
        uint256 fund = _any(seed);
        _joinSome(fund, seed);
        _goOn(4, seed);
        uint256 before = book.fundOf(fund).cursor.epoch;
        (bool any, uint256 epoch, IRedundancyFund.Segment memory s) = _nextEpoch(fund);
        if (any && _isReported(s.committee, epoch, fund)) _tryForgedVector(fund, s.committee, epoch, seed);
        _settleFund(fund);
        _moved = book.fundOf(fund).cursor.epoch > before;
    }

    function _isReported(uint256 by, uint256 epoch, uint256 fund) private view returns (bool) {
        (IOracleCommittee.Outcome outcome,) = committee.outcomeFor(by, epoch, address(book), fund);
        return outcome == IOracleCommittee.Outcome.Final;
    }

    function _tryForgedVector(uint256 fund, uint256 by, uint256 epoch, uint256 seed) private {
        IRedundancyFund.Reveal[] memory reveals = _reveals(_vector(1 + seed % ONE));
        reveals[0].proof = _proofOf(by, epoch, 1 + fund % FUNDS); // another fund's proof
        try book.settle(fund, reveals) {
            _must(false, "P2, P9: a vector that nobody signed");
        } catch {}
    }

    // ----------------------------------------------------------------------------------------- a hostile token

    /// @dev The token changes its mood, calls back into the fund, or takes tokens away.
    function turn(uint256 seed) external counted(false) {
        ChaosToken.Mood mood = ChaosToken.Mood(seed % 4);
        bytes[5] memory backs = [
            abi.encodeCall(book.topUp, (1, 1)),
            abi.encodeCall(book.withdraw, (1 + seed % 8)),
            abi.encodeCall(book.collect, (1 + seed % 32)),
            abi.encodeCall(book.releaseStake, (1 + seed % 8)),
            abi.encodeCall(book.withdrawFee, (honest, address(token)))
        ];
        bytes memory back = backs[_mix(seed, "back") % 5];
        chaos.feel(mood, address(book), back);
        (uint256 held, uint256 native) = (token.balanceOf(address(book)), wrapped.balanceOf(address(book)));
        _moved = _fill(HOSTILE, seed, seed);
        bool calm = _mix(seed, "calm") % 2 == 0;
        if (!_moved) {
            chaos.feel(ChaosToken.Mood.Fine, address(0), "");
            _moved = _fill(HOSTILE, seed, seed);
            _must(_moved, "P13: what failed left nothing behind: who behaves again is taken again");
            if (!calm) chaos.feel(mood, address(book), back);
        }
        if (seed % 11 == 0) chaos.steal(address(book), chaos.balanceOf(address(book)) / 3);
        bool untouched = token.balanceOf(address(book)) == held && wrapped.balanceOf(address(book)) == native;
        _must(untouched, "P13: a hostile token moves no other");
        _must(chaos.answered() == 0, "P13: who calls back finds the door closed");
        if (calm) chaos.feel(ChaosToken.Mood.Fine, address(0), "");
    }

    // ------------------------------------------------------------------------------------------------- anyone

    /// @dev A stranger helps itself to what others left, and pushes others' money to them.
    function trespass(uint256 seed) external counted(true) {
        uint256 id = _someone(seed);
        uint256 held = _wealth(rogue);
        vm.startPrank(rogue);
        if (id > 0) _reachForMirror(id);
        if (_staying.length > 0) _reachForDeposit(_staying[seed % _staying.length]);
        try committee.takeBond(malicious) {
            _must(false, "a stranger has no bond");
        } catch {}
        try book.publishRelease(1, bytes32(seed), "https://rogue.example") {
            _must(false, "only the owner publishes");
        } catch {}
        vm.stopPrank();
        _push(rogue, seed);
        _joinSome(1, seed);
        uint256 before = book.fundOf(1).cursor.epoch;
        _goOn(4, seed);
        _settleFund(1);
        _moved = book.fundOf(1).cursor.epoch > before;
        _must(_wealth(rogue) == held, "a stranger gains nothing");
    }
}
