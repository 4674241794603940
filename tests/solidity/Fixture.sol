// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DemoToken} from "../../contracts/dev/DemoToken.sol";
import {WrappedNative} from "../../contracts/dev/WrappedNative.sol";
import {IOracleCommittee} from "../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Leaf} from "../../contracts/Leaf.sol";
import {TestBase} from "./TestBase.sol";

/// @title All contracts, deployed; the roles; and an epoch's life in one call each.
abstract contract Fixture is TestBase {
    uint256 internal constant GENESIS = 1_800_000_000;
    uint256 internal constant LENGTH = 1 days;
    uint256 internal constant GRACE = 1 days;
    uint256 internal constant WINDOW = 6 hours;
    uint256 internal constant ARBITRATION = 12 hours;
    uint256 internal constant CHALLENGE_BOND = 1 ether / 2;
    uint256 internal constant ONE = 1e9;
    uint256 internal constant ALIVE = 1 << 31;
    uint96 internal constant STAKE = 1 ether;
    IOracleCommittee.Clock internal CLOCK =
        IOracleCommittee.Clock(uint64(GENESIS), uint64(LENGTH), uint64(GRACE), uint64(WINDOW), uint64(ARBITRATION));
    IRedundancyFund.Terms internal TERMS =
        IRedundancyFund.Terms({
            depositNotice: 3,
            changeNotice: 5,
            unbonding: 3,
            settleTime: 3,
            minCover: 2,
            lockTime: 4
        });

    address internal owner = _role("owner");
    address internal funder = _role("funder");
    address internal otherFunder = _role("other funder");
    address internal operator = _role("operator");
    address internal otherOperator = _role("other operator");
    address internal payout = _role("payout");
    address internal poster = _role("poster");
    address internal rogue = _role("rogue");
    address internal feeRecipient = _role("fee recipient");
    address internal arbiter = _role("arbiter");

    IOracleCommittee internal committee;
    IRedundancyFund internal book;
    DemoToken internal token;
    WrappedNative internal wrapped;
    uint256 internal oracle;

    mapping(uint256 committeeId => uint256[]) private _keys;
    /// @dev Our own fold of the mirror set, to compare the contract's with.
    mapping(uint256 fund => mapping(uint256 epoch => bytes32)) private _digests;
    mapping(uint256 fund => uint256[]) private _digestEpochs;
    uint256 private _urls;
    uint256 private _acceptances;

    function setUp() public virtual {
        vm.warp(GENESIS);
        wrapped = new WrappedNative();
        committee = _newCommitteeContract(CLOCK);
        token = new DemoToken("Demo Dollar", "DEMO");
        book = _newBook(TERMS);
        oracle = _newCommittee("member", 4, 3);
    }

    function _newCommitteeContract(IOracleCommittee.Clock memory clock) internal returns (IOracleCommittee) {
        return IOracleCommittee(_create("contracts/OracleCommittee.sol:OracleCommittee", abi.encode(clock, wrapped, CHALLENGE_BOND)));
    }

    function _newBook(IRedundancyFund.Terms memory terms) internal returns (IRedundancyFund) {
        bytes memory arguments = abi.encode(committee, wrapped, terms);
        return IRedundancyFund(_create("contracts/RedundancyFund.sol:RedundancyFund", arguments));
    }

    // ------------------------------------------------------------------------------------------- people

    function _role(string memory name) internal pure returns (address) {
        return vm.addr(uint256(keccak256(bytes(name))));
    }

    /// @dev Keys in the order of their addresses, as a committee lists its members.
    function _newKeys(string memory name, uint256 count) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            uint256 key = uint256(keccak256(abi.encode(name, i)));
            uint256 place = i;
            for (; place > 0 && vm.addr(keys[place - 1]) > vm.addr(key); --place) {
                keys[place] = keys[place - 1];
            }
            keys[place] = key;
        }
    }

    function _addresses(uint256[] memory keys) internal pure returns (address[] memory addresses) {
        addresses = new address[](keys.length);
        for (uint256 i; i < keys.length; ++i) addresses[i] = vm.addr(keys[i]);
    }

    function _newCommittee(string memory name, uint256 members, uint256 quorum) internal returns (uint256 id) {
        uint256[] memory keys = _newKeys(name, members);
        id = committee.createCommittee(_addresses(keys), quorum, feeRecipient);
        _keys[id] = keys;
    }

    function _keysOf(uint256 id) internal view returns (uint256[] memory) {
        return _keys[id];
    }

    /// @dev Of its members in an epoch, where they change.
    function _keysAt(uint256 id, uint256) internal view virtual returns (uint256[] memory) {
        return _keys[id];
    }

    // --------------------------------------------------------------------------------------------- time

    function _start(uint256 epoch) internal pure returns (uint256) {
        return GENESIS + epoch * LENGTH;
    }

    function _today() internal view returns (uint256) {
        return committee.currentEpoch();
    }

    /// @dev Goes to the middle of an epoch, never back.
    function _goTo(uint256 epoch) internal {
        _goToTime(_start(epoch) + LENGTH / 2);
    }

    function _goToTime(uint256 time) internal {
        if (block.timestamp < time) vm.warp(time);
    }

    function _pass(uint256 epochs) internal {
        vm.warp(block.timestamp + epochs * LENGTH);
    }

    // -------------------------------------------------------------------------------------------- funds

    function _offer(uint256 reward, uint256 target, uint256 feeBps)
        internal
        view
        returns (IRedundancyFund.Offer memory)
    {
        return IRedundancyFund.Offer(uint96(reward), uint16(target), uint16(feeBps), uint32(oracle));
    }

    function _newFund(uint256 reward, uint256 target, uint256 feeBps) internal returns (uint256) {
        return _newFundIn(address(token), _offer(reward, target, feeBps));
    }

    function _newFundIn(address currency, IRedundancyFund.Offer memory offer) internal returns (uint256) {
        return _newFundWith(currency, offer, IRedundancyFund.Slashing(address(0), 0, 0));
    }

    /// @dev A fund whose arbiter is there: 20 % of a stake for one epoch, half of it for life.
    function _newArbitratedFund(uint256 reward, uint256 target) internal returns (uint256) {
        return _newFundWith(address(token), _offer(reward, target, 0), IRedundancyFund.Slashing(arbiter, 2_000, 5_000));
    }

    function _newFundWith(
        address currency,
        IRedundancyFund.Offer memory offer,
        IRedundancyFund.Slashing memory slashing
    ) internal returns (uint256) {
        _accept(0, owner, currency, offer, slashing);
        vm.prank(owner);
        return book.createFund(_newFundOf(currency, offer, slashing));
    }

    function _newFundOf(
        address currency,
        IRedundancyFund.Offer memory offer,
        IRedundancyFund.Slashing memory slashing
    ) internal pure returns (IRedundancyFund.NewFund memory) {
        return IRedundancyFund.NewFund(
            currency, offer, STAKE, slashing, "notes", "{}", bytes32("release"), "https://notes.example/r"
        );
    }

    /// @dev For a new fund without an arbiter.
    function _accept(address from, address currency, IRedundancyFund.Offer memory offer) internal {
        _accept(0, from, currency, offer, IRedundancyFund.Slashing(address(0), 0, 0));
    }

    /// @dev The offer's committee takes on a fund, 0 for a new one, with the policy `{}`.
    function _accept(
        uint256 fund,
        address from,
        address currency,
        IRedundancyFund.Offer memory offer,
        IRedundancyFund.Slashing memory slashing
    ) internal {
        bytes32 terms = keccak256(abi.encode(fund, from, currency, offer, slashing, keccak256("{}")));
        uint256 until = block.timestamp + ++_acceptances;
        bytes32 digest = committee.acceptanceDigest(offer.committee, address(book), terms, until);
        uint256 quorum = committee.configAt(offer.committee, _today()).quorum;
        IOracleCommittee.Signature[] memory signatures = _signed(_keysAt(offer.committee, _today()), digest, quorum);
        committee.accept(offer.committee, address(book), terms, until, signatures);
    }

    /// @dev The owner announces another offer, which its committee has accepted.
    function _announce(uint256 fund, IRedundancyFund.Offer memory offer) internal {
        address from = book.fundOf(fund).owner;
        _accept(fund, from, book.fundOf(fund).token, offer, _slashingOf(fund));
        vm.prank(from);
        book.announceChange(fund, offer, "{}");
    }

    function _slashingOf(uint256 fund) internal view returns (IRedundancyFund.Slashing memory s) {
        (s.arbiter, s.epochBps, s.lifeBps) = book.slashingOf(fund);
    }

    function _deposit(address from, uint256 fund, uint256 amount) internal returns (uint256 deposit) {
        DemoToken currency = DemoToken(book.fundOf(fund).token);
        currency.mint(from, amount);
        vm.startPrank(from);
        currency.approve(address(book), amount);
        deposit = book.topUp(fund, amount);
        vm.stopPrank();
    }

    /// @dev Gives notice, waits for it, departs.
    function _leave(address holder, uint256 deposit) internal {
        vm.prank(holder);
        book.giveNotice(deposit);
        _pass(TERMS.depositNotice);
        vm.prank(holder);
        book.depart(deposit);
    }

    // ------------------------------------------------------------------------------------------ mirrors

    function _join(address by, uint256 fund) internal returns (uint256) {
        return _joinAt(by, fund, 0);
    }

    function _joinAt(address by, uint256 fund, uint256 former) internal returns (uint256 mirror) {
        string memory url = string.concat("https://", vm.toString(++_urls), ".example");
        vm.deal(by, by.balance + STAKE);
        vm.prank(by);
        mirror = book.register{value: STAKE}(fund, url, by, STAKE, former);
        uint256 position = book.mirrorOf(mirror).position;
        uint256 start = _today() + 1;
        _fold(fund, keccak256(abi.encode(_lastDigest(fund), mirror, position, by, keccak256(bytes(url)), start)));
    }

    function _exit(uint256 mirror) internal {
        IRedundancyFund.Mirror memory m = book.mirrorOf(mirror);
        vm.prank(m.operator);
        book.exit(mirror);
        _foldEnd(m.fund, mirror);
    }

    function _removeDead(uint256 mirror) internal {
        vm.prank(rogue);
        book.removeDead(mirror);
        _foldEnd(book.mirrorOf(mirror).fund, mirror);
    }

    function _foldEnd(uint256 fund, uint256 mirror) internal {
        _fold(fund, keccak256(abi.encode(_lastDigest(fund), mirror, _today() + 1)));
    }

    function _fold(uint256 fund, bytes32 digest) private {
        uint256 epoch = _today() + 1;
        uint256[] storage epochs = _digestEpochs[fund];
        if (epochs.length == 0 || epochs[epochs.length - 1] != epoch) epochs.push(epoch);
        _digests[fund][epoch] = bytes32(uint256(uint224(uint256(digest))));
    }

    function _lastDigest(uint256 fund) private view returns (bytes32) {
        return _digestAt(fund, type(uint256).max);
    }

    /// @dev The digest of the mirror set in force in an epoch, as an honest committee folds it from the events.
    function _digestAt(uint256 fund, uint256 epoch) internal view returns (bytes32) {
        uint256[] storage epochs = _digestEpochs[fund];
        for (uint256 i = epochs.length; i > 0; --i) {
            if (epochs[i - 1] <= epoch) return _digests[fund][epochs[i - 1]];
        }
        return 0;
    }

    /// @dev The number of the mirror set in force in an epoch, as the contract counts them.
    function _setAt(uint256 fund, uint256 epoch) internal view returns (uint256 set) {
        set = _digestEpochs[fund].length;
        while (set > 0 && _digestEpochs[fund][set - 1] > epoch) --set;
    }

    // ---------------------------------------------------------------------------------------- committee

    function _signed(uint256[] memory keys, bytes32 digest, uint256 count)
        internal
        pure
        returns (IOracleCommittee.Signature[] memory signatures)
    {
        signatures = new IOracleCommittee.Signature[](count);
        for (uint256 i; i < count; ++i) {
            signatures[i] = IOracleCommittee.Signature(i, _signature(keys[i], digest));
        }
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev The epoch's end comes, a quorum signs, anyone posts.
    function _report(uint256 id, uint256 epoch, bytes32 root) internal {
        _goToTime(_start(epoch + 1));
        bytes32 digest = committee.reportDigest(id, epoch, root, "evidence");
        uint256 quorum = committee.configAt(id, epoch).quorum;
        IOracleCommittee.Signature[] memory signatures = _signed(_keysAt(id, epoch), digest, quorum);
        vm.prank(poster);
        committee.report(id, epoch, root, "evidence", signatures);
    }

    function _leaf(uint256 fund, uint256 epoch, bytes memory vector) internal view returns (bytes32) {
        bytes32 digest = _digestAt(fund, epoch);
        return Leaf.hash(Leaf.WEIGHTS, address(book), fund, epoch, digest, keccak256(vector));
    }

    /// @dev Reports an epoch in which this fund is the committee's only one, and waits until it is final.
    function _reportVector(uint256 fund, uint256 epoch, bytes memory vector) internal {
        _report(book.fundOf(fund).offer.committee, epoch, _leaf(fund, epoch, vector));
        _goToTime(block.timestamp + WINDOW);
    }

    // --------------------------------------------------------------------------------------- settlement

    function _weights(uint256 a) internal pure returns (uint256[] memory w) {
        w = new uint256[](1);
        w[0] = a;
    }

    function _weights(uint256 a, uint256 b) internal pure returns (uint256[] memory w) {
        w = new uint256[](2);
        (w[0], w[1]) = (a, b);
    }

    function _weights(uint256 a, uint256 b, uint256 c) internal pure returns (uint256[] memory w) {
        w = new uint256[](3);
        (w[0], w[1], w[2]) = (a, b, c);
    }

    /// @dev Every mirror with a weight has shown a sign of life; a weight above 31 bits sets its own sign.
    function _vector(uint256[] memory weights) internal pure returns (bytes memory vector) {
        for (uint256 i; i < weights.length; ++i) {
            vector = bytes.concat(vector, bytes4(uint32(weights[i] > 0 ? weights[i] | ALIVE : 0)));
        }
    }

    function _vector(uint256 weight) internal pure returns (bytes memory) {
        return _vector(_weights(weight));
    }

    function _reveal(bytes memory vector) internal pure returns (IRedundancyFund.Reveal memory) {
        return IRedundancyFund.Reveal(vector, new bytes32[](0));
    }

    function _reveals(uint256 count) internal pure returns (IRedundancyFund.Reveal[] memory reveals) {
        reveals = new IRedundancyFund.Reveal[](count);
    }

    function _reveals(bytes memory vector) internal pure returns (IRedundancyFund.Reveal[] memory reveals) {
        reveals = new IRedundancyFund.Reveal[](1);
        reveals[0] = _reveal(vector);
    }

    /// @dev Prices what can be priced without settling an epoch.
    function _catchUp(uint256 fund) internal {
        book.settle(fund, _reveals(0));
    }

    function _settle(uint256 fund, bytes memory vector) internal {
        vm.prank(poster);
        book.settle(fund, _reveals(vector));
    }

    /// @dev Report, window and settlement of one epoch.
    function _pay(uint256 fund, uint256 epoch, bytes memory vector) internal {
        _reportVector(fund, epoch, vector);
        _settle(fund, vector);
    }

    function _pay(uint256 fund, uint256 epoch, uint256 weight) internal {
        _pay(fund, epoch, _vector(weight));
    }

    /// @dev Settles epochs that nobody reported, until `epoch` is the next one.
    function _miss(uint256 fund, uint256 epoch) internal {
        _goToTime(_start(epoch) + GRACE);
        _catchUp(fund);
        while (book.fundOf(fund).cursor.epoch < epoch) {
            book.settle(fund, _reveals(1));
        }
    }
}
