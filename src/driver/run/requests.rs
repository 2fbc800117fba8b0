//! What each request asks of the engine, and what its answer says.

use super::super::{
    CompleteAsk, CompleteReply, Completed, Delivery, PoolSeen, PullAsk, Pulled, Receipt, Refused,
    Request, Seen, subject,
};
use super::{Driver, Phase, Waiting, see, see_live};
use crate::engine::command::{Answer, Command, Earlier, Submit};
use crate::engine::model::{TicketId, Time};
use tokio::sync::watch;

impl Driver {
    pub(super) fn take(&mut self, now: Time, request: Request) {
        match request {
            Request::Submit { submit, own_id, reply } => {
                let result = self.submit(now, *submit, own_id);
                self.answer(reply, result);
            }
            Request::Command { command, reply } => {
                let result = self.command_with_earlier(now, command).map(drop);
                self.answer(reply, result);
            }
            Request::Pool { command, reply } => {
                let result = self.pool_switched(now, command);
                self.answer(reply, result);
            }
            Request::Bulk { bulk, ids, reply } => {
                let result = self.act_on(now, &bulk, &ids);
                self.answer(reply, result);
            }
            Request::Ticket { id, command, reply } => {
                let answer = self.command_with_earlier(now, command);
                let result = answer.and_then(|answer| self.seen(&answer, &id));
                self.answer(reply, result);
            }
            Request::Pull { pull, wait, reply } => self.pull(now, pull, wait, reply),
            Request::Complete { complete, pull, reply } => {
                self.complete(now, complete, pull, reply);
            }
            Request::CallerGone { agent, wait } => {
                if self.waiting.get(&agent).is_some_and(|waiting| waiting.wait == wait) {
                    self.waiting.remove(&agent);
                    // Nobody is left to hear an answer, and without space the wait ends later.
                    let _ = self.command(now, Command::StopWaiting { agent });
                } else if let Some((answered, assigned)) = self.answered.get(&agent)
                    && *answered == wait
                {
                    // The answer was on its way when the caller left: nobody has read it.
                    self.undelivered.push(*assigned);
                    self.answered.remove(&agent);
                }
            }
            Request::OpenWork { ask, number, pushes, reply } => {
                self.open_work(now, ask, number, pushes, reply);
            }
            Request::CloseWork { agent, number, why } => self.close_work(now, agent, number, why),
            Request::Read(look) => {
                let tell = look(&self.engine, now);
                self.batch.answers.push(tell);
            }
            Request::Watch { ticket, reply } => {
                let result = self.watch(&ticket);
                self.answer(reply, result);
            }
            Request::Audit { reply } => self.audit_all(now, reply),
            Request::Drain => self.drain(now),
            Request::Stop => self.phase = Phase::Stopping,
        }
    }

    fn pool_switched(&mut self, now: Time, command: Command) -> Result<PoolSeen, Refused> {
        let Answer::Pool { pool, repeated } = self.command(now, command)? else {
            unreachable!("the answer to such a command is about a pool")
        };
        let name = self.engine.policy().pool(pool).name.clone();
        Ok(PoolSeen { name, pause: self.engine.pause(pool).cloned(), repeated })
    }

    /// Ends whatever would otherwise go on until its caller has enough.
    fn drain(&mut self, now: Time) {
        self.phase = self.phase.max(Phase::Draining);
        self.view_stale = true;
        self.watched.clear();
        for (agent, waiting) in std::mem::take(&mut self.waiting) {
            self.answer(waiting.reply, Err(Refused::Stopping));
            // Without space the wait is ended by the next start.
            let _ = self.command(now, Command::StopWaiting { agent });
        }
        self.close_all_work(now);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.phase >= Phase::Draining
    }

    fn submit(&mut self, now: Time, mut submit: Submit, own_id: bool) -> Result<Receipt, Refused> {
        if own_id && self.engine.ticket(&submit.id).is_none() {
            submit.earlier = self.earlier(&submit.id)?;
        }
        let id = submit.id.clone();
        let answer = self.command(now, Command::Submit(Box::new(submit)))?;
        let repeated = !matches!(answer, Answer::Ticket { repeated: false, .. });
        let seen = self.seen(&answer, &id)?;
        if let (false, Seen::Live(live)) = (repeated, &seen)
            && let Some(forecast) = &live.forecast
        {
            self.tally.coverage.told(now, &live.ticket, forecast);
        }
        let ahead_count = match &seen {
            Seen::Live(live) if live.ticket.is_waiting() => self.engine.ahead_of(&live.ticket),
            Seen::Live(_) | Seen::Ended(_) => 0,
        };
        Ok(Receipt { seen, ahead_count, repeated })
    }

    fn pull(&mut self, now: Time, pull: PullAsk, wait: u64, reply: Delivery<Pulled>) {
        let agent = pull.agent.clone();
        let wait_until = if self.is_draining() { now } else { now.plus_ms(pull.wait_ms) };
        let command = Command::Pull { agent: pull.agent, request: pull.request, wait_until };
        match self.command(now, command) {
            Ok(Answer::Holds { number, repeated }) => self.hand_over(number, repeated, wait, reply),
            Ok(Answer::Waits) => {
                self.waiting.insert(agent, Waiting { wait, reply });
            }
            Ok(Answer::Empty(_)) if self.is_draining() => {
                self.answer(reply, Err(Refused::Stopping));
            }
            Ok(Answer::Empty(why)) => self.answer(reply, Ok(Pulled::Empty(why))),
            Ok(
                Answer::Done | Answer::Pool { .. } | Answer::Ticket { .. } | Answer::Ended { .. },
            ) => {
                unreachable!("a pull is answered with what the agent holds, or nothing")
            }
            Err(refused) => self.answer(reply, Err(refused)),
        }
    }

    fn complete(
        &mut self,
        now: Time,
        complete: CompleteAsk,
        pull: Option<(PullAsk, u64)>,
        reply: CompleteReply,
    ) {
        let CompleteAsk { ticket, token, report } = complete;
        let id = ticket.clone();
        let command = Command::Complete { ticket, token, report, earlier: None };
        let answer = self.command_with_earlier(now, command);
        let completed = answer.and_then(|answer| {
            let number = subject(&answer).expect("a completion is about a ticket");
            let wrap_up = self.engine.wrap_up(number);
            let wrap_up_until = wrap_up.map(|(_, wrap)| wrap.until);
            Ok(Completed { seen: self.seen(&answer, &id)?, wrap_up_until, pulled: None })
        });
        match (completed, pull) {
            (Ok(completed), None) => self.answer(reply, Ok(completed)),
            (Err(refused), _) => self.answer(reply, Err(refused)),
            (Ok(completed), Some((pull, wait))) => {
                // Without a journal the completion may not stand, and repeating it is safe either way; any
                // other refusal concerns the pull alone.
                let both: Delivery<Pulled> = Box::new(move |pulled| match pulled {
                    Err(lost @ (Refused::NoSpace | Refused::JournalFailed)) => reply(Err(lost)),
                    pulled => reply(Ok(Completed { pulled: Some(pulled), ..completed })),
                });
                self.settle(now);
                self.pull(now, pull, wait, both);
            }
        }
    }

    fn watch(&mut self, id: &TicketId) -> Result<Option<watch::Receiver<Seen>>, Refused> {
        if self.is_draining() {
            return Err(Refused::Stopping);
        }
        let Some(number) = self.engine.ticket(id).map(|ticket| ticket.number) else {
            return Ok(None);
        };
        if let Some(watched) = self.watched.get(&number) {
            return Ok(Some(watched.subscribe()));
        }
        self.watched.retain(|_, watched| !watched.is_closed());
        let max = self.settings.watched_max;
        if self.watched.len() >= max {
            return Err(Refused::Watched { max });
        }
        let (watched, watching) = watch::channel(see_live(&self.engine, number, self.now()));
        self.watched.insert(number, watched);
        Ok(Some(watching))
    }

    /// The ticket that an answer is about: as the engine has it, or else the history.
    fn seen(&mut self, answer: &Answer, id: &TicketId) -> Result<Seen, Refused> {
        let number = subject(answer).expect("the answer to such a command is about a ticket");
        if self.engine.ticket_numbered(number).is_some() {
            return Ok(see_live(&self.engine, number, self.now()));
        }
        if let Some(seen) = see(&self.engine, id, self.now()) {
            return Ok(seen);
        }
        match self.journal.ended(id.as_str()) {
            Ok(Some(row)) => Ok(Seen::Ended(Box::new(row))),
            Ok(None) => Err(Refused::Unreadable),
            Err(error) => {
                tracing::error!(%error, "the history cannot be read");
                Err(Refused::Unreadable)
            }
        }
    }

    /// Carries a command out with what the history knows of a ticket that is no longer in memory.
    fn command_with_earlier(&mut self, now: Time, mut command: Command) -> Result<Answer, Refused> {
        match &mut command {
            Command::Intervene { ticket, earlier, .. }
            | Command::Cancel { ticket, earlier, .. }
            | Command::Complete { ticket, earlier, .. } => {
                if self.engine.ticket(ticket).is_none() {
                    *earlier = self.earlier(ticket)?;
                }
            }
            Command::FinishWrapUp { agent, ticket, token, earlier } => {
                let is_over = !self.engine.is_wrapping_up(agent, ticket, *token);
                if is_over && self.engine.ticket(ticket).is_none() {
                    *earlier = self.earlier(ticket)?;
                }
            }
            Command::Start
            | Command::ApplyPolicy { .. }
            | Command::ChangePolicy { .. }
            | Command::PutAgent(_)
            | Command::DeleteAgent { .. }
            | Command::SetPresence { .. }
            | Command::PausePool { .. }
            | Command::ResumePool { .. }
            | Command::Submit(_)
            | Command::Update { .. }
            | Command::SetUrgency { .. }
            | Command::Retier { .. }
            | Command::Pull { .. }
            | Command::StopWaiting { .. }
            | Command::OpenWork { .. }
            | Command::CloseWork { .. }
            | Command::Accept { .. }
            | Command::Decline { .. }
            | Command::Extend { .. }
            | Command::Release { .. }
            | Command::ReleaseQuarantined { .. }
            | Command::Park { .. }
            | Command::Transfer { .. }
            | Command::RequestCallback { .. }
            | Command::Resume { .. } => {}
        }
        self.command(now, command)
    }

    /// What the history says of an id. While it cannot be read, a retry cannot be told from a new ticket.
    fn earlier(&mut self, id: &TicketId) -> Result<Option<Earlier>, Refused> {
        self.journal.earlier(id.as_str()).map_err(|error| {
            tracing::error!(%error, "the history cannot be read");
            Refused::Unreadable
        })
    }
}
