// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {IAllOf} from "../../../contracts/interfaces/IAllOf.sol";
import {IArbitration} from "../../../contracts/interfaces/IArbitration.sol";
import {ICondition} from "../../../contracts/interfaces/ICondition.sol";
import {IHashLock} from "../../../contracts/interfaces/IHashLock.sol";
import {IOptimistic} from "../../../contracts/interfaces/IOptimistic.sol";
import {Lock, Signature} from "../../../contracts/types/ChannelTypes.sol";
import {LocksTest} from "../LocksTest.sol";

/// @notice What tests of conditions need besides: the four, a bench of arbiters, and locks on a channel that ask them.
abstract contract ConditionsTest is LocksTest {
    uint256 internal constant AMOUNT = 400;

    IHashLock internal hashLock;
    IArbitration internal arbitration;
    IAllOf internal allOf;
    IOptimistic internal optimistic;

    /// @dev Ascending by address, as a key lists them.
    Vm.Wallet[3] internal bench;

    function setUp() public virtual override {
        super.setUp();
        hashLock = IHashLock(deployCode("HashLock.sol:HashLock"));
        arbitration = IArbitration(deployCode("Arbitration.sol:Arbitration"));
        allOf = IAllOf(deployCode("AllOf.sol:AllOf"));
        optimistic = IOptimistic(deployCode("Optimistic.sol:Optimistic"));
        for (uint256 i = 0; i < 3; ++i) {
            Vm.Wallet memory arbiter = vm.createWallet(string.concat("arbiter ", vm.toString(i)));
            uint256 place = i;
            for (; place != 0 && bench[place - 1].addr > arbiter.addr; --place) {
                bench[place] = bench[place - 1];
            }
            bench[place] = arbiter;
        }
    }

    /* OUTCOMES */

    function assertUndecided(ICondition asked, bytes32 key) internal view {
        assertOutcome(asked, key, 0, 0);
    }

    function assertOutcome(ICondition asked, bytes32 key, uint16 shareBps, uint256 decidedAt) internal view {
        (uint16 share, uint40 time) = asked.outcome(key);
        assertEq(share, shareBps, "share");
        assertEq(time, decidedAt, "decided at");
        assertLe(time, vm.getBlockTimestamp(), "not in the future");
    }

    /* LOCKS ON A CHANNEL */

    /// @dev Settles a channel in which the payer locked `AMOUNT` on a key.
    function settleLockOn(ICondition asked, bytes32 key) internal returns (Lock memory lock) {
        lock = lockOf(0, uint96(AMOUNT), true);
        (lock.condition, lock.key) = (address(asked), key);
        settleWith(twoWay(), one(lock));
    }

    function unlock(Lock memory lock) internal {
        channels.unlock(twoWay(), lock, new bytes32[](0));
    }

    /// @dev Unlocks, and checks what both sides get by it.
    function assertUnlocks(Lock memory lock, uint256 toPayee) internal {
        (uint256 payerHad, uint256 payeeHad) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));
        unlock(lock);
        assertEq(usdc.balanceOf(payee.addr) - payeeHad, toPayee, "to the payee");
        assertEq(usdc.balanceOf(payer.addr) - payerHad, AMOUNT - toPayee, "to the payer");
    }

    /* VERDICTS */

    function arbiters() internal view returns (address[] memory list) {
        list = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            list[i] = bench[i].addr;
        }
    }

    /// @dev The key of a case before the bench, which takes two of the three.
    function caseKey(bytes32 caseId) internal view returns (bytes32) {
        return keccak256(abi.encode(arbiters(), uint8(2), caseId));
    }

    function recordVerdict(bytes32 caseId, uint16 shareBps) internal {
        arbitration.record(arbiters(), 2, caseId, shareBps, signVerdict(caseKey(caseId), shareBps, 0, 2));
    }

    /// @dev By two members of the bench, in this order.
    function signVerdict(bytes32 key, uint16 shareBps, uint256 first, uint256 second)
        internal
        returns (Signature[] memory signatures)
    {
        bytes32 signed = verdictDigest(key, shareBps);
        signatures = new Signature[](2);
        signatures[0] = sign(bench[first], signed);
        signatures[1] = sign(bench[second], signed);
    }

    function verdictDigest(bytes32 key, uint16 shareBps) internal view returns (bytes32) {
        bytes32 structHash = keccak256(abi.encode(keccak256("Verdict(bytes32 key,uint16 shareBps)"), key, shareBps));
        return keccak256(abi.encodePacked(hex"1901", arbitration.domainSeparator(), structHash));
    }

    function domainOf(string memory name, address contract_) internal view returns (bytes32) {
        bytes32 typehash =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(typehash, keccak256(bytes(name)), keccak256("1"), block.chainid, contract_));
    }
}
