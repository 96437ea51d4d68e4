// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Channel, Lock, Signatures, State} from "../../contracts/types/ChannelTypes.sol";
import {ChannelsTest} from "./ChannelsTest.sol";
import {ScriptedCondition} from "./mocks/ScriptedCondition.sol";

/// @notice What tests of locks need besides: a condition, locks, their tree and a channel settled with them.
/// @dev The tree is built here after the OpenZeppelin layout, not with a library of the contract; tests/vectors/locks.json
///      holds both to the public package.
abstract contract LocksTest is ChannelsTest {
    ScriptedCondition internal condition;
    uint40 internal expiry;

    function setUp() public virtual override {
        super.setUp();
        condition = new ScriptedCondition();
        expiry = uint40(block.timestamp + 10 days);
    }

    /* LOCKS */

    function lockOf(uint8 index, uint96 amount, bool fromPayer) internal view returns (Lock memory) {
        bytes32 name = keccak256(abi.encode("lock", index));
        return Lock({
            id: name,
            index: index,
            amount: amount,
            fromPayer: fromPayer,
            expiry: expiry,
            condition: address(condition),
            key: keccak256(abi.encode("key", index))
        });
    }

    function one(Lock memory lock) internal pure returns (Lock[] memory locks) {
        locks = new Lock[](1);
        locks[0] = lock;
    }

    /// @dev Deposits 1000 for each side and settles a state that pays nothing and has these locks.
    function settleWith(Channel memory channel, Lock[] memory locks) internal {
        (uint128 payerLocked, uint128 payeeLocked) = sums(locks);
        settleWith(channel, State(1, 0, payerLocked, payeeLocked, rootOf(locks)));
    }

    function settleWith(Channel memory channel, State memory state) internal {
        open(channel, 1000, 1000);
        startCloseWith(channel, state);
        skip(channel.challengePeriod);
        channels.settle(channel);
    }

    function sums(Lock[] memory locks) internal pure returns (uint128 payerLocked, uint128 payeeLocked) {
        for (uint256 i = 0; i < locks.length; ++i) {
            if (locks[i].fromPayer) payerLocked += locks[i].amount;
            else payeeLocked += locks[i].amount;
        }
    }

    /// @dev Unlocks the payer's lock, all of which was decided for the payee, with any gas: it is resolved or it is not, but
    ///      nothing goes back to the payer.
    function unlockStarved(Lock memory lock, uint256 gas) internal {
        uint256 payerHad = usdc.balanceOf(payer.addr);

        try channels.unlock{gas: gas}(twoWay(), lock, new bytes32[](0)) {
            assertEq(viewOf(twoWay()).resolved, 1);
        } catch {
            assertEq(viewOf(twoWay()).resolved, 0);
        }

        assertEq(usdc.balanceOf(payer.addr), payerHad);
    }

    /* THE TREE */

    function leafOf(Lock memory lock) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(keccak256(abi.encode(lock))));
    }

    function rootOf(Lock[] memory locks) internal pure returns (bytes32) {
        return treeOf(locks)[0];
    }

    function proofOf(Lock[] memory locks, uint256 which) internal pure returns (bytes32[] memory proof) {
        bytes32[] memory tree = treeOf(locks);
        bytes32 leaf = leafOf(locks[which]);
        uint256 node = tree.length - 1;
        while (tree[node] != leaf) --node;
        bytes32[] memory path = new bytes32[](tree.length);
        uint256 depth;
        for (; node != 0; node = (node - 1) / 2) {
            path[depth++] = tree[node % 2 == 0 ? node - 1 : node + 1];
        }
        proof = new bytes32[](depth);
        for (uint256 i = 0; i < depth; ++i) {
            proof[i] = path[i];
        }
    }

    /// @dev A complete binary tree in an array, root first; the leaves, sorted, fill it from its end.
    function treeOf(Lock[] memory locks) internal pure returns (bytes32[] memory tree) {
        uint256 count = locks.length;
        tree = new bytes32[](2 * count - 1);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 leaf = leafOf(locks[i]);
            uint256 place = i;
            for (; place != 0 && leaves[place - 1] > leaf; --place) {
                leaves[place] = leaves[place - 1];
            }
            leaves[place] = leaf;
        }
        for (uint256 i = 0; i < count; ++i) {
            tree[tree.length - 1 - i] = leaves[i];
        }
        for (uint256 i = count - 1; i != 0; --i) {
            tree[i - 1] = hashPair(tree[2 * i - 1], tree[2 * i]);
        }
    }

    function hashPair(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encodePacked(a, b)) : keccak256(abi.encodePacked(b, a));
    }
}
