// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DemoToken} from "../../contracts/dev/DemoToken.sol";
import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Leaf} from "../../contracts/Leaf.sol";
import {Fixture} from "./Fixture.sol";
import {ReentrantToken} from "./actors/ReentrantToken.sol";

/// @dev Two more cheatcodes.
interface Snapshots {
    function snapshotState() external returns (uint256 id);
    function revertToState(uint256 id) external returns (bool done);
}

/// @title P13: the doors that send no money are not closed to a token that calls back; it gains nothing by using them in the
/// midst of a transfer.
abstract contract ReentranceTest is Fixture {
    uint96 private constant REWARD = 1_000;
    uint256 private constant LAST = 6;
    ReentrantToken private tricky;
    uint256 private fund;
    uint256 private left;
    uint256 private ready;
    uint256 private earning;
    uint256 private mirror;
    IRedundancyFund.Reveal[] private _next;

    /// @dev The token is owner, depositor and operator in its own fund: every door is its own. Its mirror is dead and has a
    /// lock; a deposit may be collected, another may leave; an epoch may be settled, and names the mirror again.
    function setUp() public override {
        super.setUp();
        tricky = _newToken();
        owner = address(tricky);
        IRedundancyFund.Slashing memory judged = IRedundancyFund.Slashing(arbiter, 2_000, 5_000);
        fund = _newFundWith(address(tricky), _offer(REWARD, 1, 500), judged);
        _deposit(funder, fund, 50_000);
        left = _deposit(otherFunder, fund, 20_000);
        ready = _deposit(address(tricky), fund, 10_000);
        earning = _join(operator, fund);
        mirror = _join(address(tricky), fund);
        _live();
        tricky.mint(funder, 700);
        vm.prank(funder);
        tricky.approve(address(book), 700);
        _accept(fund, owner, address(tricky), _offer(5 * REWARD, 2, 100), judged);
    }

    function _newToken() internal virtual returns (ReentrantToken);

    /// @dev Epochs 1 to 5 are paid, 6 is final.
    function _live() private {
        bytes memory vector = _vector(_weights(ONE, 0));
        for (uint256 epoch = 1; epoch <= LAST; ++epoch) {
            if (epoch == 2) _notice(otherFunder, left);
            if (epoch == 4) _notice(address(tricky), ready);
            if (epoch == 5) _depart();
            _goToTime(_start(epoch + 1));
            (bytes32 weights, bytes32 slash) = (_leaf(fund, epoch, vector), _slash(epoch));
            _report(oracle, epoch, _pair(weights, slash));
            _goToTime(block.timestamp + WINDOW);
            delete _next;
            _next.push(IRedundancyFund.Reveal(vector, _only(slash)));
            if (epoch < LAST) book.settle(fund, _next);
        }
        book.lockStake(mirror, LAST - 1, 1, 1, _only(_leaf(fund, LAST - 1, vector)));
    }

    function _notice(address holder, uint256 deposit) private {
        vm.prank(holder);
        book.giveNotice(deposit);
    }

    function _depart() private {
        vm.prank(otherFunder);
        book.depart(left);
    }

    function _slash(uint256 epoch) private view returns (bytes32) {
        bytes32 digest = _digestAt(fund, epoch);
        return Leaf.hash(Leaf.SLASH, address(book), fund, epoch, digest, keccak256(abi.encode(mirror)));
    }

    function _pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(bytes.concat(a, b)) : keccak256(bytes.concat(b, a));
    }

    function _only(bytes32 leaf) private pure returns (bytes32[] memory proof) {
        proof = new bytes32[](1);
        proof[0] = leaf;
    }

    // ---------------------------------------------------------------------------------------------- the table

    function _doors() private view returns (bytes[] memory calls) {
        bytes32[] memory proof = _only(_leaf(fund, LAST, _vector(_weights(ONE, 0))));
        calls = new bytes[](11);
        calls[0] = abi.encodeCall(book.settle, (fund, _next));
        calls[1] = abi.encodeCall(book.settle, (fund, new IRedundancyFund.Reveal[](0)));
        calls[2] = abi.encodeCall(book.depart, (ready));
        calls[3] = abi.encodeCall(book.giveNotice, (ready));
        calls[4] = abi.encodeCall(book.exit, (mirror));
        calls[5] = abi.encodeCall(book.removeDead, (mirror));
        calls[6] = abi.encodeCall(book.changePayout, (mirror, payout));
        calls[7] = abi.encodeCall(book.announceChange, (fund, _offer(5 * REWARD, 2, 100), "{}"));
        calls[8] = abi.encodeCall(book.publishRelease, (fund, "another", "https://tricky.example"));
        calls[9] = abi.encodeCall(book.lockStake, (mirror, LAST, 1, 1, proof));
        calls[10] = abi.encodeCall(book.answerLock, (mirror, LAST - 1, "no"));
    }

    function test_P13_a_call_in_the_midst_of_a_top_up_is_as_one_after_it() external {
        _assertAsAfter(funder, abi.encodeCall(book.topUp, (fund, 700)));
    }

    function test_P13_a_call_in_the_midst_of_a_withdrawal_is_as_one_after_it() external {
        _assertAsAfter(rogue, abi.encodeCall(book.withdraw, (earning)));
    }

    function test_P13_a_call_in_the_midst_of_a_collection_is_as_one_after_it() external {
        _assertAsAfter(rogue, abi.encodeCall(book.collect, (left)));
    }

    function _assertAsAfter(address by, bytes memory transfer) private {
        bytes[] memory doors = _doors();
        for (uint256 i; i < doors.length; ++i) {
            uint256 before = Snapshots(address(vm)).snapshotState();
            tricky.arm(address(book), doors[i]);
            _do(by, transfer);
            vm.assertTrue(tricky.succeeded(), string.concat("called back at door ", vm.toString(i)));
            bytes32 within = _state();
            Snapshots(address(vm)).revertToState(before);
            before = Snapshots(address(vm)).snapshotState();
            _do(by, transfer);
            bytes32 without = _state();
            _do(address(tricky), doors[i]);
            vm.assertEq(_state(), within, string.concat("the same as afterwards, at door ", vm.toString(i)));
            if (i != 1) vm.assertTrue(within != without, "and something happened");
            Snapshots(address(vm)).revertToState(before);
        }
    }

    function _do(address by, bytes memory call) private {
        vm.prank(by);
        (bool done,) = address(book).call(call);
        vm.assertTrue(done, "done");
    }

    /// @dev All that the contract will say tomorrow, when everything binds.
    function _state() private returns (bytes32 state) {
        uint256 today = block.timestamp;
        vm.warp(today + LENGTH);
        state = _told();
        vm.warp(today);
    }

    function _told() private view returns (bytes32) {
        IRedundancyFund.Fund memory f = book.fundOf(fund);
        bytes memory all = abi.encode(f, book.releaseOf(fund), book.mirrorsDigest(fund), book.fees(oracle, f.token));
        for (uint256 i = 1; i <= book.deposits(); ++i) {
            all = abi.encode(all, book.depositOf(i), book.worthOf(i));
        }
        for (uint256 i = 1; i <= book.mirrors(); ++i) {
            all = abi.encode(all, book.mirrorOf(i), book.creditOf(i), book.lockOf(i, LAST - 1), book.lockOf(i, LAST));
        }
        for (uint256 i = 1; i <= f.segments; ++i) {
            all = abi.encode(all, book.segmentOf(fund, i));
        }
        for (uint256 i = 1; i <= f.cursor.turns; ++i) {
            all = abi.encode(all, book.turnOf(fund, i));
        }
        return keccak256(abi.encode(all, tricky.balanceOf(address(book)), wrapped.balanceOf(address(book))));
    }
}

/// @title A token that calls back before it moves anything, as ERC-777 does to senders.
contract RedundancyFundReentranceTest is ReentranceTest {
    function _newToken() internal override returns (ReentrantToken) {
        return new ReentrantToken();
    }
}

/// @title A token that calls back when it has moved all, as ERC-777 does to receivers.
contract RedundancyFundReentranceAfterwardsTest is ReentranceTest {
    function _newToken() internal override returns (ReentrantToken) {
        return ReentrantToken(address(new LateToken()));
    }
}

/// @dev ReentrantToken, but for the moment.
contract LateToken is DemoToken("Late", "LATE") {
    address private _target;
    bytes private _call;
    bool public succeeded;
    bytes public reason;

    function arm(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (_target == address(0)) return;
        address target = _target;
        _target = address(0);
        (succeeded, reason) = target.call(_call);
    }
}
