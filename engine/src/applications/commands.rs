//! Taking commands out of rings, a bounded number of each context and turn, and finding the worker they are for.

use coremill_ring::command::Command;
use coremill_ring::listing;
use coremill_ring::message::Message;
use coremill_ring::untrusted::Violation;

use super::domain::Domain;
use super::errno;
use super::forwarding::Forwarded;
use super::stream::Wants;
use super::turn::Turn;

impl Domain {
    /// Takes commands of those who have spoken; gives their number.
    pub(super) fn take_commands(
        &mut self,
        turn: &mut Turn<'_>,
        message: &mut Message,
    ) -> Result<usize, Violation> {
        self.hear();
        let words = self.contexts.len().div_ceil(64);
        let flagged = self.flagged.get(..words).unwrap_or_default();
        let is_silent = flagged.iter().all(|word| *word == 0);
        let mut done = 0;
        if self.workers > 1 {
            done = self.take_forwarded_beside(!is_silent, turn)?;
        }
        if is_silent {
            return Ok(done);
        }
        let first = self.first_context;
        // Another one goes first each turn.
        self.first_context = match first + 1 {
            next if (next as usize) < self.contexts.len() => next,
            _ => 0,
        };
        let (first_word, behind) = (first as usize / 64, u64::MAX << (first % 64));
        for step in 0..=words {
            let word = first_word + step;
            let word = if word < words { word } else { word - words };
            // The word that comes first comes last, too: with those before the first.
            let allowed = match step {
                0 => behind,
                last if last == words => !behind,
                _ => u64::MAX,
            };
            let mut bits = self.flagged.get(word).map_or(0, |flags| flags & allowed);
            while bits != 0 && !self.budget.is_spent() {
                let bit = bits.trailing_zeros();
                bits &= bits - 1;
                done += self.take_flagged((word, bit), turn, message)?;
            }
        }
        Ok(done)
    }

    /// Commands of one who is flagged, and no longer is when there is none left.
    #[inline]
    fn take_flagged(
        &mut self,
        (word, bit): (usize, u32),
        turn: &mut Turn<'_>,
        message: &mut Message,
    ) -> Result<usize, Violation> {
        let number = word as u32 * 64 + bit;
        // A bit of a context that there is not means nothing.
        let context = self.contexts.get(number as usize);
        let has_spoken =
            context.is_some_and(|context| context.stalled.is_some() || context.ring.has_message());
        let (taken, is_empty) = match has_spoken {
            true => self.take_of_context(number, turn, message)?,
            false => (0, true),
        };
        if taken > 0 {
            self.watch(number);
        }
        if is_empty && let Some(flags) = self.flagged.get_mut(word) {
            *flags &= !(1 << bit);
        }
        Ok(taken)
    }

    /// Commands of one context; gives their number, and whether there is none left.
    fn take_of_context(
        &mut self,
        number: u32,
        turn: &mut Turn<'_>,
        message: &mut Message,
    ) -> Result<(usize, bool), Violation> {
        let mut done = 0;
        let mut is_empty = false;
        // One that brings no answer needs no room for any, and leaves what there is.
        let mut can_answer = false;
        while done < COMMANDS_MAX && !self.budget.is_spent() {
            if !can_answer {
                if !self.can_answer(number) {
                    self.is_held_back = true;
                    break;
                }
                match self.take_stalled(number, turn)? {
                    None => can_answer = true,
                    Some(true) => {
                        done += 1;
                        continue;
                    }
                    Some(false) => break,
                }
            }
            let Some(context) = self.contexts.get_mut(number as usize) else {
                is_empty = true;
                break;
            };
            // A command is carried out from where it was taken, and copied only to go to another worker.
            if !context.ring.take(message)? {
                is_empty = true;
                break;
            }
            done += 1;
            // First of all what each message needs.
            if let Some((socket, counts, payload)) = Command::decode_send(message)?
                && self.sockets.worker_of(socket.slot) == self.worker
            {
                self.budget.charge_send();
                self.counts.commands += 1;
                let count = self.send(socket, counts, payload, turn)?;
                if count < payload.len() {
                    let (command, payload) = Command::decode(message)?;
                    self.stall(Forwarded::new(number, &command, payload).rest(count));
                    break;
                }
                continue;
            }
            let (command, payload) = Command::decode(message)?;
            self.budget.charge(&command);
            can_answer = false;
            let is_done = self.carry_out_or_forward(number, &command, payload, turn)?;
            if matches!(command, Command::SetKey { .. }) {
                message.wipe();
            }
            if !is_done {
                break;
            }
        }
        if let Some(context) = self.contexts.get_mut(number as usize) {
            context.has_spoken |= done > 0;
            context.ring.release();
        }
        Ok((done, is_empty))
    }

    /// Tries a command again that found no room before; true when it is carried out now, None when there is none.
    fn take_stalled(
        &mut self,
        number: u32,
        turn: &mut Turn<'_>,
    ) -> Result<Option<bool>, Violation> {
        let context = self.contexts.get_mut(number as usize);
        match context.and_then(|context| context.stalled.take()) {
            Some(stalled) => self.try_again(number, stalled, turn).map(Some),
            None => Ok(None),
        }
    }

    /// Whether the answers of a context's next command have room.
    fn can_answer(&self, context: u32) -> bool {
        let mail = self.mails.get(context as usize);
        self.is_leaving || mail.is_some_and(|mail| !mail.is_owing() && mail.has_room())
    }

    /// The worker that carries a command out.
    pub(super) fn owner_of(&self, command: &Command) -> u32 {
        let socket = match *command {
            // A new socket is this worker's, and so are the slots that are claimed of it.
            Command::Open { .. } | Command::ConnectNew { .. } | Command::Take { .. } => {
                return self.worker;
            }
            Command::Bind { socket, .. }
            | Command::Listen { socket, .. }
            | Command::Connect { socket, .. }
            | Command::Send { socket, .. }
            | Command::SendMarked { socket, .. }
            | Command::SendFilled { socket, .. }
            | Command::PassMark { socket, .. }
            | Command::TakeUrgent { socket, .. }
            | Command::Read { socket, .. }
            | Command::WantRoom { socket, .. }
            | Command::GiveBack { socket, .. }
            | Command::Shutdown { socket, .. }
            | Command::Close { socket }
            | Command::SetOption { socket, .. }
            | Command::SetKey { socket, .. }
            | Command::GetOption { socket, .. }
            | Command::Info { socket, .. }
            | Command::Subscribe { socket, .. }
            | Command::Unsubscribe { socket, .. } => socket,
        };
        self.sockets.worker_of(socket.slot)
    }

    /// Carries a command out; gives how much of its payload, all of it but for a `Send` that found no memory.
    pub(super) fn carry_out(
        &mut self,
        context: u32,
        command: &Command,
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<usize, Violation> {
        self.counts.commands += 1;
        if let Command::Send {
            socket,
            offset,
            read,
        } = *command
        {
            return self.send(socket, (offset, read), payload, turn);
        }
        if let Command::SendMarked {
            socket,
            offset,
            read,
            mark,
        } = *command
        {
            return self.send_marked(socket, (offset, read), (payload, mark), turn);
        }
        if let Command::SetKey {
            ticket,
            socket,
            option,
        } = *command
        {
            let set = self.set_key(socket, (option, payload), turn);
            self.answer(context, ticket, set)?;
        } else {
            self.carry_out_other(context, command, turn)?;
        }
        Ok(payload.len())
    }

    fn carry_out_other(
        &mut self,
        context: u32,
        command: &Command,
        turn: &mut Turn<'_>,
    ) -> Result<(), Violation> {
        match *command {
            Command::Open { ticket } => {
                let opened = self.open();
                self.answer(context, ticket, opened)
            }
            Command::Bind {
                ticket,
                socket,
                local,
            } => {
                let bound = self.bind(socket, local, turn);
                self.answer(context, ticket, bound)
            }
            Command::Listen {
                ticket,
                socket,
                backlog,
            } => self.listen(socket, backlog, (ticket, context), turn),
            Command::Connect {
                ticket,
                socket,
                remote,
            } => {
                let connecting = self.connect(socket, remote, turn);
                self.answer(context, ticket, connecting)
            }
            Command::ConnectNew {
                ticket,
                local,
                remote,
            } => {
                let connecting = self.connect_new(local, remote, turn);
                self.answer(context, ticket, connecting)
            }
            Command::Take {
                ticket,
                listener,
                slot,
                round,
            } => {
                let taken = self.take(listener, (slot, round), turn)?;
                self.answer(context, ticket, taken)
            }
            Command::Shutdown {
                ticket,
                socket,
                direction,
            } => {
                let shut = self.shutdown(socket, direction, turn)?;
                self.answer(context, ticket, shut)
            }
            Command::Info { ticket, socket } => self.tell_info(socket, (ticket, context), turn),
            Command::SetOption { .. } | Command::GetOption { .. } => {
                self.carry_out_option(context, command, turn)
            }
            _ => self.carry_out_transfer(context, command, turn),
        }
    }

    fn carry_out_option(
        &mut self,
        context: u32,
        command: &Command,
        turn: &mut Turn<'_>,
    ) -> Result<(), Violation> {
        match *command {
            Command::SetOption {
                ticket,
                socket,
                option,
                value,
            } => {
                let set = self.set_option(socket, (option, value), turn);
                self.answer(context, ticket, set)
            }
            Command::GetOption {
                ticket,
                socket,
                option,
            } => {
                if let Some(pages) = listing::pages(option) {
                    return self.tell_listing(socket, (ticket, context), (option, pages), turn);
                }
                let got = self.get_option(socket, option, turn);
                self.answer(context, ticket, got)
            }
            _ => Ok(()),
        }
    }

    fn carry_out_transfer(
        &mut self,
        context: u32,
        command: &Command,
        turn: &mut Turn<'_>,
    ) -> Result<(), Violation> {
        match *command {
            Command::SendFilled {
                socket,
                offset,
                read,
                filled,
                has_more,
            } => self.send_filled(socket, (offset, read), (filled, has_more), turn),
            Command::Read { socket, read } => self.read(socket, read, turn),
            Command::WantRoom { socket, bytes } => {
                self.want_room(socket, Wants::new(context, bytes), turn)
            }
            Command::GiveBack { socket, filled } => self.give_back(socket, filled, turn),
            Command::PassMark {
                ticket,
                socket,
                read,
            } => {
                self.pass_mark(socket, read, turn)?;
                self.answer(context, ticket, Ok((None, 0)))
            }
            Command::TakeUrgent {
                ticket,
                socket,
                is_peek,
            } => {
                let taken = self.take_urgent(socket, is_peek, turn)?;
                self.answer(context, ticket, taken)
            }
            Command::Close { socket } => {
                self.close(socket, turn);
                Ok(())
            }
            Command::Subscribe {
                ticket,
                socket,
                notifier,
                interest,
            } => match self.subscribe(socket, (notifier, interest, ticket), turn) {
                Ok(()) => Ok(()),
                Err(error) => self.answer(context, ticket, Err(errno::number(error))),
            },
            Command::Unsubscribe { socket, notifier } => {
                self.unsubscribe(socket, notifier, turn);
                Ok(())
            }
            // All others were carried out before.
            _ => Ok(()),
        }
    }
}

/// Commands of one context in one turn.
const COMMANDS_MAX: usize = 64;
