// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IArbitrated} from "./interfaces/IArbitrated.sol";
import {IOracleCommittee} from "./interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "./interfaces/IRedundancyFund.sol";
import {IWrappedNative} from "./interfaces/IWrappedNative.sol";
import {Leaf} from "./Leaf.sol";

/// @title Holds money, stakes, mirrors and credits. No owner of the whole, no upgrade, no pause.
contract RedundancyFund is IRedundancyFund, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;
    using SafeCast for int256;

    // ------------------------------------------------------------------------------------------ constants

    uint256 public constant ONE = 1e9;
    uint256 public constant MOST_MIRRORS = 256;
    uint256 public constant MOST_FEE_BPS = 2_000;
    uint256 private constant MOST_URL_BYTES = 512;
    uint256 private constant MISSED_SIGNS_OF_LIFE = 4;
    uint256 public constant MOST_SLASH_BPS = 5_000;

    uint256 private constant BPS = 10_000;
    /// @dev No notice or time of the terms is longer.
    uint256 private constant MOST_EPOCHS = 10_000;
    uint256 private constant WEIGHT = 0x7fffffff;
    /// @dev Half a slot of credit: 96 bits of amount above 32 bits of `Cursor.reported` at the last sign of life.
    uint256 private constant ALIVE = 0xffffffff;
    uint256 private constant HALF = type(uint128).max;
    /// @dev When a share is worth less than 2^-60 of the smallest unit, shares are counted in units 2^32 as large.
    uint256 private constant LEAST_PRICE_BITS = 60;
    uint256 private constant REBASE_BITS = 32;
    uint256 private constant REBASES_TO_NOTHING = 5;
    /// @dev One call prices no more turns than a transaction has gas for.
    uint256 private constant MOST_TURNS = 256;
    /// @dev Has no key; the wrapper refuses address zero on some chains.
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;

    IOracleCommittee public immutable COMMITTEE;
    IWrappedNative public immutable WRAPPED_NATIVE;
    uint256 private immutable GENESIS;
    uint256 private immutable EPOCH_LENGTH;
    uint32 private immutable DEPOSIT_NOTICE;
    uint32 private immutable CHANGE_NOTICE;
    uint32 private immutable UNBONDING;
    uint32 private immutable SETTLE_TIME;
    uint32 private immutable MIN_COVER;
    uint32 private immutable LOCK_TIME;

    // -------------------------------------------------------------------------------------------- storage

    /// @dev In force from epoch `since` until the next one.
    struct MirrorSet {
        uint32 since;
        uint224 digest;
    }

    /// @dev A payout address that is being replaced: `next` counts from epoch `since`.
    struct Payouts {
        address former;
        address next;
        uint32 since;
    }

    /// @dev The halves of two positions. A struct, as a word in a plain array is read once more before it is written.
    struct Pair {
        uint256 halves;
    }

    uint256 public funds;
    uint256 public deposits;
    uint256 public mirrors;
    mapping(uint256 fund => Fund) private _funds;
    mapping(uint256 fund => bytes32) public releaseOf;
    mapping(uint256 fund => Slashing) public slashingOf;
    mapping(uint256 fund => mapping(uint256 segment => Segment)) private _segments;
    mapping(uint256 fund => mapping(uint256 turn => Turn)) private _turns;
    mapping(uint256 fund => mapping(uint256 set => MirrorSet)) private _sets;
    mapping(uint256 deposit => Deposit) private _deposits;
    mapping(uint256 mirror => Mirror) private _mirrors;
    /// @dev Of mirrors whose `payout` is zero: those that have changed it.
    mapping(uint256 mirror => Payouts) private _payouts;
    mapping(uint256 mirror => mapping(uint256 epoch => Lock)) private _locks;
    mapping(bytes32 fundOperatorUrl => uint256 mirror) private _registered;
    /// @dev Two positions a slot; what a former holder of a position has left is moved to `_parked`.
    mapping(uint256 fund => Pair[MOST_MIRRORS / 2]) private _credits;
    mapping(uint256 mirror => uint256) private _parked;
    mapping(uint256 committee => mapping(address token => uint256)) public fees;

    constructor(IOracleCommittee committee, IWrappedNative wrappedNative, Terms memory terms_) {
        IOracleCommittee.Clock memory clock = committee.clock();
        uint256 finality = clock.epochLength + clock.grace + clock.window + clock.arbitration;
        require(
            Math.max(terms_.depositNotice, terms_.settleTime) + 1 < terms_.changeNotice
                && uint256(terms_.settleTime) + 1 < 2 * uint256(terms_.depositNotice) && terms_.minCover > 0
                && terms_.lockTime > 3 && terms_.changeNotice <= MOST_EPOCHS && terms_.unbonding <= MOST_EPOCHS
                && terms_.minCover <= MOST_EPOCHS && terms_.lockTime <= MOST_EPOCHS
                && terms_.depositNotice * uint256(clock.epochLength) >= finality
                && terms_.unbonding * uint256(clock.epochLength) > finality
                && terms_.settleTime * uint256(clock.epochLength) > finality,
            InvalidTerms()
        );
        COMMITTEE = committee;
        WRAPPED_NATIVE = wrappedNative;
        GENESIS = clock.genesis;
        EPOCH_LENGTH = clock.epochLength;
        DEPOSIT_NOTICE = terms_.depositNotice;
        CHANGE_NOTICE = terms_.changeNotice;
        UNBONDING = terms_.unbonding;
        SETTLE_TIME = terms_.settleTime;
        MIN_COVER = terms_.minCover;
        LOCK_TIME = terms_.lockTime;
    }

    // -------------------------------------------------------------------------------------------- funders

    /// @inheritdoc IRedundancyFund
    function createFund(NewFund calldata made) external returns (uint256 fund) {
        // Check
        require(made.token.code.length > 0, NotAContract(made.token));
        _checkSlashing(made.slashing);
        fund = ++funds;
        slashingOf[fund] = made.slashing; // written before the last check, which reads it
        _agree(fund, 0, made.token, made.offer, made.policy);

        // Effect
        uint256 bindsFrom = _today() + 1;
        Fund storage f = _funds[fund];
        f.token = made.token;
        f.minStake = made.minStake;
        f.offer = made.offer;
        f.owner = msg.sender;
        f.accrued = bindsFrom.toUint32();
        f.cursor.epoch = bindsFrom.toUint32();
        releaseOf[fund] = made.release;
        emit FundCreated(
            fund, msg.sender, made.token, made.app, made.offer, made.minStake, made.slashing, made.policy, bindsFrom
        );
        emit ReleasePublished(fund, made.release, made.releaseUrl, bindsFrom);
    }

    /// @inheritdoc IRedundancyFund
    function publishRelease(uint256 fund, bytes32 digest, string calldata url) external {
        _ownFund(fund);
        releaseOf[fund] = digest;
        emit ReleasePublished(fund, digest, url, _today() + 1);
    }

    /// @inheritdoc IRedundancyFund
    function announceChange(uint256 fund, Offer calldata offer, bytes calldata policy) external {
        // Check
        Fund storage f = _ownFund(fund);
        _agree(fund, fund, f.token, offer, policy);

        // Effect: what fell due before now binds before it can be replaced
        _accrue(fund, f);
        uint256 bindsFrom = _today() + CHANGE_NOTICE;
        f.nextOffer = offer;
        f.changesAt = bindsFrom.toUint32();
        emit ChangeAnnounced(fund, offer, policy, bindsFrom);
    }

    /// @inheritdoc IRedundancyFund
    function topUp(uint256 fund, uint256 amount) external payable nonReentrant returns (uint256) {
        return _topUp(fund, amount);
    }

    /// @inheritdoc IRedundancyFund
    function topUpWithPermit(uint256 fund, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
        returns (uint256)
    {
        try IERC20Permit(_fund(fund).token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        return _topUp(fund, amount);
    }

    /// @inheritdoc IRedundancyFund
    function giveNotice(uint256 deposit) external {
        Deposit storage d = _ownDeposit(deposit);
        d.ready = (_today() + DEPOSIT_NOTICE).toUint32();
        emit NoticeGiven(deposit, d.ready);
    }

    /// @inheritdoc IRedundancyFund
    function depart(uint256 deposit) external {
        // Check
        Deposit storage d = _ownDeposit(deposit);
        (uint256 today, uint256 ready) = (_today(), d.ready);
        require(ready > 0, NoNotice(deposit));
        require(today >= ready, NoticeNotOver(deposit, ready));
        require(today < ready + DEPOSIT_NOTICE, NoticeLapsed(deposit, ready));
        Fund storage f = _funds[d.fund];
        require(d.turn <= f.cursor.turn, NotSettledYet(d.turn));

        // Effect
        _accrue(d.fund, f);
        uint256 shares = _sharesOf(d, f.rebases);
        uint256 aside = _worth(shares, f.value, f.shares);
        (uint256 turn, Turn storage t) = _nextTurn(d.fund, f);
        t.leaving = uint160(_rebased(t.leaving, f.rebases - t.rebases) + shares);
        t.rebases = f.rebases;
        t.aside += uint96(aside);
        f.free -= int104(uint104(aside));
        d.left = turn.toUint32();
        emit Departed(d.fund, deposit, shares, t.epoch);
    }

    /// @inheritdoc IRedundancyFund
    function collect(uint256 deposit) external nonReentrant {
        // Check
        Deposit storage d = _depositAt(deposit);
        Fund storage f = _funds[d.fund];
        require(d.left > 0, NotDeparted(deposit));
        require(d.left <= f.cursor.turn, NotSettledYet(d.left));
        require(!d.collected, AlreadyCollected(deposit));

        // Effect
        d.collected = true;
        Turn storage t = _turns[d.fund][d.left];
        uint256 amount = _worth(_sharesOf(d, t.rebases), t.aside, t.leaving);
        f.deposited -= uint96(amount);
        emit Collected(d.fund, deposit, d.holder, amount);

        // Interaction
        if (amount > 0) IERC20(f.token).safeTransfer(d.holder, amount);
    }

    // ------------------------------------------------------------------------------------------ operators

    /// @inheritdoc IRedundancyFund
    function register(uint256 fund, string calldata url, address payout, uint96 stake, uint256 former)
        external
        payable
        nonReentrant
        returns (uint256 mirror)
    {
        // Check
        Fund storage f = _fund(fund);
        require(stake >= f.minStake, StakeTooLow(stake, f.minStake));
        require(payout != address(0), ZeroPayout());
        require(bytes(url).length > 0 && bytes(url).length <= MOST_URL_BYTES, InvalidUrl(bytes(url).length, MOST_URL_BYTES));
        mirror = ++mirrors;
        _claim(keccak256(abi.encode(fund, msg.sender, keccak256(bytes(url)))), mirror);
        _accrue(fund, f);
        _checkCover(f);

        // Effect
        Mirror storage m = _mirrors[mirror];
        (m.operator, m.stake) = (msg.sender, stake);
        (m.payout, m.fund) = (payout, fund.toUint32());
        m.position = uint8(former == 0 ? _newPosition(f) : _takeOver(fund, f, former));
        _startMirror(f, m, mirror, keccak256(bytes(url)));
        emit MirrorRegistered(fund, mirror, msg.sender, payout, m.position, stake, url, m.start);

        // Interaction
        if (stake > 0 || msg.value > 0) _pull(address(WRAPPED_NATIVE), stake);
    }

    /// @inheritdoc IRedundancyFund
    function exit(uint256 mirror) external {
        _end(mirror, _ownMirror(mirror), false);
    }

    /// @inheritdoc IRedundancyFund
    function removeDead(uint256 mirror) external {
        Mirror storage m = _mirrorAt(mirror);
        uint256 alive = Math.max(_half(m.fund, m.position) & ALIVE, m.reportedAtStart);
        uint256 reported = _funds[m.fund].cursor.reported;
        uint256 missed = reported > alive ? reported - alive : 0;
        require(missed >= MISSED_SIGNS_OF_LIFE, StillAlive(mirror, missed, MISSED_SIGNS_OF_LIFE));
        _end(mirror, m, true);
    }

    /// @inheritdoc IRedundancyFund
    function changePayout(uint256 mirror, address payout) external {
        require(payout != address(0), ZeroPayout());
        Mirror storage m = _ownMirror(mirror);
        uint256 since = _today() + 1;
        _payouts[mirror] = Payouts(_payoutOf(mirror, m), payout, since.toUint32());
        m.payout = address(0);
        emit PayoutChanged(mirror, payout, since);
    }

    /// @inheritdoc IRedundancyFund
    function releaseStake(uint256 mirror) external nonReentrant {
        // Check
        Mirror storage m = _mirrorAt(mirror);
        uint256 until = m.end == 0 ? type(uint256).max : uint256(m.end) + UNBONDING;
        require(_today() >= until, StillBonded(mirror, until));
        (address operator, uint256 amount) = (m.operator, m.stake - m.locked);
        require(amount > 0, NoStake(mirror));

        // Effect
        m.stake = m.locked;
        emit StakeReleased(mirror, operator, amount);

        // Interaction
        IERC20(WRAPPED_NATIVE).safeTransfer(operator, amount);
    }

    /// @inheritdoc IRedundancyFund
    function withdraw(uint256 mirror) external nonReentrant returns (uint256 amount) {
        // Check
        Mirror storage m = _mirrors[mirror];
        (address payout, uint256 fund, uint256 position) = (_payoutOf(mirror, m), m.fund, m.position);
        bool displaced = m.displaced;
        uint256 half = displaced ? 0 : _half(fund, position);
        amount = displaced ? _parked[mirror] : half >> 32;
        require(amount > 0, NothingToWithdraw());

        // Effect
        if (displaced) _parked[mirror] = 0;
        else _setHalf(fund, position, half & ALIVE);
        emit Withdrawn(mirror, payout, amount);

        // Interaction
        IERC20(_funds[fund].token).safeTransfer(payout, amount);
    }

    // ------------------------------------------------------------------------------------------- slashing

    /// @inheritdoc IRedundancyFund
    function lockStake(uint256 mirror, uint256 epoch, uint256 segment, uint256 set, bytes32[] calldata proof) external {
        // Check
        Mirror storage m = _mirrorAt(mirror);
        (uint256 fund, uint256 today) = (m.fund, _today());
        Slashing storage slashing = slashingOf[fund];
        require(slashing.arbiter != address(0), NoArbiter(fund));
        require(m.start <= epoch && (m.end == 0 || epoch < m.end), NotCounting(mirror, epoch));
        // an ended mirror is still bonded by then
        require(today <= epoch + UNBONDING, TooLateToLock(epoch, epoch + UNBONDING));
        Lock storage l = _locks[mirror][epoch];
        require(l.state == LockState.None, AlreadyLocked(mirror, epoch));
        _checkSlash(fund, mirror, epoch, segment, set, proof);
        uint256 registered = uint256(m.stake) + m.slashed;
        uint256 inAll = registered * slashing.lifeBps / BPS;
        uint256 amount = Math.min(registered * slashing.epochBps / BPS, inAll - m.slashed - m.locked);
        require(amount > 0, NothingToLock(mirror));

        // Effect
        m.locked += uint96(amount);
        (l.amount, l.placed, l.state) = (uint96(amount), uint32(today), LockState.Locked);
        emit StakeLocked(mirror, epoch, amount, today + LOCK_TIME / 2, today + LOCK_TIME);
    }

    /// @inheritdoc IRedundancyFund
    function answerLock(uint256 mirror, uint256 epoch, string calldata answer) external {
        _ownMirror(mirror);
        Lock storage l = _lockAt(mirror, epoch);
        l.answered = true;
        emit LockAnswered(mirror, epoch, answer);
    }

    /// @inheritdoc IRedundancyFund
    function resolveLock(uint256 mirror, uint256 epoch, bool burned) external nonReentrant {
        // Check
        Mirror storage m = _mirrorAt(mirror);
        Lock storage l = _lockAt(mirror, epoch);
        (uint256 today, uint256 until) = (_today(), uint256(l.placed) + LOCK_TIME);
        if (today < until) {
            address arbiter = slashingOf[m.fund].arbiter;
            require(msg.sender == arbiter, NotArbiter(msg.sender, arbiter));
            uint256 answerBy = l.placed + LOCK_TIME / 2;
            require(!burned || l.answered || today >= answerBy, AnswerFirst(answerBy));
        } else {
            require(!burned, LockExpired(until));
        }

        // Effect
        uint96 amount = l.amount;
        l.state = burned ? LockState.Burned : LockState.Released;
        m.locked -= amount;
        if (burned) {
            m.stake -= amount;
            m.slashed += amount;
        }
        emit LockResolved(mirror, epoch, burned, amount);

        // Interaction
        if (burned) IERC20(WRAPPED_NATIVE).safeTransfer(BURNED, amount);
    }

    // ----------------------------------------------------------------------------------------- settlement

    /// @dev What one call to settle works on, in memory: `earned` has half a slot of credit for each position, and one
    /// more where their number is odd.
    struct Books {
        uint256 fund;
        Cursor cursor;
        uint256 value;
        uint256 shares;
        int256 free;
        uint256 rebases;
        uint256 fee;
        uint256 committee;
        address token;
        uint256[] earned;
    }

    /// @inheritdoc IRedundancyFund
    function settle(uint256 fund, Reveal[] calldata reveals) external {
        Fund storage f = _fund(fund);
        _accrue(fund, f);
        Books memory b = _openBooks(fund, f);
        (uint256 used, uint256 segments, uint256 accrued) = (0, f.segments, f.accrued);
        while (true) {
            (bool funded, Segment memory s) = _segmentFrom(b, segments);
            if (!funded) b.cursor.epoch = uint32(accrued);
            else if (s.first > b.cursor.epoch) b.cursor.epoch = s.first;
            bool taken = _takeTurns(b);
            if (!taken || !funded || used == reveals.length) break;
            _settleEpoch(b, s, reveals[used]);
            ++used;
        }
        require(used == reveals.length, UnusedReveals(used, reveals.length));
        _closeBooks(f, b);
    }

    /// @inheritdoc IRedundancyFund
    function withdrawFee(uint256 committee, address token) external nonReentrant returns (uint256 amount) {
        // Check
        amount = fees[committee][token];
        require(amount > 0, NothingToWithdraw());
        address recipient = COMMITTEE.feeRecipient(committee);

        // Effect
        fees[committee][token] = 0;
        emit FeeWithdrawn(committee, token, recipient, amount);

        // Interaction
        IERC20(token).safeTransfer(recipient, amount);
    }

    // ---------------------------------------------------------------------------------------------- views

    /// @inheritdoc IRedundancyFund
    function terms() external view returns (Terms memory) {
        return Terms(DEPOSIT_NOTICE, CHANGE_NOTICE, UNBONDING, SETTLE_TIME, MIN_COVER, LOCK_TIME);
    }

    /// @inheritdoc IRedundancyFund
    function fundOf(uint256 fund) external view returns (Fund memory) {
        return _fund(fund);
    }

    /// @inheritdoc IRedundancyFund
    function mirrorOf(uint256 mirror) external view returns (Mirror memory m) {
        m = _mirrorAt(mirror);
        m.payout = _payoutOf(mirror, _mirrors[mirror]);
    }

    /// @inheritdoc IRedundancyFund
    function depositOf(uint256 deposit) external view returns (Deposit memory) {
        return _depositAt(deposit);
    }

    /// @inheritdoc IRedundancyFund
    function segmentOf(uint256 fund, uint256 segment) external view returns (Segment memory) {
        return _segments[fund][segment];
    }

    /// @inheritdoc IRedundancyFund
    function turnOf(uint256 fund, uint256 turn) external view returns (Turn memory) {
        return _turns[fund][turn];
    }

    /// @inheritdoc IRedundancyFund
    function lockOf(uint256 mirror, uint256 epoch) external view returns (Lock memory) {
        return _locks[mirror][epoch];
    }

    /// @inheritdoc IArbitrated
    function arbiterOf(uint256 fund) external view returns (address) {
        return slashingOf[fund].arbiter;
    }

    /// @inheritdoc IRedundancyFund
    function mirrorsDigest(uint256 fund) public view returns (bytes32) {
        return bytes32(uint256(_sets[fund][_fund(fund).cursor.sets].digest));
    }

    /// @inheritdoc IRedundancyFund
    function creditOf(uint256 mirror) external view returns (uint256) {
        Mirror storage m = _mirrorAt(mirror);
        return m.displaced ? _parked[mirror] : _half(m.fund, m.position) >> 32;
    }

    /// @inheritdoc IRedundancyFund
    function worthOf(uint256 deposit) external view returns (uint256) {
        Deposit storage d = _depositAt(deposit);
        Fund storage f = _funds[d.fund];
        if (d.collected) return 0;
        if (d.turn > f.cursor.turn) return d.amount;
        if (d.left == 0 || d.left > f.cursor.turn) return _worth(_sharesOf(d, f.rebases), f.value, f.shares);
        Turn storage t = _turns[d.fund][d.left];
        return _worth(_sharesOf(d, t.rebases), t.aside, t.leaving);
    }

    // ------------------------------------------------------------------------------- internals: settlement

    function _openBooks(uint256 fund, Fund storage f) private view returns (Books memory b) {
        b.fund = fund;
        b.token = f.token;
        b.cursor = f.cursor;
        b.value = f.value;
        b.shares = f.shares;
        (b.free, b.rebases) = (f.free, f.rebases);
        b.earned = new uint256[](b.cursor.positions + (b.cursor.positions & 1));
    }

    /// @dev The first segment that is not settled to its end.
    function _segmentFrom(Books memory b, uint256 segments) private view returns (bool funded, Segment memory s) {
        while (b.cursor.segment < segments) {
            s = _segments[b.fund][b.cursor.segment + 1];
            if (s.last >= b.cursor.epoch) return (true, s);
            ++b.cursor.segment;
        }
    }

    /// @dev Every epoch before `cursor.epoch` is settled or dry: whoever joins or leaves by then does so at this price.
    /// @return all False if there are more turns than one call takes.
    function _takeTurns(Books memory b) private returns (bool all) {
        for (uint256 taken; b.cursor.turn < b.cursor.turns; ++taken) {
            Turn storage t = _turns[b.fund][b.cursor.turn + 1];
            if (t.epoch > b.cursor.epoch) break;
            if (taken == MOST_TURNS) return false;
            ++b.cursor.turn;
            (uint256 joining, uint256 aside, uint256 unit) = (t.joining, t.aside, t.rebases);
            _rebase(b);
            (t.rebases, t.value, t.shares) = (uint32(b.rebases), uint96(b.value), uint160(b.shares));
            // rounded up, so that no share is ever worth more than before
            uint256 minted = b.shares == 0 ? joining : Math.mulDiv(joining, b.shares, b.value, Math.Rounding.Ceil);
            if (aside > 0) {
                uint256 leaving = _rebased(t.leaving, b.rebases - unit);
                uint256 worth = _worth(leaving, b.value, b.shares);
                // rounding can lift it above what was set aside; the rest may be owed to epochs
                uint256 out = Math.min(worth, aside);
                (t.aside, t.leaving) = (uint96(out), uint160(leaving));
                // what rounding leaves of a leaver stays with shares of nobody
                if (out > 0) b.shares -= Math.mulDiv(out, b.shares, b.value);
                b.value -= out;
                b.free += int256(aside - out);
            }
            b.value += joining;
            b.shares += minted;
        }
        return true;
    }

    /// @dev Keeps shares within 160 bits: a fund may be spent and filled again any number of times.
    function _rebase(Books memory b) private pure {
        if (b.shares == 0) return;
        if (b.value == 0) {
            b.shares = 0;
            b.rebases += REBASES_TO_NOTHING;
        }
        while (b.shares > b.value << LEAST_PRICE_BITS) {
            b.shares = Math.ceilDiv(b.shares, 1 << REBASE_BITS);
            ++b.rebases;
        }
    }

    function _settleEpoch(Books memory b, Segment memory s, Reveal calldata reveal) private {
        // Check
        uint256 epoch = b.cursor.epoch;
        _followSets(b, epoch);
        (IOracleCommittee.Outcome outcome, bytes32 root) = _outcome(s.committee, epoch, b.fund);
        Settlement settlement = Settlement.Missed;
        (uint256 paid, uint256 fee) = (0, 0);
        if (outcome == IOracleCommittee.Outcome.Final) {
            bytes32 leaf = _leaf(b, epoch, reveal.vector);
            if (_proves(reveal.proof, root, leaf)) {
                settlement = Settlement.Paid;
                (paid, fee) = _credit(b, s, epoch, reveal.vector);
            } else {
                require(reveal.vector.length == 0, WrongProof(epoch, leaf));
                uint256 givenUpFrom = epoch + 1 + SETTLE_TIME;
                require(_today() >= givenUpFrom, VectorNeeded(epoch, givenUpFrom));
                settlement = Settlement.GivenUp;
            }
        } else {
            if (outcome == IOracleCommittee.Outcome.Voided) settlement = Settlement.Voided;
            else require(outcome == IOracleCommittee.Outcome.Missed, NotFinal(epoch));
            require(reveal.vector.length == 0, WrongProof(epoch, 0));
        }

        // Effect
        if (fee > 0) _earnFee(b, s.committee, fee);
        uint256 returned = s.reward - paid;
        b.value -= paid;
        b.free += int256(returned);
        b.cursor.epoch = uint32(epoch + 1);
        emit EpochSettled(b.fund, epoch, settlement, paid, fee, returned, reveal.vector);
    }

    /// @dev In every epoch, paid or not: a report after years without any finds few sets to walk.
    function _followSets(Books memory b, uint256 epoch) private view {
        uint256 set = b.cursor.set;
        while (set < b.cursor.sets && _sets[b.fund][set + 1].since <= epoch) ++set;
        b.cursor.set = uint32(set);
    }

    function _leaf(Books memory b, uint256 epoch, bytes calldata vector) private view returns (bytes32) {
        bytes32 digest = bytes32(uint256(_sets[b.fund][b.cursor.set].digest));
        return _hash(Leaf.WEIGHTS, b.fund, epoch, digest, keccak256(vector));
    }

    /// @dev The fee is flat, so that no committee earns by overstating; a fund without mirrors owes none.
    function _credit(Books memory b, Segment memory s, uint256 epoch, bytes calldata vector)
        private
        pure
        returns (uint256 paid, uint256 fee)
    {
        uint256 length = vector.length;
        uint256 alive = ++b.cursor.reported;
        // unchecked: a reward has 96 bits; a fee is at most a fifth of it, and the shares are at most the rest
        unchecked {
            require(length & 3 == 0 && length <= 4 * b.cursor.positions, InvalidVector(epoch, length));
            if (length > 0) fee = s.reward * uint256(s.feeBps) / BPS;
            uint256 most = s.target * ONE;
            (uint256 sum, uint256 shares) = _addShares(b.earned, vector, s.reward - fee, most, alive);
            require(sum <= most, WeightsExceedTarget(epoch, sum, most));
            paid = fee + shares;
        }
    }

    /// @dev Assembly, as these lines are most of what settling costs. Nothing overflows if `sum` is at most `most`, which
    /// the caller checks: a share is then at most the reward of 96 bits, and a position earns at most what was ever
    /// deposited, 96 bits above the 32 of `alive`. The caller has checked that `earned` is as long as the vector.
    function _addShares(uint256[] memory earned, bytes calldata vector, uint256 net, uint256 most, uint256 alive)
        private
        pure
        returns (uint256 sum, uint256 shares)
    {
        assembly ("memory-safe") {
            let entry := vector.offset
            let half := add(earned, 32)
            for { let end := add(entry, vector.length) } lt(entry, end) {} {
                let word := shr(224, calldataload(entry))
                let weight := and(word, WEIGHT)
                let share := div(mul(net, weight), most)
                sum := add(sum, weight)
                shares := add(shares, share)
                // the top bit replaces the last sign of life, without a branch
                let sign := shr(31, word)
                let kept := and(mload(half), not(mul(sign, ALIVE)))
                mstore(half, add(add(kept, shl(32, share)), mul(sign, alive)))
                entry := add(entry, 4)
                half := add(half, 32)
            }
        }
    }

    /// @dev Fees of epochs in a row go to one committee: written when it changes and when the books close.
    function _earnFee(Books memory b, uint256 committee, uint256 fee) private {
        if (b.committee != committee) {
            _writeFee(b);
            b.committee = committee;
        }
        b.fee += fee;
    }

    function _writeFee(Books memory b) private {
        if (b.fee > 0) fees[b.committee][b.token] += b.fee;
        b.fee = 0;
    }

    function _closeBooks(Fund storage f, Books memory b) private {
        _writeFee(b);
        f.cursor = b.cursor;
        f.value = uint96(b.value);
        f.shares = uint160(b.shares);
        f.free = int104(b.free);
        if (b.rebases > f.rebases) f.rebases = uint32(b.rebases);
        uint256[] memory earned = b.earned;
        Pair[MOST_MIRRORS / 2] storage credits = _credits[b.fund];
        // unchecked: there are at most 256 positions; an amount is at most what was ever deposited, 96 bits
        unchecked {
            for (uint256 i; i < earned.length; i += 2) {
                (uint256 even, uint256 odd) = _pairFrom(earned, i);
                if (even | odd == 0) continue;
                Pair storage pair = credits[i >> 1];
                // a new sign of life replaces the former one
                uint256 replaced = (even & ALIVE == 0 ? 0 : ALIVE) | (odd & ALIVE == 0 ? 0 : ALIVE << 128);
                pair.halves = (pair.halves & ~replaced) + even + (odd << 128);
            }
        }
    }

    /// @dev Two neighbours without checks: `earned` has an even length.
    function _pairFrom(uint256[] memory earned, uint256 i) private pure returns (uint256 even, uint256 odd) {
        assembly ("memory-safe") {
            let start := add(add(earned, 32), shl(5, i))
            even := mload(start)
            odd := mload(add(start, 32))
        }
    }

    // ---------------------------------------------------------------------------------- internals: money

    function _topUp(uint256 fund, uint256 amount) private returns (uint256 deposit) {
        // Check
        Fund storage f = _fund(fund);
        require(amount > 0, ZeroAmount());
        uint256 most = type(uint96).max - f.deposited;
        require(amount <= most, DepositTooLarge(amount, most));

        // Effect
        _accrue(fund, f);
        deposit = ++deposits;
        (uint256 turn, Turn storage t) = _nextTurn(fund, f);
        // unchecked sums below: all are at most `deposited`, which fits 96 bits
        t.joining += uint96(amount);
        f.deposited += uint96(amount);
        f.free += int104(uint104(amount));
        _deposits[deposit] = Deposit(msg.sender, uint96(amount), fund.toUint32(), turn.toUint32(), 0, 0, false);
        emit Deposited(fund, deposit, msg.sender, amount, t.epoch);

        // Interaction
        _pull(f.token, amount);
    }

    /// @dev Decides, for every epoch that has started, whether it is funded: on the terms in force at its start, from
    /// the money that was free then.
    function _accrue(uint256 fund, Fund storage f) private {
        (uint256 next, uint256 end) = (f.accrued, _today() + 1);
        if (next >= end) return;
        (uint256 changesAt, int256 free) = (f.changesAt, f.free);
        Offer memory offer = f.offer;
        while (next < end) {
            if (changesAt > 0 && next >= changesAt) {
                offer = f.nextOffer;
                (f.offer, f.changesAt, changesAt) = (offer, 0, 0);
            }
            uint256 until = changesAt > 0 ? Math.min(changesAt, end) : end;
            uint256 count = free <= 0 ? 0 : Math.min(uint256(free) / offer.reward, until - next);
            if (count > 0) _appendSegment(fund, f, next, next + count - 1, offer);
            free -= int256(count * offer.reward);
            next = until;
        }
        f.free = int104(free);
        f.accrued = end.toUint32();
    }

    function _appendSegment(uint256 fund, Fund storage f, uint256 first, uint256 last, Offer memory offer) private {
        uint256 segments = f.segments;
        Segment storage s = _segments[fund][segments];
        bool same = s.reward == offer.reward && s.target == offer.target && s.feeBps == offer.feeBps
            && s.committee == offer.committee;
        if (same && s.last + 1 == first) {
            s.last = last.toUint32();
            return;
        }
        _segments[fund][segments + 1] = Segment(
            first.toUint32(), last.toUint32(), offer.reward, offer.target, offer.feeBps, offer.committee
        );
        f.segments = (segments + 1).toUint32();
    }

    /// @dev The turn at the start of the next epoch, opened if it is not yet there or has had its price.
    function _nextTurn(uint256 fund, Fund storage f) private returns (uint256 turn, Turn storage t) {
        uint256 epoch = _today() + 1;
        turn = f.cursor.turns;
        t = _turns[fund][turn];
        if (turn > f.cursor.turn && t.epoch == epoch) return (turn, t);
        ++turn;
        f.cursor.turns = turn.toUint32();
        t = _turns[fund][turn];
        t.epoch = epoch.toUint32();
        t.rebases = f.rebases;
    }

    /// @dev A deposit's shares in the unit of `rebases`; its turn has its price.
    function _sharesOf(Deposit storage d, uint256 rebases) private view returns (uint256) {
        Turn storage t = _turns[d.fund][d.turn];
        uint256 shares = t.shares == 0 ? d.amount : Math.mulDiv(d.amount, t.shares, t.value);
        return _rebased(shares, rebases - t.rebases);
    }

    function _rebased(uint256 shares, uint256 times) private pure returns (uint256) {
        return times >= REBASES_TO_NOTHING ? 0 : shares >> (times * REBASE_BITS);
    }

    function _worth(uint256 shares, uint256 value, uint256 allShares) private pure returns (uint256) {
        return allShares == 0 ? 0 : Math.mulDiv(shares, value, allShares);
    }

    /// @dev Takes exactly `amount` from the caller, native coin where it is sent along.
    function _pull(address token, uint256 amount) private {
        if (msg.value > 0) {
            require(token == address(WRAPPED_NATIVE), NotWrappedNative(token));
            require(msg.value == amount, ValueMismatch(msg.value, amount));
            WRAPPED_NATIVE.deposit{value: amount}();
            return;
        }
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        require(received == amount, TransferMismatch(token, amount, received));
    }

    // -------------------------------------------------------------------------------- internals: mirrors

    /// @dev An operator's URL counts once at a time in a fund; the ownership document off-chain decides whose it is.
    function _claim(bytes32 key, uint256 mirror) private {
        uint256 holder = _registered[key];
        require(holder == 0 || _mirrors[holder].end > 0, AlreadyRegistered(holder));
        _registered[key] = mirror;
    }

    /// @dev It counts from the next epoch's start; a sign of life can be missed from the first report of such an epoch,
    /// and so from no later than if all epochs owed till then are reported.
    function _startMirror(Fund storage f, Mirror storage m, uint256 mirror, bytes32 urlHash) private {
        uint256 start = _today() + 1;
        (uint256 fund, uint256 position) = (m.fund, m.position);
        m.start = start.toUint24();
        // the first epoch that is owed: dry ones before it nobody will report. Reported ones are before it, so this fits
        uint256 first = _segments[fund][f.cursor.segment + 1].first;
        uint256 owed = Math.max(f.cursor.epoch, first == 0 ? start : first);
        m.reportedAtStart = uint24(f.cursor.reported + start - owed);
        bytes32 digest = mirrorsDigest(fund);
        _bindSet(fund, f, start, keccak256(abi.encode(digest, mirror, position, msg.sender, urlHash, start)));
    }

    function _newPosition(Fund storage f) private returns (uint256 position) {
        position = f.cursor.positions;
        require(position < MOST_MIRRORS, NoPositionLeft());
        f.cursor.positions = uint32(position + 1);
    }

    /// @dev A position changes hands only when every epoch of its former holder is settled.
    function _takeOver(uint256 fund, Fund storage f, uint256 former) private returns (uint256 position) {
        Mirror storage m = _mirrorAt(former);
        bool settled = m.end > 0 && f.cursor.epoch >= m.end;
        require(m.fund == fund && settled && !m.displaced, PositionNotFree(former));
        position = m.position;
        m.displaced = true;
        _parked[former] = _half(fund, position) >> 32;
        _setHalf(fund, position, 0);
    }

    function _end(uint256 mirror, Mirror storage m, bool removed) private {
        require(m.end == 0, AlreadyExited(mirror, m.end));
        uint256 end = _today() + 1;
        (uint256 fund, Fund storage f) = (m.fund, _funds[m.fund]);
        m.end = end.toUint32();
        _bindSet(fund, f, end, keccak256(abi.encode(mirrorsDigest(fund), mirror, end)));
        emit MirrorExited(fund, mirror, end, removed);
    }

    function _bindSet(uint256 fund, Fund storage f, uint256 since, bytes32 digest) private {
        uint256 set = f.cursor.sets;
        if (set == 0 || _sets[fund][set].since != since) {
            ++set;
            f.cursor.sets = set.toUint32();
        }
        _sets[fund][set] = MirrorSet(since.toUint32(), uint224(uint256(digest)));
    }

    function _payoutOf(uint256 mirror, Mirror storage m) private view returns (address payout) {
        payout = m.payout;
        if (payout == address(0)) {
            Payouts storage p = _payouts[mirror];
            payout = _today() < p.since ? p.former : p.next;
        }
    }

    /// @dev A final report of the epoch, by the committee that the epoch is owed to, has the leaf.
    function _checkSlash(
        uint256 fund,
        uint256 mirror,
        uint256 epoch,
        uint256 segment,
        uint256 set,
        bytes32[] calldata proof
    ) private {
        bytes32 leaf = _hash(Leaf.SLASH, fund, epoch, _digestAt(fund, epoch, set), keccak256(abi.encode(mirror)));
        bytes32 root = _finalRoot(fund, epoch, segment);
        require(_proves(proof, root, leaf), WrongProof(epoch, leaf));
    }

    /// @dev Of the committee that the epoch is owed to.
    function _finalRoot(uint256 fund, uint256 epoch, uint256 segment) private returns (bytes32) {
        _accrue(fund, _funds[fund]);
        Segment storage s = _segments[fund][segment];
        require(s.first <= epoch && epoch <= s.last, NotFunded(epoch));
        (IOracleCommittee.Outcome outcome, bytes32 root) = _outcome(s.committee, epoch, fund);
        require(outcome == IOracleCommittee.Outcome.Final, NotFinal(epoch));
        return root;
    }

    function _digestAt(uint256 fund, uint256 epoch, uint256 set) private view returns (bytes32) {
        MirrorSet storage s = _sets[fund][set];
        bool ended = set < _funds[fund].cursor.sets && _sets[fund][set + 1].since <= epoch;
        require(s.since > 0 && s.since <= epoch && !ended, WrongSet(set, epoch));
        return bytes32(uint256(s.digest));
    }

    function _outcome(uint256 committee, uint256 epoch, uint256 fund)
        private
        view
        returns (IOracleCommittee.Outcome, bytes32)
    {
        return COMMITTEE.outcomeFor(committee, epoch, address(this), fund);
    }

    function _hash(uint8 kind, uint256 fund, uint256 epoch, bytes32 digest, bytes32 payload)
        private
        view
        returns (bytes32)
    {
        return Leaf.hash(kind, address(this), fund, epoch, digest, payload);
    }

    function _proves(bytes32[] calldata proof, bytes32 root, bytes32 leaf) private pure returns (bool) {
        return MerkleProof.verifyCalldata(proof, root, leaf);
    }

    function _half(uint256 fund, uint256 position) private view returns (uint256) {
        return (_credits[fund][position >> 1].halves >> ((position & 1) << 7)) & HALF;
    }

    function _setHalf(uint256 fund, uint256 position, uint256 half) private {
        uint256 shift = (position & 1) << 7;
        Pair storage pair = _credits[fund][position >> 1];
        pair.halves = (pair.halves & ~(HALF << shift)) | (half << shift);
    }

    // ---------------------------------------------------------------------------------- internals: checks

    /// @dev An offer makes sense, and its committee takes the fund on at its fee, with the arbiter it has. It has agreed to
    /// this very fund, `known` by its number, or to one that is new, known as 0.
    function _agree(uint256 fund, uint256 known, address token, Offer calldata offer, bytes calldata policy)
        private
    {
        require(offer.reward > 0, ZeroReward());
        require(offer.target > 0 && offer.target <= MOST_MIRRORS, InvalidTarget(offer.target, MOST_MIRRORS));
        require(offer.feeBps <= MOST_FEE_BPS, FeeTooHigh(offer.feeBps, MOST_FEE_BPS));
        bytes32 agreed = keccak256(abi.encode(known, msg.sender, token, offer, slashingOf[fund], keccak256(policy)));
        COMMITTEE.useAcceptance(offer.committee, agreed);
    }

    /// @dev Without an arbiter nothing can be slashed.
    function _checkSlashing(Slashing calldata s) private pure {
        bool fits = s.epochBps <= s.lifeBps && s.lifeBps <= MOST_SLASH_BPS
            && (s.arbiter != address(0) || s.lifeBps == 0);
        require(fits, InvalidSlashing(s.epochBps, s.lifeBps, MOST_SLASH_BPS));
    }

    function _checkCover(Fund storage f) private view {
        uint256 reward = f.changesAt == 0 ? f.offer.reward : Math.max(f.offer.reward, f.nextOffer.reward);
        uint256 covered = f.free <= 0 ? 0 : uint256(int256(f.free)) / reward;
        require(covered >= MIN_COVER, NotCovered(covered, MIN_COVER));
    }

    function _today() private view returns (uint256) {
        return block.timestamp < GENESIS ? 0 : (block.timestamp - GENESIS) / EPOCH_LENGTH;
    }

    function _fund(uint256 fund) private view returns (Fund storage f) {
        f = _funds[fund];
        require(f.token != address(0), UnknownFund(fund));
    }

    function _ownFund(uint256 fund) private view returns (Fund storage f) {
        f = _fund(fund);
        require(f.owner == msg.sender, NotOwner(fund, msg.sender));
    }

    function _depositAt(uint256 deposit) private view returns (Deposit storage d) {
        d = _deposits[deposit];
        require(d.holder != address(0), NotHolder(deposit, address(0)));
    }

    function _ownDeposit(uint256 deposit) private view returns (Deposit storage d) {
        d = _deposits[deposit];
        require(d.holder == msg.sender, NotHolder(deposit, msg.sender));
        require(d.left == 0, AlreadyDeparted(deposit));
    }

    function _mirrorAt(uint256 mirror) private view returns (Mirror storage m) {
        m = _mirrors[mirror];
        require(m.operator != address(0), UnknownMirror(mirror));
    }

    function _lockAt(uint256 mirror, uint256 epoch) private view returns (Lock storage l) {
        l = _locks[mirror][epoch];
        require(l.state == LockState.Locked, NotLocked(mirror, epoch));
    }

    function _ownMirror(uint256 mirror) private view returns (Mirror storage m) {
        m = _mirrorAt(mirror);
        require(m.operator == msg.sender, NotOperator(mirror, msg.sender));
    }
}
