// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IChannels} from "../../../contracts/interfaces/IChannels.sol";
import {DevUSDC} from "../../../contracts/tokens/DevUSDC.sol";
import {
    Authorization,
    Challenge,
    Channel,
    ChannelView,
    Collect,
    Permit,
    Phase,
    Signature,
    Signatures,
    State,
    Withdrawal
} from "../../../contracts/types/ChannelTypes.sol";
import {CheatHandler} from "./CheatHandler.sol";
import {HandlerBase} from "./HandlerBase.sol";

/// @notice Drives four channels with random calls that honest, cheating and unrelated callers could make, and keeps
///         accounts of its own to compare the contract with.
/// @dev Every action returns early where the contract would refuse it, so that none reverts (`fail_on_revert`); what
///      has to be refused at any time is tried with `refused`, which fails if the contract does it.
contract Handler is CheatHandler {
    constructor(IChannels channels_, DevUSDC usdc_) HandlerBase(channels_, usdc_) {}

    /* ACTIONS */

    function deposit(uint256 index, bool forPayee, uint256 amount) external checked {
        index = bound(index, 0, CHANNELS - 1);
        if (index == CHANNELS - 1) forPayee = false;
        amount = bound(amount, 1, 1000);
        Phase phase = viewAt(index).phase;
        usdc.mint(_stranger, amount);
        bytes memory call_ = abi.encodeCall(channels.deposit, (channelAt(index), forPayee, amount));
        if (phase != Phase.None && phase != Phase.Open) return refused(_stranger, call_);

        done("deposit", _stranger, call_);
        if (forPayee) _ledgers[index].payeeDeposited += amount;
        else _ledgers[index].payerDeposited += amount;
    }

    /// @dev The permit was never signed, as good as one that was front-run: what counts is the allowance.
    function depositWithPermit(uint256 index, uint256 amount) external checked {
        index = bound(index, 0, CHANNELS - 1);
        amount = bound(amount, 1, 1000);
        Phase phase = viewAt(index).phase;
        usdc.mint(address(this), amount);
        Permit memory permit;
        bytes memory call_ = abi.encodeCall(channels.depositWithPermit, (channelAt(index), false, amount, permit));
        refused(_stranger, call_);
        if ((phase != Phase.None && phase != Phase.Open) || usdc.isBlacklisted(_payer.addr)) {
            return refused(_payer.addr, call_);
        }

        assertTrue(usdc.transfer(_payer.addr, amount));
        done("depositWithPermit", _payer.addr, call_);
        _ledgers[index].payerDeposited += amount;
    }

    /// @dev Anybody may send it, once, with the terms that were signed and no others.
    function depositWithAuthorization(uint256 index, bool forPayee, uint256 amount) external checked {
        index = bound(index, 0, CHANNELS - 1);
        if (index == CHANNELS - 1) forPayee = false;
        amount = bound(amount, 1, 1000);
        address from = forPayee ? _payee.addr : _payer.addr;
        Authorization memory authorization = authorize(index, forPayee, amount);
        bytes memory call_ =
            abi.encodeCall(channels.depositWithAuthorization, (channelAt(index), forPayee, amount, authorization));
        bytes memory otherAmount =
            abi.encodeCall(channels.depositWithAuthorization, (channelAt(index), forPayee, amount + 1, authorization));
        Phase phase = viewAt(index).phase;
        usdc.mint(address(this), amount);
        if ((phase != Phase.None && phase != Phase.Open) || usdc.isBlacklisted(from)) {
            return refused(_stranger, call_);
        }

        assertTrue(usdc.transfer(from, amount));
        refused(_stranger, otherAmount);
        done("depositWithAuthorization", _stranger, call_);
        if (forPayee) _ledgers[index].payeeDeposited += amount;
        else _ledgers[index].payerDeposited += amount;
        refused(_stranger, call_);
    }

    function startClose(uint256 index, bool byPayee, uint64 sequence) external checked {
        index = bound(index, 0, CHANNELS - 1);
        address caller = byPayee ? _payee.addr : _payer.addr;
        sequence = uint64(bound(sequence, 0, _ledgers[index].signed));
        bytes memory call_ = startCall(index, _states[index][sequence]);
        refused(_stranger, call_);
        if (viewAt(index).phase != Phase.Open) return refused(caller, call_);

        startWith(index, caller, sequence);
    }

    /// @dev A relayer with a leave that wants `minSequence` at least.
    function startCloseByIntent(uint256 index, bool byPayee, uint64 sequence, uint64 minSequence) external checked {
        index = bound(index, 0, CHANNELS - 1);
        sequence = uint64(bound(sequence, 0, _ledgers[index].signed));
        minSequence = uint64(bound(minSequence, 0, sequence + 1));
        State memory state = _states[index][sequence];
        bytes memory call_ = intentCall(index, byPayee, state, minSequence);
        if (viewAt(index).phase != Phase.Open || sequence < minSequence) return refused(_stranger, call_);

        done("startCloseByIntent", _stranger, call_);
        _ledgers[index].deadline = uint40(vm.getBlockTimestamp() + PERIOD);
        (_ledgers[index].newest, _ledgers[index].newestPaid) = (sequence, state.paid);
    }

    /// @dev One item per two-way channel, some good and some bad: what the batch does to each is what its view says.
    function challengeMany(uint64 sequence) external checked {
        Challenge[] memory items = new Challenge[](CHANNELS);
        bool[] memory accepts = new bool[](CHANNELS);
        for (uint256 index = 0; index < CHANNELS; ++index) {
            uint64 chosen = uint64(bound(sequence, 0, _ledgers[index].signed));
            State memory state = _states[index][chosen];
            items[index] = Challenge(channelAt(index), state, signBoth(stateHash(index, state)));
            accepts[index] = index != CHANNELS - 1 && viewAt(index).phase == Phase.Closing
                && vm.getBlockTimestamp() < _ledgers[index].deadline && chosen > _ledgers[index].newest;
        }
        done("challengeMany", _stranger, abi.encodeCall(channels.challengeMany, (items)));
        for (uint256 index = 0; index < CHANNELS; ++index) {
            if (!accepts[index]) continue;
            (_ledgers[index].newest, _ledgers[index].newestPaid) =
            (items[index].state.sequence, items[index].state.paid);
        }
    }

    function challenge(uint256 index, uint64 sequence, int128 paid, bool fresh) external checked {
        index = bound(index, 0, CHANNELS - 2);
        Ledger storage ledger = _ledgers[index];
        if (fresh) signState(index, paid, 0, 0, true);
        sequence = fresh ? ledger.signed : uint64(bound(sequence, 0, ledger.signed));
        State memory state = _states[index][sequence];
        bytes memory call_ = challengeCall(index, state);
        bool early = vm.getBlockTimestamp() < ledger.deadline;
        bool accepts = viewAt(index).phase == Phase.Closing && early && sequence > ledger.newest;
        if (!accepts) return refused(_stranger, call_);

        done("challenge", _stranger, call_);
        (ledger.newest, ledger.newestPaid) = (sequence, state.paid);
    }

    function settle(uint256 index, bool waits) external checked {
        index = bound(index, 0, CHANNELS - 1);
        bytes memory call_ = abi.encodeCall(channels.settle, (channelAt(index)));
        uint40 deadline = _ledgers[index].deadline;
        if (waits && viewAt(index).phase == Phase.Closing && vm.getBlockTimestamp() < deadline) {
            vm.warp(deadline - 1);
            refused(_stranger, call_);
            vm.warp(deadline);
        }
        bool over = vm.getBlockTimestamp() >= _ledgers[index].deadline;
        if (viewAt(index).phase != Phase.Closing || !over) return refused(_stranger, call_);

        settleNow(index);
    }

    /// @dev All channels, the first of them twice: those that are not over are skipped. It waits seldom, or few would
    ///      live to see a challenge.
    function settleMany(uint256 chance) external checked {
        if (chance % 4 == 0) skip(PERIOD);
        Channel[] memory items = new Channel[](CHANNELS + 1);
        (uint256 payerSum, uint256 payeeSum) = (0, 0);
        for (uint256 i = 0; i <= CHANNELS; ++i) {
            items[i] = channelAt(i % CHANNELS);
        }
        for (uint256 index = 0; index < CHANNELS; ++index) {
            bool over = vm.getBlockTimestamp() >= _ledgers[index].deadline;
            if (viewAt(index).phase != Phase.Closing || !over) continue;
            (uint256 payerAmount, uint256 payeeAmount) = settlement(index);
            (payerSum, payeeSum) = (payerSum + payerAmount, payeeSum + payeeAmount);
            _ledgers[index].paidOut += payerAmount + payeeAmount;
            _ledgers[index].settled = true;
        }
        pays("settleMany", _stranger, abi.encodeCall(channels.settleMany, (items)), payerSum, payeeSum);
    }

    /// @dev Seldom, or few channels would live to see a dispute.
    function close(uint256 index, int128 paid, bool covered, uint256 chance) external checked {
        if (chance % 4 != 0) return;
        index = bound(index, 0, CHANNELS - 1);
        ChannelView memory known = viewAt(index);
        int256 payerFunds = int256(uint256(known.payerDeposit)) - int256(uint256(known.payerWithdrawn));
        int256 rest = int256(leftIn(known));
        if (covered) paid = int128(bound(paid, payerFunds - rest, payerFunds));
        Signatures memory signatures = signBoth(closeHash(idAt(index), paid));
        bytes memory call_ = abi.encodeCall(channels.close, (channelAt(index), paid, signatures));
        bool active = known.phase == Phase.Open || known.phase == Phase.Closing;
        bool fits = payerFunds - paid >= 0 && payerFunds - paid <= rest;
        if (!active || !fits) return refused(_stranger, call_);

        uint256 payerAmount = uint256(payerFunds - paid);
        pays("close", _stranger, call_, payerAmount, uint256(rest) - payerAmount);
        _ledgers[index].paidOut += uint256(rest);
        _ledgers[index].settled = true;
        _ledgers[index].deadline = 0;
    }

    function withdraw(uint256 index, uint256 payerTotal, uint256 payeeTotal) external checked {
        index = bound(index, 0, CHANNELS - 2);
        ChannelView memory known = viewAt(index);
        uint256 most = uint256(known.payerDeposit) + known.payeeDeposit + 1;
        payerTotal = bound(payerTotal, 0, most);
        payeeTotal = bound(payeeTotal, 0, most);
        Withdrawal memory withdrawal =
            Withdrawal(uint128(payerTotal), uint128(payeeTotal), uint64(vm.getBlockTimestamp() + 1));
        Signatures memory signatures = signBoth(withdrawalHash(index, withdrawal));
        bytes memory call_ = abi.encodeCall(channels.withdraw, (channelAt(index), withdrawal, signatures));
        bool rises = payerTotal > known.payerWithdrawn || payeeTotal > known.payeeWithdrawn;
        uint256 payerAmount = saturatingSub(payerTotal, known.payerWithdrawn);
        uint256 payeeAmount = saturatingSub(payeeTotal, known.payeeWithdrawn);
        if (known.phase != Phase.Open || !rises || payerAmount + payeeAmount > leftIn(known)) {
            return refused(_stranger, call_);
        }

        pays("withdraw", _stranger, call_, payerAmount, payeeAmount);
        _ledgers[index].paidOut += payerAmount + payeeAmount;
        refused(_stranger, call_);
    }

    function collect(uint128 paid) external checked {
        uint256 index = CHANNELS - 1;
        ChannelView memory known = viewAt(index);
        paid = uint128(bound(paid, 0, uint256(known.payerDeposit) + 10));
        Signature memory signature = sign(_payer, voucherHash(index, paid));
        bytes memory call_ = abi.encodeCall(channels.collect, (channelAt(index), paid, signature));
        uint256 due = saturatingSub(min(paid, known.payerDeposit), known.payeeWithdrawn);
        if (!inTime(known, index) || due == 0) return refused(_stranger, call_);

        pays("collect", _stranger, call_, 0, due);
        _ledgers[index].paidOut += due;
        _ledgers[index].collected += due;
        refused(_stranger, call_);
    }

    /// @dev The same voucher twice, and one for a channel that takes none: it pays once, whatever happens.
    function collectMany(uint128 paid) external checked {
        uint256 index = CHANNELS - 1;
        ChannelView memory known = viewAt(index);
        paid = uint128(bound(paid, 0, uint256(known.payerDeposit) + 10));
        Collect[] memory items = new Collect[](3);
        items[0] = Collect(channelAt(0), paid, sign(_payer, voucherHash(0, paid)));
        items[1] = Collect(channelAt(index), paid, sign(_payer, voucherHash(index, paid)));
        items[2] = items[1];
        uint256 due = inTime(known, index) ? saturatingSub(min(paid, known.payerDeposit), known.payeeWithdrawn) : 0;

        pays("collectMany", _stranger, abi.encodeCall(channels.collectMany, (items)), 0, due);
        _ledgers[index].paidOut += due;
        _ledgers[index].collected += due;
    }

    function closeOneWay(uint128 paid, bool bySigner, uint256 chance) external checked {
        if (chance % 4 != 0) return;
        uint256 index = CHANNELS - 1;
        ChannelView memory known = viewAt(index);
        paid = uint128(bound(paid, 0, uint256(known.payerDeposit) + 10));
        Signature memory signature = sign(bySigner ? _payer : _payee, voucherHash(index, paid));
        bytes memory call_ = abi.encodeCall(channels.closeOneWay, (channelAt(index), paid, signature));
        refused(_payer.addr, call_);
        uint256 due = saturatingSub(min(paid, known.payerDeposit), known.payeeWithdrawn);
        if (!inTime(known, index) || (due != 0 && !bySigner)) return refused(_payee.addr, call_);

        uint256 back = leftIn(known) - due;
        pays("closeOneWay", _payee.addr, call_, back, due);
        _ledgers[index].paidOut += back + due;
        _ledgers[index].collected += due;
        _ledgers[index].settled = true;
        _ledgers[index].deadline = 0;
    }

    /// @dev All of it, to whom its creditor says.
    function claim(bool byPayee) external checked {
        address creditor = byPayee ? _payee.addr : _payer.addr;
        bytes memory call_ = abi.encodeCall(channels.claim, (address(usdc), _stranger));
        uint256 amount = claimOf(creditor);
        if (amount == 0) return refused(creditor, call_);
        uint256 before = usdc.balanceOf(_stranger);
        done("claim", creditor, call_);
        assertEq(usdc.balanceOf(_stranger) - before, amount, "INV-8 what was claimed");
        refused(creditor, call_);
    }

    function setBlacklisted(bool ofPayee, bool blacklisted) external checked {
        usdc.setBlacklisted(ofPayee ? _payee.addr : _payer.addr, blacklisted);
    }

    function wait(uint256 time) external {
        skip(bound(time, 1, PERIOD));
    }
}
