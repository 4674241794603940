// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";
import {Accounts} from "./Accounts.sol";

/// @title What depositors and owners do, and the passing of time. What is missing for an act is done first.
abstract contract Funders is Accounts {
    // ------------------------------------------------------------------------------------------------ time

    /// @dev To the end of today's epoch and on; each that ends is reported, and what can be settled is settled.
    function _live(uint256 epochs, uint256 seed) internal {
        for (uint256 i; i < epochs; ++i) {
            seed = _mix(seed, "day");
            _goOn(1, seed);
            _settleAll();
        }
    }

    /// @dev Epochs that end and are reported, and that nobody settles.
    function _goOn(uint256 epochs, uint256 seed) internal {
        for (uint256 i; i < epochs; ++i) {
            seed = _mix(seed, "day");
            uint256 today = _today();
            vm.warp(_start(today + 1) + seed % (LENGTH / 2));
            _reportEpoch(today, seed);
        }
    }

    function _settleAll() internal returns (bool any) {
        for (uint256 fund = 1; fund <= FUNDS; ++fund) {
            while (_settleNext(fund)) any = true;
        }
    }

    function _settleFund(uint256 fund) internal {
        while (_settleNext(fund)) {}
    }

    // -------------------------------------------------------------------------------------------- depositors

    function deposit(uint256 seed, uint256 amount) external counted(false) {
        _moved = _fill(_any(seed), seed, amount);
    }

    function _fill(uint256 fund, uint256 seed, uint256 amount) internal returns (bool) {
        uint256 reward = book.fundOf(fund).offer.reward;
        if (seed % 3 == 0) amount = _bound(amount, 1, 3);
        else if (seed % 3 == 1) amount = reward * _bound(amount, 1, 8);
        else amount = _bound(amount, 1, 10 * reward);
        return _put(fund, seed, amount);
    }

    function _put(uint256 fund, uint256 seed, uint256 amount) internal returns (bool) {
        address from = _mix(seed, "from") % 2 == 0 ? funder : otherFunder;
        uint256 before = book.deposits();
        if (fund == NATIVE) {
            vm.deal(from, amount);
            vm.prank(from);
            book.topUp{value: amount}(fund, amount);
        } else if (fund == HOSTILE) {
            _tryPut(from, amount);
        } else {
            _deposit(from, fund, amount);
        }
        if (book.deposits() == before) return false;
        _staying.push(book.deposits());
        return true;
    }

    function _tryPut(address from, uint256 amount) private {
        chaos.mint(from, amount);
        vm.startPrank(from);
        chaos.approve(address(book), amount);
        uint256 before = chaos.balanceOf(address(book));
        try book.topUp(HOSTILE, amount) {
            _must(chaos.balanceOf(address(book)) - before >= amount, "P13: only what came in is booked");
        } catch {}
        vm.stopPrank();
    }

    function giveNotice(uint256 seed) external counted(false) {
        uint256 id = _stayer(seed);
        if (id > 0) _moved = _giveNotice(id);
    }

    function _stayer(uint256 seed) private returns (uint256 id) {
        id = _pick(seed, _staying, _stays);
        if (id == 0 && _fill(1, seed, seed)) id = book.deposits();
    }

    function _giveNotice(uint256 id) internal returns (bool) {
        uint256 before = book.depositOf(id).ready;
        vm.prank(book.depositOf(id).holder);
        book.giveNotice(id);
        return book.depositOf(id).ready != before;
    }

    function depart(uint256 seed) external counted(false) {
        uint256 id = _departer(seed);
        if (id > 0) _moved = _depart(id);
    }

    /// @dev A deposit that may depart now, after its notice if need be.
    function _departer(uint256 seed) private returns (uint256 id) {
        id = _pick(seed, _staying, _mayDepart);
        if (id > 0) return id;
        id = _stayer(seed);
        if (id == 0) return 0;
        _giveNotice(id);
        _live(TERMS.depositNotice, seed);
        _settleFund(book.depositOf(id).fund);
        return _mayDepart(id) ? id : 0;
    }

    function _depart(uint256 id) internal returns (bool) {
        vm.prank(book.depositOf(id).holder);
        book.depart(id);
        _remove(_staying, id);
        _leaving.push(id);
        return book.depositOf(id).left > 0;
    }

    function collect(uint256 seed) external counted(false) {
        uint256 id = _pick(seed, _leaving, _mayCollect);
        _moved = id > 0 && _collect(id);
        if (_moved) return;
        id = _departer(seed);
        if (id == 0) return;
        _depart(id);
        _live(TERMS.settleTime, seed);
        _settleFund(book.depositOf(id).fund);
        _moved = _mayCollect(id) && _collect(id);
    }

    function _collect(uint256 id) internal returns (bool) {
        IRedundancyFund.Deposit memory d = book.depositOf(id);
        uint256 expected = book.worthOf(id);
        if (d.fund == HOSTILE) {
            try book.collect(id) {} catch {
                return false;
            }
        } else {
            uint256 before = _held(_currency(d.fund));
            book.collect(id);
            _must(before - _held(_currency(d.fund)) == expected, "P6: a deposit gets what it is worth");
        }
        collectedFrom[d.fund] += expected;
        _must(expected <= d.amount, "P6: no deposit gets more than was deposited");
        _remove(_leaving, id);
        return true;
    }

    // ------------------------------------------------------------------------------------------------ owners

    function announce(uint256 seed, uint256 reward) external counted(false) {
        uint256 fund = _any(seed);
        reward = _bound(reward, 1, fund == 2 ? 5 ether : 5_000);
        uint256 by = _mix(seed, "committee") % 3 == 0 ? malicious : honest;
        uint256 target = 1 + _mix(seed, "target") % 4;
        _announce(fund, _offerOf(reward, target, _mix(seed, "fee") % 2_001, by));
        _moved = book.fundOf(fund).changesAt == _today() + TERMS.changeNotice;
    }
}
