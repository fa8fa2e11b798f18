// Package session decides which gateway owns a peer's session. Its machines have no
// goroutine, clock, lock or I/O: Step takes an event and returns what to do.
//
// The directory, a compare-and-set register for each peer, is the only place where
// ownership changes. Each owner has an epoch, one above the last. A gateway that a
// client connects to (the taker) asks the owner for the session, which lends it a copy
// of all that it holds, and then takes the next epoch in the directory. Whoever asks,
// and the lender itself when the client comes back to it, competes for the same epoch,
// and the directory lets one win. A lender keeps its copy until the new owner itself
// says that it has the session, so a copy is lost only with its gateway.
//
//	holding   event        condition                next      what to do
//	serving   asked                                 lent      lend
//	lent      asked                                 lent      lend (the same copy again)
//	moved     asked                                 moved     redirect to the owner
//	none      asked                                 none      answer "not here"
//	serving   resumed                               serving   attach
//	lent      resumed                               lent      take for itself
//	lent      grace over                            lent      take for itself, to end the session
//	lent      took                                  serving   attach; or end
//	serving   outdated     a later epoch            moved     close the connection, report what is unconfirmed
//	lent      outdated     the directory says so    lent      ask that owner whether it serves
//	lent      outdated     the owner says so        moved     drop the copy, or report what is in it
//	lent      not seated   the next epoch's owner   lent      take the epoch above that owner's
//	lent      not seated   it is dead, or a later   moved     report what is in the copy
//	serving   grace over                            none      end the entry
//	any       gone                                  none      report what waits, leave the rooms
//
//	taker     answer       condition                next      what to do
//	asking    handoff                               taking    take the epoch above the handoff's
//	asking    redirected                            asking    ask that gateway, if it was not asked
//	asking    absent                                looking   look the peer up
//	asking    silent                                failed    the client tries again
//	looking   entry        its owner was not asked  asking    ask it
//	looking   entry        its owner has nothing    taking    take, without a copy
//	looking   no entry     epoch 0, home is absent  taking    take, without a copy
//	looking   no entry     a later epoch is known   failed    the session has ended
//	taking    won                                   seated    serve
//	taking    lost                                  asking    ask the winner
//	taking    unknown                               failed    the outcome shows at the next resume
//
// What callers must do besides, each of which the simulation showed to be needed:
//
//   - Frames that arrive while a taker takes an epoch are acknowledged for that epoch.
//     When another gateway wins it, or the outcome is unknown, they are reported and not
//     carried into the next attempt: later ones may be with the winner already.
//   - A lender redirects frames to the first taker, until the directory names an owner. Its
//     later copies say that something may be missing, because the first taker may have
//     accepted frames and died.
//   - An owner that has nothing may be lent the session again while it is asked whether it
//     has it. The answer is good for the loan that was asked about only.
//   - A copy is good for the epoch above its own only. With an epoch between, the client
//     may have received what is in it.
//   - A gateway that was frozen or cut off for longer than a lease says "recovered: false"
//     to clients that resume at it, until it has compared its sessions with the directory
//     and no take of that time can be pending.
//   - Tokens are ordered by epoch and, within one, by the number of the connection that
//     they were issued on. A token of a later epoch proves that its owner was seated.
package session
