// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConditionHash} from "../../../contracts/libraries/ConditionHash.sol";
import {ConditionsTest} from "./ConditionsTest.sol";

contract ConditionHashTest is ConditionsTest {
    /// @dev Changing a type voids every signature given under it: these constants change with a new domain version
    /// only.
    function test_TheTypehashesArePinned() public pure {
        assertEq(ConditionHash.VERDICT_TYPEHASH, 0x924b0e1b540357e6f825b59dfaeffdd0ca700abba8d94b4fc116d2e3589b30e1);
        assertEq(ConditionHash.ASSERTION_TYPEHASH, 0xc12314750f319f385399ec4d75ed0a4e12f22ad54a01e6346a35c49678dcc328);
        assertEq(ConditionHash.OBJECTION_TYPEHASH, 0x1d35b75d7cff5a67cb20e1fe05d97046f0a7324253ae3b55722a7c49d58e5869);
    }

    function test_TheStructHashesAreThoseOfTheTypes() public pure {
        bytes32 key = keccak256("key");

        assertEq(
            ConditionHash.hashVerdict(key, 2500),
            keccak256(abi.encode(keccak256("Verdict(bytes32 key,uint16 shareBps)"), key, 2500))
        );
        assertEq(ConditionHash.hashAssertion(key), keccak256(abi.encode(keccak256("Assertion(bytes32 key)"), key)));
        assertEq(ConditionHash.hashObjection(key), keccak256(abi.encode(keccak256("Objection(bytes32 key)"), key)));
    }

    /// @dev Each condition has a domain of its own, so that no signature is good for two.
    function test_TheDomainsAreTheirs() public view {
        assertEq(arbitration.domainSeparator(), domainOf("Penstock Arbitration", address(arbitration)));
        assertEq(optimistic.domainSeparator(), domainOf("Penstock Optimistic", address(optimistic)));
    }
}
