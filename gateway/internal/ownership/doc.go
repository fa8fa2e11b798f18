// Package ownership decides which gateway owns a peer's session. Its state machines have no
// goroutine, clock, lock or I/O: Step takes an event and returns the actions.
//
// The directory, a compare-and-set register for each peer, is the only place where
// ownership changes. Each owner has an epoch, one above the last. A gateway that a
// client connects to (the taker) asks the owner for the session. The owner lends it a copy
// of all that it holds, and the taker then takes the next epoch in the directory. All
// takers, and the lender itself when the client comes back to it, compete for the same
// epoch, and the directory lets one win. A lender keeps its copy until the new owner itself
// confirms that it has the session, so a copy is lost only with its gateway.
//
//	holding   event        condition                next      action
//	serving   asked                                 lent      lend
//	lent      asked                                 lent      lend the same copy again
//	moved     asked                                 moved     redirect to the owner
//	none      asked                                 none      answer "not here"
//	serving   resumed                               serving   attach
//	lent      resumed                               lent      take for itself
//	lent      grace over                            lent      take for itself, to end the session
//	lent      took                                  serving   attach; or end
//	serving   outdated     a later epoch            moved     close the connection, report unconfirmed frames
//	lent      outdated     from the directory       lent      ask the owner there whether it serves
//	lent      outdated     from the owner itself    moved     drop the copy, or report its frames
//	lent      not seated   the next epoch's owner   lent      take the epoch above that owner's
//	lent      not seated   dead, or a later epoch   moved     report the frames in the copy
//	serving   grace over                            none      end the entry
//	any       gone                                  none      report waiting frames, leave the rooms
//
//	taker     answer       condition                next      action
//	asking    handoff                               taking    take the epoch above the handoff's
//	asking    redirected                            asking    ask that gateway, if it was not asked
//	asking    absent                                looking   look the peer up in the directory
//	asking    silent                                failed    the client tries again
//	looking   entry        its owner was not asked  asking    ask that owner
//	looking   entry        its owner has nothing    taking    take, without a copy
//	looking   no entry     epoch 0, home is absent  taking    take, without a copy
//	looking   no entry     a later epoch is known   failed    the session has ended
//	taking    won                                   seated    serve
//	taking    lost                                  asking    ask the winner
//	taking    lost         to an attempt before     taking    take the epoch above, with the copy
//	taking    unknown                               failed    the outcome shows at the next resume
//
// Callers must keep these rules too. The simulation showed that each is needed:
//
//   - Frames that arrive while a taker takes an epoch are acknowledged for that epoch.
//     When another gateway wins it, or the outcome is unknown, they are reported and not
//     carried into the next attempt, because the winner may already have later frames.
//   - A lender redirects frames to the first taker, until the directory names an owner. Its
//     later copies are marked as possibly incomplete, because the first taker may have
//     accepted frames and died.
//   - An epoch belongs to one attempt, by its number, and not to the gateway: a later
//     attempt that took an earlier one's epoch for its own would serve in it, while another
//     take of that gateway, given up long ago, still waits at the directory to replace it.
//     The takes of a lender have no number, because it repeats them until it has the answer.
//   - A copy is valid only for the epoch above its own. With an epoch between, the client
//     may already have received the frames in it.
//   - A gateway that was frozen or cut off for longer than a lease sends "recovered: false"
//     to clients that resume at it, until it has compared its sessions with the directory
//     and no take of that time can be pending.
//   - The same holds for a lender that took its session back, until no other take can be
//     pending: a taker may have accepted frames for the epoch before it learns that it lost.
//     It also holds for a taker without a copy: the owner that did not answer may still
//     accept frames, until it hears that it lost the session.
//   - Tokens are ordered by epoch and, within one, by the number of the connection that
//     they were issued on. A token of a later epoch proves that its owner was seated. It also
//     tells from which epoch on that owner had everything: the client may present it to a
//     lender before the owner's notice arrives there, and the lender must not report the
//     frames of a copy that the owner has delivered.
package ownership
