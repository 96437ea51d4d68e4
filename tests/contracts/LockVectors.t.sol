// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Locks} from "../../contracts/libraries/Locks.sol";
import {Lock} from "../../contracts/types/ChannelTypes.sol";
import {ScriptedCondition} from "./mocks/ScriptedCondition.sol";

/// @notice Holds the contract to the vectors that the Python core is held to as well: trees built by OpenZeppelin's public
///         package, and resolutions by the formulas of docs/protocol.md.
contract LockVectorsTest is Test {
    function test_TheProofsOfThePublicPackageShowTheirLocks() public view {
        string memory json = vm.readFile("tests/vectors/locks.json");
        uint256 count;
        for (; vm.keyExistsJson(json, item(".sets", count, "")); ++count) {
            bytes32 root = vm.parseJsonBytes32(json, item(".sets", count, ".root"));
            for (uint256 i = 0; vm.keyExistsJson(json, item(item(".sets", count, ".proofs"), i, "")); ++i) {
                Lock memory lock = readLock(json, item(item(".sets", count, ".locks"), i, ""));
                bytes32[] memory proof = vm.parseJsonBytes32Array(json, item(item(".sets", count, ".proofs"), i, ""));
                assertTrue(this.isIn(lock, root, proof));
                ++lock.amount;
                assertFalse(this.isIn(lock, root, proof));
            }
        }
        assertEq(count, 21);
    }

    function test_LocksResolveAsInTheVectors() public {
        string memory json = vm.readFile("tests/vectors/unlocks.json");
        ScriptedCondition condition = new ScriptedCondition();
        uint256 count;
        for (; vm.keyExistsJson(json, item(".cases", count, "")); ++count) {
            string memory key = item(".cases", count, "");
            vm.warp(readUint(json, key, ".now"));
            condition.decide(0, readUint(json, key, ".shareBps"), readUint(json, key, ".decidedAt"));
            Lock memory lock;
            (lock.expiry, lock.condition) = (uint40(readUint(json, key, ".expiry")), address(condition));

            (bool pending, uint256 shareBps) = this.resolve(lock);

            assertEq(pending, !vm.keyExistsJson(json, string.concat(key, ".parts.payer")), key);
            if (pending) continue;
            uint96 pool = uint96(readUint(json, key, ".pool"));
            (uint96 kept, uint96 given, uint96 left) =
                Locks.divide(uint96(readUint(json, key, ".amount")), pool, shareBps);
            assertEq(uint256(kept) + given + left, pool, key);
            bool fromPayer = vm.parseJsonBool(json, string.concat(key, ".fromPayer"));
            assertEq(given, readUint(json, key, fromPayer ? ".parts.payee" : ".parts.payer"), key);
            assertEq(kept, readUint(json, key, fromPayer ? ".parts.payer" : ".parts.payee"), key);
        }
        assertEq(count, 300);
    }

    function isIn(Lock calldata lock, bytes32 root, bytes32[] calldata proof) external pure returns (bool) {
        return Locks.isIn(lock, root, proof);
    }

    function resolve(Lock calldata lock) external view returns (bool, uint256) {
        return Locks.resolve(lock);
    }

    function readLock(string memory json, string memory key) private pure returns (Lock memory) {
        return Lock({
            id: vm.parseJsonBytes32(json, string.concat(key, ".id")),
            index: uint8(readUint(json, key, ".index")),
            amount: uint96(readUint(json, key, ".amount")),
            fromPayer: vm.parseJsonBool(json, string.concat(key, ".fromPayer")),
            expiry: uint40(readUint(json, key, ".expiry")),
            condition: vm.parseJsonAddress(json, string.concat(key, ".condition")),
            key: vm.parseJsonBytes32(json, string.concat(key, ".key"))
        });
    }

    function readUint(string memory json, string memory key, string memory field) private pure returns (uint256) {
        return vm.parseJsonUint(json, string.concat(key, field));
    }

    function item(string memory list, uint256 index, string memory field) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(index), "]", field);
    }
}
