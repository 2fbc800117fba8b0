//! What `tierline top` shows: the overview as JSON, and as lines for a terminal of any height.

#![expect(clippy::struct_field_names, reason = "the names are those of the JSON")]

use super::humane;
use super::table::{Cell, Line, Table, Tone};
use super::view;
use super::words;
use crate::api::proto::v1;
use jiff::Timestamp;
use serde::Serialize;

/// What the JSON holds.
pub(crate) const HELP: &str = "\
JSON fields, an object on each line: taken_at, since, policy_version, \
waiting_count, assigned_count, unconfirmed_count, agent_count, \
tiers [{tier, rank, waiting_count, submitted_count, picked_up_count, in_deadline_count, response_breached_count, \
solution_breached_count, completed_count, abandoned_count, lease_expired_count, wait_p50_ms, wait_p95_ms}], \
pools [{pool, agent_count, idle_count, busy_count, away_count, draining_count, stream_count, \
offered_count, pulling_count, paused {since, by, reason} or null, reserves [{tier, agent_count}], mean_handle_ms, \
handled_count}], \
queues [{queue_id, tier, tier_rank, channel, pools, depth, next_wait_ms, next_deadline, late_count}]. \
Counts are since the server started.";

/// The overview for programs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Overview {
    taken_at: Option<Timestamp>,
    since: Option<Timestamp>,
    policy_version: String,
    waiting_count: u64,
    assigned_count: u64,
    unconfirmed_count: u64,
    agent_count: u32,
    tiers: Vec<Tier>,
    pools: Vec<Pool>,
    queues: Vec<Queue>,
}

#[derive(Clone, Debug, Serialize)]
struct Tier {
    tier: String,
    rank: u32,
    waiting_count: u64,
    submitted_count: u64,
    picked_up_count: u64,
    in_deadline_count: u64,
    response_breached_count: u64,
    solution_breached_count: u64,
    completed_count: u64,
    abandoned_count: u64,
    lease_expired_count: u64,
    wait_p50_ms: Option<i64>,
    wait_p95_ms: Option<i64>,
}

#[derive(Clone, Debug, Serialize)]
struct Pool {
    pool: String,
    agent_count: u32,
    idle_count: u32,
    busy_count: u32,
    away_count: u32,
    draining_count: u32,
    stream_count: u32,
    offered_count: u32,
    pulling_count: u32,
    paused: Option<Pause>,
    reserves: Vec<Reserve>,
    mean_handle_ms: i64,
    handled_count: u64,
}

#[derive(Clone, Debug, Serialize)]
struct Pause {
    since: Option<Timestamp>,
    by: String,
    reason: String,
}

#[derive(Clone, Debug, Serialize)]
struct Reserve {
    tier: String,
    agent_count: u32,
}

#[derive(Clone, Debug, Serialize)]
struct Queue {
    queue_id: String,
    tier: String,
    tier_rank: u32,
    channel: String,
    pools: Vec<String>,
    depth: u64,
    next_wait_ms: i64,
    next_deadline: Option<Timestamp>,
    late_count: u64,
}

impl From<v1::Overview> for Overview {
    fn from(overview: v1::Overview) -> Self {
        Self {
            taken_at: view::instant(overview.taken_at),
            since: view::instant(overview.since),
            policy_version: overview.policy_version,
            waiting_count: overview.waiting_count,
            assigned_count: overview.assigned_count,
            unconfirmed_count: overview.unconfirmed_count,
            agent_count: overview.agent_count,
            tiers: overview.tiers.into_iter().map(Into::into).collect(),
            pools: overview.pools.into_iter().map(Into::into).collect(),
            queues: overview.queues.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<v1::TierStats> for Tier {
    fn from(tier: v1::TierStats) -> Self {
        Self {
            tier: tier.tier,
            rank: tier.rank,
            waiting_count: tier.waiting_count,
            submitted_count: tier.submitted_count,
            picked_up_count: tier.picked_up_count,
            in_deadline_count: tier.in_deadline_count,
            response_breached_count: tier.response_breached_count,
            solution_breached_count: tier.solution_breached_count,
            completed_count: tier.completed_count,
            abandoned_count: tier.abandoned_count,
            lease_expired_count: tier.lease_expired_count,
            wait_p50_ms: tier.wait_p50_ms,
            wait_p95_ms: tier.wait_p95_ms,
        }
    }
}

impl From<v1::PoolStats> for Pool {
    fn from(pool: v1::PoolStats) -> Self {
        let reserves = pool
            .reserves
            .into_iter()
            .map(|reserve| Reserve { tier: reserve.tier, agent_count: reserve.agent_count });
        Self {
            pool: pool.pool,
            agent_count: pool.agent_count,
            idle_count: pool.idle_count,
            busy_count: pool.busy_count,
            away_count: pool.away_count,
            draining_count: pool.draining_count,
            stream_count: pool.stream_count,
            offered_count: pool.offered_count,
            pulling_count: pool.pulling_count,
            paused: pool.paused.map(|paused| Pause {
                since: view::instant(paused.since),
                by: paused.by,
                reason: paused.reason,
            }),
            reserves: reserves.collect(),
            mean_handle_ms: pool.mean_handle_ms,
            handled_count: pool.handled_count,
        }
    }
}

impl From<v1::Queue> for Queue {
    fn from(queue: v1::Queue) -> Self {
        Self {
            queue_id: queue.queue_id,
            tier: queue.tier,
            tier_rank: queue.tier_rank,
            channel: words::channel(queue.channel),
            pools: queue.pools,
            depth: queue.depth,
            next_wait_ms: queue.next_wait_ms,
            next_deadline: view::instant(queue.next_deadline),
            late_count: queue.late_count,
        }
    }
}

impl Overview {
    /// The same so many milliseconds later on the server's clock, as long as nothing happens: those who
    /// wait have waited longer.
    pub(crate) fn later(mut self, ms: i64) -> Self {
        let later = |at: Timestamp| at.checked_add(jiff::SignedDuration::from_millis(ms)).ok();
        self.taken_at = self.taken_at.and_then(later);
        for queue in &mut self.queues {
            queue.next_wait_ms = queue.next_wait_ms.saturating_add(ms);
        }
        self
    }
}

/// What stands above the tables.
pub(crate) struct Heading<'a> {
    /// The server asked.
    pub(crate) server: &'a str,
    /// Why the overview is old, if it is.
    pub(crate) trouble: Option<&'a str>,
}

/// The whole screen, `height` lines at most: tiers and pools first, then as many queues as fit.
pub(crate) fn lines(overview: &Overview, heading: &Heading<'_>, height: usize) -> Vec<Line> {
    let mut lines = vec![title(Some(overview), heading), vec![]];
    lines.extend(tiers(&overview.tiers).lines());
    lines.push(vec![]);
    lines.extend(pools(&overview.pools).lines());
    lines.push(vec![]);
    let queues = queues(overview);
    if queues.len() == 0 {
        lines.push(vec![Cell::toned("nobody waits", Tone::Faint)]);
    } else {
        lines.extend(queues.lines());
    }
    if lines.len() > height {
        let hidden = lines.len() - height + 1;
        lines.truncate(height.saturating_sub(1));
        let more = format!("and {}", humane::count(hidden as u64, "more line"));
        lines.push(vec![Cell::toned(more, Tone::Faint)]);
    }
    lines
}

/// The first line.
pub(crate) fn title(overview: Option<&Overview>, heading: &Heading<'_>) -> Line {
    let mut line = vec![Cell::toned("tierline", Tone::Strong)];
    line.push(format!(" {}", heading.server).into());
    if let Some(overview) = overview {
        if let (Some(at), Some(since)) = (overview.taken_at, overview.since) {
            let up = humane::duration(humane::between_ms(since, at));
            line.push(format!(", {}, up {up}", humane::instant(at, at)).into());
        }
        line.push(format!(", policy {}", overview.policy_version).into());
        let waiting = humane::count(overview.waiting_count, "ticket");
        let in_hand = format!(": {waiting} waiting, {} in hand", overview.assigned_count);
        line.push(in_hand.into());
        if overview.unconfirmed_count > 0 {
            let unconfirmed = format!(", {} of unconfirmed tier", overview.unconfirmed_count);
            line.push(Cell::toned(unconfirmed, Tone::Late));
        }
    }
    if let Some(trouble) = heading.trouble {
        line.push(Cell::toned(format!("  {trouble}"), Tone::Late));
    }
    line
}

fn tiers(tiers: &[Tier]) -> Table {
    let mut table = Table::new()
        .left("tier")
        .right("waiting")
        .right("in time %")
        .right("wait p50")
        .right("wait p95")
        .right("late")
        .right("abandoned")
        .right("submitted")
        .right("picked up")
        .right("completed")
        .right("solved late");
    for tier in tiers {
        table.row([
            (&tier.tier).into(),
            tier.waiting_count.to_string().into(),
            humane::percent(tier.in_deadline_count, tier.picked_up_count).into(),
            length(tier.wait_p50_ms).into(),
            length(tier.wait_p95_ms).into(),
            alarming(tier.response_breached_count),
            tier.abandoned_count.to_string().into(),
            tier.submitted_count.to_string().into(),
            tier.picked_up_count.to_string().into(),
            tier.completed_count.to_string().into(),
            alarming(tier.solution_breached_count),
        ]);
    }
    table
}

fn pools(pools: &[Pool]) -> Table {
    let mut table = Table::new()
        .left("pool")
        .right("agents")
        .right("idle")
        .right("busy")
        .right("away")
        .right("drain")
        .right("stream")
        .right("offered")
        .right("handling")
        .left("reserve")
        .left("paused");
    for pool in pools {
        let reserves: Vec<_> = pool
            .reserves
            .iter()
            .map(|reserve| format!("{} for {}", reserve.agent_count, reserve.tier))
            .collect();
        table.row([
            (&pool.pool).into(),
            pool.agent_count.to_string().into(),
            pool.idle_count.to_string().into(),
            pool.busy_count.to_string().into(),
            pool.away_count.to_string().into(),
            pool.draining_count.to_string().into(),
            pool.stream_count.to_string().into(),
            pool.offered_count.to_string().into(),
            humane::duration(pool.mean_handle_ms).into(),
            if reserves.is_empty() { "-".to_owned() } else { reserves.join(", ") }.into(),
            paused(pool.paused.as_ref()),
        ]);
    }
    table
}

fn paused(pause: Option<&Pause>) -> Cell {
    let Some(Pause { by, reason, since: _ }) = pause else { return "-".into() };
    let told = if by.is_empty() { reason.clone() } else { format!("by {by}: {reason}") };
    Cell::toned(told, Tone::Late)
}

fn queues(overview: &Overview) -> Table {
    let mut table = Table::new()
        .left("queue")
        .right("waiting")
        .right("late")
        .right("next waited")
        .left("next deadline");
    for queue in &overview.queues {
        let left_ms = overview
            .taken_at
            .zip(queue.next_deadline)
            .map(|(now, deadline)| humane::between_ms(now, deadline));
        let tone = if left_ms.is_some_and(|left| left < 0) { Tone::Late } else { Tone::Plain };
        table.row([
            (&queue.queue_id).into(),
            queue.depth.to_string().into(),
            alarming(queue.late_count),
            humane::duration(queue.next_wait_ms).into(),
            Cell::toned(left_ms.map_or_else(|| "-".to_owned(), humane::slack), tone),
        ]);
    }
    table
}

/// A count that should be nought.
fn alarming(count: u64) -> Cell {
    let tone = if count > 0 { Tone::Late } else { Tone::Plain };
    Cell::toned(count.to_string(), tone)
}

fn length(ms: Option<i64>) -> String {
    ms.map_or_else(|| "-".to_owned(), humane::duration)
}

#[cfg(test)]
mod tests {
    use super::super::table::plain;
    use super::*;

    fn overview() -> Overview {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let queue = |id: &str, channel: v1::Channel, next, late| v1::Queue {
            queue_id: id.to_owned(),
            channel: channel as i32,
            depth: 3,
            next_wait_ms: 80_000,
            next_deadline: at(next),
            late_count: late,
            ..Default::default()
        };
        v1::Overview {
            taken_at: at(7_500),
            since: at(0),
            tiers: vec![v1::TierStats {
                tier: "gold".to_owned(),
                rank: 1,
                waiting_count: 6,
                picked_up_count: 8,
                in_deadline_count: 7,
                response_breached_count: 1,
                wait_p50_ms: Some(2_450),
                ..Default::default()
            }],
            pools: vec![v1::PoolStats {
                pool: "desk".to_owned(),
                agent_count: 6,
                mean_handle_ms: 300_000,
                reserves: vec![v1::Reserve { tier: "gold".to_owned(), agent_count: 1 }],
                ..Default::default()
            }],
            queues: vec![
                queue("gold/voice/desk", v1::Channel::Voice, 7_490, 1),
                queue("gold/email/desk", v1::Channel::Email, 11_000, 0),
            ],
            ..Default::default()
        }
        .into()
    }

    const HEADING: Heading<'_> = Heading { server: "http://127.0.0.1:7700", trouble: None };

    #[test]
    fn tiers_pools_and_queues_stand_in_tables() {
        let lines = lines(&overview(), &HEADING, usize::MAX);
        // The first line has the time of day, which depends on where the test runs.
        insta::assert_snapshot!(plain(&lines[1..]), @r"

        tier  waiting  in time %  wait p50  wait p95  late  abandoned  submitted  picked up  completed  solved late
        gold        6       87.5      2.4s         -     1          0          0          8          0            0

        pool  agents  idle  busy  away  drain  stream  offered  handling  reserve     paused
        desk       6     0     0     0      0       0        0        5m  1 for gold  -

        queue            waiting  late  next waited  next deadline
        gold/voice/desk        3     1       1m 20s  10s late
        gold/email/desk        3     0       1m 20s  58m 20s left
        ");
    }

    #[test]
    fn what_is_late_is_told_from_what_is_not() {
        let lines = lines(&overview(), &HEADING, usize::MAX);
        let late: Vec<_> = lines
            .iter()
            .flatten()
            .filter(|cell| cell.tone == Tone::Late)
            .map(|cell| cell.text.as_str())
            .collect();
        assert_eq!(late, ["1", "1", "10s late"]);
    }

    #[test]
    fn waits_grow_and_deadlines_come_nearer_while_nothing_happens() {
        let text = plain(&lines(&overview().later(5_000), &HEADING, usize::MAX)[1..]);
        assert!(text.contains("1m 25s  15s late"), "{text}");
        assert!(text.contains("1m 25s  58m 15s left"), "{text}");
    }

    #[test]
    fn a_low_terminal_shows_the_top_and_says_how_much_is_missing() {
        let lines = lines(&overview(), &HEADING, 5);
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[4][0].text, "and 7 more lines");
    }

    #[test]
    fn a_lost_server_is_named_above_the_last_overview() {
        let heading = Heading { trouble: Some("no server"), ..HEADING };
        let title = title(Some(&overview()), &heading);
        assert_eq!(title.last(), Some(&Cell::toned("  no server", Tone::Late)));
    }

    #[test]
    fn the_help_names_every_field() {
        let json = serde_json::to_value(overview()).expect("plain data");
        let objects = [&json, &json["tiers"][0], &json["pools"][0], &json["queues"][0]];
        for key in objects.iter().flat_map(|object| object.as_object().expect("an object").keys()) {
            assert!(HELP.contains(key.as_str()), "{key} is not in the help text");
        }
    }
}
