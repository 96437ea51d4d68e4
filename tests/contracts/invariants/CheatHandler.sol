// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {
    Challenge,
    Channel,
    ChannelView,
    CloseIntent,
    Collect,
    Phase,
    Signature,
    Signatures,
    State,
    Unlock,
    Withdrawal
} from "../../../contracts/types/ChannelTypes.sol";
import {TreacherousToken} from "../mocks/TreacherousToken.sol";
import {LockHandler} from "./LockHandler.sol";

/// @notice What cheats try, and what an honest party does against it.
abstract contract CheatHandler is LockHandler {
    TreacherousToken private immutable _treacherous = new TreacherousToken();

    Vm.Wallet private _thief = vm.createWallet("invariant thief");

    /* INV-6 */

    /// @dev Messages that would be good at the right moment if the parties had signed them, with signatures by somebody
    ///      else, for another channel or in the wrong order.
    function misuse(uint256 index, uint256 what, uint256 manner) external checked {
        index = bound(index, 0, CHANNELS - 2);
        what = bound(what, 0, 5);
        if (what == 0) {
            State memory state = State(_ledgers[index].newest + 1, 0, 0, 0, bytes32(0));
            Signatures memory spoilt = spoil(manner, stateHash(index, state), stateHash(otherThan(index), state));
            refused(_stranger, abi.encodeCall(channels.challenge, (channelAt(index), state, spoilt)));
        } else if (what == 1) {
            uint128 more = viewAt(index).payerWithdrawn + 1;
            Withdrawal memory withdrawal = Withdrawal(more, 0, uint64(vm.getBlockTimestamp() + 1));
            bytes32 elsewhere = withdrawalHash(otherThan(index), withdrawal);
            Signatures memory spoilt = spoil(manner, withdrawalHash(index, withdrawal), elsewhere);
            refused(_stranger, abi.encodeCall(channels.withdraw, (channelAt(index), withdrawal, spoilt)));
        } else if (what == 2) {
            Signatures memory spoilt = spoil(manner, closeHash(idAt(index), 0), closeHash(idAt(otherThan(index)), 0));
            refused(_stranger, abi.encodeCall(channels.close, (channelAt(index), int128(0), spoilt)));
        } else if (what == 3) {
            State memory state = State(_ledgers[index].newest + 1, 0, 0, 0, bytes32(0));
            Signatures memory spoilt = spoil(manner, stateHash(index, state), stateHash(otherThan(index), state));
            refused(_payer.addr, abi.encodeWithSignature(START_CLOSE_WITH_STATE, channelAt(index), state, spoilt));
        } else if (what == 4) {
            CloseIntent memory intent = CloseIntent(0, uint64(vm.getBlockTimestamp() + 1));
            Signature memory spoilt = manner % 2 == 0
                ? sign(_thief, intentHash(index, intent))
                : sign(_payer, intentHash(otherThan(index), intent));
            refused(_stranger, abi.encodeWithSignature(START_CLOSE_BY_INTENT, channelAt(index), intent, spoilt));
        } else {
            misuseInBatch(index, manner);
        }
    }

    /// @dev A spoilt item is skipped: neither the dispute nor what was collected goes on.
    function misuseInBatch(uint256 index, uint256 manner) private {
        State memory state = State(_ledgers[index].newest + 1, 0, 0, 0, bytes32(0));
        Signatures memory spoilt = spoil(manner, stateHash(index, state), stateHash(otherThan(index), state));
        Challenge[] memory challenges = new Challenge[](1);
        challenges[0] = Challenge(channelAt(index), state, spoilt);
        uint64 before = viewAt(index).sequence;
        done("a spoilt challengeMany", _stranger, abi.encodeCall(channels.challengeMany, (challenges)));
        assertEq(viewAt(index).sequence, before, "INV-6 in a batch of challenges");

        uint256 oneWay = CHANNELS - 1;
        uint128 due = uint128(_ledgers[oneWay].collected + 1);
        Collect[] memory vouchers = new Collect[](1);
        vouchers[0] = Collect(channelAt(oneWay), due, spoilVoucher(manner, oneWay, due));
        pays("a spoilt collectMany", _stranger, abi.encodeCall(channels.collectMany, (vouchers)), 0, 0);
    }

    function misuseVoucher(uint256 manner) external checked {
        uint256 index = CHANNELS - 1;
        uint128 due = uint128(_ledgers[index].collected + 1);
        Signature memory spoilt = spoilVoucher(manner, index, due);
        refused(_stranger, abi.encodeCall(channels.collect, (channelAt(index), due, spoilt)));
    }

    /// @dev The thief's, the payee's own, the payer's for another channel.
    function spoilVoucher(uint256 manner, uint256 index, uint128 due) private returns (Signature memory) {
        manner = bound(manner, 0, 2);
        if (manner == 0) return sign(_thief, voucherHash(index, due));
        return manner == 1 ? sign(_payee, voucherHash(index, due)) : sign(_payer, voucherHash(0, due));
    }

    /// @dev The thief's for the payer's, the thief's for the payee's, both of another channel, both swapped.
    function spoil(uint256 manner, bytes32 right, bytes32 elsewhere) private returns (Signatures memory) {
        manner = bound(manner, 0, 3);
        if (manner == 0) return Signatures(sign(_thief, right), sign(_payee, right));
        if (manner == 1) return Signatures(sign(_payer, right), sign(_thief, right));
        if (manner == 2) return signBoth(elsewhere);
        return Signatures(sign(_payee, right), sign(_payer, right));
    }

    function otherThan(uint256 index) private pure returns (uint256) {
        return (index + 1) % (CHANNELS - 1);
    }

    /* INV-5 */

    /// @dev Both sign a newest state that the deposits cover; a cheat closes with an older one, a watcher answers in the
    ///      last second: each has its free balance afterwards.
    function defend(uint256 index, bool ofPayee, uint64 stale, int128 paid, uint256 chance) external checked {
        if (chance % 4 != 0) return;
        index = bound(index, 0, CHANNELS - 2);
        if (viewAt(index).phase != Phase.Open) return;
        stale = uint64(bound(stale, 0, _ledgers[index].signed));
        signState(index, paid, 0, 0, true);
        State memory newest = _states[index][_ledgers[index].signed];
        address cheat = ofPayee ? _payee.addr : _payer.addr;
        startWith(index, cheat, stale);
        vm.warp(_ledgers[index].deadline - 1);
        done("defend", _stranger, challengeCall(index, newest));
        (_ledgers[index].newest, _ledgers[index].newestPaid) = (newest.sequence, newest.paid);
        refused(cheat, challengeCall(index, _states[index][stale]));

        Owned memory before = owned();
        (uint256 payerBalance, uint256 payeeBalance) = balancesIn(index, newest);
        bringToEnd(index);
        assertEq(owned().payer - before.payer, payerBalance, "INV-5 the payer's balance");
        assertEq(owned().payee - before.payee, payeeBalance, "INV-5 the payee's balance");
    }

    function balancesIn(uint256 index, State memory state) private view returns (uint256 payer, uint256 payee) {
        ChannelView memory known = viewAt(index);
        // Below zero before what was paid, if the payer has withdrawn what the payee owed it.
        int256 funds = int256(uint256(known.payerDeposit)) - int256(uint256(known.payerWithdrawn));
        payer = uint256(funds - state.paid);
        payee = leftIn(known) - payer;
    }

    /* A MALICIOUS TOKEN */

    /// @dev Each of its channels has the parties and terms of an honest one. What happens to its units is nobody's
    ///      concern; the honest token's accounts, which every invariant compares, must not notice.
    function betray(uint256 action, uint256 mood, uint256 victim, uint256 amount) external checked {
        action = bound(action, 0, 5);
        amount = bound(amount, 1, 1000);
        _treacherous.mint(_stranger, amount);
        vm.prank(_stranger);
        _treacherous.approve(address(channels), amount);

        victim = bound(victim, 0, CHANNELS - 1);
        _treacherous.choose(moodOf(mood), address(channels), plantedCall(mood, victim));
        bytes memory call_ = callOnTreacherous(victim, action, amount);
        vm.prank(action == 1 || action == 4 ? _payer.addr : _stranger);
        (bool success,) = address(channels).call(call_);
        _treacherous.choose(TreacherousToken.Mood.Honest, address(0), "");
        assertFalse(_treacherous.wasLetIn(), success ? "a token was let in" : "a token was let in, and then refused");
    }

    function moodOf(uint256 mood) private pure returns (TreacherousToken.Mood) {
        return TreacherousToken.Mood(mood % (uint256(type(TreacherousToken.Mood).max) + 1));
    }

    function callOnTreacherous(uint256 like, uint256 action, uint256 amount) private returns (bytes memory) {
        Channel memory own = channelAt(like);
        own.token = address(_treacherous);
        if (action == 0) return abi.encodeCall(channels.deposit, (own, false, amount));
        if (action == 1) return abi.encodeWithSignature(START_CLOSE, own);
        if (action == 2) return abi.encodeCall(channels.settle, (own));
        if (action == 3) return abi.encodeCall(channels.settleMany, (twice(own)));
        if (action == 4) return abi.encodeCall(channels.claim, (own.token, _stranger));
        return abi.encodeCall(channels.close, (own, int128(0), signBoth(closeHash(channels.channelId(own), 0))));
    }

    /// @dev Each is good at some moment, only not from within another call.
    function plantedCall(uint256 which, uint256 victim) private view returns (bytes memory) {
        Channel memory channel = channelAt(victim);
        which = which / 8 % 4;
        if (which == 0) return abi.encodeCall(channels.settle, (channel));
        if (which == 1) return abi.encodeCall(channels.settleMany, (twice(channel)));
        if (which == 2) return abi.encodeCall(channels.collectMany, (new Collect[](0)));
        return abi.encodeCall(channels.unlockMany, (new Unlock[](0)));
    }

    function twice(Channel memory channel) private pure returns (Channel[] memory items) {
        items = new Channel[](2);
        (items[0], items[1]) = (channel, channel);
    }
}
