//! An explanation in numbers and in sentences: where a ticket is, and why another goes first.

use super::convert::{self, Payload, queue_id, timestamp};
use super::past;
use super::pools;
use super::proto::v1 as pb;
use crate::driver::{Beside, Live};
use crate::engine::dispatch::{Choice, Head};
use crate::engine::model::{Policy, Rule, State, Step, Ticket, TicketId, TicketNumber, Time};
use crate::engine::queue::QueueKey;
use crate::engine::{CrewSurvey, Explanation};
use crate::journal::{Decided, FinishedRow, FinishedState};
use std::collections::BTreeMap;

/// Why a live ticket is where it is.
pub(super) fn live(explanation: Explanation, beside: &Beside) -> pb::ExplainTicketResponse {
    let Explanation { ticket, policy, ahead_count, paused, crews } = explanation;
    let decision = ticket.assignment().or(ticket.offer());
    let decided = decision.map(|decision| Decided::of(&ticket, decision, &policy));
    let summary = match (&ticket.state, &decided) {
        (State::Offered(offers), Some(decided)) => {
            let left = seconds(offers.first.lease_until.since_ms(beside.at));
            let told = past::told(decided, "offered");
            let agents: Vec<_> = offers.iter().map(|offer| offer.agent.as_str()).collect();
            match agents[..] {
                [_] => format!("{told} There is {left} left to accept it."),
                _ => format!(
                    "{told} It is offered to the agents {} at once, who have {left} to accept it; the \
                     first to do so has it.",
                    agents.join(", ")
                ),
            }
        }
        (_, Some(decided)) => past::told(decided, "given"),
        (State::Quarantined(_), None) => quarantine_summary(&ticket),
        (State::Waiting | State::Assigned(_) | State::Offered(_), None) => {
            waiting_summary(&ticket, &policy, ahead_count.unwrap_or(0), beside.at)
        }
        (State::Scheduled { opens_at }, None) => {
            format!("It enters its queue in {}.", seconds(opens_at.since_ms(beside.at)))
        }
        (State::Parked(parked), None) => format!(
            "Agent {} parked it {} ago; it returns to its queue when it is resumed, or in {}.",
            parked.agent,
            seconds(beside.at.since_ms(parked.since)),
            seconds(parked.until.since_ms(beside.at))
        ),
    };
    let summary = paused.iter().fold(summary, |summary, (pool, pause)| {
        let told = pools::told(&policy.pool(*pool).name, pause, beside.at);
        format!("{summary} Now {told}.")
    });
    let summary = match coded(&ticket, &policy) {
        Some(coded) => format!("{summary} {coded}"),
        None => summary,
    };
    let paused_pools = pools::messages(&paused, &policy);
    let crews = crews.iter().zip(&beside.crew_counts);
    let crews = crews.map(|(survey, counts)| crew(survey, *counts, &ticket, &policy, beside));
    let crews = crews.collect();
    let version = policy.version.to_string();
    let rule = pb::DispatchRule::from(policy.rule).into();
    let past = decided.map(|decided| past::past(&decided, &beside.ids));
    let live = Live { ticket, policy, at: beside.at, forecast: None };
    pb::ExplainTicketResponse {
        at: Some(timestamp(beside.at)),
        policy_version: version,
        rule,
        summary,
        crews,
        paused_pools,
        place: ahead_count.map(|count| count as u64),
        past,
        ticket: Some(convert::live_ticket(&live, Payload::LeftOut)),
    }
}

/// How a finished ticket ended, and why its last agent got it. The rule and the policy of `now` need not be
/// those that decided, so they are left out. `ids` are those of the tickets that competed, as far as known.
pub(super) fn finished(
    row: &FinishedRow,
    ids: &BTreeMap<TicketNumber, TicketId>,
    now: Time,
) -> pb::ExplainTicketResponse {
    let agent = row.agent.as_ref().map(|agent| format!(" by agent {agent}")).unwrap_or_default();
    let waited = seconds(row.wait_ms);
    let kept = if row.response_in_time { "was kept" } else { "was not kept" };
    let summary = match row.state {
        FinishedState::Completed => format!(
            "It was completed{agent} after a wait of {waited}; the response deadline {kept}."
        ),
        FinishedState::Cancelled if row.picked_up_at.is_some() => {
            format!("It was cancelled; it had been picked up after a wait of {waited}.")
        }
        FinishedState::Cancelled => format!("It was cancelled after a wait of {waited}."),
        FinishedState::Expired => {
            format!("It expired after a wait of {waited}: nobody had picked it up.")
        }
    };
    let done = if row.state == FinishedState::Completed || row.agent.is_some() {
        "given"
    } else {
        "offered"
    };
    let decided = row.decided.as_deref().map(|decided| past::told(decided, done));
    let summary = [Some(summary), decided].into_iter().flatten().collect::<Vec<_>>().join(" ");
    pb::ExplainTicketResponse {
        ticket: Some(convert::finished_ticket(row, Payload::LeftOut)),
        at: Some(timestamp(now)),
        policy_version: String::new(),
        rule: pb::DispatchRule::Unspecified.into(),
        summary,
        crews: Vec::new(),
        place: None,
        past: row.decided.as_deref().map(|decided| past::past(decided, ids)),
        paused_pools: Vec::new(),
    }
}

/// Why its customer's tier is what it is, where there is a reason to tell.
fn coded(ticket: &Ticket, policy: &Policy) -> Option<String> {
    let known = ticket.caller.as_ref()?.known.as_deref()?;
    let tier = &policy.tier(ticket.tier).name;
    let why = match &*known.because {
        "" => String::new(),
        because => format!(" by {because}"),
    };
    let provisional = if known.is_provisional { ", for the time being" } else { "" };
    let standing = known.standing.name();
    Some(format!("Its customer is {tier}{why}{provisional}; standing {standing}."))
}

fn quarantine_summary(ticket: &Ticket) -> String {
    let flaw = match &ticket.state {
        State::Quarantined(quarantine) => quarantine.flaw.name(),
        State::Scheduled { .. }
        | State::Waiting
        | State::Offered(_)
        | State::Assigned(_)
        | State::Parked(_) => "none",
    };
    format!(
        "The audit found a fault in it ({flaw}): it is in no queue and in nobody's hands until a supervisor \
         releases or withdraws it."
    )
}

fn waiting_summary(ticket: &Ticket, policy: &Policy, ahead_count: usize, now: Time) -> String {
    let waited = seconds(ticket.waited_ms(now));
    let queue = queue_id(policy, &QueueKey::of(ticket));
    let ahead = match ahead_count {
        0 => "none of its own or a higher tier is ahead of it".to_owned(),
        1 => "about 1 of its own or a higher tier is ahead of it".to_owned(),
        count => format!("about {count} of its own or higher tiers are ahead of it"),
    };
    let left = slack(ticket.respond_by.since_ms(now));
    let again = match ticket.requeue_count() {
        0 => String::new(),
        count if ticket.is_dead_letter() => format!(
            " It came back {count} times, and only the dead-letter pool of its tier serves it now."
        ),
        1 => " It came back once.".to_owned(),
        count => format!(" It came back {count} times."),
    };
    format!("It has waited {waited} in the queue {queue}, {left}; {ahead}.{again}")
}

fn crew(
    survey: &CrewSurvey,
    (agent_count, idle_count): (u32, u32),
    ticket: &Ticket,
    policy: &Policy,
    beside: &Beside,
) -> pb::CrewDecision {
    let id_of =
        |number: TicketNumber| beside.ids.get(&number).map(ToString::to_string).unwrap_or_default();
    let step = match survey.survey.choice {
        Choice::Take(_, step) => step.into(),
        Choice::HeldForTier => pb::DecisionStep::HeldForTier,
        Choice::Nothing => pb::DecisionStep::Nothing,
    };
    let chosen = survey.survey.taken().map(|(head, _)| id_of(head.ticket));
    let candidate = |head: &Head| {
        candidate(head, policy, id_of(head.ticket), hold(head, survey.waiting, policy, beside))
    };
    pb::CrewDecision {
        pools: convert::pool_names(policy, survey.crew.pools),
        agent_count,
        idle_count,
        step: step.into(),
        chosen_ticket_id: chosen.clone().unwrap_or_default(),
        candidates: survey.survey.heads.iter().map(candidate).collect(),
        why: why(survey, ticket, policy, beside, chosen.as_deref()),
    }
}

/// A head as the rule saw it.
pub(super) fn candidate(
    head: &Head,
    policy: &Policy,
    ticket_id: String,
    held_by: Option<pb::ReserveHold>,
) -> pb::CandidateHead {
    pb::CandidateHead {
        queue_id: queue_id(policy, &head.queue),
        tier: policy.tier(head.queue.tier).name.to_string(),
        ticket_id,
        waited_ms: head.waited_ms,
        slack_ms: head.slack_ms,
        guard_ms: head.guard_ms,
        at_risk: head.at_risk,
        starving: head.starving,
        via_pool: policy.pool(head.pool).name.to_string(),
        held_by,
        ticket_number: head.ticket.0,
    }
}

/// The reserve that keeps a head from a crew; `counted` says that whoever would take it counts as idle.
fn hold(head: &Head, counted: bool, policy: &Policy, beside: &Beside) -> Option<pb::ReserveHold> {
    let pool = head.held_by?;
    let idle = beside.idle_counts.get(usize::from(pool.0)).copied().unwrap_or(0);
    Some(pb::ReserveHold {
        pool: policy.pool(pool).name.to_string(),
        idle_count: idle + u32::from(!counted),
        reserve_count: policy.pool(pool).kept_against(head.queue.tier, head.queue.channel),
        behind_others: head.behind_others,
    })
}

/// Why a crew would not take the ticket next, or that it would.
fn why(
    survey: &CrewSurvey,
    ticket: &Ticket,
    policy: &Policy,
    beside: &Beside,
    chosen_id: Option<&str>,
) -> String {
    let own_queue = QueueKey::of(ticket);
    let own = survey.survey.heads.iter().find(|head| head.queue == own_queue);
    let Some(own) = own else { return "These agents do not serve its queue.".to_owned() };
    if let Some(hold) = hold(own, survey.waiting, policy, beside) {
        let pb::ReserveHold { pool, idle_count, reserve_count, behind_others } = hold;
        if behind_others {
            return "It fills idle time, and these agents may take another ticket.".to_owned();
        }
        if policy.pool(own.pool).fills_idle_time(own.queue.channel) {
            return format!(
                "It fills idle time: the pool {pool} serves such contacts while more than \
                 {reserve_count} agents are idle, and with the one who would take it {idle_count} are."
            );
        }
        return format!(
            "Its queue is held back: the pool {pool} keeps {reserve_count} agents free for higher tiers, \
             and with the one who would take it {idle_count} are idle."
        );
    }
    let Some((chosen, step)) = survey.survey.taken() else {
        return "These agents would be given nothing now.".to_owned();
    };
    if chosen.ticket == ticket.number {
        let idle = if survey.waiting { "" } else { ", and none of them waits for work" };
        return format!("It is next for these agents{idle}.");
    }
    let id = chosen_id.unwrap_or_default();
    if chosen.queue == own_queue {
        return format!("{id} stands before it in the same queue, and is next.");
    }
    let tier = &policy.tier(chosen.queue.tier).name;
    let before =
        if own.ticket == ticket.number { "" } else { "; it is not first in its own queue either" };
    format!("{id} of tier {tier} goes first: {}{before}.", reason(step, chosen, own, policy.rule))
}

/// Why the rule prefers `chosen` to `own`.
pub(super) fn reason(step: Step, chosen: &Head, own: &Head, rule: Rule) -> String {
    match step {
        Step::Floor => format!(
            "it has waited {} and starves, and it is the turn of starving tiers",
            seconds(chosen.waited_ms)
        ),
        Step::AtRisk if own.at_risk && chosen.queue.tier < own.queue.tier => {
            "both are at risk, and its tier is higher".to_owned()
        }
        Step::AtRisk if own.at_risk => "both are at risk, and its deadline is earlier".to_owned(),
        Step::AtRisk => format!(
            "it is at risk with {} left, at most {} being the guard of its tier",
            seconds(chosen.slack_ms),
            seconds(chosen.guard_ms)
        ),
        Step::EarliestDeadline => {
            let earlier = format!(
                "its deadline is earlier, {} against {}",
                slack(chosen.slack_ms),
                slack(own.slack_ms)
            );
            match rule {
                Rule::GuardedEdf => format!("nothing is at risk, and {earlier}"),
                Rule::Fifo | Rule::StaticPriority | Rule::Edf | Rule::Accumulating => earlier,
            }
        }
        Step::Fifo => format!(
            "it has waited longer, {} against {}",
            seconds(chosen.waited_ms),
            seconds(own.waited_ms)
        ),
        Step::Priority if chosen.queue.tier < own.queue.tier => "its tier is higher".to_owned(),
        Step::Priority => "it is of the same tier, and its deadline is earlier".to_owned(),
        Step::Promoted => "a supervisor moved it to the front".to_owned(),
        Step::Forced => "a supervisor gave it to this agent".to_owned(),
        Step::Accumulated => "its wait, weighted by its tier, is greater".to_owned(),
    }
}

pub(super) fn slack(ms: i64) -> String {
    if ms >= 0 {
        format!("with {} left to the response deadline", seconds(ms))
    } else {
        format!("{} past the response deadline", seconds(ms.saturating_neg()))
    }
}

/// Milliseconds as seconds with one digit.
pub(super) fn seconds(ms: i64) -> String {
    let tenths = ms / 100;
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}.{} s", (tenths / 10).abs(), (tenths % 10).abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_told_as_seconds() {
        assert_eq!(seconds(15_000), "15.0 s");
        assert_eq!(seconds(1_250), "1.2 s");
        assert_eq!(seconds(-1_250), "-1.2 s");
        assert_eq!(slack(-500), "0.5 s past the response deadline");
    }
}
