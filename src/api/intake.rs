//! `IntakeService`: tickets come in, are watched, changed and withdrawn.

use super::Api;
use super::convert::{self, Payload};
use super::digest::Digest;
use super::places::Place;
use super::proto::v1::intake_service_server::IntakeService;
use super::proto::v1::{self as pb, submit_tickets_response};
use super::status::Fault;
use super::stream::Following;
use super::submission::Submission;
use super::validate::{Attributes, Checks, REF_CHARS_MAX, echo};
use crate::driver::Seen;
use crate::engine::model::{Content, TicketId};
use crate::engine::timing::Urgency;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::{Mutex, MutexGuard, Semaphore, mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Whose turn it is to change a ticket: a change reads the content and writes it whole, so two of one
/// ticket must not overlap. Tickets share a few turns.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<[Mutex<()>; 32]>);

impl Turns {
    async fn of(&self, id: &TicketId) -> MutexGuard<'_, ()> {
        let at = Digest::new().text(id.as_str()).finish() % self.0.len() as u64;
        self.0[usize::try_from(at).expect("it is below 32")].lock().await
    }
}

/// Done when the submits before this one have been sent; sending is said to the next.
struct Turn {
    before: oneshot::Receiver<()>,
    next: oneshot::Sender<()>,
}

#[tonic::async_trait]
impl IntakeService for Api {
    async fn submit_ticket(
        &self,
        request: Request<pb::SubmitTicketRequest>,
    ) -> Result<Response<pb::SubmitTicketResponse>, Status> {
        let submission = self.checked(request.get_ref())?;
        let lookup = submission.look_up(self).await;
        Ok(Response::new(submission.send(self, lookup).await?))
    }

    type SubmitTicketsStream = ReceiverStream<Result<pb::SubmitTicketsResponse, Status>>;

    async fn submit_tickets(
        &self,
        request: Request<Streaming<pb::SubmitTicketsRequest>>,
    ) -> Result<Response<Self::SubmitTicketsStream>, Status> {
        let in_flight_max = self.settings.submit_stream_in_flight_max.max(1);
        let (answers, answered) = mpsc::channel(in_flight_max);
        let api = self.clone();
        tokio::spawn(async move {
            if let Err(broken) = api.submit_all(request.into_inner(), &answers, in_flight_max).await
            {
                // A caller who is gone hears nothing.
                let _ = answers.send(Err(broken)).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(answered)))
    }

    async fn get_ticket(
        &self,
        request: Request<pb::GetTicketRequest>,
    ) -> Result<Response<pb::GetTicketResponse>, Status> {
        let id = checked_id(&request.get_ref().ticket_id)?;
        let seen = self.seen(&id).await?;
        let ticket = convert::ticket(&seen, Payload::Shown);
        Ok(Response::new(pb::GetTicketResponse { ticket: Some(ticket) }))
    }

    async fn list_tickets(
        &self,
        request: Request<pb::ListTicketsRequest>,
    ) -> Result<Response<pb::ListTicketsResponse>, Status> {
        Ok(Response::new(self.list_tickets_page(request.get_ref()).await?))
    }

    async fn update_ticket(
        &self,
        request: Request<pb::UpdateTicketRequest>,
    ) -> Result<Response<pb::UpdateTicketResponse>, Status> {
        let change = Change::check(request.get_ref(), self.settings.payload_bytes_max)?;
        let id = change.id.clone();
        let turn = self.updates.of(&id).await;
        let refused = |refused| Fault::refused(refused, id.as_str());
        let urgency = change.urgency;
        let (mut seen, content) = match self.seen(&id).await? {
            Seen::Live(live) => {
                let content = change.applied_to(&live.ticket.content);
                (Seen::Live(live), content)
            }
            Seen::Ended(row) => Err(Fault::ticket_ended(&row))?,
        };
        if let Some(content) = content {
            seen = self.handle.update(id.clone(), content).await.map_err(refused)?;
        }
        if let Some(urgency) = urgency {
            seen = self.handle.set_urgency(id.clone(), urgency).await.map_err(refused)?;
        }
        drop(turn);
        let ticket = convert::ticket(&seen, Payload::LeftOut);
        Ok(Response::new(pb::UpdateTicketResponse { ticket: Some(ticket) }))
    }

    async fn cancel_ticket(
        &self,
        request: Request<pb::CancelTicketRequest>,
    ) -> Result<Response<pb::CancelTicketResponse>, Status> {
        let request = request.into_inner();
        let mut checks = Checks::default();
        let id = checks.ticket_id(&request.ticket_id);
        let reason = checks.reason(&request.reason);
        checks.done()?;
        let cancelled = self.handle.cancel(id, reason).await;
        let seen = cancelled.map_err(|refused| Fault::refused(refused, &request.ticket_id))?;
        let ticket = convert::ticket(&seen, Payload::LeftOut);
        Ok(Response::new(pb::CancelTicketResponse { ticket: Some(ticket) }))
    }

    async fn request_callback(
        &self,
        request: Request<pb::RequestCallbackRequest>,
    ) -> Result<Response<pb::RequestCallbackResponse>, Status> {
        let request = request.into_inner();
        let now = self.handle.clock().now();
        let mut checks = Checks::default();
        let id = checks.ticket_id(&request.ticket_id);
        let number = checks.callback_number(&request.number);
        let not_before = checks.instant_ahead("not_before", request.not_before.as_ref(), now);
        let due_at = checks.instant_ahead("due_at", request.due_at.as_ref(), now);
        checks.done()?;
        let requested = self.handle.request_callback(id, number, not_before, due_at).await;
        let seen = requested.map_err(|refused| Fault::refused(refused, &request.ticket_id))?;
        let ticket = convert::ticket(&seen, Payload::LeftOut);
        Ok(Response::new(pb::RequestCallbackResponse { ticket: Some(ticket) }))
    }

    async fn resume_ticket(
        &self,
        request: Request<pb::ResumeTicketRequest>,
    ) -> Result<Response<pb::ResumeTicketResponse>, Status> {
        let id = checked_id(&request.get_ref().ticket_id)?;
        let resumed = self.handle.resume(id.clone()).await;
        let seen = resumed.map_err(|refused| Fault::refused(refused, id.as_str()))?;
        let ticket = convert::ticket(&seen, Payload::LeftOut);
        Ok(Response::new(pb::ResumeTicketResponse { ticket: Some(ticket) }))
    }

    type WatchTicketStream = Following;

    async fn watch_ticket(
        &self,
        request: Request<pb::WatchTicketRequest>,
    ) -> Result<Response<Self::WatchTicketStream>, Status> {
        let id = checked_id(&request.get_ref().ticket_id)?;
        let permit = self.watcher()?;
        loop {
            let watched = self.handle.watch(id.clone()).await;
            if let Some(changes) =
                watched.map_err(|refused| Fault::refused(refused, id.as_str()))?
            {
                return Ok(Response::new(Following::of(changes, permit)));
            }
            let seen = self.seen(&id).await?;
            if matches!(seen, Seen::Ended(_)) {
                let (_, ended) = tokio::sync::watch::channel(seen);
                return Ok(Response::new(Following::of(ended, permit)));
            }
            // It was submitted between the two questions: it can be watched now.
        }
    }
}

impl Api {
    fn checked(&self, request: &pb::SubmitTicketRequest) -> Result<Submission, Fault> {
        let now = self.handle.clock().now();
        let checked = Submission::check(request, self.settings.payload_bytes_max, now)?;
        Ok(checked.normal(&self.directory))
    }

    /// The ticket of that id, live or from the history.
    pub(super) async fn seen(&self, id: &TicketId) -> Result<Seen, Fault> {
        match self.handle.ticket(id.clone()).await {
            Ok(Some(seen)) => Ok(seen),
            Ok(None) => Err(Fault::ticket_not_found(id.as_str())),
            Err(refused) => Err(Fault::refused(refused, id.as_str())),
        }
    }

    /// A place among those who watch, for as long as it lives.
    pub(super) fn watcher(&self) -> Result<Place, Fault> {
        self.watchers.take("calls are watching already")
    }

    /// Takes every ticket of the stream, at most `in_flight_max` at once, and answers each.
    async fn submit_all(
        &self,
        mut requests: Streaming<pb::SubmitTicketsRequest>,
        answers: &mpsc::Sender<Result<pb::SubmitTicketsResponse, Status>>,
        in_flight_max: usize,
    ) -> Result<(), Status> {
        let in_flight = Arc::new(Semaphore::new(in_flight_max));
        let (first, mut before) = oneshot::channel();
        let _ = first.send(());
        for index in 0.. {
            let Some(request) = requests.message().await? else { break };
            let permit = in_flight.clone().acquire_owned().await.expect("it is never closed");
            let (next, after) = oneshot::channel();
            let turn = Turn { before: std::mem::replace(&mut before, after), next };
            let (api, answers) = (self.clone(), answers.clone());
            tokio::spawn(async move {
                let answer = api.submit_one(index, request, turn).await;
                // A caller who is gone hears nothing; what was taken stays taken.
                let _ = answers.send(Ok(answer)).await;
                drop(permit);
            });
        }
        Ok(())
    }

    async fn submit_one(
        &self,
        index: u64,
        mut request: pb::SubmitTicketsRequest,
        turn: Turn,
    ) -> pb::SubmitTicketsResponse {
        let result = match self.submit_in_turn(&mut request, turn).await {
            Ok(receipt) => submit_tickets_response::Result::Receipt(receipt),
            Err(fault) => submit_tickets_response::Result::Error(fault.into()),
        };
        let fits = request.r#ref.chars().count() <= REF_CHARS_MAX;
        let r#ref = if fits { request.r#ref } else { String::new() };
        pb::SubmitTicketsResponse { index, r#ref, result: Some(result) }
    }

    /// Looks up beside the others, and enters the queue after those who came before.
    async fn submit_in_turn(
        &self,
        request: &mut pb::SubmitTicketsRequest,
        turn: Turn,
    ) -> Result<pb::SubmitTicketResponse, Fault> {
        let looked_up = match self.checked_item(request) {
            Ok(submission) => {
                let lookup = submission.look_up(self).await;
                Ok((submission, lookup))
            }
            Err(fault) => Err(fault),
        };
        // Those before have been sent, or will never be. A faulty one waits too: the next goes when it is gone.
        let _ = turn.before.await;
        let (submission, lookup) = looked_up?;
        let mut sending = pin!(submission.send(self, lookup));
        // The first poll hands the submit to the driver; then the next may follow.
        let sent = poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await;
        let _ = turn.next.send(());
        let result = match sent {
            Poll::Ready(result) => result,
            Poll::Pending => sending.await,
        };
        result.map_err(|fault| fault.within("ticket."))
    }

    fn checked_item(&self, request: &mut pb::SubmitTicketsRequest) -> Result<Submission, Fault> {
        let mut checks = Checks::default();
        checks.line("ref", &request.r#ref, REF_CHARS_MAX);
        let ticket = checks.required("ticket", request.ticket.take());
        checks.done()?;
        self.checked(&ticket).map_err(|fault| fault.within("ticket."))
    }
}

fn checked_id(id: &str) -> Result<TicketId, Fault> {
    let mut checks = Checks::default();
    let id = checks.ticket_id(id);
    checks.done()?;
    Ok(id)
}

/// What a call changes on a ticket; `None` stays as it is.
struct Change {
    id: TicketId,
    subject: Option<Box<str>>,
    payload: Option<Box<[u8]>>,
    attributes: Option<Attributes>,
    urgency: Option<Urgency>,
}

impl Change {
    fn check(request: &pb::UpdateTicketRequest, payload_bytes_max: usize) -> Result<Self, Fault> {
        let mut checks = Checks::default();
        let mut change = Self {
            id: checks.ticket_id(&request.ticket_id),
            subject: None,
            payload: None,
            attributes: None,
            urgency: None,
        };
        let paths = request.update_mask.as_ref().map_or(&[][..], |mask| &mask.paths);
        if paths.is_empty() {
            checks.fault("update_mask", "is required");
        }
        for path in paths {
            match path.as_str() {
                "subject" => change.subject = Some(checks.subject(&request.subject)),
                "payload" => {
                    change.payload = Some(checks.payload(&request.payload, payload_bytes_max));
                }
                "attributes" => change.attributes = Some(checks.attributes(&request.attributes)),
                "urgency" => change.urgency = Some(checks.urgency(request.urgency)),
                _ => checks.fault(
                    "update_mask",
                    format!("{} is not one of subject, payload, attributes, urgency", echo(path)),
                ),
            }
        }
        checks.done()?;
        Ok(change)
    }

    /// The content with what the change says of it; `None` where it says nothing.
    fn applied_to(self, old: &Content) -> Option<Content> {
        if self.subject.is_none() && self.payload.is_none() && self.attributes.is_none() {
            return None;
        }
        Some(Content {
            subject: self.subject.unwrap_or_else(|| old.subject.clone()),
            payload: self.payload.unwrap_or_else(|| old.payload.clone()),
            attributes: self.attributes.unwrap_or_else(|| old.attributes.clone()),
        })
    }
}
