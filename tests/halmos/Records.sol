// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {Phase} from "../../contracts/types/ChannelTypes.sol";
import {Logic} from "./Logic.sol";
import {SVM} from "./Svm.sol";

/// @notice A channel's record, member by member as the contract keeps it.
struct Record {
    uint256 payerDeposit;
    uint256 withdrawn;
    uint256 deadline;
    uint256 phase;
    bool oneWay;
    bool payeeSide;
    uint256 payeeDeposit;
    uint256 payeeWithdrawn;
    uint256 payerPaid;
    uint256 payeePaid;
    uint256 sequence;
    uint256 payerPool;
    uint256 payeePool;
    uint256 locksRoot;
    uint256 resolved;
}

/// @notice Reads records from the contract's storage, and says which of them a contract can ever hold.
/// @dev The layout is the compiler's; `scripts/prove` would fail on another one, since nothing would be preserved.
library Records {
    using Logic for bool;

    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev Where the contract keeps its mapping of records.
    uint256 internal constant RECORDS_SLOT = 2;
    uint256 private constant CLAIMS_SLOT = 3;
    uint256 private constant MAX_DEPOSIT = 2 ** 95 - 1;

    uint256 internal constant NONE = uint256(Phase.None);
    uint256 internal constant OPEN = uint256(Phase.Open);
    uint256 internal constant CLOSING = uint256(Phase.Closing);
    uint256 internal constant SETTLED = uint256(Phase.Settled);

    function read(address channels, bytes32 id) internal view returns (Record memory record) {
        uint256 word = _word(channels, id, 0);
        record.payerDeposit = uint96(word);
        record.withdrawn = uint96(word >> 96);
        record.deadline = uint40(word >> 192);
        record.phase = uint8(word >> 232);
        record.oneWay = uint8(word >> 240) != 0;
        record.payeeSide = uint8(word >> 248) != 0;
        word = _word(channels, id, 1);
        record.payeeDeposit = uint96(word);
        record.payeeWithdrawn = uint96(word >> 96);
        word = _word(channels, id, 2);
        record.payerPaid = uint96(word);
        record.payeePaid = uint96(word >> 96);
        record.sequence = uint64(word >> 192);
        word = _word(channels, id, 3);
        record.payerPool = uint96(word);
        record.payeePool = uint96(word >> 96);
        record.locksRoot = _word(channels, id, 4);
        record.resolved = _word(channels, id, 5);
    }

    /// @notice Lets the contract hold any record; the root and the bits of its locks are whatever the storage holds.
    function writeAny(address channels, bytes32 id) internal {
        uint256 word = SVM.createUint(95, "payerDeposit") | (SVM.createUint(96, "withdrawn") << 96);
        word |= (SVM.createUint(40, "deadline") << 192) | (SVM.createUint(2, "phase") << 232);
        word |= (SVM.createUint(1, "oneWay") << 240) | (SVM.createUint(1, "payeeSide") << 248);
        _write(channels, id, 0, word);
        _write(channels, id, 1, SVM.createUint(95, "payeeDeposit") | (SVM.createUint(96, "payeeWithdrawn") << 96));
        word = SVM.createUint(96, "payerPaid") | (SVM.createUint(96, "payeePaid") << 96);
        _write(channels, id, 2, word | (SVM.createUint(64, "sequence") << 192));
        _write(channels, id, 3, SVM.createUint(96, "payerPool") | (SVM.createUint(96, "payeePool") << 96));
    }

    /// @notice Lets the contract owe a creditor so much.
    function writeClaim(address channels, address token, address creditor, uint256 amount) internal {
        bytes32 ofToken = keccak256(abi.encode(token, CLAIMS_SLOT));
        VM.store(channels, keccak256(abi.encode(creditor, ofToken)), bytes32(amount));
    }

    /// @notice One hash over a whole record, to compare two of them.
    function digest(address channels, bytes32 id) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                _word(channels, id, 0),
                _word(channels, id, 1),
                _word(channels, id, 2),
                _word(channels, id, 3),
                _word(channels, id, 4),
                _word(channels, id, 5)
            )
        );
    }

    /// @notice What of the contract's tokens belongs to the channel.
    function held(Record memory record) internal pure returns (uint256) {
        uint256 pools = record.payerPool + record.payeePool;
        return _choose(record.phase == SETTLED, pools, left(record));
    }

    /// @notice Deposits less withdrawals.
    function left(Record memory record) internal pure returns (uint256) {
        unchecked {
            return record.payerDeposit + record.payeeDeposit - record.withdrawn - record.payeeWithdrawn;
        }
    }

    /// @notice The inductive invariant of a single record; an empty one satisfies it.
    function isValid(Record memory record) internal pure returns (bool valid) {
        uint256 deposited = record.payerDeposit + record.payeeDeposit;
        valid = (record.phase <= SETTLED).and(record.payerDeposit <= MAX_DEPOSIT);
        valid = valid.and(record.payeeDeposit <= MAX_DEPOSIT);
        valid = valid.and(record.withdrawn + record.payeeWithdrawn <= deposited);
        bool isEmpty = (deposited == 0).and(!record.oneWay).and(!record.payeeSide);
        valid = valid.and((record.phase == NONE).implies(isEmpty));
        uint256 payeeSide = record.payeeDeposit | record.payeeWithdrawn;
        valid = valid.and((!record.payeeSide).implies(payeeSide == 0));
        return valid.and(_isValidDispute(record));
    }

    function _isValidDispute(Record memory record) private pure returns (bool valid) {
        uint256 parts = record.payerPaid + record.payeePaid + record.payerPool + record.payeePool;
        bool disputed = record.sequence != 0;
        valid = (record.phase <= OPEN).implies((record.deadline == 0).and(!disputed));
        valid = valid.and((record.phase == CLOSING).implies(record.deadline != 0));
        valid = valid.and((record.phase != SETTLED).implies(record.resolved == 0));
        valid = valid.and(record.oneWay.implies((!record.payeeSide).and(!disputed)));
        valid = valid.and((!disputed).implies((parts | record.locksRoot) == 0));
        bool running = (record.phase == CLOSING).and(disputed);
        valid = valid.and(running.implies(parts == left(record))).and(parts <= left(record));
    }

    function _word(address channels, bytes32 id, uint256 offset) private view returns (uint256) {
        uint256 first = uint256(keccak256(abi.encode(id, RECORDS_SLOT)));
        unchecked {
            return uint256(VM.load(channels, bytes32(first + offset)));
        }
    }

    function _write(address channels, bytes32 id, uint256 offset, uint256 word) private {
        uint256 first = uint256(keccak256(abi.encode(id, RECORDS_SLOT)));
        unchecked {
            VM.store(channels, bytes32(first + offset), bytes32(word));
        }
    }

    function _choose(bool condition, uint256 then, uint256 otherwise) private pure returns (uint256 chosen) {
        assembly ("memory-safe") {
            chosen := xor(otherwise, and(xor(then, otherwise), sub(0, condition)))
        }
    }
}
