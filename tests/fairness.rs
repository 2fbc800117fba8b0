//! What the order of service promises to those who are not first: no tier starves without end, and
//! inside a tier nobody overtakes.

#![expect(
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    reason = "counts are small, and a fault ends the test"
)]

mod policies;

use policies::{policy, tier};
use std::collections::{BTreeMap, BTreeSet};
use tierline::engine::Engine;
use tierline::engine::command::Event;
use tierline::engine::model::{
    Channel, Overflow, Policy, Pool, PoolIx, PoolSet, Rule, TicketNumber, Tier, TierIx, Time,
};
use tierline::rehearse::simulate::{Crew, Observer, Setting, simulate};
use tierline::rehearse::streams::{Poisson, Service, Stream};

fn stream(tier: u8, channel: Channel, per_hour: f64) -> Stream {
    Stream {
        tier: TierIx(tier),
        channel,
        per_hour,
        service: Service::Exponential { mean_ms: 180_000.0 },
        patience_mean_ms: Some(36_000_000.0),
    }
}

/// Counts, for each tier with a starving head, the dispatches of the pool since it began to starve or
/// was served last.
#[derive(Default)]
struct Bypass {
    /// Dispatches so far, and the most tiers that starved together meanwhile.
    passed_by: BTreeMap<TierIx, (u64, u64)>,
    /// The longest row of dispatches, in multiples of the starving tiers.
    worst: f64,
    starving_dispatches: u64,
}

impl Observer for Bypass {
    fn event(&mut self, before: &Engine, now: Time, event: &Event) {
        let Event::Assigned { ticket, .. } = event else { return };
        let taken = before.ticket_numbered(*ticket).unwrap();
        let starving: BTreeSet<_> = before
            .queues()
            .iter()
            .filter_map(|(key, queue)| Some((key.tier, queue.front()?)))
            .filter(|(_, front)| {
                let target_ms = front.respond_by.since_ms(front.submitted_at);
                now.since_ms(front.submitted_at) > 2 * target_ms
            })
            .map(|(tier, _)| tier)
            .collect();
        self.passed_by.retain(|tier, _| starving.contains(tier));
        for tier in &starving {
            let (count, together) = self.passed_by.entry(*tier).or_default();
            *count += 1;
            *together = (*together).max(starving.len() as u64);
            self.starving_dispatches += 1;
            self.worst = self.worst.max(*count as f64 / *together as f64);
        }
        self.passed_by.remove(&taken.tier);
    }
}

/// Three tiers of which the first alone brings nine tenths of what ten agents can do, and all
/// together three times as much.
fn overload(policy: Policy) -> Bypass {
    let crews = vec![Crew { pools: PoolSet::of([PoolIx(0)]), count: 10 }];
    let streams = [
        stream(0, Channel::Voice, 180.0),
        stream(1, Channel::Voice, 200.0),
        stream(2, Channel::Voice, 220.0),
    ];
    let mut bypass = Bypass::default();
    let setting = Setting { policy, crews, backlog: None };
    simulate(&setting, Poisson::new(&streams, 7).take(50_000), &mut bypass);
    assert!(bypass.starving_dispatches > 10_000, "tiers starve in an overload");
    bypass
}

#[test]
fn a_starving_tier_is_served_within_ten_dispatches_for_each_tier_that_starves() {
    let tiers = vec![tier("top", 60), tier("middle", 120), tier("low", 300)];
    let guarded = policy(Rule::GuardedEdf, 0, tiers);
    let worst = overload(guarded.clone()).worst;
    assert!((5.0..=10.0).contains(&worst), "{worst} dispatches a starving tier");
    // Without the floor the same overload starves the lower tiers for far longer.
    let without = overload(Policy { floor_share_permille: 0, ..guarded }).worst;
    assert!(without > 100.0, "{without} dispatches a starving tier");
}

/// Holds every dispatch against the waiting tickets of the same tier.
struct Order {
    by_deadline: bool,
    waiting: BTreeMap<TierIx, BTreeSet<(Time, TicketNumber)>>,
    dispatched_count: u64,
}

impl Order {
    fn key(&self, before: &Engine, number: TicketNumber) -> (TierIx, (Time, TicketNumber)) {
        let ticket = before.ticket_numbered(number).unwrap();
        let at = if self.by_deadline { ticket.respond_by } else { ticket.submitted_at };
        (ticket.tier, (at, number))
    }
}

impl Observer for Order {
    fn event(&mut self, before: &Engine, now: Time, event: &Event) {
        match event {
            Event::Submitted(new) => {
                let at = if self.by_deadline { new.respond_by } else { now };
                assert!(self.waiting.entry(new.tier).or_default().insert((at, new.number)));
            }
            Event::Cancelled { ticket, .. } => {
                let (tier, key) = self.key(before, *ticket);
                assert!(self.waiting.entry(tier).or_default().remove(&key));
            }
            Event::Assigned { ticket, agent, step, .. } => {
                let (tier, key) = self.key(before, *ticket);
                let crew = before.roster().get(agent).unwrap().pools;
                let waiting = self.waiting.entry(tier).or_default();
                let may_serve = |number: &TicketNumber| {
                    !before.ticket_numbered(*number).unwrap().pools.and(crew).is_empty()
                };
                let first = waiting.iter().find(|(_, number)| may_serve(number)).copied();
                assert_eq!(first, Some(key), "{step:?} takes the first of its tier");
                waiting.remove(&key);
                self.dispatched_count += 1;
            }
            _ => {}
        }
    }
}

/// Lets calls and mails of three tiers come, half as many again as ten agents can serve, and holds
/// every dispatch against its tier.
fn check_order(policy: Policy, crews: Vec<Crew>) {
    let streams: Vec<_> = [(0, 25.0), (1, 50.0), (2, 75.0)]
        .into_iter()
        .flat_map(|(tier, per_hour)| {
            [Channel::Voice, Channel::Email].map(|channel| stream(tier, channel, per_hour))
        })
        .collect();
    let mut order = Order {
        by_deadline: !matches!(policy.rule, Rule::Fifo | Rule::Accumulating),
        waiting: BTreeMap::new(),
        dispatched_count: 0,
    };
    let setting = Setting { policy, crews, backlog: None };
    simulate(&setting, Poisson::new(&streams, 3).take(30_000), &mut order);
    assert!(order.dispatched_count > 15_000, "{} dispatches", order.dispatched_count);
}

/// Three tiers with short promises for calls and long ones for mails.
fn calls_and_mails() -> Vec<Tier> {
    let with_mail = |name, voice_s, mail_s: i64| {
        let mut tier = tier(name, voice_s);
        tier.respond_within_ms[Channel::Email.index()] = mail_s * 1000;
        tier
    };
    vec![with_mail("top", 20, 3600), with_mail("middle", 60, 7200), with_mail("low", 180, 14_400)]
}

/// The floor once took the call that starved by its short promise before the mail of the same tier
/// that had been due for longer.
#[test]
fn inside_a_tier_nobody_is_overtaken_under_any_rule() {
    for rule in Rule::ALL {
        let crews = vec![Crew { pools: PoolSet::of([PoolIx(0)]), count: 10 }];
        check_order(policy(rule, 1, calls_and_mails()), crews);
    }
}

#[test]
fn inside_a_tier_nobody_is_overtaken_where_one_desk_helps_another() {
    let (front, back) = (PoolIx(0), PoolIx(1));
    let both = PoolSet::of([front, back]);
    for rule in Rule::ALL {
        let mut policy = policy(rule, 0, calls_and_mails());
        policy.pools.push(Pool { name: "back".into(), lease_ms: 900_000, ..Pool::default() });
        for tier in &mut policy.tiers {
            tier.pools = PoolSet::of([back]);
            tier.overflow =
                vec![Overflow { after_ms: 300_000, pools: both, ..Overflow::default() }];
        }
        let crews = vec![
            Crew { pools: PoolSet::of([back]), count: 4 },
            Crew { pools: PoolSet::of([front]), count: 3 },
            Crew { pools: both, count: 3 },
        ];
        check_order(policy, crews);
    }
}
