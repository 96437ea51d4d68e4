// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {
    Channel,
    Collect,
    Lock,
    Phase,
    Signatures,
    State,
    Unlock,
    Withdrawal
} from "../../../contracts/types/ChannelTypes.sol";
import {LocksTest} from "../LocksTest.sol";

interface IMintable {
    function mint(address to, uint256 amount) external;
}

/// @notice What a deposit and every way to be paid does with one hostile token. Each heir is a row of the table: it names
///         the token, how it turns hostile once the money is in, and what then arrives.
/// @dev Every test runs against the payer and against the payee, and checks that a channel of the same two parties in an
///      honest token is untouched (INV-1, INV-8).
abstract contract HostileTokenTest is LocksTest {
    /// @dev A block's worth: nothing here may need more, whatever the token burns.
    uint256 private constant GAS = 30_000_000;
    uint256 private constant HONEST_DEPOSIT = 500;

    address internal token;
    Lock[] private _locks;

    struct Balances {
        uint256 payer;
        uint256 payee;
        uint256 contractItself;
    }

    /* THE ROW */

    /// @dev Anyone may mint it.
    function deployToken() internal virtual returns (address);

    /// @dev Makes the token hostile to `victim`, after the deposits.
    function turn(address victim) internal virtual {}

    /// @dev Makes it honest again.
    function heal() internal virtual {}

    /// @dev Whether a push to this account fails, so that it becomes a claim.
    function refuses(address) internal view virtual returns (bool) {
        return false;
    }

    /// @dev What of a push arrives.
    function arriving(uint256 amount) internal view virtual returns (uint256) {
        return amount;
    }

    /// @dev Whether the token, turned, still makes a deposit of the payer's arrive in full.
    function acceptsDeposits() internal view virtual returns (bool) {
        return true;
    }

    /// @dev What the tests count in.
    function unit() internal view virtual returns (uint96) {
        return 1;
    }

    /* GIVEN money in a two-way, a one-way and a settled channel with locks, and in one with an honest token */

    function setUp() public virtual override {
        super.setUp();
        token = deployToken();
        address[2] memory parties = [payer.addr, payee.addr];
        for (uint256 i = 0; i < parties.length; ++i) {
            IMintable(token).mint(parties[i], 10_000 * uint256(unit()));
            vm.prank(parties[i]);
            // Not every token answers.
            (bool approved,) = token.call(abi.encodeCall(IERC20.approve, (address(channels), type(uint256).max)));
            assertTrue(approved);
        }
        open(honest(), HONEST_DEPOSIT, 0);
        open(both(), 1000 * uint256(unit()), 1000 * uint256(unit()));
        open(single(1), 1000 * uint256(unit()), 0);
        open(single(2), 3000 * uint256(unit()), 0);
        settleLocks();
    }

    modifier againstEither() {
        uint256 snapshot = vm.snapshotState();
        turn(payer.addr);
        _;
        vm.revertToState(snapshot);
        turn(payee.addr);
        _;
    }

    /* THE DEPOSIT */

    /// @dev Credit is given for exactly what arrives, or there is no deposit.
    function test_ADeposit_IsCreditedInFullOrRefused() public againstEither {
        uint256 before = viewOf(both()).payerDeposit;
        uint256 held = IERC20(token).balanceOf(address(channels));
        uint256 amount = 10 * uint256(unit());

        vm.prank(payer.addr);
        (bool accepted,) = address(channels).call(abi.encodeCall(channels.deposit, (both(), false, amount)));

        assertEq(accepted, acceptsDeposits(), "accepted");
        assertEq(viewOf(both()).payerDeposit, accepted ? before + amount : before);
        assertEq(IERC20(token).balanceOf(address(channels)), accepted ? held + amount : held);
        honestChannelIsUntouched();
    }

    /* EVERY WAY TO BE PAID */

    function test_Close_PaysWhatArrives() public againstEither {
        pays(abi.encodeCall(channels.close, (both(), paid(400), signClose(both(), paid(400)))), 600, 1400);
    }

    function test_Settle_PaysWhatArrives() public againstEither {
        disputed();
        pays(abi.encodeCall(channels.settle, (both())), 600, 1400);
    }

    function test_SettleMany_PaysWhatArrives() public againstEither {
        disputed();
        startCloseBare(single(1));
        skip(PERIOD);
        Channel[] memory batch = new Channel[](2);
        (batch[0], batch[1]) = (single(1), both());
        pays(abi.encodeCall(channels.settleMany, (batch)), 1600, 1400);
    }

    function test_Withdraw_PaysWhatArrives() public againstEither {
        Withdrawal memory withdrawal = Withdrawal(70 * unit(), 30 * unit(), uint64(block.timestamp + 1));
        Signatures memory signatures = signWithdrawal(both(), withdrawal);
        pays(abi.encodeCall(channels.withdraw, (both(), withdrawal, signatures)), 70, 30);
    }

    function test_Collect_PaysWhatArrives() public againstEither {
        uint128 due = 40 * uint128(unit());
        pays(abi.encodeCall(channels.collect, (single(1), due, signVoucher(single(1), due))), 0, 40);
    }

    function test_CollectMany_PaysWhatArrives() public againstEither {
        uint128 due = 40 * uint128(unit());
        Collect[] memory batch = new Collect[](2);
        batch[0] = Collect(single(1), due, signVoucher(single(1), due));
        batch[1] = Collect(single(2), due, signVoucher(single(2), due));
        pays(abi.encodeCall(channels.collectMany, (batch)), 0, 80);
    }

    function test_CloseOneWay_PaysWhatArrives() public againstEither {
        uint128 due = 40 * uint128(unit());
        pays(abi.encodeCall(channels.closeOneWay, (single(1), due, signVoucher(single(1), due))), 960, 40);
    }

    function test_Unlock_PaysWhatArrives() public againstEither {
        pays(abi.encodeCall(channels.unlock, (locked(), _locks[0], proofOf(_locks, 0))), 30, 70);
    }

    function test_UnlockMany_PaysWhatArrives() public againstEither {
        pays(abi.encodeCall(channels.unlockMany, (unlocks())), 100, 100);
    }

    /// @dev A claim waits until the token lets it go; to claim what is not there, or cannot be taken, changes nothing.
    function test_Claim_PaysWhatCouldNotBePushed() public againstEither {
        disputed();
        channels.settle{gas: GAS}(both());
        address[2] memory parties = [payer.addr, payee.addr];
        uint256[2] memory claims = [owed(parties[0], 600), owed(parties[1], 1400)];
        for (uint256 i = 0; i < parties.length; ++i) {
            vm.prank(parties[i]);
            (bool claimed,) = address(channels).call{gas: GAS}(abi.encodeCall(channels.claim, (token, parties[i])));
            assertFalse(claimed);
            assertEq(channels.claims(token, parties[i]), claims[i]);
        }

        heal();

        for (uint256 i = 0; i < parties.length; ++i) {
            if (claims[i] == 0) continue;
            address elsewhere = makeAddr(i == 0 ? "the payer's other account" : "the payee's other account");
            vm.prank(parties[i]);
            channels.claim(token, elsewhere);
            assertEq(IERC20(token).balanceOf(elsewhere), arriving(claims[i]));
            assertEq(channels.claims(token, parties[i]), 0);
        }
        honestChannelIsUntouched();
    }

    /* HELPERS */

    /// @dev The call, by the payee, pays this many units to each side: by a transfer, or where that is refused by a claim.
    function pays(bytes memory call, uint256 toPayer, uint256 toPayee) internal virtual {
        Balances memory before = balances();

        vm.prank(payee.addr);
        (bool succeeded,) = address(channels).call{gas: GAS}(call);

        assertTrue(succeeded, "the call");
        Balances memory afterwards = balances();
        uint256 payerOwed = owed(payer.addr, toPayer);
        uint256 payeeOwed = owed(payee.addr, toPayee);
        assertEq(afterwards.payer - before.payer, payerOwed == 0 ? arrivingUnits(toPayer) : 0, "the payer's");
        assertEq(afterwards.payee - before.payee, payeeOwed == 0 ? arrivingUnits(toPayee) : 0, "the payee's");
        assertEq(channels.claims(token, payer.addr), payerOwed, "the payer's claim");
        assertEq(channels.claims(token, payee.addr), payeeOwed, "the payee's claim");
        uint256 left = before.contractItself - afterwards.contractItself;
        assertEq(left + payerOwed + payeeOwed, (toPayer + toPayee) * unit(), "INV-1: what the contract keeps");
        honestChannelIsUntouched();
    }

    function owed(address party, uint256 units) private view returns (uint256) {
        return refuses(party) ? units * unit() : 0;
    }

    function arrivingUnits(uint256 units) private view returns (uint256) {
        return units == 0 ? 0 : arriving(units * unit());
    }

    function balances() private view returns (Balances memory) {
        IERC20 held = IERC20(token);
        return Balances(held.balanceOf(payer.addr), held.balanceOf(payee.addr), held.balanceOf(address(channels)));
    }

    /// @dev Its money is all there, and is paid to the unit.
    function honestChannelIsUntouched() internal {
        uint256 snapshot = vm.snapshotState();
        assertEq(usdc.balanceOf(address(channels)), HONEST_DEPOSIT);
        (uint256 payerBefore, uint256 payeeBefore) = (usdc.balanceOf(payer.addr), usdc.balanceOf(payee.addr));

        channels.close(honest(), 120, signClose(honest(), 120));

        assertEq(usdc.balanceOf(payer.addr), payerBefore + HONEST_DEPOSIT - 120);
        assertEq(usdc.balanceOf(payee.addr), payeeBefore + 120);
        assertPhase(honest(), Phase.Settled);
        assertTrue(vm.revertToState(snapshot));
    }

    function honest() internal view returns (Channel memory) {
        return salted(twoWay(), 77);
    }

    function both() internal view returns (Channel memory channel) {
        channel = twoWay();
        channel.token = token;
    }

    function single(uint88 salt) internal view returns (Channel memory channel) {
        channel = salted(oneWay(), salt);
        channel.token = token;
    }

    function locked() internal view returns (Channel memory) {
        return salted(both(), 5);
    }

    function paid(int128 units) private view returns (int128) {
        return units * int128(uint128(unit()));
    }

    /// @dev The payee has 400 units more than it deposited, and the challenge period is over.
    function disputed() internal {
        startCloseWith(both(), stateOf(1, paid(400)));
        skip(PERIOD);
    }

    function unlocks() internal view returns (Unlock[] memory batch) {
        batch = new Unlock[](2);
        batch[0] = Unlock(locked(), _locks[0], proofOf(_locks, 0));
        batch[1] = Unlock(locked(), _locks[1], proofOf(_locks, 1));
    }

    /// @dev Two locks of 100 units, one each way, decided with 70 for the receiver.
    function settleLocks() private {
        for (uint8 i = 0; i < 2; ++i) {
            Lock memory lock = lockOf(i, 100 * unit(), i == 0);
            condition.decide(lock.key, 7000, block.timestamp);
            _locks.push(lock);
        }
        open(locked(), 100 * uint256(unit()), 100 * uint256(unit()));
        (uint128 payerLocked, uint128 payeeLocked) = sums(_locks);
        startCloseWith(locked(), State(1, 0, payerLocked, payeeLocked, rootOf(_locks)));
        skip(PERIOD);
        channels.settle(locked());
    }
}
