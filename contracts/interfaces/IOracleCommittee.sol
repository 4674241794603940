// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IWrappedNative} from "./IWrappedNative.sol";

/// @title Committees of oracle members, and the one report each of them signs per epoch.
/// @notice Time is cut into epochs of equal length, counted from 0 at `genesis`. A report of an epoch is accepted from
/// the epoch's end until its grace is over, and is final when the window after its acceptance has closed. Until then a
/// bonded challenge may name one fund of it: that fund's arbiter may void the report for that fund, within a bounded time
/// and at no other; silence means that it stands. All bonds are in wrapped native coin, and a lost one is burned.
interface IOracleCommittee {
    /// @notice What became of one epoch of one committee.
    /// Open: not ended, or still in its grace without a report. Missed: the grace is over and there is none, for good.
    /// Pending: reported, the window has not closed, or a challenge is not decided. Final: the root stands for ever.
    /// Voided: the arbiter of the fund asked about has voided the report for this fund.
    enum Outcome {
        Open,
        Missed,
        Pending,
        Final,
        Voided
    }

    /// @notice All in seconds; `genesis` is the Unix time at which epoch 0 starts, `arbitration` how long after the
    /// window an arbiter may still decide a challenge.
    struct Clock {
        uint64 genesis;
        uint64 epochLength;
        uint64 grace;
        uint64 window;
        uint64 arbitration;
    }

    /// @notice What an arbiter has said of a challenge.
    enum Ruling {
        None,
        Voided,
        Stands
    }

    /// @notice The one challenge of one fund's part of a report; `challenger` is zero where there is none.
    struct Challenge {
        address challenger;
        Ruling ruling;
    }

    /// @notice What a member pledges to sign no two bundles for one epoch; `freeFrom` is the Unix time from which it may
    /// be taken back, for as long as the notice took, zero while no notice is given.
    struct Bond {
        uint96 amount;
        uint64 freeFrom;
    }

    /// @notice Who may sign for a committee, from the start of epoch `since` until the next version binds.
    struct Config {
        uint32 since;
        uint16 quorum;
        address feeRecipient;
        bytes32 digest;
        address[] members;
    }

    /// @notice One member's signature; `member` is the index in the members of the configuration.
    struct Signature {
        uint256 member;
        bytes signature;
    }

    /// @param version Counts from 1; a configuration's digest covers it, so old signatures never come back to life.
    event CommitteeConfigured(
        uint256 indexed committee,
        uint256 indexed version,
        uint256 since,
        address[] members,
        uint256 quorum,
        address feeRecipient,
        bytes32 digest
    );
    event Reported(
        uint256 indexed committee, uint256 indexed epoch, bytes32 root, bytes32 evidence, uint256 signers, address poster
    );
    /// @param terms What the fund contract hashed of the fund, its owner, token, offer, slashing and policy.
    event Accepted(uint256 indexed committee, address indexed fundContract, bytes32 indexed terms, uint256 until);
    event AcceptanceUsed(uint256 indexed committee, address indexed fundContract, bytes32 indexed terms);
    event Challenged(
        uint256 indexed committee,
        uint256 indexed epoch,
        address indexed fundContract,
        uint256 fund,
        address challenger,
        string reason,
        uint256 decidedBy
    );
    /// @notice A challenge is decided, by the arbiter or by its silence; if it stands, the challenger's bond is burned.
    event Ruled(
        uint256 indexed committee, uint256 indexed epoch, address indexed fundContract, uint256 fund, Ruling ruling
    );
    event Bonded(uint256 indexed committee, address indexed member, uint256 amount);
    event BondNoticeGiven(uint256 indexed committee, address indexed member, uint256 freeFrom);
    event BondReturned(uint256 indexed committee, address indexed member, uint256 amount);
    event BondBurned(
        uint256 indexed committee, address indexed member, uint256 indexed epoch, bytes32 first, bytes32 second, uint256 amount
    );

    error UnknownCommittee(uint256 committee);
    error InvalidClock();
    error TooManyMembers(uint256 members, uint256 most);
    error MembersNotAscending(address former, address next);
    error QuorumNotMajority(uint256 quorum, uint256 members);
    error ZeroFeeRecipient();
    error ChangeExpired(uint256 until);
    error EpochNotOver(uint256 epoch, uint256 endsAt);
    error GraceOver(uint256 epoch, uint256 endedAt);
    error AlreadyReported(uint256 epoch);
    error ZeroRoot();
    error TooFewSignatures(uint256 signatures, uint256 quorum);
    error UnknownMember(uint256 member, uint256 members);
    error DuplicateSignature(uint256 member);
    error WrongSignature(uint256 member, address expected);
    error AcceptanceExpired(uint256 until);
    error AlreadyAccepted(bytes32 digest);
    error NotAccepted(uint256 committee, bytes32 terms);
    error NotPending(uint256 epoch);
    error NoArbiter(address fundContract, uint256 fund);
    error NotArbiter(address caller, address arbiter);
    error WrongBond(uint256 value, uint256 bond);
    error AlreadyChallenged(uint256 epoch, address challenger);
    error NotChallenged(uint256 epoch);
    error AlreadyRuled(uint256 epoch);
    error ArbitrationOver(uint256 epoch, uint256 endedAt);
    error ArbitrationNotOver(uint256 epoch, uint256 endsAt);
    error NoBond(uint256 committee, address member);
    error BondNotFree(uint256 freeFrom);
    error BondNoticeLapsed(uint256 until);
    error SameDigest(bytes32 digest);
    error NotSigned(address member, bytes32 digest);

    /// @notice Opens a committee. Anyone may; a fund names the committee that it trusts.
    /// @param members Strictly ascending addresses.
    /// @param quorum More than half of the members.
    function createCommittee(address[] calldata members, uint256 quorum, address feeRecipient)
        external
        returns (uint256 committee);

    /// @notice Replaces the members from the next epoch's start; signed by a quorum of the members in force now.
    /// @param until The Unix time after which the signatures count no more.
    function changeMembers(
        uint256 committee,
        address[] calldata members,
        uint256 quorum,
        address feeRecipient,
        uint256 until,
        Signature[] calldata signatures
    ) external;

    /// @notice Accepts the committee's one report of an epoch. Anyone may post it.
    /// @param root The Merkle root over the leaves of all funds (see `Leaf`).
    /// @param evidence The digest of the evidence folder: part of what is signed, and of the event, not of storage.
    function report(
        uint256 committee,
        uint256 epoch,
        bytes32 root,
        bytes32 evidence,
        Signature[] calldata signatures
    ) external;

    /// @notice A quorum of today's members takes on a fund at its fee. Anyone may post it; the fund's contract uses it, once.
    /// @param terms Hashes all that the committee agrees to, as the fund contract defines it.
    /// @param until The Unix time after which the acceptance counts no more.
    function accept(
        uint256 committee,
        address fundContract,
        bytes32 terms,
        uint256 until,
        Signature[] calldata signatures
    ) external;

    /// @notice Uses up the acceptance of these terms by the committee for the caller, a fund contract.
    function useAcceptance(uint256 committee, bytes32 terms) external;

    // ------------------------------------------------------------------------------------------ challenges

    /// @notice Asks the fund's arbiter to void a report for this one fund, within the report's window. The value sent
    /// along is the bond: it comes back if the arbiter voids, and is burned otherwise. One challenge a fund and epoch.
    function challenge(uint256 committee, uint256 epoch, address fundContract, uint256 fund, string calldata reason)
        external
        payable;

    /// @notice Decides a challenge. Only the fund's arbiter, and only until its time is over.
    function rule(uint256 committee, uint256 epoch, address fundContract, uint256 fund, bool voided) external;

    /// @notice Burns the bond of a challenge that the arbiter did not decide in time: the report stands. Anyone may.
    function conclude(uint256 committee, uint256 epoch, address fundContract, uint256 fund) external;

    // ----------------------------------------------------------------------------------------------- bonds

    /// @notice Adds the value sent along to what the caller pledges to this committee, as a member that is or will be,
    /// and takes back a notice.
    function postBond(uint256 committee) external payable;

    /// @notice Announces that the caller will take the bond back, as late as its last epoch can be final.
    function giveBondNotice(uint256 committee) external;

    /// @notice Sends the caller its bond, when its notice is over and for as long again; then it takes another notice.
    function takeBond(uint256 committee) external;

    /// @notice Burns the bond of a member that signed two bundles for one epoch. Anyone may prove it.
    function burnBond(
        uint256 committee,
        uint256 epoch,
        address member,
        bytes32[2] calldata digests,
        bytes[2] calldata signatures
    ) external;

    // ----------------------------------------------------------------------------------------------- views

    /// @notice What became of the epoch for all funds that are not challenged, and its root where there is a report.
    function outcome(uint256 committee, uint256 epoch) external view returns (Outcome, bytes32 root);

    /// @notice What became of the epoch for one fund: `Pending` while a challenge of it is not decided.
    function outcomeFor(uint256 committee, uint256 epoch, address fundContract, uint256 fund)
        external
        view
        returns (Outcome, bytes32 root);

    /// @notice The configuration in force at the start of `epoch`.
    function configAt(uint256 committee, uint256 epoch) external view returns (Config memory);

    /// @notice The EIP-712 digest that members sign for a report.
    function reportDigest(uint256 committee, uint256 epoch, bytes32 root, bytes32 evidence)
        external
        view
        returns (bytes32);

    /// @notice The EIP-712 digest that members sign for a change of members.
    function membersDigest(
        uint256 committee,
        address[] calldata members,
        uint256 quorum,
        address feeRecipient,
        uint256 until
    ) external view returns (bytes32);

    /// @notice The EIP-712 digest that members sign to take on a fund.
    function acceptanceDigest(uint256 committee, address fundContract, bytes32 terms, uint256 until)
        external
        view
        returns (bytes32);

    /// @notice The EIP-712 digest that a member signs for its bundle of an epoch.
    function bundleDigest(uint256 committee, uint256 epoch, bytes32 digest) external view returns (bytes32);

    function challengeOf(uint256 committee, uint256 epoch, address fundContract, uint256 fund)
        external
        view
        returns (Challenge memory);
    function bondOf(uint256 committee, address member) external view returns (Bond memory);
    function CHALLENGE_BOND() external view returns (uint256);
    function WRAPPED_NATIVE() external view returns (IWrappedNative);
    function clock() external view returns (Clock memory);
    function currentEpoch() external view returns (uint256);
    function committees() external view returns (uint256);
    function versions(uint256 committee) external view returns (uint256);
    function feeRecipient(uint256 committee) external view returns (address);

    /// @notice The Unix time at which `epoch` is final at the latest, whatever anyone does.
    function finalBy(uint256 epoch) external view returns (uint256);
}
