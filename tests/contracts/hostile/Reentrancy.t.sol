// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {
    Authorization,
    Channel,
    CloseIntent,
    Collect,
    Lock,
    Permit,
    Phase,
    Signature,
    Signatures,
    State,
    Unlock,
    Withdrawal
} from "../../../contracts/types/ChannelTypes.sol";
import {ChannelsTest} from "../ChannelsTest.sol";
import {LocksTest} from "../LocksTest.sol";
import {HookedToken} from "../mocks/HookedToken.sol";
import {ReenteringToken} from "../mocks/HostileTokens.sol";
import {HostileTokenTest} from "./HostileTokenTest.sol";

/// @notice A token that reenters every function that moves money, on every hook: each is refused by the guard, and the
///         table of HostileTokenTest holds as for an honest token.
contract ReentrantTokenTest is HostileTokenTest {
    uint256 private constant GUARDED = 13;

    bytes[] private _guarded;

    function deployToken() internal override returns (address) {
        return address(new HookedToken());
    }

    function setUp() public override {
        super.setUp();
        plantGuarded();
    }

    function turn(address) internal override {
        HookedToken(token).plant(address(channels), _guarded);
    }

    function pays(bytes memory call, uint256 toPayer, uint256 toPayee) internal override {
        super.pays(call, toPayer, toPayee);
        wasRefusedAt(HookedToken.Hook.Transfer);
    }

    function test_OnTransferFrom_EveryFunctionIsRefused() public {
        turn(payer.addr);
        depositFrom(payer.addr, both(), false, 10);
        wasRefusedAt(HookedToken.Hook.TransferFrom);
    }

    function test_OnPermit_EveryFunctionIsRefused() public {
        turn(payer.addr);
        vm.prank(payer.addr);
        channels.depositWithPermit(both(), false, 10, Permit(0, 0, 0, 0));
        wasRefusedAt(HookedToken.Hook.Permit);
    }

    function test_OnReceiveWithAuthorization_EveryFunctionIsRefused() public {
        turn(payer.addr);
        channels.depositWithAuthorization(both(), false, 10, Authorization(0, 0, 0, "wallet"));
        wasRefusedAt(HookedToken.Hook.ReceiveWithAuthorization);
    }

    /// @dev A push fails while the token's hook lets a call through; the claim that is left is taken with hooks of its own.
    function test_OnAClaimsTransfer_EveryFunctionIsRefused() public {
        bytes[] memory succeeding = new bytes[](1);
        succeeding[0] = abi.encodeCall(channels.channelId, (both()));
        HookedToken(token).plant(address(channels), succeeding);
        disputed();
        channels.settle(both());
        assertEq(channels.claims(token, payer.addr), 600);
        turn(payer.addr);
        uint256 before = HookedToken(token).balanceOf(payer.addr);

        vm.prank(payer.addr);
        channels.claim(token, payer.addr);

        wasRefusedAt(HookedToken.Hook.Transfer);
        assertEq(HookedToken(token).balanceOf(payer.addr), before + 600);
        assertEq(channels.claims(token, payer.addr), 0);
    }

    /* HELPERS */

    function wasRefusedAt(HookedToken.Hook hook) private view {
        bytes[] memory answers = HookedToken(token).answersAt(hook);
        assertGe(answers.length, GUARDED, "the hook was reached");
        for (uint256 i = 0; i < answers.length; ++i) {
            assertEq(bytes4(answers[i]), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        }
    }

    /// @dev Well-formed calls: without its guard each would answer with another error, or succeed.
    function plantGuarded() private {
        Channel memory channel = both();
        Signature memory none;
        Signatures memory noSignatures;
        Lock memory lock;
        _guarded.push(abi.encodeCall(channels.deposit, (channel, false, 1)));
        _guarded.push(abi.encodeCall(channels.depositWithPermit, (channel, false, 1, Permit(0, 0, 0, 0))));
        _guarded.push(
            abi.encodeCall(channels.depositWithAuthorization, (channel, false, 1, Authorization(0, 0, 0, "wallet")))
        );
        _guarded.push(abi.encodeCall(channels.withdraw, (channel, Withdrawal(1, 1, 1), noSignatures)));
        _guarded.push(abi.encodeCall(channels.collect, (single(1), 1, none)));
        _guarded.push(abi.encodeCall(channels.collectMany, (new Collect[](0))));
        _guarded.push(abi.encodeCall(channels.close, (channel, 0, noSignatures)));
        _guarded.push(abi.encodeCall(channels.closeOneWay, (single(1), 1, none)));
        _guarded.push(abi.encodeCall(channels.settle, (channel)));
        _guarded.push(abi.encodeCall(channels.settleMany, (new Channel[](0))));
        _guarded.push(abi.encodeCall(channels.unlock, (channel, lock, new bytes32[](0))));
        _guarded.push(abi.encodeCall(channels.unlockMany, (new Unlock[](0))));
        _guarded.push(abi.encodeCall(channels.claim, (token, payer.addr)));
        assertEq(_guarded.length, GUARDED);
    }
}

/// @notice Calls back when it is asked, and answers only if that was refused.
contract ReenteringCondition {
    address private immutable _target;
    bytes private _planted;

    error Reentered();

    constructor(address target) {
        _target = target;
    }

    function plant(bytes calldata planted) external {
        _planted = planted;
    }

    function outcome(bytes32) external returns (uint16 shareBps, uint40 decidedAt) {
        (bool succeeded, bytes memory answer) = _target.call(_planted);
        bool refused = bytes4(answer) == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        if (succeeded || !refused) revert Reentered();
        return (10_000, uint40(block.timestamp));
    }
}

/// @notice A condition is asked while its lock is not yet marked: to unlock the same lock from there is refused.
contract ReenteringConditionTest is LocksTest {
    function test_WhenAConditionUnlocksItsOwnLock_TheInnerCallIsRefusedAndTheLockResolvesOnce() public {
        ReenteringCondition reentering = new ReenteringCondition(address(channels));
        Lock memory lock = lockOf(0, 100, true);
        lock.condition = address(reentering);
        settleWith(twoWay(), one(lock));
        reentering.plant(abi.encodeCall(channels.unlock, (twoWay(), lock, new bytes32[](0))));
        uint256 before = usdc.balanceOf(payee.addr);

        channels.unlock(twoWay(), lock, new bytes32[](0));

        assertEq(usdc.balanceOf(payee.addr), before + 100);
        assertEq(viewOf(twoWay()).payerPool, 0);
    }
}

/// @notice Starting a close and challenging have no guard, for they call nothing: from a token's hook they do what they
///         would do a moment later, and the payment under way is what it would have been.
contract UnguardedReentrancyTest is ChannelsTest {
    ReenteringToken private _token;

    function setUp() public override {
        super.setUp();
        _token = new ReenteringToken();
        _token.mint(payer.addr, 1000);
        vm.prank(payer.addr);
        _token.approve(address(channels), 1000);
        open(channelOf(1), 100, 0);
        open(channelOf(2), 100, 0);
    }

    function test_WhenAWithdrawalsTransferStartsAClose_BothStand() public {
        CloseIntent memory intent = CloseIntent(0, uint64(block.timestamp + 1));
        Signature memory signature = signIntent(payerSigner, channelOf(1), intent);
        string memory start =
            "startClose((address,address,address,address,address,uint32,bool,uint88),(uint64,uint64),(bytes32,bytes32))";
        _token.plant(address(channels), abi.encodeWithSignature(start, channelOf(1), intent, signature));
        Withdrawal memory withdrawal = Withdrawal(70, 0, uint64(block.timestamp + 1));

        channels.withdraw(channelOf(1), withdrawal, signWithdrawal(channelOf(1), withdrawal));

        assertTrue(_token.succeeded());
        assertPhase(channelOf(1), Phase.Closing);
        assertEq(viewOf(channelOf(1)).payerWithdrawn, 70);
        assertEq(viewOf(channelOf(1)).payerPaid, 30);
    }

    function test_WhenAnAgreedClosesTransferChallengesAnother_BothStand() public {
        startCloseBare(channelOf(2));
        State memory state = stateOf(3, 25);
        Signatures memory signatures = signState(channelOf(2), state);
        _token.plant(address(channels), abi.encodeCall(channels.challenge, (channelOf(2), state, signatures)));

        channels.close(channelOf(1), 100, signClose(channelOf(1), 100));

        assertTrue(_token.succeeded());
        assertEq(_token.balanceOf(payee.addr), 100);
        assertEq(viewOf(channelOf(2)).payeePaid, 25);
    }

    function channelOf(uint88 salt) private view returns (Channel memory channel) {
        channel = salted(twoWay(), salt);
        channel.token = address(_token);
    }
}
