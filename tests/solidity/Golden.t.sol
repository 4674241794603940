// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IOracleCommittee} from "../../contracts/interfaces/IOracleCommittee.sol";
import {Leaf} from "../../contracts/Leaf.sol";
import {Fixture} from "./Fixture.sol";

/// @title The golden vectors that Python and the ecosystem's own libraries agree on are what the contracts compute.
contract GoldenTest is Fixture {
    string private json;

    function _load(string memory name) private {
        json = vm.readFile(string.concat("tests/golden/", name, ".json"));
    }

    function _at(uint256 index, string memory key) private pure returns (string memory) {
        return string.concat("$[", vm.toString(index), "].", key);
    }

    function _item(uint256 index, string memory list, uint256 item, string memory key)
        private
        pure
        returns (string memory)
    {
        return string.concat(_at(index, list), "[", vm.toString(item), "].", key);
    }

    function _has(string memory key) private view returns (bool) {
        return vm.keyExistsJson(json, key);
    }

    function _uint(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, key);
    }

    function _word(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, key);
    }

    function test_leaves_proofs_and_roots_are_those_of_standard_merkle_tree() external {
        _load("merkle");
        uint256 cases;
        for (; _has(_at(cases, "given")); ++cases) {
            bytes32 root = _word(_at(cases, "expected.root"));
            for (uint256 i; _has(_item(cases, "given.leaves", i, "kind")); ++i) {
                bytes32 leaf = _leafAt(cases, i);
                vm.assertEq(leaf, _word(_item(cases, "expected.leaves", i, "hash")), "leaf");
                bytes32[] memory proof =
                    vm.parseJsonBytes32Array(json, _item(cases, "expected.leaves", i, "proof"));
                vm.assertTrue(MerkleProof.verify(proof, root, leaf), "proof");
            }
        }
        vm.assertGe(cases, 2, "cases");
    }

    function _leafAt(uint256 index, uint256 i) private view returns (bytes32) {
        return Leaf.hash(
            uint8(_uint(_item(index, "given.leaves", i, "kind"))),
            vm.parseJsonAddress(json, _item(index, "given.leaves", i, "fund_contract")),
            _uint(_item(index, "given.leaves", i, "fund")),
            _uint(_item(index, "given.leaves", i, "epoch")),
            _word(_item(index, "given.leaves", i, "mirrors_digest")),
            _word(_item(index, "given.leaves", i, "payload_digest"))
        );
    }

    /// @dev The committee of the vectors is our code at their address, on their chain.
    function _committeeOf(uint256 index) private returns (IOracleCommittee placed) {
        placed = IOracleCommittee(vm.parseJsonAddress(json, _at(index, "given.domain.verifyingContract")));
        vm.etch(address(placed), address(committee).code);
        vm.chainId(_uint(_at(index, "given.domain.chainId")));
    }

    function test_a_change_of_members_has_the_digest_that_ethers_computes() external {
        _load("members");
        uint256 cases;
        for (; _has(_at(cases, "given")); ++cases) {
            IOracleCommittee placed = _committeeOf(cases);
            while (placed.versions(1) + 1 < _uint(_at(cases, "given.message.version"))) {
                placed.createCommittee(_addresses(_newKeys("any", 1)), 1, feeRecipient);
            }
            bytes32 digest = placed.membersDigest(
                _uint(_at(cases, "given.message.committee")),
                vm.parseJsonAddressArray(json, _at(cases, "given.message.members")),
                _uint(_at(cases, "given.message.quorum")),
                vm.parseJsonAddress(json, _at(cases, "given.message.feeRecipient")),
                _uint(_at(cases, "given.message.until"))
            );
            _assertSigned(cases, digest);
        }
        vm.assertGe(cases, 1, "cases");
    }

    /// @dev The vectors' configuration is not that of a committee we could make: the type's hash is checked with it.
    function test_a_report_has_the_digest_that_ethers_computes() external {
        _load("report");
        uint256 cases;
        for (; _has(_at(cases, "given")); ++cases) {
            bytes32 structHash = keccak256(
                abi.encode(
                    keccak256("Report(uint256 committee,uint256 epoch,bytes32 config,bytes32 root,bytes32 evidence)"),
                    _uint(_at(cases, "given.message.committee")),
                    _uint(_at(cases, "given.message.epoch")),
                    _word(_at(cases, "given.message.config")),
                    _word(_at(cases, "given.message.root")),
                    _word(_at(cases, "given.message.evidence"))
                )
            );
            bytes32 domain = _domain(
                _uint(_at(cases, "given.domain.chainId")),
                vm.parseJsonAddress(json, _at(cases, "given.domain.verifyingContract"))
            );
            _assertSigned(cases, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
        }
        vm.assertGe(cases, 1, "cases");
    }

    function test_the_contract_signs_for_the_same_report_type_and_domain() external view {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Report(uint256 committee,uint256 epoch,bytes32 config,bytes32 root,bytes32 evidence)"),
                oracle, 7, committee.configAt(oracle, 7).digest, bytes32("root"), bytes32("evidence")
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", _domain(block.chainid, address(committee)), structHash));
        vm.assertEq(committee.reportDigest(oracle, 7, "root", "evidence"), digest, "digest");
    }

    function _domain(uint256 chain, address verifier) private pure returns (bytes32) {
        bytes32 domainType =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(domainType, keccak256("Mirrorbond"), keccak256("1"), chain, verifier));
    }

    function _assertSigned(uint256 index, bytes32 digest) private view {
        vm.assertEq(digest, _word(_at(index, "expected.digest")), "digest");
        bytes memory signature = vm.parseJsonBytes(json, _at(index, "expected.signature"));
        address signer = vm.parseJsonAddress(json, _at(index, "expected.signer"));
        vm.assertEq(ECDSA.recover(digest, signature), signer, "signer");
    }

    function test_epochs_pay_what_python_says_they_pay() external {
        _load("payout");
        uint256 tried;
        for (uint256 i; _has(_at(i, "given")); ++i) {
            if (_uint(_at(i, "given.reward")) > 0 && _uint(_at(i, "given.fee_bps")) <= 2_000 && _tryPayout(i)) ++tried;
        }
        vm.assertGe(tried, 4, "cases that can be had on the chain");
    }

    function _tryPayout(uint256 i) private returns (bool) {
        uint256 reward = _uint(_at(i, "given.reward"));
        uint256[] memory weights = vm.parseJsonUintArray(json, _at(i, "given.weights"));
        if (reward > type(uint96).max / 2) return false; // no fund could cover two such epochs
        uint256 fund = _newFund(reward, _uint(_at(i, "given.target")), _uint(_at(i, "given.fee_bps")));
        _deposit(funder, fund, 2 * reward);
        uint256 first = book.mirrors() + 1;
        for (uint256 k; k < weights.length; ++k) {
            _join(operator, fund);
        }
        uint256 fees = book.fees(oracle, address(token));
        _pay(fund, _today() + 1, _vector(weights));
        uint256[] memory credits = vm.parseJsonUintArray(json, _at(i, "expected.credits"));
        for (uint256 k; k < weights.length; ++k) {
            vm.assertEq(book.creditOf(first + k), credits[k], "credit");
        }
        vm.assertEq(book.fees(oracle, address(token)) - fees, _uint(_at(i, "expected.fee")), "fee");
        vm.assertEq(book.fundOf(fund).value, 2 * reward - _uint(_at(i, "expected.paid")), "paid");
        return true;
    }

    function test_the_mirror_set_is_folded_as_python_folds_it() external {
        _load("mirrors");
        bytes32[] memory expected = vm.parseJsonBytes32Array(json, "$[0].expected.digests");
        bytes32 digest;
        for (uint256 i; i < expected.length; ++i) {
            digest = bytes32(uint256(uint224(uint256(_folded(digest, i)))));
            vm.assertEq(digest, expected[i], "digest");
        }
        vm.assertGe(expected.length, 2, "events");
    }

    /// @dev The same words as in Fixture, which RedundancyFund.mirrors.t.sol compares with the contract's own.
    function _folded(bytes32 digest, uint256 i) private view returns (bytes32) {
        uint256 mirror = _uint(_item(0, "given.events", i, "mirror"));
        if (_has(_item(0, "given.events", i, "end"))) {
            return keccak256(abi.encode(digest, mirror, _uint(_item(0, "given.events", i, "end"))));
        }
        return keccak256(
            abi.encode(
                digest,
                mirror,
                _uint(_item(0, "given.events", i, "position")),
                vm.parseJsonAddress(json, _item(0, "given.events", i, "operator")),
                keccak256(bytes(vm.parseJsonString(json, _item(0, "given.events", i, "url")))),
                _uint(_item(0, "given.events", i, "binds_from"))
            )
        );
    }

    function test_vectors_are_packed_as_python_packs_them() external {
        _load("vector");
        uint256 cases;
        for (; _has(_at(cases, "given")); ++cases) {
            bytes memory vector = vm.parseJsonBytes(json, _at(cases, "expected.vector"));
            vm.assertEq(keccak256(vector), _word(_at(cases, "expected.digest")), "digest");
            bytes memory packed;
            for (uint256 i; _has(_item(cases, "given.entries", i, "weight")); ++i) {
                uint256 weight = _uint(_item(cases, "given.entries", i, "weight"));
                bool alive = vm.parseJsonBool(json, _item(cases, "given.entries", i, "alive"));
                packed = bytes.concat(packed, bytes4(uint32(alive ? weight | ALIVE : weight)));
            }
            vm.assertEq(keccak256(packed), keccak256(vector), "vector");
        }
        vm.assertGe(cases, 2, "cases");
    }
}
