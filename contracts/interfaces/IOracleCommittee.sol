// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Committees of oracle members, and the one report each of them signs per epoch.
/// @notice Time is cut into epochs of equal length, counted from 0 at `genesis`. A report of an epoch is accepted from
/// the epoch's end until its grace is over, and is final when the window after its acceptance has closed.
interface IOracleCommittee {
    /// @notice What became of one epoch of one committee.
    /// Open: not ended, or still in its grace without a report. Missed: the grace is over and there is none, for good.
    /// Pending: reported, the window has not closed. Final: the root stands for ever.
    enum Outcome {
        Open,
        Missed,
        Pending,
        Final
    }

    /// @notice All in seconds; `genesis` is the Unix time at which epoch 0 starts.
    struct Clock {
        uint64 genesis;
        uint64 epochLength;
        uint64 grace;
        uint64 window;
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

    error UnknownCommittee(uint256 committee);
    error InvalidClock();
    error TooManyMembers(uint256 members, uint256 most);
    error MembersNotAscending(address former, address next);
    error QuorumNotMajority(uint256 quorum, uint256 members);
    error ZeroFeeRecipient();
    error EpochNotOver(uint256 epoch, uint256 endsAt);
    error GraceOver(uint256 epoch, uint256 endedAt);
    error AlreadyReported(uint256 epoch);
    error ZeroRoot();
    error TooFewSignatures(uint256 signatures, uint256 quorum);
    error UnknownMember(uint256 member, uint256 members);
    error DuplicateSignature(uint256 member);
    error WrongSignature(uint256 member, address expected);

    /// @notice Opens a committee. Anyone may; a fund names the committee that it trusts.
    /// @param members Strictly ascending addresses.
    /// @param quorum More than half of the members.
    function createCommittee(address[] calldata members, uint256 quorum, address feeRecipient)
        external
        returns (uint256 committee);

    /// @notice Replaces the members from the next epoch's start; signed by a quorum of the members in force now.
    function changeMembers(
        uint256 committee,
        address[] calldata members,
        uint256 quorum,
        address feeRecipient,
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

    /// @notice What became of the epoch, and its root where there is a report.
    function outcome(uint256 committee, uint256 epoch) external view returns (Outcome, bytes32 root);

    /// @notice The configuration in force at the start of `epoch`.
    function configAt(uint256 committee, uint256 epoch) external view returns (Config memory);

    /// @notice The EIP-712 digest that members sign for a report.
    function reportDigest(uint256 committee, uint256 epoch, bytes32 root, bytes32 evidence)
        external
        view
        returns (bytes32);

    /// @notice The EIP-712 digest that members sign for a change of members.
    function membersDigest(uint256 committee, address[] calldata members, uint256 quorum, address feeRecipient)
        external
        view
        returns (bytes32);

    function clock() external view returns (Clock memory);
    function currentEpoch() external view returns (uint256);
    function committees() external view returns (uint256);
    function versions(uint256 committee) external view returns (uint256);
    function feeRecipient(uint256 committee) external view returns (address);

    /// @notice The Unix time at which `epoch` is final at the latest, whatever anyone does.
    function finalBy(uint256 epoch) external view returns (uint256);
}
