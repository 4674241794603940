// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbitrated} from "./IArbitrated.sol";
import {IOracleCommittee} from "./IOracleCommittee.sol";
import {IWrappedNative} from "./IWrappedNative.sol";

/// @title Funds, stakes, mirrors and credits.
/// @notice Money moves in one direction: deposited, owed to an epoch at its start if the free money covers the reward,
/// then credited to mirrors or returned to the fund when the epoch is settled. Amounts are in the token's smallest unit.
/// Epochs are those of the oracle committee's clock. "Binds from" names the first epoch for which a change counts.
interface IRedundancyFund is IArbitrated {
    // ---------------------------------------------------------------------------------------------- types

    /// @notice What holds for all funds of this contract, in epochs, none more than 10,000.
    /// Finality (an epoch, its grace, window and arbitration) <= `depositNotice`; both it and `settleTime` are at least two
    /// less than `changeNotice`, and `settleTime` at least two less than twice `depositNotice`: who gives notice in the epoch
    /// in which a change was announced, or in the next, can leave before it binds and before the notice lapses, whatever the
    /// committee withholds. `unbonding` > finality. `settleTime` > finality is how long after its end a reported epoch waits
    /// for its weight vector before it may be passed over. `minCover`, at least one, is how many epochs a fund must cover to
    /// take a registration, at the dearer of its offers if a change is announced. `lockTime`, at least four, is how long a
    /// lock on a stake waits for the arbiter: an operator has at least one whole epoch to answer.
    struct Terms {
        uint32 depositNotice;
        uint32 changeNotice;
        uint32 unbonding;
        uint32 settleTime;
        uint32 minCover;
        uint32 lockTime;
    }

    /// @notice The price of redundancy: an epoch pays `reward` for `target` effective mirrors, and of the reward
    /// `feeBps` / 10,000 goes to the committee for reporting it.
    struct Offer {
        uint96 reward;
        uint16 target;
        uint16 feeBps;
        uint32 committee;
    }

    /// @notice Fixed when the fund is created. The arbiter (zero: none) may void a challenged epoch of the fund, and
    /// confirm a lock on a stake: of the stake as registered, at most `epochBps` / 10,000 for one epoch and `lifeBps` /
    /// 10,000 in all.
    struct Slashing {
        address arbiter;
        uint16 epochBps;
        uint16 lifeBps;
    }

    /// @notice What makes a fund. `app` is the application's name, and `policy` its canonical JSON: both for readers of
    /// the event only. `release` is the digest of the release's manifest, found at `releaseUrl`.
    struct NewFund {
        address token;
        Offer offer;
        uint96 minStake;
        Slashing slashing;
        string app;
        bytes policy;
        bytes32 release;
        string releaseUrl;
    }

    /// @notice A fund as it is stored. The price of a share is `value` / `shares` and never rises; `value` counts all
    /// deposits that have joined less what the epochs settled so far have paid; `deposited` all that came in less what
    /// depositors took out again; `free` is what later epochs may still
    /// draw on (below zero while depositors who left are set aside at more than they will get); `accrued` is the first
    /// epoch of which it is not yet decided whether it is funded; `nextOffer` binds from `changesAt` (0: none).
    struct Fund {
        address token;
        uint96 minStake;
        Offer offer;
        address owner;
        uint96 deposited;
        uint96 value;
        uint160 shares;
        int104 free;
        uint32 accrued;
        uint32 segments;
        uint32 changesAt;
        uint32 rebases;
        Cursor cursor;
        Offer nextOffer;
    }

    /// @notice How far a fund is settled. `epoch` is the next to settle; `segment`, `turn` and `set` are the last entries
    /// dealt with of queues that end at `Fund.segments`, `turns` and `sets` (entries count from 1); `reported` counts the
    /// epochs settled with a weight vector; `positions` the positions ever used.
    struct Cursor {
        uint32 epoch;
        uint32 segment;
        uint32 turns;
        uint32 turn;
        uint32 sets;
        uint32 set;
        uint32 reported;
        uint32 positions;
    }

    /// @notice A run of epochs, first and last included, that were funded at their start on the same terms.
    struct Segment {
        uint32 first;
        uint32 last;
        uint96 reward;
        uint16 target;
        uint16 feeBps;
        uint32 committee;
    }

    /// @notice Deposits that join and shares that leave at the start of `epoch`, all at one price (`value` / `shares`,
    /// par if there are no shares): the one that holds when every earlier epoch is settled. `aside` is what was set aside
    /// from the free money for those who leave, then what they get together; `rebases` the unit of the shares here.
    struct Turn {
        uint32 epoch;
        uint96 joining;
        uint96 aside;
        uint32 rebases;
        uint96 value;
        uint160 shares;
        uint160 leaving;
    }

    /// @notice `turn` is the one at which it joined; `ready` the epoch from which it may leave; `left` its last turn.
    struct Deposit {
        address holder;
        uint96 amount;
        uint32 fund;
        uint32 turn;
        uint32 ready;
        uint32 left;
        bool collected;
    }

    /// @notice A mirror counts in epochs from `start` to before `end` (0 while it stays). `stake` is what is still held of it,
    /// of which `locked` waits for the arbiter; `slashed` has been burned.
    /// `reportedAtStart` is the least count of reported epochs from which a sign of life may be missed; `displaced` says
    /// that another has taken over its position.
    struct Mirror {
        address operator;
        uint96 stake;
        address payout;
        uint32 fund;
        uint8 position;
        bool displaced;
        uint24 reportedAtStart;
        uint24 start;
        uint32 end;
        uint96 locked;
        uint96 slashed;
    }

    enum LockState {
        None,
        Locked,
        Released,
        Burned
    }

    /// @notice A part of a mirror's stake that waits for the arbiter, as a quorum saw wrong bytes in one epoch. `placed` is
    /// the epoch in which it was locked.
    struct Lock {
        uint96 amount;
        uint32 placed;
        bool answered;
        LockState state;
    }

    /// @notice The weight vector of one epoch with its proof. The vector is empty for an epoch that was missed, voided or is
    /// given up, and then a proof is passed over; one that a report has a leaf for is paid, to nobody and without a fee.
    /// Four bytes a position: the top bit is a sign of life, the other 31 the weight in units of 1 / ONE.
    struct Reveal {
        bytes vector;
        bytes32[] proof;
    }

    /// @notice Why an epoch paid what it did.
    enum Settlement {
        Paid,
        Missed,
        GivenUp,
        Voided
    }

    // --------------------------------------------------------------------------------------------- events

    event FundCreated(
        uint256 indexed fund,
        address indexed owner,
        address indexed token,
        string app,
        Offer offer,
        uint96 minStake,
        Slashing slashing,
        bytes policy,
        uint256 bindsFrom
    );
    event ReleasePublished(uint256 indexed fund, bytes32 indexed digest, string url, uint256 bindsFrom);
    event ChangeAnnounced(uint256 indexed fund, Offer offer, bytes policy, uint256 bindsFrom);
    event Deposited(
        uint256 indexed fund, uint256 indexed deposit, address indexed holder, uint256 amount, uint256 bindsFrom
    );
    event NoticeGiven(uint256 indexed deposit, uint256 ready);
    event Departed(uint256 indexed fund, uint256 indexed deposit, uint256 shares, uint256 bindsFrom);
    event Collected(uint256 indexed fund, uint256 indexed deposit, address indexed holder, uint256 amount);
    event MirrorRegistered(
        uint256 indexed fund,
        uint256 indexed mirror,
        address indexed operator,
        address payout,
        uint256 position,
        uint256 stake,
        string url,
        uint256 bindsFrom
    );
    event MirrorExited(uint256 indexed fund, uint256 indexed mirror, uint256 end, bool removed);
    event PayoutChanged(uint256 indexed mirror, address payout, uint256 bindsFrom);
    event StakeReleased(uint256 indexed mirror, address indexed operator, uint256 amount);
    event StakeLocked(uint256 indexed mirror, uint256 indexed epoch, uint256 amount, uint256 answerBy, uint256 until);
    event LockAnswered(uint256 indexed mirror, uint256 indexed epoch, string answer);
    event LockResolved(uint256 indexed mirror, uint256 indexed epoch, bool burned, uint256 amount);
    /// @notice `paid` includes `fee`; `paid` + `returned` is the epoch's reward.
    event EpochSettled(
        uint256 indexed fund,
        uint256 indexed epoch,
        Settlement settlement,
        uint256 paid,
        uint256 fee,
        uint256 returned,
        bytes vector
    );
    event Withdrawn(uint256 indexed mirror, address indexed payout, uint256 amount);
    event FeeWithdrawn(
        uint256 indexed committee, address indexed token, address indexed recipient, uint256 amount
    );

    // --------------------------------------------------------------------------------------------- errors

    error InvalidTerms();
    error UnknownFund(uint256 fund);
    error NotOwner(uint256 fund, address caller);
    error NotAContract(address token);
    error ZeroReward();
    error InvalidTarget(uint256 target, uint256 most);
    error FeeTooHigh(uint256 feeBps, uint256 most);
    error InvalidSlashing(uint256 epochBps, uint256 lifeBps, uint256 most);
    error NoArbiter(uint256 fund);
    error NotArbiter(address caller, address arbiter);
    error NotCounting(uint256 mirror, uint256 epoch);
    error TooLateToLock(uint256 epoch, uint256 lastEpoch);
    error AlreadyLocked(uint256 mirror, uint256 epoch);
    error NotLocked(uint256 mirror, uint256 epoch);
    error NotFunded(uint256 epoch);
    error WrongSet(uint256 set, uint256 epoch);
    error NothingToLock(uint256 mirror);
    error AnswerFirst(uint256 answerBy);
    error LockExpired(uint256 until);
    error ZeroAmount();
    error DepositTooLarge(uint256 amount, uint256 most);
    error NotWrappedNative(address token);
    error ValueMismatch(uint256 value, uint256 amount);
    error TransferMismatch(address token, uint256 expected, uint256 received);
    error NotHolder(uint256 deposit, address caller);
    error NoNotice(uint256 deposit);
    error NoticeNotOver(uint256 deposit, uint256 ready);
    error NoticeLapsed(uint256 deposit, uint256 ready);
    error AlreadyDeparted(uint256 deposit);
    error NotDeparted(uint256 deposit);
    error AlreadyCollected(uint256 deposit);
    error NotSettledYet(uint256 turn);
    error StakeTooLow(uint256 stake, uint256 least);
    error NotCovered(uint256 epochs, uint256 least);
    error AlreadyRegistered(uint256 mirror);
    error InvalidUrl(uint256 length, uint256 most);
    error ZeroPayout();
    error NoPositionLeft();
    error PositionNotFree(uint256 mirror);
    error UnknownMirror(uint256 mirror);
    error NotOperator(uint256 mirror, address caller);
    error AlreadyExited(uint256 mirror, uint256 end);
    error StillAlive(uint256 mirror, uint256 missed, uint256 needed);
    error StillBonded(uint256 mirror, uint256 until);
    error NoStake(uint256 mirror);
    error NotFinal(uint256 epoch);
    error VectorNeeded(uint256 epoch, uint256 givenUpFrom);
    error WrongProof(uint256 epoch, bytes32 leaf);
    error InvalidVector(uint256 epoch, uint256 length);
    error WeightsExceedTarget(uint256 epoch, uint256 sum, uint256 most);
    error UnusedReveals(uint256 used, uint256 given);
    error NothingToWithdraw();

    // -------------------------------------------------------------------------------------------- funders

    /// @notice Opens a fund of the caller's; it binds from the next epoch's start. The committee has accepted, in
    /// `OracleCommittee.accept`, keccak256(abi.encode(0, owner, token, offer, slashing, keccak256(policy))) as the terms.
    function createFund(NewFund calldata made) external returns (uint256 fund);

    /// @notice Publishes a release; the oracle counts it from the next epoch's start. Only the owner.
    function publishRelease(uint256 fund, bytes32 digest, string calldata url) external;

    /// @notice Announces other terms; they bind after a notice longer than the depositors'. Only the owner, with
    /// the acceptance of the offer's committee, whose terms begin with the fund's number instead of 0.
    function announceChange(uint256 fund, Offer calldata offer, bytes calldata policy) external;

    /// @notice Adds to the free money of any fund. The deposit pays for epochs that start after it, and no others.
    /// Native coin may be sent along if the fund's token is its wrapper; then `amount` must equal the value.
    function topUp(uint256 fund, uint256 amount) external payable returns (uint256 deposit);

    /// @notice `topUp` in one transaction for tokens with EIP-2612. A permit that fails is passed over, as anyone may have
    /// used it before: then the allowance must be there.
    function topUpWithPermit(uint256 fund, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint256 deposit);

    /// @notice Announces that a deposit will leave: possible from `Terms.depositNotice` epochs on, for as many epochs.
    function giveNotice(uint256 deposit) external;

    /// @notice Takes the deposit out of the free money from the next epoch's start. What it is worth is known when
    /// every epoch before has been settled.
    function depart(uint256 deposit) external;

    /// @notice Sends a deposit that has left what it is worth, to its holder. Anyone may call it.
    function collect(uint256 deposit) external;

    // ------------------------------------------------------------------------------------------ operators

    /// @notice Registers a mirror with a stake in wrapped native coin; it counts from the next epoch's start.
    /// @param former A mirror of the fund that has ended, whose position is taken over; 0 for a position never used.
    function register(uint256 fund, string calldata url, address payout, uint96 stake, uint256 former)
        external
        payable
        returns (uint256 mirror);

    /// @notice Ends a mirror with the current epoch. Only its operator.
    function exit(uint256 mirror) external;

    /// @notice Ends a mirror that has shown no sign of life in the last four reported epochs. Anyone may.
    function removeDead(uint256 mirror) external;

    /// @notice Changes where the mirror's credit is sent, from the next epoch's start. Only its operator.
    function changePayout(uint256 mirror, address payout) external;

    /// @notice Sends the stake of an ended mirror, but for what is locked, back to its operator after the unbonding. Anyone
    /// may call it.
    function releaseStake(uint256 mirror) external;

    /// @notice Sends a mirror's credit to its payout address. Anyone may call it; a transfer that fails keeps the credit.
    function withdraw(uint256 mirror) external returns (uint256 amount);

    // ------------------------------------------------------------------------------------------- slashing

    /// @notice Locks a part of a mirror's stake, for which a final report of a funded epoch has a leaf of kind slash. Anyone
    /// may, until `Terms.unbonding` epochs after it.
    /// @param segment The fund's segment that holds the epoch, and `set` the mirror set in force then.
    function lockStake(uint256 mirror, uint256 epoch, uint256 segment, uint256 set, bytes32[] calldata proof) external;

    /// @notice The operator's answer to a lock, for the arbiter and everyone else to read, while it is locked.
    function answerLock(uint256 mirror, uint256 epoch, string calldata answer) external;

    /// @notice The arbiter burns or releases what is locked: it may burn once the operator has answered or the first half of
    /// the lock's time is over. When all of it is over anyone may release.
    function resolveLock(uint256 mirror, uint256 epoch, bool burned) external;

    // ----------------------------------------------------------------------------------------- settlement

    /// @notice Settles funded epochs in order, one for each reveal, and passes over dry ones. Anyone may. Without reveals it
    /// gives deposits that join or leave their price; one call does so for 256 epochs' at most.
    function settle(uint256 fund, Reveal[] calldata reveals) external;

    /// @notice Sends a committee its fees in one token.
    function withdrawFee(uint256 committee, address token) external returns (uint256 amount);

    // ---------------------------------------------------------------------------------------------- views

    function ONE() external view returns (uint256);
    function COMMITTEE() external view returns (IOracleCommittee);
    function WRAPPED_NATIVE() external view returns (IWrappedNative);
    function terms() external view returns (Terms memory);
    function funds() external view returns (uint256);
    function mirrors() external view returns (uint256);
    function deposits() external view returns (uint256);
    function fees(uint256 committee, address token) external view returns (uint256);
    function fundOf(uint256 fund) external view returns (Fund memory);
    function mirrorOf(uint256 mirror) external view returns (Mirror memory);
    function depositOf(uint256 deposit) external view returns (Deposit memory);
    function segmentOf(uint256 fund, uint256 segment) external view returns (Segment memory);
    function turnOf(uint256 fund, uint256 turn) external view returns (Turn memory);
    function lockOf(uint256 mirror, uint256 epoch) external view returns (Lock memory);
    function slashingOf(uint256 fund) external view returns (address arbiter, uint16 epochBps, uint16 lifeBps);

    /// @notice The digest of the mirror set that the next registration or exit builds on.
    function mirrorsDigest(uint256 fund) external view returns (bytes32);

    /// @notice The digest of the manifest of the release published last.
    function releaseOf(uint256 fund) external view returns (bytes32);

    /// @notice What a mirror can withdraw now.
    function creditOf(uint256 mirror) external view returns (uint256);

    /// @notice The most that a deposit can be worth when it leaves: its part of the value if nothing owed is paid.
    function worthOf(uint256 deposit) external view returns (uint256);
}
