// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, State} from "../../contracts/types/ChannelTypes.sol";
import {Logic} from "./Logic.sol";
import {ProofToken} from "./ProofToken.sol";
import {Record, Records} from "./Records.sol";
import {SVM} from "./Svm.sol";

/// @notice Proves single steps: any storage that satisfies the invariant, any terms, one call with any arguments.
/// @dev A proof calls one function between `start` and `finish`. Calls that revert change nothing and are not looked at.
///      Given of the terms are the token, a `ProofToken`, and the two parties, of whom nothing matters but that they differ
///      and are not the contract; any others would make every read of the token's storage a case of its own. The signers,
///      the kind, the period and the salt are any.
abstract contract ChannelsProof is Test {
    using Logic for bool;
    using Records for Record;

    uint32 internal constant MIN_PERIOD = 1 hours;
    uint32 internal constant MAX_PERIOD = 30 days;
    /// @dev Of the token's figures: not so plentiful that sums overflow.
    uint256 private constant BITS = 128;
    address internal constant PAYER = address(0xA11CE);
    address internal constant PAYEE = address(0xB0B);

    /// @dev Everything a step may change, as it was before it.
    struct Books {
        bytes32 id;
        Record record;
        uint256 balance;
        uint256 payerGot;
        uint256 payeeGot;
        uint256 claims;
        address caller;
        bytes32 otherId;
        bytes32 otherRecord;
        address otherToken;
        address otherCreditor;
        uint256 otherClaim;
    }

    /// @dev As a path: by the name of a contract halmos would look in out/, and prove whatever was built there last.
    string private constant ARTIFACT = ".tool/proofs/out/Channels.sol/Channels.json";

    IChannels internal channels;
    ProofToken internal token;

    function setUp() public virtual {
        channels = IChannels(deployCode(ARTIFACT, abi.encode(MIN_PERIOD, MAX_PERIOD)));
        token = new ProofToken();
        SVM.enableSymbolicStorage(address(channels));
        SVM.enableSymbolicStorage(address(token));
        // Far from the end of uint40, where deadlines are kept; not zero, which stands for no deadline.
        uint256 time = SVM.createUint(39, "time");
        vm.assume(time != 0);
        vm.warp(time);
    }

    /// @dev Completes the terms, assumes what the contract may rely on, takes down the books, and lets anybody make the
    ///      calls that follow. The figures are written one by one, as so many bits each: as parts of words of which
    ///      anything may hold they are hard to tell apart.
    function start(Channel memory channel) internal returns (Books memory books) {
        (channel.payer, channel.payee, channel.token) = (PAYER, PAYEE, address(token));
        books.id = channels.channelId(channel);
        Records.writeAny(address(channels), books.id);
        token.set(address(channels), SVM.createUint(BITS, "balance"));
        token.set(PAYER, SVM.createUint(BITS, "payer balance"));
        token.set(PAYEE, SVM.createUint(BITS, "payee balance"));
        Records.writeClaim(address(channels), address(token), PAYER, SVM.createUint(BITS, "payer claim"));
        Records.writeClaim(address(channels), address(token), PAYEE, SVM.createUint(BITS, "payee claim"));

        books.record = Records.read(address(channels), books.id);
        vm.assume(books.record.isValid());
        vm.assume(_agree(books.record, channel));

        _takeDown(books, channel);
        // Conservation, as it was before: the contract has what it owes this channel and its parties.
        vm.assume(books.balance >= books.record.held() + books.claims);
        _takeDownOther(books);
        books.caller = SVM.createAddress("caller");
        vm.assume(books.caller != address(channels));
        vm.startPrank(books.caller);
    }

    /// @dev INV-1, INV-3: what the contract has beyond what it owes did not change, here or elsewhere; so each channel
    ///      pays, or credits, exactly what was deposited into it. INV-2, INV-4, INV-7: see `isStep`. As one question, and
    ///      without words: halmos asks each of many paths, and would spend a third of its time on printing.
    function finish(Books memory books, Channel memory channel) internal view {
        Books memory then;
        then.record = Records.read(address(channels), books.id);
        _takeDown(then, channel);

        bool balanced;
        unchecked {
            uint256 owedBefore = books.record.held() + books.claims;
            uint256 owedAfter = then.record.held() + then.claims;
            balanced = then.balance - owedAfter == books.balance - owedBefore;
        }
        bool untouched = Records.digest(address(channels), books.otherId) == books.otherRecord;
        untouched = untouched.and(channels.claims(books.otherToken, books.otherCreditor) == books.otherClaim);
        bool holds = balanced.and(untouched).and(isStep(books.record, then.record, channel));
        assert(holds.and(then.record.isValid()).and(_agree(then.record, channel)));
    }

    /// @dev A channel was opened with terms that can be, and its record says of its kind what they say.
    function _agree(Record memory record, Channel memory channel) private pure returns (bool agree) {
        (address one, address other) = (channel.payerSigner, channel.payeeSigner);
        agree = (record.oneWay == channel.oneWay).and(one != address(0)).and(other != address(0)).and(one != other);
        uint256 period = channel.challengePeriod;
        agree = agree.and(period >= MIN_PERIOD).and(period <= MAX_PERIOD);
        return (record.phase != Records.NONE).implies(agree);
    }

    /// @dev INV-2: totals only grow. INV-4: a deadline is set once, by the one-sided close, and never moves; only an
    ///      agreed close removes it. INV-7: phases never go back, and a settled channel is never opened or paid again,
    ///      but for its locks. INV-9: a resolved lock stays so, and the pools of a settled channel never grow.
    function isStep(Record memory before, Record memory then, Channel memory channel)
        internal
        view
        returns (bool step)
    {
        bool ended = then.phase == Records.SETTLED;
        step = (then.payerDeposit >= before.payerDeposit).and(then.payeeDeposit >= before.payeeDeposit);
        step = step.and(then.withdrawn >= before.withdrawn).and(then.payeeWithdrawn >= before.payeeWithdrawn);
        bool forgotten = ended.and(then.sequence == 0);
        step = step.and((then.sequence >= before.sequence).or(forgotten));

        step = step.and(then.phase >= before.phase);
        step = step.and((before.phase == Records.SETTLED).implies(_isSame(before, then)));

        step = step.and(before.resolved & ~then.resolved == 0);
        bool poolsShrink = (then.payerPool <= before.payerPool).and(then.payeePool <= before.payeePool);
        step = step.and((before.phase == Records.SETTLED).implies(poolsShrink));

        bool starts = (before.phase == Records.OPEN).and(then.phase == Records.CLOSING);
        bool kept = (then.deadline == before.deadline).or(ended.and(then.deadline == 0));
        step = step.and(starts.or(kept));
        step = step.and(starts.implies(then.deadline == block.timestamp + channel.challengePeriod));
    }

    /// @dev Everything but the pools and the bits of the locks.
    function _isSame(Record memory before, Record memory then) private pure returns (bool same) {
        same = (then.deadline == before.deadline).and(then.payerDeposit == before.payerDeposit);
        same = same.and(then.payeeDeposit == before.payeeDeposit).and(then.withdrawn == before.withdrawn);
        same = same.and(then.payeeWithdrawn == before.payeeWithdrawn).and(then.sequence == before.sequence);
        same = same.and(then.payerPaid == before.payerPaid).and(then.payeePaid == before.payeePaid);
        same = same.and(then.locksRoot == before.locksRoot).and(then.phase == before.phase);
    }

    /// @dev What each party got since `start`: paid to it, or recorded as its claim.
    function gains(Books memory books, Channel memory channel)
        internal
        view
        returns (uint256 payerGot, uint256 payeeGot)
    {
        Books memory then;
        _takeDown(then, channel);
        unchecked {
            payerGot = then.payerGot - books.payerGot;
            payeeGot = then.payeeGot - books.payeeGot;
        }
    }

    function _takeDown(Books memory books, Channel memory channel) private view {
        books.balance = token.balanceOf(address(channels));
        books.payerGot = channels.claims(address(token), channel.payer);
        books.payeeGot = channels.claims(address(token), channel.payee);
        unchecked {
            books.claims = books.payerGot + books.payeeGot;
            books.payerGot += token.balanceOf(channel.payer);
            books.payeeGot += token.balanceOf(channel.payee);
        }
    }

    /// @dev Any other channel's record, and any other claim: of the caller, of a stranger, in another token.
    function _takeDownOther(Books memory books) private {
        books.otherId = SVM.createBytes32("other id");
        vm.assume(books.otherId != books.id);
        books.otherRecord = Records.digest(address(channels), books.otherId);
        (books.otherToken, books.otherCreditor) = (SVM.createAddress("other token"), SVM.createAddress("other creditor"));
        bool isParty = (books.otherCreditor == PAYER).or(books.otherCreditor == PAYEE);
        vm.assume(!isParty.and(books.otherToken == address(token)));
        books.otherClaim = channels.claims(books.otherToken, books.otherCreditor);
    }
}
