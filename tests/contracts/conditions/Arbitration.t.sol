// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {IArbitration} from "../../../contracts/interfaces/IArbitration.sol";
import {IChannels} from "../../../contracts/interfaces/IChannels.sol";
import {Lock, Signature} from "../../../contracts/types/ChannelTypes.sol";
import {ConditionsTest} from "./ConditionsTest.sol";

contract ArbitrationTest is ConditionsTest {
    bytes32 private constant CASE = keccak256("case");

    bytes32 private _key;

    function setUp() public override {
        super.setUp();
        _key = caseKey(CASE);
    }

    /* RECORDING */

    function test_AVerdictDecidesItsShareAtTheBlocksTime() public {
        Signature[] memory signatures = signVerdict(_key, 2500, 0, 2);

        vm.expectEmit(address(arbitration));
        emit IArbitration.VerdictRecorded(_key, 2500, uint40(block.timestamp));
        vm.prank(stranger);
        arbitration.record(arbiters(), 2, CASE, 2500, signatures);

        assertOutcome(arbitration, _key, 2500, block.timestamp);
    }

    function test_WithoutAVerdict_ItIsUndecided() public view {
        assertUndecided(arbitration, _key);
    }

    function testFuzz_AnyShareUpToTheWholeIsAVerdict(uint16 shareBps) public {
        shareBps = uint16(bound(shareBps, 0, 10_000));

        recordVerdict(CASE, shareBps);

        assertOutcome(arbitration, _key, shareBps, block.timestamp);
    }

    function test_RevertWhen_TheShareIsAboveTheWhole() public {
        refuses(10_001, signVerdict(_key, 10_001, 0, 1), abi.encodeWithSelector(shareTooLarge(), 10_001, 10_000));
        refuses(65_535, signVerdict(_key, 65_535, 0, 1), abi.encodeWithSelector(shareTooLarge(), 65_535, 10_000));
    }

    /* WHO SIGNED */

    function testFuzz_AnyTwoArbitersInOrderAreEnough(uint256 left) public {
        left = bound(left, 0, 2);
        (uint256 first, uint256 second) = (left == 0 ? 1 : 0, left == 2 ? 1 : 2);

        arbitration.record(arbiters(), 2, CASE, 7500, signVerdict(_key, 7500, first, second));

        assertOutcome(arbitration, _key, 7500, block.timestamp);
    }

    function test_MoreSignaturesThanNeededAreWelcome() public {
        Signature[] memory signatures = new Signature[](3);
        for (uint256 i = 0; i < 3; ++i) {
            signatures[i] = sign(bench[i], verdictDigest(_key, 1));
        }

        arbitration.record(arbiters(), 2, CASE, 1, signatures);

        assertOutcome(arbitration, _key, 1, block.timestamp);
    }

    function test_OneArbiterAloneDecidesItsOwnCases() public {
        address[] memory single = new address[](1);
        single[0] = bench[1].addr;
        bytes32 key = arbitration.keyOf(single, 1, CASE);
        Signature[] memory signatures = new Signature[](1);
        signatures[0] = sign(bench[1], verdictDigest(key, 0));

        arbitration.record(single, 1, CASE, 0, signatures);

        assertOutcome(arbitration, key, 0, block.timestamp);
    }

    function test_RevertWhen_TooFewSigned() public {
        Signature[] memory signatures = new Signature[](1);
        signatures[0] = sign(bench[0], verdictDigest(_key, 5000));

        refuses(5000, signatures, abi.encodeWithSelector(IArbitration.TooFewSignatures.selector, 1, 2));
        refuses(5000, new Signature[](0), abi.encodeWithSelector(IArbitration.TooFewSignatures.selector, 0, 2));
    }

    function test_RevertWhen_OneArbiterSignedTwice() public {
        for (uint256 i = 0; i < 3; ++i) {
            refuses(5000, signVerdict(_key, 5000, i, i), notArbiter(1, bench[i].addr));
        }
    }

    function test_RevertWhen_TheSignaturesAreOutOfOrder() public {
        refuses(5000, signVerdict(_key, 5000, 2, 0), notArbiter(1, bench[0].addr));
    }

    function test_RevertWhen_AStrangerSigned() public {
        Signature[] memory signatures = signVerdict(_key, 5000, 0, 1);
        signatures[0] = sign(payer, verdictDigest(_key, 5000));

        refuses(5000, signatures, notArbiter(0, payer.addr));
    }

    /// @dev What cannot be recovered is nobody's, and zero is no arbiter.
    function test_RevertWhen_ASignatureIsMalformed() public {
        Signature[] memory signatures = signVerdict(_key, 5000, 0, 1);
        signatures[1] = Signature(bytes32(0), bytes32(0));

        refuses(5000, signatures, notArbiter(1, address(0)));
    }

    function test_RevertWhen_ASignatureIsHighS() public {
        Signature[] memory signatures = signVerdict(_key, 5000, 0, 1);
        uint256 vs = uint256(signatures[1].vs);
        uint256 parity = vs >> 255;
        uint256 s = CURVE_ORDER - (vs & type(uint256).max >> 1);
        signatures[1].vs = bytes32((1 - parity) << 255 | s);

        vm.expectPartialRevert(IArbitration.NotArbiter.selector);
        arbitration.record(arbiters(), 2, CASE, 5000, signatures);
    }

    function test_RevertWhen_TheVerdictSignedIsAnother() public {
        Signature[] memory otherShare = signVerdict(_key, 5001, 0, 1);
        Signature[] memory otherCase = signVerdict(caseKey("another"), 5000, 0, 1);

        vm.expectPartialRevert(IArbitration.NotArbiter.selector);
        arbitration.record(arbiters(), 2, CASE, 5000, otherShare);
        vm.expectPartialRevert(IArbitration.NotArbiter.selector);
        arbitration.record(arbiters(), 2, CASE, 5000, otherCase);
    }

    function test_RevertWhen_TheVerdictIsForAnotherContractOrChain() public {
        IArbitration other = IArbitration(deployCode("Arbitration.sol:Arbitration"));
        Signature[] memory signatures = signVerdict(_key, 5000, 0, 1);

        vm.expectPartialRevert(IArbitration.NotArbiter.selector);
        other.record(arbiters(), 2, CASE, 5000, signatures);
        vm.chainId(block.chainid + 1);
        vm.expectPartialRevert(IArbitration.NotArbiter.selector);
        arbitration.record(arbiters(), 2, CASE, 5000, signatures);
    }

    /* THE BENCH */

    function testFuzz_TheKeyCommitsToEveryTerm(uint8 threshold, bytes32 caseId) public view {
        threshold = uint8(bound(threshold, 1, 3));

        bytes32 key = arbitration.keyOf(arbiters(), threshold, caseId);

        assertEq(key, keccak256(abi.encode(arbiters(), threshold, caseId)));
    }

    function test_RevertWhen_TheThresholdIsZeroOrCannotBeReached() public {
        refusesBench(arbiters(), 0, abi.encodeWithSelector(IArbitration.InvalidThreshold.selector, 0, 3));
        refusesBench(arbiters(), 4, abi.encodeWithSelector(IArbitration.InvalidThreshold.selector, 4, 3));
        refusesBench(new address[](0), 1, abi.encodeWithSelector(IArbitration.InvalidThreshold.selector, 1, 0));
    }

    function test_RevertWhen_TheArbitersAreNotStrictlyAscending() public {
        address[] memory swapped = arbiters();
        (swapped[1], swapped[2]) = (swapped[2], swapped[1]);
        refusesBench(swapped, 2, notAscending(swapped[1], swapped[2]));

        address[] memory repeated = arbiters();
        repeated[1] = repeated[0];
        refusesBench(repeated, 2, notAscending(repeated[0], repeated[0]));
    }

    /// @dev Zero is what a malformed signature recovers to.
    function test_RevertWhen_AnArbiterIsZero() public {
        address[] memory list = arbiters();
        list[0] = address(0);

        refusesBench(list, 2, notAscending(address(0), address(0)));
    }

    /* THE FIRST VERDICT STANDS */

    function test_TheSameVerdictAgainChangesNothingAndDoesNotFail() public {
        recordVerdict(CASE, 2500);
        uint256 decidedAt = vm.getBlockTimestamp();
        skip(1 hours);
        Signature[] memory signatures = signVerdict(_key, 2500, 1, 2);

        vm.recordLogs();
        arbitration.record(arbiters(), 2, CASE, 2500, signatures);

        assertEq(vm.getRecordedLogs().length, 0);
        assertOutcome(arbitration, _key, 2500, decidedAt);
    }

    function test_RevertWhen_AnotherVerdictStands() public {
        recordVerdict(CASE, 0);
        uint256 decidedAt = vm.getBlockTimestamp();
        skip(1 hours);

        bytes memory reason = abi.encodeWithSelector(IArbitration.VerdictStands.selector, _key, 0, 10_000);
        refuses(10_000, signVerdict(_key, 10_000, 0, 1), reason);

        assertOutcome(arbitration, _key, 0, decidedAt);
    }

    function test_RevertWhen_TheSameShareComesWithoutItsSignatures() public {
        recordVerdict(CASE, 2500);

        refuses(2500, new Signature[](0), abi.encodeWithSelector(IArbitration.TooFewSignatures.selector, 0, 2));
    }

    function testFuzz_CasesAreIndependent(uint16 shareBps, bytes32 other) public {
        vm.assume(other != CASE);
        recordVerdict(CASE, uint16(bound(shareBps, 0, 10_000)));

        assertUndecided(arbitration, caseKey(other));
        assertUndecided(arbitration, arbitration.keyOf(arbiters(), 1, CASE));
    }

    /* LOCKS */

    function test_AcceptedWorkIsPaidInFull() public {
        Lock memory lock = settleLockOn(arbitration, _key);
        recordVerdict(CASE, 10_000);

        assertUnlocks(lock, AMOUNT);
    }

    function test_RejectedWorkGoesBackAtOnce() public {
        Lock memory lock = settleLockOn(arbitration, _key);
        recordVerdict(CASE, 0);

        assertUnlocks(lock, 0);
    }

    function test_APartialRefundPaysBoth() public {
        Lock memory lock = settleLockOn(arbitration, _key);
        recordVerdict(CASE, 2500);

        assertUnlocks(lock, 100);
    }

    function test_AVerdictAtTheExpiryCountsForEver() public {
        Lock memory lock = settleLockOn(arbitration, _key);
        vm.warp(expiry);
        recordVerdict(CASE, 10_000);
        skip(365 days);

        assertUnlocks(lock, AMOUNT);
    }

    function test_AVerdictAfterTheExpiryComesTooLate() public {
        Lock memory lock = settleLockOn(arbitration, _key);
        vm.warp(expiry + 1);
        recordVerdict(CASE, 10_000);

        assertUnlocks(lock, 0);
    }

    function test_RevertWhen_UnlockedWithoutAVerdict() public {
        Lock memory lock = settleLockOn(arbitration, _key);

        vm.expectRevert(abi.encodeWithSelector(IChannels.LockPending.selector, lock.id, expiry, block.timestamp));
        unlock(lock);
    }

    /* HELPERS */

    function refuses(uint16 shareBps, Signature[] memory signatures, bytes memory reason) private {
        vm.expectRevert(reason);
        arbitration.record(arbiters(), 2, CASE, shareBps, signatures);
    }

    /// @dev Both ways in: no key is given for terms that no verdict can be recorded for.
    function refusesBench(address[] memory list, uint8 threshold, bytes memory reason) private {
        vm.expectRevert(reason);
        arbitration.keyOf(list, threshold, CASE);
        vm.expectRevert(reason);
        arbitration.record(list, threshold, CASE, 0, new Signature[](4));
    }

    function notArbiter(uint256 index, address recovered) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IArbitration.NotArbiter.selector, index, recovered);
    }

    function notAscending(address previous, address arbiter) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IArbitration.ArbitersNotAscending.selector, previous, arbiter);
    }

    function shareTooLarge() private pure returns (bytes4) {
        return IArbitration.ShareTooLarge.selector;
    }
}
