// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {IChannels} from "../../../contracts/interfaces/IChannels.sol";
import {DevUSDC} from "../../../contracts/tokens/DevUSDC.sol";
import {ChannelView, Phase} from "../../../contracts/types/ChannelTypes.sol";
import {CheatHandler} from "./CheatHandler.sol";
import {Handler} from "./Handler.sol";
import {LockHandler} from "./LockHandler.sol";

/// @notice The invariants of docs/protocol.md, section 5, after every call of a random history.
contract InvariantsTest is Test {
    IChannels private _channels;
    DevUSDC private _usdc;
    Handler private _handler;

    function setUp() public {
        vm.warp(1_800_000_000);
        _channels = IChannels(deployCode("Channels.sol:Channels", abi.encode(uint32(1), uint32(1000))));
        _usdc = new DevUSDC();
        _handler = new Handler(_channels, _usdc);
        _usdc.transferOwnership(address(_handler));

        bytes4[] memory selectors = new bytes4[](26);
        selectors[0] = Handler.deposit.selector;
        selectors[1] = LockHandler.signState.selector;
        selectors[2] = Handler.startClose.selector;
        selectors[3] = Handler.challenge.selector;
        selectors[4] = Handler.settle.selector;
        selectors[5] = Handler.close.selector;
        selectors[6] = Handler.withdraw.selector;
        selectors[7] = Handler.collect.selector;
        selectors[8] = Handler.claim.selector;
        selectors[9] = Handler.setBlacklisted.selector;
        selectors[10] = Handler.wait.selector;
        selectors[11] = Handler.depositWithPermit.selector;
        selectors[12] = Handler.startCloseByIntent.selector;
        selectors[13] = Handler.challengeMany.selector;
        selectors[14] = Handler.settleMany.selector;
        selectors[15] = Handler.collectMany.selector;
        selectors[16] = Handler.closeOneWay.selector;
        selectors[17] = LockHandler.decide.selector;
        selectors[18] = LockHandler.unlock.selector;
        selectors[19] = LockHandler.unlockMany.selector;
        selectors[20] = Handler.depositWithAuthorization.selector;
        selectors[21] = CheatHandler.misuse.selector;
        selectors[22] = CheatHandler.misuseVoucher.selector;
        selectors[23] = CheatHandler.defend.selector;
        selectors[24] = CheatHandler.betray.selector;
        selectors[25] = LockHandler.decideLate.selector;
        targetSelector(FuzzSelector({addr: address(_handler), selectors: selectors}));
        targetContract(address(_handler));
    }

    /// @dev All in one, so that every history is checked for all of them; INV-2, 5, 6, 8 and 9 are the handlers'.
    /// forge-config: default.invariant.runs = 128
    /// forge-config: default.invariant.depth = 100
    function invariant_TheProtocolHolds() public view {
        uint256 owed = _handler.totalClaims();
        for (uint256 index = 0; index < _handler.CHANNELS(); ++index) {
            ChannelView memory known = _handler.viewAt(index);
            Handler.Ledger memory ledger = _handler.ledgerAt(index);
            owed += inv1Holdings(known);
            inv3PaysWhatWasDeposited(known, ledger);
            inv4NewestDecidesAndDeadlineStays(known, ledger);
            inv7SettledStaysSettled(known, ledger);
            inv10CollectedOnce(known, ledger);
        }
        assertEq(_usdc.balanceOf(address(_channels)), owed, "INV-1 conservation");
    }

    function inv1Holdings(ChannelView memory known) private pure returns (uint256) {
        if (known.phase == Phase.Settled) return uint256(known.payerPool) + known.payeePool;
        return uint256(known.payerDeposit) + known.payeeDeposit - known.payerWithdrawn - known.payeeWithdrawn;
    }

    function inv3PaysWhatWasDeposited(ChannelView memory known, Handler.Ledger memory ledger) private pure {
        assertEq(known.payerDeposit, ledger.payerDeposited, "INV-3 the payer's deposits");
        assertEq(known.payeeDeposit, ledger.payeeDeposited, "INV-3 the payee's deposits");
        if (!ledger.settled) return;
        uint256 deposited = ledger.payerDeposited + ledger.payeeDeposited;
        assertEq(ledger.paidOut + known.payerPool + known.payeePool, deposited, "INV-3 paid out or still locked");
    }

    function inv4NewestDecidesAndDeadlineStays(ChannelView memory known, Handler.Ledger memory ledger) private pure {
        assertEq(known.deadline, ledger.deadline, "INV-4 deadline");
        if (known.deadline == 0) return;
        assertEq(known.sequence, ledger.newest, "INV-4 newest state");
        uint256 locked = known.payerPool + ledger.fromPayerPool + known.payeePool + ledger.fromPayeePool;
        assertEq(known.locksRoot != 0, locked != 0, "INV-4 the newest state's locks");
        int256 funds = int256(uint256(known.payerDeposit)) - int256(uint256(known.payerWithdrawn));
        int256 left =
            int256(uint256(known.payerDeposit) + known.payeeDeposit - known.payerWithdrawn - known.payeeWithdrawn);
        int256 paid = ledger.newestPaid + int256(ledger.collected);
        int256 share = funds - paid < 0 ? int256(0) : funds - paid > left ? left : funds - paid;
        uint256 payerPart = uint256(known.payerPaid) + known.payerPool + ledger.fromPayerPool;
        assertEq(int256(payerPart), share, "INV-4 the payer's share");
    }

    function inv7SettledStaysSettled(ChannelView memory known, Handler.Ledger memory ledger) private pure {
        assertEq(known.phase == Phase.Settled, ledger.settled, "INV-7 settled");
    }

    function inv10CollectedOnce(ChannelView memory known, Handler.Ledger memory ledger) private pure {
        if (ledger.collected == 0) return;
        assertEq(known.payeeWithdrawn, ledger.collected, "INV-10 collected");
        assertLe(ledger.collected, ledger.payerDeposited, "INV-10 within the deposit");
    }
}
