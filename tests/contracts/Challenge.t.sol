// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, ChannelView, Phase, Signatures, State} from "../../contracts/types/ChannelTypes.sol";

contract ChallengeTest is ChannelsTest {
    bytes32 private _id;
    uint40 private _deadline;

    function setUp() public override {
        super.setUp();
        _id = open(twoWay(), 100, 50);
        _deadline = startCloseWith(twoWay(), stateOf(10, 30));
    }

    /* WHEN it replaces the state */

    function test_WhenNewer_ItReplacesTheStateWhoeverCalls() public {
        State memory newer = lockedState(11, 40, 5, 6);
        Signatures memory signatures = signState(twoWay(), newer);

        vm.expectEmit(address(channels));
        emit IChannels.Challenged(_id, newer);
        vm.prank(stranger);
        channels.challenge(twoWay(), newer, signatures);

        ChannelView memory known = viewOf(twoWay());
        assertEq(known.sequence, 11);
        assertEq(known.payerPaid, 55);
        assertEq(known.payeePaid, 84);
        assertEq(known.payerPool, 5);
        assertEq(known.payeePool, 6);
        assertEq(known.locksRoot, newer.locksRoot);
    }

    /// @dev INV-4. Celer's and Nitro's fault: each newer state moved the deadline.
    function test_WhenNewer_TheDeadlineDoesNotMove() public {
        for (uint64 sequence = 11; sequence < 20; ++sequence) {
            skip(1 hours);
            challenge(stateOf(sequence, 40));
            assertEq(viewOf(twoWay()).deadline, _deadline);
        }
    }

    function test_WhenOneSecondIsLeft_ItIsAccepted() public {
        vm.warp(_deadline - 1);
        challenge(stateOf(11, 40));
        assertEq(viewOf(twoWay()).sequence, 11);
    }

    function test_WhenStartedBare_AnyStateIsNewer() public {
        Channel memory channel = twoWay();
        channel.salt = 2;
        open(channel, 100, 0);
        startCloseBare(channel);

        channels.challenge(channel, stateOf(1, 40), signState(channel, stateOf(1, 40)));

        assertEq(viewOf(channel).sequence, 1);
        assertEq(viewOf(channel).payeePaid, 40);
    }

    function test_WhenTheNewerStateHasNoLocks_TheOldOnesAreForgotten() public {
        challenge(lockedState(11, 40, 5, 6));

        challenge(stateOf(12, 40));

        ChannelView memory known = viewOf(twoWay());
        assertEq(known.payerPool, 0);
        assertEq(known.payeePool, 0);
        assertEq(known.locksRoot, 0);
        assertEq(known.payerPaid, 60);
        assertEq(known.payeePaid, 90);
    }

    function test_WhenTheNewerStateHasOtherLocks_TheyReplaceTheOldOnes() public {
        challenge(lockedState(11, 40, 5, 6));
        State memory newer = lockedState(12, 40, 7, 0);
        newer.locksRoot = keccak256("other locks");

        challenge(newer);

        assertEq(viewOf(twoWay()).payerPool, 7);
        assertEq(viewOf(twoWay()).payeePool, 0);
        assertEq(viewOf(twoWay()).locksRoot, newer.locksRoot);
    }

    function test_WhenTheSequenceIsTheLargest_ItIsAccepted() public {
        challenge(stateOf(type(uint64).max, 40));
        assertEq(viewOf(twoWay()).sequence, type(uint64).max);
    }

    function test_WhenNewer_NothingOutsideIsCalled() public {
        Signatures memory signatures = signState(twoWay(), stateOf(11, 40));
        vm.expectCall(address(usdc), "", 0);
        channels.challenge(twoWay(), stateOf(11, 40), signatures);
    }

    /* WHEN it refuses */

    function test_RevertWhen_NotNewer() public {
        bytes4 selector = IChannels.SequenceNotHigher.selector;
        refuses(stateOf(10, 40), abi.encodeWithSelector(selector, 10, 10));
        refuses(stateOf(9, 40), abi.encodeWithSelector(selector, 9, 10));
        refuses(stateOf(0, 40), abi.encodeWithSelector(selector, 0, 10));
    }

    /// @dev Raiden's fault: updates were accepted after the period.
    function test_RevertWhen_TheDeadlineHasCome() public {
        vm.warp(_deadline);
        refuses(stateOf(11, 40), abi.encodeWithSelector(IChannels.ChallengePeriodOver.selector, _deadline, _deadline));
    }

    function test_RevertWhen_NotClosing() public {
        Channel memory channel = twoWay();
        channel.salt = 2;
        bytes32 id = channels.channelId(channel);
        bytes4 selector = IChannels.ChannelNotClosing.selector;
        refuses(channel, stateOf(1, 0), abi.encodeWithSelector(selector, id, Phase.None));
        open(channel, 100, 0);
        refuses(channel, stateOf(1, 0), abi.encodeWithSelector(selector, id, Phase.Open));
        settled(channel);
        refuses(channel, stateOf(1, 0), abi.encodeWithSelector(selector, id, Phase.Settled));
    }

    function test_RevertWhen_OneWay() public {
        bytes32 id = open(oneWay(), 100, 0);
        startCloseBare(oneWay());
        refuses(oneWay(), stateOf(11, 40), abi.encodeWithSelector(IChannels.OneWayChannel.selector, id));
    }

    /* WHEN signatures are not what they should be (INV-6) */

    function test_RevertWhen_AFieldWasChanged() public {
        State memory signed = lockedState(11, 40, 5, 6);
        Signatures memory signatures = signState(twoWay(), signed);
        for (uint256 i = 0; i < 5; ++i) {
            State memory state = lockedState(11, 40, 5, 6);
            if (i == 0) state.sequence = 12;
            if (i == 1) state.paid = 41;
            if (i == 2) state.payerLocked = 4;
            if (i == 3) state.payeeLocked = 7;
            if (i == 4) state.locksRoot = keccak256("others");
            vm.expectPartialRevert(IChannels.InvalidSignature.selector);
            channels.challenge(twoWay(), state, signatures);
        }
    }

    function test_RevertWhen_SignedForAnotherChannelContractOrChain() public {
        Channel memory other = twoWay();
        other.salt = 2;
        refusesSignatures(signState(other, stateOf(11, 40)));

        IChannels here = channels;
        channels = deployChannels(MIN_PERIOD, MAX_PERIOD);
        Signatures memory elsewhere = signState(twoWay(), stateOf(11, 40));
        channels = here;
        refusesSignatures(elsewhere);

        vm.chainId(1);
        elsewhere = signState(twoWay(), stateOf(11, 40));
        vm.chainId(31_337);
        refusesSignatures(elsewhere);
    }

    /// @dev Nitro's fault: high-s signatures passed. EIP-2098 leaves 255 bits for s and half the order is just below
    ///      2^255, so few high s can be written at all; those are refused, not recovered.
    function testFuzz_RevertWhen_SIsHigh(uint256 s) public {
        s = bound(s, CURVE_ORDER / 2 + 1, 2 ** 255 - 1);
        Signatures memory signatures = signState(twoWay(), stateOf(11, 40));
        signatures.payer.vs = bytes32(s);
        vm.expectRevert(abi.encodeWithSelector(IChannels.InvalidSignature.selector, payerSigner.addr, address(0)));
        channels.challenge(twoWay(), stateOf(11, 40), signatures);
    }

    /// @dev The same signature mirrored (n - s, other parity), which the bare EVM takes for the signer's.
    function testFuzz_RevertWhen_TheSignatureIsMirrored(uint64 sequence) public {
        State memory state = stateOf(uint64(bound(sequence, 11, type(uint64).max)), 40);
        Signatures memory signatures = signState(twoWay(), state);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(payerSigner, digest(stateHash(_id, state)));
        uint256 mirrored = CURVE_ORDER - uint256(s);
        uint8 parity = v == 27 ? 28 : 27;
        assertEq(ecrecover(digest(stateHash(_id, state)), parity, r, bytes32(mirrored)), payerSigner.addr);

        signatures.payer.vs = bytes32(uint256(parity - 27) << 255 | (mirrored & (2 ** 255 - 1)));
        vm.expectPartialRevert(IChannels.InvalidSignature.selector);
        channels.challenge(twoWay(), state, signatures);
    }

    function test_RevertWhen_ASignatureIsEmpty() public {
        Signatures memory signatures = signState(twoWay(), stateOf(11, 40));
        delete signatures.payer;
        vm.expectRevert(abi.encodeWithSelector(IChannels.InvalidSignature.selector, payerSigner.addr, address(0)));
        channels.challenge(twoWay(), stateOf(11, 40), signatures);
    }

    /// @dev ERC-1271 is never asked: an EIP-7702 delegation can neither add to nor take from what a key signed.
    function test_WhenTheSignersAccountHasCode_ItsSignaturesStillCount() public {
        vm.etch(payerSigner.addr, hex"ef0100000000000000000000000000000000000000dead");
        challenge(stateOf(11, 40));
        assertEq(viewOf(twoWay()).sequence, 11);
    }

    function challenge(State memory state) private {
        channels.challenge(twoWay(), state, signState(twoWay(), state));
    }

    function refuses(State memory state, bytes memory reason) private {
        refuses(twoWay(), state, reason);
    }

    function refuses(Channel memory channel, State memory state, bytes memory reason) private {
        Signatures memory signatures = signState(channel, state);
        vm.expectRevert(reason);
        channels.challenge(channel, state, signatures);
    }

    function refusesSignatures(Signatures memory signatures) private {
        vm.expectPartialRevert(IChannels.InvalidSignature.selector);
        channels.challenge(twoWay(), stateOf(11, 40), signatures);
    }
}
