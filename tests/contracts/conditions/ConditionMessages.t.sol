// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {IArbitration} from "../../../contracts/interfaces/IArbitration.sol";
import {IOptimistic} from "../../../contracts/interfaces/IOptimistic.sol";
import {Signature} from "../../../contracts/types/ChannelTypes.sol";
import {Terms} from "../../../contracts/types/ConditionTypes.sol";
import {DenyingWallet} from "../mocks/DenyingWallet.sol";
import {OptimisticTest} from "./OptimisticTest.sol";

/// @notice What is signed for a condition is good for one message, one key, one contract and one chain: INV-6.
contract ConditionMessagesTest is OptimisticTest {
    enum Message {
        Verdict,
        Assertion,
        Objection
    }

    uint8 private constant COUNT = 3;
    bytes32 private constant CASE = "work";
    uint16 private constant SHARE = 2500;

    function setUp() public override {
        super.setUp();
        assertDone(other());
    }

    /// @dev What is refused elsewhere in this file is good where it belongs.
    function test_SignedForItsOwnPurpose_EachMessageIsGood() public {
        for (uint8 message = 0; message < COUNT; ++message) {
            uint256 snapshot = vm.snapshotState();
            assertTrue(submits(Message(message), domain(Message(message)), hashOf(Message(message), keyOf(message))));
            vm.revertToState(snapshot);
        }
    }

    function test_RevertWhen_AMessageIsUsedForAnotherPurpose() public {
        for (uint8 purpose = 0; purpose < COUNT; ++purpose) {
            for (uint8 signed = 0; signed < COUNT; ++signed) {
                if (signed == purpose) continue;
                refuses(Message(purpose), domain(Message(purpose)), hashOf(Message(signed), keyOf(purpose)));
                refuses(Message(purpose), domain(Message(signed)), hashOf(Message(signed), keyOf(purpose)));
            }
        }
    }

    function test_RevertWhen_SignedForAnotherKey() public {
        for (uint8 message = 0; message < COUNT; ++message) {
            refuses(Message(message), domain(Message(message)), hashOf(Message(message), "another"));
        }
    }

    function test_RevertWhen_SignedForAnotherChain() public {
        for (uint8 message = 0; message < COUNT; ++message) {
            uint256 here = block.chainid;
            vm.chainId(10);
            bytes32 elsewhere = domain(Message(message));
            vm.chainId(here);
            refuses(Message(message), elsewhere, hashOf(Message(message), keyOf(message)));
        }
    }

    function test_RevertWhen_SignedForAnotherContract() public {
        address first = deployCode("Arbitration.sol:Arbitration");
        address second = deployCode("Optimistic.sol:Optimistic");
        for (uint8 message = 0; message < COUNT; ++message) {
            bytes32 elsewhere = Message(message) == Message.Verdict
                ? domainOf("Penstock Arbitration", first)
                : domainOf("Penstock Optimistic", second);
            refuses(Message(message), elsewhere, hashOf(Message(message), keyOf(message)));
        }
    }

    /// @dev The other root of the same curve point: a second signature that nobody gave.
    function test_RevertWhen_TheSignatureIsHighS() public {
        for (uint8 message = 0; message < COUNT; ++message) {
            Message purpose = Message(message);
            Signature[] memory signatures = signaturesOf(purpose, domain(purpose), hashOf(purpose, keyOf(message)));
            for (uint256 i = 0; i < signatures.length; ++i) {
                uint256 vs = uint256(signatures[i].vs);
                uint256 s = CURVE_ORDER - (vs & type(uint256).max >> 1);
                signatures[i].vs = bytes32((1 - (vs >> 255)) << 255 | s);
            }
            refusesSignatures(purpose, signatures);
        }
    }

    /// @dev Where ERC-1271 is asked, an EIP-7702 delegation voids overnight what an ordinary account has signed.
    function test_WhenTheSignersAreDelegatedToAWalletThatDeniesAll_EachMessageIsGood() public {
        address denying = address(new DenyingWallet());
        Vm.Wallet[4] memory signers = [bench[0], bench[2], claimant, disputer];
        for (uint256 i = 0; i < signers.length; ++i) {
            vm.signAndAttachDelegation(denying, signers[i].privateKey);
            payable(signers[i].addr).transfer(0);
            assertEq(signers[i].addr.code, abi.encodePacked(hex"ef0100", denying));
        }

        test_SignedForItsOwnPurpose_EachMessageIsGood();
    }

    /* HELPERS */

    /// @dev Terms that have been asserted, so that they can be objected to.
    function other() private view returns (Terms memory) {
        return termsWith(address(arbitration), caseKey("asserted"));
    }

    function keyOf(uint8 message) private view returns (bytes32) {
        if (Message(message) == Message.Verdict) return caseKey(CASE);
        return Message(message) == Message.Assertion ? key : keccak256(abi.encode(other()));
    }

    function domain(Message message) private view returns (bytes32) {
        return message == Message.Verdict
            ? domainOf("Penstock Arbitration", address(arbitration))
            : domainOf("Penstock Optimistic", address(optimistic));
    }

    function hashOf(Message message, bytes32 key_) private pure returns (bytes32) {
        if (message == Message.Verdict) {
            return keccak256(abi.encode(keccak256("Verdict(bytes32 key,uint16 shareBps)"), key_, SHARE));
        }
        string memory kind = message == Message.Assertion ? "Assertion(bytes32 key)" : "Objection(bytes32 key)";
        return keccak256(abi.encode(keccak256(bytes(kind)), key_));
    }

    function signaturesOf(Message purpose, bytes32 domain_, bytes32 structHash)
        private
        returns (Signature[] memory signatures)
    {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain_, structHash));
        if (purpose == Message.Verdict) {
            signatures = new Signature[](2);
            (signatures[0], signatures[1]) = (sign(bench[0], digest), sign(bench[2], digest));
        } else {
            signatures = new Signature[](1);
            signatures[0] = sign(purpose == Message.Assertion ? claimant : disputer, digest);
        }
    }

    function submits(Message purpose, bytes32 domain_, bytes32 structHash) private returns (bool succeeded) {
        (succeeded,) = send(purpose, signaturesOf(purpose, domain_, structHash));
    }

    function refuses(Message purpose, bytes32 domain_, bytes32 structHash) private {
        refusesSignatures(purpose, signaturesOf(purpose, domain_, structHash));
    }

    function refusesSignatures(Message purpose, Signature[] memory signatures) private {
        (bool succeeded, bytes memory answer) = send(purpose, signatures);
        assertFalse(succeeded);
        assertEq(
            bytes4(answer),
            purpose == Message.Verdict ? IArbitration.NotArbiter.selector : IOptimistic.InvalidSignature.selector
        );
    }

    function send(Message purpose, Signature[] memory signatures) private returns (bool, bytes memory) {
        if (purpose == Message.Verdict) {
            return
                address(arbitration).call(abi.encodeCall(arbitration.record, (arbiters(), 2, CASE, SHARE, signatures)));
        }
        string memory shape = "((address,address,uint32,address,bytes32),(bytes32,bytes32))";
        bool asserting = purpose == Message.Assertion;
        return address(optimistic)
            .call(
                abi.encodeWithSignature(
                    string.concat(asserting ? "assertDone" : "object", shape),
                    asserting ? termsOf() : other(),
                    signatures[0]
                )
            );
    }
}
