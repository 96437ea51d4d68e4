// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {Terms} from "../../../contracts/types/ConditionTypes.sol";
import {ConditionsTest} from "./ConditionsTest.sol";

/// @notice What tests of `Optimistic` need besides: terms between two keys, and what these say.
abstract contract OptimisticTest is ConditionsTest {
    uint32 internal constant WINDOW = 2 days;

    Vm.Wallet internal claimant;
    Vm.Wallet internal disputer;
    bytes32 internal key;

    function setUp() public virtual override {
        super.setUp();
        claimant = vm.createWallet("claimant");
        disputer = vm.createWallet("disputer");
        key = keccak256(abi.encode(termsOf()));
    }

    function termsOf() internal view returns (Terms memory) {
        return termsWith(address(arbitration), caseKey("work"));
    }

    function termsWith(address arbitration_, bytes32 arbitrationKey) internal view returns (Terms memory) {
        return Terms(claimant.addr, disputer.addr, WINDOW, arbitration_, arbitrationKey);
    }

    function assertDone() internal returns (uint256 decidesAt) {
        return assertDone(termsOf());
    }

    function assertDone(Terms memory terms) internal returns (uint256 decidesAt) {
        vm.prank(terms.claimant);
        optimistic.assertDone(terms);
        return vm.getBlockTimestamp() + terms.window;
    }

    function object() internal {
        object(termsOf());
    }

    function object(Terms memory terms) internal {
        vm.prank(terms.disputer);
        optimistic.object(terms);
    }
}
