// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";
import {ChaosToken} from "../actors/ChaosToken.sol";
import {Villains} from "./Villains.sol";

/// @title All that anyone can do, at any time. No call is meant to fail.
contract Handler is Villains {
    uint256 private constant REMEMBERED = 24;
    mapping(uint256 epoch => uint256) private _outcomes;

    // --------------------------------------------------------------------------------------- time and settling

    function settle(uint256 seed) external counted(false) {
        for (uint256 fund = 1; fund <= FUNDS; ++fund) {
            for (uint256 i = 1 + _mix(seed, "epochs") % 3; i > 0; --i) {
                if (!_settleNext(fund)) break;
                _moved = true;
            }
        }
        if (_moved) return;
        _joinSome(1 + seed % 3, seed);
        _goOn(4, seed);
        _moved = _settleAll();
    }

    /// @dev Time passes till somewhere in the next epoch, or the one after; the committees report the one that ended.
    function passTime(uint256 seed) external counted(false) {
        bool watched = seed % 2 == 0;
        bool[FUNDS] memory funded;
        uint256 today = _today();
        uint256 before = reports;
        if (watched) funded = _expectFunded(today + 1);
        vm.warp(block.timestamp + LENGTH / 2 + _mix(seed, "time") % LENGTH);
        if (_today() == today) vm.warp(block.timestamp + LENGTH / 2);
        watched = watched && _today() == today + 1; // two may have begun
        if (watched) _checkFunded(funded);
        _reportEpoch(today, seed);
        _moved = reports > before || watched;
    }

    /// @dev P4 in our own words: what is free now, by the terms of tomorrow.
    function _expectFunded(uint256 epoch) private returns (bool[FUNDS] memory funded) {
        for (uint256 fund = 1; fund <= FUNDS; ++fund) {
            _catchUp(fund);
            IRedundancyFund.Fund memory f = book.fundOf(fund);
            bool changes = f.changesAt > 0 && f.changesAt <= epoch;
            uint256 reward = changes ? f.nextOffer.reward : f.offer.reward;
            funded[fund - 1] = int256(f.free) >= int256(reward);
        }
    }

    function _checkFunded(bool[FUNDS] memory funded) private {
        for (uint256 fund = 1; fund <= FUNDS; ++fund) {
            _catchUp(fund);
            IRedundancyFund.Segment memory s = book.segmentOf(fund, book.fundOf(fund).segments);
            bool owed = s.reward > 0 && s.last == _today();
            _must(owed == funded[fund - 1], "P4: an epoch is funded if the free money at its start covers it");
        }
    }

    /// @dev Days in which nobody does anything but report now and then.
    function passDays(uint256 seed) external counted(false) {
        uint256 before = reports;
        uint256 today = _today();
        vm.warp(_start(today + 1));
        _reportEpoch(today, seed);
        _pass(1 + seed % 3);
        vm.warp(_start(_today()));
        _reportEpoch(_today() - 1, seed);
        _moved = reports > before;
        _must(_outcomesStand(), "P10: a final outcome stands");
    }

    /// @dev What was missed, voided or final stays so, and nothing is open when it should be final.
    function _outcomesStand() private returns (bool stand) {
        stand = true;
        uint256 today = _today();
        for (uint256 epoch = today > REMEMBERED ? today - REMEMBERED : 0; epoch < today; ++epoch) {
            for (uint256 by = 1; by <= 2; ++by) {
                (IOracleCommittee.Outcome outcome, bytes32 root) =
                    committee.outcomeFor(by, epoch, address(book), 1);
                bool ended = uint256(outcome) >= uint256(IOracleCommittee.Outcome.Final)
                    || outcome == IOracleCommittee.Outcome.Missed;
                if (block.timestamp >= committee.finalBy(epoch) && !ended) stand = false;
                uint256 mark = uint256(keccak256(abi.encode(outcome, root)));
                uint256 former = _outcomes[2 * epoch + by];
                if (former > 0 && former != mark) stand = false;
                if (ended) _outcomes[2 * epoch + by] = mark;
            }
        }
    }

    // ------------------------------------------------------------------------------------------- the end

    /// @dev P8: committees, owner and new money are gone; still everybody gets out.
    function windDown() external {
        chaos.feel(ChaosToken.Mood.Fine, address(0), "");
        chaos.mint(address(book), chaos.totalSupply()); // what its maker took, so that all that is left is ours
        _exitAll();
        _waitAndSettle();
        while (_locks.length > 0) {
            book.resolveLock(_locks[_locks.length - 1].mirror, _locks[_locks.length - 1].epoch, false);
            _locks.pop();
        }
        for (uint256 i; i < _staying.length; ++i) {
            _giveNotice(_staying[i]);
        }
        _pass(TERMS.depositNotice);
        _settleAll();
        for (uint256 i = _staying.length; i > 0; --i) {
            if (_mayDepart(_staying[i - 1])) _depart(_staying[i - 1]);
        }
        _waitAndSettle();
        for (uint256 i = _leaving.length; i > 0; --i) {
            _collect(_leaving[i - 1]);
        }
        _payOut();
    }

    function left() external view returns (uint256) {
        return _staying.length + _leaving.length;
    }

    function _exitAll() private {
        for (uint256 i; i < _ids.length; ++i) {
            if (_isThere(_ids[i])) _end(_ids[i]);
        }
    }

    function _payOut() private {
        for (uint256 i; i < _ids.length; ++i) {
            if (_isUnbonded(_ids[i])) _releaseStake(_ids[i]);
            if (_hasCredit(_ids[i])) _withdraw(_ids[i]);
        }
        for (uint256 fund = 1; fund <= FUNDS; ++fund) {
            if (book.fees(honest, _currency(fund)) > 0) _withdrawFee(honest, _currency(fund));
            if (book.fees(malicious, _currency(fund)) > 0) _withdrawFee(malicious, _currency(fund));
        }
    }

    function _waitAndSettle() private {
        _pass(TERMS.settleTime + TERMS.lockTime + 3);
        _settleAll();
    }
}
