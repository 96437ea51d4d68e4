// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Payout} from "../../contracts/libraries/Payout.sol";

/// @notice Settlement arithmetic: against the vectors that the Python core checks too, and by its properties.
contract PayoutTest is Test {
    struct Case {
        uint256 payerDeposit;
        uint256 payerWithdrawn;
        uint256 payeeDeposit;
        uint256 payeeWithdrawn;
        int256 paid;
        uint256 payerLocked;
        uint256 payeeLocked;
    }

    struct Parts {
        uint96 payerPaid;
        uint96 payeePaid;
        uint96 payerPool;
        uint96 payeePool;
    }

    function test_TheSplitsAreTheVectors() public view {
        string memory json = vm.readFile("tests/vectors/settlements.json");
        uint256 count;
        for (; vm.keyExistsJson(json, string.concat(".cases[", vm.toString(count), "]")); ++count) {
            string memory key = string.concat(".cases[", vm.toString(count), "]");
            Parts memory parts = split(readCase(json, key));
            string memory expect = string.concat(key, ".expect");
            assertEq(parts.payerPaid, readUint(json, expect, ".payerPaid"), key);
            assertEq(parts.payeePaid, readUint(json, expect, ".payeePaid"), key);
            assertEq(parts.payerPool, readUint(json, expect, ".payerPool"), key);
            assertEq(parts.payeePool, readUint(json, expect, ".payeePool"), key);
        }
        assertGt(count, 0);
    }

    /// @dev INV-1, INV-3: whatever was signed, the four parts are what is left, no more and no less.
    function testFuzz_ThePartsAddUp(uint96 left, int256 payerBalance, uint128 payerLocked, uint128 payeeLocked)
        public
        pure
    {
        // The widest the contract can pass: a balance of funds below 2^96 less any int128.
        payerBalance = bound(payerBalance, -int256(2 ** 128), int256(2 ** 128));
        (uint96 a, uint96 b, uint96 c, uint96 d) = Payout.split(left, payerBalance, payerLocked, payeeLocked);
        assertEq(uint256(a) + b + c + d, left);
    }

    /// @dev INV-5: a state that the money covers pays exactly the free balances and keeps exactly what is locked.
    function testFuzz_WhenTheMoneyCoversTheState_ItIsPaidToTheUnit(
        uint96 left,
        uint96 payerBalance,
        uint96 payerLocked,
        uint96 payeeLocked
    ) public pure {
        payerBalance = uint96(bound(payerBalance, 0, left));
        payerLocked = uint96(bound(payerLocked, 0, payerBalance));
        payeeLocked = uint96(bound(payeeLocked, 0, left - payerBalance));

        (uint96 payerPaid, uint96 payeePaid, uint96 payerPool, uint96 payeePool) =
            Payout.split(left, int256(uint256(payerBalance)), payerLocked, payeeLocked);

        assertEq(payerPaid, payerBalance - payerLocked);
        assertEq(payeePaid, left - payerBalance - payeeLocked);
        assertEq(payerPool, payerLocked);
        assertEq(payeePool, payeeLocked);
    }

    /// @dev A lost deposit of the payer's eats the payer's locks, never the payee's share.
    function test_WhenTheBalanceIsShort_ItEatsItsOwnersLocksFirst() public pure {
        Parts memory parts = split(Case(0, 0, 50, 0, -20, 30, 10));
        assertEq(parts.payerPaid, 0);
        assertEq(parts.payerPool, 20);
        assertEq(parts.payeePaid, 20);
        assertEq(parts.payeePool, 10);
    }

    function testFuzz_ClampStaysInRange(int256 value, uint96 maximum) public pure {
        uint96 result = Payout.clamp(value, maximum);
        assertLe(result, maximum);
        if (value >= 0 && value <= int256(uint256(maximum))) assertEq(int256(uint256(result)), value);
    }

    function split(Case memory c) private pure returns (Parts memory parts) {
        uint96 left = uint96(c.payerDeposit + c.payeeDeposit - c.payerWithdrawn - c.payeeWithdrawn);
        int256 payerBalance = int256(c.payerDeposit) - int256(c.payerWithdrawn) - c.paid;
        (parts.payerPaid, parts.payeePaid, parts.payerPool, parts.payeePool) =
            Payout.split(left, payerBalance, uint128(c.payerLocked), uint128(c.payeeLocked));
    }

    function readCase(string memory json, string memory key) private pure returns (Case memory) {
        return Case({
            payerDeposit: readUint(json, key, ".payerDeposit"),
            payerWithdrawn: readUint(json, key, ".payerWithdrawn"),
            payeeDeposit: readUint(json, key, ".payeeDeposit"),
            payeeWithdrawn: readUint(json, key, ".payeeWithdrawn"),
            paid: vm.parseJsonInt(json, string.concat(key, ".paid")),
            payerLocked: readUint(json, key, ".payerLocked"),
            payeeLocked: readUint(json, key, ".payeeLocked")
        });
    }

    function readUint(string memory json, string memory key, string memory field) private pure returns (uint256) {
        return vm.parseJsonUint(json, string.concat(key, field));
    }
}
