// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../../contracts/interfaces/IOracleCommittee.sol";
import {Justice} from "./Justice.sol";

/// @title Committees whose quorum hands them over, to themselves or to others.
abstract contract Members is Justice {
    bytes32 private constant FORMER = "signed by former members";

    struct Change {
        uint256 by;
        uint256[] next;
        uint256 quorum;
        uint256 until;
    }

    /// @dev The new members report from the next epoch on; what the former ones have signed for it counts for nothing, even
    /// where they are the same people.
    function changeMembers(uint256 seed) external counted(false) {
        uint256 by = seed % 2 == 0 ? honest : malicious;
        uint256 binds = _today() + 1;
        IOracleCommittee.Signature[] memory former = _signedBefore(by, binds);
        _handOver(by, binds, seed);
        _goOn(1, seed);
        vm.warp(_start(binds + 1));
        try committee.report(by, binds, FORMER, "evidence", former) {
            _must(false, "P9: signatures of a former configuration stay dead");
            return;
        } catch {}
        _reportAs(by, binds, seed);
        (IOracleCommittee.Outcome outcome,) = committee.outcome(by, binds);
        _moved = outcome == IOracleCommittee.Outcome.Pending;
    }

    function _signedBefore(uint256 by, uint256 epoch) private view returns (IOracleCommittee.Signature[] memory) {
        uint256[] memory keys = _keysAt(by, epoch);
        return _signed(keys, committee.reportDigest(by, epoch, FORMER, "evidence"), keys.length);
    }

    /// @dev Tries what would leave the committee without a quorum, or take it from its members; then does it rightly.
    function _handOver(uint256 by, uint256 binds, uint256 seed) private {
        uint256[] memory next = _keysAt(by, _today());
        if (seed % 4 > 1) next = _newKeys(vm.toString(seed), 1 + _mix(seed, "members") % 5);
        (uint256 signers, uint256 time) = (committee.configAt(by, _today()).quorum, block.timestamp);
        uint256 half = next.length / 2;
        uint256 quorum = half + 1 + _mix(seed, "quorum") % (next.length - half);
        _must(!_make(Change(by, next, half, time), signers), "P9: a quorum is more than half");
        _must(!_make(Change(by, next, next.length + 1, time), signers), "P9: a quorum can be reached");
        _must(!_make(Change(by, new uint256[](0), 0, time), signers), "P9: a committee has members");
        _must(!_make(Change(by, next, quorum, time), signers - 1), "P9: too few change members");
        _must(!_make(Change(by, next, quorum, time - 1), signers), "P9: a change expires");
        Change memory made = Change(by, next, quorum, time);
        IOracleCommittee.Signature[] memory signatures = _signedChange(made, signers);
        _must(_post(made, signatures), "P9: a quorum changes members");
        _must(!_post(made, signatures), "P9: a signature changes members once");
        _memberships[by].push(Membership(binds, next));
    }

    function _make(Change memory made, uint256 signers) private returns (bool) {
        return _post(made, _signedChange(made, signers));
    }

    function _signedChange(Change memory made, uint256 signers)
        private
        view
        returns (IOracleCommittee.Signature[] memory)
    {
        address[] memory members = _addresses(made.next);
        bytes32 digest = committee.membersDigest(made.by, members, made.quorum, feeRecipient, made.until);
        return _signed(_keysAt(made.by, _today()), digest, signers);
    }

    function _post(Change memory made, IOracleCommittee.Signature[] memory signatures) private returns (bool) {
        address[] memory members = _addresses(made.next);
        try committee.changeMembers(made.by, members, made.quorum, feeRecipient, made.until, signatures) {
            return true;
        } catch {
            return false;
        }
    }
}
