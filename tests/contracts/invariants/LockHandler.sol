// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelView, Lock, Phase, State, Unlock} from "../../../contracts/types/ChannelTypes.sol";
import {ScriptedCondition} from "../mocks/ScriptedCondition.sol";
import {HandlerBase} from "./HandlerBase.sol";

/// @notice Locks in the states that the parties sign, conditions that answer lawfully or not, and unlocks, good and bad.
/// @dev INV-9 is asserted where a lock is resolved, from the handler's own accounts.
abstract contract LockHandler is HandlerBase {
    uint256 private constant WHOLE = 10_000;

    ScriptedCondition private _condition = new ScriptedCondition();

    /* ACTIONS */

    /// @dev Both sign a state that the deposits cover, or, as cheats and reorgs may have it, one that they do not.
    function signState(uint256 index, int128 paid, uint128 payerLocked, uint128 payeeLocked, bool covered) public {
        index = bound(index, 0, CHANNELS - 2);
        ChannelView memory known = viewAt(index);
        if (covered) {
            int256 payerFunds = int256(uint256(known.payerDeposit)) - int256(uint256(known.payerWithdrawn));
            int256 payeeFunds = int256(uint256(known.payeeDeposit)) - int256(uint256(known.payeeWithdrawn));
            if (payerFunds + payeeFunds < 0) return;
            paid = int128(bound(paid, -payeeFunds, payerFunds));
            payerLocked = uint128(bound(payerLocked, 0, uint256(payerFunds - paid)));
            payeeLocked = uint128(bound(payeeLocked, 0, uint256(payeeFunds + paid)));
        }
        uint64 sequence = ++_ledgers[index].signed;
        bytes32 root = addLocks(index, sequence, payerLocked, payeeLocked);
        _states[index][sequence] = State(sequence, paid, payerLocked, payeeLocked, root);
    }

    /// @dev A first decision stands, as the law of conditions has it; a lie counts as none.
    function decide(uint256 index, bool ofPayee, uint256 shareBps, bool lies) external checked {
        index = bound(index, 0, CHANNELS - 2);
        Lock memory lock = _locks[index][_ledgers[index].newest][ofPayee ? 1 : 0];
        if (lock.amount == 0 || isDecided(lock)) return;
        shareBps = lies ? bound(shareBps, WHOLE + 1, type(uint256).max) : bound(shareBps, 0, WHOLE);
        _condition.decide(lock.key, shareBps, vm.getBlockTimestamp());
    }

    /// @dev A decision that comes after the expiry counts as none, too: the lock goes back to its sender. Seldom, or few
    ///      channels would live to see a dispute.
    function decideLate(uint256 index, bool ofPayee, uint256 shareBps, uint128 locked, uint256 chance)
        external
        checked
    {
        if (chance % 4 != 0) return;
        index = bound(index, 0, CHANNELS - 2);
        if (viewAt(index).phase == Phase.Open) {
            signState(index, 0, locked, locked, true);
            startWith(index, _payer.addr, _ledgers[index].signed);
        }
        bringToEnd(index);
        uint256 which = ofPayee ? 1 : 0;
        Lock memory lock = _locks[index][_ledgers[index].newest][which];
        if (lock.amount == 0 || isDecided(lock) || viewAt(index).phase != Phase.Settled) return;
        if (vm.getBlockTimestamp() <= lock.expiry) vm.warp(lock.expiry + 1);
        _condition.decide(lock.key, bound(shareBps, 1, WHOLE), vm.getBlockTimestamp());
        unlockOne(index, which);
    }

    function isDecided(Lock memory lock) private view returns (bool) {
        (, uint256 decidedAt) = _condition.outcome(lock.key);
        return decidedAt != 0 && decidedAt <= vm.getBlockTimestamp();
    }

    function unlock(uint256 index, bool ofPayee, bool settles, uint256 tamper) external checked {
        index = bound(index, 0, CHANNELS - 2);
        if (settles) bringToEnd(index);
        uint256 which = ofPayee ? 1 : 0;
        Lock memory lock = _locks[index][_ledgers[index].newest][which];
        if (lock.amount == 0) return;
        bytes32[] memory proof = proofOf(index, which);
        if (tamper % 4 == 0) {
            Lock memory other = Lock(lock.id, 7, lock.amount, lock.fromPayer, lock.expiry, lock.condition, lock.key);
            return refused(_stranger, abi.encodeCall(channels.unlock, (channelAt(index), other, proof)));
        }
        unlockOne(index, which);
    }

    function unlockOne(uint256 index, uint256 which) private {
        Lock memory lock = _locks[index][_ledgers[index].newest][which];
        bytes memory call_ = abi.encodeCall(channels.unlock, (channelAt(index), lock, proofOf(index, which)));
        if (!unlockable(index, which)) return refused(_stranger, call_);

        (uint256 payerAmount, uint256 payeeAmount) = expected(index, which);
        pays("unlock", _stranger, call_, payerAmount, payeeAmount);
        resolvedAs(index, which, payerAmount, payeeAmount);
        refused(_stranger, call_);
    }

    /// @dev Both locks of a channel, the first of them twice, and one of another channel's with a proof of this one's.
    function unlockMany(uint256 index) external checked {
        index = bound(index, 0, CHANNELS - 2);
        Unlock[] memory items = new Unlock[](4);
        (uint256 payerSum, uint256 payeeSum) = (0, 0);
        for (uint256 which = 0; which < 2; ++which) {
            Lock memory lock = _locks[index][_ledgers[index].newest][which];
            bytes32[] memory proof = lock.amount == 0 ? new bytes32[](0) : proofOf(index, which);
            items[which] = Unlock(channelAt(index), lock, proof);
            items[which + 2] = Unlock(channelAt(which == 0 ? index : CHANNELS - 1), lock, proof);
            if (lock.amount == 0 || !unlockable(index, which)) continue;
            (uint256 payerAmount, uint256 payeeAmount) = expected(index, which);
            (payerSum, payeeSum) = (payerSum + payerAmount, payeeSum + payeeAmount);
            resolvedAs(index, which, payerAmount, payeeAmount);
        }

        pays("unlockMany", _stranger, abi.encodeCall(channels.unlockMany, (items)), payerSum, payeeSum);
    }

    /* LOCKS */

    /// @dev Amounts that no lock can hold get a root without locks: what they lock stays in the pools.
    function addLocks(uint256 index, uint64 sequence, uint128 payerLocked, uint128 payeeLocked)
        internal
        returns (bytes32 root)
    {
        if (payerLocked == 0 && payeeLocked == 0) return bytes32(0);
        if (payerLocked > type(uint96).max || payeeLocked > type(uint96).max) return keccak256("no locks");
        _locks[index][sequence][0] = lockOf(index, sequence, 0, uint96(payerLocked));
        _locks[index][sequence][1] = lockOf(index, sequence, 1, uint96(payeeLocked));
        bytes32 first = leafOf(_locks[index][sequence][0]);
        bytes32 second = leafOf(_locks[index][sequence][1]);
        if (payeeLocked == 0) return first;
        return payerLocked == 0 ? second : hashPair(first, second);
    }

    function lockOf(uint256 index, uint64 sequence, uint8 which, uint96 amount) private view returns (Lock memory) {
        bytes32 name = keccak256(abi.encode(index, sequence, which));
        uint40 expiry = uint40(vm.getBlockTimestamp() + uint256(name) % (4 * PERIOD));
        return Lock(name, which, amount, which == 0, expiry, address(_condition), keccak256(abi.encode(name)));
    }

    function proofOf(uint256 index, uint256 which) private view returns (bytes32[] memory proof) {
        Lock memory other = _locks[index][_ledgers[index].newest][1 - which];
        if (other.amount == 0) return new bytes32[](0);
        proof = new bytes32[](1);
        proof[0] = leafOf(other);
    }

    function leafOf(Lock memory lock) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(keccak256(abi.encode(lock))));
    }

    function hashPair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encodePacked(a, b)) : keccak256(abi.encodePacked(b, a));
    }

    /* WHAT MUST COME OF THEM */

    function bringToEnd(uint256 index) internal {
        if (viewAt(index).phase != Phase.Closing) return;
        if (vm.getBlockTimestamp() < _ledgers[index].deadline) vm.warp(_ledgers[index].deadline);
        settleNow(index);
    }

    /// @dev INV-9: once, after a settlement by this very state, and when it was decided in time or its expiry is past.
    function unlockable(uint256 index, uint256 which) private view returns (bool) {
        ChannelView memory known = viewAt(index);
        Lock memory lock = _locks[index][_ledgers[index].newest][which];
        if (known.phase != Phase.Settled || known.deadline == 0 || _resolved[index][which]) return false;
        // Nothing could be locked, since nothing was left for it: then its root was not kept either.
        if (known.locksRoot == 0) return false;
        return decidedInTime(lock) || vm.getBlockTimestamp() > lock.expiry;
    }

    function decidedInTime(Lock memory lock) private view returns (bool) {
        (uint256 shareBps, uint256 decidedAt) = _condition.outcome(lock.key);
        return shareBps <= WHOLE && decidedAt != 0 && decidedAt <= lock.expiry;
    }

    function expected(uint256 index, uint256 which) private view returns (uint256 payerAmount, uint256 payeeAmount) {
        Lock memory lock = _locks[index][_ledgers[index].newest][which];
        ChannelView memory known = viewAt(index);
        uint256 taken = min(lock.amount, which == 0 ? known.payerPool : known.payeePool);
        (uint256 shareBps,) = _condition.outcome(lock.key);
        uint256 given = decidedInTime(lock) ? taken * shareBps / WHOLE : 0;
        return which == 0 ? (taken - given, given) : (given, taken - given);
    }

    function resolvedAs(uint256 index, uint256 which, uint256 payerAmount, uint256 payeeAmount) private {
        _resolved[index][which] = true;
        _ledgers[index].paidOut += payerAmount + payeeAmount;
        if (which == 0) _ledgers[index].fromPayerPool += payerAmount + payeeAmount;
        else _ledgers[index].fromPayeePool += payerAmount + payeeAmount;
    }
}
