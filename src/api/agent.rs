//! `AgentService`: agents ask for work, hold it and finish it.

use super::Api;
use super::convert::{self, AgentSeen, Payload};
use super::names::{no_pool, no_tier};
use super::proto::v1::agent_service_server::AgentService;
use super::proto::v1::{self as pb, complete_ticket_response, pull_ticket_response};
use super::status::Fault;
use super::validate::{Checks, NOTE_CHARS_MAX, OUTCOME_CHARS_MAX};
use super::work::WorkEvents;
use crate::driver::{CompleteAsk, Completed, Presumed, PullAsk, Pulled, Refused, Seen};
use crate::engine::command::Rejection;
use crate::engine::life::Destination;
use crate::engine::model::{AgentId, Report};
use tonic::{Request, Response, Status, Streaming};

#[tonic::async_trait]
impl AgentService for Api {
    async fn set_presence(
        &self,
        request: Request<pb::SetPresenceRequest>,
    ) -> Result<Response<pb::SetPresenceResponse>, Status> {
        let request = request.into_inner();
        let mut checks = Checks::default();
        let id = checks.agent_id(&request.agent_id);
        let presence = checks.presence(request.presence);
        checks.done()?;
        let set = self.handle.set_presence(id.clone(), presence).await;
        set.map_err(|refused| Fault::refused(refused, id.as_str()))?;
        let agent = self.agent(&id).await?;
        Ok(Response::new(pb::SetPresenceResponse { agent: Some(agent) }))
    }

    async fn pull_ticket(
        &self,
        request: Request<pb::PullTicketRequest>,
    ) -> Result<Response<pb::PullTicketResponse>, Status> {
        let request = request.into_inner();
        let mut checks = Checks::default();
        let pull = PullAsk {
            agent: checks.agent_id(&request.agent_id),
            request: checks.optional_id("request_id", &request.request_id),
            wait_ms: checks.wait_ms(request.wait.as_ref(), self.settings.pull_wait_ms_max),
        };
        checks.done()?;
        let pulled = self.handle.pull_presumed(pull).await;
        let (pulled, presumed) =
            pulled.map_err(|refused| Fault::refused(refused, &request.agent_id))?;
        let message = self.pulled_message(&pulled).await;
        presumed.answered();
        Ok(Response::new(message))
    }

    type WorkStream = WorkEvents;

    async fn work(
        &self,
        request: Request<Streaming<pb::WorkRequest>>,
    ) -> Result<Response<WorkEvents>, Status> {
        Ok(Response::new(self.begin_work(request.into_inner()).await?))
    }

    async fn accept_offer(
        &self,
        request: Request<pb::AcceptOfferRequest>,
    ) -> Result<Response<pb::AcceptOfferResponse>, Status> {
        let assignment = Some(self.accept_offer_of(request.get_ref()).await?);
        Ok(Response::new(pb::AcceptOfferResponse { assignment }))
    }

    async fn decline_offer(
        &self,
        request: Request<pb::DeclineOfferRequest>,
    ) -> Result<Response<pb::DeclineOfferResponse>, Status> {
        let ticket = Some(self.decline_offer_of(request.get_ref()).await?);
        Ok(Response::new(pb::DeclineOfferResponse { ticket }))
    }

    async fn get_customer_card(
        &self,
        request: Request<pb::GetCustomerCardRequest>,
    ) -> Result<Response<pb::GetCustomerCardResponse>, Status> {
        let card = Some(self.card_again(request.get_ref()).await?);
        Ok(Response::new(pb::GetCustomerCardResponse { card }))
    }

    async fn extend_lease(
        &self,
        request: Request<pb::ExtendLeaseRequest>,
    ) -> Result<Response<pb::ExtendLeaseResponse>, Status> {
        let request = request.into_inner();
        let mut checks = Checks::default();
        let ticket = checks.ticket_id(&request.ticket_id);
        let token = checks.token(request.lease_token);
        let by_ms = checks.extend_ms(request.by.as_ref());
        checks.done()?;
        let extended = self.handle.extend(ticket, token, by_ms).await;
        let seen = extended.map_err(|refused| Fault::refused(refused, &request.ticket_id))?;
        let lease_until = match &seen {
            Seen::Live(live) => live.ticket.assignment().map(|held| held.lease_until),
            Seen::Ended(_) => None,
        };
        let lease_until = lease_until.map(convert::timestamp);
        Ok(Response::new(pb::ExtendLeaseResponse { lease_until }))
    }

    async fn complete_ticket(
        &self,
        request: Request<pb::CompleteTicketRequest>,
    ) -> Result<Response<pb::CompleteTicketResponse>, Status> {
        let request = request.into_inner();
        let mut checks = Checks::default();
        let complete = CompleteAsk {
            ticket: checks.ticket_id(&request.ticket_id),
            token: checks.token(request.lease_token),
            report: Report {
                outcome: checks.line("outcome", &request.outcome, OUTCOME_CHARS_MAX),
                note: checks.text("note", &request.note, NOTE_CHARS_MAX),
                burden: checks.burden(&request.burden),
            },
        };
        let wait_ms_max = self.settings.pull_wait_ms_max;
        let pull = request.pull_next.as_ref().map(|pull| {
            checks.inside("pull_next.", |checks| PullAsk {
                agent: checks.agent_id(&pull.agent_id),
                request: checks.optional_id("request_id", &pull.request_id),
                wait_ms: checks.wait_ms(pull.wait.as_ref(), wait_ms_max),
            })
        });
        checks.done()?;
        let agent = pull.as_ref().map(|pull| pull.agent.clone());
        let completed = self.handle.complete_presumed(complete, pull).await;
        let (Completed { seen, wrap_up_until, pulled }, presumed) =
            completed.map_err(|refused| Fault::refused(refused, &request.ticket_id))?;
        let next = match pulled.zip(agent) {
            Some((pulled, agent)) => Some(self.next(pulled, &agent).await),
            None => None,
        };
        presumed.into_iter().for_each(Presumed::answered);
        let Seen::Ended(row) = seen else {
            unreachable!("a completion is answered with the ticket it has ended")
        };
        Ok(Response::new(pb::CompleteTicketResponse {
            ticket_id: row.id.to_string(),
            finished_at: Some(convert::timestamp(row.finished_at)),
            handle_ms: row.handle_ms.unwrap_or_default(),
            response_in_deadline: row.response_in_time,
            solution_in_deadline: row.solution_in_time,
            wrap_up_until: wrap_up_until.map(convert::timestamp),
            next,
        }))
    }

    async fn finish_wrap_up(
        &self,
        request: Request<pb::FinishWrapUpRequest>,
    ) -> Result<Response<pb::FinishWrapUpResponse>, Status> {
        let request = request.into_inner();
        let mut checks = Checks::default();
        let agent = checks.agent_id(&request.agent_id);
        let ticket = checks.ticket_id(&request.ticket_id);
        let token = checks.token(request.lease_token);
        checks.done()?;
        let finished = self.handle.finish_wrap_up(agent.clone(), ticket, token).await;
        finished.map_err(|refused| match refused {
            Refused::Rule(Rejection::AgentNotFound) => Fault::agent_not_found(agent.as_str()),
            _ => Fault::refused(refused, &request.ticket_id),
        })?;
        let agent = self.agent(&agent).await?;
        Ok(Response::new(pb::FinishWrapUpResponse { agent: Some(agent) }))
    }

    async fn release_ticket(
        &self,
        request: Request<pb::ReleaseTicketRequest>,
    ) -> Result<Response<pb::ReleaseTicketResponse>, Status> {
        let request = request.into_inner();
        let mut checks = Checks::default();
        let ticket = checks.ticket_id(&request.ticket_id);
        let token = checks.token(request.lease_token);
        let reason = checks.reason(&request.reason);
        checks.done()?;
        let released = self.handle.release(ticket, token, reason).await;
        let seen = released.map_err(|refused| Fault::refused(refused, &request.ticket_id))?;
        let ticket = convert::ticket(&seen, Payload::LeftOut);
        Ok(Response::new(pb::ReleaseTicketResponse { ticket: Some(ticket) }))
    }

    async fn transfer_ticket(
        &self,
        request: Request<pb::TransferTicketRequest>,
    ) -> Result<Response<pb::TransferTicketResponse>, Status> {
        let request = request.into_inner();
        let mut checks = Checks::default();
        let ticket = checks.ticket_id(&request.ticket_id);
        let token = checks.token(request.lease_token);
        let to = checks.destination(request.to.as_ref());
        let reason = checks.reason(&request.reason);
        checks.done()?;
        let moved =
            self.handle.transfer(ticket, token, to.clone(), request.restart_clocks, reason).await;
        let seen = moved.map_err(|refused| match (&refused, &to) {
            (Refused::Rule(Rejection::AgentNotFound), Destination::Agent(agent)) => {
                Fault::agent_not_found(agent.as_str())
            }
            (Refused::Rule(Rejection::PoolNotFound), Destination::Pool(pool)) => {
                Fault::field("pool", no_pool(pool, &self.handle.view().policy))
            }
            (Refused::Rule(Rejection::TierNotFound), Destination::Tier(tier)) => {
                Fault::field("tier", no_tier(tier, &self.handle.view().policy))
            }
            _ => Fault::refused(refused, &request.ticket_id),
        })?;
        let ticket = convert::ticket(&seen, Payload::LeftOut);
        Ok(Response::new(pb::TransferTicketResponse { ticket: Some(ticket) }))
    }

    async fn park_ticket(
        &self,
        request: Request<pb::ParkTicketRequest>,
    ) -> Result<Response<pb::ParkTicketResponse>, Status> {
        let request = request.into_inner();
        let mut checks = Checks::default();
        let ticket = checks.ticket_id(&request.ticket_id);
        let token = checks.token(request.lease_token);
        let for_ms = checks.park_ms(request.for_at_most.as_ref());
        let keep_ms = checks.keep_ms(request.keep_for.as_ref());
        let reason = checks.reason(&request.reason);
        checks.done()?;
        let parked = self.handle.park(ticket, token, for_ms, keep_ms, reason).await;
        let seen = parked.map_err(|refused| Fault::refused(refused, &request.ticket_id))?;
        let ticket = convert::ticket(&seen, Payload::LeftOut);
        Ok(Response::new(pb::ParkTicketResponse { ticket: Some(ticket) }))
    }
}

impl Api {
    /// The agent of that id, with what is in hand.
    pub(super) async fn agent(&self, id: &AgentId) -> Result<pb::Agent, Fault> {
        let wanted = id.clone();
        let seen = self.handle.read(move |engine, _| {
            engine.roster().get(&wanted).map(|agent| AgentSeen::of(engine, agent))
        });
        match seen.await {
            Ok(Some(agent)) => Ok(agent.into()),
            Ok(None) => Err(Fault::agent_not_found(id.as_str())),
            Err(refused) => Err(Fault::refused(refused, id.as_str())),
        }
    }

    async fn pulled_message(&self, pulled: &Pulled) -> pb::PullTicketResponse {
        let result = match pulled {
            Pulled::Assignment { live, repeated } => {
                let assignment = self.assignment(live, *repeated).await;
                pull_ticket_response::Result::Assignment(Box::new(assignment))
            }
            Pulled::Empty(why) => {
                let reason = pb::EmptyReason::from(*why).into();
                pull_ticket_response::Result::Empty(pb::EmptyPull { reason })
            }
        };
        pb::PullTicketResponse { result: Some(result) }
    }

    /// What the pull after a completion led to.
    async fn next(
        &self,
        pulled: Result<Pulled, Refused>,
        agent: &AgentId,
    ) -> complete_ticket_response::Next {
        match pulled {
            Ok(pulled) => {
                complete_ticket_response::Next::Pulled(self.pulled_message(&pulled).await)
            }
            Err(refused) => {
                let fault = Fault::refused(refused, agent.as_str());
                complete_ticket_response::Next::PullError(fault.into())
            }
        }
    }
}
