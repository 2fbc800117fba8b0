//! One act on many tickets: which are meant, and what became of them.

use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::{Attributes, Checks, NAME_CHARS_MAX, echo};
use super::{Api, life};
use crate::driver::{BULK_BATCH_MAX, Bulk, Outcome, Refused};
use crate::engine::Engine;
use crate::engine::command::Intervention;
use crate::engine::life::SCHEDULE_MS_MAX;
use crate::engine::model::{
    Caller, Channel, POOLS_MAX, PoolIx, TIERS_MAX, Ticket, TicketId, TicketNumber, Time,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most tickets that one bulk action may concern.
pub(super) const BULK_TICKETS_MAX: usize = 10_000;
/// Most tickets that one bulk action may name.
pub(super) const BULK_IDS_MAX: usize = 1000;
/// Tickets that an answer tells one by one.
const TOLD_MAX: usize = 100;
/// Live tickets looked at before others have their turn at the driver.
const SCAN_MAX: usize = 2000;

/// Which tickets are meant.
struct Meant {
    states: Vec<pb::TicketState>,
    tiers: Vec<String>,
    channels: Vec<Channel>,
    pools: Vec<String>,
    customer_id: Option<Box<str>>,
    waited_ms: Option<i64>,
    attributes: Attributes,
}

/// What is asked, once it is sound.
struct Asked {
    bulk: Bulk,
    /// The tickets named; `None` when every live one is looked at.
    ids: Option<Vec<TicketId>>,
    dry_run: bool,
    expected_count: Option<u64>,
}

/// The tickets chosen, and of the first of them what they were like; with a dry run also what would become
/// of each.
#[derive(Default)]
struct Chosen {
    ids: Vec<TicketId>,
    told: Vec<pb::BulkTicket>,
    foreseen: Vec<Outcome>,
}

impl Meant {
    fn takes(&self, engine: &Engine, ticket: &Ticket, now: Time) -> bool {
        let policy = engine.policy();
        let serves = |pool: PoolIx| self.pools.iter().any(|name| **name == *policy.pool(pool).name);
        let has = |pair: &(Box<str>, Box<str>)| ticket.content.attributes.contains(pair);
        let customer_id = || ticket.caller.as_deref().and_then(Caller::customer_id);
        let tier = &policy.tier(ticket.tier).name;
        (self.states.is_empty() || self.states.contains(&life::state(&ticket.state)))
            && (self.tiers.is_empty() || self.tiers.iter().any(|name| **name == **tier))
            && (self.channels.is_empty() || self.channels.contains(&ticket.channel))
            && (self.pools.is_empty() || ticket.pools.iter().any(serves))
            && self.customer_id.as_ref().is_none_or(|id| customer_id() == Some(id))
            && self.waited_ms.is_none_or(|least| ticket.waited_ms(now) >= least)
            && self.attributes.iter().all(has)
    }
}

impl Api {
    pub(super) async fn acted_on_many(
        &self,
        request: &pb::BulkActionRequest,
    ) -> Result<pb::BulkActionResponse, Fault> {
        let asked = self.checked_bulk(request)?;
        let chosen = self.chosen(&asked).await?;
        let count = chosen.ids.len() as u64;
        if let Some(expected) = asked.expected_count.filter(|expected| *expected != count) {
            return Err(Fault::bulk_changed(expected, count));
        }
        let mut answer = pb::BulkActionResponse {
            dry_run: asked.dry_run,
            matched_count: count,
            tickets: chosen.told,
            ..pb::BulkActionResponse::default()
        };
        if asked.dry_run {
            for (at, outcome) in chosen.foreseen.iter().enumerate() {
                note(&mut answer, at, &chosen.ids[at], *outcome);
            }
            return Ok(answer);
        }
        let mut at = 0;
        for ids in chosen.ids.chunks(BULK_BATCH_MAX) {
            match self.handle.act_on(asked.bulk.clone(), ids.to_vec()).await {
                Ok(outcomes) => {
                    for (id, outcome) in ids.iter().zip(outcomes) {
                        note(&mut answer, at, id, outcome);
                        at += 1;
                    }
                }
                Err(refused) if at == 0 => return Err(Fault::refused(refused, "")),
                Err(refused) => {
                    answer.stopped = Some(Fault::refused(refused, "").into());
                    break;
                }
            }
        }
        Ok(answer)
    }

    fn checked_bulk(&self, request: &pb::BulkActionRequest) -> Result<Asked, Fault> {
        let mut checks = Checks::default();
        let by = checks.line("by", &request.by, NAME_CHARS_MAX);
        if request.reason.is_empty() {
            checks.fault("reason", "is required");
        }
        let reason = checks.reason(&request.reason);
        let waiting = vec![pb::TicketState::Waiting];
        let (action, usual_states) = match request.kind() {
            pb::BulkKind::Withdraw => (Intervention::Withdraw, waiting),
            pb::BulkKind::MoveToFront => (Intervention::MoveToFront, waiting),
            pb::BulkKind::Requeue => {
                (Intervention::Requeue, vec![pb::TicketState::Assigned, pb::TicketState::Offered])
            }
            pb::BulkKind::Unspecified => {
                let kind = request.kind;
                checks.fault("kind", format!("{kind} is not a kind of BulkKind to be asked for"));
                (Intervention::MoveToFront, waiting)
            }
        };
        let filter = request.filter.clone().unwrap_or_default();
        if filter == pb::BulkFilter::default() {
            checks.fault("filter", "names nothing: it would be every ticket");
        }
        let (mut meant, ids) =
            checks.inside("filter.", |checks| self.checked_filter(checks, &filter));
        if meant.states.is_empty() && ids.is_none() {
            meant.states = usual_states;
        }
        checks.done()?;
        let meant: Arc<Meant> = Arc::new(meant);
        let meant = move |engine: &Engine, ticket: &Ticket, now| meant.takes(engine, ticket, now);
        Ok(Asked {
            bulk: Bulk { action, by, reason, meant: Arc::new(meant) },
            ids,
            dry_run: request.dry_run,
            expected_count: request.expected_count,
        })
    }

    fn checked_filter(
        &self,
        checks: &mut Checks,
        filter: &pb::BulkFilter,
    ) -> (Meant, Option<Vec<TicketId>>) {
        let states: Vec<pb::TicketState> = checks.states(&filter.states, "TicketState");
        let over =
            [pb::TicketState::Completed, pb::TicketState::Cancelled, pb::TicketState::Expired];
        if let Some(at) = states.iter().position(|state| over.contains(state)) {
            checks.fault(&format!("states[{at}]"), "only live tickets can be acted on");
        }
        let view = self.handle.view();
        let policy = &view.policy;
        let tiers = ("tiers", &filter.tiers[..], TIERS_MAX);
        names(checks, tiers, |name| policy.tier_named(name).is_some());
        let pools = ("pools", &filter.pools[..], POOLS_MAX);
        names(checks, pools, |name| policy.pool_named(name).is_some());
        let mut channels = Vec::new();
        if filter.channels.len() > Channel::ALL.len() {
            let (count, max) = (filter.channels.len(), Channel::ALL.len());
            checks.fault("channels", format!("has {count} values, at most {max} are allowed"));
        } else {
            for (at, channel) in filter.channels.iter().enumerate() {
                match pb::Channel::try_from(*channel) {
                    Ok(known) if known != pb::Channel::Unspecified => {
                        channels.push(checks.channel(*channel));
                    }
                    Ok(_) | Err(_) => {
                        let told = format!("{channel} is not a value of Channel");
                        checks.fault(&format!("channels[{at}]"), told);
                    }
                }
            }
        }
        if !filter.customer_id.is_empty() {
            checks.customer_id(&filter.customer_id);
        }
        let waited = filter.waited_at_least.as_ref();
        let waited_ms =
            waited.map(|waited| checks.duration_ms("waited_at_least", waited, &WAITED_MS));
        let meant = Meant {
            states,
            tiers: filter.tiers.clone(),
            channels,
            pools: filter.pools.clone(),
            customer_id: Some(filter.customer_id.trim())
                .filter(|id| !id.is_empty())
                .map(Into::into),
            waited_ms,
            attributes: checks.attributes(&filter.attributes),
        };
        (meant, checked_ids(checks, &filter.ticket_ids))
    }

    /// The tickets that pass the filter now, in order of arrival or as they were named.
    async fn chosen(&self, asked: &Asked) -> Result<Chosen, Fault> {
        let mut chosen = Chosen::default();
        if let Some(ids) = &asked.ids {
            for ids in ids.chunks(BULK_BATCH_MAX) {
                let (bulk, dry_run, ids) = (asked.bulk.clone(), asked.dry_run, ids.to_vec());
                let look = move |engine: &Engine, now| {
                    let mut some = Chosen::default();
                    for id in ids {
                        let ticket = engine.ticket(&id);
                        if ticket.is_none_or(|ticket| (bulk.meant)(engine, ticket, now)) {
                            some.take(engine, &bulk, id.clone(), dry_run, now);
                        }
                    }
                    some
                };
                chosen.extend(self.looked(look).await?);
            }
            return Ok(chosen);
        }
        let mut next = Some(TicketNumber(0));
        while let Some(after) = next {
            let (bulk, dry_run) = (asked.bulk.clone(), asked.dry_run);
            let look = move |engine: &Engine, now| {
                let mut some = Chosen::default();
                let mut last = None;
                for (scanned, ticket) in engine.tickets_after(after).enumerate() {
                    if scanned == SCAN_MAX {
                        return (some, last);
                    }
                    last = Some(ticket.number);
                    if (bulk.meant)(engine, ticket, now) {
                        some.take(engine, &bulk, ticket.id.clone(), dry_run, now);
                    }
                }
                (some, None)
            };
            let (some, last) = self.looked(look).await?;
            chosen.extend(some);
            if chosen.ids.len() > BULK_TICKETS_MAX {
                let text = format!(
                    "more than {BULK_TICKETS_MAX} tickets pass the filter; narrow it, for example by a tier \
                     or by a longer wait"
                );
                return Err(Fault::limit("bulk_tickets_max", BULK_TICKETS_MAX as u64, text));
            }
            next = last;
        }
        Ok(chosen)
    }

    async fn looked<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Engine, Time) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let seen: Result<T, Refused> = self.handle.read(look).await;
        seen.map_err(|refused| Fault::refused(refused, ""))
    }
}

/// The least waits that can be asked for, in milliseconds.
const WAITED_MS: std::ops::RangeInclusive<i64> = 0..=SCHEDULE_MS_MAX;

impl Chosen {
    fn take(&mut self, engine: &Engine, bulk: &Bulk, id: TicketId, dry_run: bool, now: Time) {
        if self.told.len() < TOLD_MAX {
            let ticket_id = id.to_string();
            self.told.push(match engine.ticket(&id) {
                Some(ticket) => pb::BulkTicket {
                    ticket_id,
                    tier: engine.policy().tier(ticket.tier).name.to_string(),
                    state: life::state(&ticket.state).into(),
                    waited_ms: ticket.waited_ms(now),
                    ..pb::BulkTicket::default()
                },
                None => pb::BulkTicket { ticket_id, ..pb::BulkTicket::default() },
            });
        }
        if dry_run {
            self.foreseen.push(bulk.foreseen(engine, &id, now));
        }
        self.ids.push(id);
    }

    fn extend(&mut self, more: Self) {
        self.ids.extend(more.ids);
        let room = TOLD_MAX - self.told.len();
        self.told.extend(more.told.into_iter().take(room));
        self.foreseen.extend(more.foreseen);
    }
}

/// Counts what became of the ticket at that place, or would.
fn note(answer: &mut pb::BulkActionResponse, at: usize, id: &TicketId, outcome: Outcome) {
    let mut reason = pb::ErrorReason::Unspecified;
    let (count, told) = match outcome {
        Outcome::Done => (&mut answer.done_count, pb::BulkOutcome::Done),
        Outcome::Unchanged => (&mut answer.unchanged_count, pb::BulkOutcome::Unchanged),
        Outcome::Elsewhere => (&mut answer.elsewhere_count, pb::BulkOutcome::Elsewhere),
        Outcome::Refused(rejection) => {
            let error = pb::Error::from(Fault::refused(Refused::Rule(rejection), id.as_str()));
            reason = error.reason();
            match answer.refusals.iter_mut().find(|refusal| refusal.reason() == reason) {
                Some(refusal) => refusal.count += 1,
                None => answer.refusals.push(pb::BulkRefusal {
                    reason: error.reason,
                    message: error.message,
                    count: 1,
                }),
            }
            (&mut answer.refused_count, pb::BulkOutcome::Refused)
        }
    };
    *count += 1;
    if let Some(ticket) = answer.tickets.get_mut(at) {
        ticket.outcome = told.into();
        ticket.reason = reason.into();
    }
}

/// The names of a filter, each one that the policy has.
fn names(
    checks: &mut Checks,
    (field, names, max): (&str, &[String], usize),
    is_known: impl Fn(&str) -> bool,
) {
    if names.len() > max {
        let count = names.len();
        return checks.fault(field, format!("has {count} values, at most {max} are allowed"));
    }
    for (at, name) in names.iter().enumerate() {
        if !is_known(name) {
            let told = format!("the policy has no {}", echo(name));
            checks.fault(&format!("{field}[{at}]"), told);
        }
    }
}

/// The ids named, each once; `None` without any.
fn checked_ids(checks: &mut Checks, ids: &[String]) -> Option<Vec<TicketId>> {
    if ids.len() > BULK_IDS_MAX {
        let count = ids.len();
        let told = format!("has {count} values, at most {BULK_IDS_MAX} are allowed");
        checks.fault("ticket_ids", told);
        return None;
    }
    let mut seen = BTreeSet::new();
    let mut each = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        checks.id(&format!("ticket_ids[{at}]"), id);
        if seen.insert(id) {
            each.push(TicketId::new(id));
        }
    }
    (!each.is_empty()).then_some(each)
}
