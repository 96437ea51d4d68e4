// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IChannels} from "../../../contracts/interfaces/IChannels.sol";
import {Channel, CloseIntent, Phase, Signatures, State, Withdrawal} from "../../../contracts/types/ChannelTypes.sol";
import {ChannelsTest} from "../ChannelsTest.sol";
import {DenyingWallet} from "../mocks/DenyingWallet.sol";

/// @notice A signature is good for one message, one channel, one contract and one chain, once: INV-6, INV-7.
contract MessagesTest is ChannelsTest {
    enum Message {
        State,
        Voucher,
        Withdrawal,
        Close,
        CloseIntent
    }

    uint8 private constant COUNT = 5;
    uint64 private _deadline;

    function setUp() public override {
        super.setUp();
        _deadline = uint64(block.timestamp + 100 days); // later than any dispute here
        open(twoWay(), 100, 0);
        open(oneWay(), 100, 0);
    }

    /// @dev nitrolite's fault: one signed payload was good for two purposes.
    function test_RevertWhen_AMessageIsUsedForAnotherPurpose() public {
        for (uint8 purpose = 0; purpose < COUNT; ++purpose) {
            bytes32 id = channels.channelId(channelFor(Message(purpose)));
            for (uint8 other = 0; other < COUNT; ++other) {
                if (other == purpose) continue;
                refusesSignatures(Message(purpose), signBoth(hashOf(Message(other), id)));
            }
            // The terms are no message, but somebody may have signed them all the same: the id is their digest.
            refusesSignatures(Message(purpose), Signatures(sign(payerSigner, id), sign(payeeSigner, id)));
        }
    }

    /// @dev What is refused elsewhere in this file is good where it belongs.
    function test_WhenUsedForItsOwnPurpose_EachMessageIsGood() public {
        for (uint8 message = 0; message < COUNT; ++message) {
            uint256 snapshot = vm.snapshotState();
            assertTrue(submits(Message(message), signed(Message(message))));
            vm.revertToState(snapshot);
        }
    }

    /// @dev Nitro's fault: its ids leave out the chain.
    function test_RevertWhen_SignedForAnotherChain() public {
        for (uint8 message = 0; message < COUNT; ++message) {
            uint256 here = block.chainid;
            vm.chainId(10);
            Signatures memory elsewhere = signed(Message(message));
            vm.chainId(here);
            refusesSignatures(Message(message), elsewhere);
        }
    }

    function test_RevertWhen_SignedForAnotherContract() public {
        IChannels here = channels;
        IChannels other = deployChannels(MIN_PERIOD, MAX_PERIOD);
        for (uint8 message = 0; message < COUNT; ++message) {
            channels = other;
            Signatures memory elsewhere = signed(Message(message));
            channels = here;
            refusesSignatures(Message(message), elsewhere);
        }
    }

    function test_RevertWhen_SignedForAnotherChannel() public {
        for (uint8 message = 0; message < COUNT; ++message) {
            Channel memory other = salted(channelFor(Message(message)), 2);
            refusesSignatures(Message(message), signBoth(hashOf(Message(message), channels.channelId(other))));
        }
    }

    /// @dev Nitro's fault: a settled channel could be funded again and its final state replayed. Here nothing that was ever
    ///      signed in a settled channel does anything.
    function test_RevertWhen_TheChannelIsSettled() public {
        Signatures[] memory all = new Signatures[](COUNT);
        for (uint8 message = 0; message < COUNT; ++message) {
            all[message] = signed(Message(message));
        }
        settled(twoWay());
        settled(oneWay());
        usdc.mint(address(channels), 1000);

        bytes4 notOpen = IChannels.ChannelNotOpen.selector;
        bytes4 notActive = IChannels.ChannelNotActive.selector;
        bytes4[COUNT] memory errors = [notOpen, notActive, notOpen, notActive, notOpen];
        for (uint8 message = 0; message < COUNT; ++message) {
            bytes memory call = callOf(Message(message), all[message]);
            vm.prank(payer.addr);
            (bool succeeded, bytes memory answer) = address(channels).call(call);
            assertFalse(succeeded);
            assertEq(bytes4(answer), errors[message]);
        }

        assertEq(usdc.balanceOf(address(channels)), 1000);
        assertPhase(twoWay(), Phase.Settled);
        assertPhase(oneWay(), Phase.Settled);
    }

    /// @dev Where ERC-1271 is asked, an EIP-7702 delegation voids overnight what an ordinary account has signed.
    function test_WhenTheSignersAreDelegatedToAWalletThatDeniesAll_EachMessageIsGood() public {
        address denying = address(new DenyingWallet());
        vm.signAndAttachDelegation(denying, payerSigner.privateKey);
        payable(payerSigner.addr).transfer(0);
        vm.signAndAttachDelegation(denying, payeeSigner.privateKey);
        payable(payeeSigner.addr).transfer(0);
        assertEq(payerSigner.addr.code, abi.encodePacked(hex"ef0100", denying));
        assertEq(payeeSigner.addr.code, abi.encodePacked(hex"ef0100", denying));

        test_WhenUsedForItsOwnPurpose_EachMessageIsGood();
    }

    /* HELPERS */

    /// @dev Where this message is good: a two-way channel, but for vouchers.
    function channelFor(Message message) private view returns (Channel memory) {
        return message == Message.Voucher ? oneWay() : twoWay();
    }

    function signed(Message message) private returns (Signatures memory) {
        return signBoth(hashOf(message, channels.channelId(channelFor(message))));
    }

    /// @dev The figures are as alike as the types allow.
    function hashOf(Message message, bytes32 id) private view returns (bytes32) {
        if (message == Message.State) return stateHash(id, stateOf(5, 5));
        if (message == Message.Voucher) return voucherHash(id, 5);
        if (message == Message.Withdrawal) return withdrawalHash(id, Withdrawal(5, 5, _deadline));
        if (message == Message.Close) return closeHash(id, 5);
        return intentHash(id, CloseIntent(5, _deadline));
    }

    function refusesSignatures(Message purpose, Signatures memory signatures) private {
        uint256 snapshot = vm.snapshotState();
        bytes4 selector =
            purpose == Message.CloseIntent ? IChannels.NotSigner.selector : IChannels.InvalidSignature.selector;
        bytes memory call = callOf(purpose, signatures);
        vm.prank(payer.addr);
        (bool succeeded, bytes memory answer) = address(channels).call(call);
        assertFalse(succeeded);
        assertEq(bytes4(answer), selector);
        vm.revertToState(snapshot);
    }

    function submits(Message purpose, Signatures memory signatures) private returns (bool succeeded) {
        bytes memory call = callOf(purpose, signatures);
        vm.prank(payer.addr);
        (succeeded,) = address(channels).call(call);
    }

    function callOf(Message purpose, Signatures memory signatures) private returns (bytes memory) {
        Channel memory channel = channelFor(purpose);
        State memory state = stateOf(5, 5);
        if (purpose == Message.State) {
            return abi.encodeWithSignature(
                "startClose((address,address,address,address,address,uint32,bool,uint88),(uint64,int128,uint128,uint128,bytes32),((bytes32,bytes32),(bytes32,bytes32)))",
                channel,
                state,
                signatures
            );
        }
        if (purpose == Message.Voucher) return abi.encodeCall(channels.collect, (channel, 5, signatures.payer));
        if (purpose == Message.Withdrawal) {
            return abi.encodeCall(channels.withdraw, (channel, Withdrawal(5, 5, _deadline), signatures));
        }
        if (purpose == Message.Close) return abi.encodeCall(channels.close, (channel, 5, signatures));
        return abi.encodeWithSignature(
            "startClose((address,address,address,address,address,uint32,bool,uint88),(uint64,int128,uint128,uint128,bytes32),((bytes32,bytes32),(bytes32,bytes32)),(uint64,uint64),(bytes32,bytes32))",
            channel,
            state,
            signState(channel, state),
            CloseIntent(5, _deadline),
            signatures.payer
        );
    }
}
