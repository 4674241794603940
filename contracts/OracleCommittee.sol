// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IOracleCommittee} from "./interfaces/IOracleCommittee.sol";

/// @title Members, quorums and reports. Holds no money and has no owner.
contract OracleCommittee is IOracleCommittee, EIP712("Mirrorbond", "1") {
    using SafeCast for uint256;

    // ------------------------------------------------------------------------------------------ constants

    bytes32 private constant REPORT =
        keccak256("Report(uint256 committee,uint256 epoch,bytes32 config,bytes32 root,bytes32 evidence)");
    bytes32 private constant MEMBERS =
        keccak256("Members(uint256 committee,uint256 version,address[] members,uint256 quorum,address feeRecipient)");
    uint256 private constant MOST_MEMBERS = 64;

    uint256 private immutable GENESIS;
    uint256 private immutable LENGTH;
    uint256 private immutable GRACE;
    uint256 private immutable WINDOW;

    // -------------------------------------------------------------------------------------------- storage

    /// @dev `acceptedAt` is zero until the report is there.
    struct Report {
        bytes32 root;
        uint64 acceptedAt;
        uint32 version;
        address poster;
    }

    uint256 public committees;
    mapping(uint256 committee => uint256) public versions;
    mapping(uint256 committee => mapping(uint256 version => Config)) private _configs;
    mapping(uint256 committee => mapping(uint256 epoch => Report)) private _reports;

    constructor(Clock memory clock_) {
        require(clock_.epochLength > 0 && clock_.grace > 0, InvalidClock());
        GENESIS = clock_.genesis;
        LENGTH = clock_.epochLength;
        GRACE = clock_.grace;
        WINDOW = clock_.window;
    }

    // ------------------------------------------------------------------------------------------ committee

    /// @inheritdoc IOracleCommittee
    function createCommittee(address[] calldata members, uint256 quorum, address feeRecipient_)
        external
        returns (uint256 committee)
    {
        committee = ++committees;
        _configure(committee, currentEpoch(), members, quorum, feeRecipient_);
    }

    /// @inheritdoc IOracleCommittee
    function changeMembers(
        uint256 committee,
        address[] calldata members,
        uint256 quorum,
        address feeRecipient_,
        Signature[] calldata signatures
    ) external {
        // Check
        uint256 epoch = currentEpoch();
        bytes32 digest = membersDigest(committee, members, quorum, feeRecipient_);
        _checkQuorum(_configs[committee][_versionAt(committee, epoch)], digest, signatures);

        // Effect
        _configure(committee, epoch + 1, members, quorum, feeRecipient_);
    }

    /// @inheritdoc IOracleCommittee
    function report(
        uint256 committee,
        uint256 epoch,
        bytes32 root,
        bytes32 evidence,
        Signature[] calldata signatures
    ) external {
        // Check
        uint256 endsAt = _endOf(epoch);
        require(block.timestamp >= endsAt, EpochNotOver(epoch, endsAt));
        require(block.timestamp < endsAt + GRACE, GraceOver(epoch, endsAt));
        require(root != 0, ZeroRoot());
        Report storage stored = _reports[committee][epoch];
        require(stored.acceptedAt == 0, AlreadyReported(epoch));
        uint256 version = _versionAt(committee, epoch);
        Config storage config = _configs[committee][version];
        bytes32 digest = _reportDigest(committee, epoch, config.digest, root, evidence);
        uint256 signers = _checkQuorum(config, digest, signatures);

        // Effect
        stored.root = root;
        stored.acceptedAt = uint64(block.timestamp);
        stored.version = uint32(version);
        stored.poster = msg.sender;
        emit Reported(committee, epoch, root, evidence, signers, msg.sender);
    }

    // ---------------------------------------------------------------------------------------------- views

    /// @inheritdoc IOracleCommittee
    function outcome(uint256 committee, uint256 epoch) external view returns (Outcome, bytes32 root) {
        Report storage stored = _reports[committee][epoch];
        uint256 acceptedAt = stored.acceptedAt;
        if (acceptedAt == 0) {
            return (block.timestamp < _endOf(epoch) + GRACE ? Outcome.Open : Outcome.Missed, 0);
        }
        return (block.timestamp < acceptedAt + WINDOW ? Outcome.Pending : Outcome.Final, stored.root);
    }

    /// @inheritdoc IOracleCommittee
    function configAt(uint256 committee, uint256 epoch) external view returns (Config memory) {
        return _configs[committee][_versionAt(committee, epoch)];
    }

    /// @inheritdoc IOracleCommittee
    function reportDigest(uint256 committee, uint256 epoch, bytes32 root, bytes32 evidence)
        external
        view
        returns (bytes32)
    {
        bytes32 config = _configs[committee][_versionAt(committee, epoch)].digest;
        return _reportDigest(committee, epoch, config, root, evidence);
    }

    /// @inheritdoc IOracleCommittee
    function membersDigest(uint256 committee, address[] calldata members, uint256 quorum, address feeRecipient_)
        public
        view
        returns (bytes32)
    {
        bytes32 membersHash = keccak256(abi.encodePacked(members));
        uint256 version = versions[committee] + 1;
        return _hashTypedDataV4(
            keccak256(abi.encode(MEMBERS, committee, version, membersHash, quorum, feeRecipient_))
        );
    }

    /// @inheritdoc IOracleCommittee
    function clock() external view returns (Clock memory) {
        return Clock(uint64(GENESIS), uint64(LENGTH), uint64(GRACE), uint64(WINDOW));
    }

    /// @inheritdoc IOracleCommittee
    function currentEpoch() public view returns (uint256) {
        return block.timestamp < GENESIS ? 0 : (block.timestamp - GENESIS) / LENGTH;
    }

    /// @inheritdoc IOracleCommittee
    function feeRecipient(uint256 committee) external view returns (address) {
        return _configs[committee][_versionAt(committee, currentEpoch())].feeRecipient;
    }

    /// @inheritdoc IOracleCommittee
    function finalBy(uint256 epoch) external view returns (uint256) {
        return _endOf(epoch) + GRACE + WINDOW;
    }

    // ------------------------------------------------------------------------------------------ internals

    function _configure(
        uint256 committee,
        uint256 since,
        address[] calldata members,
        uint256 quorum,
        address feeRecipient_
    ) private {
        // Check
        require(members.length <= MOST_MEMBERS, TooManyMembers(members.length, MOST_MEMBERS));
        require(2 * quorum > members.length && quorum <= members.length, QuorumNotMajority(quorum, members.length));
        require(feeRecipient_ != address(0), ZeroFeeRecipient());
        address former;
        for (uint256 i; i < members.length; ++i) {
            require(members[i] > former, MembersNotAscending(former, members[i]));
            former = members[i];
        }

        // Effect
        uint256 version = ++versions[committee];
        bytes32 digest = keccak256(abi.encode(committee, version, members, quorum));
        _configs[committee][version] =
            Config(since.toUint32(), quorum.toUint16(), feeRecipient_, digest, members);
        emit CommitteeConfigured(committee, version, since, members, quorum, feeRecipient_, digest);
    }

    /// @dev The latest version that binds at the start of `epoch`. Each step back is a change that a quorum signed.
    function _versionAt(uint256 committee, uint256 epoch) private view returns (uint256 version) {
        version = versions[committee];
        require(version > 0, UnknownCommittee(committee));
        while (version > 1 && _configs[committee][version].since > epoch) --version;
    }

    /// @return signers A bit for each member that signed.
    function _checkQuorum(Config storage config, bytes32 digest, Signature[] calldata signatures)
        private
        view
        returns (uint256 signers)
    {
        uint256 quorum = config.quorum;
        uint256 members = config.members.length;
        require(signatures.length >= quorum, TooFewSignatures(signatures.length, quorum));
        for (uint256 i; i < signatures.length; ++i) {
            uint256 member = signatures[i].member;
            require(member < members, UnknownMember(member, members));
            require(signers & (1 << member) == 0, DuplicateSignature(member));
            address expected = config.members[member];
            bool valid = SignatureChecker.isValidSignatureNowCalldata(expected, digest, signatures[i].signature);
            require(valid, WrongSignature(member, expected));
            signers |= 1 << member;
        }
    }

    function _reportDigest(uint256 committee, uint256 epoch, bytes32 config, bytes32 root, bytes32 evidence)
        private
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(REPORT, committee, epoch, config, root, evidence)));
    }

    function _endOf(uint256 epoch) private view returns (uint256) {
        return GENESIS + (epoch + 1) * LENGTH;
    }
}
