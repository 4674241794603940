// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IArbitrated} from "./interfaces/IArbitrated.sol";
import {IOracleCommittee} from "./interfaces/IOracleCommittee.sol";
import {IWrappedNative} from "./interfaces/IWrappedNative.sol";

/// @title Members, quorums, reports and challenges. Holds no money but bonds, and has no owner.
contract OracleCommittee is IOracleCommittee, EIP712("Mirrorbond", "1") {
    using SafeCast for uint256;
    using SafeERC20 for IWrappedNative;

    // ------------------------------------------------------------------------------------------ constants

    bytes32 private constant REPORT =
        keccak256("Report(uint256 committee,uint256 epoch,bytes32 config,bytes32 root,bytes32 evidence)");
    bytes32 private constant MEMBERS = keccak256(
        "Members(uint256 committee,uint256 version,address[] members,uint256 quorum,address feeRecipient,uint256 until)"
    );
    bytes32 private constant ACCEPTANCE = keccak256(
        "Acceptance(uint256 committee,bytes32 config,address fundContract,bytes32 terms,uint256 until)"
    );
    bytes32 private constant BUNDLE = keccak256("Bundle(uint256 committee,uint256 epoch,bytes32 digest)");
    uint256 private constant MOST_MEMBERS = 64;
    /// @dev Has no key; the wrapper refuses address zero on some chains.
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;

    IWrappedNative public immutable WRAPPED_NATIVE;
    uint256 public immutable CHALLENGE_BOND;
    uint256 private immutable GENESIS;
    uint256 private immutable LENGTH;
    uint256 private immutable GRACE;
    uint256 private immutable WINDOW;
    uint256 private immutable ARBITRATION;

    // -------------------------------------------------------------------------------------------- storage

    /// @dev `acceptedAt` is zero until the report is there.
    struct Report {
        bytes32 root;
        uint64 acceptedAt;
        uint32 challenges;
    }

    uint256 public committees;
    mapping(uint256 committee => uint256) public versions;
    mapping(uint256 committee => mapping(uint256 version => Config)) private _configs;
    mapping(uint256 committee => mapping(uint256 epoch => Report)) private _reports;
    mapping(bytes32 digest => bool) private _signedOnce;
    mapping(bytes32 acceptance => uint256) private _acceptedUntil;
    mapping(bytes32 fundsEpoch => Challenge) private _challenges;
    mapping(uint256 committee => mapping(address member => Bond)) private _bonds;

    constructor(Clock memory clock_, IWrappedNative wrappedNative, uint256 challengeBond) {
        require(clock_.epochLength > 0 && clock_.grace > 0, InvalidClock());
        GENESIS = clock_.genesis;
        LENGTH = clock_.epochLength;
        GRACE = clock_.grace;
        WINDOW = clock_.window;
        ARBITRATION = clock_.arbitration;
        WRAPPED_NATIVE = wrappedNative;
        CHALLENGE_BOND = challengeBond;
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
        uint256 until,
        Signature[] calldata signatures
    ) external {
        // Check
        require(block.timestamp <= until, ChangeExpired(until));
        uint256 epoch = currentEpoch();
        bytes32 digest = membersDigest(committee, members, quorum, feeRecipient_, until);
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
        emit Reported(committee, epoch, root, evidence, signers, msg.sender);
    }

    /// @inheritdoc IOracleCommittee
    function accept(
        uint256 committee,
        address fundContract,
        bytes32 terms,
        uint256 until,
        Signature[] calldata signatures
    ) external {
        // Check
        require(block.timestamp <= until, AcceptanceExpired(until));
        bytes32 digest = acceptanceDigest(committee, fundContract, terms, until);
        require(!_signedOnce[digest], AlreadyAccepted(digest));
        _checkQuorum(_configs[committee][_versionAt(committee, currentEpoch())], digest, signatures);

        // Effect
        _signedOnce[digest] = true;
        _acceptedUntil[keccak256(abi.encode(committee, fundContract, terms))] = until;
        emit Accepted(committee, fundContract, terms, until);
    }

    /// @inheritdoc IOracleCommittee
    function useAcceptance(uint256 committee, bytes32 terms) external {
        bytes32 key = keccak256(abi.encode(committee, msg.sender, terms));
        require(block.timestamp <= _acceptedUntil[key], NotAccepted(committee, terms));
        delete _acceptedUntil[key];
        emit AcceptanceUsed(committee, msg.sender, terms);
    }

    // ----------------------------------------------------------------------------------------- challenges

    /// @inheritdoc IOracleCommittee
    function challenge(uint256 committee, uint256 epoch, address fundContract, uint256 fund, string calldata reason)
        external
        payable
    {
        // Check
        Report storage stored = _reports[committee][epoch];
        uint256 closesAt = stored.acceptedAt + WINDOW;
        require(stored.acceptedAt > 0 && block.timestamp < closesAt, NotPending(epoch));
        require(IArbitrated(fundContract).arbiterOf(fund) != address(0), NoArbiter(fundContract, fund));
        require(msg.value == CHALLENGE_BOND, WrongBond(msg.value, CHALLENGE_BOND));
        Challenge storage c = _challenges[_key(committee, epoch, fundContract, fund)];
        require(c.challenger == address(0), AlreadyChallenged(epoch, c.challenger));

        // Effect
        c.challenger = msg.sender;
        ++stored.challenges;
        emit Challenged(committee, epoch, fundContract, fund, msg.sender, reason, closesAt + ARBITRATION);

        // Interaction
        WRAPPED_NATIVE.deposit{value: msg.value}();
    }

    /// @inheritdoc IOracleCommittee
    function rule(uint256 committee, uint256 epoch, address fundContract, uint256 fund, bool voided) external {
        // Check
        Challenge storage c = _undecided(committee, epoch, fundContract, fund);
        address arbiter = IArbitrated(fundContract).arbiterOf(fund);
        require(msg.sender == arbiter, NotArbiter(msg.sender, arbiter));
        uint256 until = _decidedBy(committee, epoch);
        require(block.timestamp < until, ArbitrationOver(epoch, until));

        // Effect
        c.ruling = voided ? Ruling.Voided : Ruling.Stands;
        emit Ruled(committee, epoch, fundContract, fund, c.ruling);

        // Interaction
        WRAPPED_NATIVE.safeTransfer(voided ? c.challenger : BURNED, CHALLENGE_BOND);
    }

    /// @inheritdoc IOracleCommittee
    function conclude(uint256 committee, uint256 epoch, address fundContract, uint256 fund) external {
        // Check
        Challenge storage c = _undecided(committee, epoch, fundContract, fund);
        uint256 until = _decidedBy(committee, epoch);
        require(block.timestamp >= until, ArbitrationNotOver(epoch, until));

        // Effect
        c.ruling = Ruling.Stands;
        emit Ruled(committee, epoch, fundContract, fund, Ruling.Stands);

        // Interaction
        WRAPPED_NATIVE.safeTransfer(BURNED, CHALLENGE_BOND);
    }

    // ---------------------------------------------------------------------------------------------- bonds

    /// @inheritdoc IOracleCommittee
    function postBond(uint256 committee) external payable {
        // Check
        require(versions[committee] > 0, UnknownCommittee(committee));
        require(msg.value > 0, NoBond(committee, msg.sender));
        Bond storage b = _bonds[committee][msg.sender];

        // Effect
        b.amount = (b.amount + msg.value).toUint96();
        b.freeFrom = 0;
        emit Bonded(committee, msg.sender, b.amount);

        // Interaction
        WRAPPED_NATIVE.deposit{value: msg.value}();
    }

    /// @inheritdoc IOracleCommittee
    function giveBondNotice(uint256 committee) external {
        Bond storage b = _bonds[committee][msg.sender];
        require(b.amount > 0, NoBond(committee, msg.sender));
        b.freeFrom = (block.timestamp + _bondNotice()).toUint64();
        emit BondNoticeGiven(committee, msg.sender, b.freeFrom);
    }

    /// @inheritdoc IOracleCommittee
    function takeBond(uint256 committee) external {
        // Check
        Bond storage b = _bonds[committee][msg.sender];
        (uint256 amount, uint256 freeFrom) = (b.amount, b.freeFrom);
        require(amount > 0, NoBond(committee, msg.sender));
        require(freeFrom > 0 && block.timestamp >= freeFrom, BondNotFree(freeFrom));
        // else a bond could be free for ever, and be taken the moment that two bundles are proved
        uint256 until = freeFrom + _bondNotice();
        require(block.timestamp < until, BondNoticeLapsed(until));

        // Effect
        delete _bonds[committee][msg.sender];
        emit BondReturned(committee, msg.sender, amount);

        // Interaction
        WRAPPED_NATIVE.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IOracleCommittee
    function burnBond(
        uint256 committee,
        uint256 epoch,
        address member,
        bytes32[2] calldata digests,
        bytes[2] calldata signatures
    ) external {
        // Check
        uint256 amount = _bonds[committee][member].amount;
        require(amount > 0, NoBond(committee, member));
        require(digests[0] != digests[1], SameDigest(digests[0]));
        for (uint256 i; i < 2; ++i) {
            bytes32 signed = bundleDigest(committee, epoch, digests[i]);
            require(_hasSigned(member, signed, signatures[i]), NotSigned(member, digests[i]));
        }

        // Effect
        delete _bonds[committee][member];
        emit BondBurned(committee, member, epoch, digests[0], digests[1], amount);

        // Interaction
        WRAPPED_NATIVE.safeTransfer(BURNED, amount);
    }

    // ---------------------------------------------------------------------------------------------- views

    /// @inheritdoc IOracleCommittee
    function outcome(uint256 committee, uint256 epoch) public view returns (Outcome, bytes32 root) {
        Report storage stored = _reports[committee][epoch];
        uint256 acceptedAt = stored.acceptedAt;
        if (acceptedAt == 0) {
            return (block.timestamp < _endOf(epoch) + GRACE ? Outcome.Open : Outcome.Missed, 0);
        }
        return (block.timestamp < acceptedAt + WINDOW ? Outcome.Pending : Outcome.Final, stored.root);
    }

    /// @inheritdoc IOracleCommittee
    function outcomeFor(uint256 committee, uint256 epoch, address fundContract, uint256 fund)
        external
        view
        returns (Outcome result, bytes32 root)
    {
        (result, root) = outcome(committee, epoch);
        if (_reports[committee][epoch].challenges == 0) return (result, root);
        Challenge storage c = _challenges[_key(committee, epoch, fundContract, fund)];
        if (c.challenger == address(0)) return (result, root);
        if (c.ruling == Ruling.Voided) return (Outcome.Voided, root);
        bool undecided = c.ruling == Ruling.None && block.timestamp < _decidedBy(committee, epoch);
        return (undecided ? Outcome.Pending : result, root);
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
    function membersDigest(
        uint256 committee,
        address[] calldata members,
        uint256 quorum,
        address feeRecipient_,
        uint256 until
    ) public view returns (bytes32) {
        bytes32 membersHash = keccak256(abi.encodePacked(members));
        uint256 version = versions[committee] + 1;
        return _hashTypedDataV4(
            keccak256(abi.encode(MEMBERS, committee, version, membersHash, quorum, feeRecipient_, until))
        );
    }

    /// @inheritdoc IOracleCommittee
    function acceptanceDigest(uint256 committee, address fundContract, bytes32 terms, uint256 until)
        public
        view
        returns (bytes32)
    {
        bytes32 config = _configs[committee][_versionAt(committee, currentEpoch())].digest;
        return _hashTypedDataV4(keccak256(abi.encode(ACCEPTANCE, committee, config, fundContract, terms, until)));
    }

    /// @inheritdoc IOracleCommittee
    function bundleDigest(uint256 committee, uint256 epoch, bytes32 digest) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(BUNDLE, committee, epoch, digest)));
    }

    /// @inheritdoc IOracleCommittee
    function challengeOf(uint256 committee, uint256 epoch, address fundContract, uint256 fund)
        external
        view
        returns (Challenge memory)
    {
        return _challenges[_key(committee, epoch, fundContract, fund)];
    }

    /// @inheritdoc IOracleCommittee
    function bondOf(uint256 committee, address member) external view returns (Bond memory) {
        return _bonds[committee][member];
    }

    /// @inheritdoc IOracleCommittee
    function clock() external view returns (Clock memory) {
        return Clock(uint64(GENESIS), uint64(LENGTH), uint64(GRACE), uint64(WINDOW), uint64(ARBITRATION));
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
        return _endOf(epoch) + GRACE + WINDOW + ARBITRATION;
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
            require(_hasSigned(expected, digest, signatures[i].signature), WrongSignature(member, expected));
            signers |= 1 << member;
        }
    }

    /// @dev By its key first, whatever code its account has been given since (EIP-7702): what others checked then counts.
    function _hasSigned(address member, bytes32 digest, bytes calldata signature) private view returns (bool) {
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        return signer == member || SignatureChecker.isValidSignatureNowCalldata(member, digest, signature);
    }

    function _key(uint256 committee, uint256 epoch, address fundContract, uint256 fund) private pure returns (bytes32) {
        return keccak256(abi.encode(committee, epoch, fundContract, fund));
    }

    function _undecided(uint256 committee, uint256 epoch, address fundContract, uint256 fund)
        private
        view
        returns (Challenge storage c)
    {
        c = _challenges[_key(committee, epoch, fundContract, fund)];
        require(c.challenger != address(0), NotChallenged(epoch));
        require(c.ruling == Ruling.None, AlreadyRuled(epoch));
    }

    /// @dev Only for an epoch that has a report.
    function _decidedBy(uint256 committee, uint256 epoch) private view returns (uint256) {
        return _reports[committee][epoch].acceptedAt + WINDOW + ARBITRATION;
    }

    function _reportDigest(uint256 committee, uint256 epoch, bytes32 config, bytes32 root, bytes32 evidence)
        private
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(REPORT, committee, epoch, config, root, evidence)));
    }

    /// @dev As long as an epoch that starts now takes to be final.
    function _bondNotice() private view returns (uint256) {
        return LENGTH + GRACE + WINDOW + ARBITRATION;
    }

    function _endOf(uint256 epoch) private view returns (uint256) {
        return GENESIS + (epoch + 1) * LENGTH;
    }
}
