// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";
import {Accounts} from "./Accounts.sol";

/// @title All that anyone can do, at any time. No call is meant to fail: what cannot be done now becomes something else.
contract Handler is Accounts {
    /// @dev What was really done, whatever was asked for.
    uint256 public done;
    mapping(uint256 epoch => uint256) private _outcomes;

    // ------------------------------------------------------------------------------------- before and after

    /// @dev Credits fall only in `withdraw`, and there only the one that is withdrawn.
    modifier action(string memory name) {
        uint256[] memory before = _allCredits();
        _;
        uint256[] memory afterwards = _allCredits();
        bool withdraws = keccak256(bytes(name)) == keccak256("withdraw");
        uint256 fell;
        for (uint256 i; i < before.length; ++i) {
            if (afterwards[i] < before[i]) ++fell;
        }
        _must(fell == 0 || (withdraws && fell == 1), "P7: credits fall only by withdrawal");
        ++done;
    }

    function _allCredits() private view returns (uint256[] memory credits) {
        credits = new uint256[](book.mirrors());
        for (uint256 i; i < credits.length; ++i) {
            credits[i] = book.creditOf(i + 1);
        }
    }

    /// @dev Something from 1 to `count` that `fits`, searched from a random place on; 0 if nothing does.
    function _pick(uint256 seed, uint256 count, function(uint256) view returns (bool) fits)
        private
        view
        returns (uint256)
    {
        for (uint256 i; i < count; ++i) {
            uint256 id = 1 + addmod(seed, i, count);
            if (fits(id)) return id;
        }
        return 0;
    }

    function _any(uint256 seed) private pure returns (uint256 fund) {
        return 1 + seed % FUNDS;
    }

    // ---------------------------------------------------------------------------------------------- funders

    function deposit(uint256 seed, uint256 amount) public action("deposit") {
        uint256 fund = _any(seed);
        uint256 reward = book.fundOf(fund).offer.reward;
        if (seed % 3 == 0) amount = _bound(amount, 1, 3);
        else if (seed % 3 == 1) amount = reward * _bound(amount, 1, 8);
        else amount = _bound(amount, 1, 10 * reward);
        address from = _mix(seed, "from") % 2 == 0 ? funder : otherFunder;
        if (fund == 3) _depositNative(from, amount);
        else _deposit(from, fund, amount);
    }

    function _depositNative(address from, uint256 amount) private {
        vm.deal(from, amount);
        vm.prank(from);
        book.topUp{value: amount}(3, amount);
    }

    function giveNotice(uint256 seed) public {
        uint256 id = _pick(seed, book.deposits(), _stays);
        if (id == 0) deposit(seed, seed);
        else _giveNotice(id);
    }

    function _giveNotice(uint256 id) internal action("giveNotice") {
        vm.prank(book.depositOf(id).holder);
        book.giveNotice(id);
    }

    function depart(uint256 seed) public {
        uint256 id = _pick(seed, book.deposits(), _mayDepart);
        if (id == 0) giveNotice(seed);
        else _depart(id);
    }

    function _depart(uint256 id) internal action("depart") {
        vm.prank(book.depositOf(id).holder);
        book.depart(id);
    }

    function collect(uint256 seed) public {
        uint256 id = _pick(seed, book.deposits(), _mayCollect);
        if (id == 0) depart(seed);
        else _collect(id);
    }

    function _collect(uint256 id) internal action("collect") {
        IRedundancyFund.Deposit memory d = book.depositOf(id);
        uint256 expected = book.worthOf(id);
        uint256 before = _balance(d.fund);
        book.collect(id);
        collected[id] = before - _balance(d.fund);
        collectedFrom[d.fund] += collected[id];
        _must(collected[id] == expected, "P6: a deposit gets what it is worth");
        uint256 dust = book.fundOf(d.fund).cursor.turns;
        _must(collected[id] <= d.amount + dust, "P6: no deposit gets more than was deposited");
    }

    function announce(uint256 seed, uint256 reward) external {
        if (seed % 3 == 0) _announce(seed, reward);
        else join(seed);
    }

    function _announce(uint256 seed, uint256 reward) private action("announce") {
        uint256 fund = _any(seed);
        reward = _bound(reward, 1, fund == 2 ? 5 ether : 5_000);
        uint256 by = _mix(seed, "committee") % 3 == 0 ? malicious : honest;
        uint256 target = 1 + _mix(seed, "target") % 4;
        _announce(fund, _offerOf(reward, target, _mix(seed, "fee") % 2_001, by));
    }

    // -------------------------------------------------------------------------------------------- operators

    function join(uint256 seed) public {
        uint256 fund = _any(seed);
        _catchUp(fund);
        IRedundancyFund.Fund memory f = book.fundOf(fund);
        int256 needed = int256(uint256(TERMS.minCover) * f.offer.reward);
        if (int256(f.free) < needed) deposit(seed, seed);
        else if (book.mirrors() >= 12) exit(2 * (seed / 2));
        else _register(fund, seed);
    }

    function _register(uint256 fund, uint256 seed) private action("join") {
        uint256 former = _pick(seed, book.mirrors(), _isFree);
        if (former > 0 && book.mirrorOf(former).fund != fund) former = 0;
        _joinAt(seed % 2 == 0 ? operator : otherOperator, fund, former);
    }

    function exit(uint256 seed) public {
        uint256 id = seed % 2 == 0 ? _pick(seed, book.mirrors(), _isThere) : 0;
        if (id == 0) settle(seed);
        else _exitMirror(id);
    }

    function _exitMirror(uint256 id) internal action("exit") {
        _exit(id);
    }

    function removeDead(uint256 seed) public {
        uint256 id = _pick(seed, book.mirrors(), _isSilent);
        if (id == 0) id = _pick(seed, book.mirrors(), _isThere);
        if (id == 0) join(seed);
        else _tryToRemove(id);
    }

    function _tryToRemove(uint256 id) private action("removeDead") {
        uint256 silent = _silent[id];
        vm.prank(rogue);
        try book.removeDead(id) {
            _foldEnd(book.mirrorOf(id).fund, id);
            _must(silent >= 4, "P12: only who was silent in four reported epochs is removed");
        } catch (bytes memory reason) {
            _must(bytes4(reason) == IRedundancyFund.StillAlive.selector, "P12: only a living mirror stays");
        }
    }

    function releaseStake(uint256 seed) public {
        uint256 id = _pick(seed, book.mirrors(), _isUnbonded);
        if (id == 0) exit(seed);
        else _releaseStake(id);
    }

    function _releaseStake(uint256 id) internal action("releaseStake") {
        address by = book.mirrorOf(id).operator;
        uint256 before = wrapped.balanceOf(by);
        book.releaseStake(id);
        _must(wrapped.balanceOf(by) - before == STAKE, "P8: the whole stake goes back");
    }

    function withdraw(uint256 seed) public {
        uint256 id = _pick(seed, book.mirrors(), _hasCredit);
        if (id == 0) settle(seed);
        else _withdraw(id);
    }

    function _withdraw(uint256 id) internal action("withdraw") {
        uint256 fund = book.mirrorOf(id).fund;
        uint256 before = _balance(fund);
        uint256 amount = book.withdraw(id);
        _must(before - _balance(fund) == amount, "P7: what is withdrawn is what is sent");
        withdrawnFrom[fund] += amount;
    }

    function withdrawFee(uint256 seed) public {
        uint256 by = seed % 2 == 0 ? honest : malicious;
        address currency = seed / 2 % 3 == 0 ? address(wrapped) : address(token);
        if (book.fees(by, currency) == 0) settle(seed);
        else _withdrawFee(by, currency);
    }

    function _withdrawFee(uint256 by, address currency) internal action("withdrawFee") {
        feesWithdrawn[currency] += book.withdrawFee(by, currency);
    }

    // ------------------------------------------------------------------------------------- time and settling

    function settle(uint256 seed) public action("settle") {
        for (uint256 fund = 1; fund <= FUNDS; ++fund) {
            for (uint256 i = _mix(seed, "epochs") % 4; i > 0; --i) {
                if (!_settleNext(fund)) break;
            }
        }
    }

    /// @dev Up to an epoch passes; at its end the committees report it.
    function passTime(uint256 seed) public action("passTime") {
        bool watched = seed % 2 == 0;
        bool[3] memory funded;
        uint256 today = _today();
        if (watched) funded = _expectFunded(today + 1);
        vm.warp(block.timestamp + LENGTH / 4 + _mix(seed, "time") % (LENGTH * 3 / 4));
        if (_today() == today) return;
        if (watched) _checkFunded(funded);
        _reportEpoch(today, seed);
    }

    /// @dev P4 in our own words: what is free now, by the terms of tomorrow.
    function _expectFunded(uint256 epoch) private returns (bool[3] memory funded) {
        for (uint256 fund = 1; fund <= FUNDS; ++fund) {
            _catchUp(fund);
            IRedundancyFund.Fund memory f = book.fundOf(fund);
            bool changes = f.changesAt > 0 && f.changesAt <= epoch;
            uint256 reward = changes ? f.nextOffer.reward : f.offer.reward;
            funded[fund - 1] = int256(f.free) >= int256(reward);
        }
    }

    function _checkFunded(bool[3] memory funded) private {
        for (uint256 fund = 1; fund <= FUNDS; ++fund) {
            _catchUp(fund);
            IRedundancyFund.Segment memory s = book.segmentOf(fund, book.fundOf(fund).segments);
            bool owed = s.reward > 0 && s.last == _today();
            _must(owed == funded[fund - 1], "P4: an epoch is funded if the free money at its start covers it");
        }
    }

    function passEpoch(uint256 seed) external {
        passTime(seed);
        passTime(_mix(seed, "more"));
    }

    function passDays(uint256 seed) public action("passDays") {
        uint256 today = _today();
        _reportEpoch(today, seed);
        _pass(1 + seed % 3);
        _reportEpoch(_today() - 1, seed);
        _must(_outcomesStand(), "P10: a final outcome stands");
    }

    /// @dev What was missed or final stays so, and nothing is open when it should be final.
    function _outcomesStand() private returns (bool stand) {
        stand = true;
        for (uint256 epoch; epoch < _today(); ++epoch) {
            for (uint256 by = 1; by <= 2; ++by) {
                (IOracleCommittee.Outcome outcome, bytes32 root) = committee.outcome(by, epoch);
                bool isFinal = outcome == IOracleCommittee.Outcome.Final || outcome == IOracleCommittee.Outcome.Missed;
                if (block.timestamp >= committee.finalBy(epoch) && !isFinal) stand = false;
                uint256 mark = uint256(keccak256(abi.encode(outcome, root)));
                uint256 former = _outcomes[2 * epoch + by];
                if (former > 0 && former != mark) stand = false;
                if (isFinal) _outcomes[2 * epoch + by] = mark;
            }
        }
    }

    // ------------------------------------------------------------------------------------------ forbidden

    /// @dev Reports that must not be taken: too few signatures, twice, too early, too late, or signed for another epoch.
    function forgeReport(uint256 seed) public action("forgeReport") {
        uint256 today = _today();
        uint256 by = seed % 2 == 0 ? honest : malicious;
        uint256 epoch = today > seed % 4 ? today - seed % 4 : today;
        (IOracleCommittee.Outcome outcome,) = committee.outcome(by, epoch);
        bool open = outcome == IOracleCommittee.Outcome.Open && epoch < today;
        bytes32 digest = committee.reportDigest(by, open ? epoch + 1 : epoch, "forged", "evidence");
        uint256 signers = committee.configAt(by, epoch).quorum;
        if (open && seed % 3 == 0) {
            digest = committee.reportDigest(by, epoch, "forged", "evidence");
            --signers;
        }
        IOracleCommittee.Signature[] memory signatures = _signed(_keysOf(by), digest, signers);
        try committee.report(by, epoch, "forged", "evidence", signatures) {
            _must(false, "P9, P10: a report that must not be taken");
        } catch {}
    }

    /// @dev Nobody but the named may do these.
    function trespass(uint256 seed) public action("trespass") {
        vm.startPrank(rogue);
        if (book.mirrors() > 0) {
            try book.exit(1 + seed % book.mirrors()) {
                _must(false, "P8: only the operator exits");
            } catch {}
            try book.changePayout(1 + seed % book.mirrors(), rogue) {
                _must(false, "P7: only the operator names the payout address");
            } catch {}
        }
        if (book.deposits() > 0) {
            try book.depart(1 + seed % book.deposits()) {
                _must(false, "P6: only the holder leaves");
            } catch {}
        }
        vm.stopPrank();
    }

    // ------------------------------------------------------------------------------------------- the end

    /// @dev P8: committees, owner and new money are gone; still everybody gets out. Returns what is left of a currency.
    function windDown() external {
        _forEach(book.mirrors(), _isThere, _exitMirror);
        _waitAndSettle();
        _forEach(book.deposits(), _stays, _giveNotice);
        _pass(TERMS.depositNotice);
        _settleAll();
        _forEach(book.deposits(), _mayDepart, _depart);
        _waitAndSettle();
        _forEach(book.deposits(), _mayCollect, _collect);
        _forEach(book.mirrors(), _isUnbonded, _releaseStake);
        _forEach(book.mirrors(), _hasCredit, _withdraw);
        for (uint256 by = 1; by <= 2; ++by) {
            if (book.fees(by, address(token)) > 0) _withdrawFee(by, address(token));
            if (book.fees(by, address(wrapped)) > 0) _withdrawFee(by, address(wrapped));
        }
    }

    function _forEach(
        uint256 count,
        function(uint256) view returns (bool) fits,
        function(uint256) act
    ) private {
        for (uint256 id = 1; id <= count; ++id) {
            if (fits(id)) act(id);
        }
    }

    function _waitAndSettle() private {
        _pass(TERMS.settleTime + 3);
        _settleAll();
    }

    function _settleAll() private {
        for (uint256 fund = 1; fund <= FUNDS; ++fund) {
            while (_settleNext(fund)) {}
        }
    }
}
