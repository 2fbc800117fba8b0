//! Streams on which agents get offers: what is asked, what is pushed, and the handle's part in it.

use super::{Handle, Live, Refused, Request, Seen};
use crate::engine::command::{Command, Revocation, WorkEnd};
use crate::engine::model::{AgentId, LeaseToken, Presence, TicketId, Time};
use crate::engine::push::Stream;
use tokio::sync::mpsc;

/// What may wait for a stream's reader before the stream is closed.
pub const PUSHES_MAX: usize = 64;

/// A stream as it is asked for.
#[derive(Clone, Debug)]
pub struct WorkAsk {
    /// Who.
    pub agent: AgentId,
    /// The stream.
    pub stream: Stream,
    /// The agent's presence from now on.
    pub presence: Presence,
}

/// Something that happened, told on a stream after it is on disk.
#[derive(Clone, Debug)]
pub enum Push {
    /// A ticket is offered.
    Offer {
        /// The ticket in that moment.
        live: Box<Live>,
        /// The token of this agent's offer.
        token: LeaseToken,
    },
    /// An offer was taken back.
    Revoked {
        /// Which ticket.
        ticket: TicketId,
        /// The offer's token.
        token: LeaseToken,
        /// Why.
        why: Revoked,
    },
    /// An offer's time was up.
    Missed {
        /// Which ticket.
        ticket: TicketId,
        /// The offer's token.
        token: LeaseToken,
        /// How many offers in a row the agent has missed by now.
        missed_count: u16,
        /// Until when the agent is not offered the ticket again.
        until: Option<Time>,
    },
    /// The agent's presence changed.
    Presence(Presence),
    /// The stream is over; nothing comes after it.
    Closing(WorkEnd),
}

/// Why an offer was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// The engine took it back.
    Rule(Revocation),
    /// The ticket ended.
    TicketEnded,
}

/// An open stream; dropping it closes it.
pub struct OpenWork {
    /// What is told on it. Its end without [`Push::Closing`] means that the driver is gone.
    pub pushes: mpsc::Receiver<Push>,
    open: Open,
}

struct Open {
    handle: Handle,
    agent: AgentId,
    number: u64,
    why: WorkEnd,
}

impl OpenWork {
    /// Closes it for that reason.
    pub fn close(mut self, why: WorkEnd) {
        self.open.why = why;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let (agent, number, why) = (self.agent.clone(), self.number, self.why);
        let close = move || Request::CloseWork { agent: agent.clone(), number, why };
        self.handle.tell_later(close);
    }
}

impl Handle {
    /// Opens a stream for offers, in the place of the agent's older one. Dropping what is answered closes
    /// it.
    pub async fn open_work(&self, ask: WorkAsk) -> Result<OpenWork, Refused> {
        let number = super::run::next_wait();
        let (sender, pushes) = mpsc::channel(PUSHES_MAX);
        let agent = ask.agent.clone();
        let open = Open { handle: self.clone(), agent, number, why: WorkEnd::ByAgent };
        self.ask(|reply| Request::OpenWork { ask, number, pushes: sender, reply }).await?;
        Ok(OpenWork { pushes, open })
    }

    /// Accepts an offer.
    pub async fn accept(&self, ticket: TicketId, token: LeaseToken) -> Result<Seen, Refused> {
        self.about(ticket.clone(), Command::Accept { ticket, token }).await
    }

    /// Declines an offer.
    pub async fn decline(
        &self,
        ticket: TicketId,
        token: LeaseToken,
        reason: Box<str>,
    ) -> Result<Seen, Refused> {
        self.about(ticket.clone(), Command::Decline { ticket, token, reason }).await
    }
}
