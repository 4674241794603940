// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";
import {Leaf} from "../../../contracts/Leaf.sol";
import {ChaosToken} from "../actors/ChaosToken.sol";
import {Fixture} from "../Fixture.sol";

/// @title Four funds and two committees: one is honest, the other signs anything. Both report all funds. The first two
/// funds have an arbiter, the third is in wrapped native coin, the fourth in a token of a hostile maker.
abstract contract Committees is Fixture {
    uint256 internal constant FUNDS = 4;
    uint256 internal constant NATIVE = 3;
    uint256 internal constant HOSTILE = 4;
    ChaosToken internal chaos;
    uint256 internal honest;
    uint256 internal malicious;

    /// @dev The first rule that was seen broken; empty while all hold.
    string public broken;

    mapping(uint256 committeeId => mapping(uint256 epoch => bytes[])) private _vectors;
    mapping(uint256 committeeId => mapping(uint256 epoch => bytes32[])) private _leaves;
    /// @dev The mirror that a report says served wrong bytes; 0 if none.
    mapping(uint256 committeeId => mapping(uint256 epoch => uint256)) internal _accused;
    mapping(uint256 mirror => uint256) internal _silent;
    /// @dev Who a committee was handed over to, and from which epoch on.
    struct Membership {
        uint256 since;
        uint256[] keys;
    }

    mapping(uint256 committeeId => Membership[]) internal _memberships;
    /// @dev What is kept of a mirror here, so that it need not be asked for.
    struct Known {
        uint32 fund;
        uint32 position;
        uint32 start;
        uint32 end;
    }

    mapping(uint256 mirror => Known) internal _known;
    /// @dev Mirrors that are still something: counting, or with a stake or a credit, or with a place to take over.
    uint256[] internal _ids;
    /// @dev A mirror that shows no sign of life, and one that every report accuses.
    uint256 internal _mute;
    uint256 internal _blamed;
    uint256 public reports;
    uint256 public settled;

    function setUp() public virtual override {
        super.setUp();
        honest = oracle;
        malicious = _newCommittee("malicious", 3, 2);
        chaos = new ChaosToken();
        IRedundancyFund.Slashing memory judged = IRedundancyFund.Slashing(arbiter, 2_000, 5_000);
        _newFundWith(address(token), _offerOf(1_000, 2, 500, honest), judged);
        _newFundWith(address(token), _offerOf(1 ether, 3, 2_000, malicious), judged);
        _newFundIn(address(wrapped), _offerOf(7, 1, 0, honest));
        _newFundIn(address(chaos), _offerOf(500, 2, 100, honest));
    }

    function _offerOf(uint256 reward, uint256 target, uint256 feeBps, uint256 by)
        internal
        view
        returns (IRedundancyFund.Offer memory offer)
    {
        offer = _offer(reward, target, feeBps);
        offer.committee = uint32(by);
    }

    function _keysAt(uint256 id, uint256 epoch) internal view override returns (uint256[] memory) {
        Membership[] storage all = _memberships[id];
        for (uint256 i = all.length; i > 0; --i) {
            if (all[i - 1].since <= epoch) return all[i - 1].keys;
        }
        return _keysOf(id);
    }

    function _must(bool holds, string memory rule) internal {
        if (!holds && bytes(broken).length == 0) broken = rule;
    }

    function _mix(uint256 seed, string memory what) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what)));
    }

    // -------------------------------------------------------------------------------------------- reporting

    /// @dev Each committee reports the epoch, or now and then does not.
    function _reportEpoch(uint256 epoch, uint256 seed) internal {
        (IOracleCommittee.Outcome outcome,) = committee.outcome(honest, epoch);
        if (outcome != IOracleCommittee.Outcome.Open || block.timestamp < _start(epoch + 1)) return;
        if (_mix(seed, "honest reports") % 5 > 0) _reportAs(honest, epoch, seed);
        (outcome,) = committee.outcome(malicious, epoch);
        if (outcome == IOracleCommittee.Outcome.Open && _mix(seed, "malicious") % 5 > 0) _reportAs(malicious, epoch, seed);
    }

    function _reportAs(uint256 by, uint256 epoch, uint256 seed) internal {
        for (uint256 fund = 1; fund <= FUNDS; ++fund) {
            seed = _mix(seed, "fund");
            bytes memory vector = by == honest ? _honestVector(fund, epoch, seed) : _anyVector(fund, seed);
            bytes32 digest = by == malicious && seed % 7 == 0 ? bytes32(seed) : _digestAt(fund, epoch);
            _vectors[by][epoch].push(vector);
            _leaves[by][epoch].push(
                Leaf.hash(Leaf.WEIGHTS, address(book), fund, epoch, digest, keccak256(vector))
            );
        }
        uint256 named = _suspect(epoch, seed);
        _accused[by][epoch] = named;
        uint256 itsFund = _known[named].fund;
        bytes32 payload = keccak256(abi.encode(named));
        _leaves[by][epoch].push(
            Leaf.hash(Leaf.SLASH, address(book), itsFund, epoch, _digestAt(itsFund, epoch), payload)
        );
        _report(by, epoch, _rootOf(_leaves[by][epoch]));
        ++reports;
    }

    /// @dev A mirror that counts in the epoch, if there is one where the search begins.
    function _suspect(uint256 epoch, uint256 seed) private view returns (uint256 id) {
        if (_ids.length == 0) return 0;
        id = _blamed > 0 ? _blamed : _ids[seed % _ids.length];
        return _counts(id, _known[id].fund, epoch) ? id : 0;
    }

    function _pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(bytes.concat(a, b)) : keccak256(bytes.concat(b, a));
    }

    /// @dev Five leaves: the four funds in pairs, and beside them what names a mirror.
    function _rootOf(bytes32[] storage leaves) private view returns (bytes32) {
        return _pair(_pair(_pair(leaves[0], leaves[1]), _pair(leaves[2], leaves[3])), leaves[4]);
    }

    function _proofOf(uint256 by, uint256 epoch, uint256 fund) internal view returns (bytes32[] memory proof) {
        bytes32[] storage leaves = _leaves[by][epoch];
        (uint256 i, uint256 other) = (fund - 1, fund <= 2 ? 2 : 0);
        proof = new bytes32[](3);
        (proof[0], proof[1], proof[2]) = (leaves[i ^ 1], _pair(leaves[other], leaves[other + 1]), leaves[4]);
    }

    function _proofOfAccusation(uint256 by, uint256 epoch) internal view returns (bytes32[] memory proof) {
        bytes32[] storage leaves = _leaves[by][epoch];
        proof = new bytes32[](1);
        proof[0] = _pair(_pair(leaves[0], leaves[1]), _pair(leaves[2], leaves[3]));
    }

    /// @dev Weights of the mirrors that count, up to ONE each and the target together.
    function _honestVector(uint256 fund, uint256 epoch, uint256 seed) private view returns (bytes memory) {
        IRedundancyFund.Fund memory f = book.fundOf(fund);
        (uint256 left, uint256 positions) = (f.offer.target * ONE, f.cursor.positions);
        uint256[] memory words = new uint256[](positions);
        for (uint256 i; i < _ids.length; ++i) {
            uint256 id = _ids[i];
            if (!_counts(id, fund, epoch)) continue;
            seed = _mix(seed, "mirror");
            uint256 weight = seed % 3 == 0 ? ONE : seed % (ONE + 1);
            if (weight > left) weight = left;
            left -= weight;
            words[_known[id].position] = weight | (seed % 4 > 0 && id != _mute ? ALIVE : 0);
        }
        return _pack(words);
    }

    function _counts(uint256 id, uint256 fund, uint256 epoch) internal view returns (bool) {
        Known memory m = _known[id];
        return m.fund == fund && m.start <= epoch && (m.end == 0 || epoch < m.end);
    }

    /// @dev Anything: all to one position, too much, or what falls from the sky.
    function _anyVector(uint256 fund, uint256 seed) private view returns (bytes memory) {
        IRedundancyFund.Fund memory f = book.fundOf(fund);
        uint256[] memory words = new uint256[](f.cursor.positions);
        uint256 most = f.offer.target * ONE;
        for (uint256 i; i < words.length; ++i) {
            seed = _mix(seed, "position");
            words[i] = seed % 3 == 0 ? seed % (most + 1) : seed % 3 == 1 ? uint32(seed >> 8) : 0;
        }
        if (words.length > 0 && seed % 2 == 0) {
            words = new uint256[](words.length);
            words[seed % words.length] = most > ALIVE - 1 ? ALIVE - 1 : most;
        }
        return _pack(words);
    }

    function _pack(uint256[] memory words) private pure returns (bytes memory vector) {
        vector = new bytes(4 * words.length);
        for (uint256 i; i < words.length; ++i) {
            uint256 word = words[i] << 224;
            assembly ("memory-safe") {
                let place := add(add(vector, 32), mul(4, i))
                mstore(place, or(word, and(mload(place), sub(shl(224, 1), 1))))
            }
        }
    }

    // ------------------------------------------------------------------------------------------ beginning and end

    /// @dev Keeps what is asked for often.
    function _learn(uint256 id) internal {
        IRedundancyFund.Mirror memory m = book.mirrorOf(id);
        if (_known[id].fund == 0) _ids.push(id);
        _known[id] = Known(m.fund, m.position, m.start, m.end);
    }

    // -------------------------------------------------------------------------------------------- settling

    /// @dev The next epoch to settle with its terms; the fund is caught up with the clock first.
    function _nextEpoch(uint256 fund) internal returns (bool any, uint256 epoch, IRedundancyFund.Segment memory s) {
        _catchUp(fund);
        IRedundancyFund.Fund memory f = book.fundOf(fund);
        for (uint256 i = f.cursor.segment + 1; i <= f.segments; ++i) {
            s = book.segmentOf(fund, i);
            if (s.last < f.cursor.epoch) continue;
            return (true, s.first > f.cursor.epoch ? s.first : f.cursor.epoch, s);
        }
    }

    /// @dev Settles one epoch if that is possible now, and holds the contract to what it should pay.
    function _settleNext(uint256 fund) internal returns (bool) {
        (bool any, uint256 epoch, IRedundancyFund.Segment memory s) = _nextEpoch(fund);
        if (!any) return false;
        (IOracleCommittee.Outcome outcome,) = committee.outcomeFor(s.committee, epoch, address(book), fund);
        bool unpaid = outcome == IOracleCommittee.Outcome.Missed || outcome == IOracleCommittee.Outcome.Voided;
        if (unpaid) return _settleWith(fund, epoch, _reveals(1), 0);
        if (outcome != IOracleCommittee.Outcome.Final) return false;
        bytes memory vector = _vectors[s.committee][epoch][fund - 1];
        if (_canPay(fund, epoch, s)) {
            IRedundancyFund.Reveal[] memory reveals = _reveals(vector);
            reveals[0].proof = _proofOf(s.committee, epoch, fund);
            _hear(fund, epoch, vector);
            return _settleWith(fund, epoch, reveals, s.reward);
        }
        if (_today() < epoch + 1 + TERMS.settleTime) return false;
        return _settleWith(fund, epoch, _reveals(1), 0);
    }

    function _canPay(uint256 fund, uint256 epoch, IRedundancyFund.Segment memory s) private view returns (bool) {
        bytes memory vector = _vectors[s.committee][epoch][fund - 1];
        if (_leaf(fund, epoch, vector) != _leaves[s.committee][epoch][fund - 1]) return false;
        uint256 sum;
        for (uint256 i; i < vector.length; i += 4) {
            sum += _wordAt(vector, i) & (ALIVE - 1);
        }
        return sum <= s.target * ONE;
    }

    function _wordAt(bytes memory vector, uint256 i) private pure returns (uint256 word) {
        for (uint256 k; k < 4; ++k) {
            word = word << 8 | uint8(vector[i + k]);
        }
    }

    function _settleWith(
        uint256 fund,
        uint256 epoch,
        IRedundancyFund.Reveal[] memory reveals,
        uint256 most
    ) private returns (bool) {
        uint256 held = _credits(fund) + _fees();
        vm.prank(poster);
        book.settle(fund, reveals);
        uint256 paid = _credits(fund) + _fees() - held;
        _must(paid <= most, "P2: an epoch credits no more than its reward");
        _must(book.fundOf(fund).cursor.epoch > epoch, "P10: a settled epoch is behind us");
        ++settled;
        return true;
    }

    /// @dev Counts the reported epochs since a mirror's last sign of life.
    function _hear(uint256 fund, uint256 epoch, bytes memory vector) private {
        for (uint256 i; i < _ids.length; ++i) {
            uint256 id = _ids[i];
            if (!_counts(id, fund, epoch)) continue;
            uint256 place = 4 * uint256(_known[id].position);
            bool alive = place < vector.length && uint8(vector[place]) >= 128;
            _silent[id] = alive ? 0 : _silent[id] + 1;
        }
    }

    function _credits(uint256 fund) internal view returns (uint256 sum) {
        for (uint256 i; i < _ids.length; ++i) {
            if (_known[_ids[i]].fund == fund) sum += book.creditOf(_ids[i]);
        }
    }

    function _fees() internal view returns (uint256) {
        return _feesIn(address(token)) + _feesIn(address(wrapped)) + _feesIn(address(chaos));
    }

    function _feesIn(address currency) internal view returns (uint256) {
        return book.fees(honest, currency) + book.fees(malicious, currency);
    }
}
