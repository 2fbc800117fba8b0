//! Lists of tickets and agents, a page at a time: what is asked of the engine and of the history, and
//! where a page stops.

use super::convert::{self, AgentSeen, Payload};
use super::digest::Digest;
use super::life;
use super::names::no_pool;
use super::page::{self, Place};
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::{Checks, echo};
use super::{Api, convert::queue_named};
use crate::driver::Live;
use crate::engine::Engine;
use crate::engine::model::{Agent, AgentId, Caller, Content, Ticket, TicketNumber, Time};
use crate::engine::queue::QueueKey;
use crate::journal::{Filter, FinishedRow, FinishedState, Seq};

/// Live tickets or agents that one page looks at: some hundred microseconds of the driver's time.
const SCAN_MAX: usize = 5000;
/// A page ends when its tickets have reached this size, so that its message is never too large.
const PAGE_BYTES_MAX: usize = 1 << 20;
/// What a ticket takes in a message beside its texts, roughly.
const TICKET_BYTES: usize = 512;
/// What an agent takes in a message, roughly.
const AGENT_BYTES: usize = 1024;
/// What a ticket in an agent's hands takes in a message, roughly.
const HELD_BYTES: usize = 128;

/// Which tickets are wanted.
#[derive(Clone)]
struct Wanted {
    /// The states wanted of live tickets.
    live: Vec<pb::TicketState>,
    finished: Vec<FinishedState>,
    tier: Option<Box<str>>,
    queue_id: Option<Box<str>>,
    customer_id: Option<Box<str>>,
}

impl Wanted {
    /// The finished tickets wanted, if any are.
    fn filter(&self, before: Seq) -> Option<Filter> {
        let state = match self.finished[..] {
            [] => return None,
            [state] => Some(state),
            [..] => None,
        };
        Some(Filter {
            state,
            tier: self.tier.clone(),
            customer_id: self.customer_id.clone(),
            before: Some(before),
        })
    }

    fn takes(&self, engine: &Engine, queue: Option<&QueueKey>, ticket: &Ticket) -> bool {
        let customer_id = || ticket.caller.as_deref().and_then(Caller::customer_id);
        self.live.contains(&life::state(&ticket.state))
            && queue.is_none_or(|queue| ticket.is_waiting() && QueueKey::of(ticket) == *queue)
            && self
                .tier
                .as_ref()
                .is_none_or(|tier| *engine.policy().tier(ticket.tier).name == **tier)
            && self.customer_id.as_ref().is_none_or(|id| customer_id() == Some(id))
    }
}

/// A page of live tickets, and after which one the next page starts; `None` when there are no more.
struct LivePage {
    tickets: Vec<Live>,
    bytes: usize,
    next: Option<TicketNumber>,
}

fn bytes_of(content: &Content) -> usize {
    let attributes = content.attributes.iter().map(|(key, value)| key.len() + value.len() + 8);
    TICKET_BYTES + content.subject.len() + attributes.sum::<usize>()
}

/// The live tickets after `after`, or the queue that the policy cannot have.
fn live_page(
    engine: &Engine,
    at: Time,
    wanted: &Wanted,
    after: TicketNumber,
    limit: usize,
) -> Result<LivePage, Box<str>> {
    let named =
        |name: &str| queue_named(engine.policy(), name).ok_or_else(|| Box::<str>::from(name));
    let queue = wanted.queue_id.as_deref().map(named).transpose()?;
    let mut page = LivePage { tickets: Vec::new(), bytes: 0, next: None };
    if wanted.live.is_empty() {
        return Ok(page);
    }
    let mut last = after;
    for (scanned, ticket) in engine.tickets_after(after).enumerate() {
        if scanned == SCAN_MAX || page.tickets.len() == limit || page.bytes >= PAGE_BYTES_MAX {
            page.next = Some(last);
            break;
        }
        last = ticket.number;
        if wanted.takes(engine, queue.as_ref(), ticket) {
            page.bytes += bytes_of(&ticket.content);
            let (ticket, policy) = (ticket.clone(), engine.policy().clone());
            page.tickets.push(Live { ticket, policy, at, forecast: None });
        }
    }
    Ok(page)
}

impl Api {
    pub(super) async fn list_tickets_page(
        &self,
        request: &pb::ListTicketsRequest,
    ) -> Result<pb::ListTicketsResponse, Fault> {
        let filters = request
            .states
            .iter()
            .fold(Digest::new(), |digest, state| digest.number(u64::from(state.cast_unsigned())))
            .text(&request.tier)
            .text(&request.queue_id)
            .text(&request.customer_id)
            .finish();
        let mut checks = Checks::default();
        let states: Vec<pb::TicketState> = checks.states(&request.states, "TicketState");
        let has = |state| states.is_empty() || states.contains(&state);
        let finished = [
            (pb::TicketState::Completed, FinishedState::Completed),
            (pb::TicketState::Cancelled, FinishedState::Cancelled),
            (pb::TicketState::Expired, FinishedState::Expired),
        ];
        let queue_id = checks.queue_id(&request.queue_id);
        let anywhere = queue_id.is_none();
        let finished = finished.into_iter().filter(|(state, _)| anywhere && has(*state));
        if !request.customer_id.is_empty() {
            checks.customer_id(&request.customer_id);
        }
        // Only waiting tickets are in a queue.
        let elsewhere = [
            pb::TicketState::Scheduled,
            pb::TicketState::Offered,
            pb::TicketState::Assigned,
            pb::TicketState::Parked,
            pb::TicketState::Quarantined,
        ];
        let elsewhere = elsewhere.into_iter().filter(|_| anywhere);
        let live = std::iter::once(pb::TicketState::Waiting).chain(elsewhere);
        let wanted = Wanted {
            live: live.filter(|state| has(*state)).collect(),
            finished: finished.map(|(_, state)| state).collect(),
            tier: checks.optional_name("tier", &request.tier),
            queue_id,
            customer_id: Some(request.customer_id.trim())
                .filter(|id| !id.is_empty())
                .map(Into::into),
        };
        let limit = checks.page_size(request.page_size);
        let place = checks.page_token(&request.page_token, |token| Place::parse(token, filters));
        checks.done()?;
        self.tickets_from(place.unwrap_or(Place::START), wanted, limit, filters).await
    }

    async fn tickets_from(
        &self,
        place: Place,
        wanted: Wanted,
        limit: usize,
        filters: u64,
    ) -> Result<pb::ListTicketsResponse, Fault> {
        let mut tickets = Vec::new();
        let mut bytes = 0;
        let mut next = Some(place);
        if let Place::Live(after) = place {
            let asked = wanted.clone();
            let look = move |engine: &Engine, now| live_page(engine, now, &asked, after, limit);
            let page =
                self.handle.read(look).await.map_err(|refused| Fault::refused(refused, ""))?;
            let page = page.map_err(|queue| {
                Fault::field("queue_id", format!("{} is not a queue of the policy", echo(&queue)))
            })?;
            let shown =
                page.tickets.iter().map(|live| convert::live_ticket(live, Payload::LeftOut));
            tickets.extend(shown);
            bytes = page.bytes;
            next = Some(page.next.map_or(Place::NEWEST_FINISHED, Place::Live));
        }
        if let Some(Place::Finished(before)) = next
            && tickets.len() < limit
            && bytes < PAGE_BYTES_MAX
        {
            next = match wanted.filter(before) {
                Some(filter) => {
                    let (rows, later) =
                        self.finished_page(filter, limit - tickets.len(), bytes).await?;
                    let shown =
                        rows.iter().map(|row| convert::finished_ticket(row, Payload::LeftOut));
                    tickets.extend(shown);
                    later.map(Place::Finished)
                }
                None => None,
            };
        }
        if wanted.finished.is_empty() && matches!(next, Some(Place::Finished(_))) {
            next = None;
        }
        let next_page_token = next.map(|place| place.token(filters)).unwrap_or_default();
        Ok(pb::ListTicketsResponse { tickets, next_page_token })
    }

    /// At most `limit` finished tickets that fit beside `bytes`, and where the next page starts.
    async fn finished_page(
        &self,
        filter: Filter,
        limit: usize,
        bytes: usize,
    ) -> Result<(Vec<FinishedRow>, Option<Seq>), Fault> {
        let history = self.handle.history().clone();
        let listed = tokio::task::spawn_blocking(move || history.list(&filter, limit)).await;
        let page = listed.map_err(|_| Fault::stopping())?.map_err(|error| {
            tracing::error!(%error, "the history cannot be read");
            Fault::history_unreadable()
        })?;
        let mut rows = page.rows;
        let mut next = page.next;
        let mut total = bytes;
        let fits = |row: &FinishedRow| {
            let note = row.note.as_deref().map_or(0, str::len);
            let room = total < PAGE_BYTES_MAX;
            total += bytes_of(&row.content) + note;
            room
        };
        let fitting = rows.iter().map(fits).take_while(|fits| *fits).count();
        if fitting < rows.len() {
            rows.truncate(fitting);
            next = rows.last().map(|row| row.seq);
        }
        Ok((rows, next))
    }

    pub(super) async fn list_agents_page(
        &self,
        request: &pb::ListAgentsRequest,
    ) -> Result<pb::ListAgentsResponse, Fault> {
        let filters = request
            .states
            .iter()
            .fold(Digest::new(), |digest, state| digest.number(u64::from(state.cast_unsigned())))
            .text(&request.pool)
            .finish();
        let mut checks = Checks::default();
        let pool = checks.optional_name("pool", &request.pool);
        let states: Vec<pb::AgentState> = checks.states(&request.states, "AgentState");
        let limit = checks.page_size(request.page_size);
        let place =
            checks.page_token(&request.page_token, |token| page::agent_place(token, filters));
        checks.done()?;
        let look = move |engine: &Engine, _| {
            agent_page(engine, pool.as_deref(), &states, place.as_ref(), limit)
        };
        let page = self.handle.read(look).await.map_err(|refused| Fault::refused(refused, ""))?;
        let Some((agents, next)) = page else {
            let known = no_pool(&request.pool, &self.handle.view().policy);
            return Err(Fault::field("pool", known));
        };
        Ok(pb::ListAgentsResponse {
            agents: agents.into_iter().map(Into::into).collect(),
            next_page_token: next
                .map(|agent| page::agent_token(&agent, filters))
                .unwrap_or_default(),
        })
    }
}

/// The agents after `after`, and after whom the next page starts; `None` if there is no such pool.
fn agent_page(
    engine: &Engine,
    pool: Option<&str>,
    states: &[pb::AgentState],
    after: Option<&AgentId>,
    limit: usize,
) -> Option<(Vec<AgentSeen>, Option<AgentId>)> {
    let pool = match pool {
        Some(name) => Some(engine.policy().pool_named(name)?),
        None => None,
    };
    let takes = |agent: &Agent| {
        pool.is_none_or(|pool| agent.pools.contains(pool))
            && (states.is_empty() || states.contains(&convert::agent_state(agent)))
    };
    let mut agents = Vec::new();
    let mut bytes = 0;
    let mut last = after;
    for (scanned, agent) in engine.roster().after(after).enumerate() {
        if scanned == SCAN_MAX || agents.len() == limit || bytes >= PAGE_BYTES_MAX {
            return Some((agents, last.cloned()));
        }
        last = Some(&agent.id);
        if takes(agent) {
            bytes += AGENT_BYTES + agent.held.len() * HELD_BYTES;
            agents.push(AgentSeen::of(engine, agent));
        }
    }
    Some((agents, None))
}
