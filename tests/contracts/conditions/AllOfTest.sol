// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAllOf} from "../../../contracts/interfaces/IAllOf.sol";
import {Part, Terms} from "../../../contracts/types/ConditionTypes.sol";
import {ConditionsTest} from "./ConditionsTest.sol";

/// @notice What tests of `AllOf` need besides: lists of scripted parts, and what an evaluation of them refuses.
abstract contract AllOfTest is ConditionsTest {
    uint40 internal notAfter;

    function setUp() public virtual override {
        super.setUp();
        notAfter = expiry - 1 days;
    }

    function scripted(uint256 count) internal view returns (Part[] memory parts) {
        parts = new Part[](count);
        for (uint256 i = 0; i < count; ++i) {
            parts[i] = Part(address(condition), keccak256(abi.encode("part", i)));
        }
    }

    function decide(Part memory part, uint256 shareBps) internal {
        condition.decide(part.key, shareBps, vm.getBlockTimestamp());
    }

    function keyOf(Part[] memory parts) internal view returns (bytes32) {
        return keccak256(abi.encode(parts, notAfter));
    }

    function refuses(Part[] memory parts, bytes memory reason) internal {
        vm.expectRevert(reason);
        allOf.evaluate(parts, notAfter);
    }

    function undecided(Part[] memory parts, uint256 index) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IAllOf.PartUndecided.selector, index, parts[index].condition, parts[index].key);
    }

    function termsOf() internal view returns (Terms memory) {
        return Terms(payee.addr, payer.addr, 2 days, address(arbitration), caseKey("work"));
    }
}
