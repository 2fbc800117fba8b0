//! The words of the house become messages. Nothing is decided or checked here.

use super::clocks;
use super::forecast;
use super::life;
use super::needs::{needs_name, needs_named};
use super::proto::v1 as pb;
use super::repeats::add_contact;
use super::wishes::{add_wish, skill_levels};
use super::{offered, offers};
use crate::coding;
use crate::directory;
use crate::driver::{Live, Receipt, Seen};
use crate::engine::Engine;
use crate::engine::capacity::{ChannelSet, used_units};
use crate::engine::coding::Standing;
use crate::engine::command::WaitEnd;
use crate::engine::model::{
    Agent, Assignment, Caller, Channel, IdentifierKind, Policy, Pool, PoolSet, Presence, Rule,
    Step, Ticket, TicketId, Tier, TierSource, Time,
};
use crate::engine::push::Declined;
use crate::engine::queue::QueueKey;
use crate::engine::wrap_up::WrapUp;
use crate::journal::FinishedRow;
use bytes::Bytes;
use std::sync::Arc;

/// Whether the ticket of an answer carries its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Shown,
    LeftOut,
}

pub(super) fn timestamp(at: Time) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.0.rem_euclid(1000)).expect("it is below 1000") * 1_000_000;
    prost_types::Timestamp { seconds: at.0.div_euclid(1000), nanos }
}

pub(super) fn duration(ms: i64) -> prost_types::Duration {
    let nanos = i32::try_from(ms % 1000).expect("it is below 1000") * 1_000_000;
    prost_types::Duration { seconds: ms / 1000, nanos }
}

impl From<Channel> for pb::Channel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Voice => Self::Voice,
            Channel::Chat => Self::Chat,
            Channel::Email => Self::Email,
            Channel::Web => Self::Web,
            Channel::Callback => Self::Callback,
            Channel::Outbound => Self::Outbound,
        }
    }
}

impl From<TierSource> for pb::TierSource {
    fn from(source: TierSource) -> Self {
        match source {
            TierSource::Found => Self::Found,
            TierSource::UnknownCustomer => Self::UnknownCustomer,
            TierSource::Stale => Self::Stale,
            TierSource::Unavailable => Self::Unavailable,
            TierSource::Given => Self::Given,
            TierSource::UnknownTier => Self::UnknownTier,
        }
    }
}

impl From<IdentifierKind> for pb::IdentifierKind {
    fn from(kind: IdentifierKind) -> Self {
        match kind {
            IdentifierKind::Id => Self::Id,
            IdentifierKind::Phone => Self::Phone,
            IdentifierKind::Card => Self::Card,
            IdentifierKind::Email => Self::Email,
            IdentifierKind::Account => Self::Account,
        }
    }
}

impl From<directory::IdentifierKind> for pb::IdentifierKind {
    fn from(kind: directory::IdentifierKind) -> Self {
        coding::engine_kind(kind).into()
    }
}

impl From<Rule> for pb::DispatchRule {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::GuardedEdf => Self::GuardedEdf,
            Rule::Fifo => Self::Fifo,
            Rule::StaticPriority => Self::StaticPriority,
            Rule::Edf => Self::Edf,
            Rule::Accumulating => Self::Accumulating,
        }
    }
}

impl From<Step> for pb::DecisionStep {
    fn from(step: Step) -> Self {
        match step {
            Step::Floor => Self::Floor,
            Step::AtRisk => Self::AtRisk,
            Step::EarliestDeadline => Self::EarliestDeadline,
            Step::Fifo => Self::Fifo,
            Step::Priority => Self::Priority,
            Step::Accumulated => Self::Accumulated,
            Step::Promoted => Self::Promoted,
            Step::Forced => Self::Forced,
        }
    }
}

impl From<WaitEnd> for pb::EmptyReason {
    fn from(why: WaitEnd) -> Self {
        match why {
            WaitEnd::Nothing => Self::NothingWaiting,
            WaitEnd::HeldForTier => Self::HeldForTier,
            WaitEnd::Away => Self::Away,
            WaitEnd::CallerGone => Self::CallerGone,
            WaitEnd::Replaced => Self::Replaced,
        }
    }
}

impl From<Presence> for pb::Presence {
    fn from(presence: Presence) -> Self {
        match presence {
            Presence::Available => Self::Available,
            Presence::Away => Self::Away,
            Presence::Draining => Self::Draining,
        }
    }
}

/// The names of these pools, in the order of the policy.
pub(super) fn pool_names(policy: &Policy, pools: PoolSet) -> Vec<String> {
    pools.iter().map(|pool| policy.pool(pool).name.to_string()).collect()
}

/// A queue's name: tier, channel, pools, the guard in thousandths if the tier's ladder has raised it, and
/// whom its tickets need beyond these, if anyone: `gold/voice/desk+backup^1000/french=3`.
pub(super) fn queue_id(policy: &Policy, key: &QueueKey) -> String {
    // Told with every ticket: pieces are appended, for each formatting costs ten times as much.
    let mut name = String::with_capacity(64);
    for piece in [&*policy.tier(key.tier).name, "/", key.channel.name(), "/"] {
        name.push_str(piece);
    }
    push_pools(&mut name, policy, key.pools);
    if let Some(guard) = key.guard_permille {
        name.push('^');
        name.push_str(&guard.to_string());
    }
    if let Some(needs) = &key.needs {
        name.push('/');
        name.push_str(&needs_name(policy, needs));
    }
    name
}

/// Appends the names of these pools, in the order of the policy: `desk+backup`.
pub(super) fn push_pools(text: &mut String, policy: &Policy, pools: PoolSet) {
    for (at, pool) in pools.iter().enumerate() {
        if at > 0 {
            text.push('+');
        }
        text.push_str(&policy.pool(pool).name);
    }
}

/// The queue of that name, if the policy can have one.
pub(super) fn queue_named(policy: &Policy, name: &str) -> Option<QueueKey> {
    let (tier, rest) = name.split_once('/')?;
    let (channel, pools) = rest.split_once('/')?;
    let tier = policy.tier_named(tier)?;
    let channel = Channel::ALL.into_iter().find(|known| known.name() == channel)?;
    let (pools, needs) = match pools.split_once('/') {
        Some((pools, needs)) => (pools, needs_named(policy, needs)?.shared()),
        None => (pools, None),
    };
    let (pools, guard_permille) = match pools.split_once('^') {
        Some((pools, guard)) => (pools, Some(guard.parse().ok()?)),
        None => (pools, None),
    };
    let pools = pools.split('+').map(|pool| policy.pool_named(pool));
    let pools = PoolSet::of(pools.collect::<Option<Vec<_>>>()?);
    Some(QueueKey { tier, channel, pools, needs, guard_permille })
}

/// A tier's rank: 1 is the highest.
pub(super) fn rank(at: usize) -> u32 {
    u32::try_from(at + 1).expect("a policy has at most 64 tiers")
}

fn size(payload: &[u8]) -> u32 {
    u32::try_from(payload.len()).expect("a payload has at most 64 KiB")
}

fn shown(content: &[u8], payload: Payload) -> Bytes {
    match payload {
        Payload::Shown => Bytes::copy_from_slice(content),
        Payload::LeftOut => Bytes::new(),
    }
}

fn facts(attributes: &[(Box<str>, Box<str>)]) -> std::collections::BTreeMap<String, String> {
    attributes.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn identifier((kind, value): (IdentifierKind, &str)) -> pb::CustomerIdentifier {
    let kind = pb::IdentifierKind::from(kind);
    pb::CustomerIdentifier { kind: kind.into(), value: value.to_owned() }
}

impl From<Standing> for pb::Standing {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::New => Self::New,
            Standing::Regular => Self::Regular,
            Standing::AtRisk => Self::AtRisk,
            Standing::Farewell => Self::Farewell,
        }
    }
}

/// What is known of a customer whom the directory found.
pub(super) fn known(caller: &Caller) -> Option<pb::CustomerKnown> {
    caller.customer_id()?;
    let known = caller.known.as_deref().cloned().unwrap_or_default();
    Some(pb::CustomerKnown {
        because: known.because.into(),
        standing: pb::Standing::from(known.standing).into(),
        provisional: known.is_provisional,
        agent_id: known.agent.map(|agent| agent.to_string()).unwrap_or_default(),
        matched_identifier: known.matched.into(),
        conflicting_customer_id: known.conflict.map(String::from).unwrap_or_default(),
    })
}

pub(super) fn decision(held: &Assignment) -> pb::Decision {
    pb::Decision {
        step: pb::DecisionStep::from(held.step).into(),
        slack_ms: held.slack_ms,
        policy_version: held.policy_version.to_string(),
    }
}

pub(super) fn pool_of(held: &Assignment, policy: &Policy) -> String {
    held.pool.map(|pool| policy.pool(pool).name.to_string()).unwrap_or_default()
}

/// A ticket, live or ended.
pub(super) fn ticket(seen: &Seen, payload: Payload) -> pb::Ticket {
    match seen {
        Seen::Live(live) => live_ticket(live, payload),
        Seen::Ended(row) => finished_ticket(row, payload),
    }
}

/// A live ticket.
pub(super) fn live_ticket(live: &Live, payload: Payload) -> pb::Ticket {
    let Live { ticket, policy, at, forecast } = live;
    let (response, solution) = ticket.clocks(policy, *at);
    let caller = ticket.caller.as_deref();
    let mut told = pb::Ticket {
        ticket_id: ticket.id.to_string(),
        number: ticket.number.0,
        state: life::state(&ticket.state).into(),
        channel: pb::Channel::from(ticket.channel).into(),
        customer: caller.and_then(|caller| caller.identifiers().next()).map(identifier),
        other_identifiers: caller
            .iter()
            .flat_map(|caller| caller.identifiers().skip(1))
            .map(identifier)
            .collect(),
        known: ticket.customer_id().and(caller).and_then(known),
        customer_id: ticket.customer_id().unwrap_or_default().to_owned(),
        tier: policy.tier(ticket.tier).name.to_string(),
        tier_source: pb::TierSource::from(ticket.tier_source).into(),
        tier_age_ms: age_ms(ticket),
        subject: ticket.content.subject.to_string(),
        payload: shown(&ticket.content.payload, payload),
        payload_size: size(&ticket.content.payload),
        attributes: facts(&ticket.content.attributes),
        submitted_at: Some(timestamp(ticket.submitted_at)),
        respond_by: Some(timestamp(ticket.respond_by)),
        solve_by: ticket.solve_by.map(timestamp),
        queue_id: queue_id(policy, &QueueKey::of(ticket)),
        route_step: ticket.overflow_step.into(),
        pools: pool_names(policy, ticket.pools),
        assigned_count: ticket.assigned_count,
        response_breached: ticket.response_breached,
        solution_breached: ticket.solution_breached,
        picked_up_at: ticket.picked_up_at.map(timestamp),
        holder: ticket.assignment().map(|held| pb::Holder {
            agent_id: held.agent.to_string(),
            pool: pool_of(held, policy),
            assigned_at: Some(timestamp(held.assigned_at)),
            lease_until: Some(timestamp(held.lease_until)),
            decision: Some(decision(held)),
        }),
        offer: ticket.offer().map(|offer| offers::offer(offer, policy)),
        also_offered_to: ticket.offers().skip(1).map(|o| offers::offer(o, policy)).collect(),
        finished_at: None,
        handle_ms: None,
        outcome: String::new(),
        note: String::new(),
        reason: String::new(),
        not_before: life::not_before(&ticket.state),
        expires_at: ticket.expires_at().map(timestamp),
        parked: life::parking(&ticket.state),
        legs: life::legs(&ticket.ledger(*at)),
        requeue_count: ticket.requeue_count(),
        last_return: ticket.life.as_deref().and_then(life::last_return),
        dead_lettered: ticket.is_dead_letter(),
        callback_number: ticket.callback_number().map(|n| n.0.to_string()).unwrap_or_default(),
        forecast: forecast.as_ref().map(|told| forecast::message(*at, told, ticket, policy)),
        urgency: pb::Urgency::from(ticket.urgency).into(),
        response_clock: Some(clocks::shown(&response)),
        solution_clock: solution.as_ref().map(clocks::shown),
        escalation_step: ticket.escalation_step.into(),
        guard_permille: ticket.guard_permille.map(Into::into),
        ..pb::Ticket::default()
    };
    add_wish(&mut told, ticket, policy);
    add_contact(&mut told, ticket.contact());
    told
}

/// A ticket of the history.
pub(super) fn finished_ticket(row: &FinishedRow, payload: Payload) -> pb::Ticket {
    let mut told = ended_ticket(row, payload);
    add_contact(&mut told, row.contact.as_deref());
    told
}

fn ended_ticket(row: &FinishedRow, payload: Payload) -> pb::Ticket {
    let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
    let is_late = match row.picked_up_at {
        Some(_) => !row.response_in_time,
        None => row.finished_at > row.respond_by,
    };
    pb::Ticket {
        ticket_id: row.id.to_string(),
        number: row.number.0,
        state: life::finished_state(row.state).into(),
        channel: pb::Channel::from(row.channel).into(),
        customer: None,
        customer_id: text(&row.customer_id),
        tier: row.tier.to_string(),
        tier_source: pb::TierSource::from(row.tier_source).into(),
        tier_age_ms: None,
        subject: row.content.subject.to_string(),
        payload: shown(&row.content.payload, payload),
        payload_size: size(&row.content.payload),
        attributes: facts(&row.content.attributes),
        submitted_at: Some(timestamp(row.submitted_at)),
        respond_by: Some(timestamp(row.respond_by)),
        solve_by: row.solve_by.map(timestamp),
        queue_id: String::new(),
        route_step: 0,
        pools: Vec::new(),
        assigned_count: row.assigned_count,
        response_breached: is_late,
        solution_breached: row.solution_in_time == Some(false),
        picked_up_at: row.picked_up_at.map(timestamp),
        holder: row.agent.as_ref().map(|agent| pb::Holder {
            agent_id: agent.to_string(),
            pool: row.pool.as_deref().unwrap_or_default().to_owned(),
            assigned_at: row.handle_ms.map(|ms| timestamp(row.finished_at.plus_ms(-ms))),
            lease_until: None,
            decision: None,
        }),
        finished_at: Some(timestamp(row.finished_at)),
        handle_ms: row.handle_ms,
        outcome: text(&row.outcome),
        note: text(&row.note),
        burden: text(&row.burden),
        reason: text(&row.reason),
        not_before: None,
        expires_at: None,
        parked: None,
        legs: life::legs(&row.legs),
        requeue_count: 0,
        last_return: None,
        dead_lettered: false,
        callback_number: String::new(),
        offer: None,
        also_offered_to: Vec::new(),
        forecast: None,
        urgency: row.urgency.map_or(pb::Urgency::Unspecified, Into::into).into(),
        escalation_step: row.escalation_step.unwrap_or(0).into(),
        response_clock: Some(clocks::response_of(row)),
        solution_clock: clocks::solution_of(row),
        ..pb::Ticket::default()
    }
}

/// The receipt of a submit.
pub(super) fn receipt(receipt: &Receipt) -> pb::SubmitTicketResponse {
    let ticket = ticket(&receipt.seen, Payload::LeftOut);
    let opening = clocks::opening(&receipt.seen);
    let offered = offered::of_receipt(receipt);
    pb::SubmitTicketResponse {
        ticket_id: ticket.ticket_id,
        number: ticket.number,
        state: ticket.state,
        customer_id: ticket.customer_id,
        tier: ticket.tier,
        tier_source: ticket.tier_source,
        tier_age_ms: ticket.tier_age_ms,
        submitted_at: ticket.submitted_at,
        respond_by: ticket.respond_by,
        solve_by: ticket.solve_by,
        place: receipt.ahead_count as u64,
        duplicate: receipt.repeated,
        forecast: ticket.forecast,
        urgency: ticket.urgency,
        open_now: opening.open_now,
        opens_at: opening.opens_at,
        hours: opening.hours,
        known: ticket.known,
        channel_not_offered: offered.is_some(),
        offered: offered.unwrap_or_default(),
        contact_count: ticket.contact_count,
        previous_ticket_id: ticket.previous_ticket_id,
    }
}

/// The assignment of a ticket that an agent holds, without the customer's card.
pub(super) fn assignment(live: &Live, repeated: bool) -> pb::Assignment {
    let held = live.ticket.assignment().expect("an agent holds the ticket that a pull returns");
    pb::Assignment {
        lease_token: held.token.0,
        agent_id: held.agent.to_string(),
        pool: pool_of(held, &live.policy),
        assigned_at: Some(timestamp(held.assigned_at)),
        lease_until: Some(timestamp(held.lease_until)),
        decision: Some(decision(held)),
        redelivered: repeated,
        ticket: Some(live_ticket(live, Payload::Shown)),
        card: None,
    }
}

/// How old the directory's answer was, of a ticket whose tier follows from an old one.
pub(super) fn age_ms(ticket: &Ticket) -> Option<i64> {
    (ticket.tier_source == TierSource::Stale).then_some(ticket.tier_age_ms)
}

/// An agent with what is in hand, as of one instant.
#[derive(Clone, Debug)]
pub(super) struct AgentSeen {
    pub(super) agent: Agent,
    held: Vec<(TicketId, Time, Time, bool)>,
    used_units: u32,
    open: ChannelSet,
    declined: Vec<(TicketId, Declined)>,
    policy: Arc<Policy>,
}

impl AgentSeen {
    pub(super) fn of(engine: &Engine, agent: &Agent) -> Self {
        let held = agent.held.iter().filter_map(|number| {
            let ticket = engine.ticket_numbered(*number)?;
            let held = ticket.assignment().or(ticket.offer())?;
            let is_offer = ticket.offer().is_some();
            Some((ticket.id.clone(), held.assigned_at, held.lease_until, is_offer))
        });
        let declined = agent.declined.iter().filter_map(|(number, declined)| {
            Some((engine.ticket_numbered(*number)?.id.clone(), *declined))
        });
        Self {
            agent: agent.clone(),
            held: held.collect(),
            used_units: used_units(agent, &engine.policy().channels),
            open: engine.roster().open_channels(agent),
            declined: declined.collect(),
            policy: engine.policy().clone(),
        }
    }
}

/// What an agent does.
pub(super) fn agent_state(agent: &Agent) -> pb::AgentState {
    match agent.presence {
        _ if agent.wait.is_some() => pb::AgentState::Waiting,
        _ if !agent.offered.is_empty() => pb::AgentState::Offered,
        Presence::Draining => pb::AgentState::Draining,
        _ if !agent.held.is_empty() => pb::AgentState::Busy,
        _ if !agent.wrapping.is_empty() => pb::AgentState::WrappingUp,
        Presence::Available if agent.stream.is_some() => pb::AgentState::Waiting,
        Presence::Available => pb::AgentState::Ready,
        Presence::Away => pb::AgentState::Away,
    }
}

impl From<AgentSeen> for pb::Agent {
    fn from(seen: AgentSeen) -> Self {
        let AgentSeen { agent, held, used_units, open, declined, policy } = seen;
        let state = agent_state(&agent);
        let is_idle = matches!(state, pb::AgentState::Waiting | pb::AgentState::Ready);
        let held =
            held.into_iter().map(|(ticket, assigned_at, lease_until, offered)| pb::HeldTicket {
                ticket_id: ticket.to_string(),
                assigned_at: Some(timestamp(assigned_at)),
                lease_until: Some(timestamp(lease_until)),
                offered,
            });
        let declined = declined.into_iter().map(|(ticket, declined)| pb::DeclinedTicket {
            ticket_id: ticket.to_string(),
            count: declined.count.into(),
            until: declined.until.map(timestamp),
        });
        Self {
            agent_id: agent.id.to_string(),
            name: agent.name.to_string(),
            pools: pool_names(&policy, agent.pools),
            capacity: agent.capacity.into(),
            presence: pb::Presence::from(agent.presence).into(),
            state: state.into(),
            idle_since: is_idle.then(|| timestamp(agent.idle_since)),
            held: held.collect(),
            skills: skill_levels(&policy, &agent.skills),
            used_units,
            maxima: offers::maxima(&agent.maxima),
            open_channels: open.iter().map(|channel| pb::Channel::from(channel).into()).collect(),
            stream: agent.stream.map(|stream| pb::AgentStream {
                session_id: stream.session.as_deref().unwrap_or_default().to_owned(),
            }),
            declined: declined.collect(),
            missed_count: agent.missed_count.into(),
            wrap_ups: agent.wrapping.iter().map(wrap_up).collect(),
        }
    }
}

fn wrap_up(wrap: &WrapUp) -> pb::WrapUp {
    pb::WrapUp {
        ticket_id: wrap.id.to_string(),
        channel: pb::Channel::from(wrap.channel).into(),
        since: Some(timestamp(wrap.since)),
        until: Some(timestamp(wrap.until)),
    }
}

impl From<&directory::Customer> for pb::Customer {
    fn from(customer: &directory::Customer) -> Self {
        let identifier = |identifier: &directory::Identifier| pb::CustomerIdentifier {
            kind: pb::IdentifierKind::from(identifier.kind()).into(),
            value: identifier.value().to_owned(),
        };
        Self {
            customer_id: customer.id.clone(),
            tier: customer.tier.clone().unwrap_or_default(),
            identifiers: customer.identifiers.iter().map(identifier).collect(),
            attributes: customer.attributes.clone(),
            name: customer.name.clone().unwrap_or_default(),
        }
    }
}

/// The reserves of a pool.
pub(super) fn reserves(policy: &Policy, pool: &Pool) -> Vec<pb::Reserve> {
    let reserve = |(tier, count): &(_, u32)| pb::Reserve {
        tier: policy.tier(*tier).name.to_string(),
        agent_count: *count,
    };
    pool.reserve.iter().map(reserve).collect()
}

impl From<&Policy> for pb::Policy {
    fn from(policy: &Policy) -> Self {
        let tier_policy = |(at, tier): (usize, &Tier)| {
            let deadline = |channel: Channel| pb::ChannelDeadline {
                channel: pb::Channel::from(channel).into(),
                respond_within: Some(duration(tier.respond_within_ms[channel.index()])),
                solve_within: tier.solve_within_ms[channel.index()].map(duration),
                hours: clocks::hours_name(policy, tier, channel),
                queue_max: tier.queue_max[channel.index()],
                head_start: Some(tier.head_start_ms[channel.index()])
                    .filter(|ms| *ms > 0)
                    .map(duration),
                expires_after: tier.expires_after_ms[channel.index()].map(duration),
                park_max: Some(duration(tier.park_max_ms[channel.index()])),
            };
            let first = pb::RouteStep {
                after: Some(duration(0)),
                pools: pool_names(policy, tier.pools),
                ..pb::RouteStep::default()
            };
            let later = tier.overflow.iter().map(|step| pb::RouteStep {
                after: Some(duration(step.after_ms)),
                pools: pool_names(policy, step.pools),
                lower_levels: step.lower_levels.into(),
                drop_skills: step.drop_skills.iter().map(|s| policy.skill(s).to_string()).collect(),
            });
            pb::TierPolicy {
                tier: tier.name.to_string(),
                rank: rank(at),
                deadlines: Channel::ALL.into_iter().map(deadline).collect(),
                route: std::iter::once(first).chain(later).collect(),
                guard_permille: tier.guard_permille,
                weight_permille: tier.weight_permille,
                urgencies: clocks::urgencies(&tier.timing),
                escalation: clocks::ladder(policy, &tier.timing),
                requeues_max: tier.requeue_limit.map(|limit| limit.requeues_max),
                dead_letter: tier
                    .requeue_limit
                    .map(|limit| policy.pool(limit.dead_letter).name.to_string())
                    .unwrap_or_default(),
                offer_callback_above: tier.offer_callback_above_ms.map(duration),
                channels: tier
                    .offering
                    .channels
                    .iter()
                    .map(|channel| pb::Channel::from(channel).into())
                    .collect(),
                accepts_other_channels: tier.offering.accepts_others,
                benefits: tier.care.benefits.iter().map(ToString::to_string).collect(),
                treatment: tier.care.treatment.to_string(),
            }
        };
        let pool_policy = |pool: &Pool| pb::PoolPolicy {
            pool: pool.name.to_string(),
            reserves: reserves(policy, pool),
            lease: Some(duration(pool.lease_ms)),
            choice: pool.choice.name().to_owned(),
            offer: Some(duration(pool.offer.offer_ms)),
            back_off_first: Some(duration(pool.offer.back_off_first_ms)),
            back_off_max: Some(duration(pool.offer.back_off_max_ms)),
            misses_max: pool.offer.misses_max.into(),
            offer_to: pool.offer.offer_to.into(),
            floor_over_reserve: pool.floor_over_reserve,
            outbound_above: pool.outbound_above,
        };
        Self {
            version: policy.version.to_string(),
            toml: policy.source.to_string(),
            rule: pb::DispatchRule::from(policy.rule).into(),
            tiers: policy.tiers.iter().enumerate().map(tier_policy).collect(),
            pools: policy.pools.iter().map(pool_policy).collect(),
            unknown_customer_tier: policy.tier(policy.unknown_tier).name.to_string(),
            unavailable_tier: policy.tier(policy.unavailable_tier).name.to_string(),
            starve_after_permille: policy.starve_after_permille,
            floor_share_permille: policy.floor_share_permille,
            skills: policy.skills.iter().map(ToString::to_string).collect(),
            channels: offers::channels(&policy.channels),
            hours: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_durations_keep_their_milliseconds() {
        let at = timestamp(Time(1_700_000_000_123));
        assert_eq!((at.seconds, at.nanos), (1_700_000_000, 123_000_000));
        let before_1970 = timestamp(Time(-1));
        assert_eq!((before_1970.seconds, before_1970.nanos), (-1, 999_000_000));
        assert_eq!(duration(1500), prost_types::Duration { seconds: 1, nanos: 500_000_000 });
    }
}
